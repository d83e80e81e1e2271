"""Open311 GeoReport v2 to the letter: each call in both formats, field by field, and how it says no."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from xml.etree import ElementTree

import httpx
import pytest
from PIL import Image

from app import guarded
from app.clock import city_now
from app.config import settings
from app.db import Connection
from app.guarded import NotNow
from app.jobs import News
from feedback.open311 import formats, media, requests
from feedback.open311.models import ErrorLine, ServiceRequest
from tests.conftest import City, OneConnection
from tests.feedback.makers import TRANG_TIEN, a_centre, a_photo, filed
from tests.makers import Machine, a_machine, a_resident
from tests.statements import sql

BASE = "/open311/v2"
FORMATS = ("json", "xml")
TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'


def a_picture(width: int = 60) -> bytes:
    """A photograph as a phone would take it, but small."""
    buffer = BytesIO()
    Image.new("RGB", (width, 40), (200, 120, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


JPEG = a_picture()

# The standard's fields, in a small table: what each may be as text. `?`: it may be empty.

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)"
NUMBER = r"-?\d+(\.\d+)?(e-?\d+)?"
TEXT = r"(?s:.+)"
URL = r"https?://\S+"
SERVICE = {
    "service_code": r"[a-z_]+",
    "service_name": TEXT,
    "description": TEXT,
    "metadata": "true|false",
    "type": "realtime|batch|blackbox",
    "keywords": r"[^,]+(,[^,]+)*",
    "group": TEXT,
}
ATTRIBUTE = {
    "variable": "true|false",
    "code": r"\w+",
    "datatype": "string|number|datetime|text|singlevaluelist|multivaluelist",
    "required": "true|false",
    "datatype_description": TEXT,
    "order": "[1-9][0-9]*",
    "description": TEXT,
}
REQUEST = {
    "service_request_id": r"PA[0-9A-Z]{8}",
    "status": "open|closed",
    "status_notes?": TEXT,
    "service_name": TEXT,
    "service_code": r"[a-z_]+",
    "description": TEXT,
    "agency_responsible?": TEXT,
    "service_notice?": TEXT,
    "requested_datetime": MOMENT,
    "updated_datetime": MOMENT,
    "expected_datetime": MOMENT,
    "address?": TEXT,
    "address_id?": TEXT,
    "zipcode?": TEXT,
    "lat": NUMBER,
    "long": NUMBER,
    "media_url?": URL,
}
FILED = {"service_request_id": r"PA[0-9A-Z]{8}", "service_notice": TEXT, "account_id?": TEXT}
TOKEN = {"service_request_id": r"PA[0-9A-Z]{8}", "token": TEXT}
UPDATE = {
    "update_id": r"PA[0-9A-Z]{8}-\d+",
    "service_request_id": r"PA[0-9A-Z]{8}",
    "status": "open|closed",
    "updated_datetime": MOMENT,
    "description": TEXT,
    "media_url?": URL,
}
ERROR = {"code": "[45][0-9][0-9]", "description": TEXT}


def check(record: Mapping[str, Any], table: Mapping[str, str]) -> None:
    """A record has these fields, in this order, and no other."""
    assert list(record) == [name.rstrip("?") for name in table]
    for name, pattern in table.items():
        value = record[name.rstrip("?")]
        if value is None:
            assert name.endswith("?"), name
        else:
            assert re.fullmatch(pattern, value), f"{name}: {value!r}"


def as_text(value: Any) -> Any:
    """JSON as XML would say it."""
    match value:
        case dict():
            return {name: as_text(inner) for name, inner in value.items()}
        case list():
            return [as_text(inner) for inner in value]
        case bool():
            return str(value).lower()
        case None | "":
            return None
        case _:
            return str(value)


LISTS = {"attributes", "values", "photos", "endpoints", "formats"}


def of_element(element: ElementTree.Element) -> Any:
    if element.tag in LISTS or element.tag in {"services", "service_requests", "service_request_updates", "errors"}:
        return [of_element(inner) for inner in element]
    if len(element):
        return {inner.tag: of_element(inner) for inner in element}
    return element.text


def said(answer: httpx.Response) -> Any:
    """What an answer says, whatever its format."""
    if answer.request.url.path.endswith(".xml"):
        assert answer.headers["content-type"] == TYPES["xml"]
        assert answer.text.startswith(DECLARATION)
        assert "xmlns" not in answer.text
        return of_element(ElementTree.fromstring(answer.content))
    assert answer.headers["content-type"] == TYPES["json"]
    return as_text(answer.json())


async def asked(desk: httpx.AsyncClient, path: str, answered: int = 200, /, **params: Any) -> Any:
    """The same from both formats, and that it is the same."""
    answers = [await desk.get(f"{path}.{format_}", params=params) for format_ in FORMATS]
    assert [answer.status_code for answer in answers] == [answered] * 2, answers[0].text
    one, other = map(said, answers)
    assert one == other
    return one


def form(machine: Machine | None = None, **other: Any) -> dict[str, Any]:
    """What a client sends to report a lamp that is out."""
    lat, long = TRANG_TIEN
    key = {} if machine is None else {"api_key": machine.key}
    return key | {"service_code": "street_light", "lat": lat, "long": long, "description": "Đèn hỏng"} | other


@pytest.fixture
async def machine(db: Connection) -> Machine:
    return await a_machine(db, ["reports.write"], plain_key=True, name="Cổng của thành phố bạn")


async def posted(desk: httpx.AsyncClient, machine: Machine, **other: Any) -> str:
    """The id of a request that was sent."""
    answer = await desk.post(f"{BASE}/requests.json", data=form(machine, **other))
    assert answer.status_code == 201, answer.text
    return answer.json()[0]["service_request_id"]


def large(photo: UUID) -> str:
    """What a planted picture is called."""
    return f"large-{photo.hex}"[:32]


async def published(db: Connection, desk: httpx.AsyncClient, code: str) -> str:
    """It was looked at, and everybody may read it; its id."""
    report_id = str(await db.fetchval(sql.report_of_code, code))
    await (await a_centre(db, desk)).did(report_id, "verification", accepted=True)
    return report_id


# Discovery and services


async def test_discovery_says_where_the_api_is(desk: httpx.AsyncClient) -> None:
    found = await asked(desk, "/open311/discovery")
    assert list(found) == ["changeset", "contact", "key_service", "endpoints"]
    assert re.fullmatch(MOMENT, found["changeset"])
    [endpoint] = found["endpoints"]
    assert endpoint == {
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": f"{settings().public_url}/open311/v2",
        "changeset": found["changeset"],
        "type": "test",
        "formats": ["text/xml", "application/json"],
    }


async def test_the_services_are_the_eighteen_categories(desk: httpx.AsyncClient) -> None:
    services = await asked(desk, f"{BASE}/services")
    assert len(services) == 18
    for service in services:
        check(service, SERVICE)
    assert "officer_conduct" not in {service["service_code"] for service in services}
    assert services[2]["service_name"] == "Potholes and roads"
    raw = (await desk.get(f"{BASE}/services.json", headers={"accept-language": "vi"})).json()
    assert raw[2]["service_name"] == "Hư hỏng mặt đường"
    assert raw[2]["metadata"] is True
    xml = await desk.get(f"{BASE}/services.xml")
    assert xml.text.startswith(f"{DECLARATION}\n<services><service><service_code>")


@pytest.mark.parametrize("code", ["pothole", "street_light", "noise"])
async def test_a_service_says_what_it_asks(desk: httpx.AsyncClient, code: str) -> None:
    definition = await asked(desk, f"{BASE}/services/{code}")
    assert definition["service_code"] == code
    assert [attribute["order"] for attribute in definition["attributes"]] == [
        str(order) for order in range(1, len(definition["attributes"]) + 1)
    ]
    for attribute in definition["attributes"]:
        values = attribute.pop("values")
        check(attribute, ATTRIBUTE)
        for value in values or []:
            check(value, {"key": r"\w+", "name": TEXT})
    told = {attribute["code"] for attribute in definition["attributes"]}
    assert told == {"urgent"} | {"pothole": {"photo"}, "noise": {"place"}}.get(code, set())


async def test_a_service_definition_is_one_object(desk: httpx.AsyncClient) -> None:
    raw = (await desk.get(f"{BASE}/services/pothole.json")).json()
    assert raw["attributes"][0]["variable"] is True
    assert raw["attributes"][0]["order"] == 1
    assert raw["attributes"][0]["values"][0] == {"key": "true", "name": "Yes"}
    assert raw["attributes"][1]["variable"] is False
    assert raw["attributes"][1]["values"] == []


# Requests are filed


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("way", ["body", "query", "both", "multipart"])
async def test_a_request_is_filed_from_the_body_or_the_query(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, format_: str, way: str
) -> None:
    fields = form(machine, account_id="17", device_id="abc", address_string="12 Lê Lợi", jurisdiction_id="hue.gov.vn")
    fields["attribute[urgent]"] = "true"
    path = f"{BASE}/requests.{format_}"
    match way:
        case "body":
            answer = await desk.post(path, data=fields)
        case "query":
            answer = await desk.post(path, params=fields)
        case "both":
            half = {name: fields.pop(name) for name in ("api_key", "lat", "long")}
            answer = await desk.post(path, params=half | {"description": "không phải"}, data=fields)
        case _:
            answer = await desk.post(path, files={name: (None, str(value)) for name, value in fields.items()})
    assert answer.status_code == 201, answer.text
    [made] = said(answer)
    check(made, FILED)
    assert made["account_id"] == "17"
    row = await db.fetchrow(sql.report_as_filed, made["service_request_id"])
    assert row is not None
    assert dict(row) == {
        "channel": "open311",
        "filed_by": machine.id,
        "reporter_id": None,
        "category_code": "street_light",
        "said": "Đèn hỏng",
        "lat": TRANG_TIEN[0],
        "lng": TRANG_TIEN[1],
        "address": "12 Lê Lợi",
        "urgent": True,
        "private": False,
        "caller_name": None,
        "caller_phone": None,
        "caller_email": None,
        "filed_step": "reporter",
    }


async def test_who_says_so_is_kept_and_nobody_reads_it(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    words = "Tôi là Lê Thị Ngự Bình, gọi 0905 123 456 hoặc binh@example.com. Đèn hỏng."
    code = await posted(
        desk,
        machine,
        first_name="Bình",
        last_name="Lê Thị Ngự",
        email="binh@example.com",
        phone="0905 123 456",
        description=words,
        address_string="Nhà Lê Thị Ngự Bình",
    )
    row = await db.fetchrow(sql.report_as_filed, code)
    assert row is not None
    assert (row["caller_name"], row["caller_phone"], row["caller_email"]) == (
        "Lê Thị Ngự Bình",
        "+84905123456",
        "binh@example.com",
    )
    await published(db, desk, code)
    for path in (f"{BASE}/requests/{code}", f"{BASE}/requests", f"{BASE}/servicerequestupdates"):
        for format_ in FORMATS:
            text = (await desk.get(f"{path}.{format_}?extensions=true")).text
            assert not re.search(r"0905|\+8490|binh@|Ngự Bình", text)
            assert str(machine.id) not in text


async def test_the_same_again_within_a_day_is_the_same_request(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, later: Callable[[float], Any]
) -> None:
    code = await posted(desk, machine)
    again = await desk.post(f"{BASE}/requests.xml", data=form(machine))
    assert (again.status_code, said(again)[0]["service_request_id"]) == (200, code)
    assert await posted(desk, machine, description="Đèn hỏng từ hôm qua") != code
    assert await posted(desk, machine, lat=16.4690) != code
    assert await posted(desk, machine, phone="0905123457") != code, "somebody else says so"
    other = await a_machine(db, ["reports.write"], plain_key=True)
    assert await posted(desk, other) != code
    await later(86_401)
    assert await posted(desk, machine) != code


async def test_a_place_may_be_an_address_that_names_a_ward(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    for address in ("12 Kim Long, phường Vỹ Dạ, Huế", "12 Kim Long, P. VỸ DẠ"):
        code = await posted(desk, machine, lat="", long="", address_string=address)
        row = await db.fetchrow(sql.report_as_filed, code)
        assert row is not None
        assert (row["lat"], row["lng"], row["address"]) == (16.47509, 107.61057, address)
    for address in ("12 Kim Long", "giữa phường Vỹ Dạ và phường Phú Xuân", ""):
        answer = await desk.post(f"{BASE}/requests.json", data=form(machine, lat="", long="", address_string=address))
        assert answer.status_code == 400


async def test_what_control_characters_a_form_brings_are_dropped(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    code = await posted(
        desk, machine, description="Đèn\x00 \x1bhỏng\r\nhai\u202e bóng\x85 ", address_string="a\tb\nc"
    )
    row = await db.fetchrow(sql.report_as_filed, code)
    assert row is not None
    assert (row["said"], row["address"]) == ("Đèn hỏng\nhai bóng", "a b c")


async def test_raw_utf_8_in_a_form_is_read_as_it_is(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    body = f"api_key={machine.key}&service_code=noise&lat=16.4689&long=107.5903&description=Ồn+quá".encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await desk.post(f"{BASE}/requests.json", content=body, headers=kind)
    assert answer.status_code == 201, answer.text
    row = await db.fetchrow(sql.report_as_filed, answer.json()[0]["service_request_id"])
    assert row is not None
    assert row["said"] == "Ồn quá"


NOES: list[tuple[dict[str, Any], int, str]] = [
    ({"service_code": ""}, 400, "service_code"),
    ({"service_code": "no_such"}, 404, "no_such"),
    ({"service_code": "officer_conduct"}, 404, "officer_conduct"),
    ({"jurisdiction_id": "hanoi.gov.vn"}, 404, "hanoi.gov.vn"),
    ({"lat": ""}, 400, "lat"),
    ({"long": ""}, 400, "long"),
    ({"lat": "", "long": ""}, 400, "place"),
    ({"lat": "", "long": "", "address_id": "17"}, 400, "place"),
    ({"lat": "north"}, 400, "lat"),
    ({"lat": "nan"}, 400, "lat"),
    ({"lat": "91"}, 400, "lat"),
    ({"lat": "21.03", "long": "105.85"}, 400, "outside"),
    ({"description": "x" * 4001}, 400, "4000"),
    ({"email": "binh at example"}, 400, "email"),
    ({"phone": "call me"}, 400, "phone"),
    ({"attribute[colour]": "red"}, 400, "colour"),
    ({"attribute[urgent]": "perhaps"}, 400, "urgent"),
    ({"attribute[urgent][]": ["true", "false"]}, 400, "urgent"),
    ({"service_code": "pothole"}, 400, "photo"),
    ({"media_url": "http://example.com/a.jpg"}, 400, "media_url"),
]


@pytest.mark.parametrize(("change", "status", "word"), NOES, ids=[str(no[0])[:60] for no in NOES])
async def test_a_request_that_cannot_be_filed_is_told_why(
    desk: httpx.AsyncClient, machine: Machine, change: dict[str, Any], status: int, word: str
) -> None:
    for format_ in FORMATS:
        answer = await desk.post(f"{BASE}/requests.{format_}", data=form(machine, **change))
        assert answer.status_code == status, answer.text
        for line in said(answer):
            check(line, ERROR)
            assert line["code"] == str(status)
        assert word in said(answer)[0]["description"]
        assert answer.headers["content-language"] == "en"


async def test_a_no_is_in_vietnamese_for_whoever_asks(desk: httpx.AsyncClient) -> None:
    answer = await desk.get(f"{BASE}/requests/PA00000000.xml", headers={"accept-language": "vi-VN,vi;q=0.9"})
    lines = "<error><code>404</code><description>Không tìm thấy.</description></error>"
    assert answer.text == f"{DECLARATION}\n<errors>{lines}</errors>"
    assert answer.headers["content-language"] == "vi"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"service_code":"noise"}', "application/json"),
        (b"api_key=%E1", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(300)), "application/x-www-form-urlencoded"),
        (b"--x\r\nno", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data"),
        (
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
async def test_what_is_no_form_is_refused(
    desk: httpx.AsyncClient, machine: Machine, content: bytes, kind: str
) -> None:
    headers = machine.plain | {"content-type": kind}
    answer = await desk.post(f"{BASE}/requests.json", content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    check(said(answer)[0], ERROR)


# Keys


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_key_that_is_missing_or_wrong_is_403(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, format_: str
) -> None:
    reader = await a_machine(db, ["reports.read"], plain_key=True)
    signer = await a_machine(db, ["reports.write"])
    resident = await a_resident(db)
    path = f"{BASE}/requests.{format_}"
    wrong = [
        await desk.post(path, data=form()),
        await desk.post(path, data=form(api_key="")),
        await desk.post(path, data=form(api_key="none")),
        await desk.post(path, data=form(api_key=machine.key[:-1] + ("y" if machine.key.endswith("x") else "x"))),
        await desk.post(path, params=form(api_key="none")),
        await desk.post(path, data=form(reader)),
        await desk.post(path, data=form(signer)),
        await desk.post(path, data=form(), headers=resident.headers),
        await desk.post(path, data={**form(), "api_key": [machine.key, reader.key]}),
        await desk.post(f"{BASE}/servicerequestupdates.{format_}", data={"update_id": "1"}),
        await desk.get(path, params={"api_key": "none"}),
    ]
    for answer in wrong:
        assert answer.status_code == 403, answer.text
        [line] = said(answer)
        check(line, ERROR)
        assert line["code"] == "403"


async def test_a_key_opens_by_each_of_its_ways(desk: httpx.AsyncClient, machine: Machine) -> None:
    path = f"{BASE}/requests.json"
    part = {"api_key": (None, machine.key), **{name: (None, str(value)) for name, value in form().items()}}
    last = {**{name: (None, str(value)) for name, value in form().items()}, "api_key": (None, machine.key)}
    for answer in (
        await desk.post(path, data=form(machine)),
        await desk.post(path, params={"api_key": machine.key}, data=form()),
        await desk.post(path, headers=machine.plain, data=form()),
        await desk.post(path, files=part),
        await desk.post(path, files=last),
    ):
        assert answer.status_code in {200, 201}, answer.text
    body = urlencode(form()).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    signed = await desk.post(path, content=body, headers=machine.sign("POST", path, body, headers=headers) | headers)
    assert signed.status_code == 200, signed.text


async def test_a_key_in_a_form_opens_nothing_else(desk: httpx.AsyncClient, machine: Machine) -> None:
    assert (await desk.post("/v1/machine", data={"api_key": machine.key})).status_code in {401, 405}
    assert (await desk.post("/v1/sign-in/codes", data={"api_key": machine.key})).status_code == 415
    body = f"api_key={machine.key}".encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert (await desk.request("GET", "/v1/machine", content=body, headers=kind)).status_code == 401


async def test_a_key_behind_a_large_file_is_not_looked_for(desk: httpx.AsyncClient, machine: Machine) -> None:
    parts: list[tuple[str, Any]] = [
        ("media", ("a.jpg", JPEG + bytes(100_000), "image/jpeg")),
        *((name, (None, str(value))) for name, value in form(machine).items()),
    ]
    assert (await desk.post(f"{BASE}/requests.json", files=parts)).status_code == 403
    before = [*parts[1:], parts[0]]
    assert (await desk.post(f"{BASE}/requests.json", files=before)).status_code == 201


async def test_a_form_that_comes_byte_by_byte_is_read_like_any_other(
    desk: httpx.AsyncClient, machine: Machine
) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for number in range(len(body)):
            yield body[number : number + 1]

    body = urlencode(form(machine)).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert (await desk.post(f"{BASE}/requests.json", content=drops(), headers=kind)).status_code == 201


# Requests are read


async def test_a_public_report_is_read_field_by_field(db: Connection, desk: httpx.AsyncClient) -> None:
    person = await a_resident(db)
    photo = await a_photo(db, person.id)
    report = await filed(desk, person, uploads=[str(photo)], address="Cầu Trường Tiền")
    centre = await a_centre(db, desk)
    await centre.hand_over(report["id"])
    path = f"{BASE}/requests/{report['code']}"
    [found] = await asked(desk, path)
    check(found, REQUEST)
    assert found["status"] == "open"
    assert found["agency_responsible"]
    assert found["media_url"] == f"{settings().public_url}/v1/pictures/{large(photo)}"
    assert (found["lat"], found["long"]) == tuple(map(str, TRANG_TIEN))
    assert found["address"] == "Cầu Trường Tiền"
    [raw] = (await desk.get(f"{path}.json")).json()
    assert raw["lat"] == TRANG_TIEN[0]
    assert raw["zipcode"] is None
    assert datetime.fromisoformat(raw["requested_datetime"]).utcoffset() == timedelta(hours=7)
    await centre.did(report["id"], "start", centre.officer)
    after = await a_photo(db, centre.officer.id)
    await centre.resolve(report["id"], after)
    [closed] = await asked(desk, path)
    assert (closed["status"], closed["status_notes"]) == ("closed", "Đã thay bóng đèn mới.")
    assert closed["media_url"].endswith(large(photo))
    [extended] = await asked(desk, path, extensions="true")
    extra = extended.pop("extended_attributes")
    assert extended == closed
    assert extra["detailed_status"] == "resolved"
    assert extra["ward_name"]
    assert [url.rpartition("/")[2] for url in extra["photos"]] == [large(photo), large(after)]


async def test_what_is_private_unverified_or_unknown_is_not_found_alike(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    person = await a_resident(db)
    unverified = await posted(desk, machine)
    private = await filed(desk, person, private=True)
    centre = await a_centre(db, desk)
    await centre.did(private["id"], "verification", accepted=True)
    rejected = await filed(desk, person, text="Đèn quá sáng")
    await centre.did(rejected["id"], "verification", accepted=False, reason="Không có thật")
    hidden = [unverified, private["code"], rejected["code"]]
    for kind in ("requests", "tokens"):
        for format_ in FORMATS:
            unknown = await desk.get(f"{BASE}/{kind}/PA00000000.{format_}")
            assert unknown.status_code == 404
            check(said(unknown)[0], ERROR)
            for code in hidden:
                answer = await desk.get(f"{BASE}/{kind}/{code}.{format_}", params={"api_key": machine.key})
                assert (answer.status_code, answer.content) == (404, unknown.content)
    assert await asked(desk, f"{BASE}/requests") in (None, [])
    assert (await desk.get(f"{BASE}/requests.json", params={"service_request_id": ",".join(hidden)})).json() == []
    assert (await desk.get(f"{BASE}/servicerequestupdates.json")).json() == []


async def test_a_token_is_the_id_itself(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> None:
    code = await posted(desk, machine)
    await published(db, desk, code)
    [token] = await asked(desk, f"{BASE}/tokens/{code}")
    check(token, TOKEN)
    assert token == {"service_request_id": code, "token": code}


@pytest.mark.parametrize("document", ["PA00000000", "PA00000000.csv", "PA00000000.", ".json", "a.b.json"])
async def test_what_has_no_format_or_no_name_is_not_found(desk: httpx.AsyncClient, document: str) -> None:
    for kind in ("requests", "services", "tokens"):
        answer = await desk.get(f"{BASE}/{kind}/{document}")
        assert answer.status_code == 404
        check(said(answer)[0], ERROR)


async def test_a_place_that_may_not_be_told_exactly_is_not(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    code = await posted(desk, machine, service_code="noise", address_string="Số 7")
    await published(db, desk, code)
    [found] = await asked(desk, f"{BASE}/requests/{code}")
    assert (float(found["lat"]), float(found["long"])) != TRANG_TIEN
    assert found["address"] is None
    near = await asked(desk, f"{BASE}/requests", lat=TRANG_TIEN[0], long=TRANG_TIEN[1], radius=150)
    assert len(near) == 1


@pytest.fixture
async def three(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> list[str]:
    """Three public reports, the newest first: one closed, two of street lights, one elsewhere."""
    lamp = await posted(desk, machine)
    noise = await posted(desk, machine, service_code="noise", lat=16.40216, long=107.54885)
    order = await posted(desk, machine, service_code="animals")
    for days, code in ((10, lamp), (5, noise), (1, order)):
        report_id = await published(db, desk, code)
        await db.execute(sql.backdate_report, UUID(report_id), days)
    await db.execute(sql.set_report_status, await db.fetchval(sql.report_of_code, order), "closed")
    return [order, noise, lamp]


def days_ago(days: float) -> str:
    return (city_now() - timedelta(days=days)).isoformat()


async def test_reports_are_searched_as_the_standard_says(desk: httpx.AsyncClient, three: list[str]) -> None:
    order, noise, lamp = three

    async def found(**params: Any) -> list[str]:
        listed = await asked(desk, f"{BASE}/requests", **params)
        for one in listed or []:
            check(one, REQUEST)
        return [one["service_request_id"] for one in listed or []]

    assert await found() == [order, noise, lamp]
    assert await found(service_request_id=f"{lamp}, {noise},PA00000000", status="closed") == [noise, lamp]
    assert await found(service_code="noise,animals") == [order, noise]
    assert await found(status="open") == [noise, lamp]
    assert await found(status="closed") == [order]
    assert await found(status="open,closed") == [order, noise, lamp]
    assert await found(start_date=days_ago(6)) == [order, noise]
    assert await found(end_date=days_ago(4)) == [noise, lamp]
    assert await found(start_date=days_ago(6), end_date=days_ago(4)) == [noise]
    assert await found(start_date=days_ago(89), end_date="") == [order, noise, lamp]
    assert await found(start_date="2026-01-01T00:00:00.123Z", end_date="2026-01-02T00:00:00+07:00") == []
    assert await found(updated_after=days_ago(6)) == [noise, order], "what changed first"
    assert await found(updated_after=days_ago(6), start_date=days_ago(3)) == [order]
    assert await found(updated_before=days_ago(6)) == [lamp]
    assert await found(page_size=2) == [order, noise]
    assert await found(page_size=2, page=2) == [lamp]
    assert await found(page=3) == []
    assert await found(lat=16.40216, long=107.54885) == [noise]
    assert await found(lat=16.40216, long=107.54885, radius=50_000) == [order, noise, lamp]
    assert await found(jurisdiction_id="", service_code="", status="", extensions="false") == [order, noise, lamp]


async def test_older_than_ninety_days_is_asked_for_by_its_dates(
    db: Connection, desk: httpx.AsyncClient, three: list[str]
) -> None:
    await db.execute(sql.backdate_report, await db.fetchval(sql.report_of_code, three[0]), 100)
    assert len(await asked(desk, f"{BASE}/requests")) == 2
    assert len(await asked(desk, f"{BASE}/requests", start_date=days_ago(120), end_date=days_ago(60))) == 1


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"service_code": "no_such"}, 404),
        ({"service_code": "noise,officer_conduct"}, 404),
        ({"jurisdiction_id": "x"}, 404),
        ({"status": "fixed"}, 400),
        ({"start_date": "yesterday"}, 400),
        ({"start_date": "2026-01-01T00:00:00"}, 400),
        ({"start_date": "9999-12-31T23:59:59Z"}, 400),
        ({"start_date": "0001-01-01T00:00:00+14:00"}, 400),
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"}, 400),
        ({"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"}, 400),
        ({"page": "0"}, 400),
        ({"page": "99999999999999999999"}, 400),
        ({"page_size": "1001"}, 400),
        ({"page_size": "-1"}, 400),
        ({"page_size": "٣"}, 400),
        ({"lat": "16"}, 400),
        ({"radius": "100"}, 400),
        ({"lat": "16", "long": "107", "radius": "0"}, 400),
        ({"lat": "16", "long": "107", "radius": "inf"}, 400),
        ({"extensions": "perhaps"}, 400),
        ({"service_request_id": ","}, 400),
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(
    desk: httpx.AsyncClient, params: dict[str, str], status: int
) -> None:
    for line in await asked(desk, f"{BASE}/requests", status, **params):
        check(line, ERROR)


async def test_a_plus_that_nobody_encoded_is_understood(desk: httpx.AsyncClient) -> None:
    answer = await desk.get(
        f"{BASE}/requests.json?start_date=2026-01-01T00:00:00+07:00&end_date=2026-01-02T00:00:00 0700"
    )
    assert answer.status_code == 200, answer.text


async def test_json_that_has_not_changed_costs_nothing(desk: httpx.AsyncClient, three: list[str]) -> None:
    first = await desk.get(f"{BASE}/requests.json")
    again = await desk.get(f"{BASE}/requests.json", headers={"if-none-match": first.headers["etag"]})
    assert (len(first.json()), again.status_code) == (len(three), 304)


async def test_another_method_is_taken_nowhere(desk: httpx.AsyncClient) -> None:
    assert (await desk.put(f"{BASE}/requests.json")).status_code == 405
    assert (await desk.head(f"{BASE}/requests.json")).status_code == 200


# Updates


async def test_what_was_done_is_told_in_order(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> None:
    code = await posted(desk, machine)
    centre = await a_centre(db, desk)
    report_id = str(await db.fetchval(sql.report_of_code, code))
    await centre.hand_over(report_id)
    await centre.did(report_id, "start", centre.officer)
    await centre.put(report_id, "notes", centre.officer, text="Chỉ nội bộ")
    after = await a_photo(db, centre.officer.id)
    await centre.resolve(report_id, after)
    updates = await asked(desk, f"{BASE}/servicerequestupdates")
    for update in updates:
        check(update, UPDATE)
        assert update["service_request_id"] == code
    assert [update["status"] for update in updates] == ["open", "open", "open", "closed"]
    assert [update["description"] for update in updates][1:] == [
        "Handed to the agency in charge.", "Under way.", "Đã thay bóng đèn mới.",
    ]  # fmt: skip
    assert updates[-1]["media_url"].endswith(large(after))
    assert len({update["update_id"] for update in updates}) == 4
    assert len(await asked(desk, f"{BASE}/servicerequestupdates", page_size=3, page=2)) == 1
    assert await asked(desk, f"{BASE}/servicerequestupdates", end_date=days_ago(1)) in (None, [])
    await asked(desk, f"{BASE}/servicerequestupdates", 400, start_date="x")


@pytest.mark.parametrize("format_", FORMATS)
async def test_an_update_from_elsewhere_is_a_comment(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, format_: str
) -> None:
    code = await posted(desk, machine)
    path = f"{BASE}/servicerequestupdates.{format_}"
    fields = {
        "api_key": machine.key, "update_id": "fms-17", "service_request_id": code, "status": "OPEN",
        "updated_datetime": "2026-11-23T09:00:00.5+07:00", "description": "Vẫn hỏng, gọi 0905123456 nhé",
        "email": "binh@example.com", "first_name": "Bình", "last_name": "Lê", "media_url": "https://fms.example/1.jpeg",
    }  # fmt: skip
    assert (await desk.post(path, data=fields)).status_code == 404, "not public yet"
    report_id = await published(db, desk, code)
    first, again = await desk.post(path, data=fields), await desk.post(path, data=fields)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert said(first) == said(again) == [{"update_id": "fms-17"}]
    shown = (await desk.get(f"/v1/feedback/reports/{report_id}")).json()
    assert [comment["text"] for comment in shown["comments"]] == ["Vẫn hỏng, gọi *** nhé"]
    assert shown["status"] == "verified"
    assert len(await db.fetch(sql.news_of_kind, "ReportMediaLinked")) == 1
    for change, status in (
        ({"description": "Khác"}, 400), ({"update_id": ""}, 400), ({"service_request_id": "PA00000000"}, 404),
        ({"description": ""}, 400), ({"updated_datetime": "x"}, 400), ({"media_url": "ftp://x/"}, 400),
        ({"description": "x" * 1001}, 400),
    ):  # fmt: skip
        answer = await desk.post(path, data=fields | change)
        assert answer.status_code == status, f"{change}: {answer.text}"
        check(said(answer)[0], ERROR)


# XML


TRICKY = "Đường \"Lê Lợi\" & 'Hùng Vương' <b>sụt</b> ]]> &amp; 1 < 2\r\n\tẮẰẲẴẶ đ 🕳️"


def a_request(**other: Any) -> ServiceRequest:
    fields: dict[str, Any] = dict.fromkeys(ServiceRequest.__struct_fields__)
    texts: dict[str, Any] = {
        "service_request_id": "PA1",
        "status": "open",
        "lat": 16.4689,
        "long": 107.5903,
        "description": TRICKY,
    }
    return ServiceRequest(**fields | texts | other)


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_tricky_is_escaped_once(count: int) -> None:
    body = formats.write("xml", "service_requests", [a_request(address="a & b", agency_responsible="")] * count)
    root = ElementTree.fromstring(body)
    assert root.tag == "service_requests"
    assert [request.findtext("description") for request in root] == [TRICKY] * count
    assert [request.findtext("address") for request in root] == ["a & b"] * count
    assert [request.find("zipcode").text for request in root] == [None] * count  # pyright: ignore[reportOptionalMemberAccess]
    assert [element.tag for element in root[0]] == list(ServiceRequest.__struct_fields__)
    assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')


def test_no_value_is_taken_for_a_template() -> None:
    body = formats.write("xml", "service_requests", [a_request(description="100% %s %(a)s {x}", address="%%")])
    assert ElementTree.fromstring(body)[0].findtext("description") == "100% %s %(a)s {x}"


def test_what_xml_cannot_hold_is_dropped() -> None:
    every = "".join(map(chr, [*range(1, 0xA0), 0xFFFE, 0xFFFF, 0xD800, 0x10FFFF]))
    for content in ([a_request(description=every)], [ErrorLine(code="400", description=every)]):
        root = ElementTree.fromstring(formats.write("xml", "errors", content))
        kept = root[0].findtext("description") or ""
        assert "".join(map(chr, range(0x20, 0x7F))) in kept
        assert all(char in "\t\n\r" or (char >= " " and not "\x7f" <= char <= "\x9f") for char in kept)
        assert kept.endswith("\U0010ffff")


async def test_what_somebody_wrote_comes_back_as_it_was(
    db: Connection, desk: httpx.AsyncClient, machine: Machine
) -> None:
    code = await posted(desk, machine, description=TRICKY)
    await published(db, desk, code)
    for path in (f"{BASE}/requests/{code}", f"{BASE}/requests"):
        [found] = await asked(desk, path)
        assert found["description"] == TRICKY.replace("\r\n", "\n")


def test_none_is_an_empty_list() -> None:
    assert formats.write("json", "service_requests", []) == b"[]"
    assert ElementTree.fromstring(formats.write("xml", "service_requests", [])).tag == "service_requests"


# Pictures


async def test_a_file_becomes_part_of_the_report(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> None:
    parts = {name: (None, str(value)) for name, value in form(machine, service_code="pothole").items()}
    answer = await desk.post(f"{BASE}/requests.json", files={**parts, "media": ("ổ gà.jpg", JPEG, "image/jpeg")})
    assert answer.status_code == 201, answer.text
    code = answer.json()[0]["service_request_id"]
    await published(db, desk, code)
    [found] = await asked(desk, f"{BASE}/requests/{code}")
    assert found["media_url"].startswith(f"{settings().public_url}/v1/pictures/")


async def test_a_file_that_is_no_picture_is_refused(desk: httpx.AsyncClient, machine: Machine) -> None:
    parts = {name: (None, str(value)) for name, value in form(machine, service_code="pothole").items()}
    for content in (b"<svg/>", b"%PDF-1.7", b"GIF89a"):
        answer = await desk.post(f"{BASE}/requests.json", files={**parts, "media": ("a.jpg", content, "image/jpeg")})
        assert answer.status_code == 400, answer.text
        check(said(answer)[0], ERROR)


async def test_a_body_that_is_too_large_is_refused(desk: httpx.AsyncClient, machine: Machine) -> None:
    large = {"media": ("a.jpg", bytes(media.MOST_FORM_BYTES), "image/jpeg")}
    answer = await desk.post(f"{BASE}/requests.json", files=large, headers=machine.plain)
    assert answer.status_code == 400
    check(said(answer)[0], ERROR)


REFUSED_AT_ONCE = [
    "http://example.com/a.jpg", "file:///etc/passwd", "ftp://example.com/a", "gopher://example.com/",
    "//example.com/a", "data:image/png;base64,AA", "example.com/a.jpg", "https://", "https://127.0.0.1/a", "https://[::1]/a",
    "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "https://[::ffff:127.0.0.1]/",
    "https://[fd00:ec2::254]/", "https://user:pass@example.com/", "https://example.com:0/", "https://0.0.0.0/",
    "https://192.168.1.1/a.jpg", "https://[64:ff9b::7f00:1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED_AT_ONCE)
async def test_e38_a_media_url_that_leads_to_us_is_refused_at_once(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, url: str
) -> None:
    """In a sandbox too: the tests are one."""
    answer = await desk.post(f"{BASE}/requests.json", data=form(machine, media_url=url))
    assert answer.status_code == 400
    assert "media_url" in said(answer)[0]["description"]
    assert not await db.fetch(sql.news_of_kind, "ReportMediaLinked")


class Outside:
    """Somebody out there: what their names stand for, and what they answer; nobody real is asked."""

    def __init__(self) -> None:
        self.addresses = ["8.8.8.8"]
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, stream=httpx.ByteStream(JPEG))
        self.asked: list[httpx.Request] = []

    async def handle(self, _: Any, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answer()
        answer.request = request
        return answer


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    somebody = Outside()

    async def handle(transport: Any, request: httpx.Request) -> httpx.Response:
        return await somebody.handle(transport, request)

    def resolve(host: str, port: int) -> list[str]:
        return somebody.addresses

    monkeypatch.setattr(guarded, "_resolve", resolve)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return somebody


class Linked:
    """A report whose picture is still to be fetched."""

    def __init__(self, db: Connection, desk: httpx.AsyncClient, code: str) -> None:
        self.db, self.desk, self.code = db, desk, code

    async def fetch(self) -> None:
        """As the worker does."""
        [row] = await self.db.fetch(sql.news_of_kind, "ReportMediaLinked")
        await media.fetch(OneConnection(self.db), News(row["id"], "ReportMediaLinked", row["data"], city_now()))

    async def pictures(self) -> int:
        return await self.db.fetchval(sql.pictures_of_code, self.code)

    async def notes(self) -> list[str]:
        return await self.db.fetchval(sql.notes_of_code, self.code)


@pytest.fixture
async def linked(db: Connection, desk: httpx.AsyncClient, machine: Machine) -> Linked:
    code = await posted(desk, machine, service_code="pothole", media_url="https://photos.example/a.jpg?size=1")
    return Linked(db, desk, code)


async def test_a_media_url_is_fetched_after_and_becomes_a_picture(linked: Linked, outside: Outside) -> None:
    assert not outside.asked, "nobody waits for it"
    assert await linked.pictures() == 0
    await linked.fetch()
    await linked.fetch()
    [request] = outside.asked
    assert str(request.url) == "https://8.8.8.8/a.jpg?size=1"
    assert request.headers["host"] == "photos.example"
    assert request.extensions["sni_hostname"] == "photos.example"
    assert await linked.pictures() == 1
    await published(linked.db, linked.desk, linked.code)
    [found] = await asked(linked.desk, f"{BASE}/requests/{linked.code}")
    assert found["media_url"]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["::1"], ["fd00::1"], ["8.8.8.8", "192.168.1.1"], ["0.0.0.0"]],
)
async def test_e38_a_name_that_stands_for_us_is_not_called(
    linked: Linked, outside: Outside, addresses: list[str]
) -> None:
    outside.addresses = addresses
    await linked.fetch()
    assert not outside.asked
    assert await linked.pictures() == 0
    assert len(await linked.notes()) == 1


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0x7f000001", "127.1", "017700000001", "0", "localhost"])
async def test_e38_an_address_that_is_written_otherwise_is_not_called(
    db: Connection, desk: httpx.AsyncClient, machine: Machine, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """By the machine's own resolver."""
    called: list[str] = []

    async def handle(_: Any, request: httpx.Request) -> httpx.Response:
        called.append(str(request.url))
        return httpx.Response(200, stream=httpx.ByteStream(JPEG))

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    answer = await desk.post(f"{BASE}/requests.json", data=form(machine, media_url=f"https://{host}/a.jpg"))
    if answer.status_code == 201:
        late = Linked(db, desk, answer.json()[0]["service_request_id"])
        with suppress(NotNow):  # no such name
            await late.fetch()
        assert await late.pictures() == 0
    assert not called


