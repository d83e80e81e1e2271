"""How many requests a minute: one limit for all processes while Redis counts, one for each while it does not."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import redis.asyncio
from structlog.testing import capture_logs

from app import config, embedded, rates
from app.db import Connection
from app.identity import bearer
from app.identity.tokens import new_token
from app.machines import key_text
from app.rates import Rates
from app.staff import cookie
from app.types import address_key
from tests.app.phones import problem
from tests.conftest import City, open_city
from tests.makers import a_resident, a_staff_member

SOMEWHERE = "203.0.113.7"


@dataclass
class Process:
    """The limiter of one process, and how many it let through."""

    limiter: Rates
    passed: list[object]

    async def ask(self, who: UUID | None = None, address: str = SOMEWHERE, path: str = "/v1/me") -> int:
        """The status of one request, and what it was told of waiting; 200 when it passed."""
        scope: Any = {
            "type": "http", "path": path, "headers": [], "user": None if who is None else SimpleNamespace(id=who),
            "state": {"address": address, "request_id": "1"},
        }  # fmt: skip
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("the body was read")

        await self.limiter(scope, receive, send)
        if not sent:
            return 200
        assert 1 <= int(dict(sent[0]["headers"])[b"retry-after"]) <= 60
        return sent[0]["status"]

    async def passes(self, count: int, **how: Any) -> int:
        """How many of so many requests, one after the other, pass."""
        return [await self.ask(**how) for _ in range(count)].count(200)


def a_process(redis_url: str | None = None, residents: int = 60, strangers: int = 60) -> Process:
    """A limiter before an app that only counts."""
    passed: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    settings = config.read(
        {
            "HUONG_MODE": "sandbox",
            "REDIS_URL": redis_url or "",
            "HUONG_RATE_PER_MINUTE": str(residents),
            "HUONG_STRANGER_RATE_PER_MINUTE": str(strangers),
        }
    )
    limiter = Rates(app, settings)
    limiter.start()
    return Process(limiter, passed)


@dataclass
class Hours:
    """A clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    clock = Hours()
    monkeypatch.setattr(rates, "monotonic", clock)
    return clock


@pytest.fixture
def redis_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="huong-rates-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def a_redis(redis_folder: Path) -> Iterator[embedded.Redis]:
    """A Redis of this test's own, to be killed."""
    started = embedded.start_redis(redis_folder)
    if started is None:
        pytest.skip("there is no Redis to start here")
    yield started
    embedded.stop_left_behind(redis_folder)


@asynccontextmanager
async def processes(*some: Process) -> AsyncGenerator[None]:
    """Let go of Redis at the end."""
    try:
        yield
    finally:
        for process in some:
            await process.limiter.close()


# At the door


@pytest.fixture
async def narrow(town: City) -> AsyncIterator[City]:
    """A city that lets five requests a minute pass."""
    settings = msgspec.structs.replace(town.settings, rate_per_minute=5, stranger_rate_per_minute=5)
    async with open_city(settings) as opened:
        yield opened


