"""The staff's door: to the identity provider and back, into a session that is short and a browser's own."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app import oidc
from app.db import Connection
from app.identity import seed as people
from app.staff import seed as staff_seed
from app.staff import sessions, sign_ins
from app.staff.sign_ins import HOLDER_COOKIE
from tests.app.staff.browser import SESSION_COOKIE, Browser, given, problem
from tests.conftest import Desk, Later, StandIns
from tests.makers import StaffMember, a_staff_member
from tests.statements import sql

CALLBACK = "/v1/staff/sign-in/callback"


@pytest.fixture(autouse=True)
async def _strangers(stand_ins: StandIns) -> None:
    oidc.forget_providers()
    await stand_ins.behave("staff", "slow", times=0)


@pytest.fixture
def browser(desk: httpx.AsyncClient) -> Browser:
    return Browser(desk)


def hint(member: StaffMember) -> str:
    """Somebody whom the provider knows by the member's e-mail."""
    return f"new:{member.email}"


# In


async def test_a_member_signs_in_and_learns_who_they_are(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    member = await a_staff_member(db, role="clerk", agency="counter-thuan-hoa")
    arrived = await browser.sign_in(stand_ins, hint(member), "/staff/dossiers?page=2#top")
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/staff/dossiers?page=2#top")
    assert arrived.headers["cache-control"] == "no-store"
    session = await browser.look_around()
    assert (session["member_id"], session["email"], session["name"]) == (str(member.id), member.email, member.name)
    assert session["grants"] == [{"agency": "counter-thuan-hoa", "role": "clerk", "until": None}]
    assert session["csrf_token"]
    actions = [row["action"] for row in await db.fetch(sql.audited, "staff.%")]
    assert actions == ["staff.member_linked", "staff.signed_in"]


async def test_the_cookies_are_this_hosts_alone_and_no_scripts(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    member = await a_staff_member(db)
    begun = given(await browser.get("/v1/staff/sign-in"))
    assert set(begun) == {HOLDER_COOKIE}
    arrived = given(await browser.sign_in(stand_ins, hint(member)))
    assert set(arrived) == {HOLDER_COOKIE, SESSION_COOKIE}
    for name, morsel in [*begun.items(), *arrived.items()]:
        assert name.startswith("__Host-")
        assert (morsel["secure"], morsel["httponly"], morsel["path"], morsel["domain"]) == (True, True, "/", "")
        assert morsel["samesite"].lower() == "lax"
    assert arrived[HOLDER_COOKIE]["max-age"] == "0"
    token = arrived[SESSION_COOKIE].value
    assert len(token) == 43, "256 bits"
    [_, kept] = await db.fetch(sql.staff_sessions, member.id)
    assert token.encode() not in kept["token_hash"]
    assert len(kept["token_hash"]) == 32


async def test_the_browser_is_sent_to_the_providers_own_page_with_pkce(browser: Browser, stand_ins: StandIns) -> None:
    begun = await browser.get("/v1/staff/sign-in")
    url = urlsplit(begun.headers["location"])
    asked = parse_qs(url.query)
    assert begun.headers["location"].startswith(f"{stand_ins.url}/staff/authorize?")
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"][0].endswith(CALLBACK)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil.example",
        "",
        "/a\nb",
        "/\t/evil",
        "/ế",
        "/a\\b",
    ],
)
async def test_nobody_is_sent_elsewhere_afterwards(browser: Browser, elsewhere: str) -> None:
    begun = await browser.get("/v1/staff/sign-in", return_to=elsewhere)
    assert problem(begun) == (400, "ElsewhereRefused")
    assert given(begun) == {}


