"""Many at once: codes without a gap, one action of two, and a way through the flow by chance that is always a legal
one."""

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from msgspec import convert

from app.db import Connection
from dossiers.procedures.definitions import Definition
from tests.conftest import City
from tests.dossiers import flows
from tests.dossiers.makers import HERE, a_paper, an_office, filed, problem, sql, the_procedures, words
from tests.makers import Resident, a_resident


async def submitted(city: City, person: Resident) -> dict[str, Any]:
    """A dossier as a phone files it."""
    async with city.database.transaction() as db:
        paper = await a_paper(db, person.id)
    body = words(papers=[{"paper": "identity_card", "upload_id": str(paper)}])
    answer = await city.client.put(f"/v1/dossiers/{uuid4()}", headers=person.headers, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_codes_follow_each_other_without_a_gap_whoever_accepts_at_once(city: City) -> None:
    """Some are accepted twice at the same moment, some are rolled back: neither takes a number."""
    async with city.database.transaction() as db:
        await the_procedures(db)
        person, office = await a_resident(db), await an_office(db, city.client)
    filed_ones = [await submitted(city, person) for _ in range(24)]
    accept = office.clerk.headers

    async def one(dossier: dict[str, Any], version: int = 2) -> int:
        url = f"/v1/staff/dossiers/{dossier['id']}/acceptance"
        return (await city.client.put(url, headers=accept, json={"version": version})).status_code

    tries = [one(dossier) for dossier in filed_ones] + [one(dossier) for dossier in filed_ones[:8]]
    tries += [one(dossier, version=1) for dossier in filed_ones[8:16]]
    random.shuffle(tries)
    answers = await asyncio.gather(*tries)
    assert set(answers) <= {200, 409}
    async with city.database.acquire() as db:
        codes: list[str] = await db.fetchval(sql.codes_of, HERE)
    assert [int(code.rpartition("-")[2]) for code in codes] == list(range(1, 25))


async def test_of_two_actions_on_one_version_one_wins(city: City) -> None:
    async with city.database.transaction() as db:
        await the_procedures(db)
        person, office = await a_resident(db), await an_office(db, city.client)
    for _ in range(6):
        dossier = await submitted(city, person)
        version = (await office.to_appraisal(dossier["id"]))["version"]
        answers = await asyncio.gather(
            office.act(dossier["id"], "propose", office.officer, version=version),
            office.act(dossier["id"], "stop", office.officer, version=version, note="Trùng hồ sơ."),
            city.client.put(
                f"/v1/dossiers/{dossier['id']}/withdrawal", headers=person.headers, json={"reason": "Đổi ý"}
            ),
        )
        said = [answer.status_code for answer in answers]
        after = await office.see(dossier["id"])
        assert said.count(200) in {1, 2}  # to withdraw needs no version: it may follow the proposal
        assert [step["version"] for step in after["timeline"]] == list(range(2, 2 + len(after["timeline"])))
        assert after["version"] == after["timeline"][-1]["version"]
        assert (said.count(200) == 2) == (after["state"] == "withdrawn" and said[0] == 200)


async def test_a_phone_that_sends_twice_at_once_files_once(city: City) -> None:
    async with city.database.transaction() as db:
        await the_procedures(db)
        person = await a_resident(db)
        paper = await a_paper(db, person.id)
    body = words(papers=[{"paper": "identity_card", "upload_id": str(paper)}])
    url = f"/v1/dossiers/{uuid4()}"
    answers = await asyncio.gather(*(city.client.put(url, headers=person.headers, json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(answers[0].json()["timeline"]) == 1


@pytest.mark.parametrize("seed", range(6))
async def test_by_chance_every_way_through_the_flow_is_a_legal_one(
    db: Connection, desk: httpx.AsyncClient, seed: int
) -> None:
    """Sixty tries of anybody with anything: what the flow has no arrow for is refused and leaves no trace."""
    await the_procedures(db)
    definition = convert(flows.everything(), Definition)
    dice = random.Random(seed)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier_id = (await filed(db, desk, person, deliver_by="counter"))["id"]
    codes = [one.code for one in definition.flow.actions if one.roles and one.code not in {"split", "consult"}]
    for _ in range(60):
        before = dict(await db.fetchrow(sql.dossier_row, UUID(dossier_id)) or {})
        by = dice.choice((office.clerk, office.officer, office.head))
        match dice.choice(("accept", "act", "act", "act", "act", "result", "supplement", "withdraw")):
            case "accept":
                answer = await office.put(dossier_id, "acceptance", by)
                legal = before["state"] == "submitted" and by is office.clerk
            case "result":
                answer = await office.put(dossier_id, "result", by, number="1", body="Nội dung")
                legal = before["state"] == "approval" and by is office.head
            case "supplement":
                url = f"/v1/dossiers/{dossier_id}/supplements/{uuid4()}"
                answer = await desk.put(url, headers=person.headers, json={"words": "Bổ sung"})
                legal = before["state"] in {"supplement", "incomplete"}
            case "withdraw" if dice.random() < 0.05:
                url = f"/v1/dossiers/{dossier_id}/withdrawal"
                answer = await desk.put(url, headers=person.headers, json={"reason": f"Lý do {dice.random()}"})
                legal = before["outcome"] is None and before["national_status"] < 9
            case _:
                code = dice.choice(codes)
                answer = await office.act(dossier_id, code, by, note="Ghi chú")
                action = definition.flow.action(code)
                assert action is not None
                role = by.grants[0].role
                legal = before["state"] in action.from_ and role in action.roles and code not in {
                    "extend", "assign", "ask_fee", "sign",
                }  # fmt: skip
                legal = legal or (before["state"] == "submitted" and code == "ask_supplement" and role == "clerk")
        after = dict(await db.fetchrow(sql.dossier_row, UUID(dossier_id)) or {})
        assert (answer.status_code == 200) is legal, (answer.text, before["state"])
        assert (after == before) is not legal
        assert (after["outcome"] is None) is (after["ended_at"] is None)
        if not legal:
            assert problem(answer) not in {"InternalError", "Malformed"}
