"""Money that came in at the bank: written down once, and brought to whom its words or its account name.

    notice ──► elsewhere   the account is not ours: not in our books
       │  ╲──► duplicate   the same transfer was told before, by whomever
       ▼
    a top-up code │ a bill's code │ an order's code │ a shop's virtual account ──► matched
       └── none of these, or late, of another amount, paid already ──► suspense (see `suspense`)

The row, the movement and the news are one transaction, and a source that hears no success tells it again; so nothing
is lost, and nothing is booked twice."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from app.config import settings
from app.db import Connection, Database, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.staff.pages import before, page_of
from app.types import Page, new_id
from wallet import bills, ledger
from wallet.gateways import bank_takings, notices, suspense, top_ups, transfer_codes
from wallet.gateways.bank_takings import BankTaking
from wallet.gateways.inbound_models import Heard, InboundStatus, InboundTransfer, MatchedKind, SuspenseReason
from wallet.gateways.notices import Notice

sql = queries_beside(__file__)
log = structlog.get_logger()

_CODES = (transfer_codes.TOP_UP, transfer_codes.BILL, transfer_codes.ORDER)
_WHY: dict[type[Refusal], SuspenseReason] = {
    ledger.BillNotDue: "already_paid",
    ledger.OrderAlreadyPaid: "already_paid",
    ledger.OrderExpired: "late",
    ledger.AmountDiffers: "wrong_amount",
    ledger.AccountClosed: "closed",
    ledger.MerchantNotActive: "closed",
}
"""Why the ledger's no leaves money in suspense."""


class _Match(msgspec.Struct, frozen=True):
    kind: MatchedKind
    id: UUID
    merchant_id: UUID | None
    code: str | None


async def hear_sepay(database: Database, headers: Mapping[str, str], body: bytes) -> Heard:
    """SePay tells of a transfer; the same again is the same.

    Raises NotFound (closed), WrongWebhookSecret, Malformed."""
    key = settings().sepay_key
    if not key:
        raise NotFound
    return await _hear(database, notices.of_sepay(headers, body, key))


async def hear_casso(database: Database, headers: Mapping[str, str], body: bytes) -> Heard:
    """Casso tells of a transfer; the same again is the same.

    Raises NotFound (closed), WrongWebhookSecret, Malformed."""
    secret = settings().casso_secret
    if not secret:
        raise NotFound
    return await _hear(database, notices.of_casso(headers, body, secret))


async def _hear(database: Database, notice: Notice | None) -> Heard:
    """The secret was looked at before; no connection waits for what anybody may send."""
    if notice is not None:
        async with database.deed() as db:
            await book(db, notice)
    return Heard()


async def book(db: Connection, notice: Notice) -> None:
    """Write a notice down; of a transfer that was not told before, bring the money where it belongs."""
    ours = await on_our_account(db, notice)
    if ours is None:
        log.error("a transfer came in on an account that is not ours", source=notice.source, told_as=notice.told_as)
        await _write(db, new_id(), notice, "elsewhere")
        return
    notice, transfer_id = ours, new_id()
    if not await _write(db, transfer_id, notice, "suspense"):
        # Nothing, if it is the same notice again; another's may know who sent it.
        await db.execute(sql.write_duplicate_transfer, *_row(new_id(), notice), notice.bank_reference)
        if notice.sender_account is not None:
            await db.execute(
                sql.learn_sender, notice.account_number, notice.bank_reference, notice.amount, notice.sender_bank_bin,
                notice.sender_account, notice.sender_name,
            )  # fmt: skip
        return
    await bring_home(db, transfer_id, notice)


async def bring_home(db: Connection, transfer_id: UUID, notice: Notice) -> None:
    """Bring the money of a transfer that stands in our books as `suspense` to whom its words or its account name."""
    match = await _match(db, notice)
    why = "unmatched" if match is None else await _credit(db, transfer_id, notice, match)
    if why is not None:
        await suspense.keep(db, "inbound_transfer", transfer_id, notice.amount, why, ledger.GUARANTEE)


