"""kill -9 for a worker as a process, while a bank and a biller keep it waiting, or while it tells: another one finds
the one end."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tests.conftest import City, StandIns
from tests.dossiers import makers as dossiers
from tests.dossiers.makers import an_office, the_procedures
from tests.dossiers.test_races import submitted
from tests.makers import a_resident
from tests.wallet import banking, billing
from wallet.sandbox import bank, biller

PAST_THE_LEASES_S = 70
PAST_ANY_REQUEST_ON_ITS_WAY_S = 130
"""Then a bank that has not heard of a transfer is sent it again: this one is at it still."""


@asynccontextmanager
async def a_worker(city: City, *, later_s: int = 0, **settings: str) -> AsyncGenerator[Process]:
    """`litestar worker` on the city's database, so many seconds later; killed at the end, if it still lives."""
    environment = {
        **os.environ,
        "LITESTAR_APP": "app.main:create_app",
        "DATABASE_URL": city.settings.database_url or "",
        "REDIS_URL": "",
        "HUONG_CLOCK_OFFSET_S": str(later_s),
        **settings,
    }
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "litestar", "worker", env=environment)
    try:
        yield worker
    finally:
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()


async def until(come: Callable[[], Awaitable[bool]], within_s: float) -> None:
    """Look again and again, as quickly as a process dies."""
    async with asyncio.timeout(within_s):
        while not await come():  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.02)


async def states(city: City) -> tuple[list[str], list[str]]:
    """Of what the bank was asked, and of what the biller was."""
    return [one.status for one in await banking.payouts(city)], [call.state for call in await billing.calls(city)]


@dataclass
class Answers:
    """What the slow account and the slow customer wait for, instead of ten seconds; and how many did or do."""

    come: Event = field(default_factory=Event)
    awaited: int = 0

    async def wait(self, _: float) -> None:
        self.awaited += 1
        while not self.come.is_set():  # noqa: ASYNC110 - the parties have a loop of their own
            await asyncio.sleep(0.02)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Of both parties."""
    held = Answers()
    for party in (bank, biller):
        monkeypatch.setattr(party, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": held.wait}))
    yield held
    held.come.set()


@pytest.mark.parametrize("later_s", [PAST_THE_LEASES_S, PAST_ANY_REQUEST_ON_ITS_WAY_S])
async def test_c29_a_worker_that_is_killed_while_it_is_waited_for_pays_once(
    city: City, stand_ins: StandIns, answers: Answers, later_s: int
) -> None:
    """The answers come to nobody; or only when another worker has asked for the same again."""
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        company = await billing.a_water_company(db, stand_ins)
        bill_id = await billing.a_known_bill(db, company, "HW000906", 70_000)
    before = await banking.paid_there(stand_ins, banking.SLOW)
    withdrawal_id, payment_id = uuid4(), uuid4()
    assert (await banking.withdraw(city, me, banking.asked(banking.SLOW), withdrawal_id)).status_code == 201
    assert (await billing.pay(city, me, bill_id, payment_id)).status_code == 201

    async def both_are_asked() -> bool:
        return answers.awaited == 2 and await states(city) == (["sending"], ["calling"])

    async def both_took_it() -> bool:
        there = await banking.paid_there(stand_ins, banking.SLOW), await billing.paid_there(stand_ins, company)
        return there == ([*before, 50_000], [str(payment_id)])

    async def the_bank_is_told_again() -> bool:
        [payout] = await banking.payouts(city)
        return (answers.awaited, payout.status, payout.attempts) == (3, "sending", 2)

    async def both_have_ended() -> bool:
        return await states(city) == (["paid"], ["paid"])

    async with a_worker(city) as first:
        await until(both_are_asked, 45)
        first.send_signal(signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
    assert await states(city) == (["sending"], ["calling"]), "nobody was there to hear the answers"
    assert await banking.money(city, me.id) == (500_000, 120_000)
    if later_s == PAST_THE_LEASES_S:
        answers.come.set()
        await until(both_took_it, 15)

    async with a_worker(city, later_s=later_s):
        if later_s == PAST_ANY_REQUEST_ON_ITS_WAY_S:
            await until(the_bank_is_told_again, 45)
            answers.come.set()
        await until(both_have_ended, 45)
    [payout], [call] = await banking.payouts(city), await billing.calls(city)
    assert payout.attempts == (1 if later_s == PAST_THE_LEASES_S else 2)
    assert (payout.hold, call.hold, call.bill) == ("captured", "captured", "paid")
    assert await banking.fate(city, me, withdrawal_id) == await billing.fate(city, me, payment_id) == "paid"
    assert await banking.money(city, me.id) == (380_000, 0)
    assert await both_took_it(), "once"
    async with city.database.acquire() as db:
        assert len(await banking.told(db, "WithdrawalPaid")) == len(await banking.told(db, "BillPaid")) == 1
    assert await banking.broken_laws(city) == []


async def test_a_worker_that_is_killed_while_it_tells_of_dossiers_loses_no_message(
    city: City, stand_ins: StandIns
) -> None:
    """The steps are committed, and nobody has told of them yet; or of some."""
    async with city.database.transaction() as db:
        await the_procedures(db)
        person, office = await a_resident(db), await an_office(db, city.client)
    for _ in range(40):
        await office.to_appraisal((await submitted(city, person))["id"])

    async def told() -> tuple[int, int]:
        async with city.database.acquire() as db:
            row = await db.fetchrow(dossiers.sql.messages_about_dossiers, person.id)
        assert row is not None
        return row["messages"], row["pieces"]

    async def it_has_begun() -> bool:
        async with city.database.acquire() as db:
            return await db.fetchval(dossiers.sql.is_telling)

    async def all_are_told() -> bool:
        return (await told())[0] >= 120

    async with a_worker(city) as first:
        await until(it_has_begun, 45)
        first.send_signal(signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
    async with a_worker(city, later_s=PAST_THE_LEASES_S):
        await until(all_are_told, 45)
    async with city.database.acquire() as db:
        assert await db.fetchval(dossiers.sql.news_for, person.id) == 120
    assert await told() == (120, 120), "each piece of news once"
