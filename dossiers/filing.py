"""Filing: a resident's draft and its submission, a visitor's dossier written down by a clerk, one from the portal.

A dossier is filed under the version of the procedure that is published at that moment, and stays with it."""

import secrets
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from app.db import Connection, maybe, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.types import phone
from dossiers import acceptance, deadlines, delegations, showing, steps, stored_papers
from dossiers.models import (
    Applicant,
    ApplicantKind,
    DeliverBy,
    EventBy,
    FileDossier,
    FileForVisitor,
    MyDossier,
    StaffDossier,
)
from dossiers.procedures import versions
from dossiers.procedures.definitions import Channel, Definition, Term, Told
from dossiers.procedures.form_check import check_form
from dossiers.procedures.versions import Pinned
from dossiers.steps import SUBMITTED, Locked, Step

sql = queries_beside(__file__)

MOST_DRAFTS = 50
FILED = Told("Nộp hồ sơ", "Filed")


class DossierIdTaken(Refusal):
    """Mã này đã được dùng cho một hồ sơ khác; hãy tạo mã mới.

    This id is used for another dossier; make a new one."""


class DossierSubmitted(Refusal):
    """Hồ sơ này đã được nộp nên không sửa được nữa.

    This dossier was submitted already and can be changed no more."""


class TooManyDrafts(Refusal):
    """Bạn đang có {most} bản nháp; hãy nộp hoặc xóa bớt trước khi tạo thêm.

    You have {most} drafts already; submit or delete some first."""


class AgencyDoesNotReceive(Refusal):
    """Thủ tục này không nộp ở cơ quan đã chọn.

    This procedure is not received at the chosen agency."""

    status = 400


class AgencyMerged(Refusal):
    """Cơ quan này đã sáp nhập; hãy nộp tại {into}.

    This agency has been merged; file at {into}."""

    status = 400


class NotThisWay(Refusal):
    """Trường hợp này không nộp được qua hình thức đã chọn.

    This case cannot be filed this way."""

    status = 400


class UnknownCase(Refusal):
    """Thủ tục này không có trường hợp "{case}".

    This procedure has no case "{case}"."""

    status = 400


class NoOrganisations(Refusal):
    """Thủ tục này chỉ dành cho cá nhân.

    This procedure is for persons only."""

    status = 400


class AddressNeeded(Refusal):
    """Hãy cho địa chỉ để gửi kết quả qua bưu chính.

    Give an address to which the result is to be posted."""

    status = 400


class DeliveryRefused(Refusal):
    """Kết quả của thủ tục này là bản giấy; hãy chọn nhận tại quầy hoặc qua bưu chính.

    The result of this procedure is on paper; choose the counter or the post."""

    status = 400


