"""The yearly look at whether each procedure is still needed. What two people want abolished is abolished."""

from app.audit import records
from app.clock import city_today
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.types import Page, cursor_of, key_of
from dossiers.procedures.definitions import ProcedureCode
from dossiers.procedures.drafts import need_keeper
from dossiers.procedures.models import ProcedureReview, ReviewProcedure, StaffProcedureLine

sql = queries_beside(__file__)


class ReviewMadeByAnother(Refusal):
    """Năm này đã có người khác rà soát thủ tục với kết luận khác.

    Somebody else has reviewed this procedure for the year, and found otherwise."""


class ReviewYearIsNot(Refusal):
    """Chỉ rà soát cho năm nay hoặc năm trước.

    A review is of this year or the last."""

    status = 400


class ReviewIsClosed(Refusal):
    """Thủ tục đã bị bãi bỏ, kết quả rà soát không đổi được nữa.

    The procedure was abolished; its review stands."""


async def put(db: Connection, me: Principal, code: str, wanted: ReviewProcedure) -> ProcedureReview:
    """Write down what a year's look found; the same again is the same, and its author may think better of it.

    `abolish` said by one is a proposal; said for the same year by another too, it ends filing. Dossiers that are open
    go on. Raises Forbidden, NotFound, ReviewYearIsNot, ReviewIsClosed, ReviewMadeByAnother."""
    await need_keeper(db, me)
    if wanted.year not in {city_today().year, city_today().year - 1}:
        raise ReviewYearIsNot
    procedure = await db.fetchrow(sql.lock_procedure, code)
    if procedure is None or procedure["published_version"] is None:
        raise NotFound
    kept = await maybe(ProcedureReview, db, sql.review, code, wanted.year)
    if kept is not None and kept.made_by != me.id:
        return await _second(db, me, kept, wanted)
    if kept is not None and (kept.outcome, kept.reason) == (wanted.outcome, wanted.reason):
        return kept
    if procedure["abolished_at"] is not None:
        raise ReviewIsClosed
    await db.execute(sql.put_review, code, wanted.year, wanted.outcome, wanted.reason, me.id)
    await records.record(db, me, "procedure.reviewed", code, year=wanted.year, outcome=wanted.outcome)
    return await one(ProcedureReview, db, sql.review, code, wanted.year)


async def _second(db: Connection, me: Principal, kept: ProcedureReview, wanted: ReviewProcedure) -> ProcedureReview:
    if kept.outcome != wanted.outcome:
        raise ReviewMadeByAnother
    if kept.outcome != "abolish" or kept.abolished_at is not None:
        return kept
    await db.execute(sql.abolish, kept.code)
    await records.record(db, me, "procedure.abolished", kept.code, year=kept.year, proposed_by=str(kept.made_by))
    return await one(ProcedureReview, db, sql.review, kept.code, kept.year)


async def page(
    db: Connection, me: Principal, review_due: bool | None, cursor: str | None, limit: int, language: Language
) -> Page[StaffProcedureLine]:
    """All procedures by code, drafts too, or only those that lack this year's review; raises Forbidden, BadCursor."""
    await need_keeper(db, me)
    after = key_of(cursor, tuple[ProcedureCode])
    lines = await many(
        StaffProcedureLine, db, sql.staff_procedures, review_due, after and after[0], limit + 1, city_today().year,
        language,
    )  # fmt: skip
    return Page(items=lines[:limit], next=cursor_of(lines[limit - 1].code) if len(lines) > limit else None)
