"""The shapes that the command line prints, and the published document."""

import json
from typing import Any

import pytest

from safehold import policy

PACK = policy.load("child-safety", "2024-05")
PICTURE = {
    "role": "uploader",
    "minor": "apparent",
    "form": ["photo_video"],
    "shows": "explicit",
    "danger": "none_seen",
    "malice": "found",
}
REQUEST: dict[str, Any] = {
    "policy": "child-safety",
    "version": "2024-05",
    "class": "cse",
    "answers": PICTURE,
    "history": {"strikes": 0},
}


def test_decide_json_has_exactly_the_promised_shape() -> None:
    answer = json.loads(json.dumps(policy.decide_json(REQUEST)))
    assert list(answer) == [
        "violation",
        "clauses",
        "exceptions",
        "sanctions",
        "actions",
        "duties",
        "second_person",
        "because",
    ]
    assert answer["violation"] is True
    assert answer["sanctions"] == [{"code": "suspend_permanently", "days": None}, {"code": "ban_person", "days": None}]
    assert answer["because"][-1] == {"kind": "outcome", "id": "cse-suspend", "why": []}


def test_history_may_be_left_out() -> None:
    assert policy.decide_json({k: v for k, v in REQUEST.items() if k != "history"}) == policy.decide_json(REQUEST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": []}, "needs 'answers', an object"),
        ({"version": 2024}, "needs 'version', a text"),
        ({"history": {"strikes": "1"}}, "'history' cannot be used"),
        ({"history": {"bans": 1}}, "'history' cannot be used"),
        ({"colour": "red"}, "no field 'colour'"),
        ({"class": "spam"}, "no class 'spam'"),
    ],
)
def test_bad_requests_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(policy.BadAnswer, match=message):
        policy.decide_json({**REQUEST, **change})


def test_a_request_that_is_no_object() -> None:
    with pytest.raises(policy.BadAnswer, match="must be a JSON object"):
        policy.decide_json([])  # type: ignore[arg-type]


def test_show_json_names_everything_in_both_languages() -> None:
    shown = json.loads(json.dumps(policy.show_json(PACK)))
    assert [row["id"] for row in shown["classes"]] == ["cse", "physical-abuse", "altercation"]
    for row in shown["classes"]:
        for question in row["questions"]:
            assert set(question["text"]) == {"en", "zh-hans"}
            assert all(set(answer["text"]) == {"en", "zh-hans"} for answer in question["answers"])
    link = next(clause for clause in shown["classes"][0]["clauses"] if clause["id"] == "CSE-03")
    assert (link["report"], link["serves"], link["lenient_path"]) == ("shall", ["S21", "S69", "L4"], True)
    assert link["incident_type_name"] == policy.INCIDENT_TYPES["child_pornography"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_document_holds_every_clause_exception_and_question(language: str) -> None:
    text = policy.document(PACK, language)
    for cls in PACK.classes.values():
        for name in (*cls.clauses, *cls.exceptions):
            assert f"**{name} {PACK.text(language, name)}**" in text
        for question in cls.questions:
            assert PACK.text(language, question.text_id) in text
    assert text.startswith("# ")
    assert "{" not in text


def test_chinese_is_chinese() -> None:
    for text_id, text in PACK.languages["zh-hans"].texts.items():
        assert any("一" <= letter <= "鿿" for letter in text), text_id
    english = PACK.languages["en"].texts
    assert set(english) == set(PACK.languages["zh-hans"].texts)


def test_every_row_named_in_the_pack_exists() -> None:
    known = (
        {f"S{n}" for n in range(1, 86)}
        | {f"L{n}" for n in range(1, 25)}
        | {f"C{n}" for n in range(1, 16)}
        | {f"A{n:02}" for n in range(1, 38)}
    )
    for cls in PACK.classes.values():
        parts = (cls, *cls.questions, *cls.clauses.values(), *cls.exceptions.values(), *cls.rules, *cls.reports)
        assert {row for part in parts for row in part.serves} <= known
