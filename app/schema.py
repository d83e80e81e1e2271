"""The API's description: OpenAPI 3.1, what Litestar writes of the routes plus what every route has in common."""

import inspect
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.enums import OpenAPIMediaType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, Reference, SecurityScheme
from litestar.response import Redirect
from litestar.routes import BaseRoute
from litestar.serialization import encode_json
from litestar.types import ControllerRouterHandler

from app.etag import has_etag
from app.staff import cookie
from app.types import Answer, Body, Page

VERSION = "0.1.0"
_PAGE = Path(__file__).parent / "api_page"

_DONE = {
    "200": "Done",
    "201": "Made",
    "202": "Accepted; it happens in a moment",
    "204": "Done; there is nothing to say",
    "302": "Go on there",
    "303": "Go on there",
}

_NO = {
    "400": ("Malformed", "The request is malformed"),
    "401": ("SignInRequired", "Not signed in, or what was shown opens nothing"),
    "403": ("Forbidden", "Not allowed, or the wallet is locked"),
    "404": ("NotFound", "Unknown, or not yours"),
    "409": ("Conflict", "The state or the id stands against it"),
    "413": ("TooLarge", "The body is too large"),
    "415": ("UnsupportedMediaType", "The content type is not supported"),
    "429": ("TooManyRequests", "Too many requests"),
    "503": ("Unavailable", "Not now"),
}

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `type` is stable; `title` is for people, in the caller's language. Some problems have "
    "members of their own.",
    "type": "object",
    "required": ["type", "title", "title_translated", "status", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:huong:problem:InsufficientFunds"]},
        "title": {"type": "string"},
        "title_translated": {
            "description": "The same in the other language.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
        "status": {"type": "integer", "format": "int32"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

_ETAG = {"ETag": {"description": "Hand it back as If-None-Match", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "format": "int32"}}}

_SCHEMES: dict[str, SecurityScheme | Reference] = {
    "bearer": SecurityScheme(
        type="http",
        scheme="bearer",
        description="The access token of a session that was opened with a one-time code: residents, and a sandbox's "
        "staff.",
    ),
    "staff": SecurityScheme(
        type="apiKey",
        security_scheme_in="cookie",
        name=cookie.NAME,
        description="The staff's session, as `/v1/staff/sign-in` opens it in a browser. Whatever is not a GET shows "
        "its CSRF token too, in `X-CSRF-Token`.",
    ),
    "signature": SecurityScheme(
        type="http",
        scheme="signature",
        description="A machine signs each request with its key: HTTP Message Signatures (RFC 9421, hmac-sha256) in "
        "`Signature-Input` and `Signature`, not in `Authorization`, over `@method`, `@authority`, `@path`, `@query` "
        "and, of a body, `content-digest` (RFC 9530). See docs/machines.md.",
    ),
    "apiKey": SecurityScheme(
        type="apiKey",
        security_scheme_in="header",
        name="X-API-Key",
        description="A machine's key as it is, of a machine that may show it, where an operation takes that.",
    ),
}
_CSRF_TOKEN: dict[str, Any] = {
    "name": "X-CSRF-Token",
    "in": "header",
    "description": "With the staff's cookie: `csrf_token` of GET /v1/staff/session.",
    "schema": {"type": "string"},
}

_NULL = {"type": "null"}


def describe(app: Litestar) -> dict[str, Any]:
    """The OpenAPI document, as served and as kept in docs/openapi.json."""
    document: dict[str, Any] = _tidy(app.openapi_schema.to_schema())
    components = document["components"]
    schemas = {_short(name): schema for name, schema in components["schemas"].items()}
    structs = _structs()
    for name, schema in schemas.items():
        _complete_schema(name, schema, structs.get(name))
    tags = {name: struct.__struct_config__.tag_field for name, struct in structs.items()}
    opts = _opts(app)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(operation, method, schemas, opts[path, method])
            _leave_tag_out(operation, schemas, tags)
    components["schemas"] = schemas | {"Problem": _PROBLEM}
    components["responses"] = {name: _problem_response(status, words) for status, (name, words) in _NO.items()}
    return document


def _tidy(node: Any) -> Any:
    """Without the noise of defaults, and with types as JSON Schema says them shortest."""
    if isinstance(node, list):
        return [_tidy(part) for part in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _tidy(value) for key, value in node.items() if value or key not in _NOISE}
    if "$ref" in plain:
        plain["$ref"] = _short(plain["$ref"])
    plain = _exact(_flat(plain))
    if plain.get("in") == "query":
        plain["schema"] = _never_null(plain["schema"])
    return plain


_NOISE = {"deprecated", "allowEmptyValue", "allowReserved", "headers", "required"}


def _short(name: str) -> str:
    """`Page_wallet.models.Movement_` → `MovementPage`."""
    return re.sub(r"\bPage_(?:\w+\.)*(\w+)_$", r"\1Page", name)


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """One choice is no choice, and a choice of something or null is a nullable something."""
    choices = schema.get("oneOf", [])
    others = [choice for choice in choices if choice != _NULL]
    if len(others) != 1 or ("$ref" in others[0] and len(choices) > 1):
        return schema
    flat = {**others[0], **{key: value for key, value in schema.items() if key != "oneOf"}}
    if len(choices) > 1:
        flat["type"] = [flat["type"], "null"]
        if "enum" in flat:
            flat["enum"] = [*flat["enum"], None]
    return flat


def _exact(schema: dict[str, Any]) -> dict[str, Any]:
    """Bounds of whole numbers are whole, and a phone's compiler learns which of them need 64 bits."""
    types = schema.get("type")
    if "integer" not in (types if isinstance(types, list) else [types]):
        return schema
    bounds = {key: int(schema[key]) for key in ("minimum", "maximum") if key in schema}
    size = "int32" if bounds.get("maximum", 2**63) < 2**31 else "int64"
    return {**schema, **bounds, "format": size}


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What is in a query is there or is not there."""
    plain = dict(schema)
    if isinstance(plain.get("type"), list):
        [plain["type"]] = [type_ for type_ in plain["type"] if type_ != "null"]
    if "enum" in plain:
        plain["enum"] = [value for value in plain["enum"] if value is not None]
    return plain


def _structs() -> dict[str, type[Any]]:
    structs: dict[str, type[Any]] = {}
    left: list[type[Any]] = [Body, Answer]
    while left:
        struct = left.pop()
        structs[struct.__name__] = struct
        left.extend(struct.__subclasses__())
    return structs


def _complete_schema(name: str, schema: dict[str, Any], struct: type[Any] | None) -> None:
    """A struct's own words; what we read is closed, what we write is complete."""
    schema["title"] = name
    schema.pop("default", None)  # of the one route that may leave the body out; it is no part of the struct
    words = struct or (Page if name.endswith("Page") else None)
    if words is not None and words.__doc__:
        schema["description"] = inspect.cleandoc(words.__doc__)
    if struct is not None and issubclass(struct, Body):
        schema["additionalProperties"] = False
        _bound_items(schema, struct)
    elif "properties" in schema:
        schema["required"] = sorted(schema["properties"])


def _bound_items(schema: dict[str, Any], struct: type[Any]) -> None:
    """The framework forgets what a list's own texts are bound to."""
    for field in msgspec.structs.fields(struct):
        told = schema["properties"].get(field.encode_name, {})
        if told.get("items") == {"type": "string"}:
            meant = msgspec.json.schema(field.type)
            told["items"] = next(one["items"] for one in meant.get("anyOf", [meant]) if "items" in one)


def _problem_response(status: str, words: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {"headers": _RETRY_AFTER} if status in {"429", "503"} else {}
    return {"description": words, "content": content, **headers}


def _opts(app: Litestar) -> dict[tuple[str, str], dict[str, Any]]:
    """What each route says of who may pass, by its path and method."""
    return {
        (route.path_format, method.lower()): handler.opt
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }


def _complete(operation: dict[str, Any], method: str, schemas: dict[str, Any], opt: dict[str, Any]) -> None:
    """The words of an operation, who may call it, and every way in which it may say no."""
    is_public = bool(opt.get("public"))
    operation["summary"], _, more = operation.pop("description").partition("\n")
    if more.strip():
        operation["description"] = more.strip()
    if file := opt.get("takes"):  # the body is a file, which the route reads by itself
        content = {file: {"schema": {"type": "string", "contentMediaType": file, "maxLength": opt["most_bytes"]}}}
        operation["requestBody"] = {"content": content, "required": True}
    body = operation.get("requestBody", {"content": {}})
    for medium in body["content"].values():
        medium["schema"] = _discriminated(medium["schema"], schemas)
    operation["responses"] = {status: done for status, done in operation["responses"].items() if status in _DONE}
    if files := opt.get("gives"):  # it is a file of any of these kinds
        operation["responses"]["200"]["content"] = {kind: {"schema": {"contentMediaType": kind}} for kind in files}
    for status, response in operation["responses"].items():
        response["description"] = _DONE[status]
        for kind, medium in response.get("content", {}).items():
            if kind.startswith(("image/", "application/zip")) or not medium["schema"]:
                medium["schema"] = {"contentMediaType": kind}
    done = operation["responses"].get("200", {})
    if method == "get" and any(map(has_etag, done.get("content", {}))):
        done["headers"] = _ETAG
        operation["responses"]["304"] = {"description": "Unchanged: If-None-Match holds its ETag"}
    for status in _noes(operation, method, is_public=is_public, hears=bool(opt.get("hears"))):
        operation["responses"][status] = {"$ref": f"#/components/responses/{_NO[status][0]}"}
    shown = () if is_public else _shown(opt)
    operation["security"] = [{scheme: []} for scheme in shown]
    if "staff" in shown and method.upper() not in cookie.SAFE_METHODS:
        operation["parameters"] = [*operation.get("parameters", ()), _CSRF_TOKEN]


def _shown(opt: dict[str, Any]) -> list[str]:
    """The schemes by any one of which a caller may say who they are; `let_in` reads the same opt."""
    admitted: set[str] = set()
    for hat in opt.get("who") or ("resident",):
        if hat in {"resident", "cashier"}:
            admitted.add("bearer")
        elif hat == "machine" or hat.startswith("scope:"):
            admitted |= {"signature", "apiKey"} if opt.get("plain_key") else {"signature"}
        else:
            admitted |= {"staff", "bearer"}
    return [scheme for scheme in _SCHEMES if scheme in admitted]


def _noes(operation: dict[str, Any], method: str, *, is_public: bool, hears: bool) -> list[str]:
    """`hears`: it checks a secret of its own, over a body that somebody else describes."""
    has_body = "requestBody" in operation
    absent = {
        "401": is_public and not has_body and not hears,
        "403": is_public and "303" not in operation["responses"],
        "404": not has_body and "parameters" not in operation,
        "409": method == "get",
        "413": not has_body and not hears,
        "415": not has_body,
        "429": is_public and not has_body,
    }
    return [status for status in _NO if not absent.get(status)]


def _discriminated(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """A union of tagged structs names the field that tells them apart."""
    refs = [choice.get("$ref", "") for choice in schema.get("oneOf", [])]
    members = {ref: schemas[ref.rpartition("/")[2]]["properties"] for ref in refs if ref}
    if len(members) < 2 or len(members) < len(refs):
        return schema
    [tag] = {name for fields in members.values() for name, field in fields.items() if "const" in field}
    mapping = {fields[tag]["const"]: ref for ref, fields in members.items()}
    return {**schema, "discriminator": {"propertyName": tag, "mapping": mapping}}


def _leave_tag_out(operation: dict[str, Any], schemas: dict[str, Any], tags: dict[str, str | None]) -> None:
    """A tag tells members of a union apart: where a body can be nothing else, it may be left out."""
    for medium in operation.get("requestBody", {"content": {}})["content"].values():
        name = medium["schema"].get("$ref", "").rpartition("/")[2]
        if tag := tags.get(name):
            alone = schemas[name]
            medium["schema"] = {**alone, "required": [field for field in alone["required"] if field != tag]}


class _Document(OpenAPIRenderPlugin):
    """`/schema/openapi.json`."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return _document_of(request.app)


@lru_cache(maxsize=1)
def _document_of(app: Litestar) -> bytes:
    """Written once: it takes a tenth of a second, and any stranger may ask for it."""
    return encode_json(describe(app))


class _Page(OpenAPIRenderPlugin):
    """`/schema`: the document to read and to try."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return (_PAGE / "index.html").read_bytes()


@get("/rapidoc-min.js", include_in_schema=False, sync_to_thread=False)
def api_page_script() -> Response[bytes]:
    """The page's script, from our own house."""
    return Response(
        (_PAGE / "rapidoc-min.js").read_bytes(),
        media_type="text/javascript",
        headers={"cache-control": "public, max-age=86400"},
    )


@get("/", public=True, include_in_schema=False, sync_to_thread=False)
def front_door() -> Redirect:
    """Whoever opens the address in a browser sees the API's page; where a client was built, they see that before."""
    return Redirect("/schema")


class _Doors(Router):
    """Without the framework's own page for what is not there: it would be HTML, and a no is a problem everywhere."""

    def register(self, value: ControllerRouterHandler) -> list[BaseRoute]:
        """Take in a handler."""
        if isinstance(value, HTTPRouteHandler) and value.paths == {"/{path:str}"}:
            return []
        return super().register(value)


CONFIG = OpenAPIConfig(
    title="Hương",
    version=VERSION,
    description="A city in one hand: sign-in, wallet, merchants, inbox. Amounts are whole đồng; ids are made "
    "by the phone, so a retry never does a thing twice; every no is problem+json in Vietnamese or English.",
    license=License(name="Apache-2.0", identifier="Apache-2.0"),
    components=Components(security_schemes=_SCHEMES),
    use_handler_docstrings=True,
    operation_id_creator=lambda handler, _method, _path: handler.handler_name,
    path="/schema",
    render_plugins=(_Page(path="/"), _Document(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)),
    openapi_router=_Doors("/schema", route_handlers=[api_page_script], include_in_schema=False, opt={"public": True}),
)
