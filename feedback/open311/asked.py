"""What a client asks, in the query or as a form: an empty parameter is one that is not there."""

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from litestar.datastructures import UploadFile

from app.deps import Door
from app.errors import Language, Malformed, NotFound, Refusal, UnsupportedMediaType
from feedback.open311.noes import language_of

JURISDICTION = "hue.gov.vn"
MOST_PARAMETERS = 200
MOST_CODES = 1000
"""Members of a list with commas."""

_NOT_KEPT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters, and marks that turn the text around. Lines end with a line feed by then."""
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,100})\](\[\])?")
_YES, _NO = {"true", "1", "yes"}, {"false", "0", "no"}
_YEARS = range(1970, 2201)


class ParameterMissing(Refusal):
    """Thiếu tham số {name}.

    The parameter {name} is missing."""

    status = 400


class BadParameter(Refusal):
    """Tham số {name} không hợp lệ; ví dụ hợp lệ: {example}.

    The parameter {name} is not valid; valid would be, for example, {example}."""

    status = 400


class TooLong(Refusal):
    """Tham số {name} dài quá {most} ký tự.

    The parameter {name} has more than {most} characters."""

    status = 400


class UnknownJurisdiction(NotFound):
    """Không phục vụ jurisdiction_id {asked}; hãy bỏ tham số này hoặc dùng {known}.

    There is no jurisdiction {asked} here; leave jurisdiction_id out, or say {known}."""


class FormExpected(UnsupportedMediaType):
    """Hãy gửi biểu mẫu: application/x-www-form-urlencoded hoặc multipart/form-data.

    Send a form: application/x-www-form-urlencoded or multipart/form-data."""


class Asked:
    """The parameters, the body's before the query's, and a file if one came along.

    Raises UnknownJurisdiction where it is made, and BadParameter, TooLong or ParameterMissing where it is read."""

    def __init__(
        self, pairs: Iterable[tuple[str, str]], language: Language = "en", media: UploadFile | None = None
    ) -> None:
        self.language: Language = language
        self.values: dict[str, list[str]] = {}
        for name, value in pairs:
            if said := _cleaned(value):
                self.values.setdefault(name, []).append(said)
        self.media = media
        jurisdiction = self.text("jurisdiction_id", 200)
        if jurisdiction not in {None, JURISDICTION}:
            raise UnknownJurisdiction(asked=jurisdiction, known=JURISDICTION)

    def text(self, name: str, most: int) -> str | None:
        """What was said, of so many characters at most."""
        said = next(iter(self.values.get(name, ())), None)
        if said is not None and len(said) > most:
            raise TooLong(name=name, most=most)
        return said

    def needed(self, name: str, most: int) -> str:
        """The same, where nothing goes without it."""
        said = self.text(name, most)
        if said is None:
            raise ParameterMissing(name=name)
        return said

    def codes(self, name: str) -> list[str] | None:
        """A list with commas between its members."""
        said = self.text(name, 100 * MOST_CODES)
        if said is None:
            return None
        codes = list(dict.fromkeys(code for part in said.split(",") if (code := part.strip())))
        if not 1 <= len(codes) <= MOST_CODES:
            raise BadParameter(name=name, example="a,b")
        return codes

    def moment(self, name: str) -> datetime | None:
        """ISO 8601 with its zone; a + that nobody encoded came as a space."""
        said = self.text(name, 60)
        if said is None:
            return None
        refused = BadParameter(name=name, example="2026-11-23T09:00:00+07:00")
        try:
            moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", said))
        except ValueError:
            raise refused from None
        if moment.tzinfo is None or moment.year not in _YEARS:
            raise refused
        return moment

    def number(self, name: str, least: float, most: float, example: str) -> float | None:
        """A number, of degrees or metres."""
        said = self.text(name, 40)
        if said is None:
            return None
        try:
            number = float(said) if said.isascii() else math.nan
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise BadParameter(name=name, example=example)
        return number

    def whole(self, name: str, most: int, otherwise: int) -> int:
        """A number from 1 on."""
        said = self.text(name, 10)
        if said is None:
            return otherwise
        if not (said.isascii() and said.isdigit() and 1 <= int(said) <= most):
            raise BadParameter(name=name, example=str(otherwise))
        return int(said)

    def flag(self, name: str) -> bool:
        """Whether it was asked for."""
        said = (self.text(name, 10) or "false").lower()
        if said not in _YES | _NO:
            raise BadParameter(name=name, example="true")
        return said in _YES

    def attributes(self) -> dict[str, list[str]]:
        """The values of each `attribute[CODE]` and `attribute[CODE][]`."""
        found: dict[str, list[str]] = {}
        for name, values in self.values.items():
            if named := _ATTRIBUTE.fullmatch(name):
                found.setdefault(named[1], []).extend(values)
        return found


def _cleaned(value: str) -> str:
    lines = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_KEPT.sub("", lines).strip()


def language(request: Door) -> Language:
    """The language that is asked for."""
    return language_of(request.headers.get("accept-language", ""))


def in_query(request: Door) -> Asked:
    """What a GET asks; raises Malformed too."""
    return Asked(_pairs_of_query(request), language(request))


async def in_form(request: Door) -> Asked:
    """What a POST says, in a form of either kind, in the query, or in both; raises Malformed, FormExpected too."""
    kind, _ = request.content_type
    if kind not in {"", "application/x-www-form-urlencoded", "multipart/form-data"} and await request.body():
        raise FormExpected
    if kind == "application/x-www-form-urlencoded":
        return Asked([*_pairs(await request.body()), *_pairs_of_query(request)], language(request))
    if kind != "multipart/form-data":
        return in_query(request)
    parts: list[tuple[str, Any]] = list((await request.form()).multi_items())
    files = [part for name, part in parts if name == "media" and isinstance(part, UploadFile)]
    texts = [(name, part) for name, part in parts if isinstance(part, str)]
    if len(texts) > MOST_PARAMETERS or len(files) > 1:
        raise Malformed
    return Asked([*texts, *_pairs_of_query(request)], language(request), files[0] if files else None)


def _pairs_of_query(request: Door) -> list[tuple[str, str]]:
    return _pairs(request.scope["query_string"])


def _pairs(form: bytes) -> list[tuple[str, str]]:
    """As UTF-8, whether or not somebody has encoded it for an address."""
    try:
        return parse_qsl(form.decode(), errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Malformed from None
