"""What a hit does, and which private surfaces may be screened: by the operator's rules, else by the defaults.

Others call these through `service`: `does`, `does_many` (one query for a request's hits), `hides_now` (asked again
when something is about to be hidden), `rule_in_force`, `set_rule`, `end_rule`, `set_exact_also`; `surface_allowed`,
`enable_surface`, `end_surface`. Two people ask and agree through `proposals`, which calls the setters here: a rule
needs a second person where it does more than the default, or less than bring a person.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import NeedsSecondPerson, NotAllowed, UnknownList
from safehold.screening.lists import id_or_none
from safehold.screening.matching import Hit
from safehold.screening.models import HashList, HitRecord, HitRule, ListEntry, Purpose, Surface
from safehold.subjects.models import Host

On, What = HitRule.On, HitRule.Does

MILD_TO_STRONG = (What.NOTE, What.ORDER, What.REVIEW, What.HIDE, What.UNSEEN)
ACTS_AT_ONCE = (What.HIDE, What.UNSEEN)
_ON = {"link": On.LINK, "term": On.WORDS, "together": On.WORDS}  # by how something was hit; else it was a file
EXACT_ALSO = ("md5", "sha1", "pdq")  # what two people may accept as exact for one list
REASON = 200  # characters of a reason that are kept


class Does(msgspec.Struct, frozen=True):
    """What one hit does: a `HitRule.Does`, and the rule that says so ("" = the default)."""

    does: str
    rule: str = ""

    @property
    def opens(self) -> bool:
        """Whether a person is shown the item."""
        return MILD_TO_STRONG.index(What(self.does)) >= MILD_TO_STRONG.index(What.REVIEW)

    @property
    def hides(self) -> bool:
        """Whether the item goes at once, before anybody has looked."""
        return self.does in ACTS_AT_ONCE


def kind_of(how: str, *, exact: bool) -> str:
    """What was hit, as rules tell it apart: a `HitRule.On`."""
    return _ON.get(how, On.EXACT if exact else On.NEAR)


def default(on: str, *, trusted: bool) -> str:
    """What a hit does where no rule is in force. Without trust in the list nothing goes before a person has looked."""
    if on == On.WORDS:
        return What.ORDER
    return What.HIDE if trusted and on in (On.EXACT, On.LINK) else What.REVIEW


def does(hit: Hit) -> Does:
    """What this hit does now."""
    return does_many([hit])[0]


def does_many(hits: Sequence[Hit]) -> list[Does]:
    """The same for several hits, in their order, with one query."""
    rules = _rules({hit.list for hit in hits})
    found = []
    for hit in hits:
        on = kind_of(hit.how, exact=hit.exact)
        found.append(_does(on, rules.get((hit.list, on)), hit.purpose, trusted=hit.trusted, held_back=hit.held_back))
    return found


def _rules(lists: Iterable[str]) -> dict[tuple[str, str], HitRule]:
    return {(row.list_id, row.on): row for row in HitRule.objects.filter(list__in=lists, ended_at=None)}


def _does(on: str, rule: HitRule | None, purpose: str, *, trusted: bool, held_back: bool) -> Does:
    if purpose == Purpose.REMOVAL:  # the copy of a removed file goes for the request that removed it; no rule, no case
        return Does((What.HIDE if on == On.EXACT and not held_back else What.NOTE).value)
    wanted = What(rule.does) if rule is not None else What(default(on, trusted=trusted))
    if rule is not None and wanted in ACTS_AT_ONCE and not _stands(rule, on, trusted=trusted):
        wanted = What.REVIEW
    if held_back:
        wanted = min(wanted, What.REVIEW, key=MILD_TO_STRONG.index)
    return Does(wanted.value, str(rule.pk) if rule is not None else "")


def _stands(rule: HitRule, on: str, *, trusted: bool) -> bool:
    """Whether a rule that acts at once may do so: trust can have gone since it was set.

    Without trust a list acts at once by two people's word alone, and never unseen.
    """
    if rule.does == What.UNSEEN:
        return trusted and on == On.EXACT
    return on != On.WORDS and (bool(rule.approved_by) or (trusted and on != On.NEAR))


def hides_now(report: UUID | str, entry: str) -> bool:
    """Whether what a report of screening names is to go at once, asked when it is about to be hidden.

    Not where every entry that was hit was retracted or held back since, the list lost its trust, or the rule ended.
    `entry` is for reports that came before hits were recorded one by one.
    """
    records = list(HitRecord.objects.filter(report=report).select_related("entry__list"))
    if not records and (own := id_or_none(entry)):
        rows = ListEntry.objects.filter(pk=own).select_related("list")
        records = [HitRecord(entry=row, how="sha256", exact=True) for row in rows]
    return any(does_now(record).hides for record in records)


def kind_now(record: HitRecord) -> str:
    """What was hit, as rules tell it apart now: people may no longer accept as exact what they did then."""
    alone = record.how == "pdq" or (record.how in ("md5", "sha1") and record.distance is None)
    exact = record.exact and (not alone or record.how in record.entry.list.exact_also)
    return kind_of(record.how, exact=exact)


def does_now(record: HitRecord) -> Does:
    """What a recorded hit does now; NOTE where its entry was retracted. Needs the record's entry and list."""
    if record.entry.retracted_at is not None:
        return Does(What.NOTE.value)
    home, on = record.entry.list, kind_now(record)
    held = record.entry.held_back_at is not None
    return _does(on, rule_in_force(home.pk, on), home.purpose, trusted=home.trusted, held_back=held)


