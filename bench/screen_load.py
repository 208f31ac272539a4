"""Load for the bench `screen`, in a process of its own: connections kept open, raw requests, the time of each answer.

`python -m bench.screen_load HOST PORT CONNECTIONS SECONDS FILE`: FILE holds requests as JSON lines, each the whole
bytes of one in Latin-1; each connection sends one, waits for the answer, and sends the next. Prints JSON: the times,
the statuses, and how busy this process was, so that it can be told whether it was the limit.
"""

import asyncio
import json
import sys
import time
from itertools import count
from pathlib import Path


class Caller(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last is whole."""

    def __init__(
        self, requests: list[bytes], turn: "count[int]", until: float, times: list[float], statuses: dict
    ) -> None:
        self.requests, self.turn, self.until = requests, turn, until
        self.times, self.statuses = times, statuses
        self.buffer, self.done = b"", asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if time.perf_counter() >= self.until:
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(self.requests[next(self.turn) % len(self.requests)])  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        if len(body) < int(lower[at:].split(b"\r\n", 1)[0]):
            return
        self.times.append(time.perf_counter() - self.began)
        status = head[9:12].decode()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buffer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(error)


async def load(host: str, port: int, connections: int, seconds: float, requests: list[bytes]) -> dict:
    """Run, and give the times in seconds."""
    times: list[float] = []
    statuses: dict[str, int] = {}
    turn, loop = count(), asyncio.get_running_loop()
    began, busy = time.perf_counter(), time.process_time()
    until = began + seconds
    callers = []
    for _ in range(connections):
        made = await loop.create_connection(lambda: Caller(requests, turn, until, times, statuses), host, port)
        callers.append(made[1])
    ended = [await caller.done for caller in callers]
    took = time.perf_counter() - began
    errors = sum(error is not None for error in ended)
    return {"times": times, "statuses": statuses, "took": took, "busy": time.process_time() - busy, "errors": errors}


def main() -> None:
    """Read the requests, run, print."""
    import uvloop

    host, port, connections, seconds, file = sys.argv[1:]
    requests = [json.loads(line).encode("latin-1") for line in Path(file).read_text().splitlines()]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(load(host, int(port), int(connections), float(seconds), requests))))


if __name__ == "__main__":
    main()
