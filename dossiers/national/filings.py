"""The national portal files dossiers with us, each under its own code: the same again is the same, other words under
a known code correct it until it is accepted. One that cannot be taken does not keep the others from it."""

from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from app import guarded, outbox
from app.db import Connection, maybe, queries_beside
from app.errors import Language, Refusal, refusal_of
from app.guarded import NotReached
from app.identity.models import Principal
from app.types import BadPhone, new_id, phone
from dossiers import deadlines, filing, steps
from dossiers.events import NationalPaperLinked
from dossiers.filing import PortalDossier
from dossiers.models import ApplicantKind
from dossiers.national.models import FiledAtPortal, FileFromPortal, PortalFiling, PortalFilings
from dossiers.procedures import versions
from dossiers.procedures.definitions import Definition, Told
from dossiers.procedures.form_check import check_form
from dossiers.steps import SUBMITTED, Step
from dossiers.stored_papers import UnknownPaper

sql = queries_beside(__file__)

KINDS: dict[str, ApplicantKind] = {"1": "person", "2": "organisation"}
CORRECTED = Told("Cổng Dịch vụ công quốc gia cập nhật hồ sơ", "Corrected at the National Public Service Portal")
TAKEN: dict[Language, str] = {"vi": "Đã nhận", "en": "Taken"}


class PortalDossierAccepted(Refusal):
    """Hồ sơ này đã được tiếp nhận hoặc đã kết thúc nên không cập nhật được nữa.

    This dossier is accepted or has ended, and can be changed no more."""


class PortalDossierElsewhere(Refusal):
    """Mã hồ sơ này đã dùng cho thủ tục hoặc cơ quan khác.

    This code is that of another procedure's dossier, or of another agency's."""


class UnknownNationalAgency(Refusal):
    """Huế không có cơ quan mã "{code}".

    The city has no agency of the code "{code}"."""

    status = 400


class PaperLinkRefused(Refusal):
    """Đường dẫn tệp của giấy tờ "{paper}" không dùng được: chỉ nhận https tới máy chủ công khai trên Internet.

    The address of the paper "{paper}" cannot be used: only https to a public address on the Internet is."""

    status = 400


class _Kept(msgspec.Struct, frozen=True):
    dossier_id: UUID
    content_hash: bytes


class _Wanted(NamedTuple):
    wanted: FiledAtPortal
    content: bytes
    agency: str
    phone: str | None


async def take(db: Connection, me: Principal, wanted: FileFromPortal, language: Language) -> PortalFilings:
    """Take what can be taken, and say of each what became of it."""
    done: dict[int, PortalFiling] = {}
    # In one order for everybody, so that two messages never wait for each other.
    for place, one in sorted(enumerate(wanted.data), key=lambda pair: (pair[1].code, pair[0])):
        done[place] = await _take_one(db, me, one, language)
    return PortalFilings(data=[done[place] for place in range(len(wanted.data))])


async def _take_one(db: Connection, me: Principal, wanted: FiledAtPortal, language: Language) -> PortalFiling:
    try:
        async with db.transaction():
            await _take(db, me, wanted, language)
    except Exception as problem:
        refusal = refusal_of(problem)
        if refusal is None or refusal.status >= 500:
            raise
        accepted = isinstance(refusal, PortalDossierAccepted)
        return PortalFiling(error_code="2" if accepted else "1", message=refusal.words(language), code=wanted.code)
    return PortalFiling(error_code="0", message=TAKEN[language], code=wanted.code)


async def _take(db: Connection, me: Principal, wanted: FiledAtPortal, language: Language) -> None:
    await db.execute(sql.take_filing_turn, wanted.code)
    content = steps.request_hash(wanted)
    kept = await maybe(_Kept, db, sql.filing, wanted.code)
    if kept is not None and kept.content_hash == content:
        return
    agency: str | None = await db.fetchval(sql.agency_by_national_code, wanted.agency)
    if agency is None:
        raise UnknownNationalAgency(code=wanted.agency)
    asked = _Wanted(wanted, content, agency, _mobile(wanted.phone))
    if kept is None:
        await _file(db, me, asked)
    else:
        await _correct(db, me, kept.dossier_id, asked, language)


