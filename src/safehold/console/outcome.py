"""A computed outcome in words: clauses with their texts, exceptions, sanctions, duties, and the reasons.

Takes the outcome as a decision keeps it (plain data), or as the policy has just computed it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from safehold import policy
from safehold.console import labels, questions
from safehold.policy import Outcome, Pack


def in_words(pack: Pack, class_id: str, outcome: Outcome | Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of an outcome, in the reader's language."""
    plain: Mapping[str, Any] = msgspec.to_builtins(outcome) if isinstance(outcome, policy.Outcome) else outcome
    return {
        "id": plain["outcome_id"],
        "words": questions.text(pack, plain["outcome_id"]),
        "violation": plain["violation"],
        "undecided": plain.get("undecided", False),
        "clauses": [_clause(pack, clause) for clause in plain["clauses"]],
        "exceptions": [_clause(pack, exception) for exception in plain["exceptions"]],
        "sanctions": [
            {"code": s["code"], "days": s.get("days"), "words": questions.text(pack, s["code"])}
            for s in plain["sanctions"]
        ],
        "actions": [questions.text(pack, code) for code in plain["actions"]],
        "duties": list(plain["duties"]),
        "second_person": plain["second_person"],
        "meanwhile": [questions.text(pack, code) for code in plain.get("meanwhile", [])],
        "strike": plain.get("strike", False),
        "because": _reasons(pack, class_id, msgspec.convert(plain, policy.Outcome)),
        "unused": list(plain.get("unused", [])),
    }


def _clause(pack: Pack, clause_id: str) -> dict[str, str]:
    return {
        "id": clause_id,
        "title": questions.text(pack, clause_id),
        "text": questions.text(pack, clause_id, "text"),
    }


def _reasons(pack: Pack, class_id: str, outcome: Outcome) -> list[dict[str, Any]]:
    """Each step of the reasoning as a sentence, with its id and the ids that made it hold beside it."""
    said = policy.explain(pack, questions.language_of(pack), class_id, outcome)
    return [
        {"words": words, "id": step.id, "why": list(step.why)}
        for words, step in zip(said, outcome.because, strict=True)
    ]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Where two outcomes `in_words` part: {"what", "before", "after"}, each a list of words, for those that differ."""
    parts = [
        {"what": what, "before": _listed(before, name), "after": _listed(after, name)}
        for what, name in (
            (_("For the account"), "sanctions"), (_("For the items"), "actions"), (_("Duties"), "duties"),
            (_("Counts as a violation of this person"), "strike"),
        )
    ]  # fmt: skip
    return [part for part in parts if part["before"] != part["after"]]


def _listed(outcome: dict[str, Any], name: str) -> list[Any]:
    value = outcome[name]
    if name == "sanctions":
        return [f"{row['words']} ({_days(row['days'])})" if row["days"] else row["words"] for row in value]
    if name == "duties":
        return [labels.DUTY.get(code, code) for code in value]
    return [_("yes") if value else _("no")] if name == "strike" else value


def _days(number: int) -> str:
    return ngettext("%(n)d day", "%(n)d days", number) % {"n": number}
