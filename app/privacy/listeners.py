"""What the worker does for personal data, by the holdings that it is handed."""

from collections.abc import Sequence
from uuid import UUID

from app.db import Connection
from app.jobs import Listener, News, Scheduled
from app.privacy import breaches, data_requests, erasures, exports, retention
from app.privacy.holdings import Holdings


def listeners(holdings: Holdings) -> tuple[Listener, ...]:
    """Copies are made and persons forgotten, one at a time."""

    async def make_exports(db: Connection, news: Sequence[News]) -> None:
        for item in news:
            await exports.make(db, UUID(item.data["export_id"]), holdings)

    async def carry_out_erasures(db: Connection, news: Sequence[News]) -> None:
        for item in news:
            await erasures.carry_out(db, UUID(item.data["erasure_id"]), holdings)

    return (
        Listener(name="exports", kinds=("ExportRequested",), hear=make_exports),
        Listener(name="erasures", kinds=("ErasureRequested",), hear=carry_out_erasures),
    )


def schedule(holdings: Holdings) -> tuple[Scheduled, ...]:
    """Clocks that the law sets, and what is past its time."""

    async def keep_retention(db: Connection) -> None:
        await retention.keep(db, holdings)

    async def sweep_erasures(db: Connection) -> None:
        await erasures.sweep(db, holdings)

    return (
        Scheduled(name="keep_retention", every_s=60, run=keep_retention),
        Scheduled(name="sweep_erasures", every_s=60, run=sweep_erasures),
        Scheduled(name="watch_data_requests", every_s=300, run=data_requests.watch_the_clock),
        Scheduled(name="watch_breaches", every_s=300, run=breaches.watch_the_clock),
    )
