"""The client against the small upstream that shares no line with our wire."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from generations.protocols.base import NoReport, NotAccepted, Order, ProviderUpdate, State
from generations.protocols.journeyapi.client import (
    JourneyApiClient,
    callback_secret,
    parse_callback,
)
from imagestudio.lib import http
from tests.upstream import Upstream

SECRET = "the word between us"


@asynccontextmanager
async def client_of(upstream: Upstream, *, api_key: str = "") -> AsyncIterator[JourneyApiClient]:
    egress = http.Egress(trusted=[upstream.host_port])
    yield JourneyApiClient(
        egress=egress, base_url=upstream.base_url, api_key=api_key or upstream.api_key
    )
    await egress.close()


async def nothing() -> None:
    """There is nothing to write down before these orders leave."""


async def until_finished(client: JourneyApiClient, remote_id: str) -> ProviderUpdate:
    for _ in range(500):
        update = await client.fetch(remote_id)
        if update.state is State.FINISHED:
            return update
        await asyncio.sleep(0.02)
    raise AssertionError("the order never finished")


def order(model: str, *, callback_url: str = "") -> Order:
    return Order(
        model=model,
        prompt="a quiet harbour",
        callback_url=callback_url,
        callback_secret=SECRET if callback_url else "",
    )


@pytest.mark.parametrize(("model", "panels", "sheets"), [("midjourney", 4, 1), ("flux-pro", 1, 0)])
def test_an_order_is_taken_once_and_reported_until_it_is_finished(
    model: str, panels: int, sheets: int
) -> None:
    async def run(upstream: Upstream) -> ProviderUpdate:
        async with client_of(upstream) as client:
            accepted = await client.submit(order(model), before_send=nothing)
            assert accepted.state is State.WAITING
            assert (await client.fetch(accepted.remote_id)).state is State.RENDERING
            return await until_finished(client, accepted.remote_id)

    with Upstream() as upstream:
        finished = asyncio.run(run(upstream))
        assert upstream.accepted == 1
    assert len(finished.panels) == panels
    assert bool(finished.sheet) == bool(sheets)


def test_fetch_many_asks_in_chunks_and_leaves_out_what_is_unknown() -> None:
    async def run(upstream: Upstream) -> set[str]:
        async with client_of(upstream) as client:
            taken = [
                await client.submit(order("midjourney"), before_send=nothing) for _ in range(21)
            ]
            known = {update.remote_id for update in taken}
            reports = await client.fetch_many([*known, "missing", *known])
            assert set(reports) == known
            assert set(await client.fetch_many(["missing"])) == set()
            return known

    with Upstream(webhooks=False) as upstream:
        assert len(asyncio.run(run(upstream))) == 21


def test_an_unknown_order_and_a_wrong_key_are_told_apart() -> None:
    async def run(upstream: Upstream) -> None:
        async with client_of(upstream) as client:
            with pytest.raises(NoReport) as unknown:
                await client.fetch("missing")
            assert unknown.value.code == "unknown_order"
        async with client_of(upstream, api_key="wrong") as stranger:
            with pytest.raises(NotAccepted) as refused:
                await stranger.submit(order("midjourney"), before_send=nothing)
            assert refused.value.code == "unauthorized"

    with Upstream() as upstream:
        asyncio.run(run(upstream))
        assert upstream.accepted == 0


def test_nothing_is_sent_when_the_last_word_before_sending_is_no() -> None:
    class LeaseLost(Exception):
        """The row belongs to somebody else by now."""

    async def refuse() -> None:
        raise LeaseLost

    async def run(upstream: Upstream) -> None:
        async with client_of(upstream) as client:
            with pytest.raises(LeaseLost):
                await client.submit(order("midjourney"), before_send=refuse)

    with Upstream() as upstream:
        asyncio.run(run(upstream))
        assert upstream.accepted == 0


@pytest.fixture
def listener() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Somewhere webhooks can go: its URL, and what came with which secret."""
    heard: list[tuple[str, bytes]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((callback_secret(dict(self.headers)), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Keep the tests' output to the tests."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/webhook", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_brings_the_same_report_and_our_secret(
    listener: tuple[str, list[tuple[str, bytes]]],
) -> None:
    url, heard = listener

    async def run(upstream: Upstream) -> ProviderUpdate:
        async with client_of(upstream) as client:
            taken = await client.submit(order("midjourney", callback_url=url), before_send=nothing)
            return await until_finished(client, taken.remote_id)

    with Upstream(seconds=0.1) as upstream:
        finished = asyncio.run(run(upstream))
        upstream.wait_for_webhooks()
        assert upstream.webhook_answers == [204]
    secret, body = heard[0]
    assert secret == SECRET
    assert parse_callback(body) == finished
