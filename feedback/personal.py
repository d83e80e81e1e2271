"""What field reports hold of a person."""

from app.db import queries_beside
from app.privacy.holdings import PUBLIC_TASK, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="feedback.reports",
        tables=("report", "report_step"),
        what=Words(
            "Phản ánh, kiến nghị của bạn (sau khi xóa: nội dung đã che, không còn người gửi)",
            "Your reports and complaints (after erasure: their public words, without you)",
        ),
        why=Words("Xử lý phản ánh của bạn", "To deal with what you report"),
        basis=PUBLIC_TASK,
        rows=sql.reports_of_person,
        erase=sql.erase_reporter,
    ),
    Holding(
        name="feedback.comments",
        tables=("report_comment",),
        what=Words("Ý kiến của bạn về các phản ánh", "Your comments on reports"),
        why=Words("Trao đổi về phản ánh", "To talk about reports"),
        basis=PUBLIC_TASK,
        rows=sql.comments_of_person,
        erase=sql.erase_comments,
    ),
    Holding(
        name="feedback.following",
        tables=("report_follower",),
        what=Words("Phản ánh bạn theo dõi", "Reports that you follow"),
        why=Words("Báo cho bạn tiến độ", "To tell you what becomes of them"),
        basis=PUBLIC_TASK,
        rows=sql.following_of_person,
        erase=sql.erase_following,
    ),
    Holding(
        name="feedback.strikes",
        tables=("report_strike",),
        what=Words("Phản ánh sai sự thật đã ghi nhận", "Reports that were found to be made up"),
        why=Words("Ngăn phản ánh giả", "To keep made-up reports away"),
        basis=PUBLIC_TASK,
        rows=sql.strikes_of_person,
        erase=sql.erase_strikes,
        kept_days=730,
        forget=sql.forget_strikes,
    ),
    Holding(
        whose="staff",
        name="feedback.work",
        tables=("report_step", "report_note", "report_extension"),
        what=Words("Việc cán bộ đã làm với phản ánh", "What a member of staff did with reports"),
        why=Words("Biết ai đã xử lý", "To know who dealt with what"),
        basis=PUBLIC_TASK,
        rows=sql.work_of_member,
    ),
    Holding(
        whose="staff",
        name="feedback.callers",
        tables=("report",),
        what=Words(
            "Tên, số, thư điện tử của người gọi hoặc gửi qua hệ thống khác, đến một năm sau khi phản ánh đóng",
            "Name, number, e-mail of whoever called or wrote through another system, for a year after it closed",
        ),
        why=Words("Gọi lại cho người phản ánh", "To call them back"),
        basis=PUBLIC_TASK,
        rows=sql.callers_of_member,
        kept_days=365,
        forget=sql.forget_callers,
    ),
)
