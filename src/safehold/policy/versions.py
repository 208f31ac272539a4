"""Which policy and which of its versions judges conduct of a given day (readings A01, A02).

Others may call `policies`, `versions`, `version_on`, `policy_of`, `classes`, `first_in_queue`, `faults`.
"""

from datetime import date

from safehold.policy.check import check
from safehold.policy.loader import base_of, installed, load
from safehold.policy.pack import Pack
from safehold.policy.reading import PolicyError

FIRST = "child-safety"  # the policy that comes with Safehold


def policies() -> list[str]:
    """Every installed policy: the one that comes with Safehold, then the operator's own."""
    return sorted({name for name, _ in installed()}, key=lambda name: (name != FIRST, name))


def versions(policy: str) -> list[str]:
    """Every installed version of a policy, the earliest in force first. Raises PolicyError where there is none."""
    found = [load(policy, version) for name, version in installed() if name == policy]
    if not found:
        raise PolicyError(policy, 1, "There is no such policy.", f"Installed are: {', '.join(policies())}.")
    return [pack.version for pack in sorted(found, key=lambda pack: (pack.effective, pack.version))]


def version_on(policy: str, day: date, start: date | None = None) -> str:
    """The version in force on `day`; before the first of them, the first.

    `start` is the day from which the operator applies the policy: nothing is judged by a version that
    was no longer in force then.
    """
    on = max(day, start) if start else day
    known = versions(policy)
    in_force = [name for name in known if load(policy, name).effective <= on.isoformat()]
    return in_force[-1] if in_force else known[0]


def policy_of(class_id: str) -> str:
    """The policy that a class belongs to. Raises PolicyError where none or more than one has it."""
    having = [name for name in policies() if any(class_id in load(name, one).classes for one in versions(name))]
    if len(having) != 1:
        what = f"The class {class_id!r} is in {' and in '.join(having) or 'no installed policy'}."
        raise PolicyError("classes", 1, what, "A class id belongs to one policy.")
    return having[0]


def classes() -> list[str]:
    """The id of every class that some installed version has."""
    return list(dict.fromkeys(one for name in policies() for at in versions(name) for one in load(name, at).classes))


def first_in_queue(class_id: str) -> bool:
    """Whether reports under the class stand first (S2): its `priority` is `top`, in whatever version."""
    having = [load(name, one).classes for name in policies() for one in versions(name)]
    return any(class_id in classes and classes[class_id].priority == "top" for classes in having)


def faults(policy: str | None = None, version: str | None = None) -> dict[tuple[str, str], list[str]]:
    """What is wrong with each installed version (of one policy, or of one name), as sentences; nothing for a sound one.

    Raises nothing.
    """
    chosen = [(name, one) for name, one in installed() if policy in (None, name) and version in (None, one)]
    return {(name, one): _faults(name, one) for name, one in chosen}


def _faults(name: str, version: str) -> list[str]:
    try:
        pack = load(name, version)
        told = [str(problem) for problem in check(pack, base_of(pack))]
        return told + [str(problem) for problem in _shared_classes(pack)]
    except PolicyError as error:
        return [str(error)]


def _shared_classes(pack: Pack) -> list[PolicyError]:
    told = []
    for class_id in pack.classes:
        try:
            policy_of(class_id)
        except PolicyError as error:
            told.append(error)
    return told
