"""How long a text is, as carriers count and bill it: in segments (3GPP TS 23.038 and 23.040, 9.2.3.24.1).

A text whose every letter is in the GSM 7-bit alphabet has 160 septets in one segment, 153 in each of several; any
other is written in UCS-2 and has 70 and 67 code units. `ả`, `đ` and `ư` are not in the alphabet, so that Vietnamese
as it is written takes more than twice the segments. A letter that takes two places is never cut in the middle."""

import re
import unicodedata

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Two septets each: an escape, and a letter."""
GSM_7 = (160, 153)
UCS_2 = (70, 67)
"""Places in one segment, and in each of several."""

_PLAIN = str.maketrans(
    {
        "đ": "d", "Đ": "D", "₫": "d", "–": "-", "—": "-", "‐": "-", "‑": "-", "“": '"', "”": '"', "„": '"', "«": '"',
        "»": '"', "‘": "'", "’": "'", "•": "-", "·": "-", "×": "x", "→": "->", "\u00a0": " ", "\u202f": " ",
        "\t": " ",
    }
)  # fmt: skip


def segments(words: str) -> int:
    """Of how many segments this text is; an empty one is one."""
    (whole, part), width_of = (GSM_7, _septets) if is_gsm_7(words) else (UCS_2, _units)
    widths = list(map(width_of, words))
    if sum(widths) <= whole:
        return 1
    count, left = 1, part
    for width in widths:
        if width > left:
            count, left = count + 1, part
        left -= width
    return count


def is_gsm_7(words: str) -> bool:
    """Is every letter in the GSM 7-bit alphabet or its extension?"""
    return _BASIC.union(_EXTENDED).issuperset(words)


def plain(words: str) -> str:
    """Without diacritics, and with the typewriter's punctuation: `Sông Hương, 3,5 m` → `Song Huong, 3,5 m`.

    What has no plain letter (a picture, Chinese) stays as it is."""
    decomposed = unicodedata.normalize("NFKD", words.translate(_PLAIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def thrifty(words: str) -> str:
    """The text without its diacritics if it is of fewer segments then, as it is if not.

    A warning to a district is a hundred thousand texts. The carriers' queues are counted in segments, so that half of
    them arrive in half the time; and a text in three parts is shown when the last has come, which over a bad network
    may be never. People here have read texts without diacritics for thirty years."""
    bare = plain(words)
    return bare if segments(bare) < segments(words) else words


def cut(words: str, most_segments: int) -> str:
    """The text, or as much of its beginning as there is room for, up to a whole word, and an ellipsis."""
    if segments(words) <= most_segments:
        return words
    dots = "..." if is_gsm_7(words) else "…"
    fits, too_long = 0, len(words)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if segments(words[:middle].rstrip() + dots) <= most_segments:
            fits = middle
        else:
            too_long = middle
    return _whole_words(words, fits) + dots


def _whole_words(words: str, fits: int) -> str:
    kept = words[:fits]
    if not re.match(r"\s", words[fits : fits + 1]):
        without_last, space, _ = kept.rpartition(" ")
        kept = without_last if space else kept
    return kept.rstrip(" \n,;:-–")


def _septets(letter: str) -> int:
    return 2 if letter in _EXTENDED else 1


def _units(letter: str) -> int:
    return 2 if ord(letter) > 0xFFFF else 1
