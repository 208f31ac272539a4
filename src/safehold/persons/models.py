"""Tables of persons. No address and no number is stored: only keyed digests of their normal form."""

import uuid

from django.db import models

from safehold.subjects.models import Account


class Person(models.Model):
    """Whoever stands behind one or more accounts. Joined persons keep their own rows and histories."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    made_at = models.DateTimeField()
    joined_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="joined")

    def __str__(self) -> str:
        return f"person {self.pk}"


class AccountLink(models.Model):
    """An account belongs to a person; to the one it was first linked to, whoever was joined since."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="person_link")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="links")
    since = models.DateTimeField()


class Identifier(models.Model):
    """HMAC-SHA256 of a normalised e-mail address or telephone number, under the installation's key."""

    class Kind(models.TextChoices):
        EMAIL = "email"
        PHONE = "phone"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=5, choices=Kind)
    mac = models.CharField(max_length=64)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="identifiers")
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "mac"], name="identifier_once")]


class Join(models.Model):
    """A recorded finding that two persons are one. Can be undone: nothing was rewritten."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="joins")
    into = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="absorbed")
    because = models.CharField(max_length=200)
    actor = models.CharField(max_length=100)
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    undone_because = models.CharField(max_length=200, blank=True)


class Ban(models.Model):
    """A person may not come back on any host. A person can be under several; each is lifted by itself."""

    class State(models.TextChoices):
        IN_FORCE = "in_force"
        LIFTED = "lifted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="bans")
    because = models.CharField(max_length=200)  # a ref: "decision:<id>"
    state = models.CharField(max_length=10, choices=State, default=State.IN_FORCE)
    placed_at = models.DateTimeField()
    placed_by = models.CharField(max_length=100)
    lifted_at = models.DateTimeField(null=True)
    lifted_because = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "because"], condition=models.Q(state="in_force"), name="ban_once_per_reason"
            )
        ]


class Strike(models.Model):
    """A confirmed violation that counts against the person. One for each decision."""

    class State(models.TextChoices):
        COUNTED = "counted"
        RETRACTED = "retracted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="strikes")
    class_id = models.CharField(max_length=60)  # the policy class
    clauses = models.JSONField(default=list)
    decision = models.CharField(max_length=100, unique=True)  # an audit ref: "decision:<id>"
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.COUNTED)
    retracted_at = models.DateTimeField(null=True)
    retracted_because = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["person", "state", "class_id"], name="strike_of_person")]
