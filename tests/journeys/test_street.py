"""From a photograph in the rain to a street repaired, and to a fine paid."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.clock import city_today
from tests.app.phones import problem
from tests.app.uploads import files
from tests.app.uploads.sending import send, shown
from tests.conftest import City
from tests.feedback import fining
from tests.feedback.makers import a_centre, filed
from tests.makers import Resident, StaffMember, a_resident, a_staff_member
from tests.wallet import billing

NO_PICTURES = {
    "0 bytes": (b"", 400, "FileEmpty"),
    "an SVG that is called .jpg": (files.SVG, 415, "FileTypeRefused"),
    "half a JPEG": (files.jpeg()[: len(files.jpeg()) // 2], 400, "PictureBroken"),
    "a PNG of 900 megapixels": (files.bomb(), 400, "TooManyPixels"),
}


async def inbox(city: City, who: Resident | StaffMember) -> list[str]:
    """The titles of somebody's messages, oldest first, once everything is told."""
    await city.worker.drain()
    items = (await city.client.get("/v1/notifications/inbox", headers=who.headers)).json()["items"]
    return [item["title"] for item in reversed(items)]


async def put(client: httpx.AsyncClient, who: Resident, path: str, **said: Any) -> dict[str, Any]:
    """What a resident says to a report."""
    answer = await client.put(f"/v1/feedback/reports/{path}", headers=who.headers, json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def photographed(client: httpx.AsyncClient, who: Resident | StaffMember, content: bytes) -> str:
    """The id of a picture that was taken."""
    upload_id = uuid4()
    answer = await send(client, who, upload_id, content)
    assert answer.status_code == 201, answer.text
    return str(upload_id)


async def says_nothing(client: httpx.AsyncClient, picture: dict[str, Any]) -> None:
    """Both of its files are upright, and tell neither where nor by what they were taken."""
    for url in (picture["large"], picture["small"]):
        answer = await client.get(url)
        assert answer.status_code == 200
        assert b"Nokia" not in answer.content
        seen = files.opened(answer.content)
        assert not seen.getexif()


async def test_a_pothole_is_photographed_mended_badly_and_mended_again(city: City) -> None:
    client = city.client
    async with city.database.transaction() as db:
        person, neighbour = await a_resident(db), await a_resident(db, name="Võ Thị Kim Long")
        centre, second = await a_centre(db, client, "construction"), await a_staff_member(db, role="operator")

    # The rain gets at the phone: what is no picture is refused, and the same id may be sent again.
    first = uuid4()
    for said, (content, status, kind) in NO_PICTURES.items():
        assert problem(await send(client, person, first, content)) == (status, kind), said
    assert (await send(client, person, first, files.jpeg(6))).status_code == 201
    offered = (await shown(client, person, first))["place"]
    assert offered == {"lat": files.LAT, "lng": files.LNG}
    pictures = [str(first), await photographed(client, person, files.heic())]
    report = await filed(client, person, category="pothole", text="Ổ gà sâu", uploads=pictures, **offered)
    assert (await shown(client, person, first))["place"] is None, "offered once, then gone"
    for picture in report["pictures"]:
        await says_nothing(client, picture)
    assert await inbox(city, person) == [f"Đã nhận phản ánh {report['code']}"]

    # Two operators look at once.
    done = [await centre.put(report["id"], "verification", by, version=1, accepted=True) for by in (None, second)]
    assert [answer.status_code for answer in done] == [200, 409]
    assert problem(done[1]) == (409, "ReportChanged")

    # A neighbour is about to file the same, is offered it, and follows instead.
    again = await photographed(client, neighbour, files.jpeg(6))
    asked = {"lat": 16.4636, "lng": 107.5909, "category": "pothole", "uploads": again}
    [near] = (await client.get("/v1/feedback/reports/nearby", params=asked, headers=neighbour.headers)).json()
    assert (near["id"], near["looks_alike"]) == (report["id"], True)
    await put(client, neighbour, f"{report['id']}/follow", affected=True)

    # The agency asks, is told, and answers; the answer is none.
    await centre.did(report["id"], "assignment")
    await centre.did(report["id"], "question", centre.officer, text="Làn nào?")
    await put(client, person, f"{report['id']}/information", text="Làn xe máy, hướng ra cầu")
    await centre.did(report["id"], "start", centre.officer)
    for words in ("Đã vá.", "Đã vá lại bằng bê tông nhựa nóng."):
        after = UUID(await photographed(client, centre.officer, files.pictured("WEBP")))
        await centre.did(report["id"], "resolution", centre.officer, text=words, uploads=[str(after)])
        if words == "Đã vá.":
            opened = await put(client, person, f"{report['id']}/reopening", reason="Mưa xong lại lún")
            assert (opened["status"], opened["reopened"]) == ("assigned", 1)
    rated = await put(client, person, f"{report['id']}/rating", rating="satisfied", comment="Lần này tốt")
    assert rated["status"] == "closed"

    code = report["code"]
    assert await inbox(city, neighbour) == [
        f"Đã chuyển đơn vị xử lý: {code}",
        f"Đang xử lý: {code}",
        f"Đã có kết quả xử lý: {code}",
        f"Đã mở lại phản ánh: {code}",
        f"Đã có kết quả xử lý: {code}",
    ]
    assert f"Thành phố cần thêm thông tin: {code}" in await inbox(city, person)
    assert f"Mở lại: {code}" in await inbox(city, centre.officer)
    public = (await client.get(f"/v1/feedback/reports/{report['id']}")).json()
    assert (public["status"], public["answer"]) == ("closed", "Đã vá lại bằng bê tông nhựa nóng.")
    for picture in public["pictures"]:
        await says_nothing(client, picture)
    days = {"from": str(city_today()), "to": str(city_today())}
    total = (await client.get("/v1/feedback/statistics", params=days)).json()["total"]
    assert (total["received"], total["reopened"], total["satisfied"]) == (1, 1, 1)


async def test_a_violation_is_photographed_fined_and_paid(city: City) -> None:
    client = city.client
    async with city.database.transaction() as db:
        await fining.the_treasury(db)
        person, offender = await a_resident(db), await a_resident(db, balance=2_000_000, name="Lê Văn Vi Phạm")
        centre = await a_centre(db, client, fining.AGENCY)
    taken = files.jpeg(8)
    photo = await photographed(client, person, taken)
    report = await filed(client, person, category="traffic_violation", text="Vượt đèn đỏ", uploads=[photo])
    await centre.hand_over(report["id"])
    url = f"/v1/feedback/reports/{report['id']}"
    assert (await client.get(url)).json()["pictures"] == [], "its plate is for officers"

    # The untouched file, as it came out of the phone, for officers.
    original = f"/v1/staff/reports/{report['id']}/originals/{photo}"
    kept = await client.get(original, headers=centre.officer.headers)
    assert hashlib.sha256(kept.content).digest() == hashlib.sha256(taken).digest()
    assert (await client.get(original, headers=person.headers)).status_code == 403
    covered: dict[str, Any] = {"rectangles": [{"x": 0.4, "y": 0.6, "width": 0.2, "height": 0.2}]}
    await centre.did(report["id"], f"redactions/{photo}", centre.officer, **covered)
    [picture] = (await client.get(url)).json()["pictures"]
    await says_nothing(client, picture)

    decided = await centre.did(report["id"], "fine", centre.officer, **fining.DECISION)
    found = (await fining.look_up(client)).json()
    assert (found["total"], found["bill_id"]) == (decided["amount"], decided["bill_id"])
    paid = await billing.pay(city, offender, found["bill_id"])
    assert paid.status_code == 201, paid.text
    assert f"Đã nộp phạt: {report['code']}" in await inbox(city, centre.officer)
    assert (await fining.look_up(client)).json()["status"] == "paid"
    titles = await inbox(city, person)
    assert f"Đã xử phạt vi phạm: {report['code']}" in titles
    assert fining.NOTICE["plate"] not in (await client.get(url)).text
