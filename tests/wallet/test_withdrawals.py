"""Withdrawals: held at once, sent to the bank, and one end each, whatever happens on the way."""

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.identity import step_up
from notifications.messages import messages_of
from tests.conftest import City, StandIns
from tests.makers import Resident, a_policy, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet import banking
from tests.wallet.banking import asked, broken_laws, fate, money, payouts, told, withdraw
from tests.wallet.conftest import Passing
from wallet.events import WithdrawalFailed, WithdrawalPaid
from wallet.gateways import payout_errands
from wallet.gateways.partner_bank import Done, Refused

pytestmark = pytest.mark.usefixtures("stand_ins")


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def someone(city: City, balance: int = 200_000) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db, balance=balance)


async def test_money_goes_to_my_bank_and_i_am_told(city: City) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    made = await withdraw(city, me, asked(), withdrawal_id)
    assert made.status_code == 201, made.text
    assert made.json() == {
        "id": str(withdrawal_id),
        "status": "pending",
        "amount": 50_000,
        "bank_bin": "970436",
        "bank_name": "Vietcombank",
        "account_number": "***7890",
        "account_name": "LE THI NGU BINH",
        "reason": None,
        "made_at": made.json()["made_at"],
        "resolved_at": None,
    }
    assert await money(city, me.id) == (200_000, 50_000), "held at once"
    await city.worker.drain()
    assert await fate(city, me, withdrawal_id) == "paid"
    assert await money(city, me.id) == (150_000, 0)
    again = await withdraw(city, me, asked(), withdrawal_id)
    assert (again.status_code, again.json()["status"]) == (200, "paid")
    async with city.database.acquire() as db:
        [news] = await told(db, "WithdrawalPaid")
    assert (news["payer_id"], news["amount"], news["account"]) == (str(me.id), 50_000, "7890")
    assert await broken_laws(city) == []


async def test_a_withdrawal_need_not_say_that_it_is_one(city: City) -> None:
    """Its address does; `kind` tells payments apart where a strong proof is asked for. Another kind is none."""
    me, withdrawal_id = await someone(city), uuid4()
    silent = {name: value for name, value in asked().items() if name != "kind"}
    made = await withdraw(city, me, silent, withdrawal_id)
    assert (made.status_code, made.json()["amount"]) == (201, 50_000), made.text
    said = await withdraw(city, me, asked(), withdrawal_id)
    assert (said.status_code, said.json()) == (200, made.json()), "said or not, it is the same"
    assert refused(await withdraw(city, me, {**silent, "kind": "top_up"})) == (400, "Malformed")
    assert await money(city, me.id) == (200_000, 50_000)


async def test_what_the_bank_refuses_is_back_in_the_wallet_with_the_reason(city: City) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(banking.REFUSED), withdrawal_id)
    await city.worker.drain()
    shown = (await city.client.get(f"/v1/wallet/withdrawals/{withdrawal_id}", headers=me.headers)).json()
    assert (shown["status"], shown["reason"]) == ("failed", "account_unknown")
    assert await money(city, me.id) == (200_000, 0)
    async with city.database.acquire() as db:
        [news] = await told(db, "WithdrawalFailed")
    assert news["reason"] == "account_unknown"
    assert await broken_laws(city) == []


@pytest.mark.parametrize(
    ("account_number", "end"),
    [
        (banking.SILENT_PAYS, "paid"),
        (banking.SILENT_REFUSES, "failed"),
        (banking.PROCESSING, "paid"),
        (banking.LOST, "paid"),
    ],
)
async def test_silence_is_asked_about_and_never_guessed(
    city: City, passing: Passing, account_number: str, end: str
) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(account_number), withdrawal_id)
    await city.worker.drain()
    [payout] = await payouts(city)
    assert (payout.status, payout.hold) == ("unknown", "pending"), "nobody knows yet"
    assert await money(city, me.id) == (200_000, 50_000)
    for _ in range(8):
        await passing(city, 61)
        await city.worker.keep_schedule()
    [payout] = await payouts(city)
    assert (payout.status, payout.hold) == (("paid", "captured") if end == "paid" else ("refused", "voided"))
    assert payout.attempts == (2 if account_number == banking.LOST else 1), "sent again only if it never arrived"
    assert await money(city, me.id) == ((150_000, 0) if end == "paid" else (200_000, 0))
    assert await broken_laws(city) == []


