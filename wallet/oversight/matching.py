"""Their lines against ours. Pure: the same lines give the same result, whatever their order."""

import re
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import msgspec

from wallet.oversight.models import DifferenceKind, Side
from wallet.oversight.statement_files import Line

_NEITHER = re.compile(r"[\W_]+")


class Ours(msgspec.Struct, frozen=True):
    """A movement in our books. `names`: what the other side may call it; `of_day`: it is of the day itself, and not
    of the hours around it, where their clock and ours may disagree on which day it was."""

    id: UUID
    names: list[str]
    side: Side
    amount: int
    detail: str | None
    of_day: bool


class Differing(msgspec.Struct, frozen=True):
    """What does not agree. `line`, `their_amount`: of the file; `our_id`, `our_amount`: of our books."""

    kind: DifferenceKind
    side: Side
    reference: str
    line: int | None
    our_id: UUID | None
    their_amount: int | None
    our_amount: int | None
    detail: str | None


class Compared(msgspec.Struct, frozen=True):
    """How many lines agree, and what does not, in the order of the file."""

    matched: int
    differing: list[Differing]

    def count(self, kind: DifferenceKind) -> int:
        """How many differences are of this kind."""
        return sum(found.kind == kind for found in self.differing)


def compare(theirs: Sequence[Line], ours: Sequence[Ours]) -> Compared:
    """Each line of theirs is matched with at most one of ours: of the same side and reference, first those of the
    same amount. A second line with the reference of a first one is `missing_here`: they have it twice, we once."""
    by_key: dict[tuple[Side, str], list[Ours]] = defaultdict(list)
    for movement in sorted(ours, key=lambda movement: (not movement.of_day, movement.id.int)):
        for key in {_plain(key) for key in movement.names}:
            by_key[movement.side, key].append(movement)
    taken: set[UUID] = set()
    pairs: dict[int, Ours] = {}
    for same_amount in (True, False):
        for nth, line in enumerate(theirs):
            if nth not in pairs:
                for movement in by_key.get((line.side, _plain(line.reference)), ()):
                    if movement.id not in taken and (movement.amount == line.amount or not same_amount):
                        pairs[nth] = movement
                        taken.add(movement.id)
                        break
    found = [_of_theirs(line, pairs.get(nth)) for nth, line in enumerate(theirs)]
    left = [movement for movement in ours if movement.of_day and movement.id not in taken]
    differing = [one for one in found if one is not None]
    differing += [_of_ours(movement) for movement in sorted(left, key=lambda movement: movement.id.int)]
    return Compared(found.count(None), differing)


def _plain(reference: str) -> str:
    """Banks upper-case what they were told, and drop what is neither a letter nor a digit."""
    return _NEITHER.sub("", reference).casefold()


def _of_theirs(line: Line, ours: Ours | None) -> Differing | None:
    if ours is None:
        return Differing("missing_here", line.side, line.reference, line.number, None, line.amount, None, line.detail)
    if ours.amount == line.amount:
        return None
    return Differing(
        "amount_differs", line.side, line.reference, line.number, ours.id, line.amount, ours.amount, line.detail
    )


def _of_ours(ours: Ours) -> Differing:
    return Differing("missing_there", ours.side, ours.names[-1], None, ours.id, None, ours.amount, ours.detail)
