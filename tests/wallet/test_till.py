"""The till under races, hang-ups, lost connections and kill -9: nothing lost, nothing doubled, nothing deadlocked."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import structlog
import structlog.testing

from app.config import Settings
from app.db import Database
from app.errors import OutcomeUnknown, Refusal
from app.types import new_id
from tests.conftest import City, Servers, cloned, settings_for
from tests.makers import Resident, a_bill, a_biller, a_policy, a_resident, a_shop
from tests.statements import sql
from wallet import ledger
from wallet.ledger import Move
from wallet.till import Till


@asynccontextmanager
async def tills(city: City, count: int = 2, lanes: int = 2) -> AsyncGenerator[list[Till]]:
    """Several processes' tills on one database."""
    opened = [Till(Database(city.database.url, 2), lanes) for _ in range(count)]
    for till in opened:
        till.start()
    try:
        yield opened
    finally:
        for till in opened:
            await till.close()


def to_person(payer: Resident, payee: Resident, amount: int, payment_id: UUID | None = None) -> Move:
    return Move(
        payment_id or new_id(), "person", payer.id, amount=amount, session_id=payer.session_id, phone=payee.phone
    )


async def outcome(till: Till, move: Move) -> str:
    try:
        return "replayed" if (await till.pay(move)).replayed else "applied"
    except Refusal as refusal:
        return type(refusal).__name__


async def assert_sound(city: City) -> None:
    async with city.database.transaction() as db:
        assert [law for law in await ledger.check(db) if law.broken] == []
        assert await db.fetchval(sql.deadlocks) == 0


async def balance(city: City, account_id: UUID) -> int:
    async with city.database.acquire() as db:
        return await db.fetchval(sql.balance, account_id)


async def test_c21_forty_identical_payments_at_once_are_one(city: City) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=1_000_000), await a_resident(db)
    payment_id = uuid4()
    async with tills(city) as (one, other):
        outcomes = Counter(
            await asyncio.gather(
                *[outcome((one, other)[n % 2], to_person(payer, payee, 30_000, payment_id)) for n in range(40)]
            )
        )
    assert outcomes == {"applied": 1, "replayed": 39}
    assert await balance(city, payee.id) == 30_000
    await assert_sound(city)


async def test_c21_forty_identical_requests_at_once_get_the_same_answer(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    body = {"kind": "merchant", "qr": shop.qr, "amount": 30_000}
    path = f"/v1/wallet/payments/{uuid4()}"
    answers = await asyncio.gather(*[city.client.put(path, headers=payer.headers, json=body) for _ in range(40)])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 39}
    assert len({answer.content for answer in answers}) == 1


async def test_c23_forty_payments_of_twenty_million_from_a_hundred_are_five(city: City) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=100_000_000), await a_resident(db)
        await a_policy(db, "step_up.person_strong_above", 20_000_000)
        await a_policy(db, "step_up.person_day_strong_above", 100_000_000)
    async with tills(city) as both:
        outcomes = Counter(
            await asyncio.gather(*[outcome(both[n % 2], to_person(payer, payee, 20_000_000)) for n in range(40)])
        )
    assert outcomes == {"applied": 5, "InsufficientFunds": 35}
    assert (await balance(city, payer.id), await balance(city, payee.id)) == (0, 100_000_000)
    await assert_sound(city)


async def test_one_bill_and_one_order_are_paid_by_one_of_many(city: City) -> None:
    async with city.database.transaction() as db:
        payers = [await a_resident(db, balance=1_000_000, with_pin=False) for _ in range(20)]
        await a_biller(db)
        bill_id = await a_bill(db, amount=412_500)
    async with tills(city) as both:
        outcomes = Counter(
            await asyncio.gather(
                *[
                    outcome(
                        both[n % 2], Move(new_id(), "bill", payer.id, session_id=payer.session_id, bill_id=bill_id)
                    )
                    for n, payer in enumerate(payers)
                ]
            )
        )
    assert outcomes == {"applied": 1, "BillNotDue": 19}
    await assert_sound(city)


