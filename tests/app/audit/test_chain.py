"""The audit's chain: whoever changes what was written, and has every right in the database, is found out."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.audit import chain, records
from app.audit.chain import GENESIS, Head, Row, canonical, head_of, link, verify
from app.db import Connection, Database, prepare_connection
from migrations import APP_ROLE, elsewhere, role_of
from tests.conftest import Servers, cloned
from tests.statements import sql

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Chained:
    """Ten deeds that are linked; `master`: a superuser whom no trigger stops."""

    database: Database
    master: Connection
    ids: list[int]

    async def findings(self, **wanted: Head | int) -> list[str]:
        """What the verifier says."""
        return [str(finding) for finding in (await self.report(**wanted)).findings]

    async def report(self, **wanted: Head | int) -> chain.Report:
        async with self.database.transaction() as db:
            return await verify(db, **wanted)  # pyright: ignore[reportArgumentType]

    async def head(self) -> Head:
        async with self.database.acquire() as db:
            return await head_of(db)

    async def deeds(self, number: int) -> None:
        async with self.database.transaction() as db:
            for n in range(number):
                await records.record_own(db, "test.done", uuid4(), n=n, name="Thiên Mụ")


@pytest.fixture
async def chained(template: Servers) -> AsyncIterator[Chained]:
    async with cloned(template) as name:
        database = Database(template.url(name, APP_ROLE), 12)
        master: Connection = await asyncpg.connect(
            elsewhere(template.superuser_url, name, role_of(template.superuser_url))
        )
        await prepare_connection(master)
        await master.execute(sql.past_triggers)
        made = Chained(database, master, [])
        await made.deeds(10)
        assert await link(database) == 10
        made.ids.extend(row["audit_id"] for row in await master.fetch(sql.links))
        yield made
        await master.close()
        await database.close()


# What holds


async def test_f44_a_chain_that_nobody_touched_holds(chained: Chained) -> None:
    await chained.deeds(5)
    assert await chained.findings() == []
    assert await link(chained.database) == 5
    assert await link(chained.database) == 0
    report = await chained.report(kept=await chained.head())
    assert (report.findings, report.links) == ([], 15)
    links = await chained.master.fetch(sql.links)
    assert [row["position"] for row in links] == list(range(1, 16))
    assert await chained.master.fetch(sql.waiting_audit) == []


async def test_a_hash_can_be_computed_by_anybody(chained: Chained) -> None:
    """In another language too: SHA-256 of the hash before and a JSON array."""
    [first, second, *_] = await chained.master.fetch(sql.links)
    row = Row(7, "2026-11-23T07:00:00.000000Z", UUID(int=1), "staff", "test.done", None, '{"b": 1.50, "a": "é"}')
    assert canonical(row) == (
        b'[7,"2026-11-23T07:00:00.000000Z","00000000-0000-0000-0000-000000000001","staff","test.done",null,'
        b'{"a":"\xc3\xa9","b":1.50}]'
    )
    assert len(first["hash"]) == len(GENESIS)
    assert first["hash"] != second["hash"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_two_rows_have_the_same_bytes(data: object) -> None:
    written = msgspec.json.encode({"data": data}).decode()
    row = Row(1, "2026-11-23T07:00:00.000000Z", None, "city", "test.done", None, written)
    read = msgspec.json.decode(canonical(row))
    assert read == [1, row.made_at, None, "city", "test.done", None, msgspec.json.decode(written)]
    assert canonical(row) != canonical(row, row_id=2)
    assert canonical(row) == canonical(msgspec.structs.replace(row, data=" " + written))


@pytest.mark.parametrize("data", ["9" * 5000, '{"a":' * 2000 + "1" + "}" * 2000, "1e999999999"])
def test_a_row_that_nobody_writes_does_not_stop_the_chain(data: str) -> None:
    row = Row(1, None, None, "city", "test.done", None, data)
    assert canonical(row) != canonical(msgspec.structs.replace(row, data=data.replace("9", "8").replace("1", "2")))


async def test_a_row_that_is_committed_late_is_linked_when_it_is_seen(chained: Chained) -> None:
    async with chained.database.acquire() as late:
        slow = late.transaction()
        await slow.start()
        await records.record_own(late, "test.slow")
        await chained.deeds(1)
        assert await link(chained.database) == 1
        await slow.commit()
    assert await link(chained.database) == 1
    links = await chained.master.fetch(sql.links)
    assert links[-1]["audit_id"] < links[-2]["audit_id"]
    assert await chained.findings() == []


async def test_the_chain_is_linked_in_bounded_batches(chained: Chained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 4)
    await chained.deeds(10)
    assert [await link(chained.database) for _ in range(4)] == [4, 4, 2, 0]
    assert await chained.findings() == []


# Who may


@pytest.mark.parametrize("statement", ["change_audit", "drop_audit", "empty_audit", "drop_link", "empty_audit_link"])
async def test_f44_the_server_may_not_change_what_was_written(chained: Chained, statement: str) -> None:
    args = [] if statement.startswith("empty") else [1]
    async with chained.database.acquire() as db:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await db.execute(getattr(sql, statement), *args)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await db.execute(sql.change_link, 1, b"")


@pytest.mark.parametrize("statement", ["change_audit", "drop_audit", "empty_audit", "drop_link", "empty_audit_link"])
async def test_f44_a_trigger_refuses_it_to_everybody(
    db: Connection, template: Servers, shared_database: str, statement: str
) -> None:
    owner = elsewhere(template.superuser_url, shared_database, role_of(template.superuser_url))
    superuser = await asyncpg.connect(owner)
    try:
        args = [] if statement.startswith("empty") else [1]
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await superuser.execute(getattr(sql, statement), *args)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await superuser.execute(sql.change_link, 1, b"")
    finally:
        await superuser.close()


# What is found


async def test_f44_a_row_that_was_changed_is_named(chained: Chained) -> None:
    await chained.master.execute(sql.change_audit, chained.ids[3])
    [found] = await chained.findings()
    assert found.startswith(f"position 4: audit row {chained.ids[3]} or its link was changed")


async def test_f44_a_row_that_was_dropped_is_named(chained: Chained) -> None:
    await chained.master.execute(sql.drop_audit, chained.ids[9])
    assert await chained.findings() == [f"position 10: audit row {chained.ids[9]} is gone"]


async def test_f44_a_link_that_was_dropped_is_named_and_so_is_its_row(chained: Chained) -> None:
    await chained.master.execute(sql.drop_link, 5)
    assert await chained.findings() == [
        "position 5: the chain has a gap: one link missing",
        f"audit row {chained.ids[4]} is in no link, and waits for none",
    ]


async def test_f44_a_row_that_was_dropped_with_its_link_leaves_a_gap(chained: Chained) -> None:
    for position in (5, 6):
        await chained.master.execute(sql.drop_link, position)
        await chained.master.execute(sql.drop_audit, chained.ids[position - 1])
    assert await chained.findings() == ["position 5: the chain has a gap: 5 to 6 missing"]


async def test_f44_a_gap_that_was_closed_shows(chained: Chained) -> None:
    await chained.master.execute(sql.drop_link, 5)
    await chained.master.execute(sql.drop_audit, chained.ids[4])
    for link_ in await chained.master.fetch(sql.links):
        if link_["position"] > 5:
            await chained.master.execute(sql.move_link, link_["position"], link_["position"] - 1)
    [found] = await chained.findings()
    assert found.startswith("position 5: ")
    assert found.endswith("or what stood before it was removed")


async def test_f44_rows_that_took_each_others_place_are_named(chained: Chained) -> None:
    await chained.master.execute(sql.swap_audit, chained.ids[2], chained.ids[6])
    assert await chained.findings() == [
        f"position 3: audit rows {chained.ids[2]} and {chained.ids[6]} were swapped (positions 3 and 7)"
    ]


@pytest.mark.parametrize("there", [4, 7])
@pytest.mark.parametrize("with_hash", [False, True])
async def test_f44_links_that_took_each_others_place_are_named(chained: Chained, there: int, with_hash: bool) -> None:
    links = {row["position"]: row for row in await chained.master.fetch(sql.links)}
    for position in (3, there):
        await chained.master.execute(sql.drop_link, position)
    for position, other in ((3, there), (there, 3)):
        hash_ = links[other if with_hash else position]["hash"]
        await chained.master.execute(sql.put_link, position, links[other]["audit_id"], hash_)
    here, now_there = chained.ids[there - 1], chained.ids[2]
    assert await chained.findings() == [
        f"position 3: audit rows {here} and {now_there} were swapped (positions 3 and {there})"
    ]


@pytest.mark.parametrize("position", [1, 5, 10])
async def test_f44_a_hash_that_was_changed_is_named(chained: Chained, position: int) -> None:
    await chained.master.execute(sql.change_link, position, random.randbytes(32))
    [found] = await chained.findings()
    row = chained.ids[position - 1]
    if position == 10:  # nothing follows from it
        assert found.startswith(f"position 10: audit row {row} or its link was changed")
    else:
        assert found == f"position {position}: the hash of the link of audit row {row} was changed"


async def test_f44_a_fake_beside_the_chain_is_named(chained: Chained) -> None:
    fake = await chained.master.fetchval(sql.put_audit, 60)
    assert await chained.findings() == [f"audit row {fake} is in no link, and waits for none"]


async def test_f44_a_fake_that_was_put_into_the_chain_is_named(chained: Chained) -> None:
    """By somebody who knows how its hash is made."""
    fake = await chained.master.fetchval(sql.put_audit, 60)
    links = await chained.master.fetch(sql.links)
    for link_ in reversed(links[5:]):
        await chained.master.execute(sql.move_link, link_["position"], link_["position"] + 1)
    await chained.master.execute(sql.put_link, 6, fake, await _hash_onto(chained, links[4]["hash"], fake))
    assert await chained.findings() == ["position 6: a link was inserted here that was not written by the chain"]


async def _hash_onto(chained: Chained, before: bytes, audit_id: int) -> bytes:
    """What the chain would make of `put_audit`."""
    made_at = await chained.master.fetchval(sql.audit_moment, audit_id)
    return sha256(before + canonical(Row(audit_id, made_at, None, "city", "test.faked", None, "{}"))).digest()


async def test_f44_a_fake_that_says_it_is_old_is_named(chained: Chained) -> None:
    """The chain itself links it, as it would any row; but it was writing all the while, and the row was not there."""
    await chained.deeds(1)
    await link(chained.database)
    async with chained.database.acquire() as db:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.fetchval(sql.put_audit, 3 * 3600)
    await chained.master.execute("SET session_replication_role = DEFAULT")
    fake = await chained.master.fetchval(sql.put_audit, 3 * 3600)
    await link(chained.database)
    assert await chained.findings() == [f"position 12: audit row {fake} was put there later than it says"]


async def test_f44_a_tail_that_was_removed_shows_by_a_head_that_was_kept(chained: Chained) -> None:
    kept = await chained.head()
    for audit_id in chained.ids[7:]:
        await chained.master.execute(sql.drop_audit, audit_id)
    await chained.master.execute(sql.drop_links_after, 7)
    assert await chained.findings() == []
    assert await chained.findings(kept=kept) == [
        "position 10: the tail is gone: the chain ends at 7, and once was 10 long"
    ]
    await chained.deeds(3)
    await link(chained.database)
    assert (await chained.head()).position == kept.position
    assert await chained.findings() == []
    [found] = await chained.findings(kept=kept)
    assert found.startswith("position 10: the chain was made anew")


async def test_f44_a_row_that_was_dropped_before_it_was_linked_is_named(chained: Chained) -> None:
    await chained.deeds(2)
    [first, second] = [row["audit_id"] for row in await chained.master.fetch(sql.waiting_audit)]
    await chained.master.execute(sql.drop_audit, first)
    assert await link(chained.database) == 1
    assert await chained.findings() == [f"audit row {first} is gone before it was linked"]
    await chained.deeds(1)
    await chained.master.execute(sql.forget_waiting)
    [stray] = await chained.findings()
    assert stray == f"audit row {second + 1} is in no link, and waits for none"


@pytest.mark.parametrize("start", [2, 5, 10, 11])
async def test_a_check_may_begin_in_the_middle(chained: Chained, start: int) -> None:
    assert (await chained.report(start=start)).links == 11 - start
    await chained.master.execute(sql.change_audit, chained.ids[3])
    assert len(await chained.findings(start=start)) == (start <= 4)


async def test_a_check_that_begins_after_a_missing_link_says_so(chained: Chained) -> None:
    await chained.master.execute(sql.drop_link, 4)
    assert "position 4: the link before the first that was to be checked is missing" in await chained.findings(
        start=5
    )


# Many at once


async def test_f44_of_many_writers_and_two_chainers_every_row_is_linked_once(
    chained: Chained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "BATCH", 7)
    done = asyncio.Event()
    dice = random.Random(44)

    async def write(writer: int) -> None:
        for n in range(10):
            undone = dice.random() < 0.2
            async with chained.database.acquire() as db:
                deed = db.transaction()
                await deed.start()
                for _ in range(dice.randrange(1, 4)):
                    await records.record_own(db, "test.rolled_back" if undone else "test.done", n=n, writer=writer)
                    await asyncio.sleep(dice.random() / 50)
                await (deed.rollback() if undone else deed.commit())

    async def keep_linking() -> None:
        while not done.is_set():
            await link(chained.database)
            await asyncio.sleep(0)

    chainers = [asyncio.create_task(keep_linking()) for _ in range(2)]
    await asyncio.gather(*(write(writer) for writer in range(8)))
    done.set()
    await asyncio.gather(*chainers)
    while await link(chained.database):
        pass
    rows, links = await chained.master.fetch(sql.audit_rows), await chained.master.fetch(sql.links)
    assert sorted(row["audit_id"] for row in links) == [row["id"] for row in rows]
    assert len(rows) > 80
    assert [row["position"] for row in links] == list(range(1, len(rows) + 1))
    assert await chained.findings() == []


async def test_f44_a_chainer_that_is_killed_leaves_nothing_half_done(chained: Chained) -> None:
    """kill -9 while it links, again and again; another one goes on."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(4):
        await chained.deeds(300)
        chainer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHAINER, chained.database.url, env=environment, cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert chainer.stdout is not None
        for _ in range(random.randrange(1, 6)):
            await chainer.stdout.readline()
        chainer.send_signal(signal.SIGKILL)
        await chainer.wait()
        assert await chained.findings() == []
    while await link(chained.database):
        pass
    assert await chained.findings() == []
    assert (await chained.head()).position == 10 + 4 * 300


