"""Messages to browsers, by the push service that each browser names: Web Push.

Generic Event Delivery Using HTTP Push (RFC 8030), sealed for the browser (RFC 8291, aes128gcm), with the city's name
under it (VAPID, RFC 8292). `pywebpush` seals and signs, in threads; what is sent goes over connections that are kept.

A subscription says where it wants to be called, so that it is an address that somebody else has chosen. Only push
services that the settings list are called, by https, at public addresses, and no redirect is followed: a browser that
names anything else is nobody's. In a sandbox the stand-in is one of them."""

import asyncio
import contextlib
import re
import socket
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import msgspec
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher
from yarl import URL

from app import guarded
from app.clock import city_now
from app.config import Settings, settings
from app.errors import Refusal
from app.outside import trusted, wanted_wait_s
from notifications.models import WebPushKey
from notifications.transports.face import NO_PLACE, PLACE_WITHIN_S, Lane, Outcome, Push, has_place

log = structlog.get_logger()

AT_ONCE = 64
"""Of each lane: a warning does not wait behind the news that a slow service keeps."""
SEALED_AT_ONCE = 8
"""In one go of the thread: two milliseconds."""
WITHIN_S = 10.0
CONNECT_WITHIN_S = 4.0
MOST_PLAIN_BYTES = 3993
"""4,096 bytes, less the head (86), the tag (16) and the end of the padding (1): RFC 8291, 4."""
MOST_TTL_S = 28 * 86_400
"""What the large services keep a message for."""
SIGNED_FOR = timedelta(hours=12)
"""Of 24 hours that a service takes (RFC 8292, 2); half of that is left when it is renewed."""
_ADDRESS = re.compile(r"[a-z]+://[0-9A-Za-z._~:/?#\[\]@!$&'()*+,;=%-]{1,990}")
"""RFC 3986, 2: no other letters, and none that one library reads otherwise than another."""
BADGE = "/badge.png"
"""The small picture of the status line, as the client serves it."""

_sealing = ThreadPoolExecutor(1, thread_name_prefix="seal")
"""One: sealing holds the interpreter most of the time, and many threads would keep the loop waiting in turn."""

URGENCY: dict[Lane, str] = {"critical": "high", "transactional": "normal", "bulk": "low"}
"""RFC 8030, 5.3: how little battery may be left before the phone lets it wait."""


class WebPushNotConfigured(Refusal):
    """Thành phố chưa mở thông báo trên trình duyệt; hãy dùng ứng dụng trên điện thoại.

    The city does not send notifications to browsers yet; please use the app on your phone."""

    status = 503


class Keys(msgspec.Struct, frozen=True):
    """A browser's public point and its secret, in base64url."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct, frozen=True):
    """What `PushSubscription.toJSON()` says in a browser."""

    endpoint: str
    keys: Keys


class NotABrowser(Exception):
    """This subscription cannot be one; why."""


class _Sealed(NamedTuple):
    url: URL
    body: bytes
    headers: dict[str, str]


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What the service worker gets. `tag`: a newer one takes the place of an older."""

    title: str
    body: str
    tag: str
    link: str | None
    category: str
    delivery_id: str
    badge: str


