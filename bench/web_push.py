"""What a message to a browser costs, and how long it keeps everybody else waiting, beside `pywebpush` as it comes.

`python -m bench.web_push`: so many messages to a push service that answers 201 and looks at nothing, in a process of
its own on 127.0.0.1. Ours is `WebPush.send`; the other is `pywebpush.webpush_async`, as many side by side, with one
shared session and claims of its own for each, which is what its documentation leads to: it seals and signs each
message where it stands, on the event loop. Rounds of both in turn, medians over the rounds. CPU is this process's,
the sealing thread included; `waited`: the longest that somebody who wanted the loop did not get it. One line of JSON
at the end."""

import argparse
import asyncio
import multiprocessing
import os
import platform
import socket
import statistics
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from uuid import uuid4

import aiohttp
import msgspec
import pywebpush
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

os.environ["HUONG_MODE"] = "sandbox"

from app import config
from app.clock import city_now
from notifications.transports.face import Push
from notifications.transports.web_push import AT_ONCE, WebPush, payload

AIM = "cpu_ratio ≤ 1, waited_ratio ≤ 0.5"


class Cost(msgspec.Struct):
    """Of one way: messages a second, ms of CPU a message, ms that the loop was not to be had at most."""

    per_s: float
    cpu_ms: float
    waited_ms: float


class _Takes(asyncio.Protocol):
    """Answers each whole request with 201."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(self.data) < end + 4 + length:
                return
            self.data = self.data[end + 4 + length :]
            self.transport.write(b"HTTP/1.1 201 Created\r\nlocation: /m/1\r\ncontent-length: 0\r\n\r\n")


def _serve(told: Connection) -> None:
    async def serve() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        told.send(listening.getsockname()[1])
        server = await asyncio.get_running_loop().create_server(_Takes, sock=listening)
        await server.serve_forever()

    asyncio.run(serve())


def a_target(port: int) -> str:
    """A browser's subscription."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    p256dh = urlsafe_b64encode(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).decode()
    keys = {"p256dh": p256dh.rstrip("="), "auth": urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")}
    return msgspec.json.encode({"endpoint": f"http://localhost:{port}/web-push/{uuid4()}", "keys": keys}).decode()


def a_push(target: str) -> Push:
    """A message of usual length."""
    return Push(
        delivery_id=uuid4(),
        target_kind="web_push",
        target=target,
        lane="critical",
        category="alert",
        title="Cảnh báo lũ khẩn cấp trên sông Hương",
        body="Mực nước lúc 15 giờ là 3,6 m, trên báo động 3. Đưa người và xe lên cao, không đi qua ngầm tràn. " * 2,
        link="/alerts/1",
        collapse_key="alert-1",
        expires_at=city_now() + timedelta(hours=6),
    )


async def ours(pushes: list[Push]) -> None:
    """As the city sends."""
    transport = WebPush()
    outcomes = await transport.send(pushes)
    await transport.close()
    assert {outcome.kind for outcome in outcomes} == {"accepted"}


async def as_it_comes(pushes: list[Push]) -> None:
    """As `pywebpush` sends."""
    here, room = config.settings(), asyncio.Semaphore(AT_ONCE)
    key = Vapid02.from_string(here.vapid_private_key)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def one(push: Push) -> None:
            async with room:
                answer = await pywebpush.webpush_async(
                    msgspec.json.decode(push.target),
                    payload(push),  # pyright: ignore[reportArgumentType]
                    vapid_private_key=key,
                    vapid_claims={"sub": here.vapid_subject},
                    ttl=3600,
                    headers={"urgency": "high", "topic": push.collapse_key},
                    timeout=10,
                    aiohttp_session=session,
                )
                assert not isinstance(answer, str)
                assert answer.status == 201

        await asyncio.gather(*map(one, pushes))


async def cost_of(way: Callable[[list[Push]], Awaitable[None]], pushes: list[Push]) -> Cost:
    """One round of one way, with somebody beside it who wants the loop all the time."""
    longest_s, done = 0.0, False

    async def want_the_loop() -> None:
        nonlocal longest_s
        while not done:
            began_s = time.perf_counter()
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.perf_counter() - began_s)
            await asyncio.sleep(0.001)

    waiting = asyncio.create_task(want_the_loop())
    cpu_s, began_s = time.process_time(), time.perf_counter()
    await way(pushes)
    took_s, cpu_s, done = time.perf_counter() - began_s, time.process_time() - cpu_s, True
    await waiting
    return Cost(len(pushes) / took_s, cpu_s * 1000 / len(pushes), longest_s * 1000)


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(round(statistics.median(getattr(c, name) for c in costs), 2) for name in Cost.__struct_fields__))


async def compare(port: int, messages: int, rounds: int) -> tuple[Cost, Cost]:
    """Both ways in turn; the first round warms everything up."""
    targets = [a_target(port) for _ in range(messages)]
    costs: dict[str, list[Cost]] = {"ours": [], "other": []}
    for number in range(rounds + 1):
        for name, way in (("ours", ours), ("other", as_it_comes)):
            cost = await cost_of(way, [a_push(target) for target in targets])
            if number:
                costs[name].append(cost)
    return _median(costs["ours"]), _median(costs["other"])


def main() -> None:
    """Measure, and say it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=1000)
    asked.add_argument("--rounds", type=int, default=5)
    wanted = asked.parse_args()
    hear, tell = multiprocessing.Pipe(duplex=False)
    service = multiprocessing.get_context("spawn").Process(target=_serve, args=(tell,), daemon=True)
    service.start()
    try:
        port = hear.recv()
        os.environ["HUONG_SANDBOX_PORT"] = str(port)
        config.settings.cache_clear()
        mine, other = asyncio.run(compare(port, wanted.messages, wanted.rounds))
    finally:
        service.terminate()
        service.join()
    for name, cost in (("ours", mine), ("pywebpush as it comes", other)):
        print(f"{name:22} {cost.per_s:7.0f}/s  {cost.cpu_ms:6.2f} ms of CPU  waited {cost.waited_ms:6.1f} ms")
    said = {
        "bench": "web_push",
        "messages": wanted.messages,
        "ours": mine,
        "other": other,
        "ratio": round(mine.per_s / other.per_s, 2),
        "waited_ratio": round(mine.waited_ms / other.waited_ms, 2),
        "cpu_ratio": round(mine.cpu_ms / other.cpu_ms, 2),
        "aim": AIM,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    print(msgspec.json.encode(said).decode())


if __name__ == "__main__":
    main()
