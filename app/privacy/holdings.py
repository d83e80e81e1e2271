"""What is held of a person: the one noun that export, erasure and retention go by.

Each package lists its own in its `personal.py`; `app/worker.py` puts the lists together. Whoever adds a table that
points at a person adds it to a holding (a test asks)."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from app.clock import city_today
from app.db import Connection
from app.errors import Language


class Words(msgspec.Struct, frozen=True):
    """The same in both languages."""

    vi: str
    en: str

    def in_(self, language: Language) -> str:
        """In one of them."""
        return self.vi if language == "vi" else self.en


class Hold(msgspec.Struct, frozen=True):
    """Why something is kept although its owner asked to be forgotten, and for so many years from then at the most."""

    why: Words
    years: int

    def until(self) -> date:
        """The last day on which it is kept, counted from today."""
        today = city_today()
        return date(today.year + self.years, today.month, min(today.day, 28))


class Obstacle(msgspec.Struct, frozen=True):
    """What must be settled before an account is erased: `stands` is SQL, by principal id, that says whether it is."""

    stands: str
    why: Words


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a package holds of a person.

    SQL by principal id (`$1`): `rows` selects what the person gets a copy of, `erase` lets go of it. SQL by days and
    rows (`$1`, `$2`): `forget` lets go of at most so many rows that are older than so many days, and returns how many
    these were. Holdings are erased in the order in which they are listed: what needs the person's number or locks
    money comes before what drops the number."""

    name: str
    tables: tuple[str, ...]
    what: Words
    why: Words
    basis: Words
    rows: str
    erase: str | None = None
    hold: Hold | None = None
    against: Obstacle | None = None
    kept_days: int | None = None
    forget: str | None = None
    whose: Literal["resident", "staff"] = "resident"


Holdings = Sequence[Holding]


def of_residents(holdings: Holdings) -> list[Holding]:
    """What is held of residents; the rest is of staff."""
    return [holding for holding in holdings if holding.whose == "resident"]


async def standing_against(db: Connection, holdings: Holdings, principal_id: object) -> list[Holding]:
    """The holdings that stand against erasing this person now."""
    return [
        holding
        for holding in holdings
        if holding.against is not None and await db.fetchval(holding.against.stands, principal_id)
    ]


AGREEMENT = Words(
    "Thực hiện thỏa thuận với bạn (Luật 91/2025/QH15, Điều 19)",
    "Performance of an agreement with you (Law 91/2025/QH15, Art. 19)",
)
SECURITY = Words(
    "Bảo đảm an toàn tài khoản và hệ thống (Luật 91/2025/QH15, Điều 19)",
    "Keeping the account and the system safe (Law 91/2025/QH15, Art. 19)",
)
PROOF = Words(
    "Nghĩa vụ chứng minh việc tuân thủ (Luật 91/2025/QH15, Điều 4 và Điều 9)",
    "The duty to prove compliance (Law 91/2025/QH15, Art. 4 and Art. 9)",
)
ACCOUNTING = Words(
    "Chứng từ kế toán (Luật Kế toán 88/2015/QH13, Điều 41; Nghị định 174/2016/NĐ-CP, Điều 13)",
    "Accounting records (Accounting Law 88/2015/QH13, Art. 41; Decree 174/2016/NĐ-CP, Art. 13)",
)
KNOWN_CUSTOMER = Words(
    "Nhận biết khách hàng (Luật Phòng, chống rửa tiền 14/2022/QH15, Điều 9 và Điều 38)",
    "Knowing the customer (Anti-Money-Laundering Law 14/2022/QH15, Art. 9 and Art. 38)",
)
PUBLIC_TASK = Words(
    "Thực hiện nhiệm vụ của cơ quan nhà nước (Luật 91/2025/QH15, Điều 19)",
    "A task of the state (Law 91/2025/QH15, Art. 19)",
)
