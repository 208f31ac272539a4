"""The United Kingdom's duty to report, subject by subject: what a person found, and how it ended.

Called through `path.uk`, which knows decisions and CyberTips. `find` records link and priority; `cover` and
`refuse_cover` the rule of s. 70(5); `prepare`, `give_back`, `report` the way through the NCA's portal, which a person
walks; `drop` and `fell` that nothing is due any more; `close_alarms` ends its alarms. Every function records its act;
none calls anybody.
"""

import re
import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.authorities.models import UK, UkMatter
from safehold.authorities.rules import RULES, years_after
from safehold.authorities.uk_export import ExportInput, build, encode
from safehold.cases.models import CaseSubject
from safehold.work import service as work

Id = uuid.UUID | str
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_:-]{2,99}")
# What belongs to an export that is not sent: gone with it.
NO_EXPORT: dict[str, Any] = {"record": b"", "prepared_at": None, "prepared_by": ""}


def limit(priority: int) -> timedelta:
    """After how long a matter of this priority raises an alarm; priority 1 at once."""
    return timedelta(hours=RULES[f"uk-priority-{priority}"].value)


def find(
    subject: CaseSubject, *, linked: bool, because: str, actor: str, priority: int | None = None,
    priority_because: str = "",
) -> UkMatter:  # fmt: skip
    """A person finds whether the subject's content is linked to the UK and, where it is, the priority.

    May be found anew until it is covered or reported; an export made before is given up. Raises ValueError
    without a reason or a priority, IllegalMove.
    """
    if not because.strip():
        raise ValueError("Say why there is a link to the United Kingdom, or none: it stays on the record.")
    if linked and (priority not in UkMatter.Priority.values or not priority_because.strip()):
        raise ValueError("A link needs a priority of 1, 2 or 3 with its reason.")
    if not linked and (priority is not None or priority_because.strip()):
        raise ValueError("Without a link to the United Kingdom there is no priority.")
    now = timezone.now()
    found: dict[str, Any] = {
        "link_because": because.strip()[:500], "priority": priority, "found_at": now, "found_by": actor,
        "priority_because": priority_because.strip()[:500], "due_since": now,
    }  # fmt: skip
    with transaction.atomic():
        row, made = UkMatter.objects.get_or_create(
            subject=subject, defaults={**found, "state": UkMatter.State.DUE if linked else UkMatter.State.NO_LINK}
        )
        if made:
            audit.record(
                "uk_matter.found", actor=actor, about=row, subject=audit.ref(subject), linked=linked, priority=priority
            )
            return row
        verb = "link" if linked else "unlink"
        changes = {**found, **NO_EXPORT, "because": ""}
        return UK.move(row, verb, actor=actor, changes=changes, linked=linked, priority=priority)


def cover(matter_id: Id, *, filing: str, report_id: int, actor: str) -> UkMatter:
    """Content that a finished CyberTip carries is not "unreported" (s. 70(5)). `path.uk` derives which."""
    with transaction.atomic():
        changes = {"covered_by": filing, "covered_report_id": report_id, "not_covered_because": ""}
        row = UkMatter.objects.get(pk=matter_id)
        return UK.move(row, "cover", actor=actor, changes=changes, filing=filing, report_id=report_id)


def refuse_cover(matter_id: Id, *, because: str, actor: str) -> UkMatter:
    """The rule does not hold for this case, and why: it is to be reported to the NCA all the same."""
    if not because.strip():
        raise ValueError("Say why the CyberTip does not cover it: it stays on the record.")
    with transaction.atomic():
        changes: dict[str, Any] = {
            "covered_by": "",
            "covered_report_id": None,
            "not_covered_because": because.strip()[:500],
        }
        changes["due_since"] = timezone.now()
        return UK.move(
            UkMatter.objects.get(pk=matter_id), "refuse_cover", actor=actor, changes=changes, because=because
        )


def prepare(matter_id: Id, record: ExportInput, *, actor: str) -> UkMatter:
    """Keep the record of the export; a later one replaces it. From now on a person sends it."""
    digest = build(record).sha256
    with transaction.atomic():
        changes = {"record": encode(record), "prepared_at": timezone.now(), "prepared_by": actor, "because": ""}
        return UK.move(UkMatter.objects.get(pk=matter_id), "prepare", actor=actor, changes=changes, sha256=digest)


def give_back(matter_id: Id, *, because: str, actor: str) -> UkMatter:
    """It was not sent: it is due again. Raises ValueError without a reason."""
    if not because.strip():
        raise ValueError("Say how you know that nothing was sent.")
    with transaction.atomic():
        changes = {**NO_EXPORT, "because": because.strip()[:500], "due_since": timezone.now()}
        return UK.move(UkMatter.objects.get(pk=matter_id), "give_back", actor=actor, changes=changes, because=because)


def report(matter_id: Id, *, reference: str, actor: str) -> UkMatter:
    """A person sent it and the NCA gave this reference, which is kept for five years at least.

    Raises ValueError for what cannot be one, or that another matter has; IllegalMove where nothing was prepared.
    """
    reference = " ".join(reference.split())
    if REFERENCE.fullmatch(reference) is None:
        raise ValueError(
            "A reference has 3 to 100 letters, digits, spaces or . / _ : - and begins with one of the former."
        )
    now = timezone.now()
    changes = {
        "reference": reference, "reported_at": now, "reported_by": actor,
        "reference_until": years_after(now, "uk-keep-reference"),
    }  # fmt: skip
    try:
        with transaction.atomic():
            return UK.move(
                UkMatter.objects.get(pk=matter_id), "report", actor=actor, changes=changes, reference=reference
            )
    except IntegrityError:
        raise ValueError(f"Reference {reference} belongs to another report; look at the NCA's answer again.") from None


def drop(matter_id: Id, *, because: str, actor: str) -> UkMatter:
    """Nothing is due any more, and why: the decision was reversed, for instance. Not after it was exported."""
    if not because.strip():
        raise ValueError("Say why nothing is due any more: it stays on the record.")
    with transaction.atomic():
        changes = {"because": because.strip()[:500]}
        return UK.move(UkMatter.objects.get(pk=matter_id), "drop", actor=actor, changes=changes, because=because)


def fell(subject: CaseSubject, *, because: str, actor: str) -> None:
    """The decision about a subject was reversed. What is due falls; what is or may be with the NCA goes to a person.

    Joins the caller's transaction.
    """
    row = UkMatter.objects.filter(subject=subject).first()
    if row is None:
        return
    if UK.can(row, "drop"):
        drop(row.pk, because=f"The decision was reversed: {because}", actor=actor)
        close_alarms(row, outcome="the decision was reversed", actor=actor)
    elif row.state in (UkMatter.State.PREPARED, UkMatter.State.REPORTED):
        key = f"{row.pk}:{timezone.now().isoformat()}"
        work.raise_task("tell-nca", key=key, about=audit.ref(row), role="custodian", note=row.reference)


def close_alarms(row: UkMatter, *, outcome: str, actor: str) -> None:
    """End the alarms of a matter that waits no more; each closing is an act."""
    for task in work.open_tasks().filter(kind="uk-late", about=audit.ref(row)):
        work.close_task(str(task.pk), actor=actor, outcome=outcome)
