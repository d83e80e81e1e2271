"""What is held of a person who puts money in."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, Hold, Holding, Obstacle, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.top_ups",
        tables=("top_up",),
        what=Words(
            "Lệnh nạp tiền (sau khi xóa: không còn địa chỉ mạng)", "Top-ups (after erasure: no network address)"
        ),
        why=Words("Nạp tiền vào ví, đối soát với cổng thanh toán", "To put money in, to reconcile with the gateway"),
        basis=ACCOUNTING,
        rows=sql.top_ups_of_person,
        erase=sql.erase_addresses_of_top_ups,
        hold=Hold(ACCOUNTING, 10),
        against=Obstacle(
            sql.open_top_ups_of_person,
            Words(
                "Bạn còn khoản nạp tiền đang chờ; hãy đợi kết quả.",
                "Money that you put in is still on its way; wait for its end.",
            ),
        ),
    ),
)
