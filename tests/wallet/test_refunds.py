"""Money that is given back: by a shop or by two of finance, to a wallet or to the bank that it came from."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.types import new_id
from tests.conftest import City, StandIns
from tests.makers import Resident, Shop, StaffMember, a_bill, a_biller, a_resident, a_shop, a_staff_member
from tests.statements import sql
from tests.wallet import banking
from tests.wallet.telling import casso, of_casso
from wallet import ledger, qr
from wallet.ledger import Move


async def bought(db: Connection, shop: Shop, amount: int = 100_000, payer: Resident | None = None) -> UUID:
    """A payment at a shop."""
    payer = payer or await a_resident(db, balance=amount)
    payment_id = new_id()
    move = Move(
        payment_id, "merchant", payer.id, session_id=payer.session_id, terminal_id=shop.terminal_id, amount=amount
    )
    await ledger.move(db, move)
    return payment_id


async def took_from_bank(
    db: Connection, shop: Shop, amount: int = 80_000, account: str | None = banking.PAYS
) -> UUID:
    """A shop was paid by somebody's bank app."""
    taking_id = new_id()
    sender = ("970436", account, "TRAN VAN A") if account else (None, None, None)
    await db.execute(sql.plant_bank_taking, taking_id, shop.id, amount, *sender)
    await ledger.move(db, Move(taking_id, "taking", ledger.GUARANTEE, shop.id, amount))
    return taking_id


def asking(payment_id: UUID | str, amount: int = 30_000, reason: str = "Hết hàng") -> dict[str, object]:
    return {"payment_id": str(payment_id), "amount": amount, "reason": reason}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def insist(client: httpx.AsyncClient, path: str, who: Resident | StaffMember, body: object) -> httpx.Response:
    """What a phone does: while the city is busy, the same again."""
    while True:
        answer = await client.put(path, headers=who.headers, json=body)
        if answer.status_code != 503:
            return answer


# By the shop


async def test_a_shop_gives_a_part_back_and_then_the_rest(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
    payment_id = await bought(db, shop, payer=payer)
    first = await desk.put(
        f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=asking(payment_id, 30_000)
    )
    assert first.status_code == 201, first.text
    assert (first.json()["status"], first.json()["source"]) == ("paid", "merchant")
    rest = await desk.put(
        f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=asking(payment_id, 70_000)
    )
    assert rest.status_code == 201
    more = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=asking(payment_id, 1))
    assert problem(more) == (409, "RefundTooMuch")
    assert await db.fetchval(sql.balance, payer.id) == 100_000
    assert await db.fetchval(sql.balance, shop.id) == 0
    shown = await desk.get(f"/v1/wallet/payments/{payment_id}/refunds", headers=payer.headers)
    assert (shown.json()["refunded"], len(shown.json()["items"])) == (100_000, 2)
    listed = await desk.get(f"/v1/merchants/{shop.id}/refunds", headers=shop.owner.headers, params={"limit": 1})
    assert [line["amount"] for line in listed.json()["items"]] == [70_000]
    assert listed.json()["next"]


async def test_the_same_refund_again_is_the_same_and_another_under_its_id_is_none(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop = await a_shop(db)
    payment_id, path = await bought(db, shop), f"/v1/wallet/refunds/{uuid4()}"
    assert problem(await desk.get(path, headers=shop.owner.headers)) == (404, "RefundNotYetKnown")
    made = await desk.put(path, headers=shop.owner.headers, json=asking(payment_id))
    again = await desk.put(path, headers=shop.owner.headers, json=asking(payment_id))
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json() == (await desk.get(path, headers=shop.owner.headers)).json()
    for other in (asking(payment_id, 29_999), asking(payment_id, reason="Khác"), asking(await bought(db, shop))):
        assert problem(await desk.put(path, headers=shop.owner.headers, json=other)) == (409, "RefundIdTaken")
    assert await db.fetchval(sql.balance, shop.id) == 100_000 - 30_000 + 100_000


async def test_nobody_else_gives_a_shops_money_back(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
    payment_id = await bought(db, shop, payer=payer)
    other = await a_shop(db)
    unknown = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=payer.headers, json=asking(uuid4()))
    for stranger in (payer, other.owner):
        tried = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=stranger.headers, json=asking(payment_id))
        assert problem(tried) == problem(unknown) == (404, "NotFound")


