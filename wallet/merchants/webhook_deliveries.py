"""Messages on their way to merchants' systems: claimed, sent with no connection held, and noted how that came out.

A claim is a fence and a moment after which somebody else may claim: whoever ends in between leaves a message that is
due again. It is sent at least once, perhaps twice, always under the same id. Each endpoint has a few places, each
shop a few more and all of them together more still; a message that is done makes room for the next one at once: an
endpoint that takes its time keeps its own messages waiting, and no other shop's."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from time import monotonic
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
import structlog

from app import guarded, outbox
from app.clock import city_now
from app.db import Connection, Database, many, maybe, queries_beside
from app.guarded import NotReached, Why
from app.jobs import News
from app.secrets import unseal
from wallet.events import WebhookDisabled
from wallet.merchants import webhook_signatures
from wallet.merchants.webhook_endpoints import PURPOSE, host_of
from wallet.merchants.webhook_models import DisabledBecause

sql = queries_beside(__file__)
log = structlog.get_logger()

RETRY_WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: three days and three hours in all."""
LEASE_S = 60
"""Longer than anybody is waited for."""
AT_ONCE, AT_ONCE_OF_ONE_SHOP, AT_ONCE_TO_ONE = 64, 8, 4
GONE = 410
USER_AGENT = "Huong-Webhooks/1"


class _Claimed(msgspec.Struct, frozen=True):
    id: UUID
    endpoint_id: UUID
    merchant_id: UUID
    fence: int
    attempts: int
    body: bytes
    url: str | None
    wanted: bool
    secret_ids: list[UUID]
    sealed: list[bytes]

    @property
    def secrets(self) -> list[str]:
        """What signs it, the newest first; raises KeyNotHere."""
        pairs = zip(self.secret_ids, self.sealed, strict=True)
        return [unseal(PURPOSE, sealed, about=secret_id.bytes).decode() for secret_id, sealed in pairs]


class Courier:
    """Who is under way in this process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[UUID] = Counter()
        self._claiming = asyncio.Lock()

    async def send_due(self, database: Database) -> None:
        """Take what is due, as far as there are places, and send each of these on its own. Waits for none of them."""
        async with self._claiming:
            free = AT_ONCE - self._under_way.total()
            if free <= 0:
                return
            busy = dict(self._under_way)
            async with database.acquire() as db:
                claimed = await many(
                    _Claimed,
                    db,
                    sql.claim_webhook_messages,
                    list(busy),
                    list(busy.values()),
                    AT_ONCE_TO_ONE,
                    AT_ONCE_OF_ONE_SHOP,
                    free,
                    LEASE_S,
                )
            for message in claimed:
                self._start(database, message)

    def _start(self, database: Database, message: _Claimed) -> None:
        self._under_way[message.endpoint_id] += 1
        task = asyncio.create_task(self._send(database, message), name=f"webhook-{message.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, database: Database, message: _Claimed) -> None:
        try:
            await _deliver(database, message)
        except Exception as problem:  # it is due again when its lease has run out
            log.warning("webhook waits", message=str(message.id), error=repr(problem))
        finally:
            self._leave(message.endpoint_id)
        try:
            await self.send_due(database)
        except Exception as problem:
            log.warning("webhooks wait", error=repr(problem))

    def _leave(self, endpoint_id: UUID) -> None:
        self._under_way[endpoint_id] -= 1
        if not self._under_way[endpoint_id]:
            del self._under_way[endpoint_id]

    async def rest(self) -> None:
        """Until nobody is under way (tests, and whoever ends in good order)."""
        while self._tasks:
            await asyncio.wait(self._tasks)


_couriers: WeakKeyDictionary[Database, Courier] = WeakKeyDictionary()


def courier_of(database: Database) -> Courier:
    """The one courier of this process for a database."""
    return _couriers.setdefault(database, Courier())


async def ring(database: Database, _: News) -> None:
    """On WebhooksWritten: send now."""
    await courier_of(database).send_due(database)


async def sweep(database: Database) -> None:
    """By the clock: what is to be tried again, and what somebody left behind."""
    await courier_of(database).send_due(database)


async def _deliver(database: Database, message: _Claimed) -> None:
    if not message.wanted or message.url is None:
        async with database.acquire() as db:
            await db.execute(sql.bury_webhook_message, message.id, message.fence, 0)
        return
    headers = webhook_signatures.headers(
        str(message.id), int(city_now().timestamp()), message.body, message.secrets
    ) | {"content-type": "application/json", "user-agent": USER_AGENT}
    began = monotonic()
    try:
        outcome = await guarded.post(message.url, message.body, headers, of=str(message.merchant_id))
    except NotReached as silence:
        outcome = silence.why
    took_ms = round((monotonic() - began) * 1000)
    async with database.transaction() as db:
        await note(db, message, outcome, took_ms)


async def note(db: Connection, message: _Claimed, outcome: int | Why, took_ms: int) -> None:
    """Write down how a try came out, and what becomes of the message, and of its endpoint."""
    delivered = isinstance(outcome, int) and 200 <= outcome < 300
    last = message.attempts >= len(RETRY_WAITS_S)
    if not delivered and (last or outcome == GONE):
        # Whoever ends an endpoint's messages takes its lock before theirs.
        await db.execute(sql.lock_webhook_endpoint, message.endpoint_id, None)
    status, failure = (outcome, None) if isinstance(outcome, int) else (None, outcome)
    await db.execute(sql.note_webhook_try, message.id, message.fence, status, failure, took_ms)
    if delivered:
        await db.execute(sql.webhook_message_delivered, message.id)
    elif outcome == GONE:
        await db.execute(sql.bury_webhook_message, message.id, message.fence, 1)
        await _disable(db, message.endpoint_id, "gone")
    elif last:
        await _give_up(db, message)
    else:
        wait_s = RETRY_WAITS_S[message.attempts] * random.uniform(1, 1.1)  # noqa: S311 - jitter, not a secret
        again_at = city_now() + timedelta(seconds=wait_s)
        await db.execute(sql.put_webhook_message_off, message.id, message.fence, again_at)


async def _give_up(db: Connection, message: _Claimed) -> None:
    """The last try failed. An endpoint that has taken nothing since the message was made takes nothing at all."""
    made_at = await db.fetchval(sql.bury_webhook_message, message.id, message.fence, 1)
    if made_at is not None and not await db.fetchval(
        sql.webhook_endpoint_takes_something, message.endpoint_id, made_at
    ):
        await _disable(db, message.endpoint_id, "failing")


async def _disable(db: Connection, endpoint_id: UUID, because: DisabledBecause) -> None:
    disabled = await maybe(_Disabled, db, sql.disable_webhook_endpoint, endpoint_id, because)
    if disabled is not None:
        unsent: int = await db.fetchval(sql.bury_webhook_messages, endpoint_id)
        news = WebhookDisabled(
            webhook_endpoint_id=endpoint_id,
            merchant_id=disabled.merchant_id,
            owner_id=disabled.owner_id,
            merchant_name=disabled.merchant_name,
            host=host_of(disabled.url),
            because=because,
            unsent=unsent,
        )
        await outbox.record(db, news)


class _Disabled(msgspec.Struct, frozen=True):
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    url: str
