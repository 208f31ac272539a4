"""The public face of `intake`: take a report, give a receipt, settle what it names, let go in time.

Taking: `NewReport`, `accept` -> `Accepted`; `TooLong`, `UnknownChannel`, `UnknownHost`, `NoOnceKey`.
Finding: `by_code`, `read_code`, `naming`. Pasted text: `split`, `classify`.
Receipt codes, also of what is no report: `code_for`, `code_hash`.
Moving on (called from `path`): `settle_locator`, `begin_review`, `finish`.
What reporters wrote: `words_of`; how to reach them: `contact_of` (a recorded look).
Letting go: `erase_contact`, `erase_words`, `erase_due`.
Directory: `hotlines`, `emergency`, `known_countries`.

A report is never refused for lacking evidence, an account, or a locator that resolves (S48-S55). What
can be wrong with it is its size, or the program that sends it.
"""

import re
import uuid
from collections.abc import Sequence

import msgspec
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.intake import locators as reading
from safehold.intake import receipts, retention
from safehold.intake.directory import Emergency, Hotline, Number, emergency, hotlines, known_countries
from safehold.intake.locators import Classified, classify, clean, split
from safehold.intake.models import (
    LOCATOR,
    REPORT,
    Channel,
    Locator,
    Relationship,
    Report,
    ReporterContact,
    ReportWords,
)
from safehold.intake.receipts import code_for
from safehold.intake.receipts import hash_of as code_hash
from safehold.intake.receipts import read as read_code
from safehold.intake.retention import (
    Contact,
    Words,
    contact_of,
    erase_contact,
    erase_due,
    erase_words,
    start_terms,
    words_of,
)
from safehold.subjects import service as subjects
from safehold.subjects.models import Account, Host, Item

__all__ = [
    "Accepted",
    "Contact",
    "Emergency",
    "Hotline",
    "NewReport",
    "NoOnceKey",
    "Number",
    "TooLong",
    "UnknownChannel",
    "UnknownHost",
    "Words",
    "accept",
    "begin_review",
    "by_code",
    "classify",
    "clean",
    "code_for",
    "code_hash",
    "contact_of",
    "emergency",
    "erase_contact",
    "erase_due",
    "erase_words",
    "finish",
    "hotlines",
    "known_countries",
    "naming",
    "read_code",
    "settle_locator",
    "split",
    "words_of",
]  # fmt: skip

TEXT_LIMIT = 20_000  # characters of free text
LOCATOR_LIMIT = 50  # things named in one report, however they are named
LOCATOR_LENGTH = 2083  # characters of one link: the longest that browsers keep
_CLASS_ID = re.compile(r"[a-z0-9-]{1,40}")  # not looked up: a fault in a policy pack must not refuse reports
SHORT_LIMITS = {"account_name": 255, "contact_email": 254, "reporter_ref": 255, "once_key": 500}


class TooLong(ValueError):
    """More than can be taken. `field` names it, `limit` is in characters, or in locators."""

    def __init__(self, field: str, limit: int, what: str = "characters") -> None:
        self.field, self.limit = field, limit
        super().__init__(f"{field} holds too much: at most {limit} {what} can be taken. Nothing was saved.")


class UnknownChannel(ValueError):
    """The calling program named a channel that does not exist."""


class UnknownHost(ValueError):
    """The host's own ids were given, but no host that they belong to."""


class NoOnceKey(ValueError):
    """The calling program sent no one-time key: a resend could not be told from a second report."""


class NewReport(msgspec.Struct, frozen=True):
    """A report as a face took it. Only `channel` and `once_key` are needed; the rest is what people offer."""

    channel: str  # form | in_app | flagger | authority | screening
    once_key: str  # made by the sender, the same for a resend; never shown or stored
    locators: tuple[str, ...] = ()  # links or @names as pasted
    account_name: str = ""
    host: str = ""  # slug, where known
    reason: str = ""
    class_id: str = ""
    relationship: str = ""
    urgent: bool = False
    language: str = "en"
    country: str = ""  # ISO 3166-1, as chosen
    contact_email: str = ""
    reporter_ref: str = ""  # the reporter's account on the host; or the partner's id, or the list entry that was hit
    item_ids: tuple[str, ...] = ()  # the host's own ids
    account_ids: tuple[str, ...] = ()


class Accepted(msgspec.Struct, frozen=True):
    """The report's row, its receipt code, and whether the same one-time key was here before."""

    report: Report
    code: str
    repeated: bool


