"""Calls to addresses that others gave us reach the open Internet or nobody, at the address that was looked at."""

import asyncio
import ssl
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app import guarded
from app.guarded import NotReached

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::808:808", "fe80::1", "fe80::1%2", "fec0::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "100::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "113.160.0.1", "172.32.0.1", "1.1.1.1", "2001:4860:4860::8888", "2405:4800::1"]
PUBLIC_TOO = ["::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_nobodys_on_the_internet_is_not_public(address: str) -> None:
    assert not guarded.is_public(address)


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_TOO])
def test_an_address_of_somebody_out_there_is_public(address: str) -> None:
    assert guarded.is_public(address)


def test_what_the_standard_library_calls_private_is_private_here() -> None:
    for address in PRIVATE + PUBLIC:
        if ip_address(address).is_private or not ip_address(address).is_global:
            assert not guarded.is_public(address), address


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> "Names":
    """Whom the name server knows, and how often it was asked."""
    known = Names()
    monkeypatch.setattr(guarded, "_resolve", known.resolve)
    return known


@dataclass
class Names:
    answers: list[list[str]] = field(default_factory=list[list[str]])
    asked: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """What would have been sent, and whereto: nobody is out there."""
    requests: list[httpx.Request] = []

    async def handle(_: Any, request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=b"")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return requests


async def why_not(url: str) -> str:
    with pytest.raises(NotReached) as refused:
        await guarded.post(url, b"{}", {})
    return refused.value.why


WRITTEN_OUT = [
    "127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[fd00:ec2::254]",
    "[fe80::1]", "[64:ff9b::7f00:1]",
]  # fmt: skip
OTHERWISE_WRITTEN = ["2130706433", "0x7f.1", "0x7f000001", "127.1", "017700000001", "127.0.0.1.", "localhost", "0"]


@pytest.mark.parametrize("host", [*WRITTEN_OUT, *OTHERWISE_WRITTEN])
@pytest.mark.usefixtures("production")
async def test_e38_production_calls_no_private_address_however_it_is_written(
    host: str, sent: list[httpx.Request]
) -> None:
    """By the machine's own resolver, which reads `127.1` and 2130706433 as people did in 1983."""
    assert await why_not(f"https://{host}:8443/hook") in {"address_refused", "name_unknown"}
    assert not sent


