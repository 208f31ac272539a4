"""Reporters' data: sealed, opened on record, and gone when its term ends."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from safehold.audit.models import Entry
from safehold.intake import retention
from safehold.intake import service as intake
from safehold.intake.models import Report, ReporterContact, ReportWords
from safehold.sealing.box import CannotUnseal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@pytest.fixture
def report() -> Report:
    new = intake.NewReport(
        channel="form", once_key="key-1", contact_email="user-17@mail.test", reason="placeholder message 3"
    )
    with transaction.atomic():
        return intake.accept(new).report


def acts() -> list[str]:
    return list(Entry.objects.order_by("id").values_list("act", flat=True))


def test_a_look_at_contact_data_is_recorded(report: Report) -> None:
    with transaction.atomic():
        found = intake.contact_of(report.pk, actor="staff:1", purpose="answer")
    assert found == intake.Contact(email="user-17@mail.test")
    assert acts()[-1] == "reporter_contact.viewed"


def test_no_contact_no_look(report: Report) -> None:
    with transaction.atomic():
        other = intake.accept(intake.NewReport(channel="form", once_key="key-2")).report
        before = acts()
        assert intake.contact_of(other.pk, actor="staff:1", purpose="answer") is None
    assert acts() == before


def test_the_database_holds_no_word_of_it(report: Report) -> None:
    for row in (ReporterContact.objects.get(), ReportWords.objects.get()):
        assert b"mail.test" not in bytes(row.sealed)
        assert b"placeholder" not in bytes(row.sealed)


def test_sealed_text_opens_only_in_its_own_row_and_unchanged(report: Report) -> None:
    row = ReporterContact.objects.get()
    sealed = bytes(row.sealed)
    for name, changed in (
        (f"ReportWords:{report.pk}", sealed),
        (f"ReporterContact:{report.pk}", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (f"ReporterContact:{report.pk}", b"\x02" + sealed[1:]),
        (f"ReporterContact:{report.pk}", b""),
    ):
        with pytest.raises(CannotUnseal):
            retention.unseal(name, changed)


def test_nothing_ends_before_the_report_is_finished(report: Report) -> None:
    assert intake.erase_due(actor="system:worker", now=timezone.now() + timedelta(days=9999)) == 0


def test_each_has_a_term_of_its_own(report: Report) -> None:
    with transaction.atomic():
        intake.finish(report.pk, actor="staff:1")
    start = timezone.now()
    assert intake.erase_due(actor="system:worker", now=start + timedelta(days=179)) == 0
    assert intake.erase_due(actor="system:worker", now=start + timedelta(days=181)) == 1
    assert bytes(ReporterContact.objects.get().sealed) == b""
    assert intake.words_of(report.pk).reason == "placeholder message 3"
    assert intake.erase_due(actor="system:worker", now=start + timedelta(days=366)) == 1
    assert intake.words_of(report.pk) == intake.Words(erased=True)
    assert intake.erase_due(actor="system:worker", now=start + timedelta(days=9999)) == 0
    assert acts()[-2:] == ["reporter_contact.erased", "report_words.erased"]


def test_erasing_on_request_leaves_the_proof(report: Report) -> None:
    assert intake.erase_contact(report.pk, actor="staff:1", because="reporter asked")
    row = ReporterContact.objects.get()
    assert bytes(row.sealed) == b""
    assert row.erased_because == "reporter asked"
    with transaction.atomic():
        assert intake.contact_of(report.pk, actor="staff:1", purpose="answer") is None
    assert not intake.erase_contact(report.pk, actor="staff:1", because="again")
    assert intake.erase_words(report.pk, actor="staff:1", because="reporter asked")
    assert acts().count("reporter_contact.erased") == 1


def test_what_turns_out_to_be_elsewhere_after_erasure_is_not_kept(report: Report) -> None:
    with transaction.atomic():
        other = intake.accept(
            intake.NewReport(channel="form", once_key="key-3", locators=("@user-17",), reason="placeholder message 4")
        ).report
        intake.erase_words(other.pk, actor="staff:1", because="reporter asked")
        intake.settle_locator(other.locators.get().pk, state="elsewhere", actor="system:worker")
    assert intake.words_of(other.pk) == intake.Words(erased=True)
    assert bytes(ReportWords.objects.get(report=other).sealed) == b""
