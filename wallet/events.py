"""News of money, as the ledger's function writes it."""

from uuid import UUID

from app.outbox import Event


class BillHeld(Event):
    """The money for a bill is held: its biller is to be asked now."""

    payment_id: UUID
    bill_id: UUID
    biller: str


class BillPaymentFailed(Event):
    """A bill was not paid after all, and its money is free again. `why`: what the biller said; `payer_id` as below."""

    payment_id: UUID
    payer_id: UUID | None
    amount: int
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    reference: str
    customer_code: str
    period: str
    subject: str | None
    why: str | None


class BillPaid(Event):
    """A bill was paid. `subject` is what its issuer called it; no `payer_id`: with money that came from no wallet."""

    payment_id: UUID
    payer_id: UUID | None
    amount: int
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    reference: str
    customer_code: str
    period: str
    subject: str | None


class MerchantPaid(Event):
    """A merchant was paid at a terminal, for an order or by the sticker."""

    payment_id: UUID
    payer_id: UUID
    amount: int
    payer_name: str
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    terminal_id: UUID
    terminal_name: str
    order_id: UUID | None
    order_reference: str | None
    memo: str | None


class PersonPaid(Event):
    """A resident sent money to another."""

    payment_id: UUID
    payer_id: UUID
    amount: int
    payer_name: str
    payee_id: UUID
    payee_name: str
    memo: str | None
