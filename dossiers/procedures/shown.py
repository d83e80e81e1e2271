"""Procedures as everybody may read them, in the caller's language."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.db import Connection, many, queries_beside
from app.errors import Language
from app.types import Page, cursor_of, key_of
from dossiers.procedures.definitions import Definition, OnlineLevel, ProcedureCode, State, Told
from dossiers.procedures.models import (
    AcceptingAgency,
    ProcedureLine,
    ShownBasis,
    ShownCase,
    ShownPaper,
    ShownProcedure,
    ShownState,
    ShownTerm,
)
from dossiers.procedures.versions import current

sql = queries_beside(__file__)

LAST = 10**6
"""Where a field stands that has no position."""


class Wanted(msgspec.Struct, frozen=True):
    """What somebody looks for: words, accents or not, an agency that accepts it, a field, a level."""

    q: str | None = None
    agency: str | None = None
    field: str | None = None
    online_level: OnlineLevel | None = None


async def listed(
    db: Connection, wanted: Wanted, cursor: str | None, limit: int, language: Language
) -> Page[ProcedureLine]:
    """Procedures in force, by their Vietnamese name; raises BadCursor."""
    after = key_of(cursor, tuple[ProcedureCode])
    found = (wanted.q, wanted.agency, wanted.field, wanted.online_level)
    lines = await many(ProcedureLine, db, sql.procedures, *found, after and after[0], limit + 1, language)
    return Page(items=lines[:limit], next=cursor_of(lines[limit - 1].code) if len(lines) > limit else None)


async def show(db: Connection, code: str, language: Language) -> ShownProcedure:
    """All of a procedure in force; raises UnknownProcedure."""
    pinned = await current(db, code)
    definition = pinned.definition
    asked = [state.desk.agency for state in definition.flow.states if state.desk and state.desk.agency]
    names = {row["code"]: row["name"] for row in await db.fetch(sql.agency_names, asked, language)}

    def said(words: Told) -> str:
        return words.vi if language == "vi" else words.en

    def step(state: State) -> ShownState:
        return ShownState(
            code=state.code,
            name=said(state.name),
            department=said(state.desk.department) if state.desk else None,
            agency=names.get(state.desk.agency) if state.desk and state.desk.agency else None,
            limit_minutes=state.limit_minutes,
            percent=state.percent,
            outcome=state.outcome,
        )

    return ShownProcedure(
        code=code,
        version=pinned.version,
        name=said(definition.name),
        field=definition.field,
        field_name=await db.fetchval(sql.field_name, definition.field, language),
        online_level=definition.online_level,
        for_organisations=definition.for_organisations,
        papers=[
            ShownPaper(
                code=paper.code,
                name=said(paper.name),
                required=paper.required,
                kinds=[int(kind) for kind in paper.kinds],
                most=paper.most,
                cases=paper.cases,
            )
            for paper in definition.papers
        ],
        cases=[
            ShownCase(
                code=case.code,
                name=said(case.name),
                terms=msgspec.convert(case.terms, list[ShownTerm], from_attributes=True),
            )
            for case in definition.cases
        ],
        form=form_in(definition, language),
        result=said(definition.result.name),
        result_electronic=definition.result.electronic,
        legal_basis=[
            ShownBasis(number=basis.number, name=said(basis.name), article=basis.article)
            for basis in definition.legal_basis
        ],
        supplement=definition.flow.supplement,
        may_withdraw=definition.flow.may_withdraw,
        states=[step(state) for state in definition.flow.states],
        agencies=await many(AcceptingAgency, db, sql.accepting_agencies, code, language),
    )


def form_in(definition: Definition, language: Language) -> dict[str, Any]:
    """A form's schema in one language, its fields in the order in which they are asked.

    The database keeps no order among the members of a JSON object, so each field says its `position`."""
    return _in(definition.form, language)


def _in(schema: Any, language: Language) -> Any:
    if isinstance(schema, list):
        return [_in(part, language) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told: dict[str, Any] = {}
    for word, value in schema.items():
        match word:
            case "title_en" | "description_en" | "names_en" | "position":
                continue
            case "title" | "description" | "names":
                told[word] = schema.get(f"{word}_en", value) if language == "en" else value
            case "properties":
                told[word] = {name: _in(value[name], language) for _, name in sorted(_places(value))}
            case "items" | "if" | "then" | "else" | "allOf":
                told[word] = _in(value, language)
            case _:
                told[word] = value
    return told


def _places(fields: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for name, field in fields.items():
        yield field.get("position", LAST) if isinstance(field, dict) else LAST, name
