"""Look-ups travel together: one question under way, nobody asked for in vain, nobody's trouble another's."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from app import db as db_module
from app import lookups
from app.db import Connection, Database
from app.errors import Unavailable
from app.identity import sessions
from app.identity.tokens import new_token, token_hash
from app.lookups import LookUps
from migrations import APP_ROLE
from tests.conftest import City, Servers
from tests.makers import a_resident
from tests.statements import sql


@pytest.fixture
def address(template: Servers, shared_database: str) -> str:
    return template.url(shared_database, APP_ROLE)


@pytest.fixture
async def database(address: str) -> AsyncIterator[Database]:
    opened = Database(address, 4)
    yield opened
    await opened.close()


class Office:
    """Knows the squares of even numbers, and keeps what it was asked; slowly, and with trouble, if told so."""

    def __init__(self) -> None:
        self.asked: list[set[int]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.trouble: Exception | None = None

    async def look(self, db: Connection, numbers: Sequence[int]) -> dict[int, int]:
        self.asked.append(set(numbers))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await db.fetchval(sql.my_pid)
            if self.trouble is not None:
                trouble, self.trouble = self.trouble, None
                raise trouble
            return {number: number**2 for number in numbers if number % 2 == 0}
        finally:
            self.under_way -= 1


async def test_who_comes_while_one_is_under_way_goes_with_the_next(database: Database) -> None:
    office = Office()
    look_ups = LookUps(database, office.look)
    found = await asyncio.gather(*(look_ups.find(number % 30) for number in range(90)))
    assert found == [n**2 if n % 2 == 0 else None for n in (number % 30 for number in range(90))]
    assert len(office.asked) == 1
    first = asyncio.create_task(look_ups.find(2))
    while not office.under_way:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    assert await asyncio.gather(first, look_ups.find(2), look_ups.find(3)) == [4, 4, None]
    assert office.asked[1:] == [{2}, {2, 3}]
    assert office.most_under_way == 1
    assert (look_ups.waiting, look_ups.asking) == ([], None)


async def test_no_more_than_so_many_are_asked_for_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "MOST_AT_ONCE", 10)
    office = Office()
    look_ups = LookUps(database, office.look)
    assert await asyncio.gather(*map(look_ups.find, range(25))) == [n**2 if n % 2 == 0 else None for n in range(25)]
    assert list(map(len, office.asked)) == [10, 10, 5]


async def test_trouble_is_told_to_those_it_befell_and_to_no_others(database: Database) -> None:
    office = Office()
    look_ups = LookUps(database, office.look)
    office.trouble = ZeroDivisionError()
    first = asyncio.create_task(look_ups.find(2))
    while not office.under_way:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    assert await asyncio.gather(look_ups.find(4), look_ups.find(6)) == [16, 36]
    with pytest.raises(ZeroDivisionError):
        await first


async def test_who_goes_away_takes_nobody_along(database: Database) -> None:
    look_ups = LookUps(database, Office().look)
    leaving, staying = asyncio.create_task(look_ups.find(2)), asyncio.create_task(look_ups.find(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 4
    assert leaving.cancelled()
    assert await look_ups.find(8) == 64


async def test_a_database_that_is_away_is_unavailable_and_is_asked_again(database: Database) -> None:
    there, database.url = database.url, "postgresql://huong_app@/huong?host=/nonexistent"
    look_ups = LookUps(database, Office().look)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await look_ups.find(2)
    database.url = there
    assert await look_ups.find(2) == 4


async def test_a_question_that_hangs_is_overtaken(database: Database) -> None:
    """Its backend was stopped, or its packets are lost."""
    office = Office()
    hangs = asyncio.Event()

    async def look(db: Connection, numbers: Sequence[int]) -> dict[int, int]:
        if 2 in numbers:
            await hangs.wait()
        return await office.look(db, numbers)

    look_ups = LookUps(database, look)
    stuck = asyncio.create_task(look_ups.find(2))
    async with asyncio.timeout(3):
        while database.in_use == 0:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        assert await asyncio.gather(look_ups.find(4), look_ups.find(5)) == [16, None]
        for number in range(6, 16, 2):
            assert await look_ups.find(number) == number**2
    assert not stuck.done()
    hangs.set()
    assert await stuck == 4
    await asyncio.sleep(0)
    assert (look_ups.waiting, look_ups.asking, look_ups.overtaken) == ([], None, set())


async def test_a_stopped_backend_keeps_one_group_waiting(database: Database) -> None:
    """The server's process behind one connection is stopped; whoever comes later is found by another."""

    async def look(db: Connection, numbers: Sequence[int]) -> dict[int, int]:
        if 0 in numbers:
            await db.fetchval(sql.sleep, 1.5)
        return {number: await db.fetchval(sql.my_pid) for number in numbers}

    look_ups = LookUps(database, look)
    started = asyncio.get_running_loop().time()
    slow = asyncio.create_task(look_ups.find(0))
    await asyncio.sleep(0.05)
    pid = await look_ups.find(1)
    assert asyncio.get_running_loop().time() - started < 1.4
    assert await slow not in {None, pid}


