"""The console in Simplified Chinese (complete) and Arabic (the frame), and the language switch."""

import re
import subprocess
from pathlib import Path

import pytest

import safehold.console
from safehold.cases.models import Case
from tests.console.conftest import Browser, SignIn

LOCALE = Path(safehold.console.__file__).parent / "locale"


def test_no_chinese_word_is_missing() -> None:
    text = (LOCALE / "zh_Hans/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    missing = re.findall(r'^msgid (".+")\n(?:msgid_plural .*\n)?msgstr(?:\[0\])? ""\n(?!")', text, re.MULTILINE)
    assert not missing
    assert "#, fuzzy" not in text


def test_every_text_of_the_console_is_in_the_catalogue() -> None:
    known = (LOCALE / "zh_Hans/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    room = LOCALE.parent
    asked: set[str] = set()
    for page in [*room.rglob("*.html")]:
        asked |= set(re.findall(r"""\{% translate "([^"%]+)" %\}""", page.read_text(encoding="utf-8")))
        asked |= set(re.findall(r"""\{% translate '([^'%]+)' %\}""", page.read_text(encoding="utf-8")))
    for module in room.rglob("*.py"):
        asked |= set(re.findall(r"""\b_\("([^"\\]+)"\)""", module.read_text(encoding="utf-8")))
    assert len(asked) > 300
    assert not [words for words in sorted(asked) if f'msgid "{words}"' not in known]


@pytest.mark.parametrize("lang", ["zh_Hans", "ar"])
def test_the_compiled_catalogue_is_of_this_source(lang: str, tmp_path: Path) -> None:
    folder = LOCALE / lang / "LC_MESSAGES"
    made = tmp_path / "django.mo"
    try:
        subprocess.run(["msgfmt", "-o", str(made), str(folder / "django.po")], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("msgfmt is not installed")
    assert made.read_bytes() == (folder / "django.mo").read_bytes()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "word", "direction"), [("zh-hans", "队列", "ltr"), ("ar", "قائمة الانتظار", "rtl"), ("en", "Queue", "ltr")]
)
def test_the_switch_changes_the_language(code: str, word: str, direction: str, sign_in: SignIn) -> None:
    browser = sign_in("reviewer")
    browser.get(f"/language/{code}?next=/console/")
    text = browser.get("/console/queue/").content.decode()
    assert word in text
    assert f'dir="{direction}"' in text


@pytest.mark.django_db
def test_questions_and_clauses_are_in_the_readers_language(case: Case, taken: Browser) -> None:
    taken.get("/language/zh-hans?next=/console/")
    subject = case.subjects.get()
    english = Browser()
    page = taken.get(f"/console/subjects/{subject.pk}/assess/cse/role").content.decode()
    assert "问题 1" in page
    legend = re.search(r"<legend>(.*?)</legend>", page)
    assert legend
    assert re.search(r"[\u4e00-\u9fff]", legend[1])
    assert english.get("/console/account/login/").status_code == 200
