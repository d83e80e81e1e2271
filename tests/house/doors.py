"""The city's doors as the house's tests try them, and a household with one of everything that has an id."""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import httpx
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from msgspec import convert, structs

from app import config
from app.clock import city_now, city_today, working_time
from app.db import Connection
from app.identity import devices, verifications
from app.identity.models import Role
from app.machines.models import Scope
from app.main import create_app
from app.privacy import exports
from app.types import Body
from app.uploads import storage
from app.worker import HOLDINGS
from dossiers import actions, delegations, filing
from dossiers.counters import bookings, times
from dossiers.counters.models import BookVisit
from dossiers.models import ActOnDossier, FileDossier, GivePaper, PutDelegation
from dossiers.procedures import loading
from feedback import fines, handling, reports, voices
from feedback.models import AskReporter, FileReport, WriteComment, WriteReportNote
from notifications import devices as push_devices
from notifications.alerts import proposals
from notifications.alerts.models import PutAlert
from notifications.broadcasts import broadcasts
from notifications.broadcasts.models import MakeBroadcast
from notifications.models import RegisterDevice
from tests.conftest import OneConnection
from tests.dossiers.makers import HERE, a_paper, the_procedures, words
from tests.house.reading import PACKAGES
from tests.makers import Machine, Resident, a_machine, a_resident, a_shop, a_staff_member, with_role
from tests.notifications.alerts import warning
from tests.statements import sql
from wallet import bills, ledger
from wallet.billers import autopay, billers
from wallet.gateways import top_ups, withdrawals
from wallet.ledger import Move
from wallet.merchants import (
    api_keys,
    bank_accounts,
    cashiers,
    merchants,
    settlements,
    shifts,
    webhook_endpoints,
    webhook_messages,
)
from wallet.merchants.api_key_models import PutApiKey
from wallet.merchants.models import InviteCashier, OpenShift
from wallet.merchants.settlement_models import PutBankAccount
from wallet.merchants.webhook_models import PutWebhookEndpoint
from wallet.models import AskTopUp, KeepCustomerCode, PlaceOrder, SetAutopay, Withdraw
from wallet.oversight import disputes, freezes, reconciliations, refunds
from wallet.oversight.models import MakeRefund, OpenDispute, ProposeFreeze

OPEN311 = "/open311/"
"""Doors that say no as their standard wants it: with 403 where others say 401, and a list of reasons of its own."""

_READ_IN_OPEN311 = (
    *(f"{path}.{format_}" for path in ("discovery", "v2/services", "v2/requests", "v2/servicerequestupdates")
      for format_ in ("json", "xml")),
    *(f"v2/{noun}/{{document:str}}" for noun in ("services", "requests", "tokens")),
)  # fmt: skip