def accept(new: NewReport) -> Accepted:
    """Take a report, in the caller's transaction if there is one: show the code only after that is committed.

    The same one-time key (of the same channel, host and partner) gives the same code and changes
    nothing. Raises TooLong, UnknownChannel, UnknownHost, NoOnceKey.
    """
    _check_size(new)  # first: nothing is worked on that is too big to take
    new = _cleaned(new)
    host = Host.objects.filter(slug=new.host).first() if new.host else None
    _check(new, host)
    code = receipts.code_for(_scope(new), new.once_key)
    known = by_code(code)
    if known is not None:
        return Accepted(known, code, repeated=True)
    try:
        with transaction.atomic():
            return Accepted(_write(new, host, code), code, repeated=False)
    except IntegrityError:  # the same report, sent twice at the same moment: the other one was first
        known = by_code(code)
        if known is None:
            raise
        return Accepted(known, code, repeated=True)


def by_code(code: str) -> Report | None:
    """The report of a receipt code, in whatever spelling it was typed."""
    known = read_code(code)
    return Report.objects.filter(code_hash=receipts.hash_of(known)).first() if known else None


def naming(*, account: Account | None = None, item: Item | None = None) -> "models.QuerySet[Report]":
    """Every report that names this account or this item, oldest first. Duplicates attach; none is dropped."""
    wanted = models.Q()
    if account is not None:
        wanted |= models.Q(locators__account=account)
    if item is not None:
        wanted |= models.Q(locators__item=item)
    if not wanted:
        return Report.objects.none()
    return Report.objects.filter(wanted).distinct().order_by("received_at")


def settle_locator(
    locator_id: uuid.UUID | str,
    *,
    found_account: Account | None = None,
    found_item: Item | None = None,
    state: str,
    actor: str,
) -> Locator:
    """Store what the host said a locator leads to. Repeating changes nothing; "found" is never taken back.

    `state` is found (with an account, an item, or both), not_found or elsewhere.
    """
    row = Locator.objects.select_for_update().get(pk=locator_id)
    if row.state == state or (row.state == Locator.State.FOUND and state == Locator.State.NOT_FOUND):
        return row
    if state == Locator.State.ELSEWHERE:
        return _set_aside(row, actor=actor)
    if state == Locator.State.NOT_FOUND:
        return LOCATOR.move(row, "miss", actor=actor)
    if state != Locator.State.FOUND or (found_account is None and found_item is None):
        raise ValueError(f"A locator is settled as found (with what was found), not_found or elsewhere, not {state!r}.")
    kind = Locator.Kind.ITEM if found_item is not None else Locator.Kind.ACCOUNT
    host = (found_item or found_account).host  # type: ignore[union-attr]
    changes = {"account": found_account, "item": found_item, "kind": kind, "host": host}
    return LOCATOR.move(row, "find", actor=actor, changes=changes)


def begin_review(report_id: uuid.UUID | str, actor: str) -> Report:
    """Somebody looks at it now. Repeating changes nothing, also once it is finished."""
    row = Report.objects.select_for_update().get(pk=report_id)
    return REPORT.move(row, "begin_review", actor=actor) if REPORT.can(row, "begin_review") else row


def finish(report_id: uuid.UUID | str, actor: str) -> Report:
    """The matter is decided: the terms of the reporter's data begin. Repeating changes nothing."""
    row = Report.objects.select_for_update().get(pk=report_id)
    if not REPORT.can(row, "finish"):
        return row
    row = REPORT.move(row, "finish", actor=actor, changes={"finished_at": timezone.now()})
    start_terms(row)
    return row


def _cleaned(new: NewReport) -> NewReport:
    """The same report in text that every database stores; choices that do not exist count as not made."""
    languages = [code for code, _name in settings.LANGUAGES]
    country = clean(new.country).upper()
    return msgspec.structs.replace(
        new,
        once_key=clean(new.once_key),
        locators=_each(new.locators),
        item_ids=_each(new.item_ids),
        account_ids=_each(new.account_ids),
        account_name=clean(new.account_name),
        reason=clean(new.reason, lines=True),
        class_id=new.class_id if _CLASS_ID.fullmatch(new.class_id) else "",
        relationship=new.relationship if new.relationship in Relationship.values else "",
        language=new.language if new.language in languages else "en",
        country=country if len(country) == 2 and country.isascii() and country.isalpha() else "",
        contact_email=clean(new.contact_email),
        reporter_ref=clean(new.reporter_ref),
    )


def _each(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in map(clean, texts) if text))


def _check_size(new: NewReport) -> None:
    if len(new.reason) > TEXT_LIMIT:
        raise TooLong("reason", TEXT_LIMIT)
    for field, limit in SHORT_LIMITS.items():
        if len(getattr(new, field)) > limit:
            raise TooLong(field, limit)
    for field, limit in (("locators", LOCATOR_LENGTH), ("item_ids", 255), ("account_ids", 255)):
        if any(len(text) > limit for text in getattr(new, field)):
            raise TooLong(field, limit, "characters each")


