"""Where the vault's private key is, behind one interface: whatever can open a wrapped key.

`SAFEHOLD_EVIDENCE_PRIVATE_KEY` says which: empty or `file:FOLDER` (key files), `env:NAME` (a variable with
the key's JSON, several of them one a line), `command:PROGRAM ARGUMENTS` or an HTTP address (a key
service of the operator's own, which never gives the private key away). `opener()` is for `keys`;
`answer` is the other side of a key service, for the command `safehold evidence unwrap`.

What a service is asked, as JSON: {"operation": "unwrap", "key", "object", "wrapped"}, the last in base64;
what it answers: {"plain": base64}. `wrapped` is a Tink hybrid ciphertext: 0x01, four bytes of key id, then
HPKE (RFC 9180, base mode, X25519, HKDF-SHA256, AES-256-GCM) with the object's id as `info`.
"""

import base64
import functools
import hashlib
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import tink
from django.conf import settings
from tink import hybrid, json_proto_keyset_format, secret_key_access

from safehold.evidence.errors import Corrupt, KeyServiceFailed, NoPrivateKey

PRIVATE = "evidence-private.json"
FURTHER = "evidence-private-*.json"  # of rotations
SECONDS = 20  # that a key service may take
LONGEST = 64 * 1024  # bytes of its answer
LOOPBACK = ("127.0.0.1", "localhost", "::1")

hybrid.register()


class Opener(Protocol):
    """Opens wrapped keys of objects. The one interface to the private key."""

    def unwrap(self, wrapped: bytes, object_id: str, under: str) -> bytes:
        """The plain key. Raises NoPrivateKey (KeyServiceFailed) or Corrupt."""

    def require(self) -> None:
        """Raise NoPrivateKey where it is plain that nothing can be opened."""


def opener() -> Opener:
    """What the setting names. Raises NoPrivateKey for a setting that names nothing."""
    where = settings.SAFEHOLD.private_key
    kind, _, rest = where.partition(":")
    if not where or kind == "file":
        return KeyFiles(Path(rest) if rest else settings.SAFEHOLD.keys)
    if kind == "env":
        return KeyVariable(rest)
    if kind == "command":
        return KeyCommand(rest)
    if kind in ("http", "https"):
        return KeyAddress(where)
    raise NoPrivateKey(
        f"SAFEHOLD_EVIDENCE_PRIVATE_KEY begins with {kind!r}; use file:FOLDER, env:NAME, command:PROGRAM or https://…."
    )


def in_files() -> bool:
    """Whether the private key is in files, so that this installation can make a new pair by itself."""
    return settings.SAFEHOLD.private_key.partition(":")[0] in ("", "file")


def key_id(public: tink.KeysetHandle) -> str:
    """The fingerprint of a public key: the first 16 hex digits of the SHA-256 of its primary key's bytes."""
    keyset = json.loads(json_proto_keyset_format.serialize_without_secret(public))
    primary = next(key for key in keyset["key"] if key["keyId"] == keyset["primaryKeyId"])
    return hashlib.sha256(base64.b64decode(primary["keyData"]["value"])).hexdigest()[:16]


def id_of_private(text: str) -> str:
    """The fingerprint of the pair that a private key belongs to. Raises NoPrivateKey for what is no key."""
    return _private(text)[0]


class _Keysets:
    """Private keys that this process holds itself."""

    def texts(self) -> list[str]:
        raise NotImplementedError

    def missing(self, under: str) -> NoPrivateKey:
        raise NotImplementedError

    def unwrap(self, wrapped: bytes, object_id: str, under: str) -> bytes:
        for text in self.texts():
            found, primitive = _private(text)
            if found == under:
                try:
                    return bytes(primitive.decrypt(wrapped, object_id.encode()))
                except tink.TinkError:
                    raise Corrupt(
                        f"The wrapped key of sealed:{object_id} does not open with this vault's private key {under}."
                    ) from None
        raise self.missing(under)

    def require(self) -> None:
        if not self.texts():
            raise self.missing("")


