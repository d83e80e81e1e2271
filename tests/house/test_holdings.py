"""What is held of people is listed: every table that points at a person, what it is for, how long it is kept."""

import re
from collections import Counter

from app.db import Connection
from app.worker import HOLDINGS
from tests.house.reading import ROOT, nothing
from tests.statements import sql

PAGE = ROOT / "docs" / "privacy.md"

NOT_OF_A_PERSON = {
    "audit_waiting": "ids of the audit's own rows, for a moment",
    "biller": "a company and its account",
    "bill": "a customer code's, as its biller issued it: whose it is, the biller knows",
    "machine": "a program of a company or an agency",
    "machine_key": "a program's",
    "machine_nonce": "a program's",
    "ledger_law": "numbers",
    "oidc_flow": "a browser on its way, by the hash of its secret, for ten minutes",
}
"""Tables with a column that looks as if it named somebody, and why none is named."""


async def test_f45_every_table_that_points_at_a_person_is_in_a_holding(db: Connection) -> None:
    pointing = {row["table"] for row in await db.fetch(sql.person_columns)}
    assert {"payment", "session", "message", "one_time_code", "merchant", "data_export"} <= pointing
    listed = {table for holding in HOLDINGS for table in holding.tables}
    nothing(pointing - listed - NOT_OF_A_PERSON.keys())


async def test_a_holding_names_tables_that_are_there_and_speaks_of_them(db: Connection) -> None:
    there = {row["table"] for row in await db.fetch(sql.tables_of_ours)}
    for holding in HOLDINGS:
        spoken = " ".join(text for text in (holding.rows, holding.erase, holding.forget) if text)
        assert set(holding.tables) <= there, holding.name
        assert any(re.search(rf"\b{table}\b", spoken) for table in holding.tables), holding.name
    nothing(NOT_OF_A_PERSON.keys() & {table for holding in HOLDINGS for table in holding.tables})


def test_every_holding_has_a_name_of_its_own_and_words() -> None:
    nothing(name for name, times in Counter(holding.name for holding in HOLDINGS).items() if times > 1)
    for holding in HOLDINGS:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", holding.name)
        for words in (holding.what, holding.why, holding.basis, *([holding.hold.why] if holding.hold else [])):
            assert words.vi != words.en
            assert words.vi[0].isupper(), words
            assert words.en[0].isupper(), words
            assert not words.vi.endswith("."), words


def test_what_is_held_is_erased_or_kept_for_a_reason() -> None:
    nothing(one.name for one in HOLDINGS if one.whose == "resident" and not one.erase and not one.hold)
    nothing(one.name for one in HOLDINGS if (one.forget is None) != (one.kept_days is None))
    assert HOLDINGS[-1].name == "identity.profile", "others find by the number what they must erase"
    assert HOLDINGS[0].name == "wallet.account", "money waits for the account's lock"


def test_the_page_lists_what_is_held() -> None:
    """docs/privacy.md is what a person reads who wants to know."""
    line = re.compile(r"^\| `([a-z._]+)` \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
    told = {name: rest for name, *rest in line.findall(PAGE.read_text(encoding="utf-8"))}
    assert told == {
        one.name: [
            one.what.en,
            _days(one.kept_days),
            f"{one.hold.years} years: {one.hold.why.en}" if one.hold else "–",
        ]
        for one in HOLDINGS
    }


def _days(kept: int | None) -> str:
    if kept is None:
        return "with the account"
    return "1 day" if kept == 1 else f"{kept} days"
