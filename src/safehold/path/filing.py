"""Filing a CyberTip: fills the input record from the case, then one protocol call per step.

Jobs: `filing.file`; `filing.retract_left` for reports that were opened and that nobody will finish. The receipt, the
preservation hold and the met duties are one transaction. What a person commands about a filing is in `filings`.
"""

import os
import socket
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases import duties
from safehold.cases.models import CaseItem, CaseSubject, Decision, Duty
from safehold.cybertip import inputs
from safehold.cybertip import service as cybertip
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.evidence import service as evidence
from safehold.hosts.contract import AccountFacts, AddressUse, Context, ItemFacts
from safehold.path import clock, conversation, hits, order, reversal
from safehold.subjects.models import Role
from safehold.work import service as work

ACTOR = "system:worker"
EVENTS = {"login": "Login", "registration": "Registration", "purchase": "Purchase", "upload": "Upload"}


@work.job("filing.file", role="custodian", attempts=60, first=5, longest=4 * 3600)
def file(decision: str) -> work.Outcome:
    """Draft the filing of the decision's subject if there is none, then take its next step."""
    row = Decision.objects.select_related("subject__case", "subject__account__host").get(pk=decision)
    filing = order.filing_of(row)
    if filing is None or filing.state == Filing.State.NOT_REPORTABLE:
        if not order.may_file(row):
            return None  # reversed or waived meanwhile
        record = build_input(row)
        with transaction.atomic():
            filing = cybertip.draft(record)
        work.boundary("filing.drafted")
    progress = cybertip.advance(filing.pk, worker=_worker(), on_finished=_finished)
    if progress.kind == "again":
        return work.Again()
    if progress.kind == "later":
        return work.Later(progress.seconds)
    # Done, or in a person's hands with a task: either way the path looks at where it stands.
    with transaction.atomic():
        for waiting in decisions_of(filing):
            order.advance(waiting)
    return None


def by_hand(decision: Decision, *, report_id: int, actor: str) -> Filing:
    """Record NCMEC's number of a report that a person filed. What would have been filed is kept with it."""
    row = order.filing_of(decision)
    if row is None:
        row = cybertip.draft(build_input(decision), actor=actor)
    return by_hand_entered(row, report_id=report_id, actor=actor)


def by_hand_entered(row: Filing, *, report_id: int, actor: str) -> Filing:
    """As `by_hand`, of a filing that is drafted."""
    with transaction.atomic():
        row = cybertip.filed_by_hand(row.pk, report_id=report_id, actor=actor, on_finished=_finished)
        order.retract_left(row)
    return row


@work.job("filing.retract_left", attempts=60, first=5, longest=4 * 3600)
def retract_left(filing: str) -> work.Outcome:
    """Retract what was opened at the service for a filing and will not be finished."""
    progress = cybertip.retract_left(filing, worker=_worker())
    return work.Later(progress.seconds) if progress.kind == "later" else None


def _worker() -> str:
    """Two processes that live at the same time have different names: the filing's fence rests on it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def decisions_of(filing: Filing) -> list[Decision]:
    """The decisions in force about the subject that a filing is for."""
    subject = filing.ref.removeprefix("subject:")
    return list(Decision.objects.filter(subject__pk=subject, state=Decision.State.CONFIRMED))


def _finished(filing: Filing) -> None:
    """Runs in the receipt's own transaction: the hold begins and the duties are met."""
    # Locked: a context that comes in this moment is seen here, or sees the hold (`snapshot`).
    subject = (
        CaseSubject.objects.select_for_update(of=("self",))
        .select_related("case")
        .get(pk=filing.ref.removeprefix("subject:"))
    )
    finished = filing.ended_at or timezone.now()
    hold = evidence.place_hold(
        sealed_of(subject),
        until=one_year_after(finished),
        basis="18 USC 2258A(h)(1)",
        ref=audit.ref(filing),
        actor=ACTOR,
    )
    clock.filed(subject, receipt=audit.ref(filing))
    for decision in decisions_of(filing):
        duties.meet(decision, (Duty.Kind.REPORT_SHALL, Duty.Kind.REPORT_MAY), receipt=audit.ref(filing), actor=ACTOR)
        duties.meet(decision, (Duty.Kind.PRESERVE,), receipt=audit.ref(hold), actor=ACTOR)
        order.advance(decision)
    if not stands(filing):  # reversed after `finish` was sent: too late to stop it
        reversal.tell_ncmec(filing)


def stands(filing: Filing) -> bool:
    """Whether a decision that is reported is in force, or replaced by one that waits for its second person."""
    subject = UUID(filing.ref.removeprefix("subject:"))
    rows = Decision.objects.filter(subject_id=subject, state__in=["held", "confirmed"])
    return any(reversal.reported((row.state == "held" and row.replaces) or row) for row in rows)


