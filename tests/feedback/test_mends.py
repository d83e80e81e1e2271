"""What a hostile reading of field reports found: each of these was wrong once."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from feedback import personal
from tests.app.phones import problem
from tests.app.uploads import files
from tests.feedback import fining
from tests.feedback.makers import TRANG_TIEN, a_centre, a_photo, a_sent_photo, filed, words
from tests.makers import a_resident, a_staff_member
from tests.statements import sql


async def test_another_request_at_a_version_that_is_over_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    """The very same again is a lost answer; anything else would be dropped without a word."""
    centre, person = await a_centre(db, desk), await a_resident(db)
    photos = [str(await a_sent_photo(desk, person)) for _ in range(2)]
    report = await filed(desk, person, category="pothole", uploads=photos)
    yes = await centre.put(report["id"], "verification", version=1, accepted=True)
    again = await centre.put(report["id"], "verification", version=1, accepted=True)
    no = await centre.put(report["id"], "verification", version=1, accepted=False, reason="Không rõ")
    assert (yes.status_code, again.status_code) == (200, 200)
    assert problem(no) == (409, "ReportChanged")
    covered: dict[str, Any] = {"rectangles": [{"x": 0.1, "y": 0.1, "width": 0.2, "height": 0.2}]}
    for photo, status in ((photos[0], 200), (photos[0], 200), (photos[1], 409)):
        done = await centre.put(report["id"], f"redactions/{photo}", version=2, **covered)
        assert done.status_code == status
    await centre.did(report["id"], "assignment", agency="drainage")
    after = str(await a_photo(db, centre.officer.id))
    said: dict[str, Any] = {"version": 4, "text": "Đã vá", "uploads": [after]}
    first = await centre.put(report["id"], "resolution", centre.officer, **said)
    assert first.status_code == 200
    assert (await centre.put(report["id"], "resolution", centre.officer, **said)).json() == first.json()
    said["text"] = "Đã vá xong"
    other = await centre.put(report["id"], "resolution", centre.officer, **said)
    assert problem(other) == (409, "ReportChanged")


async def test_pictures_that_answer_a_question_are_nobodys_but_the_citys(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person, category="pothole", uploads=[str(await a_sent_photo(desk, person))])
    await centre.hand_over(report["id"])
    await centre.did(report["id"], "question", centre.officer, text="Gửi ảnh giấy tờ nhà")
    papers = str(await a_sent_photo(desk, person, files.heic()))
    answered = await desk.put(
        f"/v1/feedback/reports/{report['id']}/information",
        headers=person.headers,
        json={"text": "Đây", "uploads": [papers]},
    )
    assert papers in [picture["upload_id"] for picture in answered.json()["pictures"]]
    await centre.did(report["id"], "start", centre.officer)
    public = (await desk.get(f"/v1/feedback/reports/{report['id']}")).json()
    assert [picture["part"] for picture in public["pictures"]] == ["filed"]
    seen = await centre.see(report["id"], centre.officer)
    assert papers in [picture["upload_id"] for picture in seen["pictures"]]


async def test_a_picture_that_came_after_somebody_looked_waits_until_somebody_looks(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person, category="street_light")
    url = f"/v1/feedback/reports/{report['id']}"
    await centre.hand_over(report["id"])
    await centre.resolve(report["id"], await a_photo(db, centre.officer.id))
    photo = str(await a_sent_photo(desk, person))
    opened = await desk.put(
        f"{url}/reopening", headers=person.headers, json={"reason": "Vẫn tối", "uploads": [photo]}
    )
    assert opened.status_code == 200
    assert photo not in [picture["upload_id"] for picture in (await desk.get(url)).json()["pictures"]]
    await centre.did(report["id"], "start", centre.officer)
    assert photo in [picture["upload_id"] for picture in (await desk.get(url)).json()["pictures"]]


async def test_who_answers_while_the_clock_stands_is_not_late(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    report = await filed(desk, person)
    await centre.hand_over(report["id"])
    await centre.did(report["id"], "question", centre.officer, text="Cột số mấy?")
    await db.execute(sql.age_report, UUID(report["id"]), 9)  # the deadline passes meanwhile
    done = await centre.resolve(report["id"], await a_photo(db, centre.officer.id))
    assert datetime.fromisoformat(done["resolved_at"]) < datetime.fromisoformat(done["first_due_at"])
    assert done["overdue_at"] is None


async def test_time_that_is_given_while_the_clock_stands_is_given_once(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    report = await filed(desk, person)
    await centre.hand_over(report["id"])
    await centre.did(report["id"], "question", centre.officer, text="Cột số mấy?")
    await db.execute(sql.age_report, UUID(report["id"]), 9)
    until = "2026-12-25T09:00:00+07:00"
    await centre.did(report["id"], "extension", centre.officer, until=until, reason="Chờ vật tư")
    await centre.did(report["id"], "extension-approval", supervisor, approved=True)
    answer = await desk.put(
        f"/v1/feedback/reports/{report['id']}/information", headers=person.headers, json={"text": "Số 7"}
    )
    assert datetime.fromisoformat(answer.json()["due_at"]) == datetime.fromisoformat(until)


async def test_a_caller_is_known_to_the_centre_and_strikes_nobody_else(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, victim = await a_centre(db, desk), await a_resident(db)
    for number in range(3):
        told = words(text=f"Cháy {number}", caller_phone=victim.phone, caller_name="Bác Ba")
        url = f"/v1/staff/reports/{uuid4()}"
        report = (await desk.put(url, headers=centre.operator.headers, json=told)).json()
        assert (report["reporter"]["name"], report["reporter"]["phone"]) == ("Bác Ba", victim.phone)
        if number:
            await centre.did(report["id"], "verification", accepted=False, reason="Bịa", false_report=True)
        else:
            await centre.hand_over(report["id"])
            seen = await centre.see(report["id"], centre.officer)
            assert (seen["reporter"]["name"], seen["reporter"]["phone"]) == (None, None)
    await filed(desk, victim, text="Đèn hỏng thật")


async def test_a_caller_is_forgotten_a_year_after_their_report_closed(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, told = await a_centre(db, desk), words(caller_phone="0905777888", caller_name="Bác Ba")
    [holding] = [holding for holding in personal.HOLDINGS if holding.name == "feedback.callers"]
    assert holding.forget is not None
    url = f"/v1/staff/reports/{uuid4()}"
    report = (await desk.put(url, headers=centre.operator.headers, json=told)).json()
    await centre.did(report["id"], "verification", accepted=False, reason="Ngoài thẩm quyền")
    for days, known in ((300, "Bác Ba"), (100, None)):
        await db.execute(sql.age_closed_report, UUID(report["id"]), days)
        await db.fetchval(holding.forget, holding.kept_days, 100)
        assert (await centre.see(report["id"]))["reporter"]["name"] == known


async def test_the_same_words_of_two_places_are_two_reports(db: Connection, desk: httpx.AsyncClient) -> None:
    person, (lat, lng) = await a_resident(db), TRANG_TIEN
    await filed(desk, person, text="Đèn đường hỏng")
    await filed(desk, person, text="Đèn đường hỏng", lat=lat + 0.01)
    body = words(text="Đèn đường hỏng", lat=lat + 0.0002, lng=lng)
    beside = await desk.put(f"/v1/feedback/reports/{uuid4()}", headers=person.headers, json=body)
    assert problem(beside) == (409, "SaidAlready")


async def test_officers_read_where_and_when_evidence_was_taken(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk, fining.AGENCY), await a_resident(db)
    photo = str(await a_sent_photo(desk, person))
    report = await filed(desk, person, category="parking", text="Đỗ trên vỉa hè", uploads=[photo])
    [picture] = (await centre.see(report["id"]))["pictures"]
    assert (picture["lat"], picture["lng"]) == (files.LAT, files.LNG)
    assert datetime.fromisoformat(picture["taken_at"]) == datetime.fromisoformat(files.TAKEN)


async def test_a_reporter_reads_what_is_said_to_their_report(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person, other = await a_centre(db, desk), await a_resident(db), await a_resident(db)
    report = await filed(desk, person)
    url = f"/v1/feedback/reports/{report['id']}"
    await centre.did(report["id"], "verification", accepted=True)
    for who, text in ((person, "Vẫn tối"), (other, "Tôi cũng thấy")):
        said = await desk.put(f"{url}/comments/{uuid4()}", headers=who.headers, json={"text": text})
        assert said.status_code == 200
    comments = (await desk.get(url, headers=person.headers)).json()["comments"]
    assert [(one["text"], one["mine"]) for one in comments] == [("Vẫn tối", True), ("Tôi cũng thấy", False)]


async def test_who_opens_a_complaint_or_sees_whose_a_report_is_leaves_a_trace(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    secret = await desk.put(
        f"/v1/feedback/complaints/{uuid4()}",
        headers=person.headers,
        json={"text": "Cán bộ hách dịch", "lat": TRANG_TIEN[0], "lng": TRANG_TIEN[1]},
    )
    named, nameless = await filed(desk, person, share_name=True), await filed(desk, person, text="Đèn khác")
    for report, who in ((secret.json(), supervisor), (named, centre.operator), (nameless, centre.operator)):
        await centre.see(report["id"], who)
    opened = [(row["actor_id"], row["subject"]) for row in await db.fetch(sql.audited, "report.opened")]
    assert opened == [(supervisor.id, secret.json()["code"]), (centre.operator.id, named["code"])]


async def test_a_fine_stays_with_the_agency_that_made_it(db: Connection, desk: httpx.AsyncClient) -> None:
    await fining.the_treasury(db)
    case = await fining.a_case(db)
    await fining.fined(desk, case, fining.DECISION)
    centre = await a_centre(db, desk, "construction")
    await centre.did(str(case.report_id), "assignment", agency="construction")
    version = (await centre.see(str(case.report_id), centre.officer))["version"]
    assert (await desk.get(case.path, headers=centre.officer.headers)).status_code == 404
    no_fine = {"version": version, "reason": "Nhầm"}
    there = f"/v1/staff/reports/{case.report_id}/fine-cancellation"
    assert (await desk.put(there, headers=centre.officer.headers, json=no_fine)).status_code == 404
    shown = await desk.get(case.path, headers=case.officer.headers)
    assert (shown.status_code, shown.json()["version"]) == (200, version)
    cancelled = await desk.put(there, headers=case.officer.headers, json=no_fine)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


async def test_a_public_report_does_not_vanish_into_a_private_one(db: Connection, desk: httpx.AsyncClient) -> None:
    centre, person = await a_centre(db, desk), await a_resident(db)
    secret, open_ = await filed(desk, person, private=True), await filed(desk, person, text="Đèn khác")
    for report in (secret, open_):
        await centre.did(report["id"], "verification", accepted=True)
    merged = await centre.put(open_["id"], "duplicate", of=secret["id"])
    assert problem(merged) == (409, "CannotMerge")


@pytest.mark.parametrize(
    ("said", "names", "public"),
    [
        ("Kính gửi ông Nguyễn Văn A, đã vá.", None, "Kính gửi ông ***, đã vá."),
        ("Kính gửi chị Trần Thị Hoa chúng tôi đã xử lý.", None, "Kính gửi chị *** chúng tôi đã xử lý."),
        ("kính gửi ông nguyễn văn bình, đã xong", None, "kính gửi ông ***, đã xong"),
        ("Dear Mr. John Smith, done", None, "Dear Mr. ***, done"),
        ("Kính gửi Sở Xây dựng, đã xong", None, "Kính gửi Sở Xây dựng, đã xong"),
        ("Chèo kéo, chào mời khách mua hàng ở chợ, phiền", None, "Chèo kéo, chào mời khách mua hàng ở chợ, phiền"),
        ("đang tràn lan, anh An ơi, an toàn", "An", "đang tràn lan, anh *** ơi, an toàn"),
        ("LÊ THỊ NGỰ BÌNH và Lê  Thị Ngự Bình", "Lê Thị Ngự Bình", "*** và ***"),
        ("Le Thi Ngu Binh, Ngự Bình Lê Thị, LE THI NGU BINH", "Lê Thị Ngự Bình", "***, ***, ***"),
        ("bà Ngự Bình và Bác Ba", "Lê Thị Ngự Bình\nBác Ba", "bà *** và ***"),
        ("1.500.000 đồng, 905 123 456", None, "1.500.000 đồng, ***"),
        ("Xe 75A-123.45 của ông Nguyễn Văn B", None, "Xe *** của ông ***"),
        ("75a12345, 75B1-234.56, 75-F1 1234", None, "***, ***, ***"),
        ("Số 95 Bà Triệu, đường Bà Huyện Thanh Quan", None, "Số 95 Bà Triệu, đường Bà Huyện Thanh Quan"),
        ("sâu 50 cm, 2000 đồng, số 12345 Lê Lợi", None, "sâu 50 cm, 2000 đồng, số 12345 Lê Lợi"),
    ],
)
async def test_what_is_blotted_out_and_what_is_not(db: Connection, said: str, names: str | None, public: str) -> None:
    assert await db.fetchval(sql.public_words, said, names) == public
