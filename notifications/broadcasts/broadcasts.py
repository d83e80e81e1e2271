"""Broadcasts: made by one, approved by another if they wake everybody, withdrawn, corrected."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from notifications import preferences
from notifications.alerts.models import GRAVE
from notifications.broadcasts.models import (
    Broadcast,
    BroadcastLane,
    BroadcastProgress,
    BroadcastState,
    CorrectBroadcast,
    MakeBroadcast,
    Reach,
)
from notifications.events import AlertCancelled, AlertPublished, AlertUpdated
from notifications.models import Category

sql = queries_beside(__file__)

MOST_DAYS = 30


class BroadcastIdTaken(Refusal):
    """Mã này đã dùng cho một thông báo khác; hãy tạo mã mới.

    This id was used for another broadcast; make a new one."""


class BroadcastNeedsSecondPairOfEyes(Refusal):
    """Người soạn không được tự duyệt; cần một người giám sát khác.

    Whoever wrote it may not approve it; another supervisor must."""

    status = 403


class BroadcastIsOver(Refusal):
    """Thông báo này đã kết thúc hoặc đã rút.

    This broadcast is over or was withdrawn."""


class BroadcastIsCorrected(Refusal):
    """Thông báo này đã được đính chính bằng một thông báo khác.

    This broadcast is corrected by another one already."""


class BroadcastExpiry(Refusal):
    """Thời điểm hết hạn phải ở trong vòng {days} ngày tới.

    It expires within the next {days} days."""

    status = 400


class _Kept(msgspec.Struct, frozen=True):
    id: UUID
    content_hash: bytes
    state: BroadcastState
    lane: BroadcastLane
    made_by: UUID
    expires_at: datetime
    link: str | None
    ward_codes: list[str]
    category: Category
    per_device: bool
    collapse_key: str


async def make(db: Connection, me: Principal, broadcast_id: UUID, wanted: MakeBroadcast) -> Broadcast:
    """Tell it: at once, or, if it is critical, as soon as another has approved it. The same again changes nothing.

    Raises BroadcastIdTaken, BroadcastExpiry, NoSuchWard."""
    if await _is_there(db, broadcast_id, _hash(wanted)):
        return await show(db, broadcast_id)
    wards = sorted(set(wanted.wards or ()))
    await preferences.check_wards(db, wards)
    if await _make(db, me, broadcast_id, wanted, wards, broadcast_id.hex, None, _hash(wanted)):
        await records.record(db, me, "broadcast.made", broadcast_id, lane=wanted.lane)
    return await show(db, broadcast_id)


async def of_alert(db: Connection, alert: AlertPublished | AlertUpdated | AlertCancelled) -> None:
    """A warning has gone out, which two people have seen if it is grave: everybody whom it concerns is told, once;
    what it takes the place of is told to nobody any more, also when its news comes later than this."""
    await db.execute(sql.replace_broadcasts, getattr(alert, "replaced_ids", []), alert.alert_id)
    is_over = alert.expires_at <= city_now() or await db.fetchval(sql.alert_is_replaced, alert.alert_id)
    if is_over or await _is_there(db, alert.alert_id, _hash(alert)):
        return
    lane: BroadcastLane = "critical" if alert.severity in GRAVE else "bulk"
    await db.execute(
        sql.make_broadcast,
        alert.alert_id,
        _hash(alert),
        alert.headline_vi,
        alert.headline_en,
        alert.body_vi,
        alert.body_en,
        f"/alerts/{alert.alert_id}",
        alert.wards,
        "alert",
        lane,
        False,
        "going",
        alert.first_id.hex,
        None,
        alert.writer_id,
        alert.expires_at,
    )


async def _is_there(db: Connection, broadcast_id: UUID, content_hash: bytes) -> bool:
    kept = await maybe(_Kept, db, sql.broadcast_for_update, broadcast_id)
    if kept is not None and kept.content_hash != content_hash:
        raise BroadcastIdTaken
    return kept is not None


async def _make(
    db: Connection,
    me: Principal,
    broadcast_id: UUID,
    wanted: MakeBroadcast,
    wards: Sequence[str],
    collapse_key: str,
    corrects: UUID | None,
    content_hash: bytes,
) -> bool:
    """False: the same was made at the same moment."""
    if await db.fetchval(sql.is_of_alert, broadcast_id):
        raise BroadcastIdTaken
    now = city_now()
    if not now < wanted.expires_at or (wanted.expires_at - now).days >= MOST_DAYS:
        raise BroadcastExpiry(days=MOST_DAYS)
    made = await db.fetchval(
        sql.make_broadcast,
        broadcast_id,
        content_hash,
        wanted.title.vi,
        wanted.title.en,
        wanted.body.vi,
        wanted.body.en,
        wanted.link,
        wards,
        wanted.category,
        wanted.lane,
        wanted.per_device,
        "waiting" if wanted.lane == "critical" else "going",
        collapse_key,
        corrects,
        me.id,
        wanted.expires_at,
    )
    return made is not None or not await _is_there(db, broadcast_id, content_hash)


def _hash(wanted: Any) -> bytes:
    return hashlib.sha256(msgspec.json.encode(wanted)).digest()


async def approve(db: Connection, me: Principal, broadcast_id: UUID) -> Broadcast:
    """It goes out; once approved it stays so. Raises NotFound, BroadcastNeedsSecondPairOfEyes, BroadcastIsOver."""
    kept = await _locked(db, broadcast_id)
    if kept.state == "waiting":
        if kept.made_by == me.id:
            raise BroadcastNeedsSecondPairOfEyes
        if kept.expires_at <= city_now():
            raise BroadcastIsOver
        await db.execute(sql.approve_broadcast, broadcast_id, me.id)
        await records.record(db, me, "broadcast.approved", broadcast_id)
    elif kept.state in {"cancelled", "expired"}:
        raise BroadcastIsOver
    return await show(db, broadcast_id)


async def cancel(db: Connection, me: Principal, broadcast_id: UUID) -> Broadcast:
    """Withdraw it: whoever has not been told is not. Raises NotFound, BroadcastIsOver (all were told)."""
    kept = await _locked(db, broadcast_id)
    if kept.state in {"done", "expired"}:
        raise BroadcastIsOver
    if kept.state != "cancelled":
        await db.execute(sql.end_broadcast, broadcast_id, "cancelled")
        await records.record(db, me, "broadcast.cancelled", broadcast_id)
    return await show(db, broadcast_id)


async def correct(db: Connection, me: Principal, broadcast_id: UUID, wanted: CorrectBroadcast) -> Broadcast:
    """Tell the same people the right words, which take the place of the wrong ones on their phones; whoever has not
    been told yet hears the right ones only. The wrong one stops at once, what is still on its way of it is not sent;
    a critical one wants a second pair of eyes again.

    Raises NotFound, BroadcastIsCorrected, BroadcastIdTaken, BroadcastExpiry."""
    kept = await _locked(db, broadcast_id)
    content_hash = _hash((str(broadcast_id), wanted))
    if await _is_there(db, wanted.correction_id, content_hash):
        return await show(db, wanted.correction_id)
    if await db.fetchval(sql.correction_of, broadcast_id) is not None:
        raise BroadcastIsCorrected
    whole = MakeBroadcast(
        title=wanted.title,
        body=wanted.body,
        expires_at=wanted.expires_at,
        category=kept.category,
        lane=kept.lane,
        per_device=kept.per_device,
        link=kept.link,
    )
    await db.execute(sql.replace_broadcasts, [broadcast_id], wanted.correction_id)
    new = wanted.correction_id
    await _make(db, me, new, whole, kept.ward_codes, kept.collapse_key, broadcast_id, content_hash)
    await records.record(db, me, "broadcast.corrected", broadcast_id, by=str(new))
    return await show(db, new)


async def _locked(db: Connection, broadcast_id: UUID) -> _Kept:
    kept = await maybe(_Kept, db, sql.broadcast_for_update, broadcast_id)
    if kept is None:
        raise NotFound
    return kept


async def show(db: Connection, broadcast_id: UUID) -> Broadcast:
    """One of them. Raises NotFound."""
    broadcast = await maybe(Broadcast, db, sql.broadcasts, None, None, 1, broadcast_id)
    if broadcast is None:
        raise NotFound
    return broadcast


async def progress(db: Connection, broadcast_id: UUID) -> BroadcastProgress:
    """One of them, with its reach by ward. Raises NotFound."""
    broadcast = await show(db, broadcast_id)
    reach = await many(Reach, db, sql.reach, broadcast_id)
    return BroadcastProgress(**msgspec.structs.asdict(broadcast), reach=reach)


async def listed(db: Connection, cursor: str | None, limit: int) -> Page[Broadcast]:
    """All of them, newest first. Raises BadCursor."""
    lines = await many(Broadcast, db, sql.broadcasts, *before(cursor), limit + 1, None)
    return page_of(lines, limit, lambda line: (line.made_at, line.id))
