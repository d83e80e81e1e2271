"""The ledger against a model of itself: whatever happens in whatever order, money is neither made nor lost."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import migrations
from app.db import Connection, prepare_connection
from app.errors import Refusal
from app.types import new_id
from tests.conftest import Servers, cloned
from tests.makers import Resident, Shop, a_bill, a_biller, a_policy, a_resident, a_shop
from tests.statements import sql
from wallet import ledger, limits
from wallet.ledger import Move, Verdict
from wallet.merchants import merchants
from wallet.models import PlaceOrder
from wallet.papers import history
from wallet.papers.history import Wanted

T = TypeVar("T")
PEOPLE = 4
AMOUNTS = st.sampled_from((1, 999, 10_000, 60_000, 100_000))
WHO = st.integers(0, PEOPLE - 1)
LIMITS = {"limit.month_general": 250_000, "limit.month_essential": 120_000, "limit.day_goods": 200_000}
"""So low that a few payments meet them."""


class Ledger(RuleBasedStateMachine):
    """Payments, replays, overdrafts, groups that pay each other, bills, orders that expire, locked wallets; holds
    that are captured, voided or expire, withdrawals, bills whose biller is asked, refunds, top-ups, limits."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.run(self.open())
        self.made: dict[UUID, Move] = {}
        self.refused: list[Move] = []

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(what)

    async def open(self) -> None:
        self.db: Connection = await asyncpg.connect(self.url)
        await prepare_connection(self.db)
        self.transaction = self.db.transaction()
        await self.transaction.start()
        self.people: list[Resident] = [
            await a_resident(self.db, balance=100_000, with_pin=False) for _ in range(PEOPLE)
        ]
        self.shop: Shop = await a_shop(self.db)
        await ledger.move(self.db, Move(new_id(), "reserve", ledger.GUARANTEE, ledger.RESERVE, 100_000_000))
        self.biller = await a_biller(self.db)
        self.asked_biller = await a_biller(self.db, "vien-thong", adapter="http", essential=True)
        self.accounts: dict[str, UUID] = {
            code: await self.db.fetchval(sql.biller_account, code) for code in (self.biller, self.asked_biller)
        }
        for code, value in LIMITS.items():
            await a_policy(self.db, code, value)
        self.balances: dict[UUID, int] = {person.id: 100_000 for person in self.people}
        self.balances |= {self.shop.id: 0, **dict.fromkeys(self.accounts.values(), 0)}
        self.pending: dict[UUID, int] = dict.fromkeys(self.balances, 0)
        self.holds: dict[UUID, tuple[UUID, int, str | None]] = {}
        self.resolved: dict[UUID, tuple[str, int]] = {}
        self.frozen: set[UUID] = set()
        self.refunded: dict[UUID, int] = {}
        self.month: Counter[tuple[UUID, str]] = Counter()
        self.day: Counter[UUID] = Counter()
        self.biller_of: dict[UUID, str] = {}
        self.unlocked = {person.id: True for person in self.people}
        self.bills: dict[UUID, tuple[int, bool]] = {}
        self.orders: dict[UUID, tuple[int, str]] = {}

    def teardown(self) -> None:
        async def close() -> None:
            await self.transaction.rollback()
            await self.db.close()

        self.run(close())
        self.loop.close()

    # ---- what the model expects --------------------------------------------------------------------------------

    def expected(self, move: Move) -> str:
        if move.id in self.made:
            return "replayed" if self.made[move.id] == move else "PaymentIdTaken"
        personal = move.session_id is not None
        if personal and not self.unlocked[move.debit_id]:
            return "WalletLocked"
        if move.bill_id is not None and move.bill_id in self.bills and self.bills[move.bill_id][1]:
            return "BillNotDue"
        if move.order_id is not None:
            amount, state = self.orders[move.order_id]
            if state == "paid":
                return "OrderAlreadyPaid"
            if state == "expired":
                return "OrderExpired"
            if move.amount is not None and move.amount != amount:
                return "AmountDiffers"
        if self.payee_of(move) == move.debit_id:
            return "PaymentToSelf"
        amount = self.amount_of(move)
        if move.kind == "refund" and move.original_id is not None:
            if self.made[move.original_id].debit_id != move.credit_id:
                return "NotRefundable"
            if self.refunded.get(move.original_id, 0) + amount > self.amount_of(self.made[move.original_id]):
                return "RefundTooMuch"
        if move.debit_id in self.frozen:
            return "AccountFrozen"
        if move.debit_id in self.balances and self.balances[move.debit_id] - self.pending[move.debit_id] < amount:
            return "InsufficientFunds"
        return self.limited(move, amount) or "applied"

    def group_of(self, move: Move) -> str | None:
        """Which month a movement is counted in."""
        if move.kind == "bill":
            assert move.bill_id is not None
            return "essential" if self.biller_of[move.bill_id] == self.asked_biller else "general"
        return "general" if move.kind in {"merchant", "person"} else None

    def limited(self, move: Move, amount: int) -> str | None:
        group = self.group_of(move)
        if move.kind in {"bill", "merchant"} and self.day[move.debit_id] + amount > LIMITS["limit.day_goods"]:
            return "DayLimitReached"
        if group and self.month[move.debit_id, group] + amount > LIMITS[f"limit.month_{group}"]:
            return "EssentialLimitReached" if group == "essential" else "MonthLimitReached"
        return None

    def count(self, move: Move, amount: int) -> None:
        if group := self.group_of(move):
            self.month[move.debit_id, group] += amount
        if move.kind in {"bill", "merchant"}:
            self.day[move.debit_id] += amount

    def amount_of(self, move: Move) -> int:
        if move.bill_id is not None:
            return self.bills[move.bill_id][0]
        if move.order_id is not None:
            return self.orders[move.order_id][0]
        assert move.amount is not None
        return move.amount

    def payee_of(self, move: Move) -> UUID:
        if move.credit_id is not None:
            return move.credit_id
        if move.bill_id is not None:
            return self.accounts[self.biller_of[move.bill_id]]
        if move.terminal_id is not None:
            return self.shop.id
        return next(person.id for person in self.people if person.phone == move.phone)

    def apply(self, move: Move) -> None:
        amount = self.amount_of(move)
        if self.is_held(move):
            self.pending[move.debit_id] += amount
            self.holds[move.id] = (move.debit_id, amount, move.kind)
        else:
            self.shift(move.debit_id, self.payee_of(move), amount)
        if move.kind == "refund" and move.original_id is not None:
            self.refunded[move.original_id] = self.refunded.get(move.original_id, 0) + amount
            group = self.group_of(self.made[move.original_id])
            assert move.credit_id is not None
            assert group is not None
            self.month[move.credit_id, group] -= amount
        self.count(move, amount)
        self.made[move.id] = move
        if move.bill_id is not None:
            self.bills[move.bill_id] = (amount, True)
        if move.order_id is not None:
            self.orders[move.order_id] = (amount, "paid")

    def is_held(self, move: Move) -> bool:
        asked = move.bill_id is not None and self.biller_of[move.bill_id] == self.asked_biller
        return move.held or move.kind == "withdrawal" or asked

    def shift(self, debit_id: UUID, credit_id: UUID, amount: int) -> None:
        """Only accounts that the model watches: the city's own may stand anywhere."""
        for account_id, change in ((debit_id, -amount), (credit_id, amount)):
            if account_id in self.balances:
                self.balances[account_id] += change

    def pay(self, *moves: Move) -> None:
        """Ask for a group, and compare each verdict and balance with the model's."""
        expected = [self.expected(move) for move in moves]
        before = {account_id: balance - self.pending[account_id] for account_id, balance in self.balances.items()}
        verdicts = self.run(ledger.move_all(self.db, moves))
        assert [name_of(verdict) for verdict in verdicts] == expected
        for move, verdict in zip(moves, verdicts, strict=True):
            if name_of(verdict) == "applied":
                assert not isinstance(verdict, Refusal)
                assert verdict.amount == self.amount_of(move)
                assert verdict.status == ("pending" if self.is_held(move) else "paid")
                if move.debit_id in before:
                    assert verdict.balance_after == before[move.debit_id] - verdict.amount
                self.apply(move)
            elif name_of(verdict) not in {"replayed", "PaymentIdTaken"}:
                self.refused.append(move)

    # ---- what may happen ---------------------------------------------------------------------------------------

    @rule(payer=WHO, payee=WHO, amount=AMOUNTS)
    def pay_a_person(self, payer: int, payee: int, amount: int) -> None:
        self.pay(self.to_person(payer, payee, amount))

    @rule(pairs=st.lists(st.tuples(WHO, WHO, AMOUNTS), min_size=2, max_size=PEOPLE, unique_by=lambda pair: pair[0]))
    def people_pay_each_other_in_one_group(self, pairs: list[tuple[int, int, int]]) -> None:
        self.pay(*[self.to_person(*pair) for pair in pairs])

    def to_person(self, payer: int, payee: int, amount: int) -> Move:
        person = self.people[payer]
        return Move(
            new_id(),
            "person",
            person.id,
            amount=amount,
            session_id=person.session_id,
            phone=self.people[payee].phone,
            fingerprint=b"%d %d" % (payee, amount),
        )

    @rule(payer=WHO, amount=AMOUNTS)
    def pay_a_sticker(self, payer: int, amount: int) -> None:
        self.pay(self.to_shop(payer, None, amount))

    def to_shop(self, payer: int, order_id: UUID | None, amount: int | None) -> Move:
        person = self.people[payer]
        return Move(
            new_id(),
            "merchant",
            person.id,
            amount=amount,
            session_id=person.session_id,
            terminal_id=self.shop.terminal_id,
            order_id=order_id,
            fingerprint=str((order_id, amount)).encode(),
        )

    @rule(amount=AMOUNTS, asked=st.booleans())
    def issue_a_bill(self, amount: int, asked: bool) -> None:
        biller = self.asked_biller if asked else self.biller
        bill_id = self.run(a_bill(self.db, amount=amount, biller=biller))
        self.bills[bill_id] = (amount, False)
        self.biller_of[bill_id] = biller

    @rule(who=WHO, amount=AMOUNTS)
    def top_up(self, who: int, amount: int) -> None:
        self.pay(Move(new_id(), "top_up", ledger.GATEWAY, self.people[who].id, amount))

    @rule(who=WHO, amount=AMOUNTS)
    def withdraw(self, who: int, amount: int) -> None:
        person = self.people[who]
        self.pay(
            Move(
                new_id(),
                "withdrawal",
                person.id,
                ledger.GUARANTEE,
                amount,
                session_id=person.session_id,
                fingerprint=b"%d" % amount,
            )
        )

    @rule(who=WHO, amount=AMOUNTS)
    def hold(self, who: int, amount: int) -> None:
        self.pay(Move(new_id(), "payout", self.people[who].id, ledger.GUARANTEE, amount, held=True))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), outcome=st.sampled_from(("captured", "captured", "voided", "expired")))
    def resolve_a_hold(self, data: st.DataObject, outcome: str) -> None:
        """Whatever was decided first stands; the same again changes nothing."""
        hold_id = data.draw(st.sampled_from(list(self.holds)))
        debit_id, amount, kind = self.holds[hold_id]
        part = data.draw(st.sampled_from((None, 1, amount, amount + 1)))
        taken = 0 if outcome != "captured" else part or amount
        verdict, *_ = self.run(self.resolve(hold_id, outcome, part))
        if hold_id in self.resolved:
            same = self.resolved[hold_id] == (outcome, taken)
            assert verdict == ("replayed" if same else "HoldAlreadyResolved")
        elif taken > amount or (0 < taken < amount and kind == "bill"):
            assert verdict == "AmountDiffers"
        else:
            assert verdict == "applied"
            self.resolved[hold_id] = (outcome, taken)
            self.pending[debit_id] -= amount
            self.shift(debit_id, self.payee_of(self.made[hold_id]), taken)
            self.count(self.made[hold_id], taken - amount)
            if kind == "bill" and not taken:
                bill_id = self.made[hold_id].bill_id
                assert bill_id is not None
                self.bills[bill_id] = (amount, False)

    async def resolve(self, hold_id: UUID, outcome: str, part: int | None) -> asyncpg.Record:
        resolved = await self.db.fetchrow(ledger.sql.resolve_hold, hold_id, outcome, part, None)
        assert resolved is not None
        return resolved

    @precondition(lambda self: any(move.kind == "merchant" for move in self.made.values()))
    @rule(data=st.data(), amount=AMOUNTS)
    def give_back(self, data: st.DataObject, amount: int) -> None:
        payments = [move for move in self.made.values() if move.kind == "merchant"]
        payment = data.draw(st.sampled_from(payments))
        wanted = min(amount, self.amount_of(payment))
        payer = data.draw(st.sampled_from((payment.debit_id, payment.debit_id, self.people[0].id)))
        self.pay(Move(new_id(), "refund", self.shop.id, payer, wanted, original_id=payment.id))

    @rule(who=WHO, frozen=st.booleans())
    def freeze(self, who: int, frozen: bool) -> None:
        account_id = self.people[who].id
        self.run(self.db.execute(sql.freeze if frozen else sql.unfreeze, account_id))
        (self.frozen.add if frozen else self.frozen.discard)(account_id)

    @precondition(lambda self: self.bills)
    @rule(data=st.data(), payer=WHO)
    def pay_a_bill(self, data: st.DataObject, payer: int) -> None:
        bill_id = data.draw(st.sampled_from(list(self.bills)))
        person = self.people[payer]
        self.pay(
            Move(
                new_id(),
                "bill",
                person.id,
                session_id=person.session_id,
                bill_id=bill_id,
                fingerprint=bill_id.bytes,
            )
        )

    @rule(amount=AMOUNTS)
    def place_an_order(self, amount: int) -> None:
        order_id = new_id()
        wanted = PlaceOrder(terminal_id=self.shop.terminal_id, amount=amount)
        self.run(merchants.place_order(self.db, self.shop.owner.me, self.shop.id, order_id, wanted))
        self.orders[order_id] = (amount, "open")

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), payer=WHO, amount=st.none() | AMOUNTS)
    def pay_an_order(self, data: st.DataObject, payer: int, amount: int | None) -> None:
        self.pay(self.to_shop(payer, data.draw(st.sampled_from(list(self.orders))), amount))

    @precondition(lambda self: any(state == "open" for _, state in self.orders.values()))
    @rule(data=st.data())
    def an_order_expires(self, data: st.DataObject) -> None:
        waiting = [order_id for order_id, (_, state) in self.orders.items() if state == "open"]
        order_id = data.draw(st.sampled_from(waiting))
        self.run(self.db.execute(sql.expire_order, order_id))
        self.orders[order_id] = (self.orders[order_id][0], "expired")

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.pay(self.made[data.draw(st.sampled_from(list(self.made)))])

    @precondition(lambda self: self.refused)
    @rule(data=st.data())
    def send_a_refused_one_again(self, data: st.DataObject) -> None:
        self.pay(data.draw(st.sampled_from(self.refused)))

    @precondition(lambda self: self.made)
    @rule(data=st.data(), payer=WHO)
    def send_other_content_under_a_used_id(self, data: st.DataObject, payer: int) -> None:
        used = data.draw(st.sampled_from(list(self.made)))
        self.pay(self.to_person(payer, (payer + 1) % PEOPLE, 1)._replace(id=used, fingerprint=b"other"))

    @rule(who=WHO)
    def a_wallet_locks_itself(self, who: int) -> None:
        self.run(self.db.execute(sql.lock, self.people[who].session_id))
        self.unlocked[self.people[who].id] = False

    @rule(who=WHO)
    def a_wallet_is_opened(self, who: int) -> None:
        self.run(self.db.execute(sql.unlock, self.people[who].session_id))
        self.unlocked[self.people[who].id] = True

    @invariant()
    def the_books_agree(self) -> None:
        async def look() -> None:
            for account_id, expected in self.balances.items():
                assert await self.db.fetchval(sql.balance, account_id) == expected
                assert await self.db.fetchval(sql.pending, account_id) == self.pending[account_id]
            for person in self.people:
                spent = await limits.show(self.db, person.me)
                assert spent.month_general.used == self.month[person.id, "general"]
                assert spent.month_essential.used == self.month[person.id, "essential"]
                assert spent.day_goods.used == self.day[person.id]
            assert [law for law in await ledger.check(self.db) if law.broken] == []
            assert [law for law in await ledger.check_recent(self.db) if law.broken] == []

        self.run(look())


