"""Commands of the `litestar` CLI.

up, serve, worker, sandbox, migrate, seed, staff, calendar, places, doctor, ledger, audit, secrets, jobs, machine,
webhooks, openapi, procedures."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import rich_click as click
from litestar.plugins import CLIPlugin

import migrations
from app import boundaries, clock, config, embedded, health, jobs, schema, secrets
from app.audit import chain
from app.config import BadSetting, Settings
from app.db import Database, queries_beside
from app.errors import Refusal, Unavailable
from app.machines import keys as machine_keys
from app.machines import signing
from app.observe import start_logging, told
from wallet.billers import connections
from wallet.merchants import webhook_endpoints

sql = queries_beside(__file__)

JOB_STATEMENT_TIMEOUT_S = 60
FAR_FROM_KNOWN = 0.1
"""A ward's area within its boundary is worth a line if it differs by more than a tenth."""
MOST_FILES = 2**20
SEALED = (machine_keys.SEALED, connections.SEALED, webhook_endpoints.SEALED)
"""Whatever is sealed under the keys of HUONG_PEPPER."""

P = ParamSpec("P")
R = TypeVar("R")


class Commands(CLIPlugin):
    """The city's commands, beside litestar's own."""

    def on_cli_init(self, cli: click.Group) -> None:
        """Add ours."""
        for command in (
            up, serve, work, sandbox, migrate, seed, staff_group, calendar, places_group, doctor, ledger,
            audit_group, secrets_group, jobs_group, machine_group, webhooks_group, openapi,
            procedures_group,
        ):  # fmt: skip
            cli.add_command(command)


