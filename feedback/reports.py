"""Reports: filed by a resident, by the hotline for a caller, or through Open311; and read by everybody.

The phone makes the id, so that a retry files once. Whatever is public is read from the view `public_report`."""

import math
import secrets
from datetime import datetime
from uuid import UUID

import msgspec

from app import outbox, places, policies
from app.budgets import Budget, spend
from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, NotFound, Refusal, TooManyRequests, refusing
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page, address_key, phone
from app.uploads import uploads
from app.uploads.kinds import Purpose
from feedback import categories, deadlines, queues, steps
from feedback.boxes import box_of
from feedback.categories import COMPLAINT, Rules
from feedback.events import ComplaintFiled, ReportFiled
from feedback.models import (
    Channel,
    Complain,
    FileForCaller,
    FileReport,
    MyReport,
    MyReportLine,
    NearbyReport,
    PublicReport,
    ReportStatus,
    ShownReport,
    StaffReport,
)

sql = queries_beside(__file__)

MOST_UPLOADS = 6
NEARBY_M = 250
MOST_NEARBY = 20
MOST_OF_AN_ADDRESS = 5_000
"""Within an hour: a mobile network has thousands of phones behind one address, and in a flood they all report."""
ALIKE_BITS = 10
"""Of the 64 bits of two perceptual hashes so many may differ where pictures show the same."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PICTURES: tuple[Purpose, ...] = ("photo", "video")
PAPERS: tuple[Purpose, ...] = ("photo", "video", "paper")


class ReportIdTaken(Refusal):
    """Mã này đã dùng cho một phản ánh khác; hãy tạo mã mới.

    This id was used for another report; make a new one."""


class PhotoNeeded(Refusal):
    """Lĩnh vực này cần ít nhất một ảnh hoặc video.

    This category needs at least one photo or video."""

    status = 400


class SaidAlready(Refusal):
    """Bạn đã gửi đúng nội dung này: phản ánh {code}.

    You have filed this very report already: {code}."""


class FilingSuspended(Refusal):
    """Bạn tạm thời không gửi được phản ánh vì đã có nhiều phản ánh sai sự thật; vui lòng liên hệ tổng đài 1900 1075.

    You cannot file for a while, because several of your reports were made up; please call 1900 1075."""

    status = 403


# Filing


async def file(
    db: Connection, me: Principal, report_id: UUID, wanted: FileReport, address: str, language: Language
) -> tuple[MyReport, bool]:
    """File a report under the phone's id, and whether it is new. `address`: where the request comes from.

    Raises UnknownCategory, OutsideCity, PhotoNeeded, SaidAlready, FilingSuspended, ReportIdTaken, TooManyRequests,
    and what an upload may not be."""
    return await _file_mine(db, me, report_id, wanted, address, language)


async def complain(
    db: Connection, me: Principal, report_id: UUID, wanted: Complain, address: str, language: Language
) -> tuple[MyReport, bool]:
    """Complain about an officer: to the supervisors, and to nobody else. Raises what `file` does."""
    report = FileReport(
        category=COMPLAINT,
        text=wanted.text,
        lat=wanted.lat,
        lng=wanted.lng,
        address=wanted.address,
        uploads=wanted.uploads,
        private=True,
        share_name=wanted.share_name,
    )
    return await _file_mine(db, me, report_id, report, address, language, confidential=True)


async def _file_mine(
    db: Connection,
    me: Principal,
    report_id: UUID,
    wanted: FileReport,
    address: str,
    language: Language,
    *,
    confidential: bool = False,
) -> tuple[MyReport, bool]:
    rules = await categories.rules_of(db, wanted.category)
    if rules.confidential is not confidential:
        raise categories.UnknownCategory
    if await _is_there(db, me, report_id, wanted):
        return await show_mine(db, me, report_id, language), False
    await _may_file(db, me, address)
    await insert(db, me, report_id, wanted, rules, channel="app", reporter_id=me.id)
    return await show_mine(db, me, report_id, language), True


async def file_for_caller(
    db: Connection, me: Principal, report_id: UUID, wanted: FileForCaller, language: Language
) -> tuple[StaffReport, bool]:
    """What somebody told the hotline, and whether it is new. A caller whose number has an account finds it among
    their own reports.

    Raises what `file` does, but for the limits."""
    rules = await categories.rules_of(db, wanted.category)
    if rules.confidential and not me.agencies_as("supervisor"):
        raise categories.UnknownCategory
    if await _is_there(db, me, report_id, wanted):
        return await queues.show(db, me, report_id, language), False
    number = None if wanted.caller_phone is None else phone(wanted.caller_phone)
    reporter_id = await db.fetchval(sql.resident_of_phone, number)
    await insert(
        db,
        me,
        report_id,
        wanted,
        rules,
        channel="hotline",
        reporter_id=reporter_id,
        caller=Caller(wanted.caller_name, number),
    )
    return await queues.show(db, me, report_id, language), True


class Caller(msgspec.Struct, frozen=True):
    """Whoever reports and has no account here."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


