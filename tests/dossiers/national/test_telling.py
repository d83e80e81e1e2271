"""The portal hears how a dossier goes: all of it, in order, once."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app import config, outside
from app.clock import city_now
from app.identity.models import Role
from app.jobs import News
from app.worker import Worker
from dossiers.national import portal as national_portal
from dossiers.national import telling
from dossiers.national.wire import PortalReply
from tests.conftest import City
from tests.dossiers.national.speaking import (
    PortalPlayer,
    a_busy_office,
    accepted,
    hurry,
    jobs_of,
    sql,
    sync_of,
)
from tests.makers import StaffMember, a_staff_member

DIFFERENCES = "/v1/staff/national/differences"


def statuses(known: dict[str, Any]) -> list[str]:
    return [step["TrangThai"] for step in known["steps"]]


async def a_member(city: City, role: Role, agency: str = "city") -> StaffMember:
    async with city.database.transaction() as db:
        return await a_staff_member(db, role=role, agency=agency)


async def resend(city: City, dossier_id: str) -> dict[str, Any]:
    supervisor = await a_member(city, "supervisor")
    answer = await city.client.put(f"{DIFFERENCES}/{dossier_id}/resend", headers=supervisor.headers, json={})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sweep(city: City) -> None:
    async with city.database.transaction() as db:
        await telling.sweep(db)
    await city.worker.drain()


async def age(city: City, dossier_id: str) -> None:
    async with city.database.acquire() as db:
        await db.execute(sql.age, dossier_id)


async def test_the_portal_hears_of_a_dossier_as_it_goes(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office, case="with_fee")
    await city.worker.drain()
    known = await portal.knows(code)
    told = known["dossier"]
    assert (told["MaHoSo"], told["TrangThaiHoSo"], told["HinhThuc"], told["LoaiDoiTuong"]) == (code, "2", "2", "1")
    assert (told["ChuHoSo"], told["NgayTra"], told["GhiChu"]) == ("Lê Thị Ngự Bình", "", "")
    assert [(paper["MaThanhPhanHoSo"], paper["LoaiGiayTo"]) for paper in told["TaiLieuNop"]] == [
        ("identity_card", "2")
    ]
    assert [(fee["HinhThucThu"], fee["Gia"], fee["DaThu"]) for fee in told["DanhSachLePhi"]] == [
        ("1", "8000", "False")
    ]
    assert known["took"] == ["new"]
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "consult", office.officer, note="Đề nghị có ý kiến")
    await city.worker.drain()
    known = await portal.knows(code)
    assert statuses(known) == ["4", "4"]
    assert known["steps"][0]["NoiDungXuLy"] == "Bước hand_on"
    assert "Đề nghị" not in str(known), "what officers write to each other stays here"
    sync = await sync_of(city, dossier_id)
    assert (sync["state"], sync["taken_version"], sync["tries"]) == ("in_step", sync["version"], 0)


async def test_what_changes_beside_the_steps_is_told_after_them(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    await city.worker.drain()
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "ask_papers", office.officer, note="Thiếu ảnh", papers=["photo"])
    await city.worker.drain()
    known = await portal.knows(code)
    kinds = [took if took in {"new", "changed"} else "step" for took in known["took"]]
    assert kinds == ["new", "step", "step", "changed"]
    assert known["dossier"]["TrangThaiHoSo"] == "5"
    assert [one["NoiDungBoSung"] for one in known["dossier"]["DanhSachHoSoBoSung"]] == ["Thiếu ảnh"]


async def test_what_is_not_accepted_is_not_the_portals_business(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    dossier_id, _ = await accepted(city, office)
    async with city.database.acquire() as db:
        await db.execute(sql.forget_news)
        unaccepted = await db.fetchval(sql.plant_unaccepted, UUID(dossier_id))
    await telling.tell(city.database, News(1, "DossierMoved", {"dossier_id": str(unaccepted)}, city_now()))
    assert await sync_of(city, str(unaccepted)) == {}


async def test_children_are_told_too(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "split", office.officer)
    await city.worker.drain()
    async with city.database.acquire() as db:
        children: list[str] = await db.fetchval(sql.codes_of_children, UUID(dossier_id))
    assert len(children) == 2
    for child in (code, *children):
        await portal.knows(child)


async def test_several_workers_tell_in_order(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    justice = await a_member(city, "agency_officer", "justice")
    dossiers = [await accepted(city, office) for _ in range(3)]

    async def work() -> None:
        for dossier_id, _ in dossiers:
            await office.did(dossier_id, "hand_on", office.clerk)
            for _ in range(3):
                await office.did(dossier_id, "consult", office.officer, note="?")
                await office.did(dossier_id, "answer", justice, note="!")

    workers = [Worker(city.database) for _ in range(3)]
    task = asyncio.create_task(work())
    while not task.done():
        await asyncio.gather(*(worker.drain() for worker in workers))
    await task
    await asyncio.gather(*(worker.drain() for worker in workers))
    await hurry(city)
    for dossier_id, code in dossiers:
        known = await portal.knows(code)
        told = [step["NoiDungXuLy"].split()[1] for step in known["steps"]]
        assert told == ["hand_on", *["consult", "answer"] * 3]
        assert known["doubles"] == 0
        assert (await sync_of(city, dossier_id))["state"] == "in_step"


@pytest.mark.parametrize("lost", ["new", "step"])
async def test_a_message_whose_answer_was_lost_is_one_at_the_portal(
    city: City, portal: PortalPlayer, lost: str
) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    if lost == "step":
        await city.worker.drain()
        await office.did(dossier_id, "hand_on", office.clerk)
    await portal.misbehave("silence")
    await city.worker.drain()
    assert (await sync_of(city, dossier_id))["state"] == "waiting"
    await hurry(city)
    known = await portal.knows(code)
    assert (known["doubles"], len(known["steps"])) == (1, int(lost == "step"))
    assert (await sync_of(city, dossier_id))["state"] == "in_step"


async def test_a_worker_that_is_killed_between_answer_and_mark_doubles_nothing(
    city: City, portal: PortalPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    await city.worker.drain()
    await office.did(dossier_id, "hand_on", office.clerk)
    really = national_portal.send

    async def killed(kind: str, body: bytes) -> PortalReply:
        await really(kind, body)
        raise SystemError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(national_portal, "send", killed)
        await city.worker.drain()
    assert len((await portal.knows(code))["steps"]) == 1
    sync = await sync_of(city, dossier_id)
    assert sync["taken_version"] < sync["version"]
    await hurry(city)
    known = await portal.knows(code)
    assert (len(known["steps"]), known["doubles"]) == (1, 1)
    assert (await sync_of(city, dossier_id))["state"] == "in_step"


@pytest.mark.parametrize("said", [PortalReply("0"), PortalReply("4", "Sai thứ tự")])
async def test_a_worker_that_was_overtaken_changes_nothing(
    city: City, portal: PortalPlayer, monkeypatch: pytest.MonkeyPatch, said: PortalReply
) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    await city.worker.drain()
    await office.did(dossier_id, "hand_on", office.clerk)
    news = News(1, "DossierMoved", {"dossier_id": dossier_id}, city_now())
    really = national_portal.send

    async def late(_kind: str, _body: bytes) -> PortalReply:
        monkeypatch.setattr(national_portal, "send", really)
        await telling.tell(city.database, news)
        return said

    monkeypatch.setattr(national_portal, "send", late)
    await telling.tell(city.database, news)
    sync = await sync_of(city, dossier_id)
    assert (sync["state"], sync["taken_version"], sync["error_code"]) == ("in_step", sync["version"], None)
    assert statuses(await portal.knows(code)) == ["4"]


async def test_a_portal_that_is_down_hears_all_when_it_is_back(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    await portal.misbehave("down", times=1000)
    await city.worker.drain()
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "propose", office.officer)
    for _ in range(3):
        await hurry(city)
    sync = await sync_of(city, dossier_id)
    assert (sync["state"], sync["taken_version"], sync["error"]) == ("waiting", 0, "answered 503")
    assert sync["tries"] == 4
    assert await portal.has(code) is None
    await portal.misbehave("down", times=0)
    await hurry(city)
    assert statuses(await portal.knows(code)) == ["4", "4"]
    assert (await sync_of(city, dossier_id))["state"] == "in_step"
    assert await jobs_of(city) == (0, 0)


async def test_what_the_queue_gave_up_is_sent_by_a_person_at_once_and_by_the_sweep_half_a_day_later(
    city: City, portal: PortalPlayer
) -> None:
    office = await a_busy_office(city)
    (first_id, first), (second_id, second) = [await accepted(city, office) for _ in range(2)]
    await portal.misbehave("down", times=1000)
    await city.worker.drain()
    while (await jobs_of(city))[0]:
        await hurry(city)
    await portal.misbehave("down", times=0)
    for dossier_id in (first_id, second_id):
        await age(city, dossier_id)
    await sweep(city)
    assert {(await sync_of(city, one))["state"] for one in (first_id, second_id)} == {"waiting"}, "it is too early"
    await resend(city, first_id)
    await city.worker.drain()
    await portal.knows(first)
    assert [(await sync_of(city, one))["state"] for one in (first_id, second_id)] == ["in_step", "waiting"]
    async with city.database.acquire() as db:
        await db.execute(sql.age_sweep, second_id)
    await sweep(city)
    await portal.knows(second)
    assert (await sync_of(city, second_id))["state"] == "in_step"


async def test_a_refusal_is_kept_listed_and_healed_by_sending_again(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    await portal.misbehave("refuse", times=1000)
    dossier_id, code = await accepted(city, office)
    await city.worker.drain()
    other_id, _ = await accepted(city, office)
    await city.worker.drain()
    await portal.misbehave("refuse", times=0)
    admin = await a_member(city, "admin")
    assert await jobs_of(city) == (0, 0), "to try again would change nothing"
    async with city.database.acquire() as db:
        assert await db.fetchval(telling.sql.out_of_step_count) == 2
    listed, cursor = list[dict[str, Any]](), None
    for _ in range(2):
        query = {"state": "refused", "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await city.client.get(DIFFERENCES, headers=admin.headers, params=query)).json()
        listed, cursor = [*listed, *page["items"]], page["next"]
    assert cursor is None
    assert [one["dossier_id"] for one in listed] == [other_id, dossier_id], "newest first"
    assert {(one["state"], one["error_code"], one["error"]) for one in listed} == {("refused", "-1", "Lỗi hệ thống")}
    waiting = await city.client.get(DIFFERENCES, headers=admin.headers, params={"state": "waiting"})
    assert waiting.json()["items"] == []
    assert (await resend(city, dossier_id))["state"] == "waiting"
    await city.worker.drain()
    assert (await sync_of(city, dossier_id))["state"] == "in_step"
    await portal.knows(code)
    left = (await city.client.get(DIFFERENCES, headers=admin.headers)).json()["items"]
    assert [one["dossier_id"] for one in left] == [other_id]
    assert (await resend(city, dossier_id))["state"] == "in_step", "what is in step is not sent again"


async def test_a_stranger_to_the_portal_is_not_found(city: City, portal: PortalPlayer) -> None:
    supervisor = await a_member(city, "supervisor")
    path = f"{DIFFERENCES}/00000000-0000-0000-0000-000000000001/resend"
    assert (await city.client.put(path, headers=supervisor.headers, json={})).status_code == 404


async def test_news_that_was_lost_is_found_by_the_sweep(city: City, portal: PortalPlayer) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    async with city.database.acquire() as db:
        await db.execute(sql.forget_news)
    await sweep(city)
    assert await portal.has(code) is None, "ten minutes are not over"
    await age(city, dossier_id)
    await sweep(city)
    assert (await portal.knows(code))["took"] == ["new"]
    assert (await sync_of(city, dossier_id))["state"] == "in_step"


async def test_a_token_is_got_once_and_anew_when_it_is_refused(
    city: City, portal: PortalPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await a_busy_office(city)
    asked, really = list[str](), outside.ask

    async def ask(method: str, url: str, **other: Any) -> outside.Said:
        asked.append(url.rpartition("/")[2])
        return await really(method, url, **other)

    monkeypatch.setattr(outside, "ask", ask)
    national_portal.forget_tokens()
    for _ in range(2):
        await accepted(city, office)
        await city.worker.drain()
    assert asked.count("token") == 1
    await portal.misbehave("unauthorised")
    dossier_id, _ = await accepted(city, office)
    await city.worker.drain()
    assert asked.count("token") == 2
    assert (await sync_of(city, dossier_id))["state"] == "in_step"


@pytest.mark.parametrize("mischief", ["not_json", "huge", "moved", "down"])
async def test_an_answer_that_is_none_changes_nothing(city: City, portal: PortalPlayer, mischief: str) -> None:
    office = await a_busy_office(city)
    dossier_id, _ = await accepted(city, office)
    await portal.misbehave(mischief)
    await city.worker.drain()
    sync = await sync_of(city, dossier_id)
    assert (sync["state"], sync["taken_version"]) == ("waiting", 0)
    await hurry(city)
    assert (await sync_of(city, dossier_id))["state"] == "in_step"


async def test_a_city_without_a_portal_sends_nothing_and_piles_nothing_up(
    city: City, portal: PortalPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await a_busy_office(city)
    dossier_id, code = await accepted(city, office)
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_MODE", "production")
        environment.setenv("HUONG_PEPPER", "a pepper of at least 32 characters")
        config.settings.cache_clear()
        await city.worker.drain()
        await age(city, dossier_id)
        await sweep(city)
    config.settings.cache_clear()
    assert await jobs_of(city) == (0, 0)
    assert await sync_of(city, dossier_id) == {}
    assert await portal.has(code) is None


async def test_the_log_of_a_dossier_has_an_end(
    city: City, portal: PortalPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_KEPT", 2)
    office = await a_busy_office(city)
    dossier_id, _ = await accepted(city, office)
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "propose", office.officer)
    await city.worker.drain()
    async with city.database.acquire() as db:
        messages = [(row["kind"], row["error_code"]) for row in await db.fetch(sql.messages, dossier_id)]
    assert messages == [("step", "0"), ("step", "0")]
