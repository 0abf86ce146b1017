"""What browsers hear: their own, at once, by the stream and by asking."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import User
from accounts.viewer import Viewer, viewer_of
from generations import live, queries
from generations.models import Generation, Visibility
from tests.generations import world

HEAR_SECONDS = 10


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.05)


@pytest.fixture(autouse=True)
def _async_threads_give_their_connection_back() -> Iterator[None]:
    yield
    asyncio.run(sync_to_async(connections.close_all)())


def listening(user: User) -> AsyncClient:
    client = AsyncClient()
    client.force_login(user)
    return client


async def events(client: AsyncClient) -> tuple[int, AsyncIterator[tuple[str, Any]]]:
    response = await client.get("/live/stream")
    return response.status_code, _parsed(response)


async def _parsed(response: Any) -> AsyncIterator[tuple[str, Any]]:
    async for chunk in response.streaming_content:
        name, _, told = chunk.decode().strip().partition("\ndata: ")
        yield name.removeprefix("event: "), json.loads(told)


async def next_change(stream: AsyncIterator[tuple[str, Any]]) -> Any:
    async with asyncio.timeout(HEAR_SECONDS):
        async for name, told in stream:
            if name == "changed":
                return told
    raise AssertionError("the stream ended")


def touch(row: Generation) -> None:
    """In a thread of its own, as a worker would be."""
    world.change(row, percent=50, status="RUNNING", changed_at=timezone.now())
    connections.close_all()


def test_an_owner_hears_and_a_stranger_does_not(committed: None, user: User, rich: Viewer):
    stranger, theirs = world.person("bob@example.com", amount=5)
    row, other = world.order(rich), world.order(theirs)

    async def listen() -> tuple[Any, Any]:
        _, mine = await events(listening_clients[0])
        _, bobs = await events(listening_clients[1])
        assert (await anext(mine))[0] == (await anext(bobs))[0] == "ping"
        await asyncio.sleep(0.1)
        await sync_to_async(touch, thread_sensitive=False)(row)
        heard = await hear_about(mine, row)
        await sync_to_async(touch, thread_sensitive=False)(other)
        return heard, await hear_about(bobs, other)

    listening_clients = [listening(user), listening(stranger)]
    heard, bob_heard = asyncio.run(listen())

    assert heard["generations"] == [str(row.public_id)]
    assert str(row.public_id) not in bob_heard["generations"]
    assert heard["wallet"] is False


async def hear_about(stream: AsyncIterator[tuple[str, Any]], row: Generation) -> Any:
    """The stream looks back a few seconds, so what came before may be told first."""
    while True:
        told = await next_change(stream)
        if told["generations"] == [str(row.public_id)] and not told["wallet"]:
            return told


def test_a_stream_begins_at_once_and_is_not_gathered_up(committed: None, user: User, rich: Viewer):
    async def open_it() -> tuple[Any, Any]:
        response: Any = await client.get("/live/stream")
        return response, await anext(response.streaming_content)

    client = listening(user)
    response, first = asyncio.run(open_it())

    assert first == b"event: ping\ndata: {}\n\n"
    assert response["Content-Type"] == "text/event-stream"
    assert (response["X-Accel-Buffering"], response["Cache-Control"]) == ("no", "private, no-store")


def test_an_open_stream_keeps_no_connection(committed: None, user: User, rich: Viewer):
    async def open_it() -> bool:
        _, stream = await events(client)
        await anext(stream)
        return await sync_to_async(lambda: connection.connection is None)()

    client = listening(user)

    assert asyncio.run(open_it())


def test_nobody_hears_without_a_log_in(committed: None):
    async def open_it() -> int:
        return (await AsyncClient().get("/live/stream")).status_code

    assert asyncio.run(open_it()) == 401


def test_a_stream_ends_so_that_a_session_that_ended_does_not_listen_on(
    committed: None, user: User, rich: Viewer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.2)

    async def listen_to_the_end() -> list[str]:
        _, stream = await events(client)
        return [name async for name, _ in stream]

    client = listening(user)
    assert asyncio.run(asyncio.wait_for(listen_to_the_end(), 10)) == ["ping"]


def test_asking_answers_as_the_stream_does(client: Client, visitor: Client, rich: Viewer):
    stranger, _ = world.person("bob@example.com")
    other = Client()
    other.force_login(stranger)
    since = client.get("/live/changes").json()["since"]
    row = world.order(rich)

    mine = client.get("/live/changes", {"since": since}).json()
    theirs = other.get("/live/changes", {"since": since}).json()

    assert (mine["generations"], mine["wallet"]) == ([str(row.public_id)], True)
    assert (theirs["generations"], theirs["wallet"]) == ([], False)
    assert visitor.get("/live/changes").status_code == 401


@pytest.mark.parametrize("since", ["", "yesterday", "2026-01-01", "9" * 500, "\x00", "0001-01-01"])
def test_asking_since_nonsense_is_asking_since_now(client: Client, rich: Viewer, since: str):
    answer = client.get("/live/changes", {"since": since})

    assert answer.status_code == 200
    assert answer.json()["generations"] == []


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_asking_since_the_ends_of_time_is_answered(client: Client, rich: Viewer, since: str):
    answer = client.get("/live/changes", {"since": since})

    assert answer.status_code == 200


def test_money_moves_at_the_ends_alone(rich: Viewer):
    row = world.order(rich)
    told = {}
    for status in ("QUEUED", "RUNNING", "COLLECTING", "SUCCEEDED", "FAILED", "CANCELED"):
        row.status = status
        told[status] = live._message([row])["wallet"]

    assert [status for status, moved in told.items() if moved] == [
        "QUEUED", "SUCCEEDED", "FAILED", "CANCELED",
    ]  # fmt: skip


def test_a_teammate_hears_what_the_team_shares(user: User, rich: Viewer):
    mate, _ = world.person("mate@example.com")
    team = world.teammates(user, mate)
    maker, other = viewer_of(user, team=team), viewer_of(mate, team=team)
    world.fund(maker, 5)
    row = world.order(maker)

    private = live.may_hear(other, world.fresh(row))
    world.change(row, visibility=Visibility.TEAM)
    shared = live.may_hear(other, world.fresh(row))

    assert (private, shared) == (False, True)


def test_a_burst_does_not_hide_what_comes_after_it(committed: None, rich: Viewer):
    template = world.order(rich)
    now = timezone.now()
    burst = [
        Generation(
            team_id=template.team_id, made_by_id=template.made_by_id, model=template.model,
            model_name=template.model_name, prompt="x", images_expected=1, price_credits=1,
            deadline_at=now, changed_at=now,
        )
        for _ in range(1100)
    ]  # fmt: skip
    Generation.objects.bulk_create(burst)
    world.change(template, changed_at=timezone.now())

    heard = queries.changed_since(now - live.OVERLAP)

    assert heard[0].pk == template.pk
    assert len(heard) == 1000
    cache.clear()
