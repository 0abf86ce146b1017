"""Answers that a well-behaved server never gives: late ones, none at all, torn connections."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

# Where the application's wrapper puts the connection, for those answers that tear it.
TRANSPORT = "sandbox.transport"


class LateAnswer(JSONResponse):
    """JSON after so many seconds, unless the caller has gone by then."""

    def __init__(self, content: Mapping[str, object], *, after_seconds: float, status: int = 200):
        super().__init__(dict(content), status_code=status)
        self._after_seconds = after_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._after_seconds):
                await _until_gone(receive)
        except TimeoutError:
            await super().__call__(scope, receive, send)


class NoAnswer(Response):
    """Holds the caller until it gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _until_gone(receive)


class Reset(Response):
    """Resets the TCP connection instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = _transport(scope)
        connection = transport.get_extra_info("socket")
        # Lingering for zero seconds makes closing send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await _until_gone(receive)


class BrokenOff(Response):
    """Promises the whole length, sends half and hangs up."""

    def __init__(self, content: bytes, *, media_type: str):
        super().__init__(content, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body)[: len(self.body) // 2]
        start: Message = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _transport(scope).close()
        await _until_gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport | None = scope[TRANSPORT]
    if transport is None:
        raise RuntimeError("this server does not show its connections; run the sandbox on uvicorn")
    return transport


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
