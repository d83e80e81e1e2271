"""What is seen of each request: an id in every answer, a line of JSON in the log, counts and times, safe headers."""

import asyncio
import atexit
import gc
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import datetime
from time import monotonic, perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Gauge, Histogram

from app.clock import machine_now
from app.types import new_id_text

log = structlog.get_logger()

REQUESTS = Counter("huong_requests_total", "Answers by route, method and status", ["method", "route", "status"])
SECONDS = Histogram(
    "huong_request_seconds",
    "Time to answer by route",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
LOOP_LAG = Histogram(
    "huong_loop_lag_seconds",
    "How late the event loop of this process woke",
    buckets=(0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
)
CONNECTIONS = Gauge("huong_database_connections_in_use", "Connections lent out by this process's pool")
OUTBOX_AGE = Gauge("huong_outbox_age_seconds", "Age of the oldest untold news")
JOBS_WAITING = Gauge("huong_jobs_waiting", "Jobs that are not done")
JOBS_DEAD = Gauge("huong_jobs_dead", "Dead letters")
LEDGER_BROKEN = Gauge("huong_ledger_broken", "Rows that break a law of the ledger at its last check", ["law"])
LEDGER_CHECKED = Gauge("huong_ledger_checked_seconds", "When the ledger was last checked, in Unix time")
DATA_REQUESTS_OVERDUE = Gauge(
    "huong_data_requests_overdue", "Residents' requests about their data that nobody answered in time"
)
DOSSIERS_OPEN = Gauge("huong_dossiers_open", "Dossiers that are being worked on", ["level"])
DOSSIERS_OVERDUE = Gauge("huong_dossiers_overdue", "Dossiers that are overdue by the date that holds", ["level"])
AUDIT_WAITING = Gauge("huong_audit_waiting", "Rows of the audit that wait for their link")
AUDIT_HEAD = Gauge("huong_audit_head_position", "Links of the audit's chain")
AUDIT_BROKEN = Gauge("huong_audit_broken", "What the last check of the audit's chain found wrong")
AUDIT_CHECKED = Gauge("huong_audit_checked_seconds", "When the audit's chain was last checked, in Unix time")
NATIONAL_OUT_OF_STEP = Gauge(
    "huong_national_out_of_step", "Dossiers that the national portal knows otherwise than we do"
)
DELIVERIES_DUE = Gauge("huong_deliveries_due", "Pushes and texts that are due, by lane", ["lane"])
DELIVERIES_LATE = Gauge("huong_deliveries_late_seconds", "For how long the oldest of them has been due", ["lane"])
DELIVERIES_FAILED = Gauge("huong_deliveries_failed", "Pushes and texts of the last hour that failed", ["lane"])
STREAMS = Gauge("huong_streams_open", "Live streams that this process holds", ["kind"])
SCREENS_WAITING = Gauge("huong_screens_waiting", "First screens that wait for their turn in this process")
TILL_GROUP = Histogram("huong_till_group_payments", "Payments per till group", buckets=(1, 2, 4, 8, 16, 32, 64, 128))

LAG_EVERY_S = 0.02
SHORTEST_SECRET = 8
"""Whoever has a password of six letters would see them nowhere in the log."""

_SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
        b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
]


class RequestLine(msgspec.Struct, frozen=True):
    """The line of a request, its keys in the order of other lines. It is written straight: there is nothing in it to
    hide, and on structlog's way it was a tenth of what a request costs this process."""

    method: str
    route: str
    status: int
    ms: float
    request_id: str
    principal: UUID | None
    at: datetime
    level: str = "info"
    event: str = "request"


class Observe:
    """The outermost middleware, in pure ASGI."""

    def __init__(self, app: ASGIApp, trusted_proxies: tuple[str, ...] = ()) -> None:
        self.app = app
        self.trusted_proxies = trusted_proxies
        self.counts: dict[tuple[str, str, int], Any] = {}
        self.times: dict[tuple[str, str], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = new_id_text()
        scope.setdefault("state", {}).update(request_id=request_id, address=self._address(scope))
        status = 500

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message["headers"])
                own = {name for name, _ in headers}
                headers += [header for header in _SAFE_HEADERS if header[0] not in own]
                headers.append((b"x-request-id", request_id.encode()))
                if scope.get("user") is not None and b"cache-control" not in own:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        try:
            await self.app(scope, receive, observed_send)
        finally:
            self._note(scope, status, perf_counter() - started, request_id)

    def _address(self, scope: Any) -> str:
        client = scope["client"][0] if scope.get("client") else "unknown"
        if client not in self.trusted_proxies:
            return client
        forwarded = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        untrusted = [hop.strip() for hop in forwarded if hop.strip() and hop.strip() not in self.trusted_proxies]
        return untrusted[-1][:64] if untrusted else client

    def _note(self, scope: Any, status: int, seconds: float, request_id: str) -> None:
        method, route = scope["method"], scope.get("path_template") or "-"
        count = self.counts.get((method, route, status))
        if count is None:
            count = self.counts[method, route, status] = REQUESTS.labels(method, route, str(status))
        count.inc()
        time = self.times.get((method, route))
        if time is None:
            time = self.times[method, route] = SECONDS.labels(method, route)
        time.observe(seconds)
        if requests is not None:
            user = scope.get("user")
            who, now = user.id if user else None, machine_now()
            line = RequestLine(method, route, status, round(seconds * 1000, 2), request_id, who, now)
            requests.info(msgspec.json.encode(line))


async def watch_loop() -> None:
    """Note how late this loop wakes, for as long as it runs. After one late time the next ones are late too: whoever
    came in between would have waited as well."""
    due_s = monotonic()
    while True:
        due_s += LAG_EVERY_S
        await asyncio.sleep(due_s - monotonic())
        LOOP_LAG.observe(max(0.0, monotonic() - due_s))


def start_logging(level: str, secrets: Iterable[str] = ()) -> None:
    """One line of JSON per thing that happened, on standard error; libraries' lines too, and what ends the process.

    `secrets`: what this process knows that no line may say, whoever writes it."""
    _known.clear()
    _known.extend(msgspec.json.encode(one)[1:-1] for one in secrets if len(one) >= SHORTEST_SECRET)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", key="at"),
            structlog.processors.ExceptionRenderer(lambda exc_info: trace_of(exc_info[1])),
            _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=Lines,
        cache_logger_on_first_use=True,
    )
    global requests
    requests = Lines() if number <= logging.INFO else None
    of_libraries = logging.StreamHandler(sys.stderr)
    of_libraries.setFormatter(_LibraryLine())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[of_libraries], force=True)
    sys.excepthook = _say_why_it_ends


