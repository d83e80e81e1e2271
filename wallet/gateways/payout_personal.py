"""What is held of a person whose money went to a bank."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, Hold, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.payouts",
        tables=("payout",),
        what=Words("Tiền đã chuyển đến ngân hàng và số tài khoản", "Money sent to banks, and to which accounts"),
        why=Words("Chuyển tiền cho bạn, đối soát với ngân hàng", "To pay you, and to reconcile with the bank"),
        basis=ACCOUNTING,
        rows=sql.payouts_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
)
