"""The one queue: what happens after the commit.

An event becomes one job per listener. A job is leased with a fence (a worker that lost its lease cannot finish it),
tried again by a table of waits, and kept as a dead letter that can be replayed. A listener that needs order names the
event's field that orders it. The job's turn is one transaction: what the listener writes and the job's end are one.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from app.clock import city_now
from app.db import Connection, Database, many, queries_beside
from app.observe import JOBS_DEAD, JOBS_WAITING, OUTBOX_AGE, told

sql = queries_beside(__file__)
log = structlog.get_logger()

RETRY_WAITS_S = (2, 10, 30, 120, 600, 3600, 21_600)
LEASE_S = 60
SCHEDULED_RETRY_S = 60
TELL_BATCH = 500


class News(msgspec.Struct, frozen=True):
    """An event as a listener hears it."""

    event_id: int
    kind: str
    data: dict[str, Any]
    made_at: datetime


Afterwards = Callable[[], Awaitable[None]]
"""What is done once the turn has been committed, and may be missed: to ring for whoever waits for it."""
Hear = Callable[[Connection, Sequence[News]], Awaitable[Afterwards | None]]
Errand = Callable[[Database, News], Awaitable[None]]
"""What asks somebody outside: it holds no connection while it waits for an answer, and opens short transactions of
its own. It may be run again after any of its steps (the worker may be killed there): each is safe to repeat."""


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to hear which kinds of event, by `hear` or by `errand`.

    `batch` > 1: `hear` takes several at once, and one by one if that fails; so many errands run side by side."""

    name: str
    kinds: tuple[str, ...]
    hear: Hear | None = None
    errand: Errand | None = None
    batch: int = 1
    ordering_field: str | None = None


class Scheduled(msgspec.Struct, frozen=True, kw_only=True):
    """Work of the clock: run by one worker, not more often than `every_s`.

    `run` works in one transaction; `errand` asks somebody outside, in short transactions of its own. `long`: it may
    take minutes or an hour; of these one runs at a time, beside the others."""

    name: str
    every_s: int
    long: bool = False
    run: Callable[[Connection], Awaitable[None]] | None = None
    errand: Callable[[Database], Awaitable[None]] | None = None


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """Work that has a table of its own, for what goes by the hundred thousand: `work` does what is due and says how
    much that was; it is called again at once while there was something, else at the next news, or in a second.

    `side_by_side`: so many at once in one worker. `close`: let go of what it kept for this database."""

    name: str
    work: Callable[[Database], Awaitable[int]]
    side_by_side: int = 1
    close: Callable[[Database], Awaitable[None]] | None = None


class _Job(msgspec.Struct, frozen=True):
    id: int
    event_id: int
    kind: str
    data: dict[str, Any]
    fence: int
    attempts: int
    made_at: datetime

    @property
    def news(self) -> News:
        return News(self.event_id, self.kind, self.data, self.made_at)


class _LeaseLost(Exception):
    """Another worker has these jobs now: what this turn wrote must not stand."""


async def tell(db: Connection, listeners: Sequence[Listener]) -> int:
    """Turn untold events into jobs; returns how many were told."""
    wishes = [(listener, kind) for listener in listeners for kind in listener.kinds]
    return await db.fetchval(
        sql.tell_events,
        [listener.name for listener, _ in wishes],
        [kind for _, kind in wishes],
        TELL_BATCH,
        [listener.ordering_field for listener, _ in wishes],
    )


async def work(database: Database, listener: Listener) -> int:
    """Lease what is due for one listener and do it; returns how many jobs were leased."""
    async with database.acquire() as db:
        await db.execute(sql.bury_jobs, len(RETRY_WAITS_S))
        jobs = await many(_Job, db, sql.claim_jobs, listener.name, listener.batch, LEASE_S)
    jobs.sort(key=lambda job: job.id)
    if not jobs:
        return 0
    if listener.errand is not None:
        await asyncio.gather(*(_run_errand(database, listener, listener.errand, job) for job in jobs))
        return len(jobs)
    try:
        await _turn(database, listener, jobs)
    except Exception as problem:
        if len(jobs) == 1:
            await _put_off(database, listener, jobs[0], problem)
        else:
            await _one_by_one(database, listener, jobs)
    return len(jobs)


