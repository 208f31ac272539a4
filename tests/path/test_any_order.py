"""Commands in any order, hosts and services that fail in any moment: what always holds, holds at the end.

The short run belongs to every test run; the long one (`make slow`) tries many more histories.
"""

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from safehold import policy
from safehold.audit.machine import IllegalMove
from safehold.cases import decisions
from safehold.cases import service as cases
from safehold.cases.models import Case, CaseItem, Decision, Duty
from safehold.cybertip.client import Outcome
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.hosts.events import HostEvent, ItemRemoved
from safehold.notices import service as notices
from safehold.path import commands, outcomes
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.subjects.models import Account, Host, Item
from safehold.work import retry
from safehold.work.models import Job
from tests.support import desk, memory_host, stage

STAFF = [f"staff:{name}" for name in ("first", "second", "third", "fourth", "fifth", "sixth")]
ANSWERS = {"suspends": desk.SUSPENDS, "lenient": desk.LENIENT, "cleared": desk.CLEARED}
# What a command may answer instead of acting; anything else is a defect.
REFUSALS = (
    cases.NoLease, cases.LeaseTaken, decisions.AlreadyDecided, decisions.SamePerson, redress.NotAppealable,
    redress.TookPart, outcomes.AnswersDisagree, IllegalMove, notices.ExpiredToken, policy.Incomplete,
)  # fmt: skip

staff = st.sampled_from(STAFF)
number = st.integers(0, 3)


