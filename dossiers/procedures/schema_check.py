"""What a form's JSON Schema may be: of a closed list of keywords, flat enough, bounded, with words in both languages.

It says everything in place: a reference, local or remote, is none of its keywords. Every text has a greatest length,
and a pattern cannot be one that takes long (RFC 9485 leaves out what makes them so, groups that repeat aside)."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from jsonschema.exceptions import SchemaError

from dossiers.procedures.form_check import MOST_DEEP, MOST_LETTERS, FormSchema

MOST_BYTES, MOST_FIELDS, MOST_PATTERN, MOST_NESTED = 32_000, 100, 200, 3 * MOST_DEEP

KEYWORDS = {
    "$schema", "title", "title_en", "description", "description_en", "position", "names", "names_en", "default",
    "type", "enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "multipleOf",
    "items", "minItems", "maxItems", "uniqueItems", "properties", "required", "additionalProperties",
    "dependentRequired", "allOf", "if", "then", "else",
}  # fmt: skip
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_OPEN_ENDED = re.compile(r"(?<!\\)[*+]|\{[0-9]+,\}")

Schema = dict[str, Any]


def wrong_with(schema: Schema) -> Iterator[tuple[str, str, str, str]]:
    """Whatever a form's schema may not be: where, a code, and the same in Vietnamese and English."""
    try:
        size = len(msgspec.json.encode(schema))
    except (ValueError, RecursionError, TypeError, msgspec.MsgspecError):
        size = MOST_BYTES + 1
    if size > MOST_BYTES or _depth(schema) > MOST_NESTED:
        yield "form", "schema_too_big", "Biểu mẫu quá lớn hoặc lồng quá sâu", "The form is too big or nested too deep"
        return
    if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
        yield (
            "form", "schema_not_closed",
            "Biểu mẫu phải là một đối tượng với additionalProperties: false",
            "The form must be an object with additionalProperties: false",
        )  # fmt: skip
    if schema.get("$schema", _DRAFT) != _DRAFT:
        yield "form", "schema_draft", "Chỉ dùng JSON Schema 2020-12", "Only JSON Schema 2020-12 is taken"
    yield from _keywords(schema, "form")
    try:
        FormSchema.check_schema(schema)
    except (SchemaError, RecursionError, re.error) as problem:
        where = ".".join(str(part) for part in getattr(problem, "absolute_path", ()))
        yield f"form.{where}".rstrip("."), "schema_invalid", "Không phải JSON Schema đúng", "This is no JSON Schema"
        return
    yield from _fields(schema, "form")


def _depth(value: object) -> int:
    deepest, left = 0, [(1, value)]
    while left:
        depth, inside = left.pop()
        deepest = max(deepest, depth)
        if deepest > MOST_NESTED:
            break
        members = inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ()
        left.extend((depth + 1, member) for member in members)
    return deepest


def _keywords(schema: object, where: str) -> Iterator[tuple[str, str, str, str]]:
    if not isinstance(schema, dict):
        return
    for word in schema:
        if word not in KEYWORDS:
            yield (
                f"{where}.{word}",
                "schema_keyword",
                f"Không dùng từ khóa {word}",
                f"The keyword {word} is not taken",
            )
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not _is_quick(pattern):
        yield (
            f"{where}.pattern", "schema_pattern",
            "Biểu thức chính quy không đúng hoặc có thể chạy rất lâu",
            "The pattern is none, or may take very long",
        )  # fmt: skip
    for word in ("items", "if", "then", "else"):
        yield from _keywords(schema.get(word), f"{where}.{word}")
    parts = schema.get("allOf")
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        yield from _keywords(part, f"{where}.allOf.{number}")
    inside = schema.get("properties")
    for name, part in inside.items() if isinstance(inside, dict) else ():
        yield from _keywords(part, f"{where}.{name}")


def _is_quick(pattern: str) -> bool:
    """A pattern that Python takes, without repeated groups, with two open ends at the most."""
    if len(pattern) > MOST_PATTERN or _REPEATED_GROUP.search(pattern) or len(_OPEN_ENDED.findall(pattern)) > 2:
        return False
    try:
        re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return False
    return "(?P=" not in pattern and not re.search(r"\\[1-9]", pattern)


def _fields(schema: Schema, where: str) -> Iterator[tuple[str, str, str, str]]:
    """A schema that is one, field by field."""
    fields: Schema = schema.get("properties", {})
    if len(fields) > MOST_FIELDS:
        yield where, "schema_too_big", "Biểu mẫu có quá nhiều mục", "The form has too many fields"
    for name in schema.get("required", ()):
        if name not in fields:
            yield (
                f"{where}.{name}", "field_unknown", "Mục bắt buộc nhưng không có trong biểu mẫu",
                "A field is required that is not in the form",
            )  # fmt: skip
    for name, field in fields.items():
        yield from _field(field, f"{where}.{name}", name)


def _field(field: Any, where: str, name: str) -> Iterator[tuple[str, str, str, str]]:
    if not _NAME.fullmatch(name):
        yield where, "field_name", "Tên mục chỉ gồm chữ thường, số và _", "Names of fields are of a-z, 0-9 and _"
    if not isinstance(field, dict):
        yield where, "field_open", "Mục phải có kiểu dữ liệu", "A field needs a type"
        return
    if not all(isinstance(field.get(word), str) and field[word].strip() for word in ("title", "title_en")):
        yield where, "field_title", "Mục phải có title và title_en", "A field needs a title and a title_en"
    if "position" in field and not isinstance(field["position"], int):
        yield where, "field_position", "position phải là số nguyên", "position must be a whole number"
    yield from _value(field, where)


def _value(field: Schema, where: str) -> Iterator[tuple[str, str, str, str]]:
    match field.get("type"):
        case "string":
            if "enum" not in field and "const" not in field and not 0 < field.get("maxLength", 0) <= MOST_LETTERS:
                yield (
                    where, "field_unbounded", f"Mục chữ phải có maxLength, nhiều nhất {MOST_LETTERS}",
                    f"A text needs a maxLength, {MOST_LETTERS} at the most",
                )  # fmt: skip
            if field.get("format", "date") != "date":
                yield where, "field_format", "Chỉ dùng format: date", "The only format is date"
            yield from _named(field, where)
        case "array":
            if "maxItems" not in field or not isinstance(field.get("items"), dict):
                yield (
                    where,
                    "field_unbounded",
                    "Danh sách phải có items và maxItems",
                    "A list needs items and maxItems",
                )
            else:
                yield from _value(field["items"], f"{where}.items")
        case "object":
            if field.get("additionalProperties") is not False:
                yield (
                    where, "schema_not_closed", "Đối tượng phải có additionalProperties: false",
                    "An object needs additionalProperties: false",
                )  # fmt: skip
            yield from _fields(field, where)
        case "integer" | "number" | "boolean":
            pass
        case _:
            yield where, "field_open", "Mục phải có kiểu dữ liệu", "A field needs a type"


def _named(field: Schema, where: str) -> Iterator[tuple[str, str, str, str]]:
    for word in ("names", "names_en"):
        names = field.get(word, {})
        told = isinstance(names, dict) and all(isinstance(said, str) and said.strip() for said in names.values())
        if not told or set(names) != set(field.get("enum", ()) if names or "enum" in field else ()):
            yield (
                where, "choices_unnamed", "Mỗi lựa chọn cần có tên trong names và names_en",
                "Each choice needs its name in names and in names_en",
            )  # fmt: skip
            return
