"""Results go by public post: fetched once, told of when they arrive, asked about when nobody says anything."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app import config, outbox, outside
from app.clock import city_now
from app.db import Connection, queries_beside
from dossiers import happenings
from dossiers.events import ResultToBePosted
from dossiers.posting import parcels
from dossiers.posting.signatures import sign
from tests.conftest import City, StandIns, served
from tests.dossiers.makers import the_procedures

sql = queries_beside(__file__)

HEARD = "/v1/gateways/public-post/deliveries"
Steps = list[tuple[UUID, str]]


@pytest.fixture
def taken_steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """What became a step of its dossier."""
    told: Steps = []
    really = happenings.posted

    async def posted(db: Connection, dossier_id: UUID, tracking_number: str) -> bool:
        assert db.is_in_transaction()
        taken = await really(db, dossier_id, tracking_number)
        told.extend([(dossier_id, tracking_number)] if taken else [])
        return taken

    monkeypatch.setattr(happenings, "posted", posted)
    return told


@pytest.fixture
async def post(stand_ins: StandIns) -> AsyncIterator["Post"]:
    """The post's stand-in, which does as it should until it is told otherwise."""
    async with httpx.AsyncClient(verify=False, base_url=f"{stand_ins.url}/post") as client:
        there = Post(client)
        await there.misbehave("down", times=0)
        yield there


