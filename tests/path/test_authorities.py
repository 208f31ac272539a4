"""A duty to inform an authority: the notice is drafted from the case, sent with its proof, and meets the duty."""

from typing import Any

import pytest

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.authorities import service
from safehold.authorities.models import Notice
from safehold.cases.models import Duty
from safehold.path import authorities, commands
from safehold.work.models import Task
from tests.support import desk, memory_host
from tests.support.stage import case_of, check_everywhere

pytestmark = pytest.mark.django_db
DANGER: dict[str, Any] = {**desk.SUSPENDS, "danger": "immediate"}
WHERE: dict[str, Any] = {"addressee": "concerned", "country": "DE", "authority": "Police 1", "actor": "staff:custodian"}


@pytest.fixture
def duty(world: memory_host.World) -> Duty:
    desk.decide(case_of("p1", "p2"), DANGER)
    return Duty.objects.get(kind="inform_authority")


def test_the_notice_is_drafted_from_the_case_and_holds_no_content(duty: Duty) -> None:
    assert authorities.to_inform() == [duty]
    row = authorities.draft_notice(duty.pk, **WHERE)
    case = duty.subject.case
    for told in (str(case), "user-17", "p1, p2", "CSE-01", "CyberTipline report: 1001", "PRACTICE OR TEST"):
        assert told in row.body, told
    assert f"{case.knowledge_at:%Y-%m-%d %H:%M:%S}" in row.body
    assert "placeholder" not in row.body
    assert authorities.to_inform() == [duty], "a draft informs nobody"


def test_sending_needs_its_proof_and_meets_the_duty(duty: Duty, world: memory_host.World) -> None:
    row = authorities.draft_notice(duty.pk, **WHERE)
    task = Task.objects.get(kind="action-by-hand", about=audit.ref(duty))
    for channel, proof in (("", "id 1"), ("portal", " ")):
        with pytest.raises(ValueError, match="what proves it"):
            authorities.notice_sent(row.pk, channel=channel, proof=proof, actor="staff:custodian")
    duty.refresh_from_db()
    assert duty.state == "open"
    row = authorities.notice_sent(row.pk, channel="portal", proof="id 1", actor="staff:custodian")
    duty.refresh_from_db()
    task.refresh_from_db()
    assert (row.state, row.sent_by, row.proof) == ("sent", "staff:custodian", "id 1")
    assert row.sent_at is not None
    assert (duty.state, duty.receipt) == ("met", audit.ref(row))
    assert task.closed_by == "staff:custodian"
    assert authorities.to_inform() == []
    with pytest.raises(IllegalMove):
        authorities.notice_sent(row.pk, channel="mail", proof="id 2", actor="staff:custodian")
    with pytest.raises(IllegalMove):
        service.drop(row.pk, because="x", actor="staff:custodian")
    check_everywhere(world)


def test_both_the_state_of_establishment_and_europol(duty: Duty) -> None:
    first = authorities.draft_notice(duty.pk, **{**WHERE, "addressee": "establishment"})
    authorities.notice_sent(first.pk, channel="portal", proof="id 1", actor="staff:custodian")
    second = authorities.draft_notice(duty.pk, **{**WHERE, "addressee": "europol", "country": ""})
    authorities.notice_sent(second.pk, channel="mail", proof="id 2", actor="staff:custodian")
    duty.refresh_from_db()
    assert duty.receipt == audit.ref(first), "the first one met it"
    assert Notice.objects.filter(state="sent").count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"country": ""}, {"country": "US"}, {"country": "de"}, {"addressee": "europol"}, {"addressee": "interpol"},
        {"authority": " "},
    ],
)  # fmt: skip
def test_an_addressee_that_the_article_does_not_know_is_refused(duty: Duty, change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        authorities.draft_notice(duty.pk, **{**WHERE, **change})
    assert not Notice.objects.exists()


def test_a_draft_that_is_not_sent_leaves_the_duty_open(duty: Duty) -> None:
    row = authorities.draft_notice(duty.pk, **WHERE)
    with pytest.raises(ValueError, match="why"):
        service.drop(row.pk, because=" ", actor="staff:custodian")
    service.drop(row.pk, because="another state is concerned", actor="staff:custodian")
    assert authorities.to_inform() == [duty]


def test_no_notice_without_a_duty_to_inform(duty: Duty) -> None:
    other = Duty.objects.exclude(pk=duty.pk).first()
    assert other is not None
    with pytest.raises(ValueError, match="no duty"):
        authorities.draft_notice(other.pk, **WHERE)
    commands.waive_duty(duty.pk, because="law 1", actor="staff:third")
    with pytest.raises(ValueError, match="no duty"):
        authorities.draft_notice(duty.pk, **WHERE)