async def test_a_transfer_that_the_bank_does_not_know_waits_two_minutes_before_it_is_sent_again(
    city: City, passing: Passing
) -> None:
    me = await someone(city)
    await withdraw(city, me, asked(banking.LOST))
    await city.worker.drain()
    await passing(city, 60)
    await city.worker.keep_schedule()
    [payout] = await payouts(city)
    assert (payout.status, payout.attempts) == ("unknown", 1), "a request may still be on its way to the bank"
    await passing(city, 70)
    await city.worker.keep_schedule()
    [payout] = await payouts(city)
    assert (payout.status, payout.attempts) == ("paid", 2)


async def test_the_same_request_twenty_times_at_once_is_one_withdrawal(city: City) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    answers = await asyncio.gather(*(withdraw(city, me, asked(), withdrawal_id) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert await money(city, me.id) == (200_000, 50_000)
    await city.worker.drain()
    assert len(await payouts(city)) == 1
    assert await money(city, me.id) == (150_000, 0)


async def test_twenty_withdrawals_at_once_never_take_more_than_there_is(city: City) -> None:
    me = await someone(city)
    answers = await asyncio.gather(*(withdraw(city, me, asked()) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [409] * 16
    await city.worker.drain()
    assert await money(city, me.id) == (0, 0)
    assert [payout.status for payout in await payouts(city)] == ["paid"] * 4, "a refused one leaves no trace"
    assert await broken_laws(city) == []


@pytest.mark.parametrize(
    "other", [{"amount": 50_001}, {"account_number": "1014567891"}, {"bank_bin": "970418"}, {"account_name": "LE"}]
)
async def test_other_content_under_the_same_id_is_refused(city: City, other: dict[str, object]) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(), withdrawal_id)
    assert refused(await withdraw(city, me, {**asked(), **other}, withdrawal_id)) == (409, "PaymentIdTaken")
    stranger = await someone(city)
    assert refused(await withdraw(city, stranger, asked(), withdrawal_id)) == (409, "PaymentIdTaken")
    assert await money(city, stranger.id) == (200_000, 0)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"amount": 0}, (400, "Malformed")),
        ({"amount": -1}, (400, "Malformed")),
        ({"amount": 50_000.5}, (400, "Malformed")),
        ({"amount": "50000"}, (400, "Malformed")),
        ({"amount": 2**63}, (400, "Malformed")),
        ({"amount": 9_999}, (400, "WithdrawalOutOfBounds")),
        ({"amount": 500_000_000}, (400, "WithdrawalOutOfBounds")),
        ({"bank_bin": "000000"}, (400, "UnknownBank")),
        ({"bank_bin": "97043"}, (400, "Malformed")),
        ({"account_number": "12 34"}, (400, "Malformed")),
        ({"account_number": "1234\n"}, (400, "Malformed")),
        ({"account_name": "<b>"}, (400, "Malformed")),
        ({"account_name": "123"}, (400, "Malformed")),
        ({"payer_id": "me"}, (400, "Malformed")),
        ({"amount": 200_001}, (409, "InsufficientFunds")),
    ],
)
async def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    city: City, body: dict[str, object], problem: tuple[int, str]
) -> None:
    me = await someone(city)
    assert refused(await withdraw(city, me, {**asked(), **body})) == problem
    assert await payouts(city) == []
    assert await money(city, me.id) == (200_000, 0)


