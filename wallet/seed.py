"""The sandbox's money: billers with bills due this month, merchants with terminals, 20,000,000 ₫ a resident."""

from calendar import monthrange
from datetime import date
from uuid import UUID

from app.clock import city_today
from app.config import settings
from app.db import Connection, queries_beside
from app.identity.models import Principal
from app.identity.seed import MERCHANT_OWNERS, RESIDENTS, seed_id
from wallet import bills, ledger
from wallet.billers import connections
from wallet.gateways import cash
from wallet.gateways.inbound_models import CashForBill, TakeCash
from wallet.ledger import Move
from wallet.merchants import merchants
from wallet.models import BillerKind
from wallet.sandbox import biller

sql = queries_beside(__file__)

FUNDING = 20_000_000
ESSENTIAL: set[BillerKind] = {"electricity", "water", "tuition", "public_service_fee"}
"""Kinds whose bills have a monthly limit of their own."""
RESERVE = 10_000_000_000
"""The city's own money at the bank: it covers what a gateway has taken and not paid yet."""

# code, kind, vi, en, form of a customer code, its prefix and the width of its number, the five residents' amounts
BILLERS: tuple[tuple[str, BillerKind, str, str, str, str, int, tuple[int, ...]], ...] = (
    ("dien-luc-hue", "electricity", "Điện lực Huế", "Huế Electricity", "^P[PC][0-9]{11}$", "PP03", 9,
        (412_500, 268_300, 731_900, 189_400, 556_200)),
    ("cap-nuoc-hue", "water", "Cấp nước Huế", "Huế Water", "^HW[0-9]{6}$", "HW", 6,
        (86_400, 124_800, 57_600, 98_400, 142_100)),
    ("moi-truong-do-thi", "sanitation", "Môi trường đô thị Huế", "Huế Urban Sanitation", "^VS[0-9]{6}$", "VS", 6,
        (30_000, 30_000, 45_000, 30_000, 60_000)),
    ("hoc-phi", "tuition", "Học phí trường công lập", "Public school tuition", "^HS[0-9]{6}$", "HS", 6,
        (155_000, 310_000, 155_000, 200_000, 400_000)),
    ("phi-dich-vu-cong", "public_service_fee", "Phí dịch vụ công", "Public service fees", "^DV[0-9]{6}$", "DV", 6,
        (8_000, 15_000, 50_000, 20_000, 100_000)),
    ("phat-giao-thong", "traffic_fine", "Xử phạt vi phạm giao thông", "Traffic fines", "^VP[0-9]{6}([0-9]{6})?$",
        "VP", 6, (250_000, 500_000, 150_000, 900_000, 350_000)),
)  # fmt: skip
ASKED = "cap-nuoc-hue"
"""The biller whose own system is asked: the stand-in knows the same bills."""
KEPT = ("dien-luc-hue", "cap-nuoc-hue", "hoc-phi")
"""Billers whose codes each resident already keeps."""

MERCHANTS: tuple[tuple[str, str, str, tuple[str, str]], ...] = (
    ("Bún bò bên chợ", "5812", "19777", ("Quầy 1", "Quầy mang về")),
    ("Tiệm nón lá Bao Vinh", "5691", "20014", ("Quầy trước", "Gian hàng hội chợ")),
)


async def plant(db: Connection) -> None:
    """Make billers, bills, merchants and money; what is there stays as it is. People come first."""
    for code, kind, name_vi, name_en, pattern, prefix, width, _ in BILLERS:
        account_id = seed_id(f"biller {code}")
        await db.execute(sql.plant_account, account_id, "biller")
        example = f"{prefix}{1:0{width}}"
        await db.execute(sql.plant_biller, code, kind, name_vi, name_en, account_id, pattern, example)
        await db.execute(sql.plant_essential, code, kind in ESSENTIAL)
    await follow_the_stand_in(db)
    for n, (phone, name) in enumerate(RESIDENTS):
        await _plant_bills(db, n, phone, name)
    for (phone, _), (name, category, ward, terminals) in zip(MERCHANT_OWNERS, MERCHANTS, strict=True):
        merchant_id = seed_id(f"merchant {phone}")
        await db.execute(merchants.sql.open_merchant, merchant_id, seed_id(phone), name, category, ward, "active")
        for nth, terminal in enumerate(terminals, 1):
            await db.execute(merchants.sql.add_terminal, seed_id(f"terminal {phone} {nth}"), merchant_id, terminal)
    reserve = Move(seed_id("reserve"), "reserve", ledger.GUARANTEE, ledger.RESERVE, RESERVE)
    await ledger.move(db, reserve)
    for phone, _ in RESIDENTS:
        await ledger.move(
            db,
            Move(
                seed_id(f"funding {phone}"),
                "funding",
                ledger.GUARANTEE,
                seed_id(phone),
                FUNDING,
                memo="Tiền chơi thử",
            ),
        )


async def follow_the_stand_in(db: Connection) -> None:
    """The water company has a system of its own, which listens where this sandbox's stand-ins do."""
    url = f"http://localhost:{settings().sandbox_port}/biller/{ASKED}"
    await connections.plant(db, seed_id(f"connection {ASKED}"), ASKED, url, biller.KEY_ID, biller.SECRET)


async def _plant_bills(db: Connection, n: int, phone: str, name: str) -> None:
    today = city_today()
    due_on = date(today.year, today.month, monthrange(today.year, today.month)[1])
    for code, _, _, _, _, prefix, width, amounts in BILLERS:
        customer_code = f"{prefix}{n + 1:0{width}}"
        await bills.issue(
            db,
            biller=code,
            reference=f"{customer_code}-{today:%Y%m}",
            customer_code=customer_code,
            customer_name=name,
            period=f"{today:%m/%Y}",
            amount=amounts[n],
            due_on=due_on,
        )
        if code in KEPT:
            kept_id = seed_id(f"kept {phone} {code}")
            await db.execute(sql.keep_customer_code, seed_id(phone), kept_id, code, customer_code, None, 3)


async def pay_in_cash(
    db: Connection, clerk: Principal, agency: str, cash_receipt_id: UUID, bill_id: UUID, amount: int
) -> None:
    """Somebody pays a bill at a counter."""
    wanted = TakeCash(agency=agency, wanted=CashForBill(bill_id=bill_id), amount=amount)
    await cash.take(db, clerk, cash_receipt_id, wanted)
