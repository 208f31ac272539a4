"""What our own people retracted stays retracted, whatever its source says next; and how two people allow it again."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from safehold.audit import service as audit
from safehold.audit.models import FailedAttempt
from safehold.screening import lists
from safehold.screening import service as screening
from safehold.screening.exchanges import keeping
from safehold.screening.models import Exchange, HashList, ListEntry
from safehold.screening.service import EntryIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR, OTHER = "staff:user-17", "staff:user-18"
TERMS = {"source": "partner", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": ACTOR}
LOOKS = "0123456789abcdef" * 4  # 128 ones of 256


def hexed(kind: str, word: object) -> str:
    return hashlib.new(kind, f"gradient {word}".encode()).hexdigest()


def sha(word: object) -> str:
    return hexed("sha256", word)


def add(slug: str = "partner", **given: Any) -> ListEntry:
    return screening.add_entry(slug, category="A1", **{**TERMS, **given})


def take(*rows: EntryIn) -> screening.Counts:
    return screening.take("partner", rows, actor=ACTOR)


def import_(tmp_path: Path, text: str, **more: Any) -> screening.ImportReport:
    path = tmp_path / "list.csv"
    path.write_text(text)
    return screening.import_list(path, "partner", **{**TERMS, "category": "A1", **more})


def live() -> set[tuple[str, str]]:
    return set(ListEntry.objects.filter(retracted_at=None).values_list("ref", "identity"))


def retract(entry: ListEntry | str, **more: Any) -> list[ListEntry]:
    name = entry if isinstance(entry, str) else entry.pk
    return screening.retract_entry(name, because="appeal:1", actor=ACTOR, **more)


# --- a source says it again ---


@pytest.mark.parametrize("ref", ["m-1", "m-2"])
def test_an_exchange_does_not_bring_it_back(ref: str) -> None:
    row = add(sha256=sha(1), ref="m-1")
    retract(row)
    said = EntryIn(ref=ref, sha256=sha(1), category="A2")
    assert take(said, EntryIn(ref="m-3", sha256=sha(3))) == screening.Counts(added=1, barred=1)
    assert take(said) == screening.Counts(barred=1)
    assert take(EntryIn(ref=ref, gone=True)) == screening.Counts(gone=1)
    assert take(said) == screening.Counts(barred=1), "withdrawn by its source in between"
    assert live() == {("m-3", sha(3))}
    assert screening.match([sha(1)]) == []
    row.refresh_from_db()
    assert (row.barred, row.retracted_because) == (True, "appeal:1")


def test_a_file_does_not_bring_it_back_and_the_report_says_so(tmp_path: Path) -> None:
    retract(add(sha256=sha(1), ref="m-1"))
    report = import_(tmp_path, f"sha256,ref\n{sha(1)},m-1\n{sha(1)},m-2\n{sha(2)},m-2\n", whole=True)
    assert (report.lines, report.added, report.barred, report.missing) == (3, 1, 2, 0)
    assert live() == {("m-2", sha(2))}


def test_our_own_calls_do_not_bring_it_back() -> None:
    retract(add(sha256=sha(1), ref="m-1"))
    other = add(sha256=sha(2), ref="m-2")
    for ref in ("m-1", "m-2", ""):
        with pytest.raises(screening.Barred, match="lists allow"):
            add(sha256=sha(1), ref=ref)
    with pytest.raises(screening.Barred):
        screening.update_entry(other.pk, sha256=sha(1), actor=ACTOR)
    assert live() == {("m-2", sha(2))}


@pytest.mark.parametrize("slug", ["links", "terms"])
def test_links_and_terms_are_barred_alike(slug: str, tmp_path: Path) -> None:
    def put(ref: str) -> ListEntry:
        if slug == "links":
            return screening.add_link(slug, "https://user-17.test/a", category="A1", ref=ref, **TERMS)
        return screening.add_term(slug, term="zorblat", category="A1", ref=ref, **TERMS)

    retract(put("m-1"))
    with pytest.raises(screening.Barred):
        put("m-2")
    path = tmp_path / "list.txt"
    path.write_text("https://user-17.test/a\n" if slug == "links" else "zorblat\n")
    kind = "link" if slug == "links" else "term"
    assert screening.import_list(path, slug, kind=kind, category="A1", **TERMS).barred == 1
    assert live() == set()


# --- the same file, said otherwise ---

WHOLE = {"sha256": sha(1), "sha1": hexed("sha1", 1), "md5": hexed("md5", 1), "pdq": LOOKS}


@pytest.mark.parametrize(
    ("before", "now", "ref"),
    [
        ({"md5": WHOLE["md5"]}, WHOLE, "m-2"),
        (WHOLE, {"md5": WHOLE["md5"]}, "m-2"),
        (WHOLE, {"sha1": WHOLE["sha1"], "md5": WHOLE["md5"]}, "m-1"),
        (WHOLE, {"pdq": LOOKS}, "m-1"),
        ({"pdq": LOOKS}, {"pdq": LOOKS, "md5": WHOLE["md5"]}, "m-1"),
        ({"pdq": LOOKS}, {"pdq": LOOKS}, "m-2"),
        ({"frames": b"\x0f\xf0" * 16}, {"frames": b"\x0f\xf0" * 16, "md5": WHOLE["md5"]}, "m-1"),
    ],
)
def test_the_same_file_said_with_more_or_less_is_barred(before: dict[str, Any], now: dict[str, Any], ref: str) -> None:
    retract(add(ref="m-1", **before))
    assert take(EntryIn(ref=ref, **now)).barred == 1
    with pytest.raises(screening.Barred):
        add(ref=ref, **now)
    assert live() == set()


@pytest.mark.parametrize(
    ("before", "now", "ref"),
    [
        ({"sha256": sha(1)}, {"sha256": sha(2)}, "m-1"),  # the source has put it right
        ({"sha256": sha(1), "md5": WHOLE["md5"]}, {"sha256": sha(2), "md5": WHOLE["md5"]}, "m-1"),  # a collision
        (WHOLE, {"sha256": sha(2), "pdq": LOOKS}, "m-1"),  # looks alike, and is another file
        (WHOLE, {"pdq": LOOKS}, "m-2"),
    ],
)
def test_another_file_is_not_barred(before: dict[str, Any], now: dict[str, Any], ref: str) -> None:
    retract(add(ref="m-1", **before))
    assert take(EntryIn(ref=ref, **now)) == screening.Counts(added=1)


def test_other_lists_are_not_barred() -> None:
    retract(add(sha256=sha(1)))
    add("other", sha256=sha(1))
    assert [hit.list for hit in screening.match([sha(1)])] == ["other"]


# --- entries that are live ---


def test_an_id_that_means_the_file_now_is_retracted_and_what_it_led_to_is_told(tmp_path: Path) -> None:
    retract(add(sha256=sha(1), ref="m-1"))
    row = add(sha256=sha(2), ref="m-2")
    screening.match([sha(2)])
    assert import_(tmp_path, f"sha256,ref\n{sha(1)},m-2\n").barred == 1
    assert live() == {("m-2", sha(2))}, "a line of a file changes nothing then"
    assert take(EntryIn(ref="m-2", sha256=sha(1))) == screening.Counts(barred=1, to_correct=(str(row.pk),))
    assert live() == set()
    row.refresh_from_db()
    assert (row.barred, row.retracted_because) == (False, "it means a file now that our own people retracted")
    assert take(EntryIn(ref="m-2", sha256=sha(2))).added == 1


def test_an_equal_entry_that_nobody_retracted_stays_as_it_is(tmp_path: Path) -> None:
    retract(add(sha256=sha(1), ref="m-1"))
    ListEntry.objects.filter(ref="m-1").update(barred=False)
    add(sha256=sha(1), ref="m-2")
    ListEntry.objects.filter(ref="m-1").update(barred=True)
    assert take(EntryIn(ref="m-2", sha256=sha(1), category="A9")) == screening.Counts(changed=1)
    assert import_(tmp_path, f"sha256,ref\n{sha(1)},m-2\n{sha(1)},m-1\n").barred == 1
    assert live() == {("m-2", sha(1))}


def test_what_its_source_withdrew_before_is_barred_as_well() -> None:
    row = add(sha256=sha(1), ref="m-1")
    take(EntryIn(ref="m-1", gone=True))
    assert retract(row) == []
    assert take(EntryIn(ref="m-1", sha256=sha(1))) == screening.Counts(barred=1)
    acts = [entry.act for entry in audit.history(row)]
    assert acts == ["list.entry_added", "list.entry_barred"]
    assert retract(row) == []
    assert len(audit.history(row)) == 2


def test_what_a_source_withdraws_is_not_barred(tmp_path: Path) -> None:
    add(sha256=sha(1), ref="m-1")
    take(EntryIn(ref="m-1", gone=True))
    assert take(EntryIn(ref="m-1", sha256=sha(1))).added == 1
    import_(tmp_path, f"sha256,ref\n{sha(2)},m-2\n", whole=True, really=True)
    assert take(EntryIn(ref="m-1", sha256=sha(1))).added == 1


# --- our own lists ---


@pytest.mark.parametrize("slug", ["bank", "take-it-down"])
def test_on_our_own_lists_a_new_decision_is_a_new_word(slug: str) -> None:
    row = add(slug, sha256=sha(1), ref="decision:1")
    assert retract("decision:1") == [row]
    with pytest.raises(screening.Barred):
        add(slug, sha256=sha(1), ref="decision:1")  # a job that runs once more
    new = add(slug, sha256=sha(1), ref="decision:2")
    assert [hit.entry_id for hit in screening.match([sha(1)])] == [str(new.pk)]
    with pytest.raises(screening.NotAllowed, match="new decision"):
        screening.allow_entry(row.pk, because="looked again", actor=ACTOR, approved_by=OTHER)


def test_who_takes_their_own_word_back_may_give_it_again() -> None:
    row = add("take-it-down", sha256=sha(1), ref="removal:1")
    assert retract(row, for_good=False) == [row]
    assert add("take-it-down", sha256=sha(1), ref="removal:1") != row


# --- allowed again ---


def test_two_people_let_its_source_bring_it_back() -> None:
    rows = [add(sha256=sha(1), ref="m-1"), add(sha256=sha(1), md5=hexed("md5", 1), ref="m-2"), add(sha256=sha(3))]
    for row in rows:
        retract(row)
    assert (screening.status()[0].retracted, screening.status()[0].barred) == (3, 3)
    for approved_by in ("", ACTOR):
        with pytest.raises(screening.NeedsSecondPerson):
            screening.allow_entry(rows[0].pk, because="looked again", actor=ACTOR, approved_by=approved_by)
    assert FailedAttempt.objects.filter(act="list.allow").count() == 2
    with pytest.raises(ValueError, match="record"):
        screening.allow_entry(rows[0].pk, because=" ", actor=ACTOR, approved_by=OTHER)
    assert take(EntryIn(ref="m-1", sha256=sha(1))).barred == 1
    found = screening.allow_entry(rows[0].pk, because="looked again", actor=ACTOR, approved_by=OTHER)
    assert set(found) == set(rows[:2])
    assert live() == set(), "nothing matches by that alone"
    assert (screening.status()[0].retracted, screening.status()[0].barred) == (3, 1)
    assert take(EntryIn(ref="m-1", sha256=sha(1)), EntryIn(ref="m-3", sha256=sha(3))).barred == 1
    assert live() == {("m-1", sha(1))}
    entry = list(audit.history(rows[1]))[-1]
    assert (entry.act, entry.actor) == ("list.entry_allowed", ACTOR)
    for unknown in (rows[0].pk, "no id"):
        with pytest.raises(screening.UnknownEntry):
            screening.allow_entry(unknown, because="looked again", actor=ACTOR, approved_by=OTHER)


def test_an_exchange_is_read_anew_for_what_is_allowed() -> None:
    url = "http://127.0.0.1:9/hashsharing"
    keeping.add(
        "partner", list_slug="partner", url=url, username="desk", password="practice", licence="practice", actor=ACTOR
    )
    home = HashList.objects.get()
    Exchange.objects.update(checkpoint={"until": "2026-01-01T00:00:00Z"})
    with transaction.atomic():
        row = lists._put(home, screening_content(), actor=ACTOR)
    retract(row)
    screening.allow_entry(row.pk, because="looked again", actor=ACTOR, approved_by=OTHER)
    assert Exchange.objects.get().checkpoint == {}


def screening_content() -> Any:
    from safehold.screening import entries

    return entries.files(sha256=sha(1), category="A1", ref="m-1")