def city_key() -> WebPushKey:
    """What a browser subscribes with (`applicationServerKey`); raises WebPushNotConfigured."""
    try:
        public = _vapid(settings().vapid_private_key).private_key.public_key()
    except VapidException:
        raise WebPushNotConfigured from None
    return WebPushKey(key=_base64(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


def read(target: str) -> tuple[Subscription, URL]:
    """A subscription and its address, as far as can be said without calling it; raises NotABrowser."""
    try:
        subscription = msgspec.json.decode(target, type=Subscription)
        point, secret = _bytes(subscription.keys.p256dh), _bytes(subscription.keys.auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (msgspec.DecodeError, ValueError):
        raise NotABrowser("malformed") from None
    if len(point) != 65 or len(secret) != 16:
        raise NotABrowser("malformed")
    return subscription, _address(subscription.endpoint)


def _address(endpoint: str) -> URL:
    """Read once, by the library that calls it: what was looked at is what is called.

    As it is: an escape that was written another way would be another token to Microsoft's service."""
    try:
        url = URL(endpoint, encoded=True)
        fine = _ADDRESS.fullmatch(endpoint) is not None and _is_called(url, settings())
    except ValueError:
        raise NotABrowser("address_refused") from None
    if not fine:
        raise NotABrowser("address_refused")
    return url


def _is_called(url: URL, here: Settings) -> bool:
    """Raises ValueError for what is no address."""
    origin, host = str(url.origin()), (url.host or "").lower()
    if url.user is not None or url.password is not None or url.fragment:
        return False
    if here.sandbox and origin == here.stand_ins_url:
        return url.path.startswith("/web-push/") and ".." not in url.path
    return url.scheme == "https" and url.port == 443 and any(_is_below(host, one) for one in here.push_hosts)


def _is_below(host: str, pattern: str) -> bool:
    pattern = pattern.lower()
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


class WebPush:
    """Carries `web_push` pushes; for the event loop in which it first sends, and to be closed there."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._rooms: dict[Lane, asyncio.Semaphore] = {lane: asyncio.Semaphore(at_once) for lane in URGENCY}
        self._session: aiohttp.ClientSession | None = None

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """Seal them in threads and hand them over, side by side.

        `gone`: the browser has ended its subscription, or never had one; `again`: the service is busy, down or not
        to be reached, or this city has no key."""
        try:
            signing = _Signing(_vapid(settings().vapid_private_key), settings().vapid_subject)
        except VapidException as trouble:
            log.error("web push: this city cannot sign", why=str(trouble))
            return [Outcome("again", "the city has no key")] * len(pushes)
        until = asyncio.get_running_loop().time() + PLACE_WITHIN_S
        bunches = [pushes[at : at + SEALED_AT_ONCE] for at in range(0, len(pushes), SEALED_AT_ONCE)]
        done = await asyncio.gather(*(self._send_bunch(bunch, signing, until) for bunch in bunches))
        return [outcome for outcomes in done for outcome in outcomes]

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send_bunch(self, pushes: Sequence[Push], signing: "_Signing", until: float) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        ready = await loop.run_in_executor(_sealing, lambda: [_ready(push, signing) for push in pushes])
        rooms = [self._rooms[push.lane] for push in pushes]
        return list(await asyncio.gather(*(self._post(*one, until) for one in zip(ready, rooms, strict=True))))

    async def _post(self, ready: _Sealed | Outcome, room: asyncio.Semaphore, until: float) -> Outcome:
        if isinstance(ready, Outcome):
            return ready
        if not await has_place(room, until):
            return NO_PLACE
        try:
            async with self._opened().post(
                ready.url, data=ready.body, headers=ready.headers, allow_redirects=False
            ) as answer:
                outcome = _outcome(answer.status, answer.headers)
                # What they say is not read, but a little of it is, so that the connection can be kept.
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    await answer.content.read(4096)
                return outcome
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            return Outcome("again", type(problem).__name__)
        except ValueError as problem:  # what no header may say
            return Outcome("refused", type(problem).__name__)
        finally:
            room.release()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=AT_ONCE * len(self._rooms), resolver=_PublicOnly(), ttl_dns_cache=60, ssl=trusted()
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=WITHIN_S, sock_connect=CONNECT_WITHIN_S),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class _PublicOnly(AbstractResolver):
    """Names lead to public addresses or nowhere, so that a listed name that was taken over leads to nobody's router.

    What was looked at is what is connected to: the connector asks no one else."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError for what is not public, but for the stand-in's."""
        found = await self._resolver.resolve(host, port, family)
        anywhere = settings().sandbox and host == "localhost"
        if not anywhere and not all(guarded.is_public(address["host"].partition("%")[0]) for address in found):
            raise OSError(f"{host} is not a public address")
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()


def _ready(push: Push, signing: "_Signing") -> _Sealed | Outcome:
    """What is to be posted, or why nothing is. It takes some tenths of a millisecond: for a thread."""
    if push.target_kind != "web_push":
        return Outcome("refused", "no browser's subscription")
    ttl_s = min(int((push.expires_at - city_now()).total_seconds()), MOST_TTL_S)
    if ttl_s <= 0:
        return Outcome("refused", "expired")
    try:
        subscription, url = read(push.target)
    except NotABrowser as why:
        return Outcome("gone", str(why))
    plain = payload(push)
    if len(plain) > MOST_PLAIN_BYTES:
        return Outcome("refused", "too long")
    headers = {
        **signing.headers(str(url.origin())),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(ttl_s),
        "urgency": URGENCY[push.lane],
        "topic": push.collapse_key,
    }
    return _Sealed(url, seal(subscription, plain), headers)


def seal(subscription: Subscription, plain: bytes) -> bytes:
    """So that only this browser can read it (RFC 8291): 103 bytes longer, each time under another key."""
    return WebPusher(msgspec.to_builtins(subscription)).encode(plain)["body"]


def payload(push: Push) -> bytes:
    """What the service worker gets, as JSON; the body is cut if it is too long for one record."""
    whole = _encoded(push, push.body)
    if len(whole) <= MOST_PLAIN_BYTES:
        return whole
    fits, too_long = 0, len(push.body)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(_encoded(push, f"{push.body[:middle]}…")) <= MOST_PLAIN_BYTES:
            fits = middle
        else:
            too_long = middle
    return _encoded(push, f"{push.body[:fits].rstrip()}…")


def _encoded(push: Push, body: str) -> bytes:
    return msgspec.json.encode(
        _Payload(
            title=push.title,
            body=body,
            tag=push.shown_as,
            link=push.link,
            category=push.category,
            delivery_id=str(push.delivery_id),
            badge=BADGE,
        )
    )


def _outcome(status: int, headers: Mapping[str, str]) -> Outcome:
    """RFC 8030, 5 and 7.3, and how Google, Mozilla, Microsoft and Apple read it."""
    match status:
        case 200 | 201 | 202 | 204:
            return Outcome("accepted", name=headers.get("location", "").rpartition("/")[2])
        case 404 | 410:
            return Outcome("gone", f"answered {status}")
        case 408 | 425 | 429:
            return Outcome("again", f"answered {status}", after_s=wanted_wait_s(headers.get("retry-after")))
        case _ if status >= 500:
            return Outcome("again", f"answered {status}", after_s=wanted_wait_s(headers.get("retry-after")))
        case _:
            # A wrong key of ours would be answered so for every browser: none of them is dropped for it.
            log.error("web push refused", status=status)
            return Outcome("refused", f"answered {status}")


class _Signing:
    """The city's name under what it sends: one signature for all that goes to one service in a send."""

    def __init__(self, vapid: Vapid02, subject: str) -> None:
        """Raises VapidException for a subject that is no mailto: or https: address."""
        self._vapid = vapid
        self._subject = subject
        self.headers("https://push.example")

    def headers(self, origin: str) -> dict[str, str]:
        """RFC 8292, 2: what is signed names the service, so that no service can use it at another."""
        until_s = int((city_now() + SIGNED_FOR).timestamp())
        half_s = int(SIGNED_FOR.total_seconds()) // 2
        return dict(_signed(self._vapid, self._subject, origin, until_s - until_s % half_s))


@lru_cache(1000)
def _signed(vapid: Vapid02, subject: str, origin: str, until_s: int) -> dict[str, str]:
    """Good for six to twelve hours: the same for all who ask within six."""
    return vapid.sign({"aud": origin, "exp": until_s, "sub": subject})


@lru_cache(4)
def _vapid(private_key: str) -> Vapid02:
    """Raises VapidException."""
    if not private_key:
        raise VapidException("none is set")
    try:
        return Vapid02.from_string(private_key)
    except (ValueError, TypeError):
        raise VapidException("the one that is set is no key of P-256") from None


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
