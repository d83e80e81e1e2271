"""Is it right before it is fast? The same questions for our server and for its peer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import httpx

from bench.phones import AMOUNT
from bench.town import Books, Town, Wrong

BILLS_USED = 5
"""The check pays the town's last bills."""


async def check(port: int, town: Town, books: Callable[[], Coroutine[None, None, Books]]) -> int:
    """Pays, repeats, collides and overdraws; raises Wrong unless every answer and the books are right.

    Returns how many payments it made. Once per town: it spends what the poor resident has."""
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30) as http:
        before = await books()
        questions = Questions(http, town)
        await questions.strangers_and_locked_wallets()
        await questions.one_id_twice()
        await questions.one_id_at_once()
        await questions.one_merchant_at_once()
        await questions.one_bill_at_once()
        await questions.one_bill_one_id_at_once()
        await questions.more_than_there_is()
    faults = questions.faults + (await books()).faults(before, questions.made)
    if faults:
        raise Wrong(faults)
    return questions.made


class Questions:
    def __init__(self, http: httpx.AsyncClient, town: Town) -> None:
        self.http = http
        self.town = town
        self.bills = iter(town.bills[-BILLS_USED:])
        self.faults: list[str] = []
        self.made = 0

    async def strangers_and_locked_wallets(self) -> None:
        content, altered = self.to_merchant(), self.to_merchant()
        altered["qr"] = altered["qr"][:-4] + ("0000" if altered["qr"][-4:] != "0000" else "1111")
        self.expect("no such token", (await self.pay("nobody", content)).status_code, 401)
        self.expect("a locked wallet", (await self.pay(self.town.locked, content)).status_code, 403)
        self.expect("an altered QR", (await self.pay(self.town.tokens[0], altered)).status_code // 100, 4)

    async def one_id_twice(self) -> None:
        payer, other = self.town.tokens[:2]
        payment_id, content = str(uuid4()), self.to_merchant()
        first = await self.pay(payer, content, payment_id)
        again = await self.pay(payer, content, payment_id)
        shown = await self.http.get(f"/v1/wallet/payments/{payment_id}", headers=bearer(payer))
        self.expect(
            "first, replay, shown", [first.status_code, again.status_code, shown.status_code], [201, 200, 200]
        )
        self.expect("the replay's answer", again.json(), first.json())
        self.expect("the payment shown", shown.json(), first.json())
        changed = await self.pay(payer, {**content, "amount": AMOUNT + 1}, payment_id)
        stolen = await self.pay(other, content, payment_id)
        self.expect("same id, other amount", changed.status_code, 409)
        self.expect("same id, other payer", stolen.status_code, 409)

    async def one_id_at_once(self) -> None:
        payer, payment_id, content = self.town.tokens[2], str(uuid4()), self.to_merchant()
        answers = await asyncio.gather(*(self.pay(payer, content, payment_id) for _ in range(16)))
        self.expect_statuses("one id, 16 at once", answers, {201: 1, 200: 15})

    async def one_merchant_at_once(self) -> None:
        payers = [self.town.tokens[number % len(self.town.tokens)] for number in range(200)]
        answers = await asyncio.gather(*(self.pay(payer, self.to_merchant()) for payer in payers))
        self.expect_statuses("one merchant, 200 at once", answers, {201: 200})

    async def one_bill_at_once(self) -> None:
        bill, payers = self.to_biller(), self.town.tokens[:10]
        answers = await asyncio.gather(*(self.pay(payer, bill) for payer in payers))
        self.expect_statuses("one bill, 10 payers at once", answers, {201: 1, 409: 9})

    async def one_bill_one_id_at_once(self) -> None:
        payer, payment_id, bill = self.town.tokens[3], str(uuid4()), self.to_biller()
        answers = await asyncio.gather(*(self.pay(payer, bill, payment_id) for _ in range(10)))
        self.expect_statuses("one bill under one id, 10 at once", answers, {201: 1, 200: 9})

    async def more_than_there_is(self) -> None:
        content = {**self.to_merchant(), "amount": 4_000}
        answers = await asyncio.gather(*(self.pay(self.town.poor, content) for _ in range(8)))
        self.expect_statuses("8 times 4,000 out of 10,000 at once", answers, {201: 2, 409: 6})

    def to_merchant(self) -> dict[str, Any]:
        return {"kind": "merchant", "qr": self.town.qrs[0], "amount": AMOUNT, "memo": "com hen"}

    def to_biller(self) -> dict[str, Any]:
        return {"kind": "bill", "bill_id": next(self.bills)}

    async def pay(self, token: str, content: dict[str, Any], payment_id: str | None = None) -> httpx.Response:
        answer = await self.http.put(
            f"/v1/wallet/payments/{payment_id or uuid4()}", json=content, headers=bearer(token)
        )
        self.made += answer.status_code == 201
        return answer

    def expect(self, what: str, got: object, wanted: object) -> None:
        if got != wanted:
            self.faults.append(f"{what}: {got!r} where {wanted!r} was expected")

    def expect_statuses(self, what: str, answers: list[httpx.Response], wanted: dict[int, int]) -> None:
        got = dict(Counter(answer.status_code for answer in answers))
        words = {answer.text[:200] for answer in answers if answer.status_code not in wanted}
        self.expect(f"{what} {words or ''}", got, wanted)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
