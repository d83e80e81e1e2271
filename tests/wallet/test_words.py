"""Amounts in words: by hand, and beside an independent library where that one is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from num2words import num2words

from wallet.papers.words import dong_en, dong_vi, english, vietnamese

AMOUNTS = some.one_of(
    some.integers(0, 10**13), some.integers(0, 20_000), some.integers(0, 10**6).map(lambda n: n * 1000)
)

BY_HAND = {
    0: "không",
    4: "bốn",
    5: "năm",
    10: "mười",
    11: "mười một",
    14: "mười bốn",
    15: "mười lăm",
    20: "hai mươi",
    21: "hai mươi mốt",
    24: "hai mươi tư",
    25: "hai mươi lăm",
    55: "năm mươi lăm",
    100: "một trăm",
    101: "một trăm linh một",
    104: "một trăm linh bốn",
    105: "một trăm linh năm",
    110: "một trăm mười",
    111: "một trăm mười một",
    121: "một trăm hai mươi mốt",
    555: "năm trăm năm mươi lăm",
    1_000: "một nghìn",
    1_001: "một nghìn không trăm linh một",
    1_010: "một nghìn không trăm mười",
    1_021: "một nghìn không trăm hai mươi mốt",
    2_005: "hai nghìn không trăm linh năm",
    10_500: "mười nghìn năm trăm",
    412_500: "bốn trăm mười hai nghìn năm trăm",
    1_000_000: "một triệu",
    1_000_005: "một triệu không trăm linh năm",
    1_005_000: "một triệu không trăm linh năm nghìn",
    21_000_000: "hai mươi mốt triệu",
    999_999_999: "chín trăm chín mươi chín triệu chín trăm chín mươi chín nghìn chín trăm chín mươi chín",
    10**9: "một tỷ",
    10**9 + 5: "một tỷ không trăm linh năm",
    15_000_015_000: "mười lăm tỷ không trăm mười lăm nghìn",
    10**12: "một nghìn tỷ",
    1_005 * 10**9: "một nghìn không trăm linh năm tỷ",
    10**12 + 1: "một nghìn tỷ không trăm linh một",
    2_500_000 * 10**9: "hai triệu năm trăm nghìn tỷ",
    10**18: "một tỷ tỷ",
}


@pytest.mark.parametrize(("number", "words"), BY_HAND.items())
def test_vietnamese_by_hand(number: int, words: str) -> None:
    assert vietnamese(number) == words


def test_an_amount_is_a_sentence_that_nobody_can_write_on() -> None:
    assert dong_vi(412_500) == "Bốn trăm mười hai nghìn năm trăm đồng chẵn"
    assert dong_en(412_500) == "Four hundred and twelve thousand five hundred đồng only"
    assert dong_vi(0) == "Không đồng"
    assert dong_en(0) == "Zero đồng"


@given(AMOUNTS)
def test_english_is_what_the_library_says(number: int) -> None:
    assert english(number) == num2words(number, lang="en").replace(",", "")


def _read_to_the_end(number: int) -> bool:
    """The library leaves out the noughts of an inner group (2.005 is `hai nghìn lẻ năm`) and reads beyond 10^12
    in pieces: it is right where every group but the first is a full one, or none at all."""
    groups = f"{number:,}".split(",")
    return number < 10**12 and all(group == "000" or group >= "100" for group in groups[1:])


@given(AMOUNTS.filter(_read_to_the_end))
def test_vietnamese_is_what_the_library_says_in_our_dialect(number: int) -> None:
    theirs = num2words(number, lang="vi").replace("lẻ", "linh").replace("mươi bốn", "mươi tư").split()
    assert vietnamese(number).split() == theirs


_VALUES = {
    word: value for value, word in enumerate(["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"])
} | {
    "mốt": 1,
    "tư": 4,
    "lăm": 5,
    "mười": 10,
}


def _read(words: str) -> int:
    """The number that a person hears, one word after another."""
    ty = group = million = thousand = digit = 0
    for word in words.split():
        match word:
            case "trăm":
                group, digit = digit * 100, 0
            case "linh":
                pass
            case "mươi":
                group, digit = group + digit * 10, 0
            case "mười":
                group += 10
            case "nghìn":
                thousand, group, digit = group + digit, 0, 0
            case "triệu":
                million, group, digit = group + digit, 0, 0
            case "tỷ":
                ty = (ty + million * 10**6 + thousand * 1000 + group + digit) * 10**9
                million = thousand = group = digit = 0
            case _:
                digit = _VALUES[word]
    return ty + million * 10**6 + thousand * 1000 + group + digit


@given(AMOUNTS)
def test_whoever_hears_it_writes_the_same_number(number: int) -> None:
    assert _read(vietnamese(number)) == number


@given(AMOUNTS, AMOUNTS)
def test_no_two_amounts_sound_alike(one: int, other: int) -> None:
    assert (vietnamese(one) == vietnamese(other)) == (one == other)


@pytest.mark.parametrize("number", [-1, -(10**9)])
def test_less_than_nothing_has_no_words(number: int) -> None:
    for words in (vietnamese, english):
        with pytest.raises(ValueError, match=r"nothing|not 0"):
            words(number)
