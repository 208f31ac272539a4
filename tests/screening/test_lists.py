"""Lists: exact matches, entries of every kind, what a list may do, retraction."""

import hashlib
from pathlib import Path
from random import Random

import pytest
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.models import FailedAttempt
from safehold.screening import lists
from safehold.screening import service as screening
from safehold.screening.links.canonical import entry_form
from safehold.screening.links.keyed import keyed
from safehold.screening.models import HashList, ListClock, ListEntry
from safehold.sealing.box import CannotUnseal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "staff:user-17"
TERMS = {"source": "partner", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": ACTOR}


def sha(word: str) -> str:
    return hashlib.sha256(f"gradient {word}".encode()).hexdigest()


def pdq(word: str) -> str:
    """As many ones as zeros, as a picture's has."""
    bits = ["1"] * 128 + ["0"] * 128
    Random(word).shuffle(bits)  # noqa: S311 - no secret
    return f"{int(''.join(bits), 2):064x}"


def add(word: str, slug: str = "partner", ref: str = "", category: str = "A1") -> ListEntry:
    return screening.add_entry(slug, sha(word), category=category, ref=ref, **TERMS)


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
    with pytest.raises(screening.BadEntry):
        screening.add_entry("partner", bad, category="A1", **TERMS)
    entry.refresh_from_db()
    assert entry.hits == 0


# --- entries ---


def test_an_entry_is_one_for_each_ref_and_its_list_is_untrusted() -> None:
    row = add("1", ref="decision:1")
    assert add("1", ref="decision:1") == row
    assert add("1", ref="decision:2") != row
    assert not HashList.objects.get().trusted
    assert [entry.act for entry in audit.history(row)] == ["list.entry_added"]


@pytest.mark.parametrize(
    "other", [{"source": "other"}, {"purpose": "take-it-down"}, {"licence": "other"}], ids=lambda one: next(iter(one))
)
def test_a_list_never_changes_what_it_may_be_used_for(other: dict[str, str]) -> None:
    add("1")
    with pytest.raises(screening.ListMismatch, match=next(iter(other))):
        screening.add_entry("partner", sha("2"), category="A1", **{**TERMS, **other})
    assert ListEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("slug", "other"),
    [
        ("partner", {"purpose": "research"}),
        ("partner", {"purpose": ""}),
        ("partner", {"source": ""}),
        ("partner", {"licence": "x" * 101}),
        ("partner", {"source": "two\nlines"}),
        ("../partner", {}),
        ("", {}),
        ("x" * 61, {}),
    ],
)
def test_a_list_with_terms_that_cannot_be_kept_is_not_made(slug: str, other: dict[str, str]) -> None:
    with pytest.raises(screening.ListMismatch):
        screening.add_entry(slug, sha("1"), category="A1", **{**TERMS, **other})
    assert not HashList.objects.exists()


def test_a_list_kept_for_another_purpose_from_before_takes_nothing_more() -> None:
    HashList.objects.create(
        slug="old", source="partner", purpose="research", licence="agreement 7", made_at=timezone.now()
    )
    with pytest.raises(screening.ListMismatch, match="purpose"):
        screening.add_entry("old", sha("1"), category="A1", **{**TERMS, "purpose": "research"})


def test_a_retracted_entry_matches_nothing_and_is_not_revived() -> None:
    row = add("1", ref="decision:1")
    assert screening.retract_entry(str(row.pk), because="appeal:1", actor=ACTOR) == [row]
    assert screening.retract_entry(row.pk, because="again", actor=ACTOR) == []
    assert screening.match([sha("1")]) == []
    with pytest.raises(screening.Barred):
        add("1", ref="decision:1")
    ListEntry.objects.update(barred=False)
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
    assert HashList.objects.get().trusted_at is not None
    with pytest.raises(screening.UnknownList):
        screening.set_trusted("nothing", trusted=False, because="doubt", actor=ACTOR)


# --- other fingerprints ---


def hexed(kind: str, word: str) -> str:
    return hashlib.new(kind, f"gradient {word}".encode()).hexdigest()


