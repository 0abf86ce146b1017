"""Servers to call over real sockets: 127.0.0.1 plays the internet, 127.0.0.2 the inside."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias

from imagestudio.lib.http import Egress

Arguments = ParamSpec("Arguments")
OUTSIDE, INSIDE = "127.0.0.1", "127.0.0.2"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Reply = Callable[["Peer", bytes, Writer], Awaitable[None]]


class Peer:
    """An HTTP server that records what it was sent; `reply` writes the answers."""

    def __init__(self, reply: Reply, host: str) -> None:
        self.reply, self.host = reply, host
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.bytes_seen = 0
        self.arrived = asyncio.Condition()
        self.release = asyncio.Event()
        self.hung_up = asyncio.Event()

    @property
    def pair(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.pair}/"

    async def crowd_of(self, requests: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= requests)

    async def converse(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            while True:
                await self._answer_one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.hung_up.set()
            writer.close()

    async def _answer_one(self, reader: Reader, writer: Writer) -> None:
        first = await reader.readexactly(1)
        self.bytes_seen += 1
        head = first + await reader.readuntil(b"\r\n\r\n")
        length = [
            line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        ]
        body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        self.requests.append(head + body)
        async with self.arrived:
            self.arrived.notify_all()
        await self.reply(self, head + body, writer)
        await writer.drain()
        if writer.transport.is_closing():
            raise ConnectionResetError


@asynccontextmanager
async def serving(
    reply: Reply, *, host: str = OUTSIDE, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    peer = Peer(reply, host)
    server = await asyncio.start_server(peer.converse, host, 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        peer.release.set()
        server.close()
        await asyncio.sleep(0)


def saying(answer: bytes) -> Reply:
    async def reply(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(answer)

    return reply


async def say_ok(peer: Peer, request: bytes, writer: Writer) -> None:
    writer.write(OK)


async def hold(peer: Peer, request: bytes, writer: Writer) -> None:
    await peer.release.wait()
    writer.write(OK)


async def reset(peer: Peer, request: bytes, writer: Writer) -> None:
    """Close with RST, as a process does that dies."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


@asynccontextmanager
async def calling(*, trusted: Sequence[str] = ()) -> AsyncIterator[Egress]:
    egress = Egress(trusted=trusted)
    try:
        yield egress
    finally:
        await egress.close()


def pretend(egress: Egress, peer: Peer, *answers: Sequence[str]) -> None:
    """127.0.0.1 is public and so is the peer's port; each lookup takes the next of the answers."""
    waiting = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    egress.resolve = resolve
    egress.permits = lambda address: address == OUTSIDE
    egress.public_ports = frozenset({peer.port})


def in_loop(
    test: Callable[Arguments, Coroutine[Any, Any, None]],
) -> Callable[Arguments, None]:
    """Run an async test to its end, which is near."""

    @wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 20))

    return run


def open_sockets_to(port: int) -> int:
    """Client ends of this process, from the kernel's table of TCP sockets."""
    own = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            own.add(str(entry.readlink()))
        except OSError:
            continue  # the descriptor that lists the folder is gone again
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        f"socket:[{row[9]}]" in own and int(row[2].rpartition(":")[2], 16) == port for row in rows
    )
