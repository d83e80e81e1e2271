"""A fee is a bill (wallet): paid from a wallet, from any bank's app by its VietQR, or in cash at the counter.

    none
    later ──► due ──► paid
                ╲──► dropped, when the dossier ends before it is paid

When it is asked for is the procedure's: at acceptance, while the work goes on (the clock then stands still until it
is paid), or when the result is handed over. A bill is paid once (the ledger sees to that), and the news of it may be
told twice. No result is handed over while its fee is due."""

from datetime import timedelta

from app.clock import city_today
from app.db import Connection, queries_beside
from app.errors import Refusal, refusing
from dossiers import steps
from dossiers.procedures.definitions import Term
from dossiers.steps import Locked
from wallet import issue_bill, withdraw_bill

sql = queries_beside(__file__)

PAY_WITHIN_DAYS = 30


class NoFeeBiller(Refusal):
    """Cơ quan này chưa có đơn vị thu phí; hãy báo bộ phận tài chính.

    This agency has no biller for its fees yet; tell finance."""


class FeeNotPaid(Refusal):
    """Hồ sơ chưa nộp phí, lệ phí nên chưa trả kết quả được.

    The fee is not paid, so the result cannot be handed over yet."""


class NothingToPay(Refusal):
    """Trường hợp này không thu phí, lệ phí.

    There is no fee in this case."""


async def begin(db: Connection, dossier: Locked, term: Term) -> None:
    """What is to be paid, known from acceptance on; asked for now if it is due then."""
    amount = term.fee_of(dossier.form)
    if amount == 0:
        return
    await db.execute(sql.owe_fee, dossier.id, amount)
    if term.fee_at == "acceptance":
        await ask(db, await steps.lock(db, dossier.id))


async def ask(db: Connection, dossier: Locked) -> None:
    """Issue the bill, once. Raises NothingToPay, NoFeeBiller."""
    if dossier.payment_state in {"due", "paid"}:
        return
    if dossier.payment_state != "later":
        raise NothingToPay
    biller: str | None = await db.fetchval(sql.biller_of, dossier.agency_code)
    if biller is None:
        raise NoFeeBiller
    code = dossier.code or dossier.portal_code or str(dossier.id)
    with refusing(bill_biller_code_fkey=NoFeeBiller):
        bill_id = await issue_bill(
            db,
            biller=biller,
            reference=code,
            customer_code=code,
            customer_name=dossier.applicant_name or "?",
            period=f"{city_today():%m/%Y}",
            amount=dossier.fee_amount,
            due_on=city_today() + timedelta(days=PAY_WITHIN_DAYS),
            subject=dossier.procedure_vi,
        )
    await db.execute(sql.fee_is_due, dossier.id, bill_id)


async def drop(db: Connection, dossier: Locked) -> None:
    """The dossier ends, and nobody need pay for it any more. What is paid, or being paid just now, stays paid."""
    if dossier.payment_state not in {"later", "due"}:
        return
    if dossier.bill_id is None or await withdraw_bill(db, dossier.bill_id):
        await db.execute(sql.drop_fee, dossier.id)


def need_settled(dossier: Locked) -> None:
    """Raises FeeNotPaid while something is to be paid."""
    if dossier.payment_state in {"later", "due"}:
        raise FeeNotPaid(amount=dossier.fee_amount, bill_id=dossier.bill_id)
