"""What the vault refuses, and why. Re-exported by `service`."""


class EvidenceError(Exception):
    """The vault did not do what was asked. The message carries ids and codes, never content."""


class UnknownEvidence(EvidenceError):
    """No such object was ever preserved here."""


class Destroyed(EvidenceError):
    """The object's key was destroyed; nobody can read it any more."""


class NoPrivateKey(EvidenceError):
    """This process cannot read evidence: it only writes, or the private key file is missing."""


class NoPublicKey(EvidenceError):
    """The vault has no key to encrypt to yet, and this process may not make one."""


class KeyServiceFailed(NoPrivateKey):
    """The operator's key service did not answer, refused, or answered nonsense. Nothing was opened."""


class KeyStoreFailed(EvidenceError):
    """The key store cannot be reached or does not hold what the record says it should."""


class KeyRetired(EvidenceError):
    """A key of the vault that was retired can wrap nothing any more; read the public key again."""


class StillNeeded(EvidenceError):
    """A key of the vault cannot be retired: rows, or a backup of the key store, still need it."""


class NotAPicture(EvidenceError):
    """There is no veiled picture of this object: not a picture, too large, or not decodable."""


class NotRevealed(EvidenceError):
    """Somebody asked for unblurred media without a recorded reveal of their own."""


class Corrupt(EvidenceError):
    """The body is missing, incomplete or changed: what was read is not what was preserved."""


class HoldInForce(EvidenceError):
    """A hold forbids the destruction, or has not reached its end."""


class WouldShorten(EvidenceError):
    """A hold's end can move later, never earlier (18 USC 2258A(h)(1))."""


class NeedsSecondPerson(EvidenceError):
    """A person alone may not destroy evidence or end a hold early."""
