"""What holds for every answer set, tried on many random ones (check.py proves most of it over all of them)."""

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from safehold import policy
from safehold.policy.bdd import ALWAYS, EveryAnswerSet
from safehold.policy.conditions import Meaning
from safehold.policy.engine import severity
from tests.policy.answer_sets import VERSIONS

PACKS = {version: policy.load("child-safety", version) for version in VERSIONS}
PACK = PACKS["2024-05"]
PUNISHING = {"suspend_permanently", "ban_person", "lock_until_removed", "read_only"}
QUICK = settings(max_examples=25, deadline=None)
histories = st.builds(policy.History, st.integers(0, 3), st.integers(0, 4), st.integers(0, 3))
class_ids = st.sampled_from(sorted(PACK.classes))
both = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)


def _value(draw: st.DrawFn, question: policy.Question) -> str | list[str]:
    if question.kind == "text":
        return "grounds 1"
    if question.kind == "one":
        return draw(st.sampled_from(question.answer_ids))
    together = [answer.id for answer in question.answers if not answer.alone]
    lone = st.sampled_from([[answer.id] for answer in question.answers if answer.alone])
    return draw(st.one_of(st.lists(st.sampled_from(together), min_size=1, max_size=4, unique=True), lone))


@st.composite
def complete(
    draw: st.DrawFn, class_id: str, fixed: dict[str, Any] | None = None, pack: policy.Pack = PACK
) -> dict[str, Any]:
    """A random complete set of answers; `fixed` ones are kept wherever their question is asked."""
    answers: dict[str, Any] = {}
    while (question := policy.next_question(pack, class_id, answers)) is not None:
        answers[question.id] = (fixed or {}).get(question.id) or _value(draw, question)
    for question in policy.questions(pack, class_id, answers):
        if not question.mandatory and draw(st.booleans()):
            answers[question.id] = _value(draw, question)
    return answers


def _completed(pack: policy.Pack, class_id: str, answers: dict[str, Any], filler: dict[str, Any]) -> dict[str, Any]:
    """`answers`, with questions that opened answered from `filler`."""
    grown = dict(answers)
    while (question := policy.next_question(pack, class_id, grown)) is not None:
        grown[question.id] = filler[question.id]
    return grown