async def test_e38_a_redirect_is_not_followed(linked: Linked, outside: Outside) -> None:
    outside.answer = lambda: httpx.Response(302, headers={"location": "http://169.254.169.254/latest/meta-data"})
    await linked.fetch()
    assert len(outside.asked) == 1
    assert (await linked.pictures(), len(await linked.notes())) == (0, 1)


class Endless(httpx.AsyncByteStream):
    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 1024 * 1024
            yield bytes(1024 * 1024)


async def test_a_body_without_an_end_is_left(linked: Linked, outside: Outside) -> None:
    endless = Endless()
    outside.answer = lambda: httpx.Response(200, stream=endless)
    await linked.fetch()
    assert endless.sent <= media.MOST_BYTES + 2 * 1024 * 1024
    assert (await linked.pictures(), len(await linked.notes())) == (0, 1)


class Slow(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"\xff"
            await asyncio.sleep(0.02)


async def test_a_body_that_takes_too_long_is_left_and_tried_again(
    linked: Linked, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "FETCH_WITHIN_S", 0.2)
    outside.answer = lambda: httpx.Response(200, stream=Slow())
    with pytest.raises(NotNow, match="timeout"):
        await linked.fetch()
    assert await linked.notes() == []


@pytest.mark.parametrize(
    ("status", "content", "again"),
    [
        (404, JPEG, False),
        (200, b"", False),
        (200, b"<html>", False),
        (204, b"", False),
        (503, b"", True),
        (429, b"", True),
    ],
)
async def test_what_is_no_picture_is_told_and_what_may_come_is_tried_again(
    linked: Linked, outside: Outside, status: int, content: bytes, again: bool
) -> None:
    outside.answer = lambda: httpx.Response(status, stream=httpx.ByteStream(content))
    if again:
        with pytest.raises(NotNow):
            await linked.fetch()
    else:
        await linked.fetch()
    assert await linked.pictures() == 0
    assert len(await linked.notes()) == (not again)


async def test_no_compression_is_taken(linked: Linked, outside: Outside) -> None:
    await linked.fetch()
    assert outside.asked[0].headers["accept-encoding"] == "identity"
    assert "cookie" not in outside.asked[0].headers


# Limits


async def test_a_thousand_reports_are_one_answer(db: Connection, desk: httpx.AsyncClient) -> None:
    person = await a_resident(db)
    await db.execute(sql.plant_public_reports, person.id, 1100)
    for format_ in FORMATS:
        answer = await desk.get(f"{BASE}/requests.{format_}")
        listed = said(answer)
        assert len(listed) == 1000
        check(listed[0], REQUEST)
        assert len(said(await desk.get(f"{BASE}/requests.{format_}?page=2"))) == 100


async def test_one_machine_files_so_many_an_hour_and_no_more(
    desk: httpx.AsyncClient, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_AN_HOUR", 2)
    for number in range(2):
        await posted(desk, machine, description=f"Đèn {number}")
    answer = await desk.post(f"{BASE}/requests.xml", data=form(machine, description="Đèn khác"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    check(said(answer)[0], ERROR)


async def test_two_of_the_same_at_once_are_one(city: City) -> None:
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["reports.write"], plain_key=True)
    answers = await asyncio.gather(*(city.client.post(f"{BASE}/requests.json", data=form(machine)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()[0]["service_request_id"] for answer in answers}) == 1


async def test_the_worker_fetches_what_was_linked(city: City, outside: Outside) -> None:
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["reports.write"], plain_key=True)
    code = await posted(city.client, machine, service_code="pothole", media_url="https://photos.example/a.jpg")
    await city.worker.drain()
    assert len(outside.asked) == 1
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.pictures_of_code, code) == 1