async def test_money_goes_to_an_account_in_my_own_name_only(city: City) -> None:
    me = await someone(city)
    async with city.database.transaction() as db:
        await a_policy(db, "withdrawal.own_name_only", 1)
    another = await withdraw(city, me, asked(account_name="Nguyễn Văn A"))
    assert refused(another) == (403, "NameDiffers")
    assert (await withdraw(city, me, asked(account_name="Lê Thị Ngự Bình"))).status_code == 201
    assert (await withdraw(city, me, asked(account_name="le thi  ngu binh"))).status_code == 201


async def test_a_locked_wallet_and_a_mere_number_pay_nothing_out(city: City) -> None:
    async with city.database.transaction() as db:
        locked = await a_resident(db, balance=200_000, unlocked=False)
        number = await a_resident(db, balance=200_000, level=1)
    assert refused(await withdraw(city, locked, asked())) == (403, "WalletLocked")
    assert refused(await withdraw(city, number, asked())) == (403, "LevelTooLow")
    assert await payouts(city) == []


async def test_a_large_one_asks_for_a_strong_proof_that_is_bound_to_it(city: City) -> None:
    me, withdrawal_id = await someone(city, 60_000_000), uuid4()
    body = asked(amount=15_000_000)
    assert refused(await withdraw(city, me, body, withdrawal_id)) == (403, "StrongStepUpRequired")
    for_this = {"payment_id": str(withdrawal_id), "payment": body}
    asked_for = await city.client.post("/v1/wallet/step-ups", headers=me.headers, json=for_this)
    assert asked_for.status_code == 201, asked_for.text
    proof = asked_for.json()["step_up_id"]
    async with city.database.transaction() as db:
        await db.execute(step_up.sql.prove_step_up, proof, "passkey")
    dearer = asked(amount=15_000_001)
    assert refused(await withdraw(city, me, dearer, withdrawal_id, **{"step-up": proof})) == (
        403,
        "StrongStepUpRequired",
    )
    assert (await withdraw(city, me, body, withdrawal_id, **{"step-up": proof})).status_code == 201
    assert refused(await withdraw(city, me, body, **{"step-up": proof})) == (403, "StrongStepUpRequired")


async def test_my_withdrawals_are_mine(city: City) -> None:
    me, stranger = await someone(city), await someone(city)
    ids = [uuid4() for _ in range(3)]
    for withdrawal_id in ids:
        await withdraw(city, me, asked(), withdrawal_id)
    theirs = await city.client.get(f"/v1/wallet/withdrawals/{ids[0]}", headers=stranger.headers)
    assert refused(theirs) == (404, "WithdrawalNotYetKnown")
    first = (await city.client.get("/v1/wallet/withdrawals?limit=2", headers=me.headers)).json()
    second = (
        await city.client.get(f"/v1/wallet/withdrawals?limit=2&cursor={first['next']}", headers=me.headers)
    ).json()
    assert [line["id"] for line in first["items"] + second["items"]] == [str(one) for one in reversed(ids)]
    assert second["next"] is None
    assert (await city.client.get("/v1/wallet/withdrawals", headers=stranger.headers)).json()["items"] == []


