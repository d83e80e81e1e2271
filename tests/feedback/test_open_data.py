"""Public reports for programs, and nothing that is not public."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as Xml

import httpx
import pytest

from app.clock import city_now
from app.config import settings
from app.db import Connection
from app.types import new_id
from feedback import map as report_map
from feedback import open_data
from feedback.open_models import OpenReport
from tests.feedback.planted import planted

CITY = "107.0,15.9,108.3,16.8"
ATOM = "{http://www.w3.org/2005/Atom}"


async def table(desk: httpx.AsyncClient, **asked: str) -> list[dict[str, str]]:
    answer = await desk.get("/v1/feedback/reports.csv", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def items(desk: httpx.AsyncClient, **asked: str) -> list[Xml.Element]:
    answer = await desk.get("/v1/feedback/feed.rss", params=asked)
    assert answer.status_code == 200, answer.text
    return Xml.fromstring(answer.content).findall("channel/item")


# CSV


async def test_a_report_is_a_line(db: Connection, desk: httpx.AsyncClient) -> None:
    made_at = datetime(2026, 11, 2, 3, 4, 5, 678901, tzinfo=UTC)
    report_id = await planted(db, made_at=made_at, said='Ngập "sâu",\nnước đen')
    [line] = await table(desk, **{"from": "2026-11-01", "to": "2026-11-30"})
    assert tuple(line) == OpenReport.__struct_fields__
    assert line["id"] == str(report_id)
    assert line["text"] == 'Ngập "sâu",\nnước đen'
    assert line["made_at"] == "2026-11-02T10:04:05+07:00"
    assert (line["category"], line["category_vi"], line["ward_name"]) == (
        "street_light",
        "Chiếu sáng công cộng",
        "Thuận Hóa",
    )
    assert (line["lat"], line["lng"], line["urgent"], line["rating"]) == ("16.4689", "107.5903", "false", "")


@pytest.mark.parametrize("said", ['=HYPERLINK("http://evil")', "+84", "-1+1", "@SUM(A1)", "\t=1", "＝1"])
async def test_no_text_is_a_formula(db: Connection, desk: httpx.AsyncClient, said: str) -> None:
    await planted(db, said=said, answer=said)
    [line] = await table(desk)
    assert line["text"] == line["answer"] == f"'{said}"


async def test_pages_leave_nothing_out_and_say_nothing_twice(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_data, "LINES_AT_ONCE", 3)
    moment = city_now() - timedelta(hours=2)
    there = [await planted(db, made_at=moment) for _ in range(7)]
    there += [await planted(db, made_at=moment + timedelta(minutes=number)) for number in range(1, 6)]
    assert [UUID(line["id"]) for line in await table(desk)] == there


async def test_an_empty_file_still_has_its_titles(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/v1/feedback/reports.csv", params={"from": "2020-01-01", "to": "2020-01-01"})
    assert answer.content.decode("utf-8-sig") == ",".join(OpenReport.__struct_fields__) + "\r\n"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="reports-20200101-20200101.csv"'
    assert answer.headers["cache-control"] == "max-age=300, public"


async def test_a_file_is_of_days_a_category_and_a_ward(db: Connection, desk: httpx.AsyncClient) -> None:
    old = await planted(db, made_at=datetime(2026, 2, 28, 16, 59, tzinfo=UTC))
    new = await planted(db, made_at=datetime(2026, 2, 28, 17, tzinfo=UTC), category_code="waste")
    far = await planted(db, made_at=datetime(2026, 3, 1, 3, tzinfo=UTC), ward_code="19777")

    async def ids(**asked: str) -> list[UUID]:
        return [UUID(line["id"]) for line in await table(desk, **asked)]

    assert await ids(**{"from": "2026-02-01", "to": "2026-02-28"}) == [old]
    assert await ids(**{"from": "2026-03-01", "to": "2026-03-01"}) == [new, far]
    march = {"from": "2026-02-01", "to": "2026-03-01"}
    assert await ids(**march, category="waste") == [new]
    assert await ids(**march, ward="19777") == [far]
    assert await ids(**march, category="nothing") == []


@pytest.mark.parametrize(
    "asked", [{"from": "2026-03-02", "to": "2026-03-01"}, {"from": "2024-01-01", "to": "2026-03-01"}]
)
async def test_an_impossible_span_is_refused(desk: httpx.AsyncClient, asked: dict[str, str]) -> None:
    answer = await desk.get("/v1/feedback/reports.csv", params=asked)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:BadPeriod")


async def test_nobody_downloads_without_end(desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_data, "FILES_AN_HOUR", 2)
    answers = [await desk.get("/v1/feedback/reports.csv") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


# RSS


async def test_words_come_through_as_they_were_written(db: Connection, desk: httpx.AsyncClient) -> None:
    said = "Rác & <b> chất đống ở ngõ 12 – “Vỹ Dạ” ]]> &amp;"
    report_id = await planted(db, said=said, category_code="waste")
    answer = await desk.get("/v1/feedback/feed.rss")
    assert answer.headers["content-type"].startswith("application/rss+xml")
    assert answer.headers["cache-control"] == "max-age=300, public"
    assert answer.text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    assert "Rác &amp; &lt;b&gt; chất đống" in answer.text
    root = Xml.fromstring(answer.content)
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    [item] = root.findall("channel/item")
    assert item.findtext("description") == said
    assert item.findtext("title") == "Rác thải, môi trường – Thuận Hóa"
    assert item.findtext("link") == f"{settings().public_url}/v1/feedback/reports/{report_id}"
    assert item.findtext("pubDate", "").endswith("+0000")
    guid = item.find("guid")
    assert guid is not None
    assert guid.get("isPermaLink") == "false"
    assert (guid.text or "").startswith("PA")


async def test_no_document_breaks(db: Connection, desk: httpx.AsyncClient) -> None:
    await planted(db, said="a\x01\x0b\x1b\ufffe\U0001f6a7\tb\nc")
    [item] = await items(desk)
    assert item.findtext("description") == "a\U0001f6a7\tb\nc"


async def test_the_feed_holds_the_newest_fifty(db: Connection, desk: httpx.AsyncClient) -> None:
    there = [await planted(db, made_at=city_now() - timedelta(minutes=60 - number)) for number in range(52)]
    links = [item.findtext("link", "") for item in await items(desk)]
    assert [UUID(link[-36:]) for link in links] == there[:1:-1]


async def test_a_feed_may_be_of_a_category_and_a_ward_and_says_so(db: Connection, desk: httpx.AsyncClient) -> None:
    await planted(db)
    await planted(db, category_code="waste", ward_code="19777")
    assert len(await items(desk, category="waste")) == len(await items(desk, ward="19786")) == 1
    assert await items(desk, category="waste", ward="19786") == []
    answer = await desk.get("/v1/feedback/feed.rss?category=a%26b", headers={"accept-language": "en"})
    channel = Xml.fromstring(answer.content).find("channel")
    assert channel is not None
    itself = channel.find(f"{ATOM}link")
    assert itself is not None
    assert itself.get("href") == f"{settings().public_url}/v1/feedback/feed.rss?category=a%26b"
    assert channel.findtext("title") == "Field reports – Huế"


async def test_a_feed_that_has_not_changed_costs_no_bytes(db: Connection, desk: httpx.AsyncClient) -> None:
    await planted(db)
    first = await desk.get("/v1/feedback/feed.rss")
    held = {"if-none-match": first.headers["etag"]}
    assert (await desk.get("/v1/feedback/feed.rss", headers=held)).status_code == 304
    await planted(db)
    assert (await desk.get("/v1/feedback/feed.rss", headers=held)).status_code == 200


# What is not public

HIDDEN: list[dict[str, Any]] = [
    {"status": "submitted"}, {"status": "rejected"}, {"status": "duplicate"}, {"private": True},
    {"private": True, "status": "closed"},
    {"private": True, "confidential": True, "category_code": "officer_conduct", "status": "resolved"},
]  # fmt: skip


@pytest.mark.parametrize("folded", [False, True])
async def test_what_is_not_public_is_nowhere(db: Connection, desk: httpx.AsyncClient, folded: bool) -> None:
    shown = new_id()
    await planted(db, id=shown, said="Ai cũng đọc được")
    for hidden in HIDDEN:
        original = shown if hidden.get("status") == "duplicate" else None
        await planted(db, said="Bí mật", answer="Bí mật", duplicate_of=original, **hidden)
    if folded:
        await report_map.fold(db)
    places = ["map?zoom=10&bbox=" + CITY, "map?zoom=20&bbox=107.59,16.468,107.591,16.47", "reports.csv", "feed.rss"]
    for place in places:
        answer = await desk.get(f"/v1/feedback/{place}")
        assert answer.status_code == 200
        assert "Bí mật" not in answer.text
        assert len(re.findall("PA[0-9A-Z]{8}", answer.text)) == (0 if "zoom=10" in place else 1)
    clusters = (await desk.get(f"/v1/feedback/{places[0]}")).json()["features"]
    assert [cluster["properties"]["count"] for cluster in clusters] == [1]
    [point] = (await desk.get(f"/v1/feedback/{places[1]}")).json()["features"]
    assert point["id"] == str(shown)
