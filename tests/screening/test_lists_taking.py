"""What an exchange says of its entries: one live entry for each of its ids, and nothing half-done."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import service as audit
from safehold.screening import entries, lists, taking, writing
from safehold.screening import service as screening
from safehold.screening.models import HashList, HitRecord, ListClock, ListEntry
from safehold.screening.service import EntryIn
from safehold.subjects.models import Host

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "system:exchange"
TERMS = {"source": "partner", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": ACTOR}


def hexed(kind: str, word: object) -> str:
    return hashlib.new(kind, f"gradient {word}".encode()).hexdigest()


@pytest.fixture(autouse=True)
def home(db: None) -> HashList:
    with transaction.atomic():
        return lists.the_list("partner", **TERMS)


def take(*rows: EntryIn) -> screening.Counts:
    return screening.take("partner", rows, actor=ACTOR)


def live() -> dict[str, str]:
    return dict(ListEntry.objects.filter(retracted_at=None).values_list("ref", "identity"))


def version() -> int:
    return ListClock.objects.get().version


def test_rows_are_added_once_and_changed_in_place() -> None:
    before = version()
    first = [EntryIn(ref=f"m-{n}", md5=hexed("md5", n), sha1=hexed("sha1", n), category="A1") for n in range(5)]
    assert take(*first) == screening.Counts(added=5)
    assert version() == before + 1
    assert take(*first) == screening.Counts(known=5)
    assert version() == before + 1  # nothing changed, so indexes have nothing to follow
    row = ListEntry.objects.get(ref="m-1")
    changed = EntryIn(ref="m-1", sha1=hexed("sha1", 9), category="A2", media="film", frames=b"\x0f\xf0" * 16)
    assert take(changed, first[0]) == screening.Counts(changed=1, known=1)
    new = ListEntry.objects.get(ref="m-1")
    assert (new.pk, new.md5, new.sha1, new.category, new.media) == (row.pk, "", hexed("sha1", 9), "A2", "film")
    assert bytes(new.frames or b"") == b"\x0f\xf0" * 16
    assert (new.version, new.first_seen) == (version(), row.first_seen)
    assert new.last_seen > row.last_seen
    acts = [entry.act for entry in audit.history(HashList.objects.get())]
    assert acts == ["list.made", "list.entries_added", "list.entries_changed"]


def test_what_its_source_withdraws_is_history_and_named_again_is_new() -> None:
    take(EntryIn(ref="m-1", sha256=hexed("sha256", 1)), EntryIn(ref="m-2", sha256=hexed("sha256", 2)))
    row = ListEntry.objects.get(ref="m-1")
    screening.match([hexed("sha256", 1)])
    counts = take(EntryIn(ref="m-1", gone=True), EntryIn(ref="m-2", gone=True), EntryIn(ref="m-3", gone=True))
    assert (counts.gone, counts.to_correct) == (3, (str(row.pk),))
    row.refresh_from_db()
    assert (row.retracted_because, row.version) == ("withdrawn by its source", version())
    assert live() == {}
    assert take(EntryIn(ref="m-1", gone=True)) == screening.Counts(gone=1)
    assert take(EntryIn(ref="m-1", sha256=hexed("sha256", 1))).added == 1
    assert ListEntry.objects.filter(ref="m-1").count() == 2


@pytest.fixture
def hit(home: HashList) -> Callable[..., None]:
    host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="https://blog.test")

    def hit(ref: str, how: str) -> None:
        HitRecord.objects.create(
            entry=home.entries.get(ref=ref), host=host, item_id=f"item-{ref}-{how}", how=how, exact=True,
            surface="public_uploads", did="review", at=timezone.now(),
        )  # fmt: skip

    return hit


FULL = {"sha256": hexed("sha256", 1), "sha1": hexed("sha1", 1), "md5": hexed("md5", 1), "pdq": "0f" * 32}


@pytest.mark.parametrize(
    ("how", "now", "corrected"),
    [
        ("sha256", {"sha256": hexed("sha256", 2)}, True),
        ("sha256", {"sha256": ""}, True),
        ("sha256", {"md5": hexed("md5", 2)}, False),
        ("md5", {"md5": hexed("md5", 2)}, True),
        ("pdq", {"pdq": "f0" * 32}, True),
        ("pdq", {"sha1": hexed("sha1", 2)}, False),
        ("together", {"sha1": hexed("sha1", 2)}, True),
        ("together", {"sha256": hexed("sha256", 2)}, False),
        ("md5", {"category": "A9"}, False),
    ],
)
def test_what_was_hit_by_a_fingerprint_that_its_source_replaced_is_told(
    how: str, now: dict[str, str], corrected: bool, hit: Callable[..., None]
) -> None:
    take(EntryIn(ref="m-1", **FULL), EntryIn(ref="m-2", sha256=hexed("sha256", 8)))
    hit("m-1", how)
    hit("m-2", "sha256")
    row = ListEntry.objects.get(ref="m-1")
    counts = take(EntryIn(ref="m-1", **{**FULL, **now}))
    assert counts.changed == 1
    assert counts.to_correct == ((str(row.pk),) if corrected else ())


def test_a_file_that_replaces_what_was_hit_tells_so(hit: Callable[..., None], tmp_path: Path) -> None:
    take(*(EntryIn(ref=f"m-{n}", sha256=hexed("sha256", n)) for n in (1, 2, 3)))
    for ref in ("m-1", "m-2"):
        hit(ref, "sha256")
    row = ListEntry.objects.get(ref="m-1")
    path = tmp_path / "list.csv"
    lines = [f"{hexed('sha256', 9)},m-1,", f"{hexed('sha256', 2)},m-2,{hexed('md5', 2)}", f"{hexed('sha256', 8)},m-3,"]
    path.write_text("\n".join(["sha256,ref,md5", *lines]))
    told: list[str] = []
    report = screening.import_list(path, "partner", category="", on_retracted=told.extend, **TERMS)
    assert (report.changed, report.to_correct, told) == (3, (str(row.pk),), [str(row.pk)])


def test_no_search_of_a_batch_reads_a_whole_list() -> None:
    """SQLite guesses without figures: an index that begins with the list alone would be read to its end each time."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps figures of its own, and reads a small table whole")
    told: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        take(EntryIn(ref="m-1", sha256=hexed("sha256", 1)))
        content = entries.files(sha256=hexed("sha256", 2), ref="m-2")
        settled = taking.settle(
            HashList.objects.get(), [content], started=timezone.now(), actor=ACTOR, on_gone=told.extend
        )
        screening.match([hexed("sha256", 1)])
    assert (settled.added, told) == (1, [])
    table = ListEntry._meta.db_table
    searches = [one["sql"] for one in queries if one["sql"].startswith("SELECT") and f'FROM "{table}"' in one["sql"]]
    assert len(searches) >= 6
    with connection.cursor() as cursor:
        for search in searches:
            cursor.execute(f"EXPLAIN QUERY PLAN {search}")
            (how,) = [row[3] for row in cursor.fetchall() if table in row[3]]
            assert re.search(r"barred_entries \(list_id=\?|ref=\?|list_id=\? AND identity=\?", how), (how, search)


