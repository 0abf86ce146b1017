"""A download lands whole in its file, and its redirects stay within the host."""

import asyncio
import hashlib
import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from imagestudio.lib.http import Blocked, BrokenOff, TooLarge
from tests.lib.peers import (
    INSIDE,
    OUTSIDE,
    Peer,
    Reply,
    Writer,
    calling,
    in_loop,
    pretend,
    say_ok,
    saying,
    serving,
)

IMAGE = os.urandom(300_000)


def serving_image(request: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n%s" % (
        len(IMAGE),
        IMAGE,
    )


def redirecting(to: Callable[[bytes], str], *, status: int = 302) -> Reply:
    """Answers with where `to` sends the path, or with the image for an empty location."""

    async def reply(peer: Peer, request: bytes, writer: Writer) -> None:
        location = to(request.split(b" ")[1])
        if not location:
            writer.write(serving_image(request))
            return
        head = f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())

    return reply


@in_loop
async def test_a_download_lands_in_the_file_with_its_sums(tmp_path: Path) -> None:
    async with (
        serving(redirecting(lambda path: "")) as peer,
        calling(trusted=[peer.pair]) as egress,
    ):
        path = tmp_path / "image"
        with path.open("wb") as into:
            download = await egress.download(peer.url, into=into, bytes_max=len(IMAGE))
        assert path.read_bytes() == IMAGE
        assert download.status == 200
        assert download.headers["content-type"] == "image/png"
        assert download.size_bytes == len(IMAGE)
        assert download.sha256 == hashlib.sha256(IMAGE).hexdigest()
        assert download.crc32 == zlib.crc32(IMAGE)
        assert b"accept-encoding: identity" in peer.requests[0].lower()


@in_loop
async def test_a_download_past_the_cap_stops() -> None:
    async with (
        serving(redirecting(lambda path: "")) as peer,
        calling(trusted=[peer.pair]) as egress,
    ):
        into = io.BytesIO()
        with pytest.raises(TooLarge):
            await egress.download(peer.url, into=into, bytes_max=200_000)
        assert len(into.getvalue()) <= 200_000


@in_loop
async def test_a_truncated_download_is_lost() -> None:
    async def truncate(peer: Peer, request: bytes, writer: Writer) -> None:
        writer.write(serving_image(request)[:-1])
        writer.close()

    async with serving(truncate) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(BrokenOff):
            await egress.download(peer.url, into=io.BytesIO(), bytes_max=len(IMAGE))


@in_loop
async def test_a_full_disk_is_not_a_failure_of_the_network() -> None:
    async with (
        serving(redirecting(lambda path: "")) as peer,
        calling(trusted=[peer.pair]) as egress,
    ):
        with (
            open("/dev/full", "wb", buffering=0) as into,  # noqa: ASYNC230, PTH123
            pytest.raises(OSError, match="No space left"),
        ):
            await egress.download(peer.url, into=into, bytes_max=len(IMAGE))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@in_loop
async def test_three_redirects_within_the_host_are_followed(status: int) -> None:
    steps = {b"/": "/a", b"/a": "b", b"/b": "/c?d"}

    reply = redirecting(lambda path: steps.get(path, ""), status=status)
    async with serving(reply) as peer, calling(trusted=[peer.pair]) as egress:
        into = io.BytesIO()
        download = await egress.download(peer.url, into=into, bytes_max=len(IMAGE))
        assert (download.status, into.getvalue()) == (200, IMAGE)
        assert len(peer.requests) == 4


@in_loop
async def test_a_fourth_redirect_is_not_followed() -> None:
    reply = redirecting(lambda path: path.decode() + "a")
    async with serving(reply) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(Blocked):
            await egress.download(peer.url, into=io.BytesIO(), bytes_max=1)
        assert len(peer.requests) == 4


@in_loop
async def test_a_redirect_to_another_host_port_or_scheme_is_not_followed() -> None:
    async with serving(say_ok, host=INSIDE) as inside, serving(say_ok) as neighbor:
        lures = [
            inside.url,
            neighbor.url,
            inside.url.removeprefix("http:"),
            f"http://user@{neighbor.pair}/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_FLUSHALL",
            "http://169.254.169.254/",
        ]
        for lure in lures:
            reply = redirecting(lambda path, lure=lure: lure)  # type: ignore[misc]
            async with serving(reply) as peer, calling(trusted=[peer.pair, inside.pair]) as egress:
                with pytest.raises(Blocked):
                    await egress.download(peer.url, into=io.BytesIO(), bytes_max=9)
                assert len(peer.requests) == 1
        assert inside.connections + neighbor.connections == 0


@in_loop
async def test_each_hop_of_a_redirect_is_looked_up_and_checked_anew() -> None:
    closing = b"HTTP/1.1 302 Go\r\nLocation: /a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(closing)) as peer, calling() as egress:
        canary = await asyncio.start_server(peer.converse, INSIDE, peer.port)
        pretend(egress, peer, [OUTSIDE], [INSIDE])
        url = f"http://rebinding.example:{peer.port}/"
        with pytest.raises(Blocked):
            await egress.download(url, into=io.BytesIO(), bytes_max=9)
        assert peer.connections == 1
        canary.close()
