"""The queue: an event is told once, done once, in order where order matters, and tried again until it is dead."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import jobs, worker
from app.db import Connection, Database
from app.errors import Unavailable
from app.jobs import LEASE_S, RETRY_WAITS_S, Engine, Listener, News, Scheduled, next_try
from app.worker import Worker
from tests.conftest import Later, OneConnection
from tests.statements import sql


class Heard:
    """A listener's ear that remembers, and fails while it is told to."""

    def __init__(self, *refused: int, pause_s: float = 0) -> None:
        self.turns: list[list[int]] = []
        self.refused = set(refused)
        self.pause_s = pause_s

    async def __call__(self, db: Connection, news: Sequence[News]) -> None:
        numbers = [item.data["n"] for item in news]
        self.turns.append(numbers)
        if self.pause_s:
            await asyncio.sleep(self.pause_s)
        for number in numbers:
            await mark(db, number)
        if self.refused.intersection(numbers):
            raise ValueError(f"{numbers} is more than I can bear")

    @property
    def numbers(self) -> list[int]:
        return [number for turn in self.turns for number in turn]


async def ring(db: Connection, *numbers: int, bell: str = "Thiên Mụ", kind: str = "BellRang") -> None:
    """Record so many events."""
    for number in numbers:
        await db.execute(jobs.sql.record_event, kind, {"n": number, "bell": bell})


async def mark(db: Connection, number: int) -> None:
    """What a listener writes in its turn."""
    await db.execute(jobs.sql.record_event, "Mark", {"n": number})


async def marks(db: Connection) -> list[int]:
    """What listeners have written, and was committed."""
    return [row["data"]["n"] for row in await db.fetch(sql.event_rows, "Mark")]


def listener(hear: Callable[[Connection, Sequence[News]], Awaitable[None]], **more: object) -> Listener:
    """Somebody who listens for bells."""
    return Listener(**{"name": "monk", "kinds": ("BellRang",), "hear": hear, **more})  # pyright: ignore[reportArgumentType]


def worker_of(place: Database | Connection, *listeners: Listener) -> Worker:
    """A worker with these listeners and no schedule."""
    return Worker(place if isinstance(place, Database) else OneConnection(place), listeners, ())


# Telling


async def test_every_listener_hears_every_event_of_its_kinds_once(db: Connection) -> None:
    monk, tourist, deaf = Heard(), Heard(), Heard()
    crew = worker_of(
        db,
        listener(monk),
        listener(tourist, name="tourist", kinds=("BellRang", "GongRang")),
        listener(deaf, name="deaf", kinds=("NothingRang",)),
    )
    await ring(db, 1, 2, 3)
    await ring(db, 4, kind="GongRang")
    await crew.drain()
    await crew.drain()
    assert monk.numbers == [1, 2, 3]
    assert sorted(tourist.numbers) == [1, 2, 3, 4]
    assert deaf.numbers == []
    assert await db.fetch(sql.job_rows) == []
    assert all(row["told_at"] is not None for row in await db.fetch(sql.event_rows, "BellRang"))


async def test_news_arrives_as_it_was_recorded(db: Connection) -> None:
    heard: list[News] = []

    async def hear(_: Connection, news: Sequence[News]) -> None:
        heard.extend(news)

    await db.execute(jobs.sql.record_event, "BellRang", {"name": "Thiên Mụ", "deep": [1, None, {"a": True}]})
    await worker_of(db, listener(hear)).drain()
    [item] = heard
    assert (item.kind, item.data) == ("BellRang", {"name": "Thiên Mụ", "deep": [1, None, {"a": True}]})
    assert abs(item.made_at - datetime.now(UTC)) < timedelta(seconds=10)


