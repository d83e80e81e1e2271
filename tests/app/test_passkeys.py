"""Passkeys, with an authenticator in software that also does everything wrong that one can do."""

import asyncio
from collections.abc import Callable
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import cbor2
import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.db import Connection
from app.errors import NotFound
from app.identity import passkeys, sessions
from app.identity.models import RegisterPasskey
from tests.app.authenticator import PRESENT, VERIFIED, Authenticator, decoded
from tests.app.keys import base64url
from tests.app.phones import all_but_request_id, problem
from tests.conftest import City, Later
from tests.makers import Resident, a_resident
from tests.statements import sql

PATH = "/v1/me/passkeys"
NAME = "Máy của mẹ"


async def begin(client: httpx.AsyncClient, who: Resident) -> dict[str, Any]:
    """POST: the passkey's id and what the browser takes."""
    answer = await client.post(PATH, headers=who.headers, json={})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def finish(
    client: httpx.AsyncClient, who: Resident, passkey_id: str, credential: dict[str, Any], name: str = NAME
) -> httpx.Response:
    """PUT what the browser made."""
    return await client.put(
        f"{PATH}/{passkey_id}", headers=who.headers, json={"name": name, "credential": credential}
    )


async def added(
    client: httpx.AsyncClient, who: Resident, authenticator: Authenticator | None = None, name: str = NAME
) -> dict[str, Any]:
    """Both steps; the passkey as it is listed."""
    begun = await begin(client, who)
    credential = (authenticator or Authenticator()).create(begun["options"])
    answer = await finish(client, who, begun["passkey_id"], credential, name)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(client: httpx.AsyncClient, who: Resident) -> list[dict[str, Any]]:
    """GET /v1/me/passkeys."""
    return (await client.get(PATH, headers=who.headers)).json()


# Adding one


