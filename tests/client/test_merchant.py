"""At a shop's counter: money is heard as it comes, asked for, given back; and what its owner looks after."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from statistics import median
from time import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import FilePayload, Page, Route, expect

from app.identity.seed import PIN, seed_id
from tests.client import looks
from tests.client.conftest import Ground, NewPhone, Town, signed_in

OWNER, PAYER = "+84900000101", "+84900000005"
SHOP = f"/merchants/{seed_id(f'merchant {OWNER}')}"
COUNTER = f"/v1{SHOP}/terminals/{seed_id(f'terminal {OWNER} 1')}"
SAYS = """
    globalThis.said = [];
    const voice = {lang: "vi-VN", name: "Tiếng Việt", default: true, localService: true, voiceURI: "vi"};
    speechSynthesis.getVoices = () => [voice];
    speechSynthesis.speak = (words) => said.push({words: words.text, at: Date.now() / 1000});
    Object.defineProperty(SpeechSynthesisUtterance.prototype, "voice", {get: () => voice, set: () => undefined});
"""
"""A voice that writes down what it says, and when: the machine has none of its own."""


@dataclass(frozen=True)
class Somebody:
    """Somebody who acts by the API: what the other end of a journey does."""

    city: httpx.AsyncClient

    async def get(self, path: str) -> Any:
        return self._told(await self.city.get(path))

    async def put(self, path: str, **body: object) -> Any:
        return self._told(await self.city.put(path, json=body))

    async def post(self, path: str, **body: object) -> Any:
        return self._told(await self.city.post(path, json=body))

    def _told(self, answer: httpx.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json()

    async def pay(self, qr: str, amount: int | None = None) -> None:
        """With the text of a QR."""
        asked = {} if amount is None else {"amount": amount}
        await self.put(f"/v1/wallet/payments/{uuid4()}", kind="merchant", qr=qr, **asked)

    async def balance(self) -> int:
        balance: int = (await self.get("/v1/wallet"))["available"]
        return balance


async def somebody(city: httpx.AsyncClient, number: str) -> Somebody:
    """Signed in, with an open wallet."""
    acting, device = Somebody(city), str(uuid4())
    sent = await acting.post("/v1/sign-in/codes", phone=number, device_id=device)
    told = {"id": device, "name": "Máy thử", "platform": "web"}
    signed = await acting.post("/v1/sign-in/sessions", challenge_id=sent["challenge_id"], code="000000", device=told)
    city.headers["authorization"] = f"Bearer {signed['access_token']}"
    await city.post("/v1/wallet/unlocks", json={"pin": PIN})
    return acting


@pytest.fixture
async def payer(town: Town) -> AsyncIterator[Somebody]:
    async with httpx.AsyncClient(base_url=town.url) as city:
        yield await somebody(city, PAYER)


@pytest.fixture
async def owner(town: Town) -> AsyncIterator[Somebody]:
    """The shop's owner, beside the phone on the counter."""
    async with httpx.AsyncClient(base_url=town.url) as city:
        yield await somebody(city, OWNER)


@pytest.fixture
async def counter(phone: Page) -> Page:
    """The owner's phone, which speaks."""
    await phone.add_init_script(SAYS)
    await signed_in(phone, OWNER)
    return phone


async def sticker(owner: Somebody) -> str:
    text: str = (await owner.get(f"{COUNTER}/qr"))["text"]
    return text


async def said(counter: Page, count: int) -> list[dict[str, Any]]:
    """What the phone has said, once it is so much."""
    await counter.wait_for_function("(count) => said.length >= count", arg=count)
    words: list[dict[str, Any]] = await counter.evaluate("said")
    return words


async def look(page: Page, name: str) -> None:
    """From the top: what lies half under the heading that stays is no smaller for it."""
    await page.evaluate("scrollTo(0, 0)")
    await looks.look(page, name)


async def listening(counter: Page) -> None:
    await counter.get_by_text("Đang nghe trực tiếp").wait_for()


