"""A class of the policy as an instruction for a safety model, so that it sorts by the same clauses as people do. Pure.

Others call `prompt` and `ENGINES` through `safehold.policy`. The instruction has the four parts that
gpt-oss-safeguard expects (instruction, definitions, criteria with rule ids, output format), in English,
made of the pack's own words and without examples. What a model answers is never a decision: `decide`
computes from what a person found.

Length. Such a model follows an instruction best at 400 to 600 tokens, so a class with few clauses is told
with everything the pack says of it, a class with many with as much as fits, the shortest titles explained
first; every clause and exception is named in any case. Tokens are counted by `estimate`, without the
model's vocabulary. It was calibrated with the real one (o200k, which gpt-oss extends) on every class of
both versions that come with Safehold (real tokens, then estimated): 2020-10 cse 580, 598; 2024-05 cse 580,
594; physical-abuse 555, 600; altercation 553, 600. That is 2 to 9 % more than the vocabulary, never fewer.
So `LEAST` and `MOST`, in estimated tokens, keep real ones between 400 and 600.
"""

import math
import re
from collections.abc import Iterable, Iterator

from safehold.policy.pack import Class, Pack

ENGINES = ("gpt-oss-safeguard",)
LEAST, MOST = 450, 600  # estimated tokens
_WORD = 9  # letters of a word that one token holds at least, in ordinary English
_MARGIN = 40  # one more for every so many, for words that are rarer than these


class UnknownEngine(ValueError):
    """No instruction is known for such a model; the message names those that are."""


class TooLong(ValueError):
    """Even the shortest instruction is longer than a model follows well: the class has too many clauses."""


def prompt(pack: Pack, class_id: str, engine: str = "gpt-oss-safeguard") -> str:
    """The instruction for one class. Raises UnknownEngine, TooLong, and KeyError for an unknown class."""
    if engine not in ENGINES:
        raise UnknownEngine(f"No instruction is known for {engine!r}; known are: {', '.join(ENGINES)}.")
    if class_id not in pack.classes:
        known = ", ".join(pack.classes)
        raise KeyError(f"Policy {pack.policy} {pack.version} has no class {class_id!r}; it has {known}.")
    cls = pack.classes[class_id]
    more: list[tuple[str, str]] = []
    text = _Instruction(pack, cls, more).text()
    if estimate(text) > MOST:
        raise TooLong(f"The instruction for {class_id!r} takes {estimate(text)} tokens at least; {MOST} are followed.")
    for part in _optional(pack, cls):
        longer = _Instruction(pack, cls, [*more, part]).text()
        if estimate(longer) <= MOST:
            more.append(part)
            text = longer
    return text


def estimate(text: str) -> int:
    """How many tokens a text takes at most: ordinary English words count once, long ones and signs more."""
    tokens = 0
    for piece in re.findall(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]|\n+", text):
        if piece[0].isascii() and piece[0].isalpha():
            tokens += math.ceil(len(piece) / _WORD)
        elif piece[0].isdigit():
            tokens += math.ceil(len(piece) / 3)
        else:
            tokens += 1
    return tokens + tokens // _MARGIN


def _optional(pack: Pack, cls: Class) -> Iterator[tuple[str, str]]:
    """What is told where there is room, the most useful first: (kind, id)."""
    yield from (("exception", exception.id) for exception in cls.exceptions.values())
    by_title = sorted(cls.clauses, key=lambda name: len(pack.text("en", name)))
    yield from (("clause", name) for name in by_title)
    yield from (("term", term.id) for term in pack.glossary.terms("en"))
    yield from (
        ("question", question.id)
        for question in cls.questions
        if question.decides_violation and question.kind != "text" and question.id != "role"
    )


class _Instruction:
    """One class with as much detail as was chosen."""

    def __init__(self, pack: Pack, cls: Class, more: list[tuple[str, str]]) -> None:
        self.pack, self.cls, self.more = pack, cls, set(more)

    def text(self) -> str:
        return "\n".join([*self._what(), *self._definitions(), *self._criteria(), *self._output()]) + "\n"

    def _what(self) -> Iterator[str]:
        yield "# Instruction"
        yield (
            f"Sort one piece of content or conduct under the class “{self._say(self.cls.id)}” of a child safety "
            f"policy, version {self.pack.version}. {self._say(self.cls.id, 'text')} Go by what is shown, said or "
            "done; a claimed purpose changes nothing. You only sort: a person decides."
        )
        yield ""

    def _definitions(self) -> Iterator[str]:
        yield "# Definitions"
        for term in self.pack.glossary.terms("en"):
            if ("term", term.id) in self.more or term.id == "minor":
                yield f"- {term.word}: {term.text}"
        for question in self.cls.questions:
            if ("question", question.id) in self.more:
                answers = "; ".join(self._say(f"{question.text_id}.{answer}") for answer in question.answer_ids)
                yield f"- {self._say(question.text_id)} {answers}."
        yield ""

    def _criteria(self) -> Iterator[str]:
        yield "# Criteria"
        yield "Violation (1) where one of these applies:"
        yield from self._rules("clause", self.cls.clauses)
        exceptions = [exception.id for exception in self.cls.exceptions.values() if not exception.off]
        if exceptions:
            yield "No violation (0) where one of these covers it and nothing above applies besides:"
            yield from self._rules("exception", exceptions)
        yield "Also 0 where nothing above applies, or where no minor is concerned."
        yield ""

    def _rules(self, kind: str, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            text = f": {self._say(name, 'text')}" if (kind, name) in self.more else ""
            yield f"- {name} {self._say(name)}{text}"

    def _output(self) -> Iterator[str]:
        yield "# Output format"
        yield "One JSON object and nothing else:"
        yield '{"violation": 0 or 1, "cannot_tell": true or false, "rule_ids": [], "rationale": ""}'
        yield (
            "rule_ids names every rule that applies. rationale is one neutral sentence that repeats nothing. Where the "
            "facts do not settle it, cannot_tell is true and violation the likelier value: a person looks."
        )

    def _say(self, text_id: str, part: str = "") -> str:
        return self.pack.text("en", text_id, part)
