"""Mutation testing of the packs and of the engine (see `mutation`): the tests notice at least 95 in 100 faults.

`make slow`. Which faults nobody noticed is printed; each is a row or a test that is missing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ENOUGH = 0.95


def _mutated(*arguments: str) -> tuple[str, dict[str, Any]]:
    """Run in a process of its own, which has not imported the policy yet."""
    command = [sys.executable, "-m", "tests.policy.mutation", *arguments]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *told, last = done.stdout.strip().splitlines()
    return "\n".join(told), json.loads(last)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["packs", "code"])
def test_the_suite_notices_faults(kind: str) -> None:
    told, figures = _mutated(kind)
    print(told)
    assert figures["faults"] > 400
    assert figures["noticed"] >= ENOUGH * figures["faults"], told


def test_every_fault_that_cannot_be_seen_is_still_there() -> None:
    """UNSEEN names faults of the code as it is now, each with a reason; they stay few."""
    from tests.policy import mutated_code
    from tests.policy.mutation import MODULES, UNSEEN

    if not UNSEEN:
        return
    source = ROOT / "src" / "safehold" / "policy"
    known = {
        f"{name}: {fault.name}"
        for name in {key.split(":", 1)[0] for key in UNSEEN}
        for fault in mutated_code.faults((source / f"{name}.py").read_text(encoding="utf-8"))
    }
    assert set(UNSEEN) <= known
    assert all(len(reason) > 10 for reason in UNSEEN.values())
    assert set(MODULES) >= {key.split(":", 1)[0] for key in UNSEEN}


def test_a_planted_fault_of_a_pack_is_noticed_and_an_unseen_one_is_told_apart() -> None:
    from msgspec import structs

    from safehold import policy
    from tests.policy.apart import told_apart

    cls = policy.load("child-safety", "2024-05").classes["altercation"]
    assert told_apart(cls, cls) == ""
    spec = cls.outcomes["al-remove"]
    harmless = structs.replace(cls, outcomes={**cls.outcomes, "al-remove": structs.replace(spec, filed_as="suspect")})
    assert told_apart(cls, harmless) == "", "nobody is named where nothing is reported"
    milder = structs.replace(cls, outcomes={**cls.outcomes, "al-remove": structs.replace(spec, strike=False)})
    assert told_apart(cls, milder).startswith("outcome: role=")


def test_faults_of_code_are_of_every_kind() -> None:
    from tests.policy.mutated_code import faults

    source = (
        "def f(a, b):\n    if a > 1 and b:\n        return min(a, 2)\n"
        "    c = [x for x in b if x]\n    return not c or 'word'\n"
    )
    assert [fault.name for fault in faults(source)] == [
        "f: def f -> returns at once",
        "f: if a > 1 and b -> if not (a > 1 and b)",
        "f: a > 1 and b -> a > 1 or b",
        "f: a > 1 and b -> b",
        "f: a > 1 and b -> a > 1",
        "f: a > 1 -> a >= 1",
        "f: a > 1 -> a <= 1",
        "f: 1 -> 2",
        "f: min -> max",
        "f: 2 -> 3",
        "f: c = [x for x in b if x] -> pass",
        "f: for x in b if x -> for x in b if not x",
        "f: for x in b if x -> for x in b",
        "f: not c or 'word' -> not c and 'word'",
        "f: not c or 'word' -> 'word'",
        "f: not c or 'word' -> not c",
        "f: not c -> c",
        "f: 'word' -> 'xword'",
    ]
