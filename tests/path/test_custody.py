"""Holds against everything that happens to a case, what goes when a hold has ended, and what custodians may command."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyrage
import pytest
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.models import Entry, FailedAttempt
from safehold.cases.models import Case, Decision
from safehold.cybertip.client import Outcome
from safehold.evidence import bodies, keystore
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Grant, Hold, Look, Package, Request, Sealed
from safehold.hosts import contract
from safehold.path import commands, custody, housekeeping, reversal
from safehold.work.models import Job, Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import SECOND, THIRD, Ncmec

pytestmark = pytest.mark.django_db

ONE, TWO, VIEWER = "staff:custodian-1", "staff:custodian-2", "staff:user-17"
PAPER = {"authority": "Police of X", "document": "process:7", "verified": "called back", "because": "asked for"}


def filed(item: str = "p1") -> Decision:
    """A violation, filed, with its hold of a year."""
    decision = desk.decide(stage.case_of(item), desk.SUSPENDS)
    stage.pass_time(hours=1)
    assert Hold.objects.get().state == "in_force"
    return decision


def case_of(decision: Decision) -> Case:
    return Case.objects.get(subjects=decision.subject)


def readable(row: Sealed) -> bool:
    evidence.verify_body(row.pk, actor="system:test")
    return keystore.get(str(row.pk)) is not None


def in_days(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """The clock of the vault and of its custody stands that many days ahead."""
    real = timezone.now
    for module in ("evidence.holds", "evidence.grants", "path.custody", "path.reversal"):
        monkeypatch.setattr(f"safehold.{module}.timezone.now", lambda: real() + timedelta(days=days))


# --- a hold against everything ---


def closes(_world: memory_host.World, decision: Decision) -> None:
    for duty in decision.duties.filter(state="open"):
        commands.waive_duty(duty.pk, because="Settled otherwise.", actor=THIRD)
    run_due()


def appeal_granted(_world: memory_host.World, decision: Decision) -> None:
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True, actor=SECOND)
    stage.pass_time(days=3)


def appeal_refused(_world: memory_host.World, decision: Decision) -> None:
    stage.look_again(stage.appeal(decision), desk.SUSPENDS, grant=False, actor=SECOND)


def account_deleted(world: memory_host.World, _decision: Decision) -> None:
    """The host has no such account any more, nor its items."""
    world.accounts.pop("user-17", None)
    for item in ("p1", "p2", "p3"):
        world.items.pop(item, None)
    stage.pass_time(hours=2)


def erased(_world: memory_host.World, _decision: Decision) -> None:
    """Reporters' data goes on its own terms; evidence is no part of it."""
    from safehold.intake import service as intake

    intake.erase_due(actor="system:test")


def cleaned_up(_world: memory_host.World, _decision: Decision) -> None:
    housekeeping.daily()
    evidence.sweep(actor="system:test", older_than=timedelta(0))


def cleared(_world: memory_host.World, decision: Decision) -> None:
    """The job that clears evidence, although nothing of this case is to be cleared."""
    reversal.clear(str(case_of(decision).pk))


def quota(_world: memory_host.World, _decision: Decision) -> None:
    """Whoever needs room tries to take it."""
    for row in Sealed.objects.all():
        with pytest.raises(evidence.HoldInForce):
            evidence.destroy(row.pk, actor="system:quota", because="room is needed")
    for hold in Hold.objects.all():
        with pytest.raises(evidence.WouldShorten):
            evidence.extend_hold(hold.pk, hold.until - timedelta(days=1), because="quota", actor="system:quota")


def time_passes(_world: memory_host.World, _decision: Decision) -> None:
    stage.pass_time(days=364)


def refused_request(_world: memory_host.World, decision: Decision) -> None:
    """What was asked for in an authority's name, and not agreed to."""
    for kind in (Request.Kind.DESTROY, Request.Kind.END_HOLD):
        more: dict[str, Any] = {"hold": Hold.objects.get()} if kind == Request.Kind.END_HOLD else {}
        case = None if more else case_of(decision).pk
        asked = custody.ask(kind, case, actor=ONE, **PAPER, **more)
        evidence.refuse(asked.pk, because="not verified", actor=TWO)


EVENTS: dict[str, Callable[[memory_host.World, Decision], None]] = {
    "case closing": closes,
    "appeal granted": appeal_granted,
    "appeal refused": appeal_refused,
    "account deletion": account_deleted,
    "erasure of reporters' data": erased,
    "clean-up": cleaned_up,
    "clearing job": cleared,
    "quota": quota,
    "time": time_passes,
    "request refused": refused_request,
}


def check_hold_after(world: memory_host.World, *events: str) -> None:
    decision = filed()
    held = Hold.objects.get()
    rows = list(held.items.all())
    assert len(rows) >= 2
    for name in events:
        EVENTS[name](world, stage.fresh(decision))
        now = Hold.objects.get()
        assert (now.state, now.until) == ("in_force", held.until)
        assert set(now.items.all()) == set(rows)
        assert all(readable(row) for row in rows)
        assert not Certificate.objects.exists()


