"""The sandbox's staff, as the stand-in of their identity provider knows them. All of them are made up."""

from app.config import settings
from app.db import Connection, queries_beside
from app.identity.seed import STAFF_EMAILS, seed_id

sql = queries_beside(__file__)


async def plant(db: Connection) -> None:
    """Let the seed's staff, whom identity has planted, sign in at the staff's door; what is there stays as it is."""
    for phone, email in STAFF_EMAILS.items():
        await db.execute(sql.plant_staff_account, seed_id(phone), email)


async def follow_the_stand_in(db: Connection) -> None:
    """A sandbox that was moved to another port has its identity provider there too: the links are still its own."""
    await db.execute(sql.move_staff_links, settings().staff_issuer)
