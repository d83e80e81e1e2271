"""The portal's messages: what is written is read again, and seconds of steps never meet."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dossiers.national import wire
from dossiers.national.telling import second_of
from dossiers.national.wire import DossierOnWire, Progress, StepOnWire, Sync

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - by `timezones`
STAMPS = TIMES.map(wire.stamp) | st.just("")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def _like(type_: type) -> st.SearchStrategy[object]:
    """Anything that its fields allow."""

    def of(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[object]:
        match msgspec.inspect.type_info(field.type):
            case msgspec.inspect.LiteralType(values=values):
                return st.sampled_from(values)
            case msgspec.inspect.ListType(item_type=msgspec.inspect.StructType(cls=inner)):
                return st.lists(_like(inner), max_size=3)
            case msgspec.inspect.StrType(pattern=None):
                return WORDS
            case msgspec.inspect.StrType():
                return STAMPS
            case other:
                raise AssertionError(other)

    return st.builds(type_, **{field.name: of(field) for field in msgspec.structs.fields(type_)})


@given(_like(Sync))
def test_a_sync_is_read_as_it_was_written(message: Sync) -> None:
    assert wire.decode_sync(wire.encode(message)) == message


@given(_like(Progress))
def test_progress_is_read_as_it_was_written(message: Progress) -> None:
    assert wire.decode_progress(wire.encode(message)) == message


@given(TIMES)
def test_a_moment_is_told_to_the_second(moment: datetime) -> None:
    assert wire.moment(wire.stamp(moment)) == moment.replace(microsecond=0)


def test_dates_are_of_hue() -> None:
    assert wire.stamp(datetime(2026, 11, 22, 17, 0, 5, tzinfo=UTC)) == "20261123000005"
    assert (wire.stamp(None), wire.moment("")) == ("", None)


def test_the_words_are_the_portals() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(DossierOnWire)} == {
        "MaHoSo", "MaTTHC", "TenTTHC", "MaLinhVuc", "ChuHoSo", "LoaiDoiTuong", "MaDoiTuong", "Email", "SoDienThoai",
        "TrichYeuHoSo", "NgayTiepNhan", "NgayHenTra", "TrangThaiHoSo", "NgayTra", "ThongTinTra", "HinhThuc",
        "NgayKetThucXuLy", "DonViXuLy", "GhiChu", "TaiLieuNop", "DanhSachLePhi", "DanhSachHoSoBoSung",
        "DanhSachGiayToKetQua",
    }  # fmt: skip
    assert {field.encode_name for field in msgspec.structs.fields(StepOnWire)} == {
        "MaHoSo", "NguoiXuLy", "ChucDanh", "ThoiDiemXuLy", "PhongBanXuLy", "NoiDungXuLy", "TrangThai", "NgayBatDau",
        "NgayKetThucTheoQuyDinh",
    }  # fmt: skip
    assert wire.encode(Sync(is_updating="True", data=[])) == b'{"isUpdating":"True","data":[]}'


@pytest.mark.parametrize("code", ["0", 0])
def test_zero_is_taken_however_it_is_written(code: str | int) -> None:
    reply = msgspec.json.decode(msgspec.json.encode({"error_code": code}), type=wire.PortalReply)
    assert reply.taken
    assert not wire.PortalReply("-1").taken


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=30))
def test_no_two_steps_of_a_dossier_are_of_the_same_second(gaps_ms: list[int]) -> None:
    made, at = list[datetime](), datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    for gap_ms in gaps_ms:
        at += timedelta(milliseconds=gap_ms)
        made.append(at)
    told = [second_of(made[: place + 1]) for place in range(len(made))]
    assert all(earlier < later for earlier, later in pairwise(told))
    assert all(really.replace(microsecond=0) <= said for really, said in zip(made, told, strict=True))
