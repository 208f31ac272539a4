"""The pool of decoders: threads, forks, crashes, time-outs, streams, and what a child may not do."""

import asyncio
import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safehold.screening.hashing import child as program
from safehold.screening.hashing import pdq as hashing
from safehold.screening.hashing import process, sandbox
from safehold.screening.hashing.sandbox import CannotScreen, Decoders, Limits, NotScreened
from safehold.screening.hashing.types import FileHashes
from tests.screening.hashing import made

PICTURE = made.encoded(made.waves(200, 300, 5))
HEX = hashing.pdq(made.waves(200, 300, 5)).hex
PAGE = Path("/proc/self/statm")


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders(2) as pool:
        yield pool


def good(found: FileHashes, data: bytes = PICTURE) -> None:
    assert (found.kind, found.not_screened, found.why) == ("picture", None, "")
    assert [frame.pdq for frame in found.frames] == [HEX]
    assert found.usable == found.frames
    assert found.digests.sha256 == hashlib.sha256(data).hexdigest()


class Trickle(io.RawIOBase):
    """A stream that hands out a few bytes at a time, and has no descriptor."""

    def __init__(self, data: bytes, most: int) -> None:
        self._file, self._most = io.BytesIO(data), most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, self._most) if size >= 0 else self._most)


# --- ways in ---


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_every_kind(decoders: Decoders, kind: Any) -> None:
    good(decoders.hash_bytes(kind(PICTURE)))


def test_a_path_an_open_file_and_streams(decoders: Decoders, tmp_path: Path) -> None:
    path = tmp_path / "gradient 1.png"
    path.write_bytes(PICTURE)
    good(decoders.hash_file(path))
    good(decoders.hash_file(str(path)))
    with path.open("rb") as file:
        file.seek(7)
        good(decoders.hash_file(file))
        assert file.tell() == 7, "an open file is hashed whole and left where it stood"
    with path.open("rb", buffering=0) as raw:
        good(decoders.hash_file(raw))
    good(decoders.hash_file(io.BytesIO(PICTURE)))
    good(decoders.hash_file(Trickle(PICTURE, 999)))
    with tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(PICTURE)
        spooled.seek(0)
        good(decoders.hash_file(spooled))


def test_a_file_that_is_being_written_is_hashed_with_what_is_not_yet_on_disk(
    decoders: Decoders, tmp_path: Path
) -> None:
    with (tmp_path / "gradient 2.png").open("w+b") as file:
        file.write(PICTURE)
        good(decoders.hash_file(file))
        descriptor = sandbox._regular(file)
        assert descriptor is not None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(descriptor, b"x")
        os.close(descriptor)


