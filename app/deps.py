"""What a route may ask for."""

from collections.abc import AsyncIterator

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler

from app.db import Connection, Database
from app.errors import Language, Refusal, SignInRequired, preferred_language
from app.identity.models import Principal

Door = Request[Principal | None, None, State]

Db = NamedDependency[Connection]
"""A connection. A request that writes is one transaction; a GET is its statements."""
Me = NamedDependency[Principal]
"""Who is asking: signed in, or the route would have refused."""
Lang = NamedDependency[Language]
"""vi, unless the caller prefers English."""
Address = NamedDependency[str]
"""Where the request came from, past the proxies we trust."""


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
        await transaction.commit()


async def provide_me(request: Door) -> Principal:
    """The principal behind the bearer token."""
    principal = request.scope["user"]
    if principal is None:
        raise SignInRequired
    return principal


async def provide_lang(request: Door) -> Language:
    """The language that the caller reads."""
    return preferred_language(request.headers.get("accept-language", ""))


async def provide_address(request: Door) -> str:
    """The caller's address, for budgets."""
    return request.scope["state"]["address"]


async def signed_in(
    connection: ASGIConnection[BaseRouteHandler, Principal | None, None, State], handler: BaseRouteHandler
) -> None:
    """The guard on everything: a route is closed unless it says `public=True`."""
    if connection.scope.get("user") is None and not handler.opt.get("public"):
        raise SignInRequired


dependencies = {
    "db": Provide(provide_db),
    "me": Provide(provide_me),
    "lang": Provide(provide_lang),
    "address": Provide(provide_address),
}
