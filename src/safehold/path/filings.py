"""What people see and command about a CyberTip: preview, asking the host again, trying again, by hand, the letter.

Faces call these. A preview reads the vault in the reader's own name. Filing by hand takes two steps: the filing is
taken into a person's hands (from then on the worker leaves it alone), and later the number that NCMEC gave is entered,
or the filing is given back. Nothing here is a second way to file: all of it moves the one row of the subject.
"""

from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.cases.models import CaseItem, Decision
from safehold.cybertip import completeness as figures
from safehold.cybertip import inputs
from safehold.cybertip import service as cybertip
from safehold.cybertip.document.errors import DocumentError
from safehold.cybertip.models import FILED, Filing
from safehold.evidence import service as evidence
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import conversation, filing, order
from safehold.work import service as work

Id = UUID | str

# What every adapter can be asked for.
HOSTS_CAN = frozenset(
    {figures.Ability.ACCOUNT, figures.Ability.ADDRESSES, figures.Ability.ITEM, figures.Ability.FILE}
)  # fmt: skip


class FileSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the report, and who saw it whole. `seen`: staff, host, nobody, unknown (the host does not say)."""

    name: str
    size: int | None
    media_type: str
    seen: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be sent if the report were filed now. `problem` says why none can be built; then nothing is shown."""

    document: str = ""
    details: tuple[str, ...] = ()
    files: tuple[FileSeen, ...] = ()
    completeness: figures.Completeness | None = None
    urgency: figures.Urgency | None = None
    problem: str = ""
    duty: str = ""  # shall | may | none: what the law says of this subject


def preview(decision: Decision, *, actor: str) -> Preview:
    """The report of a decision as it stands, computed or in force. Each part read is a look of `actor`'s, on record.

    Raises the vault's errors (a process that only writes evidence cannot show it). Not inside a transaction.
    """
    record = filing.build_input(decision, by=actor)
    told = Preview(
        files=_files(decision),
        completeness=figures.completeness(record, _able(decision)),
        urgency=figures.urgency(record, known_at=decision.subject.case.knowledge_at),
        duty=duty_of(decision),
    )
    with transaction.atomic():
        audit.record("filing.previewed", actor=actor, about=decision)
    try:
        document, details = cybertip.preview(record), cybertip.preview_files(record)
    except DocumentError as problem:
        return msgspec.structs.replace(told, problem=str(problem))
    texts = tuple(one.decode() for one in details)
    return msgspec.structs.replace(told, document=document.decode(), details=texts)


def duty_of(decision: Decision) -> str:
    """What the law says of reporting the subject: "shall", "may", or "none"."""
    kinds = decision.outcome["duties"]
    return "shall" if "report_shall" in kinds else "may" if "report_may" in kinds else "none"


def can_fetch(decision: Decision) -> list[tuple[str, str]]:
    """What the steps that fetch from the host have not got yet: (job, id), of the account and of what stands around.

    Empty once a report is filed. What the host gave already is not asked for a second time: the vault keeps what
    was said when we knew.
    """
    subject, filing_row = decision.subject, order.filing_of(decision)
    filed = filing_row is not None and filing_row.state in FILED
    if filed or subject.account is None or not subject.account.host.enabled:
        return []
    account = [("account.preserve", str(subject.pk))] if subject.facts_id is None else []
    around = decision.covers.filter(
        preserve_state=CaseItem.Preserve.DONE, context_state=CaseItem.Context.DUE, item__host__enabled=True
    )
    return account + [("item.context", str(pk)) for pk in around.order_by("pk").values_list("pk", flat=True)]


def fetch_again(decision_id: Id, *, actor: str) -> int:
    """Make the steps of `can_fetch` due now. Returns how many; raises IllegalMove where there is none."""
    with transaction.atomic():
        decision = Decision.objects.select_related("subject__account__host").get(pk=decision_id)
        steps = can_fetch(decision)
        if not steps:
            raise IllegalMove("There is nothing that the host could be asked for again.")
        for job, row in steps:
            if job == "account.preserve":
                work.enqueue(job, key=row, again=True, subject=row)
            else:
                work.enqueue(job, key=row, again=True, case_item=row)
        audit.record("filing.fetch_asked", actor=actor, about=decision, steps=len(steps))
    return len(steps)


def _able(decision: Decision) -> frozenset[figures.Ability]:
    account = decision.subject.account
    if account is None or not account.host.enabled:
        return frozenset()
    coming = decision.covers.filter(context_state=CaseItem.Context.DUE).exists()
    return HOSTS_CAN | {figures.Ability.THREAD} if coming else HOSTS_CAN


def _files(decision: Decision) -> tuple[FileSeen, ...]:
    """The files of the report as `filing` sends them: those of the items, and the threads of those that have none."""
    items = list(decision.covers.select_related("body", "thread"))
    threads = [
        FileSeen(
            name=one.file_name, size=one.size, media_type=one.media_type,
            seen="staff" if evidence.viewed_whole(one.pk, before=timezone.now()) else "nobody",
        )
        for one in conversation.threads(items)
    ]  # fmt: skip
    return (*(_seen(item) for item in items if item.body_id), *threads)


