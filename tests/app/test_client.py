"""How the client's files are served: what a browser keeps, what it asks again, and what stays the API's."""

import gzip
from pathlib import Path

import httpx
import pytest

from app.client import files_in
from tests.conftest import Desk
from tests.house.doors import doors

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
PAGE = "<!doctype html><title>Hương</title>" + "<p>một trang</p>" * 50
SCRIPT = "export const city = 'Huế';" * 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


@pytest.fixture(autouse=True)
def build(tmp_path: Path, desk_app: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a build leaves, small; beside it a file that is nobody's business."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("a secret")
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "index-Ab3.js").write_text(SCRIPT)
    (folder / "sw.js").write_text(SCRIPT)
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / "icon-192.png").write_bytes(bytes(range(256)))
    monkeypatch.setattr(desk_app.app.state.client, "files", files_in(folder))


async def test_the_address_of_the_city_is_its_client(desk: httpx.AsyncClient) -> None:
    for path in ("/", "/index.html"):
        answer = await desk.get(path)
        assert (answer.status_code, answer.text) == (200, PAGE)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers.get_list("content-security-policy") == [POLICY]
        assert answer.headers["cache-control"] == "no-cache"
        assert "geolocation=(self)" in answer.headers["permissions-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await desk.get("/schema")).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "kind", "keeps"),
    [
        ("/assets/index-Ab3.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/icon-192.png", "image/png", "no-cache"),
    ],
)
async def test_only_what_has_its_hash_in_its_name_is_kept_for_ever(
    desk: httpx.AsyncClient, path: str, kind: str, keeps: str
) -> None:
    answer = await desk.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"] == keeps


async def test_a_text_goes_compressed_and_a_picture_as_it_is(desk: httpx.AsyncClient) -> None:
    for path, headers, encoding in (
        ("/sw.js", {"accept-encoding": "br, gzip"}, "gzip"),
        ("/sw.js", {"accept-encoding": "gzip;q=0"}, None),
        ("/sw.js", {"accept-encoding": "identity"}, None),
        ("/icon-192.png", {"accept-encoding": "gzip"}, None),
    ):
        async with desk.stream("GET", path, headers=headers) as answer:
            sent = b"".join([part async for part in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == encoding
        assert int(answer.headers["content-length"]) == len(sent)
        assert "accept-encoding" in answer.headers["vary"]
        if encoding:
            assert gzip.decompress(sent).decode() == SCRIPT


@pytest.mark.parametrize("path", ["/", "/wallet/bills", "/sw.js", "/assets/index-Ab3.js"])
async def test_what_a_browser_has_is_not_sent_again(desk: httpx.AsyncClient, path: str) -> None:
    first = await desk.get(path, headers=HTML)
    held = HTML | {"if-none-match": f'"older", W/{first.headers["etag"]}'}
    again = await desk.get(path, headers=held)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers.get_list("content-security-policy") == [POLICY]
    assert not {"content-type", "content-length", "content-encoding"} & {*again.headers}
    other = await desk.get(path, headers=held | {"accept-encoding": "identity"})
    assert other.status_code == 200, "another form of it is another thing"


async def test_head_tells_what_get_would(desk: httpx.AsyncClient) -> None:
    for path in ("/", "/inbox", "/assets/index-Ab3.js"):
        got, told = await desk.get(path, headers=HTML), await desk.head(path, headers=HTML)
        assert (told.status_code, told.content) == (200, b"")
        assert told.headers["content-length"] == got.headers["content-length"]
        assert told.headers["etag"] == got.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in", "/wallet/bills/0193", "/wallet/scan", "/reports/new", "/dossiers/H57.26-1", "/alerts/0193",
        "/inbox", "/me/devices", "/merchants/0193/takings", "/nowhere",
    ],
)  # fmt: skip
async def test_a_browser_may_go_straight_to_any_of_its_addresses(desk: httpx.AsyncClient, path: str) -> None:
    answer = await desk.get(path, headers=HTML)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert "accept" in answer.headers["vary"].split(", ")
    assert (await desk.get(path)).status_code == 404, "a program is told the truth"
    assert (await desk.post(path, headers=HTML)).status_code in {404, 405}


@pytest.mark.parametrize(
    "path",
    [
        "/v1", "/v1/", "/v1/nothing", "/assets/", "/assets/index-old.js", "/schema/nothing", "/livez/x",
        "/r/", "/d/a/b", "/assets/%2e%2e/index.html", "/assets/..%2findex.html", "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets//index-Ab3.js", "/assets/index-Ab3.js%00.html",
    ],
)  # fmt: skip
async def test_what_is_missing_under_an_address_of_the_citys_is_a_problem(desk: httpx.AsyncClient, path: str) -> None:
    answer = await desk.get(path, headers=HTML)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2fetc/passwd", "/x/%2e%2e/%2e%2e/secret.txt", "/..%5csecret.txt"],
)
async def test_no_address_leads_out_of_the_build(desk: httpx.AsyncClient, path: str) -> None:
    assert (await desk.get(path, headers=HTML)).text == PAGE
    assert (await desk.get(path)).status_code == 404


async def test_no_door_of_the_citys_is_hidden_by_the_client(desk: httpx.AsyncClient, desk_app: Desk) -> None:
    """The front door alone, which is there for a city without a client."""
    hidden = [door for door in doors() if door.path.split("/")[1] not in desk_app.app.state.client.owned]
    assert [str(door) for door in hidden] == ["GET /"]


async def test_nobody_who_shows_a_token_is_looked_up_for_a_file(
    desk: httpx.AsyncClient, desk_app: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_app.database, "acquire", None)
    answer = await desk.get("/sw.js", headers={"authorization": f"Bearer {'0' * 43}", "cookie": "__Host-staff=x"})
    assert answer.status_code == 200


async def test_without_a_build_there_is_an_api_alone(desk: httpx.AsyncClient, desk_app: Desk) -> None:
    desk_app.app.state.client.files = {}
    assert (await desk.get("/", headers=HTML)).headers["location"] == "/schema"
    assert (await desk.get("/wallet", headers=HTML)).status_code == 404
    assert files_in(Path("nowhere at all")) == {}
