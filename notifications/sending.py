"""Deliveries are sent: by lanes, so that a warning never waits behind a thousand notices.

A worker claims what is due in one lane under a lease with a fence, hands it over to those who carry it, and writes
down how each came out, if the lease is still its own. Killed in between, the lease runs out and they are sent again:
each at least once, twice only what was under way. Any number of workers share the lanes."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
import msgspec
import structlog

from app.config import BadSetting, settings
from app.db import LOST, Database, many, queries_beside
from app.errors import Language, Unavailable
from app.observe import told
from notifications import transports
from notifications.models import Category, Channel, DeliveryState, DeviceTargetKind, Lane
from notifications.roll_ups import Said, said
from notifications.transports import Carriers
from notifications.transports.face import Outcome, Push, TargetKind, Transport

sql = queries_beside(__file__)
log = structlog.get_logger()

BATCH = 500
LEASE_S = 60
SEND_WITHIN_S = 45
AGAIN_AFTER_S = (5, 15, 60, 300, 900, 1800, 3600)
"""Where they who carry it do not say themselves; with a tenth of jitter, until nobody needs the message any more."""
CRITICAL_AGAIN_S = 60
"""A warning waits no longer than that: they who carry it may be back, and the water does not wait."""
SETTLE_AGAIN_S = 0.5

in_use: WeakKeyDictionary[Database, Carriers] = WeakKeyDictionary()


class _Claimed(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    principal_id: UUID | None
    device_id: UUID | None
    channel: Channel
    lane: Lane
    category: Category
    fence: int
    attempts: int
    collapse_key: str
    tag: str
    expires_at: datetime
    expired: bool
    target_kind: DeviceTargetKind | None
    target: str | None
    language: Language
    title: str | None
    body: str | None
    link: str | None
    amounts: bool
    is_withdrawn: bool
    is_read: bool
    is_signed_in: bool
    is_muted: bool
    quiet_s: float
    news: int


class _Ended(NamedTuple):
    """How one came out; `gone`: its target is to be dropped."""

    state: DeliveryState
    why: str | None = None
    name: str | None = None
    after_s: float = 0.0
    gone: bool = False


async def work(lane: Lane, database: Database) -> int:
    """Send what is due in a lane, and, when that is done, take up what somebody else has left lying; returns how many
    there were."""
    async with database.acquire() as db:
        claimed = await many(_Claimed, db, sql.claim_deliveries, lane, BATCH, LEASE_S)
        if not claimed:
            return len(await db.fetch(sql.free_leases, lane, BATCH))
    await _settle(database, claimed, await _send(_of(database), claimed))
    return len(claimed)


def _of(database: Database) -> Carriers:
    """Who carries for this database's worker: one set of connections for all lanes. Whoever cannot for what is wrong
    with our settings is missing; texts go out all the same."""
    carriers = in_use.setdefault(database, {})
    try:
        transports.complete(carriers, settings())
    except BadSetting as trouble:
        log.error("a carrier cannot be used", error=str(trouble))
    return carriers


async def close(database: Database) -> None:
    """Let go of the connections."""
    for transport in set(in_use.pop(database, {}).values()):
        await transport.close()


async def _send(carriers: Carriers, claimed: Sequence[_Claimed]) -> list[_Ended]:
    ended = [_without_sending(delivery) for delivery in claimed]
    by_kind = defaultdict[TargetKind, list[int]](list)
    for place, delivery in enumerate(claimed):
        if ended[place] is None:
            by_kind[_kind(delivery)].append(place)
    outcomes = await asyncio.gather(
        *(_carry(carriers.get(kind), [_push(claimed[place]) for place in places]) for kind, places in by_kind.items())
    )
    for places, of_kind in zip(by_kind.values(), outcomes, strict=True):
        for place, outcome in zip(places, of_kind, strict=True):
            ended[place] = _ended(outcome, claimed[place])
    return [one for one in ended if one is not None]


def _without_sending(delivery: _Claimed) -> _Ended | None:
    """What need not be sent any more, and why; None: it is to be sent."""
    match delivery:
        case _Claimed(expired=True):
            return _Ended("expired", "expired")
        case _Claimed(is_withdrawn=True):
            return _Ended("cancelled", "withdrawn")
        case _Claimed(is_signed_in=False):
            return _Ended("cancelled", "signed_out")
        case _Claimed(is_read=True) | _Claimed(news=0):
            return _Ended("cancelled", "read")
        case _Claimed(title=None):
            return _Ended("cancelled", "message_forgotten")
        case _Claimed(is_muted=True):
            return _Ended("cancelled", "muted")
        case _Claimed(target=None):
            return _Ended("failed", "no_target")
        case _Claimed(quiet_s=quiet_s) if quiet_s > 0:
            return _Ended("queued", "quiet", after_s=quiet_s)
        case _:
            return None


def _kind(delivery: _Claimed) -> TargetKind:
    match delivery.channel:
        case "text":
            return "phone"
        case "topic":
            return "topic"
        case "push":
            return delivery.target_kind or "token"


def _push(delivery: _Claimed) -> Push:
    message = Said(delivery.title or "", delivery.body or "", delivery.link)
    words = said(message, delivery.category, delivery.news, delivery.language, amounts=delivery.amounts)
    return Push(
        delivery_id=delivery.id,
        target_kind=_kind(delivery),
        target=delivery.target or "",
        lane=delivery.lane,
        category=delivery.category,
        title=words.title,
        body=words.body,
        link=words.link,
        collapse_key=delivery.collapse_key,
        expires_at=delivery.expires_at,
        tag=delivery.tag,
    )


async def _carry(carrier: Transport | None, pushes: Sequence[Push]) -> Sequence[Outcome]:
    """One outcome for each; whoever takes too long has not answered."""
    if carrier is None:
        return [Outcome("again", "no_transport")] * len(pushes)
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            return await carrier.send(pushes)
    except TimeoutError:
        return [Outcome("again", "timeout")] * len(pushes)
    except Exception as problem:  # it promised to raise nothing; what goes by others is not held up
        log.error("a carrier broke", error=told(problem))
        return [Outcome("again", type(problem).__name__)] * len(pushes)


def _ended(outcome: Outcome, delivery: _Claimed) -> _Ended:
    match outcome.kind:
        case "accepted":
            return _Ended("accepted", None, outcome.name[:300] or None)
        case "again":
            return _Ended("queued", _why(outcome), after_s=_wait_s(outcome, delivery))
        case "gone":
            return _Ended("failed", _why(outcome), gone=True)
        case "refused":
            return _Ended("failed", _why(outcome))


def _why(outcome: Outcome) -> str:
    return outcome.why[:200] or outcome.kind


def _wait_s(outcome: Outcome, delivery: _Claimed) -> float:
    by_table_s = AGAIN_AFTER_S[min(delivery.attempts, len(AGAIN_AFTER_S)) - 1]
    wait_s = outcome.after_s or (min(by_table_s, CRITICAL_AGAIN_S) if delivery.lane == "critical" else by_table_s)
    return wait_s * random.uniform(1, 1.1)  # noqa: S311 - jitter, not a secret


async def _settle(database: Database, claimed: Sequence[_Claimed], ended: Sequence[_Ended]) -> None:
    """As long as the lease may still be ours: what is not written down is sent once more to everybody."""
    until = monotonic() + LEASE_S
    while True:
        try:
            return await _write(database, claimed, ended)
        except (Unavailable, asyncpg.PostgresError, *LOST) as problem:
            if monotonic() > until:
                raise
            log.warning("how deliveries came out waits for the database", error=told(problem))
        await asyncio.sleep(SETTLE_AGAIN_S)


async def _write(database: Database, claimed: Sequence[_Claimed], ended: Sequence[_Ended]) -> None:
    gone = [delivery for delivery, one in zip(claimed, ended, strict=True) if one.gone]
    async with database.transaction() as db:
        await db.execute(
            sql.settle_deliveries,
            [delivery.id for delivery in claimed],
            [delivery.fence for delivery in claimed],
            [one.state for one in ended],
            [one.why for one in ended],
            [one.name for one in ended],
            [one.after_s for one in ended],
        )
        if gone:
            await db.execute(
                sql.drop_dead_targets,
                [delivery.principal_id for delivery in gone],
                [delivery.device_id for delivery in gone],
                [delivery.target for delivery in gone],
            )
            log.info("push targets dropped", targets=len(gone))
