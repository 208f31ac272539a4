"""Statements of reasons and letters as they were written and sent. Rows are made by `service` alone."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import Machine


class Statement(models.Model):
    """Why somebody's account or item was restricted (Regulation (EU) 2022/2065, Art. 17). One for each decision."""

    class State(models.TextChoices):
        DRAFTED = "drafted", _("drafted")
        WITHHELD = "withheld", _("withheld at an authority's request")
        SENT = "sent", _("sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    decision = models.CharField(max_length=100, unique=True)
    subject = models.CharField(max_length=100, db_index=True)
    language = models.CharField(max_length=10)  # the one it is written in
    fields = models.JSONField()  # the input record it was made from
    title = models.CharField(max_length=200)
    body = models.TextField()  # holds `service.LINK` where the appeal link belongs; see `service.text`
    made_at = models.DateTimeField()
    appeal_until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFTED)
    sent_at = models.DateTimeField(null=True)  # the first time
    withheld_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"statement {self.id}"


class Letter(models.Model):
    """Any other letter: an appeal's outcome, what to remove, what was reversed, a correction to NCMEC, removals."""

    class Kind(models.TextChoices):
        APPEAL_GRANTED = "appeal_granted", _("appeal granted")
        APPEAL_REFUSED = "appeal_refused", _("appeal refused")
        MUST_REMOVE = "must_remove", _("what to remove")
        REVERSAL = "reversal", _("what was reversed")
        NCMEC_CORRECTION = "ncmec_correction", _("correction to NCMEC")
        REMOVAL_ANSWER = "removal_answer", _("how a removal request stands")
        REMOVAL_HOLDER = "removal_holder", _("what was removed on a request")
        OBJECTION_ANSWER = "objection_answer", _("objection answered")

    class State(models.TextChoices):
        DRAFTED = "drafted", _("drafted")
        SENT = "sent", _("sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    ref = models.CharField(max_length=100)  # what it is about: the appeal, decision or filing
    subject = models.CharField(max_length=100, db_index=True, blank=True)
    language = models.CharField(max_length=10)
    fields = models.JSONField()
    title = models.CharField(max_length=200)
    body = models.TextField()
    made_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFTED)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "ref"], name="letter_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


STATEMENT = Machine(
    "statement",
    start=Statement.State.DRAFTED,
    moves={
        "send": {"drafted": "sent", "sent": "sent"},  # again: by another channel
        "withhold": {"drafted": "withheld"},
        "release": {"withheld": "drafted"},
    },
)

LETTER = Machine("letter", start=Letter.State.DRAFTED, moves={"send": {"drafted": "sent", "sent": "sent"}})
