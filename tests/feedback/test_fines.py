"""Fines: a notice, a decision, a bill like any other; and a charge for late days, whoever pays at that moment."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from app.clock import city_today
from app.db import Connection
from feedback import fine_personal, fines
from feedback.fines import late_charge, late_days, number_key, plate_key
from feedback.models import LookUpFine
from tests.conftest import City
from tests.feedback.fining import (
    AGENCY,
    BILLER,
    DECISION,
    NOTICE,
    PAIR,
    Case,
    a_case,
    a_decided_case,
    fine_of,
    fined,
    fines_of,
    late_by,
    look_up,
    refused,
    the_treasury,
)
from tests.makers import Resident, a_policy, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet import billing
from tests.wallet.banking import broken_laws, told
from tests.wallet.telling import balance, check_suspense, notices, of_sepay, sepay

SECRETS = ("75A", "12345", "123.45", "Lê Văn", "Vi Phạm", "XPHC", "1000000")


async def a_payer(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db, balance=5_000_000)


async def events(city: City, kind: str) -> list[dict[str, Any]]:
    async with city.database.acquire() as db:
        return await told(db, kind)


async def steps_of(city: City, case: Case) -> list[tuple[str, str, str | None, bool, bool]]:
    async with city.database.acquire() as db:
        rows = await db.fetch(sql.fine_steps, case.report_id)
    return [(row["kind"], row["actor_kind"], row["said"], row["is_public"], row["for_reporter"]) for row in rows]


async def bills_of(city: City, case: Case) -> list[tuple[str, int, str]]:
    """The bills that a case's fine has had: what is behind its code, the amount, how it stands."""
    code = (await fine_of(city, case)).code
    async with city.database.acquire() as db:
        rows = await db.fetch(sql.bills_of_code, code)
    return [(row["reference"].removeprefix(code), row["amount"], row["status"]) for row in rows]


async def transfer_code(city: City, reference: str | None) -> str:
    """What a stranger finds on the bill's page to write into a bank transfer."""
    shown = await city.client.get(f"/v1/public/bills/{BILLER}/{reference}")
    assert shown.status_code == 200, shown.text
    return shown.json()["transfer"]["code"]


# The whole story


async def test_a_violation_is_noticed_decided_found_and_paid_and_everybody_hears_what_is_theirs(city: City) -> None:
    async with city.database.transaction() as db:
        await the_treasury(db)
        case = await a_case(db)
    noticed = await fined(city.client, case, NOTICE)
    assert (noticed["status"], noticed["version"], noticed["plate"], noticed["bill_id"]) == (
        "notice",
        2,
        "75A12345",
        None,
    )
    assert refused(await look_up(city.client)) == (404, "NoSuchFine")
    decided = await fined(city.client, case, DECISION, 2)
    due_on = city_today() + timedelta(days=10)
    assert (decided["status"], decided["version"], decided["amount"]) == ("decided", 3, 1_000_000)
    assert (decided["decided_on"], decided["due_on"]) == (city_today().isoformat(), due_on.isoformat())

    found = (await look_up(city.client)).json()
    assert (found["status"], found["amount"], found["late_amount"], found["total"]) == (
        "due",
        1_000_000,
        0,
        1_000_000,
    )
    assert (found["violation"], found["due_on"]) == ("Vượt đèn đỏ", due_on.isoformat())
    assert found["agency_name"] == "Phòng Cảnh sát giao thông"
    assert not {"report_id", "code", "plate", "offender_name"} & found.keys()
    assert str(case.report_id) not in str(found)
    assert case.code not in str(found)
    bill = (await city.client.get(found["public_bill"])).json()
    assert (bill["amount"], bill["customer_name"], bill["reference"]) == (
        1_000_000,
        "L*** V*** V*** Phạm",
        found["reference"],
    )
    assert (await city.client.get(found["page"], headers={"accept": "text/html"})).status_code == 200

    payer = await a_payer(city)
    assert (await city.client.get(found["vietqr"], headers=payer.headers)).status_code == 200
    paid = await billing.pay(city, payer, found["bill_id"])
    assert paid.status_code == 201, paid.text
    await city.worker.drain()

    fine = await fine_of(city, case)
    assert (fine.status, fine.paid_amount, str(fine.payment_id)) == ("paid", 1_000_000, paid.json()["id"])
    assert fine.paid_at is not None
    assert fine.renew_on is None
    async with city.database.acquire() as db:
        assert await balance(city, await db.fetchval(sql.biller_account, BILLER)) == 1_000_000
    after = (await look_up(city.client)).json()
    assert (after["status"], after["total"], after["bill_id"], after["page"]) == ("paid", 0, None, None)
    [news] = await events(city, "BillPaid")
    assert (news["payer_id"], news["period"], news["subject"]) == (
        str(payer.id),
        f"123/QĐ-XPHC, {city_today():%d/%m/%Y}",
        "Tiền phạt",
    )
    [for_officer] = await events(city, "FinePaid")
    assert (for_officer["officer_id"], for_officer["amount"]) == (str(case.officer.id), 1_000_000)
    assert await broken_laws(city) == []


