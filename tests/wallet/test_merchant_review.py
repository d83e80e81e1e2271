"""A shop waits for finance, is stopped and goes on, loses a sticker, and closes once its money is settled."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from app import config
from app.db import Connection
from app.types import new_id
from tests.conftest import City
from tests.makers import Resident, Shop, a_resident, a_shop, a_staff_member
from tests.statements import sql
from wallet import ledger
from wallet.ledger import Move

OPENING = {"name": "Bún bò bên chợ", "category_code": "5812", "ward": "19777"}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def paid(db: Connection, shop: Shop, payer: Resident, amount: int = 1000) -> None:
    await ledger.move(
        db,
        Move(
            new_id(), "merchant", payer.id, amount=amount, session_id=payer.session_id, terminal_id=shop.terminal_id
        ),
    )


async def emptied(db: Connection, shop: Shop) -> None:
    """As if all had been settled."""
    held = (await db.fetchrow(sql.posted_and_pending, shop.id))["posted"]  # pyright: ignore[reportOptionalSubscript]
    await ledger.move(db, Move(new_id(), "settlement", shop.id, ledger.SETTLEMENT, held))


# Approval


@pytest.mark.usefixtures("production")
async def test_in_production_a_shop_waits_for_finance(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUONG_CITIZEN_ISSUER", "https://citizen.example")
    config.settings.cache_clear()
    owner, payer = await a_resident(db), await a_resident(db, balance=10_000)
    merchant_id, terminal_id = uuid4(), uuid4()
    path = f"/v1/merchants/{merchant_id}"
    opened = (await desk.put(path, headers=owner.headers, json=OPENING)).json()
    await desk.put(f"{path}/terminals/{terminal_id}", headers=owner.headers, json={"name": "Quầy 1"})
    sticker = (await desk.get(f"{path}/terminals/{terminal_id}/qr", headers=owner.headers)).json()["text"]
    shop = Shop(merchant_id, owner, terminal_id, sticker)
    assert opened["status"] == "pending"
    async with db.transaction():
        with pytest.raises(ledger.MerchantNotActive):
            await paid(db, shop, payer)

    finance = await a_staff_member(db, role="finance")
    waiting = (await desk.get("/v1/staff/merchants?waiting=true", headers=finance.headers)).json()["items"]
    assert [(line["id"], line["owner_name"]) for line in waiting] == [(str(merchant_id), "L*** T*** N*** Bình")]
    approval = f"/v1/staff/merchants/{merchant_id}/approval"
    blind = await desk.put(approval, headers=finance.headers, json={})
    assert problem(blind) == (400, "Malformed"), "whoever approves says what they looked at"
    seen = {name: waiting[0][name] for name in ("name", "category_code")}
    approved = await desk.put(approval, headers=finance.headers, json=seen)
    again = await desk.put(approval, headers=finance.headers, json=seen)
    assert approved.json()["status"] == "active"
    assert again.json() == approved.json()
    await paid(db, shop, payer)
    assert (await db.fetchval(sql.count_news, "MerchantApproved")) == 1
    deeds = [row["action"] for row in await db.fetch(sql.audit_of_actor, finance.id)]
    assert deeds == ["wallet.merchant_approved"]


async def test_a_shop_that_was_looked_at_becomes_nobody_else_without_another_look(
    db: Connection, desk: httpx.AsyncClient, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=10_000)
    finance = await a_staff_member(db, role="finance")
    request.getfixturevalue("production")
    monkeypatch.setenv("HUONG_CITIZEN_ISSUER", "https://citizen.example")
    config.settings.cache_clear()
    path, staff_path = f"/v1/merchants/{shop.id}", f"/v1/staff/merchants/{shop.id}"
    listing = "/v1/staff/merchants?waiting=true"

    def facts(answer: httpx.Response) -> list[str | None]:
        names = ("status", "name", "category_code", "wanted_name", "wanted_category_code")
        return [answer.json()[name] for name in names]

    posing = {**OPENING, "name": "Điện lực Huế thu hộ", "category_code": "4900"}
    before = ["active", "Bún bò bên chợ", "5812"]
    asked = await desk.put(path, headers=shop.owner.headers, json=posing)
    assert facts(asked) == [*before, "Điện lực Huế thu hộ", "4900"]
    [mine] = (await desk.get("/v1/merchants/mine", headers=shop.owner.headers)).json()["items"]
    assert mine == asked.json(), "the owner sees what waits"
    reading = (await desk.post("/v1/wallet/qr-readings", headers=payer.headers, json={"text": shop.qr})).json()
    assert (reading["payable"], reading["payee"]["name"]) == (True, "Bún bò bên chợ"), "it goes on as it is"
    waiting = (await desk.get(listing, headers=finance.headers)).json()["items"]
    assert [line["wanted_name"] for line in waiting] == ["Điện lực Huế thu hộ"]

    withdrawn = await desk.put(path, headers=shop.owner.headers, json=OPENING)
    assert facts(withdrawn) == [*before, None, None]
    assert (await desk.get(listing, headers=finance.headers)).json()["items"] == []

    seen = {"name": "Bún bò cô Ba", "category_code": "5814"}
    await desk.put(path, headers=shop.owner.headers, json={**OPENING, **seen})
    await desk.put(path, headers=shop.owner.headers, json={**posing, "category_code": "5814"})
    meanwhile = await desk.put(f"{staff_path}/approval", headers=finance.headers, json=seen)
    assert problem(meanwhile) == (409, "MerchantChangedMeanwhile")
    await desk.put(path, headers=shop.owner.headers, json={**OPENING, **seen})
    approved = await desk.put(f"{staff_path}/approval", headers=finance.headers, json=seen)
    assert facts(approved) == ["active", "Bún bò cô Ba", "5814", None, None]
    assert await db.fetchval(sql.count_news, "MerchantApproved") == 1
    deeds = [row["action"] for row in await db.fetch(sql.audit_of_actor, finance.id)]
    assert deeds == ["wallet.merchant_change_approved"]


async def test_a_suspended_shop_takes_nothing_and_its_owner_reads_why(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=10_000)
    finance = await a_staff_member(db, role="finance")
    path = f"/v1/staff/merchants/{shop.id}"
    stopped = await desk.put(
        f"{path}/suspension", headers=finance.headers, json={"reason": "Nhiều khiếu nại của khách."}
    )
    assert (stopped.json()["status"], stopped.json()["status_reason"]) == ("suspended", "Nhiều khiếu nại của khách.")
    async with db.transaction():
        with pytest.raises(ledger.MerchantNotActive):
            await paid(db, shop, payer)
    reading = (await desk.post("/v1/wallet/qr-readings", headers=payer.headers, json={"text": shop.qr})).json()
    assert reading["payable"] is False
    [mine] = (await desk.get("/v1/merchants/mine", headers=shop.owner.headers)).json()["items"]
    assert (mine["status"], mine["status_reason"]) == ("suspended", "Nhiều khiếu nại của khách.")
    closing = await desk.put(f"/v1/merchants/{shop.id}/closure", headers=shop.owner.headers, json={})
    assert problem(closing) == (409, "MerchantSuspended")
    seen = {"name": "Bún bò bên chợ", "category_code": "5812"}
    approval = await desk.put(f"{path}/approval", headers=finance.headers, json=seen)
    assert problem(approval) == (409, "MerchantStateDiffers"), "it is reinstated, not approved again"

    back = (await desk.put(f"{path}/reinstatement", headers=finance.headers, json={})).json()
    assert (back["status"], back["status_reason"]) == ("active", None)
    await paid(db, shop, payer)
    for kind in ("MerchantStopped", "MerchantReinstated"):
        assert await db.fetchval(sql.count_news, kind) == 1


async def test_a_suspension_again_is_the_same_and_another_reason_is_not(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, finance = await a_shop(db), await a_staff_member(db, role="finance")
    path = f"/v1/staff/merchants/{shop.id}/suspension"
    for _ in range(2):
        assert (await desk.put(path, headers=finance.headers, json={"reason": "a"})).status_code == 200
    assert problem(await desk.put(path, headers=finance.headers, json={"reason": "b"})) == (
        409,
        "MerchantStateDiffers",
    )
    assert await db.fetchval(sql.count_news, "MerchantStopped") == 1


async def test_the_citys_shops_are_paged_by_status(db: Connection, desk: httpx.AsyncClient) -> None:
    finance = await a_staff_member(db, role="finance")
    shops = {str((await a_shop(db)).id) for _ in range(3)}
    path, seen, cursor = "/v1/staff/merchants?status=active&limit=2", list[str](), ""
    while True:
        page = (await desk.get(f"{path}{cursor}", headers=finance.headers)).json()
        seen += [line["id"] for line in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert set(seen) == shops
    assert len(seen) == 3
    none = (await desk.get("/v1/staff/merchants?status=closed", headers=finance.headers)).json()
    assert none["items"] == []
    assert (await desk.get("/v1/staff/merchants?status=gone", headers=finance.headers)).status_code == 400


async def test_an_unknown_shop_is_no_shop(db: Connection, desk: httpx.AsyncClient) -> None:
    finance = await a_staff_member(db, role="finance")
    seen = {"name": "Bún bò", "category_code": "5812"}
    for deed, body in (("approval", seen), ("suspension", {"reason": "?"}), ("reinstatement", {})):
        answer = await desk.put(f"/v1/staff/merchants/{uuid4()}/{deed}", headers=finance.headers, json=body)
        assert answer.status_code == 404


# A lost sticker


async def test_a_lost_sticker_takes_no_money_for_good(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=10_000)
    path = f"/v1/merchants/{shop.id}/terminals/{shop.terminal_id}"
    order = f"/v1/merchants/{shop.id}/orders/{uuid4()}"
    asked = {"terminal_id": str(shop.terminal_id), "amount": 1000}
    assert (await desk.put(order, headers=shop.owner.headers, json=asked)).status_code == 201
    lost = await desk.put(f"{path}/revocation", headers=shop.owner.headers, json={})
    again = await desk.put(f"{path}/revocation", headers=shop.owner.headers, json={})
    assert lost.status_code == 200
    assert lost.json() == again.json()
    async with db.transaction():
        with pytest.raises(ledger.UnknownTerminal):
            await paid(db, shop, payer)
    reading = (await desk.post("/v1/wallet/qr-readings", headers=payer.headers, json={"text": shop.qr})).json()
    assert reading["payable"] is False
    assert (await desk.get(f"{path}/qr", headers=shop.owner.headers)).status_code == 404
    [mine] = (await desk.get("/v1/merchants/mine", headers=shop.owner.headers)).json()["items"]
    assert mine["terminals"] == []
    renamed = await desk.put(path, headers=shop.owner.headers, json={"name": "Quầy 1"})
    assert problem(renamed) == (409, "TerminalIdTaken"), "it does not come back"
    assert (await desk.get(order, headers=shop.owner.headers)).status_code == 200, "what it asked for is still seen"
    other = await desk.put(f"/v1/merchants/{shop.id}/orders/{uuid4()}", headers=shop.owner.headers, json=asked)
    assert other.status_code == 404


async def test_only_its_owner_takes_a_sticker_back(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, other = await a_shop(db), await a_shop(db)
    for merchant_id in (shop.id, other.id):
        path = f"/v1/merchants/{merchant_id}/terminals/{shop.terminal_id}/revocation"
        assert (await desk.put(path, headers=other.owner.headers, json={})).status_code == 404
    assert (
        await desk.get(f"/v1/merchants/{shop.id}/terminals/{shop.terminal_id}/qr", headers=shop.owner.headers)
    ).status_code == 200


# Closing


async def closing(desk: httpx.AsyncClient, shop: Shop) -> httpx.Response:
    return await desk.put(f"/v1/merchants/{shop.id}/closure", headers=shop.owner.headers, json={})


async def test_a_shop_closes_once_it_has_no_money(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=10_000)
    await paid(db, shop, payer)
    async with db.transaction():
        assert problem(await closing(desk, shop)) == (409, "MerchantHasMoney")
    await paid(db, shop, payer)  # it did not close by half
    await emptied(db, shop)
    assert (await closing(desk, shop)).json()["status"] == "closed"
    assert (await closing(desk, shop)).json()["status"] == "closed"
    async with db.transaction():
        with pytest.raises(ledger.MerchantNotActive):
            await paid(db, shop, payer)
    async with db.transaction():
        with pytest.raises(ledger.AccountClosed):
            await ledger.move(db, Move(new_id(), "taking", ledger.GUARANTEE, shop.id, 1000))
    renamed = await desk.put(f"/v1/merchants/{shop.id}", headers=shop.owner.headers, json=OPENING)
    assert problem(renamed) == (409, "MerchantClosed")


async def test_a_shop_that_never_took_anything_closes(db: Connection, desk: httpx.AsyncClient) -> None:
    assert (await closing(desk, await a_shop(db))).json()["status"] == "closed"


async def test_a_stranger_closes_no_shop(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, stranger = await a_shop(db), await a_resident(db)
    path = f"/v1/merchants/{shop.id}/closure"
    assert (await desk.put(path, headers=stranger.headers, json={})).status_code == 404


async def test_no_payment_lands_in_a_shop_that_closes_meanwhile(city: City) -> None:
    """Either it was there first and the shop stays open, or the shop is closed and the payer keeps the money."""
    for _ in range(5):
        async with city.database.transaction() as db:
            shop = await a_shop(db)
            payers = [await a_resident(db, balance=1000) for _ in range(8)]
        body = {"kind": "merchant", "qr": shop.qr, "amount": 1000}
        closed, *made = await asyncio.gather(
            city.client.put(f"/v1/merchants/{shop.id}/closure", headers=shop.owner.headers, json={}),
            *(
                city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
                for payer in payers
            ),
        )
        came_in = sum(answer.status_code == 201 for answer in made)
        assert await balance(city, shop.id) == 1000 * came_in
        assert (closed.status_code == 200) == (came_in == 0), [answer.text for answer in (closed, *made)]


async def balance(city: City, account_id: UUID) -> int:
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.posted_and_pending, account_id)
        return row["posted"] if row else 0
