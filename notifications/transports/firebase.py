"""FCM by Google's own `firebase-admin`, for who prefers its client to ours; and topics for phones that cannot join.

What it does otherwise than one would think, in 7.7.0, and what is done about it here:

- It tries again by itself, four times on 500 and 503, and its HTTP/2 pool may hang afterwards: no retries here, the
  caller's queue has its own.
- `send_each_async` sends nothing unless told `dry_run=False`, which is not its default, and takes 500 at most.
- It fetches access tokens in the event loop, by `requests`, and sends what was answered 401 twice more, also when the
  401 is about Apple's push service: it is shown a token that `google_access` keeps instead, and asks once.
- One message that it cannot write (a topic's name, an empty token) keeps all others from being sent: then they go
  one by one.
- A 429's Retry-After is ignored: it is read from the answer that the error holds.
- `Message(token=…)` warns each time that it is deprecated: the field is set afterwards.
- `delete_app` calls `asyncio.run`, which fails in an event loop: it is called in a thread.
- Its address is fixed: for another one its service's own attribute is set."""

import asyncio
import ssl
from collections.abc import Generator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

import firebase_admin
import httpx
import structlog
from firebase_admin import credentials, messaging
from firebase_admin._http_client import METRICS_HEADERS, HttpxAsyncClient
from firebase_admin._retry import HttpxRetry, HttpxRetryTransport
from google.auth.credentials import Credentials

from app.clock import city_now
from app.config import GOOGLE_FCM_URL
from notifications.transports import fcm_message
from notifications.transports.face import Lane, Outcome, Push
from notifications.transports.fcm_answers import outcome_of, wants_new_access
from notifications.transports.google_access import Access, NoAccess
from notifications.transports.proxy import proxy_to

log = structlog.get_logger()

MOST_AT_ONCE = 500
ANSWER_WITHIN_S = 15
KINDS = ("token", "fid", "topic", "condition")
NOTIFICATION_PRIORITY: dict[Lane, str] = {"critical": "max", "transactional": "high", "bulk": "default"}

_messaging: Any = messaging


class _Shown(Credentials):
    """A token that others keep fresh; it never fetches one."""

    def refresh(self, request: Any) -> None:
        """Nothing: whoever sends asks for a new one and sends again."""


class _Bearer(httpx.Auth):
    """Shows the token, once."""

    def __init__(self, shown: Any) -> None:
        self.shown = shown

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with the token."""
        request.headers["authorization"] = f"Bearer {self.shown.token}"
        yield request


class _Certified(credentials.Base):
    """What `firebase-admin` asks for its credential."""

    def __init__(self, shown: _Shown) -> None:
        super().__init__()
        self.shown = shown

    def get_credential(self) -> Any:
        """Google's kind of it."""
        return self.shown


class Firebase:
    """The transport. `url`: FCM's address, without a path."""

    def __init__(self, access: Access, url: str = GOOGLE_FCM_URL, *, ca: Path | None = None) -> None:
        self.access = access
        self._shown: Any = _Shown()
        options = {"projectId": access.project, "httpTimeout": ANSWER_WITHIN_S}
        self.app: Any = firebase_admin.initialize_app(_Certified(self._shown), options, name=f"huong-{uuid4()}")
        service: Any = _messaging._get_messaging_service(self.app)  # it is made once for each app
        service._fcm_url = f"{url}/v1/projects/{access.project}/messages:send"
        service._fcm_topic_url = f"{url}/v1/projects/{access.project}/registrations"
        service._async_client = self._client = _client(self._shown, url, ca)

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """One outcome for each, in order; nothing is raised."""
        outcomes: list[Outcome] = []
        for start in range(0, len(pushes), MOST_AT_ONCE):
            outcomes += await self._send(pushes[start : start + MOST_AT_ONCE])
        return outcomes

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()
        await self.access.close()
        await asyncio.to_thread(firebase_admin.delete_app, self.app)  # it runs an event loop of its own

    async def _send(self, pushes: Sequence[Push]) -> list[Outcome]:
        now = city_now()
        outcomes: dict[int, Outcome] = {}
        messages: list[tuple[int, Any]] = []
        for at, push in enumerate(pushes):
            try:
                messages.append((at, message_of(push, now)))
            except ValueError as problem:
                outcomes[at] = Outcome("refused", type(problem).__name__)
        outcomes |= await self._send_messages(messages)
        return [outcomes[at] for at in range(len(pushes))]

    async def _send_messages(self, messages: list[tuple[int, Any]], *, again: bool = True) -> dict[int, Outcome]:
        if not messages:
            return {}
        try:
            token = self._shown.token = await self.access.wait()
            sent = await _messaging.send_each_async([message for _, message in messages], False, self.app)
        except NoAccess as problem:
            return {at: Outcome("again", problem.why, problem.after_s) for at, _ in messages}
        except ValueError as problem:  # one of them it cannot write; which one it does not say
            if len(messages) == 1:
                return {messages[0][0]: Outcome("refused", type(problem).__name__)}
            one_by_one = [await self._send_messages([message]) for message in messages]
            return {at: outcome for outcomes in one_by_one for at, outcome in outcomes.items()}
        except Exception as problem:  # it wraps whatever goes wrong with one into an error of all
            log.warning("firebase-admin failed", error=type(problem).__name__)
            return {at: Outcome("again", type(problem).__name__) for at, _ in messages}
        outcomes: dict[int, Outcome] = {}
        unknown: list[tuple[int, Any]] = []
        for (at, message), response in zip(messages, sent.responses, strict=True):
            if again and _wants_new_access(response.exception):
                unknown.append((at, message))
            else:
                outcomes[at] = _outcome(response)
        if unknown:
            self.access.refused(token)
        return outcomes | await self._send_messages(unknown, again=False)

    async def join(self, tokens: Sequence[str], topic: str) -> list[str | None]:
        """Put phones into a topic that cannot do so themselves; for each FCM's word for why not, or None."""
        return await self._manage(_messaging.subscribe_to_topic_async, tokens, topic)

    async def leave(self, tokens: Sequence[str], topic: str) -> list[str | None]:
        """And out of it."""
        return await self._manage(_messaging.unsubscribe_from_topic_async, tokens, topic)

    async def _manage(self, ask: Any, tokens: Sequence[str], topic: str) -> list[str | None]:
        """At most a thousand at once (its own limit); raises NoAccess."""
        self._shown.token = await self.access.wait()
        answer = await ask(list(tokens), topic, self.app)
        reasons: dict[int, str] = {error.index: error.reason for error in answer.errors}
        return [reasons.get(at) for at in range(len(tokens))]


