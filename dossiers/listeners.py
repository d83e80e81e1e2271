"""What dossiers do on others' news, and by the clock."""

from app.jobs import Listener, Scheduled
from dossiers import deadlines, happenings, homes
from dossiers.counters import listeners as counters
from dossiers.figures import statistics
from dossiers.national import listeners as national
from dossiers.papers import listeners as papers
from dossiers.posting import listeners as posting

listeners: tuple[Listener, ...] = (
    Listener(
        name="dossier_fees",
        kinds=("BillPaid",),
        hear=happenings.hear_payments,
        batch=happenings.PAYMENTS_AT_ONCE,
    ),
    *papers.listeners,
    *posting.listeners,
    *national.listeners,
)

schedule: tuple[Scheduled, ...] = (
    *deadlines.schedule,
    *homes.schedule,
    *counters.schedule,
    *posting.schedule,
    *statistics.schedule,
    *national.schedule,
)
