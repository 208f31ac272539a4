"""Hash lists: exact matches, imports that tell what they could not read, retraction."""

import hashlib
import json
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import service as audit
from safehold.audit.models import FailedAttempt
from safehold.screening import importing
from safehold.screening import service as screening
from safehold.screening.models import HashList, ListEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "staff:user-17"
TERMS = {"source": "partner", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": ACTOR}


def sha(word: str) -> str:
    return hashlib.sha256(f"gradient {word}".encode()).hexdigest()


def add(word: str, slug: str = "partner", ref: str = "", category: str = "A1") -> ListEntry:
    return screening.add_entry(slug, sha(word), category=category, ref=ref, **TERMS)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def import_(path: Path, slug: str = "partner", **more: str) -> screening.ImportReport:
    return screening.import_list(path, slug, category="A1", **{**TERMS, **more})


# --- matching ---


def test_an_exact_match_names_its_entry_and_is_counted() -> None:
    entry = add("1")
    assert screening.match([sha("2")]) == []
    (hit,) = screening.match([sha("1").upper(), sha("1"), sha("3")])
    assert hit == screening.Hit(str(entry.pk), "partner", "partner", "A1", True, False, sha("1"))
    entry.refresh_from_db()
    assert entry.hits == 1
    assert entry.last_hit is not None
    assert screening.match([]) == []


def test_each_list_answers_once_and_trusted_ones_first() -> None:
    add("1", "a-list")
    first = add("1", "b-list", ref="decision:1")
    second = add("1", "b-list", ref="decision:2")
    screening.set_trusted("b-list", trusted=True, because="agreed", actor=ACTOR, approved_by="staff:user-18")
    hits = screening.match([sha("1")])
    assert [(hit.list, hit.trusted, hit.entry_id) for hit in hits[:1]] == [("b-list", True, str(first.pk))]
    assert [hit.list for hit in hits] == ["b-list", "a-list"]
    screening.retract_entry("decision:1", because="appeal:1", actor=ACTOR)
    assert screening.match([sha("1")])[0].entry_id == str(second.pk)  # the other decision still stands


def test_many_hashes_are_matched_in_few_queries(django_assert_max_num_queries: object) -> None:
    for n in range(3):
        add(str(n * 700))
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        hits = screening.match(sha(str(n)) for n in range(1500))
    assert {hit.sha256 for hit in hits} == {sha("0"), sha("700"), sha("1400")}


@pytest.mark.parametrize("bad", ["", "x" * 64, "a" * 63, "a" * 65, hashlib.md5(b"gradient 1").hexdigest()])  # noqa: S324
def test_what_is_no_sha256_is_refused_and_counts_nothing(bad: str) -> None:
    entry = add("1")
    with pytest.raises(screening.BadHash):
        screening.match([sha("1"), bad])
    with pytest.raises(screening.BadHash):
        screening.add_entry("partner", bad, category="A1", **TERMS)
    entry.refresh_from_db()
    assert entry.hits == 0


def test_what_is_not_built_says_so() -> None:
    with pytest.raises(screening.NotBuilt, match="pdq"):
        screening.match_near("pdq", "0" * 64)
    with pytest.raises(NotImplementedError, match="pdq"):
        screening.import_list(Path("list.txt"), "partner", category="A1", algorithm="pdq", **TERMS)
    assert HashList.objects.count() == 0


# --- entries ---


def test_an_entry_is_one_for_each_ref_and_its_list_is_untrusted() -> None:
    row = add("1", ref="decision:1")
    assert add("1", ref="decision:1") == row
    assert add("1", ref="decision:2") != row
    assert not HashList.objects.get().trusted
    assert [entry.act for entry in audit.history(row)] == ["list.entry_added"]


@pytest.mark.parametrize("term", ["source", "purpose", "licence"])
def test_a_list_never_changes_what_it_may_be_used_for(term: str) -> None:
    add("1")
    with pytest.raises(screening.ListMismatch, match=term):
        screening.add_entry("partner", sha("2"), category="A1", **{**TERMS, term: "other"})
    assert ListEntry.objects.count() == 1


def test_a_retracted_entry_matches_nothing_and_is_not_revived() -> None:
    row = add("1", ref="decision:1")
    assert screening.retract_entry(str(row.pk), because="appeal:1", actor=ACTOR) == [row]
    assert screening.retract_entry(row.pk, because="again", actor=ACTOR) == []
    assert screening.match([sha("1")]) == []
    again = add("1", ref="decision:1")
    assert again != row
    assert screening.match([sha("1")])[0].entry_id == str(again.pk)
    row.refresh_from_db()
    assert row.retracted_because == "appeal:1"
    assert [entry.act for entry in audit.history(row)] == ["list.entry_added", "list.entry_retracted"]


def test_retracting_by_ref_takes_all_of_it_and_nothing_else() -> None:
    add("1", "bank", ref="decision:1")
    add("2", "bank", ref="decision:1")
    kept = add("3", "bank", ref="decision:2")
    empty = add("4", "bank")
    assert len(screening.retract_entry("decision:1", because="appeal:1", actor=ACTOR)) == 2
    assert screening.retract_entry("decision:9", because="appeal:1", actor=ACTOR) == []
    assert screening.retract_entry("", because="appeal:1", actor=ACTOR) == []
    assert set(ListEntry.objects.filter(retracted_at=None)) == {kept, empty}


def test_trust_needs_two_people() -> None:
    add("1")
    for approved_by in ("", ACTOR):
        with pytest.raises(screening.NeedsSecondPerson):
            screening.set_trusted("partner", trusted=True, because="agreed", actor=ACTOR, approved_by=approved_by)
    assert not HashList.objects.get().trusted
    assert FailedAttempt.objects.count() == 2
    screening.set_trusted("partner", trusted=True, because="agreed", actor=ACTOR, approved_by="staff:user-18")
    assert screening.match([sha("1")])[0].trusted
    assert not screening.set_trusted("partner", trusted=False, because="doubt", actor=ACTOR).trusted
    with pytest.raises(screening.UnknownList):
        screening.set_trusted("nothing", trusted=False, because="doubt", actor=ACTOR)


# --- imports ---


def test_a_plain_list(tmp_path: Path) -> None:
    text = f"# gradients\n{sha('1')}\n\n{sha('2').upper()}  # two\r\n{sha('1')}\nnot a hash\n{sha('3')}"
    report = import_(write(tmp_path / "list.txt", text))
    assert (report.added, report.duplicates, report.malformed) == (3, 1, 1)
    (aside,) = [json.loads(line) for line in Path(report.set_aside).read_text().splitlines()]
    assert aside == {"line": 6, "why": "no SHA-256", "text": "not a hash"}
    assert Path(report.set_aside).stat().st_mode & 0o777 == 0o600
    assert set(ListEntry.objects.values_list("sha256", "category")) == {(sha(n), "A1") for n in "123"}


def test_a_csv_list(tmp_path: Path) -> None:
    rows = ["ref,SHA256,category", f"r1,{sha('1')},A2", f"r2,{sha('2')},", "r3", f"r4,{'z' * 64},A1"]
    text = "\n".join([*rows, f'"r5",{sha("3")},{"x" * 99}\n'])
    report = import_(write(tmp_path / "list.csv", b"\xef\xbb\xbf" + text.encode()))
    assert (report.added, report.duplicates, report.malformed) == (2, 0, 3)
    assert set(ListEntry.objects.values_list("ref", "category")) == {("r1", "A2"), ("r2", "A1")}
    with pytest.raises(screening.ScreeningError, match="sha256"):
        import_(write(tmp_path / "pdq.csv", f"pdq\n{sha('1')}\n"))
    assert ListEntry.objects.count() == 2


def test_a_json_lines_list(tmp_path: Path) -> None:
    lines = [
        json.dumps({"sha256": sha("1"), "category": "A2", "ref": "r1"}),
        json.dumps({"sha256": sha("2")}),
        json.dumps({"md5": "0" * 32}),
        json.dumps({"sha256": 7}),
        json.dumps([sha("3")]),
        "{broken",
        "",
    ]
    report = import_(write(tmp_path / "list.jsonl", "\n".join(lines).encode() + b"\n\xff\xfe\n"))
    assert (report.added, report.duplicates, report.malformed) == (2, 0, 5)
    whys = [json.loads(line)["why"] for line in Path(report.set_aside).read_text().splitlines()]
    assert whys == ["no SHA-256", "a value is not text", "not an object", "not JSON", "not JSON"]


def test_importing_again_adds_nothing_and_a_retracted_entry_comes_back_as_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    path = write(tmp_path / "list.txt", "\n".join(sha(str(n)) for n in range(35)))
    assert import_(path) == screening.ImportReport(35, 0, 0, "")
    first = ListEntry.objects.get(sha256=sha("7"))
    assert import_(path) == screening.ImportReport(0, 35, 0, "")
    again = ListEntry.objects.get(sha256=sha("7"))
    assert again.first_seen == first.first_seen
    assert again.last_seen > first.last_seen
    screening.retract_entry(first.pk, because="wrong", actor=ACTOR)
    assert import_(path).added == 1
    acts = [entry.act for entry in audit.history(HashList.objects.get())]
    added, imported = "list.entries_added", "list.imported"
    assert acts == ["list.made", *[added] * 4, imported, imported, added, imported]


def test_an_import_that_may_not_be_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_(tmp_path / "nothing.txt")
    add("1")
    with pytest.raises(screening.ListMismatch), transaction.atomic():
        import_(write(tmp_path / "list.txt", sha("2")), licence="other")
    assert ListEntry.objects.count() == 1


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200)
    | st.lists(st.sampled_from([sha("1"), sha("2"), "x", "", '"', '{"sha256": "', "\n", ","]), max_size=12).map(
        lambda parts: "\n".join(parts).encode()
    ),
    suffix=st.sampled_from(["txt", "csv", "jsonl"]),
)
def test_any_file_is_imported_counted_or_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    before = ListEntry.objects.filter(retracted_at=None).count()
    try:
        report = import_(write(tmp_path / f"list.{suffix}", content))
    except screening.ScreeningError:
        assert suffix == "csv"
        return
    assert ListEntry.objects.filter(retracted_at=None).count() == before + report.added
    assert bool(report.malformed) == bool(report.set_aside)
    for digest in ListEntry.objects.values_list("sha256", flat=True):
        assert importing.SHA256.fullmatch(digest)
