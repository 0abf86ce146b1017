"""Call other machines over HTTP. No other module opens a connection to a URL.

Every address a name resolves to is checked before one of them is connected to, so neither DNS
rebinding nor a redirect leads inside. Cookies, proxies of the environment, .netrc, HTTP/2 and
automatic retries stay out: what the caller asked for is sent once, or not at all.
"""

import asyncio
import copy
import hashlib
import json as jsonlib
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

import httpcore
import httpx
from django.conf import settings

from imagestudio.lib import addresses
from imagestudio.lib.addresses import Blocked, Destination
from imagestudio.lib.dialer import Dialer, Lookup
from imagestudio.lib.fleet import CALLS_PER_POOL, Fleet
from imagestudio.lib.killpoints import reached

__all__ = ["Answer", "Blocked", "BrokenOff", "Download", "Egress", "Lost", "NotSent", "TooLarge"]

_CONNECT_SECONDS = 10
# Common servers hang up after 5 idle seconds; a paid order must not meet that moment.
_KEEPALIVE_SECONDS = 4
_REDIRECTS_MAX = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_OUR_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})


class NotSent(Exception):
    """The call failed before any byte of the request could reach the peer."""


class Lost(Exception):
    """The call failed after bytes of the request may have left; the peer may have acted on it."""


class BrokenOff(Lost):
    """The peer hung up in the middle of a download: what it promised is not what it sent."""


