"""The public face of `cybertip`: draft a CyberTip, move it to its receipt, or say why there is none.

Others may call:
- `draft(record, actor=...) -> Filing`: build, check and store the exact document; once for each `record.ref`.
- `advance(filing_id, worker=..., on_finished=...) -> Progress`: one protocol call; repeat as it says.
- `preview(record) -> bytes`: the document, nothing stored.
- `not_reportable`, `never_reportable`, `filed_by_hand`, `abandon`, `retry`: what a person decides about a filing.
- `circuit_of`, `close_circuit`, `check_credentials`: whether filing stands still, and setting it going.
The input record is `inputs.FilingInput`; invalid content raises `document.DocumentError`.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import circuit, inputs
from safehold.cybertip.client import Answer, Client
from safehold.cybertip.document.build import TOLERANCE, build_file_details, build_report
from safehold.cybertip.document.errors import SERVICE, DocumentError
from safehold.cybertip.filing import Mover, OnFinished, Read
from safehold.cybertip.inputs import FilingInput
from safehold.cybertip.models import FILING, Circuit, Filing, FilingFile, Submission
from safehold.cybertip.progress import Progress

# ISPWS documentation of 2025-06-11: the two services and the addresses they answer at.
HOSTS = {"production": "report.cybertip.org", "test": "exttest.cybertip.org"}


class WrongEnvironment(Exception):
    """The filing was made for another environment than the settings lead to. Nothing was sent."""


class NotNow(Exception):
    """This cannot be decided in the filing's present state; the message says why."""


def preview(record: FilingInput) -> bytes:
    """The report as it would be submitted. Raises DocumentError."""
    return build_report(record)


def draft(record: FilingInput, *, actor: str = "system:safehold") -> Filing:
    """Store the exact document of a CyberTip. The same `ref` returns the first filing, unchanged.

    Only a filing that was ruled out as not reportable takes the new record: it is considered anew.
    Every file's details are built too (with a stand-in for the ids), so that nothing is found invalid
    after the report was opened. Raises DocumentError naming field, limit and source.
    """
    known = Filing.objects.filter(ref=record.ref).first()
    if known is not None and known.state != Filing.State.NOT_REPORTABLE:
        return known
    content = _content(record)
    with transaction.atomic():
        row, made = Filing.objects.get_or_create(
            ref=record.ref, defaults={"environment": settings.SAFEHOLD.cybertip.environment, **content}
        )
        if made:
            audit.record("filing.drafted", actor=actor, about=row, **_told(row, record))
        elif row.state == Filing.State.NOT_REPORTABLE:
            content |= {"environment": settings.SAFEHOLD.cybertip.environment, "because": "", "ended_at": None}
            row = FILING.move(row, "reconsider", actor=actor, changes=content, ref=record.ref)
            row.files.all().delete()  # of the draft that was ruled out
        else:  # another process was first
            return row
        _list_files(row, record)
    return row


def advance(
    filing_id: uuid.UUID | str,
    *,
    worker: str,
    on_finished: OnFinished,
    read: Read | None = None,
    line: Callable[[], Client] | None = None,
) -> Progress:
    """Do the next step of a filing: one protocol call at most, stored before and after.

    `worker` is for the record; who may move a filing is settled by machine and process.
    `on_finished` runs in the transaction that stores the receipt; what it raises undoes that
    transaction, comes through, and is tried again with the kept answer at the next call. `read` and
    `line` default to the vault and to the configured service. Must not run inside a transaction.
    Raises WrongEnvironment, ValueError for an unusable address.
    """
    filing = Filing.objects.get(pk=filing_id)
    if filing.ended_at is None and filing.state != Filing.State.FAILED:
        check_environment(filing)
    mover = Mover(worker=worker, read=read or _from_the_vault(filing), line=line or _line, on_finished=on_finished)
    return mover.advance(filing.pk)


def check_environment(filing: Filing) -> None:
    """The interlock: a filing goes only where it was made for, and production only where all agree."""
    config = settings.SAFEHOLD
    tip = config.cybertip
    host = (urlsplit(tip.url).hostname or "").rstrip(".")
    wanted = HOSTS.get(tip.environment)
    reason = ""
    if filing.environment != tip.environment:
        reason = f"made for {filing.environment}, settings say {tip.environment}"
    elif not host:
        reason = "SAFEHOLD_CYBERTIP_URL is not set"
    elif wanted is not None and host != wanted:
        reason = f"{tip.environment} must lead to {wanted}"
    elif wanted is None and host.endswith("cybertip.org"):
        reason = f"{tip.environment} must not lead to NCMEC"
    elif tip.environment == "production" and config.environment != "production":
        reason = "SAFEHOLD_ENVIRONMENT is not production"
    if reason:
        audit.refused("filing.advanced", actor="system:worker", about=filing, reason=reason)
        raise WrongEnvironment(f"Filing {filing.pk} is not sent: {reason}.")


