"""The page that lists what the simulator received: ids, times and states, never content."""

from datetime import UTC, datetime
from html import escape
from typing import Any

SECURITY = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)

_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
caption { text-align: left; font-weight: bold; padding: .5rem 0 }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid; vertical-align: top }
.wide { overflow-x: auto }
"""


def html(received: dict[str, Any]) -> str:
    """The whole page."""
    reports, calls = received["reports"], received["calls"][::-1]
    finished = sum(report["state"] == "finished" for report in reports)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>CyberTipline simulator</title><style>{_STYLE}</style></head>
<body>
<main>
<h1>CyberTipline simulator</h1>
<p><strong>For practice. Nothing here reaches NCMEC.</strong>
It keeps no file: of each only its size and MD5.</p>
<p>{len(reports)} reports opened, {finished} finished. Simulator time {_time(received["now"])}.</p>
<div class="wide">
{_table("Reports", ("Report", "State", "Opened", "Ended", "Files", "SHA-256 of the document"), map(_report, reports))}
</div>
<div class="wide">
{_table("Latest calls", ("Time", "Endpoint", "Report", "HTTP", "Code", "Request-ID", "Fault"), map(_call, calls))}
</div>
</main>
</body>
</html>
"""


def _report(report: dict[str, Any]) -> list[str]:
    state = report["state"] + (", batched" if report["batched"] else "")
    if report["state"] == "open":
        state += f", expires {_time(report['expires'])}"
    files = [
        f"{file['id']}: {file['size']} bytes, {'described' if file['described'] else 'not described'}"
        for file in report["files"]
    ]
    listed = "; ".join(files) or "none"
    opened, ended = _time(report["opened"]), _time(report["ended"])
    return [str(report["id"]), state, opened, ended, listed, report["sha256"][:16] + "…"]


def _call(call: dict[str, Any]) -> list[str]:
    shown = [call["endpoint"], call["report"], call["http"], call["code"], call["request_id"], call["fault"]]
    return [_time(call["at"]), *("–" if value in (None, "") else str(value) for value in shown)]


def _table(caption: str, heads: tuple[str, ...], rows: Any) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    empty = "" if body else f'<tr><td colspan="{len(heads)}">None yet.</td></tr>'
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}{empty}</tbody></table>"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
