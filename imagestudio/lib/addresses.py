"""Where a URL that came from outside leads, and whether we may follow it there."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urljoin

_URL_CHARACTERS_MAX = 16 * 1024
# No userinfo, no zone, no backslash, no white space, and a host in ASCII: parsers disagree on
# the rest, and a full-width digit or an ideographic dot is there only to deceive.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?#][^\x00-\x20\x7f\s\\\ud800-\udfff]*)?",
    re.ASCII | re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443}
_PORT_MAX = 65535

_UNICAST_IPV6 = ipaddress.ip_network("2000::/3")
# `is_global` calls these global, or the tables of an older Python do not know them yet.
# The IPv6 ranges outside 2000::/3 are refused by that rule already; they stand here for the reader.
_DENIED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "100.64.0.0/10",  # carrier NAT, where one cloud keeps its metadata
        "168.63.129.16/32",  # a cloud's host agent behind a public number
        "192.0.0.0/24",  # protocol assignments, where another cloud keeps its metadata
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4 in its oldest IPv6 spelling
        "::ffff:0:0/96",  # IPv4-mapped
        "64:ff9b::/96",  # NAT64 reaches any IPv4 address
        "64:ff9b:1::/48",  # local NAT64
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)
_NAME_BYTES_MAX = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# A name server that never answers holds a thread for half a minute: it must hold none that
# the event loop needs for its own work.
_lookups = ThreadPoolExecutor(max_workers=32, thread_name_prefix="lookup")


class Blocked(Exception):
    """The URL, or an address behind it, is not allowed.

    The message never says why: whoever names a URL must not learn what answers inside.
    """

    def __init__(self, message: str = "This address cannot be called.") -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Destination:
    """A plain http(s) URL and where it leads; `host` is lower case, without brackets."""

    url: str
    scheme: str
    host: str
    port: int

    @classmethod
    def read(cls, url: str) -> "Destination":
        """Raises Blocked for whatever two parsers could read in two ways."""
        match = _URL.fullmatch(url) if len(url) <= _URL_CHARACTERS_MAX else None
        if match is None:
            raise Blocked
        scheme, host = match["scheme"].lower(), match["host"].lower().strip("[]")
        if not (is_literal(host) or is_name(host)):
            raise Blocked
        port = int(match["port"] or _PORTS[scheme])
        if not 0 < port <= _PORT_MAX:
            raise Blocked
        return cls(url, scheme, host, port)

    @property
    def host_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def onward(self, location: str) -> "Destination":
        """Where a redirect leads. Raises Blocked for another host, or away from https."""
        target = Destination.read(urljoin(self.url, location))
        if target.host != self.host or (self.scheme, target.scheme) == ("https", "http"):
            raise Blocked
        return target


def may_be_called(address: str) -> bool:
    """A public address, and none of this machine's own."""
    return is_public(address) and not is_own(address)


def is_public(address: str) -> bool:
    """False for whatever is not plainly somebody's machine on the internet."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or parsed.is_multicast:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed not in _UNICAST_IPV6:
        return False
    return not any(parsed in network for network in _DENIED)


def is_own(address: str) -> bool:
    """Whether the address belongs to an interface of this machine. Sends nothing.

    The kernel answers a caller at one of its own addresses from that very address.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            if probe.connect_ex((address, 9)) != 0:
                return False
            source: str = probe.getsockname()[0]
    except OSError:  # no such family on this machine
        return False
    return ipaddress.ip_address(source) == ipaddress.ip_address(address)


def is_literal(host: str) -> bool:
    """Whether the host is an address in its one canonical kind of spelling, without a zone."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_name(host: str) -> bool:
    """Whether the host (ASCII, lower case) is a name for the DNS.

    A last label that is a number makes it an odd spelling of an IPv4 address (127.1, 0x7f.1,
    2130706433), which resolvers read in different ways.
    """
    labels = host.removesuffix(".").split(".")
    if len(host) > _NAME_BYTES_MAX or _NUMBER.fullmatch(labels[-1]):
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, best first. Raises OSError, or UnicodeError for an odd name."""
    if is_literal(host):
        return (host,)
    found = await asyncio.get_running_loop().run_in_executor(
        _lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
