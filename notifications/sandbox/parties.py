"""The outside parties of notifications, as the stand-ins' app takes them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar

from app.config import Settings
from app.sandbox.stand_ins import Parties
from notifications.sandbox import fcm, fcm_account, web_push
from notifications.sandbox.fcm_line import Server, cloud_of
from notifications.transports.chosen import SANDBOX_FOLDER


def parties(settings: Settings) -> Parties:
    """Who stands in for FCM; nobody if the settings point at another one."""
    if settings.fcm_stand_in_port is None:
        return Parties(routers=[], state={}, names=[])
    papers = fcm_account.make(settings.data_dir / SANDBOX_FOLDER, settings.fcm_url)
    cloud = cloud_of(papers)
    return Parties(
        routers=[fcm.router],
        state={"fcm": cloud},
        names=[("Firebase Cloud Messaging và các điện thoại", "Firebase Cloud Messaging and phones", "/fcm/phones")],
        beside=[_listen(Server(cloud, papers), settings.host, settings.fcm_stand_in_port)],
    )


def browsers(settings: Settings) -> Parties:
    """Who stands in for the browsers' push services."""
    return Parties(
        routers=[web_push.router],
        state={"push_service": web_push.PushService(settings.stand_ins_url)},
        names=[("Dịch vụ đẩy và các trình duyệt", "Push service and browsers", "/web-push")],
    )


def _listen(server: Server, host: str, port: int) -> Callable[[Litestar], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def listen(_: Litestar) -> AsyncGenerator[None]:
        await server.start(host, port)
        try:
            yield
        finally:
            await server.stop()

    return listen