class Post:
    """Whoever plays the postman."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def misbehave(self, mischief: str, at: str = "pickup", times: int = 1) -> None:
        said = {"next": mischief, "at": at, "times": times}
        (await self.client.put("/behaviour", json=said)).raise_for_status()

    async def move(self, dossier_id: UUID, state: str, **more: Any) -> dict[str, Any]:
        moved = await self.client.put(f"/parcels/{dossier_id}/whereabouts", json={"state": state, **more})
        assert moved.status_code == 200, moved.text
        return moved.json()


async def a_result(city: City, number: int = 1, *, deliver_by: str = "post") -> UUID:
    """A result that is ready, and news of it."""
    dossier_id = uuid4()
    async with city.database.transaction() as db:
        await the_procedures(db)
        await db.execute(sql.plant_dossier, dossier_id, f"H57.30-261122-{number:04}", deliver_by)
        await outbox.record(db, ResultToBePosted(dossier_id=dossier_id))
    return dossier_id


async def delivery(city: City, dossier_id: UUID) -> tuple[str, str | None, str | None, datetime | None]:
    async with city.database.acquire() as db:
        return tuple(await db.fetchrow(sql.delivery, dossier_id) or ())


async def hurry(city: City) -> None:
    async with city.database.acquire() as db:
        await db.execute(sql.hurry)
    await city.worker.drain()


async def test_a_result_is_fetched_and_its_number_is_kept(city: City, post: Post, taken_steps: Steps) -> None:
    dossier_id = await a_result(city)
    await city.worker.drain()
    state, number, _, _ = await delivery(city, dossier_id)
    assert state == "posted"
    assert number is not None
    assert number.startswith("HUE")
    assert taken_steps == [(dossier_id, number)]
    async with city.database.transaction() as db:
        await outbox.record(db, ResultToBePosted(dossier_id=dossier_id))
    await city.worker.drain()
    assert len(taken_steps) == 1, "told twice, posted once"


async def test_what_goes_another_way_is_not_posted(city: City, post: Post, taken_steps: Steps) -> None:
    dossier_id = await a_result(city, deliver_by="counter")
    await city.worker.drain()
    assert (await delivery(city, dossier_id))[:2] == ("ready", None)
    assert taken_steps == []


@pytest.mark.parametrize("mischief", ["down", "not_json", "huge", "moved", "garbage", "unknown", "silence"])
async def test_a_post_in_trouble_is_asked_again_and_makes_one_parcel(
    city: City, post: Post, taken_steps: Steps, mischief: str
) -> None:
    await post.misbehave(mischief)
    dossier_id = await a_result(city)
    await city.worker.drain()
    assert (await delivery(city, dossier_id))[:2] == ("ready", None)
    assert taken_steps == []
    await hurry(city)
    state, number, _, _ = await delivery(city, dossier_id)
    assert (state, len(taken_steps)) == ("posted", 1)
    assert (await post.move(dossier_id, "posted", times=0))["body"].count(str(number)) == 1


async def test_a_slow_post_keeps_nobody_waiting_for_long(
    city: City, post: Post, taken_steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 0.3)
    await post.misbehave("slow")
    dossier_id = await a_result(city)
    await city.worker.drain()
    assert (await delivery(city, dossier_id))[0] == "ready"
    await hurry(city)
    assert (await delivery(city, dossier_id))[0] == "posted"


async def test_a_failed_step_leaves_no_number(city: City, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_db: Connection, _dossier_id: UUID, _tracking_number: str) -> None:
        raise RuntimeError("the core says no")

    monkeypatch.setattr(happenings, "posted", broken)
    dossier_id = await a_result(city)
    await city.worker.drain()
    assert await delivery(city, dossier_id) == ("ready", None, None, None)


async def test_the_post_tells_of_its_delivery_over_a_real_socket_twice(
    city: City, post: Post, taken_steps: Steps
) -> None:
    dossier_id = await a_result(city)
    await city.worker.drain()
    async with served(city.app) as port:
        url = f"http://localhost:{port}{HEARD}"
        moved = await post.move(dossier_id, "on_the_way", city_url=url)
        assert moved["answered"] == [200]
        assert (await delivery(city, dossier_id))[::2] == ("posted", "on_the_way")
        moved = await post.move(dossier_id, "delivered", city_url=url, times=2, late_s=7200)
        assert moved["answered"] == [200, 200]
        state, _, place, delivered_at = await delivery(city, dossier_id)
        assert (state, place) == ("delivered", "delivered")
        assert delivered_at is not None
        assert 7100 < (city_now() - delivered_at).total_seconds() < 7300
        assert (await post.move(dossier_id, "on_the_way", city_url=url))["answered"] == [200]
    assert (await delivery(city, dossier_id))[::2] == ("delivered", "delivered"), "what has arrived stays so"


async def test_only_the_post_is_heard(city: City, post: Post, taken_steps: Steps) -> None:
    dossier_id = await a_result(city)
    await city.worker.drain()
    number = (await delivery(city, dossier_id))[1]
    body = f'{{"tracking_number":"{number}","state":"delivered","at":"2026-11-22T09:00:00+07:00"}}'.encode()
    secret, url = config.settings().post_secret, f"http://huong.test{HEARD}"
    old = int(city_now().timestamp()) - 301
    for headers in (
        {},
        sign("another", "POST", url, body),
        sign(secret, "PUT", url, body),
        sign(secret, "POST", f"{url}s", body),
        sign(secret, "POST", url, body + b" "),
        sign(secret, "POST", url, body, timestamp=old),
        {**sign(secret, "POST", url, body), "x-post-timestamp": "now"},
    ):
        refused = await city.client.post(HEARD, content=body, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:huong:problem:WrongPostSignature")
    assert (await delivery(city, dossier_id))[0] == "posted"
    for wrong, status in (
        (body.replace(str(number).encode(), b"NOBODYS-1"), 404),
        (b"not json", 400),
        (b'{"tracking_number":7}', 400),
        (b"\xff", 400),
    ):
        answer = await city.client.post(HEARD, content=wrong, headers=sign(secret, "POST", url, wrong))
        assert answer.status_code == status, answer.text
    heard = await city.client.post(HEARD, content=body, headers=sign(secret, "POST", url, body))
    assert heard.json() == {"heard": True}
    assert (await delivery(city, dossier_id))[0] == "delivered"


async def test_a_city_without_the_secret_keeps_the_door_closed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_MODE", "production")
        environment.setenv("HUONG_PEPPER", "a pepper of at least 32 characters")
        config.settings.cache_clear()
        headers = sign("", "POST", f"http://huong.test{HEARD}", b"{}")
        assert (await city.client.post(HEARD, content=b"{}", headers=headers)).status_code == 404
    config.settings.cache_clear()


async def test_the_post_is_asked_about_what_it_told_nothing_of_for_two_days(
    city: City, post: Post, taken_steps: Steps
) -> None:
    dossier_id = await a_result(city)
    await city.worker.drain()
    await post.move(dossier_id, "delivered", times=0)
    await parcels.ask_about_silent(city.database)
    assert (await delivery(city, dossier_id))[0] == "posted", "two days are not over"
    async with city.database.acquire() as db:
        await db.execute(sql.long_silent)
    await post.misbehave("down", "inquiry")
    await parcels.ask_about_silent(city.database)
    assert (await delivery(city, dossier_id))[0] == "posted"
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.asked_hours_ago) == 47, "again in an hour"
        await db.execute(sql.long_ago_asked)
    await parcels.ask_about_silent(city.database)
    assert (await delivery(city, dossier_id))[0] == "delivered"


async def test_a_post_that_knows_a_parcel_no_more_changes_nothing(city: City, post: Post, taken_steps: Steps) -> None:
    dossier_id = await a_result(city)
    await city.worker.drain()
    async with city.database.acquire() as db:
        await db.execute(sql.long_silent)
    await post.misbehave("unknown", "inquiry")
    await parcels.ask_about_silent(city.database)
    assert (await delivery(city, dossier_id))[0] == "posted"
