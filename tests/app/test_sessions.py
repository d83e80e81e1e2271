"""Sessions: opened by a code, kept alive by refresh tokens that rotate, ended by their owner or by a thief."""

from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.identity import bearer as bearer_module
from app.identity import recovery
from app.types import new_id
from tests.app.phones import (
    PLAY_PHONE,
    a_device,
    all_but_request_id,
    ask_for_code,
    bearer,
    me,
    problem,
    redeem,
    refreshed,
    signed_in,
)
from tests.conftest import City, Desk, Later
from tests.makers import a_resident
from tests.statements import sql

MINUTE_S = 60
DAY_S = 86_400


# Signing in


async def test_the_first_sign_in_makes_the_resident(db: Connection, desk: httpx.AsyncClient) -> None:
    assert await db.fetch(sql.principals_by_phone, PLAY_PHONE) == []
    session = await signed_in(desk)
    [resident] = await db.fetch(sql.principals_by_phone, PLAY_PHONE)
    assert session["me"] == {
        "id": str(resident["id"]),
        "kind": "resident",
        "phone": PLAY_PHONE,
        "name": None,
        "language": "vi",
        "has_pin": False,
        "grants": [],
        "made_at": session["me"]["made_at"],
    }
    assert session["expires_in"] == 900
    assert (await me(desk, session)).json() == session["me"]


async def test_the_second_sign_in_finds_the_same_resident(db: Connection, desk: httpx.AsyncClient) -> None:
    first, second = await signed_in(desk), await signed_in(desk)
    assert first["me"] == second["me"]
    assert first["access_token"] != second["access_token"]
    assert await db.fetch(sql.session_ends, UUID(first["me"]["id"])) == [(None,), (None,)]


async def test_a_device_without_an_id_is_a_new_one_each_time(desk: httpx.AsyncClient) -> None:
    await signed_in(desk)
    session = await signed_in(desk)
    listed = (await desk.get("/v1/sign-in/sessions", headers=bearer(session))).json()
    assert len({item["device_id"] for item in listed}) == 2
    assert {item["device_name"] for item in listed} == {"?"}


async def test_signing_in_again_on_a_device_replaces_its_session(db: Connection, desk: httpx.AsyncClient) -> None:
    device_id = a_device()
    first = await signed_in(desk, id=device_id, name="Nokia")
    second = await signed_in(desk, id=device_id, name="Nokia 2", platform="ios")
    assert await db.fetch(sql.session_ends, UUID(first["me"]["id"])) == [("replaced",), (None,)]
    assert problem(await me(desk, first)) == (401, "SignInRequired")
    assert problem(await refreshed(desk, first["refresh_token"])) == (401, "RefreshRefused")
    [listed] = (await desk.get("/v1/sign-in/sessions", headers=bearer(second))).json()
    assert (listed["device_id"], listed["device_name"], listed["platform"]) == (device_id, "Nokia 2", "ios")


async def test_one_device_of_two_people_keeps_both_sessions(desk: httpx.AsyncClient) -> None:
    device_id = a_device()
    mine = await signed_in(desk, PLAY_PHONE, id=device_id)
    hers = await signed_in(desk, "+84900000778", id=device_id)
    assert (await me(desk, mine)).json()["phone"] == PLAY_PHONE
    assert (await me(desk, hers)).json()["phone"] == "+84900000778"


@pytest.mark.parametrize(
    "change",
    [
        {"code": "00000"},
        {"code": "0000000"},
        {"code": "000000\n"},
        {"code": 0},
        {"challenge_id": "1"},
        {"device": {"platform": "toaster"}},
        {"device": {"name": ""}},
        {"device": {"name": "N" * 101}},
        {"device": {"root": True}},
        {"kind": "staff"},
    ],
)
async def test_a_malformed_sign_in_is_refused_and_costs_no_try(
    desk: httpx.AsyncClient, change: dict[str, object]
) -> None:
    body = {"challenge_id": (await ask_for_code(desk)).json()["challenge_id"], "code": "000000"}
    for _ in range(6):
        assert problem(await desk.post("/v1/sign-in/sessions", json=body | change)) == (400, "Malformed")
    assert (await desk.post("/v1/sign-in/sessions", json=body)).status_code == 201


