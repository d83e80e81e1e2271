"""Secrets of sessions and codes: how they are made, and what of them is kept."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode

from app.secrets import mac

_TOKEN = re.compile(r"[0-9A-Za-z_-]{43}")


def new_token() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Could this be a token of ours? What cannot be one need not be looked for."""
    return _TOKEN.fullmatch(text) is not None


def token_hash(token: str) -> bytes:
    """What is kept of a token: SHA-256."""
    return hashlib.sha256(token.encode()).digest()


def child_of(refresh_token: str, key_id: str) -> str:
    """The next refresh token of a family: only the server can tell it from its parent.

    Twenty refreshes at once, and a retry after a lost answer, all get this same child, by the parent's key."""
    return _derived("refresh", refresh_token, key_id)


def access_of(refresh_token: str, key_id: str) -> str:
    """The access token that is handed out together with a refresh token."""
    return _derived("access", refresh_token, key_id)


def _derived(purpose: str, token: str, key_id: str) -> str:
    return urlsafe_b64encode(mac(purpose, token, key_id=key_id)).decode().rstrip("=")
