"""The gateway tells how a text went: once, late, twice, out of order; nobody else does."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from standardwebhooks import Webhook

from app import config
from app.clock import city_now
from app.db import Connection, queries_beside
from app.texts import reports, signatures
from app.texts.signatures import sign
from tests.conftest import City, served
from tests.statements import sql as statements
from tests.texting import Phones

sql = queries_beside(__file__)

HEARD = "/v1/gateways/texts/reports"


async def state_of(city: City, reference: UUID) -> str | None:
    async with city.database.acquire() as db:
        return await db.fetchval(sql.report_state, reference)


async def news(city: City) -> list[tuple[str, str]]:
    async with city.database.acquire() as db:
        rows = await db.fetch(statements.event_rows, "TextReported")
    return [(row["data"]["reference"], row["data"]["state"]) for row in rows]


def a_body(reference: UUID, state: str = "delivered", **other: object) -> bytes:
    said = {"reference": reference, "state": state, "channel": "sms", "at": city_now()}
    return msgspec.json.encode(said | other)


async def tell(city: City, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, str]:
    signed = sign(config.settings().text_key, str(uuid4()), body) if headers is None else headers
    sent = {name.encode(): value.encode() for name, value in signed.items()} | {b"content-type": b"application/json"}
    answer = await city.client.post(HEARD, content=body, headers=sent)
    return answer.status_code, answer.json().get("type", "").removeprefix("urn:huong:problem:")


async def test_a_delivery_is_told_over_a_real_socket_twice_and_is_news_once(city: City, phones: Phones) -> None:
    reference = uuid4()
    async with served(city.app) as port:
        url = f"http://127.0.0.1:{port}{HEARD}"
        sent = await phones.report(reference, "sent", city_url=url)
        told = await phones.report(reference, "delivered", city_url=url, times=2, late_s=7200)
    assert (sent["answered"], told["answered"]) == ([200], [200, 200])
    assert await state_of(city, reference) == "delivered"
    assert await news(city) == [(str(reference), "delivered")]


async def test_what_comes_late_or_out_of_order_changes_nothing(city: City) -> None:
    reference = uuid4()
    for state in ("failed", "sent", "expired", "failed"):
        assert await tell(city, a_body(reference, state)) == (200, "")
        assert await state_of(city, reference) == "failed"
    assert await tell(city, a_body(reference, "delivered")) == (200, "")
    assert await tell(city, a_body(reference, "failed")) == (200, "")
    assert await state_of(city, reference) == "delivered"
    assert [state for _, state in await news(city)] == ["failed", "delivered"]


async def test_nobody_else_tells(city: City) -> None:
    reference, key = uuid4(), config.settings().text_key
    body = a_body(reference)
    good = sign(key, "one", body)
    for headers in (
        {},
        sign("another key", "one", body),
        sign(key, "one", body + b" "),
        good | {"webhook-id": "two"},
        good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
        good | {"webhook-timestamp": "٣"},
        good | {"webhook-timestamp": "9" * 13},
        good | {"webhook-signature": ""},
        good | {"webhook-signature": good["webhook-signature"].removeprefix("v1,")},
    ):
        assert await tell(city, body, headers) == (401, "WrongTextSignature")
    assert await state_of(city, reference) is None


async def test_what_was_signed_long_ago_counts_for_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = uuid4()
    body = a_body(reference)
    with monkeypatch.context() as patched:
        patched.setattr(signatures, "city_now", lambda: city_now() - timedelta(seconds=signatures.SKEW_S + 5))
        old = sign(config.settings().text_key, "one", body)
    assert await tell(city, body, old) == (401, "WrongTextSignature")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"reference": "x"}',
        a_body(uuid4(), "lost"),
        a_body(uuid4(), channel="pigeon"),
        a_body(uuid4(), at="yesterday"),
        a_body(uuid4(), why="x" * 101),
        b"\xff",
        b"[" * 5000,
    ],
)
async def test_what_cannot_be_read_is_malformed(city: City, body: bytes) -> None:
    assert (await tell(city, body))[0] == 400


async def test_what_they_add_and_control_characters_do_no_harm(city: City) -> None:
    reference = uuid4()
    at = (city_now() + timedelta(days=900)).isoformat()
    assert await tell(city, a_body(reference, "failed", why="no\x00credit\n", price=350, at=at)) == (200, "")
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.report_row, reference)
    assert row is not None
    assert row["why"] == "nocredit"
    assert row["reported_at"] <= city_now()


async def test_without_a_key_the_door_is_closed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    keyless = msgspec.structs.replace(config.settings(), text_key="")
    monkeypatch.setattr(reports, "settings", lambda: keyless)
    body = a_body(uuid4())
    assert await tell(city, body, sign("", "one", body)) == (404, "NotFound")


def test_the_signature_is_the_standards(monkeypatch: pytest.MonkeyPatch) -> None:
    key, body = "the gateway's key", a_body(uuid4())
    theirs = Webhook(b64encode(key.encode()).decode())
    assert theirs.verify(body, sign(key, "msg_1", body))
    at = datetime.now(UTC)
    shown = f"v1,bm9uZQ== {theirs.sign('msg_1', at, body.decode())}"
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": shown}
    assert signatures.is_signed(key, headers, body)


async def test_how_a_text_went_is_forgotten_after_ninety_days(db: Connection) -> None:
    for days in (89, 91):
        await db.execute(sql.plant_report, UUID(int=days), f"{days} days")
    await reports.forget_old(db)
    assert await db.fetchval(sql.report_state, UUID(int=89)) == "delivered"
    assert await db.fetchval(sql.report_state, UUID(int=91)) is None
