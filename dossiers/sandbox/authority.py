"""The sandbox's own certificate authority. It is worth nothing anywhere else, and says so in every name.

Root and timestamp certificate are made once; a signer's the first time that they sign. All lies in a folder of
DATA_DIR that nobody else reads; whoever makes a file second takes the one that is there."""

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.config import BadSetting, settings

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Role = Literal["leader", "agency"]

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2049, 1, 1, tzinfo=UTC)
_PLAY = "THỬ NGHIỆM, KHÔNG CÓ GIÁ TRỊ"


class Credential(NamedTuple):
    """A key and its certificate."""

    key: Key
    certificate: x509.Certificate

    def key_der(self) -> bytes:
        """The key as PKCS #8."""
        return self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def certificate_der(self) -> bytes:
        """The certificate as it is in signatures."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


class Authority:
    """Who certifies in a sandbox; raises BadSetting in production."""

    def __init__(self, folder: Path | None = None) -> None:
        if not settings().sandbox:
            raise BadSetting("only a sandbox certifies itself; in production HUONG_SIGNER_URL says who signs")
        self.folder = folder or settings().data_dir / "sandbox-signing"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = self._kept("root", self._make_root)

    def timestamps(self) -> Credential:
        """Who says what time it is: an RSA key, which every reader of timestamps takes."""
        return self._kept("timestamps", self._make_timestamps)

    def signer(self, role: Role, name: str, organisation: str) -> Credential:
        """A leader's, by their name, or the seal of an agency."""
        file = f"{role}-{sha256(f'{name}|{organisation}'.encode()).hexdigest()[:24]}"
        return self._kept(file, lambda: self._make_signer(role, name, organisation))

    def _kept(self, name: str, make: Callable[[], Credential]) -> Credential:
        path = self.folder / f"{name}.pem"
        if not path.exists():
            self._keep(path, make())
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return Credential(key, x509.load_pem_x509_certificate(content))

    def _keep(self, path: Path, made: Credential) -> None:
        """Whole or not at all, and never over what another process has made meanwhile."""
        key = made.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        handle, half = tempfile.mkstemp(dir=self.folder)  # only its owner may read it
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(key + made.certificate.public_bytes(serialization.Encoding.PEM))
            try:
                os.link(half, path)
            except FileExistsError:
                return
        finally:
            Path(half).unlink()

    def _make_root(self) -> Credential:
        key = rsa.generate_private_key(65537, 2048)
        name = _name("Hương - CA gốc thử nghiệm", "Sandbox")
        usage = _usage(key_cert_sign=True, crl_sign=True)
        made = _begun(name, name, key).add_extension(usage, critical=True)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return Credential(key, made.sign(key, hashes.SHA256()))

    def _make_timestamps(self) -> Credential:
        key = rsa.generate_private_key(65537, 2048)
        only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        made = self._leaf(_name("Hương - dấu thời gian thử nghiệm", "Sandbox"), key).add_extension(
            only, critical=True
        )
        return self._certified(key, made.add_extension(_usage(digital_signature=True), critical=True))

    def _make_signer(self, role: Role, name: str, organisation: str) -> Credential:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._leaf(_name(name, organisation), key)
        usage = _usage(digital_signature=True, content_commitment=True)
        return self._certified(key, made.add_extension(usage, critical=True))

    def _leaf(self, name: x509.Name, key: Key) -> x509.CertificateBuilder:
        root = self.root.certificate
        return (
            _begun(name, root.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root.key.public_key()), False)
        )

    def _certified(self, key: Key, made: x509.CertificateBuilder) -> Credential:
        return Credential(key, made.sign(self.root.key, hashes.SHA256()))


def _begun(name: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_SINCE)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(name: str, organisation: str) -> x509.Name:
    """X.520 lets a name and an organisation have 64 letters each."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, _PLAY),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )


def _usage(**used: bool) -> x509.KeyUsage:
    none = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    return x509.KeyUsage(**(none | used))
