"""Our sender of FCM's HTTP v1 against the stand-in, over real sockets: whatever befalls it, each message is answered
for, and none is lost that FCM has not refused."""

import asyncio
import ssl
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest

from app.clock import city_now
from notifications.transports.face import NO_PLACE, Outcome, Push
from notifications.transports.fcm import Fcm
from notifications.transports.fcm_connection import MOST_STREAMS
from notifications.transports.google_access import NoAccess
from tests.notifications.transports.pushing import IMPATIENT, PATIENT, Fcms, a_push, an_fcm, kinds, pushes, until


async def test_a_message_reaches_its_phone(fcm: Fcms, sender: Fcm) -> None:
    push = a_push("phone-1")
    [outcome] = await sender.send([push])
    assert outcome == Outcome("accepted", name="projects/huong-sandbox/messages/1")
    [received] = fcm.cloud.phones["phone-1"]
    assert received.message["notification"] == {"title": push.title, "body": push.body}
    assert received.message["data"]["delivery_id"] == str(push.delivery_id)


async def test_many_are_answered_in_order(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("unregistered", target="phone-7")
    fcm.behave("bad_message", target="phone-300")
    outcomes = await sender.send(pushes(500))
    assert [at for at, outcome in enumerate(outcomes) if outcome.kind == "gone"] == [7]
    assert [at for at, outcome in enumerate(outcomes) if outcome.kind == "refused"] == [300]
    assert Counter(kinds(outcomes))["accepted"] == 498
    assert len(fcm.cloud.took) == 498
    assert sender.opened == 2


async def test_nothing_to_send_is_no_trouble(sender: Fcm) -> None:
    assert await sender.send([]) == []
    assert sender.opened == 0


ANSWERS: list[tuple[str, str | None, Outcome]] = [
    ("bad_token", None, Outcome("gone", "INVALID_ARGUMENT")),
    ("bad_message", None, Outcome("refused", "INVALID_ARGUMENT")),
    ("third_party", None, Outcome("again", "THIRD_PARTY_AUTH_ERROR", 60.0)),
    ("sender_mismatch", None, Outcome("gone", "SENDER_ID_MISMATCH")),
    ("unregistered", None, Outcome("gone", "UNREGISTERED")),
    ("not_found", None, Outcome("again", "NOT_FOUND", 60.0)),
    ("quota", None, Outcome("again", "QUOTA_EXCEEDED", 60.0)),
    ("quota", "17", Outcome("again", "QUOTA_EXCEEDED", 17.0)),
    ("unavailable", None, Outcome("again", "UNAVAILABLE")),
    ("unavailable", "30", Outcome("again", "UNAVAILABLE", 30.0)),
    ("internal", None, Outcome("again", "INTERNAL")),
]


@pytest.mark.parametrize(("mischief", "retry_after", "outcome"), ANSWERS)
async def test_each_answer_has_its_outcome(
    fcm: Fcms, sender: Fcm, mischief: str, retry_after: str | None, outcome: Outcome
) -> None:
    fcm.behave(mischief, target="phone-1", retry_after=retry_after)
    first = await sender.send(pushes(3))
    assert first[1] == outcome
    assert [first[0].kind, first[2].kind] == ["accepted", "accepted"]
    assert kinds(await sender.send([a_push("phone-1")])) == ["accepted"]


async def test_retry_after_may_be_a_date(fcm: Fcms, sender: Fcm) -> None:
    at = format_datetime(city_now() + timedelta(seconds=90))
    fcm.behave("quota", retry_after=at)
    [outcome] = await sender.send([a_push()])
    assert outcome.after_s is not None
    assert 80 < outcome.after_s <= 90


async def test_what_fcm_does_not_carry_is_refused(sender: Fcm) -> None:
    outcomes = await sender.send([a_push(target_kind="phone"), a_push(), a_push(body="\ud800")])
    assert kinds(outcomes) == ["refused", "accepted", "refused"]


async def test_topics_and_conditions_and_installations_are_targets_too(fcm: Fcms, sender: Fcm) -> None:
    targets = [("topic", "/topics/ward-19777"), ("condition", "'a' in topics || 'b' in topics"), ("fid", "dJ4k")]
    outcomes = await sender.send([a_push(target, target_kind=kind) for kind, target in targets])
    assert kinds(outcomes) == ["accepted"] * 3
    assert set(fcm.cloud.took) == {"ward-19777", targets[1][1], "dJ4k"}


# Access


async def test_one_token_is_got_for_all(fcm: Fcms, sender: Fcm) -> None:
    before = fcm.cloud.tokens_given
    await asyncio.gather(*(sender.send(pushes(50)) for _ in range(5)))
    assert fcm.cloud.tokens_given == before + 1


async def test_a_token_that_is_forgotten_is_got_anew_once_for_all(fcm: Fcms, sender: Fcm) -> None:
    await sender.send([a_push()])
    before = fcm.cloud.tokens_given
    sending = asyncio.create_task(sender.send(pushes(3000)))
    await until(lambda: fcm.cloud.took.total() >= 500)
    fcm.behave("forget_access")
    assert set(kinds(await sending)) == {"accepted"}
    assert fcm.cloud.tokens_given == before + 1
    assert max(fcm.cloud.took[f"phone-{number}"] for number in range(3000)) == 1


async def test_who_is_not_let_in_at_all_tries_again_later(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("unauthenticated", times=1000)
    [outcome] = await sender.send([a_push()])
    assert outcome == Outcome("again", "UNAUTHENTICATED", 60.0)


async def test_the_token_is_renewed_ahead_of_its_end_while_the_old_one_serves(fcm: Fcms, sender: Fcm) -> None:
    fcm.cloud.token_life_s = 60  # google-auth calls it stale in its last minutes
    await sender.send([a_push()])
    fcm.cloud.token_life_s = 3600
    given = fcm.cloud.tokens_given
    assert kinds(await sender.send([a_push()])) == ["accepted"]
    await until(lambda: fcm.cloud.tokens_given > given)
    await sender.send(pushes(10))
    assert fcm.cloud.tokens_given == given + 1


async def test_without_access_nothing_hangs(fcm: Fcms, sender: Fcm) -> None:
    await fcm.server.stop()
    outcomes = await sender.send(pushes(3))
    assert {(outcome.kind, outcome.why.split(":")[0]) for outcome in outcomes} == {("again", "no access")}
    assert outcomes[0].after_s is not None
    with pytest.raises(NoAccess):
        await sender.access.wait()


async def test_an_assertion_of_another_key_gets_no_token(fcm: Fcms, tmp_path: Path) -> None:
    async with an_fcm(tmp_path) as another:
        stranger = Fcms(fcm.server, another.folder)
        stranger_access = stranger.access()
        stranger_access.credentials = stranger_access.credentials.with_token_uri(f"{fcm.url}/token")
        with pytest.raises(NoAccess):
            await stranger_access.wait()
        await stranger_access.close()


# The line


async def test_what_came_after_a_goaway_goes_elsewhere(fcm: Fcms, sender: Fcm) -> None:
    fcm.cloud.latency_s = 0.05
    fcm.behave("goaway", times=3, every=40)
    assert set(kinds(await sender.send(pushes(400)))) == {"accepted"}
    assert [count for count in fcm.cloud.took.values() if count != 1] == []
    assert len(fcm.cloud.took) == 400
    assert sender.opened > 2


async def test_who_says_farewell_in_two_steps_loses_nothing(fcm: Fcms, sender: Fcm) -> None:
    fcm.cloud.latency_s = 0.005
    fcm.behave("farewell", times=5, every=150)
    assert set(kinds(await sender.send(pushes(1000)))) == {"accepted"}
    assert fcm.cloud.took.total() == len(fcm.cloud.took) == 1000
    assert sender.opened > 2


async def test_a_stream_that_is_refused_is_sent_again(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("refuse_stream", times=20, every=3)
    assert set(kinds(await sender.send(pushes(100)))) == {"accepted"}


async def test_a_stream_that_is_refused_for_ever_is_given_up(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("refuse_stream", times=1000, target="phone-1")
    outcomes = await sender.send(pushes(3))
    assert kinds(outcomes) == ["accepted", "again", "accepted"]


async def test_a_stream_that_is_reset_is_the_callers_to_send_again(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("reset", target="phone-1")
    outcomes = await sender.send(pushes(3))
    assert outcomes[1] == Outcome("again", "reset: INTERNAL_ERROR")
    assert kinds(outcomes) == ["accepted", "again", "accepted"]


async def test_an_answer_that_never_comes_is_not_waited_for(fcm: Fcms, impatient: Fcm) -> None:
    fcm.behave("silence", target="phone-1")
    outcomes = await impatient.send(pushes(3))
    assert outcomes[1] == Outcome("again", "not answered in time")
    assert kinds(await impatient.send(pushes(3))) == ["accepted"] * 3
    assert impatient.opened == 1


async def test_a_connection_that_stalls_is_replaced(fcm: Fcms, impatient: Fcm) -> None:
    fcm.behave("stall", target="phone-100")
    outcomes = await impatient.send(pushes(150))
    why = Counter(outcome.why for outcome in outcomes if outcome.kind == "again")
    assert set(why) == {"stalled"}
    assert set(kinds(await impatient.send(pushes(150)))) == {"accepted"}


async def test_a_connection_that_is_cut_is_replaced(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("drop", target="phone-50")
    outcomes = await sender.send(pushes(300))
    lost = [outcome for outcome in outcomes if outcome.kind == "again"]
    assert 1 <= len(lost) <= MOST_STREAMS
    assert all(outcome.why.startswith("connection") for outcome in lost)
    assert set(kinds(await sender.send(pushes(300)))) == {"accepted"}


async def test_a_server_that_was_down_is_found_again(fcm: Fcms, impatient: Fcm) -> None:
    assert kinds(await impatient.send([a_push()])) == ["accepted"]
    port = fcm.server.port
    await fcm.server.stop()
    began = monotonic()
    outcomes = await impatient.send(pushes(200))
    assert set(kinds(outcomes)) == {"again"}
    assert monotonic() - began < 5
    await fcm.server.start("127.0.0.1", port)
    assert set(kinds(await impatient.send(pushes(200)))) == {"accepted"}


async def test_a_short_outage_is_waited_out(fcm: Fcms, sender: Fcm) -> None:
    assert kinds(await sender.send([a_push()])) == ["accepted"]
    port = fcm.server.port
    await fcm.server.stop()
    await until(lambda: not sender.connections)
    sending = asyncio.create_task(sender.send(pushes(20)))
    await asyncio.sleep(0.2)
    await fcm.server.start("127.0.0.1", port)
    assert set(kinds(await sending)) == {"accepted"}


async def test_who_does_not_speak_http2_is_nobody(fcm: Fcms, impatient: Fcm) -> None:
    await impatient.access.wait()
    fcm.server.only_http1()
    [outcome] = await impatient.send([a_push()])
    assert outcome.kind == "again"


SETTINGS = b"\0\0\0\4\0\0\0\0\0"
GOAWAY = b"\0\0\10\7\0" + b"\0" * 12


class Proxy:
    """A proxy on the way out, which wants a name and a password."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.password = b"Og=="

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let through whoever shows it."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b"\r\n")[0])
        if b"Proxy-Authorization: Basic " + self.password not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))

    async def _pass_on(self, one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await one.read(65536):
                other.write(piece)
        other.close()


async def test_a_proxy_on_the_way_out_is_asked(fcm: Fcms, impatient: Fcm, monkeypatch: pytest.MonkeyPatch) -> None:
    await impatient.access.wait()
    proxy = Proxy()
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        monkeypatch.setattr("notifications.transports.proxy.HERE", set())
        monkeypatch.setenv("HTTPS_PROXY", f"http://hue:s%C3%B4ng@127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert kinds(await impatient.send([a_push()])) == ["again"]
        proxy.password = b64encode("hue:sông".encode())
        assert kinds(await impatient.send(pushes(150))) == ["accepted"] * 150
        assert set(proxy.asked) == {f"CONNECT localhost:{fcm.server.port} HTTP/1.1".encode()}
        await impatient.close()
    monkeypatch.setenv("NO_PROXY", "localhost")
    direct = fcm.sender()
    assert kinds(await direct.send([a_push()])) == ["accepted"]
    await direct.close()


STRANGE = {
    "nothing": b"",
    "HTTP/1.1": b"HTTP/1.1 200 OK\r\n\r\n",
    "noise": b"\xff" * 100,
    "hello": SETTINGS,
    "hello and good-bye": SETTINGS + GOAWAY,
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE)
async def test_who_comes_and_goes_is_nobody(fcm: Fcms, said: bytes) -> None:
    """Each time it is waited longer before the next try, and not for ever."""
    sender = fcm.sender(patience=msgspec.structs.replace(IMPATIENT, first_wait_s=0.2, longest_wait_s=30.0))
    await sender.access.wait()
    port, tries = fcm.server.port, 0
    await fcm.server.stop()

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.write(said)
        writer.close()

    secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secured.load_cert_chain(fcm.folder / "server.pem")
    secured.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(stranger, "127.0.0.1", port, ssl=secured):
        async with asyncio.timeout(20):
            assert set(kinds(await sender.send(pushes(3)))) == {"again"}
    assert 1 <= tries <= 8
    await sender.close()


async def test_an_answer_without_end_is_not_read(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("huge", target="phone-1")
    outcomes = await sender.send(pushes(3))
    assert outcomes[1] == Outcome("again", "answer too long")
    assert kinds(await sender.send(pushes(3))) == ["accepted"] * 3
    assert sender.opened == 1


async def test_no_more_streams_are_open_than_they_want(fcm_folder: Path) -> None:
    async with an_fcm(fcm_folder, most_streams=7) as fcm:
        sender = fcm.sender(connections=2)
        fcm.cloud.latency_s = 0.02
        sending = asyncio.create_task(sender.send(pushes(100)))
        most = 0
        while not sending.done():
            most = max(most, *(len(one.under_way) for one in sender.connections), 0)
            await asyncio.sleep(0.005)
        assert set(kinds(await sending)) == {"accepted"}
        assert most == 7
        await sender.close()


async def test_a_body_goes_as_its_window_lets_it(fcm_folder: Path) -> None:
    async with an_fcm(fcm_folder, window_bytes=500) as fcm:
        sender = fcm.sender(connections=1)
        assert set(kinds(await sender.send(pushes(30)))) == {"accepted"}
        assert len(fcm.cloud.took) == 30
        await sender.close()


@pytest.mark.parametrize("mischiefs", [("goaway",), ("goaway", "stall", "reset", "drop", "refuse_stream", "silence")])
async def test_five_thousand_go_through_whatever_happens(fcm: Fcms, sender: Fcm, mischiefs: tuple[str, ...]) -> None:
    sender = fcm.sender(patience=PATIENT if mischiefs == ("goaway",) else IMPATIENT)
    for number, mischief in enumerate(mischiefs):
        fcm.behave(mischief, times=5, every=700 + 13 * number)
    left = {push.target: push for push in pushes(5000)}
    rounds = 0
    while left:
        outcomes = await sender.send(list(left.values()))
        assert set(kinds(outcomes)) <= {"accepted", "again"}
        for push, outcome in zip(list(left.values()), outcomes, strict=True):
            if outcome.kind == "accepted":
                assert fcm.cloud.took[push.target] >= 1
                del left[push.target]
        rounds += 1
        assert rounds < 20
    assert len(fcm.cloud.took) == 5000
    if mischiefs == ("goaway",):
        assert rounds == 1, "nobody waits for another turn because of a GOAWAY"
        assert fcm.cloud.took.total() == 5000, "and nothing is sent twice"
    await sender.close()


# Side by side


async def test_two_sends_at_once_get_their_own_answers(fcm: Fcms, sender: Fcm) -> None:
    fcm.behave("unregistered", target="one-3")
    ones = [a_push(f"one-{number}") for number in range(300)]
    others = [a_push(f"other-{number}") for number in range(200)]
    first, second = await asyncio.gather(sender.send(ones), sender.send(others))
    assert [len(first), len(second)] == [300, 200]
    assert [at for at, outcome in enumerate(first) if outcome.kind != "accepted"] == [3]
    assert set(kinds(second)) == {"accepted"}


async def test_a_warning_overtakes_the_news(fcm: Fcms, sender: Fcm) -> None:
    fcm.cloud.latency_s = 0.02
    news = asyncio.create_task(sender.send(pushes(3000, lane="bulk")))
    await until(lambda: bool(fcm.cloud.took))
    [outcome] = await sender.send([a_push("everybody", lane="critical")])
    assert outcome.kind == "accepted"
    assert fcm.cloud.took.total() < 1500
    await news


async def test_who_finds_no_place_in_time_comes_again_and_the_others_are_known(fcm: Fcms) -> None:
    sender = fcm.sender(patience=msgspec.structs.replace(PATIENT, place_s=0.5), connections=1)
    fcm.cloud.latency_s = 0.4
    counted = Counter((outcome.kind, outcome.why) for outcome in await sender.send(pushes(1000)))
    assert set(counted) == {("accepted", ""), ("again", NO_PLACE.why)}
    assert counted["accepted", ""] == fcm.cloud.took.total()
    assert kinds(await sender.send([a_push("the next")])) == ["accepted"]
    await sender.close()


async def test_whoever_went_away_is_not_sent_for(fcm: Fcms, sender: Fcm) -> None:
    fcm.cloud.latency_s = 0.05
    sending = asyncio.create_task(sender.send(pushes(2000)))
    await until(lambda: bool(fcm.cloud.took))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert kinds(await sender.send([a_push("the next")])) == ["accepted"]
    assert fcm.cloud.took.total() < 1000


async def test_closing_answers_everybody(fcm: Fcms) -> None:
    sender = fcm.sender()
    fcm.cloud.latency_s = 0.05
    sending = asyncio.create_task(sender.send(pushes(2000)))
    await until(lambda: bool(fcm.cloud.took))
    await sender.close()
    counted = Counter((outcome.kind, outcome.why) for outcome in await sending)
    assert counted.total() == 2000
    assert set(counted) == {("accepted", ""), ("again", "closing")}
    assert counted["accepted", ""] == fcm.cloud.took.total(), "what was under way is waited for"
    assert kinds(await sender.send([a_push()])) == ["again"]


async def test_the_loop_is_not_held_up(fcm: Fcms, sender: Fcm) -> None:
    """While a token is got: google-auth blocks, in a thread."""
    fcm.server.token_takes_s = 0.5
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    turning = asyncio.create_task(turn())
    assert kinds(await sender.send([a_push()])) == ["accepted"]
    turning.cancel()
    assert turns > 20


async def test_words_are_encoded_once_for_all(monkeypatch: pytest.MonkeyPatch, fcm: Fcms, sender: Fcm) -> None:
    from notifications.transports import fcm_message

    encoded: list[Any] = []
    shared = fcm_message._shared  # pyright: ignore[reportPrivateUsage]

    def counted(push: Push, now: Any) -> bytes:
        encoded.append(push)
        return shared(push, now)

    monkeypatch.setattr(fcm_message, "_shared", counted)
    assert set(kinds(await sender.send(pushes(400)))) == {"accepted"}
    assert len(encoded) == 1
