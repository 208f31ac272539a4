"""The policy as a document: every clause with an address of its own, in every language and version."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, get_language_info, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from safehold import policy
from safehold.policy.pack import ACTIONS, DUTIES, SANCTIONS
from safehold.policy.versions import version_on, versions

PACK = "child-safety"


@require_safe
def present(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """To the version that is in force today, in the reader's language where the policy has it."""
    version = version_on(PACK, timezone.now().date())
    language = get_language() or "en"
    known = policy.load(PACK, version).languages
    return HttpResponseRedirect(reverse("public:policy", args=[version, language if language in known else "en"]))


@require_safe
def document(request: HttpRequest, version: str, lang: str) -> HttpResponse:
    """One version in one language. Clause ids are anchors: letters and links name them."""
    if version not in versions(PACK):
        raise Http404
    pack = policy.load(PACK, version)
    if lang not in pack.languages:
        raise Http404
    return render(
        request,
        "public/policy.html",
        {
            "pack": pack,
            "lang": lang,
            "direction": "rtl" if get_language_info(lang)["bidi"] else "ltr",
            "words": _words(lang),
            "not_yours": lang == "en" and (get_language() or "en") not in pack.languages,
            "in_force": version == version_on(PACK, timezone.now().date()),
            "versions": versions(PACK),
            "languages": [(code, get_language_info(code)["name_local"]) for code in pack.languages],
            "classes": [_class(pack, lang, name) for name in pack.classes],
            "terms": [_named(pack, lang, code) for code in (*SANCTIONS, *ACTIONS)],
            "duties": [_named(pack, lang, code) for code in DUTIES],
        },
    )


def _words(lang: str) -> dict[str, str]:
    """The headings inside the document, in the document's language and not the reader's."""
    with override(lang):
        return {
            "not_allowed": _("What is not allowed"),
            "allowed": _("What is allowed"),
            "follows": _("What follows"),
            "questions": _("What a reviewer finds out first"),
            "terms": _("What the words mean"),
        }


def _class(pack: policy.Pack, lang: str, name: str) -> dict[str, Any]:
    cls = pack.classes[name]
    return {
        **_named(pack, lang, name),
        "clauses": [_named(pack, lang, clause) for clause in sorted(cls.clauses)],
        "exceptions": [_named(pack, lang, one) for one in sorted(cls.exceptions)],
        "questions": [
            {"text": pack.text(lang, one.text_id), "help": pack.text(lang, one.text_id, "help")}
            for one in cls.questions
        ],
        "outcomes": [pack.text(lang, outcome) for outcome in dict.fromkeys(rule.then for rule in cls.rules)],
    }


def _named(pack: policy.Pack, lang: str, text_id: str) -> dict[str, str]:
    return {"id": text_id, "title": pack.text(lang, text_id), "text": pack.text(lang, text_id, "text")}
