"""What NCMEC's hash sharing answers, as values. Pure: bytes in, values or `Unreadable` out, never a part of a document.

Others in this package use `entries`, `status`, `members`, `reasons`, `categorizations`, and `Unreadable`. A record that
is none is set aside in `Page.aside`; a fingerprint that we cannot use is named in `Page.unused` or `Page.unknown`.

Source: NCMEC Hash Sharing API v2 as the public client of facebook/ThreatExchange and excerpts of NCMEC's page have it.
NCMEC's own description was not at hand.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape

import msgspec
from lxml import etree

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
DIGESTS = {"MD5": 32, "SHA1": 40, "PDQ": 64}  # what we match by, and its hexadecimal digits
# Known, and of no use here: no free implementation, or a large fingerprint that stands behind a link.
UNUSED = frozenset({"PDNA", "NETCLEAN", "VIDENTIFIER", "TMK_PDQF", "SSVH_PDNA", "SSVH_SAFER_HASH"})
# NCMEC's page and the public client name one fingerprint differently.
ALIASES = {"TMK_SAFER_HASH": "SSVH_SAFER_HASH"}
LONGEST_NEXT = 2000  # characters
_RECORDS = {"image": ("picture", False), "deletedImage": ("picture", True),
            "video": ("film", False), "deletedVideo": ("film", True)}  # fmt: skip
_SECTIONS = ("images", "videos")
_MEMBER = re.compile(r"[A-Za-z0-9_-]{1,20}")
_ENTRY = re.compile(r"[!-~]{1,70}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


class Unreadable(Exception):
    """The bytes are not the document that was asked for. The message is a code, never content."""


class Record(msgspec.Struct, frozen=True):
    """One entry, or (`gone`) the notice that it was taken away. Digests are lower-case hex by their key."""

    media: str  # picture, film
    member: str
    id: str
    at: datetime  # of its last change, UTC
    gone: bool = False
    classification: str = ""
    digests: dict[str, str] = {}


class Aside(msgspec.Struct, frozen=True):
    """A record that is none: why, and what it called itself where that can be said."""

    why: str
    member: str = ""
    id: str = ""


class Tally(msgspec.Struct, frozen=True):
    """How many records a section says that it has, and how many were there. `said` -1 = it does not say."""

    said: int
    there: int


class Page(msgspec.Struct, frozen=True):
    """One page of a window, read whole."""

    records: tuple[Record, ...] = ()
    aside: tuple[Aside, ...] = ()
    next: str = ""  # as the service gave it; "" = the last page
    tallies: dict[str, Tally] = {}
    unused: dict[str, int] = {}  # key of a fingerprint -> how many of them we cannot match by
    unknown: dict[str, int] = {}  # keys and sections that nobody published


class Status(msgspec.Struct, frozen=True):
    """Who the service takes us for."""

    member: str
    name: str
    username: str = ""


class Reason(msgspec.Struct, frozen=True):
    """One reason that a negative feedback may give."""

    guid: str
    name: str
    type: str


class Categorization(msgspec.Struct, frozen=True):
    """One of the service's own categories. Ids differ from one environment to the other."""

    group: str
    guid: str
    name: str


def entries(raw: bytes) -> Page:
    """A page of entries. Raises Unreadable."""
    root = _root(raw, "queryResult")
    reading = _Reading()
    for section in _elements(root):
        name = _name(section)
        if name in _SECTIONS:
            reading.section(name, section)
        elif name != "paging":
            reading.unknown[f"section {name}"[:60]] += 1
    return Page(
        records=tuple(reading.records),
        aside=tuple(reading.aside),
        next=_next(root),
        tallies=reading.tallies,
        unused=dict(reading.unused),
        unknown=dict(reading.unknown),
    )


def status(raw: bytes) -> Status:
    """The answer to `status`. Raises Unreadable."""
    root = _root(raw, "status")
    member = _only(root, "member")
    if member is None or not _MEMBER.fullmatch(member.get("id", "")):
        raise Unreadable("no-member")
    return Status(member=member.get("id", ""), name=_text(member), username=_text(_only(root, "username")))


def members(raw: bytes) -> dict[str, str]:
    """Names of members by their ids. The root's name is not published: any that holds members will do."""
    found = {}
    for one in _elements(_root(raw, "")):
        if _name(one) != "member" or not _MEMBER.fullmatch(one.get("id", "")):
            raise Unreadable("no-member")
        found[one.get("id", "")] = _text(one)
    return found


def reasons(raw: bytes) -> tuple[Reason, ...]:
    """What a negative feedback may give as its reason. Raises Unreadable."""
    found = []
    for one in _elements(_root(raw, "availableFeedbackReasons")):
        guid = one.get("guid", "").strip()
        if _name(one) != "reason" or not re.fullmatch(r"[A-Za-z0-9-]{1,60}", guid):
            raise Unreadable("no-reason")
        found.append(Reason(guid=guid, name=_short(one.get("name", "")), type=key_of(one.get("type", ""))))
    return tuple(found)


def categorizations(raw: bytes) -> tuple[Categorization, ...]:
    """The service's categories. Raises Unreadable."""
    found = []
    for group in _elements(_root(raw, "availableCategorizations")):
        for one in _elements(group):
            guid = one.get("guid", "").strip()
            if _name(group) != "group" or _name(one) != "categorization" or not guid:
                raise Unreadable("no-categorization")
            found.append(Categorization(_short(group.get("name", "")), guid[:60], _short(one.get("name", ""))))
    return tuple(found)


