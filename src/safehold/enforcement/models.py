"""The ledger of actions."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from safehold.cases.models import CaseItem, CaseSubject, Decision
from safehold.subjects.models import Item

ITEM_KINDS = ["hide_item", "purge_item"]
ACCOUNT_KINDS = ["suspend_account", "lock_account", "ban_person"]


class Action(models.Model):
    """One thing ordered of a host or of the register of persons. Done is what reading back shows.

    An order about an item is a case's (`case_item`), or stands outside every case (`item`, with the `cause` that
    wants it). Several may stand on one item: it comes back when none of them is in force any more.
    """

    class Kind(models.TextChoices):
        HIDE_ITEM = "hide_item", _("hide the item")
        PURGE_ITEM = "purge_item", _("destroy the host's copy")
        SUSPEND = "suspend_account", _("suspend the account")
        LOCK = "lock_account", _("lock the account until the item is removed")
        BAN = "ban_person", _("ban the person")

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        HELD = "held", _("waits for a second person")
        SENT = "sent", _("sent to the host")
        CONFIRMED = "confirmed", _("confirmed")
        FAILED = "failed", _("failed: a person must look")
        REVERSING = "reversing", _("being reversed")
        REVERSED = "reversed", _("reversed")
        IRREVERSIBLE = "irreversible", _("cannot be reversed")
        DROPPED = "dropped", _("dropped before it was sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.ForeignKey(CaseSubject, on_delete=models.PROTECT, null=True, related_name="actions")
    case_item = models.ForeignKey(CaseItem, on_delete=models.PROTECT, null=True, related_name="actions")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, null=True, related_name="actions")
    cause = models.CharField(max_length=100, blank=True)  # with `item`: what wants it, "removal:<id>"
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, related_name="actions")
    state = models.CharField(max_length=12, choices=State, default=State.PLANNED)
    reverse = models.CharField(max_length=30, blank=True)  # the order that undoes it; "" = there is none
    ordered_by = models.CharField(max_length=100)
    ordered_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    reversed_at = models.DateTimeField(null=True)
    reversed_because = models.CharField(max_length=100, blank=True)  # "appeal:<id>", "complied"
    ban = models.UUIDField(null=True)  # of kind BAN: the entry in the register of persons
    problem = models.CharField(max_length=200, blank=True)  # the host's refusal, for an operator; no content

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="action_has_its_object",
                condition=Q(kind__in=ITEM_KINDS, case_item__isnull=False, item__isnull=True, cause="")
                | Q(
                    kind__in=ITEM_KINDS,
                    case_item__isnull=True,
                    item__isnull=False,
                    subject__isnull=True,
                    decision__isnull=True,
                )
                & ~Q(cause="")
                | Q(kind__in=ACCOUNT_KINDS, subject__isnull=False, item__isnull=True, cause=""),
            ),
            # One hide in force per item of a case, and per item and cause; one sanction of a kind per subject.
            # Ordering twice finds the first.
            models.UniqueConstraint(
                fields=["case_item", "kind"],
                name="one_item_action_in_force",
                condition=Q(case_item__isnull=False) & ~Q(state__in=["reversed", "dropped"]),
            ),
            models.UniqueConstraint(
                fields=["subject", "kind"],
                name="one_account_action_in_force",
                condition=Q(case_item__isnull=True, item__isnull=True) & ~Q(state__in=["reversed", "dropped"]),
            ),
            models.UniqueConstraint(
                fields=["item", "cause", "kind"],
                name="one_caused_action_in_force",
                condition=Q(item__isnull=False) & ~Q(state__in=["reversed", "dropped"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def thing(self) -> Item | None:
        """The item that the action is about, in a case or outside of one; None where it is about an account."""
        return self.case_item.item if self.case_item is not None else self.item
