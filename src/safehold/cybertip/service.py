"""The public face of `cybertip`: draft a CyberTip, move it to its receipt, or say why there is none.

Others may call:
- `draft(record, actor=...) -> Filing`: build, check and store the exact document; once for each `record.ref`.
- `advance(filing_id, worker=..., on_finished=...) -> Progress`: one protocol call; repeat as it says.
- `preview(record) -> bytes`, `preview_files(record)`: the documents, nothing stored.
- `fetch_schema`, `current_schema`: the service's own schema, see `schema`; `completeness` and `thread` are pure.
- `not_reportable`, `never_reportable`, `take_in_hand`, `give_back`, `filed_by_hand`, `abandon`, `retry`: what a
  person decides about a filing (`deciding`); `packet`: what they need to file it in NCMEC's web form.
- `retract_left`, `open_at_service`: reports that were opened and that nobody will finish.
- `circuit_of`, `close_circuit`, `check_credentials`: whether filing stands still, and setting it going.
- `reconcile`: whether what we count agrees with receipts, holds and the record (`reconciling`).
The input record is `inputs.FilingInput`; invalid content raises `document.DocumentError`.
"""

import uuid
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from django.conf import settings

from safehold.audit import service as audit
from safehold.cybertip import circuit, leftovers, schema
from safehold.cybertip.client import Answer, Client
from safehold.cybertip.deciding import (
    NotNow,
    abandon,
    filed_by_hand,
    give_back,
    never_reportable,
    not_reportable,
    retry,
    take_in_hand,
)
from safehold.cybertip.drafting import draft, preview, preview_files
from safehold.cybertip.filing import Mover, OnFinished, Read
from safehold.cybertip.leftovers import open_at_service
from safehold.cybertip.models import Circuit, Filing, ServiceSchema
from safehold.cybertip.packet import packet
from safehold.cybertip.progress import Progress
from safehold.cybertip.reconciling import reconcile

__all__ = [
    "NotNow", "WrongEnvironment", "abandon", "advance", "check_credentials", "check_environment", "circuit_of",
    "close_circuit", "current_schema", "draft", "fetch_schema", "filed_by_hand", "give_back", "never_reportable",
    "not_reportable", "open_at_service", "packet", "preview", "preview_files", "reconcile", "retract_left", "retry",
    "take_in_hand",
]  # fmt: skip

# ISPWS documentation of 2025-06-11: the two services and the addresses they answer at.
HOSTS = {"production": "report.cybertip.org", "test": "exttest.cybertip.org"}


class WrongEnvironment(Exception):
    """The filing was made for another environment than the settings lead to. Nothing was sent."""


def advance(
    filing_id: uuid.UUID | str,
    *,
    worker: str,
    on_finished: OnFinished,
    read: Read | None = None,
    line: Callable[[], Client] | None = None,
) -> Progress:
    """Do the next step of a filing: one protocol call at most, stored before and after.

    `worker` is for the record; who may move a filing is settled by machine and process.
    `on_finished` runs in the transaction that stores the receipt; what it raises undoes that
    transaction, comes through, and is tried again with the kept answer at the next call. `read` and
    `line` default to the vault and to the configured service. Must not run inside a transaction.
    Raises WrongEnvironment, ValueError for an unusable address.
    """
    filing = Filing.objects.get(pk=filing_id)
    if filing.ended_at is None and filing.state not in (Filing.State.FAILED, Filing.State.IN_HAND):
        check_environment(filing)
    mover = Mover(worker=worker, read=read or _from_the_vault(filing), line=line or _line, on_finished=on_finished)
    return mover.advance(filing.pk)


def check_environment(filing: Filing) -> None:
    """The interlock: a filing goes only where it was made for, and production only where all agree."""
    config = settings.SAFEHOLD
    tip = config.cybertip
    host = (urlsplit(tip.url).hostname or "").rstrip(".")
    wanted = HOSTS.get(tip.environment)
    reason = ""
    if filing.environment != tip.environment:
        reason = f"made for {filing.environment}, settings say {tip.environment}"
    elif not host:
        reason = "SAFEHOLD_CYBERTIP_URL is not set"
    elif wanted is not None and host != wanted:
        reason = f"{tip.environment} must lead to {wanted}"
    elif wanted is None and host.endswith("cybertip.org"):
        reason = f"{tip.environment} must not lead to NCMEC"
    elif tip.environment == "production" and config.environment != "production":
        reason = "SAFEHOLD_ENVIRONMENT is not production"
    if reason:
        audit.refused("filing.advanced", actor="system:worker", about=filing, reason=reason)
        raise WrongEnvironment(f"Filing {filing.pk} is not sent: {reason}.")


def retract_left(filing_id: uuid.UUID | str, *, worker: str, line: Callable[[], Client] | None = None) -> Progress:
    """Retract what was opened for a filing and will never be finished. Must not run inside a transaction."""
    filing = Filing.objects.get(pk=filing_id)
    if leftovers.open_at_service(filing):
        check_environment(filing)
    return leftovers.retract_left(filing, worker=worker, line=line or _line)


def circuit_of(environment: str) -> Circuit | None:
    """The open circuit of an environment; None = filings move."""
    return Circuit.objects.filter(environment=environment).first()


def close_circuit(environment: str, *, actor: str) -> bool:
    """An administrator has mended the credentials: let filings move. Returns whether they stood still."""
    return circuit.close(environment, actor=actor)


def check_credentials() -> Answer:
    """Ask the service's `status` with the present settings; nothing is stored."""
    with _line() as client:
        return client.status()


def fetch_schema(*, actor: str) -> schema.Fetched:
    """Ask the configured service for its schema and keep it. Raises schema.NoSchema, xsd.BadSchema."""
    with _line() as client:
        return schema.fetch(client, actor=actor)


def current_schema() -> ServiceSchema | None:
    """The schema in force for the configured environment."""
    return schema.current(settings.SAFEHOLD.cybertip.environment)


def _line() -> Client:
    tip = settings.SAFEHOLD.cybertip
    return Client(tip.url, tip.username, tip.password)


def _from_the_vault(filing: Filing) -> Read:
    """Files are read from the vault, which records the look before the first byte."""

    def read(sealed_id: str) -> Iterator[bytes]:
        from safehold.evidence import service as evidence

        chunks: Iterator[bytes] = evidence.open_sealed(
            sealed_id, actor="system:worker", purpose="filing", about=audit.ref(filing)
        )
        return chunks

    return read
