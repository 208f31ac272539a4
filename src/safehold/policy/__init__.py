"""The policy as data: loading, asking, deciding, checking, publishing. Pure: no database, network or clock.

Others may call:

    load(policy, version) -> Pack            a version that comes with Safehold (cached); raises PolicyError
    load_folder(folder) -> Pack              a pack of one's own
    use_folder(folder)                       take the operator's packs from there as well; for the app alone
    installed() -> [(policy, version)]       everything that can be loaded
    base_of(pack) -> Pack | None             the version that a pack extends
    next_question(pack, class, answers)      the first open mandatory question, or None
    questions(pack, class, answers)          the path so far, in order
    decide(pack, class, answers, history)    the Outcome; raises Incomplete, BadAnswer
    if_refused(pack, class, answers, history)  what follows when the second person disagrees, or None
    choices(pack, class, answers, history)   the outcomes that an override may choose instead
    override(pack, class, answers, history, outcome_id)  the one chosen; raises BadAnswer
    direction(computed, chosen)              "stricter", "milder" or "other"
    stricter(a, b)                           of two classes' outcomes (readings A31)
    text(pack, language, id, part="")        the words of any id
    explain(pack, language, class, outcome)  the reasons as sentences
    check(pack, base) -> list[Problem]       proofs over every possible set of answers
    totals(pack)                             how many answer sets lead to each outcome
    document(pack, language) -> str          the whole version as Markdown
    compare(a, b, class) -> Difference       what changed between versions, for which answer sets
    tell(difference, language), difference_json(difference)   in words, and as plain data
    grid(pack, class, rows, columns, history) -> Grid   how many answer sets lead where, by two questions
    prompt(pack, class, model) -> str        a class as the instruction for a safety model
    decide_json(dict) -> dict, show_json(pack) -> dict   for the command line
"""

from safehold.policy.check import check, totals
from safehold.policy.cli import decide_json, show_json
from safehold.policy.diff import Difference, compare
from safehold.policy.diff_words import difference_json, tell
from safehold.policy.document import document, explain
from safehold.policy.engine import BadAnswer, Incomplete, decide, if_refused, next_question, questions, stricter
from safehold.policy.grid import Grid, grid
from safehold.policy.loader import base_of, installed, load, load_folder, use_folder
from safehold.policy.override import choices, direction, override
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
from safehold.policy.prompt import prompt
from safehold.policy.proofs import Problem
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
    "Difference",
    "Grid",
    "History",
    "Incomplete",
    "Outcome",
    "Pack",
    "PolicyError",
    "Problem",
    "Question",
    "Sanction",
    "base_of",
    "check",
    "choices",
    "compare",
    "decide",
    "decide_json",
    "difference_json",
    "direction",
    "document",
    "explain",
    "grid",
    "if_refused",
    "installed",
    "load",
    "load_folder",
    "next_question",
    "override",
    "prompt",
    "questions",
    "show_json",
    "stricter",
    "tell",
    "text",
    "totals",
    "use_folder",
]