def _seen(item: CaseItem) -> FileSeen:
    """Who saw the whole file, as `filing.viewed` will tell NCMEC; and "unknown" where nobody can say."""
    body = item.body
    assert body is not None  # the caller chose items that have one  # noqa: S101
    by_host = {True: "host", False: "nobody", None: "unknown"}[item.viewed_by_host_staff]
    ours = item.viewed_by_host_staff is not True and filing.viewed(item, timezone.now())
    return FileSeen(
        name=body.file_name, size=body.size, media_type=body.media_type, seen="staff" if ours else by_host
    )  # fmt: skip


def decision_of(row: Filing) -> Decision:
    """The decision that a filing is for: the newest one in force about its subject, else the newest of all."""
    rows = Decision.objects.filter(subject__pk=row.ref.removeprefix("subject:")).order_by("-decided_at")
    found = rows.filter(state__in=["confirmed", "held"]).first() or rows.first()
    if found is None:
        raise LookupError(f"{audit.ref(row)} belongs to no decision.")
    return found


def take_in_hand(decision_id: Id, *, actor: str) -> Filing:
    """Step one of filing by hand: drafts what is to be filed where nothing is drafted yet, and stops the worker.

    Raises IllegalMove where no report is due, cybertip.NotNow where it is filed or its finish was sent.
    """
    decision = Decision.objects.select_related("subject__case", "subject__account__host").get(pk=decision_id)
    if not order.may_file(decision):
        raise IllegalMove("This decision has no open duty to report: there is nothing to file.")
    row = order.filing_of(decision)
    if row is None or row.state == Filing.State.NOT_REPORTABLE:
        row = cybertip.draft(filing.build_input(decision), actor=actor)
    with transaction.atomic():
        row = cybertip.take_in_hand(row.pk, actor=actor)
        order.retract_left(row)
    return row


def packet(filing_id: Id, *, actor: str) -> bytes:
    """The packet of a filing that is in somebody's hands; that it was taken is on record.

    Raises IllegalMove for any other: what the worker files must not be filed by hand too.
    """
    with transaction.atomic():
        row = Filing.objects.select_for_update(of=("self",)).get(pk=filing_id)
        if row.state != Filing.State.IN_HAND:
            raise IllegalMove("The packet is for a report that is filed by hand: take it into your hands first.")
        audit.record("filing.packet_taken", actor=actor, about=row, sha256=row.document_sha256)
        return cybertip.packet(row)


def give_back(filing_id: Id, *, because: str, actor: str) -> Filing:
    """It was not filed by hand: the worker files it, or it ends where no decision stands for it any more."""
    with transaction.atomic():
        row = cybertip.give_back(filing_id, because=because, actor=actor)
        if filing.stands(row):
            _go_on(row)
        else:
            row = cybertip.not_reportable(row.pk, because="No decision in force reports this.", actor=actor)
    return row


def enter_number(filing_id: Id, *, report_id: int, actor: str) -> Filing:
    """Step two: NCMEC's number. The hold begins and the duties are met, as with any other filing."""
    return filing.by_hand_entered(Filing.objects.get(pk=filing_id), report_id=report_id, actor=actor)


def try_again(filing_id: Id, *, anew: bool, actor: str) -> Filing:
    """Let a failed filing go on. `anew` builds the report again from what is known now, for one that was refused.

    Raises cybertip.NotNow, DocumentError.
    """
    row = Filing.objects.get(pk=filing_id)
    corrected: inputs.FilingInput | None = filing.build_input(decision_of(row)) if anew else None
    with transaction.atomic():
        row = cybertip.retry(row.pk, actor=actor, corrected=corrected)
        _go_on(row)
    return row


def letter_of(row: Filing) -> Letter | None:
    """The drafted letter that tells NCMEC of a wrong report, where there is one."""
    return Letter.objects.filter(kind=Letter.Kind.NCMEC_CORRECTION, ref=str(row.pk)).first()


def told_ncmec(filing_id: Id, *, how: str, actor: str) -> Filing:
    """A custodian has told NCMEC that a report was wrong: the letter is sent, and its task is done.

    Raises LookupError where no letter is drafted, ValueError without a word on how it was told.
    """
    if not how.strip():
        raise ValueError("Say how NCMEC was told: by which channel, on which day, and what they answered.")
    row = Filing.objects.get(pk=filing_id)
    letter = letter_of(row)
    if letter is None:
        raise LookupError(f"{audit.ref(row)} has no letter to NCMEC.")
    with transaction.atomic():
        notices.mark_letter_sent(letter.pk, how[:200], actor)
        for task in work.open_tasks("custodian").filter(kind="tell-ncmec", about=audit.ref(row)):
            work.close_task(str(task.pk), actor=actor, outcome=how)
    return row


def _go_on(row: Filing) -> None:
    """The worker takes it up again."""
    decision = decision_of(row)
    work.enqueue("filing.file", key=str(decision.subject_id), again=True, decision=str(decision.pk))
