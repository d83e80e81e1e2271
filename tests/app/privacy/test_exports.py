"""A copy of all that is held of me."""

import asyncio
import csv
import io
import json
import tracemalloc
import zipfile
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.identity import sessions
from app.identity.tokens import new_token, token_hash
from app.privacy import archive, exports
from app.privacy.holdings import AGREEMENT, Holding, Words, of_residents
from app.privacy.listeners import listeners
from app.worker import HOLDINGS, Worker
from notifications.listeners import listeners as telling
from tests.app.phones import problem
from tests.conftest import City, Later, OneConnection
from tests.makers import Resident, a_resident, a_shop
from tests.statements import sql


async def asked(client: httpx.AsyncClient, me: Resident) -> str:
    """POST, and the copy's id."""
    answer = await client.post("/v1/me/exports", headers=me.headers, json={})
    assert (answer.status_code, answer.json()["status"]) == (202, "pending"), answer.text
    return answer.json()["export_id"]


async def status_of(client: httpx.AsyncClient, me: Resident, export_id: str) -> str:
    """How far the copy is."""
    return (await client.get(f"/v1/me/exports/{export_id}", headers=me.headers)).json()["status"]


async def file_of(client: httpx.AsyncClient, me: Resident, export_id: str) -> httpx.Response:
    """The copy itself."""
    return await client.get(f"/v1/me/exports/{export_id}/file", headers=me.headers)


def opened(content: bytes) -> dict[str, bytes]:
    """A ZIP file's entries, whole."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive_:
        assert archive_.testzip() is None
        assert all(entry.flag_bits & 0x800 or entry.filename.isascii() for entry in archive_.infolist()), "UTF-8"
        return {name: archive_.read(name) for name in archive_.namelist()}


def entry(files: dict[str, bytes], holding: str, kind: str) -> bytes:
    """One holding's file."""
    [name] = [name for name in files if name.startswith(f"{holding} ") and name.endswith(kind)]
    return files[name]


async def test_f45_i_get_a_copy_of_all_that_is_held_of_me(city: City) -> None:
    async with city.database.transaction() as db:
        me, friend = await a_resident(db, balance=50_000), await a_resident(db, name="Trần Văn Vọng Cảnh")
        await a_shop(db, owner=me)
    pay = {"kind": "person", "phone": friend.phone, "amount": 20_000, "memo": "=HYPERLINK(0)"}
    assert (await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=me.headers, json=pay)).status_code == 201
    export_id = await asked(city.client, me)
    await city.worker.drain()
    file = await file_of(city.client, me, export_id)
    assert file.headers["content-type"] == "application/zip"
    assert file.headers["content-disposition"] == f'attachment; filename="huong-{export_id}.zip"'
    assert int(file.headers["content-length"]) == len(file.content)
    assert "no-store" in file.headers["cache-control"]
    files = opened(file.content)
    assert len(files) == 1 + 2 * len(of_residents(HOLDINGS))
    assert "BẢN SAO DỮ LIỆU" in files["README.txt"].decode("utf-8-sig")
    [profile] = json.loads(entry(files, "identity.profile", ".json"))
    assert (profile["phone"], profile["name"]) == (me.phone, me.name)
    movements = json.loads(entry(files, "wallet.payments", ".json"))
    assert [(move["amount"], move["memo"]) for move in movements] == [(50_000, None), (-20_000, "=HYPERLINK(0)")]
    [_, _, line] = csv.reader(io.StringIO(entry(files, "wallet.payments", ".csv").decode("utf-8-sig")))
    assert "'=HYPERLINK(0)" in line
    assert "-20000" in line
    assert json.loads(entry(files, "wallet.merchants", ".json"))[0]["name"] == "Bún bò bên chợ"
    assert friend.phone.encode() not in b"".join(files.values()), "of others only what I see anyway"
    inbox = (await city.client.get("/v1/notifications/inbox", headers=me.headers)).json()["items"]
    assert inbox[0]["title"] == "Bản sao dữ liệu đã sẵn sàng"


async def test_f45_nobody_elses_copy_is_there(city: City) -> None:
    async with city.database.transaction() as db:
        me, other = await a_resident(db), await a_resident(db)
    export_id = await asked(city.client, me)
    assert problem(await file_of(city.client, me, export_id)) == (404, "ExportNotReady")
    await city.worker.drain()
    for path in (f"/v1/me/exports/{export_id}", f"/v1/me/exports/{export_id}/file"):
        assert problem(await city.client.get(path, headers=other.headers)) == (404, "NotFound")
    assert (await file_of(city.client, me, export_id)).status_code == 200
    async with city.database.acquire() as db:
        done = [row["done"] for row in await db.fetch(sql.processing_rows, me.id)]
    assert done == ["export_asked", "export_made", "export_fetched"]


