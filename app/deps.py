"""What a route may ask for."""

from collections.abc import AsyncIterator, Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from app.db import Connection, Database
from app.errors import (
    Forbidden,
    Language,
    Malformed,
    Refusal,
    SignInRequired,
    UnsupportedMediaType,
    preferred_language,
)
from app.identity.models import Principal


class Door(Request[Principal | None, None, State]):
    """A request at the city's door. What is cheap to know is read from it: a dependency costs each request more."""

    @property
    def me(self) -> Principal:
        """Who is asking; raises SignInRequired."""
        principal: Principal | None = self.scope["user"]
        if principal is None:
            raise SignInRequired
        return principal

    @property
    def lang(self) -> Language:
        """vi, unless the caller prefers English."""
        return preferred_language(self.headers.get("accept-language", ""))

    @property
    def address(self) -> str:
        """Where the request came from, past the proxies we trust."""
        return self.scope["state"]["address"]

    async def json(self) -> Any:
        """The body as what the route's `data` is; raises UnsupportedMediaType for what does not say that it is JSON,
        Malformed.

        A whole number is written as one (RFC 8259, 6): `1.0`, `1e3` and `"1000"` are none. Of a key that is there
        twice the last one counts."""
        body = await self.body()
        if body:
            kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not kind.endswith("+json"):
                raise UnsupportedMediaType
        try:
            return _decoder_of(self.route_handler.fn).decode(body or b"null")
        except msgspec.ValidationError as mistake:
            message, _, where = str(mistake).partition(" - at `$")
            raise Malformed(errors=[{"field": where.rstrip("`").lstrip("."), "message": message}]) from None
        except (msgspec.DecodeError, RecursionError):
            raise Malformed from None

    async def csv(self) -> bytes:
        """The body as it is, a CSV file, for a route that says `takes="text/csv"`; raises CsvExpected."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"text/csv", "application/csv"}:
            raise CsvExpected
        return await self.body()


@cache
def _decoder_of(route: Callable[..., Any]) -> msgspec.json.Decoder[Any]:
    """Straight to the struct, and strictly: the framework takes a number in quotes for a number."""
    return msgspec.json.Decoder(get_type_hints(route, include_extras=True).get("data", Any))


class NotConfirmed(Refusal):
    """Đây là thiết bị mới: hãy nhập mã PIN hoặc xác thực qua VNeID để xem tài khoản.

    This device is new: enter the PIN, or be verified by the identity provider, to see the account."""

    status = 403


class CsvExpected(UnsupportedMediaType):
    """Hãy gửi tệp CSV, với kiểu nội dung text/csv.

    Send a CSV file, with the content type text/csv."""


class SignatureRequired(Refusal):
    """Yêu cầu này phải được ký; chỉ gửi khóa thôi thì không đủ.

    This request must be signed; to send the key with it is not enough."""

    status = 403


Db = NamedDependency[Connection]
"""A connection. A request that writes is one transaction; a GET is its statements."""


async def provide_db(request: Door) -> AsyncIterator[Connection]:
    """The request's connection. It commits before the answer is sent; a refusal rolls back unless it keeps."""
    database: Database = request.app.state.database
    async with database.acquire() if request.method == "GET" else database.deed() as connection:
        yield connection


async def let_in(request: Request[Any, Any, Any]) -> None:
    """The guard on everything, before a body is read. A route says whom it is for, and is for residents unless it
    does:

    `public=True`: for everybody. `who=("staff", "admin", "scope:bills.write")`: for whoever is one of these (a kind,
    a role anywhere, a machine's scope); where the role holds is the verb's business. `unconfirmed=True`: also for a
    session that has shown no more than the phone number. `plain_key=True`: also for a machine that shows its key
    instead of signing. Raises SignInRequired, Forbidden, NotConfirmed, SignatureRequired, and what was wrong with
    how a machine or an officer's browser said who it is."""
    scope = request.scope
    opt = scope["route_handler"].opt
    if b"null" in scope["query_string"].lower():
        _refuse_null(request)
    refused: Refusal | None = scope["state"].get("refused")
    if opt.get("public") and not (refused and opt.get("plain_key")):
        return
    me: Principal | None = scope["user"]
    if me is None:
        raise refused or scope["state"].get("cookie_refused") or SignInRequired
    if scope["method"] == "OPTIONS":
        return
    who: tuple[str, ...] | None = opt.get("who")
    if me.kind != "resident" if who is None else me.hats().isdisjoint(who):
        raise Forbidden
    if me.plain_key and not opt.get("plain_key"):
        raise SignatureRequired
    if not me.confirmed and not opt.get("unconfirmed"):
        raise NotConfirmed


def _refuse_null(request: Request[Any, Any, Any]) -> None:
    """`?kind=null` is a kind that there is not; the framework would take it for no kind at all."""
    for name, value in parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if value.lower() == "null" and name in _nullable(request.route_handler.fn):
            raise Malformed(errors=[{"field": name, "message": "`null` is no value"}])


@cache
def _nullable(route: Callable[..., Any]) -> frozenset[str]:
    """The parameters of a route that may be left out and are no text."""
    names = {name: _asked_as(name, hint) for name, hint in get_type_hints(route, include_extras=True).items()}
    hints = {names[name]: _members(hint) for name, hint in get_type_hints(route).items()}
    return frozenset(name for name, types in hints.items() if NoneType in types and str not in types)


def _asked_as(name: str, hint: Any) -> str:
    """What a parameter is called in the address (`from` is no name in Python)."""
    said = [mark.name for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, QueryParameter)]
    return next(filter(None, said), name)


def _members(hint: Any) -> set[Any]:
    if get_origin(hint) in {Union, UnionType}:
        return set[Any]().union(*map(_members, get_args(hint)))
    return {hint}


dependencies = {"db": Provide(provide_db)}
