"""A counter as everybody may see it: whom its windows have called, how many wait, when there is time. No names."""

from datetime import datetime, timedelta
from math import ceil

import msgspec
from litestar import Response

from app import pages
from app.clock import CITY_ZONE, MIDNIGHT, WorkingTime, city_now, city_today, is_working_day, working_time
from app.db import Connection, many, one, queries_beside
from app.errors import Language
from dossiers.counters import times
from dossiers.counters.models import CounterScreen, OpeningHours, WindowNow

sql = queries_beside(__file__)

ENOUGH_SERVED = 3
"""Of fewer visits nobody can tell how long one lasts."""
REFRESH_S = 10


class _Queue(msgspec.Struct, frozen=True):
    waiting: int
    served: int
    median_minutes: float | None
    at_work: int


async def show(db: Connection, agency: str, language: Language) -> CounterScreen:
    """The counter now; raises NotFound."""
    counter, today, now = await times.counter_of(db, agency), city_today(), city_now()
    time = await working_time(db, today)
    hours = _hours(time)
    queue = await one(_Queue, db, sql.queue_now, agency, today)
    return CounterScreen(
        agency=agency,
        agency_name=counter.agency_vi if language == "vi" else counter.agency_en,
        is_open=any(spell.opens_at <= now < spell.closes_at for spell in hours),
        hours=hours,
        windows=await many(WindowNow, db, sql.windows_now, agency, today),
        waiting=queue.waiting,
        waiting_minutes=waiting_minutes(queue.waiting, queue.served, queue.median_minutes, queue.at_work),
        next_times=await times.next_free(db, counter, time),
    )


def waiting_minutes(waiting: int, served: int, median_minutes: float | None, at_work: int) -> int | None:
    """How long whoever takes a number now will wait, about; None where nobody can tell."""
    if served < ENOUGH_SERVED or median_minutes is None or at_work == 0:
        return None
    return ceil(median_minutes * waiting / at_work)


def _hours(time: WorkingTime) -> list[OpeningHours]:
    today = city_today()
    if not is_working_day(today, time.calendar):
        return []
    midnight = datetime.combine(today, MIDNIGHT, CITY_ZONE)
    return [
        OpeningHours(
            opens_at=midnight + timedelta(minutes=spell.starts_minute),
            closes_at=midnight + timedelta(minutes=spell.ends_minute),
        )
        for spell in time.spells
    ]


async def page(db: Connection, agency: str) -> Response[str]:
    """The same for the screen on the wall, which asks again by itself; raises NotFound."""
    screen = await show(db, agency, "vi")
    counter = await times.counter_of(db, agency)
    called = "".join(
        f'<div><dt>Quầy · <span lang="en">Window</span> {window.window}</dt><dd>{window.label or "–"}</dd></div>'
        for window in screen.windows
    )
    wait = "–" if screen.waiting_minutes is None else f"{screen.waiting_minutes} phút"
    state = ("Đang mở cửa", "Open now") if screen.is_open else ("Đang đóng cửa", "Closed now")
    next_times = ", ".join(_short(time.starts_at) for time in screen.next_times) or "–"
    lines = [
        ("Đang chờ", "Waiting", str(screen.waiting)),
        ("Thời gian chờ ước tính", "Waiting time, about", wait),
        ("Giờ làm việc hôm nay", "Hours today", _spoken(screen.hours)),
        ("Giờ hẹn còn trống", "Next free times", next_times),
    ]
    body = pages.said(*state) + f'<dl class="board">{called}</dl>' + pages.facts(lines)
    return pages.page(counter.agency_vi, counter.agency_en, body, refresh_s=REFRESH_S)


def _spoken(hours: list[OpeningHours]) -> str:
    return ", ".join(f"{_clock(spell.opens_at)}–{_clock(spell.closes_at)}" for spell in hours) or "–"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_ZONE):%H:%M}"


def _short(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_ZONE):%H:%M %d/%m}"
