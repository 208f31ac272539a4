"""The simulator's process: arguments, the listening socket, and cutting connections on request."""

import argparse
import asyncio
import contextlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from safehold.cybertip.simulator.server import BASE, Simulator
from safehold.cybertip.simulator.store import Store


class Connections:
    """The open connections by client address, so that one can be cut."""

    def __init__(self) -> None:
        self._open: dict[Any, asyncio.Transport] = {}

    def cut(self, client: Any) -> None:
        """Close a connection at once, whatever was promised on it."""
        transport = self._open.get(tuple(client))
        if transport is not None:
            transport.abort()

    def protocol(self) -> type[asyncio.Protocol]:
        """uvicorn's HTTP protocol, keeping this list."""
        opened = self._open

        class Known(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                opened[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                opened.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return Known


def run(argv: Sequence[str] | None = None) -> int:
    """Parse arguments and serve. Returns an exit code."""
    options = _parser().parse_args(argv)
    try:
        listening = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        print(f"Port {options.port} on 127.0.0.1 cannot be used: {error.strerror}.", file=sys.stderr)
        return 1
    port = listening.getsockname()[1]
    store, connections = Store(Path(options.data)), Connections()
    application = Simulator(store, options.username, options.password, connections.cut)
    config = uvicorn.Config(
        application,
        http=connections.protocol(),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    print(f"listening on http://127.0.0.1:{port}{BASE}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    store.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="safehold cybertip simulate",
        description="A practice server that behaves as NCMEC's reporting service. Nothing sent to it reaches NCMEC.",
        epilog="Example: safehold cybertip simulate --port 8099 --data ./simulator --username desk --password practice",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--data", required=True, help="folder for what it receives")
    parser.add_argument("--username", required=True, help="the login that clients must use")
    parser.add_argument("--password", required=True, help="its password")
    return parser
