"""Tables of the vault. Bodies are in the object store; wrapped keys stand in a table of their own."""

import uuid

from django.db import models


class Sealed(models.Model):
    """One preserved object. Hashes are of the plain content. Written once; only destruction changes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sha256 = models.CharField(max_length=64, db_index=True)
    md5 = models.CharField(max_length=32)
    sha1 = models.CharField(max_length=40)
    size = models.BigIntegerField()  # bytes
    parts = models.PositiveIntegerField()  # objects in the store that make up the encrypted body
    media_type = models.CharField(max_length=100)
    file_name = models.CharField(max_length=255, blank=True)  # as the host had it; blanked on destruction
    about = models.CharField(max_length=100, db_index=True)  # an audit ref: "item:<id>"
    made_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "sealed"

    def __str__(self) -> str:
        return f"sealed {self.pk}"


class KeyRow(models.Model):
    """The object's key, wrapped to the vault's public key. Deleting this row destroys the object."""

    sealed = models.OneToOneField(Sealed, on_delete=models.PROTECT, primary_key=True, related_name="key_row")
    wrapped = models.BinaryField()
    made_at = models.DateTimeField(auto_now_add=True)


class Look(models.Model):
    """Somebody was given something of the object. Written before the first byte leaves."""

    class Kind(models.TextChoices):
        VEILED = "veiled"  # the small blurred grey still
        WHOLE = "whole"  # an unblurred reveal of the whole file to a person
        READ = "read"  # the bytes streamed to a person after a reveal, or a text
        FILING = "filing"  # streamed to NCMEC
        HAND_OVER = "hand_over"  # streamed into a package for an authority
        VERIFY = "verify"  # read by the machine to check it; nobody saw it

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sealed = models.ForeignKey(Sealed, on_delete=models.PROTECT, related_name="looks")
    actor = models.CharField(max_length=100)
    purpose = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    about = models.CharField(max_length=100, blank=True)  # the case it was for
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["sealed", "kind", "at"], name="look_of_sealed")]


class Hold(models.Model):
    """Evidence that must not be destroyed before `until`. Ends only when it is ended, never by the clock alone."""

    class State(models.TextChoices):
        IN_FORCE = "in_force"
        ENDED = "ended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=100, unique=True)  # what it is for: "filing:<id>"
    basis = models.CharField(max_length=100)  # the rule: "18 USC 2258A(h)(1)"
    until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.IN_FORCE)
    placed_at = models.DateTimeField()
    placed_by = models.CharField(max_length=100)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=200, blank=True)
    items = models.ManyToManyField(Sealed, through="HoldItem", related_name="holds")

    class Meta:
        indexes = [models.Index(fields=["state", "until"], name="hold_due")]


class HoldItem(models.Model):
    """One object under one hold."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT)
    sealed = models.ForeignKey(Sealed, on_delete=models.PROTECT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "sealed"], name="held_once_per_hold")]


class Certificate(models.Model):
    """Proof of a destruction: what went, when, by whom, why, and when its body was gone from the store."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sealed = models.OneToOneField(Sealed, on_delete=models.PROTECT, related_name="certificate")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    at = models.DateTimeField()  # when the key was destroyed: from here on nobody can read it
    actor = models.CharField(max_length=100)
    approved_by = models.CharField(max_length=100, blank=True)
    because = models.CharField(max_length=500)
    body_gone_at = models.DateTimeField(null=True)
