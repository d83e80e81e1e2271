"""The nouns of money. Amounts are whole đồng."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, Code, Dong, Memo, PhoneText, Pin, Reason, ShortText

BillerKind = Literal[
    "electricity", "water", "sanitation", "tuition", "public_service_fee", "traffic_fine", "telecom", "hospital",
    "insurance",
]  # fmt: skip
BillStatus = Literal["due", "paying", "paid", "withdrawn"]
PaymentKind = Literal["bill", "merchant", "person"]
PaymentStatus = Literal["pending", "paid", "failed"]
TransferKind = Literal[
    "bill", "merchant", "person", "funding", "top_up", "taking", "collection", "suspense", "deposit", "reserve",
    "withdrawal", "refund", "return", "fee", "settlement", "payout", "reversal",
]  # fmt: skip
OrderStatus = Literal["open", "paid", "expired"]
MerchantStatus = Literal["pending", "active", "suspended", "closed"]
TopUpMethod = Literal["vnpay", "bank_transfer"]
TopUpFailure = Literal["cancelled", "timed_out", "insufficient", "refused", "closed"]
MerchantRole = Literal["owner", "cashier"]
TakingKind = Literal["merchant", "taking", "refund"]
"""How a shop's money came: from a wallet, from a bank's app; or that it went back."""
Scheme = Literal["huong", "vietqr", "vnpay", "momo", "zalopay", "evn", "emv"]

RefusalReason = Literal["account_unknown", "account_closed", "name_differs", "bank_unreachable", "other"]
"""Why a bank pays nothing out; `other` is all that we have no words for."""

DaysBefore = Annotated[int, Meta(ge=0, le=28)]
QrText = Annotated[str, Meta(min_length=1, max_length=1000)]
BankBin = Annotated[str, Meta(max_length=6, pattern=r"^[0-9]{6}$", description="the bank's number at NAPAS")]
AccountNumber = Annotated[str, Meta(max_length=24, pattern=r"^[0-9A-Z]{4,24}$(?!\n)")]
AccountName = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=70,
        pattern=r"^(?=.*[A-Za-z\u00c0-\u1ef9])[0-9A-Za-z\u00c0-\u024f\u1ea0-\u1ef9 .,&()'/-]+$(?!\n)",
    ),
]


class UnlockWallet(Body):
    """The PIN that opens money-out."""

    pin: Pin


class Unlocked(Answer):
    """Until when this session may pay without another PIN."""

    unlocked_until: datetime


class WriteFinding(Body):
    """What became of a payout or a payment of which the other side says nothing by machine.

    `reference`: the other side's own, needed for what was paid."""

    status: Literal["paid", "refused"]
    note: Reason
    reference: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[0-9A-Za-z ._/-]+$(?!\n)")] | None = None


class ApproveFinding(Body):
    """The finding that was looked at: one that was written anew meanwhile is another."""

    status: Literal["paid", "refused"]
    found_at: datetime


class Finding(Answer):
    """What one member of finance found out about a payout or a payment; approved by another, it is its end."""

    id: UUID
    status: Literal["paid", "refused"]
    reference: str | None
    note: str
    found_by: UUID
    found_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None


class Wallet(Answer):
    """A resident's money. `available` is what may be spent now; `pending` is held for payments on their way."""

    account_id: UUID
    available: int
    pending: int
    unlocked_until: datetime | None
    currency: Literal["VND"] = "VND"


class Limit(Answer):
    """Of an amount, what is used and what is left, in đồng."""

    allowed: int
    used: int
    left: int


class Limits(Answer):
    """What my wallet may spend. Goods are bills and merchants; people are transfers to persons and withdrawals.

    The essential group of bills (electricity, water, telecom, tuition, hospital, insurance, public-service fees) has
    a month of its own. Above the `…_above` amounts (the day's total with this payment; for people also a single one)
    a code, or a strong proof, is asked for beside the PIN."""

    month_general: Limit
    month_essential: Limit
    day_goods: Limit
    goods_code_above: int
    goods_strong_above: int
    day_people_used: int
    person_strong_above: int
    person_day_strong_above: int


class Movement(Answer):
    """One line of the history. `amount` is negative when money left."""

    id: UUID
    kind: TransferKind
    amount: int
    balance_after: int
    counterparty: str | None
    memo: str | None
    made_at: datetime


class Biller(Answer):
    """Who issues bills, and what their customer codes look like.

    `available`: false while the biller's own system does not answer; what is paid meanwhile stays pending longer."""

    code: str
    kind: BillerKind
    name: str
    customer_code_pattern: str
    customer_code_example: str
    available: bool


class Bill(Answer):
    """What a biller asks of a customer code. The name is masked: whoever knows the code may look."""

    id: UUID
    biller: str
    biller_name: str
    customer_code: str
    customer_name: str
    period: str
    amount: int
    due_on: date
    status: BillStatus
    paid_at: datetime | None


class Bills(Answer):
    """Bills, due ones first. `stale`: a biller did not answer, and these are what it said before."""

    items: list[Bill]
    stale: bool = False


class KeepCustomerCode(Body):
    """A customer code to keep, with a name of one's own for it, and how long before a bill is due it is told of.

    `remind_days_before` null: never."""

    biller: Code
    customer_code: Code
    nickname: ShortText | None = None
    remind_days_before: Annotated[int, Meta(ge=1, le=28)] | None = 3


class SetAutopay(Body):
    """Have a code's bills paid by themselves, up to `ceiling` đồng each, so many days before they are due."""

    ceiling: Dong
    days_before_due: DaysBefore = 3


class Autopay(Answer):
    """A code's bills pay themselves. Each is announced the day before."""

    id: UUID
    ceiling: int
    days_before_due: int
    made_at: datetime


