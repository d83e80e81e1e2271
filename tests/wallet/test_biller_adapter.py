"""How a biller's system is spoken to: what is signed, what is believed, and what counts as no answer."""

import hmac
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from app import outside
from app.outside import NoAnswer, Said
from tests.conftest import StandIns
from tests.wallet.billing import adapter_to
from wallet.billers import adapters
from wallet.billers.adapters import Customer, EInvoice, HttpAdapter, NotKnown, Paid, PayOrder, Processing, Refused
from wallet.gateways import signed_requests
from wallet.sandbox import biller as stand_in
from wallet.seed import BILLERS

CUSTOMER = Customer(code="HW000123")


def an_order(our_reference: UUID | None = None, bill_reference: str = "HW000123-x", amount: int = 1000) -> PayOrder:
    return PayOrder(
        our_reference=our_reference or uuid4(), bill_reference=bill_reference, customer=CUSTOMER, amount=amount
    )


@pytest.fixture
def biller() -> str:
    """A biller of which no other test has heard."""
    return f"nuoc-{uuid4().hex[:12]}"


# The wire


def test_a_request_is_signed_as_it_was_agreed() -> None:
    """Six lines, put together here by hand."""
    url, body = "https://biller.example/api/payments/7?x=a%20b", b'{"amount":1000}'
    headers = signed_requests.sign("huong", "s" * 32, "PUT", url, body, timestamp=1_790_000_000, nonce="n" * 24)
    lines = ["PUT", "/api/payments/7", "x=a%20b", sha256(body).hexdigest(), "1790000000", "n" * 24]
    assert headers["x-signature"] == hmac.new(b"s" * 32, "\n".join(lines).encode(), "sha256").hexdigest()


async def test_a_bill_is_fetched_paid_once_and_inquired(stand_ins: StandIns, biller: str) -> None:
    adapter = adapter_to(stand_ins, biller)
    [bill] = await adapter.fetch(CUSTOMER)
    assert bill == (await adapter.fetch(CUSTOMER))[0], "the same every time"
    order = an_order(bill_reference=bill.reference, amount=bill.amount)
    assert await adapter.inquire(order.our_reference) == NotKnown()
    paid = await adapter.pay(order)
    assert isinstance(paid, Paid)
    assert paid.e_invoice is not None
    assert await adapter.pay(order) == paid == await adapter.inquire(order.our_reference)
    assert await adapter.fetch(CUSTOMER) == []
    assert await adapter.pay(an_order(bill_reference=bill.reference, amount=bill.amount)) == Refused("already_paid")
    with pytest.raises(NoAnswer, match="409"):
        await adapter.pay(an_order(our_reference=order.our_reference, amount=2000))


async def test_the_stand_in_knows_the_bills_of_the_seed() -> None:
    [amounts] = [row[-1] for row in BILLERS if row[0] == "cap-nuoc-hue"]
    assert [amount for _, amount in stand_in.SEEDED.values()] == list(amounts)


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"x-signature": "0" * 64}, "signature"),
        ({"x-nonce": "another-nonce-of-ours"}, "signature"),
        ({"x-key-id": "somebody"}, "key"),
        ({"x-key-id": ""}, "key"),
        ({"x-timestamp": "soon"}, "key"),
        ({"x-timestamp": "1790000000"}, "time"),
    ],
)
async def test_a_forged_request_opens_nothing_there(
    stand_ins: StandIns, biller: str, forged: dict[str, str], why: str
) -> None:
    url = f"{stand_ins.url}/biller/{biller}/bills?customer_code=HW000123"
    headers = signed_requests.sign(stand_in.KEY_ID, stand_in.SECRET, "GET", url)
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.get(url, headers=headers | forged)
    assert (answer.status_code, answer.json()) == (401, {"error": why})


async def test_a_request_that_was_seen_counts_no_second_time(stand_ins: StandIns, biller: str) -> None:
    url = f"{stand_ins.url}/biller/{biller}/bills?customer_code=HW000123"
    headers = signed_requests.sign(stand_in.KEY_ID, stand_in.SECRET, "GET", url)
    async with httpx.AsyncClient(verify=False) as client:
        answers = [await client.get(url, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].json() == {"error": "nonce"}


async def test_another_body_under_the_same_signature_is_refused(stand_ins: StandIns, biller: str) -> None:
    url = f"{stand_ins.url}/biller/{biller}/payments/{uuid4()}"
    headers = signed_requests.sign(stand_in.KEY_ID, stand_in.SECRET, "PUT", url, b'{"amount":1}')
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.put(url, headers=headers, content=b'{"amount":2}')
    assert answer.json() == {"error": "signature"}


async def test_a_wrong_secret_is_no_answer_and_no_refusal(stand_ins: StandIns, biller: str) -> None:
    adapter = HttpAdapter(f"{stand_ins.url}/biller/{biller}", stand_in.KEY_ID, "w" * 32, 6000)
    for question in (adapter.pay(an_order()), adapter.inquire(uuid4()), adapter.fetch(CUSTOMER)):
        with pytest.raises(NoAnswer, match="401"):
            await question


# What is believed


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, object], HttpAdapter]:
    """An adapter to a biller that says this, whatever it is asked."""

    def to(status: int, body: object) -> HttpAdapter:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)

        async def answer(*_: object, **__: object) -> Said:
            return Said(status, content)

        monkeypatch.setattr(outside, "ask", answer)
        return HttpAdapter("https://biller.example/", "huong", "s" * 32, 1000)

    return to


