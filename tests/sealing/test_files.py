"""Key files: one content for everybody, whole, and closed to others."""

import secrets
import threading
from pathlib import Path

import pytest

from safehold.sealing.files import make_once


def test_a_key_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "some.key"
    first = make_once(path, lambda: b"one")
    assert first == b"one" == make_once(path, lambda: b"two")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["some.key"]


def test_a_key_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> bytes:
        raise OSError("no randomness")

    with pytest.raises(OSError, match="randomness"):
        make_once(tmp_path / "some.key", failing)
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_read_one_key(tmp_path: Path) -> None:
    path, start, read = tmp_path / "some.key", threading.Barrier(8), []

    def work() -> None:
        start.wait()
        read.append(make_once(path, lambda: secrets.token_bytes(1000)))

    threads = [threading.Thread(target=work) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(read)) == 1
    assert len(read) == 8
    assert len(read[0]) == 1000
    assert [one.name for one in tmp_path.iterdir()] == ["some.key"]
