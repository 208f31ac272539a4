"""The line to hash sharing, against the simulator over HTTP: what is sent to the byte, and every way to answer it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import httpx2
import pytest

from safehold.screening.exchanges import client as client_module
from safehold.screening.exchanges.client import FEEDS, Client, address_problem, feedback_document, place_of
from safehold.screening.exchanges.source import Outcome
from safehold.screening.simulator.documents import REASONS
from tests.screening.exchanges.exchange_simulator import PASSWORD, USERNAME, Simulator

pytestmark = pytest.mark.network

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
QUICK = httpx2.Timeout(5)


@pytest.fixture(scope="module")
def module_simulator() -> Iterator[Simulator]:
    found = Simulator("--page-size", "10", "--entries", "25")
    yield found
    assert found.stop() == ""


@pytest.fixture
def simulator(module_simulator: Simulator) -> Iterator[Simulator]:
    yield module_simulator
    module_simulator.ask("DELETE", "/faults")


@pytest.fixture
def line(simulator: Simulator) -> Iterator[Client]:
    with Client(simulator.url, USERNAME, PASSWORD, timeout=QUICK) as found:
        yield found


def test_who_we_are_and_who_the_members_are(line: Client) -> None:
    status = line.status()
    assert (status.outcome, status.found and status.found.member) == (Outcome.OK, "7")
    assert line.members().found == {"42": "Member A", "43": "Member B", "101": "Member C"}


def test_a_window_is_asked_for_in_utc_and_its_pages_by_their_next(line: Client, simulator: Simulator) -> None:
    before = len(simulator.received()["calls"])
    there = timezone(timedelta(hours=5, minutes=30))
    answer = line.entries(SINCE.astimezone(there), UNTIL)
    names = []
    while answer.found is not None:
        names += [one.id for one in answer.found.records]
        if not answer.found.next:
            break
        answer = line.page(answer.found.next)
    assert len(names) == len(set(names)) == 25
    window = "GET /v2/entries?from=2026-01-01T00%3A00%3A00Z&to=2027-01-01T00%3A00%3A00Z"
    assert simulator.asked(before) == [
        window, f"{window}&start=11&size=10&max=25", f"{window}&start=21&size=10&max=25",
    ]  # fmt: skip


def test_a_time_without_a_zone_is_no_window(line: Client) -> None:
    with pytest.raises(ValueError, match="zone"):
        line.entries(datetime(2026, 1, 1), UNTIL)  # noqa: DTZ001 - that is the point


def test_the_login_is_needed(simulator: Simulator) -> None:
    with Client(simulator.url, USERNAME, "wrong", timeout=QUICK) as line:
        answer = line.status()
    assert (answer.outcome, answer.found) == (Outcome.STOP, None)


@pytest.mark.parametrize(
    ("fault", "outcome", "told"),
    [
        ({"kind": "status", "status": 500}, Outcome.RETRY, "HTTP 500"),
        ({"kind": "status", "status": 503}, Outcome.RETRY, "HTTP 503"),
        ({"kind": "status", "status": 408}, Outcome.RETRY, "HTTP 408"),
        ({"kind": "status", "status": 403}, Outcome.STOP, "HTTP 403"),
        ({"kind": "status", "status": 404}, Outcome.GONE, "HTTP 404"),
        ({"kind": "status", "status": 400}, Outcome.GONE, "HTTP 400"),
        ({"kind": "status", "status": 418}, Outcome.UNREADABLE, "HTTP 418"),
        ({"kind": "redirect", "text": "https://collector.example/"}, Outcome.UNREADABLE, "HTTP 302"),
        ({"kind": "unauthorised"}, Outcome.STOP, "HTTP 401"),
        ({"kind": "drop"}, Outcome.RETRY, "no answer, RemoteProtocolError"),
        ({"kind": "drop_after"}, Outcome.RETRY, "no answer, RemoteProtocolError"),
        ({"kind": "truncated"}, Outcome.RETRY, "no answer, "),
        ({"kind": "half"}, Outcome.UNREADABLE, "HTTP 200, malformed"),
        ({"kind": "broken"}, Outcome.UNREADABLE, "HTTP 200, malformed"),
        ({"kind": "empty"}, Outcome.UNREADABLE, "HTTP 200, malformed"),
        ({"kind": "doctype"}, Outcome.UNREADABLE, "HTTP 200, doctype"),
        ({"kind": "bad_bytes"}, Outcome.UNREADABLE, "HTTP 200, malformed"),
        ({"kind": "compressed"}, Outcome.UNREADABLE, "HTTP 200, compressed"),
        ({"kind": "other_root"}, Outcome.UNREADABLE, "HTTP 200, root"),
        ({"kind": "foreign_next"}, Outcome.UNREADABLE, "HTTP 200, next-leads-elsewhere"),
        ({"kind": "long"}, Outcome.UNREADABLE, "HTTP 200, too-long"),
    ],
    ids=lambda one: one.get("kind", "") + str(one.get("status", "")) if isinstance(one, dict) else "",
)
def test_every_answer_says_what_may_be_concluded(
    line: Client, simulator: Simulator, fault: dict[str, object], outcome: Outcome, told: str
) -> None:
    simulator.fault(fault)
    answer = line.entries(SINCE, UNTIL)
    assert (answer.outcome, answer.found) == (outcome, None)
    assert str(answer).startswith(told)


def test_the_charset_of_the_header_is_not_believed(line: Client, simulator: Simulator) -> None:
    simulator.fault({"kind": "wrong_charset"})
    answer = line.entries(SINCE, UNTIL)
    assert answer.found is not None
    assert len(answer.found.records) == 10


def test_a_slow_answer_is_no_answer(simulator: Simulator) -> None:
    simulator.fault({"kind": "slow", "seconds": 2})
    with Client(simulator.url, USERNAME, PASSWORD, timeout=httpx2.Timeout(0.2)) as line:
        answer = line.status()
    assert (answer.outcome, answer.problem) == (Outcome.RETRY, "ReadTimeout")


def test_a_body_that_drips_is_given_up(line: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RESPONSE_SECONDS", -1)
    answer = line.status()
    assert (answer.outcome, answer.problem) == (Outcome.UNREADABLE, "too-slow")


def test_a_closed_port_is_no_answer() -> None:
    with Client("http://127.0.0.1:1/hashsharing", USERNAME, PASSWORD, timeout=QUICK) as line:
        assert line.status().outcome is Outcome.RETRY


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999999", 24 * 3600, 24 * 3600),
        (timedelta(minutes=5), 200, 300),
        (timedelta(minutes=-5), 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
    ],
    ids=["seconds", "none", "too many", "a time to come", "a time gone by", "a word", "negative"],
)
def test_a_pause_that_is_asked_for_is_told(
    line: Client, simulator: Simulator, text: str | timedelta, least: float, most: float
) -> None:
    if isinstance(text, timedelta):  # from now on: the test may run long after it was collected
        text = format_datetime(datetime.now(UTC) + text, usegmt=True)
    simulator.fault({"kind": "rate_limit", "text": text})
    answer = line.entries(SINCE, UNTIL)
    assert answer.outcome is Outcome.RETRY
    assert least <= answer.retry_after <= most


# --- feedback, reasons, categories, large fingerprints ---

AFFIRMATIVE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<feedbackSubmission xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><affirmative/></feedbackSubmission>'
)
NEGATIVE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<feedbackSubmission xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><negative><reasonIds>'
    b"<guid>01234567-abcd</guid><guid>2</guid></reasonIds></negative></feedbackSubmission>"
)


def test_the_documents_of_feedback_to_the_byte() -> None:
    assert feedback_document(None) == AFFIRMATIVE
    assert feedback_document(("01234567-abcd", "2")) == NEGATIVE


@pytest.mark.parametrize("reasons", [(), ("",), ("a b",), ("<x/>",)])
def test_a_negative_feedback_without_reasons_is_none(reasons: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="reasons"):
        feedback_document(reasons)


def test_feedback_is_put_and_the_newer_one_stands(line: Client, simulator: Simulator) -> None:
    assert line.give_feedback("42", "image0", "MD5", None).outcome is Outcome.OK
    reasons = line.reasons("MD5").found
    assert reasons is not None
    assert {one.guid for one in reasons} == {guid for guid, _name in REASONS["MD5"]}
    assert line.give_feedback("42", "image0", "MD5", (reasons[0].guid,)).outcome is Outcome.OK
    (kept,) = simulator.received()["feedback"]
    assert (kept["affirmative"], kept["reasons"], kept["puts"]) == (False, [reasons[0].guid], 2)
    assert simulator.asked()[-1] == "PUT /v2/entries/42/image0/MD5/feedback"


@pytest.mark.parametrize(
    ("entry", "kind", "reasons"),
    [("image999", "MD5", None), ("image0", "VIDENTIFIER", None), ("image0", "MD5", ("not-one-of-them",))],
)
def test_feedback_that_the_service_refuses(
    line: Client, entry: str, kind: str, reasons: tuple[str, ...] | None
) -> None:
    assert line.give_feedback("42", entry, kind, reasons).outcome is Outcome.GONE


def test_an_entry_with_any_name_is_one_part_of_the_path(line: Client, simulator: Simulator) -> None:
    line.give_feedback("42", "a/../b?c#d", "MD5", None)
    assert simulator.asked()[-1] == "PUT /v2/entries/42/a%2F..%2Fb%3Fc%23d/MD5/feedback"


@pytest.mark.parametrize("kind", ["md5", "MD5/../..", "", "M D5"])
def test_a_fingerprint_is_named_as_paths_name_it(line: Client, kind: str) -> None:
    with pytest.raises(ValueError, match="key"):
        line.give_feedback("42", "image0", kind, None)


def test_categories_and_large_fingerprints(line: Client) -> None:
    found = line.categorizations().found
    assert found is not None
    assert {one.group for one in found} == {"Group 1", "Group 2"}
    assert line.fingerprint("/v2/entries/video9/fingerprints/TMK_PDQF").found == b"video9 TMK_PDQF"
    with pytest.raises(ValueError, match="below"):
        line.fingerprint("https://collector.example/x")


# --- addresses ---


def test_every_feed_has_its_two_addresses_and_a_name_of_its_own() -> None:
    assert {feed.code: (feed.production, feed.test) for feed in FEEDS} == {
        "industry": ("https://report.cybertip.org/hashsharing", "https://exttest.cybertip.org/hashsharing"),
        "industry-exp": (
            "https://report.cybertip.org/exploitative-hashsharing",
            "https://exttest.cybertip.org/exploitative-hashsharing",
        ),
        "le": ("https://lesp.ncmec.org/csam-hashsharing", "https://betalesp.ncmec.org/csam-hashsharing"),
        "npo": ("https://hashsharing.ncmec.org/npo", "https://hashsharing-test.ncmec.org/npo"),
        "npo-exp": ("https://hashsharing.ncmec.org/exploitative", "https://hashsharing-test.ncmec.org/exploitative"),
        "genai": (
            "https://hashsharing.ncmec.org/generative-ai-csam",
            "https://hashsharing-test.ncmec.org/generative-ai-csam",
        ),
        "genai-exp": (
            "https://hashsharing.ncmec.org/generative-ai-exploitative",
            "https://hashsharing-test.ncmec.org/generative-ai-exploitative",
        ),
    }
    places = [place_of(url) for feed in FEEDS for url in (feed.production, feed.test)]
    assert len(set(places)) == len(places)
    assert place_of("http://127.0.0.1:8098/hashsharing") == ("practice", "practice")


@pytest.mark.parametrize("installation", ["practice", "test", "production"])
def test_production_is_asked_by_production_alone(installation: str) -> None:
    for feed in FEEDS:
        assert bool(address_problem(feed.production, installation)) == (installation != "production")
        assert address_problem(feed.test, installation) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://report.cybertip.org/hashsharing/v2", "http://report.cybertip.org/hashsharing",
        "https://report.cybertip.org.example/hashsharing", "https://collector.example/hashsharing", "",
        "https://127.0.0.1.example/hashsharing", "https://report.cybertip.org@collector.example/hashsharing",
    ],
)  # fmt: skip
def test_no_other_address_is_asked(url: str) -> None:
    assert address_problem(url, "production")
    with pytest.raises(ValueError, match="address"):
        Client(url, USERNAME, PASSWORD)
