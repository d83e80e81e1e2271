"""The relying party against a provider on a real socket, which does everything wrong that a provider can."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date
from time import monotonic
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import structlog

from app import config, oidc, outside
from app.config import BadSetting
from app.db import Connection, Database
from app.oidc import (
    Claims,
    Flow,
    ProviderFailed,
    ProviderName,
    ProviderNotConfigured,
    ProviderRefused,
    ProviderUnavailable,
    UnknownFlow,
)
from tests.conftest import Later, OneConnection, StandIns, served_stand_ins

NGU_BINH = "+84900000001"
CALLBACK = "/v1/verifications/callback"

Say = Callable[..., None]


@pytest.fixture(autouse=True)
async def _strangers(stand_ins: StandIns) -> None:
    """Nothing is known of the providers, and they have nothing in mind."""
    oidc.forget_providers()
    for party in ("citizen", "staff"):
        await stand_ins.behave(party, "slow", times=0)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Iterator[Say]:
    """Change this process's settings for a while."""
    with monkeypatch.context() as environment:

        def change(**settings: str) -> None:
            for name, value in settings.items():
                environment.setenv(name, value)
            config.settings.cache_clear()

        yield change
    config.settings.cache_clear()


async def begun(database: Database, provider: ProviderName = "citizen", holder: str = "me") -> Flow:
    return await oidc.begin(database, provider, holder=holder, redirect_path=CALLBACK)


async def back(
    database: Database, code: str, state: str, provider: ProviderName = "citizen", holder: str = "me"
) -> Claims:
    return await oidc.finish(database, provider, state=state, code=code, holder=holder, redirect_path=CALLBACK)


async def there_and_back(
    database: Database, stand_ins: StandIns, provider: ProviderName = "citizen", hint: str = NGU_BINH
) -> Claims:
    """The whole way, as one person."""
    flow = await begun(database, provider)
    return await back(database, *await stand_ins.consent(flow.authorize_url, hint), provider)


# ---- Who came back -------------------------------------------------------------------------------------------------


async def test_a_resident_comes_back_as_the_person_that_the_provider_knows(
    database: Database, stand_ins: StandIns
) -> None:
    flow = await begun(database)
    claims = await back(database, *await stand_ins.consent(flow.authorize_url, NGU_BINH))
    assert (claims.flow_id, claims.issuer) == (flow.id, f"{stand_ins.url}/citizen")
    assert (claims.name, claims.phone, claims.born_on) == ("Lê Thị Ngự Bình", NGU_BINH, date(1970, 1, 10))
    assert (claims.acr, claims.amr) == ("urn:huong:sandbox:2", ["pwd", "face"])
    assert (await there_and_back(database, stand_ins)).subject == claims.subject


async def test_staff_come_back_with_their_verified_e_mail(database: Database, stand_ins: StandIns) -> None:
    claims = await there_and_back(database, stand_ins, "staff", "admin2@hue.example")
    assert (claims.name, claims.email) == ("Quản trị hệ thống 2", "admin2@hue.example")
    assert claims.email_verified is True
    assert (claims.phone, claims.born_on) == (None, None)


async def test_an_e_mail_that_the_provider_has_not_verified_is_told_as_such(
    database: Database, stand_ins: StandIns
) -> None:
    await stand_ins.behave("staff", "email_unverified")
    claims = await there_and_back(database, stand_ins, "staff", "clerk@hue.example")
    assert (claims.email, claims.email_verified) == ("clerk@hue.example", False)


async def test_a_number_that_the_provider_has_not_verified_is_not_told(
    database: Database, stand_ins: StandIns
) -> None:
    await stand_ins.behave("citizen", "phone_unverified")
    assert (await there_and_back(database, stand_ins)).phone is None