def message_of(push: Push, now: datetime) -> Any:
    """The push in `firebase-admin`'s words; raises ValueError for what FCM does not carry."""
    if push.target_kind not in KINDS:
        raise ValueError(f"FCM knows no {push.target_kind}")
    title, body = fcm_message.words_that_fit(push, now)
    link = fcm_message.web_link(push)
    ttl_s = fcm_message.ttl_s(push, now)
    data = {"category": push.category, "lane": push.lane, "delivery_id": str(push.delivery_id)}
    message = _messaging.Message(
        data=data if push.link is None else {**data, "link": push.link},
        notification=_messaging.Notification(title=title, body=body),
        android=_messaging.AndroidConfig(
            collapse_key=push.collapse_key,
            priority="normal" if push.lane == "bulk" else "high",
            ttl=ttl_s,
            notification=_messaging.AndroidNotification(
                channel_id=push.category, tag=push.shown_as, priority=NOTIFICATION_PRIORITY[push.lane]
            ),
        ),
        apns=_messaging.APNSConfig(
            headers={
                "apns-push-type": "alert",
                "apns-priority": "5" if push.lane == "bulk" else "10",
                "apns-expiration": str(int(push.expires_at.timestamp())),
                "apns-collapse-id": push.shown_as,
            },
            payload=_messaging.APNSPayload(
                aps=_messaging.Aps(
                    sound=None if push.lane == "bulk" else "default",
                    thread_id=push.category,
                    mutable_content=True,
                    custom_data={"interruption-level": fcm_message.INTERRUPTION[push.lane]},
                )
            ),
        ),
        webpush=_messaging.WebpushConfig(
            headers={
                "TTL": str(ttl_s),
                "Urgency": fcm_message.URGENCY[push.lane],
                "Topic": push.collapse_key,
            },
            notification=_messaging.WebpushNotification(tag=push.shown_as),
            fcm_options=_messaging.WebpushFCMOptions(link=link) if link else None,
        ),
    )
    setattr(message, push.target_kind, push.target)
    return message


def _client(shown: _Shown, url: str, ca: Path | None) -> Any:
    """Its own client, without retries, and trusting whom we are told to."""
    trusted = httpx.create_ssl_context() if ca is None else ssl.create_default_context(cafile=ca)
    transport = HttpxRetryTransport(
        retry=HttpxRetry(max_retries=0), verify=trusted, proxy=proxy_to(urlsplit(url).hostname or "")
    )
    client: Any = HttpxAsyncClient(retry_config=HttpxRetry(max_retries=0), timeout=ANSWER_WITHIN_S)
    client._async_client = httpx.AsyncClient(
        auth=_Bearer(shown), timeout=ANSWER_WITHIN_S, headers=METRICS_HEADERS, transport=transport
    )
    return client


def _outcome(response: Any) -> Outcome:
    if response.exception is None:
        return Outcome("accepted", name=response.message_id or "")
    answer = cast(httpx.Response | None, response.exception.http_response)
    if answer is None:
        return Outcome("again", type(response.exception.cause or response.exception).__name__)
    return outcome_of(answer.status_code, answer.content, answer.headers.get("retry-after"))


def _wants_new_access(exception: Any) -> bool:
    answer = None if exception is None else cast(httpx.Response | None, exception.http_response)
    return answer is not None and wants_new_access(answer.status_code, answer.content)
