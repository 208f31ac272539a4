"""From a report to preserved evidence: resolve what it names, open or join a case, preserve.

`receive_report` takes a report; faces call it as `commands.receive_report`. Jobs: `report.resolve`, `item.preserve`
(with what stands around it, see `snapshot`), `account.preserve`.
Nothing is hidden here: a stranger's report alone is no take-down button. Hosts are asked outside
transactions, what they answered is written in one.
"""

import logging
from dataclasses import dataclass, field

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.authorities.models import UkMatter
from safehold.cases import service as cases
from safehold.cases.models import Case, CaseItem, CaseSubject
from safehold.cybertip.models import Filing
from safehold.evidence import service as evidence
from safehold.evidence.models import Hold, Sealed
from safehold.hosts import contract
from safehold.hosts.service import contact
from safehold.intake import service as intake
from safehold.intake.models import Channel, Locator, Report
from safehold.path import order, resolving, snapshot
from safehold.persons import service as persons
from safehold.screening import service as screening
from safehold.screening.models import HitRule
from safehold.subjects.models import Account, Host, Item
from safehold.work import service as work

log = logging.getLogger(__name__)

ACTOR = "system:worker"
SCORER = "classifier"  # whose word a report of screening is that no list stands behind: see `scoring`
ORDER, UNSEEN = HitRule.Does.ORDER, HitRule.Does.UNSEEN

SOURCE = {
    Channel.FORM: Case.Knowledge.REPORT,
    Channel.IN_APP: Case.Knowledge.REPORT,
    Channel.FLAGGER: Case.Knowledge.FLAGGER,
    Channel.AUTHORITY: Case.Knowledge.AUTHORITY,
    Channel.SCREENING: Case.Knowledge.MATCH,
}


@dataclass
class Resolved:
    """What the locators of one report lead to."""

    accounts: list[Account] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    def add(self, account: Account | None, item: Item | None) -> None:
        if account is not None and account not in self.accounts:
            self.accounts.append(account)
        if item is not None and item not in self.items:
            self.items.append(item)


def receive_report(new: intake.NewReport) -> intake.Accepted:
    """Take a report from anybody. The receipt is worth showing only once this has returned (invariant 1).

    A resend with the same one-time key returns the same receipt. Raises intake.TooLong and its kin for
    what cannot be stored; never for lacking evidence, an account, or a link that leads somewhere.
    """
    with transaction.atomic():
        accepted = intake.accept(new)
        work.enqueue("report.resolve", key=str(accepted.report.pk), report=str(accepted.report.pk))
    work.boundary("command.receive_report.committed")
    return accepted


# A host may be away for a day and more: what is reported there waits for it.
PATIENT = 60  # attempts, the last ones an hour apart


@work.job("report.resolve", attempts=PATIENT, role="administrator")
def resolve(report: str) -> work.Outcome:
    """Ask the hosts what the report names, then open a case or join the one that is being worked on."""
    row = Report.objects.get(pk=report)
    waiting = None
    for locator in row.locators.filter(state=Locator.State.CHECKING):
        try:
            _settle(locator)
        except contract.HostUnavailable as error:
            waiting = error  # the others are settled now; this one is asked again
    work.boundary("report.resolve.settled")
    _join(row)
    if waiting is not None:
        raise waiting
    return None


def _settle(locator: Locator) -> None:
    """Find out what one locator names. Leaves it open where the host cannot be asked now."""
    hosts = [locator.host] if locator.host else list(Host.objects.filter(enabled=True))
    for host in hosts:
        try:
            found = resolving.ask(
                host, locator.raw, given_as=locator.given_as, account=locator.kind == Locator.Kind.ACCOUNT
            )
        except (contract.NotFound, contract.Unsupported, contract.HostRefused):
            continue
        if found.item is not None and not _may_be_fetched(locator.report, found.item):
            found = contract.Found(account=found.account)
            if found.account is None:
                continue
        with transaction.atomic():
            account, item = resolving.rows(host, found)
            intake.settle_locator(
                locator.pk, found_account=account, found_item=item, state=Locator.State.FOUND, actor=ACTOR
            )
        return
    with transaction.atomic():
        intake.settle_locator(locator.pk, state=Locator.State.NOT_FOUND, actor=ACTOR)


def _may_be_fetched(report: Report, item: contract.ItemFacts) -> bool:
    """Private messages are fetched only on the word of the host itself, which knows who takes part in them.

    A stranger's report of one counts as a report of its sender's account.
    """
    return item.public is not False or report.channel in snapshot.OWN_WORD


