"""What is signed with the payment gateway, and how: against vectors that another program computed."""

import string
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.gateways import vnpay
from wallet.gateways.vnpay import Ask, NotTheirs

SECRET = "a secret of the tests"
PAGE = "https://gateway.example/paymentv2/vpcpay.html"
TOP_UP_ID = UUID("0192f4c8-7a10-7b3e-9d55-3c1f0e2a4b6d")
REFERENCE = "0192f4c87a107b3e9d553c1f0e2a4b6d"
MADE_AT, EXPIRES_AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC), datetime(2026, 11, 24, 8, 45, tzinfo=UTC)

patient = settings(deadline=None)

# Node.js wrote and signed these: `new URLSearchParams(sorted).toString()`, `createHmac("sha512", secret)`.
PAY_QUERY = (
    "vnp_Amount=20000000&vnp_Command=pay&vnp_CreateDate=20261124153000&vnp_CurrCode=VND&vnp_ExpireDate=20261124154500"
    "&vnp_IpAddr=203.0.113.7&vnp_Locale=vn&vnp_OrderInfo=Nap+tien+vi+Huong+0192F4C87A10&vnp_OrderType=other"
    "&vnp_ReturnUrl=https%3A%2F%2Fhuong.example%2Fv1%2Fgateways%2Fvnpay%2Freturn&vnp_TmnCode=HUONG001"
    "&vnp_TxnRef=0192f4c87a107b3e9d553c1f0e2a4b6d&vnp_Version=2.1.0"
)
PAY_HASH = (
    "b4e91cef5b8613c72dcabfee3833e2b7ae8dcbf97f9ce5eb34d3dba3fcc0df08"
    "077826dd84aeed154e11f23731f8481c7d016526c3164567401785c45fe75569"
)
NOTICE_QUERY = (
    "vnp_Amount=20000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14226112&vnp_CardType=ATM"
    "&vnp_OrderInfo=Nap+tien+%7Evi*+Huong&vnp_PayDate=20261124153112&vnp_ResponseCode=00&vnp_TmnCode=HUONG001"
    "&vnp_TransactionNo=14226112&vnp_TransactionStatus=00&vnp_TxnRef=0192f4c87a107b3e9d553c1f0e2a4b6d"
)
NOTICE_HASH = (
    "424aa4cc4f41c4f4aea2eb57983077e4d3e65adc939741219c98ba86910f05fc"
    "6eed2ffc4a5102c5d69cd6b98f19f08e745c2fb7932e3958b584d81eeab411e7"
)
QUERY_HASH = (
    "54ee2b7c5fdba8a4c4e31f2ad887d77dadea7acf6dc1d9cb5056133b912e303d"
    "7fa75b855d527339e7bca25529789c3531a4ff6f1e2a0a58722857f444e5f636"
)
ANSWER: dict[str, Any] = {
    "vnp_ResponseId": "14000009",
    "vnp_Command": "querydr",
    "vnp_ResponseCode": "00",
    "vnp_Message": "QueryDR Success",
    "vnp_TmnCode": "HUONG001",
    "vnp_TxnRef": REFERENCE,
    "vnp_Amount": "20000000",
    "vnp_BankCode": "NCB",
    "vnp_PayDate": "20261124153112",
    "vnp_TransactionNo": "14226112",
    "vnp_TransactionType": "01",
    "vnp_TransactionStatus": "00",
    "vnp_OrderInfo": "Nap tien vi Huong",
    "vnp_SecureHash": (
        "c9e162a135b0f723edb6cc32fbc00c4bfe608a22dfebba47d8ea5962e57cc64d"
        "11bf4b357e626f0aa4a2c306d58a1114d6e467f44a8665cf009ce5eed118c3a6"
    ),
}


# Signing


def test_marks_are_written_as_browsers_write_them() -> None:
    as_node_has_them = "%21%22%23%24%25%26%27%28%29*%2B%2C-.%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D%7E+"
    assert vnpay.encoded(string.punctuation + " ") == as_node_has_them
    assert vnpay.encoded("Chợ Đông Ba ~*") == "Ch%E1%BB%A3+%C4%90%C3%B4ng+Ba+%7E*"
    assert vnpay.encoded(string.ascii_letters + string.digits) == string.ascii_letters + string.digits


