"""Shifts at a terminal: what came in and went back between two entries of the account, seen by whose it was."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.types import new_id
from tests.conftest import City
from tests.makers import Resident, Shop, a_resident, a_shop
from tests.statements import sql
from wallet import ledger
from wallet.gateways import bank_takings
from wallet.gateways.bank_takings import BankTaking
from wallet.ledger import Move
from wallet.merchants import merchants, shifts
from wallet.models import NameTerminal, PlaceOrder


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def bought(db: Connection, shop: Shop, amount: int, terminal_id: UUID | None = None) -> UUID:
    payer, payment_id = await a_resident(db, balance=amount), new_id()
    move = Move(
        payment_id,
        "merchant",
        payer.id,
        amount=amount,
        session_id=payer.session_id,
        terminal_id=terminal_id or shop.terminal_id,
    )
    await ledger.move(db, move)
    return payment_id


async def transferred(db: Connection, shop: Shop, amount: int, order_id: UUID | None = None) -> UUID:
    """Somebody paid from their bank's app."""
    taking = BankTaking(
        id=new_id(),
        merchant_id=shop.id,
        order_id=order_id,
        amount=amount,
        sender_bank_bin="970436",
        sender_account="0123456789",
        sender_name="TRAN VAN A",
        content="an trua",
    )
    await bank_takings.take(db, taking, ledger.GUARANTEE)
    return taking.id


async def a_second_terminal(db: Connection, shop: Shop) -> UUID:
    terminal_id = new_id()
    await merchants.add_terminal(db, shop.owner.me, shop.id, terminal_id, NameTerminal(name="Quầy 2"))
    return terminal_id


async def a_cashier(desk: httpx.AsyncClient, shop: Shop, person: Resident, name: str = "Em Ba") -> None:
    path = f"/v1/merchants/{shop.id}/cashiers/{uuid4()}"
    body = {"phone": person.phone, "name": name, "may_refund_up_to": 10_000_000}
    assert (await desk.put(path, headers=shop.owner.headers, json=body)).status_code == 200
    assert (await desk.put(f"{path}/acceptance", headers=person.headers, json={})).status_code == 200


async def opened(
    desk: httpx.AsyncClient, shop: Shop, who: Resident, terminal_id: UUID | None = None, shift_id: UUID | None = None
) -> str:
    """The path of a shift that has begun."""
    path = f"/v1/merchants/{shop.id}/shifts/{shift_id or uuid4()}"
    answer = await desk.put(path, headers=who.headers, json={"terminal_id": str(terminal_id or shop.terminal_id)})
    assert answer.status_code == 200, answer.text
    return path


async def closed(desk: httpx.AsyncClient, path: str, who: Resident) -> dict[str, Any]:
    answer = await desk.put(f"{path}/close", headers=who.headers, json={})
    assert answer.status_code == 200, answer.text
    return answer.json()


def totals(shift: dict[str, Any]) -> tuple[int, int, int, int, int]:
    names = ("takings_count", "takings_amount", "refunds_count", "refunds_amount", "net")
    return tuple(shift[name] for name in names)  # pyright: ignore[reportReturnType]


