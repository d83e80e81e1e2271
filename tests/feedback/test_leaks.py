"""What everybody may read says nothing of who reported, of where they stood, and of what is not public.

A city is planted with secrets, through its own doors; then a stranger and another resident read all there is."""

import html
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import city_now, city_today
from app.db import Connection
from app.identity import devices
from feedback.reports import new_code
from tests.app.uploads.files import opened
from tests.conftest import City
from tests.feedback.fining import AGENCY, the_treasury
from tests.feedback.makers import TRANG_TIEN, Centre, a_centre, a_sent_photo, filed, words
from tests.house.doors import PUBLIC, doors, filled
from tests.makers import Machine, Resident, StaffMember, a_machine, a_resident, a_staff_member
from tests.statements import sql

NAME = "Tằng Tôn Nữ Xuyến Nghê"
CALLER = "Hàn Thuyên Khoái Đức"
ELSEWHERE = "Âu Dương Thoại Kỳ Đà"
"""Who files, who calls the hotline and is called otherwise there, who writes through another city's form."""
OPERATOR, OFFICER, SUPERVISOR = "Trần Viễn Chẫu Đường", "Hồ Thị Quỷnh Loan", "Mai Khắc Uẩn Trừng"
OFFENDER, PLATE = "Phan Đình Vọt Ẩu", "75A-987.65"
PHONE = "+84905246135"
EMAIL, IDENTITY = "xuyen.nghe@thu-rieng.example", "046190071234"
EXACT, EXACT_ADDRESS = (16.468413, 107.593047), "9 Kiệt Khuất Lấp"
"""Where it is loud: a category whose place is blurred."""
TAKEN_AT = ("16.4635", "107.5908")
"""Where the pictures of `a_sent_photo` were taken."""
DEVICE_ELSEWHERE = "thiet-bi-8842-xyz"
UNTOLD = {
    "note": "khoạnhvẹt", "assignment note": "ngoằngtrúc", "information": "thoắngmây", "rating": "quạuđá",
    "rejected": "choàngbưởi", "reason to reject": "nhoẻnsậy", "reason to return": "huênhsứ", "private": "quẫngrêu",
    "complaint": "xoẹtngải", "merged": "loẵngquế", "waiting": "truồnglau", "extension refused": "khuấtrạ",
    "hidden comment": "ngoáptre", "reason to hide": "sượngthông", "question": "hoắcdừa",
}  # fmt: skip
"""A word that nobody else says for each thing that is not public."""
UNTOLD_STEPS = (
    "rejected", "asked", "informed", "lapsed", "returned", "extension_asked", "extension_refused", "merged", "rated",
    "redacted", "fined",
)  # fmt: skip

CITY_BOX = "107.0,15.9,108.3,16.8"
OPEN311 = "/open311/v2"
FORMATS = ("json", "xml")


def spelled(phone: str) -> list[str]:
    """A mobile number as people write it."""
    a, b, c = phone[-9:-6], phone[-6:-3], phone[-3:]
    return [
        phone, phone[1:], f"0{a}{b}{c}", f"0{a} {b} {c}", f"0{a}.{b}.{c}", f"0{a}-{b}-{c}", f"0{a} - {b} - {c}",
        f"0{a} – {b} – {c}", f"(0{a}) {b} {c}", f"+84 {a} {b} {c}", f"+84.{a}.{b}.{c}", f"+84-{a}-{b}-{c}",
        f"(+84) {a} {b} {c}", f"+84 (0) {a} {b} {c}", f"0084{a}{b}{c}", f"00 84 {a} {b} {c}",
        f"0{a}\u00a0{b}\u00a0{c}",
        f"0{a}/{b}/{c}", f"0{a}_{b}_{c}", f"0{a},{b},{c}", f"{a} {b} {c}", f"{a}{b}{c}", f"SĐT:0{a}{b}{c}.",
        f"0{phone[-9:-7]} {phone[-7:-5]} {phone[-5:-3]} {c}", f"0{a}\n{b}\n{c}",
    ]  # fmt: skip


def called(name: str) -> list[str]:
    """A name as people write it."""
    first, *others = name.split()
    return [
        name, name.upper(), name.lower(), plain(name), plain(name).upper(), unicodedata.normalize("NFD", name),
        "  ".join(name.split()), "\n".join(name.split()), " ".join([*others, first]), "_".join(name.split()),
    ]  # fmt: skip


