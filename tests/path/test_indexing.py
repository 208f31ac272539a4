"""The worker builds the index's files anew where many changes stand in no file, and tells a person where it cannot."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from safehold.path import housekeeping, indexing
from safehold.screening import live
from safehold.screening.index.files import read_manifest
from safehold.work import service as work
from safehold.work.models import Job, Task
from tests.screening.test_matching import digest, entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def few(data: Path, settings: Any) -> Path:
    """The index's folder, where three changes are many."""
    less = msgspec.structs.replace(settings.SAFEHOLD.screening, index_changes=3)
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, screening=less)
    return live.folder()


def entries() -> int:
    manifest = read_manifest(live.folder())
    return manifest.entries if manifest else 0


def test_files_are_built_when_it_is_time_and_not_before(few: Path) -> None:
    for wanted in (0, 0, 3, 3, 3, 6):
        entry(sha256=digest("sha256"))
        assert indexing.look() == work.Later(indexing.EVERY)
        assert entries() == wanted
    assert indexing.look() == work.Later(indexing.EVERY)  # twice: nothing more is due
    assert entries() == 6


def test_somebody_else_building_is_no_failure(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.screening import service as screening

    def running(_folder: Path) -> Any:
        raise screening.BuildRunning

    for _ in range(3):
        entry(sha256=digest("sha256"))
    monkeypatch.setattr(screening, "build_index", running)
    assert indexing.look() == work.Later(indexing.EVERY)
    assert Task.objects.count() == 0


def test_files_that_cannot_be_used_bring_a_person_once(few: Path) -> None:
    for _ in range(3):
        entry(sha256=digest("sha256"))
    indexing.look()
    manifest = few / "manifest.json"
    manifest.write_bytes(b"{}")
    for _ in range(2):
        assert indexing.look() == work.Later(indexing.EVERY)
    assert Task.objects.get().kind == "index-damaged"


def test_the_worker_looks_from_its_start(data: Path) -> None:
    for _ in range(2):
        housekeeping.keep_going()
    assert Job.objects.filter(name="index.look").count() == 1
