"""Reports to the NCA: link, priority and clock, the rule of s. 70(5), the export of a case, reference and hold."""

import json
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from safehold.app.config import Uk
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry
from safehold.authorities.models import UkMatter
from safehold.cases.models import Case, CaseSubject, Decision
from safehold.cybertip.client import Outcome
from safehold.cybertip.models import Filing
from safehold.evidence import service as evidence
from safehold.evidence.models import Hold, Look
from safehold.path import clock, custody, housekeeping, reconciling, uk
from safehold.work.models import Task
from tests.support import desk, memory_host
from tests.support.stage import (
    THIRD,
    Ncmec,
    appeal,
    case_of,
    check_everywhere,
    fresh,
    look_again,
    pass_time,
)

pytestmark = pytest.mark.django_db
CUSTODIAN = "staff:custodian"
LINK: dict[str, Any] = {
    "linked": True, "because": "placeholder reason 1", "priority_because": "placeholder reason 2", "actor": CUSTODIAN,
}  # fmt: skip


@pytest.fixture(autouse=True)
def registered(settings: Any) -> None:
    known = Uk(registration="REG-17", registered_on=date(2026, 4, 7))
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, uk=known)


@pytest.fixture
def filed(world: memory_host.World) -> Decision:
    """A decision in force with a finished CyberTip."""
    return desk.decide(case_of("p1", "p2"), desk.SUSPENDS)


@pytest.fixture
def unfiled(world: memory_host.World, ncmec: Ncmec) -> Decision:
    """A decision in force whose CyberTip the service refuses."""
    ncmec.stuck = {"submit": Outcome.PERSON}
    return desk.decide(case_of("p1", "p2"), desk.SUSPENDS)


def find(decision: Decision, priority: int = 2, **more: Any) -> UkMatter:
    return uk.find(decision.subject_id, **{**LINK, "priority": priority, **more})


def sent(row: UkMatter, reference: str = "NCA-17") -> UkMatter:
    uk.prepare(row.pk, actor=CUSTODIAN, declared_by="User 40")
    return uk.enter_reference(row.pk, reference=reference, actor=CUSTODIAN)


def known_for(case: Case, **ago: float) -> None:
    Case.objects.filter(pk=case.pk).update(knowledge_at=timezone.now() - timedelta(**ago))


def alarms() -> Any:
    return Task.objects.filter(kind="uk-late", closed_at=None)


# --- who is asked about ------------------------------------------------------------------------------


def test_whoever_is_reported_waits_for_a_finding(world: memory_host.World) -> None:
    case = case_of("p1", "p2")
    assert not uk.unanswered(), "nobody has decided"
    decision = desk.decide(case, desk.SUSPENDS)
    assert list(uk.unanswered()) == [decision.subject]
    uk.find(decision.subject_id, linked=False, because="placeholder reason 3", actor=CUSTODIAN)
    assert not uk.unanswered()


def test_nobody_is_asked_about_a_case_without_violation(world: memory_host.World) -> None:
    desk.decide(case_of("p1"), desk.CLEARED)
    assert not uk.unanswered()


# --- the clock ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "hours"), [(1, 0), (2, 12), (3, 24)])
def test_the_alarm_comes_by_priority(filed: Decision, priority: int, hours: int) -> None:
    known_for(filed.subject.case, hours=max(0, hours - 1))
    find(filed, priority)
    assert alarms().exists() == (priority == 1), "priority 1 at once, in the finding's own transaction"
    known_for(filed.subject.case, hours=hours, minutes=1)
    housekeeping.look_over()
    housekeeping.look_over()
    task = alarms().get()
    assert (task.role, task.about) == ("custodian", audit.ref(UkMatter.objects.get()))
    assert clock.uk_waiting()[0].late


def test_before_a_decision_the_most_urgent_counts_already(world: memory_host.World) -> None:
    subject = case_of("p1").subjects.get()
    row = uk.find(subject.pk, **{**LINK, "priority": 1})
    assert alarms().get().about == audit.ref(row)
    with pytest.raises(ValueError, match="No decision in force"):
        uk.prepare(row.pk, actor=CUSTODIAN, declared_by="User 40")


