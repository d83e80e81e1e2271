"""A phone that is new in the city: it signs in, and has the app from then on."""

import pytest
from playwright.async_api import Page, expect

from tests.client.conftest import NewPhone, Town, signed_in
from tests.client.looks import look


async def test_a_resident_signs_in_on_a_new_phone(phone: Page) -> None:
    await phone.goto("/")
    await phone.get_by_role("button", name="Gửi mã").wait_for()
    await look(phone, "sign-in")
    await signed_in(phone)
    await phone.get_by_text("Ngự Bình").first.wait_for()
    await phone.reload()
    await phone.get_by_text("Ngự Bình").first.wait_for()
    await look(phone, "home")


async def test_two_phones_know_nothing_of_each_other(new_phone: NewPhone) -> None:
    hers, his = await new_phone(), await new_phone(theme="dark")
    await signed_in(hers, "0900000001")
    await signed_in(his, "0900000002")
    await hers.get_by_text("Ngự Bình").first.wait_for()
    assert await his.get_by_text("Ngự Bình").count() == 0


async def test_the_app_stays_on_the_phone(phone: Page) -> None:
    await phone.goto("/")
    await phone.evaluate("navigator.serviceWorker.ready.then((kept) => kept.scope)")
    await phone.reload()
    assert await phone.evaluate("navigator.serviceWorker.controller !== null")
    kept = await phone.evaluate(
        "caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((one) => one.keys())))"
        ".then((all) => all.flat().map((request) => new URL(request.url).pathname)))"
    )
    assert "/index.html" in kept
    assert not [path for path in kept if path.startswith("/v1")], "what is somebody's own is in no cache of files"


LETTERS = "[...document.fonts].filter((face) => face.family.includes('Vietnam') && face.status === 'loaded').length"


async def test_the_apps_letters_come_with_the_next_screen_and_then_from_the_first_word(phone: Page) -> None:
    await phone.goto("/sign-in")
    await phone.get_by_role("button", name="Gửi mã").wait_for()
    assert await phone.evaluate(LETTERS) == 0, "no word jumps while it is read"
    for _ in range(50):
        await phone.get_by_role("link", name="Khóa tài khoản").click()
        await phone.get_by_role("button", name="Tiếp tục").wait_for()
        if await phone.evaluate(LETTERS) == 4:
            break
        await phone.go_back()
        await phone.get_by_role("button", name="Gửi mã").wait_for()
    assert await phone.evaluate(LETTERS) == 4
    await phone.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await phone.reload()
    await phone.get_by_role("button", name="Tiếp tục").wait_for()
    assert await phone.evaluate(LETTERS) == 4


OPEN_TO_ANYBODY = {
    "/reports/search": "Tìm",
    "/alerts": "Cảnh báo",
    "/dossiers/verify": "Kiểm tra",
    "/dossiers/procedures": "Thủ tục",
    "/verifications": "Xác thực",
    "/nowhere/at/all": "Không có trang này",
    "/wallet/bills/%E0%A4%A": "Không có trang này",
}


async def test_everybody_can_use_what_else_is_open(phone: Page) -> None:
    await signed_in(phone)
    for path, sign in OPEN_TO_ANYBODY.items():
        await phone.goto(path)
        await expect(phone.get_by_text(sign).first).to_be_visible()
        await look(phone, f"open{path.replace('/', '-').replace('%', '')}")


@pytest.mark.parametrize("to", ["//evil.example", "/%5Cevil.example", "/%09/evil.example", "https://evil.example"])
async def test_whoever_signs_in_stays_in_the_city(phone: Page, town: Town, to: str) -> None:
    await signed_in(phone, address=f"/sign-in?to={to}")
    await phone.get_by_text("Ngự Bình").first.wait_for()
    assert phone.url == f"{town.url}/"
