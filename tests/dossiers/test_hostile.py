"""Whoever tries what is not meant for them, sends the same twice at once, or comes when something just changed."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.uploads import storage
from dossiers import actions, homes
from dossiers.models import ActOnDossier
from dossiers.papers import results
from tests.conftest import City, Desk, forget_callers
from tests.dossiers import flows
from tests.dossiers.makers import (
    HERE,
    Office,
    a_paper,
    an_office,
    an_officer_of,
    filed,
    problem,
    sql,
    the_procedures,
    words,
)
from tests.makers import Resident, StaffMember, a_biller, a_resident, a_staff_member


async def there(db: Connection, desk: httpx.AsyncClient) -> tuple[Resident, Office]:
    await the_procedures(db)
    await a_biller(db, code="phi-dich-vu-cong")
    return await a_resident(db), await an_office(db, desk)


async def asked(office: Office, dossier_id: str) -> None:
    """Papers are asked for at appraisal."""
    await office.did(dossier_id, "ask_papers", office.officer, note="Thiếu bản sao.")


async def supplement(
    desk: httpx.AsyncClient, person: Resident, dossier_id: str, supplement_id: UUID, **said: Any
) -> httpx.Response:
    url = f"/v1/dossiers/{dossier_id}/supplements/{supplement_id}"
    return await desk.put(url, headers=person.headers, json=said)


# Ids


async def test_an_id_of_another_supplement_or_step_is_refused_and_not_tripped_over(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    person, office = await there(db, desk)
    first, second = await filed(db, desk, person), await filed(db, desk, person)
    for dossier in (first, second):
        await office.to_appraisal(dossier["id"])
        await asked(office, dossier["id"])
    supplement_id = uuid4()
    assert (await supplement(desk, person, first["id"], supplement_id, words="Đây ạ.")).status_code == 200
    taken = await supplement(desk, person, second["id"], supplement_id, words="Đây ạ.")
    assert (taken.status_code, problem(taken)) == (409, "SupplementIdTaken")
    await asked(office, first["id"])
    taken = await supplement(desk, person, first["id"], supplement_id, words="Lần hai.")
    assert (taken.status_code, problem(taken)) == (409, "SupplementIdTaken")
    action_id = (await db.fetchrow(sql.action_of, UUID(first["id"]), "ask_papers"))["action_id"]  # type: ignore[index]
    taken = await supplement(desk, person, second["id"], action_id, words="Đây ạ.")
    assert (taken.status_code, problem(taken)) == (409, "DossierActionIdTaken")


async def test_an_action_id_for_two_dossiers_at_once_is_one_step(city: City) -> None:
    async with city.database.transaction() as db:
        person, office = await there(db, city.client)
    ids: list[str] = []
    for _ in range(2):
        async with city.database.transaction() as db:
            papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]
        body = words(papers=papers)
        answer = await city.client.put(f"/v1/dossiers/{uuid4()}", headers=person.headers, json=body)
        ids.append(answer.json()["id"])
        await office.accept(ids[-1])
    clerk, action_id = office.clerk.me, uuid4()
    wanted = ActOnDossier(version=3, action="hand_on")
    async with city.database.transaction() as first:
        await actions.act(first, clerk, UUID(ids[0]), action_id, wanted, "vi")
        second = asyncio.create_task(
            office.put(ids[1], f"actions/{action_id}", office.clerk, action="hand_on", version=3)
        )
        await asyncio.sleep(0.3)
    answer = await second
    assert (answer.status_code, problem(answer)) == (409, "DossierActionIdTaken")
    assert (await office.see(ids[1]))["state"] == "received"


async def test_two_children_that_end_at_once_join_their_parent_once(city: City) -> None:
    async with city.database.transaction() as db:
        person, office = await there(db, city.client)
        officers = {agency: await an_officer_of(db, agency) for agency in ("tax", "social-insurance")}
    for _ in range(5):
        async with city.database.transaction() as db:
            papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]
        url = f"/v1/dossiers/{(dossier_id := str(uuid4()))}"
        assert (await city.client.put(url, headers=person.headers, json=words(papers=papers))).status_code == 201
        await office.to_appraisal(dossier_id)
        children = (await office.did(dossier_id, "split", office.officer))["children"]
        answers = await asyncio.gather(
            *(office.act(child["id"], "finish", officers[child["agency"]]) for child in children),
            *(office.act(child["id"], "finish", officers[child["agency"]]) for child in children),
            office.see(dossier_id),
        )
        assert {answer.status_code for answer in answers[:4] if isinstance(answer, httpx.Response)} <= {200, 409}
        after = await office.see(dossier_id)
        assert after["state"] == "approval"
        assert [step["action"] for step in after["timeline"]].count("joined") == 1


async def test_a_delegation_that_is_sent_twice_at_once_is_written_down_once(city: City) -> None:
    async with city.database.transaction() as db:
        person = await a_resident(db)
    body = {"kind": "relative", "name": "Mai Thị Kim Long", "relation": "mẹ"}
    for _ in range(5):
        url = f"/v1/dossiers/delegations/{uuid4()}"
        answers = await asyncio.gather(*(city.client.put(url, headers=person.headers, json=body) for _ in range(6)))
        assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
        assert len({answer.text for answer in answers}) == 1


# Fees


async def test_what_a_fee_was_counted_by_is_not_changed_by_a_supplement(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    person, office = await there(db, desk)
    counted = flows.everything()
    for case in counted["cases"]:
        for term in case["terms"]:
            term["fee_per_field"] = "copies"
    await db.execute(sql.plant_version, flows.CODE, 2, counted)
    await db.execute(sql.publish_procedure, flows.CODE, 2)
    form = {"child_name": "Lê Ngự Hà", "copies": 1}
    dossier = await filed(db, desk, person, case="fee_later", form=form)
    await office.to_appraisal(dossier["id"])
    await asked(office, dossier["id"])
    more = await supplement(desk, person, dossier["id"], uuid4(), form={"copies": 20})
    assert (more.status_code, problem(more)) == (409, "FeeFixed")
    other = await supplement(desk, person, dossier["id"], uuid4(), form={"child_name": "Lê Thị Ngự Hà"})
    assert (other.status_code, other.json()["form"]["copies"]) == (200, 1), other.text


async def test_what_was_paid_once_is_not_waited_for_again(db: Connection, desk: httpx.AsyncClient) -> None:
    from app.clock import city_now
    from dossiers import happenings

    person, office = await there(db, desk)
    dossier = await filed(db, desk, person, case="fee_later")
    await office.to_appraisal(dossier["id"])
    await office.did(dossier["id"], "ask_fee", office.officer)
    await happenings.paid(db, UUID(dossier["id"]), uuid4(), city_now())
    assert (await office.see(dossier["id"]))["state"] == "appraisal"
    again = await office.did(dossier["id"], "ask_fee", office.officer)
    assert (again["state"], again["clock"]) == ("appraisal", "run")


# Who sees and does what


async def move_to(db: Connection, member: StaffMember, agency: str) -> None:
    """Somebody works elsewhere from now on."""
    await db.execute(sql.move_grants, member.id, agency)


async def test_an_officer_who_went_elsewhere_sees_nothing_more_of_it(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk
) -> None:
    person, office = await there(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    version = (await office.see(dossier["id"]))["version"]
    url = f"/v1/staff/dossiers/{dossier['id']}/actions/{uuid4()}"
    body = {"version": version, "action": "assign", "assignee": str(office.officer.id)}
    done = await desk.put(url, headers=office.officer.headers, json=body)
    assert done.status_code == 200, done.text
    mine = "/v1/staff/dossiers?queue=mine"
    assert len((await desk.get(mine, headers=office.officer.headers)).json()["items"]) == 1
    await move_to(db, office.officer, "counter-an-cuu")
    forget_callers(desk_app.app)
    assert (await desk.get(mine, headers=office.officer.headers)).json()["items"] == []
    replayed = await desk.put(url, headers=office.officer.headers, json=body)
    assert replayed.status_code == 404


async def test_whoever_is_only_asked_stops_nothing_but_the_head_of_its_agency_does(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    person, office = await there(db, desk)
    changed = flows.everything()
    for action in changed["flow"]["actions"]:
        if action["code"] == "stop":
            action["from"] += ["consulting", "waiting"]
            action["roles"] = ["agency_head"]
    await db.execute(sql.plant_version, flows.CODE, 2, changed)
    await db.execute(sql.publish_procedure, flows.CODE, 2)
    theirs = await a_staff_member(db, role="agency_head", agency="justice", name="Phan Văn Tư Pháp")
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    await office.did(dossier["id"], "consult", office.officer, note="Xin ý kiến.")
    seen = await office.see(dossier["id"], theirs)
    assert seen["actions"] == []
    refused = await office.act(dossier["id"], "stop", theirs, note="Không đồng ý.")
    assert (refused.status_code, problem(refused)) == (409, "UnknownAction")
    assert [one["code"] for one in (await office.see(dossier["id"], office.head))["actions"]] == ["stop"]
    assert (await office.did(dossier["id"], "stop", office.head, note="Trùng."))["outcome"] == "stopped"
    waits = await filed(db, desk, person)
    await office.to_appraisal(waits["id"])
    await office.did(waits["id"], "split", office.officer)
    stopped = await office.did(waits["id"], "stop", office.head, note="Trùng.")
    assert {child["outcome"] for child in stopped["children"]} == {"withdrawn"}


# Agencies and procedures that changed meanwhile


async def test_what_lies_at_an_agency_that_merged_twice_comes_to_the_last(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    person, office = await there(db, desk)
    admin, last = await a_staff_member(db, role="admin"), await an_office(db, desk, "counter-kim-long")
    dossier = await filed(db, desk, person)
    await office.accept(dossier["id"])
    for gone, into in ((HERE, "counter-an-cuu"), ("counter-an-cuu", "counter-kim-long")):
        url = f"/v1/staff/dossiers/agencies/{gone}/merger"
        merged = await desk.put(url, headers=admin.headers, json={"into": into, "reason": "Sáp nhập"})
        assert merged.status_code == 200, merged.text
    await homes.take_home(db)
    assert (await office.see(dossier["id"], last.clerk))["agency"] == "counter-kim-long"


async def test_a_consulted_agency_that_merged_is_followed(db: Connection, desk: httpx.AsyncClient) -> None:
    person, office = await there(db, desk)
    admin, asked_one = await a_staff_member(db, role="admin"), await an_officer_of(db, "agriculture")
    before, after = await filed(db, desk, person), await filed(db, desk, person)
    for dossier in (before, after):
        await office.to_appraisal(dossier["id"])
    await office.did(before["id"], "consult", office.officer, note="Xin ý kiến.")
    url = "/v1/staff/dossiers/agencies/justice/merger"
    merged = await desk.put(url, headers=admin.headers, json={"into": "agriculture", "reason": "Sáp nhập sở"})
    assert merged.status_code == 200, merged.text
    await homes.take_home(db)
    await office.did(after["id"], "consult", office.officer, note="Xin ý kiến.")
    for dossier in (before, after):
        seen = await office.see(dossier["id"], asked_one)
        assert (seen["agency"], seen["desk_agency"]) == (HERE, "agriculture")
        assert (await office.did(dossier["id"], "answer", asked_one, note="Đồng ý."))["state"] == "appraisal"


@pytest.mark.parametrize("how", ["abolished", "another case"])
async def test_a_joined_procedure_that_is_no_more_is_said_and_nothing_is_made(
    db: Connection, desk: httpx.AsyncClient, how: str
) -> None:
    person, office = await there(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    if how == "abolished":
        await db.execute(sql.abolish, flows.CHILD)
    else:
        changed = flows.small()
        changed["cases"][0]["code"] = "renamed"
        await db.execute(sql.plant_version, flows.CHILD, 2, changed)
        await db.execute(sql.publish_procedure, flows.CHILD, 2)
    answer = await office.act(dossier["id"], "split", office.officer)
    assert (answer.status_code, problem(answer)) == (409, "ChildNotPossible")
    assert (await office.see(dossier["id"]))["children"] == []


# What no honest phone sends


def deep(levels: int) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for _ in range(levels):
        form = {"x": form}
    return form


@pytest.mark.parametrize("submit", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"form": {"child_name": "a\x00b"}},
        {"form": {"a\x00b": 1}},
        {"form": {"child_name": "x" * 60_000}},
        {"form": deep(300)},
        {"form": {"child_name": 10**400}},
        {"form": {"child_name": "Hà", "copies": 1e308}},
        {"form": {"child_name": "Hà", "copies": -1}},
        {"form": {"child_name": "Hà", "copies": True}},
        {"form": {str(number): number for number in range(2000)}},
        {"applicant": {"name": "Hà", "email": "a\x00@b"}},
        {"applicant": {"name": "Hà", "number": "123456789\n"}},
        {"applicant": {"name": "Hà", "number": "12345678901234-001"}},
        {"applicant": {"name": " \u202e "}},
        {"applicant": {"name": "Hà\u202eàH"}},
        {"address": "12 Lê Lợi\u2066"},
        {"agency": "counter-thuan-hoa\n"},
        {"case": "plain\n"},
        {"address": "x\x85"},
        {"deliver_by": "pigeon"},
        {"procedure": "9.900001\n"},
    ],
)
async def test_what_no_phone_sends_is_refused_and_trips_nobody(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, Any], submit: bool
) -> None:
    person, _ = await there(db, desk)
    papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}] * 2
    body = words(papers=papers, submit=submit) | change
    answer = await desk.put(f"/v1/dossiers/{uuid4()}", headers=person.headers, json=body)
    assert answer.status_code in ({400, 413} if submit else {201, 400, 413}), (answer.status_code, answer.text[:300])
    assert "form" in change or answer.status_code == 400, "what is no text is not kept in a draft either"


@pytest.mark.parametrize(
    "change",
    [
        {"tax_code": "0123456789\n"},
        {"tax_code": "٠١٢٣٤٥٦٧٨٩"},
        {"valid_until": "9999-12-31T23:59:59-12:00"},
        {"valid_until": "0001-01-01T00:00:00+14:00"},
        {"name": "\x00"},
        {"kind": "relative", "relation": None},
        {"proof_upload_id": "00000000-0000-0000-0000-000000000000"},
    ],
)
async def test_a_delegation_that_cannot_be_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    person = await a_resident(db)
    body = {"kind": "organisation", "name": "Hộ kinh doanh Bao Vinh", "tax_code": "0123456789"} | change
    answer = await desk.put(f"/v1/dossiers/delegations/{uuid4()}", headers=person.headers, json=body)
    assert answer.status_code in {400, 404, 409}, answer.text


@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("extend", {"until": "9999-12-31"}),
        ("extend", {"until": "0001-01-01"}),
        ("extend", {}),
        ("assign", {"assignee": "00000000-0000-0000-0000-000000000000"}),
        ("consult", {"note": "x\x00"}),
        ("consult", {"note": "x" * 2001}),
        ("hand_on", {"uploads": [str(UUID(int=1))] * 10}),
        ("ask_papers", {"note": "Thiếu", "papers": ["unheard_of"]}),
        ("no_such", {}),
    ],
)
async def test_an_officer_who_sends_what_cannot_be_is_refused(
    db: Connection, desk: httpx.AsyncClient, action: str, change: dict[str, Any]
) -> None:
    person, office = await there(db, desk)
    dossier = await filed(db, desk, person)
    before = await office.to_appraisal(dossier["id"])
    answer = await office.act(dossier["id"], action, office.officer, **change)
    assert 400 <= answer.status_code < 500, answer.text
    assert (await office.see(dossier["id"]))["version"] == before["version"]


# Results


def with_action(**action: Any) -> dict[str, Any]:
    """The flow that has everything, and a way more."""
    changed = flows.everything()
    changed["flow"]["actions"].append({"name": flows.told("Thêm"), "effects": [], **action})
    return changed


def with_signing(**action: Any) -> dict[str, Any]:
    """The same where a result waits for its signatures, with a clerk's way out of that."""
    changed = with_action(**action, roles=["clerk"], **{"from": ["signing"]})
    flow = changed["flow"]
    flow["states"].append(flows.state("signing", 4, 80, desk=flows.desk("clerk"), limit_minutes=60))
    next(one for one in flow["actions"] if one["code"] == "sign")["to"] = "signing"
    return changed


