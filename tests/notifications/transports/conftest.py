"""A stand-in of FCM and our sender, for each test its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from notifications.transports.fcm import Fcm
from tests.notifications.transports.pushing import IMPATIENT, Fcms, an_fcm


@pytest.fixture(scope="session")
def fcm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the account and the certificate are: an RSA key is made once."""
    return tmp_path_factory.mktemp("fcm")


@pytest.fixture
async def fcm(fcm_folder: Path) -> AsyncIterator[Fcms]:
    """The stand-in."""
    async with an_fcm(fcm_folder) as one:
        yield one


@pytest.fixture
async def sender(fcm: Fcms) -> AsyncIterator[Fcm]:
    """Our sender."""
    one = fcm.sender()
    yield one
    await one.close()


@pytest.fixture
async def impatient(fcm: Fcms) -> AsyncIterator[Fcm]:
    """Our sender, in a hurry."""
    one = fcm.sender(patience=IMPATIENT)
    yield one
    await one.close()
