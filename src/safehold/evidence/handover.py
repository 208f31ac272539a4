"""Sealed packages for authorities: what was agreed to, encrypted to the authority's key. Called through `service`.

A package is a tar file inside an age file (https://age-encryption.org/v1). It is written as a stream: plain
content is never on the disk, and memory stays flat. In the tar: `objects/<id>`, `manifest.json`,
`audit.jsonl`, `statement.txt`, `SHA256SUMS` over all of these, its Ed25519 signature, and the key that
verifies it. `packages` checks one without this installation; docs/operations.md has the same with plain tools.
"""

import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import pyrage
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from safehold.audit import checkpoints
from safehold.audit import service as audit
from safehold.audit.models import Entry
from safehold.evidence.looking import open_sealed
from safehold.evidence.models import Package, Request, Sealed
from safehold.evidence.packages import AUDIT, KEY, MANIFEST, SIGNATURE, STATEMENT, SUMS, object_name
from safehold.sealing.files import sync_folder

KEPT_FOR = timedelta(days=30)  # that a package's file stays here to be fetched


class NotAgreed(ValueError):
    """There is no hand-over that two custodians agreed to under this id."""


def path_of(request: Request) -> Path:
    """Where the package's file is."""
    return settings.SAFEHOLD.data / "handover" / f"{request.pk}.tar.age"


def pack(request_id: UUID | str, *, actor: str) -> Package:
    """Make the package of a hand-over that was agreed to; again: the same one.

    Raises NotAgreed; Corrupt and its kin where an object cannot be read: then there is no package. Must not
    run inside a transaction: each object read is a look of its own, on record before its first byte.
    """
    request = Request.objects.filter(
        pk=request_id, kind=Request.Kind.HAND_OVER, state=Request.State.APPROVED
    ).first()  # fmt: skip
    if request is None:
        raise NotAgreed(f"No hand-over that was agreed to has the id {request_id}.")
    known = Package.objects.filter(request=request).first()
    if known is not None:
        return known
    path = path_of(request)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".part")
    try:
        manifest_hash = _write(beside, request, actor)
        size, digest = _measure(beside)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    with transaction.atomic():
        row, _made = Package.objects.get_or_create(
            request=request,
            defaults={"sha256": digest, "size": size, "manifest_sha256": manifest_hash, "made_at": timezone.now()},
        )
        audit.record(
            "evidence.packed", actor=actor, about=request, sha256=digest, size=size, manifest=manifest_hash,
            recipient=request.details["recipient"], authority=request.authority, document=request.document,
        )  # fmt: skip
    return row


def fetch(request_id: UUID | str, *, actor: str) -> Path:
    """A custodian takes the package's file to give to the authority; on record. Raises NotAgreed, FileNotFoundError."""
    row = Package.objects.select_related("request").filter(request__pk=request_id).first()
    if row is None:
        raise NotAgreed(f"No package was made for request {request_id} yet.")
    path = path_of(row.request)
    if row.file_gone_at is not None or not path.exists():
        raise FileNotFoundError("The package's file was removed. Ask for the hand-over again.")
    with transaction.atomic():
        audit.record(
            "evidence.handed_over", actor=actor, about=row.request, sha256=row.sha256, authority=row.request.authority,
            document=row.request.document,
        )  # fmt: skip
    return path


def remove_old(*, actor: str) -> int:
    """Remove the files of packages after thirty days; what was handed over stays on record."""
    removed = 0
    for row in Package.objects.filter(file_gone_at=None, made_at__lt=timezone.now() - KEPT_FOR):
        path_of(row.request).unlink(missing_ok=True)
        with transaction.atomic():
            Package.objects.filter(pk=row.pk).update(file_gone_at=timezone.now())
            audit.record("evidence.package_removed", actor=actor, about=row.request)
        removed += 1
    return removed


