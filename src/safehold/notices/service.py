"""The public face of `notices`: what account holders and NCMEC are told, in words that are kept.

Statements of reasons: `StatementInput` (with `Measure`, `ItemName`, `ClauseText`), `draft_statement`,
`text` (body with the caller's link in it), `token_of`, `by_token` (raises `UnknownToken`, `ExpiredToken`),
`mark_sent`, `withhold`, `release`.
Letters: `appeal_outcome_letter` (`AppealOutcome`), `must_remove_letter` (`MustRemove`), `reversal_letter`
(`Reversal`), `letter_to_ncmec` (`NcmecCorrection`), `mark_letter_sent`. About removals: `removal_answer`
(`RemovalAnswer`), `removal_holder_letter` (`RemovalHolder`; opened by `letter_token`, `letter_by_token`),
`objection_answer` (`ObjectionAnswer`).
`language_of`, `check`; `UnknownCode`, `NothingToState`, `WindowTooShort` say what is wrong with an input.

Everything is idempotent: a statement for each decision, a letter for each kind and ref. All run in the
caller's transaction.
"""

import calendar
import uuid
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from django.utils import timezone

from safehold.audit import service as audit
from safehold.notices import rendering, tokens
from safehold.notices.inputs import (
    AppealOutcome,
    ClauseText,
    ItemName,
    Measure,
    MustRemove,
    NcmecCorrection,
    ObjectionAnswer,
    RemovalAnswer,
    RemovalHolder,
    Reversal,
    StatementInput,
)
from safehold.notices.models import LETTER, STATEMENT, Letter, Statement
from safehold.notices.rendering import MissingText, UnknownCode, check, language_of, phrase

__all__ = [
    "LINK", "AppealOutcome", "ClauseText", "ExpiredToken", "ItemName", "Measure", "MissingText", "MustRemove",
    "NcmecCorrection", "NothingToState", "ObjectionAnswer", "RemovalAnswer", "RemovalHolder", "Reversal",
    "StatementInput", "UnknownCode", "UnknownToken", "WindowTooShort", "appeal_outcome_letter", "by_token", "check",
    "draft_statement", "language_of", "letter_by_token", "letter_to_ncmec", "letter_token", "mark_letter_sent",
    "mark_sent", "must_remove_letter", "objection_answer", "release", "removal_answer", "removal_holder_letter",
    "reversal_letter", "text", "token_of", "withhold",
]  # fmt: skip

LINK = "[[link]]"  # where the caller's address goes; `text` puts it in
SOURCES = ("report", "own_initiative", "trusted_flagger", "authority")


class UnknownToken(LookupError):
    """No statement has this token."""


