"""Papers: receipts as a person reads them, and tables as programs do."""

import asyncio
import csv
import io
import re
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import openpyxl
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as some
from litestar.response import Stream
from pypdf import PdfReader

from app.clock import city_now, city_today
from app.db import Connection, maybe, one
from app.errors import Unavailable
from app.jobs import News
from app.paper import A5, Paper
from app.types import new_id
from tests.app.phones import all_but_request_id
from tests.conftest import City
from tests.makers import Resident, Shop, a_bill, a_biller, a_resident, a_shop
from tests.wallet import pdfs
from wallet import holds, ledger
from wallet.billers import e_invoices
from wallet.billers.adapters import EInvoice
from wallet.ledger import Move
from wallet.models import BillerKind, TransferKind
from wallet.papers import receipts, tables
from wallet.papers.kinds import words_of
from wallet.papers.receipts import Receipt
from wallet.papers.tables import Column, Row, Table

# Kinds


@pytest.mark.parametrize("kind", get_args(TransferKind))
def test_every_kind_of_movement_has_words(kind: TransferKind) -> None:
    for words in (words_of(kind, incoming=True), words_of(kind, incoming=False)):
        assert words.vi
        assert words.en
        assert words.vi != words.en


# Tables

COLUMNS = (Column("Thời gian", "moment"), Column("Nội dung"), Column("Số tiền", "amount"), Column("Ngày", "date"))
NOON = datetime(2026, 11, 24, 5, 0, 7, tzinfo=UTC)


