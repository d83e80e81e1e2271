"""Money at the bank of which no machine told us, or told us wrong: one member of finance tells of it, another agrees.

    proposed ──► (as any other notice: matched, or in suspense)
        ╲──────► refused

What the bank's statement has and we have not was told to nobody, or was taken for a transfer that we knew
(`duplicate`) or for none of ours (`elsewhere`). It is booked like a notice, once: one that comes later after all is a
duplicate."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.audit import records
from app.clock import CITY_ZONE
from app.config import settings
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import need_grant
from wallet.gateways import inbound
from wallet.gateways.inbound_models import (
    InboundProposal,
    InboundStatus,
    ProposeTransfer,
    RetellTransfer,
    TellTransfer,
)
from wallet.gateways.notices import Notice, packed, reference

sql = queries_beside(__file__)


class TransferIdTaken(Refusal):
    """Mã này đã được dùng cho một khoản khác; hãy tạo mã mới.

    This id is used for another transfer; make a new one."""


class TransferIsKnown(Refusal):
    """Khoản chuyển này đã có trong sổ.

    This transfer is in the books already."""


class TransferIsBooked(Refusal):
    """Thông báo này đã vào sổ nên không thể báo lại.

    This notice is in the books: it cannot be told again."""


class TransferIsDecided(Refusal):
    """Đề nghị ghi sổ này đã được quyết định.

    This transfer was decided on already."""


class TransferNeedsSecondPairOfEyes(Refusal):
    """Người báo khoản chuyển không thể tự duyệt; cần một người khác của bộ phận tài chính.

    Whoever told of a transfer may not approve it; another member of finance must."""

    status = 403


class NoSuchVirtualAccount(Refusal):
    """Không cửa hàng nào có số tài khoản này.

    No shop has this account number."""

    status = 400


class _Proposed(msgspec.Struct, frozen=True):
    """A transfer as it is kept; `status` other than proposed and refused: it was approved."""

    id: UUID
    status: InboundStatus
    proposed_by: UUID | None
    decided_by: UUID | None
    told_as: str
    account_number: str
    virtual_account: str | None
    bank_reference: str | None
    amount: int
    content: str
    sender_bank_bin: str | None
    sender_account: str | None
    sender_name: str | None
    occurred_at: datetime
    note: str | None

    @property
    def notice(self) -> Notice:
        """As a machine would have told it."""
        return Notice(
            source="finance",
            told_as=self.told_as,
            account_number=self.account_number,
            virtual_account=self.virtual_account,
            bank_reference=self.bank_reference,
            amount=self.amount,
            content=self.content,
            sender_bank_bin=self.sender_bank_bin,
            sender_account=self.sender_account,
            sender_name=self.sender_name,
            occurred_at=self.occurred_at,
        )


async def propose(db: Connection, me: Principal, transfer_id: UUID, wanted: ProposeTransfer) -> InboundProposal:
    """Tell of a transfer; nothing is booked yet. The same again is the same.

    Raises Forbidden, NotFound, TransferIsBooked, TransferIdTaken, TransferIsKnown, NoSuchVirtualAccount."""
    await need_grant(db, me, "finance")
    notice = await (
        _told(db, transfer_id, wanted) if isinstance(wanted, TellTransfer) else _retold(db, transfer_id, wanted)
    )
    if await db.fetchval(sql.transfer_is_booked, notice.account_number, notice.bank_reference, notice.amount):
        raise TransferIsKnown
    written = await db.fetchval(
        sql.propose_transfer,
        transfer_id,
        notice.told_as,
        notice.account_number,
        notice.virtual_account,
        notice.amount,
        notice.content,
        notice.sender_bank_bin,
        notice.sender_account,
        notice.sender_name,
        notice.occurred_at,
        notice.bank_reference,
        wanted.note,
        me.id,
    )
    if written is None:
        await _check_same(db, me, transfer_id, notice, wanted.note)
    else:
        await records.record(db, me, "wallet.transfer_told", transfer_id, amount=notice.amount)
    return await one(InboundProposal, db, sql.inbound_proposal, transfer_id)


async def _told(db: Connection, transfer_id: UUID, wanted: TellTransfer) -> Notice:
    through = packed(wanted.virtual_account)
    if through and not await db.fetchval(sql.is_virtual_account, through):
        raise NoSuchVirtualAccount
    return Notice(
        source="finance",
        told_as=str(transfer_id),
        account_number=settings().bank_account,
        virtual_account=through,
        bank_reference=reference(wanted.bank_reference),
        amount=wanted.amount,
        content=wanted.content,
        sender_bank_bin=wanted.sender_bank_bin,
        sender_account=wanted.sender_account,
        sender_name=wanted.sender_name,
        occurred_at=wanted.occurred_at.astimezone(CITY_ZONE),
    )


async def _retold(db: Connection, transfer_id: UUID, wanted: RetellTransfer) -> Notice:
    """A notice that was taken for another transfer, under a name that tells them apart; for none of ours, under the
    bank's own name, so that whoever else tells of it tells of the same."""
    known = await maybe(_Proposed, db, sql.transfer_for_update, wanted.transfer_id)
    if known is None:
        raise NotFound
    if known.status not in {"duplicate", "elsewhere", "mistake"}:
        raise TransferIsBooked
    name = known.bank_reference
    if name is None or known.status == "duplicate":  # of those alike only one has the name that the bank gave both
        name = f"{(name or '')[:60]}#{known.id.hex}".upper()
    ours = msgspec.structs.replace(
        known.notice, told_as=str(transfer_id), account_number=settings().bank_account, bank_reference=name
    )
    return await inbound.on_our_account(db, ours) or ours


