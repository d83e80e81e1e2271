"""Statements and history: what came and went between two days, searched, in pages and in files."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import openpyxl
import pytest
from pypdf import PdfReader

from app import clock
from app.clock import city_today
from app.db import Connection
from app.types import cursor_of, new_id
from tests.conftest import City
from tests.makers import Resident, a_resident, a_shop, fund
from tests.statements import sql
from tests.wallet import pdfs
from wallet import ledger
from wallet.ledger import Move
from wallet.papers import history, statements
from wallet.papers.history import Wanted

JUNE = {"from": "2026-06-01", "to": "2026-06-30"}


@pytest.fixture
async def on(db: Connection) -> AsyncIterator[Any]:
    """Let it be another moment, for a while."""

    async def be(moment: str) -> None:
        away = datetime.fromisoformat(moment) - datetime.now(UTC)
        clock.set_offset(away)
        await db.execute(sql.move_clock, f"{away.total_seconds():.3f} seconds")

    yield be
    clock.set_offset(timedelta())


async def _send(db: Connection, payer: Resident, payee: Resident, amount: int, memo: str | None = None) -> UUID:
    transfer_id = uuid4()
    await ledger.move(
        db,
        Move(
            transfer_id,
            "person",
            payer.id,
            amount=amount,
            session_id=payer.session_id,
            phone=payee.phone,
            memo=memo,
            fingerprint=b"x",
        ),
    )
    return transfer_id


@pytest.fixture
async def spring(db: Connection, on: Any) -> Resident:
    """Somebody with a history: 1,000,000 in May; in June 250,000 and 30,000 out and 5,000 in; 1 out on 1 July."""
    me, other = await a_resident(db), await a_resident(db, name="Trần Quốc Toản")
    await on("2026-05-31T23:59:58+07:00")
    await fund(db, me.id, 1_000_000)
    await on("2026-06-01T00:00:00.010+07:00")
    await _send(db, me, other, 250_000, "tiền nhà tháng sáu")
    await on("2026-06-15T12:00:00.010+07:00")
    shop = await a_shop(db, name="Bún bò bên chợ Đông Ba")
    purchase = Move(uuid4(), "merchant", me.id, amount=30_000, session_id=me.session_id, terminal_id=shop.terminal_id)
    await ledger.move(db, purchase._replace(fingerprint=b"x"))
    await on("2026-06-30T23:59:59.010+07:00")
    await ledger.move(db, Move(new_id(), "refund", shop.id, me.id, 5_000, original_id=purchase.id))
    await on("2026-07-01T00:00:00.010+07:00")
    await _send(db, me, other, 1, "=1+1")
    await on(datetime.now(UTC).isoformat())
    return me


async def _get(desk: httpx.AsyncClient, me: Resident, path: str, **query: Any) -> httpx.Response:
    answer = await desk.get(path, params=query, headers=me.headers | {"accept-language": query.pop("lang", "vi")})
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_statement_has_the_days_of_hue_and_both_balances(desk: httpx.AsyncClient, spring: Resident) -> None:
    june = (await _get(desk, spring, "/v1/wallet/statement", **JUNE)).json()
    assert (june["opening_balance"], june["closing_balance"]) == (1_000_000, 725_000)
    assert [(line["amount"], line["balance_after"]) for line in june["items"]] == [
        (-250_000, 750_000),
        (-30_000, 720_000),
        (5_000, 725_000),
    ]
    assert [line["kind_name"] for line in june["items"]] == ["Chuyển tiền", "Mua hàng", "Được hoàn tiền"]
    assert june["items"][2]["counterparty"] == "Bún bò bên chợ Đông Ba"
    assert june["next"] is None


async def test_statements_of_neighbouring_days_meet(db: Connection, spring: Resident) -> None:
    opening = 0
    for days in (
        (date(2026, 1, 1), date(2026, 5, 31)),
        (date(2026, 6, 1), date(2026, 6, 1)),
        (date(2026, 6, 2), city_today()),
    ):
        span = await history.year(db, spring.id, *days)
        assert span.opening_balance == opening
        opening = span.closing_balance
    assert opening == 724_999


async def test_a_long_statement_comes_in_pages(desk: httpx.AsyncClient, spring: Resident) -> None:
    seen: list[int] = []
    query: dict[str, Any] = {"from": "2026-05-01", "to": "2026-07-31", "limit": 2}
    while True:
        page = (await _get(desk, spring, "/v1/wallet/statement", **query)).json()
        seen += [line["amount"] for line in page["items"]]
        assert (page["opening_balance"], page["closing_balance"]) == (0, 724_999)
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [1_000_000, -250_000, -30_000, 5_000, -1]


@pytest.mark.parametrize(
    "cursor", ["", "!", cursor_of(0), cursor_of(-1), cursor_of(2**63), cursor_of("1"), cursor_of(1, 1)]
)
async def test_a_cursor_that_is_none_is_refused(desk: httpx.AsyncClient, db: Connection, cursor: str) -> None:
    me = await a_resident(db)
    answer = await desk.get("/v1/wallet/statement", params={**JUNE, "cursor": cursor}, headers=me.headers)
    assert answer.status_code == 400, answer.text


async def test_a_wallet_that_was_never_touched_has_an_empty_statement(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    me = await a_resident(db)
    june = (await _get(desk, me, "/v1/wallet/statement", **JUNE)).json()
    assert (june["opening_balance"], june["closing_balance"], june["items"], june["next"]) == (0, 0, [], None)
    content = (await _get(desk, me, "/v1/wallet/statement.csv", **JUNE)).content.decode("utf-8-sig")
    assert len(content.splitlines()) == 3


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-06-02", "2026-06-01"),
        ("2025-06-01", "2026-06-02"),
        ("0001-01-01", "9999-12-31"),
        ("2026-06-31", "2026-07-01"),
        ("soon", "2026-07-01"),
        ("null", "2026-07-01"),
    ],
)
@pytest.mark.parametrize("path", ["statement", "statement.csv", "statement.xlsx", "statement.pdf"])
async def test_a_span_is_a_year_at_the_most(
    desk: httpx.AsyncClient, db: Connection, path: str, first: str, last: str
) -> None:
    me = await a_resident(db)
    answer = await desk.get(f"/v1/wallet/{path}", params={"from": first, "to": last}, headers=me.headers)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "days", [("2025-06-02", "2026-06-02"), ("0001-01-01", "0001-12-31"), ("9999-01-01", "9999-12-31")]
)
async def test_any_year_will_do(desk: httpx.AsyncClient, spring: Resident, days: tuple[str, str]) -> None:
    await _get(desk, spring, "/v1/wallet/statement", **{"from": days[0], "to": days[1]})


# Files


async def test_a_csv_is_the_statement_with_both_ends(desk: httpx.AsyncClient, spring: Resident) -> None:
    answer = await _get(desk, spring, "/v1/wallet/statement.csv", **{"from": "2026-06-01", "to": "2026-07-31"})
    assert answer.headers["content-disposition"] == 'attachment; filename="sao-ke-20260601-20260731.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    titles, opening, *lines, closing = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert titles[0] == "Thời gian"
    assert opening == ["", "Số dư đầu kỳ", "", "", "", "", "1000000", ""]
    assert [line[:7] for line in lines] == [
        ["2026-06-01 00:00:00", "Chuyển tiền", "T*** Q*** Toản", "tiền nhà tháng sáu", "250000", "", "750000"],
        ["2026-06-15 12:00:00", "Mua hàng", "Bún bò bên chợ Đông Ba", "", "30000", "", "720000"],
        ["2026-06-30 23:59:59", "Được hoàn tiền", "Bún bò bên chợ Đông Ba", "", "", "5000", "725000"],
        ["2026-07-01 00:00:00", "Chuyển tiền", "T*** Q*** Toản", "'=1+1", "1", "", "724999"],
    ]
    assert closing == ["", "Số dư cuối kỳ", "", "", "280001", "5000", "724999", ""]


async def test_a_workbook_adds_up(desk: httpx.AsyncClient, spring: Resident) -> None:
    answer = await _get(desk, spring, "/v1/wallet/statement.xlsx", **JUNE)
    assert answer.headers["content-disposition"].endswith('"sao-ke-20260601-20260630.xlsx"')
    sheet: Any = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    [titles] = [row for row in sheet.iter_rows() if row[0].value == "Thời gian"]
    opening, *lines, closing = list(sheet.iter_rows(min_row=titles[0].row + 1, values_only=True))
    balance = opening[6]
    for _, _, _, _, out, in_, after, _ in lines:
        balance += (in_ or 0) - (out or 0)
        assert after == balance
    assert closing[4:7] == (280_000, 5_000, balance)


async def test_a_pdf_in_english_is_in_english(desk: httpx.AsyncClient, spring: Resident) -> None:
    answer = await _get(desk, spring, "/v1/wallet/statement.pdf", **JUNE, lang="en")
    [page] = PdfReader(io.BytesIO(answer.content)).pages
    said = page.extract_text()
    for words in (
        "Hương wallet statement",
        "Lê Thị Ngự Bình",
        "Opening balance",
        "Purchase",
        "tiền nhà tháng sáu",
        "1.000.000 đ",
    ):
        assert words in said
    assert answer.headers["content-disposition"].endswith('"statement-20260601-20260630.pdf"')
    assert set(pdfs.fonts(answer.content).values()) == {True}, "it carries its letters"


async def test_files_are_budgeted(desk: httpx.AsyncClient, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "FILES_AN_HOUR", 2)
    me = await a_resident(db)
    for expected in (200, 200, 429):
        answer = await desk.get("/v1/wallet/statement.csv", params=JUNE, headers=me.headers)
        assert answer.status_code == expected


async def test_a_file_of_many_pieces_is_whole_while_money_moves(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LINES_AT_ONCE", 10)
    async with city.database.transaction() as db:
        me = await a_resident(db)
        for amount in range(1, 56):
            await fund(db, me.id, amount)
    today = city_today()
    lines: list[list[str]] = []
    stream = await statements.file(city.database, me.me, today, today, "csv", "vi")
    async for part in stream.iterator:  # pyright: ignore[reportGeneralTypeIssues]
        lines += csv.reader(io.StringIO(part.decode("utf-8-sig"), newline=""))
        assert city.database.in_use == 0
        async with city.database.transaction() as db:
            await fund(db, me.id, 1_000_000)
    _, opening, *rows, closing = lines
    assert opening[6] == "0"
    assert [int(row[5]) for row in rows] == list(range(1, 56))
    assert closing[5:7] == ["1540", "1540"]


async def test_many_files_at_once_leave_connections_for_others(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
        for amount in range(1, 30):
            await fund(db, me.id, amount)
    query = {"from": str(city_today()), "to": str(city_today())}
    asked = [
        city.client.get(f"/v1/wallet/statement.{form}", params=query, headers=me.headers)
        for form in ("csv", "xlsx", "pdf") * 4
    ]
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


# History


async def _amounts(desk: httpx.AsyncClient, me: Resident, **query: Any) -> list[int]:
    return [line["amount"] for line in (await _get(desk, me, "/v1/wallet/movements", **query)).json()["items"]]


@pytest.mark.parametrize("words", ["đông ba", "DONG BA", "dong ba", "Đo\u0302ng Ba", "Bún", "bun bo"])
async def test_letters_without_marks_find_those_with_them(
    desk: httpx.AsyncClient, spring: Resident, words: str
) -> None:
    assert await _amounts(desk, spring, q=words) == [5_000, -30_000]


async def test_history_is_searched_by_words_kind_and_days(desk: httpx.AsyncClient, spring: Resident) -> None:
    assert await _amounts(desk, spring) == [-1, 5_000, -30_000, -250_000, 1_000_000]
    assert await _amounts(desk, spring, q="tien nha") == [-250_000]
    assert await _amounts(desk, spring, q="Toản") == [-1, -250_000]
    assert await _amounts(desk, spring, q="%") == []
    assert await _amounts(desk, spring, q="toan", kind="person", **{"from": "2026-06-02"}) == [-1]
    assert await _amounts(desk, spring, **JUNE) == [5_000, -30_000, -250_000]
    assert await _amounts(desk, spring, to="2026-05-31") == [1_000_000]
    assert await _amounts(desk, spring, kind="refund", **JUNE) == [5_000]


@pytest.mark.parametrize(
    "query",
    [
        {"q": ""},
        {"q": " "},
        {"q": "x" * 101},
        {"q": "\0"},
        {"from": "2026-07-01", "to": "2026-06-01"},
        {"from": "null"},
    ],
)
async def test_a_search_that_makes_no_sense_is_malformed(
    desk: httpx.AsyncClient, db: Connection, query: dict[str, str]
) -> None:
    me = await a_resident(db)
    answer = await desk.get("/v1/wallet/movements", params=query, headers=me.headers)
    assert answer.status_code == 400, answer.text


async def test_a_page_looks_at_so_many_lines_and_no_more(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LOOKED_AT", 4)
    me, other = await a_resident(db, balance=1_000), await a_resident(db)
    await _send(db, me, other, 7, "cơm hến")
    for _ in range(9):
        await fund(db, me.id, 1)
    pages: list[list[int]] = []
    cursor = None
    while True:
        page = await history.movements(db, me.id, Wanted(words="com hen"), cursor, 10)
        pages.append([line.amount for line in page.items])
        if page.next is None:
            break
        cursor = page.next
    assert pages == [[], [], [-7]]


async def test_pages_of_a_search_never_overlap(db: Connection) -> None:
    me, other = await a_resident(db, balance=1_000), await a_resident(db)
    for amount in range(1, 8):
        await _send(db, me, other, amount, "cơm" if amount % 2 else None)
    seen: list[int] = []
    cursor = None
    while True:
        page = await history.movements(db, me.id, Wanted(words="com"), cursor, 2)
        seen += [-line.amount for line in page.items]
        if page.next is None:
            break
        cursor = page.next
        await _send(db, me, other, 100, "cơm")
    assert seen == [7, 5, 3, 1]
