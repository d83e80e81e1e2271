"""Who is trusted with what, when somebody else has the number, the phone, or was there before."""

import asyncio
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from app.identity.recovery import lock
from tests.app.phones import a_device, bearer, problem, refreshed, signed_in
from tests.conftest import City, StandIns, open_city
from tests.journeys.test_hard_days import BINH, NEW_NUMBER, OLD_NUMBER, THIEF, a_phone, binh_with_money
from tests.makers import PIN, a_policy, a_resident, a_shop, fund
from tests.statements import sql

WRONG = "147369"
DAY_S = 86_400


@pytest.fixture
async def shop_qr(city: City) -> str:
    """A sticker, in a city where devices are new for a day and recoveries hold money, as in production."""
    async with city.database.transaction() as db:
        await a_policy(db, "recovery.wait_hours", 24)
        return (await a_shop(db)).qr


async def devices_are_new_for_a_day(city: City) -> None:
    async with city.database.transaction() as db:
        await a_policy(db, "new_device.hours", 24)


# A device grows older by time, not by signing in


async def test_b19_signing_in_twice_makes_no_device_older(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    await binh_with_money(city, stand_ins, shop_qr)
    await devices_are_new_for_a_day(city)
    device = a_device()
    for _ in range(3):
        thief = await a_phone(city, stand_ins, OLD_NUMBER, device)
        assert (await thief.unlock()).status_code == 201
        assert problem(await thief.pay(shop_qr)) == (403, "StepUpRequired")
    async with open_city(msgspec.structs.replace(city.settings, clock_offset_s=DAY_S + 60)) as tomorrow:
        later = await a_phone(tomorrow, stand_ins, OLD_NUMBER, device)
        assert (await later.unlock()).status_code == 201
        assert (await later.pay(shop_qr)).status_code == 201


async def test_a_stranger_on_a_trusted_device_id_gains_nothing_by_trying_twice(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    await binh_with_money(city, stand_ins, shop_qr)
    device = a_device()
    for _ in range(3):
        stranger = await a_phone(city, stand_ins, OLD_NUMBER, device)
        assert stranger.session["confirmed"] is False
        assert problem(await stranger.get("/v1/wallet")) == (403, "NotConfirmed")


async def test_a_passkey_waits_until_its_device_is_no_longer_new(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    await binh_with_money(city, stand_ins, shop_qr)
    await devices_are_new_for_a_day(city)
    thief = await a_phone(city, stand_ins, OLD_NUMBER)
    assert problem(await thief.post("/v1/me/passkeys", {})) == (403, "NotConfirmed")
    assert (await thief.unlock()).status_code == 201
    assert problem(await thief.post("/v1/me/passkeys", {})) == (403, "DeviceStillNew")


# Whoever was there before


async def test_the_first_pin_puts_everybody_else_out(city: City, stand_ins: StandIns) -> None:
    seller = await a_phone(city, stand_ins, NEW_NUMBER, seller_device := a_device())
    buyer = await a_phone(city, stand_ins, NEW_NUMBER)
    assert (await buyer.put("/v1/me/pin", {"pin": PIN})).status_code == 204
    refused = await refreshed(city.client, seller.session["refresh_token"])
    assert (problem(refused), refused.json()["reason"]) == ((401, "RefreshRefused"), "account_secured")
    assert (await a_phone(city, stand_ins, NEW_NUMBER, seller_device)).session["confirmed"] is False


async def test_a_verification_puts_everybody_else_out(city: City, stand_ins: StandIns) -> None:
    seller = await a_phone(city, stand_ins, NEW_NUMBER, seller_device := a_device())
    buyer = await a_phone(city, stand_ins, NEW_NUMBER)
    verification_id, _ = await buyer.verify(BINH)
    assert problem(await refreshed(city.client, seller.session["refresh_token"])) == (401, "RefreshRefused")
    assert (await a_phone(city, stand_ins, NEW_NUMBER, seller_device)).session["confirmed"] is False
    assert problem(await buyer.put("/v1/me/pin", {"pin": PIN})) == (403, "VerificationNeeded")
    wanted = {"pin": PIN, "verification_id": verification_id}
    assert (await buyer.put("/v1/me/pin", wanted)).status_code == 204
    assert (await buyer.unlock()).status_code == 201, "it is set"
    assert (await buyer.get("/v1/me/level")).json()["money_out_from"] is None, "a first PIN recovers nothing"


async def test_after_a_recovery_the_lost_phone_is_a_stranger_again(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    lost_device = a_device()
    lost = await binh_with_money(city, stand_ins, shop_qr)
    again = await a_phone(city, stand_ins, OLD_NUMBER, lost_device)
    assert (await again.unlock()).status_code == 201
    mine = await a_phone(city, stand_ins, OLD_NUMBER)
    await city.client.post("/v1/sign-in/emergency-locks", json={"phone": OLD_NUMBER, "pin": PIN})
    mine = await a_phone(city, stand_ins, OLD_NUMBER)
    _, verified = await mine.verify(BINH)
    assert verified.status_code == 200
    thief = await a_phone(city, stand_ins, OLD_NUMBER, lost_device)
    assert thief.session["confirmed"] is False
    assert lost.session["me"]["id"] == thief.session["me"]["id"]


# Whoever has only the number locks nobody out


async def test_wrong_pins_of_a_stranger_leave_the_owners_pin_alone(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    owner = await binh_with_money(city, stand_ins, shop_qr)
    stranger = await a_phone(city, stand_ins, OLD_NUMBER)
    answers = [problem(await stranger.unlock(WRONG)) for _ in range(11)]
    assert answers == [(403, "WrongPinHere")] * 10 + [(429, "TooManyRequests")]
    assert problem(await stranger.unlock(PIN)) == (429, "TooManyRequests")
    assert (await owner.unlock()).status_code == 201
    assert (await owner.pay(shop_qr)).status_code == 201


async def test_five_wrong_locks_from_elsewhere_leave_the_owner_a_way(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    lost = await binh_with_money(city, stand_ins, shop_qr)
    locking = {"phone": OLD_NUMBER}
    answers = [
        await city.client.post("/v1/sign-in/emergency-locks", json=locking | {"pin": f"11100{n}"}) for n in range(6)
    ]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    sent = await city.client.post("/v1/sign-in/codes", json={"phone": OLD_NUMBER, "purpose": "lock"})
    by_code = locking | {"challenge_id": sent.json()["challenge_id"], "code": "000000"}
    assert (await city.client.post("/v1/sign-in/emergency-locks", json=by_code)).status_code == 202
    assert problem(await refreshed(city.client, lost.session["refresh_token"])) == (401, "RefreshRefused")


async def test_a_stranger_uses_up_neither_the_owners_verifications_nor_codes(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    owner = await binh_with_money(city, stand_ins, shop_qr)
    stranger = await a_phone(city, stand_ins, OLD_NUMBER)
    begun = [await stranger.post("/v1/me/verifications", {}) for _ in range(11)]
    assert [answer.status_code for answer in begun] == [201] * 10 + [429]
    assert (await owner.post("/v1/me/verifications", {})).status_code == 201


# A level that shows no person


async def test_a_locked_account_without_a_person_is_opened_by_its_pin(city: City, stand_ins: StandIns) -> None:
    phone = await a_phone(city, stand_ins, NEW_NUMBER)
    await phone.put("/v1/me/pin", {"pin": PIN})
    async with city.database.transaction() as db:
        await fund(db, UUID(phone.session["me"]["id"]), 5_000_000)
        await lock(db, UUID(phone.session["me"]["id"]), "hotline")
    back = await a_phone(city, stand_ins, NEW_NUMBER)
    assert back.session["confirmed"] is False
    assert problem(await back.unlock(WRONG)) == (403, "WrongPinHere")
    assert (await back.unlock()).status_code == 201
    assert (await back.get("/v1/wallet")).json()["available"] == 5_000_000
    assert (await back.get("/v1/me/level")).json()["locked"] is False


async def test_an_account_that_only_its_number_knows_gives_way_when_nobody_used_it_for_long(
    city: City, stand_ins: StandIns
) -> None:
    owner = await a_phone(city, stand_ins, NEW_NUMBER)
    await owner.put("/v1/me/pin", {"pin": PIN})
    stranger = await a_phone(city, stand_ins, NEW_NUMBER)
    _, refused = await stranger.verify(THIEF, new_number=True)
    assert problem(refused) == (409, "AccountInUse")
    assert (await owner.get("/v1/me")).json()["phone"] == NEW_NUMBER
    async with city.database.transaction() as db:
        await db.execute(sql.nobody_came_for, UUID(owner.session["me"]["id"]), 61)
    stranger = await a_phone(city, stand_ins, NEW_NUMBER)
    _, refused = await stranger.verify(THIEF, new_number=True)
    assert problem(refused) == (409, "AccountInUse"), "the stranger's own sign-in is somebody too"
    async with city.database.transaction() as db:
        await db.execute(sql.nobody_came_for, UUID(owner.session["me"]["id"]), 61)
    _, moved = await stranger.verify(THIEF, new_number=True)
    assert moved.json()["status"] == "moved"
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.former_phone, UUID(owner.session["me"]["id"])) == NEW_NUMBER


async def test_a_number_that_was_idle_begins_anew(city: City, stand_ins: StandIns) -> None:
    before = await a_phone(city, stand_ins, NEW_NUMBER)
    async with city.database.transaction() as db:
        await db.execute(sql.nobody_came_for, UUID(before.session["me"]["id"]), 61)
    after = await a_phone(city, stand_ins, NEW_NUMBER)
    assert after.session["me"]["id"] != before.session["me"]["id"]
    assert after.session["confirmed"] is True


async def test_a_fresh_account_with_money_gives_way_to_nobody(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    await binh_with_money(city, stand_ins, shop_qr)
    fresh = await a_phone(city, stand_ins, NEW_NUMBER)
    async with city.database.transaction() as db:
        await fund(db, UUID(fresh.session["me"]["id"]), 3_000_000)
    _, refused = await fresh.verify(BINH, new_number=True)
    assert problem(refused) == (409, "AccountInUse")


# Many at once


async def test_many_pins_at_once_keep_nobody_else_waiting(city: City) -> None:
    async with city.database.transaction() as db:
        residents = [await a_resident(db, unlocked=False) for _ in range(60)]
        other = await a_resident(db)
    unlocking = [
        city.client.post("/v1/wallet/unlocks", headers=resident.headers, json={"pin": PIN}) for resident in residents
    ]
    looking = [city.client.get("/v1/wallet", headers=other.headers) for _ in range(10)]
    answers: list[httpx.Response] = await asyncio.gather(*unlocking, *looking)
    unlocked = sum(answer.status_code == 201 for answer in answers[:60])
    assert unlocked > 40, "a slow machine may tell the last of them to come back"
    assert {answer.status_code for answer in answers[60:]} == {200}


# Small things that would cost somebody dear


async def test_a_mistyped_code_costs_no_verification(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    phone = await binh_with_money(city, stand_ins, shop_qr)
    verification_id, _ = await phone.verify(BINH)
    sent = (await phone.post("/v1/me/phone-codes", {"phone": NEW_NUMBER})).json()
    wanted = {"challenge_id": sent["challenge_id"], "code": "111111", "verification_id": verification_id}
    assert problem(await phone.put("/v1/me/phone", wanted)) == (401, "WrongCode")
    assert (await phone.put("/v1/me/phone", wanted | {"code": "000000"})).status_code == 204


async def test_a_pin_that_was_reset_is_not_locked(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    phone = await binh_with_money(city, stand_ins, shop_qr)
    answers = [problem(await phone.unlock(WRONG)) for _ in range(5)]
    assert answers[-1] == (403, "PinLocked")
    verification_id, _ = await phone.verify(BINH)
    await phone.put("/v1/me/pin", {"pin": "846201", "verification_id": verification_id})
    assert (await phone.unlock("846201")).status_code == 201


async def test_whoever_knew_the_old_pin_pays_with_it_no_longer(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    phone = await binh_with_money(city, stand_ins, shop_qr)
    other = await a_phone(city, stand_ins, OLD_NUMBER)
    assert (await other.unlock()).status_code == 201
    assert (await phone.put("/v1/me/pin", {"pin": "846201", "old_pin": PIN})).status_code == 204
    assert problem(await other.pay(shop_qr)) == (403, "WalletLocked")


async def test_a_new_number_that_signs_in_at_the_same_moment(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    phone = await binh_with_money(city, stand_ins, shop_qr)
    verification_id, _ = await phone.verify(BINH)
    sent = (await phone.post("/v1/me/phone-codes", {"phone": NEW_NUMBER})).json()
    wanted = {"challenge_id": sent["challenge_id"], "code": "000000", "verification_id": verification_id}
    changed, session = await asyncio.gather(
        phone.put("/v1/me/phone", wanted), signed_in(city.client, NEW_NUMBER, id=str(uuid4()), name="Máy khác")
    )
    assert changed.status_code == 204
    holder = (await phone.get("/v1/me")).json()
    assert holder["phone"] == NEW_NUMBER
    whoever = await city.client.get("/v1/me", headers=bearer(session))
    assert whoever.status_code in {200, 401, 403}
