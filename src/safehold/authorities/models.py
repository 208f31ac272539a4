"""What authorities asked of us, and what we told them unasked. Ids and terms, never content.

Rows are written by this room alone.
"""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import Machine
from safehold.cases.models import Case, CaseSubject, Duty


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


class UkMatter(models.Model):
    """What the United Kingdom's law asks for a subject: whether it is linked to the UK, how urgent, and how it ended.

    Online Safety Act 2023 ss. 66-70 and SI 2026/268. A person finds each of it, with the reason; nothing is guessed.
    """

    class State(models.TextChoices):
        NO_LINK = "no_link", _("no link to the UK")
        DUE = "due", _("to be reported to the NCA")
        COVERED = "covered", _("covered by a CyberTip")
        PREPARED = "prepared", _("exported, being sent by a person")
        REPORTED = "reported", _("reported to the NCA")
        DROPPED = "dropped", _("no report due any more")

    class Priority(models.IntegerChoices):
        LIFE = 1, _("1: threat to a child's life, or of serious harm")
        SOON = 2, _("2: as soon as reasonably practicable")
        OTHER = 3, _("3: without undue delay")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.OneToOneField(CaseSubject, on_delete=models.PROTECT, related_name="uk")
    state = models.CharField(max_length=10, choices=State)
    link_because = models.CharField(max_length=500)  # why there is a link, or none
    priority = models.PositiveSmallIntegerField(choices=Priority, null=True)
    priority_because = models.CharField(max_length=500, blank=True)
    found_at = models.DateTimeField()  # when link and priority were last found
    found_by = models.CharField(max_length=100)
    due_since = models.DateTimeField()  # when it last became due; the clock itself runs from when we knew
    # s. 70(5): content covered by arrangements with a foreign agency is not "unreported".
    covered_by = models.CharField(max_length=100, blank=True)  # "filing:<id>", finished
    covered_report_id = models.BigIntegerField(null=True)  # NCMEC's number
    not_covered_because = models.CharField(max_length=500, blank=True)  # a person refused the rule for this case
    # The export: the input record as JSON, so that both files can be built again, byte for byte.
    record = models.BinaryField(default=b"")
    prepared_at = models.DateTimeField(null=True)
    prepared_by = models.CharField(max_length=100, blank=True)
    # How it ended.
    reference = models.CharField(max_length=100, blank=True, db_index=True)  # the NCA's unique reference
    reported_at = models.DateTimeField(null=True)
    reported_by = models.CharField(max_length=100, blank=True)
    reference_until = models.DateTimeField(null=True)  # the reference is kept at least so long
    because = models.CharField(max_length=500, blank=True)  # dropped, or given back: why

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="uk_reference_once", condition=~Q(reference="")),
            models.CheckConstraint(name="uk_link_names_its_reason", condition=~Q(link_because="") & ~Q(found_by="")),
            models.CheckConstraint(
                name="uk_linked_has_its_priority",
                condition=Q(state="no_link") | (Q(priority__isnull=False, priority__gte=1, priority__lte=3)),
            ),
            models.CheckConstraint(
                name="uk_covered_names_its_report",
                condition=~Q(state="covered") | (~Q(covered_by="") & Q(covered_report_id__isnull=False)),
            ),
            models.CheckConstraint(
                name="uk_reported_has_its_reference",
                condition=~Q(state="reported")
                | (~Q(reference="") & Q(reported_at__isnull=False) & Q(reference_until__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"UK matter {self.pk}"


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
UK = Machine(
    "uk_matter",
    start=UkMatter.State.DUE,
    moves={
        "link": dict.fromkeys(
            (UkMatter.State.NO_LINK, UkMatter.State.DROPPED, UkMatter.State.DUE, UkMatter.State.PREPARED),
            UkMatter.State.DUE,
        ),
        "unlink": dict.fromkeys(
            (UkMatter.State.NO_LINK, UkMatter.State.DROPPED, UkMatter.State.DUE), UkMatter.State.NO_LINK
        ),
        "cover": {UkMatter.State.DUE: UkMatter.State.COVERED},
        "refuse_cover": dict.fromkeys((UkMatter.State.DUE, UkMatter.State.COVERED), UkMatter.State.DUE),
        "prepare": dict.fromkeys((UkMatter.State.DUE, UkMatter.State.PREPARED), UkMatter.State.PREPARED),
        "give_back": {UkMatter.State.PREPARED: UkMatter.State.DUE},
        "report": {UkMatter.State.PREPARED: UkMatter.State.REPORTED},
        "drop": dict.fromkeys((UkMatter.State.DUE, UkMatter.State.COVERED), UkMatter.State.DROPPED),
    },
)
