"""The public face of `persons`: who stands behind accounts, and what follows them.

`identify`, `person_of` link accounts to persons; `ban`, `lift_ban`, `bans_in_force`; `add_strike`,
`retract_strike`, `strikes`; `check_signup`; `undo_join` for a wrong join; `setup_key` at start.
An address on the network is never stored and never decides.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import Machine
from safehold.persons.identifiers import macs_of, setup_key
from safehold.persons.joining import group_of, join, root_of, undo_join
from safehold.persons.models import AccountLink, Ban, Identifier, Person, Strike
from safehold.persons.normal import BadIdentifier
from safehold.subjects.models import Account

__all__ = [
    "BadIdentifier",
    "SignupAnswer",
    "add_strike",
    "ban",
    "bans_in_force",
    "check_signup",
    "identify",
    "lift_ban",
    "person_of",
    "retract_strike",
    "setup_key",
    "strikes",
    "undo_join",
]

BAN_MACHINE = Machine("ban", start=Ban.State.IN_FORCE, moves={"lift": {Ban.State.IN_FORCE: Ban.State.LIFTED}})
STRIKE_MACHINE = Machine(
    "strike", start=Strike.State.COUNTED, moves={"retract": {Strike.State.COUNTED: Strike.State.RETRACTED}}
)


class SignupAnswer(msgspec.Struct, frozen=True):
    """Whether a sign-up is refused, by which kind of identifier, and under which ban."""

    refused: bool
    by: str = ""  # "" | "email" | "phone"
    ban_id: str = ""


def identify(account: Account, *, emails: Iterable[str] = (), phones: Iterable[str] = (), actor: str) -> Person:
    """The person behind the account; links the account and remembers the identifiers' digests.

    An identifier that another person is known by joins the two (recorded, can be undone). Pass only
    identifiers that the host has verified, where it tells: anybody can type another's address. What
    has no normal form is counted in the record and otherwise left out. Calling again changes nothing.
    """
    macs, unusable = macs_of(emails, phones)
    with transaction.atomic():
        link = AccountLink.objects.select_related("person").filter(account=account).first()
        known = {(row.kind, row.mac): row.person for row in _identifiers(macs)}
        persons = [*([link.person] if link else []), *known.values()]
        if not persons:
            persons = [Person.objects.create(made_at=timezone.now())]
            audit.record("person.made", actor=actor, about=persons[0], account=str(account.pk))
        new = [one for one in macs if one not in known]
        persons += _remember(new, root_of(persons[0]))
        if link is None:
            link = _link(account, root_of(persons[0]))
            persons.append(link.person)
            audit.record("person.account_linked", actor=actor, about=link.person, account=str(account.pk))
        person = join(persons, because=f"account:{account.pk}", actor=actor)
        if new:
            counts = {str(kind): sum(one[0] == kind for one in new) for kind in Identifier.Kind}
            audit.record("person.identified", actor=actor, about=person, added=counts, unusable=unusable)
    return person


def person_of(account: Account) -> Person | None:
    """The person that the account is linked to, or who stands for them since a join; None if never identified."""
    link = AccountLink.objects.select_related("person").filter(account=account).first()
    return root_of(link.person) if link else None


def ban(person: Person, *, because: str, actor: str) -> Ban:
    """Ban the person, once for each `because` (a ref such as `decision:<id>`). Joins the caller's transaction."""
    with transaction.atomic():
        locked = Person.objects.select_for_update().get(pk=person.pk)
        same = Ban.objects.filter(person__in=group_of(locked), because=because, state=Ban.State.IN_FORCE).first()
        if same is not None:
            return same
        row = Ban.objects.create(person=locked, because=because, placed_at=timezone.now(), placed_by=actor)
        audit.record("ban.placed", actor=actor, about=row, person=str(locked.pk), because=because)
    return row


def lift_ban(ban_id: UUID | str, *, because: str, actor: str) -> Ban:
    """Lift one ban; others of the person stay in force. Lifting again changes nothing."""
    with transaction.atomic():
        row = Ban.objects.select_for_update().get(pk=ban_id)
        if row.state == Ban.State.LIFTED:
            return row
        changes = {"lifted_at": timezone.now(), "lifted_because": because[:200]}
        return BAN_MACHINE.move(row, "lift", actor=actor, changes=changes, because=because)


