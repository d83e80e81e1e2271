"""What the phones of a town send, encoded while the benchmark runs: only the id of a payment is new each time."""

import random
import secrets
from collections.abc import Iterator
from itertools import repeat
from typing import Literal

import msgspec

from bench.load import Measured, measure
from bench.town import Town

Errand = Literal["random", "hot", "bills", "echo"]
AMOUNT = 10_000


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
    return measure(requests(task), port=task.port, clients=task.clients, seconds=task.seconds)


def requests(task: Task) -> Iterator[bytes]:
    """Payers and merchants at random, the same for the same seed; ids that nobody used before.

    Bills run out; all else goes on for as long as it is asked."""
    town = task.town
    match task.errand:
        case "random":
            bodies = _any([_merchant(qr) for qr in town.qrs], random.Random(task.seed))
        case "hot" | "echo":
            bodies = repeat(_merchant(town.qrs[0]))
        case "bills":
            bodies = (_with_length(msgspec.json.encode({"kind": "bill", "bill_id": bill})) for bill in town.bills)
    callers = _any([_headers(token) for token in town.tokens], random.Random(-task.seed))
    if task.errand == "echo":
        start = f"POST {task.echo_path}".encode()
        return (start + caller + body for caller, body in zip(callers, bodies, strict=False))
    return (
        b"PUT /v1/wallet/payments/" + _uuid() + caller + body for body, caller in zip(bodies, callers, strict=False)
    )


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
