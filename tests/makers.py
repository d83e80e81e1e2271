"""Short words for what tests begin with: a resident with money, a merchant with a terminal, a bill that is due."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count
from uuid import UUID, uuid4

from argon2 import PasswordHasher

from app import config
from app.config import settings
from app.db import Connection
from app.identity import sessions
from app.identity.models import Grant, Principal, Role
from app.identity.tokens import new_token, token_hash
from app.machines import keys as machine_keys
from app.machines import machines, signing
from app.machines.models import MakeKey, PutMachine, Scope
from app.secrets import mac, newest_id
from app.staff import cookie
from app.staff import sessions as staff_sessions
from app.types import new_id
from tests.statements import sql
from wallet import issue_bill, ledger
from wallet.ledger import Move
from wallet.merchants import merchants
from wallet.models import NameTerminal, OpenMerchant

PIN = "258036"
_numbers = count(1)
_hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


TOKEN_LIFE_S = 400 * 86_400
"""Longer than any test moves the clock on."""


@dataclass(frozen=True)
class Resident:
    """Somebody signed in on a phone."""

    id: UUID
    phone: str
    name: str
    session_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @property
    def me(self) -> Principal:
        return Principal(id=self.id, kind="resident", session_id=self.session_id, level=2)


@dataclass(frozen=True)
class StaffMember:
    """Somebody who works for the city, signed in at the staff's door; `headers` are a cookie and its CSRF token."""

    id: UUID
    name: str
    email: str
    session_id: UUID
    token: str
    grants: tuple[Grant, ...]

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": f"{cookie.NAME}={self.token}", "x-csrf-token": staff_sessions.csrf_token_of(self.token)}

    @property
    def me(self) -> Principal:
        return Principal(id=self.id, kind="staff", session_id=self.session_id, grants=list(self.grants))


@dataclass(frozen=True)
class Machine:
    """A machine that calls us, with a key."""

    id: UUID
    key_id: UUID
    key: str

    def sign(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        created: datetime | None = None,
        nonce: str | None = None,
        covered: Iterable[str] = signing.BY_PARTS,
        headers: dict[str, str] | None = None,
    ) -> dict[str, str]:
        """The headers of a request that it signs; `url`: a whole one, or a path of ours."""
        whole = settings().public_url + url if url.startswith("/") else url
        return signing.sign(
            self.key, method, whole, body, created=created, nonce=nonce, covered=covered, headers=headers
        )

    @property
    def plain(self) -> dict[str, str]:
        """Its key as it is."""
        return {"x-api-key": self.key}


@dataclass(frozen=True)
class Shop:
    """A merchant with one terminal."""

    id: UUID
    owner: Resident
    terminal_id: UUID
    qr: str


async def a_resident(
    db: Connection,
    *,
    balance: int = 0,
    name: str = "Lê Thị Ngự Bình",
    unlocked: bool = True,
    with_pin: bool = True,
    level: int = 2,
) -> Resident:
    """A verified resident who is signed in, with a PIN and so many đồng, the wallet open, unless said otherwise."""
    phone = f"+8491{next(_numbers):07}"
    resident = Resident(new_id(), phone, name, new_id(), new_token())
    device_id = uuid4()
    await db.execute(sessions.sql.plant_principal, resident.id, "resident", phone, name)
    await db.execute(sessions.sql.keep_device, resident.id, device_id, "Nokia", "android")
    await db.execute(sessions.sql.open_session, resident.session_id, resident.id, device_id)
    await db.execute(sessions.sql.confirm_session, resident.session_id)
    await db.execute(sessions.sql.keep_access_token, token_hash(resident.token), resident.session_id, TOKEN_LIFE_S)
    if level > 1:
        issuer = config.settings().citizen_issuer
        await db.execute(sessions.sql.prove_identity, new_id(), resident.id, issuer, str(resident.id), name, None)
        await db.execute(sessions.sql.raise_level, resident.id, name)
    if with_pin:
        await db.execute(sessions.sql.set_first_pin, resident.id, _hash_of(PIN), newest_id())
    if unlocked:
        await db.execute(sql.unlock, resident.session_id)
    if balance:
        await fund(db, resident.id, balance)
    return resident


