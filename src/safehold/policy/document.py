"""The whole version as Markdown for the public policy page, and an outcome's reasons as sentences."""

from collections.abc import Iterator

from safehold.policy.pack import ACTIONS, DUTIES, SANCTIONS, Because, Class, Clause, Outcome, Pack

# The few words of the frame itself; everything else is a text of the pack.
_FRAME = {
    "en": {
        "head": "{title}, version {version}",
        "from": "In force from {date}. A minor is any person under {age}.",
        "clauses": "What is not allowed",
        "exceptions": "What is allowed",
        "questions": "What a reviewer finds out",
        "outcomes": "What follows",
        "sanctions": "Sanctions and actions",
        "duties": "Duties",
        "glossary": "What the words mean",
        "also": " ({words})",
        "between": ", ",
        "documents": "What this version was read from",
        "reported": "Reported to NCMEC: {how}",
        "shall": "the law requires it",
        "may": "permitted, and promised by the policy",
        "person": "a person decides, with a reason",
        "ladder": "Repetition climbs: {steps}",
        "never": "An earlier violation counts for good.",
        "expire": "An earlier violation counts for {days} days.",
        "colon": ": ",
        "answer": "{question} {answer}",
        "history": "Earlier violations that count: {number}.",
        "cleared": "{clause} does not apply.",
        "override": "A senior reviewer chose otherwise: {outcome}",
    },
    "zh-hans": {
        "head": "{title}，{version} 版",
        "from": "自 {date} 起生效。未成年人指未满 {age} 周岁的人。",
        "clauses": "禁止的内容",
        "exceptions": "允许的内容",
        "questions": "审核员需要查明的事实",
        "outcomes": "后果",
        "sanctions": "处罚与措施",
        "duties": "义务",
        "glossary": "词语的含义",
        "also": "（{words}）",
        "between": "、",
        "documents": "本版本所依据的文件",
        "reported": "向 NCMEC 举报：{how}",
        "shall": "法律要求",
        "may": "法律允许，且政策承诺举报",
        "person": "由人决定并说明理由",
        "ladder": "重复违规逐级加重：{steps}",
        "never": "既往违规永久计入。",
        "expire": "既往违规计入 {days} 天。",
        "colon": "：",
        "answer": "{question}{answer}",
        "history": "计入的既往违规次数：{number}。",
        "cleared": "{clause} 不适用。",
        "override": "高级审核员另作选择：{outcome}",
    },
}


def document(pack: Pack, language: str) -> str:
    """The whole version as Markdown. Raises KeyError for an unknown language."""
    frame = _FRAME.get(language, _FRAME["en"])
    title = frame["head"].format(title=pack.text(language, "title"), version=pack.version)
    lines = [
        f"# {title}",
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
    return "\n".join([*lines, *_glossary(pack, language, frame), *_documents(pack, language, frame)]).rstrip() + "\n"


def _glossary(pack: Pack, language: str, frame: dict[str, str]) -> Iterator[str]:
    yield from (f"## {frame['glossary']}", "")
    for term in pack.glossary.terms(language):
        also = frame["also"].format(words=frame["between"].join(term.also)) if term.also else ""
        yield f"- **{term.word}**{also}{frame['colon']}{term.text}"
    yield ""


def _documents(pack: Pack, language: str, frame: dict[str, str]) -> Iterator[str]:
    if not pack.documents:
        return
    yield from (f"## {frame['documents']}", "")
    for one in pack.documents:
        yield f"- **{pack.text(language, one.text_id)}**{frame['colon']}{pack.text(language, one.text_id, 'text')}"


def _class(pack: Pack, language: str, cls: Class, frame: dict[str, str]) -> Iterator[str]:
    yield f"## {pack.text(language, cls.id)}"
    yield from ("", pack.text(language, cls.id, "text"), "")
    yield from (f"### {frame['clauses']}", "")
    for name in sorted(cls.clauses):
        yield _part(pack, language, name, frame) + _reported(cls.clauses[name], frame)
    yield from ("", f"### {frame['exceptions']}", "")
    yield from (_part(pack, language, name, frame) for name, one in sorted(cls.exceptions.items()) if not one.off)
    yield ""
    yield from (f"### {frame['questions']}", "")
    for number, question in enumerate(cls.questions, 1):
        yield f"{number}. {pack.text(language, question.text_id)} {pack.text(language, question.text_id, 'help')}"
        for answer in question.answer_ids:
            yield f"    - {pack.text(language, f'{question.text_id}.{answer}')}"
    yield from ("", f"### {frame['outcomes']}", "")
    for outcome in dict.fromkeys(rule.then for rule in cls.rules):
        yield f"- {pack.text(language, outcome)}"
    if cls.ladder:
        yield from ("", frame["ladder"].format(steps=" → ".join(pack.text(language, step) for step in cls.ladder)))
    term = cls.strikes.expire_days
    yield from ("", frame["never"] if term is None else frame["expire"].format(days=term))


def _part(pack: Pack, language: str, name: str, frame: dict[str, str]) -> str:
    return f"- **{name} {pack.text(language, name)}**{frame['colon']}{pack.text(language, name, 'text')}"


def _reported(clause: Clause, frame: dict[str, str]) -> str:
    """What the law or the policy's own promise asks once the clause stands (readings A03)."""
    return "" if clause.report == "none" else f" {frame['reported'].format(how=frame[clause.report])}."


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
