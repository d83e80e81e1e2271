"""A dossier's fee is a bill, paid once, however it is paid."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from app.db import Connection
from tests.conftest import City
from tests.dossiers.makers import Office, a_paper, an_office, problem, the_procedures, words
from tests.makers import Resident, a_biller, a_resident
from wallet import withdraw_bill

BILLER = "phi-dich-vu-cong"


async def a_counter(city: City, *, electronic: bool = False) -> tuple[Resident, Office]:
    """A resident with money, and an office whose fees are collected."""
    async with city.database.transaction() as db:
        await the_procedures(db, electronic=electronic)
        await a_biller(db, code=BILLER)
        return await a_resident(db, balance=1_000_000), await an_office(db, city.client)


async def said(db: Connection, person: Resident, case: str) -> dict[str, Any]:
    """What the phone sends, its paper there."""
    paper = await a_paper(db, person.id)
    return words(papers=[{"paper": "identity_card", "upload_id": str(paper)}], case=case, deliver_by="counter")


async def a_dossier(city: City, person: Resident, case: str) -> dict[str, Any]:
    """Submitted, over its own connection as a phone's is."""
    async with city.database.transaction() as db:
        body = await said(db, person, case)
    answer = await city.client.put(f"/v1/dossiers/{uuid4()}", headers=person.headers, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def see(city: City, person: Resident, dossier: dict[str, Any]) -> dict[str, Any]:
    """As its owner sees it now."""
    return (await city.client.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()


async def pay(city: City, person: Resident, fee: dict[str, Any]) -> int:
    """Paid with the wallet; the status."""
    body = {"kind": "bill", "bill_id": fee["bill_id"], "amount": fee["amount"]}
    answer = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=person.headers, json=body)
    return answer.status_code


async def test_a_fee_at_acceptance_is_a_bill_at_once_and_no_result_goes_out_before_it_is_paid(city: City) -> None:
    person, office = await a_counter(city)
    dossier = await a_dossier(city, person, "with_fee")
    await office.to_signing(dossier["id"])
    await office.sign(dossier["id"])
    shown = await see(city, person, dossier)
    assert (shown["fee"]["state"], shown["fee"]["amount"], shown["fee"]["biller"]) == ("due", 8_000, BILLER)
    assert shown["fee"]["reference"] == shown["code"]
    assert "pay" in shown["may"]
    refused = await office.put(dossier["id"], "delivery", office.clerk)
    assert (refused.status_code, problem(refused)) == (409, "FeeNotPaid")
    assert await pay(city, person, shown["fee"]) == 201
    assert await pay(city, person, shown["fee"]) == 409
    await city.worker.drain()
    await city.worker.drain()
    shown = await see(city, person, dossier)
    assert shown["fee"]["state"] == "paid"
    assert [step["action"] for step in shown["timeline"]].count("fee_paid") == 1
    ready = await city.client.get("/v1/staff/dossiers?queue=ready", headers=office.clerk.headers)
    assert [line["id"] for line in ready.json()["items"]] == [dossier["id"]]
    handed_over = await office.put(dossier["id"], "delivery", office.clerk)
    assert (handed_over.json()["state"], handed_over.json()["delivery"]) == ("returned", "delivered")
    ready = await city.client.get("/v1/staff/dossiers?queue=ready", headers=office.clerk.headers)
    assert ready.json()["items"] == []


async def test_a_fee_that_is_asked_for_on_the_way_stops_the_clock_until_it_is_paid(city: City) -> None:
    person, office = await a_counter(city)
    dossier = await a_dossier(city, person, "fee_later")
    await office.to_appraisal(dossier["id"])
    assert (await see(city, person, dossier))["fee"]["state"] == "later"
    asked = await office.did(dossier["id"], "ask_fee", office.officer)
    assert (asked["national_status"], asked["clock"], asked["fee"]["state"]) == (6, "pause", "due")
    assert await pay(city, person, asked["fee"]) == 201
    await city.worker.drain()
    shown = await see(city, person, dossier)
    assert (shown["state"], shown["clock"], shown["fee"]["state"]) == ("appraisal", "run", "paid")
    nothing = await a_dossier(city, person, "plain")
    await office.to_appraisal(nothing["id"])
    answer = await office.act(nothing["id"], "ask_fee", office.officer)
    assert (answer.status_code, problem(answer)) == (409, "NothingToPay")


async def test_a_fee_at_return_is_asked_for_when_the_result_is_there(city: City) -> None:
    person, office = await a_counter(city)
    dossier = await a_dossier(city, person, "fee_at_return")
    await office.to_signing(dossier["id"])
    signed = await office.sign(dossier["id"])
    assert (signed["fee"]["state"], signed["fee"]["amount"]) == ("due", 15_000)


async def test_nobody_pays_for_what_was_withdrawn(city: City) -> None:
    person, office = await a_counter(city)
    dossier = await a_dossier(city, person, "with_fee")
    accepted = await office.accept(dossier["id"])
    url = f"/v1/dossiers/{dossier['id']}/withdrawal"
    withdrawn = await city.client.put(url, headers=person.headers, json={"reason": "Không cần nữa"})
    assert withdrawn.json()["fee"]["state"] == "dropped"
    assert await pay(city, person, accepted["fee"]) == 409


async def test_a_fee_is_paid_or_dropped_never_both(city: City) -> None:
    """The phone pays while its owner withdraws on another."""
    person, office = await a_counter(city)
    for _ in range(8):
        dossier = await a_dossier(city, person, "with_fee")
        accepted = await office.accept(dossier["id"])
        url = f"/v1/dossiers/{dossier['id']}/withdrawal"
        paid, withdrawn = await asyncio.gather(
            pay(city, person, accepted["fee"]),
            city.client.put(url, headers=person.headers, json={"reason": "Không cần nữa"}),
        )
        assert withdrawn.status_code == 200, withdrawn.text
        await city.worker.drain()
        shown = await see(city, person, dossier)
        assert (paid, shown["fee"]["state"]) in {(201, "paid"), (409, "dropped")}
        async with city.database.acquire() as db:
            assert not await withdraw_bill(db, UUID(accepted["fee"]["bill_id"]))
