"""Replacing the vault's key pair: every wrapped key is wrapped anew, no body is touched. Called through `service`.

`rotate` may be killed at any point and run again: what is wrapped to the new key stays so, the rest is
done. The old private key is needed until `retire` says otherwise: while a row, or a backup of the key
store, is still wrapped to it.
"""

import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.evidence import keys, keystore, opening
from safehold.evidence.errors import EvidenceError, NoPublicKey, StillNeeded
from safehold.sealing.files import make_once, sync_folder


class Progress(msgspec.Struct, frozen=True):
    """How far a rotation is."""

    done: int
    total: int
    failed: tuple[str, ...] = ()  # objects whose key could not be unwrapped; they keep their old wrapping


def begin(*, actor: str, public: str = "") -> str:
    """Let new objects be wrapped to a new key; returns its id. From here on `rewrap_all` has something to do.

    With the private key in files the pair is made here. Otherwise give the `public` half of a pair whose
    private half the variable or the key service already holds (NoPublicKey where it is not given).
    """
    if public:
        new = keys.id_of_public(public)
    elif opening.in_files():
        text = keys.new_private().decode()
        new, public = opening.id_of_private(text), keys.public_of(text)
        files = opening.opener()
        if not isinstance(files, opening.KeyFiles):
            raise TypeError("Key files are not where the setting says.")
        make_once(files.folder / f"evidence-private-{new}.json", text.encode)
    else:
        raise NoPublicKey("The private key is not in files here: make a pair with `safehold evidence new-key` and give "
                          "its public half.")  # fmt: skip
    old = keys.current_id()
    keystore.note_replaced(old)
    if new != old:
        _replace(settings.SAFEHOLD.keys / keys.PUBLIC, public.encode())
        keystore.note_replaced(new)
        with transaction.atomic():
            audit.record("vault.key_replaced", actor=actor, about=f"vaultkey:{new}", before=old)
    return new


def write_pair(private: Path, public: Path) -> str:
    """A new pair in two new files, for a key service or a variable. Raises FileExistsError; returns its id."""
    for path in (private, public):
        if path.exists():
            raise FileExistsError(f"{path} is there already: nothing is written over it.")
    text = make_once(private, keys.new_private).decode()
    make_once(public, lambda: keys.public_of(text).encode())
    return opening.id_of_private(text)


def waiting() -> int:
    """How many keys are not wrapped to the current key of the vault."""
    current = keys.current_id()
    return sum(key.rows for key in keystore.vault_keys() if key.id != current)


def rewrap_all(*, actor: str) -> Iterator[Progress]:
    """Wrap every key to the current public key, a row at a time; yields after each. Run again after a kill.

    What cannot be unwrapped is skipped and named in the last Progress; it keeps its old key from being retired.
    """
    keys.require_private()
    current, after, done, failed = keys.current_id(), "", 0, []
    total = waiting()
    yield Progress(0, total)
    while rows := keystore.not_under(current, after=after):
        for row in rows:
            after = row.object_id
            try:
                wrapped, under = keys.wrap_plain(keys.unwrap_plain(row), row.object_id)
            except EvidenceError:
                failed.append(row.object_id)
                continue
            done += keystore.rewrap(row, wrapped, under)
            yield Progress(done, max(total, done))
    if done or failed:
        with transaction.atomic():
            audit.record(
                "vault.rewrapped", actor=actor, about=f"vaultkey:{current}", objects=done, failed=failed[:1000]
            )
    yield Progress(done, max(total, done), tuple(failed))


def needed_until(key: str) -> datetime | None:
    """When the last backup of the key store that may need this key has expired; None for the current key."""
    row = next((one for one in keystore.vault_keys() if one.id == key), None)
    if row is None or row.replaced_at is None:
        return None
    return keystore.moment(row.replaced_at) + timedelta(days=settings.SAFEHOLD.key_backup_days)


def retire(key: str, *, actor: str, now: bool = False) -> bool:
    """End a key of the vault: nothing needs it, so its private half is destroyed. True where the file was deleted here.

    Raises StillNeeded while an object needs it or, unless `now`, a backup of the key store may. Where the
    private key is not in files, the operator takes it out of the variable or the service afterwards.
    """
    until = needed_until(key)
    if not now and until is not None and until > timezone.now():
        raise StillNeeded(
            f"Backups of the key store may need the key {key} until {until:%Y-%m-%d}. Make a fresh one with "
            "`safehold evidence keys-backup`, destroy the older ones, and say --now if the key was exposed."
        )
    keystore.retire(key)
    with transaction.atomic():
        audit.record("vault.key_retired", actor=actor, about=f"vaultkey:{key}", backups_expired=not now)
    source = opening.opener()
    path = source.path_of(key) if isinstance(source, opening.KeyFiles) else None
    if path is None:
        return False
    _shred(path)
    return True


def _replace(path: Path, data: bytes) -> None:
    """Put new content in place of a file at once: readers see the old or the new, also after a power cut."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def _shred(path: Path) -> None:
    """Overwrite, then delete: what a disk keeps of old blocks is the disk's encryption to cover."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
