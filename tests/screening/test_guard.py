"""The guard: figures of agreement, drift that turns automation off, and that nothing turns it on again by itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from safehold.audit.models import Entry
from safehold.screening import guard
from safehold.screening import service as screening
from safehold.screening.models import HashList, HitRecord, HitRule
from safehold.subjects.models import Host

FIRST, SECOND = "staff:user-17", "staff:user-18"
WHY = "placeholder reason 1"
On, What = HitRule.On, HitRule.Does

database = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_holds_the_share_and_an_agreement_never_lowers_its_upper_end(agreed: int, more: int) -> None:
    decided = agreed + more
    low, high = guard.wilson(agreed, decided)
    assert 0 <= low <= (agreed / decided if decided else 0.5) <= high <= 1
    assert guard.wilson(agreed + 1, decided + 1)[1] >= high - 1e-12
    assert guard.wilson(agreed, decided + 1)[1] <= high + 1e-12


@pytest.mark.parametrize(("agreed", "decided", "low", "high"), [
    (0, 0, 0.0, 1.0), (20, 20, 0.8389, 1.0), (200, 200, 0.9812, 1.0), (19, 20, 0.7639, 0.9911), (0, 10, 0.0, 0.2775),
    (50, 100, 0.4038, 0.5962),
])  # fmt: skip
def test_known_intervals(agreed: int, decided: int, low: float, high: float) -> None:
    """The values that tables of Wilson's interval give."""
    assert guard.wilson(agreed, decided) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("decided", "wrong"), [(1, 1), (17, 1), (18, 2), (20, 2), (100, 3), (200, 5)])
def test_how_many_disagreements_turn_it_off(decided: int, wrong: int) -> None:
    """The table in docs/hits.md, for the threshold that is set by default."""
    assert guard.Agreement(decided, decided - wrong).high < 0.99
    assert guard.Agreement(decided, decided - wrong + 1).high >= 0.99


class Desk:
    """A trusted list with one entry, and hits that people decided about."""

    def __init__(self) -> None:
        self.host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="https://blog.test")
        with transaction.atomic():
            self.entry = screening.add_entry(
                "files-1", "a" * 64, source="source 1", category="A1", purpose="prevent-exploitation", licence="own",
                actor=FIRST,
            )  # fmt: skip
        self.trust()
        self.count = 0

    @property
    def home(self) -> HashList:
        return HashList.objects.get(pk="files-1")

    def trust(self) -> None:
        screening.set_trusted("files-1", trusted=True, because=WHY, actor=FIRST, approved_by=SECOND)

    def decided(self, agreed: str, number: int = 1, **more: Any) -> None:
        now = timezone.now()
        usual = {
            "how": "sha256",
            "exact": True,
            "did": "hide",
            "surface": "public_uploads",
            "at": now,
            "agreed_at": now,
        }
        for _one in range(number):
            self.count += 1
            HitRecord.objects.create(
                entry=self.entry, host=self.host, item_id=f"p{self.count}", agreed=agreed, **{**usual, **more}
            )

    def rule(self, does: str) -> HitRule:
        return screening.set_rule("files-1", On.EXACT, does, because=WHY, actor=FIRST, approved_by=SECOND)


@pytest.fixture
def desk(data: Any, db: Any) -> Desk:
    return Desk()


def test_no_decisions_no_alarm(desk: Desk) -> None:
    desk.decided("open", 50)
    assert screening.check_drift("files-1") == []
    assert screening.agreement(desk.home, On.EXACT, None) == screening.Agreement(0, 0)


def test_drift_of_the_default_takes_the_trust(desk: Desk) -> None:
    desk.decided("yes", 30)
    desk.decided("no")
    assert screening.check_drift("files-1") == []
    desk.decided("no")
    (drift,) = screening.check_drift("files-1")
    assert (drift.list, drift.on, drift.rule) == ("files-1", "exact", "")
    assert drift.because.startswith("drift: people agreed with 30 of the newest 32")
    assert not desk.home.trusted
    assert Entry.objects.filter(actor="system:guard", act="list.trust_set").exists()
    assert screening.check_drift("files-1") == [], "it is off"


def test_drift_of_an_unseen_rule_ends_the_rule_alone(desk: Desk) -> None:
    rule = desk.rule("unseen")
    desk.decided("yes", 10, did="unseen", rule=rule)
    desk.decided("taken_back", did="unseen", rule=rule)
    (drift,) = screening.check_drift("files-1")
    rule.refresh_from_db()
    assert (drift.rule, rule.ended_by) == (str(rule.pk), "system:guard")
    assert rule.ended_because.startswith("drift: ")
    assert desk.home.trusted, "a person looks first again; what is hidden at once has figures of its own"


def test_drift_of_a_hiding_rule_on_a_trusted_list_leaves_nothing_that_hides(desk: Desk) -> None:
    rule = desk.rule("hide")
    desk.decided("no", 2, rule=rule)
    assert [bool(one.rule) for one in screening.check_drift("files-1")] == [True, False]
    assert not desk.home.trusted
    assert screening.rule_in_force("files-1", On.EXACT) is None


def test_it_is_never_on_again_by_itself_and_starts_from_nothing(desk: Desk) -> None:
    desk.decided("no", 3)
    assert screening.check_drift("files-1")
    desk.decided("yes", 100)
    screening.check_drift("files-1")
    assert not desk.home.trusted
    HitRecord.objects.update(at=timezone.now() - timedelta(minutes=1))
    desk.trust()
    assert screening.check_drift("files-1") == [], "what people disagreed with before is not held against it again"
    desk.decided("no")
    assert screening.check_drift("files-1")


def test_what_waited_for_a_person_counts_in_no_alarm(desk: Desk) -> None:
    desk.decided("no", 5, did="review")
    desk.decided("no", 5, how="pdq", exact=False, distance=20, did="review")
    desk.decided("no", 5, how="link", exact=False, did="review")
    assert screening.check_drift("files-1") == []
    assert screening.agreement(desk.home, On.NEAR, None).decided == 5
    assert screening.agreement(desk.home, On.EXACT, None).decided == 5
    assert screening.agreement(desk.home, On.LINK, None).decided == 5


def test_an_item_counts_once_and_only_the_newest_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.decided("yes")
    row = HitRecord.objects.get()
    HitRecord.objects.create(
        entry=desk.entry, host=desk.host, item_id=row.item_id, how="md5", exact=True, did="hide", at=row.at,
        agreed="yes", agreed_at=row.at, surface="public_uploads",
    )  # fmt: skip
    assert screening.agreement(desk.home, On.EXACT, None).decided == 1
    monkeypatch.setattr(guard, "LAST", 10)
    desk.decided("yes", 20)
    HitRecord.objects.exclude(item_id=row.item_id).update(agreed_at=timezone.now() + timedelta(minutes=1))
    HitRecord.objects.filter(item_id=row.item_id).update(agreed="no")
    assert screening.agreement(desk.home, On.EXACT, None) == screening.Agreement(10, 10)


@pytest.mark.parametrize(("percent", "off"), [(100, True), (99, True), (95, False), (80, False)])
def test_the_operator_s_threshold(desk: Desk, settings: Any, percent: int, off: bool) -> None:
    import msgspec

    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, guard_agreement_percent=percent)
    desk.decided("yes", 20)
    assert screening.check_drift("files-1") == []
    desk.decided("no", 2)
    assert bool(screening.check_drift("files-1")) is off
