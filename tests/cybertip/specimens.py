"""Documents written from the simulator's grammar, and ways to spoil them; and the simulator called in process.

`document` writes one at random, or with everything that may stand in it. What it writes keeps every rule of schema and
documentation. `sites` says of each element what type it has, so that a test knows what it spoils.
"""

import base64
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from safehold.cybertip.simulator import simple
from safehold.cybertip.simulator.grammar import PUBLISHED, Grammar
from safehold.cybertip.simulator.kept import Kept
from safehold.cybertip.simulator.lists import LISTS
from safehold.cybertip.simulator.server import Simulator
from safehold.cybertip.simulator.store import Store

NOW = 1_767_355_200.0  # 2026-01-02 12:00 UTC
MAIL = "user-17@example.net"
GOOD = {
    "TEXT": "Placeholder", "FILLED": "Placeholder reason.", "TOKEN": "0" * 32, "TIME": "2026-01-02T03:04:05Z",
    "DAY": "1985-01-01", "NUMBER": "12.5", "ID": "1234567", "AGE": "40", "PORT": "443",
    "URL": "https://chat.example.test/1", "EMAIL": MAIL, "IP": "192.0.2.10", "CALLING": "+1", "EXTENSION": "55",
    "BOOL": "false",
}  # fmt: skip
_NOT_IN_BATCHED_FILE = "originalFileName locationOfFile originalFileHash ipCaptureEvent deviceId details additionalInfo"
_DATES = {"disabledDate": "01", "userNotifiedDate": "02", "reenabledDate": "03"}


class Writer:
    """Writes one document. `chance` None writes everything, each repeatable element twice."""

    def __init__(self, grammar: Grammar, chance: random.Random | None) -> None:
        self.grammar, self.chance = grammar, chance

    def element(self, tag: str, kind: str, choice: str = "") -> Any:
        """An element of a type. `choice` names the alternative to take where there is one."""
        node = etree.Element(tag)
        for name, (own, must) in self.grammar.attribute.get(kind, {}).items():
            if must or self._coin():
                node.set(name, f"2025-12-{_DATES[name]}T00:00:00Z" if name in _DATES else self._value(own))
        if "verificationDate" in node.attrib:
            node.set("verified", "true")
        if simple.is_simple(kind):
            node.text = self._value(kind)
        elif kind in self.grammar.text:
            node.text = self._value(self.grammar.text[kind])
        elif kind in self.grammar.flags:
            node.extend(etree.Element(flag) for flag in self.grammar.flags[kind] if self._coin())
        else:
            self._fill(node, kind, choice)
        return node

    def _fill(self, node: Any, kind: str, choice: str) -> None:
        for place in self.grammar.sequence[kind]:
            names = list(place.names)
            most = 2 if place.most is None else place.most
            count = most if self.chance is None else self.chance.randint(place.least, most)
            for _ in range(count):
                name = choice if choice in names else names[-1] if self.chance is None else self.chance.choice(names)
                node.append(self.element(name, place.names[name]))
        both = node.find("approximateAge")
        if both is not None and node.find("dateOfBirth") is not None:
            node.remove(both if self.chance is not None and self.chance.random() < 0.5 else node.find("dateOfBirth"))

    def _value(self, kind: str) -> str:
        name = simple.split(kind)[0]
        if name in LISTS:
            given = [value for value in LISTS[name] if value]
            return given[0] if self.chance is None else self.chance.choice(given)
        return GOOD[name]

    def _coin(self) -> bool:
        return self.chance is None or self.chance.random() < 0.5


def document(name: str, chance: random.Random | None = None, grammar: Grammar = PUBLISHED) -> Any:
    """A document that keeps every rule."""
    root = Writer(grammar, chance).element(name, name)
    if name == "fileDetails":
        for relevance in root.findall("fileRelevance"):
            relevance.text = "Reported"
        return root
    for batched in root.findall("batchedReport"):
        root.remove(batched)
    for more in root.findall("personOrUserReported")[1:]:
        root.remove(more)
    if chance is None:
        for node in root.findall("internetDetails"):
            root.remove(node)
        kinds = grammar.sequence["details"][0].names
        root[1:1] = [_wrapped("internetDetails", Writer(grammar, None).element(tag, kinds[tag])) for tag in kinds]
    _keep_rules(root)
    return root


def batched() -> Any:
    """A batched report as the documentation allows it."""
    root = document("report")
    for tag in (
        "internetDetails",
        "lawEnforcement",
        "personOrUserReported",
        "intendedRecipient",
        "victim",
        "additionalInfo",
    ):
        for node in root.findall(tag):
            root.remove(node)
    summary = root.find("incidentSummary")
    summary.remove(summary.find("escalateToHighPriority"))
    root.insert(0, etree.Element("batchedReport", reason="VIRAL_POTENTIAL_MEME"))
    for number in range(3):
        etree.SubElement(etree.SubElement(root, "personOrUserReported"), "espIdentifier").text = f"u-{number}"
    return root


def batched_file() -> Any:
    """The details of its one file."""
    root = document("fileDetails")
    for name in _NOT_IN_BATCHED_FILE.split():
        for node in root.findall(name):
            root.remove(node)
    marks = root.find("fileAnnotations")
    for mark in list(marks):
        if mark.tag not in ("viral", "potentialMeme"):
            marks.remove(mark)
    return root


def _wrapped(tag: str, child: Any) -> Any:
    node = etree.Element(tag)
    node.append(child)
    return node


