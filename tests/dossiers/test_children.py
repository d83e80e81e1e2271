"""Inter-agency: dossiers that are made out of one, each elsewhere and with its own day; and agencies that merge."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from app.db import Connection
from dossiers import homes
from tests.dossiers.makers import HERE, Office, an_office, an_officer_of, filed, problem, the_procedures, words
from tests.makers import Resident, a_resident, a_staff_member


async def a_split(db: Connection, desk: httpx.AsyncClient) -> tuple[Resident, Office, dict[str, Any]]:
    """A dossier that waits for its two children."""
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    return person, office, await office.did(dossier["id"], "split", office.officer)


async def test_children_run_side_by_side_and_their_parent_joins(db: Connection, desk: httpx.AsyncClient) -> None:
    person, office, parent = await a_split(db, desk)
    assert parent["state"] == "waiting"
    first, second = parent["children"]
    assert {first["agency"], second["agency"]} == {"tax", "social-insurance"}
    assert {one["code"].partition("-")[0] for one in parent["children"]} == {"H57.04", "H57.05"}
    assert all(
        datetime.fromisoformat(one["due_at"]) < datetime.fromisoformat(parent["due_at"]) for one in (first, second)
    )
    mine = (await desk.get("/v1/dossiers/mine", headers=person.headers)).json()["items"]
    assert [line["id"] for line in mine] == [parent["id"]]
    for nth, child in enumerate((first, second)):
        officer = await an_officer_of(db, child["agency"])
        seen = await office.see(child["id"], officer)
        assert (seen["form"], seen["parent_code"]) == ({"name": "Lê Ngự Hà"}, parent["code"])
        assert [paper["paper"] for paper in seen["papers"]] == ["proof"]
        await office.did(child["id"], "finish", officer)
        assert (await office.see(parent["id"]))["state"] == ("waiting", "approval")[nth]
    foreign = await desk.get(f"/v1/staff/dossiers/{first['id']}", headers=office.officer.headers)
    assert foreign.status_code == 404


async def test_one_child_refused_ends_the_others_and_leads_back(db: Connection, desk: httpx.AsyncClient) -> None:
    _, office, parent = await a_split(db, desk)
    first, second = parent["children"]
    officer = await an_officer_of(db, first["agency"])
    await office.did(first["id"], "stop", officer, note="Không đủ điều kiện.")
    after = await office.see(parent["id"], office.officer)
    assert after["state"] == "appraisal"
    assert [child["outcome"] for child in after["children"]] in (["stopped", "withdrawn"], ["withdrawn", "stopped"])
    other = await an_officer_of(db, second["agency"])
    assert problem(await office.act(second["id"], "finish", other)) == "UnknownAction"
    again = await office.did(parent["id"], "split", office.officer)
    fresh = [child for child in again["children"] if child["outcome"] is None]
    assert len(fresh) == 2
    for child in fresh:
        await office.did(child["id"], "finish", await an_officer_of(db, child["agency"]))
    assert (await office.see(parent["id"]))["state"] == "approval"


async def test_whoever_withdraws_the_parent_withdraws_its_children(db: Connection, desk: httpx.AsyncClient) -> None:
    person, _, parent = await a_split(db, desk)
    child = parent["children"][0]
    own = await desk.put(
        f"/v1/dossiers/{child['id']}/withdrawal", headers=person.headers, json={"reason": "Chỉ cái này"}
    )
    assert problem(own) == "MayNotWithdraw"
    url = f"/v1/dossiers/{parent['id']}/withdrawal"
    mine = (await desk.put(url, headers=person.headers, json={"reason": "Không cần nữa"})).json()
    assert (mine["state"], [one["outcome"] for one in mine["children"]]) == ("withdrawn", ["withdrawn", "withdrawn"])


# Agencies


async def test_open_dossiers_follow_their_agency_into_another(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    there, admin = await an_office(db, desk, "counter-an-cuu"), await a_staff_member(db, role="admin")
    dossier, ended = await filed(db, desk, person), await filed(db, desk, person)
    before = await office.to_appraisal(dossier["id"])
    await office.put(ended["id"], "refusal", office.clerk, reason="Không thuộc thẩm quyền.")
    url = f"/v1/staff/dossiers/agencies/{HERE}/merger"
    bad = await desk.put(url, headers=admin.headers, json={"into": HERE, "reason": "Thử"})
    assert problem(bad) == "BadMerger"
    body = {"into": "counter-an-cuu", "reason": "Sáp nhập phường"}
    merged = await desk.put(url, headers=admin.headers, json=body)
    assert (merged.status_code, merged.json()["merged_into"]) == (200, "counter-an-cuu"), merged.text
    assert (await desk.put(url, headers=admin.headers, json=body)).json() == merged.json()
    await homes.take_home(db)
    await homes.take_home(db)
    after = await office.see(dossier["id"], there.officer)
    assert (after["agency"], after["code"], after["due_at"]) == ("counter-an-cuu", before["code"], before["due_at"])
    assert after["timeline"][-1]["action"] == "rehomed"
    assert (await office.did(dossier["id"], "propose", there.officer))["desk_agency"] == "counter-an-cuu"
    gone = await desk.get(f"/v1/staff/dossiers/{dossier['id']}", headers=office.officer.headers)
    assert gone.status_code == 404
    assert (await office.see(ended["id"]))["agency"] == HERE
    late = await desk.put(
        "/v1/dossiers/018f2b4c-0000-7000-8000-000000000001", headers=person.headers, json=words(submit=False)
    )
    assert problem(late) == "AgencyMerged"
    listed = (await desk.get("/v1/staff/dossiers/agencies", headers=admin.headers)).json()
    assert next(one for one in listed if one["agency"] == HERE)["open"] == 0


@pytest.mark.parametrize("agency", ["district-phu-vang", "nowhere"])
async def test_no_dossier_goes_to_an_agency_that_is_no_more(
    db: Connection, desk: httpx.AsyncClient, agency: str
) -> None:
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    admin = await a_staff_member(db, role="admin")
    dossier = await filed(db, desk, person)
    accepted = await office.accept(dossier["id"])
    body = {"version": accepted["version"], "agency": agency, "reason": "Thử"}
    url = f"/v1/staff/dossiers/{dossier['id']}/agency"
    assert (await desk.put(url, headers=admin.headers, json=body)).status_code == 404
    moved = await desk.put(url, headers=admin.headers, json=body | {"agency": "counter-an-cuu"})
    assert (moved.json()["agency"], moved.json()["code"]) == ("counter-an-cuu", accepted["code"])
