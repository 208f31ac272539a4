"""The jobs of exchanges and the command line: what is due runs by itself, one broken exchange stops no other."""

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from safehold.app import cli
from safehold.path import exchanges, housekeeping
from safehold.screening.exchanges import keeping
from safehold.screening.models import Exchange, HashList, ListEntry
from safehold.work import service as work
from safehold.work.models import Job
from tests.screening.exchanges.exchange_simulator import PASSWORD, USERNAME, Simulator
from tests.support.jobs import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.network]

Add = Callable[..., Exchange]
ACTOR = "operator:test"
NEW = ("exchange", "add", "x", "--username", "u", "--licence", "agreement 7")


def watch() -> list[str]:
    """One round of the watch, and what it made due."""
    with transaction.atomic():
        exchanges.watch()
    return run_due()


def test_what_is_due_is_read_to_the_present(simulator: Simulator, add: Add) -> None:
    simulator.make(25)
    row = add(simulator.url)
    assert watch() == ["exchange.sync"]
    assert ListEntry.objects.filter(list=row.list_id).count() == 25
    assert watch() == [], "its interval is not over"
    Exchange.objects.update(last_tried_at=timezone.now() - timedelta(minutes=61))
    assert watch() == ["exchange.sync"]
    assert Job.objects.get(name="exchange.sync").ids == {"exchange": "ncmec"}


def test_one_that_is_broken_stops_no_other(simulator: Simulator, add: Add) -> None:
    simulator.make(5)
    add("http://127.0.0.1:1/hashsharing", "a-broken")
    add(simulator.url, "b-fine")
    assert watch() == ["exchange.sync", "exchange.sync"]
    assert HashList.objects.get(pk="b-fine").entries.count() == 5
    broken = Exchange.objects.get(pk="a-broken")
    assert (broken.failures, broken.problem) == (1, "no answer, ConnectError")
    assert watch() == [], "it waits as long as it must, however often the watch looks"
    job = Job.objects.get(key="exchange.sync:a-broken")
    assert (job.state, job.failures) == ("waiting", 0)
    assert job.not_before > timezone.now()


def test_what_is_switched_off_is_not_read(simulator: Simulator, add: Add) -> None:
    add(simulator.url)
    exchanges.change("ncmec", actor=ACTOR, enabled=False)
    assert watch() == []
    assert simulator.asked() == []


