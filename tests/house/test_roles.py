"""Who may pass which door: the table is written here by hand, the doors are the app's, and the app is asked."""

import itertools
import math
from dataclasses import dataclass
from typing import get_args

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from app.db import Connection
from app.identity.models import Kind, Principal, Role
from app.identity.tokens import new_token, token_hash
from app.machines.models import Scope
from app.rates import UNCOUNTED
from app.types import new_id
from tests.conftest import Desk
from tests.house.doors import OPEN311, doors, filled, the_app, to_a_stranger
from tests.house.reading import nothing
from tests.makers import a_staff_member

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

# Who there is. A machine is its scopes: `bills.write` is one that signs, and has this scope and no other.
STAFF = frozenset(get_args(Role)) | {"staff without grants"}
SCOPES = frozenset[str](get_args(Scope))
PLAIN = "machine by plain key"
MACHINES = SCOPES | {"machine without scope", PLAIN}
ROLES = {"stranger", "unconfirmed resident", "resident", "cashier"} | STAFF | MACHINES

EVERYBODY = frozenset(ROLES)
RESIDENTS = frozenset({"resident"})
SINCE_THE_CODE = RESIDENTS | {"unconfirmed resident"}

TABLE: dict[frozenset[str], str] = {
    EVERYBODY: """
        front_door livez readyz metrics api_page_script
        list_agencies list_wards find_ward get_picture check_receipt show_receipt
        check_result check_result_file show_result_check show_tracking
        request_code sign_in refresh lock_account return_from_provider
        discover_open311 list_services get_service_definition list_service_requests get_service_request
        get_service_request_of_token list_service_request_updates
        hear_gateway return_from_gateway hear_sepay hear_casso hear_public_post hear_texts get_web_push_key
        get_counter_screen show_counter_screen list_counter_times
        get_public_bill show_public_bill
        begin_staff_sign_in finish_staff_sign_in
        list_report_categories list_reports list_nearby_reports get_report look_up_fine show_report_map
        show_report_statistics get_reports_csv get_reports_feed
        look_up_dossier
        list_procedures get_procedure
        show_dossier_statistics get_dossier_statistics_csv
        list_alerts get_alert get_alert_cap get_alerts_feed show_flood
    """,
    EVERYBODY - {"stranger"}: """
        discover_tus
    """,
    SINCE_THE_CODE: """
        sign_out unlock_wallet
        get_level begin_verification get_verification finish_verification
    """,
    RESIDENTS: """
        get_home get_me change_me set_pin change_phone request_phone_code list_sessions end_session
        list_devices remove_device set_device_key begin_passkey register_passkey list_passkeys remove_passkey
        list_consents get_consent decide_consent ask_export get_export get_export_file ask_erasure
        ask_data list_data_requests list_access_log
        stream_takings get_receipt_code make_pay_code charge_pay_code get_shop_charge get_charge confirm_charge
        get_wallet get_limits list_movements get_payment make_payment read_payee read_qr
        get_statement get_statement_csv get_statement_xlsx get_statement_pdf get_receipt_pdf
        ask_step_up send_step_up_code ask_step_up_face prove_step_up
        list_billers list_bills get_bill list_customer_codes keep_customer_code drop_customer_code
        get_e_invoice set_autopay get_autopay end_autopay
        list_merchants open_merchant add_terminal get_terminal_qr get_terminal_qr_png get_terminal_qr_svg
        close_merchant revoke_terminal put_api_key list_api_keys revoke_api_key
        invite_cashier list_cashiers remove_cashier list_invitations accept_invitation
        open_shift close_shift get_shift list_shifts
        ask_top_up get_top_up list_top_ups get_bill_vietqr
        list_banks make_withdrawal get_withdrawal list_withdrawals
        put_merchant_bank_account get_merchant_bank_account settle_merchant retry_settlement get_settlement
        list_settlements get_settlement_csv get_settlement_xlsx get_settlement_pdf
        list_payment_refunds list_merchant_refunds
        open_dispute get_dispute list_disputes add_dispute_note withdraw_dispute
        file_report file_complaint list_my_reports follow_report give_report_information rate_report reopen_report
        comment_on_report
        file_dossier drop_dossier_draft list_my_dossiers get_my_dossier give_supplement withdraw_dossier rate_dossier
        list_stored_papers get_stored_paper drop_stored_paper list_delegations put_delegation revoke_delegation
        get_form get_result
        book_visit list_bookings get_booking cancel_booking arrive_at_counter
        list_push_devices register_push_device remove_push_device get_preferences put_preferences receive_delivery
    """,
    RESIDENTS | {"refunds.write"}: """
        make_refund get_refund
    """,
    RESIDENTS | {"orders.write"}: """
        place_order
    """,
    RESIDENTS | {"orders.read", "orders.write"}: """
        get_order
    """,
    RESIDENTS | {"takings.read"}: """
        list_takings
    """,
    RESIDENTS | {"webhooks.write"}: """
        put_webhook_endpoint remove_webhook_endpoint rotate_webhook_secret send_webhook_test
        replay_webhook_message replay_webhook_messages
    """,
    RESIDENTS | {"webhooks.read", "webhooks.write"}: """
        list_webhook_endpoints list_webhook_messages get_webhook_message
    """,
    RESIDENTS | STAFF: """
        list_inbox read_inbox stream_inbox
        put_upload get_upload remove_upload ask_presigned complete_upload
        create_tus_upload head_tus_upload patch_tus_upload terminate_tus_upload
        patch_or_terminate_tus_upload
    """,
    STAFF: """
        get_staff_session end_staff_session open_break_glass end_break_glass
    """,
    MACHINES: """
        get_own_machine
    """,
    frozenset({"admin"}): """
        invite_member close_member propose_grant approve_grant refuse_grant revoke_grant
        list_machines get_machine put_machine close_machine make_machine_key revoke_machine_key
        bind_biller_machine free_biller_machine
        list_calendar put_calendar_day drop_calendar_day
        rehome_dossier merge_agency put_dossier_desk
    """,
    frozenset({"admin", "finance"}): """
        list_staff_billers
    """,
    frozenset({"clerk", "agency_officer", "agency_head"}): """
        list_staff_dossiers get_staff_dossier act_on_dossier issue_dossier_result get_dossier_paper
        get_staff_form get_staff_result get_register
    """,
    frozenset({"admin", "clerk", "agency_officer", "agency_head"}): """
        list_agencies_of_dossiers
    """,
    frozenset({"admin", "supervisor"}): """
        list_national_differences resend_national_difference
    """,
    frozenset({"national.write"}): """
        file_from_portal
    """,
    frozenset({"readings.write"}): """
        post_readings
    """,
    frozenset({"bills.write"}): """
        publish_bill withdraw_biller_bill give_e_invoice
    """,
    frozenset({"bills.read"}): """
        list_biller_payments
    """,
    frozenset({"bills.read", "bills.write"}): """
        get_biller_bill
    """,
    frozenset({"admin", "compliance"}): """
        list_members list_grants list_break_glass review_break_glass list_retention list_audit
        approve_policy_change refuse_policy_change
    """,
    frozenset({"admin", "compliance", "finance"}): """
        list_policies list_policy_changes
    """,
    frozenset({"finance"}): """
        put_biller propose_biller_connection approve_biller_connection refuse_biller_connection list_biller_calls
        propose_biller_account approve_biller_account list_remittances
        list_all_top_ups find_top_up approve_top_up_finding
        list_inbound_transfers propose_transfer approve_transfer refuse_transfer
        list_suspense propose_resolution approve_resolution refuse_resolution
        list_all_merchants approve_merchant suspend_merchant reinstate_merchant
        list_payouts find_payout approve_payout_finding find_biller_call approve_biller_call_finding
        propose_fee_rule approve_fee_rule list_fee_rules
        propose_refund approve_refund refuse_refund list_staff_refunds
        reconcile list_reconciliations get_reconciliation list_differences export_differences close_difference
    """,
    frozenset({"compliance"}): """
        propose_policy_change
        list_all_data_requests answer_data_request list_processing
        list_breaches report_breach notify_breach close_breach
        propose_freeze approve_freeze refuse_freeze propose_freeze_lift approve_freeze_lift refuse_freeze_lift
        get_freeze list_freezes
        export_large_values export_suspicions list_suspicion_rules list_suspicious_cases review_suspicious_case
    """,
    frozenset({"operator", "supervisor", "finance"}): """
        list_staff_disputes get_staff_dispute assign_dispute add_staff_dispute_note
    """,
    frozenset({"supervisor", "finance"}): """
        answer_dispute
    """,
    frozenset({"reports.write", PLAIN}): """
        post_service_request post_service_request_update
    """,
    frozenset({"clerk"}): """
        take_cash ask_receipt_void close_cash_day
        file_dossier_for_visitor accept_dossier refuse_dossier hand_over_result take_dossier_supplement
        list_tickets put_ticket call_next_ticket
    """,
    frozenset({"clerk", "supervisor", "agency_head", "finance"}): """
        approve_receipt_void list_cash_receipts list_cash_closes
    """,
    frozenset({"operator", "supervisor"}): """
        lock_resident
        file_report_for_caller verify_report assign_report merge_report hide_comment
        put_alert refuse_alert list_staff_alerts get_staff_alert put_river_reading withdraw_river_reading
        trace_messages list_failed_deliveries resend_delivery
        make_broadcast list_broadcasts get_broadcast cancel_broadcast correct_broadcast
    """,
    frozenset({"operator", "supervisor", "agency_officer", "agency_head"}): """
        list_staff_reports get_staff_report get_report_original ask_reporter redact_picture write_report_note
    """,
    frozenset({"agency_officer", "agency_head", "supervisor"}): """
        start_report resolve_report return_report ask_extension
        put_report_fine get_report_fine cancel_report_fine
    """,
    frozenset({"admin", "agency_head"}): """
        put_counter
        list_staff_procedures list_procedure_versions get_procedure_version put_procedure_version
        publish_procedure_version review_procedure
    """,
    frozenset({"agency_head", "supervisor"}): """
        list_late_dossiers
    """,
    frozenset({"supervisor"}): """
        decide_extension approve_alert approve_broadcast
    """,
    frozenset({"operator", "supervisor", "clerk", "compliance"}): """
        look_up_resident open_resident
    """,
}
"""Who passes, and which doors (the handlers' names). Where somebody passes, the verb may still say no: this is not
theirs, not their agency's, not in this state."""

