"""The outside parties of dossiers, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from dossiers.sandbox import post, signer


def parties(settings: Settings) -> Parties:
    """Who stands in for the signing service, the timestamp authority and the public post."""
    return Parties(
        routers=[signer.router, post.router],
        state={
            "signing": signer.SigningService(settings.signer_key),
            "post": post.Post(settings.post_secret, f"{settings.public_url}/v1/gateways/public-post/deliveries"),
        },
        names=[
            ("Dịch vụ ký số và dấu thời gian", "Signing and timestamps", "/signer"),
            ("Bưu chính công ích", "Public post", "/post"),
        ],
    )