def key_of(name: str) -> str:
    """A fingerprint's name in the service's spelling of paths: `Md5`, `md5` and `tmk-pdqf` are MD5 and TMK_PDQF."""
    key = re.sub(r"[^A-Z0-9]", "_", name.strip().upper())[:40]
    return ALIASES.get(key, key)


class _Reading:
    """What was found on a page so far."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.aside: list[Aside] = []
        self.tallies: dict[str, Tally] = {}
        self.unused: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    def section(self, name: str, section: etree._Element) -> None:
        """All records of `images` or `videos`."""
        if name in self.tallies:
            raise Unreadable("section-twice")
        there = 0
        for element in _elements(section):
            there += 1
            try:
                self.records.append(self._record(element))
            except _Malformed as problem:
                self.aside.append(Aside(str(problem), *_called(element)))
        said = section.get("count", "")
        self.tallies[name] = Tally(int(said) if re.fullmatch("[0-9]{1,9}", said, re.ASCII) else -1, there)

    def _record(self, element: etree._Element) -> Record:
        known = _RECORDS.get(_name(element))
        if known is None:
            raise _Malformed("no image, no video and no deletion of one")
        media, gone = known
        home = _only(element, "member")
        member, name = "" if home is None else home.get("id", "").strip(), _text(_only(element, "id"))
        if not _MEMBER.fullmatch(member) or not _ENTRY.fullmatch(name) or name.strip(".") == "":
            raise _Malformed("no member or no id")
        at = moment(_text(_only(element, "timestamp")))
        if at is None:
            raise _Malformed("no time")
        if gone:
            return Record(media=media, member=member, id=name, at=at, gone=True)
        category = _text(_only(element, "classification"))
        if len(category) > 60 or not category.isprintable():
            raise _Malformed("a classification that is none")
        return Record(media, member, name, at, classification=category, digests=self._digests(element))

    def _digests(self, element: etree._Element) -> dict[str, str]:
        """Digests that can be matched; the others are counted, which names them."""
        found: dict[str, str] = {}
        unused: list[str] = []
        home = _only(element, "fingerprints")
        for one in [] if home is None else _elements(home):
            key = key_of(_name(one))
            if key not in DIGESTS:
                unused.append(key)
                continue
            digest = _text(one).lower()
            if key in found or len(digest) != DIGESTS[key] or not re.fullmatch("[0-9a-f]+", digest):
                raise _Malformed(f"a {key} that is none")
            found[key] = digest
        for key in unused:
            (self.unused if key in UNUSED else self.unknown)[key] += 1
        return found


class _Malformed(Unreadable):
    """This record is none. The message says why, without its content. Outside a record the document is unreadable."""


def moment(text: str) -> datetime | None:
    """A time as the service writes it, in UTC; None for what is none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _next(root: etree._Element) -> str:
    """The path of the next page. Raises Unreadable for one that leads anywhere else."""
    paging = _only(root, "paging")
    found = _text(_only(paging, "next")) if paging is not None else ""
    found = unescape(found) if "&amp;" in found else found  # escaped twice, as the public client expects it
    if found and (len(found) > LONGEST_NEXT or not re.fullmatch(r"/v2/entries\?[!-~]+", found) or "#" in found):
        raise Unreadable("next-leads-elsewhere")
    return found


def total(path: str) -> int:
    """How many records a window has, by the `max` of a `next`; 0 where it does not say.

    Not published: the public client takes `max` for the number of the last record, while in its sample it is that
    of the page's last one. What looks like the latter says nothing.
    """
    numbers = {name: int(value) for name, value in re.findall(r"[?&](start|size|max)=([0-9]{1,12})(?=&|$)", path)}
    if len(numbers) < 3 or numbers["max"] == numbers["start"] + numbers["size"] - 1:
        return 0
    return numbers["max"]


def _root(raw: bytes, wanted: str) -> etree._Element:
    """The document's root, in NCMEC's namespace under whatever prefix, or in none. Raises Unreadable."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise Unreadable("malformed") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("doctype")
    space = etree.QName(root).namespace
    if space not in (None, NAMESPACE) or (wanted and etree.QName(root).localname != wanted):
        raise Unreadable("root")
    return root


def _elements(parent: etree._Element) -> Iterator[etree._Element]:
    """Child elements; comments and instructions are none."""
    return (one for one in parent if isinstance(one.tag, str))


def _name(element: etree._Element) -> str:
    """An element's name; one of a foreign namespace is none of ours."""
    name = etree.QName(element)
    return name.localname if name.namespace in (None, NAMESPACE) else f"foreign-{name.localname}"


def _only(parent: etree._Element, name: str) -> etree._Element | None:
    """The one child of that name; None where there is none. Raises where there are two: which is meant?"""
    found = [one for one in _elements(parent) if _name(one) == name]
    if len(found) > 1:
        raise _Malformed(f"{name} twice")
    return found[0] if found else None


def _text(element: etree._Element | None) -> str:
    """The text of an element; "" of none. Raises for one that has more than text in it."""
    if element is None:
        return ""
    if len(element):
        raise _Malformed("more than text")
    return (element.text or "").strip()


def _short(text: str) -> str:
    return "".join(one for one in text if one.isprintable())[:200]


def _called(element: etree._Element) -> tuple[str, str]:
    """Member and id of a record, as far as it says."""
    member = next((one.get("id", "") for one in _elements(element) if _name(one) == "member"), "")
    name = next((one.text or "" for one in _elements(element) if _name(one) == "id"), "")
    return member.strip()[:40], name.strip()[:140]
