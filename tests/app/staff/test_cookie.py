"""A cookie goes wherever a browser is sent, by whatever page: what changes something must show more."""

import httpx
import pytest

from app.db import Connection
from app.identity import seed
from app.identity.tokens import new_token, token_hash
from app.staff import cookie
from app.staff.cookie import CACHE_LIFE_S, CsrfRefused
from app.types import new_id
from tests.app.phones import PLAY_PHONE, bearer, signed_in
from tests.app.staff.browser import SESSION_COOKIE, problem
from tests.conftest import City, Desk, open_city
from tests.house.doors import OPEN311, doors, filled
from tests.makers import StaffMember, a_resident, a_staff_member, with_role
from tests.statements import sql

OURS = "http://localhost:8000"


def only_the_cookie(member: StaffMember) -> dict[str, str]:
    return {"cookie": member.headers["cookie"]}


async def invite(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    body = {"name": "Hồ Văn Mới", "email": f"{new_id().hex}@hue.example"}
    return await client.put(f"/v1/staff/members/{new_id()}", headers=headers, json=body)


async def test_reading_takes_the_cookie_alone(db: Connection, desk: httpx.AsyncClient) -> None:
    admin = await a_staff_member(db, role="admin")
    for path in ("/v1/staff/session", "/v1/staff/members", "/v1/staff/grants"):
        assert (await desk.get(path, headers=only_the_cookie(admin))).status_code == 200
    assert (await desk.head("/v1/staff/session", headers=only_the_cookie(admin))).status_code == 200


async def test_writing_takes_the_sessions_own_csrf_token(db: Connection, desk: httpx.AsyncClient) -> None:
    admin, other = await a_staff_member(db, role="admin"), await a_staff_member(db, role="admin")
    for shown in ({}, {"x-csrf-token": ""}, {"x-csrf-token": "0" * 43}, {"x-csrf-token": admin.token},
                  {"x-csrf-token": other.headers["x-csrf-token"]}):  # fmt: skip
        assert problem(await invite(desk, only_the_cookie(admin) | shown)) == (403, "CsrfRefused")
    assert (await invite(desk, admin.headers)).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost",
        "http://localhost:8000.evil.example",
        "https://localhost:8000",
    ],
)
async def test_another_sites_page_is_refused_even_with_the_token(
    db: Connection, desk: httpx.AsyncClient, origin: str
) -> None:
    admin = await a_staff_member(db, role="admin")
    assert problem(await invite(desk, admin.headers | {"origin": origin})) == (403, "CsrfRefused")
    assert (await invite(desk, admin.headers | {"origin": OURS})).status_code == 200


async def test_a_refused_page_is_told_so_before_its_body_is_looked_at(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    member = await a_staff_member(db)
    answer = await desk.put(f"/v1/staff/break-glass/{new_id()}", headers=only_the_cookie(member), content=b"{")
    assert problem(answer) == (403, "CsrfRefused")


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "Hương", "x" * 10_000])
async def test_a_cookie_that_opens_nothing_opens_nothing(desk: httpx.AsyncClient, token: str) -> None:
    headers = {b"cookie": f"a=b; {SESSION_COOKIE}={token}; c".encode()}
    assert problem(await desk.get("/v1/staff/session", headers=headers)) == (401, "SignInRequired")
    assert problem(await desk.delete("/v1/staff/session", headers=headers)) == (401, "SignInRequired")


async def test_what_is_public_is_public_to_an_officers_browser_too(db: Connection, desk: httpx.AsyncClient) -> None:
    """They are a resident as well, in the next tab."""
    headers = only_the_cookie(await a_staff_member(db))
    asked = await desk.post("/v1/sign-in/codes", headers=headers, json={"phone": PLAY_PHONE})
    assert asked.status_code == 202
    body = {"challenge_id": asked.json()["challenge_id"], "code": "000000"}
    assert (await desk.post("/v1/sign-in/sessions", headers=headers, json=body)).status_code == 201


async def test_a_bearer_that_has_expired_is_401_beside_a_cookie(db: Connection, desk: httpx.AsyncClient) -> None:
    """So that the phone's app refreshes it."""
    headers = only_the_cookie(await a_staff_member(db)) | {"authorization": f"Bearer {new_token()}"}
    assert problem(await desk.get("/v1/me", headers=headers)) == (401, "SignInRequired")
    assert problem(await desk.patch("/v1/me", headers=headers, json={"language": "en"})) == (401, "SignInRequired")
    assert problem(await desk.get("/v1/staff/session", headers=headers)) == (401, "SignInRequired")


