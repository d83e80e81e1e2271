"""The phone's first screen: each domain's part is a SQL function, and all of them are one round trip."""

from datetime import date, datetime
from uuid import UUID

from litestar import Router, get

from app.db import Connection, one, queries_beside
from app.deps import Db, Door
from app.errors import Language
from app.identity.models import Principal
from app.types import Answer

sql = queries_beside(__file__)


class BillDue(Answer):
    """A bill that waits to be paid, under a customer code that the resident keeps."""

    id: UUID
    biller: str
    biller_name: str
    customer_code: str
    nickname: str | None
    period: str
    amount: int
    due_on: date


class HomeMovement(Answer):
    """One line of the history. `amount` is negative when money left."""

    id: UUID
    kind: str
    amount: int
    balance_after: int
    counterparty: str | None
    memo: str | None
    made_at: datetime


class HomeWallet(Answer):
    """The balance, the bills of kept codes that are due, and the latest movements."""

    available: int
    pending: int
    bills_due: list[BillDue]
    movements: list[HomeMovement]


class HomeReport(Answer):
    """One of the reports that the resident filed last."""

    id: UUID
    code: str
    category_name: str
    status: str
    made_at: datetime
    due_at: datetime


class HomeFeedback(Answer):
    """How many reports are open, at how many of them the city asks something, and the latest."""

    open: int
    questions: int
    latest: list[HomeReport]


class HomeDossier(Answer):
    """One of the dossiers that the resident filed last."""

    id: UUID
    code: str | None
    procedure_name: str
    state_name: str
    percent: int
    due_at: datetime | None
    made_at: datetime


class HomeDossiers(Answer):
    """How many dossiers are open, in how many papers are asked for, for how many a fee is due, and the latest."""

    open: int
    questions: int
    to_pay: int
    latest: list[HomeDossier]


class HomeAlert(Answer):
    """A warning in force that matters to the resident; `link` is the app's screen of it."""

    id: UUID
    severity: str
    headline: str
    sent_at: datetime
    expires_at: datetime
    link: str


class HomeInbox(Answer):
    """How many messages are left to read, and the city's warnings, grave ones first, then the newest."""

    unread: int
    alerts: list[HomeAlert]


class Service(Answer):
    """Something that can be done here, and the screen for it."""

    code: str
    name: str
    link: str


class _Parts(Answer):
    name: str | None
    wallet: HomeWallet
    feedback: HomeFeedback
    dossiers: HomeDossiers
    notifications: HomeInbox


class Home(_Parts):
    """Everything on the phone's first screen."""

    services: list[Service]


_SERVICES: tuple[tuple[str, str, str, str], ...] = (
    ("pay-bill", "Thanh toán hóa đơn", "Pay a bill", "/wallet/bills"),
    ("scan", "Quét QR", "Scan a QR", "/wallet/scan"),
    ("send", "Chuyển tiền", "Send money", "/wallet/send"),
    ("history", "Lịch sử giao dịch", "History", "/wallet/movements"),
    ("report", "Gửi phản ánh", "Report a problem", "/reports/new"),
    ("dossiers", "Dịch vụ công", "Public services", "/dossiers"),
    ("merchant", "Bán hàng", "Take payments", "/merchants"),
    ("inbox", "Hộp thư", "Inbox", "/inbox"),
)


def services(language: Language) -> list[Service]:
    """What the city offers on the first screen."""
    return [Service(code=code, name=vi if language == "vi" else en, link=link) for code, vi, en, link in _SERVICES]


async def show(db: Connection, me: Principal, language: Language) -> Home:
    """The first screen, in one round trip."""
    parts = await one(_Parts, db, sql.home, me.id, language)
    return Home(
        name=parts.name,
        wallet=parts.wallet,
        feedback=parts.feedback,
        dossiers=parts.dossiers,
        notifications=parts.notifications,
        services=services(language),
    )


@get("/v1/home")
async def get_home(db: Db, request: Door) -> Home:
    """Everything on the phone's first screen."""
    return await show(db, request.me, request.lang)


router = Router("/", route_handlers=[get_home], tags=["home"])
