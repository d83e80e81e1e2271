"""Proofs of possession: what a copied token cannot do without the device's key, and every way to prove it wrong."""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from app.clock import city_now
from app.db import Connection
from app.identity import possession
from app.identity.possession import Asked, PossessionRequired
from app.worker import SCHEDULE
from tests.app.keys import KeyPair, base64url, here, own_device, send, set_key, with_key
from tests.app.phones import a_device, bearer, me, problem, signed_in
from tests.conftest import City, Later
from tests.house.reading import ROOT
from tests.makers import PIN, Resident, a_resident
from tests.statements import sql

REFRESHES = "/v1/sign-in/refreshes"


def why(answer: httpx.Response) -> str:
    """Why a proof was refused; it is one of the names that the API knows."""
    assert problem(answer) == (401, "PossessionRequired"), answer.text
    return answer.json()["why"]


# Paying


async def a_payment(city: City) -> tuple[Resident, KeyPair, str, dict[str, Any]]:
    """A resident whose phone has a key, and a payment that the phone is about to make."""
    async with city.database.transaction() as db:
        payer, friend = await a_resident(db, balance=100_000), await a_resident(db)
    body = {"kind": "person", "phone": friend.phone, "amount": 1000}
    return payer, await with_key(city.client, payer), f"/v1/wallet/payments/{uuid4()}", body


async def test_a_phone_with_a_key_pays_with_a_proof_and_again_with_the_same(town: City) -> None:
    payer, key, path, body = await a_payment(town)
    sent = json.dumps(body).encode()
    proof = key.proof("PUT", path, sent, payer.token)
    assert (await send(town.client, "PUT", path, body, token=payer.token, proof=proof)).status_code == 201
    replayed = await send(town.client, "PUT", path, body, token=payer.token, proof=proof)
    assert replayed.status_code == 200, "it is the same payment"
    async with town.database.acquire() as db:
        assert await db.fetchval(sql.balance, payer.id) == 99_000


async def test_a_copied_access_token_pays_nothing(town: City) -> None:
    payer, _, path, body = await a_payment(town)
    assert why(await send(town.client, "PUT", path, body, token=payer.token)) == "missing"
    assert why(await send(town.client, "PUT", path, body, token=payer.token, key=KeyPair())) == "key"
    async with town.database.acquire() as db:
        assert await db.fetchval(sql.balance, payer.id) == 100_000


async def test_a_proof_of_one_payment_makes_no_other(town: City) -> None:
    payer, key, path, body = await a_payment(town)
    proof = key.proof("PUT", path, json.dumps(body).encode(), payer.token)
    other = f"/v1/wallet/payments/{uuid4()}"
    assert why(await send(town.client, "PUT", other, body, token=payer.token, proof=proof)) == "address"
    more = body | {"amount": 2000}
    assert why(await send(town.client, "PUT", path, more, token=payer.token, proof=proof)) == "body"


async def test_a_phone_without_a_key_is_asked_for_nothing(town: City) -> None:
    async with town.database.transaction() as db:
        payer, friend = await a_resident(db, balance=100_000), await a_resident(db)
    body = {"kind": "person", "phone": friend.phone, "amount": 1000}
    for proof in (None, "nonsense"):
        path = f"/v1/wallet/payments/{uuid4()}"
        assert (await send(town.client, "PUT", path, body, token=payer.token, proof=proof)).status_code == 201


async def test_a_key_counts_from_the_moment_it_is_set(town: City) -> None:
    async with town.database.transaction() as db:
        payer = await a_resident(db)
    assert (await town.client.get("/v1/me", headers=payer.headers)).status_code == 200, (
        "it is remembered, without one"
    )
    await with_key(town.client, payer)
    body = {"kind": "person", "phone": "0905123456", "amount": 1000}
    assert why(await send(town.client, "PUT", f"/v1/wallet/payments/{uuid4()}", body, token=payer.token)) == "missing"


# Every way to prove it wrong

PATH = f"/v1/wallet/payments/{uuid4()}"
BODY = b'{"amount": 1000}'
TOKEN = "t" * 43
KEY, OTHER = KeyPair(), KeyPair()
MAC = base64url(sha256(b"").digest())


def shown(*proofs: str) -> Asked:
    """The request, with these proofs."""
    return Asked(proofs, "PUT", PATH, BODY, TOKEN)


