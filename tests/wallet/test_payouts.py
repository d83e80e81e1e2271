"""Speaking with the partner bank: signatures, kinds of silence, a breaker; and the bank that stands in for it."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256, sha512
from hmac import HMAC
from uuid import uuid4

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from litestar import Litestar, Request, post
from litestar.datastructures import State

from app import outside
from app.clock import CITY_ZONE, city_now
from app.config import settings
from app.db import Connection
from app.outside import NoAnswer
from tests.conftest import StandIns, served
from tests.wallet import banking
from wallet import qr
from wallet.gateways import breaker, partner_bank, payouts
from wallet.gateways.breaker import Breaker, NotAsked
from wallet.gateways.partner_bank import Done, NotKnown, Order, Processing, Refused
from wallet.gateways.payouts import AskPayout
from wallet.gateways.signed_requests import NotSigned, sign, verify
from wallet.sandbox import bank

URL = "https://bank.example/api/transfers/7?b=2&a=%C3%A9"
ORDER = Order(amount=50_000, bank_bin="970436", account_number=banking.PAYS, account_name="A B", content="x")


def to(account_number: str) -> Order:
    return msgspec.structs.replace(ORDER, account_number=account_number)


# Signatures


def test_what_is_signed_is_written_down() -> None:
    """By hand: six lines, as the docstring has them."""
    at = int(city_now().timestamp())
    headers = sign("huong", "secret", "put", URL, b'{"a":1}', timestamp=at, nonce="0123456789")
    text = f"PUT\n/api/transfers/7\nb=2&a=%C3%A9\n{BODY_HASH}\n{at}\n0123456789"
    assert headers == {
        "x-key-id": "huong",
        "x-timestamp": str(at),
        "x-nonce": "0123456789",
        "x-signature": HMAC(b"secret", text.encode(), sha256).hexdigest(),
    }


BODY_HASH = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
"""SHA-256 of {"a":1}, as sha256sum has it."""


def test_a_vector_for_others_to_check_against() -> None:
    """As openssl signs it."""
    headers = sign(
        "huong", "secret", "GET", "https://bank.example/transfers/1", timestamp=1_700_000_000, nonce="n" * 8
    )
    assert headers["x-signature"] == "a24053a98c9819f97ae7e19929a14bd8ae0431f516fdca3683a7a6e93a07ce75"


@given(body=some.binary(max_size=200), method=some.sampled_from(["GET", "PUT", "POST"]))
def test_what_was_signed_is_found_signed(body: bytes, method: str) -> None:
    signed = verify(sign("huong", "secret", method, URL, body), {"other": "x", "huong": "secret"}, method, URL, body)
    assert signed.key_id == "huong"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"x-signature": "0" * 64}, "signature"),
        ({"x-signature": "Hương"}, "signature"),
        ({"x-nonce": "another-nonce"}, "signature"),
        ({"x-nonce": "short"}, "malformed"),
        ({"x-timestamp": "now"}, "malformed"),
        ({"x-timestamp": "²"}, "malformed"),
        ({"x-timestamp": "9" * 13}, "malformed"),
        ({"x-timestamp": "0"}, "time"),
        ({"x-key-id": "nobody"}, "key"),
        ({"x-nonce": None}, "missing"),
    ],
)
def test_what_was_changed_is_not_signed(change: dict[str, str | None], why: str) -> None:
    headers = {name: text for name, text in (sign("huong", "secret", "PUT", URL, b"1") | change).items() if text}
    with pytest.raises(NotSigned) as refused:
        verify(headers, {"huong": "secret"}, "PUT", URL, b"1")
    assert refused.value.why == why


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [("POST", URL, b"1"), ("PUT", URL + "1", b"1"), ("PUT", URL.replace("/7", "/8"), b"1"), ("PUT", URL, b"2")],
)
def test_a_signature_is_for_one_request(method: str, url: str, body: bytes) -> None:
    with pytest.raises(NotSigned):
        verify(sign("huong", "secret", "PUT", URL, b"1"), {"huong": "secret"}, method, url, body)


@pytest.mark.parametrize("seconds", [-299, 299])
def test_a_signature_is_good_for_five_minutes(seconds: int) -> None:
    headers = sign("huong", "secret", "PUT", URL, timestamp=int(city_now().timestamp()) + seconds)
    assert verify(headers, {"huong": "secret"}, "PUT", URL).key_id == "huong"


@pytest.mark.parametrize("seconds", [-302, 302])
def test_and_no_longer(seconds: int) -> None:
    headers = sign("huong", "secret", "PUT", URL, timestamp=int(city_now().timestamp()) + seconds)
    with pytest.raises(NotSigned, match="time"):
        verify(headers, {"huong": "secret"}, "PUT", URL)


# The bank


async def test_the_same_transfer_again_is_the_same(stand_ins: StandIns) -> None:
    transfer_id = uuid4()
    first = await partner_bank.transfer(transfer_id, ORDER)
    assert isinstance(first, Done)
    assert await partner_bank.transfer(transfer_id, ORDER) == first
    assert await partner_bank.inquire(transfer_id) == first
    with pytest.raises(NoAnswer):  # 409: not a refusal of this payment
        await partner_bank.transfer(transfer_id, to("1"))


async def test_how_it_ends_is_said_clearly_or_not_known(stand_ins: StandIns) -> None:
    assert await partner_bank.transfer(uuid4(), to(banking.REFUSED)) == Refused("account_unknown")
    assert await partner_bank.transfer(uuid4(), to(banking.PROCESSING)) == Processing()
    assert await partner_bank.inquire(uuid4()) == NotKnown()
    with pytest.raises(NoAnswer):
        await partner_bank.transfer(uuid4(), to(banking.SILENT_PAYS))


async def test_a_fast_transfer_has_a_limit_and_the_other_route_takes_its_time(stand_ins: StandIns) -> None:
    much = msgspec.structs.replace(ORDER, amount=500_000_000)
    assert await partner_bank.transfer(uuid4(), much) == Refused("other")
    transfer_id, slower = uuid4(), msgspec.structs.replace(much, route="interbank")
    assert await partner_bank.transfer(transfer_id, slower) == Processing()
    said = [await partner_bank.inquire(transfer_id) for _ in range(3)]
    assert said[:2] == [Processing()] * 2
    assert isinstance(said[2], Done)


@pytest.mark.parametrize("at", ["transfer", "inquiry"])
@pytest.mark.parametrize("trouble", ["slow", "down", "not_json", "huge", "moved"])
async def test_a_bank_in_trouble_has_not_answered(
    stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, trouble: str, at: str
) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 0.5)
    await stand_ins.behave("bank", trouble, at=at)
    asked = partner_bank.transfer(uuid4(), ORDER) if at == "transfer" else partner_bank.inquire(uuid4())
    with pytest.raises(NoAnswer):
        await asked


async def test_a_transfer_that_takes_longer_than_we_wait_is_found_later(
    stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 0.3)
    monkeypatch.setattr(bank, "SLOW_S", 0.6)
    transfer_id = uuid4()
    with pytest.raises(NoAnswer):
        await partner_bank.transfer(transfer_id, to(banking.SLOW))
    assert await partner_bank.inquire(transfer_id) == NotKnown()
    with suppress(NoAnswer):
        await partner_bank.transfer(transfer_id, to(banking.SLOW))
    await asyncio.sleep(0.6)
    assert isinstance(await partner_bank.inquire(transfer_id), Done)


async def test_the_bank_takes_nothing_that_is_not_signed_and_nothing_twice(stand_ins: StandIns) -> None:
    url = f"{stand_ins.url}/bank/transfers/{uuid4()}"
    here = settings()
    body = msgspec.json.encode(ORDER)
    good = sign(here.bank_key_id, here.bank_secret, "PUT", url, body)
    bad = (
        {},
        {**good, "x-signature": "0" * 64},
        sign(here.bank_key_id, "another secret", "PUT", url, body),
        sign("another key", here.bank_secret, "PUT", url, body),
        sign(here.bank_key_id, here.bank_secret, "PUT", url, body, timestamp=1_700_000_000),
    )
    async with httpx.AsyncClient(verify=False) as client:
        for headers in bad:
            assert (await client.put(url, headers=headers, content=body)).status_code == 401
        assert (await client.put(url, headers=good, content=body)).status_code == 200
        assert (await client.put(url, headers=good, content=body)).status_code == 401, "its nonce is used up"
        empty = sign(here.bank_key_id, here.bank_secret, "PUT", url, b"{}")
        assert (await client.put(url, headers=empty, content=b"{}")).status_code == 422


# The breaker


async def test_a_party_that_does_not_answer_is_left_in_peace_for_a_while() -> None:
    before = Breaker(failures=2, rest_s=0.05)
    for _ in range(2):
        with pytest.raises(NoAnswer), before.passing():
            raise NoAnswer
    assert before.state == "open"
    with pytest.raises(NotAsked) as rest, before.passing():
        pytest.fail("it was asked")
    assert 0 < rest.value.again_in_s <= 0.05
    await asyncio.sleep(0.06)
    assert before.state == "half_open"
    with before.passing(), pytest.raises(NotAsked), before.passing():  # one looks whether it is there again
        pytest.fail("a second one was asked")
    assert before.state == "closed"


async def test_one_that_is_still_silent_rests_again() -> None:
    before = Breaker(failures=1, rest_s=0.05)
    for _ in range(2):
        with pytest.raises(NoAnswer), before.passing():
            raise NoAnswer
        assert before.state == "open"
        await asyncio.sleep(0.06)


def test_an_answer_in_between_and_whoever_is_cancelled_count_for_nothing() -> None:
    before = Breaker(failures=2)
    for _ in range(5):
        with pytest.raises(NoAnswer), before.passing():
            raise NoAnswer
        with before.passing():
            pass
        with pytest.raises(asyncio.CancelledError), before.passing():
            raise asyncio.CancelledError
    assert before.state == "closed"


def test_a_few_wait_side_by_side_and_no_more() -> None:
    before = Breaker(at_once=1)
    with before.passing(), pytest.raises(NotAsked), before.passing():
        pytest.fail("too many wait")
    with before.passing():
        pass


def test_each_party_has_a_breaker_of_its_own() -> None:
    assert breaker.before("bank") is breaker.before("bank")
    assert breaker.before("bank") is not breaker.before("biller:a")
    assert breaker.states() == {"bank": "closed", "biller:a": "closed"}


def test_a_bank_gets_plain_letters() -> None:
    assert payouts.plain_name("Lê Thị Ngự Bình") == "LE THI NGU BINH"
    assert payouts.plain_name("Đặng  Ươm Ỵ") == "DANG UOM Y"


@pytest.mark.parametrize("account", [{"account_number": "12 34"}, {"account_name": "😀"}, {"bank_bin": "000000"}])
async def test_what_no_bank_could_take_is_refused_before_it_is_sent(db: Connection, account: dict[str, str]) -> None:
    asked = {"id": uuid4(), "kind": "refund", "debit_id": uuid4(), "amount": 1, "content": "x"}
    fine = {"bank_bin": "970436", "account_number": "1234567890", "account_name": "A B", **account}
    payout = msgspec.convert({**asked, **fine}, AskPayout)
    with pytest.raises((payouts.NoSuchAccount, payouts.UnknownBank)):
        await payouts.ask(db, payout)


# People who transfer to the city from the stand-in


class Heard(msgspec.Struct):
    """What reached the city."""

    path: str
    headers: dict[str, str]
    body: bytes


class AnotherCity:
    """A city that only listens."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

        @post("/v1/gateways/bank-transfers/{source:str}", status_code=200)
        async def hear(request: Request[None, None, State]) -> dict[str, bool]:
            self.heard.append(Heard(request.url.path, dict(request.headers), await request.body()))
            return {"success": True}

        self.app = Litestar([hear], openapi_config=None)