def _mobile(text: str | None) -> str | None:
    """The number, if it is a mobile one: nobody's dossier is refused because they have another telephone."""
    try:
        return phone(text) if text else None
    except BadPhone:
        return None


async def _file(db: Connection, me: Principal, asked: _Wanted) -> None:
    wanted = asked.wanted
    pinned = await versions.current(db, wanted.procedure)
    _check_papers(pinned.definition, wanted.case or pinned.definition.cases[0].code, wanted)
    dossier_id = await filing.from_portal(
        db,
        PortalDossier(
            portal_code=wanted.code,
            procedure_code=wanted.procedure,
            case_code=wanted.case,
            agency_code=asked.agency,
            applicant_kind=KINDS[wanted.applicant_kind],
            applicant_name=wanted.applicant_name,
            applicant_number=wanted.applicant_number,
            applicant_phone=asked.phone,
            applicant_email=wanted.email,
            form=wanted.form,
            deliver_by=wanted.deliver_by,
            address=wanted.address,
            owner_id=await db.fetchval(sql.resident_by_phone, asked.phone) if asked.phone else None,
            filed_by=me.id,
        ),
    )
    await db.execute(sql.keep_filing, wanted.code, dossier_id, asked.content)
    await _link(db, me, dossier_id, wanted)


async def _correct(db: Connection, me: Principal, dossier_id: UUID, asked: _Wanted, language: Language) -> None:
    """What it says now; if papers were asked for, this is the answer to that."""
    wanted, dossier = asked.wanted, await steps.lock(db, dossier_id)
    if dossier.state not in {"submitted", "incomplete"}:
        raise PortalDossierAccepted
    case = wanted.case or dossier.case_code
    if (wanted.procedure, asked.agency, case) != (dossier.procedure_code, dossier.agency_code, dossier.case_code):
        raise PortalDossierElsewhere
    definition = await steps.definition_of(db, dossier)
    kind = KINDS[wanted.applicant_kind]
    if kind == "organisation" and not definition.for_organisations:
        raise filing.NoOrganisations
    if wanted.deliver_by == "post" and not wanted.address:
        raise filing.AddressNeeded
    if wanted.deliver_by == "electronic" and not definition.result.electronic:
        raise filing.DeliveryRefused
    _check_papers(definition, case, wanted)
    check_form(definition, wanted.form, language)
    await db.execute(
        sql.correct_filing,
        dossier_id,
        kind,
        wanted.applicant_name,
        wanted.applicant_number,
        asked.phone,
        wanted.email,
        wanted.form,
        wanted.deliver_by,
        wanted.address,
    )
    await db.execute(sql.keep_filing, wanted.code, dossier_id, asked.content)
    step = Step(code="portal_corrected", name=CORRECTED, happened="supplemented", actor=me, by="portal")
    if dossier.state == "incomplete":
        supplement = await db.fetchrow(steps.sql.open_supplement, dossier_id)
        if supplement is not None:
            await db.execute(steps.sql.give_supplement, supplement["id"], new_id(), None)
        await steps.move(db, dossier, SUBMITTED, step, step_due_at=await deadlines.of_look(db))
    else:
        await steps.note_down(db, dossier, msgspec.structs.replace(step, happened="moved", told=False))
    await _link(db, me, dossier_id, wanted)


def _check_papers(definition: Definition, case: str, wanted: FiledAtPortal) -> None:
    """What is there is not looked at yet. Raises UnknownPaper, PaperLinkRefused."""
    known = {paper.code for paper in definition.papers_of(case)}
    for paper in wanted.papers:
        if paper.code not in known:
            raise UnknownPaper(paper=paper.code)
        try:
            guarded.read(paper.url, anywhere=False)
        except NotReached:
            raise PaperLinkRefused(paper=paper.code) from None


async def _link(db: Connection, me: Principal, dossier_id: UUID, wanted: FiledAtPortal) -> None:
    for paper in wanted.papers:
        linked = NationalPaperLinked(
            dossier_id=dossier_id,
            machine_id=me.id,
            upload_id=uuid5(NAMESPACE_URL, f"urn:huong:portal:{wanted.code}:{paper.code}:{paper.url}"),
            paper=paper.code,
            url=paper.url,
        )
        await outbox.record(db, linked)
