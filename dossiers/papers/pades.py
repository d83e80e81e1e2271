"""Signatures in PDF files: PAdES baseline B-T (ETSI EN 319 142-1), the leader's first, then the agency's seal as an
incremental update, each with a timestamp (RFC 3161). The first certifies: after it only the fields that are there may
be filled in (ISO 32000-2, 12.8.2.2)."""

import hashlib
import io
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from asn1crypto import keys, tsp, x509
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from app import outside
from app.clock import city_now
from app.outside import NoAnswer
from dossiers.papers import result_paper
from dossiers.papers.models import ResultSignature, SignatureRole
from dossiers.papers.signing import NotSigned, Signatory, Signed, ToSign

FIELDS: dict[SignatureRole, str] = {"leader": "ChuKyLanhDao", "agency": "ConDauCoQuan"}
"""What readers show as the names of the signatures' fields."""
_REASONS: dict[SignatureRole, str] = {"leader": "Ký ban hành kết quả", "agency": "Đóng dấu cơ quan"}


class Signer(Protocol):
    """Whoever signs: keys of our own, or a service that keeps them."""

    async def sign(self, pdf: bytes, signatory: Signatory) -> bytes:
        """The file with one signature more, in the field of the signatory's role; raises NotSigned, NoAnswer."""
        ...


async def draw_and_sign(wish: ToSign) -> Signed:
    """The result with all its signatures, each tried before it is given out; raises NotSigned."""
    drawn = result_paper.draw(wish.facts, [signatory.role for signatory in wish.signatories])
    if not wish.signatories:
        return Signed(drawn.pdf, [])
    pdf = _with_fields(drawn)
    try:
        signer = signer_of(wish)
        for signatory in wish.signatories:
            pdf = await signer.sign(pdf, signatory)
        return Signed(pdf, await _tried(pdf, wish.signatories))
    except (NoAnswer, SigningError, SignatureValidationError, OSError) as problem:
        raise NotSigned(f"{type(problem).__name__}: {problem}") from None


def signer_of(wish: ToSign) -> Signer:
    """As the settings have it; raises NotSigned where nobody is named, BadSetting in production without a service."""
    if not wish.timestamp_url:
        raise NotSigned("HUONG_TIMESTAMP_URL is not set")
    timestamper = Timestamps(wish.timestamp_url)
    if wish.signer_url:
        return RemoteSigner(wish.signer_url, wish.signer_key, timestamper)
    return SandboxSigner(timestamper)


def _with_fields(drawn: result_paper.Drawn) -> bytes:
    """All fields are there before the first signs: later ones would change what it certifies."""
    writer = IncrementalPdfFileWriter(io.BytesIO(drawn.pdf))
    for role, place in drawn.places.items():
        append_signature_field(writer, SigFieldSpec(FIELDS[role], on_page=place.page, box=place.box))
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


class SandboxSigner:
    """Keys of the sandbox's own authority, in this process."""

    def __init__(self, timestamper: TimeStamper) -> None:
        from dossiers.sandbox.authority import Authority  # production has none

        self._authority = Authority()
        self._timestamper = timestamper

    async def sign(self, pdf: bytes, signatory: Signatory) -> bytes:
        """See Signer."""
        own = self._authority.signer(signatory.role, signatory.name, signatory.organisation)
        chain = [x509.Certificate.load(one.certificate_der()) for one in (own, self._authority.root)]
        hand = signers.SimpleSigner(
            signing_cert=chain[0],
            signing_key=keys.PrivateKeyInfo.load(own.key_der()),
            cert_registry=SimpleCertificateStore.from_certs(chain),
        )
        return await _with_signature(pdf, signatory, hand, self._timestamper)


class _Certificates(msgspec.Struct, frozen=True):
    certificates: list[str]


class _Credential(msgspec.Struct, frozen=True):
    cert: _Certificates


class _Signatures(msgspec.Struct, frozen=True):
    signatures: list[str]


class RemoteSigner:
    """A service that keeps the keys (Cloud Signature Consortium API 2.0.0.2, 11.5 and 11.10): it is sent a hash,
    never the file. `key` is an access token that may use the credentials without asking anybody (SCAL1)."""

    def __init__(self, url: str, key: str, timestamper: TimeStamper) -> None:
        self._url = f"{url.rstrip('/')}/csc/v2"
        self._headers = {"authorization": f"Bearer {key}"}
        self._timestamper = timestamper

    async def sign(self, pdf: bytes, signatory: Signatory) -> bytes:
        """See Signer."""
        asked = {"credentialID": signatory.credential, "certificates": "chain"}
        shown = await self.ask("credentials/info", asked, _Credential)
        try:
            chain = [x509.Certificate.load(b64decode(one)) for one in shown.cert.certificates]
            hand = _RemoteHand(self, signatory.credential, chain)
        except (ValueError, IndexError):
            raise NoAnswer("malformed: certificates") from None
        return await _with_signature(pdf, signatory, hand, self._timestamper)

    async def ask(self, method: str, body: dict[str, Any], type_: type[Any]) -> Any:
        """What one of its methods answers; raises NoAnswer."""
        said = await outside.ask("POST", f"{self._url}/{method}", headers=self._headers, json=body)
        if said.status != 200:
            raise NoAnswer(f"{method} answered {said.status}")
        return said.read(type_)


