"""A request's body is bounded in size and time before anything stores it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from imagestudio.lib.bodies import Cap, Message, Receive, Scope, Send, bounded

READ_SECONDS = 5


class Reader:
    """An app that reads the whole body, as Django does, and says how much that was."""

    def __init__(self) -> None:
        self.read = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message: Message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            self.read += len(message.get("body", b""))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(self.read).encode()})


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def port(reader: Reader) -> Iterator[int]:
    caps = {"/small/": Cap(1000, seconds=0.5)}
    app = bounded(reader, caps=caps, default=Cap(100_000, seconds=5))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", port=0))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def status(port: int, head: str, *pieces: bytes) -> int:
    """The answer's status, whether or not the server took all of the body."""
    with socket.create_connection(("127.0.0.1", port), timeout=READ_SECONDS) as peer:
        peer.sendall(f"POST {head}\r\nHost: x\r\n".encode())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                peer.sendall(piece)
        return int(peer.recv(4096).split()[1])


def test_a_body_within_its_cap_is_read(port: int, reader: Reader):
    assert status(port, "/small/ HTTP/1.1", b"Content-Length: 1000\r\n\r\n", b"x" * 1000) == 200
    assert reader.read == 1000


def test_a_declared_length_above_the_cap_is_refused_unread(port: int, reader: Reader):
    assert status(port, "/small/ HTTP/1.1", b"Content-Length: 1001\r\n\r\n") == 413
    assert reader.read == 0


def test_a_body_without_an_end_is_cut_at_the_cap(port: int, reader: Reader):
    chunk = b"200\r\n" + b"x" * 512 + b"\r\n"
    head = b"Transfer-Encoding: chunked\r\n\r\n"
    assert status(port, "/small/ HTTP/1.1", head, *[chunk] * 50) == 413
    assert reader.read <= 1000


def test_a_body_that_drips_is_given_up(port: int):
    assert status(port, "/small/ HTTP/1.1", b"Content-Length: 10\r\n\r\nx") == 408


def test_other_paths_have_the_default(port: int, reader: Reader):
    assert status(port, "/ HTTP/1.1", b"Content-Length: 5000\r\n\r\n", b"x" * 5000) == 200
    assert reader.read == 5000
