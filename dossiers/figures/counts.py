"""What was counted, and what figures it makes."""

from typing import Any, TypeVar

import msgspec

from dossiers.figures.models import DossierFigures

F = TypeVar("F", bound=DossierFigures)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of tallies, as the columns of `dossier_tally` have them; `carried`: what was not over before the span;
    `counter`, `online`, `post`: received over that channel; `able_online`: online, of those that could be."""

    key: str = ""
    carried: int = 0
    counter: int = 0
    online: int = 0
    post: int = 0
    able_online: int = 0
    received: int = 0
    able: int = 0
    accepted: int = 0
    digitised: int = 0
    resolved: int = 0
    early: int = 0
    on_time_first: int = 0
    on_time: int = 0
    refused: int = 0
    withdrawn: int = 0
    stopped: int = 0
    supplemented: int = 0
    results: int = 0
    results_electronic: int = 0
    measured: int = 0
    saved_days: int = 0
    satisfied: int = 0
    acceptable: int = 0
    unsatisfied: int = 0
    paid: int = 0
    paid_online: int = 0

    @property
    def left(self) -> int:
        """What is not over at the end."""
        return self.carried + self.received - self.resolved - self.refused - self.withdrawn - self.stopped

    @property
    def rated(self) -> int:
        """So many people said how it was."""
        return self.satisfied + self.acceptable + self.unsatisfied

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in _SUMMED})


_SUMMED = tuple(name for name in Counts.__struct_fields__ if name != "key")


def share(part: int, whole: int) -> float | None:
    """Between 0 and 1, to a hundredth of a percent; None of nothing."""
    return round(part / whole, 4) if whole else None


def figures_of(type_: type[F], counts: Counts, **others: Any) -> F:
    """The figures that counts make."""
    return type_(
        received=counts.received,
        received_counter=counts.counter,
        received_online=counts.online,
        received_post=counts.post,
        carried_over=counts.carried,
        accepted=counts.accepted,
        resolved=counts.resolved,
        early=counts.early,
        on_time_first=counts.on_time_first,
        late_first=counts.resolved - counts.on_time_first,
        on_time_second=counts.on_time,
        late_second=counts.resolved - counts.on_time,
        refused=counts.refused,
        withdrawn=counts.withdrawn,
        stopped=counts.stopped,
        supplements=counts.supplemented,
        left_open=counts.left,
        on_time_first_share=share(counts.on_time_first, counts.resolved),
        on_time_second_share=share(counts.on_time, counts.resolved),
        online_share=share(counts.online, counts.received),
        measured=counts.measured,
        saved_days=counts.saved_days,
        saved_days_mean=share(counts.saved_days, counts.measured),
        rated=counts.rated,
        satisfied=counts.satisfied,
        acceptable=counts.acceptable,
        unsatisfied=counts.unsatisfied,
        satisfied_share=share(counts.satisfied + counts.acceptable, counts.rated),
        fees_paid=counts.paid,
        fees_paid_online=counts.paid_online,
        online_payment_share=share(counts.paid_online, counts.paid),
        **others,
    )
