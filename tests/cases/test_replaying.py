"""What decisions in force would be under another version: counted and listed, and nothing is changed."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from safehold import policy
from safehold.app.cli import main
from safehold.audit.models import Entry
from safehold.cases import decisions, replaying
from safehold.cases.models import Case, CaseSubject, Decision, Duty
from safehold.policy import loader
from safehold.subjects.models import Role
from tests.support import desk

pytestmark = pytest.mark.django_db

FIRST, SECOND = desk.FIRST, desk.SECOND
OLD, NEW = "2020-10", "2024-05"
LIKED: dict[str, Any] = {**desk.SUSPENDS, "role": "engager"}
TALK: dict[str, Any] = {
    "role": "uploader", "minor": "apparent", "form": ["text"], "text_does": ["describes"], "danger": "planned",
}  # fmt: skip
MEDIA: dict[str, Any] = {
    "role": "viewer", "minor": "apparent", "media": "real", "altercation_shown": "yes",
    "reported_by": "somebody_else", "news": "no", "danger": "none_seen",
}  # fmt: skip


def subject() -> CaseSubject:
    number = Case.objects.count() + 1
    case = Case.objects.create(number=number, knowledge_at=timezone.now(), knowledge_source="report")
    return CaseSubject.objects.create(case=case, role=Role.UPLOADER)


def decided(
    answers: dict[str, Any], *, version: str = NEW, class_id: str = "cse", agree: bool | None = True, strikes: int = 0
) -> Decision:
    """A decision in force, through the room's own acts; `agree` is what the second person says where one is needed."""
    with transaction.atomic():
        history = policy.History(strikes=strikes)
        row = decisions.propose(subject(), class_id, answers, history=history, version=version, actor=FIRST)
        row = decisions.confirm(row, actor=FIRST)
        if row.state == Decision.State.HELD:
            row = decisions.second_opinion(row, agree=bool(agree), reason="placeholder reason 1", actor=SECOND)
            if not agree:
                row = decisions.if_refused(row, actor=SECOND) or row
    return row


def only(version: str, since: datetime | None = None) -> replaying.Replayed:
    (row,) = replaying.replay(version, since)
    return row


def test_under_its_own_version_everything_is_the_same() -> None:
    for answers in (desk.SUSPENDS, desk.LENIENT, LIKED, desk.CLEARED, TALK):
        decided(answers)
    decided(desk.LENIENT, agree=False)
    decided(desk.SUSPENDS, strikes=1)
    decided(MEDIA, class_id="altercation")
    rows = list(replaying.replay(NEW))
    assert len(rows) == 8
    assert {row.kind for row in rows} == {"same"}
    assert all(row.before == row.after for row in rows)


def test_what_a_version_asks_and_nobody_answered_is_named() -> None:
    """2024 has a clause on describing; 2020 asks instead whether it exploits a minor, and nobody was asked."""
    decided(TALK)
    row = only(OLD)
    assert (row.kind, row.question, row.after) == ("needs_answer", "unlisted", None)
    assert row.before.clauses == ("CSE-19",)


def test_a_violation_appears() -> None:
    calm = {**TALK, "danger": "none_seen", "unlisted": "does_not"}
    decided(calm, version=OLD)
    assert (only(NEW).kind, only(NEW).question) == ("needs_answer", "malice")
    later = {"malice": "found", "report_choice": "do_not_file", "report_reason": "placeholder reason 6"}
    row = decided({**calm, **later}, version=OLD)  # off the path there, and kept all the same
    found = {one.decision: one for one in replaying.replay(NEW)}[str(row.pk)]
    assert found.kind == "appears"
    assert not found.before.violation
    assert found.after
    assert found.after.clauses == ("CSE-19",)


def test_another_sanction_for_who_only_liked() -> None:
    decided({**LIKED, "unlisted": "does_not"}, version=OLD)
    row = only(NEW)
    assert row.kind == "other_sanction"
    assert row.after
    assert (row.before.sanctions, row.after.sanctions) == ((), ("suspend_permanently", "ban_person"))


