"""F42: the city as real processes, a day with secrets, and what is left of them where nobody should find any.

`litestar serve` and `litestar worker` write their logs into files here; whoever is asked by them answers with what it
was sent; the database breaks rules that it quotes whole rows for, and goes away."""

import asyncio
import contextlib
import os
import re
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest

from app import config
from app.db import Connection, Database, prepare_connection
from migrations import APP_ROLE, elsewhere, role_of
from tests.app.phones import REAL_PHONE, bearer, problem
from tests.conftest import Servers, cloned, served
from tests.makers import PIN, Machine, Resident, StaffMember, a_machine, a_resident, a_shop, a_staff_member
from tests.statements import sql

ROOT = Path(__file__).parents[2]
SECOND_PHONE, THIRD_PHONE = "+84905777888", "+84905777999"
WRONG_PIN, WRONG_CODE = "147369", "918273"
PEPPER, DSN_PASSWORD, REDIS_PASSWORD = (
    "planted-pepper-of-32-characters-x",
    "planted-dsn-password",
    "planted-redis-word",
)
CLIENT_SECRET, FACE_KEY, METRICS_TOKEN = "planted client secret", "planted-face-key", "planted-metrics-token"
BODY, DEVICE = "planted body text", "planted device name"
CODE = re.compile(r"sandbox: the code for (\+84[0-9]{3}\*\*\*[0-9]{3}) is ([0-9]{6})\n")
FOREIGN_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZA"
PLANTED = {
    "phone": REAL_PHONE, "second phone": SECOND_PHONE, "third phone": THIRD_PHONE, "PIN": PIN, "wrong PIN": WRONG_PIN,
    "wrong code": WRONG_CODE, "pepper": PEPPER, "DSN's password": DSN_PASSWORD, "Redis' password": REDIS_PASSWORD,
    "client secret": CLIENT_SECRET, "face key": FACE_KEY, "metrics token": METRICS_TOKEN, "body": BODY,
    "device name": DEVICE, "somebody's token": FOREIGN_TOKEN,
}  # fmt: skip

THE_DATABASE_BREAKS = f"""
    ALTER TABLE device ADD CONSTRAINT device_broken CHECK (name <> '{DEVICE}') NOT VALID;
    ALTER TABLE principal ADD CONSTRAINT principal_broken CHECK (phone <> '{SECOND_PHONE}') NOT VALID;
    ALTER TABLE pin ADD CONSTRAINT pin_broken CHECK (wrong_tries < 2) NOT VALID;
    ALTER TABLE one_time_code ADD CONSTRAINT one_time_code_broken
        CHECK (phone <> '{THIRD_PHONE}' OR code_mac IS NULL);
"""


@dataclass
class Party:
    """An outside party that is out of order, and sends back whatever it was sent."""

    heard: list[str] = field(default_factory=list[str])
    issuer: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"").decode()
        sent = " ".join(f"{name.decode()}: {value.decode()}" for name, value in scope["headers"]) + body
        self.heard.append(sent)
        status, said = 500, {"error": "server_error", "error_description": sent}
        if scope["path"].endswith("/openid-configuration"):
            ends = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            status, said = 200, {"issuer": self.issuer, **{end: f"{self.issuer}/{end}" for end in ends}}
        elif scope["path"].endswith("/token_endpoint") and len(self.heard) % 2:
            status, said = 401, {"error": "invalid_client", "error_description": sent}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(said)})


@dataclass
class Processes:
    """The city's two processes, and what they have written."""

    client: httpx.AsyncClient
    master: Connection
    database: str
    superuser_url: str
    party: Party
    log: Path
    resident: Resident
    machine: Machine
    staff: StaffMember
    qr: str

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8")

    async def code_for(self, masked: str) -> str:
        """The code that the sandbox printed."""
        async with asyncio.timeout(20):
            while True:
                for phone, code in reversed(CODE.findall(self.written())):
                    if phone == masked:
                        return code
                await asyncio.sleep(0.05)

    async def has_written(self, words: str) -> None:
        async with asyncio.timeout(20):
            while words not in self.written():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process makes tokens and PINs as the city's processes will read them."""
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_PEPPER", f"2026:{PEPPER}")
        config.settings.cache_clear()
        yield
    config.settings.cache_clear()