async def test_a_name_in_parts_is_put_together_as_vietnamese_says_it(database: Database, stand_ins: StandIns) -> None:
    await stand_ins.behave("citizen", "name_in_parts")
    assert (await there_and_back(database, stand_ins)).name == "Lê Thị Ngự Bình"


@pytest.mark.parametrize("oddity", ["nameless", "name_with_null"])
async def test_a_person_without_a_name_that_can_be_kept_is_nobody(
    database: Database, stand_ins: StandIns, oddity: str
) -> None:
    await stand_ins.behave("citizen", oddity)
    with pytest.raises(ProviderFailed):
        await there_and_back(database, stand_ins)


async def test_anybody_is_always_the_same_anybody(database: Database, stand_ins: StandIns) -> None:
    first, again, other = [
        await there_and_back(database, stand_ins, hint=hint)
        for hint in ("new:Tôn Nữ Thuận An", "new:Tôn Nữ Thuận An", "new:Trần Bình Điền")
    ]
    assert first.name == "Tôn Nữ Thuận An"
    assert first.subject == again.subject != other.subject


async def test_what_the_provider_is_asked_for_is_bound_to_this_flow(database: Database, stand_ins: StandIns) -> None:
    asked, again = [parse_qs(urlsplit((await begun(database)).authorize_url).query) for _ in range(2)]
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [config.settings().public_url + CALLBACK]
    assert asked["scope"] == ["openid profile phone"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) >= 43
        assert asked[name] != again[name]


async def test_residents_are_asked_anew_and_staff_may_be_signed_in_there(database: Database) -> None:
    citizen, staff = [
        parse_qs(urlsplit((await begun(database, provider)).authorize_url).query) for provider in ("citizen", "staff")
    ]
    assert citizen["max_age"] == ["0"]
    assert "max_age" not in staff


async def test_a_client_with_a_secret_shows_it(database: Database, say: Say) -> None:
    say(HUONG_CITIZEN_CLIENT_ID="thành phố", HUONG_CITIZEN_CLIENT_SECRET="sông:Hương & núi %41 Ngự")
    with served_stand_ins() as strict:
        assert (await there_and_back(database, strict)).name == "Lê Thị Ngự Bình"
        flow = await begun(database)
        answer = await strict.consent(flow.authorize_url, NGU_BINH)
        say(HUONG_CITIZEN_CLIENT_SECRET="another")
        with pytest.raises(ProviderFailed):
            await back(database, *answer)


# ---- Once, by its holder, in time ----------------------------------------------------------------------------------


async def test_twenty_who_come_back_at_once_are_one(database: Database, stand_ins: StandIns) -> None:
    flow = await begun(database)
    code, state = await stand_ins.consent(flow.authorize_url, NGU_BINH)
    results = await asyncio.gather(*(back(database, code, state) for _ in range(20)), return_exceptions=True)
    assert [type(result) for result in results if not isinstance(result, UnknownFlow)] == [Claims]


async def test_coming_back_twice_is_once(database: Database, stand_ins: StandIns) -> None:
    flow = await begun(database)
    code, state = await stand_ins.consent(flow.authorize_url, NGU_BINH)
    await back(database, code, state)
    with pytest.raises(UnknownFlow):
        await back(database, code, state)


async def test_another_holder_is_refused_and_spoils_nothing(database: Database, stand_ins: StandIns) -> None:
    flow = await begun(database)
    code, state = await stand_ins.consent(flow.authorize_url, NGU_BINH)
    with pytest.raises(UnknownFlow):
        await back(database, code, state, holder="somebody else")
    with pytest.raises(UnknownFlow):
        await back(database, code, state, provider="staff")
    assert (await back(database, code, state)).flow_id == flow.id


async def test_an_answer_of_another_flow_of_mine_is_refused_and_spoils_nothing(
    database: Database, stand_ins: StandIns
) -> None:
    one, other = await begun(database), await begun(database)
    code, state = await stand_ins.consent(one.authorize_url, NGU_BINH)

    async def back_to(flow: Flow) -> Claims:
        return await oidc.finish(
            database, "citizen", state=state, code=code, holder="me", redirect_path=CALLBACK, flow_id=flow.id
        )

    with pytest.raises(UnknownFlow):
        await back_to(other)
    assert (await back_to(one)).flow_id == one.id


