"""The sandbox's weather: a warning of heavy rain in force, a day of readings. Made by the verbs that people use."""

from datetime import timedelta
from math import sin, tau

from app.clock import city_now
from app.db import Database, queries_beside
from app.identity.models import Grant, Principal
from app.identity.seed import STAFF, seed_id
from notifications.alerts import proposals, readings
from notifications.alerts.models import AlertParameter, PostReadings, PutAlert, PutReading

sql = queries_beside(__file__)

OPERATOR = "+84900000201"
LASTS_HOURS = 36
HOURS = 24
RIVERS = {"kim-long": (0.6, 0.55), "phu-oc": (1.2, 0.6), "phong-binh": (1.1, 0.3), "truoi": (0.8, 0.25)}
"""From how many metres a river rises in the day, and by how many."""
RESERVOIRS = {"binh-dien": (78.2, 0.9, 310.0), "huong-dien": (52.4, 0.8, 620.0), "ta-trach": (38.1, 1.1, 540.0)}
"""From how many metres a reservoir rises, by how many, and how many m³/s flow in at the height of the rain."""
LET_OUT = 0.7
"""So much of what flows in is let out."""


async def plant(database: Database) -> None:
    """Once; what is there stays as it is. People come first."""
    async with database.transaction() as db:
        if await db.fetchval(sql.alert_for_update, seed_id("alert")) is not None:
            return
        operator = _operator()
        await proposals.put(db, operator, seed_id("alert"), _warning())
        await readings.take(db, operator, PostReadings(readings=_day()), "vi")


def _operator() -> Principal:
    [(agency, roles)] = [(agency, roles) for phone, _, agency, roles in STAFF if phone == OPERATOR]
    grants = [Grant(agency=agency, role=role) for role in roles]
    return Principal(id=seed_id(OPERATOR), kind="staff", session_id=seed_id(OPERATOR), grants=grants)


def _warning() -> PutAlert:
    now = city_now()
    return PutAlert(
        msg_type="Alert",
        status="Actual",
        categories=["Met"],
        event_vi="Mưa lớn",
        event_en="Heavy rain",
        response_types=["Monitor", "Prepare"],
        urgency="Expected",
        severity="Moderate",
        certainty="Likely",
        onset_at=now + timedelta(hours=2),
        expires_at=now + timedelta(hours=LASTS_HOURS),
        headline_vi="Mưa lớn đến hết ngày mai, sông lên chậm",
        headline_en="Heavy rain until the end of tomorrow, rivers rising slowly",
        description_vi="Lượng mưa phổ biến 100–180 mm. Mực nước sông Hương và sông Bồ lên mức dưới báo động II.",
        description_en="100 to 180 mm of rain. The Hương and the Bồ rise, staying below alarm II.",
        instruction_vi="Kê cao đồ đạc ở nơi trũng, không đi qua đường ngập. Cần cứu hộ, gọi 112 hoặc 114.",
        instruction_en="Raise what must stay dry, do not cross flooded roads. To be rescued, call 112 or 114.",
        web="https://hue.example/canh-bao",
        contact="1900 1075",
        parameters=[AlertParameter(name="rain_mm_24h", value="100-180")],
    )


def _day() -> list[PutReading]:
    """One reading an hour of each station: the rain comes in the middle of the day, and the rivers follow it."""
    hour = city_now().replace(minute=0, second=0, microsecond=0)
    day: list[PutReading] = []
    for back in range(HOURS):
        part = 1 - back / HOURS
        risen, rain = part * part * (3 - 2 * part), max(0.0, sin(part * tau / 2))
        at = hour - timedelta(hours=back)
        for station, (from_m, by_m) in RIVERS.items():
            day.append(PutReading(station=station, measured_at=at, level_m=round(from_m + by_m * risen, 2)))
        for station, (from_m, by_m, most_m3_s) in RESERVOIRS.items():
            inflow = round(30 + most_m3_s * rain, 1)
            day.append(
                PutReading(
                    station=station,
                    measured_at=at,
                    level_m=round(from_m + by_m * risen, 2),
                    inflow_m3_s=inflow,
                    discharge_m3_s=round(LET_OUT * inflow, 1),
                )
            )
    return day
