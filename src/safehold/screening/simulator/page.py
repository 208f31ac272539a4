"""The page that shows what the simulator holds and what feedback it received. It needs no script."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from safehold.screening.simulator.pictures import MEMBERS

SHOWN = 100  # rows of a table
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --banner: #5b2a86 }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e9ed; --soft: #a8b1bc; --line: #3a4149;
  --banner: #4a2370 } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: var(--ground); color: var(--ink) }
.banner { background: var(--banner); color: #fff; padding: .6rem 1rem }
main { max-width: 70rem; margin: 0 auto; padding: 0 1rem 4rem; overflow-x: auto }
h1 { font-size: 1.6rem } table { border-collapse: collapse; width: 100%; margin: 1.2rem 0 2rem }
caption { text-align: left; font-weight: 600; font-size: 1.2rem }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { color: var(--soft); font-size: .875rem } code { overflow-wrap: anywhere }
"""


def index(standing: dict[str, Any], faults: list[dict[str, Any]]) -> str:
    """Entries by member, feedback, faults that wait, and the latest calls."""
    entries = [
        [MEMBERS.get(one["member"], "Member"), one["member"], one["kind"], "deleted" if one["gone"] else "live",
         str(one["n"])]
        for one in standing["entries"]
    ]  # fmt: skip
    feedback = [
        [one["member"], one["id"], one["type"], "affirmative" if one["affirmative"] else "negative",
         ", ".join(one["reasons"]) or "–", _moment(one["at"]), str(one["puts"])]
        for one in reversed(standing["feedback"][-SHOWN:])
    ]  # fmt: skip
    waiting = [
        [one["kind"], one["call"] or "any", "until forgotten" if one["times"] is None else str(one["times"])]
        for one in faults
    ]
    calls = [
        [_moment(one["at"]), one["method"], one["path"], str(one["http"] or "no answer"), one["fault"] or "–"]
        for one in reversed(standing["calls"][-SHOWN:])
    ]
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>Hash sharing simulator</title><style>{_STYLE}</style></head>
<body>
<div class="banner" role="region" aria-label="Environment"><strong>SIMULATOR</strong>
For practice. Nothing here reaches NCMEC.</div>
<main>
<h1>Hash sharing simulator</h1>
<p>Simulator time {_moment(standing["now"])}. Every entry is the digest of a gradient that was drawn here.</p>
{_table("Feedback received", ("Member", "Entry", "Fingerprint", "Stance", "Reasons", "Time", "Puts"), feedback)}
{_table("Entries", ("Member", "Id", "Kind", "State", "Number"), entries)}
{_table("Faults that wait", ("Kind", "Call", "Times"), waiting)}
{_table("Latest calls", ("Time", "Method", "Path", "Answer", "Fault"), calls)}
</main>
</body>
</html>
"""


def _table(caption: str, heads: tuple[str, ...], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join("<tr>" + "".join(f"<td><code>{escape(one)}</code></td>" for one in row) + "</tr>" for row in rows)
    body = body or f'<tr><td colspan="{len(heads)}">None yet.</td></tr>'
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
