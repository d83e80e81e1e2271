"""The leak sweep: what nobody may learn is planted everywhere in field reports, then all that anybody can read is
searched for it, by whoever is no part of it."""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import city_now, city_today
from tests.app.uploads import files
from tests.app.uploads.sending import send
from tests.conftest import City
from tests.feedback import fining
from tests.feedback.makers import TRANG_TIEN, Centre, a_centre, a_sent_photo, filed, words
from tests.house.doors import PUBLIC, doors
from tests.makers import Resident, a_machine, a_resident, a_staff_member
from tests.statements import sql

NAME, CALLER, OFFENDER = "Tôn Nữ Quỳnh Xuyến", "Hồ Đắc Khiêm Cung", "Lưu Mã Siêu Tốc"
OPERATOR, OFFICER = "Cao Xuân Điều Phối", "Phan Tấn Hiện Trường"
EMAIL, CARD, PLATE, ELSEWHERE = "xuyen.ton@hue.example", "046199012345", "75C-987.65", "0905 777 888"
EXACT, STREET = (16.47123, 107.58877), "19 Kiệt Cây Khế"
WORDS_OF = {
    what: f"mật-{number}-{what}"
    for number, what in enumerate(
        ("private", "complaint", "rejected", "why-rejected", "merged", "waiting", "note", "question", "information",
         "why-returned", "why-more-time-was-refused", "rating", "notice"),
        7001,
    )
}  # fmt: skip
"""Words that the public may not read at all, by where they stand."""


def folded(text: str) -> str:
    """In lower case, without accents: as a search would find it."""
    bare = unicodedata.normalize("NFD", text.casefold()).replace("đ", "d")
    return "".join(sign for sign in bare if not unicodedata.combining(sign))


def unfolded(content: bytes) -> str:
    """What a reader makes of bytes: entities and escapes taken away, then folded."""
    text = html.unescape(html.unescape(content.decode(errors="replace")))
    text = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)
    return re.sub(r"\s+", " ", folded(text))


def digits(number: str) -> str:
    """A pattern for these digits, however they are set apart."""
    return r"(?<!\d)" + r"[ .()-]{0,2}".join(number) + r"(?!\d)"


@dataclass
class World:
    """A city in which secrets are planted, and somebody whose secrets they are not."""

    city: City
    person: Resident
    neighbour: Resident
    centre: Centre
    public: list[str] = field(default_factory=list)
    """Ids of reports that everybody may read."""
    hidden: dict[str, str] = field(default_factory=dict)
    """Ids of those that nobody may, by why."""
    codes: dict[str, str] = field(default_factory=dict)
    """The codes of all, by id."""

    @property
    def markers(self) -> dict[str, str]:
        """Patterns, by what they would give away."""
        phone = self.person.phone.removeprefix("+84")
        names = (NAME, CALLER, OFFENDER, OPERATOR, OFFICER)
        return (
            {name: folded(name) for name in names}
            | {"turned round": folded(" ".join((*NAME.split()[1:], NAME.split()[0])))}
            | {"phone": r"(?:\+?84|0)[ .()-]{0,2}" + digits(phone).removeprefix(r"(?<!\d)")}
            | {"caller's phone": digits(re.sub(r"\D", "", ELSEWHERE)[1:]).removeprefix(r"(?<!\d)")}
            | {"e-mail": re.escape(EMAIL), "card": digits(CARD), "plate": "75c[ .-]*987[ .]*65"}
            | {"where a picture was taken": r"16\.4635\d*|107\.59083\d*", "camera": "nokia"}
            | {"where exactly": re.escape(str(EXACT[0])) + "|" + re.escape(str(EXACT[1])), "address": folded(STREET)}
            | {"who": str(self.person.id), "session": str(self.person.session_id)}
            | {what: folded(words) for what, words in WORDS_OF.items()}
        )

    def found(self, content: bytes) -> list[str]:
        """What bytes give away."""
        text = unfolded(content)
        return [what for what, pattern in self.markers.items() if re.search(pattern, text)]

    async def file(self, **other: Any) -> str:
        """A report of the person's, with all of theirs in its words."""
        phone = self.person.phone.removeprefix("+84")
        first, _, rest = NAME.partition(" ")
        named = f"Tôi là {NAME} ({folded(NAME).title()}, {rest} {first})"
        told = f"{named}, gọi 0{phone}, +84 {phone[:3]}-{phone[3:6]}.{phone[6:]} hay {EMAIL}, CCCD {CARD}."
        text = f"{other.pop('text', 'Đèn tắt')} {told} {uuid4().hex[:6]}"
        report = await filed(self.city.client, self.person, **{"address": f"Nhà {NAME}", **other, "text": text})
        self.codes[report["id"]] = report["code"]
        return report["id"]

    async def say(self, report_id: str, what: str, **said: Any) -> None:
        """Something that the person says to their report."""
        url = f"/v1/feedback/reports/{report_id}/{what}"
        answer = await self.city.client.put(url, headers=self.person.headers, json=said)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def world(city: City) -> World:
    """Every kind of report, each gone through by the city's own doors."""
    async with city.database.transaction() as db:
        person, neighbour = await a_resident(db, name=NAME), await a_resident(db, name="Võ Thị Kim Long")
        centre = await a_centre(db, city.client, fining.AGENCY)
        operator = await a_staff_member(db, role="operator", agency="ioc", name=OPERATOR)
        officer = await a_staff_member(db, role="agency_officer", agency=fining.AGENCY, name=OFFICER)
        await fining.the_treasury(db)
    made = World(city, person, neighbour, Centre(centre.desk, operator, officer))
    await _what_is_public(made)
    await _what_is_not(made)
    await _what_others_filed(made)
    await city.worker.drain()
    return made