async def test_a_payment_is_seen_and_said_at_the_counter(counter: Page, payer: Somebody, owner: Somebody) -> None:
    qr = await sticker(owner)
    await counter.goto("/merchants")
    await look(counter, "merchant-shops")
    await counter.get_by_role("link", name="Bún bò bên chợ").click()
    await listening(counter)
    await look(counter, "merchant-shop")
    await counter.get_by_role("link", name="Doanh thu trực tiếp").click()
    await counter.get_by_role("heading", name="Doanh thu", exact=True).wait_for()
    await listening(counter)
    waits = []
    for nth, amount in enumerate((25_500, 31_000, 105_000), 1):
        await payer.pay(qr, amount)
        answered_at = time()
        waits.append((await said(counter, nth))[-1]["at"] - answered_at)
        await counter.get_by_role("status").get_by_text(f"Đã nhận {amount:,} ₫".replace(",", ".")).wait_for()
    assert [one["words"] for one in await counter.evaluate("said")] == [
        "Đã nhận hai mươi lăm nghìn năm trăm đồng",
        "Đã nhận ba mươi mốt nghìn đồng",
        "Đã nhận một trăm lẻ năm nghìn đồng",
    ]
    # The middle one: a machine that tries many things at once may be late for one of them.
    assert median(waits) <= 1, waits
    await expect(counter.get_by_label("Hôm nay")).to_contain_text("161.500 ₫")
    await look(counter, "merchant-takings")


async def test_a_sticker_scanned_in_one_hand_is_heard_in_the_other(
    counter: Page, new_phone: NewPhone, owner: Somebody
) -> None:
    picture = (await owner.city.get(f"{COUNTER}/qr.png")).content
    await counter.goto(f"{SHOP}/takings")
    await listening(counter)
    hand = await new_phone()
    await signed_in(hand, PAYER)
    await hand.get_by_role("link", name="Quét QR").last.click()
    async with hand.expect_file_chooser() as chooser:
        await hand.get_by_label("Chọn ảnh có mã").click()
    await (await chooser.value).set_files(FilePayload(name="tem.png", mimeType="image/png", buffer=picture))
    await hand.get_by_label("Số tiền").press_sequentially("25500")
    async with hand.expect_response(lambda answer: "/v1/wallet/payments/" in answer.url) as paid:
        await hand.get_by_role("button", name="Thanh toán 25.500").click()
    assert (await paid.value).status == 201
    answered_at = time()
    [heard] = await said(counter, 1)
    assert heard["words"] == "Đã nhận hai mươi lăm nghìn năm trăm đồng"
    assert heard["at"] - answered_at <= 1
    await expect(hand.get_by_text("Đã thanh toán")).to_be_visible()


async def test_what_comes_while_the_line_is_cut_is_said_once(
    counter: Page, payer: Somebody, owner: Somebody, ground: Ground
) -> None:
    qr = await sticker(owner)
    await counter.goto(f"{SHOP}/takings")
    await listening(counter)
    await payer.pay(qr, 11_000)
    await said(counter, 1)

    async def busy(route: Route) -> None:
        await route.fulfill(status=429, body="{}")

    await counter.route("**/takings/stream", busy)
    ground.app.state.live.ears["merchant"].close()
    await counter.get_by_text("Mất kết nối").wait_for()
    await payer.pay(qr, 12_000)
    await payer.pay(qr, 13_000)
    await counter.unroute("**/takings/stream")
    await said(counter, 3)
    await payer.pay(qr, 14_000)
    assert [one["words"] for one in await said(counter, 4)] == [
        f"Đã nhận mười {word} nghìn đồng" for word in ("một", "hai", "ba", "bốn")
    ]
    await expect(counter.get_by_label("Hôm nay")).to_contain_text("50.000 ₫")


