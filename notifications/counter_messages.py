"""Words for news of visits to a counter: to whoever has booked one."""

from datetime import datetime
from typing import assert_never

from app.clock import CITY_ZONE
from dossiers.events import BookingReminder, CounterBooked, TicketCalled
from notifications.words import Words, words_for

Told = CounterBooked | BookingReminder | TicketCalled

CALL_GOOD_FOR_S = 1800
"""Whoever comes later takes another number."""


def messages_of(event: Told) -> list[Words]:
    """Who is told what of an event."""
    good_for_s = None
    match event:
        case CounterBooked():
            title = ("Đã đặt lịch hẹn", "Your visit is booked")
            body = (
                f"{_moment(event.starts_at)}, {event.agency}. Khi đến nơi, hãy lấy số trong ứng dụng.",
                f"{_moment(event.starts_at)}, {event.agency_en}. Take your number in the app when you are there.",
            )
        case BookingReminder():
            title = ("Ngày mai bạn có lịch hẹn", "You have a visit tomorrow")
            body = (
                f"{_moment(event.starts_at)}, {event.agency}. Nếu không đến được, hãy hủy để nhường chỗ.",
                f"{_moment(event.starts_at)}, {event.agency_en}. If you cannot come, cancel it for somebody else.",
            )
        case TicketCalled():
            good_for_s = CALL_GOOD_FOR_S
            title = (f"Mời số {event.label}", f"Number {event.label}, please")
            body = (
                f"Mời bạn đến quầy số {event.window}, {event.agency}.",
                f"Please come to window {event.window}, {event.agency_en}.",
            )
        case _:
            assert_never(event)
    return [
        words_for(event.resident_id, "dossier", f"/bookings/{event.booking_id}", title, body, good_for_s=good_for_s)
    ]


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}"