async def test_somebody_who_left_gets_in_nowhere(db: Connection, desk: httpx.AsyncClient) -> None:
    session = await signed_in(desk)
    await db.execute(sql.close_principal, UUID(session["me"]["id"]))
    assert problem(await me(desk, session)) == (401, "SignInRequired")


# Browsers


async def a_browser(client: httpx.AsyncClient) -> tuple[httpx.Response, dict[str, str]]:
    """A browser that signed in: the answer, and the cookie header that it would send back."""
    challenge_id = (await ask_for_code(client)).json()["challenge_id"]
    answer = await redeem(client, challenge_id, device={"platform": "web", "name": "Firefox"})
    assert answer.status_code == 201
    return answer, {"cookie": answer.headers["set-cookie"].partition(";")[0]}


async def test_a_browser_gets_its_refresh_token_where_no_script_can_read_it(desk: httpx.AsyncClient) -> None:
    answer, cookie = await a_browser(desk)
    pair, *attributes = answer.headers["set-cookie"].split("; ")
    name, _, token = pair.partition("=")
    assert name == "huong_refresh"
    assert len(token) == 43
    assert {attribute.lower() for attribute in attributes} == {
        "httponly",
        "secure",
        "samesite=strict",
        "path=/v1/sign-in/refreshes",
        f"max-age={60 * DAY_S}",
    }
    assert answer.json()["refresh_token"] is None
    assert token not in answer.text
    assert cookie == {"cookie": pair}


async def test_a_browser_refreshes_with_its_cookie_and_gets_the_next_one(desk: httpx.AsyncClient) -> None:
    _, cookie = await a_browser(desk)
    desk.cookies.clear()
    answer = await desk.post("/v1/sign-in/refreshes", json={}, headers=cookie)
    assert answer.status_code == 201
    assert answer.json()["refresh_token"] is None
    renewed = answer.headers["set-cookie"].partition(";")[0]
    assert renewed.startswith("huong_refresh=")
    assert renewed != cookie["cookie"]
    assert (await me(desk, answer.json())).status_code == 200
    desk.cookies.clear()
    assert (await desk.post("/v1/sign-in/refreshes", json={}, headers={"cookie": renewed})).status_code == 201


@pytest.mark.parametrize("body", [None, {}])
async def test_a_browser_needs_no_body_to_refresh(desk: httpx.AsyncClient, body: dict[str, str] | None) -> None:
    _, cookie = await a_browser(desk)
    desk.cookies.clear()
    answer = (
        await desk.post("/v1/sign-in/refreshes", headers=cookie, json=body)
        if body is not None
        else (await desk.post("/v1/sign-in/refreshes", headers=cookie))
    )
    assert answer.status_code == 201
    assert (await me(desk, answer.json())).status_code == 200


async def test_nobody_refreshes_with_nothing(desk: httpx.AsyncClient) -> None:
    refused = await desk.post("/v1/sign-in/refreshes")
    assert problem(refused) == (401, "RefreshRefused")
    assert "set-cookie" not in refused.headers


def forgets(answer: httpx.Response) -> bool:
    """Does the answer have a browser forget its refresh token?"""
    pair, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"Path=/v1/sign-in/refreshes", "HttpOnly", "Secure"} <= set(attributes)
    return pair in {'huong_refresh=""', "huong_refresh="} and "Max-Age=0" in attributes


async def test_a_browser_that_signs_out_forgets_its_refresh_token(desk: httpx.AsyncClient) -> None:
    answer, cookie = await a_browser(desk)
    desk.cookies.clear()
    signed_out = await desk.delete("/v1/sign-in/sessions/current", headers=bearer(answer.json()))
    assert (signed_out.status_code, signed_out.content) == (204, b"")
    assert forgets(signed_out)
    refused = await desk.post("/v1/sign-in/refreshes", headers=cookie)
    assert (problem(refused), refused.json()["reason"]) == ((401, "RefreshRefused"), "signed_out")
    assert forgets(refused)


