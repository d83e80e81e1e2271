"""Results: drawn, signed and stored after the commit, then told; and handed out.

A file is written down as about to be stored, stored, and only then, in one transaction, it is the result and its
owner hears of it. Whoever is killed in between leaves a file that the sweep of the storage takes away, and the
job signs another; of two that sign at once the first is the result. So one file is announced, ever."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar.response import Stream

from app.audit import records
from app.db import Connection, Database, maybe, queries_beside
from app.errors import NotFound
from app.identity.models import Principal
from app.jobs import News
from app.types import new_id
from app.uploads import storage
from dossiers import happenings, steps
from dossiers.fees import FeeNotPaid
from dossiers.papers import forms, signing, verifications
from dossiers.papers.models import ResultFacts, SignatureRole
from dossiers.papers.signing import Signatory, Signed

sql = queries_beside(__file__)

AT_ONCE = 2
_STORED_WITHIN_S = 3600


class _ToSign(ResultFacts, frozen=True, kw_only=True):
    roles: list[SignatureRole]


class _File(msgspec.Struct, frozen=True):
    code: str
    storage_key: str
    size: int
    sha256: str
    unpaid: bool


async def sign(database: Database, news: News) -> None:
    """Draw, sign and keep a result that was made; nothing if it is signed already. Raises NotSigned, Unavailable."""
    result_id = UUID(news.data["result_id"])
    async with database.acquire() as db:
        facts = await maybe(_ToSign, db, sql.result_to_sign, result_id)
    if facts is None:
        return
    facts = msgspec.structs.replace(facts, url=verifications.url_of(facts.code))
    signed = await signing.draw_and_sign(facts, _signatories(facts, facts.roles))
    await _keep(database, facts, signed)


def _signatories(facts: ResultFacts, roles: Sequence[SignatureRole]) -> list[Signatory]:
    names: dict[SignatureRole, str] = {"leader": facts.signer_name, "agency": facts.agency}
    return [Signatory(role, names[role], facts.agency, f"{facts.agency_code}.{role}") for role in roles]


async def _keep(database: Database, facts: ResultFacts, signed: Signed) -> None:
    hash_ = hashlib.sha256(signed.pdf).digest()
    key = f"results/{facts.id}-{hash_.hex()[:16]}.pdf"
    async with database.transaction() as db:
        await db.execute(sql.intend_result, key, facts.id, _STORED_WITHIN_S)
    await storage.put(key, signed.pdf)
    async with database.transaction() as db:
        await steps.lock(db, facts.dossier_id)  # in the order of everybody else: the dossier, then what is its
        signed_at = max((one.signed_at for one in signed.signatures), default=facts.made_at)
        kept = await db.fetchval(
            sql.keep_signed, facts.id, key, hash_, len(signed.pdf), msgspec.to_builtins(signed.signatures), signed_at
        )
        if kept is None or await db.fetchval(sql.adopt_result, key) is None:
            return  # another was first: this file is swept away
        await db.execute(sql.keep_for_reuse, facts.id, new_id())
        await happenings.result_signed(db, kept)


async def mine(db: Connection, me: Principal, dossier_id: UUID) -> Stream:
    """The signed result of a dossier of mine; raises NotFound until there is one, FeeNotPaid."""
    file = await _file(db, dossier_id, me.id, [])
    if file.unpaid:
        raise FeeNotPaid
    return _stream(file)


async def for_staff(db: Connection, me: Principal, dossier_id: UUID) -> Stream:
    """The same of a dossier at an agency of mine, or at its desk; the audit has who took it. Raises NotFound."""
    file = await _file(db, dossier_id, None, me.agencies_as(*forms.SEES))
    await records.record(db, me, "dossier.result_opened", file.code)
    return _stream(file)


async def _file(db: Connection, dossier_id: UUID, owner_id: UUID | None, agencies: list[str]) -> _File:
    file = await maybe(_File, db, sql.result_file, dossier_id, owner_id, agencies)
    if file is None:
        raise NotFound
    return file


def _stream(file: _File) -> Stream:
    headers = {
        "content-disposition": f'attachment; filename="{file.code}.pdf"',
        "cache-control": "private, no-store",
        "content-length": str(file.size),
    }
    return Stream(storage.parts(file.storage_key), media_type=forms.PDF, headers=headers)
