"""What field reports do on others' news, and by the clock."""

from app.jobs import Listener, Scheduled
from feedback import fines

listeners: tuple[Listener, ...] = (
    Listener(name="fines", kinds=("BillPaid",), hear=fines.hear_payments, batch=fines.PAYMENTS_AT_ONCE),
)

schedule: tuple[Scheduled, ...] = (Scheduled(name="renew_late_fines", every_s=3600, errand=fines.renew_late),)
