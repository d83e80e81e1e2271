"""Pictures: what they say of themselves, and what is shown of them. All of it is work for a thread (`threads`).

Upright, in sRGB, without EXIF, GPS or profiles. The loader is chosen by the first bytes, never by libvips."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import pyvips
from PIL import Image as Pillow
from pillow_heif import HeifImage, open_heif
from pyvips import voperation

from app.clock import CITY_ZONE
from app.errors import Refusal

MOST_PIXELS = 50_000_000
LARGE_PX = 2048
SMALL_PX = 480
MOST_EXIF_BYTES = 256 * 1024

_LOADERS = {"image/jpeg": "jpegload_buffer", "image/png": "pngload_buffer", "image/webp": "webpload_buffer"}
_GPS_IFD, _EXIF_IFD = 0x8825, 0x8769
_TAKEN, _TAKEN_OFFSET = 0x9003, 0x9011

pyvips.cache_set_max(0)
voperation.concurrency_set(1)
pyvips.block_untrusted_set(True)


class TooManyPixels(Refusal):
    """Ảnh có quá nhiều điểm ảnh: tối đa {megapixels} triệu.

    The picture has too many pixels: {megapixels} million at most."""

    status = 400


class PictureBroken(Refusal):
    """Ảnh bị hỏng hoặc chưa được gửi trọn vẹn; hãy gửi lại hoặc chọn ảnh khác.

    The picture is broken, or was not sent whole; send it again or choose another one."""

    status = 400


class Capture(NamedTuple):
    """Where (WGS 84) and when a picture was taken, as far as it says so."""

    lat: float | None = None
    lng: float | None = None
    taken_at: datetime | None = None


class Shown(NamedTuple):
    """A picture as it is shown, encoded; its width and height in pixels."""

    content: bytes
    media_type: str
    width: int
    height: int


class Picture(NamedTuple):
    """What was made of a picture. `width` and `height`: of all of it, upright."""

    width: int
    height: int
    capture: Capture
    phash: int
    large: Shown
    small: Shown


class Area(Protocol):
    """A part of a picture, in fractions of its width and height, from the upper left corner."""

    x: float
    y: float
    width: float
    height: float


def read(content: bytes, media_type: str) -> Picture:
    """What is made of a picture of this type; raises TooManyPixels, PictureBroken."""
    try:
        image, exif = _opened_heif(content) if media_type == "image/heic" else _opened(content, media_type)
        decoded = _shrunk(content, image) if media_type == "image/jpeg" else image
        return of_image(image, capture_of(exif), decoded)
    except (pyvips.Error, ValueError, RuntimeError, SyntaxError, EOFError, OSError) as trouble:
        raise PictureBroken from trouble


def check_pixels(width: int, height: int) -> None:
    """Raises TooManyPixels; whoever has only read the head asks before anything is decoded."""
    if width * height > MOST_PIXELS:
        raise TooManyPixels(megapixels=MOST_PIXELS // 1_000_000)


def _opened(content: bytes, media_type: str) -> tuple[pyvips.Image, bytes]:
    load: Any = getattr(pyvips.Image, _LOADERS[media_type])
    image: Any = load(content, fail_on="truncated", access="sequential")
    check_pixels(image.width, image.height)
    exif = image.get("exif-data") if "exif-data" in image.get_fields() else b""
    return image, bytes(exif)


def _shrunk(content: bytes, image: pyvips.Image) -> pyvips.Image:
    """The same JPEG decoded to a half, a quarter or an eighth, as long as it is no smaller than what is shown."""
    longer: int = max(image.width, image.height)
    shrink = next(by for by in (8, 4, 2, 1) if longer >= by * LARGE_PX or by == 1)
    load: Any = pyvips.Image.jpegload_buffer
    return load(content, fail_on="truncated", access="sequential", shrink=shrink) if shrink > 1 else image


def _opened_heif(content: bytes) -> tuple[pyvips.Image, bytes]:
    """libheif has turned it upright by what the file itself says; its EXIF is not asked again. A file may hold
    several: the one that it calls its picture is meant, and none may be too large."""
    found = open_heif(content, convert_hdr_to_8bit=True)
    for one in found:
        check_pixels(*one.size)
    picture: HeifImage = found[found.primary_index]
    plain = picture.to_pillow().convert("RGB")
    image: Any = pyvips.Image.new_from_memory(plain.tobytes(), plain.width, plain.height, 3, "uchar")
    image = image.copy(interpretation="srgb")
    if profile := picture.info.get("icc_profile"):
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    exif: Any = picture.info.get("exif")
    return image, exif or b""


def of_image(image: pyvips.Image, capture: Capture, decoded: pyvips.Image | None = None) -> Picture:
    """What is made of an opened picture, read once and from above; `decoded`: the same one, perhaps smaller.

    Raises pyvips.Error where it cannot be decoded to its end."""
    any_image: Any = image
    turned = any_image.get("orientation") if "orientation" in any_image.get_fields() else 1
    width, height = any_image.width, any_image.height
    if turned in {5, 6, 7, 8}:
        width, height = height, width
    large = _plain(_thumbnail(any_image if decoded is None else decoded, LARGE_PX))
    small = _thumbnail(large, SMALL_PX)
    return Picture(width, height, capture, phash(large), as_jpeg(large), as_webp(small))


def _thumbnail(image: Any, most_px: int) -> Any:
    # What has no profile is in sRGB already; to be told so again, libvips takes it through XYZ, pixel by pixel.
    profile = {"export_profile": "srgb"} if "icc-profile-data" in image.get_fields() else {}
    return image.thumbnail_image(most_px, height=most_px, size="down", **profile)


def _plain(image: Any) -> Any:
    """Three bands of eight bits, in memory; nothing shines through."""
    image = image.colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    return image.cast("uchar").copy_memory()


def as_jpeg(image: Any) -> Shown:
    """For everybody's screen."""
    content = image.jpegsave_buffer(Q=82, keep="none", optimize_coding=True)
    return Shown(content, "image/jpeg", image.width, image.height)