async def test_a_phone_gets_no_cookie(desk: httpx.AsyncClient) -> None:
    challenge_id = (await ask_for_code(desk)).json()["challenge_id"]
    answer = await redeem(desk, challenge_id, device={"platform": "ios"})
    assert "set-cookie" not in answer.headers
    assert "set-cookie" not in (await refreshed(desk, answer.json()["refresh_token"])).headers


async def test_no_answer_with_tokens_in_it_is_stored_on_the_way(desk: httpx.AsyncClient) -> None:
    challenge_id = (await ask_for_code(desk)).json()["challenge_id"]
    opened = await redeem(desk, challenge_id)
    again = await refreshed(desk, opened.json()["refresh_token"])
    assert opened.headers["cache-control"] == again.headers["cache-control"] == "no-store"


# Refresh tokens


async def test_a_refresh_hands_out_another_pair_and_the_old_access_token_lives_on(desk: httpx.AsyncClient) -> None:
    session = await signed_in(desk)
    renewed = (await refreshed(desk, session["refresh_token"])).json()
    assert renewed["refresh_token"] != session["refresh_token"]
    assert renewed["access_token"] != session["access_token"]
    assert renewed["expires_in"] == 900
    for held in (session, renewed):
        assert (await me(desk, held)).json() == session["me"]


async def test_a_session_goes_on_for_as_long_as_it_is_refreshed(desk: httpx.AsyncClient, later: Later) -> None:
    session = await signed_in(desk)
    for _ in range(3):
        await later(59 * DAY_S)
        answer = await refreshed(desk, session["refresh_token"])
        assert answer.status_code == 201
        session = answer.json()
    assert (await me(desk, session)).status_code == 200


async def test_a_thief_ends_one_session_and_no_other(desk: httpx.AsyncClient, later: Later) -> None:
    stolen, other = await signed_in(desk), await signed_in(desk)
    await refreshed(desk, stolen["refresh_token"])
    await later(61)
    await refreshed(desk, stolen["refresh_token"])
    assert (await me(desk, other)).status_code == 200


async def test_a_refresh_token_lives_sixty_days(desk: httpx.AsyncClient, later: Later) -> None:
    session = await signed_in(desk)
    await later(60 * DAY_S + 1)
    assert problem(await refreshed(desk, session["refresh_token"])) == (401, "RefreshRefused")


@pytest.mark.parametrize("token", [None, "x" * 43, "A" * 20])
async def test_an_unknown_refresh_token_is_refused(desk: httpx.AsyncClient, token: str | None) -> None:
    answer = await desk.post("/v1/sign-in/refreshes", json={"refresh_token": token})
    assert problem(answer) == (401, "RefreshRefused")


