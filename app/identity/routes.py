"""The doors of identity."""

from uuid import UUID

from litestar import Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect

from app.deps import Db, Door
from app.identity import bearer, codes, emergency, levels, phones, pins, sessions, verifications
from app.identity.models import (
    BeginVerification,
    ChangePhone,
    CodeSent,
    EmergencyLock,
    FinishVerification,
    Level,
    LockAsked,
    NewPhone,
    Profile,
    ProfileChange,
    Refresh,
    Refreshed,
    RequestCode,
    Session,
    SetPin,
    SignedIn,
    SignIn,
    Verification,
    VerificationBegun,
    Verified,
)

REFRESH_COOKIE = "huong_refresh"
_NOT_STORED = {"cache-control": "no-store"}


@post("/v1/sign-in/codes", status_code=202, public=True)
async def request_code(db: Db, request: Door, data: JSONBody[RequestCode]) -> CodeSent:
    """Have a one-time code sent to a phone."""
    return await codes.request(db, data.phone, request.address, data.purpose, data.device_id)


@post("/v1/sign-in/sessions", status_code=201, public=True)
async def sign_in(db: Db, request: Door, data: JSONBody[SignIn]) -> Response[SignedIn]:
    """Sign in with the code."""
    answer, refresh_token = await sessions.open_session(db, data, request.address)
    return Response(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer, refresh_token))


@post("/v1/sign-in/refreshes", status_code=201, public=True)
async def refresh(db: Db, request: Door, data: JSONBody[Refresh]) -> Response[Refreshed]:
    """A fresh access token for a refresh token, which is replaced."""
    answer, refresh_token = await sessions.refresh(db, data.refresh_token or request.cookies.get(REFRESH_COOKIE))
    return Response(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer, refresh_token))


def _refresh_cookies(answer: SignedIn | Refreshed | None, refresh_token: str | None) -> list[Cookie]:
    if answer is None or answer.refresh_token is not None or refresh_token is None:
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


@post("/v1/sign-in/emergency-locks", status_code=202, public=True)
async def lock_account(db: Db, request: Door, data: JSONBody[EmergencyLock]) -> LockAsked:
    """Lock a lost phone's account from any phone: by its PIN, or by a code sent to its number.

    The answer is the same whether or not they belong together. The account opens again by a verification."""
    return await emergency.lock(db, data, request.address)


@delete("/v1/sign-in/sessions/current", status_code=204, unconfirmed=True)
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


@get("/v1/me/level", unconfirmed=True)
async def get_level(db: Db, request: Door) -> Level:
    """How well the city knows me, what needs more, and what stands against my account."""
    return await levels.mine(db, request.me)


@post("/v1/me/verifications", status_code=201, unconfirmed=True)
async def begin_verification(request: Door, data: JSONBody[BeginVerification]) -> VerificationBegun:
    """Be verified by the identity provider: open `authorize_url`, and hand back what the browser brings."""
    return await verifications.begin(request.app.state.database, request.me, data)


@get(verifications.CALLBACK, public=True)
async def return_from_provider(request: Door) -> Redirect:
    """Where the identity provider sends the browser: on to the app, which finishes the verification."""
    return Redirect(verifications.back_to_the_app(dict(request.query_params)), status_code=303)


@get("/v1/me/verifications/{verification_id:uuid}", unconfirmed=True)
async def get_verification(db: Db, request: Door, verification_id: FromPath[UUID]) -> Verification:
    """Where a verification stands."""
    return await verifications.show(db, request.me, verification_id)


@put("/v1/me/verifications/{verification_id:uuid}", unconfirmed=True)
async def finish_verification(
    request: Door, verification_id: FromPath[UUID], data: JSONBody[FinishVerification]
) -> Response[Verified]:
    """Hand in `code` and `state` from the provider. 200 `moved`: go on with the `session` in the answer."""
    answer, token = await verifications.finish(request.app.state.database, request.me, verification_id, data)
    bearer.forget(request, request.me.session_id)
    return Response(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer.session, token))


@post("/v1/me/phone-codes", status_code=202)
async def request_phone_code(db: Db, request: Door, data: JSONBody[NewPhone]) -> CodeSent:
    """Have a code sent to the number that my account shall have."""
    return await phones.request_code(db, data, request.address)


@put("/v1/me/phone", status_code=204)
async def change_phone(db: Db, request: Door, data: JSONBody[ChangePhone]) -> None:
    """Change my number, with its code and a verification of the last ten minutes."""
    await phones.change(db, request.me, data)


router = Router(
    "/",
    route_handlers=[
        request_code,
        lock_account,
        get_level,
        begin_verification,
        return_from_provider,
        get_verification,
        finish_verification,
        request_phone_code,
        change_phone,
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