async def test_the_banks_are_listed_in_both_languages(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    vi = (await desk.get("/v1/wallet/banks", headers=me.headers)).json()["items"]
    en = (await desk.get("/v1/wallet/banks", headers={**me.headers, "accept-language": "en"})).json()["items"]
    assert len(vi) >= 35
    assert len({bank["bin"] for bank in vi}) == len({bank["code"] for bank in vi}) == len(vi)
    [vietcombank] = [bank for bank in vi if bank["bin"] == "970436"]
    assert vietcombank["name"] == "Ngân hàng TMCP Ngoại thương Việt Nam"
    assert [bank["bin"] for bank in vi] == [bank["bin"] for bank in en]


# Killed on the way


class Killed(BaseException):
    """kill -9: nothing after it is run."""


ENDS = [
    (banking.PAYS, True),
    (banking.REFUSED, False),
    (banking.SILENT_PAYS, True),
    (banking.SILENT_REFUSES, False),
    (banking.PROCESSING, True),
    (banking.LOST, True),
]


@pytest.mark.parametrize(("account_number", "paid"), ENDS)
@pytest.mark.parametrize("step", ["after the claim", "after the bank", "before the money", "after the money"])
async def test_a_worker_that_is_killed_at_any_step_leaves_one_end(
    city: City, passing: Passing, monkeypatch: pytest.MonkeyPatch, step: str, account_number: str, paid: bool
) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(account_number), withdrawal_id)

    with monkeypatch.context() as patched:
        _kill(patched, step)
        await _drain_until_killed(city)
    if account_number == banking.PAYS:
        [payout] = await payouts(city)
        assert payout.status == ("paid" if step == "after the money" else "sending")
    ended = 0
    for _ in range(8):
        await passing(city, 61)
        await city.worker.drain()
        await city.worker.keep_schedule()
        ended += (await payouts(city))[0].status in {"paid", "refused"}
        if ended == 2:  # and nothing comes after the end
            break
    [payout] = await payouts(city)
    assert (payout.status, payout.hold) == (("paid", "captured") if paid else ("refused", "voided"))
    assert await money(city, me.id) == ((150_000, 0) if paid else (200_000, 0))
    async with city.database.acquire() as db:
        assert len(await told(db, "WithdrawalPaid") + await told(db, "WithdrawalFailed")) == 1, "told once"
    assert await broken_laws(city) == []


async def _drain_until_killed(city: City) -> None:
    """Some steps are never reached: where the bank says nothing, there is nothing to resolve."""
    with contextlib.suppress(Killed):
        await city.worker.drain()


def _kill(patched: pytest.MonkeyPatch, step: str) -> None:
    """The worker dies at this step."""

    async def die(*_: object) -> None:
        raise Killed

    bank, holds, errands = payout_errands.partner_bank, payout_errands.holds, payout_errands
    if step == "after the claim":
        patched.setattr(bank, "transfer", die)
    elif step == "after the bank":
        patched.setattr(errands, "resolve", die)
    elif step == "before the money":
        patched.setattr(holds, "capture", die)
        patched.setattr(holds, "void", die)
    else:
        conclude = errands._conclude  # pyright: ignore[reportPrivateUsage]

        async def conclude_and_die(*args: object) -> None:
            await conclude(*args)  # pyright: ignore[reportArgumentType]
            raise Killed

        patched.setattr(errands, "_conclude", conclude_and_die)


async def test_a_job_that_was_lost_is_found_by_the_clock(city: City, passing: Passing) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(), withdrawal_id)
    async with city.database.transaction() as db:
        await db.execute(sql.forget_the_day)
    await city.worker.keep_schedule()
    assert await fate(city, me, withdrawal_id) == "pending", "its job may still come"
    await passing(city, 31)
    await city.worker.keep_schedule()
    assert await fate(city, me, withdrawal_id) == "paid"


async def test_two_who_know_the_end_at_once_bring_one_about(city: City) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(), withdrawal_id)

    async def end(outcome: Done | Refused) -> None:
        async with city.database.transaction() as db:
            await payout_errands.resolve(db, withdrawal_id, outcome)

    await asyncio.gather(*(end(Done("1")) for _ in range(5)), *(end(Refused("other")) for _ in range(5)))
    [payout] = await payouts(city)
    assert (payout.status, payout.hold) in {("paid", "captured"), ("refused", "voided")}
    async with city.database.acquire() as db:
        assert len(await told(db, "WithdrawalPaid") + await told(db, "WithdrawalFailed")) == 1
    assert await broken_laws(city) == []


