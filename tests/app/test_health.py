"""What the machines that watch the city see: alive, ready, numbers; and what every answer carries."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import msgspec
import pytest
from litestar.types import Receive, Scope, Send

from app import health, main
from app.config import BadSetting, Settings
from app.db import Connection, Database
from app.identity import sessions
from app.main import create_app
from app.observe import Observe
from app.types import new_id
from migrations import APP_ROLE, OWNER_ROLE, make_database, migrate
from tests.app.phones import PLAY_PHONE, all_but_request_id, ask_for_code, codes_worker, problem
from tests.conftest import City, Desk, OneConnection, Servers, client_of, settings_for
from tests.makers import PIN, a_resident
from tests.statements import sql

NOWHERE = "postgresql://huong_app@/huong?host=/nonexistent"


def production_of(settings: Settings) -> Settings:
    """The same machine, as a production city's."""
    return msgspec.structs.replace(settings, mode="production", keys={"1": "p" * 32})


# Alive and ready


async def test_a_process_is_alive_without_its_database(template: Servers) -> None:
    settings = msgspec.structs.replace(settings_for(template, "nowhere"), database_url=NOWHERE)
    async with client_of(create_app(settings)) as client:
        alive, ready = await client.get("/livez"), await client.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"alive": True})
    assert problem(ready) == (503, "Unavailable")


async def test_a_process_is_ready_when_its_database_is_fit(desk: httpx.AsyncClient, servers: Servers) -> None:
    ready = await desk.get("/readyz")
    assert ready.status_code == 200
    redis = None if servers.redis_url is None else True
    assert ready.json() == {"postgresql": True, "migrations": True, "mode": "sandbox", "redis": redis}


@pytest.mark.parametrize(("redis_url", "answers"), [(None, None), ("redis://127.0.0.1:1/0", False)])
async def test_a_process_is_ready_without_redis(desk_app: Desk, redis_url: str | None, answers: bool | None) -> None:
    settings = msgspec.structs.replace(desk_app.app.state.settings, redis_url=redis_url)
    ready = await health.ready(desk_app.database, settings)
    assert ready.redis is answers


async def test_a_process_is_not_ready_while_a_migration_is_missing(city: City) -> None:
    assert (await city.client.get("/readyz")).status_code == 200
    newest = max(path.name for path in health.MIGRATIONS.glob("0*.sql")).partition("_")[0]
    owner = await asyncpg.connect(city.settings.database_owner_url)
    await owner.execute(sql.forget_migration, newest)
    await owner.close()
    answer = await city.client.get("/readyz")
    assert problem(answer) == (503, "NotReady")
    assert answer.json()["why"] == f"migration {newest} is missing (run: litestar migrate)"


async def test_a_database_of_another_mode_is_not_served(
    desk: httpx.AsyncClient, desk_app: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_app.app.state, "settings", production_of(desk_app.app.state.settings))
    answer = await desk.get("/readyz")
    assert problem(answer) == (503, "NotReady")
    assert answer.json()["why"] == "the database is a sandbox city, HUONG_MODE is production"


@pytest.fixture
async def scratch(servers: Servers) -> AsyncIterator[str]:
    """The name of an empty database."""
    name = "huong_test_health"
    await make_database(servers.superuser_url, name)
    yield name
    connection = await asyncpg.connect(servers.superuser_url)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def why_unfit(servers: Servers, database: str, role: str, mode: str) -> str | None:
    """What stands against serving from a database as a role."""
    settings = settings_for(servers, database)
    connection = await asyncpg.connect(servers.url(database, role))
    try:
        return await health.unfit(connection, settings if mode == "sandbox" else production_of(settings))
    finally:
        await connection.close()


