"""A close look at a screen, wherever a journey comes by: WCAG 2.2 AA by axe in both themes, 320 px wide, big text;
and its picture, if pictures are wanted (`make pictures`: PICTURES names the folder)."""

import os
from pathlib import Path
from typing import Any

from playwright.async_api import Page

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_WIDE = """() => {
    const most = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > most + 1)
        .filter((one) => !one.closest("[data-may-scroll], .leaflet-container"))
        .map((one) => one.outerHTML.slice(0, 120));
}"""

_NEXT_FRAME = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
"""Until the other theme's colours, or the other width, are on every element."""


async def look(page: Page, name: str) -> None:
    """Assert that the screen can be used by everybody, in light and dark, on a narrow phone, with text of 200 %."""
    before = page.viewport_size or {"width": 390, "height": 844}
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        await page.evaluate(_NEXT_FRAME)
        await _photograph(page, f"{name}-{theme}")
        found = await violations(page, _RULES if theme == "light" else ["color-contrast"])
        assert found == [], f"{name}, {theme}: {found}"
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.evaluate(_NEXT_FRAME)
    wide = await page.evaluate(_WIDE)
    assert wide == [], f"{name} is wider than 320 px: {wide}"
    await page.set_viewport_size(before)
    await page.evaluate(_NEXT_FRAME)
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    wide = await page.evaluate(_WIDE)
    assert wide == [], f"{name} breaks with text of 200 %: {wide}"
    await page.evaluate("document.documentElement.style.fontSize = ''")


async def violations(page: Page, wanted: list[str]) -> list[Any]:
    """What axe finds, in short: the rule and the elements."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE.read_text())
    found = await page.evaluate(
        "(wanted) => axe.run(document, {runOnly: wanted, resultTypes: ['violations']})", wanted
    )
    return [
        (one["id"], [(node["html"][:160], node["failureSummary"][:200]) for node in one["nodes"]])
        for one in found["violations"]
    ]


async def _photograph(page: Page, name: str) -> None:
    folder = os.environ.get("PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        await page.wait_for_function("document.fonts.ready.then(() => !document.querySelector('[aria-busy=true]'))")
        await page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")
