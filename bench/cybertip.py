"""Filing, by one worker: reports with 1 and 4 files from the draft to the receipt, and a very large file.

`run(folder, runs)` gives two results. The database, the vault, the filing machine and the protocol are the real
ones; the service is the simulator, in a process of its own. Beside the reports, in the same run, stand the bare
calls: the same requests with the same bytes from a plain client that stores nothing. The large file (2 GiB;
BENCH_UPLOAD_MIB for another size) is sent by a process of its own, whose memory is read before and after.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from bench.figures import Result, Row

ROOT = Path(__file__).resolve().parents[1]
FILE_BYTES = 200 * 1024  # of each file of a report: about a picture
WARM = 2
AIM_MIB = 64  # what a large upload may add to an idle worker
COUNTS = (1, 4)


def run(folder: Path, runs: int) -> list[Result]:
    """The filing rate, then the large file."""
    import django

    django.setup()
    from safehold.app.serve import Processes, wait_until_up
    from safehold.app.setup import setup

    setup()
    port, processes = urlsplit(os.environ["SAFEHOLD_CYBERTIP_URL"]).port, Processes()
    command = [sys.executable, "-m", "safehold.cybertip.simulator", "--port", str(port)]
    command += ["--data", str(folder / "simulator"), "--username", "practice", "--password", "practice"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    processes.start("simulator", command, {"PYTHONPATH": path}, log=str(folder / "simulator.log"))
    try:
        wait_until_up(f"http://127.0.0.1:{port}/received.json", processes)
        return [_rate(runs), _large(path)]
    finally:
        processes.stop()


def _rate(runs: int) -> Result:
    """One report after another, files and no files in turn, so that the machine's moods fall on all alike."""
    names = {count: f"report with {count} file{'s' if count > 1 else ''}" for count in COUNTS}
    bare = {count: f"bare calls, {count} file{'s' if count > 1 else ''}" for count in COUNTS}
    times: dict[str, list[float]] = {name: [] for name in (*names.values(), *bare.values())}
    with httpx2.Client(auth=("practice", "practice"), trust_env=False, timeout=60) as client:
        for number in range(WARM + runs):
            for count in COUNTS:
                record = _record(number, count)
                took = {names[count]: _file(record), bare[count]: _bare(client, record, count)}
                if number >= WARM:
                    for name, seconds in took.items():
                        times[name].append(seconds)
    rows = [Row(names[count], times[names[count]], against=bare[count]) for count in COUNTS]
    rows += [Row(bare[count], times[bare[count]]) for count in COUNTS]
    rates = ", ".join(f"{60 / rows[place].p50:.0f} with {count}" for place, count in enumerate(COUNTS))
    notes = [
        f"Reports per minute and worker process: {rates} file(s) of {FILE_BYTES // 1024} KiB, one report at a time.",
        "Every call's intention and answer is stored and synced before and after it; the bare calls store nothing.",
    ]
    return Result("cybertip", "Report drafted to receipt kept", rows, notes)


