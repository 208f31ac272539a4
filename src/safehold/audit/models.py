"""Tables of the audit chain. Rows hold ids and a digest; details stand beside them and can be erased."""

from django.db import models


class Entry(models.Model):
    """One act, written in the act's own transaction. Never updated, never deleted."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    act = models.CharField(max_length=100)  # "case.leased", "filing.finish"
    actor = models.CharField(max_length=100)  # "staff:<id>", "host:<slug>", "system:worker", "anonymous"
    about = models.CharField(max_length=100, db_index=True)  # "case:<id>"
    digest = models.CharField(max_length=64)  # SHA-256 of the salted details

    def __str__(self) -> str:
        return f"{self.act} {self.pk}"


class Detail(models.Model):
    """What an entry says beyond ids. Erasable: the entry's digest still proves what once stood here."""

    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, primary_key=True, related_name="detail")
    salt = models.CharField(max_length=32)
    body = models.JSONField()
    erased_at = models.DateTimeField(null=True)
    erased_because = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"details of entry {self.pk}"


class Seal(models.Model):
    """An entry's place in the chain: hash = SHA-256(previous hash, entry)."""

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="seal")
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"seal {self.pk}"


class FailedAttempt(models.Model):
    """A refused act. A log of its own, so that refusals by strangers cannot stuff the chain."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    act = models.CharField(max_length=100)
    actor = models.CharField(max_length=100)
    about = models.CharField(max_length=100)
    reason = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.act} refused {self.pk}"