Saying = Callable[[int, object], HttpAdapter]


@pytest.mark.parametrize(
    ("status", "body", "fate"),
    [
        (200, {"status": "paid", "reference": "A1"}, Paid("A1")),
        (201, {"status": "paid", "reference": "A1", "e_invoice": None, "more": 1}, Paid("A1")),
        (200, {"status": "paid", "reference": "A\u00001" + "x" * 99}, Paid("A1" + "x" * 58)),
        (200, {"status": "paid", "reference": "A1", "e_invoice": {"number": ""}}, Paid("A1")),
        (200, {"status": "paid", "reference": "A1", "e_invoice": {"number": "7"}}, Paid("A1", EInvoice("7"))),
        (200, {"status": "refused", "reason": "insufficient"}, Refused("insufficient")),
        (200, {"status": "refused", "reason": "the moon " * 100}, Refused("other")),
        (202, {"status": "processing"}, Processing()),
    ],
)
async def test_a_fate_is_read(said: Saying, status: int, body: object, fate: object) -> None:
    assert await said(status, body).pay(an_order()) == fate


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"status": "paid"}),
        (200, {"status": "refused"}),
        (200, {"status": "unknown"}),
        (200, {"status": "done", "reference": "A1"}),
        (200, {}),
        (200, []),
        (200, b""),
        (200, b"<p>"),
        (200, b"\xff"),
        (200, b"[" * 100_000),
        (302, {"status": "paid", "reference": "A1"}),
        (400, {"status": "refused", "reason": "insufficient"}),
        (401, {"status": "refused", "reason": "insufficient"}),
        (404, {"status": "refused", "reason": "insufficient"}),
    ],
)
async def test_what_is_no_fate_is_no_answer(said: Saying, status: int, body: object) -> None:
    with pytest.raises(NoAnswer):
        await said(status, body).pay(an_order())


async def test_only_a_404_that_says_so_itself_means_unknown(said: Saying) -> None:
    assert await said(404, {"status": "unknown"}).inquire(UUID(int=7)) == NotKnown()
    for status, body in ((404, b"nginx"), (200, {"status": "unknown"}), (404, {"status": "paid", "reference": "1"})):
        with pytest.raises(NoAnswer):
            await said(status, body).inquire(UUID(int=7))


def a_line(**other: object) -> dict[str, object]:
    """A bill as a biller lists it."""
    return {
        "reference": "HW000123-202611",
        "customer_code": "HW000123",
        "customer_name": "Lê Thị Ngự Bình",
        "period": "11/2026",
        "amount": 1000,
        "due_on": "2026-11-30",
        **other,
    }


async def test_a_list_is_read_and_other_customers_bills_are_left_out(said: Saying) -> None:
    [bill] = await said(200, {"bills": [a_line(), a_line(customer_code="HW000124")]}).fetch(CUSTOMER)
    assert (bill.amount, bill.due_on) == (1000, date(2026, 11, 30))
    assert await said(200, {"bills": []}).fetch(CUSTOMER) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0}, {"amount": -1}, {"amount": 1.5}, {"amount": "1000"}, {"amount": 10**12 + 1},
        {"reference": ""}, {"reference": "a\u0000"}, {"reference": "a" * 61}, {"due_on": "soon"},
        {"customer_name": "\u202egnoaV"}, {"period": "\n"},
    ],
)  # fmt: skip
async def test_a_list_with_a_line_that_cannot_be_is_no_list(said: Saying, wrong: dict[str, object]) -> None:
    with pytest.raises(NoAnswer):
        await said(200, {"bills": [a_line(), a_line(**wrong)]}).fetch(CUSTOMER)


async def test_a_list_without_end_is_no_list(said: Saying) -> None:
    with pytest.raises(NoAnswer):
        await said(200, {"bills": [a_line() for _ in range(adapters.MOST_LISTED + 1)]}).fetch(CUSTOMER)
