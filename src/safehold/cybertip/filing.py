"""Moving one filing by one protocol call. `service.advance` is the door; nothing else calls this.

What is next follows from the stored rows alone (`next_step`), so a process may be killed at any
instruction: the intention is stored before a call, its consequence after it, and an intention without
a consequence is read as "unknown" and resolved by the rules of `settle`.

Exactly one finished report: a report is retracted or left only while `finish` was never begun on it;
once begun, only an answer of the service decides. Unfinished reports are no filings and expire.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import circuit, inputs
from safehold.cybertip.client import Answer, Client, Outcome, Unreadable, parse
from safehold.cybertip.document.build import build_file_details
from safehold.cybertip.models import ENDED, FILING, Exchange, Filing, FilingFile, Submission
from safehold.cybertip.progress import AGAIN, DONE, PERSON, Progress, later
from safehold.cybertip.settle import ACTOR, Settling, lost
from safehold.cybertip.turns import LostTurn, Turn, alone, claim
from safehold.work import service as work

log = logging.getLogger(__name__)

UNREADABLE_KEPT = 4096  # bytes of a body that is no answer: enough to see whose error page it is

STILL = ENDED | {Filing.State.FAILED, Filing.State.IN_HAND}  # nothing is sent for these

Read = Callable[[str], Iterator[bytes]]
OnFinished = Callable[[Filing], None]


class FileUnreadable(Exception):
    """The vault did not give the file. The message is the failure's class."""


class Step(msgspec.Struct, frozen=True):
    """The next call: an endpoint, or `expired` / `retracted`, which need none."""

    name: str
    submission: Submission | None = None
    file: FilingFile | None = None


def next_step(filing: Filing, now: datetime) -> Step:
    """What must happen next, from the rows alone. No exchange may be unsettled."""
    submission = filing.submissions.filter(state=Submission.State.OPEN).order_by("begun_at").last()
    if submission is None:
        return Step("retracted" if filing.abandoned else "submit")
    if submission.finish_begun:
        return Step("finish", submission)
    if submission.give_up:
        return Step("retract", submission)
    if now >= submission.expires_at:
        return Step("expired", submission)
    for file in filing.files.order_by("position"):
        if file.state == FilingFile.State.DUE:
            return Step("upload", submission, file)
        if file.state == FilingFile.State.UPLOADED:
            return Step("fileinfo", submission, file)
    return Step("finish", submission)


