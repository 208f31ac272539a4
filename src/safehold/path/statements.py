"""Telling the account holder: statements of reasons and letters, through the host and by e-mail.

Jobs: `statement.send`, `letter.appeal`. A message names items by date and id, and carries one link.
"""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.cases import duties
from safehold.cases.models import Case, Decision, Duty
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.notices import service as notices
from safehold.notices.models import Letter, Statement
from safehold.path import delivering, order, reversal
from safehold.persons import service as persons
from safehold.persons.models import Strike
from safehold.redress.models import Appeal
from safehold.work import service as work

ACTOR = "system:worker"
SOURCES = {
    Case.Knowledge.REPORT: "report",
    Case.Knowledge.MATCH: "own_initiative",
    Case.Knowledge.SCORE: "own_initiative",
    Case.Knowledge.STAFF: "own_initiative",
    Case.Knowledge.FLAGGER: "trusted_flagger",
    Case.Knowledge.AUTHORITY: "authority",
}


@work.job("statement.send", role="senior", attempts=12, first=1)
def send_statement(decision: str) -> work.Outcome:
    """Write the statement of reasons, once, and bring it to the account holder (DSA Art. 17; S66, A36)."""
    row = Decision.objects.select_related("subject__account__host", "subject__case").get(pk=decision)
    if row.state != Decision.State.CONFIRMED or row.subject.account is None:
        return None
    facts = delivering.facts_of(row.subject.account)
    with transaction.atomic():
        statement = notices.draft_statement(_input(row, facts), ACTOR)
    if statement.state == Statement.State.WITHHELD:
        return work.Later(3600)
    if statement.state == Statement.State.DRAFTED:
        link = f"{settings.SAFEHOLD.base_url}/appeal/{notices.token_of(statement)}"
        channels = delivering.deliver(
            row.subject.account,
            facts,
            title=statement.title,
            text=notices.text(statement, link),
            link=link,
            key=str(statement.pk),
        )
        work.boundary("statement.delivered")
        with transaction.atomic():
            for channel in channels:
                notices.mark_sent(statement.pk, channel, ACTOR)
            if not channels:
                _undeliverable(row, statement)
    with transaction.atomic():
        order.alone(row)
        duties.meet(row, (Duty.Kind.NOTIFY,), receipt=audit.ref(statement), actor=ACTOR)
        order.advance(row)
    return None


def _undeliverable(decision: Decision, statement: Statement) -> None:
    """No channel took it. The window runs all the same, the link stays valid, and a person is told."""
    notices.mark_sent(statement.pk, "page", ACTOR)
    work.raise_task(
        "statement-undeliverable", key=str(statement.pk), about=audit.ref(decision), role="senior",
        note="Neither the host nor an e-mail address could be reached; hand the link over by other means.",
    )  # fmt: skip


def _input(decision: Decision, facts: contract.AccountFacts) -> notices.StatementInput:
    subject = decision.subject
    account = subject.account
    if account is None:
        raise LookupError("A statement of reasons needs an account to go to.")
    language = notices.language_of(facts.language or "en")
    pack = policy.load(decision.policy, decision.policy_version)
    cls = pack.classes[decision.class_id]
    return notices.StatementInput(
        subject=str(subject.pk),
        decision=str(decision.pk),
        host_name=account.host.name,
        account_handle=facts.handle or account.handle or account.external_id,
        language=language,
        measures=tuple(_measures(decision)),
        items=_items(decision),
        clauses=_clauses(pack, decision.clauses, language),
        policy_version=decision.policy_version,
        source=SOURCES[Case.Knowledge(subject.case.knowledge_source)],
        automated_detection=subject.case.knowledge_source in (Case.Knowledge.MATCH, Case.Knowledge.SCORE),
        automated_decision=any(row["origin"].startswith("list:") for row in decision.answers),
        must_remove=order.user_removes(decision) and decision.covers.exists(),
        decided_on=(decision.confirmed_at or timezone.now()).date(),
        appeal_until=timezone.now() + order.appeal_window(),
        sentences=_sentences(pack, decision.class_id, language),
        whatever_intent=language not in pack.languages and "whatever_the_intent" in cls.notices,
    )


def _measures(decision: Decision) -> list[notices.Measure]:
    """What was done, by the policy's own codes. A purge is not announced: the item is hidden until then."""
    measures = [notices.Measure("hide_item")] if "hide_item" in decision.outcome["actions"] else []
    return measures + [notices.Measure(s["code"], s.get("days")) for s in decision.outcome["sanctions"]]


def _items(decision: Decision) -> tuple[notices.ItemName, ...]:
    rows = decision.covers.select_related("item").order_by("item__posted_at")
    return tuple(notices.ItemName(_day(row.item.posted_at), row.item.external_id) for row in rows)


def _clauses(pack: policy.Pack, clauses: list[str], language: str) -> tuple[notices.ClauseText, ...]:
    spoken = language if language in pack.languages else "en"
    return tuple(
        notices.ClauseText(clause, f"{pack.text(spoken, clause)}: {pack.text(spoken, clause, 'text')}")
        for clause in clauses
    )


def _sentences(pack: policy.Pack, class_id: str, language: str) -> tuple[str, ...]:
    """What the policy tells whoever its class was applied to; nothing in a language that it lacks."""
    if language not in pack.languages:
        return ()
    return tuple(pack.text(language, f"{class_id}.{name}") for name in pack.classes[class_id].notices)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@work.job("letter.appeal", role="senior", attempts=12, first=1)