def proof(**changes: Any) -> str:
    """A proof of the request, but for what is changed."""
    return KEY.proof("PUT", PATH, BODY, TOKEN, **changes)


def der(data: bytes) -> bytes:
    """A signature as TLS has it, and as many keystores give it."""
    return KEY.private.sign(data, ec.ECDSA(SHA256()))


def by_hmac(data: bytes) -> bytes:
    """What somebody sends who hopes that the public key is taken for a secret."""
    return hmac.digest(json.dumps(KEY.jwk).encode(), data, "sha256")


def nothing(_: bytes) -> bytes:
    """No signature."""
    return b""


def zeros(_: bytes) -> bytes:
    """The signature that some libraries once took for a good one (CVE-2022-21449)."""
    return bytes(64)


def now() -> int:
    return int(city_now().timestamp())


GOOD: dict[str, Callable[[], str]] = {
    "as it should be": proof,
    "a query is none of its business": lambda: proof(claims={"htu": here(PATH) + "?a=b#c"}),
    "a host is no matter of case": lambda: proof(claims={"htu": here(PATH).replace("http://", "HTTP://")}),
    "two minutes slow": lambda: proof(claims={"iat": now() - 119}),
    "two minutes fast": lambda: proof(claims={"iat": now() + 119}),
    "with parts of a second": lambda: proof(claims={"iat": now() + 0.5}),
    "the type is no matter of case": lambda: proof(header={"typ": "DPoP+JWT"}),
    "a key may have a name": lambda: proof(header={"jwk": KEY.jwk | {"kid": "1", "use": "sig"}}),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_good_proof(make: Callable[[], str]) -> None:
    assert len(possession.verify(shown(make()), KEY.jwk)) == 36


BAD: dict[str, tuple[str, Callable[[], str]]] = {
    "nothing": ("malformed", lambda: ""),
    "no JWS": ("malformed", lambda: "a.b"),
    "no base64": ("malformed", lambda: "$.$.$"),
    "no JSON": ("malformed", lambda: f"{base64url(b'x')}.{base64url(b'x')}.{MAC}"),
    "no object": ("malformed", lambda: f"{base64url(b'[]')}.{base64url(b'[]')}.{MAC}"),
    "too deep": ("malformed", lambda: f"{base64url(b'[' * 300)}.{base64url(b'[' * 900)}.{MAC}"),
    "no UTF-8": ("malformed", lambda: f"{base64url(bytes([255]))}.{base64url(b'{}')}.{MAC}"),
    "not ASCII": ("malformed", lambda: "ký.tên.nhé"),
    "another type": ("malformed", lambda: proof(header={"typ": "JWT"})),
    "no type": ("malformed", lambda: proof(header={"typ": None})),
    "no algorithm": ("malformed", lambda: proof(header={"alg": "none"}, sign=nothing)),
    "a MAC": ("malformed", lambda: proof(header={"alg": "HS256"}, sign=by_hmac)),
    "another algorithm": ("malformed", lambda: proof(header={"alg": "RS256"})),
    "a number for an algorithm": ("malformed", lambda: proof(header={"alg": 1})),
    "something critical": ("malformed", lambda: proof(header={"crit": ["b64"], "b64": False})),
    "no key": ("malformed", lambda: proof(header={"jwk": None})),
    "a key with its private half": ("malformed", lambda: proof(header={"jwk": KEY.jwk | {"d": KEY.jwk["x"]}})),
    "a symmetric key": ("malformed", lambda: proof(header={"jwk": {"kty": "oct", "k": "AAAA"}})),
    "another's key": ("key", lambda: OTHER.proof("PUT", PATH, BODY, TOKEN)),
    "another curve": ("key", lambda: proof(header={"jwk": KEY.jwk | {"crv": "P-384"}})),
    "a key written otherwise": ("key", lambda: proof(header={"jwk": KEY.jwk | {"x": KEY.jwk["x"] + "="}})),
    "another's signature": ("signature", lambda: proof(sign=OTHER.sign)),
    "a signature in DER": ("signature", lambda: proof(sign=der)),
    "no signature": ("signature", lambda: proof(sign=nothing)),
    "zeros": ("signature", lambda: proof(sign=zeros)),
    "another method": ("method", lambda: proof(claims={"htm": "POST"})),
    "the method in small letters": ("method", lambda: proof(claims={"htm": "put"})),
    "no method": ("malformed", lambda: proof(claims={"htm": None})),
    "another path": ("address", lambda: proof(claims={"htu": here("/v1/me/pin")})),
    "a path beneath": ("address", lambda: proof(claims={"htu": here(PATH) + "/"})),
    "another host": ("address", lambda: proof(claims={"htu": f"https://evil.example{PATH}"})),
    "another port": ("address", lambda: proof(claims={"htu": f"http://localhost:1{PATH}"})),
    "another scheme": ("address", lambda: proof(claims={"htu": here(PATH).replace("http", "https")})),
    "no address at all": ("address", lambda: proof(claims={"htu": "http://[::1"})),
    "only a path": ("address", lambda: proof(claims={"htu": PATH})),
    "too old": ("time", lambda: proof(claims={"iat": now() - 122})),
    "from the future": ("time", lambda: proof(claims={"iat": now() + 122})),
    "from never": ("time", lambda: proof(claims={"iat": 1e308})),
    "a time in words": ("malformed", lambda: proof(claims={"iat": "now"})),
    "a time beyond all": ("malformed", lambda: proof(claims={"iat": 10**400})),
    "no time": ("malformed", lambda: proof(claims={"iat": None})),
    "another's token": ("token", lambda: proof(claims={"ath": MAC})),
    "no token": ("token", lambda: proof(claims={"ath": None})),
    "another body": ("body", lambda: proof(claims={"bod": MAC})),
    "no body": ("malformed", lambda: proof(claims={"bod": None})),
    "a short name": ("malformed", lambda: proof(claims={"jti": "1234567"})),
    "a long name": ("malformed", lambda: proof(claims={"jti": "x" * 129})),
    "a name with a NUL": ("malformed", lambda: proof(claims={"jti": "12345678\0"})),
    "a name with a line break": ("malformed", lambda: proof(claims={"jti": "12345678\n"})),
    "no name": ("malformed", lambda: proof(claims={"jti": None})),
}


@pytest.mark.parametrize(("reason", "make"), BAD.values(), ids=BAD)
def test_a_bad_proof(reason: str, make: Callable[[], str]) -> None:
    with pytest.raises(PossessionRequired) as refused:
        possession.verify(shown(make()), KEY.jwk)
    assert refused.value.members["why"] == reason


def test_two_proofs_are_one_too_many() -> None:
    with pytest.raises(PossessionRequired) as refused:
        possession.verify(shown(proof(), proof()), KEY.jwk)
    assert refused.value.members["why"] == "malformed"


def test_a_phone_learns_by_how_much_its_clock_is_off() -> None:
    with pytest.raises(PossessionRequired) as refused:
        possession.verify(shown(proof(claims={"iat": now() - 3600})), KEY.jwk)
    assert abs(refused.value.members["now"] - now()) < 5


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: f"{base64url(data)}.{base64url(data)}.AAAA"))
def test_no_garbage_is_more_than_refused(garbage: str) -> None:
    with pytest.raises(PossessionRequired):
        possession.verify(shown(garbage), KEY.jwk)