async def _run_errand(database: Database, listener: Listener, errand: Errand, job: _Job) -> None:
    """The errand, then the end of its job. A worker that lost its lease meanwhile leaves the end to the next one."""
    try:
        async with asyncio.timeout(LEASE_S):
            await errand(database, job.news)
        async with database.transaction() as db:
            await db.fetch(sql.finish_jobs, [job.id], [job.fence])
    except Exception as problem:
        await _put_off(database, listener, job, problem)


async def _turn(database: Database, listener: Listener, jobs: Sequence[_Job]) -> None:
    assert listener.hear is not None
    async with database.transaction() as db:
        afterwards = await listener.hear(db, [job.news for job in jobs])
        finished = await db.fetch(sql.finish_jobs, [job.id for job in jobs], [job.fence for job in jobs])
        if len(finished) != len(jobs):
            raise _LeaseLost
    if afterwards is not None:
        try:
            await afterwards()
        except Exception as problem:
            log.warning("nothing was done afterwards", listener=listener.name, error=told(problem))


async def _one_by_one(database: Database, listener: Listener, jobs: Sequence[_Job]) -> None:
    for job in jobs:
        try:
            await _turn(database, listener, [job])
        except Exception as problem:
            await _put_off(database, listener, job, problem)


async def _put_off(database: Database, listener: Listener, job: _Job, problem: Exception) -> None:
    error = told(problem)
    again_at = next_try(job.attempts, city_now())
    log.warning(
        "job failed",
        listener=listener.name,
        job=job.id,
        kind=job.kind,
        attempts=job.attempts,
        dead=again_at is None,
        error=error,
    )
    async with database.acquire() as db:
        await db.execute(sql.put_off_job, job.id, job.fence, again_at, error[:500])


def next_try(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts, with a tenth of jitter; None: never, it is dead."""
    if attempts > len(RETRY_WAITS_S):
        return None
    wait_s = RETRY_WAITS_S[attempts - 1]
    return now + timedelta(seconds=wait_s * random.uniform(1, 1.1))  # noqa: S311 - jitter, not a secret


async def due(database: Database, schedule: Sequence[Scheduled]) -> list[Scheduled]:
    """Whose turn it is by the clock, in the schedule's order; another worker may be at it."""
    async with database.acquire() as db:
        names = [scheduled.name for scheduled in schedule]
        rows = await db.fetch(sql.scheduled_due, names, [scheduled.every_s for scheduled in schedule])
    found = {row["name"] for row in rows}
    return [scheduled for scheduled in schedule if scheduled.name in found]


async def run_scheduled(database: Database, scheduled: Scheduled) -> bool:
    """Run the task if it is due here; its turn and its work are one transaction."""
    async with database.acquire() as db:
        await db.execute(sql.know_scheduled, scheduled.name)
    async with database.transaction() as db:
        if await db.fetchval(sql.start_scheduled, scheduled.name, scheduled.every_s) is None:
            return False
        if scheduled.run is not None:
            await scheduled.run(db)
    if scheduled.errand is not None:
        await scheduled.errand(database)
    return True


async def put_off_scheduled(database: Database, scheduled: Scheduled) -> None:
    """The task failed: it is due again in a minute."""
    async with database.acquire() as db:
        await db.execute(sql.put_off_scheduled, scheduled.name, scheduled.every_s, SCHEDULED_RETRY_S)


async def measure(db: Connection) -> None:
    """The queue's numbers for the dashboard."""
    gauges = await db.fetchrow(sql.queue_gauges)
    assert gauges is not None
    OUTBOX_AGE.set(gauges["outbox_age_s"])
    JOBS_WAITING.set(gauges["jobs_waiting"])
    JOBS_DEAD.set(gauges["jobs_dead"])
