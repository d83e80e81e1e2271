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
    Holding(
        name="notifications.deliveries",
        tables=("delivery",),
        what=Words("Tin đã gửi tới điện thoại của bạn, lúc nào", "What was sent to your phones, and when"),
        why=Words("Trả lời khi bạn hỏi vì sao không nhận được tin", "To answer when you ask why nothing came"),
        basis=AGREEMENT,
        rows=sql.deliveries_of_person,
        erase=sql.erase_deliveries,
        kept_days=30,
        forget=sql.forget_deliveries,
    ),
    Holding(
        name="notifications.receipts",
        tables=("broadcast_receipt",),
        what=Words("Thiết bị của bạn đã nhận cảnh báo nào", "Which warnings your devices received"),
        why=Words("Nhắn tin cho người mà cảnh báo chưa tới", "To text those whom a warning did not reach"),
        basis=AGREEMENT,
        rows=sql.receipts_of_person,
        erase=sql.erase_receipts,
        kept_days=30,
        forget=sql.forget_receipts,
    ),
    Holding(
        name="notifications.targets",
        tables=("push_target",),
        what=Words("Địa chỉ nhận thông báo của từng thiết bị", "Where each of your devices is reached by push"),
        why=Words("Gửi thông báo tới thiết bị của bạn", "To push messages to your devices"),
        basis=AGREEMENT,
        rows=sql.targets_of_person,
        erase=sql.erase_targets,
        kept_days=270,
        forget=sql.forget_targets,
    ),
    Holding(
        name="notifications.preferences",
        tables=("notification_preference",),
        what=Words("Bạn muốn được báo những gì, vào lúc nào", "What you want to be told, and when"),
        why=Words("Báo cho bạn như bạn muốn", "To tell you as you want it"),
        basis=AGREEMENT,
        rows=sql.preferences_of_person,
        erase=sql.erase_preferences,
    ),
)
