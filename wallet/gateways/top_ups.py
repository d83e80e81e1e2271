"""Top-ups: money that a resident puts in, from being asked for to one end. The phone makes the id.

    pending ──► paid      the gateway's notice, its answer to our inquiry, or the bank's transfer
       │  ╲───► review    the gateway suspects fraud: not credited; it is asked again
       ├──────► failed    the gateway says so
       └──────► expired   nobody paid in time

Money is real whenever it comes: what the gateway says was paid after all is credited even to a top-up that had failed
or expired. A transfer that comes late is not (`wallet/gateways/inbound.py` puts it in suspense)."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import structlog

from app import outbox, policies
from app.budgets import Budget, spend
from app.clock import city_now
from app.config import settings
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page, grouped, new_id
from wallet import ledger, qr
from wallet.events import TopUpFailed, TopUpInReview, TopUpPaid
from wallet.findings import Matter
from wallet.gateways import suspense, transfer_codes, vnpay
from wallet.gateways.top_up_models import AnyTopUp, OpenTopUp, TopUp, TopUpStatus, TransferTo
from wallet.gateways.vnpay import Told
from wallet.ledger import Move, StrongStepUpRequired
from wallet.models import AskTopUp, Finding, TopUpFailure, TopUpMethod
from wallet.payments import fingerprint_of

sql = queries_beside(__file__)
log = structlog.get_logger()

OPEN_FOR_S: dict[TopUpMethod, int] = {"vnpay": 15 * 60, "bank_transfer": 24 * 3600}
RETURN_PATH = "/v1/gateways/vnpay/return"


class TopUpOutOfBounds(Refusal):
    """Mỗi lần chỉ nạp được từ {least} đến {most} đồng.

    A top-up is of {least} to {most} VND."""

    status = 400


class TopUpIdTaken(Refusal):
    """Mã nạp tiền này đã dùng cho một giao dịch khác; hãy tạo mã mới.

    This id was used for something else; make a new one."""


class TopUpMethodClosed(Refusal):
    """Hiện chưa nạp được tiền bằng cách này; hãy chọn cách khác.

    Money cannot be put in this way at present; choose another one."""


class TopUpNotYetKnown(NotFound):
    """Chưa có lệnh nạp tiền với mã này. Hãy gửi lại đúng yêu cầu với cùng mã, đừng tạo mã mới.

    No top-up is known under this id yet. Send the same request again with the same id, never a new one."""


class _TopUpRow(msgspec.Struct, frozen=True):
    id: UUID
    principal_id: UUID
    method: TopUpMethod
    amount: int
    code: str | None
    address: str | None
    language: Language
    status: TopUpStatus
    reason: TopUpFailure | None
    made_at: datetime
    expires_at: datetime
    resolved_at: datetime | None


class AskedFrom(NamedTuple):
    """Where a request came from, which the gateway wants to know, and the language that its page shall have."""

    address: str
    language: Language


async def ask(
    db: Connection,
    me: Principal,
    top_up_id: UUID,
    wanted: AskTopUp,
    step_up_id: UUID | None,
    asked_from: AskedFrom,
) -> tuple[TopUp, bool]:
    """Mean to put money in; returns the top-up and whether it is new. `step_up_id`: a strong proof, where one is
    asked for.

    Raises TopUpIdTaken, TopUpMethodClosed, TopUpOutOfBounds, StrongStepUpRequired, TooManyRequests."""
    await db.execute(sql.lock_person, me.id)
    row = await maybe(_TopUpRow, db, sql.top_up, top_up_id)
    if row is None:
        await _check(db, me, top_up_id, wanted, step_up_id)
        return await _write(db, me, top_up_id, wanted, asked_from), True
    if (row.principal_id, row.amount, row.method) != (me.id, wanted.amount, wanted.method):
        raise TopUpIdTaken
    return _answer(row), False


async def _check(db: Connection, me: Principal, top_up_id: UUID, wanted: AskTopUp, step_up_id: UUID | None) -> None:
    if await db.fetchval(sql.money_has_this_id, top_up_id):
        raise TopUpIdTaken
    if not _is_open(wanted.method):
        raise TopUpMethodClosed
    least, most = await policies.value(db, "limit.top_up_least"), await policies.value(db, "limit.top_up_most")
    if not least <= wanted.amount <= most:
        raise TopUpOutOfBounds(least=grouped(least), most=grouped(most))
    for budget in (Budget(f"top-up {me.id}", 30, 600), Budget(f"top-ups of a day {me.id}", 100, 86_400)):
        await spend(db, budget)
    if await _asks_for_proof(db, me, wanted.amount):
        await _use_proof(db, me, top_up_id, wanted, step_up_id)


def _is_open(method: TopUpMethod) -> bool:
    here = settings()
    match method:
        case "vnpay":
            return bool(here.vnpay_pay_url and here.vnpay_terminal and here.vnpay_secret)
        case "bank_transfer":
            return bool(here.bank_account and here.bank_account_name)


async def _asks_for_proof(db: Connection, me: Principal, amount: int) -> bool:
    """By the rule for transfers to people: one that is large, or a day that adds up."""
    if amount > await policies.value(db, "step_up.person_strong_above"):
        return True
    today: int = await db.fetchval(sql.topped_up_today, me.id)
    return today + amount > await policies.value(db, "step_up.person_day_strong_above")


async def _use_proof(
    db: Connection, me: Principal, top_up_id: UUID, wanted: AskTopUp, step_up_id: UUID | None
) -> None:
    used = step_up_id and await db.fetchval(
        sql.use_strong_proof, step_up_id, me.id, me.session_id, top_up_id, fingerprint_of(wanted)
    )
    if used is None:
        raise StrongStepUpRequired


async def _write(db: Connection, me: Principal, top_up_id: UUID, wanted: AskTopUp, asked_from: AskedFrom) -> TopUp:
    for _ in range(3):  # a code that is there already is one in many millions
        code = transfer_codes.make(transfer_codes.TOP_UP) if wanted.method == "bank_transfer" else None
        await db.execute(
            sql.write_top_up,
            top_up_id,
            me.id,
            wanted.method,
            wanted.amount,
            code,
            asked_from.address if wanted.method == "vnpay" else None,
            asked_from.language,
            OPEN_FOR_S[wanted.method],
        )
        row = await maybe(_TopUpRow, db, sql.top_up, top_up_id)
        if row is not None:
            break
    else:
        raise TopUpIdTaken
    if row.principal_id != me.id:  # somebody else was there a moment before
        raise TopUpIdTaken
    return _answer(row)


def _answer(row: _TopUpRow) -> TopUp:
    open_ = row.status == "pending" and row.expires_at > city_now()
    return TopUp(
        id=row.id,
        status=row.status,
        amount=row.amount,
        method=row.method,
        pay_url=_pay_url(row) if open_ and row.method == "vnpay" else None,
        vietqr=_vietqr(row) if open_ and row.method == "bank_transfer" else None,
        code=row.code,
        transfer_to=_transfer_to() if open_ and row.method == "bank_transfer" else None,
        reason=row.reason,
        expires_at=row.expires_at,
        made_at=row.made_at,
        resolved_at=row.resolved_at,
    )


def _pay_url(row: _TopUpRow) -> str | None:
    here = settings()
    if here.vnpay_pay_url is None:
        return None
    reference = vnpay.reference_of(row.id)
    asked = vnpay.Ask(
        reference=reference,
        amount=row.amount,
        order_info=f"Nap tien vi Huong {reference[:12].upper()}",
        address=row.address or "127.0.0.1",
        language=row.language,
        return_url=f"{here.public_url}{RETURN_PATH}",
        made_at=row.made_at,
        expires_at=row.expires_at,
    )
    return vnpay.pay_url(here.vnpay_pay_url, here.vnpay_terminal, here.vnpay_secret, asked)


def _vietqr(row: _TopUpRow) -> str:
    here = settings()
    return qr.write_transfer(
        bank_bin=here.partner_bank_bin, account=here.bank_account, amount=row.amount, purpose=row.code or ""
    )


def _transfer_to() -> TransferTo:
    here = settings()
    return TransferTo(
        bank_bin=here.partner_bank_bin, account_number=here.bank_account, account_name=here.bank_account_name
    )


async def show(db: Connection, me: Principal, top_up_id: UUID) -> TopUp:
    """The fate of a top-up of mine; raises TopUpNotYetKnown."""
    row = await maybe(_TopUpRow, db, sql.top_up, top_up_id)
    if row is None or row.principal_id != me.id:
        raise TopUpNotYetKnown
    return _answer(row)


async def mine(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[TopUp]:
    """My top-ups, newest first; raises BadCursor."""
    rows = await many(_TopUpRow, db, sql.top_ups, me.id, *before(cursor), limit + 1)
    return page_of([_answer(row) for row in rows], limit, lambda top_up: (top_up.made_at, top_up.id))


async def everybodys(db: Connection, status: TopUpStatus | None, cursor: str | None, limit: int) -> Page[AnyTopUp]:
    """All top-ups, newest first, of one status if asked for; raises BadCursor."""
    rows = await many(AnyTopUp, db, sql.all_top_ups, status, *before(cursor), limit + 1)
    return page_of(rows, limit, lambda top_up: (top_up.made_at, top_up.id))


async def by_code(db: Connection, code: str) -> OpenTopUp | None:
    """The top-up whose code stands in a transfer's words, its row locked; its owner's wallet may be closed.

    It is to be credited (`credit`) if it is pending, not over, and of exactly the transfer's amount."""
    return await maybe(OpenTopUp, db, sql.top_up_by_code_for_update, code)


