"""What the night looks for in a day's movements, and what compliance makes of it.

Rules are rows with numbers (`suspicion_rule`); each notices an account on a day at most once. Nobody whose account is
noticed is told, nor can they see it: the law on money laundering forbids it (Law 14/2022/QH15)."""

from datetime import date, datetime, timedelta
from uuid import UUID

from app import outbox
from app.audit import records
from app.clock import CITY_ZONE, city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from wallet.events import SuspicionsFound
from wallet.oversight import days
from wallet.oversight.disputes import members_with
from wallet.oversight.models import CaseStatus, ReviewCase, SuspicionRule, SuspicionRules, SuspiciousCase

sql = queries_beside(__file__)

NIGHT_STARTS_HOUR = 2
MOST_DAYS_BACK = 31
WATCH_TIMEOUT_S = 3600


class CaseIsReviewed(Refusal):
    """Trường hợp này đã được xem xét.

    This case was reviewed already."""


async def watch(db: Connection) -> None:
    """By the clock: after the night has begun, the oldest day that nobody has looked at yet; compliance is told."""
    now = city_now().astimezone(CITY_ZONE)
    yesterday = now.date() - timedelta(days=1)
    last: date | None = await db.fetchval(sql.last_watched_day)
    day = yesterday if last is None else max(last + timedelta(days=1), yesterday - timedelta(days=MOST_DAYS_BACK))
    if now.hour < NIGHT_STARTS_HOUR or day > yesterday:
        return
    await db.execute(sql.take_an_hour)
    cases = await db.fetch(sql.watch_day, day, *days.bounds(day), timeout=WATCH_TIMEOUT_S)
    await db.execute(sql.keep_watched_day, day, len(cases))
    if cases:
        told = await members_with(db, "compliance")
        await outbox.record(db, SuspicionsFound(day_on=day, cases=len(cases), told=told))


async def rules(db: Connection, language: Language) -> SuspicionRules:
    """What the night looks for."""
    return SuspicionRules(items=await many(SuspicionRule, db, sql.suspicion_rules, language))


async def page(
    db: Connection, status: CaseStatus | None, cursor: str | None, limit: int, language: Language
) -> Page[SuspiciousCase]:
    """What was noticed, newest first, of one status if asked for; raises BadCursor."""
    lines = await many(SuspiciousCase, db, sql.suspicious_cases, language, status, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(case: SuspiciousCase) -> tuple[datetime, UUID]:
    return case.made_at, case.id


async def review(
    db: Connection, me: Principal, case_id: UUID, given: ReviewCase, language: Language
) -> SuspiciousCase:
    """Say what came of looking at it; the same again is the same. Raises NotFound, CaseIsReviewed."""
    case = await maybe(SuspiciousCase, db, sql.suspicious_case, language, case_id)
    if case is None:
        raise NotFound
    if case.status == "open":
        await db.execute(sql.review_case, case_id, given.verdict, me.id, given.finding)
        await records.record(db, me, "wallet.suspicion_reviewed", case_id, verdict=given.verdict)
    elif (case.status, case.finding) != (given.verdict, given.finding):
        raise CaseIsReviewed
    return await one(SuspiciousCase, db, sql.suspicious_case, language, case_id)
