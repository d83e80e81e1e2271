"""Somebody's own account on a phone: passkeys, the inbox as it fills, warnings as banner, message and push, the flood
page without a network, what they want to be told, and a sign-out that leaves nothing."""

import json
import time
import zipfile
from typing import Any
from uuid import uuid4

import httpx
from playwright.async_api import Page, Request, Response, expect

from app.identity.seed import PIN
from tests.client.conftest import NewPhone, Town, signed_in
from tests.client.looks import look
from tests.makers import a_policy, a_staff_member
from tests.notifications.alerts.warning import written

HEADLINE = "Mưa lớn từ chiều nay"


async def _warn(town: Town, **other: Any) -> dict[str, Any]:
    """The operations centre publishes a warning."""
    async with town.database.deed() as db:
        operator = await a_staff_member(db)
    async with httpx.AsyncClient(base_url=town.url) as desk:
        return await written(desk, operator, **other)


async def _with_authenticator(phone: Page) -> None:
    """A phone that has a fingerprint sensor, and a finger on it."""
    devtools = await phone.context.new_cdp_session(phone)
    await devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    finger = {"isUserVerified": True, "automaticPresenceSimulation": True}
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options | finger})


async def test_a_passkey_is_added_and_proves_a_large_payment(town: Town, phone: Page) -> None:
    async with town.database.deed() as db:
        await a_policy(db, "new_device.hours", 0)  # the phone is new, and trusted at once
        await a_policy(db, "step_up.goods_strong_above", 0)
    await _with_authenticator(phone)
    await signed_in(phone)
    await phone.get_by_role("link", name="Cá nhân").click()
    await phone.get_by_role("link", name="Khóa truy cập").click()
    await phone.get_by_label("Tên của khóa").fill("Máy của mẹ")
    await phone.get_by_role("button", name="Thêm khóa truy cập").click()
    await phone.get_by_text("Đã thêm khóa truy cập.").wait_for()
    await phone.get_by_text("Máy của mẹ").first.wait_for()
    await look(phone, "me-passkeys")

    await phone.goto("/")
    await phone.get_by_role("link", name="Điện lực Huế").first.click()
    await phone.get_by_role("main").get_by_role("button", name="Thanh toán").click()
    await phone.get_by_role("button", name="Dùng khóa truy cập").wait_for()
    await look(phone, "me-passkey-proof")
    async with phone.expect_response(lambda answer: answer.url.endswith("/proof")) as proved:
        await phone.get_by_role("button", name="Dùng khóa truy cập").click()
    assert (await proved.value).ok
    await phone.get_by_text("Đã thanh toán").wait_for()


async def test_a_new_phone_may_not_add_a_passkey_yet(town: Town, phone: Page) -> None:
    async with town.database.deed() as db:
        await a_policy(db, "new_device.hours", 24)
    await _with_authenticator(phone)
    await signed_in(phone)
    await phone.goto("/me/passkeys")
    await phone.get_by_role("button", name="Thêm khóa truy cập").click()
    await phone.get_by_text("Thiết bị này còn mới").wait_for()


async def test_a_warning_is_a_banner_and_a_message_while_somebody_looks(town: Town, new_phone: NewPhone) -> None:
    home, inbox = await new_phone(), await new_phone()
    await signed_in(home, "0900000001")
    await signed_in(inbox, "0900000002")
    await inbox.get_by_role("link", name="Hộp thư").first.click()
    await inbox.get_by_role("heading", name="Hộp thư").wait_for()
    await inbox.wait_for_timeout(500)  # the stream is open: what comes now comes over it
    alert = await _warn(town)
    began = time.monotonic()
    await inbox.get_by_text(HEADLINE).first.wait_for(timeout=5000)
    assert time.monotonic() - began < 4, "the bell rang late"
    await home.get_by_text(HEADLINE).first.wait_for(timeout=5000)
    await expect(home.get_by_role("link", name="Hộp thư, ")).to_be_visible()
    await look(inbox, "notifications-inbox")
    await inbox.get_by_role("link", name=HEADLINE).first.click()
    await inbox.wait_for_url(f"**/alerts/{alert['id']}")
    await inbox.get_by_role("heading", name=HEADLINE).wait_for()
    await look(inbox, "notifications-alert")