class TooLarge(Exception):
    """The answer passes the cap of bytes; the peer has acted on the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Names in `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """What was written to the file, whatever the status; names in `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    size_bytes: int
    sha256: str
    crc32: int


class _Passage:
    """One call on its way to the peer: asks `before_send`, knows whether bytes may have left."""

    def __init__(self, before_send: Callable[[], Awaitable[None]] | None = None) -> None:
        self._before_send = before_send
        self.waits = before_send is not None
        self._veto: Exception | None = None
        self._may_have_left = False

    async def trace(self, event: str, _details: Mapping[str, object]) -> None:
        """httpcore awaits this event on a standing connection, once, before it writes to it."""
        if event != "http11.send_request_headers.started":
            return
        if self._before_send is not None:
            try:
                await self._before_send()
            except Exception as error:
                self._veto = error
                raise
        self._may_have_left = True

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Bound the whole call, and name its failures. A veto passes as it was raised."""
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                yield
        except (httpx.TransportError, ssl.SSLError) as error:
            if error is self._veto:
                raise
            raise self._failure() from error
        except TimeoutError as error:
            if error is self._veto or not deadline.expired():
                raise
            raise self._failure() from error

    def _failure(self) -> NotSent | Lost:
        if self._may_have_left:
            return Lost("no usable answer came back")
        return NotSent("no connection stood")


class Egress:
    """The way out. One per process and event loop; safe for thousands of calls in flight.

    `resolve`, `permits`, `public_ports` and `tls` are attributes so that a test can put another
    network in their place; views share what they held when `trusting` was called.
    """

    def __init__(self, *, trusted: Iterable[str] = ()) -> None:
        self.resolve: Lookup = addresses.resolve
        self.permits: Callable[[str], bool] = addresses.may_be_called
        self.public_ports = frozenset({80, 443})
        self.tls = httpx.create_ssl_context(trust_env=False)
        self._trusted = frozenset(pair.lower() for pair in trusted)
        # A connection made under trust was never checked, so the two kinds never mix. What waits
        # before it sends never takes an idle one either: it would die of age in the meantime.
        dialers = {False: Dialer(self._checked_addresses), True: Dialer(self._all_addresses)}
        self._fleets = {
            (is_trusted, is_new): Fleet(partial(_transport, dialer, self.tls, is_new))
            for is_trusted, dialer in dialers.items()
            for is_new in (False, True)
        }

    def trusting(self, *host_ports: str) -> "Egress":
        """A view over the same connections that also trusts these exact pairs."""
        view = copy.copy(self)
        view._trusted = self._trusted | {pair.lower() for pair in host_ports}
        return view

    async def request(  # noqa: PLR0913 (each parameter is one thing a call may want)
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        json: object = None,
        content: bytes | None = None,
        timeout_seconds: float = 30,
        body_bytes_max: int = 1024 * 1024,
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        """Send once and read the whole answer; a redirect is an answer like any other.

        `before_send` is awaited when the connection stands, before the first byte is written; what
        it raises passes through and nothing is sent. `timeout_seconds` bounds everything together.
        Raises Blocked, NotSent, Lost or TooLarge.
        """
        if json is not None:
            content = jsonlib.dumps(json, separators=(",", ":"), allow_nan=False).encode()
            headers = {"content-type": "application/json", **headers}
        call = _Call(method, Destination.read(url), _sendable(headers), content, timeout_seconds)
        passage = _Passage(before_send)
        async with passage.within(timeout_seconds), self._exchange(call, passage) as response:
            body = b"".join([chunk async for chunk in _chunks(response, body_bytes_max)])
            return Answer(response.status_code, dict(response.headers.items()), body)

    async def download(
        self, url: str, *, into: BinaryIO, bytes_max: int, timeout_seconds: float = 60
    ) -> Download:
        """GET into the file, over at most 3 redirects within the same host.

        Raises Blocked (a redirect elsewhere, or too many), NotSent, Lost (BrokenOff when the peer
        cut it short) or TooLarge; the file then holds what had come.
        """
        call = _Call("GET", Destination.read(url), _sendable({}), None, timeout_seconds)
        passage = _Passage()
        async with passage.within(timeout_seconds):
            for _ in range(_REDIRECTS_MAX + 1):
                async with self._exchange(call, passage) as response:
                    location = response.headers.get("location", "")
                    if response.status_code not in _REDIRECTS or not location:
                        return await _save(response, into, bytes_max)
                call = replace(call, destination=call.destination.onward(location))
        raise Blocked

    async def close(self) -> None:
        """Close the connections of this egress and of all its views."""
        for fleet in self._fleets.values():
            await fleet.close()

    @asynccontextmanager
    async def _exchange(self, call: "_Call", passage: _Passage) -> AsyncIterator[httpx.Response]:
        is_trusted = self._is_trusted(call.destination)
        async with self._fleets[is_trusted, passage.waits].berth() as transport:
            response = await transport.handle_async_request(call.request(passage))
            try:
                yield response
            finally:
                await response.aclose()

    def _is_trusted(self, destination: Destination) -> bool:
        pair = destination.host_port
        if pair in self._trusted or pair in settings.EGRESS_ALLOW:
            return True
        if destination.port not in self.public_ports:
            raise Blocked
        return False

    async def _all_addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return await self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        """All or none: a name with one address inside is an attempt to get in."""
        found = await self._all_addresses(host, port)
        if not all(self.permits(address) for address in found):
            raise Blocked
        return found


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    destination: Destination
    headers: Mapping[str, str]
    content: bytes | None
    timeout_seconds: float

    def request(self, passage: _Passage) -> httpx.Request:
        """Raises Blocked should httpx read another host out of the URL than we have judged."""
        url = httpx.URL(self.destination.url)
        if url.raw_host.decode("ascii").lower() != self.destination.host:
            raise Blocked
        connect_seconds = min(self.timeout_seconds, _CONNECT_SECONDS)
        return httpx.Request(
            self.method,
            url,
            headers=self.headers,
            content=self.content,
            extensions={"timeout": {"connect": connect_seconds}, "trace": passage.trace},
        )


def _transport(dialer: Dialer, tls: ssl.SSLContext, is_new: bool) -> httpx.AsyncHTTPTransport:
    transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)
    # httpx has no parameter for the network below it; its pool does.
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=CALLS_PER_POOL,
        max_keepalive_connections=0 if is_new else None,
        keepalive_expiry=_KEEPALIVE_SECONDS,
        network_backend=dialer,
    )
    return transport


def _sendable(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Raises NotSent for a header that would break the request or belongs to this module."""
    sent = {"accept": "*/*", "user-agent": "ImageStudio"}
    for name, value in ((name.lower(), value.strip(" \t")) for name, value in headers.items()):
        if name in _OUR_HEADERS or not _HEADER_NAME.fullmatch(name):
            raise NotSent(f"the header {name!r} cannot be sent")
        if not _HEADER_VALUE.fullmatch(value):
            raise NotSent(f"the value of the header {name!r} cannot be sent")
        sent[name] = value
    return {**sent, "accept-encoding": "identity"}


async def _chunks(response: httpx.Response, bytes_max: int) -> AsyncIterator[bytes]:
    size_bytes = 0
    async for chunk in response.aiter_raw():
        size_bytes += len(chunk)
        if size_bytes > bytes_max:
            raise TooLarge(f"more than {bytes_max} bytes")
        yield chunk


async def _save(response: httpx.Response, into: BinaryIO, bytes_max: int) -> Download:
    digest, crc32, size_bytes = hashlib.sha256(), 0, 0
    try:
        async for chunk in _chunks(response, bytes_max):
            into.write(chunk)
            reached("download.chunk")
            digest.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            size_bytes += len(chunk)
    except httpx.RemoteProtocolError as error:
        raise BrokenOff(f"hung up after {size_bytes} bytes") from error
    headers = dict(response.headers.items())
    return Download(response.status_code, headers, size_bytes, digest.hexdigest(), crc32)