def test_the_most_urgent_stands_first(world: memory_host.World) -> None:
    first, second = case_of("p1"), case_of("q1", number=2)
    known_for(first, hours=5)
    uk.find(first.subjects.get().pk, **{**LINK, "priority": 3})
    uk.find(second.subjects.get().pk, **{**LINK, "priority": 1})
    assert [one.matter.priority for one in clock.uk_waiting()] == [1, 3]


def test_an_alarm_ends_with_its_cause_and_comes_again_with_a_new_one(filed: Decision) -> None:
    row = find(filed, 1)
    first = alarms().get()
    uk.cover(row.pk, actor=CUSTODIAN)
    first.refresh_from_db()
    assert (first.closed_by, alarms().count()) == (CUSTODIAN, 0)
    assert Entry.objects.filter(act="task.closed", about=audit.ref(first)).count() == 1
    uk.refuse_cover(row.pk, because="placeholder reason 4", actor=CUSTODIAN)
    assert alarms().count() == 1, "due again, and late"
    uk.prepare(row.pk, actor=CUSTODIAN, declared_by="User 40")
    assert alarms().count() == 1, "an export reports nothing"
    uk.enter_reference(row.pk, reference="NCA-17", actor=CUSTODIAN)
    assert not alarms().exists()
    housekeeping.look_over()
    assert not alarms().exists()


# --- covered by NCMEC --------------------------------------------------------------------------------


def test_a_finished_cybertip_covers_with_its_number(filed: Decision) -> None:
    row = uk.cover(find(filed).pk, actor=CUSTODIAN)
    filing = Filing.objects.get()
    assert (row.state, row.covered_by, row.covered_report_id) == ("covered", audit.ref(filing), filing.report_id)
    assert clock.uk_waiting() == []


def test_without_a_finished_cybertip_nothing_is_covered(unfiled: Decision) -> None:
    row = find(unfiled)
    with pytest.raises(uk.NotCovered, match="No CyberTip"):
        uk.cover(row.pk, actor=CUSTODIAN)
    assert fresh(row).state == "due"


def test_a_cybertip_of_another_environment_covers_nothing(filed: Decision) -> None:
    Filing.objects.update(environment="test")
    with pytest.raises(uk.NotCovered, match="filed in test"):
        uk.cover(find(filed).pk, actor=CUSTODIAN)


def test_a_cybertip_without_one_of_the_files_covers_nothing(filed: Decision, world: memory_host.World) -> None:
    """What the CyberTip did not carry is unreported."""
    item = filed.covers.get(item__external_id="p1")
    with_another_file = case_of("q1", number=2).items.get()
    item.body = with_another_file.body
    item.save(update_fields=["body"])
    with pytest.raises(uk.NotCovered, match="p1"):
        uk.cover(find(filed).pk, actor=CUSTODIAN)


def test_a_text_that_came_after_the_cybertip_is_not_covered(filed: Decision) -> None:
    filed.covers.filter(item__external_id="p2").update(preserved_at=timezone.now() + timedelta(hours=1))
    with pytest.raises(uk.NotCovered, match="p2"):
        uk.cover(find(filed).pk, actor=CUSTODIAN)


def test_the_rule_is_refused_with_a_reason(filed: Decision) -> None:
    row = uk.refuse_cover(find(filed).pk, because="no arrangement", actor=CUSTODIAN)
    assert (row.state, row.not_covered_because) == ("due", "no arrangement")
    row = sent(row)
    assert row.state == "reported"


# --- the export --------------------------------------------------------------------------------------


def test_the_export_is_made_from_the_case_and_read_in_ones_own_name(filed: Decision) -> None:
    row = uk.prepare(find(filed, 1).pk, actor=CUSTODIAN, declared_by="User 40")
    assert Look.objects.filter(actor=CUSTODIAN).exists()
    made = uk.export(row.pk, actor="staff:2")
    told = json.loads(made.machine)["schedule_1"]
    assert told["reporter"]["nca_registration"] == "REG-17"
    assert told["accounts"][0]["id"] == "user-17"
    assert told["accounts"][0]["emails"] == [{"address": "user-17@mail.example", "verified": None}]
    assert told["accounts"][0]["phones"] == ["+12025550117"]
    body = filed.covers.get(item__external_id="p1").body
    assert body is not None
    assert told["content"][0]["hashes"]["SHA256"] == body.sha256
    assert told["prior_reports"]["cybertipline"] == [Filing.objects.get().report_id]
    assert told["declaration"]["by"] == "User 40"
    assert json.loads(made.machine)["practice_or_test"] is True
    assert uk.export(row.pk, actor="staff:2") == made
    assert Entry.objects.filter(act="uk_matter.export_taken", actor="staff:2").count() == 2


