"""At the one-stop counter by phone: from words without accents to a signed paper, and what is asked on the way."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.app.uploads.files import jpeg
from tests.client.conftest import NewPhone, Town, signed_in
from tests.client.looks import look
from tests.dossiers.makers import Office, an_office

PHOTO = FilePayload(name="can-cuoc.jpg", mimeType="image/jpeg", buffer=jpeg())


@pytest.fixture
async def office(town: Town) -> AsyncIterator[Office]:
    """The counter of Thuận Hóa, whose people act by the API."""
    async with httpx.AsyncClient(base_url=town.url) as desk:
        async with town.database.transaction() as db:
            made = await an_office(db, desk)
        yield made


async def _filed(phone: Page) -> str:
    """An extract is found without accents, filled in, its paper photographed, and filed; the dossier's id."""
    await phone.goto("/dossiers")
    await look(phone, "dossiers-mine")
    await phone.get_by_label("Bạn cần làm thủ tục gì?").fill("ban sao trich luc")
    await phone.get_by_role("button", name="Tìm thủ tục").click()
    await expect(phone.get_by_role("link", name="Cấp bản sao trích lục hộ tịch")).to_be_visible()
    await look(phone, "dossiers-procedures")
    await phone.get_by_role("link", name="Cấp bản sao trích lục hộ tịch").click()
    await expect(phone.get_by_text("Luật Hộ tịch", exact=True)).to_be_visible()
    await look(phone, "dossiers-procedure")
    await phone.get_by_role("link", name="Nộp hồ sơ").click()
    await phone.get_by_label("Nơi nộp").select_option(label="Thuận Hóa (phường)")
    await phone.get_by_label("Họ tên người có sự kiện hộ tịch").fill("Lê Thị Ngự Bình")
    await phone.get_by_label("Ngày sinh").fill("1994-03-12")
    await phone.get_by_role("radio", name="Khai sinh", exact=True).check()
    await phone.get_by_label("Quan hệ với người có tên").fill("Bản thân")
    await phone.get_by_label("Số bản sao cần cấp").fill("2")
    await expect(phone.get_by_text("16.000 ₫")).to_be_visible()
    await phone.get_by_label("Chụp hoặc chọn tệp: Căn cước").set_input_files([PHOTO])
    await expect(phone.get_by_text("đã gửi")).to_be_visible()
    await phone.get_by_role("button", name="Nộp hồ sơ").click()
    await expect(phone.get_by_text("Nơi đã đăng ký: bắt buộc phải điền")).to_be_visible()
    await look(phone, "dossiers-new")
    await phone.get_by_label("Nơi đã đăng ký").fill("Phường Vĩ Dạ, Huế")
    await phone.get_by_role("button", name="Nộp hồ sơ").click()
    await phone.wait_for_url(re.compile(r"/dossiers/[0-9a-f-]{36}$"))
    return phone.url.rpartition("/")[2]


async def _told_of_the_fee(office: Office, dossier_id: str, version: int) -> None:
    """The worker tells the dossier that its fee is paid, which is a step of it."""
    async with asyncio.timeout(10):
        while (await office.see(dossier_id))["version"] == version:  # noqa: ASYNC110 - the worker tells nobody here
            await asyncio.sleep(0.1)


async def test_from_words_without_accents_to_a_signed_paper(phone: Page, office: Office) -> None:
    await signed_in(phone, "0900000003")
    dossier_id = await _filed(phone)
    accepted = await office.accept(dossier_id)

    await phone.reload()
    await expect(phone.get_by_text("Hẹn trả kết quả", exact=True)).to_be_visible()
    await look(phone, "dossiers-one")
    await phone.get_by_role("link", name="Nộp lệ phí").click()
    await phone.get_by_role("button", name=re.compile("Thanh toán")).click()
    await phone.wait_for_url("**/wallet/payments/*")
    await _told_of_the_fee(office, dossier_id, accepted["version"])

    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "propose", office.officer)
    await office.sign(dossier_id)
    await phone.goto(f"/dossiers/{dossier_id}")
    opened = phone.get_by_role("button", name="Mở kết quả (PDF)")
    await expect(opened).to_be_visible(timeout=25_000)
    async with phone.expect_download() as downloading:
        await opened.click()
    pdf = Path(await (await downloading.value).path()).read_bytes()
    assert pdf.startswith(b"%PDF")
    await phone.get_by_role("radio", name="Hài lòng", exact=True).check()
    await phone.get_by_role("button", name="Gửi đánh giá").click()
    await expect(phone.get_by_text("Cảm ơn bạn đã đánh giá.")).to_be_visible()
    await look(phone, "dossiers-done")

    await phone.get_by_role("link", name="Kiểm tra chữ ký số").click()
    await expect(phone.get_by_text("Do thành phố Huế cấp, còn hiệu lực")).to_be_visible()
    await expect(phone.get_by_text("Chủ Tịch", exact=False).first).to_be_visible()
    await look(phone, "dossiers-verified")
    choose = phone.get_by_label("Chọn tệp PDF để kiểm tra")
    await choose.set_input_files([FilePayload(name="that.pdf", mimeType="application/pdf", buffer=pdf)])
    await expect(phone.get_by_text("Tệp that.pdf đúng nguyên bản do thành phố cấp.")).to_be_visible()
    await expect(choose).to_be_enabled()
    await choose.set_input_files([FilePayload(name="gia.pdf", mimeType="application/pdf", buffer=pdf + b" ")])
    await expect(phone.get_by_text("Thành phố không cấp tệp gia.pdf, hoặc tệp đã bị sửa.")).to_be_visible()
    assert accepted["fee"]["amount"] == 16_000