def test_of_several_rows_of_one_id_the_last_counts() -> None:
    md5 = hexed("md5", 1)
    rows = [EntryIn(ref="m-1", md5=hexed("md5", 2)), EntryIn(ref="m-1", gone=True), EntryIn(ref=" m-1 ", md5=md5)]
    assert take(*rows) == screening.Counts(added=1, known=2)
    assert live() == {"m-1": f"md5:{md5}"}


def test_what_cannot_be_used_is_told_and_the_rest_is_taken() -> None:
    take(EntryIn(ref="m-1", md5=hexed("md5", 1)), EntryIn(ref="m-2", md5=hexed("md5", 2)))
    counts = take(
        EntryIn(ref="m-1", md5="no md5"),  # not understood: what is known stays
        EntryIn(ref="m-2", pdq="0" * 64),  # understood, and nothing that may be matched any more
        EntryIn(ref="m-3"),
        EntryIn(ref="", md5=hexed("md5", 3)),
        EntryIn(ref="x" * 101, md5=hexed("md5", 3)),
        EntryIn(ref="m-5", md5=hexed("md5", 5), category="x" * 61),
        EntryIn(ref="m-6", md5=hexed("md5", 6), media="sound"),
        EntryIn(ref="m-7", md5=hexed("md5", 7), pdq="f" * 64),
    )
    assert (counts.added, counts.unusable, counts.malformed) == (1, 2, 5)
    assert [ref[:5] for ref, _why in counts.problems] == ["m-1", "m-2", "m-3", "", "xxxxx", "m-5", "m-6"]
    assert live() == {"m-1": f"md5:{hexed('md5', 1)}", "m-7": f"md5:{hexed('md5', 7)}"}
    assert ListEntry.objects.get(ref="m-2").retracted_because == "nothing left to match"
    assert ListEntry.objects.get(ref="m-7").pdq == ""


