"""Secrets of sessions and codes: how they are made, and what of them is kept."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

from app.config import settings


def new_token() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token: SHA-256."""
    return hashlib.sha256(token.encode()).digest()


def child_of(refresh_token: str) -> str:
    """The next refresh token of a family: only the server can tell it from its parent.

    Twenty refreshes at once, and a retry after a lost answer, all get this same child."""
    return _derived("refresh", refresh_token)


def access_of(refresh_token: str) -> str:
    """The access token that is handed out together with a refresh token."""
    return _derived("access", refresh_token)


def mac(purpose: str, *parts: str) -> bytes:
    """HMAC-SHA256 under the pepper, for short secrets that a hash alone would not hide."""
    return hmac.digest(settings().pepper.encode(), "\0".join((purpose, *parts)).encode(), "sha256")


def _derived(purpose: str, token: str) -> str:
    return urlsafe_b64encode(mac(purpose, token)).decode().rstrip("=")
