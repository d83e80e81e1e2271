"""Where is it? Asked without signing in, by the code on the receipt.

Everybody may know a dossier's code and degree of completion. With the receipt's four digits one sees the steps down
to the department; ten wrong ones close that code for that address for an hour, and whoever guesses from many
addresses closes it for all of them, for a day: its owner signs in."""

import re
from uuid import UUID

import msgspec

from app.budgets import Budget, spend
from app.db import Connection, maybe, one, queries_beside
from app.errors import Language, Refusal, TooManyRequests
from app.types import address_key
from dossiers.models import FoundDossier, LookUpDossier

sql = queries_beside(__file__)

LOOK_UPS = (60, 600), (1000, 86_400)
WRONG_PINS = 10, 3600
WRONG_PINS_ANYWHERE = 100, 86_400
_FORMS = (
    re.compile(r"[A-Y]\d{2}(\.\d{1,3}){0,6}-(\d{6}|\d{8})-\d{4,7}"),
    re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Y]\d{2}-\d{6}-\d{4}"),
)


class BadDossierCode(Refusal):
    """Mã hồ sơ không đúng mẫu; ví dụ: H57.31-261122-0001.

    This is not a dossier's code; an example is H57.31-261122-0001."""

    status = 400


class NoSuchDossier(Refusal):
    """Không tìm thấy hồ sơ với mã này.

    There is no dossier with this code."""

    status = 404
    keeps = True


class WrongDossierPin(Refusal):
    """Mã tra cứu 4 chữ số không đúng.

    The four digits are not this receipt's."""

    status = 403
    keeps = True


class DossierLookUpLocked(TooManyRequests):
    """Đã nhập sai mã tra cứu quá nhiều lần; hãy thử lại sau một giờ hoặc đăng nhập để xem hồ sơ.

    Too many wrong digits; try again in an hour, or sign in to see the dossier."""


class _Known(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    pin: str
    percent: int


def read_code(text: str) -> str:
    """A code as it is kept, in today's form or one of those before it, however it is typed. Raises BadDossierCode."""
    code = re.sub(r"\s", "", text).upper()
    if not any(form.fullmatch(code) for form in _FORMS):
        raise BadDossierCode
    return code


async def look_up(db: Connection, wanted: LookUpDossier, address: str, language: Language) -> FoundDossier:
    """What there is to know of a code. Raises BadDossierCode, NoSuchDossier, WrongDossierPin, DossierLookUpLocked,
    TooManyRequests."""
    code, place = read_code(wanted.code), address_key(address)
    await spend(db, *(Budget(f"dossier look-ups {place}", most, window) for most, window in LOOK_UPS))
    known = await maybe(_Known, db, sql.known_dossier, code)
    if known is None:
        raise NoSuchDossier
    if wanted.pin is None:
        return FoundDossier(code=code, percent=known.percent)
    await _check_pin(db, known, wanted.pin, place)
    return await one(FoundDossier, db, sql.found_dossier, known.id, code, language)


async def _check_pin(db: Connection, known: _Known, pin: str, place: str) -> None:
    """A try counts until it was right, so that tries at the same time are counted too."""
    budgets = (
        (f"dossier pin {known.id} {place}", *WRONG_PINS),
        (f"dossier pin {known.id}", *WRONG_PINS_ANYWHERE),
    )
    await spend(db, *(Budget(*budget) for budget in budgets), refusal=DossierLookUpLocked)
    if pin != known.pin:
        raise WrongDossierPin
    await spend(db, *(Budget(*budget, uses=-1) for budget in budgets))
