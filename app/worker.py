"""The city's own pace: tell events, do jobs, keep the schedule. Any number of workers may run."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import asyncpg
import structlog

from app import jobs, oidc
from app.audit import chain
from app.audit import personal as audit_personal
from app.db import LOST, Connection, Database
from app.errors import Unavailable
from app.identity import codes, possession, sessions
from app.identity import personal as identity_personal
from app.jobs import Engine, Listener, Scheduled
from app.machines import keys as machine_keys
from app.privacy import listeners as privacy_listeners
from app.privacy import personal as privacy_personal
from app.privacy.holdings import Holding
from app.staff import personal as staff_personal
from app.staff import sessions as staff_sessions
from app.texts import reports as text_reports
from app.uploads import personal as uploads_personal
from app.uploads import sweeping
from dossiers import listeners as dossier_listeners
from dossiers import personal as dossiers_personal
from dossiers.counters import personal as counter_personal
from feedback import deadlines as report_deadlines
from feedback import fine_personal
from feedback import listeners as feedback_listeners
from feedback import map as report_map
from feedback import personal as feedback_personal
from notifications import listeners as notifications_listeners
from notifications import personal as notifications_personal
from notifications.alerts import personal as alerts_personal
from wallet import ledger
from wallet import listeners as wallet_listeners
from wallet import personal as wallet_personal

log = structlog.get_logger()

POLL_S = 1.0
CHAIN_S = 2.0
"""How long a row of the audit waits for its link, at most, when there is little to link."""
SETTLE_S = 5.0
"""How long a worker that ends waits for answers from outside: what was sent without one is sent again."""
RUNS_AT_ONCE = 4
"""So many scheduled tasks hold a connection at once, and a long one beside them; whoever asks outside holds none."""

HOLDINGS: tuple[Holding, ...] = (
    *wallet_personal.HOLDINGS,
    *feedback_personal.HOLDINGS,
    *fine_personal.HOLDINGS,
    *dossiers_personal.HOLDINGS,
    *counter_personal.HOLDINGS,
    *notifications_personal.HOLDINGS,
    *alerts_personal.HOLDINGS,
    *uploads_personal.HOLDINGS,
    *privacy_personal.HOLDINGS,
    *audit_personal.HOLDINGS,
    *staff_personal.HOLDINGS,
    *identity_personal.HOLDINGS,
)
"""What the city holds of a person, in the order in which it is erased: the wallet's locks first, the number last."""

LISTENERS: tuple[Listener, ...] = (
    *codes.listeners,
    *privacy_listeners.listeners(HOLDINGS),
    *notifications_listeners.listeners,
    *wallet_listeners.listeners,
    *feedback_listeners.listeners,
    *dossier_listeners.listeners,
)


async def check_ledger(db: Connection) -> None:
    """Hold the ledger against its laws; a broken one is an error in the log and a number on the dashboard."""
    _tell_broken(await ledger.check(db))


async def check_recent_ledger(db: Connection) -> None:
    """The same of what moved since the last check."""
    _tell_broken(await ledger.check_recent(db))


def _tell_broken(laws: Sequence[ledger.Law]) -> None:
    for law in laws:
        if law.broken:
            log.error("ledger law broken", law=law.law, rows=law.broken)


SCHEDULE: tuple[Scheduled, ...] = (
    Scheduled(name="check_recent_ledger", every_s=3600, run=check_recent_ledger),
    Scheduled(name="check_ledger", every_s=86_400, run=check_ledger, long=True),
    Scheduled(name="write_audit_head", every_s=3600, run=chain.write_head),
    Scheduled(name="check_audit", every_s=86_400, run=chain.check, long=True),
    Scheduled(name="forget_sign_ins", every_s=3600, run=sessions.forget_old),
    Scheduled(name="forget_staff_sessions", every_s=3600, run=staff_sessions.forget_old),
    Scheduled(name="forget_proofs", every_s=600, run=possession.forget_old),
    Scheduled(name="forget_oidc_flows", every_s=600, run=oidc.forget_old),
    Scheduled(name="forget_nonces", every_s=60, run=machine_keys.forget_old_nonces),
    *privacy_listeners.schedule(HOLDINGS),
    *sweeping.schedule,
    *text_reports.schedule,
    *wallet_listeners.schedule,
    *report_deadlines.schedule,
    *report_map.schedule,
    *feedback_listeners.schedule,
    *dossier_listeners.schedule,
    *notifications_listeners.schedule,
)

ENGINES: tuple[Engine, ...] = notifications_listeners.engines