async def test_money_is_asked_for_and_given_back(counter: Page, payer: Somebody, owner: Somebody) -> None:
    before = await payer.balance()
    await payer.pay(await sticker(owner), 45_000)
    await counter.goto(f"{SHOP}/refunds")
    await counter.get_by_role("link", name="Chọn khoản để hoàn").click()
    await counter.get_by_role("link", name="+45.000 ₫").click()
    await counter.get_by_role("button", name="Hoàn tiền").click()
    await counter.get_by_role("textbox", name="Số tiền").fill("50.000")
    await expect(counter.get_by_text("Nhiều nhất 45.000 ₫")).to_be_visible()
    await counter.get_by_role("textbox", name="Số tiền").fill("15.000")
    await counter.get_by_role("radio", name="Thu nhầm số tiền").check()
    await look(counter, "merchant-refund")
    await counter.get_by_role("button", name="Hoàn 15.000 ₫").click()
    await counter.get_by_role("heading", name="Đã hoàn").wait_for()
    assert await payer.balance() == before - 30_000
    await counter.goto(f"{SHOP}/refunds")
    await expect(counter.get_by_role("link", name="Thu nhầm số tiền")).to_contain_text("15.000 ₫")
    await look(counter, "merchant-refunds")

    await _order(counter, payer, owner)
    await _charge(counter, payer)


async def _order(counter: Page, payer: Somebody, owner: Somebody) -> None:
    """An amount is asked for by a QR of its own, which waits until it is paid."""
    await counter.goto(SHOP)
    await counter.get_by_role("link", name="Thu tiền bằng mã QR").click()
    await counter.get_by_role("textbox", name="Số tiền").fill("120.000")
    await counter.get_by_label("Mã đơn").fill("Bàn 7")
    await look(counter, "merchant-new-order")
    await counter.get_by_role("button", name="Tạo mã QR").click()
    await counter.get_by_role("img", name="Mã QR của đơn hàng").wait_for()
    await look(counter, "merchant-order")
    order = await owner.get("/v1" + counter.url.partition(str(httpx.URL(counter.url).port))[2])
    await payer.pay(order["text"])
    await counter.get_by_text("Khách đã trả tiền").wait_for()
    assert [one["words"] for one in await said(counter, 1)] == ["Đã nhận một trăm hai mươi nghìn đồng"]
    await counter.get_by_role("link", name="Xem khoản đã nhận").click()
    await expect(counter.get_by_text("Ban 7")).to_be_visible()


async def _charge(counter: Page, payer: Somebody) -> None:
    """A customer shows their code, and is charged."""
    before, code = await payer.balance(), (await payer.post("/v1/wallet/pay-codes"))["code"]
    await counter.goto(f"{SHOP}/charges")
    await counter.get_by_role("textbox", name="Số tiền").fill("31000")
    await counter.get_by_label("Hoặc nhập mã 18 số").fill(f"{code[:6]} {code[6:12]} {code[12:]}")
    await look(counter, "merchant-charge")
    await counter.get_by_role("button", name="Thu tiền 31.000 ₫").click()
    await counter.get_by_text("Khách đã trả tiền").wait_for()
    assert await payer.balance() == before - 31_000


async def test_a_large_charge_is_asked_for_on_the_customers_phone(
    phone: Page, new_phone: NewPhone, owner: Somebody, payer: Somebody
) -> None:
    before, till = await payer.balance(), COUNTER.rpartition("/")[2]
    await signed_in(phone, PAYER)
    for nth, (amount, answer, said) in enumerate(
        (
            (2_500_000, "Từ chối", "Khoản này đã bị từ chối; tiền không đi."),
            (3_100_000, "Đồng ý trả", "Đã thanh toán"),
        )
    ):
        await phone.goto("/wallet/pay-code")
        digits = await phone.get_by_text(re.compile(r"^28(\d{4} \d{6} \d{6})$")).inner_text()
        charge = {"pay_code": digits.replace(" ", ""), "amount": amount, "terminal_id": till}
        await owner.put(f"/v1{SHOP}/charges/{uuid4()}", **charge)
        await phone.wait_for_url("**/wallet/charges/*")  # the phone notices by itself
        await phone.get_by_role("button", name="Đồng ý trả").wait_for()
        if not nth:
            await look(phone, "wallet-charge")
        await phone.get_by_role("button", name=answer).click()
        await expect(phone.get_by_text(said).first).to_be_visible()
    assert await payer.balance() == before - 3_100_000