@pytest.fixture
async def processes(
    template: Servers, tmp_path: Path, unused_tcp_port: int, planted: None
) -> AsyncIterator[Processes]:
    async with cloned(template) as name, served(party := Party()) as port:  # pyright: ignore[reportArgumentType]
        party.issuer = f"http://localhost:{port}"
        database = Database(template.url(name, APP_ROLE), 2)
        async with database.transaction() as db:
            made = (
                await a_resident(db, balance=200_000_000),
                await a_machine(db, ["bills.read"], plain_key=True),
                await a_staff_member(db, role="compliance"),
                (await a_shop(db)).qr,
            )
        await database.close()
        superuser = elsewhere(template.superuser_url, name, role_of(template.superuser_url))
        master: Connection = await asyncpg.connect(superuser)
        await prepare_connection(master)
        log, base = tmp_path / "log", f"http://127.0.0.1:{unused_tcp_port}"
        environment = environment_of(template.url(name, APP_ROLE), unused_tcp_port, party.issuer)
        with log.open("wb") as file:
            running = [await _started(word, environment, file) for word in ("serve", "worker")]
            try:
                async with httpx.AsyncClient(base_url=base, timeout=20) as client:
                    await _wait_for(client)
                    yield Processes(client, master, name, template.superuser_url, party, log, *made)
            finally:
                for process in running:
                    await _ended(process)
        await master.close()


async def _started(word: str, environment: dict[str, str], file: BinaryIO) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "litestar", word, cwd=ROOT, env=environment, stdout=file, stderr=file
    )


