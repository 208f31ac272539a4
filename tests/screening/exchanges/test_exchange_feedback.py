"""What our people found, told back: one stance for each entry and fingerprint, and never what they did not find."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from safehold.audit import service as audit
from safehold.path import exchanges
from safehold.screening import service as screening
from safehold.screening.exchanges import feedback, keeping, sync
from safehold.screening.exchanges.ncmec import Ncmec
from safehold.screening.models import Exchange, Feedback, ListEntry
from safehold.work import service as work
from safehold.work.models import Job
from tests.screening.exchanges.exchange_simulator import Simulator
from tests.support.jobs import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.network]

Add = Callable[..., Exchange]
ACTOR = "operator:test"
REF = "practice:42:image0"


@pytest.fixture
def row(simulator: Simulator, add: Add) -> Exchange:
    """An exchange that was read, with feedback on and a reason for MD5."""
    simulator.make(12)
    found = add(simulator.url)
    while sync.step(found.pk, actor=ACTOR, on_retracted=lambda _ids: None).kind is sync.Kind.MORE:
        pass
    return exchanges.change(found.pk, actor=ACTOR, feedback=True, reasons={"MD5": reason(simulator)})


def reason(_simulator: Simulator, kind: str = "MD5") -> str:
    from safehold.screening.simulator.documents import REASONS

    return REASONS[kind][0][0]


def entry(ref: str = REF) -> ListEntry:
    return ListEntry.objects.get(ref=ref)


def tell(how: str = "md5", *, affirmative: bool = True, ref: str = REF, **more: Any) -> list[Feedback]:
    with transaction.atomic():
        return exchanges.tell_source(str(entry(ref).pk), how, affirmative=affirmative, because="decision:1", **more)


def stances(simulator: Simulator) -> list[tuple[str, str, bool, list[str]]]:
    return [(one["id"], one["type"], one["affirmative"], one["reasons"]) for one in simulator.received()["feedback"]]


@pytest.mark.usefixtures("row")
def test_a_violation_is_affirmed(simulator: Simulator) -> None:
    (noted,) = tell()
    assert run_due() == ["feedback.send"]
    noted.refresh_from_db()
    assert (noted.state, noted.algorithm, noted.sent_at is not None) == ("sent", "MD5", True)
    assert stances(simulator) == [("image0", "MD5", True, [])]
    assert [act.act for act in audit.history(noted)] == ["feedback.noted", "feedback.send"]


@pytest.mark.usefixtures("row")
def test_what_is_none_is_denied_with_the_operators_reason(simulator: Simulator) -> None:
    (noted,) = tell(affirmative=False)
    run_due()
    noted.refresh_from_db()
    assert (noted.state, noted.reasons) == ("sent", [reason(simulator)])
    assert stances(simulator) == [("image0", "MD5", False, [reason(simulator)])]
    assert "GET /v2/feedback/MD5/reasons" in simulator.asked()
    tell(affirmative=False, ref="practice:43:image1")
    run_due()
    assert simulator.asked().count("GET /v2/feedback/MD5/reasons") == 1, "the reasons are kept for a day"


@pytest.mark.usefixtures("row")
def test_a_granted_appeal_turns_it(simulator: Simulator) -> None:
    (first,) = tell()
    run_due()
    (second,) = tell(affirmative=False)
    first.refresh_from_db()
    assert (first.state, second.state) == ("dropped", "due")
    run_due()
    assert stances(simulator) == [("image0", "MD5", False, [reason(simulator)])]


@pytest.mark.usefixtures("row")
def test_a_stance_that_was_turned_before_it_was_sent_is_never_sent(simulator: Simulator) -> None:
    tell()
    tell(affirmative=False)
    assert run_due() == ["feedback.send"]
    assert [one["puts"] for one in simulator.received()["feedback"]] == [1]
    assert stances(simulator)[0][2] is False


@pytest.mark.usefixtures("row")
def test_the_same_twice_is_told_once(simulator: Simulator) -> None:
    assert len(tell()) == 1
    assert tell() == []
    run_due()
    assert tell() == []
    run_due()
    assert [one["puts"] for one in simulator.received()["feedback"]] == [1]


@pytest.mark.usefixtures("row")
@pytest.mark.parametrize(
    ("how", "distance", "told"),
    [
        ("md5", None, ["MD5"]),
        ("sha1", None, ["SHA1"]),
        ("pdq", 0, ["PDQ"]),
        ("pdq", 1, []),  # alike is not the same: it says nothing of the entry
        ("pdq", None, []),
        ("together", 12, ["PDQ"]),  # by MD5 or by SHA-1: which is not known
        ("sha256", None, []),  # they gave none
        ("link", None, []),
        ("term", None, []),
    ],
)
def test_only_the_entrys_own_file_says_anything_about_it(how: str, distance: int | None, told: list[str]) -> None:
    assert [one.algorithm for one in tell(how, distance=distance)] == told


def test_a_hit_by_one_digest_and_a_look_names_both() -> None:
    assert Ncmec.algorithms("together", {"md5", "pdq"}) == ("MD5", "PDQ")
    assert Ncmec.algorithms("together", {"sha1", "pdq"}) == ("SHA1", "PDQ")
    assert Ncmec.algorithms("pdq", {"md5"}) == ()


def test_nothing_is_told_unless_the_operator_switched_it_on(row: Exchange) -> None:
    exchanges.change(row.pk, actor=ACTOR, feedback=False)
    assert tell() == []
    exchanges.change(row.pk, actor=ACTOR, feedback=True, enabled=False)
    assert tell() == []


@pytest.mark.usefixtures("row")
def test_nothing_is_told_about_entries_of_others() -> None:
    other = screening.add_entry("bank", "0a" * 32, source="own", category="", purpose="prevent-exploitation",
                                licence="own", actor=ACTOR)  # fmt: skip
    with transaction.atomic():
        assert exchanges.tell_source(str(other.pk), "md5", affirmative=True, because="decision:1") == []
        assert exchanges.tell_source("no-id", "md5", affirmative=True, because="decision:1") == []
        screening.retract_entry(entry().pk, because="test", actor=ACTOR)
        assert exchanges.tell_source(str(entry().pk), "md5", affirmative=True, because="decision:1") == []
    assert not Feedback.objects.exists()


@pytest.mark.usefixtures("row")
def test_what_was_withdrawn_meanwhile_is_not_told(simulator: Simulator) -> None:
    (noted,) = tell()
    screening.retract_entry(entry().pk, because="test", actor=ACTOR)
    run_due()
    noted.refresh_from_db()
    assert noted.state == "dropped"
    assert stances(simulator) == []


def test_without_a_reason_a_person_must_choose_one(row: Exchange, simulator: Simulator) -> None:
    (noted,) = tell("sha1", affirmative=False)
    run_due()
    noted.refresh_from_db()
    assert noted.state == "failed"
    (task,) = work.open_tasks("policy_owner").filter(kind="feedback-failed")
    assert "SHA1" in task.note
    assert stances(simulator) == []
    reasons = {**row.reasons, "SHA1": reason(simulator, "SHA1")}
    exchanges.change(row.pk, actor=ACTOR, reasons=reasons)
    run_due()
    noted.refresh_from_db()
    task.refresh_from_db()
    assert noted.state == "sent"
    assert task.closed_at is not None
    assert stances(simulator) == [("image0", "SHA1", False, [reasons["SHA1"]])]


def test_a_reason_that_is_offered_no_more_is_not_sent(row: Exchange, simulator: Simulator) -> None:
    exchanges.change(row.pk, actor=ACTOR, reasons={"MD5": "not-one-of-them"})
    (noted,) = tell(affirmative=False)
    run_due()
    noted.refresh_from_db()
    assert noted.state == "failed"
    assert stances(simulator) == []


def test_what_failed_is_not_tried_again_where_something_newer_stands(row: Exchange) -> None:
    exchanges.change(row.pk, actor=ACTOR, reasons={})
    (old,) = tell(affirmative=False)
    run_due()
    tell(affirmative=True)
    exchanges.change(row.pk, actor=ACTOR, reasons=row.reasons)
    old.refresh_from_db()
    assert old.state == "failed"


@pytest.mark.usefixtures("row")
@pytest.mark.parametrize("kind", ["drop_after", "drop", "status"])
def test_an_answer_that_did_not_come_is_asked_for_again(simulator: Simulator, kind: str) -> None:
    (noted,) = tell()
    simulator.fault({"kind": kind, "call": "feedback"})
    run_due()
    noted.refresh_from_db()
    assert noted.state == "due"
    job = Job.objects.get(name="feedback.send")
    assert (job.state, job.failures, job.last_error) == ("waiting", 1, "NotAnswered")
    run_due(until=job.not_before)
    noted.refresh_from_db()
    assert noted.state == "sent"
    assert [one[2] for one in stances(simulator)] == [True]


@pytest.mark.usefixtures("row")
def test_a_pause_that_is_asked_for_is_kept(simulator: Simulator) -> None:
    (noted,) = tell()
    simulator.fault({"kind": "rate_limit", "call": "feedback", "seconds": 900})
    run_due()
    job = Job.objects.get(name="feedback.send")
    assert 890 < (job.not_before - noted.made_at).total_seconds() < 960
    assert job.failures == 0


def test_refused_credentials_stop_reading_and_telling(row: Exchange, simulator: Simulator) -> None:
    (noted,) = tell()
    simulator.fault({"kind": "unauthorised", "call": "feedback"})
    run_due()
    noted.refresh_from_db()
    row.refresh_from_db()
    assert noted.state == "due"
    assert row.refused_at is not None
    assert work.open_tasks("administrator").filter(kind="exchange-refused").count() == 1
    assert feedback.due() == []
    keeping.ask_again(row.pk, actor=ACTOR)
    assert [one.pk for one in feedback.due()] == [noted.pk]
    with transaction.atomic():
        exchanges.watch()
    run_due(until=Job.objects.get(name="feedback.send").not_before)
    noted.refresh_from_db()
    assert noted.state == "sent"


@pytest.mark.usefixtures("row")
def test_an_entry_that_the_source_does_not_know_is_a_task(simulator: Simulator) -> None:
    (noted,) = tell()
    simulator.fault({"kind": "status", "status": 404, "call": "feedback"})
    run_due()
    noted.refresh_from_db()
    assert (noted.state, noted.problem) == ("failed", "HTTP 404")
    assert work.open_tasks("administrator").filter(kind="feedback-failed").count() == 1


@pytest.mark.usefixtures("row")
def test_a_source_that_never_answers_is_a_task_at_last(simulator: Simulator) -> None:
    (noted,) = tell()
    simulator.fault({"kind": "status", "call": "feedback", "times": None})
    for _ in range(100):
        job = Job.objects.get(name="feedback.send")
        if job.state != "waiting":
            break
        Job.objects.filter(pk=job.pk).update(failures=max(job.failures, 58))
        run_due(until=job.not_before)
    noted.refresh_from_db()
    assert (noted.state, noted.problem) == ("failed", "not answered for too long")
    assert work.open_tasks().filter(kind="feedback-failed").count() == 1


def test_an_exchange_of_another_environment_is_not_told_of_this_ones_entries(row: Exchange) -> None:
    source = keeping.open_source(row)
    with pytest.raises(ValueError, match="this line leads to practice"):
        source.tell("industry:42:image0", "MD5", affirmative=True, reasons=())
    source.close()


@pytest.mark.usefixtures("row")
def test_jobs_and_the_record_carry_ids_alone() -> None:
    tell()
    told = json.dumps([list(Job.objects.values_list("ids", "key"))], default=str)
    one = entry()
    assert one.md5 not in told
    assert one.sha1 not in told
    details = json.dumps([act.detail.body for act in audit.history(Feedback.objects.get())])
    assert one.md5 not in details
