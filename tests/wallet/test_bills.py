"""Bills on one screen: by customer code, and by the codes one keeps."""

from uuid import uuid4

import httpx
import pytest

from app.db import Connection
from tests.makers import a_bill, a_biller, a_resident
from wallet import withdraw_bill


async def test_the_codes_one_keeps_bring_their_bills(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    await a_biller(db)
    await a_bill(db, amount=412_500)
    await a_bill(db, customer_code="PP03000000002", amount=99)
    assert (await desk.get("/v1/wallet/bills", headers=me.headers)).json()["items"] == []
    path = f"/v1/wallet/customer-codes/{uuid4()}"
    body = {"biller": "dien-luc-hue", "customer_code": "PP03000000001", "nickname": "nhà mạ"}
    kept = await desk.put(path, headers=me.headers, json=body)
    assert (kept.status_code, kept.json()["nickname"]) == (200, "nhà mạ")
    [bill] = (await desk.get("/v1/wallet/bills", headers=me.headers)).json()["items"]
    assert (bill["amount"], bill["status"], bill["biller_name"]) == (412_500, "due", "Điện lực Huế")
    assert [code["id"] for code in (await desk.get("/v1/wallet/customer-codes", headers=me.headers)).json()] == [
        kept.json()["id"]
    ]
    assert (await desk.delete(path, headers=me.headers)).status_code == 204
    assert (await desk.delete(path, headers=me.headers)).status_code == 404
    assert (await desk.get("/v1/wallet/bills", headers=me.headers)).json()["items"] == []


async def test_a_bill_that_a_message_links_to_can_be_read(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    await a_biller(db)
    bill_id = await a_bill(db, amount=412_500)
    path = f"/v1/wallet/bills/{bill_id}"
    due = (await desk.get(path, headers=me.headers)).json()
    assert (due["amount"], due["status"], due["paid_at"]) == (412_500, "due", None)
    assert due["customer_name"] == "L*** T*** N*** Bình"
    in_english = (await desk.get(path, headers=me.headers | {"accept-language": "en"})).json()
    assert in_english["biller_name"] == "Huế Electricity"
    await withdraw_bill(db, bill_id)
    assert (await desk.get(path, headers=me.headers)).json()["status"] == "withdrawn"
    assert (await desk.get(f"/v1/wallet/bills/{uuid4()}", headers=me.headers)).status_code == 404
    assert (await desk.get(path)).status_code == 401


async def test_a_code_is_kept_once_and_anothers_is_not_touched(db: Connection, desk: httpx.AsyncClient) -> None:
    me, other = await a_resident(db), await a_resident(db)
    await a_biller(db)
    body = {"biller": "dien-luc-hue", "customer_code": "PP03000000001"}
    code_id = uuid4()
    assert (await desk.put(f"/v1/wallet/customer-codes/{code_id}", headers=me.headers, json=body)).status_code == 200
    theirs = await desk.put(f"/v1/wallet/customer-codes/{code_id}", headers=other.headers, json=body)
    assert theirs.status_code == 200, "ids are each resident's own"
    assert (await desk.delete(f"/v1/wallet/customer-codes/{code_id}", headers=other.headers)).status_code == 204
    assert len((await desk.get("/v1/wallet/customer-codes", headers=me.headers)).json()) == 1


async def test_the_same_code_twice_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    await a_biller(db)
    body = {"biller": "dien-luc-hue", "customer_code": "PP03000000001"}
    await desk.put(f"/v1/wallet/customer-codes/{uuid4()}", headers=me.headers, json=body)
    again = await desk.put(f"/v1/wallet/customer-codes/{uuid4()}", headers=me.headers, json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:huong:problem:CustomerCodeAlreadyKept")


@pytest.mark.parametrize(
    ("query", "problem", "status"),
    [
        ("biller=nobody&customer_code=PP03000000001", "UnknownBiller", 404),
        ("biller=dien-luc-hue&customer_code=X1", "BadCustomerCode", 400),
        ("biller=dien-luc-hue", "HalfAQuestion", 400),
        ("customer_code=PP03000000001", "HalfAQuestion", 400),
        ("biller=dien-luc-hue&customer_code=%00", "Malformed", 400),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    db: Connection, desk: httpx.AsyncClient, query: str, problem: str, status: int
) -> None:
    me = await a_resident(db)
    await a_biller(db)
    answer = await desk.get(f"/v1/wallet/bills?{query}", headers=me.headers)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:huong:problem:{problem}")


async def test_billers_are_named_in_the_callers_language(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    await a_biller(db)
    [vi] = (await desk.get("/v1/wallet/billers", headers=me.headers)).json()
    [en] = (await desk.get("/v1/wallet/billers", headers={**me.headers, "accept-language": "en"})).json()
    assert (vi["name"], en["name"]) == ("Điện lực Huế", "Huế Electricity")
