"""Which version of which policy judges a person's conduct, why, and what is known of the person before.

Others may call `judged_by`, `classes_for`, `history`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from safehold import policy
from safehold.cases.models import CaseSubject
from safehold.persons import service as persons
from safehold.policy import Pack, load
from safehold.policy.versions import policies, policy_of, version_on

EXPLOITATION = "cse"  # the class whose strikes count in every class and never expire (readings A10)


@dataclass(frozen=True)
class Judged:
    """The version that applies, and what chose it (readings A01).

    `why` is "conduct" where the day is that of what was posted, "knowledge" where that is unknown and the day is
    the one on which we knew, "start" where either lies before the day from which the operator applies its policy.
    """

    policy: str
    version: str
    day: date
    why: str

    @property
    def pack(self) -> Pack:
        """The version itself."""
        return load(self.policy, self.version)


def judged_by(subject: CaseSubject, class_id: str = EXPLOITATION) -> Judged:
    """The version by the date of the conduct, with the operator's start date as a floor.

    Raises policy.PolicyError where no installed policy has the class.
    """
    return _judged(subject, policy_of(class_id))


def classes_for(subject: CaseSubject) -> Iterator[tuple[str, Judged]]:
    """Every class that the subject's conduct can be assessed under, with the version that applies."""
    for name in policies():
        judged = _judged(subject, name)
        for class_id in judged.pack.classes:
            yield class_id, judged


def history(subject: CaseSubject, class_id: str) -> policy.History:
    """What is known of the person before this decision: strikes decide first or repeated (S77).

    `same_class_12_months` counts over the time after which the class lets a strike expire; the counter is
    named for the term that comes with Safehold.
    """
    person = persons.person_of(subject.account) if subject.account else None
    if person is None:
        return policy.History()
    pack = judged_by(subject, class_id).pack
    if class_id not in pack.classes:
        raise policy.BadAnswer(f"Version {pack.version} of the policy, which judges this conduct, has no {class_id!r}.")
    term = pack.classes[class_id].strikes.expire_days
    since = timezone.now() - timedelta(days=term) if term else None
    return policy.History(
        strikes=persons.strikes(person, EXPLOITATION),
        same_class_12_months=persons.strikes(person, class_id, since=since),
    )


def _judged(subject: CaseSubject, name: str) -> Judged:
    posted = [row.item.posted_at for row in subject.items.select_related("item") if row.item.posted_at]
    when: datetime = max(posted) if posted else subject.case.knowledge_at
    day, start = when.date(), settings.SAFEHOLD.policy_start
    if start and day < start:
        return Judged(name, version_on(name, day, start), start, "start")
    return Judged(name, version_on(name, day), day, "conduct" if posted else "knowledge")
