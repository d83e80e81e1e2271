"""The national portal is told how a dossier goes, each thing once and in order.

First the dossier as it is accepted (`DongBoHoSoMC`, not updating), then each later step (`CapNhatTienDoHoSoMC`), and
after them the dossier again if more of it changed than where it is. What was taken is written down after each answer:
whoever goes on, goes on there. A message whose answer was lost is sent again, and the portal knows it by its key:
a dossier by its code, a step by code and second, of which no two steps of a dossier have the same.

One errand per dossier is under way (the queue's ordering key), whoever asked for it: news, the sweep, a person."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from app import outbox
from app.config import settings
from app.db import Connection, Database, one, queries_beside
from app.jobs import News
from app.observe import NATIONAL_OUT_OF_STEP
from app.outside import NoAnswer
from dossiers.events import DossierOutOfStep
from dossiers.models import ApplicantKind, DeliverBy, PaymentState
from dossiers.national import portal, wire
from dossiers.national.wire import (
    DossierOnWire,
    FeeOnWire,
    PaperOnWire,
    PortalReply,
    Progress,
    ResultOnWire,
    StepOnWire,
    SupplementOnWire,
    Sync,
    Truth,
)
from dossiers.procedures import versions
from dossiers.procedures.definitions import Channel, Definition

sql = queries_beside(__file__)

MOST_KEPT = 100
"""Of a dossier's messages."""
MOST_SWEPT = 200
RETURNED: dict[DeliverBy, str] = {
    "electronic": "Bản điện tử",
    "counter": "Nhận tại quầy",
    "post": "Bưu chính công ích",
}


class _Paper(msgspec.Struct, frozen=True):
    code: str
    name: str
    kind: int
    copies: int


class _Supplement(msgspec.Struct, frozen=True):
    id: UUID
    words: str
    asked_at: datetime
    given_at: datetime | None


class _Result(msgspec.Struct, frozen=True):
    code: str
    name: str
    number: str


class _Step(msgspec.Struct, frozen=True):
    version: int
    by: str
    actor: str | None
    department: str | None
    words: str
    status: int | None
    due_at: datetime | None
    made_at: list[datetime]
    """Of each step until this one."""


class _ToTell(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    own_code: str | None
    procedure_code: str
    procedure_version: int
    case_code: str
    procedure_vi: str
    field_code: str
    channel: Channel
    applicant_kind: ApplicantKind
    applicant_name: str
    applicant_number: str | None
    applicant_email: str | None
    applicant_phone: str | None
    accepted_at: datetime | None
    due_at: datetime | None
    national_status: int
    finished_at: datetime | None
    returned_at: datetime | None
    deliver_by: DeliverBy
    tracking_number: str | None
    payment_state: PaymentState
    fee_amount: int
    agency_name: str
    taken_version: int
    taken_digest: bytes | None
    papers: list[_Paper]
    supplements: list[_Supplement]
    results: list[_Result]
    step: _Step | None


class _Message(msgspec.Struct, frozen=True):
    """What is sent next; `after`: what the portal has taken before it, `digest`: of the dossier in it."""

    kind: Literal["new", "step", "changed"]
    version: int
    after: int
    said: Sync | Progress
    digest: bytes | None = None


async def tell(database: Database, news: News) -> None:
    """DossierMoved, DossierOutOfStep: the portal takes what it has not taken yet. Raises NoAnswer; what the portal
    refuses is kept for a person to look at."""
    if settings().national_url is None:
        return
    dossier_id = UUID(news.data["dossier_id"])
    async with database.acquire() as db:
        if await db.fetchval(sql.begin_telling, dossier_id) is None:
            return
    while (message := await _next(database, dossier_id)) is not None:
        if not await _send(database, dossier_id, message):
            return


async def _next(database: Database, dossier_id: UUID) -> _Message | None:
    """What the portal is told next; None: it knows all, which is written down."""
    async with database.transaction() as db:
        dossier = await one(_ToTell, db, sql.dossier_to_tell, dossier_id)
        definition = await versions.pinned(db, dossier.procedure_code, dossier.procedure_version)
        message = _message(dossier, definition)
        if message is None:
            await db.execute(sql.mark_in_step, dossier_id)
        return message


def _message(dossier: _ToTell, definition: Definition) -> _Message | None:
    step, after = dossier.step, dossier.taken_version
    if after == 0:
        if step is None:
            return None
        return _sync("new", "False", dossier, definition, step.version, step.status or dossier.national_status)
    if step is not None:
        return _Message("step", step.version, after, Progress(data=[_step(dossier, step)]))
    whole = _sync("changed", "True", dossier, definition, after, dossier.national_status)
    return None if whole.digest == dossier.taken_digest else whole


def _sync(
    kind: Literal["new", "changed"],
    is_updating: Truth,
    dossier: _ToTell,
    definition: Definition,
    version: int,
    status: int,
) -> _Message:
    whole = _whole(dossier, definition, status)
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(whole, status="1"))).digest()
    return _Message(kind, version, dossier.taken_version, Sync(is_updating=is_updating, data=[whole]), digest)