def trace_of(problem: BaseException | None) -> str:
    """Where a problem came from, and what it says of itself."""
    if problem is None:
        return ""
    before = problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)
    lines = [f"{trace_of(before)}\n\nand then\n\n"] if before is not None else []
    if isinstance(problem, BaseExceptionGroup):
        inside: tuple[BaseException, ...] = problem.exceptions
        lines += [f"{trace_of(one)}\n\nand beside it\n\n" for one in inside]
    return "".join([*lines, *traceback.format_tb(problem.__traceback__), told(problem)])


def told(problem: BaseException) -> str:
    """What a problem says of itself, in a line that may be kept: PostgreSQL's message, but not its DETAIL, which
    quotes the row, and a row may hold anything."""
    message = problem.args[0] if isinstance(problem, asyncpg.PostgresError) and problem.args else problem
    return scrubbed(f"{type(problem).__name__}: {message}")


def scrubbed(text: str) -> str:
    """The text without what looks like somebody's secret."""
    return msgspec.json.decode(_scrub(msgspec.json.encode(text)), type=str)


# Nobody logs a secret on purpose; but what a library says of a surprise may quote whatever was at hand. These read
# JSON: a quotation mark or a new line is two bytes there.
_known: list[bytes] = []
_REST_OF_LINE = rb'(?:[^"\\]|\\[^n])*'
_HIDDEN = [
    (re.compile(rb'\\nDETAIL:(?:[^"\\]|\\.)*'), b""),
    (re.compile(rb"(query argument \$[0-9]+: )" + _REST_OF_LINE), rb"\1***"),
    (re.compile(rb"(invalid input (?:syntax|value) for [^:\"\\]*: )" + _REST_OF_LINE), rb"\1***"),
    (re.compile(rb"(\b[a-z][a-z0-9+]{1,20}://[^\s\"\\/@]{0,200}:)[^\s\"\\@]+@"), rb"\1***@"),
    (re.compile(rb"(\bhttps?://[^\s\"\\?#']{1,1000}\?)[^\s\"\\']+"), rb"\1***"),
    (re.compile(rb"(?i)(\b(?:bearer|basic|digest) )[A-Za-z0-9._~+/=-]{8,}"), rb"\1***"),
    (re.compile(rb"(\bhk_(?:test|live)_[0-9A-Za-z]{22})[0-9A-Za-z]+"), rb"\1***"),
    (re.compile(rb"\beyJ[\w-]{1,1500}\.[\w-]{1,4000}\.[\w-]*"), b"***"),
    (re.compile(rb"(?<![\w-])[\w-]{43}(?![\w-])"), b"***"),
    (re.compile(rb"(?<![0-9A-Za-z])((?:\+84|0)[35789][0-9]{2})[0-9]{3}([0-9]{3})(?![0-9])"), rb"\1***\2"),
]
"""PostgreSQL's DETAIL and whatever else quotes a value; a password in an address, and all after its question mark;
authorizations, machines' keys, signed tokens, and 256 bits as we write them; phone numbers."""


def _scrub(line: bytes) -> bytes:
    for secret in _known:
        line = line.replace(secret, b"***")
    for hidden, instead in _HIDDEN:
        line = hidden.sub(instead, line)
    return line


def _say_why_it_ends(_kind: type[BaseException], problem: BaseException, _trace: object) -> None:
    if not isinstance(problem, KeyboardInterrupt):
        log.error("ended", exc_info=problem)


def _as_json(_logger: object, _method: str, event: Any) -> bytes:
    return _scrub(msgspec.json.encode(event, enc_hook=repr))


class _LibraryLine(logging.Formatter):
    """A library's log record as a line like ours."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info:
            line["exception"] = trace_of(record.exc_info[1])
        return _scrub(msgspec.json.encode(line)).decode()


class Lines:
    """Log lines on standard error. In an event loop, ordinary ones wait 50 ms for company: a write each is dear."""

    def __init__(self, *_: object) -> None:
        self.waiting: list[bytes] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        """Whose turn it is to write what waits."""
        atexit.register(self.flush)

    def info(self, line: bytes) -> None:
        """An ordinary line."""
        self.waiting.append(line)
        if self.loop is not None and self.loop.is_running():
            return
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self.loop.call_later(0.05, self.flush)

    debug = info

    def warning(self, line: bytes) -> None:
        """A line that somebody may need at once."""
        self.waiting.append(line)
        self.flush()

    error = critical = exception = warning

    def flush(self) -> None:
        """Write what waits."""
        lines, self.waiting, self.loop = self.waiting, [], None
        sys.stderr.buffer.write(b"".join(line + b"\n" for line in lines))
        sys.stderr.buffer.flush()


requests: Lines | None = None
"""Where lines of requests go, once the log was started; None: they are not kept."""


def calm_garbage_collection() -> None:
    """Start-up objects live for ever: don't look at them again, and look at the rest seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
