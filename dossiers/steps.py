"""Steps of a dossier."""

from uuid import UUID

from app.db import Connection


async def posted(db: Connection, dossier_id: UUID, tracking_number: str) -> None:
    """The public post has its result, under this number: nothing is told of it yet."""
