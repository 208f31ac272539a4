"""Which policy version judges a person's conduct (readings A01, A02, A10), and what a statement says of its class."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from safehold import policy
from safehold.cases.models import Case, CaseSubject, Decision
from safehold.notices.models import Statement
from safehold.path import commands, judging
from safehold.persons import service as persons
from safehold.policy import loader
from safehold.subjects.models import Item
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def subject(vault: None) -> CaseSubject:
    _host, world = memory_host.make()
    world.add_account("user-17")
    world.add_item("p1", "user-17", body=b"not a picture, bytes of a test")
    desk.report(account_name="user-17", locators=("https://memory.test/p1",))
    return Case.objects.get().subjects.get()


def _start(settings: Any, day: date | None) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, policy_start=day)


@pytest.mark.parametrize(
    ("posted", "known", "start", "version", "why"),
    [
        (date(2026, 3, 1), date(2026, 3, 2), None, "2024-05", "conduct"),
        (date(2024, 5, 1), date(2026, 3, 2), None, "2024-05", "conduct"),
        (date(2024, 4, 30), date(2026, 3, 2), None, "2020-10", "conduct"),
        (date(2012, 1, 1), date(2026, 3, 2), None, "2020-10", "conduct"),  # A02: before the first, the first
        (None, date(2026, 3, 2), None, "2024-05", "knowledge"),
        (None, date(2023, 3, 2), None, "2020-10", "knowledge"),
        (date(2023, 1, 1), date(2026, 3, 2), date(2025, 1, 1), "2024-05", "start"),
        (date(2023, 1, 1), date(2026, 3, 2), date(2021, 1, 1), "2020-10", "conduct"),
        (date(2019, 1, 1), date(2026, 3, 2), date(2021, 1, 1), "2020-10", "start"),
        (None, date(2023, 3, 2), date(2025, 1, 1), "2024-05", "start"),
        (date(2026, 3, 1), date(2026, 3, 2), date(2025, 1, 1), "2024-05", "conduct"),
    ],
)
def test_the_version_of_the_conduct_with_the_start_as_a_floor(
    subject: CaseSubject, settings: Any, posted: date | None, known: date, start: date | None, version: str, why: str
) -> None:
    _start(settings, start)
    at = datetime(posted.year, posted.month, posted.day, 12, tzinfo=UTC) if posted else None
    Item.objects.update(posted_at=at)
    Case.objects.update(knowledge_at=datetime(known.year, known.month, known.day, 12, tzinfo=UTC))
    judged = judging.judged_by(CaseSubject.objects.select_related("case").get())
    assert (judged.policy, judged.version, judged.why) == ("child-safety", version, why)
    assert judged.pack is policy.load("child-safety", version)


def test_older_conduct_offers_the_classes_that_its_version_has(subject: CaseSubject) -> None:
    Item.objects.update(posted_at=datetime(2022, 1, 1, tzinfo=UTC))
    assert [name for name, _ in judging.classes_for(subject)] == ["cse"]
    with pytest.raises(policy.BadAnswer, match="Version 2020-10 of the policy, which judges this conduct, has no 'alt"):
        judging.history(_with_person(subject), "altercation")


def test_a_decision_keeps_the_version_it_was_made_under(subject: CaseSubject, no_filing: None) -> None:
    """S84, and A01: an appeal is judged under the version of the decision."""
    Item.objects.update(posted_at=datetime(2022, 1, 1, tzinfo=UTC))
    decision = desk.decide(subject.case, desk.SUSPENDS)
    assert (decision.policy, decision.policy_version, decision.state) == ("child-safety", "2020-10", "confirmed")


def _with_person(subject: CaseSubject) -> CaseSubject:
    assert subject.account is not None
    if persons.person_of(subject.account) is None:
        persons.identify(subject.account, emails=("user-17@mail.example",), phones=(), actor=desk.FIRST)
    return subject


@pytest.mark.parametrize(
    ("class_id", "days", "strikes", "same"),
    [("cse", 4000, 1, 1), ("physical-abuse", 364, 0, 1), ("physical-abuse", 366, 0, 0), ("altercation", 366, 0, 0)],
)
def test_strikes_expire_as_the_class_says(
    subject: CaseSubject, class_id: str, days: int, strikes: int, same: int
) -> None:
    """A10: child sexual exploitation never, the other classes after twelve months."""
    person = persons.person_of(_with_person(subject).account)  # type: ignore[arg-type]
    assert person is not None
    at = timezone.now() - timedelta(days=days)
    persons.add_strike(person, class_id=class_id, clauses=["X-01"], decision="decision-1", at=at, actor=desk.FIRST)
    known = judging.history(subject, class_id)
    assert (known.strikes, known.same_class_12_months) == (strikes, same)


OWN = {
    "pack.yaml": "policy: house-rules\nversion: 2026-01\neffective: 2026-01-01\nlanguages: [en]\nclasses: [glitter]\n",
    "glitter.yaml": """class: glitter
