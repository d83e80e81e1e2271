"""How many requests a minute: from each who is signed in, and from each address that strangers come from.

Redis is where a city's processes share a limit. They don't ask it each time: hits are bought in blocks (a twentieth
of the rate, a hundred at most) and spent here, so that most requests cost a look into a dict. A block that was bought
counts, spent or not; so between a limit and what somebody gets there may be a block for each process, either way.
Without Redis, or when it fails or takes longer than a fifth of a second, each process counts by itself: the limit is
then one for each process, and nobody waits. This keeps the city standing; what guards secrets is in `budgets`.

Whoever shows something that must be looked up first is a stranger until it is found (`look_up`), so that a flood of
made-up tokens ends before the database."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

import redis.asyncio
import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.config import Settings
from app.errors import TooManyRequests, send_problem
from app.types import address_key

log = structlog.get_logger()

WINDOW_S = 60
BLOCKS = 20
MOST_IN_A_BLOCK = 100
REDIS_TIMEOUT_S = 0.2
REDIS_REST_S = 5.0
"""How long a Redis that failed is not asked."""
MOST_HANDS = 50_000

UNCOUNTED = frozenset({"/livez", "/readyz", "/metrics"})
"""What the machines that watch ask; they must see a city that is flooded. Nobody looks who they are."""

T = TypeVar("T")


class Rates:
    """The middleware, in pure ASGI; it stands where `scope["user"]` is known and nothing of the body was read."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.residents_most = settings.rate_per_minute
        self.strangers_most = settings.stranger_rate_per_minute
        self.hands: dict[object, _Hand] = {}
        self.stock: _Stock | None = None
        self.redis_url = settings.redis_url

    def start(self) -> None:
        """Count together with the city's other processes from now on, if there is a Redis."""
        if self.redis_url is not None:
            self.stock = _Stock(self.redis_url)

    async def close(self) -> None:
        """Let go of Redis; hits are counted here then."""
        stock, self.stock = self.stock, None
        if stock is not None:
            await stock.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in UNCOUNTED:
            user = scope["user"]
            wait_s = await (self.hit_stranger(scope) if user is None else self._hit(user.id, self.residents_most))
            if wait_s:
                await send_problem(TooManyRequests(retry_after_s=wait_s), scope, send)
                return
        await self.app(scope, receive, send)

    async def look_up(self, scope: HTTPScope, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What `look` finds for whoever says who they are: a stranger until it is found, who then gets the hit back.
        Raises TooManyRequests before it looks.

        It is for what was not good here a moment ago. So whoever is known passes, even where others at their address
        have used up what strangers get."""
        counted_before = "stranger_counted" in scope["state"]
        wait_s = await self.hit_stranger(scope)
        if wait_s:
            raise TooManyRequests(retry_after_s=wait_s)
        found = await look()
        if found is not None and not counted_before:
            self._give_back(scope)
        return found

    async def hit_stranger(self, scope: HTTPScope) -> int:
        """Count a request once as one of its address's strangers; 0, or the seconds to wait."""
        if "stranger_counted" in scope["state"]:
            return 0
        wait_s = await self._hit(address_key(scope["state"]["address"]), self.strangers_most)
        if not wait_s:
            scope["state"]["stranger_counted"] = True
        return wait_s

    def _give_back(self, scope: HTTPScope) -> None:
        del scope["state"]["stranger_counted"]
        hand = self.hands.get(address_key(scope["state"]["address"]))
        if hand is not None:
            hand.left += 1

    async def _hit(self, key: object, most: int) -> int:
        hand = self.hands.get(key)
        if hand is None or hand.left < 1 or hand.until <= monotonic():
            return await self._fill(hand or self._new_hand(key), str(key), most)
        hand.left -= 1
        return 0

    async def _fill(self, hand: "_Hand", key: str, most: int) -> int:
        """Take a hit from a hand that may be empty; 0, or the seconds to wait for one."""
        async with hand.turn:
            if hand.until <= monotonic() or (hand.left < 1 and hand.may_buy):
                await self._buy(hand, key, most)
            if hand.left < 1:
                return max(1, math.ceil(hand.until - monotonic()))
            hand.left -= 1
            return 0

    async def _buy(self, hand: "_Hand", key: str, most: int) -> None:
        bought = None if self.stock is None else await self.stock.buy(key, most)
        if bought is None:  # a window of this process's own
            hand.left, hand.until, hand.may_buy = most, monotonic() + WINDOW_S, False
        elif bought:
            hand.left, hand.until, hand.may_buy = bought, monotonic() + WINDOW_S, True
        else:
            hand.left, hand.until, hand.may_buy = 0, monotonic() + 1, False

    def _new_hand(self, key: object) -> "_Hand":
        if len(self.hands) >= MOST_HANDS:
            now = monotonic()
            self.hands = {kept: hand for kept, hand in self.hands.items() if hand.until > now}
            for oldest in list(self.hands)[: len(self.hands) - MOST_HANDS // 2]:
                del self.hands[oldest]
        hand = self.hands[key] = _Hand()
        return hand


class _Hand:
    """The hits that somebody has left here, and until when; `may_buy`: when they are spent, there may be more."""

    __slots__ = ("left", "may_buy", "turn", "until")

    def __init__(self) -> None:
        self.left = 0
        self.until = 0.0
        self.may_buy = True
        self.turn = asyncio.Lock()


class _Stock:
    """The hits that a city's processes share, in Redis; one that failed rests for a while."""

    def __init__(self, url: str) -> None:
        self.pool = redis.asyncio.ConnectionPool.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        pool: Any = self.pool
        storage = RedisStorage("redis://", implementation="redispy", key_prefix="huong:rates", connection_pool=pool)
        self.limiter = SlidingWindowCounterRateLimiter(storage)
        self.rests_until = 0.0

    async def buy(self, key: str, most: int) -> int | None:
        """A block of hits, or the last one of them, or 0; None: Redis does not say."""
        if self.rests_until > monotonic():
            return None
        limit = RateLimitItemPerMinute(most)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                for hits in sorted({max(1, min(most // BLOCKS, MOST_IN_A_BLOCK)), 1}, reverse=True):
                    if await self.limiter.hit(limit, key, cost=hits):
                        return hits
        except (redis.RedisError, OSError, TimeoutError) as trouble:
            self.rests_until = monotonic() + REDIS_REST_S
            log.warning("Redis does not count; each process counts by itself", error=repr(trouble))
            return None
        return 0

    async def close(self) -> None:
        """End its connections."""
        await self.pool.aclose()