class ExpiredToken(LookupError):
    """The statement's appeal window has ended. `until` says when."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(f"The time to appeal ended on {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")


class NothingToState(ValueError):
    """A statement without a measure or without a clause gives no reasons for anything."""


class WindowTooShort(ValueError):
    """The appeal would end sooner than six months after the decision (Regulation (EU) 2022/2065, Art. 20(1))."""


def draft_statement(given: StatementInput, actor: str) -> Statement:
    """Write the statement of reasons of a decision, once; a second call returns the first one's.

    Raises NothingToState, WindowTooShort, UnknownCode.
    """
    known = Statement.objects.filter(decision=given.decision).first()
    if known is not None:
        return known
    _check(given)
    language = language_of(given.language)
    title, body = rendering.write("statement", language, _statement_values(given, language))
    row, made = Statement.objects.get_or_create(
        decision=given.decision,
        defaults={
            "subject": given.subject,
            "language": language,
            "fields": rendering.storable(msgspec.to_builtins(given)),
            "title": title,
            "body": body,
            "made_at": timezone.now(),
            "appeal_until": given.appeal_until,
        },
    )
    if made:
        audit.record(
            "statement.drafted", actor=actor, about=row, decision=given.decision, policy_version=given.policy_version,
            clauses=[clause.id for clause in given.clauses], measures=[one.code for one in given.measures],
        )  # fmt: skip
    return row


def text(row: Statement | Letter, link: str) -> str:
    """The body as the reader gets it, with the address that the caller made from `token_of`."""
    return row.body.replace(LINK, link)


def token_of(statement: Statement) -> str:
    """What opens this statement without an account."""
    return tokens.make(statement.pk)


def by_token(token: str) -> Statement:
    """The statement of a token. Raises UnknownToken, or ExpiredToken once its appeal window has ended."""
    found = tokens.read(token)
    row = Statement.objects.filter(pk=found).first() if found else None
    if row is None:
        raise UnknownToken("No statement belongs to this address. Copy the whole address from the message.")
    if timezone.now() > row.appeal_until:
        raise ExpiredToken(row.appeal_until)
    return row


def mark_sent(statement_id: uuid.UUID | str, channel: str, actor: str) -> Statement:
    """It reached the account holder by `channel`. The six months of Art. 20(1) run from the first time.

    The window only ever grows: read `appeal_until` again before anything is purged.
    """
    row = Statement.objects.get(pk=statement_id)
    changes: dict[str, Any] = {}
    if row.sent_at is None:
        now = timezone.now()
        changes = {"sent_at": now, "appeal_until": max(row.appeal_until, _six_months_after(now))}
    return STATEMENT.move(row, "send", actor=actor, changes=changes, channel=channel)


def withhold(statement_id: uuid.UUID | str, *, until: datetime, because: str, actor: str) -> Statement:
    """Do not send it yet: an authority asked for that, on a recorded basis. Only before it was sent."""
    row = Statement.objects.get(pk=statement_id)
    return STATEMENT.move(
        row, "withhold", actor=actor, changes={"withheld_until": until}, until=until.isoformat(), because=because
    )


def release(statement_id: uuid.UUID | str, *, actor: str) -> Statement:
    """The reason to withhold has ended: it may be sent."""
    return STATEMENT.move(Statement.objects.get(pk=statement_id), "release", actor=actor)


def appeal_outcome_letter(given: AppealOutcome, actor: str) -> Letter:
    """Tell the account holder how the appeal ended. A refusal needs a reason (Art. 20(5)): NothingToState."""
    if not given.granted and not given.reason.strip():
        raise NothingToState("A refused appeal needs the reason in words that the account holder can read.")
    kind = Letter.Kind.APPEAL_GRANTED if given.granted else Letter.Kind.APPEAL_REFUSED
    language = language_of(given.language)
    values = {
        **_common(given, language),
        "opened_on": _day(given.opened_on, language),
        "decided_on": _day(given.decided_on, language),
        "reason": rendering.paragraphs(given.reason),
    }
    return _letter(kind, given.appeal, given.subject, language, values, given, actor)


def must_remove_letter(given: MustRemove, actor: str) -> Letter:
    """Tell the account holder what to remove. The body holds `LINK`."""
    if not given.items or not given.clauses:
        raise NothingToState("What must be removed, and under which clause, has to be named.")
    language = language_of(given.language)
    values = {**_common(given, language), "link": LINK}
    return _letter(Letter.Kind.MUST_REMOVE, given.decision, given.subject, language, values, given, actor)


def reversal_letter(given: Reversal, actor: str) -> Letter:
    """Tell the account holder what was taken back and confirmed, and what could not be."""
    if not given.done and not given.impossible:
        raise NothingToState("Nothing was reversed and nothing could not be: there is nothing to tell.")
    language = language_of(given.language)
    values = {
        **_common(given, language),
        "done": [phrase(language, "reversed", one.code) for one in given.done],
        "impossible": [phrase(language, "impossible", code) for code in given.impossible],
    }
    return _letter(Letter.Kind.REVERSAL, given.appeal, given.subject, language, values, given, actor)


def letter_to_ncmec(given: NcmecCorrection, actor: str) -> Letter:
    """Draft, for a custodian to check and send, what NCMEC must know of a report filed in error. In English."""
    if not given.changed or not given.report_id:
        raise NothingToState("The letter needs NCMEC's report id and what changed.")
    values = {
        "report_id": rendering.one_line(given.report_id, "en"),
        "company": rendering.one_line(given.company, "en"),
        "filed_at": _moment(given.filed_at, "en"),
        "changed_on": _day(given.changed_on, "en"),
        "changed": [phrase("en", "changed", code) for code in given.changed],
        "test": given.test,
    }
    return _letter(Letter.Kind.NCMEC_CORRECTION, given.filing, "", "en", values, given, actor)


def removal_answer(given: RemovalAnswer, actor: str) -> Letter:
    """Tell whoever asked for a removal how it stands. Raises UnknownCode; NothingToState for a bare refusal."""
    if given.outcome == "refused" and not (given.reason and given.words.strip()):
        raise NothingToState("A refused request needs its reason, in words that the notifier can read.")
    language = language_of(given.language)
    values = {
        "company": rendering.one_line(given.company, language),
        "received_on": _day(given.received_on, language),
        "outcome": phrase(language, "removal", given.outcome),
        "next": phrase(language, "removal_next", given.outcome),
        "reason": phrase(language, "removal_reason", given.reason) if given.reason else "",
        "missing": [phrase(language, "removal_missing", code) for code in given.missing],
        "words": rendering.paragraphs(given.words),
        "link": LINK,
    }
    return _letter(Letter.Kind.REMOVAL_ANSWER, given.ref, "", language, values, given, actor)


def removal_holder_letter(given: RemovalHolder, actor: str) -> Letter:
    """Tell whoever posted it what was taken away on a request, and how to object. The body holds `LINK`."""
    if not given.items:
        raise NothingToState("What was taken away has to be named.")
    language = language_of(given.language)
    values = {**_common(given, language), "removed_on": _day(given.removed_on, language), "link": LINK}
    return _letter(Letter.Kind.REMOVAL_HOLDER, given.ref, "", language, values, given, actor)


def objection_answer(given: ObjectionAnswer, actor: str) -> Letter:
    """Tell whoever posted it how the objection ended. A refusal needs a reason: NothingToState."""
    if not given.granted and not given.reason.strip():
        raise NothingToState("A refused objection needs the reason in words that the account holder can read.")
    language = language_of(given.language)
    values = {**_common(given, language), "granted": given.granted, "reason": rendering.paragraphs(given.reason)}
    return _letter(Letter.Kind.OBJECTION_ANSWER, given.ref, "", language, values, given, actor)


def letter_token(letter: Letter) -> str:
    """What opens this letter without an account."""
    return tokens.make(letter.pk, "letter")


def letter_by_token(token: str) -> Letter:
    """The letter of a token. Raises UnknownToken."""
    found = tokens.read(token, "letter")
    row = Letter.objects.filter(pk=found).first() if found else None
    if row is None:
        raise UnknownToken("No letter belongs to this address. Copy the whole address from the message.")
    return row


def mark_letter_sent(letter_id: uuid.UUID | str, channel: str, actor: str) -> Letter:
    """The letter reached its reader by `channel`."""
    row = Letter.objects.get(pk=letter_id)
    changes = {"sent_at": timezone.now()} if row.sent_at is None else {}
    return LETTER.move(row, "send", actor=actor, changes=changes, channel=channel)


def _check(given: StatementInput) -> None:
    if not given.measures or not given.clauses:
        raise NothingToState("A statement of reasons needs at least one measure and one clause.")
    if given.source not in SOURCES:
        raise UnknownCode(f"Source {given.source!r} is not known; there are: {', '.join(SOURCES)}.")
    if given.must_remove and not given.items:
        raise NothingToState("What must be removed has to be named.")
    least = _six_months_after(datetime.combine(given.decided_on, datetime.min.time(), UTC))
    if given.appeal_until < least:
        raise WindowTooShort(f"The appeal must be open until {least:%Y-%m-%d} at least; it was {given.appeal_until}.")


def _statement_values(given: StatementInput, language: str) -> dict[str, Any]:
    return {
        **_common(given, language),
        "decided_on": _day(given.decided_on, language),
        "measures": [phrase(language, "measure", one.code, days=one.days) for one in given.measures],
        "source": phrase(language, "source", given.source),
        "automated_detection": _yes_no(given.automated_detection, language),
        "automated_decision": _yes_no(given.automated_decision, language),
        "must_remove": given.must_remove,
        "sentences": given.sentences,
        "whatever_intent": given.whatever_intent,
        "appeal_until": _moment(given.appeal_until, language),
        "link": LINK,
    }


def _common(given: Any, language: str) -> dict[str, Any]:
    """What every letter to an account holder may name, made safe for one line each."""
    return {
        "host": rendering.one_line(given.host_name, language),
        "account": rendering.one_line(given.account_handle, language),
        "items": [_item(one, language) for one in getattr(given, "items", ())],
        "clauses": [
            {"id": rendering.apart(one.id, language), "text": rendering.one_line(one.text, "en")}
            for one in getattr(given, "clauses", ())
        ],
        "policy_version": rendering.apart(getattr(given, "policy_version", ""), language),
    }


def _item(one: ItemName, language: str) -> str:
    name = rendering.one_line(one.id, language)
    if one.date is None:
        return phrase(language, "word", "item_undated", id=name)
    return phrase(language, "word", "item", date=_day(one.date, language), id=name)


def _letter(
    kind: Letter.Kind, ref: str, subject: str, language: str, values: dict[str, Any], given: msgspec.Struct, actor: str
) -> Letter:
    title, body = rendering.write(kind.value, language, values)
    row, made = Letter.objects.get_or_create(
        kind=kind,
        ref=ref,
        defaults={
            "subject": subject,
            "language": language,
            "fields": rendering.storable(msgspec.to_builtins(given)),
            "title": title,
            "body": body,
            "made_at": timezone.now(),
        },
    )
    if made:
        audit.record("letter.drafted", actor=actor, about=row, kind=kind.value, ref=ref)
    return row


def _day(day: date, language: str) -> str:
    return rendering.apart(day.isoformat(), language)


def _moment(moment: datetime, language: str) -> str:
    return rendering.apart(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC", language)


def _yes_no(value: bool, language: str) -> str:
    return phrase(language, "word", "yes" if value else "no")


def _six_months_after(moment: datetime) -> datetime:
    """The same day and time six months later; the month's last day where there is no such day."""
    year, month = moment.year + (moment.month + 5) // 12, (moment.month + 5) % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
