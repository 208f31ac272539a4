"""Nobody decides the appeal against a decision they took part in: refused on record, and by the database too."""

import pytest
from django.db import IntegrityError, transaction

from safehold.audit import service as audit
from safehold.cases import service as cases
from safehold.cases.models import Decision
from safehold.path import commands
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from tests.support import desk, memory_host, stage
from tests.support.stage import FIRST, SECOND, THIRD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture
def appeal(world: memory_host.World) -> Appeal:
    """Against a lenient decision: two people took part."""
    decision = desk.decide(stage.case_of("p1"), desk.LENIENT)
    commands.second_opinion(decision.pk, agree=True, reason="Yes.", actor=SECOND)
    return stage.appeal(decision)


@pytest.mark.parametrize("party", [FIRST, SECOND])
def test_whoever_took_part_is_refused_on_record(appeal: Appeal, party: str) -> None:
    with pytest.raises(redress.TookPart):
        commands.lease_appeal(appeal.pk, actor=party)
    with pytest.raises(redress.TookPart):
        commands.decide_appeal(appeal.pk, grant=True, reason="Mine.", actor=party)
    assert stage.refusals("appeal.taken") == 2
    assert stage.fresh(appeal).state == "open"
    assert appeal not in redress.waiting(party)
    assert appeal in redress.waiting(THIRD)


@pytest.mark.parametrize("party", [FIRST, SECOND])
@pytest.mark.parametrize("state", ["open", "in_review", "granted", "refused"])
def test_the_database_refuses_it(appeal: Appeal, party: str, state: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Appeal.objects.filter(pk=appeal.pk).update(decided_by=party, state=state)


def test_the_database_wants_a_decider_and_one_open_appeal(appeal: Appeal) -> None:
    for state in ("granted", "refused"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Appeal.objects.filter(pk=appeal.pk).update(state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appeal.objects.create(decision=appeal.decision, opened_by="anonymous", deciders="|x|")
    Appeal.objects.filter(pk=appeal.pk).update(decided_by=THIRD, state="granted")


def test_the_database_refuses_one_person_as_both(appeal: Appeal) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=appeal.decision_id).update(second_by=FIRST)
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=appeal.decision_id).update(second_by="", second_agrees=None)


def test_only_who_holds_the_appeal_answers_it(appeal: Appeal) -> None:
    commands.lease_appeal(appeal.pk, actor=THIRD)
    commands.answer_appeal(appeal.pk, desk.CLEARED, actor=THIRD)
    with pytest.raises(cases.NoLease):
        commands.answer_appeal(appeal.pk, desk.SUSPENDS, actor=stage.FOURTH)
    with pytest.raises(cases.NoLease):
        commands.decide_appeal(appeal.pk, grant=True, reason="Not mine.", actor=stage.FOURTH)
    commands.lease_appeal(appeal.pk, actor=THIRD)
    assert stage.fresh(appeal).answers == desk.CLEARED, "one's own answers are kept"
    commands.lease_appeal(appeal.pk, actor=stage.FOURTH)
    assert stage.fresh(appeal).answers == {}, "no verdict is inherited"


@pytest.mark.parametrize(("answers", "grant"), [(desk.CLEARED, False), (desk.LENIENT, True)])
def test_a_verdict_is_never_typed_in(appeal: Appeal, answers: dict[str, object], grant: bool) -> None:
    with pytest.raises(commands.outcomes.AnswersDisagree):
        stage.look_again(appeal, answers, grant=grant, actor=THIRD)
    assert stage.fresh(appeal).state == "in_review"


def test_a_decision_made_on_appeal_bars_everybody_before(appeal: Appeal) -> None:
    """Appealed again, the new decision may be looked at by nobody of the first round."""
    stage.look_again(appeal, desk.SUSPENDS, grant=True, actor=THIRD)
    new = Decision.objects.get(replaces=appeal.decision)
    second_round = stage.appeal(new)
    for party in (FIRST, SECOND, THIRD):
        with pytest.raises(redress.TookPart):
            commands.lease_appeal(second_round.pk, actor=party)
    commands.lease_appeal(second_round.pk, actor=stage.FOURTH)
    assert audit.history(second_round).filter(act="appeal.take").count() == 1


def test_too_long_is_not_stored(appeal: Appeal) -> None:
    with pytest.raises(redress.TextTooLong):
        redress.open_appeal(
            appeal.decision, text="x" * (redress.TEXT_LIMIT + 1), language="en", statement=None, actor="account:1"
        )
    assert Appeal.objects.count() == 1
