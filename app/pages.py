"""The city's own few pages, for browsers without the app: Vietnamese first, no script, nothing from elsewhere."""

from collections.abc import Iterable
from html import escape

from litestar import MediaType, Response

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfafc; --ink: #1f1a24; --grey: #5f5767; --line: #e2dce8;
  --purple: #5b2a86; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17131b; --ink: #f1edf5; --grey: #b5abc0; --line: #3a3144; --purple: #c9a4ee; }
}
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.5 "Be Vietnam Pro", system-ui, sans-serif; }
main { max-width: 30rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
header { color: var(--purple); font-weight: 600; letter-spacing: 0.02em; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.5rem 0 0.25rem; }
[lang=en], dt { color: var(--grey); }
dl { margin: 1.5rem 0; border-top: 1px solid var(--line); }
dl div { padding: 0.75rem 0; border-bottom: 1px solid var(--line); }
dt { font-size: 0.875rem; }
dd { margin: 0; font-size: 1.125rem; overflow-wrap: anywhere; }
main.wide { max-width: 70rem; }
dl.board { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; border: 0; }
dl.board div { border: 1px solid var(--line); border-radius: 1rem; padding: 1rem 1.5rem; }
dl.board dt { font-size: 1.5rem; }
dl.board dd { font-size: 5rem; line-height: 1.1; font-weight: 700; color: var(--purple);
  font-variant-numeric: tabular-nums; }
dd.big { font-size: 2rem; font-weight: 600; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; max-width: 18rem; margin: 1.5rem auto; background: #fff; border-radius: 0.75rem; }
code { font-size: 1.125rem; letter-spacing: 0.06em; }
"""

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "cache-control": "no-store",
}


def page(
    title_vi: str, title_en: str, body: str, *, status: int = 200, refresh_s: int | None = None
) -> Response[str]:
    """A page around a body that is HTML already. With `refresh_s` it is for a screen on a wall: wide, and fetched
    again by the browser every so many seconds."""
    again, width = "", ""
    if refresh_s is not None:
        again, width = f'<meta http-equiv="refresh" content="{refresh_s}">', " class=wide"
    html = (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{escape(title_vi)} · Hương</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}<style>{_STYLE}</style></head>'
        f"<body><main{width}><header>Hương</header><h1>{escape(title_vi)}</h1>"
        f'<p lang="en">{escape(title_en)}</p>{body}</main></body></html>'
    )
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=_HEADERS)


def said(vi: str, en: str) -> str:
    """A paragraph in both languages."""
    return f'<p>{escape(vi)}<br><span lang="en">{escape(en)}</span></p>'


def facts(lines: Iterable[tuple[str, str, str]], *, big: str = "") -> str:
    """What is known, line by line: its name in both languages, and its value; `big`: which of them matters most."""
    rows = "".join(
        f'<div><dt>{escape(vi)} · <span lang="en">{escape(en)}</span></dt>'
        f"<dd{' class=big' if vi == big else ''}>{escape(value)}</dd></div>"
        for vi, en, value in lines
    )
    return f"<dl>{rows}</dl>"
