"""What is wrong in the street, from a phone: written without a network, sent once, answered, rated; and rescue."""

import io
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from tests.app.uploads.files import jpeg
from tests.client.conftest import NewPhone, Taps, Town, signed_in
from tests.client.looks import look
from tests.feedback.fining import DECISION, a_case, fined
from tests.feedback.makers import Centre, a_centre, a_sent_photo

MOST_TAPS = 8
"""30 s without the typing, at 2.65 s a tap (to think 1.35, to point 1.1, to press 0.2: Card, Moran and Newell, 1980),
leave so many, and 8 s for the photograph to go."""
LAMP = "Đèn đường trước số 12 không sáng từ hôm qua"


@pytest.fixture
async def centre(town: Town) -> AsyncIterator[Centre]:
    """The operations centre and the people who mend lamps."""
    async with httpx.AsyncClient(base_url=town.url) as desk:
        async with town.database.transaction() as db:
            centre = await a_centre(db, desk)
        yield centre


@pytest.fixture
async def outside(phone: Page) -> Page:
    """A phone whose owner stands at the bridge, and lets the browser know it."""
    await phone.context.grant_permissions(["geolocation"])
    await phone.context.set_geolocation({"latitude": 16.4689, "longitude": 107.5903})
    return phone


def _picture(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def _grain() -> bytes:
    """A photograph that stays large however it is packed: it goes bit by bit."""
    image = Image.frombytes("RGB", (640, 480), os.urandom(640 * 480 * 3)).resize((2200, 1650))
    into = io.BytesIO()
    image.save(into, "JPEG", quality=97)
    return into.getvalue()


async def _filed(centre: Centre) -> list[dict[str, Any]]:
    answer = await centre.desk.get("/v1/staff/reports?queue=all", headers=centre.operator.headers)
    return answer.json()["items"]


async def test_a_report_is_written_without_a_network_and_ends_with_a_rating(outside: Page, centre: Centre) -> None:
    phone = outside
    await signed_in(phone, "0900000002")
    await phone.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await phone.goto("/reports")
    await expect(phone.get_by_text("Bạn chưa gửi phản ánh nào.")).to_be_visible()
    await look(phone, "feedback-reports")

    await phone.context.set_offline(True)
    await phone.get_by_role("link", name="Gửi phản ánh").click()
    await phone.get_by_label("Chọn ảnh").set_input_files([_picture("a.jpg", jpeg()), _picture("b.jpg", _grain())])
    await expect(phone.get_by_role("img", name="Ảnh 2")).to_be_visible()
    await expect(phone.get_by_text("theo ảnh")).to_be_visible()
    await phone.get_by_label("Lĩnh vực").select_option(label="Chiếu sáng công cộng")
    await phone.get_by_label("Chuyện gì xảy ra?").fill(LAMP)
    await look(phone, "feedback-new")
    await phone.get_by_role("button", name="Gửi phản ánh").click()
    await phone.wait_for_url("**/queue")
    await expect(phone.get_by_text("Chờ gửi", exact=True).last).to_be_visible()
    await look(phone, "feedback-queue")
    assert await _filed(centre) == []

    await phone.close()  # the tab is gone before there is a network again
    await phone.context.set_offline(False)
    later = await phone.context.new_page()
    await later.goto("/queue")
    await later.get_by_role("link", name="Xem").click()
    await expect(later.get_by_text(LAMP)).to_be_visible()
    (report,) = await _filed(centre)
    assert len((await centre.see(report["id"]))["pictures"]) == 2
    await later.goto("/reports/new")
    await expect(later.get_by_label("Chuyện gì xảy ra?")).to_have_value("")

    await centre.hand_over(report["id"])
    await centre.resolve(report["id"], await a_sent_photo(centre.desk, centre.officer))
    await later.goto(f"/reports/{report['id']}")
    await expect(later.get_by_text("Đã thay bóng đèn mới.").first).to_be_visible()
    await look(later, "feedback-report")
    await later.get_by_label("Không hài lòng").check()
    await later.get_by_label("Vài lời").fill("Tối nay vẫn không sáng")
    await later.get_by_role("button", name="Gửi đánh giá").click()
    await expect(later.get_by_text("Tối nay vẫn không sáng").first).to_be_visible()

    await later.get_by_role("link", name="Kiến nghị về cán bộ xử lý").click()
    await later.get_by_label("Chuyện gì đã xảy ra?").fill("Người thợ đòi tiền")
    await look(later, "feedback-complaint")
    await later.get_by_role("button", name="Gửi kiến nghị").click()
    await expect(later.get_by_text("Không công khai")).to_be_visible()
    assert len(await _filed(centre)) == 1  # only supervisors read it

    await later.goto(f"/reports/{report['id']}")
    await later.get_by_role("button", name="Chưa được giải quyết, mở lại").click()
    await later.get_by_label("Còn vấn đề gì?").fill("Đèn vẫn tắt")
    await look(later, "feedback-reopen")
    await later.get_by_role("button", name="Mở lại", exact=True).click()
    await expect(later.get_by_text("Đơn vị đang xử lý")).to_be_visible()
    assert (await centre.see(report["id"]))["status"] == "assigned"
    assert len(await _filed(centre)) == 1


async def test_a_report_from_home_is_on_everybodys_map(outside: Page, new_phone: NewPhone, centre: Centre) -> None:
    phone = outside
    async with phone.expect_response(lambda answer: answer.url.endswith("/v1/feedback/categories")):
        await signed_in(phone, "0900000002")
    await phone.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await phone.context.set_offline(True)  # home has fetched what a report needs
    await phone.get_by_role("link", name="Gửi phản ánh").first.click()  # one touch, and the phone knows where it is
    await phone.get_by_label("Lĩnh vực").select_option(label="Chiếu sáng công cộng")
    await phone.context.set_offline(False)
    await phone.get_by_label("Chuyện gì xảy ra?").fill(LAMP)
    await expect(phone.get_by_text("vị trí của bạn", exact=True)).to_be_visible()
    await phone.get_by_role("button", name="Quay lại").click()
    await phone.get_by_role("link", name="Gửi phản ánh").first.click()  # what was begun is still there
    await expect(phone.get_by_label("Chuyện gì xảy ra?")).to_have_value(LAMP)
    await phone.get_by_role("button", name="Gửi phản ánh").click()
    await expect(phone.get_by_text("Chờ thành phố tiếp nhận")).to_be_visible()

    (report,) = await _filed(centre)
    await centre.hand_over(report["id"])
    await centre.did(report["id"], "question", centre.officer, text="Số trên cột đèn là bao nhiêu?")
    await phone.reload()
    await expect(phone.get_by_text("Số trên cột đèn là bao nhiêu?").first).to_be_visible()
    await phone.get_by_label("Trả lời").fill("Cột số 14")
    await look(phone, "feedback-inform")
    await phone.get_by_role("button", name="Gửi trả lời").click()
    await expect(phone.get_by_text("Đã trả lời câu hỏi")).to_be_visible()
    await phone.context.set_offline(True)
    await phone.get_by_label("Viết ý kiến").fill("Đêm qua lại tắt")
    await phone.get_by_role("button", name="Gửi ý kiến").click()
    await expect(phone.get_by_text("1 việc chờ gửi")).to_be_visible()
    await phone.context.set_offline(False)
    await expect(phone.get_by_text("1 việc chờ gửi")).to_be_hidden()
    assert [one["text"] for one in (await centre.see(report["id"]))["comments"]] == ["Đêm qua lại tắt"]

    neighbour = await new_phone()
    await neighbour.goto("/reports/map")
    await expect(neighbour.locator(".report-mark")).to_have_count(1)
    await look(neighbour, "feedback-map")
    await neighbour.get_by_role("link", name="Chiếu sáng công cộng").click()
    await expect(neighbour.get_by_text(LAMP)).to_be_visible()
    assert await neighbour.get_by_text("Cột số 14").count() == 0

    other = await new_phone()
    await other.context.grant_permissions(["geolocation"])
    await other.context.set_geolocation({"latitude": 16.4690, "longitude": 107.5903})
    await signed_in(other, "0900000003")
    await other.goto("/reports/new")
    await other.get_by_label("Lĩnh vực").select_option(label="Chiếu sáng công cộng")
    await other.get_by_role("button", name="Tôi cũng gặp").click()
    await expect(other.get_by_role("button", name="Bỏ theo dõi")).to_be_visible()
    assert len(await _filed(centre)) == 1


async def test_a_report_with_a_photograph_takes_few_taps(outside: Page, centre: Centre) -> None:
    phone, taps = outside, Taps()
    await signed_in(phone, "0900000002")
    await taps.on(phone, "link", "Gửi phản ánh")
    await phone.get_by_label("Chọn ảnh").set_input_files([_picture("a.jpg", jpeg())])
    taps.done += 2  # the button, and the picture
    await phone.get_by_label("Lĩnh vực").select_option(label="Chiếu sáng công cộng")
    taps.done += 2  # the list, and the line in it
    await phone.get_by_label("Chuyện gì xảy ra?").fill(LAMP)
    taps.done += 1  # before typing
    await taps.on(phone, "button", "Gửi phản ánh")
    await expect(phone.get_by_text("Chờ thành phố tiếp nhận")).to_be_visible()
    assert taps.done <= MOST_TAPS
    (report,) = await _filed(centre)
    assert len((await centre.see(report["id"]))["pictures"]) == 1


async def test_rescue_is_called_first_and_told_more_later(outside: Page, centre: Centre) -> None:
    phone = outside
    await signed_in(phone, "0900000002")
    await phone.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await phone.goto("/alerts/sos")
    await expect(phone.get_by_text("vị trí của bạn", exact=True)).to_be_visible()
    await look(phone, "feedback-sos")
    await phone.context.set_offline(True)
    await phone.get_by_role("button", name="SOS Chạm để gọi cứu giúp").click()
    await expect(phone.get_by_text("CHƯA gửi: không có mạng.")).to_be_visible()
    assert await phone.get_by_role("link", name="114").get_attribute("href") == "tel:114"
    await look(phone, "feedback-sos-waits")
    await phone.get_by_label("Mấy người").fill("Ba người, nước đến ngực")
    await phone.get_by_role("button", name="Gửi thêm").click()
    assert await _filed(centre) == []

    await phone.context.set_offline(False)
    await expect(phone.get_by_text("Đã gửi đến thành phố.")).to_be_visible()
    (report,) = await _filed(centre)
    await expect(phone.get_by_text("Đã thêm.")).to_be_visible()
    seen = await centre.see(report["id"])
    assert seen["urgent"]
    assert [one["text"] for one in seen["comments"]] == ["Ba người, nước đến ngực"]


async def test_a_fine_is_looked_up_and_paid_as_a_bill(phone: Page, town: Town, centre: Centre) -> None:
    async with town.database.transaction() as db:
        case = await a_case(db)
    await fined(centre.desk, case, DECISION)
    await signed_in(phone, "0900000002")
    await phone.goto("/reports")
    await phone.get_by_role("link", name="Tra cứu quyết định xử phạt").click()
    await phone.get_by_label("Biển số xe").fill("75A 12345")
    await phone.get_by_label("Số quyết định").fill("124/QĐ-XPHC")
    await phone.get_by_role("button", name="Tra cứu").click()
    await expect(phone.get_by_role("alert")).to_contain_text("Không tìm thấy quyết định")
    await phone.get_by_label("Số quyết định").fill("123/QĐ-XPHC")
    await phone.get_by_role("button", name="Tra cứu").click()
    await expect(phone.get_by_text("1.000.000").first).to_be_visible()
    await look(phone, "feedback-fine")
    await phone.get_by_role("link", name="Nộp phạt").click()
    await phone.wait_for_url("**/wallet/bills/*")
