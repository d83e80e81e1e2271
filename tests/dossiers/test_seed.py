"""The sandbox's dossiers: believable, the same every time, and planted once."""

from collections import Counter
from datetime import timedelta

import pytest

from app import paper
from app.clock import city_now
from app.identity import seed as people
from app.staff import seed as staff
from dossiers import seed
from dossiers.procedures import checking, loading
from tests.conftest import City
from tests.dossiers.makers import sql
from wallet import ledger
from wallet import seed as money


async def test_dossiers_are_planted_once_and_look_like_a_wards(city: City) -> None:
    async with city.database.transaction() as db:
        await people.plant(db)
        await staff.plant(db)
        await money.plant(db)
        await seed.load_procedures(db)
    await seed.plant(city.database, money.pay_in_cash, 60)
    async with city.database.acquire() as db:
        first = await db.fetch(sql.all_dossiers)
    assert len(first) >= 60
    outcomes = Counter(row["outcome"] for row in first)
    assert outcomes["done"] > 30
    assert outcomes[None] > 3, "some are still open"
    assert {row["channel"] for row in first} >= {"counter", "online"}
    done = [row for row in first if row["finished_at"] and row["first_due_at"]]
    on_time = sum(row["finished_at"] <= row["first_due_at"] for row in done)
    assert 0.8 < on_time / len(done) <= 1
    codes = sorted(row["code"] for row in first if row["code"])
    assert len(codes) == len(set(codes))
    await seed.plant(city.database, money.pay_in_cash, 60)
    async with city.database.acquire() as db:
        assert await db.fetch(sql.all_dossiers) == first
        assert [law for law in await ledger.check(db) if law.broken] == []


def test_what_was_on_paper_is_a_whole_procedure_too() -> None:
    for code, definition in loading.read().items():
        assert checking.findings(seed.on_paper(definition)) == [], code
        assert seed.on_paper(definition).result.electronic is False


def test_a_scan_is_the_same_file_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut off after its papers were sent goes on: they are the same papers."""
    first = seed.scan("Tờ khai", "Lê Thị Ngự Bình")
    seed.scans.clear()
    monkeypatch.setattr(paper, "city_now", lambda: city_now() + timedelta(days=3))
    assert seed.scan("Tờ khai", "Lê Thị Ngự Bình") == first
