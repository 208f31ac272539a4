"""Another outcome than the computed one (S70): held, agreed to or refused, appealed, overtaken by a changed role."""

from dataclasses import dataclass
from typing import Any

import pytest

from safehold import policy
from safehold.audit.models import Entry
from safehold.cases import service as cases
from safehold.cases.models import Case, Decision, Draft, Override
from safehold.enforcement.models import Action
from safehold.hosts.contract import AccountStatus, ItemStatus
from safehold.notices.models import Letter, Statement
from safehold.path import commands, outcomes
from safehold.persons.models import Ban, Strike
from safehold.work.models import Task
from tests.enforcement.test_interplay import NOT_ABUSE, POSTED_ABUSE
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, FOURTH, SECOND, THIRD, Ncmec

pytestmark = pytest.mark.django_db

KEPT = {**POSTED_ABUSE, "ground": "news_organisation"}
CLEARED: dict[str, dict[str, Any]] = {"cse": desk.CLEARED, "physical-abuse": NOT_ABUSE}


@dataclass(frozen=True)
class Way:
    """An override, and what the host shows while it is held and when it is in force."""

    class_id: str
    answers: dict[str, Any]
    computed: str
    chosen: str
    direction: str
    meanwhile: tuple[str, str]  # of the item, of the account
    agreed: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.computed}-to-{self.chosen}"


HIDDEN, VISIBLE = str(ItemStatus.HIDDEN.value), str(ItemStatus.VISIBLE.value)
LOCKED, SUSPENDED, ACTIVE = (
    str(AccountStatus.LOCKED.value), str(AccountStatus.SUSPENDED.value), str(AccountStatus.ACTIVE.value),
)  # fmt: skip
TO_SUSPEND = Way("cse", desk.LENIENT, "cse-lenient", "cse-suspend", "stricter", (HIDDEN, LOCKED), (HIDDEN, SUSPENDED))
TO_PROTECT = Way(
    "physical-abuse", POSTED_ABUSE, "pa-remove", "pa-protect", "milder", (HIDDEN, LOCKED), (HIDDEN, ACTIVE)
)
TO_SUSPENSION = Way(
    "physical-abuse", POSTED_ABUSE, "pa-remove", "pa-suspend-third", "stricter",
    (HIDDEN, LOCKED), (HIDDEN, SUSPENDED),
)  # fmt: skip
FREE = (VISIBLE, ACTIVE)
WAYS = [
    TO_SUSPEND,
    TO_PROTECT,
    TO_SUSPENSION,
    Way("physical-abuse", NOT_ABUSE, "pa-none", "pa-kept", "stricter", FREE, FREE),
    Way("physical-abuse", KEPT, "pa-kept", "pa-none", "milder", FREE, FREE),
]
PUNISHING = [TO_SUSPEND, TO_PROTECT]
each_way = pytest.mark.parametrize("way", WAYS, ids=str)


def computed(way: Way, *, actor: str = FIRST) -> Decision:
    """A case about `p1`, held by `actor`, with the outcome computed and not confirmed."""
    case = stage.case_of("p1")
    commands.lease_case(case.pk, actor=actor, device=desk.DEVICE)
    subject = case.subjects.get()
    commands.answer(subject.pk, way.class_id, way.answers, actor=actor, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, way.class_id, actor=actor, device=desk.DEVICE)
    assert decision.outcome["outcome_id"] == way.computed
    return decision


def overridden(way: Way, *, actor: str = FIRST) -> Decision:
    """The override, held; the case is given back and everything due has run."""
    first = computed(way, actor=actor)
    held = commands.override_decision(
        first.pk, way.chosen, reason=" placeholder reason 1 ", actor=actor, device=desk.DEVICE
    )
    commands.release_case(held.subject.case_id, actor=actor, device=desk.DEVICE)
    stage.pass_time(hours=2)
    return stage.fresh(held)  # type: ignore[no-any-return]


def agreed(way: Way) -> Decision:
    decision = commands.second_opinion(overridden(way).pk, agree=True, reason="Yes.", actor=SECOND)
    stage.pass_time(hours=2)
    return stage.fresh(decision)  # type: ignore[no-any-return]