async def _what_is_public(world: World) -> None:
    centre, client = world.centre, world.city.client
    photo = str(await a_sent_photo(client, world.person))
    lamp = await world.file(uploads=[photo])
    await centre.did(lamp, "verification", accepted=True, reason=f"Kính gửi bà {NAME}, đã tiếp nhận")
    await _follow(world, lamp)
    await centre.did(lamp, "assignment", agency=fining.AGENCY, note=WORDS_OF["note"])
    await centre.did(lamp, "question", centre.officer, text=f"{WORDS_OF['question']} {NAME}")
    papers = str(await a_sent_photo(client, world.person, files.heic()))
    await world.say(lamp, "information", text=f"{WORDS_OF['information']} {NAME}", uploads=[papers])
    until = (city_now() + timedelta(days=30)).isoformat()
    await centre.did(lamp, "extension", centre.officer, until=until, reason=f"Chờ bà {NAME} mở cổng")
    async with world.city.database.transaction() as db:
        supervisor = await a_staff_member(db, role="supervisor", agency="ioc", name=OPERATOR)
    await centre.did(lamp, "extension-approval", supervisor, approved=True)
    await centre.did(
        lamp,
        "extension",
        centre.officer,
        until=(city_now() + timedelta(days=60)).isoformat(),
        reason=f"Vẫn chờ {NAME}",
    )
    no = WORDS_OF["why-more-time-was-refused"]
    await centre.did(lamp, "extension-approval", supervisor, approved=False, reason=no)
    for _ in range(2):
        done = str(await a_sent_photo(client, centre.officer))
        answer = f"Kính gửi bà {NAME}, số {world.person.phone}: đã thay bóng."
        await centre.did(lamp, "resolution", centre.officer, text=answer, uploads=[done])
        await world.say(lamp, "reopening", reason=f"Tôi, {NAME}, thấy vẫn tối, gọi {ELSEWHERE}")
    await world.say(lamp, f"comments/{uuid4()}", text=f"{NAME} đây, {EMAIL}")
    comment = f"/v1/feedback/reports/{lamp}/comments/{uuid4()}"
    said = {"text": f"Hỏi bà {NAME} ở số {world.person.phone}"}
    assert (await client.put(comment, headers=world.neighbour.headers, json=said)).status_code == 200
    done = str(await a_sent_photo(client, centre.officer))
    await centre.did(lamp, "resolution", centre.officer, text=f"Chào bà {NAME}, xong.", uploads=[done])
    await world.say(lamp, "rating", rating="satisfied", comment=f"{WORDS_OF['rating']} {NAME}")
    noise = await world.file(category="noise", lat=EXACT[0], lng=EXACT[1], address=STREET)
    await centre.did(noise, "verification", accepted=True)
    await centre.did(noise, "assignment", agency=fining.AGENCY)
    await centre.did(noise, "return", centre.officer, reason=f"{WORDS_OF['why-returned']} {NAME}")
    evidence = str(await a_sent_photo(client, world.person))
    violation = await world.file(category="traffic_violation", text=f"Xe {PLATE} vượt đèn đỏ", uploads=[evidence])
    await centre.did(violation, "verification", accepted=True)
    await centre.did(violation, "assignment", agency=fining.AGENCY)
    fine = fining.DECISION | {"plate": PLATE, "offender_name": OFFENDER, "violation": WORDS_OF["notice"]}
    await centre.did(violation, "fine", centre.officer, **fine)
    for report_id in (noise, violation):
        await _follow(world, report_id)
    world.public += [lamp, noise, violation]


