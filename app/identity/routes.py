"""The doors of identity."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect

from app.deps import Db, Door
from app.errors import answer_problem
from app.identity import (
    bearer,
    codes,
    devices,
    emergency,
    levels,
    passkeys,
    phones,
    pins,
    possession,
    sessions,
    verifications,
)
from app.identity.models import (
    BeginVerification,
    ChangePhone,
    CodeSent,
    Device,
    EmergencyLock,
    FinishVerification,
    Level,
    LockAsked,
    NewPhone,
    Passkey,
    PasskeyBegun,
    Profile,
    ProfileChange,
    Refresh,
    Refreshed,
    RegisterPasskey,
    RequestCode,
    Session,
    SetDeviceKey,
    SetPin,
    SignedIn,
    SignIn,
    Verification,
    VerificationBegun,
    Verified,
)
from app.identity.possession import ProofHeader
from app.replies import Reply
from app.types import Nothing

REFRESH_COOKIE = "huong_refresh"
_NOT_STORED = {"cache-control": "no-store"}
_FROM_THE_COOKIE = Refresh()


@post("/v1/sign-in/codes", status_code=202, public=True)
async def request_code(db: Db, request: Door, data: JSONBody[RequestCode]) -> CodeSent:
    """Have a one-time code sent to a phone."""
    return await codes.request(db, data.phone, request.address, data.purpose, data.device_id)


@post("/v1/sign-in/sessions", status_code=201, public=True)
async def sign_in(db: Db, request: Door, data: JSONBody[SignIn], proof: ProofHeader = None) -> Reply[SignedIn]:
    """Sign in with the code.

    A device that has a key shows that it holds it, or it is a new device, without one."""
    asked = await possession.asked(request, proof)
    answer, refresh_token = await sessions.open_session(db, data, request.address, asked)
    return Reply(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer, refresh_token))


def refuse_refresh(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    """A browser forgets a refresh token that opens nothing any more."""
    answer = answer_problem(request, problem)
    if REFRESH_COOKIE in request.cookies:
        answer.cookies.append(_refresh_cookie("", 0))
    return answer


@post(
    "/v1/sign-in/refreshes",
    status_code=201,
    public=True,
    exception_handlers={sessions.RefreshRefused: refuse_refresh},
)
async def refresh(
    db: Db, request: Door, data: JSONBody[Refresh] = _FROM_THE_COOKIE, proof: ProofHeader = None
) -> Reply[Refreshed]:
    """A fresh access token for a refresh token, which is replaced.

    A browser sends its cookie and no body. `RefreshRefused` tells in `reason` how the session ended."""
    token = data.refresh_token or request.cookies.get(REFRESH_COOKIE)
    answer, refresh_token = await sessions.refresh(db, token, await possession.asked(request, proof))
    return Reply(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer, refresh_token))


def _refresh_cookies(answer: SignedIn | Refreshed | None, refresh_token: str | None) -> list[Cookie]:
    if answer is None or answer.refresh_token is not None or refresh_token is None:
        return []
    return [_refresh_cookie(refresh_token, 60 * 86_400)]


def _refresh_cookie(value: str, max_age_s: int) -> Cookie:
    return Cookie(
        key=REFRESH_COOKIE,
        value=value,
        path="/v1/sign-in/refreshes",
        max_age=max_age_s,
        secure=True,
        httponly=True,
        samesite="strict",
    )


@get("/v1/sign-in/sessions")
async def list_sessions(db: Db, request: Door) -> list[Session]:
    """Where I am signed in."""
    return await sessions.mine(db, request.me)


@post("/v1/sign-in/emergency-locks", status_code=202, public=True)
async def lock_account(request: Door, data: JSONBody[EmergencyLock]) -> LockAsked:
    """Lock a lost phone's account from any phone: by its PIN, or by a code sent to its number.

    The answer is the same whether or not they belong together. The account opens again by a verification."""
    return await emergency.lock(request.app.state.database, data, request.address)


@delete("/v1/sign-in/sessions/current", status_code=204, unconfirmed=True)
async def sign_out(db: Db, request: Door) -> Reply[None]:
    """Sign out here; a browser forgets its refresh token."""
    await sessions.end(db, request.me, request.me.session_id)
    bearer.forget(request, request.me.session_id)
    return Reply(None, status_code=204, cookies=[_refresh_cookie("", 0)])


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
async def set_pin(request: Door, data: JSONBody[SetPin], proof: ProofHeader = None) -> None:
    """Set my PIN, or change it with the old one; a forgotten one with a verification of the last ten minutes."""
    asked = await possession.asked(request, proof)
    await pins.set_pin(request.app.state.database, request.me, data, asked)


@get("/v1/me/level", unconfirmed=True)
async def get_level(db: Db, request: Door) -> Level:
    """How well the city knows me, what needs more, and what stands against my account."""
    return await levels.mine(db, request.me)


@post("/v1/me/verifications", status_code=201, unconfirmed=True)
async def begin_verification(request: Door, data: JSONBody[BeginVerification]) -> VerificationBegun:
    """Be verified by the identity provider: open `authorize_url`, and hand back what the browser brings."""
    return await verifications.begin(request.app.state.database, request.me, data)


@get(verifications.CALLBACK, status_code=303, public=True)
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
) -> Reply[Verified]:
    """Hand in `code` and `state` from the provider. 200 `moved`: go on with the `session` in the answer."""
    answer, token = await verifications.finish(request.app.state, request.me, verification_id, data)
    bearer.forget(request, request.me.session_id)
    return Reply(answer, headers=_NOT_STORED, cookies=_refresh_cookies(answer.session, token))


@post("/v1/me/phone-codes", status_code=202)
async def request_phone_code(db: Db, request: Door, data: JSONBody[NewPhone]) -> CodeSent:
    """Have a code sent to the number that my account shall have."""
    return await phones.request_code(db, data, request.address)


@put("/v1/me/phone", status_code=204)
async def change_phone(db: Db, request: Door, data: JSONBody[ChangePhone]) -> None:
    """Change my number, with its code and a verification of the last ten minutes."""
    await phones.change(db, request.me, data)


@get("/v1/me/devices")
async def list_devices(db: Db, request: Door) -> list[Device]:
    """My devices, the one seen last first."""
    return await devices.mine(db, request.me)


@delete("/v1/me/devices/{device_id:uuid}", status_code=204)
async def remove_device(db: Db, request: Door, device_id: FromPath[UUID], proof: ProofHeader = None) -> None:
    """Sign a device out and drop its key, effective within 5 seconds; signing in there again makes it a new one."""
    await possession.check_once(db, request, proof)
    await devices.remove(db, request.me, device_id)
    bearer.forget_device(request, device_id)


@put("/v1/me/devices/{device_id:uuid}/key", status_code=204)
async def set_device_key(
    db: Db, request: Door, device_id: FromPath[UUID], data: JSONBody[SetDeviceKey], proof: ProofHeader = None
) -> None:
    """Give the device that asks a key of its own; any other device looks like none.

    From then on refreshing, paying, changing the PIN, adding passkeys and removing devices from it need a proof made
    with the key. Another key later: the request is proved with the first."""
    asked = await possession.asked(request, proof)
    await devices.keep_key(db, request.me, device_id, data.public_key, asked)
    bearer.forget_device(request, device_id)


@post("/v1/me/passkeys", status_code=201)
async def begin_passkey(db: Db, request: Door, data: JSONBody[Nothing]) -> PasskeyBegun:
    """Begin to add a passkey: the wallet is unlocked, and the browser makes it within five minutes."""
    return await passkeys.begin(db, request.me)


@put("/v1/me/passkeys/{passkey_id:uuid}")
async def register_passkey(
    db: Db, request: Door, passkey_id: FromPath[UUID], data: JSONBody[RegisterPasskey], proof: ProofHeader = None
) -> Passkey:
    """Add the passkey that the browser made."""
    await possession.check_once(db, request, proof)
    return await passkeys.register(db, request.me, passkey_id, data)


@get("/v1/me/passkeys")
async def list_passkeys(db: Db, request: Door) -> list[Passkey]:
    """My passkeys."""
    return await passkeys.mine(db, request.me)


@delete("/v1/me/passkeys/{passkey_id:uuid}", status_code=204)
async def remove_passkey(db: Db, request: Door, passkey_id: FromPath[UUID]) -> None:
    """Remove a passkey: it proves nothing any more."""
    await passkeys.remove(db, request.me, passkey_id)


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
        list_devices,
        remove_device,
        set_device_key,
        begin_passkey,
        register_passkey,
        list_passkeys,
        remove_passkey,
    ],
    tags=["identity"],
)
