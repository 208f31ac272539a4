"""What a model's score may do, and what never goes out to a model. Texts are placeholders, answers are scripted."""

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
from django.db import transaction

from safehold import policy
from safehold.audit.models import Entry
from safehold.cases.models import Case
from safehold.enforcement.models import Action
from safehold.intake.models import Report
from safehold.intake.service import NewReport
from safehold.path import arrivals, commands, hits, scoring
from safehold.policy.versions import policy_of, versions
from safehold.screening import metrics
from safehold.screening import service as screening
from safehold.screening.classifier import FreshText, fresh
from safehold.subjects.models import Host
from safehold.work.models import Job, Task
from tests.support import memory_host, model, removing, stage
from tests.support.jobs import run_due
from tests.support.scripted_http import ScriptedServer, as_json, scripted_server

pytestmark = [pytest.mark.django_db, pytest.mark.network]
TEXT = "placeholder message 3"


@pytest.fixture
def server(settings: Any) -> Iterator[ScriptedServer]:
    """The operator's model; it finds everything to be a violation until a test says otherwise."""
    with scripted_server(lambda _asked: model.said(model.HIGH)) as running:
        model.use(settings, running.url)
        yield running
        scoring.let_go()


def text(content: str = TEXT) -> FreshText:
    return fresh(content, "public_posts", ())


def handle(item: str = "new-1", account: str = "user-17", content: str = TEXT) -> str:
    return scoring.handle(Host.objects.get(), item_id=item, account_id=account, text=text(content))


def acts() -> list[str]:
    return list(Entry.objects.filter(act=scoring.ACT).values_list("about", flat=True))


# --- what a score does -----------------------------------------------------------------------------


def test_a_high_score_brings_the_accounts_case_forward_once(world: memory_host.World, server: ScriptedServer) -> None:
    case = stage.case_of("p1", class_id="altercation")
    before, entries = case.priority, Entry.objects.count()
    assert handle() == "forward"
    assert stage.fresh(case).priority == before - 1
    entry = Entry.objects.get(act=scoring.ACT)
    assert (entry.actor, entry.about) == ("system:classifier", f"case:{case.pk}")
    assert entry.detail.body == {
        "host": "memory", "item": "new-1", "account": "user-17", "score": 1, "model": model.MODEL, "unparsable": False,
    }  # fmt: skip
    assert Entry.objects.count() == entries + 2, "that it came forward, and why"
    assert [handle(), handle("new-2")] == ["nothing", "nothing"], "once for each case, however many texts score"
    assert stage.fresh(case).priority == before - 1
    assert (Action.objects.count(), Report.objects.count()) == (0, 1)
    assert TEXT not in repr(list(Entry.objects.values())) + repr([entry.detail.body])


def test_another_accounts_case_and_a_decided_one_stay(world: memory_host.World, server: ScriptedServer) -> None:
    case = stage.case_of("p1", class_id="altercation")
    before = case.priority
    assert [handle(account="user-18"), handle(account=""), handle(account="nobody")] == ["nothing"] * 3
    assert (stage.fresh(case).priority, acts()) == (before, [])


def test_a_case_stays_behind_what_somebody_vouches_for(world: memory_host.World, server: ScriptedServer) -> None:
    case = stage.case_of("p1")
    Case.objects.filter(pk=case.pk).update(priority=2)
    assert handle() == "nothing"
    assert (stage.fresh(case).priority, acts()) == (2, [])


