"""`safehold screen`: every file of a folder gets an answer, and what was not looked at is never passed as clean."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from PIL import Image

from safehold.app import cli
from safehold.screening import live
from safehold.screening import service as screening
from safehold.screening.hashing.pdq import pdq

pytestmark = pytest.mark.django_db
TERMS = {
    "source": "source 1", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": "staff:owner-1",
    "category": "A1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def fresh(data: Path) -> Iterator[None]:
    live.let_go()
    yield
    live.let_go()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of noise, one below; a text and an empty file."""
    home = tmp_path / "uploads"
    (home / "below").mkdir(parents=True)
    chance = np.random.default_rng(17)
    for name, size in (("noise-1.png", 96), ("below/noise-2.png", 120)):
        Image.fromarray(chance.integers(0, 255, (size, size, 3), dtype=np.uint8)).save(home / name)
    (home / "note.txt").write_text("placeholder message 3")
    (home / "empty.bin").write_bytes(b"")
    return home


def screen(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    code = cli.main(["screen", "--json", "--decoders", "1", *map(str, arguments)])
    told = capsys.readouterr()
    return code, [json.loads(line) for line in told.out.splitlines()], told.err


def test_a_folder_is_gone_through_and_summed_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = np.asarray(Image.open(folder / "noise-1.png"))
    with transaction.atomic():
        digest = sha256((folder / "below" / "noise-2.png").read_bytes()).hexdigest()
        screening.add_entry("files-1", digest, **TERMS)
        screening.add_entry("files-2", pdq=pdq(picture).hex, **TERMS)
    code, lines, _errors = screen(capsys, folder)
    summary = lines.pop()["summary"]
    by_name = {Path(line["path"]).name: line for line in lines}
    assert code == 1
    assert [Path(line["path"]).name for line in lines] == ["empty.bin", "noise-1.png", "note.txt", "noise-2.png"]
    exact, near = by_name["noise-2.png"]["hits"][0], by_name["noise-1.png"]["hits"][0]
    assert (exact["list"], exact["how"], exact["exact"]) == ("files-1", "sha256", True)
    assert (near["list"], near["how"], near["exact"], near["distance"]) == ("files-2", "pdq", False, 0)
    assert (by_name["empty.bin"]["not_screened"], by_name["note.txt"]["not_screened"]) == ("empty", "not_media")
    assert by_name["note.txt"]["sha256"] == sha256(b"placeholder message 3").hexdigest()
    assert (summary["files"], summary["found"], summary["not_screened"]) == (4, 2, 2)
    assert summary["reasons"] == {"empty": 1, "not_media": 1}
    assert summary["lists"] == {"files-1": 1, "files-2": 1}


def test_clean_pictures_end_with_zero(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _errors = screen(capsys, folder / "noise-1.png", folder / "below")
    assert (code, len(lines)) == (0, 3)
    assert lines[-1]["summary"]["not_screened"] == 0


def test_links_are_not_followed_and_special_files_not_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "other.png").symlink_to(folder / "noise-1.png")
    os.mkfifo(folder / "pipe")
    _code, lines, _errors = screen(capsys, folder)
    assert lines[-1]["summary"]["files"] == 4


def test_a_file_that_cannot_be_read_is_not_screened(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from safehold.screening.hashing.sandbox import Decoders

    whole = Decoders.hash_file

    def refused(self: Decoders, source: Any, **more: Any) -> Any:
        if Path(source).name == "noise-1.png":
            raise PermissionError(13, "Permission denied")
        return whole(self, source, **more)

    monkeypatch.setattr(Decoders, "hash_file", refused)
    code, lines, _errors = screen(capsys, folder / "noise-1.png", folder / "below")
    assert code == 1
    assert (lines[0]["not_screened"], lines[0]["why"]) == ("unreadable", "Permission denied")
    assert lines[-1]["summary"]["files"] == 2


def test_for_people_it_names_what_matters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction.atomic():
        digest = sha256((folder / "noise-1.png").read_bytes()).hexdigest()
        screening.add_entry("files-1", digest, **TERMS)
    assert cli.main(["screen", "--decoders", "1", str(folder)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in out[:3]] == ["NOT SCREENED", "HIT", "NOT SCREENED"]
    assert out[1].endswith("files-1 (sha256)  exact")
    assert out[3].startswith("4 files, ")
    assert out[3].endswith(": 1 with hits.")


def test_a_path_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, lines, errors = screen(capsys, tmp_path / "none")
    assert (code, lines) == (2, [])
    assert f"there is no {tmp_path}/none" in errors


def test_nothing_is_recorded(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safehold.audit.models import Entry
    from safehold.screening.models import HitRecord

    with transaction.atomic():
        screening.add_entry("files-1", sha256((folder / "noise-1.png").read_bytes()).hexdigest(), **TERMS)
    before = Entry.objects.count()
    screen(capsys, folder)
    assert (HitRecord.objects.count(), Entry.objects.count()) == (0, before)
