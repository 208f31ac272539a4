"""Changes of automation that take two people. Others call these through `service`.

`ask` writes down what one policy owner wants; `agree` is another's, and it happens in the same transaction; `refuse`
and `withdraw` end it. Nobody agrees to what they asked for, and the database refuses it too.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove, Machine
from safehold.screening import rules
from safehold.screening.errors import NeedsSecondPerson, NotAllowed
from safehold.screening.lists import let_go, set_trusted
from safehold.screening.models import HashList, Proposal
from safehold.subjects.models import Host

Kind, State = Proposal.Kind, Proposal.State

MACHINE = Machine(
    "proposal",
    start=State.ASKED,
    moves={
        "agree": {State.ASKED: State.AGREED},
        "refuse": {State.ASKED: State.REFUSED},
        "withdraw": {State.ASKED: State.WITHDRAWN},
    },
)


def ask(
    kind: str, *, because: str, actor: str, list_slug: str = "", details: Mapping[str, Any] | None = None
) -> Proposal:
    """One person asks; nothing happens before another agrees.

    `details` are {"on", "does"} of a rule, {"exact_also": […]}, {"entry"} to let go, or {"host", "name",
    "jurisdiction", "basis", "review_by"} of a surface. Raises UnknownList, NotAllowed (also where the same waits
    already), ValueError without a reason.
    """
    given = dict(details or {})
    with transaction.atomic():
        home = rules.locked(list_slug) if list_slug else None
        about = _checked(Kind(kind), home, given)
        try:
            with transaction.atomic():
                row = Proposal.objects.create(
                    kind=kind, about=about, list=home, details=given, because=rules.reason_of(because), asked_by=actor,
                    asked_at=timezone.now(),
                )  # fmt: skip
        except IntegrityError:
            raise NotAllowed("This waits for a second person already.") from None
        audit.record(
            "proposal.asked", actor=actor, about=row, kind=kind, concerns=about, details=given, because=row.because
        )
    return row


def agree(proposal_id: UUID | str, *, actor: str) -> Proposal:
    """Another person agrees: it happens now, in this transaction.

    Raises NeedsSecondPerson for the one who asked, IllegalMove where it is settled, NotAllowed where what was asked
    for cannot be any more; then nothing has changed.
    """
    row = Proposal.objects.select_related("list").get(pk=proposal_id)
    if actor == row.asked_by:
        audit.refused("proposal.agree", actor=actor, about=row, reason="same person")
        raise NeedsSecondPerson("You asked for this; somebody else must agree.")
    with transaction.atomic():
        row = MACHINE.move(row, "agree", actor=actor, changes=_settled(actor, ""), kind=row.kind)
        _do(row, actor)
    return row


def refuse(proposal_id: UUID | str, *, because: str, actor: str) -> Proposal:
    """Another person does not agree. Raises NeedsSecondPerson, IllegalMove, ValueError without a reason."""
    row = Proposal.objects.get(pk=proposal_id)
    if actor == row.asked_by:
        raise NeedsSecondPerson("Who asked may withdraw; somebody else refuses.")
    return _close(row, "refuse", because, actor)


def withdraw(proposal_id: UUID | str, *, because: str, actor: str) -> Proposal:
    """Who asked takes it back. Raises IllegalMove for anybody else and where it is settled."""
    row = Proposal.objects.get(pk=proposal_id)
    if actor != row.asked_by:
        raise IllegalMove("Only who asked may withdraw a proposal.")
    return _close(row, "withdraw", because, actor)


def _close(row: Proposal, verb: str, because: str, actor: str) -> Proposal:
    why = rules.reason_of(because)
    with transaction.atomic():
        return MACHINE.move(row, verb, actor=actor, changes=_settled(actor, why), because=why)


def _settled(actor: str, because: str) -> dict[str, Any]:
    return {"settled_by": actor, "settled_at": timezone.now(), "settled_because": because}


def _checked(kind: Proposal.Kind, home: HashList | None, given: dict[str, Any]) -> str:
    """Whether it could be agreed to as things stand, and what it is about."""
    if kind == Kind.SURFACE:
        until = date.fromisoformat(given["review_by"])
        rules.check_surface(given["name"], given["jurisdiction"], given["basis"], until)
        if not Host.objects.filter(slug=given["host"]).exists():
            raise NotAllowed(f"There is no host {given['host']!r}.")
        return f"{given['host']}:{given['name']}:{given['jurisdiction']}"
    if home is None:
        raise NotAllowed("Name the list.")
    if kind == Kind.RULE:
        rules.check_rule(home, given["on"], given["does"])
        return f"{home.pk}:{given['on']}"
    if kind == Kind.EXACT and (unknown := set(given["exact_also"]) - set(rules.EXACT_ALSO)):
        raise NotAllowed(f"{min(unknown)!r} cannot count as exact.")
    if kind == Kind.LET_GO:
        if not home.entries.filter(pk=given["entry"], retracted_at=None).exclude(held_back_at=None).exists():
            raise NotAllowed("This entry is not held back.")
        return f"{home.pk}:{given['entry']}"
    return f"{home.pk}:{kind}"


def _do(row: Proposal, actor: str) -> None:
    who: dict[str, Any] = {"actor": row.asked_by, "approved_by": actor}
    given = row.details
    if row.kind == Kind.SURFACE:
        rules.enable_surface(
            given["host"], given["name"], given["jurisdiction"], basis=given["basis"],
            review_by=date.fromisoformat(given["review_by"]), **who,
        )  # fmt: skip
        return
    who["because"] = row.because
    slug = row.about.partition(":")[0]
    if row.kind == Kind.RULE:
        rules.set_rule(slug, given["on"], given["does"], **who)
    elif row.kind == Kind.EXACT:
        rules.set_exact_also(slug, given["exact_also"], **who)
    elif row.kind == Kind.LET_GO:
        let_go(given["entry"], **who)
    else:
        set_trusted(slug, trusted=True, **who)
