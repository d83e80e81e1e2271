"""The page to which the gateway sends a browser back: it says what the gateway says, and credits nothing, ever."""

from urllib.parse import quote

from litestar import Response

from app import pages
from app.config import settings
from app.types import grouped
from wallet.gateways import vnpay
from wallet.gateways.vnpay import NotTheirs, Outcome

_WORDS: dict[Outcome, tuple[tuple[str, str], tuple[str, str]]] = {
    "paid": (
        ("Cổng thanh toán báo đã nhận tiền", "The gateway says that it was paid"),
        (
            "Tiền sẽ hiện trong ví sau ít giây, ngay khi cổng thanh toán báo cho thành phố.",
            "The money shows in your wallet in some seconds, as soon as the gateway has told the city.",
        ),
    ),
    "review": (
        ("Khoản này đang được kiểm tra", "This payment is being looked at"),
        (
            "Cổng thanh toán đã nhận tiền và đang kiểm tra. Ví sẽ báo cho bạn khi có kết quả; đừng trả lần nữa.",
            "The gateway has the money and looks at the payment. Your wallet tells you how it ends; don't pay again.",
        ),
    ),
    "failed": (
        ("Chưa nạp được tiền", "No money was put in"),
        (
            "Cổng thanh toán báo giao dịch không thành công. Bạn có thể quay lại ví và thử lại.",
            "The gateway says that the payment did not succeed. You can go back to the wallet and try again.",
        ),
    ),
    "unclear": (
        ("Chưa rõ kết quả", "It is not known yet"),
        (
            "Cổng thanh toán chưa xử lý xong. Ví sẽ báo cho bạn khi có kết quả; đừng trả lần nữa.",
            "The gateway has not finished. Your wallet tells you how it ends; don't pay again.",
        ),
    ),
}


def shown(query: bytes) -> Response[str]:
    """What the gateway says, in both languages, and the way back to the app; 400 for what it has not signed."""
    try:
        told = vnpay.read_notice(settings().vnpay_secret, query)
    except NotTheirs:
        words = pages.said(
            "Hãy mở ví để xem tiền đã vào chưa.", "Open your wallet to see whether the money has come in."
        )
        return pages.page("Không đọc được kết quả", "The result cannot be read", words, status=400)
    title, words = _WORDS.get(told.outcome, _WORDS["unclear"])
    amount = f"{grouped(told.amount or 0)} ₫"
    lines = [("Số tiền", "Amount", amount), ("Mã giao dịch", "Reference", told.transaction_number or "–")]
    return pages.page(*title, pages.said(*words) + pages.facts(lines, big="Số tiền") + _way_back(told.reference))


def _way_back(reference: str) -> str:
    top_up_id = vnpay.id_of(reference)
    if top_up_id is None:
        return ""
    address = f"{settings().app_url}/wallet/top-ups/{top_up_id}"
    return f'<p><a href="{quote(address, safe=":/")}">Về ví · <span lang="en">Back to the wallet</span></a></p>'