class CustomerCode(Answer):
    """A customer code that a resident keeps."""

    id: UUID
    biller: str
    customer_code: str
    nickname: str | None
    remind_days_before: int | None
    autopay: Autopay | None
    made_at: datetime


class PayBill(Body, tag_field="kind", tag="bill", omit_defaults=True):
    """Pay all of a bill, whoever it belongs to. `amount`: what the person saw; a bill that asks for another is not
    paid (`AmountDiffers`): its biller may have changed it meanwhile."""

    bill_id: UUID
    amount: Dong | None = None


class PayMerchant(Body, tag_field="kind", tag="merchant", omit_defaults=True):
    """`amount` is needed for a sticker; an order's QR says its own."""

    qr: QrText
    amount: Dong | None = None
    memo: Memo | None = None


class PayPerson(Body, tag_field="kind", tag="person", omit_defaults=True):
    """Send money to whoever has this phone number."""

    phone: PhoneText
    amount: Dong
    memo: Memo | None = None


class Withdraw(Body, tag_field="kind", tag="withdrawal", omit_defaults=True):
    """Send money from my wallet to a bank account. `account_name` as the bank has it, with or without accents."""

    amount: Dong
    bank_bin: BankBin
    account_number: AccountNumber
    account_name: AccountName


class PayCharge(Body, tag_field="kind", tag="charge"):
    """Pay what a shop has asked after it read my code."""

    charge_id: UUID


class AskTopUp(Body, tag_field="kind", tag="top_up", omit_defaults=True):
    """Put money into my wallet: on the payment gateway's page, or by a transfer from a bank's app."""

    amount: Dong
    method: TopUpMethod


class AskStepUp(Body):
    """The payment that is about to be sent, under the id that it will have."""

    payment_id: UUID
    payment: PayBill | PayMerchant | PayPerson | PayCharge | Withdraw | AskTopUp


class Payee(Answer):
    """Who is paid: a biller and the customer code, a shop and its terminal, a person and their masked phone."""

    name: str
    detail: str | None = None


class Payment(Answer):
    """A payment and its fate. `pending`: the money is held until the biller has answered. `balance_after`: what the
    payer may still spend."""

    id: UUID
    kind: PaymentKind
    status: PaymentStatus
    amount: int
    balance_after: int
    payee: Payee
    memo: str | None
    made_at: datetime


class ReadPayee(Body):
    """Whose number is it?"""

    phone: PhoneText


class PayeeReading(Answer):
    """A masked name: enough to recognise a person."""

    name: str


class ReadQr(Body):
    """What the camera read."""

    text: QrText


class QrReading(Answer):
    """What a QR says. `payable`: whether our wallet can pay it now; `note` says why not, or carries its message."""

    scheme: Scheme
    payable: bool
    payee: Payee | None
    amount: int | None
    order_id: UUID | None
    note: str | None


CategoryCode = Annotated[str, Meta(max_length=4, pattern=r"^[0-9]{4}$")]


class OpenMerchant(Body):
    """`category_code` is the four digits of ISO 18245. Of a shop that takes payments another name or category waits,
    in production, until finance has looked at it."""

    name: ShortText
    category_code: CategoryCode
    ward: Annotated[str, Meta(max_length=5, pattern=r"^[0-9]{5}$")]


class Merchant(Answer):
    """A shop that takes payments. `virtual_account` is its account number for other banks' apps. `role`: what I am
    there; `cashier_id`: as whom, if I am a cashier. `status_reason`: why it is suspended; its owner sees it.
    `wanted_name`, `wanted_category_code`: what its owner wants it to be, while finance has not looked at that yet."""

    id: UUID
    name: str
    role: MerchantRole
    cashier_id: UUID | None
    category_code: str
    ward: str
    status: MerchantStatus
    status_reason: str | None
    virtual_account: str
    terminals: list["Terminal"]
    made_at: datetime
    wanted_name: str | None
    wanted_category_code: str | None


class Merchants(Answer):
    """All the merchants that somebody owns or works at."""

    items: list[Merchant]


class NameTerminal(Body):
    """What a terminal is called: a counter, a stall."""

    name: ShortText


class Terminal(Answer):
    """A place in a shop where its sticker hangs."""

    id: UUID
    name: str


class RevokedTerminal(Terminal):
    """A terminal whose sticker nobody's wallet pays any more."""

    revoked_at: datetime


class TerminalQr(Answer):
    """What a terminal's sticker says."""

    text: str


class PlaceOrder(Body):
    """An amount to be paid once, at a terminal, within `expires_in_s` seconds."""

    terminal_id: UUID
    amount: Dong
    reference: Annotated[str, Meta(min_length=1, max_length=25, pattern=r"^[0-9A-Za-z ._/-]+$(?!\n)")] | None = None
    expires_in_s: Annotated[int, Meta(ge=30, le=86_400)] = 900


class Order(Answer):
    """A dynamic QR. `text` is what the picture says."""

    id: UUID
    terminal_id: UUID
    amount: int
    reference: str | None
    status: OrderStatus
    text: str
    payment_id: UUID | None
    paid_at: datetime | None
    expires_at: datetime


class Taking(Answer):
    """Money that came in at a merchant; below zero, money that it gave back: of `original_id` then. A bank transfer
    that names no order has no terminal, and no payer where the bank did not tell one."""

    id: UUID
    kind: TakingKind
    amount: int
    payer: str | None
    terminal_id: UUID | None
    terminal: str | None
    order_id: UUID | None
    reference: str | None
    memo: str | None
    original_id: UUID | None
    balance_after: int
    made_at: datetime
