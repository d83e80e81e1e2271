"""Amounts in words, as papers about money have them beside the figures.

Vietnamese as it is taught and as accountants write it: after tens, 1 is `mốt`, 4 is `tư` and 5 is `lăm` (but `mười
một`, `mười bốn`, `mười lăm`); a ten that is nought is `linh` (in the south `lẻ`, which we do not write). Behind a
greater group, a group of three is read to its end: 1.005 is `một nghìn không trăm linh năm`; one of 000 is not read.
From tỷ on it begins again: 10^12 is `một nghìn tỷ`, 10^18 `một tỷ tỷ`. English is British: `one hundred and five`,
without commas."""

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_AFTER_TENS = {1: "mốt", 4: "tư", 5: "lăm"}
_TY = 10**9

_ONES = (
    "", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = (
    (10**18, "quintillion"),
    (10**15, "quadrillion"),
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (10**3, "thousand"),
)


def dong_vi(amount: int) -> str:
    """`Bốn trăm mười hai nghìn năm trăm đồng chẵn`: `chẵn` (and no more) closes it, so that nobody writes on."""
    return _sentence(f"{vietnamese(amount)} đồng{' chẵn' if amount else ''}")


def dong_en(amount: int) -> str:
    """`Four hundred and twelve thousand five hundred đồng only`."""
    return _sentence(f"{english(amount)} đồng{' only' if amount else ''}")


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def vietnamese(number: int) -> str:
    """A whole number, not negative, in Vietnamese; raises ValueError."""
    if number < 0:
        raise ValueError(f"less than nothing: {number}")
    return " ".join(_vietnamese(number, whole=False)) if number else _DIGITS[0]


def _vietnamese(number: int, *, whole: bool) -> list[str]:
    """`whole`: behind a greater group, so that its noughts are read."""
    above, rest = divmod(number, _TY)
    words = [*_vietnamese(above, whole=whole), "tỷ"] if above else []
    for group, name in ((rest // 10**6, "triệu"), (rest // 1000 % 1000, "nghìn"), (rest % 1000, "")):
        if group:
            words += [*_group(group, whole=whole or bool(words)), *filter(None, [name])]
    return words


def _group(group: int, *, whole: bool) -> list[str]:
    hundreds, tens, ones = group // 100, group // 10 % 10, group % 10
    words = [_DIGITS[hundreds], "trăm"] if hundreds or whole else []
    if tens > 1:
        words += [_DIGITS[tens], "mươi", *([_AFTER_TENS.get(ones, _DIGITS[ones])] if ones else [])]
    elif tens:
        words += ["mười", *(["lăm" if ones == 5 else _DIGITS[ones]] if ones else [])]
    elif ones:
        words += [*(["linh"] if words else []), _DIGITS[ones]]
    return words


def english(number: int) -> str:
    """A whole number, not negative and below 10^21, in English; raises ValueError."""
    if not 0 <= number < 10**21:
        raise ValueError(f"not 0 … 10^21: {number}")
    if number == 0:
        return "zero"
    words: list[str] = []
    for scale, name in _SCALES:
        group, number = divmod(number, scale)
        if group:
            words += [_below_thousand(group), name]
    if number:
        words += ["and"] if words and number < 100 else []
        words.append(_below_thousand(number))
    return " ".join(words)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        words.append(_ONES[rest] if rest < 20 else "-".join(filter(None, (_TENS[rest // 10], _ONES[rest % 10]))))
    return " and ".join(words)
