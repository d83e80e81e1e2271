"""The sandbox's dossiers: two hundred that are believable, or two years of a ward. All of them are made up.

They are made by the verbs that phones and officers use, with the city's clock moved to when each thing is done.
Until some days ago results were given out on paper, by versions of the procedures that say so; since then they are
signed."""

import random
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.clock import CITY_ZONE, WorkingTime, add_working_minutes, city_now, working_minutes, working_time
from app.db import Connection, Database, queries_beside
from app.errors import Refusal
from app.identity.models import Grant, Principal
from app.identity.seed import RESIDENTS, STAFF, seed_id
from app.paper import A5, Paper
from app.sandbox.past import NotYet, back, then
from app.uploads import incoming, receiving
from dossiers import acceptance, actions, deadlines, filing, happenings, owners
from dossiers.models import (
    AcceptDossier,
    ActOnDossier,
    Applicant,
    FileDossier,
    FileForVisitor,
    GivePaper,
    GiveSupplement,
    HandInPaper,
    HandOverResult,
    RateDossier,
    RefuseDossier,
    WithdrawDossier,
)
from dossiers.models import IssueResult as Issue
from dossiers.procedures import loading, versions
from dossiers.procedures.definitions import (
    Action,
    AskSupplement,
    Channel,
    Definition,
    Extend,
    FlowRole,
    IssueResult,
    Spawn,
)

sql = queries_beside(__file__)
log = structlog.get_logger()

Pay = Callable[[Connection, Principal, str, UUID, UUID, int], Awaitable[None]]
"""Somebody pays a bill in cash: at which clerk's, of which agency, under which receipt's id, which bill, how much."""

HERE = "counter-thuan-hoa"
DAYS = 60
CITY_DAYS, CITY_DOSSIERS, CITY_PEOPLE = 730, 25_000, 300
PAST_DAYS = 800
SIGNED_SINCE_DAYS = 3
AT_THE_WARD = 0.85
LATE = {"ward": 0.04, "city": 0.02, "district": 0.05}
"""So many of a hundred are late, as the cities' published figures have it."""

# How often what is asked for, of a hundred and some.
ASKED_FOR: tuple[tuple[str, int], ...] = (
    ("2.000815", 30), ("2.000884", 20), ("2.000635", 14), ("1.004873", 8), ("1.001193", 8), ("1.000656", 5),
    ("1.000894", 4), ("1.004859", 3), ("1.001612", 3), ("1.004884", 2), ("1.004837", 1), ("1.004222", 6),
    ("1.004194", 5), ("1.013978", 2), ("1.012783", 3),
)  # fmt: skip
OTHER_WARDS = ("counter-phu-xuan", "counter-vy-da", "counter-an-cuu", "counter-kim-long", "counter-thuy-xuan")
GIVEN_NAMES = ("Hương", "Ngự", "Bình", "An", "Thảo", "Phước", "Diệu", "Khánh", "Minh", "Vy")
STREETS = ("Lê Lợi", "Hùng Vương", "Nguyễn Huệ", "Trần Hưng Đạo", "Bà Triệu", "Chi Lăng", "Đống Đa", "Lê Duẩn")


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a dossier, beside being dealt with. `pace`: in which part of its time, over 1 it is late."""

    end: str
    pace: float


class _Cast:
    """Whoever is needed at an agency's desk; made when first asked for."""

    def __init__(self) -> None:
        self.known = {
            (agency, role): _principal(phone, "staff", agency, role)
            for phone, _, agency, roles in STAFF
            for role in roles
        }

    async def at(self, db: Connection, agency: str, role: FlowRole) -> Principal:
        """Somebody with this role there."""
        found = self.known.get((agency, role))
        if found is None:
            found = self.known[agency, role] = _principal(f"{role} {agency}", "staff", agency, role)
            await db.execute(sql.plant_officer, found.id, _NAMES[role], agency, role)
        return found


