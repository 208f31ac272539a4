"""Hash lists and their entries. A retracted entry stays as history and matches nothing."""

import uuid

from django.db import models


class HashList(models.Model):
    """A list, and what its entries may be used for (18 USC 2258C(b): one purpose alone)."""

    slug = models.SlugField(primary_key=True, max_length=60)
    source = models.CharField(max_length=100)  # who vouches for the entries
    licence = models.CharField(max_length=100)  # under which terms they are held
    purpose = models.CharField(max_length=100)  # the only use they may be put to
    trusted = models.BooleanField(default=False)  # an exact hit may hide at once; switched on by two people
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class ListEntry(models.Model):
    """One SHA-256 on a list, for one reason (`ref`): two decisions about equal files make two entries."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    list = models.ForeignKey(HashList, on_delete=models.PROTECT, related_name="entries")
    sha256 = models.CharField(max_length=64, db_index=True)  # lower-case hex
    category = models.CharField(max_length=60)
    ref = models.CharField(max_length=100, blank=True, db_index=True)  # the source's own id, or "decision:<id>"
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()  # last named by the source
    hits = models.PositiveBigIntegerField(default=0)
    last_hit = models.DateTimeField(null=True)
    retracted_at = models.DateTimeField(null=True)
    retracted_because = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["list", "sha256", "ref"], condition=models.Q(retracted_at=None), name="live_entry_once"
            )
        ]
