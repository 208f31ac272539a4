"""Proves over every possible set of answers that a version decides, and decides as the documents demand.

`check(pack)` returns the problems found, none for a sound pack; `totals` says how many answer sets that covers.
Proven for every class (see `proofs`):

- exactly one rule and one report rule holds (no gap, no overlap), and none is dead;
- every clause, exception, question and answer can occur, every outcome is used;
- every answer matters somewhere, unless its question is declared to be for the record only;
- a violation is found exactly where a clause stands;
- intent, claimed context and whatever else is barred never changes that (S9, S10, S11);
- an apparent victim is never suspended for good, banned, locked or filed as a suspect, nor is that the
  consequence of a second person's refusal;
- an earlier strike always ends in suspension where the class says so (S77), and repetition climbs the ladder;
- where the version changes another one, it is nowhere milder in a class that allows stricter changes only (S1).

And for the pack: the languages that it calls complete are, and every row that the version has to serve is served.
"""

from collections.abc import Iterable

from safehold.policy.languages import missing_texts, needed_texts
from safehold.policy.pack import Class, Pack, Place
from safehold.policy.proofs import Problem, Proof


def check(pack: Pack, base: Pack | None = None) -> list[Problem]:
    """Every fault of the pack; an empty list says that all of the above is proven.

    `base` is the version that the pack extends: then its strictness is proven too.
    """
    problems = [problem for cls in pack.classes.values() for problem in Proof(cls).all()]
    return [*problems, *_languages(pack), *_rows(pack), *_stricter(pack, base)]


def served(cls: Class) -> Iterable[tuple[str, str]]:
    """Each row that a part of the class serves, with the part's id."""
    yield from ((row, cls.id) for row in cls.serves)
    yield from ((row, part.id) for part in cls.questions for row in part.serves)
    yield from ((row, part.id) for part in cls.clauses.values() for row in part.serves)
    yield from ((row, part.id) for part in cls.exceptions.values() for row in part.serves)
    yield from ((row, part.id) for part in (*cls.rules, *cls.reports) for row in part.serves)


def totals(pack: Pack) -> dict[str, dict[str, int]]:
    """For each class, how many complete answer sets lead to each outcome.

    Record-only answers and the wording of texts are not told apart; each threshold of a counter in the
    history counts as one more answer.
    """
    found: dict[str, dict[str, int]] = {}
    for name, cls in pack.classes.items():
        proof = Proof(cls)
        space = proof.all_sets.complete(proof.meaning)
        counts = dict.fromkeys((rule.then for rule in cls.rules), 0)
        for rule in cls.rules:
            counts[rule.then] += proof.all_sets.counted(proof.all_sets.both(space, proof.meaning.of(rule.when)))
        found[name] = counts
    return found


def _languages(pack: Pack) -> Iterable[Problem]:
    needed = sorted(needed_texts(pack.classes.values(), pack.documents))
    for name in pack.complete_in:
        if name not in pack.languages:
            yield Problem(
                name, "languages", "The language is missing.", hint=f"Add {name}.yaml and name it in pack.yaml."
            )
            continue
        for text_id in missing_texts(pack.languages[name], needed):
            yield Problem(
                name, text_id, "The text is missing.", at=Place(f"{pack.policy}/{pack.version}/{name}.yaml", 1)
            )


def _rows(pack: Pack) -> Iterable[Problem]:
    done = {row for cls in pack.classes.values() for row, _ in served(cls)}
    for row in pack.rows:
        if row not in done:
            hint = "Name it under `serves` of the clause, exception, question or rule that does."
            yield Problem(pack.version, "rows", f"No part of the pack serves row {row}.", hint=hint)


def _stricter(pack: Pack, base: Pack | None) -> Iterable[Problem]:
    from safehold.policy.overlay import milder

    return milder(base, pack) if base is not None else ()
