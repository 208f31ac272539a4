"""Every named answer set of both versions (decisions/): answers in, the agreed outcome out."""

import re
from pathlib import Path
from typing import Any

import pytest

from safehold import policy
from tests.policy.answer_sets import VERSIONS, Named, answer_set, differences, named, not_missed

PACKS = {version: policy.load("child-safety", version) for version in VERSIONS}
PACK = PACKS["2024-05"]
READINGS = Path(__file__).parents[2] / "docs" / "policy-readings.md"
# Readings that no answer set can show: which version applies, two classes at once, and what other rooms do.
SHOWN_ELSEWHERE = {"A01", "A02", "A31", "A33", "A34"}


def _answers(name: str) -> dict[str, Any]:
    return dict(answer_set("2024-05", name).answers)


@pytest.mark.parametrize(
    ("version", "one"), [pytest.param(v, one, id=f"{v}-{one.id}") for v in VERSIONS for one in named(v)]
)
def test_row(version: str, one: Named) -> None:
    assert differences(PACKS[version], one) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_no_answer_of_a_row_can_be_left_out(version: str) -> None:
    missed = {one.id: names for one in named(version) if (names := not_missed(PACKS[version], one))}
    assert missed == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_outcome_clause_and_exception_is_in_the_table(version: str) -> None:
    expected = [one.expect for one in named(version)]
    after = [e.get("refused") for e in expected]
    shown = {e.get("outcome") for e in expected} | {a["outcome"] if isinstance(a, dict) else a for a in after}
    shown |= {name for e in expected for key in ("clauses", "exceptions") for name in e.get(key, ())}
    for cls in PACKS[version].classes.values():
        assert {*cls.outcomes, *cls.clauses, *cls.exceptions} <= shown


@pytest.mark.parametrize("version", VERSIONS)
def test_every_role_and_every_second_person_is_in_the_table(version: str) -> None:
    for cls in PACKS[version].classes.values():
        ours = [one for one in named(version) if one.class_id == cls.id]
        roles = {one.answers["role"] for one in ours}
        assert roles == set(cls.question("role").answer_ids)
        refused = {one.expect.get("outcome") for one in ours if "refused" in one.expect}
        assert {spec.id for spec in cls.outcomes.values() if spec.second_person} <= refused


def test_the_older_version_has_at_least_seventy_rows_and_every_class_of_the_list() -> None:
    rows = named("2020-10")
    assert len({one.id.split("[")[0] for one in rows}) >= 70
    assert {f"S{number}" for number in range(18, 36)} <= {row for one in rows for row in one.rows}


def test_every_reading_is_shown() -> None:
    shown = {row for version in VERSIONS for one in named(version) for row in one.rows if row.startswith("A")}
    written = set(
        re.findall(r"A\d\d", "".join(re.findall(r"^\| (A[^|]+)\|", READINGS.read_text("utf-8"), re.MULTILINE)))
    )
    assert len(written) == 37
    assert written - SHOWN_ELSEWHERE <= shown
    assert shown <= written


def test_the_common_path_is_short() -> None:
    answers = _answers("picture")
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
        ({"form": [3]}, "must be a word or a list of words"),
        ({"form": ["text", 3]}, "must be a word or a list of words"),
        ({"other_reason": "x" * 4001}, "4001 characters; at most 4000"),
    ],
)
def test_bad_answers_say_what_is_wrong(answers: dict[str, Any], message: str) -> None:
    with pytest.raises(policy.BadAnswer, match=message):
        policy.next_question(PACK, "cse", answers)


def test_the_longest_text_is_taken() -> None:
    answers = {**_answers("unlisted"), "other_reason": "x" * 4000}
    assert policy.decide(PACK, "cse", answers, policy.History()).outcome_id == "cse-unlisted"


def test_unknown_class_and_negative_history() -> None:
    with pytest.raises(policy.BadAnswer, match="no class 'spam'"):
        policy.next_question(PACK, "spam", {})
    with pytest.raises(policy.BadAnswer, match="below zero"):
        policy.decide(PACK, "cse", _answers("picture"), policy.History(strikes=-1))


def test_a_blank_text_is_no_answer() -> None:
    answers = {**_answers("unlisted"), "other_reason": "  "}
    with pytest.raises(policy.Incomplete, match="other_reason"):
        policy.decide(PACK, "cse", answers, policy.History())


def test_stale_answers_play_no_part_and_are_named() -> None:
    answers = {**_answers("not-sexual"), "malice": "found", "link_leads": "to_material"}
    outcome = policy.decide(PACK, "cse", answers, policy.History())
    assert (outcome.outcome_id, outcome.unused) == ("cse-none", ("malice", "link_leads"))


def test_the_reasons_can_be_followed() -> None:
    outcome = policy.decide(PACK, "cse", _answers("lenient-second-time"), policy.History(strikes=1))
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
    outcome = policy.decide(PACK, "cse", _answers("unlisted"), policy.History())
    assert not any("grounds" in word for b in outcome.because for word in (b.id, *b.why))


def test_the_stricter_of_two_classes() -> None:
    def outcome(name: str) -> policy.Outcome:
        one = answer_set("2024-05", name)
        return policy.decide(PACK, one.class_id, one.answers, one.history)

    mild, hard = outcome("abuse-plain"), outcome("abuse-sole-purpose")
    assert policy.stricter(mild, hard) == policy.stricter(hard, mild) == hard
    assert policy.stricter(outcome("fight-graphic"), outcome("fight-stranger-reports")).outcome_id == "al-hand-off"


def test_if_refused_needs_a_second_person() -> None:
    with pytest.raises(ValueError, match="needs no second person"):
        policy.if_refused(PACK, "cse", _answers("picture"), policy.History())
