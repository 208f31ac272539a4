"""Two figures of a filing before it is sent: how complete it is, and how urgent. Pure; nothing here stops a filing.

Others may call `completeness(record, able)` and `urgency(record, ...)`. What makes a report actionable follows
18 USC 2258A(b)(1)-(5) (who, when and how, where from, the content itself, the whole communication) and what the
documentation of 2025-06-11 has elements for; the weights are Safehold's own judgement of what an
investigator needs first, and stand in `PIECES` where they can be argued with.
"""

import enum
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from safehold.cybertip.document.codes import incident_label
from safehold.cybertip.inputs import AccountInput, FileInput, FilingInput


class Ability(enum.StrEnum):
    """What a host can still be asked for."""

    ACCOUNT = "account"  # names, ways to reach the person
    ADDRESSES = "addresses"  # addresses on the network with their times and ports
    ITEM = "item"  # when, where and by whom an item was posted
    FILE = "file"  # the original bytes
    THREAD = "thread"  # the messages around


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A piece that the report lacks. `fetch` = what the host could be asked for, None = only a person can tell."""

    code: str
    what: str
    weight: int
    fetch: Ability | None = None
    of: tuple[str, ...] = ()  # sealed ids of the files that lack it


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """`score` is 0 to 100: the weight of what is there, of all that this kind of report could tell."""

    score: int
    missing: tuple[Missing, ...]

    @property
    def fetchable(self) -> tuple[Missing, ...]:
        """What could still be fetched before filing."""
        return tuple(one for one in self.missing if one.fetch is not None)


class Level(enum.StrEnum):
    """How urgent. The law's own measure is "as soon as reasonably possible" for every report."""

    IMMINENT = "imminent"  # by an explicit finding alone
    PROMPT = "prompt"