def bans_in_force(person: Person) -> list[Ban]:
    """Every ban that bars the person today, the oldest first."""
    return list(Ban.objects.filter(person__in=group_of(person), state=Ban.State.IN_FORCE).order_by("placed_at", "pk"))


def add_strike(
    person: Person, *, class_id: str, clauses: Sequence[str], decision: str, at: datetime, actor: str
) -> Strike:
    """Count a confirmed violation, once for each decision; a retracted one does not come back by itself."""
    with transaction.atomic():
        row, made = Strike.objects.get_or_create(
            decision=decision,
            defaults={"person": person, "class_id": class_id, "clauses": list(clauses), "at": at},
        )
        if not made:
            if row.person_id not in group_of(person):
                raise ValueError(f"{decision} already counts as {audit.ref(row)} against another person.")
            return row
        audit.record("strike.added", actor=actor, about=row, person=str(person.pk), decision=decision)
    return row


def retract_strike(strike: UUID | str, *, because: str, actor: str) -> Strike | None:
    """Take a strike out of the count, by its decision's ref or its own id. Again: nothing changes.

    None where that decision never counted as a strike: then there is nothing to take back.
    """
    with transaction.atomic():
        rows = Strike.objects.select_for_update()
        own = _id_or_none(strike)
        row = rows.filter(decision=str(strike)).first() or (rows.filter(pk=own).first() if own else None)
        if row is None or row.state == Strike.State.RETRACTED:
            return row
        changes = {"retracted_at": timezone.now(), "retracted_because": because[:200]}
        return STRIKE_MACHINE.move(row, "retract", actor=actor, changes=changes, because=because)


def strikes(person: Person, class_id: str | None = None, since: datetime | None = None) -> int:
    """How many strikes count against the person: of one class, and from `since` on, where given."""
    rows = Strike.objects.filter(person__in=group_of(person), state=Strike.State.COUNTED)
    if class_id is not None:
        rows = rows.filter(class_id=class_id)
    if since is not None:
        rows = rows.filter(at__gte=since)
    return rows.count()


def check_signup(*, emails: Iterable[str] = (), phones: Iterable[str] = (), ip: str = "") -> SignupAnswer:  # noqa: ARG001
    """Whether somebody who signs up with these is a banned person. Writes nothing.

    `ip` is taken so that hosts may send it, and is looked at nowhere. What has no normal form cannot
    match. Where several match, e-mail is named before telephone, and the oldest ban in force.
    """
    macs, _unusable = macs_of(emails, phones)
    known = {(row.kind, row.mac): row.person for row in _identifiers(macs)}
    for one in macs:
        person = known.get(one)
        bans = bans_in_force(person) if person else []
        if bans:
            return SignupAnswer(refused=True, by=one[0], ban_id=str(bans[0].pk))
    return SignupAnswer(refused=False)


def _identifiers(macs: list[tuple[str, str]]) -> list[Identifier]:
    wanted = set(macs)
    rows = Identifier.objects.select_related("person").filter(mac__in=[mac for _kind, mac in macs])
    return [row for row in rows if (row.kind, row.mac) in wanted]


def _remember(macs: list[tuple[str, str]], person: Person) -> list[Person]:
    """Store new digests. Returns whoever another process gave one of them to in between."""
    others = []
    for kind, mac in sorted(macs):  # one order, so that two processes never wait for each other
        row, made = Identifier.objects.get_or_create(
            kind=kind, mac=mac, defaults={"person": person, "since": timezone.now()}
        )
        if not made:
            others.append(row.person)
    return others


def _link(account: Account, person: Person) -> AccountLink:
    try:
        with transaction.atomic():
            return AccountLink.objects.create(account=account, person=person, since=timezone.now())
    except IntegrityError:  # another process identified the account in between
        return AccountLink.objects.select_related("person").get(account=account)


def _id_or_none(text: UUID | str) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
