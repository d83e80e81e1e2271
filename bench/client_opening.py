"""Opening the app on an old phone with a slow network, for the first time and from then on.

`python -m bench.client_opening --url http://localhost:8000`: against a sandbox that runs (`make run`), with its
client built. A phone whose processor is four times slower than this one, on 3G (400 ms a round trip, 400 kbit/s). It
measures how long it takes until something can be done: until the number can be typed on the first visit, and on
the next one, when the service worker has the app; until the bills that are due can be touched, as the phone last knew
them; and the same with no network. The first visit is what the next one is compared with. One line of JSON at the
end."""

import argparse
import asyncio
import shutil
import sys
from statistics import median
from time import perf_counter

import msgspec
from playwright.async_api import Locator, Page, async_playwright

from app.identity.seed import PIN
from bench.client_sound import KBIT_S, LATENCY_MS, phone, slow
from bench.payments import machine

RESIDENT = "+84900000003"
SLOWER = 4


class Opening(msgspec.Struct):
    """Milliseconds, the median of the rounds."""

    bench: str
    machine: str
    rounds: int
    network: str
    slower: int
    first_visit_ms: float
    next_visit_ms: float
    home_ms: float
    home_without_network_ms: float
    next_to_first: float


def main() -> None:
    """Measure, and say it in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    print(msgspec.json.encode(asyncio.run(measure(wanted.url, wanted.rounds))).decode())


async def measure(url: str, rounds: int) -> Opening:
    """Each round is a phone that has never seen the city."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("no Chromium here (Debian, Ubuntu: apt install chromium)")
    taken: list[tuple[float, float, float, float]] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for _ in range(rounds):
            page = await phone(browser, url)
            await old(page)
            number, bills = page.locator("input[autocomplete=tel]"), page.get_by_text("Hóa đơn đến hạn")
            first = await until(page, "/sign-in", number)
            await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
            following = await until(page, "/sign-in", number)
            await sign_in(page)
            await bills.wait_for()
            home = await until(page, "/", bills)
            await page.context.set_offline(True)
            taken.append((first, following, home, await until(page, "/", bills)))
            await page.context.close()
        await browser.close()
    first, following, home, alone = (round(median(times)) for times in zip(*taken, strict=True))
    return Opening(
        bench="client_opening",
        machine=machine(),
        rounds=rounds,
        network=f"{LATENCY_MS} ms, {KBIT_S} kbit/s",
        slower=SLOWER,
        first_visit_ms=first,
        next_visit_ms=following,
        home_ms=home,
        home_without_network_ms=alone,
        next_to_first=round(following / first, 3),
    )


async def old(page: Page) -> None:
    """A slow processor on a slow network."""
    await slow(page)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


async def until(page: Page, path: str, there: Locator) -> float:
    """Milliseconds from the touch to what can be used."""
    began = perf_counter()
    await page.goto(path, wait_until="commit")
    await there.first.wait_for()
    return (perf_counter() - began) * 1000


async def sign_in(page: Page) -> None:
    """As a resident does."""
    await page.locator("input[autocomplete=tel]").fill(RESIDENT)
    await page.get_by_role("button", name="Gửi mã").click()
    await page.locator("input[autocomplete=one-time-code]").fill("000000")
    pad = page.get_by_role("dialog")
    for digit in PIN:
        await pad.get_by_role("button", name=digit, exact=True).click()
    await pad.wait_for(state="hidden")


if __name__ == "__main__":
    main()