async def test_what_was_looked_at_is_read(town: Town, phone: Page) -> None:
    await signed_in(phone)
    await _warn(town)
    bell = phone.get_by_role("link", name="Hộp thư, ")
    await phone.get_by_text(HEADLINE).first.wait_for()
    async with phone.expect_response(lambda answer: answer.url.endswith("/inbox/read")) as read:
        await bell.click()
    assert (await read.value).ok
    await phone.get_by_role("button", name="Quay lại").click()
    await expect(phone.get_by_role("link", name="Hộp thư, 0 chưa đọc")).to_be_visible()


async def test_a_push_is_shown_and_opens_its_screen(town: Town, phone: Page) -> None:
    await phone.context.grant_permissions(["notifications"])
    await signed_in(phone)
    alert = await _warn(town)
    await phone.evaluate("navigator.serviceWorker.ready.then(() => true)")
    worker = phone.context.service_workers[0]
    pushed = {
        "title": HEADLINE, "body": "Kê cao đồ đạc.", "tag": "one", "link": f"/alerts/{alert['id']}",
        "category": "alert", "delivery_id": str(uuid4()), "badge": "/badge.png",
    }  # fmt: skip
    await worker.evaluate(
        """self.told = []; const real = fetch;
        self.fetch = (address, ...more) => { self.told.push(`${address}`); return real(address, ...more); };"""
    )
    await _push(phone, town.url, json.dumps(pushed))
    shown = "self.registration.getNotifications().then((all) => all.map((one) => [one.title, one.body, one.tag]))"
    await _until(worker, shown, [[HEADLINE, "Kê cao đồ đạc.", "one"]])
    receipt = f"/v1/notifications/receipts/{pushed['delivery_id']}"
    await _until(worker, f"self.told.includes('{receipt}')", wanted=True)
    await worker.evaluate(
        """async () => { const [notification] = await self.registration.getNotifications();
        self.dispatchEvent(new NotificationEvent("notificationclick", { notification })); }"""
    )
    await phone.wait_for_url(f"**/alerts/{alert['id']}")
    await phone.get_by_role("heading", name=HEADLINE).wait_for()


