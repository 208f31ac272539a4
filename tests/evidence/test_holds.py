"""Holds and destruction: nothing goes early, nothing comes back, and both are proven afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.audit.models import FailedAttempt
from safehold.evidence import bodies, destruction, keystore
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Hold, Sealed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "system:worker"
YEAR = timedelta(days=365)
BASIS = "18 USC 2258A(h)(1)"
OnCommit = Any


def keep(content: bytes = b"placeholder message 3") -> Sealed:
    return evidence.preserve([content], media_type="text/plain", file_name="note.txt", about="item:1", actor=ACTOR)


def hold(*rows: Sealed, ref: str = "filing:1", until: datetime | None = None) -> Hold:
    return evidence.place_hold(
        [row.pk for row in rows], until=until or timezone.now() + YEAR, basis=BASIS, ref=ref, actor=ACTOR
    )


class Undo(Exception):
    """Rolls a transaction back."""


def undone(act: Callable[[], object]) -> None:
    with transaction.atomic():
        act()
        raise Undo


def files(data: Path) -> list[Path]:
    return sorted(path for path in (data / "evidence").rglob("*") if path.is_file())


# --- holds ---


def test_a_hold_forbids_destruction_and_the_attempt_is_noted() -> None:
    row = keep()
    held = hold(row)
    with pytest.raises(evidence.HoldInForce):
        evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1")
    assert FailedAttempt.objects.get().about == f"sealed:{row.pk}"
    assert keystore.get(str(row.pk)) is not None
    assert list(evidence.holds_in_force(row.pk)) == [held]
    assert b"".join(evidence.open_sealed(row.pk, actor=ACTOR, purpose="review", about="case:1"))


def test_a_hold_is_placed_once_for_each_ref_and_only_grows() -> None:
    one, two = keep(), keep()
    until = timezone.now() + YEAR
    first = hold(one, until=until)
    assert hold(one, until=until) == first
    assert hold(one, until=until - timedelta(days=100)).until == until  # never shorter
    wider = hold(one, two, until=until + timedelta(days=1))
    assert wider == first
    assert wider.until == until + timedelta(days=1)
    assert set(wider.items.all()) == {one, two}
    assert hold(until=until).items.count() == 2  # never narrower
    assert [entry.act for entry in audit.history(first)] == ["hold.placed", "hold.widened", "hold.extend"]


def test_a_hold_can_be_empty_and_names_only_what_there_is() -> None:
    assert hold(ref="filing:2").items.count() == 0  # a report without files is preserved too
    with pytest.raises(evidence.UnknownEvidence):
        evidence.place_hold([UUID(int=7)], until=timezone.now(), basis=BASIS, ref="filing:3", actor=ACTOR)
    assert Hold.objects.count() == 1


def test_what_is_destroyed_already_is_named_and_does_not_stop_the_receipt(caplog: pytest.LogCaptureFixture) -> None:
    gone, kept = keep(), keep()
    evidence.destroy(gone.pk, actor=ACTOR, because="process:7")
    held = hold(gone, kept)
    assert list(held.items.all()) == [kept]
    assert audit.history(held).get().detail.body["destroyed"] == [str(gone.pk)]
    assert "too late" in caplog.text
    assert hold(gone, kept) == held


def test_a_hold_goes_with_the_receipts_transaction() -> None:
    row = keep()

    with pytest.raises(Undo):
        undone(lambda: hold(row))
    assert Hold.objects.count() == 0


def test_extending_never_shortens() -> None:
    held = hold(keep())
    later = held.until + timedelta(days=90)
    longer = evidence.extend_hold(held.pk, later, because="legal process 7", actor="staff:user-17")
    assert longer.until == later
    assert evidence.extend_hold(held.pk, later, because="again", actor="staff:user-17").until == later
    with pytest.raises(evidence.WouldShorten):
        evidence.extend_hold(held.pk, later - timedelta(seconds=1), because="quota", actor="staff:user-17")
    assert Hold.objects.get().until == later
    assert FailedAttempt.objects.get().act == "hold.extend"


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), max_size=8))
def test_whatever_is_called_the_end_never_moves_earlier(days: list[tuple[bool, int]]) -> None:
    base = datetime(2040, 1, 1, tzinfo=UTC)
    held = hold(ref="filing:p", until=base)
    latest = held.until
    for extend, day in days:
        until = base + timedelta(days=day)
        if not extend:
            hold(ref="filing:p", until=until)
        elif until < latest:
            with pytest.raises(evidence.WouldShorten):
                evidence.extend_hold(held.pk, until, because="again", actor=ACTOR)
        else:
            evidence.extend_hold(held.pk, until, because="again", actor=ACTOR)
        latest = max(latest, until)
        assert Hold.objects.get(pk=held.pk).until == latest


def test_a_hold_ends_when_its_day_has_come_and_not_before() -> None:
    row = keep()
    due = hold(row, ref="filing:1", until=timezone.now() - timedelta(seconds=1))
    later = hold(row, ref="filing:2")
    with pytest.raises(evidence.HoldInForce):  # the clock alone ends nothing
        evidence.destroy(row.pk, actor=ACTOR, because="term ended")
    assert evidence.end_holds_due(actor=ACTOR) == [due]
    assert evidence.end_holds_due(actor=ACTOR) == []
    with pytest.raises(evidence.HoldInForce):
        evidence.destroy(row.pk, actor=ACTOR, because="term ended")
    assert list(evidence.holds_in_force(row.pk)) == [later]
    with pytest.raises(IllegalMove):
        evidence.extend_hold(due.pk, timezone.now() + YEAR, because="late", actor=ACTOR)
    again = hold(row, ref="filing:1")  # a step that runs twice does not revive it
    assert again.state == "ended"
    assert list(evidence.holds_in_force(row.pk)) == [later]


def test_only_an_authority_and_two_people_end_a_hold_early() -> None:
    row = keep()
    held = hold(row)
    one, two = "staff:user-17", "staff:user-18"
    request = {"authority": "Police of X", "document": "process:7"}
    for approved_by in ("", one):
        with pytest.raises(evidence.NeedsSecondPerson):
            evidence.end_hold_early(held.pk, **request, actor=one, approved_by=approved_by)
    with pytest.raises(ValueError, match="authority"):
        evidence.end_hold_early(held.pk, authority="Police of X", document="", actor=one, approved_by=two)
    assert Hold.objects.get().state == "in_force"
    assert evidence.end_hold_early(held.pk, **request, actor=one, approved_by=two).state == "ended"
    assert audit.history(held).last().detail.body["approved_by"] == two  # type: ignore[union-attr]
    evidence.destroy(row.pk, actor=one, approved_by=two, because="process:7")


# --- destruction ---


def test_destruction_leaves_a_certificate_and_nothing_to_read(
    data: Path, django_capture_on_commit_callbacks: OnCommit
) -> None:
    row, other = keep(), keep()
    with django_capture_on_commit_callbacks(execute=True):
        paper = evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1")
    paper.refresh_from_db()
    assert (paper.sha256, paper.size, paper.actor, paper.because) == (row.sha256, 21, ACTOR, "cleared case:1")
    assert paper.body_gone_at is not None
    row.refresh_from_db()
    assert row.destroyed_at == paper.at
    assert row.file_name == ""
    assert keystore.get(str(row.pk)) is None
    assert paper.key_gone_at is not None
    assert paper.last_copy_until == paper.key_gone_at + timedelta(days=7)
    assert [path.name.split(".")[0] for path in files(data)] == [str(other.pk)]
    for attempt in (
        lambda: evidence.open_sealed(row.pk, actor=ACTOR, purpose="filing", about="filing:1"),
        lambda: evidence.reveal(row.pk, actor=ACTOR, about="case:1"),
        lambda: evidence.veiled(row.pk, actor=ACTOR, about="case:1"),
    ):
        with pytest.raises(evidence.Destroyed):
            attempt()
    assert [entry.act for entry in audit.history(row)][-2:] == ["evidence.destroyed", "evidence.key_gone"]


def test_the_destroyed_key_is_gone_from_the_key_stores_file(
    data: Path, django_capture_on_commit_callbacks: OnCommit
) -> None:
    row, other = keep(), keep()
    known = keystore.get(str(row.pk))
    kept = keystore.get(str(other.pk))
    assert known is not None
    assert kept is not None

    def stored() -> bytes:
        return b"".join(path.read_bytes() for path in data.glob(f"{keystore.FILE}*"))

    assert known.wrapped in stored()
    with django_capture_on_commit_callbacks(execute=True):
        evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1")
    assert known.wrapped not in stored()
    assert kept.wrapped in stored()


def test_a_key_that_cannot_be_destroyed_now_is_destroyed_by_the_sweep(
    data: Path, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: OnCommit
) -> None:
    row = keep()

    def failing(_object_id: str) -> bool:
        raise evidence.KeyStoreFailed("test")

    with monkeypatch.context() as patched, django_capture_on_commit_callbacks(execute=True):
        patched.setattr(keystore, "destroy", failing)
        paper = evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1")
    paper.refresh_from_db()
    assert paper.key_gone_at is None  # the certificate claims nothing that did not happen
    with pytest.raises(evidence.Destroyed):
        evidence.open_sealed(row.pk, actor=ACTOR, purpose="filing", about="filing:1")
    assert evidence.sweep(actor=ACTOR) == 1
    paper.refresh_from_db()
    assert paper.key_gone_at is not None
    assert keystore.get(str(row.pk)) is None


def test_destroying_again_gives_the_same_certificate() -> None:
    row = keep()
    first = evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1")
    assert evidence.destroy(row.pk, actor=ACTOR, because="another") == first
    assert Certificate.objects.get().because == "cleared case:1"


def test_a_person_does_not_destroy_alone() -> None:
    row = keep()
    for approved_by in ("", "staff:user-17"):
        with pytest.raises(evidence.NeedsSecondPerson):
            evidence.destroy(row.pk, actor="staff:user-17", approved_by=approved_by, because="process:7")
    with pytest.raises(ValueError, match="why"):
        evidence.destroy(row.pk, actor=ACTOR, because="")
    with pytest.raises(evidence.UnknownEvidence):
        evidence.destroy(UUID(int=7), actor=ACTOR, because="cleared case:1")
    assert keystore.count() == 1
    paper = evidence.destroy(row.pk, actor="staff:user-17", approved_by="staff:user-18", because="process:7")
    assert paper.approved_by == "staff:user-18"


def test_a_destruction_that_is_rolled_back_destroys_nothing(
    data: Path, django_capture_on_commit_callbacks: OnCommit
) -> None:
    row = keep()

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(Undo):
        undone(lambda: evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1"))
    assert len(files(data)) == 1
    assert b"".join(evidence.open_sealed(row.pk, actor=ACTOR, purpose="review", about="case:1"))


def test_a_store_that_fails_is_swept_later(
    data: Path, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: OnCommit
) -> None:
    row = keep()

    def failing(*_args: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched, django_capture_on_commit_callbacks(execute=True):
        patched.setattr(bodies, "remove", failing)
        paper = evidence.destroy(row.pk, actor=ACTOR, because="cleared case:1")
    assert paper.body_gone_at is None
    assert len(files(data)) == 1
    assert evidence.sweep(actor=ACTOR) == 1
    assert files(data) == []
    paper.refresh_from_db()
    assert paper.body_gone_at is not None


def test_sweeping_removes_what_a_crash_left_and_nothing_else(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep()
    orphan = UUID("00000000-0000-4000-8000-000000000007")
    writer = bodies.Writer(orphan)
    writer.write(b"half a body")
    writer.close()
    keystore.put(str(orphan), b"a wrapped key", "a key")
    (data / "evidence" / "lost+found").mkdir()
    (data / "evidence" / "lost+found" / "notes.txt").write_text("not ours")
    assert evidence.sweep(actor=ACTOR) == 0  # too young: it may be on its way in
    assert evidence.sweep(actor=ACTOR, older_than=timedelta(0)) == 2  # the part and the key
    assert [row.object_id for row in keystore.rows()] == [str(kept.pk)]
    assert [path.name for path in files(data)] == [f"{kept.pk}.00000", "notes.txt"]
    assert audit.history("evidence:orphans").get().detail.body == {"objects": [str(orphan)]}
    assert destruction.sweep(actor=ACTOR, older_than=timedelta(0)) == 0