async def _follow(world: World, report_id: str) -> None:
    url = f"/v1/feedback/reports/{report_id}/follow"
    followed = await world.city.client.put(url, headers=world.neighbour.headers, json={"affected": True})
    assert followed.status_code == 200, followed.text


async def _what_is_not(world: World) -> None:
    centre, hidden = world.centre, world.hidden
    hidden["waiting"] = await world.file(text=WORDS_OF["waiting"], uploads=[str(await _photo(world))])
    hidden["private"] = await world.file(text=WORDS_OF["private"], private=True, uploads=[str(await _photo(world))])
    await centre.did(hidden["private"], "verification", accepted=True)
    hidden["rejected"] = await world.file(text=WORDS_OF["rejected"], uploads=[str(await _photo(world))])
    await centre.did(hidden["rejected"], "verification", accepted=False, reason=WORDS_OF["why-rejected"])
    hidden["merged"] = await world.file(text=WORDS_OF["merged"], uploads=[str(await _photo(world))])
    await centre.did(hidden["merged"], "verification", accepted=True)
    await centre.did(hidden["merged"], "duplicate", of=world.public[1])
    hidden["complaint"] = str(uuid4())
    lat, lng = TRANG_TIEN
    complaint = {"text": f"{WORDS_OF['complaint']} {NAME}", "lat": lat, "lng": lng}
    url = f"/v1/feedback/complaints/{hidden['complaint']}"
    answer = await world.city.client.put(url, headers=world.person.headers, json=complaint)
    assert answer.status_code == 201, answer.text
    world.codes[hidden["complaint"]] = answer.json()["code"]


async def _photo(world: World) -> UUID:
    return await a_sent_photo(world.city.client, world.person)


async def _what_others_filed(world: World) -> None:
    """For a caller, and through somebody else's form."""
    client, operator = world.city.client, world.centre.operator
    called = words(text=f"{CALLER}: cống tắc, gọi lại {ELSEWHERE}", caller_name=CALLER, caller_phone=ELSEWHERE)
    answer = await client.put(f"/v1/staff/reports/{uuid4()}", headers=operator.headers, json=called)
    assert answer.status_code == 201, answer.text
    async with world.city.database.transaction() as db:
        machine = await a_machine(db, ["reports.write"], plain_key=True)
    last, _, first = CALLER.partition(" ")
    form = {
        "api_key": machine.key, "service_code": "street_light", "lat": "16.4701", "long": "107.5911",
        "description": f"Tôi là {CALLER}, {ELSEWHERE}, {EMAIL}", "first_name": first, "last_name": last,
        "email": EMAIL, "phone": ELSEWHERE, "device_id": "nokia-3310", "account_id": "17",
    }  # fmt: skip
    sent = await client.post("/open311/v2/requests.json", data=form)
    assert sent.status_code == 201, sent.text
    async with world.city.database.acquire() as db:
        through = await db.fetchval(sql.report_of_code, sent.json()[0]["service_request_id"])
    for report_id, code in (
        (answer.json()["id"], answer.json()["code"]),
        (str(through), sent.json()[0]["service_request_id"]),
    ):
        world.public.append(report_id)
        world.codes[report_id] = code
        await world.centre.did(report_id, "verification", accepted=True)
        await _follow(world, report_id)