async def test_the_reporter_hears_that_it_was_fined_and_the_public_reads_nothing_of_it(city: City) -> None:
    case = await a_decided_case(city)
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    await city.worker.drain()
    assert await steps_of(city, case) == [
        ("filed", "reporter", None, False, True),
        ("fined", "staff", None, False, True),
        ("fined", "city", "Đã nộp phạt.", False, False),
    ]
    [moved] = await events(city, "ReportMoved")
    assert (moved["step"], moved["words"], moved["reporter_id"]) == ("fined", None, str(case.reporter.id))
    async with city.database.acquire() as db:
        public = await db.fetchval(sql.all_that_is_public, case.report_id)
    for text in (public, str(moved)):
        assert not [secret for secret in SECRETS if secret in text]


async def test_a_bank_transfer_pays_it_without_a_wallet(city: City) -> None:
    case = await a_decided_case(city)
    fine = await fine_of(city, case)
    await sepay(city, of_sepay(1_000_000, f"MBVCB.1.{await transfer_code(city, fine.reference)}.CT"))
    await city.worker.drain()
    paid = await fine_of(city, case)
    assert (paid.status, paid.paid_amount) == ("paid", 1_000_000)
    assert (await look_up(city.client)).json()["status"] == "paid"
    await check_suspense(city)


async def test_told_twice_it_is_paid_once(city: City) -> None:
    case = await a_decided_case(city)
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    await city.worker.drain()
    before = await fine_of(city, case), await steps_of(city, case)
    [paid] = await events(city, "BillPaid")
    async with city.database.transaction() as db:
        again = fines.News(0, "BillPaid", paid, await db.fetchval(sql.server_clock))
        await fines.hear_payments(db, [again, again])
        await fines.hear_payments(db, [again])
    assert (await fine_of(city, case), await steps_of(city, case)) == before
    assert len(await events(city, "FinePaid")) == 1


# The same again, something else, and somebody else


