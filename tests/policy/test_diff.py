# ruff: noqa: E501 (one line for each change of a pack)
"""What two versions make of the same answers: counted by diagrams, and held against the engine set by set."""

import functools
import json
import string
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from safehold import policy
from safehold.policy.diff import Group
from safehold.policy.diff_phrases import PHRASES
from tests.policy import enumerated, toy
from tests.policy.conftest import Edit
from tests.policy.golden import FOLDER

OLD, NEW = (policy.load("child-safety", version) for version in ("2020-10", "2024-05"))
TEXT = {"other_reason": "placeholder reason 1", "report_reason": "placeholder reason 2"}


@functools.cache
def both() -> policy.Difference:
    return policy.compare(OLD, NEW)


def of(pack: policy.Pack, class_id: str, group: Group) -> policy.Outcome:
    asked = {question.id for question in pack.classes[class_id].questions}
    given = {q: a for q, a in {**group.example, **TEXT}.items() if q in asked}
    return policy.decide(pack, class_id, given, policy.History(**group.history))


def test_it_takes_seconds() -> None:
    began = time.process_time()
    policy.compare(OLD, NEW)
    assert time.process_time() - began < 8  # seconds of one core; it takes about 1.3


def test_classes_that_one_version_lacks_are_named() -> None:
    assert both().added == ("physical-abuse", "altercation")
    assert both().removed == ()
    assert policy.compare(NEW, OLD, "altercation").removed == ("altercation",)
    assert [one.class_id for one in both().classes] == ["cse"]


def test_every_group_s_example_is_decided_as_the_group_says() -> None:
    """The shortest example of each group, put to the engine in both versions."""
    (cse,) = both().classes
    assert len(cse.groups) > 30
    for group in cse.groups:
        before, after = of(OLD, "cse", group), of(NEW, "cse", group)
        assert (before.outcome_id, after.outcome_id) == (group.before, group.after), group
        every = [change for change in group.changes if change.sets == group.sets]
        for change in every:
            if change.kind == "clause":
                assert (change.id in after.clauses) is change.gained or after.violation is False, (group, change)
                assert (change.id in before.clauses) is not change.gained or before.violation is False, (group, change)
        for question, answer in group.facts.always:
            assert answer in group.example[question], (group, question)
        for question, answers in group.facts.only:
            given = group.example.get(question, [])
            assert set([given] if isinstance(given, str) else given) <= set(answers), (group, question)


def test_the_groups_and_the_rest_are_all_answer_sets() -> None:
    (cse,) = both().classes
    assert cse.sets == 1_269_362_817_322
    assert cse.left_out == 0
    assert 0 < cse.other_outcome < cse.other_outcome + cse.other_reasons < cse.sets
    assert [group.sets for group in cse.groups] == sorted((g.sets for g in cse.groups), reverse=True)
    assert len({(group.before, group.after) for group in cse.groups}) == len(cse.groups)


def test_what_is_common_to_those_who_liked_only() -> None:
    """In 2020 liking is not sanctioned, in 2024 it is: the facts say so, and the clause that appears."""
    (cse,) = both().classes
    group = next(one for one in cse.groups if (one.before, one.after) == ("cse-viewing", "cse-suspend"))
    assert ("role", "engager") in group.facts.always
    assert dict(group.facts.only)["minor"] == ("known", "apparent")
    engaging = next(change for change in group.changes if change.id == "CSE-09")
    assert engaging.gained
    assert engaging.sets == group.sets


def test_a_version_against_itself_is_the_same() -> None:
    for one in policy.compare(NEW, NEW).classes:
        assert (one.parts, one.groups, one.other_outcome, one.other_reasons) == ((), (), 0, 0)


