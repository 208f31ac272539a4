"""The archive's files: what is kept stays kept, packs once, ends with its term; an account can be erased."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from safehold.screening.archive import journal, parts
from safehold.screening.archive.journal import Journal
from safehold.screening.archive.schema import COLUMNS, Row, table

DAY = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


def row(number: int, at: datetime = DAY, account: str = "user-17") -> Row:
    return Row(
        int(at.timestamp() * 1_000_000), "blog", f"p{number}", account, "public_uploads", "US", False,
        f"{number:064x}", "", f"{number:032x}", (f"{number:064x}",),
    )  # fmt: skip


def kept(folder: Path) -> list[str]:
    return sorted(
        item
        for part in parts.listed(folder)
        for batch in parts.batches(part)
        for item in batch.column("item_id").to_pylist()
    )


def write(folder: Path, *rows: Row) -> None:
    one = Journal(parts.journals(folder))
    assert one.keep(rows) == len(rows)
    one.close()


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, row(1), row(2, DAY + timedelta(minutes=2)))
    assert parts.pack(tmp_path) == (1, 2, 0)
    newest, older = parts.listed(tmp_path)
    assert (newest.path.parent.name, older.path.parent.name) == ("day=2026-02-01", "day=2026-01-31")
    (batch,) = parts.batches(older)
    assert batch.to_pylist() == [
        {
            "at": DAY, "host": "blog", "item_id": "p1", "account_id": "user-17", "surface": "public_uploads",
            "jurisdiction": "US", "film": False, "sha256": bytes(31) + b"\1", "sha1": None, "md5": bytes(15) + b"\1",
            "pdqs": [bytes(31) + b"\1"],
        }
    ]  # fmt: skip
    assert journal.every(parts.journals(tmp_path)) == []
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*.parquet")} == {"0o600"}


def test_a_journal_in_use_is_left_alone_and_can_be_read(tmp_path: Path) -> None:
    one = Journal(parts.journals(tmp_path))
    one.keep([row(1)])
    assert parts.pack(tmp_path) == (0, 0, 0)
    (path,) = journal.every(parts.journals(tmp_path))
    assert [found.item_id for found in journal.rows(path) if found] == ["p1"]
    one.close()
    assert parts.pack(tmp_path).rows == 1


def test_what_a_killed_process_wrote_is_packed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from safehold.screening.archive.journal import Journal;"
        "from tests.screening.archive.test_archive_files import row;"
        "Journal(Path(sys.argv[1])).keep([row(1), row(2)]); print('kept', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(parts.journals(tmp_path))], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "kept\n"
    assert parts.pack(tmp_path).journals == 0
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert parts.pack(tmp_path) == (1, 2, 0)
    assert kept(tmp_path) == ["p1", "p2"]


def test_a_cut_line_is_left_out_and_a_spoilt_one_is_counted_and_kept_aside(tmp_path: Path) -> None:
    write(tmp_path, row(1), row(2))
    (path,) = journal.every(parts.journals(tmp_path))
    data = path.read_bytes()
    path.write_bytes(b"nonsense\n" + data[:-5])
    assert parts.pack(tmp_path) == (1, 1, 1)
    assert kept(tmp_path) == ["p1"]
    assert [one.suffix for one in parts.journals(tmp_path).iterdir()] == [".unreadable"]


def test_packing_twice_keeps_each_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, row(1), row(2))

    def full(_path: Path) -> None:
        raise OSError("placeholder message 3")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", full)
        with pytest.raises(OSError, match="placeholder"):
            parts.pack(tmp_path)
    assert parts.pack(tmp_path).rows == 2
    assert kept(tmp_path) == ["p1", "p2"]


def test_a_file_is_begun_anew_when_it_is_old(tmp_path: Path) -> None:
    one = Journal(parts.journals(tmp_path), period=0)
    one.keep([row(1)])
    one.settle()
    one.keep([row(2)])
    one.close()
    assert len(journal.every(parts.journals(tmp_path))) == 2


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(parts.journals(tmp_path))
    one.keep([row(1)])
    write_all = os.write
    monkeypatch.setattr(journal.os, "write", lambda file, data: write_all(file, data[:7]))
    with pytest.raises(OSError, match="took 7 of"):
        one.keep([row(2)])
    monkeypatch.undo()
    one.keep([row(3)])
    one.close()
    assert parts.pack(tmp_path) == (1, 2, 0)
    assert kept(tmp_path) == ["p1", "p3"]


def test_a_forked_process_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    one = Journal(parts.journals(tmp_path))
    one.keep([row(1)])
    child = multiprocessing.get_context("fork").Process(target=lambda: one.keep([row(2)]))
    child.start()
    child.join()
    assert child.exitcode == 0
    one.keep([row(3)])
    assert len(journal.every(parts.journals(tmp_path))) == 2
    one.close()
    parts.pack(tmp_path)
    assert kept(tmp_path) == ["p1", "p2", "p3"]


def test_merging_keeps_every_row_and_survives_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write(tmp_path, row(number))
        parts.pack(tmp_path)
    before = {part.name for part in parts.listed(tmp_path)}
    assert parts.merge(tmp_path, DAY.date()) == 0  # the day is not over
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda _path: (_ for _ in ()).throw(OSError("placeholder message 3")))
        with pytest.raises(OSError, match="placeholder"):
            parts.merge(tmp_path, date(2026, 2, 1))
    assert parts.merge(tmp_path, date(2026, 2, 1)) == 4
    (part,) = parts.listed(tmp_path)
    assert part.replaces == before
    assert kept(tmp_path) == ["p0", "p1", "p2", "p3"]
    write(tmp_path, row(9))
    parts.pack(tmp_path)
    assert parts.merge(tmp_path, date(2026, 2, 1)) == 2
    (again,) = parts.listed(tmp_path)
    assert again.replaces > before | {part.name}
    assert kept(tmp_path) == ["p0", "p1", "p2", "p3", "p9"]


def test_days_end_with_the_term(tmp_path: Path) -> None:
    write(tmp_path, row(1), row(2, DAY + timedelta(days=1)), row(3, DAY + timedelta(days=2)))
    parts.pack(tmp_path)
    assert parts.expire(tmp_path, 2, date(2026, 2, 3)) == ["2026-01-31"]
    assert kept(tmp_path) == ["p2", "p3"]


def test_one_account_is_erased_and_nobody_else(tmp_path: Path) -> None:
    write(tmp_path, row(1), row(2, account="user-18"), row(3), row(4, DAY + timedelta(days=1)))
    parts.pack(tmp_path)
    names = [part.name for part in parts.listed(tmp_path)]
    assert parts.erase(tmp_path, "other-host", "user-17") == 0
    assert parts.erase(tmp_path, "blog", "user-17") == 3
    assert kept(tmp_path) == ["p2"]
    assert [part.name for part in parts.listed(tmp_path)] == names
    assert parts.erase(tmp_path, "blog", "user-17") == 0
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"user-17" not in path.read_bytes()


def test_erasing_from_a_merged_part_keeps_what_it_replaces(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path, row(number, account=f"user-{number}"))
        parts.pack(tmp_path)
    parts.merge(tmp_path, date(2026, 2, 1))
    before = parts.listed(tmp_path)[0].replaces
    parts.erase(tmp_path, "blog", "user-0")
    assert (parts.listed(tmp_path)[0].replaces, kept(tmp_path)) == (before, ["p1"])


def test_a_damaged_or_foreign_part_is_named(tmp_path: Path) -> None:
    write(tmp_path, row(1))
    parts.pack(tmp_path)
    (part,) = parts.listed(tmp_path)
    data = part.path.read_bytes()
    for damaged in (b"", data[: len(data) // 2], b"PAR1" + bytes(100)):
        part.path.write_bytes(damaged)
        with pytest.raises(parts.DamagedPart, match=part.path.name):
            [*parts.listed(tmp_path), *parts.batches(part)]
    pq.write_table(table([row(1)]).replace_schema_metadata({}), part.path)
    with pytest.raises(parts.DamagedPart, match="no part of an archive"):
        list(parts.batches(part))
    part.path.unlink()
    with pytest.raises(FileNotFoundError):
        list(parts.batches(part))


def test_an_archive_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert parts.listed(tmp_path / "none") == []
    assert parts.pack(tmp_path / "none") == (0, 0, 0)
    assert parts.merge(tmp_path / "none") == 0
    assert parts.expire(tmp_path / "none", 1) == []


def test_settling_is_cheap_when_nothing_was_written(tmp_path: Path) -> None:
    one = Journal(parts.journals(tmp_path))
    one.settle()
    assert one.keep([]) == 0
    assert journal.every(parts.journals(tmp_path)) == []


def test_columns_are_what_the_format_says() -> None:
    assert table([row(1)]).schema == COLUMNS
    assert time.gmtime(row(1).at / 1_000_000).tm_mday == 31
