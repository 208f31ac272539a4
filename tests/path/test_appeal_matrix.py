"""An appeal in every state that the actions and the filing can be in: after a grant nothing is left hanging."""

from typing import Any

import pytest

from safehold.cases.models import Case, Decision
from safehold.cybertip.client import Outcome
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.evidence.models import Sealed
from safehold.hosts import contract
from safehold.notices.models import Letter
from safehold.path import commands, filing, order
from safehold.persons import service as persons
from safehold.persons.models import Ban, Strike
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.screening.models import ListEntry
from safehold.work.models import Job, Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD, Ncmec

pytestmark = pytest.mark.django_db

ENDED = {"reversed", "dropped", "irreversible"}
DOWN = contract.HostUnavailable("away")

# name of the state of the filing -> what the service does
FILINGS: dict[str, dict[str, Outcome]] = {
    "drafted": {"submit": Outcome.RETRY},
    "opened": {"upload": Outcome.RETRY},
    "failed": {"submit": Outcome.PERSON},
    "finished": {},
}


def brought_to(world: memory_host.World, ncmec: Ncmec, actions: str, filed: str) -> Decision:
    """A decision that suspends, with its actions and its filing in these states."""
    case = stage.case_of("p1")
    if actions == "sent":  # the host takes orders and does nothing
        world.deaf = {"hide_item", "suspend_account"}
    elif actions == "planned":
        world.broken = {"hide_item": DOWN, "suspend_account": DOWN}
    elif actions == "failed":
        world.broken = {"hide_item": contract.HostRefused("no"), "suspend_account": contract.HostRefused("no")}
    ncmec.stuck = FILINGS.get(filed, {"submit": Outcome.RETRY})
    decision = desk.decide(case, desk.SUSPENDS)
    if filed in ("by_hand", "not_reportable"):
        run_due()
        row = order.filing_of(decision)
        if filed == "by_hand" and row is not None:
            filing.cybertip.filed_by_hand(row.pk, report_id=77, actor="staff:custodian", on_finished=filing._finished)
        elif decision.duties.filter(kind="report_shall", state="open").exists():
            duty = decision.duties.get(kind="report_shall")
            commands.waive_duty(duty.pk, because="Not ours to report.", actor="staff:custodian")
        run_due()
    return decision


@pytest.mark.parametrize("filed", ["drafted", "opened", "failed", "finished", "by_hand", "not_reportable"])
@pytest.mark.parametrize("actions", ["confirmed", "sent", "planned", "failed", "purged"])
def test_granted(world: memory_host.World, ncmec: Ncmec, actions: str, filed: str) -> None:
    if actions == "purged" and filed in ("drafted", "opened", "failed"):
        pytest.skip("nothing is purged before the receipt or a recorded reason")
    if actions == "purged":
        world_item_purges_after_receipt(world)
    decision = brought_to(world, ncmec, actions, filed)
    before = stage.states(decision)
    if actions == "purged":
        assert before["purge_item"] == "confirmed"
    was = order.filing_of(decision)
    filed_already = was is not None and was.state in order.FILED
    sent = list(ncmec.finished)
    appeal = stage.appeal(decision)
    world.broken, world.deaf, ncmec.stuck = {}, set(), {}
    appeal = stage.look_again(appeal, desk.CLEARED, grant=True)
    stage.pass_time(days=2)
    decision.refresh_from_db()
    assert (appeal.state, decision.state) == ("granted", "replaced")

    after = stage.states(decision)
    assert set(after.values()) <= ENDED, (before, after)
    assert after["purge_item"] == ("irreversible" if actions == "purged" else "dropped")
    if actions == "purged":
        assert after["hide_item"] == "irreversible"
        assert "p1" not in world.items
    else:
        assert world.items["p1"].status == contract.ItemStatus.VISIBLE
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    assert not Ban.objects.filter(state="in_force").exists()
    assert not commands.check_signup(subject_host(decision), emails=("user-17@mail.example",), phones=()).refused
    assert not Strike.objects.filter(state="counted").exists()
    assert not ListEntry.objects.filter(retracted_at=None).exists()
    assert not Sealed.objects.exclude(destroyed_at=None).exists(), "evidence stays for the window and the hold"

    assert ncmec.finished == sent, "a cleared decision is not filed afterwards"
    assert Task.objects.filter(kind="tell-ncmec").count() == (1 if filed_already else 0)
    row = order.filing_of(decision)
    if row is not None and not filed_already:
        assert row.state == "not_reportable"
    kinds = sorted(Letter.objects.exclude(kind="ncmec_correction").values_list("kind", flat=True))
    assert kinds == ["appeal_granted", "reversal"]
    case = Case.objects.get()
    assert case.state == "closed", list(case.subjects.get().duties.values_list("kind", "state"))
    assert not Job.objects.filter(state="waiting", name__in=["action.undo", "filing.file", "letter.appeal"]).exists()
    stage.check_everywhere(world)


