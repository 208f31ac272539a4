"""Every sentence of the public pages is there in Simplified Chinese and Arabic, compiled and with its blanks."""

import ast
import gettext
import re
from pathlib import Path

import pytest

from safehold import public, transparency

ROOMS = {"public": Path(public.__file__).parent, "transparency": Path(transparency.__file__).parent}
_TAG = re.compile(r"""\{%\s*translate\s+(?:"([^"]*)"|'([^']*)')""")
_BLOCK = re.compile(r"\{%\s*blocktranslate[^%]*%\}(.*?)\{%\s*endblocktranslate\s*%\}", re.DOTALL)
_BLANK = re.compile(r"%\((\w+)\)[sd]")


def _of_templates(room: Path) -> set[str]:
    found: set[str] = set()
    for file in (room / "templates").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        found |= {one or other for one, other in _TAG.findall(text)}
        for block in _BLOCK.findall(text):
            first = re.split(r"\{%\s*plural\s*%\}", block)[0]
            found.add(re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", first))
    return found


def _of_code(room: Path) -> set[str]:
    found: set[str] = set()
    for file in room.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id in ("_", "gettext", "gettext_lazy", "ngettext"):  # type: ignore[attr-defined]
                first = node.args[0]  # type: ignore[attr-defined]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
    return found


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("language", ["zh_Hans", "ar"])
def test_every_sentence_is_translated(room: str, language: str) -> None:
    folder = ROOMS[room]
    with (folder / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    sentences = _of_templates(folder) | _of_code(folder)
    assert len(sentences) > 30
    for sentence in sorted(sentences):
        shown = catalog.get(sentence) or catalog.get((sentence, catalog_plural(catalog, sentence)))
        assert shown, f"{room} {language}: {sentence!r} is not translated"
        assert set(_BLANK.findall(sentence)) >= set(_BLANK.findall(shown)), sentence
        if language == "zh_Hans" and not re.fullmatch(r"%\(\w+\)s ?%%", sentence):
            assert shown != sentence, sentence


def catalog_plural(catalog: dict[object, str], sentence: str) -> int:
    """The first plural form that the catalog has for the sentence."""
    return next((key[1] for key in catalog if isinstance(key, tuple) and key[0] == sentence), 0)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("language", ["zh_Hans", "ar"])
def test_the_compiled_catalog_is_that_of_the_text(room: str, language: str) -> None:
    folder = ROOMS[room] / "locale" / language / "LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    text = (folder / "django.po").read_text(encoding="utf-8")
    written = [ast.literal_eval(line) for line in re.findall(r'^msgstr(?:\[\d\])? (".*")$', text, re.MULTILINE)]
    assert {one for one in written if one} <= set(catalog.values())
