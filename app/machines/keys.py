"""Keys of machines: made by an administrator, shown once, two alive at most, revoked at once."""

import hashlib
import secrets
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from uuid import UUID

import msgspec

from app.audit import records
from app.clock import city_now
from app.db import Connection, maybe, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.machines import key_text
from app.machines.machines import locked
from app.machines.models import MadeKey, MakeKey, Scope
from app.secrets import Sealed, seal, unseal
from app.staff.members import need_grant
from app.types import new_id

sql = queries_beside(__file__)

PURPOSE = "machine key"
SEALED = Sealed(table="machine_key", purpose=PURPOSE, rows=sql.sealed_keys, reseal=sql.seal_key_anew)


class TwoKeysLive(Refusal):
    """Máy này đã có hai khóa còn hiệu lực; hãy thu hồi một khóa trước.

    This machine has two live keys already; revoke one of them first."""


class KeyEndsInThePast(Refusal):
    """Thời điểm hết hạn của khóa phải ở tương lai.

    The moment at which a key ends must lie ahead."""

    status = 400


class KeptKey(msgspec.Struct, frozen=True):
    """A key that is good, as the front door needs it; who prints it sees no secret."""

    id: UUID
    machine_id: UUID
    agency: str | None
    scopes: list[Scope]
    addresses: list[str]
    plain_key: bool
    sealed: bytes
    hash: bytes

    def __repr__(self) -> str:
        return f"KeptKey({self.id})"

    def networks(self) -> list[IPv4Network | IPv6Network]:
        """From where its machine may call; none: from anywhere."""
        return [ip_network(text) for text in self.addresses]

    def text(self) -> str:
        """The key itself: what its signatures are made with. Raises KeyNotHere."""
        return key_text.write(self.id, unseal(PURPOSE, self.sealed, about=self.id.bytes))

    def is_text(self, text: str) -> bool:
        """Is this the key?"""
        return secrets.compare_digest(self.hash, _hash_of(text))


async def make(db: Connection, me: Principal, machine_id: UUID, wanted: MakeKey) -> MadeKey:
    """A new key for a machine; what is returned is kept nowhere else.

    Raises Forbidden, NotFound, MachineIsClosed, KeyEndsInThePast, TwoKeysLive."""
    await need_grant(db, me, "admin")
    if wanted.expires_at is not None and wanted.expires_at <= city_now():
        raise KeyEndsInThePast
    return await issue(db, me, machine_id, wanted.expires_at)


async def issue(db: Connection, me: Principal, machine_id: UUID, expires_at: datetime | None = None) -> MadeKey:
    """The same for whoever has looked at what `me` may; raises NotFound, MachineIsClosed, TwoKeysLive."""
    await locked(db, machine_id)
    await db.execute(sql.retire_keys, machine_id)
    key_id, secret = new_id(), secrets.token_bytes(key_text.SECRET_BYTES)
    text = key_text.write(key_id, secret)
    made_at = await _keep(db, me, machine_id, key_id, secret, text, expires_at)
    await records.record(db, me, "machines.key_made", machine_id, key_id=key_id, expires_at=expires_at)
    return MadeKey(key_id=key_id, key=text, keyid=key_text.keyid_of(key_id), made_at=made_at, expires_at=expires_at)


async def _keep(
    db: Connection, me: Principal, machine_id: UUID, key_id: UUID, secret: bytes, text: str, until: datetime | None
) -> datetime:
    sealed = seal(PURPOSE, secret, about=key_id.bytes)
    with refusing(machine_key_two_live=TwoKeysLive):
        return await db.fetchval(sql.make_key, key_id, machine_id, sealed, _hash_of(text), until, me.id)


async def revoke(db: Connection, me: Principal, machine_id: UUID, key_id: UUID) -> None:
    """A key opens nothing from now on. Raises Forbidden, NotFound (also for one that was revoked before)."""
    await need_grant(db, me, "admin")
    if await db.fetchval(sql.revoke_key, machine_id, key_id, me.id) is None:
        raise NotFound
    await records.record(db, me, "machines.key_revoked", machine_id, key_id=key_id)


async def good(db: Connection, key_id: UUID) -> KeptKey | None:
    """A key that is good at this moment, of a machine that is not closed."""
    return await maybe(KeptKey, db, sql.key, key_id)


async def use_nonce(db: Connection, key_id: UUID, nonce: str, kept_s: int) -> bool:
    """Use a nonce up, and note that the key is in use; False: it was used before."""
    return await db.fetchval(sql.use_nonce, key_id, nonce, kept_s) is not None


async def note_use(db: Connection, key_id: UUID) -> None:
    """Note that a key is in use."""
    await db.execute(sql.note_use, key_id)


async def forget_old_nonces(db: Connection) -> None:
    """Drop nonces that nobody could use again anyway."""
    await db.execute(sql.forget_nonces)


def _hash_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
