"""What each kind of movement is called, in one place: on statements, in files, in search."""

from typing import assert_never

from app.privacy.holdings import Words
from wallet.models import TransferKind


def words_of(kind: TransferKind, *, incoming: bool) -> Words:
    """What whoever holds the account calls it; `incoming`: money came in."""
    match kind:
        case "bill":
            return _either(incoming, Words("Thu hóa đơn", "Bill collected"), Words("Trả hóa đơn", "Bill paid"))
        case "merchant":
            return _either(incoming, Words("Khách thanh toán", "Customer's payment"), Words("Mua hàng", "Purchase"))
        case "person":
            return _either(incoming, Words("Nhận tiền", "Money received"), Words("Chuyển tiền", "Money sent"))
        case "funding":
            return Words("Cấp tiền thử nghiệm", "Play money")
        case "top_up":
            return Words("Nạp tiền vào ví", "Top-up")
        case "taking":
            return Words("Khách chuyển khoản", "Customer's bank transfer")
        case "collection":
            return Words("Thu hóa đơn ngoài ví", "Bill collected outside wallets")
        case "suspense":
            return Words("Tiền vào chưa rõ của ai", "Money in, not matched yet")
        case "deposit":
            return Words("Nộp tiền vào ngân hàng", "Deposit at the bank")
        case "reserve":
            return Words("Chuyển vào quỹ dự phòng", "To the reserve")
        case "withdrawal":
            return Words("Rút tiền về ngân hàng", "Withdrawal to a bank")
        case "refund":
            return _either(incoming, Words("Được hoàn tiền", "Refund received"), Words("Hoàn tiền", "Refund"))
        case "return":
            return Words("Trả lại người chuyển", "Returned to the sender")
        case "fee":
            return Words("Phí dịch vụ", "Service fee")
        case "settlement":
            return Words("Quyết toán", "Settlement")
        case "payout":
            return Words("Chi về ngân hàng", "Paid out to a bank")
        case "reversal":
            return Words("Điều chỉnh", "Correction")
        case _:
            assert_never(kind)


def _either(incoming: bool, came: Words, went: Words) -> Words:
    return came if incoming else went
