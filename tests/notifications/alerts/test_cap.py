"""CAP 1.2 exactly: held against the standard's rules by a parser that is not ours, whatever the words are."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as Own

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]
from msgspec import convert

from app import boundaries
from app.clock import city_now
from app.db import Connection
from notifications.alerts import areas, cap, documents
from notifications.alerts.alerts import Sent
from notifications.alerts.models import PutAlert
from tests.conftest import Later
from tests.makers import a_staff_member
from tests.notifications.alerts.warning import approval, in_hours, moment, words, written
from tests.statements import sql

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
VY_DA, THUAN_HOA = "19777", "19786"
NASTY = "]]> <b onclick='x'>&amp; \"Lũ\" 🌊 </alert> <!-- {} %s"


@cache
def _rules() -> Any:
    return etree.XMLSchema(etree.parse(Path(__file__).with_name("cap-1.2.xsd")))


def _checked(document: bytes) -> Any:
    """The document, read by another parser than wrote it, after the rules were held against it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    root = etree.fromstring(document, parser)
    _rules().assertValid(root)
    for ring in root.iter(f"{CAP}polygon"):
        points = ring.text.split()
        assert points[0] == points[-1], "a polygon ends where it began (3.2.4)"
        assert len(points) >= 4
    return root


async def _cap(desk: httpx.AsyncClient, alert: dict[str, Any]) -> Any:
    answer = await desk.get(f"/v1/alerts/{alert['id']}.cap")
    assert (await desk.get(f"/v1/alerts/{alert['id']}/cap")).content == answer.content
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/cap+xml"), answer.text
    return _checked(answer.content)


def _said(root: Any, path: str) -> list[str]:
    return [element.text for element in root.iterfind("/".join(f"{CAP}{name}" for name in path.split("/")))]


FULL: dict[str, Any] = {
    "note": "Theo bản tin số 12",
    "categories": ["Met", "Geo", "Safety"],
    "response_types": ["Evacuate", "Avoid"],
    "onset_at": None,
    "instruction_vi": "Sơ tán khỏi vùng trũng.\nKhông qua đường ngập.",
    "instruction_en": "Leave low ground.\nDo not cross flooded roads.",
    "web": "https://hue.example/canh-bao?a=1&b=2",
    "contact": "1900 1075",
    "parameters": [{"name": "Kim Long", "value": "3,42 m"}],
    "wards": [VY_DA, THUAN_HOA],
}


async def test_a_full_warning_is_cap_in_both_languages(desk: httpx.AsyncClient, db: Connection) -> None:
    full: dict[str, Any] = FULL | {"onset_at": in_hours(3)}
    alert = await written(desk, await a_staff_member(db), **full)
    root = await _cap(desk, alert)
    assert _said(root, "identifier") == [alert["id"]]
    assert _said(root, "sender") == [alert["sender"]]
    assert [moment(text) for text in _said(root, "sent")] == [moment(alert["sent_at"])]
    assert _said(root, "info/language") == ["vi-VN", "en-US"]
    assert _said(root, "info/event") == ["Mưa lớn", "Heavy rain"]
    assert _said(root, "info/instruction") == [FULL["instruction_vi"], FULL["instruction_en"]]
    assert _said(root, "info/category") == FULL["categories"] * 2
    assert _said(root, "info/web") == [FULL["web"]] * 2
    assert _said(root, "info/area/areaDesc") == ["Vỹ Dạ", "Thuận Hóa"] * 2
    assert _said(root, "info/area/geocode/value") == [VY_DA, THUAN_HOA] * 2
    assert _said(root, "info/parameter/value") == ["3,42 m"] * 2
    assert _said(root, "references") == []
    assert {text[-6:] for text in _said(root, "info/onset")} == {"+07:00"}, "CAP takes no Z"