def plain(text: str) -> str:
    """Without accents, as it was typed before there were any."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return bare.replace("đ", "d").replace("Đ", "D")


def folded(text: str) -> str:
    """Letters and digits without accents and case, a space between words."""
    return " ".join(re.findall(r"[^\W_]+", plain(text).casefold()))


def in_digits(number: str) -> re.Pattern[str]:
    """A number, whatever stands between its digits."""
    return re.compile(r"(?<!\d)(?:\d{1,4}[\W_]{0,4})?" + r"[\W_]{0,4}".join(number) + r"(?!\d)")


@dataclass(frozen=True)
class Secrets:
    """What nobody shall read, by what it is."""

    names: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)
    exactly: list[str] = field(default_factory=list)

    def told_in(self, content: bytes) -> list[str]:
        """Those that somebody can make out in an answer, raw or unescaped."""
        return sorted({secret for reading in readings(content) for secret in self._told_in(reading)})

    def _told_in(self, text: str) -> Iterable[str]:
        bare, joined, lower = f" {folded(text)} ", "".join(folded(text).split()), text.casefold()
        yield from (name for name in self.names if f" {folded(name)} " in bare)
        yield from (number for number in self.numbers if in_digits(number).search(text))
        yield from (str(one) for one in self.ids if str(one) in lower or one.hex in lower)
        yield from (
            one for one in self.exactly if one.casefold() in lower or ("." not in one and folded(one) in joined)
        )


def readings(content: bytes) -> set[str]:
    """An answer as it is, and as programs read it: JSON's escapes, entities of XML and HTML, and both."""
    raw = content.decode("utf-8", "replace")
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda sign: chr(int(sign[1], 16)), raw).replace(r"\n", "\n")
    return {raw, unescaped, html.unescape(raw), html.unescape(unescaped)}


def public_secrets(*, phones: Iterable[str] = (), ids: Iterable[UUID] = ()) -> Secrets:
    """All of this city's."""
    people = (NAME, CALLER, ELSEWHERE)
    names = [spelling for name in people for spelling in (name, called(name)[-2])]
    plate = "".join(re.findall(r"\w", PLATE))
    blurred = [f"{degrees:.4f}" for degrees in EXACT]
    return Secrets(
        names=[*names, OPERATOR, OFFICER, SUPERVISOR, OFFENDER, "chị Nghê", "bà Xuyến Nghê", EXACT_ADDRESS],
        numbers=[*(phone[-9:] for phone in (PHONE, *phones)), IDENTITY],
        ids=list(ids),
        exactly=[EMAIL, DEVICE_ELSEWHERE, plate, "Nokia", *UNTOLD.values(), *blurred, *TAKEN_AT]
        + [f'"kind":"{step}"' for step in UNTOLD_STEPS],
    )


def lets_slip(name: str, *phones: str) -> str:
    """Words in which somebody tells all of themselves, in every spelling."""
    who = [*called(name), f"chị {name.split()[-1]}", f"bà {' '.join(name.split()[-2:])}", EMAIL, EMAIL.upper()]
    numbers = [IDENTITY, "046 190 071 234", *(spelling for phone in (PHONE, *phones) for spelling in spelled(phone))]
    return f"Đèn hỏng. Tôi là {'; '.join(who)}; {'; '.join(numbers)}. Hết."


# The secrets, planted


@dataclass
class Planted:
    """A city full of secrets, and what a sweep of it needs."""

    city: City
    person: Resident
    friend: Resident
    secrets: Secrets
    reports: dict[str, dict[str, Any]]
    untold_pictures: set[str] = field(default_factory=set)
    """Names of pictures that are not public."""
    fine: dict[str, Any] = field(default_factory=dict)
    heard: list[httpx.Response] = field(default_factory=list)
    """What the friend was answered on the way."""

    def id_of(self, name: str) -> str:
        return self.reports[name]["id"]

    def code_of(self, name: str) -> str:
        return self.reports[name]["code"]

    async def friend_does(self, name: str, verb: str, **said: Any) -> httpx.Response:
        """The other resident does something to a report."""
        path = f"/v1/feedback/reports/{self.id_of(name)}/{verb}"
        answer = await self.city.client.put(path, headers=self.friend.headers, json=said)
        assert answer.status_code == 200, answer.text
        self.heard.append(answer)
        return answer

    async def person_does(self, name: str, verb: str, **said: Any) -> dict[str, Any]:
        """Whoever reported does."""
        path = f"/v1/feedback/reports/{self.id_of(name)}/{verb}"
        answer = await self.city.client.put(path, headers=self.person.headers, json=said)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pictures_of(self, name: str, part: str | None = None) -> set[str]:
        """What the pictures of a report are called, as its reporter sees them."""
        answer = await self.city.client.get(f"/v1/feedback/reports/{self.id_of(name)}", headers=self.person.headers)
        found = [picture for picture in answer.json()["pictures"] if part in {None, picture["part"]}]
        assert found, name
        return {picture[size].rpartition("/")[2] for picture in found for size in ("large", "small")}


@dataclass(frozen=True)
class People:
    """Who is there."""

    person: Resident
    friend: Resident
    machine: Machine
    centre: Centre
    police: Centre
    noise: Centre
    supervisor: StaffMember


async def the_people(city: City) -> People:
    async with city.database.transaction() as db:
        await the_treasury(db)
        operator = await a_staff_member(db, role="operator", agency="ioc", name=OPERATOR)
        officers = {
            agency: await a_staff_member(db, role="agency_officer", agency=agency, name=OFFICER)
            for agency in ("drainage", AGENCY, "public-order")
        }
        lamps, police, noise = (Centre(city.client, operator, officer) for officer in officers.values())
        return People(
            await a_resident(db, name=NAME),
            await a_resident(db, name="Võ Thị Kim Long"),
            await a_machine(db, ["reports.write"], plain_key=True, name="Cổng của thành phố bạn"),
            lamps,
            police,
            noise,
            await a_staff_member(db, role="supervisor", agency="ioc", name=SUPERVISOR),
        )