async def insert(
    db: Connection,
    filer: Principal,
    report_id: UUID,
    wanted: FileReport,
    rules: Rules,
    *,
    channel: Channel,
    reporter_id: UUID | None,
    caller: Caller | None = None,
    photo_follows: bool = False,
) -> str:
    """Write a report down, with its uploads, its deadline and its news; returns its code. `photo_follows`: a picture
    of it is still to be fetched.

    Raises OutsideCity, PhotoNeeded, ReportIdTaken, and what an upload may not be."""
    caller = caller or Caller()
    where = await places.locate(db, wanted.lat, wanted.lng)
    due = await deadlines.of_new(db, rules.due_minutes, rules.warn_minutes)
    account_name = await db.fetchval(sql.name_of, reporter_id)
    code = new_code()
    with refusing(report_code_unique=TooManyRequests):
        made = await db.fetchval(
            sql.insert_report,
            report_id,
            code,
            channel,
            reporter_id,
            filer.id,
            caller.name,
            caller.phone,
            caller.email,
            filer.device_id,
            wanted.category,
            wanted.text,
            wanted.lat,
            wanted.lng,
            wanted.address,
            where.ward,
            where.approximate,
            wanted.private or rules.private,
            rules.confidential,
            wanted.share_name,
            wanted.urgent,
            *blurred(wanted.lat, wanted.lng, rules.place_precision_m),
            None if rules.place_precision_m else wanted.address,
            due.due_at,
            due.warn_at,
            "\n".join(filter(None, (account_name, caller.name))),
        )
    if made is None:
        raise ReportIdTaken
    await db.execute(sql.first_step, report_id)
    taken = await take_uploads(
        db,
        filer.id,
        report_id,
        wanted.uploads,
        "filed",
        keep=rules.keeps_original,
        purposes=PAPERS if rules.confidential else PICTURES,
    )
    if rules.photo and not taken and not photo_follows:
        raise PhotoNeeded
    await _tell_filed(db, report_id, code, rules, reporter_id, due.due_at)
    return code


async def take_uploads(
    db: Connection,
    owner_id: UUID,
    report_id: UUID,
    upload_ids: list[UUID],
    part: str,
    *,
    keep: bool,
    purposes: tuple[Purpose, ...] = PICTURES,
) -> int:
    """Make uploads part of a report; returns how many. Raises what an upload may not be."""
    if not upload_ids:
        return 0
    wanted = list(dict.fromkeys(upload_ids))
    await uploads.claim(
        db,
        owner_id,
        wanted,
        holder="report",
        holder_id=report_id,
        purposes=purposes,
        keep_originals=keep,
        most=MOST_UPLOADS,
    )
    await db.execute(sql.add_report_uploads, report_id, wanted, part)
    return len(wanted)


def new_code() -> str:
    """What a report is called among people: not to be guessed, and no number that counts reports."""
    number = secrets.randbits(40)
    return "PA" + "".join(_ALPHABET[number >> 5 * place & 31] for place in range(8))


def blurred(lat: float, lng: float, precision_m: int) -> tuple[float, float]:
    """The middle of the square of that many metres in which the place lies; the place itself for 0."""
    if not precision_m:
        return lat, lng
    lat_step = precision_m / 110_574
    blurred_lat = (math.floor(lat / lat_step) + 0.5) * lat_step
    lng_step = precision_m / (111_320 * math.cos(math.radians(blurred_lat)))
    return blurred_lat, (math.floor(lng / lng_step) + 0.5) * lng_step


async def _is_there(db: Connection, me: Principal, report_id: UUID, wanted: FileReport) -> bool:
    """Has this been filed before, by me and in these words? A phone that is sending it twice at once takes turns with
    itself, until the end of the transaction. Raises ReportIdTaken, SaidAlready."""
    await db.execute(sql.take_filing_turn, str(me.id))
    there = await maybe(_Filed, db, sql.filed_report, report_id)
    if there is not None:
        if there != _Filed(me.id, wanted.category, wanted.text, wanted.lat, wanted.lng):
            raise ReportIdTaken
        return True
    said = await db.fetchval(
        sql.said_already, me.id, wanted.category, wanted.text, wanted.uploads, wanted.lat, wanted.lng
    )
    if said is not None:
        raise SaidAlready(code=said)
    return False