@pytest.mark.parametrize("event", EVENTS)
def test_nothing_shortens_a_hold(world: memory_host.World, ncmec: Ncmec, event: str) -> None:
    check_hold_after(world, event)


PAIRS = [
    (first, after) for first in EVENTS for after in EVENTS if not (first.startswith("appeal") and "appeal" in after)
]


@pytest.mark.slow
@pytest.mark.parametrize(("first", "after"), PAIRS)
def test_nothing_shortens_a_hold_in_any_order(
    world: memory_host.World, ncmec: Ncmec, first: str, after: str
) -> None:  # fmt: skip
    check_hold_after(world, first, after)


# --- when the day has come ---


def test_a_closed_case_goes_when_its_hold_ends(
    world: memory_host.World, ncmec: Ncmec, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    decision = filed()
    closes(world, decision)
    rows = list(Hold.objects.get().items.all())
    in_days(monkeypatch, 364)
    housekeeping.daily()
    assert not Certificate.objects.exists()
    in_days(monkeypatch, 3)  # on top of the other: 367 days
    with django_capture_on_commit_callbacks(execute=True):
        housekeeping.daily()
    assert Hold.objects.get().state == "ended"
    assert set(Certificate.objects.values_list("sealed_id", flat=True)) == {row.pk for row in rows}
    for paper in Certificate.objects.all():
        assert paper.because == f"hold:{Hold.objects.get().pk} has ended"
        assert paper.key_gone_at is not None
        assert paper.body_gone_at is not None
    for row in rows:
        assert keystore.get(str(row.pk)) is None
        assert not bodies.exists(row.pk, row.parts)
        with pytest.raises(evidence.Destroyed):
            evidence.open_sealed(row.pk, actor=VIEWER, purpose="review", about="case:1")
    before = Entry.objects.filter(act="evidence.destroyed").count()
    housekeeping.daily()
    assert Entry.objects.filter(act="evidence.destroyed").count() == before


def _another_hold(_decision: Decision) -> None:
    case = case_of(_decision)
    until = timezone.now() + timedelta(days=2000)
    custody.legal_hold(case.pk, until=until, authority="Court Y", document="process:8", actor=ONE)


def _open_appeal(decision: Decision) -> None:
    stage.appeal(decision)


def _open_duty(decision: Decision) -> None:
    Case.objects.filter(subjects=decision.subject).update(state=Case.State.DECIDED)


def _waiting_request(decision: Decision) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    custody.ask(Request.Kind.HAND_OVER, case_of(decision).pk, actor=ONE, recipient=recipient, **PAPER)


def _grant(decision: Decision) -> None:
    custody.grant(VIEWER, case_of(decision).pk, because="training", until=_soon(), actor=ONE)
    Grant.objects.update(until=timezone.now() + timedelta(days=2000))


def _soon() -> Any:
    return timezone.now() + timedelta(hours=4)


@pytest.mark.parametrize("stands", [_another_hold, _open_appeal, _open_duty, _waiting_request, _grant])
def test_what_is_still_needed_stays_when_a_hold_ends(
    world: memory_host.World, ncmec: Ncmec, monkeypatch: pytest.MonkeyPatch, stands: Callable[[Decision], None]
) -> None:
    decision = filed()
    closes(world, decision)
    rows = list(Hold.objects.get().items.all())
    stands(stage.fresh(decision))
    in_days(monkeypatch, 367)
    evidence.end_holds_due(actor="system:test")
    assert Hold.objects.filter(state="ended").count() == 1
    assert custody.destroy_unheld() == []
    assert all(readable(row) for row in rows)


def test_what_another_case_rests_on_stays(
    world: memory_host.World, ncmec: Ncmec, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = filed()
    closes(world, decision)
    row = Hold.objects.get().items.order_by("made_at")[0]
    other = stage.case_of("q1", number=2)
    other.items.update(facts=row)
    in_days(monkeypatch, 367)
    evidence.end_holds_due(actor="system:test")
    gone = {paper.sealed_id for paper in custody.destroy_unheld()}
    assert gone
    assert row.pk not in gone


def test_what_was_never_held_is_not_destroyed_by_the_end_of_holds(world: memory_host.World, ncmec: Ncmec) -> None:
    stage.case_of("p1")
    assert Sealed.objects.exists()
    assert custody.destroy_unheld() == []


# --- cleared cases (invariant 4) ---


def test_evidence_of_a_cleared_case_goes_when_its_appeal_window_ends(
    world: memory_host.World, ncmec: Ncmec, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = stage.case_of("p1")
    rows = list(Sealed.objects.all())
    desk.decide(case, desk.CLEARED)
    job = Job.objects.get(name="evidence.clear")
    assert timedelta(days=183) < job.not_before - timezone.now() <= timedelta(days=184)
    assert reversal.clear(str(case.pk)) is not None  # asked too early: later
    assert not Certificate.objects.exists()
    in_days(monkeypatch, 185)
    assert reversal.clear(str(case.pk)) is None
    assert Certificate.objects.count() == len(rows)
    assert {paper.because for paper in Certificate.objects.all()} == {f"cleared case:{case.pk}"}
    assert reversal.clear(str(case.pk)) is None  # again changes nothing


@pytest.mark.parametrize("why", ["undecided", "violation", "held", "appeal"])
def test_evidence_that_is_not_cleared_is_left_alone(
    world: memory_host.World, ncmec: Ncmec, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "violation":
        ncmec.stuck = {"submit": Outcome.RETRY}  # not filed, so nothing is held: the case alone stands in the way
    case = stage.case_of("p1")
    if why != "undecided":
        desk.decide(case, desk.SUSPENDS if why in ("violation", "appeal") else desk.CLEARED)
    if why == "held":
        custody.legal_hold(case.pk, until=timezone.now() + timedelta(days=900), authority="Y", document="8", actor=ONE)
    if why == "appeal":
        stage.appeal(Decision.objects.get())
    rows = list(Sealed.objects.filter(destroyed_at=None))
    in_days(monkeypatch, 185)
    reversal.clear(str(case.pk))
    assert not Certificate.objects.exists()
    assert all(readable(row) for row in rows)


# --- what custodians command ---


def test_nothing_is_destroyed_before_the_filing_is_settled(world: memory_host.World, ncmec: Ncmec) -> None:
    ncmec.stuck = {"submit": Outcome.RETRY}
    case = stage.case_of("p1")
    with pytest.raises(custody.StillNeeded):  # undecided
        custody.ask(Request.Kind.DESTROY, case.pk, actor=ONE, **PAPER)
    desk.decide(case, desk.SUSPENDS)
    with pytest.raises(custody.StillNeeded):  # decided, not filed
        custody.ask(Request.Kind.DESTROY, case.pk, actor=ONE, **PAPER)
    assert FailedAttempt.objects.filter(act="evidence.destroy", reason="filing not settled").count() == 2
    asked = evidence.ask("destroy", actor=ONE, sealed_ids=custody.sealed_of(case), **PAPER)
    with pytest.raises(custody.StillNeeded):  # asked past the case, it is looked at again before it happens
        custody.approve(asked.pk, actor=TWO)
    assert not Certificate.objects.exists()
    ncmec.stuck = {}
    stage.pass_time(hours=1)
    everything = len(custody.sealed_of(case))
    custody.approve(asked.pk, actor=TWO)
    assert Certificate.objects.count() == everything > 0
    assert custody.sealed_of(case) == []


def test_a_hand_over_becomes_a_package(
    world: memory_host.World, ncmec: Ncmec, django_capture_on_commit_callbacks: Any
) -> None:
    decision = filed()
    authority = pyrage.x25519.Identity.generate()
    case = case_of(decision)
    asked = custody.ask("hand_over", case.pk, actor=ONE, recipient=str(authority.to_public()), **PAPER)
    with pytest.raises(evidence.NeedsSecondPerson):
        custody.approve(asked.pk, actor=ONE)
    assert not Job.objects.filter(name="evidence.hand_over").exists()
    custody.approve(asked.pk, actor=TWO)
    assert Job.objects.filter(name="evidence.hand_over", state="waiting").count() == 1
    assert not Package.objects.exists()


def test_a_hand_over_that_cannot_be_read_becomes_a_task(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = filed()
    authority = str(pyrage.x25519.Identity.generate().to_public())
    asked = custody.ask("hand_over", case_of(decision).pk, actor=ONE, recipient=authority, **PAPER)
    custody.approve(asked.pk, actor=TWO)
    with pytest.MonkeyPatch.context() as patch:

        def corrupt(*_args: object, **_more: object) -> None:
            raise evidence.Corrupt("test")

        patch.setattr(evidence, "pack", corrupt)
        run_due()
    assert Job.objects.get(name="evidence.hand_over").state == "failed"
    assert Task.objects.filter(role="custodian", closed_at=None, kind__startswith="job").count() == 1


def test_a_grant_lets_somebody_reveal_without_a_lease(world: memory_host.World, ncmec: Ncmec) -> None:
    from safehold.cases import service as cases

    case = stage.case_of("p1")
    item = case.items.get()
    with pytest.raises(cases.NoLease):
        commands.reveal_item(item.pk, actor=VIEWER, device="device-2")
    custody.grant(VIEWER, case.pk, because="training 7", until=_soon(), actor=ONE)
    look = commands.reveal_item(item.pk, actor=VIEWER, device="device-2")
    assert look.grant == Grant.objects.get()
    with pytest.raises(cases.NoLease):
        commands.reveal_item(item.pk, actor=TWO, device="device-2")
    evidence.end_grant(Grant.objects.get().pk, actor=ONE)
    with pytest.raises(cases.NoLease):
        commands.reveal_item(item.pk, actor=VIEWER, device="device-2")
    assert Look.objects.filter(kind="whole").count() == 1
    assert audit.history(Grant.objects.get()).count() == 2


def test_a_host_that_is_away_does_not_matter_to_the_vault(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = filed()
    world.broken = dict.fromkeys(("hide_item", "suspend_account", "item", "account"), contract.HostUnavailable("away"))
    row = Hold.objects.get().items.order_by("made_at")[0]
    assert readable(row)
    assert custody.sealed_of(case_of(decision))
