"""What the figures are called, and how a value is said, in the reader's language."""

from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from safehold import policy
from safehold.policy.versions import FIRST, policies, versions

SECTIONS: dict[str, tuple[Promise, Promise]] = {
    "reports": (_("Reports"), _("What people, hosts, flaggers and screening told us.")),
    "cases": (_("Cases"), _("Several reports about the same account or content make one case.")),
    "decisions": (_("Decisions"), _(
        "The policy computes each decision from recorded answers. "
        "A replaced decision stays counted in the period in which it took effect."
    )),
    "clauses": (_("Clauses"), _("How often a decision rested on a clause. One decision can rest on several.")),
    "sanctions": (_("Sanctions"), _("What the decisions ordered for accounts and persons.")),
    "actions": (_("Actions confirmed"), _("Counted only when the service, asked again, said that it is done.")),
    "cybertips": (_("CyberTips"), _(
        "Reports to the National Center for Missing & Exploited Children. Counted by NCMEC's receipt."
    )),
    "times": (_("Time taken"), _("The median, from the moment at which we came to know.")),
    "appeals": (_("Appeals"), _("Each is answered by somebody who had no part in the decision.")),
    "care": (_("How decisions were made"), _("By whom, and how much a machine did.")),
    "bans": (_("Bans"), _("Persons who may not open a new account.")),
    "removals": (_("Removal requests"), _(
        "Requests to remove intimate pictures or films that were published without consent (47 USC 223a)."
    )),
    "duties": (_("Duties"), _("What law and policy require in a case, until it is done or waived with a reason.")),
}  # fmt: skip

ROWS: dict[str, Promise] = {
    "reports.all": _("Reports received"),
    "reports.channel.form": _("through the public form"),
    "reports.channel.in_app": _("through a service's own report button"),
    "reports.channel.flagger": _("from trusted flaggers"),
    "reports.channel.authority": _("from authorities"),
    "reports.channel.screening": _("from screening against lists"),
    "reports.urgent": _("Reports marked urgent"),
    "locators.all": _("Links and names in them"),
    "locators.checking": _("still being checked"),
    "locators.found": _("found"),
    "locators.not_found": _("could not be found"),
    "locators.elsewhere": _("not on our services"),
    "cases.opened": _("Cases opened"),
    "cases.source.report": _("after a report"),
    "cases.source.match": _("after a match with a list"),
    "cases.source.score": _("after a model scored a text high"),
    "cases.source.flagger": _("after a trusted flagger's report"),
    "cases.source.authority": _("after word from an authority"),
    "cases.source.staff": _("found by staff"),
    "cases.closed": _("Cases closed"),
    "cases.open_now": _("Cases not closed now"),
    "decisions.all": _("Decisions that took effect"),
    "decisions.violation": _("violation found"),
    "decisions.clear": _("no violation found"),
    "decisions.by_cause": _("The same decisions, by occasion"),
    "decisions.cause.assessment": _("first assessment"),
    "decisions.cause.disagreement": _("the second person disagreed"),
    "decisions.cause.appeal": _("appeal"),
    "decisions.cause.correction": _("correction of a rule or list"),
    "sanctions.suspend_permanently": _("Permanent suspension"),
    "sanctions.suspend_protectively": _("Protective suspension"),
    "sanctions.lock_until_removed": _("Lock until the item is removed"),
    "sanctions.read_only": _("Read only for a time"),
    "sanctions.ban_person": _("Ban of the person"),
    "actions.confirmed": _("Actions confirmed, all kinds"),
    "actions.kind.hide_item": _("item hidden from everybody"),
    "actions.kind.purge_item": _("service's copy destroyed"),
    "actions.kind.suspend_account": _("account suspended"),
    "actions.kind.lock_account": _("account locked"),
    "actions.kind.ban_person": _("person banned"),
    "actions.reversed": _("Actions reversed"),
    "actions.failed_now": _("Actions failed, waiting for a person now"),
    "cybertips.receipts": _("CyberTips with a receipt"),
    "cybertips.finished": _("in the ordinary way"),
    "cybertips.recovered": _("receipt recovered after an interruption"),
    "cybertips.by_hand": _("Filed by hand"),
    "cybertips.not_reportable": _("Not reportable, with a recorded reason"),
    "cybertips.failed_now": _("Filings failed, waiting for a person now"),
    "times.hidden": _("Until the item was hidden"),
    "times.filed": _("Until NCMEC's receipt"),
    "appeals.opened": _("Appeals opened"),
    "appeals.answered": _("Appeals answered"),
    "appeals.granted": _("granted"),
    "appeals.refused": _("refused"),
    "appeals.corrections": _("Corrections without an appeal"),
    "appeals.granted_share": _("Share granted"),
    "appeals.time": _("Median time to the answer"),
    "care.two_people": _("Decisions by two people"),
    "care.lenient_share": _("Share of the lenient path in violations of child sexual exploitation"),
    "care.overrides": _("Overrides of the policy's outcome"),
    "care.overrides_share": _("Share of overrides in all decisions"),
    "care.automated_decisions": _("Share decided without a person's answers"),
    "care.hidden_by_machine": _("Share of items hidden before a person looked"),
    "bans.placed": _("Bans placed"),
    "bans.lifted": _("Bans lifted"),
    "bans.in_force_now": _("Bans in force now"),
    "removals.received": _("Requests received"),
    "removals.valid": _("of these, found valid"),
    "removals.removed": _("Requests done: everything named is removed"),
    "removals.in_time": _("within 48 hours"),
    "removals.late": _("later"),
    "removals.refused": _("Requests refused"),
    "removals.not_found": _("Requests that named nothing on our services"),
    "removals.withdrawn": _("Requests taken back"),
    "removals.restored": _("Removals taken back after an objection or a second look"),
    "removals.routed": _("Requests that went to child safety as well"),
    "removals.copies": _("Identical copies removed"),
    "removals.overdue_now": _("Requests overdue now"),
    "removals.time": _("Median time from a whole request to the removal"),
    "duties.open_now": _("Duties open now"),
    "duties.open_now.report_shall": _("report to NCMEC, required"),
    "duties.open_now.report_may": _("report to NCMEC, permitted"),
    "duties.open_now.preserve": _("preserve the evidence"),
    "duties.open_now.notify_account_holder": _("tell the account holder why"),
    "duties.open_now.inform_authority": _("inform an authority"),
    "duties.met": _("Duties met"),
    "duties.waived": _("Duties waived with a reason"),
}
# Editions published before overrides were counted say so.
WHY = {"This version of Safehold has no overrides.": _("This version of Safehold has no overrides.")}
DIRECTIONS: dict[str, Promise] = {
    "stricter": _("stricter than computed"),
    "milder": _("milder than computed"),
    "other": _("neither stricter nor milder"),
}


