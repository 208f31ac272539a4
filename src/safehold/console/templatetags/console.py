"""Tags of the console's pages: navigation by right, words for codes, ages, people's names."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from safehold import policy
from safehold.cases.models import Case, Decision
from safehold.console import labels, questions, refs
from safehold.staff import service as staff
from safehold.staff.models import Member, StaffRole
from safehold.staff.service import Right

register = template.Library()

# (route, right); shown in this order to those who hold the right.
PAGES = (
    ("console:home", Right.HOME),
    ("console:queue", Right.ASSESS),
    ("console:removals", Right.ASSESS),
    ("console:second-list", Right.SECOND),
    ("console:appeals", Right.APPEALS),
    ("console:tasks", Right.TASKS),
    ("console:records", Right.RECORD),
    ("console:filings", Right.RECORD),
    ("console:authorities", Right.FILING),
    ("console:uk", Right.FILING),
    ("console:persons", Right.RECORD),
    ("console:custody", Right.CUSTODY),
    ("console:policies", Right.POLICY),
    ("console:lists", Right.POLICY),
    ("console:audit", Right.AUDIT),
    ("console:members", Right.ADMINISTER),
    ("console:hosts", Right.ADMINISTER),
)


def _words(route: str) -> str:
    return {
        "console:home": _("Start"),
        "console:queue": _("Queue"),
        "console:removals": _("Removals"),
        "console:second-list": _("Second person"),
        "console:appeals": _("Appeals"),
        "console:tasks": _("Tasks"),
        "console:records": _("Cases"),
        "console:filings": _("CyberTips"),
        "console:authorities": _("Authorities"),
        "console:uk": _("United Kingdom"),
        "console:persons": _("Bans"),
        "console:custody": _("Evidence"),
        "console:policies": _("Policy"),
        "console:lists": _("Lists"),
        "console:audit": _("Audit"),
        "console:members": _("Staff"),
        "console:hosts": _("Hosts"),
    }[route]


@register.simple_tag(takes_context=True)
def console_pages(context: Context) -> list[dict[str, object]]:
    """The pages that the signed-in member may open, for the navigation."""
    request = context.get("request")
    member = getattr(request, "user", None)
    if request is None or not isinstance(member, Member):
        return []
    rights = staff.rights_of(member)
    here = request.path
    links = []
    for route, right in PAGES:
        if right in rights:
            href = reverse(route)
            current = here == href or (route != "console:home" and here.startswith(href))
            links.append({"href": href, "words": _words(route), "current": current})
    return links


@register.simple_tag(takes_context=True)
def may(context: Context, right: str) -> bool:
    """Whether the signed-in member holds a right: {% may "second" as can_second %}."""
    member = getattr(context.get("request"), "user", None)
    return isinstance(member, Member) and staff.may(member, Right(right))


@register.filter
def words(code: object, table: str) -> object:
    """What a code means: {{ "hide_item"|words:"ACTION" }}. Unknown codes stay as they are."""
    known: dict[Any, str | Promise] = getattr(labels, table)
    return known.get(code, code)


@register.filter
def look(state: str) -> str:
    """The class that colours a state's tag."""
    return labels.look(str(state))


@register.filter
def role_name(role: str) -> object:
    """A staff role in words."""
    return StaffRole(role).label if role in StaffRole.values else role


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago, in the two largest units at most: "3 h 20 min"."""
    return "" if moment is None else span(timezone.now() - moment)


@register.filter
def left(moment: datetime | None) -> str:
    """How long until then; empty when it is over."""
    return "" if moment is None or moment <= timezone.now() else span(moment - timezone.now())


@register.filter
def length_of(length: timedelta) -> str:
    """A length of time, in the two largest units at most."""
    return span(length)


def span(length: timedelta) -> str:
    """A length of time as staff read it."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return ngettext("%(days)d day", "%(days)d days", days) % {"days": days} + (
            " " + _("%(hours)d h") % {"hours": hours} if hours and days < 3 else ""
        )
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes % 60}
    return _("%(minutes)d min") % {"minutes": minutes}


@register.filter
def person(actor: str) -> str:
    """An actor as staff know them: a member's name, or the reference as recorded."""
    return staff.names_of([actor])[actor] if actor else ""


@register.filter
def case_of(ref: str) -> Case | None:
    """The case that a reference leads to: {% with case=grant.about|case_of %}."""
    return refs.case_of(ref)


@register.filter
def whole(name: object) -> SafeString:
    """A name that is never broken over two lines: {{ case|whole }}."""
    return format_html('<span class="nowrap">{}</span>', name)


@register.filter
def counted(number: int) -> str:
    """A large count with its thousands parted: 12,345,678."""
    return f"{number:,}"


@register.filter
def of(table: dict[Any, Any], key: object) -> object:
    """A mapping's value: {{ names|of:entry.actor }}."""
    return table.get(key, key)


@register.simple_tag
def policy_text(pack: policy.Pack, text_id: str) -> str:
    """A text of the policy pack in the reader's language."""
    return questions.text(pack, text_id)


@register.simple_tag
def second_reason(pack: policy.Pack, code: str) -> object:
    """Why a second person is needed, as the pack words it; reasons that no pack knows are the console's."""
    return labels.SECOND.get(code) or questions.text(pack, code)


@register.simple_tag
def pack_of(decision: Decision) -> policy.Pack:
    """The policy version of a decision, for lists of decisions."""
    return policy.load(decision.policy, decision.policy_version)


@register.filter
def inline_svg(source: str) -> SafeString:
    """An SVG that our own server drew (the QR code of a second factor), without its XML prolog."""
    return mark_safe(source[source.index("<svg") :])  # noqa: S308 (made by qrcode from our own text)