class Mover:
    """One `advance`: a worker, how to read a file, how to reach the service, what to do at the end."""

    def __init__(
        self, *, worker: str, read: Read, line: Callable[[], AbstractContextManager[Client]], on_finished: OnFinished
    ) -> None:
        self.worker, self.read, self.line, self.on_finished = worker, read, line, on_finished

    def advance(self, filing_id: uuid.UUID) -> Progress:
        """At most one protocol call. Raises what `on_finished` raises; the receipt is kept then."""
        with alone(filing_id) as free:
            return self._advance(filing_id) if free else later(1.0)

    def _advance(self, filing_id: uuid.UUID) -> Progress:
        filing = Filing.objects.get(pk=filing_id)
        if filing.state in ENDED:
            return DONE
        if filing.state in STILL:
            return PERSON
        if circuit.is_open(filing.environment):
            return self._probe(filing.environment)
        turn = claim(filing_id, self.worker)
        if not isinstance(turn, Turn):
            return later(max(1.0, (turn - timezone.now()).total_seconds()))
        try:
            with self.line() as client:
                return self._take_over(turn) or self._step(turn, client)
        except LostTurn:
            log.warning("filing %s: another worker has taken over", filing_id)
            return later(1.0)
        finally:
            turn.release()

    def _probe(self, environment: str) -> Progress:
        """The circuit is open: ask `status` when that is due, and do nothing else."""
        waiting = circuit.wait(environment)
        if waiting:
            return later(waiting)
        with self.line() as client:
            works = circuit.probe(environment, client)
        return AGAIN if works else later(max(1.0, circuit.wait(environment)))

    def _take_over(self, turn: Turn) -> Progress | None:
        """Settle what an earlier process began. None = nothing is open, go on."""
        kept = None
        with transaction.atomic(durable=True):
            filing = turn.lock()
            for exchange in filing.exchanges.filter(settled_at=None).select_related("submission").order_by("id"):
                if exchange.answered_at is not None:
                    kept = exchange
                    continue
                exchange.settled_at, exchange.outcome = timezone.now(), "lost"
                exchange.save(update_fields=["settled_at", "outcome"])
                lost(exchange)
                audit.record("filing.interrupted", actor=ACTOR, about=filing, endpoint=exchange.endpoint)
        return None if kept is None else self._settle(turn, kept, answer_of(kept))

    def _step(self, turn: Turn, client: Client) -> Progress:
        filing = Filing.objects.get(pk=turn.filing_id)
        step = next_step(filing, timezone.now())
        if step.name == "retracted":
            with transaction.atomic(durable=True):
                FILING.move(turn.lock(), "retract", actor=ACTOR, changes={"ended_at": timezone.now()})
            return DONE
        if step.name == "expired":
            return self._expired(turn, step)
        try:
            call, request = self._prepare(filing, step, client, turn)
        except FileUnreadable as error:
            return self._unreadable(turn, str(error))
        exchange = self._begin(turn, step, request)
        work.boundary(f"filing.{step.name}.before")
        try:
            answer = call()
        except FileUnreadable as error:  # in mid-stream: the service may hold a part of it
            answer = Answer(outcome=Outcome.UNSURE, problem=str(error))
        work.boundary(f"filing.{step.name}.sent")
        progress = self._settle(turn, exchange, answer)
        work.boundary(f"filing.{step.name}.stored")
        return progress

    def _prepare(
        self, filing: Filing, step: Step, client: Client, turn: Turn
    ) -> tuple[Callable[[], Answer], bytes | None]:
        """The call, ready to be made, and the document that it carries."""
        submission, file = step.submission, step.file
        if submission is None or submission.report_id is None:
            document = bytes(filing.document)
            return lambda: client.submit(document), document
        number = submission.report_id
        if file is None:
            return (lambda: client.finish(number)) if step.name == "finish" else (lambda: client.retract(number)), None
        record = inputs.decode(bytes(filing.record))
        given = record.files[file.position]
        if step.name == "fileinfo":
            details = build_file_details(record, given, report_id=number, file_id=file.file_id)
            return lambda: client.fileinfo(details), details
        chunks, name = _opened(self.read, file.sealed_id), given.file_name
        return lambda: client.upload(number, name, chunks, size=given.size, alive=turn.heartbeat()), None

    def _begin(self, turn: Turn, step: Step, request: bytes | None) -> Exchange:
        """Store the intention before the call."""
        with transaction.atomic(durable=True):
            filing, now = turn.lock(), timezone.now()
            if filing.state in STILL or next_step(filing, now) != step:  # a person has decided something since
                raise LostTurn
            submission = step.submission or Submission.objects.create(filing=filing, begun_at=now)
            if step.name == "finish" and not submission.finish_begun:
                submission.finish_begun = True
                submission.save(update_fields=["finish_begun"])
            return Exchange.objects.create(
                filing=filing,
                submission=submission,
                endpoint=step.name,
                position=None if step.file is None else step.file.position,
                sealed_id="" if step.file is None else step.file.sealed_id,
                worker=turn.worker,
                fence=turn.fence,
                request=request,
                begun_at=now,
            )

    def _settle(self, turn: Turn, exchange: Exchange, answer: Answer) -> Progress:
        """Store the answer and its consequence in one transaction, or at least the answer."""
        try:
            with transaction.atomic(durable=True):
                filing = turn.lock()
                _keep(exchange, answer, settled_at=timezone.now())
                return Settling(filing, exchange, answer, self.on_finished).settle()
        except BaseException:
            # A receipt must outlive a bug or a lost turn: the answer is stored alone, settled next time.
            _keep(exchange, answer)
            raise

    def _expired(self, turn: Turn, step: Step) -> Progress:
        """The service has deleted the unfinished report by now."""
        with transaction.atomic(durable=True):
            exchange = Exchange(submission=step.submission, endpoint="expired")
            settling = Settling(turn.lock(), exchange, Answer(outcome=Outcome.GONE), self.on_finished)
            return settling.restart(Submission.State.LEFT, "expired unfinished")

    def _unreadable(self, turn: Turn, why: str) -> Progress:
        """The vault did not give a file; nothing was sent."""
        with transaction.atomic(durable=True):
            filing = turn.lock()
            exchange = Exchange(submission=Submission(filing=filing), endpoint="upload")
            settling = Settling(filing, exchange, Answer(outcome=Outcome.RETRY, problem=why), self.on_finished)
            return settling.to_a_person(why) if filing.failures >= 5 else settling.failed_for_now()


def _opened(read: Read, sealed_id: str) -> Iterator[bytes]:
    """The file's chunks, the first one read already: a file that cannot be opened costs no call."""

    def tried() -> Iterator[bytes]:
        try:
            yield from read(sealed_id)
        except Exception as error:
            raise FileUnreadable(f"file: {type(error).__name__}") from error

    chunks = tried()
    first = next(chunks, b"")

    def all_of_it() -> Iterator[bytes]:
        yield first
        yield from chunks

    return all_of_it()


def _keep(exchange: Exchange, answer: Answer, settled_at: datetime | None = None) -> None:
    """Write an answer into its exchange's row. Without `settled_at`, a row that is settled stays so."""
    now = timezone.now()
    Exchange.objects.filter(pk=exchange.pk).update(
        answered_at=now,
        outcome=answer.outcome,
        http_status=answer.http_status,
        code=answer.code,
        description=answer.description,
        request_id=answer.request_id,
        response=answer.raw[:UNREADABLE_KEPT] if answer.problem else answer.raw,
        sent_md5=answer.sent_md5,
        problem=answer.problem[:100],
        **({} if settled_at is None else {"settled_at": settled_at}),
    )


def answer_of(exchange: Exchange) -> Answer:
    """The answer that an exchange's row holds."""
    raw = bytes(exchange.response or b"")
    fields: dict[str, object] = {}
    try:
        _code, fields = parse(raw)
    except Unreadable:
        fields = {}
    return Answer(
        outcome=Outcome(exchange.outcome),
        http_status=exchange.http_status or 0,
        code=exchange.code,
        request_id=exchange.request_id,
        raw=raw,
        problem=exchange.problem,
        sent_md5=exchange.sent_md5,
        **fields,  # type: ignore[arg-type]
    )
