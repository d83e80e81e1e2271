"""Who works at a shop's counter: invited by number, there once they accept, out at once when they are removed."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.types import new_id
from app.worker import HOLDINGS
from tests.conftest import City
from tests.makers import Resident, Shop, a_resident, a_shop, a_staff_member
from tests.statements import sql
from tests.wallet.test_takings_stream import a_line, pay
from wallet import ledger
from wallet.ledger import Move

ACCOUNT = {"bank_bin": "970436", "account_number": "1014567890", "account_name": "Lê Thị Ngự Bình"}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def asking(person: Resident, ceiling: int = 50_000) -> dict[str, Any]:
    return {"phone": person.phone, "name": "Em Ba", "may_refund_up_to": ceiling}


async def a_cashier(
    desk: httpx.AsyncClient, shop: Shop, person: Resident, ceiling: int = 50_000, cashier_id: UUID | None = None
) -> str:
    """The path of somebody who works at a shop."""
    path = f"/v1/merchants/{shop.id}/cashiers/{cashier_id or uuid4()}"
    invited = await desk.put(path, headers=shop.owner.headers, json=asking(person, ceiling))
    assert invited.status_code == 200, invited.text
    accepted = await desk.put(f"{path}/acceptance", headers=person.headers, json={})
    assert accepted.status_code == 200, accepted.text
    return path


async def bought(db: Connection, shop: Shop, amount: int = 30_000) -> UUID:
    payer, payment_id = await a_resident(db, balance=amount), new_id()
    move = Move(
        payment_id, "merchant", payer.id, amount=amount, session_id=payer.session_id, terminal_id=shop.terminal_id
    )
    await ledger.move(db, move)
    return payment_id


# Inviting


async def test_somebody_is_invited_by_number_and_works_there_once_they_accept(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, person = await a_shop(db, name="Bún bò cô Ba"), await a_resident(db)
    path = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
    invited = (await desk.put(path, headers=shop.owner.headers, json=asking(person))).json()
    assert (invited["status"], invited["phone"], invited["may_refund_up_to"]) == ("invited", person.phone, 50_000)
    order = f"/v1/merchants/{shop.id}/orders/{uuid4()}"
    wanted = {"terminal_id": str(shop.terminal_id), "amount": 60_000}
    assert (await desk.put(order, headers=person.headers, json=wanted)).status_code == 404, "not yet"

    [asked] = (await desk.get("/v1/merchants/invitations", headers=person.headers)).json()["items"]
    assert (asked["cashier_id"], asked["merchant_name"]) == (invited["id"], "Bún bò cô Ba")
    accepted = await desk.put(f"{path}/acceptance", headers=person.headers, json={})
    again = await desk.put(f"{path}/acceptance", headers=person.headers, json={})
    assert accepted.json()["status"] == "active"
    assert accepted.json() == again.json()
    assert (await desk.get("/v1/merchants/invitations", headers=person.headers)).json()["items"] == []
    assert (await desk.put(order, headers=person.headers, json=wanted)).status_code == 201
    assert (await desk.get(order, headers=shop.owner.headers)).json()["amount"] == 60_000
    [there] = (await desk.get("/v1/merchants/mine", headers=person.headers)).json()["items"]
    assert (there["role"], [terminal["id"] for terminal in there["terminals"]]) == (
        "cashier",
        [str(shop.terminal_id)],
    )
    everybody = (await desk.get(f"/v1/merchants/{shop.id}/cashiers", headers=shop.owner.headers)).json()["items"]
    assert everybody == [accepted.json()]
    for kind in ("CashierInvited", "CashierAccepted"):
        assert await db.fetchval(sql.count_news, kind) == 1


async def test_an_invitation_says_nothing_of_whether_anybody_has_the_number(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    known, unknown = [
        (await desk.put(f"/v1/merchants/{shop.id}/cashiers/{uuid4()}", headers=shop.owner.headers, json=body)).json()
        for body in (asking(person), asking(person) | {"phone": "0905 123 456"})
    ]
    for answer in (known, unknown):
        for name in ("id", "phone", "invited_at", "expires_at"):
            answer.pop(name)
    assert known == unknown
    assert await db.fetchval(sql.count_news, "CashierInvited") == 1, "who is there is told"


@pytest.mark.parametrize(
    "change",
    [
        {"phone": "0234 382 2222"},
        {"phone": "nobody"},
        {"may_refund_up_to": -1},
        {"may_refund_up_to": 1.5},
        {"may_refund_up_to": 10**12 + 1},
        {"name": ""},
        {"role": "owner"},
    ],
)
async def test_a_wrong_invitation_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, object]
) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    path = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
    answer = await desk.put(path, headers=shop.owner.headers, json=asking(person) | change)
    assert answer.status_code == 400


async def test_an_owner_changes_a_name_and_a_ceiling_but_never_the_person(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, person, other = await a_shop(db), await a_resident(db), await a_resident(db)
    path = await a_cashier(desk, shop, person)
    changed = await desk.put(path, headers=shop.owner.headers, json=asking(person, 0) | {"name": "Chị Tư"})
    assert (changed.json()["name"], changed.json()["may_refund_up_to"], changed.json()["status"]) == (
        "Chị Tư",
        0,
        "active",
    )
    assert problem(await desk.put(path, headers=shop.owner.headers, json=asking(other))) == (409, "CashierIdTaken")
    second = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
    assert problem(await desk.put(second, headers=shop.owner.headers, json=asking(person))) == (
        409,
        "CashierAlreadyThere",
    )
    assert await db.fetchval(sql.count_news, "CashierInvited") == 1, "a change is no invitation"


async def test_an_id_of_another_shops_cashier_is_taken(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, other, person = await a_shop(db), await a_shop(db), await a_resident(db)
    cashier_id = uuid4()
    await a_cashier(desk, shop, person, cashier_id=cashier_id)
    path = f"/v1/merchants/{other.id}/cashiers/{cashier_id}"
    assert problem(await desk.put(path, headers=other.owner.headers, json=asking(person))) == (409, "CashierIdTaken")
    assert (await desk.delete(path, headers=other.owner.headers)).status_code == 404
    assert (await desk.put(f"{path}/acceptance", headers=person.headers, json={})).status_code == 404


async def test_nobody_accepts_for_another_or_too_late(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person, thief = await a_shop(db), await a_resident(db), await a_resident(db)
    path = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
    await desk.put(path, headers=shop.owner.headers, json=asking(person))
    assert (await desk.put(f"{path}/acceptance", headers=thief.headers, json={})).status_code == 404
    await db.execute(sql.age_invitations)
    late = await desk.put(f"{path}/acceptance", headers=person.headers, json={})
    assert problem(late) == (409, "InvitationExpired")
    [shown] = (await desk.get(f"/v1/merchants/{shop.id}/cashiers", headers=shop.owner.headers)).json()["items"]
    assert shown["status"] == "expired"
    await desk.put(path, headers=shop.owner.headers, json=asking(person))
    assert (await desk.put(f"{path}/acceptance", headers=person.headers, json={})).status_code == 200


async def test_a_shop_invites_fifty_at_the_most_and_not_a_whole_city(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    base, last = f"/v1/merchants/{shop.id}/cashiers", ""
    for n in range(50):
        last = f"{base}/{uuid4()}"
        body = {"phone": f"09051234{n:02}", "name": "Em"}
        assert (await desk.put(last, headers=shop.owner.headers, json=body)).status_code == 200
    one_more = {"phone": "0905123499", "name": "Em"}
    assert problem(await desk.put(f"{base}/{uuid4()}", headers=shop.owner.headers, json=one_more)) == (
        409,
        "TooManyOfThem",
    )
    assert (await desk.delete(last, headers=shop.owner.headers)).status_code == 204
    again = await desk.put(f"{base}/{uuid4()}", headers=shop.owner.headers, json=one_more)
    assert again.status_code == 429, "to remove and invite by turns is no way around"


async def test_two_invitations_of_one_number_at_once_are_one(city: City) -> None:
    async with city.database.transaction() as db:
        shop, person = await a_shop(db), await a_resident(db)
    answers = await asyncio.gather(
        *(
            city.client.put(
                f"/v1/merchants/{shop.id}/cashiers/{uuid4()}", headers=shop.owner.headers, json=asking(person)
            )
            for _ in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


# Leaving


async def test_whoever_is_removed_is_out_at_once(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    path = await a_cashier(desk, shop, person)
    shift = f"/v1/merchants/{shop.id}/shifts/{uuid4()}"
    opening = {"terminal_id": str(shop.terminal_id)}
    assert (await desk.put(shift, headers=person.headers, json=opening)).status_code == 200
    assert (await desk.delete(path, headers=shop.owner.headers)).status_code == 204
    for method, rest, body in (
        ("GET", "takings", None),
        ("GET", "shifts", None),
        ("GET", f"terminals/{shop.terminal_id}/qr", None),
        ("PUT", f"orders/{uuid4()}", opening | {"amount": 1}),
        ("PUT", f"shifts/{uuid4()}", opening),
    ):
        answer = await desk.request(method, f"/v1/merchants/{shop.id}/{rest}", headers=person.headers, json=body)
        assert answer.status_code == 404, rest
    closed = (await desk.get(shift, headers=shop.owner.headers)).json()
    assert closed["closed_at"] is not None, "their shift ended"
    assert (await desk.get("/v1/merchants/mine", headers=person.headers)).json()["items"] == []
    assert (await desk.delete(path, headers=shop.owner.headers)).status_code == 404
    assert await db.fetchval(sql.count_news, "CashierRemoved") == 1


async def test_a_cashier_may_leave_and_nobody_else_sends_them(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person, colleague = await a_shop(db), await a_resident(db), await a_resident(db)
    path = await a_cashier(desk, shop, person)
    await a_cashier(desk, shop, colleague)
    assert (await desk.delete(path, headers=colleague.headers)).status_code == 404
    [mine] = (await desk.get("/v1/merchants/mine", headers=person.headers)).json()["items"]
    assert (mine["role"], mine["cashier_id"]) == ("cashier", path.rpartition("/")[2]), "the phone knows what to leave"
    [owned] = (await desk.get("/v1/merchants/mine", headers=shop.owner.headers)).json()["items"]
    assert (owned["role"], owned["cashier_id"]) == ("owner", None)
    assert (await desk.delete(path, headers=person.headers)).status_code == 204
    back = await a_cashier(desk, shop, person)
    assert back != path, "and may come back"


async def test_whoever_is_invited_may_say_no_and_nobody_else_for_them(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, person, stranger = await a_shop(db), await a_resident(db), await a_resident(db)
    path = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
    assert (await desk.put(path, headers=shop.owner.headers, json=asking(person))).status_code == 200
    assert (await desk.delete(path, headers=stranger.headers)).status_code == 404
    assert (await desk.delete(path, headers=person.headers)).status_code == 204
    assert (await desk.get("/v1/merchants/invitations", headers=person.headers)).json()["items"] == []
    assert problem(await desk.put(f"{path}/acceptance", headers=person.headers, json={})) == (404, "NotFound")
    await a_cashier(desk, shop, person)  # and may be asked again


async def test_a_yes_and_a_no_at_once_end_in_one_of_them(city: City) -> None:
    async with city.database.deed() as db:
        shop, person = await a_shop(db), await a_resident(db)
    for _ in range(30):
        path = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
        invited = await city.client.put(path, headers=shop.owner.headers, json=asking(person))
        assert invited.status_code == 200, invited.text
        yes, no = await asyncio.gather(
            city.client.put(f"{path}/acceptance", headers=person.headers, json={}),
            city.client.delete(path, headers=person.headers),
        )
        assert no.status_code == 204
        assert yes.status_code == 200 or problem(yes) == (404, "NotFound")
        assert (await city.client.get("/v1/merchants/mine", headers=person.headers)).json()["items"] == []


async def test_nobody_works_at_a_closed_shop(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person)
    closed = await desk.put(f"/v1/merchants/{shop.id}/closure", headers=shop.owner.headers, json={})
    assert closed.status_code == 200
    assert (await desk.get(f"/v1/merchants/{shop.id}/takings", headers=person.headers)).status_code == 404


# What is the owner's alone


async def test_a_cashier_does_not_do_what_is_the_owners(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    path = await a_cashier(desk, shop, person)
    base = f"/v1/merchants/{shop.id}"
    for method, where, body in (
        ("GET", f"{base}/cashiers", None),
        ("PUT", path, asking(person, 10**12)),
        ("PUT", f"{base}/cashiers/{uuid4()}", {"phone": "0905123456", "name": "Em"}),
        ("PUT", f"{base}/terminals/{uuid4()}", {"name": "Quầy 2"}),
        ("PUT", f"{base}/terminals/{shop.terminal_id}/revocation", {}),
        ("PUT", f"{base}/closure", {}),
        ("GET", f"{base}/bank-account", None),
        ("PUT", f"{base}/bank-account", ACCOUNT),
        ("GET", f"{base}/settlements", None),
        ("PUT", f"{base}/settlements/{uuid4()}", {}),
        ("GET", f"{base}/refunds", None),
        ("GET", f"{base}/webhook-endpoints", None),
    ):
        answer = await desk.request(method, where, headers=person.headers, json=body)
        assert answer.status_code == 404, f"{method} {where}: {answer.text}"
    renamed = {"name": "Mine", "category_code": "5812", "ward": "19777"}
    assert problem(await desk.put(base, headers=person.headers, json=renamed)) == (409, "MerchantIdTaken")


async def test_a_member_of_staff_is_no_cashier(db: Connection, desk: httpx.AsyncClient) -> None:
    member = await a_staff_member(db, role="finance")
    answer = await desk.get("/v1/merchants/invitations", headers=member.headers)
    assert problem(answer) == (403, "Forbidden")


# Giving back


async def refund(
    desk: httpx.AsyncClient, who: Resident, payment_id: UUID, amount: int, refund_id: UUID | None = None
) -> httpx.Response:
    body = {"payment_id": str(payment_id), "amount": amount, "reason": "Hết hàng"}
    return await desk.put(f"/v1/wallet/refunds/{refund_id or uuid4()}", headers=who.headers, json=body)


async def test_a_cashier_gives_back_up_to_their_ceiling_a_day(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person, ceiling=50_000)
    first, second, refund_id = await bought(db, shop), await bought(db, shop), uuid4()
    assert (await refund(desk, person, first, 30_000, refund_id)).status_code == 201
    assert (await refund(desk, person, first, 30_000, refund_id)).status_code == 200, "sent again, counted once"
    above = await refund(desk, person, second, 20_001)
    assert problem(above) == (403, "RefundAboveCeiling")
    assert (await refund(desk, person, second, 20_000)).status_code == 201
    assert (await refund(desk, shop.owner, second, 10_000)).status_code == 201, "an owner has no ceiling"


async def test_a_ceiling_of_nothing_is_none(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person, ceiling=0)
    assert problem(await refund(desk, person, await bought(db, shop), 1)) == (403, "RefundAboveCeiling")


async def test_a_cashier_gives_nothing_back_elsewhere(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, other, person = await a_shop(db), await a_shop(db), await a_resident(db)
    path = await a_cashier(desk, shop, person)
    payment_id = await bought(db, shop)
    assert (await refund(desk, person, await bought(db, other), 1)).status_code == 404
    await desk.delete(path, headers=shop.owner.headers)
    assert (await refund(desk, person, payment_id, 1)).status_code == 404


async def test_many_refunds_at_once_stay_below_the_ceiling(city: City) -> None:
    async with city.database.transaction() as db:
        shop, person = await a_shop(db), await a_resident(db)
        payments = [await bought(db, shop, 10_000) for _ in range(10)]
    await a_cashier(city.client, shop, person, ceiling=35_000)
    answers = await asyncio.gather(*(refund(city.client, person, payment, 10_000) for payment in payments))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [403] * 7


# Being forgotten


async def test_whoever_is_forgotten_leaves_no_number_and_no_name(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, other, person = await a_shop(db), await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person)
    await desk.put(f"/v1/merchants/{other.id}/cashiers/{uuid4()}", headers=other.owner.headers, json=asking(person))
    [holding] = [one for one in HOLDINGS if one.name == "wallet.counters"]
    held = await db.fetch(holding.rows, person.id)
    assert [row["merchant"] for row in held] == ["Bún bò bên chợ", "Bún bò bên chợ"]
    assert holding.erase is not None
    await db.execute(holding.erase, person.id)
    for one in (shop, other):
        seen = await desk.get(f"/v1/merchants/{one.id}/cashiers", headers=one.owner.headers)
        assert seen.json()["items"] == []
    assert holding.forget is not None
    assert await db.fetchval(holding.forget, 90, 100) == 0, "who left just now is not old"
    assert await db.fetchval(holding.forget, 0, 100) == 2


# At the counter


async def test_a_cashier_charges_a_customers_code(city: City) -> None:
    async with city.database.transaction() as db:
        shop, person, payer = await a_shop(db), await a_resident(db), await a_resident(db, balance=100_000)
    path = await a_cashier(city.client, shop, person)
    body: dict[str, object] = {"amount": 45_000, "terminal_id": str(shop.terminal_id)}
    shown = (await city.client.post("/v1/wallet/pay-codes", headers=payer.headers, json={})).json()
    charge = f"/v1/merchants/{shop.id}/charges/{uuid4()}"
    made = await city.client.put(charge, headers=person.headers, json=body | {"pay_code": shown["code"]})
    assert (made.status_code, made.json()["status"]) == (200, "paid"), made.text
    await city.client.delete(path, headers=shop.owner.headers)
    assert (await city.client.get(charge, headers=person.headers)).status_code == 404


async def test_a_cashier_hears_what_comes_in_during_their_own_shift(city: City) -> None:
    async with city.database.transaction() as db:
        shop, person, payer = await a_shop(db), await a_resident(db), await a_resident(db, balance=100_000)
    await a_cashier(city.client, shop, person)
    shift = f"/v1/merchants/{shop.id}/shifts/{uuid4()}"
    opening = {"terminal_id": str(shop.terminal_id)}
    async with asyncio.timeout(20), a_line(city, shop, who=person) as events:
        await pay(city, payer, shop, 1_000)
        assert (await city.client.put(shift, headers=person.headers, json=opening)).status_code == 200
        await pay(city, payer, shop, 2_000)
        name, _, line = await anext(events)
    assert (name, line["amount"]) == ("taking", 2_000)


# Giving back


async def give_back(
    desk: httpx.AsyncClient, who: Resident, payment_id: UUID, amount: int, refund_id: UUID | None = None
) -> httpx.Response:
    body = {"payment_id": str(payment_id), "amount": amount, "reason": "Hết hàng"}
    return await desk.put(f"/v1/wallet/refunds/{refund_id or uuid4()}", headers=who.headers, json=body)


async def test_a_refund_that_was_made_is_answered_whatever_its_cashier_may_do_by_now(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    path = await a_cashier(desk, shop, person, 50_000)
    payment_id, refund_id = await bought(db, shop, 100_000), uuid4()
    made = await give_back(desk, person, payment_id, 40_000, refund_id)
    assert made.status_code == 201, made.text
    less = await desk.put(path, headers=shop.owner.headers, json=asking(person, 10_000))
    assert less.status_code == 200
    again = await give_back(desk, person, payment_id, 40_000, refund_id)
    assert (again.status_code, again.json()) == (200, made.json())
    assert problem(await give_back(desk, person, payment_id, 40_000)) == (403, "RefundAboveCeiling")
    assert (await desk.delete(path, headers=shop.owner.headers)).status_code == 204
    assert (await give_back(desk, person, payment_id, 40_000, refund_id)).status_code == 200
    assert problem(await give_back(desk, person, payment_id, 1)) == (404, "NotFound")
    stranger = await a_resident(db)
    assert problem(await give_back(desk, stranger, payment_id, 40_000, refund_id)) == (404, "NotFound")


async def test_much_at_once_is_given_back_by_an_open_wallet_only(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person, 10_000_000)
    first, refund_id = await bought(db, shop, 3_000_000), uuid4()
    assert (await give_back(desk, person, first, 2_000_001, refund_id)).status_code == 201
    for who in (person, shop.owner):
        payment_id = await bought(db, shop, 3_000_000)
        await db.execute(sql.lock, who.session_id)
        async with db.transaction():
            assert problem(await give_back(desk, who, payment_id, 2_000_001)) == (403, "WalletLocked")
        assert (await give_back(desk, who, payment_id, 2_000_000)).status_code == 201
    assert (await give_back(desk, person, first, 2_000_001, refund_id)).status_code == 200
