"""Words for every event: one exhaustive match, Vietnamese and English. Pure."""

from typing import Literal, assert_never
from uuid import UUID

from app.clock import CITY_ZONE
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
from dossiers.events import (
    BookingReminder,
    CounterBooked,
    DossierDueSoon,
    DossierHandedOn,
    DossierMoved,
    DossierOverdue,
    TicketCalled,
)
from feedback.events import (
    ComplaintFiled,
    ExtensionAsked,
    FinePaid,
    ReportCommented,
    ReportDueSoon,
    ReporterAnswered,
    ReportFiled,
    ReportHandedOver,
    ReportMoved,
    ReportOverdue,
)
from notifications import alert_messages, counter_messages, dossier_messages, report_messages
from notifications.events import AlertCancelled, AlertProposed, AlertPublished, AlertUpdated
from notifications.words import Words, dong, words_for
from wallet.events import (
    ApiKeyMade,
    AutopayAnnounced,
    AutopayFailed,
    AutopayFailure,
    BillPaid,
    BillPaymentFailed,
    BillReminder,
    CashierAccepted,
    CashierInvited,
    CashierRemoved,
    CashReceiptVoided,
    CashToppedUp,
    ChargeAsked,
    DisputeAnswered,
    DisputeNoted,
    DisputeOpened,
    DisputeOverdue,
    MerchantApproved,
    MerchantBankChanged,
    MerchantPaid,
    MerchantReinstated,
    MerchantStopped,
    MoneyFrozen,
    MoneyReleased,
    PaymentRefunded,
    PersonPaid,
    RefusalReason,
    SettlementFailed,
    SettlementPaid,
    SuspicionsFound,
    TakingRefunded,
    TakingRefundFailed,
    TopUpFailed,
    TopUpFailure,
    TopUpInReview,
    TopUpMethod,
    TopUpPaid,
    TransferCredited,
    TransferTaken,
    WebhookDisabled,
    WithdrawalFailed,
    WithdrawalPaid,
)

