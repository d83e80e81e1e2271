"""Words for news of field reports: to whoever reported, whoever follows, and the city's people."""

from typing import assert_never
from uuid import UUID

from feedback import StepKind
from feedback.events import (
    ComplaintFiled,
    ExtensionAsked,
    FinePaid,
    ReportCommented,
    ReportDueSoon,
    ReporterAnswered,
    ReportFiled,
    ReportHandedOver,
    ReportMoved,
    ReportOverdue,
)
from notifications.words import Words, dong, hour, quoted, words_for

Told = (
    ReportFiled
    | ReportMoved
    | ReportHandedOver
    | ReporterAnswered
    | ReportDueSoon
    | ReportOverdue
    | ExtensionAsked
    | ComplaintFiled
    | ReportCommented
    | FinePaid
)


def messages_of(event: Told) -> list[Words]:
    """Who is told what of an event."""
    match event:
        case ReportFiled():
            if event.reporter_id is None:
                return []
            return [
                _to_resident(
                    event.reporter_id,
                    event.report_id,
                    (f"Đã nhận phản ánh {event.code}", f"Report {event.code} received"),
                    (
                        f"{event.category}. Hạn xử lý: {hour(event.due_at)}.",
                        f"{event.category_en}. Due {hour(event.due_at)}.",
                    ),
                )
            ]
        case ReportMoved():
            return _moved(event)
        case ReportHandedOver():
            vi, en = ("Mở lại", "Opened again") if event.again else ("Được phân công", "Assigned")
            hurry_vi, hurry_en = (" Khẩn.", " Urgent.") if event.urgent else ("", "")
            return _to_staff(
                event.officer_ids,
                event.report_id,
                (f"{vi}: {event.code}", f"{en}: {event.code}"),
                (
                    f"{event.category}, hạn {hour(event.due_at)}.{hurry_vi}",
                    f"{event.category_en}, due {hour(event.due_at)}.{hurry_en}",
                ),
            )
        case ReporterAnswered():
            return _to_staff(
                event.officer_ids,
                event.report_id,
                (f"Người phản ánh đã trả lời: {event.code}", f"The reporter has answered: {event.code}"),
                (
                    f"Thời hạn chạy tiếp, đến {hour(event.due_at)}.",
                    f"The clock runs again, due {hour(event.due_at)}.",
                ),
            )
        case ReportDueSoon():
            return _to_staff(
                event.officer_ids,
                event.report_id,
                (f"Sắp đến hạn: {event.code}", f"Due soon: {event.code}"),
                (
                    f"{event.category}, hạn {hour(event.due_at)}.",
                    f"{event.category_en}, due {hour(event.due_at)}.",
                ),
            )
        case ReportOverdue():
            more_vi, more_en = (
                (" Đã quá hạn một ngày làm việc.", " It is a working day late.") if event.escalated else ("", "")
            )
            return _to_staff(
                event.officer_ids,
                event.report_id,
                (f"Quá hạn: {event.code}", f"Late: {event.code}"),
                (
                    f"{event.category}, hạn là {hour(event.due_at)}.{more_vi}",
                    f"{event.category_en}, was due {hour(event.due_at)}.{more_en}",
                ),
            )
        case ExtensionAsked():
            return _to_staff(
                event.supervisor_ids,
                event.report_id,
                (f"Đề nghị gia hạn: {event.code}", f"More time asked for: {event.code}"),
                (
                    f"Đến {hour(event.until)}: {quoted(event.reason)}",
                    f"Until {hour(event.until)}: {quoted(event.reason)}",
                ),
            )
        case ComplaintFiled():
            return _to_staff(
                event.supervisor_ids,
                event.report_id,
                (f"Kiến nghị về cán bộ: {event.code}", f"Complaint about an officer: {event.code}"),
                ("Chỉ lãnh đạo phụ trách đọc được.", "Only supervisors can read it."),
            )
        case ReportCommented():
            return [
                _to_resident(
                    event.reporter_id,
                    event.report_id,
                    (f"Ý kiến mới về phản ánh {event.code}", f"A comment on report {event.code}"),
                    (quoted(event.words), quoted(event.words)),
                )
            ]
        case FinePaid():
            return _to_staff(
                [event.officer_id],
                event.report_id,
                (f"Đã nộp phạt: {event.code}", f"Fine paid: {event.code}"),
                (
                    f"Quyết định {event.decision_number}: {dong(event.amount)}.",
                    f"Decision {event.decision_number}: {dong(event.amount)}.",
                ),
            )
        case _:
            assert_never(event)


def _moved(event: ReportMoved) -> list[Words]:
    cancelled = event.step == "fined" and event.words is not None
    title_vi, title_en = _CANCELLED if cancelled else _STEPS[event.step]
    title = (f"{title_vi}: {event.code}", f"{title_en}: {event.code}")

    def told(reader: UUID, words: str | None) -> Words:
        vi, en = event.category + ".", event.category_en + "."
        if words:
            vi, en = f"{vi} {quoted(words)}", f"{en} {quoted(words)}"
        if event.step in {"extended", "reopened", "informed"}:
            vi, en = f"{vi} Hạn xử lý: {hour(event.due_at)}.", f"{en} Due {hour(event.due_at)}."
        return _to_resident(reader, event.report_id, title, (vi, en))

    own = [] if event.reporter_id is None else [told(event.reporter_id, event.words)]
    return [*own, *(told(follower, event.public_words) for follower in event.follower_ids)]


_STEPS: dict[StepKind, tuple[str, str]] = {
    "filed": ("Đã nhận phản ánh", "Report received"),
    "verified": ("Đã tiếp nhận phản ánh", "Report accepted"),
    "rejected": ("Phản ánh không được tiếp nhận", "Report not accepted"),
    "assigned": ("Đã chuyển đơn vị xử lý", "Handed to an agency"),
    "started": ("Đang xử lý", "Work has begun"),
    "asked": ("Thành phố cần thêm thông tin", "The city asks you something"),
    "informed": ("Đã bổ sung thông tin", "Information was given"),
    "lapsed": ("Đã hết thời gian bổ sung thông tin", "The time to answer is over"),
    "resolved": ("Đã có kết quả xử lý", "There is an answer"),
    "returned": ("Đã trả lại trung tâm điều hành", "Back at the operations centre"),
    "extension_asked": ("Đã đề nghị gia hạn", "More time was asked for"),
    "extended": ("Đã gia hạn xử lý", "The deadline was extended"),
    "extension_refused": ("Không được gia hạn", "The deadline stands"),
    "merged": ("Đã gộp vào phản ánh khác", "Merged into another report"),
    "reopened": ("Đã mở lại phản ánh", "Opened again"),
    "rated": ("Đã đánh giá", "Rated"),
    "closed": ("Đã đóng phản ánh", "Report closed"),
    "redacted": ("Đã che thông tin trong ảnh", "A picture was covered"),
    "fined": ("Đã xử phạt vi phạm", "The violation was fined"),
}
_CANCELLED = "Đã hủy quyết định xử phạt", "The fine was cancelled"


def _to_resident(reader: UUID, report_id: UUID, title: tuple[str, str], body: tuple[str, str]) -> Words:
    return words_for(reader, "report", f"/reports/{report_id}", title, body)


def _to_staff(readers: list[UUID], report_id: UUID, title: tuple[str, str], body: tuple[str, str]) -> list[Words]:
    return [words_for(reader, "report", f"/staff/reports/{report_id}", title, body) for reader in readers]
