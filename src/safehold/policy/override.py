"""Another outcome of the same class in place of the computed one: which may be chosen, and what it then says. Pure.

Others call these through `safehold.policy`: choices, override, direction. Reason and second person are
kept by `cases`; that the default holds in the majority of cases (S70) is measured by counting them.

What the answers decide stays: violation, clauses, exceptions, the duty to report. Nothing here lets
intent or context decide whether there is a violation (S9), and nothing punishes a person against whom
the policy counts nothing: an apparent victim, a viewer.
"""

from collections.abc import Iterable

from msgspec import structs

from safehold.policy.engine import Answers, BadAnswer, composed, severity
from safehold.policy.pack import SEVERITY, Because, History, Outcome, OutcomeSpec, Pack

SECOND_PERSON = "override"  # the reason code; where the policy owner is asked for anyway, that one stays
_REPORTS = frozenset({"report_shall", "report_may"})
# What is done while the second person is awaited: whatever can be lifted again. Suspensions wait.
_MEANWHILE = ("hide_item", "warning_screen", "lock_until_removed")
_HARMLESS = frozenset({"suspend_protectively"})  # the only sanction that is none


def choices(pack: Pack, class_id: str, answers: Answers, history: History) -> tuple[Outcome, ...]:
    """What a senior reviewer may choose instead of the computed outcome, in the pack's order; often nothing.

    Of outcomes that come to the same only the first is offered, and none that comes to what was computed.
    Raises Incomplete and BadAnswer, as `decide`.
    """
    spec, put = composed(pack, class_id, answers, history)
    computed = put(spec)
    if computed.undecided:
        return ()
    top = pack.classes[class_id].priority == "top"
    found: dict[tuple[object, ...], Outcome] = {_effect(computed): computed}
    for other in pack.classes[class_id].outcomes.values():
        chosen = put(other)
        if _possible(spec, other, computed, chosen) and (not top or _as_strict(computed, chosen)):
            found.setdefault(_effect(chosen), _overriding(computed, chosen))
    return tuple(list(found.values())[1:])


def override(pack: Pack, class_id: str, answers: Answers, history: History, outcome_id: str) -> Outcome:
    """The outcome that stands when `outcome_id` is chosen and a second person agrees.

    Raises BadAnswer where these answers leave no such choice, and Incomplete.
    """
    offered = choices(pack, class_id, answers, history)
    for outcome in offered:
        if outcome.outcome_id == outcome_id:
            return outcome
    known = ", ".join(outcome.outcome_id for outcome in offered) or "none"
    raise BadAnswer(f"Outcome {outcome_id!r} cannot be chosen for these answers; those that can: {known}.")


def direction(computed: Outcome, chosen: Outcome) -> str:
    """Whether the chosen outcome is "stricter" or "milder" than the computed one, or "other"."""
    before, after = severity(computed), severity(chosen)
    return "stricter" if after > before else "milder" if after < before else "other"


def _possible(spec: OutcomeSpec, other: OutcomeSpec, computed: Outcome, chosen: Outcome) -> bool:
    """What no override may change, of any class: the finding, the duties owed to others, the person's part in it."""
    if other.result != spec.result or other.filed_as != spec.filed_as:
        return False
    if _REPORTS & set(computed.duties) != _REPORTS & set(chosen.duties):
        return False
    if set(computed.duties) - set(chosen.duties) - {"notify_account_holder"}:
        return False
    return computed.strike or not (chosen.strike or _codes(chosen) - _HARMLESS)


def _as_strict(computed: Outcome, chosen: Outcome) -> bool:
    """Child sexual exploitation (S1): at least as strict in every part, and nothing that was ordered falls away."""
    if any(after < before for before, after in zip(severity(computed), severity(chosen), strict=True)):
        return False
    if _ranks(chosen) < _ranks(computed):
        return False
    kept = set(computed.actions) <= set(chosen.actions) and set(computed.duties) <= set(chosen.duties)
    banned = "ban_person" in _codes(chosen) or "ban_person" not in _codes(computed)
    return kept and banned and chosen.strike >= computed.strike


def _effect(outcome: Outcome) -> tuple[object, ...]:
    """What the outcome comes to, whatever it is called."""
    parts: tuple[Iterable[object], ...] = (outcome.sanctions, outcome.actions, outcome.duties)
    return (*(frozenset(part) for part in parts), outcome.strike, outcome.filed_as)


def _overriding(computed: Outcome, chosen: Outcome) -> Outcome:
    step = Because("override", chosen.outcome_id, (computed.outcome_id,))
    return structs.replace(
        chosen,
        because=(*computed.because, step),
        second_person="policy_owner" if computed.second_person == "policy_owner" else SECOND_PERSON,
        meanwhile=_meanwhile(computed),
    )


def _meanwhile(computed: Outcome) -> tuple[str, ...]:
    """What the computed outcome would have done by now."""
    now = computed.meanwhile if computed.second_person else (*computed.actions, *_codes(computed))
    return tuple(code for code in _MEANWHILE if code in now)


def _ranks(outcome: Outcome) -> list[int]:
    """All its sanctions, the gravest first: `severity` tells that one alone."""
    return sorted((SEVERITY.index(code) for code in _codes(outcome) - _HARMLESS), reverse=True)


def _codes(outcome: Outcome) -> set[str]:
    return {sanction.code for sanction in outcome.sanctions}
