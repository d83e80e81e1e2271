"""What the gateway tells of top-ups, and what it is asked by the clock when it has told nothing.

A notice (IPN) may be lost, come twice, late or out of order: the top-up's row is locked while it is settled, so each
is credited once. What was never told is asked for (`querydr`), from a minute after the page has closed; only the
gateway's own word ends a top-up."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app import outside
from app.clock import city_now
from app.config import settings
from app.db import Database, many, queries_beside
from app.outside import NoAnswer
from app.types import new_id
from wallet.gateways import breaker, top_ups, vnpay
from wallet.gateways.breaker import NotAsked
from wallet.gateways.top_up_models import GatewayHeard
from wallet.gateways.vnpay import NotTheirs, Told

sql = queries_beside(__file__)
log = structlog.get_logger()

PARTY = "vnpay"
BATCH, BATCHES = 32, 20
GIVE_UP_AFTER = timedelta(days=1)
"""What somebody began on the gateway's page and never finished is over by then."""
GRACE = timedelta(minutes=5)
"""Clocks differ: until so long after its page closed, a payment that the gateway does not know may still come."""

_ANSWERS = {
    "00": "Confirm Success",
    "01": "Order not found",
    "02": "Order already confirmed",
    "04": "Invalid amount",
    "97": "Invalid signature",
    "99": "Unknown error",
}


async def hear(database: Database, query: bytes) -> GatewayHeard:
    """The gateway's notice, in a deed of its own; whatever is wrong is an answer too, so that it tells us again."""
    try:
        code = await _hear(database, query)
    except Exception as problem:
        log.error("gateway's notice was not taken", error=repr(problem))
        code = "99"
    return GatewayHeard(code=code, message=_ANSWERS[code])


async def _hear(database: Database, query: bytes) -> str:
    try:
        told = vnpay.read_notice(settings().vnpay_secret, query)
    except NotTheirs as why:
        log.warning("gateway's notice is not the gateway's", why=str(why))
        return "97"
    top_up_id = vnpay.id_of(told.reference)
    if top_up_id is None or told.terminal != settings().vnpay_terminal:
        return "01"
    async with database.deed() as db:
        return await top_ups.settle(db, top_up_id, told)


class _Due(msgspec.Struct, frozen=True):
    id: UUID
    made_at: datetime
    expires_at: datetime


async def sweep(database: Database) -> None:
    """By the clock: the gateway is asked about whatever it has not told the end of, a few side by side."""
    async with database.acquire() as db:
        await db.execute(sql.expire_transfers, 1000)
    room = asyncio.Semaphore(breaker.AT_ONCE)
    for _ in range(BATCHES):
        async with database.acquire() as db:
            due = await many(_Due, db, sql.top_ups_to_ask, BATCH)
        await asyncio.gather(*(_ask_about(database, room, top_up) for top_up in due))
        if len(due) < BATCH or breaker.before(PARTY).state == "open":
            break


async def _ask_about(database: Database, room: asyncio.Semaphore, top_up: _Due) -> None:
    async with room:
        try:
            told = await ask(top_up.id, top_up.made_at)
            if _is_over(top_up, told):
                async with database.transaction() as db:
                    await top_ups.expire(db, top_up.id)
            elif told.outcome != "unknown":
                async with database.transaction() as db:
                    await top_ups.settle(db, top_up.id, told)
        except (NotAsked, NoAnswer) as silence:
            log.warning("top-up: no answer", top_up=str(top_up.id), why=str(silence))
        except Exception as problem:  # one that stumbles keeps no other from its turn, and is due again by itself
            log.error("top-up waits", top_up=str(top_up.id), error=repr(problem))


def _is_over(top_up: _Due, told: Told) -> bool:
    """Nobody paid, as far as the gateway knows, and nobody can any more."""
    since = city_now() - top_up.expires_at
    return (told.outcome == "unknown" and since > GRACE) or (told.outcome == "unclear" and since > GIVE_UP_AFTER)


async def ask(top_up_id: UUID, made_at: datetime) -> Told:
    """What the gateway says of a top-up; raises NotAsked, NoAnswer. What it has not signed is no answer."""
    here = settings()
    with breaker.before(PARTY).passing():
        if here.vnpay_api_url is None:
            raise NoAnswer("no gateway is configured")
        reference = vnpay.reference_of(top_up_id)
        body = vnpay.query_request(
            here.vnpay_terminal,
            here.vnpay_secret,
            request_id=new_id(),
            reference=reference,
            made_at=made_at,
            now=city_now(),
        )
        said = await outside.ask("POST", here.vnpay_api_url, json=body)
        try:
            told = vnpay.read_answer(here.vnpay_secret, said.read(dict[str, Any]))
        except NotTheirs as why:
            log.error("gateway does not answer an inquiry", top_up=str(top_up_id), why=str(why))
            raise NoAnswer(str(why)) from None
    if told.outcome != "unknown" and told.reference != reference:
        raise NoAnswer("answered about another payment")
    return told
