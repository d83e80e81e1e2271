"""What somebody wants to be told, and when."""

from collections.abc import Sequence

import msgspec

from app.db import Connection, one, queries_beside
from app.errors import Refusal
from app.identity.models import Principal
from notifications.models import Category, Digest, KeepPreferences, KeepQuietHours, Preferences, QuietHours

sql = queries_beside(__file__)


class NoSuchWard(Refusal):
    """Không có xã, phường mã "{ward}".

    There is no ward of the code "{ward}"."""

    status = 400


class QuietAllDay(Refusal):
    """Giờ yên lặng phải có lúc bắt đầu khác lúc kết thúc.

    Quiet hours begin and end at different times."""

    status = 400


class _Kept(msgspec.Struct, frozen=True):
    muted: list[Category]
    texts: bool
    quiet: bool
    quiet_from_minute: int
    quiet_to_minute: int
    digest: Digest
    amounts: bool
    ward_codes: list[str]


async def mine(db: Connection, me: Principal) -> Preferences:
    """What I want to be told; whoever never said has the defaults."""
    kept = await one(_Kept, db, sql.preferences, me.id)
    return Preferences(
        muted=kept.muted,
        texts=kept.texts,
        quiet=(
            QuietHours(start=_hour(kept.quiet_from_minute), end=_hour(kept.quiet_to_minute)) if kept.quiet else None
        ),
        digest=kept.digest,
        amounts=kept.amounts,
        wards=kept.ward_codes,
    )


async def check_wards(db: Connection, wards: Sequence[str]) -> None:
    """Raises NoSuchWard."""
    if (ward := await db.fetchval(sql.unknown_wards, wards)) is not None:
        raise NoSuchWard(ward=ward)


async def keep(db: Connection, me: Principal, wanted: KeepPreferences) -> Preferences:
    """That is what I want from now on, all of it. Raises NoSuchWard, QuietAllDay."""
    await check_wards(db, wanted.wards)
    quiet = wanted.quiet or KeepQuietHours()
    if quiet.start == quiet.end:
        raise QuietAllDay
    await db.execute(
        sql.keep_preferences,
        me.id,
        sorted(set(wanted.muted)),
        wanted.texts,
        wanted.quiet is not None,
        _minute(quiet.start),
        _minute(quiet.end),
        wanted.digest,
        wanted.amounts,
        sorted(set(wanted.wards)),
    )
    return await mine(db, me)


def _hour(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(hour: str) -> int:
    hours, minutes = hour.split(":")
    return int(hours) * 60 + int(minutes)
