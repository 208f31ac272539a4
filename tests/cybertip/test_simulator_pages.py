"""What the simulator shows of what it received: in process, and once in a browser."""

from pathlib import Path
from typing import Any

import pytest
from lxml import html

from safehold.cybertip.simulator import answers
from safehold.cybertip.simulator.faults import KINDS
from tests.cybertip.specimens import InProcess, Reply, batched, document, serialised

PLAIN = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
def desk(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


def page(answer: Reply) -> Any:
    assert answer.status in (200, 400), answer.body
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    found = html.fromstring(answer.body)
    assert found.get("lang") == "en"
    assert len(found.findall(".//h1")) == 1
    assert found.find(".//script") is None
    assert "Nothing here reaches NCMEC" in found.find(".//div[@class='banner']").text_content()
    assert all(head.get("scope") for head in found.findall(".//th"))
    return found


def rows(found: Any, caption: str) -> list[list[str]]:
    table = next(one for one in found.findall(".//table") if one.find("caption").text == caption)
    return [[cell.text_content() for cell in row] for row in table.findall("tbody/tr")]


def test_an_empty_simulator_says_so(desk: InProcess) -> None:
    found = page(desk.ask("GET", "/", auth=""))
    assert rows(found, "Unfinished") == [["Nothing is left unfinished."]]
    assert rows(found, "Reports") == rows(found, "Latest calls") == [["None yet."]]


def test_the_first_page_lists_states_and_never_content(desk: InProcess) -> None:
    done, left, gone, many = desk.opened(), desk.opened(), desk.opened(), desk.opened(batched())
    desk.fileinfo(done, desk.uploaded(done))
    desk.uploaded(done)
    desk.end("finish", done)
    desk.end("retract", gone)
    answer = desk.ask("GET", "/", auth="")
    found = page(answer)
    assert [row[:1] + row[2:] for row in rows(found, "Unfinished")] == [
        [str(left), "24 h 0 min", "0"],
        [str(many), "24 h 0 min", "0"],
    ]
    shown = {row[0]: (row[1], row[4]) for row in rows(found, "Reports")}
    assert shown == {
        str(done): ("finishedescalated", "2, 1 without details"), str(left): ("openescalated", "0"),
        str(gone): ("retractedescalated", "0"), str(many): ("openbatched", "0"),
    }  # fmt: skip
    calls = rows(found, "Latest calls")
    assert calls[0][1:4] == ["retract", str(gone), "HTTP 200, code 0"]
    assert calls[0][4] == desk.store.calls()[-1]["request_id"]
    assert "Placeholder" not in found.text_content()
    assert b"Placeholder" not in desk.ask("GET", "/received.json", auth="").body
    assert "no-store" in answer.headers["cache-control"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_report_asks_for_the_login(desk: InProcess) -> None:
    number = desk.opened()
    file = desk.uploaded(number)
    desk.fileinfo(number, file)
    for path in ("", "/report.xml", f"/{file}.xml"):
        for login in ("", "desk:wrong"):
            refused = desk.ask("GET", f"/reports/{number}{path}", auth=login)
            assert refused.status == 401
            assert b"Placeholder" not in refused.body
            assert refused.headers["www-authenticate"].startswith("Basic")
        assert desk.ask("GET", f"/reports/{number}{path}").status == 200


def test_a_report_is_shown_as_an_analyst_would_see_it(desk: InProcess) -> None:
    number = desk.opened()
    file = desk.uploaded(number, b"gradient 1")
    bare = desk.uploaded(number, b"")
    desk.fileinfo(number, file)
    desk.upload(number, b"x")
    answer = desk.ask("GET", f"/reports/{number}")
    found, text = page(answer), answer.body.decode()
    words = found.text_content()
    assert "Placeholder reason." in found.find(".//p[@class='reason']").text
    assert "Until then it is no report" in words
    assert {"open", "escalated", "spam"} <= {badge.text for badge in found.findall(".//span")}
    listed = {row[0]: row[1:] for row in rows(found, "Files")}
    assert listed[file][0] == "10 bytes"
    assert len(listed[file][1]) == 32
    assert "not viewed by the company" in listed[file][3]
    assert listed[bare][3] == "without details"
    first, second = found.findall(".//pre")
    assert "<originalFileName>Placeholder</originalFileName>" in first.text_content()
    assert "\n  <incidentSummary>\n    <incidentType>" in second.text_content()
    assert "<script" not in text
    assert [row[1] for row in rows(found, "Calls about this report")] == [
        "upload",
        "fileinfo",
        "upload",
        "upload",
        "submit",
    ]


def test_the_bytes_are_those_that_arrived(desk: InProcess) -> None:
    root = document("report")
    number = desk.opened(root)
    file = desk.uploaded(number)
    desk.fileinfo(number, file)
    raw = desk.ask("GET", f"/reports/{number}/report.xml")
    assert raw.body == serialised(root)
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert b"<fileDetails>" in desk.ask("GET", f"/reports/{number}/{file}.xml").body
    for path in (f"/reports/{number}/other.xml", "/reports/5", f"/reports/{number}/a/b", "/reports/x", "/nothing"):
        assert desk.ask("GET", path).status == 404


def test_markup_in_a_report_is_shown_and_never_obeyed(desk: InProcess) -> None:
    root = document("report")
    mark = "<script>alert(1)</script><img src=x onerror=y>&amp;"
    root.find("incidentSummary/escalateToHighPriority").text = mark
    root[-1].text = mark
    number = desk.opened(root)
    answer = desk.ask("GET", f"/reports/{number}")
    assert page(answer).find(".//img") is None
    assert "&lt;script&gt;" in answer.body.decode()


def test_a_refusal_is_told_in_the_log_and_its_markup_is_escaped(desk: InProcess) -> None:
    root = document("report")
    root.find("incidentSummary/platform").tag = "unknown"
    desk.submit(root)
    desk.order({"kind": "drop_after"})
    desk.call("GET", "status")
    calls = rows(page(desk.ask("GET", "/")), "Latest calls")
    assert calls[0][3:4] + calls[0][5:] == ["no answer, code 0", "drop_after"]
    assert calls[1][3].startswith("HTTP 400, code 4100 Validation failed")
    assert "/report/incidentSummary/unknown" in calls[1][3]


def test_expired_reports_are_no_longer_unfinished(desk: InProcess) -> None:
    number = desk.opened()
    desk.at += 25 * 3600
    found = page(desk.ask("GET", "/"))
    assert rows(found, "Unfinished") == [["Nothing is left unfinished."]]
    assert rows(found, "Reports")[0][:2] == [str(number), "expiredescalated"]


def test_many_reports_make_no_long_page(desk: InProcess) -> None:
    for _ in range(105):
        desk.store.open(b"<report/>", batched=False, escalated=False)
    found = page(desk.ask("GET", "/"))
    assert len(rows(found, "Reports")) == 100
    assert "5 older ones" in found.text_content()


# --- ordering from the page ----------------------------------------------------------------------------------


def test_the_page_offers_every_fault_and_every_code(desk: InProcess) -> None:
    found = page(desk.ask("GET", "/practice", auth=""))
    offered = {select.get("name"): [one.get("value") for one in select] for select in found.findall(".//select")}
    assert set(offered["kind"]) == set(KINDS)
    assert set(offered["code"]) == {str(code) for code in answers.CODES if code}
    controls = [one for name in ("input", "select") for one in found.findall(f".//{name}")]
    assert all(one.getparent().tag == "label" for one in controls)


def test_faults_and_clock_by_form(desk: InProcess) -> None:
    order = b"act=order&kind=status&endpoint=finish&times=&skip=1&seconds=1.5&status=502&code=1000&bytes=5"
    done = desk.ask("POST", "/practice", order, **PLAIN)
    assert (done.status, done.headers["location"]) == (303, "/practice")
    (waiting,) = desk.app.faults.listed()
    kept = [waiting[name] for name in ("kind", "endpoint", "times", "skip", "status")]
    assert kept == ["status", "finish", None, 1, 502]
    (shown,) = rows(page(desk.ask("GET", "/practice")), "Faults that wait")
    assert shown == ["status", "finish", "until forgotten", "1", "status 502"]
    assert "1 fault waits" in page(desk.ask("GET", "/")).text_content()
    assert desk.ask("POST", "/practice", b"act=forget", **PLAIN).status == 303
    assert desk.app.faults.waiting == []
    before = desk.store.now()
    assert desk.ask("POST", "/practice", b"act=clock&hours=1.5", **PLAIN).status == 303
    assert desk.store.now() == before + 5400


@pytest.mark.parametrize(
    "body",
    [b"", b"act=x", b"act=order&kind=explode", b"act=order&kind=status&status=x", b"act=order&kind=delay&seconds=-1",
     b"act=order&kind=delay&times=0", b"act=clock&hours=-1", b"act=clock&hours=x", b"act=order&kind=code&other=1",
     b"act=clock&hours=nan", b"x" * 70000],
)  # fmt: skip
def test_a_form_that_cannot_be_used_says_why(desk: InProcess, body: bytes) -> None:
    before = desk.store.now()
    answer = desk.ask("POST", "/practice", body, **PLAIN)
    assert answer.status == 400
    assert page(answer).find(".//p[@role='alert']") is not None
    assert (desk.app.faults.waiting, desk.store.now()) == ([], before)


@pytest.mark.parametrize("path", ["/practice", "/faults"])
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"},
     {"sec_fetch_site": "same-site"}, {"origin": "http://127.0.0.1:9"}],
)  # fmt: skip
def test_other_sites_pages_order_nothing(desk: InProcess, path: str, headers: dict[str, str]) -> None:
    body = b"act=clock&hours=1" if path == "/practice" else b'{"clock": 60}'
    before = desk.store.now()
    assert desk.ask("POST", path, body, **headers).status == 403
    assert desk.store.now() == before


