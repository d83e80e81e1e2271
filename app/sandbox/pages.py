"""The stand-ins' few pages: Vietnamese first, no script, to be read and used by keyboard and by ear."""

from html import escape

from litestar import MediaType, Response

_STYLE = """
body { margin: 0; background: #f4f1ea; color: #1d2b26; font: 1.0625rem/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; margin: 0.5rem 0; }
h2 { font-size: 1.125rem; margin: 2rem 0 0.5rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { margin: 0 0 0.5rem; }
button, input { font: inherit; padding: 0.75rem 1rem; border-radius: 0.5rem; border: 2px solid #2f5d50; }
button { width: 100%; min-height: 3rem; text-align: left; background: #fff; color: #1d2b26; cursor: pointer; }
button:hover { background: #e5efe9; }
input { width: 100%; box-sizing: border-box; background: #fff; margin: 0.25rem 0 0.5rem; }
:focus-visible { outline: 3px solid #b5461e; outline-offset: 2px; }
.small, [lang=en] { color: #4d5f58; }
.play { background: #6b2f12; color: #fff; padding: 0.5rem 1rem; text-align: center; }
.play [lang=en] { color: #fff; }
@media (prefers-color-scheme: dark) {
  body { background: #14201b; color: #eef3f0; }
  button, input { background: #1f2e28; color: #eef3f0; border-color: #8fc3b1; }
  button:hover { background: #2a3d35; }
  .small, [lang=en] { color: #b6c8c0; }
}
"""


def page(title_vi: str, title_en: str, body: str, *, status: int = 200) -> Response[str]:
    """A page around a body that is HTML already."""
    html = (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{escape(title_vi)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        '<p class="play" role="note">Thử nghiệm: mọi người ở đây đều không có thật. '
        '<span lang="en">A sandbox: nobody here is real.</span></p>'
        f'<main><h1>{escape(title_vi)}<br><span lang="en" class="small">{escape(title_en)}</span></h1>{body}</main>'
        "</body></html>"
    )
    headers = {
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)


def said(vi: str, en: str) -> str:
    """A paragraph in both languages."""
    return f'<p>{escape(vi)}<br><span lang="en">{escape(en)}</span></p>'


def heading(vi: str, en: str) -> str:
    """A heading in both languages."""
    return f'<h2>{escape(vi)} <span lang="en" class="small">{escape(en)}</span></h2>'


def choices(field: str, offered: list[tuple[str, str, str]]) -> str:
    """A form of buttons that send (value, name, what is known besides) of one field to the page's own address."""
    buttons = "".join(
        f'<li><button name="{escape(field)}" value="{escape(value)}">{escape(name)}'
        f'<br><span class="small">{escape(besides)}</span></button></li>'
        for value, name, besides in offered
    )
    return f'<form method="post"><ul>{buttons}</ul></form>'
