"""Forms 01 to 07: what stands on them, when they may be printed, and by whom."""

import io
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pypdfium2
import pytest
import zxingcpp
from pypdf import PdfReader

from app.clock import city_now
from app.config import settings
from app.db import Connection
from app.identity.models import Role
from tests.dossiers.papers.planted import CODE, COUNTER, JUSTICE, NOT_ACCEPTED, a_dossier, a_step, sql
from tests.makers import Resident, StaffMember, a_resident, a_staff_member
from tests.wallet import pdfs

Changed = dict[str, Any]
EVERY_LETTER = "Tôn Nữ Thị Ngự Bình ăâđêôơư ẮẰẲẴẶ ẤẦẨẪẬ ẾỀỂỄỆ ỐỒỔỖỘ ỚỜỞỠỢ ỨỪỬỮỰ ỲỴỶỸ ĩũõãẽ"


def text_of(content: bytes) -> str:
    """What a reader can copy out of it, on one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


async def a_form(desk: httpx.AsyncClient, reader: Resident | StaffMember, dossier_id: UUID, number: int) -> bytes:
    """A form of a dossier of mine, or at my agency."""
    path = "dossiers" if isinstance(reader, Resident) else "staff/dossiers"
    answer = await desk.get(f"/v1/{path}/{dossier_id}/forms/{number}", headers=reader.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "private, no-store"
    return answer.content


async def test_the_receipt_says_what_was_taken_in_and_when_it_is_due(desk: httpx.AsyncClient, db: Connection) -> None:
    owner, clerk = (
        await a_resident(db),
        await a_staff_member(db, role="clerk", agency=COUNTER, name="Hồ Thị Kim Phụng"),
    )
    dossier_id = await a_dossier(db, owner.id)
    await db.execute(sql.plant_paper, dossier_id, "to_khai", 1)
    await db.execute(sql.plant_paper, dossier_id, "can_cuoc", 2)
    await db.execute(sql.plant_paper, dossier_id, "can_cuoc", 3)
    await a_step(db, dossier_id, "submitted", "xu_ly", "Tiếp nhận", actor=clerk.id)
    content = await a_form(desk, owner, dossier_id, 1)
    text = text_of(content)
    for said in (
        "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc", CODE, "4071", "Tôn Nữ Thị Ngự Bình", "Cấp bản sao trích lục hộ tịch",
        "1 ngày làm việc", "8.000 đồng (chưa nộp)",
        "1 Tờ khai cấp bản sao trích lục Bản điện tử 1", "2 Thẻ căn cước của người yêu cầu Bản điện tử 2",
        "Hồ Thị Kim Phụng",
    ):  # fmt: skip
        assert said in text
    assert set(pdfs.fonts(content).values()) == {True}
    page = pypdfium2.PdfDocument(content)[0]
    assert round(page.get_width()) == 420  # A5
    [qr] = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    assert qr.text == f"{settings().public_url}/d/{CODE}"


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
async def test_every_vietnamese_letter_survives(desk: httpx.AsyncClient, db: Connection, number: int) -> None:
    owner = await a_resident(db)
    dossier_id = await ready_for(db, number, owner.id, applicant_name=EVERY_LETTER)
    clerk = await a_staff_member(db, role="clerk", agency=COUNTER)
    content = await a_form(desk, owner if number < 6 else clerk, dossier_id, number)
    said = text_of(content)
    assert (EVERY_LETTER in said) or number == 6
    assert "ỗ" in said or "ự" in said
    assert "?" not in said


async def ready_for(db: Connection, number: int, owner_id: UUID | None, **other: Any) -> UUID:
    """A dossier of which this form can be printed."""
    now = city_now()
    changed: dict[int, Changed] = {
        3: NOT_ACCEPTED | {"state": "refused", "outcome": "refused", "ended_at": now},
        4: {"extended_at": now, "due_at": now + timedelta(days=5)},
        5: {"state": "dung", "outcome": "stopped", "clock": "stop", "ended_at": now},
    }
    dossier_id = await a_dossier(db, owner_id, **(changed.get(number, {}) | other))
    match number:
        case 2:
            await db.execute(sql.plant_supplement, dossier_id, "Thiếu trang hai của tờ khai", ["to_khai"], None)
        case 3:
            await a_step(db, dossier_id, "submitted", "refused", "Từ chối", note="Không thuộc thẩm quyền giải quyết")
        case 4:
            await a_step(
                db, dossier_id, "xu_ly", "xu_ly", "Hẹn lại", note="Đang chờ xác minh ở nơi khác", made_at=now
            )
        case 5:
            await a_step(db, dossier_id, "xu_ly", "dung", "Dừng", note="Quá hạn bổ sung giấy tờ")
        case 6:
            await a_step(db, dossier_id, "submitted", "xu_ly", "Chuyển xử lý")
        case _:
            pass
    return dossier_id


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (2, ["YÊU CẦU BỔ SUNG, HOÀN THIỆN HỒ SƠ", "Thiếu trang hai của tờ khai", "1 Tờ khai cấp bản sao trích lục"]),
        (3, ["TỪ CHỐI TIẾP NHẬN GIẢI QUYẾT HỒ SƠ", "Không thuộc thẩm quyền giải quyết"]),
        (4, ["XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ", "Đang chờ xác minh ở nơi khác"]),
        (5, ["THÔNG BÁO DỪNG GIẢI QUYẾT HỒ SƠ", "Quá hạn bổ sung giấy tờ"]),
    ],
)
async def test_a_form_says_why(desk: httpx.AsyncClient, db: Connection, number: int, said: list[str]) -> None:
    owner = await a_resident(db)
    dossier_id = await ready_for(db, number, owner.id)
    text = text_of(await a_form(desk, owner, dossier_id, number))
    assert [part for part in said if part not in text] == []


async def test_the_slip_tells_who_was_on_time(desk: httpx.AsyncClient, db: Connection) -> None:
    owner = await a_resident(db)
    dossier_id = await a_dossier(db, owner.id)
    begun = city_now() - timedelta(hours=10)
    for name, after_h, due_h in (("Tiếp nhận", 0, 2), ("Chuyển thẩm định", 1, 3), ("Trình ký", 5, 20)):
        made_at, due_at = begun + timedelta(hours=after_h), begun + timedelta(hours=due_h)
        await a_step(db, dossier_id, "xu_ly", "xu_ly", name, department=name, made_at=made_at, due_at=due_at)
    clerk = await a_staff_member(db, role="clerk", agency=COUNTER)
    text = text_of(await a_form(desk, clerk, dossier_id, 6))
    mine = await desk.get(f"/v1/dossiers/{dossier_id}/forms/6", headers=owner.headers)
    assert mine.status_code == 404  # on it stands what officers tell each other
    paces = [
        text.index(word) for word in ("Tiếp nhận", "Đúng hạn", "Chuyển thẩm", "Quá hạn", "Trình ký", "Đang xử lý")
    ]
    assert paces == sorted(paces)


@pytest.mark.parametrize("number", [2, 3, 4, 5])
async def test_a_form_that_does_not_fit_is_refused_with_the_reason(
    desk: httpx.AsyncClient, db: Connection, number: int
) -> None:
    owner = await a_resident(db)
    dossier_id = await a_dossier(db, owner.id)
    answer = await desk.get(f"/v1/dossiers/{dossier_id}/forms/{number}", headers=owner.headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:huong:problem:FormNotYet")
    assert "Hồ sơ chưa có biểu mẫu này: " in answer.json()["title"]


@pytest.mark.parametrize("number", [1, 6])
async def test_nothing_is_receipted_before_it_is_accepted(
    desk: httpx.AsyncClient, db: Connection, number: int
) -> None:
    owner = await a_resident(db)
    dossier_id = await a_dossier(db, owner.id, **NOT_ACCEPTED)
    clerk = await a_staff_member(db, role="clerk", agency=COUNTER)
    answer = await desk.get(f"/v1/staff/dossiers/{dossier_id}/forms/{number}", headers=clerk.headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:huong:problem:FormNotYet")


async def test_a_form_is_for_its_owner_and_for_whoever_deals_with_it(desk: httpx.AsyncClient, db: Connection) -> None:
    owner, stranger = await a_resident(db), await a_resident(db)
    dossier_id = await a_dossier(db, owner.id)
    people: tuple[tuple[str, Role, int], ...] = (
        (COUNTER, "clerk", 200),
        (JUSTICE, "agency_officer", 200),  # it is at their desk
        ("tax", "agency_head", 404),
        (COUNTER, "supervisor", 403),
    )
    for agency, role, status in people:
        staff = await a_staff_member(db, role=role, agency=agency)
        answer = await desk.get(f"/v1/staff/dossiers/{dossier_id}/forms/1", headers=staff.headers)
        assert answer.status_code == status, (agency, role)
    for headers, id_ in ((stranger.headers, dossier_id), (owner.headers, uuid4())):
        assert (await desk.get(f"/v1/dossiers/{id_}/forms/1", headers=headers)).status_code == 404
    assert (await desk.get(f"/v1/dossiers/{dossier_id}/forms/7", headers=owner.headers)).status_code == 400


async def test_a_dossier_that_nobody_follows_is_not_everybodys(desk: httpx.AsyncClient, db: Connection) -> None:
    dossier_id = await a_dossier(db, None)
    stranger = await a_resident(db)
    assert (await desk.get(f"/v1/dossiers/{dossier_id}/forms/1", headers=stranger.headers)).status_code == 404


# The register


async def _register(desk: httpx.AsyncClient, headers: dict[str, str], **asked: str) -> httpx.Response:
    today = f"{city_now() + timedelta(hours=7):%Y-%m-%d}"
    params = {"agency": COUNTER, "from": today, "to": today} | asked
    return await desk.get("/v1/staff/dossiers/register", headers=headers, params=params)


async def test_the_register_has_every_dossier_once_and_its_heads_on_each_page(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    clerk = await a_staff_member(db, role="clerk", agency=COUNTER)
    midnight = (city_now() + timedelta(hours=7)).replace(hour=0, minute=0, second=1) - timedelta(hours=7)
    dossier_id = await a_dossier(db, accepted_at=midnight)
    await db.execute(sql.plant_dossiers, dossier_id, 120)
    await a_dossier(db, agency_code=JUSTICE, code="H57.02-261129-0001", accepted_at=midnight)
    before = midnight - timedelta(minutes=5)
    await a_dossier(db, code="H57.01-261128-0009", accepted_at=before)
    answer = await _register(desk, clerk.headers)
    assert answer.status_code == 200, answer.text
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert len(pages) > 4
    for at, page in enumerate(pages, 1):
        said = " ".join(page.extract_text().split())
        assert said.count("Mã hồ sơ Thủ tục hành chính") == 1 or "Thủ trưởng" in said
        assert f"Trang {at}" in said
    text = text_of(answer.content)
    assert "121 hồ sơ" in text
    assert all(text.count(f"H57.01-261129-{1000 + at}") == 1 for at in range(1, 121))
    assert "H57.02-261129" not in text
    assert "H57.01-261128" not in text


async def test_the_register_is_for_its_agency(desk: httpx.AsyncClient, db: Connection) -> None:
    other = await a_staff_member(db, role="clerk", agency=JUSTICE)
    assert (await _register(desk, other.headers)).status_code == 403
    clerk = await a_staff_member(db, role="clerk", agency=COUNTER)
    for span in ({"from": "2026-01-01", "to": "2026-06-30"}, {"from": "2026-02-02", "to": "2026-02-01"}):
        answer = await _register(desk, clerk.headers, **span)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:RegisterTooLong")


# The tracking page


async def test_the_receipts_page_says_how_far_it_is_and_names_nobody(desk: httpx.AsyncClient, db: Connection) -> None:
    await a_dossier(db)
    for typed in (CODE, CODE.lower()):
        shown = await desk.get(f"/d/{typed}")
        assert shown.status_code == 200
        assert "60 %" in shown.text
        assert [
            word
            for word in ("trích lục", "extracts", "Bình", "046194", "4071", "0905", "Sở Tư pháp")
            if word in shown.text
        ] == []


async def test_a_code_that_is_none_has_a_page_too_and_guessing_ends(desk: httpx.AsyncClient, db: Connection) -> None:
    await a_dossier(db)
    shown = [await desk.get(f"/d/H57.01-261129-{at:04}") for at in range(2, 23)]
    assert [answer.status_code for answer in shown] == [404] * 20 + [429]
    assert "Không có hồ sơ này" in shown[0].text
    assert "There is no such dossier" in shown[0].text
    assert (await desk.get(f"/d/{CODE}")).status_code == 429