async def test_two_copies_a_day(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    await asked(desk, me)
    await asked(desk, me)
    answer = await desk.post("/v1/me/exports", headers=me.headers, json={})
    assert problem(answer) == (429, "TooManyRequests")
    assert int(answer.headers["retry-after"]) > 80_000


async def test_a_copy_is_gone_after_seven_days(desk: httpx.AsyncClient, db: Connection, later: Later) -> None:
    me = await a_resident(db)
    export_id = await asked(desk, me)
    crew = Worker(OneConnection(db))
    await crew.drain()
    assert await status_of(desk, me, export_id) == "ready"
    await later(7 * 86_400 + 60)
    session = await a_resident_again(db, me)
    assert await status_of(desk, session, export_id) == "expired"
    assert problem(await file_of(desk, session, export_id)) == (404, "ExportNotReady")
    assert await db.fetch(sql.export_parts)
    await crew.keep_schedule()
    assert not await db.fetch(sql.export_parts)
    assert await status_of(desk, session, export_id) == "expired"


async def a_resident_again(db: Connection, me: Resident) -> Resident:
    """The same person, some days later, with a token of that day."""
    token = new_token()
    await db.execute(sessions.sql.keep_access_token, token_hash(token), me.session_id, 900)
    return Resident(me.id, me.phone, me.name, me.session_id, token)


class Killed(BaseException):
    """Power is out."""


async def made_and_killed(city: City, export_id: UUID) -> None:
    """A worker that makes the copy and never says that it did."""
    async with city.database.transaction() as db:
        await exports.make(db, export_id, HOLDINGS)
        assert await db.fetch(sql.export_parts)
        raise Killed


async def test_a_worker_that_is_killed_half_way_leaves_nothing_and_the_next_one_makes_it(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
        await db.execute(sql.many_messages, me.id, 12_000, 0)
    export_id = await asked(city.client, me)
    with pytest.raises(Killed):
        await made_and_killed(city, UUID(export_id))
    async with city.database.acquire() as db:
        assert not await db.fetch(sql.export_parts)
    other = Worker(city.database)
    await asyncio.gather(city.worker.drain(), other.drain())
    async with city.database.transaction() as db:
        await exports.make(db, UUID(export_id), HOLDINGS)  # told twice, made once
        parts = [row["part"] for row in await db.fetch(sql.export_parts)]
    assert parts == list(range(len(parts)))
    assert len(parts) > 1
    files = opened((await file_of(city.client, me, export_id)).content)
    assert len(json.loads(entry(files, "notifications.inbox", ".json"))) == 12_000


def a_holding(rows: str) -> Holding:
    """Something that is held."""
    words = Words("Thử", "Test")
    return Holding(name="test.thing", tables=(), what=words, why=words, basis=AGREEMENT, rows=rows)


async def test_a_copy_that_cannot_be_made_is_said_to_be_so(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    export_id = await asked(desk, me)
    broken = (*HOLDINGS, a_holding("SELECT 1 / 0 WHERE $1::uuid IS NOT NULL"))
    await Worker(OneConnection(db), (*listeners(broken), *telling), ()).drain()
    assert await status_of(desk, me, export_id) == "failed"
    assert not await db.fetch(sql.export_parts)
    inbox = (await desk.get("/v1/notifications/inbox", headers=me.headers)).json()["items"]
    assert [message["title"] for message in inbox] == ["Chưa lập được bản sao dữ liệu"]


async def test_a_long_past_is_copied_in_little_memory(db: Connection) -> None:
    me = await a_resident(db)
    await db.execute(sql.many_messages, me.id, 40_000, 0)
    held = [one for one in HOLDINGS if one.name == "notifications.inbox"]
    tracemalloc.start()
    try:
        sizes = [len(part) async for part in archive.parts(db, held, me.id)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000, "of the 20 MB that the two files are"
    assert len(sizes) > 3
    assert max(sizes) < 2 * archive.PART_BYTES


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋"])
def test_d35_a_cell_is_never_a_formula(first: str) -> None:
    assert archive.cell(f"{first}1+1") == f"'{first}1+1"
    assert archive.cell(f"x{first}") == f"x{first}"


@pytest.mark.parametrize(
    ("value", "cell"), [(-5, "-5"), (None, ""), (True, "true"), ({"a": 1}, '{"a":1}'), ([], "[]"), ("Huế", "Huế")]
)
def test_a_cell_shows_its_value(value: Any, cell: str) -> None:
    assert archive.cell(value) == cell


def test_names_of_files_are_what_every_system_takes() -> None:
    names = [archive.file_name(one) for one in HOLDINGS]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set('\\/:*?"<>|') or len(name.encode()) > 200 for name in names)
