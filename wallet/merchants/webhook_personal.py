"""What is held of a person whose shop's systems are told what happens."""

from app.db import queries_beside
from app.privacy.holdings import AGREEMENT, Holding, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.webhooks",
        tables=("webhook_endpoint", "webhook_message", "merchant_machine"),
        what=Words(
            "Nơi hệ thống của cửa hàng bạn nhận thông báo, và các khóa API của cửa hàng",
            "Where your shops' systems are told, and their API keys",
        ),
        why=Words("Báo cho hệ thống của cửa hàng khi có tiền vào", "To tell your shops' systems when money comes in"),
        basis=AGREEMENT,
        rows=sql.webhooks_of_person,
        erase=sql.erase_webhooks_of_person,
        kept_days=30,
        forget=sql.forget_webhook_messages,
    ),
)
