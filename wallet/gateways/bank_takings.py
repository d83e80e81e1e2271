"""What a shop is paid from a bank's app: onto its virtual account, for an order or by its sticker."""

from uuid import UUID

import msgspec

from app import outbox
from app.db import Connection, one, queries_beside
from app.types import masked_name
from wallet import ledger
from wallet.events import TransferTaken
from wallet.ledger import MerchantNotActive, Move

sql = queries_beside(__file__)


class BankTaking(msgspec.Struct, frozen=True, kw_only=True):
    """Money for a shop, and who sent it. Its id is that of the movement."""

    id: UUID
    merchant_id: UUID
    order_id: UUID | None = None
    amount: int
    sender_bank_bin: str | None
    sender_account: str | None
    sender_name: str | None
    content: str


class _Shop(msgspec.Struct, frozen=True):
    owner_id: UUID
    merchant_name: str
    takes_money: bool
    order_reference: str | None


async def take(db: Connection, taking: BankTaking, debit_id: UUID) -> None:
    """Pay a shop out of GUARANTEE or SUSPENSE, and tell its owner; the movement is the last statement.

    Raises MerchantNotActive, OrderAlreadyPaid, OrderExpired, AmountDiffers, AccountClosed."""
    shop = await one(_Shop, db, sql.write_bank_taking, *msgspec.structs.astuple(taking))
    if not shop.takes_money:
        raise MerchantNotActive
    await outbox.record(
        db,
        TransferTaken(
            transfer_id=taking.id,
            merchant_id=taking.merchant_id,
            owner_id=shop.owner_id,
            merchant_name=shop.merchant_name,
            amount=taking.amount,
            payer=taking.sender_name and masked_name(taking.sender_name),
            order_id=taking.order_id,
            order_reference=shop.order_reference,
        ),
    )
    await ledger.move(
        db, Move(taking.id, "taking", debit_id, taking.merchant_id, taking.amount, order_id=taking.order_id)
    )
