"""The simulator alone: it asks for what the service asks for, keeps what it is told, shares nothing with the client."""

import ast
import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from safehold.screening.simulator import documents, pictures
from safehold.screening.simulator.faults import KINDS, Faults
from tests.screening.exchanges.exchange_simulator import PASSWORD, SRC, USERNAME, Simulator

pytestmark = pytest.mark.network

LOGIN = {"Authorization": "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()}
XML = {"Content-Type": "application/xml; charset=utf-8"}
WINDOW = "/v2/entries?from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z"
SPACE = f"{{{documents.SPACE}}}"


def call(
    simulator: Simulator, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    given = {**LOGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(simulator.url + path, data=body, method=method, headers=given)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read()


def test_it_shares_nothing_with_the_client_and_needs_no_django() -> None:
    folder = SRC / "safehold" / "screening" / "simulator"
    named = {
        name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    ours = {name for name in named if name.startswith("safehold") and "screening.simulator" not in name}
    assert ours == set()
    assert not [name for name in named if name.startswith("django")]
    loaded = "import sys, safehold.screening.simulator.running; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], env={"PYTHONPATH": str(SRC)}, timeout=60).returncode == 0


@pytest.mark.parametrize(
    "login", ["", "Basic", "Basic !", "Bearer x", "Basic " + base64.b64encode(b"desk:no").decode()]
)
def test_the_login_is_asked_for(simulator: Simulator, login: str) -> None:
    assert call(simulator, "/v2/status", Authorization=login)[0] == 401


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-01-01T00:00:00&to=2026-01-02T00:00:00Z",  # no zone
        "from=2026-01-01T00:00:00%2B05:00&to=2026-01-02T00:00:00Z",  # a local time
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "from=1767225600&to=1767312000",
        "from=2026-01-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&start=0",
        "",
    ],
)
def test_a_window_is_two_times_in_utc(simulator: Simulator, query: str) -> None:
    assert call(simulator, f"/v2/entries?{query}")[0] == 400


def pages(simulator: Simulator, path: str = WINDOW) -> list[etree._Element]:
    found = []
    while path:
        code, raw = call(simulator, path)
        assert code == 200
        found.append(etree.fromstring(raw))
        path = found[-1].findtext(f"{SPACE}paging/{SPACE}next") or ""
    return found


def names(page: etree._Element) -> list[str]:
    return [one.text or "" for one in page.iter(f"{SPACE}id")]


def test_pages_hold_each_entry_once_and_not_in_the_order_of_time(simulator: Simulator) -> None:
    now = time.time()
    for number in range(25):
        simulator.add(pictures.entry(number), ago=3600 - number)
    found = pages(simulator)
    assert [len(names(page)) for page in found] == [10, 10, 5]
    assert len({name for page in found for name in names(page)}) == 25
    times = [one.text for page in found for one in page.iter(f"{SPACE}timestamp")]
    assert times != sorted(times)
    assert all((one or "") < documents.stamp(now) for one in times)
    assert int(found[0].find(f"{SPACE}images").get("count")) == len(found[0].findall(f"{SPACE}images/{SPACE}image"))


def test_a_deletion_stands_in_the_place_of_its_entry(simulator: Simulator) -> None:
    simulator.make(2)
    simulator.remove(("42", "image0"), ago=10)
    (page,) = pages(simulator)
    (gone,) = page.iter(f"{SPACE}deletedImage")
    assert [etree.QName(one).localname for one in gone] == ["member", "id", "timestamp"]
    assert sorted(names(page)) == ["image0", "image1"]


def test_a_next_is_good_for_twelve_hours(simulator: Simulator) -> None:
    simulator.make(15)
    following = etree.fromstring(call(simulator, WINDOW)[1]).findtext(f"{SPACE}paging/{SPACE}next")
    assert following is not None
    assert call(simulator, following)[0] == 200
    simulator.fault({"clock": 12 * 3600 + 1})
    assert call(simulator, following)[0] == 404


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"<feedbackSubmission/>", XML, 400),
        (b"not XML", XML, 400),
        (f'<feedbackSubmission xmlns="{documents.SPACE}"><affirmative/></feedbackSubmission>'.encode(), XML, 200),
        (f'<feedbackSubmission xmlns="{documents.SPACE}"><affirmative/></feedbackSubmission>'.encode(),
         {"Content-Type": "text/xml"}, 415),
        (b"<feedbackSubmission><affirmative/></feedbackSubmission>", XML, 400),
        (f'<feedbackSubmission xmlns="{documents.SPACE}"><negative/></feedbackSubmission>'.encode(), XML, 400),
        (f'<!DOCTYPE x><feedbackSubmission xmlns="{documents.SPACE}"><affirmative/></feedbackSubmission>'.encode(), XML,
         400),
    ],
)  # fmt: skip
def test_feedback_is_checked(simulator: Simulator, body: bytes, headers: dict[str, str], code: int) -> None:
    simulator.make(1)
    path = "/v2/entries/42/image0/MD5/feedback"
    assert call(simulator, path, method="PUT", body=body, **headers)[0] == code
    assert len(simulator.received()["feedback"]) == (code == 200)


