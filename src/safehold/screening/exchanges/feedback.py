"""What our people found about a source's entries, told back to it: one stance for each entry and fingerprint.

`path.exchanges` calls `note` (rows, in the caller's transaction), `send` (one call to the source, from a job), `due`,
`give_up` and `try_again`. Nothing is noted of an exchange whose feedback the operator has not switched on. Only a
file that is the entry's own says anything about the entry: a hit by looks alone counts at distance 0.

A newer stance takes the place of the older one, as at the source, where feedback is put and not added.
"""

import contextlib
import enum
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove, Machine
from safehold.screening.exchanges import keeping
from safehold.screening.exchanges.source import Answer, Outcome, TakesFeedback
from safehold.screening.lists import id_or_none
from safehold.screening.models import Exchange, Feedback, ListEntry
from safehold.work import service as work

REASONS_KEPT_FOR = timedelta(days=1)
_MAY_BE_ASKED = {"enabled": True, "feedback": True, "refused_at": None}


MACHINE = Machine(
    "feedback",
    start=Feedback.State.DUE,
    moves={
        "send": {Feedback.State.DUE: Feedback.State.SENT},
        "fail": {Feedback.State.DUE: Feedback.State.FAILED},
        "retry": {Feedback.State.FAILED: Feedback.State.DUE},
        "drop": {Feedback.State.DUE: Feedback.State.DROPPED, Feedback.State.SENT: Feedback.State.DROPPED},
    },
)


class Sent(enum.StrEnum):
    """What came of sending."""

    DONE = "done"  # sent, or there is nothing to be sent now
    LATER = "later"  # not answered: again, after a pause where the source asked for one


class Sending(msgspec.Struct, frozen=True):
    """What came of sending, and the seconds that the source asked us to wait."""

    kind: Sent
    seconds: float = 0


def note(
    entry_id: UUID | str, how: str, *, affirmative: bool, because: str, actor: str, distance: int | None = None
) -> list[Feedback]:
    """Note what a person found about an entry that a file agreed with: rows that are to be sent now.

    `how` and `distance` as `HitRecord` has them. No row where the entry is not a live one of an exchange with feedback
    on, where its source wants none of that kind, or where the same was noted before.
    """
    if how == "pdq" and distance != 0:  # alike is not the same: that the one is harmless says nothing of the other
        return []
    own = id_or_none(entry_id)
    live = ListEntry.objects.select_related("list__exchange").filter(retracted_at=None)
    entry = live.filter(pk=own).first() if own else None
    exchange = getattr(entry.list, "exchange", None) if entry else None
    if entry is None or exchange is None or not (exchange.enabled and exchange.feedback):
        return []
    digests = {name for name in ("sha256", "sha1", "md5", "pdq") if getattr(entry, name)}
    algorithms = keeping.ADAPTERS[Exchange.Adapter(exchange.adapter)].algorithms(how, digests)
    with transaction.atomic():
        return [row for one in algorithms if (row := _stand(entry, one, affirmative, because, actor)) is not None]


def _stand(entry: ListEntry, algorithm: str, affirmative: bool, because: str, actor: str) -> Feedback | None:
    """The new stance, or None where it is the present one."""
    ListEntry.objects.select_for_update().get(pk=entry.pk)  # one at a time
    before = in_force(entry.pk, algorithm)
    if before is not None and before.affirmative == affirmative:
        return None
    if before is not None:
        MACHINE.move(before, "drop", actor=actor, changes={"problem": "another stance took its place"})
    row = Feedback.objects.create(
        entry=entry, algorithm=algorithm, affirmative=affirmative, because=because[:100], made_at=timezone.now()
    )
    audit.record(
        "feedback.noted", actor=actor, about=row, entry=str(entry.pk), algorithm=algorithm, affirmative=affirmative,
        because=because, instead_of=None if before is None else str(before.pk),
    )  # fmt: skip
    return row


def in_force(entry_id: UUID | str, algorithm: str) -> Feedback | None:
    """The stance that is to be sent or was sent."""
    states = [Feedback.State.DUE, Feedback.State.SENT]
    return Feedback.objects.filter(entry__pk=entry_id, algorithm=algorithm, state__in=states).first()


def due() -> list[Feedback]:
    """What waits to be sent, of exchanges that may be asked."""
    asked = {"entry__list__exchange__" + name: value for name, value in _MAY_BE_ASKED.items()}
    return list(Feedback.objects.filter(state=Feedback.State.DUE, **asked).order_by("made_at"))


