"""What stands around a reported item, laid into the vault when we know of it and before it is hidden.

18 USC 2258A(h)(2) wants commingled material preserved with the report; a text alone proves little without what it
answers. The context is sealed twice: as the host told it (JSON), and where there are messages as a plain text file,
which is the evidence of a case that has no other.

Job: `item.context`, where the host could not be asked in time, or may be asked only now. `arrivals` calls `take` and
`settle`; faces and `filing` read the rows. Private conversations are asked for on the word of the host alone.
"""

from datetime import timedelta

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases import service as cases
from safehold.cases.models import Case, CaseItem, CaseSubject, Decision
from safehold.cybertip import thread as threads
from safehold.evidence import service as evidence
from safehold.evidence.models import Sealed
from safehold.hosts import contract
from safehold.hosts.service import contact
from safehold.intake.models import Channel, Locator
from safehold.subjects.models import Item
from safehold.work import service as work

ACTOR = "system:worker"
AROUND = 20  # messages before the item, and as many after it
PATIENCE = timedelta(minutes=10)  # so long after we knew, hiding waits for a host that gives no context now
OWN_WORD = (Channel.IN_APP, Channel.SCREENING)  # of the host itself, which knows who takes part in a conversation
NAMES = 20  # links and ids that are passed on to the host
State = CaseItem.Context


class Taken(msgspec.Struct, frozen=True):
    """What came of asking: a CaseItem.Context, why, and what lies in the vault now."""

    state: str
    because: str = ""
    context: Sealed | None = None
    thread: Sealed | None = None


def take(row: CaseItem, facts: contract.ItemFacts, line: contract.Contact) -> Taken:
    """Ask the host what stands around an item and seal it. May run twice: what is sealed already is taken.

    Not inside a transaction. Raises HostUnavailable, and HostRefused where a person must look.
    """
    about = audit.ref(row)
    if not may_be_fetched(row, facts):
        return Taken(State.WITHHELD, "private, and not brought in by the host")
    if not line.abilities.context:
        return Taken(State.UNSUPPORTED, "declared by the adapter")
    thread = sealed_before(f"{about}:thread")
    if context := sealed_before(f"{about}:context"):
        return Taken(State.DONE, context=context, thread=thread)
    try:
        found = line.context(row.item.external_id, named_as=_names(row), before=AROUND, after=AROUND)
    except contract.Unsupported:
        return Taken(State.UNSUPPORTED, "the host has none for this item", thread=thread)
    except contract.NotFound:
        return Taken(State.UNAVAILABLE, "not found on the host", thread=thread)
    if not (found.messages or found.addresses or found.devices):
        return Taken(State.UNSUPPORTED, "nothing stands around it", thread=thread)
    # The thread first: of two runs the earlier one's is kept, which is nearer to the moment at which we knew.
    if found.messages and thread is None:
        thread = _seal(
            threads.render(_thread(row, found)), "text/plain; charset=utf-8", "thread.txt", f"{about}:thread"
        )  # fmt: skip
    work.boundary("item.context.thread")
    document = {"asked_at": timezone.now().isoformat(), "item": row.item.external_id}
    body = msgspec.json.encode({**document, "facts": msgspec.to_builtins(found)})
    return Taken(
        State.DONE, context=_seal(body, "application/json", "context.json", f"{about}:context"), thread=thread
    )  # fmt: skip


def may_be_fetched(row: CaseItem, facts: contract.ItemFacts) -> bool:
    """What everybody can see; and a private conversation where the host's own report named this very item.

    Where a host does not say whether an item is public, what stands around it counts as private.
    """
    named = Locator.objects.filter(item_id=row.item_id, report__channel__in=OWN_WORD)
    return facts.public is True or named.exists()


def settle(row: CaseItem, taken: Taken | None, facts: contract.ItemFacts) -> None:
    """Write down what came of asking, in the caller's transaction; None = nothing yet: `item.context` goes on."""
    Item.objects.select_for_update().get(
        pk=row.item_id
    )  # a report that comes in this moment is seen here, or sees this
    if taken is not None and (taken.state != row.context_state or taken.thread is not None):
        cases.set_context(
            row, taken.state, because=taken.because, context=taken.context, thread=taken.thread, actor=ACTOR
        )  # fmt: skip
        _hold(row)
    if taken is None or (taken.state == State.WITHHELD and may_be_fetched(row, facts)):
        work.enqueue("item.context", key=str(row.pk), again=True, case_item=str(row.pk))


def ask_again(row: CaseItem) -> None:
    """The host itself has named an item now whose context was withheld. Needs a transaction, and the item's lock."""
    if row.context_state == State.WITHHELD:
        work.enqueue("item.context", key=str(row.pk), again=True, case_item=str(row.pk))


