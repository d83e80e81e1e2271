"""Dossiers that are simply there, in any state, and what belongs to them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from app import outbox
from app.clock import city_now
from app.db import Connection, queries_beside
from app.types import new_id
from dossiers.events import ResultIssued
from dossiers.procedures.definitions import Definition

sql = queries_beside(__file__)

COUNTER, JUSTICE = "counter-city", "justice"
PROCEDURE = "2.000635"
CODE = "H57.01-261129-0001"
RESULT_CODE = "KQ01ABCDEFGH"
BODY = "Trích lục từ Sổ đăng ký khai sinh: Tôn Nữ Thị Ngự Bình, sinh ngày 12/03/1994 tại thành phố Huế."


def _said(vi: str, en: str) -> dict[str, str]:
    return {"vi": vi, "en": en}


DEFINITION: dict[str, Any] = {
    "name": _said("Cấp bản sao trích lục hộ tịch", "Copies of civil status extracts"),
    "field": "civil_status",
    "online_level": "full",
    "agencies": [COUNTER],
    "papers": [
        {"code": "to_khai", "name": _said("Tờ khai cấp bản sao trích lục", "Application")},
        {"code": "can_cuoc", "name": _said("Thẻ căn cước của người yêu cầu", "Identity card")},
    ],
    "form": {"type": "object", "properties": {}},
    "cases": [
        {
            "code": "thuong",
            "name": _said("Cấp theo yêu cầu của cá nhân", "For a person"),
            "terms": [{"channel": "online", "days": 1, "statutory_days": 1, "fee": 8000}],
        }
    ],
    "result": {"name": _said("Bản sao trích lục khai sinh", "Copy of an extract of birth"), "keeps": "trich_luc"},
    "legal_basis": [{"number": "60/2014/QH13", "name": _said("Luật Hộ tịch", "Law on civil status")}],
    "flow": {
        "start": "xu_ly",
        "states": [
            {"code": "xu_ly", "name": _said("Đang xử lý", "In hand"), "national": 4, "percent": 60},
            {"code": "xong", "name": _said("Đã trả", "Done"), "national": 10, "percent": 100, "outcome": "done"},
        ],
        "actions": [
            {"code": "tra", "name": _said("Trả", "Hand over"), "from": ["xu_ly"], "to": "xong", "roles": ["clerk"]}
        ],
    },
}


async def a_dossier(db: Connection, owner_id: UUID | None = None, **other: Any) -> UUID:
    """The id of an accepted dossier that is in hand at the city's one-stop centre, unless told otherwise."""
    definition = DEFINITION | other.pop("definition", {})
    msgspec.convert(definition, Definition)
    await db.execute(sql.plant_version, other.get("procedure_code", PROCEDURE), definition)
    accepted_at: datetime = other.get("accepted_at") or city_now() - timedelta(hours=3)  # also of one that is not
    dossier_id = other.get("id") or new_id()
    row: dict[str, Any] = {
        "id": dossier_id, "code": CODE, "pin": "4071", "procedure_code": PROCEDURE, "case_code": "thuong",
        "field_code": "civil_status", "channel": "online", "agency_code": COUNTER, "level": "city",
        "owner_id": owner_id, "applicant_kind": "person", "applicant_name": "Tôn Nữ Thị Ngự Bình",
        "applicant_number": "046194001234", "applicant_phone": "+84905123456", "deliver_by": "electronic",
        "state": "xu_ly", "national_status": 4, "percent": 60, "clock": "run", "desk_agency": JUSTICE,
        "desk_role": "agency_officer", "submitted_at": accepted_at - timedelta(hours=1), "accepted_at": accepted_at,
        "first_due_at": accepted_at + timedelta(days=1), "due_at": accepted_at + timedelta(days=1),
        "payment_state": "due", "fee_amount": 8000,
    } | other  # fmt: skip
    await db.execute(sql.plant_dossier, row)
    return dossier_id


NOT_ACCEPTED: dict[str, Any] = {
    "code": None, "accepted_at": None, "first_due_at": None, "due_at": None, "state": "submitted", "clock": "stop",
    "national_status": 1, "percent": 0,
}  # fmt: skip
"""What of a dossier is otherwise before it is accepted."""


async def a_step(db: Connection, dossier_id: UUID, from_state: str, to_state: str, name: str, **other: Any) -> None:
    """Something that was done."""
    said = {"actor": None, "by": "staff", "agency": COUNTER, "department": "Quầy số 1", "note": None} | other
    await db.execute(
        sql.plant_step, dossier_id, from_state, to_state, name, said["actor"], said["by"], said["agency"],
        said["department"], said["note"], said.get("due_at"), said.get("made_at") or city_now(),
    )  # fmt: skip


async def a_result(db: Connection, dossier_id: UUID, code: str = RESULT_CODE, *, tell: bool = True) -> UUID:
    """The id of a result that waits for its signatures; with the news of it."""
    result_id = new_id()
    await db.execute(sql.plant_result, dossier_id, result_id, code, "12/TLKS-BS", BODY)
    if tell:
        await outbox.record(db, ResultIssued(dossier_id=dossier_id, result_id=result_id))
    return result_id
