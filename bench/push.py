"""What a push costs the city's own machine: our sender of FCM's HTTP v1 beside Google's `firebase-admin`.

`python -m bench.push`: both send the same warning to the same stand-in of FCM, which is a process of its own, over
TLS and HTTP/2, in turns; each turn's messages are for phones that nobody sent to before. Of each sender: process time
for a message (its threads included, the stand-in's not), and messages a second. Peer: `messaging.send_each_async` of
`firebase-admin`, in its largest batches (500), one `Message` for each phone, its retries left as they are; only its
address, whom it trusts and its token are ours. Medians over the turns; the first of each warms up and is not counted.
It says nothing of Google's own speed, nor of a real network's. The aims are targets. One line of JSON at the end."""

import argparse
import asyncio
import os
import platform
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import firebase_admin
import httpx
import msgspec
import uvloop
from firebase_admin import messaging
from firebase_admin._http_client import GoogleAuthCredentialFlow
from firebase_admin._retry import HttpxRetryTransport

os.environ["HUONG_MODE"] = "sandbox"

from app.clock import city_now
from notifications.sandbox.fcm_line import listening
from notifications.transports.face import Push
from notifications.transports.fcm import Fcm
from notifications.transports.firebase import Firebase, message_of
from notifications.transports.google_access import Access

AIM_RATIO = 0.15
AIM_CPU_MS = 0.12
"""A million in two core-minutes."""
TOKEN = "f" * 22 + ":APA91b" + "x" * 120  # as long as the true ones

_messaging: Any = messaging
Send = Callable[[list[Push]], Awaitable[int]]


class Cost(msgspec.Struct):
    """Of one message: process time in ms; and how many went in a second."""

    cpu_ms: float
    per_s: float


@contextmanager
def stand_in(folder: Path) -> Generator[str]:
    """FCM's, as a process of its own; its address."""
    command = [sys.executable, "-m", "bench.push", "--serve", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"https://localhost:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


async def serve(folder: Path) -> None:
    """Until somebody ends it."""
    async with listening(folder, keep=0) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


def warning(count: int, turn: int) -> list[Push]:
    """The same words for so many phones."""
    until = city_now() + timedelta(hours=6)
    return [
        Push(
            delivery_id=uuid4(),
            target_kind="token",
            target=f"{TOKEN}{turn}-{number}",
            lane="critical",
            category="alert",
            title="Cảnh báo lũ khẩn cấp trên sông Hương",
            body="Mực nước tại Kim Long vượt báo động III 0,35 m lúc 14 giờ. Người dân vùng trũng thấp các phường Vỹ "
            "Dạ, Phú Xuân, Hương An chủ động di dời đến nơi cao; đường dây nóng 1900 1075.",
            link="huong://app/alerts/0196f0c1",
            collapse_key="alert-0196f0c1",
            expires_at=until,
        )
        for number in range(count)
    ]


async def ours(url: str, folder: Path) -> tuple[Send, Callable[[], Awaitable[None]]]:
    """Our sender."""
    sender = Fcm(_access(folder), url, ca=folder / "root.pem")

    async def send(pushes: list[Push]) -> int:
        return sum(outcome.kind == "accepted" for outcome in await sender.send(pushes))

    return send, sender.close


async def googles(url: str, folder: Path) -> tuple[Send, Callable[[], Awaitable[None]]]:
    """`firebase-admin` as it comes, but for where it goes."""
    held = Firebase(_access(folder), url, ca=folder / "root.pem")  # for its app, address and token
    held._shown.token = await held.access.wait()  # pyright: ignore[reportPrivateUsage]
    service: Any = _messaging._get_messaging_service(held.app)
    trusted = ssl.create_default_context(cafile=folder / "root.pem")
    service._async_client._async_client = httpx.AsyncClient(
        http2=True,
        timeout=120,
        auth=GoogleAuthCredentialFlow(held._shown),  # pyright: ignore[reportPrivateUsage]
        mounts={"https://": HttpxRetryTransport(http2=True, verify=trusted)},
    )

    async def send(pushes: list[Push]) -> int:
        now, accepted = city_now(), 0
        for start in range(0, len(pushes), 500):
            messages = [message_of(push, now) for push in pushes[start : start + 500]]
            accepted += (await _messaging.send_each_async(messages, False, held.app)).success_count
        return accepted

    async def close() -> None:
        await service._async_client._async_client.aclose()
        await held.close()

    return send, close


def _access(folder: Path) -> Access:
    account = msgspec.json.decode((folder / "account.json").read_bytes(), type=dict[str, Any])
    return Access(account, folder / "root.pem")


async def measure(url: str, folder: Path, turns: int, counts: dict[str, int]) -> dict[str, Cost]:
    """Both in turns; raises SystemExit if one message is not accepted."""
    senders = {"ours": await ours(url, folder), "firebase_admin": await googles(url, folder)}
    costs: dict[str, list[Cost]] = {name: [] for name in senders}
    for turn in range(turns + 1):
        for name, (send, _) in senders.items():
            pushes = warning(counts[name], turn)
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            accepted = await send(pushes)
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
            if accepted != len(pushes):
                raise SystemExit(f"{name}: {accepted} of {len(pushes)} accepted")
            cost = Cost(cpu_s / accepted * 1000, accepted / wall_s)
            print(f"turn {turn}: {name:15} {cost.cpu_ms:7.4f} ms a message, {cost.per_s:8,.0f} a second")
            if turn:
                costs[name].append(cost)
    for _, close in senders.values():
        await close()
    return {
        name: Cost(
            round(statistics.median(cost.cpu_ms for cost in all_), 4),
            round(statistics.median(cost.per_s for cost in all_)),
        )
        for name, all_ in costs.items()
    }


def main() -> None:
    """Measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=Path, help="be the stand-in, with this folder")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000, help="of ours in a turn; the peer sends a tenth")
    options = parser.parse_args()
    if options.serve is not None:
        uvloop.run(serve(options.serve))
        return
    with tempfile.TemporaryDirectory() as name, stand_in(Path(name)) as url:
        counts = {"ours": options.messages, "firebase_admin": max(500, options.messages // 10)}
        costs = asyncio.run(measure(url, Path(name), options.turns, counts))
    ratio = round(costs["ours"].cpu_ms / costs["firebase_admin"].cpu_ms, 3)
    print(f"x {ratio} of firebase-admin's time (aim ≤ {AIM_RATIO}); {costs['ours'].cpu_ms} ms (aim ≤ {AIM_CPU_MS})")
    told = {
        "bench": "push",
        "python": platform.python_version(),
        "firebase_admin_version": firebase_admin.__version__,
        "sender": {
            **costs,
            "ratio": ratio,
            "aim": AIM_RATIO,
            "aim_cpu_ms": AIM_CPU_MS,
            "core_minutes_a_million": round(costs["ours"].cpu_ms * 1000 / 60, 2),
        },
    }
    print(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    main()
