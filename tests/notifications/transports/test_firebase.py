"""Google's `firebase-admin` behind the same face, against the same stand-in; and which of the two is chosen."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from app import config
from app.config import BadSetting
from notifications.sandbox import fcm_account
from notifications.transports import Carriers, complete
from notifications.transports.chosen import SANDBOX_FOLDER, chosen
from notifications.transports.face import Outcome
from notifications.transports.fcm import Fcm
from notifications.transports.firebase import Firebase
from notifications.transports.google_access import NoAccess
from tests.notifications.transports.pushing import Fcms, a_push, kinds, pushes
from tests.notifications.transports.test_fcm import ANSWERS


@pytest.fixture
async def google(fcm: Fcms) -> AsyncIterator[Firebase]:
    """Google's client."""
    one = Firebase(fcm.access(), fcm.url, ca=fcm.folder / "root.pem")
    yield one
    await one.close()


async def test_it_sends_more_than_its_own_limit(fcm: Fcms, google: Firebase) -> None:
    fcm.behave("unregistered", target="phone-501")
    outcomes = await google.send(pushes(510))
    assert [at for at, outcome in enumerate(outcomes) if outcome.kind != "accepted"] == [501]
    assert len(fcm.cloud.took) == 509
    assert outcomes[0].name.startswith("projects/huong-sandbox/messages/")


@pytest.mark.parametrize(("mischief", "retry_after", "outcome"), ANSWERS)
async def test_each_answer_has_the_same_outcome(
    fcm: Fcms, google: Firebase, mischief: str, retry_after: str | None, outcome: Outcome
) -> None:
    fcm.behave(mischief, target="phone-1", retry_after=retry_after)
    outcomes = await google.send(pushes(3))
    assert outcomes[1] == outcome
    assert kinds(await google.send(pushes(3))) == ["accepted"] * 3, "and it was asked once"


async def test_its_token_is_got_anew_once(fcm: Fcms, google: Firebase) -> None:
    await google.send(pushes(3))
    given = fcm.cloud.tokens_given
    fcm.behave("forget_access")
    assert set(kinds(await google.send(pushes(50)))) == {"accepted"}
    assert fcm.cloud.tokens_given == given + 1


async def test_what_it_does_not_carry_is_refused(google: Firebase) -> None:
    outcomes = await google.send([a_push(target_kind="web_push"), a_push(), a_push("no good", target_kind="topic")])
    assert kinds(outcomes) == ["refused", "accepted", "refused"]


async def test_nobody_there_is_another_time(fcm: Fcms, google: Firebase) -> None:
    await google.access.wait()
    await fcm.server.stop()
    assert kinds(await google.send(pushes(2))) == ["again", "again"]


async def test_no_access_is_another_time(fcm: Fcms, google: Firebase) -> None:
    await fcm.server.stop()
    outcomes = await google.send(pushes(2))
    assert {outcome.why.split(":")[0] for outcome in outcomes} == {"no access"}
    with pytest.raises(NoAccess):
        await google.join(["a phone"], "city")


async def test_phones_are_put_into_a_topic_and_taken_out(fcm: Fcms, google: Firebase) -> None:
    assert await google.join(["phone-1", "phone-2"], "ward-19777") == [None, None]
    assert await google.join(["phone-1"], "ward-19777") == [None], "who is in it already is in it"
    assert fcm.cloud.topics == {"ward-19777": {"phone-1", "phone-2"}}
    assert kinds(await google.send([a_push("ward-19777", target_kind="topic")])) == ["accepted"]
    assert [len(fcm.cloud.phones[phone]) for phone in ("phone-1", "phone-2")] == [1, 1]
    assert await google.leave(["phone-1"], "ward-19777") == [None]
    assert fcm.cloud.topics == {"ward-19777": {"phone-2"}}


# Which one


def settings(**environ: str) -> config.Settings:
    return config.read({"HUONG_MODE": "sandbox", **environ})


async def test_our_own_is_chosen_unless_googles_is(tmp_path: Path) -> None:
    fcm_account.make(tmp_path / SANDBOX_FOLDER, "https://localhost:8002")
    for push, kind in (("", Fcm), ("fcm", Fcm), ("firebase", Firebase)):
        transport = chosen(settings(HUONG_PUSH=push, DATA_DIR=str(tmp_path)))
        assert isinstance(transport, kind)
        await transport.close()


async def test_a_sandbox_before_its_stand_in_sends_nothing(tmp_path: Path) -> None:
    assert chosen(settings(DATA_DIR=str(tmp_path))) is None


async def test_production_without_credentials_sends_nothing(tmp_path: Path) -> None:
    pepper = "a pepper of at least 32 characters"
    production = config.read({"HUONG_MODE": "production", "HUONG_PEPPER": pepper, "DATA_DIR": str(tmp_path)})
    assert production.fcm_url == "https://fcm.googleapis.com"
    fcm_account.make(tmp_path / SANDBOX_FOLDER, "https://localhost:8002")
    assert chosen(production) is None


async def test_the_chosen_one_reaches_the_stand_in(fcm: Fcms, tmp_path: Path) -> None:
    account = (fcm.folder / "account.json").read_text()
    for push in ("fcm", "firebase"):
        given = settings(
            HUONG_PUSH=push,
            HUONG_FCM_CREDENTIALS=account,
            HUONG_FCM_URL=fcm.url,
            HUONG_FCM_CA=str(fcm.folder / "root.pem"),
        )
        assert given.fcm_stand_in_port is None, "whoever has credentials is no stand-in's"
        transport = chosen(given)
        assert transport is not None
        assert kinds(await transport.send(pushes(2))) == ["accepted", "accepted"]
        await transport.close()


def test_production_takes_no_other_address_unless_it_is_meant(tmp_path: Path) -> None:
    production = {"HUONG_PEPPER": "a pepper of at least 32 characters", "HUONG_FCM_URL": "https://fcm.example"}
    with pytest.raises(BadSetting, match="HUONG_FCM_CA"):
        config.read(production)
    assert config.read({**production, "HUONG_FCM_CA": str(tmp_path / "ca.pem")}).fcm_url == "https://fcm.example"
    with pytest.raises(BadSetting, match="https"):
        config.read({**production, "HUONG_FCM_URL": "http://fcm.example", "HUONG_FCM_CA": "/ca.pem"})


def test_credentials_are_an_accounts_and_no_log_says_them(tmp_path: Path) -> None:
    papers = fcm_account.make(tmp_path, "https://localhost:1")
    given = settings(HUONG_FCM_CREDENTIALS_FILE=str(papers.account))
    assert given.fcm_url == "https://fcm.googleapis.com"
    key = msgspec.json.decode(papers.account.read_bytes())["private_key"]
    assert {papers.account.read_text(), key} <= set(given.secrets())
    assert key not in repr(given)
    for bad in ("no JSON", "[]", '{"project_id": "huong"}', papers.account.read_text().replace("BEGIN", "END")):
        with pytest.raises(BadSetting, match="HUONG_FCM_CREDENTIALS") as problem:
            chosen(settings(HUONG_FCM_CREDENTIALS=bad))
        assert problem.value.__context__ is None, "what is wrong with a secret may quote it"


async def test_both_close_twice_without_trouble(fcm: Fcms) -> None:
    sender = fcm.sender()
    await asyncio.gather(sender.close(), sender.close())
    await sender.close()


def test_credentials_of_no_use_keep_no_other_from_carrying() -> None:
    carriers: Carriers = {}
    with pytest.raises(BadSetting):
        complete(carriers, settings(HUONG_FCM_CREDENTIALS="{}"))
    assert {"web_push", "phone"} <= carriers.keys()
