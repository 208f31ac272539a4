"""A computed outcome in words: clauses with their texts, exceptions, sanctions, duties, and the reasons.

Takes the outcome as a decision keeps it (plain data), or as the policy has just computed it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from safehold import policy
from safehold.console import questions
from safehold.policy import Outcome, Pack


def in_words(pack: Pack, outcome: Outcome | Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of an outcome, in the reader's language."""
    plain: Mapping[str, Any] = msgspec.to_builtins(outcome) if isinstance(outcome, policy.Outcome) else outcome
    return {
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
        "because": list(plain.get("because", [])),
        "unused": list(plain.get("unused", [])),
    }


def _clause(pack: Pack, clause_id: str) -> dict[str, str]:
    return {
        "id": clause_id,
        "title": questions.text(pack, clause_id),
        "text": questions.text(pack, clause_id, "text"),
    }
