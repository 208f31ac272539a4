"""The public form: anyone, no account, no evidence, no scripts, no cookies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from safehold.intake import service as intake
from safehold.intake.models import Locator, Report
from safehold.public import proof, throttle
from safehold.public.models import Arrival, SpentProof
from tests.public.making import FORM, browser, code_of, hidden, post, send, world_with
from tests.support import memory_host
from tests.support.jobs import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]


def test_a_name_alone_is_enough_and_gives_a_receipt() -> None:
    client = browser()
    code = code_of(send(client, account_name="user-17"))
    report = Report.objects.get()
    assert intake.by_code(code) == report
    assert (report.channel, report.urgent, report.class_id) == ("form", False, "")
    page = client.get(f"/r/{code}")
    assert page.status_code == 200
    assert code in page.content.decode()


def test_no_cookie_is_set_or_needed() -> None:
    client = browser()
    code = code_of(send(client, links="https://memory.test/p1"))
    client.get(f"/r/{code}")
    assert not client.cookies
    assert browser().get(f"/r/{code}").status_code == 200


def test_every_field_arrives() -> None:
    memory_host.make()
    fields = {
        "account_name": " user-17 ",
        "links": "https://memory.test/p1\n@user-18 https://memory.test/p2\n",
        "reason": "placeholder message 3",
        "class_id": "altercation",
        "relationship": "parent",
        "urgent": "1",
        "contact_email": "user-18@mail.example",
        "language": "zh-hans",
        "country": "de",
    }
    code = code_of(send(browser(), **fields))
    report = intake.by_code(code)
    assert report is not None
    assert (report.class_id, report.relationship, report.urgent) == ("altercation", "parent", True)
    assert (report.language, report.country) == ("zh-hans", "DE")
    named = [row.raw for row in report.locators.all()]
    assert named == ["user-17", "https://memory.test/p1", "@user-18", "https://memory.test/p2"]
    assert intake.words_of(report.pk).reason == "placeholder message 3"


def test_who_one_is_counts_only_for_an_altercation() -> None:
    send(browser(), account_name="user-17", class_id="cse", relationship="parent")
    assert Report.objects.get().relationship == ""


def test_choices_that_do_not_exist_count_as_not_made() -> None:
    send(browser(), account_name="user-17", class_id="made-up", language="xx", country="Atlantis", host="nowhere")
    report = Report.objects.get()
    assert (report.class_id, report.language, report.country, report.host) == ("", "en", "", None)


def test_sending_twice_gives_the_same_receipt() -> None:
    client = browser()
    fields = {"key": hidden(client.get("/report"), "key"), "account_name": "user-17"}
    first, second = code_of(post(client, "/report", fields)), code_of(post(browser(), "/report", fields))
    assert first == second
    assert Report.objects.count() == 1


def test_going_back_and_adding_a_link_loses_nothing() -> None:
    client = browser()
    fields = {"key": hidden(client.get("/report"), "key"), "account_name": "user-17"}
    first = code_of(post(client, "/report", fields))
    second = code_of(post(client, "/report", {**fields, "links": "https://memory.test/p2"}))
    assert first != second
    assert Report.objects.count() == 2


def test_a_made_up_key_opens_no_known_receipt() -> None:
    client = browser()
    fields = {"account_name": "user-17", "key": "chosen-by-somebody:0000"}
    assert code_of(post(client, "/report", fields)) != code_of(post(client, "/report", fields))


def test_nothing_at_all_is_asked_again() -> None:
    page = send(browser(), urgent="1")
    assert page.status_code == 422
    assert "one of them is enough" in page.content.decode()
    assert not Report.objects.exists()


@pytest.mark.parametrize("field", ["account_name", "links", "reason"])
def test_one_word_in_any_field_is_enough(field: str) -> None:
    code_of(send(browser(), **{field: "word"}))


def test_no_field_is_required_and_nothing_takes_a_file() -> None:
    text = browser().get("/report").content.decode()
    assert "required" not in text
    assert 'type="file"' not in text
    assert "multipart" not in text


def test_an_unknown_account_is_accepted_and_the_reporter_is_told() -> None:
    world_with("user-17")
    client = browser()
    code = code_of(send(client, account_name="user-404", links="https://memory.test/gone", host="memory"))
    waiting = client.get(f"/r/{code}").content.decode()
    assert "being checked" in waiting
    assert "could not be found" not in waiting
    run_due()
    told = client.get(f"/r/{code}").content.decode()
    assert told.count("could not be found") == 2
    assert set(Locator.objects.values_list("state", flat=True)) == {"not_found"}


def test_a_link_elsewhere_is_not_taken_in_and_leads_to_the_hotline() -> None:
    world = world_with("user-17")
    client = browser()
    code = code_of(send(client, links="https://elsewhere.example/p9", country="DE"))
    run_due()
    page = client.get(f"/r/{code}").content.decode()
    assert "elsewhere.example" not in page
    assert "not on our services" in page
    for hotline in intake.hotlines("DE", "en"):
        assert hotline.url in page
    assert "tel:18008435678" in page
    assert world.orders == []
    assert not Locator.objects.exclude(raw="").exists()


def test_the_emergency_comes_first_and_is_chosen_not_guessed() -> None:
    text = browser(HTTP_ACCEPT_LANGUAGE="de-DE").get("/report").content.decode()
    assert text.index("Is a child in danger now?") < text.index('name="account_name"')
    assert "tel:" not in text
    assert "tel:112" in browser().get("/report?country=DE").content.decode()
    assert "tel:112" in browser().get("/emergency?country=DE").content.decode()


def test_showing_the_number_without_scripts_keeps_what_was_typed() -> None:
    page = send(browser(), country="DE", show="country", reason="placeholder message 3", class_id="cse")
    text = page.content.decode()
    assert page.status_code == 200
    assert "tel:112" in text
    assert "placeholder message 3" in text
    assert 'value="cse" checked' in text
    assert not Report.objects.exists()


@pytest.mark.parametrize(("length", "status"), [(intake.TEXT_LIMIT + 1, 422), (1024 * 1024, 413)])
def test_too_much_text_comes_back_to_be_shortened(length: int, status: int) -> None:
    page = send(browser(), reason="x" * length, account_name="user-17")
    text = page.content.decode()
    assert page.status_code == status
    assert "x" * length in text
    assert 'value="user-17"' in text
    assert not Report.objects.exists()


def test_more_than_is_read_gets_a_clear_page() -> None:
    page = browser().post("/report", "reason=" + "x" * (2 * 1024 * 1024), content_type=FORM)
    assert page.status_code == 413
    assert "too long" in page.content.decode()
    assert page["Connection"] == "close"


def test_too_many_links_are_named_and_kept() -> None:
    links = "\n".join(f"https://memory.test/p{number}" for number in range(51))
    page = send(browser(), links=links)
    assert page.status_code == 422
    assert "At most 50" in page.content.decode()
    assert "https://memory.test/p50" in page.content.decode()


def test_a_wrong_address_of_a_reporter_is_named() -> None:
    page = send(browser(), account_name="user-17", contact_email="not an address")
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.content.decode()


@pytest.mark.parametrize(
    ("kind", "status"),
    [("multipart/form-data; boundary=x", 415), ("application/json", 415), ("text/plain", 415), ("", 415)],
)
def test_other_kinds_of_body_are_refused(kind: str, status: int) -> None:
    page = browser().post("/report", b'{"account_name": "user-17"}', content_type=kind)
    assert page.status_code == status
    assert not Report.objects.exists()


def test_a_length_that_is_no_number_is_refused() -> None:
    assert browser().post("/report", "a=b", content_type=FORM, CONTENT_LENGTH="many").status_code == 400


def test_odd_bytes_and_many_fields_do_no_harm() -> None:
    assert browser().post("/report", b"account_name=%ff%00%ed%a0%80x", content_type=FORM).status_code == 303
    many = "&".join(f"a{number}=1" for number in range(500))
    assert browser().post("/report", many, content_type=FORM).status_code == 400


def test_a_script_in_a_field_is_only_text() -> None:
    page = send(browser(), reason="x" * (intake.TEXT_LIMIT + 1), account_name='"><script>alert(1)</script>')
    assert "<script>alert" not in page.content.decode()


# --- floods slow down -------------------------------------------------------------------------------


def test_a_flood_is_slowed_down_and_loses_nothing() -> None:
    for number in range(throttle.PLAIN):
        code_of(send(browser(REMOTE_ADDR="192.0.2.7"), account_name=f"user-{number}"))
    page = send(browser(REMOTE_ADDR="192.0.2.8"), account_name="user-late", reason="placeholder message 9")
    assert page.status_code == 429
    assert 0 < int(page["Retry-After"]) <= throttle.WINDOW.total_seconds()
    assert 'value="user-late"' in page.content.decode()
    assert "placeholder message 9" in page.content.decode()
    assert Report.objects.count() == throttle.PLAIN
    code_of(send(browser(REMOTE_ADDR="198.51.100.7"), account_name="user-first"))


def test_a_proof_of_work_opens_the_faster_lane_once() -> None:
    for number in range(throttle.PLAIN):
        code_of(send(browser(REMOTE_ADDR="192.0.2.7"), account_name=f"user-{number}"))
    answer = proof.solve(proof.challenge())
    code_of(send(browser(REMOTE_ADDR="192.0.2.7"), account_name="user-a", proof=answer))
    again = send(browser(REMOTE_ADDR="192.0.2.7"), account_name="user-b", proof=answer)
    assert again.status_code == 429
    assert SpentProof.objects.count() == 1


@pytest.mark.parametrize("answer", ["", "x", "e30=", "bnVsbA==", "W10=", "9" * 5000, "eyJjaGFsbGVuZ2UiOiAxfQ=="])
def test_a_bad_proof_proves_nothing(answer: str) -> None:
    assert not proof.check(answer)


def test_a_cheaper_challenge_than_ours_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "COST", 10)
    cheap = proof.solve(proof.challenge())
    monkeypatch.undo()
    assert not proof.check(cheap)


def test_an_expired_challenge_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "LIFE", timedelta(seconds=-5))
    assert not proof.check(proof.solve(proof.challenge()))


def test_a_resend_never_waits() -> None:
    client = browser(REMOTE_ADDR="192.0.2.7")
    fields = {"key": hidden(client.get("/report"), "key"), "account_name": "user-0"}
    first = code_of(post(client, "/report", fields))
    for number in range(1, throttle.PLAIN):
        send(client, account_name=f"user-{number}")
    assert send(client, account_name="user-late").status_code == 429
    assert code_of(post(client, "/report", fields)) == first


def test_the_wait_ends_and_the_rows_go(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(throttle.PLAIN):
        assert throttle.admit("2001:db8:7::1", once_key=f"k{number}", proven=False) == 0
    wait = throttle.admit("2001:db8:7:ffff::2", once_key="late", proven=False)
    assert wait > 0
    assert throttle.admit("2001:db8:8::1", once_key="other", proven=False) == 0
    then = timezone.now() + timedelta(seconds=wait)
    monkeypatch.setattr(throttle.timezone, "now", lambda: then)
    assert throttle.admit("2001:db8:7::1", once_key="late", proven=False) == 0
    later = then + throttle.KEPT + timedelta(seconds=1)
    monkeypatch.setattr(throttle.timezone, "now", lambda: later)
    assert throttle.admit("", once_key="x", proven=False) == 0
    assert Arrival.objects.count() == 1
    assert throttle.forget(later + throttle.KEPT + timedelta(seconds=1)) == 1
    assert not Arrival.objects.exists()


def test_a_proxy_of_our_own_does_not_make_everybody_wait_for_everybody() -> None:
    for address in ("127.0.0.1", "10.1.2.3", "::1", "fd00::1", ""):
        waits = [throttle.admit(address, once_key=f"{address}{n}", proven=False) for n in range(throttle.PLAIN + 5)]
        assert set(waits) == {0}, address


def test_no_address_is_stored() -> None:
    send(browser(REMOTE_ADDR="192.0.2.77"), account_name="user-17")
    row = Arrival.objects.get()
    assert "192.0.2" not in f"{row.network} {row.once}"
    assert row.network != throttle._network("192.0.2.77", timezone.now() + timedelta(days=1))
