"""What the tests of transports send, and how they reach a stand-in of their own."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from app.clock import city_now
from notifications.sandbox.fcm_cloud import Cloud, Misbehave
from notifications.sandbox.fcm_line import Server, listening
from notifications.transports.face import Outcome, Push
from notifications.transports.fcm import Fcm, Patience
from notifications.transports.google_access import Access

PATIENT = Patience(look_every_s=0.05, first_wait_s=0.02, longest_wait_s=0.2, answer_s=30.0, close_s=10.0)
"""Who is not hurried by a machine that is busy with other tests."""

IMPATIENT = Patience(
    connect_s=3.0, answer_s=1.5, quiet_s=0.5, ping_s=0.5, outage_s=1.5, close_s=0.5, look_every_s=0.05,
    first_wait_s=0.02, longest_wait_s=0.2,
)  # fmt: skip
"""Whom somebody keeps waiting on purpose."""


def a_push(target: str = "a phone", **other: Any) -> Push:
    """A warning for one phone."""
    fields: dict[str, Any] = {
        "delivery_id": uuid4(),
        "target_kind": "token",
        "target": target,
        "lane": "transactional",
        "category": "alert",
        "title": "Cảnh báo lũ",
        "body": "Nước sông Hương lên nhanh. Hãy đến nơi cao.",
        "link": "huong://app/alerts/1",
        "collapse_key": "alert-1",
        "expires_at": city_now() + timedelta(hours=2),
    }
    return Push(**(fields | other))


def pushes(count: int, **other: Any) -> list[Push]:
    """The same words for so many phones."""
    until = city_now() + timedelta(hours=2)
    return [a_push(f"phone-{number}", expires_at=until, **other) for number in range(count)]


def kinds(outcomes: list[Outcome]) -> list[str]:
    """What became of them."""
    return [outcome.kind for outcome in outcomes]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - whatever it is has no event
            await asyncio.sleep(0.001)


class Fcms:
    """A stand-in on a free port, and our sender pointed at it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder

    @property
    def cloud(self) -> Cloud:
        """What the stand-in knows."""
        return self.server.cloud

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://localhost:{self.server.port}"

    def behave(self, next_: Any, **other: Any) -> None:
        """Have it do something wrong."""
        self.cloud.behave(Misbehave(next=next_, **other))

    def access(self) -> Access:
        """The account's, as the stand-in has left it in its folder."""
        account = msgspec.json.decode((self.folder / "account.json").read_bytes(), type=dict[str, Any])
        return Access(account, self.folder / "root.pem")

    def sender(self, *, connections: int = 2, patience: Patience = PATIENT) -> Fcm:
        """Our sender."""
        root = self.folder / "root.pem"
        return Fcm(self.access(), self.url, ca=root, connections=connections, patience=patience)


@asynccontextmanager
async def an_fcm(folder: Path, **other: Any) -> AsyncGenerator[Fcms]:
    """A stand-in for so long."""
    async with listening(folder, **other) as server:
        yield Fcms(server, folder)