@pytest.mark.parametrize("filed", ["drafted", "finished"])
@pytest.mark.parametrize("actions", ["confirmed", "sent", "planned", "failed"])
def test_refused_changes_nothing(world: memory_host.World, ncmec: Ncmec, actions: str, filed: str) -> None:
    decision = brought_to(world, ncmec, actions, filed)
    appeal = stage.appeal(decision)
    before = stage.states(decision)
    appeal = stage.look_again(appeal, desk.SUSPENDS, grant=False)
    assert appeal.state == "refused"
    decision.refresh_from_db()
    assert decision.state == "confirmed"
    assert stage.states(decision) == before
    assert Strike.objects.filter(state="counted").count() == 1
    assert list(Letter.objects.values_list("kind", flat=True)) == ["appeal_refused"]
    with pytest.raises(redress.NotAppealable):
        stage.appeal(decision)
    world.broken, world.deaf = {}, set()
    stage.check_everywhere(world)


def world_item_purges_after_receipt(world: memory_host.World) -> None:
    from safehold.subjects.models import Host

    Host.objects.update(purge_after_receipt=True)


def subject_host(decision: Decision) -> Any:
    account = decision.subject.account
    assert account is not None
    return account.host


def test_a_grant_that_needs_a_second_person_waits_for_them(world: memory_host.World, ncmec: Ncmec) -> None:
    """Suspension to lenient: nothing changes, and nobody is told, before a second person agrees."""
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True)
    new = Decision.objects.get(replaces=decision)
    assert new.state == "held"
    assert world.accounts["user-17"].status == contract.AccountStatus.SUSPENDED
    assert not Letter.objects.exists(), "nobody is told of a grant that is not agreed to"
    stage.check_everywhere(world)

    for party in (FIRST, SECOND):
        with pytest.raises(commands.decisions.SamePerson):
            commands.second_opinion(new.pk, agree=True, reason="Once more.", actor=party)
    assert stage.refusals("decision.second_opinion") == 2, "both refused attempts stay on record"

    commands.second_opinion(new.pk, agree=True, reason="Looked at it too.", actor=THIRD)
    stage.pass_time(hours=2)
    assert world.accounts["user-17"].status == contract.AccountStatus.LOCKED
    assert world.items["p1"].status == contract.ItemStatus.HIDDEN, "what both want stays"
    assert stage.states(decision) == {"suspend_account": "reversed", "ban_person": "reversed", "purge_item": "dropped"}
    assert stage.states(new) == {"hide_item": "confirmed", "lock_account": "confirmed"}
    assert not Ban.objects.filter(state="in_force").exists()
    assert [row.decision for row in Strike.objects.filter(state="counted")] == [str(new.pk)]
    assert not Task.objects.filter(kind="tell-ncmec").exists(), "the report was right"
    reversal = Letter.objects.get(kind="reversal")
    told = {row["code"] for row in reversal.fields["done"]}
    assert told == {"suspend_permanently", "ban_person"}, "it still counts"
    assert reversal.fields["impossible"] == ["hold"]
    stage.check_everywhere(world)


def test_a_second_person_refuses_a_grant(world: memory_host.World, ncmec: Ncmec) -> None:
    """The old decision stands as before, and somebody who had no part in either answers the appeal."""
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    before = stage.states(decision)
    appeal = stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True)
    new = Decision.objects.get(replaces=decision)
    commands.second_opinion(new.pk, agree=False, reason="No.", actor=THIRD)
    stage.pass_time(hours=2)
    decision.refresh_from_db()
    appeal.refresh_from_db()
    assert (decision.state, stage.fresh(new).state, appeal.state) == ("confirmed", "withdrawn", "open")
    assert stage.states(decision) == before
    assert not Letter.objects.exists()
    assert Strike.objects.filter(state="counted").count() == 1
    for party in (FIRST, SECOND, THIRD):
        with pytest.raises(redress.TookPart):
            commands.lease_appeal(appeal.pk, actor=party)
    assert len(ncmec.finished) == 1
    appeal = stage.look_again(appeal, desk.CLEARED, grant=True, actor=stage.FOURTH)
    stage.pass_time(hours=2)
    assert stage.states(decision) == {
        "hide_item": "reversed", "suspend_account": "reversed", "ban_person": "reversed", "purge_item": "dropped",
    }  # fmt: skip
    assert Task.objects.filter(kind="tell-ncmec").count() == 1
    stage.check_everywhere(world)


