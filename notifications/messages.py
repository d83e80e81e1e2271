"""Words for every event: one exhaustive match, Vietnamese and English. Pure."""

from typing import assert_never
from uuid import UUID

import msgspec

from app.errors import Language
from app.identity.events import SignedInOnDevice
from notifications.models import Category
from wallet.events import BillPaid, MerchantPaid, PersonPaid

Told = BillPaid | MerchantPaid | PersonPaid | SignedInOnDevice
"""Every event that somebody is told of."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A message for one reader."""

    principal_id: UUID
    category: Category
    title: dict[Language, str]
    body: dict[Language, str]
    link: str | None


def messages_of(event: Told) -> list[Words]:
    """Who is told what of an event."""
    match event:
        case BillPaid():
            return [
                _money(
                    event.payer_id,
                    f"/wallet/payments/{event.payment_id}",
                    ("Đã thanh toán hóa đơn", "Bill paid"),
                    (
                        f"{dong(event.amount)} cho {event.biller_name}, mã {event.customer_code}, kỳ {event.period}.",
                        f"{dong(event.amount)} to {event.biller_name_en}, code {event.customer_code}, "
                        f"period {event.period}.",
                    ),
                )
            ]
        case MerchantPaid():
            memo = f" “{event.memo}”" if event.memo else ""
            order_vi = f", đơn {event.order_reference}" if event.order_reference else ""
            order_en = f", order {event.order_reference}" if event.order_reference else ""
            return [
                _money(
                    event.payer_id,
                    f"/wallet/payments/{event.payment_id}",
                    ("Thanh toán thành công", "Payment made"),
                    (
                        f"{dong(event.amount)} cho {event.merchant_name}{order_vi}.{memo}",
                        f"{dong(event.amount)} to {event.merchant_name}{order_en}.{memo}",
                    ),
                ),
                _money(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/takings",
                    (f"{event.merchant_name}: đã nhận tiền", f"{event.merchant_name}: money received"),
                    (
                        f"{dong(event.amount)} từ {event.payer_name} tại {event.terminal_name}{order_vi}.{memo}",
                        f"{dong(event.amount)} from {event.payer_name} at {event.terminal_name}{order_en}.{memo}",
                    ),
                ),
            ]
        case PersonPaid():
            memo = f" “{event.memo}”" if event.memo else ""
            return [
                _money(
                    event.payer_id,
                    f"/wallet/payments/{event.payment_id}",
                    ("Đã chuyển tiền", "Money sent"),
                    (
                        f"{dong(event.amount)} cho {event.payee_name}.{memo}",
                        f"{dong(event.amount)} to {event.payee_name}.{memo}",
                    ),
                ),
                _money(
                    event.payee_id,
                    "/wallet/movements",
                    ("Đã nhận tiền", "Money received"),
                    (
                        f"{dong(event.amount)} từ {event.payer_name}.{memo}",
                        f"{dong(event.amount)} from {event.payer_name}.{memo}",
                    ),
                ),
            ]
        case SignedInOnDevice():
            return [
                Words(
                    principal_id=event.principal_id,
                    category="account",
                    title={"vi": "Đăng nhập mới", "en": "New sign-in"},
                    body={
                        "vi": f"Tài khoản vừa đăng nhập trên thiết bị {event.device_name}. "
                        "Nếu không phải bạn, hãy đăng xuất thiết bị đó.",
                        "en": f"Your account was signed in on {event.device_name}. "
                        "If this was not you, sign that device out.",
                    },
                    link="/me/sessions",
                )
            ]
        case _:
            assert_never(event)


def _money(principal_id: UUID, link: str, title: tuple[str, str], body: tuple[str, str]) -> Words:
    return Words(
        principal_id=principal_id,
        category="money",
        title={"vi": title[0], "en": title[1]},
        body={"vi": body[0], "en": body[1]},
        link=link,
    )


def dong(amount: int) -> str:
    """`1234567` → `1.234.567 ₫`, as it is written in Việt Nam."""
    return f"{amount:,} ₫".replace(",", ".")
