"""Deciding without a look, where an operator's rule says so: off by default, and given up at the first doubt.

`why_not` says why a report's hits may not be decided on so; `decide` does it, or leaves the case in the queue with the
reason on record. What must hold: an exact hit whose entry is live and not held back, on a trusted list with the rule
"unseen" of two people in force; the very file that the vault holds; a mapping of the category, for the class and the
version of the policy that judges the conduct, signed by two people; every mandatory fact mapped; a violation that needs
no second person and whose report is no person's choice; the uploader's own account; nothing else reported in the case,
and nobody who works on it. A share of such decisions is shown to a person afterwards: `look_back` takes their answer.

Job: `hit.unseen`. The report says that nobody of the service viewed the file, because the exposure log has no look.
"""

import hashlib
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.cases import decisions
from safehold.cases.models import Case, CaseItem, CaseSubject, Decision, Lease
from safehold.evidence.models import Look
from safehold.intake.models import Report
from safehold.path import hits, judging, outcomes
from safehold.redress import service as redress
from safehold.screening import service as screening
from safehold.screening.models import CategoryMapping, HitRecord, HitRule, ListEntry
from safehold.subjects.models import Role
from safehold.work import service as work
from safehold.work.models import Task

ACTOR = "system:worker"
LOOK_BACK = "look-back"  # the task: look at what was decided without a look, and say whether it was right
SOON = 30.0  # seconds until it is asked again whether the evidence is in the vault


class Doubt(Exception):
    """A person must decide. The message is a code, on record and on the case's page; never content."""


class Ready(msgspec.Struct, frozen=True):
    """Everything that an unseen decision rests on."""

    subject: CaseSubject
    items: tuple[CaseItem, ...]
    mapping: CategoryMapping
    rule: HitRule
    source: str  # of the list
    judged: judging.Judged
    history: policy.History


class NotLookedAt(Exception):
    """Whoever says whether an unseen decision was right has to have looked at the file themselves."""


@work.job("hit.unseen", role="reviewer", attempts=60)
def decide(report: str) -> work.Outcome:
    """Decide about a report's item without a look, or leave it to a person and record why."""
    row = Report.objects.get(pk=report)
    case = row.cases.first()
    if case is None or case.items.filter(preserve_state=CaseItem.Preserve.DUE).exists():
        return work.Later(SOON)
    with transaction.atomic():
        _one_at_a_time(row, case)
        if decision_of(row) is not None:
            return None
        try:
            ready = _ready(row)
        except Doubt as doubt:
            audit.record("unseen.left_to_a_person", actor=ACTOR, about=row, because=str(doubt))
            return None
        _decide(ready)
    work.boundary("hit.unseen.decided")
    return None


def why_not(report: Report) -> str:
    """The code of what stands against an unseen decision about a report now; "" = nothing does."""
    try:
        _ready(report)
    except Doubt as doubt:
        return str(doubt)
    return ""


def why_left(report: Report) -> str:
    """The code as `labels.DOUBT` has it: without what stands behind the colon."""
    return why_not(report).partition(":")[0]


def decision_of(report: Report) -> Decision | None:
    """The unseen decision that a report led to."""
    rows = Decision.objects.filter(subject__case__reports=report, decided_by__startswith=hits.BY_RULE)
    return rows.order_by("decided_at").first()


def _one_at_a_time(report: Report, case: Case) -> None:
    """Whoever retracts the entry, or takes the case, in this moment comes before or after, never in between."""
    list(Case.objects.select_for_update().filter(pk=case.pk))
    entries = HitRecord.objects.filter(report=report.pk).values("entry")
    list(ListEntry.objects.select_for_update(of=("self",)).filter(pk__in=entries).order_by("pk"))


def _ready(report: Report) -> Ready:
    case = report.cases.first()
    if case is None or case.state != Case.State.OPEN:
        raise Doubt("case")
    if Lease.objects.filter(case=case, until__gt=timezone.now()).exists():
        raise Doubt("a_person_works_on_it")
    if case.reports.exclude(channel="screening").exists() or case.subjects.count() != 1:
        raise Doubt("more_than_the_hit")
    subject = case.subjects.select_related("account__host", "case").get()
    if subject.account is None or subject.role != Role.UPLOADER:
        raise Doubt("role")
    items = tuple(case.items.filter(reported=True).select_related("item", "body"))
    if not items or any(row.subject_id != subject.pk for row in items):
        raise Doubt("more_than_the_hit")
    record, mapping, judged = _means(subject, case, items)
    if Decision.objects.filter(subject=subject, class_id=mapping.class_id, state__in=["held", "confirmed"]).exists():
        raise Doubt("decided")
    history = judging.history(subject, mapping.class_id)
    lead = screening.leads_to(judged.pack, mapping.class_id, {**mapping.answers, "role": subject.role}, history)
    if lead.why:
        raise Doubt(lead.why[:100])
    rule = screening.rule_in_force(record.entry.list_id, HitRule.On.EXACT)
    assert rule is not None  # noqa: S101 - `_record` asked for it
    return Ready(subject, items, mapping, rule, record.entry.list.source, judged, history)