def test_a_call_is_whole_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    take(EntryIn(ref="m-1", md5=hexed("md5", 1)))
    before = version()

    def broken(*_rows: Any, **_more: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(writing, "insert", broken)
    with pytest.raises(RuntimeError):
        take(EntryIn(ref="m-1", gone=True), EntryIn(ref="m-2", md5=hexed("md5", 2)))
    assert version() == before
    assert live() == {"m-1": f"md5:{hexed('md5', 1)}"}


def test_lists_of_other_things_and_none_are_refused() -> None:
    with pytest.raises(screening.UnknownList):
        screening.take("nothing", [], actor=ACTOR)
    screening.add_link("links", "http://a.test/", category="A1", **TERMS)
    with pytest.raises(screening.ListMismatch, match="not files"):
        screening.take("links", [EntryIn(ref="m-1", md5=hexed("md5", 1))], actor=ACTOR)
    assert ListEntry.objects.count() == 1


def test_an_id_that_stands_twice_is_put_right() -> None:
    rows = [
        screening.add_entry("partner", md5=hexed("md5", word), ref="m-1", category="A1", **TERMS) for word in (1, 2)
    ]
    counts = take(EntryIn(ref="m-1", md5=hexed("md5", 2), category="A1"))
    assert (counts.changed, counts.known) == (1, 0)
    assert live() == {"m-1": f"md5:{hexed('md5', 2)}"}
    assert ListEntry.objects.get(retracted_at=None).pk == rows[0].pk


ROWS = st.lists(
    st.builds(
        EntryIn,
        ref=st.sampled_from(["a", "b", "c"]),
        md5=st.sampled_from(["", hexed("md5", 1), hexed("md5", 2), "?"]),
        sha256=st.sampled_from(["", hexed("sha256", 1), hexed("sha256", 2)]),
        pdq=st.sampled_from(["", "0" * 64, "0f" * 32]),
        gone=st.booleans(),
    ),
    max_size=6,
)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(ROWS, max_size=4))
def test_the_end_is_what_was_said_last_however_often(calls: list[list[EntryIn]]) -> None:
    ListEntry.objects.filter(retracted_at=None).delete()
    expected: dict[str, str] = {}
    for rows in calls:
        for ref, row in {row.ref: row for row in rows}.items():
            try:
                if row.gone or not (row.md5 or row.sha256 or row.pdq):
                    raise entries.Degenerate
                said = entries.files(sha256=row.sha256, md5=row.md5, pdq=row.pdq)
                expected[ref] = said.identity
            except entries.Degenerate:
                expected.pop(ref, None)
            except entries.BadEntry:
                pass
        counts = take(*rows)
        told = (counts.added, counts.changed, counts.known, counts.gone, counts.unusable, counts.malformed)
        assert sum(told) == len(rows)
        assert live() == expected
        before = version()
        again = take(*rows)
        assert (again.added, again.changed) == (0, 0)
        assert (live(), version()) == (expected, before)
