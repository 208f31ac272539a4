"""The pages that show what the simulator received, as an analyst would see it.

`index` lists reports and calls as ids, times and states, never content. `report` shows one report whole; `beside`
asks for the login before it. `practice` orders faults and moves the clock.
"""

import re
from html import escape
from typing import Any

from lxml import etree

from safehold.cybertip.simulator import checks
from safehold.cybertip.simulator.answers import CODES
from safehold.cybertip.simulator.faults import AFTER, BEFORE, ENDPOINTS, FIELDS
from safehold.cybertip.simulator.frame import badge, facts, moment, page, size, span, table

SHOWN = 100  # reports and calls on the first page


def index(received: dict[str, Any], faults: int) -> str:
    """The first page."""
    reports, calls = received["reports"][::-1], received["calls"][::-1]
    now = received["now"]
    count = {state: sum(one["state"] == state for one in reports) for state in ("finished", "open")}
    flagged = sum(one["escalated"] for one in reports)
    wait = badge("1 fault waits" if faults == 1 else f"{faults} faults wait", "refused")
    waiting = f'<p>{wait} <a href="/practice">Show</a></p>' if faults else ""
    unfinished = sorted((one for one in reports if one["state"] == "open"), key=lambda one: (one["expires"], one["id"]))
    about = (
        f"<p>{len(reports)} reports opened, {count['finished']} finished, {count['open']} unfinished,"
        f" {flagged} escalated. Simulator time {moment(now)}.</p>"
        '<p class="soft">A report asks for the login that the client uses. Of a file only size and MD5 are shown.</p>'
    )
    open_rows = [[_link(one), moment(one["expires"]), span(one["expires"] - now), str(len(one["files"]))]
                 for one in unfinished[:SHOWN]]  # fmt: skip
    return page(
        "What it received",
        about
        + waiting
        + table("Unfinished", ("Report", "Expires", "In", "Files"), open_rows, "Nothing is left unfinished.")
        + table("Reports", ("Report", "State", "Opened", "Ended", "Files", "SHA-256 of the document"),
                map(_row, reports[:SHOWN]))
        + _older(len(reports))
        + _calls("Latest calls", calls[:SHOWN]),
    )  # fmt: skip


def report(row: Any, files: list[Any], calls: list[dict[str, Any]], now: float) -> str:
    """One report with everything that came with it. Rows are the store's."""
    root = checks.parse(row["document"])
    flags = [badge("escalated", "escalated")] if row["escalated"] else []
    flags += [badge("batched")] if row["batched"] else []
    flags += [badge(str(one.tag)) for one in root.findall("incidentSummary/reportAnnotations/*")]
    pairs = [
        ("State", badge(row["state"], row["state"]) + " ".join(flags)),
        ("Incident", escape(root.findtext("incidentSummary/incidentType", ""))),
        ("Opened", moment(row["opened"])),
        ("Last change", moment(row["changed"])),
        ("Ended", moment(row["ended"])),
        ("SHA-256 of the document", f"<code>{row['sha256']}</code>"),
    ]
    if row["state"] == "open":
        left = f"{moment(row['expires'])}, in {span(row['expires'] - now)}"
        pairs.insert(4, ("Expires", f"{left}. Until then it is no report: it was not finished."))
    reason = root.findtext("incidentSummary/escalateToHighPriority")
    shown = f'<h2>Escalated to high priority</h2><p class="reason">{escape(reason)}</p>' if reason else ""
    listed = table(
        "Files",
        ("File", "Size", "MD5", "Uploaded", "Relevance and annotations"),
        map(_file, files),
        "It has no files.",
    )
    described = "".join(_details(row["id"], one) for one in files if one["details"] is not None)
    raw = f'<p><a href="/reports/{row["id"]}/report.xml">The bytes as they arrived</a></p>'
    return page(
        f"Report {row['id']}",
        facts(pairs) + shown + listed + described + "<h2>Document</h2>" + raw + _xml(row["document"])
        + _calls("Calls about this report", calls[::-1]),
    )  # fmt: skip