def _drawn(data: st.DataObject, pack: policy.Pack, fixed: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """A class of the pack and a complete set of answers."""
    class_id = data.draw(st.sampled_from(sorted(pack.classes)))
    return class_id, data.draw(complete(class_id, fixed, pack))


def _codes(outcome: policy.Outcome) -> set[str]:
    return {sanction.code for sanction in outcome.sanctions}


@both
@QUICK
@given(data=st.data(), history=histories)
def test_every_complete_set_has_one_outcome_with_reasons(
    pack: policy.Pack, data: st.DataObject, history: policy.History
) -> None:
    class_id, answers = _drawn(data, pack)
    outcome = policy.decide(pack, class_id, answers, history)
    assert outcome.violation == bool(outcome.clauses)
    assert outcome.unused == ()
    assert [b.kind for b in outcome.because].count("rule") == 1
    assert outcome.because[-1].kind == "outcome"
    assert outcome == policy.decide(pack, class_id, dict(reversed(answers.items())), history)
    assert len(policy.explain(pack, "zh-hans", class_id, outcome)) == len(outcome.because)
    if outcome.undecided:
        assert outcome.second_person
        assert not _codes(outcome) & PUNISHING
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


@both
@QUICK
@given(data=st.data(), history=histories)
def test_claimed_context_changes_nothing(pack: policy.Pack, data: st.DataObject, history: policy.History) -> None:
    class_id, answers = _drawn(data, pack)
    answers.pop("claimed_context", None)
    claims = ["awareness", "justice", "outrage", "humour", "news", "education", "affection", "other"]
    plain = policy.decide(pack, class_id, answers, history)
    claimed = policy.decide(pack, class_id, {**answers, "claimed_context": claims}, history)
    assert policy.next_question(pack, class_id, {**answers, "claimed_context": claims}) is None
    # Off the path (nobody is a minor) the claim is named as unused; nothing else may differ.
    assert _without_unused(claimed) == _without_unused(plain)


def _without_unused(outcome: policy.Outcome) -> dict[str, Any]:
    from safehold.policy.pack import jsonable

    return {name: value for name, value in jsonable(outcome).items() if name != "unused"}


@both
@QUICK
@given(data=st.data(), history=histories)
def test_intent_never_decides_whether_it_is_a_violation(
    pack: policy.Pack, data: st.DataObject, history: policy.History
) -> None:
    answers = data.draw(complete("cse", pack=pack))
    seen = set()
    for malice in ("found", "none_found", "cannot_tell"):
        outcome = policy.decide(pack, "cse", {**answers, "malice": malice}, history)
        seen.add((outcome.violation, outcome.clauses, outcome.exceptions, outcome.actions, outcome.duties))
    assert len(seen) == 1


FILLER: dict[str, Any] = {
    "form": ["text"],
    "ground": "art",
    "unlisted": "exploits",
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


@both
@QUICK
@given(data=st.data(), history=histories, worse=st.sampled_from(WORSE))
def test_an_aggravating_fact_is_never_laxer(
    pack: policy.Pack, data: st.DataObject, history: policy.History, worse: tuple[str, Any]
) -> None:
    name, value = worse
    answers = data.draw(complete("cse", pack=pack))
    if name not in answers or answers[name] in (["none"], ["cannot_tell"]):
        return
    added = value if isinstance(answers[name], str) else sorted({*answers[name], value})
    before = policy.decide(pack, "cse", answers, history)
    after = policy.decide(pack, "cse", _completed(pack, "cse", {**answers, name: added}, FILLER), history)
    assert after.violation >= before.violation
    assert severity(after)[0] >= severity(before)[0]
    assert set(before.actions) - {"hand_off"} <= set(after.actions)
    if "report_shall" in before.duties:
        assert "report_shall" in after.duties


@both
@QUICK
@given(data=st.data(), history=histories)
def test_an_apparent_victim_is_only_ever_protected(
    pack: policy.Pack, data: st.DataObject, history: policy.History
) -> None:
    """Also when the second person refuses, and whatever an override may choose."""
    class_id, answers = _drawn(data, pack, {"role": "apparent_victim"})
    outcome = policy.decide(pack, class_id, answers, history)
    after = policy.if_refused(pack, class_id, answers, history) if outcome.second_person else None
    for each in filter(None, (outcome, after, *policy.choices(pack, class_id, answers, history))):
        assert not _codes(each) & PUNISHING
        assert not set(each.meanwhile) & PUNISHING
        assert each.filed_as != "suspect"
        assert not each.strike


@both
@QUICK
@given(data=st.data(), history=histories)
def test_own_material_of_a_minor_never_punishes_them(
    pack: policy.Pack, data: st.DataObject, history: policy.History
) -> None:
    outcome = policy.decide(pack, "cse", data.draw(complete("cse", {"minor": "self"}, pack)), history)
    assert not _codes(outcome) & PUNISHING
    assert (outcome.strike, outcome.filed_as == "suspect") == (False, False)


@both
@QUICK
@given(
    data=st.data(),
    history=histories,
    speech=st.sampled_from(["discussion", "help_seeking", "advocacy", "own_story"]),
)
def test_an_exception_never_adds_a_sanction(
    pack: policy.Pack, data: st.DataObject, history: policy.History, speech: str
) -> None:
    answers = data.draw(complete("cse", {"form": ["text"]}, pack))
    if (
        "text_does" not in answers
        or "permitted_talk" in answers["text_does"]
        or answers["text_does"] in (["none"], ["cannot_tell"])
    ):
        return
    talk = {**answers, "text_does": [*answers["text_does"], "permitted_talk"], "speech": speech}
    if pack is PACK:
        talk["risk"] = "low"
    before = policy.decide(pack, "cse", answers, history)
    after = policy.decide(pack, "cse", _completed(pack, "cse", talk, FILLER), history)
    assert set(after.clauses) <= set(before.clauses)
    assert severity(after)[0] <= severity(before)[0]


@both
@QUICK
@given(data=st.data(), strikes=st.integers(1, 9))
def test_a_second_strike_always_suspends(pack: policy.Pack, data: st.DataObject, strikes: int) -> None:
    answers = data.draw(complete("cse", pack=pack))
    outcome = policy.decide(pack, "cse", answers, policy.History(strikes=strikes))
    counts = outcome.violation and outcome.strike
    assert ("suspend_permanently" in _codes(outcome)) == counts
    protected = (
        answers["role"] in ("apparent_victim", "viewer")
        or answers["minor"] == "self"
        or answers.get("speech") == "own_story"
        or (pack is not PACK and answers["role"] == "engager")  # a like counts only through the open clause (A04)
    )
    assert counts or not outcome.violation or protected


@both
@QUICK
@given(data=st.data(), history=histories)
def test_the_lenient_path_needs_all_of_its_conditions(
    pack: policy.Pack, data: st.DataObject, history: policy.History
) -> None:
    answers = data.draw(complete("cse", pack=pack))
    outcome = policy.decide(pack, "cse", answers, history)
    if any(s.code == "lock_until_removed" for s in outcome.sanctions):
        assert answers["malice"] == "none_found"
        assert history.strikes == 0
        assert answers["danger"] == "none_seen"
        assert outcome.second_person in ("lenient_path", "policy_owner")
        assert all(pack.classes["cse"].clauses[clause].lenient for clause in outcome.clauses)
        assert not {"CSE-05", "CSE-10", "CSE-11", "CSE-12", "CSE-13", "CSE-14", "CSE-15", "CSE-16", "CSE-17"} & set(
            outcome.clauses
        )


@both
@QUICK
@given(data=st.data(), history=histories)
def test_the_checker_means_what_the_engine_computes(
    pack: policy.Pack, data: st.DataObject, history: policy.History
) -> None:
    class_id, answers = _drawn(data, pack)
    cls = pack.classes[class_id]
    outcome = policy.decide(pack, class_id, answers, history)
    every, meaning = _all_sets(pack.version, class_id)
    setting = {number: getattr(history, counter) >= limit for (counter, limit), number in every.limit_numbers.items()}
    given = {name: [value] if isinstance(value, str) else value for name, value in answers.items()}
    for (question, answer), number in every.answer_numbers.items():
        setting[number] = answer in given.get(question, ())
    holding = [rule.id for rule in cls.rules if _value_at(every, meaning.of(rule.when), setting)]
    assert holding == [b.id for b in outcome.because if b.kind == "rule"]
    standing = [clause for clause in cls.clauses if _value_at(every, meaning.stands(clause), setting)]
    assert standing == list(outcome.clauses)
    reports = [row.id for row in cls.reports if _value_at(every, meaning.of(row.when), setting)]
    assert reports == [b.id for b in outcome.because if b.kind == "report"]
    asked = {question.id for question in cls.questions if _value_at(every, meaning.shown(question.id), setting)}
    assert set(answers) <= asked


@functools.cache
def _all_sets(version: str, class_id: str) -> tuple[EveryAnswerSet, Meaning[int]]:
    every = EveryAnswerSet(PACKS[version].classes[class_id])
    return every, Meaning(PACKS[version].classes[class_id], every)


def _value_at(every: EveryAnswerSet, function: int, setting: dict[int, bool]) -> bool:
    while function > ALWAYS:
        variable, low, high = every.nodes[function]
        function = high if setting[variable] else low
    return function == ALWAYS


@both
@QUICK
@given(data=st.data(), history=histories, more=st.sampled_from(["strikes", "same_class_12_months"]))
def test_an_earlier_violation_never_makes_it_laxer(
    pack: policy.Pack, data: st.DataObject, history: policy.History, more: str
) -> None:
    class_id, answers = _drawn(data, pack)
    before = policy.decide(pack, class_id, answers, history)
    worse = structs.replace(history, **{more: getattr(history, more) + 1})
    after = policy.decide(pack, class_id, answers, worse)
    assert severity(after) >= severity(before)
    assert (after.violation, after.clauses, after.undecided) == (before.violation, before.clauses, before.undecided)
    assert after.strike >= before.strike


@both
@QUICK
@given(data=st.data(), history=histories)
def test_protective_suspensions_never_count(pack: policy.Pack, data: st.DataObject, history: policy.History) -> None:
    class_id, answers = _drawn(data, pack)
    often = structs.replace(history, protective=history.protective + 5)
    assert policy.decide(pack, class_id, answers, history) == policy.decide(pack, class_id, answers, often)


@both
@QUICK
@given(data=st.data(), history=histories)
def test_a_cited_ground_never_adds_a_sanction(pack: policy.Pack, data: st.DataObject, history: policy.History) -> None:
    """The grounds of S35 in the older version, those of physical abuse in the later one."""
    class_id, answers = _drawn(data, pack)
    if answers.get("ground", "none") == "none":
        return
    with_ground = policy.decide(pack, class_id, answers, history)
    plain = _completed(pack, class_id, {**answers, "ground": "none"}, {"sole_purpose": "no"})
    without = policy.decide(pack, class_id, plain, history)
    assert severity(with_ground)[0] <= severity(without)[0]
    assert set(with_ground.clauses) <= set(without.clauses)


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
