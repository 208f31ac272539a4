"""What slows floods down, and nothing about anybody: keyed digests with an end.

No address on the network is stored. The digest's key changes every day; rows older than an hour go
with the next report, and whenever `throttle.forget` is called.
"""

from django.db import models


class Arrival(models.Model):
    """A report came in from a network, known by a keyed digest of its prefix."""

    network = models.CharField(max_length=64)
    once = models.CharField(max_length=64)  # digest of the form's one-time key: a resend is not a new arrival
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["network", "at"], name="arrival_network")]

    def __str__(self) -> str:
        return f"arrival {self.pk}"


class SpentProof(models.Model):
    """A proof of work that was used. Each counts once."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"proof {self.digest[:12]}"