@pytest.mark.parametrize("state", ["", "unknown", "\x00", "ở" * 5000])
async def test_a_state_that_nobody_was_given_is_refused(database: Database, stand_ins: StandIns, state: str) -> None:
    with pytest.raises(UnknownFlow):
        await back(database, "code", state)


@pytest.mark.parametrize("code", ["", "unknown", "\x00", "ở" * 5000])
async def test_a_code_that_nobody_was_given_is_refused(database: Database, stand_ins: StandIns, code: str) -> None:
    _, state = await stand_ins.consent((await begun(database)).authorize_url, NGU_BINH)
    with pytest.raises(ProviderRefused):
        await back(database, code, state)


async def test_a_stolen_code_is_refused_in_another_flow(database: Database, stand_ins: StandIns) -> None:
    """Its verifier is another (PKCE)."""
    stolen, _ = await stand_ins.consent((await begun(database)).authorize_url, NGU_BINH)
    _, state = await stand_ins.consent((await begun(database, holder="thief")).authorize_url, "new:Kẻ Trộm")
    with pytest.raises(ProviderRefused):
        await back(database, stolen, state, holder="thief")


async def test_a_code_for_another_callback_is_refused(database: Database, stand_ins: StandIns) -> None:
    code, state = await stand_ins.consent((await begun(database)).authorize_url, NGU_BINH)
    with pytest.raises(ProviderRefused):
        await oidc.finish(database, "citizen", state=state, code=code, holder="me", redirect_path="/elsewhere")


async def test_after_ten_minutes_it_is_too_late(db: Connection, stand_ins: StandIns, later: Later) -> None:
    database = OneConnection(db)
    in_time, too_late = await begun(database), await begun(database)
    await later(595)
    assert await back(database, *await stand_ins.consent(in_time.authorize_url, NGU_BINH))
    answer = await stand_ins.consent(too_late.authorize_url, NGU_BINH)
    await later(10)
    with pytest.raises(UnknownFlow):
        await back(database, *answer)


async def test_going_again_under_the_same_id_voids_what_was_given_before(
    database: Database, stand_ins: StandIns
) -> None:
    """As a phone does whose answer was lost."""
    lost = await begun(database)
    flow = await oidc.begin(database, "citizen", holder="me", redirect_path=CALLBACK, flow_id=lost.id)
    with pytest.raises(UnknownFlow):
        await back(database, *await stand_ins.consent(lost.authorize_url, NGU_BINH))
    claims = await back(database, *await stand_ins.consent(flow.authorize_url, NGU_BINH))
    assert claims.flow_id == flow.id == lost.id


async def test_an_id_that_is_anothers_or_used_is_refused(database: Database, stand_ins: StandIns) -> None:
    flow_id = uuid4()

    async def go(provider: ProviderName = "citizen", holder: str = "me") -> Flow:
        return await oidc.begin(database, provider, holder=holder, redirect_path=CALLBACK, flow_id=flow_id)

    flow = await go()
    for refused in (go(holder="somebody else"), go("staff")):
        with pytest.raises(UnknownFlow):
            await refused
    await back(database, *await stand_ins.consent(flow.authorize_url, NGU_BINH))
    with pytest.raises(UnknownFlow):
        await go()


async def test_what_is_over_is_forgotten(db: Connection, stand_ins: StandIns, later: Later) -> None:
    database, flow_id = OneConnection(db), uuid4()
    await oidc.begin(database, "citizen", holder="me", redirect_path=CALLBACK, flow_id=flow_id)
    await oidc.forget_old(db)
    with pytest.raises(UnknownFlow):
        await oidc.begin(database, "citizen", holder="another", redirect_path=CALLBACK, flow_id=flow_id)
    await later(601)
    await oidc.forget_old(db)
    assert await oidc.begin(database, "citizen", holder="another", redirect_path=CALLBACK, flow_id=flow_id)


