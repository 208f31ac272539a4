"""The lease on a case: one person, one device, for a while; acts without it are refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases import service as cases
from safehold.cases.models import Case, CaseSubject, Decision, Draft, Lease
from safehold.enforcement.models import Action
from safehold.evidence.models import Look
from safehold.path import commands
from tests.support import desk, memory_host, stage
from tests.support.stage import FIRST, SECOND

pytestmark = pytest.mark.django_db

ONE, TWO = "device-1", "device-2"


@pytest.fixture
def case(world: memory_host.World) -> Case:
    return stage.case_of("p1")


def expire() -> None:
    Lease.objects.update(until=timezone.now() - timedelta(seconds=1))


def test_taken_by_one_and_refused_to_others(case: Case) -> None:
    commands.lease_case(case.pk, actor=FIRST, device=ONE)
    for actor, device in ((FIRST, TWO), (SECOND, ONE)):
        with pytest.raises(cases.LeaseTaken) as refusal:
            commands.lease_case(case.pk, actor=actor, device=device)
        assert refusal.value.lease.holder == FIRST
    assert stage.refusals("case.leased") == 2, "refused attempts stay on record"
    assert Lease.objects.get().device == ONE
    assert case not in cases.queue()


def test_renewed_keeps_the_fence_and_taken_anew_raises_it(case: Case) -> None:
    first = commands.lease_case(case.pk, actor=FIRST, device=ONE)
    Lease.objects.update(until=timezone.now() + timedelta(minutes=1))
    renewed = commands.lease_case(case.pk, actor=FIRST, device=ONE)
    assert renewed.fence == first.fence
    assert renewed.until > timezone.now() + timedelta(minutes=15)
    assert audit.history(case).filter(act="case.leased").count() == 1
    expire()
    assert case in cases.queue()
    assert commands.lease_case(case.pk, actor=SECOND, device=ONE).fence == first.fence + 1
    expire()
    assert commands.lease_case(case.pk, actor=SECOND, device=ONE).fence == first.fence + 2


def test_given_back_by_its_holder_alone(case: Case) -> None:
    commands.lease_case(case.pk, actor=FIRST, device=ONE)
    for actor, device in ((FIRST, TWO), (SECOND, ONE)):
        commands.release_case(case.pk, actor=actor, device=device)
        assert cases.need_lease(case, actor=FIRST, device=ONE)
    commands.release_case(case.pk, actor=FIRST, device=ONE)
    with pytest.raises(cases.NoLease):
        cases.need_lease(case, actor=FIRST, device=ONE)
    assert case in cases.queue()


def acts(case: Case, actor: str, device: str) -> list[Any]:
    item, subject = case.items.get(), case.subjects.get()
    who = {"actor": actor, "device": device}
    proposed = Decision.objects.filter(subject=subject).first()
    return [
        lambda: commands.hide_item(item.pk, **who),
        lambda: commands.unhide_item(item.pk, **who),
        lambda: commands.reveal_item(item.pk, **who),
        lambda: commands.set_role(subject.pk, "sharer", **who),
        lambda: commands.answer(subject.pk, "cse", desk.SUSPENDS, **who),
        lambda: commands.propose_decision(subject.pk, "cse", **who),
        *([lambda: commands.confirm_decision(proposed.pk, **who)] if proposed else []),
    ]


@pytest.mark.parametrize("state", ["never", "expired", "given back", "other device", "other person", "taken over"])
def test_acts_without_a_lease_do_nothing(case: Case, state: str) -> None:
    subject = case.subjects.get()
    if state != "never":
        commands.lease_case(case.pk, actor=FIRST, device=ONE)
        commands.answer(subject.pk, "cse", desk.SUSPENDS, actor=FIRST, device=ONE)
        commands.propose_decision(subject.pk, "cse", actor=FIRST, device=ONE)
    actor, device = FIRST, ONE
    if state == "expired":
        expire()
    elif state == "given back":
        commands.release_case(case.pk, actor=FIRST, device=ONE)
    elif state == "other device":
        device = TWO
    elif state == "other person":
        actor = SECOND
    elif state == "taken over":
        expire()
        commands.lease_case(case.pk, actor=SECOND, device=ONE)
    before = snapshot()
    for act in acts(case, actor, device):
        with pytest.raises((cases.NoLease, cases.LeaseTaken)):
            act()
    assert snapshot() == before


def snapshot() -> list[Any]:
    return [
        list(Action.objects.values_list("pk", "state")),
        list(Look.objects.exclude(kind="filing").values_list("pk", flat=True)),
        list(Draft.objects.values_list("answers", flat=True)),
        list(Decision.objects.values_list("pk", "state")),
        list(CaseSubject.objects.values_list("role", flat=True)),
    ]


def test_the_queue_puts_the_gravest_first(world: memory_host.World) -> None:
    other = stage.case_of("q1", number=1, class_id="altercation")
    grave = stage.case_of("p1", number=2, class_id="cse")
    assert list(cases.queue()) == [grave, other]
    desk.report(locators=("https://memory.test/q1",), number=3, urgent=True)
    assert list(cases.queue()) == [other, grave], "an urgent report brings its case forward"


def test_a_refused_reveal_stays_on_record(case: Case) -> None:
    """Destroyed evidence is not shown, and the attempt outlives the refused command."""
    from safehold.evidence import service as evidence

    item = case.items.get()
    assert item.body is not None
    evidence.destroy(item.body.pk, actor="system:worker", because="a test")
    commands.lease_case(case.pk, actor=FIRST, device=ONE)
    with pytest.raises(evidence.Destroyed):
        commands.reveal_item(item.pk, actor=FIRST, device=ONE)
    assert stage.refusals("evidence.reveal") == 1
    assert not Look.objects.filter(kind="whole").exists()


@pytest.mark.parametrize(
    ("source", "class_id", "urgent", "place"),
    [
        ("report", "cse", True, 0), ("report", "", True, 0), ("match", "", False, 1),
        ("authority", "altercation", False, 1),
        ("flagger", "altercation", False, 2), ("report", "cse", False, 3), ("report", "", False, 4),
        ("report", "physical-abuse", False, 6), ("report", "altercation", False, 6), ("report", "unheard-of", False, 6),
    ],
)  # fmt: skip
def test_the_queue_follows_danger_then_source_then_the_class_that_its_pack_puts_first(
    source: str, class_id: str, urgent: bool, place: int
) -> None:
    """S2, S60."""
    assert cases.priority(urgent=urgent, source=source, class_id=class_id) == place