def visits(world: World) -> dict[str, list[str]]:
    """Where everybody may look, by the door's path: with all that opens more of it."""
    period = f"from={city_today()}&to={city_today()}"
    lat, lng = TRANG_TIEN
    by_code = [world.codes[report_id] for report_id in world.public]
    open311 = {
        f"/open311/{path}.{format_}": [f"/open311/{path}.{format_}{query}" for query in ("", *queries)]
        for format_ in ("json", "xml")
        for path, queries in (
            ("discovery", ()),
            ("v2/services", ()),
            (
                "v2/requests",
                ("?extensions=true", "?status=closed", f"?service_request_id={','.join(world.codes.values())}"),
            ),
            ("v2/servicerequestupdates", ()),
        )
    }
    documents = {
        "services": ["street_light", "officer_conduct"],
        "requests": by_code,
        "tokens": by_code,
    }
    return {
        "/v1/feedback/categories": ["/v1/feedback/categories"],
        "/v1/feedback/reports": [
            f"/v1/feedback/reports{query}" for query in ("", "?limit=100", f"?q={NAME}", "?q=mat")
        ],
        "/v1/feedback/reports/nearby": [f"/v1/feedback/reports/nearby?lat={lat}&lng={lng}"],
        "/v1/feedback/reports/mine": ["/v1/feedback/reports/mine"],
        "/v1/feedback/reports/{report_id:uuid}": [f"/v1/feedback/reports/{report_id}" for report_id in world.public],
        "/v1/feedback/map": [
            f"/v1/feedback/map?bbox=107.4,16.3,107.8,16.6&zoom={zoom}" for zoom in (8, 11, 14)
        ] + ["/v1/feedback/map?bbox=107.58,16.46,107.6,16.48&zoom=19"],
        "/v1/feedback/statistics": [
            f"/v1/feedback/statistics?{period}&by={by}" for by in ("agency", "category", "ward")
        ],
        "/v1/feedback/reports.csv": ["/v1/feedback/reports.csv"],
        "/v1/feedback/feed.rss": ["/v1/feedback/feed.rss"],
        **open311,
        **{
            f"/open311/v2/{noun}/{{document:str}}": [
                f"/open311/v2/{noun}/{name}.{format_}{query}"
                for name in names
                for format_ in ("json", "xml")
                for query in ("", "?extensions=true")
            ]
            for noun, names in documents.items()
        },
    }  # fmt: skip


ABOUT_ME = ("/v1/home", "/v1/notifications/inbox?limit=100", "/v1/me")


def test_the_sweep_looks_through_every_door() -> None:
    """A new door about reports is one that the sweep must know."""
    here = {
        door.path for door in doors() if door.method == "GET" and door.path.startswith(("/v1/feedback", "/open311"))
    }
    nobody = World(*(None,) * 4)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert set(visits(nobody)) == here
    assert {path for _, path in PUBLIC if path.startswith("/v1/feedback")} - here == {"/v1/feedback/fines/look-ups"}


async def everything(world: World, reader: Resident | None) -> dict[str, httpx.Response]:
    """All that somebody can read, by where."""
    headers = {} if reader is None else reader.headers
    places = [place for some in visits(world).values() for place in some]
    answers = {
        f"{language} {place}": await world.city.client.get(place, headers=headers | {"accept-language": language})
        for place in [*places, *(ABOUT_ME if reader else ())]
        for language in ("vi", "en")
    }
    for pair in ({"plate": PLATE, "decision_number": fining.DECISION["decision_number"]}, fining.PAIR):
        looked = await world.city.client.post("/v1/feedback/fines/look-ups", json=pair)
        answers[f"look-up of {pair['plate']}"] = looked
    return answers


SHOWN_TO_WHOEVER_KNOWS_THE_PAIR = {"notice"}
"""What was violated, on the decision that they hold in their hands."""


@pytest.mark.parametrize("who", ["a stranger", "a neighbour who follows"])
async def test_nobody_learns_what_is_not_theirs(world: World, who: str) -> None:
    reader = None if who == "a stranger" else world.neighbour
    answers = await everything(world, reader)
    leaks = {
        place: found
        for place, answer in answers.items()
        if (
            found := set(world.found(answer.content))
            - (SHOWN_TO_WHOEVER_KNOWS_THE_PAIR if "look-up" in place else set())
        )
    }
    assert leaks == {}
    opened = [place for place, answer in answers.items() if answer.status_code == 200]
    shut = [place for place in answers if place not in opened]
    assert all("mine" in place or "officer_conduct" in place or place == "look-up of 75a 12345" for place in shut), (
        shut
    )
    text = "".join(answer.text for answer in answers.values())
    for why, report_id in world.hidden.items():
        assert report_id not in text, why
        asked = len(re.findall(world.codes[report_id], text))
        assert asked == 0, f"{why}: its code"
    pictures = set(re.findall(r"/v1/pictures/[\w-]+", text))
    async with world.city.database.acquire() as db:
        kept = {row["name"]: (row["part"], str(row["report_id"])) for row in await db.fetch(sql.pictures_of_reports)}
    shown = [kept[picture.rpartition("/")[2]] for picture in pictures]
    assert {part for part, _ in shown} == {"filed", "resolved"}
    assert {report_id for _, report_id in shown} == {world.public[0]}, (
        "evidence that nobody has covered stays where it is"
    )
    for picture in pictures:
        content = (await world.city.client.get(picture)).content
        assert world.found(content) == []
        assert not files.opened(content).getexif()