def test_the_hash_is_the_standards() -> None:
    """RFC 4231, test case 2."""
    assert vnpay.signature("Jefe", "what do ya want for nothing?") == (
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
        "caeab1a34d4a6b4b636e070a38bce737"
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.text(st.sampled_from(string.ascii_letters + string.digits), min_size=1, max_size=20).map("vnp_{}".format)


@patient
@given(texts)
def test_what_is_written_is_read_back(text: str) -> None:
    assert dict(parse_qsl(f"vnp_X={vnpay.encoded(text)}", keep_blank_values=True)) == {"vnp_X": text}


@patient
@given(st.dictionaries(names, texts))
def test_what_is_signed_is_right_and_nothing_else_is(values: dict[str, str]) -> None:
    query = vnpay.signed(SECRET, values).encode()
    vnpay.read_notice(SECRET, query)
    for wrong in (query[:-1] + (b"0" if query[-1:] != b"0" else b"1"), query + b"&vnp_More=1", query[:-1]):
        with pytest.raises(NotTheirs):
            vnpay.read_notice(SECRET, wrong)
    with pytest.raises(NotTheirs):
        vnpay.read_notice("another secret", query)


@patient
@given(st.binary(max_size=300))
def test_garbage_is_nobodys(query: bytes) -> None:
    with pytest.raises(NotTheirs):
        vnpay.read_notice(SECRET, query)


# To the gateway


def asked(**changes: Any) -> Ask:
    whole: dict[str, Any] = {
        "reference": REFERENCE,
        "amount": 200_000,
        "order_info": "Nap tien vi Huong 0192F4C87A10",
        "address": "203.0.113.7",
        "language": "vi",
        "return_url": "https://huong.example/v1/gateways/vnpay/return",
        "made_at": MADE_AT,
        "expires_at": EXPIRES_AT,
    }
    return Ask(**(whole | changes))


def test_a_pay_address_is_what_another_program_signs() -> None:
    url = vnpay.pay_url(PAGE, "HUONG001", SECRET, asked())
    assert url == f"{PAGE}?{PAY_QUERY}&vnp_SecureHash={PAY_HASH}"


def test_the_page_speaks_the_callers_language() -> None:
    query = dict(parse_qsl(urlsplit(vnpay.pay_url(PAGE, "HUONG001", SECRET, asked(language="en"))).query))
    assert query["vnp_Locale"] == "en"


@patient
@given(texts)
def test_the_words_of_a_payment_are_plain(text: str) -> None:
    assert set(vnpay.order_info(text)) <= set(string.ascii_letters + string.digits + " .,:_-")


def test_an_id_is_a_reference_and_back() -> None:
    assert vnpay.reference_of(TOP_UP_ID) == REFERENCE
    assert vnpay.id_of(REFERENCE) == TOP_UP_ID
    for other in ("", "5", REFERENCE.upper(), f"{REFERENCE}0", str(TOP_UP_ID), f"{REFERENCE}\n", "0" * 31 + "٣"):
        assert vnpay.id_of(other) is None


def test_an_inquiry_is_what_another_program_signs() -> None:
    body = vnpay.query_request(
        "HUONG001",
        SECRET,
        request_id=UUID("01a1f2c3-0000-7000-8000-00000000000a"),
        reference=REFERENCE,
        made_at=MADE_AT,
        now=datetime(2026, 11, 24, 9, tzinfo=UTC),
    )
    assert body["vnp_SecureHash"] == QUERY_HASH
    assert (body["vnp_TransactionDate"], body["vnp_CreateDate"]) == ("20261124153000", "20261124160000")


# From the gateway


def notice(**changes: str) -> bytes:
    values = dict(parse_qsl(NOTICE_QUERY)) | changes
    return vnpay.signed(SECRET, values).encode()


def test_a_notice_that_another_program_signed_is_read() -> None:
    told = vnpay.read_notice(SECRET, f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH}".encode())
    assert (told.terminal, told.reference, told.amount) == ("HUONG001", REFERENCE, 200_000)
    assert (told.outcome, told.failure, told.transaction_number, told.bank) == ("paid", None, "14226112", "NCB")


@pytest.mark.parametrize(
    "query",
    [
        f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH.upper()}",
        f"{NOTICE_QUERY}&vnp_SecureHashType=HmacSHA512&vnp_SecureHash={NOTICE_HASH}",
        f"vnp_SecureHash={NOTICE_HASH}&vnp_Empty=&{NOTICE_QUERY}",
        f"utm_source=mail&{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH}&fbclid=1",
    ],
)
def test_capitals_order_and_what_others_add_do_not_matter(query: str) -> None:
    assert vnpay.read_notice(SECRET, query.encode()).outcome == "paid"