def _check(new: NewReport, host: Host | None) -> None:
    if new.channel not in Channel.values:
        raise UnknownChannel(f"Channel {new.channel!r} does not exist; there are: {', '.join(Channel.values)}.")
    if not new.once_key:
        raise NoOnceKey("once_key is empty. Send a random text of at least 16 characters, the same for each resend.")
    if len(new.locators) + len(new.item_ids) + len(new.account_ids) + bool(new.account_name) > LOCATOR_LIMIT:
        raise TooLong("locators", LOCATOR_LIMIT, "links, names and ids together")
    if host is None and (new.item_ids or new.account_ids or new.channel == Channel.IN_APP):
        raise UnknownHost(f"Ids of accounts and items need the host that they belong to; {new.host!r} is not known.")


def _scope(new: NewReport) -> str:
    """What a one-time key is unique within, so that nobody's key opens somebody else's receipt."""
    partner = new.reporter_ref if new.channel in (Channel.FLAGGER, Channel.AUTHORITY) else ""
    host = new.host if new.channel in (Channel.IN_APP, Channel.SCREENING) else ""
    return f"{new.channel}/{host}/{partner}"


def _write(new: NewReport, host: Host | None, code: str) -> Report:
    private = new.channel in (Channel.FORM, Channel.IN_APP)  # whoever reports there is a person
    actor = _actor(new)
    report = Report.objects.create(
        channel=new.channel,
        host=host,
        partner="" if private else new.reporter_ref[:100],
        code_hash=receipts.hash_of(code),
        received_at=timezone.now(),
        urgent=new.urgent,
        class_id=new.class_id,
        relationship=new.relationship,
        language=new.language,
        country=new.country,
    )
    named = _named(new, host)
    audit.record(
        "report.received", actor=actor, about=report, channel=new.channel, urgent=new.urgent, locators=len(named)
    )
    away = [one.raw for one in named if one.state == Locator.State.ELSEWHERE]
    _keep(report, ReportWords, {"reason": new.reason, "elsewhere": away})
    _keep(report, ReporterContact, {"email": new.contact_email, "account": new.reporter_ref if private else ""})
    rows = [
        Locator(report=report, position=number, raw=one.raw, given_as=one.given_as, kind=one.kind, host=one.host)
        for number, one in enumerate(named)
    ]
    Locator.objects.bulk_create(rows)
    for row, one in zip(rows, named, strict=True):
        if one.state == Locator.State.ELSEWHERE:
            LOCATOR.move(row, "set_aside", actor=actor, changes={"raw": ""})
        elif one.state == Locator.State.NOT_FOUND:
            LOCATOR.move(row, "miss", actor=actor)
    return report


def _keep(report: Report, model: type[ReportWords] | type[ReporterContact], values: dict[str, object]) -> None:
    if any(values.values()):
        model.objects.create(report=report, sealed=retention.seal(f"{model.__name__}:{report.pk}", values))


def _named(new: NewReport, host: Host | None) -> list[Classified]:
    """Everything that the report names, in the order in which people named it, each once."""
    links = [new.account_name, *new.locators] if new.account_name else list(new.locators)
    pasted = [reading.classify(raw, subjects.host_of, host) for raw in dict.fromkeys(links)]
    accounts = [Classified(raw, "id", "account", "checking", host) for raw in new.account_ids]
    items = [Classified(raw, "id", "item", "checking", host) for raw in new.item_ids]
    return [*pasted, *accounts, *items]


def _actor(new: NewReport) -> str:
    if new.channel in (Channel.FLAGGER, Channel.AUTHORITY):
        return f"{new.channel}:{new.reporter_ref}"[:100]
    return f"host:{new.host}" if new.channel in (Channel.IN_APP, Channel.SCREENING) else "anonymous"


def _set_aside(row: Locator, *, actor: str) -> Locator:
    """A locator that turned out to lie elsewhere: its text moves under seal (S62)."""
    words = ReportWords.objects.select_for_update().filter(report=row.report_id).first()
    name = f"ReportWords:{row.report_id}"
    if words is None:
        ReportWords.objects.create(report_id=row.report_id, sealed=retention.seal(name, {"elsewhere": [row.raw]}))
    elif words.erased_at is None:
        values = retention.unseal(name, bytes(words.sealed))
        values["elsewhere"] = [*values.get("elsewhere", []), row.raw]
        words.sealed = retention.seal(name, values)
        words.save(update_fields=["sealed"])
    return LOCATOR.move(
        row, "set_aside", actor=actor, changes={"raw": "", "kind": Locator.Kind.ELSEWHERE, "host": None}
    )
