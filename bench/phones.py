"""What the phones of a town send, encoded while the benchmark runs: only the id of a payment is new each time."""

import random
import secrets
import sys
from collections.abc import Iterator
from itertools import cycle, repeat
from typing import Literal

import msgspec

from bench.load import Measured, measure
from bench.town import Town

Errand = Literal["random", "hot", "bills", "echo"]
AMOUNT = 10_000
STAY = 20
"""A phone pays so often for one resident, then for its next. So one request in 20 brings a token that the server has
not seen lately, on a slow machine as on a fast one: as with 2,000 residents, 10,000 payments a second and a cache of
4 s. No resident has two payments under way."""


class Task(msgspec.Struct, frozen=True):
    """One run of the load generator. Picklable: it runs in a process of its own."""

    errand: Errand
    town: Town
    port: int
    clients: int
    seconds: float
    seed: int
    echo_path: str = "/echo"
    """Where a POST of a merchant payment's body touches no database."""


def go(task: Task) -> Measured:
    return measure(phones(task), port=task.port, seconds=task.seconds)


def phones(task: Task) -> list[Iterator[bytes]]:
    """What each phone sends, the same for the same seed but for the ids, which nobody used before.

    Bills run out; all else goes on for as long as it is asked."""
    chance = random.Random(task.seed)
    residents = [_headers(token) for token in task.town.tokens]
    chance.shuffle(residents)
    bodies = _bodies(task, chance)
    start = f"POST {task.echo_path}".encode() if task.errand == "echo" else b"PUT /v1/wallet/payments/"
    stay = sys.maxsize if task.errand == "echo" else STAY
    return [
        _phone(start, residents[number :: task.clients], stay, bodies, with_id=task.errand != "echo")
        for number in range(task.clients)
    ]


def _phone(
    start: bytes, residents: list[bytes], stay: int, bodies: Iterator[bytes], *, with_id: bool
) -> Iterator[bytes]:
    for resident in cycle(residents):
        for _ in range(stay):
            body = next(bodies, None)
            if body is None:
                return
            yield start + (_uuid() if with_id else b"") + resident + body


def _bodies(task: Task, chance: random.Random) -> Iterator[bytes]:
    """One stream that all phones draw from."""
    match task.errand:
        case "random":
            return _any([_merchant(qr) for qr in task.town.qrs], chance)
        case "hot" | "echo":
            return repeat(_merchant(task.town.qrs[0]))
        case "bills":
            return (_with_length(msgspec.json.encode({"kind": "bill", "bill_id": bill})) for bill in task.town.bills)


def _any(choices: list[bytes], chance: random.Random) -> Iterator[bytes]:
    while True:
        yield choices[int(chance.random() * len(choices))]


def _uuid() -> bytes:
    """A random one, as a phone makes it: new rows land all over the index."""
    digits = secrets.token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}".encode()


def _merchant(qr: str) -> bytes:
    return _with_length(msgspec.json.encode({"kind": "merchant", "qr": qr, "amount": AMOUNT, "memo": "com hen"}))


def _headers(token: str) -> bytes:
    return (
        f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()


def _with_length(body: bytes) -> bytes:
    return b"%d\r\n\r\n%b" % (len(body), body)
