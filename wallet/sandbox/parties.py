"""Money's outside parties, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from wallet.sandbox import bank, biller


def parties(settings: Settings) -> Parties:
    """Who stands in for the payment gateway, the partner bank and the billers."""
    return Parties(
        routers=[bank.router, biller.router],
        state={"bank": bank.Bank(_bank_keys(settings), settings.public_url), "billers": biller.Billers()},
        names=[("Ngân hàng hợp tác", "Partner bank", "/bank"), ("Đơn vị thu", "Billers", "/biller")],
    )


def _bank_keys(settings: Settings) -> bank.Keys:
    return bank.Keys(
        key_id=settings.bank_key_id,
        secret=settings.bank_secret,
        sepay_key=settings.sepay_key,
        casso_secret=settings.casso_secret,
        account=settings.bank_account,
    )
