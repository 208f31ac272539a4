"""Persons that turn out to be one. Nothing is rewritten: bans and strikes stay on the row they were
given to, and every question is asked of the whole group. So a join can be undone, and two histories
never become one that nobody can take apart. Called through `service`.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.persons.models import Ban, Join, Person


def root_of(person: Person) -> Person:
    """The person that stands for the group today, as the database says, however old `person` is."""
    row = Person.objects.get(pk=person.pk)
    while row.joined_into_id is not None:
        row = Person.objects.get(pk=row.joined_into_id)
    return row


def group_of(person: Person) -> list[UUID]:
    """The ids of everybody who is the same person as this one, themselves included."""
    found = frontier = [root_of(person).pk]
    while frontier:
        frontier = list(Person.objects.filter(joined_into__in=frontier).values_list("pk", flat=True))
        found = found + frontier
    return found


def join(persons: Iterable[Person], *, because: str, actor: str) -> Person:
    """Make these one person and return who stands for them: the one known longest.

    Joins the caller's transaction. The act names both sides' bans in force, so that the record shows
    when a banned person's history came in. Nothing to join: nothing is written.
    """
    with transaction.atomic():
        roots = _locked_roots(persons)
        stays = min(roots, key=lambda one: (one.made_at, one.pk))
        for other in sorted((one for one in roots if one != stays), key=lambda one: (one.made_at, one.pk)):
            bans = {str(one.pk): _bans(one) for one in (stays, other)}
            Person.objects.filter(pk=other.pk).update(joined_into=stays)
            row = Join.objects.create(person=other, into=stays, because=because, actor=actor, at=timezone.now())
            audit.record(
                "person.joined",
                actor=actor,
                about=other,
                into=audit.ref(stays),
                join=str(row.pk),
                because=because,
                bans_in_force=bans,
                both_banned=all(bans.values()),
            )
    return stays


def undo_join(join_id: UUID | str, *, because: str, actor: str) -> Person:
    """Take a wrong join back: both persons stand for themselves again, with what each had. Returns the freed one.

    Identifiers and accounts that came later stay with whom they were given to. Again: nothing changes.
    """
    with transaction.atomic():
        row = Join.objects.select_for_update().get(pk=join_id)
        person = Person.objects.select_for_update().get(pk=row.person_id)
        if row.undone_at is None:
            row.undone_at, row.undone_because = timezone.now(), because[:200]
            row.save(update_fields=["undone_at", "undone_because"])
            person.joined_into = None
            person.save(update_fields=["joined_into"])
            audit.record("person.parted", actor=actor, about=person, join=str(row.pk), because=because)
    return person


def _locked_roots(persons: Iterable[Person]) -> list[Person]:
    """The groups' roots, locked in one order; asked again until nobody joined one of them meanwhile."""
    wanted = {root_of(one).pk for one in persons}
    while True:
        rows = list(Person.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
        moved = {root_of(one).pk for one in rows}
        if moved == wanted:
            return rows
        wanted = moved


def _bans(person: Person) -> list[str]:
    rows = Ban.objects.filter(person__in=group_of(person), state=Ban.State.IN_FORCE)
    return [str(pk) for pk in rows.order_by("placed_at").values_list("pk", flat=True)]