def plainly(run: Callable[P, R]) -> Callable[P, R]:
    """What a person must put right is one line on standard error and a non-zero exit."""

    @wraps(run)
    def plain(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return run(*args, **kwargs)
        except (BadSetting, embedded.Trouble, migrations.WrongMode, boundaries.BadBoundaries) as trouble:
            sys.exit(f"huong: {trouble}")
        except BrokenPipeError:  # `… | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except secrets.KeyNotHere as problem:
            sys.exit(f"huong: HUONG_PEPPER lacks a key that this needs: {problem.__cause__}")
        except Unavailable as problem:
            sys.exit(f"huong: the database does not answer ({told(problem.__cause__ or problem)})")
        except Refusal as refusal:
            sys.exit(f"huong: {refusal.words('en')}")
        except (asyncpg.PostgresError, ConnectionError, TimeoutError) as problem:
            sys.exit(f"huong: the database refused: {told(problem)}")

    return plain


@click.command()
@plainly
def up() -> None:
    """Start everything here: PostgreSQL, Redis, migrations, seed, the API and the worker."""
    from app import up as supervisor

    supervisor.run(config.settings())


@click.command()
@plainly
def serve() -> None:
    """Serve the API only."""
    settings = config.settings()
    start_logging(settings.log_level, settings.secrets())
    end_with_parent()
    _open_many_files()
    with_database(settings, lambda database: health.refuse_unfit(database, settings))
    if settings.server == "granian":
        _serve_granian(settings)
    else:
        _serve_uvicorn(settings)


def _open_many_files() -> None:
    """Each connection is one, and the soft limit is often 1,024: take what the hard one allows."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < most:
            with suppress(ValueError, OSError):  # macOS allows less than it says
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _serve_uvicorn(settings: Settings) -> None:
    import uvicorn

    uvicorn.run(
        "app.main:served",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="app.connections:Connection",  # pyright: ignore[reportArgumentType]
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def _serve_granian(settings: Settings) -> None:
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    Server(
        "app.main:served",
        factory=True,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        log_access=False,
        backpressure=2048 + settings.streams,
        workers_kill_timeout=10,
    ).serve()


@click.command("worker")
@plainly
def work() -> None:
    """Tell events, do jobs, keep the schedule."""
    from app.worker import Worker

    settings = config.settings()
    start_logging(settings.log_level, settings.secrets())
    end_with_parent()

    async def go(database: Database) -> None:
        await health.refuse_unfit(database, settings)
        worker = Worker(database)
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, worker.stop)
        await worker.run()

    with_database(settings, go)


@click.command()
@plainly
def sandbox() -> None:
    """Serve the stand-ins of outside parties: identity, face match, VNPAY, bank, billers. A sandbox only."""
    import uvicorn

    settings = config.settings()
    if not settings.sandbox:
        raise BadSetting("only a sandbox has stand-ins; production is pointed at the real parties")
    end_with_parent()
    uvicorn.run(
        "app.main:served_stand_ins",
        factory=True,
        host=settings.host,
        port=settings.sandbox_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


@click.command()
@plainly
def migrate() -> None:
    """Bring the database up to date."""
    for name in asyncio.run(bring_up_to_date(config.settings())):
        click.echo(name)


async def bring_up_to_date(settings: Settings) -> list[str]:
    """Migrate as the owner, and give the app role its rights; returns what was applied."""
    url, owner_url = addresses(settings)
    return await migrations.migrate(owner_url, migrations.role_of(url), settings.mode)


@click.command()
@click.option("--city", is_flag=True, help="Two years of field reports and dossiers too; it takes half an hour.")
@plainly
def seed(city: bool) -> None:
    """Plant the sandbox's people, bills, merchants, money, field reports, dossiers and weather, once."""
    with_database(config.settings(), plant_whole_city if city else plant_once)


async def plant_once(database: Database, *, most_dossiers: int = 200) -> None:
    """Plant the sandbox's seed unless it is there; raises BadSetting in production."""
    from dossiers import seed as dossiers
    from dossiers.counters import seed as visits
    from feedback import seed as street
    from notifications.alerts import seed as weather
    from wallet import seed as money

    await plant_people(database)
    await street.plant(database)
    await dossiers.plant(database, money.pay_in_cash, most_dossiers)
    await visits.plant(database)
    await weather.plant(database)


async def plant_people(database: Database) -> None:
    """Of the seed the people, what is in their wallets, and what they may file; raises BadSetting in production."""
    from app.identity import seed as people
    from app.staff import seed as staff
    from dossiers import seed as dossiers
    from wallet import seed as money

    if not config.settings().sandbox:
        raise BadSetting("only a sandbox is seeded")
    async with database.transaction() as db:
        if not await db.fetchval(sql.seeded):
            await people.plant(db)
            await staff.plant(db)
            await money.plant(db)
            await db.execute(sql.mark_seeded)
        await people.follow_the_stand_in(db)
        await staff.follow_the_stand_in(db)
        await money.follow_the_stand_in(db)
        await dossiers.load_procedures(db)


async def plant_whole_city(database: Database) -> None:
    """The same, and what a city has reported and filed in two years; what is there stays as it is."""
    from dossiers import seed as dossiers
    from feedback import seed as street
    from wallet import seed as money

    await plant_once(database)
    await dossiers.plant_city(database, money.pay_in_cash)
    await dossiers.settle(database)
    await street.plant_city(database)
    await street.settle(database)


@click.group("staff")
def staff_group() -> None:
    """The first administrators."""


@staff_group.command("invite")
@click.argument("email")
@click.argument("name")
@click.option("--role", type=click.Choice(["admin"]), default="admin", help="Administrators invite everybody else.")
@click.option("--agency", default="city", help="The code of their agency.")
@plainly
def staff_invite(email: str, name: str, role: str, agency: str) -> None:
    """Let one of the first two administrators sign in; or a third, without whom two could not part."""
    from app.staff import members

    async def let_in(database: Database) -> str:
        async with database.transaction() as db:
            return (await members.invite_first_admin(db, email, name, agency)).email

    try:
        invited = with_database(config.settings(), let_in)
    except msgspec.ValidationError as mistake:
        raise BadSetting(f"this cannot be an e-mail or a name: {mistake}") from None
    click.echo(f"{invited} may sign in as {role} of {agency}")


@click.command("calendar")
@click.argument("year", type=click.IntRange(2024, 2100))
@plainly
def calendar(year: int) -> None:
    """Write a year's holidays and make-up days into the working calendar; what is there stays as it is."""
    days = clock.year_from_the_library(year)

    async def write(database: Database) -> int:
        async with database.transaction() as db:
            return await clock.write_calendar(db, days)

    added = with_database(config.settings(), write)
    for day in days:
        click.echo(f"{day.day_on:%a %Y-%m-%d} {day.kind:<8} {day.name_vi}")
    click.echo(f"{added} of {len(days)} days are new. Compare them with the government's decision for {year}.")


@click.group("places")
def places_group() -> None:
    """The wards' true boundaries."""


@places_group.command("import-wards")
@click.argument("path", metavar="FILE.geojson", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@plainly
def import_wards(path: Path) -> None:
    """Have the wards' boundaries from a file, in the place of those that were there."""

    async def replace(database: Database) -> list[boundaries.DrawnWard]:
        async with database.transaction() as db:
            return await boundaries.replace(db, path.read_bytes())

    for line in _drawn_lines(with_database(config.settings(), replace)):
        click.echo(line)


def _drawn_lines(wards: list[boundaries.DrawnWard]) -> Iterator[str]:
    drawn = [(ward, ward.drawn_km2) for ward in wards if ward.drawn_km2 is not None]
    yield f"{len(drawn)} of {len(wards)} wards have a boundary"
    for ward in wards:
        if ward.drawn_km2 is None:
            yield f"{ward.code} {ward.name}: no boundary; its places are found by its centre"
        elif not ward.holds_centre:
            yield f"{ward.code} {ward.name}: its known centre lies outside its boundary"
    for ward, area_km2 in drawn:
        if abs(area_km2 / ward.area_km2 - 1) > FAR_FROM_KNOWN:
            yield f"{ward.code} {ward.name}: {area_km2:,.1f} km² within its boundary, {ward.area_km2:,.1f} km² known"
    known_km2 = sum(ward.area_km2 for ward, _ in drawn)
    yield f"all of them: {sum(area for _, area in drawn):,.1f} km² within boundaries, {known_km2:,.1f} km² known"


@click.group("procedures")
def procedures_group() -> None:
    """What may be asked for at the one-stop counters."""


@procedures_group.command("load")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@plainly
def load_procedures(folder: Path | None) -> None:
    """Publish the catalogue's procedures, or a folder's: those that were not published yet as they stand there."""
    from dossiers.procedures import loading

    async def publish(database: Database) -> int:
        async with database.transaction() as db:
            return await loading.load(db, folder=folder or loading.CATALOGUE)

    try:
        click.echo(f"{with_database(config.settings(), publish)} versions are new")
    except loading.BadProcedureFile as trouble:
        raise BadSetting(str(trouble)) from None


@procedures_group.command("check")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@plainly
def check_procedure(path: Path) -> None:
    """Say what is wrong with a procedure's file; no database is asked."""
    from dossiers.procedures import checking, loading

    try:
        found = checking.findings(loading.decoded(path))
    except loading.BadProcedureFile as trouble:
        raise BadSetting(str(trouble)) from None
    for finding in found:
        click.echo(f"{finding.field}: {finding.en} ({finding.code})")
    if found:
        sys.exit(1)
    click.echo("nothing is wrong with it")


@click.command()
@plainly
def doctor() -> None:
    """Look at settings, database, migrations, roles, queue and Redis, and say what is wrong."""
    settings = config.settings()

    async def look(database: Database) -> list[str]:
        wrong: list[str] = []
        async with database.acquire() as db:
            if why := await health.unfit(db, settings):
                return [why]
            if dead := len(await db.fetch(jobs.sql.dead_jobs, 1000)):
                wrong.append(f"{dead} dead jobs (see: litestar jobs dead)")
            known_until = await clock.calendar_end(db)
            if known_until is None or known_until < clock.city_today() + timedelta(days=60):
                wrong.append(f"the working calendar ends on {known_until} (see: litestar calendar YEAR)")
        if await health.redis_answers(settings.redis_url) is False:
            wrong.append("Redis does not answer: live updates fall back to polling")
        return wrong

    wrong = with_database(settings, look)
    for line in wrong or ["all is well"]:
        click.echo(line)
    sys.exit(1 if wrong else 0)


@click.group("ledger")
def ledger() -> None:
    """The ledger's own commands."""


@ledger.command("check")
@plainly
def ledger_check() -> None:
    """Hold the ledger against its laws; exits 1 if one is broken."""
    from wallet import ledger as money

    async def look(database: Database) -> list[money.Law]:
        async with database.transaction() as db:
            return await money.check(db)

    laws = with_database(config.settings(), look)
    for law in laws:
        click.echo(
            f"{'ok    ' if law.broken == 0 else 'BROKEN'} {law.law}" + (f": {law.broken}" if law.broken else "")
        )
    sys.exit(1 if any(law.broken for law in laws) else 0)


@click.group("audit")
def audit_group() -> None:
    """The chain over who did what."""


class _HeadText(click.ParamType[chain.Head]):
    """`POSITION:HASH`, as `litestar audit head` prints it."""

    name = "POSITION:HASH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> chain.Head:
        if isinstance(value, chain.Head):
            return value
        try:
            position, _, hashed = str(value).partition(":")
            head = chain.Head(int(position), bytes.fromhex(hashed))
        except ValueError:
            self.fail("it must be a position, a colon and 64 hexadecimal digits", param, ctx)
        if len(head.hash) != len(chain.GENESIS) or not 0 <= head.position < chain.EVERYTHING:
            self.fail("it must be a position, a colon and 64 hexadecimal digits", param, ctx)
        return head


@audit_group.command("head")
@plainly
def audit_head() -> None:
    """Print where the chain ends, to be kept elsewhere."""

    async def look(database: Database) -> chain.Head:
        async with database.acquire() as db:
            return await chain.head_of(db)

    click.echo(str(with_database(config.settings(), look)))


@audit_group.command("verify")
@click.option("--from", "start", type=click.IntRange(1, 2**53), default=1, help="The first position to check.")
@click.option("--head", "kept", type=_HeadText(), help="A head that was kept elsewhere.")
@plainly
def audit_verify(start: int, kept: chain.Head | None) -> None:
    """Hold the chain against the rows, and against a head that was kept elsewhere; exits 1 if it is broken."""

    async def look(database: Database) -> tuple[chain.Report, chain.Head]:
        async with database.transaction() as db:
            return await chain.verify(db, start=start, kept=kept), await chain.head_of(db)

    report, head = with_database(config.settings(), look)
    for finding in report.findings:
        click.echo(str(finding))
    click.echo(f"{report.links} links, {len(report.findings) or 'nothing'} wrong, head {head}")
    sys.exit(1 if report.findings else 0)


@click.group("secrets")
def secrets_group() -> None:
    """The keys of HUONG_PEPPER."""


@secrets_group.command("new")
@click.option("--id", "key_id", help="Its id; today's date, if nothing is said.")
@plainly
def secrets_new(key_id: str | None) -> None:
    """Print a fresh pair, to be put into HUONG_PEPPER."""
    pair = secrets.new_pair(key_id or f"{clock.city_today()}")
    config.read({"HUONG_PEPPER": pair})
    click.echo(pair)


@secrets_group.command("status")
@plainly
def secrets_status() -> None:
    """Say what needs which key; exits 1 if one is needed that is not there."""
    lines, complete = with_database(config.settings(), _key_lines)
    for line in lines:
        click.echo(line)
    sys.exit(0 if complete else 1)


async def _key_lines(database: Database) -> tuple[list[str], bool]:
    async with database.acquire() as db:
        uses = await secrets.uses(db)
    ours = secrets.all_ids()
    lines: list[str] = []
    for key_id in [*ours, *sorted({use.key_id for use in uses} - set(ours))]:
        needs = ", ".join(f"{use.rows} {use.what}" for use in uses if use.key_id == key_id) or "nothing"
        note = " (is written with)" if key_id == ours[0] else "" if key_id in ours else " (NOT in HUONG_PEPPER)"
        lines.append(f"key {key_id}{note}: {needs}")
    return lines, {use.key_id for use in uses} <= set(ours)


@secrets_group.command("rotate")
@click.option("--forget", metavar="ID", help="Exit 1 while anything still needs this key.")
@plainly
def secrets_rotate(forget: str | None) -> None:
    """Seal anew, under the newest key, what can be; say what still needs an old one."""

    async def rotate(database: Database) -> tuple[int, list[str], bool]:
        done = sum([await secrets.seal_anew(database, place) for place in SEALED])
        async with database.acquire() as db:
            needed = {use.key_id for use in await secrets.uses(db)} | {secrets.newest_id()}
        return done, (await _key_lines(database))[0], forget in needed

    done, lines, is_needed = with_database(config.settings(), rotate)
    click.echo(f"{done} sealed anew")
    for line in lines:
        click.echo(line)
    if forget is not None:
        click.echo(f"key {forget} is still needed" if is_needed else f"nothing needs key {forget} any more")
    sys.exit(1 if is_needed else 0)


@click.group("jobs")
def jobs_group() -> None:
    """Dead letters of the queue."""


@jobs_group.command("dead")
@plainly
def jobs_dead() -> None:
    """List dead letters."""

    async def look(database: Database) -> list[asyncpg.Record]:
        async with database.acquire() as db:
            return await db.fetch(jobs.sql.dead_jobs, 100)

    for job in with_database(config.settings(), look):
        click.echo(f"{job['id']} {job['listener']} {job['kind']} after {job['attempts']} tries: {job['last_error']}")


@jobs_group.command("replay")
@click.argument("job_id", type=int, required=False)
@plainly
def jobs_replay(job_id: int | None) -> None:
    """Bring a dead letter back, or all of them."""

    async def back(database: Database) -> int:
        async with database.transaction() as db:
            return len(await db.fetch(jobs.sql.replay_jobs, job_id))

    click.echo(f"{with_database(config.settings(), back)} brought back")


@click.group("machine")
def machine_group() -> None:
    """For whoever writes a machine that calls a city."""


@machine_group.command("call")
@click.argument("method")
@click.argument("url")
@click.option("--key", prompt=True, hide_input=True, help="hk_test_… or hk_live_…; asked for if it is left out.")
@click.option("--body", default="", help="JSON, or @file.")
@plainly
def machine_call(method: str, url: str, key: str, body: str) -> None:
    """Sign a request as docs/machines.md says, send it, and show what was signed and what came back."""
    import httpx

    content = Path(body[1:]).read_bytes() if body.startswith("@") else body.encode()
    try:
        headers = signing.sign(key.strip(), method, url, content)
        sent = headers | ({"content-type": "application/json"} if content else {})
        answer = httpx.request(method.upper(), url, headers=sent, content=content, timeout=10)
    except (signing.CannotSign, httpx.HTTPError, httpx.InvalidURL) as trouble:
        raise BadSetting(f"{url}: {trouble or type(trouble).__name__}") from None
    for name, value in headers.items():
        click.echo(f"{name}: {value}", err=True)
    click.echo(f"HTTP {answer.status_code}", err=True)
    click.echo(answer.text)
    sys.exit(0 if answer.is_success else 1)


@click.group("webhooks")
def webhooks_group() -> None:
    """For whoever writes a shop's system that hears what happens."""


@webhooks_group.command("listen")
@click.option("--merchant", type=click.UUID, required=True, help="The shop's id.")
@click.option("--key", prompt=True, hide_input=True, help="An API key of the shop's with webhooks.write.")
@click.option("--forward", metavar="URL", help="Where each message is sent on to, signed.")
@click.option("--secret", help="What signs that, whsec_…; a new one if it is left out.")
@click.option("--replay", type=click.UUID, metavar="ID", help="Only this message, that was there before.")
@click.option("--city", metavar="URL", help="The city's address; HUONG_PUBLIC_URL if it is left out.")
@plainly
def webhooks_listen(
    merchant: UUID, key: str, forward: str | None, secret: str | None, replay: UUID | None, city: str | None
) -> None:
    """Show a shop's messages as they come, and send them on to the machine on your desk."""
    import httpx

    from wallet.merchants import webhook_listening, webhook_signatures

    async def hear() -> None:
        async with httpx.AsyncClient(base_url=city or config.settings().public_url, timeout=10) as client:
            ear = webhook_listening.Ear(
                client=client,
                key=key.strip(),
                merchant_id=merchant,
                secret=secret or webhook_signatures.new_secret(),
                forward=forward,
                tell=click.echo,
            )
            await (ear.listen() if replay is None else ear.replay(replay))

    try:
        asyncio.run(hear())
    except webhook_listening.NotHeard as trouble:
        raise BadSetting(str(trouble)) from None
    except KeyboardInterrupt:
        click.echo("the endpoint is gone again", err=True)


@click.command("openapi")
@click.argument("path", type=click.Path(path_type=Path), default=Path("docs/openapi.json"))
def openapi(path: Path) -> None:
    """Write the API's description."""
    from app.main import create_app

    document = msgspec.json.encode(schema.describe(create_app()), order="sorted")
    path.write_bytes(msgspec.json.format(document, indent=1) + b"\n")


def addresses(settings: Settings) -> tuple[str, str]:
    """The database's URLs for the app role and for the owner: those of the environment, or of the city that `up` runs
    in DATA_DIR; raises BadSetting without one."""
    if settings.database_url is not None:
        return settings.database_url, settings.database_owner_url or settings.database_url
    if postgres := embedded.running_postgres(settings.data_dir):
        return addresses_in(postgres)
    here = f"no city runs in {settings.data_dir} (`litestar up` brings a PostgreSQL of its own)"
    raise BadSetting(f"DATABASE_URL is not set, and {here}")


def addresses_in(postgres: embedded.Postgres) -> tuple[str, str]:
    """The same of a PostgreSQL that we run ourselves."""
    app, owner = (postgres.url(embedded.DATABASE, role) for role in (migrations.APP_ROLE, migrations.OWNER_ROLE))
    return app, owner


def with_database(settings: Settings, use: Callable[[Database], Coroutine[Any, Any, R]]) -> R:
    """Run something that needs the database, outside a request: its statements may take a minute."""
    url, _ = addresses(settings)

    async def run() -> R:
        database = Database(
            url,
            settings.database_connections,
            clock_offset_s=settings.clock_offset_s,
            statement_timeout_s=JOB_STATEMENT_TIMEOUT_S,
        )
        try:
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(run())


def end_with_parent() -> None:
    """A child of `up` ends when `up` is killed (Linux); elsewhere it ends with the terminal."""
    if os.environ.get("HUONG_CHILD") and sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
