"""The frame of the simulator's pages: banner, style, tables that become cards on a telephone, times and sizes.

Others in this package use `page`, `table`, `badge`, `moment`, `size` and `SECURITY`. No page needs a script.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

SECURITY = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --card: #f6f8fa;
  --link: #0a58b0; --banner: #5b2a86; --good: #116329; --bad: #a40e26; --warn: #7a4b00; --mark: #6639ba }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e9ed; --soft: #a8b1bc; --line: #3a4149;
  --card: #1c2127; --link: #8fc1ff; --banner: #4a2370; --good: #7ee2a0; --bad: #ff9a9a; --warn: #f0c274;
  --mark: #cdb2ff } }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: var(--ground); color: var(--ink) }
.banner { background: var(--banner); color: #fff; padding: .6rem 1rem; position: sticky; top: 0; z-index: 1 }
.banner strong { letter-spacing: .08em }
main, nav { max-width: 74rem; margin: 0 auto; padding: 0 1rem }
nav { padding-top: .8rem } nav a { display: inline-block; padding: .3rem .9rem .3rem 0 }
main { padding-bottom: 4rem }
a { color: var(--link) } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .8rem 0 .4rem } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem }
p { margin: .4rem 0; max-width: 46rem } .soft { color: var(--soft) }
table { border-collapse: collapse; width: 100%; margin: 1.2rem 0 2rem }
caption { text-align: left; font-weight: 600; font-size: 1.2rem; padding: .3rem 0 }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  font-weight: 400; overflow-wrap: break-word } time { white-space: nowrap }
thead th { color: var(--soft); font-size: .875rem }
code, pre { font: .875rem/1.5 ui-monospace, monospace }
code { overflow-wrap: inherit } dd code { overflow-wrap: anywhere }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .8rem 1rem;
  margin: .5rem 0; white-space: pre-wrap; overflow-wrap: anywhere }
pre b { color: var(--link); font-weight: 400 }
.badge { display: inline-block; border: 1px solid; border-radius: 1rem; padding: 0 .6rem; margin: 0 .3rem .2rem 0;
  font-size: .875rem; white-space: nowrap }
.finished { color: var(--good) } .open { color: var(--warn) } .retracted, .expired { color: var(--soft) }
.escalated, .refused { color: var(--bad) } .flag { color: var(--mark) }
.reason { border-left: .3rem solid var(--bad); padding: .2rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: .8rem 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
form { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .8rem 1rem;
  margin: .8rem 0 }
label { display: block; margin: .5rem 0; max-width: 34rem } label span { display: block; color: var(--soft) }
input, select, button { font: inherit; min-height: 2.75rem; padding: .3rem .7rem; max-width: 100%; color: var(--ink);
  background: var(--ground); border: 1px solid var(--soft); border-radius: .3rem }
select, input { width: 100% } button { cursor: pointer; margin: .3rem .5rem .3rem 0 }
details summary { cursor: pointer; padding: .3rem 0; color: var(--link) }
form h2 { margin-top: 0 }
@media (max-width: 62rem) {
  body { overflow-wrap: anywhere }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }
  table, caption, tbody, tr, th, td { display: block }
  tr { border: 1px solid var(--line); border-radius: .4rem; background: var(--card); padding: .4rem .8rem;
    margin: .6rem 0 }
  th[scope=row], td { border: 0; padding: .15rem 0; overflow-wrap: anywhere } th[scope=row] { font-weight: 600 }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--soft) }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0 } dd { margin-bottom: .5rem }
}
@media (prefers-contrast: more) { :root { --soft: var(--ink); --line: var(--ink) } }
"""


def page(title: str, body: str) -> str:
    """A whole page. `body` is markup."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(title)} – CyberTipline simulator</title>
<style>{_STYLE}</style></head>
<body>
<div class="banner" role="region" aria-label="Environment"><strong>SIMULATOR</strong>
For practice. Nothing here reaches NCMEC.</div>
<nav aria-label="Pages"><a href="/">What it received</a><a href="/practice">Faults and clock</a></nav>
<main>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""


def table(caption: str, heads: tuple[str, ...], rows: Iterable[list[str]], empty: str = "None yet.") -> str:
    """A table of cells that are markup already; on a narrow screen each row is a card.

    The roles are written out because cards take a table's own from it.
    """
    head = "".join(f'<th scope="col" role="columnheader">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr role="row"><th scope="row" role="rowheader">{first}</th>'
        + "".join(
            f'<td role="cell" data-label="{escape(name)}">{cell}</td>'
            for name, cell in zip(heads[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    body = body or f'<tr role="row"><td role="cell" colspan="{len(heads)}">{escape(empty)}</td></tr>'
    return (
        f'<table role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def badge(text: str, kind: str = "flag") -> str:
    """A word in a frame; the colour says nothing that the word does not."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of names and values; the values are markup already."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs) + "</dl>"


def moment(seconds: float | None) -> str:
    """A time in UTC, as markup that stays on one line where it can."""
    if seconds is None:
        return "–"
    at = datetime.fromtimestamp(seconds, UTC)
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'


def span(seconds: float) -> str:
    """A length of time in hours and minutes."""
    minutes = max(0, int(seconds // 60))
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """A number of bytes, exact and readable."""
    return "1 byte" if count == 1 else f"{count:,} bytes".replace(",", " ")
