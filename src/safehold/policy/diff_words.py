"""A comparison of two versions in words and as plain data. Pure. Others call `tell` and `difference_json`.

`tell` has sentences of its own in English and Simplified Chinese; titles and answers are the packs' own
words. Counts are exact, shares are of all answer sets that both versions of a class can be asked.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from safehold.policy.diff import Changed, ClassDifference, Difference, Group
from safehold.policy.diff_phrases import PHRASES, Phrases
from safehold.policy.pack import Pack
from safehold.policy.written import PartChange, Setting

SHOWN = 12  # groups told one by one; the rest is folded into a line
_LONG = 4  # more answers than this are told by those that are missing, where these are fewer


def tell(difference: Difference, language: str = "en", *, shown: int = SHOWN) -> str:
    """The comparison as plain text with Markdown headings; `shown` groups of a class are told one by one.

    Languages without sentences of their own are told in English, with the pack's words where it has them.
    """
    return "\n".join(_Telling(difference, language, shown).lines()).rstrip() + "\n"


def difference_json(difference: Difference) -> dict[str, Any]:
    """The comparison as plain data: every part, every group, every count."""
    return {
        "policy": difference.after.policy,
        "before": difference.before.version,
        "after": difference.after.version,
        "removed": list(difference.removed),
        "added": list(difference.added),
        "classes": [
            {
                "class": one.class_id,
                "parts": [msgspec.to_builtins(part) for part in one.parts],
                "answer_sets": one.sets,
                "left_out": one.left_out,
                "same": one.sets - one.other_outcome - one.other_reasons,
                "other_reasons": one.other_reasons,
                "other_outcome": one.other_outcome,
                "groups": [_group_json(group, one.sets) for group in one.groups],
            }
            for one in difference.classes
        ],
    }


def _group_json(group: Group, sets: int) -> dict[str, Any]:
    always: dict[str, list[str]] = {}
    for question, answer in group.facts.always:
        always.setdefault(question, []).append(answer)
    return {
        "before": group.before,
        "after": group.after,
        "answer_sets": group.sets,
        "share": group.sets / sets,
        "changes": [
            {
                "kind": change.kind,
                "id": change.id,
                "change": "gained" if change.gained else "lost",
                **({"before": change.before} if change.kind == "report" else {}),
                "answer_sets": change.sets,
            }
            for change in group.changes
        ],
        "always": always,
        "only": {question: list(answers) for question, answers in group.facts.only},
        "history": [
            {"counter": counter, "number": number, "at_least": at_least}
            for counter, number, at_least in group.facts.history
        ],
        "example": {"answers": group.example, "history": group.history},
    }


class _Telling:
    """One comparison in one language."""

    def __init__(self, difference: Difference, language: str, shown: int) -> None:
        self.all, self.language, self.shown = difference, language, shown
        self.words: Phrases = PHRASES.get(language, PHRASES["en"])
        self.before, self.after = difference.before, difference.after

    def lines(self) -> Iterator[str]:
        yield f"# {self.words['head'].format(before=self.before.version, after=self.after.version)}"
        yield ""
        for name in self.all.added:
            yield f"- {self.words['class_added'].format(name=self._named(self.after, name))}"
        for name in self.all.removed:
            yield f"- {self.words['class_removed'].format(name=self._named(self.before, name))}"
        for one in self.all.classes:
            yield from ("", f"## {self._text(self.after, one.class_id)} (`{one.class_id}`)", "")
            yield from self._class(one)

    def _class(self, one: ClassDifference) -> Iterator[str]:
        yield from (f"### {self.words['written']}", "")
        parts = list(self._parts(one))
        yield from parts or [self.words["nothing_written"]]
        yield from ("", f"### {self.words['decided']}", "")
        total = one.sets
        yield self.words["sets"].format(
            sets=f"{total:,}",
            other=f"{one.other_outcome:,}",
            other_share=_share(one.other_outcome, total),
            reasons=f"{one.other_reasons:,}",
            reasons_share=_share(one.other_reasons, total),
            same=f"{total - one.other_outcome - one.other_reasons:,}",
        )
        if one.left_out:
            yield self.words["left_out"].format(sets=f"{one.left_out:,}")
        for heading, same in (("other_outcome", False), ("other_reasons", True)):
            groups = [group for group in one.groups if group.same_outcome == same]
            if groups:
                yield from ("", f"#### {self.words[heading]}")
                yield from self._groups(one, groups)

    # --- what is written ----------------------------------------------------------------------------

    def _parts(self, one: ClassDifference) -> Iterator[str]:
        quiet: dict[tuple[str, str], list[str]] = {}
        for part in one.parts:
            if part.kind in ("fact", "rule", "report_rule", "addition") and not _spoken(part):
                quiet.setdefault((part.kind, part.how), []).append(part.id)
                continue
            yield f"- {self._part(one.class_id, part)}"
        for (kind, how), names in quiet.items():
            listed = self.words["comma"].join(f"`{name}`" for name in names)
            yield f"- {self.words[f'{kind}s_{how}'].format(names=listed)}"

    def _part(self, class_id: str, part: PartChange) -> str:
        pack = self.before if part.how == "removed" else self.after
        text_id = f"{class_id}.{part.id}" if part.kind in ("question", "answer") else part.id
        said = self._text(pack, text_id) if part.kind not in ("fact", "addition") else ""
        name = self.words["named"].format(id=part.id, words=said) if said else f"`{part.id}`"
        head = self.words[part.how].format(kind=self.words[part.kind], name=name)
        if part.how != "changed":
            return head
        told = [self._setting(setting) for setting in part.settings]
        return head + self.words["colon"] + self.words["semicolon"].join(told) + self.words["stop"]

    def _setting(self, setting: Setting) -> str:
        name = self.words.get(f"setting_{setting.name}", setting.name)
        if setting.name == "when":
            return name
        before, after = setting.before, setting.after
        if isinstance(before, dict):
            code = self.language if self.language in before else next(iter(before))
            before, after = (self.words["quoted"].format(words=texts[code]) for texts in (before, after))
        else:
            before, after = self._value(before), self._value(after)
        return self.words["from_to"].format(name=name, before=before, after=after)

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return self.words["yes"] if value else self.words["no"]
        if isinstance(value, list):
            return self.words["comma"].join(str(entry) for entry in value) or self.words["none"]
        return str(value) or self.words["none"]

    # --- what is decided ----------------------------------------------------------------------------

    def _groups(self, one: ClassDifference, groups: list[Group]) -> Iterator[str]:
        for number, group in enumerate(groups[: self.shown], 1):
            yield ""
            yield f"{number}. {self._pair(group)}{self.words['colon']}{self._counted(group.sets, one.sets)}"
            for line in self._group(one.class_id, group):
                yield f"   - {line}"
        rest = groups[self.shown :]
        if rest:
            pairs = [f"{self._codes(group)} {group.sets:,}" for group in rest]
            yield from (
                "",
                self.words["folded"].format(
                    groups=len(rest),
                    sets=f"{sum(group.sets for group in rest):,}",
                    pairs=self.words["semicolon"].join(pairs),
                ),
            )

    def _pair(self, group: Group) -> str:
        before = self.words["named"].format(id=group.before, words=self._text(self.before, group.before))
        if group.before == group.after:
            return before
        return f"{before} → {self.words['named'].format(id=group.after, words=self._text(self.after, group.after))}"

    @staticmethod
    def _codes(group: Group) -> str:
        return f"`{group.before}`" + ("" if group.before == group.after else f" → `{group.after}`")

    def _counted(self, sets: int, total: int) -> str:
        return self.words["counted"].format(sets=f"{sets:,}", share=_share(sets, total))

    def _group(self, class_id: str, group: Group) -> Iterator[str]:
        for kind, gained in (
            ("clause", True), ("clause", False), ("report", True), ("addition", True), ("addition", False),
        ):  # fmt: skip
            rows = [change for change in group.changes if (change.kind, change.gained) == (kind, gained)]
            if rows:
                told = self.words["comma"].join(self._change(change, group.sets) for change in rows)
                yield self.words[f"{kind}_{'gained' if gained else 'lost'}"].format(list=told)
        yield from self._facts(class_id, group)
        yield self.words["example"].format(answers=self._example(group))

    def _change(self, change: Changed, sets: int) -> str:
        name = f"{change.before} → {change.id}" if change.kind == "report" else change.id
        where = self.words["in_all"] if change.sets == sets else f"{change.sets:,}"
        return self.words["in"].format(name=name, where=where)

    def _facts(self, class_id: str, group: Group) -> Iterator[str]:
        always: dict[str, list[str]] = {}
        for question, answer in group.facts.always:
            always.setdefault(question, []).append(answer)
        told = [self._equal(class_id, question, answers) for question, answers in always.items()]
        told += [
            self.words["at_least" if at_least else "fewer"].format(
                counter=self.words[f"counter_{counter}"], number=number
            )
            for counter, number, at_least in group.facts.history
        ]
        if told:
            yield self.words["always"].format(list=self.words["semicolon"].join(told))
        only, never = [], []
        for question, answers in group.facts.only:
            missing = self._missing(class_id, question, answers)
            if len(missing) < len(answers) and len(answers) > _LONG:
                never.append(self._equal(class_id, question, missing))
            else:
                only.append(self._equal(class_id, question, list(answers)))
        for key, list_ in (("only", only), ("never", never)):
            if list_:
                yield self.words[key].format(list=self.words["semicolon"].join(list_))

    def _missing(self, class_id: str, question: str, answers: tuple[str, ...]) -> list[str]:
        known = dict.fromkeys(
            answer
            for pack in (self.before, self.after)
            for one in pack.classes[class_id].questions
            if one.id == question
            for answer in one.answer_ids
        )
        return [answer for answer in known if answer not in answers]

    def _equal(self, class_id: str, question: str, answers: list[str]) -> str:
        said = [
            self.words["quoted"].format(words=self._answer(class_id, question, answer).rstrip(".。"))
            for answer in answers
        ]
        return self.words["equal"].format(question=question, answers=self.words["comma"].join(said))

    def _answer(self, class_id: str, question: str, answer: str) -> str:
        text_id = f"{class_id}.{question}.{answer}"
        pack = self.after if self.after.has_text(self._known(self.after), text_id) else self.before
        return self._text(pack, text_id)

    def _example(self, group: Group) -> str:
        given = [
            f"`{question}={word}`"
            for question, value in group.example.items()
            for word in ([value] if isinstance(value, str) else value)
        ]
        return ", ".join(given + [f"`history.{counter}={number}`" for counter, number in group.history.items()])

    def _named(self, pack: Pack, text_id: str) -> str:
        return self.words["named"].format(id=text_id, words=self._text(pack, text_id))

    def _text(self, pack: Pack, text_id: str) -> str:
        """The pack's words, or the id where an incomplete pack has none."""
        try:
            return pack.text(self._known(pack), text_id)
        except KeyError:
            return text_id

    def _known(self, pack: Pack) -> str:
        return self.language if self.language in pack.languages else "en"


def _spoken(part: PartChange) -> bool:
    """Whether a rule's change is more than another condition: it leads elsewhere, or says something else."""
    return any(setting.name != "when" for setting in part.settings)


def _share(sets: int, total: int) -> str:
    """A share that never rounds to nothing or to all."""
    percent = 100 * sets / total
    if sets == 0:
        return "0 %"
    if percent < 0.01:
        return "< 0.01 %"
    if sets < total and percent > 99.99:
        return "> 99.99 %"
    return f"{percent:.3g} %"
