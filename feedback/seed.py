"""The sandbox's field reports: sixty that are believable, or ten thousand over two years. All of them are made up.

They are made by the verbs that phones and officers use, with the city's clock moved to when each thing is done."""

import io
import random
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from PIL import Image, ImageDraw

from app.clock import city_now
from app.db import Connection, Database, queries_beside
from app.identity.models import Grant, Principal
from app.identity.seed import RESIDENTS, STAFF, seed_id
from app.places import Ward, wards
from app.sandbox.past import NotYet, back, then
from app.uploads import incoming, receiving
from feedback import deadlines, fines, handling, reports, triage, voices
from feedback.models import AskExtension as Extend
from feedback.models import (
    AskReporter,
    AssignReport,
    FileReport,
    FollowReport,
    MergeReport,
    PutFine,
    RateReport,
    RatingWord,
    ReopenReport,
    ResolveReport,
    ReturnReport,
    StartReport,
    VerifyReport,
)
from feedback.models import DecideExtension as Decide

sql = queries_beside(__file__)

CITY_DAYS, CITY_REPORTS, CITY_PEOPLE = 730, 10_000, 300
LONG_AGO = timedelta(days=30)

# Of each category: what people say, and what the city answers.
SAID: dict[str, tuple[tuple[str, ...], str]] = {
    "traffic_violation": (
        ("Xe tải chạy vào đường cấm giờ tan trường.", "Ô tô vượt đèn đỏ ở ngã sáu.", "Xe máy chở ba, lạng lách."),
        "Đã xác minh hình ảnh và mời chủ phương tiện đến làm việc.",
    ),
    "parking": (
        ("Ô tô đỗ chắn lối ra của hẻm.", "Xe du lịch đỗ hàng đôi trước cổng chợ.", "Xe bán tải đỗ trên vỉa hè."),
        "Đã nhắc nhở, lập biên bản và cắm thêm biển cấm đỗ.",
    ),
    "pothole": (
        ("Ổ gà sâu giữa làn xe máy, trời mưa không thấy.", "Nắp cống vỡ, đã có người ngã.", "Mặt đường sụt sau mưa."),
        "Đã vá mặt đường bằng bê tông nhựa nguội và thay nắp cống.",
    ),
    "street_light": (
        ("Ba bóng đèn liền nhau không sáng từ tuần trước.", "Đèn chớp tắt cả đêm.", "Cột đèn nghiêng sau bão."),
        "Đã thay bóng và chấn lưu, đèn sáng từ tối nay.",
    ),
    "drainage": (
        (
            "Nước ngập ngang bánh xe sau mỗi trận mưa.",
            "Cống tắc, nước đen tràn lên đường.",
            "Miệng cống đầy lá và rác.",
        ),
        "Đã nạo vét hố ga và khơi thông đoạn cống.",
    ),
    "waste": (
        ("Rác chất đống cạnh chợ, bốc mùi.", "Ai đó đổ xà bần ở bờ sông.", "Thùng rác công viên đầy ba ngày rồi."),
        "Đã thu gom và tăng thêm một chuyến mỗi ngày.",
    ),
    "noise": (
        ("Hát loa kéo tới nửa đêm.", "Xưởng cưa chạy giữa trưa.", "Công trình đóng cọc lúc năm giờ sáng."),
        "Đã làm việc với chủ cơ sở, cam kết không gây ồn sau 22 giờ.",
    ),
    "construction": (
        (
            "Xây thêm tầng, không thấy biển phép.",
            "Công trình không che chắn, cát bay khắp xóm.",
            "Vật liệu rơi vãi kín đường.",
        ),
        "Đã kiểm tra giấy phép và yêu cầu che chắn, dọn vật liệu.",
    ),
    "pavement": (
        (
            "Bàn ghế quán nhậu chiếm hết vỉa hè.",
            "Biển hiệu đặt giữa lối đi bộ.",
            "Xe máy sửa chữa tràn xuống lòng đường.",
        ),
        "Đã nhắc nhở và thu biển hiệu, bàn ghế đặt sai chỗ.",
    ),
    "public_order": (
        ("Nhóm thanh niên tụ tập, đốt pháo.", "Đánh bài ăn tiền ở vườn hoa.", "Cãi nhau to, sợ xô xát."),
        "Tổ tuần tra đã đến và giải tán.",
    ),
    "animals": (
        ("Chó lớn thả rông, không rọ mõm.", "Đàn bò đi trên quốc lộ lúc trời tối.", "Trâu nằm giữa đường làng."),
        "Đã nhắc chủ nuôi và tăng kiểm tra vào buổi tối.",
    ),
    "advertising": (
        ("Rao vặt dán kín cột điện.", "Băng rôn che mất biển chỉ đường.", "Bảng quảng cáo sắp rơi."),
        "Đã bóc gỡ và nhắc đơn vị quảng cáo.",
    ),
    "fire_safety": (
        (
            "Lối thoát hiểm chung cư bị khóa.",
            "Kho xốp sát nhà dân, không thấy bình chữa cháy.",
            "Đốt rơm sát đường dây.",
        ),
        "Đã kiểm tra an toàn và yêu cầu khắc phục trong ngày.",
    ),
    "food_safety": (
        (
            "Cả nhà đau bụng sau khi ăn bánh mì ở cổng trường.",
            "Quán rửa bát bằng nước đục.",
            "Chả không nhãn, có mùi lạ.",
        ),
        "Đã lấy mẫu và kiểm tra cơ sở.",
    ),
    "tourism": (
        (
            "Bị chèo kéo mua vé thuyền giá gấp đôi.",
            "Xích lô đòi thêm tiền giữa đường.",
            "Điểm tham quan không có bảng giá.",
        ),
        "Đã làm việc với đơn vị kinh doanh và niêm yết giá.",
    ),
    "electricity": (
        ("Dây điện đứt thõng xuống hẻm.", "Trạm biến áp kêu to, có tia lửa.", "Cây đè lên đường dây."),
        "Đã cắt điện an toàn và nối lại dây.",
    ),
    "water": (
        ("Ống nước vỡ, chảy tràn từ sáng.", "Nước máy đục, có cặn.", "Mất nước hai ngày liền."),
        "Đã thay đoạn ống vỡ và súc xả đường ống.",
    ),
    "telecom": (
        ("Cáp viễn thông võng ngang đầu người.", "Cột viễn thông nghiêng sau bão.", "Bó cáp đứt rơi xuống mương."),
        "Đã bó gọn, nâng cáp và dựng lại cột.",
    ),
}  # fmt: skip
STREETS = ("Lê Lợi", "Hùng Vương", "Nguyễn Huệ", "Trần Hưng Đạo", "Bà Triệu", "Chi Lăng", "Đống Đa", "Lê Duẩn")


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a report: how far it goes, and how it is found."""

    steps: int
    """1 verified, 2 handed over, 3 begun, 4 answered, 5 rated; 0: nobody has looked."""
    rating: RatingWord = "satisfied"
    end: str = ""
    """What happens on top: rejected, asked, extended, reopened, returned, merged, fined."""


FATES: tuple[Fate, ...] = (
    Fate(5), Fate(4), Fate(2), Fate(5, "acceptable"), Fate(3), Fate(0), Fate(5, "unsatisfied", "reopened"), Fate(1),
    Fate(0, end="rejected"), Fate(2, end="asked"), Fate(3, end="extended"), Fate(5), Fate(1, end="merged"),
    Fate(2, end="returned"), Fate(4),
)  # fmt: skip
_FINED = Fate(4, end="fined")


class _Cast(msgspec.Struct, frozen=True):
    people: list[Principal]
    operator: Principal
    supervisor: Principal
    officers: dict[str, Principal]
    """By the code of their agency."""


async def plant(database: Database, count: int = 60) -> None:
    """The small city's reports, of the last three weeks; what is there stays as it is. People and wards come
    first."""
    people = [_resident(phone) for phone, _ in RESIDENTS]
    await _tell_stories(database, people, count, days=21, size=(800, 600), seed=1)


async def plant_city(database: Database, count: int = CITY_REPORTS) -> None:
    """Two years of a city. It takes some minutes."""
    names = [name for _, name in RESIDENTS]
    people: list[Principal] = []
    async with database.transaction() as db:
        for number in range(CITY_PEOPLE):
            phone = f"+8490000{1000 + number}"
            await db.execute(sql.plant_reporter, seed_id(phone), phone, names[number % len(names)])
            people.append(_resident(phone))
    await _tell_stories(database, people, count, days=CITY_DAYS, size=(240, 180), seed=2)


def _resident(phone: str) -> Principal:
    return Principal(id=seed_id(phone), kind="resident", session_id=seed_id(f"session {phone}"), level=2)


def _staff(phone: str) -> Principal:
    [(agency, roles)] = [(agency, roles) for number, _, agency, roles in STAFF if number == phone]
    grants = [Grant(agency=agency, role=role) for role in roles]
    return Principal(id=seed_id(phone), kind="staff", session_id=seed_id(f"session {phone}"), grants=grants)


async def _tell_stories(
    database: Database, people: list[Principal], count: int, *, days: int, size: tuple[int, int], seed: int
) -> None:
    officers = {agency: _staff(phone) for phone, _, agency, roles in STAFF if "agency_officer" in roles}
    cast = _Cast(people, _staff("+84900000201"), _staff("+84900000205"), officers)
    async with database.acquire() as db:
        places = await wards(db)
    began = city_now() - timedelta(days=days)
    moments = random.Random(seed)  # noqa: S311 - a story, no secret
    codes = list(SAID)
    for number, part in enumerate(sorted(moments.random() for _ in range(count))):
        dice = random.Random(f"{seed} {number}")  # noqa: S311 - of its own: what is there already is passed over
        code = codes[number % len(codes)] if count <= 100 else dice.choice(codes)
        story = _Story(database, cast, dice, seed_id(f"report {seed} {number}"), code, size)
        at, fate = began + (city_now() - began) * part, FATES[number % len(FATES)]
        await story.tell(at, _of_long_ago(fate, at, dice), dice.choice(places))


def _of_long_ago(fate: Fate, at: datetime, dice: random.Random) -> Fate:
    """What was reported a month ago has been answered, but for one in fifty."""
    if fate.steps > 3 or fate.end in {"rejected", "merged"} or city_now() - at < LONG_AGO or dice.random() < 0.02:
        return fate
    return Fate(dice.choice((4, 5)), dice.choice(("satisfied", "satisfied", "acceptable", "unsatisfied")))


class _Story:
    """One report, from its filing to as far as it goes: one transaction, so that it is there whole or not at all."""

    def __init__(
        self, database: Database, cast: _Cast, dice: random.Random, id_: UUID, code: str, size: tuple[int, int]
    ) -> None:
        self.database, self.cast, self.dice, self.id, self.code, self.size = database, cast, dice, id_, code, size
        self.reporter = dice.choice(cast.people)
        self.number = dice.randrange(2, 180)

    async def tell(self, at: datetime, fate: Fate, ward: Ward) -> None:
        """Have it happen, unless it has."""
        said, answer = SAID[self.code]
        text = f"{self.dice.choice(said)} Gần số {self.number} {self.dice.choice(STREETS)}, {ward.name}."
        lat, lng = (round(of + self.dice.gauss(0, 0.004), 6) for of in (ward.lat, ward.lng))
        async with self.database.acquire() as db:
            if await db.fetchval(sql.filed_report, self.id) is not None:
                return
            agency, evidence, after = await _needs(db, self.code)
        before = await self._picture(self.reporter, "before", broken=True)
        officer = self.cast.officers[agency]
        done = [await self._picture(officer, "after", broken=False)] if after and fate.steps > 3 else []
        filed = FileReport(category=self.code, text=text, lat=lat, lng=lng, uploads=[before], urgent=self.number < 12)
        async with self.database.transaction() as db:
            try:
                async with then(db, at):
                    await reports.file(db, self.reporter, self.id, filed, _address_of(self.reporter), "vi")
                fate = _FINED if evidence and fate.steps > 3 else fate
                await self._go_on(db, at, fate, officer, ResolveReport(version=1, text=answer, uploads=done))
            except NotYet:
                pass
            finally:
                await back(db)

    async def _go_on(
        self, db: Connection, at: datetime, fate: Fate, officer: Principal, answer: ResolveReport
    ) -> None:
        operator = self.cast.operator
        hours = self.dice.uniform
        if fate.end == "rejected":
            async with then(db, at + timedelta(hours=hours(0.2, 6))):
                no = VerifyReport(version=1, accepted=False, reason="Nội dung chưa rõ địa điểm; mời gửi lại kèm ảnh.")
                await triage.verify(db, operator, self.id, no, "vi")
        if fate.steps > 0:
            async with then(db, at := at + timedelta(hours=hours(0.1, 4))):
                await triage.verify(db, operator, self.id, VerifyReport(version=1, accepted=True), "vi")
                await self._gather(db)
        if fate.steps > 1:
            async with then(db, at := at + timedelta(hours=hours(0.1, 5))):
                await triage.assign(db, operator, self.id, AssignReport(version=await self._version(db)), "vi")
        if fate.steps > 2:
            async with then(db, at := at + timedelta(hours=hours(0.5, 10))):
                await handling.start(db, officer, self.id, StartReport(version=await self._version(db)), "vi")
        if fate.steps > 3:
            async with then(db, at := at + timedelta(hours=hours(2, 60))):
                answered = msgspec.structs.replace(answer, version=await self._version(db))
                await handling.resolve(db, officer, self.id, answered, "vi")
        if fate.end == "fined":
            async with then(db, at := at + timedelta(hours=hours(1, 20))):
                await self._fine(db, officer)
        if fate.steps > 4:
            async with then(db, at := at + timedelta(hours=hours(1, 40))):
                await voices.rate(db, self.reporter, self.id, RateReport(rating=fate.rating), "vi")
        async with then(db, at + timedelta(hours=hours(0.5, 8))):
            await self._end(db, fate.end, officer)

    async def _end(self, db: Connection, end: str, officer: Principal) -> None:
        version = await self._version(db)
        match end:
            case "asked":
                asked = AskReporter(version=version, text="Vị trí ở đoạn nào của đường?")
                await handling.ask(db, officer, self.id, asked, "vi")
            case "extended":
                more = Extend(version=version, until=city_now() + timedelta(days=30), reason="Chờ vật tư thay thế")
                await handling.ask_extension(db, officer, self.id, more, "vi")
                granted = Decide(version=version + 1, approved=True)
                await triage.decide_extension(db, self.cast.supervisor, self.id, granted, "vi")
            case "reopened":
                again = ReopenReport(reason="Hôm nay lại như cũ.")
                await voices.reopen(db, self.reporter, self.id, again, "vi")
            case "returned":
                back = ReturnReport(version=version, reason="Đoạn này thuộc đơn vị khác quản lý")
                await handling.hand_back(db, officer, self.id, back)
            case "merged":
                original = await db.fetchval(sql.original_to_merge, self.id)
                if original is not None:
                    merged = MergeReport(version=version, of=original)
                    await triage.merge(db, self.cast.operator, self.id, merged, "vi")
            case _:
                pass

    async def _gather(self, db: Connection) -> None:
        """Now and then neighbours follow."""
        if not await db.fetchval(sql.is_public, self.id):
            return
        for person in self.dice.sample(self.cast.people, self.dice.choice((0, 0, 1, 2))):
            if person.id != self.reporter.id:
                await voices.follow(db, person, self.id, FollowReport(affected=True), "vi")

    async def _fine(self, db: Connection, officer: Principal) -> None:
        decision = PutFine(
            version=await self._version(db),
            plate=f"75{self.dice.choice('ABCD')}-{self.dice.randrange(10_000, 99_999)}",
            violation="Dừng, đỗ xe không đúng nơi quy định",
            decision_number=f"{self.dice.randrange(10**9)}/QĐ-XPHC",
            amount=self.dice.choice((400_000, 850_000, 2_500_000)),
        )
        await fines.put(db, officer, self.id, decision)

    async def _version(self, db: Connection) -> int:
        return await db.fetchval(sql.version_of, self.id)

    async def _picture(self, owner: Principal, part: str, *, broken: bool) -> UUID:
        """A picture that was taken there, sent as phones send theirs."""
        upload_id = seed_id(f"picture {self.id} {part}")
        content = painted(self.size, random.Random(f"{self.id} {part}"), broken=broken)  # noqa: S311 - paint
        await receiving.put(self.database, owner, upload_id, "photo", incoming.arrived(content))
        return upload_id


def _address_of(person: Principal) -> str:
    """From where they send, one of those that are kept for examples (RFC 3849): limits are per address too."""
    return f"2001:db8:{person.id.int % 2**16:x}::1"


async def _needs(db: Connection, code: str) -> tuple[str, bool, bool]:
    """Whose a category is, whether its pictures are evidence, and whether an answer needs one."""
    row = await db.fetchrow(sql.needs_of_category, code)
    assert row is not None
    return row["agency"], row["evidence"], row["after_photo"]


def painted(size: tuple[int, int], dice: random.Random, *, broken: bool) -> bytes:
    """A street as a child would paint it, as a JPEG; whole, or with a dark hole in it."""
    width, height = size
    grey, shade = dice.randrange(70, 130), dice.randrange(90, 220)
    picture = Image.new("RGB", size, (130, 170 + shade // 6, 230))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, height * 0.55, width, height), fill=(grey, grey, grey))
    for left in range(0, width, width // 5):
        top = height * dice.uniform(0.15, 0.4)
        colour = tuple(dice.randrange(120, 240) for _ in range(3))
        pen.rectangle((left + 4, top, left + width // 5 - 4, height * 0.55), fill=colour)
        pen.rectangle((left + width // 14, height * 0.45, left + width // 9, height * 0.55), fill=(90, 60, 40))
    for dash in range(0, width, width // 8):
        pen.rectangle((dash, height * 0.77, dash + width // 16, height * 0.79), fill=(240, 240, 240))
    if broken:
        middle, wide = width * dice.uniform(0.3, 0.7), width * dice.uniform(0.06, 0.15)
        pen.ellipse((middle - wide, height * 0.8, middle + wide, height * 0.95), fill=(30, 28, 26))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return file.getvalue()


async def settle(database: Database) -> None:
    """What the clock would have done meanwhile: warn, flag, close."""
    async with database.transaction() as db:
        await deadlines.sweep(db)
