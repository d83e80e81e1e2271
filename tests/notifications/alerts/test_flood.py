"""What people look for in a flood: how high the water stands, as operators and machines say it, and what is near."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from app.clock import city_now
from app.db import Connection
from notifications.alerts import readings
from tests.conftest import City, Later
from tests.feedback.makers import a_photo, filed
from tests.makers import Machine, StaffMember, a_machine, a_resident, a_staff_member
from tests.notifications.alerts.warning import problem


def ago(hours: float = 0) -> str:
    return (city_now() - timedelta(hours=hours)).replace(microsecond=0).isoformat()


def reading(
    station: str = "kim-long", hours_ago: float = 0, level_m: float | None = 1.5, **other: Any
) -> dict[str, Any]:
    return {"station": station, "measured_at": ago(hours_ago), "level_m": level_m} | other


async def put(desk: httpx.AsyncClient, who: StaffMember, body: dict[str, Any], id_: object = None) -> httpx.Response:
    return await desk.put(f"/v1/staff/river-readings/{id_ or uuid4()}", headers=who.headers, json=body)


async def posted(desk: httpx.AsyncClient, machine: Machine, *readings: dict[str, Any], **headers: str) -> Any:
    body = msgspec.json.encode({"readings": readings})
    signed = machine.sign("POST", "/v1/readings", body)
    answer = await desk.post(
        "/v1/readings", headers=signed | {"content-type": "application/json"} | headers, content=body
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def flood(desk: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    answer = await desk.get("/v1/alerts/flood", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def river(desk: httpx.AsyncClient, code: str = "kim-long") -> dict[str, Any]:
    return next(one for one in (await flood(desk))["rivers"] if one["code"] == code)


async def reservoir(desk: httpx.AsyncClient, code: str = "ta-trach") -> dict[str, Any]:
    return next(one for one in (await flood(desk))["reservoirs"] if one["code"] == code)


async def test_without_readings_it_says_what_is_known(desk: httpx.AsyncClient, db: Connection) -> None:
    page = await flood(desk)
    assert [(one["river"], one["name"]) for one in page["rivers"]] == [
        ("Sông Hương", "Kim Long"),
        ("Sông Bồ", "Phú Ốc"),
        ("Sông Ô Lâu", "Phong Bình"),
        ("Sông Truồi", "Truồi"),
    ]
    assert [one["alarm_levels_m"] for one in page["rivers"]] == [[1.0, 2.0, 3.5], [1.5, 3.0, 4.5], [], []]
    assert [one["name"] for one in page["reservoirs"]] == ["Bình Điền", "Hương Điền", "Tả Trạch"]
    assert {(one["level_m"], one["measured_at"], one["trend"]) for one in page["rivers"]} == {(None, None, None)}
    assert [one["number"] for one in page["hotlines"]] == ["112", "113", "114", "115", "19001075"]
    categories = {one["code"]: one for one in (await desk.get("/v1/feedback/categories")).json()}
    assert categories[page["sos"]["category"]]["photo"] is False, "whoever sits on a roof takes no picture first"
    english = await flood(desk, **{"accept-language": "en"})
    assert english["rivers"][0]["river"] == "Hương river"
    assert english["hotlines"][0]["name"] == "Search and rescue"


@pytest.mark.parametrize(
    ("level_m", "alarm"), [(-0.2, 0), (0.99, 0), (1.0, 1), (1.99, 1), (2.0, 2), (3.49, 2), (3.5, 3), (5.81, 3)]
)
async def test_a_level_is_above_an_alarm_from_that_centimetre_on(
    desk: httpx.AsyncClient, db: Connection, level_m: float, alarm: int
) -> None:
    operator = await a_staff_member(db)
    assert (await put(desk, operator, reading(level_m=level_m))).status_code == 200
    shown = await river(desk)
    assert (shown["level_m"], shown["alarm"]) == (level_m, alarm)


async def test_a_river_without_alarms_has_none(desk: httpx.AsyncClient, db: Connection) -> None:
    await put(desk, await a_staff_member(db), reading("truoi", level_m=9.0))
    assert ((await river(desk, "truoi"))["alarm"], (await river(desk, "truoi"))["level_m"]) == (None, 9.0)


async def test_the_same_again_is_the_same_and_another_of_that_moment_is_refused(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    operator, id_, measured = await a_staff_member(db), uuid4(), reading(level_m=1.87)
    first = await put(desk, operator, measured, id_)
    assert (await put(desk, operator, measured, id_)).json() == first.json()
    assert first.json()["level_m"] == 1.87
    assert problem(await put(desk, operator, {**measured, "level_m": 1.88}, id_)) == (409, "ReadingIdTaken")
    assert problem(await put(desk, operator, {**measured, "level_m": 1.88})) == (409, "ReadingMomentTaken")


async def test_a_reading_that_comes_late_takes_its_own_place(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    await put(desk, operator, reading(hours_ago=0.5, level_m=2.1))
    await put(desk, operator, reading(hours_ago=3, level_m=1.6))
    shown = await river(desk)
    assert (shown["level_m"], shown["trend"]) == (2.1, "rising")
    assert [level["level_m"] for level in shown["levels"]] == [1.6, 2.1]


@pytest.mark.parametrize(("before_m", "trend"), [(1.4, "rising"), (1.6, "falling"), (1.51, "steady")])
async def test_where_it_goes(desk: httpx.AsyncClient, db: Connection, before_m: float, trend: str) -> None:
    operator = await a_staff_member(db)
    await put(desk, operator, reading(hours_ago=1, level_m=before_m))
    await put(desk, operator, reading(hours_ago=0, level_m=1.5))
    await put(desk, operator, reading("ta-trach", hours_ago=1, level_m=40 + before_m))
    await put(desk, operator, reading("ta-trach", hours_ago=0, level_m=41.5, inflow_m3_s=812.3, discharge_m3_s=400))
    assert (await river(desk))["trend"] == trend
    shown = await reservoir(desk)
    assert (shown["trend"], shown["level_m"]) == (trend, 41.5)
    assert (shown["inflow_m3_s"], shown["discharge_m3_s"]) == (812.3, 400)


async def test_what_is_a_day_old_is_not_shown_as_now(desk: httpx.AsyncClient, db: Connection, later: Later) -> None:
    operator = await a_staff_member(db)
    await put(desk, operator, reading(level_m=3.6))
    await put(desk, operator, reading("ta-trach", level_m=41))
    await later(86_401)
    assert ((await river(desk))["level_m"], (await river(desk))["alarm"]) == (None, None)
    assert (await reservoir(desk))["level_m"] is None


async def test_a_mistake_is_withdrawn_and_measured_again(desk: httpx.AsyncClient, db: Connection) -> None:
    operator, id_, measured = await a_staff_member(db), uuid4(), reading(level_m=9.9)
    await put(desk, operator, measured, id_)
    gone = await desk.put(
        f"/v1/staff/river-readings/{id_}/withdrawal", headers=operator.headers, json={"reason": "Gõ nhầm 0.99"}
    )
    assert gone.json()["withdrawn_at"] is not None
    assert (await river(desk))["level_m"] is None
    assert (await put(desk, operator, {**measured, "level_m": 0.99})).status_code == 200
    assert (await river(desk))["level_m"] == 0.99
    unknown = await desk.put(
        f"/v1/staff/river-readings/{uuid4()}/withdrawal", headers=operator.headers, json={"reason": "?"}
    )
    assert problem(unknown) == (404, "NotFound")


HOSTILE: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"station": "sai-gon"}, (400, "StationUnknown")),
    ({"level_m": None}, (400, "ReadingEmpty")),
    ({"level_m": 12.01}, (400, "ReadingImplausible")),
    ({"level_m": -3.01}, (400, "ReadingImplausible")),
    ({"inflow_m3_s": 1}, (400, "ReadingImplausible")),
    ({"station": "ta-trach", "level_m": 40, "discharge_m3_s": 20_001}, (400, "ReadingImplausible")),
    ({"station": "ta-trach", "level_m": 40, "inflow_m3_s": -0.01}, (400, "ReadingImplausible")),
    ({"measured_at": "2031-01-01T00:00:00+07:00"}, (400, "BadReadingMoment")),
    ({"measured_at": "2020-01-01T00:00:00+07:00"}, (400, "BadReadingMoment")),
    ({"measured_at": "2026-01-01T00:00:00"}, (400, "Malformed")),
    ({"level_m": "1.5"}, (400, "Malformed")),
    ({"level_m": 1e308}, (400, "Malformed")),
    ({"station": "kim-long\x00"}, (400, "Malformed")),
    ({"made_by": "me"}, (400, "Malformed")),
]


@pytest.mark.parametrize(("other", "no"), HOSTILE, ids=[f"{other} {no[1]}" for other, no in HOSTILE])
async def test_what_cannot_be_is_refused_politely(
    desk: httpx.AsyncClient, db: Connection, other: dict[str, Any], no: tuple[int, str]
) -> None:
    answer = await put(desk, await a_staff_member(db), reading() | other)
    assert problem(answer) == no
    if no[1] == "ReadingImplausible":
        assert "m³/s" in answer.json()["title"]


# Machines


async def test_a_machine_sends_its_day_and_sends_it_again(desk: httpx.AsyncClient, db: Connection) -> None:
    machine = await a_machine(db, ["readings.write"])
    day = [reading(hours_ago=hour, level_m=1 + hour / 10) for hour in range(24)]
    assert await posted(desk, machine, *day) == {"taken": 24, "known": 0, "refused": []}
    assert await posted(desk, machine, *day, reading("phu-oc", level_m=2)) == {
        "taken": 1,
        "known": 24,
        "refused": [],
    }
    shown = await river(desk)
    assert (shown["level_m"], shown["trend"], len(shown["levels"])) == (1.0, "falling", 24)


async def test_each_reading_is_taken_or_not_by_itself(desk: httpx.AsyncClient, db: Connection) -> None:
    machine, operator = await a_machine(db, ["readings.write"]), await a_staff_member(db)
    await put(desk, operator, known := reading("phu-oc", hours_ago=2, level_m=1.2))
    sent = [
        reading(level_m=1.1),
        reading(level_m=99),
        reading("nowhere"),
        {**known, "level_m": 1.3},
        {**known, "level_m": 1.2},
        reading(level_m=1.1),
        reading(level_m=1.2),
    ]
    sent[5]["measured_at"] = sent[6]["measured_at"] = sent[0]["measured_at"]
    done = await posted(desk, machine, *sent, **{"accept-language": "en"})
    refused = [(no["position"], no["problem"]) for no in done["refused"]]
    assert refused == [
        (1, "ReadingImplausible"),
        (2, "StationUnknown"),
        (3, "ReadingMomentTaken"),
        (4, "ReadingMomentTaken"),
        (6, "ReadingMomentTaken"),
    ]
    assert (done["taken"], done["known"]) == (1, 1)
    assert done["refused"][1]["title"] == "There is no gauge or reservoir with this code."


async def test_an_empty_batch_is_nothing(desk: httpx.AsyncClient, db: Connection) -> None:
    machine = await a_machine(db, ["readings.write"])
    assert await posted(desk, machine) == {"taken": 0, "known": 0, "refused": []}


async def test_a_machine_without_the_scope_may_not(desk: httpx.AsyncClient, db: Connection) -> None:
    machine, body = await a_machine(db, ["reports.write"]), msgspec.json.encode({"readings": []})
    headers = machine.sign("POST", "/v1/readings", body) | {"content-type": "application/json"}
    assert problem(await desk.post("/v1/readings", headers=headers, content=body)) == (403, "Forbidden")


async def test_a_thousand_levels_are_thinned_and_the_newest_is_there(desk: httpx.AsyncClient, db: Connection) -> None:
    machine = await a_machine(db, ["readings.write"])
    for part in range(3):
        await posted(
            desk, machine, *(reading(hours_ago=n / 60, level_m=1.0) for n in range(part * 450, part * 450 + 450))
        )
    newest = reading(hours_ago=-1 / 60, level_m=1.9)
    await posted(desk, machine, newest)
    levels = (await river(desk))["levels"]
    assert 80 < len(levels) <= 97, "one of each quarter of an hour"
    assert levels[-1]["level_m"] == 1.9
    assert [level["at"] for level in levels] == sorted(level["at"] for level in levels)


async def test_two_machines_at_once_make_one_reading_of_a_moment(city: City) -> None:
    async with city.database.transaction() as db:
        machines = [await a_machine(db, ["readings.write"]) for _ in range(4)]
    day = [reading(hours_ago=hour, level_m=1.5) for hour in range(20)]
    done = await asyncio.gather(*(posted(city.client, machine, *day) for machine in machines))
    assert sum(one["taken"] for one in done) == 20
    assert sum(one["known"] for one in done) == 60
    assert len((await river(city.client))["levels"]) == 20


async def test_a_reading_that_is_withdrawn_at_that_moment_is_refused_and_nothing_breaks(
    desk: httpx.AsyncClient, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the way of the machine's, and is gone when that one looks what it was."""
    machine, operator = await a_machine(db, ["readings.write"]), await a_staff_member(db)
    id_, known = uuid4(), reading()
    await put(desk, operator, known, id_)
    looks = readings._others  # pyright: ignore[reportPrivateUsage]

    async def late(db: Connection, measured: Any) -> Any:
        await readings.withdraw(db, operator.me, id_, "Nhầm")
        return await looks(db, measured)

    monkeypatch.setattr(readings, "_others", late)
    done = await posted(desk, machine, known)
    assert (done["taken"], [no["problem"] for no in done["refused"]]) == (0, ["ReadingMomentTaken"])