async def planted_city(city: City) -> Planted:
    """Everything is filed, answered and said through the doors that people have for it."""
    people = await the_people(city)
    person = people.person
    async with city.database.acquire() as db:
        [device] = await devices.mine(db, person.me)
    staff = [people.supervisor, *(one for c in (people.centre, people.police) for one in (c.operator, c.officer))]
    ids = [person.id, person.session_id, device.id, people.machine.id, people.friend.id, *(one.id for one in staff)]
    secrets = public_secrets(phones=[person.phone, people.friend.phone], ids=ids)
    planted = Planted(city, person, people.friend, secrets, {})
    await the_lamp(planted, people)
    await what_is_not_public(planted, people)
    await the_noise_and_the_violation(planted, people)
    await through_others(planted, people)
    await city.worker.drain()
    return planted


async def the_lamp(planted: Planted, people: People) -> None:
    """A public report with everything that may be said to one."""
    desk, person, centre = planted.city.client, planted.person, people.centre
    said = lets_slip(NAME, person.phone)
    photo = str(await a_sent_photo(desk, person))
    lamp = await filed(desk, person, text=said, address=f"Nhà {NAME} {PHONE}", uploads=[photo], share_name=True)
    planted.reports["lamp"] = lamp
    await centre.did(lamp["id"], "verification", accepted=True, reason=said[:1000])
    await planted.friend_does("lamp", "follow", affected=True)
    await planted.friend_does("lamp", f"comments/{uuid4()}", text=f"Nhà chị Nghê ({NAME}, {plain(NAME)}): {PHONE}")
    comment_id = uuid4()
    await planted.friend_does("lamp", f"comments/{comment_id}", text=f"Nói {UNTOLD['hidden comment']}")
    planted.heard.pop()
    hiding = f"/v1/staff/reports/{lamp['id']}/comments/{comment_id}/hiding"
    hidden = {"reason": UNTOLD["reason to hide"]}
    assert (await desk.put(hiding, headers=centre.operator.headers, json=hidden)).status_code == 200
    await planted.person_does("lamp", f"comments/{uuid4()}", text=said[:1000])
    agency = centre.officer.grants[0].agency
    await centre.did(lamp["id"], "assignment", agency=agency, note=UNTOLD["assignment note"])
    note = f"/v1/staff/reports/{lamp['id']}/notes/{uuid4()}"
    written = await desk.put(note, headers=centre.officer.headers, json={"text": f"{UNTOLD['note']} {NAME}"})
    assert written.status_code == 200, written.text
    await centre.did(lamp["id"], "start", centre.officer)
    await centre.did(lamp["id"], "question", centre.officer, text=f"{NAME} ở đâu? {UNTOLD['question']}")
    paper = str(await a_sent_photo(desk, person))
    await planted.person_does("lamp", "information", text=f"{UNTOLD['information']} {said}", uploads=[paper])
    planted.untold_pictures |= await planted.pictures_of("lamp", "informed")
    until = (city_now() + timedelta(days=30)).isoformat()
    await centre.did(lamp["id"], "extension", centre.officer, until=until, reason=f"Chờ {plain(NAME)}, {PHONE}")
    await centre.did(lamp["id"], "extension-approval", people.supervisor, approved=True, reason=UNTOLD["note"])
    dear = f"Kính gửi ông/bà {NAME}, đã sửa. Dear Mr. {NAME}: {said}"
    for turn in range(2):
        after = str(await a_sent_photo(desk, centre.officer))
        await centre.did(lamp["id"], "resolution", centre.officer, text=f"{dear} Lần {turn}", uploads=[after])
        comment = f"{UNTOLD['rating']} {PHONE}"
        await planted.person_does("lamp", "rating", rating="unsatisfied", comment=comment)
        if not turn:
            again = str(await a_sent_photo(desk, person))
            await planted.person_does("lamp", "reopening", reason=said[:1000], uploads=[again])
    fresh = await planted.friend_does("lamp", "follow")
    assert fresh.json()["answer"].endswith("Lần 1")