async def test_whoever_asks_too_often_is_told_when_to_come_again(narrow: City) -> None:
    async with narrow.database.transaction() as db:
        resident, other = await a_resident(db), await a_resident(db)
    for _ in range(5):
        assert (await narrow.client.get("/v1/me", headers=resident.headers)).status_code == 200
    refused = await narrow.client.get("/v1/me", headers=resident.headers)
    assert problem(refused) == (429, "TooManyRequests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["cache-control"] == "no-store"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await narrow.client.get("/v1/me", headers=other.headers)).status_code == 200
    assert problem(await narrow.client.get("/v1/me")) == (401, "SignInRequired")


async def test_a_body_that_is_one_too_many_is_not_read(narrow: City) -> None:
    drops = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal drops
        for _ in range(10):
            drops += 1
            yield b" "

    for _ in range(5):
        await narrow.client.get("/v1/nothing")
    refused = await narrow.client.post("/v1/sign-in/codes", content=body())
    assert problem(refused) == (429, "TooManyRequests")
    assert drops == 0


async def test_whoever_watches_the_city_is_never_refused(narrow: City) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        answers = [await narrow.client.get(path) for _ in range(10)]
        assert {answer.status_code for answer in answers} == {200}


async def test_a_stranger_with_a_token_that_opens_nothing_is_a_stranger(narrow: City) -> None:
    answers = [await narrow.client.get("/v1/me", headers={"authorization": f"Bearer {uuid4()}"}) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 5


@pytest.mark.parametrize("shown", ["bearer", "cookie", "key"])
async def test_a_flood_of_made_up_tokens_ends_before_the_database(
    narrow: City, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    looks = _counted_looks(narrow, monkeypatch)

    def made_up() -> dict[str, str]:
        match shown:
            case "bearer":
                return {"authorization": f"Bearer {new_token()}"}
            case "cookie":
                return {"cookie": f"{cookie.NAME}={new_token()}"}
            case _:
                return {"x-api-key": key_text.write(uuid4(), bytes(32))}

    statuses = [(await narrow.client.get("/v1/me", headers=made_up())).status_code for _ in range(50)]
    assert statuses == [401] * 5 + [429] * 45
    assert looks == [1] * 5


@pytest.mark.parametrize("token", ["", "x", "x" * 42, "x" * 44, "=" * 43, "é" * 43, "x" * 42 + "\n", "x" * 8000])
async def test_what_can_be_no_token_is_not_looked_for(
    narrow: City, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    looks = _counted_looks(narrow, monkeypatch)
    for headers in (
        [(b"authorization", f"Bearer {token}".encode())],
        [(b"cookie", f"{cookie.NAME}={token}".encode())],
    ):
        assert problem(await narrow.client.get("/v1/me", headers=headers)) == (401, "SignInRequired")
    assert looks == []


async def test_nobody_looks_who_watches_the_city(narrow: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads the numbers shows a token too, which is no resident's."""
    looks = _counted_looks(narrow, monkeypatch)
    headers = {"authorization": f"Bearer {new_token()}", "x-api-key": key_text.write(uuid4(), bytes(32))}
    answers = [await narrow.client.get("/livez", headers=headers) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert looks == []


async def test_who_is_known_passes_where_strangers_have_used_up_theirs(
    narrow: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of phones may share an address: what one of them makes up stops no other that is known here."""
    async with narrow.database.transaction() as db:
        resident, member, newcomer = await a_resident(db), await a_staff_member(db), await a_resident(db)
    known = (("/v1/me", resident.headers), ("/v1/staff/session", member.headers))
    for path, headers in known:
        assert (await narrow.client.get(path, headers=headers)).status_code == 200
    for _ in range(5):
        await narrow.client.get("/v1/me", headers={"authorization": f"Bearer {new_token()}"})
    assert problem(await narrow.client.get("/v1/me", headers=newcomer.headers)) == (429, "TooManyRequests")
    later = bearer.monotonic() + bearer.CACHE_LIFE_S + 1
    monkeypatch.setattr(bearer, "monotonic", lambda: later)
    monkeypatch.setattr(cookie, "monotonic", lambda: later)
    for path, headers in known:
        assert (await narrow.client.get(path, headers=headers)).status_code == 200


async def test_honest_phones_cost_their_address_nothing(narrow: City) -> None:
    async with narrow.database.transaction() as db:
        residents = [await a_resident(db) for _ in range(12)]
    for resident in residents:
        assert (await narrow.client.get("/v1/me", headers=resident.headers)).status_code == 200
    assert [(await narrow.client.get("/v1/agencies")).status_code for _ in range(6)] == [200] * 5 + [429]


async def test_of_a_hundred_made_up_tokens_at_once_five_are_looked_for(
    narrow: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = _counted_looks(narrow, monkeypatch)
    tokens: list[bytes] = []
    holders = narrow.app.state.bearer.holders
    look = holders.look

    async def counted(db: Connection, hashes: Sequence[bytes]) -> object:
        tokens.extend(hashes)
        return await look(db, hashes)

    monkeypatch.setattr(holders, "look", counted)
    headers = [{"authorization": f"Bearer {new_token()}"} for _ in range(100)]
    answers = await asyncio.gather(*(narrow.client.get("/v1/me", headers=one) for one in headers))
    assert [answer.status_code for answer in answers].count(401) == 5 == len(tokens)
    assert 1 <= len(looks) <= 5


def _counted_looks(city: City, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A 1 for each connection that is taken from now on."""
    looks: list[int] = []
    acquire = city.database.acquire

    def counted() -> Any:
        looks.append(1)
        return acquire()

    monkeypatch.setattr(city.database, "acquire", counted)
    return looks


async def test_an_address_behind_a_trusted_proxy_is_the_one_that_it_tells(town: City) -> None:
    settings = msgspec.structs.replace(town.settings, stranger_rate_per_minute=2, trusted_proxies=("127.0.0.1",))
    async with open_city(settings) as opened:
        for forwarded in ("198.51.100.1", "198.51.100.2"):
            headers = {"x-forwarded-for": forwarded}
            answers = [await opened.client.get("/v1/agencies", headers=headers) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]


# Who is one


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("not:an:address", "not:an:address"),
        ("203.0.113.7:443", "203.0.113.7:443"),
        ("", ""),
    ],
)
def test_an_ipv6_household_is_its_64_bits(address: str, key: str) -> None:
    assert address_key(address) == key


async def test_a_household_shares_its_limit_and_no_others() -> None:
    process = a_process(strangers=3)
    statuses = [await process.ask(address=f"2001:db8::{n}") for n in range(1, 6)]
    assert statuses == [200, 200, 200, 429, 429]
    assert await process.ask(address="2001:db8:0:1::1") == 200
    assert await process.ask(who=uuid4(), address="2001:db8::1") == 200


# Alone


async def test_after_a_minute_there_are_new_hits(hours: Hours) -> None:
    process, me = a_process(residents=10), uuid4()
    assert await process.passes(15, who=me) == 10
    hours.now += 59
    assert await process.passes(5, who=me) == 0
    hours.now += 2
    assert await process.passes(15, who=me) == 10


async def test_a_hundred_at_once_get_the_limit_and_no_more() -> None:
    process, me = a_process(residents=60), uuid4()
    statuses = await asyncio.gather(*(process.ask(who=me) for _ in range(100)))
    assert statuses.count(200) == 60 == len(process.passed)


async def test_a_flood_of_addresses_takes_no_more_room_than_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_HANDS", 100)
    process = a_process(strangers=2)
    for n in range(1000):
        assert await process.ask(address=f"10.0.{n // 250}.{n % 250}") == 200
    assert len(process.limiter.hands) <= 100
    assert [await process.ask(address="10.0.3.249") for _ in range(2)] == [200, 429]


# Together


async def test_two_processes_share_one_limit(a_redis: embedded.Redis) -> None:
    one, other, me = a_process(a_redis.url), a_process(a_redis.url), uuid4()
    async with processes(one, other):
        assert [await process.passes(48, who=me) for process in (one, other)] == [48, 12]
        assert await other.passes(100, who=uuid4()) == 60


async def test_what_a_process_bought_and_did_not_spend_is_all_that_another_lacks(a_redis: embedded.Redis) -> None:
    """The slack: a block for each process."""
    one, other, me = a_process(a_redis.url, residents=600), a_process(a_redis.url, residents=600), uuid4()
    block = 600 // rates.BLOCKS
    async with processes(one, other):
        assert await one.ask(who=me) == 200
        passed = 1 + await other.passes(700, who=me)
        assert 600 - block <= passed <= 600


async def test_a_race_of_two_processes_lets_no_more_through(a_redis: embedded.Redis) -> None:
    one, other, me = a_process(a_redis.url), a_process(a_redis.url), uuid4()
    async with processes(one, other):
        statuses = await asyncio.gather(*(process.ask(who=me) for process in (one, other) for _ in range(100)))
        assert 60 - 2 * (60 // rates.BLOCKS) <= statuses.count(200) <= 60


async def test_most_requests_do_not_ask_redis(a_redis: embedded.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    process, me = a_process(a_redis.url, residents=2000), uuid4()
    assert process.limiter.stock is not None
    buy, asked = process.limiter.stock.buy, 0

    async def counted(key: str, most: int) -> int | None:
        nonlocal asked
        asked += 1
        return await buy(key, most)

    monkeypatch.setattr(process.limiter.stock, "buy", counted)
    async with processes(process):
        assert await process.passes(500, who=me) == 500
    assert asked == 5


# Redis goes and comes


async def test_redis_dies_and_each_process_counts_by_itself(
    a_redis: embedded.Redis, redis_folder: Path, hours: Hours
) -> None:
    one, other, me = a_process(a_redis.url), a_process(a_redis.url), uuid4()
    async with processes(one, other):
        assert await one.passes(10, who=me) == 10
        a_redis.stop()
        with capture_logs() as lines:
            somebody = uuid4()
            assert [await process.passes(100, who=somebody) for process in (one, other)] == [60, 60]
            assert await one.passes(100, who=me) <= 3 + 60
        assert [line["event"] for line in lines] == ["Redis does not count; each process counts by itself"] * 2

        embedded.start_redis(redis_folder)
        somebody_else = uuid4()
        assert await one.passes(20, who=somebody_else) == 20  # Redis still rests
        hours.now += rates.REDIS_REST_S + 1
        third = uuid4()
        assert [await process.passes(48, who=third) for process in (one, other)] == [48, 12]


async def test_a_redis_that_hangs_holds_nobody_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    process = a_process(f"redis://127.0.0.1:{port}/0")
    async with processes(process), silent:
        async with asyncio.timeout(2):
            statuses = await asyncio.gather(*(process.ask(who=uuid4()) for _ in range(50)))
        assert set(statuses) == {200}


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
async def test_a_redis_that_is_not_there_is_no_error(url: str) -> None:
    process, me = a_process(url), uuid4()
    async with processes(process):
        assert await process.passes(100, who=me) == 60


async def test_a_redis_that_refuses_is_no_error(a_redis: embedded.Redis) -> None:
    """It is out of memory, or somebody uses our keys for something else."""
    process, me = a_process(a_redis.url), uuid4()
    async with processes(process):
        assert process.limiter.stock is not None
        assert await process.ask(who=me) == 200
        client = redis.asyncio.Redis(connection_pool=process.limiter.stock.pool)
        [key] = await client.keys(f"*{me}*")
        await client.delete(key)
        await client.lpush(key, "not a number")  # pyright: ignore[reportGeneralTypeIssues]
        assert await process.passes(100, who=me) >= 60


async def test_the_whole_city_uses_redis_from_its_start_to_its_end(town: City, a_redis: embedded.Redis) -> None:
    settings = msgspec.structs.replace(town.settings, redis_url=a_redis.url, stranger_rate_per_minute=20)
    async with open_city(settings) as one, open_city(settings) as other:
        for city in (one, other):
            city.app.state.rates.start()
        passed = 0
        async with _from_afar(one) as here, _from_afar(other) as there:
            for _ in range(15):
                for client in (here, there):
                    passed += (await client.get("/v1/agencies")).status_code == 200
        for city in (one, other):
            await city.app.state.rates.close()
        assert passed == 20


def _from_afar(city: City) -> httpx.AsyncClient:
    app: Any = city.app
    transport = httpx.ASGITransport(app=app, client=("203.0.113.99", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://huong.test")
