"""Values that travel: numbers of phones, cursors, ids."""

import re
from uuid import UUID

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import Connection
from app.types import BadCursor, BadPhone, Code, Memo, Pin, ShortText, cursor_of, key_of, masked_phone, new_id, phone
from tests.app.phones import problem
from tests.makers import a_resident


@pytest.mark.parametrize(
    "text",
    [
        "0905123456",
        "0905 123 456",
        "+84905123456",
        "+84 905.123.456",
        "84905123456",
        "(0905) 123-456",
        "0084905123456",
    ],
)
def test_a_number_is_the_same_however_it_is_written(text: str) -> None:
    assert phone(text) == "+84905123456"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0905",
        "0234 382 2222",
        "1900 1234",
        "113",
        "+15551234567",
        "+8490512345",
        "+849051234567",
        "0120 123 4567",
        "+++++++++",
        "........",
        "\x00",
        "０９０５",
    ],
)
def test_what_is_no_vietnamese_mobile_is_refused(text: str) -> None:
    with pytest.raises(BadPhone):
        phone(text)


@given(st.text(alphabet="+0123456789 ().-") | st.text())
def test_any_text_is_a_mobile_number_or_refused(text: str) -> None:
    try:
        number = phone(text)
    except BadPhone:
        return
    assert re.fullmatch(r"\+84[1-9][0-9]{8}", number)
    assert phone(number) == number


@given(st.from_regex(r"[35789][0-9]{8}", fullmatch=True), st.lists(st.sampled_from(" .-()"), min_size=9, max_size=9))
def test_separators_do_not_change_a_number(digits: str, separators: list[str]) -> None:
    spaced = "".join(separator + digit for separator, digit in zip(separators, digits, strict=True))
    try:
        number = phone(f"+84{digits}")
    except BadPhone:
        return
    assert phone(f"+84{spaced}") == number


def test_play_numbers_are_numbers() -> None:
    assert phone("+84900000001") == phone("0900000001") == "+84900000001"


@given(st.from_regex(r"\+84[35789][0-9]{8}", fullmatch=True))
def test_a_masked_number_shows_its_two_ends(number: str) -> None:
    masked = masked_phone(number)
    assert masked == f"{number[:6]}***{number[9:]}"
    assert number[6:9] not in masked[6:9]


@given(st.integers(-(2**63), 2**63 - 1), st.text(), st.uuids())
def test_a_cursor_comes_back_as_its_key(version: int, text: str, id_: UUID) -> None:
    cursor = cursor_of(version, text, id_)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", cursor)
    assert key_of(cursor, tuple[int, str, UUID]) == (version, text, id_)


def test_no_cursor_is_the_start() -> None:
    assert key_of(None, tuple[int]) is None


@given(st.text())
def test_a_cursor_that_is_not_ours_is_refused(text: str) -> None:
    try:
        key = key_of(text, tuple[int, str])
    except BadCursor:
        return
    assert key is not None
    assert isinstance(key[0], int)
    assert isinstance(key[1], str)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "====", "é", "AAAA", cursor_of(), cursor_of("1"), cursor_of(1.5), cursor_of(1, 2), cursor_of(None),
     cursor_of(2**63), cursor_of(2**70), cursor_of([1])],
)  # fmt: skip
async def test_a_strange_cursor_is_a_400(db: Connection, desk: httpx.AsyncClient, cursor: str) -> None:
    resident = await a_resident(db)
    answer = await desk.get("/v1/wallet/movements", params={"cursor": cursor}, headers=resident.headers)
    assert answer.status_code == 400
    assert problem(answer)[1] in {"BadCursor", "Malformed"}


def test_ids_are_in_the_order_of_their_making() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {id_.version for id_ in ids} == {7}


@pytest.mark.parametrize("type_", [Code, Pin], ids=["Code", "Pin"])
@pytest.mark.parametrize("text", ["258036\n", "258 36", "", "x\u202ey", "258036" * 7])
def test_a_code_and_a_pin_hold_nothing_strange(type_: type[str], text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, type_)
    assert msgspec.convert("258036", type_) == "258036"


@pytest.mark.parametrize("type_", [ShortText, Memo], ids=["ShortText", "Memo"])
@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[2J", "\ud800", "\x7f", "\x85", "a\u202eb", "dòng\nhai", "x" * 141])
def test_what_people_write_holds_no_control_characters(type_: type[str], text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, type_)
    for kept in ("Bún bò", "🐘", "x" * 100):
        assert msgspec.convert(kept, type_) == kept