async def test_references_name_all_that_came_before_as_those_named_themselves(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    operator = await a_staff_member(db)
    first = await written(desk, operator)
    second = await written(desk, operator, msg_type="Update", reference_ids=[first["id"]])
    third = await written(desk, operator, msg_type="Cancel", reference_ids=[second["id"]])
    named: list[str] = []
    for alert in (first, second):
        root = await _cap(desk, alert)
        named.append(",".join(_said(root, name)[0] for name in ("identifier", "sender", "sent")))
    assert _said(await _cap(desk, third), "references") == [" ".join(named)]
    assert _said(await _cap(desk, third), "msgType") == ["Cancel"]


async def test_a_drawn_ward_is_a_polygon_and_another_a_circle(desk: httpx.AsyncClient, db: Connection) -> None:
    ring = [[107.60, 16.46], [107.62, 16.46], [107.62, 16.48], [107.60, 16.48], [107.60, 16.46]]
    hole = [[107.605, 16.465], [107.61, 16.465], [107.61, 16.47], [107.605, 16.465]]
    island = [[107.63, 16.46], [107.64, 16.46], [107.64, 16.47], [107.63, 16.46]]
    geometry = {"type": "MultiPolygon", "coordinates": [[ring, hole], [island]]}
    drawn = boundaries.read(_geojson(VY_DA, geometry), {VY_DA})
    await db.executemany(boundaries.sql.put_ward_area, drawn)
    root = await _cap(desk, await written(desk, await a_staff_member(db), wards=[VY_DA, THUAN_HOA]))
    drawn_area, round_area = list(root.find(f"{CAP}info").iterfind(f"{CAP}area"))
    rings = [element.text for element in drawn_area.iterfind(f"{CAP}polygon")]
    assert rings == [" ".join(f"{lat},{lng}" for lng, lat in part) for part in (ring, island)]
    assert drawn_area.find(f"{CAP}circle") is None
    [circle] = round_area.iterfind(f"{CAP}circle")
    middle, radius = circle.text.split()
    assert middle == "16.45423,107.58301"
    assert 3.14159 * float(radius) ** 2 > 7.6, "it covers at least as much as the ward has"


def _geojson(code: str, geometry: dict[str, Any]) -> bytes:
    import msgspec

    feature = {"type": "Feature", "properties": {"code": code}, "geometry": geometry}
    return msgspec.json.encode({"type": "FeatureCollection", "features": [feature]})


async def test_the_whole_city_is_one_circle_in_which_every_ward_lies(desk: httpx.AsyncClient, db: Connection) -> None:
    root = await _cap(desk, await written(desk, await a_staff_member(db)))
    assert _said(root, "info/area/areaDesc") == ["Thành phố Huế", "Huế city"]
    middle, radius_km = _said(root, "info/area/circle")[0].split()
    lat, lng = map(float, middle.split(","))
    far = await db.fetchval(sql.farthest_ward_km, lat, lng)
    assert 40 < far < float(radius_km)


@pytest.mark.parametrize(
    "field",
    ["headline", "description", "instruction", "event"],
)
async def test_whatever_the_words_are_it_stays_cap_and_says_them(
    desk: httpx.AsyncClient, db: Connection, field: str
) -> None:
    nasty: dict[str, Any] = {"instruction_vi": "a", "instruction_en": "b"} | {
        f"{field}_{language}": NASTY for language in ("vi", "en")
    }
    alert = await written(desk, await a_staff_member(db), **nasty, parameters=[{"name": "<&>", "value": NASTY}])
    root = await _cap(desk, alert)
    assert _said(root, f"info/{field}") == [NASTY, NASTY]
    assert _said(root, "info/parameter/value") == [NASTY, NASTY]
    feed = await desk.get("/v1/alerts/feed.atom")
    entry = etree.fromstring(feed.content).find(f"{ATOM}entry")
    if field in {"headline", "description"}:
        assert NASTY in {entry.find(f"{ATOM}{name}").text for name in ("title", "summary")}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXT)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_at_all_makes_a_document_that_a_parser_takes(text: str) -> None:
    """What could come into the database some other way, too: the document holds what XML can, and nothing breaks."""
    root = Own.Element("a")
    documents.add(root, "b", text)
    read = etree.fromstring(documents.written(root))
    kept = read[0].text or ""
    assert set(kept) <= set(text) | {"\n"}
    assert not [letter for letter in kept if ord(letter) < 32 and letter not in "\t\n"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=100))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_a_document_of_any_words_keeps_the_rules(text: str) -> None:
    said = dict.fromkeys(("event_vi", "headline_vi", "description_vi", "event_en", "headline_en"), text)
    plain = {name: value for name, value in words(**said).items() if name != "expires_at"}
    now = city_now()
    sent = convert(
        plain | {"id": uuid4(), "identifier": "a", "sender": "alerts@hue.example", "sender_name_vi": "Huế"}
        | {"sender_name_en": "Huế", "sent_at": now, "published_at": now, "effective_at": now, "expires_at": now}
        | dict.fromkeys(("replaced_by", "ended", "note", "onset_at", "instruction_vi", "instruction_en"))
        | dict.fromkeys(("web", "contact"))
        | {name: [] for name in ("chain", "response_types", "parameters", "wards", "wards_named")},
        Sent,
    )  # fmt: skip
    root = _checked(cap.document(sent, asyncio.run(areas.of(None, []))))  # pyright: ignore[reportArgumentType]
    assert _said(root, "info/event")[0] == text


