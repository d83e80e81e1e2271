"""The stand-ins of a remote signing service (Cloud Signature Consortium API 2, the part that is asked of it) and of a
timestamp authority (RFC 3161).

A credential is named `<agency>.leader` or `<agency>.agency`; here every one that is asked for exists."""

import re
from base64 import b64decode, b64encode
from typing import Annotated, Any, Literal

import msgspec
from asn1crypto import keys, pem, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from litestar import Request, Response, Router, get, post, put
from litestar.params import JSONBody
from msgspec import Meta

from app.clock import city_now
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, Trouble, trouble
from dossiers.sandbox.authority import Authority, Credential

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "wrong_signature", "wrong_nonce", "wrong_imprint", "rejected", "unauthorised"]

ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_CREDENTIAL = re.compile(r"([a-z0-9-]{2,60})\.(leader|agency)")


class MisbehaveAtSigner(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, in which answer and how often."""

    next: Mischief
    at: Literal["credential", "signature", "timestamp"] = "timestamp"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1


class AskCredential(msgspec.Struct, forbid_unknown_fields=True):
    """`credentials/info`: whose certificates."""

    credentialID: str  # noqa: N815 - the standard's own name, as below
    certificates: Literal["none", "single", "chain"] = "single"


class SignHash(msgspec.Struct, forbid_unknown_fields=True):
    """`signatures/signHash`: one hash, in base 64."""

    credentialID: str  # noqa: N815
    hashes: Annotated[list[str], Meta(min_length=1, max_length=1)]
    hashAlgorithmOID: Literal["2.16.840.1.101.3.4.2.1"]  # noqa: N815
    signAlgo: Literal["1.2.840.10045.4.3.2"]  # noqa: N815


class SigningService:
    """The two parties: their key, their certificates, how they misbehave, how often they were asked."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.behaviour = Behaviour()
        self.signed = self.stamped = 0
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """Made when it is first needed: it takes a second."""
        if self._authority is None:
            self._authority = Authority()
        return self._authority

    def credential(self, name: str) -> Credential | None:
        """Whose name it is; None: nobody's."""
        found = _CREDENTIAL.fullmatch(name)
        if found is None:
            return None
        role = "leader" if found[2] == "leader" else "agency"
        who = "Lãnh đạo" if role == "leader" else "Con dấu"
        return self.authority.signer(role, f"{who} {found[1]}", found[1])


def _service(request: Asked) -> SigningService:
    return request.app.state.signing


def _closed(request: Asked) -> Response[Any] | None:
    if request.headers.get("authorization") != f"Bearer {_service(request).key}":
        return Response({"error": "invalid_request", "error_description": "Missing access token"}, status_code=401)
    return None


_UNKNOWN = {"error": "invalid_request", "error_description": "Invalid parameter credentialID"}


@post("/csc/v2/credentials/info", status_code=200, sync_to_thread=True)
def show_credential(request: Asked, data: JSONBody[AskCredential]) -> Response[Any]:
    """Certificates, the signer's first, and which key it is."""
    if refused := _closed(request):
        return refused
    found = _service(request).credential(data.credentialID)
    if found is None:
        return Response(_UNKNOWN, status_code=400)
    chain = [found.certificate_der(), _service(request).authority.root.certificate_der()]
    shown = [b64encode(certificate).decode() for certificate in chain]
    return Response(
        {
            "key": {"status": "enabled", "algo": [ECDSA_SHA256], "len": 256, "curve": "1.2.840.10045.3.1.7"},
            "cert": {"status": "valid", "certificates": shown},
            "multisign": 1,
        }
    )


@post("/csc/v2/signatures/signHash", status_code=200)
async def sign_hash(request: Asked, data: JSONBody[SignHash]) -> Response[Any]:
    """The signature of a hash."""
    service = _service(request)
    mischief = service.behaviour.take("signature")
    if answer := _closed(request) or await trouble(mischief):
        return answer
    if mischief == "unauthorised":
        return Response({"error": "invalid_token"}, status_code=401)
    found = service.credential(data.credentialID)
    if found is None:
        return Response(_UNKNOWN, status_code=400)
    hash_ = b64decode(data.hashes[0])
    key = ec.generate_private_key(ec.SECP256R1()) if mischief == "wrong_signature" else found.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    service.signed += 1
    signature = key.sign(hash_, ec.ECDSA(Prehashed(hashes.SHA256())))
    return Response({"signatures": [b64encode(signature).decode()]})


@post("/tsa", status_code=200)
async def stamp_time(request: Asked) -> Response[Any]:
    """A timestamp (RFC 3161, 3.4): a query comes, a reply goes."""
    service = _service(request)
    mischief = service.behaviour.take("timestamp")
    if answer := await trouble(mischief):
        return answer
    query = tsp.TimeStampReq.load(await request.body())
    if mischief == "wrong_nonce":
        query["nonce"] = 1
    if mischief == "wrong_imprint":
        query["message_imprint"]["hashed_message"] = bytes(32)
    service.stamped += 1
    reply = (
        tsp.TimeStampResp({"status": {"status": "rejection"}}) if mischief == "rejected" else _stamped(service, query)
    )
    return Response(reply.dump(), media_type="application/timestamp-reply")


def _stamped(service: SigningService, query: tsp.TimeStampReq) -> tsp.TimeStampResp:
    from pyhanko.sign.timestamps import DummyTimeStamper  # 40 MB that only stand-ins need

    own = service.authority.timestamps()
    certificate = asn1_x509.Certificate.load(own.certificate_der())
    key = keys.PrivateKeyInfo.load(own.key_der())
    return DummyTimeStamper(certificate, key, fixed_dt=city_now()).request_tsa_response(query)


@get("/signer", sync_to_thread=True)
def show_signer(request: Asked) -> Response[str]:
    """What stands here, and how often it was asked."""
    service = _service(request)
    root = pem.armor("CERTIFICATE", service.authority.root.certificate_der()).decode()
    counted = pages.said(
        f"Đã ký {service.signed} lần, đóng dấu thời gian {service.stamped} lần.",
        f"Signed {service.signed} times, stamped {service.stamped} times.",
    )
    return pages.page("Dịch vụ ký số", "Signing service", f"{counted}<pre>{root}</pre>")


@put("/signer/behaviour", status_code=204)
async def misbehave_at_signer(request: Asked, data: JSONBody[MisbehaveAtSigner]) -> None:
    """What shall go wrong next."""
    _service(request).behaviour.tell(data.next, data.at, data.times)


router = Router(
    "/",
    route_handlers=[show_credential, sign_hash, stamp_time, show_signer, misbehave_at_signer],
)
