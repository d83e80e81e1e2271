"""Money that residents put in: by the gateway's page or a transfer, credited once or not at all, whatever is told."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from app import config
from app.clock import CITY_ZONE, city_now
from app.db import Connection, Database
from app.identity import sessions
from app.identity.tokens import new_token, token_hash
from app.privacy.holdings import standing_against
from notifications.messages import messages_of
from tests.app.phones import problem
from tests.conftest import City, Later, StandIns, served
from tests.makers import Resident, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet.banking import broken_laws, money, told
from tests.wallet.conftest import Passing
from wallet import ledger, qr
from wallet.events import TopUpFailed, TopUpInReview, TopUpPaid
from wallet.gateways import top_up_errands, top_up_personal, top_ups, transfer_codes, vnpay
from wallet.ledger import Move

AMOUNT = 200_000
IPN = "/v1/gateways/vnpay/ipn"
MINUTE = 60

pytestmark = pytest.mark.usefixtures("stand_ins")


# Makers


async def someone(city: City) -> Resident:
    """A resident with an empty wallet, in a city whose reserve covers what the gateway owes."""
    async with city.database.transaction() as db:
        await ledger.move(db, Move(uuid4(), "reserve", ledger.GUARANTEE, ledger.RESERVE, 1_000_000_000))
        return await a_patient_resident(db)


async def a_patient_resident(db: Connection) -> Resident:
    """Somebody who stays signed in for days, with an empty wallet."""
    me, token = await a_resident(db), new_token()
    await db.execute(sessions.sql.keep_access_token, token_hash(token), me.session_id, 10 * 24 * 3600)
    return replace(me, token=token)


def asked(amount: object = AMOUNT, method: str = "vnpay") -> dict[str, object]:
    return {"amount": amount, "method": method}


async def put(
    client: httpx.AsyncClient, who: Resident, top_up_id: object, body: Mapping[str, object], **headers: str
) -> httpx.Response:
    path = f"/v1/wallet/top-ups/{top_up_id}"
    return await client.put(path, headers={**who.headers, **headers}, json=body)


async def get(client: httpx.AsyncClient, who: Resident, top_up_id: object) -> httpx.Response:
    return await client.get(f"/v1/wallet/top-ups/{top_up_id}", headers=who.headers)


async def a_top_up(city: City, who: Resident, amount: int = AMOUNT, method: str = "vnpay") -> tuple[UUID, Any]:
    """One that was just asked for: its id, and what the phone was answered."""
    top_up_id = uuid4()
    answer = await put(city.client, who, top_up_id, asked(amount, method))
    assert answer.status_code == 201, answer.text
    return top_up_id, answer.json()


async def fate(city: City, who: Resident, top_up_id: object) -> str:
    return (await get(city.client, who, top_up_id)).json()["status"]


def notice(top_up_id: UUID, amount: int = AMOUNT, code: str = "00", status: str = "00", **changes: str) -> str:
    """A notice as the gateway signs it; written here anew."""
    here = config.settings()
    values = {
        "vnp_Amount": str(amount * 100),
        "vnp_BankCode": "NCB",
        "vnp_OrderInfo": "Nap tien",
        "vnp_ResponseCode": code,
        "vnp_TmnCode": here.vnpay_terminal,
        "vnp_TransactionNo": "14226112",
        "vnp_TransactionStatus": status,
        "vnp_TxnRef": top_up_id.hex,
    } | changes
    query = urlencode(sorted((key, value) for key, value in values.items() if value))
    return f"{query}&vnp_SecureHash={hmac.digest(here.vnpay_secret.encode(), query.encode(), 'sha512').hex()}"


async def hear(client: httpx.AsyncClient, query: str) -> str:
    """The `RspCode` of what the city answers a notice; that is always a 200."""
    answer = await client.get(f"{IPN}?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"RspCode", "Message"}
    return answer.json()["RspCode"]


@pytest.fixture
async def gateway(city: City, stand_ins: StandIns) -> AsyncIterator["GatewayHere"]:
    """The stand-in of the gateway, which tells this city, on a socket."""
    async with served(city.app) as port, httpx.AsyncClient(verify=False, timeout=15) as client:
        here = GatewayHere(stand_ins, client)
        await here.behave(next="silence", times=0)
        await here.behave(ipn_url=f"http://localhost:{port}{IPN}")
        yield here


class GatewayHere:
    """What a test may do at the gateway."""

    def __init__(self, stand_ins: StandIns, client: httpx.AsyncClient) -> None:
        self.url = f"{stand_ins.url}/vnpay"
        self.client = client

    async def behave(self, **how: object) -> None:
        (await self.client.put(f"{self.url}/behaviour", json=how)).raise_for_status()

    async def answer(self, pay_url: str, answer: str = "pay") -> str:
        """Open the page and answer it; where the browser is sent."""
        sent = await self.client.get(f"{pay_url}&auto={answer}")
        assert sent.status_code == 303, sent.text
        return sent.headers["location"]

    async def heard(self, top_up_id: UUID) -> list[str]:
        """What the city answered to each notice."""
        return (await self.client.get(f"{self.url}/payments/{top_up_id.hex}")).json()["answers"]


# Asking


async def test_a_page_of_the_gateway_is_asked_for_and_asked_again(city: City) -> None:
    me, top_up_id = await someone(city), uuid4()
    first = await put(city.client, me, top_up_id, asked())
    assert first.status_code == 201, first.text
    answer = first.json()
    query = dict(parse_qsl(urlsplit(answer["pay_url"]).query))
    assert (query["vnp_Amount"], query["vnp_TxnRef"]) == ("20000000", top_up_id.hex)
    assert query["vnp_ReturnUrl"].endswith("/v1/gateways/vnpay/return")
    assert answer == {
        "id": str(top_up_id),
        "status": "pending",
        "amount": AMOUNT,
        "method": "vnpay",
        "pay_url": answer["pay_url"],
        "vietqr": None,
        "code": None,
        "transfer_to": None,
        "reason": None,
        "expires_at": answer["expires_at"],
        "made_at": answer["made_at"],
        "resolved_at": None,
    }
    again, shown = await put(city.client, me, top_up_id, asked()), await get(city.client, me, top_up_id)
    assert (again.status_code, again.content) == (200, first.content)
    assert (shown.status_code, shown.content) == (200, first.content)
    assert await money(city, me.id) == (0, 0)


async def test_a_transfer_is_asked_for_by_a_qr_that_any_bank_reads(city: City) -> None:
    me = await someone(city)
    _, answer = await a_top_up(city, me, 150_000, "bank_transfer")
    reading, here = qr.read(answer["vietqr"]), config.settings()
    assert (reading.bank_bin, reading.account) == (here.partner_bank_bin, here.bank_account)
    assert (reading.amount, reading.dynamic, reading.service) == (150_000, True, "QRIBFTTA")
    assert reading.note == answer["code"] == transfer_codes.find(f"MBVCB.1.{answer['code'].lower()}.CT")
    assert answer["transfer_to"] == {
        "bank_bin": here.partner_bank_bin,
        "account_number": here.bank_account,
        "account_name": here.bank_account_name,
    }
    assert answer["pay_url"] is None


async def test_other_content_under_the_same_id_is_refused(city: City) -> None:
    me, other = await someone(city), await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    for who, body in ((me, asked(AMOUNT + 1)), (me, asked(method="bank_transfer")), (other, asked())):
        assert problem(await put(city.client, who, top_up_id, body)) == (409, "TopUpIdTaken")
    unknown = problem(await get(city.client, me, uuid4()))
    assert problem(await get(city.client, other, top_up_id)) == unknown == (404, "TopUpNotYetKnown")


@pytest.mark.parametrize(
    "body",
    [
        asked(0), asked(-1), asked(1.5), asked("200000"), asked(2**63), asked(None), asked(True), asked(10**12 + 1),
        asked(method="cash"), {"amount": AMOUNT}, {"method": "vnpay"}, {**asked(), "status": "paid"},
        {**asked(), "kind": "withdrawal"}, [], None,
    ],
)  # fmt: skip
async def test_what_is_no_top_up_is_refused(db: Connection, desk: httpx.AsyncClient, body: Any) -> None:
    me = await a_resident(db)
    assert problem(await put(desk, me, uuid4(), body)) == (400, "Malformed")


@pytest.mark.parametrize("amount", [1, 9_999, 50_000_001])
async def test_too_little_and_too_much_are_refused(db: Connection, desk: httpx.AsyncClient, amount: int) -> None:
    me = await a_resident(db)
    answer = await put(desk, me, uuid4(), asked(amount))
    assert problem(answer) == (400, "TopUpOutOfBounds")
    assert "10.000" in answer.json()["title"]


async def test_an_id_that_money_has_is_taken(city: City) -> None:
    me, friend = await someone(city), await someone(city)
    payment_id = uuid4()
    async with city.database.transaction() as db:
        await ledger.move(db, Move(uuid4(), "funding", ledger.GUARANTEE, me.id, 5000))
    body = {"kind": "person", "phone": friend.phone, "amount": 1000}
    paid = await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=me.headers, json=body)
    assert paid.status_code == 201, paid.text
    assert problem(await put(city.client, me, payment_id, asked())) == (409, "TopUpIdTaken")


async def test_many_at_once_under_one_id_are_one(city: City) -> None:
    me, top_up_id = await someone(city), uuid4()
    answers = await asyncio.gather(*(put(city.client, me, top_up_id, asked()) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.content for answer in answers}) == 1


async def test_two_people_at_once_under_one_id_are_one_and_a_refusal(city: City) -> None:
    people, top_up_id = [await someone(city), await someone(city)], uuid4()
    answers = await asyncio.gather(*(put(city.client, who, top_up_id, asked()) for who in people))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_nobody_asks_without_end(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    answers = [await put(desk, me, uuid4(), asked(10_000)) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [201] * 30 + [429]


async def test_mine_are_listed_newest_first(db: Connection, desk: httpx.AsyncClient) -> None:
    me, other = await a_resident(db), await a_resident(db)
    ids = [uuid4() for _ in range(3)]
    for top_up_id in ids:
        await put(desk, me, top_up_id, asked())
    await put(desk, other, uuid4(), asked())
    page = (await desk.get("/v1/wallet/top-ups?limit=2", headers=me.headers)).json()
    rest = (await desk.get(f"/v1/wallet/top-ups?cursor={page['next']}", headers=me.headers)).json()
    assert [line["id"] for line in page["items"] + rest["items"]] == [str(one) for one in reversed(ids)]
    assert rest["next"] is None


async def test_finance_sees_everybodys(db: Connection, desk: httpx.AsyncClient) -> None:
    me, member = await a_resident(db), await a_staff_member(db, role="finance")
    await put(desk, me, top_up_id := uuid4(), asked())
    assert await hear(desk, notice(top_up_id, code="07", status="07")) == "00"
    page = (await desk.get("/v1/staff/top-ups?status=review", headers=member.headers)).json()
    [line] = page["items"]
    assert (line["id"], line["principal_id"], line["gateway_reference"]) == (str(top_up_id), str(me.id), "14226112")
    assert (await desk.get("/v1/staff/top-ups?status=paid", headers=member.headers)).json()["items"] == []


async def test_what_is_over_shows_no_way_to_pay(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    me = await a_patient_resident(db)
    by_page, by_transfer = uuid4(), uuid4()
    await put(desk, me, by_page, asked())
    await put(desk, me, by_transfer, asked(method="bank_transfer"))
    await later(15 * MINUTE + 1)
    shown = (await get(desk, me, by_page)).json()
    assert (shown["status"], shown["pay_url"]) == ("pending", None), "the gateway has not said that nobody paid"
    assert (await get(desk, me, by_transfer)).json()["vietqr"] is not None
    await later(24 * 3600)
    shown = (await get(desk, me, by_transfer)).json()
    assert (shown["status"], shown["vietqr"]) == ("expired", None)


async def test_a_city_without_a_gateway_or_a_bank_says_so(
    db: Connection, desk: httpx.AsyncClient, production: None
) -> None:
    """And is paid by nobody who signs with the secret that it does not have."""
    me = await a_resident(db, level=1)
    for method in ("vnpay", "bank_transfer"):
        assert problem(await put(desk, me, uuid4(), asked(method=method))) == (409, "TopUpMethodClosed")
    assert config.settings().vnpay_secret == ""
    assert await hear(desk, notice(uuid4())) == "97"


# Proofs


async def proved(city: City, who: Resident, top_up_id: UUID, amount: int, stand_ins: StandIns) -> str:
    """A step-up for this top-up, proved by a face."""
    body = {"payment_id": str(top_up_id), "payment": {"kind": "top_up", **asked(amount)}}
    step_up = await city.client.post("/v1/wallet/step-ups", headers=who.headers, json=body)
    assert step_up.status_code == 201, step_up.text
    path = f"/v1/wallet/step-ups/{step_up.json()['step_up_id']}"
    match = await city.client.put(f"{path}/face", headers=who.headers, json={})
    await stand_ins.match_face(match.json()["url"])
    proof = await city.client.put(f"{path}/proof", headers=who.headers, json={"method": "face"})
    assert proof.status_code == 200, proof.text
    return step_up.json()["step_up_id"]


async def test_a_large_one_asks_for_a_strong_proof_of_exactly_this(city: City, stand_ins: StandIns) -> None:
    me, top_up_id, large = await someone(city), uuid4(), 10_000_001
    assert (await put(city.client, me, uuid4(), asked(10_000_000))).status_code == 201
    assert problem(await put(city.client, me, top_up_id, asked(large))) == (403, "StrongStepUpRequired")
    step_up = await proved(city, me, top_up_id, large, stand_ins)
    for id_, body in (
        (uuid4(), asked(large)),
        (top_up_id, asked(large + 1)),
        (top_up_id, asked(large, "bank_transfer")),
    ):
        refused = await put(city.client, me, id_, body, **{"step-up": step_up})
        assert problem(refused) == (403, "StrongStepUpRequired"), body
    made = await put(city.client, me, top_up_id, asked(large), **{"step-up": step_up})
    assert made.status_code == 201, made.text
    again = await put(city.client, me, top_up_id, asked(large))
    assert (again.status_code, again.content) == (200, made.content), "the replay of a lost answer needs no proof"
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.step_up_used, UUID(step_up)) is True


async def test_a_days_total_asks_for_one_though_many_come_at_once(city: City) -> None:
    me = await someone(city)
    answers = await asyncio.gather(*(put(city.client, me, uuid4(), asked(9_000_000)) for _ in range(8)))
    refused = [problem(answer) for answer in answers if answer.status_code != 201]
    assert refused == [(403, "StrongStepUpRequired")] * 6, "two are 18 million, three would be 27"


async def test_another_day_begins_anew(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    me = await a_patient_resident(db)
    for amount in (10_000_000, 9_990_000):
        assert (await put(desk, me, uuid4(), asked(amount))).status_code == 201
    assert problem(await put(desk, me, uuid4(), asked(10_001))) == (403, "StrongStepUpRequired")
    await later(24 * 3600)
    assert (await put(desk, me, uuid4(), asked(10_001))).status_code == 201


async def test_what_nobody_paid_in_time_counts_no_more(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    me = await a_patient_resident(db)
    await _at_noon(later)
    for _ in range(2):
        assert (await put(desk, me, uuid4(), asked(10_000_000))).status_code == 201
    await later(16 * MINUTE)
    assert (await put(desk, me, uuid4(), asked(10_000_000))).status_code == 201


async def _at_noon(later: Later) -> None:
    """So that a quarter of an hour later is the same day."""
    here = city_now().astimezone(CITY_ZONE)
    noon = here.replace(hour=12, minute=0) + timedelta(days=1)
    await later((noon - here).total_seconds())


# The gateway's page and its notices


async def test_i_pay_at_the_gateway_and_the_money_is_in_my_wallet(city: City, gateway: GatewayHere) -> None:
    me = await someone(city)
    top_up_id, answer = await a_top_up(city, me)
    page = await gateway.client.get(answer["pay_url"])
    assert page.status_code == 200
    assert "200.000 ₫" in page.text
    assert await fate(city, me, top_up_id) == "pending"
    back = await gateway.client.post(answer["pay_url"], data={"answer": "pay"})
    assert back.status_code == 303, back.text
    assert await gateway.heard(top_up_id) == ["00"]
    assert await fate(city, me, top_up_id) == "paid"
    assert await money(city, me.id) == (AMOUNT, 0)
    assert await money(city, ledger.GATEWAY) == (-AMOUNT, 0), "what it owes us"
    async with city.database.acquire() as db:
        [news] = await told(db, "TopUpPaid")
    assert news == {
        "top_up_id": str(top_up_id), "principal_id": str(me.id), "amount": AMOUNT, "method": "vnpay",
    }  # fmt: skip
    [line] = (await city.client.get("/v1/wallet/movements", headers=me.headers)).json()["items"]
    assert (line["id"], line["kind"], line["amount"]) == (str(top_up_id), "top_up", AMOUNT)
    returned = urlsplit(back.headers["location"])
    shown = await city.client.get(f"{returned.path}?{returned.query}")
    assert shown.status_code == 200
    assert "báo đã nhận tiền" in shown.text
    assert await broken_laws(city) == []


@pytest.mark.parametrize(("answer", "reason"), [("fail", "insufficient"), ("cancel", "cancelled")])
async def test_what_fails_at_the_gateway_has_failed(
    city: City, gateway: GatewayHere, answer: str, reason: str
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    back = await gateway.answer(made["pay_url"], answer)
    assert await gateway.heard(top_up_id) == ["00"], "a failure is recorded too"
    shown = (await get(city.client, me, top_up_id)).json()
    assert (shown["status"], shown["reason"], shown["pay_url"]) == ("failed", reason, None)
    assert await money(city, me.id) == (0, 0)
    async with city.database.acquire() as db:
        assert len(await told(db, "TopUpFailed")) == (answer == "fail"), "whoever cancelled it knows"
    returned = urlsplit(back)
    assert "không thành công" in (await city.client.get(f"{returned.path}?{returned.query}")).text


@pytest.mark.parametrize(
    ("mischief", "answers", "credited"),
    [
        ("duplicate", {"00", "02"}, True),
        ("reorder", {"00"}, True),
        ("wrong_amount", {"04"}, False),
        ("bad_signature", {"97"}, False),
        ("silence", set[str](), False),
    ],
)
async def test_c30_however_the_gateway_tells_it_is_credited_once_or_not_at_all(
    city: City, gateway: GatewayHere, mischief: str, answers: set[str], credited: bool
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next=mischief)
    await gateway.answer(made["pay_url"])
    assert set(await gateway.heard(top_up_id)) == answers
    assert await money(city, me.id) == (AMOUNT if credited else 0, 0)
    assert await fate(city, me, top_up_id) == ("paid" if credited else "pending")
    assert await broken_laws(city) == []


async def test_a_notice_that_comes_late_is_taken(city: City, gateway: GatewayHere) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next="late")
    await gateway.answer(made["pay_url"])
    assert await fate(city, me, top_up_id) == "pending", "the browser was back before the notice"
    async with asyncio.timeout(10):
        while await fate(city, me, top_up_id) == "pending":  # noqa: ASYNC110 - the gateway has no event for us
            await asyncio.sleep(0.1)
    assert await money(city, me.id) == (AMOUNT, 0)


async def test_c30_twenty_notices_at_once_credit_once(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    codes = await asyncio.gather(*(hear(city.client, notice(top_up_id)) for _ in range(20)))
    assert sorted(codes) == ["00"] + ["02"] * 19
    assert await money(city, me.id) == (AMOUNT, 0)
    async with city.database.acquire() as db:
        assert len(await told(db, "TopUpPaid")) == 1
    assert await broken_laws(city) == []


async def test_c30_the_answers_are_checked_in_the_gateways_order(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    forged = notice(top_up_id, amount=AMOUNT + 1)[:-1]
    assert await hear(city.client, forged) == "97", "before anything is looked up"
    assert await hear(city.client, notice(uuid4(), amount=1)) == "01", "before the amount"
    assert await hear(city.client, notice(top_up_id, vnp_TxnRef="5")) == "01"
    assert await hear(city.client, notice(top_up_id, vnp_TmnCode="OTHER001")) == "01"
    assert await hear(city.client, notice(top_up_id, amount=AMOUNT + 1)) == "04"
    assert await hear(city.client, notice(top_up_id)) == "00"
    assert await hear(city.client, notice(top_up_id, amount=AMOUNT + 1)) == "04", "before its end"
    assert await hear(city.client, notice(top_up_id)) == "02"
    assert await hear(city.client, notice(top_up_id, code="24", status="02")) == "02", "what is paid stays paid"
    assert await money(city, me.id) == (AMOUNT, 0)


@pytest.mark.parametrize(
    "query", ["", "x", "vnp_TxnRef=%00", "vnp_SecureHash=", "null", "kind=null", "%FF=%FF", "vnp_A=1&" * 400, "&=&=;"]
)
async def test_garbage_is_answered_and_does_nothing(desk: httpx.AsyncClient, query: str) -> None:
    assert await hear(desk, query) == "97"


@pytest.mark.parametrize("method", ["vnpay", "bank_transfer"])
async def test_a_top_up_need_not_say_that_it_is_one(city: City, method: str) -> None:
    """Its address does; `kind` tells payments apart where a strong proof is asked for. Another kind is none."""
    me, path = await someone(city), f"/v1/wallet/top-ups/{uuid4()}"
    silent: dict[str, object] = {"amount": AMOUNT, "method": method}
    made = await city.client.put(path, headers=me.headers, json=silent)
    assert (made.status_code, made.json()["amount"]) == (201, AMOUNT), made.text
    said = await city.client.put(path, headers=me.headers, json={**silent, "kind": "top_up"})
    assert (said.status_code, said.json()["id"]) == (200, made.json()["id"]), "said or not, it is the same"
    other = f"/v1/wallet/top-ups/{uuid4()}"
    answer = await city.client.put(other, headers=me.headers, json={**silent, "kind": "withdrawal"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:Malformed")


async def test_c30_a_notice_before_our_commit_is_taken_when_it_comes_again(city: City) -> None:
    me, top_up_id = await someone(city), uuid4()
    asked_from = top_ups.AskedFrom("203.0.113.7", "vi")
    wanted = top_ups.AskTopUp(amount=AMOUNT, method="vnpay")
    async with city.database.transaction() as db:
        await top_ups.ask(db, me.me, top_up_id, wanted, None, asked_from)
        assert await hear(city.client, notice(top_up_id)) == "01", "nobody else sees it yet"
    assert await hear(city.client, notice(top_up_id)) == "00"
    assert await money(city, me.id) == (AMOUNT, 0)


async def test_a_notice_of_a_transfer_is_none_of_the_gateways(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me, method="bank_transfer")
    assert await hear(city.client, notice(top_up_id)) == "01"
    assert await money(city, me.id) == (0, 0)


async def test_what_was_paid_after_all_is_credited(city: City, passing: Passing) -> None:
    """Money is real: after a failure, and after the page had closed and the gateway knew of nothing."""
    me = await someone(city)
    failed, _ = await a_top_up(city, me)
    assert await hear(city.client, notice(failed, code="51", status="02")) == "00"
    assert await hear(city.client, notice(failed)) == "00"
    expired, _ = await a_top_up(city, me)
    await passing(city, 21 * MINUTE)
    await city.worker.keep_schedule()
    assert await fate(city, me, expired) == "expired"
    assert await hear(city.client, notice(expired)) == "00"
    assert [await fate(city, me, one) for one in (failed, expired)] == ["paid", "paid"]
    assert await money(city, me.id) == (2 * AMOUNT, 0)
    assert await hear(city.client, notice(failed, code="51", status="02")) == "02"
    assert await broken_laws(city) == []


async def test_a_failure_told_twice_is_told_to_me_once(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    codes = [await hear(city.client, notice(top_up_id, code="51", status="02")) for _ in range(2)]
    assert codes == ["00", "02"]
    async with city.database.acquire() as db:
        [news] = await told(db, "TopUpFailed")
    assert news["reason"] == "insufficient"


async def test_what_is_unclear_is_left_open(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    for code, status in (("00", "01"), ("00", "02"), ("99", "00"), ("", "")):
        assert await hear(city.client, notice(top_up_id, code=code, status=status)) == "00"
    assert await fate(city, me, top_up_id) == "pending"
    assert await money(city, me.id) == (0, 0)


async def test_suspicion_holds_the_money_until_the_gateway_has_looked(
    city: City, gateway: GatewayHere, passing: Passing
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.answer(made["pay_url"], "suspect")
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("review", (0, 0))
    assert await hear(city.client, notice(top_up_id, code="07", status="07")) == "02"
    async with city.database.acquire() as db:
        assert len(await told(db, "TopUpInReview")) == 1
    await passing(city, 31 * MINUTE)
    await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "review", "asked, and they are still looking"
    assert await hear(city.client, notice(top_up_id)) == "00", "they have looked"
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("paid", (AMOUNT, 0))


async def test_suspicion_may_end_in_nothing(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    await hear(city.client, notice(top_up_id, code="07", status="07"))
    assert await hear(city.client, notice(top_up_id, code="99", status="02")) == "00"
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("failed", (0, 0))


async def test_our_own_trouble_is_said_and_it_is_told_again(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks before the commit leaves nothing behind."""
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)

    async def breaks(db: Connection, move: Move) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "move", breaks)
        assert await hear(city.client, notice(top_up_id)) == "99"
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("pending", (0, 0))
    async with city.database.acquire() as db:
        assert await told(db, "TopUpPaid") == []
    assert await hear(city.client, notice(top_up_id)) == "00"
    assert await money(city, me.id) == (AMOUNT, 0)


