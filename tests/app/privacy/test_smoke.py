import httpx
from app.db import Connection
from app.worker import Worker, LISTENERS, SCHEDULE
from tests.conftest import OneConnection
from tests.makers import a_resident, PIN

async def test_smoke(desk: httpx.AsyncClient, db: Connection):
    me = await a_resident(db)
    for path in ("consents","data-requests","access-log"):
        a = await desk.get(f"/v1/me/{path}", headers=me.headers)
        assert a.status_code == 200, a.text
        print(a.json())
    a = await desk.post("/v1/me/exports", headers=me.headers, json={})
    assert a.status_code == 202, a.text
    e = a.json()["export_id"]
    crew = Worker(OneConnection(db), LISTENERS, SCHEDULE)
    await crew.drain()
    a = await desk.get(f"/v1/me/exports/{e}", headers=me.headers)
    print(a.text)
    a = await desk.get(f"/v1/me/exports/{e}/file", headers=me.headers)
    print(a.status_code, a.headers, len(a.content))
    import io, zipfile
    z = zipfile.ZipFile(io.BytesIO(a.content))
    print(z.testzip(), z.namelist()); print(z.read("README.txt").decode())
    for n in z.namelist():
        print(n, z.read(n)[:300].decode())
    a = await desk.post("/v1/me/erasures", headers=me.headers, json={"pin": PIN})
    print(a.status_code, a.text)
    await crew.drain()
    await crew.keep_schedule()
    print(await db.fetch("select * from erasure"), await db.fetch("select * from job"), await db.fetch("select detail from processing"))
    assert 0
