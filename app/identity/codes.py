"""One-time codes to a phone: asked for, drawn and sent by the worker, tried."""

import hmac
import secrets
import sys
from collections.abc import Sequence
from uuid import UUID

from app import outbox
from app.budgets import Budget, spend
from app.config import settings
from app.db import Connection, one, queries_beside
from app.errors import Refusal, TooManyRequests
from app.identity.events import CodeRequested
from app.identity.models import CodePurpose, CodeSent
from app.jobs import Listener, News
from app.privacy import processing
from app.secrets import mac, newest_id
from app.types import SANDBOX_PHONES, BadPhone, address_key, masked_phone, new_id, phone

sql = queries_beside(__file__)

SANDBOX_CODE = "000000"


class WrongCode(Refusal):
    """Mã xác thực không đúng hoặc đã hết hạn.

    The code is wrong or no longer valid."""

    status = 401
    keeps = True


class TooManyCodes(TooManyRequests):
    """Bạn đã yêu cầu quá nhiều mã. Vui lòng chờ rồi thử lại.

    Too many codes were asked for. Please wait, then try again."""


class TooManyTries(TooManyRequests):
    """Có quá nhiều mã được thử từ nơi bạn đang kết nối. Vui lòng chờ rồi thử lại.

    Too many codes were tried from where you are connected. Please wait, then try again."""


class NoCodeChannel(Exception):
    """No way to send a code is configured: the job fails, and is tried again, until one is."""


async def request(
    db: Connection, phone_text: str, address: str, purpose: CodePurpose = "sign_in", device_id: UUID | None = None
) -> CodeSent:
    """Have a code sent to a phone; the same answer whether or not the number is known. It opens its purpose only.

    Raises BadPhone, TooManyCodes."""
    number = phone(phone_text)
    if number.startswith(SANDBOX_PHONES) and not settings().sandbox:
        raise BadPhone
    await db.execute(sql.lock_phone, number)
    budgets = _budgets(number, purpose, address, device_id, known=await _is_owners(db, number, device_id))
    await spend(db, *budgets, refusal=TooManyCodes)
    await db.execute(sql.replace_codes, number, purpose)
    sent = await one(CodeSent, db, sql.make_code, new_id(), number, purpose)
    await outbox.record(db, CodeRequested(challenge_id=sent.challenge_id))
    return sent


async def _is_owners(db: Connection, number: str, device_id: UUID | None) -> bool:
    """A device that the number's account trusts has codes of its own: strangers cannot use them up."""
    return device_id is not None and await db.fetchval(sql.is_trusted_by_phone, number, device_id)


def _budgets(number: str, purpose: CodePurpose, address: str, device_id: UUID | None, *, known: bool) -> list[Budget]:
    if _is_play(number):
        return [Budget("code play", 100_000, 60)]
    of_device = [Budget(f"code device {device_id}", 10, 3600)] if device_id else []
    phone_key = f"code phone {number} {purpose}{' known' if known else ''}"
    return [
        Budget(phone_key, 1, 30),
        Budget(phone_key, 3, 600),
        Budget(phone_key, 6, 86_400),
        *of_device,
        Budget(f"code address {address_key(address)}", 60, 3600),
        Budget(f"code prefix {number[:6]}", 3000, 3600),
        Budget("code everywhere", 20_000, 3600),
    ]


async def redeem(
    db: Connection, challenge_id: UUID, code: str, purpose: CodePurpose, *, address: str | None = None
) -> str:
    """The phone whose code this was, for this purpose; raises WrongCode, TooManyTries, and keeps the try counted.

    A challenge has five tries. A stranger says from which `address`: it has tries of its own, or somebody could guess
    at ten thousand challenges from one place."""
    tried = await db.fetchrow(sql.try_code, challenge_id, purpose)
    if tried is None:
        raise WrongCode
    number: str = tried["phone"]
    if address is not None and not _is_play(number):
        await spend(db, Budget(f"code tries {address_key(address)}", 120, 3600), refusal=TooManyTries)
    kept: bytes | None = tried["code_mac"]
    right = kept is not None and hmac.compare_digest(kept, _code_mac(challenge_id, code, tried["key_id"]))
    if not right and not (_is_play(number) and code == SANDBOX_CODE):
        raise WrongCode
    await db.execute(sql.use_code, challenge_id)
    return number


async def send(db: Connection, news: Sequence[News]) -> None:
    """Draw the code and send it. In the sandbox it is printed in the log."""
    if not settings().sandbox:
        raise NoCodeChannel("no channel for one-time codes is configured")
    for item in news:
        challenge_id = UUID(item.data["challenge_id"])
        code = f"{secrets.randbelow(1_000_000):06}"
        key_id = newest_id()
        number = await db.fetchval(sql.draw_code, challenge_id, _code_mac(challenge_id, code, key_id), key_id)
        if number is None:
            continue
        sys.stderr.write(f"sandbox: the code for {masked_phone(number)} is {code}\n")
        sys.stderr.flush()
        whose: UUID | None = await db.fetchval(sql.principal_of_phone, number)
        await processing.record_own(db, "code_sent", whose, channel="log")


def _code_mac(challenge_id: UUID, code: str, key_id: str) -> bytes:
    return mac("code", str(challenge_id), code, key_id=key_id)


def _is_play(number: str) -> bool:
    return settings().sandbox and number.startswith(SANDBOX_PHONES)


listeners = (Listener(name="send_code", kinds=("CodeRequested",), hear=send),)
