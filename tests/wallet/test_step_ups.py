"""A proof beside the PIN: asked for by amount and by new device, bound to one payment, used once."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.types import new_id
from tests.app.phones import printed, problem
from tests.conftest import City, StandIns
from tests.makers import Resident, a_bill, a_biller, a_policy, a_resident, a_shop
from tests.statements import sql


async def pay(
    city: City, payer: Resident, payment_id: UUID, body: Mapping[str, Any], step_up: str | None = None
) -> httpx.Response:
    headers = payer.headers | ({"step-up": step_up} if step_up else {})
    return await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=headers, json=body)


async def ask(city: City, payer: Resident, payment_id: UUID, body: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"payment_id": str(payment_id), "payment": body}
    answer = await city.client.post("/v1/wallet/step-ups", headers=payer.headers, json=asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def prove(city: City, payer: Resident, step_up: str, **proof: Any) -> httpx.Response:
    return await city.client.put(f"/v1/wallet/step-ups/{step_up}/proof", headers=payer.headers, json=proof)


async def sent_code(city: City, payer: Resident, step_up: str, capsys: pytest.CaptureFixture[str]) -> str:
    sent = await city.client.put(f"/v1/wallet/step-ups/{step_up}/code", headers=payer.headers, json={})
    assert sent.status_code == 202, sent.text
    printed(capsys)
    await city.worker.drain()
    [(_, code)] = printed(capsys)
    return code


async def proved_by_code(
    city: City, payer: Resident, payment_id: UUID, body: Mapping[str, Any], capsys: pytest.CaptureFixture[str]
) -> str:
    """A step-up for this payment, proved by the code that was sent."""
    step_up = (await ask(city, payer, payment_id, body))["step_up_id"]
    code = await sent_code(city, payer, step_up, capsys)
    assert (await prove(city, payer, step_up, method="code", code=code)).status_code == 200
    return step_up


async def a_payer_and_a_shop(city: City) -> tuple[Resident, dict[str, Any]]:
    """Somebody with money, and a payment that asks for a code."""
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000_000), await a_shop(db)
        await a_policy(db, "limit.month_general", 1_000_000_000)
    return payer, {"kind": "merchant", "qr": shop.qr, "amount": 6_000_000}


async def test_a_large_payment_is_paid_with_the_code_that_was_sent(
    city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id = uuid4()
    assert problem(await pay(city, payer, payment_id, body)) == (403, "StepUpRequired")
    asked = await ask(city, payer, payment_id, body)
    assert asked["methods"][0] == "code"
    assert len(urlsafe_b64decode(asked["challenge"] + "=")) == 32
    step_up = await proved_by_code(city, payer, payment_id, body, capsys)
    paid = await pay(city, payer, payment_id, body, step_up)
    assert (paid.status_code, paid.json()["balance_after"]) == (201, 194_000_000)
    again = await pay(city, payer, payment_id, body)
    assert (again.status_code, again.content) == (200, paid.content), "the replay of a lost answer needs no proof"


async def test_a_small_payment_needs_none(city: City) -> None:
    payer, body = await a_payer_and_a_shop(city)
    assert (await pay(city, payer, uuid4(), body | {"amount": 5_000_000})).status_code == 201


async def test_b18_a_proof_is_for_one_payment_and_no_other(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    payer, body = await a_payer_and_a_shop(city)
    async with city.database.transaction() as db:
        other_shop, friend = await a_shop(db), await a_resident(db, balance=200_000_000)
    payment_id = uuid4()
    step_up = await proved_by_code(city, payer, payment_id, body, capsys)
    changed = (
        (payer, payment_id, body | {"amount": 6_000_001}),
        (payer, payment_id, body | {"qr": other_shop.qr}),
        (payer, payment_id, body | {"memo": "khác"}),
        (payer, uuid4(), body),
        (friend, payment_id, body),
    )
    for who, id_, content in changed:
        assert problem(await pay(city, who, id_, content, step_up)) == (403, "StepUpRequired"), content
    assert (await pay(city, payer, payment_id, body, step_up)).status_code == 201


async def test_a_proof_is_used_once(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id = uuid4()
    step_up = await proved_by_code(city, payer, payment_id, body, capsys)
    answers = await asyncio.gather(*(pay(city, payer, payment_id, body, step_up) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.balance, payer.id) == 194_000_000
        assert await db.fetchval(sql.step_up_used, UUID(step_up)) is True
    assert problem(await prove(city, payer, step_up, method="code", code="000000")) == (404, "NotFound")


async def test_a_refused_payment_leaves_its_proof_alone(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id = uuid4()
    step_up = await proved_by_code(city, payer, payment_id, body, capsys)
    async with city.database.transaction() as db:
        await db.execute(sql.lock, payer.session_id)
    assert problem(await pay(city, payer, payment_id, body, step_up)) == (403, "WalletLocked")
    async with city.database.transaction() as db:
        await db.execute(sql.unlock, payer.session_id)
    assert (await pay(city, payer, payment_id, body, step_up)).status_code == 201


async def test_an_unproved_a_late_and_an_unknown_proof_are_none(
    city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id = uuid4()
    unproved = (await ask(city, payer, payment_id, body))["step_up_id"]
    for step_up in (unproved, str(uuid4())):
        assert problem(await pay(city, payer, payment_id, body, step_up)) == (403, "StepUpRequired")
    late = await proved_by_code(city, payer, payment_id, body, capsys)
    async with city.database.transaction() as db:
        await db.execute(sql.age_step_up, UUID(late))
    assert problem(await pay(city, payer, payment_id, body, late)) == (403, "StepUpRequired")
    assert problem(await prove(city, payer, late, method="code", code="000000")) == (404, "NotFound")
    malformed = await pay(city, payer, payment_id, body, "not-an-id")
    assert problem(malformed) == (400, "Malformed")


async def test_wrong_codes_count_and_a_sign_in_code_proves_nothing(
    city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id = uuid4()
    step_up = (await ask(city, payer, payment_id, body))["step_up_id"]
    assert problem(await prove(city, payer, step_up, method="code", code="123123")) == (409, "CodeNotSent")
    await city.client.post("/v1/sign-in/codes", json={"phone": payer.phone})
    printed(capsys)
    await city.worker.drain()
    [(_, for_signing_in)] = printed(capsys)
    async with city.database.transaction() as db:
        await db.execute(sql.forget_budgets)
    right = await sent_code(city, payer, step_up, capsys)
    wrong = [code for code in (for_signing_in, "111111", "222222", "333333", "444444") if code != right]
    answers = [await prove(city, payer, step_up, method="code", code=code) for code in [*wrong, "555555"][:5]]
    assert {problem(answer) for answer in answers} == {(401, "WrongCode")}
    assert problem(await prove(city, payer, step_up, method="code", code=right)) == (401, "WrongCode")


async def test_above_the_strong_amount_a_code_is_not_enough(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    payer, body = await a_payer_and_a_shop(city)
    async with city.database.transaction() as db:
        friend = await a_resident(db)
    payment_id, send = uuid4(), {"kind": "person", "phone": friend.phone, "amount": 10_000_001}
    assert problem(await pay(city, payer, payment_id, send)) == (403, "StrongStepUpRequired")
    step_up = await proved_by_code(city, payer, payment_id, send, capsys)
    assert problem(await pay(city, payer, payment_id, send, step_up)) == (403, "StrongStepUpRequired")
    large = body | {"amount": 100_000_001}
    assert problem(await pay(city, payer, uuid4(), large)) == (403, "StrongStepUpRequired")


async def test_a_face_match_is_strong(city: City, stand_ins: StandIns) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id, large = uuid4(), body | {"amount": 100_000_001}
    asked = await ask(city, payer, payment_id, large)
    step_up = asked["step_up_id"]
    assert "face" in asked["methods"]
    assert problem(await prove(city, payer, step_up, method="face")) == (403, "FaceNotMatched")
    match = await city.client.put(f"/v1/wallet/step-ups/{step_up}/face", headers=payer.headers, json={})
    assert match.status_code == 200, match.text
    assert problem(await prove(city, payer, step_up, method="face")) == (403, "FaceNotMatched")
    await stand_ins.match_face(match.json()["url"])
    await stand_ins.behave("face", "wrong_challenge")
    assert problem(await prove(city, payer, step_up, method="face")) == (403, "FaceNotMatched")
    await stand_ins.behave("face", "down")
    assert problem(await prove(city, payer, step_up, method="face")) == (503, "FaceUnavailable")
    await stand_ins.behave("face", "down", times=0)
    assert (await prove(city, payer, step_up, method="face")).json()["method"] == "face"
    assert (await pay(city, payer, payment_id, large, step_up)).status_code == 201


async def test_a_face_that_is_refused_pays_nothing(city: City, stand_ins: StandIns) -> None:
    payer, body = await a_payer_and_a_shop(city)
    payment_id = uuid4()
    step_up = (await ask(city, payer, payment_id, body))["step_up_id"]
    match = await city.client.put(f"/v1/wallet/step-ups/{step_up}/face", headers=payer.headers, json={})
    await stand_ins.match_face(match.json()["url"], "refuse")
    assert problem(await prove(city, payer, step_up, method="face")) == (403, "FaceNotMatched")
    assert problem(await pay(city, payer, payment_id, body, step_up)) == (403, "StepUpRequired")


async def test_anothers_proof_looks_like_none(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    payer, body = await a_payer_and_a_shop(city)
    async with city.database.transaction() as db:
        thief = await a_resident(db)
    step_up = (await ask(city, payer, uuid4(), body))["step_up_id"]
    assert problem(await prove(city, thief, step_up, method="code", code="000000")) == (404, "NotFound")
    sent = await city.client.put(f"/v1/wallet/step-ups/{step_up}/code", headers=thief.headers, json={})
    assert problem(sent) == (404, "NotFound")


# A new device, a recovered account, a level


async def test_b19_money_leaves_a_new_device_only_with_a_proof(
    city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    payer, body = await a_payer_and_a_shop(city)
    async with city.database.transaction() as db:
        await db.execute(sql.new_device, payer.session_id)
        await a_biller(db)
        bill_id = await a_bill(db, amount=412_500)
    small, payment_id = body | {"amount": 1000}, uuid4()
    assert problem(await pay(city, payer, payment_id, small)) == (403, "StepUpRequired")
    bill = {"kind": "bill", "bill_id": str(bill_id)}
    assert problem(await pay(city, payer, uuid4(), bill)) == (403, "StepUpRequired")
    above = body | {"amount": 2_000_001}
    assert problem(await pay(city, payer, uuid4(), above)) == (403, "StrongStepUpRequired")
    step_up = await proved_by_code(city, payer, payment_id, small, capsys)
    assert (await pay(city, payer, payment_id, small, step_up)).status_code == 201


async def test_after_a_recovery_money_waits(city: City) -> None:
    payer, body = await a_payer_and_a_shop(city)
    async with city.database.transaction() as db:
        await db.execute(sql.money_waits, payer.id)
    assert problem(await pay(city, payer, uuid4(), body | {"amount": 1000})) == (403, "MoneyOutWaits")


async def test_a_level_is_asked_for_by_policy(city: City) -> None:
    async with city.database.transaction() as db:
        payer, friend = await a_resident(db, balance=100_000, level=1), await a_resident(db)
        shop = await a_shop(db)
    send = {"kind": "person", "phone": friend.phone, "amount": 1000}
    assert problem(await pay(city, payer, uuid4(), send)) == (403, "LevelTooLow")
    buy = {"kind": "merchant", "qr": shop.qr, "amount": 1000}
    assert (await pay(city, payer, uuid4(), buy)).status_code == 201
    shop_of_mine = {"name": "Quán", "category_code": "5812", "ward": "19777"}
    opened = await city.client.put(f"/v1/merchants/{new_id()}", headers=payer.headers, json=shop_of_mine)
    assert problem(opened) == (403, "LevelTooLow")
    async with city.database.transaction() as db:
        await a_policy(db, "level.pay_merchant", 2)
    assert problem(await pay(city, payer, uuid4(), buy)) == (403, "LevelTooLow")
