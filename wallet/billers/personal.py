"""What is held of a person for their bills: what pays itself, and what they were reminded of."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, AGREEMENT, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.autopays",
        tables=("autopay", "autopay_run"),
        what=Words("Hóa đơn tự động thanh toán", "Bills that pay themselves"),
        why=Words("Thanh toán thay bạn, và chứng minh bạn đã yêu cầu", "To pay for you, and to show that you asked"),
        basis=ACCOUNTING,
        rows=sql.autopays_of_person,
        erase=sql.end_autopays_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
    Holding(
        name="wallet.reminders",
        tables=("bill_reminder",),
        what=Words("Hóa đơn đã nhắc bạn", "Bills that you were reminded of"),
        why=Words("Không nhắc hai lần", "Not to remind you twice"),
        basis=AGREEMENT,
        rows=sql.reminders_of_person,
        erase=sql.erase_reminders,
        kept_days=400,
        forget=sql.forget_reminders,
    ),
)