async def test_an_id_that_was_used_for_a_payment_meanwhile_loses_no_money(city: City) -> None:
    me, friend = await someone(city), await someone(city)
    async with city.database.transaction() as db:
        await ledger.move(db, Move(uuid4(), "funding", ledger.GUARANTEE, me.id, 5000))
    top_up_id, _ = await a_top_up(city, me)
    body = {"kind": "person", "phone": friend.phone, "amount": 1000}
    paid = await city.client.put(f"/v1/wallet/payments/{top_up_id}", headers=me.headers, json=body)
    assert paid.status_code == 201
    assert [await hear(city.client, notice(top_up_id)) for _ in range(2)] == ["00", "02"]
    assert await money(city, me.id) == (4000 + AMOUNT, 0)
    assert await broken_laws(city) == []


async def test_the_money_of_a_closed_wallet_waits_in_suspense(city: City) -> None:
    me = await someone(city)
    top_up_id, _ = await a_top_up(city, me)
    async with city.database.transaction() as db:
        await ledger.move(db, Move(uuid4(), "funding", ledger.GUARANTEE, me.id, 5000))
        await db.execute(sql.close_account, me.id)
    assert [await hear(city.client, notice(top_up_id)) for _ in range(2)] == ["00", "00"]
    assert await fate(city, me, top_up_id) == "failed"
    assert await money(city, me.id) == (5000, 0)
    assert await money(city, ledger.SUSPENSE) == (AMOUNT, 0)
    async with city.database.acquire() as db:
        assert await told(db, "TopUpPaid") == []
        assert await told(db, "TopUpFailed") == []
    assert await broken_laws(city) == []


