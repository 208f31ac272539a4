"""The documents that the simulator writes, and the one that it reads. Written from the published samples on its own.

Others in this package use `Writer`, `read_feedback`, `REASONS` and `stamp`. A document names its namespace in one of
three forms: as the default one, under a prefix, or not at all.
"""

import json
import uuid
from datetime import UTC, datetime
from html import escape
from typing import Any

from lxml import etree

SPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
TYPES = {"md5": "Md5", "sha1": "Sha1", "pdna": "Pdna", "pdq": "Pdq", "netclean": "NetClean", "tmk-pdqf": "TmkPdqf",
         "videntifier": "Videntifier", "ssvh-pdna": "SsvhPdna", "ssvh-safer-hash": "SsvhSaferHash"}  # fmt: skip
_MARK = uuid.UUID(int=17)


def path_type(name: str) -> str:
    """A fingerprint's name as paths write it: `tmk-pdqf` is TMK_PDQF."""
    return name.upper().replace("-", "_")


def reasons(kind: str) -> list[tuple[str, str]]:
    """Id and name of the reasons that a negative feedback about that fingerprint may give."""
    return [(str(uuid.uuid5(_MARK, f"{kind} {name}")), name) for name in ("Not of this kind", "Matches other files")]


REASONS = {path_type(name): reasons(path_type(name)) for name in TYPES}
GROUPS = {"Group 1": ("Placeholder a", "Placeholder b"), "Group 2": ("Placeholder c",)}


class BadFeedback(ValueError):
    """The document is no feedback. The message says why."""


class Writer:
    """Documents in one form: `default`, `prefixed` or `none`."""

    def __init__(self, form: str = "default") -> None:
        self._p = "h:" if form == "prefixed" else ""
        self._space = {"default": f' xmlns="{SPACE}"', "prefixed": f' xmlns:h="{SPACE}"', "none": ""}[form]

    def document(self, root: str, body: str) -> bytes:
        """A whole document."""
        head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        return f"{head}<{self._p}{root}{self._space}>{body}</{self._p}{root}>\n".encode()

    def tag(self, name: str, body: str = "", /, **attributes: str) -> str:
        """One element. `body` is markup."""
        given = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
        return f"<{self._p}{name}{given}>{body}</{self._p}{name}>" if body else f"<{self._p}{name}{given}/>"

    def status(self, username: str, address: str) -> bytes:
        """Who asks."""
        inner = self.tag("ipAddress", address) + self.tag("username", escape(username))
        return self.document("status", inner + self.tag("member", "Practice company", id="7"))

    def members(self, names: dict[str, str]) -> bytes:
        """All members. The root's name is not published."""
        return self.document("members", "".join(self.tag("member", escape(n), id=i) for i, n in names.items()))

    def page(self, rows: list[Any], names: dict[str, str], following: str, feedback: dict[Any, list[Any]]) -> bytes:
        """One page of a window."""
        sections = ""
        for name, kind in (("images", "image"), ("videos", "video")):
            mine = [row for row in rows if row["kind"] == kind]
            if mine:
                body = "".join(self._record(row, names, feedback.get((row["member"], row["id"]), [])) for row in mine)
                newest = stamp(max(row["at"] for row in mine))
                sections += self.tag(name, body, count=str(len(mine)), maxTimestamp=newest)
        if following:
            sections += self.tag("paging", self.tag("next", escape(following)))
        return self.document("queryResult", sections)

    def _record(self, row: Any, names: dict[str, str], feedback: list[dict[str, Any]]) -> str:
        if row["raw"] is not None:
            return str(row["raw"])
        member = self.tag("member", escape(names.get(row["member"], "Member")), id=row["member"])
        at, name = self.tag("timestamp", stamp(row["at"])), self.tag("id", escape(row["id"]))
        if row["gone"]:
            return self.tag("deleted" + str(row["kind"]).capitalize(), member + name + at)
        kind = self.tag("classification", escape(row["classification"])) if row["classification"] else ""
        prints = "".join(self._fingerprint(row, key, text) for key, text in json.loads(row["fingerprints"]).items())
        told = self.tag("feedback", "".join(map(self._told, feedback)))
        return self.tag(str(row["kind"]), member + at + name + kind + self.tag("fingerprints", prints) + told)

    def _fingerprint(self, row: Any, key: str, text: str | None) -> str:
        if text is None:  # a large one: a link stands in its place
            return self.tag(key, rel="self", href=f"/v2/entries/{row['id']}/fingerprints/{path_type(key)}")
        return self.tag(key, escape(text))

    def _told(self, one: dict[str, Any]) -> str:
        name = "affirmativeFeedback" if one["affirmative"] else "negativeFeedback"
        spelt = next((how for key, how in TYPES.items() if path_type(key) == one["type"]), one["type"])
        member = self.tag("members", self.tag("member", "Practice company", id="7"), timestamp=stamp(one["at"]))
        return self.tag(name, member, type=spelt, lastUpdateTimestamp=stamp(one["at"]))

    def reasons(self, kind: str) -> bytes:
        """What a negative feedback may give as its reason."""
        spelt = next(how for key, how in TYPES.items() if path_type(key) == kind)
        body = "".join(self.tag("reason", guid=guid, name=name, type=spelt) for guid, name in REASONS[kind])
        return self.document("availableFeedbackReasons", body)

    def categorizations(self) -> bytes:
        """The service's categories."""
        body = ""
        for group, names in GROUPS.items():
            inner = "".join(
                self.tag("categorization", guid=str(uuid.uuid5(_MARK, name)), name=name) for name in names
            )  # fmt: skip
            body += self.tag("group", inner, name=group, allowMultiple="true")
        return self.document("availableCategorizations", body)

    def taken(self) -> bytes:
        """The answer to a feedback. What it says is not published."""
        return self.document("submissionResult", "")


def read_feedback(raw: bytes, kind: str) -> tuple[bool, list[str]]:
    """Whether a feedback is affirmative, and the reasons of a negative one. Raises BadFeedback."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadFeedback("The body is no XML.") from None
    if root.getroottree().docinfo.doctype or root.tag != f"{{{SPACE}}}feedbackSubmission" or len(root) != 1:
        raise BadFeedback("The body is no feedbackSubmission with one child.")
    stance = root[0]
    if stance.tag == f"{{{SPACE}}}affirmative":
        if len(stance) or (stance.text or "").strip():
            raise BadFeedback("affirmative is empty.")
        return True, []
    if stance.tag != f"{{{SPACE}}}negative" or [one.tag for one in stance] != [f"{{{SPACE}}}reasonIds"]:
        raise BadFeedback("A feedback is affirmative, or negative with reasonIds.")
    guids = [(one.text or "").strip() for one in stance[0]]
    known = {guid for guid, _name in REASONS[kind]}
    if not guids or not set(guids) <= known or any(one.tag != f"{{{SPACE}}}guid" for one in stance[0]):
        raise BadFeedback("The reasons are none of that fingerprint.")
    return False, guids


def stamp(seconds: float) -> str:
    """A time as the service writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
