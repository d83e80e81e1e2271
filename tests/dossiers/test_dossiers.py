"""A dossier from the phone to its result, and everything that may come between."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import CITY_ZONE, city_now
from app.db import Connection
from dossiers import happenings
from tests.dossiers import flows
from tests.dossiers.makers import (
    HERE,
    a_paper,
    an_office,
    an_officer_of,
    filed,
    problem,
    sql,
    the_procedures,
    words,
)
from tests.makers import a_resident, a_staff_member


async def sign_by_the_city(db: Connection, dossier_id: str) -> None:
    """As the signing job ends."""
    await db.execute(sql.sign_result, UUID(dossier_id))
    await happenings.result_signed(db, UUID(dossier_id))


# The main way


async def test_a_dossier_goes_from_the_phone_to_its_signed_result(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    assert (dossier["state"], dossier["national_status"], dossier["code"]) == ("submitted", 1, None)
    assert dossier["may"] == ["withdraw"]
    assert dossier["papers"][0]["name"] == "Căn cước công dân"
    accepted = await office.accept(dossier["id"])
    today = city_now().astimezone(CITY_ZONE)
    assert accepted["code"] == f"H57.33-{today:%y%m%d}-0001"
    assert accepted["state"] == "received"
    assert accepted["due_at"] == accepted["first_due_at"]
    await office.did(dossier["id"], "hand_on", office.clerk)
    await office.did(dossier["id"], "propose", office.officer)
    signed = await office.sign(dossier["id"])
    assert (signed["state"], signed["national_status"], signed["delivery"]) == ("done", 9, "ready")
    assert signed["result"]["state"] == "made"
    await sign_by_the_city(db, dossier["id"])
    mine = (await desk.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    assert (mine["state"], mine["outcome"], mine["delivery"], mine["percent"]) == (
        "returned",
        "done",
        "delivered",
        100,
    )
    assert mine["result"]["link"] == f"/v1/dossiers/{dossier['id']}/result"
    assert [step["action"] for step in mine["timeline"]] == [
        "submitted", "accepted", "hand_on", "propose", "sign", "result_signed", "returned",
    ]  # fmt: skip
    assert [step["version"] for step in mine["timeline"]] == list(range(2, 9))
    assert mine["timeline"][3]["department"] == "Phòng agency_officer"
    rated = await desk.put(
        f"/v1/dossiers/{dossier['id']}/rating", headers=person.headers, json={"rating": "satisfied"}
    )
    assert rated.json()["rating"] == "satisfied"
    news = [
        row["data"]["happened"]
        for row in await db.fetch(sql.news_of, UUID(dossier["id"]))
        if row["kind"] == "DossierMoved"
    ]
    assert news == ["submitted", "accepted", "moved", "moved", "moved", "result_ready", "handed_over"]


async def test_a_dossier_is_filed_once_however_often_it_is_sent(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person = await a_resident(db)
    papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]
    url = f"/v1/dossiers/{uuid4()}"
    draft = await desk.put(url, headers=person.headers, json=words(form={}, submit=False))
    assert (draft.status_code, draft.json()["state"], draft.json()["may"]) == (201, "draft", ["submit"])
    body = words(papers=papers)
    first = await desk.put(url, headers=person.headers, json=body)
    again = await desk.put(url, headers=person.headers, json=body)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert again.json() == first.json()
    other = await desk.put(url, headers=person.headers, json=body | {"case": "same_day"})
    assert (other.status_code, problem(other)) == (409, "DossierSubmitted")
    stranger = await a_resident(db)
    theirs = await desk.put(url, headers=stranger.headers, json=body)
    assert (theirs.status_code, problem(theirs)) == (409, "DossierIdTaken")
    assert (await desk.get(url, headers=stranger.headers)).status_code == 404
    listed = (await desk.get("/v1/dossiers/mine", headers=person.headers)).json()["items"]
    assert [line["id"] for line in listed] == [first.json()["id"]]


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"procedure": "9.999999"}, 404, "UnknownProcedure"),
        ({"case": "born_abroad"}, 400, "UnknownCase"),
        ({"agency": "tax"}, 400, "AgencyDoesNotReceive"),
        ({"agency": "district-phu-vang"}, 400, "AgencyDoesNotReceive"),
        ({"form": {}}, 400, "FormInvalid"),
        ({"form": {"child_name": "Hà", "copies": "2"}}, 400, "FormInvalid"),
        ({"papers": []}, 400, "PaperMissing"),
        ({"papers": [{"paper": "unheard_of", "upload_id": str(uuid4())}]}, 400, "UnknownPaper"),
        ({"papers": [{"paper": "identity_card"}]}, 400, "PaperNeedsFile"),
        ({"papers": [{"paper": "identity_card", "upload_id": str(uuid4())}]}, 404, "UnknownUpload"),
        ({"papers": [{"paper": "identity_card", "stored_paper_id": str(uuid4())}]}, 404, "StoredPaperUnknown"),
        ({"deliver_by": "post"}, 400, "AddressNeeded"),
        ({"procedure": flows.CHILD, "agency": "tax"}, 400, "AgencyDoesNotReceive"),
        ({"delegation_id": str(uuid4())}, 404, "NotFound"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_filed(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, Any], status: int, kind: str
) -> None:
    await the_procedures(db)
    person = await a_resident(db)
    papers = [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]
    url = f"/v1/dossiers/{uuid4()}"
    answer = await desk.put(url, headers=person.headers, json=words(papers=papers) | change)
    assert (answer.status_code, problem(answer)) == (status, kind), answer.text
    assert (await desk.get(url, headers=person.headers)).status_code == 404


async def test_a_clerk_files_for_a_visitor_and_prints_at_once(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    known, office = await a_resident(db, name="Hồ Thị Kim Phụng"), await an_office(db, desk)
    body = {
        "procedure": flows.CODE,
        "case": "plain",
        "agency": HERE,
        "applicant": {"name": "Hồ thị kim phụng", "phone": known.phone},
        "form": {"child_name": "Hà"},
        "papers": [{"paper": "identity_card", "kind": 0}],
    }
    url = f"/v1/staff/dossiers/{uuid4()}"
    first = await desk.put(url, headers=office.clerk.headers, json=body)
    again = await desk.put(url, headers=office.clerk.headers, json=body)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json() == again.json()
    assert first.json()["code"].endswith("-0001")
    assert first.json()["channel"] == "counter"
    mine = (await desk.get(f"/v1/dossiers/{first.json()['id']}", headers=known.headers)).json()
    assert mine["code"] == first.json()["code"]
    elsewhere = await an_office(db, desk, "counter-an-cuu")
    answer = await desk.put(f"/v1/staff/dossiers/{uuid4()}", headers=elsewhere.clerk.headers, json=body)
    assert answer.status_code == 404
    assert (await desk.get(url, headers=elsewhere.clerk.headers)).status_code == 404
    unnamed = await desk.put(
        f"/v1/staff/dossiers/{uuid4()}",
        headers=office.clerk.headers,
        json=body | {"applicant": {"name": "Người khác", "phone": known.phone}},
    )
    assert (await desk.get(f"/v1/dossiers/{unnamed.json()['id']}", headers=known.headers)).status_code == 404


async def test_before_acceptance_papers_are_asked_for_and_come(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    asked = await office.did(
        dossier["id"], "ask_supplement", office.clerk, note="Ảnh mờ, hãy chụp lại.", papers=["identity_card"]
    )
    assert (asked["state"], asked["national_status"], asked["clock"]) == ("incomplete", 5, "pause")
    mine = (await desk.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    assert mine["supplement"]["note"] == "Ảnh mờ, hãy chụp lại."
    assert "supplement" in mine["may"]
    url = f"/v1/dossiers/{dossier['id']}/supplements/{uuid4()}"
    empty = await desk.put(url, headers=person.headers, json={})
    assert (empty.status_code, problem(empty)) == (400, "SupplementEmpty")
    missing = await desk.put(url, headers=person.headers, json={"words": "Đã gửi"})
    assert (missing.status_code, problem(missing)) == (400, "PaperMissing")
    body = {"papers": [{"paper": "identity_card", "upload_id": str(await a_paper(db, person.id))}]}
    given = await desk.put(url, headers=person.headers, json=body)
    again = await desk.put(url, headers=person.headers, json=body)
    assert (given.status_code, again.status_code) == (200, 200), given.text
    assert given.json()["state"] == "submitted"
    other = await desk.put(f"/v1/dossiers/{dossier['id']}/supplements/{uuid4()}", headers=person.headers, json=body)
    assert (other.status_code, problem(other)) == (409, "NoSupplementAsked")
    refused = await office.put(dossier["id"], "refusal", office.clerk, reason="Không thuộc thẩm quyền.")
    assert (refused.json()["state"], refused.json()["outcome"], refused.json()["code"]) == (
        "refused",
        "refused",
        None,
    )


# Who may


async def test_an_action_is_its_roles_at_its_desk(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    for by, action in (
        (office.clerk, "propose"),
        (office.head, "propose"),
        (office.officer, "sign"),
        (office.officer, "no"),
    ):
        answer = await office.act(dossier["id"], action, by)
        assert (answer.status_code, problem(answer)) == (409, "UnknownAction"), action
    other = await an_office(db, desk, "counter-an-cuu")
    answer = await office.act(dossier["id"], "propose", other.officer, version=4)
    assert answer.status_code == 404
    possible = (await office.see(dossier["id"], office.officer))["actions"]
    assert [one["code"] for one in possible] == [
        "ask_papers", "ask_fee", "consult", "propose", "extend", "assign", "split", "stop",
    ]  # fmt: skip
    assert (await office.see(dossier["id"], office.clerk))["actions"] == []


async def test_a_desk_of_some_procedures_only_deals_with_these(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    admin = await a_staff_member(db, role="admin")
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    url = f"/v1/staff/dossiers/agencies/{HERE}/members/{office.officer.id}/desk"
    put = await desk.put(url, headers=admin.headers, json={"procedures": ["1.001193"]})
    assert put.status_code == 200, put.text
    queue = await desk.get("/v1/staff/dossiers", headers=office.officer.headers)
    assert queue.json()["items"] == []
    assert problem(await office.act(dossier["id"], "propose", office.officer)) == "UnknownAction"
    await desk.put(url, headers=admin.headers, json={"procedures": []})
    queue = await desk.get("/v1/staff/dossiers", headers=office.officer.headers)
    assert [line["id"] for line in queue.json()["items"]] == [dossier["id"]]


async def test_a_consulted_desk_sees_it_and_gives_it_back(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    justice = await an_officer_of(db, "justice")
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    needs = await office.act(dossier["id"], "consult", office.officer)
    assert problem(needs) == "NoteNeeded"
    await office.did(dossier["id"], "consult", office.officer, note="Xin ý kiến về quốc tịch.")
    queue = await desk.get("/v1/staff/dossiers", headers=justice.headers)
    assert [line["state"] for line in queue.json()["items"]] == ["consulting"]
    assert problem(await office.act(dossier["id"], "answer", office.officer, note="Tự trả lời.")) == "UnknownAction"
    back = await office.did(dossier["id"], "answer", justice, note="Thống nhất.")
    assert back["state"] == "appraisal"
    mine = (await desk.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    assert mine["timeline"][-1]["agency"] == "Sở Tư pháp"
    assert mine["timeline"][-1]["note"] is None


async def test_somebody_is_named_who_goes_on(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    assert problem(await office.act(dossier["id"], "assign", office.officer)) == "AssigneeNeeded"
    wrong = await office.act(dossier["id"], "assign", office.officer, assignee=str(office.clerk.id))
    assert problem(wrong) == "NotTheirDesk"
    await office.did(dossier["id"], "assign", office.officer, assignee=str(office.officer.id))
    queue = await desk.get("/v1/staff/dossiers?queue=mine", headers=office.officer.headers)
    assert [line["id"] for line in queue.json()["items"]] == [dossier["id"]]
    queue = await desk.get("/v1/staff/dossiers?queue=mine", headers=office.clerk.headers)
    assert queue.json()["items"] == []


# Versions


async def test_the_same_action_twice_on_one_version_is_once(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    version = (await office.to_appraisal(dossier["id"]))["version"]
    url = f"/v1/staff/dossiers/{dossier['id']}/actions"
    body, action_id = {"version": version, "action": "propose"}, uuid4()
    first = await desk.put(f"{url}/{action_id}", headers=office.officer.headers, json=body)
    again = await desk.put(f"{url}/{action_id}", headers=office.officer.headers, json=body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    other = await desk.put(f"{url}/{uuid4()}", headers=office.officer.headers, json=body)
    assert (other.status_code, problem(other)) == (409, "DossierChanged")
    assert other.json()["by"] == office.officer.name
    taken = await desk.put(
        f"{url}/{action_id}",
        headers=office.head.headers,
        json={"version": version + 1, "action": "send_back", "note": "x"},
    )
    assert (taken.status_code, problem(taken)) == (409, "DossierActionIdTaken")


async def test_a_change_of_the_procedure_moves_no_open_dossier(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier, waiting = await filed(db, desk, person), await filed(db, desk, person)
    before = await office.to_appraisal(dossier["id"])
    changed = flows.everything()
    changed["cases"][0] = flows.case("plain", days=1)
    changed["flow"]["actions"] = [one for one in changed["flow"]["actions"] if one["code"] != "propose"]
    await db.execute(sql.plant_version, flows.CODE, 2, changed)
    await db.execute(sql.publish_procedure, flows.CODE, 2)
    after = await office.see(dossier["id"])
    assert (after["due_at"], after["procedure_version"]) == (before["due_at"], 1)
    assert (await office.did(dossier["id"], "propose", office.officer))["state"] == "approval"
    assert (await office.accept(waiting["id"]))["due_at"] == before["due_at"]
    newer = await filed(db, desk, person)
    assert newer["procedure_version"] == 2
    assert (await office.accept(newer["id"]))["due_at"] < before["due_at"]


# Withdrawing


async def test_its_owner_withdraws_it_and_nobody_goes_on(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    url = f"/v1/dossiers/{dossier['id']}/withdrawal"
    first = await desk.put(url, headers=person.headers, json={"reason": "Không cần nữa"})
    again = await desk.put(url, headers=person.headers, json={"reason": "Không cần nữa"})
    assert first.json() == again.json()
    assert (first.json()["state"], first.json()["national_status"], first.json()["clock"]) == ("withdrawn", 7, "stop")
    assert problem(await office.act(dossier["id"], "propose", office.officer)) == "UnknownAction"
    assert (await desk.get("/v1/staff/dossiers", headers=office.officer.headers)).json()["items"] == []
    other = await desk.put(url, headers=person.headers, json={"reason": "Lần nữa"})
    assert problem(other) == "MayNotWithdraw"
    signed = await filed(db, desk, person)
    await office.to_signing(signed["id"])
    await office.sign(signed["id"])
    late = await desk.put(f"/v1/dossiers/{signed['id']}/withdrawal", headers=person.headers, json={"reason": "Muộn"})
    assert problem(late) == "MayNotWithdraw"


async def test_a_draft_is_dropped_and_a_dossier_is_not(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, stranger = await a_resident(db), await a_resident(db)
    draft = await filed(db, desk, person, submit=False)
    url = f"/v1/dossiers/drafts/{draft['id']}"
    assert (await desk.delete(url, headers=stranger.headers)).status_code == 404
    assert (await desk.delete(url, headers=person.headers)).status_code == 204
    assert (await desk.get(f"/v1/dossiers/{draft['id']}", headers=person.headers)).status_code == 404
    kept = (await desk.get("/v1/dossiers/papers", headers=person.headers)).json()["items"]
    assert [paper["kind"] for paper in kept] == ["identity_card"]
    dossier = await filed(db, desk, person)
    answer = await desk.delete(f"/v1/dossiers/drafts/{dossier['id']}", headers=person.headers)
    assert problem(answer) == "DossierSubmitted"


# Papers and those for whom one acts


async def test_a_paper_that_was_given_once_is_handed_in_again(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, stranger = await a_resident(db), await a_resident(db)
    await filed(db, desk, person)
    [stored] = (await desk.get("/v1/dossiers/papers", headers=person.headers)).json()["items"]
    again = [{"paper": "identity_card", "stored_paper_id": stored["id"]}]
    assert (await filed(db, desk, person, papers=again))["papers"][0]["stored_paper_id"] == stored["id"]
    url = f"/v1/dossiers/{uuid4()}"
    theirs = await desk.put(url, headers=stranger.headers, json=words(papers=again))
    assert problem(theirs) == "StoredPaperUnknown"
    other = await desk.put(
        url, headers=person.headers, json=words(papers=[{"paper": "photo", "stored_paper_id": stored["id"]}])
    )
    assert problem(other) == "StoredPaperOfOtherKind"
    assert (await desk.delete(f"/v1/dossiers/papers/{stored['id']}", headers=person.headers)).status_code == 204
    assert (await desk.get("/v1/dossiers/papers", headers=person.headers)).json()["items"] == []
    gone = await desk.put(url, headers=person.headers, json=words(papers=again))
    assert problem(gone) == "StoredPaperUnknown"


async def test_somebody_acts_for_an_organisation(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    url = f"/v1/dossiers/delegations/{uuid4()}"
    bare = await desk.put(url, headers=person.headers, json={"kind": "organisation", "name": "HTX Vân Thê"})
    assert problem(bare) == "DelegationIncomplete"
    proof = str(await a_paper(db, person.id))
    said = {"kind": "organisation", "name": "HTX Vân Thê", "tax_code": "3301234567", "proof_upload_id": proof}
    first = await desk.put(url, headers=person.headers, json=said)
    again = await desk.put(url, headers=person.headers, json=said)
    assert (first.status_code, first.json()) == (200, again.json())
    other = await desk.put(url, headers=person.headers, json=said | {"tax_code": "3301234568"})
    assert problem(other) == "DelegationIdTaken"
    dossier = await filed(db, desk, person, delegation_id=first.json()["id"])
    assert (dossier["applicant_kind"], dossier["applicant_number"]) == ("organisation", "3301234567")
    accepted = await office.accept(dossier["id"])
    assert accepted["delegation"]["confirmed_at"] is not None
    wrong = {"applicant": {"kind": "organisation", "name": "HTX Khác"}, "delegation_id": first.json()["id"]}
    answer = await desk.put(f"/v1/dossiers/{uuid4()}", headers=person.headers, json=words(**wrong))
    assert problem(answer) == "ApplicantOfDelegation"
    waiting = await filed(db, desk, person, delegation_id=first.json()["id"])
    assert (await desk.put(f"{url}/revocation", headers=person.headers, json={})).status_code == 204
    late = await office.put(waiting["id"], "acceptance", office.clerk)
    assert (late.status_code, problem(late)) == (409, "DelegationOver")
    answer = await desk.put(
        f"/v1/dossiers/{uuid4()}", headers=person.headers, json=words(delegation_id=first.json()["id"])
    )
    assert problem(answer) == "DelegationOver"