_NAMES: dict[FlowRole, str] = {
    "clerk": "Công chức một cửa",
    "agency_officer": "Chuyên viên thụ lý",
    "agency_head": "Lãnh đạo đơn vị",
}


def _principal(name: str, kind: Any, agency: str | None = None, role: Any = None) -> Principal:
    grants = [Grant(agency=agency, role=role)] if agency else []
    who = seed_id(name)
    return Principal(id=who, kind=kind, session_id=seed_id(f"session {name}"), grants=grants, level=2)


async def load_procedures(db: Connection) -> None:
    """The catalogue, as it was while results were on paper, and as it is."""
    now = city_now()
    try:
        async with then(db, now - timedelta(days=PAST_DAYS)):
            await loading.publish_new(db, {code: on_paper(one) for code, one in loading.read().items()})
        async with then(db, now - timedelta(days=SIGNED_SINCE_DAYS)):
            await loading.load(db)
    finally:
        await back(db)


def on_paper(definition: Definition) -> Definition:
    """The same procedure, whose result is a paper: nobody waits for a signature on a file."""
    if not definition.result.electronic:
        return definition
    flow = definition.flow
    signed = [action for action in flow.actions if action.on == "result_signed"]
    after = {state: action.to for action in signed for state in action.from_}
    kept = [
        msgspec.structs.replace(action, to=after.get(action.to or "", action.to))
        for action in flow.actions
        if action not in signed
    ]
    actions_kept = [
        msgspec.structs.replace(action, from_=[state for state in action.from_ if state not in after])
        for action in kept
        if set(action.from_) - after.keys()
    ]
    return msgspec.structs.replace(
        definition,
        result=msgspec.structs.replace(definition.result, electronic=False, signatures=[]),
        flow=msgspec.structs.replace(
            flow, states=[state for state in flow.states if state.code not in after], actions=actions_kept
        ),
    )


async def plant(database: Database, pay: Pay, count: int) -> None:
    """The small city's dossiers, of the last two months; what is there stays as it is."""
    people = [(_principal(phone, "resident"), name, phone) for phone, name in RESIDENTS]
    await _tell_stories(database, pay, people, count, days=DAYS, seed=1, crowding=3)


async def plant_city(database: Database, pay: Pay, count: int = CITY_DOSSIERS) -> None:
    """Two years of a ward, and some elsewhere. It takes half an hour."""
    people: list[tuple[Principal, str, str]] = []
    async with database.transaction() as db:
        for number in range(CITY_PEOPLE):
            phone, name = f"+8490000{2000 + number}", RESIDENTS[number % len(RESIDENTS)][1]
            await db.execute(sql.plant_applicant, seed_id(phone), phone, name)
            people.append((_principal(phone, "resident"), name, phone))
    await _tell_stories(database, pay, people, count, days=CITY_DAYS, seed=2)


async def settle(database: Database) -> None:
    """What the clock would have done meanwhile: warn, flag, escalate."""
    async with database.transaction() as db:
        await deadlines.sweep(db)


async def _tell_stories(
    database: Database,
    pay: Pay,
    people: list[tuple[Principal, str, str]],
    count: int,
    *,
    days: int,
    seed: int,
    crowding: int = 1,
) -> None:
    """`crowding`: 1 as many each day, more the later."""
    cast, now = _Cast(), city_now()
    began = now - timedelta(days=days)
    async with database.acquire() as db:
        time = await working_time(db, began.astimezone(CITY_ZONE).date())
    moments = random.Random(seed)  # noqa: S311 - a story, no secret
    for number, part in enumerate(sorted(1 - moments.random() ** crowding for _ in range(count))):
        dice = random.Random(f"{seed} {number}")  # noqa: S311 - of its own: what is there already is passed over
        story = _Story(database, pay, cast, dice, seed_id(f"dossier {seed} {number}"), dice.choice(people), time)
        await story.tell(began + (now - began) * part)
        if number % 1000 == 999:
            log.info("dossiers planted", count=number + 1)