async def _each(rows: Sequence[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


def _table(rows: Sequence[Row] | AsyncIterator[Row]) -> Table:
    if isinstance(rows, Sequence):
        rows = _each(rows)
    return Table("bang-ke", "Bảng kê", COLUMNS, rows, facts=[("Chủ ví", "Lê Thị Ngự Bình")])


async def _bytes(stream: Stream) -> bytes:
    return b"".join([part async for part in stream.iterator])  # pyright: ignore[reportGeneralTypeIssues]


async def _csv(rows: Sequence[Row]) -> list[list[str]]:
    content = await _bytes(await tables.answer("csv", _table(rows)))
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def _sheet(rows: Sequence[Row]) -> Any:
    content = await _bytes(await tables.answer("xlsx", _table(rows)))
    return openpyxl.load_workbook(io.BytesIO(content)).active


async def test_a_csv_is_read_by_spreadsheets_and_by_programs() -> None:
    rows = [(NOON, 'bún bò, "đặc biệt"', -412_500, date(2026, 11, 30)), (NOON, None, None, None)]
    answer = await tables.answer("csv", _table(rows))
    content = await _bytes(answer)
    assert content.startswith("\ufeffThời gian,".encode())
    assert content.count(b"\r\n") == 3
    assert await _csv(rows) == [
        ["Thời gian", "Nội dung", "Số tiền", "Ngày"],
        ["2026-11-24 12:00:07", 'bún bò, "đặc biệt"', "-412500", "2026-11-30"],
        ["2026-11-24 12:00:07", "", "", ""],
    ]
    assert answer.media_type == "text/csv"


FORMULAS = ['=HYPERLINK("http://evil.example")', "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1"]


@pytest.mark.parametrize("formula", FORMULAS)
async def test_d35_no_cell_is_a_formula(formula: str) -> None:
    [_, line] = await _csv([(NOON, formula, -5, None)])
    assert line[1] == f"'{formula}"
    assert line[2] == "-5"
    cell = (await _sheet([(NOON, formula, -5, None)])).cell(5, 2)
    assert cell.data_type == "s"
    assert cell.hyperlink is None


async def test_a_workbook_has_numbers_dates_and_text() -> None:
    sheet = await _sheet([(NOON, "00123", 412_500, date(2026, 11, 30))])
    assert sheet.cell(1, 1).value == "Bảng kê"
    assert [cell.value for cell in sheet[2]][:2] == ["Chủ ví", "Lê Thị Ngự Bình"]
    moment, text, amount, day = sheet[5]
    assert moment.value == datetime(2026, 11, 24, 12, 0, 7)  # noqa: DTZ001 - a sheet knows no zone
    assert (text.value, amount.value, amount.number_format) == ("00123", 412_500, "#,##0")
    assert (day.value.date(), day.is_date) == (date(2026, 11, 30), True)


async def test_a_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_SHEET_ROWS", 6)
    content = await _bytes(await tables.answer("xlsx", _table([(NOON, str(n), n, None) for n in range(5)])))
    first, second = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    assert [first.max_row, second.max_row] == [7, 6]
    assert [second.cell(4, 2).value, second.cell(6, 2).value] == ["Nội dung", "4"]


async def test_a_pdf_says_it_in_vietnamese_on_numbered_pages() -> None:
    rows = [(NOON, f"Bún bò bên chợ Đông Ba số {n}", 1_234_567, None) for n in range(60)]
    reader = PdfReader(io.BytesIO(await _bytes(await tables.answer("pdf", _table(rows)))))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) == 2
    assert "Lê Thị Ngự Bình" in texts[0]
    assert "24/11/2026 12:00:07" in texts[0]
    assert "1.234.567" in texts[0]
    assert "Bún bò bên chợ Đông Ba số 59" in texts[1]
    assert all("Thời gian" in text and f"Trang {page}" in text for page, text in enumerate(texts, 1))


async def test_a_long_pdf_has_every_line_once_in_order_on_pages_that_two_readers_find() -> None:
    rows = [(NOON, f"dòng {n} đủ dấu", n, None) for n in range(1_000)]
    content = await _bytes(await tables.answer("pdf", _table(rows)))
    reader = PdfReader(io.BytesIO(content), strict=True)
    with closing(pypdfium2.PdfDocument(content)) as document:
        others = [page.get_textpage().get_text_range() for page in document]
        assert len({document[n].render().to_pil().tobytes() for n in range(len(document))}) == len(document)
    for texts in ([page.extract_text() for page in reader.pages], others):
        assert [int(n) for text in texts for n in re.findall(r"dòng (\d+) đủ dấu", text)] == list(range(1_000))
        assert [re.findall(r"Trang (\d+)", text) for text in texts] == [[str(n)] for n in range(1, len(texts) + 1)]
        assert ["Bảng kê" in text for text in texts].index(False) == 1
    assert len(others) > 20
    assert all(pdfs.fonts(content).values())
    assert reader.metadata is not None
    assert reader.metadata.title == "Bảng kê"
    assert reader.root_object["/Lang"] == "vi"
    opens_at: Any = reader.root_object["/OpenAction"]
    assert opens_at[0] == reader.pages[0].indirect_reference


@pytest.mark.parametrize("lines", [0, 1, 30, 31, 64, 65])
async def test_a_pdf_is_whole_where_a_page_ends(lines: int) -> None:
    content = await _bytes(await tables.answer("pdf", _table([(NOON, f"dòng {n}", n, None) for n in range(lines)])))
    texts = [page.extract_text() for page in PdfReader(io.BytesIO(content), strict=True).pages]
    assert re.findall(r"dòng (\d+)", " ".join(texts)) == [str(n) for n in range(lines)]
    assert all(f"Trang {number}" in text for number, text in enumerate(texts, 1))


async def test_what_goes_wrong_at_first_is_told_before_the_answer_begins() -> None:
    async def failing() -> AsyncIterator[Row]:
        raise Unavailable
        yield ()

    for form in get_args(tables.Form):
        with pytest.raises(Unavailable):
            await _bytes(await tables.answer(form, _table(failing())))


@given(some.text(min_size=1, max_size=200).filter(lambda text: text.strip()), some.integers(20, 400))
def test_nothing_is_lost_or_too_wide_on_paper(text: str, width: int) -> None:
    with closing(Paper(A5, "Giấy", "vi")) as paper:
        lines = paper.wrapped(text, width, 8)
        assert all(paper.width(line, 8) <= width for line in lines)
        assert "".join("".join(lines).split()) == "".join(paper.wrapped(text, 10**6, 8)[0].split())


async def _counted(most: int) -> AsyncIterator[Row]:
    for number in range(most):
        yield (f"Bún bò bên chợ Đông Ba {number}",)


@pytest.mark.parametrize(("form", "most"), [("csv", 100_000), ("xlsx", 100_000), ("pdf", 30_000)])
async def test_ten_times_the_lines_take_no_more_memory(form: tables.Form, most: int) -> None:
    """Of one column: to count what is kept takes longer than to write."""

    async def peak_bytes(lines: int) -> int:
        tracemalloc.reset_peak()
        size = 0
        stream = await tables.answer(form, Table("bang-ke", "Bảng kê", COLUMNS[1:2], _counted(lines)))
        async for part in stream.iterator:  # pyright: ignore[reportGeneralTypeIssues]
            size += len(part)
        assert size > lines * 5
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start(1)
    try:
        await peak_bytes(1_000)  # what is loaded once
        few, many = await peak_bytes(most // 10), await peak_bytes(most)
    finally:
        tracemalloc.stop()
    assert many < 1.5 * few


# Receipts


async def _a_fee_collector(db: Connection, kind: BillerKind) -> str:
    account_id, code = new_id(), f"mot-cua-{kind.replace('_', '-')}"
    await db.execute(ledger.sql.plant_account, account_id, "biller")
    await db.execute(
        ledger.sql.plant_biller,
        code,
        kind,
        "Trung tâm Hành chính công",
        "Public Service Centre",
        account_id,
        ".*",
        "HS1",
    )
    return code


async def _pay(db: Connection, payer: Resident, bill_id: UUID) -> UUID:
    payment_id = uuid4()
    await ledger.move(
        db, Move(payment_id, "bill", payer.id, session_id=payer.session_id, bill_id=bill_id, fingerprint=b"bill")
    )
    return payment_id


async def _pay_shop(db: Connection, payer: Resident, shop: Shop, amount: int, memo: str | None = None) -> UUID:
    payment_id = uuid4()
    wanted = Move(
        payment_id, "merchant", payer.id, amount=amount, session_id=payer.session_id, terminal_id=shop.terminal_id
    )
    await ledger.move(db, wanted._replace(memo=memo, fingerprint=b"shop"))
    return payment_id


async def _file(desk: httpx.AsyncClient, payer: Resident, payment_id: UUID) -> bytes:
    answer = await desk.get(f"/v1/wallet/payments/{payment_id}/receipt.pdf", headers=payer.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="bien-nhan-{payment_id}.pdf"'
    return answer.content


async def _receipt(desk: httpx.AsyncClient, payer: Resident, payment_id: UUID) -> str:
    [page] = PdfReader(io.BytesIO(await _file(desk, payer, payment_id))).pages
    return page.extract_text()


async def test_a_receipt_says_who_paid_whom_how_much_and_when(desk: httpx.AsyncClient, db: Connection) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    payment_id = await _pay_shop(db, payer, shop, 412_500, "cơm hến cho cả nhà")
    said = await _receipt(desk, payer, payment_id)
    for words in (
        "Biên nhận thanh toán",
        "412.500 đ",
        "Bốn trăm mười hai nghìn năm trăm đồng chẵn",
        "Four hundred and twelve thousand five hundred đồng only",
        "Đã thanh toán · Paid",
        "Lê Thị Ngự Bình",
        "Bún bò bên chợ",
        "cơm hến cho cả nhà",
        str(payment_id),
        "Hóa đơn (nếu có) do bên bán",
    ):
        assert words in said


async def test_the_code_on_a_receipt_is_checked_by_anybody(desk: httpx.AsyncClient, db: Connection) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    said = await _receipt(desk, payer, await _pay_shop(db, payer, shop, 412_500))
    [code] = re.findall(r"Receipt code: (\S+)", said)
    checked = (await desk.get(f"/v1/receipts/{code}")).json()
    assert (checked["amount"], checked["status"], checked["payee"]) == (412_500, "paid", "Bún bò bên chợ")
    assert f"/r/{checked['code']}" in said


async def test_the_qr_on_a_receipt_opens_the_page_that_checks_it(desk: httpx.AsyncClient, db: Connection) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    payment_id = await _pay_shop(db, payer, shop, 412_500)
    content = (await desk.get(f"/v1/wallet/payments/{payment_id}/receipt.pdf", headers=payer.headers)).content
    with closing(pypdfium2.PdfDocument(content)) as document:
        picture = document[0].render(scale=3).to_pil()
    code = (await desk.get(f"/v1/wallet/payments/{payment_id}/receipt", headers=payer.headers)).json()
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [code["url"]]


async def test_another_ones_receipt_is_not_known(desk: httpx.AsyncClient, db: Connection) -> None:
    payer, other, shop = await a_resident(db, balance=50_000), await a_resident(db), await a_shop(db)
    payment_id = await _pay_shop(db, payer, shop, 30_000)
    theirs = await desk.get(f"/v1/wallet/payments/{payment_id}/receipt.pdf", headers=other.headers)
    unknown = await desk.get(f"/v1/wallet/payments/{uuid4()}/receipt.pdf", headers=other.headers)
    assert theirs.status_code == 404
    assert all_but_request_id(theirs) == all_but_request_id(unknown)


async def test_what_is_not_paid_never_looks_paid(desk: httpx.AsyncClient, db: Connection) -> None:
    payer = await a_resident(db, balance=1_000_000)
    await a_biller(db, adapter="http")
    held, failed = [await _pay(db, payer, await a_bill(db)) for _ in range(2)]
    await holds.void(db, failed, "sai kỳ")
    for payment_id, words in (held, "Chưa thanh toán xong"), (failed, "Không thanh toán"):
        said = await _receipt(desk, payer, payment_id)
        assert words in said
        assert "Đã thanh toán" not in said
        assert "Biên nhận" not in said
    await holds.capture(db, held)
    assert "Đã thanh toán · Paid" in await _receipt(desk, payer, held)


async def test_what_was_given_back_stands_on_the_receipt(desk: httpx.AsyncClient, db: Connection) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    payment_id = await _pay_shop(db, payer, shop, 100_000)
    await ledger.move(db, Move(new_id(), "refund", shop.id, payer.id, 30_000, original_id=payment_id))
    said = await _receipt(desk, payer, payment_id)
    assert "Đã hoàn một phần" in said
    assert "30.000 đ" in said
    await ledger.move(db, Move(new_id(), "refund", shop.id, payer.id, 70_000, original_id=payment_id))
    assert "Đã hoàn toàn bộ" in await _receipt(desk, payer, payment_id)


async def test_the_billers_invoice_is_printed(desk: httpx.AsyncClient, db: Connection) -> None:
    payer = await a_resident(db, balance=1_000_000)
    await a_biller(db)
    bill_id = await a_bill(db, subject="Tiền điện kỳ 11/2026")
    payment_id = await _pay(db, payer, bill_id)
    await e_invoices.keep(db, payment_id, EInvoice(number="1C26TEV-0001234", look_up_code="K7XQ2", url=None))
    said = await _receipt(desk, payer, payment_id)
    for words in ("1C26TEV-0001234", "K7XQ2", "PP03000000001", "11/2026", "Tiền điện kỳ 11/2026", "Điện lực Huế"):
        assert words in said


async def test_the_billers_invoice_is_a_tap_away(desk: httpx.AsyncClient, db: Connection) -> None:
    payer = await a_resident(db, balance=1_000_000)
    await a_biller(db)
    with_link, without = [await _pay(db, payer, await a_bill(db)) for _ in range(2)]
    url = "https://hoadon.example/tra-cuu?ma=K7XQ2(1)&n=" + "a" * 70  # longer than a line
    await e_invoices.keep(db, with_link, EInvoice(number="1C26TEV-0001234", look_up_code="K7XQ2", url=url))
    await e_invoices.keep(db, without, EInvoice(number="1C26TEV-0001235", look_up_code="K7XQ3", url=None))
    content = await _file(desk, payer, with_link)
    assert set(pdfs.links(content)) == {url}
    [page] = PdfReader(io.BytesIO(content)).pages
    assert url in page.extract_text().replace("\n", "")
    assert pdfs.links(await _file(desk, payer, without)) == []


async def test_a_receipt_carries_its_letters(desk: httpx.AsyncClient, db: Connection) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    fonts = pdfs.fonts(await _file(desk, payer, await _pay_shop(db, payer, shop, 412_500, "cơm hến")))
    assert len(fonts) == 2, "regular and bold"
    assert all(fonts.values()), fonts


def test_a_receipt_of_many_words_goes_on_on_another_page() -> None:
    long = "Ủy ban nhân dân phường Thủy Xuân quận Thuận Hóa thành phố Huế " * 6
    said: dict[str, object] = {
        **dict.fromkeys(Receipt.__struct_fields__),
        **dict.fromkeys(("payer", "payee", "payee_en", "subject", "memo", "customer_name"), long),
        "id": uuid4(),
        "kind": "bill",
        "status": "paid",
        "amount": 10**12,
        "refunded": 1,
        "made_at": NOON,
    }
    receipt = msgspec.convert(said, Receipt)
    texts = [page.extract_text() for page in PdfReader(io.BytesIO(receipts.draw(receipt))).pages]
    assert len(texts) == 2
    assert "Một nghìn tỷ đồng chẵn" in texts[0]
    assert "do bên bán phát hành" in texts[1]


async def test_a_memo_that_our_letters_cannot_write_is_still_a_receipt(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    payer, shop = await a_resident(db, balance=50_000), await a_shop(db)
    payment_id = await _pay_shop(db, payer, shop, 30_000, "🍜 ngon 寿司 " + "dài" * 38)
    assert "? ngon ??" in await _receipt(desk, payer, payment_id)


# Receipts for the budget


async def test_fees_and_fines_have_numbers_of_their_own_without_gaps(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=10_000_000)
        fees = await _a_fee_collector(db, "public_service_fee")
        fines = await _a_fee_collector(db, "traffic_fine")
        await a_biller(db)
        of_fees = [await _pay(db, payer, await a_bill(db, biller=fees, amount=50_000)) for _ in range(3)]
        of_fines = [await _pay(db, payer, await a_bill(db, biller=fines, amount=800_000)) for _ in range(2)]
        others = [await _pay(db, payer, await a_bill(db))]
    await city.worker.drain()
    year = city_today().year
    numbers = [await _number(city, payer, payment_id) for payment_id in (*of_fees, *of_fines, *others)]
    assert numbers == [
        *(f"PLP-{year}-{n:07}" for n in (1, 2, 3)),
        *(f"TP-{year}-{n:07}" for n in (1, 2)),
        None,
    ]


async def _number(city: City, payer: Resident, payment_id: UUID) -> str | None:
    async with city.database.acquire() as db:
        found = await maybe(Receipt, db, receipts.sql.receipt, payment_id, payer.id)
    assert found is not None
    return found.fee_number


async def test_a_fee_is_numbered_once_however_often_it_is_heard(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=10_000_000)
        fees = await _a_fee_collector(db, "public_service_fee")
        paid = [await _pay(db, payer, await a_bill(db, biller=fees, amount=50_000)) for _ in range(30)]
    news = [
        News(n, "BillPaid", {"payment_id": str(payment_id), "biller": fees}, city_now())
        for n, payment_id in enumerate(paid)
    ]

    async def hear(heard: Sequence[News]) -> None:
        async with city.database.transaction() as db:
            await receipts.number_fees(db, heard)

    async def one_of_us_may_lose(heard: Sequence[News]) -> None:
        with suppress(asyncpg.UniqueViolationError):
            await hear(heard)

    await asyncio.gather(*(one_of_us_may_lose(news[first : first + 10]) for first in (0, 10, 20, 0, 5, 15)))
    for told in news:
        await hear([told])
    numbers = sorted([await _number(city, payer, payment_id) or "" for payment_id in paid])
    assert numbers == [f"PLP-{city_today().year}-{n:07}" for n in range(1, 31)]


async def test_a_fees_receipt_shows_its_number(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=10_000_000)
        fees = await _a_fee_collector(db, "public_service_fee")
        payment_id = await _pay(db, payer, await a_bill(db, biller=fees, amount=50_000, subject="Lệ phí hộ tịch"))
    said = await _receipt(city.client, payer, payment_id)
    assert "đang cấp" in said
    await city.worker.drain()
    said = await _receipt(city.client, payer, payment_id)
    for words in (
        f"PLP-{city_today().year}-0000001",
        "Biên lai thu phí, lệ phí",
        "Chứng từ nộp ngân sách",
        "Lệ phí hộ tịch",
    ):
        assert words in said


async def test_the_number_is_of_the_year_of_the_payment(db: Connection) -> None:
    payer = await a_resident(db, balance=10_000_000)
    fees = await _a_fee_collector(db, "public_service_fee")
    new_year = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)  # midnight in Huế
    for paid_at, number in (new_year - timedelta(seconds=1), "PLP-2026-0000001"), (new_year, "PLP-2027-0000001"):
        payment_id = await _pay(db, payer, await a_bill(db, biller=fees, amount=50_000))
        await receipts.number_fees(
            db, [News(1, "BillPaid", {"payment_id": str(payment_id), "biller": fees}, paid_at)]
        )
        assert (await one(Receipt, db, receipts.sql.receipt, payment_id, payer.id)).fee_number == number
