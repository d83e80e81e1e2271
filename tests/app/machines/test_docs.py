"""docs/machines.md is true: its example to the byte, its client as it stands, and the command that it names."""

import asyncio
import hashlib
import hmac
import re
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import config
from app.cli import machine_group
from app.machines import key_text, signing
from tests.conftest import City, served
from tests.makers import Machine, a_machine

PAGE = (Path(__file__).parents[3] / "docs" / "machines.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


def block(name: str) -> str:
    """A fenced block of the page, by what stands behind its language."""
    [found] = re.findall(rf"^```\w+ {name}\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


def sent() -> tuple[str, str, dict[str, str]]:
    """The example's method, address and headers."""
    first, *rest = block("request").splitlines()
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in rest)
    return method, f"https://{headers.pop('Host')}{target}", headers


def test_the_example_is_right_to_the_byte() -> None:
    key, body, base = block("key"), block("body").encode(), block("signature base")
    _, _, headers = sent()
    assert block("keyid") == key[:30]
    assert key_text.is_whole(key)
    assert headers["Content-Digest"] == f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
    mac = b64encode(hmac.digest(key.encode(), base.encode(), "sha256")).decode()
    assert headers["Signature"] == f"huong=:{mac}:"
    assert base.splitlines()[-1] == f'"@signature-params": {headers["Signature-Input"].removeprefix("huong=")}'


def test_the_example_is_what_we_sign_and_what_we_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "city_now", lambda: NOW)
    key, body = block("key"), block("body").encode()
    method, url, headers = sent()
    headers.pop("Content-Type")
    assert signing.sign(key, method, url, body, nonce="nB5GgX0c7yUq2LwZ") == headers
    lines = list(headers.items())
    signing.verify(key, method, url, lines, body, signing.read(lines))


@pytest.fixture
async def machine(town: City, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, Machine]]:
    """A city on a socket, at its public address, and a machine that may call it."""
    async with town.database.transaction() as db:
        made = await a_machine(db, ["bills.read"])
    async with served(town.app) as port:
        with monkeypatch.context() as environment:
            environment.setenv("HUONG_PUBLIC_URL", f"http://127.0.0.1:{port}")
            config.settings.cache_clear()
            yield f"http://127.0.0.1:{port}", made
    config.settings.cache_clear()


async def test_the_client_calls_the_city(machine: tuple[str, Machine]) -> None:
    url, made = machine
    program = block("client").replace("hk_test_…", made.key).replace("http://localhost:8000", url)
    assert len(program.splitlines()) <= 40
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, trouble = await running.communicate()
    assert running.returncode == 0, trouble.decode()
    assert str(made.id) in said.decode()


async def test_the_command_calls_the_city(machine: tuple[str, Machine], tmp_path: Path) -> None:
    url, made = machine
    body = tmp_path / "body.json"
    body.write_text("{}")

    async def call(*words: str, key: str = made.key) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, machine_group, ["call", *words], f"{key}\n")
        return done.exit_code, done.output

    assert (await call("GET", f"{url}/v1/machine?x=1"))[0] == 0
    status, said = await call("get", f"{url}/v1/machine")
    assert status == 0
    assert str(made.id) in said
    assert made.key[30:] not in said
    status, said = await call("POST", f"{url}/v1/machine", "--body", f"@{body}")
    assert (status, "HTTP 405" in said) == (1, True)
    for words, key in (
        (("GET", "nowhere"), made.key),
        (("GET", url), "hk_test_"),
        (("GET", "http://127.0.0.1:1"), made.key),
    ):
        status, said = await call(*words, key=key)
        assert status == 1
        assert "Traceback" not in said
