"""What is held of a person whose shop is settled with."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.settlements",
        tables=("settlement", "merchant_bank_account", "fee_rule"),
        what=Words(
            "Quyết toán, phí và tài khoản ngân hàng của cửa hàng", "Settlements, fees and bank accounts of your shops"
        ),
        why=Words("Chuyển tiền bán hàng cho bạn", "To send you what your shops took in"),
        basis=ACCOUNTING,
        rows=sql.settlements_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
)
