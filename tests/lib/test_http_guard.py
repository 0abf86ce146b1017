"""No URL, name, redirect or reused connection leads where it must not."""

import asyncio
import io
import socket
from collections.abc import Sequence

import pytest
from pytest_django import Settings

from imagestudio.lib.http import Blocked, NotSent
from tests.lib.peers import (
    INSIDE,
    OUTSIDE,
    Peer,
    calling,
    in_loop,
    pretend,
    say_ok,
    saying,
    serving,
)


def _words(text: str) -> list[str]:
    return text.split()


SPELLINGS_OF_INSIDE = _words("""
http://127.0.0.1/ https://127.0.0.1/ http://127.0.0.1:443/ http://127.1/ http://0x7f.1/
http://0177.0.0.1/ http://2130706433/ http://0/ http://0.0.0.0/ http://localhost/
http://LOCALHOST/ https://localhost/ http://[::]/ http://[::1]/
http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[::127.0.0.1]/ http://[::1%25lo]/
http://[64:ff9b::7f00:1]/ http://[64:ff9b:1::7f00:1]/ http://[2002:7f00:1::]/
http://[2001:0:7f00:1::1]/ http://[fe80::1]/ http://[fec0::1]/ http://[fc00::1]/ http://[ff02::1]/
http://169.254.169.254/latest/meta-data/ http://100.100.100.200/ http://192.0.0.192/
http://168.63.129.16/ http://10.0.0.1/ http://172.16.0.1/ http://192.168.0.1/ http://100.64.0.1/
http://198.18.0.1/ http://224.0.0.1/ http://240.0.0.1/ http://255.255.255.255/
http://１２７.0.0.1/ http://127。0。0。1/ http://a.b@127.0.0.1/ http://127.0.0.1#@ok/
http://ok\\@127.0.0.1/ //127.0.0.1 http:127.0.0.1 http:///127.0.0.1 http://127.0.0.1./
http://8.8.8.8:22/ http://8.8.8.8:25/ http://8.8.8.8:6379/ http://8.8.8.8:0/ http://8.8.8.8:65536/
https://8.8.8.8:8443/ ftp://8.8.8.8/ file:///etc/passwd gopher://8.8.8.8/ http+unix://%2Frun%2Fx/
""")


@pytest.mark.parametrize("url", SPELLINGS_OF_INSIDE)
@in_loop
async def test_no_spelling_leads_inside(url: str) -> None:
    async with calling() as egress:
        with pytest.raises(Blocked) as asked:
            await egress.request("POST", url, timeout_seconds=2)
        with pytest.raises(Blocked) as downloaded:
            await egress.download(url, into=io.BytesIO(), bytes_max=1)
        assert str(asked.value) == str(downloaded.value) == "This address cannot be called."


@pytest.mark.parametrize(
    "addresses",
    [[INSIDE], [OUTSIDE, INSIDE], [INSIDE, OUTSIDE], [OUTSIDE, "::1"], ["10.0.0.1%eth0"]],
)
@in_loop
async def test_one_address_inside_blocks_the_name(addresses: list[str]) -> None:
    async with serving(say_ok) as peer, calling() as egress:
        pretend(egress, peer, addresses)
        with pytest.raises(Blocked):
            await egress.request("GET", f"http://mixed.example:{peer.port}/")
        assert peer.connections == 0


@in_loop
async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    async with serving(say_ok) as peer, calling() as egress:
        # A second lookup for the connection itself would get the address inside.
        pretend(egress, peer, [OUTSIDE], [INSIDE])
        url = f"http://rebinding.example:{peer.port}/"
        assert (await egress.request("GET", url)).status == 200
        assert b"host: rebinding.example" in peer.requests[0].lower()


