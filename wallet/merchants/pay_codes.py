"""A code that a customer shows at a till: whoever reads it first may charge it, once, within a minute.

18 digits: `28` (which no card's number begins with), fifteen drawn at random, and a check digit (ISO/IEC 7812-1,
Luhn), so that a digit typed wrongly is not somebody else's code. It is kept as an HMAC."""

import secrets

from app.db import Connection, queries_beside
from app.identity.models import Principal
from app.secrets import mac
from wallet.ledger import WalletLocked
from wallet.merchants.charge_models import PayCode

sql = queries_beside(__file__)

PREFIX, DRAWN = "28", 15


async def make(db: Connection, me: Principal) -> PayCode:
    """A code of this session, whose wallet is open; the one before is no longer good. Raises WalletLocked."""
    body = PREFIX + "".join(secrets.choice("0123456789") for _ in range(DRAWN))
    code = body + check_digit(body)
    await db.execute(sql.drop_pay_codes, me.session_id)
    expires_at = await db.fetchval(sql.make_pay_code, digest(code), me.session_id)
    if expires_at is None:
        raise WalletLocked
    return PayCode(code=code, text=code, expires_at=expires_at)


def digest(code: str) -> bytes:
    """What is kept of a code."""
    return mac("pay_code", code)


def check_digit(digits: str) -> str:
    """The digit that makes a number pass Luhn's check."""
    doubled = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def well_formed(code: str) -> bool:
    """Is its check digit right?"""
    return check_digit(code[:-1]) == code[-1]


async def forget_old(db: Connection) -> None:
    """Codes that nobody can use any more."""
    await db.execute(sql.forget_pay_codes)
