"""What dossiers do on others' news, and by the clock."""

from app.jobs import Listener, Scheduled
from dossiers import deadlines, happenings, homes
from dossiers.papers import listeners as papers

listeners: tuple[Listener, ...] = (
    Listener(
        name="dossier_fees",
        kinds=("BillPaid",),
        hear=happenings.hear_payments,
        batch=happenings.PAYMENTS_AT_ONCE,
    ),
    *papers.listeners,
)

schedule: tuple[Scheduled, ...] = (*deadlines.schedule, *homes.schedule)
