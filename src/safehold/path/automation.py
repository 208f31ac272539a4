"""What policy owners command about lists: trust, rules, mappings, entries held back, private surfaces.

Faces call these. Where an act takes two people, the first call writes down what is asked for (`ask`) and another
person's `agree` makes it happen; where one is enough it happens at once. Job: `surface.review`, two weeks before a
basis has to be looked at again.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening import service as screening
from safehold.screening.models import HashList, HitRule, ListEntry, Proposal, Surface
from safehold.work import service as work

Id = UUID | str
BEFORE = timedelta(days=14)  # a task comes so long before a basis ends


def ask(kind: str, *, because: str, actor: str, list_slug: str = "", details: dict[str, Any] | None = None) -> Proposal:
    """Ask for a change that takes two people; another one agrees. Raises as `screening.ask`."""
    return screening.ask(kind, because=because, actor=actor, list_slug=list_slug, details=details)


def agree(proposal_id: Id, *, actor: str) -> Proposal:
    """Agree to what another person asked for: it happens now. Raises as `screening.agree`."""
    with transaction.atomic():
        row = screening.agree(proposal_id, actor=actor)
        if row.kind == Proposal.Kind.SURFACE:
            given = row.details
            surface = Surface.objects.get(
                host=given["host"], name=given["name"], jurisdiction=given["jurisdiction"], ended_at=None
            )
            _review_later(surface)
    return row


def set_trust(list_slug: str, *, trusted: bool, because: str, actor: str) -> Proposal | HashList:
    """Trust a list (waits for a second person), or trust it no more (at once)."""
    if trusted:
        return ask(Proposal.Kind.TRUST, because=because, actor=actor, list_slug=list_slug)
    return screening.set_trusted(list_slug, trusted=False, because=because, actor=actor)


def set_exact_also(list_slug: str, kinds: list[str], *, because: str, actor: str) -> Proposal | HashList:
    """Accept other fingerprints as exact: fewer than before at once, more with a second person."""
    home = HashList.objects.get(pk=list_slug)
    if set(kinds) - set(home.exact_also):
        return ask(
            Proposal.Kind.EXACT, because=because, actor=actor, list_slug=list_slug, details={"exact_also": kinds}
        )
    return screening.set_exact_also(list_slug, kinds, because=because, actor=actor)


def set_rule(list_slug: str, on: str, does: str, *, because: str, actor: str) -> Proposal | HitRule:
    """Set what a hit does: at once where one person is enough, else another one must agree."""
    home = HashList.objects.get(pk=list_slug)
    if screening.needs_two(home, on, does):
        return ask(
            Proposal.Kind.RULE, because=because, actor=actor, list_slug=list_slug, details={"on": on, "does": does}
        )
    return screening.set_rule(list_slug, on, does, because=because, actor=actor)


def let_go(entry_id: Id, *, because: str, actor: str) -> Proposal | ListEntry:
    """Let an entry that was held back act again; of a trusted list with a second person."""
    entry = ListEntry.objects.select_related("list").get(pk=entry_id)
    if entry.list.trusted:
        return ask(
            Proposal.Kind.LET_GO,
            because=because,
            actor=actor,
            list_slug=entry.list_id,
            details={"entry": str(entry.pk)},
        )
    return screening.let_go(entry.pk, because=because, actor=actor)


def enable_surface(
    host_slug: str, name: str, jurisdiction: str, *, basis: str, review_by: date, because: str, actor: str
) -> Proposal:
    """Ask for the screening of a private surface on a recorded basis. Another person must agree."""
    details = {
        "host": host_slug, "name": name, "jurisdiction": jurisdiction, "basis": basis,
        "review_by": review_by.isoformat(),
    }  # fmt: skip
    return ask(Proposal.Kind.SURFACE, because=because, actor=actor, details=details)


def _review_later(surface: Surface) -> None:
    ends = datetime.combine(surface.review_by, time(), UTC)
    due = max(timezone.now(), ends - BEFORE)
    work.enqueue("surface.review", key=str(surface.pk), not_before=due, surface=str(surface.pk))


@work.job("surface.review", role="policy_owner")
def review(surface: str) -> work.Outcome:
    """A basis ends soon: a policy owner looks at it again, or the screening stops by itself on that day."""
    row = Surface.objects.get(pk=surface)
    if row.ended_at is None:
        with transaction.atomic():
            work.raise_task(
                "surface-basis-ends", key=str(row.pk), about=audit.ref(row), role="policy_owner",
                note=f"{row.host_id}, {row.name}, {row.jurisdiction or '-'}, {row.review_by.isoformat()}",
            )  # fmt: skip
    return None