async def test_a_deed_that_was_rolled_back_is_no_news(database: Database) -> None:
    monk = Heard()

    async def deed() -> None:
        async with database.transaction() as db:
            await ring(db, 1)
            raise ValueError("change of mind")

    with pytest.raises(ValueError, match="change of mind"):
        await deed()
    async with database.transaction() as db:
        await ring(db, 2)
    await worker_of(database, listener(monk)).drain()
    assert monk.numbers == [2]


async def test_two_workers_tell_and_do_everything_once(database: Database) -> None:
    monk = Heard(pause_s=0.001)
    async with database.transaction() as db:
        await ring(db, *range(40))
    crews = [worker_of(database, listener(monk, batch=3)) for _ in range(2)]
    await asyncio.gather(*(crew.drain() for crew in crews))
    assert sorted(monk.numbers) == list(range(40))
    async with database.acquire() as db:
        assert sorted(await marks(db)) == list(range(40))
        assert await db.fetch(sql.job_rows) == []


# Trying again


async def test_a_job_that_fails_is_tried_by_the_table_and_then_dead(db: Connection, later: Later) -> None:
    monk = Heard(1)
    crew = worker_of(db, listener(monk))
    await ring(db, 1)
    for attempts, wait_s in enumerate(RETRY_WAITS_S, 1):
        await crew.drain()
        [job] = await db.fetch(sql.job_rows)
        assert (job["state"], job["attempts"], len(monk.turns)) == ("ready", attempts, attempts)
        assert wait_s * 0.9 < job["due_in_s"] <= wait_s * 1.1
        await later(wait_s * 1.1 + 0.1)

    await crew.drain()
    [job] = await db.fetch(sql.job_rows)
    assert (job["state"], job["attempts"]) == ("dead", len(RETRY_WAITS_S) + 1)
    assert job["last_error"] == "ValueError: [1] is more than I can bear"
    await later(10 * 86_400)
    await crew.drain()
    assert len(monk.turns) == len(RETRY_WAITS_S) + 1
    assert await marks(db) == []


async def test_a_job_that_waits_for_its_next_try_is_left_alone(db: Connection, later: Later) -> None:
    monk = Heard(1)
    crew = worker_of(db, listener(monk))
    await ring(db, 1)
    await crew.drain()
    await later(1)
    await crew.drain()
    assert len(monk.turns) == 1


async def test_a_job_that_failed_once_is_done_at_its_next_try(db: Connection, later: Later) -> None:
    monk = Heard(1)
    crew = worker_of(db, listener(monk))
    await ring(db, 1)
    await crew.drain()
    monk.refused.clear()
    await later(3)
    await crew.drain()
    assert monk.numbers == [1, 1]
    assert await marks(db) == [1]
    assert await db.fetch(sql.job_rows) == []


