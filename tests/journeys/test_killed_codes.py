"""kill -9 for a worker as a process, while the gateway of texts has a code and has not said so: the person gets one
text, and its code works."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.app.phones import ask_for_code, redeem
from tests.conftest import City, StandIns
from tests.journeys.test_killed_workers import a_worker, until
from tests.statements import sql
from tests.texting import Phones, the_phones

PHONE = "+84905777123"
PAST_THE_LEASE_S = 70


@pytest.fixture
async def phones(stand_ins: StandIns) -> AsyncIterator[Phones]:
    async with the_phones(stand_ins) as there:
        yield there


async def test_a_worker_that_is_killed_before_the_answer_leaves_one_text_that_works(
    city: City, phones: Phones
) -> None:
    challenge_id: str = (await ask_for_code(city.client, PHONE)).json()["challenge_id"]

    async def it_is_taken() -> bool:
        return bool(await phones.got(PHONE))

    async def it_is_written_down() -> bool:
        async with city.database.acquire() as db:
            row = await db.fetchrow(sql.code_row, UUID(challenge_id))
            jobs = await db.fetch(sql.job_rows)
        assert row is not None
        return row["sent_at"] is not None and not jobs

    await phones.misbehave("late")
    async with a_worker(city):
        await until(it_is_taken, 30)
    assert not await it_is_written_down()
    async with a_worker(city, later_s=PAST_THE_LEASE_S):
        await until(it_is_written_down, 30)
    [text] = await phones.got(PHONE)
    assert (text["reference"], text["asked"]) == (challenge_id, 2)
    assert (await redeem(city.client, challenge_id, text["words"][:6])).status_code == 201
