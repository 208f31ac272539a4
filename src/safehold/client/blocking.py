"""The client for synchronous programs. Others use it as `safehold.client.Safehold`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar, Unpack

import httpx2

from safehold.client import calls
from safehold.client.calls import Call, Patience
from safehold.client.signing import Signer
from safehold.client.types import Item, Receipt, SignupAnswer, Unavailable, Verdict

Answer = TypeVar("Answer")
CHUNK = 256 * 1024
File = bytes | Path | BinaryIO


class Safehold:
    """Calls to one Safehold with one host's key. Safe to share between threads; close it, or use it in `with`.

    A call is repeated while no answer comes: at most `attempts` in all, none begun after `patience` seconds; then it
    raises Unavailable. What Safehold declines raises Refused at once.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 5.0, attempts: int = 3, patience: float = 10.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        self.attempts, self.patience = attempts, patience
        self.http = httpx2.Client(
            base_url=url.rstrip("/"), headers=calls.opening(key), timeout=timeout,
            trust_env=False, follow_redirects=False, transport=transport,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self.http.close()

    def check(self, items: Sequence[Item], *, surface: str, jurisdiction: str = "") -> tuple[Verdict, ...]:
        """What Safehold's lists know of up to 1000 items, in their order. Records nothing."""
        return self._ask(calls.screen(items, surface=surface, jurisdiction=jurisdiction, record=False)).items

    def record(
        self, items: Sequence[Item], *, surface: str, jurisdiction: str = "", key: str = ""
    ) -> tuple[Verdict, ...]:
        """As `check`, and each hit opens a case or joins one. `key`: the same for every resend of this very call."""
        return self._ask(calls.screen(items, surface=surface, jurisdiction=jurisdiction, record=True, key=key)).items

    def screen_file(
        self, file: File, *, surface: str, jurisdiction: str = "", item_id: str = "", account_id: str = "",
        record: bool = False, key: str = "",
    ) -> Verdict:  # fmt: skip
        """Let Safehold hash a file and look it up. Give bytes, a path, or an open binary file that can be rewound."""
        call = calls.screen_file(
            surface=surface, jurisdiction=jurisdiction, item_id=item_id, account_id=account_id, record=record, key=key
        )
        return calls.only(self._ask(call, file))

    def check_signup(self, *, emails: Sequence[str] = (), phones: Sequence[str] = (), ip: str = "") -> SignupAnswer:
        """Whether a banned person is signing up. The network address never decides."""
        return self._ask(calls.signup(emails, phones, ip))

    def report(self, once_key: str, **given: Unpack[calls.ReportFields]) -> Receipt:
        """A report from inside the host's app. `once_key` is made when the form opens, the same for each resend."""
        return self._ask(calls.report(once_key, given))

    def report_state(self, receipt: str) -> Receipt:
        """Where a report stands: received, in_review or finished, and nothing more."""
        return self._ask(calls.report_state(receipt))

    def tell(self, signer: Signer, kind: str, data: Mapping[str, Any], *, event_id: str = "") -> calls.Taken:
        """Tell Safehold an event, signed; sent again under the same id until it was taken or patience ends."""
        return self._ask(calls.event(*signer.event(kind, data, event_id=event_id)))

    def _ask(self, call: Call[Answer], file: File | None = None) -> Answer:
        patience = Patience(self.attempts, self.patience)
        while True:
            begun, retry_after, problem = monotonic(), "", ""
            try:
                content = call.content if file is None else body(file)
                response = self.http.request(
                    call.method, call.path, content=content, headers=dict(call.headers), params=dict(call.params)
                )
                if not calls.again(response):
                    return calls.read(call, response.status_code, response.content)
                retry_after, problem = response.headers.get("retry-after", ""), f"it answered {response.status_code}"
            except httpx2.TransportError as error:
                problem = type(error).__name__
            pause = patience.pause(monotonic() - begun, retry_after)
            if pause is None:
                raise Unavailable(f"{call.path} gave no usable answer after {patience.made} attempts: {problem}.")
            sleep(pause)


def body(file: File) -> bytes | Iterator[bytes]:
    """The bytes of a file from its beginning, for one attempt; never whole in memory unless given so."""
    return file if isinstance(file, bytes) else _pieces(file)


def _pieces(file: Path | BinaryIO) -> Iterator[bytes]:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            yield from _pieces(opened)
        return
    file.seek(0)
    while piece := file.read(CHUNK):
        yield piece
