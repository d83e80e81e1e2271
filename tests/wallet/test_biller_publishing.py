"""Billers: made by finance, asked where two have agreed, and spoken for by their own machines."""

from collections.abc import Mapping
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from app import secrets
from app.clock import city_today
from app.db import Connection
from tests.conftest import City
from tests.makers import Machine, a_biller, a_machine, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet.banking import broken_laws
from tests.wallet.billing import pay
from wallet.billers import billers, connections

BILL = {
    "customer_code": "PP03000000001",
    "customer_name": "Lê Thị Ngự Bình",
    "period": "11/2026",
    "amount": 412_500,
    "due_on": "2026-11-30",
}
CONNECTION = {"url": "https://biller.example/api", "key_id": "huong", "secret": "k" * 40, "timeout_ms": 3000}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def ask(
    desk: httpx.AsyncClient, machine: Machine, method: str, path: str, body: Mapping[str, object] | None = None
) -> httpx.Response:
    """A request that the machine signs."""
    content = b"" if body is None else msgspec.json.encode(body)
    headers = machine.sign(method, path, content)
    if content:
        headers["content-type"] = "application/json"
    return await desk.request(method, path, headers=headers, content=content)


async def a_speaker(db: Connection, biller: str, *scopes: str) -> Machine:
    """A machine that speaks for a biller."""
    admin = (await a_staff_member(db, role="admin")).me
    machine = await a_machine(db, scopes or ("bills.read", "bills.write"))  # pyright: ignore[reportArgumentType]
    await billers.bind_machine(db, admin, biller, machine.id)
    return machine


def bill_path(reference: str, biller: str = "dien-luc-hue") -> str:
    return f"/v1/billers/{biller}/bills/{reference}"


# Publishing


async def test_a_biller_publishes_a_bill_once_and_its_customer_finds_it(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    me, machine = await a_resident(db), await a_speaker(db, await a_biller(db))
    made = await ask(desk, machine, "PUT", bill_path("PP-1"), BILL)
    assert made.status_code == 201, made.text
    assert made.json() == {
        **BILL, "id": made.json()["id"], "reference": "PP-1", "customer_name": "L*** T*** N*** Bình",
        "status": "due", "paid_at": None, "payment_id": None,
    }  # fmt: skip
    again = await ask(desk, machine, "PUT", bill_path("PP-1"), BILL)
    assert (again.status_code, again.json()) == (200, made.json())
    other = await ask(desk, machine, "PUT", bill_path("PP-1"), {**BILL, "amount": 1})
    assert problem(other) == (409, "BillAlreadyIssued")
    query = {"biller": "dien-luc-hue", "customer_code": "PP03000000001"}
    [found] = (await desk.get("/v1/wallet/bills", headers=me.headers, params=query)).json()["items"]
    assert (found["id"], found["amount"]) == (made.json()["id"], 412_500)


async def test_a_bill_is_taken_back_while_it_is_due(db: Connection, desk: httpx.AsyncClient) -> None:
    machine = await a_speaker(db, await a_biller(db))
    await ask(desk, machine, "PUT", bill_path("PP-1"), BILL)
    for _ in range(2):
        taken_back = await ask(desk, machine, "PUT", bill_path("PP-1") + "/withdrawal", {})
        assert (taken_back.status_code, taken_back.json()["status"]) == (200, "withdrawn")
    anew = await ask(desk, machine, "PUT", bill_path("PP-1"), BILL)
    assert problem(anew) == (409, "BillAlreadyIssued"), "under another reference, please"
    assert (await ask(desk, machine, "PUT", bill_path("PP-2") + "/withdrawal", {})).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"customer_code": "X1"}, "BadCustomerCode"),
        ({"amount": 0}, "Malformed"),
        ({"amount": 1.5}, "Malformed"),
        ({"amount": 10**13}, "Malformed"),
        ({"due_on": "tomorrow"}, "Malformed"),
        ({"subject": "dossier 17"}, "Malformed"),
        ({"status": "paid"}, "Malformed"),
        ({"customer_name": "a\u202eb"}, "Malformed"),
    ],
)
async def test_a_bill_that_cannot_be_is_refused(
    db: Connection, desk: httpx.AsyncClient, wrong: dict[str, object], why: str
) -> None:
    machine = await a_speaker(db, await a_biller(db))
    assert problem(await ask(desk, machine, "PUT", bill_path("PP-1"), {**BILL, **wrong})) == (400, why)


