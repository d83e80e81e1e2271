"""`PUT /v1/wallet/payments/{payment_id}` with an ORM: one request, one durable transaction."""

import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload

from bench.peer import qr
from bench.peer.models import Account, Bill, Entry, Event, Payment, Session, Terminal, Transfer


def create_app(
    database_url: str,
    *,
    pool_size: int = 20,
    session_cache_s: float = 5,
) -> FastAPI:
    """`database_url` names asyncpg as its driver. `session_cache_s`: how long a verified token is believed."""
    engine = create_async_engine(database_url, pool_size=pool_size, max_overflow=0, pool_timeout=30)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await engine.dispose()

    app = FastAPI(title="Peer", lifespan=lifespan)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.verified = {}
    app.state.session_cache_s = session_cache_s
    app.include_router(router)
    return app


class PayMerchant(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["merchant"]
    qr: str = Field(max_length=512)
    amount: int = Field(ge=1, le=10**12)
    memo: str | None = Field(default=None, max_length=140)


class PayBill(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["bill"]
    bill_id: UUID
    memo: str | None = Field(default=None, max_length=140)


Pay = Annotated[PayMerchant | PayBill, Field(discriminator="kind")]


class PayeeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    detail: str | None


class PaymentOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    status: str
    amount: int
    balance_after: int
    payee: PayeeOut
    memo: str | None
    made_at: datetime


@dataclass(frozen=True)
class Caller:
    resident_id: UUID
    token_sha256: bytes


@dataclass(frozen=True)
class Payee:
    account_id: UUID
    name: str
    detail: str
    terminal_id: UUID | None = None
    bill_id: UUID | None = None


class Refused(HTTPException):
    """Nothing was written."""


Sessions = async_sessionmaker[AsyncSession]
bearer = HTTPBearer(auto_error=False)


async def get_sessions(request: Request) -> Sessions:
    return request.app.state.sessions


async def get_caller(
    request: Request,
    sessions: Annotated[Sessions, Depends(get_sessions)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The token's owner, from this process's memory for a few seconds, else from the session's row."""
    if credentials is None:
        raise HTTPException(401, "sign in")
    token_sha256 = hashlib.sha256(credentials.credentials.encode()).digest()
    verified: dict[bytes, tuple[Caller, float]] = request.app.state.verified
    caller, until = verified.get(token_sha256, (None, 0.0))
    if caller and time.monotonic() < until:
        return caller
    async with sessions() as db:
        session = await db.get(Session, token_sha256)
    if session is None:
        raise HTTPException(401, "no such session")
    if session.revoked_at or session.expires_at < datetime.now(UTC):
        raise HTTPException(401, "this session has ended")
    caller = Caller(session.resident_id, token_sha256)
    if len(verified) > 100_000:
        verified.clear()
    verified[token_sha256] = caller, time.monotonic() + request.app.state.session_cache_s
    return caller


router = APIRouter()


@router.put("/v1/wallet/payments/{payment_id}", status_code=201)
async def make_payment(
    payment_id: UUID,
    body: Pay,
    response: Response,
    caller: Annotated[Caller, Depends(get_caller)],
    sessions: Annotated[Sessions, Depends(get_sessions)],
) -> PaymentOut:
    content_sha256 = hashlib.sha256(body.model_dump_json().encode()).digest()
    try:
        async with sessions.begin() as db:
            payment = await db.get(Payment, payment_id)
            if payment is None:
                return await pay(db, caller, payment_id, body, content_sha256)
    except (Refused, IntegrityError):
        # The same id may have been paid between our look and our lock; its answer is then ours too.
        async with sessions() as db:
            payment = await db.get(Payment, payment_id)
        if payment is None:
            raise
    if payment.payer_id != caller.resident_id or payment.content_sha256 != content_sha256:
        raise HTTPException(409, "this id was used for another payment")
    response.status_code = 200
    return PaymentOut.model_validate(payment)


@router.get("/v1/wallet/payments/{payment_id}")
async def show_payment(
    payment_id: UUID,
    caller: Annotated[Caller, Depends(get_caller)],
    sessions: Annotated[Sessions, Depends(get_sessions)],
) -> PaymentOut:
    async with sessions() as db:
        payment = await db.get(Payment, payment_id)
    if payment is None or payment.payer_id != caller.resident_id:
        raise HTTPException(404, "no such payment")
    return PaymentOut.model_validate(payment)


@router.post("/echo", status_code=200)
async def echo(body: PayMerchant, caller: Annotated[Caller, Depends(get_caller)]) -> PaymentOut:
    """The same request and the same answer, without the database."""
    return PaymentOut(
        id=caller.resident_id,
        kind=body.kind,
        status="paid",
        amount=body.amount,
        balance_after=0,
        payee=PayeeOut(name="Quan com hen 1", detail="Quay 1"),
        memo=body.memo,
        made_at=datetime.now(UTC),
    )


async def pay(
    db: AsyncSession, caller: Caller, payment_id: UUID, body: PayMerchant | PayBill, content_sha256: bytes
) -> PaymentOut:
    """Everything of a new payment, inside the caller's transaction."""
    now = datetime.now(UTC)
    session = await db.get(Session, caller.token_sha256, options=[joinedload(Session.resident)])
    if session is None or session.wallet_open_until is None or session.wallet_open_until < now:
        raise Refused(403, "the wallet is locked")

    if isinstance(body, PayMerchant):
        terminal = await scanned_terminal(db, body.qr)
        payee = Payee(terminal.merchant.account_id, terminal.merchant.name, terminal.name, terminal_id=terminal.id)
        amount = body.amount
    else:
        bill = await claim_bill(db, body.bill_id)
        payee = Payee(bill.biller.account_id, bill.biller.name, bill.customer_code, bill_id=bill.id)
        amount = bill.amount

    payer, credited = await lock_accounts(db, session.resident.account_id, payee.account_id)
    if payer.available < amount:
        raise Refused(409, "insufficient funds")
    payer.posted -= amount
    payer.version += 1
    credited.posted += amount
    credited.version += 1

    transfer = Transfer(
        id=payment_id,
        debit_account_id=payer.id,
        credit_account_id=credited.id,
        amount=amount,
        kind=body.kind,
        made_at=now,
        entries=[
            Entry(account_id=account.id, amount=signed, balance=account.posted, version=account.version)
            for account, signed in ((payer, -amount), (credited, amount))
        ],
    )
    payment = Payment(
        transfer=transfer,
        id=payment_id,
        payer_id=caller.resident_id,
        kind=body.kind,
        status="paid",
        amount=amount,
        balance_after=payer.available,
        payee_name=payee.name,
        payee_detail=payee.detail,
        memo=body.memo,
        terminal_id=payee.terminal_id,
        bill_id=payee.bill_id,
        content_sha256=content_sha256,
        made_at=now,
    )
    event = Event(topic="PaymentMade", payload=news(payment), made_at=now)
    db.add_all([payment, event])
    return PaymentOut.model_validate(payment)


async def scanned_terminal(db: AsyncSession, text: str) -> Terminal:
    try:
        scanned = qr.read(text)
    except qr.NotOurs as unreadable:
        raise Refused(400, "not a merchant's QR") from unreadable
    if scanned.order_id is not None:
        raise Refused(400, "orders are not part of the comparison")
    terminal = await db.get(Terminal, scanned.terminal_id, options=[joinedload(Terminal.merchant)])
    if terminal is None:
        raise Refused(404, "no such terminal")
    return terminal


async def claim_bill(db: AsyncSession, bill_id: UUID) -> Bill:
    bill = await db.scalar(
        select(Bill)
        .where(Bill.id == bill_id)
        .options(joinedload(Bill.biller, innerjoin=True))
        .with_for_update(of=Bill)
    )
    if bill is None:
        raise Refused(404, "no such bill")
    if bill.status != "due":
        raise Refused(409, "the bill is not due")
    bill.status = "paid"
    return bill


async def lock_accounts(db: AsyncSession, payer_id: UUID, payee_id: UUID) -> tuple[Account, Account]:
    """Both accounts, locked in the order of their ids so that crossing payments cannot wait for each other."""
    locked = await db.scalars(
        select(Account).where(Account.id.in_((payer_id, payee_id))).order_by(Account.id).with_for_update()
    )
    accounts = {account.id: account for account in locked}
    return accounts[payer_id], accounts[payee_id]


def news(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": str(payment.id),
        "payer_id": str(payment.payer_id),
        "kind": payment.kind,
        "amount": payment.amount,
        "payee": payment.payee_name,
        "terminal_id": str(payment.terminal_id) if payment.terminal_id else None,
        "bill_id": str(payment.bill_id) if payment.bill_id else None,
        "memo": payment.memo,
    }
