"""Filings, their files, what was opened at the service, every exchange, the circuit breaker, the service's schema.

Rows are written by this room alone. Documents, records and receipts are the legal
record: kept as the exact bytes.
"""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import Machine

UNFINISHED_LIFE = timedelta(hours=24)  # after opening, ISPWS documentation of 2025-06-11
UNCHANGED_LIFE = timedelta(hours=1)  # after the last upload or fileinfo; the later of the two counts


class Filing(models.Model):
    """One CyberTip, from its exact document to its receipt. Fixed to one environment when drafted."""

    class State(models.TextChoices):
        DRAFTED = "drafted", _("drafted")
        OPENED = "opened", _("opened")
        UPLOADING = "uploading", _("uploading")
        FINISHED = "finished", _("finished")
        RECOVERED = "recovered", _("finished, receipt recovered")
        RETRACTED = "retracted", _("retracted")
        IN_HAND = "in_hand", _("in a person's hands")  # being filed in NCMEC's web form: the worker leaves it alone
        BY_HAND = "by_hand", _("filed by hand")
        NOT_REPORTABLE = "not_reportable", _("not reportable")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ref = models.CharField(max_length=255, unique=True)  # the caller's name: one filing per ref
    environment = models.CharField(max_length=20)  # practice | test | production
    record = models.BinaryField()  # the FilingInput as JSON
    document = models.BinaryField()  # the report as it is submitted
    document_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=20, choices=State, default=State.DRAFTED)
    drafted_at = models.DateTimeField(auto_now_add=True)
    # Who may move it: each claim raises the fence, and what an older claim brings is refused.
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=250, blank=True)  # its name and process
    leased_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # consecutive
    restarts = models.PositiveIntegerField(default=0)
    abandoned = models.BooleanField(default=False)  # a person wants it retracted
    in_hand_by = models.CharField(max_length=100, blank=True)  # who files it, or filed it, in NCMEC's web form
    in_hand_at = models.DateTimeField(null=True)
    # How it ended.
    report_id = models.BigIntegerField(null=True, db_index=True)  # NCMEC's number, once filed
    receipt = models.BinaryField(null=True)  # raw bytes of the answer that proves the filing
    receipt_request_id = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)  # in whatever way; of a filed one, the receipt's time
    because = models.CharField(max_length=500, blank=True)  # not reportable, retracted, failed: why

    class Meta:
        indexes = [models.Index(fields=["state", "drafted_at"], name="filing_by_state")]

    def __str__(self) -> str:
        return f"filing {self.ref}"


FILING = Machine(
    "filing",
    start="drafted",
    moves={
        "open": {"drafted": "opened"},
        "upload": {"opened": "uploading"},
        "restart": {"opened": "drafted", "uploading": "drafted"},
        "finish": {"opened": "finished", "uploading": "finished"},
        "recover": {"opened": "recovered", "uploading": "recovered"},
        "fail": {"drafted": "failed", "opened": "failed", "uploading": "failed"},
        "try_again": {"failed": "drafted"},
        "resume": {"failed": "opened"},
        "retract": {"drafted": "retracted", "opened": "retracted", "uploading": "retracted"},
        "take_in_hand": dict.fromkeys(("drafted", "opened", "uploading", "failed"), "in_hand"),
        "give_back": {"in_hand": "drafted"},
        "file_by_hand": dict.fromkeys(("drafted", "opened", "uploading", "failed", "in_hand"), "by_hand"),
        "rule_out": dict.fromkeys(("drafted", "opened", "uploading", "failed", "in_hand"), "not_reportable"),
        "reconsider": {"not_reportable": "drafted"},
    },
)

FILED = frozenset({"finished", "recovered", "by_hand"})
ENDED = FILED | {"retracted", "not_reportable"}


class FilingFile(models.Model):
    """One file of a filing and how far it is at the service, within the present submission."""

    class State(models.TextChoices):
        DUE = "due", _("due")
        UPLOADED = "uploaded", _("uploaded")
        DESCRIBED = "described", _("described")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="files")
    position = models.PositiveIntegerField()  # in the record's files
    sealed_id = models.CharField(max_length=64)  # evidence.Sealed
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    file_id = models.CharField(max_length=200, blank=True)  # the service's
    md5 = models.CharField(max_length=64, blank=True)  # as answered, equal to what was sent

    class Meta:
        constraints = [models.UniqueConstraint(fields=["filing", "position"], name="file_once_per_filing")]

    def __str__(self) -> str:
        return f"file {self.position} of {self.filing_id}"


class Submission(models.Model):
    """A report opened at the service. A filing has one after another until one is finished."""

    class State(models.TextChoices):
        BEGUN = "begun", _("begun")  # submit was called, no answer stored
        OPEN = "open", _("open")
        FINISHED = "finished", _("finished")
        RETRACTED = "retracted", _("retracted")
        LEFT = "left", _("left to expire")  # unfinished and out of our hands: the service deletes it
        REFUSED = "refused", _("refused")  # never opened

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="submissions")
    state = models.CharField(max_length=10, choices=State, default=State.BEGUN)
    report_id = models.BigIntegerField(null=True, db_index=True)
    begun_at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True)  # last upload or fileinfo
    finish_begun = models.BooleanField(default=False)  # from then on only finish tells what became of it
    give_up = models.CharField(max_length=100, blank=True)  # why it must be retracted

    def __str__(self) -> str:
        return f"report {self.report_id or '?'}"

    @property
    def expires_at(self) -> datetime:
        """When the service deletes it unfinished: the later of the two ends."""
        ends = self.begun_at + UNFINISHED_LIFE
        return ends if self.changed_at is None else max(ends, self.changed_at + UNCHANGED_LIFE)


class Exchange(models.Model):
    """One request and what came back. Begun before it is sent, settled when its consequence is stored."""

    id = models.BigAutoField(primary_key=True)
    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="exchanges")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="exchanges")
    endpoint = models.CharField(max_length=10)
    position = models.PositiveIntegerField(null=True)  # of the file in the record, for upload and fileinfo
    sealed_id = models.CharField(max_length=64, blank=True)
    worker = models.CharField(max_length=250)
    fence = models.PositiveIntegerField()
    request = models.BinaryField(null=True)  # the document, where the call carries one
    begun_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True)  # client.Outcome; "lost" = no answer was stored
    http_status = models.PositiveIntegerField(null=True)
    code = models.IntegerField(null=True)
    description = models.CharField(max_length=1000, blank=True)
    request_id = models.CharField(max_length=200, blank=True)  # NCMEC asks for it in support cases
    response = models.BinaryField(null=True)
    sent_md5 = models.CharField(max_length=32, blank=True)
    problem = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"{self.endpoint} of {self.filing_id}"


class Circuit(models.Model):
    """Filing stands still in an environment because the service refuses our credentials."""

    environment = models.CharField(primary_key=True, max_length=20)
    code = models.IntegerField(null=True)  # the body's code, or none
    http_status = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField()
    probe_at = models.DateTimeField()  # when `status` may be asked again
    probes = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"circuit {self.environment}"


class ServiceSchema(models.Model):
    """An XML Schema that the service published, as fetched. The one last seen is in force for its environment."""

    id = models.BigAutoField(primary_key=True)
    environment = models.CharField(max_length=20)  # practice | test | production
    sha256 = models.CharField(max_length=64)
    body = models.BinaryField()  # exact bytes
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "sha256"], name="schema_once_per_environment"),
        ]

    def __str__(self) -> str:
        return f"schema {self.sha256[:12]} of {self.environment}"
