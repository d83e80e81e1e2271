"""How the city calls an address that is not its own choice, as a shop's webhook or somebody's picture: on the open
Internet only.

Whoever may name an address may name ours: the database beside us, a router, a cloud's metadata. So the name is looked
up once, everything that it stands for must be public (IANA's special-purpose registries, RFC 6890), and the
connection goes to the very address that was looked at: a name that means something else a moment later leads nowhere.
The certificate is still asked for by name. In a sandbox the shop stands on the same machine: there any address will
do to send something to, and it need not be encrypted. What is fetched comes from the open Internet everywhere."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from time import monotonic
from typing import Literal, TypeVar
from weakref import WeakValueDictionary

import httpx
import msgspec

from app.config import settings
from app.outside import trusted

T = TypeVar("T")
Why = Literal["address_refused", "name_unknown", "not_connected", "not_trusted", "timeout", "broken"]

WITHIN_S = 10.0
"""From the first look at the name to the first line of the answer."""
LOOK_UP_WITHIN_S = 4.0
CONNECT_WITHIN_S = 4.0
FETCH_WITHIN_S = 30.0
"""From the first look at the name to the last byte."""
OK = 200
FILES = "image/*, application/pdf;q=0.9, */*;q=0.1"
"""What we fetch; what it is its bytes say."""
FOR_GOOD: frozenset[Why] = frozenset(("address_refused", "not_trusted"))
"""What no second try would mend."""
MOST_TRIED = 2
"""Of the addresses behind a name."""

LOOK_UPS_OF_ONE = 2
"""At once, for one of those who name addresses."""
SILENT_FOR_S = 60.0
"""So long a name is not looked up again whose server has said nothing."""

_look_ups = ThreadPoolExecutor(32, thread_name_prefix="look-up")
"""Threads of its own. None can be called back from a name server that says nothing, so that nobody may have many."""
_places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
_silent: dict[str, float] = {}
"""Names of which nothing was said, and until when they are left in peace."""

_NOT_PUBLIC = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
        # A public number that a large cloud keeps for the host beneath its machines.
        "168.63.129.16/32",
    )
]  # fmt: skip
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_AFTER_ALL = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_PORTS = {None, *range(1, 65_536)}
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""An IPv4 address as a network without IPv4 sees it (RFC 6052)."""


class NotReached(Exception):
    """Nobody answered, or nobody was asked; `why` says what was in the way, and nothing of what was sent."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


class TooMuch(Exception):
    """They sent more than was wanted."""


class NotNow(Exception):
    """It could not be had now, and may be later; why is no secret."""


class Fetched(msgspec.Struct, frozen=True):
    """What was answered: only of a 200 the body is read."""

    status: int
    body: bytes


def read(url: str, *, anywhere: bool | None = None) -> httpx.URL:
    """The address, if it is one that may be called, as far as can be said without looking its name up.

    It is encrypted, names a host and no user, and does not write a private address out. `anywhere`: it may; None: as
    it is where this city's mode has shops. Raises NotReached."""
    anywhere = settings().sandbox if anywhere is None else anywhere
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise NotReached("address_refused") from None
    schemes = {"https", "http"} if anywhere else {"https"}
    if read.scheme not in schemes or not read.raw_host or read.userinfo or read.port not in _PORTS:
        raise NotReached("address_refused")
    if _is_address(_host(read)):
        _check([_host(read)], anywhere=anywhere)
    return read


async def post(url: str, body: bytes, headers: dict[str, str], *, of: str = "") -> int:
    """Send it once; returns the status of the answer, whatever it is: a redirect is an answer like any other.

    `of`: who named the address; a name server of theirs that says nothing keeps only them waiting. What else is said
    in the answer is not read. Raises NotReached."""
    anywhere = settings().sandbox

    async def post_to(target: httpx.URL, address: str) -> int:
        return await _post_to(target, address, body, headers)

    return await _call(read(url, anywhere=anywhere), post_to, of, WITHIN_S, anywhere=anywhere)


async def get(url: str, *, most_bytes: int, of: str = "") -> Fetched:
    """What is at an address that somebody (`of`) named: on the open Internet, encrypted, a sandbox's too.

    A redirect is an answer like any other. Raises NotReached, TooMuch."""

    async def get_from(target: httpx.URL, address: str) -> Fetched:
        return await _get_from(target, address, most_bytes)

    return await _call(read(url, anywhere=False), get_from, of, FETCH_WITHIN_S, anywhere=False)


async def file(url: str, *, most_bytes: int, of: str) -> bytes | None:
    """The file at an address that somebody (`of`) named; None: there is none for us, nor will there be.

    Raises NotNow."""
    try:
        fetched = await get(url, most_bytes=most_bytes, of=of)
    except TooMuch:
        return None
    except NotReached as silence:
        if silence.why in FOR_GOOD:
            return None
        raise NotNow(silence.why) from None
    if fetched.status == 429 or fetched.status >= 500:
        raise NotNow(f"answered {fetched.status}")
    return fetched.body or None


