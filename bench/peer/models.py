"""The peer's tables."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

Dong = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy declares it without ClassVar
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("kind <> 'resident' or posted - pending >= 0", name="account_not_below_zero"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    posted: Mapped[Dong] = mapped_column(default=0)
    pending: Mapped[Dong] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def available(self) -> int:
        return self.posted - self.pending


class Resident(Base):
    __tablename__ = "residents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))


class Session(Base):
    __tablename__ = "sessions"

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    wallet_open_until: Mapped[datetime | None]

    resident: Mapped[Resident] = relationship(lazy="raise")


class Merchant(Base):
    __tablename__ = "merchants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))


class Terminal(Base):
    __tablename__ = "terminals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey("merchants.id"))
    name: Mapped[str]

    merchant: Mapped[Merchant] = relationship(lazy="raise")


class Biller(Base):
    __tablename__ = "billers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))


class Bill(Base):
    __tablename__ = "bills"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    biller_id: Mapped[UUID] = mapped_column(ForeignKey("billers.id"))
    reference: Mapped[str]
    customer_code: Mapped[str]
    amount: Mapped[Dong]
    status: Mapped[str]

    biller: Mapped[Biller] = relationship(lazy="raise")


class Transfer(Base):
    __tablename__ = "transfers"
    __table_args__ = (CheckConstraint("amount > 0", name="transfer_amount_positive"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    debit_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    credit_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    amount: Mapped[Dong]
    kind: Mapped[str]
    made_at: Mapped[datetime]

    entries: Mapped[list["Entry"]] = relationship(lazy="raise")


class Entry(Base):
    __tablename__ = "entries"
    __table_args__ = (UniqueConstraint("account_id", "version", name="entry_account_version"),)

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    amount: Mapped[Dong]
    balance: Mapped[Dong]
    version: Mapped[int] = mapped_column(BigInteger)


class Payment(Base):
    __tablename__ = "payments"
    __table_args__ = (UniqueConstraint("bill_id", name="payment_bill_once"),)

    id: Mapped[UUID] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    payer_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"), index=True)
    kind: Mapped[str]
    status: Mapped[str]
    amount: Mapped[Dong]
    balance_after: Mapped[Dong]
    payee_name: Mapped[str]
    payee_detail: Mapped[str | None]
    memo: Mapped[str | None]
    terminal_id: Mapped[UUID | None] = mapped_column(ForeignKey("terminals.id"))
    bill_id: Mapped[UUID | None] = mapped_column(ForeignKey("bills.id"))
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]

    transfer: Mapped[Transfer] = relationship(lazy="raise")

    @property
    def payee(self) -> dict[str, str | None]:
        return {"name": self.payee_name, "detail": self.payee_detail}


class Event(Base):
    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
