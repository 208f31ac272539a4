"""No more patterns in all lists together than the matcher can try on a text."""

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from safehold.screening import lists, pattern_room, taking
from safehold.screening import service as screening
from safehold.screening.matching import Asked, Matcher
from safehold.screening.models import HashList, ListEntry, Purpose
from safehold.screening.words.patterns import MOST

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]
TERMS: dict[str, Any] = {"source": "tests", "purpose": Purpose.PREVENT, "licence": "own", "actor": "staff:1"}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """As if ten patterns could be matched."""
    monkeypatch.setattr(pattern_room, "MOST", 10)
    return 10


def load(folder: Path, home: str, lines: list[str], kind: str = "pattern", **more: Any) -> screening.ImportReport:
    path = folder / f"{home}.txt"
    path.write_text("\n".join(lines) + "\n")
    return screening.import_list(path, home, category="W", kind=kind, **TERMS, **more)


def patterns(number: int, word: str = "florbik") -> list[str]:
    return [f"{word}{n}[ab]" for n in range(number)]


def test_a_file_with_more_is_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(screening.TooManyPatterns, match=r"1,001 patterns in this file; 1,000 can be matched"):
        load(tmp_path, "words", patterns(MOST + 1))
    assert not HashList.objects.exists()
    assert not ListEntry.objects.exists()


def test_as_many_as_can_be_matched_are_taken_and_match(tmp_path: Path) -> None:
    assert load(tmp_path, "words", patterns(MOST)).added == MOST
    matcher = Matcher(tmp_path / "index")
    matcher.keep_up()
    assert len(matcher.words) == MOST
    assert len(matcher.match(Asked(text="florbik999a, florbik0b"))) == 2
    with pytest.raises(screening.TooManyPatterns, match="all lists together"):
        load(tmp_path, "more", patterns(1, "tweedap"))
    with pytest.raises(screening.TooManyPatterns), transaction.atomic():
        lists.add_term("more", pattern="tweedap[ab]", category="W", **TERMS)
    matcher.keep_up()
    assert len(matcher.words) == MOST, "the matcher goes on with what it had"


def test_all_lists_count_together_and_what_is_over_takes_its_batch_with_it(tmp_path: Path, few: int) -> None:
    load(tmp_path, "a", patterns(6))
    with pytest.raises(screening.TooManyPatterns, match="11 patterns in all lists together"):
        load(tmp_path, "b", patterns(5, "tweedap"))
    assert not ListEntry.objects.filter(list="b").exists()
    assert load(tmp_path, "b", patterns(4, "tweedap")).added == 4
    assert load(tmp_path, "b", patterns(4, "tweedap")).duplicates == 4, "the same again is nothing more"


def test_what_is_set_aside_or_is_a_term_does_not_count(tmp_path: Path, few: int) -> None:
    report = load(tmp_path, "a", [*patterns(few), *("(" * n for n in range(1, 5)), *patterns(few)])
    assert (report.added, report.malformed, report.duplicates) == (few, 4, few)
    assert load(tmp_path, "b", [f"tweedap{n}" for n in range(few * 3)], kind="term").added == few * 3


def test_a_retracted_one_makes_room_and_a_changed_one_takes_it(tmp_path: Path, few: int) -> None:
    load(tmp_path, "a", patterns(few))
    entry = ListEntry.objects.first()
    assert entry is not None
    screening.retract_entry(entry.pk, because="placeholder", actor="staff:1")
    assert load(tmp_path, "b", patterns(1, "tweedap")).added == 1
    path = tmp_path / "c.csv"
    path.write_text("ref,term,pattern\nr1,moglen,\n")
    screening.import_list(path, "c", category="W", **TERMS)
    path.write_text("ref,term,pattern\nr1,,moglen[ab]\n")
    with pytest.raises(screening.TooManyPatterns):
        screening.import_list(path, "c", category="W", **TERMS)
    (kept,) = ListEntry.objects.filter(list="c")
    assert kept.identity.startswith("term:")
    assert taking.check_room is pattern_room.check_room
