"""What notifications hold of a person."""

from app.db import queries_beside
from app.privacy.holdings import AGREEMENT, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="notifications.inbox",
        tables=("inbox", "message"),
        what=Words("Hộp thư: tin đã báo cho bạn", "The inbox: what you were told"),
        why=Words("Báo cho bạn những gì xảy ra với tài khoản", "To tell you what happens to your account"),
        basis=AGREEMENT,
        rows=sql.messages_of_person,
        erase=sql.erase_messages,
        kept_days=730,
        forget=sql.forget_messages,
    ),
)
