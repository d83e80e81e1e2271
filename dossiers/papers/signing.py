"""Where results are drawn and signed: in a process of their own. A signature takes a fifth of a second of a
processor, and whoever waits for the loop would wait for that too."""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from functools import cache

import msgspec

from app import clock
from app.config import settings
from dossiers.papers.models import ResultFacts, ResultSignature, SignatureRole


class NotSigned(Exception):
    """It could not be signed now; the text holds nothing of what it says."""


class Signatory(msgspec.Struct, frozen=True):
    """Who signs: a leader by their name, or the seal of an agency. `credential`: what a signing service calls it."""

    role: SignatureRole
    name: str
    organisation: str
    credential: str


class ToSign(msgspec.Struct, frozen=True, kw_only=True):
    """A result and who signs it, in this order; and what a process needs to know that has nothing of ours."""

    facts: ResultFacts
    signatories: list[Signatory]
    signer_url: str | None
    signer_key: str
    timestamp_url: str | None
    offset: timedelta


class Signed(msgspec.Struct, frozen=True):
    """The file, and what stands on it."""

    pdf: bytes
    signatures: list[ResultSignature]


async def draw_and_sign(facts: ResultFacts, signatories: list[Signatory]) -> Signed:
    """The result, signed by each, one after the other; raises NotSigned if the signing service or the timestamp
    authority does not answer, or answers wrongly."""
    city = settings()
    wish = ToSign(
        facts=facts,
        signatories=signatories,
        signer_url=city.signer_url,
        signer_key=city.signer_key,
        timestamp_url=city.timestamp_url,
        offset=clock.offset(),
    )
    try:
        return await asyncio.get_running_loop().run_in_executor(_processes(), _signed_there, wish)
    except BrokenProcessPool:
        _processes.cache_clear()  # it was killed: the next one gets another
        raise NotSigned("the signing process has ended") from None


@cache
def _processes() -> ProcessPoolExecutor:
    """One, begun anew and not forked: what this process holds open is none of its business."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin_there)


def _begin_there() -> None:
    """It ends with whoever began it, also when that one was killed and could say nothing."""
    # It tells at length that it does not know whom to trust: that is for whoever reads the file to know.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _signed_there(wish: ToSign) -> Signed:
    from dossiers.papers import pades  # 40 MB that only this process needs

    clock.set_offset(wish.offset)
    return asyncio.run(pades.draw_and_sign(wish))
