"""Tables of the outbox and of tasks for people."""

import uuid

from django.db import models


class Job(models.Model):
    """One thing to be done, written in the transaction that makes it due. Carries ids only."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"  # a Task for a person stands beside it
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60)
    key = models.CharField(max_length=200, unique=True)
    ids = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    not_before = models.DateTimeField()
    made_at = models.DateTimeField(auto_now_add=True)
    run = models.PositiveIntegerField(default=0)  # how often it was handed to the engine
    failures = models.PositiveIntegerField(default=0)  # consecutive
    last_error = models.CharField(max_length=100, blank=True)  # an exception's class name, no content
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "not_before"], name="job_due")]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"


class Task(models.Model):
    """Something that cannot go on without a person. Shown to everybody of `role` until closed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)  # "tell-ncmec", "host-refused", …: texts in console
    key = models.CharField(max_length=200, unique=True)
    about = models.CharField(max_length=100, db_index=True)  # an audit ref: "action:<id>"
    role = models.CharField(max_length=20)
    note = models.CharField(max_length=500, blank=True)  # ids and codes; never content
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, blank=True)
    outcome = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Worker(models.Model):
    """A worker process that says it is alive. What a silent one left behind is taken over."""

    executor = models.CharField(primary_key=True, max_length=100)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.executor


class Pause(models.Model):
    """Work stands still from `since` until a person lifts it. At most one is in force."""

    id = models.BigAutoField(primary_key=True)
    since = models.DateTimeField(auto_now_add=True)
    because = models.CharField(max_length=300)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=100, blank=True)
    lifted_because = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"pause {self.pk}"
