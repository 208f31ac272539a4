"""The way back: what a granted appeal, a correction, a cleared case or compliance undoes.

`back_out` starts the reversal of everything a decision brought; what has no reverse says so on the
record, and a task asks a custodian to tell NCMEC where a report was filed. Job: `evidence.clear`.
"""

import contextlib
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from safehold.audit import service as audit
from safehold.authorities import uk
from safehold.cases import duties
from safehold.cases.models import Case, CaseItem, Decision, Duty
from safehold.cybertip import service as cybertip
from safehold.cybertip.models import Filing
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.evidence import service as evidence
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import order
from safehold.persons import service as persons
from safehold.screening import service as screening
from safehold.work import service as work

ACTOR = "system:worker"
DAY = 24 * 3600.0


def back_out(decision: Decision, *, because: str, actor: str) -> None:
    """Start undoing every action that (still) belongs to a decision.

    The filing and the hold stay: what was filed is with NCMEC, and its preservation is owed all the same
    (18 USC 2258A(h)).
    """
    for action in Action.objects.filter(decision=decision):
        give_back(action, because=because, actor=actor)
    persons.retract_strike(str(decision.pk), because=because, actor=actor)
    screening.retract_entry(audit.ref(decision), because=because, actor=actor)
    for duty in Duty.objects.filter(decision=decision, state=Duty.State.OPEN):
        duties.waive(duty, because=f"No longer in force: {because}", actor=actor)
    if decision_stands(decision):
        return
    uk.fell(decision.subject, because=because, actor=actor)
    filing = order.filing_of(decision)
    if filing is not None:
        if filing.state in order.FILED:
            tell_ncmec(filing)
        else:
            _stop(filing, because=because, actor=actor)


def give_back(action: Action, *, because: str, actor: str) -> None:
    """Undo an action of a decision that fell, unless another decision in force wants it: then it is that one's."""
    heir = order.also_wanted_by(action)
    if heir is not None and action.state not in (Action.State.REVERSED, Action.State.DROPPED):
        enforcement.give_to(action, heir, actor=actor)
    else:
        reverse(action, because=because, actor=actor)


def tell_ncmec(filing: Filing) -> None:
    """A report was filed about what is no violation: a custodian gets the task and a drafted letter."""
    letter = _letter_to_ncmec(filing)
    work.raise_task(
        "tell-ncmec", key=str(filing.pk), about=audit.ref(filing), role="custodian", note=f"letter:{letter.pk}"
    )


def _stop(filing: Filing, *, because: str, actor: str) -> None:
    """What is not filed yet is not to be. Once `finish` was sent it runs on, and its end tells NCMEC."""
    if filing.state == "in_hand":  # it may be in NCMEC's web form by now: only who has it can tell
        work.raise_task("filing-in-hand-reversed", key=str(filing.pk), about=audit.ref(filing), role="custodian")
    elif filing.state in ("drafted", "opened", "uploading", "failed"):
        with contextlib.suppress(cybertip.NotNow):
            filing = cybertip.not_reportable(filing.pk, because=f"The decision was reversed: {because}", actor=actor)
            order.retract_left(filing)


def decision_stands(decision: Decision) -> bool:
    """Whether a decision in force reports the subject, in the same part (suspect, victim): then the report is right."""
    in_force = Decision.objects.filter(subject=decision.subject, state=Decision.State.CONFIRMED)
    return any(reported(row) and row.outcome["filed_as"] == decision.outcome["filed_as"] for row in in_force)


def reported(decision: Decision) -> bool:
    """Whether the decision is one that NCMEC is told of."""
    return decision.violation and bool(set(order.REPORTS) & set(decision.outcome["duties"]))


def _letter_to_ncmec(filing: Filing) -> Letter:
    """What a custodian tells NCMEC, drafted: no endpoint amends a finished report."""
    given = notices.NcmecCorrection(
        filing=str(filing.pk),
        report_id=str(filing.report_id or ""),
        filed_at=filing.ended_at or timezone.now(),
        company=settings.SAFEHOLD.provider.name,
        changed=(_changed(filing),),
        changed_on=timezone.now().date(),
        test=filing.environment != "production",
    )
    return notices.letter_to_ncmec(given, ACTOR)


def _changed(filing: Filing) -> str:
    """Why the report was wrong, by the newest decision about its subject: what NCMEC is told must be so."""
    rows = Decision.objects.filter(subject__pk=filing.ref.removeprefix("subject:")).exclude(state="withdrawn")
    newest = rows.order_by("-decided_at").first()
    if newest is None or newest.replaces_id is None:
        return "law_not_met"
    return {"appeal": "decision_reversed", "correction": "list_entry_withdrawn"}.get(newest.cause, "law_not_met")


def reverse(action: Action, *, because: str, actor: str) -> Action:
    """Start undoing one action, and make the undoing due."""
    action = enforcement.start_reversal(action, because=because, actor=actor)
    if action.state == Action.State.REVERSING:
        work.enqueue("action.undo", key=str(action.pk), again=True, action=str(action.pk))
    return action