def send_appeal_letter(appeal: str) -> work.Outcome:
    """Tell the account holder how the appeal ended, once the reversal stands or is known to be impossible."""
    row = Appeal.objects.select_related("decision__subject__account__host").get(pk=appeal)
    subject = row.decision.subject
    if subject.account is None or row.decided_at is None:
        return None
    if row.state == Appeal.State.GRANTED:
        if Decision.objects.filter(replaces=row.decision, state__in=["proposed", "held"]).exists():
            return work.Later(3600)  # a second person has yet to agree
        if Action.objects.filter(decision=row.decision, state=Action.State.REVERSING).exists():
            return work.Later(1)
    facts = delivering.facts_of(subject.account)
    language = notices.language_of(facts.language or row.language)
    for one in _letters(row, facts, language):
        if one.state == Letter.State.DRAFTED:
            link = f"{settings.SAFEHOLD.base_url}/policy"
            channels = delivering.deliver(
                subject.account, facts, title=one.title, text=notices.text(one, link), link=link, key=str(one.pk)
            )
            with transaction.atomic():
                for channel in channels or ["none"]:
                    notices.mark_letter_sent(one.pk, channel, ACTOR)
                if not channels:
                    work.raise_task(
                        "letter-undeliverable", key=str(one.pk), about=audit.ref(row), role="senior", note=one.kind
                    )
    return None


def _letters(appeal: Appeal, facts: contract.AccountFacts, language: str) -> list[Letter]:
    """What there is to tell. Nobody asked for a correction: only what it changes is told."""
    letters = []
    with transaction.atomic():
        if appeal.kind == Appeal.Kind.APPEAL:
            letters.append(notices.appeal_outcome_letter(_outcome(appeal, facts, language), ACTOR))
        undone = _reversal(appeal, facts, language)
        if appeal.state == Appeal.State.GRANTED and (undone.done or undone.impossible):
            letters.append(notices.reversal_letter(undone, ACTOR))
    return letters


def _outcome(appeal: Appeal, facts: contract.AccountFacts, language: str) -> notices.AppealOutcome:
    decision = appeal.decision
    account: Any = decision.subject.account
    granted = appeal.state == Appeal.State.GRANTED
    standing = Decision.objects.filter(replaces=decision, state="confirmed").first() if granted else decision
    pack = policy.load(decision.policy, decision.policy_version)
    return notices.AppealOutcome(
        appeal=str(appeal.pk),
        subject=str(decision.subject_id),
        host_name=account.host.name,
        account_handle=facts.handle or account.handle,
        language=language,
        granted=granted,
        opened_on=appeal.opened_at.date(),
        decided_on=(appeal.decided_at or timezone.now()).date(),
        reason=appeal.reason,
        clauses=_clauses(pack, list(standing.clauses), language) if standing and standing.violation else (),
        policy_version=decision.policy_version,
    )


def _no_longer_counts(decision: Decision) -> bool:
    """Whether the decision's strike was taken back, and the decision in its place brought none."""
    new = [str(pk) for pk in Decision.objects.filter(replaces=decision, state="confirmed").values_list("pk", flat=True)]
    taken_back = Strike.objects.filter(decision=str(decision.pk), state=Strike.State.RETRACTED).exists()
    return taken_back and not Strike.objects.filter(decision__in=new).exists()


def _still_so(action: Action) -> bool:
    """Whether the account holder sees no change, because another decision wants the same."""
    if action.kind == Action.Kind.BAN:
        account = action.subject.account if action.subject else None
        person = persons.person_of(account) if account else None
        return person is not None and bool(persons.bans_in_force(person))
    kept = enforcement.still_wanted(action)
    return kept is not None and (action.kind, kept.kind) != (Action.Kind.SUSPEND, Action.Kind.LOCK)


MEASURE_OF = {
    Action.Kind.HIDE_ITEM: "hide_item",
    Action.Kind.SUSPEND: "suspend_permanently",
    Action.Kind.LOCK: "lock_until_removed",
    Action.Kind.BAN: "ban_person",
}


def _reversal(appeal: Appeal, facts: contract.AccountFacts, language: str) -> notices.Reversal:
    """What is back, each as the ledger has it confirmed, and what cannot come back."""
    decision = appeal.decision
    account: Any = decision.subject.account
    actions = list(Action.objects.filter(decision=decision).select_related("case_item__item"))
    # What another case still wants is not back, whatever became of this decision's own action.
    back = [a for a in actions if a.state == Action.State.REVERSED and not _still_so(a)]
    impossible = ["purged_item"] if any(
        a.kind == Action.Kind.PURGE_ITEM and a.state == Action.State.IRREVERSIBLE for a in actions
    ) else []  # fmt: skip
    filing = order.filing_of(decision)
    if filing is not None and filing.state in order.FILED:
        impossible += ["hold"] if reversal.decision_stands(decision) else ["filing", "hold"]
    kinds = sorted({MEASURE_OF[Action.Kind(a.kind)] for a in back if a.kind in MEASURE_OF})
    if _no_longer_counts(decision):
        kinds.append("strike")
    return notices.Reversal(
        appeal=str(appeal.pk),
        subject=str(decision.subject_id),
        host_name=account.host.name,
        account_handle=facts.handle or account.handle,
        language=language,
        done=tuple(notices.Measure(code) for code in kinds),
        impossible=tuple(impossible),
        items=tuple(
            notices.ItemName(_day(a.case_item.item.posted_at), a.case_item.item.external_id)
            for a in back
            if a.case_item is not None
        ),
    )
