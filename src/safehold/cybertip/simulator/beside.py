"""The simulator's own addresses, beside the protocol: pages, `received.json`, `faults`.

Lists of ids, times and states are open to whoever reaches 127.0.0.1; what a report says asks for the client's login.
Pages answer to the names of this machine alone, and take orders from themselves alone, so that a page of some other
site that a browser shows cannot use them. `server` calls `Beside.answer`.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from safehold.cybertip.simulator import page
from safehold.cybertip.simulator.faults import Faults
from safehold.cybertip.simulator.frame import SECURITY
from safehold.cybertip.simulator.protocol import CHALLENGE, FORM_LIMIT, Answer, Call, Headers, Protocol, Refused

_HTML, _JSON, _TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
_HOSTS = ("127.0.0.1", "localhost", "::1")
_Number = TypeVar("_Number", int, float)


class Beside:
    """The pages of one simulator."""

    def __init__(self, protocol: Protocol, faults: Faults) -> None:
        self.protocol, self.store, self.faults = protocol, protocol.store, faults

    async def answer(self, call: Call) -> Answer:
        """Any address that is not the protocol's."""
        if urlsplit("//" + call.headers.get("host", "")).hostname not in _HOSTS:
            return _answer(421, _TEXT, "The simulator answers to 127.0.0.1 and localhost alone.")
        if call.scope["method"] not in ("GET", "HEAD") and _from_elsewhere(call):
            return _answer(403, _TEXT, "Orders are taken from the simulator's own page, or from no page.")
        self.protocol.expire()
        match [call.scope["method"], *call.scope["path"].strip("/").split("/")]:
            case ["GET", ""]:
                return _answer(200, _HTML, page.index(self.store.received(), len(self.faults.waiting)))
            case ["GET", "received.json"]:
                return _answer(200, _JSON, json.dumps(self.store.received()))
            case ["GET", "reports", number, *rest] if number.isascii() and number.isdigit() and len(number) <= 18:
                return self._report(call, int(number), rest)
            case [method, "faults"]:
                return await self._faults(call, method)
            case ["GET", "practice"]:
                return self._practice()
            case ["POST", "practice"]:
                return await self._ordered(call)
        return _answer(404, _TEXT, "Not found. The protocol is under /ispws, what was received at /.")

    def _report(self, call: Call, number: int, rest: list[str]) -> Answer:
        """One report: the page of it, or the bytes of one of its documents."""
        if not self.protocol.knows(call):
            return _answer(401, _TEXT, "The login of the client is asked for here.", CHALLENGE)
        row = self.store.report(number)
        if row is None:
            return _answer(404, _TEXT, f"No report {number} was opened here.")
        files = self.store.files(number)
        documents = {f"{file['id']}.xml": file["details"] for file in files if file["details"] is not None}
        documents["report.xml"] = row["document"]
        if rest == []:
            return _answer(200, _HTML, page.report(row, files, self.store.calls(number), self.store.now()))
        if len(rest) == 1 and rest[0] in documents:
            return _answer(200, _TEXT, documents[rest[0]])
        return _answer(404, _TEXT, f"Report {number} has no such document.")

    async def _faults(self, call: Call, method: str) -> Answer:
        if method == "POST":
            try:
                self.store.move_clock(self.faults.add(await call.body(FORM_LIMIT)))
            except (ValueError, TypeError, Refused) as error:
                return _answer(400, _TEXT, str(error))
        elif method == "DELETE":
            self.faults.waiting.clear()
        elif method != "GET":
            return _answer(405, _TEXT, "GET, POST or DELETE.", (b"allow", b"GET, POST, DELETE"))
        return _answer(200, _JSON, json.dumps(self.faults.listed()))

    def _practice(self, problem: str = "") -> Answer:
        shown = page.practice(self.faults.listed(), self.store.now(), problem)
        return _answer(400 if problem else 200, _HTML, shown)

    async def _ordered(self, call: Call) -> Answer:
        """The forms of the page."""
        try:
            given = parse_qs((await call.body(FORM_LIMIT)).decode("ascii", "replace"), keep_blank_values=True)
            form = {name: values[0].strip() for name, values in given.items()}
            act = form.pop("act", "")
            if act == "forget":
                self.faults.waiting.clear()
            elif act == "clock":
                self.store.move_clock(self.faults.take_in({"clock": _number(float, form, "hours") * 3600}))
            elif act == "order":
                whole = {name: _number(int, form, name) for name in ("skip", "status", "code", "bytes") if name in form}
                times = None if form.get("times") == "" else _number(int, form, "times")
                seconds = _number(float, form, "seconds") if "seconds" in form else 1.0
                self.faults.take_in({**form, **whole, "times": times, "seconds": seconds})
            else:
                raise ValueError("The form does not say what to do.")
        except Refused as refusal:
            return self._practice(refusal.description)
        except ValueError as error:
            return self._practice(str(error))
        return _answer(303, _TEXT, "Done.", (b"location", b"/practice"))


def _number(kind: Callable[[str], _Number], form: dict[str, str], name: str) -> _Number:
    try:
        return kind(form.get(name, "1"))
    except ValueError:
        raise ValueError(f"{name} must be a number.") from None


def _from_elsewhere(call: Call) -> bool:
    """Whether a browser says that another site's page sent this."""
    origin, site = call.headers.get("origin"), call.headers.get("sec-fetch-site", "same-origin")
    elsewhere = origin is not None and urlsplit(origin).netloc != call.headers.get("host")
    return elsewhere or site not in ("same-origin", "none")


def _answer(http: int, kind: str, body: str | bytes, *more: tuple[bytes, bytes]) -> Answer:
    sent: Any = body.encode() if isinstance(body, str) else body
    headers: Headers = [(b"content-type", kind.encode()), *SECURITY, *more]
    return Answer(http, sent, headers)