def shown(world: memory_host.World) -> tuple[str, str]:
    return str(world.items["p1"].status.value), str(world.accounts["user-17"].status.value)


def acts(*about: Decision) -> set[str]:
    return set(Entry.objects.filter(about__in=[f"decision:{row.pk}" for row in about]).values_list("act", flat=True))


@each_way
def test_held(world: memory_host.World, ncmec: Ncmec, way: Way) -> None:
    """What was computed is withdrawn; the chosen outcome waits, with reason and computed outcome beside it."""
    held = overridden(way)
    row = Override.objects.get()
    first = row.instead_of
    assert (held.state, held.cause, held.second_needed, first.state) == ("held", "override", "override", "withdrawn")
    assert (row.decision, row.by, row.chosen, row.direction) == (held, held.decided_by, way.chosen, way.direction)
    assert (row.reason, row.computed) == ("placeholder reason 1", first.outcome)
    assert held.outcome["outcome_id"] == way.chosen
    assert (held.violation, held.clauses, held.answers) == (first.violation, first.clauses, first.answers)
    assert list(held.covers.all()) == list(first.covers.all())
    assert {"decision.proposed", "decision.overridden", "decision.hold", "decision.withdraw"} <= acts(held, first)
    assert shown(world) == way.meanwhile
    assert Case.objects.get().state == "open"
    assert (ncmec.opened, world.told) == (0, [])
    assert not Strike.objects.exists()
    assert not Ban.objects.exists()
    stage.check_everywhere(world)


@each_way
def test_agreed(world: memory_host.World, ncmec: Ncmec, way: Way) -> None:
    decision = agreed(way)
    assert (decision.state, decision.second_by) == ("confirmed", SECOND)
    assert shown(world) == way.agreed
    counted = Strike.objects.filter(state="counted", decision=str(decision.pk)).count()
    assert counted == int(decision.outcome["strike"])
    assert len(ncmec.finished) == int("report_shall" in decision.outcome["duties"])
    unwanted = Action.objects.filter(decision=decision, kind="lock_account").exclude(state="reversed")
    assert not unwanted.exists() or way.agreed[1] == SUSPENDED, "the lock of the meantime stays under a suspension"
    told = Statement.objects.filter(decision=str(decision.pk)).exclude(sent_at=None)
    assert told.exists() == decision.violation
    stage.check_everywhere(world)


@each_way
def test_refused(world: memory_host.World, ncmec: Ncmec, way: Way) -> None:
    """Back to review: nobody's default follows, what can be lifted is lifted, the answers are kept."""
    held = overridden(way)
    after = commands.second_opinion(held.pk, agree=False, reason="No.", actor=SECOND)
    stage.pass_time(days=2)
    assert (after.pk, after.state) == (held.pk, "withdrawn")
    assert not Decision.objects.exclude(state="withdrawn").exists()
    case = Case.objects.get()
    assert case.state == "open"
    assert case in cases.queue()
    assert Draft.objects.get().answers == way.answers
    assert shown(world) == (way.meanwhile[0], ACTIVE), "hidden stays hidden for whoever looks again; nobody is locked"
    assert {row.state for row in Action.objects.exclude(kind="hide_item")} <= {"reversed", "dropped"}
    assert (ncmec.opened, world.told) == (0, [])
    stage.check_everywhere(world)
    # Somebody else computes anew, and the policy's own outcome can be confirmed.
    again = computed_again(case, way)
    assert again.outcome["outcome_id"] == way.computed
    assert commands.confirm_decision(again.pk, actor=THIRD, device=desk.DEVICE).state in ("held", "confirmed")


def computed_again(case: Case, way: Way) -> Decision:
    commands.lease_case(case.pk, actor=THIRD, device=desk.DEVICE)
    return commands.propose_decision(case.subjects.get().pk, way.class_id, actor=THIRD, device=desk.DEVICE)


def test_a_warning_put_there_by_hand_is_taken_away_by_hand(world: memory_host.World) -> None:
    way = WAYS[-1]
    agreed(way)
    notes = sorted(Task.objects.filter(kind="action-by-hand").values_list("note", flat=True))
    assert notes == ["lift warning_screen", "warning_screen"]


