"""Hard days: a PIN is forgotten, a phone is lost, a number changes, a number is given out again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from msgspec import structs

from app import config
from app.identity import verifications
from tests.app.phones import a_device, bearer, printed, problem, refreshed, signed_in
from tests.conftest import City, StandIns
from tests.makers import PIN, a_policy, a_shop, fund

OLD_NUMBER, NEW_NUMBER = "+84900000041", "+84900000043"
BINH = "new:Lê Thị Ngự Bình"
THIEF = "new:Trần Văn Kẻ Lạ"


@dataclass
class Phone:
    """Somebody's phone, and what it knows."""

    city: City
    providers: StandIns
    session: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.session)

    async def get(self, path: str) -> httpx.Response:
        return await self.city.client.get(path, headers=self.headers)

    async def put(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return await self.city.client.put(path, headers=self.headers, json=body)

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return await self.city.client.post(path, headers=self.headers, json=body)

    async def verify(self, person: str, *, new_number: bool = False) -> tuple[str, httpx.Response]:
        """To the identity provider as this person, and back; if that opened another session, it is this phone's."""
        begun = (await self.post("/v1/me/verifications", {"new_number": new_number})).json()
        code, state = await self.providers.consent(begun["authorize_url"], person)
        path = f"/v1/me/verifications/{begun['verification_id']}"
        answer = await self.put(path, {"code": code, "state": state})
        if answer.status_code == 200 and answer.json()["session"] is not None:
            self.session = answer.json()["session"]
        return begun["verification_id"], answer

    async def unlock(self, pin: str = PIN) -> httpx.Response:
        return await self.post("/v1/wallet/unlocks", {"pin": pin})

    async def pay(self, qr: str) -> httpx.Response:
        body = {"kind": "merchant", "qr": qr, "amount": 1000}
        return await self.put(f"/v1/wallet/payments/{uuid4()}", body)

    async def inbox(self) -> list[str]:
        await self.city.worker.drain()
        items = (await self.get("/v1/notifications/inbox")).json()["items"]
        return [item["title"] for item in items]


@pytest.fixture
async def shop_qr(city: City) -> str:
    """A sticker; and recoveries hold money for a day, as they do in production."""
    async with city.database.transaction() as db:
        await a_policy(db, "recovery.wait_hours", 24)
        return (await a_shop(db)).qr


async def a_phone(city: City, stand_ins: StandIns, number: str, device_id: str | None = None) -> Phone:
    return Phone(city, stand_ins, await signed_in(city.client, number, id=device_id or a_device(), name="Máy"))


async def binh_with_money(city: City, stand_ins: StandIns, shop_qr: str) -> Phone:
    """Bình: verified, with a PIN and a million, who has paid before."""
    phone = await a_phone(city, stand_ins, OLD_NUMBER)
    assert (await phone.put("/v1/me/pin", {"pin": PIN})).status_code == 204
    assert (await phone.unlock()).status_code == 201
    _, verified = await phone.verify(BINH)
    assert verified.json() == {"level": 2, "status": "verified", "session": None}
    async with city.database.transaction() as db:
        await fund(db, UUID(phone.session["me"]["id"]), 1_000_000)
    assert (await phone.pay(shop_qr)).status_code == 201
    return phone


async def test_a_newcomer_is_verified(city: City, stand_ins: StandIns) -> None:
    phone = await a_phone(city, stand_ins, NEW_NUMBER)
    level = (await phone.get("/v1/me/level")).json()
    assert (level["level"], level["verified_at"]) == (1, None)
    assert {"action": "withdraw", "level": 2} in level["needs"]
    verification_id, verified = await phone.verify(BINH)
    assert verified.status_code == 200
    assert (await phone.get("/v1/me/level")).json()["level"] == 2
    assert (await phone.get("/v1/me")).json()["name"] == "Lê Thị Ngự Bình"
    assert (await phone.get(f"/v1/me/verifications/{verification_id}")).json()["status"] == "verified"
    assert "Đã xác thực danh tính" in await phone.inbox()


async def test_a_forgotten_pin(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    phone = await binh_with_money(city, stand_ins, shop_qr)
    other = await a_phone(city, stand_ins, OLD_NUMBER)
    assert (await other.unlock()).status_code == 201
    wanted = {"pin": "846201"}
    assert problem(await phone.put("/v1/me/pin", wanted)) == (409, "OldPinNeeded")
    assert problem(await phone.put("/v1/me/pin", wanted | {"verification_id": str(uuid4())})) == (
        403,
        "VerificationNeeded",
    )
    _, refused = await phone.verify(THIEF)
    assert problem(refused) == (409, "IdentityDiffers")
    verification_id, _ = await phone.verify(BINH)
    wanted["verification_id"] = verification_id
    assert (await phone.put("/v1/me/pin", wanted)).status_code == 204
    again = await phone.put("/v1/me/pin", wanted)
    assert problem(again) == (403, "VerificationNeeded"), "a verification stands for its person once"

    assert problem(await refreshed(city.client, other.session["refresh_token"])) == (401, "RefreshRefused")
    assert problem(await phone.unlock(PIN)) == (403, "WrongPin")
    assert (await phone.unlock("846201")).status_code == 201
    assert problem(await phone.pay(shop_qr)) == (403, "MoneyOutWaits")
    assert (await phone.get("/v1/me/level")).json()["money_out_from"] is not None
    assert "Đã đặt lại mã PIN" in await phone.inbox()


async def test_a_lost_phone_is_locked_from_another_and_opened_again(
    city: City, stand_ins: StandIns, shop_qr: str
) -> None:
    lost = await binh_with_money(city, stand_ins, shop_qr)
    for body in ({"pin": "111000"}, {"pin": "000111"}):
        told = await city.client.post("/v1/sign-in/emergency-locks", json={"phone": OLD_NUMBER} | body)
        assert told.status_code == 202
        assert (await lost.get("/v1/wallet")).status_code == 200
    asked = await city.client.post("/v1/sign-in/emergency-locks", json={"phone": OLD_NUMBER, "pin": PIN})
    assert (asked.status_code, asked.content) == (told.status_code, told.content)
    nobody = await city.client.post("/v1/sign-in/emergency-locks", json={"phone": "0905999888", "pin": PIN})
    assert (nobody.status_code, nobody.content) == (told.status_code, told.content)

    ended = await refreshed(city.client, lost.session["refresh_token"])
    assert problem(ended) == (401, "RefreshRefused")
    assert problem(await lost.pay(shop_qr))[0] in {401, 403}
    mine = await a_phone(city, stand_ins, OLD_NUMBER)
    assert mine.session["confirmed"] is False
    assert mine.session["me"]["name"] is None
    assert problem(await mine.unlock()) == (403, "AccountLocked")
    assert problem(await mine.get("/v1/wallet")) == (403, "NotConfirmed")
    assert (await mine.get("/v1/me/level")).json()["locked"] is True
    _, refused = await mine.verify(THIEF)
    assert problem(refused) == (409, "IdentityDiffers")

    _, verified = await mine.verify(BINH)
    assert verified.json()["status"] == "verified"
    assert (await mine.unlock()).status_code == 201
    assert (await mine.get("/v1/wallet")).json()["available"] == 999_000
    assert problem(await mine.pay(shop_qr)) == (403, "MoneyOutWaits")
    assert {"Tài khoản đã khóa", "Tài khoản đã mở lại"} <= set(await mine.inbox())


async def test_a_lost_phone_is_locked_by_a_code_to_its_number(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    lost = await binh_with_money(city, stand_ins, shop_qr)
    sent = await city.client.post("/v1/sign-in/codes", json={"phone": OLD_NUMBER, "purpose": "lock"})
    locking = {"challenge_id": sent.json()["challenge_id"], "code": "000000"}
    refused = await city.client.post("/v1/sign-in/sessions", json=locking)
    assert problem(refused) == (401, "WrongCode"), "a code for locking opens nothing"
    both = {"phone": OLD_NUMBER, "pin": PIN} | locking
    assert problem(await city.client.post("/v1/sign-in/emergency-locks", json=both)) == (400, "Malformed")
    await city.client.post("/v1/sign-in/emergency-locks", json={"phone": OLD_NUMBER} | locking)
    assert problem(await refreshed(city.client, lost.session["refresh_token"])) == (401, "RefreshRefused")


async def test_my_number_changes(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    phone = await binh_with_money(city, stand_ins, shop_qr)
    verification_id, _ = await phone.verify(BINH)
    sent = (await phone.post("/v1/me/phone-codes", {"phone": NEW_NUMBER})).json()
    wanted = {"challenge_id": sent["challenge_id"], "code": "000000", "verification_id": str(uuid4())}
    assert problem(await phone.put("/v1/me/phone", wanted)) == (403, "VerificationNeeded")
    assert (await phone.put("/v1/me/phone", wanted | {"verification_id": verification_id})).status_code == 204
    me = (await phone.get("/v1/me")).json()
    assert me["phone"] == NEW_NUMBER
    assert problem(await phone.pay(shop_qr)) == (403, "MoneyOutWaits")
    again = await a_phone(city, stand_ins, NEW_NUMBER)
    assert again.session["me"]["id"] == me["id"]
    whoever_gets_the_old_one = await a_phone(city, stand_ins, OLD_NUMBER)
    assert whoever_gets_the_old_one.session["me"]["id"] != me["id"]
    assert "Đã đổi số điện thoại" in await phone.inbox()


async def test_my_number_changed_and_the_old_phone_is_gone(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    old = await binh_with_money(city, stand_ins, shop_qr)
    new = await a_phone(city, stand_ins, NEW_NUMBER)
    assert new.session["me"]["id"] != old.session["me"]["id"]
    _, refused = await new.verify(BINH)
    assert problem(refused) == (409, "PersonHasAccount")
    _, moved = await new.verify(BINH, new_number=True)
    assert moved.json()["status"] == "moved"
    assert new.session["me"]["id"] == old.session["me"]["id"]
    assert (await new.get("/v1/wallet")).json()["available"] == 999_000
    assert (await new.get("/v1/me")).json()["phone"] == NEW_NUMBER
    assert (await new.unlock()).status_code == 201
    assert problem(await new.pay(shop_qr)) == (403, "MoneyOutWaits")
    assert problem(await refreshed(city.client, old.session["refresh_token"])) == (401, "RefreshRefused")
    assert "Đã đổi số điện thoại" in await new.inbox()


async def test_a_recycled_number_opens_nobodys_account(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    binh = await binh_with_money(city, stand_ins, shop_qr)
    stranger = await a_phone(city, stand_ins, OLD_NUMBER)
    assert stranger.session["confirmed"] is False
    for path in ("/v1/me", "/v1/wallet", "/v1/home", "/v1/wallet/movements", "/v1/notifications/inbox"):
        assert problem(await stranger.get(path)) == (403, "NotConfirmed"), path
    _, refused = await stranger.verify(THIEF)
    assert problem(refused) == (409, "IdentityDiffers")
    _, moved = await stranger.verify(THIEF, new_number=True)
    assert moved.json()["status"] == "moved"
    assert stranger.session["me"]["id"] != binh.session["me"]["id"]
    assert (await stranger.get("/v1/wallet")).json()["available"] == 0
    assert (await stranger.get("/v1/me")).json()["name"] == "Trần Văn Kẻ Lạ"
    assert problem(await refreshed(city.client, binh.session["refresh_token"])) == (401, "RefreshRefused")

    back = await a_phone(city, stand_ins, NEW_NUMBER)
    _, moved = await back.verify(BINH, new_number=True)
    assert (await back.get("/v1/wallet")).json()["available"] == 999_000
    assert {"Số điện thoại đã rời tài khoản", "Đã đổi số điện thoại"} <= set(await back.inbox())


async def test_an_account_in_use_gives_way_to_nobody(city: City, stand_ins: StandIns, shop_qr: str) -> None:
    await binh_with_money(city, stand_ins, shop_qr)
    in_use = await a_phone(city, stand_ins, NEW_NUMBER)
    assert (await in_use.put("/v1/me/pin", {"pin": PIN})).status_code == 204
    assert problem(await in_use.post("/v1/me/verifications", {})) == (403, "PinNeeded")
    assert (await in_use.unlock()).status_code == 201
    _, refused = await in_use.verify(BINH, new_number=True)
    assert problem(refused) == (409, "AccountInUse")
    assert (await in_use.get("/v1/me")).json()["phone"] == NEW_NUMBER


async def test_anothers_verification_is_none_of_mine(city: City, stand_ins: StandIns) -> None:
    """Whoever is sent a stranger's link and signs in at the provider verifies nobody but themselves."""
    attacker, victim = await a_phone(city, stand_ins, OLD_NUMBER), await a_phone(city, stand_ins, NEW_NUMBER)
    begun = (await attacker.post("/v1/me/verifications", {})).json()
    code, state = await stand_ins.consent(begun["authorize_url"], BINH)
    brought = {"code": code, "state": state}
    theirs = f"/v1/me/verifications/{begun['verification_id']}"
    assert problem(await victim.put(theirs, brought)) == (404, "NotFound")
    mine = (await victim.post("/v1/me/verifications", {})).json()
    swapped = await victim.put(f"/v1/me/verifications/{mine['verification_id']}", brought)
    assert problem(swapped)[0] in {400, 404}
    assert (await victim.get("/v1/me/level")).json()["level"] == 1


@pytest.mark.parametrize(
    ("mischief", "at", "refusal"),
    [("down", "token", (503, "ProviderFailed")), ("stale_auth", None, (403, "ProviderRefused"))],
)
async def test_a_verification_that_the_provider_spoils_is_over_and_the_next_is_good(
    city: City, stand_ins: StandIns, mischief: str, at: str | None, refusal: tuple[int, str]
) -> None:
    phone = await a_phone(city, stand_ins, NEW_NUMBER)
    await stand_ins.behave("citizen", mischief, at=at)
    verification_id, refused = await phone.verify(BINH)
    assert problem(refused) == refusal
    assert "retry-after" not in refused.headers
    assert (await phone.get(f"/v1/me/verifications/{verification_id}")).json()["status"] == "refused"
    _, verified = await phone.verify(BINH)
    assert verified.json()["status"] == "verified"


async def test_a_verification_whose_answer_was_lost_is_sent_again(city: City, stand_ins: StandIns) -> None:
    phone = await a_phone(city, stand_ins, NEW_NUMBER)
    begun = (await phone.post("/v1/me/verifications", {})).json()
    code, state = await stand_ins.consent(begun["authorize_url"], BINH)
    path, brought = f"/v1/me/verifications/{begun['verification_id']}", {"code": code, "state": state}
    lost, again = [await phone.put(path, brought) for _ in range(2)]
    assert (again.status_code, again.json()) == (200, lost.json())
    assert again.json() == {"level": 2, "status": "verified", "session": None}
    elsewhere = await a_phone(city, stand_ins, NEW_NUMBER)
    assert problem(await elsewhere.put(path, brought)) == (400, "UnknownFlow"), "it was another session's"
    assert problem(await elsewhere.get("/v1/me")) == (403, "NotConfirmed")


async def test_my_two_verifications_are_not_mixed_up(city: City, stand_ins: StandIns) -> None:
    phone = await a_phone(city, stand_ins, NEW_NUMBER)
    one, other = [(await phone.post("/v1/me/verifications", {})).json() for _ in range(2)]
    code, state = await stand_ins.consent(one["authorize_url"], BINH)
    paths = [f"/v1/me/verifications/{begun['verification_id']}" for begun in (other, one)]
    mixed, right = [await phone.put(path, {"code": code, "state": state}) for path in paths]
    assert problem(mixed) == (400, "UnknownFlow")
    assert right.json()["status"] == "verified"
    assert (await phone.get(paths[0])).json()["status"] == "pending"


@pytest.mark.parametrize(("app_url", "scheme"), [("", "http"), ("huong://app", "huong")])
async def test_the_browser_comes_back_to_the_app(
    city: City, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, app_url: str, scheme: str
) -> None:
    here = config.settings()
    settings = structs.replace(here, app_url=app_url or here.public_url)
    monkeypatch.setattr(verifications, "settings", lambda: settings)
    phone = await a_phone(city, stand_ins, NEW_NUMBER)
    begun = (await phone.post("/v1/me/verifications", {})).json()
    code, state = await stand_ins.consent(begun["authorize_url"], BINH)
    back = await city.client.get("/v1/verifications/callback", params={"code": code, "state": state, "x": "y"})
    assert back.status_code == 303
    location = httpx.URL(back.headers["location"])
    assert (location.scheme, location.path) == (scheme, "/verifications")
    assert dict(location.params) == {"code": code, "state": state}


async def test_a_known_device_signs_in_again_without_more_ado(
    city: City, stand_ins: StandIns, shop_qr: str, capsys: pytest.CaptureFixture[str]
) -> None:
    device_id = a_device()
    phone = await a_phone(city, stand_ins, OLD_NUMBER, device_id)
    await phone.put("/v1/me/pin", {"pin": PIN})
    again = await a_phone(city, stand_ins, OLD_NUMBER, device_id)
    assert again.session["confirmed"] is True
    elsewhere = await a_phone(city, stand_ins, OLD_NUMBER)
    assert elsewhere.session["confirmed"] is False
    assert printed(capsys) is not None
    assert (await elsewhere.unlock()).status_code == 201
    assert (await elsewhere.get("/v1/wallet")).status_code == 200