class Desk(RuleBasedStateMachine):
    """One installation; every example begins with an empty one (a savepoint is rolled back at its end)."""

    ncmec: stage.Ncmec

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        _host, self.world = memory_host.make()
        for account in ("user-17", "user-18"):
            self.world.add_account(account)
        for name, account in (("p1", "user-17"), ("p2", "user-17"), ("q1", "user-18")):
            self.world.add_item(name, account, body=f"bytes of {name}".encode())
        self.ncmec.stuck = {}
        self.reports = 0

    @initialize(first=st.sampled_from(list(ANSWERS)), second=st.sampled_from(list(ANSWERS)), healthy=st.booleans())
    def begin(self, first: str, second: str, healthy: bool) -> None:
        """Every history has a decision or two, about one account, before the unexpected begins."""
        self.report("p1")
        self.decide(0, first, STAFF[0])
        if healthy:
            self.time_passes(1)
        self.report("p2")
        self.decide(0, second, STAFF[1])

    # --- what people do ---

    @rule(item=st.sampled_from(["p1", "p2", "q1"]))
    def report(self, item: str) -> None:
        self.reports += 1
        desk.report(number=self.reports, locators=(f"https://memory.test/{item}",))

    @rule(n=number, answers=st.sampled_from(list(ANSWERS)), actor=staff)
    def decide(self, n: int, answers: str, actor: str) -> None:
        undecided = cases.CaseSubject.objects.exclude(decisions__state__in=["held", "confirmed"])
        subject = pick(undecided.order_by("case__number", "pk"), n)
        if subject is not None:
            with suppress(*REFUSALS):
                desk.decide(subject.case, ANSWERS[answers], actor=actor, subject=subject)

    @rule(n=number, actor=staff, hide=st.booleans())
    def hide(self, n: int, actor: str, hide: bool) -> None:
        item = pick(CaseItem.objects.order_by("pk"), n)
        if item is None or item.case.state != "open":
            return
        with suppress(*REFUSALS):
            commands.lease_case(item.case_id, actor=actor, device="d")
            (commands.hide_item if hide else commands.unhide_item)(item.pk, actor=actor, device="d")
            commands.release_case(item.case_id, actor=actor, device="d")

    @rule(n=number, agree=st.booleans(), actor=staff)
    @precondition(lambda self: self.any(Decision, state="held"))
    def second(self, n: int, agree: bool, actor: str) -> None:
        held = pick(Decision.objects.filter(state="held").order_by("decided_at"), n)
        with suppress(*REFUSALS):
            commands.second_opinion(held.pk, agree=agree, reason="Looked at it.", actor=actor)

    @rule(n=number)
    @precondition(lambda self: self.any(Decision, state="confirmed", violation=True))
    def appeal(self, n: int) -> None:
        decision = pick(Decision.objects.filter(state="confirmed", violation=True).order_by("decided_at"), n)
        with suppress(*REFUSALS, contract.HostUnavailable):
            stage.appeal(decision)

    @rule(n=number, answers=st.sampled_from(list(ANSWERS)), actor=staff, run=st.booleans())
    @precondition(lambda self: self.any(Appeal, state__in=["open", "in_review"]))
    def answer(self, n: int, answers: str, actor: str, run: bool) -> None:
        row = pick(Appeal.objects.filter(state__in=["open", "in_review"]).order_by("opened_at"), n)
        for grant in (True, False):
            with suppress(*REFUSALS):
                stage.look_again(row, ANSWERS[answers], grant=grant, actor=actor, run=run)
                return

    @rule(
        n=number, answers=st.sampled_from(["cleared", "lenient"]), run=st.booleans(),
        agree=st.sampled_from([True, False, None]),
    )  # fmt: skip
    @precondition(lambda self: self.any(Decision, state="confirmed", violation=True))
    def appealed_and_answered(self, n: int, answers: str, run: bool, agree: bool | None) -> None:
        """A whole appeal, by people who had no part in it: most histories would never get that far by chance."""
        decision = pick(Decision.objects.filter(state="confirmed", violation=True).order_by("decided_at"), n)
        with suppress(*REFUSALS, contract.HostUnavailable):
            row = stage.appeal(decision)
            free = [name for name in STAFF if f"|{name}|" not in row.deciders]
            stage.look_again(row, ANSWERS[answers], grant=True, actor=free[0], run=run)
            new = Decision.objects.get(replaces=decision, state__in=["held", "confirmed"])
            if new.state == "held" and agree is not None:
                commands.second_opinion(new.pk, agree=agree, reason="Looked at it.", actor=free[1])

    @rule(n=number)
    @precondition(lambda self: self.any(Action, kind="lock_account"))
    def button(self, n: int) -> None:
        lock = pick(Action.objects.filter(kind="lock_account", decision__state="confirmed").order_by("pk"), n)
        if lock is not None:
            with suppress(*REFUSALS, contract.HostUnavailable):
                commands.user_removes(stage.token(lock.decision))

    @rule(item=st.sampled_from(["p1", "p2"]))
    @precondition(lambda self: self.any(Action, kind="lock_account"))
    def removed_on_host(self, item: str) -> None:
        if self.world.items.pop(item, None) is not None:
            self.world.bodies.pop(item, None)
            commands.receive_event(HostEvent(Host.objects.get(), f"e{item}", "item.removed", ItemRemoved(item)))

    @rule(n=number, actor=staff)
    @precondition(lambda self: self.any(Duty, kind="report_shall", state="open"))
    def waive(self, n: int, actor: str) -> None:
        duty = pick(Duty.objects.filter(kind="report_shall", state="open").order_by("pk"), n)
        with suppress(*REFUSALS):
            commands.waive_duty(duty.pk, because="Not ours.", actor=actor)

    @rule(n=number)
    @precondition(lambda self: self.any(Action, state="failed"))
    def try_again(self, n: int) -> None:
        commands.retry_action(pick(Action.objects.filter(state="failed").order_by("pk"), n).pk, actor=STAFF[0])

    # --- what happens ---

    @rule(what=st.sampled_from([
        "hide_item", "suspend_account", "lock_account", "restore_account", "restore_item", "purge_item", "item",
        "account",
    ]), deaf=st.booleans())  # fmt: skip
    def host_fails(self, what: str, deaf: bool) -> None:
        if deaf:
            self.world.deaf.add(what)
        else:
            self.world.broken[what] = contract.HostUnavailable("away")

    @rule(call=st.sampled_from(["submit", "upload", "finish"]), how=st.sampled_from([Outcome.RETRY, Outcome.UNSURE]))
    def ncmec_fails(self, call: str, how: Outcome) -> None:
        self.ncmec.stuck = {call: how}

    @rule()
    def mended(self) -> None:
        self.world.broken, self.world.deaf, self.ncmec.stuck = {}, set(), {}

    @rule(hours=st.sampled_from([1, 30]))
    def mended_and_time_passes(self, hours: int) -> None:
        self.mended()
        stage.pass_time(hours=hours)

    @rule(hours=st.sampled_from([1, 30]))
    def time_passes(self, hours: int) -> None:
        stage.pass_time(hours=hours)

    @rule()
    def patience_ends(self) -> None:
        stage.give_up()

    # --- what must hold ---

    def any(self, model: Any, **wanted: Any) -> bool:
        return bool(model.objects.filter(**wanted).exists())

    def teardown(self) -> None:
        try:
            self.mended()
            for _ in range(3):
                for action in Action.objects.filter(state="failed"):
                    commands.retry_action(action.pk, actor=STAFF[0])
                for job in Job.objects.filter(state="failed"):
                    retry.retry(str(job.pk), actor=STAFF[0])
                stage.pass_time(days=2)
            stage.check_everywhere(self.world)
            nothing_hangs()
            hosts_show_what_is_wanted(self.world)
        finally:
            transaction.savepoint_rollback(self.savepoint)