async def what_is_not_public(planted: Planted, people: People) -> None:
    """Reports that nobody but their reporter and the city may know."""
    desk, person, centre = planted.city.client, planted.person, people.centre

    async def one(name: str, **other: Any) -> str:
        photo = str(await a_sent_photo(desk, person))
        text = f"{UNTOLD[name]}. {lets_slip(NAME)}"
        planted.reports[name] = await filed(desk, person, text=text, address=UNTOLD[name], uploads=[photo], **other)
        planted.untold_pictures |= await planted.pictures_of(name)
        return planted.id_of(name)

    await one("waiting")
    private = await one("private", private=True)
    await centre.hand_over(private)
    await centre.resolve(private, await a_sent_photo(desk, centre.officer))
    rejected = await one("rejected")
    await centre.did(rejected, "verification", accepted=False, reason=UNTOLD["reason to reject"])
    merged = await one("merged")
    planted.untold_pictures -= await planted.pictures_of("merged")  # they were public before
    await centre.did(merged, "verification", accepted=True)
    await planted.friend_does("merged", "follow")
    planted.heard.pop()
    await centre.did(merged, "duplicate", of=planted.id_of("lamp"))
    lat, lng = TRANG_TIEN
    photo = str(await a_sent_photo(desk, person))
    complaint = {"text": f"{UNTOLD['complaint']} {NAME}", "lat": lat, "lng": lng, "uploads": [photo]}
    answer = await desk.put(f"/v1/feedback/complaints/{uuid4()}", headers=person.headers, json=complaint)
    planted.reports["complaint"] = answer.json()
    planted.untold_pictures |= await planted.pictures_of("complaint")
    returned = await filed(desk, person, text="Ổ gà trước chợ, không phải đèn")
    planted.reports["returned"] = returned
    await centre.hand_over(returned["id"])
    await planted.friend_does("returned", "follow")
    until = (city_now() + timedelta(days=30)).isoformat()
    await centre.did(returned["id"], "extension", centre.officer, until=until, reason=UNTOLD["extension refused"])
    refused = {"approved": False, "reason": UNTOLD["extension refused"]}
    await centre.did(returned["id"], "extension-approval", people.supervisor, **refused)
    await centre.did(returned["id"], "return", centre.officer, reason=f"{UNTOLD['reason to return']} {NAME}")


async def the_noise_and_the_violation(planted: Planted, people: People) -> None:
    """A place that is told to 100 m only, and a fine for what somebody saw."""
    desk, person, police = planted.city.client, planted.person, people.police
    lat, lng = EXACT
    noise = await filed(
        desk, person, category="noise", text=f"Hát to. {lets_slip(NAME)}", lat=lat, lng=lng, address=EXACT_ADDRESS
    )
    planted.reports["noise"] = noise
    await people.noise.hand_over(noise["id"])
    await planted.friend_does("noise", "follow")
    photo = str(await a_sent_photo(desk, person))
    seen = await filed(desk, person, category="traffic_violation", text="Vượt đèn đỏ", uploads=[photo])
    planted.reports["violation"] = seen
    await police.hand_over(seen["id"])
    await planted.friend_does("violation", "follow")
    planted.untold_pictures |= await planted.pictures_of("violation")
    notice = {"plate": PLATE, "violation": "Vượt đèn đỏ", "offender_name": OFFENDER}
    await police.did(seen["id"], "fine", police.officer, **notice)
    decision = notice | {"decision_number": "77/QĐ-XPHC", "amount": 1_000_000}
    planted.fine = await police.did(seen["id"], "fine", police.officer, **decision)
    covered = await filed(
        desk,
        person,
        category="traffic_violation",
        text="Đi ngược chiều",
        uploads=[str(await a_sent_photo(desk, person))],
    )
    planted.reports["covered"] = covered
    planted.untold_pictures |= await planted.pictures_of("covered")
    await police.hand_over(covered["id"])
    rectangle = {"x": 0.1, "y": 0.1, "width": 0.2, "height": 0.2}
    await police.did(covered["id"], f"redactions/{covered['pictures'][0]['upload_id']}", rectangles=[rectangle])


async def through_others(planted: Planted, people: People) -> None:
    """What the hotline writes down, for somebody with an account and somebody without; what another site sends."""
    desk, centre, machine = planted.city.client, people.centre, people.machine
    for name, phone in (("called", planted.person.phone), ("called, no account", PHONE)):
        text = f"{name}. {lets_slip(CALLER, phone)} Nhà {CALLER}"
        body = words(caller_phone=phone, caller_name=CALLER, text=text, address=f"Nhà {plain(CALLER)}")
        answer = await desk.put(f"/v1/staff/reports/{uuid4()}", headers=centre.operator.headers, json=body)
        assert answer.status_code == 201, answer.text
        planted.reports[name] = answer.json()
        await centre.hand_over(planted.id_of(name))
        await planted.friend_does(name, "follow")
        await centre.resolve(planted.id_of(name), await a_sent_photo(desk, centre.officer))
        await planted.friend_does(name, f"comments/{uuid4()}", text=f"Bà {CALLER} nói đúng, {CALLER.upper()}")
    first, _, last = ELSEWHERE.partition(" ")
    who = {"first_name": first, "last_name": last, "email": EMAIL, "phone": spelled(PHONE)[0]}
    sent = who | {
        "api_key": machine.key, "service_code": "street_light", "lat": TRANG_TIEN[0], "long": TRANG_TIEN[1],
        "description": lets_slip(ELSEWHERE), "address_string": f"Nhà {ELSEWHERE}", "device_id": DEVICE_ELSEWHERE,
    }  # fmt: skip
    filed_there = await desk.post(f"{OPEN311}/requests.json", data=sent)
    assert filed_there.status_code == 201, filed_there.text
    code = filed_there.json()[0]["service_request_id"]
    queue = await desk.get("/v1/staff/reports?queue=new", headers=centre.operator.headers)
    [line] = [line for line in queue.json()["items"] if line["code"] == code]
    planted.reports["elsewhere"] = line
    await centre.hand_over(line["id"])
    await planted.friend_does("elsewhere", "follow")
    await centre.did(line["id"], "start", centre.officer)
    update = who | {
        "api_key": machine.key, "update_id": "fms-1", "service_request_id": planted.code_of("returned"),
        "updated_datetime": city_now().isoformat(), "description": lets_slip(ELSEWHERE)[:1000], "status": "OPEN",
    }  # fmt: skip
    updated = await desk.post(f"{OPEN311}/servicerequestupdates.json", data=update)
    assert updated.status_code == 201, updated.text