async def test_another_billers_machine_finds_nothing_there(db: Connection, desk: httpx.AsyncClient) -> None:
    """Byte for byte what is answered for a biller that there is not."""
    await a_biller(db)
    ours = await a_speaker(db, "dien-luc-hue")
    await ask(desk, ours, "PUT", bill_path("PP-1"), BILL)
    theirs = await a_speaker(db, await a_biller(db, "cap-nuoc-hue"))
    for method, path, body in (
        ("PUT", "bills/PP-1", BILL),
        ("GET", "bills/PP-1", None),
        ("PUT", "bills/PP-1/withdrawal", {}),
        ("PUT", "bills/PP-1/e-invoice", {"number": "1"}),
        ("GET", "payments", None),
    ):
        answers: list[dict[str, object]] = []
        for biller in ("dien-luc-hue", "nobody"):
            answer = await ask(desk, theirs, method, f"/v1/billers/{biller}/{path}", body)
            assert problem(answer) == (404, "NotFound"), path
            answers.append({**answer.json(), "request_id": ""})
        assert answers[0] == answers[1]
    assert (await ask(desk, ours, "GET", bill_path("PP-1"))).json()["status"] == "due"


async def test_a_machine_does_what_its_scopes_say_and_only_while_it_is_bound(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    await a_biller(db)
    admin = await a_staff_member(db, role="admin")
    reader = await a_speaker(db, "dien-luc-hue", "bills.read")
    assert problem(await ask(desk, reader, "PUT", bill_path("PP-1"), BILL)) == (403, "Forbidden")
    assert (await ask(desk, reader, "GET", "/v1/billers/dien-luc-hue/payments")).json() == {"items": [], "next": None}
    path = f"/v1/staff/billers/dien-luc-hue/machines/{reader.id}"
    assert (await desk.delete(path, headers=admin.headers)).status_code == 204
    assert (await desk.delete(path, headers=admin.headers)).status_code == 404
    assert problem(await ask(desk, reader, "GET", "/v1/billers/dien-luc-hue/payments")) == (404, "NotFound")
    bound = await desk.put(path, headers=admin.headers, json={})
    assert (bound.status_code, bound.json()["machines"]) == (200, [str(reader.id)])
    assert (await desk.put(path, headers=admin.headers, json={})).json() == bound.json()
    nobody = f"/v1/staff/billers/dien-luc-hue/machines/{uuid4()}"
    assert (await desk.put(nobody, headers=admin.headers, json={})).status_code == 404


@pytest.mark.parametrize("forgery", ["unsigned", "tampered", "plain key"])
async def test_a_bill_that_nobody_signed_is_not_published(
    db: Connection, desk: httpx.AsyncClient, forgery: str
) -> None:
    machine = await a_speaker(db, await a_biller(db))
    content = msgspec.json.encode(BILL)
    headers = {"content-type": "application/json"}
    if forgery == "tampered":
        headers |= machine.sign("PUT", bill_path("PP-1"), content.replace(b"412500", b"1"))
    elif forgery == "plain key":
        headers |= machine.plain
    answer = await desk.put(bill_path("PP-1"), headers=headers, content=content)
    assert answer.status_code in {401, 403}
    assert not await db.fetchval(billers.sql.is_issued, "dien-luc-hue", "PP-1")


async def test_a_biller_reads_what_was_paid_and_tells_the_invoice(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=1_000_000)
        machine = await a_speaker(db, await a_biller(db))
    references = ["PP-1", "PP-2", "PP-3"]
    payments: list[str] = []
    for reference in references:
        made = await ask(city.client, machine, "PUT", bill_path(reference), {**BILL, "amount": 1000})
        invoice = {"number": f"1C26T/{reference}", "look_up_code": "AB12", "url": None}
        early = await ask(city.client, machine, "PUT", bill_path(reference) + "/e-invoice", invoice)
        assert problem(early) == (409, "BillNotPaid")
        payments.append(str(payment_id := uuid4()))
        assert (await pay(city, me, made.json()["id"], payment_id)).json()["status"] == "paid"
        told = await ask(city.client, machine, "PUT", bill_path(reference) + "/e-invoice", invoice)
        assert (told.status_code, told.json()["payment_id"]) == (200, payments[-1])
        shown = await city.client.get(f"/v1/wallet/payments/{payment_id}/e-invoice", headers=me.headers)
        assert shown.json() == invoice
    late = await ask(city.client, machine, "PUT", bill_path("PP-1") + "/withdrawal", {})
    assert problem(late) == (409, "BillNotDue")
    pages: list[str] = []
    cursor = ""
    for _ in range(3):
        path = "/v1/billers/dien-luc-hue/payments?limit=1" + (f"&cursor={cursor}" if cursor else "")
        page = (await ask(city.client, machine, "GET", path)).json()
        pages += [line["payment_id"] for line in page["items"]]
        cursor = page["next"]
    assert (pages, cursor) == (payments, None)
    today = city_today()
    for query, count in ((f"from={today}&to={today}", 3), ("from=2020-01-01&to=2020-01-31", 0)):
        answer = await ask(city.client, machine, "GET", f"/v1/billers/dien-luc-hue/payments?{query}")
        assert len(answer.json()["items"]) == count
    for query in ("from=2026-01-01&to=2026-12-31", "from=2026-02-01&to=2026-01-01", "from=soon", "cursor=%21"):
        answer = await ask(city.client, machine, "GET", f"/v1/billers/dien-luc-hue/payments?{query}")
        assert answer.status_code == 400, query
    assert await broken_laws(city) == []


# Those who look after billers

DESCRIPTION = {
    "kind": "telecom",
    "name_vi": "Viễn thông Huế",
    "name_en": "Huế Telecom",
    "customer_code_pattern": "^VT[0-9]{6}$",
    "customer_code_example": "VT000001",
    "essential": True,
}


async def test_finance_makes_a_biller_and_changes_it(db: Connection, desk: httpx.AsyncClient) -> None:
    finance, me = await a_staff_member(db, role="finance"), await a_resident(db)
    path = "/v1/staff/billers/vien-thong-hue"
    made = await desk.put(path, headers=finance.headers, json=DESCRIPTION)
    assert made.status_code == 200, made.text
    assert made.json() == {
        **DESCRIPTION, "code": "vien-thong-hue", "adapter": "none", "unavailable_until": None, "connections": [],
        "machines": [], "calls_open": 0,
    }  # fmt: skip
    assert (await desk.put(path, headers=finance.headers, json=DESCRIPTION)).json() == made.json()
    await desk.put(path, headers=finance.headers, json={**DESCRIPTION, "name_en": "Hue Telecom"})
    [told] = [
        one
        for one in (await desk.get("/v1/staff/billers", headers=finance.headers)).json()["items"]
        if one["code"] == "vien-thong-hue"
    ]
    assert told["name_en"] == "Hue Telecom"
    seen = (await desk.get("/v1/wallet/billers", headers=me.headers)).json()
    assert [one["available"] for one in seen if one["code"] == "vien-thong-hue"] == [True]
    actions = [row["action"] for row in await db.fetch(sql.audit_of_actor, finance.id)]
    assert actions == ["wallet.biller_made", "wallet.biller_changed"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"customer_code_example": "XX000001"}, "ExampleDoesNotFit"),
        ({"customer_code_pattern": "VT[0-9]{6}"}, "Malformed"),
        ({"customer_code_pattern": "^VT[0-9]{6$"}, "Malformed"),
        ({"customer_code_pattern": "^VT([0-9]+$"}, "Malformed"),
        ({"kind": "casino"}, "Malformed"),
    ],
)
async def test_a_biller_that_cannot_be_is_not_made(
    db: Connection, desk: httpx.AsyncClient, wrong: dict[str, object], why: str
) -> None:
    finance = await a_staff_member(db, role="finance")
    answer = await desk.put("/v1/staff/billers/x-y", headers=finance.headers, json={**DESCRIPTION, **wrong})
    assert problem(answer) == (400, why)


