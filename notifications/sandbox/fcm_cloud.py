"""What the stand-in of FCM knows and decides: who may send, whether a message is one, which phone got what, and what
goes wrong next. It reads messages by a definition of its own, as strictly as FCM does."""

import secrets
from collections import Counter, OrderedDict, deque
from datetime import datetime
from itertools import count
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from msgspec import Meta

from app.clock import city_now

TOKEN_LIFE_S = 3600
MOST_PHONES = 10_000
HUGE_BYTES = 40_000
MOST_PAYLOAD_BYTES, MOST_TOPIC_PAYLOAD_BYTES = 4096, 2048
SCOPES = {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What `google-auth` writes into its assertions, wherever it sends them."""
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

Answered = Literal[
    "bad_token", "bad_message", "unauthenticated", "third_party", "sender_mismatch", "unregistered", "not_found",
    "quota", "unavailable", "internal", "huge",
]  # fmt: skip
Parting = Literal["goaway", "farewell"]
"""`goaway`: it is the last that this connection takes; `farewell`: the same in two steps, as busy front ends do it:
first a GOAWAY that cuts nothing off, a little later the one that counts (RFC 9113, 6.8)."""
Broken = Literal["stall", "silence", "reset", "refuse_stream", "drop"]
"""`stall`: the connection says nothing any more, to nobody;
`silence`: this one is never answered; `reset`, `refuse_stream`: RST_STREAM with INTERNAL_ERROR or REFUSED_STREAM;
`drop`: the connection is cut."""

Duration = Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?s$(?!\n)")]
Topic = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9\-_.~%]{1,900}$(?!\n)")]
Https = Annotated[str, Meta(pattern=r"^https://")]


class _Closed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class _Notification(_Closed):
    title: str | None = None
    body: str | None = None
    image: str | None = None


class _AndroidNotification(_Closed):
    title: str | None = None
    body: str | None = None
    icon: str | None = None
    color: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")] | None = None
    sound: str | None = None
    tag: str | None = None
    click_action: str | None = None
    body_loc_key: str | None = None
    body_loc_args: list[str] | None = None
    title_loc_key: str | None = None
    title_loc_args: list[str] | None = None
    channel_id: str | None = None
    ticker: str | None = None
    sticky: bool | None = None
    event_time: datetime | None = None
    local_only: bool | None = None
    notification_priority: (
        Literal["PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"] | None
    ) = None
    default_sound: bool | None = None
    default_vibrate_timings: bool | None = None
    default_light_settings: bool | None = None
    vibrate_timings: list[Duration] | None = None
    visibility: Literal["PRIVATE", "PUBLIC", "SECRET"] | None = None
    notification_count: int | None = None
    light_settings: dict[str, Any] | None = None
    image: str | None = None
    proxy: Literal["ALLOW", "DENY", "IF_PRIORITY_LOWERED"] | None = None


class _Label(_Closed):
    analytics_label: str | None = None


class _Android(_Closed):
    collapse_key: str | None = None
    priority: Literal["normal", "high", "NORMAL", "HIGH"] | None = None
    ttl: Duration | None = None
    restricted_package_name: str | None = None
    data: dict[str, str] | None = None
    notification: _AndroidNotification | None = None
    fcm_options: _Label | None = None
    direct_boot_ok: bool | None = None
    bandwidth_constrained_ok: bool | None = None
    restricted_satellite_ok: bool | None = None


class _WebOptions(_Closed):
    link: Https | None = None
    analytics_label: str | None = None


class _Web(_Closed):
    headers: dict[str, str] | None = None
    data: dict[str, str] | None = None
    notification: dict[str, Any] | None = None
    fcm_options: _WebOptions | None = None


class _ApnsOptions(_Closed):
    analytics_label: str | None = None
    image: str | None = None


class _ApnsPayload(msgspec.Struct, frozen=True):
    aps: dict[str, Any]


class _Apns(_Closed):
    headers: dict[str, str] | None = None
    payload: _ApnsPayload | None = None
    fcm_options: _ApnsOptions | None = None
    live_activity_token: str | None = None


class _Message(_Closed):
    name: str | None = None
    data: dict[str, str] | None = None
    notification: _Notification | None = None
    android: _Android | None = None
    webpush: _Web | None = None
    apns: _Apns | None = None
    fcm_options: _Label | None = None
    token: Annotated[str, Meta(min_length=1)] | None = None
    fid: Annotated[str, Meta(min_length=1)] | None = None
    topic: Topic | None = None
    condition: Annotated[str, Meta(min_length=1)] | None = None


class _Send(_Closed):
    message: _Message
    validate_only: bool = False


class Misbehave(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What goes wrong next: with messages for `target`, or all; each `every`-th of them; so many `times` (0: nothing
    any more). `forget_access`: no access token is good any more. `retry_after` is the header of 429 and 503."""

    next: Literal[Answered, Broken, Parting, "forget_access"]
    target: Annotated[str, Meta(max_length=4096)] | None = None
    times: Annotated[int, Meta(ge=0, le=10**9)] = 1
    every: Annotated[int, Meta(ge=1, le=10**9)] = 1
    retry_after: Annotated[str, Meta(max_length=40)] | None = None


class Received(msgspec.Struct, frozen=True):
    """A message as a phone has it."""

    target: str
    name: str
    at: datetime
    message: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """Of a request."""

    status: int
    body: bytes
    retry_after: str | None = None
    parting: Parting | None = None


class _Rule:
    """A mischief that is still to be done."""

    def __init__(self, wish: Misbehave) -> None:
        self.wish, self.left, self.seen = wish, wish.times, 0

    def takes(self, target: str) -> bool:
        """Is it this one's turn?"""
        if not self.left or self.wish.target not in (None, target):
            return False
        self.seen += 1
        if self.seen % self.wish.every:
            return False
        self.left -= 1
        return True


class Cloud:
    """FCM's books. `keep`: how many messages of each phone are kept; 0: they are counted only."""

    def __init__(self, project: str, account_email: str, public_key: RSAKey, *, keep: int = 20) -> None:
        self.project, self.account_email, self.public_key, self.keep = project, account_email, public_key, keep
        self.tokens: dict[str, float] = {}
        self.token_life_s = TOKEN_LIFE_S
        self.tokens_given = 0
        self.latency_s = 0.0
        self.took: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.phones: OrderedDict[str, deque[Received]] = OrderedDict()
        self.topics: dict[str, set[str]] = {}
        self.is_down = False
        self._rules: list[_Rule] = []
        self._numbers = count(1)
        self._decoder = msgspec.json.Decoder(_Send)

    def behave(self, wish: Misbehave) -> None:
        """From now on this too; nothing any more if its times are none."""
        if wish.next == "forget_access":
            self.tokens.clear()
        elif wish.times == 0:
            self._rules = [rule for rule in self._rules if rule.wish.next != wish.next]
        else:
            self._rules.append(_Rule(wish))

    def forget(self) -> None:
        """As if nobody had sent anything, and nothing were to go wrong."""
        self._rules.clear()
        self.took.clear()
        self.refused.clear()
        self.phones.clear()
        self.topics.clear()
        self.latency_s, self.token_life_s = 0.0, TOKEN_LIFE_S

    # Who may send

    def give_token(self, form: bytes) -> Answer:
        """An access token for an assertion that the account's key has signed (RFC 7523, 2.1)."""
        asked = dict(parse_qsl(form.decode("latin-1")))
        if asked.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return _oauth_error("unsupported_grant_type", "Invalid grant_type.")
        try:
            claims = jwt.decode(asked.get("assertion", ""), self.public_key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return _oauth_error("invalid_grant", "Invalid JWT Signature.")
        if claims.get("iss") != self.account_email or claims.get("aud") != AUDIENCE:
            return _oauth_error("invalid_grant", "Invalid issuer or audience.")
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            return _oauth_error("invalid_scope", "Invalid OAuth scope.")
        token = f"ya29.{secrets.token_urlsafe(120)}"
        self.tokens[token] = self._now_s() + self.token_life_s
        self.tokens_given += 1
        said = {"access_token": token, "expires_in": self.token_life_s, "token_type": "Bearer"}
        return Answer(200, msgspec.json.encode(said))

    def knows(self, authorization: str) -> bool:
        """Is this a token of ours, still good?"""
        return self.tokens.get(authorization.removeprefix("Bearer "), 0.0) > self._now_s()

    # What is sent

    def take(self, path: str, authorization: str, body: bytes | bytearray) -> Answer | Broken:
        """A `messages:send`: its answer, or what happens to it instead."""
        if not self.knows(authorization):
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if path != f"/v1/projects/{self.project}/messages:send":
            return _error(404, "NOT_FOUND", "Requested entity was not found.")
        try:
            sent = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
            return _invalid("message", f"Invalid JSON payload received. {mistake}")
        if wrong := _wrong_with(sent.message):
            return _invalid(*wrong)
        message = sent.message
        target = message.token or message.fid or message.topic or message.condition or ""
        if self._rules and (rule := next((rule for rule in self._rules if rule.takes(target)), None)):
            self._rules = [rule for rule in self._rules if rule.left]
            mischief = rule.wish.next
            if mischief in _ANSWERS:
                self.refused[mischief] += 1
                return _answer_of(mischief, rule.wish.retry_after)
            if mischief == "goaway" or mischief == "farewell":
                taken = self._keep(target, body, sent.validate_only)
                return msgspec.structs.replace(taken, parting=mischief)
            self.refused[mischief] += 1
            return mischief  # pyright: ignore[reportReturnType] - what is left is Broken
        return self._keep(target, body, sent.validate_only)

    def _keep(self, target: str, body: bytes | bytearray, dry: bool) -> Answer:
        name = f"projects/{self.project}/messages/{'fake_message_id' if dry else next(self._numbers)}"
        if not dry:
            self.took[target] += 1
            if self.keep:
                self._give(target, name, msgspec.json.decode(body)["message"])
        return Answer(200, b'{"name":"%b"}' % name.encode())

    def _give(self, target: str, name: str, message: dict[str, Any]) -> None:
        """What goes to a topic also reaches whoever was put into it."""
        received = Received(target, name, city_now(), message)
        for phone in (target, *self.topics.get(target, ())):
            kept = self.phones.setdefault(phone, deque(maxlen=self.keep))
            kept.appendleft(received)
            self.phones.move_to_end(phone, last=False)
        while len(self.phones) > MOST_PHONES:
            self.phones.popitem()

    def subscribe(self, authorization: str, token: str, topic: str, wanted: bool) -> Answer:
        """Put a phone into a topic, or take it out."""
        if not self.knows(authorization):
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        members = self.topics.setdefault(topic, set())
        if not wanted:
            members.discard(token)
        elif token in members:
            return _error(409, "ALREADY_EXISTS", "The subscription is there already.")
        else:
            members.add(token)
        return Answer(200, b"{}")

    def newest(self, most: int) -> list[Received]:
        """What the phones have got, the last to come first, whatever the city's clock said then."""
        kept = {(one.target, one.name): one for phone in self.phones.values() for one in phone}
        return sorted(kept.values(), key=lambda one: int(one.name.rpartition("/")[2]), reverse=True)[:most]

    def _now_s(self) -> float:
        return city_now().timestamp()


def _wrong_with(message: _Message) -> tuple[str, str] | None:
    """The field and the words, if it is no message for all its fields."""
    targets = [one for one in (message.token, message.fid, message.topic, message.condition) if one is not None]
    if not targets:
        return "message", "Recipient of the message is not set."
    if len(targets) > 1:
        return "message", "oneof field 'target' is already set."
    data = message.data or {}
    for name in data:
        if name in ("from", "message_type") or name.startswith(("google.", "gcm.notification.")):
            return f"message.data[{name}]", f"Invalid data payload key: {name}"
    notification = message.notification
    words = (notification.title or "", notification.body or "") if notification else ()
    size = sum(len(text.encode()) for text in (*words, *data, *data.values()))
    if size > (MOST_TOPIC_PAYLOAD_BYTES if message.topic or message.condition else MOST_PAYLOAD_BYTES):
        return "message", "Android message is too big"
    return None


def _error(status: int, code: str, message: str, details: list[dict[str, Any]] | None = None) -> Answer:
    said = {"code": status, "message": message, "status": code} | ({"details": details} if details else {})
    return Answer(status, msgspec.json.encode({"error": said}))


def _invalid(field: str, words: str) -> Answer:
    violations = [{"field": field, "description": words}]
    details = [
        {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"},
        {"@type": BAD_REQUEST, "fieldViolations": violations},
    ]
    return _error(400, "INVALID_ARGUMENT", words, details)


_ANSWERS: dict[str, tuple[int, str, str, str]] = {
    "bad_token": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                  "The registration token is not a valid FCM registration token"),
    "bad_message": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "unauthenticated": (401, "UNAUTHENTICATED", "", "Request had invalid authentication credentials."),
    "third_party": (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "Auth error from APNS or Web Push Service"),
    "sender_mismatch": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    "not_found": (404, "NOT_FOUND", "", "Requested entity was not found."),
    "quota": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded for quota metric 'Send requests'."),
    "unavailable": (503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."),
    "huge": (200, "OK", "", ""),
    "internal": (500, "INTERNAL", "INTERNAL", "Internal error encountered."),
}  # fmt: skip


def _answer_of(mischief: str, retry_after: str | None) -> Answer:
    status, code, fcm_code, message = _ANSWERS[mischief]
    if mischief == "bad_token":
        return _invalid("message.token", message)
    if mischief == "huge":
        return Answer(status, b" " * HUGE_BYTES + b"{}")
    details = [{"@type": FCM_ERROR, "errorCode": fcm_code}] if fcm_code else None
    answer = _error(status, code, message, details)
    return msgspec.structs.replace(answer, retry_after=retry_after)


def _oauth_error(error: str, words: str) -> Answer:
    return Answer(400, msgspec.json.encode({"error": error, "error_description": words}))
