"""The vault's key pair and the objects' own keys.

Every object has a fresh streaming key (AES-256-GCM, segments of 1 MB), wrapped by HPKE (X25519,
RFC 9180) to the vault's public key and bound to the object's id. The private key is a file that a
process with `SAFEHOLD.read_private_key` off never opens (design: invariant 14).
"""

import functools
from pathlib import Path

import tink
from django.conf import settings
from tink import hybrid, json_proto_keyset_format, proto_keyset_format, secret_key_access, streaming_aead

from safehold.evidence.errors import Corrupt, NoPrivateKey, NoPublicKey
from safehold.sealing.files import make_once

PRIVATE = "evidence-private.json"
PUBLIC = "evidence-public.json"

streaming_aead.register()
hybrid.register()


def setup_keys() -> None:
    """Make the vault's key pair where it is not there yet. Calling again changes nothing.

    Never replaces a lost private key: with the public key there and the private one gone, existing
    evidence needs the old one, so NoPrivateKey asks for the backup. In a process that only writes,
    the public key must already be there (NoPublicKey).
    """
    folder = settings.SAFEHOLD.keys
    private, public = folder / PRIVATE, folder / PUBLIC
    if not settings.SAFEHOLD.read_private_key:
        if not public.exists():
            raise NoPublicKey(
                f"{public} is missing and this process may not make it. Start a process that may read evidence first, "
                "or copy the public key file here."
            )
        return
    if public.exists() and not private.exists():
        raise NoPrivateKey(f"{private} is missing but {PUBLIC} is there. Restore the private key from its backup.")
    text = make_once(private, _new_private)
    if not public.exists():
        handle = json_proto_keyset_format.parse(text.decode(), secret_key_access.TOKEN)
        half = json_proto_keyset_format.serialize_without_secret(handle.public_keyset_handle())
        make_once(public, half.encode)


def new_object_key() -> tink.KeysetHandle:
    """A fresh streaming key for one object."""
    return tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)


def wrap(key: tink.KeysetHandle, object_id: str) -> bytes:
    """The object's key, encrypted so that only the private key opens it, and only for this object."""
    path = settings.SAFEHOLD.keys / PUBLIC
    if not path.exists():
        setup_keys()
    plain = proto_keyset_format.serialize(key, secret_key_access.TOKEN)
    return _encrypter(path).encrypt(plain, object_id.encode())


def unwrap(wrapped: bytes, object_id: str) -> tink.KeysetHandle:
    """The object's key. Raises NoPrivateKey, or Corrupt where the row was changed or belongs to another object."""
    require_private()
    try:
        plain = _decrypter(settings.SAFEHOLD.keys / PRIVATE).decrypt(wrapped, object_id.encode())
    except tink.TinkError:
        raise Corrupt(f"The wrapped key of sealed:{object_id} does not open with this vault's private key.") from None
    return proto_keyset_format.parse(plain, secret_key_access.TOKEN)


def require_private() -> None:
    """Raise NoPrivateKey unless this process may, and can, read evidence."""
    if not settings.SAFEHOLD.read_private_key:
        raise NoPrivateKey("This process only writes evidence (SAFEHOLD_EVIDENCE_WRITE_ONLY=1); it cannot read any.")
    path = settings.SAFEHOLD.keys / PRIVATE
    if not path.exists():
        raise NoPrivateKey(f"{path} is missing. Restore the private key from its backup.")


def _new_private() -> bytes:
    template = hybrid.hybrid_key_templates.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM
    return json_proto_keyset_format.serialize(tink.new_keyset_handle(template), secret_key_access.TOKEN).encode()


@functools.lru_cache(maxsize=4)
def _encrypter(path: Path) -> hybrid.HybridEncrypt:
    return json_proto_keyset_format.parse_without_secret(path.read_text()).primitive(hybrid.HybridEncrypt)


@functools.lru_cache(maxsize=4)
def _decrypter(path: Path) -> hybrid.HybridDecrypt:
    handle = json_proto_keyset_format.parse(path.read_text(), secret_key_access.TOKEN)
    return handle.primitive(hybrid.HybridDecrypt)
