"""Reading an exchange, one page at a time: read, take, and store how far it came in one transaction.

`path.exchanges` calls `step`, which may be killed anywhere and called again: nothing is lost, nothing doubled.
What cannot be read leaves the checkpoint where it is and becomes a task for a person; other exchanges go on.

Job arguments, tasks and logs carry names of exchanges and codes only.
"""

import enum
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.exchanges import keeping
from safehold.screening.exchanges.checkpoint import Checkpoint, Open
from safehold.screening.exchanges.source import Answer, Change, Outcome, Read, SetAside, Source
from safehold.screening.models import Exchange
from safehold.screening.taking import Counts, EntryIn, take
from safehold.work import service as work

FIRST_PAUSE = timedelta(minutes=1)  # after a failure; each further one doubles it
LONGEST_PAUSE = timedelta(hours=4)
MOST_NAMES = 50  # of kinds of fingerprints that are counted by name
ASIDE_LIMIT = 8 * 1024 * 1024  # bytes of the file of records set aside; more are only counted
TASKS = ("exchange-refused", "exchange-unreadable", "exchange-stale")  # over once a window was read whole

Retracted = Callable[[tuple[str, ...]], None]
Opener = Callable[[Exchange], Source]


class Kind(enum.StrEnum):
    """How an exchange stands after a step."""

    MORE = "more"  # the next page is due
    DONE = "done"  # read up to the present
    LATER = "later"  # not before `Step.seconds`
    STOPPED = "stopped"  # not without a person


class Step(msgspec.Struct, frozen=True):
    """What one step came to. `problem` says in words what stands in the way, without content."""

    kind: Kind
    seconds: float = 0
    problem: str = ""
    there: int = 0  # records of the page that was committed
    read_until: datetime | None = None


def step(slug: str, *, actor: str, on_retracted: Retracted, open_source: Opener = keeping.open_source) -> Step:
    """Read one page of an exchange and commit it. Must not run inside a transaction.

    `on_retracted` gets, in the page's own transaction, the ids of entries that were withdrawn and had been hit: what
    they led to must be looked at again. Raises keeping.UnknownExchange; UnknownList and ListMismatch as `take` does.
    """
    row = Exchange.objects.filter(pk=slug).first()
    if row is None:
        raise keeping.UnknownExchange(f"There is no exchange {slug!r}.")
    if not row.enabled or row.refused_at is not None:
        return Step(Kind.STOPPED, problem=row.problem if row.enabled else "it is switched off")
    if row.not_before is not None and row.not_before > timezone.now():
        pause = (row.not_before - timezone.now()).total_seconds()
        return Step(Kind.LATER, seconds=max(1.0, pause), problem=row.problem)
    try:
        source = open_source(row)
    except keeping.CannotAsk as problem:
        return _failed(row, Answer(outcome=Outcome.STOP, problem=str(problem)))
    mark, now = Checkpoint.load(row.checkpoint), timezone.now()
    try:
        window = mark.open(source, now)
        if window is None:
            return _nothing_new(row, mark)
        answer = source.read(window.window, window.cursor)
    finally:
        source.close()
    work.boundary("exchange.page.read")
    if answer.found is None:
        if answer.outcome is Outcome.GONE and window.cursor and mark.shorten():  # its `next` is there no more
            return _moved(row, mark)
        return _failed(row, answer)
    page = answer.found
    if page.cursor and page.cursor == window.cursor:
        return _failed(
            row, Answer(outcome=Outcome.UNREADABLE, http_status=answer.http_status, problem="next-is-itself")
        )
    if not window.cursor and page.total > source.most and mark.shorten():
        return _moved(row, mark)
    return _commit(row, source, mark, window, page, actor=actor, on_retracted=on_retracted)


def _commit(
    row: Exchange, source: Source, mark: Checkpoint, window: Open, page: Read, *, actor: str, on_retracted: Retracted
) -> Step:
    """One page, one transaction: its entries, what they led to, and how far it came."""
    wanted = [one for one in page.changes if not row.members or one.member in row.members]
    window.add(page, timezone.now())
    odd, whole = "", False
    with transaction.atomic():
        locked = _still_there(row)
        if locked is None:
            return Step(Kind.LATER, seconds=1, problem="another process reads it")
        counts = take(row.list_id, map(_entry, wanted), actor=actor)
        if counts.to_correct:
            on_retracted(counts.to_correct)
        work.boundary("exchange.page.taken")
        if not page.cursor:
            odd = mark.finish(source.most)
            whole = mark.window is None and mark.until == window.until
        elif window.there >= source.most:
            mark.shorten()
        aside = [*page.aside, *_problems(wanted, counts)]
        _note(locked, page, counts, aside=len(aside), left_out=len(page.changes) - len(wanted))
        locked.checkpoint = mark.dump()
        locked.last_tried_at, locked.problem, locked.failures, locked.not_before = timezone.now(), "", 0, None
        if whole:
            _read_whole(locked, window, actor=actor)
        if odd:
            _task(locked, "exchange-odd", key=window.until.isoformat(), note=odd, role="administrator")
        for name in sorted(page.unknown)[:MOST_NAMES]:
            _task(locked, "exchange-unknown", key=name, note=name, role="administrator")
        if aside:
            note = f"{len(aside)} of {page.there} records of a page"
            _task(locked, "exchange-set-aside", key=f"{timezone.now():%Y-%m-%d}", note=note, role="policy_owner")
        locked.save()
    work.boundary("exchange.page.committed")
    _write_aside(row.pk, aside)
    done = whole and window.last
    return Step(Kind.DONE if done else Kind.MORE, there=page.there, read_until=mark.until)


