"""The stand-ins keep to the standards that the real parties keep to, and their pages can be used by everybody."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from click.testing import CliRunner
from joserfc import jws

from app import cli, config, up
from app.clock import city_now
from app.config import BadSetting
from app.embedded import Trouble
from app.identity.seed import MERCHANT_OWNERS, RESIDENTS, STAFF_EMAILS
from app.sandbox.stand_ins import create_stand_ins
from tests.conftest import Later, StandIns

ROOT = Path(__file__).parents[2]
VERIFIER = "song-huong-" + "v" * 40


@pytest.fixture
async def browser(stand_ins: StandIns) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser at the stand-ins."""
    async with httpx.AsyncClient(base_url=stand_ins.url, verify=False) as client:
        yield client


def asked(**other: str) -> dict[str, str]:
    """What a client asks for at /authorize."""
    return {
        "response_type": "code",
        "client_id": "huong",
        "redirect_uri": config.settings().public_url + "/back",
        "scope": "openid profile phone email",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
    } | other


def sent_back(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(config.settings().public_url + "/back?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def a_code(browser: httpx.AsyncClient, hint: str = "+84900000001") -> str:
    said = sent_back(await browser.get("/citizen/authorize", params=asked(prompt="none", login_hint=hint)))
    assert said["state"] == "the state"
    return said["code"]


async def tokens(browser: httpx.AsyncClient, code: str, **other: str) -> tuple[int, dict[str, Any]]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked()["redirect_uri"],
        "code_verifier": VERIFIER,
        "client_id": "huong",
    }
    answer = await browser.post("/citizen/token", data=form | other)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


class Outline(HTMLParser):
    """What a page consists of: its elements with their attributes, and its text."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


# ---- The page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "hints"),
    [
        ("citizen", [phone for phone, _ in (*RESIDENTS, *MERCHANT_OWNERS)]),
        ("staff", list(STAFF_EMAILS.values())),
    ],
)
async def test_everybody_of_the_sandbox_can_be_chosen_with_a_button(
    browser: httpx.AsyncClient, provider: str, hints: list[str]
) -> None:
    page = await browser.get(f"/{provider}/authorize", params=asked())
    assert page.status_code == 200
    offered = [button["value"] for button in Outline(page).all("button")]
    assert offered == [*hints, "new:", ""]
    for hint in hints:
        said = sent_back(await browser.post(f"/{provider}/authorize", params=asked(), data={"login_hint": hint}))
        assert said.keys() == {"code", "state"}


async def test_a_new_name_can_be_written_and_a_person_may_refuse(browser: httpx.AsyncClient) -> None:
    new = {"login_hint": "new:", "name": "Công Tằng <Tôn Nữ>"}
    said = sent_back(await browser.post("/citizen/authorize", params=asked(), data=new))
    _, given = await tokens(browser, said["code"])
    info = await browser.get("/citizen/userinfo", headers={"authorization": f"Bearer {given['access_token']}"})
    assert info.json()["name"] == "Công Tằng <Tôn Nữ>"
    no = sent_back(await browser.post("/citizen/authorize", params=asked(), data={"login_hint": ""}))
    assert no == {"error": "access_denied", "state": "the state"}


async def test_the_pages_are_vietnamese_first_and_need_no_script(
    browser: httpx.AsyncClient, stand_ins: StandIns
) -> None:
    match = {"reference": "a-reference-of-mine", "subject": "me", "challenge": "this"}
    face = (await browser.post("/face/matches", json=match)).json()["url"]
    for url in ("/", f"/citizen/authorize?{httpx.QueryParams(asked())}", "/staff/authorize", face):
        answer = await browser.get(url)
        page = Outline(answer)
        assert page.all("html") == [{"lang": "vi"}]
        assert len(page.all("h1")) == len(page.all("main")) == 1
        assert not page.all("script")
        assert {span.get("lang") for span in page.all("span")} >= {"en"}
        assert re.search("[ạ-ỹ]", page.text)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        labelled = {label["for"] for label in page.all("label")}
        assert labelled == {field["id"] for field in page.all("input")}


# ---- The provider's standards --------------------------------------------------------------------------------------


async def test_nobody_is_sent_to_an_address_that_is_not_registered(browser: httpx.AsyncClient) -> None:
    ours = config.settings().public_url
    for other in (
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": f"{ours}.evil.example/back"},
        {"redirect_uri": ""},
        {"client_id": "somebody"},
    ):
        for answer in (
            await browser.get("/citizen/authorize", params=asked(prompt="none", login_hint=RESIDENTS[0][0], **other)),
            await browser.post("/citizen/authorize", params=asked(**other), data={"login_hint": RESIDENTS[0][0]}),
        ):
            assert answer.status_code == 400
            assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "ư" * 43}, "invalid_request"),
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_request"),
        ({"login_hint": "+84900000999"}, "login_required"),
        ({"login_hint": "new:"}, "login_required"),
        ({"login_hint": "new:" + "x" * 101}, "login_required"),
        ({"login_hint": "new:a\x00b"}, "login_required"),
    ],
)
async def test_what_cannot_be_answered_is_told_to_the_client(
    browser: httpx.AsyncClient, other: dict[str, str], error: str
) -> None:
    question = asked(prompt="none", login_hint=RESIDENTS[0][0]) | other
    said = sent_back(await browser.get("/citizen/authorize", params=question))
    assert said == {"error": error, "state": "the state"}


async def test_a_code_is_good_once_and_for_what_it_was_given(browser: httpx.AsyncClient) -> None:
    code = await a_code(browser)
    status, given = await tokens(browser, code)
    assert (status, given["token_type"]) == (200, "Bearer")
    assert await tokens(browser, code) == (400, {"error": "invalid_grant"})
    for other in ({"code_verifier": "another"}, {"redirect_uri": config.settings().public_url + "/elsewhere"}):
        assert await tokens(browser, await a_code(browser), **other) == (400, {"error": "invalid_grant"})
    assert await tokens(browser, await a_code(browser), client_id="somebody") == (401, {"error": "invalid_client"})
    assert await tokens(browser, await a_code(browser), client_secret="x") == (401, {"error": "invalid_client"})
    assert await tokens(browser, code, grant_type="password") == (400, {"error": "unsupported_grant_type"})


async def test_a_code_lives_for_a_minute(browser: httpx.AsyncClient, later: Later) -> None:
    in_time, too_late = await a_code(browser), await a_code(browser)
    await later(55)
    assert (await tokens(browser, in_time))[0] == 200
    await later(6)
    assert await tokens(browser, too_late) == (400, {"error": "invalid_grant"})


async def test_user_info_needs_the_access_token_and_tells_what_the_scope_names(browser: httpx.AsyncClient) -> None:
    async def told(token: str) -> tuple[int, dict[str, Any]]:
        answer = await browser.get("/citizen/userinfo", headers={"authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()

    _, given = await tokens(browser, await a_code(browser))
    status, person = await told(given["access_token"])
    assert (status, person["name"], person["phone_number"]) == (200, RESIDENTS[0][1], RESIDENTS[0][0])
    assert await told("another") == (401, {"error": "invalid_token"})
    narrow = asked(prompt="none", login_hint=RESIDENTS[0][0], scope="openid")
    _, given = await tokens(browser, sent_back(await browser.get("/citizen/authorize", params=narrow))["code"])
    assert (await told(given["access_token"]))[1].keys() == {"sub"}


async def test_who_signs_in_is_asked_now(browser: httpx.AsyncClient, later: Later) -> None:
    code = await a_code(browser)
    asked_at = city_now().timestamp()
    await later(30)
    _, given = await tokens(browser, code)
    said = msgspec.json.decode(jws.extract_compact(given["id_token"].encode()).payload)
    assert said["auth_time"] == pytest.approx(asked_at, abs=5)
    assert said["iat"] == pytest.approx(asked_at + 30, abs=5)
    known = (await browser.get("/citizen/.well-known/openid-configuration")).json()
    assert "auth_time" in known["claims_supported"]


async def test_only_public_keys_are_published(browser: httpx.AsyncClient) -> None:
    published = (await browser.get("/staff/jwks")).json()["keys"]
    assert published
    for key in published:
        assert key.keys() == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nobody/jwks", 404),
        ("GET", "/citizen/nothing", 404),
        ("GET", "/face/unknown", 404),
        ("POST", "/citizen/jwks", 405),
    ],
)
async def test_what_is_not_here_is_a_problem(browser: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await browser.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "body",
    [{"next": "sing"}, {"next": "down", "at": "home"}, {"next": "down", "times": -1}, {}, {"next": "down", "x": 1}],
)
async def test_a_mischief_that_it_does_not_know_is_refused(browser: httpx.AsyncClient, body: dict[str, Any]) -> None:
    for party in ("citizen", "face"):
        assert (await browser.put(f"/{party}/behaviour", json=body)).status_code == 400


# ---- Its process ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("production")
def test_production_has_no_stand_ins() -> None:
    with pytest.raises(BadSetting):
        create_stand_ins(config.settings())
    refused = CliRunner().invoke(cli.sandbox)
    assert refused.exit_code == 1
    assert "sandbox" not in up.children_of(config.settings())


async def test_they_are_a_process_that_serves_until_it_is_told_to_end() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    named = {"HUONG_MODE": "sandbox", "HUONG_SANDBOX_PORT": str(port), "LITESTAR_APP": "app.main:create_app"}
    environment = {**os.environ, **named}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "litestar", "sandbox", cwd=ROOT, env=environment
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}", verify=False) as client:
            async with asyncio.timeout(30):
                while not await _is_live(client):
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
            said = (await client.get("/staff/.well-known/openid-configuration")).json()
        assert said["issuer"] == f"http://localhost:{port}/staff"
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 15)
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(verify=False) as client:
            await client.get(f"http://localhost:{port}/livez")


async def _is_live(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/livez")).status_code == 200
    except httpx.TransportError:
        return False


def test_a_sandbox_starts_them_beside_the_city() -> None:
    sandbox = config.read({"HUONG_MODE": "sandbox"})
    assert up.children_of(sandbox) == ("serve", "worker", "sandbox")
    assert (sandbox.sandbox_port, sandbox.citizen_issuer) == (8001, "http://localhost:8001/citizen")
    assert (sandbox.staff_issuer, sandbox.face_url) == ("http://localhost:8001/staff", "http://localhost:8001/face")


def test_two_cannot_listen_on_one_port() -> None:
    with pytest.raises(Trouble, match="HUONG_SANDBOX_PORT"):
        up.run(config.read({"HUONG_MODE": "sandbox", "PORT": "65535"}))


def test_a_port_that_is_taken_is_named_with_its_setting(stand_ins: StandIns) -> None:
    taken = str(urlsplit(stand_ins.url).port)
    with pytest.raises(Trouble, match=f"{taken} cannot be used .* HUONG_SANDBOX_PORT="):
        up.run(config.read({"HUONG_MODE": "sandbox", "PORT": "64999", "HUONG_SANDBOX_PORT": taken}))
