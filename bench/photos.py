"""What it costs to take one photograph of 12 megapixels, by us and by naive Pillow, and who waits for it meanwhile.

`python -m bench.photos`: a JPEG as a phone writes it (4032 x 3024, 4:2:0, quality 90, EXIF with a place), held
upright and held level. It is synthetic: a fractal, blotches and grain, blended until it has the 3 to 5 MB that such
photographs have. Ours is what the product calls between the bytes and the storage (`kinds.sniff`, `images.read`);
naive is open, load, `exif_transpose`, LANCZOS from the whole picture to 2048 and to 480, JPEG and WebP of the same
qualities, the same hash of 64 bits, the place from the EXIF. Both in turn, in this process; CPU is user and system
time of all its threads; the ratio is the median of those of the pairs. Then how late the event loop wakes (uvloop, a
tick every 5 ms) while nothing happens, and while photographs go through the product's decoding threads.

The aims are targets on an idle machine. One line of JSON at the end."""

import argparse
import asyncio
import io
import os
import platform
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec
import uvloop
from PIL import Image, ImageOps

from app.uploads import images, kinds
from app.uploads.threads import decode
from bench.load import percentile_ms
from tests.app.uploads.files import exif

WIDTH, HEIGHT = 4032, 3024
HELD = {"upright": 6, "level": 1}
TICK_S = 0.005
IDLE_S = 3
AIM, LAG_AIM = "≤ 0.42", "≤ 5"
LANCZOS = Image.Resampling.LANCZOS
GPS = 0x8825


class Cost(msgspec.Struct):
    """A photograph of so many MB: CPU in ms, ours and naive, and the median of the pairs' ratios; what both made of
    it, in kB."""

    mb: float
    ours_ms: float
    naive_ms: float
    ratio: float
    ours_kb: list[float]
    naive_kb: list[float]


class Lag(msgspec.Struct):
    """How late the loop woke, in ms, and how many photographs went through meanwhile in a second."""

    p50_ms: float
    p99_ms: float
    most_ms: float
    photos_per_s: float = 0


def a_photo(orientation: int) -> bytes:
    """A street has surfaces, edges and grain; so has this."""
    scene = Image.effect_mandelbrot((1600, 1200), (-2.0, -1.5, 1.0, 1.5), 100).resize((WIDTH, HEIGHT))
    bands = [Image.blend(Image.blend(scene, noise(40, 120), 0.4), noise(2, 40), 0.32) for _ in range(3)]
    written = io.BytesIO()
    Image.merge("RGB", bands).save(written, "JPEG", quality=90, exif=exif(orientation))
    return written.getvalue()


def noise(scale: int, sigma: float) -> Image.Image:
    return Image.effect_noise((WIDTH // scale, HEIGHT // scale), sigma).resize((WIDTH, HEIGHT))


def ours(content: bytes) -> tuple[bytes, bytes]:
    """As `finishing` has it made."""
    made = images.read(content, kinds.sniff(content[: kinds.HEAD_BYTES], "photo"))
    return made.large.content, made.small.content


def naive(content: bytes) -> tuple[bytes, bytes]:
    """As it is written in an afternoon."""
    opened = Image.open(io.BytesIO(content))
    opened.load()
    dict(opened.getexif().get_ifd(GPS))
    upright = ImageOps.exif_transpose(opened)
    large, small = fitted(upright, images.LARGE_PX), fitted(upright, images.SMALL_PX)
    look_of(large)
    return saved(large, "JPEG", 82), saved(small, "WEBP", 78)


def fitted(image: Image.Image, most_px: int) -> Image.Image:
    scale = most_px / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), LANCZOS)


def saved(image: Image.Image, format_: str, quality: int) -> bytes:
    written = io.BytesIO()
    image.save(written, format_, quality=quality)
    return written.getvalue()


def look_of(image: Image.Image) -> int:
    """Is each of 9 x 8 greys darker than its neighbour?"""
    greys = image.convert("L").resize((9, 8), LANCZOS).tobytes()
    bits = [greys[9 * row + column] < greys[9 * row + column + 1] for row in range(8) for column in range(8)]
    return sum(bit << place for place, bit in enumerate(bits))


def cpu_ms(make: Callable[[bytes], object], content: bytes) -> float:
    """Of all threads of this process."""
    began_s = time.process_time()
    make(content)
    return (time.process_time() - began_s) * 1000


def compare(rounds: int, orientation: int) -> Cost:
    """Both in turn, and in the other order every second time; the first pair warms up."""
    content = a_photo(orientation)
    sizes = [[round(len(one) / 1000, 1) for one in make(content)] for make in (ours, naive)]
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            theirs = cpu_ms(naive, content)
            pairs.append((cpu_ms(ours, content), theirs))
        else:
            pairs.append((cpu_ms(ours, content), cpu_ms(naive, content)))
    return Cost(
        round(len(content) / 1e6, 2),
        round(median(one for one, _ in pairs), 1),
        round(median(other for _, other in pairs), 1),
        round(median(one / other for one, other in pairs), 3),
        *sizes,
    )


async def lag_while(work: Callable[[], Any] | None) -> Lag:
    """A tick that comes late makes the next ones late too: whoever came in between would have waited."""
    late_s: list[float] = []
    working = asyncio.ensure_future(asyncio.sleep(IDLE_S) if work is None else work())
    began_s = due_s = time.monotonic()
    while not working.done():
        due_s += TICK_S
        await asyncio.sleep(due_s - time.monotonic())
        late_s.append(max(0.0, time.monotonic() - due_s))
    done = await working or 0
    late_s.sort()
    return Lag(
        percentile_ms(late_s, 50),
        percentile_ms(late_s, 99),
        round(late_s[-1] * 1000, 2),
        round(done / (time.monotonic() - began_s), 1),
    )


async def measure_lag(photos: int) -> tuple[Lag, Lag]:
    """The idle loop's, and the busy one's."""
    content = a_photo(HELD["upright"])

    async def flood() -> int:
        await asyncio.gather(*(decode(lambda: ours(content)) for _ in range(photos)))
        return photos

    return await lag_while(None), await lag_while(flood)


def main() -> None:
    """Compare, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--photos", type=int, default=60)
    chosen = options.parse_args()
    costs = {held: compare(chosen.rounds, orientation) for held, orientation in HELD.items()}
    for held, cost in costs.items():
        print(
            f"{held:8} {cost.mb} MB: ours {cost.ours_ms:6.1f} ms, naive {cost.naive_ms:6.1f} ms of CPU:"
            f" ratio {cost.ratio} (aim {AIM})"
        )
    idle, busy = uvloop.run(measure_lag(chosen.photos))
    print(
        f"loop: idle p50 {idle.p50_ms} p99 {idle.p99_ms} ms; busy p50 {busy.p50_ms} p99 {busy.p99_ms} ms"
        f" (aim {LAG_AIM}), {busy.photos_per_s} photographs a second"
    )
    told = {
        "bench": "photos", "python": platform.python_version(), "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1), "costs": costs, "idle": idle, "busy": busy,
        "aims": {"ratio": AIM, "busy p99_ms": LAG_AIM},
    }  # fmt: skip
    print(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    main()
