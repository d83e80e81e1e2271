"""What warnings and readings hold of a person: who of the city's staff wrote them."""

from app.db import queries_beside
from app.privacy.holdings import PUBLIC_TASK, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        whose="staff",
        name="notifications.alerts",
        tables=("alert", "water_reading"),
        what=Words(
            "Cảnh báo và số đo mực nước cán bộ đã soạn, duyệt, nhập",
            "Warnings and water levels that a member of staff wrote or approved",
        ),
        why=Words("Biết ai đã phát cảnh báo", "To know who warned the city"),
        basis=PUBLIC_TASK,
        rows=sql.alerts_of_member,
    ),
)
