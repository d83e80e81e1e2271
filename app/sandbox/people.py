"""Who can be chosen at the stand-ins' doors: the people of the seed, or anybody by a name."""

from datetime import date
from typing import Literal

import msgspec

from app.identity.seed import MERCHANT_OWNERS, RESIDENTS, STAFF, STAFF_EMAILS, subject_of

ProviderName = Literal["citizen", "staff"]

NEW = "new:"
_LONGEST_NAME = 100


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as an identity provider knows them. `hint` is what stands for them in `login_hint`."""

    hint: str
    subject: str
    name: str
    phone: str | None = None
    email: str | None = None
    born_on: date | None = None


def known_to(provider: ProviderName) -> tuple[Person, ...]:
    """The seed's people whom this provider knows."""
    return _CITIZENS if provider == "citizen" else _STAFF


def person_by(provider: ProviderName, hint: str) -> Person | None:
    """The person of a `login_hint`: a phone (citizens), an e-mail (staff), or `new:` and a name; None: nobody.

    The same new name is always the same person. A new member of staff has the name as e-mail if it is one."""
    if hint.startswith(NEW):
        return _anybody(provider, hint.removeprefix(NEW).strip())
    return next((person for person in known_to(provider) if person.hint == hint), None)


def _anybody(provider: ProviderName, name: str) -> Person | None:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        return None
    hint = f"{NEW}{name}"
    if provider == "citizen":
        return Person(hint=hint, subject=subject_of(provider, hint), name=name, born_on=date(1990, 2, 3))
    return Person(hint=hint, subject=subject_of(provider, hint), name=name, email=name if "@" in name else None)


_CITIZENS = tuple(
    Person(
        hint=phone,
        subject=subject_of("citizen", phone),
        name=name,
        phone=phone,
        born_on=date(1970 + 3 * n, 1 + n, 10 + n),
    )
    for n, (phone, name) in enumerate((*RESIDENTS, *MERCHANT_OWNERS))
)
_STAFF = tuple(
    Person(
        hint=STAFF_EMAILS[phone],
        subject=subject_of("staff", STAFF_EMAILS[phone]),
        name=name,
        email=STAFF_EMAILS[phone],
    )
    for phone, name, _, _ in STAFF
)