def test_nobody_exports_without_a_registration(filed: Decision, settings: Any) -> None:
    row = find(filed)
    for half in (Uk(), Uk(registration="REG-17"), Uk(registered_on=date(2026, 4, 7))):
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, uk=half)
        with pytest.raises(ValueError, match="Register with the NCA"):
            uk.prepare(row.pk, actor=CUSTODIAN, declared_by="User 40")
    assert (fresh(row).state, bytes(fresh(row).record)) == ("due", b"")


def test_what_is_covered_or_has_no_link_is_not_exported(filed: Decision) -> None:
    row = uk.cover(find(filed).pk, actor=CUSTODIAN)
    for act in (
        lambda: uk.prepare(row.pk, actor=CUSTODIAN, declared_by="User 40"),
        lambda: uk.export(row.pk, actor=CUSTODIAN),
        lambda: uk.enter_reference(row.pk, reference="NCA-17", actor=CUSTODIAN),
    ):
        with pytest.raises(IllegalMove):
            act()
    assert not Hold.objects.filter(ref__startswith="uk:").exists()


def test_an_earlier_reference_about_the_account_is_told(filed: Decision, world: memory_host.World) -> None:
    sent(find(filed), "NCA-1")
    later = desk.decide(case_of("p3", number=2), desk.SUSPENDS)
    row = uk.prepare(find(later).pk, actor=CUSTODIAN, declared_by="User 40")
    told = json.loads(uk.export(row.pk, actor=CUSTODIAN).machine)["schedule_1"]
    assert told["prior_reports"]["nca"] == ["NCA-1"]


def test_given_back_it_is_due_with_no_export(filed: Decision) -> None:
    row = uk.prepare(find(filed, 3).pk, actor=CUSTODIAN, declared_by="User 40")
    row = uk.give_back(row.pk, because="placeholder reason 5", actor=CUSTODIAN)
    assert (row.state, bytes(row.record), row.prepared_at) == ("due", b"", None)
    with pytest.raises(IllegalMove):
        uk.export(row.pk, actor=CUSTODIAN)


# --- reference and hold ------------------------------------------------------------------------------


def test_the_reference_begins_a_years_hold_and_is_kept_for_five(unfiled: Decision) -> None:
    row = sent(find(unfiled))
    hold = Hold.objects.get(ref=f"uk:{row.pk}")
    assert row.reported_at is not None
    assert row.reference_until is not None
    assert hold.until == row.reported_at.replace(year=row.reported_at.year + 1)
    assert row.reference_until == row.reported_at.replace(year=row.reported_at.year + 5)
    assert hold.basis == "SI 2026/268 (UK) reg. 8"
    held = set(hold.items.values_list("pk", flat=True))
    subject = CaseSubject.objects.get(pk=row.subject_id)
    assert held == {*(one for item in unfiled.covers.all() for one in item.sealed_ids), subject.facts_id}
    with pytest.raises(evidence.HoldInForce):
        evidence.destroy(next(iter(held)), actor="system:worker", because="x")
    with pytest.raises(evidence.WouldShorten):
        evidence.extend_hold(hold.pk, timezone.now(), because="x", actor=CUSTODIAN)


def test_after_a_year_the_hold_ends_and_the_reference_stays(unfiled: Decision) -> None:
    row = sent(find(unfiled))
    Hold.objects.filter(ref=f"uk:{row.pk}").update(until=timezone.now() - timedelta(minutes=1))
    housekeeping.daily()
    assert Hold.objects.get(ref=f"uk:{row.pk}").state == "ended"
    assert fresh(row).reference == "NCA-17"


def test_a_reference_that_is_refused_holds_nothing(filed: Decision) -> None:
    row = uk.prepare(find(filed).pk, actor=CUSTODIAN, declared_by="User 40")
    with pytest.raises(ValueError, match="reference has"):
        uk.enter_reference(row.pk, reference="<>", actor=CUSTODIAN)
    assert fresh(row).state == "prepared"
    assert not Hold.objects.filter(ref__startswith="uk:").exists()


def test_the_count_of_cybertips_is_not_touched(filed: Decision, world: memory_host.World) -> None:
    sent(find(filed))
    assert reconciling.compare().agrees
    check_everywhere(world)


