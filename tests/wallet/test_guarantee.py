"""Does the money at the bank cover every wallet? A number for the dashboard, and an alarm when it does not."""

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.db import Connection
from app.types import new_id
from tests.makers import a_biller, a_resident, fund
from tests.statements import sql
from wallet import ledger
from wallet.gateways import breaker
from wallet.ledger import Move
from wallet.oversight import guarantee


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"huong_{name}", labels)


async def looked_at(db: Connection) -> None:
    await guarantee.sum_up(db)
    await guarantee.measure(db)


async def test_the_guarantee_covers_the_wallets_while_money_came_by_the_bank(db: Connection) -> None:
    owner = await a_resident(db)
    await looked_at(db)
    before = gauge("guarantee_dong"), gauge("wallets_dong"), gauge("guarantee_cover_dong")
    await fund(db, owner.id, 1_000_000)
    await looked_at(db)
    after = gauge("guarantee_dong"), gauge("wallets_dong"), gauge("guarantee_cover_dong")
    grown = [now - then for now, then in zip(after, before, strict=True) if now is not None and then is not None]
    assert grown == [1_000_000, 1_000_000, 0]


async def test_what_a_gateway_owes_us_covers_nobody(db: Connection) -> None:
    owner = await a_resident(db)
    with capture_logs() as lines:
        await looked_at(db)
    assert lines == []
    await ledger.move(db, Move(new_id(), "top_up", ledger.GATEWAY, owner.id, 1_000_000))
    with capture_logs() as lines:
        await looked_at(db)
    [alarm] = lines
    assert (alarm["log_level"], alarm["short_dong"]) == ("error", 1_000_000)
    assert gauge("guarantee_cover_dong") == -1_000_000
    assert gauge("ledger_dong", kind="gateway") == -1_000_000
    reserve = Move(new_id(), "reserve", ledger.GUARANTEE, ledger.RESERVE, 1_000_000)
    await ledger.move(db, reserve)
    with capture_logs() as lines:
        await looked_at(db)
    assert lines == [], "the city's own money covers it"


async def test_what_waits_is_measured(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    await db.execute(sql.plant_old_suspense_item, new_id(), 3600)
    await a_biller(db, "cap-nuoc-hue", adapter="http")
    monkeypatch.setattr(breaker, "states", lambda: {"bank": "open", "biller:x": "half_open"})
    await looked_at(db)
    age = gauge("suspense_age_seconds")
    assert age is not None
    assert 3600 <= age < 3700
    assert gauge("payouts_unknown") == gauge("payouts_open") == 0
    assert gauge("breaker_open", party="bank") == 1
    assert gauge("breaker_open", party="biller:x") == 0.5
    assert gauge("biller_available", biller="cap-nuoc-hue") == 1


async def test_the_dashboard_has_it(db: Connection, desk: httpx.AsyncClient) -> None:
    await guarantee.sum_up(db)
    page = await desk.get("/metrics")
    for name in ("guarantee_dong", "wallets_dong", "guarantee_cover_dong", "disputes_overdue", "payouts_unknown"):
        assert f"\nhuong_{name} " in page.text, name
