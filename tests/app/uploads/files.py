"""Files as phones send them, and as nobody should."""

import io
import struct
import zlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import pillow_heif
import pyvips
from PIL import Image

LAT, LNG = 16.4635, 107.590833
"""In front of the citadel's flag tower, in degrees, minutes and seconds."""
TAKEN = "2026-11-23T08:15:00+07:00"

RED = (200, 30, 30)

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def a_scene(width: int = 1280, height: int = 960) -> Image.Image:
    """Left half red, right half blue, and a white corner at the upper left: so that it is seen which way is up."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 30, 200), (width // 2, 0, width, height))
    image.paste((255, 255, 255), (0, 0, width // 4, height // 4))
    return image


def exif(orientation: int = 1) -> bytes:
    """What a phone writes: which way it was held, where and when."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Nokia"
    tags.get_ifd(0x8825).update({1: "N", 2: (16.0, 27.0, 48.6), 3: "E", 4: (107.0, 35.0, 27.0)})
    tags.get_ifd(0x8769).update({0x9003: "2026:11:23 08:15:00"})
    return tags.tobytes()


@cache
def jpeg(orientation: int = 1, *, quality: int = 85, width: int = 1280, height: int = 960) -> bytes:
    """A photograph with its EXIF."""
    written = io.BytesIO()
    a_scene(width, height).save(written, "JPEG", exif=exif(orientation), quality=quality)
    return written.getvalue()


@cache
def red_in_p3() -> bytes:
    """A JPEG in Display P3, as newer phones write it: these numbers are another red than in sRGB."""
    plain: Any = pyvips.Image.new_from_array([[RED[0]] * 64] * 64)
    plain = plain.bandjoin(RED[1:]).cast("uchar").copy(interpretation="srgb")
    return plain.icc_transform("p3", input_profile="srgb").jpegsave_buffer(Q=95, keep="icc")


@cache
def noise(width: int = 1600, height: int = 1200) -> bytes:
    """A JPEG of many bytes."""
    written = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(written, "JPEG", quality=90)
    return written.getvalue()


def fractal(width: int = 1600, height: int = 1200, *, quality: int = 90) -> bytes:
    """The same picture in any size."""
    written = io.BytesIO()
    Image.effect_mandelbrot((1600, 1200), (-2.0, -1.5, 1.0, 1.5), 100).resize((width, height)).save(
        written, "JPEG", quality=quality
    )
    return written.getvalue()


def pictured(format_: str, mode: str = "RGB") -> bytes:
    """The scene as PNG or WebP."""
    written = io.BytesIO()
    a_scene().convert(mode).save(written, format_)
    return written.getvalue()


@cache
def heic() -> bytes:
    """As a newer phone sends it."""
    written = io.BytesIO()
    pillow_heif.from_pillow(a_scene()).save(written, exif=exif())
    return written.getvalue()


@cache
def heic_of_two(first: tuple[int, int], second: tuple[int, int]) -> bytes:
    """Two pictures in a file; the second one is what it shows."""
    file = pillow_heif.HeifFile()
    for size, colour in ((first, "white"), (second, "red")):
        file.add_from_pillow(Image.new("RGB", size, colour))
    written = io.BytesIO()
    file.save(written, primary_index=1)
    return written.getvalue()


@cache
def bomb(side: int = 30_000) -> bytes:
    """A small PNG of 900 million pixels."""
    row = zlib.compressobj(9)
    rows = b"".join([row.compress(bytes(side // 8 + 1)) for _ in range(side)]) + row.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (head, rows, b"")))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@cache
def video(format_: str = "mp4", seconds: int = 2, codec: str = "mpeg4") -> bytes:
    """A short film of the scene, ten pictures a second."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{format_}"
        with av.open(str(path), "w", format=format_) as container:
            stream: Any = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            picture = av.VideoFrame.from_image(a_scene(320, 240))
            for number in range(seconds * 10):
                picture.pts = number
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
        return path.read_bytes()


def opened(content: bytes) -> Image.Image:
    """A picture as it is seen."""
    return Image.open(io.BytesIO(content))
