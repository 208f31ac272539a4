"""What a person needs to file a report in NCMEC's web form: one zip file, made from the filing's stored record.

Others reach `packet` through `service`; `Sheet` is the same for a printable page. The packet holds the exact
document, the details of every file, a list of the files with their hashes, and instructions. The files themselves
stay in the vault: they leave it by the hand-over of a custodian alone.
"""

import io
import json
import zipfile
from typing import Any

import msgspec

from safehold.cybertip import inputs
from safehold.cybertip.document.build import build_file_details
from safehold.cybertip.models import Filing

WEB_FORM = "https://report.cybertip.org"


class SheetFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the report, as the form asks for it."""

    number: int
    sealed_id: str
    name: str
    size: int | None
    hashes: tuple[tuple[str, str], ...]
    viewed: bool
    public: bool | None
    uploaded_at: str
    url: str


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A filing as one sheet: the document and its files."""

    ref: str
    environment: str
    document: str
    sha256: str
    files: tuple[SheetFile, ...]


def sheet(filing: Filing) -> Sheet:
    """The stored record as a sheet. Raises ValueError for a filing that was never drafted (not reportable)."""
    if not filing.record:
        raise ValueError("Nothing was drafted for this filing: there is no report to show.")
    record = inputs.decode(bytes(filing.record))
    return Sheet(
        ref=filing.ref,
        environment=filing.environment,
        document=bytes(filing.document).decode(),
        sha256=filing.document_sha256,
        files=tuple(_file(number, one) for number, one in enumerate(record.files, start=1)),
    )


def packet(filing: Filing) -> bytes:
    """The zip file. The same filing gives the same bytes. Raises ValueError as `sheet`."""
    told = sheet(filing)
    record = inputs.decode(bytes(filing.record))
    parts = {
        "README.txt": instructions(told).encode(),
        "report.xml": bytes(filing.document),
        "files.json": _json({"report_sha256": told.sha256, "files": [msgspec.to_builtins(one) for one in told.files]}),
    }
    for number, one in enumerate(record.files, start=1):
        details = build_file_details(record, one, report_id=1, file_id=f"file-{number}")
        parts[f"file-{number}.xml"] = details
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            entry = zipfile.ZipInfo(name, date_time=filing.drafted_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, body)
    return out.getvalue()


def instructions(told: Sheet) -> str:
    """What to do with the packet, in the order of doing it."""
    practice = told.environment != "production"
    lines = [
        "CyberTipline report to be filed by hand",
        "",
        f"Filing: {told.ref}    Environment: {told.environment}",
        f"SHA-256 of report.xml: {told.sha256}",
        "",
        *(
            ["THIS REPORT WAS MADE FOR PRACTICE OR TEST. Do not send it to NCMEC's production form.", ""]
            if practice
            else []
        ),
        "1. Safehold's worker does not file this report as long as it is in your hands. Nobody else should.",
        f"2. Sign in to NCMEC's web form ({WEB_FORM}) with the organisation's own login.",
        "3. Enter what report.xml says, field by field; the names of the elements are those of the form. Where the",
        "   form has no field for something, put it into the additional information.",
        "4. files.json lists the files with their hashes; file-N.xml says what is known of each. The packet holds no",
        "   file. Where the form wants one, an evidence custodian takes it from the vault; else write that the files",
        "   are preserved, and give the hashes.",
        '5. Say that a file was viewed only where files.json says "viewed": true.',
        "6. Send the form, note the number that NCMEC gives, and enter it in Safehold at once: the duty to preserve",
        "   for one year (18 USC 2258A(h)) is recorded with it.",
        "7. Not sent after all? Give the report back in Safehold, so that the worker files it.",
        "8. Destroy this packet afterwards. It holds personal data, and what a report says may be disclosed only as",
        "   18 USC 2258A(g) allows.",
        "",
        f"Files: {len(told.files)}",
    ]
    for one in told.files:
        hashes = ", ".join(f"{name} {value}" for name, value in one.hashes)
        lines.append(f"  {one.number}. {one.name or '(no name)'}, {one.size} bytes, {hashes}")
    return "\n".join(lines) + "\n"


def _file(number: int, one: inputs.FileInput) -> SheetFile:
    return SheetFile(
        number=number,
        sealed_id=one.sealed_id,
        name=one.file_name,
        size=one.size,
        hashes=one.hashes,
        viewed=one.viewed,
        public=one.public,
        uploaded_at="" if one.uploaded_at is None else one.uploaded_at.isoformat(),
        url=one.url,
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
