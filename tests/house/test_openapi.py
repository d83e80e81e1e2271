"""What docs/openapi.json says is what the city does."""

import ast
import copy
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from app import schema
from app.db import Connection
from app.identity import possession
from app.machines import signatures
from app.staff import cookie
from tests.house.doors import (
    BODIES,
    BY_CODE,
    OPEN311,
    PUBLIC,
    Door,
    a_household,
    a_passer,
    a_signer,
    doors,
    filled,
    is_for_residents,
    the_app,
)
from tests.house.reading import ROOT, nothing
from tests.house.test_roles import MACHINES, PLAIN, SCOPES, STAFF, passes
from tests.makers import a_biller

KEPT = ROOT / "docs" / "openapi.json"

NOT_TOLD = {
    ("GET", "/"), ("GET", "/metrics"), ("GET", "/schema/rapidoc-min.js"),
    ("GET", "/pay/{biller_code}/{reference}"), ("GET", "/r/{receipt_code}"), ("GET", "/v1/gateways/vnpay/return"),
    ("GET", "/v/{result_code}"), ("GET", "/d/{dossier_code}"),
    ("GET", "/c/{agency_code}"),
    ("OPTIONS", "/v1/uploads/tus"), ("POST", "/v1/uploads/tus"), ("HEAD", "/v1/uploads/tus/{upload_id}"),
    ("PATCH", "/v1/uploads/tus/{upload_id}"), ("DELETE", "/v1/uploads/tus/{upload_id}"),
    ("POST", "/v1/uploads/tus/{upload_id}"),
    *((door.method, re.sub(r":\w+", "", door.path)) for door in doors() if door.path.startswith(OPEN311)),
}  # fmt: skip
"""Doors that are no part of the API: what the city's engineers measure, pages for browsers, and what others
describe: tus, Open311."""

Document = dict[str, Any]


@cache
def document() -> Document:
    return schema.describe(the_app())


def operations() -> Iterator[tuple[str, str, Document]]:
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def nodes(node: Any, where: str = "#") -> Iterator[tuple[str, Document]]:
    """Every object of the document, and where it stands."""
    if isinstance(node, dict):
        yield where, node
    for key, part in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from nodes(part, f"{where}/{key}")


def found(ref: str) -> Any:
    """What a `$ref` points at; KeyError if nothing is there."""
    node: Any = document()
    for key in ref.removeprefix("#/").split("/"):
        node = node[key]
    return node


def test_it_is_written_anew() -> None:
    assert msgspec.json.decode(KEPT.read_bytes()) == document(), "run: litestar openapi"


