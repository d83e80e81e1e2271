"""Who opened my file, and what was done with my data."""

from uuid import uuid4

import httpx
import pytest

from app.db import Connection
from app.errors import NotFound
from app.privacy import access
from tests.app.phones import ask_for_code, codes_worker, problem
from tests.makers import a_resident, a_staff_member, with_role
from tests.statements import sql


async def test_i_see_who_opened_my_file_as_what_and_why_but_no_name(desk: httpx.AsyncClient, db: Connection) -> None:
    me, other = await a_resident(db), await a_resident(db)
    officer = await with_role(db, await a_staff_member(db, role="operator", agency="ioc"), "supervisor", "ioc")
    for reason in ("Gọi tổng đài báo mất máy", "Gọi lại"):
        await access.opened(db, officer.me, me.id, "Hồ sơ tài khoản", reason)
    answer = await desk.get("/v1/me/access-log", headers=me.headers, params={"limit": 1})
    [opening] = answer.json()["items"]
    assert (opening["what"], opening["reason"]) == ("Hồ sơ tài khoản", "Gọi lại")
    assert opening["opened_as"] == [{"agency": "ioc", "role": "operator"}, {"agency": "ioc", "role": "supervisor"}]
    assert officer.name not in answer.text
    assert str(officer.id) not in answer.text
    rest = await desk.get("/v1/me/access-log", headers=me.headers, params={"cursor": answer.json()["next"]})
    assert [one["reason"] for one in rest.json()["items"]] == ["Gọi tổng đài báo mất máy"]
    assert (await desk.get("/v1/me/access-log", headers=other.headers)).json()["items"] == []


async def test_the_file_of_nobody_cannot_be_opened(db: Connection) -> None:
    officer = await a_staff_member(db)
    with pytest.raises(NotFound):
        async with db.transaction():
            await access.opened(db, officer.me, uuid4(), "Hồ sơ", "Vì sao không")


async def test_compliance_reads_what_was_done_with_whose_data(desk: httpx.AsyncClient, db: Connection) -> None:
    me, other, officer = await a_resident(db), await a_resident(db), await a_staff_member(db, role="compliance")
    for resident in (me, other):
        await desk.post("/v1/me/exports", headers=resident.headers, json={})
    await access.opened(db, officer.me, me.id, "Hồ sơ", "Kiểm tra")
    whole = await desk.get("/v1/staff/processing", headers=officer.headers)
    assert [one["done"] for one in whole.json()["items"]][:3] == ["file_opened", "export_asked", "export_asked"]
    query = {"resident_id": str(me.id), "limit": "1"}
    page = await desk.get("/v1/staff/processing", headers=officer.headers, params=query)
    [newest] = page.json()["items"]
    assert (newest["resident_id"], newest["done"], newest["actor_id"]) == (str(me.id), "file_opened", str(officer.id))
    assert "91/2025/QH15" in newest["basis"]
    query["cursor"] = page.json()["next"]
    page = await desk.get("/v1/staff/processing", headers=officer.headers, params=query)
    assert ([one["done"] for one in page.json()["items"]], page.json()["next"]) == (["export_asked"], None)
    audited = await db.fetch(sql.audit_actions, str(me.id))
    assert [row["action"] for row in audited if row["actor_id"] == officer.id] == ["privacy.processing_read"] * 2
    for role in ("admin", "clerk"):
        nosy = await a_staff_member(db, role=role)
        assert problem(await desk.get("/v1/staff/processing", headers=nosy.headers)) == (403, "Forbidden")


async def test_a_code_that_was_sent_is_written_down_without_its_number(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    me = await a_resident(db)
    assert (await ask_for_code(desk, me.phone)).status_code == 202
    await codes_worker(db).drain()
    [row] = await db.fetch(sql.processing_rows, me.id)
    assert (row["done"], row["actor_kind"]) == ("code_sent", "city")
    assert me.phone not in str(dict(row))