async def test_the_same_again_changes_nothing_and_another_version_is_refused(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    await the_treasury(db)
    case = await a_case(db)
    head = await a_staff_member(db, role="agency_head", agency=AGENCY)
    first = await fined(desk, case, NOTICE)
    assert await fined(desk, case, NOTICE) == first, "its answer was lost"
    assert await fined(desk, case, NOTICE, 2) == first, "there is nothing to do"
    corrected = await fined(desk, case, {**NOTICE, "plate": "75A 123 46"}, 2)
    assert (corrected["version"], corrected["plate"]) == (3, "75A12346")
    stale = await desk.put(case.path, headers=case.officer.headers, json={"version": 2, **DECISION})
    assert refused(stale) == (409, "ReportChanged")
    decided = await fined(desk, case, DECISION, 3)
    assert await fined(desk, case, DECISION, 3) == decided
    others = await desk.put(case.path, headers=head.headers, json={"version": 3, **DECISION})
    assert refused(others) == (409, "ReportChanged")
    changed = await desk.put(case.path, headers=head.headers, json={"version": 4, **DECISION, "amount": 2_000_000})
    assert refused(changed) == (409, "FineDecided")
    assert len(await db.fetch(sql.bills_of_code, decided["reference"])) == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"amount": None}, "DecisionIncomplete"),
        ({"decision_number": None}, "DecisionIncomplete"),
        ({"amount": 49_999}, "FineOutOfRange"),
        ({"amount": 150_000_001}, "FineOutOfRange"),
        ({"decided_on": date(2020, 1, 1)}, "BadFineDates"),
        ({"decided_on": 1}, "BadFineDates"),
        ({"due_on": 9}, "BadFineDates"),
        ({"due_on": 366}, "BadFineDates"),
        ({"plate": "---"}, "Malformed"),
        ({"plate": "ABCDE"}, "Malformed"),
        ({"decision_number": "QĐ"}, "Malformed"),
        ({"violation": " "}, "Malformed"),
    ],
)
async def test_a_decision_that_cannot_be(
    desk: httpx.AsyncClient, db: Connection, change: dict[str, Any], problem: str
) -> None:
    await the_treasury(db)
    case = await a_case(db)
    said: dict[str, Any] = {**DECISION, **change}
    for name in ("decided_on", "due_on"):
        if isinstance(said.get(name), int):
            said[name] = city_today() + timedelta(days=said[name])
    body = {"version": 1, **{name: str(value) if isinstance(value, date) else value for name, value in said.items()}}
    answer = await desk.put(case.path, headers=case.officer.headers, json=body)
    assert refused(answer) == (400, problem)
    assert (await desk.get(case.path, headers=case.officer.headers)).status_code == 404


async def test_a_decision_may_give_more_time(desk: httpx.AsyncClient, db: Connection) -> None:
    await the_treasury(db)
    case = await a_case(db, status="resolved")
    due_on = str(city_today() + timedelta(days=365))
    assert (await fined(desk, case, {**DECISION, "due_on": due_on}))["due_on"] == due_on


