"""A disputed movement is looked into, talked about and answered in time, or a clock says that it was not."""

from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import add_working_days, calendar_from, city_today
from app.db import Connection
from app.types import new_id
from tests.conftest import City, Later
from tests.makers import Resident, a_resident, a_shop, a_staff_member
from tests.wallet import banking
from tests.wallet.test_refunds import asking as asking_back
from tests.wallet.test_refunds import bought, problem
from wallet import ledger
from wallet.ledger import Move
from wallet.oversight import disputes, guarantee

TEXT = "Tôi đã trả tiền nhưng cửa hàng nói chưa nhận được"


def asking(payment_id: UUID, kind: str = "trace", text: str = TEXT) -> dict[str, object]:
    return {"payment_id": str(payment_id), "kind": kind, "text": text}


async def disputed(db: Connection, desk: httpx.AsyncClient, kind: str = "trace") -> tuple[Resident, UUID, UUID]:
    """A resident, their payment at a shop, and their dispute about it."""
    payer, dispute_id = await a_resident(db, balance=100_000), uuid4()
    payment_id = await bought(db, await a_shop(db), payer=payer)
    path = f"/v1/wallet/disputes/{dispute_id}"
    opened = await desk.put(path, headers=payer.headers, json=asking(payment_id, kind))
    assert opened.status_code == 201, opened.text
    return payer, payment_id, dispute_id


async def in_working_days(db: Connection, days: int) -> str:
    """From today, by the city's calendar."""
    return add_working_days(city_today(), days, await calendar_from(db, city_today())).isoformat()


# Whoever asks


@pytest.mark.parametrize(("kind", "days"), [("trace", 5), ("complaint", 30)])
async def test_a_dispute_is_answered_by_a_day_that_is_told(
    db: Connection, desk: httpx.AsyncClient, kind: str, days: int
) -> None:
    payer, payment_id, dispute_id = await disputed(db, desk, kind)
    path = f"/v1/wallet/disputes/{dispute_id}"
    shown = (await desk.get(path, headers=payer.headers)).json()
    assert (shown["status"], shown["payment_id"], shown["notes"]) == ("open", str(payment_id), [])
    assert shown["due_on"] == await in_working_days(db, days)
    again = await desk.put(path, headers=payer.headers, json=asking(payment_id, kind))
    assert (again.status_code, again.json()) == (200, shown)
    other = await desk.put(path, headers=payer.headers, json=asking(payment_id, kind, "Việc khác"))
    assert problem(other) == (409, "DisputeIdTaken")
    [news] = await banking.told(db, "DisputeOpened")
    assert (news["dispute_id"], news["due_on"]) == (str(dispute_id), shown["due_on"])