# The form of OpenAPI 3.1, as far as this city uses it: a word that is not here is a mistake, or a new need.
_OBJECT = {"type": "object", "additionalProperties": False}
FORM: Document = {
    **_OBJECT,
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {
            **_OBJECT,
            "required": ["title", "version"],
            "properties": {
                "title": {"type": "string"},
                "version": {"type": "string"},
                "description": {"type": "string"},
                "license": {
                    **_OBJECT,
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "identifier": {"type": "string"}},
                },
            },
        },
        "servers": {"type": "array", "items": {**_OBJECT, "properties": {"url": {"type": "string"}}}},
        "paths": {
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"enum": ["get", "put", "post", "patch", "delete"]},
                "additionalProperties": {"$ref": "#/$defs/operation"},
            },
        },
        "components": {
            **_OBJECT,
            "properties": {
                "schemas": {"type": "object", "additionalProperties": {"$ref": "#/$defs/schema"}},
                "responses": {"type": "object", "additionalProperties": {"$ref": "#/$defs/response"}},
                "securitySchemes": {"type": "object", "additionalProperties": {"$ref": "#/$defs/scheme"}},
            },
        },
    },
    "$defs": {
        "operation": {
            **_OBJECT,
            "required": ["operationId", "summary", "responses", "security", "tags"],
            "properties": {
                "operationId": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
                "summary": {"type": "string", "minLength": 1, "pattern": "[.?]$"},
                "description": {"type": "string", "minLength": 1},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "parameters": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
                "requestBody": {
                    **_OBJECT,
                    "required": ["content", "required"],
                    "properties": {"content": {"$ref": "#/$defs/content"}, "required": {"const": True}},
                },
                "responses": {
                    "type": "object",
                    "propertyNames": {"pattern": "^(20[0-9]|30[34]|[45][0-9][0-9])$"},
                    "additionalProperties": {
                        "anyOf": [{"$ref": "#/$defs/response"}, {"$ref": "#/$defs/reference"}],
                    },
                },
                "security": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": {"const": []},
                    },
                },
            },
        },
        "scheme": {
            "oneOf": [
                {
                    **_OBJECT,
                    "required": ["type", "scheme", "description"],
                    "properties": {
                        "type": {"const": "http"},
                        "scheme": {"type": "string"},
                        "description": {"type": "string", "minLength": 1},
                    },
                },
                {
                    **_OBJECT,
                    "required": ["type", "in", "name", "description"],
                    "properties": {
                        "type": {"const": "apiKey"},
                        "in": {"enum": ["header", "cookie"]},
                        "name": {"type": "string"},
                        "description": {"type": "string", "minLength": 1},
                    },
                },
            ],
        },
        "parameter": {
            **_OBJECT,
            "required": ["name", "in", "schema"],
            "properties": {
                "name": {"type": "string", "pattern": "^([a-z][a-z_]*|Step-Up|Last-Event-ID|DPoP|X-CSRF-Token)$"},
                "in": {"enum": ["path", "query", "header"]},
                "required": {"type": "boolean"},
                "description": {"type": "string"},
                "schema": {"$ref": "#/$defs/schema"},
            },
            "if": {"properties": {"in": {"const": "path"}}},
            "then": {"required": ["required"], "properties": {"required": {"const": True}}},
        },
        "content": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-z]+/[a-z0-9+.-]+$"},
            "additionalProperties": {
                **_OBJECT,
                "required": ["schema"],
                "properties": {"schema": {"$ref": "#/$defs/schema"}},
            },
        },
        "response": {
            **_OBJECT,
            "required": ["description"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "headers": {
                    "type": "object",
                    "additionalProperties": {
                        **_OBJECT,
                        "properties": {"description": {"type": "string"}, "schema": {"$ref": "#/$defs/schema"}},
                    },
                },
                "content": {"$ref": "#/$defs/content"},
            },
        },
        "reference": {**_OBJECT, "required": ["$ref"], "properties": {"$ref": {"type": "string", "pattern": "^#/"}}},
        "schema": {
            "type": "object",
            "propertyNames": {
                "enum": [
                    "$ref", "type", "format", "title", "description", "properties", "required", "items", "enum",
                    "additionalProperties", "const", "default", "examples", "oneOf", "discriminator", "pattern",
                    "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "contentMediaType",
                ],
            },
            "dependentRequired": {"format": ["type"], "discriminator": ["oneOf"]},
        },
    },
}  # fmt: skip


def test_it_has_the_form_of_openapi() -> None:
    problems = Draft202012Validator(FORM).iter_errors(document())
    nothing(f"{problem.json_path}: {problem.message[:200]}" for problem in problems)


def schemas() -> list[tuple[str, Document]]:
    """Every schema, wherever it stands."""
    return [
        *((f"schema {name}", found_) for name, found_ in document()["components"]["schemas"].items()),
        *((where, node["schema"]) for where, node in nodes(document()) if isinstance(node.get("schema"), dict)),
    ]


def test_its_schemas_are_json_schema() -> None:
    for where, found_ in schemas():
        Draft202012Validator.check_schema(found_)
        for _, node in nodes(found_):
            pattern = node.get("pattern")
            assert not isinstance(pattern, str) or re.compile(pattern), where


def test_every_reference_leads_somewhere_and_every_component_is_reached() -> None:
    refs = {node["$ref"] for _, node in nodes(document()) if isinstance(node.get("$ref"), str)}
    mapped = {
        ref
        for _, node in nodes(document())
        if "discriminator" in node
        for ref in node["discriminator"]["mapping"].values()
    }
    assert mapped <= refs
    for ref in refs:
        found(ref)
    there = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in found(f"components/{kind}")
    }
    assert there == refs


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = Counter(operation["operationId"] for _, _, operation in operations())
    nothing(id_ for id_, times in ids.items() if times > 1)


def test_e40_every_door_is_in_it_and_no_other() -> None:
    told = {(method, path) for method, path, _ in operations()}
    there = {(door.method, re.sub(r":\w+}", "}", door.path)) for door in doors()}
    assert told == there - NOT_TOLD