class Worker:
    """One worker. `run` goes on until `stop`; a round that fails is logged and tried again."""

    def __init__(
        self,
        database: Database,
        listeners: Sequence[Listener] = LISTENERS,
        schedule: Sequence[Scheduled] = SCHEDULE,
        engines: Sequence[Engine] = ENGINES,
    ) -> None:
        self.database = database
        self.listeners = listeners
        self.schedule = schedule
        self.engines = engines
        self.stopping = asyncio.Event()
        self.news = asyncio.Event()
        self.room, self.room_for_long = asyncio.Semaphore(RUNS_AT_ONCE), asyncio.Semaphore(1)
        self.bells: set[asyncio.Event] = set()

    async def run(self) -> None:
        """Work until stopped: at every NOTIFY, and at least once a second."""
        beside = [
            asyncio.create_task(self._listen(), name="worker-ear"),
            asyncio.create_task(self._watch_the_clock(), name="worker-clock"),
            asyncio.create_task(self._keep_chain(), name="worker-chain"),
        ]
        outside = [
            *(
                asyncio.create_task(self._keep_at(partial(jobs.work, self.database, listener)), name=listener.name)
                for listener in self.listeners
                if listener.errand
            ),
            *(
                asyncio.create_task(self._keep_at(partial(engine.work, self.database)), name=engine.name)
                for engine in self.engines
                for _ in range(engine.side_by_side)
            ),
        ]
        try:
            while not self.stopping.is_set():
                self.news.clear()
                try:
                    busy = await self._round([listener for listener in self.listeners if not listener.errand])
                except Exception as problem:
                    log.warning("worker round failed", error=repr(problem))
                    busy = False
                if not busy:
                    await self._rest()
            if outside:
                await asyncio.wait(outside, timeout=SETTLE_S)
        finally:
            for task in beside + outside:
                task.cancel()
            await asyncio.gather(*beside, *outside, return_exceptions=True)
            await self.close()

    async def close(self) -> None:
        """Let go of what the engines keep."""
        for engine in self.engines:
            if engine.close is not None:
                await engine.close(self.database)

    def stop(self) -> None:
        """Finish the round, take in the answers to what is under way outside, then end."""
        self.stopping.set()
        self.news.set()
        self._ring()

    async def round(self) -> bool:
        """Tell what is new, do all that is due; True if there may be more to do at once."""
        busy = await self._round(self.listeners)
        done = [await engine.work(self.database) for engine in self.engines]
        return busy or any(done)

    async def _round(self, listeners: Sequence[Listener]) -> bool:
        async with self.database.transaction() as db:
            told = await jobs.tell(db, self.listeners)
        if told:
            self._ring()
        done = [await jobs.work(self.database, listener) for listener in listeners]
        if any(done):
            self._ring()
        return bool(told or any(done))

    def _ring(self) -> None:
        for bell in self.bells:
            bell.set()

    async def _keep_at(self, work: Callable[[], Awaitable[int]]) -> None:
        """Beside the queue: whoever waits for an answer from outside holds nobody's message up."""
        bell = asyncio.Event()
        self.bells.add(bell)
        while not self.stopping.is_set():
            done = 0
            bell.clear()
            try:
                done = await work()
            except Exception as problem:
                log.warning("work beside the queue waits", work=_name_of_task(), error=repr(problem))
            if not done:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await bell.wait()

    async def keep_schedule(self) -> None:
        """Run what is due by the clock, one after another, and wait for it (tests)."""
        for scheduled in self.schedule:
            await self._take_turn(scheduled)

    async def _take_turn(self, scheduled: Scheduled) -> None:
        """One that fails keeps no other from its turn, and is due again in a minute."""
        try:
            async with self._room_for(scheduled):
                await jobs.run_scheduled(self.database, scheduled)
        except Exception as problem:
            log.warning("scheduled task failed", task=scheduled.name, error=repr(problem))
            with contextlib.suppress(Unavailable, asyncpg.PostgresError, *LOST):
                await jobs.put_off_scheduled(self.database, scheduled)

    def _room_for(self, scheduled: Scheduled) -> contextlib.AbstractAsyncContextManager[None]:
        if scheduled.errand is not None:
            return contextlib.nullcontext()
        return self.room_for_long if scheduled.long else self.room

    async def drain(self) -> None:
        """Work until nothing is left that is due now (tests, the command line)."""
        while await self.round():
            pass

    def _hear(self, *_: object) -> None:
        self.news.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self.news.wait()
        except TimeoutError:
            return

    async def _watch_the_clock(self) -> None:
        """Beside the queue, and each task beside the others: a long check holds nothing up. None overlaps itself."""
        under_way: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                under_way = {name: task for name, task in under_way.items() if not task.done()}
                for scheduled in await self._due():
                    if scheduled.name not in under_way:
                        turn = self._take_turn(scheduled)
                        under_way[scheduled.name] = asyncio.create_task(turn, name=f"worker-{scheduled.name}")
                await asyncio.sleep(POLL_S)
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def _due(self) -> list[Scheduled]:
        try:
            return await jobs.due(self.database, self.schedule)
        except Exception as problem:
            log.warning("schedule waits", error=repr(problem))
            return []

    async def _keep_chain(self) -> None:
        """Beside the queue: the audit's rows are linked soon, whatever else takes long."""
        while True:
            linked = 0
            try:
                linked = await chain.link(self.database)
            except Exception as problem:
                log.warning("audit chain waits", error=repr(problem))
            if linked < chain.BATCH:
                await asyncio.sleep(CHAIN_S)

    async def _listen(self) -> None:
        """NOTIFY is a hint that wakes; the poll is the guarantee."""
        while True:
            try:
                connection = await self.database.connect("huong ear")
                try:
                    await connection.add_listener("huong_news", self._hear)
                    while not connection.is_closed():  # noqa: ASYNC110 - asyncpg tells nobody
                        await asyncio.sleep(5)
                finally:
                    await connection.close(timeout=2)
            except (asyncpg.PostgresError, *LOST):
                await asyncio.sleep(POLL_S)


def _name_of_task() -> str:
    task = asyncio.current_task()
    return task.get_name() if task is not None else ""
