"""Money's outside parties, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from wallet.sandbox import bank, biller, vnpay


def parties(settings: Settings) -> Parties:
    """Who stands in for the payment gateway, the partner bank and the billers."""
    return Parties(
        routers=[vnpay.router, bank.router, biller.router],
        state={
            "vnpay": _gateway(settings),
            "bank": bank.Bank(_bank_keys(settings), settings.public_url),
            "billers": biller.Billers(),
        },
        names=[
            ("Cổng thanh toán VNPAY", "Payment gateway VNPAY", "/vnpay"),
            ("Ngân hàng hợp tác", "Partner bank", "/bank"),
            ("Đơn vị thu", "Billers", "/biller"),
        ],
    )


def _gateway(settings: Settings) -> vnpay.Gateway:
    ipn_url = f"{settings.public_url}/v1/gateways/vnpay/ipn"
    return vnpay.Gateway(settings.vnpay_terminal, settings.vnpay_secret, ipn_url)


def _bank_keys(settings: Settings) -> bank.Keys:
    return bank.Keys(
        key_id=settings.bank_key_id,
        secret=settings.bank_secret,
        sepay_key=settings.sepay_key,
        casso_secret=settings.casso_secret,
        account=settings.bank_account,
    )