def _join(report: Report) -> Case | None:
    """Put the report's accounts and items into an undecided case, or into a new one."""
    resolved = Resolved()
    for locator in report.locators.filter(state=Locator.State.FOUND).select_related("account", "item__account"):
        resolved.add(locator.account or (locator.item.account if locator.item else None), locator.item)
    listed = _listed_items(resolved)
    with transaction.atomic():
        if not resolved.accounts and not resolved.items:
            _nobody_found(report)
            return None
        _one_at_a_time(resolved)
        case = _case_for(report, resolved)
        if not case.reports.filter(pk=report.pk).exists():
            cases.attach_report(case, report, actor=ACTOR, priority=_priority(report, resolved))
        by_account = {a.pk: cases.add_subject(case, a, actor=ACTOR) for a in resolved.accounts}
        for item, reported in [*((i, True) for i in resolved.items), *((i, False) for i in listed)]:
            owner = by_account.get(item.account_id) if item.account_id else cases.add_subject(case, None, actor=ACTOR)
            case_item = cases.add_item(case, item, subject=owner, actor=ACTOR, reported=reported)
            if reported and report.channel in snapshot.OWN_WORD:
                snapshot.ask_again(case_item)
            work.enqueue("item.preserve", key=str(case_item.pk), case_item=str(case_item.pk))
            if reported and _hides_at_once(report):
                order.hide(case_item, actor=ACTOR)
        if report.channel == Channel.SCREENING and screening.found_on(reports=[report.pk]).filter(did=UNSEEN).exists():
            work.enqueue("hit.unseen", key=str(report.pk), report=str(report.pk))
        for subject in by_account.values():
            work.enqueue("account.preserve", key=str(subject.pk), subject=str(subject.pk))
        return case


def _one_at_a_time(resolved: Resolved) -> None:
    """Two reports about the same account or item, resolved in the same moment, must not open two cases."""
    list(Account.objects.select_for_update().filter(pk__in=[a.pk for a in resolved.accounts]).order_by("pk"))
    list(Item.objects.select_for_update().filter(pk__in=[i.pk for i in resolved.items]).order_by("pk"))


def _hides_at_once(report: Report) -> bool:
    """Whose word is enough to hide, once preserved: a trusted flagger's, or that of a list by the operator's rule.

    A plain report is not: a stranger's word must not be a take-down button.
    """
    if report.channel == Channel.SCREENING:
        return screening.hides_now(report.pk, report.partner.removeprefix("entry:"))
    return report.channel == Channel.FLAGGER


def _case_for(report: Report, resolved: Resolved) -> Case:
    known = report.cases.first()
    if known is not None:
        return known
    for account in resolved.accounts or [None]:  # type: ignore[list-item]
        if case := cases.undecided(account, resolved.items):
            return Case.objects.select_for_update().get(pk=case.pk)
    before = next((c for a in resolved.accounts or [None] if (c := cases.latest_decided(a, resolved.items))), None)  # type: ignore[list-item]
    return cases.open_case(
        knowledge_at=report.received_at,
        source=_source(report),
        priority=_priority(report, resolved),
        actor=ACTOR,
        follows=before,
    )


def _source(report: Report) -> Case.Knowledge:
    """How we came to know of what the report names."""
    if report.channel == Channel.SCREENING and report.partner == SCORER:
        return Case.Knowledge.SCORE
    return SOURCE[Channel(report.channel)]


def _priority(report: Report, resolved: Resolved) -> int:
    """Where the case stands for this report. What screening found before it came (words, mostly) brings it forward."""
    source = _source(report).value
    if source == Case.Knowledge.MATCH:
        source = screening.surest(report.pk) or source
    place = cases.priority(urgent=report.urgent, source=source, class_id=report.class_id)
    if source == Case.Knowledge.SCORE:
        place = cases.PRIORITY["other"]
    ordered = screening.found_on(items=resolved.items).filter(did=ORDER) if resolved.items else None
    return cases.forward(place) if ordered is not None and ordered.exists() else place


def _nobody_found(report: Report) -> None:
    """Nothing that the report names is on a host of ours (yet): a person looks, nothing is refused."""
    open_ones = report.locators.filter(state=Locator.State.CHECKING).exists()
    elsewhere = report.locators.exclude(state=Locator.State.ELSEWHERE).exists() is False and report.locators.exists()
    if elsewhere:  # the reporter was shown the hotlines; there is nothing for us to look at
        intake.finish(report.pk, actor=ACTOR)
    elif not open_ones:
        work.raise_task("report-unresolved", key=str(report.pk), about=audit.ref(report), role="reviewer")


def _listed_items(resolved: Resolved) -> list[Item]:
    """Items of an account that was reported alone, as many as the operator's rule for the host says.

    Never a private one: whoever names an account alone takes part in no conversation that we know of.
    """
    if resolved.items:
        return []
    found = []
    for account in resolved.accounts:
        limit = int(account.host.settings.get("items_of_reported_account", 0))
        if limit:
            try:
                facts = contact(account.host).items_of(account.external_id, limit)
            except (contract.NotFound, contract.Unsupported):
                continue
            with transaction.atomic():
                found += [
                    resolving.rows(account.host, contract.Found(item=f))[1] for f in facts if f.public is not False
                ]
    return [item for item in found if item is not None]


