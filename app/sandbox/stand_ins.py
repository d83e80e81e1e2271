"""The stand-ins as one small app: what `litestar sandbox` serves."""

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from app import clock, config
from app.config import BadSetting, Settings
from app.errors import Refusal, answer_problem
from app.observe import start_logging
from app.sandbox import faces, pages, providers, texts
from app.sandbox.faces import Faces
from app.sandbox.providers import Provider
from app.sandbox.texts import Phones


class Parties(msgspec.Struct, frozen=True):
    """More parties, of a domain: their routes, what these keep, and how the front page names them (vi, en, path).

    `beside`: what runs as long as the app, like a socket of one who does not speak HTTP/1."""

    routers: list[Router]
    state: dict[str, Any]
    names: list[tuple[str, str, str]]
    beside: list[Callable[[Litestar], AbstractAsyncContextManager[Any]]] = []


def create_stand_ins(settings: Settings, *more: Parties) -> Litestar:
    """The app; raises BadSetting in production, where nobody may stand in for anybody."""
    if not settings.sandbox:
        raise BadSetting("only a sandbox has stand-ins; production is pointed at the real parties")
    clock.set_offset(timedelta(seconds=settings.clock_offset_s))
    ours = f"{settings.public_url}/"
    citizen = Provider("citizen", settings.citizen_client_id, settings.citizen_client_secret, ours)
    staff = Provider("staff", settings.staff_client_id, settings.staff_client_secret, ours)
    return Litestar(
        route_handlers=[
            show_what_is_here,
            live,
            providers.router,
            faces.router,
            texts.router,
            *(router for parties in more for router in parties.routers),
        ],
        exception_handlers={Exception: answer_problem, HTTPException: answer_problem, Refusal: answer_problem},
        lifespan=[beside for parties in more for beside in parties.beside],
        openapi_config=None,
        request_max_body_size=64 * 1024,
        state=State(
            {
                "providers": {"citizen": citizen, "staff": staff},
                "faces": Faces(settings.face_key),
                "phones": Phones(settings.text_key, f"{settings.public_url}/v1/gateways/texts/reports"),
                "names": [name for parties in more for name in parties.names],
                **{key: value for parties in more for key, value in parties.state.items()},
            }
        ),
        logging_config=None,
    )


@get("/")
async def show_what_is_here(request: Request[Any, Any, Any]) -> Response[str]:
    """What stands here, for whoever comes by with a browser."""
    parties = [
        ("Định danh công dân (thay VNeID)", "Citizens' identity (for VNeID)", "/citizen"),
        ("Định danh cán bộ", "Staff's identity", "/staff"),
        ("Đối chiếu khuôn mặt", "Face match", "/face"),
        ("Tin nhắn đã đến điện thoại", "Texts that phones got", "/texts"),
        *request.app.state.names,
    ]
    body = "".join(pages.heading(vi, en) + f"<p><code>{path}</code></p>" for vi, en, path in parties)
    return pages.page("Các bên ngoài, đóng thế", "Stand-ins of outside parties", body)


@get("/livez")
async def live() -> dict[str, Any]:
    """Is it there?"""
    return {"live": True}


def served(*more: Parties) -> Litestar:
    """The stand-ins as a process of their own serves them: with its log."""
    try:
        settings = config.settings()
        start_logging(settings.log_level, settings.secrets())
        return create_stand_ins(settings, *more)
    except BadSetting as trouble:
        sys.exit(f"huong: {trouble}")