# ---- A provider that lies ------------------------------------------------------------------------------------------

LIES = {
    "wrong_nonce": "nonce",
    "no_nonce": "nonce",
    "wrong_audience": "aud",
    "wrong_azp": "azp",
    "wrong_issuer": "iss",
    "wrong_at_hash": "at_hash",
    "expired": "exp",
    "from_tomorrow": "iat",
    "stale_auth": "auth_time",
    "no_auth_time": "auth_time",
    "auth_time_in_ms": "auth_time",
    "bad_signature": "BadSignatureError",
    "alg_none": "UnsupportedAlgorithmError",
    "alg_hs256": "UnsupportedAlgorithmError",
    "unknown_kid": "InvalidKeyIdError",
}


@pytest.mark.parametrize(("lie", "reason"), LIES.items())
async def test_a_token_that_does_not_hold_is_refused(
    database: Database, stand_ins: StandIns, lie: str, reason: str
) -> None:
    assert await there_and_back(database, stand_ins)
    await stand_ins.behave("citizen", lie)
    with structlog.testing.capture_logs() as said, pytest.raises(ProviderRefused):
        await there_and_back(database, stand_ins)
    [line] = said
    assert reason in {line["reason"], line["claim"]}
    assert await there_and_back(database, stand_ins), "and the next one is as good as before"


@pytest.mark.parametrize("oddity", ["stale_auth", "no_auth_time"])
async def test_staff_may_have_signed_in_there_before(database: Database, stand_ins: StandIns, oddity: str) -> None:
    await stand_ins.behave("staff", oddity)
    assert await there_and_back(database, stand_ins, "staff", "clerk@hue.example")


async def test_user_info_about_somebody_else_is_refused(database: Database, stand_ins: StandIns) -> None:
    await stand_ins.behave("citizen", "other_subject")
    with pytest.raises(ProviderRefused):
        await there_and_back(database, stand_ins)


async def test_new_keys_are_fetched_when_a_token_is_signed_with_one(database: Database, stand_ins: StandIns) -> None:
    assert await there_and_back(database, stand_ins)
    await stand_ins.behave("citizen", "rotate_keys")
    assert await there_and_back(database, stand_ins)


async def test_who_says_no_there_comes_back_without_a_code(database: Database, stand_ins: StandIns) -> None:
    await stand_ins.behave("citizen", "deny")
    flow = await begun(database)
    answer = await stand_ins.answer(flow.authorize_url, NGU_BINH)
    assert answer["error"] == "access_denied"
    assert "code" not in answer


async def test_a_document_that_is_another_issuers_is_not_believed(
    database: Database, stand_ins: StandIns, say: Say
) -> None:
    say(HUONG_CITIZEN_ISSUER=f"{stand_ins.url}/citizen/")
    with pytest.raises(ProviderUnavailable):
        await begun(database)


# ---- A provider in trouble -----------------------------------------------------------------------------------------

