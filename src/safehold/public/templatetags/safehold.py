"""Tags of the common frame `safehold/base.html`. They need no context, so that error pages are whole too."""

from urllib.parse import quote

from django import template
from django.conf import settings
from django.template import Context
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _

register = template.Library()
LONGEST_PATH = 200  # a longer address is none of ours


@register.simple_tag
def environment_now() -> dict[str, str]:
    """Which installation this is, in words (design: invariant 16)."""
    name = settings.SAFEHOLD.environment
    filing = settings.SAFEHOLD.cybertip.environment
    label, meaning = {
        "practice": (_("Practice"), _("Nothing here reaches anybody outside. Use invented data alone.")),
        "test": (_("Test"), _("For trying out. Use invented data alone.")),
        "production": (_("Production"), ""),
    }[name]
    if filing != name:
        meaning = f"{meaning} {_filing(filing)}".strip()
    return {"name": name, "label": label, "meaning": meaning}


def _filing(environment: str) -> str:
    return {
        "practice": _("CyberTips go to a simulator."),
        "test": _("CyberTips go to NCMEC's test system."),
        "production": _("CyberTips go to NCMEC."),
    }[environment]


@register.simple_tag(takes_context=True)
def language_links(context: Context) -> list[dict[str, object]]:
    """One link for each language: it sets the language and comes back to this page."""
    request = context.get("request")
    path = request.path if request is not None and request.method in ("GET", "HEAD") else "/"
    here = quote(path if len(path) <= LONGEST_PATH else "/", safe="/")
    current = get_language()
    links: list[dict[str, object]] = []
    for code, _name in settings.LANGUAGES:
        info = get_language_info(code)
        links.append(
            {
                "code": code,
                "name": info["name_local"],
                "dir": "rtl" if info["bidi"] else "ltr",
                "current": code == current,
                "href": f"/language/{code}?next={here}",
            }
        )
    return links
