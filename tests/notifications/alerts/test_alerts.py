"""The life of a warning: written, approved by another, seen by everybody, updated, cancelled, over."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.db import Connection
from tests.conftest import City, Later
from tests.makers import a_resident, a_staff_member, with_role
from tests.notifications.alerts.warning import approval, in_force, in_hours, problem, put, words, written
from tests.statements import sql

VY_DA, THUAN_HOA = "19777", "19786"


async def test_a_moderate_warning_goes_out_at_once_and_everybody_reads_it(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    operator = await a_staff_member(db)
    alert = await written(desk, operator, wards=[VY_DA], parameters=[{"name": "rain_mm", "value": "200"}])
    assert (alert["state"], alert["in_force"], alert["needs_approval"]) == ("published", True, False)
    seen = (await desk.get(f"/v1/alerts/{alert['id']}", headers={"accept-language": "en"})).json()
    assert (seen["headline"], seen["event"]) == ("Heavy rain from this afternoon", "Heavy rain")
    assert seen["wards"] == [{"code": VY_DA, "name": "Vỹ Dạ"}]
    assert seen["parameters"] == [{"name": "rain_mm", "value": "200"}]
    assert (seen["identifier"], seen["sender"], seen["scope"]) == (alert["id"], alert["sender"], "Public")
    assert (await desk.get(f"/v1/alerts/{alert['id']}")).json()["headline"] == "Mưa lớn từ chiều nay"


async def test_the_same_again_is_the_same_and_other_words_are_refused(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    operator, other = await a_staff_member(db), await a_staff_member(db)
    sent, alert_id = words(wards=[VY_DA]), uuid4()
    first = await desk.put(f"/v1/staff/alerts/{alert_id}", headers=operator.headers, json=sent)
    again = await desk.put(f"/v1/staff/alerts/{alert_id}", headers=operator.headers, json=sent)
    assert (again.status_code, again.json()) == (200, first.json())
    others = await desk.put(f"/v1/staff/alerts/{alert_id}", headers=other.headers, json=sent)
    assert problem(others) == (409, "AlertIdTaken")
    changed = await put(desk, operator, alert_id=alert_id, headline_vi="Đã tạnh")
    assert problem(changed) == (409, "AlertIdTaken")
    assert len(await _news(db)) == 1


async def test_a_grave_warning_waits_for_another_supervisor(desk: httpx.AsyncClient, db: Connection) -> None:
    chief, other = await a_staff_member(db, role="supervisor"), await a_staff_member(db, role="supervisor")
    alert = await written(desk, chief, severity="Extreme")
    assert (alert["state"], alert["needs_approval"], alert["sent_at"]) == ("proposed", True, None)
    assert await in_force(desk) == []
    assert (await desk.get(f"/v1/alerts/{alert['id']}")).status_code == 404
    assert problem(await approval(desk, chief, alert["id"])) == (403, "AlertNeedsSecondPairOfEyes")
    approved = await approval(desk, other, alert["id"])
    assert (approved.json()["state"], approved.json()["decided_by"]) == ("published", str(other.id))
    assert (await approval(desk, other, alert["id"])).json() == approved.json()
    assert await in_force(desk) == [alert["id"]]
    proposed, published = await _news(db)
    assert (proposed["kind"], published["kind"]) == ("AlertProposed", "AlertPublished")
    assert str(other.id) in proposed["data"]["supervisor_ids"]
    assert str(chief.id) not in proposed["data"]["supervisor_ids"]
    assert (published["data"]["severity"], published["data"]["wards"]) == ("Extreme", [])


async def test_an_operator_cannot_approve(desk: httpx.AsyncClient, db: Connection) -> None:
    writer, operator = await a_staff_member(db), await a_staff_member(db)
    alert = await written(desk, writer, severity="Severe")
    assert problem(await approval(desk, operator, alert["id"])) == (403, "Forbidden")


async def test_a_proposal_is_refused_or_taken_back_and_stays_so(desk: httpx.AsyncClient, db: Connection) -> None:
    writer, chief = await a_staff_member(db), await a_staff_member(db, role="supervisor")
    alert = await written(desk, writer, severity="Severe")
    no = {"reason": "Chưa có số liệu"}
    at = f"/v1/staff/alerts/{alert['id']}/refusal"
    refused = await desk.put(at, headers=writer.headers, json=no)
    assert refused.json()["state"] == "refused"
    assert (await desk.put(at, headers=writer.headers, json=no)).json() == refused.json()
    assert problem(await desk.put(at, headers=chief.headers, json=no)) == (409, "AlertIsDecided")
    assert problem(await approval(desk, chief, alert["id"])) == (409, "AlertIsDecided")
    assert (await desk.get(f"/v1/alerts/{alert['id']}")).status_code == 404


async def test_what_was_proposed_cannot_change_under_the_eyes_of_whoever_approves(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    writer = await a_staff_member(db)
    alert = await written(desk, writer, severity="Severe")
    changed = await put(desk, writer, alert_id=alert["id"], severity="Severe", headline_vi="Khác")
    assert problem(changed) == (409, "AlertIdTaken")


async def test_a_proposal_that_waited_too_long_does_not_go_out(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    writer, chief = await a_staff_member(db), await a_staff_member(db, role="supervisor")
    alert = await written(desk, writer, severity="Severe", expires_at=in_hours(0.1))
    await later(600)
    assert problem(await approval(desk, chief, alert["id"])) == (400, "BadAlertTimes")


async def test_a_draft_is_the_operations_centres_own_and_may_be_written_anew(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    writer, other = await a_staff_member(db), await a_staff_member(db)
    resident, clerk = await a_resident(db), await a_staff_member(db, role="clerk")
    draft = await written(desk, writer, status="Draft", severity="Extreme")
    assert (draft["state"], draft["needs_approval"]) == ("draft", False)
    for path in (f"/v1/alerts/{draft['id']}", f"/v1/alerts/{draft['id']}/cap"):
        assert (await desk.get(path)).status_code == 404
    assert draft["id"] not in (await desk.get("/v1/alerts/feed.atom")).text
    for status in ("Actual", "Exercise", "Test"):
        assert await in_force(desk, status=status) == []
    for nobody in (resident, clerk):
        assert (await desk.get(f"/v1/staff/alerts/{draft['id']}", headers=nobody.headers)).status_code == 403
    written_anew = await written(desk, other, alert_id=draft["id"], headline_vi="Lũ trên sông Bồ")
    assert (written_anew["state"], written_anew["headline_vi"]) == ("published", "Lũ trên sông Bồ")
    assert written_anew["written_by"] == str(other.id)


async def test_an_exercise_is_for_whoever_asks_for_it_and_no_news(desk: httpx.AsyncClient, db: Connection) -> None:
    operator, resident = await a_staff_member(db), await a_resident(db)
    drill = await written(desk, operator, status="Exercise", severity="Extreme", note="Diễn tập 2026")
    assert drill["state"] == "published"
    assert (await in_force(desk), await in_force(desk, status="Exercise")) == ([], [drill["id"]])
    assert (await desk.get("/v1/home", headers=resident.headers)).json()["notifications"]["alerts"] == []
    assert drill["id"] not in (await desk.get("/v1/alerts/feed.atom")).text
    assert await _news(db) == []
    system = await written(desk, operator, status="System")
    assert (await desk.get(f"/v1/alerts/{system['id']}")).status_code == 404


async def test_an_update_takes_its_predecessors_place_and_the_chain_is_shown(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    operator = await a_staff_member(db)
    first = await written(desk, operator, wards=[VY_DA])
    second = await written(desk, operator, msg_type="Update", reference_ids=[first["id"]], wards=[THUAN_HOA])
    third = await written(desk, operator, msg_type="Update", reference_ids=[second["id"]], wards=[THUAN_HOA])
    assert await in_force(desk) == [third["id"]]
    shown = (await desk.get(f"/v1/alerts/{third['id']}")).json()
    assert {one["id"] for one in shown["references"]} == {first["id"], second["id"]}
    assert [one["sent_at"] for one in shown["references"]] == sorted(one["sent_at"] for one in shown["references"])
    before = (await desk.get(f"/v1/alerts/{first['id']}")).json()
    assert (before["in_force"], before["ended"], before["replaced_by"]) == (False, "updated", second["id"])
    published, updated, again = await _news(db)
    assert updated["kind"] == again["kind"] == "AlertUpdated"
    assert updated["data"]["wards"] == sorted([VY_DA, THUAN_HOA]), "those whom it concerns no more hear of it too"
    assert again["data"]["wards"] == [THUAN_HOA]
    first_ids = [one["data"]["first_id"] for one in (published, updated, again)]
    assert first_ids == [first["id"]] * 3, "one name for all of them on a phone"


async def test_one_update_may_take_the_place_of_two(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    one, other = await written(desk, operator, wards=[VY_DA]), await written(desk, operator, wards=[THUAN_HOA])
    both = await written(desk, operator, msg_type="Update", reference_ids=[other["id"], one["id"]], wards=["20161"])
    assert await in_force(desk) == [both["id"]]
    shown = (await desk.get(f"/v1/alerts/{both['id']}")).json()
    assert [before["id"] for before in shown["references"]] == [one["id"], other["id"]]
    assert (await _news(db))[-1]["data"]["wards"] == sorted([VY_DA, THUAN_HOA, "20161"])
    assert (await _news(db))[-1]["data"]["first_id"] == one["id"]


async def test_a_warning_that_grows_to_the_whole_city_concerns_the_whole_city(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    operator = await a_staff_member(db)
    one = await written(desk, operator, wards=[VY_DA])
    await written(desk, operator, msg_type="Update", reference_ids=[one["id"]])
    assert (await _news(db))[-1]["data"]["wards"] == []


async def test_a_cancel_ends_it(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    alert = await written(desk, operator)
    clear = await written(desk, operator, msg_type="Cancel", reference_ids=[alert["id"]], response_types=["AllClear"])
    assert clear["in_force"] is False
    assert await in_force(desk) == []
    over = (await desk.get(f"/v1/alerts/{alert['id']}")).json()
    assert (over["ended"], over["replaced_by"]) == ("cancelled", clear["id"])
    assert clear["id"] in (await desk.get("/v1/alerts/feed.atom")).text
    assert [one["kind"] for one in await _news(db)] == ["AlertPublished", "AlertCancelled"]
    assert problem(await put(desk, operator, msg_type="Update", reference_ids=[clear["id"]])) == (
        409,
        "AlertNotCurrent",
    )


@pytest.mark.parametrize("msg_type", ["Update", "Cancel"])
async def test_what_takes_the_place_of_a_grave_warning_is_grave(
    desk: httpx.AsyncClient, db: Connection, msg_type: str
) -> None:
    """An all-clear too early kills as well."""
    writer, chief = await a_staff_member(db), await a_staff_member(db, role="supervisor")
    alert = await written(desk, writer, severity="Extreme")
    await approval(desk, chief, alert["id"])
    clear = await written(desk, writer, msg_type=msg_type, severity="Minor", reference_ids=[alert["id"]])
    assert (clear["state"], clear["needs_approval"]) == ("proposed", True)
    assert await in_force(desk) == [alert["id"]]
    assert (await approval(desk, chief, clear["id"])).status_code == 200
    assert alert["id"] not in await in_force(desk)


async def test_an_expired_one_is_over_by_itself(desk: httpx.AsyncClient, db: Connection, later: Later) -> None:
    operator = await a_staff_member(db)
    alert = await written(desk, operator, expires_at=in_hours(1))
    await later(3601)
    assert await in_force(desk) == []
    over = (await desk.get(f"/v1/alerts/{alert['id']}")).json()
    assert (over["in_force"], over["ended"], over["replaced_by"]) == (False, "expired", None)


async def test_a_ward_reads_its_own_warnings_and_the_whole_citys(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    everywhere = await written(desk, operator)
    here = await written(desk, operator, wards=[VY_DA, THUAN_HOA], categories=["Transport", "Infra"])
    there = await written(desk, operator, wards=["20161"])
    assert set(await in_force(desk, ward=VY_DA)) == {everywhere["id"], here["id"]}
    assert set(await in_force(desk, ward="20161")) == {everywhere["id"], there["id"]}
    assert await in_force(desk, category="Infra") == [here["id"]]
    assert len(await in_force(desk)) == 3


async def test_pages_go_on_where_the_last_one_ended(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    made = {(await written(desk, operator))["id"] for _ in range(5)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await desk.get("/v1/alerts", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [alert["id"] for alert in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert (len(seen), set(seen)) == (5, made)
    staff = (await desk.get("/v1/staff/alerts", headers=operator.headers, params={"state": "published"})).json()
    assert {alert["id"] for alert in staff["items"]} == made


async def test_a_phone_that_has_it_already_gets_no_bytes(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    alert = await written(desk, operator)
    paths = ("/v1/alerts", f"/v1/alerts/{alert['id']}", f"/v1/alerts/{alert['id']}/cap", "/v1/alerts/feed.atom")
    for path in paths:
        etag = (await desk.get(path)).headers["etag"]
        again = await desk.get(path, headers={"if-none-match": etag})
        assert (again.status_code, again.content) == (304, b""), path
    held = {path: (await desk.get(path)).headers["etag"] for path in paths}
    await written(desk, operator, msg_type="Cancel", reference_ids=[alert["id"]])
    for path in (paths[0], paths[1], paths[3]):
        assert (await desk.get(path, headers={"if-none-match": held[path]})).status_code == 200, path


HOSTILE: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"expires_at": in_hours(-1)}, (400, "BadAlertTimes")),
    ({"onset_at": in_hours(13)}, (400, "BadAlertTimes")),
    ({"effective_at": in_hours(1)}, (400, "BadAlertTimes")),
    ({"expires_at": in_hours(24 * 31)}, (400, "BadAlertTimes")),
    ({"expires_at": "9999-12-31T23:59:59Z"}, (400, "BadAlertTimes")),
    ({"expires_at": "9999-12-31T23:59:59-12:00"}, (400, "Malformed")),
    ({"effective_at": "0001-01-01T00:00:00Z"}, (400, "BadAlertTimes")),
    ({"onset_at": "0001-01-01T00:00:00+14:00"}, (400, "Malformed")),
    ({"msg_type": "Update"}, (400, "AlertReferencesWrong")),
    ({"msg_type": "Cancel"}, (400, "AlertReferencesWrong")),
    ({"reference_ids": [str(uuid4())]}, (400, "AlertReferencesWrong")),
    ({"msg_type": "Update", "reference_ids": [str(uuid4())]}, (409, "AlertNotCurrent")),
    ({"instruction_vi": "Ở trong nhà"}, (400, "InstructionInOneLanguage")),
    ({"wards": ["00000"]}, (400, "WardUnknown")),
    ({"wards": ["'; DROP TABLE alert; --"]}, (400, "Malformed")),
    ({"severity": "severe"}, (400, "Malformed")),
    ({"scope": "Private"}, (400, "Malformed")),
    ({"categories": []}, (400, "Malformed")),
    ({"headline_vi": "a\x00b"}, (400, "Malformed")),
    ({"headline_vi": "a\nb"}, (400, "Malformed")),
    ({"headline_vi": "x" * 161}, (400, "Malformed")),
    ({"description_en": "\x1b[2J"}, (400, "Malformed")),
    ({"web": "javascript:alert(1)"}, (400, "Malformed")),
    ({"expires_at": "2031-01-01T00:00:00"}, (400, "Malformed")),
    ({"sender": "hsas@dhs.gov"}, (400, "Malformed")),
    ({"parameters": [{"name": "a"}]}, (400, "Malformed")),
]


@pytest.mark.parametrize(("other", "no"), HOSTILE, ids=[f"{next(iter(other))} {no[1]}" for other, no in HOSTILE])
async def test_what_is_no_warning_is_refused_in_both_languages(
    desk: httpx.AsyncClient, db: Connection, other: dict[str, Any], no: tuple[int, str]
) -> None:
    operator, alert_id = await a_staff_member(db), uuid4()
    assert problem(await put(desk, operator, alert_id=alert_id, **other)) == no
    assert (await desk.get(f"/v1/staff/alerts/{alert_id}", headers=operator.headers)).status_code == 404


async def test_a_draft_exercise_and_actual_do_not_replace_each_other(desk: httpx.AsyncClient, db: Connection) -> None:
    operator = await a_staff_member(db)
    drill = await written(desk, operator, status="Exercise")
    answer = await put(desk, operator, msg_type="Cancel", reference_ids=[drill["id"]])
    assert problem(answer) == (409, "AlertNotCurrent")
    draft = await written(desk, operator, status="Draft")
    answer = await put(desk, operator, status="Draft", msg_type="Update", reference_ids=[draft["id"]])
    assert answer.json()["state"] == "draft", "a draft may still name what is not out"


# At the same moment


async def test_of_two_who_approve_at_once_one_did_and_it_goes_out_once(city: City) -> None:
    async with city.database.transaction() as db:
        writer = await a_staff_member(db)
        chiefs = [await a_staff_member(db, role="supervisor") for _ in range(2)]
    alert = await written(city.client, writer, severity="Extreme")
    answers = await asyncio.gather(*(approval(city.client, chief, alert["id"]) for chief in chiefs * 3))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200, 200, 200, 409, 409, 409]
    async with city.database.acquire() as db:
        assert [one["kind"] for one in await _news(db)] == ["AlertProposed", "AlertPublished"]


async def test_of_an_update_and_a_cancel_at_once_one_takes_the_place(city: City) -> None:
    async with city.database.transaction() as db:
        operators = [await a_staff_member(db) for _ in range(6)]
    alert = await written(city.client, operators[0])
    answers = await asyncio.gather(
        *(
            put(city.client, operator, msg_type=("Update", "Cancel")[number % 2], reference_ids=[alert["id"]])
            for number, operator in enumerate(operators)
        )
    )
    won = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {problem(answer) for answer in answers if answer.status_code != 200} == {(409, "AlertNotCurrent")}
    shown = (await city.client.get(f"/v1/alerts/{alert['id']}")).json()
    assert shown["replaced_by"] == won[0]


async def test_the_same_put_at_once_is_one_warning(city: City) -> None:
    async with city.database.transaction() as db:
        operator = await a_staff_member(db)
    sent, alert_id = words(), uuid4()
    answers = await asyncio.gather(
        *(city.client.put(f"/v1/staff/alerts/{alert_id}", headers=operator.headers, json=sent) for _ in range(5))
    )
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.content for answer in answers}) == 1
    async with city.database.acquire() as db:
        assert [one["kind"] for one in await _news(db)] == ["AlertPublished"]


async def test_whoever_took_the_role_in_an_emergency_may_approve(desk: httpx.AsyncClient, db: Connection) -> None:
    """Break-glass is for such nights; it is still another person."""
    writer, operator = await a_staff_member(db), await a_staff_member(db)
    await a_staff_member(db, role="compliance")
    alert = await written(desk, writer, severity="Extreme")
    emergency = {"agency": "city", "role": "supervisor", "reason": "Lũ khẩn cấp, trưởng ca vắng", "minutes": 30}
    opened = await desk.put(f"/v1/staff/break-glass/{uuid4()}", headers=operator.headers, json=emergency)
    assert opened.status_code == 200, opened.text
    assert (await approval(desk, operator, alert["id"])).json()["state"] == "published"


async def test_the_inbox_of_whoever_must_approve_says_so(city: City) -> None:
    async with city.database.transaction() as db:
        writer, chief = await a_staff_member(db), await a_staff_member(db, role="supervisor")
        chief = await with_role(db, chief, "operator")
    await written(city.client, writer, severity="Severe")
    await city.worker.drain()
    [message] = (await city.client.get("/v1/notifications/inbox", headers=chief.headers)).json()["items"]
    assert (message["category"], message["title"]) == ("alert", "Cảnh báo chờ duyệt")


async def _news(db: Connection) -> list[Any]:
    return await db.fetch(sql.alert_news)
