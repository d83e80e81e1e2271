"""Short words for tests of dossiers: a procedure, papers, and the people who deal with a dossier."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.db import Connection, Queries
from tests.dossiers import flows
from tests.makers import Resident, StaffMember, a_staff_member, with_role

sql = Queries(Path(__file__).with_name("queries.sql"))

HERE = "counter-thuan-hoa"


def problem(answer: httpx.Response) -> str:
    """The type of a refusal."""
    return answer.json()["type"].removeprefix("urn:huong:problem:")


async def the_procedures(db: Connection, **changes: Any) -> None:
    """Both procedures, published."""
    await db.execute(sql.plant_procedure, flows.CHILD, flows.small())
    await db.execute(sql.publish_procedure, flows.CHILD, 1)
    await db.execute(sql.plant_procedure, flows.CODE, flows.everything(**changes))
    await db.execute(sql.publish_procedure, flows.CODE, 1)


async def a_paper(db: Connection, owner_id: UUID) -> UUID:
    """An upload that went through the pipeline before."""
    upload_id = uuid4()
    await db.execute(sql.plant_paper, upload_id, owner_id)
    return upload_id


def words(**other: Any) -> dict[str, Any]:
    """What a phone sends, but for the papers."""
    return {
        "procedure": flows.CODE,
        "case": "plain",
        "agency": HERE,
        "form": {"child_name": "Lê Ngự Hà"},
        "submit": True,
    } | other


async def filed(db: Connection, desk: httpx.AsyncClient, person: Resident, **other: Any) -> dict[str, Any]:
    """A dossier that was submitted with its paper."""
    papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]
    body = words(papers=papers) | other
    answer = await desk.put(f"/v1/dossiers/{uuid4()}", headers=person.headers, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


class Office:
    """A counter and its people, as they deal with dossiers."""

    def __init__(self, desk: httpx.AsyncClient, clerk: StaffMember, officer: StaffMember, head: StaffMember) -> None:
        self.desk, self.clerk, self.officer, self.head = desk, clerk, officer, head

    async def see(self, dossier_id: str, by: StaffMember | None = None) -> dict[str, Any]:
        """The dossier as staff see it."""
        answer = await self.desk.get(f"/v1/staff/dossiers/{dossier_id}", headers=(by or self.clerk).headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, dossier_id: str, noun: str, by: StaffMember, **said: Any) -> httpx.Response:
        """A step, seen at the version that the dossier has now unless told otherwise."""
        if "version" not in said:
            said["version"] = (await self.see(dossier_id, by))["version"]
        return await self.desk.put(f"/v1/staff/dossiers/{dossier_id}/{noun}", headers=by.headers, json=said)

    async def accept(self, dossier_id: str) -> dict[str, Any]:
        """Accepted by the clerk."""
        answer = await self.put(dossier_id, "acceptance", self.clerk)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def act(self, dossier_id: str, action: str, by: StaffMember, **said: Any) -> httpx.Response:
        """An action of the flow."""
        return await self.put(dossier_id, f"actions/{uuid4()}", by, action=action, **said)

    async def did(self, dossier_id: str, action: str, by: StaffMember, **said: Any) -> dict[str, Any]:
        """An action that was done."""
        answer = await self.act(dossier_id, action, by, **said)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def to_appraisal(self, dossier_id: str) -> dict[str, Any]:
        """Accepted, and in the officer's hands."""
        await self.accept(dossier_id)
        return await self.did(dossier_id, "hand_on", self.clerk)

    async def to_signing(self, dossier_id: str) -> dict[str, Any]:
        """In the head's hands."""
        await self.to_appraisal(dossier_id)
        return await self.did(dossier_id, "propose", self.officer)

    async def sign(self, dossier_id: str) -> dict[str, Any]:
        """The head has issued the result."""
        answer = await self.put(dossier_id, "result", self.head, number="12/GCN-UBND", body="Nay chứng nhận.")
        assert answer.status_code == 200, answer.text
        return answer.json()


async def an_office(db: Connection, desk: httpx.AsyncClient, agency: str = HERE) -> Office:
    """A clerk, an officer and a head of one agency."""
    clerk = await a_staff_member(db, role="clerk", agency=agency, name="Cao Thị Tiếp Nhận")
    officer = await a_staff_member(db, role="agency_officer", agency=agency, name="Trương Văn Hộ Tịch")
    head = await a_staff_member(db, role="agency_head", agency=agency, name="Ngô Thị Chủ Tịch")
    return Office(desk, clerk, officer, head)


async def an_officer_of(db: Connection, agency: str) -> StaffMember:
    """An officer elsewhere."""
    return await a_staff_member(db, role="agency_officer", agency=agency, name="Bùi Văn Nơi Khác")


__all__ = [
    "HERE",
    "Office",
    "a_paper",
    "an_office",
    "an_officer_of",
    "filed",
    "problem",
    "sql",
    "the_procedures",
    "with_role",
    "words",
]
