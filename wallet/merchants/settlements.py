"""Settlement: what a merchant took in goes to its bank, by night or when its owner asks; each line once.

    (the day ends) ──► sent ──► paid
                        ▲  ╲──► failed
                        └─ again ─┘

A settlement closes the lines of the merchant's account up to a version. The fee goes to the city, the rest to the
account of settlements, where it is held for the payout. What the bank refuses stays there until its owner has given
another account and asked again: closed books are not opened."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid5

import msgspec

from app import outbox, policies
from app.clock import CITY_ZONE, city_now, city_today
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.jobs import News
from app.secrets import mac
from app.staff.pages import before, page_of
from app.types import Page
from wallet import ledger
from wallet.events import SettlementFailed, SettlementPaid
from wallet.gateways import payouts
from wallet.gateways.payouts import AskPayout
from wallet.ledger import Move
from wallet.merchants.settlement_models import Settlement
from wallet.models import MerchantStatus, RefusalReason

sql = queries_beside(__file__)

NIGHT_STARTS_HOUR = 1
"""The day before is settled after this hour: what was on its way at midnight has arrived."""
MOST_A_DAY = 5
MOST_VERSIONS = 100_000
"""Of a shop's account in one settlement; the next one takes the rest."""
NIGHTS = UUID("6f1d3c1e-3c55-4f0b-9a6f-6b1f6d1f9a01")
"""The namespace of the ids that nights and payouts have (UUIDv5, RFC 9562): the same night is the same settlement."""


class NoBankAccount(Refusal):
    """Cửa hàng chưa có tài khoản ngân hàng để nhận tiền; hãy thêm tài khoản trước.

    The shop has no bank account to be paid to yet; add one first."""


class BankAccountWaits(Refusal):
    """Tài khoản ngân hàng vừa được thay; vì an toàn, chưa chuyển tiền vào đó trước {usable_from}.

    The bank account was just changed; to be safe, nothing is paid to it before {usable_from}."""


class NothingToSettle(Refusal):
    """Chưa có tiền để quyết toán.

    There is no money to settle yet."""


class SettlementIdTaken(Refusal):
    """Mã quyết toán này đã được dùng; hãy tạo mã mới.

    This settlement id is taken; make a new one."""


class TooManySettlements(Refusal):
    """Mỗi ngày chỉ được yêu cầu quyết toán {most} lần; phần còn lại sẽ được quyết toán trong đêm.

    Only {most} settlements a day can be asked for; the rest is settled by night."""


class _Shop(msgspec.Struct, frozen=True):
    id: UUID
    owner_id: UUID
    status: MerchantStatus
    category_code: str
    virtual_account: str


class _Account(msgspec.Struct, frozen=True):
    bank_bin: str
    account_number: str
    account_name: str
    usable_from: datetime


class _Last(msgspec.Struct, frozen=True):
    to_version: int
    closing: int


class _Figures(msgspec.Struct, frozen=True):
    to_version: int
    takings: int
    takings_count: int
    refunds: int
    refunds_count: int
    others: int
    fee: int

    @property
    def net(self) -> int:
        """What they bring."""
        return self.takings - self.refunds + self.others - self.fee


# By night


async def ask_for_yesterday(db: Connection) -> None:
    """By the clock: once a day, after the night has begun, every merchant and every biller with money gets it."""
    now = city_now().astimezone(CITY_ZONE)
    yesterday = now.date() - timedelta(days=1)
    if now.hour >= NIGHT_STARTS_HOUR and await db.fetchval(sql.begin_settlement_day, yesterday) is not None:
        await db.execute(sql.ask_merchants_to_settle, yesterday)
        await db.execute(sql.ask_to_remit, yesterday)


async def settle_day(db: Connection, news: Sequence[News]) -> None:
    """DayEnded: one merchant's day is closed, once. One that cannot be settled now waits for another night."""
    for one_of_them in news:
        merchant_id = UUID(one_of_them.data["merchant_id"])
        await close_day(db, merchant_id, date.fromisoformat(one_of_them.data["settled_on"]))