@given(attempts=st.integers(1, 100), now=st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_the_next_try_follows_the_table_with_a_tenth_of_jitter(attempts: int, now: datetime) -> None:
    again_at = next_try(attempts, now)
    if attempts > len(RETRY_WAITS_S):
        assert again_at is None
    else:
        assert again_at is not None
        wait_s = RETRY_WAITS_S[attempts - 1]
        assert wait_s <= (again_at - now).total_seconds() <= wait_s * 1.1 + 1e-3


async def dead_letters(db: Connection, *numbers: int) -> Heard:
    """A monk for whom these events are dead letters."""
    monk = Heard(*numbers)
    await ring(db, *numbers)
    crew = worker_of(db, listener(monk))
    for _ in range(len(RETRY_WAITS_S) + 1):
        await crew.drain()
        await db.execute(sql.make_due)
    monk.turns.clear()
    monk.refused.clear()
    return monk


async def test_a_dead_letter_is_replayed_and_its_tries_begin_anew(db: Connection) -> None:
    monk = await dead_letters(db, 1, 2)
    second, first = await db.fetch(jobs.sql.dead_jobs, 10)
    assert (first["listener"], first["kind"], first["attempts"]) == ("monk", "BellRang", len(RETRY_WAITS_S) + 1)

    assert await db.fetch(jobs.sql.replay_jobs, second["id"]) == [(second["id"],)]
    monk.refused = {2}
    await worker_of(db, listener(monk)).drain()
    assert monk.numbers == [2]
    states = {row["id"]: (row["state"], row["attempts"]) for row in await db.fetch(sql.job_rows)}
    assert states == {first["id"]: ("dead", len(RETRY_WAITS_S) + 1), second["id"]: ("ready", 1)}


async def test_all_dead_letters_are_replayed_at_a_word(db: Connection) -> None:
    monk = await dead_letters(db, 1, 2)
    assert len(await db.fetch(jobs.sql.replay_jobs, None)) == 2
    await worker_of(db, listener(monk)).drain()
    assert sorted(monk.numbers) == [1, 2]
    assert await db.fetch(sql.job_rows) == []
    assert await db.fetch(jobs.sql.replay_jobs, None) == []


async def test_a_batch_that_fails_is_done_one_by_one(db: Connection) -> None:
    monk = Heard(3)
    await ring(db, 1, 2, 3, 4, 5)
    await worker_of(db, listener(monk, batch=10)).drain()
    assert monk.turns == [[1, 2, 3, 4, 5], [1], [2], [3], [4], [5]]
    assert await marks(db) == [1, 2, 4, 5]
    [job] = await db.fetch(sql.job_rows)
    assert (job["data"]["n"], job["attempts"], job["state"]) == (3, 1, "ready")


async def test_a_batch_takes_no_more_than_it_says(db: Connection) -> None:
    monk = Heard()
    await ring(db, *range(7))
    await worker_of(db, listener(monk, batch=3)).drain()
    assert monk.turns == [[0, 1, 2], [3, 4, 5], [6]]


# Leases


async def claim(database: Database) -> int:
    """A worker that takes a job and is never heard of again; the job's id."""
    async with database.acquire() as db:
        [job] = await db.fetch(jobs.sql.claim_jobs, "monk", 1, LEASE_S)
    return job["id"]


async def test_the_job_of_a_worker_that_died_comes_again_when_its_lease_is_over(database: Database) -> None:
    monk = Heard()
    crew = worker_of(database, listener(monk))
    async with database.transaction() as db:
        await ring(db, 1)
        await jobs.tell(db, crew.listeners)
    await claim(database)
    await crew.drain()
    assert monk.numbers == []
    async with database.acquire() as db:
        await db.execute(sql.expire_leases)
    await crew.drain()
    assert monk.numbers == [1]


async def test_a_worker_that_lost_its_lease_writes_nothing(database: Database) -> None:
    quick = Heard()

    async def slow(db: Connection, news: Sequence[News]) -> None:
        await mark(db, -1)
        async with database.acquire() as elsewhere:
            await elsewhere.execute(sql.expire_leases)
        assert await jobs.work(database, listener(quick)) == 1
        await mark(db, -2)

    async with database.transaction() as db:
        await ring(db, 1)
    await worker_of(database, listener(slow)).drain()
    assert quick.numbers == [1]
    async with database.acquire() as db:
        assert await marks(db) == [1]
        assert await db.fetch(sql.job_rows) == []


async def test_a_worker_that_lost_its_lease_does_not_finish_what_another_is_at(database: Database) -> None:
    async def slow(db: Connection, news: Sequence[News]) -> None:
        await mark(db, -1)
        async with database.acquire() as elsewhere:
            await elsewhere.execute(sql.expire_leases)
        await claim(database)

    async with database.transaction() as db:
        await ring(db, 1)
    await worker_of(database, listener(slow)).drain()
    async with database.acquire() as db:
        assert await marks(db) == []
        [job] = await db.fetch(sql.job_rows)
        assert (job["state"], job["fence"], job["last_error"]) == ("running", 2, None)


async def test_a_worker_that_lost_its_lease_and_fails_does_not_put_the_job_off(database: Database) -> None:
    async def fails_late(_: Connection, news: Sequence[News]) -> None:
        async with database.acquire() as elsewhere:
            await elsewhere.execute(sql.expire_leases)
        await claim(database)
        raise ValueError("too late to matter")

    async with database.transaction() as db:
        await ring(db, 1)
    await worker_of(database, listener(fails_late)).drain()
    async with database.acquire() as db:
        [job] = await db.fetch(sql.job_rows)
    assert (job["state"], job["fence"], job["last_error"]) == ("running", 2, None)


async def test_a_worker_whose_connection_breaks_leaves_nothing_half_done(database: Database) -> None:
    turns: list[int] = []

    async def hear(db: Connection, news: Sequence[News]) -> None:
        turns.append(news[0].data["n"])
        await mark(db, len(turns))
        if len(turns) == 1:
            pid = await db.fetchval(sql.my_pid)
            async with database.acquire() as elsewhere:
                await elsewhere.execute(sql.end_backend, pid)

    crew = worker_of(database, listener(hear))
    async with database.transaction() as db:
        await ring(db, 7)
    await crew.drain()
    async with database.acquire() as db:
        assert await marks(db) == []
        await db.execute(sql.make_due)
    await crew.drain()
    async with database.acquire() as db:
        assert (turns, await marks(db), await db.fetch(sql.job_rows)) == ([7, 7], [2], [])


# Order


async def test_one_bell_is_heard_in_order_by_two_workers(database: Database) -> None:
    heard: list[tuple[str, int]] = []

    async def hear(_: Connection, news: Sequence[News]) -> None:
        await asyncio.sleep(0.002 * (news[0].data["n"] % 3))
        heard.extend((item.data["bell"], item.data["n"]) for item in news)

    async with database.transaction() as db:
        for number in range(8):
            await ring(db, number, bell="Thiên Mụ")
            await ring(db, number, bell="Từ Hiếu")
    crews = [worker_of(database, listener(hear, ordering_field="bell", batch=2)) for _ in range(2)]
    for _ in range(2):  # a worker that finds every bell taken goes to rest
        await asyncio.gather(*(crew.drain() for crew in crews))
    for bell in ("Thiên Mụ", "Từ Hiếu"):
        assert [number for of, number in heard if of == bell] == list(range(8))


async def test_later_news_is_not_told_before_news_that_another_worker_is_telling(database: Database) -> None:
    monk = Heard()
    ordered = listener(monk, ordering_field="bell")
    async with database.transaction() as db:
        await ring(db, 1)
    async with database.transaction() as slow:
        await jobs.tell(slow, [ordered])
        async with database.transaction() as db:
            await ring(db, 2)
        other = asyncio.create_task(worker_of(database, ordered).drain())
        await asyncio.wait([other], timeout=0.2)
        assert monk.numbers == []
    await other
    await worker_of(database, ordered).drain()
    assert monk.numbers == [1, 2]


async def test_news_waits_behind_what_failed_before_it_on_the_same_bell(db: Connection, later: Later) -> None:
    monk = Heard(1)
    crew = worker_of(db, listener(monk, ordering_field="bell"))
    await ring(db, 1, 2)
    await ring(db, 3, bell="Từ Hiếu")
    await crew.drain()
    assert monk.numbers == [1, 3]
    monk.refused.clear()
    await later(3)
    await crew.drain()
    assert monk.numbers == [1, 3, 1, 2]


async def test_a_dead_letter_holds_nobody_up(db: Connection) -> None:
    monk = Heard(1)
    crew = worker_of(db, listener(monk, ordering_field="bell"))
    await ring(db, 1, 2)
    for _ in range(len(RETRY_WAITS_S) + 1):
        assert 2 not in monk.numbers
        await crew.drain()
        await db.execute(sql.make_due)
    await crew.drain()
    assert monk.numbers == [1] * (len(RETRY_WAITS_S) + 1) + [2]


async def test_news_without_the_field_that_orders_is_not_held_up(db: Connection) -> None:
    monk = Heard(1)
    crew = worker_of(db, listener(monk, ordering_field="choir"))
    await ring(db, 1, 2)
    await crew.drain()
    assert monk.numbers == [1, 2]


# The schedule


async def test_a_scheduled_task_is_run_by_one_of_two_workers_and_again_when_it_is_due(database: Database) -> None:
    runs: list[int] = []

    async def sweep(db: Connection) -> None:
        runs.append(await db.fetchval(sql.my_pid))
        await asyncio.sleep(0.02)

    task = Scheduled(name="sweep", every_s=60, run=sweep)
    for expected in (1, 2):
        ran = await asyncio.gather(*(jobs.run_scheduled(database, task) for _ in range(3)))
        assert (sorted(ran), len(runs)) == ([False, False, True], expected)
        async with database.acquire() as db:
            await db.execute(sql.make_schedule_due, "sweep", 61)


async def test_a_scheduled_task_that_fails_keeps_its_turn_and_leaves_nothing(database: Database) -> None:
    async def sweep(db: Connection) -> None:
        await mark(db, 1)
        raise ValueError("broom broke")

    task = Scheduled(name="sweep", every_s=60, run=sweep)
    for _ in range(2):
        with pytest.raises(ValueError, match="broom broke"):
            await jobs.run_scheduled(database, task)
    async with database.acquire() as db:
        assert await marks(db) == []


async def test_a_scheduled_task_that_fails_keeps_no_other_from_its_turn(database: Database) -> None:
    done: list[str] = []

    async def broken(_: Connection) -> None:
        raise ValueError("broom broke")

    async def sweep(_: Connection) -> None:
        done.append("swept")

    schedule = (Scheduled(name="broken", every_s=3600, run=broken), Scheduled(name="sweep", every_s=60, run=sweep))
    crew = Worker(database, (), schedule)
    await crew.keep_schedule()
    await crew.keep_schedule()
    assert done == ["swept"]
    async with database.acquire() as db:
        assert 58 < await db.fetchval(sql.due_in_s, "broken", 3600) <= 60


async def soon(done: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so; five seconds are for ever."""
    async with asyncio.timeout(5):
        while not await done():  # noqa: ASYNC110 - it happens in the database
            await asyncio.sleep(0.01)


class Turns:
    """Scheduled tasks that are counted; some of them wait until they may go on."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.go_on = asyncio.Event()

    def task(self, name: str, *, slow: bool = False, long: bool = False, errand: bool = False) -> Scheduled:
        """Due at each look; its kind is the first word of its name."""
        kind = name.split()[0]

        async def work(_: object) -> None:
            self.begun[name] += 1
            self.under_way[kind] += 1
            self.most[kind] = max(self.most[kind], self.under_way[kind])
            try:
                if slow:
                    await self.go_on.wait()
            finally:
                self.under_way[kind] -= 1

        if errand:
            return Scheduled(name=name, every_s=0, errand=work)
        return Scheduled(name=name, every_s=0, run=work, long=long)


async def test_a_scheduled_task_that_takes_long_keeps_no_other_from_its_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_S", 0.02)
    turns = Turns()
    schedule = (
        *(turns.task(f"long {nth}", slow=True, long=True) for nth in range(3)),
        *(turns.task(f"errand {nth}", slow=True, errand=True) for nth in range(6)),
        turns.task("quick"),
        turns.task("ask", errand=True),
    )
    crew = Worker(database, (), schedule)
    running = asyncio.create_task(crew.run())

    async def many_turns() -> bool:
        return turns.begun["quick"] > 3 and turns.begun["ask"] > 3

    await soon(many_turns)
    assert turns.under_way == {"long": 1, "errand": 6, "quick": 0, "ask": 0}
    assert [turns.begun[f"errand {nth}"] for nth in range(6)] == [1] * 6, "none overlaps itself"
    crew.stop()
    await asyncio.wait_for(running, 5)
    assert turns.under_way.total() == 0, "what was under way was cancelled"


async def test_the_schedule_takes_only_a_few_connections_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_S", 0.02)
    turns = Turns()
    crew = Worker(database, (), [turns.task(f"run {nth}", slow=True) for nth in range(7)])
    running = asyncio.create_task(crew.run())

    async def full() -> bool:
        return turns.under_way["run"] == worker.RUNS_AT_ONCE

    await soon(full)
    await asyncio.sleep(0.1)
    assert turns.begun.total() == worker.RUNS_AT_ONCE
    turns.go_on.set()

    async def all_had_their_turn() -> bool:
        return all(turns.begun[f"run {nth}"] for nth in range(7))

    await soon(all_had_their_turn)
    crew.stop()
    await asyncio.wait_for(running, 5)
    assert turns.most["run"] == worker.RUNS_AT_ONCE


async def test_the_citys_own_schedule_runs(db: Connection) -> None:
    crew = Worker(OneConnection(db), (), worker.SCHEDULE)
    await crew.keep_schedule()
    for task in worker.SCHEDULE:
        assert await jobs.run_scheduled(OneConnection(db), task) is False


# Waking and stopping


async def test_news_wakes_a_resting_worker_and_stop_ends_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_S", 3600.0)
    monk = Heard()
    crew = worker_of(database, listener(monk))
    running = asyncio.create_task(crew.run())

    async def listens() -> bool:
        async with database.acquire() as db:
            return await db.fetchval(sql.ears) == 1

    async def heard() -> bool:
        return len(monk.turns) > 0

    await soon(listens)
    assert monk.numbers == []
    async with database.transaction() as db:
        await ring(db, 1)
    await soon(heard)
    await asyncio.sleep(0.2)  # it rests
    assert not running.done()
    crew.stop()
    await asyncio.wait_for(running, 5)
    assert monk.numbers == [1]


async def test_a_worker_polls_for_what_no_news_told_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_S", 0.02)
    monk = Heard(1)
    crew = worker_of(database, listener(monk))
    running = asyncio.create_task(crew.run())

    async def heard_twice() -> bool:
        async with database.acquire() as db:
            await db.execute(sql.make_due)
        return len(monk.turns) >= 2

    async with database.transaction() as db:
        await ring(db, 1)
    await soon(heard_twice)
    crew.stop()
    await asyncio.wait_for(running, 5)


async def test_a_worker_outlives_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_S", 0.01)
    rounds = 0

    class Away(Database):
        @property
        def tries(self) -> int:
            return rounds

        def transaction(self) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
            nonlocal rounds
            rounds += 1
            raise Unavailable

    away = Away("postgresql://nobody@/nowhere?host=/nonexistent", 1)
    crew = Worker(away, (), ())
    running = asyncio.create_task(crew.run())

    async def tried_thrice() -> bool:
        return away.tries >= 3

    await soon(tried_thrice)
    crew.stop()
    await asyncio.wait_for(running, 5)


async def test_a_task_under_way_is_not_due_for_another_worker(database: Database) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def long_check(_: Connection) -> None:
        started.set()
        await go_on.wait()

    task = Scheduled(name="long check", every_s=3600, run=long_check)
    first = asyncio.create_task(jobs.run_scheduled(database, task))
    await started.wait()
    async with asyncio.timeout(1):
        assert await jobs.run_scheduled(database, task) is False
        await jobs.put_off_scheduled(database, Scheduled(name="unknown", every_s=60, run=long_check))
    go_on.set()
    assert await first is True
    await jobs.put_off_scheduled(database, task)
    async with database.acquire() as db:
        assert 3_500 < await db.fetchval(sql.due_in_s, task.name, 3600) <= 3_600


async def test_a_job_that_ends_its_worker_each_time_is_a_dead_letter(db: Connection) -> None:
    monk = Heard()
    crew = worker_of(db, listener(monk))
    await ring(db, 1)
    await jobs.tell(db, crew.listeners)
    await db.execute(sql.killed_so_often, len(jobs.RETRY_WAITS_S) + 1)
    await crew.drain()
    assert monk.numbers == []
    [dead] = await db.fetch(jobs.sql.dead_jobs, 10)
    assert "its worker ended" in dead["last_error"]


# Errands


class Errand:
    """Asks somebody outside, at its own pace; remembers how many were under way at once."""

    def __init__(self, *refused: int, pause_s: float = 0) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.refused = set(refused)
        self.pause_s = pause_s
        self.most = 0

    async def __call__(self, database: Database, news: News) -> None:
        number = news.data["n"]
        self.begun.append(number)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        await asyncio.sleep(self.pause_s)
        self.ended.append(number)
        if number in self.refused:
            raise ValueError(f"{number} did not answer")
        async with database.transaction() as db:
            await mark(db, number)


async def test_errands_run_side_by_side_and_each_ends_once(database: Database) -> None:
    errand = Errand(pause_s=0.05)
    async with database.transaction() as db:
        await ring(db, *range(6))
    crew = worker_of(database, Listener(name="messenger", kinds=("BellRang",), errand=errand, batch=4))
    await crew.drain()
    assert sorted(errand.ended) == list(range(6))
    assert errand.most == 4
    async with database.acquire() as db:
        assert sorted(await marks(db)) == list(range(6))


async def test_an_errand_that_fails_is_put_off_and_keeps_no_other(database: Database) -> None:
    errand = Errand(2)
    async with database.transaction() as db:
        await ring(db, 1, 2, 3)
    crew = worker_of(database, Listener(name="messenger", kinds=("BellRang",), errand=errand, batch=4))
    await crew.drain()
    async with database.acquire() as db:
        assert sorted(await marks(db)) == [1, 3]
        assert len(await db.fetch(sql.job_rows)) == 1


async def test_a_long_errand_holds_no_message_up_and_no_connection(database: Database) -> None:
    errand, monk = Errand(pause_s=1.5), Heard()
    async with database.transaction() as db:
        await ring(db, 1)
        await ring(db, 2, kind="GongRang")
    crew = worker_of(
        database,
        Listener(name="messenger", kinds=("BellRang",), errand=errand),
        listener(monk, name="monk", kinds=("GongRang",)),
    )
    running = asyncio.create_task(crew.run())
    async with asyncio.timeout(5):
        while not (monk.turns and errand.begun):  # noqa: ASYNC110 - neither rings a bell
            await asyncio.sleep(0.02)
    assert errand.ended == []
    async with asyncio.timeout(5):
        while not errand.ended:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    crew.stop()
    await running


async def test_a_scheduled_errand_has_its_turn_and_no_transaction(database: Database) -> None:
    asked: list[Database] = []

    async def ask(place: Database) -> None:
        asked.append(place)

    crew = Worker(database, (), (Scheduled(name="ask around", every_s=60, errand=ask),))
    await crew.keep_schedule()
    await crew.keep_schedule()
    assert asked == [database]


async def test_a_worker_that_ends_waits_for_answers_from_outside(database: Database) -> None:
    begun, answered = asyncio.Event(), asyncio.Event()
    settled: list[str] = []

    async def send(_: Database) -> int:
        begun.set()
        await answered.wait()
        settled.append("answer taken in")
        return 1

    crew = Worker(database, (), (), (Engine(name="send", work=send),))
    running = asyncio.create_task(crew.run())
    await begun.wait()
    crew.stop()
    await asyncio.sleep(0.05)
    answered.set()
    await asyncio.wait_for(running, 5)
    assert settled == ["answer taken in"]