@pytest.mark.parametrize("host", WRITTEN_OUT)
@pytest.mark.usefixtures("production")
def test_a_private_address_is_known_as_one_before_anybody_is_called(host: str) -> None:
    with pytest.raises(NotReached, match="address_refused"):
        guarded.read(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/", "https://",
        "https:///hook", "//shop.example/", "shop.example", "", "https://user:pass@shop.example/",
        "https://127.0.0.1\\@shop.example/", "https://shop.example:0/", "https://shop.example:99999/",
        "https://shop.example:x/", "https://[::1/", "https://１２７.0.0.1/", "https://shop\x00.example/",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("production")
async def test_an_address_that_is_odd_or_not_encrypted_is_refused(
    url: str, names: Names, sent: list[httpx.Request]
) -> None:
    names.answers = [["8.8.8.8"]]
    assert await why_not(url) == "address_refused"
    assert not names.asked
    assert not sent


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.usefixtures("production")
async def test_a_name_that_stands_for_a_private_address_leads_nowhere(
    address: str, names: Names, sent: list[httpx.Request]
) -> None:
    names.answers = [[address]]
    assert await why_not("https://shop.example/hook") == "address_refused"
    names.answers = [["8.8.8.8", address]]
    assert await why_not("https://shop.example/hook") == "address_refused", "one among public ones is enough"
    assert not sent


@pytest.mark.usefixtures("production")
async def test_e38_a_name_is_looked_up_once_and_what_it_means_a_moment_later_counts_for_nothing(
    names: Names, sent: list[httpx.Request]
) -> None:
    names.answers = [["8.8.8.8"], ["127.0.0.1"]]
    assert await guarded.post("https://shop.example:8443/hook?a=1", b"{}", {"webhook-id": "1"}) == 200
    assert names.asked == [("shop.example", 8443)]
    [request] = sent
    assert str(request.url) == "https://8.8.8.8:8443/hook?a=1"
    assert request.headers["host"] == "shop.example:8443"
    assert request.extensions["sni_hostname"] == "shop.example"


@pytest.mark.usefixtures("production")
async def test_an_address_of_ipv6_is_called_as_one(names: Names, sent: list[httpx.Request]) -> None:
    names.answers = [["2001:4860:4860::8888"]]
    await guarded.post("https://[2001:4860:4860::8888]/hook", b"{}", {})
    assert str(sent[0].url) == "https://[2001:4860:4860::8888]/hook"
    assert names.asked == [("2001:4860:4860::8888", 443)]


@pytest.mark.usefixtures("production")
async def test_a_name_that_nobody_knows_or_that_stands_for_nothing_is_told(names: Names) -> None:
    names.answers = [[]]
    assert await why_not("https://shop.example/") == "address_refused"
    assert await why_not(f"https://{'a' * 70}.example/") in {"address_refused", "name_unknown"}


async def test_a_name_that_ends_in_invalid_is_unknown() -> None:
    assert await why_not("https://shop.invalid/") == "name_unknown"


@pytest.fixture
def tarpit(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names whose server takes the question and never says anything, as long as the test goes on; who was asked."""
    over, asked = threading.Event(), list[str]()

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        if "tarpit" in host:
            over.wait(20)
        return ["8.8.8.8"]

    monkeypatch.setattr(guarded, "_resolve", resolve)
    monkeypatch.setattr(guarded, "LOOK_UP_WITHIN_S", 0.2)
    monkeypatch.setattr(guarded, "WITHIN_S", 1.0)
    monkeypatch.setattr(guarded, "_silent", {})
    yield asked
    over.set()


async def call(url: str, of: str) -> int | str:
    try:
        return await guarded.post(url, b"{}", {}, of=of)
    except NotReached as silence:
        return silence.why


@pytest.mark.usefixtures("production", "sent")
async def test_a_shop_whose_names_never_answer_keeps_nobody_else_waiting(tarpit: list[str]) -> None:
    theirs = [asyncio.create_task(call(f"https://{n}.tarpit.example/", "one shop")) for n in range(100)]
    await asyncio.sleep(0.1)
    assert await call("https://shop.example/", "another") == 200
    assert set(await asyncio.gather(*theirs)) == {"timeout"}
    assert len(tarpit) == 1 + guarded.LOOK_UPS_OF_ONE, "whoever is not waited for any more still has their place"
    assert await call("https://shop.example/", "one shop") == "timeout"
    assert await call("https://shop.example/", "another") == 200


@pytest.mark.usefixtures("production", "sent")
async def test_a_name_that_says_nothing_is_left_in_peace_for_a_minute(
    tarpit: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert await call("https://tarpit.example/", "a shop") == "timeout"
    assert tarpit == ["tarpit.example"]
    monkeypatch.setattr(guarded, "monotonic", lambda: monotonic() + 61)
    assert await call("https://TARPIT.example./", "a shop") == "timeout"
    assert tarpit == ["tarpit.example"] * 2


# On real sockets


@dataclass
class Shop:
    """A shop's own server, that hears what comes and answers as it is told."""

    port: int
    heard: list[bytes] = field(default_factory=list[bytes])


OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@asynccontextmanager
async def a_shop_at(
    host: str = "127.0.0.1", *, answer: bytes | None = OK, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Shop]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            shop.heard.append(head + await reader.readexactly(length))
            if answer is None:
                await asyncio.sleep(60)
            else:
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    shop = Shop(server.sockets[0].getsockname()[1])
    try:
        yield shop
    finally:
        server.close()


async def test_a_sandbox_calls_the_shop_on_the_same_machine() -> None:
    async with a_shop_at() as shop:
        url = f"http://localhost:{shop.port}/hook?to=me"
        assert await guarded.post(url, b'{"a":1}', {"content-type": "application/json"}) == 204
    [heard] = shop.heard
    assert heard.startswith(b"POST /hook?to=me HTTP/1.1\r\n")
    assert f"\r\nhost: localhost:{shop.port}\r\n".encode() in heard.lower()
    assert heard.endswith(b'\r\n\r\n{"a":1}')


async def test_e38_the_connection_goes_to_the_address_that_was_looked_at(names: Names) -> None:
    names.answers = [["127.0.0.2"], ["127.0.0.1"]]
    async with a_shop_at("127.0.0.2") as meant:
        assert await guarded.post(f"http://shop.example:{meant.port}/", b"{}", {}) == 204
    assert len(meant.heard) == len(names.asked) == 1


async def test_another_address_of_the_name_is_tried_when_one_takes_no_connection(names: Names) -> None:
    async with a_shop_at("127.0.0.2") as shop:
        names.answers = [["127.0.0.3", "127.0.0.2"]]
        assert await guarded.post(f"http://shop.example:{shop.port}/", b"{}", {}) == 204
        names.answers = [["127.0.0.3", "127.0.0.4", "127.0.0.2"]]
        assert await why_not(f"http://shop.example:{shop.port}/") == "not_connected"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_e38_a_redirect_is_an_answer_and_nobody_follows_it(status: int) -> None:
    async with a_shop_at() as elsewhere:
        moved = f"HTTP/1.1 {status} Moved\r\nlocation: http://127.0.0.1:{elsewhere.port}/\r\n\r\n".encode()
        async with a_shop_at(answer=moved) as shop:
            assert await guarded.post(f"http://127.0.0.1:{shop.port}/", b"{}", {}) == status
    assert not elsewhere.heard


async def test_whoever_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "WITHIN_S", 0.2)
    async with a_shop_at(answer=None) as shop:
        began = monotonic()
        assert await why_not(f"http://127.0.0.1:{shop.port}/") == "timeout"
        assert monotonic() - began < 2


async def test_a_body_without_an_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\ncontent-encoding: gzip\r\n\r\n" + b"x" * 100_000
    async with a_shop_at(answer=endless) as shop:
        assert await guarded.post(f"http://127.0.0.1:{shop.port}/", b"{}", {}) == 200


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 10])
async def test_what_is_no_http_is_told_as_broken(answer: bytes) -> None:
    async with a_shop_at(answer=answer) as shop:
        assert await why_not(f"http://127.0.0.1:{shop.port}/") == "broken"


