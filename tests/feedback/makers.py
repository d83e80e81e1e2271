"""Short words for tests of field reports: a report as its resident files it, and the steps that follow."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from app.db import Connection
from tests.app.uploads.files import jpeg
from tests.app.uploads.sending import send
from tests.makers import Resident, StaffMember, a_staff_member
from tests.statements import sql

TRANG_TIEN = (16.4689, 107.5903)
"""A bridge in the middle of the city."""


async def a_photo(db: Connection, owner_id: UUID, *, phash: int = 0, purpose: str = "photo") -> UUID:
    """An upload that went through the pipeline before."""
    upload_id = uuid4()
    await db.execute(sql.plant_photo, upload_id, owner_id, purpose, phash)
    return upload_id


async def a_sent_photo(desk: httpx.AsyncClient, who: Resident | StaffMember, content: bytes | None = None) -> UUID:
    """A photograph as a phone sends it, with where it was taken in its EXIF."""
    upload_id = uuid4()
    answer = await send(desk, who, upload_id, content or jpeg())
    assert answer.status_code == 201, answer.text
    return upload_id


def words(**other: Any) -> dict[str, Any]:
    """What a phone sends to report a lamp that is out."""
    lat, lng = TRANG_TIEN
    return {"category": "street_light", "text": "Đèn đường hỏng trước số 12", "lat": lat, "lng": lng} | other


async def filed(desk: httpx.AsyncClient, person: Resident, **other: Any) -> dict[str, Any]:
    """A report that was filed."""
    answer = await desk.put(f"/v1/feedback/reports/{uuid4()}", headers=person.headers, json=words(**other))
    assert answer.status_code == 201, answer.text
    return answer.json()


class Centre:
    """The operations centre and an agency, as they deal with one report."""

    def __init__(self, desk: httpx.AsyncClient, operator: StaffMember, officer: StaffMember) -> None:
        self.desk, self.operator, self.officer = desk, operator, officer

    async def see(self, report_id: str, by: StaffMember | None = None) -> dict[str, Any]:
        """The report as staff see it."""
        answer = await self.desk.get(f"/v1/staff/reports/{report_id}", headers=(by or self.operator).headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(
        self, report_id: str, step: str, by: StaffMember | None = None, *, version: int | None = None, **said: Any
    ) -> httpx.Response:
        """A step, seen at the version that the report has now unless told otherwise."""
        by = by or self.operator
        version = version or (await self.see(report_id))["version"]
        path = f"/v1/staff/reports/{report_id}/{step}"
        return await self.desk.put(path, headers=by.headers, json={"version": version, **said})

    async def did(self, report_id: str, step: str, by: StaffMember | None = None, **said: Any) -> dict[str, Any]:
        """A step that was made."""
        answer = await self.put(report_id, step, by, **said)
        assert answer.status_code in {200, 204}, answer.text
        return answer.json() if answer.content else {}

    async def hand_over(self, report_id: str) -> None:
        """Verified, and handed to the officer's agency."""
        await self.did(report_id, "verification", accepted=True)
        await self.did(report_id, "assignment", agency=self.officer.grants[0].agency)

    async def resolve(self, report_id: str, photo: UUID | None = None) -> dict[str, Any]:
        """Answered by the officer."""
        uploads = [] if photo is None else [str(photo)]
        return await self.did(report_id, "resolution", self.officer, text="Đã thay bóng đèn mới.", uploads=uploads)


async def a_centre(db: Connection, desk: httpx.AsyncClient, agency: str = "drainage") -> Centre:
    """An operator, and an officer of an agency."""
    operator = await a_staff_member(db, role="operator", agency="ioc", name="Trần Văn Điều Hành")
    officer = await a_staff_member(db, role="agency_officer", agency=agency, name="Hồ Thị Thoát Nước")
    return Centre(desk, operator, officer)
