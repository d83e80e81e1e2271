"""What somebody wrote into a form, held against the form's JSON Schema (2020-12), with words that name the field.

A schema is staff's and was looked at before it was published (`schema_check.py`); a form is anybody's. What no honest
form holds is refused before the schema is asked: nesting, length, characters that no text has."""

import math
import re
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from app.errors import Language, Refusal
from dossiers.procedures.definitions import Definition

MOST_DEEP, MOST_VALUES, MOST_LETTERS, MOST_ERRORS = 6, 1_000, 4_000, 50
MOST_NUMBER = 2**53
"""The greatest whole number that a browser reads exactly."""
MOST_COMPILED = 500

Way = tuple[str | int, ...]
"""Where in a form: names of fields and numbers in lists."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class FormInvalid(Refusal):
    """Một số mục trong biểu mẫu chưa đúng; hãy sửa các mục được nêu rồi gửi lại.

    Some fields of the form are not right; mend those that are named and send it again."""

    status = 400


WORDS: dict[str, tuple[str, str]] = {
    "required": ("bắt buộc phải điền", "must be filled in"),
    "type": ("không đúng kiểu dữ liệu", "is not of the right kind"),
    "enum": ("không có trong danh sách cho chọn", "is not one of the choices"),
    "const": ("phải được xác nhận", "must be confirmed"),
    "pattern": ("không đúng mẫu", "does not have the right form"),
    "format": (
        "không phải là ngày có thật; hãy viết theo dạng năm-tháng-ngày",
        "is not a real date; write it as year-month-day",
    ),
    "minLength": ("ngắn quá, ít nhất {limit} ký tự", "is too short: {limit} letters at least"),
    "maxLength": ("dài quá, nhiều nhất {limit} ký tự", "is too long: {limit} letters at the most"),
    "minimum": ("không được nhỏ hơn {limit}", "must not be less than {limit}"),
    "maximum": ("không được lớn hơn {limit}", "must not be more than {limit}"),
    "multipleOf": ("phải là bội số của {limit}", "must be a multiple of {limit}"),
    "minItems": ("phải có ít nhất {limit} dòng", "needs {limit} lines at least"),
    "maxItems": ("chỉ được có nhiều nhất {limit} dòng", "has room for {limit} lines at the most"),
    "uniqueItems": ("có dòng bị lặp lại", "has a line twice"),
    "additionalProperties": ("không có trong biểu mẫu này", "is no field of this form"),
    "characters": ("có ký tự không được dùng", "has characters that may not be used"),
    "nesting": ("lồng nhau quá sâu hoặc quá nhiều", "is nested too deep, or is too much"),
    "other": ("không hợp lệ", "is not valid"),
}
"""What is wrong with a field, by the keyword that says so; it follows the field's title."""


def check_form(definition: Definition, form: dict[str, Any], language: Language) -> None:
    """Raises FormInvalid, whose `errors` name every wrong field (`field`: `parents.0.name`) and say why."""
    told: dict[tuple[str, str], str] = {}
    for way, keyword, limit in _wrong(definition, form):
        words = WORDS.get(keyword, WORDS["other"])[0 if language == "vi" else 1]
        field = ".".join(str(part) for part in way)[:200]
        message = f"{_title(definition.form, way, language)}: {words.format(limit=limit)}"
        told.setdefault((field, keyword), message)
        if len(told) >= MOST_ERRORS:
            break
    if told:
        raise FormInvalid(errors=[{"field": field, "message": message} for (field, _), message in told.items()])


def _wrong(definition: Definition, form: dict[str, Any]) -> Iterator[tuple[Way, str, Any]]:
    # What would make the schema's own look at it long is told alone.
    impossible = list(_impossible(form))
    if impossible:
        yield from impossible
        return
    for error in _compiled(definition).iter_errors(form):
        yield from _fields_of(error)


def _impossible(form: object) -> Iterator[tuple[Way, str, Any]]:
    left: list[tuple[Way, object]] = [((), form)]
    seen = 0
    while left:
        way, value = left.pop()
        seen += 1
        if len(way) > MOST_DEEP or seen > MOST_VALUES:
            yield way[:1], "nesting", None
            return
        match value:
            case dict():
                for name, inside in value.items():
                    if _UNPRINTABLE.search(name) or len(name) > 40:
                        yield way, "additionalProperties", None
                    else:
                        left.append(((*way, name), inside))
            case list():
                left.extend(((*way, number), inside) for number, inside in enumerate(value))
            case str():
                if len(value) > MOST_LETTERS:
                    yield way, "maxLength", MOST_LETTERS
                elif _UNPRINTABLE.search(value):
                    yield way, "characters", None
            case float() if not math.isfinite(value):
                yield way, "type", None
            case int() | float() if abs(value) > MOST_NUMBER:
                yield way, "maximum", MOST_NUMBER
            case _:
                pass


def _fields_of(error: ValidationError) -> Iterator[tuple[Way, str, Any]]:
    way, keyword = tuple(error.absolute_path), str(error.validator)
    there: Any = error.instance
    said: Any = error.validator_value
    match keyword:
        case "required":
            yield from (((*way, name), "required", None) for name in said if name not in there)
        case "dependentRequired":
            wanted = [name for given, names in said.items() if given in there for name in names]
            yield from (((*way, name), "required", None) for name in wanted if name not in there)
        case "additionalProperties" if said is False:
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            yield from (((*way, name), keyword, None) for name in there if name not in known)
        case _:
            yield way, keyword, said


def _title(schema: Any, way: Way, language: Language) -> str:
    """The title of the field there; of what has none, its own name."""
    title = ""
    for part in way:
        schema = schema.get("items") if isinstance(part, int) else (schema.get("properties") or {}).get(part)
        if not isinstance(schema, dict):
            return str(part)
        said = (schema.get("title_en") if language == "en" else None) or schema.get("title")
        title = str(said or title or part)
    return title or ("Biểu mẫu" if language == "vi" else "The form")


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _pattern(validator: Any, pattern: str, instance: object, schema: Any) -> Iterator[ValidationError]:
    """As ECMA-262 has it, which JSON Schema goes by: `\\d` is 0 to 9, and `$` is the very end."""
    if not isinstance(instance, str):
        return
    found = re.compile(pattern, re.ASCII).search(instance)
    if found is None or (found.end() < len(instance) and pattern.endswith("$") and not pattern.endswith("\\$")):
        yield ValidationError("pattern")


def _is_whole(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_formats = FormatChecker(())
_formats.checks("date")(_is_date)
FormSchema: Any = extend(
    Draft202012Validator,
    {"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)
"""JSON Schema 2020-12, but that a whole number is written as one."""

_known: OrderedDict[int, tuple[Definition, Any]] = OrderedDict()


def _compiled(definition: Definition) -> Any:
    """The form's validator, made once for each definition that is kept."""
    known = _known.get(id(definition))
    if known is not None and known[0] is definition:
        return known[1]
    validator = FormSchema(definition.form, format_checker=_formats)
    _known[id(definition)] = (definition, validator)
    while len(_known) > MOST_COMPILED:
        _known.popitem(last=False)
    return validator
