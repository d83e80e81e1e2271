"""The page behind the QR of form 01: how far a dossier is, to whoever has its code. Nobody's name is on it."""

import msgspec
from litestar import Response

from app import pages
from app.db import Connection, maybe, queries_beside
from dossiers.papers import look_ups

sql = queries_beside(__file__)


class Tracked(msgspec.Struct, frozen=True):
    """What everybody may know of a dossier. `percent`: its degree of completion."""

    code: str
    percent: int


async def page(db: Connection, address: str, text: str) -> Response[str]:
    """How far the dossier with this code is, also where there is none; raises TooManyRequests."""
    await look_ups.count(db, address, "tracked dossier")
    found = await maybe(Tracked, db, sql.tracked, text.strip().upper())
    if found is None:
        await look_ups.count_miss(db, address, "tracked dossier")
        hint = pages.said("Hãy so lại mã trên giấy tiếp nhận.", "Compare the code with the one on the receipt.")
        return pages.page("Không có hồ sơ này", "There is no such dossier", hint, status=404)
    lines = [("Đã hoàn thành", "Completed", f"{found.percent} %")]
    more = pages.said(
        "Đăng nhập ứng dụng, hoặc tra cứu với mã 4 chữ số trên giấy tiếp nhận, để xem từng bước.",
        "Sign in to the app, or look it up with the four digits on the receipt, to see every step.",
    )
    return pages.page(f"Hồ sơ {found.code}", f"Dossier {found.code}", pages.facts(lines, big="Đã hoàn thành") + more)