async def test_a_connection_needs_two_pairs_of_eyes(db: Connection, desk: httpx.AsyncClient) -> None:
    await a_biller(db)
    one, other = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    path = f"/v1/staff/billers/dien-luc-hue/connections/{uuid4()}"
    proposed = await desk.put(path, headers=one.headers, json=CONNECTION)
    assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed")
    assert "secret" not in proposed.text.replace("key_id", "")
    assert (await desk.put(path, headers=one.headers, json=CONNECTION)).json() == proposed.json()
    changed = await desk.put(path, headers=one.headers, json={**CONNECTION, "secret": "x" * 40})
    assert problem(changed) == (409, "ConnectionIdTaken")
    assert problem(await desk.put(f"{path}/approval", headers=one.headers, json={})) == (403, "AnotherMustApprove")
    assert await connections.adapter_of(db, "dien-luc-hue") is None, "nothing has changed so far"
    for _ in range(2):
        approved = await desk.put(f"{path}/approval", headers=other.headers, json={})
        assert (approved.status_code, approved.json()["status"]) == (200, "active")
    assert problem(await desk.put(f"{path}/refusal", headers=other.headers, json={})) == (409, "ConnectionIsDecided")
    adapter = await connections.adapter_of(db, "dien-luc-hue")
    assert isinstance(adapter, connections.HttpAdapter)
    assert (adapter.url, adapter.secret, adapter.timeout_ms) == (CONNECTION["url"], CONNECTION["secret"], 3000)
    [shown] = (await desk.get("/v1/staff/billers", headers=one.headers)).json()["items"]
    assert (shown["adapter"], [line["status"] for line in shown["connections"]]) == ("http", ["active"])