# --- rules -----------------------------------------------------------------------------------------


def rule_in_force(list_slug: str, on: str) -> HitRule | None:
    """The rule for hits of one kind on a list; None = the default is in force."""
    return HitRule.objects.filter(list=list_slug, on=on, ended_at=None).first()


def needs_two(home: HashList, on: str, does: str) -> bool:
    """Whether such a rule takes a second person: where it acts unseen, hides what the default would show to a person
    first, or opens nothing where the default opens a case."""
    if does == What.UNSEEN:
        return True
    if does == What.HIDE:
        return default(on, trusted=home.trusted) != What.HIDE
    return on != On.WORDS and does in (What.NOTE, What.ORDER)


def check_rule(home: HashList, on: str, does: str) -> None:
    """Raise NotAllowed where no number of people may set such a rule on such a list."""
    if on not in On.values or does not in What.values:
        raise NotAllowed(f"There is no rule “{does}” for “{on}”.")
    if home.purpose != Purpose.PREVENT:
        raise NotAllowed("What a list of removed files does follows from its requests; there is no rule for it.")
    if on == On.WORDS and does not in (What.NOTE, What.ORDER, What.REVIEW):
        raise NotAllowed("A word never hides anything: it orders the queue, or brings a person.")
    if (on == On.LINK) != (home.kind == HashList.Kind.LINKS) or (on == On.WORDS) != (home.kind == HashList.Kind.TERMS):
        raise NotAllowed(f"The list {home.pk!r} has no entries that such a rule is about.")
    if does == What.UNSEEN:
        if on != On.EXACT:
            raise NotAllowed("Only the very file is ever decided on without a person's look.")
        if not home.trusted:
            raise NotAllowed("Only a trusted list may decide anything. Trust it first, with a second person.")


def set_rule(list_slug: str, on: str, does: str, *, because: str, actor: str, approved_by: str = "") -> HitRule:
    """Set what hits of one kind do from now on; the rule before ends. Joins the caller's transaction.

    Raises UnknownList, NotAllowed, NeedsSecondPerson (see `needs_two`), ValueError without a reason.
    """
    reason = reason_of(because)
    with transaction.atomic():
        home = locked(list_slug)
        check_rule(home, on, does)
        if needs_two(home, on, does) and approved_by in ("", actor):
            raise NeedsSecondPerson("This rule needs a second person.")
        if (before := rule_in_force(home.pk, on)) is not None:
            _end(before, because="replaced", actor=actor)
        row = HitRule.objects.create(
            list=home, on=on, does=does, because=reason, set_by=actor, approved_by=approved_by, set_at=timezone.now()
        )
        audit.record(
            "rule.set", actor=actor, about=row, list=home.pk, on=on, does=does, because=reason, approved_by=approved_by
        )
    return row


def end_rule(rule_id: UUID | str, *, because: str, actor: str) -> HitRule:
    """End a rule: the default is in force again. Ending one that ended already changes nothing."""
    reason = reason_of(because)
    with transaction.atomic():
        row = HitRule.objects.select_for_update(of=("self",)).get(pk=rule_id)
        if row.ended_at is None:
            _end(row, because=reason, actor=actor)
    return row


def _end(row: HitRule, *, because: str, actor: str) -> None:
    row.ended_at, row.ended_by, row.ended_because = timezone.now(), actor, because
    row.save(update_fields=["ended_at", "ended_by", "ended_because"])
    audit.record("rule.ended", actor=actor, about=row, list=row.list_id, on=row.on, does=row.does, because=because)


