"""First screens take turns: a few at once, the others in the order in which they came, and nobody who pays waits."""

import asyncio
from typing import Any, cast

import pytest
from litestar.types import Receive, Scope, Send

from app import turns
from app.turns import Turns
from tests.conftest import City
from tests.makers import a_resident


class House:
    """What stands behind the door: a request is under way until it is let go."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.under_way: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = cast(Any, scope)["name"]
        self.came.append(name)
        self.under_way[name] = asyncio.Event()
        try:
            await self.under_way[name].wait()
        finally:
            del self.under_way[name]

    async def let_go(self, *names: str) -> None:
        for name in names:
            self.under_way[name].set()
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Phones:
    """Requests that were begun, and what they were answered."""

    def __init__(self, door: Turns) -> None:
        self.door = door
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.statuses: dict[str, int] = {}

    async def ask(self, *names: str, path: str = "/v1/home", method: str = "GET") -> None:
        for name in names:
            scope = cast(
                Any, {"type": "http", "path": path, "method": method, "name": name, "headers": [], "state": {}}
            )
            self.tasks[name] = asyncio.create_task(self.door(scope, cast(Any, None), self._send(name)))
        await settled()

    def _send(self, name: str) -> Any:
        async def send(message: Any) -> None:
            self.statuses[name] = message.get("status", self.statuses.get(name))

        return send

    async def end(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


@pytest.fixture
async def house() -> House:
    return House()


@pytest.fixture
def phones(house: House, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.setattr(turns, "AT_ONCE", 2)
    monkeypatch.setattr(turns, "MOST_WAITING", 3)
    monkeypatch.setattr(turns, "LONGEST_WAIT_S", 0.1)
    return Phones(Turns(house))


async def test_a_few_are_under_way_and_the_others_come_in_their_order(house: House, phones: Phones) -> None:
    await phones.ask("one", "two", "three", "four")
    assert house.came == ["one", "two"]
    await house.let_go("two")
    assert house.came == ["one", "two", "three"]
    await house.let_go("one", "three")
    assert house.came == ["one", "two", "three", "four"]
    await house.let_go("four")
    assert phones.door.under_way == 0


async def test_whoever_does_something_else_passes(house: House, phones: Phones) -> None:
    await phones.ask("one", "two", "three")
    await phones.ask("paying", path="/v1/wallet/payments/1", method="PUT")
    await phones.ask("reading", path="/v1/notifications/inbox/read", method="PUT")
    assert house.came == ["one", "two", "paying", "reading"]
    await phones.end()


async def test_where_too_many_wait_the_next_is_told_to_come_again(house: House, phones: Phones) -> None:
    await phones.ask("one", "two", "three", "four", "five", "six")
    assert phones.statuses == {"six": 503}
    assert house.came == ["one", "two"]
    await phones.end()


async def test_whoever_has_waited_too_long_is_told_to_come_again_and_takes_nobodys_turn(
    house: House, phones: Phones
) -> None:
    await phones.ask("one", "two", "three")
    await asyncio.sleep(0.2)
    assert phones.statuses == {"three": 503}
    await phones.ask("four")
    await house.let_go("one")
    assert house.came == ["one", "two", "four"]
    await house.let_go("two", "four")
    assert phones.door.under_way == 0


async def test_a_phone_that_goes_away_takes_nobodys_turn(house: House, phones: Phones) -> None:
    await phones.ask("one", "two", "three", "four")
    phones.tasks["three"].cancel()
    phones.tasks["one"].cancel()
    await settled()
    assert house.came == ["one", "two", "four"]
    await house.let_go("two", "four")
    assert phones.door.under_way == 0


async def test_a_turn_that_comes_as_the_phone_goes_away_is_passed_on(house: House, phones: Phones) -> None:
    await phones.ask("one", "two", "three", "four")
    turn = phones.door.waiting[0]
    house.under_way["one"].set()
    while not turn.done():  # noqa: ASYNC110 - "three" has its turn then, and has not begun to use it
        await asyncio.sleep(0)
    assert "three" not in house.came
    phones.tasks["three"].cancel()
    await settled()
    assert house.came == ["one", "two", "four"]
    await house.let_go("two", "four")
    assert phones.door.under_way == 0


async def test_many_who_open_the_app_all_see_it(city: City) -> None:
    async with city.database.transaction() as db:
        people = [await a_resident(db) for _ in range(turns.AT_ONCE * 3)]
    answers = await asyncio.gather(*(city.client.get("/v1/home", headers=who.headers) for who in people))
    assert {answer.status_code for answer in answers} == {200}


async def test_whoever_does_not_read_the_answer_keeps_no_turn() -> None:
    read = asyncio.Event()

    async def house(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    async def slow_send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await read.wait()

    async def quick_send(message: Any) -> None:
        answered.append(message["type"])

    answered: list[str] = []
    door = Turns(house)
    scope = cast(Any, {"type": "http", "path": "/v1/home/", "method": "GET", "headers": [], "state": {}})
    sleepers = [asyncio.create_task(door(scope, cast(Any, None), slow_send)) for _ in range(turns.AT_ONCE)]
    await settled()
    async with asyncio.timeout(1):
        await door(scope, cast(Any, None), quick_send)
    assert answered == ["http.response.start", "http.response.body"]
    read.set()
    await asyncio.gather(*sleepers)
    assert door.under_way == 0
