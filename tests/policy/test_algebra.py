"""The engine against a second reading of the same small policy (packs/glitter), over every set of answers there is."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from safehold import policy
from safehold.policy.bdd import ALWAYS, NEVER, EveryAnswerSet
from safehold.policy.conditions import (
    AllOf,
    AnyOf,
    AtLeast,
    Condition,
    Exempt,
    Fact,
    Has,
    Marked,
    Meaning,
    Not,
    Stands,
    direct,
)
from safehold.policy.engine import _Given, severity
from tests.policy.test_reasons import GLITTER

CLS = GLITTER.classes["posts"]


def _every_answer_set() -> Iterator[tuple[dict[str, Any], int]]:
    """Complete answer sets with a count of earlier violations, as a person would list them."""
    for who, times in itertools.product(("poster", "passer_by"), range(5)):
        for sparkle in ("none", "cannot_tell"):
            yield {"who": who, "sparkle": sparkle}, times
        for sparkle, colours in itertools.product(
            ("much", "little"), (["gold"], ["silver"], ["gold", "silver"], ["plain"])
        ):
            answers = {"who": who, "sparkle": sparkle, "colours": colours}
            if who == "passer_by" or not _clauses(sparkle, colours):
                yield answers, times
                continue
            yield {**answers, "sorry": "no"}, times
            yield {**answers, "sorry": "yes", "grounds": "words 1"}, times


def _clauses(sparkle: str, colours: list[str]) -> list[str]:
    loud = sparkle == "much" and colours not in (["plain"], ["silver"])
    return ["GL-01"] * loud + ["GL-02"] * (colours == ["gold"])


def _by_hand(answers: dict[str, Any], times: int) -> tuple[str, list[str], list[str]]:
    """The outcome, the clauses and the exceptions, worked out without the engine."""
    colours = answers.get("colours", [])
    clauses = _clauses(answers["sparkle"], colours)
    exceptions = ["GL-X1"] if colours == ["silver"] else []
    if answers["sparkle"] in ("none", "little") and not clauses:
        exceptions.append("GL-X2")
    if answers["sparkle"] == "cannot_tell":
        return "gl-look", [], exceptions
    if not clauses:
        return "gl-fine", [], exceptions
    if answers["who"] == "passer_by":
        return "gl-shrug", clauses, exceptions
    if answers["sorry"] == "yes" and times == 0:
        return "gl-warn", clauses, exceptions
    return ("gl-pause" if times >= 2 else "gl-sweep"), clauses, exceptions


def test_the_engine_decides_as_by_hand() -> None:
    seen = 0
    for answers, times in _every_answer_set():
        outcome = policy.decide(GLITTER, "posts", answers, policy.History(same_class_12_months=times))
        found = (outcome.outcome_id, list(outcome.clauses), list(outcome.exceptions))
        assert found == _by_hand(answers, times), (answers, times)
        assert outcome.violation == bool(outcome.clauses)
        assert outcome.undecided == (outcome.outcome_id == "gl-look")
        seen += 1
    assert seen == 2 * 5 * 10 + 5 * 3  # three sets with a clause have two answers to whether they are sorry


def test_the_path_is_asked_in_order() -> None:
    def path(**answers: Any) -> list[str]:
        return [question.id for question in policy.questions(GLITTER, "posts", answers)]

    def nxt(**answers: Any) -> str | None:
        question = policy.next_question(GLITTER, "posts", answers)
        return question and question.id

    assert path() == ["who"]
    assert path(sparkle="much") == ["who"], "what is asked later waits"
    assert path(who="poster", sparkle="much") == ["who", "sparkle", "colours"]
    assert path(who="poster", sparkle="none") == ["who", "sparkle", "mood"]
    gold = {"who": "poster", "sparkle": "much", "colours": ["gold"]}
    assert path(**gold) == [*gold, "sorry"]
    assert path(**gold, sorry="no") == [*gold, "sorry", "swept", "mood"]
    assert path(**gold, sorry="yes") == [*gold, "sorry", "grounds"]
    assert nxt(**gold, sorry="yes", grounds="words 1") is None
    assert nxt(**{**gold, "who": "passer_by"}) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Has("who", ("poster",)), True),
        (Has("who", ("passer_by",)), False),
        (Has("who", ("passer_by", "poster")), True),
        (Has("grounds", ()), False),
        (Has("sorry", ("yes",)), False),
        (Fact(("shiny",)), True),
        (Fact(("unclear", "shiny")), True),
        (Fact(("unclear",)), False),
        (Stands(()), True),
        (Stands(("GL-02",)), False),
        (Stands(("GL-02", "GL-01")), True),
        (Exempt(()), False),
        (Exempt(("GL-X1",)), False),
        (Marked(("loud",)), True),
        (Marked(("no_lenient",)), False),
        (Marked(("no_lenient", "loud")), True),
        (AtLeast("same_class_12_months", 0), True),
        (AtLeast("same_class_12_months", 2), True),
        (AtLeast("same_class_12_months", 3), False),
        (AtLeast("strikes", 1), False),
        (Not(Has("who", ("poster",))), False),
        (Not(Not(Has("who", ("poster",)))), True),
        (AnyOf(()), False),
        (AllOf(()), True),
        (AnyOf((Fact(("unclear",)), Fact(("shiny",)))), True),
        (AnyOf((Fact(("unclear",)), Fact(("unclear",)))), False),
        (AllOf((Fact(("shiny",)), Fact(("unclear",)))), False),
        (AllOf((Fact(("shiny",)), Stands(()))), True),
    ],
)
def test_what_a_condition_means(condition: Condition, holds: bool) -> None:
    """The same for one answer set, and for all of them at once."""
    answers = {"who": "poster", "sparkle": "much", "colours": ["gold", "silver"], "sorry": "no"}
    assert Meaning(CLS, _Plain(answers, 2)).of(condition) is holds
    every = EveryAnswerSet(CLS)
    if (
        isinstance(condition, AtLeast)
        and (condition.counter, condition.number) not in every.limit_numbers
        and condition.number
    ):
        return  # a threshold that the class does not name
    setting = {number: word in _listed(answers.get(name)) for (name, word), number in every.answer_numbers.items()}
    setting |= {number: limit <= 2 for (_, limit), number in every.limit_numbers.items()}
    assert every.fixed(Meaning(CLS, every).of(condition), setting) == (ALWAYS if holds else NEVER)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


class _Plain:
    """The algebra of one answer set, written down once more."""

    true, false = True, False

    def __init__(self, answers: dict[str, Any], times: int) -> None:
        self.answers, self.times = answers, times

    def both(self, a: bool, b: bool) -> bool:
        return a & b

    def either(self, a: bool, b: bool) -> bool:
        return a | b

    def negate(self, a: bool) -> bool:
        return a ^ True

    def answered(self, question: str, answer: str) -> bool:
        return answer in _listed(self.answers.get(question))

    def at_least(self, counter: str, number: int) -> bool:
        return number <= (self.times if counter == "same_class_12_months" else 0)


def test_the_truth_of_one_answer_set() -> None:
    given = _Given({"colours": ("gold", "silver")}, policy.History(strikes=2))
    for a, b in itertools.product((True, False), repeat=2):
        assert given.both(a, b) is (a and b)
        assert given.either(a, b) is (a or b)
        assert given.negate(a) is (not a)
    assert (given.true, given.false) == (True, False)
    assert [given.answered("colours", word) for word in ("gold", "silver", "plain")] == [True, True, False]
    assert not given.answered("who", "poster")
    assert [given.at_least("strikes", number) for number in (1, 2, 3)] == [True, True, False]


def test_a_class_in_which_not_exactly_one_rule_holds_decides_nothing() -> None:
    fine = {"who": "poster", "sparkle": "none"}
    gap = structs.replace(CLS, rules=CLS.rules[1:])
    overlap = structs.replace(CLS, rules=(*CLS.rules, structs.replace(CLS.rules[0], id="GL-R7")))
    for cls, held in ((gap, "none"), (overlap, "GL-R1, GL-R7")):
        faulty = structs.replace(GLITTER, classes={"posts": cls})
        with pytest.raises(policy.PolicyError) as caught:
            policy.decide(faulty, "posts", fine, policy.History())
        assert str(caught.value) == (
            f"posts.yaml:1: For these answers exactly one rule must hold; held: {held}.\n"
            "  hint: Run `safehold policy check`."
        )


def test_an_answer_counts_only_where_its_question_is_asked() -> None:
    """In one answer set and in all of them at once: a stale answer means nothing."""
    stale = {"who": "passer_by", "sparkle": "much", "colours": ["gold"], "sorry": "yes"}
    every = EveryAnswerSet(CLS)
    for answers, holds in ((stale, False), ({**stale, "who": "poster"}, True)):
        setting = {number: word in _listed(answers.get(name)) for (name, word), number in every.answer_numbers.items()}
        assert Meaning(CLS, _Plain(answers, 0)).of(Has("sorry", ("yes",))) is holds
        function = every.fixed(Meaning(CLS, every).of(Has("sorry", ("yes",))), setting)
        assert function == (ALWAYS if holds else NEVER)


def test_one_of_many_values() -> None:
    meaning = Meaning(CLS, _Plain({}, 0))
    assert [meaning.any(values) for values in ((), (False,), (False, True), (True, False))] == [
        False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "word", ["fact", "clause", "exception", "marked", "history", "not", "any", "all", "is", "help"]
)
def test_no_question_is_called_as_a_word_of_conditions(tmp_path: Path, word: str) -> None:
    with pytest.raises(policy.PolicyError, match=f"A question may not be called '{word}'"):
        policy.load_folder(_changed(tmp_path, "id: mood,", f"id: {word},"))


@pytest.mark.parametrize("counter", ["strikes", "same_class_12_months", "protective"])
def test_every_counter_can_be_looked_at(tmp_path: Path, counter: str) -> None:
    pack = policy.load_folder(
        _changed(tmp_path, "{history: {same_class_12_months: 1}}", f"{{history: {{{counter}: 1}}}}")
    )
    sorry = {"who": "poster", "sparkle": "much", "colours": ["gold"], "sorry": "yes", "grounds": "words 1"}
    assert policy.decide(pack, "posts", sorry, policy.History()).outcome_id == "gl-warn"
    assert policy.decide(pack, "posts", sorry, policy.History(**{counter: 1})).outcome_id == "gl-sweep"


def _changed(folder: Path, old: str, new: str) -> Path:
    """A copy of the small policy with one text replaced, and without its words."""
    copy = folder / "glitter" / "2026-01"
    shutil.copytree(Path(GLITTER.folder), copy)
    text = (copy / "posts.yaml").read_text(encoding="utf-8")
    assert old in text
    (copy / "posts.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    (copy / "en.yaml").write_text("language: en\nname: English\ncomplete: false\n", encoding="utf-8")
    (copy / "fr.yaml").write_text("language: fr\nname: Français\ncomplete: false\n", encoding="utf-8")
    return copy


def test_the_leaves_of_a_condition() -> None:
    shiny, gold, many = Fact(("shiny",)), Has("colours", ("gold",)), AtLeast("strikes", 1)
    assert list(direct(AllOf((Not(AnyOf((shiny, gold))), many)))) == [shiny, gold, many]
    assert list(direct(gold)) == [gold]


def _outcome(
    sanctions: tuple[tuple[str, int | None], ...] = (), actions: tuple[str, ...] = (), duties: tuple[str, ...] = ()
) -> policy.Outcome:
    given = tuple(policy.Sanction(code, days) for code, days in sanctions)
    return policy.Outcome(False, (), (), given, actions, duties, "", ())


# From the mildest to the most severe; each is stricter than every one before it.
CLIMBING = [
    _outcome(),
    _outcome(duties=("report_may",)),
    _outcome(duties=("report_shall",)),
    _outcome(actions=("warning_screen",)),
    _outcome(actions=("warning_screen",), duties=("report_may", "preserve")),
    _outcome(actions=("hide_item", "warning_screen")),
    _outcome(actions=("hide_item",), duties=("report_shall",)),
    _outcome((("read_only", 7),)),
    _outcome((("read_only", 7),), ("hide_item",)),
    _outcome((("read_only", 14),)),
    _outcome((("lock_until_removed", None),)),
    _outcome((("lock_until_removed", None), ("read_only", 7))),
    _outcome((("ban_person", None),)),
    _outcome((("suspend_permanently", None),)),
]


def test_the_stricter_of_two() -> None:
    for place, milder in enumerate(CLIMBING):
        for harder in CLIMBING[place + 1 :]:
            assert severity(milder) < severity(harder)
            assert policy.stricter(milder, harder) is harder
            assert policy.stricter(harder, milder) is harder


def test_of_two_equals_the_first_stays_and_protection_is_no_sanction() -> None:
    one, two = _outcome((("read_only", 7),)), _outcome((("read_only", 7),))
    assert policy.stricter(one, two) is one
    protected = _outcome((("suspend_protectively", None),))
    assert severity(protected) == severity(_outcome())
    assert severity(_outcome((("suspend_protectively", None), ("read_only", 7)))) == severity(one)
