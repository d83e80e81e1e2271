"""What is held of whoever works at a shop's counter."""

from app.db import queries_beside
from app.privacy.holdings import AGREEMENT, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.counters",
        tables=("merchant_cashier", "merchant_shift"),
        what=Words(
            "Cửa hàng nơi bạn làm thu ngân, và các ca (sau khi xóa: chỉ còn mã, không còn tên)",
            "Shops at whose counter you work, and your shifts (after erasure: an id, no name)",
        ),
        why=Words("Bạn nhận tiền thay cửa hàng", "You take payments for a shop"),
        basis=AGREEMENT,
        rows=sql.counters_of_person,
        erase=sql.erase_counters,
        kept_days=90,
        forget=sql.forget_counters,
    ),
)
