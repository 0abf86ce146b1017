"""A request arrives as it was given, with nothing added that could give us away."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from imagestudio.lib.http import NotSent
from tests.lib.peers import (
    INSIDE,
    calling,
    in_loop,
    say_ok,
    saying,
    serving,
)


@in_loop
async def test_a_request_arrives_as_it_was_given() -> None:
    reply = saying(b"HTTP/1.1 201 Made\r\nX-One: a\r\nX-One: b\r\nContent-Length: 4\r\n\r\nbody")
    async with serving(reply) as peer, calling(trusted=[peer.pair]) as egress:
        answer = await egress.request(
            "POST",
            f"{peer.url}path/%20x?q=1#fragment",
            headers={"Authorization": "Bearer key "},
            json={"prompt": "ein Fluß", "n": 1},
        )
        assert (answer.status, answer.body) == (201, b"body")
        assert answer.headers["x-one"] == "a, b"
        head, _, body = peer.requests[0].partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        assert lines[0] == b"post /path/%20x?q=1 http/1.1"
        assert b"host: " + peer.pair.encode() in lines
        assert b"authorization: bearer key" in lines
        assert b"content-type: application/json" in lines
        assert b"accept-encoding: identity" in lines
        assert body == b'{"prompt":"ein Flu\\u00df","n":1}'


@in_loop
async def test_content_is_sent_byte_for_byte_with_the_type_of_the_caller() -> None:
    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        await egress.request(
            "POST", peer.url, content=b"\x00\xff{", headers={"Content-Type": "text/odd"}
        )
        assert peer.requests[0].endswith(b"\r\n\r\n\x00\xff{")
        assert peer.requests[0].lower().count(b"content-type: text/odd") == 1


@in_loop
async def test_connections_are_used_again() -> None:
    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        for _ in range(5):
            assert (await egress.request("GET", peer.url)).body == b"ok"
        assert peer.connections == 1


@in_loop
async def test_no_cookie_proxy_or_netrc_comes_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reply = saying(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    async with (
        serving(reply) as peer,
        serving(say_ok) as proxy,
        calling(trusted=[peer.pair]) as egress,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        netrc = tmp_path / "netrc"
        netrc.write_text("default login user password secret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        for _ in range(2):
            await egress.request("GET", peer.url)
        assert proxy.connections == 0
        assert len(peer.requests) == 2
        assert b"cookie" not in peer.requests[1].lower()
        assert b"authorization" not in peer.requests[1].lower()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@in_loop
async def test_a_redirect_of_a_request_is_an_answer(status: int) -> None:
    async with serving(say_ok, host=INSIDE) as canary:
        lure = f"HTTP/1.1 {status} Go\r\nLocation: {canary.url}\r\nContent-Length: 0\r\n\r\n"
        async with (
            serving(saying(lure.encode())) as peer,
            calling(trusted=[peer.pair]) as egress,
        ):
            for method in ("GET", "POST"):
                answer = await egress.request(method, peer.url)
                assert answer.status == status
            assert canary.connections == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "b\r\nx-injected: 1"},
        {"x-a": "b\nc"},
        {"x-a": "b\x00"},
        {"x-a": "schlüssel"},
        {"x a": "b"},
        {"x-a\r\nx-injected": "1"},
        {"": "b"},
        {"Host": "other.example"},
        {"Content-Length": "1"},
        {"Transfer-Encoding": "chunked"},
    ],
)
@in_loop
async def test_a_header_that_breaks_the_request_is_not_sent(headers: Mapping[str, str]) -> None:
    async with serving(say_ok) as peer, calling(trusted=[peer.pair]) as egress:
        with pytest.raises(NotSent):
            await egress.request("POST", peer.url, headers=headers, content=b"x")
        assert peer.connections == 0