@pytest.fixture
async def another_city(stand_ins: StandIns) -> AsyncIterator[AnotherCity]:
    """A city to which the stand-in tells its transfers."""
    listening = AnotherCity()
    async with served(listening.app) as port, httpx.AsyncClient(verify=False) as client:
        there = {"city_url": f"http://127.0.0.1:{port}"}
        (await client.put(f"{stand_ins.url}/bank/behaviour", json=there)).raise_for_status()
        yield listening
        home = {"city_url": settings().public_url}
        (await client.put(f"{stand_ins.url}/bank/behaviour", json=home)).raise_for_status()


async def transfer(stand_ins: StandIns, **wanted: object) -> dict[str, object]:
    body = {"account_number": "1900190019", "amount": 50_000, "content": "HUE ABCD", "via": "both", **wanted}
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.post(f"{stand_ins.url}/bank/customers/transfer", json=body)
    answer.raise_for_status()
    return answer.json()


async def test_the_city_is_told_as_sepay_and_casso_tell_it(stand_ins: StandIns, another_city: AnotherCity) -> None:
    made = await transfer(stand_ins, account_number="HUE0000000007", content="Tiền bún")
    sepay, casso = another_city.heard
    assert made["statuses"] == [200, 200]
    assert sepay.headers["authorization"] == f"Apikey {settings().sepay_key}"
    said = msgspec.json.decode(sepay.body)
    wanted = {"transferType": "in", "transferAmount": 50_000, "subAccount": "HUE0000000007", "content": "Tiền bún"}
    assert wanted.items() <= said.items()
    assert said["referenceCode"] == made["reference"]
    assert said["accountNumber"] == settings().bank_account

    at, signature = casso.headers["x-casso-signature"].removeprefix("t=").split(",v1=")
    told = msgspec.json.decode(casso.body)
    in_order = msgspec.json.encode(told, order="deterministic")
    assert HMAC(settings().casso_secret.encode(), f"{at}.".encode() + in_order, sha512).hexdigest() == signature
    assert (told["data"]["amount"], told["data"]["reference"]) == (50_000, made["reference"])


