"""The API's description: OpenAPI 3.1, what Litestar writes of the routes plus what every route has in common."""

from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.enums import OpenAPIMediaType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme
from litestar.response import Redirect
from litestar.serialization import encode_json
from litestar.types.internal_types import PathParameterDefinition

VERSION = "0.1.0"
_PAGE = Path(__file__).parent / "api_page"

_PROBLEMS = {
    "400": "The request is malformed",
    "401": "Not signed in",
    "403": "Not allowed, or the wallet is locked",
    "404": "Unknown, or not yours",
    "409": "The state or the id stands against it",
    "413": "The body is too large",
    "415": "The content type is not supported",
    "429": "Too many requests; see Retry-After",
    "503": "Not now; see Retry-After",
}

_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457. `type` is stable; `title` is for people, in the caller's language.",
    "type": "object",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:huong:problem:InsufficientFunds"]},
        "title": {"type": "string"},
        "title_translated": {"type": "object", "additionalProperties": {"type": "string"}},
        "status": {"type": "integer"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def describe(app: Litestar) -> dict[str, Any]:
    """The OpenAPI document, as served and as kept in docs/openapi.json."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    schemas: dict[str, Any] = document["components"].setdefault("schemas", {})
    closed = _closed_names(app)
    for name, schema in schemas.items():
        if name in closed:
            schema["additionalProperties"] = False
    schemas["Problem"] = _PROBLEM_SCHEMA
    public = {
        (route.path, method)
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("public")
        for method in handler.http_methods
    }
    paths_public = {(_openapi_path(path), method) for path, method in public}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(
                operation, is_public=(path, method.upper()) in paths_public, has_body="requestBody" in operation
            )
    return document


def _openapi_path(path: str) -> str:
    return "/".join(f"{part.split(':')[0]}}}" if part.startswith("{") else part for part in path.split("/"))


def _complete(operation: dict[str, Any], *, is_public: bool, has_body: bool) -> None:
    leave_out = {"401", "403"} if is_public else set[str]()
    if not has_body:
        leave_out |= {"413", "415"}
    answer = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status, words in _PROBLEMS.items():
        operation["responses"].pop(status, None)
        if status not in leave_out or (is_public and status in {"401"} and has_body):
            operation["responses"][status] = {"description": words, "content": {"application/problem+json": answer}}
    operation["security"] = [] if is_public else [{"bearer": []}]


def _closed_names(app: Litestar) -> set[str]:
    from app.types import Body

    names: set[str] = set()
    left = [Body]
    while left:
        struct = left.pop()
        names.add(struct.__name__)
        left.extend(struct.__subclasses__())
    return names


class _Document(OpenAPIRenderPlugin):
    """`/schema/openapi.json`."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return encode_json(describe(request.app))


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
    """Whoever opens the address in a browser sees the API's page."""
    return Redirect("/schema")


def _operation_id(handler_name: str, path: list[str | PathParameterDefinition]) -> str:
    """A handler's own name; the framework's own handlers share one, and are told apart by their path."""
    return f"{handler_name} {path}" if handler_name.startswith("_") else handler_name


CONFIG = OpenAPIConfig(
    title="Hương",
    version=VERSION,
    description="A city in one hand: wallet, reports, dossiers, notifications. Amounts are whole đồng; ids are made "
    "by the phone, so a retry never does a thing twice; every no is problem+json in Vietnamese or English.",
    license=License(name="Apache-2.0", identifier="Apache-2.0"),
    components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
    use_handler_docstrings=True,
    operation_id_creator=lambda handler, _method, path: _operation_id(handler.handler_name, path),
    path="/schema",
    render_plugins=(_Page(path="/"), _Document(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)),
    openapi_router=Router("/schema", route_handlers=[api_page_script], opt={"public": True}),
)
