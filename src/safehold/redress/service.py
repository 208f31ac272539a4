"""The public face of `redress`: opening an appeal or a correction, who may take it, its outcome.

The outcome alone stands here; `path` makes the new decision and reverses what can be reversed.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import Machine
from safehold.cases import decisions
from safehold.cases.models import Decision
from safehold.redress.models import Appeal

State = Appeal.State

APPEAL = Machine(
    "appeal",
    start=State.OPEN,
    moves={
        "take": {State.OPEN: State.IN_REVIEW, State.IN_REVIEW: State.IN_REVIEW},
        "grant": {State.IN_REVIEW: State.GRANTED},
        "refuse": {State.IN_REVIEW: State.REFUSED},
        "reopen": {State.GRANTED: State.OPEN},  # the second person did not agree to the new decision
    },
)

TEXT_LIMIT = 10_000


class NotAppealable(Exception):
    """There is nothing to appeal against: no decision in force, or it was appealed and answered already."""


class TookPart(Exception):
    """Invariant 9: nobody decides the appeal against a decision they took part in."""


class TextTooLong(ValueError):
    """The appeal's text is over the limit; nothing was stored."""


def open_appeal(decision: Decision, *, text: str, language: str, statement: UUID | None, actor: str) -> Appeal:
    """The account holder (or the reporter) asks for another look. A second request returns the open one.

    Raises TextTooLong, NotAppealable.
    """
    if len(text) > TEXT_LIMIT:
        raise TextTooLong(f"The text has {len(text)} characters; at most {TEXT_LIMIT} can be taken.")
    decision = Decision.objects.select_for_update().get(pk=decision.pk)
    known = decision.appeals.filter(state__in=[State.OPEN, State.IN_REVIEW]).first()
    if known is not None:
        return known if known.kind == Appeal.Kind.APPEAL else _join(known, text, language, statement, actor)
    if decision.appeals.filter(kind=Appeal.Kind.APPEAL).exists():
        raise NotAppealable("This decision was appealed already, and a different person has answered.")
    if decision.state != Decision.State.CONFIRMED:
        raise NotAppealable("This decision is no longer in force.")
    row = Appeal.objects.create(
        decision=decision,
        statement=statement,
        text=text,
        language=language,
        opened_by=actor,
        deciders=_bars(decisions.takers_part(decision)),
    )
    audit.record("appeal.opened", actor=actor, about=row, decision=str(decision.pk))
    return row


def _join(correction: Appeal, text: str, language: str, statement: UUID | None, actor: str) -> Appeal:
    """The account holder asks about a decision that is being looked at again already: it is their appeal too."""
    correction.kind, correction.text, correction.language = Appeal.Kind.APPEAL, text, language
    correction.statement, correction.opened_by = statement, actor
    correction.save(update_fields=["kind", "text", "language", "statement", "opened_by"])
    decision = str(correction.decision_id)
    audit.record("appeal.opened", actor=actor, about=correction, decision=decision, joins="correction")
    return correction


def open_correction(decision: Decision, *, because: str, actor: str) -> Appeal:
    """A rule or a list entry that the decision rests on was wrong: somebody else looks again."""
    row = decision.appeals.filter(state__in=[State.OPEN, State.IN_REVIEW]).first()
    if row is None:
        row = Appeal.objects.create(
            kind=Appeal.Kind.CORRECTION,
            decision=decision,
            because=because,
            opened_by=actor,
            deciders=_bars(decisions.takers_part(decision)),
        )
        audit.record("correction.opened", actor=actor, about=row, decision=str(decision.pk), because=because)
    return row


def take(appeal: Appeal, *, actor: str) -> Appeal:
    """Begin to review an appeal. Raises TookPart for anybody who took part in the decision.

    Who takes it over from somebody else starts from nothing: no answers are inherited.
    """
    refuse_who_took_part(appeal, actor)
    changes: dict[str, Any] = {"holder": actor} if appeal.holder == actor else {"holder": actor, "answers": {}}
    return APPEAL.move(appeal, "take", actor=actor, changes=changes)


def reopen(appeal: Appeal, *, because: str, actor: str) -> Appeal:
    """A granted appeal whose new decision a second person refused: it waits for somebody who had no part in either."""
    deciders = _bars([*appeal.deciders.strip("|").split("|"), appeal.decided_by, actor])
    nobody: dict[str, Any] = {"decided_by": "", "decided_at": None, "reason": "", "holder": "", "answers": {}}
    return APPEAL.move(appeal, "reopen", actor=actor, because=because, changes={**nobody, "deciders": deciders})


def keep_answers(appeal: Appeal, answers: Mapping[str, Any]) -> Appeal:
    """The answers given so far by the person who looks again. They decide nothing yet."""
    appeal.answers = dict(answers)
    appeal.save(update_fields=["answers"])
    return appeal


def settle(appeal: Appeal, *, grant: bool, reason: str, actor: str) -> Appeal:
    """Record the outcome. The database refuses a decider who took part, whatever this code does."""
    refuse_who_took_part(appeal, actor)
    if not reason.strip():
        raise ValueError("Give the reason in a sentence or two: the account holder reads it.")
    return APPEAL.move(
        appeal, "grant" if grant else "refuse", actor=actor,
        changes={"decided_by": actor, "decided_at": timezone.now(), "reason": reason.strip()},
    )  # fmt: skip


def refuse_who_took_part(appeal: Appeal, actor: str) -> None:
    """Raise TookPart, and note the attempt, where `actor` had a part in the decision."""
    if f"|{actor}|" in appeal.deciders:
        raise TookPart("You took part in this decision, so somebody else must answer the appeal.")


def waiting(actor: str | None = None) -> QuerySet[Appeal]:
    """Appeals that wait for an answer, oldest first; without those that `actor` may not take."""
    rows = Appeal.objects.filter(state__in=[State.OPEN, State.IN_REVIEW]).order_by("opened_at")
    return rows.exclude(deciders__contains=f"|{actor}|") if actor else rows


def _bars(people: Iterable[str]) -> str:
    return "|" + "|".join(people) + "|"