def test_a_second_person_refuses_a_grant_while_the_filing_was_under_way(world: memory_host.World, ncmec: Ncmec) -> None:
    """Reinstated, the decision is filed, its duties are met, and its purge comes when the window ends."""
    ncmec.stuck = {"submit": Outcome.RETRY}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True)
    new = Decision.objects.get(replaces=decision)
    ncmec.stuck = {}
    stage.pass_time(days=1)
    assert len(ncmec.finished) == 1, "a violation stands either way"
    assert not Task.objects.filter(kind="tell-ncmec").exists()
    commands.second_opinion(new.pk, agree=False, reason="No.", actor=THIRD)
    stage.pass_time(days=2)
    case = Case.objects.get()
    assert not decision.duties.filter(state="open").exists()
    assert case.state == "closed"
    stage.check_everywhere(world)


def test_the_decision_falls_after_finish_was_sent(world: memory_host.World, ncmec: Ncmec) -> None:
    """Too late to stop it: once the receipt is there, a custodian is to tell NCMEC."""
    ncmec.stuck = {"finish": Outcome.UNSURE}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    row = order.filing_of(decision)
    assert row is not None
    assert row.state == "uploading"
    assert not Task.objects.filter(kind="tell-ncmec").exists()
    ncmec.stuck = {}
    stage.pass_time(days=1)
    assert stage.fresh(row).state == "finished"
    assert Task.objects.filter(kind="tell-ncmec").count() == 1
    stage.check_everywhere(world)


def test_lenient_on_appeal_does_not_run_the_old_purge(world: memory_host.World, ncmec: Ncmec) -> None:
    """The planned purge was the old decision's; under the lenient path only the user removes."""
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True)
    new = Decision.objects.get(replaces=decision)
    commands.second_opinion(new.pk, agree=True, reason="Yes.", actor=THIRD)
    stage.pass_time(days=400)
    assert "p1" in world.items
    assert world.accounts["user-17"].status == contract.AccountStatus.LOCKED


def test_lenient_on_appeal_after_the_purge_locks_nobody_for_good(world: memory_host.World, ncmec: Ncmec) -> None:
    """What the user would have to remove is gone: there is nothing to be locked for."""
    world_item_purges_after_receipt(world)
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    assert "p1" not in world.items
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True)
    new = Decision.objects.get(replaces=decision)
    commands.second_opinion(new.pk, agree=True, reason="Yes.", actor=THIRD)
    stage.pass_time(hours=2)
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    stage.check_everywhere(world)


def test_a_new_decision_with_other_duties_takes_the_case_up_again(world: memory_host.World, ncmec: Ncmec) -> None:
    """Filed and closed; on appeal it is a lesser violation, whose statement is a new duty."""
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.pass_time(days=1)
    assert Case.objects.get().state == "closed"
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True)
    new = Decision.objects.get(replaces=decision)
    world.broken = {"tell_account": contract.HostUnavailable("away"), "account": contract.HostUnavailable("away")}
    commands.second_opinion(new.pk, agree=True, reason="Yes.", actor=THIRD)
    assert Case.objects.get().state == "decided", "a closed case has no open duties"
    world.broken = {}
    stage.pass_time(days=2)
    duties = dict(new.duties.values_list("kind", "state"))
    assert duties == {"report_shall": "met", "preserve": "met", "notify_account_holder": "met"}
    assert Case.objects.get().state == "closed"
    stage.check_everywhere(world)


def test_a_purge_waits_while_an_appeal_is_open(world: memory_host.World, ncmec: Ncmec, settings: Any) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.pass_time(days=1)
    appeal = stage.appeal(decision)
    window_ends(decision)
    run_due()
    assert "p1" in world.items
    stage.look_again(appeal, desk.SUSPENDS, grant=False)
    stage.pass_time(hours=2)
    assert "p1" not in world.items
    assert stage.states(decision)["purge_item"] == "confirmed"