@pytest.mark.parametrize(
    "query",
    [
        "",
        NOTICE_QUERY,
        f"{NOTICE_QUERY}&vnp_SecureHash=",
        f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH[:-1]}",
        f"{NOTICE_QUERY}&vnp_SecureHash={'é' * 128}",
        f"{NOTICE_QUERY.replace('20000000', '90000000')}&vnp_SecureHash={NOTICE_HASH}",
        f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH}&vnp_Amount=90000000",
        f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH}&vnp_Bad=%FF",
        f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH}&x={'y' * 9000}",
        f"{NOTICE_QUERY}&vnp_SecureHash={NOTICE_HASH}" + "&x=1" * 200,
    ],
)
def test_what_was_changed_on_the_way_is_not_theirs(query: str) -> None:
    with pytest.raises(NotTheirs):
        vnpay.read_notice(SECRET, query.encode())


def test_without_a_secret_nothing_is_right() -> None:
    """A city that has no gateway must not be paid by whoever signs with nothing."""
    with pytest.raises(NotTheirs):
        vnpay.read_notice("", vnpay.signed("", dict(parse_qsl(NOTICE_QUERY))).encode())


@pytest.mark.parametrize(
    ("code", "status", "outcome", "failure"),
    [
        ("00", "00", "paid", None),
        ("07", "00", "review", None),
        ("00", "07", "review", None),
        ("07", "07", "review", None),
        ("24", "02", "failed", "cancelled"),
        ("11", "02", "failed", "timed_out"),
        ("51", "02", "failed", "insufficient"),
        ("65", "02", "failed", "insufficient"),
        ("99", "02", "failed", "refused"),
        ("75", "02", "failed", "refused"),
        ("00", "04", "review", None),
        ("99", "04", "review", None),
        ("99", "09", "review", None),
        ("09", "02", "failed", "refused"),
        ("00", "05", "unclear", None),
        ("99", "06", "unclear", None),
        ("00", "01", "unclear", None),
        ("00", "02", "unclear", None),
        ("00", "", "unclear", None),
        ("99", "00", "unclear", None),
        ("24", "01", "unclear", None),
        ("", "", "unclear", None),
    ],
)
def test_only_two_noughts_are_money(code: str, status: str, outcome: str, failure: str | None) -> None:
    told = vnpay.read_notice(SECRET, notice(vnp_ResponseCode=code, vnp_TransactionStatus=status))
    assert (told.outcome, told.failure) == (outcome, failure)


@pytest.mark.parametrize("amount", ["", "0.5", "1e9", "-100", "20000050", "٢٠٠", "9" * 20, " 100"])
def test_an_amount_that_is_none_is_none(amount: str) -> None:
    assert vnpay.read_notice(SECRET, notice(vnp_Amount=amount)).amount is None


def answered(**changes: Any) -> dict[str, Any]:
    values = {**ANSWER, **changes}
    fields = [
        "ResponseId", "Command", "ResponseCode", "Message", "TmnCode", "TxnRef", "Amount", "BankCode", "PayDate",
        "TransactionNo", "TransactionType", "TransactionStatus", "OrderInfo", "PromotionCode", "PromotionAmount",
    ]  # fmt: skip
    text = "|".join(str(values.get(f"vnp_{field}", "")) for field in fields)
    return {**values, "vnp_SecureHash": vnpay.signature(SECRET, text)}


def test_an_answer_that_another_program_signed_is_read() -> None:
    told = vnpay.read_answer(SECRET, ANSWER)
    assert (told.reference, told.amount, told.outcome) == (REFERENCE, 200_000, "paid")
    assert vnpay.read_answer(SECRET, {**ANSWER, "vnp_Amount": 20_000_000}).amount == 200_000, "with quotes or without"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("00", "paid"),
        ("01", "unclear"),
        ("", "unclear"),
        ("02", "failed"),
        ("04", "review"),
        ("05", "unclear"),
        ("06", "unclear"),
        ("07", "review"),
        ("09", "review"),
    ],
)
def test_an_answer_says_what_became_of_it(status: str, outcome: str) -> None:
    assert vnpay.read_answer(SECRET, answered(vnp_TransactionStatus=status)).outcome == outcome


def test_a_payment_that_they_never_heard_of_is_unknown() -> None:
    unknown = answered(vnp_ResponseCode="91", vnp_TransactionStatus="", vnp_Amount="")
    assert vnpay.read_answer(SECRET, unknown).outcome == "unknown"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {**ANSWER, "vnp_Amount": "90000000"},
        {**ANSWER, "vnp_SecureHash": None},
        {**ANSWER, "vnp_TransactionStatus": True},
        {**ANSWER, "vnp_TransactionStatus": {"00": 1}},
        answered(vnp_ResponseCode="97"),
        answered(vnp_ResponseCode="99"),
        answered(vnp_ResponseCode=""),
    ],
)
def test_what_is_no_answer_is_none(answer: dict[str, Any]) -> None:
    with pytest.raises(NotTheirs):
        vnpay.read_answer(SECRET, answer)