async def test_only_where_there_is_evidence_and_while_somebody_deals_with_it(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    await the_treasury(db)
    for category, status, wanted in (
        ("pothole", "assigned", (409, "NothingToFine")),
        ("parking", "closed", (409, "StepOutOfTurn")),
    ):
        case = await a_case(db, category=category, status=status)
        answer = await desk.put(case.path, headers=case.officer.headers, json={"version": 1, **NOTICE})
        assert answer.json()["type"].endswith(wanted[1])
    case = await a_case(db, category="parking", status="in_progress")
    await fined(desk, case, NOTICE)
    await db.execute(sql.set_report_status, case.report_id, "closed")
    assert (await fined(desk, case, DECISION, 2))["status"] == "decided", "what has begun goes on"


async def test_only_the_reports_agency_and_supervisors_see_and_decide(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    await the_treasury(db)
    case = await a_case(db)
    await fined(desk, case, NOTICE)
    body = {"version": 2, **DECISION}
    other = await a_staff_member(db, role="agency_officer", agency="drainage")
    assert refused(await desk.get(case.path, headers=other.headers)) == (404, "NotFound")
    assert refused(await desk.put(case.path, headers=other.headers, json=body)) == (404, "NotFound")
    operator = await a_staff_member(db, role="operator")
    assert refused(await desk.get(case.path, headers=operator.headers)) == (403, "Forbidden")
    assert refused(await desk.put(case.path, headers=case.reporter.headers, json=body)) == (403, "Forbidden")
    supervisor = await a_staff_member(db, role="supervisor")
    assert (await desk.put(case.path, headers=supervisor.headers, json=body)).status_code == 200


async def test_a_number_is_of_one_decision_a_year(desk: httpx.AsyncClient, db: Connection) -> None:
    await the_treasury(db)
    first = await a_case(db)
    second = await a_case(db, officer=first.officer)
    await fined(desk, first, DECISION)
    spelt = {**DECISION, "decision_number": "123/qđ - xphc"}
    again = await desk.put(second.path, headers=second.officer.headers, json={"version": 1, **spelt})
    assert refused(again) == (409, "DecisionNumberTaken")


async def test_without_a_treasury_nothing_is_decided(desk: httpx.AsyncClient, db: Connection) -> None:
    case = await a_case(db)
    answer = await desk.put(case.path, headers=case.officer.headers, json={"version": 1, **DECISION})
    assert refused(answer) == (409, "NoFineBiller")


# Cancelled


async def test_a_cancelled_fine_is_paid_by_nobody_and_the_reporter_hears_it(city: City) -> None:
    case = await a_decided_case(city)
    bill_id = (await fine_of(city, case)).bill_id
    body = {"version": 2, "reason": "Nhầm biển số"}
    path = f"{case.path}-cancellation"
    cancelled = await city.client.put(path, headers=case.officer.headers, json=body)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = await city.client.put(path, headers=case.officer.headers, json=body)
    assert again.json() == cancelled.json(), "its answer was lost"
    other = await city.client.put(path, headers=case.officer.headers, json={**body, "reason": "Khác"})
    assert refused(other) == (409, "ReportChanged")
    payer = await a_payer(city)
    assert refused(await billing.pay(city, payer, bill_id)) == (409, "BillNotDue")
    found = (await look_up(city.client)).json()
    assert (found["status"], found["total"], found["bill_id"]) == ("cancelled", 0, None)
    moved = await events(city, "ReportMoved")
    assert [one["words"] for one in moved] == [None, "Quyết định xử phạt đã được hủy bỏ."]
    await city.worker.drain()
    async with city.database.acquire() as db:
        titles = [row["title"] for row in await db.fetch(sql.inbox_titles, case.reporter.id)]
    assert titles == [f"Đã xử phạt vi phạm: {case.code}", f"Đã hủy quyết định xử phạt: {case.code}"]
    async with city.database.transaction() as db:
        await fines.renew(db, (await fine_of(city, case)).id, city_today() + timedelta(days=40))
    assert await bills_of(city, case) == [("", 1_000_000, "withdrawn")], "the clock was at it already"
    right = await fined(city.client, case, {**DECISION, "plate": "75A-999.99"}, 3)
    assert (right["status"], right["version"]) == ("decided", 4)
    assert [fine.status for fine in await fines_of(city, case)] == ["cancelled", "decided"]


async def test_what_is_paid_is_not_cancelled_even_before_anybody_has_heard(city: City) -> None:
    case = await a_decided_case(city)
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    path, body = f"{case.path}-cancellation", {"version": 2, "reason": "Nhầm"}
    assert refused(await city.client.put(path, headers=case.officer.headers, json=body)) == (409, "FineIsPaid")
    await city.worker.drain()
    body["version"] = 3
    assert refused(await city.client.put(path, headers=case.officer.headers, json=body)) == (409, "FineIsPaid")
    more = await city.client.put(case.path, headers=case.officer.headers, json={"version": 3, **NOTICE})
    assert refused(more) == (409, "FineIsPaid")


async def test_a_notice_is_withdrawn_without_a_word_to_the_reporter(desk: httpx.AsyncClient, db: Connection) -> None:
    case = await a_case(db)
    path, body = f"{case.path}-cancellation", {"version": 1, "reason": "Nhầm"}
    assert refused(await desk.put(path, headers=case.officer.headers, json=body)) == (404, "NotFound")
    await fined(desk, case, NOTICE)
    answer = await desk.put(path, headers=case.officer.headers, json={**body, "version": 2})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert await told(db, "ReportMoved") == []


# Late


@pytest.mark.parametrize(
    ("amount", "due_on", "paid_on", "charge"),
    [
        (1_000_000, date(2026, 12, 10), date(2026, 11, 30), 0),
        (1_000_000, date(2026, 12, 10), date(2026, 12, 10), 0),
        (1_000_000, date(2026, 12, 10), date(2026, 12, 11), 0),  # from the next day, to the day before it is paid
        (1_000_000, date(2026, 12, 10), date(2026, 12, 12), 500),
        (1_000_000, date(2026, 12, 10), date(2026, 12, 21), 5_000),
        (850_000, date(2027, 1, 31), date(2027, 3, 1), 11_900),  # 28 days; a feast in between counts
        (1_999, date(2026, 12, 10), date(2026, 12, 12), 0),  # 0.9995 of a đồng
        (2_001, date(2026, 12, 10), date(2026, 12, 13), 2),  # rounded down once, at the end
        (150_000_000, date(2026, 1, 1), date(2027, 1, 2), 27_375_000),  # 365 days
    ],
)
def test_what_late_days_cost(amount: int, due_on: date, paid_on: date, charge: int) -> None:
    assert late_charge(amount, late_days(due_on, paid_on), 500) == charge


AMOUNTS = st.integers(50_000, 150_000_000)


@with_settings(deadline=None)
@given(AMOUNTS, st.integers(0, 4000), st.integers(0, 1_000_000))
def test_a_charge_is_exact_but_for_a_dong_and_never_shrinks(amount: int, days: int, millionths: int) -> None:
    charge = late_charge(amount, days, millionths)
    assert 0 <= amount * days * millionths - charge * 1_000_000 < 1_000_000
    assert charge <= late_charge(amount, days + 1, millionths) <= late_charge(amount + 1, days + 1, millionths)


@given(st.dates(date(2020, 1, 1), date(2050, 1, 1)), st.integers(-500, 500))
def test_late_days_are_those_in_between(due_on: date, days: int) -> None:
    between = [1 for nth in range(1, 501) if due_on < due_on + timedelta(days=nth) < due_on + timedelta(days=days)]
    assert late_days(due_on, due_on + timedelta(days=days)) == len(between)


async def test_the_clock_renews_a_late_bill_once_a_week(city: City) -> None:
    case = await a_decided_case(city)
    await late_by(city, case, 1)
    await fines.renew_late(city.database)
    assert await bills_of(city, case) == [("", 1_000_000, "due")], "no whole day is late yet"
    await late_by(city, case, -9)  # one day more
    for _ in range(3):
        await fines.renew_late(city.database)
    assert await bills_of(city, case) == [("", 1_000_000, "withdrawn"), ("-2", 1_000_500, "due")]
    assert (await fine_of(city, case)).renew_on == city_today() + timedelta(days=7)
    await late_by(city, case, -4)  # six days more
    await fines.renew_late(city.database)
    assert len(await bills_of(city, case)) == 2
    await late_by(city, case, -9)
    await fines.renew_late(city.database)
    assert (await bills_of(city, case))[-1] == ("-3", 1_004_000, "due")
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    await city.worker.drain()
    fine = await fine_of(city, case)
    assert (fine.status, fine.paid_amount, fine.late_amount, fine.bills) == ("paid", 1_004_000, 4_000, 3)
    [news] = await events(city, "BillPaid")
    assert news["subject"] == "Tiền phạt và tiền chậm nộp"
    await late_by(city, case, 30)
    await fines.renew_late(city.database)
    assert len(await bills_of(city, case)) == 3


async def test_whoever_looks_a_late_fine_up_sees_and_pays_what_is_owed_today(city: City) -> None:
    case = await a_decided_case(city)
    await late_by(city, case, 21)
    found = [(await look_up(city.client)).json() for _ in range(3)]
    assert found[0] == found[1] == found[2], "once a day"
    assert (found[0]["amount"], found[0]["late_amount"], found[0]["total"]) == (1_000_000, 10_000, 1_010_000)
    assert await bills_of(city, case) == [("", 1_000_000, "withdrawn"), ("-2", 1_010_000, "due")]
    assert (await fine_of(city, case)).renew_on == city_today() + timedelta(days=7), "the clock's week begins anew"
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, found[0]["bill_id"])).status_code == 201
    await city.worker.drain()
    after = (await look_up(city.client)).json()
    assert (after["status"], after["late_amount"], after["total"]) == ("paid", 10_000, 0)