def window_ends(decision: Decision) -> None:
    """The appeal window of a decision is over."""
    from safehold.notices.models import Statement

    Statement.objects.filter(decision=str(decision.pk)).update(appeal_until=stage.later(seconds=-1))
    Job.objects.filter(name="action.carry_out", state="waiting").update(not_before=stage.later(seconds=-1))


def test_after_the_window_the_link_opens_nothing(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    link = stage.token(decision)
    window_ends(decision)
    with pytest.raises(commands.notices.ExpiredToken):
        commands.open_appeal(link, text="placeholder message 4", language="en")
    assert not Appeal.objects.exists()


def test_an_appeal_sent_twice_is_one(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    one, two = stage.appeal(decision), stage.appeal(decision, text="placeholder message 5")
    assert one.pk == two.pk
    assert Appeal.objects.get().text == "placeholder message 4"


def test_a_purge_that_was_sent_and_never_seen_is_asked_after(world: memory_host.World, ncmec: Ncmec) -> None:
    """An order without undo, taken and not done: after a grant the ledger says what became of it."""
    world_item_purges_after_receipt(world)
    world.deaf = {"purge_item"}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    assert stage.states(decision)["purge_item"] == "sent"
    appeal = stage.appeal(decision)
    stage.look_again(appeal, desk.CLEARED, grant=True)
    assert stage.states(decision)["purge_item"] == "reversed", "it never took effect"
    assert world.items["p1"].status == contract.ItemStatus.VISIBLE
    stage.check_everywhere(world)


def test_the_item_is_gone_by_other_hands_when_it_should_come_back(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    del world.items["p1"]
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    assert stage.states(decision)["hide_item"] == "irreversible"
    assert not Task.objects.filter(kind="job-failed").exists()


def test_the_undoing_fails_and_is_tried_again(world: memory_host.World, ncmec: Ncmec) -> None:
    """Trying a failed undoing again undoes; it must never do the action once more."""
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    world.broken = {"restore_account": contract.HostRefused("no")}
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    action = Action.objects.get(kind="suspend_account")
    assert action.state == "failed"
    assert Task.objects.filter(kind="job-failed").count() == 1
    orders = len(world.orders)
    world.broken = {}
    commands.retry_action(action.pk, actor=SECOND)
    run_due()
    assert stage.fresh(action).state == "reversed"
    assert [name for name, _target, _key in world.orders[orders:]] == ["restore_account"]
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE


def test_a_planned_retry_that_was_sent_before_is_undone_not_dropped(world: memory_host.World, ncmec: Ncmec) -> None:
    """Failed after it was sent, planned again, and then reversed: the host may have done it late."""
    world.deaf = {"suspend_account"}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.give_up()
    action = Action.objects.get(kind="suspend_account")
    assert action.state == "failed"
    memory_host.Line(world).world.accounts["user-17"] = world.accounts["user-17"]
    world.deaf = set()
    memory_host.Line(world).suspend_account("user-17", key="late")
    appeal = stage.appeal(decision)
    commands.retry_action(action.pk, actor=SECOND)
    stage.look_again(appeal, desk.CLEARED, grant=True)
    assert stage.fresh(action).state == "reversed"
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE


def test_person_banned_twice_stays_banned_once(world: memory_host.World, ncmec: Ncmec) -> None:
    """Two cases ban the same person; one is reversed."""
    one = desk.decide(stage.case_of("p1", number=1), desk.SUSPENDS)
    stage.pass_time(days=1)
    two = desk.decide(stage.case_of("p3", number=2), desk.SUSPENDS)
    assert one.subject.case_id != two.subject.case_id
    stage.look_again(stage.appeal(one), desk.CLEARED, grant=True)
    assert world.accounts["user-17"].status == contract.AccountStatus.SUSPENDED
    assert commands.check_signup(subject_host(one), emails=("user-17@mail.example",), phones=()).refused
    letter = Letter.objects.get(kind="reversal")
    assert {row["code"] for row in letter.fields["done"]} == {"hide_item", "strike"}, "the account is not back"
    person = persons.person_of(two.subject.account)  # type: ignore[arg-type]
    assert person is not None
    assert persons.strikes(person) == 1
    stage.check_everywhere(world)
    stage.look_again(stage.appeal(two), desk.CLEARED, grant=True)
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    assert Filing.objects.count() == 2
    stage.check_everywhere(world)