TROUBLES = ["slow", "down", "not_json", "huge", "moved"]


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr(oidc, "RETRY_WAIT_S", 0.01)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_on_the_way_there_a_provider_in_trouble_is_a_503_that_says_when_to_come_again(
    database: Database, stand_ins: StandIns, trouble: str
) -> None:
    await stand_ins.behave("citizen", trouble, at="discovery", times=oidc.RETRIES)
    with pytest.raises(ProviderUnavailable) as refused:
        await begun(database)
    assert refused.value.retry_after_s
    await stand_ins.behave("citizen", trouble, times=0)
    assert await there_and_back(database, stand_ins), "and when it is well again, so are we"


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("at", ["discovery", "jwks", "token", "userinfo"])
async def test_on_the_way_back_a_provider_in_trouble_is_a_503_that_says_to_begin_again(
    database: Database, stand_ins: StandIns, trouble: str, at: str
) -> None:
    flow = await begun(database)
    answer = await stand_ins.consent(flow.authorize_url, NGU_BINH)
    oidc.forget_providers()
    await stand_ins.behave("citizen", trouble, at=at, times=oidc.RETRIES)
    with pytest.raises(ProviderFailed) as refused:
        await back(database, *answer)
    assert refused.value.retry_after_s is None
    assert isinstance(refused.value.__cause__, outside.NoAnswer), "the operator's log says why"
    await stand_ins.behave("citizen", trouble, times=0)
    with pytest.raises(UnknownFlow):
        await back(database, *answer)
    assert await there_and_back(database, stand_ins), "and when it is well again, so are we"


@pytest.mark.parametrize("at", ["discovery", "jwks"])
async def test_public_documents_are_asked_for_again(
    database: Database, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(oidc, "RETRY_WAIT_S", 0.01)
    await stand_ins.behave("citizen", "down", at=at, times=oidc.RETRIES - 1)
    assert await there_and_back(database, stand_ins)


@pytest.mark.parametrize("at", ["token", "userinfo"])
async def test_what_is_asked_with_a_secret_is_asked_once(database: Database, stand_ins: StandIns, at: str) -> None:
    await stand_ins.behave("citizen", "down", at=at)
    with pytest.raises(ProviderFailed):
        await there_and_back(database, stand_ins)


async def test_nobody_there_is_a_503(database: Database, stand_ins: StandIns, say: Say) -> None:
    say(HUONG_STAFF_ISSUER="http://localhost:1/staff")
    with pytest.raises(ProviderUnavailable):
        await begun(database, "staff")


async def test_the_document_and_the_keys_are_kept_for_a_while(
    database: Database, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await there_and_back(database, stand_ins)
    await stand_ins.behave("citizen", "down", at="discovery", times=100)
    assert await there_and_back(database, stand_ins)
    monkeypatch.setattr(oidc, "RETRY_WAIT_S", 0.01)
    monkeypatch.setattr(oidc, "monotonic", lambda: monotonic() + oidc.KNOWN_FOR_S)
    with pytest.raises(ProviderUnavailable):
        await begun(database)


async def test_no_connection_is_held_while_a_provider_is_slow(
    database: Database, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 1.0)
    await stand_ins.behave("citizen", "slow")
    flow = await begun(database)
    answer = await stand_ins.consent(flow.authorize_url, NGU_BINH)
    coming_back = asyncio.create_task(back(database, *answer))
    await asyncio.sleep(0.5)
    assert not coming_back.done()
    assert database.in_use == 0
    with pytest.raises(ProviderFailed):
        await coming_back


# ---- Settings ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("provider", ["citizen", "staff"])
async def test_a_city_without_a_provider_says_so(database: Database, provider: ProviderName) -> None:
    with pytest.raises(ProviderNotConfigured):
        await begun(database, provider)
    with pytest.raises(ProviderNotConfigured):
        await back(database, "code", "state", provider)


@pytest.mark.parametrize("name", ["HUONG_CITIZEN_ISSUER", "HUONG_STAFF_ISSUER", "HUONG_FACE_URL"])
def test_production_speaks_to_others_by_https_only(name: str) -> None:
    production = {"HUONG_PEPPER": "p" * 40}
    with pytest.raises(BadSetting, match=name):
        config.read({**production, name: "http://id.example"})
    assert config.read({**production, name: "https://id.example"})


@pytest.mark.usefixtures("production")
async def test_production_follows_no_document_to_where_nothing_is_encrypted() -> None:
    with pytest.raises(outside.NoAnswer):
        await outside.ask("GET", "http://localhost:1/")
