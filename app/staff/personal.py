"""What is held of a member of staff. They are no residents: nothing here goes by an erasure."""

from app.db import queries_beside
from app.privacy.holdings import SECURITY, Hold, Holding, Words

sql = queries_beside(__file__)

DUTY = Words(
    "Trách nhiệm của cán bộ khi thi hành công vụ (Luật 91/2025/QH15, Điều 19)",
    "Accountability of public servants (Law 91/2025/QH15, Art. 19)",
)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        whose="staff",
        name="staff.account",
        tables=("staff_account",),
        what=Words("Tài khoản công vụ của cán bộ", "A member of staff's account"),
        why=Words("Cho cán bộ đăng nhập", "To let staff sign in"),
        basis=DUTY,
        rows=sql.account_of_member,
        hold=Hold(DUTY, 10),
    ),
    Holding(
        whose="staff",
        name="staff.sessions",
        tables=("staff_session",),
        what=Words("Phiên đăng nhập của cán bộ", "A member of staff's sessions"),
        why=Words("Biết ai đang đăng nhập", "To know who is signed in"),
        basis=SECURITY,
        rows=sql.sessions_of_member,
    ),
    Holding(
        whose="staff",
        name="staff.rights",
        tables=("staff_grant", "break_glass"),
        what=Words("Quyền của cán bộ và lý do", "A member of staff's rights, and why"),
        why=Words("Biết ai được phép làm gì, từ bao giờ", "To know who might do what, and since when"),
        basis=DUTY,
        rows=sql.rights_of_member,
        hold=Hold(DUTY, 10),
    ),
)