# The sweep


def feedback_doors() -> set[str]:
    """The doors of reports that a stranger may open, and those at which residents only read."""
    swept = ("/v1/feedback/", "/open311/")
    public = {path for _, path in PUBLIC if path.startswith(swept)}
    opened_to_all = {door.path for door in doors() if door.path.startswith(swept) and door.handler.opt.get("public")}
    read = {door.path for door in doors() if door.path.startswith(swept) and door.method == "GET"}
    return public | opened_to_all | read


def visits(planted: Planted) -> dict[str, list[str]]:
    """What is asked at each door, by its path."""
    ids = [report["id"] for report in planted.reports.values()]
    codes = [report["code"] for report in planted.reports.values()]
    near = "107.585,16.463,107.60,16.474"
    (lat, lng), (exact_lat, exact_lng) = TRANG_TIEN, EXACT
    today = city_today()
    period = f"from={today - timedelta(days=30)}&to={today}"
    lists = [
        "",
        "?extensions=true",
        f"?lat={exact_lat}&long={exact_lng}&radius=300",
        f"?updated_after={city_now() - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        f"?extensions=true&service_request_id={','.join(codes)}",
    ]
    feedback: dict[str, list[str]] = {
        "categories": [""],
        "reports": ["?limit=100", f"?bbox={near}&limit=100", "?q=den hong", "?status=resolved", "?category=noise"],
        "reports/nearby": [f"?lat={lat}&lng={lng}", f"?lat={exact_lat}&lng={exact_lng}&category=noise"],
        "reports/mine": ["?limit=100"],
        "reports/{report_id:uuid}": [],
        "map": [f"?bbox={CITY_BOX}&zoom={zoom}" for zoom in (8, 12, 16)]
        + [f"?bbox={near}&zoom={zoom}{more}" for zoom in (16, 17, 19) for more in ("", "&category=noise")],
        "statistics": [f"?{period}&by={by}" for by in ("agency", "category", "ward", "month")],
        "reports.csv": ["", "?category=noise"],
        "feed.rss": ["", "?category=noise"],
        "fines/look-ups": [],
    }  # fmt: skip
    asked = {
        f"/v1/feedback/{name}": [f"/v1/feedback/{name}{query}" for query in queries]
        for name, queries in feedback.items()
    }
    one = "/v1/feedback/reports/{report_id:uuid}"
    asked[one] = [filled(one, {"report_id": report_id}) for report_id in ids]
    for format_ in FORMATS:
        asked |= {path: [path] for path in (f"/open311/discovery.{format_}", f"{OPEN311}/services.{format_}")}
        asked[f"{OPEN311}/requests.{format_}"] = [f"{OPEN311}/requests.{format_}{query}" for query in lists]
        asked[f"{OPEN311}/servicerequestupdates.{format_}"] = [f"{OPEN311}/servicerequestupdates.{format_}"]
    for noun, names in (("services", ("street_light", "noise")), ("requests", codes), ("tokens", codes)):
        asked[f"{OPEN311}/{noun}/{{document:str}}"] = [
            f"{OPEN311}/{noun}/{name}.{format_}{more}"
            for name in names
            for format_ in FORMATS
            for more in (("", "?extensions=true") if noun == "requests" else ("",))
        ]
    return asked


async def read_all(planted: Planted, headers: Mapping[str, str]) -> dict[str, httpx.Response]:
    """Everything that somebody is answered at the doors of reports, by what was asked."""
    desk = planted.city.client
    answers = {
        path: await desk.get(path, headers=dict(headers)) for paths in visits(planted).values() for path in paths
    }
    pair = {"plate": PLATE, "decision_number": planted.fine["decision_number"]}
    path = "/v1/feedback/fines/look-ups"
    answers[path] = await desk.post(path, headers=dict(headers), json=pair)
    fine = answers[path].json()
    for path in (fine["page"], fine["public_bill"]):
        answers[path] = await desk.get(path, headers=dict(headers))
    return answers


def test_every_public_door_of_reports_is_swept() -> None:
    nobody: Any = None
    nowhere = Planted(nobody, nobody, nobody, Secrets(), {})
    assert set(visits(nowhere)) == feedback_doors(), "what is new here must say nothing that nobody shall read"


