"""One-time codes to a phone: asked for, drawn and sent by the worker, tried.

    asked for ─► drawn: its HMAC is kept ─► handed to the gateway ─► written down as sent

The worker may be killed between any two of these, and an answer of the gateway may be lost. So a code is not random
but derived from its challenge under the city's key: whoever goes on draws the same digits, and the challenge is the
text's reference, which the gateway takes once. The person gets one text, it is paid once, and its code works."""

import hmac
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog

from app import outbox
from app.budgets import Budget, spend
from app.config import settings
from app.db import Connection, Database, maybe, one, queries_beside
from app.errors import Refusal, TooManyRequests
from app.identity.events import CodeRequested
from app.identity.models import CodePurpose, CodeSent
from app.jobs import Listener, News
from app.privacy import processing
from app.secrets import mac, newest_id
from app.texts import gateway
from app.texts.lengths import plain, segments
from app.texts.models import Text, TextOutcome
from app.types import SANDBOX_PHONES, BadPhone, address_key, masked_phone, new_id, phone

sql = queries_beside(__file__)
log = structlog.get_logger()

SANDBOX_CODE = "000000"
AT_ONCE = 8


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


class CodeWaits(Exception):
    """The gateway cannot take the code now: the job fails, and the same code is handed over again, while it lives."""


class _ToSend(msgspec.Struct, frozen=True):
    """A challenge whose code is to be sent. `key_id`: under which its code was drawn, if it was."""

    challenge_id: UUID
    phone: str
    purpose: CodePurpose
    expires_at: datetime
    key_id: str | None


class _Drawn(msgspec.Struct, frozen=True):
    to_send: _ToSend
    code: str


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


async def send(database: Database, news: News) -> None:
    """CodeRequested: draw the code, keep its HMAC, hand it to the gateway, write down that it was sent.

    In a sandbox it is printed in the log too, which is enough if no gateway is there. Nothing is sent of a challenge
    that was replaced or used, or whose code would come too late. Raises NoCodeChannel, CodeWaits, KeyNotHere."""
    if not gateway.is_configured():
        raise NoCodeChannel("no channel for one-time codes is configured")
    async with database.transaction() as db:
        drawn = await _draw(db, UUID(news.data["challenge_id"]))
    if drawn is None:
        return
    printed = _print(drawn)
    outcome = await gateway.send(_text(drawn))
    if outcome.kind == "accepted" or (printed and outcome.why == gateway.NOBODY_THERE):
        async with database.transaction() as db:
            await _write_down(db, drawn.to_send, "text" if outcome.kind == "accepted" else "log")
    else:
        _give_up_or_wait(drawn.to_send, outcome)


async def _draw(db: Connection, challenge_id: UUID) -> _Drawn | None:
    to_send = await maybe(_ToSend, db, sql.code_to_send, challenge_id)
    if to_send is None:
        return None
    key_id = to_send.key_id or newest_id()
    code = _digits(challenge_id, key_id)
    await db.execute(sql.draw_code, challenge_id, _code_mac(challenge_id, code, key_id), key_id)
    return _Drawn(to_send, code)


def _digits(challenge_id: UUID, key_id: str) -> str:
    """Six digits that nobody can tell without the key: of 64 bits of an HMAC, so that none is likelier than another
    by more than one in ten million million."""
    drawn = mac("code drawn", str(challenge_id), key_id=key_id)
    return f"{int.from_bytes(drawn[:8], 'big') % 1_000_000:06}"


def _print(drawn: _Drawn) -> bool:
    if settings().sandbox:
        sys.stderr.write(f"sandbox: the code for {masked_phone(drawn.to_send.phone)} is {drawn.code}\n")
        sys.stderr.flush()
    return settings().sandbox


def _text(drawn: _Drawn) -> Text:
    to_send = drawn.to_send
    return Text(
        reference=to_send.challenge_id,
        to=to_send.phone,
        kind="code",
        words=words(to_send.purpose, drawn.code, settings().public_url),
        expires_at=to_send.expires_at,
        fields={"code": drawn.code, "purpose": _what_for(to_send.purpose)[0]},
    )


def words(purpose: CodePurpose, code: str, public_url: str) -> str:
    """What the phone shows: what the code is for, because whoever asks another for one does not say it.

    Without diacritics, in both languages, in one segment of 160 letters: with them it would be three, and the oldest
    phones, which are those that need SMS most, show boxes. If there is room, the last line binds the code to the
    city's address (origin-bound one-time codes, WICG): a browser offers it there and nowhere else."""
    vi, en = _what_for(purpose)
    said = (
        f"{code} la ma {plain(vi)}, dung trong 5 phut. Khong dua ma cho bat ky ai.\n"
        f"{code}: {en} code. Never share it."
    )
    address = urlsplit(public_url)
    bound = f"{said}\n\n@{address.hostname} #{code}"
    return bound if address.scheme == "https" and segments(bound) == 1 else said


def _what_for(purpose: CodePurpose) -> tuple[str, str]:
    match purpose:
        case "sign_in":
            return "đăng nhập", "sign-in"
        case "step_up":
            return "xác nhận giao dịch", "payment"
        case "change_phone":
            return "đổi số điện thoại", "change-of-number"
        case "lock":
            return "khóa tài khoản", "account-lock"
        case _:
            assert_never(purpose)


async def _write_down(db: Connection, to_send: _ToSend, channel: str) -> None:
    if await db.fetchval(sql.code_is_sent, to_send.challenge_id):
        whose: UUID | None = await db.fetchval(sql.principal_of_phone, to_send.phone)
        await processing.record_own(db, "code_sent", whose, channel=channel)


def _give_up_or_wait(to_send: _ToSend, outcome: TextOutcome) -> None:
    if outcome.kind == "again":
        raise CodeWaits(outcome.why)
    log.warning("code not sent", phone=masked_phone(to_send.phone), outcome=outcome.kind, why=outcome.why)


async def hear_reports(db: Connection, news: Sequence[News]) -> None:
    """TextReported: whoever runs the city sees which codes did not arrive, and why."""
    for item in (item for item in news if item.data["state"] != "delivered"):
        number = await db.fetchval(sql.phone_of_code, UUID(item.data["reference"]))
        if number is not None:
            log.warning("code did not arrive", phone=masked_phone(number), why=item.data["why"])


def _code_mac(challenge_id: UUID, code: str, key_id: str) -> bytes:
    return mac("code", str(challenge_id), code, key_id=key_id)


def _is_play(number: str) -> bool:
    return settings().sandbox and number.startswith(SANDBOX_PHONES)


listeners = (
    Listener(name="send_code", kinds=("CodeRequested",), errand=send, batch=AT_ONCE),
    Listener(name="code_reports", kinds=("TextReported",), hear=hear_reports, batch=100),
)
