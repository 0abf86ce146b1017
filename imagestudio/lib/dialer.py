"""Open sockets to addresses that somebody else has chosen; names are never looked up here."""
# ruff: noqa: ASYNC109 (httpcore names its parameters so)

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

_CONNECT_SECONDS = 10

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


class Dialer(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that `lookup` gives and to nothing else."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._lookup(host, port)
        clock = asyncio.get_running_loop().time
        until = clock() + (timeout or _CONNECT_SECONDS)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for position, address in enumerate(found):
            # A silent address must leave time for the ones behind it.
            seconds = max(0.001, until - clock()) / (len(found) - position)
            try:
                stream = await self._sockets.connect_tcp(address, port, timeout=seconds)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream)
        raise failure


class _Stream(httpcore.AsyncNetworkStream):
    """A stream that a handshake cut off by the deadline does not leave open.

    httpcore closes the socket when a handshake fails, but not when it is canceled.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException as error:
            await self._stream.aclose()
            if isinstance(error, ValueError):  # a name that no certificate can carry
                raise httpcore.ConnectError(str(error)) from error
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
