"""What goes to and comes from the national portal after the commit, and by the clock."""

from app.jobs import Listener, Scheduled
from dossiers.national import linked_papers, telling

listeners: tuple[Listener, ...] = (
    Listener(
        name="national",
        kinds=("DossierMoved", "DossierOutOfStep"),
        errand=telling.tell,
        batch=4,
        ordering_field="dossier_id",
    ),
    Listener(
        name="national_papers",
        kinds=("NationalPaperLinked",),
        errand=linked_papers.fetch,
        batch=linked_papers.AT_ONCE,
    ),
)

schedule: tuple[Scheduled, ...] = (Scheduled(name="tell_the_portal", every_s=600, run=telling.sweep),)
