"""What the compliance officer gets: movements of large value, what the night noticed, and what came of it."""

import csv
import io
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import CITY_ZONE, city_now, city_today
from app.db import Connection
from app.types import new_id
from tests.conftest import Later
from tests.makers import Resident, a_policy, a_resident, a_shop, a_staff_member
from tests.statements import sql
from tests.wallet import banking
from tests.wallet.test_refunds import bought, problem
from wallet import ledger
from wallet.ledger import Move
from wallet.oversight import reports, suspicions


async def send(db: Connection, who: Resident, to: Resident, amount: int) -> UUID:
    """Money from one to another, as if proved by whatever it takes."""
    move = Move(new_id(), "person", who.id, session_id=who.session_id, amount=amount, phone=to.phone)
    await ledger.move(db, move)
    return move.id


async def top_up(db: Connection, who: Resident, amount: int) -> UUID:
    move = Move(new_id(), "top_up", ledger.GATEWAY, who.id, amount)
    await ledger.move(db, move)
    return move.id


@pytest.fixture
async def no_proofs(db: Connection) -> None:
    """Nobody is asked for more than the PIN, and months are long."""
    for code in ("step_up.person_strong_above", "step_up.person_day_strong_above", "limit.month_general"):
        await a_policy(db, code, 10**12)


async def night(db: Connection, later: Later, days: int = 1) -> None:
    """It is noon, so many days from now, and the night's watch has been."""
    noon = datetime.combine(city_today() + timedelta(days=days), time(12), CITY_ZONE)
    await later((noon - city_now()).total_seconds())
    await suspicions.watch(db)


async def cases(db: Connection) -> list[dict[str, Any]]:
    page = await suspicions.page(db, None, None, 100, "vi")
    return [{"rule": case.rule, "account": case.account_id, "evidence": case.evidence} for case in page.items]


