"""Words for every event: one exhaustive match, Vietnamese and English. Pure."""

from typing import assert_never
from uuid import UUID

import msgspec

from app.clock import CITY_ZONE
from app.errors import Language
from app.identity.events import (
    AccountLocked,
    AccountUnlocked,
    DeviceKeyAdded,
    IdentityVerified,
    NumberReleased,
    PasskeyAdded,
    PhoneChanged,
    PinReset,
    SignedInOnDevice,
)
from app.privacy.events import (
    BreachClock,
    DataRequestAnswered,
    DataRequestOverdue,
    ErasureRefused,
    ExportFailed,
    ExportReady,
)
from app.staff.events import BreakGlassOpened
from notifications.models import Category
from wallet.events import BillPaid, BillPaymentFailed, MerchantPaid, PersonPaid

Told = (
    BillPaid
    | BillPaymentFailed
    | MerchantPaid
    | PersonPaid
    | SignedInOnDevice
    | DeviceKeyAdded
    | PasskeyAdded
    | PinReset
    | AccountLocked
    | AccountUnlocked
    | IdentityVerified
    | PhoneChanged
    | NumberReleased
    | BreakGlassOpened
    | ExportReady
    | ExportFailed
    | ErasureRefused
    | DataRequestAnswered
    | DataRequestOverdue
    | BreachClock
)
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
            if event.payer_id is None:
                return []
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
        case BillPaymentFailed():
            if event.payer_id is None:
                return []
            why = f" ({event.why})" if event.why else ""
            return [
                _money(
                    event.payer_id,
                    f"/wallet/payments/{event.payment_id}",
                    ("Chưa thanh toán được hóa đơn", "Bill not paid"),
                    (
                        f"{dong(event.amount)} cho {event.biller_name}, mã {event.customer_code}, đã trở lại ví.{why}",
                        f"{dong(event.amount)} for {event.biller_name_en}, code {event.customer_code}, is back in "
                        f"your wallet.{why}",
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
                _account(
                    event.principal_id,
                    "/me/sessions",
                    ("Đăng nhập mới", "New sign-in"),
                    (
                        f"Tài khoản vừa đăng nhập trên thiết bị {event.device_name}. "
                        "Nếu không phải bạn, hãy đăng xuất thiết bị đó.",
                        f"Your account was signed in on {event.device_name}. "
                        "If this was not you, sign that device out.",
                    ),
                )
            ]
        case DeviceKeyAdded():
            return [
                _account(
                    event.principal_id,
                    "/me/devices",
                    ("Thiết bị đã có khóa riêng", "A device has its own key"),
                    (
                        f"Từ nay chỉ thiết bị {event.device_name} mới giữ được phiên đăng nhập và thanh toán từ đó. "
                        "Nếu không phải bạn, hãy xóa thiết bị đó.",
                        f"From now on only {event.device_name} itself can stay signed in and pay from there. "
                        "If this was not you, remove that device.",
                    ),
                )
            ]
        case PasskeyAdded():
            return [
                _account(
                    event.principal_id,
                    "/me/passkeys",
                    ("Đã thêm khóa truy cập", "Passkey added"),
                    (
                        f"Khóa truy cập “{event.passkey_name}” nay có thể xác nhận thanh toán lớn. "
                        "Nếu không phải bạn, hãy xóa khóa đó và đổi mã PIN.",
                        f"The passkey “{event.passkey_name}” can confirm large payments now. "
                        "If this was not you, remove it and change your PIN.",
                    ),
                )
            ]
        case PinReset():
            return [
                _account(
                    event.principal_id,
                    "/me/level",
                    ("Đã đặt lại mã PIN", "PIN reset"),
                    (
                        "Mã PIN vừa được đặt lại sau khi xác thực danh tính. "
                        "Nếu không phải bạn, hãy khóa khẩn cấp tài khoản.",
                        "Your PIN was reset after your identity was verified. If this was not you, lock the account.",
                    ),
                )
            ]
        case AccountLocked():
            return [
                _account(
                    event.principal_id,
                    "/me/level",
                    ("Tài khoản đã khóa", "Account locked"),
                    (
                        "Tài khoản đã bị khóa khẩn cấp; mọi thiết bị đã đăng xuất. Hãy xác thực danh tính để mở lại.",
                        "The account was locked and every device signed out. Be verified to open it again.",
                    ),
                )
            ]
        case AccountUnlocked():
            return [
                _account(
                    event.principal_id,
                    "/me/level",
                    ("Tài khoản đã mở lại", "Account open again"),
                    (
                        "Danh tính đã được xác thực và tài khoản đã mở lại.",
                        "Your identity was verified and the account is open again.",
                    ),
                )
            ]
        case IdentityVerified():
            return [
                _account(
                    event.principal_id,
                    "/me/level",
                    ("Đã xác thực danh tính", "Identity verified"),
                    (
                        "Tài khoản của bạn nay ở mức 2: đã xác thực.",
                        "Your account is now at level 2: verified.",
                    ),
                )
            ]
        case PhoneChanged():
            return [
                _account(
                    event.principal_id,
                    "/me/level",
                    ("Đã đổi số điện thoại", "Number changed"),
                    (
                        f"Tài khoản nay dùng số {event.phone}; các thiết bị khác đã đăng xuất. "
                        "Nếu không phải bạn, hãy gọi tổng đài.",
                        f"The account's number is now {event.phone}; other devices were signed out. "
                        "If this was not you, call the hotline.",
                    ),
                )
            ]
        case NumberReleased():
            return [
                _account(
                    event.principal_id,
                    "/me/level",
                    ("Số điện thoại đã rời tài khoản", "Number gone"),
                    (
                        f"Số {event.phone} nay thuộc người khác. Tài khoản và tiền của bạn vẫn còn: "
                        "hãy đăng nhập bằng số mới và xác thực danh tính.",
                        f"The number {event.phone} is somebody else's now. Your account and money are still there: "
                        "sign in with your new number and be verified.",
                    ),
                )
            ]
        case BreakGlassOpened():
            until = f"{event.until.astimezone(CITY_ZONE):%H:%M}"
            return [
                _account(
                    reader,
                    f"/staff/break-glass/{event.break_glass_id}",
                    ("Mở quyền khẩn cấp", "Break-glass"),
                    (
                        f"{event.name} vừa tự mở quyền {event.role} tại {event.agency} đến {until}: "
                        f"“{event.reason}”. Hãy xem xét việc này.",
                        f"{event.name} took the role {event.role} at {event.agency} until {until}: "
                        f"“{event.reason}”. Look into it.",
                    ),
                )
                for reader in event.told
            ]
        case ExportReady():
            until = f"{event.expires_at.astimezone(CITY_ZONE):%d/%m/%Y}"
            return [
                _account(
                    event.principal_id,
                    f"/me/exports/{event.export_id}",
                    ("Bản sao dữ liệu đã sẵn sàng", "Your data is ready"),
                    (
                        f"Bản sao dữ liệu cá nhân của bạn đã sẵn sàng; hãy tải về trước ngày {until}.",
                        f"The copy of your personal data is ready; fetch it before {until}.",
                    ),
                )
            ]
        case ExportFailed():
            return [
                _account(
                    event.principal_id,
                    "/me/exports",
                    ("Chưa lập được bản sao dữ liệu", "Your data could not be copied"),
                    (
                        "Có lỗi ở phía chúng tôi khi lập bản sao dữ liệu của bạn. Xin lỗi bạn; hãy yêu cầu lại.",
                        "Something went wrong on our side when we copied your data. We are sorry; please ask again.",
                    ),
                )
            ]
        case ErasureRefused():
            return [
                _account(
                    event.principal_id,
                    "/me/erasures",
                    ("Tài khoản chưa bị xóa", "Account not erased"),
                    (
                        "Tài khoản chưa bị xóa vì vừa có tiền đến ví hoặc còn cửa hàng đang mở. "
                        "Hãy giải quyết xong rồi yêu cầu lại.",
                        "The account was not erased: money came in, or a shop is open. Settle it, then ask again.",
                    ),
                )
            ]
        case DataRequestAnswered():
            return [
                _account(
                    event.principal_id,
                    "/me/data-requests",
                    ("Yêu cầu về dữ liệu đã được trả lời", "Your request was answered"),
                    (
                        "Yêu cầu về dữ liệu cá nhân của bạn đã được "
                        f"{'chấp nhận' if event.granted else 'trả lời; rất tiếc là không thực hiện được'}.",
                        "Your request about your personal data was "
                        f"{'granted' if event.granted else 'answered; we are sorry that it cannot be done'}.",
                    ),
                )
            ]
        case DataRequestOverdue():
            return [
                _account(
                    reader,
                    "/staff/data-requests",
                    ("Yêu cầu về dữ liệu quá hạn", "Data request overdue"),
                    (
                        f"Một yêu cầu về dữ liệu cá nhân đã quá hạn trả lời ngày {event.due_on:%d/%m/%Y}.",
                        f"A request about personal data was due on {event.due_on:%d/%m/%Y}, and nobody has answered.",
                    ),
                )
                for reader in event.told
            ]
        case BreachClock():
            by = f"{event.notify_by.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}"
            return [
                _account(
                    reader,
                    f"/staff/breaches/{event.breach_id}",
                    ("Hạn thông báo sự cố dữ liệu", "Breach: tell the authority"),
                    (
                        f"Đã quá hạn 72 giờ lúc {by} mà chưa thông báo sự cố dữ liệu cho cơ quan chuyên trách."
                        if event.late
                        else f"Còn chưa đến 24 giờ: phải thông báo sự cố dữ liệu cá nhân trước {by}.",
                        f"The authority had to be told of a breach of personal data by {by}: it is late."
                        if event.late
                        else f"Less than 24 hours: the authority must be told of a breach of personal data by {by}.",
                    ),
                )
                for reader in event.told
            ]
        case _:
            assert_never(event)


def _account(principal_id: UUID, link: str, title: tuple[str, str], body: tuple[str, str]) -> Words:
    return _words(principal_id, "account", link, title, body)


def _money(principal_id: UUID, link: str, title: tuple[str, str], body: tuple[str, str]) -> Words:
    return _words(principal_id, "money", link, title, body)


def _words(principal_id: UUID, category: Category, link: str, title: tuple[str, str], body: tuple[str, str]) -> Words:
    return Words(
        principal_id=principal_id,
        category=category,
        title={"vi": title[0], "en": title[1]},
        body={"vi": body[0], "en": body[1]},
        link=link,
    )


def dong(amount: int) -> str:
    """`1234567` → `1.234.567 ₫`, as it is written in Việt Nam."""
    return f"{amount:,} ₫".replace(",", ".")
