"""What holds for every answer set, tried on many random ones (check.py proves most of it over all of them)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold import policy
from safehold.policy.bdd import ALWAYS, EveryAnswerSet
from safehold.policy.conditions import Meaning
from safehold.policy.engine import severity

PACK = policy.load("child-safety", "2024-05")
EVERY = {class_id: EveryAnswerSet(cls) for class_id, cls in PACK.classes.items()}
MEANING = {class_id: Meaning(cls, EVERY[class_id]) for class_id, cls in PACK.classes.items()}
PUNISHING = {"suspend_permanently", "ban_person", "lock_until_removed", "read_only"}
QUICK = settings(max_examples=60, deadline=None)
histories = st.builds(policy.History, st.integers(0, 3), st.integers(0, 4), st.integers(0, 3))
class_ids = st.sampled_from(sorted(PACK.classes))


def _value(draw: st.DrawFn, question: policy.Question) -> str | list[str]:
    if question.kind == "text":
        return "grounds 1"
    if question.kind == "one":
        return draw(st.sampled_from(question.answer_ids))
    together = [answer.id for answer in question.answers if not answer.alone]
    lone = st.sampled_from([[answer.id] for answer in question.answers if answer.alone])
    return draw(st.one_of(st.lists(st.sampled_from(together), min_size=1, max_size=4, unique=True), lone))


@st.composite
def complete(draw: st.DrawFn, class_id: str, fixed: dict[str, Any] | None = None) -> dict[str, Any]:
    """A random complete set of answers; `fixed` ones are kept wherever their question is asked."""
    answers: dict[str, Any] = {}
    while (question := policy.next_question(PACK, class_id, answers)) is not None:
        answers[question.id] = (fixed or {}).get(question.id) or _value(draw, question)
    for question in policy.questions(PACK, class_id, answers):
        if not question.mandatory and draw(st.booleans()):
            answers[question.id] = _value(draw, question)
    return answers


def _completed(class_id: str, answers: dict[str, Any], filler: dict[str, Any]) -> dict[str, Any]:
    """`answers`, with questions that opened answered from `filler`."""
    grown = dict(answers)
    while (question := policy.next_question(PACK, class_id, grown)) is not None:
        grown[question.id] = filler[question.id]
    return grown


@QUICK
@given(st.data(), class_ids, histories)
def test_every_complete_set_has_one_outcome_with_reasons(
    data: st.DataObject, class_id: str, history: policy.History
) -> None:
    answers = data.draw(complete(class_id))
    outcome = policy.decide(PACK, class_id, answers, history)
    assert outcome.violation == bool(outcome.clauses)
    assert outcome.unused == ()
    assert [b.kind for b in outcome.because].count("rule") == 1
    assert outcome.because[-1].kind == "outcome"
    assert outcome == policy.decide(PACK, class_id, dict(reversed(answers.items())), history)
    assert len(policy.explain(PACK, "zh-hans", class_id, outcome)) == len(outcome.because)
    if outcome.undecided:
        assert outcome.second_person
        assert not {s.code for s in outcome.sanctions} & PUNISHING
    if {"report_shall", "report_may"} & set(outcome.duties):
        assert outcome.incident_type in policy.INCIDENT_TYPES
        assert outcome.filed_as in ("suspect", "victim")
    else:
        assert (outcome.incident_type, outcome.annotations, outcome.file_annotations, outcome.filed_as) == (
            "",
            (),
            (),
            "",
        )


@QUICK
@given(st.data(), histories)
def test_claimed_context_changes_nothing(data: st.DataObject, history: policy.History) -> None:
    class_id = data.draw(class_ids)
    answers = data.draw(complete(class_id))
    answers.pop("claimed_context", None)
    claims = ["awareness", "justice", "outrage", "humour", "news", "education", "affection", "other"]
    plain = policy.decide(PACK, class_id, answers, history)
    claimed = policy.decide(PACK, class_id, {**answers, "claimed_context": claims}, history)
    assert policy.next_question(PACK, class_id, {**answers, "claimed_context": claims}) is None
    # Off the path (nobody is a minor) the claim is named as unused; nothing else may differ.
    assert _without_unused(claimed) == _without_unused(plain)


def _without_unused(outcome: policy.Outcome) -> dict[str, Any]:
    from safehold.policy.pack import jsonable

    return {name: value for name, value in jsonable(outcome).items() if name != "unused"}


@QUICK
@given(st.data(), histories)
def test_intent_never_decides_whether_it_is_a_violation(data: st.DataObject, history: policy.History) -> None:
    answers = data.draw(complete("cse"))
    seen = set()
    for malice in ("found", "none_found", "cannot_tell"):
        outcome = policy.decide(PACK, "cse", {**answers, "malice": malice}, history)
        seen.add((outcome.violation, outcome.clauses, outcome.exceptions, outcome.actions, outcome.duties))
    assert len(seen) == 1


FILLER: dict[str, Any] = {
    "form": ["text"],
    "shows": "explicit",
    "realistic": "realistic_child",
    "link_leads": "to_material",
    "text_does": ["promotes"],
    "speech": "discussion",
    "risk": "not_low",
    "toward_child": ["blackmail"],
    "other_reason": "grounds 1",
    "danger": "none_seen",
    "protect": "not_needed",
    "malice": "found",
    "report_choice": "file",
    "report_reason": "grounds 2",
}
WORSE: list[tuple[str, Any]] = [
    ("malice", "found"),
    ("danger", "immediate"),
    ("shows", "explicit"),
    ("link_leads", "to_material"),
    *(
        ("text_does", word)
        for word in ("sexual_at", "promotes", "normalises", "requests", "identifies", "commercial", "trafficking")
    ),
    *(
        ("toward_child", word)
        for word in ("sends_explicit", "explicit_talk", "obtains", "entices", "blackmail", "bounty")
    ),
]


@QUICK
@given(st.data(), histories, st.sampled_from(WORSE))
def test_an_aggravating_fact_is_never_laxer(
    data: st.DataObject, history: policy.History, worse: tuple[str, Any]
) -> None:
    name, value = worse
    answers = data.draw(complete("cse"))
    if name not in answers or answers[name] in (["none"], ["cannot_tell"]):
        return
    added = value if isinstance(answers[name], str) else sorted({*answers[name], value})
    before = policy.decide(PACK, "cse", answers, history)
    after = policy.decide(PACK, "cse", _completed("cse", {**answers, name: added}, FILLER), history)
    assert after.violation >= before.violation
    assert severity(after)[0] >= severity(before)[0]
    assert set(before.actions) - {"hand_off"} <= set(after.actions)
    if "report_shall" in before.duties:
        assert "report_shall" in after.duties


@QUICK
@given(st.data(), class_ids, histories)
def test_an_apparent_victim_is_only_ever_protected(data: st.DataObject, class_id: str, history: policy.History) -> None:
    answers = data.draw(complete(class_id, {"role": "apparent_victim"}))
    outcome = policy.decide(PACK, class_id, answers, history)
    after = policy.if_refused(PACK, class_id, answers, history) if outcome.second_person else None
    for each in filter(None, (outcome, after)):
        assert not {s.code for s in each.sanctions} & PUNISHING
        assert not set(each.meanwhile) & PUNISHING
        assert each.filed_as != "suspect"
        assert not each.strike


@QUICK
@given(st.data(), histories)
def test_own_material_of_a_minor_never_punishes_them(data: st.DataObject, history: policy.History) -> None:
    outcome = policy.decide(PACK, "cse", data.draw(complete("cse", {"minor": "self"})), history)
    assert not {s.code for s in outcome.sanctions} & PUNISHING
    assert (outcome.strike, outcome.filed_as == "suspect") == (False, False)


@QUICK
@given(st.data(), histories, st.sampled_from(["discussion", "help_seeking", "advocacy", "own_story"]))
def test_an_exception_never_adds_a_sanction(data: st.DataObject, history: policy.History, speech: str) -> None:
    answers = data.draw(complete("cse", {"form": ["text"]}))
    if (
        "text_does" not in answers
        or "permitted_talk" in answers["text_does"]
        or answers["text_does"] in (["none"], ["cannot_tell"])
    ):
        return
    talk = {**answers, "text_does": [*answers["text_does"], "permitted_talk"], "speech": speech, "risk": "low"}
    before = policy.decide(PACK, "cse", answers, history)
    after = policy.decide(PACK, "cse", _completed("cse", talk, FILLER), history)
    assert set(after.clauses) <= set(before.clauses)
    assert severity(after)[0] <= severity(before)[0]


@QUICK
@given(st.data(), st.integers(1, 9))
def test_a_second_strike_always_suspends(data: st.DataObject, strikes: int) -> None:
    answers = data.draw(complete("cse"))
    outcome = policy.decide(PACK, "cse", answers, policy.History(strikes=strikes))
    counts = outcome.violation and outcome.strike
    assert ("suspend_permanently" in {s.code for s in outcome.sanctions}) == counts
    protected = (
        answers["role"] in ("apparent_victim", "viewer")
        or answers["minor"] == "self"
        or answers.get("speech") == "own_story"
    )
    assert counts or not outcome.violation or protected


@QUICK
@given(st.data(), histories)
def test_the_lenient_path_needs_all_of_its_conditions(data: st.DataObject, history: policy.History) -> None:
    answers = data.draw(complete("cse"))
    outcome = policy.decide(PACK, "cse", answers, history)
    if any(s.code == "lock_until_removed" for s in outcome.sanctions):
        assert answers["malice"] == "none_found"
        assert history.strikes == 0
        assert answers["danger"] == "none_seen"
        assert outcome.second_person in ("lenient_path", "policy_owner")
        assert all(PACK.classes["cse"].clauses[clause].lenient for clause in outcome.clauses)
        assert not {"CSE-05", "CSE-10", "CSE-11", "CSE-12", "CSE-13", "CSE-14", "CSE-15", "CSE-16", "CSE-17"} & set(
            outcome.clauses
        )


@QUICK
@given(st.data(), class_ids, histories)
def test_the_checker_means_what_the_engine_computes(
    data: st.DataObject, class_id: str, history: policy.History
) -> None:
    cls = PACK.classes[class_id]
    answers = data.draw(complete(class_id))
    outcome = policy.decide(PACK, class_id, answers, history)
    every, meaning = EVERY[class_id], MEANING[class_id]
    setting = {number: getattr(history, counter) >= limit for (counter, limit), number in every.limit_numbers.items()}
    given = {name: [value] if isinstance(value, str) else value for name, value in answers.items()}
    for (question, answer), number in every.answer_numbers.items():
        setting[number] = answer in given.get(question, ())
    holding = [rule.id for rule in cls.rules if _value_at(every, meaning.of(rule.when), setting)]
    assert holding == [b.id for b in outcome.because if b.kind == "rule"]
    standing = [clause for clause in cls.clauses if _value_at(every, meaning.stands(clause), setting)]
    assert standing == list(outcome.clauses)


def _value_at(every: EveryAnswerSet, function: int, setting: dict[int, bool]) -> bool:
    while function > ALWAYS:
        variable, low, high = every.nodes[function]
        function = high if setting[variable] else low
    return function == ALWAYS


@pytest.mark.parametrize("role", ["uploader", "sharer", "linker", "requester", "sender", "engager"])
def test_every_acting_role_is_sanctioned_alike(role: str) -> None:
    answers = {
        "role": role,
        "minor": "known",
        "form": ["photo_video"],
        "shows": "explicit",
        "danger": "none_seen",
        "malice": "found",
    }
    outcome = policy.decide(PACK, "cse", answers, policy.History())
    assert [s.code for s in outcome.sanctions] == ["suspend_permanently", "ban_person"]
