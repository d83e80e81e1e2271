"""Dossiers that are simply there, in any state: for what counts many of them."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from app.db import Connection, queries_beside
from app.types import new_id

sql = queries_beside(__file__)

Row = dict[str, Any]

BIRTH, DEATH, HOUSEHOLD = "1.001193", "1.000656", "1.001612"
FIELDS = {BIRTH: "civil_status", DEATH: "civil_status", HOUSEHOLD: "business"}
AGENCIES = {
    "counter-city": "city",
    "land-registry": "city",
    "counter-thuan-hoa": "ward",
    "district-phu-vang": "district",
}
CHANNELS = ("counter", "online", "post")
MORNING = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""A Monday, nine o'clock in Huế."""

_codes = count(1)


def a_definition(field: str = "civil_status", **other: Any) -> Row:
    """What a version says, as far as figures ask."""
    named = {"vi": "Đăng ký khai sinh", "en": "Registration of birth"}
    return {
        "name": named, "field": field, "online_level": "full",
        "papers": [{"code": "birth_notice", "name": named, "required": True},
                   {"code": "photograph", "name": named, "required": False}],
        "form": {}, "cases": [{"code": "usual", "name": named, "terms": [{"channel": "online"}]}],
        "result": {"name": named}, "legal_basis": [{"number": "60/2014/QH13", "name": named}], "flow": {},
    } | other  # fmt: skip


async def the_procedures(db: Connection) -> None:
    """Three of them; what comes of a household's business cannot be filed online."""
    for code, field in FIELDS.items():
        level = "info" if code == HOUSEHOLD else "full"
        await db.execute(sql.plant_procedure, code, field, a_definition(field, online_level=level))


def columns(**other: Any) -> Row:
    """A birth that was accepted at once at the city's centre and has three days left, unless told otherwise; `code`
    and what goes with each state are made to fit."""
    row: Row = {
        "id": new_id(), "procedure_code": BIRTH, "channel": "counter", "agency_code": "counter-city",
        "submitted_at": MORNING, "accepted_at": MORNING, "finished_at": None, "ended_at": None, "outcome": None,
        "first_due_at": MORNING + timedelta(days=3), "due_at": None, "statutory_due_at": MORNING + timedelta(days=7),
        "rating": None, "rated_at": None, "paid_at": None, "payment_id": None, "parent_id": None, "paused": False,
    } | other  # fmt: skip
    accepted, over = row["accepted_at"] is not None, row["outcome"] is not None
    row["due_at"] = row["due_at"] or row["first_due_at"]
    if not accepted:
        row["first_due_at"] = row["due_at"] = row["statutory_due_at"] = None
    paused = row.pop("paused") and accepted and not over
    state = ("working" if accepted else "submitted") if row["submitted_at"] else "draft"
    return row | {
        "field_code": FIELDS[row["procedure_code"]], "level": AGENCIES.get(row["agency_code"], "ward"),
        "code": f"H57.01-{row['accepted_at']:%y%m%d}-{next(_codes):04}" if accepted else None,
        "state": {None: state, "done": "returned", "stopped": "halted"}.get(row["outcome"], row["outcome"]),
        "national_status": 4 if row["submitted_at"] else None,
        "clock": "pause" if paused else "run" if accepted and not over else "stop",
        "stopped_at": row["accepted_at"] if paused else None,
        "fee_amount": 8_000 if row["paid_at"] else 0, "payment_state": "paid" if row["paid_at"] else "none",
        "payment_id": row["payment_id"] or (uuid4() if row["paid_at"] else None),
    }  # fmt: skip


def done(after_days: float, **other: Any) -> Row:
    """One whose work was done so many days after that morning."""
    moment = other.get("accepted_at", MORNING) + timedelta(days=after_days)
    return columns(**{"finished_at": moment, "ended_at": moment, "outcome": "done"} | other)


async def plant(db: Connection, rows: Iterable[Row]) -> None:
    """All of them, in one statement."""
    await db.execute(sql.plant_dossiers, list(rows))


async def planted(db: Connection, **other: Any) -> UUID:
    """The id of one that is there now."""
    row = columns(**other)
    await plant(db, [row])
    return row["id"]


def a_fate(chance: random.Random) -> Row:
    """Whatever can have become of a dossier within three years."""
    moments = sorted(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=chance.randint(0, 26_000)) for _ in range(3))
    submitted, accepted, over = moments if chance.random() < 0.8 else [moments[0]] * 3
    due = submitted + timedelta(hours=chance.randint(1, 20_000))
    row: Row = {
        "procedure_code": chance.choice(list(FIELDS)), "channel": chance.choice(CHANNELS),
        "agency_code": chance.choice(list(AGENCIES)), "submitted_at": submitted, "first_due_at": due,
        "due_at": due + timedelta(hours=chance.choice([0, 0, 500])),
        "statutory_due_at": chance.choice([None, due + timedelta(days=chance.randint(0, 20))]),
        "paused": chance.random() < 0.2,
    }  # fmt: skip
    fate = chance.choice(
        ["draft", "submitted", "refused", "given up", "accepted", "finished", "done", "done", "stopped", "withdrawn"]
    )
    row["accepted_at"] = None if fate in {"draft", "submitted", "refused", "given up"} else accepted
    row["submitted_at"] = None if fate == "draft" else submitted
    row["outcome"] = {"refused": "refused", "given up": "withdrawn", "done": "done", "stopped": "stopped"}.get(fate)
    row["outcome"] = "withdrawn" if fate == "withdrawn" else row["outcome"]
    row["ended_at"] = over if row["outcome"] else None
    if fate in {"finished", "done"} or (fate == "withdrawn" and chance.random() < 0.5):
        row["finished_at"] = over
    if fate in {"done", "stopped"} and chance.random() < 0.5:
        row |= {"rating": chance.choice(["satisfied", "acceptable", "unsatisfied"]), "rated_at": over}
    if row["accepted_at"] and chance.random() < 0.5:
        row["paid_at"] = accepted
    return row