async def test_a_transfer_with_a_withdrawn_bills_code_waits_and_the_new_one_pays(city: City) -> None:
    case = await a_decided_case(city)
    old = await transfer_code(city, (await fine_of(city, case)).reference)
    await late_by(city, case, 2)
    await fines.renew_late(city.database)
    fine = await fine_of(city, case)
    await sepay(city, of_sepay(1_000_000, old))
    await city.worker.drain()
    [notice] = await notices(city)
    assert notice.status == "suspense"
    assert (await fine_of(city, case)).status == "decided"
    await sepay(city, of_sepay(1_000_500, await transfer_code(city, fine.reference)))
    await city.worker.drain()
    assert ((await fine_of(city, case)).status, (await fine_of(city, case)).paid_amount) == ("paid", 1_000_500)
    await check_suspense(city)
    assert await broken_laws(city) == []


async def test_who_pays_while_the_bill_is_renewed_pays_once(city: City) -> None:
    """Either the old bill is paid and stays, or it is gone and the payer is told so: never both, nor two due."""
    for nth in range(12):
        async with city.database.transaction() as db:
            if nth == 0:
                await the_treasury(db)
            case = await a_case(db)
            payer = await a_resident(db, balance=3_000_000)
        await fined(city.client, case, {**DECISION, "decision_number": f"{nth}/QĐ"})
        await late_by(city, case, 5)
        before = await fine_of(city, case)

        async def renewed(fine: Any = before, wait_s: float = nth % 4 / 500) -> None:
            await asyncio.sleep(wait_s)
            async with city.database.transaction() as db:
                await fines.renew(db, fine.id, city_today())

        paid, _ = await asyncio.gather(billing.pay(city, payer, before.bill_id), renewed())
        await city.worker.drain()
        after = await fine_of(city, case)
        if paid.status_code == 201:
            assert (after.status, after.paid_amount, after.bill_id) == ("paid", 1_000_000, before.bill_id)
            assert await bills_of(city, case) == [("", 1_000_000, "paid")]
            assert await balance(city, payer.id) == 2_000_000
        else:
            assert refused(paid) == (409, "BillNotDue")
            assert await bills_of(city, case) == [("", 1_000_000, "withdrawn"), ("-2", 1_002_000, "due")]
            assert await balance(city, payer.id) == 3_000_000
    assert await broken_laws(city) == []


