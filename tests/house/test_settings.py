"""Every setting is in `.env.example`, with what it is for and what it is when nobody sets it."""

import ast
import re
from functools import cache

import pytest

from app import config
from tests.house.reading import ROOT, nodes_of, nothing, product, said, texts

EXAMPLE = ROOT / ".env.example"
SETTING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

BETWEEN_OURSELVES = {"HUONG_CHILD"}
"""How `up` tells its children that they are its own: no setting."""

READERS = {
    "app/config.py": "settings",
    "app/cli.py": "HUONG_CHILD",
    "app/up.py": "hands all of it to its children",
    "app/embedded.py": "PATH, for the servers that it starts",
}
"""Who reads the environment, and what."""


@cache
def example() -> dict[str, str]:
    """What the example sets."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_names_what_is_read_and_nothing_else() -> None:
    read = {str(text.value) for text in texts(ROOT / "app/config.py") if SETTING.fullmatch(str(text.value))}
    assert "HUONG_MODE" in read
    assert read >= set(config.SECRETS)
    assert read | {f"{name}_FILE" for name in config.SECRETS} == example().keys()


def test_every_setting_says_what_it_is_for() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[A-Z0-9_]+=\S*", line), line
            assert re.match(r"# \S", above), f"{line} has no comment above it"


def test_the_example_is_what_is_so_when_nobody_sets_anything() -> None:
    secret = {"HUONG_PEPPER": "p" * 32}
    assert config.read({**example(), **secret}) == config.read(secret)


def test_the_example_is_no_secret() -> None:
    with pytest.raises(config.BadSetting, match="HUONG_PEPPER"):
        config.read(example())


def test_nobody_else_reads_the_environment() -> None:
    readers = {
        said(path)
        for path in product()
        for node in nodes_of(path)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and any("env" in a.name for a in node.names))
    }
    assert readers == READERS.keys()


def test_nobody_speaks_of_a_setting_that_is_not_there() -> None:
    pages = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("*.yaml"), *(ROOT / "docs").rglob("*.md")]
    said_where = [(path, path.read_text(encoding="utf-8")) for path in pages]
    said_where += [(path, str(text.value)) for path in product() for text in texts(path)]
    known = example().keys() | BETWEEN_OURSELVES
    spoken = [(path, word) for path, text in said_where for word in re.findall(r"\bHUONG_[A-Z_]+\b", text)]
    assert len(spoken) > 10
    nothing(f"{said(path)}: {word}" for path, word in spoken if word not in known)
