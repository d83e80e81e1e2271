"""What goes to the post after the commit, and by the clock."""

from app.jobs import Listener, Scheduled
from dossiers.posting import parcels

listeners: tuple[Listener, ...] = (
    Listener(name="posting", kinds=("ResultToBePosted",), errand=parcels.hand_over, batch=parcels.AT_ONCE),
)

schedule: tuple[Scheduled, ...] = (
    Scheduled(name="ask_about_parcels", every_s=3600, errand=parcels.ask_about_silent),
)