def test_what_nobody_foresaw_is_told_and_tried_again_later(
    simulator: Simulator, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.make(5)
    row = add(simulator.url)

    def broken(*_given: object, **_more: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("safehold.screening.exchanges.sync.take", broken)
    watch()
    row.refresh_from_db()
    assert (row.problem, row.checkpoint, row.failures) == ("no answer, ZeroDivisionError", {}, 1)
    assert work.open_tasks("administrator").filter(kind="exchange-unreadable").count() == 1
    monkeypatch.undo()
    Exchange.objects.update(not_before=None)
    watch()
    assert row.list.entries.count() == 5
    assert not work.open_tasks().exists()


def test_the_watch_tells_what_was_not_read(add: Add) -> None:
    add("http://127.0.0.1:1/hashsharing")
    Exchange.objects.update(made_at=timezone.now() - timedelta(hours=25))
    watch()
    assert work.open_tasks("administrator").filter(kind="exchange-stale").count() == 1


def test_the_worker_begins_the_watch() -> None:
    housekeeping.keep_going()
    housekeeping.keep_going()
    assert Job.objects.filter(name="exchange.watch").count() == 1
    assert exchanges.watch() == work.Later(exchanges.WATCH_EVERY)


def test_a_withdrawn_entry_that_was_hit_makes_looking_again_due(simulator: Simulator, add: Add) -> None:
    simulator.make(3)
    row = add(simulator.url)
    watch()
    entry = row.list.entries.get(ref="practice:42:image0")
    ListEntry.objects.filter(pk=entry.pk).update(hits=1)
    simulator.remove(("42", "image0"), ago=30)
    Exchange.objects.update(checkpoint={}, last_tried_at=None)
    assert "hit.retracted" in watch()
    assert Job.objects.get(name="hit.retracted").ids["entry"] == str(entry.pk)


# --- the command line ---


def safehold(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(["lists", *words])
    told = capsys.readouterr()
    return code, told.out + told.err


@pytest.fixture
def password(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return str(path)


@pytest.mark.usefixtures("data")
def test_from_adding_to_reading(simulator: Simulator, capsys: pytest.CaptureFixture[str], password: str) -> None:
    simulator.make(25)
    simulator.make(1, first=50)
    given = ["--url", simulator.url, "--username", USERNAME, "--password-file", password, "--licence", "agreement 7"]
    code, told = safehold(capsys, "exchange", "add", "practice", *given)
    assert (code, "two policy owners" in told, PASSWORD in told.replace("into the list practice", "")) == (
        0,
        True,
        False,
    )
    code, told = safehold(capsys, "sync", "practice")
    assert (code, told) == (0, "practice\t26 records read on 3 pages, up to the present\n")
    code, told = safehold(capsys, "exchange", "status")
    assert code == 0
    assert "26 live entries" in told
    assert "fingerprints not used: PDNA 24, TMK_PDQF 2" in told
    assert "UNKNOWN to this version: NEWHASH 1" in told
    code, told = safehold(capsys, "exchange", "status", "practice", "--json")
    assert json.loads(told)[0]["live_entries"] == 26


@pytest.mark.usefixtures("data")
def test_the_password_comes_from_standard_input(
    simulator: Simulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    given = ["--url", simulator.url, "--username", USERNAME, "--licence", "agreement 7"]
    assert safehold(capsys, "exchange", "add", "practice", *given)[0] == 0
    assert safehold(capsys, "sync")[0] == 0


def test_what_went_wrong_is_said_and_ends_with_1(
    simulator: Simulator, add: Add, capsys: pytest.CaptureFixture[str]
) -> None:
    add(simulator.url)
    simulator.fault({"kind": "half", "call": "entries"})
    code, told = safehold(capsys, "sync", "ncmec")
    assert code == 1
    assert told == "ncmec\tNOT read up to the present: HTTP 200, malformed. Not before 60 seconds.\n"
    code, told = safehold(capsys, "exchange", "status")
    assert (code, "PROBLEM: HTTP 200, malformed" in told) == (1, True)
    assert safehold(capsys, "sync", "ncmec")[0] == 0, "a person asks again, pause or not"
    assert safehold(capsys, "exchange", "status")[0] == 0
    simulator.fault({"kind": "unauthorised"})
    Exchange.objects.update(checkpoint={})
    assert safehold(capsys, "sync")[0] == 1
    code, told = safehold(capsys, "exchange", "status")
    assert (code, "REFUSED since" in told) == (1, True)


def test_setting_and_switching_off(add: Add, capsys: pytest.CaptureFixture[str], password: str) -> None:
    add("http://127.0.0.1:1/hashsharing")
    words = ["--every", "30", "--feedback", "on", "--reason", "md5=1-2", "--member", "42", "--password-file", password]
    assert safehold(capsys, "exchange", "set", "ncmec", *words)[0] == 0
    row = Exchange.objects.get()
    assert (row.every_minutes, row.feedback, row.reasons, row.members) == (30, True, {"MD5": "1-2"}, ["42"])
    safehold(capsys, "exchange", "set", "ncmec", "--reason", "SHA1=3", "--member", "")
    row.refresh_from_db()
    assert (row.reasons, row.members) == ({"MD5": "1-2", "SHA1": "3"}, [])
    assert safehold(capsys, "exchange", "off", "ncmec")[0] == 0
    assert safehold(capsys, "sync")[0] == 2
    assert safehold(capsys, "exchange", "set", "ncmec", "--on")[0] == 0
    assert [row.pk for row in keeping.due()] == ["ncmec"]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([*NEW], "--feed"),
        ([*NEW, "--feed", "npo", "--url", "http://127.0.0.1"], "--feed"),
        ([*NEW, "--url", "https://collector.example"], "none of NCMEC's"),
        ([*NEW, "--feed", "npo", "--environment", "production"], "SAFEHOLD_ENVIRONMENT is not production"),
        ([*NEW, "--feed", "npo", "--password-file", "/nowhere"], "No such file"),
        (["exchange", "set", "nobody", "--every", "30"], "no exchange 'nobody'"),
        (["exchange", "set", "nobody", "--reason", "MD5"], "FINGERPRINT=ID"),
        ([*NEW[:2], "a/b", *NEW[3:], "--feed", "npo"], "letters, digits"),
        (["exchange", "ask", "nobody"], "no exchange 'nobody'"),
        (["exchange", "off", "nobody"], "no exchange 'nobody'"),
        (["exchange", "status", "nobody"], "no exchange 'nobody'"),
        (["sync", "nobody"], "no exchange 'nobody'"),
        (["sync"], "no exchange is switched on"),
    ],
)
def test_wrong_use_is_explained(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    code, told = safehold(capsys, *words)
    assert code == 2
    assert why in told
    assert not Exchange.objects.exists()


def test_asking_who_we_are_and_which_reasons_there_are(
    simulator: Simulator, add: Add, capsys: pytest.CaptureFixture[str]
) -> None:
    add(simulator.url)
    code, told = safehold(capsys, "exchange", "ask", "ncmec")
    assert code == 0
    assert "It takes us for Practice company (member 7)." in told
    assert "member\t42\tMember A" in told
    assert re.search(r"reason\tPDQ=[0-9a-f-]{36}\tNot of this kind", told)
    simulator.fault({"kind": "status", "status": 503, "call": "members"})
    code, told = safehold(capsys, "exchange", "ask", "ncmec")
    assert (code, told) == (1, "safehold: ncmec did not tell: HTTP 503.\n")


@pytest.mark.usefixtures("data")
def test_a_test_feed_is_added_without_being_asked(capsys: pytest.CaptureFixture[str], password: str) -> None:
    words = ["--feed", "industry", "--username", "u", "--password-file", password, "--licence", "agreement 7"]
    code, told = safehold(capsys, "exchange", "add", "ncmec", *words)
    assert (code, "https://exttest.cybertip.org/hashsharing" in told) == (0, True)
