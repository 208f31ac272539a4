"""An override chooses another outcome of the class; what the answers decide stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold import policy
from safehold.policy.engine import severity
from tests.policy.test_properties import PACK, PUNISHING, QUICK, class_ids, complete, histories

FIRST = policy.History()
# Answer sets (ids and codes) and what may be chosen instead: (outcome, second person, done meanwhile, direction).
SUSPENDS = {
    "role": "uploader", "minor": "apparent", "form": ["photo_video"], "shows": "explicit", "danger": "none_seen",
    "malice": "found",
}  # fmt: skip
LENIENT = {**SUSPENDS, "malice": "none_found"}
UNLISTED = {
    "role": "uploader", "minor": "known", "form": ["other"], "other_reason": "grounds 1", "danger": "none_seen",
    "malice": "none_found", "report_choice": "file", "report_reason": "grounds 2",
}  # fmt: skip
ABUSE = {
    "role": "uploader", "minor": "apparent", "media": "real", "abuse_shown": "yes", "clothing": "fully",
    "harm": "lower", "context": "non_abusive", "also_cse": "no", "ground": "none", "sole_purpose": "no",
    "danger": "none_seen",
}  # fmt: skip
LOCKED = ("hide_item", "lock_until_removed")
OFFERED = [
    ("cse", SUSPENDS, []),
    ("cse", LENIENT, [("cse-suspend", "override", LOCKED, "stricter")]),
    ("cse", UNLISTED, [("cse-suspend", "policy_owner", ("hide_item",), "stricter")]),
    ("cse", {**SUSPENDS, "role": "viewer"}, []),
    ("cse", {**SUSPENDS, "role": "apparent_victim", "protect": "not_needed"}, []),
    ("cse", {"role": "uploader", "minor": "cannot_tell", "danger": "none_seen"}, []),
    ("physical-abuse", ABUSE, [
        ("pa-protect", "override", LOCKED, "milder"), ("pa-onlooker", "override", LOCKED, "milder"),
        ("pa-remove-again", "override", LOCKED, "stricter"), ("pa-suspend-third", "override", LOCKED, "stricter"),
    ]),
    ("physical-abuse", {**ABUSE, "role": "viewer"}, [("pa-protect", "override", ("hide_item",), "other")]),
]  # fmt: skip


@pytest.mark.parametrize(("class_id", "answers", "wanted"), OFFERED)
def test_what_is_offered(class_id: str, answers: dict[str, object], wanted: list[tuple[str, ...]]) -> None:
    answers = {name: answers[name] for name in answers if _asked(class_id, name)}
    computed = policy.decide(PACK, class_id, answers, FIRST)  # type: ignore[arg-type]
    offered = policy.choices(PACK, class_id, answers, FIRST)  # type: ignore[arg-type]
    got = [(o.outcome_id, o.second_person, o.meanwhile, policy.direction(computed, o)) for o in offered]
    assert got == wanted


def _asked(class_id: str, name: str) -> bool:
    return name in {question.id for question in PACK.classes[class_id].questions}


def test_the_one_chosen_says_why() -> None:
    chosen = policy.override(PACK, "cse", LENIENT, FIRST, "cse-suspend")
    computed = policy.decide(PACK, "cse", LENIENT, FIRST)
    assert chosen.because[:-1] == computed.because, "the policy's own reasons stay, to its own outcome"
    assert chosen.because[-1] == policy.Because("override", "cse-suspend", ("cse-lenient",))
    for language in ("en", "zh-hans"):
        last = policy.explain(PACK, language, "cse", chosen)[-1]
        assert last.endswith(policy.text(PACK, language, "cse-suspend"))
        assert last != policy.text(PACK, language, "cse-suspend")


@pytest.mark.parametrize("outcome_id", ["cse-lenient", "cse-none", "cse-protect", "cse-unlisted", "pa-remove", ""])
def test_what_is_not_offered_cannot_be_chosen(outcome_id: str) -> None:
    with pytest.raises(policy.BadAnswer, match="those that can: cse-suspend"):
        policy.override(PACK, "cse", LENIENT, FIRST, outcome_id)


def test_open_facts_are_no_ground_for_an_override() -> None:
    with pytest.raises(policy.Incomplete):
        policy.choices(PACK, "cse", {"role": "uploader"}, FIRST)
    with pytest.raises(policy.BadAnswer, match="those that can: none"):
        policy.override(PACK, "cse", SUSPENDS, FIRST, "cse-none")


@QUICK
@given(st.data(), class_ids, histories)
def test_the_finding_never_changes(data: st.DataObject, class_id: str, history: policy.History) -> None:
    answers = data.draw(complete(class_id))
    computed = policy.decide(PACK, class_id, answers, history)
    offered = policy.choices(PACK, class_id, answers, history)
    assert not (computed.undecided and offered)
    for chosen in offered:
        assert (chosen.violation, chosen.clauses, chosen.exceptions) == (
            computed.violation, computed.clauses, computed.exceptions,
        )  # fmt: skip
        reports = {"report_shall", "report_may"}
        assert reports & set(chosen.duties) == reports & set(computed.duties)
        assert {"preserve", "inform_authority"} & set(computed.duties) <= set(chosen.duties)
        assert (chosen.incident_type, chosen.annotations, chosen.file_annotations, chosen.filed_as) == (
            computed.incident_type, computed.annotations, computed.file_annotations, computed.filed_as,
        )  # fmt: skip
        assert not chosen.undecided
        assert chosen.outcome_id != computed.outcome_id
        assert chosen.second_person == ("policy_owner" if computed.second_person == "policy_owner" else "override")
        assert not {"suspend_permanently", "ban_person", "suspend_protectively", "read_only"} & set(chosen.meanwhile)
        assert chosen == policy.override(PACK, class_id, answers, history, chosen.outcome_id)
    assert len({(o.sanctions, o.actions, o.duties, o.strike) for o in offered}) == len(offered)


@QUICK
@given(st.data(), histories)
def test_child_sexual_exploitation_is_never_made_laxer(data: st.DataObject, history: policy.History) -> None:
    answers = data.draw(complete("cse"))
    computed = policy.decide(PACK, "cse", answers, history)
    for chosen in policy.choices(PACK, "cse", answers, history):
        assert all(a >= b for a, b in zip(severity(chosen), severity(computed), strict=True))
        assert set(computed.actions) <= set(chosen.actions)
        assert set(computed.duties) <= set(chosen.duties)
        assert chosen.strike >= computed.strike
        banned = {sanction.code for sanction in chosen.sanctions}
        assert "ban_person" in banned or "ban_person" not in {sanction.code for sanction in computed.sanctions}


@QUICK
@given(st.data(), class_ids, histories, st.sampled_from(["apparent_victim", "viewer"]))
def test_a_protected_person_is_never_punished(
    data: st.DataObject, class_id: str, history: policy.History, role: str
) -> None:
    answers = data.draw(complete(class_id, {"role": role}))
    for chosen in policy.choices(PACK, class_id, answers, history):
        assert not {sanction.code for sanction in chosen.sanctions} & PUNISHING
        assert not set(chosen.meanwhile) & PUNISHING
        assert not chosen.strike


@QUICK
@given(st.data(), histories)
def test_own_material_of_a_minor_and_own_story_are_never_punished(data: st.DataObject, history: policy.History) -> None:
    answers = data.draw(complete("cse", {"minor": "self"}))
    for chosen in policy.choices(PACK, "cse", answers, history):
        assert not {sanction.code for sanction in chosen.sanctions} & PUNISHING
        assert (chosen.strike, chosen.filed_as == "suspect") == (False, False)
