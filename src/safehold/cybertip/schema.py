"""The service's schema of the configured environment: fetched, kept with hash and date, used on every document.

Others in this room use `fetch`, `current`, `prepared` and `check`. Without a stored schema documents are
checked by the models alone and none of `codes.NEWER` is written. NCMEC's schema needs the operator's login
and carries no licence, so it is never part of this repository.
"""

from functools import lru_cache

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip.client import Answer, Client, Outcome
from safehold.cybertip.differences import declared, differences
from safehold.cybertip.inputs import FilingInput
from safehold.cybertip.models import ServiceSchema
from safehold.cybertip.xsd import LiveSchema


class NoSchema(Exception):
    """The service did not give its schema; `answer` says what it said instead."""

    def __init__(self, answer: Answer) -> None:
        said = f"HTTP {answer.http_status}, code {answer.code}" if answer.http_status else answer.problem
        super().__init__(f"The service gave no schema ({said}). Documents are checked without it.")
        self.answer = answer


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch brought: the row, whether the schema is another than before, how it differs from our models."""

    row: ServiceSchema
    changed: bool
    differences: list[str]


def fetch(client: Client, *, actor: str) -> Fetched:
    """Ask for the schema and keep it: in force from now on. Raises NoSchema, BadSchema; then the old one stays."""
    answer, environment = client.xsd(), settings.SAFEHOLD.cybertip.environment
    if answer.outcome is not Outcome.OK:
        raise NoSchema(answer)
    live, now = _live(answer.raw), timezone.now()
    with transaction.atomic():
        before = current(environment)
        row, _made = ServiceSchema.objects.update_or_create(
            environment=environment,
            sha256=live.sha256,
            defaults={"last_seen": now},
            create_defaults={"last_seen": now, "first_seen": now, "body": answer.raw},
        )
        changed = before is None or before.sha256 != row.sha256
        told = {"environment": environment, "sha256": row.sha256, "changed": changed}
        audit.record("schema.fetched", actor=actor, about=row, **told)
    return Fetched(row=row, changed=changed, differences=differences(live))


def current(environment: str) -> ServiceSchema | None:
    """The schema in force: the one last seen."""
    return ServiceSchema.objects.filter(environment=environment).order_by("-last_seen", "-pk").first()


def parsed(row: ServiceSchema) -> LiveSchema:
    """A stored schema, ready to use."""
    return _live(bytes(row.body))


def prepared(record: FilingInput) -> FilingInput:
    """The record with what of `codes.NEWER` the schema in force declares."""
    row = current(settings.SAFEHOLD.cybertip.environment)
    names = () if row is None else tuple(sorted(declared(parsed(row))))
    return record if record.declared == names else msgspec.structs.replace(record, declared=names)


def check(document: bytes) -> None:
    """Refuse a document that the schema in force refuses: the service would. Raises the first DocumentError."""
    row = current(settings.SAFEHOLD.cybertip.environment)
    if row is not None:
        for problem in parsed(row).problems(document):
            raise problem


@lru_cache(maxsize=4)
def _live(raw: bytes) -> LiveSchema:
    return LiveSchema(raw)