async def test_it_waits_there_also_if_its_id_has_paid_something_meanwhile(city: City) -> None:
    async with city.database.transaction() as db:
        me, friend = await a_resident(db, balance=5000), await a_resident(db)
    top_up_id, _ = await a_top_up(city, me)
    body = {"kind": "person", "phone": friend.phone, "amount": 5000}
    paid = await city.client.put(f"/v1/wallet/payments/{top_up_id}", headers=me.headers, json=body)
    assert paid.status_code == 201, paid.text
    async with city.database.transaction() as db:
        await db.execute(sql.close_account, me.id)
    assert [await hear(city.client, notice(top_up_id)) for _ in range(2)] == ["00", "00"]
    assert await money(city, ledger.SUSPENSE) == (AMOUNT, 0)
    assert await broken_laws(city) == []


# What the gateway never told


async def test_a_lost_notice_is_asked_for(city: City, gateway: GatewayHere, passing: Passing) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next="silence")
    await gateway.answer(made["pay_url"])
    await passing(city, 14 * MINUTE)
    await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "pending", "not before its page has closed"
    await passing(city, 3 * MINUTE)
    await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "paid"
    assert await money(city, me.id) == (AMOUNT, 0)
    assert await hear(city.client, notice(top_up_id)) == "02", "a notice that comes after all"
    assert await broken_laws(city) == []


