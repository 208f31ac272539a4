"""What `safehold policy decide FILE --json` and `policy show --json` print, as pure functions.

The shapes are a contract (docs/policy-packs.md): other programs send and read them.
"""

from typing import Any

import msgspec

from safehold.policy.conditions import ALWAYS
from safehold.policy.engine import BadAnswer, decide
from safehold.policy.loader import load
from safehold.policy.pack import INCIDENT_TYPES, Class, Clause, History, Pack, Question

_IN = ("policy", "version", "class", "answers", "history")


def decide_json(request: dict[str, Any]) -> dict[str, Any]:
    """`{policy, version, class, answers, history}` in; the decision out, every list in the order of the pack.

    Raises BadAnswer for a malformed request, Incomplete for open questions, PolicyError for an unknown version.
    """
    if not isinstance(request, dict):
        raise BadAnswer("The request must be a JSON object.")
    for key in request:
        if key not in _IN:
            raise BadAnswer(f"The request has no field {key!r}; it has {', '.join(_IN)}.")
    for key in ("policy", "version", "class"):
        if not isinstance(request.get(key), str):
            raise BadAnswer(f"The request needs {key!r}, a text.")
    answers = request.get("answers")
    if not isinstance(answers, dict):
        raise BadAnswer("The request needs 'answers', an object of question ids and answers.")
    try:
        history = msgspec.convert(request.get("history", {}), _History, strict=True)
    except msgspec.ValidationError as error:
        raise BadAnswer(
            f"'history' cannot be used: {error}. It has strikes, same_class_12_months, protective."
        ) from None
    pack = load(request["policy"], request["version"])
    outcome = decide(pack, request["class"], answers, History(**msgspec.structs.asdict(history)))
    return {
        "violation": outcome.violation,
        "clauses": list(outcome.clauses),
        "exceptions": list(outcome.exceptions),
        "sanctions": [{"code": s.code, "days": s.days} for s in outcome.sanctions],
        "actions": list(outcome.actions),
        "duties": list(outcome.duties),
        "second_person": outcome.second_person,
        "because": [{"kind": b.kind, "id": b.id, "why": list(b.why)} for b in outcome.because],
    }


class _History(msgspec.Struct, forbid_unknown_fields=True):
    strikes: int = 0
    same_class_12_months: int = 0
    protective: int = 0


def show_json(pack: Pack) -> dict[str, Any]:
    """Every class with its questions, answers, clauses and exceptions, with the texts of each language."""
    return {
        "policy": pack.policy,
        "version": pack.version,
        "effective": pack.effective,
        "title": _texts(pack, "title"),
        "extends": pack.extends,
        "minor_age": pack.minor_age,
        "glossary": {
            language: [{"id": t.id, "word": t.word, "also": list(t.also), "text": t.text} for t in terms]
            for language, terms in pack.glossary.languages.items()
        },
        "documents": [
            {
                "id": one.id,
                "title": _texts(pack, one.text_id),
                "language": one.language,
                "dated": one.dated,
                "complete": one.complete,
                "sha256": one.sha256,
                "lacks_rows": list(one.lacks_rows),
            }
            for one in pack.documents
        ],
        "rows": list(pack.rows),
        "languages": [{"id": x.id, "name": x.name, "complete": x.complete} for x in pack.languages.values()],
        "sources": dict(pack.sources),
        "classes": [_class(pack, cls) for cls in pack.classes.values()],
    }


def _texts(pack: Pack, text_id: str, part: str = "") -> dict[str, str]:
    return {language: pack.text(language, text_id, part) for language in pack.languages}


def _class(pack: Pack, cls: Class) -> dict[str, Any]:
    return {
        "id": cls.id,
        "title": _texts(pack, cls.id),
        "priority": cls.priority,
        "strikes": {"suspend": cls.strikes.suspend, "expire_days": cls.strikes.expire_days},
        "ladder": list(cls.ladder),
        "notices": {name: _texts(pack, f"{cls.id}.{name}") for name in cls.notices},
        "questions": [_question(pack, question) for question in cls.questions],
        "clauses": [_clause(pack, clause) for clause in cls.clauses.values()],
        "exceptions": [
            {
                "id": x.id,
                "title": _texts(pack, x.id),
                "text": _texts(pack, x.id, "text"),
                "clears": list(x.clears),
                "serves": list(x.serves),
            }
            for x in cls.exceptions.values()
        ],
        "outcomes": [
            {
                "id": x.id,
                "text": _texts(pack, x.id),
                "result": x.result,
                "sanctions": [{"code": s.code, "days": s.days} for s in x.sanctions],
                "actions": list(x.actions),
                "duties": list(x.duties),
                "second_person": x.second_person,
            }
            for x in cls.outcomes.values()
        ],
    }


def _question(pack: Pack, question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "kind": question.kind,
        "needs": question.needs,
        "always_asked": question.when == ALWAYS,
        "text": _texts(pack, question.text_id),
        "help": _texts(pack, question.text_id, "help"),
        "answers": [
            {"id": a.id, "alone": a.alone, "text": _texts(pack, f"{question.text_id}.{a.id}")} for a in question.answers
        ],
        "serves": list(question.serves),
    }


def _clause(pack: Pack, clause: Clause) -> dict[str, Any]:
    return {
        "id": clause.id,
        "title": _texts(pack, clause.id),
        "text": _texts(pack, clause.id, "text"),
        "report": clause.report,
        "incident_type": clause.incident_type,
        "incident_type_name": INCIDENT_TYPES.get(clause.incident_type, ""),
        "lenient_path": clause.lenient,
        "sources": list(clause.sources),
        "serves": list(clause.serves),
    }
