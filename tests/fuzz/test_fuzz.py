"""Schemathesis tries the served city as two residents who have nothing to do with each other.

What the API says of itself is tried with all that it allows and with all that it does not. FUZZ_S says for how many
seconds; `make fuzz` says 600."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import City, served
from tests.house.doors import Household, a_household
from tests.makers import a_biller

HOW = Path(__file__).parent / "schemathesis.toml"
PROGRAM = Path(sys.executable).parent / "schemathesis"
PEERS = ("ngu-binh", "dong-ba")


@pytest.fixture
async def peers(city: City) -> Mapping[str, Household]:
    """Two households, each with one of everything."""
    async with city.database.transaction() as db:
        await a_biller(db)
        return {name: await a_household(db) for name in PEERS}


@pytest.mark.usefixtures("stand_ins")
async def test_the_api_is_what_it_says_it_is(city: City, peers: Mapping[str, Household], tmp_path: Path) -> None:
    keys, how = tmp_path / "auth.json", tmp_path / "schemathesis.toml"
    keys.write_text(json.dumps({"auth": [_entry(name, home.owner.token) for name, home in peers.items()]}))
    how.write_text(HOW.read_text(encoding="utf-8").replace("AUTH", str(keys)))
    async with served(city.app) as port:
        trying = await asyncio.create_subprocess_exec(
            PROGRAM, "--config-file", how, "run", f"http://127.0.0.1:{port}/schema/openapi.json",
            "--max-time", os.environ.get("FUZZ_S", "25"), "--seed", os.environ.get("FUZZ_SEED", "19"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        said, _ = await trying.communicate()
    assert trying.returncode == 0, said.decode()


def _entry(name: str, token: str) -> dict[str, object]:
    return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
