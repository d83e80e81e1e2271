"""How long a text is: as carriers bill it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.texts.lengths import cut, is_gsm_7, plain, segments, thrifty

WARNING = (
    "Cảnh báo lũ: mực nước sông Hương lúc 15 giờ là 3,6 m, trên báo động 3. Người dân phường Thuận Hóa, Vỹ Dạ đưa xe "
    "và đồ đạc lên cao, không đi qua ngầm tràn."
)
LETTERS = st.text(st.sampled_from("aZ9 \n.,@£à€{|~[]^đưảĐ₫–“…🌊漢"), max_size=700)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 460, 4),
        ("ả" * 70, 1),
        ("ả" * 71, 2),
        ("ả" * 134, 2),
        ("ả" * 135, 3),
        ("à" * 160, 1),  # the alphabet has this one
        ("a" * 159 + "ả", 3),  # one letter of another alphabet, and all of it is written in that
        ("€" * 80, 1),  # two septets each
        ("€" * 81, 2),
        ("a" + "€" * 80, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the pair does not fit into the last place of the first
        ("a" * 151 + "€" + "a" * 153, 2),
        ("🌊" * 35, 1),  # two code units each
        ("🌊" * 36, 2),
        ("ả" * 66 + "🌊" + "ả" * 66, 3),
        ("ả" * 65 + "🌊" + "ả" * 67, 2),
    ],
)
def test_segments_are_counted_as_carriers_count_them(words: str, count: int) -> None:
    assert segments(words) == count


def test_a_warning_loses_its_diacritics_because_that_saves_segments() -> None:
    assert (segments(WARNING), segments(plain(WARNING))) == (3, 1)
    assert thrifty(WARNING) == plain(WARNING)
    assert plain(WARNING).startswith("Canh bao lu: muc nuoc song Huong luc 15 gio la 3,6 m, tren bao dong 3.")


def test_a_short_text_keeps_its_diacritics() -> None:
    assert thrifty("Lũ đã rút, cầu Trường Tiền thông xe.") == "Lũ đã rút, cầu Trường Tiền thông xe."


def test_what_has_no_plain_letter_stays() -> None:
    assert plain("Đường “Lê Lợi” – 20.000 ₫… 漢 🌊") == 'Duong "Le Loi" - 20.000 d... 漢 🌊'


def test_a_long_text_is_cut_after_a_whole_word() -> None:
    assert cut("a" * 150 + " bcd" + " efg" * 5, 1) == "a" * 150 + " bcd..."
    assert cut("ả" * 60 + ", bcd efghi", 1) == "ả" * 60 + ", bcd…"
    assert cut("ả" * 60 + ", bcdefghijklm", 1) == "ả" * 60 + "…", "no comma is left before the ellipsis"
    assert cut("x" * 200, 1) == "x" * 157 + "...", "one long word is cut where it must be"
    assert cut("x" * 160, 1) == "x" * 160


@given(LETTERS, st.integers(1, 4))
@example("a" * 151 + "€€€", 1)
def test_what_was_cut_fits_and_is_the_beginning(words: str, most: int) -> None:
    short = cut(words, most)
    assert segments(short) <= most
    if short != words:
        assert segments(words) > most
        assert words.startswith(short.removesuffix("...") if is_gsm_7(words) else short.removesuffix("…"))


@given(LETTERS)
def test_thrift_never_costs(words: str) -> None:
    assert segments(thrifty(words)) <= segments(words)


@given(LETTERS)
def test_a_segment_holds_no_less_than_its_places_but_one(words: str) -> None:
    """The count is the least there is, but for a pair that must not be cut: one place a segment."""
    part = 153 if is_gsm_7(words) else 67
    places = sum(
        (2 if letter in "\f^{}\\[~]|€" else 1) if is_gsm_7(words) else 2 if ord(letter) > 0xFFFF else 1
        for letter in words
    )
    if (count := segments(words)) > 1:
        assert (count - 1) * (part - 1) < places <= count * part
