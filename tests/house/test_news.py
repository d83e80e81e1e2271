"""News: what the ledger's function and the verbs write is what its Struct says, and somebody has words for it."""

from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args, get_origin
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec import structs

from app import config, outbox
from app.clock import city_now, city_today
from app.db import many
from app.identity import recovery
from app.identity.events import AccountUnlocked, IdentityVerified, PinReset
from app.outbox import Event
from app.privacy import breaches, data_requests, erasures, exports
from app.privacy.models import AnswerData, AskData, AskErasure, ReportBreach
from app.texts.signatures import sign
from app.worker import HOLDINGS, LISTENERS
from dossiers import events as dossier_events
from feedback import events as feedback_events
from notifications import events as notifications_events
from notifications.messages import Told, messages_of
from tests.app.keys import with_key
from tests.app.test_passkeys import added
from tests.conftest import City, OneConnection
from tests.house.doors import subclasses
from tests.house.statements import sql
from tests.makers import PIN, a_bill, a_biller, a_resident, a_shop, a_staff_member, fund
from tests.statements import sql as statements
from wallet import bills, holds, ledger
from wallet import events as wallet_events
from wallet.ledger import Move
from wallet.merchants import merchants
from wallet.models import PlaceOrder

NOT_TOLD = {
    "BillHeld",
    "BillerDayEnded",
    "CodeRequested",
    "DayEnded",
    "DossierOutOfStep",
    "ErasureRequested",
    "ExportRequested",
    "NationalPaperLinked",
    "PayoutAsked",
    "ReportMediaLinked",
    "ResultIssued",
    "ResultToBePosted",
    "TextReported",
    "WebhooksWritten",
}
"""News that is for the city's own workers: nobody finds a message of it."""

OF_DOMAINS = {
    wallet_events.__name__, feedback_events.__name__, dossier_events.__name__, notifications_events.__name__,
}  # fmt: skip

KINDS = {event.__name__: event for event in subclasses(Event)}


class Row(msgspec.Struct, frozen=True):
    kind: str
    data: dict[str, Any]


async def everything_happens(city: City) -> None:
    """Each kind of news at least once, and each optional part of it once there and once not."""
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=10_000_000)
        friend, shop = await a_resident(db), await a_shop(db)
        await a_biller(db)
        bills = [await a_bill(db), await a_bill(db, subject="dossier 17")]
        orders: list[str] = []
        for reference in (None, "Ban 5"):
            order = PlaceOrder(terminal_id=shop.terminal_id, amount=1000, reference=reference)
            placed, _ = await merchants.place_order(db, shop.owner.me, shop.id, uuid4(), order)
            orders.append(placed.text)
    bodies: list[dict[str, object]] = [{"kind": "bill", "bill_id": str(bill)} for bill in bills]
    for memo in ({}, {"memo": "bún bò"}):
        bodies.append({"kind": "merchant", "qr": shop.qr, "amount": 1000, **memo})
        bodies.append({"kind": "merchant", "qr": orders.pop(), **memo})
        bodies.append({"kind": "person", "phone": friend.phone, "amount": 1000, **memo})
    for body in bodies:
        paid = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
        assert paid.status_code == 201, paid.text
    async with city.database.transaction() as db:
        await a_staff_member(db, role="compliance")
        member = await a_staff_member(db, role="operator")
    emergency = {"agency": "city", "role": "supervisor", "reason": "Bão số 9: điều phối khẩn cấp", "minutes": 30}
    opened = await city.client.put(f"/v1/staff/break-glass/{uuid4()}", headers=member.headers, json=emergency)
    assert opened.status_code == 200, opened.text
    await with_key(city.client, friend)
    await added(city.client, payer)
    await _hard_days(city)
    await _days_of_personal_data(city)
    await _days_of_the_wallet(city)
    await _a_text_goes_wrong(city)
    sent = await city.client.post("/v1/sign-in/codes", json={"phone": "+84900000001"})
    sign_in = {"challenge_id": sent.json()["challenge_id"], "code": "000000"}
    assert (await city.client.post("/v1/sign-in/sessions", json=sign_in)).status_code == 201


async def _a_text_goes_wrong(city: City) -> None:
    report = {"reference": uuid4(), "state": "failed", "channel": "sms", "at": city_now(), "why": "absent"}
    body = msgspec.json.encode(report)
    headers = {"content-type": "application/json", **sign(config.settings().text_key, "one", body)}
    heard = await city.client.post("/v1/gateways/texts/reports", content=body, headers=headers)
    assert heard.status_code == 200, heard.text


async def _hard_days(city: City) -> None:
    async with city.database.transaction() as db:
        resident = await a_resident(db)
        for how in ("pin", "code", "hotline"):
            await recovery.lock(db, (await a_resident(db)).id, how)
        await recovery.release_number(db, (await a_resident(db)).id, "+84905123456")
        await recovery.take_number(db, resident.id, "+84905123457")
        await outbox.record(db, PinReset(principal_id=resident.id))
        await outbox.record(db, AccountUnlocked(principal_id=resident.id))
        await outbox.record(db, IdentityVerified(principal_id=resident.id))


