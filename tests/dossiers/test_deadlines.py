"""The clock of a dossier: each of its rules."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import CITY_ZONE, Calendar, add_working_days, city_now
from app.db import Connection
from dossiers import deadlines
from dossiers.procedures.definitions import Term
from tests.conftest import Later
from tests.dossiers.makers import a_paper, an_office, filed, problem, sql, the_procedures
from tests.makers import a_resident, a_staff_member


class Time:
    """The city's clock, put to a moment."""

    def __init__(self, db: Connection, later: Later) -> None:
        self.db, self.later = db, later

    async def to(self, text: str) -> None:
        """`2025-04-24 09:00`, in Huế; whoever was signed in still is."""
        moment = datetime.fromisoformat(text).replace(tzinfo=CITY_ZONE)
        seconds = (moment - city_now()).total_seconds()
        await self.later(seconds)
        await self.db.execute(sql.keep_residents_signed_in)
        await self.db.execute(sql.keep_staff_signed_in)


@pytest.fixture
def time(db: Connection, later: Later) -> Time:
    """The clock."""
    return Time(db, later)


def local(text: str) -> str:
    """A moment of an answer as Huế's clock shows it."""
    return f"{datetime.fromisoformat(text).astimezone(CITY_ZONE):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("accepted", "days", "due"),
    [
        ("2025-04-24 09:00", 10, "2025-05-12 17:00"),
        ("2025-12-31 09:00", 1, "2026-01-05 17:00"),
        ("2026-02-13 09:00", 5, "2026-02-27 17:00"),
        ("2026-10-19 14:59", 1, "2026-10-20 17:00"),
        ("2026-10-19 15:00", 1, "2026-10-20 17:00"),
        ("2026-10-19 15:01", 1, "2026-10-21 17:00"),
        ("2026-11-23 09:00", 1, "2026-11-25 17:00"),
        ("2026-11-27 16:00", 0, "2026-11-30 17:00"),
        ("2026-11-28 10:00", 1, "2026-12-01 17:00"),
        ("2026-08-20 09:00", 2, "2026-08-22 17:00"),
    ],
)
async def test_a_deadline_is_of_working_days(db: Connection, time: Time, accepted: str, days: int, due: str) -> None:
    """Among them the golden cases: over Reunification Day, New Year with its swapped Friday, and Tết; and a Saturday
    that makes up for another day."""
    await time.to(accepted)
    moment = datetime.fromisoformat(accepted).replace(tzinfo=CITY_ZONE)
    found = await deadlines.of_term(db, Term(channel="counter", days=days, statutory_days=days), moment)
    assert local(found.due_at.isoformat()) == due


async def test_what_comes_after_three_is_handed_on_the_next_morning(db: Connection, time: Time) -> None:
    await time.to("2026-10-23 15:30")
    found = await deadlines.of_term(db, Term(channel="counter", days=1, statutory_days=3))
    assert local(found.started_at.isoformat()) == "2026-10-26 07:30"
    assert local(found.statutory_at.isoformat()) == "2026-10-29 17:00"
    assert local(found.warn_at.isoformat()) == "2026-10-26 17:00"


