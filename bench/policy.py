"""The policy: one decision from a complete set of answers, and the proof of both packs. No process is started.

The answer sets are the named ones that the tests hold (tests/policy/decisions): every clause, exception, outcome,
role and ground of both versions. Beside a decision, in the same run, the answers alone are read from JSON.
"""

import json
import time
from collections.abc import Callable
from random import Random

from bench.figures import Result, Row
from safehold import policy
from tests.policy.answer_sets import VERSIONS, Named, named

DECIDE, READ, CHECK = "decide, both versions", "json.loads of the answers", "check, both versions"
WARM = 1  # round of all answer sets, before counting
CHECKS = 3  # at most: a check takes seconds


def run(runs: int) -> list[Result]:
    """Decisions: every answer set once for each twenty runs. Checks: `runs`, at most CHECKS."""
    return [_decisions(max(1, runs // 20)), _checks(min(runs, CHECKS))]


def _decisions(rounds: int) -> Result:
    packs = {version: policy.load("child-safety", version) for version in VERSIONS}
    sets = [(packs[version], one) for version in VERSIONS for one in named(version) if "impossible" not in one.expect]
    written = {id(one): json.dumps(one.answers) for _, one in sets}
    times: dict[str, list[float]] = {name: [] for name in (DECIDE, *VERSIONS, READ)}
    shuffled = Random(17)  # noqa: S311 - no secret
    for number in range(WARM + rounds):
        shuffled.shuffle(sets)
        for pack, one in sets:
            decided = _timed(lambda p=pack, o=one: _decide(p, o))  # type: ignore[misc]
            read = _timed(lambda o=one: json.loads(written[id(o)]))  # type: ignore[misc]
            if number >= WARM:
                times[DECIDE].append(decided)
                times[pack.version].append(decided)
                times[READ].append(read)
    rows = [Row(name, times[name], against="" if name == READ else READ, part=name in VERSIONS) for name in times]
    notes = [f"{len(sets)} answer sets, each with its reasons, {rounds} times in an order that changes."]
    return Result("policy", "Answers complete to decision with reasons", rows, notes, aim=0.0002)


def _decide(pack: policy.Pack, one: Named) -> None:
    policy.decide(pack, one.class_id, one.answers, one.history)


def _checks(runs: int) -> Result:
    packs = [policy.load("child-safety", version) for version in VERSIONS]
    times: dict[str, list[float]] = {CHECK: [], **{version: [] for version in VERSIONS}}
    for _ in range(runs):
        for pack in packs:
            times[pack.version].append(_timed(lambda p=pack: _proven(p)))  # type: ignore[misc]
        times[CHECK].append(sum(times[pack.version][-1] for pack in packs))
    rows = [Row(name, times[name], part=name != CHECK) for name in times]
    sizes = [sum(sum(counts.values()) for counts in policy.totals(pack).values()) for pack in packs]
    notes = [f"Proven over {' and '.join(f'{size:,}' for size in sizes)} sets of answers and histories."]
    return Result("policy-check", "Every proof of both packs", rows, notes, aim=20.0)


def _proven(pack: policy.Pack) -> None:
    problems = policy.check(pack)
    if problems:
        raise RuntimeError(f"{pack.version} is not sound, so its figure means nothing: {problems[0]}")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