async def test_two_headers_are_refused_at_the_door(desk: httpx.AsyncClient, db: Connection) -> None:
    resident = await a_resident(db)
    key = await with_key(desk, resident)
    path, body = f"/v1/me/devices/{await own_device(desk, resident.token)}", b""
    twice = [("dpop", key.proof("DELETE", path, body, resident.token)) for _ in range(2)]
    headers = [("authorization", f"Bearer {resident.token}"), *twice]
    assert why(await desk.delete(path, headers=headers)) == "malformed"
    assert (await desk.delete(path, headers=headers[:2])).status_code == 204


# Refreshing


async def a_session_with_a_key(client: httpx.AsyncClient, **device: str) -> tuple[dict[str, Any], KeyPair]:
    """Somebody signed in on a device that has a key."""
    session = await signed_in(client, id=a_device(), **device)
    await set_key(client, session["access_token"], key := KeyPair())
    return session, key


async def refreshed(
    client: httpx.AsyncClient, session: dict[str, Any], key: KeyPair | None = None, proof: str | None = None
) -> httpx.Response:
    """POST the refresh token, proved by the key or with a proof that is given."""
    body = {"refresh_token": session["refresh_token"]}
    return await send(client, "POST", REFRESHES, body, key=key, proof=proof)


def a_proof(session: dict[str, Any], key: KeyPair) -> str:
    """One that can be shown more than once."""
    return key.proof("POST", REFRESHES, json.dumps({"refresh_token": session["refresh_token"]}).encode())


