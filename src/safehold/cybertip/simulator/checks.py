"""What the simulator checks in a document: structure and types by `grammar`, then the documented rules.

Others in this package call `problems(root, name, now)`; an empty list means that the document passes.
"""

import ipaddress
import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from safehold.cybertip.simulator import grammar

_LISTED = {
    "INCIDENT": (
        "Child Pornography (possession, manufacture, and distribution)|Child Sex Trafficking|Child Sex Tourism"
        "|Child Sexual Molestation|Misleading Domain Name|Misleading Words or Digital Images on the Internet"
        "|Online Enticement of Children for Sexual Acts|Unsolicited Obscene Material Sent to a Child"
    ),
    "EVENT": "Login|Registration|Purchase|Upload|Other|Unknown",
    "BATCH": "VIRAL_POTENTIAL_MEME",
    "PHONETYPE": "Mobile|Home|Business|Work|Fax|Internet|Recovery",
    "EMAILTYPE": "Home|Work|Business|Recovery",
    "ADDRESSTYPE": "Home|Business|Billing|Shipping|Technical",
    "ASSOCIATION": "Billing|Linked|Business|Creator|Parent/Guardian|Other",
    "RELEVANCE": "Reported|Supplemental Reported",
    "CLASSIFICATION": "A1|A2|B1|B2",
    "DETAILS": "EXIF|HASH",
}
_SECOND_LETTERS = """A:DEFGILMOQRSTUWXZ B:ABDEFGHIJLMNOQRSTVWYZ C:ACDFGHIKLMNORUVWXYZ D:EJKMOZ E:CEGHRST F:IJKMOR
G:ABDEFGHILMNPQRSTUWY H:KMNRTU I:DELMNOQRST J:EMOP K:EGHIMNPRWYZ L:ABCIKRSTUVY M:ACDEFGHKLMNOPQRSTUVWXYZ
N:ACEFGILOPRUZ O:M P:AEFGHKLMNRSTWY Q:A R:EOSUW S:ABCDEGHIJKLMNORSTVXYZ T:CDFGHJKLMNORTVWZ U:AGMSYZ V:ACEGINU W:FS
Y:ET Z:AMW"""
COUNTRIES = {letters[0] + second for letters in _SECOND_LETTERS.split() for second in letters[2:]} | {
    "",
    "A1",
    "A2",
    "O1",
    "AN",
    "AP",
    "EU",
    "FX",
    "XK",
}
_US = "ALAKAZARCACOCTDEFLGAHIIDILINIAKSKYLAMEMDMAMIMNMSMOMTNENVNHNJNMNYNCNDOHOKORPARISCSDTNTXUTVTVAWAWVWIWYDCGUPRVI"
STATES = {"", *(_US[place : place + 2] for place in range(0, len(_US), 2))}
_PATTERN = {"CALLING": r"\+[0-9]{1,3}", "EXTENSION": "[0-9]{1,10}", "ID": r"[0-9]{1,18}"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_BETWEEN = {"AGE": (0, 150), "PORT": (1, 65535)}


def problems(root: Any, name: str, now: datetime) -> list[str]:
    """Everything that is wrong with the document, in reading order."""
    if root.tag != name:
        return [f"The root is {root.tag!r}, not {name!r}."]
    wrong = list(_complex(root, name, now))
    if not wrong:
        wrong = list(_report_rules(root) if name == "report" else _file_rules(root))
    return wrong


def _complex(node: Any, kind: str, now: datetime) -> Iterator[str]:
    """One element of a complex type: attributes, text, and children in order."""
    known = grammar.ATTRIBUTE.get(kind, {})
    for name, value in node.attrib.items():
        if name.startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
            continue
        if name not in known:
            yield f"{node.tag} has no attribute {name}."
        else:
            yield from _simple(f"{node.tag}@{name}", value, known[name][0], now)
    for name, (_kind, must) in known.items():
        if must and name not in node.attrib:
            yield f"{node.tag} needs the attribute {name}."
    if kind in grammar.FLAGS:
        yield from _flags(node, grammar.FLAGS[kind])
    elif kind in grammar.TEXT:
        if len(node):
            yield f"{node.tag} holds text alone."
        yield from _simple(node.tag, node.text or "", grammar.TEXT[kind], now)
    else:
        if (node.text or "").strip():
            yield f"{node.tag} holds no text."
        yield from _children(node, grammar.SEQUENCE[kind], now)


def _children(node: Any, places: list[grammar.Child], now: datetime) -> Iterator[str]:
    """The children against the sequence: each in its place, no more and no fewer than allowed."""
    children = [child for child in node if isinstance(child.tag, str)]
    at = 0
    for place in places:
        count = 0
        while at < len(children) and children[at].tag in place.names and place.most != count:
            yield from _element(children[at], place.names[children[at].tag], now)
            at, count = at + 1, count + 1
        if count < place.least:
            found = children[at].tag if at < len(children) else "the end"
            yield f"In {node.tag}: one of {sorted(place.names)} is expected before {found}."
            return
    if at < len(children):
        yield f"In {node.tag}: {children[at].tag} is not expected here."


def _element(node: Any, kind: str, now: datetime) -> Iterator[str]:
    if kind.isupper() or kind.rstrip("0123456789").isupper():
        if len(node) or node.attrib:
            yield f"{node.tag} holds text alone."
        yield from _simple(node.tag, node.text or "", kind, now)
    else:
        yield from _complex(node, kind, now)


def _flags(node: Any, allowed: set[str]) -> Iterator[str]:
    seen = [child.tag for child in node]
    for child in node:
        if child.tag not in allowed or child.attrib or len(child):
            yield f"{node.tag}: {child.tag} is not one of its flags."
        if (child.text or "").strip() not in ("", "true"):
            yield f"{child.tag} is fixed to true."
    if len(seen) != len(set(seen)):
        yield f"{node.tag} repeats a flag."


def _simple(name: str, value: str, kind: str, now: datetime) -> Iterator[str]:
    """One value of a simple type."""
    base = kind.rstrip("0123456789")
    most = int(kind[len(base) :] or 0)
    if most and len(value) > most:
        yield f"{name} is longer than {most} characters."
    if not _fits(value, base, now):
        yield f"{name} is not a valid {base}."


def _fits(value: str, base: str, now: datetime) -> bool:  # noqa: C901 - one line for each type
    if base in _LISTED:
        return value in _LISTED[base].split("|")
    if base in _PATTERN:
        return re.fullmatch(_PATTERN[base], value) is not None
    if base in _BETWEEN:
        return re.fullmatch("[0-9]{1,6}", value) is not None and _BETWEEN[base][0] <= int(value) <= _BETWEEN[base][1]
    match base:
        case "TEXT":
            return True
        case "FILLED":
            return bool(value.strip())
        case "BOOL":
            return value in ("true", "false", "1", "0")
        case "COUNTRY":
            return value in COUNTRIES
        case "STATE":
            return value in STATES
        case "TIME":
            return _past_time(value, now)
        case "DAY":
            return _past_day(value, now)
        case "NUMBER":
            return _finite(value)
        case "URL":
            return _url(value)
        case "EMAIL":
            return _email(value)
        case "IP":
            return _ip(value)
    raise AssertionError(f"The grammar names an unknown type {base}.")


def _past_time(value: str, now: datetime) -> bool:
    """ISO 8601 with a zone, not in the future."""
    if not _TIME.fullmatch(value):
        return False
    try:
        return datetime.fromisoformat(value) <= now
    except ValueError:
        return False


def _past_day(value: str, now: datetime) -> bool:
    try:
        return len(value) == 10 and date.fromisoformat(value) <= now.astimezone(UTC).date()
    except ValueError:
        return False


def _finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _url(value: str) -> bool:
    if len(value) > 2083 or not value.isascii() or re.search(r"[\s<>\"{}|\\^`]", value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _email(value: str) -> bool:
    local, _at, domain = value.rpartition("@")
    good = re.fullmatch(r"[^\s@]{1,64}", local) and re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", domain)
    return bool(good) and len(value) <= 255


def _ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value


def _report_rules(root: Any) -> Iterator[str]:
    """What the documentation asks beyond the schema."""
    if root.find("reporter/reportingPerson/email") is None:
        yield "reporter/reportingPerson needs an email."
    for contact in [*root.iter("phone"), *root.iter("email"), *root.iter("phoneNumber")]:
        yield from _contact(contact)
    for place in root.iter("estimatedLocation"):
        yield from _location(place)
    for closed in [*root.iter("accountTemporarilyDisabled"), *root.iter("accountPermanentlyDisabled")]:
        yield from _closed(closed)
    yield from _addresses(root)
    for account in root.iter("associatedAccount"):
        if account.find("approximateAge") is not None and account.find("dateOfBirth") is not None:
            yield "associatedAccount has approximateAge and dateOfBirth."
    yield from _batch(root) if root.find("batchedReport") is not None else _single(root)


_PEOPLE = {
    "personOrUserReported": "personOrUserReportedPerson",
    "intendedRecipient": "intendedRecipientPerson",
    "victim": "victimPerson",
}


def _contact(node: Any) -> Iterator[str]:
    if "verificationDate" in node.attrib and node.get("verified") not in ("true", "1"):
        yield f"{node.tag}@verified must be true beside verificationDate."
    code = node.get("countryCallingCode")
    if code and (node.text or "").startswith(code):
        yield f"{node.tag} starts with its countryCallingCode."


def _addresses(root: Any) -> Iterator[str]:
    people = {(email.text or "").strip() for tag in _PEOPLE for email in root.iterfind(f"{tag}/{_PEOPLE[tag]}/email")}
    for address in root.iter("emailAddress"):
        if address.text not in people:
            yield "emailAddress belongs to nobody in the report."


def _single(root: Any) -> Iterator[str]:
    if len(root.findall("personOrUserReported")) > 1:
        yield "More than one personOrUserReported in a report that is not batched."


def _batch(root: Any) -> Iterator[str]:
    for path in ("incidentSummary/escalateToHighPriority", "internetDetails", "lawEnforcement", "intendedRecipient"):
        if root.find(path) is not None:
            yield f"{path} in a batched report."
    for path in ("victim", "additionalInfo"):
        if root.find(path) is not None:
            yield f"{path} in a batched report."
    for user in root.findall("personOrUserReported"):
        if [child.tag for child in user] not in ([], ["espIdentifier"]):
            yield "personOrUserReported holds more than espIdentifier in a batched report."


def _location(place: Any) -> Iterator[str]:
    country, region = place.findtext("countryCode"), place.findtext("region")
    if not country:
        yield "estimatedLocation needs countryCode."
    elif country == "US":
        if region and region not in STATES:
            yield "estimatedLocation/region is no US state."
        if place.find("city") is not None and not region:
            yield "estimatedLocation has a US city without its state."


def _closed(node: Any) -> Iterator[str]:
    since, told, again = (_moment(node.get(name)) for name in ("disabledDate", "userNotifiedDate", "reenabledDate"))
    if since and told and told < since:
        yield f"{node.tag}: userNotifiedDate lies before disabledDate."
    if since and again and again <= since:
        yield f"{node.tag}: reenabledDate does not lie after disabledDate."


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _file_rules(root: Any) -> Iterator[str]:
    if root.findtext("exifViewedByEsp") in ("true", "1") and root.findtext("fileViewedByEsp") not in ("true", "1"):
        yield "exifViewedByEsp without fileViewedByEsp."
    if root.findtext("fileRelevance") == "Supplemental Reported":
        meme = root.findtext("potentialMeme") in ("true", "1") or root.find("fileAnnotations/potentialMeme") is not None
        if meme or root.find("industryClassification") is not None:
            yield "A supplemental file carries potentialMeme or industryClassification."


def batch_file(root: Any) -> list[str]:
    """What the details of the one file of a batched report must and must not hold."""
    marks = {child.tag for child in root.findall("fileAnnotations/*")}
    if root.findtext("potentialMeme") in ("true", "1"):
        marks.add("potentialMeme")
    wrong = []
    if not marks or marks - {"viral", "potentialMeme"}:
        wrong.append("fileDetails needs viral, potentialMeme or both, and nothing else.")
    if root.findtext("fileRelevance") not in (None, "Reported"):
        wrong.append("fileRelevance must be Reported.")
    forbidden = "originalFileName locationOfFile originalFileHash ipCaptureEvent deviceId details additionalInfo"
    return wrong + [f"{name} in a batched report." for name in forbidden.split() if root.find(name) is not None]


def parse(body: bytes) -> Any:
    """The root of a document. Raises ValueError for what is not XML, or brings a document type."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"Malformed XML: {error.msg}") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("A document type is not accepted.")
    return root