def test_the_rules_themselves_refuse_what_is_no_cap() -> None:
    """A schema that takes everything would hold nothing."""
    good = (
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a</identifier><sender>b</sender>'
        "<sent>2026-11-29T17:00:00+07:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope></alert>"
    )
    assert _rules().validate(etree.fromstring(good))
    for before, after in (
        ("+07:00", "Z"), ("00+07:00", "00.5+07:00"), ("Actual", "actual"), ("<identifier>a", "<identifier>a b"),
        ("<scope>Public</scope>", ""), ("cap:1.2", "cap:1.1"), ("<sender>b</sender>", "<sender/>"),
        ("<status>Actual</status><msgType>Alert</msgType>", "<msgType>Alert</msgType><status>Actual</status>"),
    ):  # fmt: skip
        assert not _rules().validate(etree.fromstring(good.replace(before, after))), after


# The feed


def _texts(feed: Any, path: str) -> list[str]:
    return [element.text for element in feed.iterfind("/".join(f"{ATOM}{name}" for name in path.split("/")))]


async def test_the_feed_is_atom_and_links_to_the_documents(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    operator = await a_staff_member(db)
    older = await written(desk, operator, wards=[VY_DA])
    await later(2)
    newer = await written(desk, operator, headline_en="Wind")
    answer = await desk.get("/v1/alerts/feed.atom", headers={"accept-language": "en"})
    assert answer.headers["content-type"] == "application/atom+xml"
    assert "accept-language" in answer.headers["vary"]
    feed = etree.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    for needed in ("id", "title", "updated", "author/name"):  # RFC 4287, 4.1.1
        assert len(_texts(feed, needed)) == 1
    assert _texts(feed, "entry/id") == [f"urn:uuid:{newer['id']}", f"urn:uuid:{older['id']}"]
    assert _texts(feed, "entry/title")[0] == "Wind"
    assert moment(_texts(feed, "updated")[0]) == moment(_texts(feed, "entry/updated")[0])
    [link] = feed.find(f"{ATOM}entry").iterfind(f"{ATOM}link")
    assert (link.get("rel"), link.get("type")) == ("alternate", "application/cap+xml")
    _checked((await desk.get(httpx.URL(link.get("href")).path)).content)
    elsewhere = await desk.get("/v1/alerts/feed.atom", params={"ward": "20161"})
    assert older["id"] not in elsewhere.text
    assert newer["id"] in elsewhere.text


async def test_an_empty_feed_is_a_feed_too(desk: httpx.AsyncClient, db: Connection) -> None:
    feed = etree.fromstring((await desk.get("/v1/alerts/feed.atom")).content)
    assert _texts(feed, "entry") == []
    assert moment(_texts(feed, "updated")[0]) < city_now()


async def test_what_waits_for_approval_is_in_no_document(desk: httpx.AsyncClient, db: Connection) -> None:
    writer, chief = await a_staff_member(db), await a_staff_member(db, role="supervisor")
    alert = await written(desk, writer, severity="Extreme")
    assert (await desk.get(f"/v1/alerts/{alert['id']}/cap")).status_code == 404
    assert alert["id"] not in (await desk.get("/v1/alerts/feed.atom")).text
    await approval(desk, chief, alert["id"])
    assert _said(await _cap(desk, alert), "info/severity") == ["Extreme"] * 2


def test_a_body_holds_no_control_character_and_nothing_that_turns_text_around() -> None:
    import msgspec

    for field in ("headline_vi", "description_vi", "event_en", "note", "instruction_vi", "contact"):
        for control in ("\x00", "\x08", "\x1b", "\x7f", "\x85", "\u202e", "\ufffe", "\ud800"):
            with pytest.raises(msgspec.ValidationError):
                convert(words(**{field: f"a{control}b"}), PutAlert)
