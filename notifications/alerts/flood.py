"""What people look for in a flood: rivers, reservoirs, roads under water, whom to call."""

from datetime import datetime, timedelta

import msgspec

from app.db import Connection, many, one, queries_beside
from app.errors import Language
from notifications.alerts.models import (
    Flood,
    FloodedRoad,
    Hotline,
    Level,
    ReservoirLevel,
    RiverLevel,
    Sos,
    Trend,
)

sql = queries_beside(__file__)

AN_HOUR = timedelta(hours=1)
STEADY_CM = 2
"""What a level changes in an hour or more before anybody says that it rises or falls."""


class _River(msgspec.Struct, frozen=True):
    code: str
    name: str
    river: str
    alarm_1_cm: int | None
    alarm_2_cm: int | None
    alarm_3_cm: int | None
    moments: list[datetime]
    levels_cm: list[int]


class _Reservoir(msgspec.Struct, frozen=True):
    code: str
    name: str
    river: str
    measured_at: datetime | None
    level_cm: int | None
    inflow_l_s: int | None
    discharge_l_s: int | None
    level_before_cm: int | None


async def show(db: Connection, language: Language) -> Flood:
    """All of it, in the caller's language; what was not measured for a day is null."""
    return Flood(
        rivers=[_river(river) for river in await many(_River, db, sql.rivers, language)],
        reservoirs=[_reservoir(reservoir) for reservoir in await many(_Reservoir, db, sql.reservoirs, language)],
        flooded_roads=await many(FloodedRoad, db, sql.flooded_roads),
        hotlines=await many(Hotline, db, sql.hotlines, language),
        sos=await one(Sos, db, sql.sos),
    )


def _river(river: _River) -> RiverLevel:
    levels = list(zip(river.moments, river.levels_cm, strict=True))
    measured_at, newest_cm = levels[-1] if levels else (None, None)
    earlier_cm = [cm for at, cm in levels if measured_at is not None and at <= measured_at - AN_HOUR]
    alarms = [alarm for alarm in (river.alarm_1_cm, river.alarm_2_cm, river.alarm_3_cm) if alarm is not None]
    return RiverLevel(
        code=river.code,
        name=river.name,
        river=river.river,
        level_m=_metres(newest_cm),
        measured_at=measured_at,
        alarm=sum(newest_cm >= alarm for alarm in alarms) if alarms and newest_cm is not None else None,
        alarm_levels_m=[alarm / 100 for alarm in alarms],
        trend=_trend(newest_cm, earlier_cm[-1] if earlier_cm else None),
        levels=[Level(at=at, level_m=cm / 100) for at, cm in levels],
    )


def _reservoir(reservoir: _Reservoir) -> ReservoirLevel:
    return ReservoirLevel(
        code=reservoir.code,
        name=reservoir.name,
        river=reservoir.river,
        level_m=_metres(reservoir.level_cm),
        inflow_m3_s=None if reservoir.inflow_l_s is None else reservoir.inflow_l_s / 1000,
        discharge_m3_s=None if reservoir.discharge_l_s is None else reservoir.discharge_l_s / 1000,
        measured_at=reservoir.measured_at,
        trend=_trend(reservoir.level_cm, reservoir.level_before_cm),
    )


def _metres(cm: int | None) -> float | None:
    return None if cm is None else cm / 100


def _trend(now_cm: int | None, before_cm: int | None) -> Trend | None:
    if now_cm is None or before_cm is None:
        return None
    if abs(now_cm - before_cm) < STEADY_CM:
        return "steady"
    return "rising" if now_cm > before_cm else "falling"