class _Filed(msgspec.Struct, frozen=True):
    filed_by: UUID
    category: str
    said: str
    lat: float
    lng: float


async def _may_file(db: Connection, me: Principal, address: str) -> None:
    """Limits per person, device and address, and strikes; raises TooManyRequests, FilingSuspended."""
    days = await policies.value(db, "feedback.strike_days")
    if await db.fetchval(sql.strikes, me.id, days) >= await policies.value(db, "feedback.strikes"):
        raise FilingSuspended
    budgets = [
        Budget(f"reports {me.id}", 10, 3600),
        Budget(f"reports {me.id}", 40, 86_400),
        Budget(f"reports at {address_key(address)}", MOST_OF_AN_ADDRESS, 3600),
    ]
    if me.device_id is not None:
        budgets.append(Budget(f"reports on {me.device_id}", 60, 86_400))
    await spend(db, *budgets)


async def _tell_filed(
    db: Connection, report_id: UUID, code: str, rules: Rules, reporter_id: UUID | None, due_at: datetime
) -> None:
    await outbox.record(
        db,
        ReportFiled(
            report_id=report_id,
            code=code,
            category=rules.name_vi,
            category_en=rules.name_en,
            reporter_id=reporter_id,
            due_at=due_at,
        ),
    )
    if rules.confidential:
        supervisors = await steps.supervisors(db)
        await outbox.record(db, ComplaintFiled(report_id=report_id, code=code, supervisor_ids=supervisors))


# Reading


async def show_mine(db: Connection, me: Principal, report_id: UUID, language: Language) -> MyReport:
    """A report of mine, whole, in one query; raises NotFound."""
    report = await maybe(MyReport, db, sql.my_report, report_id, me.id, language)
    if report is None:
        raise NotFound
    return report


async def mine(
    db: Connection, me: Principal, cursor: str | None, limit: int, language: Language
) -> Page[MyReportLine]:
    """What I filed and what I follow, newest first; raises BadCursor."""
    lines = await many(MyReportLine, db, sql.my_reports, me.id, *before(cursor), limit + 1, language)
    return page_of(lines, limit, _key)


async def show(db: Connection, me: Principal | None, report_id: UUID, language: Language) -> ShownReport | MyReport:
    """A public report, or one of mine, in one query. What is private, not looked at yet or unknown is all the same:
    raises NotFound."""
    if me is not None:
        own = await maybe(MyReport, db, sql.my_report, report_id, me.id, language)
        if own is not None:
            return own
    report = await maybe(ShownReport, db, sql.shown_report, report_id, me and me.id, language)
    if report is None:
        raise NotFound
    return report


class Wanted(msgspec.Struct, frozen=True):
    """Which public reports: in a box (west,south,east,north), of a category, in a state, in a ward, with these
    words."""

    bbox: str | None = None
    category: str | None = None
    status: ReportStatus | None = None
    ward: str | None = None
    q: str | None = None


async def listed(
    db: Connection, wanted: Wanted, cursor: str | None, limit: int, language: Language
) -> Page[PublicReport]:
    """Public reports, newest first, in one query; raises BadBox, BadCursor."""
    box = None if wanted.bbox is None else box_of(wanted.bbox)
    lines = await many(
        PublicReport,
        db,
        sql.public_reports,
        *(box or (None, None, None, None)),
        wanted.category,
        wanted.status,
        wanted.ward,
        wanted.q,
        *before(cursor),
        limit + 1,
        language,
    )
    return page_of(lines, limit, _key)


async def nearby(
    db: Connection,
    me: Principal | None,
    lat: float,
    lng: float,
    category: str | None,
    upload_ids: list[UUID],
    language: Language,
) -> list[NearbyReport]:
    """Open public reports within 250 m that mine may repeat, the nearest first; those whose pictures look like mine
    are marked. At most 20."""
    return await many(
        NearbyReport,
        db,
        sql.nearby_reports,
        lat,
        lng,
        NEARBY_M,
        category,
        me and me.id,
        upload_ids,
        ALIKE_BITS,
        MOST_NEARBY,
        language,
    )


def _key(line: PublicReport | MyReportLine) -> tuple[datetime, UUID]:
    return line.made_at, line.id