Told = (
    BillPaid
    | ChargeAsked
    | BillPaymentFailed
    | BillReminder
    | AutopayAnnounced
    | AutopayFailed
    | MerchantPaid
    | PersonPaid
    | TopUpPaid
    | TransferTaken
    | TransferCredited
    | CashToppedUp
    | CashReceiptVoided
    | TopUpInReview
    | TopUpFailed
    | WithdrawalPaid
    | WithdrawalFailed
    | MerchantBankChanged
    | SettlementPaid
    | SettlementFailed
    | WebhookDisabled
    | ApiKeyMade
    | MerchantApproved
    | MerchantStopped
    | MerchantReinstated
    | CashierInvited
    | CashierAccepted
    | CashierRemoved
    | PaymentRefunded
    | DisputeOpened
    | DisputeNoted
    | DisputeAnswered
    | DisputeOverdue
    | MoneyFrozen
    | MoneyReleased
    | SuspicionsFound
    | TakingRefunded
    | TakingRefundFailed
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
    | ReportFiled
    | ReportMoved
    | ReportHandedOver
    | ReporterAnswered
    | ReportDueSoon
    | ReportOverdue
    | DossierMoved
    | DossierHandedOn
    | DossierDueSoon
    | DossierOverdue
    | ExtensionAsked
    | ComplaintFiled
    | ReportCommented
    | FinePaid
    | CounterBooked
    | BookingReminder
    | TicketCalled
    | AlertProposed
    | AlertPublished
    | AlertUpdated
    | AlertCancelled
)
"""Every event that somebody is told of."""


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
        case ChargeAsked():
            return [
                _money(
                    event.payer_id,
                    f"/wallet/charges/{event.charge_id}",
                    ("Cửa hàng đề nghị thu tiền", "A shop asks to be paid"),
                    (
                        f"{event.merchant_name}, {event.terminal_name}: {dong(event.amount)}. "
                        "Hãy xác nhận trong 3 phút.",
                        f"{event.merchant_name}, {event.terminal_name}: {dong(event.amount)}. "
                        "Confirm within 3 minutes.",
                    ),
                    good_for_s=180,
                )
            ]
        case BillPaymentFailed():
            if event.payer_id is None:
                return []
            why_vi, why_en = _BILLER_SAID.get(event.why or "", ("", ""))
            return [
                _money(
                    event.payer_id,
                    f"/wallet/payments/{event.payment_id}",
                    ("Chưa thanh toán được hóa đơn", "Bill not paid"),
                    (
                        f"{dong(event.amount)} cho {event.biller_name}, mã {event.customer_code}, "
                        f"đã trở lại ví.{why_vi}",
                        f"{dong(event.amount)} for {event.biller_name_en}, code {event.customer_code}, is back in "
                        f"your wallet.{why_en}",
                    ),
                )
            ]
        case BillReminder():
            of_vi = f"{event.biller_name}, mã {event.customer_code}"
            of_en = f"{event.biller_name_en}, code {event.customer_code}"
            if event.nickname:
                of_vi, of_en = f"{of_vi} ({event.nickname})", f"{of_en} ({event.nickname})"
            return [
                _money(
                    event.principal_id,
                    f"/wallet/bills/{event.bill_id}",
                    ("Hóa đơn sắp đến hạn", "A bill is due soon"),
                    (
                        f"{dong(event.amount)} cho {of_vi}, kỳ {event.period}, hạn {event.due_on:%d/%m/%Y}.",
                        f"{dong(event.amount)} for {of_en}, period {event.period}, due on {event.due_on:%d/%m/%Y}.",
                    ),
                )
            ]
        case AutopayAnnounced():
            return [
                _money(
                    event.principal_id,
                    f"/wallet/bills/{event.bill_id}",
                    ("Hóa đơn sẽ tự động thanh toán", "A bill will pay itself"),
                    (
                        f"{dong(event.amount)} cho {event.biller_name}, mã {event.customer_code}, kỳ {event.period}, "
                        f"vào ngày {event.pay_on:%d/%m/%Y}. Nếu không muốn, hãy tắt thanh toán tự động.",
                        f"{dong(event.amount)} to {event.biller_name_en}, code {event.customer_code}, period "
                        f"{event.period}, on {event.pay_on:%d/%m/%Y}. Switch autopay off if you don't want this.",
                    ),
                )
            ]
        case AutopayFailed():
            why_vi, why_en = _AUTOPAY_WHY[event.why]
            next_vi, next_en = "Hãy tự thanh toán.", "Please pay it yourself."
            if event.again_on is not None:
                next_vi = f"Sẽ thử lại ngày {event.again_on:%d/%m/%Y}."
                next_en = f"It will be tried again on {event.again_on:%d/%m/%Y}."
            return [
                _money(
                    event.principal_id,
                    f"/wallet/bills/{event.bill_id}",
                    ("Thanh toán tự động chưa thành công", "A bill did not pay itself"),
                    (
                        f"{dong(event.amount)} cho {event.biller_name}, mã {event.customer_code}, kỳ {event.period}: "
                        f"{why_vi}. {next_vi}",
                        f"{dong(event.amount)} to {event.biller_name_en}, code {event.customer_code}, period "
                        f"{event.period}: {why_en}. {next_en}",
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
        case TransferTaken():
            from_vi, from_en = (f" từ {event.payer}", f" from {event.payer}") if event.payer else ("", "")
            order_vi = f", đơn {event.order_reference}" if event.order_reference else ""
            order_en = f", order {event.order_reference}" if event.order_reference else ""
            return [
                _money(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/takings",
                    (f"{event.merchant_name}: đã nhận tiền", f"{event.merchant_name}: money received"),
                    (
                        f"{dong(event.amount)} chuyển khoản{from_vi}{order_vi}.",
                        f"{dong(event.amount)} by bank transfer{from_en}{order_en}.",
                    ),
                )
            ]
        case TransferCredited():
            return [
                _money(
                    event.principal_id,
                    "/wallet/movements",
                    ("Đã xác định khoản chuyển đến của bạn", "A transfer was found to be yours"),
                    (
                        f"{dong(event.amount)} chuyển đến trước đây đã vào ví.",
                        f"{dong(event.amount)} that was transferred before is in your wallet.",
                    ),
                )
            ]
        case CashToppedUp():
            return [
                _money(
                    event.principal_id,
                    "/wallet/movements",
                    ("Đã nạp tiền mặt vào ví", "Cash put in"),
                    (
                        f"{dong(event.amount)} nộp tại quầy đã vào ví, phiếu thu {event.number}.",
                        f"{dong(event.amount)} paid at a counter is in your wallet, receipt {event.number}.",
                    ),
                )
            ]
        case CashReceiptVoided():
            return [
                _money(
                    event.principal_id,
                    "/wallet/movements",
                    ("Đã hủy phiếu thu", "A receipt was voided"),
                    (
                        f"Phiếu thu {event.number} đã hủy: {dong(event.amount)} được trừ khỏi ví, trả lại tại quầy.",
                        f"Receipt {event.number} was voided: {dong(event.amount)} left the wallet for cash.",
                    ),
                )
            ]
        case TopUpPaid():
            how_vi, how_en = _TOP_UP_METHODS[event.method]
            return [
                _money(
                    event.principal_id,
                    f"/wallet/top-ups/{event.top_up_id}",
                    ("Đã nạp tiền vào ví", "Money put in"),
                    (
                        f"{dong(event.amount)} {how_vi} đã vào ví.",
                        f"{dong(event.amount)} {how_en} is in your wallet.",
                    ),
                )
            ]
        case TopUpInReview():
            return [
                _money(
                    event.principal_id,
                    f"/wallet/top-ups/{event.top_up_id}",
                    ("Khoản nạp đang được kiểm tra", "A top-up is being looked at"),
                    (
                        f"{dong(event.amount)}: cổng thanh toán đã nhận tiền và đang kiểm tra. Tiền vào ví khi có "
                        "kết quả; đừng nạp lại khoản này.",
                        f"{dong(event.amount)}: the payment gateway has the money and looks at the payment. It is in "
                        "your wallet when that is done; don't pay it again.",
                    ),
                )
            ]
        case TopUpFailed():
            why_vi, why_en = _TOP_UP_FAILURES[event.reason]
            return [
                _money(
                    event.principal_id,
                    f"/wallet/top-ups/{event.top_up_id}",
                    ("Chưa nạp được tiền", "No money was put in"),
                    (f"{dong(event.amount)}: {why_vi}. Hãy thử lại.", f"{dong(event.amount)}: {why_en}. Try again."),
                )
            ]
        case WithdrawalPaid():
            return [
                _money(
                    event.payer_id,
                    f"/wallet/withdrawals/{event.withdrawal_id}",
                    ("Đã rút tiền", "Money withdrawn"),
                    (
                        f"{dong(event.amount)} đã đến tài khoản ***{event.account} tại {event.bank_name}.",
                        f"{dong(event.amount)} has arrived at the account ***{event.account} at {event.bank_name}.",
                    ),
                )
            ]
        case WithdrawalFailed():
            why_vi, why_en = _BANK_SAID[event.reason]
            return [
                _money(
                    event.payer_id,
                    f"/wallet/withdrawals/{event.withdrawal_id}",
                    ("Chưa rút được tiền", "Money not withdrawn"),
                    (
                        f"{dong(event.amount)} đã trở lại ví: {event.bank_name} báo {why_vi} (***{event.account}).",
                        f"{dong(event.amount)} is back in your wallet: {event.bank_name} says that {why_en} "
                        f"(***{event.account}).",
                    ),
                )
            ]
        case MerchantBankChanged():
            at = f"{event.usable_from.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}"
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/bank-account",
                    (f"{event.merchant_name}: tài khoản nhận tiền mới", f"{event.merchant_name}: a new bank account"),
                    (
                        f"Từ {at}, tiền của cửa hàng được chuyển vào tài khoản ***{event.account} tại "
                        f"{event.bank_name}. Nếu không phải bạn, hãy đổi lại ngay và khóa khẩn cấp tài khoản.",
                        f"From {at} on the shop's money goes to the account ***{event.account} at {event.bank_name}. "
                        "If this was not you, change it back at once and lock your account.",
                    ),
                )
            ]
        case SettlementPaid():
            fee_vi = f", phí {dong(event.fee)}" if event.fee else ""
            fee_en = f", fee {dong(event.fee)}" if event.fee else ""
            day = f"{event.settled_on:%d/%m/%Y}"
            return [
                _money(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/settlements/{event.settlement_id}",
                    (f"{event.merchant_name}: đã quyết toán", f"{event.merchant_name}: settled"),
                    (
                        f"{dong(event.amount)} của ngày {day}{fee_vi} đã đến tài khoản ***{event.account} tại "
                        f"{event.bank_name}.",
                        f"{dong(event.amount)} of {day}{fee_en} has arrived at the account ***{event.account} at "
                        f"{event.bank_name}.",
                    ),
                )
            ]
        case SettlementFailed():
            why_vi, why_en = _BANK_SAID[event.reason]
            return [
                _money(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/settlements/{event.settlement_id}",
                    (f"{event.merchant_name}: chưa quyết toán được", f"{event.merchant_name}: not settled"),
                    (
                        f"{event.bank_name} báo {why_vi} (***{event.account}). {dong(event.amount)} của ngày "
                        f"{event.settled_on:%d/%m/%Y} được giữ lại: hãy kiểm tra tài khoản rồi yêu cầu chuyển lại.",
                        f"{event.bank_name} says that {why_en} (***{event.account}). {dong(event.amount)} of "
                        f"{event.settled_on:%d/%m/%Y} waits: look at the bank account, then have it sent again.",
                    ),
                )
            ]
        case PaymentRefunded():
            shop = [] if event.owner_id is None else [event.owner_id]
            return [
                _money(
                    event.payer_id,
                    f"/wallet/payments/{event.payment_id}",
                    ("Đã hoàn tiền", "Money refunded"),
                    (
                        f"{dong(event.amount)} từ {event.payee_name} đã trở lại ví: {event.reason}",
                        f"{dong(event.amount)} from {event.payee_name_en} is back in your wallet: {event.reason}",
                    ),
                ),
                *(
                    _money(
                        owner_id,
                        f"/merchants/{event.merchant_id}/refunds",
                        (f"{event.payee_name}: đã hoàn tiền", f"{event.payee_name_en}: money refunded"),
                        (
                            f"{dong(event.amount)} đã hoàn cho khách: {event.reason}",
                            f"{dong(event.amount)} went back to the payer: {event.reason}",
                        ),
                    )
                    for owner_id in shop
                ),
            ]
        case TakingRefunded():
            return [
                _money(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/refunds",
                    (f"{event.merchant_name}: đã hoàn tiền", f"{event.merchant_name}: money refunded"),
                    (
                        f"{dong(event.amount)} đã về tài khoản ngân hàng của người chuyển.",
                        f"{dong(event.amount)} has arrived at the sender's bank account.",
                    ),
                )
            ]
        case TakingRefundFailed():
            why_vi, why_en = _BANK_SAID[event.reason]
            return [
                _money(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/refunds",
                    (f"{event.merchant_name}: chưa hoàn được tiền", f"{event.merchant_name}: money not refunded"),
                    (
                        f"Ngân hàng của người chuyển báo {why_vi}; {dong(event.amount)} vẫn thuộc cửa hàng.",
                        f"The sender's bank says that {why_en}; {dong(event.amount)} is still the shop's.",
                    ),
                )
            ]
        case DisputeOpened():
            what_vi, what_en = _DISPUTES[event.kind]
            return [
                _account(
                    event.principal_id,
                    f"/wallet/disputes/{event.dispute_id}",
                    (f"Đã nhận yêu cầu {what_vi}", f"We have your {what_en}"),
                    (
                        f"Yêu cầu {what_vi} của bạn sẽ được trả lời chậm nhất ngày {event.due_on:%d/%m/%Y}.",
                        f"Your {what_en} is answered by {event.due_on:%d/%m/%Y} at the latest.",
                    ),
                )
            ]
        case DisputeNoted():
            return [
                _account(
                    event.told,
                    f"/{'wallet' if event.by_staff else 'staff'}/disputes/{event.dispute_id}",
                    ("Có ý kiến mới về yêu cầu tra soát, khiếu nại", "Something was added to a dispute"),
                    (
                        "Hãy mở yêu cầu để đọc và trả lời.",
                        "Open it to read and to answer.",
                    ),
                )
            ]
        case DisputeAnswered():
            came_vi, came_en = _CAME_OF_IT[event.outcome]
            return [
                _account(
                    event.principal_id,
                    f"/wallet/disputes/{event.dispute_id}",
                    ("Yêu cầu tra soát, khiếu nại đã được trả lời", "Your dispute was answered"),
                    (f"Kết quả: {came_vi}. Hãy mở yêu cầu để xem trả lời.", f"{came_en} Open it to read the answer."),
                )
            ]
        case DisputeOverdue():
            return [
                _account(
                    reader,
                    f"/staff/disputes/{event.dispute_id}",
                    ("Quá hạn trả lời tra soát, khiếu nại", "Dispute overdue"),
                    (
                        f"Một yêu cầu tra soát, khiếu nại đã quá hạn ngày {event.due_on:%d/%m/%Y}. Hãy trả lời ngay.",
                        f"A dispute was due on {event.due_on:%d/%m/%Y}. Answer it now.",
                    ),
                )
                for reader in event.told
            ]
        case MoneyFrozen():
            held_vi, held_en = _held(event.merchant_name, event.amount)
            return [
                _account(
                    event.owner_id,
                    "/wallet",
                    ("Tạm dừng chi tiền theo yêu cầu", "Money held by order"),
                    (
                        f"{held_vi} đang được giữ theo yêu cầu của cơ quan có thẩm quyền. "
                        "Tiền của bạn vẫn còn; để biết thêm, hãy gọi tổng đài.",
                        f"{held_en} is held by order of an authority. "
                        "Your money is still there; to know more, call the hotline.",
                    ),
                )
            ]
        case MoneyReleased():
            held_vi, held_en = _held(event.merchant_name, event.amount)
            return [
                _account(
                    event.owner_id,
                    "/wallet",
                    ("Đã hết tạm dừng chi tiền", "Money free again"),
                    (
                        f"{held_vi} đã hết bị giữ.",
                        f"{held_en} is held no more.",
                    ),
                )
            ]
        case SuspicionsFound():
            return [
                _account(
                    reader,
                    "/staff/compliance/cases",
                    ("Giao dịch cần xem xét", "Movements to look at"),
                    (
                        f"Ngày {event.day_on:%d/%m/%Y} có {event.cases} trường hợp cần xem xét.",
                        f"{event.cases} cases of {event.day_on:%d/%m/%Y} are to be looked at.",
                    ),
                )
                for reader in event.told
            ]
        case WebhookDisabled():
            why_vi, why_en = _WEBHOOK_WHY[event.because]
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/webhook-endpoints",
                    (f"{event.merchant_name}: đã tắt thông báo tự động", f"{event.merchant_name}: a webhook is off"),
                    (
                        f"Hệ thống của cửa hàng tại {event.host} {why_vi}; {event.unsent} thông báo chưa gửi được. "
                        "Hãy kiểm tra hệ thống rồi lưu lại địa chỉ để bật.",
                        f"The shop's system at {event.host} {why_en}; {event.unsent} messages wait. Look at the "
                        "system, then save its address again to switch it on.",
                    ),
                )
            ]
        case ApiKeyMade():
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/api-keys",
                    (f"{event.merchant_name}: có khóa API mới", f"{event.merchant_name}: a new API key"),
                    (
                        f"Khóa “{event.name}” nay có thể thay cửa hàng gọi hệ thống. "
                        "Nếu không phải bạn tạo, hãy thu hồi khóa và đổi mã PIN.",
                        f"The key “{event.name}” can act for the shop now. If you did not make it, revoke it and "
                        "change your PIN.",
                    ),
                )
            ]
        case MerchantApproved():
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}",
                    (f"{event.merchant_name}: đã được duyệt", f"{event.merchant_name}: approved"),
                    (
                        "Cửa hàng của bạn nhận thanh toán dưới tên này.",
                        "Your shop takes payments by this name.",
                    ),
                )
            ]
        case MerchantStopped():
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}",
                    (f"{event.merchant_name}: tạm ngừng nhận tiền", f"{event.merchant_name}: suspended"),
                    (
                        f"Cửa hàng tạm thời không nhận thanh toán: {event.reason} "
                        "Tiền của cửa hàng vẫn được giữ nguyên. Hãy liên hệ tổng đài để được hướng dẫn.",
                        f"The shop takes no payments for now: {event.reason} Its money is kept as it is. Please call "
                        "the hotline.",
                    ),
                )
            ]
        case MerchantReinstated():
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}",
                    (f"{event.merchant_name}: nhận tiền trở lại", f"{event.merchant_name}: reinstated"),
                    ("Cửa hàng của bạn lại nhận được thanh toán.", "Your shop takes payments again."),
                )
            ]
        case CashierInvited():
            return [
                _account(
                    event.principal_id,
                    "/merchants/invitations",
                    (
                        f"{event.merchant_name} mời bạn làm thu ngân",
                        f"{event.merchant_name} asks you to be a cashier",
                    ),
                    (
                        "Nếu bạn làm việc tại cửa hàng này, hãy mở lời mời và chấp nhận trong 7 ngày. "
                        "Nếu không, bạn không cần làm gì.",
                        "If you work at this shop, open the invitation and accept it within 7 days. If not, there is "
                        "nothing to do.",
                    ),
                )
            ]
        case CashierAccepted():
            return [
                _account(
                    event.owner_id,
                    f"/merchants/{event.merchant_id}/cashiers",
                    (f"{event.merchant_name}: có thu ngân mới", f"{event.merchant_name}: a new cashier"),
                    (
                        f"{event.cashier_name} đã nhận lời làm thu ngân.",
                        f"{event.cashier_name} has accepted your invitation.",
                    ),
                )
            ]
        case CashierRemoved():
            return [
                _account(
                    event.principal_id,
                    "/merchants",
                    (f"{event.merchant_name}: bạn thôi làm thu ngân", f"{event.merchant_name}: no longer a cashier"),
                    (
                        "Bạn không còn là thu ngân của cửa hàng này; ca đang mở của bạn đã được đóng.",
                        "You are no longer a cashier of this shop; your open shift was closed.",
                    ),
                )
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
        case (
            ReportFiled()
            | ReportMoved()
            | ReportHandedOver()
            | ReporterAnswered()
            | ReportDueSoon()
            | ReportOverdue()
            | ExtensionAsked()
            | ComplaintFiled()
            | ReportCommented()
            | FinePaid()
        ):
            return report_messages.messages_of(event)
        case DossierMoved() | DossierHandedOn() | DossierDueSoon() | DossierOverdue():
            return dossier_messages.messages_of(event)
        case CounterBooked() | BookingReminder() | TicketCalled():
            return counter_messages.messages_of(event)
        case AlertProposed() | AlertPublished() | AlertUpdated() | AlertCancelled():
            return alert_messages.messages_of(event)
        case _:
            assert_never(event)


_BILLER_SAID: dict[str, tuple[str, str]] = {
    "amount_changed": (
        " Đơn vị thu đã đổi số tiền; hãy xem lại hóa đơn.",
        " The biller has changed the amount; look at the bill again.",
    ),
    "already_paid": (" Hóa đơn này đã được thanh toán ở nơi khác.", " This bill was paid elsewhere."),
    "unknown_bill": (" Đơn vị thu không còn hóa đơn này.", " The biller has no such bill any more."),
    "unknown_customer": (" Đơn vị thu không biết mã khách hàng này.", " The biller knows no such customer code."),
    "insufficient": (" Đơn vị thu không nhận khoản này.", " The biller does not take this payment."),
    "maintenance": (" Đơn vị thu đang bảo trì; hãy thử lại sau.", " The biller is in maintenance; try again later."),
}
"""What a biller says when it takes no payment; anything else is not told."""

_AUTOPAY_WHY: dict[AutopayFailure, tuple[str, str]] = {
    "balance": ("số dư không đủ", "the balance is not enough"),
    "above_ceiling": ("số tiền vượt mức bạn đã đặt", "the amount is above the ceiling that you set"),
    "limit": ("vượt hạn mức của ví", "it is above the wallet's limit"),
    "needs_proof": ("khoản này cần bạn xác nhận", "this payment needs your proof"),
    "locked": ("tài khoản đang bị khóa", "the account is locked"),
    "money_out_waits": (
        "tài khoản vừa được khôi phục nên tạm thời chưa thể chuyển tiền đi",
        "the account was just recovered, and no money goes out for a while",
    ),
    "biller": ("đơn vị thu chưa nhận khoản này", "the biller did not take it"),
    "other": ("ví hiện không thể thanh toán", "the wallet cannot pay now"),
}

_TOP_UP_METHODS: dict[TopUpMethod, tuple[str, str]] = {
    "vnpay": ("qua VNPAY", "by VNPAY"),
    "bank_transfer": ("chuyển khoản", "by bank transfer"),
}

_TOP_UP_FAILURES: dict[TopUpFailure, tuple[str, str]] = {
    "cancelled": ("giao dịch đã bị hủy", "the payment was cancelled"),
    "timed_out": ("đã hết thời gian thanh toán", "the time to pay was over"),
    "closed": ("ví đã đóng", "the wallet is closed"),
    "insufficient": ("tài khoản không đủ số dư hoặc hết hạn mức", "the account has not enough, or is at its limit"),
    "refused": ("ngân hàng không chấp nhận", "the bank did not accept it"),
}

_BANK_SAID: dict[RefusalReason, tuple[str, str]] = {
    "account_unknown": ("không có tài khoản này", "there is no such account"),
    "account_closed": ("tài khoản đã đóng", "the account is closed"),
    "name_differs": ("tên chủ tài khoản không khớp", "the account's name is another one"),
    "bank_unreachable": ("hiện không nhận được tiền", "it takes no money at present"),
    "other": ("không nhận khoản này", "it does not take this transfer"),
}


_DISPUTES: dict[str, tuple[str, str]] = {"trace": ("tra soát", "trace"), "complaint": ("khiếu nại", "complaint")}

_CAME_OF_IT: dict[str, tuple[str, str]] = {
    "refunded": ("đã hoàn tiền", "The money was given back."),
    "corrected": ("đã điều chỉnh", "It was corrected."),
    "rejected": ("không được chấp nhận", "It was not granted."),
}


def _held(merchant_name: str | None, amount: int | None) -> tuple[str, str]:
    """What an order holds: a wallet or a shop's account, or so much of it."""
    vi = "ví của bạn" if merchant_name is None else f"tài khoản của {merchant_name}"
    en = "your wallet" if merchant_name is None else f"the account of {merchant_name}"
    if amount is not None:
        return f"{dong(amount)} trong {vi}", f"{dong(amount)} in {en}"
    return f"{vi[0].upper()}{vi[1:]}", f"{en[0].upper()}{en[1:]}"


_WEBHOOK_WHY: dict[Literal["gone", "failing"], tuple[str, str]] = {
    "gone": ("báo rằng nó không còn nhận", "says that it is gone"),
    "failing": ("đã nhiều ngày không nhận được thông báo nào", "has taken no message for days"),
}


def _account(principal_id: UUID, link: str, title: tuple[str, str], body: tuple[str, str]) -> Words:
    return words_for(principal_id, "account", link, title, body)


def _money(
    principal_id: UUID,
    link: str,
    title: tuple[str, str],
    body: tuple[str, str],
    *,
    good_for_s: int | None = None,
) -> Words:
    return words_for(principal_id, "money", link, title, body, good_for_s=good_for_s)
