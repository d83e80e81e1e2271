"""The doors of those who look after machines, and the machines' own first one."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.deps import Db, Door
from app.machines import keys, machines, signatures
from app.machines.models import Machine, MachineItself, MachineWithKeys, MadeKey, MakeKey, PutMachine
from app.staff.models import GiveReason
from app.types import Page

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@get("/v1/machine", who=("machine",), plain_key=True)
async def get_own_machine(db: Db, request: Door) -> MachineItself:
    """Who I am and what I may do: what an integrator calls first."""
    return await machines.itself(db, request.me)


@get("/v1/staff/machines", who=("admin",))
async def list_machines(db: Db, cursor: Cursor = None, limit: Limit = 20) -> Page[Machine]:
    """Machines that call the city or did, newest first."""
    return await machines.page(db, cursor, limit)


@get("/v1/staff/machines/{machine_id:uuid}", who=("admin",))
async def get_machine(db: Db, machine_id: FromPath[UUID]) -> MachineWithKeys:
    """A machine, and its keys without their secrets."""
    return await machines.show(db, machine_id)


@put("/v1/staff/machines/{machine_id:uuid}", who=("admin",))
async def put_machine(db: Db, request: Door, machine_id: FromPath[UUID], data: JSONBody[PutMachine]) -> Machine:
    """Register a machine under an id that I make for it, or have it be so from now on; effective within 5 seconds."""
    done = await machines.put(db, request.me, machine_id, data)
    signatures.forget(request, machine_id)
    return done


@put("/v1/staff/machines/{machine_id:uuid}/closure", who=("admin",))
async def close_machine(db: Db, request: Door, machine_id: FromPath[UUID], data: JSONBody[GiveReason]) -> Machine:
    """A machine calls us no more: its keys end within 5 seconds, for good."""
    closed = await machines.close(db, request.me, machine_id, data)
    signatures.forget(request, machine_id)
    return closed


@post("/v1/staff/machines/{machine_id:uuid}/keys", status_code=201, who=("admin",))
async def make_machine_key(db: Db, request: Door, machine_id: FromPath[UUID], data: JSONBody[MakeKey]) -> MadeKey:
    """A new key, shown this once. A machine has two at most, so that one can take over from the other."""
    return await keys.make(db, request.me, machine_id, data)


@delete("/v1/staff/machines/{machine_id:uuid}/keys/{key_id:uuid}", status_code=204, who=("admin",))
async def revoke_machine_key(db: Db, request: Door, machine_id: FromPath[UUID], key_id: FromPath[UUID]) -> None:
    """A key opens nothing any more, within 5 seconds."""
    await keys.revoke(db, request.me, machine_id, key_id)
    signatures.forget(request, machine_id)


router = Router(
    "/",
    route_handlers=[
        get_own_machine, list_machines, get_machine, put_machine, close_machine, make_machine_key, revoke_machine_key,
    ],
    tags=["machines"],
)  # fmt: skip