async def test_only_whoever_holds_the_sessions_own_token_is_told_how_it_ended(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    device_id = a_device()
    replaced, replacing = await signed_in(desk, id=device_id), await signed_in(desk, id=device_id)
    assert (await refreshed(desk, replaced["refresh_token"])).json()["reason"] == "replaced"
    await recovery.lock(db, UUID(replacing["me"]["id"]), "hotline")
    assert (await refreshed(desk, replacing["refresh_token"])).json()["reason"] == "locked"
    assert "reason" not in (await refreshed(desk, "x" * 43)).json()
    old = await signed_in(desk, "+84900000778")
    await later(60 * DAY_S + 1)
    assert (await refreshed(desk, old["refresh_token"])).json()["reason"] == "expired"


async def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(desk: httpx.AsyncClient) -> None:
    session = await signed_in(desk)
    assert problem(await refreshed(desk, session["access_token"])) == (401, "RefreshRefused")
    assert problem(await me(desk, {"access_token": session["refresh_token"]})) == (401, "SignInRequired")


# My sessions


async def test_i_see_where_i_am_signed_in_newest_first(desk: httpx.AsyncClient, later: Later) -> None:
    old = await signed_in(desk, name="Nokia")
    await later(5)
    new = await signed_in(desk, name="Firefox", platform="web")
    listed = (await desk.get("/v1/sign-in/sessions", headers=bearer(new))).json()
    assert [(item["device_name"], item["platform"], item["current"]) for item in listed] == [
        ("Firefox", "web", True),
        ("Nokia", "android", False),
    ]
    seen_from_the_old = (await desk.get("/v1/sign-in/sessions", headers=bearer(old))).json()
    assert [item["current"] for item in seen_from_the_old] == [False, True]


async def test_i_see_nobody_elses_sessions(desk: httpx.AsyncClient) -> None:
    mine, hers = await signed_in(desk), await signed_in(desk, "+84900000778")
    [listed] = (await desk.get("/v1/sign-in/sessions", headers=bearer(mine))).json()
    [of_hers] = (await desk.get("/v1/sign-in/sessions", headers=bearer(hers))).json()
    assert listed["id"] != of_hers["id"]


async def test_i_sign_a_lost_phone_out(desk: httpx.AsyncClient) -> None:
    lost, mine = await signed_in(desk, name="Nokia"), await signed_in(desk)
    assert (await me(desk, lost)).status_code == 200
    listed = (await desk.get("/v1/sign-in/sessions", headers=bearer(mine))).json()
    [session_id] = [item["id"] for item in listed if item["device_name"] == "Nokia"]

    ended = await desk.delete(f"/v1/sign-in/sessions/{session_id}", headers=bearer(mine))
    assert (ended.status_code, ended.content) == (204, b"")
    assert problem(await me(desk, lost)) == (401, "SignInRequired")
    assert problem(await refreshed(desk, lost["refresh_token"])) == (401, "RefreshRefused")
    again = await desk.delete(f"/v1/sign-in/sessions/{session_id}", headers=bearer(mine))
    assert problem(again) == (404, "NotFound")
    assert len((await desk.get("/v1/sign-in/sessions", headers=bearer(mine))).json()) == 1


async def test_the_session_of_somebody_else_looks_like_none(db: Connection, desk: httpx.AsyncClient) -> None:
    me_, other = await a_resident(db), await a_resident(db)
    theirs = await desk.delete(f"/v1/sign-in/sessions/{other.session_id}", headers=me_.headers)
    unknown = await desk.delete(f"/v1/sign-in/sessions/{new_id()}", headers=me_.headers)
    assert problem(theirs) == (404, "NotFound")
    assert all_but_request_id(theirs) == all_but_request_id(unknown)
    assert (await desk.get("/v1/me", headers=other.headers)).status_code == 200


# Signing out


async def test_signing_out_counts_at_once_where_it_was_done(desk: httpx.AsyncClient) -> None:
    session = await signed_in(desk)
    assert (await me(desk, session)).status_code == 200
    assert (await desk.delete("/v1/sign-in/sessions/current", headers=bearer(session))).status_code == 204
    assert problem(await me(desk, session)) == (401, "SignInRequired")
    assert problem(await refreshed(desk, session["refresh_token"])) == (401, "RefreshRefused")


async def test_a_token_that_opened_nothing_is_asked_for_again(town: City, neighbour: City) -> None:
    session = await signed_in(town.client)
    child = await refreshed(town.client, session["refresh_token"])
    stale = {"access_token": "x" * 43}
    assert (await me(neighbour.client, stale)).status_code == 401
    assert (await me(neighbour.client, child.json())).status_code == 200
    assert neighbour.app.state.bearer.seen.keys() == {
        hashed for hashed, kept in neighbour.app.state.bearer.seen.items() if str(kept[1].id) == session["me"]["id"]
    }


async def test_the_cache_of_tokens_does_not_grow_for_ever(
    desk: httpx.AsyncClient, desk_app: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer_module, "CACHE_SIZE", 3)
    for n in range(5):
        assert (await me(desk, await signed_in(desk, f"+8490000077{n}"))).status_code == 200
    assert 1 <= len(desk_app.app.state.bearer.seen) <= 3


async def test_an_access_token_lives_fifteen_minutes(desk: httpx.AsyncClient, later: Later) -> None:
    session = await signed_in(desk)
    await later(899)
    assert (await desk.get("/v1/home", headers=bearer(session))).status_code == 200

    other = await signed_in(desk)
    await later(901)
    assert problem(await me(desk, other)) == (401, "SignInRequired")


# Strangers


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer x",
        b"Bearer " + b"x" * 10_000,
        b"Bearer \xc3\xa9\xff",
        b"Bearer null",
        b"Basic {token}",
        b"Token {token}",
        b"{token}",
        b"Bearer  {token}",
        b"Bearer {token} ",
        b"Bearer {token},{token}",
    ],
)
async def test_a_stranger_gets_nothing(db: Connection, desk: httpx.AsyncClient, authorization: bytes | None) -> None:
    token = (await a_resident(db)).token.encode()
    headers = {} if authorization is None else {b"authorization": authorization.replace(b"{token}", token)}
    answer = await desk.get("/v1/me", headers=headers)
    assert problem(answer) == (401, "SignInRequired")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_may_be_written_small(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    answer = await desk.get("/v1/me", headers={"authorization": f"bearer {resident.token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/me", "/v1/home", "/v1/sign-in/sessions", "/v1/wallet"])
async def test_a_stranger_learns_nothing_by_head_or_options(desk: httpx.AsyncClient, path: str) -> None:
    head = await desk.head(path)
    assert head.status_code in {401, 405}
    assert head.content == b""
    assert problem(await desk.options(path)) == (401, "SignInRequired")


async def test_a_stale_token_does_not_keep_anybody_from_signing_in(desk: httpx.AsyncClient) -> None:
    stale = {"authorization": f"Bearer {uuid4()}"}
    asked = await desk.post("/v1/sign-in/codes", json={"phone": PLAY_PHONE}, headers=stale)
    assert asked.status_code == 202


# Who I am


async def test_i_change_my_name_and_my_language_one_at_a_time(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db, name="Lê Thị Ngự Bình", level=1)
    changed = await desk.patch("/v1/me", headers=resident.headers, json={"language": "en"})
    assert (changed.json()["name"], changed.json()["language"]) == ("Lê Thị Ngự Bình", "en")
    changed = await desk.patch("/v1/me", headers=resident.headers, json={"name": "Ngự Bình"})
    assert (changed.json()["name"], changed.json()["language"]) == ("Ngự Bình", "en")
    assert (await desk.get("/v1/me", headers=resident.headers)).json() == changed.json()


async def test_a_verified_name_stays(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db, name="Lê Thị Ngự Bình")
    refused = await desk.patch("/v1/me", headers=resident.headers, json={"name": "Ngự Bình"})
    assert problem(refused) == (409, "NameIsVerified")
    assert (await desk.get("/v1/me", headers=resident.headers)).json()["name"] == "Lê Thị Ngự Bình"


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a\u0000b"},
        {"name": "x" * 101},
        {"language": "fr"},
        {"phone": "+84905123456"},
        {"kind": "staff"},
        {"grants": [{"agency": "city", "role": "admin"}]},
        {"id": str(UUID(int=0))},
    ],
)
async def test_i_cannot_make_myself_somebody_else(
    db: Connection, desk: httpx.AsyncClient, body: dict[str, object]
) -> None:
    resident = await a_resident(db)
    before = (await desk.get("/v1/me", headers=resident.headers)).json()
    assert problem(await desk.patch("/v1/me", headers=resident.headers, json=body)) == (400, "Malformed")
    assert (await desk.get("/v1/me", headers=resident.headers)).json() == before
