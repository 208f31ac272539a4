"""Rules of company: lists of terms whose words count only near each other's. Others call this through `service`.

`set_together` and `end_together` are a policy owner's acts, one person each: words never do more than order the queue
or bring a person. `in_force` gives the rules. Processes that match take them up within a second (`following`); what a
window is, and what counts, stands in `words.together`.
"""

from collections.abc import Iterable
from typing import cast

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import NotAllowed, UnknownList
from safehold.screening.lists import SLUG, turn
from safehold.screening.models import HashList, WordsTogether
from safehold.screening.rules import reason_of
from safehold.screening.words.together import BadRule, Rule, Unit

MOST = 100  # rules in force: each is tried on every text that holds words of all its lists


def set_together(
    name: str, lists: Iterable[str], *, within: int, unit: str = WordsTogether.Unit.WORDS, alone: Iterable[str] = (),
    because: str, actor: str,
) -> WordsTogether:  # fmt: skip
    """From now on words of these lists count where a stretch of `within` words (or characters) holds one of each.

    By themselves they count no more, but for the lists in `alone`. A rule of that name ends. Joins the caller's
    transaction. Raises UnknownList, NotAllowed (no lists of terms, other purposes, a window of no sense, too many
    rules), ValueError without a reason.
    """
    reason, names, kept = reason_of(because), tuple(lists), sorted(set(alone))
    _check(name, names, within, unit, kept)
    with transaction.atomic():
        turn()
        _check_lists(names)
        if (before := in_force().filter(name=name).first()) is not None:
            _end(before, because="replaced", actor=actor)
        if in_force().count() >= MOST:
            raise NotAllowed(f"There are {MOST} rules of company; end one first.")
        row = WordsTogether.objects.create(
            name=name, lists=list(names), alone=kept, within=within, unit=unit, because=reason, set_by=actor,
            set_at=timezone.now(),
        )  # fmt: skip
        audit.record(
            "together.set", actor=actor, about=row, name=name, lists=row.lists, alone=kept, within=within,
            unit=str(unit), because=reason,
        )  # fmt: skip
    return row


def end_together(name: str, *, because: str, actor: str) -> WordsTogether:
    """End the rule of that name: its lists count by themselves again. Raises NotAllowed where none is in force."""
    reason = reason_of(because)
    with transaction.atomic():
        row = in_force().select_for_update().filter(name=name).first()
        if row is None:
            raise NotAllowed(f"No rule of company {name!r} is in force.")
        _end(row, because=reason, actor=actor)
    return row


def in_force() -> "QuerySet[WordsTogether]":
    """The rules that hold now, by name."""
    return WordsTogether.objects.filter(ended_at=None).order_by("name")


def _end(row: WordsTogether, *, because: str, actor: str) -> None:
    row.ended_at, row.ended_by, row.ended_because = timezone.now(), actor, because
    row.save(update_fields=["ended_at", "ended_by", "ended_because"])
    audit.record("together.ended", actor=actor, about=row, name=row.name, lists=row.lists, because=because)


def _check(name: str, lists: tuple[str, ...], within: int, unit: str, alone: list[str]) -> None:
    if not SLUG.fullmatch(name):
        raise NotAllowed("The name of a rule is 1 to 60 letters, digits, '-' or '_'.")
    if unit not in WordsTogether.Unit.values:
        raise NotAllowed(f"A window counts {' or '.join(WordsTogether.Unit.values)}, not {unit!r}.")
    try:
        Rule(name, lists, within, cast(Unit, unit)).checked()
    except BadRule as problem:
        raise NotAllowed(str(problem)) from None
    if strange := sorted(set(alone) - set(lists)):
        raise NotAllowed(f"The rule does not name the list {strange[0]!r}: it counts by itself in any case.")


def _check_lists(names: tuple[str, ...]) -> None:
    homes = {home.pk: home for home in HashList.objects.filter(pk__in=names)}
    if missing := [name for name in names if name not in homes]:
        raise UnknownList(f"There is no list {missing[0]!r}.")
    if other := [home.pk for home in homes.values() if home.kind != HashList.Kind.TERMS]:
        raise NotAllowed(f"The list {min(other)!r} holds no terms.")
    if len({home.purpose for home in homes.values()}) > 1:
        raise NotAllowed("The lists are kept for different purposes; what one may be used for, the other may not.")
