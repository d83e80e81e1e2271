"""The client's markup: nothing that a page of money must not do, and no component that nobody needs twice."""

import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"
SOURCES = [path for path in (WEB / "src").rglob("*") if path.suffix in {".svelte", ".ts"}]


def test_what_residents_wrote_is_never_markup() -> None:
    risky = re.compile(r"\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|new Function|\beval\(")
    assert [path.name for path in SOURCES if risky.search(path.read_text())] == []


def test_no_style_or_script_stands_in_markup() -> None:
    inline = re.compile(r"""\sstyle=["{]|\son[a-z]+="|javascript:""")
    assert [path.name for path in SOURCES if path.suffix == ".svelte" and inline.search(path.read_text())] == []
    page = (WEB / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page) == []


def test_nothing_is_asked_of_anybody_else() -> None:
    elsewhere = re.compile(r"""(?:fetch|src|href|url|import)\s*[=(]\s*["'`(]*https?://""")
    assert [path.name for path in SOURCES if elsewhere.search(path.read_text())] == []


def test_each_component_is_used_at_least_twice() -> None:
    texts = {path: path.read_text() for path in SOURCES}
    for component in sorted((WEB / "src" / "ui").glob("*.svelte")):
        users = [path for path, text in texts.items() if f"/{component.name}" in text and path != component]
        assert len(users) >= 2, component.name