CHANGES: dict[str, list[tuple[str, str]]] = {
    "a clause that means more": [("when: {level: high}, report", "when: {level: [high, cannot_tell]}, report")],
    "an exception switched off": [("clears: [T-02]", "clears: [T-02], off: true")],
    "days": [("{read_only: 7}", "{read_only: 9}")],
    "a threshold": [("history: {same_class_12_months: 1}", "history: {same_class_12_months: 2}")],
    "an addition": [("when: {danger: immediate}", "when: {danger: [planned, immediate]}")],
    "a report duty": [("when: {clause: T-01}, then: may", "when: {clause: T-01, fact: acted}, then: may"), ("when: {not: {clause: T-01}}, then: none", "when: {not: {clause: T-01, fact: acted}}, then: none")],
    "a question less": [("  - {id: extra, kind: one, needs: optional, answers: [yes, no], when: {form: [red, blue]}}\n", ""), ("when: {extra: yes, not: {level: high}}", "when: {danger: planned, not: {level: high}}")],
    "a question more": [("  - {id: claimed,", "  - {id: after, kind: one, answers: [one, two], when: {clause: any}}\n  - {id: claimed,"), ("acted: {role: uploader}", "acted: {role: uploader, not: {after: two}}")],
    "an answer less": [("answers: [none_seen, planned, immediate]", "answers: [none_seen, immediate]"), ("{read_only: 7}", "{read_only: 9}")],
    "other roles act": [("acted: {role: uploader}", "acted: {role: [uploader, viewer]}")],
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_the_counts_are_those_of_the_engine(tmp_path: Path, change: str) -> None:
    """Every answer set of a small policy is decided by both versions, and counted by hand."""
    old, new = toy.make(tmp_path, "2026-01"), toy.make(tmp_path, "2026-02", *CHANGES[change])
    (found,) = policy.compare(old, new).classes
    counted, total = by_hand(old, new)
    assert found.sets == total
    assert {(group.before, group.after): group.sets for group in found.groups} == dict(counted)
    assert counted
    assert (found.left_out > 0) is (change == "an answer less")


def by_hand(old: policy.Pack, new: policy.Pack) -> tuple[Counter[tuple[str, str]], int]:
    """How many answer sets lead from which outcome to which, where anything is decided differently."""
    limits = sorted({pack.classes["toy"].facts["again"].number for pack in (old, new)})  # type: ignore[union-attr]
    groups: Counter[tuple[str, str]] = Counter()
    total = 0
    for history in enumerated.histories({toy.COUNTER: limits}):
        for answers in enumerated.every((old, "toy"), (new, "toy")):
            total += 1
            before = enumerated.decided(old, "toy", answers, history)
            after = enumerated.decided(new, "toy", answers, history)
            if outcome_of(before) != outcome_of(after):
                groups[before.outcome_id, after.outcome_id] += 1
    return groups, total


def outcome_of(outcome: policy.Outcome) -> tuple[Any, ...]:
    return (
        outcome.outcome_id, outcome.clauses, set(outcome.sanctions), set(outcome.actions), set(outcome.duties),
    )  # fmt: skip


def test_an_answer_that_one_version_lacks_is_left_out_and_counted(edited: Edit) -> None:
    for language in ("en.yaml", "zh-hans.yaml"):
        edited(language, "complete: true", "complete: false")
    other = policy.load_folder(edited("pack.yaml", "answers: [none_seen, planned, immediate]", "answers: [none_seen, planned, immediate, gone]"))  # fmt: skip
    (found,) = policy.compare(NEW, other, "altercation").classes
    assert found.left_out > 0
    assert found.sets == sum(policy.totals(NEW)["altercation"].values())
    assert [part.id for part in found.parts if part.kind == "answer"] == ["danger.gone"]


@pytest.mark.parametrize(
    ("edit", "kind", "name", "setting"),
    [
        (("cse.yaml", "    report: may\n    incident_type: obscene_material_to_child", "    report: shall\n    incident_type: obscene_material_to_child"), "clause", "CSE-12", ("report", "may", "shall")),
        (("cse.yaml", "    lenient: false\n    marks: [listed, predatory]\n  - id: CSE-04", "    marks: [listed, predatory]\n  - id: CSE-04"), "clause", "CSE-05", ("lenient", False, True)),
        (("altercation.yaml", "{read_only: 14}", "{read_only: 21}"), "outcome", "al-remove-again", ("sanctions", ["lock_until_removed", "read_only (14)"], ["lock_until_removed", "read_only (21)"])),
        (("en.yaml", "Call on others", "Ask others"), "answer", "toward_child.bounty", ("title", {"en": "Call on others to share, or offer rewards"}, {"en": "Ask others to share, or offer rewards"})),
    ],
)  # fmt: skip
def test_what_is_written_differently_is_told(edited: Edit, edit: tuple[str, str, str], kind: str, name: str, setting: tuple[Any, ...]) -> None:  # fmt: skip
    found = [part for one in policy.compare(NEW, policy.load_folder(edited(*edit))).classes for part in one.parts]
    assert [(part.kind, part.id, part.how) for part in found] == [(kind, name, "changed")]
    assert [(one.name, one.before, one.after) for one in found[0].settings] == [setting]


def test_a_class_that_nobody_has_is_refused() -> None:
    with pytest.raises(ValueError, match="Neither version has a class 'spam'; there are cse,"):
        policy.compare(OLD, NEW, "spam")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_words_are_the_golden_file(language: str) -> None:
    """`python -m tests.policy.golden` writes the files anew; read every changed line before you keep it."""
    assert policy.tell(both(), language) == (FOLDER / f"diff.{language}.md").read_text(encoding="utf-8")


def test_small_groups_are_folded_and_counted() -> None:
    (cse,) = both().classes
    text = policy.tell(both(), shown=3)
    other = [group for group in cse.groups if not group.same_outcome]
    rest = other[3:]
    assert f"{len(rest)} smaller groups hold {sum(g.sets for g in rest):,} answer sets together" in text
    assert "smaller groups" not in policy.tell(both(), shown=len(cse.groups))


def test_every_language_has_every_sentence() -> None:
    english = PHRASES["en"]
    for language, phrases in PHRASES.items():
        assert set(english) <= set(phrases), language
        for key, sentence in phrases.items():
            assert language == "en" or set(slots(sentence)) == set(slots(english.get(key, ""))), (language, key)


def slots(sentence: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(sentence) if name]


def test_as_data_it_holds_every_group() -> None:
    data = json.loads(json.dumps(policy.difference_json(both())))
    assert (data["before"], data["after"], data["added"]) == ("2020-10", "2024-05", ["physical-abuse", "altercation"])
    (cse,) = data["classes"]
    (told,) = both().classes
    assert sum(group["answer_sets"] for group in cse["groups"]) == cse["other_outcome"] + cse["other_reasons"]
    assert cse["answer_sets"] - cse["same"] == cse["other_outcome"] + cse["other_reasons"]
    assert [(group["before"], group["after"]) for group in cse["groups"]] == [(g.before, g.after) for g in told.groups]
    assert all(group["example"]["answers"] for group in cse["groups"])
