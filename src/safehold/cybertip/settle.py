"""What follows from an answer: the consequence of each endpoint's outcome, stored in one transaction.

Only `filing` calls this: `settle` inside the transaction that stores the answer, `lost` where an
exchange was begun and no answer was stored. The rules are those of design.md's filing and of the
service's published codes; where the service documents nothing, retract and start again rather than guess.
Assumption to confirm in NCMEC's test system: a second `finish` of a finished report answers 5102.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip.circuit import open_circuit
from safehold.cybertip.client import Answer, Outcome
from safehold.cybertip.models import FILING, Exchange, Filing, FilingFile, Submission
from safehold.cybertip.progress import AGAIN, DONE, PERSON, Progress, later
from safehold.work import service as work

ACTOR = "system:worker"
MAX_RESTARTS = 90  # with growing pauses: more than three days
MAX_UNKNOWN = 5  # answers that nobody published, in a row
LONGEST_PAUSE = 3600.0  # seconds
DELAY_ALARM = timedelta(hours=6)  # an unfinished filing of that age is told to an administrator

_random = random.SystemRandom()


class Settling:
    """One answer on its way into the record. Methods change rows; the caller holds the transaction."""

    def __init__(
        self, filing: Filing, exchange: Exchange, answer: Answer, on_finished: Callable[[Filing], None]
    ) -> None:
        self.filing, self.exchange, self.answer, self.on_finished = filing, exchange, answer, on_finished
        self.submission: Submission = exchange.submission
        position = -1 if exchange.position is None else exchange.position  # -1: the call is about no file
        self.file = FilingFile.objects.filter(filing=filing, position=position).first()
        self.now: datetime = timezone.now()

    def settle(self) -> Progress:
        """Apply the consequence and say what comes next."""
        return _BY_ENDPOINT[self.exchange.endpoint](self)

    def mark(self, **changes: object) -> None:
        """Change the submission's row."""
        for name, value in changes.items():
            setattr(self.submission, name, value)
        self.submission.save(update_fields=list(changes))

    def worked(self) -> Progress:
        """The call did what it should: the count of failures starts anew."""
        Filing.objects.filter(pk=self.filing.pk).update(failures=0)
        return AGAIN

    def failed_for_now(self) -> Progress:
        """Try again after a growing pause; say so where it has taken too long."""
        failures = self.filing.failures + 1
        Filing.objects.filter(pk=self.filing.pk).update(failures=failures)
        self.tell_if_late()
        return later(max(self.answer.retry_after, pause(failures)))

    def tell_if_late(self) -> None:
        """An administrator must know of a filing that does not get through."""
        if self.now - self.filing.drafted_at > DELAY_ALARM:
            self.task("filing-delayed", key=str(self.filing.pk), role="administrator", note=self.code)

    def task(self, kind: str, *, key: str, role: str, note: str) -> None:
        """Something about this filing that a person must see."""
        work.raise_task(kind, key=key, about=audit.ref(self.filing), role=role, note=note)

    @property
    def code(self) -> str:
        """The answer in a few words, without content."""
        answer = self.answer
        return f"{self.exchange.endpoint}: HTTP {answer.http_status}, code {answer.code} {answer.problem}".strip()

    def stop(self) -> Progress:
        """Our credentials are refused: nothing moves until somebody has looked, or `status` works again."""
        row = open_circuit(self.filing.environment, self.answer)
        return later(max(1.0, (row.probe_at - self.now).total_seconds()))

    def to_a_person(self, why: str) -> Progress:
        """This filing cannot go on by itself."""
        FILING.move(self.filing, "fail", actor=ACTOR, changes={"because": why[:500]}, why=why)
        self.task("filing-failed", key=f"{self.filing.pk}:{self.now.isoformat()}", role="custodian", note=why)
        return PERSON

    def give_up(self, why: str) -> None:
        """The open report must be retracted before anything else."""
        self.mark(give_up=why[:100])

    def restart(self, submission_state: str, why: str) -> Progress:
        """Close this submission and begin again with the same document."""
        self.mark(state=submission_state)
        FilingFile.objects.filter(filing=self.filing).update(state=FilingFile.State.DUE, file_id="", md5="")
        restarts = self.filing.restarts + 1
        Filing.objects.filter(pk=self.filing.pk).update(restarts=restarts)
        if restarts > MAX_RESTARTS:
            return self.to_a_person(f"begun {restarts} times; last: {why}")
        self.filing = FILING.move(self.filing, "restart", actor=ACTOR, why=why)
        self.tell_if_late()
        return later(pause(restarts))

    def filed(self, verb: str) -> Progress:
        """Store the receipt. `on_finished` runs in this very transaction."""
        self.mark(state=Submission.State.FINISHED)
        self.filing = FILING.move(
            self.filing,
            verb,
            actor=ACTOR,
            changes={
                "report_id": self.submission.report_id,
                "receipt": self.answer.raw,
                "receipt_request_id": self.answer.request_id,
                "ended_at": self.now,
                "failures": 0,
            },
            report_id=self.submission.report_id,
        )
        self.on_finished(self.filing)
        return DONE


def pause(count: int) -> float:
    """Seconds before the `count`-th repetition: doubling from half a second to an hour, a fifth of it by chance."""
    seconds = min(LONGEST_PAUSE, 0.5 * 2.0 ** min(count - 1, 20))
    return seconds * _random.uniform(0.8, 1.2)