def awaits(top_up: OpenTopUp) -> bool:
    """May money for it come in by transfer now?"""
    return top_up.status == "pending" and top_up.expires_at > city_now() and not top_up.wallet_is_closed


async def settle(db: Connection, top_up_id: UUID, told: Told) -> str:
    """What the gateway says of a top-up, by notice or when asked; credits it once, as the last statement.

    Returns the code of VNPAY's for what became of it: 01 it is not known here, 04 it is of another amount, 02 its end
    was known, 00 it is recorded."""
    top_up = await maybe(OpenTopUp, db, sql.top_up_for_update, top_up_id)
    if top_up is None:
        return "01"
    if told.amount != top_up.amount:
        log.error("gateway names another amount", top_up=str(top_up_id), asked=top_up.amount, told=told.amount)
        return "04"
    match told.outcome:
        case _ if top_up.status == "paid":
            _note_contradiction(top_up, told)
            return "02"
        case "paid":
            await credit(db, top_up, ledger.GATEWAY, told.transaction_number, told.bank)
        case "review" if top_up.status != "review":
            await _review(db, top_up, told.transaction_number, told.bank)
        case "failed" if top_up.status in {"pending", "review"}:
            await _fail(db, top_up, told.failure or "refused", told.transaction_number, told.bank)
        case "unclear" | "unknown":
            pass
        case "review" | "failed":
            return "02"
    return "00"


