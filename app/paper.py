"""Paper: PDF pages in the city's letters and colours, each with its number. Lengths are in points, from the top left.

The letters are Be Vietnam Pro (SIL Open Font License); a file carries only those that it uses."""

import asyncio
import unicodedata
from pathlib import Path
from typing import Literal

import qrcode
from fpdf import FPDF
from fpdf.fonts import TTFFont
from qrcode.constants import ERROR_CORRECT_M

from app.clock import city_now
from app.errors import Language, Unavailable

Colour = tuple[int, int, int]
INK: Colour = (31, 26, 36)
GREY: Colour = (118, 110, 126)
PURPLE: Colour = (91, 42, 134)
HAIR: Colour = (226, 220, 232)

A4 = (595.28, 841.89)
A4_LANDSCAPE = (841.89, 595.28)
A5 = (419.53, 595.28)
MARGIN = 36.0

WAIT_S = 10.0


class DrawingPlaces:
    """So many draw at a time; whoever finds no place in ten seconds is told to come again: Unavailable."""

    def __init__(self, places: int) -> None:
        self._free = asyncio.Semaphore(places)

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable(retry_after_s=10) from None

    async def __aexit__(self, *_: object) -> None:
        self._free.release()


two_drawings_at_a_time = DrawingPlaces(2)
"""Drawing takes a processor: payments go first."""
two_receipts_at_a_time = DrawingPlaces(2)
"""A receipt is a page, and does not wait for a hundred thousand lines."""

FONTS = Path(__file__).parent / "fonts"
_FAMILY = "Be Vietnam Pro"
_CITY = "Hương · Thành phố Huế"
_PAGE = {"vi": "Trang", "en": "Page"}


class Paper(FPDF):
    """A document that is written from top to bottom: `y` is where its writer is, `foot` where a page is full."""

    def __init__(self, size: tuple[float, float], title: str, language: Language) -> None:
        super().__init__(unit="pt", format=size)
        self.set_auto_page_break(False)
        self.set_title(title)
        self.set_creator(_CITY)
        self.set_lang(language)
        self.set_creation_date(city_now())
        self._letters = {bold: self._letters_of(bold) for bold in (False, True)}
        self._style: tuple[float, bool, Colour] | None = None
        self.language: Language = language
        self.foot = size[1] - MARGIN - 18

    def _letters_of(self, bold: bool) -> TTFFont:
        self.add_font(_FAMILY, "B" if bold else "", FONTS / f"BeVietnamPro-{'SemiBold' if bold else 'Regular'}.ttf")
        self.set_font(_FAMILY, "B" if bold else "")
        assert isinstance(self.current_font, TTFFont)
        return self.current_font

    def begin_page(self) -> None:
        """A new page; the one before is finished."""
        self.add_page()
        self._style = None
        self.set_y(MARGIN)

    def footer(self) -> None:
        """Below every page: whose it is, and which."""
        self.write_at(MARGIN, self.h - MARGIN + 8, _CITY, size=7, colour=GREY)
        page = f"{_PAGE[self.language]} {self.page_no()}"
        self.write_at(self.w - MARGIN, self.h - MARGIN + 8, page, size=7, colour=GREY, at="right")

    def write_at(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        bold: bool = False,
        colour: Colour = INK,
        at: Literal["left", "right", "middle"] = "left",
    ) -> None:
        """One line of text; `x` is where it begins, ends or has its middle, `y` is what it stands on."""
        text = self._known(text, bold)
        if at != "left":
            x -= self.width(text, size, bold=bold) / (1 if at == "right" else 2)
        if self._style != (size, bold, colour):
            self._style = (size, bold, colour)
            self.set_font(_FAMILY, "B" if bold else "", size)
            self.set_text_color(*colour)
            self.set_fill_color(*colour)  # once a style: else fpdf2 says the colour with each text
        self.text(x, y, text)

    def _known(self, text: str, bold: bool) -> str:
        """What these letters can write, composed; a question mark for what they cannot (an emoji in a memo)."""
        if text.isascii():
            return text
        text = unicodedata.normalize("NFC", text)
        unknown = set(map(ord, text)).difference(self._letters[bold].cmap)
        return text.translate(dict.fromkeys(unknown, "?")) if unknown else text

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """How long a line of text is."""
        return self._letters[bold].get_text_width(text, size, None)[1]

    def wrapped(self, text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
        """The text in lines that fit, broken between words where that is possible; an empty text is one line."""
        text = self._known(text, bold)
        if self.width(text, size, bold=bold) <= width:
            return [text]
        space = self.width(" ", size, bold=bold)
        lines, left = [""], width
        for word in text.split():
            long = self.width(word, size, bold=bold)
            if long > width:
                *whole, word = self._pieces(word, width, size, bold)
                lines += whole
                lines.append(word)
                left = width - self.width(word, size, bold=bold) - space
            elif long <= left:
                lines[-1] = f"{lines[-1]} {word}".lstrip()
                left -= long + space
            else:
                lines.append(word)
                left = width - long - space
        return [line for line in lines if line]

    def _pieces(self, word: str, width: float, size: float, bold: bool) -> list[str]:
        """A word that is longer than a line, in pieces that are not."""
        pieces, left = [""], width
        for letter in word:
            left -= self.width(letter, size, bold=bold)
            if left < 0:
                pieces.append("")
                left = width - self.width(letter, size, bold=bold)
            pieces[-1] += letter
        return pieces

    def rule(self, y: float, colour: Colour = HAIR, thickness: float = 0.5) -> None:
        """A line from margin to margin."""
        self.set_draw_color(*colour)
        self.set_line_width(thickness)
        self.line(MARGIN, y, self.w - MARGIN, y)

    def draw_qr(self, text: str, x: float, y: float, side: float) -> None:
        """A QR code; its quiet zone is the paper around it."""
        code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, box_size=1)
        code.add_data(text)
        code.make(fit=True)
        rows = code.get_matrix()
        step = side / len(rows)
        self.set_fill_color(*INK)
        for down, row in enumerate(rows):
            for right, dark in enumerate(row):
                if dark:
                    # A hair wider than they are, so that no white line shows between two.
                    self.rect(x + right * step, y + down * step, step + 0.05, step + 0.05, style="F")

    def done(self) -> bytes:
        """The file."""
        return bytes(self.output())

    def close(self) -> None:
        """Let go of the letters' files, whether or not it was done."""
        for letters in self._letters.values():
            letters.close()
