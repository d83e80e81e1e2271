"""Machines: put by an administrator under an id of the administrator's making, changed, closed for good."""

from ipaddress import ip_network
from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Malformed, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.machines import key_text
from app.machines.models import Machine, MachineItself, MachineWithKeys, PutMachine, Scope
from app.staff.members import UnknownAgency, need_grant
from app.staff.models import GiveReason
from app.staff.pages import before, page_of
from app.types import Page

sql = queries_beside(__file__)


class MachineIdTaken(Refusal):
    """Mã này đã thuộc về người hoặc hệ thống khác.

    This id is somebody else's already."""


class MachineIsClosed(Refusal):
    """Máy này đã đóng; hãy đăng ký máy mới.

    This machine is closed; register another one."""


class _Kept(msgspec.Struct, frozen=True):
    name: str
    agency: str | None
    scopes: list[Scope]
    addresses: list[str]
    plain_key: bool
    closed: bool = False


async def put(db: Connection, me: Principal, machine_id: UUID, wanted: PutMachine) -> Machine:
    """Make a machine, or have it be as is wanted from now on; the same again is the same.

    Raises Forbidden, Malformed, UnknownAgency, MachineIdTaken, MachineIsClosed."""
    await need_grant(db, me, "admin")
    as_wanted = _Kept(
        wanted.name, wanted.agency, sorted(set(wanted.scopes)), _networks(wanted.addresses), wanted.plain_key
    )
    with refusing(machine_agency_code_fkey=UnknownAgency):
        if await db.fetchval(sql.make_principal, machine_id, as_wanted.name) is not None:
            await _make(db, me, machine_id, as_wanted)
        else:
            await _change(db, me, machine_id, as_wanted)
    return await one(Machine, db, sql.machine, machine_id)


def _networks(texts: list[str]) -> list[str]:
    """Networks as everybody writes them, none twice; raises Malformed."""
    try:
        return list(dict.fromkeys(str(ip_network(text)) for text in texts))
    except ValueError as mistake:
        raise Malformed(errors=[{"field": "addresses", "message": str(mistake)}]) from None


async def make(db: Connection, me: Principal, machine_id: UUID, name: str, scopes: list[Scope]) -> bool:
    """A machine of somebody else than the city, for whoever has looked at what `me` may; False: the id is taken."""
    if await db.fetchval(sql.make_principal, machine_id, name) is None:
        return False
    await _make(db, me, machine_id, _Kept(name, None, sorted(set(scopes)), [], plain_key=False))
    return True


async def _make(db: Connection, me: Principal, machine_id: UUID, wanted: _Kept) -> None:
    await db.execute(
        sql.make_machine, machine_id, wanted.agency, wanted.scopes, wanted.addresses, wanted.plain_key, me.id
    )
    await records.record(db, me, "machines.machine_made", machine_id, **_said(wanted))


async def _change(db: Connection, me: Principal, machine_id: UUID, wanted: _Kept) -> None:
    kept = await maybe(_Kept, db, sql.machine_for_update, machine_id)
    if kept is None:
        raise MachineIdTaken
    if kept.closed:
        raise MachineIsClosed
    if kept != wanted:
        await db.execute(sql.change_machine, machine_id, *_said(wanted).values())
        await records.record(db, me, "machines.machine_changed", machine_id, before=_said(kept), after=_said(wanted))


def _said(kept: _Kept) -> dict[str, object]:
    return {
        "name": kept.name,
        "agency": kept.agency,
        "scopes": kept.scopes,
        "addresses": kept.addresses,
        "plain_key": kept.plain_key,
    }


async def page(db: Connection, cursor: str | None, limit: int) -> Page[Machine]:
    """Machines that call us or did, newest first; raises BadCursor."""
    lines = await many(Machine, db, sql.machines, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda machine: (machine.made_at, machine.id))


async def show(db: Connection, machine_id: UUID) -> MachineWithKeys:
    """A machine and its keys; raises NotFound."""
    row = await db.fetchrow(sql.machine_with_keys, machine_id)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), MachineWithKeys)  # a Record has `keys` of its own


async def close(db: Connection, me: Principal, machine_id: UUID, wanted: GiveReason) -> Machine:
    """A machine calls us no more: its keys end with it, for good. Raises Forbidden, NotFound."""
    await need_grant(db, me, "admin")
    await end(db, me, machine_id, wanted.reason)
    return await one(Machine, db, sql.machine, machine_id)


async def end(db: Connection, me: Principal, machine_id: UUID, reason: str) -> None:
    """The same for whoever has looked at what `me` may; raises NotFound."""
    kept = await maybe(_Kept, db, sql.machine_for_update, machine_id)
    if kept is None:
        raise NotFound
    if not kept.closed:
        await db.execute(sql.close_machine, machine_id, me.id, reason)
        await records.record(db, me, "machines.machine_closed", machine_id, reason=reason)


async def locked(db: Connection, machine_id: UUID) -> None:
    """Have other changes of this machine wait for ours; raises NotFound, MachineIsClosed."""
    kept = await maybe(_Kept, db, sql.machine_for_update, machine_id)
    if kept is None:
        raise NotFound
    if kept.closed:
        raise MachineIsClosed


async def itself(db: Connection, me: Principal) -> MachineItself:
    """The machine that asks, as it sees itself."""
    row = await db.fetchrow(sql.machine_itself, me.id, me.session_id)
    if row is None:
        raise NotFound
    return msgspec.convert({**row, "mode": key_text.mode(), "signed": not me.plain_key}, MachineItself)
