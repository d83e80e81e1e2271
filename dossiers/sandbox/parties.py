"""Outside parties of dossiers, as the stand-ins' app takes them."""

from app.config import Settings
from app.sandbox.stand_ins import Parties
from dossiers.sandbox import post


def parties(settings: Settings) -> Parties:
    """Who stands in for the public post."""
    return Parties(
        routers=[post.router],
        state={"post": _post(settings)},
        names=[("Bưu chính công ích", "Public post", "/post")],
    )


def _post(settings: Settings) -> post.Post:
    return post.Post(settings.post_secret, f"{settings.public_url}/v1/gateways/public-post/deliveries")
