"""The input records of statements and letters. Callers reach them through `service`.

They carry what a reader may know and nothing else: no notifier, no content, no detail of detection.
"""

from datetime import date, datetime

import msgspec


class Measure(msgspec.Struct, frozen=True):
    """What was done, by its code in the policy packs; `days` where it has a length."""

    code: str
    days: int | None = None


class ItemName(msgspec.Struct, frozen=True):
    """An item, by the day it was posted (None where the host does not say) and the host's id. Never its content."""

    date: date | None
    id: str


class ClauseText(msgspec.Struct, frozen=True):
    """A clause of the policy, in the operator's own words, in the letter's language."""

    id: str
    text: str


class StatementInput(msgspec.Struct, frozen=True):
    """What a statement of reasons says (Regulation (EU) 2022/2065, Art. 17(3)(a)-(f)).

    `sentences` are what the policy itself tells whoever its class was applied to (its purpose, S14; that intent
    does not count, S11), in the letter's language; where the policy lacks that language, `whatever_intent` has
    the letter say the latter in words of its own.
    """

    subject: str
    decision: str  # one statement for each
    host_name: str
    account_handle: str
    language: str
    measures: tuple[Measure, ...]
    items: tuple[ItemName, ...]
    clauses: tuple[ClauseText, ...]
    policy_version: str
    source: str  # report | own_initiative | trusted_flagger | authority
    automated_detection: bool
    automated_decision: bool
    must_remove: bool
    decided_on: date
    appeal_until: datetime
    sentences: tuple[str, ...] = ()
    whatever_intent: bool = False


class AppealOutcome(msgspec.Struct, frozen=True):
    """How an appeal ended, and why (Art. 20(4)-(5))."""

    appeal: str
    subject: str
    host_name: str
    account_handle: str
    language: str
    granted: bool
    opened_on: date
    decided_on: date
    reason: str  # the decider's words to the account holder; may be empty where it was granted
    clauses: tuple[ClauseText, ...] = ()  # those that still stand
    policy_version: str = ""


class MustRemove(msgspec.Struct, frozen=True):
    """What the account holder has to remove before the account is unlocked (S75, S76)."""

    decision: str
    subject: str
    host_name: str
    account_handle: str
    language: str
    items: tuple[ItemName, ...]
    clauses: tuple[ClauseText, ...]
    policy_version: str


class Reversal(msgspec.Struct, frozen=True):
    """What was taken back, each confirmed, and what could not be."""

    appeal: str  # or another ref of what caused it
    subject: str
    host_name: str
    account_handle: str
    language: str
    done: tuple[Measure, ...]
    impossible: tuple[str, ...] = ()  # codes: purged_item, filing, hold
    items: tuple[ItemName, ...] = ()  # those that are back


class NcmecCorrection(msgspec.Struct, frozen=True):
    """What NCMEC has to know of a report that rests on a decision since changed. Never content, never a person."""

    filing: str
    report_id: str  # NCMEC's
    filed_at: datetime
    company: str
    changed: tuple[str, ...]  # codes: decision_reversed, wrong_account, duplicate, list_entry_withdrawn, law_not_met
    changed_on: date
    test: bool  # filed with a test or practice server


class RemovalAnswer(msgspec.Struct, frozen=True):
    """How a removal request stands (47 USC 223a), for whoever made it. Never what it names."""

    ref: str  # one letter for each
    language: str
    company: str
    received_on: date
    outcome: str  # code: removed, not_found, refused, incomplete, restored
    reason: str = ""  # code, of a refusal
    missing: tuple[str, ...] = ()  # codes, of an incomplete request
    words: str = ""  # ours, to the notifier


class RemovalHolder(msgspec.Struct, frozen=True):
    """What was taken away on a removal request, for whoever posted it. Never who asked."""

    ref: str
    host_name: str
    account_handle: str
    language: str
    items: tuple[ItemName, ...]
    removed_on: date


class ObjectionAnswer(msgspec.Struct, frozen=True):
    """How the objection to a removal ended, and why; without an objection, that the item is back all the same."""

    ref: str
    host_name: str
    account_handle: str
    language: str
    items: tuple[ItemName, ...]
    granted: bool
    reason: str
