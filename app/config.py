"""The environment, read once. Every setting stands in `.env.example`, with what it is for."""

import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

Mode = Literal["production", "sandbox"]

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
SANDBOX_PEPPER = "the-sandbox-keeps-no-secrets"
SECRETS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "HUONG_PEPPER",
    "HUONG_METRICS_TOKEN",
    "HUONG_CITIZEN_CLIENT_SECRET",
    "HUONG_STAFF_CLIENT_SECRET",
    "HUONG_FACE_KEY",
    "HUONG_VNPAY_SECRET",
    "HUONG_SEPAY_KEY",
    "HUONG_CASSO_SECRET",
    "HUONG_BANK_SECRET",
    "HUONG_STORAGE_SECRET",
    "HUONG_SIGNER_KEY",
    "HUONG_POST_SECRET",
    "HUONG_NATIONAL_CLIENT_SECRET",
    "HUONG_FCM_CREDENTIALS",
    "HUONG_TEXT_KEY",
    "HUONG_VAPID_PRIVATE_KEY",
)
"""What nobody else may know. Each may be in a file instead, which `<NAME>_FILE` names."""

PUSH_HOSTS = (
    "fcm.googleapis.com",
    "jmt17.google.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "web.push.apple.com",
    "*.push.apple.com",
)
"""The push services of the browsers that people have: Chrome and its kin, Firefox, Edge, Safari."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[^\[\]:@]*)(:[0-9]{1,5})?")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?")
GOOGLE_FCM_URL = "https://fcm.googleapis.com"
"""Where FCM's HTTP v1 API is."""

_PAIR = re.compile(r"([a-z0-9][a-z0-9-]{0,15}):([^\s,]+)(?:[\s,]+|$)")


