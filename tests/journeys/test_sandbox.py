"""What `make run` plants: the same small Huế, once."""

import pytest

from app import config
from app.cli import plant_once
from app.config import BadSetting
from app.home import show
from app.identity.models import Principal
from app.identity.seed import RESIDENTS, STAFF, seed_id
from app.identity.seed import sql as people
from app.types import new_id
from tests.app.phones import bearer, signed_in
from tests.conftest import City, StandIns
from tests.statements import sql
from wallet import ledger, seed


async def test_each_resident_has_money_and_bills_of_several_kinds_due_this_month(city: City) -> None:
    await plant_once(city.database, most_dossiers=4)
    async with city.database.acquire() as db:
        for phone, name in RESIDENTS:
            me = Principal(id=seed_id(phone), kind="resident", session_id=new_id(), grants=[])
            home = await show(db, me, "vi")
            assert (home.name, home.wallet.available) == (name, 20_000_000)
            assert len({bill.biller for bill in home.wallet.bills_due}) >= 3
        assert await db.fetchval(sql.kinds_of_bills_due) == 6
        for phone, _, agency, roles in STAFF:
            rows = await db.fetch(sql.grants_of, seed_id(phone))
            assert {(row["agency_code"], row["role"]) for row in rows} == {(agency, role) for role in roles}


async def test_planting_twice_changes_nothing_and_the_books_are_sound(city: City) -> None:
    await plant_once(city.database, most_dossiers=4)
    await plant_once(city.database, most_dossiers=4)
    async with city.database.transaction() as db:
        assert await db.fetchval(sql.balance, ledger.GUARANTEE) == -20_000_000 * len(RESIDENTS) - seed.RESERVE
        assert [law for law in await ledger.check(db) if law.broken] == []


async def test_production_is_never_planted(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    production = config.read({"HUONG_PEPPER": "x" * 40})
    monkeypatch.setattr(config, "settings", lambda: production)
    with pytest.raises(BadSetting):
        await plant_once(city.database, most_dossiers=4)


async def test_the_citys_agencies_are_there_for_everybody_in_both_languages(city: City) -> None:
    await plant_once(city.database, most_dossiers=4)
    vi = (await city.client.get("/v1/agencies")).json()
    en = (await city.client.get("/v1/agencies", headers={"accept-language": "en"})).json()
    assert [agency["code"] for agency in vi] == [agency["code"] for agency in en]
    assert {"code": "counter-thuan-hoa", "name": "Thuận Hóa ward's counter", "ward": "19786"} in en
    assert {"code": "urban-management", "name": "Đội Quản lý đô thị", "ward": None} in vi


async def test_its_residents_are_verified_wherever_the_stand_in_listens(city: City, stand_ins: StandIns) -> None:
    await plant_once(city.database, most_dossiers=4)
    async with city.database.transaction() as db:
        await db.execute(people.move_proofs, "http://localhost:1/citizen")
    await plant_once(city.database, most_dossiers=4)
    phone, name = RESIDENTS[0]
    headers = bearer(await signed_in(city.client, phone))
    begun = (await city.client.post("/v1/me/verifications", headers=headers, json={})).json()
    code, state = await stand_ins.consent(begun["authorize_url"], phone)
    path = f"/v1/me/verifications/{begun['verification_id']}"
    verified = await city.client.put(path, headers=headers, json={"code": code, "state": state})
    assert verified.json() == {"level": 2, "status": "verified", "session": None}
    assert (await city.client.get("/v1/me", headers=headers)).json()["name"] == name
