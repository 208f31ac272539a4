"""What authorities asked of us, and what we told them unasked. Ids and terms, never content.

Rows are written by this room alone.
"""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import Machine
from safehold.cases.models import Case, Duty


class Process(models.Model):
    """One entry of the register of legal process: who asked for what, by which document, and what was handed over."""

    class Kind(models.TextChoices):
        SUBPOENA = "subpoena", _("subpoena")
        ORDER = "order", _("court order")
        WARRANT = "warrant", _("search warrant")
        PRESERVE = "preserve", _("request to preserve")
        EMERGENCY = "emergency", _("emergency request")
        OTHER = "other", _("other request")

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        ANSWERED = "answered", _("answered")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    authority = models.CharField(max_length=200)
    country = models.CharField(max_length=2)  # ISO 3166-1 alpha-2
    document = models.CharField(max_length=200)  # the authority's own reference
    received_on = models.DateField()
    due_on = models.DateField(null=True)
    verified = models.CharField(max_length=500)  # how we know who sent it
    asked = models.CharField(max_length=500)  # what is asked for: kinds of data and ids, never content
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="legal_process")
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    entered_at = models.DateTimeField(auto_now_add=True)
    entered_by = models.CharField(max_length=100)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=100, blank=True)
    answer = models.CharField(max_length=500, blank=True)  # what was handed over and how, or why it was refused

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["authority", "document"], name="process_entered_once"),
            models.CheckConstraint(
                name="process_answer_names_its_author",
                condition=Q(state="received") | (~Q(answered_by="") & ~Q(answer="") & Q(answered_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"P-{self.number:05d}"


class Notice(models.Model):
    """A suspicion of a crime that threatens life or safety, told to an authority (Reg. (EU) 2022/2065, Art. 18)."""

    class Addressee(models.TextChoices):
        """Art. 18(2): the Member State concerned; where it is unknown that of establishment, or Europol, or both."""

        CONCERNED = "concerned", _("Member State concerned")
        ESTABLISHMENT = "establishment", _("Member State of our establishment or legal representative")
        EUROPOL = "europol", _("Europol")

    class State(models.TextChoices):
        DRAFTED = "drafted", _("drafted")
        SENT = "sent", _("sent")
        DROPPED = "dropped", _("not sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    duty = models.ForeignKey(Duty, on_delete=models.PROTECT, related_name="notices")
    addressee = models.CharField(max_length=15, choices=Addressee)
    country = models.CharField(max_length=2, blank=True)  # of the Member State; none for Europol
    authority = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFTED)
    drafted_at = models.DateTimeField(auto_now_add=True)
    drafted_by = models.CharField(max_length=100)
    sent_at = models.DateTimeField(null=True)
    sent_by = models.CharField(max_length=100, blank=True)
    channel = models.CharField(max_length=200, blank=True)
    proof = models.CharField(max_length=500, blank=True)  # what shows that it arrived: a message id, a reference number
    because = models.CharField(max_length=500, blank=True)  # not sent: why

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="notice_sent_has_its_proof",
                condition=~Q(state="sent") | (~Q(proof="") & ~Q(channel="") & Q(sent_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="notice_country_unless_europol",
                condition=Q(addressee="europol", country="") | (~Q(addressee="europol") & ~Q(country="")),
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"


PROCESS = Machine(
    "process",
    start=Process.State.RECEIVED,
    moves={
        "answer": {Process.State.RECEIVED: Process.State.ANSWERED},
        "refuse": {Process.State.RECEIVED: Process.State.REFUSED},
    },
)
NOTICE = Machine(
    "notice",
    start=Notice.State.DRAFTED,
    moves={
        "send": {Notice.State.DRAFTED: Notice.State.SENT},
        "drop": {Notice.State.DRAFTED: Notice.State.DROPPED},
    },
)
