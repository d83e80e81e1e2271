"""Reports that are simply there, in any state: for what reads many of them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.clock import city_now
from app.db import Connection
from app.types import new_id
from feedback.reports import new_code
from tests.feedback.makers import TRANG_TIEN
from tests.statements import sql

THUAN_HOA = "19786"


def columns(**other: Any) -> dict[str, Any]:
    """A lamp that an agency has promised to look after, unless told otherwise."""
    made_at: datetime = other.get("made_at") or city_now() - timedelta(hours=1)
    lat, lng = TRANG_TIEN
    return {
        "id": new_id(), "code": new_code(), "category_code": "street_light", "said": "Đèn đường hỏng", "lat": lat,
        "lng": lng, "ward_code": THUAN_HOA, "private": False, "confidential": False, "status": "assigned",
        "agency_code": "drainage", "answer": "Đã thay bóng", "made_at": made_at, "resolved_at": city_now(),
        "first_due_at": made_at + timedelta(days=2), "due_at": made_at + timedelta(days=2), "reopened": 0,
    } | other  # fmt: skip


async def planted(db: Connection, **other: Any) -> UUID:
    """The id of a report that is there now."""
    row = columns(**other)
    await db.execute(sql.plant_report_row, row)
    return row["id"]
