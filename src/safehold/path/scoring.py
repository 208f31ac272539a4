"""A model's score of a text that hit nothing: it orders the queue, and nothing else.

Others call `handle` for one text (the screening path does, after its answer went out), `scorer` for the model in force
and `let_go` at the end; `withheld` and `scored` are parts of the first. The model is the operator's own
(`SAFEHOLD_CLASSIFIER_*`), told the policy's class of child sexual exploitation in the version in force today.

What a score can do: bring an undecided case about the item or its account forward, once for each case however many
texts score; and, only where the operator said so, have a person look where there is no case, last in the queue. It
never hides, decides or files, and no text is stored or logged.
"""

import threading
from datetime import date

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.cases import service as cases
from safehold.cases.models import Case, CaseItem
from safehold.intake import service as intake
from safehold.intake.models import Locator
from safehold.path import arrivals
from safehold.path.judging import EXPLOITATION
from safehold.policy.versions import policy_of, version_on
from safehold.removals.models import RemovalItem
from safehold.screening import metrics
from safehold.screening.classifier import ForeignAddress, FreshText, OpenAiScorer, Score, ScorerUnavailable
from safehold.screening.models import HitRecord
from safehold.subjects.models import Account, Host, Item
from safehold.work import service as work

ACTOR = "system:classifier"
ACT = "text.scored"
TASK = "classifier-down"
ABOUT = "setting:classifier"
# What keeps a scorer from being made or asked: the server, its address, or a policy that has no instruction.
NO_SCORER = (ScorerUnavailable, ForeignAddress, ValueError, KeyError, policy.PolicyError)


def handle(host: Host, *, item_id: str, account_id: str, text: FreshText) -> str:
    """Have a text scored, and let the score do what it may. Not in a transaction: a model may take seconds.

    Returns what came of it, as the metrics tell it: `withheld` (material of a case or a hit: never sent),
    `unavailable`, `low` (below the threshold), `nothing` (high, with no case to bring forward), `forward`, `report`.
    """
    if withheld(host, item_id):
        return "withheld"
    try:
        score = scorer().score(text)
    except NO_SCORER as problem:
        tell_administrator(problem)
        return "unavailable"
    if score.unparsable:
        metrics.unparsable()
    if not score.unparsable and score.value < settings.SAFEHOLD.classifier.threshold:
        return "low"
    return scored(host, item_id=item_id, account_id=account_id, score=score) or "nothing"


def withheld(host: Host, item_id: str) -> bool:
    """Whether an item is material of a case, a report, a removal or a hit. Asked right before a text would go out."""
    name = intake.clean(item_id)
    item = {"item__host": host, "item__external_id": name}
    given = Q(host=host, given_as=Locator.GivenAs.ID, raw=name)
    looked_up = Q(state=Locator.State.CHECKING, raw__contains=name)  # a link may name it: nobody knows yet
    return (
        CaseItem.objects.filter(**item).exists()
        or Locator.objects.filter(Q(**item) | given | looked_up).exists()
        or RemovalItem.objects.filter(**item).exists()
        or HitRecord.objects.filter(host=host, item_id=name).exists()
    )


def scored(host: Host, *, item_id: str, account_id: str, score: Score) -> str:
    """A score that counts. Returns what followed: `forward`, `report`, or "" for nothing. May be repeated.

    What followed is on record with ids, the score and the model's name alone: the model's own reason may repeat the
    text, and is dropped.
    """
    item_id, account_id = intake.clean(item_id), intake.clean(account_id)
    account = Account.objects.filter(host=host, external_id=account_id).first() if account_id else None
    item = Item.objects.filter(host=host, external_id=item_id).first()
    details = {
        "host": host.slug, "item": item_id, "account": account_id, "score": score.value, "model": score.model,
        "unparsable": score.unparsable,
    }  # fmt: skip
    with transaction.atomic():
        case = cases.undecided(account, [item] if item else []) if account or item else None
        if case is not None:
            return "forward" if _brought_forward(case, details) else ""
        if not settings.SAFEHOLD.classifier.opens:
            return ""
        accepted = arrivals.receive_report(
            intake.NewReport(
                channel="screening", once_key=f"score:{host.slug}:{item_id}", host=host.slug, item_ids=(item_id,),
                account_ids=(account_id,) if account_id else (), class_id=EXPLOITATION, reporter_ref=arrivals.SCORER,
            )
        )  # fmt: skip
        if accepted.repeated:
            return ""
        audit.record(ACT, actor=ACTOR, about=accepted.report, **details)
    return "report"


def _brought_forward(case: Case, details: dict[str, object]) -> bool:
    """Once for each case: else whoever writes much, or a host that asks again, would bring it to the front."""
    row = Case.objects.select_for_update().get(pk=case.pk)
    before = audit.history(row).filter(act=ACT).exists()
    if before or row.state != Case.State.OPEN or cases.forward(row.priority) == row.priority:
        return False
    cases.bring_forward(row, because="score", actor=ACTOR)
    audit.record(ACT, actor=ACTOR, about=row, **details)
    return True


# --- the model in force ----------------------------------------------------------------------------


class _Held:
    """This process's scorer, and the day for which an administrator was told that there is none."""

    def __init__(self) -> None:
        self.key: tuple[object, date] | None = None
        self.scorer: OpenAiScorer | None = None
        self.told: date | None = None
        self.lock = threading.Lock()


_held = _Held()


def scorer() -> OpenAiScorer:
    """The model in force, with today's version of the policy. Raises what NO_SCORER names."""
    config, today = settings.SAFEHOLD.classifier, timezone.now().date()
    with _held.lock:
        if _held.scorer is None or _held.key != (config, today):
            made = OpenAiScorer(
                config.url, config.model, instruction(today), config.api_key, allowed_hosts=config.allowed_hosts
            )
            # The one before is not closed: another thread may be asking it. It goes when that is over.
            _held.scorer, _held.key = made, (config, today)
        return _held.scorer


def let_go() -> None:
    """Let the model's connections go, when nobody asks it any more."""
    with _held.lock:
        if _held.scorer is not None:
            _held.scorer.close()
        _held.scorer = _held.key = _held.told = None


def instruction(day: date) -> str:
    """What the model is told: the class in the version in force on that day."""
    name = policy_of(EXPLOITATION)
    pack = policy.load(name, version_on(name, day, settings.SAFEHOLD.policy_start))
    return policy.prompt(pack, EXPLOITATION)


def tell_administrator(problem: Exception) -> None:
    """One task a day: texts are not scored."""
    today = timezone.now().date()
    if _held.told == today:
        return
    with transaction.atomic():
        work.raise_task(TASK, key=today.isoformat(), about=ABOUT, role="administrator", note=str(problem))
    _held.told = today
