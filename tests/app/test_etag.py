"""What has not changed is not sent again."""

import httpx

from app.db import Connection
from tests.makers import a_resident, fund


async def test_a_phone_that_has_it_gets_no_bytes(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db, balance=1_000)
    first = await desk.get("/v1/wallet", headers=me.headers)
    held = {**me.headers, "if-none-match": f'"other", W/{first.headers["etag"]}'}
    unchanged = await desk.get("/v1/wallet", headers=held)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    await fund(db, me.id, 1)
    changed = await desk.get("/v1/wallet", headers=held)
    assert (changed.status_code, changed.json()["available"]) == (200, 1_001)
    assert changed.headers["etag"] != first.headers["etag"]


async def test_only_what_was_read_has_one(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    refused = await desk.get("/v1/wallet")
    written = await desk.post("/v1/wallet/unlocks", headers=me.headers, json={"pin": "258036"})
    assert (refused.status_code, written.status_code) == (401, 201)
    assert not {"etag"} & {*refused.headers, *written.headers}


async def test_the_forty_wards_are_there_for_everybody(desk: httpx.AsyncClient) -> None:
    wards = (await desk.get("/v1/places/wards")).json()
    assert len(wards) == 40
    assert {ward["name"] for ward in wards} >= {"Thuận Hóa", "Vỹ Dạ", "Chân Mây – Lăng Cô"}
    assert all(16.0 < ward["lat"] < 16.8 and 107.1 < ward["lng"] < 108.2 for ward in wards)
