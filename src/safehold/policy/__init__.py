"""The policy as data: loading, asking, deciding, checking, publishing. Pure: no database, network or clock.

Others may call:

    load(policy, version) -> Pack            a version that comes with Safehold (cached); raises PolicyError
    load_folder(folder) -> Pack              a pack of one's own
    next_question(pack, class, answers)      the first open mandatory question, or None
    questions(pack, class, answers)          the path so far, in order
    decide(pack, class, answers, history)    the Outcome; raises Incomplete, BadAnswer
    if_refused(pack, class, answers, history)  what follows when the second person disagrees, or None
    stricter(a, b)                           of two classes' outcomes (readings A31)
    text(pack, language, id, part="")        the words of any id
    explain(pack, language, class, outcome)  the reasons as sentences
    check(pack) -> list[Problem]             proofs over every possible set of answers
    document(pack, language) -> str          the whole version as Markdown
    decide_json(dict) -> dict, show_json(pack) -> dict   for the command line
"""

from safehold.policy.check import Problem, check
from safehold.policy.cli import decide_json, show_json
from safehold.policy.document import document, explain
from safehold.policy.engine import BadAnswer, Incomplete, decide, if_refused, next_question, questions, stricter
from safehold.policy.loader import load, load_folder
from safehold.policy.pack import (
    INCIDENT_TYPES,
    Answer,
    Because,
    Class,
    Clause,
    History,
    Outcome,
    Pack,
    Question,
    Sanction,
)
from safehold.policy.reading import PolicyError


def text(pack: Pack, language: str, text_id: str, part: str = "") -> str:
    """The words of an id in a language; see `Pack.text`."""
    return pack.text(language, text_id, part)


__all__ = [
    "INCIDENT_TYPES",
    "Answer",
    "BadAnswer",
    "Because",
    "Class",
    "Clause",
    "History",
    "Incomplete",
    "Outcome",
    "Pack",
    "PolicyError",
    "Problem",
    "Question",
    "Sanction",
    "check",
    "decide",
    "decide_json",
    "document",
    "explain",
    "if_refused",
    "load",
    "load_folder",
    "next_question",
    "questions",
    "show_json",
    "stricter",
    "text",
]