def not_reportable(filing_id: uuid.UUID | str, *, because: str, actor: str) -> Filing:
    """Record that the law asks for no report here, and why. Twice changes nothing.

    What is open at the service is left to expire unfinished. Raises NotNow for a filing that is filed,
    or whose finish was sent.
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


def filed_by_hand(filing_id: uuid.UUID | str, *, report_id: int, actor: str, on_finished: OnFinished) -> Filing:
    """Record the number of a report that a person filed in NCMEC's web form; `on_finished` as for any other.

    Raises NotNow for a filing that is filed, or whose finish was sent.
    """
    if report_id < 1:
        raise ValueError("report_id must be NCMEC's number of the report.")
    with transaction.atomic():
        row = _decidable(filing_id, "file_by_hand")
        changes = {"report_id": report_id, "ended_at": timezone.now()}
        row = FILING.move(row, "file_by_hand", actor=actor, changes=changes, report_id=report_id)
        on_finished(row)
    return row


def abandon(filing_id: uuid.UUID | str, *, because: str, actor: str) -> Filing:
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


def retry(filing_id: uuid.UUID | str, *, actor: str, corrected: FilingInput | None = None) -> Filing:
    """Let a failed filing go on, with a corrected record where its content was refused.

    Raises NotNow where it did not fail, or where a finish of unknown outcome still rests on the old
    document; DocumentError for an invalid record; ValueError for a record of another filing.
    """
    content = {} if corrected is None else _content(corrected)
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
            _list_files(row, corrected)
        changes = {"failures": 0, "restarts": 0, "because": "", **content}
        verb = "try_again" if open_one is None else "resume"
        return FILING.move(row, verb, actor=actor, changes=changes, corrected=corrected is not None)


def circuit_of(environment: str) -> Circuit | None:
    """The open circuit of an environment; None = filings move."""
    return Circuit.objects.filter(environment=environment).first()


def close_circuit(environment: str, *, actor: str) -> bool:
    """An administrator has mended the credentials: let filings move. Returns whether they stood still."""
    return circuit.close(environment, actor=actor)


def check_credentials() -> Answer:
    """Ask the service's `status` with the present settings; nothing is stored."""
    with _line() as client:
        return client.status()


def _content(record: FilingInput) -> dict[str, Any]:
    """The columns that hold a record and its document, every document of it having been built once."""
    if record.as_of > timezone.now() + TOLERANCE:
        raise DocumentError("FilingInput/as_of", "must not lie in the future", SERVICE)
    document = build_report(record)
    for file in record.files:
        build_file_details(record, file, report_id=1, file_id="checked-before-filing")
    sha256 = hashlib.sha256(document).hexdigest()
    return {"record": inputs.encode(record), "document": document, "document_sha256": sha256}


def _told(row: Filing, record: FilingInput) -> dict[str, Any]:
    """What the audit chain says of a draft: ids and digests."""
    files = [file.sealed_id for file in record.files]
    return {"ref": row.ref, "environment": row.environment, "sha256": row.document_sha256, "files": files}


def _list_files(row: Filing, record: FilingInput) -> None:
    for position, file in enumerate(record.files):
        FilingFile.objects.create(filing=row, position=position, sealed_id=file.sealed_id)


def _decidable(filing_id: uuid.UUID | str, verb: str) -> Filing:
    """The filing, locked, where a person may end it; a worker that moves it right now loses its turn.

    A report that is open and was never finished is left to expire. Raises NotNow.
    """
    row = Filing.objects.select_for_update(of=("self",)).get(pk=filing_id)
    if not FILING.can(row, verb):
        raise NotNow(f"The filing is {row.state}.")
    if row.submissions.filter(state=Submission.State.OPEN, finish_begun=True).exists():
        raise NotNow("Finish was sent: only the service's answer can tell whether it is filed. Let it go on.")
    row.submissions.filter(state=Submission.State.OPEN).update(state=Submission.State.LEFT)
    row.fence += 1
    row.leased_until = None
    row.save(update_fields=["fence", "leased_until"])
    return row


def _line() -> Client:
    tip = settings.SAFEHOLD.cybertip
    return Client(tip.url, tip.username, tip.password)


def _from_the_vault(filing: Filing) -> Read:
    """Files are read from the vault, which records the look before the first byte."""

    def read(sealed_id: str) -> Iterator[bytes]:
        from safehold.evidence import service as evidence

        chunks: Iterator[bytes] = evidence.open_sealed(
            sealed_id, actor="system:worker", purpose="filing", about=audit.ref(filing)
        )
        return chunks

    return read