class BadSetting(Exception):
    """A setting that this program will not run with; its text is one line for the person at the shell."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine told us. Durations in seconds."""

    mode: Mode
    host: str
    port: int
    data_dir: Path
    database_url: str | None
    """The app role's address. None: the embedded PostgreSQL."""
    database_owner_url: str | None
    """The owner role's address, for migrations; None: the same as database_url."""
    redis_url: str | None
    keys: dict[str, str]
    """The secrets under PINs, codes, tokens and whatever is sealed, by their ids; the first is written with."""
    server: Literal["uvicorn", "granian"]
    workers: int
    database_connections: int
    till_lanes: int
    streams: int
    """Live streams that one process holds at most."""
    trusted_proxies: tuple[str, ...]
    metrics_token: str | None
    partner_bank_bin: str
    public_url: str
    """Where phones and browsers reach this city, without a slash at its end."""
    app_url: str
    """What the companion app answers to: the city's own address, another that it has claimed, a scheme of its own."""
    citizen_issuer: str | None
    citizen_client_id: str
    citizen_client_secret: str
    staff_issuer: str | None
    staff_client_id: str
    staff_client_secret: str
    face_url: str | None
    face_key: str
    vnpay_pay_url: str | None
    """The gateway's page on which people pay."""
    vnpay_api_url: str | None
    """Where the gateway is asked what became of a payment."""
    vnpay_terminal: str
    vnpay_secret: str
    sepay_key: str
    """What SePay's webhook shows; empty: it is closed. So with Casso's."""
    casso_secret: str
    bank_url: str | None
    """The partner bank's transfers."""
    bank_key_id: str
    bank_secret: str
    bank_account: str
    """The city's own account there, to which people transfer."""
    bank_account_name: str
    post_url: str | None
    """The public post, which takes results to people's houses."""
    post_secret: str
    """What signs both ways; empty: their door is closed."""
    national_url: str | None
    """The National Public Service Portal; None: it is told nothing."""
    national_client_id: str
    """Who we are there."""
    national_client_secret: str
    push: Literal["fcm", "firebase"]
    """What carries messages to phones: our own sender of FCM's HTTP v1, or `firebase-admin`."""
    fcm_credentials: str
    """A service account's JSON; empty: nobody is sent to, but in a sandbox, whose stand-in makes its own."""
    fcm_url: str
    """Where FCM answers, without a path."""
    fcm_ca: Path | None
    """A PEM file of who certifies that address; None: whom the machine trusts."""
    fcm_connections: int
    """So many at most are open to FCM from one process."""
    text_url: str | None
    """The gateway of text messages; None: none is sent."""
    text_key: str
    """What signs both ways; empty: their door is closed."""
    text_brand: str
    """The sender's name that the carriers have registered for the city."""
    vapid_private_key: str
    """The P-256 key by which push services know us, 32 bytes in base64url; empty: no browser is pushed to."""
    vapid_subject: str
    """Whom a push service writes to if something is wrong (RFC 8292, 2.1)."""
    push_hosts: tuple[str, ...]
    """The push services that are called; `*.` stands for any names before the rest."""
    storage_url: str | None
    """`s3://bucket/prefix`, where uploads are kept; None: a folder of data_dir."""
    storage_endpoint: str | None
    """Where that S3 answers; None: at Amazon's."""
    storage_region: str
    storage_key_id: str
    storage_secret: str
    signer_url: str | None
    """The signing service of results (Cloud Signature Consortium API 2); None: a sandbox signs itself."""
    signer_key: str
    """What we show there."""
    timestamp_url: str | None
    """The timestamp authority (RFC 3161)."""
    sandbox_port: int
    """Where the stand-ins of outside parties listen, in a sandbox."""
    rate_per_minute: int
    stranger_rate_per_minute: int
    log_level: str
    clock_offset_s: int

    def __repr__(self) -> str:
        """Whoever prints the settings sees no secret."""
        return f"Settings({self.mode})"

    def secrets(self) -> list[str]:
        """What of this no log may say, whoever writes it."""
        addresses = (self.database_url, self.database_owner_url, self.redis_url)
        passwords = [urlsplit(address).password or "" for address in addresses if address]
        others = (
            self.citizen_client_secret, self.staff_client_secret, self.face_key, self.metrics_token or "",
            self.vnpay_secret, self.sepay_key, self.casso_secret, self.bank_secret,
            self.storage_secret, self.signer_key, self.post_secret,
            self.national_client_secret, self.fcm_credentials, _private_key(self.fcm_credentials), self.text_key,
            self.vapid_private_key,
        )  # fmt: skip
        known = (*self.keys.values(), *others, *passwords, *map(unquote, passwords))
        return sorted({secret for secret in known if secret}, key=len, reverse=True)

    @property
    def fcm_stand_in_port(self) -> int | None:
        """Where this sandbox's own FCM listens; None: it has none, or asks another."""
        address = urlsplit(self.fcm_url)
        ours = self.sandbox and not self.fcm_credentials and address.hostname in {"localhost", "127.0.0.1"}
        return (address.port or 443) if ours else None

    @property
    def stand_ins_url(self) -> str:
        """Where the stand-ins of outside parties are, in a sandbox."""
        return f"http://localhost:{self.sandbox_port}"

    @property
    def sandbox(self) -> bool:
        """Is everything here play?"""
        return self.mode == "sandbox"


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; raises BadSetting for what cannot be run with."""
    environ = _with_files(environ)
    mode = _one_of(environ, "HUONG_MODE", ("production", "sandbox"), "production")
    port = _integer(environ, "PORT", 8000, 1, 65_535)
    public_url = (environ.get("HUONG_PUBLIC_URL") or f"http://localhost:{port}").rstrip("/")
    sandbox_port = _integer(environ, "HUONG_SANDBOX_PORT", min(port + 1, 65_535), 1, 65_535)
    stand_ins = f"http://localhost:{sandbox_port}" if mode == "sandbox" else None
    settings = Settings(
        mode="sandbox" if mode == "sandbox" else "production",
        host=environ.get("HOST") or "127.0.0.1",
        port=port,
        data_dir=Path(environ.get("DATA_DIR") or "var").resolve(),
        database_url=_address(environ, "DATABASE_URL", "postgresql", "postgres"),
        database_owner_url=_address(environ, "DATABASE_OWNER_URL", "postgresql", "postgres"),
        redis_url=_address(environ, "REDIS_URL", "redis", "rediss", "unix"),
        keys=_keys(environ, mode),
        server="granian"
        if _one_of(environ, "HUONG_SERVER", ("uvicorn", "granian"), "uvicorn") == "granian"
        else "uvicorn",
        workers=_integer(environ, "HUONG_WORKERS", 1, 1, 64),
        database_connections=_integer(environ, "HUONG_DATABASE_CONNECTIONS", 16, 2, 500),
        till_lanes=_integer(environ, "HUONG_TILL_LANES", 1, 1, 8),
        streams=_integer(environ, "HUONG_STREAMS", 10_000, 1, 10**6),
        trusted_proxies=_words(environ, "HUONG_TRUSTED_PROXIES"),
        metrics_token=environ.get("HUONG_METRICS_TOKEN") or None,
        partner_bank_bin=environ.get("HUONG_PARTNER_BANK_BIN") or "970436",
        public_url=public_url,
        app_url=(environ.get("HUONG_APP_URL") or public_url).rstrip("/"),
        citizen_issuer=environ.get("HUONG_CITIZEN_ISSUER") or (stand_ins and f"{stand_ins}/citizen"),
        citizen_client_id=environ.get("HUONG_CITIZEN_CLIENT_ID") or "huong",
        citizen_client_secret=environ.get("HUONG_CITIZEN_CLIENT_SECRET") or "",
        staff_issuer=environ.get("HUONG_STAFF_ISSUER") or (stand_ins and f"{stand_ins}/staff"),
        staff_client_id=environ.get("HUONG_STAFF_CLIENT_ID") or "huong",
        staff_client_secret=environ.get("HUONG_STAFF_CLIENT_SECRET") or "",
        face_url=environ.get("HUONG_FACE_URL") or (stand_ins and f"{stand_ins}/face"),
        face_key=environ.get("HUONG_FACE_KEY") or "",
        vnpay_pay_url=environ.get("HUONG_VNPAY_PAY_URL")
        or (stand_ins and f"{stand_ins}/vnpay/paymentv2/vpcpay.html"),
        vnpay_api_url=environ.get("HUONG_VNPAY_API_URL")
        or (stand_ins and f"{stand_ins}/vnpay/merchant_webapi/api/transaction"),
        vnpay_terminal=environ.get("HUONG_VNPAY_TERMINAL") or ("huong001" if mode == "sandbox" else ""),
        vnpay_secret=environ.get("HUONG_VNPAY_SECRET") or _play(mode, "vnpay"),
        sepay_key=environ.get("HUONG_SEPAY_KEY") or _play(mode, "sepay"),
        casso_secret=environ.get("HUONG_CASSO_SECRET") or _play(mode, "casso"),
        bank_url=environ.get("HUONG_BANK_URL") or (stand_ins and f"{stand_ins}/bank"),
        bank_key_id=environ.get("HUONG_BANK_KEY_ID") or "huong",
        bank_secret=environ.get("HUONG_BANK_SECRET") or _play(mode, "bank"),
        bank_account=environ.get("HUONG_BANK_ACCOUNT") or ("1900190019" if mode == "sandbox" else ""),
        bank_account_name=environ.get("HUONG_BANK_ACCOUNT_NAME") or ("VI HUONG" if mode == "sandbox" else ""),
        post_url=environ.get("HUONG_POST_URL") or (stand_ins and f"{stand_ins}/post"),
        post_secret=environ.get("HUONG_POST_SECRET") or _play(mode, "post"),
        national_url=environ.get("HUONG_NATIONAL_URL") or (stand_ins and f"{stand_ins}/national"),
        national_client_id=environ.get("HUONG_NATIONAL_CLIENT_ID") or "huong",
        national_client_secret=environ.get("HUONG_NATIONAL_CLIENT_SECRET") or _play(mode, "national"),
        push="firebase" if _one_of(environ, "HUONG_PUSH", ("fcm", "firebase"), "fcm") == "firebase" else "fcm",
        fcm_credentials=environ.get("HUONG_FCM_CREDENTIALS") or "",
        fcm_url=(environ.get("HUONG_FCM_URL") or _fcm_url(environ, mode, sandbox_port)).rstrip("/"),
        fcm_ca=Path(environ["HUONG_FCM_CA"]).resolve() if environ.get("HUONG_FCM_CA") else None,
        fcm_connections=_integer(environ, "HUONG_FCM_CONNECTIONS", 4, 1, 64),
        text_url=environ.get("HUONG_TEXT_URL") or (stand_ins and f"{stand_ins}/texts"),
        text_key=environ.get("HUONG_TEXT_KEY") or _play(mode, "texts"),
        text_brand=environ.get("HUONG_TEXT_BRAND") or "TP.HUE",
        vapid_private_key=environ.get("HUONG_VAPID_PRIVATE_KEY") or _play_key(mode, "web-push"),
        vapid_subject=environ.get("HUONG_VAPID_SUBJECT") or (stand_ins and "mailto:huong@example.com") or "",
        push_hosts=_words(environ, "HUONG_PUSH_HOSTS") or PUSH_HOSTS,
        storage_url=_bucket(environ, "HUONG_STORAGE_URL"),
        storage_endpoint=environ.get("HUONG_STORAGE_ENDPOINT") or None,
        storage_region=environ.get("HUONG_STORAGE_REGION") or "us-east-1",
        storage_key_id=environ.get("HUONG_STORAGE_KEY_ID") or "",
        storage_secret=environ.get("HUONG_STORAGE_SECRET") or "",
        signer_url=environ.get("HUONG_SIGNER_URL") or None,
        signer_key=environ.get("HUONG_SIGNER_KEY") or _play(mode, "signer"),
        timestamp_url=environ.get("HUONG_TIMESTAMP_URL") or (stand_ins and f"{stand_ins}/tsa"),
        sandbox_port=sandbox_port,
        rate_per_minute=_integer(environ, "HUONG_RATE_PER_MINUTE", 600, 1, 10**9),
        stranger_rate_per_minute=_integer(environ, "HUONG_STRANGER_RATE_PER_MINUTE", 1200, 1, 10**9),
        log_level=_one_of(environ, "HUONG_LOG_LEVEL", LOG_LEVELS, "info"),
        clock_offset_s=_integer(environ, "HUONG_CLOCK_OFFSET_S", 0, -(10**9), 10**9),
    )
    if not settings.sandbox:
        _need_https(
            HUONG_CITIZEN_ISSUER=settings.citizen_issuer,
            HUONG_STAFF_ISSUER=settings.staff_issuer,
            HUONG_FACE_URL=settings.face_url,
            HUONG_VNPAY_PAY_URL=settings.vnpay_pay_url,
            HUONG_VNPAY_API_URL=settings.vnpay_api_url,
            HUONG_BANK_URL=settings.bank_url,
            HUONG_POST_URL=settings.post_url,
            HUONG_NATIONAL_URL=settings.national_url,
            HUONG_FCM_URL=settings.fcm_url,
            HUONG_TEXT_URL=settings.text_url,
            HUONG_STORAGE_ENDPOINT=settings.storage_endpoint,
            HUONG_SIGNER_URL=settings.signer_url,
            HUONG_TIMESTAMP_URL=settings.timestamp_url,
        )
        if settings.fcm_url != GOOGLE_FCM_URL and settings.fcm_ca is None:
            raise BadSetting("HUONG_FCM_URL is not Google's: in production HUONG_FCM_CA then says who certifies it")
    if settings.clock_offset_s and not settings.sandbox:
        raise BadSetting("HUONG_CLOCK_OFFSET_S moves the city's clock: production refuses it")
    return settings


def _play(mode: str, party: str) -> str:
    """What a sandbox and its stand-ins share; production has no secret that it was not given."""
    return f"the-sandbox-keeps-no-secrets-from-{party}" if mode == "sandbox" else ""


def _fcm_url(environ: Mapping[str, str], mode: str, sandbox_port: int) -> str:
    """A sandbox without credentials is its own FCM, one port further than the other stand-ins."""
    if mode == "sandbox" and not environ.get("HUONG_FCM_CREDENTIALS"):
        return f"https://localhost:{min(sandbox_port + 1, 65_535)}"
    return GOOGLE_FCM_URL


class _ServiceAccount(msgspec.Struct):
    private_key: str = ""


def _private_key(credentials: str) -> str:
    """What of a service account's JSON is the secret."""
    try:
        return msgspec.json.decode(credentials, type=_ServiceAccount).private_key
    except msgspec.DecodeError:
        return ""


