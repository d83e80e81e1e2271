"""News of money, as the ledger's function writes it."""

from uuid import UUID

from app.outbox import Event


class BillPaid(Event):
    """A bill was paid. `subject` is what its issuer called it."""

    payment_id: UUID
    payer_id: UUID
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