async def test_nothing_that_everybody_may_read_says_who_reported(city: City) -> None:
    planted = await planted_city(city)
    friend = planted.friend.headers
    answers = await read_all(planted, {"accept-language": "vi"})
    told = {f"{path}, to a stranger": answer.content for path, answer in answers.items()}
    at_home = ("/v1/home", "/v1/notifications/inbox?limit=100")
    theirs = await read_all(planted, friend | {"accept-language": "en"})
    theirs |= {path: await city.client.get(path, headers=friend) for path in at_home}
    told |= {f"{path}, to a resident": answer.content for path, answer in theirs.items()}
    told |= {f"{answer.request.url.path}, in answer": answer.content for answer in planted.heard}
    leaks: dict[str, list[str]] = defaultdict(list)
    for where, content in told.items():
        for secret in planted.secrets.told_in(content):
            leaks[secret].append(where)
    assert not leaks, "\n".join(
        f"{secret!r}: {len(where)} times, as at {where[0]}" for secret, where in leaks.items()
    )
    names = {name for content in told.values() for name in re.findall(r"/v1/pictures/([\w-]+)", content.decode())}
    assert not names & planted.untold_pictures
    assert len(names) > 8
    for name in sorted(names):
        assert_bare((await city.client.get(f"/v1/pictures/{name}")).content)
    the_sweep_saw(planted, answers, theirs)
    await nothing_is_found_by_secrets(planted)


def assert_bare(content: bytes) -> None:
    """A picture without place, camera and day."""
    for mark in (b"Nokia", b"Exif", b"EXIF", b"GPS", b"http://ns.adobe.com/xap", b"XMP ", b"2026:11:23"):
        assert mark not in content
    picture = opened(content)
    assert not dict(picture.getexif())
    assert not {"exif", "xmp", "comment", "icc_profile"} & picture.info.keys()


def the_sweep_saw(
    planted: Planted, answers: Mapping[str, httpx.Response], theirs: Mapping[str, httpx.Response]
) -> None:
    """Public reports are where they should be, and others nowhere: a sweep of empty pages would prove nothing."""
    public = {"lamp", "returned", "noise", "violation", "covered", "called", "called, no account", "elsewhere"}
    lists = (
        "/v1/feedback/reports?limit=100", "/v1/feedback/reports.csv", "/v1/feedback/feed.rss",
        *(f"{OPEN311}/requests.{format_}?extensions=true" for format_ in FORMATS),
    )  # fmt: skip
    for path in lists:
        assert {name for name in planted.reports if planted.code_of(name) in answers[path].text} == public, path
    maps = [answer.text for path, answer in answers.items() if path.startswith("/v1/feedback/map")]
    assert {name for name in planted.reports if any(planted.code_of(name) in page for page in maps)} == public
    closed = {planted.reports[name][key] for name in planted.reports.keys() - public for key in ("id", "code")}
    for read_by, is_stranger in ((answers, True), (theirs, False)):
        for path, answer in read_by.items():
            names_one = any(f"/{one}" in path for one in closed)
            is_mine = path.startswith("/v1/feedback/reports/mine")
            expected = 404 if names_one else 401 if is_stranger and is_mine else 200
            assert answer.status_code == expected, f"{path}: {answer.text}"
    inbox = theirs["/v1/notifications/inbox?limit=100"].text
    moved = {"lamp", "called", "called, no account", "elsewhere", "merged"}
    assert {name for name in planted.reports if planted.code_of(name) in inbox} == moved


async def nothing_is_found_by_secrets(planted: Planted) -> None:
    """Nor does the search tell by finding."""
    secret = [
        NAME,
        plain(NAME),
        "Xuyến Nghê",
        CALLER,
        plain(ELSEWHERE),
        EMAIL,
        IDENTITY,
        EXACT_ADDRESS,
        OFFICER,
        OFFENDER,
    ]
    secret += [spelling for spelling in spelled(planted.person.phone) if "\n" not in spelling] + list(UNTOLD.values())
    for q in secret:
        answer = await planted.city.client.get("/v1/feedback/reports", params={"q": q})
        assert answer.json()["items"] == [], q


@pytest.mark.parametrize("phone", spelled(PHONE))
@pytest.mark.parametrize("wrap", ["Gọi {} nhé", '{{"a": "{}"}}', "<b>&#48;{}</b>"])
def test_the_sweep_knows_a_number_in_every_spelling(phone: str, wrap: str) -> None:
    assert public_secrets().told_in(wrap.format(phone).encode()) == [PHONE[-9:]]


@pytest.mark.parametrize("name", called(NAME))
def test_the_sweep_knows_a_name_in_every_spelling(name: str) -> None:
    for content in (name, json.dumps(name), name.encode("ascii", "xmlcharrefreplace").decode()):
        assert public_secrets().told_in(f"Bà {content}.".encode())


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (words, words)
        for words in (
            "Phạt 1.000.000.000 đồng, còn 500.000.000 đồng, tổng 100.000.000.000 đồng",
            "Nhà số 5, 7, 9, 11, 13, 15 ngập 0,5 m từ 23.11.2026 8 giờ, gần 16.4689, 107.5903",
            "Ngày 12-03-2026 15:00, quyết định 1234/2026, tổng đài 1900 1075",
            "Công ty chào bán bình nước trên lề đường Nguyễn Huệ",
        )
    ]
    + [
        ("Kính gửi ông Nguyễn Văn A", "Kính gửi ông ***"),
        ("Dear Mr. Nguyen Van A, done.", "Dear Mr. ***, done."),
        ("anh Bình nói, bà Ngự Bình nghe", "anh *** nói, bà *** nghe"),
        ("LÊ THỊ NGỰ BÌNH; Le Thi Ngu Binh; Bình Lê Thị Ngự", "***; ***; ***"),
        ("Gọi +1 202 555 0143 hay 054 3822222", "Gọi *** hay ***"),
    ],
)
async def test_no_more_is_blotted_out_than_must_be(db: Connection, said: str, read: str) -> None:
    assert await db.fetchval(sql.public_words, said, "Lê Thị Ngự Bình") == read


