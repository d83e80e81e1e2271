"""How high the water stands, as operators and machines say it: once for each station and moment.

What arrives late takes its own place in time, and nobody sees it in the place of something newer."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.types import new_id
from notifications.alerts.models import PostReadings, PutReading, Reading, ReadingRefused, ReadingsTaken

sql = queries_beside(__file__)

AHEAD = timedelta(minutes=5)
"""A station's clock may be so much before ours."""
OLDEST = timedelta(days=30)

Key = tuple[str, datetime]
Values = tuple[int | None, int | None, int | None]


class StationUnknown(Refusal):
    """Không có trạm đo hoặc hồ chứa với mã này.

    There is no gauge or reservoir with this code."""

    status = 400


class ReadingEmpty(Refusal):
    """Số đo phải có mực nước hoặc lưu lượng.

    A reading has a level or a flow."""

    status = 400


class ReadingImplausible(Refusal):
    """Số đo nằm ngoài khoảng của trạm ({least_m} đến {most_m} m, tối đa {most_m3_s} m³/s); hãy kiểm tra lại.

    This cannot be at this station ({least_m} to {most_m} m, {most_m3_s} m³/s at most); please check it."""

    status = 400


class BadReadingMoment(Refusal):
    """Thời điểm đo không được ở tương lai hoặc cũ hơn 30 ngày.

    A reading is not of the future, and not older than 30 days."""

    status = 400


class ReadingMomentTaken(Refusal):
    """Trạm này đã có số đo khác vào đúng thời điểm đó; nếu số cũ sai, hãy thu hồi trước.

    This station already has another reading of that very moment; if that one is wrong, withdraw it first."""


class ReadingIdTaken(Refusal):
    """Mã số đo này đã được dùng với nội dung khác.

    This reading's id is already used with other content."""


class _Station(msgspec.Struct, frozen=True):
    code: str
    kind: Literal["river", "reservoir"]
    least_cm: int
    most_cm: int
    most_flow_l_s: int


async def put(db: Connection, me: Principal, reading_id: UUID, measured: PutReading) -> Reading:
    """Write a reading down under its writer's id; the same again is the same.

    Raises StationUnknown, ReadingEmpty, ReadingImplausible, BadReadingMoment, ReadingIdTaken, ReadingMomentTaken."""
    kept = await maybe(Reading, db, sql.reading, reading_id)
    if kept is None:
        _check(measured, await _stations(db))
        await _write(db, me, [reading_id], [measured])
        kept = await maybe(Reading, db, sql.reading, reading_id)
    if kept is None:
        raise ReadingMomentTaken
    if _said(kept) != (measured.station, measured.measured_at, *_values(measured)):
        raise ReadingIdTaken
    return kept


async def withdraw(db: Connection, me: Principal, reading_id: UUID, reason: str) -> Reading:
    """It was a mistake: nobody sees it any more, and that moment may be written down again. Raises NotFound."""
    station = await db.fetchval(sql.withdraw_reading, reading_id, me.id)
    if station is not None:
        await records.record(db, me, "reading.withdrawn", reading_id, station=station, reason=reason)
    kept = await maybe(Reading, db, sql.reading, reading_id)
    if kept is None:
        raise NotFound
    return kept


async def take(db: Connection, me: Principal, sent: PostReadings, language: Language) -> ReadingsTaken:
    """Readings of a machine, each taken or not by itself; what is known already, with the same values, is fine."""
    stations = await _stations(db)
    refused: list[ReadingRefused] = []
    fine: dict[Key, tuple[int, PutReading]] = {}
    for position, measured in enumerate(sent.readings):
        try:
            _check(measured, stations)
            _, first = fine.setdefault((measured.station, measured.measured_at), (position, measured))
            if _values(first) != _values(measured):
                raise ReadingMomentTaken
        except Refusal as no:
            refused.append(_refused(position, measured, no, language))
    measured_once = [measured for _, measured in fine.values()]
    taken = await _write(db, me, [new_id() for _ in fine], measured_once)
    others = await _others(db, measured_once)
    for position, measured in fine.values():
        if others.get((measured.station, measured.measured_at)) != _values(measured):
            refused.append(_refused(position, measured, ReadingMomentTaken(), language))
    refused.sort(key=lambda no: no.position)
    return ReadingsTaken(taken=taken, known=len(sent.readings) - taken - len(refused), refused=refused)


def _refused(position: int, measured: PutReading, no: Refusal, language: Language) -> ReadingRefused:
    return ReadingRefused(
        position=position,
        station=measured.station,
        measured_at=measured.measured_at,
        problem=type(no).__name__,
        title=no.words(language),
    )


async def _stations(db: Connection) -> dict[str, _Station]:
    return {station.code: station for station in await many(_Station, db, sql.stations)}


def _check(measured: PutReading, stations: dict[str, _Station]) -> None:
    station = stations.get(measured.station)
    if station is None:
        raise StationUnknown
    level_cm, *flows = _values(measured)
    if level_cm is None and not any(flow is not None for flow in flows):
        raise ReadingEmpty
    fits = level_cm is None or station.least_cm <= level_cm <= station.most_cm
    if not fits or any(flow is not None and not 0 <= flow <= station.most_flow_l_s for flow in flows):
        raise ReadingImplausible(
            least_m=station.least_cm / 100, most_m=station.most_cm / 100, most_m3_s=station.most_flow_l_s // 1000
        )
    if not city_now() - OLDEST <= measured.measured_at <= city_now() + AHEAD:
        raise BadReadingMoment


async def _write(db: Connection, me: Principal, ids: list[UUID], measured: list[PutReading]) -> int:
    """Returns how many are new."""
    levels, inflows, discharges = zip(*map(_values, measured), strict=True) if measured else ((), (), ())
    stations, moments = [one.station for one in measured], [one.measured_at for one in measured]
    new = await db.fetch(
        sql.write_readings, ids, stations, moments, list(levels), list(inflows), list(discharges), me.id
    )
    return len(new)


async def _others(db: Connection, measured: list[PutReading]) -> dict[Key, Values]:
    rows = await db.fetch(
        sql.readings_of_moments, [one.station for one in measured], [one.measured_at for one in measured]
    )
    return {
        (row["station_code"], row["measured_at"]): (row["level_cm"], row["inflow_l_s"], row["discharge_l_s"])
        for row in rows
    }


def _values(measured: PutReading | Reading) -> Values:
    """In centimetres and litres a second, as they are kept."""
    return (
        _whole(measured.level_m, 100),
        _whole(measured.inflow_m3_s, 1000),
        _whole(measured.discharge_m3_s, 1000),
    )


def _whole(value: float | None, parts: int) -> int | None:
    return None if value is None else round(value * parts)


def _said(kept: Reading) -> tuple[Any, ...]:
    return kept.station, kept.measured_at, *_values(kept)
