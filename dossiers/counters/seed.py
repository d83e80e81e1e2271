"""The sandbox's counters: windows everywhere, and a day at Thuận Hóa's. Made by the verbs that people use, once."""

from datetime import timedelta

from app.clock import add_working_days, city_today, working_time
from app.db import Connection, Database, queries_beside
from app.identity.models import Grant, Principal
from app.identity.seed import RESIDENTS, STAFF, seed_id
from dossiers.counters import bookings, tickets, times
from dossiers.counters.models import BookVisit, CallNext, PutTicket

sql = queries_beside(__file__)

COUNTER = "counter-thuan-hoa"
VISITORS = 3
WALK_INS = ("certification", "civil_status", "certification", "residence", "land", "business")
SERVED = 2


async def plant(database: Database) -> None:
    """Two windows at every counter that has none; bookings for the next working day, and a queue today."""
    async with database.transaction() as db:
        await db.execute(sql.seed_windows)
        if await db.fetchval(sql.visits_are_seeded, seed_id("walk-in 0")):
            return
        await _visits(db)
        await _queue(db)


async def _visits(db: Connection) -> None:
    counter, time = await times.counter_of(db, COUNTER), await working_time(db, city_today())
    day = add_working_days(city_today() + timedelta(days=1), 0, time.calendar)
    slots = list(times.slots(day, time, counter.slot_minutes))
    for number, (phone, _) in enumerate(RESIDENTS[:VISITORS]):
        visit = BookVisit(agency=COUNTER, at=slots[2 * number].starts_at, note="Chứng thực bản sao")
        await bookings.make(db, _principal(phone), seed_id(f"visit {number}"), visit, "vi")


async def _queue(db: Connection) -> None:
    [clerk] = [_principal(phone) for phone, _, agency, roles in STAFF if agency == COUNTER and "clerk" in roles]
    for number, field in enumerate(WALK_INS):
        await tickets.put(db, clerk, COUNTER, seed_id(f"walk-in {number}"), PutTicket(state="waiting", field=field))
    for number in range(SERVED):
        called = await tickets.call_next(db, clerk, COUNTER, seed_id(f"call {number}"), CallNext(window=1))
        for step in (
            PutTicket(state="serving", version=called.version),
            PutTicket(state="served", version=called.version + 1),
        ):
            await tickets.put(db, clerk, COUNTER, called.id, step)
    for window in (1, 2):
        await tickets.call_next(db, clerk, COUNTER, seed_id(f"call of window {window}"), CallNext(window=window))


def _principal(phone: str) -> Principal:
    grants = [
        Grant(agency=agency, role=role) for other, _, agency, roles in STAFF if other == phone for role in roles
    ]
    who = seed_id(phone)
    return Principal(id=who, kind="staff" if grants else "resident", session_id=who, grants=grants)
