"""A dossier whole, in one query: as its owner sees it, and as those who deal with it do."""

from uuid import UUID

from app.audit import records
from app.db import Connection, maybe, queries_beside
from app.errors import Language, NotFound
from app.identity.models import Principal
from dossiers import steps
from dossiers.models import MyDossier, PossibleAction, StaffDossier
from dossiers.procedures import versions
from dossiers.procedures.definitions import Told

sql = queries_beside(__file__)


async def mine(db: Connection, me: Principal, dossier_id: UUID, language: Language) -> MyDossier:
    """A dossier of mine, whole. Raises NotFound."""
    dossier = await maybe(MyDossier, db, sql.my_dossier, dossier_id, me.id, language)
    if dossier is None:
        raise NotFound
    return dossier


async def staff(db: Connection, me: Principal, dossier_id: UUID, language: Language) -> StaffDossier:
    """A dossier as those who deal with it see it, with what I may do now. Raises NotFound."""
    dossier = await _staff(db, dossier_id, language)
    if not steps.sees(me, dossier.agency, dossier.desk_agency):
        raise NotFound
    dossier.actions = await _possible(db, me, dossier, language)
    return dossier


async def after(db: Connection, me: Principal, dossier_id: UUID, language: Language) -> StaffDossier:
    """The same for whoever has just dealt with it, though it may have left them by that."""
    dossier = await _staff(db, dossier_id, language)
    if steps.sees(me, dossier.agency, dossier.desk_agency):
        dossier.actions = await _possible(db, me, dossier, language)
    return dossier


async def _staff(db: Connection, dossier_id: UUID, language: Language) -> StaffDossier:
    dossier = await maybe(StaffDossier, db, sql.staff_dossier, dossier_id, language)
    if dossier is None or dossier.state == "draft":
        raise NotFound
    return dossier


async def open_one(db: Connection, me: Principal, dossier_id: UUID, language: Language) -> StaffDossier:
    """A dossier whole; the audit has who saw it. Raises NotFound."""
    dossier = await staff(db, me, dossier_id, language)
    await records.record(db, me, "dossier.opened", dossier.code or str(dossier.id))
    return dossier


AT_THE_COUNTER = (
    ("acceptance", Told("Tiếp nhận hồ sơ", "Accept"), ()),
    ("ask_supplement", Told("Yêu cầu bổ sung", "Ask for papers"), ("note",)),
    ("refusal", Told("Từ chối tiếp nhận", "Refuse"), ("note",)),
)

HAND_OVER = Told("Trả kết quả", "Hand the result over")


async def _possible(db: Connection, me: Principal, dossier: StaffDossier, language: Language) -> list[PossibleAction]:
    if dossier.outcome is None and dossier.accepted_at is not None:
        return await _of_the_flow(db, me, dossier, language)
    if not await steps.works_at(db, me, dossier.agency, steps.COUNTER, dossier.procedure):
        return []
    if dossier.outcome is None:
        first = 0 if dossier.state == "submitted" else 2
        return [_of_the_frame(*known, language) for known in AT_THE_COUNTER[first:]]
    settled = dossier.fee.state not in {"later", "due"}
    if dossier.outcome == "done" and dossier.delivery == "ready" and settled:
        return [_of_the_frame("delivery", HAND_OVER, (), language)]
    return []


def _of_the_frame(code: str, name: Told, needs: tuple[str, ...], language: Language) -> PossibleAction:
    return PossibleAction(code=code, name=_in(name, language), to=None, needs=list(needs), effects=[])


async def _of_the_flow(
    db: Connection, me: Principal, dossier: StaffDossier, language: Language
) -> list[PossibleAction]:
    """Each desk is asked once, however many actions it has."""
    definition = await versions.pinned(db, dossier.procedure, dossier.procedure_version)
    deals: dict[str, bool] = {}
    found: list[PossibleAction] = []
    for action in definition.flow.actions:
        agency = steps.whose(action, dossier.agency, dossier.desk_agency, dossier.desk_role)
        if dossier.state not in action.from_ or agency not in me.agencies_as(*action.roles):
            continue
        if agency not in deals:
            deals[agency] = await steps.works_at(db, me, agency, action.roles, dossier.procedure)
        if deals[agency]:
            effects = [str(effect.__struct_config__.tag) for effect in action.effects]
            found.append(
                PossibleAction(
                    code=action.code,
                    name=_in(action.name, language),
                    to=action.to,
                    needs=list(action.needs),
                    effects=effects,
                )
            )
    return found


def _in(words: Told, language: Language) -> str:
    return words.vi if language == "vi" else words.en
