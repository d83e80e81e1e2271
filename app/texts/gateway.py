"""How the gateway of text messages is asked to send one: `PUT {HUONG_TEXT_URL}/messages/{reference}`.

It is an aggregator, who reaches every carrier from the city's brandname, and Zalo (ZNS) before that if a text has a
template. A reference is taken once: the same again is answered as before, so that an answer that was lost is asked
for by sending the same again, and nobody pays, or reads, twice."""

from time import monotonic

import msgspec
import structlog

from app import outside
from app.config import settings
from app.outside import NoAnswer, NobodyThere, Said
from app.texts.lengths import segments
from app.texts.models import BySms, ByZns, No, Order, Taken, Text, TextKind, TextOutcome
from app.texts.signatures import sign

log = structlog.get_logger()

NOBODY_THERE = "nobody there"
LONGEST_PEACE_S = 300.0
NOBODYS_NUMBER = {"invalid_number", "unknown_number", "landline"}
NOT_KNOWN_TO_THEM = {401, 403, 404}
"""They don't know us, or the address is wrong: our mistake, which says nothing about this text."""


_peace: dict[TextKind, float] = {}
"""Until when the gateway has asked this process to be left alone: with warnings, or with codes, which are few and for
which somebody waits. A warning to everybody holds no code up."""


def is_configured() -> bool:
    """Is there a gateway, and a key to sign with?"""
    here = settings()
    return here.text_url is not None and bool(here.text_key)


def forget_peace() -> None:
    """As if nobody had asked for any (tests)."""
    _peace.clear()


async def send(text: Text) -> TextOutcome:
    """Hand one over; may be repeated with the same reference. It raises nothing.

    After a Retry-After the gateway is not asked for so long (five minutes at most) to take one of this kind."""
    here = settings()
    if not is_configured():
        return TextOutcome("again", "no gateway is configured")
    if (left_s := _peace.get(text.kind, 0.0) - monotonic()) > 0:
        return TextOutcome("again", "they asked to be left alone", after_s=left_s)
    body = msgspec.json.encode(_order(text, here.text_brand))
    headers = {"content-type": "application/json", **sign(here.text_key, str(text.reference), body)}
    url = f"{here.text_url}/messages/{text.reference}"
    try:
        return _read(await outside.ask("PUT", url, headers=headers, content=body))
    except NobodyThere:
        return TextOutcome("again", NOBODY_THERE)
    except NoAnswer as silence:
        if silence.after_s is not None:
            _peace[text.kind] = monotonic() + min(silence.after_s, LONGEST_PEACE_S)
        return TextOutcome("again", str(silence), after_s=silence.after_s)


def _order(text: Text, brand: str) -> Order:
    sms = BySms(brand, text.words, segments(text.words))
    channels: list[ByZns | BySms] = [ByZns(text.kind, text.fields), sms] if text.fields else [sms]
    return Order(text.reference, text.to, text.kind, text.expires_at, channels)


def _read(said: Said) -> TextOutcome:
    """Raises NoAnswer."""
    if 200 <= said.status < 300:
        return TextOutcome("accepted", name=said.read(Taken).message_id)
    if said.status in NOT_KNOWN_TO_THEM or said.status < 400:
        log.error("the gateway of texts does not know us", status=said.status)
        raise NoAnswer(f"answered {said.status}")
    error = said.read(No).error
    return TextOutcome("gone" if error in NOBODYS_NUMBER else "refused", error)
