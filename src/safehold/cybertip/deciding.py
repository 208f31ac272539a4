"""What a person decides about a filing: none is due, it is filed by hand, given up, or tried again.

Others reach these through `service`. Each locks the row and raises the filing's fence, so that a worker which
moves it in that moment stores nothing more. What is left open and unfinished at the service is retracted by
`leftovers`, or expires there.
"""

import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import drafting
from safehold.cybertip.filing import OnFinished
from safehold.cybertip.inputs import FilingInput
from safehold.cybertip.models import FILING, Filing, Submission

Id = uuid.UUID | str
SENT = "Finish was sent: only the service's answer can tell whether it is filed. Let it go on."


class NotNow(Exception):
    """This cannot be decided in the filing's present state; the message says why."""


def not_reportable(filing_id: Id, *, because: str, actor: str) -> Filing:
    """Record that the law asks for no report here, and why. Twice changes nothing.

    Raises NotNow for a filing that is filed, or whose finish was sent.
    """
    with transaction.atomic():
        row = Filing.objects.get(pk=filing_id)
        if row.state == Filing.State.NOT_REPORTABLE:
            return row
        row = _decidable(filing_id, "rule_out")
        changes = {"because": because[:500], "ended_at": timezone.now()}
        return FILING.move(row, "rule_out", actor=actor, changes=changes, because=because)


def never_reportable(ref: str, *, because: str, actor: str) -> Filing:
    """As `not_reportable`, by the caller's name, also where nothing was drafted: no filing is a record too."""
    empty = {"environment": settings.SAFEHOLD.cybertip.environment, "record": b"", "document": b""}
    with transaction.atomic():
        row, _made = Filing.objects.get_or_create(ref=ref, defaults=empty)
        return not_reportable(row.pk, because=because, actor=actor)


def take_in_hand(filing_id: Id, *, actor: str) -> Filing:
    """A person will file it in NCMEC's web form: the worker leaves it alone until they enter a number or give it back.

    Raises NotNow for a filing that is filed or in somebody's hands already, or whose finish was sent.
    """
    with transaction.atomic():
        row = _decidable(filing_id, "take_in_hand")
        changes = {"in_hand_by": actor, "in_hand_at": timezone.now(), "because": ""}
        return FILING.move(row, "take_in_hand", actor=actor, changes=changes)


def give_back(filing_id: Id, *, because: str, actor: str) -> Filing:
    """It was not filed by hand: the worker begins it anew. `because` says how one knows that nothing was filed.

    Raises NotNow where it is in nobody's hands, ValueError without a reason.
    """
    if not because.strip():
        raise ValueError("Say how you know that the web form was not sent: the worker will file this report now.")
    with transaction.atomic():
        row = _decidable(filing_id, "give_back")
        changes = {"in_hand_by": "", "in_hand_at": None, "failures": 0, "restarts": 0}
        row.files.update(state="due", file_id="", md5="")
        return FILING.move(row, "give_back", actor=actor, changes=changes, because=because)


def filed_by_hand(filing_id: Id, *, report_id: int, actor: str, on_finished: OnFinished) -> Filing:
    """Record the number of a report that a person filed in NCMEC's web form; `on_finished` as for any other.

    Where our own `finish` was sent and never answered for, only that report's number is taken: a person has asked
    NCMEC. Raises NotNow for a filing that is filed, or for another number then; ValueError for a number that
    cannot be one, or that another filing of the environment has.
    """
    if not 0 < report_id < 10**15:
        raise ValueError("report_id must be NCMEC's number of the report.")
    with transaction.atomic():
        row = _decidable(filing_id, "file_by_hand", finished_as=report_id)
        taken = Filing.objects.filter(environment=row.environment, report_id=report_id).exclude(pk=row.pk).first()
        if taken is not None:
            raise ValueError(
                f"Number {report_id} belongs to {audit.ref(taken)} already; look at NCMEC's receipt again."
            )
        now = timezone.now()
        changes = {"report_id": report_id, "ended_at": now, "in_hand_by": actor, "in_hand_at": row.in_hand_at or now}
        row = FILING.move(row, "file_by_hand", actor=actor, changes=changes, report_id=report_id)
        on_finished(row)
    return row


def abandon(filing_id: Id, *, because: str, actor: str) -> Filing:
    """Give up a filing that is not finished: the next `advance` retracts what is open. Not after `finish` was sent."""
    with transaction.atomic():
        row = Filing.objects.select_for_update(of=("self",)).get(pk=filing_id)
        if row.state not in ("drafted", "opened", "uploading"):
            raise NotNow(f"The filing is {row.state}; it cannot be retracted.")
        open_one = row.submissions.filter(state=Submission.State.OPEN).first()
        if open_one is not None and open_one.finish_begun:
            raise NotNow("Finish was sent: only the service's answer can tell what became of the report.")
        if open_one is not None:
            open_one.give_up = "abandoned"
            open_one.save(update_fields=["give_up"])
        row.abandoned, row.because = True, because[:500]
        row.save(update_fields=["abandoned", "because"])
        audit.record("filing.abandoned", actor=actor, about=row, because=because)
    return row


def retry(filing_id: Id, *, actor: str, corrected: FilingInput | None = None) -> Filing:
    """Let a failed filing go on, with a corrected record where its content was refused.

    Raises NotNow where it did not fail, or where a finish of unknown outcome still rests on the old
    document; DocumentError for an invalid record; ValueError for a record of another filing.
    """
    content = {} if corrected is None else drafting.content(corrected)
    if corrected is not None and Filing.objects.get(pk=filing_id).ref != corrected.ref:
        raise ValueError("The corrected record has another ref than the filing.")
    with transaction.atomic():
        row = Filing.objects.select_for_update(of=("self",)).get(pk=filing_id)
        if row.state != Filing.State.FAILED:
            raise NotNow(f"The filing is {row.state}; only a failed one is tried again.")
        open_one = row.submissions.filter(state=Submission.State.OPEN).first()
        if corrected is not None:
            if open_one is not None and open_one.finish_begun:
                raise NotNow("Finish was sent: the service must first answer for the old document.")
            if open_one is not None:
                open_one.give_up = "corrected"
                open_one.save(update_fields=["give_up"])
            row.files.all().delete()
            drafting.list_files(row, corrected)
        changes = {"failures": 0, "restarts": 0, "because": "", **content}
        verb = "try_again" if open_one is None else "resume"
        return FILING.move(row, verb, actor=actor, changes=changes, corrected=corrected is not None)


def _decidable(filing_id: Id, verb: str, *, finished_as: int | None = None) -> Filing:
    """The filing, locked, where a person may end it; a worker that moves it right now loses its turn.

    A report that is open and was never finished is left. Raises NotNow.
    """
    row = Filing.objects.select_for_update(of=("self",)).get(pk=filing_id)
    if not FILING.can(row, verb):
        raise NotNow(f"The filing is {row.state}.")
    sent = row.submissions.filter(state=Submission.State.OPEN, finish_begun=True)
    if sent.exclude(report_id=finished_as).exists():
        raise NotNow(SENT)
    sent.update(state=Submission.State.FINISHED)
    row.submissions.filter(state=Submission.State.OPEN).update(state=Submission.State.LEFT)
    row.fence += 1
    row.leased_until = None
    row.save(update_fields=["fence", "leased_until"])
    return row
