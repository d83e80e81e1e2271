"""kill -9, three times, for the worker that tells the whole city: each phone hears it, the cursor is never lost."""

import signal
from pathlib import Path

from app.types import new_id
from notifications import sending
from notifications.listeners import engines
from tests.conftest import City
from tests.journeys.test_killed_workers import PAST_THE_LEASES_S, a_worker, until
from tests.makers import a_staff_member
from tests.notifications.phones import sql
from tests.notifications.test_broadcasts import BROADCASTS, words
from tests.notifications.transports.pushing import an_fcm

PHONES = 3000
KILLED_AT = (200, 1100, 2100)
"""When FCM has taken so many."""
[BULK] = [engine for engine in engines if engine.name == "push_bulk"]
UNDER_WAY = sending.BATCH * BULK.side_by_side
"""So many may be on their way when somebody dies; these may come twice."""


async def test_a_worker_that_is_killed_three_times_tells_every_phone(city: City, tmp_path: Path) -> None:
    async with an_fcm(tmp_path) as fcm:
        fcm.cloud.latency_s, fcm.cloud.keep = 0.1, 0
        environment = {
            "HUONG_FCM_URL": fcm.url,
            "HUONG_FCM_CREDENTIALS": (tmp_path / "account.json").read_text(encoding="utf-8"),
            "HUONG_FCM_CA": str(tmp_path / "root.pem"),
        }
        async with city.database.transaction() as db:
            await db.execute(sql.plant_devices, 1, PHONES)
            operator = await a_staff_member(db, role="operator")
        broadcast_id = new_id()
        told = await city.client.put(f"{BROADCASTS}/{broadcast_id}", headers=operator.headers, json=words())
        assert told.status_code == 200, told.text

        for nth, so_many in enumerate(KILLED_AT):

            async def enough(so_many: int = so_many) -> bool:
                return fcm.cloud.took.total() >= so_many

            async with a_worker(city, later_s=nth * PAST_THE_LEASES_S, **environment) as worker:
                await until(enough, 45)
                worker.send_signal(signal.SIGKILL)
                assert await worker.wait() == -signal.SIGKILL
            assert len(fcm.cloud.took) < PHONES, "it died on the way"

        async def all_are_told() -> bool:
            async with city.database.acquire() as db:
                rows = await db.fetch(sql.delivery_states, broadcast_id)
            return [(row["state"], row["count"]) for row in rows] == [("accepted", PHONES)]

        async with a_worker(city, later_s=len(KILLED_AT) * PAST_THE_LEASES_S, **environment):
            await until(all_are_told, 60)
        assert len(fcm.cloud.took) == PHONES
        assert fcm.cloud.took.total() - PHONES <= UNDER_WAY * len(KILLED_AT)
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.messages_of_broadcast, broadcast_id)
    assert row is not None
    assert (row["messages"], row["twice"]) == (PHONES, 0)
    shown = (await city.client.get(f"{BROADCASTS}/{broadcast_id}", headers=operator.headers)).json()
    assert (shown["state"], shown["told"], shown["deliveries"]) == ("done", PHONES, {"accepted": PHONES})