async def _days_of_personal_data(city: City) -> None:
    async with city.database.transaction() as db:
        officer, resident = await a_staff_member(db, role="compliance"), await a_resident(db)
        for holdings in (HOLDINGS, [structs.replace(HOLDINGS[0], rows="SELECT 1 / 0 WHERE $1::uuid IS NOT NULL")]):
            export = await exports.ask(db, resident.me)
            await exports.make(db, export.export_id, holdings)
        erasure = await erasures.ask(OneConnection(db), resident.me, AskErasure(pin=PIN), HOLDINGS, "vi")
        await fund(db, resident.id, 1000)
        await erasures.carry_out(db, erasure.erasure_id, HOLDINGS)
        for granted in (True, False):
            await data_requests.ask(db, resident.me, asked := uuid4(), AskData(kind="access", text="Ai?"))
            await data_requests.answer(db, officer.me, asked, AnswerData(text="Không ai.", granted=granted))
        await data_requests.ask(db, resident.me, late := uuid4(), AskData(kind="access", text="Ai?"))
        await db.execute(statements.late_data_request, late)
        await data_requests.watch_the_clock(db)
        for hours in (50, 80):
            found_at = city_now() - timedelta(hours=hours)
            known = ReportBreach(found_at=found_at, what="?", kinds_of_data=["name"], harm="?", measures="?")
            await breaches.report(db, officer.me, uuid4(), known)
        await breaches.watch_the_clock(db)


async def _days_of_the_wallet(city: City) -> None:
    """What the ledger's functions write happens; of what only verbs write, every shape is written here."""
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=10_000_000)
        await a_biller(db, "vien-thong", adapter="http")
        bills_to_ask = [
            await a_bill(db, biller="vien-thong", subject=subject) for subject in (None, "dossier 17", None, None)
        ]
        for bill_id, why in zip(bills_to_ask[:2], (None, "amount_changed"), strict=True):
            payment_id = uuid4()
            await ledger.move(
                db, Move(payment_id, "bill", payer.id, session_id=payer.session_id, bill_id=bill_id, fingerprint=b"n")
            )
            await holds.void(db, payment_id, why)
        for bill_id, outcome in zip(bills_to_ask[2:], (holds.capture, holds.void), strict=True):
            await bills.collect(db, collection_id := uuid4(), bill_id, ledger.GUARANTEE, 412_500)
            await outcome(db, collection_id)
    there = {row.kind for row in await _rows(city)}
    async with city.database.transaction() as db:
        for kind, struct in KINDS.items():
            if struct.__module__ in OF_DOMAINS and kind not in there:
                for event in shapes(struct):
                    await outbox.record(db, event)


def shapes(struct: type[Event]) -> list[Event]:
    """An event with everything, one with nothing that may be missing, and one for each word of its closed lists."""
    fields = structs.fields(struct)
    full = {field.name: _value(field.type) for field in fields}
    bare = {name: None if _may_be_missing(struct, name) else value for name, value in full.items()}
    each = [full | {field.name: word} for field in fields for word in _words_of(field.type)]
    return [struct(**given) for given in (full, bare, *each)]


def _may_be_missing(struct: type[Event], name: str) -> bool:
    return any(type(None) in get_args(field.type) for field in structs.fields(struct) if field.name == name)


def _words_of(type_: Any) -> tuple[Any, ...]:
    if get_origin(type_) is Literal:
        return get_args(type_)
    return tuple(word for part in get_args(type_) for word in _words_of(part))


def _value(type_: Any) -> Any:
    if words := _words_of(type_):
        return words[0]
    plain = next((part for part in get_args(type_) if part is not type(None)), type_)
    if get_origin(type_) is list:
        return [_value(get_args(type_)[0])]
    values: dict[Any, Any] = {
        UUID: uuid4(), int: 45_000, str: "Bún bò", bool: True, date: city_today(), datetime: city_now(),
    }  # fmt: skip
    return values[plain]


async def _rows(city: City) -> list[Row]:
    async with city.database.acquire() as db:
        return await many(Row, db, sql.events)


async def test_all_news_is_what_its_struct_says_and_somebody_has_words_for_it(city: City) -> None:
    await everything_happens(city)
    rows = await _rows(city)
    assert {row.kind for row in rows} == KINDS.keys(), "let everything_happens make it happen"
    for row in rows:
        struct = KINDS[row.kind]
        assert row.data.keys() == set(struct.__struct_fields__), row
        event = msgspec.convert(row.data, struct, strict=True)
        assert msgspec.to_builtins(event) == row.data
        if row.kind not in NOT_TOLD:
            _check_words(event)
    _check_that_both_ways_were_seen(rows)


def _check_words(event: Any) -> None:
    messages = messages_of(event)
    whose = [getattr(event, name, "") for name in ("payer_id", "reporter_id", "owner_id")]
    assert messages or None in whose, "nobody is told"
    for message in messages:
        for words in (message.title, message.body):
            assert words.keys() == {"vi", "en"}
            assert all(text and "None" not in text for text in words.values()), words
        assert message.title["vi"] != message.title["en"]


def _check_that_both_ways_were_seen(rows: list[Row]) -> None:
    for kind, struct in KINDS.items():
        for field in msgspec.structs.fields(struct):
            if type(None) in get_args(field.type):
                seen = {row.data[field.name] is None for row in rows if row.kind == kind}
                assert seen == {True, False}, f"{kind}.{field.name} was always the same"


def test_all_news_is_told_or_meant_not_to_be() -> None:
    told = {event.__name__ for event in get_args(Told)}
    assert told | NOT_TOLD == KINDS.keys()
    assert not told & NOT_TOLD


def test_a_listener_listens_for_news_that_there_is() -> None:
    heard = {kind for listener in LISTENERS for kind in listener.kinds}
    assert heard == KINDS.keys(), "nobody hears it, or it never happens"
    names = [listener.name for listener in LISTENERS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("listener", LISTENERS, ids=[listener.name for listener in LISTENERS])
def test_what_orders_a_listeners_jobs_is_in_all_its_news(listener: Any) -> None:
    if listener.ordering_field is not None:
        assert all(listener.ordering_field in KINDS[kind].__struct_fields__ for kind in listener.kinds)
