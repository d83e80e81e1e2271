"""What a route may ask for."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler

from app.db import LOST, Connection, Database
from app.errors import (
    Language,
    Malformed,
    OutcomeUnknown,
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
        """The body; raises UnsupportedMediaType for what does not say that it is JSON, Malformed."""
        if await self.body():
            kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not kind.endswith("+json"):
                raise UnsupportedMediaType
        try:
            return await super().json()
        except RecursionError:
            raise Malformed from None


Db = NamedDependency[Connection]
"""A connection. A request that writes is one transaction; a GET is its statements."""


async def provide_db(request: Door) -> AsyncIterator[Connection]:
    """The request's connection. It commits before the answer is sent; a refusal rolls back unless it keeps."""
    database: Database = request.app.state.database
    async with database.acquire() as connection:
        if request.method == "GET":
            yield connection
            return
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        except Refusal as refusal:
            await (transaction.commit() if refusal.keeps else transaction.rollback())
            raise
        except BaseException:
            await transaction.rollback()
            raise
        try:
            await transaction.commit()
        except LOST as cause:
            raise OutcomeUnknown from cause


async def signed_in(
    connection: ASGIConnection[BaseRouteHandler, Principal | None, None, State], handler: BaseRouteHandler
) -> None:
    """The guard on everything: a route is closed unless it says `public=True`."""
    if connection.scope.get("user") is None and not handler.opt.get("public"):
        raise SignInRequired


dependencies = {"db": Provide(provide_db)}