def _preserve_failed(case_item: str) -> None:
    """The host could not be made to give the item: the case goes on, and a person knows."""
    row = CaseItem.objects.get(pk=case_item)
    if row.preserve_state == CaseItem.Preserve.DUE:
        order.before_preserving(row)
        cases.set_unavailable(row, because="host did not give it", actor=ACTOR)
        snapshot.unavailable(row, because="host did not give the item")
        order.after_preserving(row)


@work.job("item.preserve", on_failure=_preserve_failed, role="reviewer", attempts=PATIENT)
def preserve_item(case_item: str) -> work.Outcome:
    """Fetch the item from the host and lay it, encrypted, into the vault (18 USC 2258A(h), S65)."""
    row = CaseItem.objects.select_related("item__host", "item__account", "case").get(pk=case_item)
    if row.preserve_state != CaseItem.Preserve.DUE:
        return None
    line = contact(row.item.host)
    try:
        facts = line.item(row.item.external_id)
        body = snapshot.sealed_before(audit.ref(row))
        if facts.media_type and body is None:
            with line.open_item(row.item.external_id) as chunks:
                body = evidence.preserve(
                    chunks, media_type=facts.media_type, file_name=facts.file_name, about=audit.ref(row), actor=ACTOR
                )
    except contract.NotFound:
        with transaction.atomic():
            order.before_preserving(row)
            cases.set_unavailable(row, because="not found on the host", actor=ACTOR)
            snapshot.unavailable(row, because="not found on the host")
            order.after_preserving(row)
        return None
    except (contract.HostRefused, contract.Unsupported) as error:
        raise work.GiveUp(f"case item {row.pk} {type(error).__name__}") from error
    work.boundary("item.preserve.sealed")
    taken = _context(row, facts, line)
    work.boundary("item.preserve.context")
    known = _preserve_facts(row, facts)
    with transaction.atomic():
        order.before_preserving(row)
        cases.set_preserved(row, body=body, facts=known, viewed_by_host_staff=facts.viewed_by_host_staff, actor=ACTOR)
        snapshot.settle(row, taken, facts)
        order.after_preserving(row)
    return None


def _context(row: CaseItem, facts: contract.ItemFacts, line: contract.Contact) -> snapshot.Taken | None:
    """What stands around the item; None where it comes later.

    Hiding waits for this, so a host that gives the item and not its context is waited for a while and no longer.
    """
    try:
        return snapshot.take(row, facts, line)
    except contract.HostUnavailable:
        if timezone.now() - row.case.knowledge_at < snapshot.PATIENCE:
            raise
    except contract.HostRefused:
        pass  # `item.context` asks again, and its failure is a task for a person
    return None


@work.job("account.preserve", role="reviewer", attempts=PATIENT)
def preserve_account(subject: str) -> work.Outcome:
    """Keep the account as the host knows it now, and tell the register of persons who it is."""
    row = CaseSubject.objects.select_related("account__host").get(pk=subject)
    if row.facts_id is not None or row.account is None:
        return None
    try:
        facts = contact(row.account.host).account(row.account.external_id)
    except contract.NotFound:
        return None
    known = _preserve_facts(row, facts)
    with transaction.atomic():
        persons.identify(row.account, emails=facts.verified_emails or facts.emails, phones=facts.phones, actor=ACTOR)
        # A report that ends in this moment sees the facts, or this sees its hold.
        CaseSubject.objects.select_for_update(of=("self",)).get(pk=row.pk)
        cases.set_subject_facts(row, known, actor=ACTOR)
        _hold(row, known)
    return None


def _hold(row: CaseSubject, known: Sealed) -> None:
    """What came after the report about a subject comes under its hold, as everything that lay there before."""
    filed = Filing.objects.filter(ref=f"subject:{row.pk}")
    told = UkMatter.objects.filter(subject=row)
    refs = [*map(audit.ref, filed), *(f"uk:{pk}" for pk in told.values_list("pk", flat=True))]
    for hold in Hold.objects.filter(ref__in=refs, state=Hold.State.IN_FORCE):
        evidence.place_hold([known.pk], until=hold.until, basis=hold.basis, ref=hold.ref, actor=ACTOR)


def _preserve_facts(row: CaseItem | CaseSubject, facts: msgspec.Struct) -> Sealed:
    """What the host said, with the time at which it said so, in the vault."""
    about = f"{audit.ref(row)}:facts"
    document = msgspec.json.encode({"asked_at": timezone.now().isoformat(), "facts": msgspec.to_builtins(facts)})
    return snapshot.sealed_before(about) or evidence.preserve(
        [document], media_type="application/json", file_name="facts.json", about=about, actor=ACTOR
    )