def _note_contradiction(top_up: OpenTopUp, told: Told) -> None:
    if told.outcome in {"failed", "review"}:
        log.error("gateway contradicts itself", top_up=str(top_up.id), now=told.outcome)


async def credit(
    db: Connection,
    top_up: OpenTopUp,
    debit_id: UUID,
    reference: str | None = None,
    bank: str | None = None,
) -> None:
    """The money for a top-up is there: into the wallet, from GATEWAY or GUARANTEE, as the last statement.

    Its row is locked and it is not paid yet. The money of a wallet that was closed meanwhile goes to suspense."""
    if top_up.wallet_is_closed:
        await _suspend(db, top_up, debit_id, reference, bank)
        return
    await db.execute(sql.pay_top_up, top_up.id, reference or None, bank or None)
    await outbox.record(
        db,
        TopUpPaid(top_up_id=top_up.id, principal_id=top_up.principal_id, amount=top_up.amount, method=top_up.method),
    )
    await _move(db, Move(top_up.id, "top_up", debit_id, top_up.principal_id, top_up.amount))


async def _suspend(
    db: Connection, top_up: OpenTopUp, debit_id: UUID, reference: str | None, bank: str | None
) -> None:
    log.error("a top-up of a closed wallet was paid", top_up=str(top_up.id))
    await db.execute(sql.end_top_up, top_up.id, "closed", reference or None, bank or None)
    await suspense.keep(db, "top_up", top_up.id, top_up.amount, "closed", debit_id)


async def _move(db: Connection, move: Move) -> None:
    """Under the top-up's own id; under another if its owner has used that one for a payment meanwhile."""
    try:
        await ledger.move(db, move)
    except ledger.PaymentIdTaken:
        await ledger.move(db, move._replace(id=new_id(), original_id=move.id))


async def _review(db: Connection, top_up: OpenTopUp, reference: str, bank: str) -> None:
    await db.execute(sql.review_top_up, top_up.id, reference or None, bank or None)
    await outbox.record(
        db, TopUpInReview(top_up_id=top_up.id, principal_id=top_up.principal_id, amount=top_up.amount)
    )


async def _fail(
    db: Connection, top_up: OpenTopUp, reason: TopUpFailure, reference: str | None = None, bank: str | None = None
) -> None:
    await db.execute(sql.end_top_up, top_up.id, reason, reference or None, bank or None)
    if reason != "cancelled":  # whoever did that knows it
        news = TopUpFailed(top_up_id=top_up.id, principal_id=top_up.principal_id, amount=top_up.amount, reason=reason)
        await outbox.record(db, news)


async def expire(db: Connection, top_up_id: UUID) -> None:
    """The gateway has said that nobody paid, and its page is closed."""
    top_up = await maybe(OpenTopUp, db, sql.top_up_for_update, top_up_id)
    if top_up is not None and top_up.status == "pending":
        await db.execute(sql.end_top_up, top_up_id, None, None, None)


async def _end_as_found(db: Connection, finding: Finding) -> None:
    top_up = await one(OpenTopUp, db, sql.top_up_for_update, finding.id)
    if finding.status == "paid":
        await credit(db, top_up, ledger.GATEWAY, finding.reference)
    else:
        await _fail(db, top_up, "refused")


STUCK = Matter("top_up", sql.top_up_to_find, _end_as_found)
"""A top-up that the gateway looks at and says no more of."""