def send(entry_id: str, algorithm: str) -> Sending:
    """Tell the source the stance on one fingerprint that is due. Must not run inside a transaction.

    May run twice: the source keeps one stance of ours, and the same one put twice is the same.
    """
    rows = Feedback.objects.select_related("entry__list__exchange")
    row = rows.filter(entry__pk=entry_id, algorithm=algorithm, state=Feedback.State.DUE).first()
    if row is None:
        return Sending(Sent.DONE)
    exchange: Exchange = row.entry.list.exchange
    if any(getattr(exchange, name) != value for name, value in _MAY_BE_ASKED.items()):
        return Sending(Sent.DONE)  # it is due again when the operator has seen to that
    if row.entry.retracted_at is not None:
        return _settle(row, "drop", "the entry is retracted")
    try:
        source = keeping.open_source(exchange)
    except keeping.CannotAsk as problem:
        return _settle(row, "fail", str(problem))
    try:
        reasons = () if row.affirmative else _chosen(exchange, algorithm, source)
        if isinstance(reasons, Answer):
            return _answered(row, exchange, reasons)
        if not row.affirmative and not reasons:
            told = f"no reason is chosen for {algorithm}, or it is offered no more"
            return _settle(row, "fail", told, role="policy_owner")
        answer = source.tell(row.entry.ref, algorithm, affirmative=row.affirmative, reasons=reasons)
    finally:
        source.close()
    work.boundary("feedback.sent")
    return _answered(row, exchange, answer, reasons)


def _answered(row: Feedback, exchange: Exchange, answer: Answer[Any], reasons: tuple[str, ...] = ()) -> Sending:
    if answer.outcome is Outcome.OK:
        return _settle(row, "send", "", reasons=reasons)
    if answer.outcome is Outcome.RETRY:
        return Sending(Sent.LATER, answer.retry_after)
    if answer.outcome is Outcome.STOP:
        keeping.refused(exchange, str(answer))
        return Sending(Sent.DONE)
    return _settle(row, "fail", str(answer))


def _settle(
    row: Feedback, verb: str, problem: str, *, reasons: Iterable[str] = (), role: str = "administrator"
) -> Sending:
    """Store what came of it, where nothing else took the row's place meanwhile."""
    changes: dict[str, Any] = {"problem": problem[:200], "reasons": list(reasons)}
    if verb == "send":
        changes["sent_at"] = timezone.now()
    with transaction.atomic(), contextlib.suppress(IllegalMove):  # another stance took its place meanwhile
        MACHINE.move(row, verb, actor="system:worker", changes=changes, problem=problem)
        if verb == "fail":
            work.raise_task("feedback-failed", key=_of(row), about=audit.ref(row), role=role, note=problem)
    return Sending(Sent.DONE)


def _of(row: Feedback) -> str:
    """A key for a task: what failed, was tried again and fails again is a new one."""
    return f"{row.pk}:{timezone.now().isoformat()}"


def give_up(entry: str, algorithm: str) -> None:
    """The source has not answered for too long: a person must look. In the caller's transaction."""
    for row in Feedback.objects.filter(entry__pk=entry, algorithm=algorithm, state=Feedback.State.DUE):
        _settle(row, "fail", "not answered for too long")


def try_again(exchange: Exchange, *, actor: str) -> list[Feedback]:
    """A person has seen to it: what failed is due again, where nothing newer stands. In the caller's transaction."""
    found = []
    for row in Feedback.objects.filter(entry__list=exchange.list_id, state=Feedback.State.FAILED).order_by("-made_at"):
        newer = Feedback.objects.filter(entry=row.entry_id, algorithm=row.algorithm, made_at__gt=row.made_at)
        if not newer.exists():
            MACHINE.move(row, "retry", actor=actor, changes={"problem": ""})
            for task in work.open_tasks().filter(about=audit.ref(row)):
                work.close_task(str(task.pk), actor="system:worker", outcome="It is sent again.")
            found.append(row)
    return found


def reasons(exchange: Exchange, algorithm: str, source: TakesFeedback) -> Answer[dict[str, str]]:
    """What a negative feedback may give as its reason, names by ids: as the source said within a day."""
    kept = exchange.told.get("reasons", {}).get(algorithm)
    fresh = (timezone.now() - REASONS_KEPT_FOR).isoformat()
    if kept is not None and kept["at"] > fresh:
        return Answer(outcome=Outcome.OK, found=kept["names"])
    answer = source.reasons(algorithm)
    if answer.found is not None:
        with transaction.atomic():
            row = Exchange.objects.select_for_update(of=("self",)).get(pk=exchange.pk)
            now = {"at": timezone.now().isoformat(), "names": answer.found}
            row.told = {**row.told, "reasons": {**row.told.get("reasons", {}), algorithm: now}}
            row.save(update_fields=["told"])
            exchange.told = row.told
    return answer


def _chosen(exchange: Exchange, algorithm: str, source: TakesFeedback) -> tuple[str, ...] | Answer[Any]:
    """The operator's reason where the source still offers it, () where there is none; or an answer without any."""
    chosen = exchange.reasons.get(algorithm, "")
    if not chosen:
        return ()
    answer = reasons(exchange, algorithm, source)
    if answer.found is None:
        return Answer(
            outcome=answer.outcome, http_status=answer.http_status, retry_after=answer.retry_after,
            problem=answer.problem or "reasons",
        )  # fmt: skip
    return (chosen,) if chosen in answer.found else ()