def as_webp(image: Any) -> Shown:
    """For lists. More effort takes twice as long for four bytes in a hundred."""
    return Shown(image.webpsave_buffer(Q=78, keep="none", effort=2), "image/webp", image.width, image.height)


def phash(image: Any) -> int:
    """64 bits that two pictures share which look alike, signed: is each of 9 × 8 greys darker than its neighbour?"""
    greys = image.colourspace("b-w").thumbnail_image(9, height=8, size="force").cast("uchar").write_to_memory()
    bits = [greys[9 * row + column] < greys[9 * row + column + 1] for row in range(8) for column in range(8)]
    unsigned = sum(bit << place for place, bit in enumerate(bits))
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned


def hamming(one: int, other: int) -> int:
    """How many of 64 bits differ; up to about ten, two pictures look alike."""
    return ((one ^ other) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


def redact(content: bytes, areas: Sequence[Area]) -> tuple[Shown, Shown]:
    """The large and the small picture, without these parts of the large one (a JPEG of ours)."""
    large: Any = _opened(content, "image/jpeg")[0]
    large = large.copy_memory()
    for area in areas:
        left, top = math.floor(area.x * large.width), math.floor(area.y * large.height)
        right = min(large.width, math.ceil((area.x + area.width) * large.width))
        bottom = min(large.height, math.ceil((area.y + area.height) * large.height))
        if right > left and bottom > top:
            large = large.draw_rect([40, 40, 40], left, top, right - left, bottom - top, fill=True)
    return as_jpeg(large), as_webp(_thumbnail(large, SMALL_PX))


def capture_of(exif: bytes) -> Capture:
    """What a picture says of where and when it was taken (CIPA DC-008, 4.6)."""
    if not exif or len(exif) > MOST_EXIF_BYTES:
        return Capture()
    tags = Pillow.Exif()
    try:
        tags.load(exif)
        lat, lng = _place(dict(tags.get_ifd(_GPS_IFD)))
        return Capture(lat, lng, _taken_at(dict(tags.get_ifd(_EXIF_IFD))))
    except Exception:  # whatever a stranger's bytes make of a parser: then the picture says nothing
        return Capture()


def _place(gps: dict[int, Any]) -> tuple[float, float] | tuple[None, None]:
    try:
        lat, lng = _degrees(gps[2], gps[1] == "S"), _degrees(gps[4], gps[3] == "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None, None
    fine = abs(lat) <= 90 and abs(lng) <= 180 and (lat, lng) != (0, 0)
    return (lat, lng) if fine else (None, None)


def _degrees(parts: Any, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    whole = degrees + minutes / 60 + seconds / 3600
    return round(-whole if negative else whole, 6)


def _taken_at(tags: dict[int, Any]) -> datetime | None:
    """A camera that does not say which zone it means is in this city."""
    said, zone = (str(tags.get(tag, "")).rstrip("\0 ") for tag in (_TAKEN, _TAKEN_OFFSET))
    try:
        taken = datetime.strptime(said, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None
    try:
        return datetime.strptime(f"{said} {zone}", "%Y:%m:%d %H:%M:%S %z")
    except ValueError:
        return taken.replace(tzinfo=CITY_ZONE)
