"""The outside parties of notifications, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from notifications.sandbox import web_push


def parties(settings: Settings) -> Parties:
    """Who stands in for the browsers' push services."""
    return Parties(
        routers=[web_push.router],
        state={"push_service": web_push.PushService(settings.stand_ins_url)},
        names=[("Thông báo đến trình duyệt", "Browsers' push service", "/web-push")],
    )
