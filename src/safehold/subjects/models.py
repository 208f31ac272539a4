"""Hosts, the accounts and items on them. Rows are made by `service`, never elsewhere."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person did in a case (S12). An apparent victim is only ever protected."""

    UPLOADER = "uploader", _("uploader")
    SHARER = "sharer", _("sharer")
    LINKER = "linker", _("linker")
    REQUESTER = "requester", _("requester")
    ENGAGER = "engager", _("engager")
    VIEWER = "viewer", _("viewer")
    SENDER = "sender", _("sender to a child")
    APPARENT_VICTIM = "apparent_victim", _("apparent victim")


class Host(models.Model):
    """A service that Safehold stands beside. Its keys and secrets are in the room `hosts`."""

    slug = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=100)
    adapter = models.CharField(max_length=20)  # a key of hosts.registry: "webhook", "matrix"
    base_url = models.URLField()  # where the adapter calls the host
    origins = models.JSONField(default=list)  # web origins whose links belong to this host
    settings = models.JSONField(default=dict)  # of the adapter; never a secret
    purge_after_receipt = models.BooleanField(default=False)  # the operator's rule for new items
    enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """An account, known by (host, its id there)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="accounts")
    external_id = models.CharField(max_length=255)
    handle = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=2083, blank=True)
    first_seen = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "external_id"], name="account_once_per_host")]

    def __str__(self) -> str:
        return self.handle or self.external_id


class Item(models.Model):
    """A piece of content on a host: a post, a message, a media file."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="items")
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=20)  # "post", "message", "media"
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="items")
    url = models.URLField(max_length=2083, blank=True)
    posted_at = models.DateTimeField(null=True)
    purge_after_receipt = models.BooleanField(default=False)
    first_seen = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "external_id"], name="item_once_per_host")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"