def pick(rows: Any, n: int) -> Any:
    found = list(rows)
    return found[n % len(found)] if found else None


def nothing_hangs() -> None:
    """All mended and every job run: nothing is on its way for ever."""
    moving = Action.objects.filter(state__in=["sent", "reversing", "failed"])
    assert not moving.exists(), list(moving.values_list("kind", "state", "decision__state"))
    waiting = Action.objects.filter(state="planned").exclude(kind="purge_item")
    assert not waiting.exists(), list(waiting.values_list("kind", "decision__state"))
    held = Action.objects.filter(state="held").exclude(decision__state="held")
    assert not held.exists(), list(held.values_list("kind", "decision__state"))
    for case in Case.objects.filter(state="decided"):
        duties = Duty.objects.filter(subject__case=case, state="open")
        assert duties.exists(), f"{case} has no open duty, and is not closed"
        assert not duties.exists(), list(duties.values_list("kind", "decision__outcome__outcome_id"))


def hosts_show_what_is_wanted(world: memory_host.World) -> None:
    """Accounts and items are as restricted as the decisions that stand want them, and no more."""
    standing = [row for row in Decision.objects.filter(state__in=["confirmed", "held", "replaced"]) if stands(row)]
    for account in Account.objects.all():
        mine = [row for row in standing if row.subject.account_id == account.pk]
        wanted = contract.AccountStatus.ACTIVE
        if any(locks(row) for row in mine):
            wanted = contract.AccountStatus.LOCKED
        if any("suspend_account" in stage.wants(row) and row.state != "held" for row in mine):
            wanted = contract.AccountStatus.SUSPENDED
        shown = world.accounts[account.external_id].status
        assert shown == wanted, f"{account.external_id} is {shown}, wanted is {wanted}"
    for item in Item.objects.all():
        shown_item = world.items[item.external_id].status if item.external_id in world.items else None
        free = Action.objects.filter(case_item__item=item, kind="hide_item", decision=None, state="confirmed")
        hiding = [row for row in standing if row.covers.filter(item=item).exists() and hides(row)]
        if shown_item is not None:
            hidden = bool(hiding) or free.exists()
            assert (shown_item == contract.ItemStatus.HIDDEN) == hidden, f"{item.external_id} is {shown_item}"


def stands(decision: Decision) -> bool:
    """In force, held as a first decision, or replaced by one that a second person has yet to agree to."""
    if decision.state == "replaced":
        return Decision.objects.filter(replaces=decision, state="held").exists()
    return decision.state == "confirmed" or decision.replaces_id is None


def hides(decision: Decision) -> bool:
    wanted = decision.outcome["meanwhile"] if decision.state == "held" else decision.outcome["actions"]
    return "hide_item" in wanted


def locks(decision: Decision) -> bool:
    """Whether it locks, and the user has not removed everything yet."""
    if decision.state == "held":
        return "lock_until_removed" in decision.outcome["meanwhile"]
    gone = Action.objects.filter(
        case_item__in=decision.covers.all(), kind="purge_item", state__in=["confirmed", "irreversible"]
    )
    return "lock_account" in stage.wants(decision) and gone.count() < decision.covers.count()


def run(ncmec: stage.Ncmec, examples: int, steps: int) -> None:
    Desk.ncmec = ncmec
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Desk,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None, derandomize=examples < 50,
            suppress_health_check=list(HealthCheck), print_blob=False,
            phases=[Phase.generate] if examples < 50 else [Phase.generate, Phase.shrink],
        ),
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.usefixtures("vault")
def test_commands_in_any_order(ncmec: stage.Ncmec) -> None:
    run(ncmec, examples=10, steps=15)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.usefixtures("vault")
def test_many_more_histories(ncmec: stage.Ncmec) -> None:
    run(ncmec, examples=150, steps=25)