async def test_there_is_no_second_result_and_whoever_tries_is_told(db: Connection, desk: httpx.AsyncClient) -> None:
    person, office = await there(db, desk)
    changed = with_signing(code="reopen", to="approval")
    await db.execute(sql.plant_version, flows.CODE, 2, changed)
    await db.execute(sql.publish_procedure, flows.CODE, 2)
    dossier = await filed(db, desk, person)
    await office.to_signing(dossier["id"])
    await office.sign(dossier["id"])
    await office.did(dossier["id"], "reopen", office.clerk)
    again = await office.put(dossier["id"], "result", office.head, number="13/GCN", body="Lần nữa.")
    assert (again.status_code, problem(again)) == (409, "ResultIssuedAlready")


async def test_what_ends_before_its_result_is_signed_has_none(db: Connection, desk: httpx.AsyncClient) -> None:
    person, office = await there(db, desk)
    changed = with_signing(code="stop_late", to="stopped")
    await db.execute(sql.plant_version, flows.CODE, 2, changed)
    await db.execute(sql.publish_procedure, flows.CODE, 2)
    dossier = await filed(db, desk, person)
    await office.to_signing(dossier["id"])
    await office.sign(dossier["id"])
    stopped = await office.did(dossier["id"], "stop_late", office.clerk)
    assert (stopped["outcome"], stopped["result"]["state"]) == ("stopped", "revoked")
    mine = (await desk.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    assert mine["result"]["link"] is None


async def test_a_result_that_is_handed_in_again_can_be_opened(db: Connection, desk: httpx.AsyncClient) -> None:
    person, office = await there(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_signing(dossier["id"])
    await office.sign(dossier["id"])
    await db.execute(sql.sign_result, UUID(dossier["id"]))
    result_id, key = await db.fetchrow(sql.result_of, UUID(dossier["id"])) or (None, "")
    await storage.put(key, b"%PDF-1.7")
    await db.execute(results.sql.keep_for_reuse, result_id, paper_id := uuid4())
    changed = flows.everything()
    changed["papers"][0]["code"] = "certificate"
    await db.execute(sql.plant_version, flows.CODE, 2, changed)
    await db.execute(sql.publish_procedure, flows.CODE, 2)
    other = await filed(db, desk, person, papers=[{"paper": "certificate", "stored_paper_id": str(paper_id)}])
    url = f"/v1/staff/dossiers/{other['id']}/papers/{paper_id}"
    opened = await desk.get(url, headers=office.clerk.headers)
    assert (opened.status_code, opened.content) == (200, b"%PDF-1.7")


# Without the app


async def test_whoever_has_no_app_brings_what_is_missing_to_the_counter(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    _, office = await there(db, desk)
    elsewhere = await an_office(db, desk, "counter-an-cuu")
    dossier_id = str(uuid4())
    body = {
        "procedure": flows.CODE,
        "case": "plain",
        "agency": HERE,
        "applicant": {"name": "Hồ Thị Thủy Xuân"},
        "form": {"child_name": "Hà"},
        "papers": [{"paper": "identity_card", "kind": 1}],
    }
    made = await desk.put(f"/v1/staff/dossiers/{dossier_id}", headers=office.clerk.headers, json=body)
    assert made.status_code == 201, made.text
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "ask_papers", office.officer, note="Thiếu ảnh.", papers=["photo"])
    url = f"/v1/staff/dossiers/{dossier_id}/supplements/{uuid4()}"
    brought = {"papers": [{"paper": "photo", "kind": 1, "copies": 2}]}
    for stranger in (office.officer, elsewhere.clerk):
        refused = await desk.put(url, headers=stranger.headers, json=brought)
        assert refused.status_code in {403, 404}
    assert problem(await desk.put(url, headers=office.clerk.headers, json={})) == "SupplementEmpty"
    taken = await desk.put(url, headers=office.clerk.headers, json=brought)
    again = await desk.put(url, headers=office.clerk.headers, json=brought)
    assert (taken.status_code, taken.json()["state"], again.json()) == (200, "appraisal", taken.json()), taken.text
    assert taken.json()["timeline"][-1]["by"] == "staff"
    assert [paper["paper"] for paper in taken.json()["papers"]] == ["identity_card", "photo"]
    late = await desk.put(url.replace(url[-4:], "0000"), headers=office.clerk.headers, json=brought)
    assert problem(late) == "NoSupplementAsked"