def _whole(dossier: _ToTell, definition: Definition, status: int) -> DossierOnWire:
    return DossierOnWire(
        code=dossier.code,
        procedure=dossier.procedure_code,
        procedure_name=dossier.procedure_vi,
        field_code=dossier.field_code,
        applicant_name=dossier.applicant_name,
        applicant_kind=wire.APPLICANTS[dossier.applicant_kind],
        applicant_number=dossier.applicant_number or "",
        applicant_email=dossier.applicant_email or "",
        applicant_phone=dossier.applicant_phone or "",
        summary=f"{dossier.procedure_vi} - {dossier.applicant_name}",
        accepted_at=wire.stamp(dossier.accepted_at),
        due_at=wire.stamp(dossier.due_at),
        status=_status(status),
        returned_at=wire.stamp(dossier.returned_at),
        returned_how=_returned_how(dossier),
        channel=wire.CHANNELS[dossier.channel],
        finished_at=wire.stamp(dossier.finished_at),
        agency=dossier.agency_name,
        note=f"Mã hồ sơ tại Huế: {dossier.own_code}" if dossier.own_code else "",
        papers=[_paper(paper) for paper in dossier.papers],
        fees=_fees(dossier, definition),
        supplements=[
            SupplementOnWire(
                id=str(one.id), words=one.words, asked_at=wire.stamp(one.asked_at), given_at=wire.stamp(one.given_at)
            )
            for one in dossier.supplements
        ],
        results=[
            ResultOnWire(name=one.name, code=one.code, number=one.number, url=f"{settings().public_url}/v/{one.code}")
            for one in dossier.results
        ],
    )


def _status(number: int) -> wire.Status:
    return msgspec.convert(str(number), wire.Status)


def _returned_how(dossier: _ToTell) -> str:
    if dossier.returned_at is None:
        return ""
    return " ".join(filter(None, (RETURNED[dossier.deliver_by], dossier.tracking_number)))


def _paper(paper: _Paper) -> PaperOnWire:
    kind: Any = str(paper.kind)
    return PaperOnWire(code=paper.code, name=paper.name, kind=kind, copies=str(paper.copies))


def _fees(dossier: _ToTell, definition: Definition) -> list[FeeOnWire]:
    if dossier.payment_state in {"none", "dropped"}:
        return []
    term = definition.term(dossier.case_code, dossier.channel)
    return [
        FeeOnWire(
            name=f"Phí, lệ phí: {dossier.procedure_vi}",
            collected=wire.FEE_COLLECTED[term.fee_at if term else "acceptance"],
            amount=str(dossier.fee_amount),
            paid="True" if dossier.payment_state == "paid" else "False",
        )
    ]


def _step(dossier: _ToTell, step: _Step) -> StepOnWire:
    match step.by:
        case "applicant":
            actor = dossier.applicant_name
        case "portal":
            actor = "Cổng Dịch vụ công quốc gia"
        case "city":
            actor = "Hệ thống"
        case _:
            actor = step.actor or ""
    began_at = step.made_at[-2] if len(step.made_at) > 1 else step.made_at[-1]
    return StepOnWire(
        code=dossier.code,
        actor=actor,
        position="",
        done_at=wire.stamp(second_of(step.made_at)),
        department=step.department or "",
        words=step.words,
        status=_status(step.status or dossier.national_status),
        started_at=wire.stamp(began_at),
        due_at=wire.stamp(step.due_at),
    )


def second_of(made_at: list[datetime]) -> datetime:
    """When the last of a dossier's steps is told to have been, given when each was (at least one, in order): the
    second in which it was made, or the first one after those of the steps before it."""
    told = made_at[0].replace(microsecond=0)
    for made in made_at[1:]:
        told = max(made.replace(microsecond=0), told + timedelta(seconds=1))
    return told


async def _send(database: Database, dossier_id: UUID, message: _Message) -> bool:
    """Has the portal taken it? Raises NoAnswer."""
    kind = wire.PROGRESS if message.kind == "step" else wire.SYNC
    try:
        reply = await portal.send(kind, wire.encode(message.said))
    except NoAnswer as silence:
        async with database.transaction() as db:
            await db.execute(sql.mark_silent, dossier_id, str(silence)[:300])
            await _log(db, dossier_id, message, None, str(silence))
        raise
    async with database.transaction() as db:
        await _log(db, dossier_id, message, str(reply.error_code), reply.message)
        if reply.taken:
            await db.execute(sql.mark_taken, dossier_id, message.version, message.digest, message.after)
        else:
            await _keep_refusal(db, dossier_id, message, reply)
    return reply.taken


async def _keep_refusal(db: Connection, dossier_id: UUID, message: _Message, reply: PortalReply) -> None:
    code = _printable(str(reply.error_code))[:40] or "?"
    await db.execute(sql.mark_refused, dossier_id, code, _printable(reply.message), message.after)


async def _log(db: Connection, dossier_id: UUID, message: _Message, error_code: str | None, answer: str) -> None:
    said = error_code and _printable(error_code)
    await db.execute(sql.log_message, dossier_id, message.kind, message.version, said, _printable(answer), MOST_KEPT)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:300]


async def sweep(db: Connection) -> None:
    """By the clock: what changed without the portal hearing of it, though nobody is at it, is sent."""
    if settings().national_url is None:
        return
    for row in await db.fetch(sql.find_out_of_step, MOST_SWEPT):
        await outbox.record(db, DossierOutOfStep(dossier_id=row["dossier_id"]))


async def measure(db: Connection) -> None:
    """How many dossiers the portal knows otherwise than we do."""
    NATIONAL_OUT_OF_STEP.set(await db.fetchval(sql.out_of_step_count))
