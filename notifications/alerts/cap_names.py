"""A CAP document's own name: `/v1/alerts/{alert_id}.cap`.

The framework's paths have no endings, so inside it is `/v1/alerts/{alert_id}/cap`, which answers the same."""

import re

from litestar.types import ASGIApp, Receive, Scope, Send

_NAME = re.compile(r"(/v1/alerts/[0-9A-Fa-f-]{32,36})\.cap")


class CapNames:
    """The middleware, in pure ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on, to where the document is."""
        if scope["type"] == "http" and (named := _NAME.fullmatch(scope["path"])):
            path = f"{named[1]}/cap"
            scope["path"], scope["raw_path"] = path, path.encode()
        await self.app(scope, receive, send)