async def test_two_workers_at_once_send_it_once(city: City, stand_ins: StandIns) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(), withdrawal_id)
    await asyncio.gather(*(payout_errands.send(city.database, withdrawal_id) for _ in range(8)))
    [payout] = await payouts(city)
    assert (payout.status, payout.attempts) == ("paid", 1)


async def test_a_bank_that_is_down_is_left_in_peace_and_the_money_waits(
    city: City, passing: Passing, stand_ins: StandIns
) -> None:
    me = await someone(city, 400_000)
    await stand_ins.behave("bank", "down", at="transfer", times=5)
    for _ in range(7):
        await withdraw(city, me, asked())
    await city.worker.drain()
    statuses = sorted(payout.status for payout in await payouts(city))
    assert set(statuses) <= {"ready", "unknown", "paid"}
    assert await money(city, me.id) == (
        400_000 - 50_000 * statuses.count("paid"),
        350_000 - 50_000 * statuses.count("paid"),
    )
    await stand_ins.behave("bank", "down", at="transfer", times=0)
    payout_errands.breaker.forget()
    for _ in range(6):
        await passing(city, 61)
        await city.worker.keep_schedule()
    assert [payout.status for payout in await payouts(city)] == ["paid"] * 7
    assert await money(city, me.id) == (50_000, 0)


async def test_what_the_bank_never_tells_two_of_finance_find_out(
    city: City, passing: Passing, stand_ins: StandIns
) -> None:
    me, withdrawal_id = await someone(city), uuid4()
    await withdraw(city, me, asked(banking.SILENT_REFUSES), withdrawal_id)
    await city.worker.drain()
    async with city.database.transaction() as db:
        one = await a_staff_member(db, role="finance")
    path, found = (
        f"/v1/staff/payouts/{withdrawal_id}",
        {"status": "refused", "note": "Ngân hàng trả lời qua công văn"},
    )
    early = await city.client.put(f"{path}/finding", headers=one.headers, json=found)
    assert refused(early) == (409, "NotStuck")
    await passing(city, 3601)
    async with city.database.transaction() as db:  # who signed in an hour ago is signed in no more
        one, other = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    without = await city.client.put(f"{path}/finding", headers=one.headers, json={**found, "status": "paid"})
    assert refused(without) == (400, "ReferenceNeeded")
    seen = {"status": "refused", "found_at": city_now().isoformat()}
    unknown = await city.client.put(f"{path}/approval", headers=other.headers, json=seen)
    assert refused(unknown) == (404, "NotFound")
    written = await city.client.put(f"{path}/finding", headers=one.headers, json=found)
    assert written.status_code == 200, written.text
    assert await money(city, me.id) == (200_000, 50_000), "one alone decides nothing"
    changed = await city.client.put(f"{path}/approval", headers=other.headers, json=seen)
    assert refused(changed) == (409, "FindingHasChanged")
    seen = {name: written.json()[name] for name in ("status", "found_at")}
    alone = await city.client.put(f"{path}/approval", headers=one.headers, json=seen)
    assert refused(alone) == (403, "FindingNeedsSecondPairOfEyes")
    answers = [await city.client.put(f"{path}/approval", headers=other.headers, json=seen) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await money(city, me.id) == (200_000, 0)
    await city.worker.keep_schedule()
    [payout] = await payouts(city)
    assert (payout.status, payout.hold) == ("refused", "voided")
    again = await city.client.put(f"{path}/finding", headers=one.headers, json=found)
    assert refused(again) == (409, "NotStuck")
    assert await broken_laws(city) == []


def test_the_words_say_where_the_money_is() -> None:
    common: dict[str, Any] = {
        "withdrawal_id": uuid4(),
        "payer_id": uuid4(),
        "amount": 50_000,
        "bank_name": "BIDV",
        "account": "7890",
    }
    for event in (WithdrawalPaid(**common), WithdrawalFailed(**common, reason="account_closed")):
        [words] = messages_of(event)
        assert "50.000" in words.body["vi"]
        assert "***7890" in words.body["en"]
