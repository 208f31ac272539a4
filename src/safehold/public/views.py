"""Pages that need no record: the start page, how an authority reaches this desk, the choice of a language."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from safehold.public.pages import LANGUAGES


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What this desk is, and its two doors."""
    return render(request, "public/start.html")


@require_safe
def law_enforcement(request: HttpRequest) -> HttpResponse:
    """How an authority reaches this desk, from the provider's profile; what is not set is not shown."""
    provider = settings.SAFEHOLD.provider
    context = {
        "provider": provider, "email": provider.email or settings.SAFEHOLD.mail_from, "phone": provider.phone,
        "legal_url": provider.legal_url if provider.legal_url.startswith(("https://", "http://")) else "",
    }  # fmt: skip
    return render(request, "public/law_enforcement.html", context)


@require_safe
def language(request: HttpRequest, code: str) -> HttpResponse:
    """Remember the language in a cookie that holds nothing else, and go back to the page."""
    if code not in LANGUAGES:
        raise Http404
    there = request.GET.get("next", "/")
    if not url_has_allowed_host_and_scheme(there, allowed_hosts=None) or not there.startswith("/"):
        there = "/"
    response = HttpResponseRedirect(there)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, code, max_age=365 * 86400, samesite="Lax", httponly=True, secure=settings.SECURE
    )
    return response
