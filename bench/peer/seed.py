"""People, shops and bills for the peer, in its own database."""

import secrets
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from bench.peer import qr
from bench.peer.models import Base
from bench.town import PAST_PAYMENTS, Books, Town

BILLERS = 6
FUNDS = 100_000_000


async def seed(owner_url: str, *, residents: int, merchants: int, bills: int) -> Town:
    """Makes the tables and fills them; every balance came through a transfer with two entries.

    The database must be empty. `owner_url` is asyncpg's: `postgresql://…`."""
    engine = create_async_engine(owner_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()

    tokens = [secrets.token_urlsafe(32) for _ in range(residents + 2)]
    people = [uuid4() for _ in tokens]
    *open_tokens, poor, locked = tokens
    funds = [FUNDS] * residents + [10_000, FUNDS]
    terminals = [uuid4() for _ in range(merchants)]
    names = [f"Quan com hen {number}" for number in range(merchants)]
    billers = [uuid4() for _ in range(BILLERS)]
    bill_ids = [uuid4() for _ in range(bills)]

    db = await asyncpg.connect(owner_url)
    try:
        async with db.transaction():
            treasury = await _accounts(db, "treasury", 1)
            wallets = await _accounts(db, "resident", len(people))
            shops = await _accounts(db, "merchant", merchants)
            await db.execute(PEOPLE, people, wallets)
            await db.execute(SESSIONS, [sha256(token.encode()).digest() for token in tokens], people)
            await db.execute("update sessions set wallet_open_until = null where resident_id = $1", people[-1])
            await db.execute(SHOPS, terminals, names, shops)
            await db.execute(BILLERS_AND_BILLS, billers, await _accounts(db, "biller", BILLERS), bill_ids)
            await db.execute(FUNDING, treasury[0], wallets, funds)
            await db.execute(PAST, PAST_PAYMENTS, people[:residents], wallets[:residents], terminals, shops)
        await db.execute("vacuum analyze")
    finally:
        await db.close()
    return Town(
        tokens=open_tokens,
        qrs=[qr.write(terminal, name, "0399999999") for terminal, name in zip(terminals, names, strict=True)],
        bills=[str(bill_id) for bill_id in bill_ids],
        poor=poor,
        locked=locked,
    )


async def books(url: str) -> Books:
    """The peer's ledger, added up."""
    db = await asyncpg.connect(url)
    try:
        return Books(*(await db.fetchrow(BOOKS) or ()))
    finally:
        await db.close()


async def _accounts(db: asyncpg.Connection, kind: str, count: int) -> list[UUID]:
    ids = [uuid4() for _ in range(count)]
    await db.execute(
        "insert into accounts (id, kind, posted, pending, version) select id, $1, 0, 0, 0 from unnest($2::uuid[]) id",
        kind,
        ids,
    )
    return ids


PEOPLE = """
insert into residents (id, name, phone, account_id)
select id, 'Nguyen Thi ' || n, '+8490' || lpad(n::text, 7, '0'), account_id
from unnest($1::uuid[], $2::uuid[]) with ordinality as person (id, account_id, n)
"""

SESSIONS = """
insert into sessions (token_sha256, resident_id, expires_at, wallet_open_until)
select token, person, now() + interval '30 days', now() + interval '1 day'
from unnest($1::bytea[], $2::uuid[]) as session (token, person)
"""

SHOPS = """
with shop as (
    insert into merchants (id, name, account_id)
    select gen_random_uuid(), name, account_id from unnest($2::text[], $3::uuid[]) as shop (name, account_id)
    returning id, account_id
)
insert into terminals (id, merchant_id, name)
select terminal, shop.id, 'Quay 1'
from unnest($1::uuid[], $3::uuid[]) as counter (terminal, account_id) join shop using (account_id)
"""

BILLERS_AND_BILLS = """
with biller as (
    insert into billers (id, name, account_id)
    select id, 'Biller ' || n, account_id
    from unnest($1::uuid[], $2::uuid[]) with ordinality as biller (id, account_id, n)
)
insert into bills (id, biller_id, reference, customer_code, amount, status)
select id, ($1::uuid[])[1 + n % cardinality($1)], 'bench-' || n, 'PC05' || lpad(n::text, 9, '0'), 10000, 'due'
from unnest($3::uuid[]) with ordinality as bill (id, n)
"""

FUNDING = """
with funding as (
    select gen_random_uuid() as transfer_id, wallet, amount, n, sum(amount) over (order by n) as total
    from unnest($2::uuid[], $3::bigint[]) with ordinality as wallet (wallet, amount, n)
), transferred as (
    insert into transfers (id, debit_account_id, credit_account_id, amount, kind, made_at)
    select transfer_id, $1, wallet, amount, 'top_up', now() from funding
), entered as (
    insert into entries (transfer_id, account_id, amount, balance, version)
    select transfer_id, $1, -amount, -total, n from funding
    union all
    select transfer_id, wallet, amount, amount, 1 from funding
), treasury as (
    update accounts set posted = -(select max(total) from funding), version = (select max(n) from funding)
    where id = $1
)
update accounts set posted = amount, version = 1 from funding where id = wallet
"""

PAST = """
with deed as materialized (
    select n, gen_random_uuid() as id,
        ($2::uuid[])[1 + n % cardinality($2)] as payer_id, ($3::uuid[])[1 + n % cardinality($3)] as wallet,
        ($4::uuid[])[1 + n % cardinality($4)] as terminal_id, ($5::uuid[])[1 + n % cardinality($5)] as shop
    from generate_series(1, $1::int) as n
), leg as (
    select n, id, wallet as account_id, -10000 as amount from deed
    union all
    select n, id, shop, 10000 from deed
), written as materialized (
    select n, leg.id, account_id, amount,
        posted + sum(amount) over running as balance, version + row_number() over running as version
    from leg join accounts on accounts.id = account_id
    window running as (partition by account_id order by n)
), transferred as (
    insert into transfers (id, debit_account_id, credit_account_id, amount, kind, made_at)
    select id, wallet, shop, 10000, 'merchant', now() from deed
), entered as (
    insert into entries (transfer_id, account_id, amount, balance, version)
    select id, account_id, amount, balance, version from written
), paid as (
    insert into payments (id, payer_id, kind, status, amount, balance_after, payee_name, payee_detail, memo,
        terminal_id, content_sha256, made_at)
    select id, payer_id, 'merchant', 'paid', 10000, balance, 'Quan com hen', 'Quay 1', 'com hen', terminal_id,
        sha256(id::text::bytea), now()
    from deed join written using (id) where written.amount < 0
), told as (
    insert into outbox (topic, payload, made_at) select 'PaymentMade', jsonb_build_object('payment_id', id), now()
    from deed
)
update accounts set posted = posted + change.amount, version = version + change.entries
from (select account_id, sum(amount) as amount, count(*) as entries from written group by account_id) as change
where id = account_id
"""

BOOKS = """
with entered as (select account_id, sum(amount) as total from entries group by account_id)
select
    (select count(*) from payments),
    (select coalesce(sum(total), 0)::bigint from entered),
    (select count(*) from accounts left join entered on id = account_id where posted <> coalesce(total, 0)),
    (select count(*) from accounts where kind = 'resident' and posted < 0)
"""
