"""Other sides' files against our books: read leniently, matched exactly, the same file once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from time import process_time
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.clock import city_today
from app.db import Connection
from app.types import new_id
from tests.conftest import City, Later, StandIns
from tests.makers import StaffMember, a_bill, a_biller, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet import banking, billing
from tests.wallet.conftest import Passing
from tests.wallet.test_refunds import problem
from wallet import bills, ledger
from wallet.ledger import Move
from wallet.oversight import matching, statement_files
from wallet.oversight.matching import Ours
from wallet.oversight.statement_files import FileTooLong, Line, UnreadableFile

CSV = {"content-type": "text/csv; charset=utf-8"}
DAY_S = 86_400


# Reading


@pytest.mark.parametrize(
    "text",
    [
        "reference,customer_code,amount,paid_at\nA1,PP1,412500,2026-11-23T08:00:00+07:00\n",
        "\ufeffreference;customer_code;amount\r\nA1;PP1;412500\r\n",
        "Mã tham chiếu\tMã khách hàng\tSố tiền (VND)\nA1\tPP1\t412.500\n",
        '"Reference","Customer code","Amount"\n"A1","PP1","412,500.00 VND"\n',
        "BÁO CÁO\nNgày;23/11\n\nSố giao dịch;Mã khách hàng;Ghi nợ;Ghi có\nA1;PP1;0;412.500\n\nTổng cộng;;;412.500\n",
        "ref|customer code|transfer_type|transfer_amount\nA1|PP1|in|+412 500 đ\n",
        "side,amount,reference,content\nCR,412500,A1,PP1\n",
    ],
)
def test_files_of_many_kinds_say_the_same(text: str) -> None:
    [line] = statement_files.read(text.encode())
    assert (line.side, line.reference, line.amount, line.detail) == ("in", "A1", 412_500, "PP1")


def test_a_file_of_windows_is_read_too() -> None:
    [line] = statement_files.read("Mã tham chiếu;Số tiền\r\nA1;1000\r\n".encode("utf-16"))
    assert (line.reference, line.amount, line.number) == ("A1", 1000, 2)


@pytest.mark.parametrize(
    ("row", "side"),
    [
        ("A1;1.000;", "out"), ("A1;;1.000", "in"), ("A1;-;1.000", "in"),
        ("A1;-1.000;0", "in"), ("A1;;-1.000", "out"), ("A1;0;- 1.000 VND", "out"),
    ],
)  # fmt: skip
def test_a_column_for_each_side_says_which_one_and_a_minus_the_other(row: str, side: str) -> None:
    line, _ = statement_files.read(f"Số bút toán;Ghi nợ;Ghi có\n{row}\nA2;5;\n".encode())
    assert (line.side, line.amount) == (side, 1000)


def test_a_bank_that_writes_all_its_debits_with_a_minus_takes_none_of_them_back() -> None:
    lines = statement_files.read("Số bút toán;Ghi nợ;Ghi có\nA1;-1.000;\nA2;;5.000\nA3;-2.000;\n".encode())
    assert [(line.side, line.amount) for line in lines] == [("out", 1000), ("in", 5000), ("out", 2000)]


def test_a_credit_that_is_taken_back_is_no_second_credit() -> None:
    lines = statement_files.read("Mã giao dịch;Ghi nợ;Ghi có\nA1;;1.000\nA1;;-1.000\n".encode())
    assert [line.side for line in lines] == ["in", "out"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("hello\nworld\n", 1),
        ("reference,amount\nA1,12.5\n", 2),
        ("reference,amount\nA1,0\n", 2),
        ("reference,amount\nA1,1000\nA2,abc\n", 3),
        ("reference,amount\nA1,1000\n,2000\n", 3),
        ("reference,amount\nA1,\n", 2),
        ("reference,amount\nA1,1000000000001\n", 2),
        ("reference,amount\nA1,1.00.000\n", 2),
        ("reference,amount\nA1,1e3\n", 2),
        ("reference,side,amount\nA1,sideways,1000\n", 2),
        ("reference,amount\nA1,٣٣٣\n", 2),
        ("reference,amount\nA1,+-5\n", 2),
        ("reference,credit,debit\nA1,1000,\nA2,1000,2000\n", 3),
        ('reference,amount,content\nA1,1000,x\nA2,1000,"half a quote\nA3,1000,y\n', 3),
        ('reference,amount,content\nA1,1000,"one\nA2,1000,"\nA3,1000,y\n', 2),
        ('reference,amount,content\nA1,1000,"one\nA2,1000,"two\nA3,1000,y\n', 2),
        ('reference,amount,content\rA1,1000,x\rA2,1000,"one\rtwo"\r', 3),
        (f"reference,amount{'x' * 200_000}\n", 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(UnreadableFile) as refused:
        statement_files.read(text.encode())
    assert refused.value.members["line"] == line


@pytest.mark.parametrize("cell", [f"1{' ' * 131_000}x", " " * 40 + "1" * 100_000 + " đ", f"+{'1,' * 60_000}"])
def test_a_cell_of_blanks_or_digits_keeps_nobody_waiting(cell: str) -> None:
    began = process_time()
    with pytest.raises(UnreadableFile):
        statement_files.read(f"reference;amount\nA1;1000\nA2;{cell}\n".encode())
    assert process_time() - began < 1


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UnreadableFile):
        statement_files.read(b"reference,amount\nA1,1000\n\xff\xfe\x80\n")


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_files, "MOST_LINES", 2)
    with pytest.raises(FileTooLong):
        statement_files.read(b"reference,amount\n" + b"A1,1000\n" * 3)


@given(some.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    with suppress(UnreadableFile):
        statement_files.read(content)


# Matching

references = some.sampled_from(["a", "b", "c", "d"])
theirs_of_all_kinds = some.lists(
    some.builds(
        Line, some.just(1), some.sampled_from(["in", "out"]), references, some.sampled_from([10, 20]), some.none()
    ),
    max_size=8,
)
ours_of_all_kinds = some.lists(
    some.builds(
        Ours,
        some.uuids(),
        some.lists(references, min_size=1, max_size=2),
        some.sampled_from(["in", "out"]),
        some.sampled_from([10, 20]),
        some.none(),
        some.booleans(),
    ),
    max_size=8,
    unique_by=lambda movement: movement.id,
)


@given(theirs_of_all_kinds, ours_of_all_kinds)
def test_each_line_is_matched_once_or_said_to_differ(theirs: list[Line], ours: list[Ours]) -> None:
    compared = matching.compare(theirs, ours)
    here, differs = compared.count("missing_here"), compared.count("amount_differs")
    assert compared.matched + here + differs == len(theirs)
    named = [found.our_id for found in compared.differing if found.our_id is not None]
    assert len(named) == len(set(named))
    assert compared.count("missing_there") <= sum(movement.of_day for movement in ours)
    assert compared.count("missing_there") >= sum(movement.of_day for movement in ours) - len(theirs)


@given(some.lists(some.tuples(some.uuids(), some.integers(1, 10**12)), max_size=20, unique_by=lambda pair: pair[0]))
def test_books_that_agree_have_no_difference(movements: list[tuple[UUID, int]]) -> None:
    theirs = [Line(2, "in", str(id_).upper().replace("-", ""), amount, None) for id_, amount in movements]
    ours = [Ours(id_, [str(id_)], "in", amount, None, True) for id_, amount in reversed(movements)]
    assert matching.compare(theirs, ours) == matching.Compared(len(movements), [])


def test_who_has_it_twice_is_told() -> None:
    ours = [Ours(uuid4(), ["a"], "in", 10, None, True)]
    theirs = [Line(2, "in", "a", 20, None), Line(3, "in", "A", 10, None)]
    compared = matching.compare(theirs, ours)
    assert (compared.matched, [(found.kind, found.line) for found in compared.differing]) == (
        1,
        [("missing_here", 2)],
    )


# Holding a file against our books


async def paid_bills(db: Connection, count: int = 3) -> list[tuple[UUID, int]]:
    """Bills of the electricity company that were paid, in order."""
    await a_biller(db)
    paid: list[tuple[UUID, int]] = []
    for nth in range(count):
        payer, amount = await a_resident(db, balance=10_000_000), 100_000 + nth
        bill_id, payment_id = await a_bill(db, amount=amount), new_id()
        await ledger.move(db, Move(payment_id, "bill", payer.id, session_id=payer.session_id, bill_id=bill_id))
        paid.append((payment_id, amount))
    return paid


def file_of(lines: Sequence[tuple[object, int]]) -> bytes:
    rows = [f"{reference},PP03000000001,{amount},2026-11-23T09:00:00+07:00" for reference, amount in lines]
    return "\n".join(["reference,customer_code,amount,paid_at", *rows]).encode()


async def sent(
    client: httpx.AsyncClient, who: StaffMember, content: bytes, on: date, party: str, id_: object = None
) -> httpx.Response:
    return await client.put(
        f"/v1/staff/reconciliations/{id_ or uuid4()}",
        headers=who.headers | CSV,
        params={"party": party, "on": on.isoformat()},
        content=content,
    )


@pytest.fixture
async def yesterday(db: Connection, later: Later) -> date:
    """The day on which the bills were paid; the test goes on a day later."""
    return city_today()


BILLER = "biller:dien-luc-hue"


async def test_a_billers_day_agrees_but_for_three_lines(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    paid = await paid_bills(db, 4)
    await later(DAY_S)
    member = await a_staff_member(db, role="finance")
    content = file_of([*paid[:2], (paid[2][0], 7), ("unheard-of", 5000)])
    made = await sent(desk, member, content, yesterday, BILLER)
    assert made.status_code == 201, made.text
    found = made.json()
    counts = ("lines", "matched", "missing_here", "missing_there", "differing", "open")
    assert [found[count] for count in counts] == [4, 2, 1, 1, 1, 3]
    assert found["our_amount"] == sum(amount for _, amount in paid)
    path = f"/v1/staff/reconciliations/{found['id']}"
    assert (await desk.get(path, headers=member.headers)).json() == found
    page = (await desk.get(f"{path}/differences", headers=member.headers, params={"limit": "2"})).json()
    rest = (await desk.get(f"{path}/differences", headers=member.headers, params={"cursor": page["next"]})).json()
    lines = [*page["items"], *rest["items"]]
    assert [(line["kind"], line["line"], line["our_id"]) for line in lines] == [
        ("amount_differs", 4, str(paid[2][0])),
        ("missing_here", 5, None),
        ("missing_there", None, str(paid[3][0])),
    ]
    file = await desk.get(f"{path}/differences.csv", headers=member.headers)
    assert file.text.count("\r\n") == 4
    only = await desk.get(f"{path}/differences", headers=member.headers, params={"kind": "missing_here"})
    assert [line["reference"] for line in only.json()["items"]] == ["unheard-of"]


async def test_a_bill_is_known_by_its_own_reference_and_by_ours(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    paid = await paid_bills(db, 2)
    [first, second] = [row["reference"] for row in await db.fetch(sql.bill_references, [id_ for id_, _ in paid])]
    await later(DAY_S)
    member = await a_staff_member(db, role="finance")
    made = await sent(desk, member, file_of([(first, paid[0][1]), (second, paid[1][1])]), yesterday, BILLER)
    assert (made.json()["matched"], made.json()["open"]) == (2, 0)


async def test_c31_the_same_file_twice_changes_nothing(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    paid = await paid_bills(db)
    await later(DAY_S)
    member, other = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    first = await sent(desk, member, file_of(paid[:2]), yesterday, BILLER)
    for who, id_ in ((member, first.json()["id"]), (member, None), (other, None)):
        again = await sent(desk, who, file_of(paid[:2]), yesterday, BILLER, id_)
        assert (again.status_code, again.json()) == (200, first.json())
    taken = await sent(desk, member, file_of(paid), yesterday, BILLER, first.json()["id"])
    assert problem(taken) == (409, "ReconciliationIdTaken")
    better = await sent(desk, member, file_of(paid), yesterday, BILLER)
    assert (better.status_code, better.json()["version"], better.json()["open"]) == (201, 2, 0)
    before = await desk.get(f"/v1/staff/reconciliations/{first.json()['id']}", headers=member.headers)
    assert before.json()["superseded_at"] is not None
    listed = await desk.get("/v1/staff/reconciliations", headers=member.headers, params={"party": BILLER})
    assert [line["version"] for line in listed.json()["items"]] == [2, 1]


async def test_a_difference_is_closed_with_a_note_once(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    await paid_bills(db, 1)
    await later(DAY_S)
    member = await a_staff_member(db, role="finance")
    made = (await sent(desk, member, file_of([]), yesterday, BILLER)).json()
    path = f"/v1/staff/reconciliations/{made['id']}/differences"
    [line] = (await desk.get(path, headers=member.headers)).json()["items"]
    closure, note = f"{path}/{line['id']}/closure", {"note": "Đơn vị thu ghi nhận ngày hôm sau"}
    for _ in range(2):
        closed = await desk.put(closure, headers=member.headers, json=note)
        assert (closed.status_code, closed.json()["closed_by"]) == (200, str(member.id))
    other = await desk.put(closure, headers=member.headers, json={"note": "Khác"})
    assert problem(other) == (409, "DifferenceIsClosed")
    elsewhere = f"/v1/staff/reconciliations/{uuid4()}/differences/{line['id']}/closure"
    assert problem(await desk.put(elsewhere, headers=member.headers, json=note)) == (404, "NotFound")
    still = await desk.get(path, headers=member.headers, params={"open_only": "true"})
    assert still.json()["items"] == []


async def test_the_gateways_day_is_its_top_ups(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    owner, ids = await a_resident(db), [new_id(), new_id()]
    for top_up_id in ids:
        await ledger.move(db, Move(top_up_id, "top_up", ledger.GATEWAY, owner.id, 50_000))
    await ledger.move(db, Move(new_id(), "top_up", ledger.GUARANTEE, owner.id, 50_000))
    await later(DAY_S)
    member = await a_staff_member(db, role="finance")
    made = await sent(desk, member, file_of([(ids[0].hex, 50_000)]), yesterday, "gateway")
    assert (made.json()["matched"], made.json()["missing_there"]) == (1, 1)


async def test_the_banks_day_is_what_came_in_and_what_went_out(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    out_id = new_id()
    await db.execute(sql.plant_paid_payout, out_id, 70_000, "FT001")
    await db.execute(sql.plant_inbound_transfer, new_id(), 90_000, "FT002")
    await db.execute(sql.plant_inbound_transfer, new_id(), 10_000, "FT003")
    await later(DAY_S)
    member = await a_staff_member(db, role="finance")
    content = b"reference,side,amount,content\nFT001,out,70000,x\nft002,in,90000,y\nFT003,out,10000,z\n"
    made = (await sent(desk, member, content, yesterday, "bank")).json()
    assert (made["matched"], made["missing_here"], made["missing_there"]) == (2, 1, 1), "a side is part of the name"


@pytest.mark.parametrize(
    ("party", "on", "content", "wanted"),
    [
        ("biller:nobody", None, b"reference,amount\n", (404, "UnknownParty")),
        ("everybody", None, b"reference,amount\n", (400, "Malformed")),
        ("gateway", 0, b"reference,amount\n", (400, "DayIsNotOver")),
        ("gateway", None, b"nonsense", (400, "UnreadableFile")),
        ("gateway", None, b"", (400, "UnreadableFile")),
    ],
)
async def test_what_cannot_be_held_against_our_books_is_refused(
    db: Connection, desk: httpx.AsyncClient, party: str, on: int | None, content: bytes, wanted: tuple[int, str]
) -> None:
    member = await a_staff_member(db, role="finance")
    day = city_today() - timedelta(days=1 if on is None else on)
    assert problem(await sent(desk, member, content, day, party)) == wanted


async def test_a_body_is_a_csv_and_has_an_end(db: Connection, desk: httpx.AsyncClient) -> None:
    member, path = await a_staff_member(db, role="finance"), f"/v1/staff/reconciliations/{uuid4()}"
    params = {"party": "gateway", "on": (city_today() - timedelta(days=1)).isoformat()}
    other = await desk.put(path, headers=member.headers, params=params, json={"reference": 1})
    assert problem(other) == (415, "CsvExpected")
    big = await desk.put(path, headers=member.headers | CSV, params=params, content=b"x" * (16 * 1024 * 1024 + 1))
    assert problem(big) == (413, "TooLarge")
    fine = b"reference,amount\n" + b"".join(b"%064d,1000\n" % nth for nth in range(20_000))
    assert len(fine) > 1_000_000
    made = await desk.put(path, headers=member.headers | CSV, params=params, content=fine)
    assert (made.status_code, made.json()["missing_here"]) == (201, 20_000), made.text


async def test_twenty_times_the_same_file_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        member = await a_staff_member(db, role="finance")
        await a_biller(db)
    content, day = file_of([("a", 1000)]), city_today() - timedelta(days=1)
    answers = await asyncio.gather(*(sent(city.client, member, content, day, BILLER) for _ in range(20)))
    done = [answer for answer in answers if answer.status_code != 503]
    assert Counter(answer.status_code for answer in done) == {201: 1, 200: len(done) - 1}
    assert len({answer.json()["id"] for answer in done}) == 1


async def test_bills_paid_without_a_wallet_are_the_billers_too(
    db: Connection, desk: httpx.AsyncClient, later: Later, yesterday: date
) -> None:
    await a_biller(db)
    bill_id, collection_id = await a_bill(db), new_id()
    await bills.collect(db, collection_id, bill_id, ledger.GUARANTEE, 412_500)
    await later(DAY_S)
    member = await a_staff_member(db, role="finance")
    made = await sent(desk, member, file_of([(collection_id, 412_500)]), yesterday, BILLER)
    assert (made.json()["matched"], made.json()["open"]) == (1, 0)
    assert await banking.told(db, "BillPaid") != []


async def test_the_banks_own_file_is_understood(city: City, stand_ins: StandIns, passing: Passing) -> None:
    async with city.database.transaction() as db:
        owner = await a_resident(db, balance=100_000)
    withdrawal_id, day = uuid4(), city_today()
    assert (await banking.withdraw(city, owner, banking.asked(), withdrawal_id)).status_code == 201
    await city.worker.drain()
    async with httpx.AsyncClient() as client:
        file = await client.get(f"{stand_ins.url}/bank/statement.csv", params={"on": day.isoformat()})
    await passing(city, DAY_S)
    async with city.database.transaction() as db:
        member = await a_staff_member(db, role="finance")
    made = await sent(city.client, member, file.content, day, "bank")
    assert made.status_code == 201, made.text
    assert (made.json()["matched"], made.json()["missing_there"], made.json()["differing"]) == (1, 0, 0)
    # What other cities of this run have asked the same bank for is in its file too.
    assert made.json()["lines"] == 1 + made.json()["missing_here"]


async def test_a_billers_own_file_is_understood(city: City, stand_ins: StandIns, passing: Passing) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=1_000_000)
        water = await billing.a_water_company(db, stand_ins)
        bill_ids = [await billing.a_known_bill(db, water, f"HW00010{nth}") for nth in range(3)]
    for bill_id in bill_ids:
        await billing.pay(city, payer, bill_id)
    day = city_today()
    await city.worker.drain()
    async with httpx.AsyncClient() as client:
        file = await client.get(f"{stand_ins.url}/biller/{water}/payments.csv", params={"on": day.isoformat()})
    await passing(city, DAY_S)
    async with city.database.transaction() as db:
        member = await a_staff_member(db, role="finance")
    made = (await sent(city.client, member, file.content, day, f"biller:{water}")).json()
    assert (made["lines"], made["matched"], made["open"]) == (3, 3, 0)
