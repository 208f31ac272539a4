"""Which version of a policy judges conduct of a given day (readings A01, A02).

Others may call `versions` and `version_on`.
"""

from datetime import date

from safehold.policy.loader import PACKS, load


def versions(policy: str) -> list[str]:
    """Every version that comes with Safehold, the earliest in force first."""
    found = [load(policy, folder.parent.name) for folder in (PACKS / policy).glob("*/pack.yaml")]
    return [pack.version for pack in sorted(found, key=lambda pack: pack.effective)]


def version_on(policy: str, day: date) -> str:
    """The version in force on `day`; before the first of them, the first."""
    known = versions(policy)
    in_force = [name for name in known if load(policy, name).effective <= day.isoformat()]
    return in_force[-1] if in_force else known[0]
