"""What is held of a person to whom money came from a bank or over a counter."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.cash_receipts",
        tables=("cash_receipt",),
        what=Words(
            "Phiếu thu tiền mặt nạp ví (sau khi xóa: không còn tên người nộp)",
            "Receipts for cash into the wallet (after erasure: without who handed it over)",
        ),
        why=Words("Chứng từ thu tiền tại quầy", "To prove what was paid at a counter"),
        basis=ACCOUNTING,
        rows=sql.cash_receipts_of_person,
        erase=sql.erase_cash_receipts,
        hold=Hold(ACCOUNTING, 10),
    ),
    Holding(
        name="wallet.found_money",
        tables=("suspense_resolution",),
        what=Words("Khoản chuyển đến được xác định là của bạn", "Transfers that were found to be yours"),
        why=Words("Đưa tiền về đúng người", "To bring money to whom it belongs"),
        basis=ACCOUNTING,
        rows=sql.found_money_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
    Holding(
        name="wallet.bank_takings",
        tables=("bank_taking",),
        what=Words("Tiền ngân hàng chuyển đến cửa hàng của bạn", "What your shops were paid from banks"),
        why=Words("Nhận thanh toán, hoàn tiền và đối soát", "To be paid, to refund and to reconcile"),
        basis=ACCOUNTING,
        rows=sql.bank_takings_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
)