def test_the_page_shows_feedback_and_is_safe(simulator: Simulator) -> None:
    simulator.add({"member": "42", "id": "<b>x</b>", "kind": "image", "fingerprints": {"md5": "0a" * 16}})
    body = f'<feedbackSubmission xmlns="{documents.SPACE}"><affirmative/></feedbackSubmission>'.encode()
    call(simulator, "/v2/entries/42/%3Cb%3Ex%3C%2Fb%3E/MD5/feedback", method="PUT", body=body, **XML)
    with urllib.request.urlopen(simulator.root + "/", timeout=10) as answer:
        shown, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    assert "&lt;b&gt;x&lt;/b&gt;" in shown
    assert "<b>x</b>" not in shown
    assert "affirmative" in shown
    assert "0a" * 16 not in shown
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "https://collector.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "x.example"}, 421),
    ],
)
def test_orders_are_not_taken_from_elsewhere(simulator: Simulator, headers: dict[str, str], code: int) -> None:
    request = urllib.request.Request(simulator.root + "/entries", data=b'{"make": 1}', headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    refused.value.close()
    assert refused.value.code == code
    assert simulator.received()["entries"] == []


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/entries", []), ("/entries", {"make": -1}), ("/entries", {"make": "1"}), ("/entries", {"other": 1}),
        ("/entries", {"add": [{"member": "42", "id": "x", "kind": "text"}]}), ("/entries", {"add": [{}]}),
        ("/faults", {"kind": "other"}), ("/faults", {"kind": "drop", "call": "submit"}), ("/faults", {"clock": -1}),
        ("/faults", {"kind": "status", "status": 99}), ("/faults", {"kind": "drop", "other": 1}), ("/faults", ["x"]),
        ("/faults", {"kind": "redirect", "text": "a\r\nb"}),
    ],
)  # fmt: skip
def test_an_order_that_is_none_is_refused_whole(simulator: Simulator, path: str, order: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        simulator.ask("POST", path, order)
    refused.value.close()
    assert refused.value.code == 400
    assert simulator.received()["entries"] == []
    assert simulator.ask("GET", "/faults") == []


def test_faults_come_in_their_turn() -> None:
    faults = Faults()
    faults.take_in([{"kind": "drop", "call": "next", "skip": 1}, {"kind": "slow", "times": 2}])
    taken = [fault and fault.kind for fault in (faults.take(name) for name in ("next", "status", "next", "next"))]
    assert taken == ["slow", "slow", "drop", None]
    assert "changes" in KINDS


def test_what_it_holds_outlives_it_where_it_is_told_to_keep(tmp_path: Path) -> None:
    for expected in (2, 2):
        simulator = Simulator("--data", str(tmp_path))
        try:
            if not simulator.received()["entries"]:
                simulator.make(2)
            assert sum(one["n"] for one in simulator.received()["entries"]) == expected
        finally:
            assert simulator.stop() == ""


@pytest.mark.parametrize(
    ("words", "code"), [(["--fault", "drop"], 2), (["--fault", '{"kind": "x"}'], 2), (["--page-size", "0"], 2)]
)
def test_options_that_cannot_be_used(words: list[str], code: int) -> None:
    command = [sys.executable, "-m", "safehold.screening.simulator", "--username", "a", "--password", "b", *words]
    ended = subprocess.run(command, env={"PYTHONPATH": str(SRC)}, capture_output=True, timeout=60)
    assert ended.returncode == code
    assert ended.stderr


def test_its_pictures_are_gradients_and_its_entries_differ() -> None:
    entries = [json.dumps(pictures.entry(number)) for number in range(500)]
    assert len(set(entries)) == 500
    head, _line, body = pictures.picture(3).partition(b"\n")
    assert head.startswith(b"P5 16 16 255")
    assert len(body) == 256