SHUT = {"SignInRequired", "Forbidden", "NotConfirmed", "SignatureRequired"}
"""How a door says that somebody may not pass."""


def passes() -> dict[str, frozenset[str]]:
    """Who passes, by the handler's name."""
    return {name: who for who, names in TABLE.items() for name in names.split()}


def test_a9_every_door_has_one_line_and_every_line_a_door() -> None:
    lines = [name for names in TABLE.values() for name in names.split()]
    there = {door.name for door in doors()}
    nothing(f"{name} has no line in the table" for name in sorted(there - set(lines)))
    nothing(f"{name} is no door" for name in sorted(set(lines) - there))
    nothing(f"{name} has two lines" for name in sorted({name for name in lines if lines.count(name) > 1}))


def test_a9_every_scope_that_a_door_asks_for_is_somebodys() -> None:
    asked = {hat for door in doors() for hat in door.handler.opt.get("who") or ()}
    assert asked <= {*get_args(Kind), *get_args(Role), *(f"scope:{scope}" for scope in SCOPES)}


@dataclass(frozen=True)
class Visitor:
    """Somebody before the doors, who signed in somehow: the front door has just seen who it is."""

    desk: httpx.AsyncClient
    app: Litestar
    principal: Principal | None
    token: str

    async def ask(self, method: str, path: str) -> httpx.Response:
        """What they are answered, with nothing in hand."""
        if self.principal is None:
            return await self.desk.request(method, filled(path))
        self.app.state.bearer.seen[token_hash(self.token)] = (math.inf, self.principal)
        return await self.desk.request(method, filled(path), headers={"authorization": f"Bearer {self.token}"})


