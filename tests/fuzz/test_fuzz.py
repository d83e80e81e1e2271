"""Schemathesis tries the served city, as two residents who have nothing to do with each other, and as the staff.

What the API says of itself is tried with all that it allows and with all that it does not. FUZZ_S says for how many
seconds each; `make fuzz` says 600. An access token lives for 900."""

import asyncio
import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from app.identity.models import Role
from app.identity.tokens import token_hash
from tests.conftest import City, served
from tests.house.doors import a_household
from tests.makers import a_biller, a_staff_member, with_role

HOW = Path(__file__).parent / "schemathesis.toml"
HOOKS = Path(__file__).parent / "hooks.py"
PROGRAM = Path(sys.executable).parent / "schemathesis"

Headers = Mapping[str, str]


@pytest.mark.usefixtures("stand_ins")
async def test_to_residents_the_api_is_what_it_says_it_is(city: City, tmp_path: Path) -> None:
    async with city.database.transaction() as db:
        await a_biller(db)
        people = {name: (await a_household(db)).owner.headers for name in ("ngu-binh", "dong-ba")}
    await _try(city, people, tmp_path)
    for headers in people.values():
        assert (await city.client.get("/v1/me", headers=headers)).status_code == 200, "who tried was signed out"


@pytest.mark.usefixtures("stand_ins")
async def test_to_staff_with_every_role_the_api_is_what_it_says_it_is(city: City, tmp_path: Path) -> None:
    async with city.database.transaction() as db:
        await a_biller(db)
        await a_household(db)
        member = await a_staff_member(db, role=None)
        for role in get_args(Role):
            member = await with_role(db, member, role)
    # Not by the cookie: the check that nobody passes without a token would send it along.
    city.app.state.bearer.seen[token_hash(member.token)] = (math.inf, member.me)
    await _try(city, {"member": {"authorization": f"Bearer {member.token}"}}, tmp_path)
    answer = await city.client.get("/v1/staff/session", headers=member.headers)
    assert answer.status_code == 200, "who tried was signed out"


async def _try(city: City, people: Mapping[str, Headers], folder: Path) -> None:
    """Try everything as these; of several, none may see what is another's."""
    keys, how = folder / "auth.json", folder / "schemathesis.toml"
    keys.write_text(json.dumps({"auth": [_entry(name, headers) for name, headers in people.items()]}))
    peers = f"peers = {json.dumps(list(people))}" if len(people) > 1 else ""
    settings = HOW.read_text(encoding="utf-8").replace("AUTH", str(keys)).replace("PEERS", peers)
    how.write_text(settings.replace("HOOKS", str(HOOKS)))
    async with served(city.app) as port:
        trying = await asyncio.create_subprocess_exec(
            PROGRAM, "--config-file", how, "run", f"http://127.0.0.1:{port}/schema/openapi.json",
            "--max-time", os.environ.get("FUZZ_S", "15"), "--seed", os.environ.get("FUZZ_SEED", "19"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        said, _ = await trying.communicate()
    assert trying.returncode == 0, said.decode()


def _entry(name: str, headers: Headers) -> dict[str, object]:
    return {"name": name, "fixedHeaders": [{"name": header, "value": value} for header, value in headers.items()]}
