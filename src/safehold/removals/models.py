"""Removal requests, what they name, what was removed, and who objects. Written by `service` alone.

What the notifier wrote and how to reach them stand apart, sealed, with terms of their own. No depiction is kept
here: of a removed file there is its SHA-256 and nothing else.
"""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from safehold.audit.machine import Machine
from safehold.subjects.models import Account, Host, Item

# What a request must hold to be valid, 47 USC 223a(a)(1)(B): (i) signature, (ii) identification and location,
# (iii) the statement in good faith, (iv) contact.
ELEMENTS = ("signature", "identification", "location", "statement", "contact")


class Removal(models.Model):
    """One request. Its clock runs from when it was complete; what it says is alleged, not found."""

    class State(models.TextChoices):
        RECEIVED = "received", _("received, to be checked")
        INCOMPLETE = "incomplete", _("incomplete: the notifier was told what is missing")
        VALID = "valid", _("valid")
        REMOVING = "removing", _("being removed")
        REMOVED = "removed", _("removed")
        NOT_FOUND = "not_found", _("not found on our services")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        RESTORING = "restoring", _("being restored")
        RESTORED = "restored", _("restored")

    class Minor(models.TextChoices):
        """Whether the person shown was under 18 at the time, as the notifier says."""

        NO = "no", _("no")
        YES = "yes", _("yes")
        NOT_SURE = "not_sure", _("not sure")

    class Behalf(models.TextChoices):
        SELF = "self", _("the person shown")
        AUTHORISED = "authorised", _("somebody whom the person shown has authorised")

    class Reason(models.TextChoices):
        """Why a request was refused."""

        INCOMPLETE = "incomplete", _("still incomplete after we asked")
        NOT_ENTITLED = "not_entitled", _("neither the person shown nor authorised by them")
        NO_DEPICTION = "no_depiction", _("what it names is no intimate depiction of an identifiable person")
        CONSENT = "consent", _("it was published with consent")
        BAD_FAITH = "bad_faith", _("not made in good faith")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code_hash = models.CharField(max_length=64, unique=True)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, related_name="removals")
    received_at = models.DateTimeField()
    complete_at = models.DateTimeField()  # as it was first sent, or completed: the clock runs from here
    deadline = models.DateTimeField(db_index=True)
    language = models.CharField(max_length=10, default="en")
    behalf = models.CharField(max_length=10, choices=Behalf)
    minor = models.CharField(max_length=8, choices=Minor)
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    missing = models.JSONField(default=list)  # of ELEMENTS, while it is incomplete
    checked_at = models.DateTimeField(null=True)  # when a person last said that it is valid, or what is missing
    checked_by = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=12, choices=Reason, blank=True)  # of a refusal
    answer = models.CharField(max_length=2000, blank=True)  # our words to the notifier, with a refusal or a question
    because = models.CharField(max_length=500, blank=True)  # withdrawn or restored: why
    removed_at = models.DateTimeField(null=True)  # when the last named item was out of everybody's reach
    settled_at = models.DateTimeField(null=True)  # the terms of the notifier's data run from here
    settled_by = models.CharField(max_length=100, blank=True)
    # Routed to child safety: a report of its own there; the clock here runs on.
    report = models.UUIDField(null=True)
    routed_at = models.DateTimeField(null=True)
    routed_by = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="removal_routed_names_its_report", condition=Q(routed_at=None, report=None)
                | (Q(routed_at__isnull=False, report__isnull=False) & ~Q(routed_by="")),
            ),
            models.CheckConstraint(
                name="removal_refused_names_its_reason",
                condition=~Q(state="refused") | (~Q(reason="") & ~Q(settled_by="")),
            ),
            models.CheckConstraint(
                name="removal_removed_has_its_time", condition=~Q(state="removed") | Q(removed_at__isnull=False)
            ),
            # Yes and not sure go to child safety before anything else happens.
            models.CheckConstraint(
                name="removal_of_a_minor_is_routed", condition=Q(minor="no") | Q(report__isnull=False)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"removal {self.id}"

    @property
    def cause(self) -> str:
        """What orders and list entries are made for."""
        return f"removal:{self.pk}"


class RemovalLocator(models.Model):
    """One place that a request names: a link, or the host's own id."""

    class State(models.TextChoices):
        CHECKING = "checking", _("being checked")
        FOUND = "found", _("found")
        NOT_FOUND = "not_found", _("not found")
        ELSEWHERE = "elsewhere", _("not on a host of ours")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    removal = models.ForeignKey(Removal, on_delete=models.PROTECT, related_name="locators")
    position = models.PositiveSmallIntegerField()
    raw = models.CharField(max_length=2083, blank=True)  # as pasted; empty for what lies elsewhere (S62)
    given_as = models.CharField(max_length=4)  # link | name
    state = models.CharField(max_length=10, choices=State, default=State.CHECKING)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, related_name="+")  # the one to ask; null = any
    item = models.ForeignKey(Item, on_delete=models.PROTECT, null=True, related_name="+")
    added_by = models.CharField(max_length=100, blank=True)  # a reviewer; "" = the notifier

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["removal", "position"], name="removal_locator_position")]

    def __str__(self) -> str:
        return f"locator {self.id}"


