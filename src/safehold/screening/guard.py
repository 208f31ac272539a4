"""Whether people agree with what a rule does, and turning it off where they do not. Others call it through `service`.

`agreement` gives the figures of a rule, or of the default for a trusted list; `check_drift` turns off what acts at once
once decisions show, with 95 % confidence, that people agree with fewer than the operator's threshold (99 in 100 unless
set otherwise). It is turned on again by two people alone, and starts from nothing then.

The figures are Wilson's score interval over the newest decided items. The alarm looks at its upper end: an agreement
can then never raise it, while one disagreement among the first seventeen does. The lower end, which is shown beside it,
says how much is proven: with 20 items and no disagreement that is 84 %, with 200 it is 98 %.
"""

import math

import msgspec
from django.conf import settings
from django.db import transaction

from safehold.screening import rules
from safehold.screening.lists import set_trusted
from safehold.screening.models import HashList, HitRecord, HitRule

LAST = 200  # decided items that count
Z = 1.96  # of a 95 % interval
ACTOR = "system:guard"
_HOW: dict[str, tuple[str, ...]] = {"link": ("link",), "words": ("term", "together")}


class Agreement(msgspec.Struct, frozen=True):
    """How often people found a violation, of the newest `decided` items; `low`, `high`: the ends of the interval."""

    decided: int
    agreed: int

    @property
    def share(self) -> float:
        return self.agreed / self.decided if self.decided else 1.0

    @property
    def low(self) -> float:
        return wilson(self.agreed, self.decided)[0]

    @property
    def high(self) -> float:
        return wilson(self.agreed, self.decided)[1]


class Drift(msgspec.Struct, frozen=True):
    """Automation that was turned off: the rule ("" = trust in the list itself), and why."""

    list: str
    on: str
    rule: str
    because: str


def wilson(agreed: int, decided: int, z: float = Z) -> tuple[float, float]:
    """The ends of Wilson's score interval for a share; (0, 1) where nothing is decided."""
    if decided == 0:
        return 0.0, 1.0
    whole = agreed == decided  # rounding must not bring the upper end below it
    share, spread = agreed / decided, z * z / decided
    middle = share + spread / 2
    width = z * math.sqrt((share * (1 - share) + spread / 4) / decided)
    return max(0.0, (middle - width) / (1 + spread)), 1.0 if whole else (middle + width) / (1 + spread)


def agreement(home: HashList, on: str, rule: HitRule | None, *, at_once: bool = False) -> Agreement:
    """The newest decided items of a rule, or (None) of the default since the list was trusted last; each item once.

    `at_once` leaves out what waited for a person anyway (an entry that was held back, trust that had gone).
    """
    rows = HitRecord.objects.filter(entry__list=home, rule=rule).exclude(agreed=HitRecord.Agreed.OPEN)
    rows = rows.filter(how__in=_HOW[on]) if on in _HOW else rows.exclude(how__in=sum(_HOW.values(), ()))
    if on in (rules.On.EXACT, rules.On.NEAR):
        rows = rows.filter(exact=on == rules.On.EXACT)
    if rule is None and home.trusted_at is not None:
        rows = rows.filter(at__gte=home.trusted_at)
    if at_once:
        rows = rows.filter(did__in=rules.ACTS_AT_ONCE)
    found: dict[tuple[str, str], str] = {}
    for host, item, agreed in rows.order_by("-agreed_at", "pk").values_list("host_id", "item_id", "agreed")[: 2 * LAST]:
        found.setdefault((host, item), agreed)
    newest = list(found.values())[:LAST]
    return Agreement(len(newest), newest.count(HitRecord.Agreed.YES))


def check_drift(list_slug: str) -> list[Drift]:
    """Turn off whatever of a list acts at once and people no longer agree with; returns what was turned off now.

    Joins the caller's transaction. A rule ends; where the default would hide all the same, the list loses its trust.
    """
    off = []
    with transaction.atomic():
        home = rules.locked(list_slug)
        for on in rules.On.values:
            rule = rules.rule_in_force(list_slug, on)
            does = rule.does if rule is not None else rules.default(on, trusted=home.trusted)
            if does not in rules.ACTS_AT_ONCE:
                continue
            figures = agreement(home, on, rule, at_once=True)
            if figures.high * 100 >= settings.SAFEHOLD.guard_agreement_percent:
                continue
            because = f"drift: people agreed with {figures.agreed} of the newest {figures.decided}"
            if rule is not None:
                rules.end_rule(rule.pk, because=because, actor=ACTOR)
                off.append(Drift(list_slug, on, str(rule.pk), because))
            if does == rules.What.HIDE and rules.default(on, trusted=home.trusted) == rules.What.HIDE:
                home = set_trusted(list_slug, trusted=False, because=because, actor=ACTOR)
                off.append(Drift(list_slug, on, "", because))
    return off