def set_exact_also(
    list_slug: str, kinds: Iterable[str], *, because: str, actor: str, approved_by: str = ""
) -> HashList:
    """Which fingerprints alone count as exact on this list although they can be forged or collide.

    More of them takes a second person, fewer does not. Raises UnknownList, NotAllowed, NeedsSecondPerson.
    """
    wanted, reason = sorted(set(kinds)), reason_of(because)
    if unknown := set(wanted) - set(EXACT_ALSO):
        raise NotAllowed(f"{min(unknown)!r} cannot count as exact; {', '.join(EXACT_ALSO)} can.")
    with transaction.atomic():
        home = locked(list_slug)
        if set(wanted) - set(home.exact_also) and approved_by in ("", actor):
            raise NeedsSecondPerson("Counting more as exact needs a second person.")
        if wanted != sorted(home.exact_also):
            home.exact_also = wanted
            home.save(update_fields=["exact_also"])
            audit.record(
                "list.exact_set", actor=actor, about=home, exact_also=wanted, because=reason, approved_by=approved_by
            )
    return home


def locked(list_slug: str) -> HashList:
    """The list's row, and nobody else's change of it until the transaction ends. Raises UnknownList."""
    home = HashList.objects.select_for_update().filter(pk=list_slug).first()
    if home is None:
        raise UnknownList(f"There is no list {list_slug!r}.")
    return home


def reason_of(because: str) -> str:
    """The reason as it is kept. Raises ValueError where there is none."""
    if not because.strip():
        raise ValueError("Say why: it stays on the record.")
    return because.strip()[:REASON]


# --- surfaces --------------------------------------------------------------------------------------

PRIVATE = ("private_messages",)  # surfaces that are never screened without a recorded basis (invariant 16)


class Basis(msgspec.Struct, frozen=True):
    """On what the screening of a private surface rests, and until when."""

    id: str
    basis: str
    review_by: date


def surface_allowed(host_slug: str, surface: str, jurisdiction: str) -> Basis | None:
    """The basis on which this private surface may be screened under this law; None = it may not.

    `jurisdiction` is matched exactly: what was enabled for one country says nothing about another, and where the host
    does not say ("") only a basis that was recorded for that holds (the strict value, invariant 16). After the day by
    which a basis must be reviewed it holds no more.
    """
    row = Surface.objects.filter(host__slug=host_slug, name=surface, jurisdiction=jurisdiction, ended_at=None).first()
    if row is None or row.review_by < timezone.now().date():
        return None
    return Basis(str(row.pk), row.basis, row.review_by)


def check_surface(name: str, jurisdiction: str, basis: str, review_by: date) -> None:
    """Raise NotAllowed where a surface cannot be enabled so."""
    if name not in PRIVATE:
        raise NotAllowed(f"{name!r} is no private surface; {', '.join(PRIVATE)} is.")
    if jurisdiction and not (len(jurisdiction) == 2 and jurisdiction.isascii() and jurisdiction.isupper()):
        raise NotAllowed(
            "A country is its code of two capital letters (ISO 3166-1), or empty where the host says none."
        )
    if not basis.strip():
        raise NotAllowed("Name the law or the consent that the screening rests on.")
    if review_by <= timezone.now().date():
        raise NotAllowed("Name a day to come by which the basis must be reviewed.")


def enable_surface(
    host_slug: str, name: str, jurisdiction: str, *, basis: str, review_by: date, actor: str, approved_by: str
) -> Surface:
    """Let a private surface be screened under one law, until `review_by`. An earlier basis for it ends.

    Two people always. Raises NotAllowed, NeedsSecondPerson, Host.DoesNotExist.
    """
    check_surface(name, jurisdiction, basis, review_by)
    if approved_by in ("", actor):
        raise NeedsSecondPerson("Screening a private surface needs a second person.")
    with transaction.atomic():
        host = Host.objects.select_for_update().get(slug=host_slug)
        for before in Surface.objects.filter(host=host, name=name, jurisdiction=jurisdiction, ended_at=None):
            end_surface(before.pk, because="replaced", actor=actor)
        row = Surface.objects.create(
            host=host, name=name, jurisdiction=jurisdiction, basis=basis.strip(), enabled_by=actor,
            approved_by=approved_by, enabled_at=timezone.now(), review_by=review_by,
        )  # fmt: skip
        audit.record(
            "surface.enabled", actor=actor, about=row, host=host_slug, name=name, jurisdiction=jurisdiction,
            basis=row.basis, review_by=review_by.isoformat(), approved_by=approved_by,
        )  # fmt: skip
    return row


def end_surface(surface_id: UUID | str, *, because: str, actor: str) -> Surface:
    """Stop the screening of a private surface, at once; one person is enough. Twice changes nothing."""
    reason = reason_of(because)
    with transaction.atomic():
        row = Surface.objects.select_for_update().get(pk=surface_id)
        if row.ended_at is None:
            row.ended_at, row.ended_by = timezone.now(), actor
            row.save(update_fields=["ended_at", "ended_by"])
            audit.record("surface.ended", actor=actor, about=row, because=reason)
    return row
