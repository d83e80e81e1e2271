"""Every procedure of the catalogue, driven from the counter or the phone to each of its ends, by the real doors."""

from collections import deque
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from dossiers import happenings
from dossiers.procedures import loading
from dossiers.procedures.definitions import Action, Definition, Extend, FlowRole, IssueResult, Spawn
from tests.dossiers.makers import HERE, a_paper, problem, sql
from tests.makers import Resident, StaffMember, a_biller, a_resident, a_staff_member

CATALOGUE = loading.read()
FILED = {code: one for code, one in sorted(CATALOGUE.items()) if not code.startswith("9.")}
"""The others are filed by nobody: they are made out of these, and driven with them."""
ALL = [
    (code, case.code, term.channel)
    for code, definition in FILED.items()
    for nth, case in enumerate(definition.cases)
    for term in (case.terms if nth == 0 else case.terms[:1])
]
"""The first case by every channel, the others by their first."""
ONE_OF_EACH = [(code, definition.cases[0].code) for code, definition in FILED.items()]


def filled(schema: dict[str, Any]) -> Any:
    """The least that a schema takes."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            form = {name: filled(schema["properties"][name]) for name in schema.get("required", ())}
            for part in (schema, *schema.get("allOf", ())):
                for name in _wanted(part, form):
                    form.setdefault(name, filled(schema["properties"][name]))
            return form
        case "array":
            return [filled(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _ if schema.get("format") == "date":
            return "2020-02-29"
        case _:
            return text_of(schema)


def _wanted(part: dict[str, Any], form: dict[str, Any]) -> list[str]:
    asked = part.get("if")
    if asked is None:
        return []
    holds = all(name in form for name in asked.get("required", ())) and all(
        name not in form
        or (form[name] == said.get("const", form[name]) and form[name] in said.get("enum", [form[name]]))
        for name, said in asked.get("properties", {}).items()
    )
    return list(part.get("then" if holds else "else", {}).get("required", ()))


def text_of(schema: dict[str, Any]) -> str:
    """A text that a pattern takes."""
    import re

    pattern = schema.get("pattern", "")
    for text in ("079123456789", "0912345678", "123456789", "1234567890", "2020", "Lê Ngự Hà", "A1", "12", "12/2020"):
        long_enough = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 4000)
        if long_enough and (not pattern or re.search(pattern, text)):
            return text
    raise AssertionError(schema)


class Journey:
    """One dossier and everybody who may have to do with it."""

    def __init__(self, db: Connection, desk: httpx.AsyncClient, person: Resident) -> None:
        self.db, self.desk, self.person = db, desk, person
        self.staff: dict[tuple[str, FlowRole], StaffMember] = {}
        self.steps: list[str] = []

    async def member(self, agency: str, role: FlowRole) -> StaffMember:
        if (agency, role) not in self.staff:
            self.staff[agency, role] = await a_staff_member(self.db, role=role, agency=agency, name="Lê Thị Vỹ Dạ")
        return self.staff[agency, role]

    async def file(self, code: str, case: str, channel: str, deliver_by: str) -> str:
        definition, dossier_id = CATALOGUE[code], str(uuid4())
        agency = definition.agencies[0] if definition.agencies else HERE
        body = {
            "procedure": code, "case": case, "agency": agency, "form": filled(definition.form),
            "deliver_by": deliver_by, "address": "Kiệt 12 Chi Lăng, Gia Hội",
        }  # fmt: skip
        required = [paper for paper in definition.papers_of(case) if paper.required]
        clerk = await self.member(agency, "clerk")
        if channel == "online":
            papers = [
                {"paper": one.code, "upload_id": str(await a_paper(self.db, self.person.id))}
                for one in required
                if 2 in one.kinds  # what is taken on paper only is brought along
            ]
            body |= {"channel": channel, "papers": papers, "submit": True}
            answer = await self.desk.put(f"/v1/dossiers/{dossier_id}", headers=self.person.headers, json=body)
            assert answer.status_code == 201, answer.text
            accepted = await self.desk.put(
                f"/v1/staff/dossiers/{dossier_id}/acceptance", headers=clerk.headers, json={"version": 2}
            )
            assert accepted.status_code == 200, accepted.text
        else:
            body |= {"channel": channel, "applicant": {"name": "Trần Thị Gia Hội", "phone": self.person.phone}}
            body["papers"] = [
                {"paper": one.code, "kind": one.kinds[0]} | (
                    {"upload_id": str(await a_paper(self.db, clerk.id))} if one.kinds[0] == 2 else {}
                )
                for one in required
            ]  # fmt: skip
            answer = await self.desk.put(f"/v1/staff/dossiers/{dossier_id}", headers=clerk.headers, json=body)
            assert answer.status_code == 201, answer.text
        return dossier_id

    async def row(self, dossier_id: str) -> dict[str, Any]:
        return dict(await self.db.fetchrow(sql.dossier_row, UUID(dossier_id)) or {})

    async def pay(self, row: dict[str, Any]) -> None:
        await happenings.paid(self.db, row["id"], uuid4(), city_now())

    async def do(self, dossier_id: str, action: Action, **more: Any) -> httpx.Response:
        row, self.steps = await self.row(dossier_id), [*self.steps, action.code]
        definition = CATALOGUE[row["procedure_code"]]
        state = definition.flow.state(row["state"])
        assert state is not None
        its_desk = state.desk is not None and state.desk.role in action.roles
        agency = (row["desk_agency"] if its_desk else None) or row["agency_code"]
        role = state.desk.role if state.desk is not None and its_desk else action.roles[0]
        by = await self.member(agency, role)
        said: dict[str, Any] = {"version": row["version"]}
        if any(isinstance(effect, IssueResult) for effect in action.effects):
            said |= {"number": "12/GCN", "body": "Nay chứng nhận."}
            return await self.desk.put(
                f"/v1/staff/dossiers/{dossier_id}/result", headers=by.headers, json=said | more
            )
        said |= {"action": action.code, "note": "Theo hồ sơ."} | more
        url = f"/v1/staff/dossiers/{dossier_id}/actions/{uuid4()}"
        return await self.desk.put(url, headers=by.headers, json=said)

    async def to_end(self, dossier_id: str) -> dict[str, Any]:
        """The shortest way to where it is done."""
        row = await self.row(dossier_id)
        for _ in range(40):
            row = await self.row(dossier_id)
            if row["outcome"] is not None:
                return row
            await self.one_step(dossier_id, row)
        raise AssertionError(self.steps)

    async def one_step(self, dossier_id: str, row: dict[str, Any]) -> None:
        definition = CATALOGUE[row["procedure_code"]]
        action = next_action(definition, row["state"])
        match action.on:
            case None:
                answer = await self.do(dossier_id, action)
                assert answer.status_code == 200, (self.steps, answer.text)
            case "result_signed":
                await self.sign(dossier_id)
            case "fee_paid":
                await self.pay(row)
            case "supplemented":
                await self.supplement(dossier_id)
            case _:
                for child in await self.db.fetch(sql.children_ids, row["id"]):
                    ended = await self.to_end(str(child["id"]))
                    assert ended["outcome"] == "done"
        after = await self.row(dossier_id)
        assert after["state"] != row["state"], (self.steps, row["state"])

    async def sign(self, dossier_id: str) -> None:
        await self.db.execute(sql.sign_result, UUID(dossier_id))
        await happenings.result_signed(self.db, UUID(dossier_id))

    async def supplement(self, dossier_id: str) -> None:
        url = f"/v1/dossiers/{dossier_id}/supplements/{uuid4()}"
        answer = await self.desk.put(url, headers=self.person.headers, json={"words": "Tôi bổ sung."})
        assert answer.status_code == 200, answer.text


def next_action(definition: Definition, start: str) -> Action:
    """The first step of the shortest way from a state to where it is done."""
    flow = definition.flow
    ends = {state.code for state in flow.states if state.outcome == "done"}
    left: deque[tuple[str, Action | None]] = deque([(start, None)])
    seen = {start}
    while left:
        here, first = left.popleft()
        if here in ends and first is not None:
            return first
        for action in flow.actions:
            if (
                here in action.from_
                and action.to is not None
                and action.to not in seen
                and action.on != "child_refused"
            ):
                seen.add(action.to)
                left.append((action.to, first or action))
    raise AssertionError(start)


async def a_journey(db: Connection, desk: httpx.AsyncClient) -> Journey:
    for code, definition in CATALOGUE.items():
        await db.execute(sql.plant_procedure, code, definition)
        await db.execute(sql.publish_procedure, code, 1)
    await a_biller(db, code="phi-dich-vu-cong")
    return Journey(db, desk, await a_resident(db, name="Trần Thị Gia Hội"))


@pytest.mark.parametrize(("code", "case", "channel"), ALL)
async def test_every_case_goes_to_its_end_whichever_way_it_comes(
    db: Connection, desk: httpx.AsyncClient, code: str, case: str, channel: str
) -> None:
    journey = await a_journey(db, desk)
    electronic = CATALOGUE[code].result.electronic
    dossier_id = await journey.file(code, case, channel, "electronic" if electronic else "counter")
    row = await journey.to_end(dossier_id)
    assert (row["outcome"], row["percent"]) == ("done", 100)
    if row["payment_state"] == "due":
        assert row["delivery_state"] == "ready", "nothing is handed over that is not paid"
        await journey.pay(row)
    row = await journey.row(dossier_id)
    mine = (await desk.get(f"/v1/dossiers/{dossier_id}", headers=journey.person.headers)).json()
    if electronic:
        assert (row["delivery_state"], row["national_status"]) == ("delivered", 10)
        assert mine["result"]["link"] == f"/v1/dossiers/{dossier_id}/result"
        return
    clerk = await journey.member(row["agency_code"], "clerk")
    url = f"/v1/staff/dossiers/{dossier_id}"
    offered = (await desk.get(url, headers=clerk.headers)).json()["actions"]
    assert [one["code"] for one in offered] == ["delivery"]
    body = {"version": row["version"]}
    done = await desk.put(f"{url}/delivery", headers=clerk.headers, json=body)
    again = await desk.put(f"{url}/delivery", headers=clerk.headers, json=body)
    assert (done.status_code, again.json()) == (200, done.json()), done.text
    assert (done.json()["delivery"], done.json()["national_status"], done.json()["actions"]) == ("delivered", 10, [])
    twice = await desk.put(f"{url}/delivery", headers=clerk.headers, json={"version": done.json()["version"]})
    assert problem(twice) == "DossierOutOfTurn"


@pytest.mark.parametrize(("code", "case"), ONE_OF_EACH)
async def test_what_goes_by_post_goes_to_the_post(
    db: Connection, desk: httpx.AsyncClient, code: str, case: str
) -> None:
    journey = await a_journey(db, desk)
    dossier_id = await journey.file(code, case, "counter", "post")
    row = await journey.to_end(dossier_id)
    if row["payment_state"] == "due":
        await journey.pay(row)
    news = [row["kind"] for row in await db.fetch(sql.news_of, UUID(dossier_id))]
    assert news.count("ResultToBePosted") == 1
    assert await happenings.posted(db, UUID(dossier_id), "VN123456789")
    await happenings.delivered(db, UUID(dossier_id))
    await happenings.delivered(db, UUID(dossier_id))
    row = await journey.row(dossier_id)
    assert (row["delivery_state"], row["national_status"]) == ("delivered", 10)
    last = [
        row["data"]["happened"] for row in await db.fetch(sql.news_of, UUID(dossier_id)) if "happened" in row["data"]
    ]
    assert last[-2:] == ["posted", "handed_over"]


def side_ways() -> list[tuple[str, str, str]]:
    """Every state in which somebody may stop a dossier, ask for papers, give a new date, or send it back."""
    return [
        (code, state, action.code)
        for code, definition in FILED.items()
        for action in definition.flow.actions
        for state in action.from_
        if action.roles and not any(isinstance(effect, IssueResult | Spawn) for effect in action.effects)
    ]


@pytest.mark.parametrize(("code", "state", "by_way"), side_ways())
async def test_every_way_of_every_flow_may_be_gone_and_leads_on_to_an_end(
    db: Connection, desk: httpx.AsyncClient, code: str, state: str, by_way: str
) -> None:
    journey, definition = await a_journey(db, desk), CATALOGUE[code]
    longest = max(definition.cases, key=lambda case: case.terms[0].days)
    dossier_id = await journey.file(code, longest.code, "counter", "counter")
    await go_to(journey, dossier_id, definition, state)
    action = definition.flow.action(by_way)
    assert action is not None
    more: dict[str, Any] = {}
    if any(isinstance(effect, Extend) for effect in action.effects):
        more = {"until": "2026-12-31"}
    answer = await journey.do(dossier_id, action, **more)
    if more:
        assert answer.status_code in {200, 400, 409}, answer.text
        assert answer.status_code == 200 or problem(answer) in {"TooLateToExtend", "BadNewDate"}, answer.text
    else:
        assert answer.status_code == 200, answer.text
    row = await journey.to_end(dossier_id)
    assert row["outcome"] in {"done", "stopped"}


async def go_to(journey: Journey, dossier_id: str, definition: Definition, goal: str) -> None:
    for _ in range(40):
        row = await journey.row(dossier_id)
        if row["state"] == goal:
            return
        action = way_to(definition, row["state"], goal)
        if action.on == "child_refused":
            child = str((await journey.db.fetch(sql.children_ids, row["id"]))[0]["id"])
            await stop(journey, child)
        elif action.on is not None:
            await journey.one_step(dossier_id, row)
        else:
            answer = await journey.do(dossier_id, action)
            assert answer.status_code == 200, (journey.steps, answer.text)
    raise AssertionError((journey.steps, goal))


async def stop(journey: Journey, dossier_id: str) -> None:
    row = await journey.row(dossier_id)
    action = CATALOGUE[row["procedure_code"]].flow.action("stop")
    assert action is not None
    answer = await journey.do(dossier_id, action)
    assert answer.status_code == 200, answer.text


def way_to(definition: Definition, start: str, goal: str) -> Action:
    """The first step of the shortest way from one state to another."""
    left: deque[tuple[str, Action | None]] = deque([(start, None)])
    seen = {start}
    while left:
        here, first = left.popleft()
        if here == goal and first is not None:
            return first
        for action in definition.flow.actions:
            if here in action.from_ and action.to is not None and action.to not in seen:
                seen.add(action.to)
                left.append((action.to, first or action))
    raise AssertionError((start, goal))
