"""Warnings as text messages, for phones without the app, or without data when the storm has taken the masts.

Only what is critical goes by text: the carriers' networks are for everybody, and an advertisement or a receipt by SMS
teaches people to overlook the one that matters (Decree 91/2020/NĐ-CP). No address is written into it: whoever forges
a warning wants people to open one, so that the city's have none."""

import asyncio
from collections.abc import Sequence

from app.texts import gateway
from app.texts.lengths import cut, thrifty
from app.texts.models import Text
from notifications.transports.face import NO_PLACE, PLACE_WITHIN_S, Outcome, Push, has_place

AT_ONCE = 16
MOST_SEGMENTS = 3


class Texts:
    """Carries `phone` pushes to the gateway. `delivery_id` is the text's reference: sent again, it goes out once."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._room = asyncio.Semaphore(at_once)

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """Hand them over, a few side by side; `accepted` says that the gateway has it (see `TextReported`)."""
        until = asyncio.get_running_loop().time() + PLACE_WITHIN_S
        return list(await asyncio.gather(*(self._send(push, until) for push in pushes)))

    async def close(self) -> None:
        """Nothing is held."""

    async def _send(self, push: Push, until: float) -> Outcome:
        if push.target_kind != "phone":
            return Outcome("refused", "no phone number")
        if push.lane != "critical":
            return Outcome("refused", "only warnings go by text")
        if not await has_place(self._room, until):
            return NO_PLACE
        try:
            said = await gateway.send(_text(push))
        finally:
            self._room.release()
        return Outcome(said.kind, said.why, said.after_s, said.name)


def _text(push: Push) -> Text:
    return Text(
        reference=push.delivery_id,
        to=push.target,
        kind="critical",
        words=words(push.title, push.body),
        expires_at=push.expires_at,
    )


def words(title: str, body: str) -> str:
    """Title and body in three segments at most; without diacritics if that makes it shorter, or lets more be said."""
    whole = f"{title.strip()}\n{body.strip()}".strip()
    return cut(thrifty(whole), MOST_SEGMENTS)