def label(row: dict[str, Any], language: str) -> str:
    """The name of a figure."""
    if "clause" in row:
        pack = policy.load(row.get("policy", FIRST), row["version"])  # figures frozen earlier name no policy
        title = pack.text(language if language in pack.languages else "en", row["clause"])
        return f"{row['clause']} · {title} ({row['version']})"
    if "direction" in row:
        return f"{_class_name(row['class'], language)}: {DIRECTIONS[row['direction']]}"
    return str(ROWS[row["id"]])


def _class_name(class_id: str, language: str) -> str:
    """A class in the words of the latest version that has it."""
    for name in policies():
        for version in reversed(versions(name)):
            pack = policy.load(name, version)
            if class_id in pack.classes:
                return pack.text(language if language in pack.languages else "en", class_id)
    return class_id


def value(row: dict[str, Any]) -> str:
    """A figure in words: a number, "fewer than 5", "none", "not measured"."""
    shown = row["shown"]
    if shown == "few":
        return gettext("fewer than 5") if row["unit"] == "count" else gettext("too few to tell")
    if shown == "withheld":
        return gettext("withheld")
    if shown == "none":
        return gettext("none in this period")
    if shown == "not_measured":
        return gettext("not measured")
    if row["unit"] == "share":
        return gettext("%(percent)s %%") % {"percent": formats.localize(round(row["value"] * 100, 1))}
    if row["unit"] == "seconds":
        return duration(row["value"])
    return formats.number_format(row["value"])


def duration(seconds: int) -> str:
    """A length of time in the unit that a reader would say."""
    if seconds < 120:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(seconds / 86400)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