def practice(waiting: list[dict[str, Any]], now: float, problem: str = "") -> str:
    """Faults that wait, a form to order one, and a form to move the clock."""
    rows = [
        [
            f"<code>{escape(one['kind'])}</code>",
            escape(one["endpoint"] or "any"),
            "until forgotten" if one["times"] is None else str(one["times"]),
            str(one["skip"]),
            ", ".join(f"{name} {one[name]:g}" for name in FIELDS.get(one["kind"], ())) or "–",
        ]
        for one in waiting
    ]
    kinds = "".join(
        f'<option value="{kind}">{kind}: {escape(what)}</option>' for kind, what in (BEFORE | AFTER).items()
    )
    endpoints = '<option value="">any</option>' + "".join(f"<option>{one}</option>" for one in ENDPOINTS)
    codes = "".join(f'<option value="{code}">{code} {escape(what)}</option>' for code, what in CODES.items() if code)
    wrong = f'<p role="alert">{badge("not taken", "refused")} {escape(problem)}</p>' if problem else ""
    return page(
        "Faults and clock",
        f"""{wrong}<p>What the simulator shall do wrong in the next calls. Nothing is wrong where no fault waits.</p>
{table("Faults that wait", ("Kind", "Endpoint", "Times", "Skips first", "With"), rows, "No fault waits.")}
<form method="post" action="/practice"><h2>Order a fault</h2>
<label><span>Kind</span><select name="kind">{kinds}</select></label>
<label><span>Endpoint</span><select name="endpoint">{endpoints}</select></label>
<label><span>How many calls (empty: until forgotten)</span><input name="times" value="1" inputmode="numeric"></label>
<label><span>Calls that pass unharmed first</span><input name="skip" value="0" inputmode="numeric"></label>
<label><span>Seconds, for delay, rate_limit and drip</span><input name="seconds" value="1" inputmode="decimal"></label>
<label><span>HTTP status, for status and status_after</span><input name="status" value="503"
 inputmode="numeric"></label>
<label><span>Code, for code and code_after</span><select name="code">{codes}</select></label>
<label><span>Bytes, for drop_during</span><input name="bytes" value="65536" inputmode="numeric"></label>
<button name="act" value="order">Order</button></form>
<form method="post" action="/practice"><h2>Forget all faults</h2>
<button name="act" value="forget">Forget</button></form>
<form method="post" action="/practice"><h2>Clock</h2><p>Simulator time {moment(now)}. It moves forward alone.</p>
<label><span>Hours to move it forward</span><input name="hours" value="1" inputmode="decimal"></label>
<button name="act" value="clock">Move</button></form>""",
    )


def _link(one: dict[str, Any]) -> str:
    return f'<a href="/reports/{one["id"]}">{one["id"]}</a>'


def _row(one: dict[str, Any]) -> list[str]:
    state = badge(one["state"], one["state"])
    state += badge("escalated", "escalated") if one["escalated"] else ""
    state += badge("batched") if one["batched"] else ""
    missing = sum(file["described"] is None for file in one["files"])
    files = str(len(one["files"])) + (f", {missing} without details" if missing else "")
    return [
        _link(one), state, moment(one["opened"]), moment(one["ended"]), files, f"<code>{one['sha256'][:16]}…</code>",
    ]  # fmt: skip


def _older(number: int) -> str:
    more = number - SHOWN
    return (
        f'<p class="soft">{more} older ones are in <a href="/received.json">received.json</a>.</p>' if more > 0 else ""
    )


def _calls(caption: str, calls: list[dict[str, Any]]) -> str:
    return table(caption, ("Time", "Endpoint", "Report", "Answer", "Request-ID", "Fault"), map(_call, calls))


def _call(call: dict[str, Any]) -> list[str]:
    answered = "no answer" if call["http"] is None else f"HTTP {call['http']}"
    if call["code"] is not None:
        code = call["code"]
        answered += f", code {code}" + (f" {escape(CODES.get(code, ''))}" if code else "")
    if call["said"] and call["said"] != CODES.get(call["code"]):
        answered += f"<br><span class=soft>{escape(call['said'])}</span>"
    number = "–" if call["report"] is None else str(call["report"])
    fault = f"<code>{escape(call['fault'])}</code>" if call["fault"] else "–"
    return [
        moment(call["at"]), escape(call["endpoint"]), number, answered, f"<code>{call['request_id']}</code>", fault,
    ]  # fmt: skip


def _file(row: Any) -> list[str]:
    if row["details"] is None:
        about = badge("without details", "open")
    else:
        root = checks.parse(row["details"])
        marks = [str(one.tag) for one in root.findall("fileAnnotations/*")]
        about = badge(root.findtext("fileRelevance", "Reported"), "finished") + "".join(map(badge, marks))
        about += badge("viewed" if root.findtext("fileViewedByEsp") in ("true", "1") else "not viewed by the company")
    return [
        f"<code>{row['id']}</code>", size(row["size"]), f"<code>{row['md5']}</code>", moment(row["uploaded"]), about,
    ]  # fmt: skip


def _details(number: int, row: Any) -> str:
    return (
        f"<details><summary>Details of file {row['id']}</summary>"
        f'<p><a href="/reports/{number}/{row["id"]}.xml">The bytes as they arrived</a></p>'
        f"{_xml(row['details'])}</details>"
    )


def _xml(document: bytes) -> str:
    """A document indented, its tags set off, as markup."""
    root = checks.parse(document)
    etree.indent(root, space="  ")
    text = escape(etree.tostring(root, encoding="unicode"), quote=False)
    return "<pre tabindex=0>" + re.sub(r"&lt;(/?[A-Za-z0-9]+)", r"&lt;<b>\1</b>", text) + "</pre>"
