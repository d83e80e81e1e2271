"""What the national portal files with us, and what the city's people see of what it does not know."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, field

from app.types import Answer, Body, LongLine, LongName
from dossiers.models import Email, PersonalNumber
from dossiers.procedures.definitions import Code as PartCode
from dossiers.procedures.definitions import ProcedureCode

DifferenceState = Literal["waiting", "refused"]
SyncState = Literal["in_step", "waiting", "refused"]

PortalCode = Annotated[str, Meta(min_length=8, max_length=60, pattern=r"^[0-9A-Z][0-9A-Z.-]+$(?!\n)")]
NationalAgencyCode = Annotated[str, Meta(max_length=40, pattern=r"^[A-Y][0-9]{2}(\.[0-9]{1,3}){0,6}$(?!\n)")]
LinkText = Annotated[str, Meta(min_length=10, max_length=1000, pattern=r"^https://[!-~]+$(?!\n)")]
AnyPhoneText = Annotated[str, Meta(max_length=30, pattern=r"^[+0-9 ().-]*$(?!\n)")]


class LinkedPaper(Body):
    """A paper, by its code in the procedure, at an address on the open Internet; it is fetched later."""

    code: PartCode = field(name="MaThanhPhanHoSo")
    url: LinkText = field(name="DuongDanTaiTepTin")
    name: LongName = field(name="TenTepDinhKem")


class FiledAtPortal(Body):
    """A dossier as the portal has it. `case` null: the procedure's first; `agency`: its national code, `H57.30`;
    `applicant_kind`: 1 a person, 2 an organisation; `form`: the fields that the procedure asks for."""

    code: PortalCode = field(name="MaHoSo")
    procedure: ProcedureCode = field(name="MaTTHC")
    agency: NationalAgencyCode = field(name="MaDonVi")
    applicant_name: LongName = field(name="ChuHoSo")
    case: PartCode | None = field(name="MaTruongHop", default=None)
    applicant_kind: Literal["1", "2"] = field(name="LoaiDoiTuong", default="1")
    applicant_number: PersonalNumber | None = field(name="MaDoiTuong", default=None)
    email: Email | None = field(name="Email", default=None)
    phone: AnyPhoneText | None = field(name="SoDienThoai", default=None)
    form: dict[str, Any] = field(name="BieuMau", default_factory=dict[str, Any])
    papers: Annotated[list[LinkedPaper], Meta(max_length=30)] = field(
        name="TaiLieuNop", default_factory=list[LinkedPaper]
    )
    deliver_by: Literal["electronic", "counter", "post"] = field(name="HinhThucTra", default="electronic")
    address: LongLine | None = field(name="DiaChiNhan", default=None)


class FileFromPortal(Body):
    """Dossiers that were filed at the portal, or what it says of them now."""

    data: Annotated[list[FiledAtPortal], Meta(min_length=1, max_length=20)]


class PortalFiling(Answer):
    """What became of one. `error_code`: 0 taken (now or before); 1 not taken, and why; 2 it is accepted already, and
    can be changed no more."""

    error_code: Literal["0", "1", "2"]
    message: str
    code: str = field(name="MaHoSo")


class PortalFilings(Answer):
    """What became of each, in the order in which they came."""

    data: list[PortalFiling]


class NationalDifference(Answer):
    """A dossier that the portal knows otherwise than we do, why, and since when. `waiting`: it is being sent, of
    which `tries` had no answer; `refused`: the portal said no, with `error_code`.
    `taken_version`: the last step that it took, of `version`."""

    dossier_id: UUID
    code: str | None
    portal_code: str | None
    procedure: str
    procedure_name: str
    agency: str
    state: SyncState
    error_code: str | None
    error: str | None
    tries: int
    version: int
    taken_version: int
    since_at: datetime | None
    tried_at: datetime | None
    taken_at: datetime | None