async def test_people_paying_each_other_both_ways_never_deadlock(city: City) -> None:
    async with city.database.transaction() as db:
        people = [await a_resident(db, balance=50_000, with_pin=False) for _ in range(6)]
    rolls = random.Random(7)
    pairs = [rolls.sample(people, 2) for _ in range(600)]
    moves = [to_person(payer, payee, rolls.choice((1_000, 20_000, 49_000))) for payer, payee in pairs]
    with structlog.testing.capture_logs() as logs:
        async with tills(city, count=3) as three:
            outcomes = Counter(await asyncio.gather(*[outcome(three[n % 3], move) for n, move in enumerate(moves)]))
            again = Counter(await asyncio.gather(*[outcome(three[n % 2], move) for n, move in enumerate(moves)]))
    assert [line for line in logs if line["event"] == "till group failed"] == []
    assert set(outcomes) == {"applied", "InsufficientFunds"}
    assert again["replayed"] >= outcomes["applied"]
    balances = [await balance(city, person.id) for person in people]
    assert sum(balances) == 300_000
    assert min(balances) >= 0
    await assert_sound(city)


async def test_one_id_from_two_payers_at_once_is_one_payment(city: City) -> None:
    async with city.database.transaction() as db:
        payers = [await a_resident(db, balance=50_000, with_pin=False) for _ in range(10)]
        payee = await a_resident(db)
    payment_id = uuid4()
    async with tills(city) as both:
        outcomes = Counter(
            await asyncio.gather(
                *[outcome(both[n % 2], to_person(payer, payee, 1_000, payment_id)) for n, payer in enumerate(payers)]
            )
        )
    assert outcomes == {"applied": 1, "PaymentIdTaken": 9}
    await assert_sound(city)


async def test_a_poisoned_payment_does_not_harm_its_group(city: City) -> None:
    async with city.database.transaction() as db:
        payers = [await a_resident(db, balance=50_000, with_pin=False) for _ in range(5)]
        payee = await a_resident(db)
    poison = to_person(payers[0], payee, 1_000)._replace(memo="a NUL cannot be kept: \0")
    async with tills(city, count=1, lanes=1) as (till,):
        outcomes = await asyncio.gather(
            outcome(till, poison), *[outcome(till, to_person(payer, payee, 1_000)) for payer in payers[1:]]
        )
    assert outcomes[1:] == ["applied"] * 4
    assert outcomes[0] == "OutcomeUnknown"
    await assert_sound(city)


async def test_a_payer_who_hangs_up_still_pays(city: City) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=50_000), await a_resident(db)
    move = to_person(payer, payee, 1_000)
    async with tills(city, count=1) as (till,):
        asking = asyncio.create_task(till.pay(move))
        await asyncio.sleep(0)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        assert await outcome(till, move) in {"applied", "replayed"}
    assert await balance(city, payee.id) == 1_000


async def test_a_lane_whose_connection_is_cut_asks_again(city: City) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=50_000), await a_resident(db)
    async with tills(city, count=1, lanes=1) as (till,):
        assert await outcome(till, to_person(payer, payee, 1_000)) == "applied"
        await cut(city, "huong till")
        move = to_person(payer, payee, 1_000)
        first = await outcome(till, move)
        assert first in {"applied", "OutcomeUnknown"}
        assert await outcome(till, move) in {"applied", "replayed"}
    assert await balance(city, payee.id) == 2_000
    await assert_sound(city)


async def cut(city: City, application: str) -> None:
    """End other connections of that name, as a failover does."""
    connection = await asyncpg.connect(city.settings.database_owner_url.replace("huong_owner@", "postgres@"))  # pyright: ignore[reportOptionalMemberAccess]
    try:
        await connection.fetch(sql.cut, application)
    finally:
        await connection.close()


async def test_a_till_without_a_database_says_that_it_does_not_know() -> None:
    till = Till(Database("postgresql://nobody@127.0.0.1:1/nowhere", 1), 1)
    till.start()
    with pytest.raises(OutcomeUnknown) as refused:
        await till.pay(Move(new_id(), "person", new_id(), amount=1, phone="+84905123456"))
    assert refused.value.status == 503
    assert refused.value.retry_after_s
    await till.close()


async def test_closing_answers_everyone_first(city: City) -> None:
    async with city.database.transaction() as db:
        payers = [await a_resident(db, balance=50_000, with_pin=False) for _ in range(20)]
        payee = await a_resident(db)
    async with tills(city, count=1) as (till,):
        asked = [asyncio.create_task(outcome(till, to_person(payer, payee, 1_000))) for payer in payers]
        await asyncio.sleep(0)
    assert Counter(await asyncio.gather(*asked)) == {"applied": 20}


