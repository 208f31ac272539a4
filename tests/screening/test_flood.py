"""Hits counted on their entries, and the guard against an entry that hits too many different accounts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from safehold.audit.models import Entry
from safehold.screening import flood, lists
from safehold.screening.matching import Asked, Hit, Matcher
from safehold.screening.models import HitRecord, ListEntry, Purpose
from safehold.subjects.models import Host
from safehold.work import service as work
from safehold.work.models import Task
from tests.screening.test_matching import digest, entry

pytestmark = pytest.mark.django_db
MOST = 20  # the default of SAFEHOLD_FLOOD_ACCOUNTS


@pytest.fixture
def blog(data: Path) -> Host:
    return Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="http://127.0.0.1:1")


def hit(row: ListEntry) -> Hit:
    return Hit(str(row.pk), row.list_id, "", "A1", True, False, purpose=Purpose.PREVENT)


def recorded(row: ListEntry, host: Host, account: str, *, ago: timedelta = timedelta()) -> None:
    HitRecord.objects.create(
        entry=row, host=host, item_id=f"picture-{HitRecord.objects.count()}", account_id=account, how="sha256",
        exact=True, surface="public_posts", did="hide", at=timezone.now() - ago,
    )  # fmt: skip


def test_counts_are_added_together_and_written_once(data: Path) -> None:
    first, second, third = (entry(sha256=digest("sha256")) for _ in range(3))
    for _ in range(3):
        flood.count([hit(first), hit(second)])
    flood.count([hit(first)])
    assert ListEntry.objects.filter(hits=0).count() == 3
    assert flood.write() == 2
    assert flood.write() == 0
    rows = {row.pk: row for row in ListEntry.objects.all()}
    assert [rows[row.pk].hits for row in (first, second, third)] == [4, 3, 0]
    assert rows[first.pk].last_hit is not None
    assert rows[third.pk].last_hit is None


def test_counts_that_could_not_be_written_are_kept(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = entry(sha256=digest("sha256"))
    flood.count([hit(row)])

    def away(_ids: object) -> Any:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(flood, "watch", away)
        with pytest.raises(OperationalError):
            flood.write()
    row.refresh_from_db()
    assert row.hits == 0
    flood.count([hit(row)])
    flood.write()
    row.refresh_from_db()
    assert row.hits == 2


def test_an_entry_that_hits_many_accounts_is_held_back_once(blog: Host) -> None:
    row, other = entry(sha256=digest("sha256"), trusted=True), entry(sha256=digest("sha256"))
    for number in range(MOST - 1):
        recorded(row, blog, f"user-{number}")
        recorded(other, blog, "user-1")  # one account, often
    for _ in range(5):
        recorded(row, blog, "")  # nobody knows whose
    assert flood.watch([str(row.pk), str(other.pk)]) == []
    recorded(row, blog, "user-22")
    for again in range(2):
        assert flood.watch([str(row.pk), str(other.pk)]) == ([str(row.pk)] if not again else [])
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.held_back_at is not None
    assert other.held_back_at is None
    task = Task.objects.get(kind=flood.TASK)
    assert (task.about, task.role, task.note) == (
        f"listentry:{row.pk}",
        flood.ROLE,
        "20 different accounts in 60 minutes",
    )
    assert Entry.objects.filter(act="list.entry_held_back").count() == 1


def test_the_same_account_of_two_hosts_is_two(blog: Host) -> None:
    row = entry(sha256=digest("sha256"))
    other = Host.objects.create(slug="other", name="Other", adapter="webhook", base_url="http://127.0.0.1:2")
    for number in range(MOST // 2):
        recorded(row, blog, f"user-{number}")
        recorded(row, other, f"user-{number}")
    assert flood.watch([str(row.pk)]) == [str(row.pk)]


def test_hits_from_before_the_window_do_not_count(blog: Host) -> None:
    row = entry(sha256=digest("sha256"))
    for number in range(MOST):
        recorded(row, blog, f"user-{number}", ago=timedelta(minutes=61) if number % 2 else timedelta(minutes=59))
    assert flood.watch([str(row.pk)]) == []


def test_once_let_go_old_hits_are_not_held_against_it_again(blog: Host) -> None:
    row = entry(sha256=digest("sha256"))
    for number in range(MOST):
        recorded(row, blog, f"user-{number}")
    assert flood.watch([str(row.pk)]) == [str(row.pk)]
    with transaction.atomic():
        lists.let_go(row.pk, because="placeholder", actor="staff:1")
        work.close_task(Task.objects.get(kind=flood.TASK).pk, actor="staff:1", outcome="placeholder")
    assert flood.watch([str(row.pk)]) == []
    for number in range(MOST):
        recorded(row, blog, f"user-{100 + number}")
    assert flood.watch([str(row.pk)]) == [str(row.pk)]
    assert Task.objects.filter(kind=flood.TASK).count() == 2


def test_the_matcher_tells_that_it_is_held_back(blog: Host, data: Path) -> None:
    row = entry(sha256=digest("sha256"), trusted=True)
    matcher = Matcher(data / "index")
    matcher.keep_up()
    assert not matcher.match(Asked(sha256=row.sha256))[0].held_back
    for number in range(MOST):
        recorded(row, blog, f"user-{number}")
    flood.count([hit(row)])
    flood.write()
    matcher.keep_up()
    assert matcher.match(Asked(sha256=row.sha256))[0].held_back


def test_letting_an_entry_go_closes_its_task(blog: Host) -> None:
    row = entry(sha256=digest("sha256"))
    for number in range(MOST):
        recorded(row, blog, f"user-{number}")
    assert flood.watch([str(row.pk)]) == [str(row.pk)]
    lists.let_go(row.pk, because="placeholder reason 1", actor="staff:1")
    task = Task.objects.get(kind=flood.TASK)
    assert (task.outcome, task.closed_by) == ("let go", "staff:1")
    assert flood.watch([str(row.pk)]) == [], "hits from before somebody looked do not count again"
