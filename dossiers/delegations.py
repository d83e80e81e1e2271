"""For whom somebody may act: an organisation, a relative. Written down with its proof, confirmed by the clerk who
accepts the first dossier that is filed under it."""

from uuid import UUID

from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.uploads import uploads
from dossiers.models import Applicant, Delegation, PutDelegation

sql = queries_beside(__file__)

MOST_DELEGATIONS = 50


class DelegationIdTaken(Refusal):
    """Mã này đã được dùng cho một ủy quyền khác; hãy tạo mã mới.

    This id is used for another delegation; make a new one."""


class DelegationIncomplete(Refusal):
    """Ủy quyền của tổ chức cần mã số thuế; ủy quyền của người thân cần quan hệ.

    For an organisation its tax code is needed, for a relative the relation."""

    status = 400


class DelegationOver(Refusal):
    """Ủy quyền này đã hết hạn hoặc đã bị thu hồi.

    This delegation has expired or was revoked."""


class TooManyDelegations(Refusal):
    """Bạn đã ghi {most} ủy quyền, không thể thêm nữa.

    You have {most} delegations already; no more can be added."""


class ApplicantOfDelegation(Refusal):
    """Người nộp trong hồ sơ khác với người ủy quyền.

    The applicant is not the one whom the delegation names."""

    status = 400


async def put(db: Connection, me: Principal, delegation_id: UUID, wanted: PutDelegation) -> Delegation:
    """Write it down under the phone's id; the same again is the same.

    Raises DelegationIdTaken, DelegationIncomplete, DelegationOver, TooManyDelegations, and what an upload may not
    be."""
    before = await maybe(Delegation, db, sql.delegation, delegation_id, me.id)
    if before is not None and not _says(before, wanted):
        raise DelegationIdTaken
    if before is None:
        if (wanted.kind == "organisation" and not wanted.tax_code) or (
            wanted.kind == "relative" and not wanted.relation
        ):
            raise DelegationIncomplete
        if wanted.valid_until is not None and wanted.valid_until <= city_now():
            raise DelegationOver
        if await db.fetchval(sql.delegations_of, me.id) >= MOST_DELEGATIONS:
            raise TooManyDelegations(most=MOST_DELEGATIONS)
        made = await db.fetchval(
            sql.put_delegation,
            delegation_id,
            me.id,
            wanted.kind,
            wanted.name,
            wanted.tax_code,
            wanted.personal_number,
            wanted.relation,
            wanted.proof_upload_id,
            wanted.valid_until,
        )
        if made is None:
            # Somebody was first with this id: perhaps this very phone, which sent it twice.
            there = await maybe(Delegation, db, sql.delegation, delegation_id, me.id)
            if there is None or not _says(there, wanted):
                raise DelegationIdTaken
            return there
        if wanted.proof_upload_id is not None:
            await uploads.claim(
                db,
                me.id,
                [wanted.proof_upload_id],
                holder="dossier_delegation",
                holder_id=delegation_id,
                purposes=("paper",),
                keep_originals=False,
                most=1,
            )
    return await one(Delegation, db, sql.delegation, delegation_id, me.id)


def _says(before: Delegation, wanted: PutDelegation) -> bool:
    return all(getattr(before, name) == getattr(wanted, name) for name in PutDelegation.__struct_fields__)


async def mine(db: Connection, me: Principal) -> list[Delegation]:
    """Mine, the newest first: fifty at most."""
    return await many(Delegation, db, sql.my_delegations, me.id)


async def revoke(db: Connection, me: Principal, delegation_id: UUID) -> None:
    """It holds no more; what was filed under it goes on. Raises NotFound."""
    if await db.fetchval(sql.revoke_delegation, delegation_id, me.id) is None:
        raise NotFound


async def applicant_of(db: Connection, me: Principal, delegation_id: UUID, said: Applicant | None) -> Applicant:
    """Whose dossier it is that I file under a delegation. Raises NotFound, DelegationOver, ApplicantOfDelegation."""
    found = await maybe(Delegation, db, sql.delegation, delegation_id, me.id)
    if found is None:
        raise NotFound
    if found.revoked_at is not None or (found.valid_until is not None and found.valid_until <= city_now()):
        raise DelegationOver
    kind = "organisation" if found.kind == "organisation" else "person"
    if said is not None and (said.name != found.name or said.kind != kind):
        raise ApplicantOfDelegation
    return Applicant(
        kind=kind,
        name=found.name,
        number=found.tax_code or found.personal_number,
        phone=said.phone if said else None,
        email=said.email if said else None,
    )