def lost(exchange: Exchange) -> None:
    """An exchange was begun and nobody stored an answer: the process died, or lost its turn.

    What a lost `finish` or `retract` did is learned by calling it again: nothing to note.
    """
    submission = exchange.submission
    if exchange.endpoint == "submit":
        submission.state = Submission.State.LEFT  # if it was opened, it is unfinished and expires: no filing
        submission.save(update_fields=["state"])
    elif exchange.endpoint in ("upload", "fileinfo"):
        submission.give_up = f"{exchange.endpoint}: outcome unknown"
        submission.save(update_fields=["give_up"])


def _submit(s: Settling) -> Progress:
    answer = s.answer
    if answer.outcome is Outcome.OK and answer.report_id:
        s.mark(state=Submission.State.OPEN, report_id=answer.report_id)
        FILING.move(s.filing, "open", actor=ACTOR, report_id=answer.report_id)
        return s.worked()
    if answer.outcome in (Outcome.OK, Outcome.UNSURE, Outcome.UNKNOWN):
        s.mark(state=Submission.State.LEFT)  # if it was opened, it is unfinished and expires: no filing
        return _unknown_or_later(s)
    s.mark(state=Submission.State.REFUSED)
    if answer.outcome is Outcome.RETRY:
        return s.failed_for_now()
    return s.stop() if answer.outcome is Outcome.STOP else s.to_a_person(s.code)


def _upload(s: Settling) -> Progress:
    answer, file = s.answer, s.file
    if answer.outcome is not Outcome.OK or file is None:
        return _while_open(s)
    if not answer.file_id or answer.hash.lower() != answer.sent_md5:
        s.give_up("MD5 of an upload differs")
        return AGAIN
    file.state, file.file_id, file.md5 = FilingFile.State.UPLOADED, answer.file_id, answer.hash.lower()
    file.save(update_fields=["state", "file_id", "md5"])
    s.mark(changed_at=s.exchange.begun_at)
    if FILING.can(s.filing, "upload"):
        FILING.move(s.filing, "upload", actor=ACTOR)
    return s.worked()


def _fileinfo(s: Settling) -> Progress:
    if s.answer.outcome is not Outcome.OK or s.file is None:
        return _while_open(s)
    s.file.state = FilingFile.State.DESCRIBED
    s.file.save(update_fields=["state"])
    s.mark(changed_at=s.exchange.begun_at)
    return s.worked()


def _while_open(s: Settling) -> Progress:
    """What upload and fileinfo have in common when they did not simply work."""
    outcome = s.answer.outcome
    if outcome is Outcome.RETRY:
        return s.failed_for_now()
    if outcome is Outcome.STOP:  # most likely not done; were it done, doing it again would send the file twice
        s.give_up(s.code)
        return s.stop()
    if outcome is Outcome.GONE:
        return s.restart(Submission.State.LEFT, s.code)
    if outcome is Outcome.FINISHED:  # nobody here finished it: ask `finish`, and have a person look
        s.mark(finish_begun=True)
        _look(s, "finished-early")
        return AGAIN
    s.give_up(s.code)
    return s.to_a_person(s.code) if outcome is Outcome.PERSON else _unknown_or_later(s)


def _finish(s: Settling) -> Progress:
    outcome = s.answer.outcome
    if outcome is Outcome.OK:
        ours = set(FilingFile.objects.filter(filing=s.filing).values_list("file_id", flat=True))
        strange = s.answer.files is not None and set(s.answer.files) != ours
        if strange or s.answer.report_id not in (None, s.submission.report_id):
            _look(s, "receipt-differs")
        return s.filed("finish")
    if outcome is Outcome.FINISHED:
        return s.filed("recover")
    if outcome is Outcome.GONE:
        return s.restart(Submission.State.LEFT, s.code)
    if outcome is Outcome.STOP:
        return s.stop()
    if outcome is Outcome.PERSON:  # a plain refusal: it is not finished, and this report will not be
        s.mark(finish_begun=False, give_up=s.code[:100])
        return s.to_a_person(s.code)
    return _unknown_or_later(s)


def _retract(s: Settling) -> Progress:
    outcome = s.answer.outcome
    if outcome is Outcome.FINISHED:
        _look(s, "finished-early")
        return s.filed("recover")
    if outcome in (Outcome.RETRY, Outcome.UNSURE):
        return s.failed_for_now()
    if outcome is Outcome.STOP:
        return s.stop()
    done = outcome in (Outcome.OK, Outcome.GONE)
    state = Submission.State.RETRACTED if done else Submission.State.LEFT
    if s.filing.abandoned:
        s.mark(state=state)
        FILING.move(s.filing, "retract", actor=ACTOR, changes={"ended_at": s.now})
        return DONE
    return s.restart(state, s.submission.give_up)


def _unknown_or_later(s: Settling) -> Progress:
    """Wait and go on; but an unpublished answer only MAX_UNKNOWN times in a row."""
    if s.answer.outcome is Outcome.UNKNOWN and s.filing.failures + 1 >= MAX_UNKNOWN:
        return s.to_a_person(s.code)
    return s.failed_for_now()


def _look(s: Settling, what: str) -> None:
    """Filed, but something is odd: a custodian should look. Holds nothing up."""
    s.task(f"filing-{what}", key=str(s.submission.pk), role="custodian", note=s.code)


_BY_ENDPOINT: dict[str, Callable[[Settling], Progress]] = {
    "submit": _submit,
    "upload": _upload,
    "fileinfo": _fileinfo,
    "finish": _finish,
    "retract": _retract,
}
