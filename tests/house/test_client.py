"""The client's parts come from npm's registry, by name, and each is what it was when it was locked."""

import json
from pathlib import Path
from typing import Any

import app

WEB = Path(app.__file__).parent.parent / "web"
LOCK = (WEB / "package-lock.json").read_text()
PARTS: dict[str, Any] = {name: part for name, part in json.loads(LOCK)["packages"].items() if name}


def test_the_lock_names_no_host() -> None:
    """Whoever builds has a registry of their own choosing; a lock that names one would go past it."""
    assert len(PARTS) > 100
    assert [name for name, part in PARTS.items() if "resolved" in part or part.get("link")] == []
    assert "://registry." not in LOCK


def test_each_part_is_what_was_locked() -> None:
    bundled = [name for name, part in PARTS.items() if part.get("inBundle")]
    sealed = [name for name, part in PARTS.items() if part.get("integrity", "").startswith("sha512-")]
    assert sorted({*bundled, *sealed}) == sorted(PARTS)


def test_what_is_locked_is_what_is_asked_for() -> None:
    asked = json.loads((WEB / "package.json").read_text())
    locked = json.loads(LOCK)["packages"][""]
    for kind in ("dependencies", "devDependencies", "engines"):
        assert locked[kind] == asked[kind]
        assert not any(":" in version or "/" in version for version in asked[kind].values()), "not by name"


def test_every_part_that_a_part_needs_is_locked() -> None:
    """`npm ci` refuses a lock that lacks one, even one that another machine alone would need."""
    needed = {
        name
        for part in PARTS.values()
        for kind in ("dependencies", "optionalDependencies")
        for name in part.get(kind, {})
    }
    there = {name.rpartition("node_modules/")[2] for name in PARTS}
    assert sorted(needed - there) == []
