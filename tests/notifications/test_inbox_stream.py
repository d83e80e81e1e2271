"""The inbox, live: heard within a second in another process, replayed after a break, right without Redis."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import msgspec
import pytest

from app import embedded, live, streams
from app.live import Live
from app.staff import sessions as staff_sessions
from app.worker import Worker
from notifications import inbox, inbox_stream
from notifications.inbox import ToDeliver
from notifications.words import words_for
from tests.conftest import City, open_city, served
from tests.lines import Line, a_line
from tests.makers import Resident, a_machine, a_resident, a_staff_member
from tests.statements import sql

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
PATH = "/v1/notifications/stream"


@asynccontextmanager
async def listening(
    city: City, headers: Mapping[str, str], last_event_id: str | None = None, *, port: int | None = None
) -> AsyncGenerator[Line]:
    """A stream that is open, over a real socket."""
    heard = {} if last_event_id is None else {"last-event-id": last_event_id}
    async with AsyncExitStack() as stack:
        port = port or await stack.enter_async_context(served(city.app))
        line = await stack.enter_async_context(a_line(port, PATH, {**headers, **heard}))
        assert line.status == 200
        yield line


async def residents(city: City, count: int) -> list[Resident]:
    async with city.database.transaction() as db:
        return [await a_resident(db, balance=1_000_000) for _ in range(count)]


async def deliver(city: City, reader: UUID, first: int, count: int = 1, body: str = "Nội dung") -> None:
    """So many messages, one for each event from `first` on; nobody rings."""
    async with city.database.transaction() as db:
        await inbox.deliver(
            db,
            [
                ToDeliver(event_id, AT, words_for(reader, "alert", "/x", (f"Tin {event_id}", "A word"), (body, body)))
                for event_id in range(first, first + count)
            ],
        )


async def ring(city: City, *readers: Resident) -> None:
    await city.app.state.live.ring(inbox_stream.topics_of(reader.id for reader in readers))


async def read(city: City, reader: Resident, up_to: int) -> None:
    done = await city.client.put("/v1/notifications/inbox/read", headers=reader.headers, json={"up_to": up_to})
    assert done.status_code == 200


def open_here(city: City) -> int:
    """How many streams of inboxes this process holds."""
    return city.app.state.live.ears["inbox"].count


async def test_a_phone_hears_where_its_inbox_stands_and_what_comes(city: City) -> None:
    [binh] = await residents(city, 1)
    await deliver(city, binh.id, 1, 3)
    await read(city, binh, 1)
    async with listening(city, binh.headers) as line:
        start = await line.event()
        assert (start.name, start.id, start.data) == ("inbox", "3", {"seq": 3, "unread": 2})
        assert line.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert line.headers["cache-control"] == "no-store"
        assert line.headers["x-accel-buffering"] == "no"
        assert line.retry_ms == streams.AGAIN_AFTER_MS
        await deliver(city, binh.id, 4)
        message = await line.event()
    listed = (await city.client.get("/v1/notifications/inbox?limit=1", headers=binh.headers)).json()["items"]
    assert (message.name, message.id) == ("message", "4")
    assert message.data == listed[0] | {"unread": 3}


async def test_an_inbox_that_never_was_begins_at_nothing(city: City) -> None:
    [binh] = await residents(city, 1)
    async with listening(city, binh.headers) as line:
        assert (await line.event()).data == {"seq": 0, "unread": 0}
        await deliver(city, binh.id, 1)
        assert (await line.event()).data["seq"] == 1


@pytest.mark.parametrize("by", ["header", "query"])
async def test_a_phone_that_comes_back_gets_what_it_missed_once_and_in_order(city: City, by: str) -> None:
    [binh] = await residents(city, 1)
    count = inbox_stream.AT_ONCE * 2 + 5
    await deliver(city, binh.id, 1, 2 + count)
    path, headers = (PATH, {"last-event-id": "2"}) if by == "header" else (f"{PATH}?last_event_id=2", {})
    async with served(city.app) as port, a_line(port, path, {**binh.headers, **headers}) as line:
        missed = await line.events(count)
        assert [(event.name, event.id) for event in missed] == [("message", str(3 + n)) for n in range(count)]
        await deliver(city, binh.id, 1000)
        assert (await line.event()).id == str(3 + count)
        await line.silence(1.5)


async def test_a_phone_that_missed_nothing_is_told_what_is_unread(city: City) -> None:
    [binh] = await residents(city, 1)
    await deliver(city, binh.id, 1, 4)
    await read(city, binh, 3)
    async with listening(city, binh.headers, "4") as line:
        assert ((await line.event()).name, line.text) == ("read", "")
        await read(city, binh, 4)
        assert (await line.event()).data == {"unread": 0}


async def test_whoever_missed_more_than_two_hundred_loads_the_inbox_anew(city: City) -> None:
    [binh] = await residents(city, 1)
    await deliver(city, binh.id, 1, 201)
    async with served(city.app) as port:
        async with listening(city, binh.headers, "1", port=port) as line:
            assert [event.id for event in await line.events(200)] == [str(seq) for seq in range(2, 202)]
        async with listening(city, binh.headers, "0", port=port) as line:
            reset = await line.event()
            assert (reset.name, reset.id, reset.data) == ("reset", "201", {"seq": 201, "unread": 201})
            await deliver(city, binh.id, 500)
            assert (await line.event()).id == "202"


async def test_what_was_forgotten_meanwhile_is_left_out(city: City) -> None:
    [binh] = await residents(city, 1)
    await deliver(city, binh.id, 1, 5)
    async with city.database.transaction() as db:
        await db.execute(sql.forget_message, binh.id, 4)
    async with listening(city, binh.headers, "2") as line:
        assert [event.id for event in await line.events(2)] == ["3", "5"]


@pytest.mark.parametrize("said", ["abc", "-1", "1e3", "٣", "1 2", "0x1", ""])
async def test_an_id_that_we_never_sent_is_none(city: City, said: str) -> None:
    [binh] = await residents(city, 1)
    await deliver(city, binh.id, 1, 3)
    headers = {**binh.headers, "last-event-id": said}
    async with served(city.app) as port, a_line(port, PATH, headers) as line:
        assert (line.status, (await line.event()).name) == (200, "inbox")


@pytest.mark.parametrize("said", ["4", "9" * 40])
async def test_whoever_heard_what_never_was_loads_the_inbox_anew(city: City, said: str) -> None:
    [binh] = await residents(city, 1)
    await deliver(city, binh.id, 1, 3)
    async with listening(city, binh.headers, said) as line:
        reset = await line.event()
        assert (reset.name, reset.id) == ("reset", "3")


async def test_what_is_too_long_for_an_id_is_refused(city: City) -> None:
    [binh] = await residents(city, 1)
    answer = await city.client.get(PATH, headers={**binh.headers, "last-event-id": "1" * 41})
    assert answer.status_code == 400


async def test_both_phones_hear_and_what_one_reads_is_read_on_the_other(city: City) -> None:
    [binh] = await residents(city, 1)
    async with (
        served(city.app) as port,
        listening(city, binh.headers, port=port) as one,
        listening(city, binh.headers, port=port) as other,
    ):
        await asyncio.gather(one.event(), other.event())
        await deliver(city, binh.id, 1, 2)
        await ring(city, binh)
        assert [event.id for event in await one.events(2)] == [event.id for event in await other.events(2)]
        await read(city, binh, 1)
        for line in (one, other):
            heard = await line.event()
            assert (heard.name, heard.data) == ("read", {"unread": 1})


async def test_nobody_hears_what_is_anothers(city: City) -> None:
    binh, canh = await residents(city, 2)
    async with (
        served(city.app) as port,
        listening(city, binh.headers, port=port) as mine,
        listening(city, canh.headers, port=port) as theirs,
    ):
        await asyncio.gather(mine.event(), theirs.event())
        await deliver(city, binh.id, 1, body="Chỉ Bình được đọc")
        await ring(city, binh, canh)
        assert (await mine.event()).data["body"] == "Chỉ Bình được đọc"
        await theirs.silence(1.5)


async def test_an_officer_hears_too(city: City) -> None:
    async with city.database.transaction() as db:
        officer = await a_staff_member(db)
    async with listening(city, officer.headers) as line:
        await line.event()
        await deliver(city, officer.id, 1)
        assert (await line.event()).id == "1"


# Who may listen, and for how long


async def test_the_line_ends_with_the_session_and_only_that_one(city: City) -> None:
    binh, canh = await residents(city, 2)
    async with (
        served(city.app) as port,
        listening(city, binh.headers, port=port) as mine,
        listening(city, canh.headers, port=port) as theirs,
    ):
        await asyncio.gather(mine.event(), theirs.event())
        out = await city.client.delete("/v1/sign-in/sessions/current", headers=binh.headers)
        assert out.status_code == 204
        await deliver(city, canh.id, 1)
        await mine.end()
        assert (await theirs.event()).id == "1"


async def test_an_officers_line_ends_with_the_session(city: City) -> None:
    async with city.database.transaction() as db:
        officer = await a_staff_member(db)
    async with listening(city, officer.headers) as line:
        await line.event()
        async with city.database.transaction() as db:
            await staff_sessions.end(db, officer.me)
        await line.end()


async def test_the_line_ends_when_the_account_is_locked(city: City) -> None:
    [binh] = await residents(city, 1)
    async with listening(city, binh.headers) as line:
        await line.event()
        async with city.database.transaction() as db:
            await db.execute(sql.lock_principal, binh.id)
        await line.end()


async def test_strangers_and_machines_do_not_listen(city: City) -> None:
    async with city.database.transaction() as db:
        machine = await a_machine(db)
        unconfirmed = await a_resident(db)
        await db.execute(sql.unconfirm_session, unconfirmed.session_id)
    assert (await city.client.get(PATH)).status_code == 401
    assert (await city.client.get(PATH, headers=machine.sign("GET", PATH))).status_code == 403
    assert (await city.client.get(PATH, headers=unconfirmed.headers)).status_code == 403


async def test_whoever_wants_the_head_alone_gets_it(city: City) -> None:
    [binh] = await residents(city, 1)
    async with served(city.app) as port, a_line(port, PATH, binh.headers, method="HEAD") as line:
        assert (line.status, line.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        async with asyncio.timeout(5):
            while open_here(city):  # noqa: ASYNC110 - it rings no bell when it is gone
                await asyncio.sleep(0.01)
    options = await city.client.options(PATH, headers=binh.headers)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_of_too_many_lines_of_one_person_the_oldest_ends(city: City) -> None:
    binh, canh = await residents(city, 2)
    async with served(city.app) as port, AsyncExitStack() as stack:
        others = await stack.enter_async_context(listening(city, canh.headers, port=port))
        await others.event()
        lines: list[Line] = []
        for _ in range(streams.MOST_OF_ONE + 1):
            lines.append(await stack.enter_async_context(listening(city, binh.headers, port=port)))
            await lines[-1].event()
        await lines[0].end()
        await deliver(city, binh.id, 1)
        await deliver(city, canh.id, 2)
        await ring(city, binh, canh)
        assert [(await line.event()).id for line in [*lines[1:], others]] == ["1"] * (streams.MOST_OF_ONE + 1)


async def test_a_process_that_is_full_says_so_and_when_to_come_again(city: City) -> None:
    binh, canh = await residents(city, 2)
    settings = msgspec.structs.replace(city.settings, streams=1, redis_url=None)
    async with open_city(settings) as small, served(small.app) as port:
        async with listening(small, binh.headers, port=port) as line:
            await line.event()
            full = await small.client.get(PATH, headers=canh.headers)
            assert (full.status_code, full.headers["retry-after"]) == (503, "5")
            assert full.json()["type"] == "urn:huong:problem:Unavailable"
        async with asyncio.timeout(5):
            while open_here(small):  # noqa: ASYNC110 - it rings no bell when it is gone
                await asyncio.sleep(0.01)
        async with listening(small, canh.headers, port=port) as line:
            assert (await line.event()).name == "inbox"


# Lines that are idle, slow, or in the way


async def test_an_idle_line_is_kept_alive(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.2)
    [binh] = await residents(city, 1)
    async with listening(city, binh.headers) as line:
        await line.event()
        await line.silence(1)
        assert len(line.comments) > 3
        await deliver(city, binh.id, 1)
        assert (await line.event()).id == "1"


async def test_an_idle_line_holds_no_connection_to_the_database(city: City) -> None:
    people = await residents(city, city.settings.database_connections + 1)
    async with served(city.app) as port, AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(listening(city, who.headers, port=port)) for who in people]
        for line in lines:
            await line.event()
        async with city.database.acquire() as db:
            busy = await db.fetchval(sql.busy_connections)
        assert busy == 0
        answers = await asyncio.gather(
            *(city.client.get("/v1/notifications/inbox", headers=who.headers) for who in people)
        )
        assert {answer.status_code for answer in answers} == {200}


async def test_many_lines_are_asked_about_in_one_statement(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    marks = inbox_stream.Inboxes.marks

    async def counted(self: inbox_stream.Inboxes, db: object, some: list[streams.Stream]) -> object:
        asked.append(len(some))
        return await marks(self, db, some)  # pyright: ignore[reportArgumentType]

    people = await residents(city, 12)
    async with served(city.app) as port, AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(listening(city, who.headers, port=port)) for who in people]
        for line in lines:
            await line.event()
        monkeypatch.setattr(inbox_stream.Inboxes, "marks", counted)
        await asyncio.sleep(streams.LOOK_S + 1)
    assert max(asked) == 12
    assert len(asked) <= 4, "by the clock, and not for each"


async def test_a_phone_that_reads_nothing_is_cut_and_holds_nobody_up(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "TAKES_NOTHING_S", 0.5)
    slow, quick = await residents(city, 2)
    async with (
        served(city.app) as port,
        a_line(port, PATH, slow.headers, receives=4096) as stuck,
        listening(city, quick.headers, port=port) as line,
    ):
        await line.event()
        assert stuck.status == 200
        await deliver(city, slow.id, 1, 200, body="Một tin rất dài. " * 4_000)
        await ring(city, slow)
        for number in range(1, 6):
            await deliver(city, quick.id, number)
            await ring(city, quick)
            assert (await line.event(2)).id == str(number)
        async with asyncio.timeout(10):
            while open_here(city) > 1:  # noqa: ASYNC110 - it rings no bell when it is gone
                await asyncio.sleep(0.01)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(stuck.drop(), 10)
        await deliver(city, quick.id, 6)
        assert (await line.event()).id == "6"


async def test_lines_end_at_once_when_the_process_does(city: City) -> None:
    [binh] = await residents(city, 1)
    async with asyncio.timeout(8):
        async with served(city.app) as port:
            line = await (held := AsyncExitStack()).enter_async_context(listening(city, binh.headers, port=port))
            await line.event()
        await line.end(0.5)
        await held.aclose()


async def test_lines_end_with_the_bells(city: City) -> None:
    [binh] = await residents(city, 1)
    async with served(city.app) as port, listening(city, binh.headers, port=port) as line:
        await line.event()
        await city.app.state.live.close()
        await line.end(1)
        async with listening(city, binh.headers, port=port) as late:
            await late.end(1)


# Bells


async def pay(city: City, payer: Resident, payee: Resident) -> None:
    body = {"kind": "person", "phone": payee.phone, "amount": 5_000}
    paid = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
    assert paid.status_code == 201, paid.text


async def test_a_message_is_heard_in_another_process_within_a_second(redis_city: City) -> None:
    """One API process takes a payment, a worker tells both sides, who listen to another; only Redis joins them."""
    payer, payee = await residents(redis_city, 2)
    settings = msgspec.structs.replace(redis_city.settings, redis_url=None)
    async with (
        open_city(settings) as other,
        served(redis_city.app) as port,
        listening(redis_city, payer.headers, port=port) as mine,
        listening(redis_city, payee.headers, port=port) as theirs,
    ):
        await asyncio.gather(mine.event(), theirs.event())
        worker = Worker(other.database)
        working = asyncio.create_task(worker.run())
        await asyncio.sleep(0.3)
        took_s: list[float] = []
        for seq in range(1, 6):  # so often a machine that has others' work to do as well may be late
            began = monotonic()
            await pay(other, payer, payee)
            assert [(await line.event()).id for line in (mine, theirs)] == [str(seq)] * 2
            took_s.append(monotonic() - began)
            if took_s[-1] < 1:
                break
        worker.stop()
        await working
    assert min(took_s) < 1, took_s


async def test_it_is_heard_without_redis_and_without_a_bell(city: City) -> None:
    [binh] = await residents(city, 1)
    async with listening(city, binh.headers) as line:
        await line.event()
        assert not city.app.state.live.heard
        await deliver(city, binh.id, 1)
        assert (await line.event()).id == "1"


@pytest.fixture
def a_redis() -> Iterator[embedded.Redis]:
    """A Redis of this test's own, to be killed."""
    with tempfile.TemporaryDirectory(prefix="huong-live-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        started = embedded.start_redis(Path(folder))
        if started is None:
            pytest.skip("there is no Redis to start here")
        yield started
        embedded.stop_left_behind(Path(folder))


@pytest.fixture
async def ringing(a_redis: embedded.Redis) -> AsyncIterator[Live]:
    """Another process, which only rings."""
    other = Live(a_redis.url)
    yield other
    await other.close()


async def test_what_comes_while_redis_dies_is_heard_once_all_the_same(
    city: City, a_redis: embedded.Redis, ringing: Live
) -> None:
    [binh] = await residents(city, 1)
    city.app.state.live = Live(a_redis.url)
    city.app.state.live.start()
    async with asyncio.timeout(5):
        while not city.app.state.live.heard:  # noqa: ASYNC110 - it rings no bell when it begins to hear
            await asyncio.sleep(0.01)
    async with listening(city, binh.headers) as line:
        await line.event()
        await deliver(city, binh.id, 1)
        await ringing.ring(inbox_stream.topics_of([binh.id]))
        assert (await line.event()).id == "1"
        a_redis.stop()
        await deliver(city, binh.id, 2, 3)
        await ringing.ring(inbox_stream.topics_of([binh.id]))
        assert [event.id for event in await line.events(3, 10)] == ["2", "3", "4"]
        await line.silence(2)
    await city.app.state.live.close()


async def test_a_bell_that_breaks_keeps_no_message_back(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        async def ring(self, topics: list[str]) -> None:
            raise RuntimeError(topics)

    payer, payee = await residents(city, 2)
    monkeypatch.setattr(live, "here", Broken)
    await pay(city, payer, payee)
    await city.worker.drain()
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.messages_of, payee.id) == 1
        assert "inbox" not in {row["listener"] for row in await db.fetch(sql.job_rows)}


async def test_the_worker_rings_for_whom_it_told_once_it_is_committed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks when the bell rings finds the message."""
    payer, payee = await residents(city, 2)
    found: dict[UUID, int] = {}

    class Bells:
        async def ring(self, topics: list[str]) -> None:
            for topic in topics:
                reader = UUID(topic.removeprefix("inbox:"))
                async with city.database.acquire() as db:
                    found[reader] = await db.fetchval(sql.messages_of, reader)

    monkeypatch.setattr(live, "here", Bells)
    await pay(city, payer, payee)
    await city.worker.drain()
    assert found == {payer.id: 1, payee.id: 1}
