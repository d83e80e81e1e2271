"""The doors of papers: history, statements, receipts."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from app.types import Page
from wallet.models import Movement, TransferKind
from wallet.papers import history, receipts, statements
from wallet.papers.history import Wanted
from wallet.papers.models import FromDay, OptionalFromDay, OptionalToDay, SearchWords, Statement, ToDay
from wallet.papers.tables import MEDIA_TYPES

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@get("/v1/wallet/movements")
async def list_movements(
    db: Db,
    request: Door,
    cursor: Cursor = None,
    limit: Limit = 20,
    kind: FromQuery[TransferKind | None] = None,
    q: SearchWords = None,
    from_on: OptionalFromDay = None,
    to_on: OptionalToDay = None,
) -> Page[Movement]:
    """My history, newest first.

    Of a kind, between two days, with words in the memo or the other side's name (letters without their marks find
    them too). A page of a search may be short, or empty, and still have a `next`."""
    return await history.movements(db, request.me.id, Wanted(kind, q, from_on, to_on), cursor, limit)


@get("/v1/wallet/statement")
async def get_statement(
    db: Db, request: Door, from_on: FromDay, to_on: ToDay, cursor: Cursor = None, limit: Limit = 50
) -> Statement:
    """What came and went from one day to another, a year at the most, oldest first, with both balances."""
    return await statements.show(db, request.me, from_on, to_on, cursor, limit, request.lang)


@get("/v1/wallet/statement.csv", media_type=MEDIA_TYPES["csv"])
async def get_statement_csv(request: Door, from_on: FromDay, to_on: ToDay) -> Stream:
    """The same as a CSV file, for programs and spreadsheets. No cell of it is a formula."""
    return await statements.file(request.app.state.database, request.me, from_on, to_on, "csv", request.lang)


@get("/v1/wallet/statement.xlsx", media_type=MEDIA_TYPES["xlsx"])
async def get_statement_xlsx(request: Door, from_on: FromDay, to_on: ToDay) -> Stream:
    """The same as a workbook."""
    return await statements.file(request.app.state.database, request.me, from_on, to_on, "xlsx", request.lang)


@get("/v1/wallet/statement.pdf", media_type=MEDIA_TYPES["pdf"])
async def get_statement_pdf(request: Door, from_on: FromDay, to_on: ToDay) -> Stream:
    """The same to read and print."""
    return await statements.file(request.app.state.database, request.me, from_on, to_on, "pdf", request.lang)


@get("/v1/wallet/payments/{payment_id:uuid}/receipt.pdf", media_type=MEDIA_TYPES["pdf"])
async def get_receipt_pdf(request: Door, payment_id: FromPath[UUID]) -> Response[bytes]:
    """The receipt of a payment of mine, in both languages. It says how the payment stands now."""
    return await receipts.file(request.app.state.database, request.me, payment_id)


router = Router(
    "/",
    route_handlers=[
        list_movements, get_statement, get_statement_csv, get_statement_xlsx, get_statement_pdf, get_receipt_pdf,
    ],
    tags=["wallet"],
)  # fmt: skip