class Urgency(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` is the finding's own; `waiting` is how long we have known, where that is told."""

    level: Level
    reason: str = ""
    waiting: timedelta | None = None


class Piece(msgspec.Struct, frozen=True):
    """One thing that a report can tell: whether it could here, whether it does, and who could."""

    code: str
    weight: int
    what: str
    applies: Callable[[FilingInput], bool]
    there: Callable[[FilingInput], bool]
    fetch: Ability | None = None


class FilePiece(msgspec.Struct, frozen=True):
    """As `Piece`, of every file."""

    code: str
    weight: int
    what: str
    there: Callable[[FileInput], bool]
    fetch: Ability | None = None


def completeness(record: FilingInput, able: frozenset[Ability] = frozenset()) -> Completeness:
    """What is missing and what of it the host could still give; `able` says what it can be asked for.

    A batched report can hold little by its rules, and is measured by that little.
    """
    possible, there, missing = 0, 0, []
    for weight, lacking in _weighed(record):
        possible += weight
        if lacking is None:
            there += weight
        elif lacking.fetch is not None and lacking.fetch not in able:
            missing.append(msgspec.structs.replace(lacking, fetch=None))
        else:
            missing.append(lacking)
    missing.sort(key=lambda one: -one.weight)
    return Completeness(score=100 * there // possible, missing=tuple(missing))


def urgency(record: FilingInput, *, known_at: datetime | None = None) -> Urgency:
    """Imminent only where a person found so and said why (`escalateToHighPriority` is that reason)."""
    waiting = None if known_at is None else max(timedelta(0), record.as_of - known_at)
    if record.escalate.strip():
        return Urgency(level=Level.IMMINENT, reason=record.escalate, waiting=waiting)
    return Urgency(level=Level.PROMPT, waiting=waiting)


def _weighed(record: FilingInput) -> Iterator[tuple[int, Missing | None]]:
    """Weight of every piece that applies, and what is missing of it."""
    for piece in PIECES:
        if piece.applies(record):
            lacking = Missing(code=piece.code, what=piece.what, weight=piece.weight, fetch=piece.fetch)
            yield piece.weight, None if piece.there(record) else lacking
    if record.files and record.batch is None:
        for one in FILE_PIECES:
            without = tuple(file.sealed_id for file in record.files if not one.there(file))
            lacking = Missing(code=one.code, what=one.what, weight=one.weight, fetch=one.fetch, of=without)
            yield one.weight, lacking if without else None


def _ordinary(record: FilingInput) -> bool:
    return record.batch is None


def _always(_record: FilingInput) -> bool:
    return True


def _named(record: FilingInput) -> bool:
    return record.batch is None and record.subject is not None


def _with_addresses(record: FilingInput) -> bool:
    return bool(_named(record) and _subject(record).ip_events)


def _against_a_child(record: FilingInput) -> bool:
    """Whether somebody stands on the other side: such incidents have a person who was approached."""
    kinds = ("online_enticement", "child_sex_trafficking", "obscene_material_to_child")
    return record.batch is None and incident_label(record.incident_type) in map(incident_label, kinds)


def _subject(record: FilingInput) -> AccountInput:
    return record.subject or AccountInput()


def _verification_told(account: AccountInput) -> bool:
    mails, phones = (email.verified for email in account.emails), (phone.verified for phone in account.phones)
    return any(told is not None for told in (*mails, *phones))


def _content(record: FilingInput) -> bool:
    texts = [getattr(one, "content", "") for one in (record.chat, *record.incidents) if one is not None]
    return bool(record.files or any(text.strip() for text in texts))


PIECES = (
    Piece("account", 15, "the reported account: its id at the host, or its name", _ordinary,
          lambda r: bool(_subject(r).account_id or _subject(r).handle), Ability.ACCOUNT),
    Piece("batch_accounts", 15, "the accounts of the batch, by their ids", lambda r: r.batch is not None,
          lambda r: bool(r.batch and r.batch.account_ids)),
    Piece("contact", 10, "a telephone number or an e-mail address of the reported person", _named,
          lambda r: bool(_subject(r).emails or _subject(r).phones), Ability.ACCOUNT),
    Piece("verified_contact", 3, "whether one of these was verified", _named,
          lambda r: _verification_told(_subject(r)), Ability.ACCOUNT),
    Piece("name", 2, "a name or a date of birth as the person gave it", _named,
          lambda r: bool(_subject(r).first_name or _subject(r).last_name or _subject(r).date_of_birth),
          Ability.ACCOUNT),
    Piece("profile", 2, "the address of the profile", _named, lambda r: bool(_subject(r).urls), Ability.ACCOUNT),
    Piece("addresses", 15, "an address on the network that the reported person used", _named,
          lambda r: bool(_subject(r).ip_events), Ability.ADDRESSES),
    Piece("address_times", 10, "the time of every such address: without it no provider can name the line",
          _with_addresses, lambda r: all(one.at is not None for one in _subject(r).ip_events), Ability.ADDRESSES),
    Piece("address_ports", 3, "the ports of these addresses: shared lines are told apart by them",
          _with_addresses, lambda r: all(one.port is not None for one in _subject(r).ip_events), Ability.ADDRESSES),
    Piece("content", 20, "what it is about: a file, or the text of the messages", _always, _content, Ability.FILE),
    Piece("place", 4, "where it happened: a link or a chat", _ordinary,
          lambda r: bool(r.urls or r.chat or r.incidents), Ability.ITEM),
    Piece("time_told", 3, "what the incident's time is the time of", _always,
          lambda r: bool(r.incident_description.strip())),
    Piece("other_side", 8, "the account that was approached, as victim or intended recipient", _against_a_child,
          lambda r: any(one.account_id or one.handle for one in (*r.victims, *r.recipients)), Ability.THREAD),
    Piece("reporter_contact", 3, "whom law enforcement should call", _always,
          lambda r: r.reporter.contact is not None or bool(r.reporter.phone)),
    Piece("legal_process", 2, "how to serve legal process on us", _always,
          lambda r: bool(r.reporter.company or r.reporter.legal_url)),
)  # fmt: skip
FILE_PIECES = (
    FilePiece("file_time", 8, "when the file was uploaded", lambda f: f.uploaded_at is not None, Ability.ITEM),
    FilePiece("file_address", 7, "from which address it was uploaded", lambda f: f.ip_event is not None,
              Ability.ADDRESSES),
    FilePiece("file_hashes", 4, "hashes of the original", lambda f: bool(f.hashes), Ability.FILE),
    FilePiece("file_name", 2, "the file's own name", lambda f: bool(f.file_name), Ability.ITEM),
    FilePiece("file_place", 2, "where the file stands", lambda f: bool(f.url), Ability.ITEM),
    FilePiece("file_public", 2, "whether the public could see it", lambda f: f.public is not None, Ability.ITEM),
)  # fmt: skip