async def close_day(db: Connection, merchant_id: UUID, on: date) -> UUID | None:
    """Close a merchant's books up to the end of a day, and send the money. The same day again is the same settlement.

    None: there is too little, or nowhere to send it. Raises what the ledger refuses if money leaves meanwhile."""
    shop = await one(_Shop, db, sql.shop_to_settle, merchant_id, None)
    settlement_id = _night_id(merchant_id, on)
    if await db.fetchval(sql.settlement_merchant, settlement_id) is not None:
        return settlement_id
    account = await maybe(_Account, db, sql.account_to_settle_to, merchant_id)
    if shop.status != "active" or account is None or account.usable_from > city_now():
        return None
    least = await policies.value(db, "settlement.least")
    closed = await _close(db, shop, account, settlement_id, on, 0, least)
    return settlement_id if closed else None


# When its owner asks


async def settle_now(
    db: Connection, me: Principal, merchant_id: UUID, settlement_id: UUID
) -> tuple[Settlement, bool]:
    """Close my merchant's books now, and send the money; returns the settlement and whether it was there before.

    Raises NotFound, SettlementIdTaken, MerchantNotActive, NoBankAccount, BankAccountWaits, TooManySettlements,
    NothingToSettle, AccountFrozen."""
    shop = await _my_shop(db, me, merchant_id)
    whose = await db.fetchval(sql.settlement_merchant, settlement_id)
    if whose is not None:
        if whose != merchant_id:
            raise SettlementIdTaken
        return await _mine(db, me, merchant_id, settlement_id), True
    account = await _usable_account(db, merchant_id)
    if shop.status != "active":
        raise ledger.MerchantNotActive
    today = city_today()
    run: int = await db.fetchval(sql.next_settlement_run, merchant_id, today)
    if run > MOST_A_DAY:
        raise TooManySettlements(most=MOST_A_DAY)
    if not await _close(db, shop, account, settlement_id, today, run, 1):
        raise NothingToSettle
    return await _mine(db, me, merchant_id, settlement_id), False


async def settle_again(db: Connection, me: Principal, merchant_id: UUID, settlement_id: UUID) -> Settlement:
    """Send the money of a settlement that failed once more, to the account that the merchant has now.

    One that did not fail stays as it is. Raises NotFound, MerchantNotActive, AccountFrozen, NoBankAccount,
    BankAccountWaits."""
    shop = await _my_shop(db, me, merchant_id)
    settlement = await _mine(db, me, merchant_id, settlement_id)
    if settlement.status != "failed":
        return settlement
    if shop.status != "active":
        raise ledger.MerchantNotActive
    if await db.fetchval(sql.is_frozen, merchant_id):
        raise ledger.AccountFrozen
    account = await _usable_account(db, merchant_id)
    tries: int = await db.fetchval(sql.settlement_tries, settlement_id)
    payout = _payout(shop, account, settlement_id, settlement.settled_on, settlement.amount, tries + 1)
    await db.execute(sql.send_settlement_again, settlement_id, payout.id)
    await payouts.write(db, payout)
    sent = await _mine(db, me, merchant_id, settlement_id)
    await payouts.hold(db, payout)
    return sent


async def _my_shop(db: Connection, me: Principal, merchant_id: UUID) -> _Shop:
    shop = await maybe(_Shop, db, sql.shop_to_settle, merchant_id, me.id)
    if shop is None:
        raise NotFound
    return shop


async def _usable_account(db: Connection, merchant_id: UUID) -> _Account:
    account = await maybe(_Account, db, sql.account_to_settle_to, merchant_id)
    if account is None:
        raise NoBankAccount
    if account.usable_from > city_now():
        raise BankAccountWaits(usable_from=f"{account.usable_from.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}")
    return account


# The books


def _night_id(merchant_id: UUID, on: date) -> UUID:
    """The same for the same day, and known to nobody else beforehand: whoever used it first would take its place."""
    return UUID(bytes=mac("settlement", str(merchant_id), on.isoformat())[:16], version=5)


