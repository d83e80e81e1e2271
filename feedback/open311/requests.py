"""Reports as service requests: searched, shown, and filed by a machine that has a key.

What is read comes from the views `public_report` and `public_picture`. Whoever files is told the id at once; what is
private, not looked at yet or unknown is all the same to everybody, also to whoever filed it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from app import outbox, places
from app.budgets import Budget, spend
from app.clock import CITY_ZONE, city_now
from app.config import settings
from app.db import Connection, Database, many, maybe, one, queries_beside
from app.errors import Language, Malformed, NotFound, Refusal
from app.identity.models import Principal
from app.types import BadPhone, PhoneText, new_id, phone
from feedback import categories, reports
from feedback.categories import Rules
from feedback.events import ReportMediaLinked
from feedback.models import FileReport, Part
from feedback.open311 import catalogue, media
from feedback.open311.asked import Asked, BadParameter, ParameterMissing
from feedback.open311.catalogue import UnknownService
from feedback.open311.models import ExtendedRequest, FiledRequest, ServiceRequest, TokenAnswer
from feedback.reports import Caller, PhotoNeeded

sql = queries_beside(__file__)

MOST = 1000
MOST_DAYS = 90
MOST_PAGES = 1000
RADIUS_M, MOST_RADIUS_M = 500, 50_000
MOST_AN_HOUR = 2000
"""Of one machine."""

Requests = list[ServiceRequest] | list[ExtendedRequest]
Period = tuple[datetime, datetime]
EVER: Period = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,190}")


class PeriodTooLong(Refusal):
    """Khoảng thời gian không hợp lệ: bắt đầu phải trước kết thúc, và tối đa {days} ngày.

    This period is not valid: it must end after it begins, and span {days} days at most."""

    status = 400


class PlaceNeeded(Refusal):
    """Cần biết vị trí: hãy gửi lat và long, hoặc address_string có tên phường, xã.

    The place is needed: send lat and long, or an address_string that names a ward."""

    status = 400


class UnknownAttribute(Refusal):
    """Dịch vụ {service} không có thuộc tính {name}.

    The service {service} has no attribute {name}."""

    status = 400


# Reading


async def search(db: Connection, asked: Asked) -> Requests:
    """Public reports as they are asked for, newest first; if it is asked when they changed, what changed first before
    the others. Ids (service_request_id) override all else.

    Raises PeriodTooLong, UnknownService, and what a parameter may not be."""
    codes = asked.codes("service_request_id")
    if codes is not None:
        return await _by_code(db, asked, codes)
    services = await catalogue.named(db, asked.codes("service_code"))
    filed, changed, around = _filed(asked), _changed(asked), _around(asked)
    wanted = (services, _states(asked), *filed, *page_of(asked))
    if around is not None:
        ids = await db.fetchval(sql.requests_around, *wanted, *(changed or EVER), *around)
    elif changed is not None:
        ids = await db.fetchval(sql.requests_by_change, *wanted, *changed)
    else:
        ids = await db.fetchval(sql.requests_by_age, *wanted)
    return await _shown(db, asked, ids)


async def _by_code(db: Connection, asked: Asked, codes: list[str]) -> Requests:
    return await _shown(db, asked, await db.fetchval(sql.requests_by_code, codes))


async def _shown(db: Connection, asked: Asked, ids: list[UUID]) -> Requests:
    extended = asked.flag("extensions")
    type_ = ExtendedRequest if extended else ServiceRequest
    return await many(type_, db, sql.service_requests, ids, asked.language, pictures_at(), extended)


def page_of(asked: Asked) -> tuple[int, int]:
    """So many, after so many."""
    size = asked.whole("page_size", MOST, MOST)
    return size, (asked.whole("page", MOST_PAGES, 1) - 1) * size


def pictures_at() -> str:
    """Where a picture's name leads."""
    return f"{settings().public_url}/v1/pictures/"


def _filed(asked: Asked) -> Period:
    """When they were filed: within 90 days; ever, if it is only asked when they have changed."""
    start, end = asked.moment("start_date"), asked.moment("end_date")
    return EVER if start is None and end is None and _changed(asked) is not None else bounded(start, end)


def _changed(asked: Asked) -> Period | None:
    """When they last changed, if that is asked."""
    start, end = asked.moment("updated_after"), asked.moment("updated_before")
    return None if start is None and end is None else bounded(start, end)


