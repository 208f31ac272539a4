"""`safehold doctor` about lists, exchanges, the index and the key of links and terms."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.utils import timezone

from safehold.app import doctor
from safehold.app.setup import setup_keys
from safehold.screening import hidden, live
from safehold.screening import service as screening
from safehold.screening.exchanges import keeping
from safehold.screening.models import Exchange, ListEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "staff:user-17"
TERMS = {"source": "partner", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": ACTOR}
NCMEC = "https://exttest.cybertip.org/hashsharing"
PRODUCTION = "https://report.cybertip.org/hashsharing"


def found() -> dict[str, tuple[str, str]]:
    return {one.what: (one.state, one.say) for one in doctor._lists()}


def state(what: str) -> str:
    return found()[what][0]


def add(slug: str = "partner") -> ListEntry:
    return screening.add_entry(slug, hashlib.sha256(b"gradient 1").hexdigest(), category="A1", **TERMS)


def exchange(url: str = NCMEC, **fields: Any) -> Exchange:
    row = keeping.add(
        "ncmec", list_slug="ncmec", url=url, username="desk", password="placeholder", licence="placeholder", actor=ACTOR
    )
    Exchange.objects.update(**fields)
    return row


def environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(settings, "SAFEHOLD", msgspec.structs.replace(settings.SAFEHOLD, environment=name))


def test_without_lists_nothing_is_recognised_and_the_doctor_says_so() -> None:
    assert found() == {"lists": ("note", "there are none: nothing is recognised. Run: safehold lists import")}


def test_an_exchange_that_is_read_is_well() -> None:
    exchange(last_read_at=timezone.now())
    assert state("exchange ncmec") == "ok"
    Exchange.objects.update(problem="HTTP 503")
    assert state("exchange ncmec") == "note"


def test_one_that_is_not_read_for_too_long_is_wrong() -> None:
    exchange(last_read_at=timezone.now() - timedelta(hours=25), problem="HTTP 503")
    got, say = found()["exchange ncmec"]
    assert got == "wrong"
    assert "HTTP 503" in say
    assert "safehold lists sync ncmec" in say
    Exchange.objects.update(last_read_at=None)
    assert state("exchange ncmec") == "note"  # it was added just now
    Exchange.objects.update(made_at=timezone.now() - timedelta(hours=25))
    assert "last read whole: never" in found()["exchange ncmec"][1]


def test_one_that_refused_us_is_wrong() -> None:
    exchange(last_read_at=timezone.now(), refused_at=timezone.now(), problem="HTTP 401")
    got, say = found()["exchange ncmec"]
    assert (got, "HTTP 401" in say) == ("wrong", True)


def test_one_that_is_switched_off_matters_while_its_entries_match() -> None:
    exchange()
    keeping.switch_off("ncmec", actor=ACTOR)
    assert state("exchange ncmec") == "ok"
    ListEntry.objects.filter(pk=add().pk).update(list="ncmec")
    got, say = found()["exchange ncmec"]
    assert (got, "1 entries still match" in say) == ("note", True)


def test_test_feeds_stay_out_of_production_and_production_out_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange(last_read_at=timezone.now())
    assert state("exchange ncmec") == "ok"
    environment(monkeypatch, "production")
    got, say = found()["exchange ncmec"]
    assert (got, "a test feed into production" in say) == ("wrong", True)
    Exchange.objects.update(base_url="http://127.0.0.1:8098/hashsharing")
    assert "a practice feed into production" in found()["exchange ncmec"][1]
    Exchange.objects.update(base_url=PRODUCTION)
    assert state("exchange ncmec") == "ok"
    environment(monkeypatch, "test")
    assert state("exchange ncmec") == "wrong"


def test_the_index() -> None:
    add()
    assert state("index") == "note"
    screening.build_index(live.folder())
    assert found()["index"][0] == "ok"
    manifest = next(path for path in live.folder().rglob("*") if path.is_file() and "manifest" in path.name.lower())
    manifest.write_bytes(manifest.read_bytes()[:10])
    got, say = found()["index"]
    assert (got, say.endswith("Run: safehold screening index build --anew")) == ("wrong", True)


def test_the_key_of_links_and_terms_is_made_by_setup_and_missed_by_the_doctor(data: Path) -> None:
    setup_keys()
    path = hidden.key_file()
    assert path.name == "lists.key"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    setup_keys()
    assert path.read_bytes() == before
    screening.add_term("words", term="zorblat", category="A1", **TERMS)
    assert "lists.key" not in found()
    path.rename(path.with_suffix(".kept"))
    assert state("lists.key") == "wrong"
    setup_keys()  # another key than the terms were sealed with
    assert found()["lists.key"][1].startswith("does not open the listed terms")
    path.with_suffix(".kept").rename(path)
    assert "lists.key" not in found()