@pytest.mark.parametrize("way", PUNISHING, ids=str)
def test_appeal_granted(world: memory_host.World, ncmec: Ncmec, way: Way) -> None:
    decision = agreed(way)
    stage.look_again(stage.appeal(decision), cleared(way), grant=True, actor=THIRD)
    stage.pass_time(days=1)
    assert stage.fresh(decision).state == "replaced"
    assert shown(world) == (VISIBLE, ACTIVE)
    assert not Strike.objects.filter(state="counted").exists()
    assert not Ban.objects.filter(state="in_force").exists()
    assert Letter.objects.filter(kind="appeal_granted").exists()
    assert Override.objects.get().decision == decision, "the override stays on record"
    stage.check_everywhere(world)


def cleared(way: Way) -> dict[str, Any]:
    return CLEARED[way.class_id]


@pytest.mark.parametrize("way", PUNISHING, ids=str)
def test_appeal_refused_on_the_same_facts(world: memory_host.World, way: Way) -> None:
    """The facts are as they were: the one who looks again may let the override stand."""
    decision = agreed(way)
    before = stage.states(decision)
    appeal = stage.look_again(stage.appeal(decision), way.answers, grant=False, actor=THIRD)
    assert appeal.state == "refused"
    assert stage.fresh(decision).state == "confirmed"
    assert stage.states(decision) == before
    assert shown(world) == way.agreed
    stage.check_everywhere(world)


def test_appeal_refused_on_other_facts_is_refused_by_the_policy(world: memory_host.World) -> None:
    decision = agreed(TO_PROTECT)
    with pytest.raises(outcomes.AnswersDisagree):
        stage.look_again(stage.appeal(decision), NOT_ABUSE, grant=False, actor=THIRD)
    assert stage.fresh(decision).state == "confirmed"


def test_appeal_granted_gives_back_what_the_policy_computes(world: memory_host.World, ncmec: Ncmec) -> None:
    """The same facts, and the override was not justified: the milder path, once a fourth person agrees."""
    decision = agreed(TO_SUSPEND)
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True, actor=THIRD)
    new = Decision.objects.get(replaces=decision)
    assert (new.state, new.second_needed, new.outcome["outcome_id"]) == ("held", "lenient_path", "cse-lenient")
    assert shown(world) == (HIDDEN, SUSPENDED)
    for party in (FIRST, SECOND, THIRD):
        with pytest.raises(commands.decisions.SamePerson):
            commands.second_opinion(new.pk, agree=True, reason="Once more.", actor=party)
    commands.second_opinion(new.pk, agree=True, reason="Yes.", actor=FOURTH)
    stage.pass_time(hours=2)
    assert shown(world) == (HIDDEN, LOCKED)
    assert len(ncmec.finished) == 1
    stage.check_everywhere(world)


@pytest.mark.parametrize("party", [FIRST, SECOND])
def test_nobody_of_an_override_answers_its_appeal(world: memory_host.World, party: str) -> None:
    appeal = stage.appeal(agreed(TO_SUSPEND))
    with pytest.raises(commands.redress.TookPart):
        commands.lease_appeal(appeal.pk, actor=party)


def test_the_statement_names_what_was_chosen(world: memory_host.World) -> None:
    decision = agreed(TO_SUSPEND)
    statement = Statement.objects.get(decision=str(decision.pk))
    measures = [row["code"] for row in statement.fields["measures"]]
    assert measures == ["hide_item", "suspend_permanently", "ban_person"]
    assert [row["id"] for row in statement.fields["clauses"]] == decision.clauses


def test_withdrawn_by_a_changed_role_before_it_is_overridden(world: memory_host.World) -> None:
    first = computed(TO_SUSPEND)
    commands.set_role(first.subject_id, "sharer", actor=FIRST, device=desk.DEVICE)
    with pytest.raises(commands.IllegalMove):
        override(first)
    assert not Override.objects.exists()
    assert stage.fresh(first).state == "withdrawn"


