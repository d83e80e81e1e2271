"""Is it alive, is it ready, how is it doing: for the machines that watch."""

import hmac
from pathlib import Path

import asyncpg
import msgspec
import redis.asyncio
import structlog
from litestar import Response, Router, get
from litestar.datastructures import State
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import jobs, secrets
from app.config import BadSetting, Settings
from app.db import Connection, Database, one, queries_beside
from app.deps import Db, Door
from app.errors import NotFound, Unavailable
from app.observe import CONNECTIONS
from app.types import Answer

sql = queries_beside(__file__)
log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class Alive(Answer):
    """The process answers."""

    alive: bool = True


class Ready(Answer):
    """What this process stands on. Redis is only reported: without it, live updates fall back to polling."""

    postgresql: bool
    migrations: bool
    mode: str
    redis: bool | None


class NotReady(Unavailable):
    """Hệ thống chưa sẵn sàng: {why}.

    Not ready: {why}."""


class _Installation(msgspec.Struct, frozen=True):
    version: str | None
    mode: str | None
    may_rewrite_the_ledger: bool
    is_played_in: bool


@get("/livez", public=True)
async def livez() -> Alive:
    """The process answers."""
    return Alive()


@get("/readyz", public=True)
async def readyz(state: State) -> Ready:
    """The process can do its work: PostgreSQL is there, migrated, and of this mode."""
    return await ready(state.database, state.settings)


async def ready(database: Database, settings: Settings) -> Ready:
    """What this process stands on; raises NotReady, Unavailable."""
    async with database.acquire() as db:
        why = await unfit(db, settings)
    if why is not None:
        raise NotReady(why=why)
    return Ready(postgresql=True, migrations=True, mode=settings.mode, redis=await redis_answers(settings.redis_url))


async def unfit(db: Connection, settings: Settings) -> str | None:
    """Why this database cannot be served from, in one line; None: it can."""
    try:
        installation = await one(_Installation, db, sql.ready)
    except asyncpg.UndefinedTableError:
        return "no migration was applied yet (run: litestar migrate)"
    newest = max(path.name for path in MIGRATIONS.glob("[0-9]*.sql")).partition("_")[0]
    if (installation.version or "") < newest:
        return f"migration {newest} is missing (run: litestar migrate)"
    if installation.mode != settings.mode:
        return f"the database is a {installation.mode} city, HUONG_MODE is {settings.mode}"
    if installation.may_rewrite_the_ledger and not settings.sandbox:
        return "the server's database role may rewrite the ledger; give DATABASE_URL a role that is not the owner"
    if installation.is_played_in and not settings.sandbox:
        return "sandbox phones live in this production database"
    gone = [key_id for key_id in await secrets.ids_in_use(db) if key_id not in settings.keys]
    if gone and not settings.sandbox:
        return f"HUONG_PEPPER lacks key {', '.join(gone)}, which is in use (see: litestar secrets status)"
    return None


async def refuse_unfit(database: Database, settings: Settings) -> None:
    """Raises BadSetting for a database that cannot be served from; one that does not answer yet is waited for."""
    try:
        async with database.acquire() as db:
            why = await unfit(db, settings)
    except Unavailable:
        log.warning("PostgreSQL does not answer yet")
        return
    if why is not None:
        raise BadSetting(why)


async def redis_answers(url: str | None) -> bool | None:
    """Whether Redis answers; None when none is configured."""
    if url is None:
        return None
    client = redis.asyncio.from_url(url, socket_timeout=0.2, socket_connect_timeout=0.2)
    try:
        return bool(await client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        await client.aclose()


@get("/metrics", public=True, include_in_schema=False)
async def metrics(request: Door, db: Db, state: State) -> Response[bytes]:
    """Prometheus' numbers. In production only with the token of HUONG_METRICS_TOKEN."""
    numbers = await measured(db, state, request.headers.get("authorization", ""))
    return Response(numbers, media_type=CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8"))


async def measured(db: Connection, state: State, authorization: str) -> bytes:
    """The numbers of this moment; raises NotFound for whoever may not see them."""
    if not _may_scrape(state.settings, authorization):
        raise NotFound
    await jobs.measure(db)
    for measure in state.measures:
        await measure(db)
    CONNECTIONS.set(state.database.in_use)
    return generate_latest()


def _may_scrape(settings: Settings, authorization: str) -> bool:
    if settings.metrics_token is None:
        return settings.sandbox
    return hmac.compare_digest(authorization.encode(), f"Bearer {settings.metrics_token}".encode())


router = Router("/", route_handlers=[livez, readyz, metrics], tags=["health"])