def bounded(start: datetime | None, end: datetime | None) -> Period:
    """A period of 90 days at most, as far as it is said; raises PeriodTooLong."""
    if start is None:
        end = end or city_now()
        start = end - timedelta(days=MOST_DAYS)
    elif end is None:
        end = start + timedelta(days=MOST_DAYS)
    if not timedelta(0) <= end - start <= timedelta(days=MOST_DAYS):
        raise PeriodTooLong(days=MOST_DAYS)
    return start, end


def _states(asked: Asked) -> list[bool]:
    """Open ones (true), closed ones (false), or both."""
    said = {word.lower() for word in asked.codes("status") or ("open", "closed")}
    if not said <= {"open", "closed"}:
        raise BadParameter(name="status", example="open,closed")
    return [word == "open" for word in said]


def _around(asked: Asked) -> tuple[float, float, float] | None:
    """A circle: where its middle is, and its radius in metres."""
    lat, long = _place(asked)
    radius = asked.number("radius", 1, MOST_RADIUS_M, str(RADIUS_M))
    if lat is None or long is None:
        if radius is not None:
            raise ParameterMissing(name="lat")
        return None
    return lat, long, radius or RADIUS_M


def _place(asked: Asked) -> tuple[float | None, float | None]:
    """Both or neither."""
    lat, long = asked.number("lat", -90, 90, "16.4637"), asked.number("long", -180, 180, "107.5909")
    if (lat is None) != (long is None):
        raise ParameterMissing(name="lat" if lat is None else "long")
    return lat, long


async def show(db: Connection, asked: Asked, code: str) -> Requests:
    """One public report; raises NotFound."""
    found = await _by_code(db, asked, [code])
    if not found:
        raise NotFound
    return found


async def find_by_token(db: Connection, asked: Asked, token: str) -> list[TokenAnswer]:
    """Which report a token stands for. It is the report's own code, and says nothing before everybody may read it.

    Raises NotFound."""
    await id_of(db, token)
    return [TokenAnswer(service_request_id=token, token=token)]


async def id_of(db: Connection, code: str) -> UUID:
    """The id of a public report; raises NotFound."""
    report_id = await db.fetchval(sql.public_id, code)
    if report_id is None:
        raise NotFound
    return report_id


# Filing


class _Wanted(msgspec.Struct, frozen=True):
    """A request that can be filed."""

    report: FileReport
    rules: Rules
    caller: Caller
    media_url: str | None

    def same_as(self, me: Principal) -> tuple[object, ...]:
        """What makes another request the same one."""
        report, caller = self.report, self.caller
        said = me.id, report.category, report.text, report.lat, report.lng, report.address
        return *said, caller.name, caller.phone, caller.email


class _Filed(msgspec.Struct, frozen=True):
    code: str
    due_at: datetime


async def file(database: Database, me: Principal, asked: Asked) -> tuple[list[FiledRequest], bool]:
    """File a report for whoever wrote it into a machine's form, and whether it is new: the same again within a day is
    the same report. A file is taken in before, a `media_url` is fetched soon after: no connection waits for either.

    Raises UnknownService, UnknownAttribute, PlaceNeeded, OutsideCity, PhotoNeeded, TooManyRequests, and what a
    parameter, an address or an upload may not be."""
    account_id = asked.text("account_id", 100)
    asked.text("device_id", 200)  # a phone's, which is none of ours: it is taken, and kept nowhere
    async with database.acquire() as db:
        wanted = await _read(db, asked)
        filed = await maybe(_Filed, db, sql.filed_before, *wanted.same_as(me))
    if filed is not None:
        return [_answer(filed, account_id, asked.language)], False
    uploads = [] if asked.media is None else [await media.take(database, me, await asked.media.read())]
    async with database.deed() as db:
        filed, new = await _file_once(db, me, wanted, uploads)
    return [_answer(filed, account_id, asked.language)], new


async def _read(db: Connection, asked: Asked) -> _Wanted:
    code = asked.needed("service_code", 100)
    rules = await _rules_of(db, code)
    lat, long, address = await _where(db, asked)
    media_url = asked.text("media_url", 2000)
    if media_url is not None:
        media.check(media_url)
    if rules.photo and media_url is None and asked.media is None:
        raise PhotoNeeded
    report = {
        "category": code,
        "text": asked.text("description", 4000) or rules.name_vi,
        "lat": lat,
        "lng": long,
        "address": address,
        "urgent": _is_urgent(asked, code),
    }
    return _Wanted(_converted(report), rules, _caller(asked), media_url)


async def _rules_of(db: Connection, code: str) -> Rules:
    try:
        rules = await categories.rules_of(db, code)
    except categories.UnknownCategory:
        raise UnknownService(asked=code) from None
    if rules.confidential:
        raise UnknownService(asked=code)
    return rules


