"""The installation's own list, fed from confirmed decisions of people, so that the same file is known the next time.

`learn` is called where a decision takes effect; the file is read in a job, because decoding takes its time. A granted
appeal takes the entries out again (`reversal.back_out`). What was decided without a look teaches the bank nothing: it
would vouch for what nobody saw.

Job: `bank.learn`.
"""

import logging

from django.db import transaction

from safehold.audit import service as audit
from safehold.cases.models import CaseItem, Decision
from safehold.evidence import service as evidence
from safehold.evidence.models import Sealed
from safehold.path import hits
from safehold.screening import service as screening
from safehold.screening.hashing.types import FrameHash, Limits
from safehold.work import service as work

log = logging.getLogger(__name__)

ACTOR = "system:worker"
CLASS = "cse"
WAIT = 60.0  # seconds until it is asked again whether the item is in the vault


def learn(decision: Decision) -> None:
    """A decision took effect: what it found is put on the bank, soon. In the decision's transaction."""
    if decision.violation and decision.class_id == CLASS and not decision.decided_by.startswith(hits.BY_RULE):
        work.enqueue("bank.learn", key=str(decision.pk), decision=str(decision.pk))


@work.job("bank.learn", role="administrator", attempts=20)
def take(decision: str) -> work.Outcome:
    """Put the decision's files on the bank: digests, and of pictures that can be decoded their PDQ."""
    row = Decision.objects.get(pk=decision)
    if row.covers.filter(preserve_state=CaseItem.Preserve.DUE).exists():
        return work.Later(WAIT)
    for item in row.covers.exclude(body=None).select_related("body"):
        if item.body is not None and _in_force(row):
            _add(row, item.body, _picture(item.body, audit.ref(item)))
    return None


def _in_force(decision: Decision) -> bool:
    return Decision.objects.filter(pk=decision.pk, state=Decision.State.CONFIRMED).exists()


def _add(decision: Decision, body: Sealed, frame: FrameHash | None) -> None:
    """One entry. Whoever takes the decision back in this moment retracts it, or keeps it from being made."""
    with transaction.atomic():
        row = Decision.objects.select_for_update(of=("self",)).get(pk=decision.pk)
        if row.state != Decision.State.CONFIRMED:
            return
        try:
            screening.add_entry(
                screening.BANK, body.sha256, sha1=body.sha1, md5=body.md5, source="decision", category=row.clauses[0],
                purpose=screening.Purpose.PREVENT, licence="own", actor=ACTOR, ref=audit.ref(row),
                pdq=frame.pdq if frame else "", quality=frame.quality if frame else None,
                media="picture" if frame else "",
            )  # fmt: skip
        except screening.Degenerate:
            log.info("decision %s: the file of %s says nothing, so the bank leaves it out", row.pk, body.pk)
        except screening.Barred:  # a person withdrew the entry, and the job ran once more
            log.info("decision %s: the entry of %s was withdrawn, so the bank leaves it out", row.pk, body.pk)


def _picture(body: Sealed, about: str) -> FrameHash | None:
    """The PDQ of a picture as it is shown; None for anything else, and where it cannot be decoded.

    Read into memory alone: what the vault holds is never written to a disk in the clear.
    """
    if not body.media_type.startswith("image/") or body.size > Limits().picture_bytes:
        return None
    from safehold.screening.hashing.sandbox import Decoders

    data = b"".join(evidence.open_sealed(body.pk, actor=ACTOR, purpose="verify", about=about))
    with Decoders(1) as decoders:
        usable = decoders.hash_bytes(data).usable
    shown = [frame for frame in usable if not frame.turned]
    return min(shown, key=lambda frame: frame.at) if shown else None