def test_it_declares_the_ids_of_every_path() -> None:
    for method, path, operation in operations():
        declared = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"{(\w+)}", path)), f"{method} {path}"


def test_it_knows_which_doors_are_public() -> None:
    public = {(method, path) for method, path, operation in operations() if operation["security"] == []}
    ours = {(door.method, door.path) for door in doors()} & PUBLIC
    assert public == {(method, re.sub(r":\w+}", "}", path)) for method, path in ours} - NOT_TOLD


def test_it_says_by_what_a_caller_is_known() -> None:
    """As the table of who may pass has it; every scheme stands for itself."""
    seen: set[str] = set()
    for method, path, operation in operations():
        who = passes()[operation["operationId"]]
        shown = {scheme for choice in operation["security"] for scheme in choice}
        wanted = {
            "bearer": bool(who - MACHINES),
            "staff": bool(who & STAFF),
            "signature": bool(who & SCOPES),
            "apiKey": PLAIN in who,
        }
        assert shown == ({scheme for scheme in wanted if wanted[scheme]} if "stranger" not in who else set()), path
        csrf = [p["in"] for p in operation.get("parameters", ()) if p["name"] == "X-CSRF-Token"]
        assert csrf == (["header"] if "staff" in shown and method != "GET" else []), f"{method} {path}"
        seen |= shown
    assert seen == found("components/securitySchemes").keys()


def test_how_a_caller_is_known_is_where_the_city_looks() -> None:
    schemes = found("components/securitySchemes")
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["staff"]["in"], schemes["staff"]["name"]) == ("cookie", cookie.NAME)
    assert (schemes["apiKey"]["in"], schemes["apiKey"]["name"].lower()) == ("header", signatures.KEY_HEADER)
    assert (schemes["signature"]["type"], schemes["signature"]["scheme"]) == ("http", "signature")
    assert cookie.CSRF_HEADER == b"x-csrf-token"


def test_a_device_is_told_where_it_must_prove_itself() -> None:
    for method, path, operation in operations():
        [door] = [door for door in doors() if (door.name, door.method) == (operation["operationId"], method)]
        asked = [p for p in operation.get("parameters", ()) if p["name"] == possession.HEADER]
        assert len(asked) == ("possession." in inspect.getsource(door.handler.fn)), f"{method} {path}"
        assert all("docs/devices.md" in p["description"] for p in asked)


def test_every_operation_says_how_it_refuses() -> None:
    for method, path, operation in operations():
        noes = {"400", "503"}
        if operation["security"]:
            noes |= {"401", "403", "429"}
        if "{" in path or "requestBody" in operation:
            noes |= {"404"}
        if "requestBody" in operation:
            noes |= {"409", "413", "415", "429"}
        assert noes <= operation["responses"].keys(), f"{method} {path}"
        for status, response in operation["responses"].items():
            if status >= "400":
                content = found(response["$ref"])["content"]
                assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_what_is_sent_is_closed_and_told_apart() -> None:
    """And every field of it has a bound, so that nobody sends a book."""
    seen: set[str] = set()
    for method, path, operation in operations():
        if "requestBody" not in operation:
            continue
        [(kind, medium)] = operation["requestBody"]["content"].items()
        sent = medium["schema"]
        if kind != "application/json":  # a file, as it is
            assert sent["contentMediaType"] == kind
            assert _is_bounded(sent)
            continue
        choices = sent.get("oneOf", [sent])
        if len(choices) > 1:
            tag, mapping = sent["discriminator"]["propertyName"], sent["discriminator"]["mapping"]
            assert sorted(mapping.values()) == sorted(choice["$ref"] for choice in choices)
            for value, ref in mapping.items():
                assert found(ref)["properties"][tag] == {"type": "string", "const": value}
                assert tag in found(ref)["required"]
        left = list(choices)
        while left:
            choice = left.pop()
            struct = found(choice["$ref"]) if "$ref" in choice else choice
            seen.add(struct["title"])
            assert struct["additionalProperties"] is False, f"{method} {path}: {struct['title']}"
            for name, field in struct["properties"].items():
                left += [node for _, node in nodes(field) if "$ref" in node]
                assert _is_bounded(field), f"{struct['title']}: {name}"
    assert seen == {struct.__name__ for struct in BODIES}