def unavailable(row: CaseItem, because: str) -> None:
    """The item itself is not to be had: nothing stands around it. Needs a transaction."""
    if row.context_state == State.DUE:
        cases.set_context(row, State.UNAVAILABLE, because=because, actor=ACTOR, thread=row.thread)


def _failed(case_item: str) -> None:
    """The host could not be made to give the context: the record says so, and a person knows."""
    row = CaseItem.objects.select_related("thread").get(pk=case_item)
    if row.context_state in (State.DUE, State.WITHHELD):
        cases.set_context(row, State.UNAVAILABLE, because="host did not give it", actor=ACTOR, thread=row.thread)


@work.job("item.context", on_failure=_failed, role="administrator", attempts=60)
def fetch(case_item: str) -> work.Outcome:
    """Ask for the context of an item that is preserved already."""
    row = CaseItem.objects.select_related("item__host", "case", "thread").get(pk=case_item)
    if row.preserve_state != CaseItem.Preserve.DONE or row.context_state not in (State.DUE, State.WITHHELD):
        return None
    if _is_cleared(row.case):  # nobody's messages are fetched for a case that is over
        with transaction.atomic():
            cases.set_context(row, State.UNAVAILABLE, because="the case was cleared meanwhile", actor=ACTOR)
        return None
    line = contact(row.item.host)
    try:
        facts = line.item(row.item.external_id)
        taken = take(row, facts, line)
    except contract.NotFound:
        with transaction.atomic():
            cases.set_context(row, State.UNAVAILABLE, because="not found on the host", actor=ACTOR, thread=row.thread)
        return None
    except (contract.HostRefused, contract.Unsupported) as error:
        raise work.GiveUp(f"context of case item {row.pk} {type(error).__name__}") from error
    work.boundary("item.context.sealed")
    with transaction.atomic():
        if row.subject_id is not None:  # a filing that ends in this moment sees the context, or this sees its hold
            CaseSubject.objects.select_for_update(of=("self",)).get(pk=row.subject_id)
        settle(row, taken, facts)
    return None


def _is_cleared(case: Case) -> bool:
    standing = Decision.objects.filter(subject__case=case, state__in=["proposed", "held", "confirmed"])
    return case.state != Case.State.OPEN and not standing.filter(violation=True).exists()


def _hold(row: CaseItem) -> None:
    """Whatever holds the item holds its context too, however late it came."""
    known = row.facts_id or row.body_id
    new = [one.pk for one in (row.context, row.thread) if one is not None]
    if known is None or not new:
        return
    for hold in evidence.holds_in_force(known):
        evidence.place_hold(new, until=hold.until, basis=hold.basis, ref=hold.ref, actor=ACTOR)


def _names(row: CaseItem) -> tuple[str, ...]:
    """How reports named the item."""
    raw = Locator.objects.filter(item_id=row.item_id).exclude(raw="").order_by("pk").values_list("raw", flat=True)
    return tuple(dict.fromkeys(raw))[:NAMES]


def _thread(row: CaseItem, found: contract.Context) -> threads.ThreadInput:
    """The messages in the words of the room that renders them."""
    account = row.item.account.external_id if row.item.account else ""
    same_host = row.case.items.filter(reported=True, item__host=row.item.host)
    reported = {found.about, *same_host.values_list("item__external_id", flat=True)}
    return threads.ThreadInput(
        id=found.thread or found.about,
        service=row.item.host.name,
        reported_account=account,
        messages=tuple(_message(one, account, one.id in reported) for one in found.messages),
        title=found.title,
        fetched_at=timezone.now(),
        complete=found.complete,
    )


def _message(one: contract.ContextMessage, account: str, reported: bool) -> threads.MessageInput:
    direction: threads.Direction = "other"
    if account and one.sender == account:
        direction = "from_reported"
    elif account in one.recipients:
        direction = "to_reported"
    return threads.MessageInput(
        id=one.id,
        at=one.at,
        direction=direction,
        sender=one.sender,
        recipients=one.recipients,
        text=one.text,
        attachments=one.attachments,
        reply_to=one.reply_to,
        edited=one.edited,
        edited_at=one.edited_at,
        deleted=one.deleted,
        deleted_at=one.deleted_at,
        encrypted=one.encrypted,
        reported=reported,
    )


def _seal(body: bytes, media_type: str, file_name: str, about: str) -> Sealed:
    return evidence.preserve([body], media_type=media_type, file_name=file_name, about=about, actor=ACTOR)


def sealed_before(about: str) -> Sealed | None:
    """What an earlier run, killed before it could say so, laid into the vault already."""
    return Sealed.objects.filter(about=about, destroyed_at=None).order_by("made_at").first()
