"""Devices: listed, removed, given a key of their own; an id alone makes nobody a known device."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.identity import bearer as bearer_module
from tests.app.keys import KeyPair, own_device, send, set_key
from tests.app.phones import (
    PLAY_PHONE,
    a_device,
    ask_for_code,
    bearer,
    me,
    problem,
    redeem,
    refreshed,
    signed_in,
    unlock,
)
from tests.conftest import City, Later
from tests.makers import PIN, Resident, a_resident
from tests.statements import sql

OTHER_PLAY_PHONE = "+84900000778"


async def devices(client: httpx.AsyncClient, session: dict[str, Any]) -> list[dict[str, Any]]:
    """GET /v1/me/devices."""
    answer = await client.get("/v1/me/devices", headers=bearer(session))
    assert answer.status_code == 200
    return answer.json()


async def remove(client: httpx.AsyncClient, session: dict[str, Any], device_id: str) -> httpx.Response:
    """DELETE a device of mine."""
    return await client.delete(f"/v1/me/devices/{device_id}", headers=bearer(session))


# My devices


async def test_i_see_my_devices_the_one_seen_last_first(desk: httpx.AsyncClient, later: Later) -> None:
    old = await signed_in(desk, id=a_device(), name="Nokia")
    await later(5)
    mine = await signed_in(desk, id=a_device(), name="Firefox", platform="web")
    await signed_in(desk, OTHER_PLAY_PHONE, id=a_device(), name="Hers")
    seen = [
        (item["name"], item["platform"], item["current"], item["signed_in"]) for item in await devices(desk, mine)
    ]
    assert seen == [("Firefox", "web", True, True), ("Nokia", "android", False, True)]

    await later(5)
    await refreshed(desk, old["refresh_token"])
    assert [item["name"] for item in await devices(desk, mine)] == ["Nokia", "Firefox"]
    await desk.delete("/v1/sign-in/sessions/current", headers=bearer(old))
    assert [item["signed_in"] for item in await devices(desk, mine) if item["name"] == "Nokia"] == [False]


async def test_a_removed_device_is_signed_out_and_told_why(db: Connection, desk: httpx.AsyncClient) -> None:
    lost_id = a_device()
    lost, mine = await signed_in(desk, id=lost_id, name="Nokia"), await signed_in(desk, id=a_device(), name="Mới")
    await set_key(desk, lost["access_token"], KeyPair())
    assert (await me(desk, lost)).status_code == 200

    assert await db.fetchval(sql.key_of_device, UUID(lost_id)) is not None
    assert (await remove(desk, mine, lost_id)).status_code == 204
    assert await db.fetchval(sql.key_of_device, UUID(lost_id)) is None
    assert problem(await me(desk, lost)) == (401, "SignInRequired")
    refused = await refreshed(desk, lost["refresh_token"])
    assert problem(refused) == (401, "RefreshRefused")
    assert refused.json()["reason"] == "device_removed"
    assert [item["name"] for item in await devices(desk, mine)] == ["Mới"]
    assert problem(await remove(desk, mine, lost_id)) == (404, "NotFound")
    assert await db.fetch(sql.session_ends, UUID(mine["me"]["id"])) == [("device_removed",), (None,)]
    assert [row["action"] for row in await db.fetch(sql.audit_of, lost_id)] == [
        "identity.device_key_set",
        "identity.device_removed",
    ]


async def test_removing_a_device_counts_elsewhere_within_five_seconds(
    town: City, neighbour: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr(bearer_module, "monotonic", lambda: seconds)
    lost_id = a_device()
    lost, mine = await signed_in(town.client, id=lost_id), await signed_in(town.client)
    assert (await me(neighbour.client, lost)).status_code == 200
    assert (await remove(town.client, mine, lost_id)).status_code == 204
    assert (await me(town.client, lost)).status_code == 401
    seconds += 4.9
    assert (await me(neighbour.client, lost)).status_code == 401


async def test_i_remove_the_device_that_i_ask_from(desk: httpx.AsyncClient) -> None:
    mine = await signed_in(desk, id=(device_id := a_device()))
    assert (await remove(desk, mine, device_id)).status_code == 204
    assert problem(await me(desk, mine)) == (401, "SignInRequired")


async def test_nobody_removes_anothers_device_by_its_id(desk: httpx.AsyncClient) -> None:
    shared = a_device()
    mine, hers = await signed_in(desk, id=shared), await signed_in(desk, OTHER_PLAY_PHONE, id=shared)
    assert (await remove(desk, mine, shared)).status_code == 204
    assert (await me(desk, hers)).status_code == 200
    assert [item["id"] for item in await devices(desk, hers)] == [shared]


# Known or new


async def a_known_device(client: httpx.AsyncClient, db: Connection) -> tuple[Resident, str]:
    """A resident with a PIN, and the id of a device that has shown it."""
    resident = await a_resident(db)
    return resident, await own_device(client, resident.token)


async def sign_in_again(
    client: httpx.AsyncClient,
    db: Connection,
    resident: Resident,
    device_id: str,
    key: KeyPair | None = None,
    **changes: Any,
) -> httpx.Response:
    """Sign in on a device by its id, with the number that the resident has, and with a proof if there is a key."""
    await db.execute(sql.set_phone, resident.id, PLAY_PHONE)
    await db.execute(sql.forget_budgets)
    challenge_id = (await ask_for_code(client)).json()["challenge_id"]
    body = {"challenge_id": challenge_id, "code": "000000", "device": {"id": device_id, "name": "Nokia"}} | changes
    return await send(client, "POST", "/v1/sign-in/sessions", body, key=key)


async def test_a_removed_device_comes_back_as_a_new_one_however_often(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    resident, device_id = await a_known_device(desk, db)
    assert (await sign_in_again(desk, db, resident, device_id)).json()["confirmed"], "it was known before"
    session = (await sign_in_again(desk, db, resident, device_id)).json()
    assert (await remove(desk, session, device_id)).status_code == 204
    for _ in range(2):
        session = (await sign_in_again(desk, db, resident, device_id)).json()
        assert not session["confirmed"], "who found it and has the SIM must not be taken for its owner"
    opened = await desk.post("/v1/wallet/unlocks", headers=bearer(session), json={"pin": PIN})
    assert opened.status_code == 201
    assert [item["id"] for item in await devices(desk, session)] == [device_id]
    assert (await sign_in_again(desk, db, resident, device_id)).json()["confirmed"]


async def test_a_device_with_a_key_is_known_by_its_key(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, device_id = await a_known_device(desk, db)
    await set_key(desk, resident.token, key := KeyPair())
    session = (await sign_in_again(desk, db, resident, device_id, key)).json()
    assert session["confirmed"]
    assert [item["has_key"] for item in await devices(desk, session)] == [True]


async def test_whoever_has_the_number_and_a_devices_id_is_on_a_new_device(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    resident, device_id = await a_known_device(desk, db)
    await set_key(desk, resident.token, KeyPair())
    session = (await sign_in_again(desk, db, resident, device_id)).json()
    assert not session["confirmed"]
    assert problem(await me(desk, session)) == (403, "NotConfirmed")
    assert (
        await unlock(desk, Resident(resident.id, "", "", resident.session_id, session["access_token"]))
    ).is_success
    assert [item["has_key"] for item in await devices(desk, session)] == [False], "its next key is its own"
    assert (await refreshed(desk, session["refresh_token"])).status_code == 201


async def test_a_wrong_proof_at_sign_in_is_refused_and_costs_no_code(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, device_id = await a_known_device(desk, db)
    await set_key(desk, resident.token, key := KeyPair())
    refused = await sign_in_again(desk, db, resident, device_id, KeyPair())
    assert (problem(refused), refused.json()["why"]) == ((401, "PossessionRequired"), "key")
    await db.execute(sql.forget_budgets)
    challenge_id = (await ask_for_code(desk)).json()["challenge_id"]
    body = {"challenge_id": challenge_id, "code": "000000", "device": {"id": device_id, "name": "Nokia"}}
    assert problem(await send(desk, "POST", "/v1/sign-in/sessions", body, key=KeyPair())) == (
        401,
        "PossessionRequired",
    )
    assert (await send(desk, "POST", "/v1/sign-in/sessions", body, key=key)).json()["confirmed"]


# Its key


async def give_key(
    client: httpx.AsyncClient, session: dict[str, Any], device_id: str, key: KeyPair, old: KeyPair | None = None
) -> httpx.Response:
    """PUT a device's key, proved by the old one if it is given."""
    path, body = f"/v1/me/devices/{device_id}/key", {"public_key": key.jwk}
    return await send(client, "PUT", path, body, token=session["access_token"], key=old)