priority: normal
questions:
  - {id: role, kind: one, answers: [uploader, viewer]}
  - {id: sparkles, kind: one, answers: [yes, no]}
clauses:
  - {id: GL-01, when: {sparkles: yes}, serves: []}
outcomes:
  - {id: gl-none, result: no_violation}
  - {id: gl-seen, result: violation}
  - {id: gl-remove, result: violation, sanctions: [{read_only: 3}], actions: [hide_item]}
rules:
  - {id: GL-R01, when: {sparkles: no}, then: gl-none}
  - {id: GL-R02, when: {sparkles: yes, role: viewer}, then: gl-seen}
  - {id: GL-R03, when: {sparkles: yes, role: uploader}, then: gl-remove}
reports:
  - {id: GL-P01, when: always, then: none}
""",
    "en.yaml": "language: en\nname: English\ncomplete: false\nterms: {title: House rules}\n",
}


@pytest.fixture
def own_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "house-rules" / "2026-01"
    folder.mkdir(parents=True)
    for name, text in OWN.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(loader, "_folders", [])
    policy.use_folder(tmp_path)
    yield
    loader.load.cache_clear()


def test_a_policy_of_the_operators_own_is_assessed_beside_the_other(
    subject: CaseSubject, own_policy: None, no_filing: None
) -> None:
    assert [name for name, _ in judging.classes_for(subject)][-1] == "glitter"
    case = subject.case
    commands.lease_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    commands.answer(subject.pk, "glitter", {"sparkles": "yes"}, actor=desk.FIRST, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, "glitter", actor=desk.FIRST, device=desk.DEVICE)
    decision = commands.confirm_decision(decision.pk, actor=desk.FIRST, device=desk.DEVICE)
    run_due()
    assert (decision.policy, decision.policy_version) == ("house-rules", "2026-01")
    assert (decision.outcome["outcome_id"], decision.state) == ("gl-remove", Decision.State.CONFIRMED)


@pytest.mark.parametrize("class_id", ["cse", "physical-abuse"])
def test_a_statement_says_what_its_class_says(subject: CaseSubject, no_filing: None, class_id: str) -> None:
    """S11, S14: the purpose of the rule, and that intent does not count where it never does."""
    answers = desk.SUSPENDS if class_id == "cse" else {
        "role": "uploader", "minor": "apparent", "media": "real", "abuse_shown": "yes", "clothing": "fully",
        "harm": "lower", "context": "non_abusive", "also_cse": "no", "ground": "none", "sole_purpose": "no",
        "danger": "none_seen",
    }  # fmt: skip
    case = subject.case
    commands.lease_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    commands.answer(subject.pk, class_id, answers, actor=desk.FIRST, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, class_id, actor=desk.FIRST, device=desk.DEVICE)
    commands.confirm_decision(decision.pk, actor=desk.FIRST, device=desk.DEVICE)
    run_due()
    stage.pass_time(hours=25)  # a statement waits at most a day for its filing
    run_due()
    body = Statement.objects.get().body
    pack = policy.load("child-safety", "2024-05")
    assert pack.text("en", f"{class_id}.purpose") in body
    assert (pack.text("en", "cse.whatever_the_intent") in body) == (class_id == "cse")
