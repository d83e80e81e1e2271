"""What a push says: the message's own words, or one line for several, or no amounts. Pure."""

from typing import NamedTuple

from app.errors import Language
from notifications.models import Category


class Said(NamedTuple):
    """The words of one push, and the screen that it opens."""

    title: str
    body: str
    link: str | None


INBOX = "/inbox"
DONG = "₫"
_SEVERAL: dict[Category, dict[Language, str]] = {
    "money": {"vi": "{n} giao dịch mới", "en": "{n} movements of money"},
    "report": {"vi": "{n} phản ánh có cập nhật", "en": "{n} reports have news"},
    "dossier": {"vi": "{n} hồ sơ có cập nhật", "en": "{n} dossiers have news"},
    "alert": {"vi": "{n} cảnh báo và thông báo", "en": "{n} warnings and notices"},
    "account": {"vi": "{n} tin về tài khoản", "en": "{n} messages about your account"},
}
_OPEN: dict[Language, str] = {"vi": "Mở hộp thư để xem.", "en": "Open the inbox to read them."}
_MONEY: dict[Language, Said] = {
    "vi": Said("Ví của bạn có thay đổi", "Mở ứng dụng để xem.", None),
    "en": Said("There is news of your wallet", "Open the app to see it.", None),
}


def said(message: Said, category: Category, news: int, language: Language, *, amounts: bool) -> Said:
    """What a push says of a message that is the last of so many (`news`); without `amounts` no push about money says
    more than that there is something, and none about anything else how much."""
    if news > 1:
        return Said(_SEVERAL[category][language].format(n=news), _OPEN[language], INBOX)
    if category == "money" and not amounts:
        return _MONEY[language]._replace(link=message.link)
    if not amounts and DONG in message.body:
        return message._replace(body=_OPEN[language])
    return message
