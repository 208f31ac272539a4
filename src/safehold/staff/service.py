"""The public face of `staff`: rights by role (default deny), and the care of members.

`may(member, right)` answers for one right; `RIGHTS` is the whole table (design: section 4).
`create_member`, `set_roles`, `deactivate`, `activate`, `reset_password`, `reset_second_factor` are an
administrator's acts, each recorded. `names_of` and `roles_with` are for showing.
"""

import enum
import re
import secrets
import uuid
from collections.abc import Iterable

from django.db import transaction

from safehold.audit import service as audit
from safehold.staff.models import Member, StaffRole


class Right(enum.StrEnum):
    """What a route can ask for. Every staff route names exactly one."""

    ASSESS = "assess"  # queue, lease, hide, answer, decide
    SEE_EVIDENCE = "see_evidence"  # of a case under one's own lease, or by grant
    SECOND = "second"  # second person
    OVERRIDE = "override"  # choose another outcome than the computed one
    APPEALS = "appeals"  # decide appeals one did not touch
    FILING = "filing"  # reports to NCMEC and authorities: what they say, filing by hand, the register
    CUSTODY = "custody"  # holds, grants, hand-over, destruction, tasks to NCMEC
    WAIVE = "waive"  # waive a duty with a reason
    RECORD = "record"  # a case's record: ids, clauses, states; neither content nor reporters' words
    POLICY = "policy"  # packs, list mappings, automation switches
    AUDIT = "audit"  # read the record and the chain
    ADMINISTER = "administer"  # staff accounts, hosts and their keys, settings
    TASKS = "tasks"  # see the tasks of one's own roles
    HOME = "home"  # the console's start page


_EVERYBODY = frozenset({Right.HOME, Right.TASKS})

RIGHTS: dict[str, frozenset[Right]] = {
    StaffRole.REVIEWER: _EVERYBODY | {Right.ASSESS, Right.SEE_EVIDENCE, Right.RECORD},
    StaffRole.SENIOR: _EVERYBODY
    | {
        Right.ASSESS,
        Right.SEE_EVIDENCE,
        Right.RECORD,
        Right.SECOND,
        Right.OVERRIDE,
        Right.APPEALS,
        Right.WAIVE,
        Right.FILING,
    },
    StaffRole.CUSTODIAN: _EVERYBODY | {Right.CUSTODY, Right.FILING, Right.RECORD, Right.WAIVE},
    StaffRole.POLICY_OWNER: _EVERYBODY | {Right.POLICY, Right.SECOND},  # second only where `may_be_second` says
    StaffRole.AUDITOR: _EVERYBODY | {Right.AUDIT, Right.RECORD},
    StaffRole.ADMINISTRATOR: _EVERYBODY | {Right.ADMINISTER},
}

_DECIDING = frozenset(
    {
        Right.ASSESS,
        Right.SEE_EVIDENCE,
        Right.SECOND,
        Right.OVERRIDE,
        Right.APPEALS,
        Right.FILING,
        Right.CUSTODY,
        Right.WAIVE,
    }
)

# Holding one of these roles takes the rights away, whatever other roles a member holds.
NEVER: dict[str, frozenset[Right]] = {
    StaffRole.ADMINISTRATOR: _DECIDING | {Right.RECORD},
    StaffRole.AUDITOR: _DECIDING,
}


class StaffError(ValueError):
    """A change of staff that cannot be made; says why. Nothing was changed."""


def rights_of(member: Member) -> frozenset[Right]:
    """Everything that the member may do: the sum of their roles less what a role forbids."""
    if not member.is_active:
        return frozenset()
    granted = frozenset[Right]().union(*(RIGHTS.get(role, frozenset()) for role in member.roles))
    return granted.difference(*(NEVER.get(role, frozenset()) for role in member.roles))


def roles_in_force(member: Member) -> list[str]:
    """The member's roles whose every right they really have: one that another role forbids in part does not count.

    Tasks are shown and closed by these: an administrator who is also a custodian closes no custodian's task.
    """
    rights = rights_of(member)
    return [role for role in member.roles if role in RIGHTS and RIGHTS[role] <= rights]


def may(member: Member, right: Right) -> bool:
    """Whether the member holds the right."""
    return right in rights_of(member)


# Whose agreement a decision waits for, by the policy's reason. Everything else waits for a senior reviewer.
SECOND_BY = {"policy_owner": StaffRole.POLICY_OWNER}  # S31, readings A13 and A35


def second_role(reason: str) -> StaffRole:
    """The role whose agreement a decision held for `reason` waits for."""
    return SECOND_BY.get(reason, StaffRole.SENIOR)


def may_be_second(member: Member, reason: str) -> bool:
    """Whether the member's agreement is the one that a decision held for `reason` waits for."""
    return may(member, Right.SECOND) and second_role(reason) in member.roles