async def test_production_is_served_by_a_role_that_cannot_rewrite_the_ledger(servers: Servers, scratch: str) -> None:
    unmigrated = await why_unfit(servers, scratch, OWNER_ROLE, "production")
    assert unmigrated == "no migration was applied yet (run: litestar migrate)"
    await migrate(servers.url(scratch, OWNER_ROLE), APP_ROLE, "production")
    assert await why_unfit(servers, scratch, APP_ROLE, "production") is None
    assert "may rewrite the ledger" in (await why_unfit(servers, scratch, OWNER_ROLE, "production") or "")
    sandbox = await why_unfit(servers, scratch, APP_ROLE, "sandbox")
    assert sandbox == "the database is a production city, HUONG_MODE is sandbox"


async def test_production_does_not_open_without_a_key_that_is_in_use(servers: Servers, scratch: str) -> None:
    await migrate(servers.url(scratch, OWNER_ROLE), APP_ROLE, "production")
    settings = production_of(settings_for(servers, scratch))
    connection = await asyncpg.connect(servers.url(scratch, APP_ROLE))
    try:
        for key_id in ("1", "1", "2026-11"):
            resident_id = new_id()
            await connection.execute(sessions.sql.plant_principal, resident_id, "resident", None, "Ngự Bình")
            await connection.execute(sessions.sql.set_first_pin, resident_id, "hash", key_id)
        for gone, kept in (("1", ["2026-11"]), ("2026-11", ["1"]), ("1, 2026-11", ["3"])):
            without = msgspec.structs.replace(settings, keys=dict.fromkeys(kept, "p" * 32))
            why = f"HUONG_PEPPER lacks key {gone}, which is in use (see: litestar secrets status)"
            assert await health.unfit(connection, without) == why
        complete = msgspec.structs.replace(settings, keys={"2026-11": "p" * 32, "1": "q" * 32})
        assert await health.unfit(connection, complete) is None
    finally:
        await connection.close()


@pytest.fixture
def settings(template: Servers, shared_database: str) -> Settings:
    """Of a machine whose database is fit."""
    return settings_for(template, shared_database)


@pytest.fixture
def lifespan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of an app may happen here without freezing the tests' garbage."""
    monkeypatch.setattr(main, "calm_garbage_collection", lambda: None)


@pytest.mark.usefixtures("lifespan")
async def test_an_app_does_not_start_on_a_database_of_another_mode(settings: Settings) -> None:
    app = create_app(production_of(settings))
    why = "the database is a sandbox city, HUONG_MODE is production"
    with pytest.RaisesGroup(pytest.RaisesExc(BadSetting, match=why)):
        await app.lifespan().__aenter__()
    await app.state.database.close()


@pytest.mark.usefixtures("lifespan")
async def test_an_app_starts_before_its_database(settings: Settings) -> None:
    async with create_app(msgspec.structs.replace(settings, database_url=NOWHERE)).lifespan():
        pass


@pytest.mark.usefixtures("lifespan")
async def test_an_app_that_ends_gives_its_connections_back(settings: Settings) -> None:
    app = create_app(settings)
    database: Database = app.state.database
    async with app.lifespan(), client_of(app) as client:
        assert (await client.get("/readyz")).status_code == 200
        async with database.acquire():
            assert database.in_use == 1
    assert database.in_use == 0
    assert app.state.till.closing is True


# Numbers


async def test_a_sandbox_shows_its_numbers(db: Connection, desk: httpx.AsyncClient) -> None:
    await ask_for_code(desk)
    numbers = await desk.get("/metrics")
    assert numbers.status_code == 200
    assert numbers.headers["content-type"].startswith("text/plain")
    lines = numbers.text.splitlines()
    assert "huong_jobs_waiting 0.0" in lines
    [age] = [line for line in lines if line.startswith("huong_outbox_age_seconds ")]
    assert float(age.split()[1]) > 0
    await codes_worker(db).drain()
    assert "huong_outbox_age_seconds 0.0" in (await desk.get("/metrics")).text.splitlines()


async def test_requests_are_counted_by_route_and_not_by_what_strangers_type(desk: httpx.AsyncClient) -> None:
    await desk.get("/v1/me")
    await desk.get("/wp-login.php")
    numbers = (await desk.get("/metrics")).text
    assert 'huong_requests_total{method="GET",route="/v1/me",status="401"}' in numbers
    assert "wp-login" not in numbers


