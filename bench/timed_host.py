"""The microblog with a clock at its door: how long the host itself takes for each of Safehold's messages.

`python -m bench.timed_host …` takes the microblog's own options. Each call becomes a line of JSON in the file
that the environment names: the message's type, what it is about, when it began (seconds since 1970), how
long it took. `calls` reads them.
"""

import io
import json
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE = "BENCH_HOST_CALLS"


class Timed:
    """The microblog's WSGI application, timed from the request's head to the answer's last byte."""

    def __init__(self, app: Any, file: Path) -> None:
        self.app, self.file, self.lock = app, file, threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/safehold/webhook":
            return list(self.app(environ, start_response))
        began, at = time.perf_counter(), time.time()
        body = environ["wsgi.input"].read()
        answer = list(self.app({**environ, "wsgi.input": io.BytesIO(body)}, start_response))
        took = time.perf_counter() - began
        message = json.loads(body)
        about = message["data"].get("account_id") or message["data"].get("item_id") or ""
        line = json.dumps({"type": message["type"], "about": about, "at": at, "took": took})
        with self.lock, self.file.open("a") as lines:
            lines.write(line + "\n")
        return answer


def calls(file: Path, *, about: str, since: float, until: float) -> list[dict[str, Any]]:
    """The calls about one account or item that began within a stretch of time."""
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [row for row in rows if row["about"] == about and since <= row["at"] <= until]


def main() -> None:
    """Start the microblog with the clock around it."""
    from microblog import __main__ as start

    plain = start.build

    def build(*given: Any) -> Any:
        app, sender = plain(*given)
        return Timed(app, Path(os.environ[FILE])), sender

    start.build = build
    start.main()


if __name__ == "__main__":
    main()
