"""The bills of a customer code, asked of the biller's own system where it has one, and kept as it says.

The biller's list is the truth: what it lists is due, over the amount that it says; what it listed before and lists no
more is withdrawn. A bill that is paid here, or on its way, stays as it is. Nobody waits for a biller inside a
transaction: short ones of our own, before the question and after the answer."""

import asyncio
from uuid import UUID

import msgspec
import structlog

from app.db import Connection, Database, many, one, queries_beside
from app.errors import Language, Malformed
from app.identity.models import Principal
from app.outside import NoAnswer
from app.types import masked_name, new_id
from wallet import bills
from wallet.billers import billers, connections
from wallet.billers.adapters import Customer, Listed
from wallet.gateways import breaker
from wallet.gateways.breaker import NotAsked
from wallet.models import Bills

sql = queries_beside(__file__)
log = structlog.get_logger()

FRESH_S = 5
"""A list that was told so lately is not asked for again."""
MINE_FRESH_S = 900
MOST_OF_MINE = 10
KEPT_FRESH_S = 20 * 3600
KEPT_AT_ONCE = 8
KEPT_BATCH = 200


class HalfAQuestion(Malformed):
    """Hãy gửi cả đơn vị thu và mã khách hàng, hoặc không gửi gì để xem các mã đã lưu.

    Give both a biller and a customer code, or neither for the codes you keep."""


class _List(msgspec.Struct, frozen=True):
    biller_code: str
    customer_code: str
    available: bool = True


class _Asked(msgspec.Struct, frozen=True):
    asks: bool
    available: bool


async def find(
    database: Database, me: Principal, biller: str | None, customer_code: str | None, language: Language
) -> Bills:
    """The bills of a customer code, or of all the codes that I keep. `stale`: some biller did not answer.

    Raises HalfAQuestion, UnknownBiller, BadCustomerCode, TooManyRequests."""
    if biller is not None and customer_code is not None:
        return await _of_customer(database, me, biller, customer_code, language)
    if biller is not None or customer_code is not None:
        raise HalfAQuestion
    return await _of_mine(database, me, language)


async def _of_customer(
    database: Database, me: Principal, biller: str, customer_code: str, language: Language
) -> Bills:
    async with database.acquire() as db:
        await bills.may_ask(db, me, biller, customer_code)
        asked = await one(_Asked, db, sql.asked_biller, biller)
        fresh = await db.fetchval(sql.is_list_fresh, biller, customer_code, FRESH_S)
    told = not asked.asks or fresh or (asked.available and await refresh(database, biller, customer_code))
    async with database.acquire() as db:
        return Bills(items=await bills.of_customer(db, biller, customer_code, language), stale=not told)


async def _of_mine(database: Database, me: Principal, language: Language) -> Bills:
    async with database.acquire() as db:
        old = await many(_List, db, sql.lists_of_mine, me.id, MINE_FRESH_S, MOST_OF_MINE)
    told = await asyncio.gather(
        *(refresh(database, code.biller_code, code.customer_code) for code in old if code.available)
    )
    async with database.acquire() as db:
        stale = not all(told) or not all(code.available for code in old)
        return Bills(items=await bills.mine(db, me, language), stale=stale)


async def refresh(database: Database, biller: str, customer_code: str) -> bool:
    """Ask a biller for a customer's bills and keep what it says; False: it did not say anything."""
    async with database.acquire() as db:
        adapter = await connections.adapter_of(db, biller)
    if adapter is None:
        return False
    # Its own breaker: whoever looks for bills takes no place from a payment.
    guard = breaker.before(f"bills:{biller}")
    try:
        with guard.passing():
            listed = await adapter.fetch(Customer(code=customer_code))
    except NotAsked:
        return False
    except NoAnswer as problem:
        log.warning("a biller tells no bills", biller=biller, error=str(problem))
        if guard.state == "open":
            async with database.transaction() as db:
                await billers.rest(db, biller, guard.rest_s)
        return False
    async with database.transaction() as db:
        await _keep(db, biller, customer_code, list({bill.reference: bill for bill in listed}.values()))
    return True


async def _keep(db: Connection, biller: str, customer_code: str, listed: list[Listed]) -> None:
    references = [bill.reference for bill in listed]
    ids: list[UUID] = [new_id() for _ in listed]
    await db.execute(sql.lock_listed, biller, customer_code, references)
    await db.execute(
        sql.keep_listed,
        biller,
        customer_code,
        ids,
        references,
        [masked_name(bill.customer_name) for bill in listed],
        [bill.period for bill in listed],
        [bill.amount for bill in listed],
        [bill.due_on for bill in listed],
    )
    await db.execute(sql.withdraw_unlisted, biller, customer_code, references)
    await db.execute(sql.keep_answer, biller, customer_code)
    await billers.wake(db, biller)


async def refresh_kept(database: Database) -> None:
    """Ask for the bills that somebody wants to be told of or have paid, once a day each, a few at a time."""
    async with database.transaction() as db:
        claimed = await many(_List, db, sql.claim_kept_lists, KEPT_FRESH_S, KEPT_BATCH)
    for start in range(0, len(claimed), KEPT_AT_ONCE):
        together = claimed[start : start + KEPT_AT_ONCE]
        await asyncio.gather(*(refresh(database, code.biller_code, code.customer_code) for code in together))
