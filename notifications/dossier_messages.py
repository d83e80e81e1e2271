"""Words for news of dossiers: to their owners, and to those who deal with them."""

from typing import assert_never
from uuid import UUID

from dossiers.events import DossierDueSoon, DossierHandedOn, DossierMoved, DossierOverdue, Happened
from notifications.words import Words, day, dong, hour, quoted, words_for

Told = DossierMoved | DossierHandedOn | DossierDueSoon | DossierOverdue


def messages_of(event: Told) -> list[Words]:
    """Who is told what of an event."""
    match event:
        case DossierMoved():
            return [] if event.owner_id is None else [_moved(event, event.owner_id)]
        case DossierHandedOn():
            due_vi, due_en = (
                ("", "") if event.due_at is None else (f" Hạn: {day(event.due_at)}.", f" Due {day(event.due_at)}.")
            )
            return _to_staff(
                event.officer_ids,
                event.dossier_id,
                ("Có hồ sơ cần xử lý", "A dossier to deal with"),
                (
                    f"{_named(event.procedure, event.code)}.{due_vi}",
                    f"{_named(event.procedure_en, event.code)}.{due_en}",
                ),
            )
        case DossierDueSoon():
            return _to_staff(
                event.officer_ids,
                event.dossier_id,
                (f"Sắp đến hạn: {event.code}", f"Due soon: {event.code}"),
                (
                    f"{event.procedure}, hạn {hour(event.due_at)}. Nếu không kịp, hãy xin lỗi và hẹn lại trước hạn.",
                    f"{event.procedure_en}, due {hour(event.due_at)}. If it cannot be kept, give a new date in time.",
                ),
            )
        case DossierOverdue():
            return _overdue(event)
        case _:
            assert_never(event)


def _overdue(event: DossierOverdue) -> list[Words]:
    if event.step is None:
        title = (f"Quá hạn: {event.code or ''}".rstrip(": "), f"Late: {event.code or ''}".rstrip(": "))
        body = (
            f"{event.procedure}, hạn là {hour(event.due_at)}.",
            f"{event.procedure_en}, was due {hour(event.due_at)}.",
        )
    else:
        title = ("Bước xử lý quá hạn", "A step is late")
        body = (
            f"{_named(event.procedure, event.code)}: bước “{event.step}” lẽ ra xong trước {hour(event.due_at)}. "
            "Không trả lời không có nghĩa là đồng ý.",
            f"{_named(event.procedure_en, event.code)}: “{event.step_en}” was to be done by {hour(event.due_at)}. "
            "Silence is no consent.",
        )
    return _to_staff(event.officer_ids, event.dossier_id, title, body)


def _moved(event: DossierMoved, owner_id: UUID) -> Words:
    title_vi, title_en = _HAPPENED[event.happened]
    if event.happened == "moved":
        title_vi, title_en = f"{title_vi}: {event.state}", f"{title_en}: {event.state_en}"
    if event.happened == "result_ready" and event.before_due:
        title_vi, title_en = f"{title_vi} (sớm hơn hẹn)", f"{title_en} (earlier than promised)"
    vi, en = f"{_named(event.procedure, event.code)}.", f"{_named(event.procedure_en, event.code)}."
    if event.note:
        vi, en = f"{vi} {quoted(event.note)}", f"{en} {quoted(event.note)}"
    if event.happened in _WITH_A_DATE and event.due_at is not None:
        vi, en = f"{vi} Hẹn trả kết quả: {day(event.due_at)}.", f"{en} Promised for {day(event.due_at)}."
    if event.happened in _WITH_MONEY and event.amount:
        vi, en = f"{vi} Số tiền: {dong(event.amount)}.", f"{en} Amount: {dong(event.amount)}."
    return words_for(owner_id, "dossier", f"/dossiers/{event.dossier_id}", (title_vi, title_en), (vi, en))


_HAPPENED: dict[Happened, tuple[str, str]] = {
    "submitted": ("Đã nhận hồ sơ", "Your dossier has come in"),
    "accepted": ("Hồ sơ đã được tiếp nhận", "Your dossier is accepted"),
    "refused": ("Hồ sơ không được tiếp nhận", "Your dossier is not accepted"),
    "supplement_asked": ("Cần bổ sung giấy tờ", "Papers are asked for"),
    "supplemented": ("Đã nhận giấy tờ bổ sung", "Your papers have come in"),
    "fee_asked": ("Cần nộp phí, lệ phí", "A fee is to be paid"),
    "fee_paid": ("Đã nộp phí, lệ phí", "The fee is paid"),
    "moved": ("Hồ sơ chuyển bước", "Your dossier goes on"),
    "extended": ("Xin lỗi và hẹn lại ngày trả kết quả", "We apologise: there is a new date"),
    "result_ready": ("Đã có kết quả", "The result is there"),
    "posted": ("Kết quả đã gửi qua bưu chính", "The result is in the post"),
    "handed_over": ("Đã trả kết quả", "The result was handed over"),
    "withdrawn": ("Đã rút hồ sơ", "Your dossier is withdrawn"),
    "stopped": ("Hồ sơ dừng giải quyết", "Your dossier was stopped"),
    "rehomed": ("Hồ sơ chuyển cơ quan giải quyết", "Another agency deals with your dossier"),
}
_WITH_A_DATE: set[Happened] = {"accepted", "extended", "supplemented", "rehomed"}
_WITH_MONEY: set[Happened] = {"accepted", "fee_asked", "fee_paid"}


def _to_staff(readers: list[UUID], dossier_id: UUID, title: tuple[str, str], body: tuple[str, str]) -> list[Words]:
    return [words_for(reader, "dossier", f"/staff/dossiers/{dossier_id}", title, body) for reader in readers]


def _named(procedure: str, code: str | None) -> str:
    return procedure if code is None else f"{procedure} ({code})"
