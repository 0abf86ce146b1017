"""A request is sent once or not at all, and the caller always knows which."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from imagestudio.lib.http import Lost, NotSent
from tests.lib.peers import (
    OK,
    OUTSIDE,
    Peer,
    Writer,
    calling,
    hold,
    in_loop,
    open_sockets_to,
    reset,
    say_ok,
    serving,
)


@in_loop
async def test_before_send_runs_once_while_the_connection_stands_empty() -> None:
    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        seen: list[tuple[int, int]] = []

        async def before_send() -> None:
            await asyncio.sleep(0.05)
            seen.append((peer.connections, peer.bytes_seen))

        await egress.request("POST", peer.url, json={}, before_send=before_send)
        await egress.request("POST", peer.url, json={}, before_send=before_send)
        assert seen == [(1, 0), (2, 1)]


@pytest.mark.parametrize(
    "veto", [ValueError("no"), TimeoutError("theirs"), OSError("disk"), Lost("theirs")]
)
@in_loop
async def test_a_veto_passes_unchanged_and_nothing_is_sent(veto: Exception) -> None:
    async def before_send() -> None:
        raise veto

    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(type(veto)) as raised:
            await egress.request("POST", peer.url, json={}, before_send=before_send)
        await peer.hung_up.wait()
        assert raised.value is veto
        assert (peer.connections, peer.bytes_seen) == (1, 0)


@in_loop
async def test_before_send_does_not_run_without_a_connection() -> None:
    asked: list[str] = []

    async def before_send() -> None:
        asked.append("asked")

    with socket.socket() as unused:
        unused.bind((OUTSIDE, 0))
        pair = f"{OUTSIDE}:{unused.getsockname()[1]}"
        async with calling(trusted=[pair]) as egress:
            with pytest.raises(NotSent):
                await egress.request("POST", f"http://{pair}/", before_send=before_send)
    assert asked == []


@in_loop
async def test_a_deadline_within_before_send_sends_nothing() -> None:
    async def before_send() -> None:
        await asyncio.Event().wait()

    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(NotSent):
            await egress.request(
                "POST", peer.url, json={}, before_send=before_send, timeout_seconds=0.1
            )
        await peer.hung_up.wait()
        assert peer.bytes_seen == 0


@in_loop
async def test_a_slow_lookup_ends_at_the_deadline_as_not_sent() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with calling() as egress:
        egress.resolve = resolve
        with pytest.raises(NotSent):
            await egress.request("GET", "http://slow.example/", timeout_seconds=0.1)


@in_loop
async def test_a_deadline_after_sending_is_lost_and_frees_the_connection() -> None:
    async with serving(hold) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(Lost):
            await egress.request("POST", peer.url, json={}, timeout_seconds=0.2)
        assert len(peer.requests) == 1
        peer.release.set()
        assert (await egress.request("POST", peer.url, json={})).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000,
    ],
)
@in_loop
async def test_a_broken_answer_is_lost_and_asked_for_once(answer: bytes) -> None:
    async def reply(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(answer)
        writer.close()

    async with serving(reply) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(Lost):
            await egress.request("POST", peer.url, json={})
        assert len(peer.requests) == 1


@in_loop
async def test_a_reset_before_or_within_the_answer_is_lost() -> None:
    async def reset_within(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await writer.drain()
        await reset(peer, request, writer)

    for reply in (reset, reset_within):
        async with serving(reply) as peer, calling(trusted=[peer.pair]) as egress:
            with pytest.raises(Lost):
                await egress.request("POST", peer.url, json={})
            assert len(peer.requests) == 1


@in_loop
async def test_an_idle_connection_that_died_is_replaced_before_sending() -> None:
    async def close_after(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(OK)
        writer.close()

    async with serving(close_after) as peer, calling(trusted=[peer.pair]) as egress:
        asked: list[int] = []

        async def before_send() -> None:
            asked.append(peer.connections)

        for _ in range(3):
            peer.hung_up.clear()
            await egress.request("POST", peer.url, json={}, before_send=before_send)
            await peer.hung_up.wait()
            await asyncio.sleep(0.01)
        assert asked == [1, 2, 3]
        assert len(peer.requests) == 3


@in_loop
async def test_a_reused_connection_that_dies_under_the_request_is_lost_not_sent_again() -> None:
    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        await egress.request("POST", peer.url, json={})
        peer.reply = reset
        with pytest.raises(Lost):
            await egress.request("POST", peer.url, json={"n": 2})
        assert (len(peer.requests), peer.connections) == (2, 1)


@in_loop
async def test_what_waits_before_it_sends_does_not_meet_the_end_of_an_idle_connection() -> None:
    hang_up = asyncio.Event()

    async def close_when_told(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(OK)
        await writer.drain()
        await hang_up.wait()
        writer.close()

    async with serving(close_when_told) as peer, calling(trusted=[peer.pair]) as egress:
        await egress.request("POST", peer.url, json={})

        async def before_send() -> None:
            hang_up.set()
            await peer.hung_up.wait()
            await asyncio.sleep(0.02)

        answer = await egress.request("POST", peer.url, json={}, before_send=before_send)
        assert answer.status == 200
        assert (len(peer.requests), peer.connections) == (2, 2)


@in_loop
async def test_a_cancelled_call_frees_its_connection() -> None:
    async with serving(hold) as peer, calling(trusted=[peer.pair]) as egress:
        call = asyncio.create_task(egress.request("POST", peer.url, json={}))
        await peer.crowd_of(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert open_sockets_to(peer.port) == 0
