"""An authenticator in software (WebAuthn level 3): makes passkeys and signs with them, and misbehaves when asked to.

It shares no code with the library that the city checks with, but for CBOR."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field, replace
from hashlib import sha256
from secrets import token_bytes
from typing import Any
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from app import config
from tests.app.keys import base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def decoded(text: str) -> bytes:
    """base64url, without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Ceremony:
    """What the browser and the authenticator take a ceremony for; right unless a test says otherwise."""

    challenge: bytes
    origin: str
    party: str
    flags: int = PRESENT | VERIFIED
    count: int | None = None
    type: str | None = None


@dataclass
class _Key:
    private: ec.EllipticCurvePrivateKey
    user_handle: bytes
    count: int


@dataclass
class Authenticator:
    """`counts`: False is what phones do, whose counter stays at 0."""

    counts: bool = True
    keys: dict[bytes, _Key] = field(default_factory=dict)

    def create(self, options: dict[str, Any], *, credential_id: bytes | None = None, **wrong: Any) -> dict[str, Any]:
        """navigator.credentials.create, as PublicKeyCredential.toJSON says it. `wrong` changes the Ceremony."""
        assert options["authenticatorSelection"]["userVerification"] == "required"
        excluded = {decoded(item["id"]) for item in options["excludeCredentials"]}
        assert not excluded & self.keys.keys(), "the browser would tell that this authenticator is registered"
        ceremony = _ceremony(options, options["rp"]["id"], wrong)
        private = ec.generate_private_key(ec.SECP256R1())
        credential_id = credential_id or token_bytes(32)
        self.keys[credential_id] = _Key(private, decoded(options["user"]["id"]), 0)
        attested = bytes(16) + len(credential_id).to_bytes(2) + credential_id + cbor2.dumps(_cose(private))
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(ceremony, credential_id, attested)}
        response = {
            "clientDataJSON": base64url(_client_data(ceremony, "webauthn.create")),
            "attestationObject": base64url(cbor2.dumps(attestation)),
            "transports": ["internal", "hybrid", "telepathy"],
        }
        return _credential(credential_id, response)

    def get(self, options: dict[str, Any], *, credential_id: bytes | None = None, **wrong: Any) -> dict[str, Any]:
        """navigator.credentials.get, with the first passkey that is allowed, or the one that is given."""
        ceremony = _ceremony(options, options["rpId"], wrong)
        allowed = [decoded(item["id"]) for item in options["allowCredentials"]]
        credential_id = credential_id or next(name for name in allowed if name in self.keys)
        client_data = _client_data(ceremony, "webauthn.get")
        data = self._data(ceremony, credential_id)
        key = self.keys[credential_id]
        signature = key.private.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": base64url(client_data),
            "authenticatorData": base64url(data),
            "signature": base64url(signature),
            "userHandle": base64url(key.user_handle),
        }
        return _credential(credential_id, response)

    def _data(self, ceremony: Ceremony, credential_id: bytes, attested: bytes = b"") -> bytes:
        key = self.keys[credential_id]
        key.count += self.counts
        count = key.count if ceremony.count is None else ceremony.count
        flags = ceremony.flags | (ATTESTED if attested else 0)
        return sha256(ceremony.party.encode()).digest() + bytes([flags]) + count.to_bytes(4) + attested


def _ceremony(options: dict[str, Any], party: str, wrong: dict[str, Any]) -> Ceremony:
    url = urlsplit(config.settings().public_url)
    assert party == url.hostname
    return replace(Ceremony(decoded(options["challenge"]), f"{url.scheme}://{url.netloc}", party), **wrong)


def _client_data(ceremony: Ceremony, type_: str) -> bytes:
    said = {
        "type": ceremony.type or type_,
        "challenge": base64url(ceremony.challenge),
        "origin": ceremony.origin,
        "crossOrigin": False,
    }
    return json.dumps(said).encode()


def _cose(private: ec.EllipticCurvePrivateKey) -> dict[int, int | bytes]:
    point = private.public_key().public_numbers()
    return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}


def _credential(credential_id: bytes, response: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": base64url(credential_id),
        "rawId": base64url(credential_id),
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {"credProps": {"rk": True}},
        "response": response,
    }