async def _ended(process: Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()


def environment_of(database_url: str, port: int, outside: str) -> dict[str, str]:
    """Whatever is a secret is one that we can look for."""
    parts = urlsplit(database_url)
    host = parts.netloc.rpartition("@")[2]
    with_password = parts._replace(netloc=f"{APP_ROLE}:{DSN_PASSWORD}@{host}").geturl()
    return {
        **os.environ,
        "LITESTAR_APP": "app.main:create_app",
        "HUONG_LOG_LEVEL": "debug",
        "PORT": str(port),
        "DATABASE_URL": with_password if parts.password is None else database_url,
        "REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:1/0",
        "HUONG_METRICS_TOKEN": METRICS_TOKEN,
        "HUONG_CITIZEN_ISSUER": outside,
        "HUONG_CITIZEN_CLIENT_SECRET": CLIENT_SECRET,
        "HUONG_FACE_URL": outside,
        "HUONG_FACE_KEY": FACE_KEY,
    }


async def _wait_for(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def test_f42_no_secret_is_left_in_a_log_or_beside_it(processes: Processes) -> None:
    secrets = {
        **PLANTED,
        "a resident's token": processes.resident.token,
        "a machine's key": processes.machine.key,
        "a member's cookie": processes.staff.token,
        "a member's CSRF token": processes.staff.headers["x-csrf-token"],
    }
    secrets |= await a_good_day(processes)
    await refusals(processes)
    secrets |= await outside_errors(processes)
    await our_own_errors(processes)
    await the_database_goes_away(processes)

    written = processes.written()
    events = [line.get("event") for line in lines_of(written)]
    assert {"request", "unhandled", "job failed", "unavailable", "identity provider does not know us"} <= set(events)
    statuses = {line["status"] for line in lines_of(written) if line["event"] == "request"}
    assert {200, 201, 202, 204, 400, 401, 403, 404, 500, 503} <= statuses
    assert "violates check constraint" in written

    said = CODE.sub("", written)
    rows = [str(row["row"]) for row in await processes.master.fetch(sql.rows_that_tell)]
    assert len(rows) > 10
    for where, text in (("the log", said), ("audit, events and jobs", "\n".join(rows))):
        found = {name for name, secret in secrets.items() if is_said(secret, text)}
        assert found == set(), f"{where} says {found}"


def is_said(secret: str, text: str) -> bool:
    """Six digits may stand in a number by chance: they count only if they stand alone."""
    if re.fullmatch("[0-9]{6}", secret):
        return re.search(rf"(?<![0-9A-Za-z.-]){secret}(?![0-9A-Za-z-])", text) is not None
    return secret in text or msgspec.json.encode(secret)[1:-1].decode() in text


def lines_of(written: str) -> Iterator[dict[str, Any]]:
    for line in written.splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line)


async def a_good_day(city: Processes) -> dict[str, str]:
    """Sign in, set a PIN, pay, refresh, call as a machine, read as staff."""
    client, resident = city.client, city.resident
    challenge_id = (await client.post("/v1/sign-in/codes", json={"phone": REAL_PHONE})).json()["challenge_id"]
    code = await city.code_for("+84905***456")
    wrong = {"challenge_id": challenge_id, "code": WRONG_CODE}
    assert (await client.post("/v1/sign-in/sessions", json=wrong)).status_code == 401
    opened = await client.post("/v1/sign-in/sessions", json={"challenge_id": challenge_id, "code": code})
    session = opened.json()
    assert (await client.put("/v1/me/pin", headers=bearer(session), json={"pin": PIN})).status_code == 204
    assert (await client.post("/v1/wallet/unlocks", headers=bearer(session), json={"pin": PIN})).status_code == 201
    renewed = (await client.post("/v1/sign-in/refreshes", json={"refresh_token": session["refresh_token"]})).json()
    paid = await client.put(
        f"/v1/wallet/payments/{uuid4()}",
        headers=resident.headers,
        json={"kind": "merchant", "qr": city.qr, "amount": 1000},
    )
    assert paid.status_code == 201, paid.text
    assert (await client.get("/v1/machine", headers=city.machine.plain)).status_code == 200
    assert (await client.get("/v1/staff/audit", headers=city.staff.headers)).status_code == 200
    assert (await client.get("/metrics", headers={"authorization": f"Bearer {METRICS_TOKEN}"})).status_code == 200
    tokens = {
        f"{name} {n}": one[name]
        for n, one in enumerate((session, renewed))
        for name in ("access_token", "refresh_token")
    }
    return {"code": code, **tokens}


async def refusals(city: Processes) -> None:
    """Whatever is wrong, with a secret in it."""
    client, headers = city.client, city.resident.headers
    wrong = await client.post("/v1/wallet/unlocks", headers=headers, json={"pin": WRONG_PIN})
    assert problem(wrong) == (403, "WrongPin")
    assert (await client.put("/v1/me/pin", headers=headers, json={"pin": PIN, "note": BODY})).status_code == 400
    broken = await client.post(
        "/v1/sign-in/codes", content=f'{{"phone": "{BODY}', headers={"content-type": "application/json"}
    )
    assert broken.status_code == 400
    assert (await client.get(f"/v1/{city.resident.token}/{PIN}?token={FOREIGN_TOKEN}&pin={PIN}")).status_code == 404
    for authorization in (f"Bearer {FOREIGN_TOKEN}", f"Basic {FOREIGN_TOKEN}", f"Bearer {city.machine.key}x"):
        assert (await client.get("/v1/me", headers={"authorization": authorization})).status_code == 401
    mistyped = {"x-api-key": city.machine.key[:-1]}
    assert (await client.get("/v1/machine", headers=mistyped)).status_code == 401
    no_csrf = {"cookie": city.staff.headers["cookie"], "x-csrf-token": FOREIGN_TOKEN}
    assert (await client.delete("/v1/staff/session", headers=no_csrf)).status_code == 403


async def outside_errors(city: Processes) -> dict[str, str]:
    """The identity provider and the face match are out of order, and quote what they were sent."""
    client, headers = city.client, city.resident.headers
    found: dict[str, str] = {}
    for n in range(2):
        begun = (await client.post("/v1/me/verifications", headers=headers, json={})).json()
        state = parse_qs(urlsplit(begun["authorize_url"]).query)["state"][0]
        finished = await client.put(
            f"/v1/me/verifications/{begun['verification_id']}",
            headers=headers,
            json={"code": f"planted-code-{n}", "state": state},
        )
        assert finished.status_code == 503, finished.text
        found |= {f"state {n}": state, f"authorization code {n}": f"planted-code-{n}"}
    payment = {"kind": "merchant", "qr": city.qr, "amount": 150_000_000}
    asked = await client.post(
        "/v1/wallet/step-ups", headers=headers, json={"payment_id": str(uuid4()), "payment": payment}
    )
    face = await client.put(f"/v1/wallet/step-ups/{asked.json()['step_up_id']}/face", headers=headers, json={})
    assert face.status_code == 503, face.text
    heard = "".join(city.party.heard)
    assert FACE_KEY in heard
    assert "planted-code-0" in heard
    return found


async def our_own_errors(city: Processes) -> None:
    """500s whose cause quotes a whole row, here and in the worker."""
    client, headers = city.client, city.resident.headers
    await city.master.execute(THE_DATABASE_BREAKS)
    challenge_id = (await client.post("/v1/sign-in/codes", json={"phone": SECOND_PHONE})).json()["challenge_id"]
    code = await city.code_for("+84905***888")
    body = {"challenge_id": challenge_id, "code": code}
    assert (await client.post("/v1/sign-in/sessions", json=body)).status_code == 500
    play = (await client.post("/v1/sign-in/codes", json={"phone": "+84900000077"})).json()["challenge_id"]
    body = {"challenge_id": play, "code": "000000", "device": {"name": DEVICE}}
    assert (await client.post("/v1/sign-in/sessions", json=body)).status_code == 500
    answers = [
        (await client.post("/v1/wallet/unlocks", headers=headers, json={"pin": WRONG_PIN})).status_code
        for _ in range(2)
    ]
    assert answers[-1] == 500
    await client.post("/v1/sign-in/codes", json={"phone": THIRD_PHONE})
    await city.has_written('"event":"job failed"')


async def the_database_goes_away(city: Processes) -> None:
    """Connections break, and new ones are refused for a while."""
    keeper: Connection = await asyncpg.connect(city.superuser_url)
    await keeper.execute(f"ALTER DATABASE {city.database} ALLOW_CONNECTIONS false")
    await city.master.fetch(sql.end_other_connections)
    answers = [(await city.client.get("/v1/me", headers=city.resident.headers)).status_code for _ in range(3)]
    assert 503 in answers
    await asyncio.sleep(1.5)  # the worker looks once a second
    await keeper.execute(f"ALTER DATABASE {city.database} ALLOW_CONNECTIONS true")
    await keeper.close()
