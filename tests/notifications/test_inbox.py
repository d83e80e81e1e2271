"""The inbox: each event once, numbered per resident, in the reader's language."""

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import Connection
from app.identity.models import ProfileChange
from app.identity.sessions import change_profile
from app.jobs import News
from app.types import new_id
from notifications import listeners
from notifications.messages import dong, messages_of
from tests.makers import Resident, a_resident
from wallet.events import BillPaid

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def sent(event_id: int, payer: Resident, payee: Resident) -> News:
    data = {
        "payment_id": str(new_id()),
        "payer_id": str(payer.id),
        "amount": 1_234_567,
        "payer_name": "L*** Bình",
        "payee_id": str(payee.id),
        "payee_name": "T*** Cảnh",
        "memo": "tiền chợ",
    }
    return News(event_id, "PersonPaid", data, AT)


async def test_both_sides_are_told_each_in_their_language(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, payee = await a_resident(db), await a_resident(db)
    await change_profile(db, payee.me, ProfileChange(language="en"))
    await listeners.tell(db, [sent(1, payer, payee)])
    [mine] = (await desk.get("/v1/notifications/inbox", headers=payer.headers)).json()["items"]
    [theirs] = (await desk.get("/v1/notifications/inbox", headers=payee.headers)).json()["items"]
    assert (mine["title"], mine["body"]) == ("Đã chuyển tiền", "1.234.567 ₫ cho T*** Cảnh. “tiền chợ”")
    assert (theirs["title"], theirs["body"]) == ("Money received", "1.234.567 ₫ from L*** Bình. “tiền chợ”")
    assert (mine["seq"], mine["category"], mine["read"]) == (1, "money", False)


async def test_the_same_news_again_puts_nothing_twice(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, payee = await a_resident(db), await a_resident(db)
    await listeners.tell(db, [sent(1, payer, payee), sent(2, payer, payee)])
    await listeners.tell(db, [sent(2, payer, payee), sent(3, payer, payee)])
    items = (await desk.get("/v1/notifications/inbox", headers=payer.headers)).json()["items"]
    assert [item["seq"] for item in items] == [3, 2, 1]


async def test_reading_goes_forward_only_and_never_past_the_last(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, payee = await a_resident(db), await a_resident(db)
    await listeners.tell(db, [sent(n, payer, payee) for n in range(1, 6)])

    async def read(up_to: int) -> int:
        answer = await desk.put("/v1/notifications/inbox/read", headers=payer.headers, json={"up_to": up_to})
        return answer.json()["unread"]

    assert [await read(2), await read(1), await read(10**9)] == [3, 3, 0]
    await listeners.tell(db, [sent(6, payer, payee)])
    assert (await desk.get("/v1/home", headers=payer.headers)).json()["notifications"] == {
        "unread": 1,
        "alerts": [],
    }
    untouched = await desk.put(
        "/v1/notifications/inbox/read", headers=(await a_resident(db)).headers, json={"up_to": 5}
    )
    assert untouched.json() == {"unread": 0}


async def test_pages_follow_each_other(db: Connection, desk: httpx.AsyncClient) -> None:
    payer, payee = await a_resident(db), await a_resident(db)
    await listeners.tell(db, [sent(n, payer, payee) for n in range(1, 6)])
    first = (await desk.get("/v1/notifications/inbox?limit=3", headers=payer.headers)).json()
    await listeners.tell(db, [sent(6, payer, payee)])
    last = (await desk.get(f"/v1/notifications/inbox?limit=3&cursor={first['next']}", headers=payer.headers)).json()
    assert [item["seq"] for item in first["items"] + last["items"]] == [5, 4, 3, 2, 1]
    assert last["next"] is None


@given(st.integers(0, 10**12))
def test_dong_is_written_as_in_viet_nam(amount: int) -> None:
    assert int(dong(amount).removesuffix(" ₫").replace(".", "")) == amount
    assert all(len(group) == 3 for group in dong(amount).removesuffix(" ₫").split(".")[1:])


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_bill_message_names_biller_code_and_period(language: str) -> None:
    event = BillPaid(
        payment_id=new_id(),
        payer_id=UUID(int=1),
        amount=412_500,
        bill_id=new_id(),
        biller="dien-luc-hue",
        biller_name="Điện lực Huế",
        biller_name_en="Huế Electricity",
        reference="r",
        customer_code="PP03000000001",
        period="11/2026",
        subject=None,
    )
    [words] = messages_of(event)
    body = words.body["vi" if language == "vi" else "en"]
    name = "Điện lực Huế" if language == "vi" else "Huế Electricity"
    for part in ("412.500 ₫", name, "PP03000000001", "11/2026"):
        assert part in body