def _play_key(mode: str, party: str) -> str:
    """The same as a private key of P-256: 32 bytes in base64url."""
    play = _play(mode, party)
    return play and urlsafe_b64encode(sha256(play.encode()).digest()).decode().rstrip("=")


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A list with commas or spaces between its words."""
    return tuple((environ.get(name) or "").replace(",", " ").split())


def _need_https(**addresses: str | None) -> None:
    for name, address in addresses.items():
        if address is not None and not address.startswith("https://"):
            raise BadSetting(f"{name}={address!r}: production speaks to others by https only")


def _with_files(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the secrets that it keeps in files."""
    files = {name: environ[f"{name}_FILE"] for name in SECRETS if environ.get(f"{name}_FILE")}
    return {**environ, **{name: _in_file(environ, name, Path(file)) for name, file in files.items()}}


def _in_file(environ: Mapping[str, str], name: str, file: Path) -> str:
    if environ.get(name):
        raise BadSetting(f"{name} and {name}_FILE are both set: which of them is meant?")
    try:
        secret = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeError) as trouble:
        why = trouble.strerror if isinstance(trouble, OSError) else "it is not text"
        raise BadSetting(f"{name}_FILE={file}: it cannot be read ({why})") from None
    if not secret:
        raise BadSetting(f"{name}_FILE={file}: it is empty")
    return secret


