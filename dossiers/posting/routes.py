"""The public post's door."""

from litestar import Router, post

from app.deps import Door
from dossiers.posting import parcels
from dossiers.posting.models import DeliveryHeard


@post("/v1/gateways/public-post/deliveries", public=True, status_code=200, hears=True)
async def hear_public_post(request: Door) -> DeliveryHeard:
    """The public post tells where a parcel is, signed (`X-Post-Signature`): heard once, however often it is told."""
    return await parcels.hear(request.app.state.database, request.headers, request.url.path, await request.body())


router = Router("/", route_handlers=[hear_public_post], tags=["dossiers"])
