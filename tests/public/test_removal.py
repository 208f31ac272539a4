"""The public pages of removal requests: the notice, the form, the receipt, the objection. No account, file, cookie."""

from typing import Any

import msgspec
import pytest
from django.test import Client

from safehold.intake.models import Report
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import removals as commands
from safehold.public import throttle
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalObjection
from tests.public.making import browser, hidden, post, world_with
from tests.support import removing
from tests.support.jobs import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]
WHOLE = {
    "links": "https://memory.test/p-user-17", "depiction": "placeholder description 1",
    "statement": "placeholder statement 2", "good_faith": "1", "minor": "no", "behalf": "self", "signature": "User 40",
    "email": "user-40@mail.example",
}  # fmt: skip
LANGUAGES = ("en", "zh-hans", "ar")


def send(client: Client, path: str = "/removal", **fields: str) -> Any:
    return post(client, path, {"key": hidden(client.get("/removal"), "key"), **WHOLE, **fields})  # type: ignore[arg-type]


def code_of(response: Any) -> str:
    assert response.status_code == 303, response.content.decode()[:3000]
    return str(response["Location"]).removeprefix("/removal/r/")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_process_and_the_form_in_every_language(language: str) -> None:
    page = browser().get(f"/removal?lang={language}")
    text = page.content.decode()
    assert page.status_code == 200
    assert f'lang="{language}"' in text
    assert "48" in text
    assert "223a" in text
    assert page["Cache-Control"] == "no-store"
    assert page["Referrer-Policy"] == "no-referrer"
    assert "script-src" in page["Content-Security-Policy"]
    assert 'type="file"' not in text


@pytest.mark.parametrize("path", ["/", "/report", "/r", "/policy", "/law-enforcement", "/removal"])
def test_every_public_page_leads_to_it(path: str) -> None:
    assert 'href="/removal"' in browser().get(path, follow=True).content.decode()


