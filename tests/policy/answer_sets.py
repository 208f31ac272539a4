"""Reads the named answer sets of decisions/<version>.yaml, and compares a pack with them.

Tests, mutation testing and `safehold bench policy` use `named` and `differences`. The format stands at the
head of the files.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from safehold import policy

VERSIONS = ("2020-10", "2024-05")
FOLDER = Path(__file__).with_name("decisions")
# Optional or for the record only (S10, S41); every other answer of a row is asked for when it is missing.
MAY_BE_LEFT_OUT = {"claimed_context", "altercation.context", "altercation.graphic"}
KEYS = {"id", "class", "answers", "like", "with", "without", "each", "history", "expect", "rows"}


class _Words(yaml.SafeLoader):
    """`yes` and `no` are answers, not switches."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Named:
    """One answer set with the outcome agreed for it."""

    id: str
    class_id: str
    answers: dict[str, Any]
    history: policy.History
    expect: dict[str, Any]
    rows: tuple[str, ...] = field(default=())


@functools.cache
def named(version: str) -> tuple[Named, ...]:
    """Every answer set of a version, in the order of its file; one for each answer of an `each`."""
    written = yaml.load((FOLDER / f"{version}.yaml").read_text(encoding="utf-8"), _Words)  # noqa: S506
    by_id = {row["id"]: row for row in written}
    assert len(by_id) == len(written), "two rows have the same id"
    return tuple(one for row in written for one in _unfolded(row, by_id))


def answer_set(version: str, name: str) -> Named:
    """The one with this id."""
    return next(one for one in named(version) if one.id == name)


def differences(pack: policy.Pack, one: Named) -> list[str]:
    """What the pack makes of the answer set otherwise than agreed, as lines; none where all is as agreed."""
    if "impossible" in one.expect:
        return [] if _impossible(pack, one) else ["these answers can be given together"]
    try:
        outcome = policy.decide(pack, one.class_id, one.answers, one.history)
        found = _other_than(outcome, {name: value for name, value in one.expect.items() if name != "refused"})
        if outcome.unused:
            found.append(f"these answers play no part: {', '.join(outcome.unused)}")
        if "refused" in one.expect:
            after = policy.if_refused(pack, one.class_id, one.answers, one.history)
            found += [f"refused: {line}" for line in _after_refusal(after, one.expect["refused"])]
    except (ValueError, KeyError, policy.PolicyError) as error:
        return [f"{type(error).__name__}: {error}"]
    return found


def not_missed(pack: policy.Pack, one: Named) -> list[str]:
    """Answers of the set that the pack does not ask for when they are left out, although it must."""
    if "impossible" in one.expect:
        return []
    needed = [name for name in one.answers if not {name, f"{one.class_id}.{name}"} & MAY_BE_LEFT_OUT]
    return [name for name in needed if name not in _asked_again(pack, one, name)]


def _impossible(pack: policy.Pack, one: Named) -> bool:
    try:
        policy.decide(pack, one.class_id, one.answers, one.history)
    except policy.BadAnswer:
        return True
    except (ValueError, policy.PolicyError):
        pass
    return False


def _asked_again(pack: policy.Pack, one: Named, name: str) -> tuple[str, ...]:
    try:
        policy.decide(pack, one.class_id, {q: a for q, a in one.answers.items() if q != name}, one.history)
    except policy.Incomplete as error:
        return error.questions
    except (ValueError, policy.PolicyError):
        pass  # a faulty pack may do anything but ask
    return ()


def _after_refusal(after: policy.Outcome | None, agreed: Any) -> list[str]:
    """`agreed` is an outcome's id, null, or a mapping of what must follow."""
    if isinstance(agreed, dict):
        return _other_than(after, agreed) if after else ["back to review"]
    seen = after and after.outcome_id
    return [] if seen == agreed else [repr(seen)]


def _other_than(outcome: policy.Outcome, wanted: dict[str, Any]) -> list[str]:
    return [f"{name}: {seen!r}" for name, value in wanted.items() if (seen := _seen(outcome, name)) != value]


def _unfolded(row: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> Iterator[Named]:
    assert set(row) <= KEYS, f"{row['id']}: unknown key {sorted(set(row) - KEYS)}"
    each: dict[str, list[Any]] = row.get("each", {})
    for values in itertools.product(*each.values()):
        shown = ",".join(value if isinstance(value, str) else "+".join(value) for value in values)
        yield Named(
            id=f"{row['id']}[{shown}]" if each else row["id"],
            class_id=_class_of(row, by_id),
            answers={**_answers(row, by_id), **dict(zip(each, values, strict=True))},
            history=policy.History(**row.get("history", {})),
            expect=row["expect"],
            rows=tuple(row.get("rows", ())),
        )


def _answers(row: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "like" not in row:
        return dict(row["answers"])
    base = _answers(by_id[row["like"]], by_id)
    for name in row.get("without", ()):
        del base[name]
    return {**base, **row.get("with", {})}


def _class_of(row: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> str:
    return str(row["class"]) if "class" in row else _class_of(by_id[row["like"]], by_id)


def _seen(outcome: policy.Outcome, name: str) -> Any:
    if name == "outcome":
        return outcome.outcome_id
    if name == "sanctions":
        return [f"{s.code} {s.days}" if s.days else s.code for s in outcome.sanctions]
    value = getattr(outcome, name)
    return list(value) if isinstance(value, tuple) else value