def _entry(change: Change) -> EntryIn:
    """As the list takes it."""
    said = change.digests
    return EntryIn(
        ref=change.ref, media=change.media, gone=change.gone, category=change.category, sha256=said.get("sha256", ""),
        sha1=said.get("sha1", ""), md5=said.get("md5", ""), pdq=said.get("pdq", ""),
    )  # fmt: skip


def _problems(wanted: Iterable[Change], counts: Counts) -> list[SetAside]:
    """What the list could not take. That an entry has no fingerprint of ours is counted, and no problem of it."""
    matched = {change.ref for change in wanted if change.digests}
    return [SetAside(why, ref) for ref, why in counts.problems if ref in matched]


def _still_there(row: Exchange) -> Exchange | None:
    """The exchange, locked; None where somebody else moved it, or changed what is taken, since it was read."""
    locked = Exchange.objects.select_for_update(of=("self",)).filter(pk=row.pk).first()
    if locked is None or locked.checkpoint != row.checkpoint or locked.members != row.members:
        return None
    return locked if locked.enabled else None


def _nothing_new(row: Exchange, mark: Checkpoint) -> Step:
    with transaction.atomic():
        if (locked := _still_there(row)) is not None:
            locked.last_tried_at = timezone.now()
            locked.save(update_fields=["last_tried_at"])
    return Step(Kind.DONE, read_until=mark.until)


def _moved(row: Exchange, mark: Checkpoint) -> Step:
    """A shorter window is tried; nothing of this page was taken."""
    with transaction.atomic():
        if (locked := _still_there(row)) is not None:
            locked.checkpoint, locked.last_tried_at = mark.dump(), timezone.now()
            locked.save(update_fields=["checkpoint", "last_tried_at"])
    return Step(Kind.MORE, read_until=mark.until)


def _read_whole(row: Exchange, window: Open, *, actor: str) -> None:
    """A window is over: on record where it brought anything, and what was wrong before is right again."""
    row.last_read_at = timezone.now()
    if window.there:
        audit.record(
            "exchange.read", actor=actor, about=row, since=window.since.isoformat(), until=window.until.isoformat(),
            pages=window.pages, records=window.there,
        )  # fmt: skip
    for task in work.open_tasks().filter(about=audit.ref(row), kind__in=TASKS):
        work.close_task(str(task.pk), actor="system:worker", outcome="It was read again.")


def _failed(row: Exchange, answer: Answer[Read]) -> Step:
    """Nothing was taken and the checkpoint stays. Wait, or leave it to a person."""
    now, told = timezone.now(), str(answer)[:300]
    if answer.outcome is Outcome.STOP and not answer.http_status:
        told = answer.problem[:300]
    with transaction.atomic():
        locked = Exchange.objects.select_for_update(of=("self",)).get(pk=row.pk)
        locked.last_tried_at, locked.problem, locked.failures = now, told, locked.failures + 1
        pause = max(timedelta(seconds=answer.retry_after), backed_off(locked.failures))
        locked.not_before = now + pause
        locked.save(update_fields=["last_tried_at", "problem", "failures", "not_before"])
        if answer.outcome is Outcome.STOP:
            keeping.refused(locked, told)
            return Step(Kind.STOPPED, problem=told)
        if answer.outcome is not Outcome.RETRY:
            _task(locked, "exchange-unreadable", key=_once_a_day(locked), note=told, role="administrator")
    return Step(Kind.LATER, seconds=pause.total_seconds(), problem=told)


def broke(slug: str, kind: str) -> None:
    """A step raised what nobody foresaw (`kind` is its class): a person is told, and it is tried again later."""
    row = Exchange.objects.filter(pk=slug).first()
    if row is not None:
        _failed(row, Answer(outcome=Outcome.UNREADABLE, problem=kind))


def backed_off(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 12))


def alarm(row: Exchange) -> None:
    """A task where nothing was read whole for too long. In the caller's transaction."""
    if row.enabled and keeping.stale(row):
        since = row.last_read_at or row.made_at
        note = f"since {since.isoformat(timespec='seconds')}: {row.problem}"
        _task(row, "exchange-stale", key=_once_a_day(row), note=note, role="administrator")


def _once_a_day(row: Exchange) -> str:
    """A key for tasks that a person may have closed too early: the next day there is a new one."""
    return f"{row.last_read_at and row.last_read_at.isoformat()}:{timezone.now():%Y-%m-%d}"


def _task(row: Exchange, kind: str, *, key: str, note: str, role: str) -> None:
    work.raise_task(kind, key=f"{row.pk}:{key}", about=audit.ref(row), role=role, note=note)


def _note(row: Exchange, page: Read, counts: Counts, *, aside: int, left_out: int) -> None:
    """Count what was read. A record that is read twice counts twice."""
    told, total = dict(row.told), Counter(row.told.get("counts", {}))
    names = ("added", "changed", "known", "gone", "unusable", "barred")
    total.update({name: getattr(counts, name) for name in names} | {"set_aside": aside, "left_out": left_out})
    told["counts"] = dict(total)
    for name in ("unused", "unknown"):
        kinds: Counter[str] = Counter(told.get(name, {}))
        for kind, number in getattr(page, name).items():
            kinds[kind if kind in kinds or len(kinds) < MOST_NAMES else "others"] += number
        told[name] = dict(kinds)
    row.told = told


def _write_aside(slug: str, aside: list[SetAside]) -> None:
    """Names and reasons of what was set aside, for a person; no fingerprint."""
    if not aside:
        return
    path = settings.SAFEHOLD.data / "lists" / f"exchange-{slug}.set-aside.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and path.stat().st_size > ASIDE_LIMIT:
        return
    at = timezone.now().isoformat(timespec="seconds")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
        file.writelines(json.dumps({"at": at, "ref": one.ref, "why": one.why}) + "\n" for one in aside)
