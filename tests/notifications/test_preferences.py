"""What people want to be told: kept whole, with quiet hours that may go over midnight."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clock import CITY_ZONE
from app.db import Connection
from tests.makers import a_resident
from tests.notifications.phones import sql

PREFERENCES = "/v1/notifications/preferences"
DEFAULTS = {
    "muted": [],
    "texts": True,
    "quiet": {"from": "22:00", "to": "06:00"},
    "digest": "burst",
    "amounts": True,
    "wards": [],
}


async def test_whoever_never_said_has_the_defaults(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    assert (await desk.get(PREFERENCES, headers=resident.headers)).json() == DEFAULTS


async def test_what_is_wanted_is_kept_whole(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    [ward, *_] = (await desk.get("/v1/places/wards")).json()
    wanted = {
        "muted": ["report"],
        "texts": False,
        "quiet": {"from": "23:30", "to": "05:15"},
        "digest": "daily",
        "amounts": False,
        "wards": [ward["code"]],
    }
    assert (await desk.put(PREFERENCES, headers=resident.headers, json=wanted)).json() == wanted
    assert (await desk.get(PREFERENCES, headers=resident.headers)).json() == wanted
    await desk.put(PREFERENCES, headers=resident.headers, json={"quiet": None})
    assert (await desk.get(PREFERENCES, headers=resident.headers)).json() == DEFAULTS | {"quiet": None}


@pytest.mark.parametrize(
    ("change", "type_"),
    [
        ({"wards": ["99999"]}, "NoSuchWard"),
        ({"quiet": {"from": "06:00", "to": "06:00"}}, "QuietAllDay"),
        ({"quiet": {"from": "24:00", "to": "06:00"}}, "Malformed"),
        ({"muted": ["news"]}, "Malformed"),
        ({"digest": "hourly"}, "Malformed"),
        ({"sound": True}, "Malformed"),
    ],
)
async def test_what_cannot_be_wanted_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, object], type_: str
) -> None:
    resident = await a_resident(db)
    answer = await desk.put(PREFERENCES, headers=resident.headers, json=change)
    assert (answer.status_code, answer.json()["type"]) == (400, f"urn:huong:problem:{type_}")


MINUTES = st.integers(0, 1439)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - its zone comes


def by_hand(start: int, end: int, at: datetime) -> datetime:
    """Minute by minute until it is not quiet."""

    def quiet(moment: datetime) -> bool:
        here = moment.astimezone(CITY_ZONE)
        minute = here.hour * 60 + here.minute
        return start <= minute < end if start < end else minute >= start or minute < end

    if not quiet(at):
        return at
    at = at.replace(second=0, microsecond=0)
    while quiet(at):
        at += timedelta(minutes=1)
    return at


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(start=MINUTES, end=MINUTES, at=MOMENTS)
async def test_quiet_ends_when_one_counts_it_by_hand(db: Connection, start: int, end: int, at: datetime) -> None:
    if start != end:
        assert await db.fetchval(sql.quiet_until, start, end, at) == by_hand(start, end, at)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("21:59", "21:59"), ("22:00", "06:00+1"), ("23:59", "06:00+1"), ("00:00", "06:00"), ("05:59", "06:00"),
        ("06:00", "06:00"), ("12:00", "12:00"),
    ],
)  # fmt: skip
async def test_a_night_goes_over_midnight(db: Connection, at: str, until: str) -> None:
    def moment(text: str) -> datetime:
        hour, _, more = text.partition("+")
        return datetime.fromisoformat(f"2026-11-20T{hour}:00+07:00") + timedelta(days=int(more or 0))

    assert await db.fetchval(sql.quiet_until, 22 * 60, 6 * 60, moment(at)) == moment(until)


async def test_a_day_has_one_evening(db: Connection) -> None:
    noon, evening = [datetime.fromisoformat(f"2026-11-20T{hour}:00+07:00") for hour in ("12:00", "18:00")]
    assert await db.fetchval(sql.next_minute_of_day, 18 * 60, noon) == evening
    assert await db.fetchval(sql.next_minute_of_day, 18 * 60, evening) == evening + timedelta(days=1)
