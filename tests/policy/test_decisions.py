"""Every row of decisions.yaml: answer sets in, the agreed outcome out."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from safehold import policy

PACK = policy.load("child-safety", "2024-05")


class _Words(yaml.SafeLoader):
    """`yes` and `no` are answers, not switches."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
ROWS: dict[str, dict[str, Any]] = {
    row["id"]: row
    for row in yaml.load(Path(__file__).with_name("decisions.yaml").read_text(), _Words)  # noqa: S506
}


def _answers(row: dict[str, Any]) -> dict[str, Any]:
    if "like" not in row:
        return dict(row["answers"])
    base = _answers(ROWS[row["like"]])
    for name in row.get("without", ()):
        del base[name]
    return {**base, **row.get("with", {})}


def _class_of(row: dict[str, Any]) -> str:
    return row["class"] if "class" in row else _class_of(ROWS[row["like"]])


def _seen(outcome: policy.Outcome, name: str) -> Any:
    if name == "outcome":
        return outcome.outcome_id
    if name == "sanctions":
        return [f"{s.code} {s.days}" if s.days else s.code for s in outcome.sanctions]
    value = getattr(outcome, name)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(row: dict[str, Any]) -> None:
    class_id, answers, history = _class_of(row), _answers(row), policy.History(**row.get("history", {}))
    outcome = policy.decide(PACK, class_id, answers, history)
    expected = {name: value for name, value in row["expect"].items() if name != "refused"}
    assert {name: _seen(outcome, name) for name in expected} == expected
    assert outcome.unused == (), "an answer of this row plays no part"
    if "refused" in row["expect"]:
        after = policy.if_refused(PACK, class_id, answers, history)
        assert (after and after.outcome_id) == row["expect"]["refused"]


def test_every_outcome_of_the_pack_is_in_the_table() -> None:
    shown = {row["expect"]["outcome"] for row in ROWS.values()} | {
        row["expect"].get("refused") for row in ROWS.values()
    }
    assert {outcome for cls in PACK.classes.values() for outcome in cls.outcomes} <= shown


def test_every_clause_and_exception_is_in_the_table() -> None:
    shown = {name for row in ROWS.values() for key in ("clauses", "exceptions") for name in row["expect"].get(key, ())}
    named = {name for cls in PACK.classes.values() for name in (*cls.clauses, *cls.exceptions)}
    assert named <= shown


def test_the_common_path_is_short() -> None:
    answers = _answers(ROWS["picture"])
    given: dict[str, Any] = {}
    while (question := policy.next_question(PACK, "cse", given)) is not None:
        given[question.id] = answers[question.id]
    assert list(given) == ["role", "minor", "form", "shows", "danger", "malice"]
    assert [q.id for q in policy.questions(PACK, "cse", given)] == [*given, "claimed_context"]


def test_the_path_ends_at_the_first_open_question() -> None:
    assert [q.id for q in policy.questions(PACK, "cse", {"role": "uploader"})] == ["role", "minor"]


def test_open_questions_are_named() -> None:
    with pytest.raises(policy.Incomplete, match="unanswered is shows") as caught:
        policy.decide(PACK, "cse", {"role": "uploader", "minor": "known", "form": ["photo_video"]}, policy.History())
    assert caught.value.questions == ("shows",)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"colour": "red"}, "no question 'colour'"),
        ({"role": "owner"}, "no answer 'owner'"),
        ({"role": ["uploader", "sharer"]}, "takes one answer; 2 were given"),
        ({"form": ["none", "text"]}, "'none' cannot stand beside other answers of 'form'"),
        ({"form": ["text", "text"]}, "names an answer twice"),
        ({"role": 3}, "must be a word or a list of words"),
        ({"other_reason": "x" * 4001}, "4001 characters; at most 4000"),
    ],
)
def test_bad_answers_say_what_is_wrong(answers: dict[str, Any], message: str) -> None:
    with pytest.raises(policy.BadAnswer, match=message):
        policy.next_question(PACK, "cse", answers)


def test_unknown_class_and_negative_history() -> None:
    with pytest.raises(policy.BadAnswer, match="no class 'spam'"):
        policy.next_question(PACK, "spam", {})
    with pytest.raises(policy.BadAnswer, match="below zero"):
        policy.decide(PACK, "cse", _answers(ROWS["picture"]), policy.History(strikes=-1))


def test_a_blank_text_is_no_answer() -> None:
    answers = {**_answers(ROWS["unlisted"]), "other_reason": "  "}
    with pytest.raises(policy.Incomplete, match="other_reason"):
        policy.decide(PACK, "cse", answers, policy.History())


def test_stale_answers_play_no_part_and_are_named() -> None:
    answers = {**_answers(ROWS["not-sexual"]), "malice": "found", "link_leads": "to_material"}
    outcome = policy.decide(PACK, "cse", answers, policy.History())
    assert (outcome.outcome_id, outcome.unused) == ("cse-none", ("malice", "link_leads"))


def test_the_reasons_can_be_followed() -> None:
    outcome = policy.decide(PACK, "cse", _answers(ROWS["lenient-second-time"]), policy.History(strikes=1))
    assert [(b.kind, b.id) for b in outcome.because if b.kind != "answer"] == [
        ("clause", "CSE-01"), ("rule", "CSE-R08"), ("report", "CSE-P02"), ("outcome", "cse-suspend"),
    ]  # fmt: skip
    told = policy.explain(PACK, "en", "cse", outcome)
    assert "What does the media show? An explicit depiction" in told
    assert (
        "A clause stands and there was an earlier violation: suspension is certain. Earlier violations that count: 1."
        in told
    )


def test_reasons_never_repeat_what_a_person_wrote() -> None:
    outcome = policy.decide(PACK, "cse", _answers(ROWS["unlisted"]), policy.History())
    assert not any("grounds" in word for b in outcome.because for word in (b.id, *b.why))


def test_the_stricter_of_two_classes() -> None:
    def outcome(name: str) -> policy.Outcome:
        row = ROWS[name]
        return policy.decide(PACK, _class_of(row), _answers(row), policy.History(**row.get("history", {})))

    mild, hard = outcome("abuse-plain"), outcome("abuse-sole-purpose")
    assert policy.stricter(mild, hard) == policy.stricter(hard, mild) == hard
    assert policy.stricter(outcome("fight-graphic"), outcome("fight-stranger-reports")).outcome_id == "al-hand-off"


def test_if_refused_needs_a_second_person() -> None:
    with pytest.raises(ValueError, match="needs no second person"):
        policy.if_refused(PACK, "cse", _answers(ROWS["picture"]), policy.History())
