"""What the wallet holds of a person whose code a shop has read."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, AGREEMENT, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.charges",
        tables=("charge",),
        what=Words(
            "Yêu cầu thu tiền của cửa hàng sau khi đọc mã của bạn", "What shops asked after reading your code"
        ),
        why=Words("Thanh toán bằng mã của bạn", "To pay by a code of yours"),
        basis=ACCOUNTING,
        rows=sql.charges_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
    Holding(
        name="wallet.pay_codes",
        tables=("pay_code",),
        what=Words("Mã thanh toán bạn đã tạo trong ngày", "Codes that you made in the last day"),
        why=Words("Thanh toán bằng mã của bạn", "To pay by a code of yours"),
        basis=AGREEMENT,
        rows=sql.pay_codes_of_person,
        erase=sql.erase_pay_codes,
    ),
)
