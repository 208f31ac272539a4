"""The register of legal process and the letters of Art. 18: what is kept, what is refused, what is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry
from safehold.authorities import service
from safehold.authorities.letter import NoticeInput, render
from safehold.authorities.models import Process
from safehold.console.labels import EU

GOLDEN = Path(__file__).parent / "golden"
TODAY = timezone.now().date()
PAPER: dict[str, Any] = {
    "kind": "order", "authority": "Court 1", "country": "us", "document": "id 17", "received_on": TODAY,
    "verified": "called back", "asked": "account 17: addresses", "actor": "staff:1",
}  # fmt: skip
NOTICE = NoticeInput(
    company="Example Co.", contact="safety@example.org, +1 202 555 0100", case="C-000017", authority="Police 1",
    known_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), decided_at=datetime(2026, 1, 2, 4, 0, tzinfo=UTC),
    service="Example Chat", account="user-17", items=("post-1", "picture-2"), clauses=("CSE-01",), report_id=1234567,
    test=False,
)  # fmt: skip


@pytest.mark.django_db
def test_entries_are_numbered_and_on_record() -> None:
    first, second = service.enter(**PAPER), service.enter(**{**PAPER, "document": "id 18"})
    assert (str(first), str(second), first.country) == ("P-00001", "P-00002", "US")
    assert Entry.objects.filter(act="process.entered").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"authority": " "}, {"document": ""}, {"verified": ""}, {"asked": " "}, {"kind": "chat"}, {"country": "USA"},
        {"country": "1!"}, {"received_on": TODAY + timedelta(days=1)}, {"due_on": TODAY - timedelta(days=1)},
    ],
)  # fmt: skip
def test_what_is_not_whole_is_not_entered(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        service.enter(**{**PAPER, **change})
    assert not Process.objects.exists()


@pytest.mark.django_db
def test_a_document_is_entered_once() -> None:
    service.enter(**PAPER)
    with pytest.raises(ValueError, match="already"):
        service.enter(**PAPER)
    service.enter(**{**PAPER, "authority": "Court 2"})
    assert Process.objects.count() == 2


@pytest.mark.django_db
def test_it_is_settled_once_with_words() -> None:
    row = service.enter(**PAPER)
    with pytest.raises(ValueError, match="Say what"):
        service.answer(row.pk, handed_over="  ", actor="staff:1")
    row = service.answer(row.pk, handed_over="package 0a1b, by courier", actor="staff:1")
    assert (row.state, row.answered_by) == ("answered", "staff:1")
    with pytest.raises(IllegalMove):
        service.refuse(row.pk, because="no jurisdiction", actor="staff:2")
    row.refresh_from_db()
    assert row.answer == "package 0a1b, by courier"
    other = service.enter(**{**PAPER, "document": "id 18"})
    assert service.refuse(other.pk, because="no jurisdiction", actor="staff:1").state == "refused"


@pytest.mark.django_db
def test_the_database_refuses_a_settled_entry_without_its_author() -> None:
    row = service.enter(**PAPER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Process.objects.filter(pk=row.pk).update(state="answered")


def golden(name: str, text: str) -> None:
    kept = GOLDEN / name
    assert kept.read_text(encoding="utf-8") == text


def test_the_letter_says_ids_and_times_alone() -> None:
    title, body = render(NOTICE)
    golden("notice.txt", f"{title}\n\n{body}")
    nobody = msgspec.structs.replace(NOTICE, account="", items=(), clauses=(), report_id=None, test=True)
    title, body = render(nobody)
    golden("notice-unknown-practice.txt", f"{title}\n\n{body}")


def test_the_member_states_are_twenty_seven_and_have_words() -> None:
    assert len(service.EU) == 27
    assert set(EU) == service.EU
    assert not service.EU & {"GB", "US", "CH", "NO"}
