"""Words for the codes that records hold. An unknown code is shown as it is, never hidden.

Clause and question texts are not here: they come from the policy pack, in every language it has.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from safehold.staff.service import Right

Words = dict[str, str | Promise]

SANCTION: Words = {
    "suspend_permanently": _("suspend the account for good"),
    "ban_person": _("ban the person from every host"),
    "lock_until_removed": _("lock the account until the item is removed"),
    "read_only": _("read-only for a time"),
    "suspend_protectively": _("suspend the account to protect it"),
}
ACTION: Words = {
    "hide_item": _("hide the item from everybody"),
    "warning_screen": _("put a warning before the item"),
    "hand_off": _("hand over to those who help"),
    "purge_item": _("destroy the host's copy"),
    "suspend_account": _("suspend the account"),
    "lock_account": _("lock the account"),
    "ban_person": _("ban the person"),
}
DUTY: Words = {
    "report_shall": _("report to NCMEC (required)"),
    "report_may": _("report to NCMEC (permitted)"),
    "preserve": _("preserve the evidence"),
    "notify_account_holder": _("send a statement of reasons"),
    "inform_authority": _("inform an authority"),
}
# Reasons for a second person that no pack words; the others are texts of the pack.
SECOND: Words = {
    "disagreement": _("The second person did not agree to leniency."),
}
PRIORITY: dict[int, str | Promise] = {
    0: _("danger now"),
    1: _("match or authority"),
    2: _("trusted flagger, or it looks like known material"),
    3: _("child sexual exploitation"),
    4: _("class unknown"),
    5: _("class unknown"),
    6: _("other"),
}
CHANNEL: Words = {
    "form": _("public form"),
    "in_app": _("report button"),
    "flagger": _("trusted flagger"),
    "authority": _("authority"),
    "screening": _("screening"),
}
LOCATOR: Words = {
    "checking": _("being looked up"),
    "found": _("found"),
    "not_found": _("not found"),
    "elsewhere": _("on another service"),
}
# The parts of a valid removal request (removals.ELEMENTS).
ELEMENT: Words = {
    "signature": _("a signature of the person shown, or of somebody whom they authorised"),
    "identification": _("which picture or film it is"),
    "location": _("where it is: enough for us to find it"),
    "statement": _("a statement in good faith that there was no consent, with what shows it"),
    "contact": _("how we can reach them"),
}
ITEM: Words = {"post": _("post"), "message": _("message"), "media": _("file")}
ENVIRONMENT: Words = {
    "practice": _("practice (simulator)"),
    "test": _("NCMEC's test system"),
    "production": _("production (NCMEC)"),
}
FILING: Words = {
    "drafted": _("drafted"),
    "opened": _("opened at NCMEC"),
    "uploading": _("files being sent"),
    "finished": _("finished, receipt kept"),
    "recovered": _("finished; receipt recovered"),
    "retracted": _("retracted"),
    "in_hand": _("being filed by hand"),
    "by_hand": _("filed by hand"),
    "not_reportable": _("not reportable"),
    "failed": _("failed: a person must look"),
}
TASK: Words = {
    "action-by-hand": _("Do by hand what no host can be ordered to do"),
    "automation-off": _("People disagreed with a list: what it did at once is turned off"),
    "appeal-needs-another": _("An appeal must be looked at by somebody else"),
    "ban-without-identifier": _("A ban stops nobody: the host knows no e-mail or telephone number"),
    "case-late": _("A case has waited too long for a decision"),
    "classifier-down": _("The model that orders the queue cannot be asked"),
    "counts-differ": _("Our count of reports and the receipts differ"),
    "archive-unreadable": _("Hashes of what was screened could not be read: it will not be found again"),
    "exchange-odd": _("A list's exchange counts its records in an odd way: something may be missing"),
    "exchange-refused": _("A list's exchange refuses us, or may not be asked"),
    "exchange-set-aside": _("Records of a list's exchange were set aside as malformed"),
    "exchange-stale": _("A list was not read from its exchange for too long"),
    "exchange-unknown": _("A list's exchange sends something that this version does not know"),
    "exchange-unreadable": _("A list's exchange cannot be read"),
    "feedback-failed": _("A source could not be told what was found"),
    "index-damaged": _("The index of known files is damaged: build it again"),
    "entry-disputed": _("People found no violation in the very file that an entry names: look at the entry"),
    "entry-held-back": _("An entry of a list hits many accounts: look at it"),
    "filing-finished-early": _("NCMEC has a report as finished that we did not finish"),
    "filing-in-hand-reversed": _("A decision was reversed while its report is filed by hand"),
    "filing-receipt-differs": _("A receipt names other files than we sent"),
    "report-late": _("A required report has waited too long"),
    "filing-circuit": _("NCMEC refuses our credentials: filing stands still"),
    "filing-delayed": _("A CyberTip takes too long"),
    "filing-failed": _("A CyberTip could not be filed"),
    "host-refused": _("A host refused an order"),
    "job-failed": _("A background job gave up"),
    "look-back": _("Look at what was decided without a look"),
    "letter-undeliverable": _("A letter could not be delivered"),
    "removal-clock": _("A removal request must be done within its 48 hours"),
    "removal-not-found": _("A removal request names nothing that could be found"),
    "removal-objection": _("Somebody objects to a removal"),
    "report-unresolved": _("A report names nothing that could be found"),
    "sanction-by-hand": _("Carry out a sanction by hand"),
    "surface-basis-ends": _("The basis for screening a private surface ends soon"),
    "statement-undeliverable": _("A statement of reasons could not be delivered"),
    "tell-nca": _("Tell the NCA that a decision was reversed"),
    "tell-ncmec": _("Tell NCMEC that a decision was reversed"),
    "uk-late": _("A report to the NCA (United Kingdom) has waited too long"),
}
LIST_KIND: Words = {"files": _("files, as digests"), "links": _("links"), "terms": _("terms and patterns")}
PURPOSE: Words = {
    "prevent-exploitation": _("stopping exploitation"),
    "take-it-down": _("removing what was published without consent"),
}
SURFACE: Words = {"private_messages": _("private messages")}
# How an item and an entry agreed (screening.Hit.how).
HOW: Words = {
    "sha256": _("same file (SHA-256)"),
    "sha1": _("same SHA-1"),
    "md5": _("same MD5"),
    "pdq": _("looks alike (PDQ)"),
    "link": _("a link"),
    "term": _("a word"),
    "together": _("words near each other"),
}
# Why a hit is not decided on without a look (path.unseen.Doubt, screening.leads_to); what follows a colon is dropped.
DOUBT: Words = {
    "a_person_works_on_it": _("Somebody works on the case."),
    "answer": _("An answer is none that the policy knows"),
    "case": _("The case is not open."),
    "decided": _("Something is decided about this person already."),
    "file_differs": _("The file in the vault is not known to be the one that matched."),
    "inform_authority": _("An authority must hear of a danger."),
    "items_differ": _("The items of the case do not all mean the same."),
    "more_than_the_hit": _("There is more in the case than the hit."),
    "no_mapping": _("Nobody has signed what the category means for this version."),
    "no_rule": _("No rule in force says that nobody needs to look."),
    "no_violation": _("The answers find no violation."),
    "report_by_person": _("Whether to report is a person's choice here"),
    "role": _("It is not known that this account uploaded it."),
    "second_person": _("The policy asks for a second person"),
    "unanswered": _("A question is open"),
    "undecided": _("The answers lead to no decision."),
}
# Differences between our count and the receipts (cybertip.reconciling.CODES).
DIFFERENCE: Words = {
    "no-number": _("filed, but NCMEC's number is missing"),
    "no-receipt": _("filed, but there is no receipt"),
    "receipt-unreadable": _("the receipt is not an answer of the service"),
    "receipt-says-no": _("the receipt does not say that the report is finished"),
    "receipt-other-report": _("the receipt names another report"),
    "receipt-not-answered": _("no stored answer of the service equals the receipt"),
    "not-finished-once": _("not exactly one report that was opened for it is finished, with its number"),
    "no-hold": _("filed, but nothing is held for it"),
    "hold-too-short": _("its hold ends earlier than a year after it was filed"),
    "act-missing": _("the record has no act that filed it, or several"),
    "act-without-filing": _("the record says that it was filed, and it is not"),
    "hold-without-filing": _("something is held for it as filed, and it is not"),
    "receipt-without-filing": _("it has a receipt or a number, and is not filed"),
    "finished-without-filing": _("a report of it is finished at the service, and it is not filed"),
    "number-twice": _("two filings have the same number at NCMEC"),
    "duty-without-filing": _("a duty to report was met by it, and it is not filed"),
    "filing-without-duty": _("filed, but a duty to report is still open"),
}
# What an answer of the service let us conclude (cybertip.client.Outcome).
OUTCOME: Words = {
    "ok": _("done"),
    "retry": _("not done; again later"),
    "unsure": _("may be done"),
    "stop": _("credentials refused"),
    "person": _("refused as it is"),
    "gone": _("not there any more"),
    "finished": _("finished already"),
    "unknown": _("an answer that nobody published"),
    "lost": _("no answer was stored"),
}
# Pieces that a report may lack (cybertip.completeness).
MISSING: Words = {
    "account": _("the reported account: its id at the host, or its name"),
    "batch_accounts": _("the accounts of the batch, by their ids"),
    "contact": _("a telephone number or an e-mail address of the reported person"),
    "verified_contact": _("whether one of these was verified"),
    "name": _("a name or a date of birth as the person gave it"),
    "profile": _("the address of the profile"),
    "addresses": _("an address on the network that the reported person used"),
    "address_times": _("the time of every such address: without it no provider can name the line"),
    "address_ports": _("the ports of these addresses: shared lines are told apart by them"),
    "content": _("what it is about: a file, or the text of the messages"),
    "place": _("where it happened: a link or a chat"),
    "time_told": _("what the incident's time is the time of"),
    "other_side": _("the account that was approached, as victim or intended recipient"),
    "reporter_contact": _("whom law enforcement should call"),
    "legal_process": _("how to serve legal process on us"),
    "file_time": _("when the file was uploaded"),
    "file_address": _("from which address it was uploaded"),
    "file_hashes": _("hashes of the original"),
    "file_name": _("the file's own name"),
    "file_place": _("where the file stands"),
    "file_public": _("whether the public could see it"),
}
# Member States of the European Union (authorities.EU).
EU: Words = {
    "AT": _("Austria"),
    "BE": _("Belgium"),
    "BG": _("Bulgaria"),
    "HR": _("Croatia"),
    "CY": _("Cyprus"),
    "CZ": _("Czechia"),
    "DK": _("Denmark"),
    "EE": _("Estonia"),
    "FI": _("Finland"),
    "FR": _("France"),
    "DE": _("Germany"),
    "GR": _("Greece"),
    "HU": _("Hungary"),
    "IE": _("Ireland"),
    "IT": _("Italy"),
    "LV": _("Latvia"),
    "LT": _("Lithuania"),
    "LU": _("Luxembourg"),
    "MT": _("Malta"),
    "NL": _("Netherlands"),
    "PL": _("Poland"),
    "PT": _("Portugal"),
    "RO": _("Romania"),
    "SK": _("Slovakia"),
    "SI": _("Slovenia"),
    "ES": _("Spain"),
    "SE": _("Sweden"),
}
# Who saw the whole of a file before it is filed (path.filings.FileSeen).
SEEN: Words = {
    "staff": _("seen whole by our staff"),
    "host": _("seen by the host's staff"),
    "nobody": _("not seen by a person"),
    "unknown": _("unknown whether a person saw it"),
}
RIGHT: Words = {
    Right.ASSESS: _("assess and decide cases"),
    Right.SEE_EVIDENCE: _("look at evidence of a case they lease, or by grant"),
    Right.SECOND: _("be the second person"),
    Right.OVERRIDE: _("choose another outcome than the computed one"),
    Right.APPEALS: _("decide appeals they did not touch"),
    Right.FILING: _("read and file reports to NCMEC and authorities; the register of legal process"),
    Right.CUSTODY: _("keep evidence: holds, hand-over, destruction"),
    Right.WAIVE: _("waive a duty with a reason"),
    Right.RECORD: _("read a case's record, without content"),
    Right.POLICY: _("policy, list mappings, automation"),
    Right.AUDIT: _("read the audit record"),
    Right.ADMINISTER: _("staff accounts, hosts and keys"),
    Right.TASKS: _("see the tasks of their roles"),
    Right.HOME: _("open the console"),
}

# How a state looks: the colour never stands alone, its word is always shown.
GOOD = frozenset(
    {
        "confirmed",
        "met",
        "finished",
        "recovered",
        "granted",
        "done",
        "by_hand",
        "found",
        "closed",
        "approved",
        "reported",
        "covered",
        "removed",
        "valid",
    }
)
BAD = frozenset({"failed", "unavailable"})
WAITING = frozenset(
    {
        "held",
        "open",
        "in_review",
        "checking",
        "due",
        "proposed",
        "sent",
        "planned",
        "reversing",
        "asked",
        "in_hand",
        "prepared",
        "received",
        "incomplete",
        "removing",
        "restoring",
        "not_found",
    }
)


def look(state: str) -> str:
    """The tag's colour for a state: good, danger, warn, or none."""
    if state in GOOD:
        return "tag-good"
    if state in BAD:
        return "tag-danger"
    return "tag-warn" if state in WAITING else ""
