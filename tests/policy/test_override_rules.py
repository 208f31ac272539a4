"""What an override may choose, part by part: one outcome in place of another, in a class of each kind."""

from typing import Any

import pytest
from msgspec import structs

from safehold import policy
from safehold.policy.pack import OutcomeSpec
from tests.policy.test_reasons import GLITTER, GOLD

LOCK, BAN, SUSPEND = (policy.Sanction(code) for code in ("lock_until_removed", "ban_person", "suspend_permanently"))
COMPUTED = OutcomeSpec(
    id="gl-sweep", result="violation", sanctions=(LOCK, BAN), actions=("hide_item", "warning_screen"),
    duties=("preserve", "notify_account_holder"), strike=True,
)  # fmt: skip
HARDER: dict[str, Any] = {"sanctions": (SUSPEND, BAN)}
MILD: dict[str, Any] = {"sanctions": (), "actions": ("hide_item",), "duties": ("preserve",), "strike": False}
# What is computed otherwise, what the other outcome has otherwise, and whether it may be chosen: in an ordinary
# class, and in one of the highest priority (S1).
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool, bool]] = {
    "a graver sanction": ({}, HARDER, True, True),
    "a milder sanction": ({"sanctions": (LOCK,)}, {"sanctions": (policy.Sanction("read_only", 7),)}, True, False),
    "graver, without the ban": ({}, {"sanctions": (SUSPEND,)}, True, False),
    "graver, with a ban that was not there": ({"sanctions": (LOCK,)}, HARDER, True, True),
    "graver, and no ban before or after": ({"sanctions": (LOCK,)}, {"sanctions": (SUSPEND,)}, True, True),
    "graver, with fewer days": ({"sanctions": (policy.Sanction("read_only", 7), BAN)}, HARDER, True, False),
    "an action less": ({}, {**HARDER, "actions": ("hide_item",)}, True, False),
    "an action more": ({"actions": ("hide_item",)}, {"actions": ("hide_item", "hand_off")}, True, True),
    "the holder is not told": ({}, {**HARDER, "duties": ("preserve",)}, True, False),
    "nothing is preserved": ({}, {**HARDER, "duties": ("notify_account_holder",)}, False, False),
    "a duty more": ({}, {"duties": ("preserve", "notify_account_holder", "inform_authority")}, True, True),
    "no strike": ({}, {**HARDER, "strike": False}, True, False),
    "a report that the law asks for": ({}, {**HARDER, "duties": (*COMPUTED.duties, "report_shall")}, False, False),
    "a report that the law allows": ({}, {**HARDER, "duties": (*COMPUTED.duties, "report_may")}, False, False),
    "another finding": ({}, {**HARDER, "result": "no_violation"}, False, False),
    "another part in it": ({}, {**HARDER, "filed_as": "suspect"}, False, False),
    "a strike where none counts": (MILD, {**MILD, "strike": True}, False, False),
    "a sanction where none counts": (MILD, {**MILD, "sanctions": (LOCK,)}, False, False),
    "a strike and a sanction where none counts": (MILD, {**MILD, "strike": True, "sanctions": (LOCK,)}, False, False),
    "protection where nothing counts": (
        MILD, {**MILD, "sanctions": (policy.Sanction("suspend_protectively"),)}, True, True,
    ),
    "the same by another name": ({}, {}, False, False),
}  # fmt: skip


def _offered(computed: dict[str, Any], other: dict[str, Any], priority: str) -> list[policy.Outcome]:
    cls = GLITTER.classes["posts"]
    spec = structs.replace(COMPUTED, **computed)
    outcomes = {**dict.fromkeys(cls.outcomes, spec), "gl-other": structs.replace(COMPUTED, id="gl-other", **other)}
    changed = structs.replace(cls, priority=priority, outcomes=outcomes)
    pack = structs.replace(GLITTER, classes={"posts": changed})
    return list(policy.choices(pack, "posts", GOLD, policy.History()))


@pytest.mark.parametrize("case", CASES)
def test_what_may_be_chosen(case: str) -> None:
    computed, other, ordinary, highest = CASES[case]
    assert [one.outcome_id for one in _offered(computed, other, "normal")] == ["gl-other"] * ordinary
    assert [one.outcome_id for one in _offered(computed, other, "top")] == ["gl-other"] * highest


def test_until_the_second_person_has_spoken_what_can_be_lifted_is_done() -> None:
    (chosen,) = _offered({}, HARDER, "top")
    assert chosen.meanwhile == ("hide_item", "warning_screen", "lock_until_removed")
    assert chosen.second_person == "override"
    waiting = {"second_person": "policy_owner", "meanwhile": ("warning_screen", "suspend_permanently")}
    (chosen,) = _offered(waiting, HARDER, "normal")
    assert (chosen.meanwhile, chosen.second_person) == (("warning_screen",), "policy_owner")
