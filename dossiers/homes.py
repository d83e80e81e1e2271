"""Agencies as the one-stop mechanism counts them. They merge: their open dossiers are taken home to where they went,
one after another, with a step in each; codes and dates stay."""

from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.jobs import Scheduled
from dossiers import actions, steps
from dossiers.models import AgencyOfDossiers, DossierDesk, MergeAgency, PutDesk
from dossiers.steps import Step

sql = queries_beside(__file__)

AT_ONCE = 50
MERGED = "Sáp nhập đơn vị hành chính"
SWEEP_S = 10


class AgencyMergedAlready(Refusal):
    """Cơ quan này đã sáp nhập vào cơ quan khác.

    This agency has been merged into another already."""


class BadMerger(Refusal):
    """Không thể sáp nhập vào cơ quan này.

    It cannot be merged into this agency."""

    status = 400


class _Left(msgspec.Struct, frozen=True):
    id: UUID
    agency: str


async def all_of_them(db: Connection, language: Language) -> list[AgencyOfDossiers]:
    """All of them, those of the past too."""
    return await many(AgencyOfDossiers, db, sql.agencies_of_dossiers, None, language)


async def merge(
    db: Connection, me: Principal, agency_code: str, wanted: MergeAgency, language: Language
) -> AgencyOfDossiers:
    """From today on it is a part of another. The same again is the same. Raises NotFound, AgencyMergedAlready,
    BadMerger."""
    await db.fetch(sql.lock_agencies, [agency_code, wanted.into])
    before = await maybe(AgencyOfDossiers, db, sql.agencies_of_dossiers, agency_code, language)
    if before is None:
        raise NotFound
    if before.merged_into not in {None, wanted.into}:
        raise AgencyMergedAlready
    if before.merged_into is None:
        if await db.fetchval(sql.merge_agency, agency_code, wanted.into) is None:
            raise BadMerger
        await records.record(db, me, "agency.merged", agency_code, into=wanted.into, reason=wanted.reason)
    return await one(AgencyOfDossiers, db, sql.agencies_of_dossiers, agency_code, language)


async def take_home(db: Connection) -> None:
    """So many of the open dossiers of merged agencies go on where these went."""
    for left in await many(_Left, db, sql.dossiers_to_rehome, AT_ONCE):
        dossier = await steps.lock(db, left.id)
        if dossier.is_open:
            agency: str = await db.fetchval(sql.agency_now, left.agency)
            await actions.move_home(db, dossier, agency, MERGED)
    for row in await db.fetch(sql.desks_to_rehome, AT_ONCE):
        await _take_desk_home(db, row["id"])


async def _take_desk_home(db: Connection, dossier_id: UUID) -> None:
    """It goes on at the desk of whoever the consulted agency has become."""
    dossier = await steps.lock(db, dossier_id)
    agency: str | None = await db.fetchval(sql.agency_now, dossier.desk_agency)
    if not dossier.is_open or agency in {None, dossier.desk_agency}:
        return
    await db.execute(sql.rehome_desk, dossier_id, agency)
    step = Step(code="rehomed", name=actions.REHOMED, by="city", note=MERGED)
    await steps.note_down(db, dossier, step)


async def put_desk(db: Connection, me: Principal, agency_code: str, member_id: UUID, wanted: PutDesk) -> DossierDesk:
    """Which procedures somebody deals with there. Raises NotFound for who has no role there."""
    if not await db.fetchval(sql.works_there, member_id, agency_code):
        raise NotFound
    await db.execute(sql.put_desk, member_id, agency_code, wanted.procedures, me.id)
    await records.record(db, me, "dossier.desk_put", member_id, agency=agency_code, procedures=len(wanted.procedures))
    return DossierDesk(member_id=member_id, agency=agency_code, procedures=wanted.procedures)


schedule = (Scheduled(name="rehome_dossiers", every_s=SWEEP_S, run=take_home),)
