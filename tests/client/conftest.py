"""A real city for a real browser: the API on a port, its worker, the stand-ins, and phones that look at it.

`town` is a city of its own for each test, where the sandbox's people live; `phone` is a page of a browser on it, as
somebody in Huế would hold it. What the browser complains of fails the test at its end."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

import app
import migrations
from app import client, config, live
from app.cli import plant_people
from app.config import Settings
from app.connections import Connection
from app.db import Database
from app.identity.seed import PIN
from app.live import Live
from app.main import create_app
from app.worker import Worker
from tests.conftest import Servers, StandIns, cloned, forget_callers, served_stand_ins, settings_for
from wallet.till import Till

BUILT = Path(app.__file__).parent.parent / "web" / "dist"
PLANTED = "huong_client_template"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # it is root, in a container, who tries this
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that sees a film, for whoever is let at it
]
DENSITY = 2 if os.environ.get("PICTURES") else 1
"""Dots to a pixel: four times as many are painted for pictures, and for nothing else."""
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""The browser's own note of an answer that a screen knows how to take."""
NO_NETWORK = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"
"""The same where a journey has taken the network away."""
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (violation) =>
    console.error(`content security policy: ${violation.violatedDirective} ${violation.blockedURI}`));"""

Theme = Literal["light", "dark"]
NewPhone = Callable[..., Awaitable[Page]]


@dataclass(frozen=True)
class Ground:
    """What all towns of a run stand on: an address that stays, stand-ins that know it, and one app that serves it."""

    url: str
    environment: dict[str, str]
    stand_ins: StandIns
    app: Litestar


@dataclass(frozen=True)
class Town:
    """A city that a browser can open, with a worker that works by itself."""

    url: str
    database: Database
    settings: Settings
    stand_ins: StandIns


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The machine's own Chromium. CHROMIUM names another, or is `required`: then it must be there."""
    wanted = os.environ.get("CHROMIUM") or ""
    names = BROWSERS if wanted in {"", "required"} else (wanted,)
    found = next(filter(None, map(shutil.which, names)), None)
    _demand(found, "no Chromium here to try the client in (Debian, Ubuntu: apt install chromium)")
    _demand(client.files_in(BUILT), "the client is not built (make run or make test builds it)")
    return found or ""


def _demand(there: object, why: str) -> None:
    if not there:
        pytest.fail(why) if os.environ.get("CHROMIUM") else pytest.skip(why)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's cameras see, as soon as somebody has made it (YUV4MPEG2)."""
    return tmp_path_factory.mktemp("camera") / "film.y4m"


@pytest.fixture(scope="session")
async def browser(browser_path: str, film: Path) -> AsyncIterator[Browser]:
    """One for the run; each phone is a context of its own in it, and knows nothing of another."""
    camera = f"--use-file-for-fake-video-capture={film}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=[*ARGUMENTS, camera])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def told(template: Servers) -> Iterator[tuple[dict[str, str], StandIns, socket.socket]]:
    """The settings of every town, the stand-ins that were started with them, and where the API will listen.

    Passkeys and cookies want the name localhost, and the stand-ins send people back to one address: it stays."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = str(bound.getsockname()[1])
        names = {"PORT": port, "HUONG_PUBLIC_URL": f"http://localhost:{port}", "REDIS_URL": template.redis_url or ""}
        before = os.environ.get("HUONG_SANDBOX_PORT", "")
        with pytest.MonkeyPatch.context() as environment:
            _tell(environment, names)
            serving = served_stand_ins()
            stand_ins = serving.__enter__()
            names["HUONG_SANDBOX_PORT"] = os.environ["HUONG_SANDBOX_PORT"]
        os.environ["HUONG_SANDBOX_PORT"] = before
        config.settings.cache_clear()
        yield names, stand_ins, bound
        serving.__exit__(None, None, None)


def _tell(environment: pytest.MonkeyPatch, names: dict[str, str]) -> None:
    for name, value in names.items():
        environment.setenv(name, value)
    config.settings.cache_clear()
    live.here.cache_clear()


@pytest.fixture(scope="session")
async def ground(
    template: Servers, browser_path: str, told: tuple[dict[str, str], StandIns, socket.socket]
) -> AsyncIterator[Ground]:
    """The people are planted once, in a template of their own; one app serves all towns, one after the other."""
    names, stand_ins, bound = told
    with pytest.MonkeyPatch.context() as environment:
        _tell(environment, names)
        await _plant(template)
        app = create_app(settings_for(template, PLANTED))
    config.settings.cache_clear()
    app.state.client.files = client.files_in(BUILT)
    async with _serving(app, bound):
        yield Ground(names["HUONG_PUBLIC_URL"], names, stand_ins, app)


async def _plant(servers: Servers) -> None:
    connection = await asyncpg.connect(servers.superuser_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {PLANTED} WITH (FORCE)")
    await connection.close()
    async with cloned(servers) as name:
        database = Database(servers.url(name, migrations.APP_ROLE), 2)
        await plant_people(database)
        await database.close()
        connection = await asyncpg.connect(servers.superuser_url)
        await connection.execute(f"CREATE DATABASE {PLANTED} TEMPLATE {name} OWNER {migrations.OWNER_ROLE}")
        await connection.close()


@asynccontextmanager
async def _serving(app: Litestar, bound: socket.socket) -> AsyncGenerator[None]:
    settings = uvicorn.Config(
        app, lifespan="off", log_config=None, http=Connection, server_header=False, timeout_graceful_shutdown=1
    )
    server = _Server(settings)
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="town")
    while not server.started:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """Ctrl-C ends the tests, not the server alone."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@pytest.fixture