async def seen(desk: httpx.AsyncClient, shop: Shop, who: Resident) -> list[int]:
    """The amounts of the takings that somebody sees, newest first."""
    answer = await desk.get(f"/v1/merchants/{shop.id}/takings?limit=100", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [line["amount"] for line in answer.json()["items"]]


async def given_back(desk: httpx.AsyncClient, who: Resident, payment_id: UUID, amount: int) -> None:
    body = {"payment_id": str(payment_id), "amount": amount, "reason": "Hết hàng"}
    answer = await desk.put(f"/v1/wallet/refunds/{uuid4()}", headers=who.headers, json=body)
    assert answer.status_code == 201, answer.text


# Totals


async def test_a_shift_counts_what_came_in_at_its_terminal_while_it_was_open(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop = await a_shop(db)
    other = await a_second_terminal(db, shop)
    before = await bought(db, shop, 7_000)
    path = await opened(desk, shop, shop.owner)
    await bought(db, shop, 30_000)
    await bought(db, shop, 12_000)
    await bought(db, shop, 500_000, other)
    await given_back(desk, shop.owner, before, 2_000)
    so_far = (await desk.get(path, headers=shop.owner.headers)).json()
    assert totals(so_far) == (2, 42_000, 1, 2_000, 40_000)
    assert (so_far["terminal"], so_far["person"], so_far["closed_at"]) == ("Quầy 1", "H*** T*** Đ*** Ba", None)
    ended = await closed(desk, path, shop.owner)
    assert totals(ended) == totals(so_far)
    await bought(db, shop, 99_000)
    assert await closed(desk, path, shop.owner) == ended, "closed is closed"
    assert (await desk.get(path, headers=shop.owner.headers)).json() == ended


async def test_a_shift_without_takings_has_none(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    path = await opened(desk, shop, shop.owner)
    assert totals(await closed(desk, path, shop.owner)) == (0, 0, 0, 0, 0)


async def test_a_bank_transfer_counts_where_its_order_was_placed(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    path, order_id = await opened(desk, shop, shop.owner), uuid4()
    await merchants.place_order(
        db, shop.owner.me, shop.id, order_id, PlaceOrder(terminal_id=shop.terminal_id, amount=80_000, reference="B7")
    )
    await transferred(db, shop, 80_000, order_id)
    await transferred(db, shop, 5_000)
    assert totals(await closed(desk, path, shop.owner)) == (1, 80_000, 0, 0, 80_000)
    lines = (await desk.get(f"/v1/merchants/{shop.id}/takings", headers=shop.owner.headers)).json()["items"]
    assert [(line["kind"], line["amount"], line["terminal"], line["reference"]) for line in lines] == [
        ("taking", 5_000, None, None),
        ("taking", 80_000, "Quầy 1", "B7"),
    ]
    assert {(line["payer"], line["memo"]) for line in lines} == {("T*** V*** A", "an trua")}


async def test_what_was_given_back_is_a_line_of_the_takings(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    payment_id = await bought(db, shop, 30_000)
    await given_back(desk, shop.owner, payment_id, 10_000)
    lines = (await desk.get(f"/v1/merchants/{shop.id}/takings", headers=shop.owner.headers)).json()["items"]
    assert [(line["kind"], line["amount"], line["original_id"]) for line in lines] == [
        ("refund", -10_000, str(payment_id)),
        ("merchant", 30_000, None),
    ]
    assert [line["balance_after"] for line in lines] == [20_000, 30_000]
    assert lines[0]["payer"] == lines[1]["payer"]
    assert lines[0]["terminal"] == "Quầy 1"


async def test_whatever_is_paid_while_shifts_change_is_in_one_of_them(city: City) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
        payers = [await a_resident(db, balance=1_000) for _ in range(60)]
    ended: list[dict[str, Any]] = []

    async def take_turns() -> None:
        for _ in range(6):
            path = await opened(city.client, shop, shop.owner)
            await asyncio.sleep(0.02)
            ended.append(await closed(city.client, path, shop.owner))

    async def pay(payer: Resident, after_s: float) -> None:
        await asyncio.sleep(after_s)
        body = {"kind": "merchant", "qr": shop.qr, "amount": 1_000}
        paid = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
        assert paid.status_code == 201, paid.text

    last = await opened(city.client, shop, shop.owner)
    first, *others = payers
    await pay(first, 0)
    ended.append(await closed(city.client, last, shop.owner))
    await asyncio.gather(take_turns(), *(pay(payer, n / 300) for n, payer in enumerate(others)))
    async with city.database.acquire() as db:
        lines = {row["version"] for row in await db.fetch(sql.versions_at, shop.id)}
        spans = [(row["from_version"], row["to_version"]) for row in await db.fetch(sql.shift_spans, shop.id)]
    counted = [version for version in lines for low, high in spans if low < version <= high]
    assert len(counted) == len(set(counted)), "no line is in two shifts"
    assert sum(shift["takings_count"] for shift in ended) == len(counted), "what was counted is what is there"
    assert len(counted) > 1


async def test_a_shift_that_two_close_at_once_ends_once(city: City) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    path = await opened(city.client, shop, shop.owner)
    async with city.database.transaction() as db:
        await bought(db, shop, 30_000)
    answers = await asyncio.gather(*(closed(city.client, path, shop.owner) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert totals(answers[0]) == (1, 30_000, 0, 0, 30_000)


# Opening


async def test_a_shift_again_is_the_same_shift(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, shift_id = await a_shop(db), uuid4()
    other = await a_second_terminal(db, shop)
    path = await opened(desk, shop, shop.owner, shift_id=shift_id)
    await bought(db, shop, 30_000)
    await opened(desk, shop, shop.owner, shift_id=shift_id)
    elsewhere = await desk.put(path, headers=shop.owner.headers, json={"terminal_id": str(other)})
    assert problem(elsewhere) == (409, "ShiftIdTaken")
    assert totals(await closed(desk, path, shop.owner)) == (1, 30_000, 0, 0, 30_000), "it began when it began"


async def test_a_terminal_has_one_shift_at_a_time(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person)
    first = await opened(desk, shop, shop.owner)
    body = {"terminal_id": str(shop.terminal_id)}
    second = f"/v1/merchants/{shop.id}/shifts/{uuid4()}"
    assert problem(await desk.put(second, headers=person.headers, json=body)) == (409, "ShiftStillOpen")
    assert problem(await desk.put(first, headers=person.headers, json=body)) == (409, "ShiftIdTaken")
    await closed(desk, first, shop.owner)
    assert (await desk.put(second, headers=person.headers, json=body)).status_code == 200


async def test_of_many_who_open_a_shift_at_once_one_does(city: City) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    body = {"terminal_id": str(shop.terminal_id)}
    answers = await asyncio.gather(
        *(
            city.client.put(f"/v1/merchants/{shop.id}/shifts/{uuid4()}", headers=shop.owner.headers, json=body)
            for _ in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


async def test_no_shift_begins_at_anothers_terminal_or_at_none(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, other = await a_shop(db), await a_shop(db)
    path = f"/v1/merchants/{shop.id}/shifts/{uuid4()}"
    for terminal_id in (other.terminal_id, uuid4()):
        answer = await desk.put(path, headers=shop.owner.headers, json={"terminal_id": str(terminal_id)})
        assert answer.status_code == 404
    lost = f"/v1/merchants/{shop.id}/terminals/{shop.terminal_id}/revocation"
    await desk.put(lost, headers=shop.owner.headers, json={})
    answer = await desk.put(path, headers=shop.owner.headers, json={"terminal_id": str(shop.terminal_id)})
    assert answer.status_code == 404


async def test_a_shift_that_nobody_closes_ends_after_a_day(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    path = await opened(desk, shop, shop.owner)
    await bought(db, shop, 30_000)
    await shifts.close_forgotten(db)
    assert (await desk.get(path, headers=shop.owner.headers)).json()["closed_at"] is None
    await db.execute(sql.age_shifts)
    await shifts.close_forgotten(db)
    ended = (await desk.get(path, headers=shop.owner.headers)).json()
    assert ended["closed_at"] is not None
    assert totals(ended) == (1, 30_000, 0, 0, 30_000)


# Who sees what


async def test_a_cashier_sees_what_came_in_during_their_own_shifts(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person, colleague = await a_shop(db), await a_resident(db), await a_resident(db)
    other = await a_second_terminal(db, shop)
    for one in (person, colleague):
        await a_cashier(desk, shop, one)
    await bought(db, shop, 1_000)
    assert await seen(desk, shop, person) == []
    mine, theirs = await opened(desk, shop, person), await opened(desk, shop, colleague, other)
    await bought(db, shop, 2_000)
    await bought(db, shop, 3_000, other)
    await transferred(db, shop, 4_000)
    await closed(desk, mine, person)
    await bought(db, shop, 5_000)
    assert await seen(desk, shop, person) == [2_000]
    assert await seen(desk, shop, colleague) == [3_000]
    assert await seen(desk, shop, shop.owner) == [5_000, 4_000, 3_000, 2_000, 1_000]
    for path, who in ((theirs, person), (mine, colleague)):
        assert (await desk.get(path, headers=who.headers)).status_code == 404
        assert (await desk.put(f"{path}/close", headers=who.headers, json={})).status_code == 404
    lists = [
        (await desk.get(f"/v1/merchants/{shop.id}/shifts", headers=who.headers)).json()["items"]
        for who in (person, colleague, shop.owner)
    ]
    assert [len(shown) for shown in lists] == [1, 1, 2]
    assert totals(lists[0][0]) == (1, 2_000, 0, 0, 2_000)
    assert {shift["person"] for shift in lists[2]} == {"Em Ba"}


async def test_a_cashiers_takings_are_paged(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person = await a_shop(db), await a_resident(db)
    await a_cashier(desk, shop, person)
    await bought(db, shop, 9_000)
    for amount in (1_000, 2_000, 3_000):
        path = await opened(desk, shop, person)
        await bought(db, shop, amount)
        await closed(desk, path, person)
        await bought(db, shop, 9_000)
    base = f"/v1/merchants/{shop.id}/takings?limit=2"
    first = (await desk.get(base, headers=person.headers)).json()
    last = (await desk.get(f"{base}&cursor={first['next']}", headers=person.headers)).json()
    assert [line["amount"] for line in first["items"] + last["items"]] == [3_000, 2_000, 1_000]
    assert last["next"] is None


async def test_an_owner_closes_a_cashiers_shift_and_a_stranger_none(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, person, stranger = await a_shop(db), await a_resident(db), await a_resident(db)
    await a_cashier(desk, shop, person)
    path = await opened(desk, shop, person)
    for method, where in (("GET", path), ("PUT", f"{path}/close"), ("GET", f"/v1/merchants/{shop.id}/shifts")):
        body = {} if method == "PUT" else None
        assert (await desk.request(method, where, headers=stranger.headers, json=body)).status_code == 404
    assert (await closed(desk, path, shop.owner))["closed_at"] is not None


async def test_shifts_are_paged_newest_first(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db)
    made: list[str] = []
    for _ in range(3):
        path = await opened(desk, shop, shop.owner)
        await closed(desk, path, shop.owner)
        made.insert(0, path.rpartition("/")[2])
    base = f"/v1/merchants/{shop.id}/shifts?limit=2"
    first = (await desk.get(base, headers=shop.owner.headers)).json()
    last = (await desk.get(f"{base}&cursor={first['next']}", headers=shop.owner.headers)).json()
    assert [shift["id"] for shift in first["items"] + last["items"]] == made
    assert last["next"] is None


@pytest.mark.parametrize("body", [{}, {"terminal_id": "1"}, {"terminal_id": None}, {"terminal_id": 1}])
async def test_a_shift_at_no_terminal_is_malformed(
    db: Connection, desk: httpx.AsyncClient, body: dict[str, object]
) -> None:
    shop = await a_shop(db)
    answer = await desk.put(f"/v1/merchants/{shop.id}/shifts/{uuid4()}", headers=shop.owner.headers, json=body)
    assert answer.status_code == 400
