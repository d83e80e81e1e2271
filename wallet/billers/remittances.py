"""Remittance: what was collected for a biller goes to its bank by night, once a day.

    (the day ends) ──► sent ──► paid
                          ╲───► failed: the money is back in the biller's account, and goes with another night's

Where it goes one member of finance proposes and another approves."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid5

import msgspec

from app.audit import records
from app.clock import CITY_ZONE
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.jobs import News
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page
from wallet.billers.remittance_models import BillerBankAccount, ProposeBillerBankAccount, Remittance
from wallet.bills import UnknownBiller
from wallet.gateways import payouts
from wallet.gateways.payouts import AskPayout, UnknownBank
from wallet.models import RefusalReason

sql = queries_beside(__file__)

NIGHTS = UUID("6f1d3c1e-3c55-4f0b-9a6f-6b1f6d1f9a02")
"""The namespace of remittances' ids (UUIDv5, RFC 9562): the same night is the same remittance."""


class BillerBankAccountIdTaken(Refusal):
    """Mã đề nghị này đã được dùng với nội dung khác.

    This proposal's id is already used with other content."""


class BillerAccountNeedsSecondPairOfEyes(Refusal):
    """Người đề nghị không thể tự duyệt; cần một người khác của bộ phận tài chính.

    Whoever proposed an account may not approve it; another member of finance must."""

    status = 403


class _Biller(msgspec.Struct, frozen=True):
    account_id: UUID
    bank_bin: str
    account_number: str
    account_name: str
    balance: int
    available: int


async def remit(db: Connection, news: Sequence[News]) -> None:
    """BillerDayEnded: what was collected up to the end of the day is sent."""
    for one_of_them in news:
        await send(db, one_of_them.data["biller"], date.fromisoformat(one_of_them.data["remitted_on"]))


async def send(db: Connection, biller: str, on: date) -> bool:
    """Send what was collected for a biller up to the end of a day, once; False: it was sent before, or is nothing."""
    ends_at = datetime.combine(on + timedelta(days=1), time(), CITY_ZONE)
    found = await maybe(_Biller, db, sql.biller_to_remit_to, biller, ends_at)
    if found is None or min(found.balance, found.available) <= 0:
        return False
    remittance_id, amount = uuid5(NIGHTS, f"{found.account_id} {on}"), min(found.balance, found.available)
    if await db.fetchval(sql.write_remittance, remittance_id, biller, on, amount) is None:
        return False
    payout = AskPayout(
        id=remittance_id,
        kind="remittance",
        debit_id=found.account_id,
        bank_bin=found.bank_bin,
        account_number=found.account_number,
        account_name=found.account_name,
        amount=amount,
        content=f"VI HUONG CHUYEN TIEN THU HO {biller.upper()} {on:%d%m%Y}",
    )
    await payouts.ask(db, payout)
    return True


async def end(db: Connection, remittance_id: UUID, reason: RefusalReason | None) -> None:
    """The bank has answered."""
    await db.execute(sql.end_remittance, remittance_id, reason)


async def page(db: Connection, cursor: str | None, limit: int) -> Page[Remittance]:
    """What was sent to billers, newest first; raises BadCursor."""
    lines = await many(Remittance, db, sql.remittances, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda remittance: (remittance.made_at, remittance.id))


# Where it goes


async def propose_account(
    db: Connection, me: Principal, bank_account_id: UUID, wanted: ProposeBillerBankAccount
) -> BillerBankAccount:
    """Propose where a biller's money shall go; it goes nowhere else yet. The same again is the same.

    Raises Forbidden, UnknownBiller, UnknownBank, BillerBankAccountIdTaken."""
    await need_grant(db, me, "finance")
    content = (wanted.biller, wanted.bank_bin, wanted.account_number, payouts.plain_name(wanted.account_name))
    with refusing(biller_bank_account_biller_code_fkey=UnknownBiller, biller_bank_account_bank_bin_fkey=UnknownBank):
        made = await db.fetchval(sql.propose_biller_account, bank_account_id, *content, me.id)
    account = await one(BillerBankAccount, db, sql.biller_account, bank_account_id)
    if made is not None:
        await records.record(db, me, "wallet.biller_account_proposed", bank_account_id, biller=wanted.biller)
    elif (account.biller, account.bank_bin, account.account_number, account.account_name) != content:
        raise BillerBankAccountIdTaken
    return account


async def approve_account(db: Connection, me: Principal, bank_account_id: UUID) -> BillerBankAccount:
    """The second pair of eyes: from now on the biller's money goes there. Again by whomever changes nothing.

    Raises Forbidden, NotFound, BillerAccountNeedsSecondPairOfEyes."""
    await need_grant(db, me, "finance")
    with refusing(biller_bank_account_second_pair_of_eyes=BillerAccountNeedsSecondPairOfEyes):
        approved = await db.fetchval(sql.approve_biller_account, bank_account_id, me.id)
    account = await maybe(BillerBankAccount, db, sql.biller_account, bank_account_id)
    if account is None:
        raise NotFound
    if approved is not None:
        await records.record(db, me, "wallet.biller_account_approved", bank_account_id, biller=account.biller)
    return account