def unhide_cleared(decision: Decision, *, actor: str) -> None:
    """No violation: what a reviewer hid while assessing comes back, unless another case wants it hidden."""
    for action in Action.objects.filter(
        case_item__in=decision.covers.all(), kind=Action.Kind.HIDE_ITEM, decision__isnull=True
    ):
        give_back(action, because=audit.ref(decision), actor=actor)
    # What held only while a second person was awaited.
    for action in Action.objects.filter(decision=decision).exclude(kind__in=order.wanted_kinds(decision)):
        give_back(action, because=audit.ref(decision), actor=actor)
    clear_later(decision.subject.case)


def lift_meanwhile(decision: Decision, *, actor: str) -> None:
    """Two people agreed on a violation: what held only until then is lifted (an override may be milder).

    A lock stays beneath a suspension for good: between the two the account must never be free.
    """
    codes = {sanction["code"] for sanction in decision.outcome["sanctions"]}
    kept = {Action.Kind.LOCK} if "suspend_permanently" in codes else set()
    undone = {Action.Kind.HIDE_ITEM, Action.Kind.LOCK} - kept - order.wanted_kinds(decision)
    for action in Action.objects.filter(decision=decision, kind__in=undone):
        give_back(action, because=audit.ref(decision), actor=actor)


def lift_by_hand(decision: Decision) -> None:
    """A warning that a person put before the item for the meantime, and that nothing asks for any more."""
    by_hand = set(decision.outcome["meanwhile"]) - {"hide_item", *order.SANCTIONS, *decision.outcome["actions"]}
    for code in sorted(by_hand) if "hide_item" not in decision.outcome["actions"] else ():
        work.raise_task(
            "action-by-hand", key=f"{decision.pk}:lift:{code}", about=audit.ref(decision), role="reviewer",
            note=f"lift {code}",
        )  # fmt: skip


def clear_later(case: Case) -> None:
    """Evidence of a case without violation goes when its appeal window ends (invariant 4)."""
    due = timezone.now() + order.appeal_window()
    work.enqueue("evidence.clear", key=str(case.pk), not_before=due, again=True, case=str(case.pk))


@work.job("evidence.clear", role="custodian")
def clear(case: str) -> work.Outcome:
    """Destroy what the vault holds of a cleared case. Anything violating, pending or held is left alone.

    A case that is not decided, or whose last decision is younger than the appeal window, and what is held
    are looked at again later.
    """
    row = Case.objects.get(pk=case)
    wait = _until_cleared(row)
    if wait is not None:
        return work.Later(wait)
    in_force = Decision.objects.filter(subject__case=row, state__in=["proposed", "held", "confirmed"])
    if in_force.filter(violation=True).exists() or in_force.exclude(state="confirmed").exists():
        return None
    if Decision.objects.filter(subject__case=row, appeals__state__in=["open", "in_review"]).exists():
        return work.Later(24 * 3600)
    sealed = {one for kept in row.items.values_list(*CaseItem.SEALED) for one in kept}
    sealed |= {s.facts_id for s in row.subjects.all()}
    held = False
    for sealed_id in sorted(filter(None, sealed), key=str):
        if not _wanted_elsewhere(row, sealed_id):
            if evidence.holds_in_force(sealed_id).exists():
                held = True
                continue
            evidence.destroy(sealed_id, actor=ACTOR, because=f"cleared {audit.ref(row)}")
    return work.Later(DAY) if held else None


def _until_cleared(case: Case) -> float | None:
    """Seconds until the case may be looked at for destruction; None = now."""
    if case.state == Case.State.OPEN:
        return DAY
    decided = Decision.objects.filter(subject__case=case, state=Decision.State.CONFIRMED)
    last = max((row.confirmed_at for row in decided if row.confirmed_at), default=timezone.now())
    left = (last + order.appeal_window() - timezone.now()).total_seconds()
    return max(left, 1.0) if left > 0 else None


def _wanted_elsewhere(case: Case, sealed_id: UUID) -> bool:
    return CaseItem.resting_on([sealed_id]).exclude(case=case).exists()


def complied(decision: Decision) -> bool:
    """Where the user removed every item that they were told to: unlock (S75, S76). Needs a transaction."""
    if decision.state != Decision.State.CONFIRMED or not order.user_removes(decision):
        return False
    gone = Action.objects.filter(
        case_item__in=decision.covers.all(),
        kind=Action.Kind.PURGE_ITEM,
        state__in=[Action.State.CONFIRMED, Action.State.IRREVERSIBLE],  # the latter: purged under an earlier decision
    )
    if gone.values("case_item").distinct().count() < decision.covers.count():
        return False
    for action in Action.objects.filter(decision=decision, kind=Action.Kind.LOCK):
        reverse(action, because="complied", actor=ACTOR)
    return True
