"""A report from the street to its answer, and everything that may come between."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import city_now, working_minutes, working_time
from app.db import Connection
from feedback import deadlines, reports
from tests.conftest import City
from tests.feedback.makers import TRANG_TIEN, a_centre, a_photo, a_sent_photo, filed, words
from tests.makers import a_resident, a_staff_member
from tests.statements import sql


def problem(answer: httpx.Response) -> str:
    return answer.json()["type"].removeprefix("urn:huong:problem:")


# Filing


async def test_the_list_has_eighteen_categories_in_both_languages(desk: httpx.AsyncClient) -> None:
    vi = (await desk.get("/v1/feedback/categories")).json()
    en = (await desk.get("/v1/feedback/categories", headers={"accept-language": "en"})).json()
    assert len(vi) == len(en) == 18
    assert vi[0]["name"] == "Vi phạm giao thông"
    assert en[0]["name"] == "Traffic violation"
    assert "officer_conduct" not in {one["code"] for one in vi}


async def test_a_report_is_filed_once_however_often_it_is_sent(db: Connection, desk: httpx.AsyncClient) -> None:
    person = await a_resident(db)
    photo = await a_photo(db, person.id)
    url, body = f"/v1/feedback/reports/{uuid4()}", words(uploads=[str(photo)], urgent=True)
    first = await desk.put(url, headers=person.headers, json=body)
    again = await desk.put(url, headers=person.headers, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    report = first.json()
    assert again.json() == report
    assert report["code"].startswith("PA")
    assert report["status"] == "submitted"
    assert report["place"]["ward_name"]
    assert report["due_at"] == report["first_due_at"] > report["made_at"]
    assert [step["kind"] for step in report["steps"]] == ["filed"]
    assert report["pictures"][0]["upload_id"] == str(photo)
    other = await desk.put(url, headers=person.headers, json=body | {"text": "Chuyện khác"})
    assert (other.status_code, problem(other)) == (409, "ReportIdTaken")
    stranger = await a_resident(db)
    theirs = await desk.put(url, headers=stranger.headers, json=words())
    assert (theirs.status_code, problem(theirs)) == (409, "ReportIdTaken")


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"lat": 10.77, "lng": 106.70}, 400, "OutsideCity"),
        ({"category": "nothing"}, 400, "UnknownCategory"),
        ({"category": "officer_conduct"}, 400, "UnknownCategory"),
        ({"category": "pothole"}, 400, "PhotoNeeded"),
        ({"text": " \n "}, 400, "Malformed"),
        ({"text": "x" * 4001}, 400, "Malformed"),
        ({"lat": "16.4"}, 400, "Malformed"),
        ({"lat": 91}, 400, "Malformed"),
        ({"surprise": 1}, 400, "Malformed"),
        ({"uploads": [str(uuid4())]}, 404, "UnknownUpload"),
    ],
)
async def test_what_cannot_be_filed_is_refused_with_the_reason_and_leaves_nothing(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, Any], status: int, kind: str
) -> None:
    person = await a_resident(db)
    url = f"/v1/feedback/reports/{uuid4()}"
    answer = await desk.put(url, headers=person.headers, json=words(**change))
    assert (answer.status_code, problem(answer)) == (status, kind)
    assert (await desk.put(url, headers=person.headers, json=words())).status_code == 201, "the id is free"


async def test_somebody_elses_picture_is_like_an_unknown_one(db: Connection, desk: httpx.AsyncClient) -> None:
    person, other = await a_resident(db), await a_resident(db)
    photo = await a_photo(db, other.id)
    answer = await desk.put(
        f"/v1/feedback/reports/{uuid4()}", headers=person.headers, json=words(uploads=[str(photo)])
    )
    assert answer.status_code == 404


async def test_the_same_words_within_a_day_are_the_same_report(db: Connection, desk: httpx.AsyncClient) -> None:
    person = await a_resident(db)
    report = await filed(desk, person)
    again = await desk.put(f"/v1/feedback/reports/{uuid4()}", headers=person.headers, json=words())
    assert (again.status_code, problem(again)) == (409, "SaidAlready")
    assert again.json()["code"] == report["code"]


async def test_nobody_files_without_end(db: Connection, desk: httpx.AsyncClient) -> None:
    person = await a_resident(db)
    for number in range(10):
        await filed(desk, person, text=f"Đèn số {number} hỏng")
    answer = await desk.put(f"/v1/feedback/reports/{uuid4()}", headers=person.headers, json=words(text="Thêm nữa"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


# The whole way


async def test_from_the_street_to_a_rated_answer(db: Connection, desk: httpx.AsyncClient) -> None:
    person, neighbour = await a_resident(db), await a_resident(db, name="Võ Thị Kim Long")
    centre = await a_centre(db, desk)
    report = await filed(desk, person)
    url = f"/v1/feedback/reports/{report['id']}"
    assert (await desk.get(url)).status_code == 404, "nobody has looked at it"
    await centre.did(report["id"], "verification", accepted=True)
    seen = (await desk.get(url)).json()
    assert seen["text"] == report["text"]
    assert not {"reporter", "share_name"} & seen.keys()
    followed = await desk.put(f"{url}/follow", headers=neighbour.headers, json={"affected": True})
    assert (followed.json()["followers"], followed.json()["following"]) == (1, True)
    assert (await centre.see(report["id"]))["routed_to"] == "drainage"
    await centre.did(report["id"], "assignment", note="Cột số 7")
    assert (await centre.see(report["id"], centre.officer))["notes"][0]["text"] == "Cột số 7"
    await centre.did(report["id"], "start", centre.officer)
    bare = await centre.put(report["id"], "resolution", centre.officer, text="Xong")
    assert (bare.status_code, problem(bare)) == (400, "AfterPhotoNeeded")
    await centre.resolve(report["id"], await a_photo(db, centre.officer.id))
    rated = await desk.put(f"{url}/rating", headers=person.headers, json={"rating": "satisfied", "comment": "Nhanh"})
    assert rated.json()["status"] == "closed"
    again = await desk.put(f"{url}/rating", headers=person.headers, json={"rating": "satisfied", "comment": "Nhanh"})
    assert again.json() == rated.json()
    other = await desk.put(f"{url}/rating", headers=person.headers, json={"rating": "unsatisfied"})
    assert (other.status_code, problem(other)) == (409, "RatedAlready")
    public = (await desk.get(url)).json()
    assert public["answer"] == "Đã thay bóng đèn mới."
    assert public["rating"] == "satisfied"
    assert [step["kind"] for step in public["steps"]] == ["filed", "verified", "assigned", "started", "resolved"]
    assert {picture["part"] for picture in public["pictures"]} == {"resolved"}
    told = [(row["kind"], row["data"].get("step")) for row in await db.fetch(sql.report_news)]
    assert told == [
        ("ReportFiled", None),
        ("ReportMoved", "verified"),
        ("ReportMoved", "assigned"),
        ("ReportHandedOver", None),
        ("ReportMoved", "started"),
        ("ReportMoved", "resolved"),
    ]


async def test_two_operators_on_one_report(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    second = await a_staff_member(db, role="operator", agency="ioc")
    version = (await centre.see(report["id"]))["version"]
    await centre.did(report["id"], "verification", version=version, accepted=True)
    late = await centre.put(report["id"], "verification", second, version=version, accepted=False, reason="Không rõ")
    assert (late.status_code, problem(late)) == (409, "ReportChanged")
    assert late.json()["by"] == "Trần Văn Điều Hành"
    assert late.json()["state"] == "verified"
    retry = await centre.put(report["id"], "verification", version=version, accepted=True)
    assert retry.status_code == 200, "whoever's answer was lost on the way asks again"
    assert await db.fetchval(sql.report_steps, UUID(report["id"])) == ["filed", "verified"]


async def test_two_operators_at_the_same_moment(city: City) -> None:
    async with city.database.transaction() as db:
        person = await a_resident(db)
        operators = [await a_staff_member(db, role="operator", agency="ioc") for _ in range(6)]
    report = await filed(city.client, person)
    path = f"/v1/staff/reports/{report['id']}/verification"
    answers = await asyncio.gather(
        *(
            city.client.put(path, headers=one.headers, json={"version": 1, "accepted": True, "reason": f"{n}"})
            for n, one in enumerate(operators)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]


async def test_the_same_filing_at_the_same_moment_is_one_report(city: City) -> None:
    async with city.database.transaction() as db:
        person = await a_resident(db)
    url = f"/v1/feedback/reports/{uuid4()}"
    answers = await asyncio.gather(*(city.client.put(url, headers=person.headers, json=words()) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    again = await city.client.put(url, headers=person.headers, json=words())
    assert again.status_code == 200


async def test_an_agency_sees_its_own(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    stranger = await a_staff_member(db, role="agency_officer", agency="tourism")
    await centre.did(report["id"], "verification", accepted=True)
    for officer in (centre.officer, stranger):
        answer = await desk.get(f"/v1/staff/reports/{report['id']}", headers=officer.headers)
        assert answer.status_code == 404
    await centre.did(report["id"], "assignment", agency="drainage")
    assert (await centre.see(report["id"], centre.officer))["reporter"] == {
        "name": None,
        "phone": None,
        "email": None,
        "strikes": 0,
    }
    assert (await centre.put(report["id"], "start", stranger)).status_code == 404
    mine = await desk.get("/v1/staff/reports?queue=mine", headers=centre.officer.headers)
    assert [line["id"] for line in mine.json()["items"]] == [report["id"]]
    theirs = await desk.get("/v1/staff/reports?queue=all", headers=stranger.headers)
    assert theirs.json()["items"] == []
    assert (await desk.get("/v1/staff/reports?queue=confidential", headers=stranger.headers)).status_code == 403


async def test_the_agency_learns_who_reported_with_consent_only(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person, share_name=True)
    await centre.hand_over(report["id"])
    seen = await centre.see(report["id"], centre.officer)
    assert (seen["reporter"]["name"], seen["reporter"]["phone"]) == (person.name, person.phone)


async def test_a_report_that_is_not_ours_goes_back(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    await centre.hand_over(report["id"])
    version = (await centre.see(report["id"]))["version"]
    for _ in range(2):  # the first answer may be lost
        back = await centre.put(
            report["id"], "return", centre.officer, version=version, reason="Không phải của chúng tôi"
        )
        assert back.status_code == 204, back.text
    seen = await centre.see(report["id"])
    assert (seen["status"], seen["agency"], seen["returned"]) == ("verified", None, 1)


async def test_the_clock_waits_for_the_reporter(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person)
    await centre.hand_over(report["id"])
    asked = await centre.did(report["id"], "question", centre.officer, text="Cột đèn số mấy?")
    assert asked["question"] == "Cột đèn số mấy?"
    twice = await centre.put(report["id"], "question", text="Và ở đâu?")
    assert (twice.status_code, problem(twice)) == (409, "AskedAlready")
    await db.execute(sql.age_report, UUID(report["id"]), 7)  # a week passes
    asked_at, due_at = await db.fetchrow(sql.report_clock, UUID(report["id"]))  # pyright: ignore[reportGeneralTypeIssues]
    time = await working_time(db, asked_at.date())
    left = working_minutes(asked_at, due_at, time)
    assert left > 0
    url = f"/v1/feedback/reports/{report['id']}"
    answer = await desk.put(f"{url}/information", headers=person.headers, json={"text": "Số 7"})
    assert answer.json()["question"] is None
    due_at = datetime.fromisoformat(answer.json()["due_at"])
    assert working_minutes(city_now(), due_at, time) in {left, left - 1}, "what was left is left"
    assert answer.json()["first_due_at"] == answer.json()["due_at"]
    again = await desk.put(f"{url}/information", headers=person.headers, json={"text": "Số 7"})
    assert again.status_code == 200
    late = await desk.put(f"{url}/information", headers=person.headers, json={"text": "Số 8"})
    assert (late.status_code, problem(late)) == (409, "NothingAsked")
    foreign = await desk.put(f"{url}/information", headers=(await a_resident(db)).headers, json={"text": "Số 9"})
    assert foreign.status_code == 404


async def test_a_question_that_nobody_answers_lapses(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    await centre.did(report["id"], "question", text="Ở đâu?")
    await deadlines.sweep(db)
    assert await db.fetchval(sql.report_steps, UUID(report["id"])) == ["filed", "asked"]
    await db.execute(sql.age_report, UUID(report["id"]), 11)
    await deadlines.sweep(db)
    assert await db.fetchval(sql.report_steps, UUID(report["id"])) == ["filed", "asked", "lapsed"]
    assert (await centre.see(report["id"]))["question"] is None


async def test_more_time_needs_a_second_pair_of_eyes(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    await centre.hand_over(report["id"])
    due_at = (await centre.see(report["id"]))["due_at"]
    early = await centre.put(report["id"], "extension", centre.officer, until=report["made_at"], reason="Mưa")
    assert (early.status_code, problem(early)) == (400, "BadExtension")
    until = due_at.replace(due_at[:4], str(int(due_at[:4]) + 1))
    far = await centre.put(report["id"], "extension", centre.officer, until=until, reason="Mưa")
    assert far.status_code == 400
    until = (city_now() + timedelta(days=30)).isoformat()
    await centre.did(report["id"], "extension", centre.officer, until=until, reason="Chờ vật tư")
    waits = await centre.put(report["id"], "extension", centre.officer, until=until, reason="Chờ nữa")
    assert (waits.status_code, problem(waits)) == (409, "ExtensionWaits")
    queue = await desk.get("/v1/staff/reports?queue=extensions", headers=supervisor.headers)
    assert [line["id"] for line in queue.json()["items"]] == [report["id"]]
    assert (await centre.put(report["id"], "extension-approval", approved=True)).status_code == 403
    extended = await centre.did(report["id"], "extension-approval", supervisor, approved=True)
    assert extended["first_due_at"] == due_at
    assert extended["due_at"] > due_at
    assert extended["extended"] == 1
    assert extended["extensions"][0]["approved"] is True


async def test_who_asked_for_more_time_does_not_grant_it(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    await centre.hand_over(report["id"])
    until = (city_now() + timedelta(days=30)).isoformat()
    await centre.did(report["id"], "extension", supervisor, until=until, reason="Chờ vật tư")
    own = await centre.put(report["id"], "extension-approval", supervisor, approved=True)
    assert (own.status_code, problem(own)) == (403, "OwnExtension")


async def test_an_answer_that_is_none_is_opened_again(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person)
    url = f"/v1/feedback/reports/{report['id']}"
    early = await desk.put(f"{url}/reopening", headers=person.headers, json={"reason": "Chưa sửa"})
    assert (early.status_code, problem(early)) == (409, "NotAnsweredYet")
    await centre.hand_over(report["id"])
    await centre.resolve(report["id"], await a_photo(db, centre.officer.id))
    opened = await desk.put(f"{url}/reopening", headers=person.headers, json={"reason": "Chưa sửa"})
    again = await desk.put(f"{url}/reopening", headers=person.headers, json={"reason": "Chưa sửa"})
    assert (opened.status_code, again.json()) == (200, opened.json())
    seen = opened.json()
    assert (seen["status"], seen["reopened"], seen["answer"]) == ("assigned", 1, None)
    assert "Đã thay bóng đèn mới." in [step["text"] for step in seen["steps"]], "what was said stays on record"
    await centre.resolve(report["id"], await a_photo(db, centre.officer.id))
    await db.execute(sql.age_report, UUID(report["id"]), 11)
    late = await desk.put(f"{url}/reopening", headers=person.headers, json={"reason": "Vẫn chưa"})
    assert (late.status_code, problem(late)) == (409, "TooLateToReopen")
    await deadlines.sweep(db)
    assert (await centre.see(report["id"]))["status"] == "closed"


async def test_a_made_up_report_is_a_strike_and_three_suspend(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    bare = await centre.put((await filed(desk, person))["id"], "verification", accepted=False)
    assert (bare.status_code, problem(bare)) == (400, "ReasonNeeded")
    made_up = [await filed(desk, person, text=f"Cháy lớn {number}") for number in range(3)]
    for report in made_up:
        await centre.did(report["id"], "verification", accepted=False, reason="Không có thật", false_report=True)
    answer = await desk.put(f"/v1/feedback/reports/{uuid4()}", headers=person.headers, json=words(text="Cháy nữa"))
    assert (answer.status_code, problem(answer)) == (403, "FilingSuspended")
    assert (await desk.get(f"/v1/feedback/reports/{made_up[0]['id']}")).status_code == 404


# Late


async def test_an_agency_is_warned_before_and_told_after(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, report = await a_centre(db, desk), await filed(desk, await a_resident(db))
    supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    await centre.hand_over(report["id"])
    before = len(await db.fetch(sql.report_news))
    await deadlines.sweep(db)
    assert len(await db.fetch(sql.report_news)) == before, "nothing is late yet"
    await db.execute(sql.warn_now, UUID(report["id"]))
    for _ in range(2):
        await deadlines.sweep(db)
    await db.execute(sql.age_report, UUID(report["id"]), 1)
    await db.execute(sql.due_now, UUID(report["id"]))
    for _ in range(2):
        await deadlines.sweep(db)
    await db.execute(sql.age_report, UUID(report["id"]), 5)
    for _ in range(2):
        await deadlines.sweep(db)
    told = [
        (row["kind"], row["data"].get("escalated"), row["data"].get("officer_ids"))
        for row in await db.fetch(sql.report_news)
    ]
    officer, boss = [str(centre.officer.id)], [str(supervisor.id)]
    assert told[before:] == [
        ("ReportDueSoon", None, officer),
        ("ReportOverdue", False, officer),
        ("ReportOverdue", True, boss),
    ]
    late = await desk.get("/v1/staff/reports?queue=overdue", headers=centre.officer.headers)
    assert [line["overdue"] for line in late.json()["items"]] == [True]


# The same trouble, twice


async def test_what_is_close_by_is_offered_before_filing(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    first = await filed(desk, person, uploads=[str(await a_photo(db, person.id, phash=0b1011))])
    await filed(desk, person, text="Chưa ai xem")
    far = await filed(desk, person, text="Ở xa", lat=TRANG_TIEN[0] + 0.01)
    for report in (first, far):
        await centre.did(report["id"], "verification", accepted=True)
    lat, lng = TRANG_TIEN
    neighbour = await a_resident(db)
    alike, other = await a_photo(db, neighbour.id, phash=0b1111), await a_photo(db, neighbour.id, phash=-1)
    where: dict[str, Any] = {"lat": lat + 0.001, "lng": lng, "category": "street_light"}
    for uploads, looks_alike in (([], False), ([alike], True), ([other], False)):
        query = where | {"uploads": [str(one) for one in uploads]}
        found = await desk.get("/v1/feedback/reports/nearby", params=query, headers=neighbour.headers)
        assert [(line["id"], line["looks_alike"]) for line in found.json()] == [(first["id"], looks_alike)]
        assert 105 < found.json()[0]["distance_m"] < 117


async def test_a_merged_report_carries_its_followers_along(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, one, two, fan = await a_centre(db, desk), await a_resident(db), await a_resident(db), await a_resident(db)
    original, repeated = await filed(desk, one), await filed(desk, two)
    for report in (original, repeated):
        await centre.did(report["id"], "verification", accepted=True)
    await desk.put(f"/v1/feedback/reports/{repeated['id']}/follow", headers=fan.headers, json={})
    itself = await centre.put(original["id"], "duplicate", of=original["id"])
    assert (itself.status_code, problem(itself)) == (409, "CannotMerge")
    await centre.did(repeated["id"], "duplicate", of=original["id"])
    assert (await desk.get(f"/v1/feedback/reports/{repeated['id']}")).status_code == 404
    mine = await desk.get(f"/v1/feedback/reports/{repeated['id']}", headers=two.headers)
    assert (mine.json()["status"], mine.json()["duplicate_of"]) == ("duplicate", original["code"])
    assert (await desk.get(f"/v1/feedback/reports/{original['id']}")).json()["followers"] == 2
    await centre.did(original["id"], "assignment")
    told = [row["data"] for row in await db.fetch(sql.report_news) if row["data"].get("step") == "assigned"]
    assert sorted(told[0]["follower_ids"]) == sorted([str(two.id), str(fan.id)])


async def test_two_that_are_merged_crosswise_end_as_one(city: City) -> None:
    async with city.database.transaction() as db:
        one, two = await a_resident(db), await a_resident(db)
        operators = [await a_staff_member(db, role="operator", agency="ioc") for _ in range(2)]
    left, right = await filed(city.client, one), await filed(city.client, two)
    answers = await asyncio.gather(
        *(
            city.client.put(
                f"/v1/staff/reports/{this['id']}/duplicate",
                headers=operator.headers,
                json={"version": 1, "of": that["id"]},
            )
            for operator, this, that in zip(operators, (left, right), (right, left), strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


# What everybody may know


SECRET_NAME, SECRET_PHONE = "Tôn Nữ Bí Mật", "0905 246 135"


async def test_what_a_reporter_lets_slip_is_not_published(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db, name=SECRET_NAME)
    said = f"Tôi là {SECRET_NAME}, gọi chị Mật {SECRET_PHONE} hoặc mat@hue.example, CCCD 046190001234. Đèn hỏng."
    report = await filed(desk, person, text=said)
    assert report["text"] == said
    await centre.hand_over(report["id"])
    await centre.did(
        report["id"],
        "resolution",
        centre.officer,
        text=f"Kính gửi bà {SECRET_NAME}, đèn đã sửa. Liên hệ 0234 382 2222.",
        uploads=[str(await a_photo(db, centre.officer.id))],
    )
    public = (await desk.get(f"/v1/feedback/reports/{report['id']}")).text
    listed = (await desk.get("/v1/feedback/reports?q=den hong")).text
    assert report["code"] in listed
    for page in (public, listed):
        for secret in (SECRET_NAME, "0905", "246 135", "mat@hue", "046190001234", "chị Mật"):
            assert secret not in page
        assert "Đèn hỏng." in page
        assert "đèn đã sửa" in page


async def test_private_and_complaints_are_like_unknown_ones(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    private = await filed(desk, person, private=True)
    await centre.hand_over(private["id"])
    lat, lng = TRANG_TIEN
    complaint_url = f"/v1/feedback/complaints/{uuid4()}"
    body = {"text": "Cán bộ gây khó dễ", "lat": lat, "lng": lng}
    complaint = (await desk.put(complaint_url, headers=person.headers, json=body)).json()
    unknown = await desk.get(f"/v1/feedback/reports/{uuid4()}")
    for report in (private, complaint):
        url = f"/v1/feedback/reports/{report['id']}"
        neighbour = await a_resident(db)
        for answer in (
            await desk.get(url),
            await desk.get(url, headers=neighbour.headers),
            await desk.put(f"{url}/follow", headers=neighbour.headers, json={}),
            await desk.put(f"{url}/comments/{uuid4()}", headers=neighbour.headers, json={"text": "A"}),
        ):
            assert answer.status_code == 404
            assert answer.json()["type"] == unknown.json()["type"]
        assert (await desk.get(url, headers=person.headers)).status_code == 200
    listed = (await desk.get("/v1/feedback/reports")).text
    assert private["code"] not in listed
    assert complaint["code"] not in listed
    staff_url = f"/v1/staff/reports/{complaint['id']}"
    assert (await desk.get(staff_url, headers=centre.operator.headers)).status_code == 404
    queue = await desk.get("/v1/staff/reports?queue=all", headers=centre.operator.headers)
    assert complaint["code"] not in queue.text
    assert (await desk.get(staff_url, headers=supervisor.headers)).status_code == 200
    confidential = await desk.get("/v1/staff/reports?queue=confidential", headers=supervisor.headers)
    assert [line["id"] for line in confidential.json()["items"]] == [complaint["id"]]


async def test_of_some_categories_the_place_is_blurred(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person, category="noise", text="Hát to", address="12 Lê Lợi")
    await centre.did(report["id"], "verification", accepted=True)
    place = (await desk.get(f"/v1/feedback/reports/{report['id']}")).json()["place"]
    assert (place["lat"], place["lng"]) != TRANG_TIEN
    assert abs(place["lat"] - TRANG_TIEN[0]) < 0.001
    assert (place["address"], place["precision_m"]) == (None, 100)
    assert report["place"]["address"] == "12 Lê Lợi"
    lat, lng = reports.blurred(*TRANG_TIEN, 100)
    assert reports.blurred(lat, lng, 100) == pytest.approx((lat, lng)), "the same square, whoever asks"


async def test_evidence_is_public_only_when_somebody_covered_it(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk, "traffic-police"), await a_resident(db)
    photo = await a_sent_photo(desk, person)
    report = await filed(desk, person, category="traffic_violation", text="Vượt đèn đỏ", uploads=[str(photo)])
    await centre.did(report["id"], "verification", accepted=True)
    url = f"/v1/feedback/reports/{report['id']}"
    assert (await desk.get(url)).json()["pictures"] == []
    staff = await centre.see(report["id"])
    assert staff["pictures"][0]["original"] is True
    covered: dict[str, Any] = {"rectangles": [{"x": 0.1, "y": 0.1, "width": 0.2, "height": 0.2}]}
    await centre.did(report["id"], f"redactions/{photo}", **covered)
    assert len((await desk.get(url)).json()["pictures"]) == 1
    foreign = await a_sent_photo(desk, person)
    assert (await centre.put(report["id"], f"redactions/{foreign}", **covered)).status_code == 404


# Lists


async def test_lists_by_box_category_state_ward_and_words(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    lamp = await filed(desk, person)
    dog = await filed(desk, person, category="animals", text="Chó thả rông ở Vỹ Dạ", lat=16.4751, lng=107.6106)
    for report in (lamp, dog):
        await centre.did(report["id"], "verification", accepted=True)

    async def ids(**query: Any) -> list[str]:
        answer = await desk.get("/v1/feedback/reports", params=query)
        assert answer.status_code == 200, answer.text
        return [line["id"] for line in answer.json()["items"]]

    assert await ids() == [dog["id"], lamp["id"]]
    assert await ids(category="animals") == [dog["id"]]
    assert await ids(bbox="107.60,16.47,107.62,16.48") == [dog["id"]]
    assert await ids(ward=dog["place"]["ward"]) == [dog["id"]]
    assert await ids(q="cho tha rong") == [dog["id"]]
    assert await ids(q=lamp["code"].lower()) == [lamp["id"]]
    assert await ids(status="resolved") == []
    first = (await desk.get("/v1/feedback/reports?limit=1")).json()
    second = (await desk.get("/v1/feedback/reports", params={"limit": 1, "cursor": first["next"]})).json()
    assert [first["items"][0]["id"], second["items"][0]["id"], second["next"]] == [dog["id"], lamp["id"], None]
    for bad in ("1,2,3", "a,b,c,d", "108,16,107,17", "0,0,0,91", "nan,0,1,1"):
        answer = await desk.get("/v1/feedback/reports", params={"bbox": bad})
        assert (answer.status_code, problem(answer)) == (400, "BadBox")
    mine = await desk.get("/v1/feedback/reports/mine", headers=person.headers)
    assert [line["id"] for line in mine.json()["items"]] == [dog["id"], lamp["id"]]


async def test_comments_are_anonymous_and_may_be_hidden(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person, other = await a_centre(db, desk), await a_resident(db), await a_resident(db, name=SECRET_NAME)
    report = await filed(desk, person)
    await centre.did(report["id"], "verification", accepted=True)
    url = f"/v1/feedback/reports/{report['id']}/comments/{uuid4()}"
    text = f"Tôi {SECRET_NAME} cũng thấy, gọi {SECRET_PHONE}"
    said = await desk.put(url, headers=other.headers, json={"text": text})
    again = await desk.put(url, headers=other.headers, json={"text": text})
    assert [comment["mine"] for comment in said.json()["comments"]] == [True]
    assert again.json() == said.json()
    taken = await desk.put(url, headers=person.headers, json={"text": "Khác"})
    assert (taken.status_code, problem(taken)) == (409, "CommentIdTaken")
    public = (await desk.get(f"/v1/feedback/reports/{report['id']}")).text
    assert SECRET_NAME not in public
    assert SECRET_PHONE not in public
    comment_id = said.json()["comments"][0]["id"]
    hidden = await desk.put(
        f"/v1/staff/reports/{report['id']}/comments/{comment_id}/hiding",
        headers=centre.operator.headers,
        json={"reason": "Nêu tên người khác"},
    )
    assert hidden.json()["comments"] == []
    assert (await desk.get(f"/v1/feedback/reports/{report['id']}")).json()["comments"] == []


async def test_the_hotline_files_for_whoever_calls(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    url = f"/v1/staff/reports/{uuid4()}"
    body = words(caller_phone=person.phone, caller_name="Bác Ba")
    first = await desk.put(url, headers=centre.operator.headers, json=body)
    again = await desk.put(url, headers=centre.operator.headers, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["channel"] == "hotline"
    assert first.json()["reporter"]["name"] == "Bác Ba"
    mine = await desk.get("/v1/feedback/reports/mine", headers=person.headers)
    assert [line["id"] for line in mine.json()["items"]] == [first.json()["id"]]
    nobody = await desk.put(f"/v1/staff/reports/{uuid4()}", headers=centre.operator.headers, json=words(text="Khách"))
    asked = await centre.put(nobody.json()["id"], "question", text="Ở đâu?")
    assert (asked.status_code, problem(asked)) == (409, "NobodyToAsk")


async def test_notes_are_for_the_citys_people(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person)
    await centre.did(report["id"], "verification", accepted=True)
    url = f"/v1/staff/reports/{report['id']}/notes/{uuid4()}"
    for _ in range(2):
        written = await desk.put(url, headers=centre.operator.headers, json={"text": "Đã gọi điện"})
        assert len(written.json()["notes"]) == 1
    other = await desk.put(url, headers=centre.operator.headers, json={"text": "Khác"})
    assert (other.status_code, problem(other)) == (409, "ReportNoteIdTaken")
    for headers in ({}, person.headers):
        assert "Đã gọi điện" not in (await desk.get(f"/v1/feedback/reports/{report['id']}", headers=headers)).text


async def test_the_first_screen_shows_what_waits(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person)
    await centre.did(report["id"], "question", text="Ở đâu?")
    home = (await desk.get("/v1/home", headers=person.headers)).json()["feedback"]
    assert (home["open"], home["questions"], home["latest"][0]["code"]) == (1, 1, report["code"])
