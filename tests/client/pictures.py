"""A picture of each screen, light and dark, into web/pictures: `make pictures`. Nothing collects this by itself."""

from pathlib import Path

from playwright.async_api import Page

from app.cli import plant_once
from tests.client.conftest import BUILT, NewPhone, Theme, Town, signed_in

PICTURES = BUILT.parent / "pictures"
A_STRANGERS = [("sign-in", "/sign-in")]
A_RESIDENTS = [
    ("home", "/"),
    ("wallet", "/wallet"),
    ("bills", "/wallet/bills"),
    ("scan", "/wallet/scan"),
    ("reports", "/reports"),
    ("report", "/reports/new"),
    ("dossiers", "/dossiers"),
    ("alerts", "/alerts"),
    ("inbox", "/inbox"),
    ("merchants", "/merchants"),
    ("me", "/me"),
    ("devices", "/me/devices"),
]
THEMES: tuple[Theme, ...] = ("light", "dark")


async def test_take_pictures(town: Town, new_phone: NewPhone) -> None:
    await plant_once(town.database, most_dossiers=20)
    PICTURES.mkdir(exist_ok=True)
    for theme in THEMES:
        phone = await new_phone(theme=theme)
        for name, path in A_STRANGERS:
            await take(phone, path, PICTURES / f"{name}-{theme}.png")
        await signed_in(phone)
        for name, path in A_RESIDENTS:
            await take(phone, path, PICTURES / f"{name}-{theme}.png")


async def take(phone: Page, path: str, into: Path) -> None:
    """As it stands when its letters are there and nothing on it is still being loaded."""
    await phone.goto(path)
    await phone.wait_for_function("document.fonts.ready.then(() => !document.querySelector('[aria-busy=true]'))")
    height = await phone.evaluate("document.documentElement.scrollHeight")  # so what sticks to the bottom is there
    await phone.set_viewport_size({"width": 390, "height": max(844, height)})
    await phone.screenshot(path=into, animations="disabled")
    await phone.set_viewport_size({"width": 390, "height": 844})
