"""The QR that a merchant shows: written strictly, read leniently, never guessed at.

The text is EMVCo's QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1: fields of a two-digit id,
a two-digit length **in characters**, and a value; some values are templates, which hold fields of their own.
Our sticker carries two templates. One is ours and names the terminal and, when the QR is dynamic, the order. The
other is NAPAS VietQR onto the merchant's virtual account, so that any bank's app can pay the same sticker.

Nothing read here is to be trusted: whoever pays looks the terminal up, and takes an order's amount from the order.
"""

import binascii
import re
import unicodedata
from functools import cache
from typing import Literal
from uuid import UUID

import msgspec

from app.errors import Refusal

HUONG_GUID = "vn.huong"
NAPAS_GUID = "A000000727"
VNPAY_GUID = "A000000775"
VND = "704"
"""ISO 4217's number of the đồng."""
MAX_LENGTH = 512
"""Characters: as many as EMVCo allows a payload."""
MAX_AMOUNT = 10**12
"""Đồng: as much as the ledger moves at once."""

Scheme = Literal["huong", "vietqr", "vnpay", "momo", "zalopay", "evn", "emv"]
Fault = Literal[
    "empty",
    "not_emv",
    "too_long",
    "unprintable",
    "crc_missing",
    "crc_mismatch",
    "length",
    "trailing",
    "duplicate",
    "inner_length",
    "amount",
    "currency",
    "country",
    "account",
    "terminal",
    "order",
]


class Sticker(msgspec.Struct, frozen=True, kw_only=True):
    """What a terminal shows: static (the payer types the amount), or dynamic (for one order, with its amount)."""

    terminal_id: UUID
    order_id: UUID | None = None
    amount: int | None = None
    """Đồng, 1 … 10^12; present exactly when there is an order."""
    bank_bin: str
    """The partner bank, 6 digits."""
    virtual_account: str
    """The merchant's account there, 1 … 19 of [0-9A-Z]."""
    merchant_name: str
    """The true name, in Vietnamese; 25 characters of it are written."""
    city: str
    """15 characters of it are written."""
    category_code: str
    """ISO 18245 merchant category, 4 digits."""
    store: str | None = None
    terminal_label: str | None = None
    """Both are labels for people: written without diacritics, 25 characters at most."""
    reference: str | None = None
    """What money is matched by, so never shortened: 1 … 25 characters of printable ASCII."""
    postal: str | None = None
    """1 … 10 characters of printable ASCII."""
    purpose: str | None = None
    """What a bank's app writes into the words of its transfer: 1 … 25 characters of printable ASCII."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a QR says of itself. An absent or empty field is None."""

    scheme: Scheme
    """Whose QR it is. `emv`: nobody's we know, or not for đồng in Việt Nam; read, but not payable here."""
    dynamic: bool
    amount: int | None
    """Đồng; None when the payer is to type it, or when `currency` is not 704."""
    currency: str | None
    """ISO 4217 number, 3 digits."""
    country: str | None
    """ISO 3166-1 alpha-2, upper case."""
    terminal_id: UUID | None
    order_id: UUID | None
    bank_bin: str | None
    account: str | None
    service: str | None
    """NAPAS: QRIBFTTA to an account, QRIBFTTC to a card, QRPUSH to a merchant, QRCASH at an ATM."""
    merchant_name: str | None
    """The true name (64) if there is one, else the plain one (59). So with the city."""
    city: str | None
    postal: str | None
    category_code: str | None
    bill_number: str | None
    store: str | None
    reference: str | None
    customer_label: str | None
    terminal_label: str | None
    note: str | None
    """The purpose of the payment (62.08), which bank apps copy into the transfer's words."""


class BrokenQr(Refusal):
    """Không dùng được mã QR này: {what_vi}.

    This QR code cannot be used: {what_en}."""

    status = 400

    def __init__(self, fault: Fault, what: tuple[str, str] | None = None) -> None:
        what_vi, what_en = what or _WORDS[fault]
        super().__init__(fault=fault, what_vi=what_vi, what_en=what_en)


