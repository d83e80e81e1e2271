"""An EMV merchant-presented QR text: length-prefixed fields, and a checksum over everything before it."""

from binascii import crc_hqx
from typing import NamedTuple
from uuid import UUID

TEMPLATE = "27"
GUID = "vn.huong"


class NotOurs(ValueError):
    """The text is not a QR of this city's merchants."""


class Scanned(NamedTuple):
    terminal_id: UUID
    order_id: UUID | None


def read(text: str) -> Scanned:
    """Raises NotOurs for anything but a whole, unaltered sticker of ours."""
    covered, checksum = text[:-4], text[-4:]
    if not covered.endswith("6304") or _checksum(covered) != checksum.upper():
        raise NotOurs("checksum")
    root = _fields(text)
    ours = _fields(root.get(TEMPLATE, ""))
    if root.get("00") != "01" or ours.get("00") != GUID:
        raise NotOurs("template")
    try:
        return Scanned(UUID(hex=ours["01"]), UUID(hex=ours["02"]) if "02" in ours else None)
    except (KeyError, ValueError) as wrong:
        raise NotOurs("terminal") from wrong


def write(terminal_id: UUID, merchant: str, account: str) -> str:
    """A sticker: our own template, and a VietQR onto the merchant's account at the partner bank."""
    ours = _field("00", GUID) + _field("01", terminal_id.hex.upper())
    bank = _field("00", "970436") + _field("01", account)
    vietqr = _field("00", "A000000727") + _field("01", bank) + _field("02", "QRIBFTTA")
    covered = (
        _field("00", "01")
        + _field("01", "11")
        + _field(TEMPLATE, ours)
        + _field("38", vietqr)
        + _field("52", "5812")
        + _field("53", "704")
        + _field("58", "VN")
        + _field("59", merchant[:25])
        + _field("60", "HUE")
        + "6304"
    )
    return covered + _checksum(covered)


def _checksum(covered: str) -> str:
    return f"{crc_hqx(covered.encode(), 0xFFFF):04X}"


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if not (length.isascii() and length.isdigit()) or len(length) != 2 or tag in found:
            raise NotOurs("fields")
        end = at + 4 + int(length)
        if end > len(text):
            raise NotOurs("fields")
        found[tag] = text[at + 4 : end]
        at = end
    return found