# What is not public is like what is not there


def same(answer: httpx.Response, asked: str = "?") -> tuple[int, str, bytes]:
    """An answer but for what names the request, and the id that was asked for."""
    body = re.sub(rb'"(request_id|instance)": ?"[^"]*"', b"", answer.content).replace(asked.encode(), b"")
    return answer.status_code, answer.headers["content-type"], body


@pytest.fixture
async def hidden(db: Connection, desk: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """A report of each kind that is nobody else's business, each with a picture; `public` is one to compare with."""
    centre, person = await a_centre(db, desk), await a_resident(db, name=NAME)

    async def one(text: str, **other: Any) -> dict[str, Any]:
        return await filed(desk, person, text=text, uploads=[str(await a_sent_photo(desk, person))], **other)

    found = {name: await one(name) for name in ("public", "waiting", "rejected", "merged", "asked")}
    found["private"] = await one("private", private=True)
    found["private answer"] = await one("private answer", private=True)
    await centre.did(found["public"]["id"], "verification", accepted=True)
    await centre.did(found["rejected"]["id"], "verification", accepted=False, reason="Không rõ")
    await centre.did(found["merged"]["id"], "verification", accepted=True)
    await centre.did(found["merged"]["id"], "duplicate", of=found["public"]["id"])
    await centre.did(found["asked"]["id"], "question", text="Ở đâu?")
    await centre.hand_over(found["private answer"]["id"])
    await centre.resolve(found["private answer"]["id"], await a_sent_photo(desk, centre.officer))
    lat, lng = TRANG_TIEN
    body = {"text": "Cán bộ", "lat": lat, "lng": lng, "uploads": [str(await a_sent_photo(desk, person))]}
    answer = await desk.put(f"/v1/feedback/complaints/{uuid4()}", headers=person.headers, json=body)
    return found | {"complaint": answer.json()}


VERBS: dict[str, list[dict[str, Any]]] = {
    "follow": [{}, {"follow": False}, {"affected": True}],
    "rating": [{"rating": "satisfied"}],
    "reopening": [{"reason": "Chưa xong"}],
    "comments/{comment_id:uuid}": [{"text": "Tôi cũng thấy"}],
    "information": [{"text": "Ở đây"}, {"text": "Ở đây", "uploads": [str(uuid4())]}],
}
"""What a resident does to a report, by the last of its path."""


def test_every_verb_of_residents_is_tried() -> None:
    under = "/v1/feedback/reports/{report_id:uuid}/"
    assert {door.path.removeprefix(under) for door in doors() if door.path.startswith(under)} == set(VERBS)


async def test_what_is_not_public_answers_like_what_is_not_there(
    db: Connection, desk: httpx.AsyncClient, hidden: dict[str, dict[str, Any]]
) -> None:
    other, unknown = await a_resident(db), str(uuid4())
    comment_id = uuid4()

    async def tried(report_id: str, verb: str, body: dict[str, Any] | None, who: Mapping[str, str]) -> Any:
        path = f"/v1/feedback/reports/{report_id}{verb and '/'}{filled(verb, {'comment_id': comment_id})}"
        method = "GET" if body is None else "PUT"
        return same(await desk.request(method, path, headers=dict(who), json=body))

    asked: list[tuple[str, dict[str, Any] | None]] = [("", None)]
    asked += [(verb, body) for verb, bodies in VERBS.items() for body in bodies]
    for who in ({}, other.headers):
        for verb, body in asked:
            expected = await tried(unknown, verb, body, who)
            assert expected[0] == (404 if who or body is None else 401)
            for name, report in hidden.items():
                if name == "public" and verb.partition("/")[0] in {"", "follow", "comments"}:
                    continue
                assert await tried(report["id"], verb, body, who) == expected, f"{name} {verb}"


async def test_open311_knows_them_no_more_than_what_is_not_there(
    db: Connection, desk: httpx.AsyncClient, hidden: dict[str, dict[str, Any]]
) -> None:
    machine, unknown = await a_machine(db, ["reports.write"], plain_key=True), new_code()
    own = {"api_key": machine.key, "service_code": "street_light", "lat": TRANG_TIEN[0], "long": TRANG_TIEN[1]}
    code = (await desk.post(f"{OPEN311}/requests.json", data=own)).json()[0]["service_request_id"]
    codes = {name: report["code"] for name, report in hidden.items() if name != "public"} | {"its own": code}

    async def tried(code: str) -> list[tuple[int, str, bytes]]:
        answers = [
            await desk.get(f"{OPEN311}/{path}", headers=headers)
            for headers in ({}, machine.plain)
            for format_ in FORMATS
            for path in (
                f"requests/{code}.{format_}",
                f"requests/{code}.{format_}?extensions=true",
                f"tokens/{code}.{format_}",
                f"requests.{format_}?service_request_id={code}",
            )
        ]
        update = {"api_key": machine.key, "update_id": "1", "service_request_id": code, "description": "Vẫn hỏng"}
        update["updated_datetime"] = city_now().isoformat()
        answers += [
            await desk.post(f"{OPEN311}/servicerequestupdates.{format_}", data=update | more)
            for format_ in FORMATS
            for more in ({}, {"media_url": "https://photos.example/a.jpg"})
        ]
        return [same(answer) for answer in answers]

    expected = await tried(unknown)
    assert {status for status, _, _ in expected} == {200, 404}
    for name, code in codes.items():
        assert await tried(code) == expected, name


async def test_anothers_uploads_are_like_none(
    db: Connection, desk: httpx.AsyncClient, hidden: dict[str, dict[str, Any]]
) -> None:
    other, stranger = await a_resident(db), await a_resident(db)
    foreign = [str(await a_sent_photo(desk, stranger)), *(one["pictures"][0]["upload_id"] for one in hidden.values())]

    async def tried(upload_id: str, who: Mapping[str, str]) -> list[tuple[int, str, bytes]]:
        headers, report = dict(who), f"/v1/feedback/reports/{hidden['public']['id']}"
        lat, lng = TRANG_TIEN
        near = f"/v1/feedback/reports/nearby?lat={lat}&lng={lng}&uploads={upload_id}"
        filing, tus = words(text="Khác", uploads=[upload_id]), {"tus-resumable": "1.0.0"}
        answers = [
            await desk.get(f"/v1/uploads/{upload_id}", headers=headers),
            await desk.put(f"/v1/uploads/{upload_id}/completion", headers=headers, json={}),
            await desk.get(near, headers=headers),
            await desk.put(f"/v1/feedback/reports/{uuid4()}", headers=headers, json=filing),
            await desk.put(f"{report}/reopening", headers=headers, json={"reason": "Chưa", "uploads": [upload_id]}),
            await desk.get(f"/v1/pictures/{upload_id}", headers=headers),
            await desk.get(f"/v1/pictures/{UUID(upload_id).hex}", headers=headers),
        ]
        resumed = await desk.head(f"/v1/uploads/tus/{upload_id}", headers=headers | tus)
        removed = await desk.delete(f"/v1/uploads/{upload_id}", headers=headers)
        return [
            *(same(answer, upload_id) for answer in answers),
            (resumed.status_code, "", b""),
            same(removed, upload_id),
        ]

    for who in ({}, other.headers):
        expected = await tried(str(uuid4()), who)
        for upload_id in foreign:
            assert await tried(upload_id, who) == expected
    for upload_id in foreign[:1]:
        kept = await desk.get(f"/v1/uploads/{upload_id}", headers=stranger.headers)
        assert kept.status_code == 200, "nobody else could remove it"


async def test_a_picture_that_was_covered_is_like_none_by_its_old_name(
    db: Connection, desk: httpx.AsyncClient, hidden: dict[str, dict[str, Any]]
) -> None:
    centre, picture = await a_centre(db, desk), hidden["public"]["pictures"][0]
    seen = await desk.get(picture["large"])
    assert seen.status_code == 200
    await centre.did(hidden["public"]["id"], f"redactions/{picture['upload_id']}", rectangles=[])
    unknown = same(await desk.get(f"/v1/pictures/{'A' * len(picture['large'].rpartition('/')[2])}"))
    for size in ("large", "small"):
        for held in ({}, {"if-none-match": f'"{picture[size].rpartition("/")[2]}"'}):
            assert same(await desk.get(picture[size], headers=held)) == unknown


async def test_nobody_hears_of_a_private_report_by_being_merged_into_it(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    centre, person, other = await a_centre(db, desk), await a_resident(db, name=NAME), await a_resident(db)
    private, public = await filed(desk, person, private=True), await filed(desk, other)
    also = await filed(desk, other, text="Đèn này lại hỏng", private=True)
    for report in (private, public):
        await centre.did(report["id"], "verification", accepted=True)
    refused = await centre.put(public["id"], "duplicate", of=private["id"])
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:huong:problem:CannotMerge")
    await centre.did(also["id"], "duplicate", of=private["id"])
    mine = await desk.get(f"/v1/feedback/reports/{also['id']}", headers=other.headers)
    assert (mine.json()["status"], mine.json()["duplicate_of"]) == ("duplicate", None)
    listed = await desk.get("/v1/feedback/reports/mine", headers=other.headers)
    told = [mine.text, listed.text, str(dict((await db.fetch(sql.report_news))[-1]["data"]))]
    for page in told:
        assert private["code"] not in page
        assert private["id"] not in page