def name_of(verdict: Verdict) -> str:
    if isinstance(verdict, Refusal):
        return type(verdict).__name__
    return "replayed" if verdict.replayed else "applied"


async def test_c26_whatever_happens_the_books_agree(template: Servers) -> None:
    async with cloned(template) as database:
        Ledger.url = template.url(database, migrations.APP_ROLE)
        await asyncio.to_thread(
            run_state_machine_as_test,
            Ledger,
            settings=settings(
                max_examples=40,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
            ),
        )


async def test_an_overflow_is_refused_and_leaves_nothing(db: Connection) -> None:
    person = await a_resident(db)
    with pytest.raises(asyncpg.PostgresError):
        async with db.transaction():
            await ledger.move(db, Move(new_id(), "funding", ledger.GUARANTEE, person.id, 10**12 + 1))
    assert await db.fetchval(sql.balance, person.id) == 0


async def test_the_app_can_rewrite_neither_transfers_nor_entries(db: Connection) -> None:
    await a_resident(db, balance=1_000)
    for statement in ("rewrite_transfers", "rewrite_entries", "drop_transfers", "drop_entries"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction():
                await db.execute(getattr(sql, statement))


async def test_the_owner_is_stopped_by_the_trigger(template: Servers) -> None:
    async with cloned(template) as database:
        owner = await asyncpg.connect(template.url(database, migrations.OWNER_ROLE))
        for statement in ("rewrite_transfers", "rewrite_entries", "drop_transfers", "drop_entries"):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await owner.execute(getattr(sql, statement))
        await owner.close()


async def test_history_is_read_by_pages_that_never_overlap(db: Connection) -> None:
    person = await a_resident(db)
    for amount in range(1, 8):
        await ledger.move(db, Move(new_id(), "funding", ledger.GUARANTEE, person.id, amount))
    seen: list[int] = []
    cursor = None
    while True:
        page = await history.movements(db, person.id, Wanted(), cursor, 3)
        seen += [line.amount for line in page.items]
        cursor = page.next
        if cursor is None:
            break
        await ledger.move(db, Move(new_id(), "funding", ledger.GUARANTEE, person.id, 100))
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert (await history.movements(db, person.id, Wanted(kind="bill"), None, 3)).items == []
    assert (await ledger.wallet(db, person.me)).available == 28 + 200


async def test_a_plan_made_for_an_empty_town_does_not_read_a_grown_one(template: Servers) -> None:
    async with cloned(template) as database:
        owner = await asyncpg.connect(template.url(database, migrations.OWNER_ROLE))
        lane = await asyncpg.connect(template.url(database, migrations.APP_ROLE))
        payer, payee = await a_resident(lane, balance=100_000), await a_resident(lane)
        await owner.execute("ANALYZE")

        def one() -> Move:
            return Move(new_id(), "person", payer.id, amount=1, session_id=payer.session_id, phone=payee.phone)

        await ledger.move(lane, one())
        await owner.execute(sql.a_long_past, payer.id)
        before = await rows_read(lane)
        for _ in range(10):
            await ledger.move(lane, one())
        assert await rows_read(lane) - before < 1_000
        await lane.close()
        await owner.close()


async def rows_read(connection: Connection) -> int:
    await connection.execute(sql.flush_statistics)
    return await connection.fetchval(sql.rows_read)


# What moved lately

PAIRED = "each transfer has one debit and one credit entry of its amount"
ZERO = "all entries add up to zero"
TAMPERED: dict[str, set[str]] = {
    "tamper_transfer_alone": {PAIRED},
    "tamper_third_entry": {PAIRED, ZERO},
    "tamper_entry_lost": {PAIRED, ZERO},
    "tamper_entry_alone": {"each entry has its transfer", ZERO},
    "tamper_with_balance": {"a balance is the sum of its entries, and its version their count"},
    "tamper_running_balance": {"each running balance follows from the one before"},
    "tamper_floor": {"no account stands below its floor"},
    "tamper_pending": {"what is pending on an account is the sum of its open holds"},
    "tamper_captured_hold": {"a captured hold has its transfer, and no other hold has one"},
    "tamper_captured_amount": {"a captured hold has its transfer, and no other hold has one"},
    "tamper_voided_hold": {"a captured hold has its transfer, and no other hold has one"},
    "tamper_pending_payment": {"a pending payment has its open hold"},
    "tamper_ended_payment": {"a pending payment has its open hold"},
    "tamper_refunded": {"what was given back of a payment is the sum of its refunds"},
    "tamper_paid_payment": {"each paid payment has its transfer"},
    "tamper_paid_twice": {
        "each bill is paid by at most one payment",
        "each order is paid by at most one payment",
    },
    "tamper_guarantee": {"the guarantee at the bank covers all wallets"},
}
"""What somebody with the owner's password does, and the laws that it breaks, if not others besides."""


async def a_busy_day(db: Connection) -> tuple[Resident, Shop]:
    """Money came in, went to a shop, an order, a bill and a biller that is asked; some of it was given back."""
    payer, shop = await a_resident(db, balance=9_000_000), await a_shop(db)
    biller, asked = await a_biller(db), await a_biller(db, "vien-thong", adapter="http")
    order_id, order = new_id(), PlaceOrder(terminal_id=shop.terminal_id, amount=20_000)
    await merchants.place_order(db, shop.owner.me, shop.id, order_id, order)
    first = at_the_shop(payer, shop)
    held, waiting = [await of_a_bill(db, payer, asked) for _ in range(2)]
    for move in (
        first,
        at_the_shop(payer, shop)._replace(amount=None, order_id=order_id),
        await of_a_bill(db, payer, biller),
        held,
        waiting,
        Move(new_id(), "refund", shop.id, payer.id, 3_000, original_id=first.id),
    ):
        await ledger.move(db, move)
    await db.fetchrow(ledger.sql.resolve_hold, held.id, "captured", None, None)
    return payer, shop


def at_the_shop(payer: Resident, shop: Shop) -> Move:
    sold = {"terminal_id": shop.terminal_id, "session_id": payer.session_id}
    return Move(new_id(), "merchant", payer.id, amount=10_000)._replace(**sold)


async def of_a_bill(db: Connection, payer: Resident, biller: str) -> Move:
    bill_id = await a_bill(db, biller=biller)
    return Move(new_id(), "bill", payer.id, bill_id=bill_id, session_id=payer.session_id)


async def test_each_law_that_is_broken_lately_is_found_by_the_hourly_check(template: Servers) -> None:
    async with cloned(template) as database:
        owner = await asyncpg.connect(template.url(database, migrations.OWNER_ROLE))
        await prepare_connection(owner)
        payer, _ = await a_busy_day(owner)
        assert [law for law in await ledger.check(owner) if law.broken] == []
        laws = {law.law for law in await ledger.check_recent(owner)}
        assert laws == {law.law for law in await ledger.check(owner)}
        assert laws == set().union(*TAMPERED.values()), "each is broken below"
        for statement, broken in TAMPERED.items():
            tampering = owner.transaction()
            await tampering.start()
            await owner.execute(sql.unguard_entries)
            await owner.execute(sql.unguard_floors)
            await owner.execute(getattr(sql, statement), payer.id)
            found = {law.law: law.broken for law in await ledger.check_recent(owner) if law.broken}
            assert broken <= found.keys(), statement
            whole = {law.law: law.broken for law in await ledger.check(owner) if law.broken}
            assert found.keys() == whole.keys(), statement
            await tampering.rollback()
        await owner.close()


async def test_what_one_check_found_stays_until_all_of_it_was_looked_at_again(template: Servers) -> None:
    async with cloned(template) as database:
        owner = await asyncpg.connect(template.url(database, migrations.OWNER_ROLE))
        await prepare_connection(owner)
        payer, _ = await a_busy_day(owner)

        async def kept() -> dict[str, int]:
            return {row["law"]: row["broken"] for row in await owner.fetch(ledger.sql.last_laws) if row["broken"]}

        await ledger.check(owner)
        tampering = owner.transaction()
        await tampering.start()
        await owner.execute(sql.tamper_refunded, payer.id)
        await owner.execute(sql.tamper_pending, payer.id)
        await ledger.check_recent(owner)
        found = await kept()
        assert len(found) == 2
        await tampering.rollback()
        columns = (list(found), list(found.values()), [True] * len(found))
        await owner.execute(ledger.sql.keep_laws, *columns, await owner.fetchval(sql.server_clock))
        await ledger.check_recent(owner)
        assert (await kept()).keys() == {"what was given back of a payment is the sum of its refunds"}
        await ledger.check(owner)
        assert await kept() == {}
        await owner.close()


async def test_the_hourly_check_reads_what_moved_and_not_the_past(template: Servers) -> None:
    async with cloned(template) as database:
        owner = await asyncpg.connect(template.url(database, migrations.OWNER_ROLE))
        await prepare_connection(owner)
        await owner.execute(sql.a_long_ledger, ledger.GUARANTEE, ledger.RESERVE, 60_000)
        await owner.execute("VACUUM ANALYZE transfer, entry, payment, hold, account")
        assert [law for law in await ledger.check(owner) if law.broken] == []
        payer, shop = await a_busy_day(owner)
        await ledger.move(owner, at_the_shop(payer, shop))
        await owner.execute(sql.flush_statistics)
        before = await owner.fetchval(sql.ledger_rows_read)
        assert [law for law in await ledger.check_recent(owner) if law.broken] == []
        await owner.execute(sql.flush_statistics)
        read = await owner.fetchval(sql.ledger_rows_read) - before
        assert read < 24_000, "of 240,000: an index by blocks reads the neighbours too"
        await owner.close()
