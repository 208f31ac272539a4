"""The exact document of a filing, built and checked before anything is stored. Others reach it through `service`."""

import hashlib
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import inputs, schema
from safehold.cybertip.document.build import TOLERANCE, build_file_details, build_report
from safehold.cybertip.document.errors import SERVICE, DocumentError
from safehold.cybertip.inputs import FilingInput
from safehold.cybertip.models import FILING, Filing, FilingFile


def preview(record: FilingInput) -> bytes:
    """The report as it would be submitted. Raises DocumentError."""
    document = build_report(schema.prepared(record))
    schema.check(document)
    return document


def preview_files(record: FilingInput) -> list[bytes]:
    """Every file's details as they would be sent, with stand-ins for the service's ids. Raises DocumentError."""
    record = schema.prepared(record)
    documents = [
        build_file_details(record, file, report_id=1, file_id="checked-before-filing") for file in record.files
    ]
    for document in documents:
        schema.check(document)
    return documents


def draft(record: FilingInput, *, actor: str = "system:safehold") -> Filing:
    """Store the exact document of a CyberTip. The same `ref` returns the first filing, unchanged.

    Only a filing that was ruled out as not reportable takes the new record: it is considered anew.
    Every file's details are built too (with a stand-in for the ids), so that nothing is found invalid
    after the report was opened. Raises DocumentError naming field, limit and source.
    """
    known = Filing.objects.filter(ref=record.ref).first()
    if known is not None and known.state != Filing.State.NOT_REPORTABLE:
        return known
    wanted = content(record)
    with transaction.atomic():
        row, made = Filing.objects.get_or_create(
            ref=record.ref, defaults={"environment": settings.SAFEHOLD.cybertip.environment, **wanted}
        )
        if made:
            audit.record("filing.drafted", actor=actor, about=row, **_told(row, record))
        elif row.state == Filing.State.NOT_REPORTABLE:
            wanted |= {"environment": settings.SAFEHOLD.cybertip.environment, "because": "", "ended_at": None}
            row = FILING.move(row, "reconsider", actor=actor, changes=wanted, ref=record.ref)
            row.files.all().delete()  # of the draft that was ruled out
        else:  # another process was first
            return row
        list_files(row, record)
    return row


def content(record: FilingInput) -> dict[str, Any]:
    """The columns that hold a record and its document, every document of it having been built once."""
    if record.as_of > timezone.now() + TOLERANCE:
        raise DocumentError("FilingInput/as_of", "must not lie in the future", SERVICE)
    document = preview(record)
    preview_files(record)
    sha256 = hashlib.sha256(document).hexdigest()
    return {"record": inputs.encode(schema.prepared(record)), "document": document, "document_sha256": sha256}


def list_files(row: Filing, record: FilingInput) -> None:
    """The rows of the record's files, none of them sent yet."""
    for position, file in enumerate(record.files):
        FilingFile.objects.create(filing=row, position=position, sealed_id=file.sealed_id)


def _told(row: Filing, record: FilingInput) -> dict[str, Any]:
    """What the audit chain says of a draft: ids and digests."""
    files = [file.sealed_id for file in record.files]
    return {"ref": row.ref, "environment": row.environment, "sha256": row.document_sha256, "files": files}
