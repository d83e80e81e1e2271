"""What is held of a person by whoever watches over money: refunds, disputes, orders of authorities, suspicions."""

from app.db import queries_beside
from app.privacy.holdings import ACCOUNTING, AGREEMENT, KNOWN_CUSTOMER, Hold, Holding, Obstacle, Words

sql = queries_beside(__file__)

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        name="wallet.refunds",
        tables=("refund",),
        what=Words("Tiền đã được hoàn", "What was refunded"),
        why=Words("Hoàn tiền và sổ sách kế toán", "To give money back and to keep the books"),
        basis=ACCOUNTING,
        rows=sql.refunds_of_person,
        erase=sql.erase_refund_reasons,
        hold=Hold(ACCOUNTING, 10),
    ),
    Holding(
        name="wallet.disputes",
        tables=("dispute", "dispute_note"),
        what=Words("Yêu cầu tra soát, khiếu nại và trả lời", "What you disputed, and the answers"),
        why=Words("Giải quyết yêu cầu của bạn", "To look into what you ask"),
        basis=AGREEMENT,
        rows=sql.disputes_of_person,
        erase=sql.erase_disputes,
    ),
    Holding(
        name="wallet.freezes",
        tables=("account_freeze",),
        what=Words("Lệnh phong tỏa của cơ quan có thẩm quyền", "Authorities' orders to freeze money"),
        why=Words("Thi hành lệnh", "To carry the orders out"),
        basis=KNOWN_CUSTOMER,
        rows=sql.freezes_of_person,
        hold=Hold(KNOWN_CUSTOMER, 10),
        against=Obstacle(
            sql.frozen_money_of_person,
            Words(
                "Tài khoản đang bị phong tỏa theo lệnh của cơ quan có thẩm quyền.",
                "The account is frozen by an authority's order.",
            ),
        ),
    ),
    Holding(
        name="wallet.watch",
        tables=("suspicious_case",),
        what=Words(
            "Kiểm tra phòng, chống rửa tiền (không được tiết lộ)", "Checks against money laundering (not to be told)"
        ),
        why=Words("Phòng, chống rửa tiền", "To prevent money laundering"),
        basis=KNOWN_CUSTOMER,
        rows=sql.watch_of_person,
        hold=Hold(KNOWN_CUSTOMER, 5),
        kept_days=1830,
        forget=sql.forget_cases,
    ),
)
