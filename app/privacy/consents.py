"""Consents: a closed list of purposes, each in words of a version. Nothing is consented to by default."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, many, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.privacy import processing
from app.privacy.holdings import Words
from app.privacy.models import Consent, DecideConsent, Purpose
from app.types import new_id

sql = queries_beside(__file__)


class ServiceNeedsThis(Refusal):
    """Dịch vụ không thể hoạt động nếu thiếu đồng ý này; nếu không muốn nữa, bạn có thể xóa tài khoản.

    The service cannot work without this consent; if you no longer want it, you may erase your account."""


class ConsentWordsChanged(Refusal):
    """Nội dung đồng ý đã thay đổi; hãy đọc bản mới rồi quyết định.

    The words of this consent have changed; read the new ones, then decide."""


class _Purpose(msgspec.Struct, frozen=True):
    """`version` goes up when the words say something else; what was decided before then counts no longer."""

    version: int
    title: Words
    words: Words
    needed: bool = False


PURPOSES: dict[Purpose, _Purpose] = {
    "service": _Purpose(
        1,
        Words("Cung cấp dịch vụ", "Providing the service"),
        Words(
            "Thành phố dùng số điện thoại, họ tên và giao dịch của bạn để đăng nhập, thanh toán, tiếp nhận phản ánh "
            "và giải quyết hồ sơ mà bạn gửi.",
            "The city uses your number, name and transactions to sign you in, to pay, and to deal with the reports "
            "and dossiers that you send.",
        ),
        needed=True,
    ),
    "statistics": _Purpose(
        1,
        Words("Thống kê", "Statistics"),
        Words(
            "Thành phố đếm việc sử dụng dịch vụ theo phường và nhóm tuổi, không nêu tên ai, để cải thiện.",
            "The city counts how its services are used, by ward and age group and naming nobody, to improve them.",
        ),
    ),
    "suggestions": _Purpose(
        1,
        Words("Gợi ý cho bạn", "Suggestions"),
        Words(
            "Ứng dụng dùng lịch sử của bạn để nhắc hóa đơn sắp đến hạn và gợi ý dịch vụ gần bạn.",
            "The app uses your history to remind you of bills and to suggest services near you.",
        ),
    ),
    "share_with_billers": _Purpose(
        1,
        Words("Chia sẻ với đơn vị thu", "Sharing with billers"),
        Words(
            "Đơn vị phát hành hóa đơn được biết số điện thoại của bạn khi bạn thanh toán, để liên hệ về hóa đơn đó.",
            "A biller learns your number when you pay, to contact you about that bill.",
        ),
    ),
    "marketing": _Purpose(
        1,
        Words("Giới thiệu và quảng bá", "News and offers"),
        Words(
            "Thành phố và cửa hàng gần bạn được gửi tin giới thiệu sự kiện, ưu đãi vào hộp thư của bạn.",
            "The city, and shops near you, may send events and offers to your inbox.",
        ),
    ),
}


async def mine(db: Connection, me: Principal, language: Language) -> list[Consent]:
    """Every purpose, and what I decided on it."""
    decided = {one.purpose: one for one in await many(_Decided, db, sql.consents_now, me.id)}
    return [_as_told(purpose, decided.get(purpose), language) for purpose in PURPOSES]


async def show(db: Connection, me: Principal, purpose_text: str, language: Language) -> Consent:
    """One purpose, and what I decided on it; raises NotFound."""
    purpose = _known(purpose_text)
    return next(one for one in await mine(db, me, language) if one.purpose == purpose)


async def decide(
    db: Connection, me: Principal, purpose_text: str, wanted: DecideConsent, language: Language
) -> Consent:
    """Consent to a purpose, or no longer; every change is kept for ever, the same again is none.

    Raises NotFound, ConsentWordsChanged, ServiceNeedsThis."""
    purpose = _known(purpose_text)
    if wanted.version != PURPOSES[purpose].version:
        raise ConsentWordsChanged(version=PURPOSES[purpose].version)
    if PURPOSES[purpose].needed and not wanted.given:
        raise ServiceNeedsThis
    await db.execute(sql.lock_consents, me.id)
    if await _state(db, me.id, purpose) != (wanted.version, wanted.given):
        await db.execute(sql.decide_consent, new_id(), me.id, purpose, wanted.version, wanted.given, me.session_id)
        await processing.record(
            db, me, "consent_given" if wanted.given else "consent_withdrawn", me.id, purpose=purpose,
            version=wanted.version,
        )  # fmt: skip
        await records.record(db, me, "privacy.consent_decided", me.id, purpose=purpose, given=wanted.given)
    return await show(db, me, purpose, language)


async def is_given(db: Connection, principal_id: UUID, purpose: Purpose) -> bool:
    """May this person's data be used for this? Only if they said so to the words of today."""
    known = PURPOSES[purpose]
    return known.needed or await _state(db, principal_id, purpose) == (known.version, True)


def _known(purpose_text: str) -> Purpose:
    for purpose in PURPOSES:
        if purpose == purpose_text:
            return purpose
    raise NotFound


async def _state(db: Connection, principal_id: UUID, purpose: Purpose) -> tuple[int, bool] | None:
    for decided in await many(_Decided, db, sql.consents_now, principal_id):
        if decided.purpose == purpose:
            return decided.version, decided.given
    return None


class _Decided(msgspec.Struct, frozen=True):
    purpose: Purpose
    version: int
    given: bool
    decided_at: datetime


def _as_told(purpose: Purpose, decided: _Decided | None, language: Language) -> Consent:
    known = PURPOSES[purpose]
    outdated = decided is not None and decided.version != known.version
    return Consent(
        purpose=purpose,
        version=known.version,
        title=known.title.in_(language),
        words=known.words.in_(language),
        needed=known.needed,
        given=known.needed or (decided is not None and decided.given and not outdated),
        outdated=outdated,
        decided_at=decided.decided_at if decided else None,
    )
