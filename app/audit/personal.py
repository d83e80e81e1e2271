"""What the audit holds of a person: ids, never names or numbers."""

from app.db import queries_beside
from app.privacy.holdings import SECURITY, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="audit.deeds",
        tables=("audit",),
        what=Words("Nhật ký thao tác (chỉ có mã, không có tên)", "The audit (ids, no names)"),
        why=Words("Biết ai đã làm gì khi có tranh chấp", "To know who did what when it is disputed"),
        basis=SECURITY,
        rows=sql.audit_of_person,
        hold=Hold(SECURITY, 10),
    ),
)
