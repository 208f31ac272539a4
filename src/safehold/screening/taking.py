"""Taking many entries at once, each known again by its identity and its source's id. Others call through `service`.

- `take(list, rows, actor=...)` is for exchanges: each row is all that the source says of one of its ids.
- `settle(...)` is for imports of files: a line may say less than what is known already.

Both are one transaction with one number of change, and may be run again: the second time nothing changes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening import entries, writing
from safehold.screening.barring import Bars
from safehold.screening.entries import Content
from safehold.screening.errors import BadEntry, Degenerate
from safehold.screening.lists import named_list, next_version, turn
from safehold.screening.models import HashList, HitRecord
from safehold.screening.pattern_room import check_room


class EntryIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says of one of its entries now. `ref` is its id there, the same for ever.

    Digests and `pdq` in hex of any case, "" where there is none; `frames` of a film: PDQ hashes of 32 bytes, one for
    a second; `media` "picture", "film" or ""; `gone`: the source has withdrawn it, the rest is not looked at.
    """

    ref: str
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    pdq: str = ""
    frames: bytes = b""
    media: str = ""
    category: str = ""
    gone: bool = False


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows, each counted once; of several rows of one id only the last counts, the rest as known.

    `unusable`: nothing in it can be matched (a flat picture, the digest of no bytes, no known fingerprint); an entry
    that was live under that id is retracted. `malformed`: an entry that was live stays as it was. `problems` are the
    ids of both with the reason. `barred`: our own people retracted that file, so it was not taken; where an id that
    was live means it now, its entry is retracted. `to_correct`: entries that had hits and are retracted now, or no
    longer have the fingerprint that was hit: whoever calls has what they led to looked at again
    (`path.hits.entry_retracted`).
    """

    added: int = 0
    changed: int = 0
    known: int = 0
    gone: int = 0
    unusable: int = 0
    malformed: int = 0
    barred: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    to_correct: tuple[str, ...] = ()


def take(list_slug: str, rows: Iterable[EntryIn], *, actor: str) -> Counts:
    """Bring a list of files to what its source says now. One transaction, one number of change; joins the caller's.

    One live entry for each `ref`: it keeps its row when the source changes its fingerprints. A withdrawn one stays as
    history; named again it is a new entry, unless it was our own people who retracted it (`barring`). Raises
    UnknownList, and ListMismatch for a list of links or terms.
    """
    said = list(rows)
    last = {row.ref.strip(): row for row in said}
    wanted, gone, counts = _read(last)
    now = timezone.now()
    with transaction.atomic():
        home = named_list(list_slug, kind=HashList.Kind.FILES)
        turn()
        live: dict[str, list[Known]] = {}
        for one in _live(home, "ref", [*wanted, *gone], since=now):
            live.setdefault(one.content.ref, []).append(one)
        barred = _barred(home, wanted, live)
        wanted = {ref: one for ref, one in wanted.items() if ref not in barred}
        gone.update(dict.fromkeys(barred, "it means a file now that our own people retracted"))
        added = [one for ref, one in wanted.items() if ref not in live]
        named = [(live[ref][0], one) for ref, one in wanted.items() if ref in live]
        replaced = [(known.key, known.content, one) for known, one in named if known.content != one]
        unchanged = [known.key for known, one in named if known.content == one]
        away = {known.key: because for ref, because in gone.items() for known in live.get(ref, ())}
        extra = {known.key: "named twice" for ref in wanted for known in live.get(ref, ())[1:]}
        version = next_version() if added or replaced or away or extra else 0
        to_correct = retract_all(home, {**away, **extra}, now=now, version=version, actor=actor)
        to_correct += hit_by_what_is_gone(replaced)
        writing.change([(key, new) for key, _old, new in replaced], now=now, version=version)
        writing.insert(home, added, now=now, version=version)
        writing.touch(unchanged, now=now)
        record(home, added=len(added), changed=len(replaced), version=version, actor=actor)
    return msgspec.structs.replace(
        counts,
        added=len(added),
        changed=len(replaced),
        known=len(unchanged) + len(said) - len(last),
        gone=sum(last[ref].gone for ref in gone),
        barred=len(barred),
        to_correct=to_correct,
    )


def _read(rows: dict[str, EntryIn]) -> tuple[dict[str, Content], dict[str, str], Counts]:
    """The rows that can be matched; the ids of those that no longer can, with the reason; what could not be read."""
    wanted: dict[str, Content] = {}
    gone: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    unusable = malformed = 0
    for ref, row in rows.items():
        try:
            if not entries.checked_ref(ref):
                raise BadEntry("An entry of an exchange needs its id there.")
            if row.gone:
                gone[ref] = "withdrawn by its source"
            elif not (row.sha256 or row.sha1 or row.md5 or row.pdq or row.frames):
                raise Degenerate("It has no fingerprint of a kind that is matched here.")
            else:
                wanted[ref] = entries.files(
                    sha256=row.sha256, sha1=row.sha1, md5=row.md5, pdq=row.pdq, frames=row.frames, media=row.media,
                    category=row.category, ref=ref,
                )  # fmt: skip
        except Degenerate as problem:
            unusable += 1
            gone[ref] = "nothing left to match"
            problems.append((ref, str(problem)))
        except BadEntry as problem:
            malformed += 1
            problems.append((ref[: entries.LONGEST_REF], str(problem)))
    return wanted, gone, Counts(unusable=unusable, malformed=malformed, problems=tuple(problems))


def _barred(home: HashList, wanted: dict[str, Content], live: dict[str, list["Known"]]) -> list[str]:
    """The ids that would put a file there that our own people retracted. What is live for it already stays."""
    bars = Bars(home)
    return [
        ref for ref, one in wanted.items()
        if bars.bar(one) and not any(bars.bar(known.content) for known in live.get(ref, ()))
    ]  # fmt: skip


class Known(msgspec.Struct):
    """A live entry while its batch is worked on; `key` is None for one that is not in the database yet."""

    key: Any  # see `writing.Row`
    was: Content  # before this batch
    content: Content
    seen: bool  # named by this reading of the file, or about to be: what it stands for is not replaced
    named: bool = False  # already: the first line about an entry counts, later ones only add
    changed: bool = False


class Settled(msgspec.Struct, frozen=True):
    """How many lines of a batch made a new entry, changed one, said nothing new, or were not taken: see `Counts`."""

    added: int
    changed: int
    duplicates: int
    barred: int
    to_correct: tuple[str, ...] = ()


def settle(
    home: HashList,
    batch: Sequence[Content],
    *,
    started: datetime,
    actor: str,
    on_gone: Callable[[Sequence[str]], None],
) -> Settled:
    """One batch of a file that is read since `started`: one transaction, one number of change.

    A line belongs to the entry of the same identity and id; else to one of the same id that it agrees with; else, where
    one entry alone has that id and the file has not named it so far, the source has replaced what it stands for. An
    id that several files share replaces nothing. A line about what our own people retracted is passed over, and
    changes no entry. `on_gone` is told in the transaction what `Counts` calls `to_correct`. Raises TooManyPatterns;
    nothing of the batch is taken then.
    """
    now = max(started, timezone.now())
    with transaction.atomic():
        turn()
        known = _Batch(home, batch, started)
        result = known.settle(batch)
        added = [one.content for one in known.all if one.key is None]
        replaced = [(one.key, one.was, one.content) for one in known.all if one.key is not None and one.changed]
        changed = [(key, new) for key, _old, new in replaced]
        version = next_version() if added or changed else 0
        writing.change(changed, now=now, version=version)
        writing.insert(home, added, now=now, version=version)
        check_room([*added, *(content for _key, content in changed)])
        writing.touch([one.key for one in known.named if one.key is not None and not one.changed], now=now)
        record(home, added=len(added), changed=len(changed), version=version, actor=actor)
        to_correct = hit_by_what_is_gone(replaced)
        if to_correct:
            on_gone(to_correct)
    return msgspec.structs.replace(result, to_correct=to_correct)


class _Batch:
    """The live entries that a batch's lines may mean."""

    def __init__(self, home: HashList, batch: Sequence[Content], started: datetime) -> None:
        self.bars = Bars(home)
        self.by_name: dict[tuple[str, str], Known] = {}
        for one in _live(home, "identity", [line.identity for line in batch], since=started):
            self.by_name[one.content.identity, one.content.ref] = one
        self.all = list(self.by_name.values())
        self.named: list[Known] = []
        strange = {line.ref for line in batch if line.ref and (line.identity, line.ref) not in self.by_name}
        self.by_ref: dict[str, list[Known]] = {}
        for one in _live(home, "ref", sorted(strange), since=started):
            mine = self.by_name.setdefault((one.content.identity, one.content.ref), one)
            if mine is one:
                self.all.append(one)
            self.by_ref.setdefault(one.content.ref, []).append(mine)
        for line in batch:  # what a later line names is not free for an earlier one to replace
            if known := self.by_name.get((line.identity, line.ref)):
                known.seen = True

    def settle(self, batch: Sequence[Content]) -> Settled:
        added = changed = duplicates = barred = 0
        for line in batch:
            one = self.by_name.get((line.identity, line.ref))
            if one is None and self.bars.bar(line):
                barred += 1
                continue
            one = one or self._meant(line)
            if one is None:
                self._add(line)
                added += 1
                continue
            content = (entries.filled if one.named else entries.merged)(one.content, line)
            if content == one.content:
                duplicates += 1
            elif one.key is None:
                duplicates += 1
                self._now(one, content)
            else:
                changed += 1
                one.changed = True
                self._now(one, content)
            one.seen = one.named = True
            self.named.append(one)
        return Settled(added, changed, duplicates, barred)

    def _meant(self, line: Content) -> Known | None:
        same = self.by_ref.get(line.ref, []) if line.ref else []
        for one in same:
            if entries.agree(one.content, line):
                return one
        return same[0] if len(same) == 1 and not same[0].seen else None

    def _add(self, line: Content) -> None:
        one = Known(None, line, line, seen=True, named=True)
        self.all.append(one)
        self.by_name[line.identity, line.ref] = one
        if line.ref:
            self.by_ref.setdefault(line.ref, []).append(one)

    def _now(self, one: Known, content: Content) -> None:
        del self.by_name[one.content.identity, one.content.ref]
        one.content = content
        self.by_name[content.identity, content.ref] = one


