"""Bound what a request may send, before any of it is read into memory or onto the disk.

Django's ASGI handler stores the whole body before a view is called, so a cap inside a view comes
too late: a body without an end would fill the disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cap:
    """`seconds` is for the whole body: a byte now and then does not hold a place for ever."""

    body_bytes_max: int
    seconds: float


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def bounded(app: App, *, caps: Mapping[str, Cap], default: Cap) -> App:
    """The app with a cap for each path prefix, and a default for all other paths."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        found = (cap for prefix, cap in caps.items() if scope["path"].startswith(prefix))
        try:
            if _declared(scope) > (cap := next(found, default)).body_bytes_max:
                raise _Refused(413)
            await app(scope, _counting(receive, cap), send)
        except _Refused as refused:
            await _answer(refused.status, send)

    return guard


def _counting(receive: Receive, cap: Cap) -> Receive:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + cap.seconds
    arrived, is_whole = 0, False

    async def counted() -> Message:
        nonlocal arrived, is_whole
        if is_whole:
            # What comes after the body is the client's farewell; it may take its time.
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise _Refused(408) from None
        arrived += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if arrived > cap.body_bytes_max:
            raise _Refused(413)
        return message

    return counted


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _answer(status: int, send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