async def a_staff_member(
    db: Connection, *, role: Role | None = "operator", agency: str = "city", name: str = "Trần Văn Trực Ban"
) -> StaffMember:
    """A member of staff, signed in, with a role (None: with nothing granted) at an agency, made if need be."""
    member_id, email, token = new_id(), f"staff{next(_numbers)}@hue.example", new_token()
    await db.execute(sessions.sql.plant_principal, member_id, "staff", None, name)
    await db.execute(staff_sessions.sql.make_staff_account, member_id, email, None, None)
    session_id = new_id()
    await db.execute(
        staff_sessions.sql.open_staff_session, session_id, member_id, token_hash(token), staff_sessions.LIFE_S
    )
    member = StaffMember(member_id, name, email, session_id, token, ())
    return member if role is None else await with_role(db, member, role, agency)


async def with_role(db: Connection, member: StaffMember, role: Role, agency: str = "city") -> StaffMember:
    """The same member, with one more role, granted long ago."""
    await db.execute(sessions.sql.plant_agency, agency, agency, agency, None)
    await db.execute(sessions.sql.plant_grant, member.id, agency, role)
    return replace(member, grants=(*member.grants, Grant(agency=agency, role=role)))


async def a_machine(
    db: Connection,
    scopes: Iterable[Scope] = (),
    *,
    agency: str | None = None,
    addresses: Iterable[str] = (),
    plain_key: bool = False,
    name: str = "Máy của điện lực",
) -> Machine:
    """A machine with these scopes and one key, put by an administrator; its agency must be there."""
    admin, machine_id = (await a_staff_member(db, role="admin")).me, new_id()
    wanted = PutMachine(name=name, agency=agency, scopes=list(scopes), addresses=list(addresses), plain_key=plain_key)
    await machines.put(db, admin, machine_id, wanted)
    made = await machine_keys.make(db, admin, machine_id, MakeKey())
    return Machine(machine_id, made.key_id, made.key)


async def a_policy(db: Connection, code: str, value: int) -> None:
    """From now on this policy says so."""
    await db.execute(sql.set_policy, code, value)


def _hash_of(pin: str) -> str:
    """As the city hashes PINs, but at a price that tests can pay; the hash says its price itself."""
    return _hasher.hash(mac("pin", pin))


async def fund(db: Connection, account_id: UUID, amount: int) -> None:
    """Money from the guarantee account, by the ledger's own door."""
    await ledger.move(db, Move(new_id(), "funding", ledger.GUARANTEE, account_id, amount))


async def a_shop(db: Connection, *, owner: Resident | None = None, name: str = "Bún bò bên chợ") -> Shop:
    """An active merchant with one terminal and its sticker."""
    owner = owner or await a_resident(db, name="Hoàng Thị Đông Ba")
    merchant_id, terminal_id = new_id(), new_id()
    await merchants.open_merchant(
        db, owner.me, merchant_id, OpenMerchant(name=name, category_code="5812", ward="19777")
    )
    await merchants.add_terminal(db, owner.me, merchant_id, terminal_id, NameTerminal(name="Quầy 1"))
    sticker = await merchants.sticker(db, owner.me, merchant_id, terminal_id)
    return Shop(merchant_id, owner, terminal_id, sticker.text)


async def a_biller(
    db: Connection, code: str = "dien-luc-hue", *, adapter: str = "none", essential: bool = False
) -> str:
    """An electricity company; by `adapter="http"` one that is asked before its bills are paid."""
    account_id = new_id()
    await db.execute(ledger.sql.plant_account, account_id, "biller")
    await db.execute(
        ledger.sql.plant_biller,
        code,
        "electricity",
        "Điện lực Huế",
        "Huế Electricity",
        account_id,
        "^P[PC][0-9]{11}$",
        "PP03000000001",
    )
    await db.execute(sql.set_adapter, code, adapter, essential)
    return code


async def a_bill(
    db: Connection,
    *,
    biller: str = "dien-luc-hue",
    customer_code: str = "PP03000000001",
    amount: int = 412_500,
    subject: str | None = None,
) -> UUID:
    """A bill that is due; the biller must be there."""
    return await issue_bill(
        db,
        biller=biller,
        reference=f"{customer_code}-{next(_numbers)}",
        customer_code=customer_code,
        customer_name="L*** T*** N*** Bình",
        period="11/2026",
        amount=amount,
        due_on=date(2026, 11, 30),
        subject=subject,
    )
