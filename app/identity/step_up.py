"""A proof beside the PIN for one payment: a code, a passkey, or the partner's face match (a passkey is legally none).

It is bound to the payment's id and content, used once by the ledger's function, and lives 120 seconds."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from uuid import UUID

import asyncpg

from app import face
from app.config import settings
from app.db import Connection, Database, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity import codes, passkeys
from app.identity.levels import LevelTooLow
from app.identity.models import (
    CodeProof,
    CodePurpose,
    CodeSent,
    FaceMatch,
    FaceProof,
    PasskeyProof,
    Principal,
    StepUp,
    StepUpMethod,
    StepUpProved,
)
from app.types import new_id

sql = queries_beside(__file__)

Proof = CodeProof | PasskeyProof | FaceProof
PURPOSE: CodePurpose = "step_up"


class FaceNotMatched(Refusal):
    """Khuôn mặt chưa khớp; hãy thử lại hoặc chọn cách khác.

    The face did not match, or not yet; try again or choose another way."""

    status = 403
    keeps = True


class CodeNotSent(Refusal):
    """Chưa có mã nào được gửi cho lần xác nhận này.

    No code was sent for this proof."""


async def ask(db: Connection, me: Principal, payment_id: UUID, fingerprint: bytes) -> StepUp:
    """How this payment may be proved. `challenge` = SHA-256(nonce ‖ payment id ‖ fingerprint of its content)."""
    challenge = sha256(secrets.token_bytes(32) + payment_id.bytes + fingerprint).digest()
    made = await db.fetchrow(sql.make_step_up, new_id(), me.id, me.session_id, payment_id, fingerprint, challenge)
    means = await db.fetchrow(sql.step_up_means, me.id)
    assert made is not None
    assert means is not None
    return StepUp(
        step_up_id=made["step_up_id"],
        methods=_methods(means),
        challenge=urlsafe_b64encode(challenge).decode().rstrip("="),
        expires_at=made["expires_at"],
        passkey=await passkeys.assertion_options(db, me.id, challenge) if means["passkey"] else None,
    )


def _methods(means: asyncpg.Record) -> list[StepUpMethod]:
    methods: list[StepUpMethod] = ["code"] if means["code"] else []
    if means["passkey"]:
        methods.append("passkey")
    if means["face"] and settings().face_url:
        methods.append("face")
    return methods


async def send_code(db: Connection, me: Principal, step_up_id: UUID, address: str) -> CodeSent:
    """Have a code sent to my number for this proof; raises NotFound, TooManyCodes."""
    held = await _held(db, me, step_up_id)
    sent = await codes.request(db, held["phone"], address, PURPOSE)
    await db.execute(sql.step_up_with_code, step_up_id, sent.challenge_id)
    return sent


async def ask_face(database: Database, me: Principal, step_up_id: UUID) -> FaceMatch:
    """Have the partner match my face for this proof. Short transactions around the partner's answer.

    Raises NotFound, LevelTooLow, FaceUnavailable, FaceNotConfigured."""
    async with database.deed() as db:
        held = await _held(db, me, step_up_id)
    if held["person"] is None:  # whose face would it be?
        raise LevelTooLow
    asked = await face.ask(held["person"], held["challenge"])
    async with database.deed() as db:
        await _held(db, me, step_up_id)
        await db.execute(sql.step_up_with_face, step_up_id, asked.reference)
    return FaceMatch(url=asked.url, expires_at=asked.expires_at)


async def prove(database: Database, me: Principal, step_up_id: UUID, proof: Proof) -> StepUpProved:
    """Prove it: the payment may follow. Short transactions of its own, for a face match is asked for outside.

    Raises NotFound, WrongCode, CodeNotSent, PasskeyRefused, FaceNotMatched, FaceUnavailable; a wrong try counts."""
    async with database.deed() as db:
        held = await _held(db, me, step_up_id)
        await db.execute(sql.try_step_up, step_up_id)
    if isinstance(proof, FaceProof):
        await _check_face(held)
    async with database.deed() as db:
        held = await _held(db, me, step_up_id)
        match proof:
            case CodeProof():
                await _check_code(db, held, proof.code)
            case PasskeyProof():
                await passkeys.check_assertion(db, me.id, held["challenge"], proof.credential)
            case FaceProof():
                pass
        method: StepUpMethod = proof.__struct_config__.tag  # pyright: ignore[reportAssignmentType]
        return await one(StepUpProved, db, sql.prove_step_up, step_up_id, method)


async def _held(db: Connection, me: Principal, step_up_id: UUID) -> asyncpg.Record:
    held = await db.fetchrow(sql.step_up_for_update, step_up_id, me.id, me.session_id)
    if held is None:
        raise NotFound
    return held


async def _check_code(db: Connection, held: asyncpg.Record, code: str) -> None:
    if held["code_challenge_id"] is None:
        raise CodeNotSent
    if await codes.redeem(db, held["code_challenge_id"], code, PURPOSE) != held["phone"]:
        raise codes.WrongCode


async def _check_face(held: asyncpg.Record) -> None:
    if held["face_reference"] is None or held["person"] is None:
        raise FaceNotMatched
    if await face.outcome(held["face_reference"], held["person"], held["challenge"]) != "matched":
        raise FaceNotMatched