def test_a_file_is_known_by_whatever_it_came_with() -> None:
    md5, sha1, hash_ = hexed("md5", "1"), hexed("sha1", "1"), pdq("1")
    rows = [
        screening.add_entry("partner", sha("1"), md5=md5, sha1=sha1, pdq=hash_, category="A1", **TERMS),
        screening.add_entry("partner", sha1=sha1, md5=md5, category="A1", **TERMS),
        screening.add_entry("partner", md5=md5.upper(), category="A1", **TERMS),
        screening.add_entry("partner", pdq=hash_, quality=80, media="picture", category="A1", **TERMS),
        screening.add_entry("partner", frames=bytes.fromhex(hash_ * 2), media="film", category="A1", **TERMS),
    ]
    identities = [row.identity.partition(":")[0] for row in rows]
    assert identities == [sha("1"), "sha1", "md5", "pdq", "frames"]
    assert rows[0].version < rows[-1].version
    assert rows[2].md5 == md5
    again = screening.add_entry("partner", sha1=sha1, pdq=hash_, category="A1", **TERMS)
    assert again == rows[1]
    again.refresh_from_db()
    assert (again.md5, again.pdq) == (md5, hash_)  # it takes up what is said of it now
    assert again.version > rows[-1].version
    assert [entry.act for entry in audit.history(again)] == ["list.entry_added", "list.entry_changed"]


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_the_digest_of_no_bytes_is_never_listed(kind: str) -> None:
    given = {"sha256": sha("1"), kind: hashlib.new(kind, b"").hexdigest()}
    with pytest.raises(screening.Degenerate, match="without any bytes"):
        screening.add_entry("partner", category="A1", **given, **TERMS)
    assert not ListEntry.objects.exists()


@pytest.mark.parametrize(("hash_", "quality"), [("0" * 64, 90), ("f" * 64, None), ("", 49)])
def test_a_pdq_that_says_nothing_is_left_out_or_refused(hash_: str, quality: int | None) -> None:
    hash_ = hash_ or pdq("1")
    with pytest.raises(screening.Degenerate):
        screening.add_entry("partner", pdq=hash_, quality=quality, category="A1", **TERMS)
    row = screening.add_entry("partner", sha("1"), pdq=hash_, quality=quality, category="A1", **TERMS)
    assert row.pdq == ""
    with pytest.raises(screening.Degenerate):
        screening.add_entry("partner", frames=bytes(64), category="A1", **TERMS)
    with pytest.raises(screening.BadHash, match="32 bytes"):
        screening.add_entry("partner", frames=bytes(65), category="A1", **TERMS)


def test_a_source_may_say_anew_what_an_entry_stands_for() -> None:
    row = screening.add_entry("partner", md5=hexed("md5", "1"), ref="r1", category="A1", **TERMS)
    screening.add_entry("partner", sha("9"), ref="r1", category="A1", **TERMS)
    new = screening.update_entry(row.pk, sha256=sha("2"), actor=ACTOR)
    assert (new.pk, new.identity, new.md5, new.category) == (row.pk, sha("2"), "", "A1")
    assert new.version > row.version
    same = screening.update_entry(row.pk, sha256=sha("9"), actor=ACTOR)  # another entry of that ref stands for it
    assert same.pk != row.pk
    row.refresh_from_db()
    assert row.retracted_because == f"the same as {same.pk}"
    with pytest.raises(screening.UnknownEntry):
        screening.update_entry(row.pk, sha256=sha("3"), actor=ACTOR)
    with pytest.raises(screening.Degenerate):
        screening.update_entry(same.pk, pdq="0" * 64, actor=ACTOR)


# --- links and terms ---

LINK = "http://Example.test/a/../b?utm_source=x"


def test_a_link_is_kept_as_a_keyed_digest_alone(data: Path) -> None:
    row = screening.add_link("links", LINK, category="A1", **TERMS)
    assert row == screening.add_link("links", "https://example.test/b", category="A1", **TERMS)
    assert row != screening.add_link("links", "https://example.test/b", scope="prefix", category="A1", **TERMS)
    assert bytes(row.link or b"") == keyed(lists.link_key(), entry_form("example.test/b", "exact"))
    acts = [entry.detail.body for entry in audit.history(row)]
    for kept in (str(ListEntry.objects.values()), str(acts)):
        assert "example.test" not in kept.lower()
    assert (data / "keys" / "lists.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(screening.ListMismatch, match="kind"):
        screening.add_entry("links", sha("1"), category="A1", **TERMS)


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("", {}), ("http://", {}), ("http://exa mple.test/secret-path", {}), ("javascript:secret-path", {}),
        ("http://a.test/secret-path", {"scope": "domain"}), ("http://a.test", {"scope": "everything"}),
        ("http://a.test/", {"ref": "http://a.test/secret-path"}), ("http://a.test/\ud800secret-path", {}),
    ],
)  # fmt: skip
def test_what_is_no_link_is_refused_without_repeating_it(url: str, more: dict[str, str]) -> None:
    if more.get("scope") == "domain":
        url = "http://sub.a.test/secret-path"
    with pytest.raises(screening.BadEntry) as refused:
        screening.add_link("links", url, category="A1", **more, **TERMS)
    assert "secret" not in str(refused.value)
    assert "a.test" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert not ListEntry.objects.exists()


