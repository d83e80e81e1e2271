"""The portal files dossiers with us: once each, corrected until they are accepted, and nothing hostile gets in."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from app import guarded
from app.db import Connection
from app.guarded import Fetched, NotReached, TooMuch
from app.machines.models import Scope
from dossiers.national import linked_papers
from tests.conftest import City, served
from tests.dossiers.makers import Office, an_office, the_procedures
from tests.dossiers.national.speaking import (
    DOOR,
    NUMBER,
    PortalPlayer,
    a_busy_office,
    file,
    hurry,
    sql,
    sync_of,
    words,
)
from tests.makers import Machine, a_machine, a_resident

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 10]>>endobj\nxref\n0 4\n0000000000 65535 f \n"
    b"0000000009 00000 n \n0000000053 00000 n \n0000000100 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n164\n"
    b"%%EOF\n"
)


def link(url: str = "https://files.example/cccd.pdf", code: str = "identity_card") -> dict[str, str]:
    """A paper that stands elsewhere."""
    return {"MaThanhPhanHoSo": code, "TenTepDinhKem": "Căn cước", "DuongDanTaiTepTin": url}


@pytest.fixture
async def machine(db: Connection) -> Machine:
    """The portal's."""
    await the_procedures(db)
    return await a_machine(db, ["national.write"], name="Cổng Dịch vụ công quốc gia")


async def ours(db: Connection, code: str = NUMBER) -> dict[str, Any]:
    return dict(await db.fetchrow(sql.portal_dossier, code) or {})


async def taken(desk: httpx.AsyncClient, machine: Machine, *dossiers: Any) -> list[tuple[str, str]]:
    answer = await file(desk, machine, *dossiers)
    assert answer.status_code == 200, answer.text
    return [(one["MaHoSo"], one["error_code"]) for one in answer.json()["data"]]