async def exported(desk: httpx.AsyncClient, who: Any, report: str, **days: str) -> list[dict[str, str]]:
    today = city_today().isoformat()
    answer = await desk.get(
        f"/v1/staff/compliance/{report}", headers=who.headers, params={"from": today, "to": today} | days
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


# Large values


async def test_a_days_movements_of_large_value_are_listed_one_by_one(
    db: Connection, desk: httpx.AsyncClient, no_proofs: None
) -> None:
    officer = await a_staff_member(db, role="compliance")
    rich, small = await a_resident(db, name="=HYPERLINK(1)"), await a_resident(db)
    for amount in (250_000_000, 150_000_000):
        await top_up(db, rich, amount)
    await top_up(db, small, 399_999_999)
    sent = await send(db, rich, small, 1000)
    lines = await exported(desk, officer, "large-values")
    assert sorted(int(line["Số tiền"]) for line in lines if line["Mã tài khoản"] == str(rich.id)) == [
        150_000_000,
        250_000_000,
    ]
    assert {line["Tổng trong ngày"] for line in lines if line["Mã tài khoản"] == str(rich.id)} == {"400000000"}
    assert {line["Tên"] for line in lines if line["Mã tài khoản"] == str(rich.id)} == {"'=HYPERLINK(1)"}
    with_gift = [line for line in lines if line["Mã tài khoản"] == str(small.id)]
    assert len(with_gift) == 2, "399,999,999 and 1,000 make the amount together"
    assert str(sent) in {line["Mã giao dịch"] for line in with_gift}


async def test_a_shop_with_many_customers_is_no_large_value(db: Connection, desk: httpx.AsyncClient) -> None:
    await a_policy(db, "compliance.large_value", 200_000)
    officer, shop = await a_staff_member(db, role="compliance"), await a_shop(db)
    for amount in (100_000, 150_000, 200_000):
        await bought(db, shop, amount)
    lines = await exported(desk, officer, "large-values")
    assert [line["Số tiền"] for line in lines if line["Mã tài khoản"] == str(shop.id)] == ["200000"]


async def test_who_exported_what_is_in_the_audit(db: Connection, desk: httpx.AsyncClient) -> None:
    officer = await a_staff_member(db, role="compliance")
    await exported(desk, officer, "large-values")
    await exported(desk, officer, "suspicious")
    for action in ("wallet.large_values_exported", "wallet.suspicions_exported"):
        [deed] = await db.fetch(sql.audited, action)
        assert (deed["actor_id"], deed["data"]["first"]) == (officer.id, city_today().isoformat())


@pytest.mark.parametrize(("first", "last"), [("2026-11-02", "2026-11-01"), ("2026-01-01", "2026-04-03"), ("x", "y")])
@pytest.mark.parametrize("report", ["large-values", "suspicious"])
async def test_a_report_is_of_a_span_of_days(
    db: Connection, desk: httpx.AsyncClient, report: str, first: str, last: str
) -> None:
    officer = await a_staff_member(db, role="compliance")
    path = f"/v1/staff/compliance/{report}"
    answer = await desk.get(path, headers=officer.headers, params={"from": first, "to": last})
    assert answer.status_code == 400
    assert problem(answer)[1] == ("Malformed" if first == "x" else "BadReportSpan")


# What the night notices


async def test_money_that_passes_through_is_noticed(db: Connection, later: Later, no_proofs: None) -> None:
    mule, boss, honest = [await a_resident(db) for _ in range(3)]
    payers = [await a_resident(db, balance=20_000_000) for _ in range(5)]
    for payer in payers:
        for to in (mule, mule, honest, honest):
            await send(db, payer, to, 5_000_000)
    await send(db, mule, boss, 49_000_000)
    await send(db, honest, boss, 10_000_000)
    await night(db, later)
    noticed = [case for case in await cases(db) if case["rule"] == "passes_through"]
    [case] = noticed
    assert case["account"] == mule.id
    evidence = case["evidence"]
    assert (evidence.count, evidence.amount_in, evidence.amount_out) == (11, 50_000_000, 49_000_000)


async def test_sums_just_below_the_proof_are_noticed(db: Connection, later: Later) -> None:
    sly, plain, friend = [await a_resident(db, balance=50_000_000) for _ in range(3)]
    await a_policy(db, "step_up.person_day_strong_above", 10**12)
    for amount in (9_900_000, 9_000_000, 10_000_000):
        await send(db, sly, friend, amount)
    for amount in (9_900_000, 9_000_000, 1_000_000):
        await send(db, plain, friend, amount)
    await night(db, later)
    assert [(case["rule"], case["account"]) for case in await cases(db)] == [("just_below", sly.id)]


async def test_many_who_pay_one_are_noticed(db: Connection, later: Later) -> None:
    seller = await a_resident(db)
    for _ in range(30):
        await send(db, await a_resident(db, balance=1_000_000), seller, 1_000_000)
    await night(db, later)
    [case] = [case for case in await cases(db) if case["rule"] == "many_to_one"]
    assert (case["account"], case["evidence"].count, len(case["evidence"].movement_ids)) == (seller.id, 30, 20)


async def test_much_money_out_after_a_new_device_is_noticed(db: Connection, later: Later, no_proofs: None) -> None:
    robbed, newcomer, friend = [await a_resident(db, balance=60_000_000) for _ in range(3)]
    await later(86_400 * 2)
    await db.execute(sql.plant_device, robbed.id, uuid4())
    for who in (robbed, newcomer):
        await db.execute(sql.unlock, who.session_id)
        await send(db, who, friend, 50_000_000)
    await night(db, later)
    assert [(case["rule"], case["account"]) for case in await cases(db)] == [("new_device", robbed.id)]


async def test_a_day_is_looked_at_once_and_none_is_left_out(db: Connection, later: Later) -> None:
    officer, seller = await a_staff_member(db, role="compliance"), await a_resident(db)
    await night(db, later)
    for _ in range(30):
        await send(db, await a_resident(db, balance=1_000_000), seller, 1_000_000)
    await night(db, later, days=3)
    await suspicions.watch(db)
    assert await cases(db) != [], "the first of the days that were missed"
    found = len(await cases(db))
    for _ in range(4):
        await suspicions.watch(db)
    assert len(await cases(db)) == found
    [news] = await banking.told(db, "SuspicionsFound")
    assert news["told"] == [str(officer.id)]
    assert await db.fetchval(suspicions.sql.last_watched_day) == city_today() - timedelta(days=1)


async def a_case(db: Connection, later: Later) -> UUID:
    seller = await a_resident(db)
    for _ in range(30):
        await send(db, await a_resident(db, balance=1_000_000), seller, 1_000_000)
    await night(db, later)
    [case] = (await suspicions.page(db, "open", None, 10, "vi")).items
    return case.id


async def test_a_case_is_reviewed_once_and_exported(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    case_id, day = await a_case(db, later), city_today() - timedelta(days=1)
    path = f"/v1/staff/compliance/cases/{case_id}/review"
    given = {"verdict": "reported", "finding": "=Đã báo cáo Cục Phòng, chống rửa tiền"}
    officer = await a_staff_member(db, role="compliance")
    for _ in range(2):
        reviewed = await desk.put(path, headers=officer.headers, json=given)
        assert (reviewed.status_code, reviewed.json()["status"]) == (200, "reported"), reviewed.text
    other = await desk.put(path, headers=officer.headers, json=given | {"verdict": "dismissed"})
    assert problem(other) == (409, "CaseIsReviewed")
    unknown = f"/v1/staff/compliance/cases/{uuid4()}/review"
    assert problem(await desk.put(unknown, headers=officer.headers, json=given)) == (404, "NotFound")
    span = {"from": day.isoformat(), "to": day.isoformat()}
    [line] = await exported(desk, officer, "suspicious", **span)
    assert (line["Mã trường hợp"], line["Kết luận"]) == (str(case_id), "reported")
    assert line["Lý do"].startswith("'="), "no cell is a formula"
    assert line["Số giao dịch"] == "30"


async def test_the_export_goes_on_page_by_page(
    db: Connection, desk: httpx.AsyncClient, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_policy(db, "step_up.person_day_strong_above", 10**12)
    friend = await a_resident(db)
    for _ in range(5):
        sly = await a_resident(db, balance=30_000_000)
        for _ in range(3):
            await send(db, sly, friend, 9_000_000)
    await night(db, later)
    day = (city_today() - timedelta(days=1)).isoformat()
    officer = await a_staff_member(db, role="compliance")
    monkeypatch.setattr(reports, "PAGE", 2)
    lines = await exported(desk, officer, "suspicious", **{"from": day, "to": day})
    assert len({line["Mã trường hợp"] for line in lines}) == len(lines) == 5


async def test_rules_are_rows_that_can_be_seen(db: Connection, desk: httpx.AsyncClient) -> None:
    officer = await a_staff_member(db, role="compliance")
    answer = await desk.get("/v1/staff/compliance/rules", headers=officer.headers | {"accept-language": "en"})
    assert [rule["code"] for rule in answer.json()["items"]] == [
        "just_below", "many_to_one", "new_device", "passes_through",
    ]  # fmt: skip
