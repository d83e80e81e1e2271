"""A device's key, as a phone's keystore holds it, and the proofs that it makes: right ones, and any kind of wrong."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app import config
from app.clock import city_now
from tests.makers import Resident


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def here(path: str) -> str:
    """The address of a path, as phones know it."""
    return config.settings().public_url + path


@dataclass(frozen=True)
class KeyPair:
    """On P-256; the private half stays here."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, str]:
        point = self.private.public_key().public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url(point.x.to_bytes(32)),
            "y": base64url(point.y.to_bytes(32)),
        }

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    def proof(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        token: str | None = None,
        *,
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """A proof for a request; `header` and `claims` change what it says, None leaves a member out."""
        said = {
            "htm": method,
            "htu": here(path),
            "iat": int(city_now().timestamp()),
            "jti": str(uuid4()),
            "bod": base64url(sha256(body).digest()),
            "ath": token and base64url(sha256(token.encode()).digest()),
            **(claims or {}),
        }
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk, **(header or {})}
        signed = ".".join(base64url(_json({k: v for k, v in part.items() if v is not None})) for part in (head, said))
        return f"{signed}.{base64url((sign or self.sign)(signed.encode()))}"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


async def send(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    key: KeyPair | None = None,
    proof: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """A request as the app sends it: with a proof by `key`, or with the one that is given."""
    content = b"" if body is None else _json(body)
    sent = {"content-type": "application/json"} if content else {}
    sent |= {"authorization": f"Bearer {token}"} if token else {}
    if key is not None:
        proof = key.proof(method, path, content, token)
    sent |= {"dpop": proof} if proof is not None else {}
    return await client.request(method, path, content=content, headers=sent | (headers or {}))


async def own_device(client: httpx.AsyncClient, token: str) -> str:
    """The device that somebody asks from."""
    listed = (await client.get("/v1/me/devices", headers={"authorization": f"Bearer {token}"})).json()
    [device_id] = [device["id"] for device in listed if device["current"]]
    return device_id


async def set_key(client: httpx.AsyncClient, token: str, key: KeyPair) -> str:
    """Give the asking device a key; returns the device's id."""
    device_id = await own_device(client, token)
    answer = await send(client, "PUT", f"/v1/me/devices/{device_id}/key", {"public_key": key.jwk}, token=token)
    assert answer.status_code == 204, answer.text
    return device_id


async def with_key(client: httpx.AsyncClient, who: Resident) -> KeyPair:
    """The key that somebody's phone has from now on."""
    key = KeyPair()
    await set_key(client, who.token, key)
    return key
