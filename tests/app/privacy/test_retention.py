"""Nothing is kept longer than its time, and the table says so."""

import httpx
import pytest

from app.db import Connection
from app.privacy import retention
from app.privacy.holdings import AGREEMENT, Holding, Words
from app.worker import HOLDINGS
from tests.app.phones import ask_for_code, problem
from tests.makers import a_resident, a_staff_member
from tests.statements import sql


async def runs(db: Connection) -> dict[str, tuple[int, int]]:
    """What was forgotten of each holding: in all, and last."""
    return {row["holding"]: (row["forgotten"], row["forgotten_last"]) for row in await db.fetch(sql.retention_rows)}


async def test_what_is_past_its_time_is_forgotten_and_what_is_not_stays(db: Connection) -> None:
    old, young = await a_resident(db), await a_resident(db)
    await db.execute(sql.many_messages, old.id, 5, 731)
    await db.execute(sql.many_messages, young.id, 5, 729)
    await retention.keep(db, HOLDINGS)
    assert await db.fetchval(sql.kept_messages, old.id) == 0
    assert await db.fetchval(sql.kept_messages, young.id) == 5
    assert (await runs(db))["notifications.inbox"] == (5, 5)
    assert (await runs(db)).keys() == {holding.name for holding in HOLDINGS if holding.forget}


async def test_codes_are_kept_for_a_day(desk: httpx.AsyncClient, db: Connection) -> None:
    await ask_for_code(desk)
    await retention.keep(db, HOLDINGS)
    assert await db.fetchval(sql.codes_kept) == 1
    await db.execute(sql.move_clock, f"{86_400 + 1} seconds")
    try:
        await retention.keep(db, HOLDINGS)
    finally:
        await db.execute(sql.move_clock, "0 seconds")
    assert await db.fetchval(sql.codes_kept) == 0


async def test_so_many_a_turn_and_nobody_waits_for_ever(db: Connection) -> None:
    me = await a_resident(db)
    await db.execute(sql.many_messages, me.id, 25, 800)
    for left in (15, 5, 0):
        await retention.keep(db, HOLDINGS, rows=10)
        await retention.keep(db, [one for one in HOLDINGS if one.name != "notifications.inbox"], rows=10)
        assert await db.fetchval(sql.kept_messages, me.id) == left
    assert (await runs(db))["notifications.inbox"] == (25, 5)


async def test_one_that_cannot_be_forgotten_keeps_no_other_waiting(db: Connection) -> None:
    me = await a_resident(db)
    await db.execute(sql.many_messages, me.id, 1, 800)
    words = Words("Thử", "Test")
    broken = Holding(
        name="test.thing",
        tables=(),
        what=words,
        why=words,
        basis=AGREEMENT,
        rows="",
        kept_days=1,
        forget="SELECT 1/0",
    )
    await retention.keep(db, (broken, *HOLDINGS))
    assert await db.fetchval(sql.kept_messages, me.id) == 0
    assert (await runs(db))["test.thing"] == (0, 0)


@pytest.mark.parametrize("role", ["compliance", "admin"])
async def test_the_table_is_shown(desk: httpx.AsyncClient, db: Connection, role: str) -> None:
    officer = await a_staff_member(db, role=role)  # pyright: ignore[reportArgumentType]
    await retention.keep(db, HOLDINGS)
    answer = await desk.get("/v1/staff/retention", headers=officer.headers | {"accept-language": "en"})
    lines = {line["holding"]: line for line in answer.json()}
    assert lines.keys() == {holding.name for holding in HOLDINGS}
    assert lines["identity.codes"]["kept_days"] == 1
    assert lines["identity.codes"]["last_run_at"] is not None
    assert "Accounting Law" in lines["wallet.payments"]["hold"]
    assert problem(await desk.get("/v1/staff/retention", headers=(await a_resident(db)).headers)) == (
        403,
        "Forbidden",
    )