def read(text: str) -> Reading:
    """Read what a phone scanned: any order of fields, lower-case CRC, values up to 99 characters, spaces around it.

    Raises BrokenQr, and nothing else: the text is not EMVCo's, its CRC is wrong, a level of it has an id twice or is
    not consumed to its last character, or a value that money depends on cannot be."""
    root = _fields(_sealed(text.strip()), "length")
    if "63" in root:  # the CRC is already off: this is another
        raise BrokenQr("duplicate")
    templates = _templates(root)
    additional = _fields(root.get("62", ""), "inner_length")
    local = _fields(root.get("64", ""), "inner_length")
    currency, country = _currency(root.get("53")), _country(root.get("58"))
    terminal_id, order_id = _terminal(templates.get(HUONG_GUID))
    bank_bin, account, service = _bank_account(templates.get(NAPAS_GUID))
    reading = Reading(
        scheme="huong" if terminal_id else "emv",
        dynamic=root.get("01") == "12",
        amount=_amount(root.get("54")) if currency == VND else None,
        currency=currency,
        country=country,
        terminal_id=terminal_id,
        order_id=order_id,
        bank_bin=bank_bin,
        account=account,
        service=service,
        merchant_name=local.get("01") or root.get("59") or None,
        city=local.get("02") or root.get("60") or None,
        postal=root.get("61") or None,
        category_code=root.get("52") or None,
        bill_number=additional.get("01") or None,
        store=additional.get("03") or None,
        reference=additional.get("05") or None,
        customer_label=additional.get("06") or None,
        terminal_label=additional.get("07") or None,
        note=additional.get("08") or None,
    )
    if terminal_id:
        return _as_we_write(reading)
    return msgspec.structs.replace(reading, scheme=_scheme(reading, templates, root.get("59", "")))


def _sealed(text: str) -> str:
    """The text without its CRC, once the CRC is known to be right."""
    if not text.startswith("000201"):
        raise _not_emv(text)
    if len(text) > MAX_LENGTH:
        raise BrokenQr("too_long")
    # PostgreSQL keeps no NUL, and UTF-8 no lone surrogate.
    if not text.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise BrokenQr("unprintable")
    if text[-8:-4] != "6304":
        raise BrokenQr(_fault_of_unsealed(text))
    if text[-4:].upper() != crc(text[:-4]):
        raise BrokenQr("crc_mismatch")
    return text[:-8]


def _not_emv(text: str) -> BrokenQr:
    if not text:
        return BrokenQr("empty")
    for pattern, what_vi, what_en in _LOOKALIKES:
        if pattern.match(text[:MAX_LENGTH]):
            return BrokenQr("not_emv", (what_vi, what_en))
    return BrokenQr("not_emv")


def _fault_of_unsealed(text: str) -> Fault:
    """Why a text does not end in its CRC: cut short, run on, or never sealed."""
    at = 0
    while at < len(text):
        try:
            tag, length = _head(text[at : at + 4])
        except ValueError:
            return "length"
        at += 4 + length
        if tag == "63":
            return "trailing" if at < len(text) else "crc_missing"
    return "crc_missing" if at == len(text) else "length"


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE (polynomial 0x1021, from 0xFFFF, not reflected) of the UTF-8, in 4 upper-case hex digits."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _fields(text: str, fault: Fault) -> dict[str, str]:
    """The fields of one level, by id; `fault` is what to say when they do not fill the text exactly."""
    fields: dict[str, str] = {}
    at, end = 0, len(text)
    try:
        while at < end:
            start = at + 4
            tag, length = _head(text[at:start])
            if tag in fields:
                raise BrokenQr("duplicate")
            at = start + length
            fields[tag] = text[start:at]
    except ValueError:
        raise BrokenQr(fault) from None
    if at != end:
        raise BrokenQr(fault)
    return fields


@cache  # there are ten thousand and a sticker has thirty: without it this is most of the time that reading takes
def _head(text: str) -> tuple[str, int]:
    """The id and the length that open a field: "5303" is ("53", 3)."""
    # isascii, because int() and isdigit() know the digits of every script.
    if not (len(text) == 4 and text.isascii() and text.isdigit()):
        raise ValueError(text)
    return text[:2], int(text[2:])


