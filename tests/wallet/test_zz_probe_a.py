import asyncio
from uuid import UUID, uuid4, uuid5
import pytest
from app.outside import NoAnswer
from app.errors import Unavailable
from tests.conftest import City
from tests.makers import a_resident, a_shop, a_staff_member
from tests.wallet import banking
from tests.wallet.banking import broken_laws, money, payouts, withdraw, asked
from tests.wallet.test_settlement import a_shop_with_an_account, buys, settle, listed, give_account, refused
from tests.wallet import test_charges as tc
from wallet import ledger
from wallet.ledger import Move
from wallet.gateways import partner_bank, payout_errands
from wallet.gateways.partner_bank import NotKnown
from wallet.merchants import settlements

pytestmark = pytest.mark.usefixtures("stand_ins")

async def test_a_one_id_two_moneys(city: City):
    x = uuid4()
    async with city.database.transaction() as db:
        one = await a_resident(db, balance=1_000_000)
        two = await a_resident(db, balance=1_000_000)
        three = await a_resident(db)
    async with city.database.transaction() as db:
        await ledger.move(db, Move(x, "person", one.id, amount=1_000, session_id=one.session_id, phone=three.phone, fingerprint=b"f"))
        got = await withdraw(city, two, asked(), x)
        print("A withdraw", got.status_code)
    await city.worker.drain()
    async with city.database.acquire() as db:
        print("A payment", [dict(r) for r in await db.fetch("select id,status,amount from payment where id=$1", x)])
        print("A jobs", [dict(r) for r in await db.fetch("select listener,state,attempts,last_error from job where state<>'done'")])
    print("A payouts", await payouts(city), "money2", await money(city, two.id))
    print("A laws", await broken_laws(city))
    try:
        await payout_errands.send(city.database, x)
        await payout_errands.inquire(city.database, x)
    except Exception as e:
        print("A inquire:", repr(e))

async def test_c_frozen_shop_retries(city: City):
    shop = await a_shop_with_an_account(city, banking.REFUSED)
    await buys(city, shop, 500_000)
    got = await settle(city, shop)
    await city.worker.drain()
    [s] = await listed(city, shop); print("C", s["status"], s["reason"])
    async with city.database.transaction() as db:
        await db.execute("update account set frozen_at=city_now() where id=$1", shop.id)
        await db.execute("update merchant set status='suspended', status_reason='x' where id=$1", shop.id)
    await give_account(city, shop, banking.PAYS)
    r = await city.client.put(f"/v1/merchants/{shop.id}/settlements/{s['id']}/retry", headers=shop.owner.headers, json={})
    await city.worker.drain()
    [s] = await listed(city, shop); print("C after retry while frozen+suspended:", r.status_code, s["status"], s["amount"], s["account_number"])

async def test_d_never_stuck(city: City, passing, monkeypatch):
    async with city.database.transaction() as db:
        one = await a_resident(db, balance=1_000_000)
        fin = await a_staff_member(db, role="finance")
    async def t(*a): raise NoAnswer("answered 400")
    async def i(*a): return NotKnown()
    monkeypatch.setattr(partner_bank, "transfer", t); monkeypatch.setattr(partner_bank, "inquire", i)
    x = uuid4()
    await withdraw(city, one, asked(), x)
    await city.worker.drain()
    for n in range(40):
        await passing(city, 1830)
        await payout_errands.look_after(city.database)
    async with city.database.transaction() as db:
        print("D", [dict(r) for r in await db.fetch("select status,attempts,city_now()-made_at as age, city_now()-sent_at as sent_ago from payout")])
        # keep the staff session alive
        from wallet.gateways import payout_findings
        from wallet.gateways.payout_models import FindPayout
        try:
            await payout_findings.write(db, fin.me, x, FindPayout(status="refused", note="bank says no"))
            print("D finding written")
        except Exception as e:
            print("D finding:", repr(e))

async def test_e_charge_paid_shown_expired(city: City, monkeypatch):
    payer, shop = await tc.a_town(city)
    code, cid = await tc.a_code(city, payer), uuid4()
    till = city.app.state.till
    real = till.pay
    async def lost(move):
        await real(move)
        raise Unavailable
    monkeypatch.setattr(till, "pay", lost)
    r = await tc.charge(city, shop, code, 45_000, cid); print("E1 first", r.status_code)
    monkeypatch.setattr(till, "pay", real)
    async with city.database.transaction() as db:
        await db.execute("update charge set expires_at=city_now() - interval '1 second'")
    g = await city.client.get(f"/v1/merchants/{shop.id}/charges/{cid}", headers=shop.owner.headers)
    print("E1 shop sees", g.json()["status"], "shop balance", await tc.balance(city, shop.id))

async def test_e2_charge_taken_paid_long_after(city: City, monkeypatch):
    payer, shop = await tc.a_town(city)
    code, cid = await tc.a_code(city, payer), uuid4()
    till = city.app.state.till
    real = till.pay
    async def lost(move): raise Unavailable
    monkeypatch.setattr(till, "pay", lost)
    r = await tc.charge(city, shop, code, 45_000, cid); print("E2 first", r.status_code)
    monkeypatch.setattr(till, "pay", real)
    async with city.database.transaction() as db:
        await db.execute("update charge set made_at = city_now() - interval '30 days', expires_at=city_now() - interval '30 days'")
        await db.execute("update pay_code set expires_at=city_now() - interval '30 days'")
    g = await city.client.get(f"/v1/wallet/charges/{cid}", headers=payer.headers)
    print("E2 payer sees", g.json()["status"])
    r = await tc.charge(city, shop, code, 45_000, cid); print("E2 again 30 days later", r.status_code, r.json()["status"], await tc.balance(city, shop.id))

async def test_f_money_out_waits(city: City):
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    ids = await buys(city, shop, 5_000_000, 100_000)
    async with city.database.transaction() as db:
        await db.execute("update principal set money_out_from = city_now() + interval '20 hours' where id=$1", shop.owner.id)
        await db.execute("update session set new_until = city_now() + interval '20 hours' where id=$1", shop.owner.session_id)
    await give_account(city, shop, banking.PAYS)
    async with city.database.transaction() as db:
        await db.execute("update session set unlocked_until = null where id=$1", shop.owner.session_id)
    r = await city.client.put(f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json={"payment_id": ids[1], "amount": 100_000, "reason": "x"})
    print("F refund, wallet locked, money-out waits, new device:", r.status_code, r.text[:120])
    r = await settle(city, shop)
    await city.worker.drain()
    print("F settle", r.status_code, (await listed(city, shop))[0]["status"], (await listed(city, shop))[0]["amount"])

async def test_g_squat(city: City, passing):
    from tests.wallet.test_settlement import night_falls
    from app.clock import city_today
    a = await a_shop_with_an_account(city); b = await a_shop_with_an_account(city)
    await buys(city, a, 10); await buys(city, b, 500_000)
    sid = uuid5(settlements.NIGHTS, f"{b.id} {city_today()}")
    print("G squat", (await settle(city, a, sid)).status_code)
    async with city.database.transaction() as db:
        got = await settlements.close_day(db, b.id, city_today())
    print("G close_day(b) says", got == sid, "settlements of b:", len(await listed(city, b)), await money(city, b.id))

async def test_i_plan(city: City):
    async with city.database.acquire() as db:
        await db.execute("set enable_seqscan=off")
        q = settlements.sql.end_settlement
        for r in await db.fetch("explain " + q.replace("$1", f"'{uuid4()}'").replace("$2", "NULL")): print("I", r[0])
        print([r[0] for r in await db.fetch("select indexdef from pg_indexes where tablename='settlement'")])