def test_its_own_page_and_no_page_order(desk: InProcess) -> None:
    own: dict[str, str] = {"origin": "http://127.0.0.1:8090", "sec_fetch_site": "same-origin"}
    assert desk.ask("POST", "/practice", b"act=forget", **own).status == 303
    assert desk.ask("POST", "/faults", b"[]").status == 200
    assert desk.ask("PUT", "/faults", b"[]").status == 405


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "", "10.0.0.1:8090"])
def test_pages_answer_to_this_machine_alone(desk: InProcess, host: str) -> None:
    desk.opened()
    for path in ("/", "/received.json", "/faults"):
        assert desk.ask("GET", path, host=host).status == 421
    for good in ("localhost:8090", "127.0.0.1", "[::1]:8090"):
        assert desk.ask("GET", "/", host=good).status == 200


# --- in a browser --------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.network
@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_the_pages_in_a_browser_without_scripts(tmp_path: Path, scheme: Any, width: int) -> None:
    """Wide and narrow, light and dark: nothing leaves the screen, axe finds nothing, and the forms work."""
    from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator
    from tests.support import browser

    simulator = Simulator(tmp_path)
    try:
        with browser.launch() as chromium:
            login: Any = {"username": USERNAME, "password": PASSWORD}
            look: Any = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}, "http_credentials": login}
            number = _filed(simulator.url, (USERNAME, PASSWORD))
            watched = chromium.new_context(**look, bypass_csp=True).new_page()
            for path in ("/", f"/reports/{number}", "/practice"):
                watched.goto(simulator.root + path)
                assert watched.evaluate("document.documentElement.scrollWidth") <= width, path
                assert browser.axe(watched) == [], path
            plain = chromium.new_context(**look, java_script_enabled=False).new_page()
            plain.goto(f"{simulator.root}/practice")
            plain.select_option("select[name=kind]", "delay")
            plain.click("button[value=order]")
            assert plain.url == f"{simulator.root}/practice"
            assert "delay" in plain.locator("tbody").inner_text()
            plain.click("button[value=forget]")
            assert "No fault waits." in plain.locator("tbody").inner_text()
            plain.click("text=What it received")
            plain.click(f"text={number} >> nth=0")
            plain.click("summary")
            assert "Placeholder" in plain.locator("details pre").inner_text()
    finally:
        said = simulator.stop()
    assert said == ""


def _filed(url: str, login: tuple[str, str]) -> int:
    """A report with one described file."""
    from safehold.cybertip.client import Client

    with Client(url, *login) as client:
        number = client.submit(serialised(document("report"))).report_id or 0
        sent = client.upload(number, "x", iter([b"gradient"]), size=8, alive=lambda: None)
        details = document("fileDetails")
        details.find("reportId").text, details.find("fileId").text = str(number), sent.file_id
        assert client.fileinfo(serialised(details)).code == 0
    return number
