"""An authority's order: money comes in and does not go out, until two people have lifted it."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.errors import Refusal
from app.privacy.holdings import standing_against
from app.types import new_id
from app.worker import HOLDINGS
from tests.conftest import City
from tests.makers import Resident, StaffMember, a_resident, a_shop, a_staff_member, fund
from tests.statements import sql
from tests.wallet import banking
from tests.wallet.test_refunds import bought, problem
from wallet import ledger
from wallet.ledger import Move

ORDER = {
    "order_number": "45/QĐ-CQCSĐT",
    "issued_by": "Cơ quan Cảnh sát điều tra Công an thành phố Huế",
    "reason": "Phong tỏa tài khoản theo quyết định kèm theo",
}
LIFT = {"reason": "Quyết định hủy bỏ số 46 ngày 24/11/2026"}


@pytest.fixture
async def two(db: Connection) -> tuple[StaffMember, StaffMember]:
    return await a_staff_member(db, role="compliance"), await a_staff_member(db, role="compliance")


async def frozen(
    desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember], account_id: UUID, **more: object
) -> str:
    """The path of a freeze that holds."""
    path = f"/v1/staff/freezes/{uuid4()}"
    body = ORDER | {"account_id": str(account_id)} | more
    proposed = await desk.put(path, headers=two[0].headers, json=body)
    assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed"), proposed.text
    approved = await desk.put(f"{path}/approval", headers=two[1].headers, json={})
    assert (approved.status_code, approved.json()["status"]) == (200, "active"), approved.text
    return path


async def lifted(desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember], path: str) -> None:
    assert (await desk.put(f"{path}/lift", headers=two[1].headers, json=LIFT)).json()["status"] == "lift_proposed"
    ended = await desk.put(f"{path}/lift-approval", headers=two[0].headers, json={})
    assert ended.json()["status"] == "lifted", ended.text


async def send(db: Connection, who: Resident, to: Resident, amount: int = 1000) -> str:
    """What the ledger says to a transfer between people."""
    move = Move(new_id(), "person", who.id, session_id=who.session_id, amount=amount, phone=to.phone)
    try:
        await ledger.move(db, move)
    except Refusal as refusal:
        return type(refusal).__name__
    return "paid"


async def test_nothing_goes_out_but_money_comes_in(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, friend = await a_resident(db, balance=100_000), await a_resident(db, balance=100_000)
    path = await frozen(desk, two, owner.id)
    assert await send(db, owner, friend) == "AccountFrozen"
    assert await send(db, friend, owner) == "paid"
    await lifted(desk, two, path)
    assert await send(db, owner, friend) == "paid"
    for kind in ("MoneyFrozen", "MoneyReleased"):
        [news] = await banking.told(db, kind)
        assert (news["owner_id"], news["amount"]) == (str(owner.id), None)


async def test_a_freeze_takes_two_and_so_does_its_lifting(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, friend = await a_resident(db, balance=100_000), await a_resident(db)
    path, body = f"/v1/staff/freezes/{uuid4()}", ORDER | {"phone": owner.phone}
    proposed = await desk.put(path, headers=two[0].headers, json=body)
    assert proposed.json()["account_id"] == str(owner.id)
    assert (await desk.put(path, headers=two[0].headers, json=body)).json() == proposed.json()
    other = await desk.put(path, headers=two[0].headers, json=body | {"order_number": "1"})
    assert problem(other) == (409, "FreezeIdTaken")
    assert await send(db, owner, friend) == "paid", "a proposal freezes nothing"
    alone = await desk.put(f"{path}/approval", headers=two[0].headers, json={})
    assert problem(alone) == (403, "FreezeNeedsSecondPairOfEyes")
    early = await desk.put(f"{path}/lift", headers=two[0].headers, json=LIFT)
    assert problem(early) == (409, "FreezeDoesNotHold")
    for _ in range(2):
        assert (await desk.put(f"{path}/approval", headers=two[1].headers, json={})).status_code == 200
    await desk.put(f"{path}/lift", headers=two[1].headers, json=LIFT)
    assert await send(db, owner, friend) == "AccountFrozen", "to propose its lifting lifts nothing"
    lonely = await desk.put(f"{path}/lift-approval", headers=two[1].headers, json={})
    assert problem(lonely) == (403, "FreezeNeedsSecondPairOfEyes")
    kept = await desk.put(f"{path}/lift-refusal", headers=two[0].headers, json={})
    assert (kept.json()["status"], kept.json()["lift_reason"]) == ("active", None)
    assert await send(db, owner, friend) == "AccountFrozen"
    await lifted(desk, two, path)
    again = await desk.put(f"{path}/lift-approval", headers=two[0].headers, json={})
    assert again.json()["status"] == "lifted"
    listed = await desk.get("/v1/staff/freezes", headers=two[0].headers, params={"status": "lifted"})
    assert [freeze["id"] for freeze in listed.json()["items"]] == [path.rpartition("/")[2]]


async def test_a_refused_order_freezes_nothing(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, path = await a_resident(db), f"/v1/staff/freezes/{uuid4()}"
    await desk.put(path, headers=two[0].headers, json=ORDER | {"account_id": str(owner.id)})
    assert (await desk.put(f"{path}/refusal", headers=two[0].headers, json={})).json()["status"] == "refused"
    late = await desk.put(f"{path}/approval", headers=two[1].headers, json={})
    assert problem(late) == (409, "FreezeIsDecided")
    assert (await desk.get(path, headers=two[0].headers)).json()["status"] == "refused"


async def test_a_part_is_held_and_the_rest_is_free(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, friend = await a_resident(db, balance=100_000), await a_resident(db)
    path = await frozen(desk, two, owner.id, amount=70_000)
    assert await send(db, owner, friend, 30_001) == "InsufficientFunds"
    assert await send(db, owner, friend, 30_000) == "paid"
    await lifted(desk, two, path)
    assert await send(db, owner, friend, 70_000) == "paid"
    assert await db.fetchval(sql.pending, owner.id) == 0


async def test_more_than_there_is_cannot_be_held(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, path = await a_resident(db, balance=100_000), f"/v1/staff/freezes/{uuid4()}"
    body = ORDER | {"account_id": str(owner.id), "amount": 100_001}
    await desk.put(path, headers=two[0].headers, json=body)
    tried = await desk.put(f"{path}/approval", headers=two[1].headers, json={})
    assert problem(tried) == (409, "TooLittleToFreeze")


async def test_several_orders_hold_until_the_last_is_lifted(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, friend = await a_resident(db, balance=100_000), await a_resident(db)
    paths = [await frozen(desk, two, owner.id, order_number=f"{number}/QĐ") for number in (1, 2)]
    await lifted(desk, two, paths[0])
    assert await send(db, owner, friend) == "AccountFrozen"
    await lifted(desk, two, paths[1])
    assert await send(db, owner, friend) == "paid"


async def test_a_wallet_that_no_money_ever_touched_is_frozen_too(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, friend = await a_resident(db), await a_resident(db)
    await frozen(desk, two, owner.id)
    await fund(db, owner.id, 50_000)
    assert await send(db, owner, friend) == "AccountFrozen"


async def test_a_shop_is_frozen_and_its_owner_is_not(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner, friend = await a_resident(db, balance=100_000), await a_resident(db)
    shop = await a_shop(db, owner=owner)
    payment_id = await bought(db, shop)
    path = await frozen(desk, two, shop.id)
    assert (await desk.get(path, headers=two[0].headers)).json()["name"] == "Bún bò bên chợ"
    back = {"payment_id": str(payment_id), "amount": 1000, "reason": "Hết hàng"}
    tried = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=owner.headers, json=back)
    assert problem(tried) == (409, "AccountFrozen")
    assert await send(db, owner, friend) == "paid"
    await bought(db, shop)
    [news] = await banking.told(db, "MoneyFrozen")
    assert (news["owner_id"], news["merchant_name"]) == (str(owner.id), "Bún bò bên chợ")


async def test_an_order_may_forbid_to_tell(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner = await a_resident(db)
    path = await frozen(desk, two, owner.id, tell_owner=False)
    await lifted(desk, two, path)
    assert await banking.told(db, "MoneyFrozen") == await banking.told(db, "MoneyReleased") == []


@pytest.mark.parametrize(
    ("who", "wanted"),
    [
        ({}, (400, "FreezeOfOneAccount")),
        ({"phone": "0905123456", "account_id": str(uuid4())}, (400, "FreezeOfOneAccount")),
        ({"phone": "0905123456"}, (404, "NotFound")),
        ({"account_id": str(uuid4())}, (404, "NotFound")),
        ({"account_id": str(ledger.GUARANTEE)}, (404, "NotFound")),
        ({"account_id": str(uuid4()), "amount": 0}, (400, "Malformed")),
    ],
)
async def test_an_order_is_about_one_account_that_there_is(
    desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember], who: dict[str, object], wanted: tuple[int, str]
) -> None:
    tried = await desk.put(f"/v1/staff/freezes/{uuid4()}", headers=two[0].headers, json=ORDER | who)
    assert problem(tried) == wanted


async def test_whose_money_is_frozen_cannot_be_forgotten(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    owner = await a_resident(db)
    await frozen(desk, two, owner.id)
    assert "wallet.freezes" in [one.name for one in await standing_against(db, HOLDINGS, owner.id)]


async def test_who_did_what_is_in_the_audit(
    db: Connection, desk: httpx.AsyncClient, two: tuple[StaffMember, StaffMember]
) -> None:
    path = await frozen(desk, two, (await a_resident(db)).id)
    await lifted(desk, two, path)
    said = [row["action"] for row in await db.fetch(sql.audit_of, path.rpartition("/")[2])]
    assert said == [
        "wallet.freeze_proposed",
        "wallet.freeze_approved",
        "wallet.freeze_lift_proposed",
        "wallet.freeze_lifted",
    ]


async def test_two_orders_lifted_at_once_leave_the_account_free(city: City) -> None:
    async with city.database.transaction() as db:
        two = await a_staff_member(db, role="compliance"), await a_staff_member(db, role="compliance")
        owner, friend = await a_resident(db, balance=100_000), await a_resident(db)
    paths = [await frozen(city.client, two, owner.id, order_number=f"{number}/QĐ") for number in range(4)]
    await asyncio.gather(*(lifted(city.client, two, path) for path in paths))
    async with city.database.transaction() as db:
        assert await send(db, owner, friend) == "paid"
    assert await banking.broken_laws(city) == []


async def test_a_freeze_and_a_spender_race_and_the_money_is_held_or_gone(city: City) -> None:
    async with city.database.transaction() as db:
        two = await a_staff_member(db, role="compliance"), await a_staff_member(db, role="compliance")
        owner, friend = await a_resident(db, balance=100_000), await a_resident(db)

    async def spend() -> int:
        body = {"kind": "person", "phone": friend.phone, "amount": 10_000}
        path = f"/v1/wallet/payments/{uuid4()}"
        return (await city.client.put(path, headers=owner.headers, json=body)).status_code

    *spent, _ = await asyncio.gather(*(spend() for _ in range(8)), frozen(city.client, two, owner.id))
    left, _ = await banking.money(city, owner.id)
    assert left == 100_000 - 10_000 * spent.count(201)
    assert await spend() == 409
    assert await banking.broken_laws(city) == []
