"""Tables of the vault. Bodies are in the object store, wrapped keys in the key store (`keystore`): neither is here."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


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


class Look(models.Model):
    """Somebody was given something of the object. Written before the first byte leaves."""

    class Kind(models.TextChoices):
        VEILED = "veiled"  # the small blurred grey still
        WHOLE = "whole"  # an unblurred reveal of the whole file to a person
        NOTHING = "nothing"  # a reveal after which nothing could be shown
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
    sent = models.BigIntegerField(default=0)  # bytes that were given out
    ended_at = models.DateTimeField(null=True)  # when it was covered again, or the last byte was given
    grant = models.ForeignKey("Grant", on_delete=models.PROTECT, null=True, related_name="looks")  # else by a lease

    class Meta:
        indexes = [
            models.Index(fields=["sealed", "kind", "at"], name="look_of_sealed"),
            models.Index(fields=["actor", "at"], name="look_by_actor"),
        ]


class Hold(models.Model):
    """Evidence that must not be destroyed before `until`. Ends only when it is ended, never by the clock alone."""

    class State(models.TextChoices):
        IN_FORCE = "in_force", _("in force")
        ENDED = "ended", _("ended")

    class Kind(models.TextChoices):
        PRESERVATION = "preservation", _("preservation after a report")
        LEGAL = "legal", _("legal hold")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PRESERVATION)
    ref = models.CharField(max_length=100, unique=True)  # what it is for: "filing:<id>", "legal:<id>"
    authority = models.CharField(max_length=200, blank=True)  # who asked for a legal hold
    document = models.CharField(max_length=200, blank=True)  # its reference in the register of legal process
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
    released_at = models.DateTimeField(null=True)  # an authority had this one object destroyed; the hold stands

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "sealed"], name="held_once_per_hold")]


class Certificate(models.Model):
    """Proof of a destruction: what went, when, by whom, why, and when its body was gone from the store."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sealed = models.OneToOneField(Sealed, on_delete=models.PROTECT, related_name="certificate")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    at = models.DateTimeField()  # when it was destroyed on record: from here on nobody is given any of it
    key_gone_at = models.DateTimeField(null=True)  # when its key left the key store
    last_copy_until = models.DateTimeField(null=True)  # when the last backup of the key has expired
    actor = models.CharField(max_length=100)
    approved_by = models.CharField(max_length=100, blank=True)
    because = models.CharField(max_length=500)
    body_gone_at = models.DateTimeField(null=True)


class Request(models.Model):
    """What two custodians do together: one asks, with the authority and its document, another one agrees."""

    class Kind(models.TextChoices):
        END_HOLD = "end_hold", _("end a hold before its day")
        DESTROY = "destroy", _("destroy evidence")
        HAND_OVER = "hand_over", _("hand evidence over")
        LOOK = "look", _("let somebody look")

    class State(models.TextChoices):
        ASKED = "asked", _("waits for a second custodian")
        APPROVED = "approved", _("agreed to")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    authority = models.CharField(max_length=200, blank=True)
    document = models.CharField(max_length=200, blank=True)
    verified = models.CharField(max_length=500, blank=True)  # how the requester was verified
    because = models.CharField(max_length=500)
    asked_by = models.CharField(max_length=100)
    asked_at = models.DateTimeField()
    settled_by = models.CharField(max_length=100, blank=True)
    settled_at = models.DateTimeField(null=True)
    settled_because = models.CharField(max_length=500, blank=True)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="requests")
    about = models.CharField(max_length=100, blank=True)  # the case
    details = models.JSONField(default=dict)  # hand_over: {"recipient"}; look: {"member", "until"}
    items = models.ManyToManyField(Sealed, related_name="requests")

    class Meta:
        indexes = [models.Index(fields=["state", "asked_at"], name="request_waiting")]
        constraints = [
            models.CheckConstraint(
                name="request_approved_by_another",
                condition=~Q(state="approved") | (~Q(settled_by="") & ~Q(settled_by=F("asked_by"))),
            ),
        ]


class Grant(models.Model):
    """Somebody without a lease may look at these objects, for a reason, until a time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.CharField(max_length=100)  # the actor who may look
    about = models.CharField(max_length=100)  # the case
    because = models.CharField(max_length=500)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    granted_by = models.CharField(max_length=100)
    approved_by = models.CharField(max_length=100, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)
    items = models.ManyToManyField(Sealed, related_name="grants")

    class Meta:
        indexes = [models.Index(fields=["member", "until"], name="grant_of_member")]
        constraints = [
            models.CheckConstraint(name="grant_is_not_to_oneself", condition=~Q(member=F("granted_by"))),
        ]


class Package(models.Model):
    """A sealed package for an authority, encrypted to its key. The file is in the data folder."""

    request = models.OneToOneField(Request, on_delete=models.PROTECT, primary_key=True, related_name="package")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    file_gone_at = models.DateTimeField(null=True)
