"""What papers of dossiers say."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import Answer, Body

SignatureRole = Literal["leader", "agency"]
FILE_HASH = r"^[0-9A-Fa-f]{64}$(?!\n)"


class ResultSignature(Answer):
    """A signature on a result: whose, when by the timestamp authority, and by which certificate."""

    role: SignatureRole
    name: str
    signed_at: datetime
    certificate: str
    serial: str


class ResultCheck(Answer):
    """What the code of a result says of it, to anybody. `genuine`: the city has issued it and has not taken it back;
    `sha256`: of the whole file, so that a copy can be held against it. `applicant` is a masked name."""

    code: str
    genuine: bool
    number: str
    title: str
    agency: str
    applicant: str
    signed_by: list[ResultSignature]
    signed_at: datetime
    sha256: str
    revoked_at: datetime | None
    revoke_reason: str | None
    page: str


class CheckFile(Body):
    """A file, by its SHA-256 in hexadecimal digits."""

    sha256: Annotated[str, Meta(min_length=64, max_length=64, pattern=FILE_HASH)]


class FileCheck(Answer):
    """Has the city issued a file with these bytes? If so, by which code it is checked."""

    issued: bool
    code: str | None = None
    genuine: bool = False


class ResultFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a result says."""

    id: UUID
    dossier_id: UUID
    code: str
    number: str
    title_vi: str
    title_en: str
    body: str
    signer_name: str
    agency_code: str
    agency: str
    agency_en: str
    dossier_code: str
    procedure: str
    applicant: str
    applicant_number: str | None
    made_at: datetime
    url: str = ""
