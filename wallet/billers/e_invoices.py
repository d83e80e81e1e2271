"""Electronic invoices (Decree 123/2020/NĐ-CP): the biller issues them, we keep how they are looked up."""

from uuid import UUID

from app.db import Connection, maybe, queries_beside
from app.errors import NotFound
from app.identity.models import Principal
from app.outside import NoAnswer, usable
from wallet.billers.adapters import EInvoice
from wallet.billers.models import BillEInvoice

sql = queries_beside(__file__)


async def keep(db: Connection, payment_id: UUID, invoice: EInvoice) -> None:
    """Keep a payment's invoice, the first that is told. An address that is not encrypted is left out."""
    await db.execute(sql.keep_e_invoice, payment_id, invoice.number, invoice.look_up_code, _usable(invoice.url))


def _usable(url: str | None) -> str | None:
    try:
        return url and usable(url)
    except NoAnswer:
        return None


async def show(db: Connection, me: Principal, payment_id: UUID) -> BillEInvoice:
    """The invoice of a payment of mine; raises NotFound while the biller has told none."""
    invoice = await maybe(BillEInvoice, db, sql.e_invoice_of_mine, payment_id, me.id)
    if invoice is None:
        raise NotFound
    return invoice
