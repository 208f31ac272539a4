"""Lists that grow find what was uploaded before: once, resumed after a stop, and by the same rules as any hit."""

import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from safehold.audit.models import Entry
from safehold.hosts.events import AccountDeleted, HostEvent
from safehold.intake.models import Report
from safehold.path import commands, rescreening
from safehold.screening import keeping, live
from safehold.screening import rescreening as runs
from safehold.screening import service as screening
from safehold.screening.archive import parts
from safehold.screening.matching import Asked
from safehold.screening.models import HitRecord, Rescreen
from safehold.subjects.models import Host
from safehold.work.models import Task
from tests.support import memory_host
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db

OWNER = "staff:owner-1"
TERMS = {"source": "source 1", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": OWNER}
P1 = sha256(b"not a picture, bytes of a test").hexdigest()
PDQ, MD5 = "0f" * 32, "a1" * 16


@pytest.fixture(autouse=True)
def archive(world: memory_host.World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(runs, "LAG", 0.0)
    live.let_go()
    yield keeping.folder()
    keeping.close()
    keeping._journals.clear()
    live.let_go()


def uploaded(*items: tuple[str, Asked], account: str = "user-17", surface: str = "public_uploads") -> int:
    rows = [
        keeping.row(asked, host="memory", item_id=item, account_id=account, surface=surface, jurisdiction="US")
        for item, asked in items
    ]
    kept = keeping.keep(rows)
    keeping.close()
    return kept


def kept_row(item: str, host: str = "memory", at: float | None = None) -> Any:
    return keeping.row(
        Asked(sha256=P1), host=host, item_id=item, account_id="", surface="public_posts", jurisdiction="", at=at
    )


def listed(digest: str = P1, slug: str = "files-1", **more: Any) -> None:
    with transaction.atomic():
        screening.add_entry(slug, digest, category="A1", **{**TERMS, **more})


def rescreen() -> Rescreen | None:
    return rescreening.rescreen(actor=OWNER)


def test_what_was_uploaded_before_the_entry_came_is_found(world: memory_host.World) -> None:
    uploaded(("p1", Asked(sha256=P1)), ("p2", Asked(sha256="1" * 64)))
    assert rescreen() is None, "no list, nothing to look for"
    listed()
    row = rescreen()
    assert row is not None
    assert (row.entries, row.rows, row.found, row.ended_at is not None) == (1, 2, 1, True)
    hit = HitRecord.objects.get()
    assert (hit.item_id, hit.account_id, hit.how, hit.exact, hit.surface) == (
        "p1",
        "user-17",
        "sha256",
        True,
        "public_uploads",
    )
    assert Report.objects.get().channel == "screening"
    assert rescreen() is None, "nothing new since"


def test_every_way_to_match_is_weighed_as_for_an_upload(world: memory_host.World) -> None:
    uploaded(("p1", Asked(md5=MD5, pdqs=(PDQ,))), ("p2", Asked(md5=MD5)))
    listed(md5=MD5, digest="", pdq=PDQ)
    rescreen()
    found = {row.item_id: (row.how, row.exact, row.distance) for row in HitRecord.objects.all()}
    assert found == {"p1": ("md5", True, 0), "p2": ("md5", False, None)}


def test_packed_and_unpacked_rows_are_found_alike(world: memory_host.World, archive: Path) -> None:
    uploaded(("p1", Asked(sha256=P1)))
    parts.pack(archive)
    keeping.keep(
        [
            keeping.row(
                Asked(sha256=P1), host="memory", item_id="p2", account_id="", surface="public_posts", jurisdiction=""
            )
        ]
    )
    listed()
    row = rescreen()
    assert row is not None
    assert (row.rows, row.found) == (2, 2)


def test_a_run_that_stopped_goes_on_where_it_was(
    world: memory_host.World, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        uploaded((f"p{number}", Asked(sha256=P1)))
        parts.pack(archive)
    listed()
    taken = rescreening.hits.record
    calls = []

    def fails_on_third(*args: Any, **more: Any) -> Any:
        calls.append(more["item_id"])
        if len(calls) == 3:
            raise RuntimeError("placeholder message 3")
        return taken(*args, **more)

    monkeypatch.setattr(rescreening.hits, "record", fails_on_third)
    with pytest.raises(RuntimeError, match="placeholder"):
        rescreen()
    row = Rescreen.objects.get()
    assert (row.ended_at, row.found, len(row.done)) == (None, 2, 3), "the journals and two files"
    again = rescreen()
    assert again is not None
    assert (again.pk, again.found, again.ended_at is not None) == (row.pk, 4, True)
    assert len(calls) == 5, "what was done is not done again"
    assert HitRecord.objects.count() == 4


def test_files_merged_meanwhile_are_not_missed_nor_read_twice(
    world: memory_host.World, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = time.time() - 3 * 86400
    for number in range(3):
        keeping.keep([kept_row(f"p{number}", at=at)])
        keeping.close()
        parts.pack(archive)
    listed()
    seen = 0

    def merge_after_the_first(progress: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:  # the journals, then one file
            assert parts.merge(archive) == 3

    row = rescreening.rescreen(actor=OWNER, progress=merge_after_the_first)
    assert row is not None
    assert row.ended_at is not None
    assert HitRecord.objects.count() == 3, "none is missed; recording one again changes nothing"


def test_only_the_changes_since_the_last_run_are_looked_for(world: memory_host.World) -> None:
    uploaded(("p1", Asked(sha256=P1)), ("p2", Asked(sha256="2" * 64)))
    listed()
    rescreen()
    listed("2" * 64)
    row = rescreen()
    assert row is not None
    assert (row.entries, row.found) == (1, 1)
    assert {hit.item_id for hit in HitRecord.objects.all()} == {"p1", "p2"}


def test_with_very_many_entries_the_whole_index_is_asked(
    world: memory_host.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "HELD", 1)
    uploaded(("p1", Asked(sha256=P1)))
    listed()
    listed("3" * 64)
    row = rescreen()
    assert row is not None
    assert row.found == 1


def test_a_retracted_entry_finds_nothing(world: memory_host.World) -> None:
    uploaded(("p1", Asked(sha256=P1)))
    listed(ref="case 1")
    with transaction.atomic():
        screening.retract_entry("case 1", because="placeholder reason 1", actor=OWNER)
    assert rescreen() is None
    assert HitRecord.objects.count() == 0


def test_an_item_of_a_host_that_is_gone_is_passed_over(world: memory_host.World) -> None:
    keeping.keep(
        [
            keeping.row(
                Asked(sha256=P1), host="gone", item_id="p1", account_id="", surface="public_posts", jurisdiction=""
            )
        ]
    )
    listed()
    row = rescreen()
    assert row is not None
    assert (row.found, HitRecord.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("asked", "item", "surface"),
    [
        (Asked(sha256=P1), "p1", "private_messages"),
        (Asked(sha256=P1), "", "public_posts"),
        (Asked(text="placeholder message 3"), "p1", "public_posts"),
        (Asked(links=("https://a.test/x",)), "p1", "public_posts"),
    ],
)
def test_what_is_not_to_be_kept_is_not(asked: Asked, item: str, surface: str, archive: Path) -> None:
    assert uploaded((item, asked), surface=surface) == 0
    assert parts.pack(archive).rows == 0


def test_nothing_is_kept_where_the_operator_keeps_no_archive(archive: Path, settings: Any) -> None:
    import msgspec

    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, archive_days=0)
    assert uploaded(("p1", Asked(sha256=P1))) == 0
    assert not archive.exists()


def test_an_account_is_erased_and_that_is_on_record_without_what_it_was(
    world: memory_host.World, archive: Path
) -> None:
    uploaded(("p1", Asked(sha256=P1)), ("p2", Asked(sha256="2" * 64)))
    uploaded(("p3", Asked(sha256=P1)), account="user-18")
    rescreening.erase_account("memory", "user-17")
    run_due()
    listed()
    row = rescreen()
    assert row is not None
    assert row.rows == 1
    entry = Entry.objects.get(act="archive.erased")
    assert P1 not in str(entry.detail)


def test_tending_packs_and_ends_terms_and_tells_of_what_it_could_not_read(
    world: memory_host.World, archive: Path
) -> None:
    keeping.keep([kept_row("p1", at=time.time() - 200 * 86400), kept_row("p2")])
    keeping.close()
    with next(parts.journals(archive).iterdir()).open("ab") as file:
        file.write(b"nonsense\n")
    outcome = rescreening.tend()
    assert outcome == rescreening.work.Later(rescreening.TEN_MINUTES)
    assert len(parts.listed(archive)) == 1, "the day that is long past went at once"
    assert Task.objects.get().kind == "archive-unreadable"


def test_the_hourly_job_leaves_most_of_the_time_to_others(world: memory_host.World) -> None:
    uploaded(("p1", Asked(sha256=P1)))
    listed()
    assert rescreening.run_due() == rescreening.work.Later(rescreening.HOUR)
    row = Rescreen.objects.get()
    assert row.found == 1
    long_ago = row.begun_at - timedelta(hours=3)
    Rescreen.objects.update(begun_at=long_ago)
    listed("2" * 64)
    waits = rescreening.run_due()
    assert isinstance(waits, rescreening.work.Later)
    assert 26.5 * 3600 < waits.seconds < 27.5 * 3600, "nine times the three hours that the last run took"
    assert Rescreen.objects.count() == 1


def test_a_member_who_leaves_is_erased(world: memory_host.World) -> None:
    uploaded(("p1", Asked(sha256=P1)))
    gone = AccountDeleted(account_id="user-17")
    commands.receive_event(HostEvent(host=Host.objects.get(), id="evt_1", type="account.deleted", data=gone))
    run_due()
    listed()
    row = rescreen()
    assert row is not None
    assert row.rows == 0


def test_zero_days_keep_nothing(world: memory_host.World, archive: Path, settings: Any) -> None:
    import msgspec

    uploaded(("p1", Asked(sha256=P1)))
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, archive_days=0)
    rescreening.tend()
    assert parts.listed(archive) == []
