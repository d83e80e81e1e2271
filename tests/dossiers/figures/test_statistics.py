"""What is counted of dossiers is what one counts by hand, whatever happens to them and whenever it is asked."""

import asyncio
import csv
import io
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from prometheus_client import Gauge

from app.clock import add_working_days, calendar_from, city_now, is_working_day
from app.db import Connection
from app.observe import DOSSIERS_OPEN, DOSSIERS_OVERDUE
from dossiers.figures import statistics
from dossiers.figures.counts import Counts
from dossiers.figures.models import FiguresBy
from dossiers.figures.spans import DAY, MONTH, YEAR, Piece, pieces
from dossiers.figures.statistics import Asked
from tests.conftest import City
from tests.dossiers.figures.planted import (
    AGENCIES,
    FIELDS,
    HOUSEHOLD,
    MORNING,
    a_definition,
    a_fate,
    columns,
    done,
    plant,
    planted,
    sql,
    the_procedures,
)
from tests.makers import a_staff_member

MARCH = {"from": "2026-03-01", "to": "2026-03-31"}
SIDES: tuple[FiguresBy, ...] = ("agency", "field", "level")


async def shown(desk: httpx.AsyncClient, **asked: str) -> dict[str, Any]:
    answer = await desk.get("/v1/dossiers/statistics", params=MARCH | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def total(desk: httpx.AsyncClient, **asked: str) -> dict[str, Any]:
    return (await shown(desk, **asked))["total"]


async def compare(db: Connection, asked: Asked) -> int:
    """Hold our numbers against those counted by hand; how many dossiers came in."""
    ours = await statistics.counts(db, asked)
    found = await db.fetch(
        sql.figures_by_hand, asked.from_on, asked.to_on, asked.level, asked.agency, asked.field, asked.by
    )
    theirs = {row["key"]: {name: value for name, value in row.items() if name != "key"} for row in found}
    nothing = dict.fromkeys(next(iter(theirs.values()), {}), 0)
    for key in theirs.keys() | ours.keys():
        mine = ours.get(key, Counts())
        assert {name: getattr(mine, name) for name in nothing} == theirs.get(key, nothing), (asked, key)
    return sum(row["received"] for row in found)


def some_days(chance: random.Random) -> tuple[date, date]:
    first = date(2023, 11, 1) + timedelta(days=chance.randint(0, 1_200))
    return first, first + timedelta(days=chance.choice([0, 1, 6, 27, 31, 92, 365, 800]))


def something(chance: random.Random) -> Asked:
    return Asked(
        *some_days(chance),
        chance.choice(SIDES),
        chance.choice([None, None, "city", "ward"]),
        chance.choice([None, None, *AGENCIES]),
        chance.choice([None, None, *FIELDS.values()]),
    )


async def happen(db: Connection, chance: random.Random, there: list[UUID], clerk: UUID) -> None:
    """Something to one of them."""
    dossier_id = chance.choice(there)
    match chance.randint(0, 9):
        case 0:
            there.append(await planted(db, **a_fate(chance)))
        case 1:
            await db.execute(sql.plant_stored_paper, dossier_id, chance.choice(["birth_notice", "birth_notice"]))
        case 2:
            await db.execute(
                sql.plant_dossier_supplement, dossier_id, MORNING + timedelta(days=chance.randint(-300, 99))
            )
        case 3:
            try:
                async with db.transaction():
                    await db.execute(sql.plant_dossier_result, dossier_id, chance.random() < 0.6)
            except asyncpg.UniqueViolationError:
                pass  # it has one
        case _:
            new = columns(**a_fate(chance))
            del new["id"], new["procedure_code"], new["parent_id"]
            if new["payment_id"] and chance.random() < 0.3:
                await db.execute(sql.plant_cash, new["payment_id"], clerk)
            await db.execute(sql.change_dossier, dossier_id, new)


@pytest.mark.parametrize("seed", range(4))
async def test_numbers_are_what_one_counts_by_hand(db: Connection, seed: int) -> None:
    chance = random.Random(seed)
    await the_procedures(db)
    clerk = (await a_staff_member(db, role="clerk")).id
    there = [await planted(db, **a_fate(chance)) for _ in range(30)]
    seen = 0
    for _ in range(6):
        for _ in range(20):
            await happen(db, chance, there, clerk)
        if chance.random() < 0.5:
            await statistics.fold(db)
            assert await db.fetchval(sql.unfolded_tallies) == 0
        for _ in range(15):
            seen += await compare(db, something(chance))
        seen += await compare(db, Asked(date(2023, 1, 1), date(2027, 12, 31), chance.choice(SIDES)))
    assert seen > 100


async def test_numbers_are_exact_while_dossiers_move_and_others_fold(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "FOLDED_AT_ONCE", 5)
    monkeypatch.setattr(statistics, "MOST_FOLDS", 2)
    async with city.database.transaction() as db:
        await the_procedures(db)
        clerk = (await a_staff_member(db, role="clerk")).id
        there = [await planted(db, **a_fate(random.Random(number))) for number in range(24)]

    async def live(mine: list[UUID], seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            async with city.database.transaction() as db:
                await happen(db, chance, mine, clerk)

    async def fold() -> None:
        for _ in range(40):
            async with city.database.transaction() as db:
                await statistics.fold(db)

    async def look(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            async with city.database.acquire() as db, db.transaction(isolation="repeatable_read"):
                await compare(db, something(chance))

    await asyncio.gather(*(live(there[part::3], part) for part in range(3)), fold(), fold(), look(8))
    async with city.database.transaction() as db:
        while await db.fetchval(sql.unfolded_tallies):
            await statistics.fold(db)
        assert await compare(db, Asked(date(2023, 1, 1), date(2027, 12, 31))) > 10


async def test_what_counts_nothing_writes_nothing(db: Connection) -> None:
    await the_procedures(db)
    draft = await planted(db, submitted_at=None, accepted_at=None)
    assert await db.fetchval(sql.unfolded_tallies) == 0
    await db.execute(sql.forget_dossier, draft)
    assert await db.fetchval(sql.unfolded_tallies) == 0
    dossier_id = await planted(db)
    assert await db.fetchval(sql.unfolded_tallies) == 1
    await db.execute(sql.touch_dossier, dossier_id, "elsewhere")
    assert await db.fetchval(sql.unfolded_tallies) == 1
    await db.execute(sql.forget_dossier, dossier_id)
    assert await db.fetchval(sql.unfolded_tallies) == 2
    assert await statistics.counts(db, Asked(date(2026, 3, 1), date(2026, 3, 31))) == {}


YEAR_2025 = {"from": "2025-01-01", "to": "2025-12-31"}


async def test_the_figures_that_cities_publish_fall_out(db: Connection, desk: httpx.AsyncClient) -> None:
    """A year at one town, its wards, and a district that is no more: 98, 95 and 96 % on time by level; and 22,515
    received at the wards' counter, of which 21,712 were resolved."""
    await the_procedures(db)
    accepted = datetime(2025, 3, 3, 2, tzinfo=UTC)
    for agency, resolved, late, others in (
        ("counter-city", 5_000, 100, 0),
        ("counter-thuan-hoa", 21_712, 1_086, 803),
        ("district-phu-vang", 2_500, 100, 0),
    ):
        asked = {"agency_code": agency, "submitted_at": accepted, "accepted_at": accepted}
        due = {"first_due_at": accepted + timedelta(days=3)}
        await plant(db, (done(4 if n < late else 2, **asked, **due) for n in range(resolved)))
        await plant(db, (columns(**asked, **due) for _ in range(others)))
        await statistics.fold(db)
    rows = {row["key"]: row for row in (await shown(desk, **YEAR_2025, by="level"))["rows"]}
    shares = {key: row["on_time_first_share"] for key, row in rows.items()}
    assert shares == {"city": 0.98, "ward": 0.95, "district": 0.96}
    assert (rows["ward"]["received"], rows["ward"]["resolved"]) == (22_515, 21_712)
    [town] = (await shown(desk, **YEAR_2025, agency="counter-thuan-hoa"))["rows"]
    assert (town["received"], town["resolved"], town["left_open"]) == (22_515, 21_712, 803)
    assert (town["open_now"], town["overdue_now"]) == (803, 803)
    next_year = await total(desk, **{"from": "2026-01-01", "to": "2026-12-31"}, agency="counter-thuan-hoa")
    assert (next_year["carried_over"], next_year["received"], next_year["left_open"]) == (803, 0, 803)


async def test_a_month_by_hand(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    parent = columns(channel="online")
    soon, over = MORNING + timedelta(days=1), city_now() + timedelta(days=9)
    await plant(
        db,
        [
            parent,
            columns(submitted_at=MORNING - timedelta(days=9), accepted_at=MORNING - timedelta(days=9)),
            columns(channel="post", submitted_at=MORNING, accepted_at=None),
            columns(parent_id=parent["id"], first_due_at=over, agency_code="counter-thuan-hoa"),
            columns(channel="online", outcome="withdrawn", ended_at=soon),
            columns(outcome="refused", ended_at=soon, accepted_at=None),
            columns(outcome="stopped", ended_at=soon),
            columns(paused=True),
            done(1, rating="satisfied", rated_at=soon, paid_at=MORNING, channel="online"),
            done(3, rating="acceptable", rated_at=soon, paid_at=MORNING),
            done(4, due_at=MORNING + timedelta(days=5), rating="unsatisfied", rated_at=soon),
            done(11, channel="online", procedure_code=HOUSEHOLD),
        ],
    )
    await db.execute(sql.plant_dossier_supplement, parent["id"], soon)
    found = await total(desk)
    assert found == {
        "received": 11, "received_counter": 6, "received_online": 4, "received_post": 1, "carried_over": 1,
        "accepted": 9, "resolved": 4, "early": 1, "on_time_first": 2, "late_first": 2, "on_time_second": 3,
        "late_second": 1, "refused": 1, "withdrawn": 1, "stopped": 1, "supplements": 1, "left_open": 5,
        "open_now": 5, "overdue_now": 2, "on_time_first_share": 0.5, "on_time_second_share": 0.75,
        "online_share": 0.3636, "online_target": 0.7, "measured": 4, "saved_days": 3, "saved_days_mean": 0.75,
        "rated": 3, "satisfied": 1, "acceptable": 1, "unsatisfied": 1, "satisfied_share": 0.6667, "fees_paid": 2,
        "fees_paid_online": 2, "online_payment_share": 1.0,
    }  # fmt: skip
    said = await shown(desk, by="agency", level="ward")
    assert [(row["key"], row["name"], row["received"]) for row in said["rows"]] == [
        ("counter-thuan-hoa", "Trung tâm Phục vụ hành chính công phường Thuận Hóa", 1)
    ]
    said = await shown(desk, by="field", field="business")
    assert [(row["key"], row["name"], row["late_second"]) for row in said["rows"]] == [
        ("business", "Hộ kinh doanh", 1)
    ]


async def test_days_are_those_of_hue_and_each_month_carries_on(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    midnight = datetime(2026, 3, 31, 17, tzinfo=UTC)
    before = midnight - timedelta(minutes=1)
    over = {"accepted_at": None, "ended_at": midnight}
    await plant(
        db,
        [
            columns(submitted_at=before, accepted_at=None),
            columns(submitted_at=midnight, outcome="refused", **over),
            columns(
                submitted_at=before - timedelta(days=60), accepted_at=None, outcome="withdrawn", ended_at=midnight
            ),
        ],
    )
    said = await shown(desk, **{"from": "2026-03-01", "to": "2026-05-31"}, by="month")
    seen = [(row["key"], row["name"], row["carried_over"], row["received"], row["left_open"]) for row in said["rows"]]
    assert seen == [("2026-03", "03/2026", 1, 1, 2), ("2026-04", "04/2026", 2, 1, 1)]
    assert said["rows"][0]["open_now"] is None
    assert (said["total"]["carried_over"], said["total"]["left_open"]) == (1, 1)


async def test_an_agency_takes_its_dossiers_past_along(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    row = done(1, agency_code="district-phu-vang")
    await plant(db, [row])
    await statistics.fold(db)
    moved = {"agency_code": "counter-thuan-hoa", "level": "ward"}
    await db.execute(sql.change_dossier, row["id"], moved)
    said = await shown(desk)
    assert [(line["key"], line["received"], line["resolved"]) for line in said["rows"]] == [
        ("counter-thuan-hoa", 1, 1)
    ]


async def test_a_year_and_ten_are_asked_in_few_pieces(desk: httpx.AsyncClient) -> None:
    for begins, ends, refused in (
        ("2016-12-01", "2026-11-30", False), ("2016-01-01", "2026-12-31", True), ("2026-03-02", "2026-03-01", True),
        ("1899-12-31", "1900-01-02", True), ("9999-12-31", "9999-12-31", True),
    ):  # fmt: skip
        answer = await desk.get("/v1/dossiers/statistics", params={"from": begins, "to": ends})
        assert answer.status_code == (400 if refused else 200), answer.text
        assert not refused or answer.json()["type"].endswith("BadFiguresPeriod")
    assert len(pieces(date(2016, 12, 2), date(2026, 11, 30))) <= 5


@pytest.mark.parametrize("seed", range(200))
def test_pieces_are_every_day_once(seed: int) -> None:
    chance = random.Random(seed)
    begins = date(2020, 1, 1) + timedelta(days=chance.randint(0, 2_000))
    ends = begins + timedelta(days=chance.choice([0, 1, 30, 365, 366, chance.randint(0, 2_500)]))
    days: list[date] = []
    for piece in pieces(begins, ends, chance.choice([DAY, MONTH, YEAR])):
        assert piece.span == DAY or piece.begins_on.day == piece.ends_on.day == 1
        assert piece.span != YEAR or piece.begins_on.month == piece.ends_on.month == 1
        days += [piece.begins_on + timedelta(days=n) for n in range((piece.ends_on - piece.begins_on).days)]
    assert days == [begins + timedelta(days=n) for n in range((ends - begins).days)]


def test_a_year_is_one_piece() -> None:
    assert pieces(date(2025, 1, 1), date(2026, 1, 1)) == [Piece(YEAR, date(2025, 1, 1), date(2026, 1, 1))]
    assert pieces(date(2025, 1, 1), date(2025, 12, 31))[0] == Piece(MONTH, date(2025, 1, 1), date(2025, 12, 1))


async def test_postgresql_and_python_count_the_same_working_days(db: Connection) -> None:
    calendar = await calendar_from(db, date(2025, 1, 1))
    chance = random.Random(3)
    for _ in range(200):
        start = date(2025, 1, 1) + timedelta(days=chance.randint(0, 600))
        while not is_working_day(start, calendar):
            start += timedelta(days=1)
        days = chance.randint(0, 30)
        end = add_working_days(start, days, calendar)
        assert await db.fetchval(sql.working_days, start, end) == days
        assert await db.fetchval(sql.working_days, end, start) == -days
    assert await db.fetchval(sql.working_days, date(2025, 4, 24), date(2025, 5, 12)) == 10
    assert await db.fetchval(sql.working_days, date(2026, 2, 13), date(2026, 2, 27)) == 5


async def test_the_same_as_a_file(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    await plant(db, [done(20), done(20, agency_code="counter-thuan-hoa")])
    answer = await desk.get("/v1/dossiers/statistics.csv", params=MARCH)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "text/csv"
    assert answer.headers["content-disposition"] == 'attachment; filename="dossiers-20260301-20260331.csv"'
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    said = await shown(desk)
    wanted = [*said["rows"], said["total"] | {"key": "", "name": "Tổng"}]
    assert rows == [{name: "" if value is None else str(value) for name, value in row.items()} for row in wanted]
    assert float(rows[0]["saved_days_mean"]) < 0


async def test_metrics_say_what_is_open_and_overdue(db: Connection) -> None:
    await the_procedures(db)
    later = city_now() + timedelta(days=2)
    await plant(db, [columns(), columns(paused=True), columns(first_due_at=later), done(2)])
    await statistics.measure(db)
    said = {
        level: (_said(DOSSIERS_OPEN, level), _said(DOSSIERS_OVERDUE, level)) for level in ("city", "ward", "district")
    }
    assert said == {"city": (3, 1), "ward": (0, 0), "district": (0, 0)}


def _said(gauge: Gauge, level: str) -> float:
    [said] = [
        sample.value for metric in gauge.collect() for sample in metric.samples if sample.labels["level"] == level
    ]
    return said


# The score


async def score(desk: httpx.AsyncClient) -> dict[str, Any]:
    said = (await shown(desk))["score"]
    return said | {"parts": {part["code"]: part for part in said["parts"]}}


async def test_a_city_in_which_nothing_happened_scores_nothing(desk: httpx.AsyncClient) -> None:
    said = await score(desk)
    assert {code: part["weight"] for code, part in said["parts"].items()} == {
        "publicity": 18, "progress": 20, "online_services": 12, "online_payment": 10, "digitisation": 22,
        "satisfaction": 18,
    }  # fmt: skip
    happened = {code: part["points"] for code, part in said["parts"].items() if code != "publicity"}
    assert set(happened.values()) == {None}


async def test_each_group_is_counted(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    clerk = (await a_staff_member(db, role="clerk")).id
    before = (await score(desk))["parts"]["publicity"]
    stored = done(1, channel="online", rating="satisfied", rated_at=MORNING, paid_at=MORNING)
    cash = done(4, channel="counter", rating="unsatisfied", rated_at=MORNING, paid_at=MORNING)
    await db.execute(sql.plant_cash, cash["payment_id"], clerk)
    await plant(db, [stored, cash, done(2, channel="online"), done(2, procedure_code=HOUSEHOLD)])
    await db.execute(sql.plant_stored_paper, stored["id"], "birth_notice")
    await db.execute(sql.plant_stored_paper, cash["id"], "photograph")
    await db.execute(sql.plant_dossier_result, stored["id"], True)
    await db.execute(sql.plant_dossier_result, cash["id"], False)
    said = await score(desk)
    counted = {code: (part["numerator"], part["denominator"]) for code, part in said["parts"].items()}
    del counted["publicity"]
    assert counted == {
        "progress": (3, 4), "online_services": (2, 3), "online_payment": (1, 2), "digitisation": (2, 6),
        "satisfaction": (1, 2),
    }  # fmt: skip
    assert said["parts"]["progress"]["points"] == 15
    assert said["parts"]["digitisation"]["points"] == 7.33
    assert said["most"] == 100
    assert said["total"] == pytest.approx(sum(part["points"] for part in said["parts"].values()))
    await plant_unpublished(db)
    after = (await score(desk))["parts"]["publicity"]
    assert (after["numerator"], after["denominator"]) == (before["numerator"], before["denominator"] + 2)


async def plant_unpublished(db: Connection) -> None:
    """One whose law is not named, and one that was published after its law had begun to hold."""
    await db.execute(sql.plant_procedure, "9.999991", "land", a_definition("land", legal_basis=[]))
    named = {"vi": "Luật", "en": "Law"}
    late = [{"number": "1", "name": named, "since_on": "2025-02-01"}]
    await db.execute(sql.plant_late_procedure, "9.999992", a_definition("land", legal_basis=late))


async def test_weights_are_a_hundred_together(db: Connection, desk: httpx.AsyncClient) -> None:
    savepoint = db.transaction()
    await savepoint.start()
    await db.execute(sql.heavier, "publicity")
    with pytest.raises(asyncpg.CheckViolationError, match="weights are 100 together"):
        await db.execute(sql.check_now)
    await savepoint.rollback()
    then = datetime(2026, 3, 15, tzinfo=UTC)
    await db.execute(sql.weigh, then, "progress", 60)
    await db.execute(sql.weigh, then, "satisfaction", 40)
    await db.execute(sql.check_now)
    assert {code: part["weight"] for code, part in (await score(desk))["parts"].items()} == {
        "progress": 60,
        "satisfaction": 40,
    }
    past = await shown(desk, to="2026-03-10")
    assert len(past["score"]["parts"]) == 6
