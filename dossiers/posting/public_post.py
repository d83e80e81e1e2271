"""How the public post is asked: to fetch a parcel, and where one is. Both may be asked again without harm."""

from uuid import UUID

import msgspec

from app import outside
from app.config import settings
from app.outside import NoAnswer, Said
from dossiers.posting.models import HandedOver, Parcel, Whereabouts
from dossiers.posting.signatures import sign


class PostRefused(Exception):
    """The post does not take this parcel, or knows no such one; its text holds nothing of what was sent."""


async def hand_over(dossier_id: UUID, parcel: Parcel) -> str:
    """Have a parcel fetched, under the dossier's id: the same again is the same. The tracking number.

    Raises NoAnswer, PostRefused."""
    said = await _ask("PUT", dossier_id, msgspec.json.encode(parcel))
    return said.read(HandedOver).tracking_number


async def whereabouts(dossier_id: UUID) -> Whereabouts:
    """Where a parcel is; raises NoAnswer, PostRefused."""
    return (await _ask("GET", dossier_id)).read(Whereabouts)


async def _ask(method: str, dossier_id: UUID, body: bytes = b"") -> Said:
    here = settings()
    if here.post_url is None:
        raise NoAnswer("no public post is configured")
    url = f"{here.post_url}/parcels/{dossier_id}"
    headers = sign(here.post_secret, method, url, body)
    if body:
        headers["content-type"] = "application/json"
    said = await outside.ask(method, url, headers=headers, content=body)
    if said.status >= 400:
        raise PostRefused(f"answered {said.status}")
    if said.status >= 300:
        raise NoAnswer(f"answered {said.status}")
    return said
