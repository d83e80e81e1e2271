"""Phones that are reached by push, and whoever carries the pushes, written down."""

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from app.db import Connection, queries_beside
from app.identity.models import Principal
from app.jobs import News
from app.types import new_id
from notifications import deliveries, devices, inbox, listeners
from notifications.models import RegisterDevice
from notifications.transports.face import Outcome, Push
from notifications.words import words_for
from tests.makers import Resident

sql = queries_beside(__file__)


async def with_phone(db: Connection, resident: Resident, target: str | None = None) -> UUID:
    """The resident's phone is reached by push; its id."""
    device_id: UUID = await db.fetchval(sql.device_of_session, resident.session_id)
    wanted = RegisterDevice(
        platform="android",
        target_kind="token",
        target=target or f"token-{device_id}",
        locale="vi",
        app_version="1.0.0",
    )
    await devices.register(db, on(resident, device_id), device_id, wanted)
    return device_id


def on(resident: Resident, device_id: UUID) -> Principal:
    """The resident, on this device."""
    return msgspec.structs.replace(resident.me, device_id=device_id)


async def another_phone(db: Connection, resident: Resident) -> UUID:
    """A second phone, on which the resident is signed in too, and which is reached by push."""
    device_id = new_id()
    await db.execute(sql.plant_device, resident.id, device_id)
    wanted = RegisterDevice(
        platform="ios", target_kind="token", target=f"token-{device_id}", locale="vi", app_version="1.0.0"
    )
    await devices.register(db, on(resident, device_id), device_id, wanted)
    return device_id


async def paid(db: Connection, payer: Resident, event_id: int) -> None:
    """The payer has paid somebody, and is told."""
    data = {
        "payment_id": str(new_id()),
        "payer_id": str(payer.id),
        "amount": 50_000,
        "payer_name": "L*** Bình",
        "payee_id": str(new_id()),
        "payee_name": "T*** Cảnh",
        "memo": None,
    }
    await listeners.tell(db, [News(event_id, "PersonPaid", data, await db.fetchval(sql.now))])


async def report_commented(db: Connection, reporter: Resident, event_id: int, report_id: UUID | None = None) -> None:
    """Somebody has commented on a report of the resident's: any news of a report will do."""
    words = words_for(
        reporter.id,
        "report",
        f"/reports/{report_id or new_id()}",
        ("Phản ánh có bình luận", "Your report has a comment"),
        ("“Đèn vẫn hỏng”", "“Still broken”"),
    )
    fresh = await inbox.deliver(db, [inbox.ToDeliver(event_id, await db.fetchval(sql.now), words)])
    await deliveries.make(db, [(one.principal_id, one.seq) for one in fresh])


def always(outcome: Outcome) -> Callable[[Push], Outcome]:
    """Whatever comes, it comes out so."""

    def answer(_: Push) -> Outcome:
        return outcome

    return answer


class Carrier:
    """A transport that writes down what it is given, and answers as it is told."""

    def __init__(self, answer: Callable[[Push], Outcome] | None = None) -> None:
        self.answer = answer or always(Outcome("accepted"))
        self.got: list[Push] = []

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """As `Transport.send`."""
        self.got += pushes
        return [self.answer(push) for push in pushes]

    async def close(self) -> None:
        """As `Transport.close`."""