async def test_where_to_return_is_bound_to_the_way_to_the_provider(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    member = await a_staff_member(db)
    begun = await browser.get("/v1/staff/sign-in")
    answer = await stand_ins.answer(begun.headers["location"], hint(member))
    secret = browser.cookies[HOLDER_COOKIE].partition(".")[0]
    browser.cookies[HOLDER_COOKIE] = f"{secret}.Ly9ldmlsLmV4YW1wbGU"
    assert problem(await browser.get(CALLBACK, **answer)) == (400, "UnknownFlow")


async def test_an_address_begins_sixty_times_an_hour(browser: Browser, later: Later) -> None:
    for _ in range(sign_ins.MOST_AN_HOUR):
        assert (await browser.get("/v1/staff/sign-in")).status_code == 303
    refused = await browser.get("/v1/staff/sign-in")
    assert problem(refused) == (429, "TooManyRequests")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    await later(3601)
    assert (await browser.get("/v1/staff/sign-in")).status_code == 303


# Not in


async def test_another_browser_cannot_come_back_with_my_answer(
    db: Connection, desk: httpx.AsyncClient, browser: Browser, stand_ins: StandIns
) -> None:
    """Nobody is signed in as somebody else by a link."""
    member = await a_staff_member(db)
    begun = await browser.get("/v1/staff/sign-in")
    answer = await stand_ins.answer(begun.headers["location"], hint(member))
    other = Browser(desk)
    assert problem(await other.get(CALLBACK, **answer)) == (400, "UnknownFlow")
    await other.get("/v1/staff/sign-in")
    assert problem(await other.get(CALLBACK, **answer)) == (400, "UnknownFlow")
    assert (await browser.get(CALLBACK, **answer)).status_code == 303
    again = Browser(desk, {HOLDER_COOKIE: begun.headers["set-cookie"].partition("=")[2].partition(";")[0]})
    assert problem(await again.get(CALLBACK, **answer)) == (400, "UnknownFlow"), "an answer is good for once"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": "access_denied", "state": "x"}, (403, "ProviderRefused")),
        ({"code": "x"}, (400, "UnknownFlow")),
        ({"code": "x" * 5000, "state": "y"}, (400, "UnknownFlow")),
        ({}, (400, "UnknownFlow")),
    ],
)
async def test_an_answer_that_is_none(browser: Browser, answer: dict[str, str], expected: tuple[int, str]) -> None:
    await browser.get("/v1/staff/sign-in")
    assert problem(await browser.get(CALLBACK, **answer)) == expected
    assert SESSION_COOKIE not in browser.cookies


