"""Keys that let hosts and partners in, secrets that we share with hosts, and the events already taken.

Rows are made by `keys` and `events`, never elsewhere. No table holds a readable key or secret.
"""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from safehold.subjects.models import Host


class Scope(models.TextChoices):
    """What a host's key may be used for. Each route of the host API names exactly one."""

    REPORTS = "reports", _("reports from inside the host's app")
    EVENTS = "events", _("events that the host tells")
    SCREEN = "screen", _("screening")
    SIGNUP = "signup", _("the sign-up check")
    FLAGS = "flags", _("the host's own staff or systems flag items")


class Key(models.Model):
    """What a key row holds of a key: its public prefix and a digest of its random secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)  # SHA-256 of 32 random bytes in hex: nothing to guess, so no slow hash
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=100)
    last_used_at = models.DateTimeField(null=True)  # to the minute
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class HostKey(Key):
    """An API key of one host: `shk_<prefix>_<secret>`."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="api_keys")
    label = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"shk_{self.prefix}_…"

    def allows(self, scope: Scope | str) -> bool:
        """Whether the key was issued for `scope`."""
        return str(scope) in self.scopes

    @property
    def actor(self) -> str:
        """How the record names whoever uses this key."""
        return f"host:{self.host_id}"


class PartnerKind(models.TextChoices):
    """Who a partner is."""

    FLAGGER = "flagger", _("trusted flagger")
    AUTHORITY = "authority", _("authority")


class PartnerKey(Key):
    """A trusted flagger's or an authority's key: `shp_<prefix>_<secret>`.

    The row is the partner: rotate its key rather than issuing another one.
    """

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=PartnerKind.choices)

    class Meta(Key.Meta):
        abstract = False
        constraints = [
            models.CheckConstraint(name="partner_kind_known", condition=models.Q(kind__in=PartnerKind.values))
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        """How the record names this partner: `flagger:<id>` or `authority:<id>`."""
        return f"{self.kind}:{self.pk}"


class HostSecret(models.Model):
    """A secret shared with a host, sealed with the installation's key file."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="secrets")
    name = models.CharField(max_length=40)
    sealed = models.BinaryField()
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "name"], name="host_secret_once_per_name")]

    def __str__(self) -> str:
        return f"{self.host_id}/{self.name}"


class ReceivedEvent(models.Model):
    """An event that a host sent and we took. Its id is never taken twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="events")
    webhook_id = models.CharField(max_length=255)
    sent_at = models.DateTimeField()  # of the newest delivery: an older or equal time is a replay
    body_digest = models.CharField(max_length=64)
    type = models.CharField(max_length=40)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "webhook_id"], name="event_once_per_host")]

    def __str__(self) -> str:
        return f"{self.type} {self.webhook_id}"