@in_loop
async def test_a_name_that_turns_inside_is_blocked_at_the_next_connection() -> None:
    closing = saying(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    async with serving(closing) as peer, calling() as egress:
        canary = await asyncio.start_server(peer.converse, INSIDE, peer.port)
        pretend(egress, peer, [OUTSIDE], [INSIDE])
        url = f"http://rebinding.example:{peer.port}/"
        assert (await egress.request("GET", url)).status == 200
        with pytest.raises(Blocked):
            await egress.request("GET", url)
        assert peer.connections == 1
        canary.close()


@in_loop
async def test_a_silent_address_leaves_time_for_the_next() -> None:
    with socket.socket() as full:  # a backlog that is full answers no SYN
        full.bind((INSIDE, 0))
        port = full.getsockname()[1]
        full.listen(0)
        fillers = [_half_open(INSIDE, port) for _ in range(3)]
        peer = Peer(say_ok, OUTSIDE)
        server = await asyncio.start_server(peer.converse, OUTSIDE, port)
        async with calling(trusted=[f"slow.example:{port}"]) as egress:

            async def resolve(host: str, port: int) -> Sequence[str]:
                return [INSIDE, OUTSIDE]

            egress.resolve = resolve
            url = f"http://slow.example:{port}/"
            assert (await egress.request("GET", url, timeout_seconds=0.6)).status == 200
        server.close()
        for filler in fillers:
            filler.close()


def _half_open(host: str, port: int) -> socket.socket:
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex((host, port))
    return filler


@in_loop
async def test_a_dot_behind_localhost_does_not_help() -> None:
    async with calling() as egress:
        with pytest.raises((Blocked, NotSent)):  # resolvers disagree on whether it exists
            await egress.request("GET", "http://localhost./")


@pytest.mark.parametrize("addresses", [[], ["not an address"]])
@in_loop
async def test_a_name_without_a_usable_address_sends_nothing(addresses: list[str]) -> None:
    async with serving(say_ok) as peer, calling() as egress:
        pretend(egress, peer, addresses)
        with pytest.raises((NotSent, Blocked)):
            await egress.request("GET", f"http://nowhere.example:{peer.port}/")


@in_loop
async def test_a_name_that_cannot_be_looked_up_is_not_sent() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async with calling() as egress:
        egress.resolve = resolve
        with pytest.raises(NotSent):
            await egress.request("GET", "http://nowhere.example/")


@in_loop
async def test_the_setting_allows_exact_pairs(settings: Settings) -> None:
    async with serving(say_ok) as peer, calling() as egress:
        with pytest.raises(Blocked):
            await egress.request("GET", peer.url)
        settings.EGRESS_ALLOW = frozenset({peer.pair})
        assert (await egress.request("GET", peer.url)).status == 200
        settings.EGRESS_ALLOW = frozenset({f"localhost:{peer.port}", f"127.0.0.1:{peer.port}1"})
        with pytest.raises(Blocked):
            await egress.request("GET", peer.url)
        assert (await egress.request("GET", f"http://LOCALHOST:{peer.port}/")).status == 200


@in_loop
async def test_a_connection_under_trust_serves_no_view_without_it() -> None:
    async with serving(say_ok) as peer, calling() as egress:
        trusting = egress.trusting(peer.pair.upper())
        assert (await trusting.request("GET", peer.url)).status == 200
        with pytest.raises(Blocked):
            await egress.request("GET", peer.url)
        with pytest.raises(Blocked):
            await egress.trusting("other.example:80").request("GET", peer.url)
        assert (await trusting.trusting("a:1").request("GET", peer.url)).status == 200
        assert (len(peer.requests), peer.connections) == (2, 1)


@in_loop
async def test_an_unchecked_connection_is_not_reused_even_for_a_public_port() -> None:
    async with serving(say_ok, host=INSIDE) as peer, calling() as egress:
        pretend(egress, peer, [INSIDE])
        url, pair = f"http://name.example:{peer.port}/", f"name.example:{peer.port}"
        assert (await egress.trusting(pair).request("GET", url)).status == 200
        with pytest.raises(Blocked):
            await egress.request("GET", url)
        assert len(peer.requests) == 1
