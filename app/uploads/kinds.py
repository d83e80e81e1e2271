"""What may be sent for which purpose, told by the first bytes: names and content types are not believed."""

from typing import Literal

from app.errors import Refusal, TooLarge, UnsupportedMediaType

Purpose = Literal["photo", "video", "paper"]

MEGABYTE = 1024 * 1024
MOST: dict[Purpose, int] = {"photo": 15 * MEGABYTE, "video": 50 * MEGABYTE, "paper": 20 * MEGABYTE}
MOST_BYTES = max(MOST.values())
HEAD_BYTES = 4096
"""So much of a file tells what it is."""

_PICTURES = {"image/jpeg", "image/png", "image/webp", "image/heic"}
TAKEN: dict[Purpose, set[str]] = {
    "photo": _PICTURES,
    "video": {"video/mp4", "video/quicktime", "video/webm"},
    "paper": {"application/pdf", "image/jpeg", "image/png"},
}
_NAMES: dict[Purpose, str] = {
    "photo": "JPEG, PNG, WebP, HEIC",
    "video": "MP4, MOV, WebM",
    "paper": "PDF, JPEG, PNG",
}

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_HEIF_BRANDS = {b"mif1", b"msf1"}
_MP4_BRANDS = {
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso8", b"iso9", b"mp41", b"mp42", b"avc1", b"M4V ",
    b"MSNV",
}  # fmt: skip
"""Major and compatible brands (ISO/IEC 14496-12, 4.3; 23008-12, 10.2)."""


class UploadTooLarge(TooLarge):
    """Tệp quá lớn: tối đa {most_mb} MB.

    The file is too large: {most_mb} MB at most."""


class FileEmpty(Refusal):
    """Tệp không có nội dung; hãy chọn lại tệp.

    The file is empty; choose it again."""

    status = 400


class FileTypeRefused(UnsupportedMediaType):
    """Loại tệp này không được nhận ở đây; hãy gửi một trong các loại: {accepted}.

    This kind of file is not taken here; send one of these: {accepted}."""


def check_size(purpose: Purpose, size: int) -> None:
    """Raises FileEmpty, UploadTooLarge."""
    if size < 1:
        raise FileEmpty
    if size > MOST[purpose]:
        raise too_large(purpose)


def too_large(purpose: Purpose) -> TooLarge:
    """The refusal, with the bound in it."""
    return UploadTooLarge(most_mb=MOST[purpose] // MEGABYTE)


def sniff(head: bytes, purpose: Purpose) -> str:
    """The media type of a file that begins so; raises FileTypeRefused if it is none for this purpose."""
    kind = _kind(head)
    if kind not in TAKEN[purpose]:
        raise FileTypeRefused(accepted=_NAMES[purpose])
    return kind


def _kind(head: bytes) -> str:
    match head:
        case _ if head.startswith(b"\xff\xd8\xff"):
            return "image/jpeg"
        case _ if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png"
        case _ if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "image/webp"
        case _ if head[4:8] == b"ftyp":
            return _kind_by_brand(head)
        case _ if head.startswith(b"\x1a\x45\xdf\xa3") and b"\x42\x82\x84webm" in head[:64]:
            return "video/webm"
        case _ if head.startswith(b"%PDF-"):
            return "application/pdf"
        case _:
            return ""


def _kind_by_brand(head: bytes) -> str:
    end = min(int.from_bytes(head[:4]), len(head), 256)
    major, others = head[8:12], {head[at : at + 4] for at in range(16, end - 3, 4)}
    if major in _HEIC_BRANDS or (major in _HEIF_BRANDS and others & _HEIC_BRANDS):
        return "image/heic"
    if major == b"qt  ":
        return "video/quicktime"
    return "video/mp4" if major in _MP4_BRANDS else ""
