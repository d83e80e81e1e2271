"""The messages of the national portal, as they travel: `DongBoHoSoMC` and `CapNhatTienDoHoSoMC`.

All values are text, "" where nothing is known. Dates are `yyyyMMddHHmmss` in Huế's time."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from app.clock import CITY_ZONE
from dossiers.procedures.definitions import Channel

SYNC, PROGRESS = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"

STAMP = "%Y%m%d%H%M%S"
Stamp = Annotated[str, Meta(pattern=r"^([0-9]{14})?$(?!\n)")]
Truth = Literal["True", "False"]
Status = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
CHANNELS: dict[Channel, Literal["1", "2", "3"]] = {"counter": "1", "online": "2", "post": "3"}
APPLICANTS: dict[str, Literal["1", "2"]] = {"person": "1", "organisation": "2"}
FEE_COLLECTED: dict[str, Literal["1", "2", "4"]] = {"acceptance": "1", "supplement": "2", "return": "4"}


class PaperOnWire(msgspec.Struct, frozen=True, kw_only=True):
    """A paper that was handed in; `kind`: 0 original, 1 copy, 2 electronic."""

    code: str = field(name="MaThanhPhanHoSo")
    name: str = field(name="TenTepDinhKem")
    kind: Literal["0", "1", "2"] = field(name="LoaiGiayTo")
    copies: str = field(name="SoLuong")
    url: str = field(name="DuongDanTaiTepTin", default="")


class FeeOnWire(msgspec.Struct, frozen=True, kw_only=True):
    """A fee, in whole đồng; `collected`: 1 at receipt, 2 at supplement, 4 at return."""

    name: str = field(name="TenPhiLePhi")
    collected: Literal["1", "2", "4"] = field(name="HinhThucThu")
    amount: str = field(name="Gia")
    paid: Truth = field(name="DaThu")


class SupplementOnWire(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, and when it came."""

    id: str = field(name="HoSoBoSungId")
    words: str = field(name="NoiDungBoSung")
    asked_at: Stamp = field(name="NgayYeuCauBoSung")
    given_at: Stamp = field(name="NgayTiepNhanBoSung")


class ResultOnWire(msgspec.Struct, frozen=True, kw_only=True):
    """What came out; `url`: where anybody may check it."""

    name: str = field(name="TenGiayTo")
    code: str = field(name="MaGiayToKetQua")
    number: str = field(name="SoKyHieu")
    url: str = field(name="DuongDanTepTinKetQua")


class DossierOnWire(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier, whole."""

    code: str = field(name="MaHoSo")
    procedure: str = field(name="MaTTHC")
    procedure_name: str = field(name="TenTTHC")
    field_code: str = field(name="MaLinhVuc")
    applicant_name: str = field(name="ChuHoSo")
    applicant_kind: Literal["1", "2"] = field(name="LoaiDoiTuong")
    applicant_number: str = field(name="MaDoiTuong")
    applicant_email: str = field(name="Email")
    applicant_phone: str = field(name="SoDienThoai")
    summary: str = field(name="TrichYeuHoSo")
    accepted_at: Stamp = field(name="NgayTiepNhan")
    due_at: Stamp = field(name="NgayHenTra")
    status: Status = field(name="TrangThaiHoSo")
    returned_at: Stamp = field(name="NgayTra")
    returned_how: str = field(name="ThongTinTra")
    channel: Literal["1", "2", "3"] = field(name="HinhThuc")
    finished_at: Stamp = field(name="NgayKetThucXuLy")
    agency: str = field(name="DonViXuLy")
    note: str = field(name="GhiChu")
    papers: list[PaperOnWire] = field(name="TaiLieuNop")
    fees: list[FeeOnWire] = field(name="DanhSachLePhi")
    supplements: list[SupplementOnWire] = field(name="DanhSachHoSoBoSung")
    results: list[ResultOnWire] = field(name="DanhSachGiayToKetQua")


class StepOnWire(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a dossier. No two of a dossier are of the same second: code and `done_at` are the step's key."""

    code: str = field(name="MaHoSo")
    actor: str = field(name="NguoiXuLy")
    position: str = field(name="ChucDanh")
    done_at: Stamp = field(name="ThoiDiemXuLy")
    department: str = field(name="PhongBanXuLy")
    words: str = field(name="NoiDungXuLy")
    status: Status = field(name="TrangThai")
    started_at: Stamp = field(name="NgayBatDau")
    due_at: Stamp = field(name="NgayKetThucTheoQuyDinh")


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """`DongBoHoSoMC`: dossiers that are new to the portal, or ("True") otherwise than it knows them."""

    is_updating: Truth = field(name="isUpdating")
    data: list[DossierOnWire]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`CapNhatTienDoHoSoMC`: steps, in order."""

    data: list[StepOnWire]


class PortalReply(msgspec.Struct, frozen=True):
    """The portal's answer; `error_code` "0": it has taken it."""

    error_code: str | int
    message: str = ""

    @property
    def taken(self) -> bool:
        """Has the portal taken it?"""
        return str(self.error_code) == "0"


def stamp(moment: datetime | None) -> str:
    """The moment in Huế's time, to the second; "" for none."""
    return "" if moment is None else moment.astimezone(CITY_ZONE).strftime(STAMP)


def moment(text: str) -> datetime | None:
    """What `stamp` wrote; raises ValueError for what is no date."""
    return datetime.strptime(text, STAMP).replace(tzinfo=CITY_ZONE) if text else None


def encode(message: Sync | Progress) -> bytes:
    """A message as JSON."""
    return msgspec.json.encode(message)


def decode_sync(body: bytes) -> Sync:
    """What `encode` wrote; raises msgspec.DecodeError."""
    return msgspec.json.decode(body, type=Sync)


def decode_progress(body: bytes) -> Progress:
    """What `encode` wrote; raises msgspec.DecodeError."""
    return msgspec.json.decode(body, type=Progress)
