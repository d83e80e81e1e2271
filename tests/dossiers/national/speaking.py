"""Short words for tests of the national portal."""

from pathlib import Path
from typing import Any

import httpx
import msgspec

from app.db import Queries
from tests.conftest import City
from tests.dossiers.flows import CODE
from tests.dossiers.makers import Office, a_paper, an_office, filed, the_procedures
from tests.makers import Machine, a_biller, a_resident

sql = Queries(Path(__file__).with_name("queries.sql"))

DOOR = "/v1/national/dossiers"
NUMBER = "G22.99.01-261122-0001"


class PortalPlayer:
    """Whoever plays the portal."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def misbehave(self, mischief: str, at: str = "message", times: int = 1) -> None:
        """What goes wrong there next."""
        said = {"next": mischief, "at": at, "times": times}
        (await self.client.put("/behaviour", json=said)).raise_for_status()

    async def has(self, code: str) -> dict[str, Any] | None:
        """What it knows of a dossier."""
        answer = await self.client.get(f"/dossiers/{code}")
        return None if answer.status_code == 404 else answer.json()

    async def knows(self, code: str) -> dict[str, Any]:
        """The same of one that it knows."""
        known = await self.has(code)
        assert known is not None
        return known


async def a_busy_office(city: City) -> Office:
    """An office of a city with procedures."""
    async with city.database.transaction() as db:
        await the_procedures(db)
        await a_biller(db, code="phi-dich-vu-cong")
        return await an_office(db, city.client)


async def accepted(city: City, office: Office, **other: Any) -> tuple[str, str]:
    """A dossier that was accepted: its id and its code."""
    async with city.database.acquire() as db:
        person = await a_resident(db, name="Lê Thị Ngự Bình")
        papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]
        dossier = await filed(db, city.client, person, papers=papers, **other)
    return dossier["id"], (await office.accept(dossier["id"]))["code"]


async def sync_of(city: City, dossier_id: str) -> dict[str, Any]:
    """How far the portal is with it."""
    async with city.database.acquire() as db:
        return dict(await db.fetchrow(sql.sync, dossier_id) or {})


async def jobs_of(city: City) -> tuple[int, int]:
    """How many jobs wait for the portal, and how many are dead."""
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.jobs)
    assert row is not None
    return row["waiting"], row["dead"]


async def hurry(city: City) -> None:
    """Whatever waits is tried again."""
    async with city.database.acquire() as db:
        await db.execute(sql.hurry)
    await city.worker.drain()


def words(code: str = NUMBER, **other: Any) -> dict[str, Any]:
    """A dossier as the portal files it."""
    return {
        "MaHoSo": code,
        "MaTTHC": CODE,
        "MaDonVi": "H57.33",
        "ChuHoSo": "Trần Văn Vọng Cảnh",
        "MaDoiTuong": "046091000123",
        "SoDienThoai": "0905 111 222",
        "BieuMau": {"child_name": "Trần Vọng Hà"},
    } | other


async def file(desk: httpx.AsyncClient, machine: Machine, *dossiers: Any) -> httpx.Response:
    """What the portal says, signed."""
    content = msgspec.json.encode({"data": dossiers})
    headers = machine.sign("POST", DOOR, content) | {"content-type": "application/json"}
    return await desk.post(DOOR, headers=headers, content=content)