@pytest.mark.parametrize(
    ("mischief", "amounts"),
    [("duplicate", [7, 7]), ("wrong_amount", [1007]), ("silence", []), ("bad_signature", [7])],
)
async def test_it_misbehaves_when_it_is_told_to(
    stand_ins: StandIns, another_city: AnotherCity, mischief: str, amounts: list[int]
) -> None:
    await stand_ins.behave("bank", mischief, at="webhook")
    await transfer(stand_ins, amount=7, via="sepay")
    assert [msgspec.json.decode(one.body)["transferAmount"] for one in another_city.heard] == amounts
    if mischief == "bad_signature":
        assert settings().sepay_key not in another_city.heard[0].headers["authorization"]


async def test_it_tells_one_after_the_next_when_it_is_told_to(stand_ins: StandIns, another_city: AnotherCity) -> None:
    await stand_ins.behave("bank", "reorder", at="webhook")
    await transfer(stand_ins, amount=1, via="sepay")
    await transfer(stand_ins, amount=2, via="sepay")
    assert [msgspec.json.decode(one.body)["transferAmount"] for one in another_city.heard] == [2, 1]


async def test_its_statement_has_what_went_out_and_what_came_in(
    stand_ins: StandIns, another_city: AnotherCity
) -> None:
    out = await partner_bank.transfer(uuid4(), ORDER)
    into = await transfer(stand_ins, content="=1+1")
    async with httpx.AsyncClient(verify=False) as client:
        today = f"{city_now().astimezone(CITY_ZONE):%Y-%m-%d}"
        answer = await client.get(f"{stand_ins.url}/bank/statement.csv", params={"on": today})
        before = await client.get(f"{stand_ins.url}/bank/statement.csv", params={"on": "2020-01-01"})
    lines = {line["reference"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    assert isinstance(out, Done)
    assert (lines[out.reference]["side"], lines[out.reference]["amount"]) == ("out", "50000")
    assert lines[str(into["reference"])]["side"] == "in"
    assert len(before.text.splitlines()) == 1


async def test_a_qr_that_is_pasted_fills_the_form_and_a_button_transfers(
    stand_ins: StandIns, another_city: AnotherCity
) -> None:
    sticker = qr.write(
        qr.Sticker(
            terminal_id=uuid4(),
            order_id=uuid4(),
            amount=45_000,
            bank_bin="970436",
            virtual_account="HUE0000000042",
            merchant_name="Bún bò",
            city="Huế",
            category_code="5812",
            terminal_label="Quầy 1",
            reference=None,
        )
    )
    async with httpx.AsyncClient(verify=False) as client:
        form = await client.get(f"{stand_ins.url}/bank", params={"qr": sticker})
        assert 'value="HUE0000000042"' in form.text
        assert 'value="45000"' in form.text
        nothing = await client.get(f"{stand_ins.url}/bank", params={"qr": "<script>"})
        assert "<script>" not in nothing.text
        filled = {"account_number": "HUE0000000042", "amount": "45.000", "content": "x", "sender_name": "A"}
        done = await client.post(f"{stand_ins.url}/bank", data=filled)
        assert "200" in done.text
        assert (await client.post(f"{stand_ins.url}/bank", data={**filled, "amount": "x"})).status_code == 400
    [heard] = another_city.heard
    assert msgspec.json.decode(heard.body)["subAccount"] == "HUE0000000042"