def test_what_only_looks_like_a_file_is_read_as_a_stream(decoders: Decoders, tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "gradient 3.png.gz"
    path.write_bytes(gzip.compress(PICTURE))
    with gzip.open(path) as unpacked:
        good(decoders.hash_file(unpacked))  # type: ignore[arg-type]


def test_a_file_that_is_not_there_is_an_error_of_the_caller(decoders: Decoders, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decoders.hash_file(tmp_path / "none.png")


def test_a_file_that_shrinks_meanwhile_is_no_digest(decoders: Decoders, tmp_path: Path) -> None:
    path = tmp_path / "gradient 4.png"
    path.write_bytes(PICTURE)
    with path.open("rb") as file, pytest.raises(OSError, match="changed meanwhile"):
        decoders._screen(file.fileno(), len(PICTURE) + 1, sandbox._pieces(file.fileno(), 10_000_000), PICTURE, False)


def test_a_large_stream_goes_through_a_file_without_a_name(decoders: Decoders, tmp_path: Path) -> None:
    data = PICTURE + bytes(9_000_000)
    with Decoders(1, spool=tmp_path) as pool:
        good(pool.hash_file(io.BytesIO(data)), data)
    assert list(tmp_path.iterdir()) == []


def test_the_eight_turns_come_on_request(decoders: Decoders) -> None:
    assert len(decoders.hash_bytes(PICTURE, dihedral=True).frames) == 8


def test_a_flat_picture_has_frames_that_near_matching_may_not_use(decoders: Decoders) -> None:
    found = decoders.hash_bytes(made.encoded(made.waves(5, 5)[:1, :1].repeat(90, 0).repeat(90, 1)))
    assert (len(found.frames), found.usable, found.not_screened) == (1, (), None)


def test_memory_stays_flat_for_a_large_file(decoders: Decoders, tmp_path: Path) -> None:
    import resource

    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.write(PICTURE)
        file.truncate(120 * 1024 * 1024)
    decoders.hash_bytes(PICTURE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = decoders.hash_file(path)
    assert [frame.pdq for frame in found.frames] == [HEX]
    assert found.digests.size == 120 * 1024 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "kB"


# --- limits ---


@pytest.mark.parametrize("stream", [False, True])
def test_more_bytes_than_the_limit_are_digested_and_told(stream: bool) -> None:
    with Decoders(1, Limits(picture_bytes=len(PICTURE) - 1)) as pool:
        found = pool.hash_file(io.BytesIO(PICTURE)) if stream else pool.hash_bytes(PICTURE)
        assert (found.kind, found.not_screened) == ("picture", NotScreened.TOO_LARGE)
        assert found.digests.sha256 == hashlib.sha256(PICTURE).hexdigest()
        assert pool._pool._all == set(), "no decoder was even started"


def test_a_stream_without_end_is_refused_and_nothing_is_claimed_of_it() -> None:
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size: int = -1) -> bytes:
            self.asked += 1
            return bytes(size)

    stream = Endless()
    with Decoders(1, Limits(stream_bytes=10_000_000)) as pool, pytest.raises(CannotScreen) as told:
        pool.hash_file(stream)
    assert told.value.reason is NotScreened.TOO_LARGE
    assert stream.asked < 20


def sleepy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Children whose program first runs `body`: a decoder with a fault."""
    text = process.PROGRAM.read_text(encoding="utf-8")
    faulty = tmp_path / "child.py"
    root = str(process.PROGRAM.parents[3])
    text = text.replace("str(Path(__file__).resolve().parents[3])", repr(root))
    text = text.replace("    ends = time.monotonic() + job.seconds * EARLY\n", f"    {body}\n    ends = 0.0\n")
    faulty.write_text(text)
    monkeypatch.setattr(process, "PROGRAM", faulty)
    monkeypatch.setattr(process, "walls", tuple)


def test_a_decoder_that_hangs_is_killed_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleepy(monkeypatch, tmp_path, "time.sleep(60)")
    with Decoders(1, Limits(picture_time=0.5)) as pool:
        began = time.monotonic()
        found = pool.hash_bytes(PICTURE)
        assert (found.kind, found.frames, found.not_screened) == ("picture", (), NotScreened.TIMEOUT)
        assert time.monotonic() - began < 20
        assert pool._pool._all == set()
        assert found.digests.size == len(PICTURE)


def test_a_decoder_that_spins_without_a_parent_ends_by_its_processor_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sleepy(monkeypatch, tmp_path, "exec('while True: pass')")
    monkeypatch.setattr(program, "SPARE", 0)
    one = process.Child(Limits())
    with sandbox._unnamed(None, memoryview(PICTURE)) as descriptor:
        one.give(program.Job(len(PICTURE), 0.1, Limits()), descriptor)
    assert one._process.wait(timeout=30) == -signal.SIGXCPU
    one.kill()


@pytest.mark.parametrize(
    "body",
    ["os._exit(0)", "os.kill(os.getpid(), 11)", "raise KeyError(1)", "sys.exit()", "os.write(0, b'nonsense' * 9)"],
)
def test_a_decoder_that_crashes_twice_is_told_as_crashed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
) -> None:
    sleepy(monkeypatch, tmp_path, body)
    with Decoders(1, Limits(picture_time=5)) as pool:
        found = pool.hash_bytes(PICTURE)
        assert (found.kind, found.frames) == ("picture", ())
        assert found.not_screened in (NotScreened.CRASHED, NotScreened.TIMEOUT)
        assert (found.digests.size, pool._pool._all) == (len(PICTURE), set())


def test_a_decoder_that_cannot_start_is_told_as_crashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "PROGRAM", tmp_path / "none.py")
    monkeypatch.setattr(process, "walls", tuple)
    with Decoders(1) as pool:
        found = pool.hash_bytes(PICTURE)
        assert (found.not_screened, found.why) == (NotScreened.CRASHED, "no decoder could be started")
        assert found.digests.size == len(PICTURE)
        assert (pool._pool._starting, pool._pool._all) == (0, set())


@pytest.mark.parametrize(
    "answer",
    [
        b"\xc1", msgspec.msgpack.encode({"kind": "picture", "frames": [{"at": 0, "pdq": "nonsense", "quality": 50}]}),
        msgspec.msgpack.encode({"kind": "picture", "not_screened": "clean"}),
        msgspec.msgpack.encode({"kind": "picture", "frames": [{"at": -1, "pdq": HEX, "quality": 500}]}),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_no_answer(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    one = process.Child.__new__(process.Child)
    one._line, one._answers = ours, msgspec.msgpack.Decoder(program.Answer)
    with ours, theirs:
        program.send(theirs, answer)
        with pytest.raises(process.Gone):
            one.take(time.monotonic() + 5)


def test_an_answer_that_trickles_is_too_slow() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stop = threading.Event()

        def trickle() -> None:
            theirs.sendall((1000).to_bytes(4, "big"))
            while not stop.wait(0.02):
                theirs.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                program.receive(ours, time.monotonic() + 0.3)
        finally:
            stop.set()
            thread.join()


# --- children ---


def test_a_child_killed_between_two_files_is_replaced(decoders: Decoders) -> None:
    good(decoders.hash_bytes(PICTURE))
    for one in list(decoders._pool._all):
        os.killpg(one.pid, signal.SIGKILL)
    good(decoders.hash_bytes(PICTURE))


def test_a_child_killed_while_it_decodes_costs_nothing_but_time() -> None:
    large = made.encoded(made.noise(1500, 1500))
    with Decoders(1) as pool, ThreadPoolExecutor(1) as threads:
        good(pool.hash_bytes(PICTURE))
        (first,) = pool._pool._all
        under_way = threads.submit(pool.hash_bytes, large, dihedral=True)
        while first.files != 2:
            time.sleep(0.001)
        os.killpg(first.pid, signal.SIGKILL)
        found = under_way.result(60)
        assert (found.not_screened, len(found.frames)) == (None, 8)
        (second,) = pool._pool._all
        assert second.pid != first.pid
        good(pool.hash_bytes(PICTURE))


def test_a_child_retires_after_its_number_of_files() -> None:
    with Decoders(1, Limits(files=2)) as pool:
        seen = []
        for _ in range(4):
            good(pool.hash_bytes(PICTURE))
            seen.append({one.pid for one in pool._pool._all})
        assert [len(one) for one in seen] == [1, 0, 1, 0]
        assert seen[0] != seen[2]


def test_threads_share_the_pool_and_start_no_more_children_than_allowed() -> None:
    with Decoders(2) as pool, ThreadPoolExecutor(8) as threads:
        for found in threads.map(pool.hash_bytes, [PICTURE] * 40):
            good(found)
        assert 1 <= len(pool._pool._all) <= 2


def test_it_serves_an_event_loop_from_threads(decoders: Decoders) -> None:
    async def many() -> list[FileHashes]:
        return await asyncio.gather(*(asyncio.to_thread(decoders.hash_bytes, PICTURE) for _ in range(5)))

    for found in asyncio.run(many()):
        good(found)


def test_a_child_outlives_the_thread_that_started_it() -> None:
    with Decoders(1) as pool:
        thread = threading.Thread(target=pool.hash_bytes, args=(PICTURE,))
        thread.start()
        thread.join()
        (first,) = pool._pool._all
        time.sleep(0.05)
        good(pool.hash_bytes(PICTURE))
        assert pool._pool._all == {first}


def test_closed_means_closed() -> None:
    pool = Decoders(1)
    good(pool.hash_bytes(PICTURE))
    (one,) = pool._pool._all
    pool.close()
    pool.close()
    assert one._process.returncode is not None
    with pytest.raises(RuntimeError, match="closed"):
        pool.hash_bytes(PICTURE)


def test_closing_ends_those_at_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleepy(monkeypatch, tmp_path, "time.sleep(60)")
    pool = Decoders(1)
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(pool.hash_bytes, PICTURE)
        while not (pool._pool._all and next(iter(pool._pool._all)).files):
            time.sleep(0.01)
        pool.close()
        with pytest.raises(RuntimeError, match="closed"):
            under_way.result(20)
    assert pool._pool._all == set()


FORKED = """
import os, sys
from safehold.screening.hashing.sandbox import Decoders
data = open(sys.argv[1], "rb").read()
pool = Decoders(1)
first = pool.hash_bytes(data)
child = os.fork()
if child == 0:
    again = pool.hash_bytes(data)
    os._exit(0 if again == first and not again.not_screened else 1)
_, status = os.waitpid(child, 0)
same = next(iter(pool._pool._all)).pid
after = pool.hash_bytes(data)
assert after == first and next(iter(pool._pool._all)).pid == same, "the parent keeps its child"
pool.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_process_starts_children_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "gradient 5.png"
    path.write_bytes(PICTURE)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", FORKED, path], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "gradient 6.png"
    path.write_bytes(PICTURE)
    text = (
        "import sys, time; from safehold.screening.hashing.sandbox import Decoders; pool = Decoders(1)\n"
        "pool.hash_file(sys.argv[1]); print(next(iter(pool._pool._all)).pid, flush=True); time.sleep(60)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", text, path], env=env, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    ends = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < ends:
        if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()


# --- walls ---


LOOK = """
import json, os, resource, socket
def tries(what):
    try:
        what()
        return "done"
    except OSError as problem:
        return type(problem).__name__
def link(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return ""
told = {
    "open": [where for n in range(64) if (where := link(n))],
    "write": tries(lambda: os.write(os.open(PLACE, os.O_CREAT | os.O_WRONLY), b"x" * 10)),
    "limits": [resource.getrlimit(getattr(resource, n))[0] for n in ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE")],
    "environment": sorted(os.environ),
    "secret": os.path.exists(SECRET), "threads": os.environ.get("OPENBLAS_NUM_THREADS"),
    "interfaces": [name for _, name in socket.if_nameindex()],
}
return Answer("other", (), None, json.dumps(told))
"""


def looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: Path, walled: bool) -> dict[str, Any]:
    """What a child can see and do, told by itself."""
    walls = process.walls()
    body = "\n    ".join(
        LOOK.replace("SECRET", repr(str(secret))).replace("PLACE", repr(str(tmp_path / "written"))).strip().splitlines()
    )
    sleepy(monkeypatch, tmp_path, "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n    " + body)
    if walled:
        inside = str(process.PROGRAM.parent)
        monkeypatch.setattr(process, "walls", lambda: (*walls, "--ro-bind", inside, inside))
    with Decoders(1) as pool:
        found = pool.hash_bytes(PICTURE)
    told: dict[str, Any] = msgspec.json.decode(found.why)
    return told


def test_a_child_has_limits_and_nothing_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAFEHOLD_PLACEHOLDER_SECRET", "placeholder 3")
    told = looked(monkeypatch, tmp_path, tmp_path, walled=False)
    assert told["limits"] == [Limits().memory, 0, 64]
    assert told["write"] == "OSError", "file size is limited to nothing"
    assert "SAFEHOLD_PLACEHOLDER_SECRET" not in told["environment"]
    assert told["threads"] == "1"
    assert {where.split(":")[0] for where in told["open"]} == {"socket", "/dev/null", "/memfd"}, told["open"]


def test_behind_walls_it_sees_neither_files_nor_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not process.walls():
        pytest.skip("bubblewrap is not installed, or does not work here")
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        told = looked(monkeypatch, tmp_path, Path(folder), walled=True)
    assert told["secret"] is False
    assert told["interfaces"] == ["lo"]
    assert told["write"] == "OSError"


def test_no_module_of_ours_but_this_package_is_in_a_child() -> None:
    text = (
        "import sys; sys.path.insert(0, sys.argv[1]); import safehold.screening.hashing.child\n"
        "from safehold.screening.hashing import films, pictures, sandbox\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('safehold', 'django', 'av', 'numba')))"
    )
    root = str(process.PROGRAM.parents[3])
    done = subprocess.run([sys.executable, "-I", "-c", text, root], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    others = {name for name in eval(done.stdout) if not name.startswith("safehold.screening.hashing")}  # noqa: S307
    assert others == {"safehold", "safehold.screening"}, "extras are loaded when a file needs them"


def test_a_message_over_the_bound_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=lambda: _flood(theirs))
        thread.start()
        assert program.receive(ours, time.monotonic() + 30) == (b"", None)
        ours.close()
        thread.join()


def _flood(line: socket.socket) -> None:
    line.sendall((program.MOST * 4).to_bytes(4, "big"))
    try:
        while True:
            line.sendall(bytes(1_000_000))
    except OSError:
        return
