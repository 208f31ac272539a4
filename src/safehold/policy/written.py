"""What is written differently in two versions of a class: parts added, removed and changed. For `diff` only.

Parts are matched by their ids. `serves` (which rows of the requirements a part carries) is not compared:
it changes nothing for anybody.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from safehold.policy.pack import Class, Pack, Sanction

# For each kind, the settings that count. A condition is compared, but its two forms are not shown.
_SETTINGS = {
    "question": ("kind", "needs", "decides_violation", "when"),
    "answer": ("alone",),
    "clause": ("report", "lenient", "incident_type", "annotations", "marks", "sources", "when"),
    "exception": ("clears", "off", "when"),
    "outcome": (
        "result", "sanctions", "actions", "duties", "second_person", "meanwhile", "if_refused", "strike", "filed_as",
    ),
    "rule": ("then", "when"),
    "report_rule": ("then", "when"),
    "fact": ("when",),
    "addition": ("when",),
}  # fmt: skip
_DERIVED = ("report_", "no_lenient")  # marks that follow from other settings


class Setting(Struct, frozen=True):
    """One setting of a part before and after, as plain data; None for a condition, which is not shown.

    For a text (`title`, `text`, `help`) both are {language: text}, the languages that changed only.
    """

    name: str
    before: Any
    after: Any


class PartChange(Struct, frozen=True):
    """One part: `how` is added, removed or changed. An answer's id is `question.answer`."""

    kind: str
    id: str
    how: str
    settings: tuple[Setting, ...] = ()


def written(a: Pack, b: Pack, class_id: str) -> Iterator[PartChange]:
    """Every part of the class that one version lacks or words or sets differently."""
    before, after = _parts(a.classes[class_id]), _parts(b.classes[class_id])
    own = tuple(_texts(a, b, "class", class_id))
    if own:
        yield PartChange("class", class_id, "changed", own)
    for kind, settings in _SETTINGS.items():
        old, new = before[kind], after[kind]
        for name in dict.fromkeys((*old, *new)):
            if kind == "answer" and not all(name.split(".")[0] in parts["question"] for parts in (before, after)):
                continue  # its question came or went, and it with it
            if name not in new or name not in old:
                yield PartChange(kind, name, "added" if name in new else "removed")
                continue
            changes = (*_settings(settings, old[name], new[name]), *_texts(a, b, kind, _text_id(kind, class_id, name)))
            if changes:
                yield PartChange(kind, name, "changed", changes)


def _parts(cls: Class) -> dict[str, Mapping[str, Any]]:
    return {
        "question": {question.id: question for question in cls.questions},
        "answer": {f"{q.id}.{answer.id}": answer for q in cls.questions for answer in q.answers},
        "clause": cls.clauses,
        "exception": cls.exceptions,
        "outcome": cls.outcomes,
        "rule": {rule.id: rule for rule in cls.rules},
        "report_rule": {rule.id: rule for rule in cls.reports},
        "fact": {name: _Fact(condition) for name, condition in cls.facts.items()},
        "addition": {_name_of(entry): entry for entry in cls.also},
    }


class _Fact(Struct, frozen=True):
    when: Any


def _name_of(entry: Any) -> str:
    """An addition has no id; what it adds stands for it."""
    codes = [_plain(code) for code in (*entry.sanctions, *entry.duties, *entry.annotations, *entry.file_annotations)]
    return ", ".join(str(code) for code in codes)


def _settings(names: tuple[str, ...], old: Any, new: Any) -> Iterator[Setting]:
    for name in names:
        before, after = getattr(old, name), getattr(new, name)
        if name == "marks":
            before, after = (tuple(m for m in marks if not m.startswith(_DERIVED)) for marks in (before, after))
        if before != after:
            shown = name != "when"
            yield Setting(name, _plain(before) if shown else None, _plain(after) if shown else None)


def _plain(value: Any) -> Any:
    if isinstance(value, Sanction):
        return value.code if value.days is None else f"{value.code} ({value.days})"
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _text_id(kind: str, class_id: str, name: str) -> str:
    """The id of a part's text; "" where it has none."""
    if kind in ("question", "answer"):
        return f"{class_id}.{name}"
    return "" if kind in ("fact", "addition") else name


def _texts(a: Pack, b: Pack, kind: str, text_id: str) -> Iterator[Setting]:
    """The texts of a part that changed, in languages that both versions have."""
    second = {"class": "text", "clause": "text", "exception": "text", "question": "help"}.get(kind)
    for part, name in (("", "title"), *(((second, second),) if second else ())):
        if not text_id:
            return
        pairs = {
            language: (_said(a, language, text_id, part), _said(b, language, text_id, part))
            for language in a.languages
            if language in b.languages
        }
        changed = {language: pair for language, pair in pairs.items() if pair[0] != pair[1]}
        if changed:
            yield Setting(
                name, {code: pair[0] for code, pair in changed.items()}, {c: pair[1] for c, pair in changed.items()}
            )


def _said(pack: Pack, language: str, text_id: str, part: str) -> str:
    """The text, or nothing where an incomplete language lacks it."""
    try:
        return pack.text(language, text_id, part)
    except KeyError:
        return ""