async def _push(phone: Page, origin: str, data: str) -> None:
    devtools = await phone.context.new_cdp_session(phone)
    known: list[str] = []

    def hear(said: dict[str, Any]) -> None:
        known.extend(one["registrationId"] for one in said["registrations"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", hear)
    await devtools.send("ServiceWorker.enable")
    for _ in range(50):
        if known:
            break
        await phone.wait_for_timeout(50)
    message = {"origin": origin, "registrationId": known[-1], "data": data}
    await devtools.send("ServiceWorker.deliverPushMessage", message)


async def _until(worker: Any, asked: str, wanted: object) -> None:
    found = None
    for _ in range(50):
        found = await worker.evaluate(asked)
        if found == wanted:
            return
        await worker.evaluate("new Promise((resolve) => setTimeout(resolve, 100))")
    raise AssertionError(found)


async def test_the_flood_page_is_one_touch_from_the_banner_and_stays_without_a_network(
    town: Town, phone: Page
) -> None:
    await _warn(town)
    await signed_in(phone)
    await phone.get_by_role("link", name="Mực nước và đường ngập").first.click()
    await phone.get_by_role("heading", name="Gọi ngay").wait_for()
    await phone.get_by_text("Kim Long").first.wait_for()
    await look(phone, "notifications-flood")
    await phone.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await phone.context.set_offline(True)
    await phone.reload()
    await phone.get_by_text("Kim Long").first.wait_for()
    await phone.get_by_text("Không có mạng: đây là dữ liệu lần trước.").wait_for()
    assert await phone.locator('a[href="tel:114"]').count() == 1
    await phone.goto("/")
    await phone.get_by_role("link", name="Mực nước và đường ngập").first.click()
    await phone.get_by_role("heading", name="Mực nước sông").wait_for()


def _kept(answer: Response) -> bool:
    return answer.url.endswith("/preferences") and answer.request.method == "PUT"


async def test_what_somebody_wants_to_be_told_is_kept(phone: Page) -> None:
    await signed_in(phone)
    await phone.goto("/me/notifications")
    for name in ("Phản ánh", "Giờ yên tĩnh"):
        async with phone.expect_response(_kept):
            await phone.get_by_role("switch", name=name).click()
    async with phone.expect_response(_kept):
        await phone.get_by_label("Thêm phường, xã").select_option(label="Vỹ Dạ (phường)")
    await phone.get_by_role("button", name="Bỏ Vỹ Dạ").wait_for()
    await look(phone, "me-notifications")
    await phone.reload()
    await expect(phone.get_by_role("switch", name="Phản ánh")).not_to_be_checked()
    await expect(phone.get_by_role("switch", name="Giờ yên tĩnh")).not_to_be_checked()
    await expect(phone.get_by_role("switch", name="Hồ sơ")).to_be_checked()
    await phone.get_by_role("button", name="Bỏ Vỹ Dạ").wait_for()


async def test_the_language_changes_here_and_in_messages(town: Town, phone: Page) -> None:
    await signed_in(phone)
    await phone.goto("/me")
    await phone.get_by_text("Đã xác thực").wait_for()
    await look(phone, "me")
    async with phone.expect_response(lambda answer: answer.request.method == "PATCH") as told:
        await phone.get_by_role("radio", name="English").check()
    assert (await told.value).ok
    await phone.get_by_role("heading", name="My data").wait_for()
    assert await phone.evaluate("document.documentElement.lang") == "en"
    await _warn(town)
    await phone.goto("/inbox")
    await phone.get_by_text("Heavy rain from this afternoon").first.wait_for()


async def test_signing_out_leaves_nothing_here_nor_in_another_tab(phone: Page) -> None:
    await signed_in(phone)
    await phone.goto("/inbox")
    await phone.get_by_role("list").first.wait_for()
    other = await phone.context.new_page()
    await other.goto("/me")
    await other.get_by_role("heading", name="Bảo mật").wait_for()
    await phone.goto("/me")
    await phone.get_by_role("button", name="Đăng xuất").click()
    async with phone.expect_response(lambda answer: answer.url.endswith("/sessions/current")) as left:
        await phone.get_by_role("button", name="Đăng xuất ngay").click()
    assert (await left.value).status == 204
    await phone.wait_for_url("**/sign-in*")
    await other.wait_for_url("**/sign-in*")
    kept = await phone.evaluate(
        """() => new Promise((resolve) => { const asked = indexedDB.open("huong"); asked.onsuccess = () => {
        const all = asked.result.transaction("answers").objectStore("answers").getAllKeys();
        all.onsuccess = () => resolve(all.result); }; })"""
    )
    assert kept == []
    assert await phone.evaluate("localStorage.getItem('huong.me')") is None
    refreshed = await phone.evaluate(
        "fetch('/v1/sign-in/refreshes', {method: 'POST'}).then((answer) => answer.status)"
    )
    assert refreshed == 401


async def test_a_session_goes_on_and_its_key_proves_who_holds_it(town: Town, phone: Page) -> None:
    await signed_in(phone)
    for _ in range(50):  # not wait_for_function, which evaluates text in the page: the policy forbids that
        if await phone.evaluate("localStorage.getItem('huong.keyed') === 'yes'"):
            break
        await phone.wait_for_timeout(100)
    proofs: list[str | None] = []

    def keep(request: Request) -> None:
        if request.url.endswith("/refreshes"):
            proofs.append(request.headers.get("dpop"))

    phone.on("request", keep)
    await phone.reload()
    await phone.get_by_text("Ngự Bình").first.wait_for()
    await phone.get_by_role("link", name="Cá nhân").click()
    await phone.get_by_role("link", name="Thiết bị").click()
    await phone.get_by_text("có khóa riêng").wait_for()
    assert proofs
    assert all(proofs)
    cookies = await phone.context.cookies(f"{town.url}/v1/sign-in/refreshes")
    async with httpx.AsyncClient(base_url=town.url) as thief:  # who has copied the cookie, and not the key
        stolen = "; ".join(f"{cookie.get('name')}={cookie.get('value')}" for cookie in cookies)
        answer = await thief.post("/v1/sign-in/refreshes", headers={"cookie": stolen})
    assert (answer.status_code, answer.json()["why"]) == (401, "missing")


async def test_a_pin_is_changed(phone: Page) -> None:
    await signed_in(phone)
    await phone.goto("/me/pin")
    await phone.get_by_role("heading", name="Mã PIN hiện tại").wait_for()
    await look(phone, "me-pin")
    for entered in (PIN, "719364", "719364"):
        for digit in entered:
            await phone.get_by_role("group").get_by_role("button", name=digit, exact=True).click()
    await phone.get_by_text("Mã PIN mới đã có hiệu lực.").wait_for()


async def test_a_forgotten_pin_is_set_anew_after_a_verification(phone: Page) -> None:
    await signed_in(phone)
    await phone.goto("/me/pin")
    await phone.get_by_role("button", name="Quên mã PIN").click()
    await phone.get_by_role("button", name="Lê Thị Ngự Bình").click()  # at the provider's
    await phone.wait_for_url("**/me/pin?verification=*")
    for digit in "719364719364":
        await phone.get_by_role("group").get_by_role("button", name=digit, exact=True).click()
    await phone.get_by_text("Mã PIN mới đã có hiệu lực.").wait_for()


async def test_a_lost_phones_account_is_locked_from_another(new_phone: NewPhone) -> None:
    lost, another = await new_phone(), await new_phone()
    await signed_in(lost)
    await another.goto("/lock")
    await another.get_by_role("button", name="Tiếp tục").wait_for()
    await look(another, "me-lock")
    await another.get_by_label("Số điện thoại bị mất").fill("0900000001")
    await another.get_by_role("button", name="Tiếp tục").click()
    for digit in PIN:
        await another.get_by_role("button", name=digit, exact=True).click()
    await another.get_by_text("Nếu thông tin đúng, tài khoản đã khóa").wait_for()
    await lost.reload()
    await lost.wait_for_url("**/sign-in*")


async def test_a_copy_of_my_data_is_made_and_taken_home(phone: Page) -> None:
    await signed_in(phone)
    await phone.goto("/me/exports")
    await phone.get_by_role("button", name="Yêu cầu bản sao").click()
    take = phone.get_by_role("button", name="Tải về")
    await take.wait_for(timeout=20_000)
    await look(phone, "me-export")
    async with phone.expect_download() as downloading:
        await take.click()
    with zipfile.ZipFile(await (await downloading.value).path()) as copy:
        assert any("+84900000001" in copy.read(name).decode() for name in copy.namelist() if name.endswith(".json"))


async def test_every_screen_of_the_account_can_be_used_by_everybody(phone: Page) -> None:
    await signed_in(phone)
    for path in (
        "level", "devices", "sessions", "phone", "consents", "exports", "erasures", "data-requests", "access-log",
    ):  # fmt: skip
        await phone.goto(f"/me/{path}")
        await phone.get_by_role("heading", level=1).wait_for()
        await phone.get_by_text("Đang tải").first.wait_for(state="detached")
        await look(phone, f"me-{path}")
