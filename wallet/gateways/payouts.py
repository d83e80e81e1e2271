"""Payouts: money on its way to an account at a bank, from being asked for to one end, once.

    ready ──► sending ──► paid
      ▲          │  ╲───► refused
      └ resting  ▼
              unknown ──► (inquiry) ──► paid | refused | sending again, if the bank never heard of it

The money is held under the payout's id from the beginning; `payout_errands` asks the bank and resolves the hold."""

from datetime import datetime
from uuid import UUID

import msgspec

from app import outbox
from app.db import Connection, many, queries_beside
from app.errors import Language, Refusal, refusing
from app.staff.pages import before, page_of
from app.types import Page
from wallet import holds, ledger, qr
from wallet.events import PayoutAsked
from wallet.gateways.payout_models import Bank, Banks, Payout, PayoutKind, PayoutStatus
from wallet.ledger import Move
from wallet.models import TransferKind

sql = queries_beside(__file__)

CONTENT_LENGTH, NAME_LENGTH = 100, 70
_HOLDS: dict[PayoutKind, TransferKind] = {
    "withdrawal": "withdrawal",
    "settlement": "payout",
    "remittance": "payout",
    "refund": "refund",
    "return": "return",
}


class UnknownBank(Refusal):
    """Chưa chuyển được tiền đến ngân hàng này; hãy chọn một ngân hàng trong danh sách.

    Money cannot be sent to this bank; choose one of the list."""

    status = 400


class NoSuchAccount(Refusal):
    """Số hoặc tên tài khoản này không ngân hàng nào dùng; hãy kiểm tra lại.

    No bank has an account of such a number or name; look at them again."""

    status = 400


class AskPayout(msgspec.Struct, frozen=True, kw_only=True):
    """Money that shall go from an account of ours to one at a bank, under an id that is good for ever.

    `principal_id`: the person whose money it is, if it is somebody's. `original_id`: what is given back by it."""

    id: UUID
    kind: PayoutKind
    debit_id: UUID
    bank_bin: str
    account_number: str
    account_name: str
    amount: int
    content: str
    principal_id: UUID | None = None
    original_id: UUID | None = None


async def ask(db: Connection, payout: AskPayout) -> None:
    """Send money to a bank, after this transaction. The same again is the same. The last statement holds the money.

    Raises UnknownBank, NoSuchAccount, PaymentIdTaken, InsufficientFunds, AccountFrozen, AccountClosed."""
    await write(db, payout)
    await hold(db, payout)


async def hold(db: Connection, payout: AskPayout) -> None:
    """Hold the money of a payout that was written; raises what the ledger refuses."""
    move = Move(
        payout.id,
        _HOLDS[payout.kind],
        payout.debit_id,
        ledger.GUARANTEE,
        payout.amount,
        memo=payout.content,
        original_id=payout.original_id,
    )
    await holds.place(db, move)


async def write(db: Connection, payout: AskPayout) -> bool:
    """Write the payout and its news, for a caller that holds the money last, under the same id; is it new?

    Raises UnknownBank, NoSuchAccount."""
    with refusing(
        payout_bank_bin_fkey=UnknownBank, payout_account_number=NoSuchAccount, payout_account_name=NoSuchAccount
    ):
        written = await db.fetchval(
            sql.write_payout,
            payout.id,
            payout.kind,
            payout.debit_id,
            payout.principal_id,
            payout.bank_bin,
            payout.account_number,
            plain_name(payout.account_name),
            payout.amount,
            qr.plain(payout.content, CONTENT_LENGTH),
        )
    if written is None:
        return False
    await outbox.record(db, PayoutAsked(payout_id=payout.id))
    return True


def plain_name(name: str) -> str:
    """A name as banks write it: `Lê Thị Ngự Bình` is `LE THI NGU BINH`."""
    return qr.plain(name, NAME_LENGTH).upper()


async def banks(db: Connection, language: Language) -> Banks:
    """The banks to which money can be sent, in the order of their short names."""
    return Banks(items=await many(Bank, db, sql.banks, language))


async def page(db: Connection, status: PayoutStatus | None, cursor: str | None, limit: int) -> Page[Payout]:
    """Payouts of all kinds, newest first, of one status if asked for; raises BadCursor."""
    lines = await many(Payout, db, sql.payouts, status, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(payout: Payout) -> tuple[datetime, UUID]:
    return payout.made_at, payout.id