def _templates(root: dict[str, str]) -> dict[str, dict[str, str]]:
    """The merchant's templates by their GUID. A scheme we know may stand there once, or which one would be paid?"""
    templates: dict[str, dict[str, str]] = {}
    for tag, value in root.items():
        if "26" <= tag <= "51":
            template = _fields(value, "inner_length")
            guid = template.get("00", "")
            if guid in templates and guid in (HUONG_GUID, NAPAS_GUID, VNPAY_GUID):
                raise BrokenQr("duplicate")
            templates[guid] = template
    return templates


def _currency(text: str | None) -> str | None:
    if text and not _digits(text, 3):
        raise BrokenQr("currency")
    return text or None


def _country(text: str | None) -> str | None:
    if text and not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise BrokenQr("country")
    return text.upper() if text else None


def _terminal(ours: dict[str, str] | None) -> tuple[UUID | None, UUID | None]:
    if ours is None:
        return None, None
    terminal_id, order_id = _uuid(ours.get("01")), _uuid(ours.get("02"))
    if terminal_id is None:
        raise BrokenQr("terminal")
    if order_id is None and "02" in ours:
        raise BrokenQr("order")
    return terminal_id, order_id


def _uuid(text: str | None) -> UUID | None:
    if not text:
        return None
    # UUID(text) takes three times as long, and braces, underscores and the digits of other scripts.
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return None


def _bank_account(napas: dict[str, str] | None) -> tuple[str | None, str | None, str | None]:
    if napas is None:
        return None, None, None
    beneficiary = _fields(napas.get("01", ""), "inner_length")
    bank_bin, account = beneficiary.get("00", ""), beneficiary.get("01", "")
    if not (_digits(bank_bin, 6) and account.isascii() and account.isprintable() and account and " " not in account):
        raise BrokenQr("account")
    return bank_bin, account, napas.get("02") or None


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def _amount(text: str | None) -> int | None:
    """Whole đồng. Decimals are read as long as they are noughts, because half a đồng cannot be paid."""
    if not text:
        return None
    whole, _, decimals = text.partition(".")
    if not (whole.isascii() and whole.isdigit()) or decimals.strip("0"):
        raise BrokenQr("amount")
    amount = int(whole)
    if not 1 <= amount <= MAX_AMOUNT:
        raise BrokenQr("amount")
    return amount


def _as_we_write(reading: Reading) -> Reading:
    """Only we write our template: what we would never write was written by somebody else."""
    if reading.currency != VND:
        raise BrokenQr("currency")
    if reading.country != "VN":
        raise BrokenQr("country")
    if not reading.dynamic == (reading.order_id is not None) == (reading.amount is not None):
        raise BrokenQr("order")
    return reading


def _scheme(reading: Reading, templates: dict[str, dict[str, str]], plain_name: str) -> Scheme:
    """Whom somebody else's QR would pay. The payee's name goes before the rails: EVN and the wallets use them all."""
    if (reading.currency or VND, reading.country or "VN") != (VND, "VN"):
        return "emv"
    names = plain(plain_name).upper(), plain(reading.merchant_name or "").upper()
    account, reference = reading.account or "", reading.reference or ""
    if any(name.startswith(_EVN_NAMES) for name in names):
        return "evn"
    if VNPAY_GUID in templates:
        return "vnpay"
    if reading.bank_bin in _MOMO_BINS or account.startswith("99MM") or reference.startswith("MOMO"):
        return "momo"
    if account.startswith("99ZP") or any(name.startswith("ZALOPAY") for name in names):
        return "zalopay"
    return "vietqr" if reading.account else "emv"


