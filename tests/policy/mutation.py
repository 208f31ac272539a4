"""Mutation testing: plants one fault after another, in the packs and in the code that decides, and counts how many
the tests notice. Run by `make slow` (test_mutation.py), or by hand:

    python -m tests.policy.mutation packs [2024-05/cse …]
    python -m tests.policy.mutation code [engine …]

A fault of a pack must be noticed by the loader, the checker or the named answer sets; the texts of the languages
are left out of it, so that nothing counts as noticed for want of words. A fault that no answer set and no history
could ever show (`told_apart` compares everything that a decision says) is no fault and is not counted.

A fault of the code must be noticed by the named answer sets or by the tests in TESTS, each in a process of its own.
Faults that change nothing anybody could see are listed in UNSEEN with the reason.

Printed is a summary line for each file, and every fault that nobody noticed. A JSON object follows on the last line.
"""

import importlib.abc
import importlib.util
import itertools
import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODULES = ("engine", "conditions", "override")
TESTS = (
    "test_reasons.py",
    "test_algebra.py",
    "test_override_rules.py",
    "test_decisions.py",
    "test_choices.py",
    "test_properties.py",
)
SECONDS = 120  # for one fault; a faulty loop may never end
_BY = {0: "nobody", 1: "named answer sets", 2: "tests", 3: "import"}

FAILING: set[str] = set()

# Faults of the code that change nothing anybody could see, by name, with the reason.
_ORDER = "only the order of the numbers counts, and it stays"
_CERTAIN = "what comes after a certainty cannot change it; stopping there only saves time"
UNSEEN: dict[str, str] = {
    "conditions: AnyOf.within: break -> pass": _CERTAIN,
    "conditions: AllOf.within: break -> pass": _CERTAIN,
    "conditions: Meaning.any_of: break -> pass": _CERTAIN,
    "conditions: Meaning.anything_stands: '' -> 'x'": "the key of a result that is kept; no mark is called so",
    "engine: severity: 2 -> 3": _ORDER,
    "engine: severity: 2 -> 3 (2)": _ORDER,
    "engine: severity: 1 -> 2 (3)": _ORDER,
    "engine: _Reasoning._because: for word in step.why if '=' in word -> for word in step.why": (
        "only words of the form question=answer are looked up in the set afterwards"
    ),
}


class Tally:
    """Who noticed how many faults of one file, and which nobody did."""

    def __init__(self, name: str) -> None:
        self.name, self.by = name, Counter[str]()
        self.missed: list[str] = []
        self.unseen: list[str] = []

    def add(self, fault: str, by: str) -> None:
        """Count a fault; `by` is who noticed it, "nobody", or "unseen" where it is none."""
        if by == "unseen":
            self.unseen.append(fault)
            return
        self.by[by] += 1
        if by == "nobody":
            self.missed.append(fault)

    @property
    def faults(self) -> int:
        """All that could be seen."""
        return self.by.total()

    @property
    def noticed(self) -> int:
        """All that were."""
        return self.faults - self.by["nobody"]

    def __str__(self) -> str:
        who = ", ".join(f"{by} {number}" for by, number in self.by.most_common())
        share = 100 * self.noticed / self.faults
        lines = [
            f"{self.name}: {self.noticed} of {self.faults} noticed ({share:.1f} %): {who}; no fault: {len(self.unseen)}"
        ]
        return "\n".join([*lines, *(f"  nobody noticed: {one}" for one in self.missed)])


# --- packs -----------------------------------------------------------------------------------------


def packs(wanted: Sequence[str]) -> list[Tally]:
    """Every class of both versions, or those named as `version/class`."""
    from safehold import policy
    from tests.policy.answer_sets import VERSIONS

    names = [f"{version}/{name}" for version in VERSIONS for name in policy.load("child-safety", version).classes]
    return _apart([name for name in names if not wanted or name in wanted], _of_class)


def _of_class(name: str, share: int, shares: int) -> list[tuple[str, str]]:
    """One share of the faults of a class, each with who noticed it."""
    from safehold import policy
    from safehold.policy.loader import PACKS
    from safehold.policy.reading import Seq, read
    from tests.policy import mutated_packs
    from tests.policy.answer_sets import differences, named

    version, class_id = name.split("/")
    pack = policy.load("child-safety", version)
    folder = PACKS / "child-safety" / version
    shared = read(folder / "pack.yaml", "pack.yaml").get("shared", Seq("pack.yaml", 1))
    body = read(folder / f"{class_id}.yaml", f"{class_id}.yaml")
    sets = [one for one in named(version) if one.class_id == class_id and not differences(pack, one)]
    faults = list(mutated_packs.faults(body))[share::shares]
    return [(fault.name, _noticed(pack, class_id, fault.into(body), shared, sets)) for fault in faults]


def _noticed(pack: Any, class_id: str, body: Any, shared: Any, sets: Sequence[Any]) -> str:
    from msgspec import structs

    from safehold.policy import PolicyError
    from safehold.policy.proofs import Proof
    from safehold.policy.rulebook import parse_class
    from tests.policy.answer_sets import differences, not_missed
    from tests.policy.apart import told_apart

    try:
        cls = parse_class(class_id, body, shared, frozenset(pack.sources))
    except PolicyError:
        return "loader"
    changed = structs.replace(pack, classes={**pack.classes, class_id: cls})
    if any(differences(changed, one) for one in sets) or any(not_missed(changed, one) for one in sets):
        return "named answer sets"
    if not told_apart(pack.classes[class_id], cls):
        return "unseen"
    return "checker" if Proof(cls).all() else "nobody"


# --- code ------------------------------------------------------------------------------------------