async def test_a_dossier_of_the_portals_is_filed_once(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    first = await file(desk, machine, words())
    assert first.json() == {"data": [{"error_code": "0", "message": "Đã nhận", "MaHoSo": NUMBER}]}
    assert (await file(desk, machine, words())).json() == first.json()
    kept = await ours(db)
    assert (kept["state"], kept["channel"], kept["applicant_name"], kept["applicant_phone"], kept["version"]) == (
        "submitted", "online", "Trần Văn Vọng Cảnh", "+84905111222", 2,
    )  # fmt: skip
    assert kept["owner_id"] is None


async def test_its_applicant_is_whoever_has_the_number_here(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    person = await a_resident(db, name="Trần Văn Vọng Cảnh")
    assert await taken(desk, machine, words(SoDienThoai=person.phone)) == [(NUMBER, "0")]
    assert (await ours(db))["owner_id"] == person.id


async def test_whoever_has_only_a_telephone_at_home_can_file(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    assert await taken(desk, machine, words(SoDienThoai="0234 3822 222")) == [(NUMBER, "0")]
    assert (await ours(db))["applicant_phone"] is None


async def test_other_words_correct_it_until_it_is_accepted(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    office = await an_office(db, desk)
    await taken(desk, machine, words())
    assert await taken(desk, machine, words(ChuHoSo="Trần Thị Vọng Cảnh")) == [(NUMBER, "0")]
    kept = await ours(db)
    assert kept["applicant_name"] == "Trần Thị Vọng Cảnh"
    assert await db.fetchval(sql.actions_of, kept["id"]) == ["submitted", "portal_corrected"]
    await office.accept(str(kept["id"]))
    answer = (await file(desk, machine, words(ChuHoSo="Khác"))).json()["data"][0]
    assert answer["error_code"] == "2"
    assert "đã được tiếp nhận" in answer["message"]
    assert (await ours(db))["applicant_name"] == "Trần Thị Vọng Cảnh"
    assert await taken(desk, machine, words(ChuHoSo="Trần Thị Vọng Cảnh")) == [(NUMBER, "0")], "that is the same"


@pytest.mark.parametrize("other", [{"MaDonVi": "H57.34"}, {"MaTruongHop": "with_fee"}, {"MaTTHC": "9.900002"}])
async def test_a_code_is_that_of_one_dossier(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, other: dict[str, str]
) -> None:
    await taken(desk, machine, words())
    assert await taken(desk, machine, words(**other)) == [(NUMBER, "1")]


async def test_what_was_asked_for_comes_through_the_portal(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    office = await an_office(db, desk)
    await taken(desk, machine, words())
    dossier_id = str((await ours(db))["id"])
    await office.did(
        dossier_id, "ask_supplement", office.clerk, note="Ảnh mờ, hãy chụp lại.", papers=["identity_card"]
    )
    assert (await ours(db))["state"] == "incomplete"
    assert await taken(desk, machine, words(BieuMau={"child_name": "Trần Vọng Hải"})) == [(NUMBER, "0")]
    kept = await ours(db)
    assert (kept["state"], kept["form"]) == ("submitted", {"child_name": "Trần Vọng Hải"})


async def test_one_that_cannot_be_taken_keeps_no_other_from_it(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    said = [
        words("G22.99.01-261122-0009", MaDonVi="H99"),
        words("G22.99.01-261122-0002"),
        words("G22.99.01-261122-0003", BieuMau={}),
        words("G22.99.01-261122-0004", MaTTHC="9.999999"),
        words("G22.99.01-261122-0005", TaiLieuNop=[link(code="other")]),
        words("G22.99.01-261122-0006", HinhThucTra="post"),
        words("G22.99.01-261122-0007", BieuMau={"child_name": "a\x00b"}),
        words("G22.99.01-261122-0008", MaDonVi="H57"),
        words("G22.99.01-261122-0001"),
    ]
    answered = await taken(desk, machine, *said)
    assert [code for code, _ in answered] == [one["MaHoSo"] for one in said], "in the order in which they came"
    assert [error_code for _, error_code in answered] == ["1", "0", "1", "1", "1", "1", "1", "1", "0"]
    assert await db.fetchval(sql.portal_dossiers) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/a.pdf", "https://[::1]/a.pdf", "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/a.pdf", "https://user@files.example/a.pdf", "https://files.example:99999/a.pdf",
    ],
)  # fmt: skip
async def test_a_paper_that_would_be_at_ours_is_refused(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, url: str
) -> None:
    assert await taken(desk, machine, words(TaiLieuNop=[link(url)])) == [(NUMBER, "1")]
    assert await ours(db) == {}


@pytest.mark.parametrize("url", ["http://files.example/a.pdf", "file:///etc/passwd", "https://a b/c", "x" * 2000])
async def test_a_paper_that_is_at_no_address_is_malformed(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, url: str
) -> None:
    assert (await file(desk, machine, words(TaiLieuNop=[link(url)]))).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"MaHoSo": "x"}, {"MaHoSo": "G22\n-261122-0001"}, {"MaTTHC": "1"}, {"LoaiDoiTuong": 1}, {"LoaiDoiTuong": "3"},
        {"ChuHoSo": ""}, {"ChuHoSo": "a\x00"}, {"BieuMau": []}, {"Email": "x"}, {"Extra": 1},
        {"TaiLieuNop": [link()] * 31},
    ],
)  # fmt: skip
async def test_what_is_malformed_is_not_taken(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, wrong: dict[str, Any]
) -> None:
    assert (await file(desk, machine, words() | wrong)).status_code == 400
    assert await ours(db) == {}


async def test_a_message_without_a_dossier_or_with_too_many_is_malformed(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    assert (await file(desk, machine)).status_code == 400
    many = [words(f"G22.99.01-261122-{number:04}") for number in range(21)]
    assert (await file(desk, machine, *many)).status_code == 400


@pytest.mark.parametrize("body", [b"", b"garbage", b"\xff\xfe", b"[" * 5000, b'{"data":'])
async def test_garbage_is_malformed(db: Connection, desk: httpx.AsyncClient, machine: Machine, body: bytes) -> None:
    headers = machine.sign("POST", DOOR, body) | {"content-type": "application/json"}
    assert (await desk.post(DOOR, headers=headers, content=body)).status_code == 400


async def test_a_huge_message_is_too_large(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> None:
    answer = await file(desk, machine, words(BieuMau={"child_name": "a" * 70_000}))
    assert answer.status_code == 413


async def test_only_the_portals_machine_may_file(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> None:
    scopes: list[Scope] = ["dossiers.write", "bills.write", "reports.write"]
    other = await a_machine(db, scopes)
    assert (await file(desk, other, words())).status_code == 403
    body = msgspec.json.encode({"data": [words()]})
    plain = await a_machine(db, ["national.write"], plain_key=True)
    as_json = {"content-type": "application/json"}
    assert (await desk.post(DOOR, headers=plain.plain | as_json, content=body)).status_code == 403
    assert (await desk.post(DOOR, headers=as_json, content=body)).status_code == 401
    resident = await a_resident(db)
    assert (await desk.post(DOOR, headers=resident.headers | as_json, content=body)).status_code == 403
    assert await ours(db) == {}


async def test_a_message_is_heard_once(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> None:
    body = msgspec.json.encode({"data": [words()]})
    headers = machine.sign("POST", DOOR, body) | {"content-type": "application/json"}
    assert (await desk.post(DOOR, headers=headers, content=body)).status_code == 200
    assert (await desk.post(DOOR, headers=headers, content=body)).status_code == 401
    other = body.replace("Vọng Hà".encode(), "Vọng Hạ".encode())
    again = machine.sign("POST", DOOR, body) | {"content-type": "application/json"}
    assert (await desk.post(DOOR, headers=again, content=other)).status_code == 401


# Papers


class Files:
    """What is at every address."""

    def __init__(self) -> None:
        self.answer: Any = Fetched(200, PDF)
        self.asked = 0

    async def get(self, url: str, *, most_bytes: int, of: str = "") -> Fetched:
        assert most_bytes == linked_papers.MOST_BYTES
        assert of
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """The Internet: nothing of it is here."""
    there = Files()
    monkeypatch.setattr(guarded, "get", there.get)
    return there


async def a_filed_one(city: City, *links: dict[str, str]) -> tuple[Office, Machine, dict[str, Any]]:
    office = await a_busy_office(city)
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["national.write"])
    assert await taken(city.client, machine, words(TaiLieuNop=list(links))) == [(NUMBER, "0")]
    await city.worker.drain()
    async with city.database.acquire() as db:
        return office, machine, await ours(db)


async def actions(city: City, dossier_id: Any) -> list[str]:
    async with city.database.acquire() as db:
        return await db.fetchval(sql.actions_of, dossier_id)


async def test_its_papers_are_fetched_and_staff_can_read_them(city: City, portal: PortalPlayer, files: Files) -> None:
    office, machine, kept = await a_filed_one(city, link())
    assert (kept["papers"], kept["version"]) == (1, 2)
    await taken(city.client, machine, words(TaiLieuNop=[link()], ChuHoSo="Trần Thị Vọng Cảnh"))
    await city.worker.drain()
    assert files.asked == 1, "what is there is not fetched again"
    seen = await office.see(str(kept["id"]))
    assert [paper["paper"] for paper in seen["papers"]] == ["identity_card"]


@pytest.mark.parametrize(
    "answer",
    [Fetched(404, b""), Fetched(200, b""), Fetched(200, b"<html>"), TooMuch(), NotReached("address_refused")],
    ids=str,
)
async def test_a_paper_that_is_none_is_told_to_whoever_has_the_dossier(
    city: City, portal: PortalPlayer, files: Files, answer: Any
) -> None:
    files.answer = answer
    _, _, kept = await a_filed_one(city, link())
    assert kept["papers"] == 0
    await hurry(city)
    assert files.asked == 1
    assert await actions(city, kept["id"]) == ["submitted", "paper_not_fetched"]


@pytest.mark.parametrize("answer", [Fetched(503, b""), Fetched(429, b""), NotReached("timeout")], ids=str)
async def test_a_paper_that_may_come_later_is_tried_again(
    city: City, portal: PortalPlayer, files: Files, answer: Any
) -> None:
    files.answer = answer
    _, _, kept = await a_filed_one(city, link())
    assert await actions(city, kept["id"]) == ["submitted"]
    files.answer = Fetched(200, PDF)
    await hurry(city)
    async with city.database.acquire() as db:
        assert (await ours(db))["papers"] == 1
        assert await db.fetchval(sql.paper_jobs) == 0


# Both ways


async def test_the_portal_hears_of_its_own_before_they_are_accepted(city: City, portal: PortalPlayer) -> None:
    office, _, kept = await a_filed_one(city)
    known = await portal.knows(NUMBER)
    assert (known["dossier"]["TrangThaiHoSo"], known["dossier"]["NgayTiepNhan"]) == ("1", "")
    accepted = await office.accept(str(kept["id"]))
    await city.worker.drain()
    known = await portal.knows(NUMBER)
    assert [step["TrangThai"] for step in known["steps"]] == ["2"]
    assert known["dossier"]["GhiChu"] == f"Mã hồ sơ tại Huế: {accepted['code']}"
    assert await portal.has(accepted["code"]) is None
    assert (await sync_of(city, str(kept["id"])))["state"] == "in_step"


async def test_the_portal_hears_that_one_is_refused(city: City, portal: PortalPlayer) -> None:
    office, _, kept = await a_filed_one(city)
    refused = await office.put(str(kept["id"]), "refusal", office.clerk, reason="Không thuộc thẩm quyền")
    assert refused.status_code == 200, refused.text
    await city.worker.drain()
    step = (await portal.knows(NUMBER))["steps"][-1]
    assert step["TrangThai"] == "3"
    assert "Không thuộc thẩm quyền" in step["NoiDungXuLy"]


async def test_the_portal_files_over_a_real_socket_several_times_at_once(city: City, portal: PortalPlayer) -> None:
    await a_busy_office(city)
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["national.write"])
    async with served(city.app) as port:
        url = f"http://localhost:{port}{DOOR}"
        said = {
            "key": machine.key,
            "data": [words()],
            "city_url": url,
            "signed_url": f"{city.settings.public_url}{DOOR}",
        }
        answer = await portal.client.post("/filings", json=said | {"times": 4}, timeout=20)
    answered = answer.json()["answered"]
    assert [one["status"] for one in answered] == [200] * 4
    assert [one["body"]["data"][0]["error_code"] for one in answered] == ["0"] * 4
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.portal_dossiers) == 1
        assert (await ours(db))["version"] == 2


async def test_messages_in_other_orders_do_not_wait_for_each_other(city: City, portal: PortalPlayer) -> None:
    await a_busy_office(city)
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["national.write"])
    said = [words(f"G22.99.01-261122-{number:04}") for number in range(10)]
    answers = await asyncio.gather(
        *(file(city.client, machine, *(said if turn % 2 else said[::-1])) for turn in range(4))
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert {one["error_code"] for answer in answers for one in answer.json()["data"]} == {"0"}
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.portal_dossiers) == 10


async def test_of_words_that_come_at_once_each_is_heard(city: City, portal: PortalPlayer) -> None:
    await a_busy_office(city)
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["national.write"])
    names = [f"Trần Văn {name} Cảnh" for name in ("Vọng", "Ngoạn", "Thắng", "Thưởng")]
    answers = await asyncio.gather(*(file(city.client, machine, words(ChuHoSo=name)) for name in names))
    assert {answer.json()["data"][0]["error_code"] for answer in answers} == {"0"}
    async with city.database.acquire() as db:
        kept = await ours(db)
    assert await actions(city, kept["id"]) == ["submitted", *["portal_corrected"] * 3]
    before = kept["version"]
    assert await taken(city.client, machine, words(ChuHoSo=kept["applicant_name"])) == [(NUMBER, "0")]
    async with city.database.acquire() as db:
        assert (await ours(db))["version"] == before, "what it says is what was heard last"
