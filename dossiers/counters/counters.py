"""What a counter is like: how long its visits are, how many may be booked for the same time, and its windows."""

from app.audit import records
from app.db import Connection, one, queries_beside
from app.errors import Forbidden, Refusal
from app.identity.models import Principal
from dossiers.counters import times
from dossiers.counters.models import PutCounter, StaffCounter
from dossiers.counters.tickets import UnknownField

sql = queries_beside(__file__)


class WindowNamedTwice(Refusal):
    """Một quầy được ghi hai lần trong danh sách.

    A window stands in the list twice."""

    status = 400


async def put(db: Connection, me: Principal, agency: str, wanted: PutCounter) -> StaffCounter:
    """Say what a counter is like from now on; visits that are booked stay so. A window that is left out is closed.

    Raises NotFound, Forbidden, WindowNamedTwice, UnknownField."""
    await times.counter_of(db, agency)
    if agency not in me.agencies_as("agency_head") and not me.agencies_as("admin"):
        raise Forbidden
    numbers = [window.number for window in wanted.windows]
    if len(set(numbers)) < len(numbers):
        raise WindowNamedTwice
    if not await db.fetchval(sql.fields_are_known, [field for window in wanted.windows for field in window.fields]):
        raise UnknownField
    await db.execute(sql.put_counter, agency, wanted.slot_minutes, wanted.places)
    await db.execute(sql.close_windows, agency, numbers)
    for window in wanted.windows:
        await db.execute(sql.put_window, agency, window.number, window.fields)
    await records.record(db, me, "counter.put", agency, windows=numbers)
    return await one(StaffCounter, db, sql.staff_counter, agency)