async def test_what_is_asked_for_is_given_and_a_code_is_looked_up_by_anybody(
    phone: Page, new_phone: NewPhone, office: Office
) -> None:
    await signed_in(phone, "0900000003")
    dossier_id = await _filed(phone)
    accepted = await office.accept(dossier_id)
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(
        dossier_id, "ask_supplement", office.officer, note="Ảnh căn cước bị mờ.", papers=["identity_card"]
    )
    await phone.reload()
    await expect(phone.get_by_text("Ảnh căn cước bị mờ.").first).to_be_visible()
    await look(phone, "dossiers-supplement")
    await phone.get_by_label("Chụp hoặc chọn tệp: Căn cước").set_input_files([PHOTO])
    await expect(phone.get_by_text("đã gửi")).to_be_visible()
    await phone.get_by_role("button", name="Gửi bổ sung").click()
    await expect(phone.get_by_role("heading", name="Cần bổ sung")).to_be_hidden()
    seen = await office.see(dossier_id)
    assert seen["supplements"][-1]["given_at"] is not None
    pin = await phone.get_by_text(re.compile(r"^\d{4}$")).inner_text()

    stranger = await new_phone()
    await stranger.goto("/dossiers/look-up")
    await stranger.get_by_label("Mã hồ sơ").fill(accepted["code"].lower())
    await stranger.get_by_role("button", name="Tra cứu", exact=True).click()
    await expect(stranger.get_by_text("30 %")).to_be_visible()
    await expect(stranger.get_by_text("Tiến trình")).to_be_hidden()
    await stranger.get_by_label("Mã tra cứu 4 số").fill(f"{(int(pin) + 1) % 10_000:04}")
    await stranger.get_by_role("button", name="Tra cứu", exact=True).click()
    await expect(stranger.get_by_text("Mã tra cứu 4 chữ số không đúng.")).to_be_visible()
    await stranger.get_by_label("Mã tra cứu 4 số").fill(pin)
    await stranger.get_by_role("button", name="Tra cứu", exact=True).click()
    await expect(stranger.get_by_role("heading", name="Tiến trình")).to_be_visible()
    await look(stranger, "dossiers-look-up")
    await stranger.goto("/dossiers/statistics")
    await expect(stranger.get_by_text("Chỉ số phục vụ", exact=False)).to_be_visible()
    await look(stranger, "dossiers-statistics")
    await stranger.goto(f"/dossiers/verify/KQ{uuid4().hex[:10].upper()}")
    await expect(stranger.get_by_text("Thành phố không cấp kết quả nào có mã này", exact=False)).to_be_visible()


async def test_papers_delegations_and_a_visit(phone: Page, office: Office) -> None:
    windows = [{"number": 1}, {"number": 2}]
    put = await office.desk.put(
        "/v1/staff/counters/counter-thuan-hoa",
        headers=office.head.headers,
        json={"slot_minutes": 30, "places": 3, "windows": windows},
    )
    assert put.is_success, put.text
    await signed_in(phone, "0900000003")
    await phone.goto("/dossiers/papers")
    await expect(phone.get_by_text("Chưa có giấy tờ nào.")).to_be_visible()
    await look(phone, "dossiers-papers")
    await phone.goto("/dossiers/delegations")
    await phone.get_by_role("button", name="Thêm người, tổ chức").click()
    await phone.get_by_label("Họ tên").fill("Tôn Nữ Thị Lụa")
    await phone.get_by_label("Quan hệ với bạn").fill("Mẹ")
    await look(phone, "dossiers-delegation")
    await phone.get_by_role("button", name="Lưu", exact=True).click()
    await expect(phone.get_by_text("Chờ xác nhận")).to_be_visible()
    await phone.goto("/dossiers/bookings/new?agency=counter-thuan-hoa")
    await phone.get_by_role("radio", name=re.compile(r"^\d\d:\d\d$")).first.check()
    await look(phone, "dossiers-book")
    await phone.get_by_role("button", name=re.compile("^Đặt lúc")).click()
    await phone.wait_for_url(re.compile(r"/dossiers/bookings/[0-9a-f-]{36}$"))
    await expect(phone.get_by_text("Đã đặt", exact=True)).to_be_visible()
    await look(phone, "dossiers-visit")
    await phone.goto(phone.url.replace("/dossiers/bookings/", "/bookings/"))  # as messages link to it
    await phone.get_by_role("link", name=re.compile("phường Thuận Hóa")).click()
    await expect(phone.get_by_text("Quầy số 1")).to_be_visible()
    await look(phone, "dossiers-counter")
    await phone.goto("/dossiers/bookings")
    await phone.get_by_role("link", name=re.compile("phường Thuận Hóa")).wait_for()
    await look(phone, "dossiers-visits")
