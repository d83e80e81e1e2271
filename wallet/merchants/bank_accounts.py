"""Where a merchant's money goes. To change it takes the PIN, and then a while: who stole a shop's phone is seen."""

from datetime import datetime
from uuid import UUID

import msgspec

from app import outbox, policies
from app.audit import records
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound, refusing
from app.identity.models import Principal
from wallet.events import MerchantBankChanged
from wallet.gateways.payouts import UnknownBank, plain_name
from wallet.ledger import WalletLocked
from wallet.merchants.settlement_models import MerchantBankAccount, PutBankAccount

sql = queries_beside(__file__)


class _Changed(msgspec.Struct, frozen=True):
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    bank_name: str
    account: str
    usable_from: datetime


async def put(db: Connection, me: Principal, merchant_id: UUID, wanted: PutBankAccount) -> MerchantBankAccount:
    """From now on my merchant's money goes there; a second account is paid to after `settlement.bank_change_hours`.

    The same again changes nothing. Raises NotFound, WalletLocked, UnknownBank."""
    if await db.fetchval(sql.lock_merchant_of_mine, merchant_id, me.id) is None:
        raise NotFound
    if not await db.fetchval(sql.session_is_unlocked, me.session_id, me.id):
        raise WalletLocked
    hours = await policies.value(db, "settlement.bank_change_hours")
    content = (wanted.bank_bin, wanted.account_number, plain_name(wanted.account_name))
    with refusing(merchant_bank_account_bank_bin_fkey=UnknownBank):
        changed = await maybe(
            _Changed, db, sql.put_merchant_bank_account, merchant_id, *content, hours, me.id, me.session_id
        )
    if changed is not None:
        await outbox.record(db, msgspec.convert(changed, MerchantBankChanged, from_attributes=True))
        what = {"bank_bin": wanted.bank_bin, "account": changed.account}
        await records.record(db, me, "wallet.merchant_bank_changed", merchant_id, **what)
    return await one(MerchantBankAccount, db, sql.merchant_bank_account, merchant_id, me.id)


async def show(db: Connection, me: Principal, merchant_id: UUID) -> MerchantBankAccount:
    """Where my merchant's money goes; raises NotFound."""
    account = await maybe(MerchantBankAccount, db, sql.merchant_bank_account, merchant_id, me.id)
    if account is None:
        raise NotFound
    return account
