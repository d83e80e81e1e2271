"""The outside parties of dossiers, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from dossiers.sandbox import portal, post, signer


def parties(settings: Settings) -> Parties:
    """Who stands in for the signing service, the timestamp authority, the public post and the national portal."""
    return Parties(
        routers=[signer.router, post.router, portal.router],
        state={
            "signing": signer.SigningService(settings.signer_key),
            "post": post.Post(settings.post_secret, f"{settings.public_url}/v1/gateways/public-post/deliveries"),
            "portal": portal.Portal(
                settings.national_client_id,
                settings.national_client_secret,
                f"{settings.public_url}/v1/national/dossiers",
            ),
        },
        names=[
            ("Dịch vụ ký số và dấu thời gian", "Signing and timestamps", "/signer"),
            ("Bưu chính công ích", "Public post", "/post"),
            ("Cổng Dịch vụ công quốc gia", "National Public Service Portal", "/national"),
        ],
    )
