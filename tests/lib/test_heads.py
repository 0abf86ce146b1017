"""What stands before a request's body is bounded in size and time."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from imagestudio.lib import heads
from imagestudio.lib.bodies import Receive, Scope, Send

READ_SECONDS = 5
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hi"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.5)
    config = uvicorn.Config(
        hello, http=heads.BoundedHeads, log_config=None, lifespan="off", timeout_keep_alive=30
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def peer(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=READ_SECONDS) as connected:
        yield connected


def is_served(peer: socket.socket, request: bytes) -> bool:
    peer.sendall(request)
    answer = b""
    while not answer.endswith(b"\r\n\r\nhi") and (chunk := peer.recv(4096)):
        answer += chunk
    return answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("line", [b"X: " + b"a" * 1000 + b"\r\n", b"a" * 1000])
def test_a_head_without_an_end_is_cut_off(peer: socket.socket, line: bytes):
    sent = 0
    peer.sendall(GET)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < 20_000_000:
            peer.sendall(line)
            sent += len(line)

    assert sent < 20_000_000


def test_a_head_that_fits_is_served_again_and_again(peer: socket.socket):
    for _ in range(5):
        assert is_served(peer, GET + b"X: " + b"a" * 30_000 + b"\r\n\r\n")


def test_a_body_is_no_head(peer: socket.socket):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"

    assert is_served(peer, head + b"a" * 300_000)


def test_trailers_are_refused(peer: socket.socket):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.sendall(head + b"1\r\na\r\n0\r\nX: y\r\n\r\n")

    assert peer.recv(4096).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("start", [b"", GET, GET + b"\r\n" + GET])
def test_a_head_that_does_not_come_is_not_waited_for(peer: socket.socket, start: bytes):
    began = time.monotonic()
    peer.sendall(start)
    while peer.recv(4096):
        pass

    assert time.monotonic() - began < 3


def test_an_idle_connection_stays_as_long_as_the_server_says(peer: socket.socket):
    assert is_served(peer, GET + b"\r\n")
    time.sleep(1)
    assert is_served(peer, GET + b"\r\n")
