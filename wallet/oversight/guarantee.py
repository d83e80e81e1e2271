"""Does the money at the bank cover every wallet, and what else waits: numbers for the dashboard, and an alarm.

The sums are taken by the clock and kept: whoever reads the metrics reads no million accounts."""

import structlog
from prometheus_client import Gauge

from app.db import Connection, queries_beside
from wallet.gateways import breaker

sql = queries_beside(__file__)
log = structlog.get_logger()

SUM_TIMEOUT_S = 60

GUARANTEE = Gauge("huong_guarantee_dong", "What lies at the partner bank, as our books mirror it, in đồng")
WALLETS = Gauge("huong_wallets_dong", "What all wallets hold together, in đồng")
COVER = Gauge("huong_guarantee_cover_dong", "The guarantee without what wallets hold: below zero is against the law")
MONEY = Gauge("huong_ledger_dong", "What the accounts of a kind hold together, in đồng", ["kind"])
SUSPENSE_AGE = Gauge("huong_suspense_age_seconds", "How long the oldest money in suspense has waited")
PAYOUTS_OPEN = Gauge("huong_payouts_open", "Payouts that the bank has not answered for, asked or not")
PAYOUTS_UNKNOWN = Gauge("huong_payouts_unknown", "Payouts that may have been made: the bank is asked again")
DISPUTES_OPEN = Gauge("huong_disputes_open", "Disputes that wait for an answer")
DISPUTES_OVERDUE = Gauge("huong_disputes_overdue", "Disputes that nobody answered in time")
DIFFERENCES_OPEN = Gauge("huong_reconciliation_differences_open", "Differences that nobody has closed yet")
CASES_OPEN = Gauge("huong_suspicious_cases_open", "Suspicious cases that nobody has looked at yet")
BREAKER = Gauge("huong_breaker_open", "1: this process leaves a party in peace", ["party"])
BILLER_AVAILABLE = Gauge("huong_biller_available", "Whether a biller's own system answers", ["biller"])

_OPEN = {"closed": 0.0, "half_open": 0.5, "open": 1.0}


async def sum_up(db: Connection) -> None:
    """By the clock: what the accounts of each kind hold; a guarantee that does not cover the wallets is an alarm."""
    await db.execute(sql.take_a_minute)
    sums = {row["kind"]: row["amount"] for row in await db.fetch(sql.sum_money, timeout=SUM_TIMEOUT_S)}
    cover = -sums.get("guarantee", 0) - sums.get("wallet", 0)
    if cover < 0:
        log.error("guarantee does not cover the wallets", short_dong=-cover, fix="pay money in at the partner bank")


async def measure(db: Connection) -> None:
    """The last sums, and what waits, as metrics."""
    sums = {row["kind"]: row["amount"] for row in await db.fetch(sql.money_sums)}
    for kind, amount in sums.items():
        MONEY.labels(kind).set(amount)
    guarantee, wallets = -sums.get("guarantee", 0), sums.get("wallet", 0)
    GUARANTEE.set(guarantee)
    WALLETS.set(wallets)
    COVER.set(guarantee - wallets)
    await _measure_what_waits(db)
    for party, state in breaker.states().items():
        BREAKER.labels(party).set(_OPEN[state])
    for row in await db.fetch(sql.biller_availability):
        BILLER_AVAILABLE.labels(row["code"]).set(row["available"])


async def _measure_what_waits(db: Connection) -> None:
    waiting = await db.fetchrow(sql.money_gauges)
    disputes = await db.fetchrow(sql.dispute_gauges)
    assert waiting is not None
    assert disputes is not None
    SUSPENSE_AGE.set(waiting["suspense_age_s"])
    PAYOUTS_OPEN.set(waiting["payouts_open"])
    PAYOUTS_UNKNOWN.set(waiting["payouts_unknown"])
    DIFFERENCES_OPEN.set(waiting["differences_open"])
    CASES_OPEN.set(waiting["cases_open"])
    DISPUTES_OPEN.set(disputes["waiting"])
    DISPUTES_OVERDUE.set(disputes["overdue"])
