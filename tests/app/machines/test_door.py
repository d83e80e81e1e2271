"""First"""
import httpx
from app.db import Connection
from tests.makers import a_machine

async def test_first(desk: httpx.AsyncClient, db: Connection) -> None:
    m = await a_machine(db, ["bills.read"])
    a = await desk.get("/v1/machine", headers=m.sign("GET", "/v1/machine"))
    print(a.text)
    a2 = await desk.get("/v1/machine?x=1", headers=m.sign("GET", "/v1/machine"))
    print(a2.text)
    assert a.status_code == 200