class KeyFiles(_Keysets):
    """`evidence-private.json`, and one file more for each rotation, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self) -> list[Path]:
        """The files that are there."""
        first = self.folder / PRIVATE
        return ([first] if first.exists() else []) + sorted(self.folder.glob(FURTHER))

    def path_of(self, under: str) -> Path | None:
        """The file that holds the private key of that pair."""
        return next((path for path in self.paths() if id_of_private(path.read_text()) == under), None)

    def texts(self) -> list[str]:
        return [path.read_text() for path in self.paths()]

    def missing(self, under: str) -> NoPrivateKey:
        which = f"the private key {under}" if under else PRIVATE
        return NoPrivateKey(f"{which} is missing from {self.folder}. Restore it from its backup.")


class KeyVariable(_Keysets):
    """An environment variable with the private key's JSON; several keys stand one a line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def texts(self) -> list[str]:
        return [line for line in os.environ.get(self.name, "").splitlines() if line.strip()]

    def missing(self, under: str) -> NoPrivateKey:
        return NoPrivateKey(f"The environment variable {self.name} does not hold the private key {under}".strip() + ".")


class _Service:
    """A key service: asked for each wrapped key, it gives the plain one."""

    def ask(self, question: bytes) -> bytes:
        raise NotImplementedError

    def require(self) -> None:
        """Whether the service opens is known when it is asked."""

    def unwrap(self, wrapped: bytes, object_id: str, under: str) -> bytes:
        question = {
            "operation": "unwrap",
            "key": under,
            "object": object_id,
            "wrapped": base64.b64encode(wrapped).decode(),
        }
        raw = self.ask(json.dumps(question).encode())
        try:
            return base64.b64decode(json.loads(raw[:LONGEST])["plain"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise KeyServiceFailed('The key service did not answer {"plain": …}.') from None


class KeyCommand(_Service):
    """A program of the operator's: the question on its standard input, the answer on its standard output."""

    def __init__(self, command: str) -> None:
        self.command = shlex.split(command)

    def ask(self, question: bytes) -> bytes:
        try:
            done = subprocess.run(self.command, input=question, stdout=subprocess.PIPE, check=True, timeout=SECONDS)
        except (OSError, IndexError, subprocess.SubprocessError) as error:
            raise KeyServiceFailed(f"The key service's program failed ({type(error).__name__}).") from None
        return done.stdout


class KeyAddress(_Service):
    """An HTTP address of the operator's: a POST of the question. Plain HTTP is for this machine alone."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, question: bytes) -> bytes:
        import httpx2

        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise KeyServiceFailed("A key service on another machine must be reached by https.")
        headers = {"content-type": "application/json"}
        if settings.SAFEHOLD.key_service_token:
            headers["authorization"] = f"Bearer {settings.SAFEHOLD.key_service_token}"
        try:
            answer = httpx2.post(self.url, content=question, headers=headers, timeout=SECONDS, follow_redirects=False)
        except httpx2.HTTPError as error:
            raise KeyServiceFailed(f"The key service cannot be reached ({type(error).__name__}).") from None
        if answer.status_code != 200:
            raise KeyServiceFailed(f"The key service answered with status {answer.status_code}.")
        return bytes(answer.content)


def answer(question: bytes, folder: Path) -> bytes:
    """The other side: what a key service answers that holds the private keys in `folder`.

    Raises ValueError for a question that is none, and what KeyFiles raises.
    """
    try:
        asked: dict[str, Any] = json.loads(question)
        if asked["operation"] != "unwrap":
            raise ValueError
        wrapped, object_id, under = base64.b64decode(asked["wrapped"], validate=True), asked["object"], asked["key"]
    except (ValueError, KeyError, TypeError):
        raise ValueError('The question must be {"operation": "unwrap", "key", "object", "wrapped"}.') from None
    plain = KeyFiles(folder).unwrap(wrapped, str(object_id), str(under))
    return json.dumps({"plain": base64.b64encode(plain).decode()}).encode()


@functools.lru_cache(maxsize=8)
def _private(text: str) -> tuple[str, hybrid.HybridDecrypt]:
    try:
        handle = json_proto_keyset_format.parse(text, secret_key_access.TOKEN)
    except tink.TinkError:
        raise NoPrivateKey("A private key of the vault cannot be read: its file or variable holds no key.") from None
    return key_id(handle.public_keyset_handle()), handle.primitive(hybrid.HybridDecrypt)
