"""Records of a case. Written by this room alone; assessment, decision and duties hang on the subject."""

import uuid
from collections.abc import Iterable
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from safehold.evidence.models import Sealed
from safehold.intake.models import Report
from safehold.subjects.models import Account, Item, Role


class Case(models.Model):
    """An incident. Joined by every report about the same account or item until it is decided."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DECIDED = "decided", _("decided")  # every subject has a decision in force
        CLOSED = "closed", _("closed")  # every duty is met or waived

    class Knowledge(models.TextChoices):
        """How the service came to know (S65): it starts the clock of 18 USC 2258A(a)."""

        REPORT = "report", _("a report")
        MATCH = "match", _("a match with a list")
        SCORE = "score", _("a text that a model scored high")
        FLAGGER = "flagger", _("a trusted flagger")
        AUTHORITY = "authority", _("an authority")
        STAFF = "staff", _("a member of staff")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveBigIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    priority = models.PositiveSmallIntegerField(default=5)  # 0 first; see service.PRIORITY
    knowledge_at = models.DateTimeField()
    knowledge_source = models.CharField(max_length=10, choices=Knowledge)
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    follows = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="followed_by")
    reports = models.ManyToManyField(Report, related_name="cases")

    class Meta:
        indexes = [models.Index(fields=["state", "priority", "knowledge_at"], name="case_queue")]

    def __str__(self) -> str:
        return f"C-{self.number:06d}"


class CaseSubject(models.Model):
    """A person in a case, in a role. `account` is null for an unknown person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="subjects")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="subjects")
    role = models.CharField(max_length=20, choices=Role, default=Role.UPLOADER)
    facts = models.ForeignKey(Sealed, on_delete=models.PROTECT, null=True, related_name="+")  # account as it was

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "account"], name="subject_once_per_case", condition=Q(account__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.account or _('unknown person')} ({self.get_role_display()})"


class CaseItem(models.Model):
    """An item in a case, and what of it lies in the vault."""

    class Preserve(models.TextChoices):
        DUE = "due", _("not yet preserved")
        DONE = "done", _("preserved")
        UNAVAILABLE = "unavailable", _("not to be had from the host")  # recorded; a person was told

    class Context(models.TextChoices):
        """What stood around the item on its host: messages, addresses, devices (18 USC 2258A(h)(2))."""

        DUE = "due", _("not yet preserved")
        DONE = "done", _("preserved")
        UNSUPPORTED = "unsupported", _("the host has none to give")
        WITHHELD = "withheld", _("private: only a participant or the host can bring it in")
        UNAVAILABLE = "unavailable", _("not to be had from the host")
        NOT_ASKED = "not_asked", _("never asked for")  # preserved before contexts were

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="in_cases")
    subject = models.ForeignKey(CaseSubject, on_delete=models.PROTECT, null=True, related_name="items")
    preserve_state = models.CharField(max_length=12, choices=Preserve, default=Preserve.DUE)
    preserved_at = models.DateTimeField(null=True)
    body = models.ForeignKey(Sealed, on_delete=models.PROTECT, null=True, related_name="+")  # the file itself
    facts = models.ForeignKey(Sealed, on_delete=models.PROTECT, null=True, related_name="+")  # text, times, addresses
    context_state = models.CharField(max_length=12, choices=Context, default=Context.DUE)
    context = models.ForeignKey(Sealed, on_delete=models.PROTECT, null=True, related_name="+")  # JSON, as the host told
    thread = models.ForeignKey(Sealed, on_delete=models.PROTECT, null=True, related_name="+")  # the messages as a text
    viewed_by_host_staff = models.BooleanField(null=True)  # null = the host does not say
    reported = models.BooleanField(default=True)  # False: context that came with the account

    # Everything of an item that can lie in the vault: holds, hand-over and destruction take all of it.
    SEALED: ClassVar[tuple[str, ...]] = ("body_id", "facts_id", "context_id", "thread_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "item"], name="item_once_per_case"),
            models.CheckConstraint(
                name="context_done_is_in_the_vault", condition=~Q(context_state="done") | Q(context__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.item_id} of case {self.case_id}"

    @property
    def sealed_ids(self) -> tuple[uuid.UUID, ...]:
        """What the vault holds of it."""
        return tuple(one for name in self.SEALED if (one := getattr(self, name)) is not None)

    @classmethod
    def resting_on(cls, sealed_ids: Iterable[uuid.UUID]) -> "models.QuerySet[CaseItem]":
        """The items that have one of these objects in the vault."""
        wanted, ids = Q(), list(sealed_ids)
        for name in cls.SEALED:
            wanted |= Q(**{f"{name}__in": ids})
        return cls.objects.filter(wanted)


class Lease(models.Model):
    """Who works on a case, on which device, until when. One row per case."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    holder = models.CharField(max_length=100)
    device = models.CharField(max_length=64)
    until = models.DateTimeField()
    fence = models.PositiveBigIntegerField(default=1)  # grows with every new holder

    def __str__(self) -> str:
        return f"lease {self.fence} on case {self.pk}"


class Draft(models.Model):
    """Answers not yet decided on. Survives a closed tab."""

    subject = models.ForeignKey(CaseSubject, on_delete=models.CASCADE, related_name="drafts")
    class_id = models.CharField(max_length=40)
    answers = models.JSONField(default=dict)
    saved_by = models.CharField(max_length=100)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "class_id"], name="draft_once_per_class")]

    def __str__(self) -> str:
        return f"draft {self.class_id} about {self.subject_id}"


class Decision(models.Model):
    """What the policy computed from answers about one subject. Never edited: a later one replaces it."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("computed, not confirmed")
        HELD = "held", _("waits for a second person")
        CONFIRMED = "confirmed", _("in force")
        WITHDRAWN = "withdrawn", _("withdrawn before it took effect")
        REPLACED = "replaced", _("replaced by a later decision")

    class Cause(models.TextChoices):
        ASSESSMENT = "assessment", _("assessment")
        DISAGREEMENT = "disagreement", _("the second person disagreed")
        APPEAL = "appeal", _("appeal")
        CORRECTION = "correction", _("correction")
        OVERRIDE = "override", _("a senior reviewer chose another outcome")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(CaseSubject, on_delete=models.PROTECT, related_name="decisions")
    class_id = models.CharField(max_length=40)
    policy = models.CharField(max_length=60)
    policy_version = models.CharField(max_length=20)
    answers = models.JSONField()  # [{"question", "answer", "origin"}]; origin is an actor or "list:<source>"
    history = models.JSONField()  # what was known of the person then: {"strikes", "same_class_12_months"}
    outcome = models.JSONField()  # policy.Outcome, as computed
    violation = models.BooleanField()
    clauses = models.JSONField(default=list)
    covers = models.ManyToManyField(CaseItem, related_name="decisions")  # the items it is about
    cause = models.CharField(max_length=15, choices=Cause, default=Cause.ASSESSMENT)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    decided_by = models.CharField(max_length=100)
    decided_at = models.DateTimeField(auto_now_add=True)
    second_needed = models.CharField(max_length=60, blank=True)  # the policy's reason code; "" = not needed
    second_by = models.CharField(max_length=100, blank=True)
    second_agrees = models.BooleanField(null=True)
    second_reason = models.TextField(blank=True)
    confirmed_at = models.DateTimeField(null=True)
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "class_id"],
                name="one_decision_in_force",
                condition=Q(state__in=["proposed", "held", "confirmed"]),
            ),
            models.CheckConstraint(
                name="second_person_is_another", condition=Q(second_by="") | ~Q(second_by=F("decided_by"))
            ),
            models.CheckConstraint(
                name="confirmed_has_its_second_person",
                # "is not null" beside "is true": a check whose answer is unknown would let the row through.
                condition=~Q(state="confirmed")
                | Q(second_needed="")
                | (Q(second_agrees__isnull=False, second_agrees=True) & ~Q(second_by="")),
            ),
            # Whoever overrides is `decided_by`, so that `second_person_is_another` holds for them too.
            models.CheckConstraint(
                name="override_asks_for_a_second_person", condition=~Q(cause="override") | ~Q(second_needed="")
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.pk}"