class PortalDossier(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier as the national portal has it. `case_code` null: the procedure's first; `filed_by`: its machine."""

    portal_code: str
    procedure_code: str
    case_code: str | None
    agency_code: str
    applicant_kind: ApplicantKind
    applicant_name: str
    applicant_number: str | None
    applicant_phone: str | None
    applicant_email: str | None
    form: dict[str, Any]
    deliver_by: DeliverBy
    address: str | None
    owner_id: UUID | None
    filed_by: UUID | None = None


class _Agency(msgspec.Struct, frozen=True):
    level: str
    receives: bool
    merged_into: str | None
    is_ward: bool


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    """All that a new dossier's row holds."""

    id: UUID
    pinned: Pinned
    case: str
    channel: Channel
    agency: str
    level: str
    owner_id: UUID | None
    filed_by: UUID | None
    delegation_id: UUID | None
    applicant: Applicant | None
    form: dict[str, Any]
    deliver_by: DeliverBy
    address: str | None
    portal_code: str | None = None
    parent_id: UUID | None = None


# A resident files


async def file(
    db: Connection, me: Principal, dossier_id: UUID, wanted: FileDossier, language: Language
) -> tuple[MyDossier, bool]:
    """Keep a draft under the phone's id, or submit it; the same again is the same. True: it is new.

    A draft may be incomplete; what is submitted may not. Raises UnknownProcedure, UnknownCase, AgencyDoesNotReceive,
    AgencyMerged, NotThisWay, NoOrganisations, AddressNeeded, DeliveryRefused, FormInvalid, PaperMissing,
    DossierIdTaken, DossierSubmitted, TooManyDrafts, and what papers and delegations may not be."""
    await db.execute(sql.take_dossier_turn, str(dossier_id))
    before = await maybe(Locked, db, steps.sql.lock_dossier, dossier_id)
    if before is not None:
        if before.owner_id != me.id or before.filed_by != me.id:
            raise DossierIdTaken
        if before.state != "draft":
            if await steps.is_made(db, me, dossier_id, wanted):
                return await showing.mine(db, me, dossier_id, language), False
            raise DossierSubmitted
    elif await db.fetchval(sql.drafts_of, me.id) >= MOST_DRAFTS:
        raise TooManyDrafts(most=MOST_DRAFTS)
    made = await _of_mine(db, me, dossier_id, wanted)
    await _write(db, made, replaces=before is not None)
    await stored_papers.give(db, me, dossier_id, made.pinned.definition, made.case, wanted.papers)
    if wanted.submit:
        await _submit(db, me, made, wanted, language)
    return await showing.mine(db, me, dossier_id, language), before is None


async def _of_mine(db: Connection, me: Principal, dossier_id: UUID, wanted: FileDossier) -> _Made:
    pinned = await versions.current(db, wanted.procedure)
    agency = await _agency(db, pinned.definition, wanted.agency)
    applicant = wanted.applicant
    if wanted.delegation_id is not None:
        applicant = await delegations.applicant_of(db, me, wanted.delegation_id, applicant)
    elif applicant is None:
        applicant = await _myself(db, me)
    _check(pinned.definition, wanted.case, wanted.channel, applicant)
    return _Made(
        id=dossier_id,
        pinned=pinned,
        case=wanted.case,
        channel=wanted.channel,
        agency=wanted.agency,
        level=agency.level,
        owner_id=me.id,
        filed_by=me.id,
        delegation_id=wanted.delegation_id,
        applicant=applicant,
        form=wanted.form,
        deliver_by=wanted.deliver_by,
        address=wanted.address,
    )


async def _agency(db: Connection, definition: Definition, code: str) -> _Agency:
    agency = await maybe(_Agency, db, sql.agency_for_filing, code)
    if agency is not None and agency.merged_into is not None:
        raise AgencyMerged(into=agency.merged_into)
    if agency is None or not agency.receives:
        raise AgencyDoesNotReceive
    if code not in definition.agencies and not (definition.wards and agency.is_ward):
        raise AgencyDoesNotReceive
    return agency


async def _myself(db: Connection, me: Principal) -> Applicant | None:
    row = await db.fetchrow(sql.person, me.id)
    if row is None or row["name"] is None:
        return None
    return Applicant(kind="person", name=row["name"], phone=row["phone"])


def _check(definition: Definition, case: str, channel: Channel, applicant: Applicant | None) -> Term:
    if definition.case(case) is None:
        raise UnknownCase(case=case)
    term = definition.term(case, channel)
    if term is None or (channel == "online" and definition.online_level == "info"):
        raise NotThisWay
    if applicant is not None and applicant.kind == "organisation" and not definition.for_organisations:
        raise NoOrganisations
    return term


async def _write(db: Connection, made: _Made, *, replaces: bool) -> None:
    applicant, definition = made.applicant, made.pinned.definition
    if replaces:
        await db.execute(sql.clear_draft, made.id)
    await db.execute(
        sql.write_dossier,
        made.id,
        f"{secrets.randbelow(10_000):04}",
        made.pinned.code,
        made.pinned.version,
        definition.name.vi,
        definition.name.en,
        made.case,
        definition.field,
        made.channel,
        made.agency,
        made.level,
        made.parent_id,
        made.owner_id,
        made.filed_by,
        made.delegation_id,
        applicant.kind if applicant else "person",
        applicant and applicant.name,
        applicant and applicant.number,
        applicant and applicant.phone and phone(applicant.phone),
        applicant and applicant.email,
        made.form,
        made.deliver_by,
        made.address,
        made.portal_code,
    )


class ApplicantNeeded(Refusal):
    """Hãy cho biết họ tên người nộp hồ sơ.

    Say whose dossier this is."""

    status = 400


async def _submit(
    db: Connection,
    me: Principal | None,
    made: _Made,
    wanted: Any,
    language: Language,
    *,
    by: EventBy = "applicant",
) -> Locked:
    """What is complete goes to the agency's clerks."""
    definition = made.pinned.definition
    if made.applicant is None:
        raise ApplicantNeeded
    if made.deliver_by == "post" and not made.address:
        raise AddressNeeded
    if made.deliver_by == "electronic" and not definition.result.electronic:
        raise DeliveryRefused
    check_form(definition, made.form, language)
    if by != "portal":
        given_by = made.channel if by == "applicant" else "counter"
        await stored_papers.need_all(db, made.id, definition, made.case, given_by)
    draft = await steps.lock(db, made.id)
    await db.execute(sql.mark_submitted, made.id)
    step = Step(code="submitted", name=FILED, happened="submitted", actor=me, by=by, wanted=wanted)
    return await steps.move(db, draft, SUBMITTED, step, step_due_at=await deadlines.of_look(db))


async def drop_draft(db: Connection, me: Principal, dossier_id: UUID) -> None:
    """I do not go on with it. Raises NotFound, DossierSubmitted."""
    dossier = await steps.lock_mine(db, me, dossier_id)
    if dossier.state != "draft":
        raise DossierSubmitted
    await db.execute(sql.drop_draft, dossier_id)


# A clerk files for a visitor


async def file_for_visitor(
    db: Connection, me: Principal, dossier_id: UUID, wanted: FileForVisitor, language: Language
) -> tuple[StaffDossier, bool]:
    """Write down what a visitor hands in, and accept it at once unless told otherwise. True: it is new.

    Whoever is known by this very name and number sees it in the app. Raises what `file` does, and Forbidden."""
    await db.execute(sql.take_dossier_turn, str(dossier_id))
    before = await maybe(Locked, db, steps.sql.lock_dossier, dossier_id)
    if before is not None:
        if not await steps.is_made(db, me, dossier_id, wanted):
            raise DossierIdTaken
        return await showing.staff(db, me, dossier_id, language), False
    if wanted.agency not in me.agencies_as("clerk"):
        raise NotFound
    pinned = await versions.current(db, wanted.procedure)
    agency = await _agency(db, pinned.definition, wanted.agency)
    _check(pinned.definition, wanted.case, wanted.channel, wanted.applicant)
    number = phone(wanted.applicant.phone) if wanted.applicant.phone else None
    owner_id: UUID | None = await db.fetchval(sql.resident_by_name, number, wanted.applicant.name) if number else None
    made = _Made(
        id=dossier_id,
        pinned=pinned,
        case=wanted.case,
        channel=wanted.channel,
        agency=wanted.agency,
        level=agency.level,
        owner_id=owner_id,
        filed_by=me.id,
        delegation_id=None,
        applicant=wanted.applicant,
        form=wanted.form,
        deliver_by=wanted.deliver_by,
        address=wanted.address,
    )
    await _write(db, made, replaces=False)
    await stored_papers.hand_in(db, me, owner_id, dossier_id, pinned.definition, wanted.case, wanted.papers)
    submitted = await _submit(db, me, made, wanted, language, by="staff")
    if wanted.accept:
        await acceptance.take_in(db, me, submitted, note=None)
    return await showing.staff(db, me, dossier_id, language), True


# From elsewhere


async def from_portal(db: Connection, wanted: PortalDossier) -> UUID:
    """A dossier that was filed at the national portal: the same code again is the same dossier. Returns its id.

    Its papers come afterwards. Raises what `file` does, but for what concerns papers."""
    dossier_id = uuid5(NAMESPACE_URL, f"urn:huong:portal:{wanted.portal_code}")
    await db.execute(sql.take_dossier_turn, str(dossier_id))
    if await db.fetchval(sql.is_there, dossier_id):
        return dossier_id
    pinned = await versions.current(db, wanted.procedure_code)
    agency = await _agency(db, pinned.definition, wanted.agency_code)
    case = wanted.case_code or pinned.definition.cases[0].code
    applicant = Applicant(
        kind=wanted.applicant_kind,
        name=wanted.applicant_name,
        number=wanted.applicant_number,
        phone=wanted.applicant_phone,
        email=wanted.applicant_email,
    )
    _check(pinned.definition, case, "online", applicant)
    made = _Made(
        id=dossier_id,
        pinned=pinned,
        case=case,
        channel="online",
        agency=wanted.agency_code,
        level=agency.level,
        owner_id=wanted.owner_id,
        filed_by=wanted.filed_by,
        delegation_id=None,
        applicant=applicant,
        form=wanted.form,
        deliver_by=wanted.deliver_by,
        address=wanted.address,
        portal_code=wanted.portal_code,
    )
    await _write(db, made, replaces=False)
    await _submit(db, None, made, wanted, "vi", by="portal")
    return dossier_id


async def make_child(
    db: Connection, parent: Locked, child_id: UUID, pinned: Pinned, case: str, agency: str, form: dict[str, Any]
) -> Locked:
    """A dossier that is made out of another: its owner's and its applicant's are the parent's."""
    where = await maybe(_Agency, db, sql.agency_for_filing, agency)
    assert where is not None
    await db.execute(
        sql.write_child,
        child_id,
        f"{secrets.randbelow(10_000):04}",
        pinned.code,
        pinned.version,
        pinned.definition.name.vi,
        pinned.definition.name.en,
        case,
        pinned.definition.field,
        agency,
        where.level,
        parent.id,
        form,
    )
    draft = await steps.lock(db, child_id)
    await db.execute(sql.mark_submitted, child_id)
    step = Step(code="submitted", name=FILED, happened="submitted", by="city", told=False)
    return await steps.move(db, draft, SUBMITTED, step)
