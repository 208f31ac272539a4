"""The client for asyncio programs. Others use it as `safehold.client.AsyncSafehold`."""

import asyncio
from asyncio import sleep
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx2

from safehold.client import calls
from safehold.client.blocking import File, body
from safehold.client.calls import Call, Patience
from safehold.client.signing import Signer
from safehold.client.types import Item, Receipt, SignupAnswer, Unavailable, Verdict

Answer = TypeVar("Answer")


class AsyncSafehold:
    """As `Safehold`, with the same calls to be awaited. Use it in `async with`, or await `close`."""

    def __init__(
        self, url: str, key: str, *, timeout: float = 5.0, attempts: int = 3, patience: float = 10.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        self.attempts, self.patience = attempts, patience
        self.http = httpx2.AsyncClient(
            base_url=url.rstrip("/"), headers=calls.opening(key), timeout=timeout,
            trust_env=False, follow_redirects=False, transport=transport,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the connections go."""
        await self.http.aclose()

    async def check(self, items: Sequence[Item], *, surface: str, jurisdiction: str = "") -> tuple[Verdict, ...]:
        """What Safehold's lists know of up to 1000 items, in their order. Records nothing."""
        return (await self._ask(calls.screen(items, surface=surface, jurisdiction=jurisdiction, record=False))).items

    async def record(
        self, items: Sequence[Item], *, surface: str, jurisdiction: str = "", key: str = ""
    ) -> tuple[Verdict, ...]:
        """As `check`, and each hit opens a case or joins one. `key`: the same for every resend of this very call."""
        call = calls.screen(items, surface=surface, jurisdiction=jurisdiction, record=True, key=key)
        return (await self._ask(call)).items

    async def screen_file(
        self, file: File, *, surface: str, jurisdiction: str = "", item_id: str = "", account_id: str = "",
        record: bool = False, key: str = "",
    ) -> Verdict:  # fmt: skip
        """Let Safehold hash a file and look it up. Give bytes, a path, or an open binary file that can be rewound."""
        call = calls.screen_file(
            surface=surface, jurisdiction=jurisdiction, item_id=item_id, account_id=account_id, record=record, key=key
        )
        return calls.only(await self._ask(call, file))

    async def check_signup(
        self, *, emails: Sequence[str] = (), phones: Sequence[str] = (), ip: str = ""
    ) -> SignupAnswer:
        """Whether a banned person is signing up. The network address never decides."""
        return await self._ask(calls.signup(emails, phones, ip))

    async def report(self, once_key: str, **given: Unpack[calls.ReportFields]) -> Receipt:
        """A report from inside the host's app. `once_key` is made when the form opens, the same for each resend."""
        return await self._ask(calls.report(once_key, given))

    async def report_state(self, receipt: str) -> Receipt:
        """Where a report stands: received, in_review or finished, and nothing more."""
        return await self._ask(calls.report_state(receipt))

    async def tell(self, signer: Signer, kind: str, data: Mapping[str, Any], *, event_id: str = "") -> calls.Taken:
        """Tell Safehold an event, signed; sent again under the same id until it was taken or patience ends."""
        return await self._ask(calls.event(*signer.event(kind, data, event_id=event_id)))

    async def _ask(self, call: Call[Answer], file: File | None = None) -> Answer:
        patience = Patience(self.attempts, self.patience)
        while True:
            begun, retry_after, problem = monotonic(), "", ""
            try:
                content = call.content if file is None else _pieces(file)
                response = await self.http.request(
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
            await sleep(pause)


async def _pieces(file: File) -> AsyncIterator[bytes]:
    """As `blocking.body`; reading from disk is done in a thread."""
    whole = body(file)
    if isinstance(whole, bytes):
        yield whole
        return
    while (piece := await asyncio.to_thread(next, whole, None)) is not None:
        yield piece
