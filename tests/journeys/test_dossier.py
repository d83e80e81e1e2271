"""From a form on the phone to a signed paper, at one counter and across three agencies."""

import hashlib
from typing import Any
from uuid import uuid4

from app.clock import city_today
from app.db import Connection
from dossiers.procedures import loading
from tests.app.uploads import files
from tests.app.uploads.sending import send
from tests.conftest import City, StandIns
from tests.dossiers.makers import HERE, Office, an_office, problem
from tests.makers import Resident, a_biller, a_resident

BILLER = "phi-dich-vu-cong"
EXTRACT: dict[str, Any] = {
    "person_name": "Lê Thị Ngự Bình",
    "person_born_on": "1994-03-12",
    "entry": "birth",
    "registered_at": "Phường Vĩ Dạ, thành phố Huế",
    "requester_relation": "Bản thân",
    "copies": 3,
}
BIRTH: dict[str, Any] = {
    "child_name": "Lê Ngự Hà",
    "child_sex": "female",
    "child_born_on": "2026-11-02",
    "birth_place": "Bệnh viện Trung ương Huế",
    "ethnicity": "Kinh",
    "home_town": "Thành phố Huế",
    "mother_name": "Lê Thị Ngự Bình",
    "requester_relation": "parent",
    "residence_address": "12 Lê Lợi, phường Thuận Hóa",
    "householder_name": "Lê Thị Ngự Bình",
    "hospital": "Trạm Y tế phường Thuận Hóa",
}