class _Story:
    """One dossier, from its filing to as far as it goes: one transaction, so that it is there whole or not at all."""

    def __init__(
        self,
        database: Database,
        pay: Pay,
        cast: _Cast,
        dice: random.Random,
        id_: UUID,
        person: tuple[Principal, str, str],
        time: WorkingTime,
    ) -> None:
        self.database, self.pay, self.cast, self.dice, self.id, self.time = database, pay, cast, dice, id_, time
        self.owner, self.name, self.phone = person
        codes, weights = zip(*ASKED_FOR, strict=True)
        self.code: str = dice.choices(codes, weights)[0]

    async def tell(self, moment: datetime) -> None:
        """Have it happen, unless it has."""
        async with self.database.acquire() as db:
            if await db.fetchval(sql.has_dossier, self.id):
                return
        await self._give_papers(moment)
        async with self.database.transaction() as db:
            try:
                await self._happen(db, self._filed_at(moment))
            except NotYet:
                pass
            finally:
                await back(db)

    async def _give_papers(self, moment: datetime) -> None:
        """What is handed in electronically is sent first; what somebody has sent once is there."""
        async with self.database.transaction() as db:
            try:
                async with then(db, moment):
                    definition = (await versions.current(db, self.code)).definition
            finally:
                await back(db)
        self.agency = self._agency_for(definition)
        self.case, self.channel = self._way(definition)
        if self.channel != "online":
            return
        for paper in definition.papers_of(self.case):
            if paper.required and 2 in paper.kinds:
                paper_id = self._paper_id(paper.code)
                content = incoming.arrived(scan(paper.name.vi, self.name))
                await receiving.put(self.database, self.owner, paper_id, "paper", content)

    def _filed_at(self, moment: datetime) -> datetime:
        """Online at any hour; at the counter while it is open."""
        if self.channel == "online":
            return moment
        minutes = self.dice.randrange(60)
        while add_working_minutes(moment, minutes, self.time) > city_now():
            moment -= timedelta(days=1)
        return add_working_minutes(moment, minutes, self.time)

    def _paper_id(self, code: str) -> UUID:
        return seed_id(f"paper {self.id} {code}")

    def _agency_for(self, definition: Definition) -> str:
        if not definition.wards:
            return self.dice.choice(definition.agencies)
        return HERE if self.dice.random() < AT_THE_WARD else self.dice.choice(OTHER_WARDS)

    def _way(self, definition: Definition) -> tuple[str, Channel]:
        case = self.dice.choice(definition.cases[:2])
        channels: list[Channel] = [term.channel for term in case.terms]
        weights = [{"counter": 28, "online": 70, "post": 2}[channel] for channel in channels]
        return case.code, self.dice.choices(channels, weights)[0]

    async def _happen(self, db: Connection, moment: datetime) -> None:
        clerk = await self.cast.at(db, self.agency, "clerk")
        async with then(db, moment):
            definition = await self._file(db, clerk)
        fate = self._fate(await db.fetchval(sql.level_of, self.id))
        if fate.end == "refused":
            async with then(db, moment := self._later(moment, 30, 300)):
                refused = RefuseDossier(version=2, reason="Hồ sơ không thuộc thẩm quyền giải quyết của đơn vị.")
                await acceptance.refuse(db, clerk, self.id, refused, "vi")
            return
        async with then(db, moment := self._later(moment, 5, 200)):
            await acceptance.accept(db, clerk, self.id, AcceptDossier(version=2), "vi")
        await self._pay_fee(db, clerk, moment)
        await self._work(db, definition, moment, fate)

    async def _file(self, db: Connection, clerk: Principal) -> Definition:
        definition = (await versions.current(db, self.code)).definition
        form = filled(definition.form, self.dice, self.name)
        papers = [paper for paper in definition.papers_of(self.case) if paper.required]
        deliver_by = "electronic" if definition.result.electronic and self.channel == "online" else "counter"
        address = f"{self.dice.randrange(1, 200)} {self.dice.choice(STREETS)}, thành phố Huế"
        if self.channel == "online":
            given = [
                GivePaper(paper=paper.code, upload_id=self._paper_id(paper.code))
                for paper in papers
                if 2 in paper.kinds
            ]
            online = FileDossier(
                procedure=self.code,
                case=self.case,
                agency=self.agency,
                form=form,
                papers=given,
                deliver_by=deliver_by,
                address=address,
                submit=True,
            )
            await filing.file(db, self.owner, self.id, online, "vi")
            return definition
        visitor = FileForVisitor(
            procedure=self.code,
            case=self.case,
            agency=self.agency,
            channel="post" if self.channel == "post" else "counter",
            applicant=Applicant(name=self.name, phone=self.phone),
            form=form,
            papers=[HandInPaper(paper=paper.code, kind=min(paper.kinds)) for paper in papers if min(paper.kinds) < 2],
            deliver_by=deliver_by,
            address=address,
            accept=False,
        )
        await filing.file_for_visitor(db, clerk, self.id, visitor, "vi")
        return definition

    def _fate(self, level: str) -> Fate:
        chance = self.dice.random()
        late = self.dice.random() < LATE[level]
        pace = self.dice.uniform(1.1, 1.9) if late else self.dice.uniform(0.15, 0.95)
        for end, share in (("refused", 0.02), ("withdrawn", 0.01), ("stopped", 0.005), ("supplement", 0.05)):
            if chance < share:
                return Fate(end, pace)
            chance -= share
        return Fate("extended" if late and self.dice.random() < 0.5 else "", pace)

    def _later(self, moment: datetime, least: int, most: int) -> datetime:
        return add_working_minutes(moment, self.dice.randrange(least, most), self.time)

    async def _pay_fee(self, db: Connection, clerk: Principal, moment: datetime) -> None:
        fee = await db.fetchrow(sql.fee_of, self.id)
        if fee is None:
            return
        async with then(db, moment := self._later(moment, 2, 30)):
            receipt_id = seed_id(f"receipt {self.id}")
            await self.pay(db, clerk, self.agency, receipt_id, fee["bill_id"], fee["amount"])
            await happenings.paid(db, self.id, receipt_id, city_now())

    async def _work(self, db: Connection, definition: Definition, moment: datetime, fate: Fate) -> None:
        """Step by step to an end, so that it comes when its fate has it."""
        accepted_at, due_at = (await db.fetchrow(sql.dates_of, self.id)) or (moment, moment)
        all_minutes = max(60, working_minutes(accepted_at, due_at, self.time))
        minutes = max(20, int(all_minutes * fate.pace))
        way = way_out(definition, await db.fetchval(sql.state_of, self.id))
        nth, extra = 0, fate.end
        while way:
            action = way[0]
            nth += 1
            moment = max(moment, add_working_minutes(accepted_at, minutes * nth // (nth + len(way) - 1), self.time))
            if extra and nth == 2:
                moment = await self._swerve(db, definition, extra, moment, due_at)
                extra = ""
                if fate.end in {"withdrawn", "stopped"}:
                    return
            async with then(db, moment):
                await self._act(db, definition, action)
            clerk = await self.cast.at(db, self.agency, "clerk")
            await self._pay_fee(db, clerk, moment)
            if any(isinstance(effect, Spawn) for effect in action.effects):
                moment = await self._finish_children(db, moment)
            way = way_out(definition, await db.fetchval(sql.state_of, self.id))
        await self._finish(db, moment)

    async def _act(self, db: Connection, definition: Definition, action: Action, **more: Any) -> None:
        await act(db, self.cast, self.id, definition, action, self.dice, **more)

    async def _swerve(
        self, db: Connection, definition: Definition, end: str, moment: datetime, due_at: datetime
    ) -> datetime:
        """What happens on the way, if its flow has it here."""
        if end == "withdrawn":
            if await db.fetchval(sql.owner_of, self.id) == self.owner.id:
                async with then(db, moment):
                    gone = WithdrawDossier(reason="Tôi không còn nhu cầu.")
                    await owners.withdraw(db, self.owner, self.id, gone, "vi")
            return moment
        state = await db.fetchval(sql.state_of, self.id)
        for action in definition.flow.actions:
            if state not in action.from_ or not action.roles:
                continue
            kinds = {type(effect) for effect in action.effects}
            target = definition.flow.state(action.to) if action.to else None
            if end == "stopped" and target is not None and target.outcome == "stopped":
                async with then(db, moment):
                    await self._act(db, definition, action, note="Người nộp không liên hệ được.")
                return moment
            if end == "supplement" and AskSupplement in kinds:
                async with then(db, moment):
                    await self._act(db, definition, action, note="Bản chụp mờ, đề nghị gửi lại.")
                return await self._supplement(db, self._later(moment, 200, 1500))
            if end == "extended" and Extend in kinds:
                early = add_working_minutes(due_at, 0, self.time) - timedelta(days=4)
                moment = max(moment, early)
                until = (due_at + timedelta(days=14)).astimezone(CITY_ZONE).date()
                async with then(db, moment):
                    await extend(db, self.cast, self.id, action, until, self.time)
                return moment
        return moment

    async def _supplement(self, db: Connection, moment: datetime) -> datetime:
        owner_id = await db.fetchval(sql.owner_of, self.id)
        if owner_id == self.owner.id:
            async with then(db, moment):
                words = GiveSupplement(words="Tôi đã mang bản chính đến quầy.")
                await owners.supplement(db, self.owner, self.id, seed_id(f"supplement {self.id}"), words, "vi")
        return moment

    async def _finish_children(self, db: Connection, moment: datetime) -> datetime:
        """Each at its agency, by the shortest way."""
        for row in await db.fetch(sql.open_children, self.id):
            definition = await versions.pinned(db, row["procedure_code"], row["procedure_version"])
            while way := way_out(definition, await db.fetchval(sql.state_of, row["id"])):
                async with then(db, moment := self._later(moment, 30, 200)):
                    await act(db, self.cast, row["id"], definition, way[0], self.dice)
        return moment

    async def _finish(self, db: Connection, moment: datetime) -> None:
        row = await db.fetchrow(sql.end_of, self.id)
        if row is None:
            return
        if row["delivery_state"] == "ready" and row["deliver_by"] == "counter" and self.dice.random() < 0.97:
            clerk = await self.cast.at(db, self.agency, "clerk")
            async with then(db, moment := self._later(moment, 20, 900)):
                await actions.hand_over(db, clerk, self.id, HandOverResult(version=row["version"]), "vi")
        if row["owner_id"] == self.owner.id and self.dice.random() < 0.4:
            said = self.dice.choices(("satisfied", "acceptable", "unsatisfied"), (88, 9, 3))[0]
            async with then(db, self._later(moment, 5, 900)):
                await owners.rate(db, self.owner, self.id, msgspec.convert({"rating": said}, RateDossier), "vi")


async def act(
    db: Connection,
    cast: _Cast,
    dossier_id: UUID,
    definition: Definition,
    action: Action,
    dice: random.Random,
    note: str | None = None,
) -> None:
    """An action of somebody who may."""
    row = await db.fetchrow(sql.desk_of, dossier_id)
    assert row is not None
    role = row["desk_role"] if row["desk_role"] in action.roles else action.roles[0]
    who = await cast.at(db, row["desk_agency"], role)
    note = note or ("Đã kiểm tra." if "note" in action.needs else None)
    if any(isinstance(effect, IssueResult) for effect in action.effects):
        number = f"{dice.randrange(1, 9999)}/{city_now():%Y}"
        body = f"Xác nhận nội dung theo hồ sơ. {definition.result.name.vi}."
        issued = Issue(version=row["version"], number=number, body=body, note=note)
        await actions.issue(db, who, dossier_id, issued, "vi")
        return
    wanted = ActOnDossier(version=row["version"], action=action.code, note=note)
    await actions.act(db, who, dossier_id, seed_id(f"{dossier_id} {row['version']}"), wanted, "vi")


async def extend(
    db: Connection, cast: _Cast, dossier_id: UUID, action: Action, until: date, time: WorkingTime
) -> None:
    """Its one new date, if there is still time for an apology."""
    row = await db.fetchrow(sql.desk_of, dossier_id)
    assert row is not None
    who = await cast.at(db, row["desk_agency"], action.roles[0])
    day = add_working_minutes(datetime.combine(until, datetime.min.time(), CITY_ZONE), 1, time)
    wanted = ActOnDossier(
        version=row["version"],
        action=action.code,
        note="Chờ kết quả xác minh của cơ quan liên quan.",
        until=day.astimezone(CITY_ZONE).date(),
    )
    try:
        await actions.act(db, who, dossier_id, seed_id(f"{dossier_id} {row['version']}"), wanted, "vi")
    except Refusal:
        return  # too late for an apology


def way_out(definition: Definition, state: str) -> list[Action]:
    """The shortest way from a state to an end at which all is done; empty: it is there, or waits for something."""
    flow, seen = definition.flow, {state}
    ways: list[tuple[str, list[Action]]] = [(state, [])]
    while ways:
        here, way = ways.pop(0)
        found = flow.state(here)
        if found is not None and found.outcome is not None:
            if found.outcome == "done":
                return way if way and way[0].roles else []
            continue
        for action in flow.actions:
            if here in action.from_ and action.to and action.to not in seen and action.on != "child_refused":
                if any(isinstance(effect, AskSupplement) for effect in action.effects):
                    continue
                seen.add(action.to)
                ways.append((action.to, [*way, action]))
    return []


def filled(schema: dict[str, Any], dice: random.Random, name: str) -> dict[str, Any]:
    """A form as somebody fills it: every field, by its kind."""
    return {
        field: _value(field, one, dice, name)
        for field, one in schema.get("properties", {}).items()
        if isinstance(one, dict)
    }


def _value(field: str, one: dict[str, Any], dice: random.Random, name: str) -> Any:
    if "const" in one:
        return one["const"]
    if "enum" in one:
        return dice.choice(one["enum"])
    match one.get("type"):
        case "integer" | "number":
            return dice.randint(one.get("minimum", 1), min(one.get("maximum", 5), one.get("minimum", 1) + 4))
        case "boolean":
            return dice.random() < 0.5
        case _:
            return _text(field, one, dice, name)[: one.get("maxLength", 4000)]


def _text(field: str, one: dict[str, Any], dice: random.Random, name: str) -> str:
    if one.get("format") == "date":
        day = city_now().astimezone(CITY_ZONE).date() - timedelta(days=dice.randrange(5, 9000))
        return day.isoformat()
    pattern = one.get("pattern", "")
    if "12" in pattern:
        return f"046{dice.randrange(10**9):09}"
    if pattern:
        return f"0905{dice.randrange(10**6):06}"
    if field.endswith("name"):
        return f"{name.split()[0]} {dice.choice(GIVEN_NAMES)} {dice.choice(GIVEN_NAMES)}"
    if "address" in field or "place" in field or "at" in field.split("_"):
        return f"{dice.randrange(1, 200)} {dice.choice(STREETS)}, thành phố Huế"
    return "Theo giấy tờ kèm theo"


SCANNED_AT = datetime(2024, 1, 2, tzinfo=CITY_ZONE)
scans: dict[str, bytes] = {}


def scan(name: str, whose: str) -> bytes:
    """A paper as it is scanned: what it is; the same file each time, for whoever plants on where it was cut off."""
    if name not in scans:
        paper = Paper(A5, name, "vi")
        paper.set_creation_date(SCANNED_AT)
        paper.begin_page()
        for nth, line in enumerate(paper.wrapped(f"{name} (bản mẫu của môi trường thử)", 340, 14)):
            paper.write_at(40, 120 + 20 * nth, line, size=14)
        scans[name] = paper.done()
        paper.close()
    return scans[name] + f"\n% {whose}\n%%EOF\n".encode()
