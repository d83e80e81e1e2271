"""The doors of a shop's API keys: for its owner alone."""

from uuid import UUID

from litestar import Router, delete, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from app.deps import Db, Door
from app.identity import possession
from app.identity.possession import ProofHeader
from app.machines import signatures
from app.replies import Reply
from wallet.merchants import api_keys
from wallet.merchants.api_key_models import ApiKey, ApiKeys, PutApiKey


@put(
    "/v1/merchants/{merchant_id:uuid}/api-keys/{api_key_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(ApiKey)},
)
async def put_api_key(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    api_key_id: FromPath[UUID],
    data: JSONBody[PutApiKey],
    proof: ProofHeader = None,
) -> Reply[ApiKey]:
    """A key for my shop's own machines: 201 with the key itself when it is new, 200 without it when it was there.

    Needs an open wallet."""
    await possession.check(request, proof)
    made, new = await api_keys.put(db, request.me, merchant_id, api_key_id, data)
    return Reply(made, status_code=201 if new else 200)


@get("/v1/merchants/{merchant_id:uuid}/api-keys")
async def list_api_keys(db: Db, request: Door, merchant_id: FromPath[UUID]) -> ApiKeys:
    """The keys of my shop, without what is secret of them."""
    return await api_keys.all_of(db, request.me, merchant_id)


@delete("/v1/merchants/{merchant_id:uuid}/api-keys/{api_key_id:uuid}", status_code=204)
async def revoke_api_key(db: Db, request: Door, merchant_id: FromPath[UUID], api_key_id: FromPath[UUID]) -> None:
    """It opens nothing any more, within 5 seconds."""
    await api_keys.revoke(db, request.me, merchant_id, api_key_id)
    signatures.forget(request, api_key_id)


router = Router("/", route_handlers=[put_api_key, list_api_keys, revoke_api_key], tags=["wallet"])
