"""What fines hold of people: of whom they fine, who mostly has no account here, and of who decided."""

from app.db import queries_beside
from app.privacy.holdings import Holding, Words

sql = queries_beside(__file__)

SANCTIONS = Words(
    "Xử phạt vi phạm hành chính (Luật Xử lý vi phạm hành chính 15/2012/QH13)",
    "Sanctioning violations (Law on Handling Administrative Violations 15/2012/QH13)",
)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        whose="staff",
        name="feedback.fines",
        tables=("report_fine",),
        what=Words(
            "Quyết định xử phạt: ai ra quyết định; biển số và tên người vi phạm đến mười năm sau khi nộp hoặc hủy",
            "Fines: who decided them; plate and offender's name for ten years after they were paid or cancelled",
        ),
        why=Words("Thu tiền phạt và chứng minh đã thu đúng", "To collect fines, and to show that they were due"),
        basis=SANCTIONS,
        rows=sql.fines_of_member,
        kept_days=3650,
        forget=sql.forget_offenders,
    ),
    Holding(
        whose="staff",
        name="feedback.fine_notices",
        tables=("report_fine",),
        what=Words(
            "Thông báo vi phạm chưa có quyết định: biển số và tên chủ xe",
            "Notices without a decision: plate and owner's name",
        ),
        why=Words(
            "Mời chủ xe đến làm việc; quá một năm thì hết thời hiệu xử phạt (Điều 6)",
            "To have the owner come; after a year nobody is fined any more (Art. 6)",
        ),
        basis=SANCTIONS,
        rows=sql.notices_of_member,
        kept_days=365,
        forget=sql.forget_noticed,
    ),
)
