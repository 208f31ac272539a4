"""The directory of hotlines: complete, checked, and never wrong by silence."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from safehold.intake import directory
from safehold.intake import service as intake

READ = dt.date(2026, 10, 9)


@pytest.mark.parametrize("country", ["", "XX", "zz", "nonsense"])
def test_an_unknown_country_shows_ncmec_and_inhope(country: str) -> None:
    assert [one.id for one in intake.hotlines(country)] == ["ncmec", "inhope"]
    assert intake.emergency(country) == intake.Emergency(country="")


def test_ncmec_can_be_called() -> None:
    ncmec = intake.hotlines("")[0]
    assert (ncmec.phone, ncmec.url) == ("1-800-843-5678", "https://report.cybertip.org")


def test_every_country_ends_with_the_two_that_serve_everybody() -> None:
    for country in intake.known_countries():
        ids = [one.id for one in intake.hotlines(country)]
        assert ids.count("ncmec") == ids.count("inhope") == 1, country
        assert len(ids) == len(set(ids))
        assert intake.emergency(country).numbers, country


@pytest.mark.parametrize(
    ("country", "numbers"),
    [
        ("US", ["911"]),
        ("gb", ["999"]),
        ("AU", ["000", "112"]),
        ("BR", ["190", "192", "193"]),
        ("FR", ["112", "17", "119"]),
    ],
)
def test_emergency_numbers(country: str, numbers: list[str]) -> None:
    found = intake.emergency(country)
    assert [one.number for one in found.numbers] == numbers
    assert found.last_verified == READ


def test_what_nobody_verified_says_so() -> None:
    assert not any(one.verified for one in intake.emergency("CH").numbers)
    assert intake.emergency("CH").last_verified is None
    assert intake.hotlines("CH")[0].last_verified is None
    assert intake.hotlines("IE")[0].last_verified == READ


@pytest.mark.parametrize("language", ["en", "zh-hans", "ar"])
def test_notes_and_labels_in_every_language(language: str) -> None:
    notes = {one.note for country in intake.known_countries() for one in intake.hotlines(country, language)}
    assert len(notes) > 3
    if language != "en":
        assert not notes & {one.note for one in intake.hotlines("ES", "en") if one.note}
    assert intake.emergency("FR", language).numbers[1].label
    assert intake.emergency("NG", language).note


def test_an_unknown_language_reads_english() -> None:
    assert intake.hotlines("ES", "tlh") == intake.hotlines("ES", "en")


HOTLINE = {"id": "x", "name": "X", "url": "https://x.example", "kind": "hotline", "source": "pages"}
NUMBER = {"number": "112", "service": "all", "source": "pages"}


@pytest.mark.parametrize(
    ("code", "entry"),
    [
        ("usa", {"emergency": [NUMBER], "hotlines": [HOTLINE]}),
        (False, {"emergency": [NUMBER], "hotlines": [HOTLINE]}),  # NO, unquoted
        ("SE", {"emergency": [NUMBER | {"number": 112}], "hotlines": [HOTLINE]}),
        ("SE", {"emergency": [NUMBER | {"service": "coastguard"}], "hotlines": [HOTLINE]}),
        ("SE", {"emergency": [NUMBER], "hotlines": [HOTLINE | {"url": "http://x.example"}]}),
        ("SE", {"emergency": [NUMBER], "hotlines": [HOTLINE | {"source": "hearsay"}]}),
        ("SE", {"emergency": [NUMBER], "hotlines": [HOTLINE | {"note": "none"}]}),
        ("SE", {"emergency": [NUMBER], "hotlines": [HOTLINE], "emergency_note": "none"}),
    ],
)
def test_a_faulty_file_names_the_entry(tmp_path: Path, code: object, entry: dict[str, object]) -> None:
    with pytest.raises(directory.DirectoryError, match=r"usa|False|SE"):
        directory.load(_with(tmp_path, code, entry))


def _with(tmp_path: Path, code: object, entry: dict[str, object]) -> Path:
    read = yaml.safe_load(directory.FILE.read_text(encoding="utf-8"))
    read["countries"] = {"US": read["countries"]["US"], code: entry}
    path = tmp_path / "hotlines.yaml"
    path.write_text(yaml.safe_dump(read, allow_unicode=True), encoding="utf-8")
    return path