PUBLIC = {
    ("GET", "/"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/v1/agencies"),
    ("GET", "/v1/places/wards"),
    ("GET", "/v1/feedback/categories"),
    ("GET", "/v1/feedback/reports"),
    ("GET", "/v1/feedback/reports/nearby"),
    ("GET", "/v1/feedback/reports/{report_id:uuid}"),
    ("GET", "/v1/feedback/map"),
    ("GET", "/v1/feedback/statistics"),
    ("GET", "/v1/feedback/reports.csv"),
    ("GET", "/v1/feedback/feed.rss"),
    ("GET", "/v1/dossiers/statistics"),
    ("GET", "/v1/dossiers/statistics.csv"),
    ("POST", "/v1/feedback/fines/look-ups"),
    ("POST", "/v1/dossiers/look-ups"),
    ("GET", "/v1/dossiers/procedures"),
    ("GET", "/v1/dossiers/procedures/{procedure_code:str}"),
    ("GET", "/v1/alerts"),
    ("GET", "/v1/alerts/{alert_id:uuid}"),
    ("GET", "/v1/alerts/{alert_id:uuid}/cap"),
    ("GET", "/v1/alerts/feed.atom"),
    ("GET", "/v1/alerts/flood"),
    ("GET", "/v1/places/ward"),
    ("GET", "/v1/pictures/{name:str}"),
    ("GET", "/v1/verifications/callback"),
    ("GET", "/v1/gateways/vnpay/ipn"),
    ("GET", "/v1/gateways/vnpay/return"),
    ("POST", "/v1/gateways/bank-transfers/sepay"),
    ("POST", "/v1/gateways/bank-transfers/casso"),
    ("GET", "/v1/public/bills/{biller_code:str}/{reference:str}"),
    ("GET", "/pay/{biller_code:str}/{reference:str}"),
    ("GET", "/v1/dossiers/counters/{agency_code:str}"),
    ("GET", "/v1/dossiers/counters/{agency_code:str}/times"),
    ("GET", "/c/{agency_code:str}"),
    ("POST", "/v1/gateways/public-post/deliveries"),
    ("POST", "/v1/gateways/texts/reports"),
    ("GET", "/v1/notifications/web-push-key"),
    ("GET", "/v1/receipts/{receipt_code:str}"),
    ("GET", "/r/{receipt_code:str}"),
    ("GET", "/v1/dossiers/verifications/{result_code:str}"),
    ("POST", "/v1/dossiers/verifications"),
    ("GET", "/v/{result_code:str}"),
    ("GET", "/d/{dossier_code:str}"),
    ("POST", "/v1/sign-in/codes"),
    ("POST", "/v1/sign-in/emergency-locks"),
    ("POST", "/v1/sign-in/sessions"),
    ("POST", "/v1/sign-in/refreshes"),
    ("GET", "/v1/staff/sign-in"),
    ("GET", "/v1/staff/sign-in/callback"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/rapidoc-min.js"),
    ("OPTIONS", "/schema"),
    ("OPTIONS", "/schema/openapi.json"),
    ("OPTIONS", "/schema/rapidoc-min.js"),
    *(("GET", f"{OPEN311}{path}") for path in _READ_IN_OPEN311),
}
"""Whatever a stranger may do. A door that is not here is closed."""


@cache
def the_app() -> Litestar:
    """The city's app, to be looked at: it has no database behind it."""
    return create_app(config.read({"HUONG_MODE": "sandbox", "DATABASE_URL": "postgresql://nobody@/nothing"}))


class Door(NamedTuple):
    """A handler of ours on its path."""

    path: str
    handler: HTTPRouteHandler

    @property
    def method(self) -> str:
        [method] = self.handler.http_methods
        return str(method)

    @property
    def name(self) -> str:
        return self.handler.handler_name

    @property
    def hints(self) -> dict[str, Any]:
        return get_type_hints(self.handler.fn)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def doors() -> tuple[Door, ...]:
    """Every handler of ours, by path; the framework's own (OPTIONS, the schema's pages) are left out."""
    ours = [
        Door(route.path, handler)
        for route in the_app().routes
        for handler in getattr(route, "route_handlers", ())
        if handler.fn.__module__.partition(".")[0] in PACKAGES
    ]
    return tuple(sorted(ours, key=lambda door: (door.path, door.handler.handler_name)))


def to_a_stranger(path: str) -> int:
    """The status by which a door says that it wants to know who is asking."""
    return 403 if path.startswith(OPEN311) else 401


def filled(path: str, ids: Mapping[str, object] | None = None) -> str:
    """A path with ids in it: given ones, or any."""
    return re.sub(r"{(\w+):\w+}", lambda hole: str((ids or {}).get(hole[1]) or uuid4()), path)


def ids_in(path: str) -> list[str]:
    return re.findall(r"{(\w+):", path)


def bodies_of(door: Door) -> list[type[Body]]:
    """The structs that a door takes."""
    data = door.hints.get("data")
    return [] if data is None else list(get_args(data)) if get_origin(data) in {Union, UnionType} else [data]


def subclasses(base: type[Any]) -> list[type[Any]]:
    """Every class of the product that stems from `base`."""
    the_app()
    found: dict[type[Any], None] = {}
    left = [base]
    while left:
        for class_ in left.pop().__subclasses__():
            if class_ not in found:
                found[class_] = None
                left.append(class_)
    return [class_ for class_ in found if class_.__module__.partition(".")[0] in PACKAGES]


def is_for_residents(door: Door) -> bool:
    """Also for them, if not for them alone."""
    who = door.handler.opt.get("who")
    return who is None or "resident" in who


async def a_passer(db: Connection, door: Door) -> dict[str, str]:
    """The headers of somebody for whom a door is: a resident, a machine, or a member of staff with every role."""
    if is_for_residents(door):
        return (await a_resident(db)).headers
    if "machine" in door.handler.opt["who"]:
        return (await a_machine(db, plain_key=True)).plain
    if _scopes_of(door):
        return {}
    member = await a_staff_member(db)
    for role in get_args(Role):
        member = await with_role(db, member, role)
    member = await with_role(db, member, "clerk", HERE)
    return (await with_role(db, member, "clerk", BY_CODE["agency_code"])).headers


class Signing(httpx.Auth):
    """A machine signs whatever is asked."""

    requires_request_body = True

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        path = request.url.raw_path.decode()
        request.headers.update(self.machine.sign(request.method, path, request.content))
        yield request


async def a_signer(db: Connection, door: Door) -> Signing | None:
    """Where a door is for machines with a scope: one that has it and speaks for `dien-luc-hue`."""
    scopes = _scopes_of(door)
    if not scopes:
        return None
    machine, admin = await a_machine(db, scopes), await a_staff_member(db, role="admin")
    await db.execute(billers.sql.bind_machine, BY_CODE["biller_code"], machine.id, admin.id)
    return Signing(machine)


def _scopes_of(door: Door) -> list[Scope]:
    """The scopes of which a machine needs one, at a door for machines."""
    who = () if is_for_residents(door) else door.handler.opt["who"]
    return [scope for scope in get_args(Scope) if f"scope:{scope}" in who]


BY_CODE: dict[str, Any] = {
    "biller_code": "dien-luc-hue",
    "reference": "a-bill",
    "procedure_code": "1.000656",
    "version": 1,
    "agency_code": "counter-city",
}
"""What paths name by a code that is not ours to make; all are there where a household is."""

BODIES = sorted(subclasses(Body), key=lambda struct: struct.__name__)


A_PROCEDURE = loading.decoded(loading.CATALOGUE / f"{BY_CODE['procedure_code']}.json")


@dataclass(frozen=True)
class Household:
    """A resident who has one of everything that has an id."""

    owner: Resident
    ids: dict[str, UUID]


async def a_household(db: Connection) -> Household:
    """Its shop has taken money too: a list that is empty anyway would hide nothing."""
    owner, friend = await a_resident(db, balance=100_000), await a_resident(db, balance=100_000)
    shop = await a_shop(db, owner=owner)
    ids = {
        "session_id": owner.session_id,
        "merchant_id": shop.id,
        "terminal_id": shop.terminal_id,
        "payment_id": uuid4(),
        "order_id": uuid4(),
        "customer_code_id": uuid4(),
    }
    sent = Move(ids["payment_id"], "person", owner.id, session_id=owner.session_id, amount=1000, phone=friend.phone)
    bought = Move(
        uuid4(), "merchant", friend.id, session_id=friend.session_id, amount=1000, terminal_id=shop.terminal_id
    )
    for move in (sent, bought):
        await ledger.move(db, move)
    ids["withdrawal_id"], ids["settlement_id"] = uuid4(), uuid4()
    account = {"bank_bin": "970436", "account_number": "1014567890", "account_name": owner.name}
    await withdrawals.make(db, owner.me, ids["withdrawal_id"], Withdraw(amount=10_000, **account), None)
    ids["top_up_id"], asked_from = uuid4(), top_ups.AskedFrom("203.0.113.7", "vi")
    wanted = AskTopUp(amount=10_000, method="bank_transfer")
    await top_ups.ask(db, owner.me, ids["top_up_id"], wanted, None, asked_from)
    await bank_accounts.put(db, owner.me, shop.id, PutBankAccount(**account))
    await settlements.settle_now(db, owner.me, shop.id, ids["settlement_id"])
    again = bought._replace(id=uuid4())
    await ledger.move(db, again)
    await _what_is_watched(db, owner, again.id, ids)
    order = PlaceOrder(terminal_id=shop.terminal_id, amount=1000)
    await merchants.place_order(db, owner.me, shop.id, ids["order_id"], order)
    ids["charge_id"] = uuid4()
    await db.execute(
        merchants.sql.write_charge, ids["charge_id"], shop.id, shop.terminal_id, owner.id, owner.session_id, b"code",
        1000, None, "asked", owner.id,
    )  # fmt: skip
    ids["cashier_id"], ids["shift_id"] = uuid4(), uuid4()
    await cashiers.invite(db, owner.me, shop.id, ids["cashier_id"], InviteCashier(phone=owner.phone, name=owner.name))
    await shifts.begin(db, owner.me, shop.id, ids["shift_id"], OpenShift(terminal_id=shop.terminal_id))
    await shifts.close(db, owner.me, shop.id, ids["shift_id"])
    ids["webhook_endpoint_id"], ids["api_key_id"] = uuid4(), uuid4()
    hook = PutWebhookEndpoint(url="https://shop.example/hook", events=["payment.received"])
    await webhook_endpoints.put(db, owner.me, shop.id, ids["webhook_endpoint_id"], hook)
    tested = await webhook_messages.write_test(db, owner.me, shop.id, ids["webhook_endpoint_id"])
    ids["webhook_message_id"] = tested.id
    await api_keys.put(db, owner.me, shop.id, ids["api_key_id"], PutApiKey(name="POS", scopes=["orders.read"]))
    kept = KeepCustomerCode(biller="dien-luc-hue", customer_code=f"PP03{owner.phone[-9:]}")
    await bills.keep_code(db, owner.me, ids["customer_code_id"], kept)
    await autopay.switch_on(db, owner.me, ids["customer_code_id"], SetAutopay(ceiling=1))
    await db.execute(sql.plant_e_invoice, ids["payment_id"])
    ids["upload_id"] = uuid4()
    await db.execute(sql.plant_upload, ids["upload_id"], owner.id)
    ids["bill_id"] = await bills.issue(
        db,
        biller=BY_CODE["biller_code"],
        reference=BY_CODE["reference"],
        customer_code="PP03000000001",
        customer_name="Bình",
        period="11/2026",
        amount=1000,
        due_on=date(2026, 11, 30),
    )
    export = await exports.ask(db, owner.me)
    await exports.make(db, export.export_id, HOLDINGS)
    ids["export_id"] = export.export_id
    [device] = await devices.mine(db, owner.me)
    ids["device_id"], ids["passkey_id"] = device.id, uuid4()
    reached = RegisterDevice(
        platform="android", target_kind="token", target=f"token-{device.id}", locale="vi", app_version="1.0"
    )
    await push_devices.register(db, structs.replace(owner.me, device_id=device.id), device.id, reached)
    await db.execute(sql.plant_passkey, ids["passkey_id"], owner.id, ids["passkey_id"].bytes)
    ids["verification_id"] = uuid4()
    soon = city_now() + timedelta(minutes=10)
    begun = verifications.sql.make_verification
    await db.execute(begun, ids["verification_id"], owner.id, owner.session_id, False, soon)
    await _what_was_reported(db, owner, ids)
    await _what_was_filed(db, owner, ids)
    await loading.publish_new(db, {BY_CODE["procedure_code"]: A_PROCEDURE})
    ids["booking_id"] = uuid4()
    [free, *_] = await times.next_free(
        db, await times.counter_of(db, BY_CODE["agency_code"]), await working_time(db, city_today())
    )
    await bookings.make(
        db, owner.me, ids["booking_id"], BookVisit(agency=BY_CODE["agency_code"], at=free.starts_at), "vi"
    )
    ids["broadcast_id"] = uuid4()
    both = {"vi": "Cúp nước", "en": "No water"}
    told = {"title": both, "body": both, "expires_at": city_now() + timedelta(hours=1)}
    operator = await a_staff_member(db, role="operator")
    await broadcasts.make(db, operator.me, ids["broadcast_id"], convert(told, MakeBroadcast))
    ids["machine_id"] = (await a_machine(db)).id  # the city's own, for whoever looks after machines
    ids["alert_id"] = uuid4()
    await proposals.put(db, (await a_staff_member(db)).me, ids["alert_id"], convert(warning.words(), PutAlert))
    return Household(owner, ids)


async def _what_was_reported(db: Connection, owner: Resident, ids: dict[str, UUID]) -> None:
    """A private report, which is nobody else's business, with a comment and a question."""
    ids |= {name: uuid4() for name in ("report_id", "comment_id", "note_id")}
    operator = await a_staff_member(db, role="operator")
    said = FileReport(category="street_light", text="Đèn hỏng", lat=16.4689, lng=107.5903, private=True)
    await reports.file(db, owner.me, ids["report_id"], said, "203.0.113.7", "vi")
    await handling.ask(db, operator.me, ids["report_id"], AskReporter(version=1, text="Ở đâu?"), "vi")
    await voices.comment(db, owner.me, ids["report_id"], ids["comment_id"], WriteComment(text="Vẫn hỏng"), "vi")
    await handling.write_note(db, operator.me, ids["report_id"], ids["note_id"], WriteReportNote(text="Đã gọi"), "vi")
    noticed = "traffic-police", f"VP{ids['report_id'].int % 10**12:012}", "75A12345", None, "Vượt đèn đỏ"
    await db.execute(fines.sql.make_fine, uuid4(), ids["report_id"], *noticed, operator.id)


async def _what_was_filed(db: Connection, owner: Resident, ids: dict[str, UUID]) -> None:
    """A dossier in which papers are asked for, one paper, and somebody to act for."""
    ids |= {name: uuid4() for name in ("dossier_id", "draft_id", "supplement_id", "action_id", "delegation_id")}
    await the_procedures(db)
    ids["paper_id"] = await a_paper(db, owner.id)
    await storage.put(f"papers/{ids['paper_id']}", b"%PDF-1.7")
    given = [GivePaper(paper="identity_card", upload_id=ids["paper_id"])]
    wanted = convert(words(), FileDossier)
    await filing.file(db, owner.me, ids["dossier_id"], structs.replace(wanted, papers=given), "vi")
    await filing.file(db, owner.me, ids["draft_id"], structs.replace(wanted, submit=False), "vi")
    clerk = await a_staff_member(db, role="clerk", agency=wanted.agency)
    asked = ActOnDossier(version=2, action="ask_supplement", note="Ảnh mờ.")
    await actions.act(db, clerk.me, ids["dossier_id"], ids["action_id"], asked, "vi")
    relative = PutDelegation(kind="relative", name="Lê Thị Vỹ Dạ", relation="mẹ")
    await delegations.put(db, owner.me, ids["delegation_id"], relative)


async def _what_is_watched(db: Connection, owner: Resident, taken_id: UUID, ids: dict[str, UUID]) -> None:
    """A refund, a dispute, an order that nobody approved, a file of some day's."""
    finance, compliance = await a_staff_member(db, role="finance"), await a_staff_member(db, role="compliance")
    ids |= {name: uuid4() for name in ("refund_id", "dispute_id", "freeze_id", "reconciliation_id")}
    back = MakeRefund(payment_id=taken_id, amount=100, reason="Hết hàng")
    await refunds.make(db, owner.me, ids["refund_id"], back)
    doubt = OpenDispute(payment_id=ids["payment_id"], kind="trace", text="Chưa nhận được")
    await disputes.ask(db, owner.me, ids["dispute_id"], doubt)
    order = ProposeFreeze(
        order_number="1", issued_by="Công an", reason="Theo quyết định kèm theo", account_id=owner.id
    )
    await freezes.propose(db, compliance.me, ids["freeze_id"], order)
    some_day = date(2020, 1, 1) + timedelta(days=ids["reconciliation_id"].int % 2000)
    file = b"reference,amount\na,1\n"
    await reconciliations.reconcile(
        OneConnection(db), finance.me, ids["reconciliation_id"], "gateway", some_day, file
    )
