"""What is on its way to people's devices: made with the message, received by the phone, traced by an operator."""

from collections.abc import Sequence
from datetime import datetime
from typing import get_args
from uuid import UUID

from app.audit import records
from app.budgets import Budget, spend
from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound
from app.identity.models import Principal
from app.jobs import News
from app.observe import DELIVERIES_DUE, DELIVERIES_FAILED, DELIVERIES_LATE
from app.privacy import access
from app.staff.pages import before, page_of
from app.staff.residents import NoSuchResident
from app.types import Page, masked_phone, phone
from notifications.models import Delivery, Lane, Receive, Received

sql = queries_beside(__file__)

LOOKED_AT = "Tra cứu tin đã gửi"
MOST_SWEPT = 10_000
LANES: tuple[Lane, ...] = get_args(Lane)
MOST_LOOK_UPS, WINDOW_S = 60, 600


async def make(
    db: Connection,
    told: Sequence[tuple[UUID, int]],
    lane: Lane = "transactional",
    *,
    broadcast_id: UUID | None = None,
    collapse_key: str | None = None,
    expires_at: datetime | None = None,
    by_topic: bool = False,
    good_for_s: Sequence[int | None] = (),
) -> None:
    """New messages (whose, which) go to each of their readers' devices, as each wants it; `by_topic`: phones hear of
    it by their topics, and only browsers are left; `good_for_s`: of each, as `Words` has it."""
    await db.execute(
        sql.make_deliveries,
        [principal_id for principal_id, _ in told],
        [seq for _, seq in told],
        lane,
        broadcast_id,
        collapse_key,
        expires_at,
        by_topic,
        good_for_s,
    )


async def receive(db: Connection, me: Principal, delivery_id: UUID, wanted: Receive) -> Received:
    """This device has it, and its owner has perhaps looked at it. Raises NotFound: it was not sent here."""
    said = (delivery_id, me.id, me.device_id, wanted.opened)
    received = await maybe(Received, db, sql.receive, *said) or await maybe(Received, db, sql.receive_of_topic, *said)
    if received is None:
        raise NotFound
    return received


async def hear_reports(db: Connection, news: Sequence[News]) -> None:
    """TextReported: the gateway says how texts of ours ended; of one-time codes it is nothing to us."""
    told = {item.data["reference"]: (item.data["state"], item.data["why"]) for item in news}
    states = [state for state, _ in told.values()]
    await db.execute(sql.report_texts, list(told), states, [why for _, why in told.values()])


async def of_phone(db: Connection, me: Principal, number: str, cursor: str | None, limit: int) -> Page[Delivery]:
    """What was sent to whoever has this number: when, how it came out, why not; newest first. They can see who asked.

    Raises BadPhone, BadCursor, NoSuchResident, TooManyRequests."""
    number = phone(number)
    await spend(db, Budget(f"messages looked at {me.id}", MOST_LOOK_UPS, WINDOW_S))
    resident_id: UUID | None = await db.fetchval(sql.resident_by_number, number)
    if resident_id is None:
        raise NoSuchResident
    await records.record(db, me, "notifications.looked_at", resident_id, phone=masked_phone(number))
    await access.opened(db, me, resident_id, "Tin đã gửi tới điện thoại", LOOKED_AT)
    lines = await many(Delivery, db, sql.deliveries_of_resident, resident_id, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


async def failed(db: Connection, cursor: str | None, limit: int) -> Page[Delivery]:
    """What could not be sent, newest first. Raises BadCursor."""
    lines = await many(Delivery, db, sql.failed_deliveries, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(line: Delivery) -> tuple[datetime, UUID]:
    return line.made_at, line.id


async def resend(db: Connection, me: Principal, delivery_id: UUID) -> Delivery:
    """Have it sent once more, if it failed or came too late; one that is on its way stays so. Raises NotFound."""
    again = await db.fetchval(sql.replay_delivery, delivery_id)
    delivery = await maybe(Delivery, db, sql.delivery, delivery_id)
    if delivery is None:
        raise NotFound
    if again is not None:
        await records.record(db, me, "notifications.resent", delivery_id)
    return delivery


async def sweep(db: Connection) -> None:
    """By the clock: what nobody needs any more is not sent; and what a dead worker had is due again, though its lane
    be so busy that nobody who sends in it comes to look."""
    await db.execute(sql.expire_deliveries, MOST_SWEPT)
    for lane in LANES:
        await db.execute(sql.free_leases, lane, MOST_SWEPT)


async def measure(db: Connection) -> None:
    """How much is due, how long it has been, and how much failed lately."""
    for row in await db.fetch(sql.delivery_gauges):
        DELIVERIES_DUE.labels(row["lane"]).set(row["due"])
        DELIVERIES_LATE.labels(row["lane"]).set(row["oldest_s"])
        DELIVERIES_FAILED.labels(row["lane"]).set(row["failed"])
