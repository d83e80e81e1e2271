"""`litestar up`: the whole city on this machine, until Ctrl-C."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import FrameType

import msgspec

import migrations
from app import embedded
from app.cli import addresses_in, bring_up_to_date, plant_once, with_database
from app.config import Settings
from app.embedded import Trouble

READY_WITHIN_S = 60
END_WITHIN_S = 20


def run(settings: Settings) -> None:
    """Start everything, wait for Ctrl-C (or SIGTERM), stop everything. Raises Trouble for what a person must mend."""
    _check_ports(settings)
    stop = _Stop()
    with ExitStack() as stack:
        settings, revivals = _with_servers(settings, stack)
        asyncio.run(bring_up_to_date(settings))
        if settings.sandbox:
            with_database(settings, plant_once)
        children = {name: _start(name, settings) for name in children_of(settings)}
        stack.callback(_end_all, children)
        if _wait_until_ready(settings, children, stop):
            _greet(settings)
        while not stop.asked:
            time.sleep(0.5)
            for revive in revivals:
                revive()
            _revive(children, settings)


def children_of(settings: Settings) -> tuple[str, ...]:
    """The processes of the city here; a sandbox has the stand-ins of outside parties beside it."""
    return ("serve", "worker", "sandbox") if settings.sandbox else ("serve", "worker")


class _Stop:
    """Set by the first SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self._ask)

    def _ask(self, _sign: int, _frame: FrameType | None) -> None:
        self.asked = True


def _check_ports(settings: Settings) -> None:
    _check_port(settings.host, settings.port, "PORT")
    if settings.sandbox:
        if settings.sandbox_port == settings.port:
            raise Trouble(f"PORT and HUONG_SANDBOX_PORT are both {settings.port}; they must differ")
        _check_port(settings.host, settings.sandbox_port, "HUONG_SANDBOX_PORT")
        if settings.fcm_stand_in_port is not None:
            port = settings.fcm_stand_in_port
            if port in {settings.port, settings.sandbox_port}:
                raise Trouble(f"port {port} is meant twice; choose another with HUONG_FCM_URL=…")
            _check_port(settings.host, port, "HUONG_FCM_URL")


def _check_port(host: str, port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Trouble(
                f"{host}:{port} cannot be used ({error.strerror}); choose another with {setting}=…"
            ) from None


def _with_servers(settings: Settings, stack: ExitStack) -> tuple[Settings, list[Callable[[], object]]]:
    """Start what the environment did not name, and name it. Also returns what starts each again, should it die."""
    if settings.database_url and settings.redis_url:
        return settings, []
    stack.enter_context(embedded.hold(settings.data_dir))
    stack.callback(embedded.stop_left_behind, settings.data_dir)
    changes: dict[str, str] = {}
    revivals: list[Callable[[], object]] = []
    if settings.database_url is None:
        postgres = embedded.start_postgres(settings.data_dir)
        revivals.append(lambda: embedded.start_postgres(settings.data_dir))
        asyncio.run(migrations.make_database(postgres.owner_url, embedded.DATABASE))
        changes["database_url"], changes["database_owner_url"] = addresses_in(postgres)
    if settings.redis_url is None:
        redis = embedded.start_redis(settings.data_dir)
        if redis is None:
            _say("no redis-server here: live updates stay inside one process")
        else:
            revivals.append(lambda: embedded.start_redis(settings.data_dir))
            changes["redis_url"] = redis.url
    return msgspec.structs.replace(settings, **changes), revivals


def _start(name: str, settings: Settings) -> subprocess.Popen[bytes]:
    """A child in a session of its own: Ctrl-C reaches only us, and we end the children in order."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter, our own commands
        [sys.executable, "-m", "litestar", name], env=environment_of(settings, os.environ), start_new_session=True
    )


def environment_of(settings: Settings, outer: Mapping[str, str]) -> dict[str, str]:
    """What a child is told: all that we were told, and the addresses as they are now, in one place each."""
    addresses_in_files = dict.fromkeys(("DATABASE_URL_FILE", "DATABASE_OWNER_URL_FILE", "REDIS_URL_FILE"), "")
    named = addresses_in_files | {
        "LITESTAR_APP": "app.main:create_app",
        "LITESTAR_QUIET_CONSOLE": "1",
        "HUONG_CHILD": "1",
        "DATABASE_URL": settings.database_url or "",
        "DATABASE_OWNER_URL": settings.database_owner_url or "",
        "REDIS_URL": settings.redis_url or "",
    }
    return {**outer, **named}


def _revive(children: dict[str, subprocess.Popen[bytes]], settings: Settings) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            _say(f"{name} ended with {child.returncode}; it is started again")
            time.sleep(1)
            children[name] = _start(name, settings)


def _wait_until_ready(settings: Settings, children: dict[str, subprocess.Popen[bytes]], stop: _Stop) -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    waited_for = [f"http://{_reachable(settings)}:{settings.port}/readyz"]
    if settings.sandbox:
        waited_for.append(f"http://{_reachable(settings)}:{settings.sandbox_port}/livez")
    while time.monotonic() < deadline and not stop.asked:
        for name, child in children.items():
            if child.poll() is not None:
                raise Trouble(f"{name} did not start (exit {child.returncode}); its own words are above")
        try:
            with urllib.request.urlopen(waited_for[0], timeout=1):  # noqa: S310 - our own addresses
                del waited_for[0]
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        if not waited_for:
            return True
    if not stop.asked:
        raise Trouble(f"{waited_for[0]} was not ready within {READY_WITHIN_S} s")
    return False


def _reachable(settings: Settings) -> str:
    return "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104


def _greet(settings: Settings) -> None:
    host = "localhost" if settings.host in {"127.0.0.1", "0.0.0.0", "::"} else settings.host  # noqa: S104
    _say(f"Hương is open at http://{host}:{settings.port}")
    _say(f"API page: http://{host}:{settings.port}/schema")
    if settings.sandbox:
        _say("sign in as +84900000001 … 005 (residents) or +84900000101, 102 (merchants): code 000000, PIN 258036")
        _say(f"Stand-ins of all outside parties, and what phones got: http://{host}:{settings.sandbox_port}")
    _say("Ctrl-C ends it")


def _end_all(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """The API drains first, then the worker, then whatever stands beside them."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _say(line: str) -> None:
    print(line, flush=True)
