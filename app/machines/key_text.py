"""A machine's key as text: `hk_test_…` in a sandbox, `hk_live_…` in production.

After the prefix stand, in base 62 and of fixed lengths, the key's id (22), 256 secret bits (43), and the CRC-32 (that
of zip) of all that stands before it (6): a typo or a key that was cut is known as such without asking the database,
and whatever looks for leaked keys can tell ours by `hk_(test|live)_[0-9A-Za-z]{71}`. The first thirty characters are
no secret: a signature names its key by them."""

import string
import zlib
from typing import NamedTuple
from uuid import UUID

from app.config import settings
from app.errors import Refusal
from app.machines.models import KeyMode

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUE_OF = {digit: value for value, digit in enumerate(_DIGITS)}
_PREFIX_LENGTH = len("hk_test_")
_ID_LENGTH, _SECRET_LENGTH, _SUM_LENGTH = 22, 43, 6
KEYID_LENGTH = _PREFIX_LENGTH + _ID_LENGTH
LENGTH = KEYID_LENGTH + _SECRET_LENGTH + _SUM_LENGTH
SECRET_BYTES = 32


class KeyRefused(Refusal):
    """Khóa này không mở được gì: nó sai, đã bị thu hồi hoặc hết hạn.

    This key opens nothing: it is mistyped or unknown, was revoked, or has expired."""

    status = 401


class KeyOfAnotherMode(Refusal):
    """Khóa hk_live_ chỉ mở hệ thống thật, khóa hk_test_ chỉ mở môi trường thử.

    An hk_live_ key opens a real city only, an hk_test_ key opens a sandbox only."""

    status = 401


class KeyText(NamedTuple):
    """What a key's text says."""

    key_id: UUID
    secret: bytes


def mode() -> KeyMode:
    """What this city's keys are."""
    return "test" if settings().sandbox else "live"


def write(key_id: UUID, secret: bytes) -> str:
    """The text of a key of this city; `secret`: 32 bytes."""
    text = keyid_of(key_id) + _encode(int.from_bytes(secret), _SECRET_LENGTH)
    return text + _sum_of(text)


def keyid_of(key_id: UUID) -> str:
    """What a signature names a key by: the thirty first characters of its text."""
    return f"hk_{mode()}_{_encode(key_id.int, _ID_LENGTH)}"


def is_whole(text: str) -> bool:
    """Is it a key, whole and as it was written, whatever city it is of?"""
    return len(text) == LENGTH and text.startswith(("hk_test_", "hk_live_")) and text[-6:] == _sum_of(text[:-6])


def read(text: str) -> KeyText:
    """What a whole key says; raises KeyRefused, KeyOfAnotherMode."""
    if not is_whole(text):
        raise KeyRefused(why="this is no key: it was cut or mistyped")
    secret = _decode(text[KEYID_LENGTH:-_SUM_LENGTH], 8 * SECRET_BYTES)
    return KeyText(read_keyid(text[:KEYID_LENGTH]), secret.to_bytes(SECRET_BYTES))


def read_keyid(keyid: str) -> UUID:
    """The id that a key's public part names; raises KeyRefused, KeyOfAnotherMode."""
    if len(keyid) != KEYID_LENGTH or not keyid.startswith(("hk_test_", "hk_live_")):
        raise KeyRefused(why=f"keyid is the {KEYID_LENGTH} first characters of the key")
    if not keyid.startswith(f"hk_{mode()}_"):
        raise KeyOfAnotherMode
    return UUID(int=_decode(keyid[_PREFIX_LENGTH:], 128))


def _sum_of(text: str) -> str:
    return _encode(zlib.crc32(text.encode()), _SUM_LENGTH)


def _encode(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _decode(text: str, bits: int) -> int:
    number = 0
    for digit in text:
        value = _VALUE_OF.get(digit)
        if value is None:
            raise KeyRefused(why="this is no key: it was cut or mistyped")
        number = number * 62 + value
    if number >> bits:
        raise KeyRefused(why="this is no key: it was cut or mistyped")
    return number