def write(sticker: Sticker) -> str:
    """The text of a sticker, to be drawn as a QR.

    Raises ValueError for what cannot be written, and writes it in no other way."""
    _check(sticker)
    name, city = true_name(sticker.merchant_name, 25), true_name(sticker.city, 15)
    # 59 and 60 are mandatory, and some names hold no Latin letter at all.
    plain_name, plain_city = plain(name, 25) or "MERCHANT", plain(city, 15) or "VIET NAM"
    beneficiary = _joined({"00": sticker.bank_bin, "01": sticker.virtual_account})
    text = _joined(
        {
            "00": "01",
            "01": "12" if sticker.order_id else "11",
            "27": _joined({"00": HUONG_GUID, "01": _hex(sticker.terminal_id), "02": _hex(sticker.order_id)}),
            "38": _joined({"00": NAPAS_GUID, "01": beneficiary, "02": "QRIBFTTA"}),
            "52": sticker.category_code,
            "53": VND,
            "54": str(sticker.amount or ""),
            "58": "VN",
            "59": plain_name,
            "60": plain_city,
            "61": sticker.postal,
            "62": _joined(
                {
                    "03": plain(sticker.store or "", 25),
                    "05": sticker.reference,
                    "07": plain(sticker.terminal_label or "", 25),
                    "08": sticker.purpose,
                }
            ),
            "64": _joined({"00": "vi", "01": name, "02": city}) if (name, city) != (plain_name, plain_city) else None,
        }
    )
    return f"{text}6304{crc(text + '6304')}"


def write_transfer(*, bank_bin: str, account: str, amount: int, purpose: str) -> str:
    """The text of a VietQR that asks any bank's app for one transfer: `amount` đồng, its words filled in.

    `purpose` (1 … 25 characters of printable ASCII) is what the money is matched by. Raises ValueError for what
    cannot be written."""
    _check_writable(bank_bin=bank_bin, virtual_account=account, reference=purpose)
    _check_amount(amount)
    beneficiary = _joined({"00": bank_bin, "01": account})
    text = _joined(
        {
            "00": "01",
            "01": "12",
            "38": _joined({"00": NAPAS_GUID, "01": beneficiary, "02": "QRIBFTTA"}),
            "53": VND,
            "54": str(amount),
            "58": "VN",
            "62": _joined({"08": purpose}),
        }
    )
    return f"{text}6304{crc(text + '6304')}"


def _check(sticker: Sticker) -> None:
    if (sticker.order_id is None) != (sticker.amount is None):
        raise ValueError("an order and its amount go together")
    if sticker.amount is not None:
        _check_amount(sticker.amount)
    _check_writable(**{field: getattr(sticker, field) for field in _WRITABLE})


def _check_amount(amount: int) -> None:
    if not 1 <= amount <= MAX_AMOUNT:
        raise ValueError(f"amount is not 1 … 10^12 đồng: {amount}")


def _check_writable(**fields: str | None) -> None:
    for field, value in fields.items():
        if value is not None and not _WRITABLE[field].fullmatch(value):
            raise ValueError(f"{field} cannot be written: {value!r}")


def true_name(text: str, length: int) -> str:
    """The name as people write it, on one line, in composed letters; no emoji, which readers count differently."""
    text = unicodedata.normalize("NFC", " ".join("".join(c for c in text if c <= "\uffff").split()))
    if not text or any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError(f"not a name: {text!r}")
    return text[:length].rstrip()


def plain(text: str, length: int | None = None) -> str:
    """Printable ASCII of a Vietnamese text: "Chợ Đông Ba" is "Cho Dong Ba", what has no plain letter is left out."""
    decomposed = unicodedata.normalize("NFD", text.translate(_PLAIN_D))
    ascii_text = "".join(character for character in decomposed if " " <= character <= "~")
    return " ".join(ascii_text.split())[:length].rstrip()


def _hex(an_id: UUID | None) -> str | None:
    return an_id.hex.upper() if an_id else None


def _joined(fields: dict[str, str | None]) -> str:
    """The fields in the order given; those without a value are left out."""
    return "".join(f"{tag}{len(value):02}{value}" for tag, value in fields.items() if value)


_MOMO_BINS = ("970971", "971025")
_EVN_NAMES = (
    "EVN",
    "DIEN LUC",
    "CTY DIEN LUC",
    "CONG TY DIEN LUC",
    "CONG TY TNHH MTV DIEN LUC",
    "TONG CONG TY DIEN LUC",
)
_PLAIN_D = str.maketrans("đĐ", "dD")  # a letter of its own in Unicode: it does not decompose

