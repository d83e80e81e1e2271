"""The city's time. Its twin in SQL is `city_now()`; nothing else in the domain asks what time it is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CITY_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")

_offset = timedelta()


def city_now() -> datetime:
    """This moment, aware, in UTC, moved by the sandbox's clock setting."""
    return datetime.now(UTC) + _offset


def city_today() -> date:
    """The calendar day in Huế."""
    return city_now().astimezone(CITY_ZONE).date()


def set_offset(offset: timedelta) -> None:
    """Move the city's clock (sandbox and simulations only; config refuses it in production)."""
    global _offset
    _offset = offset