CHAINER = """
import asyncio, sys
from app.audit import chain
from app.db import Database
chain.BATCH = 5
async def go():
    database = Database(sys.argv[1], 1)
    while True:
        print(await chain.link(database), flush=True)
asyncio.run(go())
"""


async def test_linking_takes_less_time_than_writing(chained: Chained) -> None:
    await chained.deeds(2000)
    started = asyncio.get_running_loop().time()
    assert await link(chained.database) == 2000
    assert asyncio.get_running_loop().time() - started < 2


# The daily check


async def test_the_daily_check_goes_round_in_stretches(chained: Chained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "STRETCH", 4)
    seen: list[int] = []
    for _ in range(4):
        async with chained.database.transaction() as db:
            await chain.check(db)
            kept = await db.fetchrow(sql.last_audit_check)
        assert kept is not None
        assert (kept["head_position"], kept["broken"]) == (10, 0)
        seen.append(kept["next_position"])
    assert seen == [5, 9, 1, 5]


async def test_a_broken_chain_is_an_error_in_the_log_until_it_is_seen_to(
    chained: Chained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "STRETCH", 4)
    async with chained.database.transaction() as db:
        await chain.check(db)
    await chained.master.execute(sql.change_audit, chained.ids[6])
    for _ in range(2):
        async with chained.database.transaction() as db:
            with capture_logs() as lines:
                await chain.check(db)
            kept = await db.fetchrow(sql.last_audit_check)
        [line] = [line for line in lines if line["log_level"] == "error"]
        assert line["event"] == "audit chain broken"
        assert line["finding"].startswith("position 7: ")
        assert kept is not None
        assert (kept["next_position"], kept["broken"]) == (5, 1)


async def test_the_daily_check_remembers_how_long_the_chain_was(chained: Chained) -> None:
    async with chained.database.transaction() as db:
        await chain.check(db)
    for audit_id in chained.ids[7:]:
        await chained.master.execute(sql.drop_audit, audit_id)
    await chained.master.execute(sql.drop_links_after, 7)
    async with chained.database.transaction() as db:
        with capture_logs() as lines:
            await chain.check(db)
    assert any("the tail is gone" in line.get("finding", "") for line in lines)


async def test_the_head_is_written_into_the_log(chained: Chained) -> None:
    async with chained.database.acquire() as db:
        with capture_logs() as lines:
            await chain.write_head(db)
    head = await chained.head()
    assert lines == [{"event": "audit head", "log_level": "info", "position": 10, "hash": head.hash.hex()}]
    assert str(head) == f"10:{head.hash.hex()}"