def code(wanted: Sequence[str]) -> list[Tally]:
    """Every module of MODULES, or those named. Nothing of the policy may have been imported before."""
    if "safehold.policy" in sys.modules:
        raise RuntimeError("The policy is imported already: run this as a program of its own.")
    import hypothesis  # noqa: F401 - imported once here, and not again for every fault
    import msgspec  # noqa: F401
    import pytest  # noqa: F401
    import yaml  # noqa: F401

    FAILING.update(_result(_started(_failing)))
    if FAILING:
        print(f"fail without any fault, so they notice nothing: {', '.join(sorted(FAILING))}")
    if _in_a_child(lambda: _suite("", "")) != 0:
        raise RuntimeError("The tests fail without any fault; run them first.")
    tallies = _apart([name for name in MODULES if not wanted or name in wanted], _of_module)
    if _in_a_child(lambda: _suite("", "")) != 0:
        raise RuntimeError("The tests fail by now without any fault: something changed during the run.")
    return tallies


def _of_module(name: str, share: int, shares: int) -> list[tuple[str, str]]:
    from tests.policy import mutated_code

    path = ROOT / "src" / "safehold" / "policy" / f"{name}.py"
    found = []
    for fault in list(mutated_code.faults(path.read_text(encoding="utf-8")))[share::shares]:
        by = "unseen" if f"{name}: {fault.name}" in UNSEEN else _by(name, fault.source)
        found.append((fault.name, by))
    return found


def _by(module: str, source: str) -> str:
    status = _in_a_child(lambda: _suite(f"safehold.policy.{module}", source))
    return _BY.get(status, "time")


def _suite(module: str, source: str) -> int:
    """In a child: put the faulty module in place and run the tests. 0 where nothing is noticed."""
    try:
        if module:
            sys.meta_path.insert(0, _Planted(module, source))
        from safehold import policy
        from tests.policy.answer_sets import VERSIONS, differences, named

        loaded = {version: policy.load("child-safety", version) for version in VERSIONS}
    except Exception:  # noqa: BLE001 - whatever a faulty module does when it is imported
        return 3
    agreed = [(loaded[version], one) for version in VERSIONS for one in named(version) if one.id not in FAILING]
    if any(_tried(lambda p=pack, o=one: bool(differences(p, o))) for pack, one in agreed):  # type: ignore[misc]
        return 1
    return 2 if _pytest() else 0


def _failing() -> list[str]:
    """The named answer sets that the code does not meet as it is."""
    from safehold import policy
    from tests.policy.answer_sets import VERSIONS, differences, named

    loaded = {version: policy.load("child-safety", version) for version in VERSIONS}
    return [one.id for version in VERSIONS for one in named(version) if differences(loaded[version], one)]


def _tried(differs: Callable[[], bool]) -> bool:
    try:
        return differs()
    except Exception:  # noqa: BLE001 - a fault may do anything
        return True


def _pytest() -> int:
    import pytest

    files = [str(ROOT / "tests" / "policy" / name) for name in TESTS]
    plain = ["-c", os.devnull, "--rootdir", str(ROOT), "-p", "tests.support.environment"]
    off = ["-p", "no:django", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:schemathesis"]
    same = ["--hypothesis-seed", "0"]  # the same examples for every fault and for none
    return int(pytest.main([*plain, *off, *same, "-q", "-x", "-k", "not test_row", *files]))


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a faulty module in place of the real one."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, name: str, path: object, target: object = None) -> Any:  # noqa: ARG002 - importlib's call
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def create_module(self, spec: object) -> None:  # noqa: ARG002 - importlib's call
        return None

    def exec_module(self, module: Any) -> None:
        exec(compile(self.source, f"<faulty {self.name}>", "exec"), module.__dict__)  # noqa: S102 - our own text


# --- processes -------------------------------------------------------------------------------------


def _in_a_child(work: Callable[[], int]) -> int:
    """What `work` returns in a process of its own; its output is dropped. Over SECONDS it is ended: -1."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os._exit(work())
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else -1


def _apart(names: Iterable[str], of: Callable[[str, int, int], list[tuple[str, str]]]) -> list[Tally]:
    """The faults of each file, shared out to as many processes as there are cores."""
    shares = max(1, os.cpu_count() or 1)
    tallies = []
    for name in names:
        tally = Tally(name)
        started = [_started(lambda s=share, n=name: of(n, s, shares)) for share in range(shares)]  # type: ignore[misc]
        for fault, by in itertools.chain(*map(_result, started)):
            tally.add(fault, by)
        tallies.append(tally)
        print(tally, flush=True)
    return tallies


def _started(work: Callable[[], list[Any]]) -> int:
    """Runs `work` in a process of its own; gives the end from which its result can be read."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            with os.fdopen(writer, "w", encoding="utf-8") as text:
                json.dump(work(), text)
        except BaseException:  # noqa: BLE001 - the parent must not go on twice
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    return reader


def _result(reader: int) -> list[Any]:
    with os.fdopen(reader, encoding="utf-8") as text:
        written = text.read()
    _, status = os.wait()
    if status or not written:
        raise RuntimeError("A process of the run failed; what it said stands above.")
    return list(json.loads(written))


def main(arguments: Sequence[str]) -> int:
    """See above. Returns 0; who judges the figures is the test."""
    kinds = {"packs": packs, "code": code}
    if not arguments or arguments[0] not in kinds:
        print("usage: python -m tests.policy.mutation packs|code [NAME …]", file=sys.stderr)
        return 2
    tallies = kinds[arguments[0]](arguments[1:])
    faults, noticed = sum(one.faults for one in tallies), sum(one.noticed for one in tallies)
    print(
        json.dumps(
            {"faults": faults, "noticed": noticed, "missed": [f"{t.name}: {m}" for t in tallies for m in t.missed]}
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
