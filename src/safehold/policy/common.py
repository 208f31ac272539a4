"""What answer sets have in common, read off a decision diagram. For `diff` and `grid` only.

A function within `EveryAnswerSet.complete` stands for a set of complete answer sets; here it is put into
answers again: which occur in all of them, which can occur at all, and the shortest of the sets.
"""

from msgspec import Struct

from safehold.policy.bdd import ALWAYS, NEVER, EveryAnswerSet
from safehold.policy.pack import Question

Example = dict[str, str | list[str]]


class Facts(Struct, frozen=True):
    """What is common to some answer sets.

    `always`: answers in every set. `only`: for a question, the answers that occur where not every one
    does (a question that is settled by `always` is left out, so is one that none of the sets answers).
    `history`: (counter, number, True for at least and False for fewer than).
    """

    always: tuple[tuple[str, str], ...]
    only: tuple[tuple[str, tuple[str, ...]], ...]
    history: tuple[tuple[str, int, bool], ...]


def facts(sets: EveryAnswerSet, function: int, space: int) -> Facts:
    """What is common to the sets of `function`, apart from what holds in the whole `space`."""
    seen, usual = _settings(sets, function), _settings(sets, space)
    always: list[tuple[str, str]] = []
    only: list[tuple[str, tuple[str, ...]]] = []
    for question in sets.questions:
        numbers = {answer: sets.answer_numbers[question.id, answer] for answer in question.answer_ids}
        possible = tuple(answer for answer, number in numbers.items() if seen[number][1])
        known = tuple(answer for answer, number in numbers.items() if usual[number][1])
        forced = [a for a in possible if not seen[numbers[a]][0] and usual[numbers[a]][0]]
        always += [(question.id, answer) for answer in forced]
        if possible and len(possible) < len(known) and not _settled(question, forced, possible):
            only.append((question.id, possible))
    history = tuple(
        (counter, limit, seen[number][1])
        for (counter, limit), number in sets.limit_numbers.items()
        if seen[number][0] != seen[number][1] and usual[number] == (True, True)
    )
    return Facts(tuple(always), tuple(only), history)


def _settled(question: Question, forced: list[str], possible: tuple[str, ...]) -> bool:
    """Whether the answers that always occur say everything about the question."""
    return bool(forced) and (question.kind == "one" or set(forced) == set(possible))


def shortest(sets: EveryAnswerSet, function: int) -> tuple[Example, dict[str, int]]:
    """One set of `function` with as few answers as possible, as `decide` takes it, and the history it needs.

    Mandatory texts are not part of it: what they say decides nothing. The function is not NEVER.
    """
    given = _fewest(sets, function)
    answers: Example = {}
    for question in sets.questions:
        words = [word for word in question.answer_ids if sets.answer_numbers[question.id, word] in given]
        if words:
            answers[question.id] = words[0] if question.kind == "one" else words
    history: dict[str, int] = {}
    for (counter, limit), number in sets.limit_numbers.items():
        if number in given:
            history[counter] = max(limit, history.get(counter, 0))
    return answers, history


def _settings(sets: EveryAnswerSet, function: int) -> list[tuple[bool, bool]]:
    """For each variable, whether it can be false and whether it can be true where the function holds.

    One look at each node: a branch that does not lead to NEVER leads somewhere, and a variable that it
    passes over may be either.
    """
    size = sets.size
    may: tuple[list[bool], list[bool]] = ([False] * size, [False] * size)
    free = [0] * (size + 1)  # +1 where a run of passed variables begins, -1 where it ends

    def passed(first: int, node: int) -> None:
        end = size if node <= ALWAYS else sets.nodes[node][0]
        if first < end:
            free[first] += 1
            free[end] -= 1

    if function != NEVER:
        passed(0, function)
    seen, left = {NEVER, ALWAYS, function}, [function] if function > ALWAYS else []
    while left:
        variable, *branches = sets.nodes[left.pop()]
        for branch, found in zip(branches, may, strict=True):
            if branch != NEVER:
                found[variable] = True
                passed(variable + 1, branch)
            if branch not in seen:
                seen.add(branch)
                left.append(branch)
    settings: list[tuple[bool, bool]] = []
    running = 0
    for variable in range(size):
        running += free[variable]
        settings.append((may[0][variable] or running > 0, may[1][variable] or running > 0))
    return settings


def _fewest(sets: EveryAnswerSet, function: int) -> set[int]:
    """The variables that are true in a setting with as few true ones as possible."""
    cost: dict[int, int] = {NEVER: 1 << 30, ALWAYS: 0}

    def walk(node: int) -> int:
        if node not in cost:
            _, when_false, when_true = sets.nodes[node]
            cost[node] = min(walk(when_false), walk(when_true) + 1)
        return cost[node]

    walk(function)
    given: set[int] = set()
    while function > ALWAYS:
        variable, when_false, when_true = sets.nodes[function]
        if cost[when_false] <= cost[when_true] + 1:
            function = when_false
        else:
            given.add(variable)
            function = when_true
    return given
