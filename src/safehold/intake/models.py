"""Reports, what they name, and, apart from them, what could tell who reported.

`service` alone writes these rows. Reading them is free for every room above; the sealed parts are
opened through `service.contact_of` (recorded) and `service.words_of`.
"""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import Machine
from safehold.subjects.models import Account, Host, Item


class Channel(models.TextChoices):
    """The way a report came. Every channel makes the same record and the same receipt (S64)."""

    FORM = "form", _("public form")
    IN_APP = "in_app", _("report button of the host")
    FLAGGER = "flagger", _("trusted flagger")
    AUTHORITY = "authority", _("authority")
    SCREENING = "screening", _("screening")


class Relationship(models.TextChoices):
    """Who reports, where the policy asks (S45, reading A30). A claim until staff have recorded a check."""

    MINOR = "minor", _("the minor concerned")
    PARENT = "parent", _("parent or guardian")
    LAWYER = "lawyer", _("lawyer of the minor")
    REPRESENTATIVE = "representative", _("legal representative")
    OTHER = "other", _("somebody else")


class Report(models.Model):
    """One report. Its contents are alleged until a decision says otherwise (S59)."""

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        IN_REVIEW = "in_review", _("in review")
        FINISHED = "finished", _("finished")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(max_length=10, choices=Channel)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, related_name="reports")
    partner = models.CharField(max_length=100, blank=True)  # flagger, authority, list entry; never a private person
    code_hash = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField()
    urgent = models.BooleanField(default=False)
    class_id = models.CharField(max_length=40, blank=True)  # as the reporter chose it; "" = not said
    relationship = models.CharField(max_length=20, choices=Relationship, blank=True)
    language = models.CharField(max_length=10, default="en")
    country = models.CharField(max_length=2, blank=True)  # as chosen, ISO 3166-1; never guessed from an address
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "received_at"], name="report_by_state")]

    def __str__(self) -> str:
        return f"report {self.id}"


class Locator(models.Model):
    """One thing that a report names: a link, a name, or the host's own id."""

    class Kind(models.TextChoices):
        ACCOUNT = "account", _("account")
        ITEM = "item", _("item")  # also a link on a host, until the host says that it leads to an account
        ELSEWHERE = "elsewhere", _("not on a host of ours")

    class State(models.TextChoices):
        CHECKING = "checking", _("being checked")
        FOUND = "found", _("found")
        NOT_FOUND = "not_found", _("not found")
        ELSEWHERE = "elsewhere", _("not on a host of ours")

    class GivenAs(models.TextChoices):
        LINK = "link"
        NAME = "name"
        ID = "id"  # the host's own id, from the host itself

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="locators")
    position = models.PositiveSmallIntegerField()
    raw = models.CharField(max_length=2083, blank=True)  # as pasted; empty for what lies elsewhere (S62)
    given_as = models.CharField(max_length=4, choices=GivenAs)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.CHECKING)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, related_name="+")  # the one to ask; null = any
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="locators")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, null=True, related_name="locators")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["report", "position"], name="locator_position")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Erasable(models.Model):
    """Encrypted words of a reporter, with a term of their own. Erasing leaves the row as the proof."""

    report = models.OneToOneField(Report, on_delete=models.PROTECT, primary_key=True, related_name="%(class)s")
    sealed = models.BinaryField()  # see `retention`; empty once erased
    keep_until = models.DateTimeField(null=True)  # null = until the report is finished
    erased_at = models.DateTimeField(null=True)
    erased_because = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


class ReporterContact(Erasable):
    """How to reach the reporter, and their account on the host. Never shown with the case."""

    def __str__(self) -> str:
        return f"contact of {self.report_id}"


class ReportWords(Erasable):
    """What the reporter wrote, and links that lie elsewhere.

    The links elsewhere are kept, sealed, for one use: a reviewer must be able to see that an address
    is another name of a host of ours, or the report would be lost in silence. They are never fetched,
    matched, filed, or shown as links.
    """

    def __str__(self) -> str:
        return f"words of {self.report_id}"


REPORT = Machine(
    "report",
    start=Report.State.RECEIVED,
    moves={
        "begin_review": {"received": "in_review"},
        "finish": {"received": "finished", "in_review": "finished"},
    },
)

LOCATOR = Machine(
    "locator",
    start=Locator.State.CHECKING,
    moves={
        "find": {"checking": "found", "not_found": "found"},
        "miss": {"checking": "not_found"},
        "set_aside": {"checking": "elsewhere"},
    },
)
