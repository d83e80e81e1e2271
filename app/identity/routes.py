"""The doors of identity."""

from uuid import UUID

from litestar import Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody

from app.deps import Db, Door
from app.identity import bearer, codes, pins, sessions
from app.identity.models import (
    CodeSent,
    Profile,
    ProfileChange,
    Refresh,
    Refreshed,
    RequestCode,
    Session,
    SetPin,
    SignedIn,
    SignIn,
)

REFRESH_COOKIE = "huong_refresh"
_NOT_STORED = {"cache-control": "no-store"}


@post("/v1/sign-in/codes", status_code=202, public=True)
async def request_code(db: Db, request: Door, data: JSONBody[RequestCode]) -> CodeSent:
    """Have a one-time code sent to a phone."""
    return await codes.request(db, data.phone, request.address)


@post("/v1/sign-in/sessions", status_code=201, public=True)
async def sign_in(db: Db, data: JSONBody[SignIn]) -> Response[SignedIn]:
    """Sign in with the code."""
    answer, refresh_token = await sessions.open_session(db, data)
    return Response(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer.refresh_token, refresh_token))


@post("/v1/sign-in/refreshes", status_code=201, public=True)
async def refresh(db: Db, request: Door, data: JSONBody[Refresh]) -> Response[Refreshed]:
    """A fresh access token for a refresh token, which is replaced."""
    answer, refresh_token = await sessions.refresh(db, data.refresh_token or request.cookies.get(REFRESH_COOKIE))
    return Response(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer.refresh_token, refresh_token))


def _refresh_cookies(shown: str | None, refresh_token: str) -> list[Cookie]:
    if shown is not None:
        return []
    return [
        Cookie(
            key=REFRESH_COOKIE,
            value=refresh_token,
            path="/v1/sign-in/refreshes",
            max_age=60 * 86_400,
            secure=True,
            httponly=True,
            samesite="strict",
        )
    ]


@get("/v1/sign-in/sessions")
async def list_sessions(db: Db, request: Door) -> list[Session]:
    """Where I am signed in."""
    return await sessions.mine(db, request.me)


@delete("/v1/sign-in/sessions/current", status_code=204)
async def sign_out(db: Db, request: Door) -> None:
    """Sign out here."""
    await sessions.end(db, request.me, request.me.session_id)
    bearer.forget(request, request.me.session_id)


@delete("/v1/sign-in/sessions/{session_id:uuid}", status_code=204)
async def end_session(db: Db, request: Door, session_id: FromPath[UUID]) -> None:
    """Sign out elsewhere; effective within 5 seconds."""
    await sessions.end(db, request.me, session_id)
    bearer.forget(request, session_id)


@get("/v1/me")
async def get_me(db: Db, request: Door) -> Profile:
    """Who I am."""
    return await sessions.profile(db, request.me.id)


@patch("/v1/me")
async def change_me(db: Db, request: Door, data: JSONBody[ProfileChange]) -> Profile:
    """Change my name or my language."""
    return await sessions.change_profile(db, request.me, data)


@put("/v1/me/pin", status_code=204)
async def set_pin(db: Db, request: Door, data: JSONBody[SetPin]) -> None:
    """Set my PIN, or change it with the old one."""
    await pins.set_pin(db, request.me, data)


router = Router(
    "/",
    route_handlers=[
        request_code,
        sign_in,
        refresh,
        list_sessions,
        sign_out,
        end_session,
        get_me,
        change_me,
        set_pin,
    ],
    tags=["identity"],
)