def test_a_body_that_can_be_nothing_else_need_not_say_what_it_is() -> None:
    """Where a tag tells nothing apart the city asks for none; `kind` of a withdrawal and a top-up."""
    tagged: dict[str, set[str]] = {}
    for method, path, operation in operations():
        for medium in operation.get("requestBody", {"content": {}})["content"].values():
            sent = medium["schema"]
            struct = found(sent["$ref"]) if "$ref" in sent else sent
            tags = {name for name, field in struct.get("properties", {}).items() if "const" in field}
            assert not tags & set(struct.get("required", ())), f"{method} {path}"
            if tags:
                tagged[struct["title"]] = tags
    assert tagged == {"Withdraw": {"kind"}, "AskTopUp": {"kind"}}


CHANGED_BY_LOOKING = {"/v1/staff/audit"}
"""That somebody read the audit stands in it."""


def _is_bounded(field: Document) -> bool:
    types = field.get("type", [])
    if "integer" in types:
        return {"minimum", "maximum"} <= field.keys() or "enum" in field
    if "number" in types:
        return "maximum" in field and bool({"minimum", "exclusiveMinimum"} & field.keys())
    if "string" in types:
        formats = {"uuid", "date", "date-time"}
        return bool({"maxLength", "enum", "const"} & field.keys()) or field.get("format") in formats
    if "array" in types:
        return "maxItems" in field and _is_bounded(field["items"])
    # What a browser says of a passkey is its own affair; the body's size bounds it.
    is_credential = field == {"type": "object", "additionalProperties": {}}
    choices = field.get("oneOf", [field])
    return (
        types == "boolean"
        or all("$ref" in choice or choice == {"type": "null"} for choice in choices)
        or is_credential
    )


def test_a_put_that_answers_200_or_201_says_both() -> None:
    """It tells whatever status a handler writes, in its decorator or by itself."""
    for door in doors():
        method, path = door.method.lower(), re.sub(r":\w+}", "}", door.path)
        if (door.method, path) not in NOT_TOLD:
            told = {int(status) for status in document()["paths"][path][method]["responses"] if status < "304"}
            assert told == {door.handler.status_code} | _statuses_written(door), str(door)


