"""What the wallet does after a commit, and by the clock."""

from app.jobs import Listener, Scheduled
from wallet import holds
from wallet.billers import autopay, calls, lists, reminders, remittances
from wallet.gateways import payout_errands, suspense, top_up_errands
from wallet.merchants import (
    pay_codes,
    settlements,
    shifts,
    takings_stream,
    webhook_deliveries,
    webhook_endpoints,
    webhook_messages,
)
from wallet.oversight import disputes, guarantee, suspicions
from wallet.papers import receipts

listeners: tuple[Listener, ...] = (
    Listener(name="biller_payments", kinds=("BillHeld",), errand=calls.pay_held, batch=calls.AT_ONCE),
    Listener(name="autopays", kinds=("BillPaymentFailed",), errand=autopay.look_again, batch=autopay.AT_ONCE),
    Listener(name="payouts", kinds=("PayoutAsked",), errand=payout_errands.pay, batch=payout_errands.AT_ONCE),
    Listener(name="suspense", kinds=suspense.BILLERS_SAY, hear=suspense.hear_billers, batch=200),
    Listener(name="fee_receipts", kinds=("BillPaid",), hear=receipts.number_fees, batch=receipts.AT_ONCE),
    Listener(name="takings_bells", kinds=takings_stream.KINDS, hear=takings_stream.ring, batch=200),
    Listener(name="settlements", kinds=("DayEnded",), hear=settlements.settle_day),
    Listener(name="remittances", kinds=("BillerDayEnded",), hear=remittances.remit),
    Listener(name="webhooks", kinds=webhook_messages.KINDS, hear=webhook_messages.write, batch=200),
    Listener(name="webhook_deliveries", kinds=("WebhooksWritten",), errand=webhook_deliveries.ring),
)

schedule: tuple[Scheduled, ...] = (
    Scheduled(name="expire_holds", every_s=30, run=holds.expire_due),
    Scheduled(name="close_forgotten_shifts", every_s=600, run=shifts.close_forgotten),
    Scheduled(name="forget_pay_codes", every_s=3600, run=pay_codes.forget_old),
    Scheduled(name="send_webhooks", every_s=2, errand=webhook_deliveries.sweep),
    Scheduled(name="forget_webhook_secrets", every_s=3600, run=webhook_endpoints.forget_old_secrets),
    Scheduled(name="sweep_biller_calls", every_s=5, errand=calls.sweep),
    Scheduled(name="refresh_kept_bills", every_s=300, errand=lists.refresh_kept),
    Scheduled(name="remind_of_bills", every_s=3600, errand=reminders.remind),
    Scheduled(name="announce_autopays", every_s=3600, errand=autopay.announce),
    Scheduled(name="pay_autopays", every_s=600, errand=autopay.pay_due),
    Scheduled(name="look_after_payouts", every_s=15, errand=payout_errands.look_after),
    Scheduled(name="sweep_top_ups", every_s=60, errand=top_up_errands.sweep),
    Scheduled(name="settle_yesterday", every_s=300, run=settlements.ask_for_yesterday),
    Scheduled(name="sum_money", every_s=60, run=guarantee.sum_up),
    Scheduled(name="watch_disputes", every_s=3600, run=disputes.watch_the_clock),
    Scheduled(name="watch_yesterday", every_s=600, run=suspicions.watch, long=True),
)