async def test_a_supplement_begins_the_deadline_anew(db: Connection, desk: httpx.AsyncClient, time: Time) -> None:
    await time.to("2026-10-19 09:00")
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    before = await office.to_appraisal(dossier["id"])
    assert local(before["due_at"]) == "2026-11-02 17:00"
    await time.to("2026-10-21 10:00")
    await office.did(dossier["id"], "ask_papers", office.officer, note="Thiếu bản chính.", papers=["identity_card"])
    await time.to("2026-10-29 10:00")
    body = {"papers": [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]}
    url = f"/v1/dossiers/{dossier['id']}/supplements/{uuid4()}"
    answer = await desk.put(url, headers=person.headers, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "appraisal"
    assert local(answer.json()["due_at"]) == local(answer.json()["first_due_at"]) == "2026-11-12 17:00"


async def test_where_the_flow_says_so_it_only_stands_still(
    db: Connection, desk: httpx.AsyncClient, time: Time
) -> None:
    await time.to("2026-10-19 09:00")
    await the_procedures(db, supplement="pause")
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    await time.to("2026-10-21 10:00")
    await office.did(dossier["id"], "ask_papers", office.officer, note="Thiếu bản chính.")
    await time.to("2026-10-23 10:00")
    url = f"/v1/dossiers/{dossier['id']}/supplements/{uuid4()}"
    answer = await desk.put(url, headers=person.headers, json={"words": "Đã nộp tại quầy."})
    assert local(answer.json()["due_at"]) == local(answer.json()["first_due_at"]) == "2026-11-04 17:00"


async def test_who_asks_late_wins_no_time_by_it(db: Connection, desk: httpx.AsyncClient, time: Time) -> None:
    """Papers are asked for within three working days, or the deadline only stands still."""
    await time.to("2026-10-19 09:00")
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    await time.to("2026-10-23 10:00")
    await office.did(dossier["id"], "ask_papers", office.officer, note="Thiếu bản chính.")
    await time.to("2026-10-26 10:00")
    url = f"/v1/dossiers/{dossier['id']}/supplements/{uuid4()}"
    answer = await desk.put(url, headers=person.headers, json={"words": "Đã nộp tại quầy."})
    assert local(answer.json()["due_at"]) == "2026-11-03 17:00"


async def test_one_new_date_only_and_a_working_day_before(
    db: Connection, desk: httpx.AsyncClient, time: Time
) -> None:
    await time.to("2026-10-19 09:00")
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier, late = await filed(db, desk, person), await filed(db, desk, person)
    for one in (dossier, late):
        await office.to_appraisal(one["id"])
    await time.to("2026-10-30 16:00")
    for bad in ("2026-11-02", "2026-11-08", "2027-10-27"):
        answer = await office.act(dossier["id"], "extend", office.officer, until=bad, note="Chờ xác minh.")
        assert (answer.status_code, problem(answer)) == (400, "BadNewDate"), bad
    extended = await office.did(dossier["id"], "extend", office.officer, until="2026-11-09", note="Chờ xác minh.")
    assert extended["state"] == "appraisal"
    assert (local(extended["due_at"]), local(extended["first_due_at"])) == ("2026-11-09 17:00", "2026-11-02 17:00")
    again = await office.act(dossier["id"], "extend", office.officer, until="2026-11-16", note="Nữa.")
    assert (again.status_code, problem(again)) == (409, "AlreadyExtended")
    told = [row["data"] for row in await db.fetch(sql.news_of, UUID(dossier["id"]))]
    assert (told[-1]["happened"], told[-1]["note"]) == ("extended", "Chờ xác minh.")
    await time.to("2026-11-02 08:00")
    answer = await office.act(late["id"], "extend", office.officer, until="2026-11-09", note="Chờ xác minh.")
    assert (answer.status_code, problem(answer)) == (409, "TooLateToExtend")


async def test_the_apology_reaches_its_owner_before_it_is_due(
    db: Connection, desk: httpx.AsyncClient, time: Time
) -> None:
    """The agency is warned early enough, and what it says then is told at once."""
    await time.to("2026-10-19 09:00")
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    await time.to("2026-10-30 16:59")
    await deadlines.sweep(db)
    assert "DossierDueSoon" not in await kinds(db, dossier["id"])
    await time.to("2026-10-30 17:01")
    await deadlines.sweep(db)
    await deadlines.sweep(db)
    assert (await kinds(db, dossier["id"])).count("DossierDueSoon") == 1


async def kinds(db: Connection, dossier_id: str) -> list[str]:
    """Which news there is of a dossier."""
    return [row["kind"] for row in await db.fetch(sql.news_of, UUID(dossier_id))]


async def test_what_is_late_is_flagged_once_and_said(db: Connection, desk: httpx.AsyncClient, time: Time) -> None:
    await time.to("2026-10-19 09:00")
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    await time.to("2026-11-03 08:00")
    await deadlines.sweep(db)
    await deadlines.sweep(db)
    rows = [
        row["data"] for row in await db.fetch(sql.news_of, UUID(dossier["id"])) if row["kind"] == "DossierOverdue"
    ]
    late = [row for row in rows if row["step"] is None]
    assert len(late) == 1
    assert set(late[0]["officer_ids"]) == {str(office.officer.id), str(office.head.id)}
    mine = (await desk.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    assert mine["overdue"] is True
    for queue, found in (("overdue", 1), ("due_soon", 0)):
        answer = await desk.get(f"/v1/staff/dossiers?queue={queue}", headers=office.head.headers)
        assert len(answer.json()["items"]) == found, queue


async def test_silence_of_a_consulted_desk_is_told_to_its_head(
    db: Connection, desk: httpx.AsyncClient, time: Time
) -> None:
    """And is no consent: the dossier stays where it is."""
    await time.to("2026-10-19 09:00")
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    their_head = await a_staff_member(db, role="agency_head", agency="justice")
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    await office.did(dossier["id"], "consult", office.officer, note="Xin ý kiến.")
    await time.to("2026-10-20 10:00")
    await deadlines.sweep(db)
    rows = [
        row["data"] for row in await db.fetch(sql.news_of, UUID(dossier["id"])) if row["kind"] == "DossierOverdue"
    ]
    assert len(rows) == 1
    assert rows[0]["step"] == "Consulting"
    assert {str(their_head.id), str(office.head.id)} <= set(rows[0]["officer_ids"])
    assert (await office.see(dossier["id"]))["state"] == "consulting"


async def test_a_result_before_its_day_is_told_as_early(db: Connection, desk: httpx.AsyncClient, time: Time) -> None:
    await time.to("2026-10-19 09:00")
    await the_procedures(db, electronic=False)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person, deliver_by="counter")
    await office.to_signing(dossier["id"])
    await office.sign(dossier["id"])
    told = [row["data"] for row in await db.fetch(sql.news_of, UUID(dossier["id"])) if row["kind"] == "DossierMoved"]
    assert (told[-1]["happened"], told[-1]["before_due"]) == ("result_ready", True)
    handed_over = await office.put(dossier["id"], "delivery", office.clerk)
    assert (handed_over.json()["state"], handed_over.json()["national_status"]) == ("returned", 10)


async def test_the_days_are_those_of_the_calendar_library() -> None:
    """Counting by hand over what the library says gives what our arithmetic gives."""
    import holidays

    vietnam = holidays.country_holidays("VN", years=range(2024, 2028))
    days = Calendar(
        holidays=frozenset(day for day in vietnam),
        make_ups=frozenset(vietnam.weekend_workdays),
        known_until=date(2027, 12, 31),
    )
    day = date(2024, 1, 2)
    while day < date(2027, 6, 1):
        left, expected = 10, day
        while left:
            expected += timedelta(days=1)
            left -= vietnam.is_working_day(expected)
        assert add_working_days(day, 10, days) == expected, day
        day += timedelta(days=7)
