"""The sticker that a shop prints: its QR, its name, and how to pay."""

import io
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

import qrcode
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_M

Form = Literal["png", "svg"]

FONT = Path(__file__).parents[2] / "app" / "fonts" / "BeVietnamPro-SemiBold.ttf"
HINT = "Quét để thanh toán · Scan to pay"
INK, PURPLE, PAPER = "#1f1a24", "#5b2a86", "#ffffff"
_WIDTH, _MARGIN = 800, 60


def draw(form: Form, text: str, *, shop: str, terminal: str) -> bytes:
    """The picture of a QR with the shop's name above and the terminal's below: 800 units wide."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4, box_size=1)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    return _png(rows, shop, terminal) if form == "png" else _svg(rows, shop, terminal)


def _png(rows: list[list[bool]], shop: str, terminal: str) -> bytes:
    scale = (_WIDTH - 2 * _MARGIN) // len(rows)
    side = scale * len(rows)
    bits = Image.new("1", (len(rows), len(rows)), 1)
    bits.putdata([0 if dark else 1 for row in rows for dark in row])
    picture = Image.new("RGB", (_WIDTH, side + 300), PAPER)
    picture.paste(bits.resize((side, side), Image.Resampling.NEAREST).convert("RGB"), ((_WIDTH - side) // 2, 120))
    pen = ImageDraw.Draw(picture)
    for words, y, size, colour in _words(shop, terminal, side):
        pen.text((_WIDTH // 2, y), words, colour, font=_fitting(words, size), anchor="mm")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _words(shop: str, terminal: str, side: int) -> list[tuple[str, int, int, str]]:
    return [
        (shop, 72, 52, PURPLE),
        (terminal, side + 170, 36, INK),
        (HINT, side + 235, 28, INK),
    ]


def _fitting(words: str, size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(FONT, size)
    while size > 12 and font.getlength(words) > _WIDTH - _MARGIN:
        size -= 2
        font = ImageFont.truetype(FONT, size)
    return font


def _svg(rows: list[list[bool]], shop: str, terminal: str) -> bytes:
    side = _WIDTH - 2 * _MARGIN
    scale = side / len(rows)
    squares = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    words = "".join(
        f'<text x="{_WIDTH // 2}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="middle" '
        f'dominant-baseline="middle"{_squeezed(text, size)}>{escape(text)}</text>'
        for text, y, size, colour in _words(shop, terminal, side)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {side + 300}" '
        f'font-family="Be Vietnam Pro, Noto Sans, Arial, sans-serif" font-weight="600">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>'
        f'<path transform="translate({_MARGIN} 120) scale({scale:.4f})" d="{squares}" fill="#000"/>{words}</svg>'
    ).encode()


def _squeezed(words: str, size: int) -> str:
    """A long name is pressed together until it fits; the reader's own font decides how much."""
    fits = ImageFont.truetype(FONT, size).getlength(words) <= _WIDTH - _MARGIN
    return "" if fits else f' textLength="{_WIDTH - _MARGIN}" lengthAdjust="spacingAndGlyphs"'
