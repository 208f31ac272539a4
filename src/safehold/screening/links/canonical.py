"""One form for the many spellings of a web address, and the forms that it is matched by. Pure.

Others call `canonical`, `forms_of`, `entry_form`; `BadUrl` says what is wrong with an address. An address is read
as a browser reads it (WHATWG URL standard, by `can_ada`), so whatever opens the same page comes to the same form.
Beyond that standard, because servers treat them alike: schemes fold (http, https, ws, wss), with their default
ports; `%7E` is `~`; repeated slashes and one at the end go; parameters are sorted by name and those that only
track a click go. The case of the path is kept: servers tell it apart. docs/screening-links.md has the table.
"""

import ipaddress
import re
from functools import cache
from typing import Literal, NamedTuple, get_args
from urllib.parse import unquote_to_bytes

import can_ada
from publicsuffixlist import PublicSuffixList

Scope = Literal["exact", "prefix", "host", "domain"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

LONGEST = 65_536  # characters of an address; a browser opens no longer one
DEEPEST = 32  # segments of a path that can be listed as a prefix: the forms of an address stay bounded
LONGEST_HOST = 253  # octets of a name (RFC 1035)

_FOLDED = ("http:", "https:", "ws:", "wss:")
_DEFAULT_PORTS = ("", "80", "443")  # of the folded schemes; `can_ada` drops those of ftp
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):(.*)", re.IGNORECASE | re.DOTALL)
_HOST_AND_PORT = re.compile(r"\d{1,5}(?:[/\\?#]|\Z)")  # what stands after "host:" where that is no scheme
_ESCAPE = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")
_SLASHES = re.compile(r"/{2,}")
_ROUTE = ("#!", "#/")  # a fragment that names another page in applications of a single page
_KEPT_IN_PATH = frozenset(b"%/\\?#")  # escaped, these mean something else than bare
_KEPT_IN_QUERY = frozenset(b"%&=+#")
# Parameters that tell who clicked, and never what is shown. Facts of the advertisers' own documentation.
TRACKING = frozenset(
    (
        "dclid", "fbclid", "gbraid", "gclid", "gclsrc", "igshid", "li_fat_id", "mc_cid", "mc_eid", "msclkid", "ttclid",
        "twclid", "utm_campaign", "utm_content", "utm_id", "utm_medium", "utm_source", "utm_term", "wbraid", "yclid",
    )
)  # fmt: skip


class BadUrl(ValueError):
    """The text is no web address that could be matched; the message says why."""


class Form(NamedTuple):
    """One text that an address is looked up under, in one scope."""

    scope: Scope
    text: str


class Canonical(NamedTuple):
    """An address taken apart. `host` is lower-case, in punycode, an IPv6 address in brackets."""

    host: str
    port: str  # "" = the scheme's own
    path: str  # "" = the root; else begins with "/" and ends with none
    query: str  # "" or "?..."
    route: str  # "" or a fragment that names a page of its own
    domain: str  # registrable; "" for an address of digits, a bare name, or a public suffix itself
    ftp: bool = False

    @property
    def authority(self) -> str:
        """The host with its port, and with the scheme where that is not the web's."""
        return f"{'ftp://' if self.ftp else ''}{self.host}{':' if self.port else ''}{self.port}"

    @property
    def exact(self) -> str:
        """The whole address in one text, without a page's own route."""
        return f"{self.authority}{self.path or '/'}{self.query}"


def canonical(url: str) -> Canonical:
    """The address taken apart. One without a scheme counts as http. Raises BadUrl."""
    if len(url) > LONGEST:
        raise BadUrl(f"The address has {len(url):,} characters; at most {LONGEST:,} can be read.")
    parsed = _parsed(_with_scheme(url))
    if parsed.protocol not in (*_FOLDED, "ftp:"):
        raise BadUrl(f"{parsed.protocol[:40]!r} is not the scheme of a web address.")
    host = _host(parsed.hostname)
    ftp = parsed.protocol == "ftp:"
    return Canonical(
        host=host,
        port="" if not ftp and parsed.port in _DEFAULT_PORTS else parsed.port,
        path=_path(parsed.pathname),
        query=_query(parsed.search),
        route=_escapes(parsed.hash, _KEPT_IN_PATH) if parsed.hash.startswith(_ROUTE) and len(parsed.hash) > 2 else "",
        domain=_domain(host),
        ftp=ftp,
    )


def forms_of(url: str | Canonical) -> list[Form]:
    """Everything that an address is looked up under, at most DEEPEST + 6 forms. Raises BadUrl.

    Of a path deeper than DEEPEST segments the first DEEPEST are tried as prefixes; no deeper one can be listed.
    """
    one = canonical(url) if isinstance(url, str) else url
    exact = one.exact
    forms = [Form("exact", exact)]
    if one.route:
        forms.append(Form("exact", exact + one.route))
    forms += [Form("prefix", text) for text in _prefixes(one)]
    forms.append(Form("host", one.host))
    if one.domain:
        forms.append(Form("domain", one.domain))
    return forms


