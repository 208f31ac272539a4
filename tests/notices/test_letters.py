"""Every letter in every language, compared with the file beside it.

`SAFEHOLD_TEST_WRITE_GOLDEN=1 pytest tests/notices` writes the files anew: read the difference before you keep it.
"""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from django.db import transaction

from safehold.notices import rendering
from safehold.notices import service as notices
from safehold.notices.models import Letter, Statement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]
GOLDEN = Path(__file__).parent / "golden"
ACTOR = "system:worker"
ITEMS = (notices.ItemName(date(2026, 11, 1), "post-3"), notices.ItemName(None, "$event:hs.test"))
CLAUSES = (notices.ClauseText("CSE-01", "First short title"), notices.ClauseText("CSE-07", "Second short title"))

SUSPENDED = notices.StatementInput(
    subject="subject-1",
    decision="decision-1",
    host_name="Microblog",
    account_handle="@user-17",
    language="en",
    measures=(notices.Measure("hide_item"), notices.Measure("suspend_permanently"), notices.Measure("ban_person")),
    items=ITEMS,
    clauses=CLAUSES,
    policy_version="2024-05",
    source="report",
    automated_detection=False,
    automated_decision=False,
    must_remove=False,
    decided_on=date(2026, 11, 22),
    appeal_until=datetime(2027, 5, 25, 8, 30, tzinfo=UTC),
    sentences=("Placeholder purpose 1.",),
    whatever_intent=True,
)
LENIENT = msgspec.structs.replace(
    SUSPENDED,
    decision="decision-2",
    measures=(notices.Measure("hide_item"), notices.Measure("lock_until_removed")),
    items=ITEMS[:1],
    clauses=CLAUSES[:1],
    must_remove=True,
    source="own_initiative",
    automated_detection=True,
)
READ_ONLY = msgspec.structs.replace(
    SUSPENDED,
    decision="decision-3",
    measures=(notices.Measure("warning_screen"), notices.Measure("read_only", 7)),
    clauses=(notices.ClauseText("PCA-02", "Third short title"),),
    source="trusted_flagger",
    whatever_intent=False,
)
PROTECTED = msgspec.structs.replace(
    SUSPENDED, decision="decision-4", measures=(notices.Measure("suspend_protectively"),), items=(), source="authority",
    automated_decision=True,
)  # fmt: skip
GRANTED = notices.AppealOutcome(
    appeal="appeal-1", subject="subject-1", host_name="Microblog", account_handle="@user-17", language="en",
    granted=True, opened_on=date(2026, 11, 23), decided_on=date(2026, 11, 25), reason="",
)  # fmt: skip
REFUSED = msgspec.structs.replace(
    GRANTED, appeal="appeal-2", granted=False, reason="The first line of the reason.\nThe second line.",
    clauses=CLAUSES, policy_version="2024-05",
)  # fmt: skip
REMOVE = notices.MustRemove(
    decision="decision-2", subject="subject-1", host_name="Microblog", account_handle="@user-17", language="en",
    items=ITEMS[:1], clauses=CLAUSES[:1], policy_version="2024-05",
)  # fmt: skip
REVERSED = notices.Reversal(
    appeal="appeal-1", subject="subject-1", host_name="Microblog", account_handle="@user-17", language="en",
    done=tuple(notices.Measure(code) for code in ("suspend_permanently", "ban_person", "hide_item", "strike")),
    impossible=("purged_item", "filing", "hold"), items=ITEMS[:1],
)  # fmt: skip
NOTHING_BACK = msgspec.structs.replace(REVERSED, appeal="appeal-3", done=(), items=(), impossible=("purged_item",))

REMOVED = notices.RemovalAnswer(
    ref="removal-1", language="en", company="Microblog Ltd", received_on=date(2026, 11, 22), outcome="removed",
)  # fmt: skip
NOT_FOUND = msgspec.structs.replace(REMOVED, ref="removal-2", outcome="not_found")
NOT_REMOVED = msgspec.structs.replace(
    REMOVED, ref="removal-3", outcome="refused", reason="not_entitled", words="The first line.\nThe second line.",
)  # fmt: skip
NOT_WHOLE = msgspec.structs.replace(
    REMOVED, ref="removal-4", outcome="incomplete",
    missing=("signature", "identification", "location", "statement", "contact"), words="The first line.",
)  # fmt: skip
RESTORED = msgspec.structs.replace(REMOVED, ref="removal-5", outcome="restored")
TAKEN_AWAY = notices.RemovalHolder(
    ref="removalitem-1", host_name="Microblog", account_handle="@user-17", language="en", items=ITEMS,
    removed_on=date(2026, 11, 23),
)  # fmt: skip
OBJECTED = notices.ObjectionAnswer(
    ref="removalitem-1:stands", host_name="Microblog", account_handle="@user-17", language="en", items=ITEMS[:1],
    granted=False, reason="The first line.\nThe second line.",
)  # fmt: skip
BACK = msgspec.structs.replace(OBJECTED, ref="removalitem-1:back", granted=True, reason="")