async def test_nobody_waits_in_line_for_a_connection_that_there_is_not(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who wait when none was free in time are sent away then, not one group after the other."""
    monkeypatch.setattr(db_module, "ACQUIRE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(lookups, "MOST_AT_ONCE", 10)
    database = Database(address, 1)
    look_ups = LookUps(database, Office().look)
    async with database.acquire():
        async with asyncio.timeout(1):
            ends = await asyncio.gather(*map(look_ups.find, range(100)), return_exceptions=True)
    assert [type(end) for end in ends] == [Unavailable] * 100
    assert look_ups.waiting == []
    assert await look_ups.find(2) == 4
    await database.close()


async def test_a_connection_that_had_ended_costs_nobody_an_answer(database: Database) -> None:
    look_ups = LookUps(database, Office().look)
    for _ in range(5):
        async with database.acquire() as db, database.acquire() as other:
            await other.execute(sql.end_backend, await db.fetchval(sql.my_pid))
        assert await asyncio.gather(*map(look_ups.find, range(4))) == [0, None, 4, None]


async def test_who_ends_the_asking_ends_those_who_wait(database: Database) -> None:
    office = Office()
    look_ups = LookUps(database, office.look)
    waiting = asyncio.create_task(look_ups.find(2))
    while not office.under_way:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    assert look_ups.asking is not None
    look_ups.asking.cancel()
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await look_ups.find(4) == 16


# Tokens


async def test_many_tokens_are_one_question_and_each_gets_its_own(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with city.database.transaction() as db:
        residents = [await a_resident(db) for _ in range(20)]
    asked: list[int] = []
    before = sessions.principals_of

    async def counted(db: Connection, hashes: Sequence[bytes]) -> object:
        asked.append(len(hashes))
        return await before(db, hashes)

    monkeypatch.setattr(city.app.state.bearer.holders, "look", counted)

    async def who(token: str) -> tuple[int, str | None]:
        answer = await city.client.get("/v1/me", headers={"authorization": f"Bearer {token}"})
        return answer.status_code, answer.json().get("id")

    strangers = [new_token() for _ in range(5)]
    seen = await asyncio.gather(*(who(token) for token in [*(one.token for one in residents), *strangers]))
    assert seen == [(200, str(one.id)) for one in residents] + [(401, None)] * 5
    assert sum(asked) == 25
    assert len(asked) < 25


async def test_who_signed_out_is_not_found_with_the_others(city: City) -> None:
    async with city.database.transaction() as db:
        stays, leaves = await a_resident(db), await a_resident(db)
    assert (await city.client.delete("/v1/sign-in/sessions/current", headers=leaves.headers)).status_code == 204
    async with city.database.acquire() as db:
        found = await sessions.principals_of(db, [token_hash(one.token) for one in (stays, leaves)])
    assert {hashed: principal.id for hashed, principal in found.items()} == {token_hash(stays.token): stays.id}
