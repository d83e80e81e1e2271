"""Stand-in until the room is there."""

from app.errors import NotFound


async def claim(db, owner_id, upload_ids, *, holder, holder_id, purposes, keep_originals):
    n = await db.execute(
        "UPDATE upload SET holder=$3, holder_id=$4, keeps_original=$6 WHERE id = ANY($1::uuid[]) AND owner_id=$2 AND purpose = ANY($5::text[]) AND (holder_id IS NULL OR holder_id=$4)",
        upload_ids,
        owner_id,
        holder,
        holder_id,
        list(purposes),
        keep_originals,
    )
    if n != f"UPDATE {len(upload_ids)}":
        raise NotFound


async def redact(db, upload_id, rectangles):
    await db.execute("UPDATE rendition SET redacted=true WHERE upload_id=$1", upload_id)
