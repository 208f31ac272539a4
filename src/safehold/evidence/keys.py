"""The vault's key pair and the objects' own keys.

Every object has a fresh streaming key (AES-256-GCM, segments of 1 MB), wrapped by HPKE (X25519,
RFC 9180) to the vault's public key and bound to the object's id. The wrapped keys are in `keystore`; the
private key is wherever `opening` finds it. A process with `SAFEHOLD.read_private_key` off never opens
it (design: invariant 14). Replacing the pair is in `rotation`.
"""

import functools

import tink
from django.conf import settings
from tink import hybrid, json_proto_keyset_format, proto_keyset_format, secret_key_access, streaming_aead

from safehold.evidence import opening
from safehold.evidence.errors import Corrupt, NoPrivateKey, NoPublicKey
from safehold.evidence.keystore import KeyRow
from safehold.evidence.opening import PRIVATE
from safehold.sealing.files import make_once

PUBLIC = "evidence-public.json"

streaming_aead.register()


def setup_keys() -> None:
    """Make the vault's key pair where it is not there yet. Calling again changes nothing.

    Never replaces a lost private key: with the public key there and the private one gone, existing
    evidence needs the old one, so NoPrivateKey asks for the backup. In a process that only writes, and
    where the private key is not in files, the public key must already be there (NoPublicKey).
    """
    public = settings.SAFEHOLD.keys / PUBLIC
    if not settings.SAFEHOLD.read_private_key or not opening.in_files():
        if not public.exists():
            raise NoPublicKey(
                f"{public} is missing and this process may not make it. Start a process that may read evidence first, "
                "or copy the public key file here (`safehold evidence new-key` makes a pair)."
            )
        return
    files = opening.opener()
    assert isinstance(files, opening.KeyFiles)  # noqa: S101 - in_files() said so
    if public.exists():
        if files.path_of(current_id()) is None:
            raise files.missing(current_id())
        return
    if len(files.paths()) > 1:
        raise NoPublicKey(f"{public} is missing, and several private keys are there: restore it from its backup.")
    text = make_once(files.folder / PRIVATE, new_private)
    make_once(public, lambda: public_of(text.decode()).encode())


def new_object_key() -> tink.KeysetHandle:
    """A fresh streaming key for one object."""
    return tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)


def wrap(key: tink.KeysetHandle, object_id: str) -> tuple[bytes, str]:
    """The object's key, encrypted so that only the private key opens it, and only for this object; and under which."""
    if not (settings.SAFEHOLD.keys / PUBLIC).exists():
        setup_keys()
    return wrap_plain(proto_keyset_format.serialize(key, secret_key_access.TOKEN), object_id)


def wrap_plain(plain: bytes, object_id: str) -> tuple[bytes, str]:
    """As `wrap`, for a key that was just unwrapped."""
    found, primitive = _public(_public_text())
    return primitive.encrypt(plain, object_id.encode()), found


def unwrap(row: KeyRow) -> tink.KeysetHandle:
    """The object's key. Raises NoPrivateKey, or Corrupt where the row was changed or belongs to another object."""
    try:
        return proto_keyset_format.parse(unwrap_plain(row), secret_key_access.TOKEN)
    except tink.TinkError:
        raise Corrupt(f"What was unwrapped for sealed:{row.object_id} is no key.") from None


def unwrap_plain(row: KeyRow) -> bytes:
    """The object's key as bytes, to be wrapped anew."""
    require_private()
    return opening.opener().unwrap(row.wrapped, row.object_id, row.under)


def require_private() -> None:
    """Raise NoPrivateKey unless this process may, and can, read evidence."""
    if not settings.SAFEHOLD.read_private_key:
        raise NoPrivateKey("This process only writes evidence (SAFEHOLD_EVIDENCE_WRITE_ONLY=1); it cannot read any.")
    opening.opener().require()


def current_id() -> str:
    """The fingerprint of the public key that new objects are wrapped to."""
    return _public(_public_text())[0]


def new_private() -> bytes:
    """A new private key, as the JSON that its file holds."""
    template = hybrid.hybrid_key_templates.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM
    return json_proto_keyset_format.serialize(tink.new_keyset_handle(template), secret_key_access.TOKEN).encode()


def public_of(private: str) -> str:
    """The public half of a private key, as the JSON that its file holds."""
    handle = json_proto_keyset_format.parse(private, secret_key_access.TOKEN)
    return json_proto_keyset_format.serialize_without_secret(handle.public_keyset_handle())


def id_of_public(text: str) -> str:
    """The fingerprint of a public key. Raises NoPublicKey for what is none."""
    return _public(text)[0]


def _public_text() -> str:
    path = settings.SAFEHOLD.keys / PUBLIC
    try:
        return path.read_text()
    except FileNotFoundError:
        raise NoPublicKey(f"{path} is missing. Restore it, or run `safehold setup`.") from None


@functools.lru_cache(maxsize=8)
def _public(text: str) -> tuple[str, hybrid.HybridEncrypt]:
    try:
        handle = json_proto_keyset_format.parse_without_secret(text)
        return opening.key_id(handle), handle.primitive(hybrid.HybridEncrypt)
    except tink.TinkError:
        raise NoPublicKey("The vault's public key cannot be read: the file holds no public key.") from None
