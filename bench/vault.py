"""The vault beside plain files: a large file streamed in and out, and many small ones. No process is started.

`run(folder, runs)` gives two results. The vault is the whole one, as a report's evidence meets it: three digests, a
key for each object in the key store, streaming AEAD, parts synced to the disk, the record and its act in the database;
reading records the look first and checks the digest at the end. The plain copy is synced too, file and folder, and
has none of the rest. The large file is of 256 MiB; BENCH_VAULT_MIB for another size.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.figures import Result, Row

WRITE, READ, COPY, PLAIN = "write: preserved", "read: opened, to its end", "plain copy, synced", "plain read"
DIGESTS = "the three digests alone"
BLOCK = 2**20
ROUNDS = 5  # of the large file, at most
SMALL = 200  # objects, at most
SMALL_BYTES = 16 * 1024
WARM = 1  # large file, and small object, before counting


def run(folder: Path, runs: int) -> list[Result]:
    """The large file `runs` times, at most ROUNDS; two small ones for each run, at most SMALL."""
    import django

    django.setup()
    from safehold.app.setup import setup

    setup()
    place = folder / "vault"
    place.mkdir()
    mib = int(os.environ.get("BENCH_VAULT_MIB", "256"))
    return [_large(place, mib, min(runs, ROUNDS)), _small(place, min(2 * runs, SMALL))]


def _large(place: Path, mib: int, rounds: int) -> Result:
    source = _made(place / "source", mib * BLOCK)
    times = _rounds(place, [source] * (WARM + rounds))
    digests = [_timed(lambda: _digests(source)) for _ in range(rounds)]
    rows = [*_rows(times), Row(DIGESTS, digests)]
    speeds = ", ".join(f"{row.name.partition(':')[0]} {mib / row.p50:.0f}" for row in rows)
    notes = [f"MiB/s: {speeds}.", "What is read was written a moment before: both come from the machine's memory."]
    return Result("vault", f"One file of {mib} MiB, streamed", rows, notes)


def _small(place: Path, count: int) -> Result:
    sources = [_made(place / f"source-{number}", SMALL_BYTES) for number in range(WARM + count)]
    rows = _rows(_rounds(place, sources))
    rates = ", ".join(f"{row.name.partition(':')[0]} {1 / row.p50:.0f}" for row in rows)
    notes = [f"Objects per second, one after another: {rates}."]
    return Result("vault-small", f"{count} files of {SMALL_BYTES // 1024} KiB", rows, notes)


def _rows(times: dict[str, list[float]]) -> list[Row]:
    against = {WRITE: COPY, READ: PLAIN}
    return [Row(name, times[name], against=against.get(name, "")) for name in (WRITE, READ, COPY, PLAIN)]


def _rounds(place: Path, sources: list[Path]) -> dict[str, list[float]]:
    """Each file through the vault and beside it, in turn, so that the machine's moods fall on all alike."""
    from safehold.evidence import service as evidence

    times: dict[str, list[float]] = {name: [] for name in (WRITE, READ, COPY, PLAIN)}
    copy = place / "copy"
    for number, source in enumerate(sources):
        kept: list[Any] = []
        took = {
            WRITE: _timed(lambda s=source, k=kept: k.append(_preserve(s))),  # type: ignore[misc]
            COPY: _timed(lambda s=source: _copy(s, copy)),  # type: ignore[misc]
            READ: _timed(lambda s=source, k=kept: _open(k[0].pk, s.stat().st_size)),  # type: ignore[misc]
            PLAIN: _timed(lambda s=source: _whole(_blocks(copy), s.stat().st_size)),  # type: ignore[misc]
        }
        copy.unlink()
        evidence.destroy(kept[0].pk, actor="operator:bench", because="measured")
        if number >= WARM:
            for name, seconds in took.items():
                times[name].append(seconds)
    return times


def _preserve(source: Path) -> Any:
    from safehold.evidence import service as evidence

    return evidence.preserve(
        _blocks(source), media_type="video/mp4", file_name="noise.mp4", about="bench:3", actor="operator:bench"
    )


def _open(sealed_id: Any, size: int) -> None:
    from safehold.evidence import service as evidence

    _whole(evidence.open_sealed(sealed_id, actor="operator:bench", purpose="verify", about="bench:3"), size)


def _copy(source: Path, target: Path) -> None:
    """A copy that is on the disk when this returns."""
    from safehold.sealing.files import sync_folder

    with target.open("wb") as output:
        for block in _blocks(source):
            output.write(block)
        output.flush()
        os.fsync(output.fileno())
    sync_folder(target.parent)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while block := source.read(BLOCK):
            yield block


def _whole(blocks: Iterator[bytes], size: int) -> None:
    if (came := sum(len(block) for block in blocks)) != size:
        raise RuntimeError(f"{came} bytes came back of {size}, so the figures mean nothing.")


def _digests(source: Path) -> None:
    digests = [hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5", "sha1")]
    for block in _blocks(source):
        for digest in digests:
            digest.update(block)


def _made(path: Path, size: int) -> Path:
    """A file of noise."""
    with path.open("wb") as output:
        while size > 0:
            output.write(os.urandom(min(BLOCK, size)))
            size -= BLOCK
    return path


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