# Roads


async def test_roads_under_water_are_public_reports_that_were_accepted(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    person, operator = await a_resident(db), await a_staff_member(db)
    photo = await a_photo(db, person.id)
    report = await filed(desk, person, category="drainage", text="Nước ngập 40 cm", uploads=[str(photo)])
    assert (await flood(desk))["flooded_roads"] == [], "nobody has looked yet"
    accepted = await desk.put(
        f"/v1/staff/reports/{report['id']}/verification",
        headers=operator.headers,
        json={"version": 1, "accepted": True},
    )
    assert accepted.status_code == 200, accepted.text
    [road] = (await flood(desk))["flooded_roads"]
    assert (road["report_id"], road["text"], road["code"]) == (report["id"], "Nước ngập 40 cm", report["code"])
    assert road["ward_name"]


async def test_a_private_report_and_a_lamp_are_no_flooded_roads(desk: httpx.AsyncClient, db: Connection) -> None:
    person = await a_resident(db)
    await filed(desk, person)
    assert (await flood(desk))["flooded_roads"] == []


async def test_a_phone_polls_the_page_for_no_bytes(desk: httpx.AsyncClient, db: Connection) -> None:
    first = await desk.get("/v1/alerts/flood")
    assert first.headers["cache-control"] == "max-age=15, public"
    again = await desk.get("/v1/alerts/flood", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await put(desk, await a_staff_member(db), reading())
    assert (await desk.get("/v1/alerts/flood", headers={"if-none-match": first.headers["etag"]})).status_code == 200
