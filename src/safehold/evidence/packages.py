"""Checking a sealed package without the installation that made it: no settings, no database, no network.

`verify` is for the command `safehold evidence verify-package`; the names of a package's files are for
`handover`. Nothing is written to the disk.
"""

import hashlib
import json
import os
import tarfile
import threading
from pathlib import Path
from typing import Any

import msgspec
import pyrage
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST, AUDIT, STATEMENT = "manifest.json", "audit.jsonl", "statement.txt"
SUMS, SIGNATURE, KEY = "SHA256SUMS", "SHA256SUMS.sig", "audit-verify.pem"
SMALL = 256 * 1024 * 1024  # bytes of a file that is kept in memory: lists, not objects


class Verdict(msgspec.Struct):
    """What a check found. Everything holds where `problems` is empty."""

    package: str = ""
    files: int = 0
    fingerprint: str = ""  # of the key that the signature was checked with
    own_key: bool = True  # that key came with the package: compare its fingerprint by another way
    problems: list[str] = []


def object_name(object_id: object) -> str:
    """Where an object is in the package. The host's file name stands in the manifest alone."""
    return f"objects/{object_id}"


def verify(path: Path, identity: str, *, key: bytes | None = None) -> Verdict:
    """Open the package with the authority's age identity and check every hash and the signature.

    `key` is the provider's audit-verify.pem as received by another way. Raises ValueError for an identity
    that is none; a package that does not open is a problem in the verdict.
    """
    try:
        opened = pyrage.x25519.Identity.from_str(identity.strip())
    except pyrage.IdentityError:
        raise ValueError("The identity must be one line that begins with AGE-SECRET-KEY-1.") from None
    verdict = Verdict(own_key=key is None)
    hashes: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    try:
        _read(path, opened, hashes, kept, verdict.problems)
    except (tarfile.TarError, pyrage.DecryptError, OSError, EOFError) as error:
        verdict.problems.append(f"the package does not open: damaged, cut short, or for another key ({error})")
        return verdict
    verdict.files = len(hashes)
    _check_sums(hashes, kept, verdict)
    _check_signature(kept, key, verdict)
    _check_manifest(hashes, kept, verdict)
    return verdict


def _read(path: Path, opened: Any, hashes: dict[str, str], kept: dict[str, bytes], problems: list[str]) -> None:
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def unseal() -> None:
        with os.fdopen(writing, "wb") as sink, path.open("rb") as source:
            try:
                pyrage.decrypt_io(source, sink, [opened])
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits for it
                failed.append(error)

    thread = threading.Thread(target=unseal, name="age")
    thread.start()
    try:
        with os.fdopen(reading, "rb") as source:
            try:
                with tarfile.open(fileobj=source, mode="r|") as tar:
                    for member in tar:
                        _take(tar, member, hashes, kept, problems)
            finally:
                while source.read(1 << 20):  # to the end, so that the other side is not left writing
                    pass
    finally:
        thread.join()
        if failed:
            raise failed[0]


def _take(
    tar: tarfile.TarFile, member: tarfile.TarInfo, hashes: dict[str, str], kept: dict[str, bytes], problems: list[str]
) -> None:
    if not member.isfile() or member.name in hashes:
        problems.append(f"{member.name}: not a plain file, or there twice")
        return
    content = tar.extractfile(member)
    digest = hashlib.sha256()
    parts = []
    small = not member.name.startswith("objects/") and member.size <= SMALL
    while content is not None and (chunk := content.read(1 << 20)):
        digest.update(chunk)
        if small:
            parts.append(chunk)
    hashes[member.name] = digest.hexdigest()
    if small:
        kept[member.name] = b"".join(parts)


def _check_sums(hashes: dict[str, str], kept: dict[str, bytes], verdict: Verdict) -> None:
    lines = kept.get(SUMS, b"").decode("utf-8", "replace").splitlines()
    pairs = [line.split("  ", 1) for line in lines if "  " in line]
    listed = {name: digest for digest, name in pairs}
    if not listed:
        verdict.problems.append(f"{SUMS} is missing or empty")
    for name, digest in listed.items():
        if name not in hashes:
            verdict.problems.append(f"{name} is missing")
        elif hashes[name] != digest:
            verdict.problems.append(f"{name} is not what {SUMS} says")
    for name in hashes.keys() - listed.keys() - {SUMS, SIGNATURE, KEY}:
        verdict.problems.append(f"{name} is in no list")


def _check_signature(kept: dict[str, bytes], key: bytes | None, verdict: Verdict) -> None:
    try:
        public = serialization.load_pem_public_key(key or kept.get(KEY, b""))
    except ValueError:
        verdict.problems.append("there is no key to check the signature with")
        return
    if not isinstance(public, Ed25519PublicKey):
        verdict.problems.append("the key is no Ed25519 key")
        return
    verdict.fingerprint = hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]
    try:
        public.verify(kept.get(SIGNATURE, b""), kept.get(SUMS, b""))
    except InvalidSignature:
        verdict.problems.append(f"the signature over {SUMS} is not by the key {verdict.fingerprint}")


def _check_manifest(hashes: dict[str, str], kept: dict[str, bytes], verdict: Verdict) -> None:
    try:
        manifest = json.loads(kept.get(MANIFEST, b""))
        verdict.package = str(manifest["package"])
        named = {row["file"]: row["sha256"] for row in manifest["objects"] if row["file"]}
    except (ValueError, KeyError, TypeError):
        verdict.problems.append(f"{MANIFEST} cannot be read")
        return
    there = {name: digest for name, digest in hashes.items() if name.startswith("objects/")}
    if named != there:
        verdict.problems.append(f"the objects are not those that {MANIFEST} names")
