"""The public face of `staff`: rights by role, default deny.

`may(member, right)` answers for one right; `RIGHTS` is the whole table (design: section 4).
"""

import enum

from safehold.staff.models import Member, StaffRole


class Right(enum.StrEnum):
    """What a route can ask for. Every staff route names exactly one."""

    ASSESS = "assess"  # queue, lease, hide, answer, decide
    SEE_EVIDENCE = "see_evidence"  # of a case under one's own lease, or by grant
    SECOND = "second"  # second person, overrides
    APPEALS = "appeals"  # decide appeals one did not touch
    CUSTODY = "custody"  # holds, grants, hand-over, destruction, tasks to NCMEC
    POLICY = "policy"  # packs, list mappings, automation switches
    AUDIT = "audit"  # read the record and the chain
    ADMINISTER = "administer"  # staff accounts, hosts and their keys, settings
    TASKS = "tasks"  # see the tasks of one's own roles
    HOME = "home"  # the console's start page


_EVERYBODY = frozenset({Right.HOME, Right.TASKS})

RIGHTS: dict[str, frozenset[Right]] = {
    StaffRole.REVIEWER: _EVERYBODY | {Right.ASSESS, Right.SEE_EVIDENCE},
    StaffRole.SENIOR: _EVERYBODY | {Right.ASSESS, Right.SEE_EVIDENCE, Right.SECOND, Right.APPEALS},
    StaffRole.CUSTODIAN: _EVERYBODY | {Right.CUSTODY},
    StaffRole.POLICY_OWNER: _EVERYBODY | {Right.POLICY},
    StaffRole.AUDITOR: _EVERYBODY | {Right.AUDIT},
    StaffRole.ADMINISTRATOR: _EVERYBODY | {Right.ADMINISTER},
}

# Holding one of these roles takes the rights away, whatever other roles a member holds.
NEVER: dict[str, frozenset[Right]] = {
    StaffRole.ADMINISTRATOR: frozenset({Right.ASSESS, Right.SEE_EVIDENCE, Right.SECOND, Right.APPEALS, Right.CUSTODY}),
    StaffRole.AUDITOR: frozenset({Right.ASSESS, Right.SEE_EVIDENCE, Right.SECOND, Right.APPEALS, Right.CUSTODY}),
}


def rights_of(member: Member) -> frozenset[Right]:
    """Everything that the member may do: the sum of their roles less what a role forbids."""
    if not member.is_active:
        return frozenset()
    granted = frozenset[Right]().union(*(RIGHTS.get(role, frozenset()) for role in member.roles))
    return granted.difference(*(NEVER.get(role, frozenset()) for role in member.roles))


def may(member: Member, right: Right) -> bool:
    """Whether the member holds the right."""
    return right in rights_of(member)
