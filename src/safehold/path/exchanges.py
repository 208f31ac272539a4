"""Reading lists from their exchanges, and telling the sources what our people found about their entries.

Jobs: `exchange.watch` (every two minutes: makes the others due, raises alarms), `exchange.sync` (one page a step),
`feedback.send` (one stance of ours). Others call `tell_source` in the transaction of a decision, and the faces `add`,
`change` and `read_now`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from safehold.path import hits
from safehold.screening.exchanges import feedback, keeping, sync
from safehold.screening.models import Exchange, Feedback
from safehold.work import service as work

ACTOR = "system:worker"
WATCH_EVERY = 120  # seconds
LOOK_AGAIN = timedelta(hours=1)  # a feedback whose job was lost is sent after this


add = keeping.add


class NotAnswered(Exception):
    """The source did not answer: the job tries again, with growing pauses."""


@work.job("exchange.watch", attempts=1_000_000)
def watch() -> work.Outcome:
    """Make due what is due, and tell a person what was not read for too long."""
    with transaction.atomic():
        for row in keeping.due():
            work.enqueue("exchange.sync", key=row.pk, again=True, exchange=row.pk)
        for row in Exchange.objects.filter(enabled=True):
            sync.alarm(row)
        for due in feedback.due():
            _enqueue(due, later=LOOK_AGAIN)
    return work.Later(WATCH_EVERY)


@work.job("exchange.sync")
def sync_exchange(exchange: str) -> work.Outcome:
    """Read the next page of an exchange, and go on until it is read up to the present."""
    try:
        step = sync.step(exchange, actor=ACTOR, on_retracted=_look_again)
    except Exception as error:
        sync.broke(exchange, type(error).__name__)
        raise
    if step.kind is sync.Kind.MORE:
        return work.Again()
    return work.Later(step.seconds) if step.kind is sync.Kind.LATER else None


def read_now(slug: str, *, actor: str) -> Iterator[sync.Step]:
    """A person wants an exchange read now: its steps, until it is read up to the present or something is in the way.

    Also one that is in a pause or refused us is asked. Raises keeping.UnknownExchange.
    """
    keeping.ask_again(slug, actor=actor)
    while True:
        step = sync.step(slug, actor=actor, on_retracted=_look_again)
        yield step
        if step.kind is not sync.Kind.MORE:
            return


def change(slug: str, *, actor: str, **fields: Any) -> Exchange:
    """As `keeping.change`; what failed to be told is tried again, since a person has seen to it."""
    with transaction.atomic():
        row = keeping.change(slug, actor=actor, **fields)
        if row.enabled and row.feedback:
            for due in feedback.try_again(row, actor=actor):
                _enqueue(due)
    return row


def _look_again(entries: tuple[str, ...]) -> None:
    """Entries that were hit were withdrawn by their source: what they led to is looked at again."""
    hits.entry_retracted(entries, actor=ACTOR)


# --- feedback ---


def tell_source(
    entry_id: UUID | str, how: str, *, affirmative: bool, because: str, distance: int | None = None
) -> list[Feedback]:
    """A person decided about a file that agreed with an entry: tell the entry's source, where it wants to know.

    `how` and `distance` as in `HitRecord`; `because` is the decision's ref. In the decision's own transaction. Never
    call it for a decision that rests on the list alone: that would be the list's own word come back.
    """
    rows = feedback.note(entry_id, how, affirmative=affirmative, because=because, actor=ACTOR, distance=distance)
    for row in rows:
        _enqueue(row)
    return rows


def _enqueue(row: Feedback, *, later: timedelta = timedelta(0)) -> None:
    """One job for each entry and fingerprint, so that stances are told one after the other."""
    work.enqueue(
        "feedback.send", key=f"{row.entry_id}:{row.algorithm}", not_before=timezone.now() + later, again=True,
        entry=str(row.entry_id), algorithm=row.algorithm,
    )  # fmt: skip


@work.job("feedback.send", attempts=60, first=30, longest=4 * 3600, on_failure=feedback.give_up)
def send(entry: str, algorithm: str) -> work.Outcome:
    """Tell a source our stance on one fingerprint of an entry."""
    sending = feedback.send(entry, algorithm)
    if sending.kind is feedback.Sent.LATER:
        if sending.seconds:
            return work.Later(sending.seconds)
        raise NotAnswered
    return None