@pytest.fixture
async def visitor(desk: httpx.AsyncClient, desk_app: Desk, db: Connection, role: str) -> Visitor:
    principal = None if role == "stranger" else await _principal(db, role)
    return Visitor(desk, desk_app.app, principal, new_token())


async def _principal(db: Connection, role: str) -> Principal:
    id_, session_id = new_id(), new_id()
    match role:
        case "resident" | "unconfirmed resident":
            return Principal(id=id_, kind="resident", session_id=session_id, confirmed=role == "resident")
        case "cashier":
            return Principal(id=id_, kind="cashier", session_id=session_id)
        case _ if role in MACHINES:
            scopes = list(SCOPES if role == PLAIN else SCOPES & {role})
            return Principal(id=id_, kind="machine", session_id=session_id, scopes=scopes, plain_key=role == PLAIN)
        case _:  # some verbs look the grant up again
            granted: list[Role] = [name for name in get_args(Role) if name == role]
            return (await a_staff_member(db, role=granted[0] if granted else None)).me


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a9_whoever_passes_is_in_the_table_and_nobody_else(visitor: Visitor, db: Connection, role: str) -> None:
    table, wrong = passes(), list[str]()
    for door in doors():
        answer = await _tried(db, visitor, door.method, door.path)
        passed = answer.status_code not in {401, 403} if door.method == "HEAD" else _type(answer) not in SHUT
        if passed != (role in table.get(door.name, EVERYBODY if passed else ())):
            does = "passes" if passed else "does not pass"
            wrong.append(f"{role} {does} {door} ({door.name}): {answer.status_code}")
    nothing(wrong)


