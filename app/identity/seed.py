"""The sandbox's people: residents, merchants' owners, and staff with their roles. All of them are made up."""

from uuid import NAMESPACE_URL, UUID, uuid5

from app.config import settings
from app.db import Connection, queries_beside
from app.identity.models import Role
from app.identity.pins import hashed

sql = queries_beside(__file__)

PIN = "258036"

RESIDENTS: tuple[tuple[str, str], ...] = (
    ("+84900000001", "Lê Thị Ngự Bình"),
    ("+84900000002", "Trần Văn Vọng Cảnh"),
    ("+84900000003", "Hồ Thị Kim Phụng"),
    ("+84900000004", "Phan Văn Thiên Thai"),
    ("+84900000005", "Nguyễn Thị Bạch Mã"),
)
MERCHANT_OWNERS: tuple[tuple[str, str], ...] = (
    ("+84900000101", "Hoàng Thị Đông Ba"),
    ("+84900000102", "Võ Văn Tây Lộc"),
)
AGENCIES: tuple[tuple[str, str, str, str | None], ...] = (
    ("ioc", "Trung tâm Giám sát, điều hành đô thị thông minh", "Smart city operations centre", None),
    ("urban-management", "Đội Quản lý đô thị", "Urban management", None),
    ("counter-thuan-hoa", "Trung tâm Phục vụ hành chính công phường Thuận Hóa", "Thuận Hóa ward's counter", "19786"),
    ("city", "Ủy ban nhân dân thành phố Huế", "People's Committee of Huế city", None),
)  # fmt: skip
OFFICERS: tuple[tuple[str, str, str], ...] = (
    ("+84900000211", "Cán bộ cảnh sát giao thông", "traffic-police"),
    ("+84900000212", "Cán bộ trật tự công cộng", "public-order"),
    ("+84900000213", "Cán bộ phòng cháy, chữa cháy", "fire-police"),
    ("+84900000214", "Cán bộ Sở Xây dựng", "construction"),
    ("+84900000215", "Cán bộ thoát nước, chiếu sáng", "drainage"),
    ("+84900000216", "Cán bộ môi trường đô thị", "environment"),
    ("+84900000217", "Cán bộ an toàn thực phẩm", "food-safety"),
    ("+84900000218", "Cán bộ Sở Du lịch", "tourism"),
    ("+84900000219", "Cán bộ đầu mối điện, nước", "utilities"),
    ("+84900000220", "Cán bộ viễn thông", "telecoms"),
)
"""Whoever deals with field reports, by agency; a migration has made these agencies."""
STAFF: tuple[tuple[str, str, str, tuple[Role, ...]], ...] = (
    ("+84900000201", "Điều hành viên trực ban", "ioc", ("operator",)),
    ("+84900000202", "Cán bộ quản lý đô thị", "urban-management", ("agency_officer",)),
    ("+84900000203", "Cán bộ tiếp nhận Thuận Hóa", "counter-thuan-hoa", ("clerk",)),
    ("+84900000204", "Quản trị hệ thống", "city", ("admin",)),
    ("+84900000205", "Trưởng ca điều hành", "ioc", ("operator", "supervisor")),
    ("+84900000206", "Kế toán thành phố", "city", ("finance",)),
    ("+84900000207", "Cán bộ tuân thủ", "city", ("compliance",)),
    ("+84900000208", "Quản trị hệ thống 2", "city", ("admin",)),
    ("+84900000231", "Công chức tư pháp - hộ tịch Thuận Hóa", "counter-thuan-hoa", ("agency_officer",)),
    ("+84900000232", "Chủ tịch phường Thuận Hóa", "counter-thuan-hoa", ("agency_head",)),
    *((phone, name, agency, ("agency_officer",)) for phone, name, agency in OFFICERS),
)
STAFF_EMAILS: dict[str, str] = {
    "+84900000201": "operator@hue.example",
    "+84900000202": "officer@hue.example",
    "+84900000203": "clerk@hue.example",
    "+84900000204": "admin@hue.example",
    "+84900000205": "supervisor@hue.example",
    "+84900000206": "finance@hue.example",
    "+84900000207": "compliance@hue.example",
    "+84900000208": "admin2@hue.example",
    "+84900000231": "civil-status@hue.example",
    "+84900000232": "ward-head@hue.example",
} | {phone: f"{agency}@hue.example" for phone, _, agency in OFFICERS}
"""By phone: how the stand-in of the staff's identity provider knows them."""


def seed_id(name: str) -> UUID:
    """The same id for the same name in every sandbox."""
    return uuid5(NAMESPACE_URL, f"urn:huong:seed:{name}")


def subject_of(provider: str, hint: str) -> str:
    """How a stand-in of an identity provider calls the person of a `login_hint`."""
    return uuid5(NAMESPACE_URL, f"urn:huong:sandbox:{provider}:{hint}").hex


async def plant(db: Connection) -> None:
    """Make the people, residents verified; what is there stays as it is."""
    for phone, name in (*RESIDENTS, *MERCHANT_OWNERS):
        await db.execute(sql.plant_principal, seed_id(phone), "resident", phone, name)
        await db.execute(sql.set_first_pin, seed_id(phone), *await hashed(PIN))
        subject = subject_of("citizen", phone)
        issuer = settings().citizen_issuer
        await db.execute(sql.prove_identity, seed_id(f"proof {phone}"), seed_id(phone), issuer, subject, name, None)
        await db.execute(sql.raise_level, seed_id(phone), name)
    for code, name_vi, name_en, ward in AGENCIES:
        await db.execute(sql.plant_agency, code, name_vi, name_en, ward)
    for phone, name, agency, roles in STAFF:
        await db.execute(sql.plant_principal, seed_id(phone), "staff", phone, name)
        for role in roles:
            await db.execute(sql.plant_grant, seed_id(phone), agency, role)


async def follow_the_stand_in(db: Connection) -> None:
    """A sandbox that was moved to another port has its identity provider there too: the proofs are still its own."""
    await db.execute(sql.move_proofs, settings().citizen_issuer)
