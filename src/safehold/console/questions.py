"""The policy's questions as screens, one at a time: for an assessment and for whoever answers an appeal.

Pure but for words: it reads a pack and the answers so far, and says which question comes next, which
came before, and what a posted form answers. Whether answers decide anything, `policy` says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from safehold import policy
from safehold.policy import Pack, Question

Answers = dict[str, Any]


class AnswerError(ValueError):
    """What was posted is no answer to the question; the text says what to do."""


@dataclass(frozen=True)
class Choice:
    """One possible answer with its words."""

    id: str
    words: str
    chosen: bool
    number: int


@dataclass(frozen=True)
class Step:
    """A question of the path so far, beside the one that is shown."""

    words: str
    answers: list[str]  # in words; none = still open, or left open
    current: bool
    address: str


@dataclass(frozen=True)
class Screen:
    """One question as it is shown."""

    question: Question
    words: str
    help: str
    choices: list[Choice]
    text: str
    position: int
    known: int  # questions on the path so far; later answers may add some
    before: str  # id of the question before, "" for the first

    @property
    def optional(self) -> bool:
        """Whether the question may be left open."""
        return not self.question.mandatory


def language_of(pack: Pack) -> str:
    """The reader's language where the pack has it, else English."""
    wanted = (get_language() or "en").lower()
    return wanted if wanted in pack.languages else "en"


def text(pack: Pack, text_id: str, part: str = "") -> str:
    """A text of the pack in the reader's language; "" where there is none (help is not written for everything)."""
    for language in (language_of(pack), "en"):
        try:
            return pack.text(language, text_id, part)
        except KeyError:
            continue
    return "" if part else text_id


def first_open(pack: Pack, class_id: str, answers: Answers) -> str:
    """Where a reviewer goes on: the next mandatory question, or "" when all have their answers."""
    question = policy.next_question(pack, class_id, answers)
    return question.id if question is not None else ""


def after(pack: Pack, class_id: str, answers: Answers, question_id: str) -> str:
    """The screen after `question_id`: the next open one on the path, else the first open mandatory one, else ""."""
    path = policy.questions(pack, class_id, answers)
    at = next((n for n, question in enumerate(path) if question.id == question_id), -1)
    for question in path[at + 1 :]:
        if question.id not in answers:
            return question.id
    return first_open(pack, class_id, answers)


def screen(pack: Pack, class_id: str, answers: Answers, question_id: str) -> Screen | None:
    """The screen of one question; None where it is not on the path of these answers."""
    path = policy.questions(pack, class_id, answers)
    at = next((n for n, question in enumerate(path) if question.id == question_id), None)
    if at is None:
        return None
    question = path[at]
    given = answers.get(question.id, "")
    chosen = {given} if isinstance(given, str) else set(given)
    return Screen(
        question=question,
        words=text(pack, question.text_id),
        help=text(pack, question.text_id, "help"),
        choices=[
            Choice(answer.id, answer_text(pack, question, answer.id), answer.id in chosen, number)
            for number, answer in enumerate(question.answers, start=1)
        ],
        text=given if question.kind == "text" and isinstance(given, str) else "",
        position=at + 1,
        known=len(path),
        before=path[at - 1].id if at else "",
    )


def answer_text(pack: Pack, question: Question, answer_id: str) -> str:
    """An answer's words."""
    return text(pack, f"{question.text_id}.{answer_id}")


def read(pack: Pack, class_id: str, answers: Answers, question: Question, posted: QueryDict) -> Answers:
    """The answers with what was posted for `question`, without those that are no longer on the path.

    Raises AnswerError.
    """
    values = [value for value in posted.getlist("answer") if value.strip()]
    if question.kind == "text":
        values = [value.strip() for value in values[:1]]
    elif unknown := set(values) - set(question.answer_ids):
        raise AnswerError(_("“%(answer)s” is not one of the answers.") % {"answer": min(unknown)})
    if not values and question.mandatory:
        raise AnswerError(
            _("Choose an answer to go on.") if question.kind != "text" else _("Write an answer to go on.")
        )
    if len(values) > 1 and question.kind == "one":
        raise AnswerError(_("Choose one answer."))
    lonely = {answer.id for answer in question.answers if answer.alone} & set(values)
    if lonely and len(values) > 1:
        words = answer_text(pack, question, min(lonely))
        raise AnswerError(_("“%(answer)s” cannot stand beside other answers.") % {"answer": words})
    given: Any = list(values) if question.kind == "many" else "".join(values)
    changed = {key: value for key, value in answers.items() if key != question.id}
    if values:
        changed[question.id] = given
    try:
        on_path = {q.id for q in policy.questions(pack, class_id, changed)}
    except policy.BadAnswer as problem:
        raise AnswerError(str(problem)) from None
    return {key: value for key, value in changed.items() if key in on_path}


def answered(pack: Pack, class_id: str, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The path with its answers in words, for reading back."""
    rows = []
    for question in policy.questions(pack, class_id, dict(answers)):
        given = answers.get(question.id)
        values = [given] if isinstance(given, str) else list(given or [])
        words = values if question.kind == "text" else [answer_text(pack, question, value) for value in values]
        rows.append({"question": question, "words": text(pack, question.text_id), "answers": words})
    return rows


def steps(pack: Pack, class_id: str, answers: Answers, current: str, address: Callable[[str], str]) -> list[Step]:
    """The whole path so far in order. It ends at the first open question: later ones depend on its answer."""
    return [
        Step(row["words"], row["answers"], row["question"].id == current, address(row["question"].id))
        for row in answered(pack, class_id, answers)
    ]
