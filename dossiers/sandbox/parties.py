"""The outside parties of dossiers, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from dossiers.sandbox import signer


def parties(settings: Settings) -> Parties:
    """Who stands in for the signing service and the timestamp authority."""
    return Parties(
        routers=[signer.router],
        state={"signing": signer.SigningService(settings.signer_key)},
        names=[("Dịch vụ ký số và dấu thời gian", "Signing and timestamps", "/signer")],
    )
