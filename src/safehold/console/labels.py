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
    2: _("trusted flagger"),
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
    "appeal-needs-another": _("An appeal must be looked at by somebody else"),
    "ban-without-identifier": _("A ban stops nobody: the host knows no e-mail or telephone number"),
    "case-late": _("A case has waited too long for a decision"),
    "counts-differ": _("Our count of reports and the receipts differ"),
    "filing-finished-early": _("NCMEC has a report as finished that we did not finish"),
    "filing-in-hand-reversed": _("A decision was reversed while its report is filed by hand"),
    "filing-receipt-differs": _("A receipt names other files than we sent"),
    "report-late": _("A required report has waited too long"),
    "filing-circuit": _("NCMEC refuses our credentials: filing stands still"),
    "filing-delayed": _("A CyberTip takes too long"),
    "filing-failed": _("A CyberTip could not be filed"),
    "host-refused": _("A host refused an order"),
    "job-failed": _("A background job gave up"),
    "letter-undeliverable": _("A letter could not be delivered"),
    "report-unresolved": _("A report names nothing that could be found"),
    "sanction-by-hand": _("Carry out a sanction by hand"),
    "statement-undeliverable": _("A statement of reasons could not be delivered"),
    "tell-nca": _("Tell the NCA that a decision was reversed"),
    "tell-ncmec": _("Tell NCMEC that a decision was reversed"),
    "uk-late": _("A report to the NCA (United Kingdom) has waited too long"),
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

# Words that the rooms' own records say; named here so that the console's catalogue translates them.
ROOMS_SAY = (
    _("no link to the UK"),
    _("to be reported to the NCA"),
    _("covered by a CyberTip"),
    _("exported, being sent by a person"),
    _("reported to the NCA"),
    _("no report due any more"),
    _("1: threat to a child's life, or of serious harm"),
    _("2: as soon as reasonably practicable"),
    _("3: without undue delay"),
    _("a match with a list"),
    _("a member of staff"),
    _("a report"),
    _("a senior reviewer chose another outcome"),
    _("a trusted flagger"),
    _("administrator"),
    _("agreed to"),
    _("destroy evidence"),
    _("end a hold before its day"),
    _("ended"),
    _("hand evidence over"),
    _("legal hold"),
    _("let somebody look"),
    _("preservation after a report"),
    _("waits for a second custodian"),
    _("withdrawn"),
    _("an authority"),
    _("apparent victim"),
    _("appeal"),
    _("assessment"),
    _("auditor"),
    _("ban the person"),
    _("being checked"),
    _("being reversed"),
    _("cannot be reversed"),
    _("closed"),
    _("computed, not confirmed"),
    _("confirmed"),
    _("correction"),
    _("decided"),
    _("destroy the host's copy"),
    _("dropped before it was sent"),
    _("engager"),
    _("events that the host tells"),
    _("evidence custodian"),
    _("failed"),
    _("failed: a person must look"),
    _("filed by hand"),
    _("finished"),
    _("finished, receipt recovered"),
    _("found"),
    _("granted"),
    _("hide the item"),
    _("Europol"),
    _("Member State concerned"),
    _("Member State of our establishment or legal representative"),
    _("answered"),
    _("court order"),
    _("drafted"),
    _("emergency request"),
    _("in a person's hands"),
    _("not sent"),
    _("other request"),
    _("request to preserve"),
    _("search warrant"),
    _("subpoena"),
    _("in force"),
    _("in review"),
    _("linker"),
    _("lock the account until the item is removed"),
    _("met"),
    _("milder than computed"),
    _("neither stricter nor milder"),
    _("never asked for"),
    _("not found"),
    _("not on a host of ours"),
    _("not to be had from the host"),
    _("not yet preserved"),
    _("open"),
    _("opened"),
    _("planned"),
    _("policy owner"),
    _("preserved"),
    _("private: only a participant or the host can bring it in"),
    _("received"),
    _("refused"),
    _("replaced by a later decision"),
    _("report button of the host"),
    _("reports from inside the host's app"),
    _("requester"),
    _("reversed"),
    _("reviewer"),
    _("sender to a child"),
    _("senior reviewer"),
    _("sent"),
    _("sent to the host"),
    _("sharer"),
    _("statement of reasons"),
    _("stricter than computed"),
    _("suspend the account"),
    _("the host has none to give"),
    _("the host's own staff or systems flag items"),
    _("the second person disagreed"),
    _("the sign-up check"),
    _("uploader"),
    _("uploading"),
    _("viewer"),
    _("waits for a second person"),
    _("waived"),
    _("withdrawn before it took effect"),
    _("withheld at an authority's request"),
)

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
    }
)


def look(state: str) -> str:
    """The tag's colour for a state: good, danger, warn, or none."""
    if state in GOOD:
        return "tag-good"
    if state in BAD:
        return "tag-danger"
    return "tag-warn" if state in WAITING else ""
