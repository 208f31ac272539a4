"""The reasons of a decision, from answer to clause to outcome, followed by hand in a small policy (packs/glitter)."""

from pathlib import Path
from typing import Any

import pytest

from safehold import policy

GLITTER = policy.load_folder(Path(__file__).with_name("packs") / "glitter" / "2026-01")
GOLD = {"who": "poster", "sparkle": "much", "colours": ["gold"], "sorry": "no"}
SILVER = {"who": "poster", "sparkle": "much", "colours": ["silver"]}
# Answers, history, and every step: kind, id, why.
REASONS: dict[str, tuple[dict[str, Any], int, list[tuple[str, str, str]]]] = {
    "clauses stand": (
        GOLD, 0,
        [
            ("answer", "who=poster", ""),
            ("answer", "sparkle=much", ""),
            ("answer", "colours=gold", ""),
            ("answer", "sorry=no", ""),
            ("clause", "GL-01", "sparkle=much colours=gold"),
            ("clause", "GL-02", "sparkle=much colours=gold"),
            ("rule", "GL-R5", "GL-01 GL-02 who=poster sorry=no"),
            ("report", "GL-P2", "GL-01"),
            ("outcome", "gl-sweep", ""),
        ],
    ),
    "a named clause is told, and not every one that stands": (
        {**GOLD, "swept": "yes"}, 0,
        [
            ("answer", "who=poster", ""),
            ("answer", "sparkle=much", ""),
            ("answer", "colours=gold", ""),
            ("answer", "sorry=no", ""),
            ("answer", "swept=yes", ""),
            ("clause", "GL-01", "sparkle=much colours=gold"),
            ("clause", "GL-02", "sparkle=much colours=gold"),
            ("rule", "GL-R5", "GL-01 GL-02 who=poster sorry=no"),
            ("report", "GL-P2", "GL-01"),
            ("also", "preserve", "sparkle=much colours=gold swept=yes GL-02"),
            ("outcome", "gl-sweep", ""),
        ],
    ),
    "an exception clears": (
        SILVER, 0,
        [
            ("answer", "who=poster", ""),
            ("answer", "sparkle=much", ""),
            ("answer", "colours=silver", ""),
            ("exception", "GL-X1", "sparkle=much colours=silver"),
            ("cleared", "GL-01", "GL-X1"),
            ("rule", "GL-R1", "sparkle=much"),
            ("report", "GL-P1", ""),
            ("also", "notify_account_holder", "GL-X1 who=poster"),
            ("outcome", "gl-fine", ""),
        ],
    ),
    "an exception that clears nothing is told where nothing stands": (
        {**SILVER, "who": "passer_by", "sparkle": "little", "swept": "no", "mood": "glum"}, 0,
        [
            ("answer", "who=passer_by", ""),
            ("answer", "sparkle=little", ""),
            ("answer", "colours=silver", ""),
            ("exception", "GL-X1", "sparkle=little colours=silver"),
            ("exception", "GL-X2", "sparkle=little"),
            ("rule", "GL-R1", "sparkle=little"),
            ("report", "GL-P1", ""),
            ("also", "preserve", "GL-X1 who=passer_by"),
            ("outcome", "gl-fine", ""),
        ],
    ),
    "history counts": (
        {**GOLD, "sorry": "yes", "grounds": "words 1"}, 4,
        [
            ("answer", "who=poster", ""),
            ("answer", "sparkle=much", ""),
            ("answer", "colours=gold", ""),
            ("clause", "GL-01", "sparkle=much colours=gold"),
            ("clause", "GL-02", "sparkle=much colours=gold"),
            ("rule", "GL-R6", "GL-01 GL-02 who=poster history.same_class_12_months=4"),
            ("report", "GL-P2", "GL-01"),
            ("outcome", "gl-pause", ""),
        ],
    ),
    "the path of a question is part of the reason": (
        {**GOLD, "sparkle": "little", "sorry": "yes", "grounds": "words 1", "swept": "yes"}, 0,
        [
            ("answer", "who=poster", ""),
            ("answer", "sparkle=little", ""),
            ("answer", "colours=gold", ""),
            ("answer", "sorry=yes", ""),
            ("answer", "swept=yes", ""),
            ("clause", "GL-02", "sparkle=little colours=gold"),
            ("rule", "GL-R4", "GL-02 who=poster sorry=yes"),
            ("report", "GL-P1", ""),
            ("also", "notify_account_holder", "GL-X2 who=poster"),
            ("also", "preserve", "sparkle=little colours=gold swept=yes GL-02"),
            ("outcome", "gl-warn", ""),
        ],
    ),
    "what was answered instead": (
        {"who": "passer_by", "sparkle": "none"}, 0,
        [
            ("answer", "sparkle=none", ""),
            ("exception", "GL-X2", "sparkle=none"),
            ("rule", "GL-R1", "sparkle=none"),
            ("report", "GL-P1", ""),
            ("outcome", "gl-fine", ""),
        ],
    ),
    "somebody passing by": (
        {"who": "passer_by", "sparkle": "much", "colours": ["gold", "silver"]}, 3,
        [
            ("answer", "who=passer_by", ""),
            ("answer", "sparkle=much", ""),
            ("answer", "colours=gold", ""),
            ("answer", "colours=silver", ""),
            ("clause", "GL-01", "sparkle=much colours=gold colours=silver"),
            ("rule", "GL-R3", "GL-01 who=passer_by"),
            ("report", "GL-P2", "GL-01"),
            ("also", "inform_authority", "sparkle=much colours=gold who=passer_by"),
            ("outcome", "gl-shrug", ""),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_every_step_is_told(name: str) -> None:
    answers, times, wanted = REASONS[name]
    outcome = policy.decide(GLITTER, "posts", answers, policy.History(same_class_12_months=times))
    assert [(step.kind, step.id, " ".join(step.why)) for step in outcome.because] == wanted


def test_reasons_stand_in_the_same_order_whatever_the_order_of_the_answers() -> None:
    answers, _, wanted = REASONS["clauses stand"]
    outcome = policy.decide(GLITTER, "posts", dict(reversed(answers.items())), policy.History())
    assert [step.id for step in outcome.because] == [step[1] for step in wanted]


def test_the_reasons_as_sentences() -> None:
    answers, times, _ = REASONS["history counts"]
    outcome = policy.decide(GLITTER, "posts", answers, policy.History(same_class_12_months=times))
    assert policy.explain(GLITTER, "en", "posts", outcome) == [
        "Who is it? The poster",
        "How much glitter? Much",
        "Which colours? Gold",
        "GL-01 Loud: Much glitter in a shiny colour.",
        "GL-02 Gold: Golden glitter alone.",
        "There is glitter, for the third time. Earlier violations that count: 4.",
        "Not even loud glitter is reported.",
        "The post is hidden and the account pauses for three days.",
    ]


def test_what_a_refusal_leads_to_has_the_same_reasons() -> None:
    answers, times, wanted = REASONS["history counts"]
    after = policy.if_refused(GLITTER, "posts", answers, policy.History(same_class_12_months=times))
    assert after is not None
    assert [step.id for step in after.because] == [*(step[1] for step in wanted[:-1]), "gl-sweep"]
    assert (after.second_person, [s.code for s in after.sanctions]) == ("", ["lock_until_removed"])