async def _call(
    target: httpx.URL,
    ask: Callable[[httpx.URL, str], Awaitable[T]],
    of: str,
    within_s: float,
    *,
    anywhere: bool,
) -> T:
    try:
        async with asyncio.timeout(within_s):
            addresses = await _look_up(target, of)
            _check(addresses, anywhere=anywhere)
            return await _ask_first(target, addresses[:MOST_TRIED], ask)
    except TimeoutError:
        raise NotReached("timeout") from None


async def _look_up(target: httpx.URL, of: str) -> list[str]:
    """Every address behind the host, as the machine would try them, each once. The one look at its name there is."""
    host, port = _host(target), target.port or (443 if target.scheme == "https" else 80)
    if _silent.get(host, 0) > monotonic():
        raise NotReached("timeout")
    looking = await _begin_to_look(host, port, of)
    try:
        async with asyncio.timeout(LOOK_UP_WITHIN_S):
            found = await asyncio.wrap_future(looking)
    except TimeoutError:
        if looking.running():
            _leave_in_peace(host)
        raise NotReached("timeout") from None
    except (OSError, UnicodeError):
        raise NotReached("name_unknown") from None
    return list(dict.fromkeys(found))


async def _begin_to_look(host: str, port: int, of: str) -> Future[list[str]]:
    """In a thread, when one of their places is free. It is taken until the thread is back, however long that is."""
    loop = asyncio.get_running_loop()
    places = _places.setdefault(of, asyncio.Semaphore(LOOK_UPS_OF_ONE))
    await places.acquire()

    def leave(_: Future[list[str]]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(places.release)

    looking = _look_ups.submit(_resolve, host, port)
    looking.add_done_callback(leave)
    return looking


def _leave_in_peace(host: str) -> None:
    now = monotonic()
    for name in [name for name, until in _silent.items() if until <= now]:
        del _silent[name]
    _silent[host] = now + SILENT_FOR_S


def _resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _host(target: httpx.URL) -> str:
    return target.raw_host.decode("ascii").removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check(addresses: Sequence[str], *, anywhere: bool) -> None:
    """One private address among public ones is a mistake or a trap: nobody is called then."""
    if not addresses or not (anywhere or all(map(is_public, addresses))):
        raise NotReached("address_refused")


def is_public(text: str) -> bool:
    """Does this address belong to somebody on the open Internet? One that carries another is judged by that one."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or _translated(address)
        if inside is None:
            return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_AFTER_ALL)
        address = inside
    return not any(address in network for network in _NOT_PUBLIC)


def _translated(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _TRANSLATED else None


async def _ask_first(target: httpx.URL, addresses: Sequence[str], ask: Callable[[httpx.URL, str], Awaitable[T]]) -> T:
    """The first address that takes the connection; once there is one, nobody else is asked."""
    why: Why = "not_connected"
    for address in addresses:
        try:
            return await ask(target, address)
        except httpx.ConnectError as problem:
            why = "not_trusted" if _is_about_trust(problem) else "not_connected"
        except httpx.ConnectTimeout:
            why = "timeout"
        except (httpx.HTTPError, OSError):
            raise NotReached("broken") from None
    raise NotReached(why)


async def _post_to(target: httpx.URL, address: str, body: bytes, headers: dict[str, str]) -> int:
    """No proxy: it would connect for us, wherever it likes. Nothing of the body is read: there is no end to one."""
    async with (
        httpx.AsyncClient(
            verify=trusted(), trust_env=False, timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S)
        ) as client,
        client.stream(
            "POST",
            target.copy_with(host=address),
            content=body,
            headers={**headers, "host": target.netloc.decode("ascii"), "accept-encoding": "identity"},
            extensions={"sni_hostname": _host(target)},
            follow_redirects=False,
        ) as answer,
    ):
        return answer.status_code


async def _get_from(target: httpx.URL, address: str, most_bytes: int) -> Fetched:
    """No compression is taken: what is small on the way could be large here."""
    async with (
        httpx.AsyncClient(
            verify=trusted(), trust_env=False, timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S)
        ) as client,
        client.stream(
            "GET",
            target.copy_with(host=address),
            headers={"host": target.netloc.decode("ascii"), "accept-encoding": "identity", "accept": FILES},
            extensions={"sni_hostname": _host(target)},
            follow_redirects=False,
        ) as answer,
    ):
        if answer.status_code != OK:
            return Fetched(answer.status_code, b"")
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > most_bytes:
                raise TooMuch
        return Fetched(answer.status_code, bytes(body))


def _is_about_trust(problem: BaseException) -> bool:
    """Was it the certificate, or how they speak TLS?"""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