async def test_a_sticker_is_printed_on_its_own(counter: Page) -> None:
    await counter.goto(f"{SHOP}/terminals")
    await look(counter, "merchant-terminals")
    await counter.get_by_role("link", name="Quầy 1").click()
    picture = counter.get_by_role("img", name="Mã QR của Bún bò bên chợ, Quầy 1")
    await picture.wait_for()
    assert await picture.evaluate("(picture) => picture.decode().then(() => picture.naturalWidth > 0)")
    await look(counter, "merchant-sticker")
    paper = await counter.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    [width, height] = map(float, re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\]", paper)[0])
    assert (width, height) == pytest.approx((297.6, 419.5), abs=1), "A6"
    await counter.emulate_media(media="print")
    await expect(picture).to_be_visible()
    await expect(counter.get_by_text("Scan with Hương or with any bank’s app.")).to_be_visible()
    for other in ("In mã (khổ A6)", "Hủy mã này", "Lưu tên", "Quay lại"):
        await expect(counter.get_by_role("button", name=other)).to_have_count(0)
    await counter.emulate_media(media="screen")
    await counter.get_by_role("button", name="Hủy mã này").click()
    await counter.get_by_role("button", name="Hủy mã", exact=True).click()
    await expect(counter.get_by_role("link", name="Quầy mang về")).to_be_visible()
    await expect(counter.get_by_role("link", name="Quầy 1")).to_have_count(0)


async def test_a_cashier_is_invited_and_works_a_shift(
    counter: Page, new_phone: NewPhone, payer: Somebody, owner: Somebody
) -> None:
    await counter.goto(f"{SHOP}/cashiers")
    await counter.get_by_label("Số điện thoại").fill("0900000004")
    await counter.get_by_label("Tên", exact=True).fill("Chị Tư")
    await counter.get_by_label("Được hoàn nhiều nhất").fill("50.000")
    await counter.get_by_role("button", name="Gửi lời mời").click()
    await expect(counter.get_by_text("Đã mời")).to_be_visible()
    await look(counter, "merchant-cashiers")

    hers = await new_phone()
    await signed_in(hers, "0900000004")
    await hers.goto("/merchants/invitations")
    await hers.get_by_text("Bún bò bên chợ").wait_for()
    await look(hers, "merchant-invitations")
    await hers.get_by_role("button", name="Nhận lời").click()
    await listening(hers)
    await expect(hers.get_by_role("link", name="Quyết toán")).to_have_count(0)
    await hers.goto(f"{SHOP}/settlements")
    await expect(hers.get_by_text("chỉ dành cho chủ cửa hàng")).to_be_visible()
    await hers.goto(f"{SHOP}/shifts")
    await hers.get_by_role("button", name="Mở ca").click()
    await hers.get_by_role("button", name="Đóng ca").wait_for()
    await payer.pay(await sticker(owner), 20_000)
    await hers.get_by_role("button", name="Đóng ca").click()
    await hers.get_by_role("button", name="Đóng ca").click()
    await hers.locator("summary", has_text="20.000 ₫").click()
    await look(hers, "merchant-shifts")
    await hers.goto(SHOP)
    await hers.get_by_role("button", name="Thôi làm thu ngân ở đây").click()
    await hers.get_by_role("button", name="Thôi làm", exact=True).click()
    await hers.wait_for_url("**/merchants")
    await hers.goto(SHOP)
    await expect(hers.get_by_text("Bạn không còn làm việc ở cửa hàng này.")).to_be_visible()