async def test_the_sweep_would_find_it(world: World) -> None:
    """The city's people do read what was planted: the search is not blind."""
    client, centre = world.city.client, world.centre
    async with world.city.database.transaction() as db:
        supervisor = await a_staff_member(db, role="supervisor", agency="ioc")
    seen: set[str] = set()
    for report_id in (*world.public, *world.hidden.values()):
        answer = await client.get(f"/v1/staff/reports/{report_id}", headers=supervisor.headers)
        assert answer.status_code == 200
        seen |= set(world.found(answer.content))
        own = await client.get(f"/v1/feedback/reports/{report_id}", headers=world.person.headers)
        seen |= set(world.found(own.content))
    fine = await client.get(f"/v1/staff/reports/{world.public[2]}/fine", headers=centre.officer.headers)
    seen |= set(world.found(fine.content)) | set(world.found(str(world.person.me).encode()))
    seen |= set(world.found(files.jpeg()))
    assert set(world.markers) - seen == set()


Attempt = Callable[[str], tuple[str, str, dict[str, Any] | None]]
ATTEMPTS: dict[str, Attempt] = {
    "read": lambda id_: ("GET", f"/v1/feedback/reports/{id_}", None),
    "follow": lambda id_: ("PUT", f"/v1/feedback/reports/{id_}/follow", {"affected": True}),
    "rate": lambda id_: ("PUT", f"/v1/feedback/reports/{id_}/rating", {"rating": "satisfied"}),
    "reopen": lambda id_: ("PUT", f"/v1/feedback/reports/{id_}/reopening", {"reason": "Vẫn tối"}),
    "inform": lambda id_: ("PUT", f"/v1/feedback/reports/{id_}/information", {"text": "Đây"}),
    "comment": lambda id_: ("PUT", f"/v1/feedback/reports/{id_}/comments/{uuid4()}", {"text": "Ừ"}),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_what_is_hidden_answers_like_what_is_not_there(world: World, attempt: str) -> None:
    client = world.city.client
    for headers in ({}, world.neighbour.headers):
        answers: dict[str, tuple[int, str]] = {}
        for why, report_id in {"nothing": str(uuid4()), **world.hidden}.items():
            method, path, body = ATTEMPTS[attempt](report_id)
            answer = await client.request(method, path, headers=headers, json=body)
            answers[why] = answer.status_code, re.sub(r'"request_id":"[^"]*"', "", answer.text)
        assert len(set(answers.values())) == 1, answers
        assert answers["nothing"][0] in {401, 404}


@pytest.mark.parametrize("format_", ["json", "xml"])
async def test_hidden_codes_and_foreign_uploads_answer_like_unknown_ones(world: World, format_: str) -> None:
    client = world.city.client
    for noun in ("requests", "tokens"):
        answers = {
            (answer.status_code, answer.text)
            for code in ("PA00000000", *(world.codes[report_id] for report_id in world.hidden.values()))
            for answer in [await client.get(f"/open311/v2/{noun}/{code}.{format_}")]
        }
        assert len(answers) == 1
        assert {status for status, _ in answers} == {404}
    foreign = uuid4()
    assert (await send(client, world.person, foreign, files.jpeg())).status_code == 201
    bodies = {
        (answer.status_code, re.sub(r'"request_id":"[^"]*"', "", answer.text))
        for upload_id in (uuid4(), foreign)
        for answer in [await client.get(f"/v1/uploads/{upload_id}", headers=world.neighbour.headers)]
    }
    assert len(bodies) == 1
    assert {status for status, _ in bodies} == {404}