async def test_headers_without_an_end_are_not_read() -> None:
    async with a_shop_at(answer=b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000) as shop:
        assert await why_not(f"http://127.0.0.1:{shop.port}/") == "broken"


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_shop_at() as proxy, a_shop_at() as shop:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await guarded.post(f"http://127.0.0.1:{shop.port}/", b"{}", {})
    assert (len(shop.heard), len(proxy.heard)) == (1, 0)


# By certificate


@dataclass(frozen=True)
class Authority:
    """Somebody whom this machine trusts for a test, and a server with their certificate for shop.example."""

    trusting: ssl.SSLContext
    serving: ssl.SSLContext


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    pem = tmp_path / "shop.pem"
    pem.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    trusting = httpx.create_ssl_context()
    trusting.load_verify_locations(pem)
    monkeypatch.setattr(guarded, "trusted", lambda: trusting)
    return Authority(trusting, serving)


async def test_the_certificate_is_the_names_although_the_address_is_called(
    authority: Authority, names: Names
) -> None:
    names.answers = [["127.0.0.1"]]
    async with a_shop_at(tls=authority.serving) as shop:
        assert await guarded.post(f"https://shop.example:{shop.port}/", b"{}", {}) == 204
        assert await guarded.post(f"https://shop.example.:{shop.port}/", b"{}", {}) == 204
        assert await why_not(f"https://other.example:{shop.port}/") == "not_trusted"
        assert await why_not(f"https://127.0.0.1:{shop.port}/") == "not_trusted"
    assert len(shop.heard) == 2


async def test_a_certificate_that_nobody_signed_is_not_trusted(
    authority: Authority, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "trusted", httpx.create_ssl_context)
    names.answers = [["127.0.0.1"]]
    async with a_shop_at(tls=authority.serving) as shop:
        assert await why_not(f"https://shop.example:{shop.port}/") == "not_trusted"
    assert not shop.heard