def test_evidence_stays_as_long_as_a_report_is_owed(filed: Decision) -> None:
    """Also when the CyberTip's own hold is over, and when an authority asks for destruction."""
    row = find(filed, 3)
    body = filed.covers.get(item__external_id="p1").body
    assert body is not None
    case, asked = filed.subject.case, {"authority": "Authority 1", "document": "id 17", "verified": "called back"}
    with pytest.raises(custody.StillNeeded):
        custody.ask("destroy", case.pk, actor=CUSTODIAN, because="x", **asked)
    Hold.objects.update(until=timezone.now() - timedelta(minutes=1))
    Case.objects.filter(pk=case.pk).update(state="closed")
    Decision.objects.update(confirmed_at=timezone.now() - timedelta(days=400))
    housekeeping.daily()
    assert fresh(body).destroyed_at is None
    uk.cover(row.pk, actor=CUSTODIAN)
    housekeeping.daily()
    assert fresh(body).destroyed_at is not None, "nothing else kept it"


# --- the way back ------------------------------------------------------------------------------------


def reverse(decision: Decision) -> None:
    look_again(appeal(decision), desk.CLEARED, grant=True, actor=THIRD)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [("due", "dropped", 0), ("covered", "dropped", 0), ("prepared", "prepared", 1), ("reported", "reported", 1),
     ("no_link", "no_link", 0)],
)  # fmt: skip
def test_a_reversed_decision_ends_what_is_due_and_tells_a_person_of_the_rest(
    filed: Decision, before: str, after: str, told: int
) -> None:
    if before == "no_link":
        row = uk.find(filed.subject_id, linked=False, because="placeholder reason 3", actor=CUSTODIAN)
    else:
        row = find(filed, 1)
    if before == "covered":
        uk.cover(row.pk, actor=CUSTODIAN)
    if before in ("prepared", "reported"):
        uk.prepare(row.pk, actor=CUSTODIAN, declared_by="User 40")
    if before == "reported":
        uk.enter_reference(row.pk, reference="NCA-17", actor=CUSTODIAN)
    assert fresh(row).state == before
    reverse(filed)
    assert fresh(row).state == after
    assert Task.objects.filter(kind="tell-nca", about=audit.ref(row)).count() == told
    assert alarms().exists() == (before == "prepared"), "in a person's hands it still waits for them"
    if before == "reported":
        assert Hold.objects.get(ref=f"uk:{row.pk}").state == "in_force", "a reversal shortens no hold"


def test_a_wrong_cybertip_covers_nothing(filed: Decision) -> None:
    reverse(filed)
    row = find(filed)
    with pytest.raises(uk.NotCovered):
        uk.cover(row.pk, actor=CUSTODIAN)


def test_nothing_is_dropped_while_a_decision_reports_it(filed: Decision) -> None:
    row = find(filed)
    with pytest.raises(ValueError, match="A decision in force"):
        uk.drop(row.pk, because="placeholder reason 6", actor=CUSTODIAN)
    reverse(filed)
    assert fresh(row).state == "dropped"


# --- the knowledge clock's own alarms ----------------------------------------------------------------


def test_alarms_of_the_knowledge_clock_close_when_it_is_filed(unfiled: Decision, ncmec: Ncmec) -> None:
    from safehold.path import filings

    known_for(unfiled.subject.case, hours=30)
    housekeeping.look_over()
    task = Task.objects.get(kind="report-late", closed_at=None)
    ncmec.stuck = {}
    filings.try_again(Filing.objects.get().pk, anew=False, actor=CUSTODIAN)
    pass_time(minutes=5)
    task.refresh_from_db()
    assert (task.closed_by, task.outcome) == ("system:worker", audit.ref(Filing.objects.get()))
    assert Entry.objects.filter(act="task.closed", about=audit.ref(task)).count() == 1


def test_alarms_about_cases_close_when_they_are_decided(world: memory_host.World) -> None:
    case = case_of("p1", class_id="cse")
    known_for(case, hours=30)
    housekeeping.look_over()
    task = Task.objects.get(kind="case-late")
    housekeeping.look_over()
    assert fresh(task).closed_at is None, "it still waits"
    desk.decide(case, desk.CLEARED)
    housekeeping.look_over()
    assert fresh(task).closed_by == "system:worker"
