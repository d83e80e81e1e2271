"""An old phone on a bad network: what it must load before it can do anything, and whether anything jumps under the
thumb. How long that takes is measured in bench/, not here."""

import re

from playwright.async_api import Page

from app import client
from tests.client.conftest import BUILT, signed_in

MOST_ENTRY_BYTES = 60_000
"""Of JavaScript, gzipped, before the first screen's own."""
SHIFTS = """() => new Promise((told) => {
    let sum = 0;
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value;
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => told(sum), 1000);
})"""
BARELY = 0.01
"""The field calls 0.1 good (web.dev, Cumulative Layout Shift)."""


def test_the_entry_is_small() -> None:
    files = client.files_in(BUILT)
    page = files[client.PAGE].plain.body.decode()
    entry = re.findall(r'(?:src|href)="(/assets/[^"]+\.js)"', page)
    assert entry
    size = sum(len((files[path].gzipped or files[path].plain).body) for path in entry)
    assert size <= MOST_ENTRY_BYTES, f"{size} bytes in {entry}"


async def test_nothing_jumps_on_a_slow_phone(phone: Page) -> None:
    await signed_in(phone)
    slow = await phone.context.new_cdp_session(phone)
    await slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    await slow.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000},
    )
    for path, sign in (("/", "Hóa đơn đến hạn"), ("/wallet", "Gần đây"), ("/reports", "Phản ánh")):
        await phone.goto(path)
        await phone.get_by_text(sign).first.wait_for()
        assert await phone.evaluate(SHIFTS) <= BARELY, path