def one_year_after(moment: datetime) -> datetime:
    """One calendar year later; from 29 February it ends on 1 March (never shorter)."""
    try:
        return moment.replace(year=moment.year + 1)
    except ValueError:
        return moment.replace(year=moment.year + 1, month=3, day=1)


def sealed_of(subject: CaseSubject) -> list[Any]:
    """Everything that the vault holds about a subject: files, what the host said of items and account, and what
    stood around the items (commingled with them: 18 USC 2258A(h)(2))."""
    rows = [one for kept in subject.items.values_list(*CaseItem.SEALED) for one in kept]
    return [row for row in [*rows, subject.facts_id] if row is not None]


def build_input(decision: Decision, *, by: str = ACTOR) -> inputs.FilingInput:
    """The record of one CyberTip, from the decision and from what the vault holds.

    Everything that the host told and the law lets us give is given; nothing is guessed. What the vault holds
    is read in the name of `by`: a person's preview is a look of theirs. Must not run inside a transaction.
    """
    subject = decision.subject
    now = timezone.now()
    items = list(decision.covers.select_related("item", "body", "facts", "thread"))
    known = {item.pk: _item_facts(item, by) for item in items}
    around = {item: _context(item, by) for item in items if item.context_id}
    when = [facts.posted_at for facts in known.values() if facts and facts.posted_at]
    incident_at = min([*when, subject.case.knowledge_at])
    provider = settings.SAFEHOLD.provider
    suspected = decision.outcome["filed_as"] == "suspect"
    return inputs.FilingInput(
        ref=order.filing_ref(decision),
        as_of=now,
        incident_type=decision.outcome["incident_type"],
        incident_at=incident_at,
        incident_description=(
            "Time at which the earliest item was posted." if when else "Time at which the service was told."
        ),
        platform=_service(subject),
        annotations=tuple(decision.outcome["annotations"]),
        reporter=inputs.ReporterInput(
            first_name=provider.first_name,
            last_name=provider.last_name,
            email=provider.email or settings.SAFEHOLD.mail_from,
            phone=provider.phone,
            company=provider.company,
            legal_url=provider.legal_url,
        ),
        subject=_suspect(decision, around, by) if suspected else None,
        victims=_victims(decision, by),
        recipients=conversation.recipients(decision, around) if suspected else (),
        chat=conversation.chat(items, around, _service(subject)),
        urls=_urls(items, known),
        additional_info=_additional(decision, known),
        prior_report_ids=_earlier(subject),
        files=(
            *(_file(item, known[item.pk], decision, now) for item in items if item.body_id),
            *conversation.files(items, now),
        ),
    )


def _urls(items: list[CaseItem], known: dict[Any, ItemFacts | None]) -> tuple[str, ...]:
    """Where the items are, and the links in their texts that a list of links knows (18 USC 2258A(b)(3))."""
    urls = [item.item.url for item in items if item.item.url]
    for item in items:
        facts = known[item.pk]
        urls += hits.links_of(item.item, facts.text) if facts else ()
    return tuple(dict.fromkeys(urls))


def _service(subject: CaseSubject) -> str:
    return subject.account.host.name if subject.account else str(settings.SAFEHOLD.provider.name)


def _suspect(decision: Decision, around: conversation.Contexts, by: str) -> inputs.AccountInput:
    """The reported person, with what the host logged around the items beside what it knows of the account."""
    account = _account(decision.subject, decision, by)
    addresses, devices = conversation.uses(decision, around)
    events = dict.fromkeys([*account.ip_events, *map(_address, addresses)])
    told = tuple(inputs.DeviceInput(type=one.type, value=one.value, event=one.event, at=one.at) for one in devices)
    return msgspec.structs.replace(account, ip_events=tuple(events), devices=(*account.devices, *told))


def _victims(decision: Decision, by: str) -> tuple[inputs.AccountInput, ...]:
    """Apparent victims of the case, and the subject where the policy files them as one; never as a suspect."""
    others = decision.subject.case.subjects.filter(role=Role.APPARENT_VICTIM).exclude(pk=decision.subject.pk)
    own = [_account(decision.subject, decision, by)] if decision.outcome["filed_as"] == "victim" else []
    return (*own, *(_account(other, None, by) for other in others))


def _additional(decision: Decision, known: dict[Any, ItemFacts | None]) -> str:
    """Clauses, and the text of items that have no file: the evidence of a text-only case."""
    lines = [f"Policy {decision.policy} {decision.policy_version}; clauses: {', '.join(decision.clauses)}."]
    for facts in known.values():
        if facts and facts.text:
            posted = f" posted {facts.posted_at.isoformat()}" if facts.posted_at else ""
            lines.append(f"Text of {facts.kind} {facts.id}{posted}: {facts.text}")
    return "\n".join(lines)