class RemovalItem(models.Model):
    """An item that a request wants gone: named in it, or a copy with the very same bytes."""

    class Found(models.TextChoices):
        NAMED = "named", _("named in the request")
        COPY = "copy", _("identical copy that we knew")
        UPLOAD = "upload", _("identical copy, uploaded later")

    class Digest(models.TextChoices):
        DUE = "due", _("to be computed")
        DONE = "done", _("computed")
        NONE = "none", _("no file that may be read")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    removal = models.ForeignKey(Removal, on_delete=models.PROTECT, related_name="items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="in_removals")
    found = models.CharField(max_length=6, choices=Found)
    private = models.BooleanField(default=False)  # in a private conversation: never fetched, and a person decides
    digest = models.CharField(max_length=4, choices=Digest, default=Digest.DUE)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)  # lower-case hex; the file itself is not kept
    added_at = models.DateTimeField(auto_now_add=True)
    given_back_at = models.DateTimeField(null=True)  # the request no longer wants it gone

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["removal", "item"], name="removal_item_once"),
            models.CheckConstraint(
                name="removal_digest_is_there",
                condition=Q(digest="done") & ~Q(sha256="") | ~Q(digest="done") & Q(sha256=""),
            ),
        ]

    def __str__(self) -> str:
        return f"removed item {self.id}"


class RemovalObjection(models.Model):
    """Whoever posted the item says that the removal is wrong. Answered by somebody who did not find it valid."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    removed = models.OneToOneField(RemovalItem, on_delete=models.PROTECT, related_name="objection")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    language = models.CharField(max_length=10)
    opened_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    found_by = models.CharField(max_length=100, blank=True)  # who found the request valid; "" = nobody yet
    decided_by = models.CharField(max_length=100, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=2000, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="objection_answered_by_another", condition=Q(decided_by="") | ~Q(decided_by=F("found_by"))
            ),
            models.CheckConstraint(
                name="objection_answer_names_its_author",
                condition=Q(state="open") | (~Q(decided_by="") & ~Q(reason="") & Q(decided_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"objection {self.id}"


class Erasable(models.Model):
    """Encrypted words of a notifier, with a term of their own. Erasing leaves the row as the proof."""

    removal = models.OneToOneField(Removal, on_delete=models.PROTECT, primary_key=True, related_name="%(class)s")
    sealed = models.BinaryField()  # empty once erased
    keep_until = models.DateTimeField(null=True)  # null = until the request is settled
    erased_at = models.DateTimeField(null=True)
    erased_because = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


class RemovalContact(Erasable):
    """The signature, and how to reach whoever signed."""

    def __str__(self) -> str:
        return f"contact of {self.removal_id}"


class RemovalWords(Erasable):
    """How the depiction is identified, the statement, and links that lie elsewhere."""

    def __str__(self) -> str:
        return f"words of {self.removal_id}"


S = Removal.State
REMOVAL = Machine(
    "removal",
    start=S.RECEIVED,
    moves={
        "ask": {S.RECEIVED: S.INCOMPLETE, S.NOT_FOUND: S.INCOMPLETE},
        "complete": {S.INCOMPLETE: S.RECEIVED, S.NOT_FOUND: S.RECEIVED},
        "accept": {S.RECEIVED: S.VALID, S.NOT_FOUND: S.VALID},
        "begin": {S.VALID: S.REMOVING},
        "done": {S.REMOVING: S.REMOVED},
        "miss": {S.VALID: S.NOT_FOUND},
        "refuse": {S.RECEIVED: S.REFUSED, S.INCOMPLETE: S.REFUSED, S.NOT_FOUND: S.REFUSED},
        "withdraw": dict.fromkeys((S.RECEIVED, S.INCOMPLETE, S.VALID, S.REMOVING, S.REMOVED, S.NOT_FOUND), S.WITHDRAWN),
        "restore": {S.REMOVING: S.RESTORING, S.REMOVED: S.RESTORING},
        "restored": {S.RESTORING: S.RESTORED},
    },
)

REMOVAL_LOCATOR = Machine(
    "removal locator",
    start=RemovalLocator.State.CHECKING,
    moves={
        "find": {"checking": "found"},
        "miss": {"checking": "not_found"},
        "set_aside": {"checking": "elsewhere"},
    },
)

OBJECTION = Machine(
    "objection",
    start=RemovalObjection.State.OPEN,
    moves={"grant": {"open": "granted"}, "refuse": {"open": "refused"}},
)
