"""What a dossier's owner does with it: gives what is asked for, withdraws it, says how it was."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from dossiers import acceptance, children, deadlines, fees, moves, showing, steps, stored_papers
from dossiers.models import (
    EventBy,
    GiveSupplement,
    MyDossier,
    MyDossierLine,
    RateDossier,
    StaffDossier,
    TakeSupplement,
    WithdrawDossier,
)
from dossiers.moves import Given
from dossiers.procedures.definitions import Definition, Told
from dossiers.procedures.form_check import check_form
from dossiers.steps import SUBMITTED, WITHDRAWN, Locked, Step

sql = queries_beside(__file__)

SUPPLEMENTED = Told("Bổ sung hồ sơ", "Papers were added")
TAKEN_BACK = Told("Rút hồ sơ", "Withdrawn")
DONE = 9


class NoSupplementAsked(Refusal):
    """Hồ sơ này không có yêu cầu bổ sung nào đang chờ.

    Nothing is asked for in this dossier."""


class SupplementIdTaken(Refusal):
    """Mã này đã được dùng cho một lần bổ sung khác; hãy tạo mã mới.

    This id is used for another supplement; make a new one."""


class SupplementEmpty(Refusal):
    """Hãy gửi giấy tờ, sửa biểu mẫu hoặc ghi nội dung bổ sung.

    Send papers, correct the form, or say something."""

    status = 400


class FeeFixed(Refusal):
    """Phí đã được tính theo biểu mẫu khi tiếp nhận nên không sửa được mục này; hãy nộp hồ sơ khác.

    The fee was counted by this form when it was accepted, and this can be changed no more; file another one."""


class MayNotWithdraw(Refusal):
    """Hồ sơ này không rút được.

    This dossier cannot be withdrawn."""


class NotYetRated(Refusal):
    """Chỉ đánh giá được khi hồ sơ đã kết thúc.

    A dossier is rated when it has ended."""


class _Asked(msgspec.Struct, frozen=True):
    id: UUID
    papers: list[str]
    asked_at: datetime


async def listed(
    db: Connection, me: Principal, cursor: str | None, limit: int, language: Language
) -> Page[MyDossierLine]:
    """My dossiers, drafts too, newest first. Raises BadCursor."""
    lines = await many(MyDossierLine, db, sql.my_dossiers, me.id, *before(cursor), limit + 1, language)
    return page_of(lines, limit, lambda line: (line.made_at, line.id))


async def supplement(
    db: Connection,
    me: Principal,
    dossier_id: UUID,
    supplement_id: UUID,
    wanted: GiveSupplement,
    language: Language,
) -> MyDossier:
    """Give what is asked for; under the same id again it is the same.

    The form is corrected field by field. Raises NotFound, NoSupplementAsked, SupplementEmpty, FormInvalid,
    FeeFixed, SupplementIdTaken, PaperMissing, and what a paper may not be."""
    dossier = await steps.lock_mine(db, me, dossier_id)
    if await steps.is_made(db, me, dossier_id, wanted, supplement_id):
        return await showing.mine(db, me, dossier_id, language)
    asked = await _asked(db, dossier, wanted)
    definition = await steps.definition_of(db, dossier)
    await _correct_form(db, dossier, definition, wanted.form, language)
    await stored_papers.give(
        db, me, dossier_id, definition, dossier.case_code, wanted.papers, supplement_id=supplement_id
    )
    await stored_papers.need_these(db, dossier_id, definition, asked.papers, supplement_id)
    await _go_on(db, me, dossier, asked, supplement_id, wanted, by="applicant")
    return await showing.mine(db, me, dossier_id, language)


async def take_supplement(
    db: Connection,
    me: Principal,
    dossier_id: UUID,
    supplement_id: UUID,
    wanted: TakeSupplement,
    language: Language,
) -> StaffDossier:
    """A clerk takes over the counter what was asked for: the applicant need not have the app. The same again is the
    same; which of the papers are there the clerk has seen. Raises NotFound, and what `supplement` does."""
    dossier = await steps.lock_for_staff(db, me, dossier_id)
    if not await steps.works_at(db, me, dossier.agency_code, steps.COUNTER, dossier.procedure_code):
        raise NotFound
    if not await steps.is_made(db, me, dossier_id, wanted, supplement_id):
        asked = await _asked(db, dossier, wanted)
        definition = await steps.definition_of(db, dossier)
        await _correct_form(db, dossier, definition, wanted.form, language)
        await stored_papers.hand_in(
            db,
            me,
            dossier.owner_id,
            dossier_id,
            definition,
            dossier.case_code,
            wanted.papers,
            supplement_id=supplement_id,
        )
        await _go_on(db, me, dossier, asked, supplement_id, wanted, by="staff")
    return await showing.staff(db, me, dossier_id, language)


async def _asked(db: Connection, dossier: Locked, wanted: GiveSupplement | TakeSupplement) -> _Asked:
    asked = await maybe(_Asked, db, sql.open_supplement, dossier.id)
    if asked is None or not dossier.is_open:
        raise NoSupplementAsked
    if not (wanted.papers or wanted.form or wanted.words):
        raise SupplementEmpty
    return asked


async def _correct_form(
    db: Connection, dossier: Locked, definition: Definition, fields: dict[str, Any], language: Language
) -> None:
    if fields:
        form = {**dossier.form, **fields}
        check_form(definition, form, language)
        if dossier.accepted_at is not None:
            term = acceptance.term_of(definition, dossier)
            if term.fee_of(form) != term.fee_of(dossier.form):
                raise FeeFixed
        await db.execute(sql.correct_form, dossier.id, form)


async def _go_on(
    db: Connection,
    me: Principal,
    dossier: Locked,
    asked: _Asked,
    supplement_id: UUID,
    wanted: GiveSupplement | TakeSupplement,
    *,
    by: EventBy,
) -> None:
    with refusing(dossier_supplement_given_unique=SupplementIdTaken):
        await db.execute(sql.give_supplement, asked.id, supplement_id, wanted.words)
    if dossier.state == "incomplete":
        step = Step(
            code="supplemented",
            name=SUPPLEMENTED,
            happened="supplemented",
            actor=me,
            by=by,
            note=wanted.words,
            note_for_applicant=True,
            wanted=wanted,
            beside=supplement_id,
        )
        await steps.move(db, dossier, SUBMITTED, step, step_due_at=await deadlines.of_look(db))
        return
    given = Given(
        actor=me,
        by=by,
        note=wanted.words,
        wanted=wanted,
        beside=supplement_id,
        supplement_asked_at=asked.asked_at,
    )
    if await moves.happen(db, dossier, "supplemented", given) is None:
        raise NoSupplementAsked


async def withdraw(
    db: Connection, me: Principal, dossier_id: UUID, wanted: WithdrawDossier, language: Language
) -> MyDossier:
    """I want nothing of it any more: it ends, with what was made out of it, and its unpaid bill.

    Raises NotFound, MayNotWithdraw."""
    dossier = await steps.lock_mine(db, me, dossier_id)
    if not await steps.is_made(db, me, dossier_id, wanted):
        if not await may_withdraw(db, dossier):
            raise MayNotWithdraw
        await fees.drop(db, dossier)
        await children.close(db, dossier.id, wanted.reason)
        step = Step(
            code="withdrawn",
            name=TAKEN_BACK,
            happened="withdrawn",
            actor=me,
            by="applicant",
            note=wanted.reason,
            note_for_applicant=True,
            wanted=wanted,
        )
        withdrawn = await steps.move(db, await steps.lock(db, dossier.id), WITHDRAWN, step)
        await moves.end(db, withdrawn)
    return await showing.mine(db, me, dossier_id, language)


async def may_withdraw(db: Connection, dossier: Locked) -> bool:
    """Is it still to be had back: filed, not done, and not a part of another?"""
    if not dossier.is_open or dossier.parent_id is not None or dossier.result_state is not None:
        return False
    if (dossier.national_status or 0) >= DONE:
        return False
    definition = await steps.definition_of(db, dossier)
    return dossier.accepted_at is None or definition.flow.may_withdraw


async def rate(db: Connection, me: Principal, dossier_id: UUID, wanted: RateDossier, language: Language) -> MyDossier:
    """How it was; the last word counts. Raises NotFound, NotYetRated."""
    dossier = await steps.lock_mine(db, me, dossier_id)
    if dossier.outcome is None or dossier.outcome == "withdrawn":
        raise NotYetRated
    await db.execute(sql.rate_dossier, dossier_id, wanted.rating, wanted.comment)
    return await showing.mine(db, me, dossier_id, language)