async def on_our_account(db: Connection, notice: Notice) -> Notice | None:
    """The notice as all who tell of this transfer would have it: on our own account, perhaps through a shop's virtual
    one, which stands before it. None: the account is not ours."""
    ours = settings().bank_account
    if ours and notice.account_number == ours:
        return notice
    for account in _accounts(notice):
        if await db.fetchval(sql.is_virtual_account, account):
            return msgspec.structs.replace(notice, account_number=ours, virtual_account=account)
    return None


def _accounts(notice: Notice) -> list[str]:
    return [account for account in (notice.virtual_account, notice.account_number) if account]


async def _write(db: Connection, transfer_id: UUID, notice: Notice, status: InboundStatus) -> bool:
    """Is it new? Whoever writes the same at the same moment waits here for the other."""
    row = _row(transfer_id, notice)
    return await db.fetchval(sql.write_inbound_transfer, *row, notice.bank_reference, status) is not None


def _row(transfer_id: UUID, notice: Notice) -> tuple[object, ...]:
    return (
        transfer_id, notice.source, notice.told_as, notice.account_number, notice.virtual_account, notice.amount,
        notice.content, notice.sender_bank_bin, notice.sender_account, notice.sender_name, notice.occurred_at,
    )  # fmt: skip


async def _match(db: Connection, notice: Notice) -> _Match | None:
    """Whom the money is for, by what its words name first."""
    codes = [transfer_codes.all_in(notice.content, kind) for kind in _CODES]
    return await maybe(_Match, db, sql.match_transfer, *codes, _accounts(notice))


async def _credit(db: Connection, transfer_id: UUID, notice: Notice, match: _Match) -> SuspenseReason | None:
    """Bring the money there; why it cannot be, if it cannot."""
    if notice.bank_reference is None:
        return "no_reference"  # nobody can tell whether it was told before
    if match.kind == "top_up":
        return await _top_up(db, transfer_id, notice, match)
    try:
        # A no takes back what was written on the way, and the locks with it.
        async with db.transaction():
            await db.execute(sql.match_inbound_transfer, transfer_id, match.kind, match.id)
            await _move(db, transfer_id, notice, match)
    except Refusal as refusal:
        return _WHY.get(type(refusal), "unmatched")
    return None


async def _top_up(db: Connection, transfer_id: UUID, notice: Notice, match: _Match) -> SuspenseReason | None:
    """Exactly what was asked for, in time, and once."""
    top_up = await top_ups.by_code(db, match.code or "")
    assert top_up is not None, "it was there a moment ago, and top-ups stay"
    if top_up.status == "paid":
        return "already_paid"
    if not top_ups.awaits(top_up):
        return "closed" if top_up.wallet_is_closed else "late"
    if top_up.amount != notice.amount:
        return "wrong_amount"
    await db.execute(sql.match_inbound_transfer, transfer_id, match.kind, match.id)
    await top_ups.credit(db, top_up, ledger.GUARANTEE)
    return None


async def _move(db: Connection, transfer_id: UUID, notice: Notice, match: _Match) -> None:
    if match.merchant_id is not None:
        order_id = match.id if match.kind == "order" else None
        await bank_takings.take(db, _taking(transfer_id, notice, match.merchant_id, order_id), ledger.GUARANTEE)
    elif match.kind == "bill":
        moved = await bills.collect(db, transfer_id, match.id, ledger.GUARANTEE, notice.amount)
        if moved.status == "pending":
            await suspense.wait_for_biller(db, "inbound_transfer", transfer_id, notice.amount)


def _taking(transfer_id: UUID, notice: Notice, merchant_id: UUID, order_id: UUID | None) -> BankTaking:
    return BankTaking(
        id=transfer_id,
        merchant_id=merchant_id,
        order_id=order_id,
        amount=notice.amount,
        sender_bank_bin=notice.sender_bank_bin,
        sender_account=notice.sender_account,
        sender_name=notice.sender_name,
        content=notice.content,
    )


async def page(db: Connection, status: InboundStatus | None, cursor: str | None, limit: int) -> Page[InboundTransfer]:
    """Notices of money that came in, newest first, of one status if asked for; raises BadCursor."""
    lines = await many(InboundTransfer, db, sql.inbound_transfers, status, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(transfer: InboundTransfer) -> tuple[datetime, UUID]:
    return transfer.made_at, transfer.id