def _write(path: Path, request: Request, actor: str) -> str:
    """Tar into a pipe, age out of it into the file. Returns the manifest's SHA-256."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        recipient = pyrage.x25519.Recipient.from_str(request.details["recipient"])

        def seal() -> None:
            with os.fdopen(reading, "rb") as source:
                try:
                    pyrage.encrypt_io(source, out, [recipient])
                except BaseException as error:  # noqa: BLE001 - told to the thread that waits for it
                    failed.append(error)

        thread = threading.Thread(target=seal, name="age")
        thread.start()
        try:
            with os.fdopen(writing, "wb") as sink, tarfile.open(fileobj=sink, mode="w|") as tar:
                manifest_hash = _fill(tar, request, actor)
        except BrokenPipeError:
            manifest_hash = ""  # the other side says why
        finally:
            thread.join()
        if failed:
            raise failed[0]
        out.flush()
        os.fsync(out.fileno())
    return manifest_hash


def _fill(tar: tarfile.TarFile, request: Request, actor: str) -> str:
    rows = list(request.items.order_by("made_at", "pk"))
    sums: list[str] = []

    def add(name: str, data: bytes) -> str:
        _add(tar, name, len(data), io.BytesIO(data))
        digest = hashlib.sha256(data).hexdigest()
        sums.append(f"{digest}  {name}\n")
        return digest

    present = [row for row in rows if row.destroyed_at is None]
    for row in present:
        chunks = open_sealed(row.pk, actor=actor, purpose="hand_over", about=audit.ref(request))
        _add(tar, object_name(row.pk), row.size, _Stream(chunks))
        sums.append(f"{row.sha256}  {object_name(row.pk)}\n")
    manifest_hash = add(MANIFEST, json.dumps(_manifest(request, rows), indent=1, sort_keys=True).encode())
    add(AUDIT, b"".join(_extract(request, rows)))
    add(STATEMENT, _statement(request, present).encode())
    listed = "".join(sums).encode()
    _add(tar, SUMS, len(listed), io.BytesIO(listed))
    signature = checkpoints.sign(listed)
    _add(tar, SIGNATURE, len(signature), io.BytesIO(signature))
    key = (settings.SAFEHOLD.keys / checkpoints.PUBLIC).read_bytes()
    _add(tar, KEY, len(key), io.BytesIO(key))
    return manifest_hash


def _add(tar: tarfile.TarFile, name: str, size: int, content: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(timezone.now().timestamp())
    tar.addfile(info, content)
    if isinstance(content, _Stream):
        content.finish()


class _Stream(io.RawIOBase):
    """Chunks as a file that is read once; `finish` reads to the end, where the hash is checked."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def finish(self) -> None:
        if self._rest or any(self._chunks):
            raise ValueError("An object is longer than its record says.")


def _manifest(request: Request, rows: list[Sealed]) -> dict[str, Any]:
    return {
        "package": str(request.pk),
        "made_at": timezone.now().isoformat(),
        "provider": settings.SAFEHOLD.provider.name,
        "authority": request.authority,
        "document": request.document,
        "concerns": request.about,
        "asked_by": request.asked_by,
        "approved_by": request.settled_by,
        "signed_by": checkpoints.fingerprint(_verifying_key()),
        "objects": [
            {
                "file": object_name(row.pk) if row.destroyed_at is None else None,
                "id": str(row.pk),
                "about": row.about,
                "name": row.file_name,
                "media_type": row.media_type,
                "size": row.size,
                "sha256": row.sha256,
                "sha1": row.sha1,
                "md5": row.md5,
                "preserved_at": row.made_at.isoformat(),
                "destroyed_at": row.destroyed_at.isoformat() if row.destroyed_at else None,
            }
            for row in rows
        ],
    }


def _verifying_key() -> Any:
    checkpoints.setup_keys()
    return checkpoints.public_key()


def _extract(request: Request, rows: list[Sealed]) -> Iterator[bytes]:
    """Every act on record about the request, the case and these objects, with its place in the chain."""
    refs = [audit.ref(request), *(audit.ref(row) for row in rows), *(row.about for row in rows)]
    wanted = Q(about__in=refs) | (Q(about=request.about) if request.about else Q(pk=None))
    for entry in Entry.objects.filter(wanted).select_related("detail", "seal").order_by("pk").iterator():
        seal = getattr(entry, "seal", None)
        detail = getattr(entry, "detail", None)
        line = {
            "id": entry.pk,
            "at": entry.at.isoformat(),
            "act": entry.act,
            "actor": entry.actor,
            "about": entry.about,
            "digest": entry.digest,
            "details": detail.body if detail else None,
            "salt": detail.salt if detail else None,
            "position": seal.position if seal else None,
            "hash": seal.hash if seal else None,
        }
        yield json.dumps(line, sort_keys=True).encode() + b"\n"


def _statement(request: Request, rows: list[Sealed]) -> str:
    provider = settings.SAFEHOLD.provider
    return f"""Statement to package {request.pk}

{provider.name} hands over {len(rows)} objects to {request.authority},
on the ground of: {request.document}.

The requester was verified as follows: {request.verified}
One custodian asked for this hand-over, another one agreed; both stand in manifest.json by their ids.

Each object is byte for byte what was preserved at the time in manifest.json. Its hashes were taken when it
was preserved and checked again when it was read for this package. audit.jsonl holds every act on record
about these objects: who preserved them, who looked at them and when, who held them and why.

How to verify: SHA256SUMS lists every file above it. SHA256SUMS.sig is an Ed25519 signature over SHA256SUMS.
The key is in audit-verify.pem; compare its fingerprint, {checkpoints.fingerprint(_verifying_key())},
with what {provider.name} tells you by another way.

    sha256sum --check SHA256SUMS
    openssl pkeyutl -verify -pubin -inkey audit-verify.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
"""


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, _digest(file)


def _digest(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