Made = Statement | Letter
TO_HOLDERS: dict[str, tuple[Callable[..., Made], msgspec.Struct]] = {
    "statement-suspended": (notices.draft_statement, SUSPENDED),
    "statement-lenient": (notices.draft_statement, LENIENT),
    "statement-read-only": (notices.draft_statement, READ_ONLY),
    "statement-protected": (notices.draft_statement, PROTECTED),
    "appeal-granted": (notices.appeal_outcome_letter, GRANTED),
    "appeal-refused": (notices.appeal_outcome_letter, REFUSED),
    "must-remove": (notices.must_remove_letter, REMOVE),
    "reversal": (notices.reversal_letter, REVERSED),
    "reversal-impossible": (notices.reversal_letter, NOTHING_BACK),
    "removal-removed": (notices.removal_answer, REMOVED),
    "removal-not-found": (notices.removal_answer, NOT_FOUND),
    "removal-refused": (notices.removal_answer, NOT_REMOVED),
    "removal-incomplete": (notices.removal_answer, NOT_WHOLE),
    "removal-restored": (notices.removal_answer, RESTORED),
    "removal-holder": (notices.removal_holder_letter, TAKEN_AWAY),
    "objection-stands": (notices.objection_answer, OBJECTED),
    "objection-granted": (notices.objection_answer, BACK),
}
TO_NCMEC = notices.NcmecCorrection(
    filing="filing-1", report_id="4564654", filed_at=datetime(2026, 11, 22, 9, 5, tzinfo=UTC), company="Microblog Ltd",
    changed=("decision_reversed", "list_entry_withdrawn"), changed_on=date(2026, 11, 25), test=False,
)  # fmt: skip


def make(write: Callable[..., Made], given: msgspec.Struct) -> Made:
    with transaction.atomic():
        return write(given, ACTOR)


def same_as(name: str, made: Made) -> None:
    path = GOLDEN / f"{name}.txt"
    whole = f"{made.title}\n\n{notices.text(made, 'https://safehold.example/appeal/TOKEN')}"
    if os.environ.get("SAFEHOLD_TEST_WRITE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(whole, encoding="utf-8")
    assert whole == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", rendering.LANGUAGES)
@pytest.mark.parametrize("name", TO_HOLDERS)
def test_letters_to_account_holders(name: str, language: str) -> None:
    write, given = TO_HOLDERS[name]
    made = make(write, msgspec.structs.replace(given, language=language))
    assert made.language == language
    same_as(f"{language}/{name}", made)


@pytest.mark.parametrize("test", [False, True])
def test_letter_to_ncmec(test: bool) -> None:
    made = make(notices.letter_to_ncmec, msgspec.structs.replace(TO_NCMEC, test=test))
    assert made.language == "en"
    same_as("en/ncmec-correction-test" if test else "en/ncmec-correction", made)


def test_no_golden_file_is_left_over() -> None:
    known = {f"{language}/{name}.txt" for language in rendering.LANGUAGES for name in TO_HOLDERS}
    known |= {"en/ncmec-correction.txt", "en/ncmec-correction-test.txt"}
    assert {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*.txt")} == known


def test_every_language_is_complete() -> None:
    rendering.check()


@pytest.mark.parametrize("language", rendering.LANGUAGES)
def test_the_fields_of_article_17(language: str) -> None:
    """DSA Art. 17(3): (a) measure, territory, duration; (b) facts; (c) automation; (e) ground; (f) redress."""
    words = rendering.phrases(language)
    body = make(notices.draft_statement, msgspec.structs.replace(SUSPENDED, language=language)).body
    for one in SUSPENDED.measures:
        assert words["measure"][one.code] in body
    assert words["source"]["report"] in body
    for clause in SUSPENDED.clauses:
        assert clause.id in body
        assert clause.text in body
    for needed in ("2024-05", "2026-11-22", "2026-11-01", "post-3", "2027-05-25", notices.LINK, words["word"]["no"]):
        assert needed in body
    assert body.count(notices.LINK) == 1


@pytest.mark.parametrize("language", rendering.LANGUAGES)
def test_intent_is_named_only_where_it_never_counts(language: str) -> None:
    bodies = [
        make(notices.draft_statement, msgspec.structs.replace(one, language=language)).body
        for one in (SUSPENDED, READ_ONLY)
    ]
    line = {"en": "whatever the intent", "zh-hans": "无论发布意图如何", "ar": "مهما كان القصد"}[language]
    assert [line in body for body in bodies] == [True, False]


@pytest.mark.parametrize("language", rendering.LANGUAGES)
@pytest.mark.parametrize("name", TO_HOLDERS)
def test_letters_are_short_and_tell_nothing_of_detection(name: str, language: str) -> None:
    write, given = TO_HOLDERS[name]
    made = make(write, msgspec.structs.replace(given, language=language))
    assert len(made.body) < 2000
    assert not any(
        word in made.body.lower() for word in ("hash", "sha", "classifier", "score", "list", "ncmec", "cybertip")
    )
    assert "{" not in made.body
    assert "\n\n\n" not in made.body
    assert len(made.title) <= 200
