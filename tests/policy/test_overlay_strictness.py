"""A version that changes child sexual exploitation may be stricter only (S1): each kind of milder change is refused by
name, with the place where it stands."""

import pytest

from safehold import policy
from safehold.policy import overlay
from tests.policy.conftest import Write

TEXTS = (  # the answers of `text_does`, with one more
    "[sexual_about, sexual_at, describes, fantasy, promotes, normalises, desire, requests, identifies, commercial, "
    "trafficking, permitted_talk, {more}, none, cannot_tell]"
)
HINT = "\n  hint: A version that changes 'cse' may be stricter only."
MILDER: dict[str, tuple[str, str, str]] = {
    "a clause met less often": (
        "clauses:\n    CSE-04: {when: {text_does: sexual_about, minor: known}}",
        "CSE-R02", "finds no violation",
    ),
    "an exception that clears more": (
        "exceptions:\n    CSE-X1: {clears: [CSE-19, CSE-03]}",
        "CSE-R02", "finds no violation",
    ),
    "an exception with fewer conditions": (
        "exceptions:\n    CSE-X3: {when: {speech: advocacy}}",
        "CSE-R04", "finds no violation",
    ),
    "a milder sanction": (
        "outcomes:\n    cse-suspend: {sanctions: [lock_until_removed]}",
        "CSE-R07", "has a milder sanction",
    ),
    "no ban": (
        "outcomes:\n    cse-suspend: {sanctions: [suspend_permanently]}",
        "CSE-R07", "has fewer days or sanctions",
    ),
    "a milder second sanction": (
        "outcomes:\n    cse-suspend: {sanctions: [suspend_permanently, lock_until_removed]}",
        "CSE-R07", "has fewer days or sanctions",
    ),
    "a suspension in place of a ban": (
        "outcomes:\n    cse-suspend: {sanctions: [suspend_permanently, {suspend_permanently: 9}]}",
        "CSE-R07", "bans the person no more",
    ),
    "a protective pause in place of a lock": (
        "outcomes:\n    cse-lenient: {sanctions: [suspend_protectively]}",
        "CSE-R09", "has a milder sanction",
    ),
    "the item stays": (
        "outcomes:\n    cse-viewing: {actions: []}",
        "CSE-R06", "leaves the item in view",
    ),
    "no strike": (
        "outcomes:\n    cse-lenient: {strike: false}",
        "CSE-R09", "counts no more",
    ),
    "nobody is named": (
        "outcomes:\n    cse-suspend: {filed_as: \"\"}",
        "CSE-R07", "no longer names the person in a report as before",
    ),
    "a duty less": (
        "outcomes:\n    cse-suspend: {duties: [notify_account_holder]}",
        "CSE-R07", "lacks a duty",
    ),
    "no second person": (
        "outcomes:\n    cse-lenient: {second_person: \"\"}",
        "CSE-R09", "needs no second person any more",
    ),
    "less in the meantime": (
        "outcomes:\n    cse-lenient: {meanwhile: [lock_until_removed]}",
        "CSE-R09", "does less until a second person has spoken",
    ),
    "a milder outcome on refusal": (
        "outcomes:\n    cse-lenient: {if_refused: cse-none}",
        "CSE-R09", "leads to cse-none when the second person disagrees, which finds no violation",
    ),
    "no certain outcome on refusal": (
        ("outcomes:\n    own-lenient: {result: violation, sanctions: [lock_until_removed], actions: [hide_item], "
        "duties: [preserve, notify_account_holder], second_person: lenient_path, meanwhile: [hide_item, "
        "lock_until_removed], strike: true, filed_as: suspect}\n  rules:\n    CSE-R09: {then: own-lenient}"),
        "CSE-R09", "goes back to review when the second person disagrees, where cse-suspend was certain",
    ),
    "suspension that waits": (
        "outcomes:\n    cse-suspend: {second_person: lenient_path, meanwhile: [hide_item]}",
        "CSE-R07", "does less until a second person has spoken",
    ),
    "suspension that somebody can refuse": (
        ("outcomes:\n    cse-suspend: {second_person: lenient_path, meanwhile: [hide_item, suspend_permanently], "
        "if_refused: cse-none}"),
        "CSE-R07", "leads to cse-none when the second person disagrees, which finds no violation",
    ),
    "no policy owner": (
        "outcomes:\n    cse-unlisted: {second_person: \"\"}",
        "CSE-R10", "needs no second person any more",
    ),
    "an offender named as a victim": (
        "outcomes:\n    cse-suspend: {filed_as: victim}",
        "CSE-R07", "no longer names the person in a report as before",
    ),
    "nothing handed over": (
        "outcomes:\n    cse-hand-off: {actions: []}",
        "CSE-R03", "does less about the item",
    ),
    "a new answer that excuses": (
        (f"questions:\n    text_does: {{answers: {TEXTS.format(more='joke')}}}\n"
        "  clauses:\n    CSE-04: {when: {text_does: sexual_about, not: {text_does: joke}}}"),
        "CSE-R02", "finds no violation",
    ),
    "a new answer in place of another": (
        "questions:\n    shows: {answers: [explicit, suggestive, nudity, not_sexual, sketch, cannot_tell]}",
        "shows", "Answer 'sketch' takes the place of one of the base: what it excuses cannot be told.",
    ),
    "a new answer that stands alone": (
        ("questions:\n    toward_child: {answers: [sends_explicit, explicit_talk, obtains, entices, blackmail, "
        "threatens_to_share, bounty, waves, none, cannot_tell], alone: [waves, none, cannot_tell]}"),
        "toward_child", "Answer 'waves' takes the place of one of the base: what it excuses cannot be told.",
    ),
    "open facts count as settled": (
        "outcomes:\n    cse-undecided: {result: no_violation}",
        "CSE-R04", "settles what had to be looked at by a person",
    ),
    "leniency for more": (
        "clauses:\n    CSE-10: {lenient: true}",
        "CSE-R09", "has a milder sanction",
    ),
    "leniency after a strike": (
        "facts:\n    lenient: {fact: lenient_conduct, malice: none_found}",
        "CSE-R09", "has a milder sanction",
    ),
    "a rule that leads elsewhere": (
        "rules:\n    CSE-R08: {then: cse-lenient}",
        "CSE-R08", "has a milder sanction",
    ),
    "a duty to report that falls": (
        "clauses:\n    CSE-03: {report: may}",
        "CSE-P05", "The duty to report falls from 'shall' to 'may'.",
    ),
    "a report table that falls": (
        "reports:\n    CSE-P02: {then: none}",
        "CSE-P02", "The duty to report falls from 'shall' to 'none'.",
    ),
    "no more strikes": (
        "strikes: {suspend: false, expire: never}",
        "strikes", "This class may not change how strikes count.",
    ),
    "strikes that expire": (
        "strikes: {suspend: true, expire: 30}",
        "strikes", "This class may not change how strikes count.",
    ),
    "freedom to be milder": (
        "overlay: free",
        "overlay", "This class may not set free how it may be changed.",
    ),
    "a lower place in the queue": (
        "priority: normal",
        "priority", "This class may not move down in the queue.",
    ),
    "a question that is no longer asked": (
        "questions:\n    toward_child: {when: {form: conversation, minor: known}}",
        "CSE-R02", "finds no violation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", MILDER)
def test_a_milder_change_is_refused_by_name(own: Write, change: str) -> None:
    text, part, what = MILDER[change]
    pack = policy.load_folder(own(f"cse:\n  {text}"))
    told = [str(problem) for problem in overlay.milder(policy.load("child-safety", "2024-05"), pack)]
    assert all(problem.endswith(HINT) for problem in told)
    named_ones = [problem for problem in told if f": cse: {part}: " in problem and what in problem]
    assert named_ones, told
    where = named_ones[0].split(": ")[0]
    file, line = where.rsplit(":", 1)
    assert file.startswith("child-safety/2024-05")
    assert int(line) > 0


def test_the_place_is_that_of_the_change(own: Write) -> None:
    pack = policy.load_folder(own("cse:\n  rules:\n    CSE-R08: {then: cse-lenient}"))
    problems = policy.check(pack, policy.base_of(pack))
    told = next(problem for problem in map(str, problems) if "CSE-R08" in problem and HINT in problem)
    assert told.startswith(
        "child-safety/2024-05-strict/pack.yaml:8: cse: CSE-R08: Where CSE-R08 led to cse-suspend, "
        "cse-lenient has a milder sanction."
    )
    assert " For example: role=" in told
