"""What a list's own categories mean as answers to the policy's questions, signed off by two people.

Others call these through `service`: `sign_mapping`, `countersign_mapping`, `end_mapping`; `mapping_for` (signed by
both, for one version of the policy), `class_of` (which class a category's reports are about), `leads_to` (what the
policy makes of such answers, or why only a person may decide). The role is never mapped: what an account did is known
from the case. A written answer is never mapped either: words are a person's own.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.policy.versions import policy_of
from safehold.screening import rules
from safehold.screening.errors import NeedsSecondPerson, NotAllowed
from safehold.screening.models import CategoryMapping
from safehold.subjects.models import Role

ROLE = "role"
USUAL_CLASS = "cse"  # of a category that nobody mapped
LONGEST_CATEGORY = 60


class LeadsTo(msgspec.Struct, frozen=True):
    """What answers lead to. `why` is empty where that may be decided without a look, else the reason for a person:

    `unanswered:<question>`, `answer:<sentence>`, `undecided`, `no_violation`, `second_person:<reason>`,
    `inform_authority`, `report_by_person:<clause>`.
    """

    outcome: policy.Outcome | None
    why: str = ""


def leads_to(pack: policy.Pack, class_id: str, answers: Mapping[str, Any], history: policy.History) -> LeadsTo:
    """What the policy makes of these answers, and whether a decision may rest on them with nobody's look.

    Never where a mandatory question is open, where something could not be told, where there is no violation, where the
    policy asks for a second person or finds a danger that an authority must hear of, or where a clause leaves it to a
    person whether to report (readings A03).
    """
    try:
        outcome = policy.decide(pack, class_id, dict(answers), history)
    except policy.Incomplete as problem:
        return LeadsTo(None, f"unanswered:{problem.questions[0]}")
    except policy.BadAnswer as problem:
        return LeadsTo(None, f"answer:{problem}")
    if outcome.undecided:
        return LeadsTo(outcome, "undecided")
    if not outcome.violation:
        return LeadsTo(outcome, "no_violation")
    if outcome.second_person:
        return LeadsTo(outcome, f"second_person:{outcome.second_person}")
    clauses = pack.classes[class_id].clauses
    if "inform_authority" in outcome.duties:
        return LeadsTo(outcome, "inform_authority")
    if left := next((name for name in outcome.clauses if clauses[name].report == "person"), ""):
        return LeadsTo(outcome, f"report_by_person:{left}")
    return LeadsTo(outcome)


def sign_mapping(
    list_slug: str, category: str, class_id: str, version: str, answers: Mapping[str, Any], *, because: str, actor: str
) -> CategoryMapping:
    """One person says what a category means. It counts once another has countersigned; the one before ends now.

    Raises UnknownList, ValueError without a reason, NotAllowed naming the question or answer that the version of the
    policy does not know, or that no mapping may answer.
    """
    reason, name = rules.reason_of(because), category.strip()
    if not name or len(name) > LONGEST_CATEGORY:
        raise NotAllowed(f"A category is a word of the list's own, of at most {LONGEST_CATEGORY} characters.")
    given = {question: answer for question, answer in answers.items() if answer not in ("", [], ())}
    policy_name = check_answers(class_id, version, given)
    with transaction.atomic():
        home = rules.locked(list_slug)
        for before in home.mappings.filter(category=name, policy_version=version, ended_at=None):
            end_mapping(before.pk, because="replaced", actor=actor)
        row = CategoryMapping.objects.create(
            list=home, category=name, class_id=class_id, policy=policy_name, policy_version=version, answers=given,
            because=reason, signed_by=actor, signed_at=timezone.now(),
        )  # fmt: skip
        audit.record(
            "mapping.signed", actor=actor, about=row, list=home.pk, category=name, class_id=class_id,
            policy_version=version, answers=given, because=reason,
        )  # fmt: skip
    return row


def check_answers(class_id: str, version: str, answers: Mapping[str, Any]) -> str:
    """Raise NotAllowed where a version of the policy cannot take these answers; returns the policy's name."""
    try:
        name = policy_of(class_id)
        pack = policy.load(name, version)
    except policy.PolicyError as problem:
        raise NotAllowed(str(problem)) from None
    if class_id not in pack.classes:
        raise NotAllowed(f"Version {version} of the policy has no class {class_id!r}.")
    known = {question.id: question for question in pack.classes[class_id].questions}
    for question in answers:
        if question not in known:
            raise NotAllowed(f"The policy asks no question {question!r} in {class_id!r}; it has {', '.join(known)}.")
        if question == ROLE or known[question].kind == "text" or known[question].needs == "record_only":
            raise NotAllowed(
                f"{question!r} is not for a list to answer: what a person did or said comes from the case."
            )
    try:
        path = {question.id for question in policy.questions(pack, class_id, {ROLE: Role.UPLOADER.value, **answers})}
    except policy.BadAnswer as problem:
        raise NotAllowed(str(problem)) from None
    if unasked := [question for question in answers if question not in path]:
        raise NotAllowed(f"After the other answers, the policy does not ask {unasked[0]!r}. Leave it out.")
    return name


def countersign_mapping(mapping_id: UUID | str, *, actor: str) -> CategoryMapping:
    """Another person signs: from now on unseen decisions may take their answers from it.

    Raises NeedsSecondPerson for the one who signed, IllegalMove where it ended or was countersigned, NotAllowed where
    the policy's version has changed so that it no longer takes the answers.
    """
    row = CategoryMapping.objects.get(pk=mapping_id)
    if actor == row.signed_by:
        audit.refused("mapping.countersigned", actor=actor, about=row, reason="same person")
        raise NeedsSecondPerson("You signed this; somebody else must countersign.")
    with transaction.atomic():
        row = CategoryMapping.objects.select_for_update().get(pk=mapping_id)
        if row.ended_at is not None or row.countersigned_at is not None:
            raise IllegalMove("This mapping ended or was countersigned already.")
        check_answers(row.class_id, row.policy_version, row.answers)
        row.countersigned_by, row.countersigned_at = actor, timezone.now()
        row.save(update_fields=["countersigned_by", "countersigned_at"])
        audit.record("mapping.countersigned", actor=actor, about=row)
    return row


def end_mapping(mapping_id: UUID | str, *, because: str, actor: str) -> CategoryMapping:
    """From now on a person answers for that category; one person is enough. Twice changes nothing."""
    reason = rules.reason_of(because)
    with transaction.atomic():
        row = CategoryMapping.objects.select_for_update().get(pk=mapping_id)
        if row.ended_at is None:
            row.ended_at = timezone.now()
            row.save(update_fields=["ended_at"])
            audit.record("mapping.ended", actor=actor, about=row, because=reason)
    return row


def mapping_for(list_slug: str, category: str, version: str) -> CategoryMapping | None:
    """The mapping of a category for one version of the policy, signed by two people and not ended; None = none is."""
    rows = CategoryMapping.objects.filter(list=list_slug, category=category, policy_version=version, ended_at=None)
    return rows.exclude(countersigned_at=None).first()


def class_of(list_slug: str, category: str) -> str:
    """The class that a category's reports are about, by the newest mapping that two people signed."""
    rows = CategoryMapping.objects.filter(list=list_slug, category=category, ended_at=None)
    row = rows.exclude(countersigned_at=None).order_by("-countersigned_at").first()
    return row.class_id if row is not None else USUAL_CLASS
