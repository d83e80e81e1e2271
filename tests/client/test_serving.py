"""The client as it was built, served by the real API to a real browser."""

import asyncio

import httpx
import pytest
from playwright.async_api import Page

from app import client
from tests.client.conftest import BUILT, Town


async def test_the_city_opens_in_a_browser(phone: Page) -> None:
    answer = await phone.goto("/")
    assert answer is not None
    assert answer.status == 200
    assert (await answer.all_headers())["content-security-policy"] == client.CONTENT_SECURITY_POLICY
    await phone.wait_for_function("document.getElementById('app').childElementCount > 0")
    assert await phone.title()


@pytest.mark.parametrize("path", ["/wallet/scan", "/reports/new", "/nowhere/at/all"])
async def test_a_link_into_the_client_opens_it(phone: Page, path: str) -> None:
    answer = await phone.goto(path)
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_all_that_was_built_comes_small_and_is_what_was_built(town: Town) -> None:
    files = client.files_in(BUILT)
    async with httpx.AsyncClient(base_url=town.url) as anybody:
        for path, file in files.items():
            answer = await anybody.get(path)
            assert (answer.status_code, answer.content) == (200, file.plain.body), path
            hashed = path.startswith("/assets/")
            assert ("immutable" in answer.headers["cache-control"]) == hashed, path
            assert answer.headers.get("content-encoding") == ("gzip" if file.gzipped else None), path
            held = await anybody.get(path, headers={"if-none-match": answer.headers["etag"]})
            assert held.status_code == 304, path
            assert (await anybody.head(path)).headers["content-length"] == answer.headers["content-length"]
        missing = await anybody.get("/v1/nothing", headers={"accept": "text/html"})
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../package.json",
        "/assets/..%2f..%2fpackage.json",
        "/../../etc/passwd",
        "/assets/....//....//etc/passwd",
        "//etc/passwd",
        "http://elsewhere/etc/passwd",
    ],
)
async def test_a_path_as_it_comes_over_the_wire_leads_nowhere(town: Town, path: str) -> None:
    reader, writer = await asyncio.open_connection("localhost", int(town.url.rpartition(":")[2]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), answer[:200]
    assert b"root:" not in answer
    assert b"dependencies" not in answer