def _keep_rules(root: Any) -> None:
    """What the documentation asks between fields."""
    person = root.find("reporter/reportingPerson")
    if person.find("email") is None:
        _after_phones(person)
    if next(root.iter("emailAddress"), None) is not None and root.find("personOrUserReported") is None:
        place = root.index(root.find("reporter")) + 1
        root.insert(place, etree.Element("personOrUserReported"))
    for user in root.findall("personOrUserReported"):
        if user.find("personOrUserReportedPerson") is None:
            user.insert(0, etree.Element("personOrUserReportedPerson"))
        if user.find("personOrUserReportedPerson/email") is None:
            _after_phones(user.find("personOrUserReportedPerson"))
    for place in root.iter("estimatedLocation"):
        for old in place.findall("countryCode"):
            place.remove(old)
        etree.SubElement(place, "countryCode").text = "NZ"


def _after_phones(person: Any) -> None:
    at = sum(child.tag in ("firstName", "lastName", "phone") for child in person)
    node = etree.Element("email")
    node.text = MAIL
    person.insert(at, node)


def sites(node: Any, kind: str, grammar: Grammar = PUBLISHED) -> Iterator[tuple[Any, str]]:
    """Every element of a valid document with its type, flags apart."""
    yield node, kind
    if kind in grammar.sequence:
        kinds = {tag: own for place in grammar.sequence[kind] for tag, own in place.names.items()}
        for child in node:
            yield from sites(child, kinds[child.tag], grammar)


def serialised(root: Any) -> bytes:
    """The document as it would be sent."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


class Reply(NamedTuple):
    """What the simulator answered; `cut` = the connection was cut, `whole` = the answer was sent to its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool
    whole: bool

    @property
    def root(self) -> Any:
        return etree.fromstring(self.body)

    @property
    def code(self) -> int:
        return int(self.root.findtext("responseCode"))

    @property
    def said(self) -> str:
        return str(self.root.findtext("responseDescription"))


class InProcess:
    """The simulator without a socket, an event loop or a moving clock: `at` is its time in seconds since 1970."""

    def __init__(self, folder: Path, *, keep: bool = False, grammar: Grammar = PUBLISHED) -> None:
        self.folder, self.at = folder, NOW
        self.cuts: list[Any] = []
        self.slept: list[float] = []
        self.store = Store(folder, lambda: self.at)
        self.app = Simulator(
            self.store, "desk", "practice", self.cuts.append,
            kept=Kept(folder / "files" if keep else None), grammar=grammar, sleep=self._sleep,
        )  # fmt: skip

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def ask(
        self, method: str, path: str, body: bytes | list[bytes] = b"", *, auth: str = "desk:practice",
        leave: bool = False,
        **headers: str,
    ) -> Reply:  # fmt: skip
        """One request. `leave`: the client goes away before the end of the body."""
        given = {"host": "127.0.0.1:8090", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if auth:
            given.setdefault("authorization", "Basic " + base64.b64encode(auth.encode()).decode())
        scope = {
            "type": "http", "method": method, "path": path, "client": ("127.0.0.1", 50000),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        }  # fmt: skip
        pieces = list(body) if isinstance(body, list) else [body]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces) or leave}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        before, running = len(self.cuts), self.app(scope, receive, send)
        try:
            running.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("It waits for something that no test gives.")
        start: dict[str, Any] = sent[0] if sent else {"status": 0, "headers": []}
        answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        whole = bool(sent) and not sent[-1].get("more_body", False)
        inside = b"".join(message.get("body", b"") for message in sent[1:])
        return Reply(start["status"], answered, inside, len(self.cuts) > before, whole)

    def call(self, method: str, endpoint: str, body: bytes | list[bytes] = b"", **headers: Any) -> Reply:
        """A call of the protocol."""
        return self.ask(method, f"/ispws/{endpoint}", body, **headers)

    def submit(self, root: Any | None = None) -> Reply:
        """Open a report."""
        return self.call("POST", "submit", serialised(document("report") if root is None else root), **XML)

    def opened(self, root: Any | None = None) -> int:
        """The number of a report that was opened."""
        return int(self.submit(root).root.findtext("reportId"))

    def upload(self, number: Any, body: bytes = b"gradient 1") -> Reply:
        """Upload a file in one piece."""
        return self.call("POST", "upload", form(id=str(number), file=body), content_type=FORM)

    def uploaded(self, number: int, body: bytes = b"gradient 1") -> str:
        """The id of a file that was uploaded."""
        return str(self.upload(number, body).root.findtext("fileId"))

    def fileinfo(self, number: int, file: str, root: Any | None = None) -> Reply:
        """Describe a file."""
        root = document("fileDetails") if root is None else root
        root.find("reportId").text, root.find("fileId").text = str(number), file
        return self.call("POST", "fileinfo", serialised(root), **XML)

    def end(self, endpoint: str, number: Any) -> Reply:
        """Finish or retract, with a multipart form."""
        return self.call("POST", endpoint, form(id=str(number)), content_type=FORM)

    def order(self, *faults: dict[str, Any]) -> None:
        """Order faults, which must be taken."""
        self.app.faults.take_in(list(faults))

    def report(self, number: int) -> dict[str, Any]:
        """What is told of a report."""
        return next(one for one in self.store.received()["reports"] if one["id"] == number)


XML = {"content_type": "text/xml; charset=utf-8"}
FORM = "multipart/form-data; boundary=bound"


def form(**fields: str | bytes) -> bytes:
    """A multipart form; a field of bytes is a file."""
    parts = []
    for name, value in fields.items():
        about = f'Content-Disposition: form-data; name="{name}"'
        about += '; filename="gradient 1.png"' if isinstance(value, bytes) else ""
        inside = value if isinstance(value, bytes) else value.encode()
        parts.append(f"--bound\r\n{about}\r\n\r\n".encode() + inside + b"\r\n")
    return b"".join(parts) + b"--bound--\r\n"