async def test_a_device_gets_a_key_once_and_its_owner_is_told(db: Connection, desk: httpx.AsyncClient) -> None:
    session, key = await signed_in(desk, id=(device_id := a_device()), name="Nokia"), KeyPair()
    assert [item["has_key"] for item in await devices(desk, session)] == [False]
    for _ in range(2):
        answer = await give_key(desk, session, device_id, key)
        assert (answer.status_code, answer.content) == (204, b"")
    assert [item["has_key"] for item in await devices(desk, session)] == [True]
    told = await db.fetch(sql.event_rows, "DeviceKeyAdded")
    assert [row["data"] for row in told] == [{"principal_id": session["me"]["id"], "device_name": "Nokia"}]
    [written] = await db.fetch(sql.audit_of, device_id)
    assert (written["action"], list(written["data"])) == ("identity.device_key_set", ["thumbprint"])


async def test_another_key_is_refused_unless_the_first_one_agrees(db: Connection, desk: httpx.AsyncClient) -> None:
    session, first, second = await signed_in(desk, id=(device_id := a_device())), KeyPair(), KeyPair()
    await give_key(desk, session, device_id, first)
    for old, why in ((None, "missing"), (second, "key")):
        refused = await give_key(desk, session, device_id, second, old)
        assert (problem(refused), refused.json()["why"]) == ((409, "DeviceKeyTaken"), why)
    assert (await give_key(desk, session, device_id, second, old=first)).status_code == 204
    assert problem(await give_key(desk, session, device_id, first, old=first)) == (409, "DeviceKeyTaken")
    assert (await give_key(desk, session, device_id, second)).status_code == 204, "it is the one it has"


