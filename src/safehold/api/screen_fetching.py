"""Fetching a file by its address, where the operator allows it at all. Inside the screening path only.

An address is somebody else's text, and this process stands inside the operator's network: so only http and https on
their own ports, only names whose every address is public, and the connection goes to the very address that was
checked. Nothing is followed, sent along, or waited for beyond the limits.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

import can_ada

PIECE = 64 * 1024
# Networks whose addresses carry another address inside, which may be one of ours (RFC 6052, 3056, 4380, 8215).
_CARRIERS = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
_PORTS = {"http:": 80, "https:": 443}


class NotFetched(Exception):
    """The file was not fetched: `reason` is fetch_refused (the address is none we go to), fetch_failed or too_large."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason, self.why = reason, why


class Place(NamedTuple):
    """Where an address leads: never a user name, never a fragment."""

    tls: bool
    host: str  # as the other side knows itself
    port: int
    path: str


def is_public(address: str) -> bool:
    """Whether an address of the network belongs to the public internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _CARRIERS) or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises OSError."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def place(url: str) -> Place:
    """An address as browsers read it. Raises NotFetched."""
    try:
        read = can_ada.parse(url)
    except ValueError:
        raise NotFetched("fetch_refused", "The address cannot be read.") from None
    if read.protocol not in _PORTS:
        raise NotFetched("fetch_refused", "Only http and https are fetched.")
    if read.username or read.password:
        raise NotFetched("fetch_refused", "An address with a user name or a password is not fetched.")
    port = int(read.port or _PORTS[read.protocol])
    return Place(read.protocol == "https:", read.hostname, port, f"{read.pathname}{read.search}")


class Fetcher:
    """Fetches under limits. The arguments other than the limits are for tests."""

    def __init__(
        self, *, most: int, seconds: float = 20.0, ports: tuple[int, ...] = (80, 443),
        resolver: Callable[[str, int], list[str]] = resolve, public: Callable[[str], bool] = is_public,
    ) -> None:  # fmt: skip
        self._most, self._seconds, self._ports = most, seconds, ports
        self._resolve, self._public = resolver, public

    def fetch(self, url: str, take: Callable[[bytes], None]) -> None:
        """Hand the file's bytes to `take` as they come. Blocks. Raises NotFetched; what was taken then is no file."""
        where = place(url)
        if where.port not in self._ports:
            raise NotFetched("fetch_refused", "Only the ports of the web (80, 443) are fetched from.")
        deadline = time.monotonic() + self._seconds
        try:
            with self._connected(where, self._address(where), deadline) as line:
                self._read(line, where, take, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = time.monotonic() >= deadline
            why = f"It took longer than {self._seconds:.0f} seconds." if late else type(error).__name__
            raise NotFetched("fetch_failed", why) from None

    def _address(self, where: Place) -> str:
        """The address to connect to. A name with a single private one among public ones is not gone to at all."""
        found = self._resolve(where.host, where.port)
        if not found:
            raise NotFetched("fetch_failed", "The name has no address.")
        if not all(self._public(address) for address in found):
            raise NotFetched("fetch_refused", "The name leads to an address that is not public.")
        return found[0]

    @contextmanager
    def _connected(self, where: Place, address: str, deadline: float) -> Iterator[http.client.HTTPConnection]:
        plain = socket.create_connection((address, where.port), timeout=max(0.1, deadline - time.monotonic()))
        line = http.client.HTTPConnection(where.host, where.port)
        line.sock = plain
        used = [plain]  # the line lets its socket go to the answer
        # Each single read has its time-out; whoever sends a byte a second is cut off by this.
        cut = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, [used])
        cut.daemon = True
        cut.start()
        try:
            if where.tls:
                secured = ssl.create_default_context().wrap_socket(
                    plain, server_hostname=where.host.strip("[]"), do_handshake_on_connect=False
                )
                line.sock, used[0] = secured, secured
                secured.do_handshake()
            yield line
        finally:
            cut.cancel()
            line.close()
            used[0].close()

    def _read(
        self, line: http.client.HTTPConnection, where: Place, take: Callable[[bytes], None], deadline: float
    ) -> None:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "Safehold"}
        line.request("GET", where.path or "/", headers=headers)
        with closing(line.getresponse()) as answer:
            self._take(answer, take, deadline)

    def _take(self, answer: http.client.HTTPResponse, take: Callable[[bytes], None], deadline: float) -> None:
        if 300 <= answer.status < 400:
            raise NotFetched("fetch_failed", "The address leads on to another one, which is not followed.")
        if answer.status != 200:
            raise NotFetched("fetch_failed", f"The other side answered {answer.status}.")
        if answer.getheader("Content-Encoding", "identity").lower() != "identity":
            raise NotFetched("fetch_failed", "The other side packs the file, although it was asked not to.")
        if (answer.length or 0) > self._most:
            raise NotFetched("too_large", f"The file has more than {self._most} bytes.")
        size = 0
        while piece := answer.read1(PIECE):
            size += len(piece)
            if size > self._most:
                raise NotFetched("too_large", f"The file has more than {self._most} bytes.")
            if time.monotonic() > deadline:
                raise TimeoutError
            take(piece)
        if time.monotonic() > deadline:
            raise TimeoutError
        if answer.length:
            raise NotFetched("fetch_failed", "The file ended early.")


def _shut(used: list[socket.socket]) -> None:
    with suppress(OSError):  # where it ended by itself
        used[0].shutdown(socket.SHUT_RDWR)