def retract_all(home: HashList, because: dict[Any, str], *, now: datetime, version: int, actor: str) -> tuple[str, ...]:
    """Take entries out of matching, each for its reason, in the caller's transaction. Returns those that had hits."""
    hit: list[str] = []
    for reason in dict.fromkeys(because.values()):
        keys = [key for key, why in because.items() if why == reason]
        for at in range(0, len(keys), writing.AT_ONCE):
            rows = home.entries.filter(pk__in=keys[at : at + writing.AT_ONCE], retracted_at=None)
            found = Exists(HitRecord.objects.filter(entry=OuterRef("pk")))
            hit += [str(key) for key in rows.filter(Q(hits__gt=0) | found).values_list("pk", flat=True)]
            rows.update(retracted_at=now, retracted_because=reason[:200], version=version)
        audit.record(
            "list.entries_retracted", actor=actor, about=home, count=len(keys), because=reason, version=version
        )
    return tuple(hit)


def hit_by_what_is_gone(replaced: Sequence[tuple[Any, Content, Content]]) -> tuple[str, ...]:
    """Of entries that were and are something (id, before, now): those hit by a fingerprint that they no longer have."""
    gone = {UUID(str(key)): lost for key, old, new in replaced if (lost := _lost(old, new))}
    ids, found = list(gone), set()
    for at in range(0, len(ids), writing.AT_ONCE):
        hows = HitRecord.objects.filter(entry__in=ids[at : at + writing.AT_ONCE]).values_list("entry", "how").distinct()
        found |= {str(entry) for entry, how in hows if how in gone[entry]}
    return tuple(sorted(found))


def _lost(old: Content, new: Content) -> set[str]:
    """How hits were made (`HitRecord.how`) that would not be made any more."""
    lost = {name for name in entries.DIGESTS if (was := getattr(old, name)) and was != getattr(new, name)}
    if (old.pdq and old.pdq != new.pdq) or (old.frames and old.frames != new.frames):
        lost.add("pdq")
    return lost | {"together"} if lost - {"sha256"} else lost


def record(home: HashList, *, added: int, changed: int, version: int, actor: str) -> None:
    """Put on record what a change added and changed."""
    if added:
        audit.record("list.entries_added", actor=actor, about=home, count=added, version=version)
    if changed:
        audit.record("list.entries_changed", actor=actor, about=home, count=changed, version=version)


def _live(home: HashList, field: str, values: Sequence[str], *, since: datetime) -> Iterator[Known]:
    for key, seen, content in writing.live(home, field, values, since=since):
        yield Known(key, content, content, seen=seen, named=seen)
