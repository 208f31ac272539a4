"""What is told about a removal: to whoever asked for it, and to whoever posted what is gone.

`tell`, `tell_holder` and `tell_back` make a letter due, once; jobs: `removal.tell`, `removal.tell_holder`,
`removal.tell_back`. An account holder is told nothing while a case about the item is undecided, or where one found a
violation: then the case's own statement of reasons speaks.
"""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases.models import CaseItem, Decision
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.intake.models import Report
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import delivering
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalItem, RemovalObjection
from safehold.work import service as work

ACTOR = "system:worker"
DAY = 24 * 3600.0
# The state in which an answer is still true.
STANDS = {
    "removed": Removal.State.REMOVED, "not_found": Removal.State.NOT_FOUND, "refused": Removal.State.REFUSED,
    "incomplete": Removal.State.INCOMPLETE, "restored": Removal.State.RESTORED,
}  # fmt: skip


def tell(row: Removal, outcome: str) -> None:
    """Make the answer to the notifier due, once for each time that the request came to it. Needs a transaction."""
    since = row.checked_at if outcome == "incomplete" else row.settled_at
    ref = f"removal:{row.pk}:{outcome}:{int((since or timezone.now()).timestamp())}"
    work.enqueue("removal.tell", key=ref, removal=str(row.pk), outcome=outcome, ref=ref)


def tell_holder(removed: RemovalItem) -> None:
    """Make the letter to whoever posted the item due, once. Needs a transaction."""
    if removed.item.account_id is not None:
        work.enqueue("removal.tell_holder", key=str(removed.pk), removed=str(removed.pk))


def tell_back(removed: RemovalItem) -> None:
    """Make due what the account holder is told of an objection, or of an item that is back. Needs a transaction."""
    if removed.item.account_id is not None:
        work.enqueue("removal.tell_back", key=str(removed.pk), again=True, removed=str(removed.pk))


@work.job("removal.tell", role="reviewer", attempts=12, first=1)
def send_answer(removal: str, outcome: str, ref: str) -> work.Outcome:
    """Write to the notifier where they gave an e-mail address; the receipt's page says the same."""
    row = Removal.objects.get(pk=removal)
    if row.state != STANDS[outcome]:
        return None
    with transaction.atomic():
        given = notices.RemovalAnswer(
            ref=ref, language=row.language, company=settings.SAFEHOLD.provider.name,
            received_on=row.received_at.date(), outcome=outcome,
            reason=row.reason if outcome == "refused" else "",
            missing=tuple(row.missing) if outcome == "incomplete" else (),
            words=row.answer if outcome in ("refused", "incomplete") else "",
        )  # fmt: skip
        letter = notices.removal_answer(given, ACTOR)
        address = removals.address(row.pk)
    if letter.state != Letter.State.DRAFTED:
        return None
    if address:
        text = notices.text(letter, f"{settings.SAFEHOLD.base_url}/r")
        delivering.mail(address, title=letter.title, text=text)
    work.boundary("removal.told")
    with transaction.atomic():
        notices.mark_letter_sent(letter.pk, "email" if address else "page", ACTOR)
    return None


@work.job("removal.tell_holder", role="reviewer", attempts=12, first=1)
def send_to_holder(removed: str) -> work.Outcome:
    """Tell whoever posted it what was taken away and how to object."""
    row = _load(removed)
    if row.removal.state != Removal.State.REMOVED or row.given_back_at is not None or row.item.account is None:
        return None
    case = _case(row)
    if case == "undecided":
        return work.Later(DAY)
    if case == "violation":
        return None
    facts = delivering.facts_of(row.item.account)
    given = notices.RemovalHolder(
        **_about(row, facts, ref=audit.ref(row)), removed_on=(row.removal.removed_at or timezone.now()).date()
    )
    with transaction.atomic():
        letter = notices.removal_holder_letter(given, ACTOR)
    link = f"{settings.SAFEHOLD.base_url}/removal/appeal/{notices.letter_token(letter)}"
    _bring(row, letter, facts, link)
    return None


@work.job("removal.tell_back", role="reviewer", attempts=12, first=1)
def send_back(removed: str) -> work.Outcome:
    """Tell the account holder how the objection ended, or that the item is back; nobody who was told nothing before."""
    row = _load(removed)
    objection = RemovalObjection.objects.filter(removed=row).first()
    told = Letter.objects.filter(kind=Letter.Kind.REMOVAL_HOLDER, ref=audit.ref(row)).exclude(sent_at=None).exists()
    refused = objection is not None and objection.state == RemovalObjection.State.REFUSED
    if row.item.account is None or not told or not (refused or row.given_back_at):
        return None
    own = enforcement.of_cause(row.removal.cause).filter(item=row.item, kind=Action.Kind.HIDE_ITEM)
    if row.given_back_at and own.filter(state=Action.State.REVERSING).exists():
        return work.Later(5)
    facts = delivering.facts_of(row.item.account)
    granted = row.given_back_at is not None
    reason = objection.reason if objection is not None and objection.state != RemovalObjection.State.OPEN else ""
    given = notices.ObjectionAnswer(
        **_about(row, facts, ref=f"{audit.ref(row)}:{'back' if granted else 'stands'}"), granted=granted, reason=reason
    )
    with transaction.atomic():
        letter = notices.objection_answer(given, ACTOR)
    _bring(row, letter, facts, f"{settings.SAFEHOLD.base_url}/removal")
    return None


def _case(row: RemovalItem) -> str:
    """What cases about the item say: undecided, violation, or nothing against telling ("")."""
    cases = CaseItem.objects.filter(item=row.item)
    decided = Decision.objects.filter(covers__in=cases, state=Decision.State.CONFIRMED)
    if decided.filter(violation=True).exists():
        return "violation"
    report = Report.objects.filter(pk=row.removal.report).first() if row.removal.report else None
    coming = report is not None and not cases.exists() and report.state != Report.State.FINISHED
    return "undecided" if coming or cases.exclude(pk__in=decided.values("covers")).exists() else ""


def _load(removed: str) -> RemovalItem:
    return RemovalItem.objects.select_related("removal", "item__account__host", "item__host").get(pk=removed)


def _about(row: RemovalItem, facts: Any, *, ref: str) -> dict[str, Any]:
    """What every letter to an account holder names."""
    account: Any = row.item.account
    posted = row.item.posted_at.date() if row.item.posted_at else None
    return {
        "ref": ref, "host_name": account.host.name, "language": notices.language_of(facts.language or "en"),
        "account_handle": facts.handle or account.handle or account.external_id,
        "items": (notices.ItemName(posted, row.item.external_id),),
    }  # fmt: skip


def _bring(row: RemovalItem, letter: Letter, facts: Any, link: str) -> None:
    """Deliver a letter to the account holder, once; where nothing takes it, a person is told."""
    account: Any = row.item.account
    if letter.state != Letter.State.DRAFTED:
        return
    text = notices.text(letter, link)
    channels = delivering.deliver(account, facts, title=letter.title, text=text, link=link, key=str(letter.pk))
    work.boundary("removal.holder_told")
    with transaction.atomic():
        for channel in channels or ["none"]:
            notices.mark_letter_sent(letter.pk, channel, ACTOR)
        if not channels:
            work.raise_task(
                "letter-undeliverable", key=str(letter.pk), about=audit.ref(row.removal), role="senior",
                note=letter.kind,
            )  # fmt: skip
