"""The whole city on one page."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from app import agencies, calendar, client, clock, config, health, home, places, schema
from app.audit import chain
from app.audit.routes import router as audit_router
from app.cli import Commands
from app.client import Client
from app.config import BadSetting, Settings
from app.db import Database
from app.deps import Door, dependencies, let_in
from app.errors import Refusal, answer_problem
from app.etag import Unchanged
from app.identity.bearer import Bearer
from app.identity.routes import router as identity_router
from app.live import Live
from app.machines.routes import router as machines_router
from app.machines.signatures import Signatures
from app.observe import Observe, calm_garbage_collection, start_logging, watch_loop
from app.policies.routes import router as policies_router
from app.privacy import data_requests
from app.privacy.routes import router as privacy_router
from app.rates import Rates
from app.replies import Reply
from app.sandbox import stand_ins
from app.staff.cookie import StaffCookie
from app.staff.routes import router as staff_router
from app.texts.routes import router as texts_router
from app.turns import Turns
from app.uploads.routes import router as uploads_router
from app.worker import HOLDINGS
from dossiers.figures import statistics as dossier_statistics
from dossiers.national import telling
from dossiers.routes import router as dossiers_router
from dossiers.sandbox.parties import parties as dossier_parties
from feedback.fine_routes import router as fines_router
from feedback.open311.routes import router as open311_router
from feedback.routes import router as feedback_router
from notifications import deliveries
from notifications.alerts.cap_names import CapNames
from notifications.alerts.routes import router as alerts_router
from notifications.routes import router as notifications_router
from notifications.sandbox.parties import browsers
from notifications.sandbox.parties import parties as notification_parties
from wallet import ledger
from wallet.oversight import guarantee
from wallet.routes import router as wallet_router
from wallet.sandbox.parties import parties
from wallet.till import Till

MOST_BODY_BYTES = 64 * 1024


def create_app(settings: Settings | None = None, database: Database | None = None) -> Litestar:
    """The city's API. Without arguments, as the environment says."""
    settings = settings or _settings_or_exit()
    clock.set_offset(timedelta(seconds=settings.clock_offset_s))
    database = database or Database(
        settings.database_url or "", settings.database_connections, clock_offset_s=settings.clock_offset_s
    )
    till = Till(database, settings.till_lanes)

    @asynccontextmanager
    async def open_city(app: Litestar) -> AsyncGenerator[None]:
        await health.refuse_unfit(database, settings)
        till.start()
        app.state.rates.start()
        app.state.live.start()
        calm_garbage_collection()
        watching = asyncio.create_task(watch_loop(), name="loop-watch")
        yield
        watching.cancel()
        await app.state.live.close()
        await till.close()
        await app.state.rates.close()
        await database.close()

    app = Litestar(
        route_handlers=[
            schema.front_door, health.router, places.router, agencies.router, home.router,
            identity_router, staff_router, machines_router, privacy_router, audit_router, policies_router,
            calendar.router, uploads_router, texts_router, wallet_router, feedback_router, open311_router,
            fines_router, dossiers_router, notifications_router, alerts_router,
        ],
        dependencies=dependencies,
        before_request=let_in,
        exception_handlers={Exception: answer_problem, HTTPException: answer_problem, Refusal: answer_problem},
        lifespan=[open_city],
        openapi_config=schema.CONFIG,
        plugins=[Commands()],
        request_class=Door,
        response_class=Reply,
        request_max_body_size=MOST_BODY_BYTES,
        state=State(
            {
                "settings": settings, "database": database, "till": till,
                "live": Live(settings.redis_url), "holdings": HOLDINGS,
                "measures": (
                    ledger.measure, guarantee.measure, data_requests.measure, chain.measure, telling.measure,
                    dossier_statistics.measure, deliveries.measure,
                ),
            }
        ),
        logging_config=None,
    )  # fmt: skip
    rates = app.state.rates = Rates(Unchanged(app.asgi_handler, app.routes), settings)
    signatures = app.state.signatures = Signatures(rates, database, rates, MOST_BODY_BYTES)
    staff_cookie = app.state.staff_cookie = StaffCookie(signatures, database, rates)
    bearer = Bearer(staff_cookie, database, rates)
    app.state.bearer = bearer
    at_the_door = app.state.client = Client(Turns(CapNames(bearer)), app.routes, client.files_in(client.BUILT))
    app.asgi_handler = Observe(at_the_door, settings.trusted_proxies)
    return app


def served() -> Litestar:
    """The API as `litestar serve` serves it, in each of its processes: with its log."""
    settings = _settings_or_exit()
    start_logging(settings.log_level, settings.secrets())
    return create_app()


def served_stand_ins() -> Litestar:
    """The stand-ins of all outside parties, the domains' among them: what `litestar sandbox` serves."""
    settings = _settings_or_exit()
    return stand_ins.served(
        parties(settings), dossier_parties(settings), notification_parties(settings), browsers(settings)
    )


def _settings_or_exit() -> Settings:
    """This process's settings; a bad one is one line on standard error, whichever program loads the app."""
    try:
        return config.settings()
    except BadSetting as trouble:
        sys.exit(f"huong: {trouble}")