@pytest.fixture
def guarded(desk_app: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Make the desk a production city's, its numbers behind a token."""
    settings = production_of(desk_app.app.state.settings)

    def guard(token: str | None) -> None:
        monkeypatch.setattr(desk_app.app.state, "settings", msgspec.structs.replace(settings, metrics_token=token))

    return guard


async def test_production_without_a_token_shows_no_numbers(
    desk: httpx.AsyncClient, guarded: Callable[[str | None], None]
) -> None:
    guarded(None)
    hidden = await desk.get("/metrics", headers={"authorization": "Bearer "})
    nothing = await desk.get("/nothing", headers={"authorization": "Bearer "})
    assert problem(hidden) == (404, "NotFound")
    assert all_but_request_id(hidden) == all_but_request_id(nothing)


async def test_production_shows_its_numbers_to_whoever_has_the_token(
    desk: httpx.AsyncClient, guarded: Callable[[str | None], None]
) -> None:
    guarded("s3cret")
    for authorization in ("", "s3cret", "Bearer", "Bearer s3cre", "Bearer s3crets", "bearer s3cret"):
        answer = await desk.get("/metrics", headers={"authorization": authorization})
        assert problem(answer) == (404, "NotFound"), authorization
    shown = await desk.get("/metrics", headers={"authorization": "Bearer s3cret"})
    assert shown.status_code == 200
    assert "huong_requests_total" in shown.text


# What every answer carries


async def test_every_answer_carries_safe_headers(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    answers = [
        await desk.get("/livez"),
        await desk.get("/nothing"),
        await desk.get("/v1/me"),
        await desk.get("/v1/me", headers=resident.headers),
        await desk.delete("/v1/home"),
        await desk.delete("/v1/sign-in/sessions/current", headers=resident.headers),
        await desk.get("/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 401, 200, 405, 204, 302]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert len(answer.headers["x-request-id"]) == 36


async def test_what_is_mine_is_stored_nowhere_on_its_way(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    for path in ("/v1/me", "/v1/wallet", "/v1/home", "/v1/nothing", "/v1/wallet/movements?limit=x"):
        assert (await desk.get(path, headers=resident.headers)).headers["cache-control"] == "no-store", path
    unlocked = await desk.post("/v1/wallet/unlocks", headers=resident.headers, json={"pin": PIN})
    assert unlocked.headers["cache-control"] == "no-store"
    assert "cache-control" not in (await desk.get("/livez")).headers


# Where a request came from


async def address_of(client: str | None, forwarded: str | None, trusted: tuple[str, ...]) -> str:
    """The address that a request is held to have."""
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["state"]["address"])

    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode("latin-1"))]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": headers,
        "client": None if client is None else (client, 4711),
    }
    await Observe(app, trusted)(scope, None, None)  # pyright: ignore[reportArgumentType]
    return seen[0]


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.2", " 198.51.100.1 ,, 10.0.0.1 , ", "198.51.100.1"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "x" * 500, "x" * 64),
        (None, "198.51.100.1", "unknown"),
    ],
)
async def test_only_a_trusted_proxy_is_believed_about_the_address(
    client: str | None, forwarded: str | None, address: str
) -> None:
    assert await address_of(client, forwarded, ("10.0.0.1", "10.0.0.2")) == address


async def test_budgets_are_spent_by_the_address_behind_the_proxy(db: Connection, desk_app: Desk) -> None:
    settings = msgspec.structs.replace(desk_app.app.state.settings, trusted_proxies=("127.0.0.1",))
    async with client_of(create_app(settings, OneConnection(db))) as client:
        asked = await client.post(
            "/v1/sign-in/codes", json={"phone": "0905123456"}, headers={"x-forwarded-for": "6.6.6.6, 198.51.100.1"}
        )
    assert asked.status_code == 202
    keys = {row["key"] for row in await db.fetch(sql.budgets)}
    assert "code address 198.51.100.1" in keys
    assert not any("127.0.0.1" in key or "6.6.6.6" in key for key in keys)
    assert PLAY_PHONE not in keys