async def _check_same(db: Connection, me: Principal, transfer_id: UUID, notice: Notice, note: str) -> None:
    kept = await maybe(_Proposed, db, sql.transfer_for_update, transfer_id)
    assert kept is not None, "nothing else stands against an id"
    if (kept.notice, kept.note, kept.proposed_by) != (notice, note, me.id):
        raise TransferIdTaken


async def approve(db: Connection, me: Principal, transfer_id: UUID) -> InboundProposal:
    """The second pair of eyes: the money is booked as if the bank had told of it. Again changes nothing.

    Raises Forbidden, NotFound, TransferIsDecided, TransferIsKnown, TransferNeedsSecondPairOfEyes."""
    proposed = await _to_decide(db, me, transfer_id)
    if proposed.status == "proposed":
        with refusing(
            inbound_transfer_second_pair_of_eyes=TransferNeedsSecondPairOfEyes,
            inbound_transfer_booked_once=TransferIsKnown,
        ):
            await db.execute(sql.decide_transfer, transfer_id, "suspense", me.id)
        await records.record(db, me, "wallet.transfer_approved", transfer_id, amount=proposed.amount)
        await inbound.bring_home(db, transfer_id, proposed.notice)
    elif proposed.status == "refused" or proposed.decided_by != me.id:
        raise TransferIsDecided
    return await one(InboundProposal, db, sql.inbound_proposal, transfer_id)


async def refuse(db: Connection, me: Principal, transfer_id: UUID) -> InboundProposal:
    """It is not booked; whoever told of it may take it back so, too.

    Raises Forbidden, NotFound, TransferIsDecided."""
    proposed = await _to_decide(db, me, transfer_id)
    if proposed.status == "proposed":
        await db.execute(sql.decide_transfer, transfer_id, "refused", me.id)
        await records.record(db, me, "wallet.transfer_refused", transfer_id, amount=proposed.amount)
    elif (proposed.status, proposed.decided_by) != ("refused", me.id):
        raise TransferIsDecided
    return await one(InboundProposal, db, sql.inbound_proposal, transfer_id)


async def _to_decide(db: Connection, me: Principal, transfer_id: UUID) -> _Proposed:
    await need_grant(db, me, "finance")
    proposed = await maybe(_Proposed, db, sql.transfer_for_update, transfer_id)
    if proposed is None or proposed.proposed_by is None:
        raise NotFound
    return proposed
