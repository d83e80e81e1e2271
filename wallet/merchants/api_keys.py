"""API keys of a shop: each is a machine of its own, that signs as all machines do and acts for this shop alone."""

from datetime import datetime
from uuid import UUID

import msgspec

from app import outbox
from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.machines import key_text, keys, machines
from wallet.events import ApiKeyMade
from wallet.ledger import WalletLocked
from wallet.merchants.api_key_models import ApiKey, ApiKeys, MerchantScope, PutApiKey
from wallet.merchants.merchants import TooManyOfThem

sql = queries_beside(__file__)

MOST_KEYS = 10


class ApiKeyIdTaken(Refusal):
    """Mã khóa API này đã được dùng với nội dung khác hoặc đã thu hồi; hãy tạo mã mới.

    This API key's id was used with other content or was revoked; make a new one."""


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    scopes: list[MerchantScope]
    key_id: UUID
    made_at: datetime
    last_used_at: datetime | None

    def shown(self, key: str | None = None) -> ApiKey:
        """Without its secret, unless that was made just now."""
        return ApiKey(
            id=self.id,
            name=self.name,
            scopes=self.scopes,
            keyid=key_text.keyid_of(self.key_id),
            made_at=self.made_at,
            last_used_at=self.last_used_at,
            key=key,
        )


async def put(
    db: Connection, me: Principal, merchant_id: UUID, api_key_id: UUID, wanted: PutApiKey
) -> tuple[ApiKey, bool]:
    """Make a key for my shop, once per id; and whether it is new. The same again shows it without its secret.

    It can give money back: so it takes an open wallet, and the owner is told. Raises NotFound, WalletLocked,
    TooManyOfThem, ApiKeyIdTaken."""
    name = await db.fetchval(sql.lock_merchant_of_mine, merchant_id, me.id) and await db.fetchval(
        sql.merchant_name, merchant_id
    )
    if name is None:
        raise NotFound
    if not await db.fetchval(sql.session_is_unlocked, me.session_id, me.id):
        raise WalletLocked
    scopes = sorted(set(wanted.scopes))
    known = await maybe(_Row, db, sql.api_key, api_key_id, merchant_id)
    if known is not None:
        if (known.name, known.scopes) != (wanted.name, scopes):
            raise ApiKeyIdTaken
        return known.shown(), False
    if await db.fetchval(sql.api_keys_of_merchant, merchant_id) >= MOST_KEYS:
        raise TooManyOfThem(most=MOST_KEYS)
    if not await machines.make(db, me, api_key_id, wanted.name, list(scopes)):
        raise ApiKeyIdTaken
    await db.execute(sql.bind_merchant_machine, api_key_id, merchant_id)
    made = await keys.issue(db, me, api_key_id)
    news = ApiKeyMade(
        api_key_id=api_key_id, merchant_id=merchant_id, owner_id=me.id, merchant_name=name, name=wanted.name
    )
    await outbox.record(db, news)
    return _Row(api_key_id, wanted.name, scopes, made.key_id, made.made_at, None).shown(made.key), True


async def all_of(db: Connection, me: Principal, merchant_id: UUID) -> ApiKeys:
    """The keys of my shop that open something, without their secrets; raises NotFound."""
    if await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    return ApiKeys(items=[row.shown() for row in await many(_Row, db, sql.api_keys, merchant_id)])


async def revoke(db: Connection, me: Principal, merchant_id: UUID, api_key_id: UUID) -> None:
    """A key opens nothing any more, for good; raises NotFound."""
    if await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    if await maybe(_Row, db, sql.api_key, api_key_id, merchant_id) is None:
        raise NotFound
    await machines.end(db, me, api_key_id, "revoked by its owner")