@pytest.mark.parametrize("role", ["stranger", "unconfirmed resident", "resident", "admin", PLAIN])
async def test_a9_whoever_may_not_get_may_not_head(visitor: Visitor, db: Connection, role: str) -> None:
    for door in doors():
        if door.method == "GET":
            got, head = [await _tried(db, visitor, method, door.path) for method in ("GET", "HEAD")]
            assert head.status_code == got.status_code, f"{role}: HEAD {door.path}"


@pytest.mark.parametrize("role", ["stranger", "resident", "admin"])
async def test_a9_a_method_that_no_door_takes_is_taken_from_nobody(visitor: Visitor, role: str) -> None:
    wrong: list[str] = []
    for route, method in itertools.product(the_app().routes, METHODS):
        if isinstance(route, HTTPRoute) and not {method, _as_get(method)} & set(route.methods):
            answer = await visitor.ask(method, route.path)
            if answer.status_code != 405:
                wrong.append(f"{role}: {method} {route.path} is answered {answer.status_code}")
    nothing(wrong)


@pytest.mark.parametrize("role", ["stranger", "unconfirmed resident", "machine without scope"])
async def test_a9_whoever_is_signed_in_may_ask_what_an_address_takes(visitor: Visitor, role: str) -> None:
    open_to_all = {door.path for door in doors() if door.handler.opt.get("public")}
    for path in {door.path for door in doors()}:
        answer = await visitor.ask("OPTIONS", path)
        if role == "stranger" or path in UNCOUNTED:  # there nobody looks who asks
            shut = answer.status_code == to_a_stranger(path)
            assert shut or (path.startswith("/schema/") and path in open_to_all), path
        else:
            assert answer.status_code == 204, path


async def _tried(db: Connection, visitor: Visitor, method: str, path: str) -> httpx.Response:
    """What a visitor is answered; what that did is undone."""
    trial = db.transaction()
    await trial.start()
    answer = await visitor.ask(method, path)
    await trial.rollback()
    return answer


def _type(answer: httpx.Response) -> str:
    if answer.request.url.path.startswith(OPEN311):
        return "Forbidden" if answer.status_code == 403 else ""
    is_problem = answer.headers.get("content-type") == "application/problem+json" and answer.content
    return answer.json()["type"].rpartition(":")[2] if is_problem else ""


def _as_get(method: str) -> str:
    return "GET" if method == "HEAD" else method