def _record(number: int, count: int) -> Any:
    """An input record with files that lie in the vault."""
    from django.utils import timezone

    from safehold.cybertip.inputs import AccountInput, FileInput, FilingInput, ReporterInput
    from safehold.evidence import service as evidence

    now = timezone.now()
    files = []
    for place in range(count):
        body = (f"gradient {number}.{place} " * (FILE_BYTES // 8)).encode()[:FILE_BYTES]
        row = evidence.preserve(
            [body], media_type="image/png", file_name="gradient.png", about="bench:1", actor="operator:bench"
        )
        files.append(FileInput(sealed_id=str(row.pk), viewed=True, size=row.size, hashes=(("SHA256", row.sha256),)))
    return FilingInput(
        ref=f"bench:{number}:{count}", as_of=now, incident_type="child_pornography", incident_at=now,
        reporter=ReporterInput(email="safety@example.org"), files=tuple(files),
        subject=AccountInput(role="uploader", account_id=f"user-{number}", service="Example"),
    )  # fmt: skip


def _file(record: Any) -> float:
    """Draft and file. Returns the seconds that it took; raises RuntimeError where it did not come to a receipt."""
    from safehold.cybertip import service as cybertip

    began = time.perf_counter()
    row = cybertip.draft(record, actor="operator:bench")
    while True:
        progress = cybertip.advance(row.pk, worker="bench", on_finished=lambda _filing: None)
        if progress.kind != "again":
            break
    took = time.perf_counter() - began
    row.refresh_from_db()
    if row.state != "finished":
        raise RuntimeError(f"A report ended as {row.state}: {row.because}")
    return took


def _bare(client: httpx2.Client, record: Any, count: int) -> float:
    """The same calls with the same bytes, one client, nothing stored."""
    from lxml import etree

    from safehold.cybertip.document.build import build_file_details
    from safehold.cybertip.service import preview

    base, xml = os.environ["SAFEHOLD_CYBERTIP_URL"], {"Content-Type": "text/xml; charset=utf-8"}
    document, body = preview(record), os.urandom(FILE_BYTES)

    def call(path: str, **request: Any) -> Any:
        root = etree.fromstring(client.post(base + path, **request).content)
        if root.findtext("responseCode") != "0":
            raise RuntimeError(f"{path}: {root.findtext('responseDescription')}")
        return root

    began = time.perf_counter()
    number = call("/submit", content=document, headers=xml).findtext("reportId")
    for place in range(count):
        sent = call("/upload", data={"id": number}, files={"file": ("gradient.png", body)})
        if sent.findtext("hash") != md5(body, usedforsecurity=False).hexdigest():
            raise RuntimeError("The simulator's MD5 differs.")
        file_id = sent.findtext("fileId")
        details = build_file_details(record, record.files[place], report_id=int(number), file_id=file_id)
        call("/fileinfo", content=details, headers=xml)
    call("/finish", data={"id": number}, files={"x": b""})
    return time.perf_counter() - began


# --- the large file ------------------------------------------------------------------------------


def _large(path: str) -> Result:
    """A report with one very large file, filed by a fresh process, and the same bytes sent by a plain client."""
    mib = int(os.environ.get("BENCH_UPLOAD_MIB", "2048"))
    command = [sys.executable, "-m", "bench.cybertip", str(mib)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"The large upload did not end well: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    added = told["peak_mib"] - told["idle_mib"]
    met = "met" if added < AIM_MIB else "NOT met"
    rows = [
        Row("from the vault to the receipt", [told["seconds"]], against="plain client, bytes from memory"),
        Row("plain client, bytes from memory", [told["plain_seconds"]]),
    ]
    notes = [
        f"{mib} MiB: {mib / told['seconds']:.0f} MiB/s, decrypted, digested and sent; the simulator digests it too.",
        f"Memory: worker idle {told['idle_mib']:.1f} MiB, at most {told['peak_mib']:.1f} MiB: {added:.1f} MiB more.",
        f"aim: under {AIM_MIB} MiB more than idle: {met}",
    ]
    return Result("upload", f"One file of {mib} MiB", rows, notes)


def _upload(mib: int) -> None:
    """The child: put the file into the vault, become idle, file it, and say what memory it took."""
    import django

    django.setup()
    from django.utils import timezone

    from safehold.cybertip.inputs import FileInput, FilingInput, ReporterInput
    from safehold.evidence import service as evidence

    block = os.urandom(2**20)
    row = evidence.preserve(
        (block for _ in range(mib)), media_type="video/mp4", file_name="gradient.mp4", about="bench:2",
        actor="operator:bench",
    )  # fmt: skip
    _file(_record(10**6, 1))  # everything is loaded that a worker has loaded
    now = timezone.now()
    record = FilingInput(
        ref="bench:large", as_of=now, incident_type="child_pornography", incident_at=now,
        reporter=ReporterInput(email="safety@example.org"),
        files=(FileInput(sealed_id=str(row.pk), viewed=False, size=row.size, hashes=(("SHA256", row.sha256),)),),
    )  # fmt: skip
    idle = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far counts from now on
    seconds = _file(record)
    peak = _memory("VmHWM")
    told = {"idle_mib": idle, "peak_mib": peak, "seconds": seconds, "plain_seconds": _plain(block, mib)}
    print(json.dumps(told))


def _plain(block: bytes, mib: int) -> float:
    """A plain client sends as many bytes to a report of its own, and retracts it."""
    from lxml import etree

    from safehold.cybertip.service import preview

    base = os.environ["SAFEHOLD_CYBERTIP_URL"]
    mark = "plain-client"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="id"\r\n\r\n%s\r\n--{mark}\r\n'
    head += 'Content-Disposition: form-data; name="file"; filename="g"\r\n\r\n'
    with httpx2.Client(auth=("practice", "practice"), trust_env=False, timeout=600) as client:
        document = preview(_record(10**6 + 1, 1))
        opened = client.post(f"{base}/submit", content=document, headers={"Content-Type": "text/xml; charset=utf-8"})
        number = etree.fromstring(opened.content).findtext("reportId")
        if number is None:
            raise RuntimeError(f"The plain report was refused: {opened.text[:500]}")

        def body() -> Iterator[bytes]:
            yield (head % number).encode()
            for _ in range(mib):
                yield block
            yield f"\r\n--{mark}--\r\n".encode()

        began = time.perf_counter()
        answer = client.post(
            f"{base}/upload", content=body(), headers={"Content-Type": f"multipart/form-data; boundary={mark}"}
        )
        took = time.perf_counter() - began
        if etree.fromstring(answer.content).findtext("responseCode") != "0":
            raise RuntimeError(f"The plain upload was refused: {answer.text[:500]}")
    return took


def _memory(name: str) -> float:
    """A line of /proc/self/status, in MiB. Raises StopIteration where the system has none."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    _upload(int(sys.argv[1]))