@pytest.fixture
def own_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An operator's version that removes an altercation on nobody's verified report but the minor's own."""
    folder = tmp_path / "child-safety" / "2026-12"
    folder.mkdir(parents=True)
    (folder / "pack.yaml").write_text(
        "policy: child-safety\nversion: 2026-12\neffective: 2026-12-01\nextends: 2024-05\n"
        "changes: {altercation: {clauses: {AL-01: {when: {proof: verified, reported_by: minor}}}}}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(loader, "_folders", [])
    policy.use_folder(tmp_path)
    yield "2026-12"
    loader.load.cache_clear()


def test_a_violation_disappears(own_version: str) -> None:
    shown = {**MEDIA, "role": "uploader", "reported_by": "representative", "proof": "verified"}
    gone = decided(shown, class_id="altercation")
    kept = decided({**shown, "reported_by": "minor"}, class_id="altercation")
    found = {row.decision: row for row in replaying.replay(own_version)}
    assert found[str(kept.pk)].kind == "same"
    row = found[str(gone.pk)]
    assert (row.kind, row.before.clauses) == ("disappears", ("AL-01",))
    assert row.after
    assert row.after.outcome == "al-none"


def test_a_class_that_the_version_lacks() -> None:
    decided(MEDIA, class_id="altercation")
    row = only(OLD)
    assert (row.kind, row.after, row.question) == ("no_class", None, "")


def test_the_same_sanction_on_other_clauses() -> None:
    drawn = {**desk.SUSPENDS, "form": ["generated"], "realistic": "realistic_child"}
    decided(drawn)
    row = only(OLD)
    assert row.kind == "otherwise"
    assert row.after
    assert (row.before.clauses, row.after.clauses) == (("CSE-01",), ("CSE-22",))


def test_a_refused_lenient_path_is_compared_with_its_refusal() -> None:
    decided(desk.LENIENT, agree=False)
    row = only(OLD)
    assert row.kind == "same"
    assert row.before.outcome == "cse-suspend"


def test_an_outcome_that_a_person_chose_is_counted_as_such() -> None:
    with transaction.atomic():
        row = decisions.propose(
            subject(), "cse", desk.LENIENT, history=policy.History(), version=NEW, actor=FIRST
        )  # fmt: skip
        (chosen,) = [one.outcome_id for one in decisions.choices(row)]
        held = decisions.override(row, chosen, reason="placeholder reason 4", actor=FIRST)
        decisions.second_opinion(held, agree=True, reason="placeholder reason 5", actor=SECOND)
    found = only(OLD)
    assert found.kind == "override"
    assert found.after
    assert (found.before.outcome, found.after.outcome) == (chosen, "cse-lenient")


@pytest.mark.parametrize("state", ["proposed", "held", "withdrawn", "replaced"])
def test_only_what_is_in_force_is_looked_at(state: str) -> None:
    row = decided(desk.SUSPENDS)
    Decision.objects.filter(pk=row.pk).update(state=state)
    assert list(replaying.replay(OLD)) == []


def test_since_is_the_moment_of_confirmation() -> None:
    early, late = decided(desk.SUSPENDS), decided(desk.SUSPENDS)
    begins = datetime(2026, 3, 1, tzinfo=UTC)
    Decision.objects.filter(pk=early.pk).update(confirmed_at=begins - timedelta(seconds=1))
    Decision.objects.filter(pk=late.pk).update(confirmed_at=begins)
    assert only(NEW, begins).decision == str(late.pk)
    assert [row.decision for row in replaying.replay(NEW)] == [str(early.pk), str(late.pk)]


def test_an_unknown_version_is_refused_before_anything_is_read() -> None:
    with CaptureQueriesContext(connection) as asked, pytest.raises(policy.PolicyError):
        replaying.replay("2019-01")
    assert len(asked) == 0


def test_nothing_is_changed_and_memory_stays_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads alone, in chunks: rows come one by one, and no query writes."""
    monkeypatch.setattr(replaying, "_CHUNK", 2)
    first = decided(desk.SUSPENDS)
    for _ in range(4):
        row = Decision.objects.get(pk=first.pk)
        row.pk, row.subject = uuid.uuid4(), subject()
        row._state.adding = True
        row.save()
    before = (list(Decision.objects.order_by("pk").values()), Duty.objects.count(), Entry.objects.count())
    with CaptureQueriesContext(connection) as asked:
        rows = replaying.replay(OLD)
        assert next(rows).kind == "same"
        assert sum(1 for _ in rows) == 4
    assert all(not query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) for query in asked)
    after = (list(Decision.objects.order_by("pk").values()), Duty.objects.count(), Entry.objects.count())
    assert before == after


# --- the command ------------------------------------------------------------------------------------


def test_the_command_counts_and_lists_and_leaves_one_entry(capsys: pytest.CaptureFixture[str]) -> None:
    decided(desk.SUSPENDS)
    row = decided(TALK)
    entries = Entry.objects.count()
    assert main(["policy", "replay", "--version", OLD]) == 0
    out = capsys.readouterr().out
    assert "2 decisions in force, under child-safety 2020-10:" in out
    assert "1  decided alike" in out
    assert "1    of them the question 'unlisted'" in out
    assert (
        f"{row.pk}  {NEW} cse  needs_answer  cse-suspend CSE-19 -> needs an answer that was never given: unlisted"
        in out
    )
    (entry,) = Entry.objects.order_by("id")[entries:]
    assert (entry.act, entry.actor, entry.about) == (
        "policy.replayed", "operator:command-line", "policy:child-safety/2020-10",
    )  # fmt: skip
    assert entry.detail.body == {"since": ""}


def test_the_command_as_data_with_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        decided(TALK)
    assert main(["policy", "replay", "--version", OLD, "--json", "--limit", "2", "--since", "2020-01-01"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["decisions"], told["left_off"], told["questions"]) == (3, 1, {"unlisted": 3})
    assert Counter(told["counts"]) == Counter({**dict.fromkeys(replaying.KINDS, 0), "needs_answer": 3})
    assert [row["kind"] for row in told["changed"]] == ["needs_answer", "needs_answer"]
    assert told["changed"][0]["before"]["clauses"] == ["CSE-19"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--version", "2019-01"], "There is no such policy version"),
        (["--version", OLD, "--since", "yesterday"], "'yesterday' is no day; write it as 2026-01-01."),
    ],
)
def test_the_command_refuses(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    entries = Entry.objects.count()
    assert main(["policy", "replay", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert Entry.objects.count() == entries


def test_many_decisions_show_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.app.commands import policy_versions

    monkeypatch.setattr(policy_versions, "_EVERY", 2)
    for _ in range(3):
        decided(desk.SUSPENDS)
    assert main(["policy", "replay", "--version", NEW]) == 0
    assert capsys.readouterr().err == "… 2 decisions\n"
