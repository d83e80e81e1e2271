"""How billers' own systems are asked: an address and a secret, proposed by one of finance, approved by another."""

from hmac import compare_digest
from uuid import UUID

import msgspec
import structlog

from app.audit import records
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.outside import NoAnswer, usable
from app.secrets import KeyNotHere, Sealed, seal, unseal
from app.staff.members import need_grant
from wallet.billers.adapters import Adapter, HttpAdapter
from wallet.billers.models import BillerConnection, ConnectionStatus, ProposeConnection

sql = queries_beside(__file__)
log = structlog.get_logger()

PURPOSE = "biller connection"
SEALED = Sealed(
    table="biller_connection", purpose=PURPOSE, rows=sql.sealed_connections, reseal=sql.seal_connection_anew
)


class ConnectionIdTaken(Refusal):
    """Mã kết nối này đã được dùng với nội dung khác; hãy tạo mã mới.

    This connection's id is used with other content; make a new one."""


class ConnectionIsDecided(Refusal):
    """Kết nối này đã được quyết định.

    This connection was decided already."""


class AnotherMustApprove(Refusal):
    """Người đề nghị không thể tự duyệt; cần một cán bộ tài chính khác.

    Whoever proposed it may not approve it; another member of finance must."""

    status = 403


class AddressNotEncrypted(Refusal):
    """Địa chỉ của đơn vị thu phải bắt đầu bằng https://.

    The biller's address must begin with https://."""

    status = 400


class _Kept(msgspec.Struct, frozen=True):
    id: UUID
    url: str
    key_id: str
    timeout_ms: int
    status: ConnectionStatus
    made_by: UUID | None
    sealed: bytes | None

    def secret(self) -> str:
        """What signs; it is there while the connection is wanted."""
        assert self.sealed is not None
        return unseal(PURPOSE, self.sealed, about=self.id.bytes).decode()

    def is_as(self, wanted: ProposeConnection) -> bool:
        """The same proposal again?"""
        return (
            self.status == "proposed"
            and (self.url, self.key_id, self.timeout_ms) == (wanted.url, wanted.key_id, wanted.timeout_ms)
            and compare_digest(self.secret(), wanted.secret)
        )


async def propose(
    db: Connection, me: Principal, biller_code: str, connection_id: UUID, wanted: ProposeConnection
) -> BillerConnection:
    """Propose how a biller is asked from now on; nothing changes until somebody else approves it.

    Raises Forbidden, NotFound, AddressNotEncrypted, ConnectionIdTaken."""
    await need_grant(db, me, "finance")
    _check_address(wanted.url)
    if await db.fetchval(sql.biller_exists, biller_code) is None:
        raise NotFound
    sealed = seal(PURPOSE, wanted.secret.encode(), about=connection_id.bytes)
    values = (connection_id, biller_code, wanted.url, wanted.key_id, sealed, wanted.timeout_ms, me.id)
    if await db.fetchval(sql.propose_connection, *values) is not None:
        await records.record(
            db, me, "wallet.biller_connection_proposed", connection_id, biller=biller_code, url=wanted.url
        )
    else:
        kept = await maybe(_Kept, db, sql.connection_for_update, connection_id, biller_code)
        if kept is None or not kept.is_as(wanted):
            raise ConnectionIdTaken
    return await one(BillerConnection, db, sql.connection, connection_id, biller_code)


def _check_address(url: str) -> None:
    try:
        usable(url)
    except NoAnswer:
        raise AddressNotEncrypted from None


async def approve(db: Connection, me: Principal, biller_code: str, connection_id: UUID) -> BillerConnection:
    """The second pair of eyes: the biller is asked so from now on, and not as before.

    Its payments are held from then on until it has answered. Raises Forbidden, NotFound, ConnectionIsDecided,
    AnotherMustApprove."""
    kept = await _to_decide(db, me, biller_code, connection_id)
    if kept.status != "active":
        if kept.made_by == me.id:
            raise AnotherMustApprove
        await db.execute(sql.replace_connection, biller_code)
        await db.execute(sql.approve_connection, connection_id, biller_code, me.id)
        await records.record(
            db, me, "wallet.biller_connection_approved", connection_id, biller=biller_code, url=kept.url
        )
    return await one(BillerConnection, db, sql.connection, connection_id, biller_code)


async def refuse(db: Connection, me: Principal, biller_code: str, connection_id: UUID) -> BillerConnection:
    """It is not asked so; whoever proposed it may say so too. Raises Forbidden, NotFound, ConnectionIsDecided."""
    kept = await _to_decide(db, me, biller_code, connection_id)
    if kept.status == "active":
        raise ConnectionIsDecided
    await db.execute(sql.refuse_connection, connection_id, me.id)
    await records.record(db, me, "wallet.biller_connection_refused", connection_id, biller=biller_code)
    return await one(BillerConnection, db, sql.connection, connection_id, biller_code)


async def _to_decide(db: Connection, me: Principal, biller_code: str, connection_id: UUID) -> _Kept:
    await need_grant(db, me, "finance")
    kept = await maybe(_Kept, db, sql.connection_for_update, connection_id, biller_code)
    if kept is None:
        raise NotFound
    if kept.status in {"refused", "replaced"}:
        raise ConnectionIsDecided
    return kept


class _Usable(msgspec.Struct, frozen=True):
    id: UUID
    url: str
    key_id: str
    sealed: bytes
    timeout_ms: int


async def adapter_of(db: Connection, biller_code: str) -> Adapter | None:
    """How a biller is asked now; None: it has no system that we ask, or its secret cannot be read."""
    return _adapter(await maybe(_Usable, db, sql.active_connection, biller_code, None))


async def newer_adapter(db: Connection, biller_code: str, former_id: UUID | None) -> Adapter | None:
    """How it is asked now, if that is another connection than this one."""
    return _adapter(await maybe(_Usable, db, sql.active_connection, biller_code, former_id))


async def adapter_at(db: Connection, connection_id: UUID | None) -> Adapter | None:
    """How it was asked under a connection, which may have been replaced since."""
    return _adapter(await maybe(_Usable, db, sql.connection_to_ask, connection_id))


def _adapter(kept: _Usable | None) -> Adapter | None:
    if kept is None:
        return None
    try:
        secret = unseal(PURPOSE, kept.sealed, about=kept.id.bytes).decode()
    except KeyNotHere as problem:
        log.error("a biller's secret cannot be read here", connection=str(kept.id), error=str(problem))
        return None
    return HttpAdapter(kept.url, kept.key_id, secret, kept.timeout_ms)


async def forget_secrets(db: Connection) -> None:
    """By the clock: the secret of a connection that was replaced goes when no payment waits for an answer there."""
    await db.execute(sql.forget_connection_secrets)


async def plant(db: Connection, connection_id: UUID, biller_code: str, url: str, key_id: str, secret: str) -> None:
    """A connection of the sandbox, to where its stand-in listens now."""
    sealed = seal(PURPOSE, secret.encode(), about=connection_id.bytes)
    await db.execute(sql.plant_connection, connection_id, biller_code, url, key_id, sealed)
