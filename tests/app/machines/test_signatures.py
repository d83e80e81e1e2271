"""Signed requests at the door: what passes, what does not and why; once, from where, and with which scope."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.identity.tokens import new_token
from app.machines import key_text, keys, signatures
from app.types import new_id
from tests.app.machines.conftest import Counter, a_counter
from tests.app.phones import problem
from tests.conftest import City, Desk, Later, client_of
from tests.makers import Machine, a_machine, a_resident
from tests.statements import sql

ECHO, BODY = "/v1/echoes/c%E1%BA%A7u/7?page=2&q=a%20b", '{"note": "cầu Trường Tiền"}'.encode()
WRONG_WAYS = ["/v1/echoes/c%E1%BA%A7u/8?page=2&q=a%20b", ECHO + "&page=3", "/v1/echoes/c%E1%BA%A7u/7", ECHO + "&"]


def why(answer: httpx.Response) -> str:
    """What is wrong with a signature; fails if that is not what was answered."""
    assert problem(answer) == (401, "BadSignature"), answer.text
    return answer.json()["why"]


# In


async def test_a_signed_request_arrives_as_it_was_sent(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    answer = await counter.ask("PUT", ECHO, machine.sign("PUT", ECHO, BODY), BODY)
    assert answer.json() == {"path": "/v1/echoes/cầu/7", "query": "page=2&q=a%20b", "body": BODY.decode()}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_machine_learns_who_it_is(desk: httpx.AsyncClient, db: Connection) -> None:
    machine = await a_machine(db, ["bills.read", "bills.write"], agency="city", plain_key=True)
    expected = {
        "machine_id": str(machine.id), "name": "Máy của điện lực", "agency": "city", "key_id": str(machine.key_id),
        "scopes": ["bills.read", "bills.write"], "mode": "test", "signed": True, "expires_at": None,
    }  # fmt: skip
    signed = await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))
    assert signed.json() == expected
    shown = await desk.get("/v1/machine", headers=machine.plain)
    assert shown.json() == expected | {"signed": False}
    assert (await desk.head("/v1/machine", headers=machine.sign("HEAD", "/v1/machine"))).status_code == 200
    assert problem(await desk.get("/v1/me", headers=machine.sign("GET", "/v1/me"))) == (403, "Forbidden")


async def test_sixty_four_kibibytes_arrive_and_not_one_byte_more(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    for size, status in ((64 * 1024, 200), (64 * 1024 + 1, 413)):
        body = b"7" * size
        answer = await counter.ask("PUT", ECHO, machine.sign("PUT", ECHO, body), body)
        assert answer.status_code == status


# Not this request


async def test_another_method_path_query_or_body_is_refused(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    headers = machine.sign("PUT", ECHO, BODY)
    for other in WRONG_WAYS:
        answer = await counter.ask("PUT", other, headers, BODY)
        assert why(answer).startswith("the signature differs")
        query = other.partition("?")[2]
        assert f'"@query": ?{query}\n' in answer.json()["signature_base"]
    assert why(await counter.ask("PUT", ECHO, machine.sign("POST", ECHO, BODY), BODY))
    assert why(await counter.ask("PUT", ECHO, headers, BODY + b" ")).startswith("the digest differs")
    assert why(await counter.ask("PUT", ECHO, headers)).startswith("the digest differs")
    assert (await counter.ask("PUT", ECHO, headers, BODY)).status_code == 200, "none of these used the nonce up"


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
async def test_a_header_cannot_be_dropped_or_doubled(counter: Counter, db: Connection, name: str) -> None:
    machine = await a_machine(db)
    headers = machine.sign("PUT", ECHO, BODY)
    assert why(await counter.ask("PUT", ECHO, {other: headers[other] for other in headers if other != name}, BODY))
    twice = [*headers.items(), (name, headers[name])]
    answer = await counter.client.put(ECHO, headers=twice, content=BODY)
    assert why(answer)


async def test_a_header_that_was_signed_cannot_be_changed(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    ours = {"x-batch": "7"}
    covered = ("@method", "@target-uri", "x-batch")
    headers = machine.sign("PUT", ECHO, BODY, covered=covered, headers=ours)
    assert why(await counter.ask("PUT", ECHO, headers | {"x-batch": "8"}, BODY))
    assert why(await counter.ask("PUT", ECHO, headers, BODY))
    assert (await counter.ask("PUT", ECHO, headers | ours, BODY)).status_code == 200


async def test_a_request_for_another_city_is_refused(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    answer = await counter.ask("PUT", ECHO, machine.sign("PUT", f"https://elsewhere.example{ECHO}", BODY), BODY)
    assert why(answer).startswith("the signature differs")
    assert '"@authority": localhost:8000\n' in answer.json()["signature_base"]


async def test_a_late_or_an_early_signature_is_refused(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    for away_s in (-310, 310):
        created = city_now() + timedelta(seconds=away_s)
        answer = await counter.ask("PUT", ECHO, machine.sign("PUT", ECHO, created=created))
        assert why(answer).endswith("s away from the city's clock; 300 s is most")
        assert abs(answer.json()["now"] - city_now().timestamp()) < 5


# Once


async def test_the_same_request_passes_once(counter: Counter, db: Connection, later: Later) -> None:
    machine = await a_machine(db)
    headers = machine.sign("PUT", ECHO, BODY, created=city_now() + timedelta(seconds=290))
    assert (await counter.ask("PUT", ECHO, headers, BODY)).status_code == 200
    for wait_s in (0, 300, 280):
        await later(wait_s)
        await keys.forget_old_nonces(db)
        assert why(await counter.ask("PUT", ECHO, headers, BODY)).startswith("nonce was used before")
    await later(90)
    await keys.forget_old_nonces(db)
    assert await db.fetchval(sql.nonces, machine.key_id) == 0
    assert why(await counter.ask("PUT", ECHO, headers, BODY)).startswith("created is")


async def test_a_nonce_is_a_keys_own(counter: Counter, db: Connection) -> None:
    one, other = await a_machine(db), await a_machine(db)
    for machine in (one, other):
        headers = machine.sign("PUT", ECHO, nonce="n" * 16)
        assert (await counter.ask("PUT", ECHO, headers)).status_code == 200


async def test_of_twenty_replays_at_once_one_passes(town: City) -> None:
    async with town.database.transaction() as db:
        machine = await a_machine(db)
    headers = machine.sign("GET", "/v1/machine")
    answers = await asyncio.gather(*(town.client.get("/v1/machine", headers=headers) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert {why(answer) for answer in answers if answer.status_code == 401} == {
        "nonce was used before: every request has one of its own"
    }


async def test_a_body_that_is_held_back_outlives_nothing(
    counter: Counter, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signatures, "BODY_WITHIN_S", 0.1)
    machine = await a_machine(db)
    headers = machine.sign("PUT", ECHO, BODY)

    async def held_back() -> AsyncIterator[bytes]:
        yield BODY[:-1]
        await asyncio.sleep(0.5)
        yield BODY[-1:]

    refused = await counter.client.put(ECHO, headers=headers, content=held_back())
    assert problem(refused) == (503, "Unavailable")
    assert (await counter.ask("PUT", ECHO, headers, BODY)).status_code == 200, "it has used nothing up"


# With this key


async def test_a_key_that_was_revoked_opens_nothing_anywhere_within_five_seconds(
    town: City, neighbour: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town.database.transaction() as db:
        machine = await a_machine(db)

    async def asked(city: City) -> httpx.Response:
        return await city.client.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))

    assert [(await asked(city)).status_code for city in (town, neighbour)] == [200, 200]
    async with town.database.transaction() as db:
        await db.execute(sql.revoke_machine_key, machine.key_id)
    later = signatures.monotonic() + 5
    monkeypatch.setattr(signatures, "monotonic", lambda: later)
    assert [problem(await asked(city)) for city in (town, neighbour)] == [(401, "KeyRefused")] * 2


async def test_a_closed_machines_key_and_one_that_has_expired_open_nothing(
    counter: Counter, db: Connection, later: Later
) -> None:
    closed, expired = await a_machine(db), await a_machine(db)
    await db.execute(sql.close_machine, closed.id)
    await db.execute(sql.expire_machine_key, expired.key_id)
    await later(61)
    for machine in (closed, expired):
        answer = await counter.ask("PUT", ECHO, machine.sign("PUT", ECHO))
        assert problem(answer) == (401, "KeyRefused")


async def test_an_unknown_key_and_one_of_another_mode_open_nothing(counter: Counter, db: Connection) -> None:
    known = await a_machine(db)
    unknown = Machine(known.id, new_id(), key_text.write(new_id(), bytes(32)))
    assert problem(await counter.ask("PUT", ECHO, unknown.sign("PUT", ECHO))) == (401, "KeyRefused")
    forged = Machine(known.id, known.key_id, key_text.write(known.key_id, bytes(32)))
    assert why(await counter.ask("PUT", ECHO, forged.sign("PUT", ECHO))).startswith("the signature differs")
    headers = known.sign("PUT", ECHO)
    live = headers | {"Signature-Input": headers["Signature-Input"].replace("hk_test_", "hk_live_")}
    assert problem(await counter.ask("PUT", ECHO, live)) == (401, "KeyOfAnotherMode")


async def test_a_key_knows_its_last_use_to_the_minute(counter: Counter, db: Connection, later: Later) -> None:
    machine = await a_machine(db, ["reports.read"], plain_key=True)
    seen = [await db.fetchval(sql.machine_key_used, machine.key_id)]
    for wait_s in (0, 30, 31):
        await later(wait_s)
        assert (await counter.ask("PUT", ECHO, machine.sign("PUT", ECHO))).status_code == 200
        seen.append(await db.fetchval(sql.machine_key_used, machine.key_id))
    await later(61)
    counter.signatures.seen.clear()
    assert (await counter.ask("GET", "/open311/v2/requests", machine.plain)).status_code == 200
    seen.append(await db.fetchval(sql.machine_key_used, machine.key_id))
    assert seen[0] is None
    assert seen[1] == seen[2] < seen[3] < seen[4]


async def test_a_signature_that_fails_is_no_use(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db)
    assert why(await counter.ask("PUT", ECHO, machine.sign("PUT", "/v1/bills")))
    assert await db.fetchval(sql.machine_key_used, machine.key_id) is None
    assert await db.fetchval(sql.nonces, machine.key_id) == 0


# From here, for this


@pytest.mark.parametrize(
    ("address", "passes"),
    [
        ("203.0.113.7", True), ("203.0.113.255", True), ("203.0.114.0", False), ("198.51.100.9", True),
        ("198.51.100.10", False), ("::ffff:203.0.113.7", True), ("2001:db8::1", True), ("2001:db8:0:1::1", False),
        ("2001:db8::1%eth0", True), ("unknown", False), ("", False),
    ],
)  # fmt: skip
async def test_a_machine_calls_from_where_it_may(
    counter: Counter, db: Connection, address: str, passes: bool
) -> None:
    machine = await a_machine(
        db, ["reports.read"], addresses=["203.0.113.0/24", "198.51.100.9", "2001:db8::/64"], plain_key=True
    )
    for headers in (machine.sign("GET", "/open311/v2/requests"), machine.plain):
        answer = await counter.ask("GET", "/open311/v2/requests", headers, address=address)
        if passes:
            assert answer.status_code == 200
        else:
            assert problem(answer) == (403, "AddressRefused")


async def test_a_scope_opens_what_it_names_and_nothing_else(counter: Counter, db: Connection) -> None:
    reader, writer, nobody = (
        await a_machine(db, ["bills.read"]),
        await a_machine(db, ["bills.write"]),
        await a_machine(db),
    )
    for machine, statuses in ((reader, (200, 403)), (writer, (403, 200)), (nobody, (403, 403))):
        read = await counter.ask("GET", "/v1/bills", machine.sign("GET", "/v1/bills"))
        written = await counter.ask("PUT", "/v1/bills", machine.sign("PUT", "/v1/bills"))
        assert (read.status_code, written.status_code) == statuses


# A key as it is


async def test_a_plain_key_opens_only_what_takes_it(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db, ["reports.read", "bills.read"], plain_key=True)
    assert (await counter.ask("GET", "/open311/v2/requests", machine.plain)).status_code == 200
    in_query = f"/open311/v2/requests?api_key={machine.key}"
    assert (await counter.ask("GET", in_query, {})).status_code == 200
    assert problem(await counter.ask("GET", "/v1/bills", machine.plain)) == (403, "SignatureRequired")
    elsewhere = f"/v1/bills?api_key={machine.key}"
    assert problem(await counter.ask("GET", elsewhere, {})) == (401, "SignInRequired")


async def test_a_machine_that_must_sign_cannot_show_its_key(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db, ["reports.read"])
    assert problem(await counter.ask("GET", "/open311/v2/requests", machine.plain)) == (403, "PlainKeyRefused")
    headers = machine.sign("GET", "/open311/v2/requests")
    assert (await counter.ask("GET", "/open311/v2/requests", headers)).status_code == 200


async def test_a_plain_key_is_the_whole_key(counter: Counter, db: Connection) -> None:
    machine = await a_machine(db, ["reports.read"], plain_key=True)
    forged = key_text.write(machine.key_id, bytes(32))
    for wrong in (forged, machine.key[:-1], machine.key[:30], key_text.write(new_id(), bytes(32)), "Hương".encode()):
        shown = wrong if isinstance(wrong, bytes) else wrong.encode()
        answer = await counter.client.get("/open311/v2/requests", headers=[(b"x-api-key", shown)])
        assert problem(answer) == (401, "KeyRefused")
    twice = [("x-api-key", machine.key), ("x-api-key", machine.key)]
    assert problem(await counter.client.get("/open311/v2/requests", headers=twice)) == (401, "KeyRefused")


# Beside others


async def test_what_is_public_stays_public_but_a_key_that_is_shown_must_be_good(
    counter: Counter, db: Connection
) -> None:
    machine = await a_machine(db, plain_key=True)
    stale = machine.sign("PUT", "/v1/notices", BODY, created=city_now() - timedelta(hours=1))
    assert (await counter.ask("PUT", "/v1/notices", stale, BODY)).json() == {"body": BODY.decode()}
    forged = machine.sign("PUT", "/v1/bills", BODY)
    assert (await counter.ask("PUT", "/v1/notices", forged, BODY)).json() == {"body": BODY.decode()}
    services = "/open311/v2/services"
    assert (await counter.ask("GET", services, {})).json() == {"who": "None"}
    assert (await counter.ask("GET", services, machine.plain)).json() == {"who": str(machine.id)}
    assert problem(await counter.ask("GET", services, {"x-api-key": "none"})) == (401, "KeyRefused")


async def test_whoever_is_known_by_a_token_is_not_asked_for_a_signature(counter: Counter, db: Connection) -> None:
    resident, machine = await a_resident(db), await a_machine(db)
    answer = await counter.ask("PUT", ECHO, resident.headers | machine.sign("PUT", ECHO))
    assert problem(answer) == (403, "Forbidden")
    unknown = {"authorization": f"Bearer {new_token()}"}
    assert (await counter.ask("PUT", ECHO, unknown | machine.sign("PUT", ECHO))).status_code == 200


async def test_whoever_guesses_is_counted_as_a_stranger(
    desk: httpx.AsyncClient, desk_app: Desk, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, forged = await a_machine(db), key_text.write(new_id(), bytes(32))
    rates = desk_app.app.state.rates
    monkeypatch.setattr(rates, "strangers_most", 3)
    monkeypatch.setattr(rates, "hands", {})
    assert (await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))).status_code == 200
    wrong = Machine(machine.id, machine.key_id, forged)
    answers = [await desk.get("/v1/machine", headers=wrong.sign("GET", "/v1/machine")) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2
    good = await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))
    assert good.status_code == 200, "a machine that is known here has a limit of its own"
    newcomer = await a_machine(db)
    first = await desk.get("/v1/machine", headers=newcomer.sign("GET", "/v1/machine"))
    assert problem(first) == (429, "TooManyRequests"), "until it is found it may be anybody"


async def test_while_the_database_is_away_nobody_passes_and_nobody_is_refused_for_good(db: Connection) -> None:
    machine = await a_machine(db)
    away = a_counter(signatures.Database("postgresql://nobody@127.0.0.1:1/nothing", 2))[0]
    async with client_of(away) as client:
        assert problem(await client.put(ECHO, headers=machine.sign("PUT", ECHO))) == (503, "Unavailable")
