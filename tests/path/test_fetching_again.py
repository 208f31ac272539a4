"""Asking the host again before a report is filed; and what comes after it was filed, and is held all the same."""

import pytest

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry
from safehold.cases.models import CaseItem, CaseSubject, Decision
from safehold.cybertip.client import Outcome
from safehold.cybertip.models import Filing
from safehold.evidence.models import Hold
from safehold.path import filings
from safehold.work import service as work
from tests.support import desk, memory_host
from tests.support.jobs import run_due
from tests.support.stage import Ncmec, case_of, fresh

pytestmark = pytest.mark.django_db
CUSTODIAN = "staff:custodian"


@pytest.fixture
def unfiled(world: memory_host.World, ncmec: Ncmec) -> Decision:
    """A decision in force, not filed, whose account the host did not give."""
    ncmec.stuck = {"submit": Outcome.PERSON}
    decision = desk.decide(case_of("p1", "p2"), desk.SUSPENDS)
    forget(decision)
    return Decision.objects.get(pk=decision.pk)


def forget(decision: Decision) -> None:
    """As if the host had known no such account when it was asked."""
    subject = CaseSubject.objects.get(pk=decision.subject_id)
    assert subject.facts is not None
    subject.facts.about = "elsewhere"
    subject.facts.save(update_fields=["about"])
    CaseSubject.objects.filter(pk=subject.pk).update(facts=None)


def test_what_the_host_has_now_is_fetched_and_the_report_is_more_complete(unfiled: Decision) -> None:
    before = filings.preview(unfiled, actor=CUSTODIAN).completeness
    assert before is not None
    assert filings.fetch_again(unfiled.pk, actor=CUSTODIAN) == 1
    assert Entry.objects.filter(act="filing.fetch_asked", actor=CUSTODIAN).count() == 1
    run_due()
    subject = fresh(unfiled).subject
    assert subject.facts_id is not None
    after = filings.preview(fresh(unfiled), actor=CUSTODIAN).completeness
    assert after is not None
    assert after.score > before.score
    with pytest.raises(IllegalMove, match="nothing that the host"):
        filings.fetch_again(unfiled.pk, actor=CUSTODIAN)


def test_a_context_that_is_still_due_is_asked_for(unfiled: Decision, world: memory_host.World) -> None:
    item = unfiled.covers.get(item__external_id="p1")
    CaseItem.objects.filter(pk=item.pk).update(context_state="due")
    assert filings.can_fetch(unfiled) == [
        ("account.preserve", str(unfiled.subject_id)), ("item.context", str(item.pk))
    ]  # fmt: skip
    assert filings.fetch_again(unfiled.pk, actor=CUSTODIAN) == 2
    run_due()
    assert fresh(item).context_state != "due"


@pytest.mark.parametrize("state", ["withheld", "unavailable", "unsupported"])
def test_what_is_private_or_not_to_be_had_is_not_asked_for(unfiled: Decision, state: str) -> None:
    """A button must not fetch what nobody but a participant may bring in."""
    unfiled.covers.update(context_state=state)
    assert filings.can_fetch(unfiled) == [("account.preserve", str(unfiled.subject_id))]


def test_a_disabled_host_is_not_asked(unfiled: Decision) -> None:
    host = unfiled.subject.account.host  # type: ignore[union-attr]
    host.enabled = False
    host.save(update_fields=["enabled"])
    assert filings.can_fetch(fresh(unfiled)) == []


def test_once_filed_nothing_more_is_asked(world: memory_host.World) -> None:
    decision = desk.decide(case_of("p1"), desk.SUSPENDS)
    forget(decision)
    with pytest.raises(IllegalMove):
        filings.fetch_again(decision.pk, actor=CUSTODIAN)


def test_an_account_that_comes_after_the_report_is_held_with_it(world: memory_host.World) -> None:
    """A host that was away for long: its answer comes when the receipt and its hold are there already."""
    decision = desk.decide(case_of("p1"), desk.SUSPENDS)
    forget(decision)
    hold = Hold.objects.get(ref=audit.ref(Filing.objects.get()))
    work.enqueue("account.preserve", key=str(decision.subject_id), again=True, subject=str(decision.subject_id))
    run_due()
    facts = CaseSubject.objects.get(pk=decision.subject_id).facts_id
    assert facts is not None
    assert facts in set(hold.items.values_list("pk", flat=True))
    assert fresh(hold).until == hold.until