class Override(models.Model):
    """Beside a decision whose outcome a senior reviewer chose: what the policy computed, and why it was not taken."""

    class Direction(models.TextChoices):
        STRICTER = "stricter", _("stricter than computed")
        MILDER = "milder", _("milder than computed")
        OTHER = "other", _("neither stricter nor milder")

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, primary_key=True, related_name="override")
    instead_of = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="overridden_by")  # withdrawn
    computed = models.JSONField()  # policy.Outcome, as computed
    chosen = models.CharField(max_length=60)  # id of the outcome
    direction = models.CharField(max_length=10, choices=Direction)
    reason = models.TextField()
    by = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="override_names_its_reason", condition=~Q(reason="")),
            models.CheckConstraint(name="override_is_of_another_decision", condition=~Q(decision=F("instead_of"))),
        ]

    def __str__(self) -> str:
        return f"override of decision {self.instead_of_id}"


class Duty(models.Model):
    """Something the law or the policy requires for a subject. Closing looks only at duties."""

    class Kind(models.TextChoices):
        REPORT_SHALL = "report_shall", _("report to NCMEC (required)")
        REPORT_MAY = "report_may", _("report to NCMEC (permitted)")
        PRESERVE = "preserve", _("preserve the evidence")
        NOTIFY = "notify_account_holder", _("statement of reasons")
        INFORM = "inform_authority", _("inform an authority")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        MET = "met", _("met")
        WAIVED = "waived", _("waived")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(CaseSubject, on_delete=models.PROTECT, related_name="duties")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="duties")
    kind = models.CharField(max_length=25, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    receipt = models.CharField(max_length=100, blank=True)  # what met it: "filing:<id>", "hold:<id>"
    because = models.TextField(blank=True)  # why it was waived
    opened_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "kind"], name="duty_once_per_decision"),
            models.CheckConstraint(name="met_names_its_receipt", condition=~Q(state="met") | ~Q(receipt="")),
            models.CheckConstraint(name="waived_names_its_reason", condition=~Q(state="waived") | ~Q(because="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of decision {self.decision_id}"