async def town(ground: Ground, template: Servers) -> AsyncIterator[Town]:
    """A city of its own, with residents +84900000001 … 005, their money and their bills."""
    state = ground.app.state
    async with AsyncExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        _tell(environment, ground.environment)
        stack.callback(config.settings.cache_clear)
        stack.callback(live.here.cache_clear)
        settings = settings_for(template, await stack.enter_async_context(cloned(template, PLANTED)))
        database: Database = state.database
        database.url, database.settings = settings.database_url or "", {}
        stack.push_async_callback(database.close)
        state.till, state.live = Till(database, settings.till_lanes), Live(settings.redis_url)
        state.till.start()
        stack.push_async_callback(state.till.close)
        state.live.start()
        stack.push_async_callback(state.live.close)
        forget_callers(ground.app)
        await stack.enter_async_context(_working(settings))
        yield Town(ground.url, database, settings, ground.stand_ins)


@asynccontextmanager
async def _working(settings: Settings) -> AsyncGenerator[None]:
    """A worker with connections of its own, as another process would have."""
    database = Database(settings.database_url or "", 8)
    worker = Worker(database)
    working = asyncio.create_task(worker.run(), name="worker")
    yield
    worker.stop()
    await working
    await live.here().close()
    await database.close()


@pytest.fixture
async def new_phone(town: Town, browser: Browser) -> AsyncIterator[NewPhone]:
    """Another phone, of somebody else or of the same: `await new_phone(theme="dark")`."""
    complaints: list[str] = []
    async with AsyncExitStack() as contexts:

        async def take(*, theme: Theme = "light") -> Page:
            context = await browser.new_context(
                base_url=town.url, viewport={"width": 390, "height": 844}, device_scale_factor=DENSITY,
                is_mobile=True, has_touch=True, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", color_scheme=theme,
            )  # fmt: skip
            contexts.push_async_callback(context.close)
            await context.add_init_script(TELL_VIOLATIONS)
            context.on("console", lambda message: _hear(message, complaints))
            context.on("weberror", lambda error: complaints.append(f"{error.error}"))
            return await context.new_page()

        yield take
    assert complaints == []


def _hear(message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type == "error" and not message.text.startswith((REFUSED, NO_NETWORK)):
        complaints.append(f"{message.text} ({message.location.get('url')})")


@pytest.fixture
async def phone(new_phone: NewPhone) -> Page:
    """A phone in somebody's hand, in daylight."""
    return await new_phone()


async def signed_in(phone: Page, number: str = "0900000001", pin: str = PIN, *, address: str = "/sign-in") -> None:
    """Somebody signs in as they would: the number, the code (in a sandbox 000000 for these numbers), and, as the city
    has not seen this phone before, the PIN."""
    await phone.goto(address)
    await phone.locator("input[autocomplete=tel]").fill(number)
    await phone.get_by_role("button", name="Gửi mã").click()
    await phone.locator("input[autocomplete=one-time-code]").fill("000000")  # the sixth digit sends it
    await enter_pin(phone, pin)
    await phone.wait_for_url(lambda url: "/sign-in" not in url)


async def enter_pin(phone: Page, pin: str = PIN) -> None:
    """On the pad of the sheet that asks for it."""
    pad = phone.get_by_role("dialog", name="Nhập mã PIN")
    for digit in pin:
        await pad.get_by_role("button", name=digit, exact=True).click()
    await pad.wait_for(state="hidden")


class Taps:
    """Counts what a thumb does."""

    def __init__(self) -> None:
        self.done = 0

    async def on(self, page: Page, role: str, name: str) -> None:
        """Touch the first of that role and name."""
        await page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
        self.done += 1
