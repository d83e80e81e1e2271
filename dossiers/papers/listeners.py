"""What papers do on dossiers' news."""

from app.jobs import Listener
from dossiers.papers import results

listeners: tuple[Listener, ...] = (
    Listener(name="dossier_results", kinds=("ResultIssued",), errand=results.sign, batch=results.AT_ONCE),
)