def entry_form(url: str, scope: Scope) -> Form:
    """What a list keeps of an address in a scope. Raises BadUrl where the scope does not fit the address.

    `exact`: that page with those parameters. `prefix`: that path and what lies below it, whole segments, with any
    parameters. `host`: that host alone, at any port. `domain`: the registrable domain and every host below it.
    """
    one = canonical(url)
    if scope == "exact":
        return Form(scope, one.exact + one.route)
    if scope == "host":
        return Form(scope, one.host)
    if scope == "prefix":
        return Form(scope, _prefix_entry(one))
    if scope == "domain":
        return Form(scope, _domain_entry(one))
    raise BadUrl(f"There is no scope {scope!r}; it is one of {', '.join(SCOPES)}.")


def _prefix_entry(one: Canonical) -> str:
    depth = one.path.count("/")
    if depth > DEEPEST:
        raise BadUrl(f"The path has {depth} segments; a prefix has at most {DEEPEST}. List the address as exact.")
    if one.query or one.route:
        raise BadUrl("A prefix ends with the path: leave away what begins with '?' or '#', or list it as exact.")
    return one.authority + one.path


def _domain_entry(one: Canonical) -> str:
    if not one.domain:
        raise BadUrl(f"{one.host} has no domain that belongs to somebody alone. List it as a host.")
    if one.domain != one.host:
        raise BadUrl(f"{one.host} lies below the domain {one.domain}. List that domain, or the host alone as a host.")
    return one.domain


def _prefixes(one: Canonical) -> list[str]:
    """The root, then each path that ends with a whole segment."""
    texts = [one.authority]
    at = 0
    for _ in range(min(one.path.count("/"), DEEPEST)):
        at = one.path.find("/", at + 1)
        texts.append(one.authority + (one.path if at < 0 else one.path[:at]))
    return texts


def _with_scheme(url: str) -> str:
    """The address with a scheme: lists and people often leave it away."""
    text = url.strip("".join(map(chr, range(33)))).replace("\t", "").replace("\n", "").replace("\r", "")
    if not text:
        raise BadUrl("The address is empty.")
    found = _SCHEME.match(text)
    if found is None:
        return "http://" + text.lstrip("/\\")
    if ("." in found[1] or found[1].lower() == "localhost") and _HOST_AND_PORT.match(found[2]):
        return "http://" + text.lstrip("/\\")
    return text


def _parsed(text: str) -> can_ada.URL:
    try:
        return can_ada.parse(text)
    except ValueError:
        raise BadUrl("No browser could open this as an address: the host or the port is not valid.") from None
    except TypeError:  # half of a surrogate pair cannot be handed over as UTF-8
        raise BadUrl("The address holds a character that is no character (half of a pair).") from None


def _host(host: str) -> str:
    """Without the dot of the root; an IPv4 address within IPv6 as itself."""
    if host.startswith("["):
        mapped = ipaddress.IPv6Address(host[1:-1]).ipv4_mapped
        return str(mapped) if mapped else host
    host = host.removesuffix(".")
    labels = host.split(".")
    if not all(labels):
        raise BadUrl("The host is empty, or has an empty part between two dots.")
    if len(host) > LONGEST_HOST or max(map(len, labels)) > 63:
        raise BadUrl(f"The host is too long: {LONGEST_HOST} characters in all, 63 between two dots, is the most.")
    return host


def _path(path: str) -> str:
    path = _SLASHES.sub("/", path)
    if "%" in path:
        path = _escapes(path, _KEPT_IN_PATH)
    return path.removesuffix("/")


def _query(search: str) -> str:
    """Parameters sorted by name; those of one name keep their order, which servers go by."""
    if len(search) < 2:
        return ""
    pieces = [_escapes(piece.replace("+", "%20"), _KEPT_IN_QUERY) for piece in search[1:].split("&") if piece]
    kept = [piece for piece in pieces if piece.partition("=")[0].lower() not in TRACKING]
    kept.sort(key=lambda piece: piece.partition("=")[0])
    return "?" + "&".join(kept) if kept else ""


def _escapes(text: str, kept: frozenset[int]) -> str:
    """Escapes in one spelling: printable ASCII bare unless in `kept`, digits in capitals, a lone "%" escaped."""

    def one(found: re.Match[str]) -> str:
        digits = found[1]
        if digits is None:
            return "%25"
        code = int(digits, 16)
        return chr(code) if 0x20 < code < 0x7F and code not in kept else f"%{digits.upper()}"

    return _ESCAPE.sub(one, text)


@cache
def suffixes() -> PublicSuffixList:
    """The list of public suffixes that comes with the package: nothing is fetched."""
    return PublicSuffixList()


def is_address(host: str) -> bool:
    """Whether a canonical host is an IPv4 or IPv6 address."""
    return host.startswith("[") or (host[-1:].isdigit() and host.replace(".", "").isdigit())


def _domain(host: str) -> str:
    if is_address(host) or "." not in host:
        return ""
    return suffixes().privatesuffix(host) or ""


def decoded(text: str) -> str:
    """Percent-escapes as the characters they stand for; what is no UTF-8 stays replaced."""
    return unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "replace")