def _keys(environ: Mapping[str, str], mode: str) -> dict[str, str]:
    """`id:secret` pairs with commas or spaces between them; what has no id, at the end, has the id 1."""
    text = (environ.get("HUONG_PEPPER") or "").strip()
    if mode == "sandbox" and not text:
        return {"1": SANDBOX_PEPPER}
    pairs, without_id = _pairs(text)
    if ":" in without_id:
        raise BadSetting(
            "HUONG_PEPPER: id:secret pairs, the id of a-z, 0-9 and -; one without an id can only be last"
        )
    keys = dict(pairs) | ({"1": without_id} if without_id else {})
    if len(keys) < len(pairs) + bool(without_id):
        raise BadSetting("HUONG_PEPPER: two keys have the same id (one without an id has the id 1)")
    if len(set(keys.values())) < len(keys):
        raise BadSetting("HUONG_PEPPER: two keys are the same secret")
    if mode == "production" and (not keys or any(len(key) < 32 or key == SANDBOX_PEPPER for key in keys.values())):
        raise BadSetting("production needs HUONG_PEPPER: at least 32 characters that nobody else knows, in each key")
    return keys


def _pairs(text: str) -> tuple[list[tuple[str, str]], str]:
    """The pairs at the front, and what follows them."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while pair := _PAIR.match(text, at):
        pairs.append((pair[1], pair[2]))
        at = pair.end()
    return pairs, text[at:]


def _address(environ: Mapping[str, str], name: str, *schemes: str) -> str | None:
    """An address that may hold a password: what is wrong with it is said without it."""
    address = environ.get(name) or None
    if address is None:
        return None
    try:
        scheme, netloc, *_ = urlsplit(address)
        hosts = netloc.rpartition("@")[2].split(",")
        fine = scheme in schemes and all(_HOST.fullmatch(host) for host in hosts)
    except ValueError:
        fine = False
    if not fine:
        raise BadSetting(f"{name}: it must be an address, {schemes[0]}://user:password@host/…, each part %-encoded")
    return address


def _bucket(environ: Mapping[str, str], name: str) -> str | None:
    address = environ.get(name) or None
    if address is not None and not _BUCKET.fullmatch(address):
        raise BadSetting(f"{name}={address!r}: it must be s3://bucket or s3://bucket/prefix")
    return address


def _one_of(environ: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = environ.get(name) or default
    if value not in allowed:
        raise BadSetting(f"{name}={value!r}: it must be one of {', '.join(allowed)}")
    return value


def _integer(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        raise BadSetting(f"{name}={text!r}: it must be a whole number") from None
    if not least <= value <= most:
        raise BadSetting(f"{name}={value}: it must lie between {least} and {most}")
    return value


@cache
def settings() -> Settings:
    """This process's settings."""
    return read()
