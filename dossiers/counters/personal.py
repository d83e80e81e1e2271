"""What visits to a counter hold of a person."""

from app.db import queries_beside
from app.privacy.holdings import PUBLIC_TASK, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="dossiers.visits",
        tables=("counter_booking", "counter_ticket"),
        what=Words(
            "Lịch hẹn và số thứ tự của bạn tại quầy một cửa", "Your visits to a counter, and your numbers there"
        ),
        why=Words("Đón bạn đúng giờ hẹn", "To receive you at the time that you chose"),
        basis=PUBLIC_TASK,
        rows=sql.visits_of_person,
        erase=sql.erase_visits,
        kept_days=365,
        forget=sql.forget_visits,
    ),
    Holding(
        whose="staff",
        name="dossiers.counter_work",
        tables=("counter_ticket", "counter_call"),
        what=Words("Số thứ tự cán bộ đã cấp, đã gọi", "Numbers that a member of staff gave or called"),
        why=Words("Biết ai đã tiếp người dân", "To know who received whom"),
        basis=PUBLIC_TASK,
        rows=sql.work_of_clerk,
    ),
)
