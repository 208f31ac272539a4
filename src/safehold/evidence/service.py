"""The vault's public face: `preserve`, and by name what the room's other modules do.

Look (`looking`): `veiled`, `reveal`, `shown`, `open_sealed`, `cover`, `verify_body`, `viewed_whole`;
`exposure` counts looks by person. Let look (`grants`): `grant`, `end_grant`, `grant_for`. Hold (`holds`):
`place_hold`, `place_legal_hold`, `extend_hold`, `end_holds_due`, `holds_in_force`. Two people (`requests`): `ask`,
`approve`, `refuse`, `withdraw`. Destroy (`destruction`): `destroy`, `sweep`. Hand over (`handover`): `pack`.
Keys (`keys`, `rotation`, `keybackup`). Errors: see `errors`.
"""

import contextlib
import hashlib
import uuid
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from tink.streaming_aead import StreamingAead

from safehold.audit import service as audit
from safehold.evidence import bodies, keys, keystore
from safehold.evidence.destruction import compare as compare_keys
from safehold.evidence.destruction import destroy, sweep
from safehold.evidence.errors import (
    Corrupt,
    Destroyed,
    EvidenceError,
    HoldInForce,
    KeyRetired,
    KeyServiceFailed,
    KeyStoreFailed,
    NeedsSecondPerson,
    NoPrivateKey,
    NoPublicKey,
    NotAPicture,
    NotRevealed,
    StillNeeded,
    UnknownEvidence,
    WouldShorten,
)
from safehold.evidence.exposure import Exposure, exposure
from safehold.evidence.grants import end_grant, grant, grant_for, grants_in_force, needs_two
from safehold.evidence.handover import NotAgreed, pack
from safehold.evidence.handover import fetch as fetch_package
from safehold.evidence.handover import remove_old as remove_old_packages
from safehold.evidence.holds import (
    end_hold_early,
    end_holds_due,
    extend_hold,
    holds_in_force,
    place_hold,
    place_legal_hold,
    unheld,
)
from safehold.evidence.keybackup import backup as backup_keys
from safehold.evidence.keybackup import copies as key_copies
from safehold.evidence.keybackup import restore as restore_keys
from safehold.evidence.keys import current_id as current_key
from safehold.evidence.keys import setup_keys
from safehold.evidence.keystore import vault_keys
from safehold.evidence.looking import (
    PURPOSES,
    SHOWN_FOR,
    cover,
    end_looks_due,
    nothing_shown,
    open_sealed,
    reveal,
    shown,
    veiled,
    verify_all,
    verify_body,
    viewed_whole,
)
from safehold.evidence.models import Sealed
from safehold.evidence.opening import answer as answer_unwrap
from safehold.evidence.requests import approve, ask, refuse, wanted, withdraw
from safehold.evidence.rotation import begin as begin_rotation
from safehold.evidence.rotation import needed_until, rewrap_all, write_pair
from safehold.evidence.rotation import retire as retire_key
from safehold.evidence.rotation import waiting as rewrapping
from safehold.evidence.shown import type_of as type_of_shown

__all__ = [
    "PURPOSES",
    "SHOWN_FOR",
    "Corrupt",
    "Destroyed",
    "EvidenceError",
    "Exposure",
    "HoldInForce",
    "KeyRetired",
    "KeyServiceFailed",
    "KeyStoreFailed",
    "NeedsSecondPerson",
    "NoPrivateKey",
    "NoPublicKey",
    "NotAPicture",
    "NotAgreed",
    "NotRevealed",
    "StillNeeded",
    "UnknownEvidence",
    "WouldShorten",
    "answer_unwrap",
    "approve",
    "ask",
    "backup_keys",
    "begin_rotation",
    "compare_keys",
    "cover",
    "current_key",
    "destroy",
    "end_grant",
    "end_hold_early",
    "end_holds_due",
    "end_looks_due",
    "exposure",
    "extend_hold",
    "fetch_package",
    "grant",
    "grant_for",
    "grants_in_force",
    "holds_in_force",
    "key_copies",
    "needed_until",
    "needs_two",
    "not_destroyed",
    "nothing_shown",
    "open_sealed",
    "pack",
    "place_hold",
    "place_legal_hold",
    "preserve",
    "refuse",
    "remove_old_packages",
    "restore_keys",
    "retire_key",
    "reveal",
    "rewrap_all",
    "rewrapping",
    "setup_keys",
    "shown",
    "sweep",
    "type_of_shown",
    "unheld",
    "vault_keys",
    "veiled",
    "verify_all",
    "verify_body",
    "viewed_whole",
    "wanted",
    "withdraw",
    "write_pair",
]


def preserve(chunks: Iterable[bytes], *, media_type: str, file_name: str, about: str, actor: str) -> Sealed:
    """Encrypt and keep what `chunks` yields; returns its record with hashes of the plain content.

    Streams: at most a few megabytes are in memory. Needs the public key only. The wrapped key is in the key
    store before the first byte, the body before its record; record and act are one transaction at the end.
    Where anything fails before that, key and body are taken back and nothing was preserved; what a crash
    leaves, `sweep` takes. Every call makes a new object, also of equal content.
    """
    object_id = uuid.uuid4()
    key = keys.new_object_key()
    wrapped, pair = keys.wrap(key, str(object_id))
    writer = bodies.Writer(object_id)
    keystore.put(str(object_id), wrapped, pair)
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5", "sha1")}
    size = 0
    try:
        stream = key.primitive(StreamingAead).new_encrypting_stream(writer, object_id.bytes)
        for chunk in chunks:
            size += len(chunk)
            for digest in hashes.values():
                digest.update(chunk)
            stream.write(chunk)
        stream.close()
        with transaction.atomic():
            row = Sealed.objects.create(
                id=object_id,
                size=size,
                parts=writer.parts,
                media_type=_plain_text(media_type)[:100] or "application/octet-stream",
                file_name=_plain_text(file_name)[-255:],
                about=about,
                made_at=timezone.now(),
                **{name: digest.hexdigest() for name, digest in hashes.items()},
            )
            audit.record("evidence.preserved", actor=actor, about=row, concerns=about, sha256=row.sha256, size=size)
    except BaseException as error:
        with contextlib.suppress(Exception):  # `sweep` takes what stays; the first failure is the one to tell
            writer.discard()
        with contextlib.suppress(EvidenceError):
            keystore.destroy(str(object_id))
        if writer.failed is not None and writer.failed is not error:
            raise writer.failed from None
        raise
    return row


def not_destroyed(sealed_ids: Iterable[UUID]) -> list[UUID]:
    """Those of the objects that are not destroyed, in the order in which they were preserved."""
    rows = Sealed.objects.filter(pk__in=list(sealed_ids), destroyed_at=None)
    return list(rows.order_by("made_at", "pk").values_list("pk", flat=True))


def _plain_text(text: str) -> str:
    """Without control characters: a file name is somebody else's text."""
    return "".join(letter for letter in text if letter.isprintable())
