"""What the stand-in of FCM is known by: a service account with a true key, and a certificate for `localhost`.

Both are made at its start, in a folder of DATA_DIR that nobody else reads, and kept; the city's own processes find
the account there if they have none of their own. They are worth nothing anywhere else."""

import os
import tempfile
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROJECT = "huong-sandbox"
EMAIL = f"push@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT, ROOT, SERVER = "account.json", "root.pem", "server.pem"

_SINCE, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC)
_PEM = serialization.Encoding.PEM


class Papers(NamedTuple):
    """Where they lie: the account, whom to trust, and the server's key with its certificate."""

    account: Path
    root: Path
    server: Path


def make(folder: Path, url: str) -> Papers:
    """What is not there yet; the account says anew where its tokens come from."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    papers = Papers(folder / ACCOUNT, folder / ROOT, folder / SERVER)
    if not (papers.root.exists() and papers.server.exists()):
        root, server = _certificates()
        _write(papers.server, server)
        _write(papers.root, root)
    _write(papers.account, msgspec.json.encode(_account(papers.account, url)))
    return papers


def _account(path: Path, url: str) -> dict[str, Any]:
    """As Google's console hands it out."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) | {"token_uri": f"{url}/token"}
    key = rsa.generate_private_key(65537, 2048)
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "sandbox",
        "private_key": _key_pem(key).decode(),
        "client_email": EMAIL,
        "client_id": "0",
        "token_uri": f"{url}/token",
    }


def _certificates() -> tuple[bytes, bytes]:
    """Of an authority of its own, and of the server with its key."""
    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, server_name = _name("Hương - FCM thử nghiệm"), _name("localhost")
    root = (
        _begun(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    server = (
        _begun(server_name, root_name, server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return root.public_bytes(_PEM), _key_pem(server_key) + server.public_bytes(_PEM)


def _begun(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
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


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; only its owner may read it."""
    handle, half = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(half).replace(path)