async def see(city: City, person: Resident, dossier_id: str) -> dict[str, Any]:
    """As its owner sees it, once everything is told and signed."""
    await city.worker.drain()
    answer = await city.client.get(f"/v1/dossiers/{dossier_id}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def titles(city: City, person: Resident) -> list[str]:
    """The titles of somebody's messages, oldest first."""
    items = (await city.client.get("/v1/notifications/inbox", headers=person.headers)).json()["items"]
    return [item["title"] for item in reversed(items)]


async def a_scan(city: City, person: Resident) -> str:
    """The id of a paper that was sent."""
    upload_id = uuid4()
    answer = await send(city.client, person, upload_id, files.jpeg(6), purpose="paper")
    assert answer.status_code == 201, answer.text
    return str(upload_id)


async def did_all(office: Office, dossier_id: str) -> None:
    """From the clerk's hands through the officer's to the head's, who issues the result."""
    await office.did(dossier_id, "hand_on", office.clerk)
    await office.did(dossier_id, "propose", office.officer)
    await office.sign(dossier_id)


async def figures(city: City) -> dict[str, Any]:
    """Today's, of everything."""
    days = {"from": str(city_today()), "to": str(city_today())}
    answer = await city.client.get("/v1/dossiers/statistics", params=days)
    assert answer.status_code == 200, answer.text
    return answer.json()["total"]


async def a_city_with_procedures(db: Connection) -> None:
    """The catalogue as a new city has it, and who collects its fees."""
    await loading.load(db)
    await a_biller(db, code=BILLER)


async def test_copies_of_an_extract_are_asked_for_paid_and_signed(city: City, stand_ins: StandIns) -> None:
    client = city.client
    async with city.database.transaction() as db:
        await a_city_with_procedures(db)
        person, office = await a_resident(db, balance=100_000), await an_office(db, client)

    # Found without its accents; the form is wrong in two places, and both are said.
    [found] = (await client.get("/v1/dossiers/procedures", params={"q": "ban sao trich luc"})).json()["items"]
    assert found["code"] == "2.000635"
    url = f"/v1/dossiers/{uuid4()}"
    said = {
        "procedure": found["code"],
        "case": "copy",
        "agency": HERE,
        "form": EXTRACT | {"copies": 99, "person_born_on": "12/03/1994"},
        "papers": [{"paper": "identity_card", "upload_id": await a_scan(city, person)}],
        "submit": True,
    }
    refused = await client.put(url, headers=person.headers, json=said)
    assert (refused.status_code, problem(refused)) == (400, "FormInvalid")
    assert "copies" in refused.text
    assert "person_born_on" in refused.text
    dossier = (await client.put(url, headers=person.headers, json=said | {"form": EXTRACT})).json()
    assert (dossier["state"], dossier["code"]) == ("submitted", None)
    again = await client.put(url, headers=person.headers, json=said | {"form": EXTRACT})
    assert (again.status_code, again.json()["id"]) == (200, dossier["id"])

    # Accepted: a code, a date, and a fee of 8,000 ₫ for each copy.
    accepted = await office.accept(dossier["id"])
    assert accepted["code"].startswith("H57.")
    assert accepted["due_at"] is not None
    assert (accepted["fee"]["state"], accepted["fee"]["amount"]) == ("due", 24_000)
    await did_all(office, dossier["id"])
    mine = await see(city, person, dossier["id"])
    assert (mine["state"], mine["outcome"], mine["result"]["state"]) == ("done", "done", "signed")

    # Signed, but not given out before it is paid.
    early = await client.get(f"{url}/result", headers=person.headers)
    assert (early.status_code, mine["result"]["link"]) == (409, None)
    assert mine["may"] == ["pay", "rate"]
    body = {"kind": "bill", "bill_id": mine["fee"]["bill_id"]}
    paid = await client.put(f"/v1/wallet/payments/{uuid4()}", headers=person.headers, json=body)
    assert (paid.status_code, paid.json()["balance_after"]) == (201, 76_000)
    mine = await see(city, person, dossier["id"])
    assert mine["fee"]["state"] == "paid"
    pdf = await client.get(f"{url}/result", headers=person.headers)
    assert pdf.content.startswith(b"%PDF")

    # Anybody may ask whether it is genuine; a changed file is not.
    code = mine["result"]["code"]
    by_code = (await client.get(f"/v1/dossiers/verifications/{code.lower()}")).json()
    sha256 = hashlib.sha256(pdf.content).hexdigest()
    by_file = (await client.post("/v1/dossiers/verifications", json={"sha256": sha256})).json()
    assert (by_code["genuine"], by_code["applicant"]) == (True, "L*** T*** N*** Bình")
    assert (by_file["issued"], by_file["genuine"]) == (True, True)
    changed = hashlib.sha256(pdf.content + b" ").hexdigest()
    assert (await client.post("/v1/dossiers/verifications", json={"sha256": changed})).json()["issued"] is False

    # And where it is: with the receipt's digits every step, without them how far.
    asked = {"code": mine["code"]}
    public = (await client.post("/v1/dossiers/look-ups", json=asked)).json()
    assert (public["percent"], public["steps"], public["procedure_name"]) == (100, None, None)
    whole = (await client.post("/v1/dossiers/look-ups", json=asked | {"pin": mine["pin"]})).json()
    assert [step["action"] for step in whole["steps"]] == [
        "submitted",
        "accepted",
        "hand_on",
        "propose",
        "approve",
        "result_signed",
        "signed",
        "fee_paid",
        "returned",
    ]

    rated = await client.put(f"{url}/rating", headers=person.headers, json={"rating": "satisfied"})
    assert rated.status_code == 200
    total = await figures(city)
    assert (total["received"], total["resolved"], total["on_time_first"]) == (1, 1, 1)
    assert len(await titles(city, person)) >= 4


async def test_a_birth_goes_to_three_agencies_and_comes_back_whole(city: City, stand_ins: StandIns) -> None:
    client = city.client
    async with city.database.transaction() as db:
        await a_city_with_procedures(db)
        person, office = await a_resident(db), await an_office(db, client)
        elsewhere = {code: await an_office(db, client, code) for code in ("social-insurance", "residence-police")}
    url = f"/v1/dossiers/{uuid4()}"
    papers = [
        {"paper": paper, "upload_id": await a_scan(city, person)}
        for paper in ("birth_notice", "identity_card", "householder_consent")
    ]
    said: dict[str, Any] = {
        "procedure": "1.001193",
        "case": "joined",
        "agency": HERE,
        "form": BIRTH,
        "papers": papers,
        "submit": True,
    }
    filed = await client.put(url, headers=person.headers, json=said)
    assert filed.status_code == 201, filed.text
    dossier_id = filed.json()["id"]
    await office.accept(dossier_id)
    await did_all(office, dossier_id)
    assert (await see(city, person, dossier_id))["state"] == "issued"

    # The certificate is there; from it two dossiers are made, each with its own code, date, form and papers.
    parent = await office.did(dossier_id, "join_agencies", office.clerk)
    assert {child["agency"] for child in parent["children"]} == set(elsewhere)
    assert {child["code"].partition("-")[0] for child in parent["children"]} == {"H57.05", "H57.06"}
    for nth, child in enumerate(parent["children"]):
        there = elsewhere[child["agency"]]
        seen = await there.see(child["id"])
        assert "Lê Ngự Hà" in seen["form"].values()
        assert seen["papers"], "what it needs was handed in with the parent"
        await did_all(there, child["id"])
        assert (await see(city, person, dossier_id))["state"] == ("joint", "returned")[nth]
    mine = await see(city, person, dossier_id)
    assert [child["outcome"] for child in mine["children"]] == ["done", "done"]
    assert (mine["outcome"], mine["result"]["state"]) == ("done", "signed")
    pdf = await client.get(f"{url}/result", headers=person.headers)
    assert pdf.content.startswith(b"%PDF")

    # Kept for the next time, and nobody else's.
    kept = (await client.get("/v1/dossiers/papers", headers=person.headers)).json()["items"]
    assert "birth_certificate" in {paper["kind"] for paper in kept}
    async with city.database.transaction() as db:
        stranger = await a_resident(db, name="Võ Thị Kim Long")
    assert (await client.get(url, headers=stranger.headers)).status_code == 404
    total = await figures(city)
    assert (total["received"], total["resolved"]) == (3, 3), "each agency answers for its own"