def test_the_role_stays_while_an_override_is_held_and_may_change_when_it_was_refused(world: memory_host.World) -> None:
    held = overridden(TO_SUSPEND)
    commands.lease_case(held.subject.case_id, actor=THIRD, device=desk.DEVICE)
    with pytest.raises(commands.decisions.AlreadyDecided):
        commands.set_role(held.subject_id, "apparent_victim", actor=THIRD, device=desk.DEVICE)
    assert stage.fresh(held).state == "held"
    commands.second_opinion(held.pk, agree=False, reason="No.", actor=SECOND)
    commands.set_role(held.subject_id, "apparent_victim", actor=THIRD, device=desk.DEVICE)
    answers = {q: a for q, a in desk.LENIENT.items() if q not in ("role", "malice")}
    commands.answer(held.subject_id, "cse", {**answers, "protect": "not_needed"}, actor=THIRD, device=desk.DEVICE)
    new = commands.propose_decision(held.subject_id, "cse", actor=THIRD, device=desk.DEVICE)
    assert commands.decisions.choices(new) == (), "an apparent victim is only ever protected"
    commands.confirm_decision(new.pk, actor=THIRD, device=desk.DEVICE)
    run_due()
    assert shown(world) == (HIDDEN, ACTIVE)
    stage.check_everywhere(world)


def override(first: Decision, *, chosen: str = "cse-suspend", reason: str = "Placeholder.", actor: str = FIRST) -> None:
    commands.override_decision(first.pk, chosen, reason=reason, actor=actor, device=desk.DEVICE)


def test_the_one_who_overrides_is_not_the_second_person(world: memory_host.World) -> None:
    held = overridden(TO_SUSPEND)
    with pytest.raises(commands.decisions.SamePerson):
        commands.second_opinion(held.pk, agree=True, reason="I agree with me.", actor=FIRST)
    assert stage.refusals("decision.second_opinion") == 1
    assert stage.fresh(held).state == "held"


def test_what_an_override_needs(world: memory_host.World) -> None:
    """A lease, one's own answers, a reason, an outcome that is open, a decision that is only proposed."""
    first = computed(TO_SUSPEND)
    with pytest.raises(ValueError, match="Say in a sentence"):
        override(first, reason="  ")
    for chosen in ("cse-none", "cse-protect", "pa-remove", "cse-lenient", "nonsense"):
        with pytest.raises(policy.BadAnswer):
            override(first, chosen=chosen)
    with pytest.raises(cases.LeaseTaken):
        override(first, actor=SECOND)
    commands.release_case(first.subject.case_id, actor=FIRST, device=desk.DEVICE)
    with pytest.raises(cases.NoLease):
        override(first)
    commands.lease_case(first.subject.case_id, actor=SECOND, device=desk.DEVICE)
    with pytest.raises(commands.decisions.SamePerson):
        override(first, actor=SECOND)
    assert stage.fresh(first).state == "proposed"
    assert not Override.objects.exists()
    assert not Action.objects.exists()
    commands.release_case(first.subject.case_id, actor=SECOND, device=desk.DEVICE)
    commands.lease_case(first.subject.case_id, actor=FIRST, device=desk.DEVICE)
    commands.confirm_decision(first.pk, actor=FIRST, device=desk.DEVICE)
    with pytest.raises(commands.IllegalMove):
        override(first)
    assert not Override.objects.exists()


def test_how_often_is_counted(world: memory_host.World) -> None:
    since = stage.later(hours=-1)
    assert commands.decisions.overrides_since(since) == {"all": 0, "overrides": 0, "waiting": 0}
    held = overridden(TO_SUSPEND)
    assert commands.decisions.overrides_since(since) == {"all": 0, "overrides": 0, "waiting": 1}
    commands.second_opinion(held.pk, agree=True, reason="Yes.", actor=SECOND)
    desk.decide(stage.case_of("q1", number=2), desk.CLEARED)
    assert commands.decisions.overrides_since(since) == {"all": 2, "overrides": 1, "waiting": 0}
    assert commands.decisions.overrides_since(stage.later(hours=1))["overrides"] == 0
