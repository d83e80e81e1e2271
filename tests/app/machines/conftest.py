"""Doors that take machines, as domains will have them, behind the city's own middlewares and guard."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from litestar import Litestar, get, put
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from app.config import settings
from app.db import Database
from app.deps import Door, let_in
from app.errors import Refusal, answer_problem
from app.identity.bearer import Bearer
from app.machines.signatures import Signatures
from app.observe import Observe
from app.rates import Rates
from app.staff.cookie import StaffCookie
from tests.conftest import Desk, client_of


@put("/v1/echoes/{path:path}", who=("machine",), status_code=200)
async def echo(request: Door) -> dict[str, Any]:
    """What came through."""
    query = request.scope["query_string"].decode()
    return {"path": request.scope["path"], "query": query, "body": (await request.body()).decode()}


@get("/v1/bills", who=("scope:bills.read",))
async def read_bills() -> dict[str, str]:
    """For whoever may read bills."""
    return {}


@put("/v1/bills", who=("scope:bills.write",), status_code=200)
async def write_bills() -> dict[str, str]:
    """For whoever may write bills."""
    return {}


@get("/open311/v2/requests", who=("scope:reports.read",), plain_key=True)
async def read_requests() -> dict[str, str]:
    """Takes keys as they are."""
    return {}


@get("/open311/v2/services", public=True, plain_key=True)
async def read_services(request: Door) -> dict[str, str]:
    """For everybody; whoever shows a key must have a good one."""
    return {"who": str(request.scope["user"] and request.scope["user"].id)}


@put("/v1/notices", public=True, status_code=200)
async def read_notice(request: Door) -> dict[str, str]:
    """For everybody."""
    return {"body": (await request.body()).decode()}


@dataclass(frozen=True)
class Counter:
    """A client of these doors, who may come from any address, and the middleware that looks at it."""

    client: httpx.AsyncClient
    signatures: Signatures

    async def ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes = b"", address: str = "203.0.113.7"
    ) -> httpx.Response:
        """A request as it is, from an address."""
        come_from = {"x-forwarded-for": address, "content-type": "application/json"}
        return await self.client.request(method, url, headers=come_from | headers, content=body)


def a_counter(database: Database) -> tuple[Litestar, Signatures]:
    """The doors on a database."""
    app = Litestar(
        route_handlers=[echo, read_bills, write_bills, read_requests, read_services, read_notice],
        before_request=let_in,
        exception_handlers={Exception: answer_problem, HTTPException: answer_problem, Refusal: answer_problem},
        request_class=Door,
        openapi_config=None,
        state=State({"database": database}),
        logging_config=None,
    )
    rates = Rates(app.asgi_handler, settings())  # it only looks up: nobody is counted twice
    signatures = Signatures(app.asgi_handler, database, rates)
    staff_cookie = StaffCookie(signatures, database, rates)
    app.asgi_handler = Observe(Bearer(staff_cookie, database, rates), ("127.0.0.1",))
    return app, signatures


@pytest.fixture
async def counter(desk_app: Desk) -> AsyncIterator[Counter]:
    """The doors on this test's connection."""
    app, signatures = a_counter(desk_app.database)
    async with client_of(app) as client:
        yield Counter(client, signatures)