_WRITABLE = {
    "bank_bin": re.compile("[0-9]{6}"),
    "virtual_account": re.compile("[0-9A-Z]{1,19}"),
    "category_code": re.compile("[0-9]{4}"),
    "reference": re.compile("[ -~]{1,25}"),
    "purpose": re.compile("[ -~]{1,25}"),
    "postal": re.compile("[ -~]{1,10}"),
}

_WORDS: dict[Fault, tuple[str, str]] = {
    "empty": ("mã trống", "it is empty"),
    "not_emv": ("đây không phải mã thanh toán", "it is not a payment code"),
    "too_long": ("mã quá dài", "it is too long"),
    "unprintable": ("mã chứa ký tự không hợp lệ", "it holds characters that cannot be shown"),
    "crc_missing": ("mã thiếu phần kiểm tra ở cuối", "the check at its end is missing"),
    "crc_mismatch": (
        "mã bị lỗi hoặc đã bị sửa, hãy quét lại",
        "it is damaged or was altered, please scan it again",
    ),
    "length": ("mã bị thiếu hoặc sai độ dài, hãy quét lại", "it is cut short or miscounted, please scan it again"),
    "trailing": ("có nội dung thừa sau phần kiểm tra", "something follows its check"),
    "duplicate": ("một trường xuất hiện hai lần", "a field appears twice"),
    "inner_length": ("thông tin bên trong mã sai độ dài", "what it holds inside is miscounted"),
    "amount": ("số tiền không hợp lệ", "its amount is not valid"),
    "currency": ("loại tiền không hợp lệ", "its currency is not valid"),
    "country": ("mã quốc gia không hợp lệ", "its country is not valid"),
    "account": ("tài khoản nhận tiền không hợp lệ", "the account to be paid is not valid"),
    "terminal": ("điểm chấp nhận thanh toán không hợp lệ", "its terminal is not valid"),
    "order": ("đơn hàng không hợp lệ", "its order is not valid"),
}


def _lookalike(pattern: str, what_vi: str, what_en: str) -> tuple[re.Pattern[str], str, str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII), f"đây là {what_vi}", f"it is {what_en}"


# What people scan in hope. The first that matches gives the name, so the particular stand before the general.
_LOOKALIKES = (
    _lookalike(
        r"https?://([\w-]+\.)*momo\.vn(?![\w.-])|momo://|2\|99\|",
        "mã riêng của ví MoMo",
        "a MoMo wallet code",
    ),
    _lookalike(
        r"https?://([\w-]+\.)*zalopay\.(com\.)?vn(?![\w.-])|zalopay://",
        "mã riêng của ví ZaloPay",
        "a ZaloPay wallet code",
    ),
    _lookalike(r"https?://", "đường dẫn trang web", "a web link"),
    _lookalike(r"otpauth://", "mã xác thực hai bước", "a two-step sign-in code"),
    _lookalike(r"[a-z][a-z0-9+.-]*://", "đường dẫn mở ứng dụng", "a link that opens an app"),
    _lookalike(r"[0-9]{12}\|", "mã trên thẻ căn cước", "the code on a citizen identity card"),
    _lookalike(r"WIFI:", "mã kết nối Wi-Fi", "a Wi-Fi code"),
    _lookalike(r"BEGIN:VCARD|MECARD:|BIZCARD:", "danh thiếp", "a contact card"),
    _lookalike(r"(tel|mailto|sms|smsto):", "mã liên hệ", "a telephone number or an address"),
    _lookalike(r"geo:", "mã vị trí trên bản đồ", "a place on the map"),
    _lookalike(r"hQVDUFY", "mã của người trả tiền, không phải của người bán", "a payer's own code, not a merchant's"),
    _lookalike(r"[{\[]", "dữ liệu của ứng dụng khác", "another application's data"),
    _lookalike(r"[0-9]{8,14}\Z", "mã vạch sản phẩm", "a product's barcode"),
)
