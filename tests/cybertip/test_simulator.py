"""The simulator as a process: alone, lasting, and showing what it received."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import httpx2
import pytest
from lxml import html

from safehold.cybertip.client import Client
from tests.cybertip import samples
from tests.cybertip.simulated import PASSWORD, SRC, USERNAME, Simulator

pytestmark = pytest.mark.network
AUTH = (USERNAME, PASSWORD)


def test_it_loads_neither_django_nor_the_clients_models() -> None:
    """What it checks with was written apart, and it must start where nothing is configured."""
    program = (
        "import sys; from safehold.cybertip.simulator import running;"
        "print([m for m in sys.modules if m.split('.')[0] == 'django' or m.startswith('safehold.cybertip.document')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_it_forgets_nothing_on_restart(tmp_path: Path) -> None:
    first = Simulator(tmp_path)
    with Client(first.url, *AUTH) as client:
        open_one = client.submit(samples.whole_report().to_bytes()).report_id or 0
        finished = client.submit(samples.batched_report().to_bytes()).report_id or 0
        client.upload(open_one, "x", iter([b"gradient"]), size=8, alive=lambda: None)
        client.finish(finished)
    assert first.stop() == ""
    second = Simulator(tmp_path)
    try:
        with Client(second.url, *AUTH) as client:
            assert client.finish(finished).code == 5102
            assert len(client.finish(open_one).files or ()) == 1
            assert client.submit(samples.whole_report().to_bytes()).report_id == max(open_one, finished) + 1
    finally:
        second.stop()


def test_it_keeps_no_file(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path)
    mark = b"a gradient that must not be kept"
    with Client(simulator.url, *AUTH) as client:
        number = client.submit(samples.whole_report().to_bytes()).report_id or 0
        client.upload(number, "x", iter([mark]), size=len(mark), alive=lambda: None)
    simulator.stop()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"placeholder message 2" in kept  # the document is
    assert mark not in kept


def test_the_page_lists_what_it_received(simulator: Simulator) -> None:
    with Client(simulator.url, *AUTH) as client:
        number = client.submit(samples.whole_report().to_bytes()).report_id
    with urllib.request.urlopen(f"{simulator.root}/", timeout=10) as answer:
        page = html.fromstring(answer.read())
        assert "no-store" in answer.headers["cache-control"]
    assert page.get("lang") == "en"
    assert [caption.text for caption in page.findall(".//caption")] == ["Unfinished", "Reports", "Latest calls"]
    assert str(number) in [cell.text_content() for cell in page.findall(".//th[@scope='row']")]
    assert all(head.get("scope") for head in page.findall(".//th"))
    assert "Nothing here reaches NCMEC" in page.text_content()
    assert "placeholder message" not in page.text_content()
    assert "placeholder message" not in json.dumps(simulator.received())


@pytest.mark.parametrize(
    ("body", "says"), [(b"x", "Expecting value"), (b'{"kind": "explode"}', "Unknown kind"), (b"[1]", "object")]
)
def test_a_fault_that_it_does_not_know_is_refused(simulator: Simulator, body: bytes, says: str) -> None:
    request = urllib.request.Request(f"{simulator.root}/faults", data=body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as answer:
        assert answer.code == 400
        assert says in answer.read().decode()


def test_other_ways_of_asking(simulator: Simulator) -> None:
    """Unknown paths, wrong methods, a form in the other encoding, forms that are none."""
    with httpx2.Client(auth=AUTH, trust_env=False, base_url=simulator.url) as http:
        assert http.get("/nothing").status_code == 404
        assert http.get("/submit").status_code == 405
        assert http.post("/submit", content=b"<report/>", headers={"Content-Type": "text/plain"}).status_code == 400
        report = samples.whole_report().to_bytes()
        opened = http.post("/submit", content=report, headers={"Content-Type": "text/xml; charset=utf-8"})
        number = opened.text.split("<reportId>")[1].split("<")[0]
        assert "4200" in http.post("/upload", data={"id": number}).text
        assert "4200" in http.post("/upload", files={"file": b"x"}, data={}).text
        assert "4000" in http.post("/finish", data={"id": "x"}).text
        assert "4000" in http.post("/finish", content=b"").text
        assert "<responseCode>0<" in http.post("/finish", data={"id": number}).text
    assert httpx2.get(f"{simulator.root}/nothing", trust_env=False).status_code == 404


def test_a_report_is_shown_to_whoever_has_the_login(simulator: Simulator) -> None:
    with Client(simulator.url, *AUTH) as client:
        number = client.submit(samples.whole_report().to_bytes()).report_id
    shown = httpx2.get(f"{simulator.root}/reports/{number}", auth=AUTH, trust_env=False)
    assert "placeholder message 2" in shown.text
    assert httpx2.get(f"{simulator.root}/reports/{number}", trust_env=False).status_code == 401
    answer = httpx2.get(f"{simulator.root}/", headers={"Host": "elsewhere.example"}, trust_env=False)
    assert answer.status_code == 421


def test_faults_clock_and_files_by_command_line(tmp_path: Path) -> None:
    more = ["--fault", "submit:code:code=1100", "--fault", "any:delay:seconds=0,times=always", "--ahead", "2"]
    simulator = Simulator(tmp_path, more=[*more, "--keep-files", "--newer"])
    try:
        now, received = time.time(), simulator.received()
        assert 7190 < received["now"] - now < 7260
        with Client(simulator.url, *AUTH) as client:
            assert client.submit(samples.whole_report().to_bytes()).code == 1100
            number = client.submit(samples.whole_report().to_bytes()).report_id or 0
            sent = client.upload(number, "x", iter([b"gradient"]), size=8, alive=lambda: None)
            assert (tmp_path / "files" / sent.file_id).read_bytes() == b"gradient"
        assert "ageAssertionDiscrepancy" in httpx2.get(f"{simulator.url}/xsd", auth=AUTH, trust_env=False).text
    finally:
        simulator.stop()


@pytest.mark.parametrize("more", [["--fault", "finish:explode"], ["--fault", "{"], ["--ahead", "-1"]])
def test_an_option_that_cannot_be_used_is_said_plainly(tmp_path: Path, more: list[str]) -> None:
    command = [sys.executable, "-m", "safehold.cybertip.simulator", "--data", str(tmp_path), "--username", "u"]
    done = subprocess.run(
        [*command, "--password", "p", *more],
        env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("--fault or --ahead cannot be used: ")


@pytest.mark.slow
def test_an_upload_of_two_gigabytes_adds_little_memory(tmp_path: Path) -> None:
    """Kept or not, it passes through the process and is never held in it."""
    simulator, piece, total = Simulator(tmp_path, more=["--keep-files"]), b"\x5a" * 1024 * 1024, 2048
    status = Path(f"/proc/{simulator.process.pid}/status")
    if not status.exists():
        simulator.stop()
        pytest.skip("the memory of a process is read from /proc")

    def memory(name: str) -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith(name)).split()[1])

    try:
        with Client(simulator.url, *AUTH) as client:
            number = client.submit(samples.whole_report().to_bytes()).report_id or 0
            client.upload(number, "x", iter([b"x"]), size=1, alive=lambda: None)
            before = memory("VmRSS")
            size = len(piece) * total
            sent = client.upload(number, "x", (piece for _ in range(total)), size=size, alive=lambda: None)
            added = memory("VmHWM") - before
        assert sent.hash == sent.sent_md5
        assert (tmp_path / "files" / sent.file_id).stat().st_size == size
        assert added < 16 * 1024, f"{added} KiB"
    finally:
        simulator.stop()
        for kept in (tmp_path / "files").iterdir():
            kept.unlink()


def test_a_port_in_use_is_said_plainly(simulator: Simulator, tmp_path: Path) -> None:
    port = simulator.root.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "safehold.cybertip.simulator", "--port", port, "--data", str(tmp_path)]
    done = subprocess.run(
        [*command, "--username", "u", "--password", "p"],
        env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
