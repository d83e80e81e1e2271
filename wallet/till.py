"""The till: concurrent payments share one round trip and one commit.

A lane that is idle takes whatever waits, at most 128; a lone payment waits for nobody. It opens its own short
transactions: one statement each, committed (flushed to the WAL) before anyone is answered."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

import asyncpg
import structlog

from app.db import LOST, Database, OwnConnection
from app.errors import OutcomeUnknown, Refusal, TooManyRequests, Unavailable
from app.observe import TILL_GROUP
from wallet.ledger import Move, Moved, Verdict, move_all

log = structlog.get_logger()

GROUP = 128
QUEUE = 4096
PATIENCE_S = 6.0
PAYER_QUEUE = 64
LOCK_TIMEOUT = "300ms"
_NOT_DONE = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError)


class _Waiting:
    __slots__ = ("answer", "move", "since")

    def __init__(self, move: Move, answer: "asyncio.Future[Verdict]") -> None:
        self.move = move
        self.answer = answer
        self.since = monotonic()


class Till:
    """Groups payments. One per process; `lanes` groups are under way at once, each on a connection of its own."""

    def __init__(self, database: Database, lanes: int = 1) -> None:
        self.database = database
        self.lanes = lanes
        self.waiting: deque[_Waiting] = deque()
        self.of_payer: Counter[UUID] = Counter()
        self.work = asyncio.Event()
        self.closing = False
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Open the lanes. Their connections are made at the first payment."""
        self.loop = asyncio.get_running_loop()
        self.tasks = [asyncio.create_task(_Lane(self).run(), name=f"till-{n}") for n in range(self.lanes)]

    async def close(self) -> None:
        """Finish what was taken, then close."""
        self.closing = True
        self.work.set()
        await asyncio.gather(*self.tasks)

    async def pay(self, move: Move) -> Moved:
        """What became of the payment; raises its Refusal, Unavailable when too many wait, or
        TooManyRequests when too many of this payer do.

        A caller that goes away does not take its payment along."""
        if self.closing or len(self.waiting) >= QUEUE:
            raise Unavailable
        if self.of_payer[move.debit_id] >= PAYER_QUEUE:
            raise TooManyRequests(retry_after_s=1)
        waiting = _Waiting(move, self.loop.create_future())
        self.of_payer[move.debit_id] += 1
        self.waiting.append(waiting)
        self.work.set()
        verdict = await waiting.answer
        if isinstance(verdict, Refusal):
            raise verdict
        return verdict

    def take(self) -> list[_Waiting]:
        """The next group: at most one movement per id, payer, bill and order; the rest stay queued in their order."""
        group: list[_Waiting] = []
        claimed: set[object] = set()
        kept: list[_Waiting] = []
        waiting = self.waiting
        while waiting and len(group) < GROUP:
            item = waiting.popleft()
            claims = {item.move.id, item.move.debit_id, item.move.bill_id, item.move.order_id} - {None}
            if claimed.isdisjoint(claims):
                claimed |= claims
                group.append(item)
                self.of_payer[item.move.debit_id] -= 1
            else:
                kept.append(item)
        waiting.extendleft(reversed(kept))
        if not waiting:
            self.of_payer.clear()
            self.work.clear()
        return group


class _Lane:
    def __init__(self, till: Till) -> None:
        self.till = till
        self.connection: OwnConnection | None = None

    async def run(self) -> None:
        till = self.till
        while True:
            group = till.take()
            if group:
                try:
                    await self.serve(group)
                except Exception as problem:  # a lane that ends would keep everybody waiting for ever
                    log.exception("till lane stumbled", exc_info=problem)
                    for item in group:
                        self.tell(item, OutcomeUnknown())
            elif till.closing:
                break
            else:
                await till.work.wait()
                if till.closing:
                    till.work.set()
        await self.hang_up()

    async def serve(self, group: list[_Waiting]) -> None:
        """Answer a whole group; if anything raises, its items one by one."""
        TILL_GROUP.observe(len(group))
        try:
            verdicts = await self.ask([item.move for item in group])
        except Exception as problem:
            log.warning("till group failed", payments=len(group), error=repr(problem))
            await self.recover(problem)
            if len(group) == 1 and isinstance(problem, _NOT_DONE):
                self.tell(group[0], Unavailable())
                return
            for item in group:
                self.tell(item, await self.serve_alone(item))
            return
        for item, verdict in zip(group, verdicts, strict=True):
            self.tell(item, verdict)

    async def serve_alone(self, item: _Waiting) -> Verdict:
        """One payment by itself. An outcome that was lost on the way is said to be unknown, never guessed."""
        if monotonic() - item.since > PATIENCE_S:
            return OutcomeUnknown()
        try:
            [verdict] = await self.ask([item.move])
        except Exception as problem:
            log.warning("payment failed", payment=str(item.move.id), error=repr(problem))
            await self.recover(problem)
            return Unavailable() if isinstance(problem, _NOT_DONE) else OutcomeUnknown()
        return verdict

    def tell(self, item: _Waiting, verdict: Verdict) -> None:
        if not item.answer.done():
            item.answer.set_result(verdict)

    async def ask(self, moves: Sequence[Move]) -> list[Verdict]:
        if self.connection is None or self.connection.is_closed():
            self.connection = await self.till.database.connect(
                "huong till", plan_cache_mode="force_generic_plan", lock_timeout=LOCK_TIMEOUT
            )
        return await move_all(self.connection, moves)

    async def recover(self, problem: Exception) -> None:
        """A connection that broke is replaced at the next question."""
        if isinstance(problem, LOST):
            await self.hang_up()

    async def hang_up(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                await connection.close(timeout=2)
            except (asyncpg.PostgresError, *LOST):
                connection.terminate()
