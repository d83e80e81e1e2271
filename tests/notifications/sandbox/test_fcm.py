"""The stand-in of FCM is as strict as FCM, speaks its HTTP/2 and HTTP/1.1, and shows what the phones have got."""

import socket
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from joserfc import jwt
from joserfc.jwk import RSAKey

from app import config, up
from app.clock import city_now
from app.embedded import Trouble
from notifications.sandbox import fcm_account
from notifications.sandbox.fcm_cloud import AUDIENCE, Cloud, Misbehave
from notifications.sandbox.fcm_line import cloud_of, listening
from notifications.sandbox.parties import parties
from notifications.transports.chosen import chosen
from notifications.transports.fcm_message import message_of
from notifications.transports.google_access import SCOPE
from tests.conftest import Later, StandIns
from tests.notifications.transports.pushing import a_push, kinds, pushes

SEND = f"/v1/projects/{fcm_account.PROJECT}/messages:send"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the account is."""
    return tmp_path_factory.mktemp("fcm")


@pytest.fixture
def cloud(folder: Path) -> Cloud:
    """The stand-in's books, without a socket."""
    return cloud_of(fcm_account.make(folder, "https://localhost:1"))


@pytest.fixture
async def browser(stand_ins: StandIns) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the stand-ins."""
    async with httpx.AsyncClient(base_url=stand_ins.url, verify=False) as client:
        await client.delete("/fcm/phones")
        yield client


def assertion(folder: Path, **other: Any) -> bytes:
    """What `google-auth` asks for a token with."""
    account = msgspec.json.decode((folder / "account.json").read_bytes(), type=dict[str, Any])
    claims = {"iss": account["client_email"], "aud": AUDIENCE, "scope": SCOPE} | other
    signed = jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(account["private_key"]))
    return f"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={signed}".encode()


def let_in(cloud: Cloud, folder: Path) -> str:
    answer = cloud.give_token(assertion(folder))
    return "Bearer " + msgspec.json.decode(answer.body)["access_token"]


def take(cloud: Cloud, access: str, message: Any) -> tuple[int, str]:
    answer = cloud.take(SEND, access, msgspec.json.encode({"message": message}))
    assert not isinstance(answer, str)
    error = msgspec.json.decode(answer.body).get("error", {})
    return answer.status, error.get("status", "")


def good() -> dict[str, Any]:
    return message_of(a_push("phone-1"), city_now())["message"]


def test_only_the_accounts_key_opens(cloud: Cloud, folder: Path, tmp_path: Path) -> None:
    fcm_account.make(tmp_path, "https://localhost:1")
    assert cloud.give_token(assertion(folder)).status == 200
    for form in (
        assertion(tmp_path),
        assertion(folder, iss="another"),
        assertion(folder, aud="https://another.example"),
        assertion(folder, scope="email"),
        assertion(folder).replace(b"jwt-bearer", b"password"),
        b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=no",
    ):
        assert cloud.give_token(form).status == 400, form


def test_a_token_ends(cloud: Cloud, folder: Path) -> None:
    cloud.token_life_s = 0
    assert take(cloud, let_in(cloud, folder), good()) == (401, "UNAUTHENTICATED")
    assert take(cloud, "Bearer made up", good()) == (401, "UNAUTHENTICATED")


WRONG: list[dict[str, Any]] = [
    {"colour": "red"},
    {"android": {"priority": "urgent"}},
    {"android": {"ttl": "2 hours"}},
    {"android": {"ttl": 3600}},
    {"android": {"notification": {"channel": "alert"}}},
    {"android": {"notification": {"notification_priority": "max"}}},
    {"apns": {"payload": {}}},
    {"apns": {"headers": {"apns-priority": 10}}},
    {"webpush": {"fcm_options": {"link": "http://hue.example"}}},
    {"data": {"number": 1}},
    {"data": {"from": "us"}},
    {"data": {"google.sent_time": "1"}},
    {"token": None},
    {"topic": "city"},
    {"token": None, "topic": "a city"},
    {"notification": {"title": "a", "body": "b" * 4096}},
    {"token": None, "topic": "city", "notification": {"title": "a", "body": "b" * 2048}},
]


@pytest.mark.parametrize("wrong", WRONG, ids=[str(wrong)[:50] for wrong in WRONG])
def test_what_fcm_would_not_take_is_not_taken(cloud: Cloud, folder: Path, wrong: dict[str, Any]) -> None:
    access = let_in(cloud, folder)
    assert take(cloud, access, good()) == (200, "")
    message = {name: value for name, value in (good() | wrong).items() if value is not None}
    assert take(cloud, access, message) == (400, "INVALID_ARGUMENT")
    assert cloud.took.total() == 1


def test_a_rehearsal_reaches_nobody(cloud: Cloud, folder: Path) -> None:
    body = msgspec.json.encode({"message": good(), "validate_only": True})
    answer = cloud.take(SEND, let_in(cloud, folder), body)
    assert not isinstance(answer, str)
    assert answer.status == 200
    assert not cloud.took


def test_what_goes_wrong_is_of_whom_when_and_how_often(cloud: Cloud, folder: Path) -> None:
    access = let_in(cloud, folder)
    cloud.behave(Misbehave(next="unavailable", every=3, times=2))
    assert [take(cloud, access, good())[0] for _ in range(8)] == [200, 200, 503, 200, 200, 503, 200, 200]
    cloud.behave(Misbehave(next="unregistered", target="phone-2"))
    assert [take(cloud, access, good() | {"token": f"phone-{number}"})[0] for number in (1, 2, 2)] == [200, 404, 200]
    cloud.behave(Misbehave(next="quota", times=100))
    cloud.behave(Misbehave(next="quota", times=0))
    assert take(cloud, access, good())[0] == 200


def test_so_much_is_kept_and_no_more(folder: Path) -> None:
    cloud = cloud_of(fcm_account.make(folder, "https://localhost:1"), keep=2)
    access = let_in(cloud, folder)
    for number in range(5):
        take(cloud, access, good() | {"data": {"number": str(number)}})
    assert [one.message["data"]["number"] for one in cloud.phones["phone-1"]] == ["4", "3"]
    assert cloud.took["phone-1"] == 5


async def test_what_came_last_is_on_top_though_the_clock_went_back(cloud: Cloud, folder: Path, later: Later) -> None:
    access = let_in(cloud, folder)
    await later(600)
    take(cloud, access, good())
    await later(-600)
    take(cloud, access, good() | {"token": "phone-2"})
    assert [one.target for one in cloud.newest(2)] == ["phone-2", "phone-1"]


@pytest.mark.parametrize("http2", [True, False])
async def test_it_speaks_both_http(folder: Path, http2: bool) -> None:
    async with listening(folder) as server:
        trusted = ssl.create_default_context(cafile=folder / "root.pem")
        async with httpx.AsyncClient(
            http2=http2, verify=trusted, base_url=f"https://localhost:{server.port}"
        ) as client:
            form = assertion(folder)
            got = await client.post("/token", content=form)
            assert got.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
            headers = {"authorization": f"Bearer {got.json()['access_token']}"}
            for _ in range(3):
                answer = await client.post(SEND, headers=headers, json={"message": good()})
                assert answer.json()["name"].startswith("projects/huong-sandbox/messages/")
            assert (await client.get("/")).status_code == 404
            server.cloud.behave(Misbehave(next="quota", retry_after="30"))
            late = await client.post(SEND, headers=headers, json={"message": good()})
            assert [late.status_code, late.headers["retry-after"]] == [429, "30"]


def test_the_account_stays_and_says_where_its_tokens_are(tmp_path: Path) -> None:
    first = fcm_account.make(tmp_path, "https://localhost:1").account.read_bytes()
    papers = fcm_account.make(tmp_path, "https://localhost:2")
    one, other = msgspec.json.decode(first), msgspec.json.decode(papers.account.read_bytes())
    assert one["private_key"] == other["private_key"]
    assert [one["token_uri"], other["token_uri"]] == ["https://localhost:1/token", "https://localhost:2/token"]
    assert papers.account.stat().st_mode & 0o077 == 0
    certificate = x509.load_pem_x509_certificate(papers.server.read_bytes())
    assert certificate.not_valid_after_utc - city_now() > timedelta(days=3650)


async def test_the_sandbox_shows_what_its_phones_have_got(stand_ins: StandIns, browser: httpx.AsyncClient) -> None:
    transport = chosen(config.settings())
    assert transport is not None
    push = a_push("phone-1", lane="critical", title="Lũ <cấp 3>")
    assert kinds(await transport.send([a_push("phone-2"), push])) == ["accepted"] * 2
    told = (await browser.get("/fcm/phones")).json()
    assert [one["target"] for one in told["items"]] == ["phone-2", "phone-1"], (
        "a warning goes first, and the newest is on top"
    )
    assert told["counts"]["taken"] == 2
    [one] = (await browser.get("/fcm/phones/phone-1")).json()["items"]
    assert one["message"]["data"]["delivery_id"] == str(push.delivery_id)
    assert (await browser.get("/fcm/phones/phone-3")).json() == {"items": []}
    page = (await browser.get("/fcm/phones", headers={"accept": "text/html"})).text
    assert "Điện thoại đã nhận" in page
    assert "What the phones have got" in page
    assert "Lũ &lt;cấp 3&gt;" in page
    assert page.index("phone-2") < page.index("phone-1")
    assert "/fcm/phones" in (await browser.get("/")).text
    await transport.close()


async def test_the_sandboxs_fcm_misbehaves_when_told_to(stand_ins: StandIns, browser: httpx.AsyncClient) -> None:
    transport = chosen(config.settings())
    assert transport is not None
    wish = {"next": "unregistered", "target": "phone-1"}
    assert (await browser.put("/fcm/behaviour", json=wish)).status_code == 204
    assert (await browser.put("/fcm/behaviour", json={"next": "explode"})).status_code == 400
    assert (await browser.put("/fcm/pace", json={"latency_s": 0.05})).status_code == 204
    assert kinds(await transport.send(pushes(2))) == ["accepted", "gone"]
    assert (await browser.get("/fcm/phones")).json()["counts"]["refused"] == {"unregistered": 1}
    assert (await browser.delete("/fcm/phones")).status_code == 204
    assert (await browser.get("/fcm/phones")).json()["items"] == []
    await transport.close()


def test_a_port_that_is_meant_twice_or_taken_is_named_with_its_setting() -> None:
    with pytest.raises(Trouble, match="HUONG_FCM_URL"):
        up.run(config.read({"HUONG_MODE": "sandbox", "PORT": "64802", "HUONG_SANDBOX_PORT": "64801"}))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"https://localhost:{taken.getsockname()[1]}"
        with pytest.raises(Trouble, match=r"cannot be used .* HUONG_FCM_URL="):
            up.run(config.read({"HUONG_MODE": "sandbox", "PORT": "64801", "HUONG_FCM_URL": url}))


def test_who_asks_another_fcm_has_no_stand_in(folder: Path) -> None:
    account = fcm_account.make(folder, "https://localhost:1").account.read_text()
    for environ in ({"HUONG_FCM_CREDENTIALS": account}, {"HUONG_FCM_URL": "https://fcm.example"}):
        assert parties(config.read({"HUONG_MODE": "sandbox", **environ})).names == []