async def _close(
    db: Connection, shop: _Shop, account: _Account, settlement_id: UUID, on: date, run: int, least: int
) -> bool:
    """Close the lines up to the end of the day `on` (today: up to now); False: less than `least` would be sent.

    Its caller holds the merchant's row, so that no two close the same lines. What was written never changes, so it is
    read before the accounts are locked, through which everybody's money goes."""
    last = await maybe(_Last, db, sql.last_settlement, shop.id) or _Last(0, 0)
    figures = await _figures(db, shop, last, on, least)
    before_it = last.closing + figures.net
    if before_it < least:
        return False
    await db.execute(sql.lock_books, [ledger.GUARANTEE, ledger.SETTLEMENT, ledger.FEES, shop.id])
    available: int = await db.fetchval(sql.available, shop.id)
    amount = min(before_it, available - figures.fee)
    if amount < least:
        return False
    payout = _payout(shop, account, settlement_id, on, amount, 1)
    with refusing(settlement_pkey=SettlementIdTaken):
        await db.execute(
            sql.write_settlement,
            settlement_id,
            shop.id,
            on,
            run,
            last.to_version,
            figures.to_version,
            last.closing,
            figures.takings,
            figures.takings_count,
            figures.refunds,
            figures.refunds_count,
            figures.others,
            figures.fee,
            amount,
            before_it - amount,
            payout.id,
        )
    await payouts.write(db, payout)
    if figures.fee:
        fee_id = uuid5(NIGHTS, f"{settlement_id} fee")
        await ledger.move(
            db, Move(fee_id, "fee", shop.id, ledger.FEES, figures.fee, original_id=settlement_id, memo=payout.content)
        )
    await ledger.move(
        db,
        Move(
            settlement_id, "settlement", shop.id, ledger.SETTLEMENT, amount, original_id=settlement_id,
            memo=payout.content,
        ),
    )  # fmt: skip
    await payouts.hold(db, payout)
    return True


async def _figures(db: Connection, shop: _Shop, last: _Last, on: date, least: int) -> _Figures:
    """Of so many versions; of more if these bring less than `least`: what only went back and forth is closed with
    what comes after it."""
    most = MOST_VERSIONS
    while True:
        figures = await one(_Figures, db, sql.settlement_figures, shop.id, last.to_version, _end_of(on), most)
        if last.closing + figures.net >= least or figures.to_version < last.to_version + most:
            return figures
        most *= 2


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), CITY_ZONE)


def _payout(shop: _Shop, account: _Account, settlement_id: UUID, on: date, amount: int, nth: int) -> AskPayout:
    return AskPayout(
        id=uuid5(NIGHTS, f"{settlement_id} payout {nth}"),
        kind="settlement",
        debit_id=ledger.SETTLEMENT,
        principal_id=shop.owner_id,
        bank_bin=account.bank_bin,
        account_number=account.account_number,
        account_name=account.account_name,
        amount=amount,
        content=f"VI HUONG QUYET TOAN {on:%d%m%Y} {shop.virtual_account}",
    )


async def end(db: Connection, payout_id: UUID, reason: RefusalReason | None) -> None:
    """The bank has answered: the settlement is paid, or its owner must do something about it."""
    row = await db.fetchrow(sql.end_settlement, payout_id, reason)
    assert row is not None
    news = dict(row)
    if reason is None:
        await outbox.record(db, SettlementPaid(**news))
    else:
        del news["fee"]
        await outbox.record(db, SettlementFailed(**news, reason=reason))


# To look at


async def show(db: Connection, me: Principal, merchant_id: UUID, settlement_id: UUID) -> Settlement:
    """A settlement of my merchant; raises NotFound."""
    return await _mine(db, me, merchant_id, settlement_id)


async def _mine(db: Connection, me: Principal, merchant_id: UUID, settlement_id: UUID) -> Settlement:
    settlement = await maybe(Settlement, db, sql.settlement_of_mine, settlement_id, merchant_id, me.id)
    if settlement is None:
        raise NotFound
    return settlement


async def page(db: Connection, me: Principal, merchant_id: UUID, cursor: str | None, limit: int) -> Page[Settlement]:
    """The settlements of my merchant, newest first; raises NotFound, BadCursor."""
    lines = await many(Settlement, db, sql.settlements_of_mine, merchant_id, me.id, *before(cursor), limit + 1)
    if not lines and await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    return page_of(lines, limit, lambda settlement: (settlement.made_at, settlement.id))