async def test_who_pays_between_the_withdrawal_and_its_commit_is_told_that_the_bill_is_gone(city: City) -> None:
    case = await a_decided_case(city)
    await late_by(city, case, 5)
    payer, before = await a_payer(city), await fine_of(city, case)
    async with city.database.transaction() as db:
        await fines.renew(db, before.id, city_today())
        paying = asyncio.create_task(billing.pay(city, payer, before.bill_id))
        await asyncio.sleep(0.2)
        assert not paying.done(), "it waits for the bill"
    assert refused(await paying) == (409, "BillNotDue")
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    await city.worker.drain()
    assert (await fine_of(city, case)).paid_amount == 1_002_000
    assert await balance(city, payer.id) == 5_000_000 - 1_002_000


async def test_a_bill_that_is_paid_and_not_heard_of_is_left_alone(city: City) -> None:
    case = await a_decided_case(city)
    await late_by(city, case, 5)
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    await fines.renew_late(city.database)
    assert await bills_of(city, case) == [("", 1_000_000, "paid")]
    assert (await fine_of(city, case)).renew_on == city_today() + timedelta(days=1)
    await city.worker.drain()
    assert (await fine_of(city, case)).status == "paid"


async def test_a_turn_that_is_cut_short_leaves_each_fine_whole_and_the_next_goes_on(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with city.database.transaction() as db:
        await the_treasury(db)
        cases = [await a_case(db) for _ in range(3)]
    for nth, case in enumerate(cases):
        await fined(city.client, case, {**DECISION, "decision_number": f"{nth}/QĐ"})
        await late_by(city, case, 3)
    issue, issued = fines.issue_bill, 0

    async def cut_short(db: Connection, **bill: Any) -> Any:
        nonlocal issued
        issued += 1
        if issued == 2:
            async with city.database.acquire() as other:
                await other.execute(sql.end_backend, await db.fetchval(sql.my_pid))
        return await issue(db, **bill)

    with monkeypatch.context() as patched:
        patched.setattr(fines, "issue_bill", cut_short)
        await fines.renew_late(city.database)
    standing = sorted([await bills_of(city, case) for case in cases])
    whole = [("", 1_000_000, "withdrawn"), ("-2", 1_001_000, "due")]
    assert standing == sorted([[("", 1_000_000, "due")], whole, whole]), "old or new, nothing in between"
    await fines.renew_late(city.database)
    for case in cases:
        assert await bills_of(city, case) == whole


# Looked up


@pytest.mark.parametrize("plate", ["75A-123.45", "75A12345", "75a 12345", " 75A - 123 45 "])
@pytest.mark.parametrize("number", ["123/QĐ-XPHC", "123/qd-xphc", "123 / QĐ - XPHC"])
async def test_it_is_found_however_people_write_it(
    desk: httpx.AsyncClient, db: Connection, plate: str, number: str
) -> None:
    await the_treasury(db)
    await fined(desk, await a_case(db), DECISION)
    answer = await look_up(desk, plate=plate, decision_number=number)
    assert (answer.status_code, answer.json()["status"]) == (200, "due")


LETTERS = st.text(st.sampled_from("0123456789ABCDEFGHKLMNPSTUVXYZĐ"), min_size=4, max_size=9)


@given(LETTERS, st.lists(st.tuples(st.integers(0, 9), st.sampled_from(" .-")), max_size=6))
def test_spaces_dots_dashes_and_case_make_no_other_plate(plate: str, marks: list[tuple[int, str]]) -> None:
    written = list(plate.lower())
    for place, mark in marks:
        written.insert(place, mark)
    key = plate_key("".join(written))
    assert key == plate_key(plate) == plate_key(key)
    assert key.isascii()


@given(st.text(max_size=40))
def test_a_numbers_key_is_its_own_key(number: str) -> None:
    assert number_key(number_key(number)) == number_key(number)


async def test_a_wrong_plate_and_a_wrong_number_are_answered_alike(desk: httpx.AsyncClient, db: Connection) -> None:
    await the_treasury(db)
    await fined(desk, await a_case(db), DECISION)
    answers = [
        await look_up(desk, plate="75A-543.21"),
        await look_up(desk, decision_number="124/QĐ-XPHC"),
        await look_up(desk, plate="75A-543.21", decision_number="9/QĐ"),
    ]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert refused(answers[0]) == (404, "NoSuchFine")


async def test_wrong_tries_are_counted_and_then_one_waits(city: City) -> None:
    await a_decided_case(city)
    for nth in range(20):
        assert refused(await look_up(city.client, plate=f"75A-{10_000 + nth}")) == (404, "NoSuchFine")
    waits = await look_up(city.client)
    assert refused(waits) == (429, "TooManyRequests")
    assert 0 < int(waits.headers["retry-after"]) <= 600


async def test_a_plates_decisions_are_not_guessed_from_many_addresses(city: City) -> None:
    await a_decided_case(city)

    async def guess(nth: int, plate: str = PAIR["plate"]) -> str:
        wanted = LookUpFine(plate=plate, decision_number=f"{nth}/QĐ")
        try:
            async with city.database.deed() as db:
                await fines.look_up(db, f"203.0.113.{nth}", wanted, "vi")
        except Exception as problem:
            return type(problem).__name__
        return "found"

    assert {await guess(nth) for nth in range(20)} == {"NoSuchFine"}
    assert await guess(21) == "TooManyRequests"
    assert await guess(22, "75A-543.21") == "NoSuchFine", "another plate's are asked for"
    async with city.database.acquire() as db:
        keys = [row["key"] for row in await db.fetch(sql.budgets)]
    assert not [key for key in keys if "12345" in key]


async def test_of_two_years_the_one_that_there_is_to_pay_is_found(city: City) -> None:
    case = await a_decided_case(city)
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, case)).bill_id)).status_code == 201
    await city.worker.drain()
    async with city.database.transaction() as db:
        drainage = await a_staff_member(db, role="supervisor", agency="city")
        other = await a_case(db)
        await a_policy(db, "feedback.fine_least", 60_000)
    body = {"version": 1, **DECISION, "decision_number": "124/QĐ-XPHC", "amount": 60_000}
    assert (await city.client.put(other.path, headers=drainage.headers, json=body)).status_code == 200
    assert (await look_up(city.client)).json()["status"] == "paid"
    assert (await look_up(city.client, decision_number="124/QĐ-XPHC")).json()["amount"] == 60_000


