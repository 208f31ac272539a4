"""Signed checkpoints: what the chain's head was, outside the database. Called through `chain`.

`<data>/audit/checkpoints.jsonl` has one line each: number, position, hash, time, the SHA-256 of the line
before, the key's fingerprint, and an Ed25519 signature (RFC 8032) over all of these. Whoever wants
proof against somebody who holds this whole machine copies the file elsewhere, line by line.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils import timezone

from safehold.sealing.files import make_once, sync_folder

PRIVATE = "audit-signing.pem"
PUBLIC = "audit-verify.pem"
NO_HASH = "0" * 64  # stands before the first row and the first line
LONGEST_LINE = 2048  # bytes; ours are shorter than 600


class Checkpoint(msgspec.Struct, frozen=True):
    """One line of the file."""

    number: int
    position: int
    hash: str
    at: str
    previous: str
    key: str
    signature: str


class SigningKeyMissing(RuntimeError):
    """The signing key is gone while its public key is there: restore it, or start over knowingly."""


class Line(msgspec.Struct, frozen=True):
    """One line as it was read: its checkpoint if the signature holds, and what is wrong with it ("" = nothing)."""

    number: int
    point: Checkpoint | None
    wrong: str


def setup_keys() -> None:
    """Make the signing key, and beside it the public key that verifies, where they are not there yet.

    Raises SigningKeyMissing: a new key in place of a lost one would make every old checkpoint look forged.
    """
    folder = settings.SAFEHOLD.keys
    if (folder / PUBLIC).exists() and not (folder / PRIVATE).exists():
        raise SigningKeyMissing(f"{folder / PRIVATE} is missing but {PUBLIC} is there. Restore it from its backup.")
    private = _signer()
    make_once(settings.SAFEHOLD.keys / PUBLIC, lambda: _public_pem(private.public_key()))


def file() -> Path:
    """Where the checkpoints are."""
    path: Path = settings.SAFEHOLD.data / "audit" / "checkpoints.jsonl"
    return path


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One sealer, or one reader of the chain's end, at a time on this machine."""
    folder = file().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / "chain.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def last() -> Checkpoint | None:
    """The last complete line; None where there is none, or it is not ours. Needs the lock."""
    lines = _tail().splitlines()
    try:
        return msgspec.json.decode(lines[-1], type=Checkpoint) if lines else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def append(position: int, hash_: str) -> Checkpoint:
    """Sign the chain's head and append it, on the disk when this returns. Needs the lock."""
    setup_keys()
    _cut_torn_line()
    lines = _tail().splitlines()
    before = last()
    signer = _signer()
    line: dict[str, Any] = {
        "number": before.number + 1 if before else 1,
        "position": position,
        "hash": hash_,
        "at": timezone.now().isoformat(),
        "previous": hashlib.sha256(lines[-1]).hexdigest() if lines else NO_HASH,
        "key": fingerprint(signer.public_key()),
    }
    line["signature"] = signer.sign(_signed(line)).hex()
    new = not file().exists()
    handle = os.open(file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as out:
        out.write(json.dumps(line).encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())
    if new:
        sync_folder(file().parent)
    return msgspec.convert(line, Checkpoint)


def sign(data: bytes) -> bytes:
    """The installation's signature (Ed25519, RFC 8032) over something else than a checkpoint: a package's list.

    `data` must not be a JSON object, so that no signature passes for a checkpoint's (ValueError).
    """
    if data.lstrip().startswith(b"{"):
        raise ValueError("This could be read as a checkpoint: it is not signed.")
    setup_keys()
    return _signer().sign(data)


def read(size: int, key: Ed25519PublicKey) -> Iterator[Line]:
    """The lines within the file's first `size` bytes, each checked: form, signature, number, the line before."""
    if size == 0:
        return
    previous, number, expected = NO_HASH, 0, 1
    with file().open("rb") as lines:
        while lines.tell() < size:
            raw = lines.readline(LONGEST_LINE)
            number += 1
            point, wrong = _checked(raw, key)
            if point is not None and point.number != expected:
                wrong = f"number {expected} should stand here, not {point.number}: lines are missing or out of order"
            elif point is not None and point.previous != previous:
                wrong = "the line before it is not the one that it was signed after"
            yield Line(number, point, wrong)
            expected = (point.number if point else expected) + 1
            previous = hashlib.sha256(raw.rstrip(b"\n")).hexdigest()


def public_key() -> Ed25519PublicKey | None:
    """The key that verifies: the public key file, or what the signing key gives; None where both are gone."""
    folder = settings.SAFEHOLD.keys
    if (folder / PUBLIC).exists():
        found = serialization.load_pem_public_key((folder / PUBLIC).read_bytes())
    elif (folder / PRIVATE).exists():
        found = _signer().public_key()
    else:
        return None
    if not isinstance(found, Ed25519PublicKey):
        raise TypeError(f"{folder / PUBLIC} holds no Ed25519 key.")
    return found


def fingerprint(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _checked(raw: bytes, key: Ed25519PublicKey) -> tuple[Checkpoint | None, str]:
    """The checkpoint of a line if this installation signed exactly this line, or why not."""
    if not raw.endswith(b"\n"):
        return None, "the line is not complete"
    try:
        point = msgspec.json.decode(raw, type=Checkpoint)
        line = msgspec.to_builtins(point)
        key.verify(bytes.fromhex(point.signature), _signed({k: v for k, v in line.items() if k != "signature"}))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None, "this is no checkpoint"
    except InvalidSignature:
        return None, "the signature is not by this installation's key: forged or changed"
    if json.dumps(line).encode() + b"\n" != raw:
        return None, "the line was changed where the signature does not reach"
    return point, ""


def _signed(line: dict[str, Any]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode()


def _tail() -> bytes:
    """The end of the file up to its last complete line: at least that line, where there is one."""
    try:
        with file().open("rb") as lines:
            lines.seek(max(0, lines.seek(0, os.SEEK_END) - 2 * LONGEST_LINE))
            return lines.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return b""


def _cut_torn_line() -> None:
    """A line that a crash cut off never counted: its head is signed anew."""
    try:
        with file().open("r+b") as lines:
            size = lines.seek(0, os.SEEK_END)
            lines.seek(max(0, size - LONGEST_LINE))
            torn = len(lines.read().rpartition(b"\n")[2])
            if torn:
                lines.truncate(size - torn)
    except FileNotFoundError:
        return


def _signer() -> Ed25519PrivateKey:
    pem = make_once(settings.SAFEHOLD.keys / PRIVATE, _new_private)
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{settings.SAFEHOLD.keys / PRIVATE} holds no Ed25519 key.")
    return key


def _new_private() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