def test_a_whole_request_gives_a_receipt() -> None:
    world_with("user-17")
    client = browser()
    code = code_of(send(client))
    assert not client.cookies
    row = removals.by_code(code)
    assert row is not None
    assert (row.minor, row.behalf, row.language) == ("no", "self", "en")
    told = commands.open_words(row.pk, actor="staff:checker")
    assert told.contact is not None
    assert (told.contact.signature, told.contact.email) == ("User 40", "user-40@mail.example")
    run_due()
    for language in LANGUAGES:
        page = browser().get(f"/removal/r/{code}?lang={language}")
        text = page.content.decode()
        assert page.status_code == 200
        assert code in text
        assert "https://memory.test/p-user-17" in text
        assert "placeholder" not in text, "what was written is not shown to whoever has the code"
        assert "user-40" not in text.lower()


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("links", "links"), ("depiction", "depiction"), ("statement", "statement"), ("good_faith", "statement"),
        ("signature", "signature"), ("email", "email"), ("minor", "minor"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_beside_its_field_and_the_rest_is_kept(left_out: str, named: str) -> None:
    answer = send(browser(), **{left_out: ""})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f'href="#{named}"' in text
    for name in ("depiction", "statement", "signature"):
        if name != left_out:
            assert WHOLE[name] in text
    assert not Removal.objects.exists()


def test_who_acts_for_somebody_says_who_they_are() -> None:
    assert send(browser(), behalf="authorised").status_code == 422
    code_of(send(browser(), behalf="authorised", relationship="placeholder relationship 1"))


def test_words_may_stand_in_for_a_link_and_a_telephone_number_for_an_address() -> None:
    code_of(send(browser(), links="", place="placeholder place 1", email="", other_contact="+12025550140"))


def test_a_wrong_address_is_said() -> None:
    assert 'href="#email"' in send(browser(), email="user-40").content.decode()


@pytest.mark.parametrize("minor", ["yes", "not_sure"])
def test_one_receipt_where_a_minor_may_be_shown(minor: str) -> None:
    world_with("user-17")
    code = code_of(send(browser(), minor=minor))
    row = removals.by_code(code)
    assert row is not None
    assert Report.objects.get().pk == row.report
    assert browser().get(f"/r/{code}").status_code == 404, "the report has a code that nobody was shown"


def test_no_file_is_taken_and_the_body_is_not_read() -> None:
    class Unread:
        def read(self, *_size: int) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    for kind, path in (("multipart/form-data; boundary=x", "/removal"), ("image/png", "/removal")):
        answer = Client().generic(
            "POST", path, b"", content_type=kind, **{"wsgi.input": Unread(), "CONTENT_LENGTH": "9"}
        )  # type: ignore[arg-type]
        assert answer.status_code == 415


def test_sending_twice_gives_the_same_receipt_and_a_changed_form_another() -> None:
    client = browser()
    fields = {"key": hidden(client.get("/removal"), "key"), **WHOLE}  # type: ignore[arg-type]
    first, second = (code_of(post(browser(), "/removal", fields)) for _twice in range(2))
    assert first == second
    assert code_of(post(browser(), "/removal", {**fields, "place": "placeholder place 1"})) != first
    assert Removal.objects.count() == 2


def test_a_flood_slows_down_and_loses_nothing() -> None:
    flood = {"REMOTE_ADDR": "192.0.2.7"}
    for number in range(throttle.PLAIN):
        fields = {"key": hidden(browser().get("/removal"), "key"), **WHOLE, "place": str(number)}  # type: ignore[arg-type]
        code_of(post(browser(), "/removal", fields, **flood))
    fields = {"key": hidden(browser().get("/removal"), "key"), **WHOLE, "place": "the next"}  # type: ignore[arg-type]
    answer = post(browser(), "/removal", fields, **flood)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "placeholder statement 2" in answer.content.decode()
    assert Removal.objects.count() == throttle.PLAIN


def test_the_code_is_found_where_codes_are_looked_up() -> None:
    code = code_of(send(browser()))
    for typed in (code, f"https://desk.example/removal/r/{code}", code.lower().replace("-", "")):
        answer = post(browser(), "/r", {"code": typed})
        assert answer.status_code == 303
        assert browser().get(answer["Location"]).status_code == 200
    assert browser().get("/removal/r/2222-2222-2222-2222").status_code == 404


def test_completing_from_the_receipt() -> None:
    world_with("user-17")
    code = code_of(send(browser(), links="https://memory.test/nothing"))
    run_due()
    row = Removal.objects.get()
    commands.ask_for_more(row.pk, missing=("location",), answer="placeholder answer 1", actor="staff:checker")
    page = browser().get(f"/removal/r/{code}").content.decode()
    assert "placeholder answer 1" in page
    place = f"/removal/r/{code}"
    fields = {"do": "complete", "key": hidden(browser().get("/removal"), "key"), "behalf": "self"}  # type: ignore[arg-type]
    assert post(browser(), place, fields).status_code == 422
    answer = post(browser(), place, {**fields, "links": WHOLE["links"]})
    assert answer.status_code == 303
    row.refresh_from_db()
    assert row.state == "received"
    told = commands.open_words(row.pk, actor="staff:checker")
    assert told.words is not None
    assert told.words.statement == "placeholder statement 2", "what was left empty stays"
    assert post(browser(), place, {**fields, "links": WHOLE["links"]}).status_code == 409


def test_taking_it_back_from_the_receipt() -> None:
    world = world_with("user-17")
    code = code_of(send(browser()))
    run_due()
    assert post(browser(), f"/removal/r/{code}", {"do": "withdraw"}).status_code == 303
    row = Removal.objects.get()
    assert row.state == "withdrawn"
    assert post(browser(), f"/removal/r/{code}", {"do": "withdraw"}).status_code == 409
    assert world.items["p-user-17"].status == "visible"


@pytest.mark.parametrize("state", [state for state in Removal.State if state != "refused"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_its_page(state: str, language: str) -> None:
    code = code_of(send(browser()))
    row = Removal.objects.get()
    Removal.objects.filter(pk=row.pk).update(state=state, removed_at=row.received_at, missing=["contact"])
    assert browser().get(f"/removal/r/{code}?lang={language}").status_code == 200


@pytest.mark.parametrize("reason", Removal.Reason.values)
def test_a_refusal_is_said_with_its_reason(reason: str) -> None:
    code = code_of(send(browser()))
    commands.refuse(Removal.objects.get().pk, reason=reason, answer="placeholder answer 2", actor="staff:checker")
    text = browser().get(f"/removal/r/{code}").content.decode()
    assert "placeholder answer 2" in text


def test_the_objection_through_the_letter() -> None:
    world = world_with("user-17")
    removing.valid(links=("https://memory.test/p-user-17",))
    letter = Letter.objects.get(kind="removal_holder")
    place = f"/removal/appeal/{notices.letter_token(letter)}"
    for language in LANGUAGES:
        text = browser().get(f"{place}?lang={language}").content.decode()
        assert letter.title in text
        assert "User 40" not in text
    for wrong, status in (("", 422), ("x" * 5001, 422)):
        assert post(browser(), place, {"text": wrong}).status_code == status
    assert not RemovalObjection.objects.exists()
    assert post(browser(), place, {"text": "placeholder message 4"}).status_code == 303
    assert post(browser(), place, {"text": "placeholder message 5"}).status_code == 409
    row = RemovalObjection.objects.get()
    commands.answer_objection(row.pk, grant=True, reason="placeholder reason 1", actor="staff:other")
    run_due()
    text = browser().get(place).content.decode()
    assert "placeholder reason 1" in text
    assert 'name="text"' not in text
    assert world.items["p-user-17"].status == "visible"
    assert browser().get(place[:-1]).status_code == 404
    assert post(browser(), "/r", {"code": f"https://desk.example{place}"})["Location"] == place


def test_what_cannot_be_stored_is_taken_without_it() -> None:
    code = code_of(send(browser(), statement="placeholder\0 statement 2", signature="User\0 40"))
    row = removals.by_code(code)
    assert row is not None
    told = commands.open_words(row.pk, actor="staff:checker")
    assert told.words is not None
    assert msgspec.to_builtins(told)["contact"]["signature"] == "User 40"
