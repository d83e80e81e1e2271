"""What the wallet holds of a person. The account comes first: closing it takes the lock that money waits for."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, AGREEMENT, Hold, Holding, Obstacle, Words
from wallet.billers import personal as billers_personal
from wallet.gateways import inbound_personal, payout_personal, top_up_personal
from wallet.merchants import charge_personal, settlement_personal, webhook_personal
from wallet.merchants import personal as merchants_personal
from wallet.oversight import personal as oversight_personal

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.account",
        tables=("account",),
        what=Words("Tài khoản ví", "The wallet"),
        why=Words("Giữ tiền của bạn", "To keep your money"),
        basis=AGREEMENT,
        rows=sql.account_of_person,
        erase=sql.close_account_of_person,
        hold=Hold(ACCOUNTING, 10),
        against=Obstacle(
            sql.money_of_person,
            Words(
                "Ví còn tiền hoặc còn giao dịch đang chờ; hãy rút hoặc chuyển hết tiền trước.",
                "There is money in the wallet or on its way; take it out first.",
            ),
        ),
    ),
    Holding(
        name="wallet.payments",
        tables=("entry", "transfer", "payment", "receipt_code"),
        what=Words(
            "Thanh toán và chuyển tiền (sau khi xóa: chỉ còn mã, không còn tên)",
            "Payments and transfers (after erasure: an id, no name)",
        ),
        why=Words("Thanh toán, đối soát và sổ sách kế toán", "To pay, to reconcile and to keep the books"),
        basis=ACCOUNTING,
        rows=sql.movements_of_person,
        erase=sql.erase_names_on_payments,
        hold=Hold(ACCOUNTING, 10),
    ),
    Holding(
        name="wallet.customer_codes",
        tables=("customer_code",),
        what=Words("Mã khách hàng đã lưu", "Customer codes that you keep"),
        why=Words("Tìm hóa đơn của bạn", "To find your bills"),
        basis=AGREEMENT,
        rows=sql.customer_codes_of_person,
        erase=sql.erase_customer_codes,
    ),
    Holding(
        name="wallet.merchants",
        tables=("merchant", "merchant_past_category", "terminal", "merchant_order"),
        what=Words("Cửa hàng của bạn", "Your shops"),
        why=Words("Nhận thanh toán tại cửa hàng", "To be paid at your shop"),
        basis=AGREEMENT,
        rows=sql.merchants_of_person,
        hold=Hold(ACCOUNTING, 10),
        against=Obstacle(
            sql.open_merchants_of_person,
            Words(
                "Bạn còn cửa hàng đang mở hoặc còn tiền chưa quyết toán; hãy đóng cửa hàng trước.",
                "You have a shop that is open or has money that was not settled; close it first.",
            ),
        ),
    ),
    Holding(
        name="wallet.takings",
        tables=("entry", "transfer", "payment"),
        what=Words("Tiền vào và ra tại cửa hàng của bạn", "What came in and went out at your shops"),
        why=Words("Quyết toán và sổ sách kế toán", "To settle and to keep the books"),
        basis=ACCOUNTING,
        rows=sql.takings_of_person,
        hold=Hold(ACCOUNTING, 10),
    ),
    *billers_personal.HOLDINGS,
    *payout_personal.HOLDINGS,
    *top_up_personal.HOLDINGS,
    *inbound_personal.HOLDINGS,
    *settlement_personal.HOLDINGS,
    *merchants_personal.HOLDINGS,
    *charge_personal.HOLDINGS,
    *webhook_personal.HOLDINGS,
    *oversight_personal.HOLDINGS,
)