async def test_a_device_sets_no_key_but_its_own(desk: httpx.AsyncClient) -> None:
    mine, other = await signed_in(desk, id=a_device()), await signed_in(desk, id=(other_id := a_device()))
    for device_id in (other_id, str(uuid4())):
        assert problem(await give_key(desk, mine, device_id, KeyPair())) == (404, "NotFound")
    assert [item["has_key"] for item in await devices(desk, other)] == [False, False]


async def test_a_session_that_is_not_confirmed_sets_no_key(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, _ = await a_known_device(desk, db)
    session = (await sign_in_again(desk, db, resident, device_id := a_device())).json()
    assert not session["confirmed"]
    assert problem(await give_key(desk, session, device_id, KeyPair())) == (403, "NotConfirmed")


_GOOD = KeyPair().jwk


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        (_GOOD | {"y": KeyPair().jwk["y"]}, "BadDeviceKey"),
        (_GOOD | {"x": "A" * 43, "y": "A" * 43}, "BadDeviceKey"),
        (_GOOD | {"x": "_" * 42 + "8"}, "BadDeviceKey"),
        (_GOOD | {"d": KeyPair().jwk["x"]}, "Malformed"),
        (_GOOD | {"kid": "1"}, "Malformed"),
        (_GOOD | {"crv": "P-384"}, "Malformed"),
        (_GOOD | {"kty": "RSA"}, "Malformed"),
        (_GOOD | {"x": _GOOD["x"][:-1]}, "Malformed"),
        (_GOOD | {"x": _GOOD["x"][:-1] + "B"}, "Malformed"),
        (_GOOD | {"x": _GOOD["x"] + "="}, "Malformed"),
        (_GOOD | {"x": 1}, "Malformed"),
        ({"kty": "oct", "k": "AAAA"}, "Malformed"),
        ({}, "Malformed"),
    ],
)
async def test_what_is_no_public_key_on_p256_is_refused(
    db: Connection, desk: httpx.AsyncClient, key: dict[str, Any], refusal: str
) -> None:
    resident = await a_resident(db)
    path = f"/v1/me/devices/{await own_device(desk, resident.token)}/key"
    answer = await send(desk, "PUT", path, {"public_key": key}, token=resident.token)
    assert problem(answer) == (400, refusal)


async def test_of_two_keys_at_once_one_stays(town: City, neighbour: City) -> None:
    session = await signed_in(town.client, id=(device_id := a_device()))
    keys = [KeyPair() for _ in range(10)]
    places = (town.client, neighbour.client) * 5
    answers = await asyncio.gather(
        *(give_key(place, session, device_id, key) for place, key in zip(places, keys, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [204] + [409] * 9
    [kept] = [key for key, answer in zip(keys, answers, strict=True) if answer.status_code == 204]
    assert (await give_key(town.client, session, device_id, kept)).status_code == 204


async def test_a_device_that_was_just_removed_elsewhere_gets_no_key(town: City, neighbour: City) -> None:
    lost, mine = await signed_in(town.client, id=(lost_id := a_device())), await signed_in(town.client)
    assert (await me(neighbour.client, lost)).status_code == 200
    assert (await remove(town.client, mine, lost_id)).status_code == 204
    assert problem(await give_key(neighbour.client, lost, lost_id, KeyPair())) == (404, "NotFound")


async def test_redeeming_is_as_it_was_without_a_key(desk: httpx.AsyncClient) -> None:
    """A header that nobody asked for is not looked at."""
    challenge_id = (await ask_for_code(desk)).json()["challenge_id"]
    assert (await redeem(desk, challenge_id, device={"id": a_device()})).status_code == 201
    session = await signed_in(desk, id=a_device())
    body = {"refresh_token": session["refresh_token"]}
    assert (await send(desk, "POST", "/v1/sign-in/refreshes", body, proof="nonsense")).status_code == 201
