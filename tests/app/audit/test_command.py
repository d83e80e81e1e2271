"""`litestar audit`: what a person at the shell is told."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from click.testing import CliRunner

from app import cli
from app.audit import records
from app.audit.chain import link
from app.cli import audit_group
from migrations import elsewhere, role_of
from tests.conftest import City, Servers
from tests.statements import sql

Command = Callable[..., Awaitable[tuple[int, list[str]]]]


@pytest.fixture
async def command(city: City, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Its exit code and its lines, over three deeds that are linked."""
    monkeypatch.setattr(cli.config, "settings", lambda: city.settings)
    async with city.database.transaction() as db:
        for _ in range(3):
            await records.record_own(db, "test.done")
    assert await link(city.database) == 3

    async def run(*words: str) -> tuple[int, list[str]]:
        done = await asyncio.to_thread(CliRunner().invoke, audit_group, words)
        return done.exit_code, done.output.splitlines() or [str(done.exception)]

    return run


async def test_the_head_is_kept_and_held_against_the_chain(command: Command) -> None:
    status, [head] = await command("head")
    assert (status, head[:2], len(head)) == (0, "3:", 66)
    assert await command("verify") == (0, [f"3 links, nothing wrong, head {head}"])
    assert await command("verify", "--head", head) == (0, [f"3 links, nothing wrong, head {head}"])
    assert await command("verify", "--from", "3") == (0, [f"1 links, nothing wrong, head {head}"])
    status, lines = await command("verify", "--head", f"9:{head[2:]}")
    assert (status, lines[0]) == (1, "position 9: the tail is gone: the chain ends at 3, and once was 9 long")


@pytest.mark.parametrize("head", ["3", "x:00", "3:00", "-1:" + "00" * 32, f"{2**63}:" + "00" * 32, "3:" + "zz" * 32])
async def test_a_head_that_is_none_is_refused(command: Command, head: str) -> None:
    assert (await command("verify", "--head", head))[0] == 2


async def test_a_broken_chain_is_told_line_by_line(city: City, command: Command, template: Servers) -> None:
    database = (city.settings.database_url or "").partition("?")[0].rpartition("/")[2]
    superuser = template.superuser_url
    master = await asyncpg.connect(elsewhere(superuser, database, role_of(superuser)))
    await master.execute(sql.past_triggers)
    [first, *_] = await master.fetch(sql.links)
    await master.execute(sql.drop_audit, first["audit_id"])
    await master.execute(sql.drop_link, 2)
    await master.close()
    status, lines = await command("verify")
    assert status == 1
    assert lines[0] == f"position 1: audit row {first['audit_id']} is gone"
    assert lines[1] == "position 2: the chain has a gap: one link missing"
    assert lines[2].endswith("is in no link, and waits for none")
    assert lines[3].startswith("2 links, 3 wrong, head 3:")