async def test_only_the_two_sides_see_a_refund(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
    payment_id, path = await bought(db, shop, payer=payer), f"/v1/wallet/refunds/{uuid4()}"
    await desk.put(path, headers=shop.owner.headers, json=asking(payment_id))
    assert (await desk.get(path, headers=payer.headers)).status_code == 200
    stranger = await a_resident(db)
    assert (await desk.get(path, headers=stranger.headers)).status_code == 404
    refunds = f"/v1/wallet/payments/{payment_id}/refunds"
    assert (await desk.get(refunds, headers=stranger.headers)).status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"amount": 0}, {"amount": -1}, {"amount": 1.5}, {"amount": 2**63}, {"reason": ""}, {"reason": "x" * 141}],
)
async def test_a_wrong_refund_is_malformed(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, object]
) -> None:
    shop = await a_shop(db)
    body = asking(await bought(db, shop)) | change
    tried = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=body)
    assert problem(tried) == (400, "Malformed")


async def test_a_shop_that_has_spent_the_money_cannot_give_it_back(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    payment_id = await bought(db, shop)
    await ledger.move(db, Move(new_id(), "settlement", shop.id, ledger.SETTLEMENT, 80_000))
    path = f"/v1/wallet/refunds/{uuid4()}"
    tried = await desk.put(path, headers=shop.owner.headers, json=asking(payment_id))
    assert problem(tried) == (409, "InsufficientFunds")
    assert (await desk.get(path, headers=shop.owner.headers)).status_code == 404, "a refusal leaves no trace"


async def test_both_are_told(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
    payment_id = await bought(db, shop, payer=payer)
    await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=asking(payment_id))
    [news] = await banking.told(db, "PaymentRefunded")
    assert (news["payer_id"], news["owner_id"], news["amount"]) == (str(payer.id), str(shop.owner.id), 30_000)


async def test_c24_forty_refunds_at_once_never_exceed_the_payment(city: City) -> None:
    async with city.database.transaction() as db:
        shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
        await bought(db, shop, 900_000)  # money of others, which is there to be taken
        payment_id = await bought(db, shop, payer=payer)
    body = asking(payment_id, 20_000)
    answers = await asyncio.gather(
        *(insist(city.client, f"/v1/wallet/refunds/{uuid4()}", shop.owner, body) for _ in range(40))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 35}
    assert await banking.money(city, payer.id) == (100_000, 0)
    assert await banking.broken_laws(city) == []


async def test_forty_times_the_same_refund_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
        payment_id = await bought(db, shop, payer=payer)
    path, body = f"/v1/wallet/refunds/{uuid4()}", asking(payment_id)
    answers = await asyncio.gather(*(insist(city.client, path, shop.owner, body) for _ in range(40)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 39}
    assert len({answer.content for answer in answers}) == 1
    assert await banking.money(city, payer.id) == (30_000, 0)


# To the bank that it came from


async def refunded(city: City, shop: Shop, taking_id: UUID | str, amount: int = 50_000) -> tuple[str, httpx.Response]:
    path = f"/v1/wallet/refunds/{uuid4()}"
    return path, await insist(city.client, path, shop.owner, asking(taking_id, amount))


async def fate(city: City, shop: Shop, path: str) -> tuple[str, str | None]:
    shown = (await city.client.get(path, headers=shop.owner.headers)).json()
    return shown["status"], shown["failure"]


async def test_a_bank_transfer_goes_back_to_its_sender(city: City, stand_ins: StandIns) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
        taking_id = await took_from_bank(db, shop)
    path, made = await refunded(city, shop, taking_id)
    assert (made.status_code, made.json()["status"], made.json()["source"]) == (201, "pending", "bank")
    assert await banking.money(city, shop.id) == (80_000, 50_000)
    _, more = await refunded(city, shop, taking_id, 30_001)
    assert problem(more) == (409, "RefundTooMuch")
    shown = await city.client.get(f"/v1/wallet/payments/{taking_id}/refunds", headers=shop.owner.headers)
    assert (shown.json()["refunded"], len(shown.json()["items"])) == (50_000, 1)
    await city.worker.drain()
    assert await fate(city, shop, path) == ("paid", None)
    assert await banking.money(city, shop.id) == (30_000, 0)
    async with city.database.acquire() as db:
        [news] = await banking.told(db, "TakingRefunded")
    assert (news["taking_id"], news["amount"]) == (str(taking_id), 50_000)
    assert await banking.broken_laws(city) == []


async def test_what_a_bank_told_of_goes_back_to_the_account_that_it_named(city: City, stand_ins: StandIns) -> None:
    """From the webhook to the line of the bank's own statement."""
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    sender = f"77{uuid4().int % 10**10:010}90"
    body = of_casso(
        80_000, "bun bo", virtualAccountNumber=qr.read(shop.qr).account, counterAccountNumber=sender,
        counterAccountBankId="970418", counterAccountName="TRAN VAN A",
    )  # fmt: skip
    assert (await casso(city, body)).status_code == 200
    takings = await city.client.get(f"/v1/merchants/{shop.id}/takings", headers=shop.owner.headers)
    [taking] = takings.json()["items"]
    assert (taking["kind"], taking["amount"]) == ("taking", 80_000)
    path, made = await refunded(city, shop, taking["id"], 50_000)
    assert (made.status_code, made.json()["source"]) == (201, "bank"), made.text
    await city.worker.drain()
    assert await fate(city, shop, path) == ("paid", None)
    assert await banking.paid_there(stand_ins, sender) == [50_000]
    assert await banking.money(city, shop.id) == (30_000, 0)
    assert await banking.broken_laws(city) == []


async def test_what_the_senders_bank_refuses_is_the_shops_again(city: City, stand_ins: StandIns) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
        taking_id = await took_from_bank(db, shop, account=banking.REFUSED)
    path, _ = await refunded(city, shop, taking_id, 80_000)
    await city.worker.drain()
    status, failure = await fate(city, shop, path)
    assert status == "failed"
    assert failure is not None
    assert await banking.money(city, shop.id) == (80_000, 0)
    _, again = await refunded(city, shop, taking_id, 80_000)
    assert again.status_code == 201, "nothing was given back yet"


async def test_a_sender_whom_the_bank_did_not_name_gets_nothing(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    taking_id = await took_from_bank(db, shop, account=None)
    tried = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=asking(taking_id))
    assert problem(tried) == (409, "SenderNotKnown")


async def test_ten_refunds_of_a_bank_transfer_at_once_never_exceed_it(city: City, stand_ins: StandIns) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
        taking_id = await took_from_bank(db, shop)
        await took_from_bank(db, shop, 500_000)
    answers = await asyncio.gather(*(refunded(city, shop, taking_id, 30_000) for _ in range(10)))
    assert Counter(answer.status_code for _, answer in answers) == {201: 2, 409: 8}
    await city.worker.drain()
    assert await banking.money(city, shop.id) == (520_000, 0)


# By finance


async def test_finance_gives_back_with_two_pairs_of_eyes(db: Connection, desk: httpx.AsyncClient) -> None:
    first, second = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
    payment_id, path = await bought(db, shop, payer=payer), f"/v1/staff/refunds/{uuid4()}"
    proposed = await desk.put(path, headers=first.headers, json=asking(payment_id))
    assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed"), proposed.text
    assert (await desk.put(path, headers=first.headers, json=asking(payment_id))).json() == proposed.json()
    assert await db.fetchval(sql.balance, payer.id) == 0
    alone = await desk.put(f"{path}/approval", headers=first.headers, json={})
    assert problem(alone) == (403, "RefundNeedsSecondPairOfEyes")
    approved = await desk.put(f"{path}/approval", headers=second.headers, json={})
    assert (approved.status_code, approved.json()["status"]) == (200, "paid"), approved.text
    assert await db.fetchval(sql.balance, payer.id) == 30_000
    again = await desk.put(f"{path}/approval", headers=second.headers, json={})
    assert again.json() == approved.json()
    late = await desk.put(f"{path}/refusal", headers=second.headers, json={})
    assert problem(late) == (409, "RefundIsDecided")
    listed = await desk.get("/v1/staff/refunds", headers=first.headers, params={"status": "paid"})
    assert listed.json()["items"] == [approved.json()]


async def test_a_bill_is_given_back_when_its_biller_agrees_and_stays_paid(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    first, second = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    payer = await a_resident(db, balance=500_000)
    await a_biller(db)
    bill_id, payment_id = await a_bill(db), new_id()
    await ledger.move(db, Move(payment_id, "bill", payer.id, session_id=payer.session_id, bill_id=bill_id))
    path, body = f"/v1/staff/refunds/{uuid4()}", asking(payment_id, 412_500, "Thu nhầm kỳ")
    assert problem(await desk.put(path, headers=first.headers, json=body)) == (400, "ConsentMissing")
    agreed = body | {"consent": "Công văn 12/ĐLH ngày 20/11/2026"}
    assert (await desk.put(path, headers=first.headers, json=agreed)).status_code == 200
    approved = await desk.put(f"{path}/approval", headers=second.headers, json={})
    assert approved.json()["status"] == "paid", approved.text
    assert await db.fetchval(sql.balance, payer.id) == 500_000
    [news] = await banking.told(db, "PaymentRefunded")
    assert (news["payee_name"], news["merchant_id"]) == ("Điện lực Huế", None)
    shown = await desk.get(f"/v1/wallet/payments/{payment_id}/refunds", headers=payer.headers)
    assert shown.json()["refunded"] == 412_500
    assert (await desk.get(f"/v1/wallet/payments/{payment_id}", headers=payer.headers)).json()["status"] == "paid"


async def test_a_refused_proposal_moves_nothing(db: Connection, desk: httpx.AsyncClient) -> None:
    first, second = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    shop = await a_shop(db)
    payment_id, path = await bought(db, shop), f"/v1/staff/refunds/{uuid4()}"
    await desk.put(path, headers=first.headers, json=asking(payment_id))
    back = await desk.put(f"{path}/refusal", headers=first.headers, json={})
    assert back.json()["status"] == "refused", "whoever proposed it may take it back"
    late = await desk.put(f"{path}/approval", headers=second.headers, json={})
    assert problem(late) == (409, "RefundIsDecided")
    assert await db.fetchval(sql.balance, shop.id) == 100_000


async def test_a_transfer_between_people_is_not_finances_to_give_back(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    member, friend = await a_staff_member(db, role="finance"), await a_resident(db)
    payer = await a_resident(db, balance=9000)
    sent = Move(new_id(), "person", payer.id, session_id=payer.session_id, amount=9000, phone=friend.phone)
    await ledger.move(db, sent)
    tried = await desk.put(f"/v1/staff/refunds/{uuid4()}", headers=member.headers, json=asking(sent.id, 9000))
    assert problem(tried) == (404, "NotFound")


async def test_two_approve_at_once_and_it_is_given_back_once(city: City) -> None:
    async with city.database.transaction() as db:
        finance = [await a_staff_member(db, role="finance") for _ in range(3)]
        shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
        payment_id = await bought(db, shop, payer=payer)
    path = f"/v1/staff/refunds/{uuid4()}"
    await city.client.put(path, headers=finance[0].headers, json=asking(payment_id))
    answers = await asyncio.gather(
        *(insist(city.client, f"{path}/approval", member, {}) for member in finance[1:] for _ in range(5))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 5, 409: 5}
    assert await banking.money(city, payer.id) == (30_000, 0)