async def test_a_device_with_a_key_refreshes_with_a_proof(desk: httpx.AsyncClient) -> None:
    session, key = await a_session_with_a_key(desk)
    renewed = (await refreshed(desk, session, key)).json()
    assert (await me(desk, renewed)).status_code == 200
    assert (await refreshed(desk, renewed, key)).status_code == 201


async def test_a_copied_refresh_token_opens_nothing_and_ends_nothing(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    session, key = await a_session_with_a_key(desk)
    assert why(await refreshed(desk, session)) == "missing"
    assert why(await refreshed(desk, session, KeyPair())) == "key"
    assert await db.fetchrow(sql.refresh_tokens, UUID(session["me"]["id"])) == (1, 0)
    renewed = (await refreshed(desk, session, key)).json()
    await later(61)
    assert why(await refreshed(desk, session)) == "missing", "a token that was used before does no more"
    assert await db.fetch(sql.session_ends, UUID(session["me"]["id"])) == [(None,)]
    assert (await refreshed(desk, renewed, key)).status_code == 201


async def test_a_used_token_ends_the_session_if_it_comes_with_the_key(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    session, key = await a_session_with_a_key(desk)
    await refreshed(desk, session, key)
    await later(61)
    refused = await refreshed(desk, session, key)
    assert (problem(refused), refused.json()["reason"]) == ((401, "RefreshRefused"), "refresh_reused")
    assert await db.fetch(sql.session_ends, UUID(session["me"]["id"])) == [("refresh_reused",)]


async def test_a_proof_is_shown_once(desk: httpx.AsyncClient) -> None:
    session, key = await a_session_with_a_key(desk)
    proof = a_proof(session, key)
    assert (await refreshed(desk, session, proof=proof)).status_code == 201
    assert why(await refreshed(desk, session, proof=proof)) == "replayed"


async def test_after_a_lost_answer_a_new_proof_gets_it_again(desk: httpx.AsyncClient, later: Later) -> None:
    session, key = await a_session_with_a_key(desk)
    lost = (await refreshed(desk, session, key)).json()
    await later(20)
    again = (await refreshed(desk, session, key)).json()
    assert again == lost | {"expires_in": 880}


async def test_twenty_refreshes_at_once_with_one_proof_have_one_child(town: City, neighbour: City) -> None:
    session, key = await a_session_with_a_key(town.client)
    proof, places = a_proof(session, key), (town.client, neighbour.client) * 10
    answers = await asyncio.gather(*(refreshed(place, session, proof=proof) for place in places))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 19
    assert {why(answer) for answer in answers if answer.status_code == 401} == {"replayed"}
    async with town.database.acquire() as db:
        ends = await db.fetch(sql.session_ends, UUID(session["me"]["id"]))
    assert ends[-1] == (None,), "and the session goes on"
    [renewed] = [answer.json() for answer in answers if answer.status_code == 201]
    assert (await refreshed(town.client, renewed, key)).status_code == 201


async def test_twenty_refreshes_at_once_with_a_proof_each_have_one_child(town: City, neighbour: City) -> None:
    session, key = await a_session_with_a_key(town.client)
    places = (town.client, neighbour.client) * 10
    answers = await asyncio.gather(*(refreshed(place, session, key) for place in places))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_an_access_token_beside_a_refresh_is_bound_too(desk: httpx.AsyncClient) -> None:
    session, key = await a_session_with_a_key(desk)
    body = {"refresh_token": session["refresh_token"]}
    unbound = a_proof(session, key)
    refused = await send(desk, "POST", REFRESHES, body, proof=unbound, headers=bearer(session))
    assert why(refused) == "token"
    bound = await send(desk, "POST", REFRESHES, body, key=key, token=session["access_token"])
    assert bound.status_code == 201


async def test_a_browser_proves_a_refresh_without_a_body(desk: httpx.AsyncClient) -> None:
    _, key = await a_session_with_a_key(desk, platform="web")
    [(name, token)] = desk.cookies.items()
    desk.cookies.clear()
    cookie = {"cookie": f"{name}={token}"}
    assert why(await send(desk, "POST", REFRESHES, headers=cookie)) == "missing"
    answer = await send(desk, "POST", REFRESHES, headers=cookie, key=key)
    assert answer.status_code == 201
    assert answer.headers["set-cookie"].startswith("huong_refresh=")


async def test_old_proofs_are_forgotten_when_they_are_too_old_to_be_shown(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    session, key = await a_session_with_a_key(desk)
    proof = key.proof(
        "POST",
        REFRESHES,
        json.dumps({"refresh_token": session["refresh_token"]}).encode(),
        claims={"iat": now() + possession.SKEW_S},
    )
    assert (await refreshed(desk, session, proof=proof)).status_code == 201
    await later(2 * possession.SKEW_S - 1)
    await possession.forget_old(db)
    assert why(await refreshed(desk, session, proof=proof)) == "replayed", "it could still be shown"
    await later(62)
    await possession.forget_old(db)
    assert await db.fetchval(sql.proofs_kept) == 0
    assert why(await refreshed(desk, session, proof=proof)) == "time"
    assert "forget_proofs" in {scheduled.name for scheduled in SCHEDULE}


# What else counts

Deed = Callable[[httpx.AsyncClient, Resident], Awaitable[tuple[str, str, Any]]]


async def change_pin(client: httpx.AsyncClient, who: Resident) -> tuple[str, str, Any]:
    return "PUT", "/v1/me/pin", {"pin": "846201", "old_pin": PIN}


async def add_passkey(client: httpx.AsyncClient, who: Resident) -> tuple[str, str, Any]:
    return "PUT", f"/v1/me/passkeys/{uuid4()}", {"name": "Máy của mẹ", "credential": {}}


async def remove_device(client: httpx.AsyncClient, who: Resident) -> tuple[str, str, Any]:
    return "DELETE", f"/v1/me/devices/{await own_device(client, who.token)}", None


@pytest.mark.parametrize(
    ("deed", "done"), [(change_pin, 204), (add_passkey, 404), (remove_device, 204)], ids=["pin", "passkey", "device"]
)
async def test_what_counts_needs_a_proof_where_there_is_a_key(
    db: Connection, desk: httpx.AsyncClient, deed: Deed, done: int
) -> None:
    resident = await a_resident(db)
    key = await with_key(desk, resident)
    method, path, body = await deed(desk, resident)
    assert why(await send(desk, method, path, body, token=resident.token)) == "missing"
    assert why(await send(desk, method, path, body, token=resident.token, key=KeyPair())) == "key"
    assert (await send(desk, method, path, body, token=resident.token, key=key)).status_code == done


async def test_a_proof_of_a_changed_pin_changes_no_pin_again(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    key = await with_key(desk, resident)
    method, path, body = await change_pin(desk, resident)
    proof = key.proof(method, path, json.dumps(body).encode(), resident.token)
    assert (await send(desk, method, path, body, token=resident.token, proof=proof)).status_code == 204
    assert why(await send(desk, method, path, body, token=resident.token, proof=proof)) == "replayed"


async def test_looking_needs_no_proof(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    await with_key(desk, resident)
    for path in ("/v1/me", "/v1/wallet", "/v1/me/devices", "/v1/me/passkeys"):
        assert (await desk.get(path, headers=resident.headers)).status_code == 200


# What client developers read

DOCS = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")


async def test_the_example_of_the_documentation_works(db: Connection, desk: httpx.AsyncClient) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    example: dict[str, Any] = {}
    exec(code, example)
    resident, private = await a_resident(db), ec.generate_private_key(ec.SECP256R1())
    device_id = await own_device(desk, resident.token)
    path, body = f"/v1/me/devices/{device_id}/key", {"public_key": example["public_jwk"](private)}
    assert (await send(desk, "PUT", path, body, token=resident.token)).status_code == 204

    changed = {"pin": "846201", "old_pin": PIN}
    sent = json.dumps(changed).encode()
    proof = example["proof"](private, "PUT", here("/v1/me/pin"), sent, resident.token)
    answer = await send(desk, "PUT", "/v1/me/pin", changed, token=resident.token, proof=proof)
    assert answer.status_code == 204, answer.text


def test_the_fixed_values_of_the_documentation_are_right() -> None:
    for text in (b'{"pin": "258036"}', b"example-access-token"):
        assert f"`{base64url(sha256(text).digest())}`" in DOCS


def test_the_documentation_names_every_reason() -> None:
    named = {name for row in re.findall(r"^\| (`.*?) \|", DOCS, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert set(possession.Why.__args__) <= named