def roles_with(right: Right) -> list[StaffRole]:
    """The roles that grant a right, for a page that refuses somebody."""
    return [StaffRole(role) for role, rights in RIGHTS.items() if right in rights]


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """How to show actors to staff: members by name, everybody else as recorded."""
    wanted = set(actors)
    ids: dict[uuid.UUID, str] = {}
    for actor in wanted:
        kind, _, value = actor.partition(":")
        if kind == "staff":
            try:
                ids[uuid.UUID(value)] = actor
            except ValueError:  # a hand-made actor in an old record
                continue
    found = {ids[member.pk]: str(member) for member in Member.objects.filter(pk__in=ids)}
    return {actor: found.get(actor, actor) for actor in wanted}


def create_member(
    username: str, roles: Iterable[str], *, actor: str, name: str = "", email: str = "", language: str = ""
) -> tuple[Member, str]:
    """A new member and their random password, which is shown once and stored only as a hash.

    Raises StaffError for a name that is taken or malformed, for no role, and for unknown roles.
    """
    wanted = _known(roles)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,59}", username):
        raise StaffError("A user name has 2 to 60 small letters, digits, dots, hyphens or underscores.")
    password = new_password()
    with transaction.atomic():
        if Member.objects.filter(username=username).exists():
            raise StaffError(f"There is already a member called {username}.")
        member = Member.objects.create_user(username, password, roles=wanted, name=name, email=email, language=language)
        audit.record("staff.created", actor=actor, about=member, roles=wanted)
    return member, password


def set_roles(member_id: uuid.UUID | str, roles: Iterable[str], *, actor: str) -> Member:
    """Give the member exactly these roles. Raises StaffError where no administrator would be left."""
    wanted = _known(roles)
    with transaction.atomic():
        member = Member.objects.select_for_update().get(pk=member_id)
        before = list(member.roles)
        if before == wanted:
            return member
        if StaffRole.ADMINISTRATOR not in wanted:
            _another_administrator(member)
        member.roles = wanted
        member.save(update_fields=["roles"])
        audit.record("staff.roles_set", actor=actor, about=member, before=before, after=wanted)
    return member


def deactivate(member_id: uuid.UUID | str, *, because: str, actor: str) -> Member:
    """End the member's access, open sessions included. The row stays: the record names it."""
    if not because.strip():
        raise StaffError("Say why the member is deactivated.")
    with transaction.atomic():
        member = Member.objects.select_for_update().get(pk=member_id)
        if not member.is_active:
            return member
        _another_administrator(member)
        member.is_active = False
        member.save(update_fields=["is_active"])
        audit.record("staff.deactivated", actor=actor, about=member, because=because.strip())
    return member


def activate(member_id: uuid.UUID | str, *, actor: str) -> Member:
    """Let a deactivated member sign in again, with the roles and password they had."""
    with transaction.atomic():
        member = Member.objects.select_for_update().get(pk=member_id)
        if not member.is_active:
            member.is_active = True
            member.save(update_fields=["is_active"])
            audit.record("staff.activated", actor=actor, about=member)
    return member


def reset_password(member_id: uuid.UUID | str, *, actor: str) -> str:
    """A new random password, shown once; the member's sessions end."""
    password = new_password()
    with transaction.atomic():
        member = Member.objects.select_for_update().get(pk=member_id)
        member.set_password(password)
        member.save(update_fields=["password"])
        audit.record("staff.password_reset", actor=actor, about=member)
    return password


def reset_second_factor(member_id: uuid.UUID | str, *, actor: str) -> int:
    """Remove every second factor of a member who lost theirs. Returns how many there were."""
    from allauth.mfa.models import Authenticator

    with transaction.atomic():
        member = Member.objects.get(pk=member_id)
        rows = Authenticator.objects.filter(user=member)
        gone = rows.count()
        rows.delete()
        audit.record("staff.second_factor_reset", actor=actor, about=member, removed=gone)
    return gone


def new_password() -> str:
    """A random password a person can copy by hand: five groups of four, 99 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


def _known(roles: Iterable[str]) -> list[str]:
    wanted = sorted(set(roles))
    unknown = set(wanted) - set(StaffRole.values)
    if unknown:
        raise StaffError(f"Unknown staff role: {', '.join(sorted(unknown))}.")
    if not wanted:
        raise StaffError("A member needs at least one role. Deactivate members who have none.")
    return wanted


def _another_administrator(member: Member) -> None:
    """Refuse to take away the last administrator: nobody could make another one."""
    if StaffRole.ADMINISTRATOR not in member.roles or not member.is_active:
        return
    others = Member.objects.select_for_update().filter(is_active=True).exclude(pk=member.pk)
    if not any(StaffRole.ADMINISTRATOR in other.roles for other in others):
        raise StaffError("This is the last administrator. Make another member administrator first.")