def _statuses_written(door: Door) -> set[int]:
    source = ast.parse(inspect.getsource(door.handler.fn))
    calls = [node for node in ast.walk(source) if isinstance(node, ast.Call)]
    written = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "status_code"]
    constants = [node.value for value in written for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return {status for status in constants if isinstance(status, int)}


def test_what_is_answered_is_whole() -> None:
    """A phone finds every field of an answer, null or not; whole numbers say how many bits they need."""
    for name, answered in document()["components"]["schemas"].items():
        if "properties" in answered and "additionalProperties" not in answered and name != "Problem":
            assert sorted(answered["required"]) == sorted(answered["properties"]), name
    for where, node in nodes(document()):
        if "integer" in (node.get("type") or []):
            assert node.get("format") in {"int32", "int64"}, where


def test_a_picture_is_a_picture() -> None:
    pictures = {
        kind: medium["schema"]
        for _, _, operation in operations()
        for response in operation["responses"].values()
        for kind, medium in response.get("content", {}).items()
        if kind.startswith("image/")
    }
    kinds = ("image/heic", "image/jpeg", "image/png", "image/svg+xml", "image/webp")
    assert pictures == {kind: {"contentMediaType": kind} for kind in kinds}


def test_whatever_is_answered_is_said() -> None:
    """An answer that nothing is said of would be taken for JSON."""
    for _, path, operation in operations():
        for response in operation["responses"].values():
            assert all(medium["schema"] for medium in response.get("content", {}).values()), path


ASKED = {"from": "2026-11-24", "to": "2026-11-24", "lat": "16.46", "lng": "107.59",
         "bbox": "107.5,16.4,107.7,16.5", "zoom": "12"}  # fmt: skip
"""For what is asked of some days, and of a place."""
OPENED_ELSEWHERE = {"stream_takings", "return_from_gateway", "check_receipt", "show_receipt", "get_picture"} | {
    "stream_inbox",
    "get_report_original", "get_stored_paper", "get_dossier_paper",
    "get_form", "get_staff_form", "get_register", "get_result", "get_staff_result",
    "check_result",
}  # fmt: skip
"""Two go on and on; the others say 200 to what is signed, printed or painted, and have tests of their own."""


async def test_answers_are_what_it_says(desk: httpx.AsyncClient, db: Connection) -> None:
    await a_biller(db)
    household = await a_household(db)
    by_path = {re.sub(r":\w+}", "}", door.path): door for door in doors() if door.method == "GET"}
    for method, path, operation in operations():
        if method == "GET" and "200" in operation["responses"]:
            door = by_path[path]
            if door.name in OPENED_ELSEWHERE:
                continue
            headers = household.owner.headers if is_for_residents(door) else await a_passer(db, door)
            auth = await a_signer(db, door)
            hollow = re.sub(r"{(\w+)}", r"{\1:uuid}", path)
            named = household.ids | BY_CODE | {"purpose": "statistics"}
            names = {one["name"] for one in operation.get("parameters", ())}
            asked = ASKED | {"phone": household.owner.phone}
            params = {name: value for name, value in asked.items() if name in names}
            done = await desk.get(filled(hollow, named), headers=headers, auth=auth, params=params)
            _check(operation, done, 200)
            if "304" in operation["responses"] and path not in CHANGED_BY_LOOKING:
                held = {**headers, "if-none-match": done.headers["etag"]}
                again = await desk.get(filled(hollow, named), headers=held, auth=auth, params=params)
                assert (again.status_code, again.content) == (304, b""), path
            if operation["security"]:
                _check(operation, await desk.get(filled(hollow)), 401)
            if "{" in path:
                nobodys = await desk.get(filled(hollow), headers=headers, auth=auth, params=params)
                _check(operation, nobodys, 404)


def _check(operation: Document, answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, f"{answer.request.url}: {answer.text}"
    told = operation["responses"][str(status)]
    [(kind, medium)] = (found(told["$ref"]) if "$ref" in told else told)["content"].items()
    assert answer.headers["content-type"].partition(";")[0] == kind
    if kind.endswith("json"):
        validator = Draft202012Validator({**medium["schema"], "components": _closed()}, format_checker=FORMATS)
        problems = [f"{problem.json_path}: {problem.message}" for problem in validator.iter_errors(answer.json())]
        assert problems == [], answer.request.url


@cache
def _closed() -> Document:
    """The components; what a struct does not name it may not answer either."""
    components = copy.deepcopy(document()["components"])
    for name, answered in components["schemas"].items():
        answered.setdefault("additionalProperties", name == "Problem")
    return components


FORMATS = FormatChecker(["uuid", "date"])


@FORMATS.checks("date-time", ValueError)
def _is_a_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


# The page


class _Sources(HTMLParser):
    """Whatever a page has a browser load, and scripts that stand in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.styles: list[str] = []
        self.inline = 0
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        given = dict(attrs)
        self.sources += [given[name] or "" for name in ("src", "href", "spec-url", "data", "poster") if name in given]
        self.inline += sum(name.startswith("on") for name in given)
        self.styles.append(given.get("style") or "")

    def handle_data(self, data: str) -> None:
        if data.strip() and self._tag == "script":
            self.inline += 1
        if self._tag == "style":
            self.styles.append(data)


async def test_the_page_is_served_by_our_own_house_alone(desk: httpx.AsyncClient) -> None:
    page = await desk.get("/schema")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    read = _Sources()
    read.feed(page.text)
    assert "/schema/rapidoc-min.js" in read.sources
    assert "/schema/openapi.json" in read.sources
    assert read.inline == 0, "the content security policy would not run it"
    assert not any("://" in style or "@import" in style for style in read.styles)
    for source in read.sources:
        assert source.startswith("/"), source
        assert not source.startswith("//"), source
        assert (await desk.get(source)).status_code == 200, source


async def test_the_page_reads_what_is_kept(desk: httpx.AsyncClient) -> None:
    served = await desk.get("/schema/openapi.json")
    assert served.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    assert served.json() == document()


@pytest.mark.parametrize("headers", [{}, {"accept": "text/html"}])
async def test_whoever_opens_the_address_sees_the_page(desk: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await desk.get("/", headers=headers)
    assert answer.status_code in {302, 303, 307, 308}
    assert answer.headers["location"] == "/schema"
