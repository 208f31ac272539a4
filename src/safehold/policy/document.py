"""The whole version as Markdown for the public policy page, and an outcome's reasons as sentences."""

from collections.abc import Iterator

from safehold.policy.pack import ACTIONS, DUTIES, SANCTIONS, Because, Class, Outcome, Pack

# The few words of the frame itself; everything else is a text of the pack.
_FRAME = {
    "en": {
        "head": "Child safety policy, version {version}",
        "from": "In force from {date}. A minor is any person under {age}.",
        "clauses": "What is not allowed",
        "exceptions": "What is allowed",
        "questions": "What a reviewer finds out",
        "outcomes": "What follows",
        "sanctions": "Sanctions and actions",
        "duties": "Duties",
        "colon": ": ",
        "answer": "{question} {answer}",
        "history": "Earlier violations that count: {number}.",
        "cleared": "{clause} does not apply.",
        "override": "A senior reviewer chose otherwise: {outcome}",
    },
    "zh-hans": {
        "head": "儿童安全政策,{version} 版",
        "from": "自 {date} 起生效。未成年人指未满 {age} 周岁的人。",
        "clauses": "禁止的内容",
        "exceptions": "允许的内容",
        "questions": "审核员需要查明的事实",
        "outcomes": "后果",
        "sanctions": "处罚与措施",
        "duties": "义务",
        "colon": ":",
        "answer": "{question}{answer}",
        "history": "计入的既往违规次数:{number}。",
        "cleared": "{clause} 不适用。",
        "override": "资深审核员另作选择:{outcome}",
    },
}


def document(pack: Pack, language: str) -> str:
    """The whole version as Markdown. Raises KeyError for an unknown language."""
    frame = _FRAME.get(language, _FRAME["en"])
    lines = [
        f"# {frame['head'].format(version=pack.version)}",
        "",
        frame["from"].format(date=pack.effective, age=pack.minor_age),
        "",
    ]
    for cls in pack.classes.values():
        lines += [*_class(pack, language, cls, frame), ""]
    for heading, codes in (("sanctions", (*SANCTIONS, *ACTIONS)), ("duties", DUTIES)):
        lines += [f"## {frame[heading]}", ""]
        lines += [
            f"- **{pack.text(language, code)}**{frame['colon']}{pack.text(language, code, 'text')}" for code in codes
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _class(pack: Pack, language: str, cls: Class, frame: dict[str, str]) -> Iterator[str]:
    yield f"## {pack.text(language, cls.id)}"
    yield from ("", pack.text(language, cls.id, "text"), "")
    for heading, rows in (("clauses", cls.clauses), ("exceptions", cls.exceptions)):
        yield from (f"### {frame[heading]}", "")
        for row in sorted(rows):
            yield f"- **{row} {pack.text(language, row)}**{frame['colon']}{pack.text(language, row, 'text')}"
        yield ""
    yield from (f"### {frame['questions']}", "")
    for number, question in enumerate(cls.questions, 1):
        yield f"{number}. {pack.text(language, question.text_id)} {pack.text(language, question.text_id, 'help')}"
        for answer in question.answer_ids:
            yield f"    - {pack.text(language, f'{question.text_id}.{answer}')}"
    yield from ("", f"### {frame['outcomes']}", "")
    for outcome in dict.fromkeys(rule.then for rule in cls.rules):
        yield f"- {pack.text(language, outcome)}"


def explain(pack: Pack, language: str, class_id: str, outcome: Outcome) -> list[str]:
    """The reasons of an outcome as sentences, in the order of the reasoning."""
    return [_sentence(pack, language, class_id, step) for step in outcome.because]


def _sentence(pack: Pack, language: str, class_id: str, step: Because) -> str:
    frame = _FRAME.get(language, _FRAME["en"])
    if step.kind == "answer":
        question, answer = step.id.split("=", 1)
        asked = pack.classes[class_id].question(question)
        shown = "…" if asked.kind == "text" else pack.text(language, f"{asked.text_id}.{answer}")
        return frame["answer"].format(question=pack.text(language, asked.text_id), answer=shown)
    if step.kind in ("clause", "exception"):
        return f"{step.id} {pack.text(language, step.id)}{frame['colon']}{pack.text(language, step.id, 'text')}"
    if step.kind == "cleared":
        return frame["cleared"].format(clause=f"{step.id} {pack.text(language, step.id)}")
    if step.kind == "override":
        return frame["override"].format(outcome=pack.text(language, step.id))
    counted = [why.split("=")[1] for why in step.why if why.startswith("history.")]
    return " ".join([pack.text(language, step.id), *(frame["history"].format(number=number) for number in counted)])
