"""Money in a hand: bills, a sticker, top-ups, a proof beside the PIN, and a phone without a network."""

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from playwright.async_api import Page, expect

from tests.client.conftest import Taps, Town, signed_in
from tests.client.looks import look

PAID = "SELECT count(*) FROM payment WHERE status = 'paid'"


async def _balance(town: Town, phone: str = "+84900000001") -> int:
    return await _fetch(
        town, "SELECT posted - pending FROM account JOIN principal USING (id) WHERE principal.phone = $1", phone
    )


async def _fetch(town: Town, statement: str, *values: object) -> int:
    async with town.database.acquire() as db:
        return int(await db.fetchval(statement, *values))


@pytest.fixture
async def sticker(town: Town, tmp_path: Path) -> Path:
    """What hangs at the noodle stall, photographed."""
    async with httpx.AsyncClient(base_url=town.url) as owner:
        challenge = (await owner.post("/v1/sign-in/codes", json={"phone": "+84900000101"})).json()["challenge_id"]
        opened = await owner.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": "000000"})
        owner.headers["authorization"] = f"Bearer {opened.json()['access_token']}"
        await owner.post("/v1/wallet/unlocks", json={"pin": "258036"})
        [shop, *_] = (await owner.get("/v1/merchants/mine")).json()["items"]
        picture = await owner.get(f"/v1/merchants/{shop['id']}/terminals/{shop['terminals'][0]['id']}/qr.png")
    path = tmp_path / "sticker.png"
    path.write_bytes(picture.raise_for_status().content)
    return path


async def test_a_bill_that_is_due_is_paid_in_four_taps(phone: Page, town: Town) -> None:
    await signed_in(phone)
    before, taps = await _balance(town), Taps()
    await taps.on(phone, "link", "Điện lực Huế")
    await expect(phone.get_by_text("PP03000000001")).to_be_visible()
    await look(phone, "wallet-bill")
    await taps.on(phone, "button", "Thanh toán 412.500")
    await expect(phone.get_by_text("Đã thanh toán")).to_be_visible()
    assert taps.done <= 4
    assert await _balance(town) == before - 412_500
    await look(phone, "wallet-receipt")
    await phone.get_by_role("link", name="Về trang chủ").click()
    await expect(phone.get_by_role("heading", name="Hóa đơn đến hạn")).to_be_visible()
    await expect(phone.get_by_role("link", name="Điện lực Huế")).to_have_count(0)


async def test_a_sticker_from_a_picture_is_paid_in_three_taps(phone: Page, town: Town, sticker: Path) -> None:
    await signed_in(phone)
    await phone.get_by_role("link", name="Quét QR").last.click()
    await expect(phone.get_by_text("Không mở được máy ảnh")).to_be_visible()
    await look(phone, "wallet-scan")
    taps = Taps()
    async with phone.expect_file_chooser() as chooser:
        await phone.get_by_label("Chọn ảnh có mã").click()
        taps.done += 1
    await (await chooser.value).set_files(sticker)
    await expect(phone.get_by_text("Bún bò bên chợ")).to_be_visible()
    await phone.get_by_label("Số tiền").press_sequentially("45000")
    await expect(phone.get_by_label("Số tiền")).to_have_value("45.000")
    await look(phone, "wallet-pay")
    await taps.on(phone, "button", "Thanh toán 45.000")
    await expect(phone.get_by_text("Đã thanh toán")).to_be_visible()
    await expect(phone.get_by_text("Bún bò bên chợ").first).to_be_visible()
    assert taps.done <= 3
    assert await _balance(town, "+84900000001") == 20_000_000 - 45_000


async def test_a_sticker_before_the_camera_is_read_by_itself(
    phone: Page, town: Town, sticker: Path, film: Path
) -> None:
    _play(sticker, film)
    await signed_in(phone)
    await phone.get_by_role("link", name="Quét QR").last.click()
    await expect(phone.get_by_text("Không mở được máy ảnh")).to_be_visible()
    await phone.context.grant_permissions(["camera"])
    await phone.get_by_role("button", name="Thử lại máy ảnh").click()
    await expect(phone.get_by_text("Bún bò bên chợ")).to_be_visible()
    await phone.get_by_label("Số tiền").press_sequentially("45000")
    await phone.get_by_role("button", name="Thanh toán 45.000").click()
    await expect(phone.get_by_text("Đã thanh toán")).to_be_visible()
    assert await _balance(town) == 20_000_000 - 45_000