_SHA256 = "2.16.840.1.101.3.4.2.1"
_ALGORITHMS = {"ec": "1.2.840.10045.4.3.2", "rsa": "1.2.840.113549.1.1.11"}
_LONGEST = 512


class _RemoteHand(signers.Signer):
    """What makes the one number in a signature that only the key's keeper can."""

    def __init__(self, service: RemoteSigner, credential: str, chain: list[x509.Certificate]) -> None:
        super().__init__(signing_cert=chain[0], cert_registry=SimpleCertificateStore.from_certs(chain))
        self._service = service
        self._credential = credential
        self._algorithm = _ALGORITHMS[chain[0].public_key.algorithm]

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The signature of the data's hash; a dry run wants room for it."""
        if dry_run:
            return bytes(_LONGEST)
        asked = {
            "credentialID": self._credential,
            "hashes": [b64encode(hashlib.sha256(data).digest()).decode()],
            "hashAlgorithmOID": _SHA256,
            "signAlgo": self._algorithm,
        }
        answered: _Signatures = await self._service.ask("signatures/signHash", asked, _Signatures)
        try:
            [signature] = answered.signatures
            return b64decode(signature, validate=True)
        except ValueError:
            raise NoAnswer("malformed: signature") from None


class Timestamps(TimeStamper):
    """A timestamp authority, asked over HTTP (RFC 3161, 3.4)."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Its reply; raises NoAnswer."""
        headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
        said = await outside.ask("POST", self._url, headers=headers, content=req.dump())
        if said.status != 200:
            raise NoAnswer(f"the timestamp authority answered {said.status}")
        try:
            reply = tsp.TimeStampResp.load(said.body, strict=True)
            if reply["status"]["status"].native != "granted":
                raise NoAnswer("the timestamp authority refused")
            stamped = reply["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
            same = all(stamped[name].native == req[name].native for name in ("nonce", "message_imprint"))
        except (ValueError, TypeError, KeyError):
            raise NoAnswer("malformed timestamp") from None
        if not same:
            raise NoAnswer("a timestamp of something else")
        return reply


class _Stamp(PdfContent):
    """A page of another PDF, drawn into a signature's place."""

    def __init__(self, pdf: bytes) -> None:
        super().__init__()
        self._pdf = pdf

    def render(self) -> bytes:
        """The operators that show it."""
        page = self._ensure_writer.import_page_as_xobject(PdfFileReader(io.BytesIO(self._pdf)))
        self.resources.xobject["/Stamp"] = page
        width, height = result_paper.STAMP
        self.box = BoxConstraints(width=width, height=height)
        return b"/Stamp Do"


async def _with_signature(pdf: bytes, signatory: Signatory, hand: signers.Signer, timestamper: TimeStamper) -> bytes:
    stamp = _Stamp(result_paper.draw_stamp(signatory.role, signatory.name, signatory.organisation, city_now()))
    whole = SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, Margins(0, 0, 0, 0))
    style = StaticStampStyle(background=stamp, background_layout=whole, border_width=0)
    meta = signers.PdfSignatureMetadata(
        field_name=FIELDS[signatory.role],
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=signatory.role == "leader",
        docmdp_permissions=MDPPerm.FILL_FORMS,
        reason=_REASONS[signatory.role],
        location="Huế",
        name=signatory.name,
    )
    pen = signers.PdfSigner(meta, hand, timestamper=timestamper, stamp_style=style)
    made = io.BytesIO()
    await pen.async_sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), existing_fields_only=True, output=made)
    return made.getvalue()


async def _tried(pdf: bytes, signatories: Sequence[Signatory]) -> list[ResultSignature]:
    """What stands on the file, as a reader sees it; whom to trust is the reader's to know. Raises NotSigned."""
    nobody = ValidationContext(trust_roots=[], allow_fetching=False)
    by_field = {FIELDS[signatory.role]: signatory for signatory in signatories}
    signatures: list[ResultSignature] = []
    for embedded in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
        signatory = by_field.pop(embedded.field_name)
        status = await async_validate_pdf_signature(embedded, nobody, nobody)
        stamped = status.timestamp_validity
        if not (status.intact and status.valid and status.docmdp_ok and stamped and stamped.intact and stamped.valid):
            raise NotSigned(f"the signature of {signatory.credential} does not hold")
        certificate = embedded.signer_cert
        signatures.append(
            ResultSignature(
                role=signatory.role,
                name=signatory.name,
                signed_at=stamped.timestamp,
                certificate=certificate.subject.human_friendly,
                serial=f"{certificate.serial_number:x}",
            )
        )
    if by_field:
        raise NotSigned("a signature is missing")
    return signatures