async def test_i_add_a_passkey_and_am_told(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    assert await listed(desk, resident) == []
    passkey = await added(desk, resident)
    assert (passkey["name"], passkey["used_at"]) == (NAME, None)
    assert passkey.keys() == {"id", "name", "registered_at", "used_at"}
    assert await listed(desk, resident) == [passkey]
    [event] = await db.fetch(sql.event_rows, "PasskeyAdded")
    assert event["data"] == {"principal_id": str(resident.id), "passkey_name": NAME}
    [written] = await db.fetch(sql.audit_of, passkey["id"])
    assert (written["action"], written["actor_id"]) == ("identity.passkey_added", resident.id)


async def test_the_browser_is_told_what_it_needs(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator = await a_resident(db, name="Lê Thị Ngự Bình"), Authenticator()
    await added(desk, resident, authenticator)
    options = (await begin(desk, resident))["options"]
    assert options["rp"] == {"id": "localhost", "name": "Hương"}
    assert decoded(options["user"]["id"]) == resident.id.bytes
    assert options["user"]["displayName"] == "Lê Thị Ngự Bình"
    assert resident.phone not in str(options)
    assert len(decoded(options["challenge"])) >= 32
    assert options["authenticatorSelection"]["residentKey"] == "preferred"
    assert {item["alg"] for item in options["pubKeyCredParams"]} == {-7, -8, -257}
    [excluded] = options["excludeCredentials"]
    assert decoded(excluded["id"]) in authenticator.keys
    assert excluded["transports"] == ["internal", "hybrid"]


async def test_it_takes_an_unlocked_wallet_to_begin(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db, unlocked=False)
    assert problem(await desk.post(PATH, headers=resident.headers, json={})) == (403, "PinNeeded")
    await db.execute(sql.unlock, resident.session_id)
    begun = await begin(desk, resident)
    await db.execute(sql.lock, resident.session_id)
    assert problem(await desk.post(PATH, headers=resident.headers, json={})) == (403, "PinNeeded")
    credential = Authenticator().create(begun["options"])
    assert (await finish(desk, resident, begun["passkey_id"], credential)).status_code == 200, "it was begun in time"


async def test_a_challenge_lives_five_minutes_and_is_forgotten(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    resident = await a_resident(db)
    begun = await begin(desk, resident)
    credential = Authenticator().create(begun["options"])
    await later(301)
    assert problem(await finish(desk, resident, begun["passkey_id"], credential)) == (404, "NotFound")
    await sessions.forget_old(db)
    assert await db.fetchval(sql.passkey_rows, resident.id) == 1
    await later(3601)
    await sessions.forget_old(db)
    assert await db.fetchval(sql.passkey_rows, resident.id) == 0


async def test_after_a_lost_answer_it_is_answered_again(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator = await a_resident(db), Authenticator()
    begun = await begin(desk, resident)
    credential = authenticator.create(begun["options"])
    first = await finish(desk, resident, begun["passkey_id"], credential)
    again = await finish(desk, resident, begun["passkey_id"], credential)
    assert (again.status_code, again.content) == (200, first.content)
    assert len(await db.fetch(sql.event_rows, "PasskeyAdded")) == 1
    other = Authenticator().create(begun["options"])
    assert problem(await finish(desk, resident, begun["passkey_id"], other)) == (409, "PasskeyKnown")


async def test_one_credential_is_not_registered_twice(db: Connection, desk: httpx.AsyncClient) -> None:
    mine, hers = await a_resident(db), await a_resident(db)
    name, other = token_bytes(32), Authenticator()
    begun = await begin(desk, mine)
    assert (
        await finish(desk, mine, begun["passkey_id"], other.create(begun["options"], credential_id=name))
    ).is_success
    begun = await begin(desk, hers)
    stolen = Authenticator().create(begun["options"], credential_id=name)
    assert problem(await finish(desk, hers, begun["passkey_id"], stolen)) == (409, "PasskeyKnown")
    assert await listed(desk, hers) == []


async def test_anothers_challenge_looks_like_none(db: Connection, desk: httpx.AsyncClient) -> None:
    mine, hers = await a_resident(db), await a_resident(db)
    begun = await begin(desk, hers)
    credential = Authenticator().create(begun["options"])
    theirs = await finish(desk, mine, begun["passkey_id"], credential)
    unknown = await finish(desk, mine, str(uuid4()), credential)
    assert problem(theirs) == (404, "NotFound")
    assert all_but_request_id(theirs) == all_but_request_id(unknown)


async def test_there_may_be_ten(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    begun = await begin(desk, resident)
    *_, last = [await added(desk, resident, name=f"Khóa {n}") for n in range(10)]
    assert problem(await desk.post(PATH, headers=resident.headers, json={})) == (409, "TooManyPasskeys")
    credential = Authenticator().create(begun["options"])
    assert problem(await finish(desk, resident, begun["passkey_id"], credential)) == (409, "TooManyPasskeys")
    assert (await desk.delete(f"{PATH}/{last['id']}", headers=resident.headers)).status_code == 204
    assert (await finish(desk, resident, begun["passkey_id"], credential)).status_code == 200
    assert [item["name"] for item in await listed(desk, resident)] == [*(f"Khóa {n}" for n in range(9)), NAME]


async def test_there_are_ten_though_many_come_at_once(town: City, neighbour: City) -> None:
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    begun = [await begin(town.client, resident) for _ in range(14)]
    places = (town.client, neighbour.client) * 7
    answers = await asyncio.gather(
        *(
            finish(place, resident, one["passkey_id"], Authenticator().create(one["options"]))
            for place, one in zip(places, begun, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 4
    assert len(await listed(town.client, resident)) == 10


async def test_beginning_has_a_budget(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    await begin(desk, resident)
    await db.execute(sql.use_up_budget, f"passkey {resident.id}", 30)
    assert problem(await desk.post(PATH, headers=resident.headers, json={})) == (429, "TooManyRequests")


# What is wrong with it

Options = dict[str, Any]
Change = Callable[[dict[str, Any]], dict[str, Any]]


def with_response(**changes: Any) -> Change:
    """The credential with another response."""
    return lambda credential: credential | {"response": credential["response"] | changes}


def with_attestation(**changes: Any) -> Change:
    """The credential with another attestation object."""

    def change(credential: dict[str, Any]) -> dict[str, Any]:
        attestation = cbor2.loads(decoded(credential["response"]["attestationObject"])) | changes
        return with_response(attestationObject=base64url(cbor2.dumps(attestation)))(credential)

    return change


def cut(credential: dict[str, Any]) -> dict[str, Any]:
    """Without its public key."""
    data = cbor2.loads(decoded(credential["response"]["attestationObject"]))["authData"]
    return with_attestation(authData=data[:80])(credential)


WRONG: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "our host without its port": {"origin": "http://localhost"},
    "another party": {"party": "evil.example"},
    "nobody verified": {"flags": PRESENT},
    "nobody present": {"flags": VERIFIED},
    "backed up without being eligible": {"flags": PRESENT | VERIFIED | 0x10},
    "another challenge": {"challenge": b"another challenge of a fair length"},
    "no challenge": {"challenge": b""},
}


@pytest.mark.parametrize("wrong", [*WRONG.values(), {"type": "webauthn.get"}], ids=[*WRONG, "an assertion"])
async def test_an_authenticator_that_misbehaves_is_refused(
    db: Connection, desk: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    resident = await a_resident(db)
    begun = await begin(desk, resident)
    refused = await finish(desk, resident, begun["passkey_id"], Authenticator().create(begun["options"], **wrong))
    assert problem(refused) == (400, "PasskeyRefused")
    right = await finish(desk, resident, begun["passkey_id"], Authenticator().create(begun["options"]))
    assert right.status_code == 200, "and the challenge is still good"


GARBLED: dict[str, Change] = {
    "empty": lambda _: {},
    "no id": lambda credential: credential | {"id": None},
    "another id": lambda credential: credential | {"id": base64url(b"x" * 32)},
    "another name than the authenticator's": lambda credential: (
        credential | {"id": base64url(b"x" * 32), "rawId": base64url(b"x" * 32)}
    ),
    "an id that is no base64": lambda credential: credential | {"rawId": "chìa khóa"},
    "another type": lambda credential: credential | {"type": "password"},
    "no response": lambda credential: credential | {"response": []},
    "client data that is no JSON": with_response(clientDataJSON=base64url(b"{")),
    "client data that is a list": with_response(clientDataJSON=base64url(b"[]")),
    "client data that is too deep": with_response(clientDataJSON=base64url(b"[" * 20_000)),
    "client data that is no text": with_response(clientDataJSON=base64url(bytes([255, 254]))),
    "an attestation that is no CBOR": with_response(attestationObject=base64url(b"\xff\xff")),
    "an attestation that is too deep": with_response(attestationObject=base64url(b"\x81" * 20_000)),
    "an attestation that says it is huge": with_response(attestationObject=base64url(b"\x5b" + b"\x7f" * 8)),
    "an attestation of no kind": with_attestation(fmt="homemade"),
    "an attestation with a statement": with_attestation(attStmt={"sig": b"x"}),
    "a packed attestation that holds nothing": with_attestation(fmt="packed"),
    "a packed attestation by nobody": with_attestation(fmt="packed", attStmt={"alg": -7, "sig": b"x"}),
    "no data": with_attestation(authData=b""),
    "data that is no bytes": with_attestation(authData=17),
    "half of the data": cut,
}


@pytest.mark.parametrize("change", GARBLED.values(), ids=GARBLED)
async def test_what_is_no_credential_is_refused(db: Connection, desk: httpx.AsyncClient, change: Change) -> None:
    resident = await a_resident(db)
    begun = await begin(desk, resident)
    credential = change(Authenticator().create(begun["options"]))
    assert problem(await finish(desk, resident, begun["passkey_id"], credential)) == (400, "PasskeyRefused")


async def test_a_name_of_a_credential_that_is_too_long_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    begun = await begin(desk, resident)
    for length, said in ((1024, 400), (5000, 400), (1023, 200)):
        credential = Authenticator().create(begun["options"], credential_id=token_bytes(length))
        assert (await finish(desk, resident, begun["passkey_id"], credential)).status_code == said


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
_members = st.sampled_from(
    ["id", "rawId", "type", "response", "clientDataJSON", "attestationObject", "authenticatorData", "signature"]
)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.dictionaries(_members, _json, max_size=8))
async def test_no_garbage_is_more_than_refused(db: Connection, garbage: dict[str, Any]) -> None:
    resident = await a_resident(db)
    begun = await passkeys.begin(db, resident.me)
    with pytest.raises(passkeys.PasskeyRefused):
        await passkeys.register(db, resident.me, begun.passkey_id, RegisterPasskey(name=NAME, credential=garbage))
    with pytest.raises(passkeys.PasskeyRefused):
        await passkeys.check_assertion(db, resident.id, token_bytes(32), garbage)


# Removing one


async def test_a_removed_passkey_proves_nothing(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, kept, lost = await a_resident(db), Authenticator(), Authenticator()
    await added(desk, resident, kept, "Ở nhà")
    passkey = await added(desk, resident, lost, "Bị mất")
    challenge = token_bytes(32)
    options = await passkeys.assertion_options(db, resident.id, challenge)
    shown = lost.get(options)

    assert (await desk.delete(f"{PATH}/{passkey['id']}", headers=resident.headers)).status_code == 204
    assert [item["name"] for item in await listed(desk, resident)] == ["Ở nhà"]
    with pytest.raises(passkeys.PasskeyRefused):
        await passkeys.check_assertion(db, resident.id, challenge, shown)
    options = await passkeys.assertion_options(db, resident.id, challenge)
    assert {decoded(item["id"]) for item in options["allowCredentials"]} == kept.keys.keys()
    assert problem(await desk.delete(f"{PATH}/{passkey['id']}", headers=resident.headers)) == (404, "NotFound")
    actions = [row["action"] for row in await db.fetch(sql.audit_of, passkey["id"])]
    assert actions == ["identity.passkey_added", "identity.passkey_removed"]


async def test_one_that_was_only_begun_cannot_be_removed(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    begun = await begin(desk, resident)
    assert problem(await desk.delete(f"{PATH}/{begun['passkey_id']}", headers=resident.headers)) == (404, "NotFound")
    with pytest.raises(NotFound):
        await passkeys.remove(db, resident.me, UUID(begun["passkey_id"]))


# Showing one


async def a_holder(
    db: Connection, client: httpx.AsyncClient, *, counts: bool = True
) -> tuple[Resident, Authenticator, bytes, Options]:
    """A resident with a passkey, a challenge, and what the browser is given of it."""
    resident, authenticator = await a_resident(db), Authenticator(counts=counts)
    await added(client, resident, authenticator)
    challenge = token_bytes(32)
    return resident, authenticator, challenge, await passkeys.assertion_options(db, resident.id, challenge)


async def test_a_passkey_signs_a_challenge(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator, challenge, options = await a_holder(db, desk)
    assert (options["rpId"], options["userVerification"]) == ("localhost", "required")
    assert decoded(options["challenge"]) == challenge
    await passkeys.check_assertion(db, resident.id, challenge, authenticator.get(options))
    [passkey] = await listed(desk, resident)
    assert passkey["used_at"] is not None


@pytest.mark.parametrize("wrong", [*WRONG.values(), {"type": "webauthn.create"}], ids=[*WRONG, "an attestation"])
async def test_an_assertion_that_misbehaves_is_refused(
    db: Connection, desk: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    resident, authenticator, challenge, options = await a_holder(db, desk)
    with pytest.raises(passkeys.PasskeyRefused):
        await passkeys.check_assertion(db, resident.id, challenge, authenticator.get(options, **wrong))
    await passkeys.check_assertion(db, resident.id, challenge, authenticator.get(options))


async def test_an_assertion_shown_again_or_from_a_copy_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator, challenge, options = await a_holder(db, desk)
    shown = authenticator.get(options)
    await passkeys.check_assertion(db, resident.id, challenge, shown)
    with pytest.raises(passkeys.PasskeyRefused):
        await passkeys.check_assertion(db, resident.id, challenge, shown)
    for count in (0, 1, 2):
        with pytest.raises(passkeys.PasskeyRefused):
            await passkeys.check_assertion(db, resident.id, challenge, authenticator.get(options, count=count))
    await passkeys.check_assertion(db, resident.id, challenge, authenticator.get(options, count=2**32 - 1))


async def test_a_counter_may_stay_at_zero(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator, challenge, options = await a_holder(db, desk, counts=False)
    for _ in range(2):
        await passkeys.check_assertion(db, resident.id, challenge, authenticator.get(options))


async def test_anothers_passkey_proves_nothing_of_me(db: Connection, desk: httpx.AsyncClient) -> None:
    mine, _, challenge, options = await a_holder(db, desk)
    _, other, _, _ = await a_holder(db, desk)
    [name] = other.keys
    theirs = other.get(options, credential_id=name)
    silent = {name: value for name, value in theirs["response"].items() if name != "userHandle"}
    for shown in (theirs, theirs | {"response": silent}):
        with pytest.raises(passkeys.PasskeyRefused):
            await passkeys.check_assertion(db, mine.id, challenge, shown)


async def test_a_signature_by_another_key_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator, challenge, options = await a_holder(db, desk)
    _, other, _, _ = await a_holder(db, desk)
    forged = authenticator.get(options)
    [theirs] = other.keys
    forged["response"]["signature"] = other.get(options, credential_id=theirs)["response"]["signature"]
    with pytest.raises(passkeys.PasskeyRefused):
        await passkeys.check_assertion(db, resident.id, challenge, forged)


async def test_a_passkey_that_says_it_is_somebody_elses_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, authenticator, challenge, options = await a_holder(db, desk)
    shown = authenticator.get(options)
    for handle in (base64url(uuid4().bytes), 17):
        wrong = shown | {"response": shown["response"] | {"userHandle": handle}}
        with pytest.raises(passkeys.PasskeyRefused):
            await passkeys.check_assertion(db, resident.id, challenge, wrong)
    silent = {name: value for name, value in shown["response"].items() if name != "userHandle"}
    await passkeys.check_assertion(db, resident.id, challenge, shown | {"response": silent})


async def test_of_one_assertion_shown_by_many_at_once_one_counts(town: City) -> None:
    async with town.database.transaction() as db:
        resident, authenticator = await a_resident(db), Authenticator()
    await added(town.client, resident, authenticator)
    challenge = token_bytes(32)
    async with town.database.acquire() as db:
        shown = authenticator.get(await passkeys.assertion_options(db, resident.id, challenge))

    async def show() -> bool:
        try:
            async with town.database.transaction() as db:
                await passkeys.check_assertion(db, resident.id, challenge, shown)
        except passkeys.PasskeyRefused:
            return False
        return True

    assert sum(await asyncio.gather(*(show() for _ in range(8)))) == 1


async def test_a_passkey_proves_a_payment(town: City) -> None:
    async with town.database.transaction() as db:
        payer, friend = await a_resident(db, balance=30_000_000), await a_resident(db)
    authenticator = Authenticator()
    await added(town.client, payer, authenticator)
    payment = {"kind": "person", "phone": friend.phone, "amount": 20_000_000}
    payment_id = str(uuid4())

    async def pay(**headers: str) -> httpx.Response:
        path = f"/v1/wallet/payments/{payment_id}"
        return await town.client.put(path, headers=payer.headers | headers, json=payment)

    assert problem(await pay()) == (403, "StrongStepUpRequired")
    wanted = {"payment_id": payment_id, "payment": payment}
    asked = (await town.client.post("/v1/wallet/step-ups", headers=payer.headers, json=wanted)).json()
    proof = {"method": "passkey", "credential": authenticator.get(asked["passkey"])}
    path = f"/v1/wallet/step-ups/{asked['step_up_id']}/proof"
    assert (await town.client.put(path, headers=payer.headers, json=proof)).status_code == 200
    assert (await pay(**{"step-up": asked["step_up_id"]})).status_code == 201
