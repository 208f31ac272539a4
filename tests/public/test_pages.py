"""What holds for every public page."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone, translation

from safehold import policy, public
from safehold.work.models import Worker
from tests.public.making import browser, code_of, decided, letter, post, send, world_with
from tests.support import desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault", "no_filing")]
ROOM = Path(public.__file__).parent


class Reader(HTMLParser):
    """Collects what a page loads, sends and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.marks: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.marks.add(tag)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
            self.loads.append(given.get("src") or given.get("data") or "inline")
        if tag == "link":
            self.loads.append(given.get("href") or "")
        if tag == "form":
            self.loads.append(given.get("action") or "")
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.inline.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)


def _pages() -> list[str]:
    world_with("user-17", "user-18")
    code = code_of(send(browser(), account_name="user-404", country="DE"))
    _a, suspended = letter(decided("user-17", desk.SUSPENDS, number=1))
    _b, lenient = letter(decided("user-18", desk.LENIENT, number=2))
    version = policy.load("child-safety", "2024-05").version
    return [
        "/", "/report", "/report?country=DE", "/r", f"/r/{code}", f"/appeal/{suspended}", f"/appeal/{lenient}",
        f"/policy/{version}/en", f"/policy/{version}/zh-hans", "/transparency/", "/nothing", "/appeal/x",
    ]  # fmt: skip


def test_every_page_is_whole_safe_and_asks_no_third_party() -> None:
    pages = _pages()
    for language in ("en", "zh-hans", "ar"):
        for path in pages:
            page = browser(HTTP_ACCEPT_LANGUAGE=language).get(path)
            text = page.content.decode()
            reader = Reader()
            reader.feed(text)
            where = f"{language} {path}"
            assert reader.inline == [], where
            assert all(url.startswith("/") and not url.startswith("//") for url in reader.loads), (where, reader.loads)
            assert {"main", "nav", "header", "footer", "h1"} <= reader.marks, where
            assert reader.headings.count("h1") == 1, where
            assert len(reader.ids) == len(set(reader.ids)), where
            assert 'href="#main"' in text
            assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in text.split(">", 3)[1], where
            assert 'class="environment environment-practice"' in text, where
            csp = page["Content-Security-Policy"]
            assert "default-src 'none'" in csp
            assert "unsafe" not in csp
            secret = path.startswith(("/r", "/appeal")) and page.status_code == 200
            assert page["Referrer-Policy"] in (("no-referrer",) if secret else ("no-referrer", "same-origin")), where
            assert page["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/report", "/r", "/emergency", "/transparency/"])
def test_pages_with_state_are_not_stored(path: str) -> None:
    assert browser().get(path)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("environment", ["practice", "test", "production"])
def test_every_page_says_which_environment_it_is(environment: str, settings: pytest.FixtureRequest) -> None:
    import msgspec

    settings.SAFEHOLD = msgspec.structs.replace(django_settings.SAFEHOLD, environment=environment)  # type: ignore[attr-defined]
    for path in ("/", "/report", "/nothing"):
        assert f"environment-{environment}" in browser().get(path).content.decode()
    with translation.override("en"):
        words = browser().get("/").content.decode()
    assert "CyberTips go to a simulator" in words or environment == "practice"


@pytest.mark.parametrize("name", ["400", "403", "404", "410", "413", "415", "429", "500"])
def test_error_pages_need_no_context(name: str) -> None:
    from django.template.loader import render_to_string

    text = render_to_string(f"{name}.html")
    assert f">{name}<" in text
    assert "environment-practice" in text


def test_the_language_is_kept_and_never_leads_away() -> None:
    client = browser()
    answer = client.get("/language/ar?next=/report")
    assert answer["Location"] == "/report"
    assert 'dir="rtl"' in client.get("/report").content.decode()
    for there in ("//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "evil"):
        assert browser().get("/language/ar", {"next": there})["Location"] == "/"
    assert browser().get("/language/xx").status_code == 404


def test_the_language_can_be_in_the_address() -> None:
    client = browser()
    assert 'lang="ar" dir="rtl"' in client.get("/report?lang=ar").content.decode()
    assert not client.cookies


def test_the_policy_has_an_anchor_for_every_clause() -> None:
    pack = policy.load("child-safety", "2024-05")
    assert browser().get("/policy")["Location"].startswith("/policy/")
    for language in pack.languages:
        text = browser().get(f"/policy/2024-05/{language}").content.decode()
        for cls in pack.classes.values():
            for clause in (*cls.clauses, *cls.exceptions):
                assert f'id="{clause}"' in text
                assert pack.text(language, clause, "text").split("'")[0][:20] in text
    for wrong in ("/policy/1999-01/en", "/policy/2024-05/xx", "/policy/../en", "/policy/%2e%2e/en"):
        assert browser().get(wrong).status_code in (404, 301), wrong


def test_a_reader_without_a_policy_in_their_language_is_told() -> None:
    answer = browser(HTTP_ACCEPT_LANGUAGE="ar").get("/policy", follow=True)
    text = answer.content.decode()
    assert "النص الإنجليزي" in text
    assert 'lang="en" dir="ltr"' in text


def test_the_probes() -> None:
    assert browser().get("/healthz").json() == {"alive": True}
    assert browser().get("/readyz").json()["worker"] == "never seen"
    Worker.objects.create(executor="w1", started_at=timezone.now(), beat_at=timezone.now())
    ready = browser().get("/readyz").json()
    assert (ready["ready"], ready["worker"]) == (True, "alive")
    Worker.objects.update(beat_at=timezone.now() - timezone.timedelta(minutes=5))
    assert browser().get("/readyz").json()["worker"] == "silent"


def test_a_database_that_does_not_answer_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from safehold.public import probes

    def broken() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(probes, "connection", type("Line", (), {"cursor": staticmethod(broken)}))
    assert Client(SERVER_NAME="localhost").get("/readyz").status_code == 503
    assert Client(SERVER_NAME="localhost").get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/language/en", "/emergency", "/policy", "/healthz", "/readyz", "/transparency/"]
)
def test_pages_that_only_read_refuse_to_be_written(path: str) -> None:
    assert post(browser(), path, {"a": "b"}).status_code in (403, 405)


def test_the_start_page_has_the_two_doors() -> None:
    text = browser().get("/").content.decode()
    assert 'href="/report"' in text
    assert 'href="/r"' in text


def test_lookup_takes_no_file() -> None:
    assert browser().post("/r", b"{}", content_type="application/json").status_code == 415
    assert post(browser(), "/r", {"code": "x" * 300_000}).status_code == 404


def test_codes_and_tokens_stay_out_of_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    """The filter sits on the logger, so every handler gets the rewritten record."""
    world_with("user-17")
    _statement, token = letter(decided("user-17", desk.SUSPENDS))
    caplog.set_level("WARNING")
    post(browser(), f"/appeal/{token}", {"do": "appeal", "text": ""})
    browser().get("/r/2345-6789-CDFG-HJKM")
    browser().get("/r/2345-6789-CDFG-HJKM/links")
    assert "/appeal/…" in caplog.text
    assert "/r/…" in caplog.text
    assert token not in caplog.text
    assert "2345-6789" not in caplog.text
