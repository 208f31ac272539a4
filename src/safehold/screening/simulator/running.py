"""The simulator's process: its options, the listening socket, and cutting connections on request."""

import argparse
import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from safehold.screening.simulator.faults import Faults, from_words
from safehold.screening.simulator.pictures import entry
from safehold.screening.simulator.protocol import BASE, Protocol
from safehold.screening.simulator.server import Simulator
from safehold.screening.simulator.store import Store


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


def run(options: argparse.Namespace) -> int:
    """Serve with these options until interrupted. Returns an exit code: 1 = no port, 2 = an option cannot be used."""
    try:
        faults = from_words(options.fault)
        ahead = Faults().take_in(faults)
    except (ValueError, TypeError) as error:
        print(f"--fault cannot be used: {error}", file=sys.stderr)
        return 2
    if options.page_size < 1 or options.entries < 0:
        print("--page-size is at least 1, and --entries is not negative.", file=sys.stderr)
        return 2
    try:
        listening = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        print(f"Port {options.port} on 127.0.0.1 cannot be used: {error.strerror}.", file=sys.stderr)
        return 1
    store, connections = Store(Path(options.data) if options.data else None), Connections()
    store.move_clock(ahead)
    store.put([entry(number) for number in range(options.entries)])
    protocol = Protocol(store, options.username, options.password, page_size=options.page_size, form=options.form)
    application = Simulator(protocol, store, connections.cut)
    application.faults.take_in(faults)
    config = uvicorn.Config(
        application, http=connections.protocol(), ws="none", lifespan="off", log_level="warning", access_log=False,
        proxy_headers=False, server_header=False,
    )  # fmt: skip
    print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}{BASE}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    store.close()
    return 0