def start_server(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    """The API as production starts it, on a real socket."""
    environment = {
        **os.environ,
        "LITESTAR_APP": "app.main:create_app",
        "DATABASE_URL": settings.database_url or "",
        "PORT": str(port),
    }
    return subprocess.Popen([sys.executable, "-m", "litestar", "serve"], env=environment)


async def ready(port: int) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(400):
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the server did not become ready")


async def test_killed_under_load_each_acknowledged_payment_is_there_exactly_once(
    template: Servers, unused_tcp_port: int
) -> None:
    """kill -9 in the middle; the phones send the same ids again after the restart."""
    async with cloned(template) as name:
        settings = settings_for(template, name)
        database = Database(settings.database_url or "", 4)
        async with database.transaction() as db:
            payers = [await a_resident(db, balance=100_000_000, with_pin=False) for _ in range(16)]
            shop = await a_shop(db)
        base = f"http://127.0.0.1:{unused_tcp_port}/v1/wallet/payments/"
        sent: dict[UUID, Resident] = {}
        acknowledged: dict[UUID, bytes] = {}
        body = {"kind": "merchant", "qr": shop.qr, "amount": 1_000}

        async def phone(payer: Resident, client: httpx.AsyncClient) -> None:
            with contextlib.suppress(httpx.TransportError):
                while True:
                    payment_id = uuid4()
                    sent[payment_id] = payer
                    answer = await client.put(f"{base}{payment_id}", headers=payer.headers, json=body)
                    assert answer.status_code == 201
                    acknowledged[payment_id] = answer.content

        server = start_server(settings, unused_tcp_port)
        try:
            await ready(unused_tcp_port)
            async with httpx.AsyncClient(timeout=10) as client:
                phones = [asyncio.create_task(phone(payer, client)) for payer in payers]
                while len(acknowledged) < 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                server.send_signal(signal.SIGKILL)
                await asyncio.gather(*phones)
            server.wait()

            server = start_server(settings, unused_tcp_port)
            await ready(unused_tcp_port)
            async with httpx.AsyncClient(timeout=10) as client:
                for payment_id, payer in sent.items():
                    answer = await client.put(f"{base}{payment_id}", headers=payer.headers, json=body)
                    if payment_id in acknowledged:
                        assert (answer.status_code, answer.content) == (200, acknowledged[payment_id])
                    else:
                        assert answer.status_code in {200, 201}
        finally:
            server.kill()
            server.wait()
        async with database.transaction() as db:
            assert {row["id"] for row in await db.fetch(sql.paid_payments)} == set(sent)
            assert await db.fetchval(sql.balance, shop.id) == 1_000 * len(sent)
            assert [law for law in await ledger.check(db) if law.broken] == []
        await database.close()
        assert len(sent) > len(acknowledged) >= 200, "some were in the air when it was killed"


async def test_a_row_that_somebody_holds_keeps_only_its_own_payer_waiting(city: City) -> None:
    async with city.database.transaction() as db:
        patient, other = await a_resident(db, balance=1_000_000), await a_resident(db, balance=50_000)
        await a_biller(db)
        bill_id = await a_bill(db)
    of_bill = Move(new_id(), "bill", patient.id, session_id=patient.session_id, bill_id=bill_id)
    async with tills(city, count=1, lanes=1) as (till,), city.database.transaction() as holder:
        await holder.execute(sql.hold_bill, bill_id)
        waiting = asyncio.create_task(outcome(till, of_bill))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(2):
            assert await outcome(till, to_person(other, patient, 1_000)) == "applied"
        assert await waiting == "Unavailable"


async def test_one_payer_does_not_fill_the_till(city: City) -> None:
    async with city.database.transaction() as db:
        greedy, other = await a_resident(db, balance=1_000_000), await a_resident(db, balance=50_000)
    async with tills(city, count=1, lanes=1) as (till,):
        flood = [asyncio.create_task(outcome(till, to_person(greedy, other, 1))) for _ in range(200)]
        await asyncio.sleep(0)
        assert await outcome(till, to_person(other, greedy, 1)) == "applied"
        outcomes = Counter(await asyncio.gather(*flood))
    assert set(outcomes) == {"applied", "TooManyRequests"}
    assert outcomes["applied"] >= 64


async def test_a_lane_that_stumbles_goes_on(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=50_000), await a_resident(db)

    def trip(*_: object) -> None:
        raise RuntimeError("stumbled")

    async with tills(city, count=1, lanes=1) as (till,):
        with monkeypatch.context() as broken:
            broken.setattr("wallet.till.TILL_GROUP.observe", trip)
            assert await outcome(till, to_person(payer, payee, 1_000)) == "OutcomeUnknown"
        assert await outcome(till, to_person(payer, payee, 1_000)) == "applied"