# What is kept


async def test_plate_and_name_are_forgotten_after_their_time(city: City) -> None:
    cases = [await a_decided_case(city)]
    async with city.database.transaction() as db:
        cases += [await a_case(db) for _ in range(2)]
    noticed, unpaid = cases[1:]
    await fined(city.client, noticed, NOTICE)
    await fined(city.client, unpaid, {**DECISION, "decision_number": "5/QĐ"})
    payer = await a_payer(city)
    assert (await billing.pay(city, payer, (await fine_of(city, cases[0])).bill_id)).status_code == 201
    await city.worker.drain()
    holdings = fine_personal.HOLDINGS

    async def forgotten() -> list[bool]:
        async with city.database.transaction() as db:
            for holding in holdings:
                assert holding.forget is not None
                await db.fetchval(holding.forget, holding.kept_days, 100)
        rows = [await fine_of(city, case) for case in cases]
        assert all((row.plate is None) == (row.offender_name is None) for row in rows)
        return [row.plate is None for row in rows]

    assert await forgotten() == [False, False, False]
    async with city.database.transaction() as db:
        for case in cases:
            await db.execute(sql.age_fines_of_long_ago, case.report_id, 400)
    assert await forgotten() == [False, True, False]
    async with city.database.transaction() as db:
        for case in cases:
            await db.execute(sql.age_fines_of_long_ago, case.report_id, 3300)
    assert await forgotten() == [True, True, False]
    assert (await fine_of(city, cases[0])).paid_amount == 1_000_000, "its numbers stay"
    async with city.database.acquire() as db:
        kept = [await db.fetch(holding.rows, cases[0].officer.id) for holding in holdings]
    assert [len(rows) for rows in kept] == [1, 1]


async def test_no_fine_is_deleted(db: Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(sql.drop_fines)


async def test_every_code_of_a_fine_fits_its_biller(db: Connection, desk: httpx.AsyncClient) -> None:
    """Whoever has the paper keeps its code, or looks its bills up by it, in the wallet."""
    await the_treasury(db)
    decided = await fined(desk, await a_case(db), DECISION)
    me = await a_resident(db)
    query = {"biller": BILLER, "customer_code": decided["reference"]}
    answer = await desk.get("/v1/wallet/bills", headers=me.headers, params=query)
    assert answer.status_code == 200, answer.text
    [bill] = answer.json()["items"]
    assert (bill["amount"], bill["customer_name"]) == (1_000_000, "L*** V*** V*** Phạm")
    kept = {"biller": BILLER, "customer_code": decided["reference"]}
    assert (await desk.put(f"/v1/wallet/customer-codes/{uuid4()}", headers=me.headers, json=kept)).status_code in {
        200,
        201,
    }