@pytest.mark.parametrize(
    ("judged", "threshold", "outcome"),
    [
        (model.LOW, 0.01, "low"), (model.UNSURE, 0.75, "low"), (model.UNSURE, 0.5, "forward"),
        (model.LIKELY, 0.75, "forward"), (model.LIKELY, 0.8, "low"), (model.HIGH, 1.0, "forward"),
        ("nothing of the kind", 1.0, "forward"), ("", 1.0, "forward"),
    ],
)  # fmt: skip
def test_the_threshold_and_answers_that_say_nothing(
    world: memory_host.World, server: ScriptedServer, settings: Any, judged: Any, threshold: float, outcome: str
) -> None:
    model.use(settings, server.url, threshold=threshold)
    server.answer = lambda _asked: model.said(judged)
    case = stage.case_of("p1", class_id="altercation")
    before, unparsable = case.priority, b"safehold_classifier_unparsable_total"
    count = [line for line in metrics.text().splitlines() if line.startswith(unparsable)]
    assert handle() == outcome
    assert stage.fresh(case).priority == before - (outcome == "forward")
    again = [line for line in metrics.text().splitlines() if line.startswith(unparsable)]
    assert (count != again) == isinstance(judged, str)


def test_where_there_is_no_case_none_is_opened(world: memory_host.World, server: ScriptedServer) -> None:
    assert handle("p1") == "nothing"
    assert (Report.objects.count(), Case.objects.count(), acts(), Job.objects.count()) == (0, 0, [], 0)


def test_the_operator_can_have_a_person_look_last_in_the_queue(
    world: memory_host.World, server: ScriptedServer, settings: Any
) -> None:
    model.use(settings, server.url, opens=True)
    assert handle("p1") == "report"
    report = Report.objects.get()
    assert (report.channel, report.partner, report.class_id) == ("screening", arrivals.SCORER, "cse")
    assert acts() == [f"report:{report.pk}"]
    assert handle("p1") == "withheld", "it is material of a report now"
    run_due()
    case = Case.objects.get()
    assert (case.state, case.priority, case.knowledge_source) == ("open", 6, "score")
    assert not Action.objects.exists(), "nothing is hidden"
    other = stage.case_of("q1", number=2, class_id="altercation")
    assert other.priority <= case.priority


def test_what_was_scored_and_opened_once_is_not_opened_again(
    world: memory_host.World, server: ScriptedServer, settings: Any
) -> None:
    model.use(settings, server.url, opens=True)
    score = scoring.scorer().score(text())
    host = Host.objects.get()
    given = {"item_id": "p1", "account_id": "user-17", "score": score}
    assert [scoring.scored(host, **given), scoring.scored(host, **given)] == ["report", ""]
    assert (Report.objects.count(), len(acts())) == (1, 1)


# --- what never goes out ---------------------------------------------------------------------------


def test_an_item_of_a_case_is_never_shown_to_the_model(world: memory_host.World, server: ScriptedServer) -> None:
    stage.case_of("p1", class_id="altercation")
    assert handle("p1") == "withheld"
    assert server.asked == []


def test_an_item_that_is_reported_and_not_looked_up_yet_is_not_either(
    world: memory_host.World, server: ScriptedServer
) -> None:
    for number, named in enumerate(({"item_ids": ("p1",)}, {"locators": ("https://memory.test/p2",), "host": ""})):
        new = {"channel": "form", "once_key": f"once-key-of-test-{number:04d}", "host": "memory", **named}
        commands.receive_report(NewReport(**new))  # type: ignore[arg-type]
    assert [handle("p1"), handle("p2")] == ["withheld", "withheld"]
    assert (server.asked, Case.objects.count()) == ([], 0)


def test_an_item_that_was_hit_before_is_not_either(world: memory_host.World, server: ScriptedServer) -> None:
    digest = sha256(b"gradient 1").hexdigest()
    with transaction.atomic():
        screening.add_entry(
            "files-1", digest, source="s", category="A1", purpose="prevent-exploitation", licence="own", actor="staff:1"
        )
    screening.set_rule("files-1", "exact", "note", because="r", actor="staff:1", approved_by="staff:2")
    asked = screening.Asked(sha256=digest)
    hits.record(
        Host.objects.get(), item_id="p1", account_id="", asked=asked, hits=screening.match_now(asked),
        surface="public_uploads", jurisdiction="US",
    )  # fmt: skip
    assert not Report.objects.exists(), "the rule opens nothing: the hit alone keeps the text here"
    assert handle("p1") == "withheld"
    assert server.asked == []


