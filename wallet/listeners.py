"""What the wallet does after a commit, and by the clock."""

from app.jobs import Listener, Scheduled
from wallet import holds

listeners: tuple[Listener, ...] = ()

schedule: tuple[Scheduled, ...] = (Scheduled(name="expire_holds", every_s=30, run=holds.expire_due),)
