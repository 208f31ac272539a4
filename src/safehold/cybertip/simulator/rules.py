"""What the documentation asks beyond the schema: of single values, and between fields.

Others in this package use `faults_of` for a document that the schema takes, and `batch_file` for the details of the
one file of a batched report. Source: ISPWS documentation of 2025-06-11, appendix E for batched reports.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from safehold.cybertip.simulator import simple
from safehold.cybertip.simulator.grammar import Grammar
from safehold.cybertip.simulator.lists import STATES
from safehold.cybertip.simulator.structure import Fault, Leaf, fault, leaves

_TRUE = ("true", "1")
_PEOPLE = {
    "personOrUserReported": "personOrUserReportedPerson",
    "intendedRecipient": "intendedRecipientPerson",
    "victim": "victimPerson",
}
_NOT_BATCHED = (
    "incidentSummary/escalateToHighPriority internetDetails lawEnforcement intendedRecipient victim additionalInfo"
)
_NOT_IN_BATCHED_FILE = "originalFileName locationOfFile originalFileHash ipCaptureEvent deviceId details additionalInfo"
_BATCH_MARKS = {"viral", "potentialMeme"}


def faults_of(root: Any, name: str, grammar: Grammar, now: datetime) -> list[Fault]:
    """Everything that the documentation refuses in a document that the schema takes."""
    found = [one for leaf in leaves(root, name, grammar) for one in _value(leaf, now)]
    found += _between_in_report(root) if name == "report" else _between_in_file(root)
    return found


def batch_file(root: Any) -> list[Fault]:
    """What the details of the one file of a batched report must and must not hold."""
    marks = {str(child.tag) for child in root.findall("fileAnnotations/*")}
    if _is_true(root.find("potentialMeme")):
        marks.add("potentialMeme")
    wrong = []
    if not marks or marks - _BATCH_MARKS:
        wrong.append(_rule(root, "needs viral, potentialMeme or both in a batched report, and no other annotation"))
    if root.findtext("fileRelevance") not in (None, "Reported"):
        wrong.append(_rule(root.find("fileRelevance"), "must be Reported in a batched report"))
    return wrong + [
        _rule(root.find(name), "is not allowed in a batched report")
        for name in _NOT_IN_BATCHED_FILE.split()
        if root.find(name) is not None
    ]


def _rule(node: Any, what: str, attribute: str = "") -> Fault:
    return fault("documentation", node, what, attribute)


def _value(leaf: Leaf, now: datetime) -> Iterator[Fault]:
    what = simple.against_documentation(leaf.kind, leaf.value, now)
    if what:
        yield _rule(leaf.node, what, leaf.attribute)


def _between_in_report(root: Any) -> Iterator[Fault]:
    person = root.find("reporter/reportingPerson")
    if person.find("email") is None:
        yield _rule(person, "needs an email")
    for contact in root.iter("phone", "email", "phoneNumber"):
        yield from _contact(contact)
    for place in root.iter("estimatedLocation"):
        yield from _location(place)
    for closed in root.iter("accountTemporarilyDisabled", "accountPermanentlyDisabled"):
        yield from _closed(closed)
    yield from _addresses(root)
    for account in root.iter("associatedAccount"):
        age = account.find("approximateAge")
        if age is not None and account.find("dateOfBirth") is not None:
            yield _rule(age, "must not stand beside dateOfBirth")
    yield from _batch(root) if root.find("batchedReport") is not None else _ordinary(root)


def _contact(node: Any) -> Iterator[Fault]:
    if "verificationDate" in node.attrib and node.get("verified") not in _TRUE:
        yield _rule(node, "must be true beside verificationDate", "verified")
    code = node.get("countryCallingCode")
    if code and (node.text or "").lstrip().startswith(code):
        yield _rule(node, "must not start with its countryCallingCode")


def _addresses(root: Any) -> Iterator[Fault]:
    people = {(email.text or "").strip() for tag in _PEOPLE for email in root.iterfind(f"{tag}/{_PEOPLE[tag]}/email")}
    for address in root.iter("emailAddress"):
        if (address.text or "").strip() not in people:
            yield _rule(address, "must also be an email of the reported person, a recipient or a victim")


def _ordinary(root: Any) -> Iterator[Fault]:
    for more in root.findall("personOrUserReported")[1:]:
        yield _rule(more, "may stand once in a report that is not batched")


def _batch(root: Any) -> Iterator[Fault]:
    for name in _NOT_BATCHED.split():
        for found in root.findall(name):
            yield _rule(found, "is not allowed in a batched report")
    for user in root.findall("personOrUserReported"):
        for child in user:
            if child.tag != "espIdentifier":
                yield _rule(child, "is not allowed in a batched report, where a person has an espIdentifier alone")


def _location(place: Any) -> Iterator[Fault]:
    country, region = place.findtext("countryCode"), place.findtext("region")
    if not country:
        yield _rule(place, "needs a countryCode")
    elif country == "US":
        if region and region not in STATES:
            yield _rule(place.find("region"), "must be the code of a state of the US")
        if place.find("city") is not None and not region:
            yield _rule(place, "needs the region of its city in the US")


def _closed(node: Any) -> Iterator[Fault]:
    since, told, again = (
        simple.moment(node.get(name, "")) for name in ("disabledDate", "userNotifiedDate", "reenabledDate")
    )
    if since and told and told < since:
        yield _rule(node, "must not lie before disabledDate", "userNotifiedDate")
    if since and again and again <= since:
        yield _rule(node, "must lie after disabledDate", "reenabledDate")


def _between_in_file(root: Any) -> Iterator[Fault]:
    if _is_true(root.find("exifViewedByEsp")) and not _is_true(root.find("fileViewedByEsp")):
        yield _rule(root.find("exifViewedByEsp"), "must not be true where fileViewedByEsp is not")
    if root.findtext("fileRelevance") == "Supplemental Reported":
        meme, mark = root.find("potentialMeme"), root.find("fileAnnotations/potentialMeme")
        for found in (meme if _is_true(meme) else None, mark, root.find("industryClassification")):
            if found is not None:
                yield _rule(found, "is not allowed on a supplemental file")


def _is_true(node: Any) -> bool:
    return node is not None and simple.collapsed(node.text or "") in _TRUE
