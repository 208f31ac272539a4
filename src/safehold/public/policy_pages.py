"""The policy as a document: every clause with an address of its own, in every language and version."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, get_language_info, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from safehold import policy
from safehold.policy.pack import ACTIONS, DUTIES, SANCTIONS
from safehold.policy.versions import FIRST, policies, version_on, versions


@require_safe
def present(request: HttpRequest, name: str = FIRST) -> HttpResponse:  # noqa: ARG001
    """To the version that is in force today, in the reader's language where the policy has it."""
    if name not in policies():
        raise Http404
    version = version_on(name, timezone.now().date())
    language = get_language() or "en"
    known = policy.load(name, version).languages
    return HttpResponseRedirect(_address(name, version, language if language in known else "en"))


@require_safe
def document(request: HttpRequest, version: str, lang: str, name: str = FIRST) -> HttpResponse:
    """One version in one language. Clause ids are anchors: letters and links name them."""
    if name not in policies() or version not in versions(name):
        raise Http404
    pack = policy.load(name, version)
    if lang not in pack.languages:
        raise Http404
    return render(
        request,
        "public/policy.html",
        {
            "pack": pack,
            "lang": lang,
            "direction": _direction(lang),
            "title": pack.text(lang, "title"),
            "words": _words(lang),
            "not_yours": lang == "en" and (get_language() or "en") not in pack.languages,
            "in_force": version == version_on(name, timezone.now().date()),
            "now": reverse("public:policy-now") if name == FIRST else reverse("public:policy-own-now", args=[name]),
            "editions": list(_editions(name)),
            "others": [
                (other, reverse("public:policy-own-now", args=[other])) for other in policies() if other != name
            ],
            "classes": [_class(pack, lang, one) for one in pack.classes],
            "glossary": pack.glossary.terms(lang),
            "terms": [_named(pack, lang, code) for code in (*SANCTIONS, *ACTIONS)],
            "duties": [_named(pack, lang, code) for code in DUTIES],
            "documents": [_named(pack, lang, one.text_id) for one in pack.documents],
        },
    )


def _editions(name: str) -> Iterator[dict[str, str]]:
    """Every version in every language that it has, with its address."""
    for version in versions(name):
        for code, language in policy.load(name, version).languages.items():
            yield {"version": version, "code": code, "name": language.name, "href": _address(name, version, code)}


def _address(name: str, version: str, lang: str) -> str:
    if name == FIRST:
        return reverse("public:policy", args=[version, lang])
    return reverse("public:policy-own", args=[name, version, lang])


def _direction(lang: str) -> str:
    """Right to left where Django knows the language to be so; an operator may add one that it does not know."""
    try:
        return "rtl" if get_language_info(lang)["bidi"] else "ltr"
    except KeyError:
        return "ltr"


def _words(lang: str) -> dict[str, str]:
    """The headings inside the document, in the document's language and not the reader's."""
    with override(lang if lang in dict(settings.LANGUAGES) else "en"):
        return {
            "not_allowed": _("What is not allowed"),
            "allowed": _("What is allowed"),
            "follows": _("What follows"),
            "questions": _("What a reviewer finds out first"),
            "terms": _("Sanctions, actions and duties"),
            "glossary": _("What the words mean"),
            "documents": _("What this version was read from"),
        }


def _class(pack: policy.Pack, lang: str, name: str) -> dict[str, Any]:
    cls = pack.classes[name]
    return {
        **_named(pack, lang, name),
        "sentences": [pack.text(lang, f"{name}.{notice}") for notice in cls.notices],
        "clauses": [_named(pack, lang, clause) for clause in sorted(cls.clauses)],
        "exceptions": [_named(pack, lang, one) for one in sorted(cls.exceptions) if not cls.exceptions[one].off],
        "questions": [
            {"text": pack.text(lang, one.text_id), "help": pack.text(lang, one.text_id, "help")}
            for one in cls.questions
        ],
        "outcomes": [pack.text(lang, outcome) for outcome in dict.fromkeys(rule.then for rule in cls.rules)],
    }


def _named(pack: policy.Pack, lang: str, text_id: str) -> dict[str, str]:
    return {"id": text_id, "title": pack.text(lang, text_id), "text": pack.text(lang, text_id, "text")}
