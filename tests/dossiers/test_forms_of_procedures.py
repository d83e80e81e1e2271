"""What is written into a form: a good one passes, a wrong field is named in the writer's language, a hostile one is
answered soon and politely."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.procedures import loading
from dossiers.procedures.definitions import Definition
from dossiers.procedures.form_check import FormInvalid, check_form

CATALOGUE = loading.read()
GOOD: dict[str, Any] = {
    "person_name": "Tôn Nữ Diệu Huyền", "person_born_on": "1996-02-29", "entry": "birth",
    "registered_at": "UBND phường Kim Long", "requester_relation": "Bản thân", "copies": 2,
}  # fmt: skip
OF_ALL: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "title": "Tên", "title_en": "Name", "minLength": 2, "maxLength": 10},
        "code": {"type": "string", "title": "Mã", "title_en": "Code", "pattern": "^[0-9]{3}$", "maxLength": 10},
        "many": {"type": "integer", "title": "Số", "title_en": "Number", "minimum": 1, "maximum": 9, "multipleOf": 2},
        "sure": {"type": "boolean", "title": "Cam đoan", "title_en": "Declared", "const": True},
        "people": {
            "type": "array", "title": "Người", "title_en": "People", "maxItems": 2, "minItems": 1,
            "uniqueItems": True,
            "items": {
                "type": "object", "additionalProperties": False, "required": ["day"],
                "properties": {
                    "day": {"type": "string", "title": "Ngày", "title_en": "Day", "format": "date", "maxLength": 10}
                },
            },
        },
    },
    "if": {"properties": {"many": {"const": 4}}, "required": ["many"]},
    "then": {"required": ["code"]},
}  # fmt: skip


def a_definition(form: dict[str, Any]) -> Definition:
    return msgspec.structs.replace(CATALOGUE["2.000635"], form=form)


def wrong(form: Any, definition: Definition | None = None, language: Any = "vi") -> dict[str, str]:
    """The wrong fields, and what is said of each."""
    try:
        check_form(definition or CATALOGUE["2.000635"], form, language)
    except FormInvalid as refused:
        return {error["field"]: error["message"] for error in refused.members["errors"]}
    return {}


def test_a_good_form_passes() -> None:
    assert wrong(GOOD) == {}
    assert wrong({"name": "Huế"}, a_definition(OF_ALL)) == {}


@pytest.mark.parametrize(
    ("form", "field", "vi", "en"),
    [
        ({}, "name", "Tên: bắt buộc phải điền", "Name: must be filled in"),
        ({"name": "H"}, "name", "Tên: ngắn quá, ít nhất 2 ký tự", "Name: is too short: 2 letters at least"),
        ({"name": "H" * 11}, "name", "Tên: dài quá, nhiều nhất 10 ký tự",
         "Name: is too long: 10 letters at the most"),
        ({"name": 5}, "name", "Tên: không đúng kiểu dữ liệu", "Name: is not of the right kind"),
        ({"name": None}, "name", "Tên: không đúng kiểu dữ liệu", "Name: is not of the right kind"),
        ({"name": "Huế", "code": "12a"}, "code", "Mã: không đúng mẫu", "Code: does not have the right form"),
        ({"name": "Huế", "code": "123\n"}, "code", "Mã: không đúng mẫu", "Code: does not have the right form"),
        ({"name": "Huế", "code": "١٢٣"}, "code", "Mã: không đúng mẫu", "Code: does not have the right form"),
        ({"name": "Huế", "many": 0}, "many", "Số: không được nhỏ hơn 1", "Number: must not be less than 1"),
        ({"name": "Huế", "many": 10}, "many", "Số: không được lớn hơn 9", "Number: must not be more than 9"),
        ({"name": "Huế", "many": 3}, "many", "Số: phải là bội số của 2", "Number: must be a multiple of 2"),
        ({"name": "Huế", "many": 2.0}, "many", "Số: không đúng kiểu dữ liệu", "Number: is not of the right kind"),
        ({"name": "Huế", "many": True}, "many", "Số: không đúng kiểu dữ liệu", "Number: is not of the right kind"),
        ({"name": "Huế", "many": 4}, "code", "Mã: bắt buộc phải điền", "Code: must be filled in"),
        ({"name": "Huế", "sure": False}, "sure", "Cam đoan: phải được xác nhận", "Declared: must be confirmed"),
        ({"name": "Huế", "people": []}, "people", "Người: phải có ít nhất 1 dòng", "People: needs 1 lines at least"),
        ({"name": "Huế", "people": [{}]}, "people.0.day", "Ngày: bắt buộc phải điền", "Day: must be filled in"),
        ({"name": "Huế", "people": [{"day": "2026-02-01"}] * 2}, "people", "Người: có dòng bị lặp lại",
         "People: has a line twice"),
        ({"name": "Huế", "balance": 1}, "balance", "balance: không có trong biểu mẫu này",
         "balance: is no field of this form"),
        ({"name": "Hu\x00ế"}, "name", "Tên: có ký tự không được dùng", "Name: has characters that may not be used"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_in_the_writers_language(form: dict[str, Any], field: str, vi: str, en: str) -> None:
    assert wrong(form, a_definition(OF_ALL)) == {field: vi}
    assert wrong(form, a_definition(OF_ALL), "en") == {field: en}


@pytest.mark.parametrize("day", ["2025-02-29", "2026-13-01", "20260101", "2026-1-1", "hôm nay", "２０２６-01-01", ""])
def test_a_day_is_one_of_the_calendar(day: str) -> None:
    message = "Ngày sinh: không phải là ngày có thật; hãy viết theo dạng năm-tháng-ngày"
    assert wrong(GOOD | {"person_born_on": day}) == {"person_born_on": message}


def test_a_choice_is_one_of_the_list() -> None:
    assert wrong(GOOD | {"entry": "divorce"}) == {"entry": "Loại trích lục: không có trong danh sách cho chọn"}


def test_every_wrong_field_is_told_at_once() -> None:
    assert set(wrong({"copies": 51, "role": "admin"})) == {*GOOD, "role"}


def deep(levels: int) -> Any:
    inside: Any = 1
    for _ in range(levels):
        inside = {"a": inside}
    return inside


@pytest.mark.parametrize(
    "value",
    [
        deep(100_000), [[]] * 100_000, [1] * 100_000, "x" * 10_000_000, float("nan"), float("inf"), 10**400, -(2**64),
        "\x00", "\ud800", "\u202e", {"\x00": 1}, {"": {}}, {"x" * 100_000: 1}, [None], {"__proto__": []},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("field", ["person_name", "copies", "anything"])
def test_a_hostile_form_is_answered_soon(value: Any, field: str) -> None:
    begun = time.thread_time()  # this one's own: a browser's tests may have left threads behind that work too
    told = wrong(GOOD | {field: value})
    assert time.thread_time() - begun < 1
    assert told
    assert all(len(name) + len(said) < 1_000 for name, said in told.items())
    msgspec.json.encode(told)


def test_wrong_fields_without_end_are_told_as_far_as_anybody_reads() -> None:
    assert len(wrong({f"field{number}": 1 for number in range(900)})) == 50


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=10), inside, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(sorted(CATALOGUE)), st.dictionaries(st.text(max_size=20), _json, min_size=1, max_size=5))
def test_no_form_does_more_than_being_refused(code: str, form: dict[str, Any]) -> None:
    msgspec.json.encode(wrong(form, CATALOGUE[code]))
    assert wrong(form, CATALOGUE[code])
