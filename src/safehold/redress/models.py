"""Appeals and corrections."""

import uuid

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from safehold.cases.models import Decision


class Appeal(models.Model):
    """A request to look at a decision again. The row carries everybody who took part in the decision."""

    class Kind(models.TextChoices):
        APPEAL = "appeal", _("appeal")
        CORRECTION = "correction", _("correction")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        IN_REVIEW = "in_review", _("in review")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.APPEAL)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="appeals")
    statement = models.UUIDField(null=True)  # the statement of reasons whose link was used
    text = models.TextField(blank=True)
    language = models.CharField(max_length=10, default="en")
    because = models.CharField(max_length=200, blank=True)  # of a correction: "entry:<id>"
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(auto_now_add=True)
    opened_by = models.CharField(max_length=100)
    holder = models.CharField(max_length=100, blank=True)
    deciders = models.TextField()  # "|staff:<id>|staff:<id>|": all who took part in the decision
    decided_by = models.CharField(max_length=100, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    answers = models.JSONField(default=dict)  # of the person who looks again, until the outcome

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["decision"], name="one_open_appeal", condition=Q(state__in=["open", "in_review"])
            ),
            # Invariant 9: nobody decides the appeal against a decision they took part in.
            models.CheckConstraint(
                name="appeal_decided_by_another",
                condition=Q(decided_by="") | ~Q(deciders__contains=Concat(Value("|"), F("decided_by"), Value("|"))),
            ),
            models.CheckConstraint(
                name="appeal_outcome_names_its_decider",
                condition=~Q(state__in=["granted", "refused"]) | ~Q(decided_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