def test_a_term_is_kept_sealed(data: Path) -> None:
    row = screening.add_term("words", term=" Zorblat ", category="A1", **TERMS)
    assert row == screening.add_term("words", term="Zorblat", category="A1", **TERMS)
    other = screening.add_term("words", pattern=r"zor+blat\d", category="A1", **TERMS)
    assert lists.open_term(bytes(row.sealed or b"")) == {"term": "Zorblat"}
    assert lists.open_term(bytes(other.sealed or b"")) == {"pattern": r"zor+blat\d"}
    assert b"orblat" not in bytes(row.sealed or b"")
    assert "orblat" not in str([entry.detail.body for entry in audit.history(row)]) + row.identity
    (data / "keys" / "lists.key").write_bytes(bytes(32))
    with pytest.raises(CannotUnseal):
        lists.open_term(bytes(row.sealed or b""))


@pytest.mark.parametrize(
    "given",
    [
        {}, {"term": "zorblat", "pattern": "zorblat"}, {"term": "   "}, {"term": "x" * 999}, {"term": "zor\nblat"},
        {"pattern": "zorblat("}, {"pattern": "(?=zorblat)"}, {"pattern": "(zorblat)*"}, {"term": "zorblat\ud800"},
    ],
)  # fmt: skip
def test_a_term_that_cannot_be_matched_is_refused_without_repeating_it(given: dict[str, str]) -> None:
    with pytest.raises(screening.BadEntry) as refused:
        screening.add_term("words", category="A1", **given, **TERMS)
    assert "zorblat" not in str(refused.value)
    assert not ListEntry.objects.exists()


# --- held back ---


def test_an_entry_is_held_back_by_one_and_let_go_by_two_where_its_list_is_trusted() -> None:
    row = add("1")
    held = screening.hold_back(row.pk, because="hits 40 accounts", actor="system:guard")
    assert held.version > row.version
    assert screening.hold_back(row.pk, because="again", actor=ACTOR).version == held.version
    assert screening.match([sha("1")])[0].held_back
    assert screening.let_go(row.pk, because="looked at it", actor=ACTOR).held_back_at is None
    screening.set_trusted("partner", trusted=True, because="agreed", actor=ACTOR, approved_by="staff:user-18")
    assert screening.entry_is_trusted(str(row.pk))
    screening.hold_back(row.pk, because="hits 40 accounts", actor="system:guard")
    assert not screening.entry_is_trusted(str(row.pk))
    for approved_by in ("", ACTOR):
        with pytest.raises(screening.NeedsSecondPerson):
            screening.let_go(row.pk, because="looked at it", actor=ACTOR, approved_by=approved_by)
    assert FailedAttempt.objects.count() == 2
    assert not screening.entry_is_trusted(str(row.pk))
    screening.let_go(row.pk, because="looked at it", actor=ACTOR, approved_by="staff:user-18")
    assert screening.entry_is_trusted(str(row.pk))
    held_back, let_go = "list.entry_held_back", "list.entry_let_go"
    acts = [entry.act for entry in audit.history(row)]
    assert acts == ["list.entry_added", held_back, let_go, held_back, let_go]
    screening.retract_entry(row.pk, because="wrong", actor=ACTOR)
    with pytest.raises(screening.UnknownEntry):
        screening.hold_back(row.pk, because="late", actor=ACTOR)
    with pytest.raises(screening.UnknownEntry):
        screening.let_go("no id", because="late", actor=ACTOR)


# --- status ---


def test_the_status_tells_the_terms_and_counts_of_each_list() -> None:
    assert screening.status() == []
    row = add("1")
    screening.hold_back(add("2").pk, because="hits 40 accounts", actor=ACTOR)
    screening.retract_entry(add("3").pk, because="wrong", actor=ACTOR)
    with transaction.atomic():
        lists.the_list("empty", kind="links", **TERMS)
    screening.match([sha("1"), sha("2")])
    empty, told = screening.status()
    assert (empty.slug, empty.kind, empty.live, empty.retracted, empty.version) == ("empty", "links", 0, 0, 0)
    assert empty.first_seen is None
    assert (told.source, told.licence, told.purpose) == ("partner", "agreement 7", "prevent-exploitation")
    assert (told.live, told.retracted, told.held_back, told.hits) == (2, 1, 1, 2)
    assert told.version == ListClock.objects.get().version
    assert told.first_seen == row.first_seen
    assert (told.trusted, told.exact_also, told.exchange) == (False, [], None)