def _means(
    subject: CaseSubject, case: Case, items: tuple[CaseItem, ...]
) -> tuple[HitRecord, CategoryMapping, judging.Judged]:
    """What every item of the case means by the mappings: the same for all of them, or a person decides."""
    found = [(row := _record(item, case), *_mapping(subject, row)) for item in items]
    first, mapping, judged = found[0]
    same = {(other.answers == mapping.answers, other.class_id == mapping.class_id) for _row, other, _judged in found}
    if same != {(True, True)} or len({row.entry.list_id for row, _mapping, _judged in found}) > 1:
        raise Doubt("items_differ")
    return first, mapping, judged


def _record(item: CaseItem, case: Case) -> HitRecord:
    """A hit by which the item may be decided on: exact, by the rule in force, and of the file that the vault holds."""
    reports = set(case.reports.values_list("pk", flat=True))
    records = [row for row in screening.found_on(items=[item.item]) if row.report in reports]
    if not records:
        raise Doubt("more_than_the_hit")
    unseen = [row for row in records if screening.does_now(row).does == HitRule.Does.UNSEEN]
    if not unseen:
        raise Doubt("no_rule")
    same = next((row for row in unseen if _same_file(item, row)), None)
    if same is None:
        raise Doubt("file_differs")
    return same


def _same_file(item: CaseItem, record: HitRecord) -> bool:
    """Whether the vault holds what was matched: the host names a hash, and gives a file, on two occasions."""
    body, entry = item.body, record.entry
    if body is None:
        return False
    if record.how == "sha256":
        return bool(entry.sha256) and body.sha256 == entry.sha256
    if record.how in ("md5", "sha1"):
        listed = bool(getattr(entry, record.how)) and getattr(body, record.how) == getattr(entry, record.how)
        return listed and record.sha256 in ("", body.sha256)
    return record.how == "pdq" and record.sha256 == body.sha256


def _mapping(subject: CaseSubject, record: HitRecord) -> tuple[CategoryMapping, judging.Judged]:
    """The mapping of the entry's category for the version that judges the conduct, signed by two people."""
    listed = CategoryMapping.objects.filter(list=record.entry.list, category=record.entry.category, ended_at=None)
    for class_id in sorted(set(listed.values_list("class_id", flat=True))):
        judged = judging.judged_by(subject, class_id)
        row = screening.mapping_for(record.entry.list_id, record.entry.category, judged.version)
        if row is not None and (row.class_id, row.policy) == (class_id, judged.policy):
            return row, judged
    raise Doubt("no_mapping")


def _decide(ready: Ready) -> None:
    """The decision, as a person's would be, in the name of the rule. It takes effect at once."""
    actor = f"{hits.BY_RULE}{ready.rule.pk}"
    origin = f"list:{ready.source}"
    decision = decisions.propose(
        ready.subject, ready.mapping.class_id, {**ready.mapping.answers, "role": ready.subject.role},
        history=ready.history, version=ready.judged.version, pack=ready.judged.policy, actor=actor, origin=origin,
    )  # fmt: skip
    decisions.cover(decision, ready.items)
    decision = decisions.confirm(decision, actor=actor)
    audit.record(
        "decision.unseen", actor=actor, about=decision, mapping=str(ready.mapping.pk), origin=origin,
        signed_by=ready.mapping.signed_by, countersigned_by=ready.mapping.countersigned_by,
    )  # fmt: skip
    outcomes.take_effect(decision, actor=actor)
    if chosen(decision.pk):
        work.raise_task(
            LOOK_BACK, key=str(decision.pk), about=audit.ref(decision), role="reviewer", note=f"rule:{ready.rule.pk}"
        )


# --- looking back ----------------------------------------------------------------------------------


def chosen(decision_id: UUID) -> bool:
    """Whether a decision is among the share that a person looks at afterwards. The same however often it is asked."""
    drawn = int.from_bytes(hashlib.sha256(decision_id.bytes).digest()[:8], "big") / 2**64
    return drawn * 100 < settings.SAFEHOLD.look_back_percent


def look_back(task_id: UUID | str, *, agree: bool, reason: str, actor: str) -> Task:
    """A person looked at what was decided without a look, and says whether it was right.

    Where not, the decision is looked at again by somebody else, who can take it back; the guard learns of it now.
    Raises NotLookedAt where this person was not shown every file of it, ValueError without a reason for a "no".
    """
    if not agree and not reason.strip():
        raise ValueError("Say in a sentence why the decision is not right.")
    with transaction.atomic():
        task = Task.objects.select_for_update().get(pk=task_id, kind=LOOK_BACK)
        decision = Decision.objects.get(pk=task.about.partition(":")[2])
        if task.closed_at is not None:
            return task
        if not all(_seen(item, actor) for item in decision.covers.exclude(body=None)):
            raise NotLookedAt("Take the case and reveal every file of it first. Then answer.")
        if not agree:
            redress.open_correction(decision, because=audit.ref(task), actor=actor)
        for item in decision.covers.select_related("item"):
            hits.found(item.item, violation=agree, ref=audit.ref(task), actor=actor)
        outcome = reason.strip() or "agreed"
        return work.close_task(str(task.pk), actor=actor, outcome=outcome if agree else f"not agreed: {outcome}")


def _seen(item: CaseItem, actor: str) -> bool:
    return Look.objects.filter(sealed=item.body_id, actor=actor, kind=Look.Kind.WHOLE).exists()
