"""Verdicts: what an item hit, what the rules make of it, and what the host is to do. Inside the screening path only.

`look` touches no database and may run on the event loop where `light` says so; the rest belongs in a thread.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple, cast

import msgspec
from django.conf import settings
from django.db import transaction

from safehold.api.screen_wire import Answer, Answered, Do, HitOut, Item, NotScreened, Refused
from safehold.path import hits as path_hits
from safehold.screening import flood, keeping, live, metrics, rules
from safehold.screening.hashing.types import FileHashes
from safehold.screening.index.types import DamagedIndex
from safehold.screening.links.canonical import BadUrl
from safehold.screening.links.shorteners import is_shortener
from safehold.screening.matching import Asked, Found, Hit, Matcher, asked_of
from safehold.subjects.models import Host

log = logging.getLogger(__name__)

LIGHT_HASHES = 16  # PDQ hashes that are looked up on the event loop: together under a millisecond
LIGHT_TEXT = 500  # characters that are read there
WHY = {
    "low_quality": "The hashes' quality is below 50, or they are of a flat picture: they say nothing.",
    "bad_link": "A link is none that a browser would open.",
    "text_cut": "The text holds more links, or more listed words, than are looked up. Send it in parts.",
    "short_link": "A link only stands for another one. Send under `expanded` where it leads.",
}


class Subject(NamedTuple):
    """One item of a request, and what could not be looked at of it."""

    asked: Asked
    item_id: str
    account_id: str
    not_screened: NotScreened | None = None
    file: bool = False


class Circumstances(NamedTuple):
    """What holds for all items of a request."""

    host: Host
    surface: str
    jurisdiction: str
    record: bool


def subject(item: Item, asked: Asked) -> Subject:
    """An item of a JSON body."""
    missing = None
    only_hashes = not (item.sha256 or item.sha1 or item.md5 or item.links or item.text)
    if item.pdq and only_hashes and not asked.pdqs:
        missing = NotScreened("low_quality", WHY["low_quality"])
    elif any(link not in item.expanded and _short(link) for link in item.links):
        missing = NotScreened("short_link", WHY["short_link"])
    return Subject(asked, item.item_id, item.account_id, missing)


def _short(link: str) -> bool:
    """Whether a link only stands for another one. What is no link at all is found out when it is looked up."""
    try:
        return is_shortener(link)
    except BadUrl:
        return False


def subject_of_file(hashes: FileHashes, *, item_id: str, account_id: str) -> Subject:
    """A file that was hashed here."""
    missing = None if hashes.not_screened is None else NotScreened(hashes.not_screened.value, hashes.why)
    return Subject(asked_of(hashes), item_id, account_id, missing, file=True)


def light(subjects: Sequence[Subject]) -> bool:
    """Whether looking takes so little time that the event loop may do it."""
    hashes = text = 0
    for one in subjects:
        hashes += len(one.asked.pdqs) + 4 * len(one.asked.links)
        text += len(one.asked.text)
    return hashes <= LIGHT_HASHES and text <= LIGHT_TEXT and len(subjects) <= LIGHT_HASHES


def look(matcher: Matcher, subjects: Sequence[Subject]) -> list[Found]:
    """What each may hit. Raises Refused where the index turns out to be damaged."""
    try:
        if len(subjects) == 1:
            return [matcher.look(subjects[0].asked)]
        return matcher.look_many([one.asked for one in subjects])
    except DamagedIndex as problem:
        raise Refused(503, live.damaged(problem).code, str(problem)) from None


def archive(subjects: Sequence[Subject], about: Circumstances) -> None:
    """Write down what is screened, so that it is found again when a list grows. Takes microseconds.

    A full disk costs the archive a line, not the host its verdict: it is counted and logged.
    """
    if not settings.SAFEHOLD.archive_days:
        return
    rows = [
        keeping.row(
            one.asked, host=about.host.slug, item_id=one.item_id, account_id=one.account_id, surface=about.surface,
            jurisdiction=about.jurisdiction,
        )
        for one in subjects
        if one.item_id
    ]  # fmt: skip
    try:
        if rows:
            keeping.keep(rows)
    except OSError as error:
        metrics.archive_failed()
        log.error("%s while writing down what was screened", type(error).__name__)


def clean(subjects: Sequence[Subject], found: Sequence[Found]) -> bytes:
    """The answer where nothing was found."""
    return _encoded([_answered(one, seen, [], "allow") for one, seen in zip(subjects, found, strict=True)])


def answer(matcher: Matcher, subjects: Sequence[Subject], found: Sequence[Found], about: Circumstances) -> bytes:
    """The answer where something was; with `record`, all hits are taken as knowledge in one transaction."""
    hits = matcher.tell_many([one.asked for one in subjects], found)
    does = rules.does_many([hit for some in hits for hit in some])
    if about.record and does:
        with transaction.atomic():
            for one, some in zip(subjects, hits, strict=True):
                if some:
                    _record(about, one, some)
    flat = [hit for some in hits for hit in some]
    flood.count(flat)
    for hit in flat:
        metrics.hit(hit.list, hit.how)
    told, rest = [], iter(does)
    for one, seen, some in zip(subjects, found, hits, strict=True):
        told.append(_answered(one, seen, some, _strongest([next(rest) for _hit in some])))
    return _encoded(told)


def _record(about: Circumstances, one: Subject, hits: list[Hit]) -> None:
    path_hits.record(
        about.host, item_id=one.item_id, account_id=one.account_id, asked=one.asked, hits=hits,
        surface=about.surface, jurisdiction=about.jurisdiction,
    )  # fmt: skip


def _strongest(does: Sequence[rules.Does]) -> Do:
    if any(one.hides for one in does):
        return "hide"
    return "review" if any(one.opens for one in does) else "allow"


def _answered(one: Subject, seen: Found, hits: Sequence[Hit], do: Do) -> Answered:
    missing = one.not_screened or _unlooked(seen)
    if missing is not None:
        metrics.not_screened(missing.reason)
        if do == "allow":
            do = cast(Do, settings.SAFEHOLD.screening.not_screened)
        elif do == "review" and settings.SAFEHOLD.screening.not_screened == "hide":
            do = "hide"
    if missing is None or one.asked.sha256:
        metrics.screened(_kind(one))
    shown = tuple(
        HitOut(hit.list, hit.source, hit.category, hit.exact, hit.how, hit.distance, hit.link, hit.scope, hit.held_back)
        for hit in hits
    )
    return Answered(one.asked.sha256, shown, do, one.item_id, missing)


def _unlooked(seen: Found) -> NotScreened | None:
    """What showed only when the item was looked at."""
    reason = "bad_link" if seen.unread else "text_cut" if seen.cut else ""
    return NotScreened(reason, WHY[reason]) if reason else None


def _kind(one: Subject) -> str:
    if one.file:
        return "file"
    asked = one.asked
    if asked.sha256 or asked.sha1 or asked.md5 or asked.pdqs:
        return "hash"
    return "link" if asked.links else "text"


def _encoded(items: list[Answered]) -> bytes:
    return msgspec.json.encode(Answer(tuple(items)))