async def test_what_failed_in_silence_has_failed(city: City, gateway: GatewayHere, passing: Passing) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next="silence")
    await gateway.answer(made["pay_url"], "fail")
    await passing(city, 17 * MINUTE)
    await city.worker.keep_schedule()
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("failed", (0, 0))


async def test_what_nobody_began_expires_when_nobody_can_begin_it(
    city: City, gateway: GatewayHere, passing: Passing
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await passing(city, 17 * MINUTE)
    await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "pending", "clocks differ"
    page = await gateway.client.get(made["pay_url"])
    assert (page.status_code, "(15)" in page.text) == (400, True), "the page has closed"
    await passing(city, 6 * MINUTE)
    await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "expired"


async def test_what_was_begun_and_never_finished_is_asked_about_for_a_day(
    city: City, gateway: GatewayHere, passing: Passing
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.client.get(made["pay_url"])
    for _ in range(8):
        await passing(city, 2 * 3600)
        await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "pending"
    for _ in range(6):
        await passing(city, 2 * 3600)
        await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "expired"


@pytest.mark.parametrize("mischief", ["down", "not_json", "huge", "moved", "bad_signature", "wrong_amount"])
async def test_an_answer_that_is_none_changes_nothing(
    city: City, gateway: GatewayHere, passing: Passing, mischief: str
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next="silence")
    await gateway.answer(made["pay_url"])
    await gateway.behave(next=mischief, at="query")
    await passing(city, 17 * MINUTE)
    await city.worker.keep_schedule()
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("pending", (0, 0))
    await passing(city, 6 * MINUTE)
    await city.worker.keep_schedule()
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("paid", (AMOUNT, 0))


async def test_two_workers_and_a_notice_at_once_credit_once(
    city: City, gateway: GatewayHere, passing: Passing
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next="silence")
    await gateway.answer(made["pay_url"])
    await passing(city, 17 * MINUTE)
    await asyncio.gather(
        top_up_errands.sweep(city.database),
        top_up_errands.sweep(city.database),
        *(hear(city.client, notice(top_up_id)) for _ in range(4)),
    )
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("paid", (AMOUNT, 0))
    assert await broken_laws(city) == []


async def test_a_worker_that_is_killed_while_it_asks_is_followed_by_another(
    city: City, gateway: GatewayHere, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me)
    await gateway.behave(next="silence")
    await gateway.answer(made["pay_url"])
    await passing(city, 17 * MINUTE)

    async def killed(top_up_id: UUID, made_at: datetime) -> vnpay.Told:
        raise asyncio.CancelledError

    with monkeypatch.context() as dying:
        dying.setattr(top_up_errands, "ask", killed)
        with pytest.raises(asyncio.CancelledError):
            await top_up_errands.sweep(city.database)
    assert await fate(city, me, top_up_id) == "pending"
    await passing(city, 6 * MINUTE)
    await city.worker.keep_schedule()
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("paid", (AMOUNT, 0))


# By transfer


async def credited(database: Database, code: str) -> bool:
    """As whoever hears of a transfer does."""
    async with database.transaction() as db:
        found = await top_ups.by_code(db, code)
        if found is None or not top_ups.awaits(found):
            return False
        await top_ups.credit(db, found, ledger.GUARANTEE)
        return True


async def test_a_transfer_with_its_code_is_credited_once(city: City) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me, method="bank_transfer")
    outcomes = await asyncio.gather(*(credited(city.database, made["code"]) for _ in range(10)))
    assert sorted(outcomes) == [False] * 9 + [True]
    assert (await fate(city, me, top_up_id), await money(city, me.id)) == ("paid", (AMOUNT, 0))
    assert not await credited(city.database, transfer_codes.make(transfer_codes.TOP_UP))
    assert await broken_laws(city) == []


async def test_a_transfer_that_comes_too_late_is_not(city: City, passing: Passing) -> None:
    me = await someone(city)
    top_up_id, made = await a_top_up(city, me, method="bank_transfer")
    await passing(city, 24 * 3600 + 1)
    assert not await credited(city.database, made["code"])
    await city.worker.keep_schedule()
    assert await fate(city, me, top_up_id) == "expired"
    assert not await credited(city.database, made["code"])


# The way back


async def test_the_page_says_what_the_gateway_says_and_credits_nothing(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    me = await a_resident(db)
    await put(desk, me, top_up_id := uuid4(), asked())
    for code, status, words in (
        ("00", "00", "Money shows"),
        ("07", "07", "đang được kiểm tra"),
        ("24", "02", "thử lại"),
        ("00", "01", "Chưa rõ kết quả"),
    ):
        page = await desk.get(f"/v1/gateways/vnpay/return?{notice(top_up_id, code=code, status=status)}")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert words.lower() in page.text.lower()
        assert f"{config.settings().app_url}/wallet/top-ups/{top_up_id}" in page.text
    assert (await get(desk, me, top_up_id)).json()["status"] == "pending"


@pytest.mark.parametrize("query", ["", "vnp_OrderInfo=<script>", "vnp_Amount=1&vnp_SecureHash=00"])
async def test_a_page_that_the_gateway_has_not_signed_says_nothing(desk: httpx.AsyncClient, query: str) -> None:
    page = await desk.get(f"/v1/gateways/vnpay/return?{query}")
    assert page.status_code == 400
    assert "script" not in page.text
    assert "Mở ví" in page.text or "mở ví" in page.text


async def test_what_it_shows_is_escaped(desk: httpx.AsyncClient) -> None:
    page = await desk.get(f"/v1/gateways/vnpay/return?{notice(uuid4(), vnp_TransactionNo='<b>1</b>')}")
    assert "<b>1" not in page.text
    assert "&lt;b&gt;1" in page.text


# Words


@pytest.mark.parametrize(
    "event",
    [
        TopUpPaid(top_up_id=uuid4(), principal_id=uuid4(), amount=AMOUNT, method="vnpay"),
        TopUpPaid(top_up_id=uuid4(), principal_id=uuid4(), amount=AMOUNT, method="bank_transfer"),
        TopUpInReview(top_up_id=uuid4(), principal_id=uuid4(), amount=AMOUNT),
        TopUpFailed(top_up_id=uuid4(), principal_id=uuid4(), amount=AMOUNT, reason="insufficient"),
    ],
)
def test_its_owner_is_told(event: TopUpPaid | TopUpInReview | TopUpFailed) -> None:
    [words] = messages_of(event)
    assert words.principal_id == event.principal_id
    assert "200.000" in words.body["vi"]
    assert words.link == f"/wallet/top-ups/{event.top_up_id}"


# A person's data


async def test_whoever_has_money_on_its_way_in_is_forgotten_later_and_their_address_with_them(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    me = await a_patient_resident(db)
    await put(desk, me, uuid4(), asked())
    [holding] = top_up_personal.HOLDINGS
    assert await standing_against(db, [holding], me.id) == [holding]
    await later(16 * MINUTE)
    assert await standing_against(db, [holding], me.id) == []
    [copy] = await db.fetch(holding.rows, me.id)
    assert copy["address"] == "127.0.0.1"
    assert holding.erase is not None
    await db.execute(holding.erase, me.id)
    [kept] = await db.fetch(holding.rows, me.id)
    assert (kept["address"], kept["amount"]) == (None, AMOUNT)
