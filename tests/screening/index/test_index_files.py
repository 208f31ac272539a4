"""Files: whole or refused, replaced while they are read, and never fewer answers than there should be."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from safehold.screening.index import BuildRunning, Change, DamagedIndex, Index, build, build_arrays, files, verify
from safehold.screening.index.build import KEPT, PARTS
from tests.screening.index.index_brute import at_distance, entry, pictures, seeded

NAMES = ("pdq.index", "sha256.index", "sha1.index", "md5.index")


def some(count: int = 40, first: int = 1) -> list[Change]:
    random = seeded(first)
    return [
        Change(
            entry(version), version, live=True, pdq=(random.randbytes(32),),
            sha256=random.randbytes(32), sha1=random.randbytes(20), md5=random.randbytes(16),
        )
        for version in range(first, first + count)
    ]  # fmt: skip


@pytest.fixture
def held(tmp_path: Path) -> list[Change]:
    """Entries that are built in `tmp_path`."""
    changes = some()
    build(tmp_path, changes, 40)
    return changes


def current(folder: Path) -> Path:
    manifest = files.read_manifest(folder)
    assert manifest is not None
    return files.folder_of(folder, manifest.generation)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.chmod(0o600)
    path.write_bytes(content)


def test_what_was_built_is_found(tmp_path: Path, held: list[Change]) -> None:
    index = Index.open(tmp_path)
    random = seeded("queries")
    for change in held:
        assert [one.entry for one in index.near(at_distance(change.pdq[0], 31, random))] == [change.entry]
        for kind in ("sha256", "sha1", "md5"):
            assert index.exact(kind, getattr(change, kind)) == [change.entry]
    assert index.upto == 40
    assert (index.stats.entries, index.stats.generation, index.stats.delta) == (40, 1, 0)
    assert index.stats.mapped == sum(path.stat().st_size for path in current(tmp_path).iterdir())
    assert 0 <= index.stats.age < 600


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    build(folder, some(), 40)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert current(folder).stat().st_mode & 0o777 == 0o700
    for path in [folder / "manifest.json", *current(folder).iterdir()]:
        assert path.stat().st_mode & 0o777 == 0o600


def test_arrays_and_a_stream_give_the_same_files(tmp_path: Path, held: list[Change]) -> None:
    def column(values: list[bytes]) -> np.ndarray:
        return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1)

    entries = column([one.entry for one in held])
    digests = {kind: (column([getattr(one, kind) for one in held]), entries) for kind in ("sha256", "sha1", "md5")}
    hashes = column([one.pdq[0] for one in held])
    first = files.read_manifest(tmp_path)
    for number, pdq in enumerate((hashes, hashes.view(np.uint64))):
        made = build_arrays(tmp_path / str(number), pdq, entries, 40, digests)
        assert first is not None
        assert (made.files, made.entries) == (first.files, 40)


def test_a_stream_may_repeat_and_retract(tmp_path: Path) -> None:
    random = seeded("stream")
    one, two, three = (random.randbytes(32) for _n in range(3))
    manifest = build(
        tmp_path,
        [
            Change(entry(1), 7, live=True, pdq=(two,), sha256=two),
            Change(entry(2), 2, live=True, pdq=(two,), md5=bytes(16)),
            Change(entry(1), 3, live=True, pdq=(one,), sha256=one),
            Change(entry(2), 5, live=False, pdq=(two,), md5=bytes(16)),
            Change(entry(3), 4, live=True, pdq=(three, one, three)),
        ],
        7,
    )
    index = Index.open(tmp_path)
    assert manifest.entries == 2
    assert [found.entry for found in index.near(two)] == [entry(1)]
    assert [found.entry for found in index.near(one)] == [entry(3)]
    assert [found.entry for found in index.near(three)] == [entry(3)]
    assert index.exact_many("sha256", [one, two]) == [[], [entry(1)]]
    assert index.exact("md5", bytes(16)) == []


def test_entries_are_counted_once(tmp_path: Path) -> None:
    frames = np.zeros((6, 32), np.uint8)
    owners = np.frombuffer(b"".join(entry(n) for n in (1, 2, 1, 2, 3, 3)), np.uint8).reshape(-1, 16)
    more = np.frombuffer(entry(4) + entry(1), np.uint8).reshape(-1, 16)
    assert build_arrays(tmp_path, frames, owners, 1, {"md5": (np.zeros((2, 16), np.uint8), more)}).entries == 4


def test_an_empty_stream_is_an_index(tmp_path: Path) -> None:
    assert build(tmp_path, [], 3).entries == 0
    index = Index.open(tmp_path)
    assert index.near(bytes(32)) == []
    assert index.exact("sha1", bytes(20)) == []
    assert index.upto == 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_size_is_refused(tmp_path: Path, held: list[Change], name: str, change: int) -> None:
    path = current(tmp_path) / name
    os.truncate(path, path.stat().st_size + change)
    with pytest.raises(DamagedIndex, match=f"{name} cannot be used: it has .* bytes and must have"):
        Index.open(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [0, 15, 16, 20, 24, 60, 200])
def test_a_flipped_bit_in_a_header_is_refused(tmp_path: Path, held: list[Change], name: str, place: int) -> None:
    flip(current(tmp_path) / name, place)
    with pytest.raises(DamagedIndex, match=name):
        Index.open(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.999])
def test_a_flipped_bit_anywhere_is_found_by_verify(tmp_path: Path, held: list[Change], name: str, part: float) -> None:
    path = current(tmp_path) / name
    manifest = verify(tmp_path)
    assert manifest is not None
    assert manifest.generation == 1
    flip(path, files.HEADER + int(part * (path.stat().st_size - files.HEADER - 1)))
    with pytest.raises(DamagedIndex, match=f"{name} cannot be used: its checksum"):
        verify(tmp_path)


def test_a_flipped_bit_in_the_table_of_buckets_is_refused_at_once(tmp_path: Path, held: list[Change]) -> None:
    flip(current(tmp_path) / "pdq.index", files.HEADER + 4 * 70_000)
    with pytest.raises(DamagedIndex, match="table of buckets"):
        Index.open(tmp_path)


def test_ids_that_point_nowhere_are_an_error_and_no_answer(tmp_path: Path, scan: str) -> None:
    change = Change(entry(1), 1, live=True, pdq=(bytes(32),))
    build(tmp_path, [change], 1)
    path = current(tmp_path) / "pdq.index"
    content = bytearray(path.read_bytes())
    sections = files._header(path, bytes(content[: files.HEADER])).sections
    _dtype, count, begin = sections["ids"]
    content[begin : begin + 4 * count] = b"\xff" * (4 * count)
    path.write_bytes(content)
    with pytest.raises(DamagedIndex, match="rows that it does not hold"):
        Index.open(tmp_path).near(bytes(32))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused(tmp_path: Path, held: list[Change], name: str) -> None:
    (current(tmp_path) / name).unlink()
    for use in (Index.open, verify):
        with pytest.raises(DamagedIndex, match=f"{name} cannot be used: it is missing"):
            use(tmp_path)


def test_a_file_of_another_generation_or_kind_is_refused(tmp_path: Path, held: list[Change]) -> None:
    first = current(tmp_path)
    build(tmp_path, held, 40)
    second = current(tmp_path)
    good = (second / "pdq.index").read_bytes()
    (second / "pdq.index").write_bytes((first / "pdq.index").read_bytes())
    with pytest.raises(DamagedIndex, match="pdq of generation 1 with 40 rows, and must hold pdq of 2"):
        Index.open(tmp_path)
    (second / "pdq.index").write_bytes(good)
    Index.open(tmp_path)
    (second / "pdq.index").write_bytes(os.urandom(len(good)))
    with pytest.raises(DamagedIndex, match="no file of this index"):
        Index.open(tmp_path)


def spoilt(change: Callable[[str], str]) -> Callable[[Path], None]:
    def work(path: Path) -> None:
        path.write_text(change(path.read_text()))

    return work


@pytest.mark.parametrize(
    "spoil",
    [
        spoilt(lambda text: text.replace('"upto":40', '"upto":90')),
        spoilt(lambda text: text[:-20]),
        spoilt(lambda _text: ""),
        spoilt(lambda _text: "[1, 2]"),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
    ],
)
def test_a_damaged_manifest_is_refused_and_a_build_replaces_it(
    tmp_path: Path, held: list[Change], spoil: Callable[[Path], None]
) -> None:
    index = Index.open(tmp_path)
    spoil(tmp_path / "manifest.json")
    for use in (Index.open, verify):
        with pytest.raises(DamagedIndex, match=r"manifest\.json cannot be used"):
            use(tmp_path)
    with pytest.raises(DamagedIndex):
        index.refresh()
    assert index.exact("md5", held[0].md5) == [held[0].entry]  # what was mapped goes on answering
    assert build(tmp_path, held, 40).generation == 2
    assert Index.open(tmp_path).exact("md5", held[0].md5) == [held[0].entry]
    assert index.refresh()


def test_a_manifest_of_a_later_version_is_refused_by_its_number(tmp_path: Path, held: list[Change]) -> None:
    manifest = files.read_manifest(tmp_path)
    assert manifest is not None
    files.put_manifest(tmp_path, type(manifest)(9, 1, 40, 40, 0.0, manifest.files))
    with pytest.raises(DamagedIndex, match="format 9, this version reads format 1"):
        Index.open(tmp_path)


def test_the_generation_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    opened = []
    for upto in range(1, 6):
        build(tmp_path, some(upto), upto)
        opened.append(Index.open(tmp_path))
    assert sorted(files.generations(tmp_path)) == [4, 5]
    assert KEPT == 2
    for upto, index in enumerate(opened, 1):  # those that have old files mapped go on, with all they had
        found = [index.exact("sha1", change.sha1) for change in some(5)]
        assert found == [[entry(number)] if number <= upto else [] for number in range(1, 6)]
        assert index.stats.generation == upto


def test_a_manifest_is_replaced_and_never_written_over(tmp_path: Path, held: list[Change]) -> None:
    """Who reads it at that moment reads the old one or the new one, whole."""
    before = (tmp_path / "manifest.json").read_bytes()
    with (tmp_path / "manifest.json").open("rb") as reading:
        build(tmp_path, held, 41)
        assert reading.read() == before
    assert (tmp_path / "manifest.json").read_bytes() != before


def test_one_process_builds_at_a_time_and_leftovers_are_removed(tmp_path: Path) -> None:
    left = tmp_path / "building-0123456789abcdef"
    left.mkdir()
    (left / "pdq.index").write_bytes(b"half of it")
    (tmp_path / ".manifest.json.0123").write_bytes(b"half of it")
    with files.building(tmp_path), pytest.raises(BuildRunning, match="Another process is building"):
        build(tmp_path, [], 1)
    build(tmp_path, [], 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build.lock", "generation-000001", "manifest.json"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, held: list[Change], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int, _from: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        build(tmp_path, some(50), 50)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build.lock", "generation-000001", "manifest.json"]
    assert Index.open(tmp_path).upto == 40


def test_a_stream_that_breaks_leaves_what_was_there(tmp_path: Path, held: list[Change]) -> None:
    def broken() -> object:
        yield held[0]
        raise ConnectionError("the database went away")

    with pytest.raises(ConnectionError):
        build(tmp_path, broken(), 60)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build.lock", "generation-000001", "manifest.json"]


def test_a_build_that_would_lose_changes_is_refused(tmp_path: Path, held: list[Change]) -> None:
    with pytest.raises(ValueError, match="holds the changes up to 40; building up to 39 would lose some"):
        build(tmp_path, held, 39)


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    build(tmp_path, pictures([bytes(32)]), 1, progress=lambda done, of: told.append((done, of)))
    assert told == [(number, PARTS) for number in range(1, PARTS + 1)]


@pytest.mark.parametrize(
    "change",
    [
        Change(b"short", 1, live=True),
        Change(entry(1), 1, live=True, pdq=(bytes(31),)),
        Change(entry(1), 1, live=True, sha256=bytes(20)),
        Change(entry(1), 1, live=True, sha1=bytes(16)),
        Change(entry(1), 1, live=True, md5=bytes(32)),
    ],
)
def test_a_field_of_a_wrong_length_is_refused(tmp_path: Path, change: Change) -> None:
    index = Index.open(tmp_path)
    for work in (lambda: index.apply([*some(2), change]), lambda: build(tmp_path, [change], 1)):
        with pytest.raises(ValueError, match=r"has \d+"):
            work()
    assert index.stats.delta == 0
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize(
    ("pdq", "entries"),
    [
        (np.zeros((2, 31), np.uint8), np.zeros((2, 16), np.uint8)),
        (np.zeros((2, 4), np.int64), np.zeros((2, 16), np.uint8)),
        (np.zeros(8, np.uint64), np.zeros((2, 16), np.uint8)),
        (np.zeros((2, 4), np.uint64), np.zeros((3, 16), np.uint8)),
        (np.zeros((2, 4), np.uint64), np.zeros((2, 16), np.int8)),
    ],
)
def test_arrays_of_a_wrong_shape_are_refused(tmp_path: Path, pdq: np.ndarray, entries: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be uint"):
        build_arrays(tmp_path, pdq, entries, 1)