async def _where(db: Connection, asked: Asked) -> tuple[float, float, str | None]:
    """The place; where only an address is said, the middle of the ward that it names."""
    lat, long = _place(asked)
    address = _line(asked.text("address_string", 200))
    if asked.text("address_id", 200) is not None and lat is None and address is None:
        raise PlaceNeeded  # there is no list of addresses here
    if lat is not None and long is not None:
        return lat, long, address
    ward = None if address is None else _ward_in(address, await places.wards(db))
    if ward is None:
        raise PlaceNeeded
    return ward.lat, ward.lng, address


def _ward_in(address: str, wards: list[places.Ward]) -> places.Ward | None:
    """The ward that an address names as such (a street may be called like another ward); None: none, or several."""
    said = _words_of(address)
    found = [
        ward for ward in wards if any(_words_of(f"{kind} {ward.name}") in said for kind in (ward.kind, ward.kind[0]))
    ]
    return found[0] if len(found) == 1 else None


def _words_of(text: str) -> str:
    """With a space around each, and nothing else between them."""
    return " ".join(["", *re.findall(r"\w+", text.casefold()), ""])


def _is_urgent(asked: Asked, service: str) -> bool:
    attributes = asked.attributes()
    for name in attributes:
        if name != catalogue.URGENT:
            raise UnknownAttribute(service=service, name=name)
    said = attributes.get(catalogue.URGENT, ["false"])
    if len(said) > 1 or said[0] not in {"true", "false"}:
        raise BadParameter(name=f"attribute[{catalogue.URGENT}]", example="true")
    return said[0] == "true"


def _converted(report: Mapping[str, object]) -> FileReport:
    try:
        return msgspec.convert(report, FileReport)
    except msgspec.ValidationError as mistake:
        raise Malformed(errors=[{"field": "", "message": str(mistake)}]) from None


def name_in(asked: Asked) -> str | None:
    """How whoever says so is called; family name first, as people are called here."""
    names = [_line(asked.text(name, 60)) for name in ("last_name", "first_name")]
    return " ".join(filter(None, names)) or None


def _caller(asked: Asked) -> Caller:
    """Who says so, as far as they do."""
    name = name_in(asked)
    if name is not None and len(name) > 100:
        raise BadParameter(name="last_name", example="Lê Thị Ngự")
    email = asked.text("email", 254)
    if email is not None and not _EMAIL.fullmatch(email):
        raise BadParameter(name="email", example="binh@example.com")
    return Caller(name, _number(asked.text("phone", 40)), email)


def _number(said: str | None) -> str | None:
    """A mobile number as everybody writes it; any other number (of a house, from abroad) as it was said."""
    if said is None:
        return None
    try:
        return phone(said)
    except BadPhone:
        pass
    try:
        return msgspec.convert(said, PhoneText)
    except msgspec.ValidationError:
        raise BadParameter(name="phone", example="0905123456") from None


def _line(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


async def _file_once(db: Connection, me: Principal, wanted: _Wanted, upload_ids: list[UUID]) -> tuple[_Filed, bool]:
    same = wanted.same_as(me)
    await db.execute(sql.take_turns, msgspec.json.encode(same).decode())
    filed = await maybe(_Filed, db, sql.filed_before, *same)
    if filed is not None:
        return filed, False
    await spend(db, Budget(f"open311 {me.id}", MOST_AN_HOUR, 3600))
    report_id = new_id()
    await reports.insert(
        db,
        me,
        report_id,
        msgspec.structs.replace(wanted.report, uploads=upload_ids),
        wanted.rules,
        channel="open311",
        reporter_id=None,
        caller=wanted.caller,
        photo_follows=wanted.media_url is not None,
    )
    if wanted.media_url is not None:
        await link_media(db, me, report_id, wanted.media_url, "filed")
    return await one(_Filed, db, sql.filed, report_id), True


async def link_media(db: Connection, me: Principal, report_id: UUID, url: str, part: Part) -> None:
    """Have a picture fetched that stands elsewhere, as part of a report."""
    await outbox.record(
        db, ReportMediaLinked(report_id=report_id, machine_id=me.id, upload_id=new_id(), url=url, part=part)
    )


def _answer(filed: _Filed, account_id: str | None, language: Language) -> FiledRequest:
    due = filed.due_at.astimezone(CITY_ZONE).strftime("%H:%M %d/%m/%Y")
    notice = f"Hạn trả lời: {due}." if language == "vi" else f"An answer is due by {due} (UTC+7)."
    return FiledRequest(service_request_id=filed.code, service_notice=notice, account_id=account_id)
