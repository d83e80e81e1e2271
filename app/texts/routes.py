"""The door of the text messages' gateway."""

from litestar import Router, post

from app.deps import Door
from app.texts import reports
from app.texts.models import ReportHeard


@post("/v1/gateways/texts/reports", public=True, status_code=200, hears=True)
async def hear_texts(request: Door) -> ReportHeard:
    """The gateway tells how a text went, signed (Standard Webhooks): heard once, however often it is told."""
    return await reports.hear(request.app.state.database, request.headers, await request.body())


router = Router("/", route_handlers=[hear_texts], tags=["gateways"])
