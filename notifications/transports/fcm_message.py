"""A push as FCM's HTTP v1 takes it: the JSON of `messages:send`
(https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages).

Whoever writes to many says the same words to each: all but the target and the delivery's id is encoded once."""

import unicodedata
from datetime import datetime
from typing import Any

import msgspec

from notifications.transports.face import Lane, Push

MOST_BYTES = 4096
"""FCM's limit of a message's payload; Apple's is the same."""
MOST_TOPIC_BYTES = 2048
"""The limit when it goes to a topic, or to a condition over topics."""
MOST_TTL_S = 28 * 86_400
MOST_TITLE_BYTES = 512
ID_BYTES = 36
MORE = "…"

ANDROID_PRIORITY: dict[Lane, str] = {"critical": "high", "transactional": "high", "bulk": "normal"}
NOTIFICATION_PRIORITY: dict[Lane, str] = {
    "critical": "PRIORITY_MAX",
    "transactional": "PRIORITY_HIGH",
    "bulk": "PRIORITY_DEFAULT",
}
APNS_PRIORITY: dict[Lane, str] = {"critical": "10", "transactional": "10", "bulk": "5"}
INTERRUPTION: dict[Lane, str] = {"critical": "time-sensitive", "transactional": "active", "bulk": "passive"}
URGENCY: dict[Lane, str] = {"critical": "high", "transactional": "normal", "bulk": "low"}
"""RFC 8030, 5.3."""

Message = dict[str, Any]
_Key = tuple[str, str, str, str, str | None, str, str, datetime, bool]


class Encoder:
    """Encodes the pushes of one moment; it remembers the words that it has encoded."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._known: dict[_Key, bytes] = {}

    def encode(self, push: Push) -> bytes:
        """The request's body; raises UnicodeEncodeError for text that is none."""
        key = (
            push.title, push.body, push.category, push.lane, push.link, push.collapse_key, push.shown_as,
            push.expires_at, _is_topic(push),
        )  # fmt: skip
        shared = self._known.get(key)
        if shared is None:
            shared = self._known[key] = _shared(push, self.now)
        return b'%b,"delivery_id":"%b"},"%b":%b}}' % (
            shared,
            str(push.delivery_id).encode(),
            push.target_kind.encode(),
            msgspec.json.encode(target_of(push)),
        )


def message_of(push: Push, now: datetime) -> Message:
    """The same as a dict: what `Encoder` writes, read again."""
    data = {**_data(push), "delivery_id": str(push.delivery_id)}
    return {"message": {**_without_target(push, now), "data": data, push.target_kind: target_of(push)}}


def target_of(push: Push) -> str:
    """Whom it is for; a topic's name without the `/topics/` that may stand before it."""
    return push.target.removeprefix("/topics/") if push.target_kind == "topic" else push.target


def ttl_s(push: Push, now: datetime) -> int:
    """For how many seconds it is worth to be delivered; at most four weeks, as FCM has it."""
    return max(0, min(MOST_TTL_S, int((push.expires_at - now).total_seconds())))


def web_link(push: Push) -> str | None:
    """What a browser opens; FCM takes https only, an app's own screens are in `data`."""
    return push.link if push.link is not None and push.link.startswith("https://") else None


def words_that_fit(push: Push, now: datetime) -> tuple[str, str]:
    """Title and body, shortened if all together would be longer than FCM takes."""
    most = MOST_TOPIC_BYTES if _is_topic(push) else MOST_BYTES
    title = shortened(push.title, MOST_TITLE_BYTES)
    without_body = msgspec.structs.replace(push, title=title, body="")
    left = most - ID_BYTES - len(_written(without_body, now, title, "")) - len(b',"delivery_id":""},"":""}}')
    return title, shortened(push.body, left)


def shortened(text: str, most_bytes: int) -> str:
    """The text if it takes no more than so many bytes in JSON; else its beginning, up to a word's end, and `…`."""
    if _size(text) <= most_bytes:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _size(text[:middle]) + len(MORE.encode()) <= most_bytes:
            fits = middle
        else:
            too_long = middle
    return _up_to_a_word(text, fits) + MORE if most_bytes >= len(MORE.encode()) else ""


def _up_to_a_word(text: str, length: int) -> str:
    """Not in the middle of a word, unless it is a very long one, nor of a letter and its marks."""
    if length < len(text) and not text[length].isspace():
        words_end = max(text.rfind(" ", 0, length), text.rfind("\n", 0, length))
        if words_end > length - 40:
            length = max(words_end, 0)
    while 0 < length < len(text) and _goes_on(text, length):
        length -= 1
    return text[:length].rstrip()


def _goes_on(text: str, at: int) -> bool:
    """Is what stands there part of what stands before it?"""
    here, before = text[at], text[at - 1]
    return unicodedata.category(here) in {"Mn", "Mc", "Me", "Sk"} or "\u200d" in (here, before)


def _size(text: str) -> int:
    return len(msgspec.json.encode(text)) - 2


def _is_topic(push: Push) -> bool:
    return push.target_kind in ("topic", "condition")


def _shared(push: Push, now: datetime) -> bytes:
    title, body = words_that_fit(push, now)
    return _written(push, now, title, body)


def _written(push: Push, now: datetime, title: str, body: str) -> bytes:
    """The message up to the end of its data, which is left open."""
    rest = msgspec.json.encode(_rest(push, now, title, body))
    return b'{"message":%b,"data":%b' % (rest[:-1], msgspec.json.encode(_data(push))[:-1])


def _without_target(push: Push, now: datetime) -> Message:
    return _rest(push, now, *words_that_fit(push, now))


def _rest(push: Push, now: datetime, title: str, body: str) -> Message:
    return {
        "notification": {"title": title, "body": body},
        "android": _android(push, now),
        "apns": _apns(push),
        "webpush": _webpush(push, now),
    }


def _data(push: Push) -> dict[str, str]:
    """What the app reads itself; FCM takes texts only."""
    data = {"category": push.category, "lane": push.lane}
    return data if push.link is None else {**data, "link": push.link}


def _android(push: Push, now: datetime) -> Message:
    return {
        "collapse_key": push.collapse_key,
        "priority": ANDROID_PRIORITY[push.lane],
        "ttl": f"{ttl_s(push, now)}s",
        "notification": {
            "channel_id": push.category,
            "tag": push.shown_as,
            "notification_priority": NOTIFICATION_PRIORITY[push.lane],
        },
    }


def _apns(push: Push) -> Message:
    aps: Message = {
        "sound": "default",
        "thread-id": push.category,
        "interruption-level": INTERRUPTION[push.lane],
        "mutable-content": 1,
    }
    if push.lane == "bulk":
        del aps["sound"]
    return {
        "headers": {
            "apns-push-type": "alert",
            "apns-priority": APNS_PRIORITY[push.lane],
            "apns-expiration": str(int(push.expires_at.timestamp())),
            "apns-collapse-id": push.shown_as,
        },
        "payload": {"aps": aps},
    }


def _webpush(push: Push, now: datetime) -> Message:
    webpush: Message = {
        "headers": {"TTL": str(ttl_s(push, now)), "Urgency": URGENCY[push.lane], "Topic": push.collapse_key},
        "notification": {"tag": push.shown_as},
    }
    if link := web_link(push):
        webpush["fcm_options"] = {"link": link}
    return webpush
