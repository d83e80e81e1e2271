"""Values that every domain speaks of, and how they travel in JSON."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import msgspec
import phonenumbers
from msgspec import Meta
from uuid_utils import compat, uuid7

from app.errors import Refusal

MOST_DONG = 10**12

Dong = Annotated[int, Meta(ge=1, le=MOST_DONG, description="whole đồng")]

# No control characters, lone surrogates or marks that turn the text around: PostgreSQL could not keep the first, and
# no honest name has the last.
_PRINTABLE = r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
ONE_LINE = rf"^(?=.*\S){_PRINTABLE}*$(?!\n)"
ShortText = Annotated[str, Meta(min_length=1, max_length=100, pattern=ONE_LINE)]
Memo = Annotated[str, Meta(max_length=140, pattern=rf"^{_PRINTABLE}*$(?!\n)")]
LongName = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
LongLine = Annotated[str, Meta(min_length=1, max_length=300, pattern=ONE_LINE)]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=ONE_LINE)]
Explanation = Annotated[str, Meta(min_length=20, max_length=500, pattern=ONE_LINE)]
# Several lines, for whoever has more to say.
_LINES = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
_SAYS_SOMETHING = rf"^(?=[\s\S]*\S){_LINES}*$"
LongText = Annotated[str, Meta(min_length=1, max_length=4000, pattern=_SAYS_SOMETHING)]
Paragraph = Annotated[str, Meta(min_length=1, max_length=1000, pattern=_SAYS_SOMETHING)]
# `$` alone lets one newline follow: a greatest length, or `(?!\n)`, does not.
Code = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z._-]+$(?!\n)")]
PhoneText = Annotated[str, Meta(min_length=8, max_length=20, pattern=r"^[+0-9 ().-]+$(?!\n)")]
Pin = Annotated[str, Meta(max_length=6, pattern=r"^[0-9]{6}$")]

T = TypeVar("T")


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a phone sends: an unknown field is a mistake worth telling, never ignored."""


class Nothing(Body):
    """`{}`: the address says it all."""


class Answer(msgspec.Struct, kw_only=True):
    """What a phone gets."""


class Page(Answer, Generic[T]):
    """One page of a list. `next` is opaque: hand it back as `cursor`; null at the end."""

    items: list[T]
    next: str | None = None


class BadPhone(Refusal):
    """Số điện thoại không hợp lệ; hãy dùng số di động Việt Nam, ví dụ 0905 123 456.

    This is not a Vietnamese mobile number; an example is 0905 123 456."""

    status = 400


class BadCursor(Refusal):
    """Con trỏ trang không hợp lệ; hãy tải lại danh sách từ đầu.

    This page cursor is not valid; load the list from its start."""

    status = 400


SANDBOX_PHONES = "+84900000"
"""The prefix of numbers whose codes and money are play; production neither takes one nor boots where one lives."""


def phone(text: str) -> str:
    """E.164 of a Vietnamese mobile number, however a person writes it; raises BadPhone."""
    try:
        number = phonenumbers.parse(text, "VN")
    except phonenumbers.NumberParseException:
        raise BadPhone from None
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if number.country_code != 84 or not mobile:
        raise BadPhone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked_phone(e164: str) -> str:
    """`+84905123456` → `+84905***456`, for screens and logs of people who need not know it."""
    return f"{e164[:6]}***{e164[-3:]}"


@lru_cache(4096)
def address_key(address: str) -> str:
    """What stands for an address where uses are counted: IPv4 as it is; of IPv6 the /64, which is one household's."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def grouped(amount: int) -> str:
    """`1.234.567`: an amount as it is written in Vietnam."""
    return f"{amount:,}".replace(",", ".")


def new_id() -> UUID:
    """A time-ordered id (UUIDv7, RFC 9562)."""
    return compat.uuid7()


def new_id_text() -> str:
    """The same where only its text is wanted: it costs a fifth."""
    return str(uuid7())


def masked_name(name: str) -> str:
    """`Lê Thị Ngự Bình` → `L*** T*** N*** Bình`, as `principal.screen_name` has it; a masked name stays as it is."""
    *family, given = name.split() or [""]
    return " ".join([*(f"{part[0]}***" for part in family), given])


def cursor_of(*key: object) -> str:
    """An opaque cursor that stands for the last row's key."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str | None, type_: type[T]) -> T | None:
    """The key inside a cursor, or None at the start; raises BadCursor for anything that is not ours."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=type_)
    except (ValueError, msgspec.DecodeError):
        raise BadCursor from None