async def test_whoever_the_provider_refuses_is_not_let_in(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    member = await a_staff_member(db)
    await stand_ins.behave("staff", "bad_signature")
    assert problem(await browser.sign_in(stand_ins, hint(member))) == (403, "ProviderRefused")
    assert SESSION_COOKIE not in browser.cookies


async def test_a_provider_that_is_down_lets_nobody_in(browser: Browser, stand_ins: StandIns) -> None:
    await stand_ins.behave("staff", "down", at="discovery", times=5)
    assert problem(await browser.get("/v1/staff/sign-in")) == (503, "ProviderUnavailable")


async def test_somebody_whom_nobody_invited_is_no_member(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    assert problem(await browser.sign_in(stand_ins, "new:stranger@hue.example")) == (403, "NotAMember")
    assert SESSION_COOKIE not in browser.cookies
    [row] = await db.fetch(sql.audited, "staff.sign_in_refused")
    assert "stranger@hue.example" not in str(row)


async def test_an_e_mail_is_the_same_in_capitals(db: Connection, browser: Browser, stand_ins: StandIns) -> None:
    member = await a_staff_member(db)
    assert (await browser.sign_in(stand_ins, f"new:{member.email.upper()}")).status_code == 303
    assert (await browser.look_around())["email"] == member.email


async def test_an_e_mail_that_the_provider_did_not_verify_is_nobodys(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    member = await a_staff_member(db)
    await stand_ins.behave("staff", "email_unverified")
    assert problem(await browser.sign_in(stand_ins, hint(member))) == (403, "NotAMember")


async def test_the_e_mail_counts_once_after_that_the_person_does(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    """Whoever is given a leaver's e-mail address is not given their work."""
    member = await a_staff_member(db)
    assert (await browser.sign_in(stand_ins, hint(member))).status_code == 303
    linked = await db.fetchrow(sql.staff_account, member.id)
    assert linked is not None
    assert linked["subject"] is not None
    heir = f"new:{member.email.upper()}"
    assert problem(await browser.sign_in(stand_ins, heir)) == (403, "NotAMember")
    await stand_ins.behave("staff", "email_unverified")
    assert (await browser.sign_in(stand_ins, hint(member))).status_code == 303, "known by the subject now"
    assert await db.fetchrow(sql.staff_account, member.id) == linked


async def test_the_sandboxs_staff_sign_in_with_their_e_mails(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    await people.plant(db)
    await staff_seed.plant(db)
    assert (await browser.sign_in(stand_ins, "supervisor@hue.example")).status_code == 303
    session = await browser.look_around()
    assert [grant["role"] for grant in session["grants"]] == ["operator", "supervisor"]


async def test_a_sandbox_that_moved_to_another_port_still_knows_its_staff(
    db: Connection, browser: Browser, stand_ins: StandIns
) -> None:
    member = await a_staff_member(db)
    await browser.sign_in(stand_ins, hint(member))
    await db.execute(staff_seed.sql.move_staff_links, "http://localhost:1/staff")
    assert problem(await browser.sign_in(stand_ins, hint(member))) == (403, "NotAMember")
    await staff_seed.follow_the_stand_in(db)
    assert (await browser.sign_in(stand_ins, hint(member))).status_code == 303


# How long


async def test_a_session_ends_after_a_quarter_of_an_hour_in_which_nothing_happened(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, later: Later
) -> None:
    member = await a_staff_member(db)
    for _ in range(3):
        await later(14 * 60)
        desk_app.app.state.staff_cookie.seen.clear()
        assert (await desk.get("/v1/staff/session", headers=member.headers)).status_code == 200
    await later(15 * 60 + 1)
    desk_app.app.state.staff_cookie.seen.clear()
    assert problem(await desk.get("/v1/staff/session", headers=member.headers)) == (401, "SignInRequired")
    await sessions.forget_old(db)
    assert [row["end_reason"] for row in await db.fetch(sql.staff_sessions, member.id)] == ["idle"]


async def test_a_session_ends_after_eight_hours_whatever_happens(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, later: Later
) -> None:
    member = await a_staff_member(db)
    for _ in range(48):
        answer = await desk.get("/v1/staff/session", headers=member.headers)
        assert answer.status_code == 200
        await later(600)
        desk_app.app.state.staff_cookie.seen.clear()
    assert problem(await desk.get("/v1/staff/session", headers=member.headers)) == (401, "SignInRequired")
    await sessions.forget_old(db)
    assert [row["end_reason"] for row in await db.fetch(sql.staff_sessions, member.id)] == ["expired"]
    await later(400 * 86_400)
    await sessions.forget_old(db)
    assert await db.fetch(sql.staff_sessions, member.id) == []


async def test_that_somebody_is_there_is_written_down_once_a_minute(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, later: Later
) -> None:
    member = await a_staff_member(db)

    async def seen_after(seconds: float) -> object:
        await later(seconds)
        desk_app.app.state.staff_cookie.seen.clear()
        await desk.get("/v1/staff/session", headers=member.headers)
        [row] = await db.fetch(sql.staff_sessions, member.id)
        return row["seen_at"]

    first = await seen_after(0)
    assert await seen_after(50) == first
    assert await seen_after(20) != first


async def test_signing_out_ends_the_session_and_takes_the_cookie_away(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    member = await a_staff_member(db)
    out = await desk.delete("/v1/staff/session", headers=member.headers)
    assert out.status_code == 204
    assert given(out)[SESSION_COOKIE]["max-age"] == "0"
    assert given(out)[SESSION_COOKIE]["secure"] is True
    assert problem(await desk.get("/v1/staff/session", headers=member.headers)) == (401, "SignInRequired")
    assert [row["end_reason"] for row in await db.fetch(sql.staff_sessions, member.id)] == ["signed_out"]
