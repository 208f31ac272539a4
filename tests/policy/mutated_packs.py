"""Faulty variants of a class file, one fault each. For `mutation`.

A fault is put into the tree that the loader reads, so that it is met where a slip of the pen would be met.
What is varied: where rules lead, rules and clauses left out, conditions (opposite, a part left out, `any` for
`all`, an answer left out), duties to report, the milder path, what exceptions clear, outcomes, additions,
clauses' order, incident types and marks, and which questions decide what.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from safehold.policy.pack import (
    ACTIONS,
    ANNOTATIONS,
    DUTIES,
    FILE_ANNOTATIONS,
    INCIDENT_TYPES,
    REPORTS,
    SANCTIONS,
)
from safehold.policy.reading import Map, Seq

Steps = tuple[str | int, ...]
_TABLES = ("questions", "clauses", "exceptions", "rules", "reports", "also")


@dataclass(frozen=True)
class Fault:
    """One fault: its name (what is changed where), and how it is put into a copy of the tree."""

    name: str
    put: Callable[[Map], None]

    def into(self, body: Map) -> Map:
        """A copy of the class file with the fault."""
        changed = copy.deepcopy(body)
        self.put(changed)
        return changed


def faults(body: Map) -> Iterator[Fault]:
    """Every fault of the kinds named above, for one class file."""
    yield from _dropped(body)
    yield from _led_elsewhere(body)
    for at, path in _all_conditions(body):
        yield from _condition(at, path, _get(body, path))
    for index, row in enumerate(body.get("clauses", ())):
        yield from _clause(("clauses", index), row)
    yield from _order(body)
    for index, row in enumerate(body.get("exceptions", ())):
        yield from _cleared(body, ("exceptions", index), row)
    for index, row in enumerate(body["outcomes"]):
        yield from _outcome(body, ("outcomes", index), row)
    for index, row in enumerate(body.get("also", ())):
        yield from _lists(f"also {index + 1}", ("also", index), row, _ADDED)
    for index, row in enumerate(body["questions"]):
        yield from _question(("questions", index), row)


def _dropped(body: Map) -> Iterator[Fault]:
    for section in ("rules", "reports", "clauses", "exceptions", "also", "questions"):
        for index, row in enumerate(body.get(section, ())):
            yield _fault(f"{section}: without {_name(row, index)}", (section,), lambda rows, i=index: _without(rows, i))


def _led_elsewhere(body: Map) -> Iterator[Fault]:
    outcomes = [row["id"] for row in body["outcomes"]]
    for section, targets in (("rules", outcomes), ("reports", ["shall", "may", "none"])):
        for index, row in enumerate(body[section]):
            for other in targets:
                if other != row["then"]:
                    yield _set(f"{row['id']} leads to {other}", (section, index), "then", other)


def _clause(path: Steps, row: Map) -> Iterator[Fault]:
    name = row["id"]
    report = row.get("report", "none")
    for other in REPORTS:
        if other != report and row.get("incident_type") and other != "none":
            yield _set(f"{name} report {other}", path, "report", other)
    yield _set(f"{name} lenient {not row.get('lenient', True)}", path, "lenient", not row.get("lenient", True))
    if row.get("incident_type"):
        other = next(code for code in INCIDENT_TYPES if code != row["incident_type"])
        yield _set(f"{name} incident type {other}", path, "incident_type", other)
    yield from _lists(name, path, row, {"annotations": ANNOTATIONS[:2], "marks": ("listed", "predatory")})


def _order(body: Map) -> Iterator[Fault]:
    rows = body.get("clauses", ())
    for index in range(len(rows) - 1):
        name = f"{rows[index]['id']} after {rows[index + 1]['id']}"
        yield _fault(name, ("clauses",), lambda both, i=index: both.insert(i, both.pop(i + 1)))


def _cleared(body: Map, path: Steps, row: Map) -> Iterator[Fault]:
    yield from _lists(row["id"], path, row, {"clears": [clause["id"] for clause in body["clauses"]]})
    yield _set(f"{row['id']} off", path, "off", True)


_ADDED: dict[str, Iterable[str]] = {
    "sanctions": (), "duties": (), "annotations": ANNOTATIONS[:1], "file_annotations": FILE_ANNOTATIONS[:2],
}  # fmt: skip
_PARTS: dict[str, Iterable[str]] = {
    "sanctions": SANCTIONS, "actions": ACTIONS, "duties": DUTIES[2:], "meanwhile": (*ACTIONS, *SANCTIONS),
}  # fmt: skip


def _outcome(body: Map, path: Steps, row: Map) -> Iterator[Fault]:
    name = row["id"]
    choices: dict[str, Iterable[Any]] = {
        "result": ("violation", "no_violation", "undecided"),
        "strike": (False, True),
        "filed_as": ("", "suspect", "victim"),
        "second_person": ("third_violation", "cannot_tell"),
        "if_refused": [one["id"] for one in body["outcomes"]] if "if_refused" in row else (),
    }
    for key, values in choices.items():
        for value in values:
            if value != row.get(key, False if key == "strike" else ""):
                yield _set(f"{name} {key} {value or 'none'}", path, key, value)
    yield from _lists(name, path, row, _PARTS)
    for index, entry in enumerate(row.get("sanctions", ())):
        if isinstance(entry, Map):
            code, days = next(iter(entry.items()))
            yield _set(f"{name} {code} for {days + 1} days", (*path, "sanctions", index), code, days + 1)
    for key in ("second_person", "if_refused"):
        if key in row:
            yield _fault(f"{name} without {key}", path, lambda one, k=key: one.pop(k))


def _question(path: Steps, row: Map) -> Iterator[Fault]:
    if "use" in row:
        return
    name = row["id"]
    for needs in ("mandatory", "optional"):
        if needs != row.get("needs", "mandatory"):
            yield _set(f"{name} {needs}", path, "needs", needs)
    for index, word in enumerate(row.get("alone", ())):
        yield _fault(f"{name}: {word} not alone", (*path, "alone"), lambda words, i=index: _without(words, i))
    for index, word in enumerate(row.get("answers", ())):
        yield _fault(f"{name} without answer {word}", (*path, "answers"), lambda words, i=index: _without(words, i))


def _lists(name: str, path: Steps, row: Map, possible: dict[str, Iterable[str]]) -> Iterator[Fault]:
    """One entry less, or one more, in each list of codes."""
    for key, codes in possible.items():
        written = row.get(key, ())
        there = [written] if isinstance(written, str) else [next(iter(e)) if isinstance(e, Map) else e for e in written]
        for index, code in enumerate(there):
            yield _fault(f"{name} without {key} {code}", path, lambda one, k=key, i=index: _less(one, k, i))
        for code in codes:
            if code not in there:
                yield _fault(f"{name} with {key} {code}", path, lambda one, k=key, c=code: _more(one, k, c))


def _less(row: Map, key: str, index: int) -> None:
    _without(row[key], index)


def _more(row: Map, key: str, code: str) -> None:
    row.setdefault(key, Seq(row.file, row.line))
    row.lines.setdefault(key, row.line)
    row[key].append(code)
    row[key].lines.append(row.line)


# --- conditions ------------------------------------------------------------------------------------


def _all_conditions(body: Map) -> Iterator[tuple[str, Steps]]:
    """Where each condition stands, with the name of what it belongs to."""
    for name in body.get("facts", ()):
        yield f"fact {name}", ("facts", name)
    for section in _TABLES:
        for index, row in enumerate(body.get(section, ())):
            if "when" in row:
                yield f"{_name(row, index)}", (section, index, "when")


def _condition(at: str, path: Steps, value: Any, depth: str = "") -> Iterator[Fault]:
    """The faults of one condition and of what is inside it."""
    here = f"{at}{depth}"
    yield _replaced(f"{here}: the opposite", path, lambda old: _map(old, {"not": old}))
    if not isinstance(value, Map):
        return
    for word, inner in value.items():
        if len(value) > 1:
            yield _fault(f"{here}: without {word}", path, lambda old, w=word: old.pop(w))
            yield _replaced(f"{here}: {word} the opposite", path, lambda old, w=word: _turned(old, w))
        if word in ("any", "all"):
            yield from _several(here, path, word, inner)
        elif word == "not":
            yield _replaced(f"{here}: without `not`", path, _unnegated)
            yield from _condition(at, (*path, "not"), inner, f"{depth}.not")
        elif word == "history":
            for counter, number in inner.items():
                yield _set(f"{here}: {counter} {number + 1}", (*path, "history"), counter, number + 1)
        elif isinstance(inner, Seq) and len(inner) > 1:
            for index, answer in enumerate(inner):
                yield _fault(f"{here}: {word} without {answer}", (*path, word), lambda old, i=index: _without(old, i))


def _several(here: str, path: Steps, word: str, parts: Seq) -> Iterator[Fault]:
    other = "all" if word == "any" else "any"
    if len(parts) > 1:
        yield _replaced(f"{here}: {other} for {word}", path, lambda old: _renamed(old, word, other))
    for index, part in enumerate(parts):
        if len(parts) > 1:
            yield _fault(
                f"{here}.{word}: without part {index + 1}", (*path, word), lambda old, i=index: _without(old, i)
            )
        yield from _condition(here, (*path, word, index), part, f".{word} {index + 1}")


def _turned(old: Map, word: str) -> Map:
    rest = {key: value for key, value in old.items() if key != word}
    return _map(old, {"all": _seq(old, [_map(old, rest), _map(old, {"not": _map(old, {word: old[word]})})])})


def _unnegated(old: Map) -> Any:
    rest = {key: value for key, value in old.items() if key != "not"}
    return _map(old, {"all": _seq(old, [_map(old, rest), old["not"]])}) if rest else old["not"]


def _renamed(old: Map, word: str, other: str) -> Map:
    if other in old:
        return _map(old, {"all": _seq(old, [old[other], *old[word]])})
    return _map(old, {other if key == word else key: value for key, value in old.items()})


# --- the tree --------------------------------------------------------------------------------------


def _name(row: Map, index: int) -> str:
    return str(row.get("id") or row.get("use") or f"also {index + 1}")


def _get(tree: Any, path: Steps) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _fault(name: str, path: Steps, change: Callable[[Any], Any]) -> Fault:
    return Fault(name, lambda body: change(_get(body, path)) and None)


def _replaced(name: str, path: Steps, change: Callable[[Any], Any]) -> Fault:
    def put(body: Map) -> None:
        holder, key = _get(body, path[:-1]), path[-1]
        holder[key] = change(holder[key])

    return Fault(name, put)


def _set(name: str, path: Steps, key: str, value: Any) -> Fault:
    def change(row: Map) -> None:
        row[key] = value
        row.lines.setdefault(key, row.line)

    return _fault(name, path, change)


def _without(rows: Seq, index: int) -> None:
    del rows[index]
    if index < len(rows.lines):
        del rows.lines[index]


def _map(near: Any, values: dict[str, Any]) -> Map:
    made = Map(getattr(near, "file", ""), getattr(near, "line", 1))
    made.update(values)
    made.lines = dict.fromkeys(values, made.line)
    return made


def _seq(near: Map, values: list[Any]) -> Seq:
    made = Seq(near.file, near.line)
    made.extend(values)
    made.lines = [near.line] * len(values)
    return made