def _play(picture: Path, film: Path) -> None:
    """A film of a hand that holds still: one frame, again and again."""
    wide, high = 640, 480
    with Image.open(picture) as read:
        held = read.convert("L").resize((400, 400))
    frame = Image.new("L", (wide, high), 128)
    frame.paste(held, ((wide - 400) // 2, (high - 400) // 2))
    grey = bytes([128]) * (wide * high // 2)
    film.write_bytes(
        b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n" % (wide, high) + (b"FRAME\n" + frame.tobytes() + grey) * 10
    )


async def test_a_large_payment_wants_a_code_beside_the_pin(phone: Page, town: Town, sticker: Path) -> None:
    await signed_in(phone)
    await phone.goto("/wallet/scan")
    async with phone.expect_file_chooser() as chooser:
        await phone.get_by_label("Chọn ảnh có mã").click()
    await (await chooser.value).set_files(sticker)
    await phone.get_by_label("Số tiền").fill("6000000")
    await phone.get_by_role("button", name="Thanh toán 6.000.000").click()
    proof = phone.get_by_role("dialog", name="Xác nhận thêm")
    await proof.get_by_role("button", name="Gửi mã về điện thoại").click()
    await proof.get_by_label("Mã vừa gửi").fill("000000")
    await look(phone, "wallet-proof")
    assert await _fetch(town, PAID) == 0
    await proof.get_by_role("button", name="Xác nhận", exact=True).click()
    await expect(phone.get_by_text("Đã thanh toán")).to_be_visible()
    assert await _balance(town) == 14_000_000


async def test_what_is_no_payment_is_said_to_be_none_and_papers_of_the_city_open(phone: Page, town: Town) -> None:
    await signed_in(phone)
    await phone.goto("/wallet/scan")
    await phone.get_by_role("button", name="Nhập mã").click()
    for text, word in (
        ("https://evil.example/pay", "evil.example"),
        ("2|99|0905123456|Ba|a@b.c|0|0|20000", "MoMo"),
        ("281234567890123456", "chỉ cửa hàng quét được"),
    ):
        await phone.get_by_label("Nội dung mã").fill(text)
        await phone.get_by_role("button", name="Đọc mã").click()
        await expect(phone.get_by_text(word).first).to_be_visible()
    await phone.get_by_label("Nội dung mã").fill(f"{town.url}/r/NOTAREALCODE")
    await phone.get_by_role("button", name="Đọc mã").click()
    await phone.wait_for_url("**/r/NOTAREALCODE")


async def test_without_a_network_a_payment_waits_is_not_shown_as_done_and_is_sent_once(
    phone: Page, town: Town
) -> None:
    await signed_in(phone)
    await phone.get_by_role("link", name="Điện lực Huế").click()
    pay = phone.get_by_role("button", name="Thanh toán 412.500")
    await expect(pay).to_be_visible()
    await phone.context.set_offline(True)
    await pay.click()
    await phone.wait_for_url("**/queue")
    await phone.go_back()
    await expect(phone.get_by_text("1 việc chờ gửi")).to_be_visible()
    await phone.get_by_role("link", name="Điện lực Huế").click()
    await expect(phone.get_by_text("đang chờ gửi, chưa thanh toán")).to_be_visible()
    await expect(pay).to_have_count(0)
    await expect(phone.get_by_text("Đã thanh toán")).to_have_count(0)
    assert await _fetch(town, PAID) == 0
    await phone.context.set_offline(False)
    await expect(phone.get_by_text("1 việc chờ gửi")).to_have_count(0)
    assert await _fetch(town, PAID) == 1
    assert await _balance(town) == 20_000_000 - 412_500


async def test_a_top_up_by_transfer_shows_what_to_scan_and_to_copy(phone: Page, town: Town) -> None:
    await signed_in(phone)
    await phone.goto("/wallet")
    await look(phone, "wallet-wallet")
    await phone.get_by_role("link", name="Nạp tiền").click()
    await phone.get_by_role("button", name="200.000").first.click()
    await look(phone, "wallet-new-top-up")
    await phone.get_by_role("button", name="Nạp 200.000").click()
    await expect(phone.get_by_role("img", name="Mã VietQR để chuyển khoản")).to_be_visible()
    await expect(phone.get_by_text("Chờ tiền đến")).to_be_visible()
    await look(phone, "wallet-top-up")
    assert await _fetch(town, "SELECT count(*) FROM top_up WHERE status = 'pending' AND amount = 200000") == 1


async def test_the_name_stands_there_before_money_leaves_to_a_person(phone: Page, town: Town) -> None:
    await signed_in(phone)
    await phone.goto("/wallet/send")
    send = phone.get_by_role("button", name="Chuyển")
    await phone.get_by_label("Số tiền").fill("70000")
    await expect(send).to_be_disabled()
    await phone.get_by_label("Số điện thoại người nhận").fill("0900 000 002")
    await expect(phone.get_by_text("Cảnh")).to_be_visible()
    await look(phone, "wallet-send")
    await send.click()
    await expect(phone.get_by_text("Đã chuyển tiền")).to_be_visible()
    assert await _balance(town, "+84900000002") == 20_070_000


async def test_several_bills_are_paid_in_one_go_each_with_its_own_end(phone: Page, town: Town) -> None:
    await signed_in(phone)
    await phone.goto("/wallet/bills")
    await phone.get_by_role("link", name="Trả nhiều hóa đơn").click()
    await phone.get_by_role("checkbox").nth(2).uncheck()
    await look(phone, "wallet-bills-together")
    await phone.get_by_role("button", name="Thanh toán 2 hóa đơn").click()
    await expect(phone.get_by_text("Đã trả")).to_have_count(1)
    await expect(phone.get_by_text("Đang xử lý")).to_have_count(1)
    await expect(phone.get_by_role("button", name="Thanh toán 1 hóa đơn")).to_have_count(0)


OTHER_SCREENS = {
    "/wallet/bills": "Mã đã lưu",
    "/wallet/bills/find": "Mã khách hàng",
    "/wallet/movements": "Tiền chơi thử",
    "/wallet/limits": "Còn được chi",
    "/wallet/statement": "Dạng tệp",
    "/wallet/disputes": "Chưa có yêu cầu nào",
    "/wallet/withdrawals/new": "Agribank",
    "/wallet/pay-code": "Đổi mã mới",
    f"/wallet/bills/{uuid4()}": "Không tìm thấy",
}


async def test_everybody_can_use_the_wallets_other_screens(phone: Page) -> None:
    await signed_in(phone)
    for path, sign in OTHER_SCREENS.items():
        await phone.goto(path)
        await expect(phone.get_by_text(sign).first).to_be_visible()
        await look(phone, f"wallet{path.removeprefix('/wallet').replace('/', '-')[:20]}")


async def test_what_went_wrong_is_disputed_and_money_goes_to_a_bank(phone: Page) -> None:
    await signed_in(phone)
    await phone.get_by_role("link", name="Điện lực Huế").first.click()  # water's stand-in knows it as paid
    await phone.get_by_role("button", name="Thanh toán 412.500").click()
    await expect(phone.get_by_role("link", name="Tra soát, khiếu nại")).to_be_visible(timeout=15_000)
    await phone.get_by_role("link", name="Tra soát, khiếu nại").click()
    await phone.get_by_role("textbox").first.fill("Tôi đã trả kỳ này tại quầy.")
    await look(phone, "wallet-dispute-new")
    await phone.get_by_role("button", name="Gửi").click()
    await phone.wait_for_url(re.compile(r"/wallet/disputes/[0-9a-f]{8}-"))
    await expect(phone.get_by_text("Tôi đã trả kỳ này tại quầy.").first).to_be_visible()
    await look(phone, "wallet-dispute")

    await phone.goto("/wallet/bills")
    await phone.get_by_role("link", name="HW000001").last.click()
    await phone.wait_for_url("**/wallet/customer-codes/*")
    await expect(phone.get_by_role("switch").first).to_be_visible()
    await look(phone, "wallet-customer-code")

    await phone.goto("/wallet/withdrawals/new")
    await phone.get_by_role("button", name="Agribank").click()
    await phone.get_by_label("Số tài khoản").fill("1012345678")
    await phone.get_by_label("Tên chủ tài khoản").fill("LE THI NGU BINH")
    await phone.get_by_label("Số tiền").fill("200000")
    await look(phone, "wallet-withdrawal-new")
    await phone.get_by_role("button", name="Rút 200.000").click()
    await phone.wait_for_url(re.compile(r"/wallet/withdrawals/[0-9a-f]{8}-"))
    await expect(phone.get_by_text("200.000 ₫").first).to_be_visible()
    await look(phone, "wallet-withdrawal")
