"""No answer is too large, too slow or too numerous for the caller to get away."""

import asyncio
import time

import pytest

from imagestudio.lib.http import Lost, TooLarge
from tests.lib.peers import (
    Peer,
    Writer,
    calling,
    hold,
    in_loop,
    open_sockets_to,
    say_ok,
    saying,
    serving,
)


@in_loop
async def test_an_answer_up_to_the_cap_is_read_and_one_byte_more_is_not() -> None:
    reply = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
    async with serving(reply) as peer, calling(trusted=[peer.pair]) as egress:
        answer = await egress.request("GET", peer.url, body_bytes_max=1000)
        assert len(answer.body) == 1000
        with pytest.raises(TooLarge):
            await egress.request("GET", peer.url, body_bytes_max=999)


@in_loop
async def test_an_endless_answer_ends_at_the_cap() -> None:
    async def pour(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with serving(pour) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(TooLarge):
            await egress.request("GET", peer.url, body_bytes_max=300_000)
        await peer.hung_up.wait()


@pytest.mark.parametrize(
    "start", [b"HTTP", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\n\r\n"]
)
@in_loop
async def test_a_slow_drip_ends_at_the_deadline(start: bytes) -> None:
    async def drip(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(start)
        while not peer.release.is_set():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as peer, calling(trusted=[peer.pair]) as egress:
        begun = time.monotonic()
        with pytest.raises(Lost):
            await egress.request("GET", peer.url, timeout_seconds=0.3)
        assert 0.25 < time.monotonic() - begun < 1.5


@in_loop
async def test_hundreds_of_held_calls_stand_side_by_side() -> None:
    async with serving(hold) as peer, calling(trusted=[peer.pair]) as egress:
        calls = [asyncio.create_task(egress.request("GET", peer.url)) for _ in range(300)]
        await peer.crowd_of(300)
        assert peer.connections == 300
        peer.release.set()
        answers = await asyncio.gather(*calls)
        assert {answer.body for answer in answers} == {b"ok"}
        # The pools that the crowd needed are given up, with their connections.
        assert open_sockets_to(peer.port) <= 50


@in_loop
async def test_a_closed_egress_leaves_no_socket() -> None:
    async with serving(say_ok) as peer:
        async with calling(trusted=[peer.pair]) as egress:
            await asyncio.gather(*(egress.request("GET", peer.url) for _ in range(5)))
            assert open_sockets_to(peer.port) > 0
        assert open_sockets_to(peer.port) == 0
