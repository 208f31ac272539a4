"""What the API remembers of its own calls. Rows are made by `screen_once`, and kept for a day."""

from django.db import models

from safehold.subjects.models import Host


class GivenAnswer(models.Model):
    """The answer to a request that a host sent with an Idempotency-Key: sent again, it gets the same one."""

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # SHA-256 of what was asked: the same key never means something else
    answer = models.BinaryField()  # as it was sent
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "key"], name="answer_given_once")]

    def __str__(self) -> str:
        return f"answer {self.pk}"
