"""What counters do by the clock."""

from app.jobs import Scheduled
from dossiers.counters import bookings, tickets

schedule: tuple[Scheduled, ...] = (
    Scheduled(name="remind_of_visits", every_s=600, run=bookings.remind),
    Scheduled(name="end_counter_days", every_s=1800, run=tickets.end_days),
    Scheduled(name="miss_visits", every_s=1800, run=bookings.end_days),
)
