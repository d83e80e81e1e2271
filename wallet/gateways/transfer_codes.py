"""Short codes that stand in the words of a bank transfer, and are found again whatever banks make of the words.

A code is three letters that say what it is for, and eight characters of Crockford's base32 (no I, L, O or U), the
last of them a check: one wrong character anywhere, and any two that changed places, are noticed."""

import re
import secrets
from functools import cache

TOP_UP = "HUE"
BILL = "HUB"
ORDER = "HUO"

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
_AS_TYPED = str.maketrans("OIL", "011")
"""What Crockford reads letters as that are taken for digits."""
_X5_X2_1 = 0b100101
"""The polynomial x⁵ + x² + 1, by which the 32 characters are a field: it makes every weight below another one."""


def make(prefix: str) -> str:
    """A new code, not to be guessed: one of 2³⁵. Whoever keeps it sees to it that it is there once."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH - 1))
    return prefix + body + check_of(prefix, body)


def check_of(prefix: str, body: str) -> str:
    """The check of the prefix and the seven characters after it."""
    total = 0
    for character in prefix + body:
        value = _ALPHABET.index(character) if character in _ALPHABET else ord(character) & 31
        total = _doubled(total ^ value)
    return _ALPHABET[total]


def _doubled(value: int) -> int:
    """Times x, in the field."""
    value <<= 1
    return value ^ _X5_X2_1 if value > 31 else value


def find(text: str, prefix: str = TOP_UP) -> str | None:
    """The code in a transfer's words as we write it, or None. See `all_in`, if the words may hold several."""
    return next(iter(all_in(text, prefix)), None)


def all_in(text: str, prefix: str = TOP_UP) -> list[str]:
    """Every code in a transfer's words, those that stand in one piece first.

    Banks write capitals, leave out spaces or put in others, and glue their own numbers to both ends; people type O
    for 0 and I or L for 1. What has a wrong check is no code."""
    written = text.upper()
    squeezed = re.sub(r"[^0-9A-Z]", "", written)
    found = [
        prefix + body
        for words in (written, squeezed)
        for body in (match[1].translate(_AS_TYPED) for match in _pattern(prefix).finditer(words))
        if body[-1] == check_of(prefix, body[:-1])
    ]
    return list(dict.fromkeys(found))


@cache
def _pattern(prefix: str) -> re.Pattern[str]:
    # Looked ahead, so that of two that overlap both are seen.
    return re.compile(rf"(?={prefix}([0-9A-TV-Z]{{{_LENGTH}}}))")