def _account(subject: CaseSubject, decision: Decision | None, by: str) -> inputs.AccountInput:
    """A person of the report as the vault holds what the host said."""
    facts = _account_facts(subject, by)
    account = subject.account
    base = inputs.AccountInput(role=subject.role)
    if account is None:
        return base
    if facts is None:
        facts = AccountFacts(id=account.external_id, handle=account.handle, status="active")  # type: ignore[arg-type]
    return inputs.AccountInput(
        role=subject.role,
        account_id=account.external_id,
        service=account.host.name,
        handle=facts.handle or account.handle,
        display_names=(facts.display_name,) if facts.display_name else (),
        urls=(facts.url or account.url,) if (facts.url or account.url) else (),
        emails=tuple(
            inputs.EmailInput(address=email, verified=True if email in facts.verified_emails else None)
            for email in facts.emails
        ),
        phones=tuple(inputs.PhoneInput(number=number) for number in facts.phones),
        ip_events=tuple(_address(use) for use in facts.addresses),
        disabled=_disabled(decision) if decision else None,
    )


def _disabled(decision: Decision) -> inputs.DisabledInput | None:
    """What was done to the account and confirmed, before the filing."""
    done = Action.objects.filter(
        decision=decision, kind__in=[Action.Kind.SUSPEND, Action.Kind.LOCK], state=Action.State.CONFIRMED
    )
    action = done.filter(kind=Action.Kind.SUSPEND).first() or done.first()
    if action is None:
        return None
    permanent = action.kind == Action.Kind.SUSPEND and any(
        sanction["code"] == "suspend_permanently" for sanction in decision.outcome["sanctions"]
    )
    return inputs.DisabledInput(kind="permanent" if permanent else "temporary", at=action.confirmed_at)


def _file(item: CaseItem, facts: ItemFacts | None, decision: Decision, now: datetime) -> inputs.FileInput:
    body = item.body
    if body is None:
        raise ValueError(f"Case item {item.pk} has no file in the vault.")
    uploaded = facts.uploaded_from if facts else None
    return inputs.FileInput(
        sealed_id=str(body.pk),
        viewed=viewed(item, now),
        file_name=body.file_name,
        size=body.size,
        uploaded_at=facts.posted_at if facts else None,
        url=item.item.url,
        public=facts.public if facts else None,
        annotations=tuple(decision.outcome["file_annotations"]),
        hashes=(("MD5", body.md5), ("SHA1", body.sha1), ("SHA256", body.sha256)),
        ip_event=_address(uploaded) if uploaded else None,
        additional_info=hits.said_by_list(decision, item),
    )


def viewed(item: CaseItem, before: datetime) -> bool:
    """Whether staff saw the whole file: by our exposure log, or by the host's own word (invariant 8)."""
    seen = item.body_id is not None and evidence.viewed_whole(item.body_id, before=before)
    return seen or item.viewed_by_host_staff is True


def _earlier(subject: CaseSubject) -> tuple[int, ...]:
    """Ids of CyberTips filed before about the same account (follow-ups carry them)."""
    if subject.account is None:
        return ()
    refs = [f"subject:{pk}" for pk in subject.account.subjects.exclude(pk=subject.pk).values_list("pk", flat=True)]
    ids = Filing.objects.filter(ref__in=refs, state__in=order.FILED).exclude(report_id=None)
    rows = ids.order_by("ended_at").values_list("report_id", flat=True)
    return tuple(row for row in rows if row is not None)


def _address(use: AddressUse) -> inputs.IpInput:
    return inputs.IpInput(ip=use.ip, event=EVENTS.get(use.event.lower(), use.event), at=use.at, port=use.port)


def _item_facts(item: CaseItem, by: str) -> ItemFacts | None:
    return _read(item.facts_id, ItemFacts, audit.ref(item), by) if item.facts_id else None


def _context(item: CaseItem, by: str) -> Context:
    return _read(item.context_id, Context, audit.ref(item), by)


def _account_facts(subject: CaseSubject, by: str) -> AccountFacts | None:
    return _read(subject.facts_id, AccountFacts, audit.ref(subject), by) if subject.facts_id else None


def _read(sealed_id: object, kind: type[Any], about: str, by: str) -> Any:
    """What the host said, read back from the vault for the filing or its preview: a recorded look."""
    purpose = "filing" if by == ACTOR else "review"
    body = b"".join(evidence.open_sealed(str(sealed_id), actor=by, purpose=purpose, about=about))
    return msgspec.convert(msgspec.json.decode(body)["facts"], kind)