async def test_without_its_csrf_token_a_cookie_is_nobodys_anywhere(db: Connection, desk: httpx.AsyncClient) -> None:
    """No door that changes something takes it, whatever its path; what is public sees a stranger."""
    headers = only_the_cookie(await a_staff_member(db, role="admin"))
    for door in doors():
        if door.method not in cookie.SAFE_METHODS and not door.handler.opt.get("public"):
            answer = await desk.request(door.method, filled(door.path), headers=headers)
            if door.path.startswith(OPEN311):
                assert (answer.status_code, CsrfRefused().words("en") in answer.text) == (403, True), door
            else:
                assert problem(answer) == (403, "CsrfRefused"), door


async def test_a_bearer_goes_before_the_cookie_and_needs_no_csrf_token(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    """Only a page of ours, or an app, can send one."""
    resident, member = await a_resident(db), await a_staff_member(db)
    both = resident.headers | only_the_cookie(member)
    assert (await desk.get("/v1/me", headers=both)).json()["id"] == str(resident.id)
    assert (await desk.patch("/v1/me", headers=both, json={"language": "en"})).status_code == 200
    assert problem(await desk.get("/v1/staff/session", headers=both)) == (403, "Forbidden")


async def test_a_member_of_staff_is_no_resident(db: Connection, desk: httpx.AsyncClient) -> None:
    admin = await a_staff_member(db, role="admin")
    assert problem(await desk.get("/v1/wallet", headers=admin.headers)) == (403, "Forbidden")
    assert (await desk.get("/v1/notifications/inbox", headers=admin.headers)).status_code == 200


async def test_a7_an_officer_of_one_agency_is_nobody_at_another(db: Connection, desk_app: Desk) -> None:
    officer = await a_staff_member(db, role="agency_officer", agency="urban-management")
    officer = await with_role(db, officer, "clerk", "counter-thuan-hoa")
    app_sees = await desk_app.app.state.staff_cookie.principal(token_hash(officer.token))
    assert app_sees.agencies_as("agency_officer") == ["urban-management"]
    assert app_sees.agencies_as("clerk") == ["counter-thuan-hoa"]
    assert app_sees.agencies_as("agency_head", "admin") == []


async def test_staff_who_signed_in_by_a_code_have_the_same_grants_and_no_cookie_to_guard(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    """A sandbox's convenience."""
    await seed.plant(db)
    session = await signed_in(desk, "+84900000205")
    seen = (await desk.get("/v1/staff/session", headers=bearer(session))).json()
    assert [grant["role"] for grant in seen["grants"]] == ["operator", "supervisor"]
    assert (seen["csrf_token"], seen["expires_at"], seen["idle_until"]) == (None, None, None)
    assert problem(await desk.delete("/v1/staff/session", headers=bearer(session))) == (404, "NotFound")


async def test_what_was_taken_back_counts_elsewhere_within_five_seconds(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr(cookie, "monotonic", lambda: seconds)
    async with town.database.transaction() as db:
        admin, member = await a_staff_member(db, role="admin"), await a_staff_member(db, role="compliance")
        [role] = await db.fetch(sql.role_rows, member.id)
    async with open_city(town.settings) as neighbour:
        for city in (town, neighbour):
            assert (await city.client.get("/v1/staff/members", headers=member.headers)).status_code == 200
        path = f"/v1/staff/grants/{role['grant_id']}/revocation"
        revoked = await town.client.put(path, headers=admin.headers, json={"reason": "Chuyển công tác"})
        assert revoked.status_code == 200, revoked.text
        assert (await town.client.get("/v1/staff/members", headers=member.headers)).status_code == 403
        seconds += 4.9
        assert (await neighbour.client.get("/v1/staff/members", headers=member.headers)).status_code == 403
        assert CACHE_LIFE_S < 5
        closed = await town.client.put(
            f"/v1/staff/members/{member.id}/closure", headers=admin.headers, json={"reason": "Thôi việc"}
        )
        assert closed.status_code == 200
        assert (await town.client.get("/v1/staff/session", headers=member.headers)).status_code == 401
        seconds += 4.9
        assert (await neighbour.client.get("/v1/staff/session", headers=member.headers)).status_code == 401
    async with town.database.acquire() as db:
        assert [row["end_reason"] for row in await db.fetch(sql.staff_sessions, member.id)] == ["member_closed"]