def test_an_item_that_somebody_wants_removed_is_not_either(world: memory_host.World, server: ScriptedServer) -> None:
    removing.receive()
    assert handle("p1") == "withheld"
    assert server.asked == []


def test_the_model_is_told_the_policy_in_force_and_the_text_alone(
    world: memory_host.World, server: ScriptedServer, settings: Any
) -> None:
    model.use(settings, server.url, api_key="secret-17")
    handle()
    (asked,) = server.asked
    name = policy_of("cse")
    assert asked.json()["messages"] == [
        {"role": "system", "content": policy.prompt(policy.load(name, versions(name)[-1]), "cse")},
        {"role": "user", "content": TEXT},
    ]
    assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", "Bearer secret-17")
    assert b"user-17" not in asked.body
    assert b"new-1" not in asked.body


def test_the_model_gets_another_policy_when_another_is_in_force() -> None:
    name = policy_of("cse")
    first, last = policy.load(name, versions(name)[0]), policy.load(name, versions(name)[-1])
    assert scoring.instruction(date.fromisoformat(first.effective)) != scoring.instruction(
        date.fromisoformat(last.effective)
    )
    assert scoring.instruction(date.fromisoformat(first.effective)) == policy.prompt(first, "cse")
    assert scoring.instruction(date.fromisoformat(last.effective)) == policy.prompt(last, "cse")


# --- no model --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://192.0.2.7:8000", "outside this machine"), ("ftp://127.0.0.1", "is like"),
        ("http://model.invalid", "is not known"), ("http://127.0.0.1:1", "could not be reached"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_asked_is_a_task_a_day(
    world: memory_host.World, settings: Any, url: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring.let_go()
    if "invalid" in url:
        monkeypatch.setattr("safehold.screening.classifier._addresses", _unknown)
    model.use(settings, url)
    assert [handle(), handle("new-2")] == ["unavailable", "unavailable"]
    task = Task.objects.get()
    assert (task.kind, task.role, task.about) == ("classifier-down", "administrator", "setting:classifier")
    assert says in task.note
    assert TEXT not in task.note
    scoring.let_go()  # another process knows nothing of it
    assert handle() == "unavailable"
    assert Task.objects.count() == 1
    scoring.let_go()


def _unknown(*_given: object) -> list[str]:
    raise OSError


def test_a_server_with_an_error_puts_nothing_first(world: memory_host.World, server: ScriptedServer) -> None:
    case = stage.case_of("p1", class_id="altercation")
    server.answer = lambda _asked: as_json({"error": "placeholder"}, 500)
    assert handle() == "unavailable"
    assert stage.fresh(case).priority == case.priority
    assert Task.objects.filter(kind=scoring.TASK).count() == 1


# --- what the doctor says --------------------------------------------------------------------------


def doctor() -> list[tuple[str, str]]:
    from safehold.app import doctor as command

    assert command._classifier in _checks(command)
    return [(one.state, one.say) for one in command._classifier()]


def _checks(command: Any) -> list[Any]:
    """What `examine` looks at."""
    return [getattr(command, name) for name in command.examine.__code__.co_names if name.startswith("_")]


def test_the_doctor_asks_the_model_something_harmless(server: ScriptedServer, settings: Any) -> None:
    server.answer = lambda _asked: model.said(model.LOW)
    assert doctor() == [("ok", f"{model.MODEL} at {server.url}/v1 answers; it orders the queue")]
    assert len(server.asked) == 1
    server.answer = lambda _asked: model.said("certainly")
    ((state, said),) = doctor()
    assert (state, "did not answer with the JSON" in said) == ("wrong", True)
    model.use(settings, "http://192.0.2.7")
    ((state, said),) = doctor()
    assert (state, "outside this machine" in said) == ("wrong", True)
    model.use(settings, "")
    assert doctor() == []
