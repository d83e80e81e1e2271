"""What somebody may do who is only a phone number, and what needs a verified person: policy rows say."""

from typing import Literal

from app import policies
from app.db import Connection, one, queries_beside
from app.errors import Refusal
from app.identity.models import Level, Principal

sql = queries_beside(__file__)

Action = Literal["pay_bill", "pay_merchant", "pay_person", "withdraw", "open_merchant", "file_dossier"]


class LevelTooLow(Refusal):
    """Việc này cần tài khoản đã xác thực; hãy xác thực qua VNeID.

    This needs a verified account; be verified by the identity provider first."""

    status = 403


async def mine(db: Connection, me: Principal) -> Level:
    """My level, and what needs which. To a session that is not confirmed it tells no name."""
    level = await one(Level, db, sql.level, me.id)
    if not me.confirmed:
        level.name = level.verified_at = None
    return level


async def need(db: Connection, me: Principal, action: Action) -> None:
    """Raises LevelTooLow if the policy asks more of this action than the principal has shown."""
    if me.level < await policies.value(db, f"level.{action}"):
        raise LevelTooLow
