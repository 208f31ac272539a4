"""Builders killed with -9 at every touch of the disk and at any other moment; readers that map while files change."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safehold.screening.index import Index, build, verify
from tests.screening.index.index_brute import seeded
from tests.screening.index.index_driver import AFTER, BEFORE, STEP, changes, missing

ROOT = Path(__file__).parents[3]


def start(mode: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.screening.index.index_driver", mode, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.crash
def test_a_build_killed_at_any_touch_of_the_disk_leaves_a_whole_index(tmp_path: Path) -> None:
    with start("killed", tmp_path / "index") as driver:
        out, _none = driver.communicate(timeout=120)
    assert driver.returncode == 0
    told = [json.loads(line) for line in out.splitlines()]
    assert len(told) > 20
    assert [one["died"] for one in told] == [True] * (len(told) - 1) + [False]
    assert all(one["wrong"] == one["again"] == one["left"] == [] for one in told)
    uptos = [one["upto"] for one in told]
    assert set(uptos) == {BEFORE, AFTER}
    assert uptos == sorted(uptos)  # one touch makes the new files the current ones


@pytest.mark.crash
def test_a_process_killed_while_it_builds_and_merges_loses_nothing_that_was_complete(tmp_path: Path) -> None:
    random, complete = seeded("kills"), 0
    for _kill in range(4):
        with start("build", tmp_path) as builder:
            assert builder.stdout is not None
            complete = int(builder.stdout.readline())
            time.sleep(random.random() * 0.7)
            builder.kill()
            rest = builder.stdout.read().split("\n")
        complete = max([complete, *(int(line) for line in rest[:-1])])
        index = Index.open(tmp_path)
        assert verify(tmp_path) is not None
        assert index.upto >= complete
        assert index.upto % STEP == 0
        assert missing(index, range(1, index.upto + 20, 97)) == []


def test_two_processes_read_while_a_third_builds(tmp_path: Path) -> None:
    build(tmp_path, changes(10), 10)
    with start("read", tmp_path) as one, start("read", tmp_path) as other:
        readers = (one, other)
        rounds = [json.loads(reader.stdout.readline()) for reader in readers if reader.stdout]
        for upto in range(20, 200, 15):
            build(tmp_path, changes(upto), upto)
            rounds += [json.loads(reader.stdout.readline()) for reader in readers if reader.stdout]
        for reader in readers:
            out, _none = reader.communicate(timeout=120)
            last = [json.loads(line) for line in out.splitlines()]
            assert reader.returncode == 0
            assert last[-1]["generation"] == 13
            rounds += last
    assert [told for told in rounds if told["wrong"]] == []
    assert len({told["generation"] for told in rounds}) > 3