async def test_one_dispute_at_a_time_about_a_movement(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, payment_id, dispute_id = await disputed(db, desk)
    second = f"/v1/wallet/disputes/{uuid4()}"
    tried = await desk.put(second, headers=payer.headers, json=asking(payment_id, "complaint"))
    assert problem(tried) == (409, "AlreadyDisputed")
    withdrawal = f"/v1/wallet/disputes/{dispute_id}/withdrawal"
    for _ in range(2):
        withdrawn = await desk.put(withdrawal, headers=payer.headers, json={})
        assert withdrawn.json()["status"] == "withdrawn"
    again = await desk.put(second, headers=payer.headers, json=asking(payment_id, "complaint"))
    assert again.status_code == 201
    listed = (await desk.get("/v1/wallet/disputes", headers=payer.headers, params={"limit": 1})).json()
    assert [line["id"] for line in listed["items"]] == [again.json()["id"]]
    rest = await desk.get("/v1/wallet/disputes", headers=payer.headers, params={"cursor": listed["next"]})
    assert [line["id"] for line in rest.json()["items"]] == [str(dispute_id)]


async def test_whose_movement_it_is(db: Connection, desk: httpx.AsyncClient) -> None:
    """Its payer's, its payee's, the shop's owner's, and what is only held; nobody else's."""
    payer, friend, stranger = [await a_resident(db, balance=100_000) for _ in range(3)]
    shop = await a_shop(db)
    sent = Move(new_id(), "person", payer.id, session_id=payer.session_id, amount=9000, phone=friend.phone)
    held = Move(new_id(), "withdrawal", payer.id, ledger.GUARANTEE, 9000, session_id=payer.session_id)
    for move in (sent, held):
        await ledger.move(db, move)
    at_shop = await bought(db, shop, 10_000, payer=payer)
    for who, payment_id in (
        (payer, sent.id), (friend, sent.id), (payer, held.id), (payer, at_shop), (shop.owner, at_shop),
    ):  # fmt: skip
        path = f"/v1/wallet/disputes/{uuid4()}"
        assert (await desk.put(path, headers=who.headers, json=asking(payment_id))).status_code == 201
        unknown = await desk.put(path, headers=stranger.headers, json=asking(uuid4()))
        theirs = await desk.put(path, headers=stranger.headers, json=asking(payment_id))
        assert problem(theirs) == problem(unknown) == (404, "NotFound")


async def test_an_old_movement_is_disputed_no_more(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    payer = await a_resident(db, balance=100_000)
    payment_id = await bought(db, await a_shop(db), payer=payer)
    await later(91 * 86_400)
    with pytest.raises(disputes.TooLateToDispute):
        await disputes.ask(db, payer.me, uuid4(), disputes.OpenDispute(payment_id=payment_id, kind="trace", text="?"))


async def test_anothers_dispute_is_neither_seen_nor_touched(db: Connection, desk: httpx.AsyncClient) -> None:
    _, _, dispute_id = await disputed(db, desk)
    stranger = await a_resident(db, balance=100_000)
    path = f"/v1/wallet/disputes/{dispute_id}"
    assert problem(await desk.get(path, headers=stranger.headers)) == (404, "NotFound")
    note = await desk.put(f"{path}/notes/{uuid4()}", headers=stranger.headers, json={"text": "?"})
    assert problem(note) == (404, "NotFound")
    assert problem(await desk.put(f"{path}/withdrawal", headers=stranger.headers, json={})) == (404, "NotFound")
    mine = await bought(db, await a_shop(db), payer=stranger)
    assert problem(await desk.put(path, headers=stranger.headers, json=asking(mine))) == (409, "DisputeIdTaken")


# Talk


async def test_asker_and_staff_talk_and_what_staff_say_among_themselves_stays_there(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    payer, _, dispute_id = await disputed(db, desk)
    member = await a_staff_member(db, role="operator")
    staff, mine = f"/v1/staff/disputes/{dispute_id}", f"/v1/wallet/disputes/{dispute_id}"
    taken = await desk.put(f"{staff}/assignment", headers=member.headers, json={})
    assert (taken.json()["status"], taken.json()["assigned_to"]) == ("in_review", str(member.id))
    note = f"{staff}/notes/{uuid4()}"
    for _ in range(2):
        asked = await desk.put(note, headers=member.headers, json={"text": "Bạn còn biên lai không?"})
        assert asked.status_code == 200
    other = await desk.put(note, headers=member.headers, json={"text": "Khác"})
    assert problem(other) == (409, "NoteIdTaken")
    secret = {"text": "Nghi ngờ gian lận", "internal": True}
    await desk.put(f"{staff}/notes/{uuid4()}", headers=member.headers, json=secret)
    said = await desk.put(f"{mine}/notes/{uuid4()}", headers=payer.headers, json={"text": "Còn."})
    assert [line["text"] for line in said.json()["notes"]] == ["Bạn còn biên lai không?", "Còn."]
    seen = await desk.get(staff, headers=member.headers)
    assert [line["text"] for line in seen.json()["notes"]] == ["Bạn còn biên lai không?", "Nghi ngờ gian lận", "Còn."]
    assert seen.json()["movement"]["kind"] == "merchant"
    told = await banking.told(db, "DisputeNoted")
    assert [news["told"] for news in told] == [str(payer.id), str(member.id)]
    log = (await desk.get("/v1/me/access-log", headers=payer.headers)).json()
    assert "Tra soát" in str(log), "whoever looked is in the asker's own log"


async def test_a_conversation_ends_somewhere(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer, _, dispute_id = await disputed(db, desk)
    monkeypatch.setattr(disputes, "MOST_NOTES", 2)
    path = f"/v1/wallet/disputes/{dispute_id}/notes"
    for _ in range(2):
        assert (await desk.put(f"{path}/{uuid4()}", headers=payer.headers, json={"text": "…"})).status_code == 200
    more = await desk.put(f"{path}/{uuid4()}", headers=payer.headers, json={"text": "…"})
    assert problem(more) == (409, "TooMuchSaid")


# Whoever answers


async def test_an_answer_closes_it_once(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, _, dispute_id = await disputed(db, desk)
    member = await a_staff_member(db, role="finance")
    path = f"/v1/staff/disputes/{dispute_id}/answer"
    body = {"outcome": "rejected", "text": "Cửa hàng đã nhận đủ tiền."}
    first = await desk.put(path, headers=member.headers, json=body)
    assert (first.json()["status"], first.json()["assigned_to"]) == ("resolved", str(member.id)), first.text
    assert (await desk.put(path, headers=member.headers, json=body)).json() == first.json()
    other = await desk.put(path, headers=member.headers, json=body | {"text": "Khác"})
    assert problem(other) == (409, "DisputeIsClosed")
    mine = f"/v1/wallet/disputes/{dispute_id}"
    shown = (await desk.get(mine, headers=payer.headers)).json()
    assert (shown["outcome"], shown["answer"]) == ("rejected", "Cửa hàng đã nhận đủ tiền.")
    late = await desk.put(f"{mine}/notes/{uuid4()}", headers=payer.headers, json={"text": "Nhưng…"})
    assert problem(late) == (409, "DisputeIsClosed")
    assert problem(await desk.put(f"{mine}/withdrawal", headers=payer.headers, json={})) == (409, "DisputeIsClosed")
    assert len(await banking.told(db, "DisputeAnswered")) == 1
    closed = await desk.get("/v1/staff/disputes", headers=member.headers, params={"queue": "closed"})
    assert [line["id"] for line in closed.json()["items"]] == [str(dispute_id)]


async def test_refunded_names_a_refund_of_that_very_movement(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, dispute_id, shop = await a_resident(db, balance=200_000), uuid4(), await a_shop(db)
    payment_id, another = await bought(db, shop, payer=payer), await bought(db, shop, payer=payer)
    await desk.put(f"/v1/wallet/disputes/{dispute_id}", headers=payer.headers, json=asking(payment_id))
    refunds = [uuid4(), uuid4()]
    for refund_id, of in zip(refunds, (payment_id, another), strict=True):
        given = await desk.put(f"/v1/wallet/refunds/{refund_id}", headers=shop.owner.headers, json=asking_back(of))
        assert given.status_code == 201
    member = await a_staff_member(db, role="supervisor")
    path, body = f"/v1/staff/disputes/{dispute_id}/answer", {"outcome": "refunded", "text": "Đã hoàn."}
    for wrong in (body, body | {"refund_id": str(uuid4())}, body | {"refund_id": str(refunds[1])}):
        assert problem(await desk.put(path, headers=member.headers, json=wrong)) == (409, "RefundDoesNotAnswer")
    odd = {"outcome": "rejected", "text": "?", "refund_id": str(refunds[0])}
    assert problem(await desk.put(path, headers=member.headers, json=odd)) == (409, "RefundDoesNotAnswer")
    right = await desk.put(path, headers=member.headers, json=body | {"refund_id": str(refunds[0])})
    assert (right.json()["outcome"], right.json()["refund_id"]) == ("refunded", str(refunds[0]))


async def test_only_who_answers_disputes_is_assigned_one(db: Connection, desk: httpx.AsyncClient) -> None:
    _, _, dispute_id = await disputed(db, desk)
    operator, clerk = await a_staff_member(db, role="operator"), await a_staff_member(db, role="clerk")
    path = f"/v1/staff/disputes/{dispute_id}/assignment"
    wrong = await desk.put(path, headers=operator.headers, json={"member_id": str(clerk.id)})
    assert problem(wrong) == (409, "CannotLookInto")
    answer = f"/v1/staff/disputes/{dispute_id}/answer"
    tried = await desk.put(answer, headers=operator.headers, json={"outcome": "rejected", "text": "?"})
    assert problem(tried) == (403, "Forbidden"), "an operator looks into it, and does not decide"


async def test_queues_are_by_what_is_due(db: Connection, desk: httpx.AsyncClient) -> None:
    _, _, trace = await disputed(db, desk, "trace")
    _, _, complaint = await disputed(db, desk, "complaint")
    member = await a_staff_member(db, role="operator")
    await desk.put(f"/v1/staff/disputes/{complaint}/assignment", headers=member.headers, json={})

    async def queue(**asked: str) -> list[str]:
        answer = await desk.get("/v1/staff/disputes", headers=member.headers, params=asked)
        assert answer.status_code == 200, answer.text
        return [line["id"] for line in answer.json()["items"]]

    assert await queue() == [str(trace), str(complaint)]
    assert await queue(queue="mine") == [str(complaint)]
    assert await queue(queue="overdue") == await queue(queue="due_soon") == []
    first = await desk.get("/v1/staff/disputes", headers=member.headers, params={"limit": "1"})
    assert await queue(cursor=first.json()["next"]) == [str(complaint)]


async def test_what_nobody_answers_in_time_is_told_once(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    _, _, dispute_id = await disputed(db, desk)
    supervisor = await a_staff_member(db, role="supervisor")
    await disputes.watch_the_clock(db)
    assert await banking.told(db, "DisputeOverdue") == []
    await later(9 * 86_400)
    for _ in range(2):
        await disputes.watch_the_clock(db)
    [news] = await banking.told(db, "DisputeOverdue")
    assert news["dispute_id"] == str(dispute_id)
    assert str(supervisor.id) in news["told"]  # pyright: ignore[reportOperatorIssue]
    await guarantee.measure(db)
    assert guarantee.DISPUTES_OVERDUE._value.get() == guarantee.DISPUTES_OPEN._value.get() == 1  # pyright: ignore[reportPrivateUsage]
    page = await disputes.queue(db, supervisor.me, "overdue", None, 20)
    assert [line.overdue for line in page.items] == [True]


async def test_whoever_asks_and_whoever_answers_find_it_in_their_inbox(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=100_000)
        payment_id = await bought(db, await a_shop(db), payer=payer)
        member = await a_staff_member(db, role="finance")
    dispute_id = uuid4()
    path = f"/v1/wallet/disputes/{dispute_id}"
    await city.client.put(path, headers=payer.headers, json=asking(payment_id))
    answer = {"outcome": "corrected", "text": "Đã điều chỉnh."}
    await city.client.put(f"/v1/staff/disputes/{dispute_id}/answer", headers=member.headers, json=answer)
    await city.worker.drain()
    inbox = (await city.client.get("/v1/notifications/inbox", headers=payer.headers)).json()["items"]
    links = [message["link"] for message in inbox]
    assert links.count(f"/wallet/disputes/{dispute_id}") == 2