async def test_a_new_connection_takes_over_and_the_old_secret_is_dropped(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    await a_biller(db)
    one, other = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    paths = [f"/v1/staff/billers/dien-luc-hue/connections/{uuid4()}" for _ in range(3)]
    for path in paths:
        await desk.put(path, headers=one.headers, json=CONNECTION)
    for path in paths[:2]:
        assert (await desk.put(f"{path}/approval", headers=other.headers, json={})).status_code == 200
    refused = await desk.put(f"{paths[2]}/refusal", headers=one.headers, json={})
    assert refused.json()["status"] == "refused"
    assert problem(await desk.put(f"{paths[0]}/approval", headers=other.headers, json={}))[1] == "ConnectionIsDecided"
    await connections.forget_secrets(db)
    rows = {row["id"]: (row["status"], row["sealed"] is None) for row in await db.fetch(sql.connection_rows)}
    ids = [UUID(path[-36:]) for path in paths]
    assert [rows[connection] for connection in ids] == [("replaced", True), ("active", False), ("refused", True)]


async def test_a_secret_is_sealed_and_can_be_sealed_anew(db: Connection, desk: httpx.AsyncClient) -> None:
    await a_biller(db)
    one = await a_staff_member(db, role="finance")
    connection = uuid4()
    path = f"/v1/staff/billers/dien-luc-hue/connections/{connection}"
    await desk.put(path, headers=one.headers, json=CONNECTION)
    [row] = await db.fetch(connections.SEALED.rows, UUID(int=0), 10)
    assert b"kkkk" not in row["sealed"]
    assert secrets.unseal(connections.PURPOSE, row["sealed"], about=row["about"]) == b"k" * 40
    anew = secrets.seal(connections.PURPOSE, b"k" * 40, about=row["about"])
    assert await db.fetchval(connections.SEALED.reseal, row["id"], row["sealed"], anew) == connection
    assert await db.fetchval(connections.SEALED.reseal, row["id"], row["sealed"], anew) is None


async def test_a_biller_that_is_not_there_has_no_connection(db: Connection, desk: httpx.AsyncClient) -> None:
    one = await a_staff_member(db, role="finance")
    path = f"/v1/staff/billers/nobody/connections/{uuid4()}"
    assert (await desk.put(path, headers=one.headers, json=CONNECTION)).status_code == 404
    assert (await desk.put(f"{path}/approval", headers=one.headers, json={})).status_code == 404


async def test_an_open_address_is_for_the_sandbox(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_biller(db)
    one = await a_staff_member(db, role="finance")
    path = f"/v1/staff/billers/dien-luc-hue/connections/{uuid4()}"
    body = {**CONNECTION, "url": "http://biller.example"}

    def only_encrypted(url: str) -> str:
        raise connections.NoAnswer(url)

    with monkeypatch.context() as patched:
        patched.setattr(connections, "usable", only_encrypted)
        assert problem(await desk.put(path, headers=one.headers, json=body)) == (400, "AddressNotEncrypted")
    assert (await desk.put(path, headers=one.headers, json=body)).status_code == 200