async def test_an_owner_looks_after_the_shop(counter: Page, payer: Somebody, owner: Somebody) -> None:
    await payer.pay(await sticker(owner), 250_000)
    await counter.goto(f"{SHOP}/bank-account")
    await counter.get_by_label("Ngân hàng", exact=True).select_option("970436")
    await counter.get_by_label("Số tài khoản").fill("1012 345 678")
    await counter.get_by_label("Tên chủ tài khoản").fill("Hồ Thị Đồ Ba")
    await look(counter, "merchant-bank-account")
    await counter.get_by_role("button", name="Lưu tài khoản").click()
    await counter.get_by_role("button", name="Đổi tài khoản").wait_for()
    await counter.goto(f"{SHOP}/settlements")
    await look(counter, "merchant-settlements")
    await counter.get_by_role("button", name="Quyết toán ngay").click()
    await counter.get_by_role("button", name="Chuyển ngay").click()
    await counter.get_by_text("Đã đến ngân hàng").wait_for()
    await look(counter, "merchant-settlement")
    async with counter.expect_download() as downloading:
        await counter.get_by_role("button", name="CSV").click()
    statement = await (await downloading.value).path()
    assert "250000" in statement.read_text()

    await _keys_and_webhooks(counter)
    await _another_shop(counter)


async def _keys_and_webhooks(counter: Page) -> None:
    """What is secret of them is shown once."""
    await counter.goto(f"{SHOP}/api-keys")
    await counter.get_by_label("Tên máy hoặc phần mềm").fill("Máy bán hàng")
    await counter.get_by_role("button", name="Tạo khóa").click()
    await counter.locator("code", has_text="hk_test_").wait_for()
    await look(counter, "merchant-api-keys")
    await counter.reload()
    await counter.get_by_role("heading", name="Máy bán hàng").wait_for()
    await expect(counter.locator("code")).to_have_count(0)
    await counter.get_by_role("button", name="Thu hồi").click()
    await counter.get_by_role("button", name="Thu hồi").click()
    await expect(counter.get_by_role("heading", name="Máy bán hàng")).to_have_count(0)

    await counter.goto(f"{SHOP}/webhook-endpoints")
    await counter.get_by_role("button", name="Thêm địa chỉ").click()
    await counter.locator("code", has_text="whsec_").wait_for()
    await look(counter, "merchant-webhook-endpoints")
    await counter.get_by_role("link", name="Gửi tin thử").click()
    await counter.get_by_role("button", name="Gửi tin thử").click()
    await expect(counter.get_by_text("Giữ để lấy")).to_be_visible()
    await look(counter, "merchant-webhook-message")
    await counter.go_back()
    await counter.get_by_role("link", name="Tin thử").wait_for()
    await look(counter, "merchant-webhook-endpoint")


async def _another_shop(counter: Page) -> None:
    await counter.goto("/merchants")
    await counter.get_by_role("link", name="Thêm cửa hàng").click()
    await counter.get_by_label("Tên cửa hàng").fill("Chè Hẻm")
    await counter.get_by_label("Ngành hàng").select_option(label="Quán ăn, nhà hàng")
    await counter.get_by_label("Phường, xã").select_option("19777")
    await look(counter, "merchant-new")
    await counter.get_by_role("button", name="Mở cửa hàng").click()
    await counter.get_by_role("link", name="Tạo mã QR của cửa hàng").click()
    await counter.get_by_label("Tên điểm thu").fill("Quầy chính")
    await counter.get_by_role("button", name="Tạo mã QR").click()
    await counter.get_by_role("img", name="Mã QR của Chè Hẻm, Quầy chính").wait_for()
    await counter.goto(counter.url.partition("/terminals")[0] + "/settings")
    await counter.get_by_label("Tên cửa hàng").wait_for()
    await look(counter, "merchant-settings")
