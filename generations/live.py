"""Tell browsers what has changed. One look at the database serves every open stream.

The stream says which generations moved and whether the wallet did; the page fetches the rest.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections, connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.http import TeamRequest
from accounts.viewer import Viewer
from generations import queries
from generations.models import TERMINAL, Generation, Visibility

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# A transaction that began earlier may show its row later: look back over the overlap.
OVERLAP = timedelta(seconds=5)
PING_SECONDS = 15
# A stream ends now and then, so that a session that has ended does not listen for ever.
STREAM_SECONDS = 300
# A browser that slept longer loads its page anew.
LOOK_BACK = timedelta(days=1)


@dataclass(eq=False)
class Listener:
    viewer: Viewer
    changes: asyncio.Queue[list[Generation]] = field(default_factory=asyncio.Queue)


class Watch:
    """The one that looks, for as long as anybody listens."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    async def _look(self) -> None:
        since, seen = timezone.now(), set[tuple[int, datetime]]()
        while self._listeners:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                rows = await sync_to_async(_changed_since, thread_sensitive=False)(since - OVERLAP)
            except DatabaseError as error:
                logger.warning("database away", extra={"error": type(error).__name__})
                continue
            self._tell([row for row in rows if (row.pk, row.changed_at) not in seen])
            seen = {(row.pk, row.changed_at) for row in rows}
            since = max((row.changed_at for row in rows), default=since)

    def _tell(self, rows: list[Generation]) -> None:
        for listener in self._listeners:
            theirs = [row for row in rows if may_hear(listener.viewer, row)]
            if theirs:
                listener.changes.put_nowait(theirs)


_watches: dict[asyncio.AbstractEventLoop, Watch] = {}


@require_GET
async def stream(request: TeamRequest) -> HttpResponse | StreamingHttpResponse:
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    viewer = await request.aviewer()
    # The request lasts as long as the stream, and would keep the connection it has looked with.
    await sync_to_async(_give_connections_back)()
    response = StreamingHttpResponse(_events(viewer), content_type="text/event-stream")
    response["Cache-Control"] = "private, no-store"
    # A proxy that gathers the answer before it passes it on would hold every event back.
    response["X-Accel-Buffering"] = "no"
    return response


@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    """What moved since the last answer, for browsers whose stream does not come through."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    viewer: Viewer = request.viewer  # type: ignore[attr-defined] # added by the middleware
    now = timezone.now()
    # Held to days that every database can count with.
    since = min(max(_moment(request.GET.get("since", "")) or now, now - LOOK_BACK), now)
    rows = [row for row in queries.changed_since(since - OVERLAP) if may_hear(viewer, row)]
    response = JsonResponse({"since": now.isoformat(), **_message(rows)})
    response["Cache-Control"] = "private, no-store"
    return response


def may_hear(viewer: Viewer, row: Generation) -> bool:
    """The rule of `queries.visible_to`, for a row that is at hand."""
    if row.team_id != viewer.team_id:
        return False
    if row.made_by_id == viewer.user_id:
        return True
    return viewer.role in queries.SEES_IMAGES and row.visibility == Visibility.TEAM


async def _events(viewer: Viewer) -> AsyncIterator[bytes]:
    watch = _watches.setdefault(asyncio.get_running_loop(), Watch())
    listener = Listener(viewer)
    watch.join(listener)
    try:
        # The first bytes open the stream in every browser and proxy.
        yield _event("ping", {})
        with suppress(TimeoutError):
            async with asyncio.timeout(STREAM_SECONDS):
                while True:
                    yield await _next(listener)
    finally:
        watch.leave(listener)


async def _next(listener: Listener) -> bytes:
    try:
        async with asyncio.timeout(PING_SECONDS):
            rows = await listener.changes.get()
    except TimeoutError:
        return _event("ping", {})
    while not listener.changes.empty():
        rows += listener.changes.get_nowait()
    return _event("changed", _message(rows))


def _message(rows: Iterable[Generation]) -> dict[str, object]:
    rows = list(rows)
    ids = list(dict.fromkeys(str(row.public_id) for row in rows))
    # Money moves at submit and at the end; a progress report leaves the wallet alone.
    moved = any(row.status in TERMINAL or row.status == "QUEUED" for row in rows)
    return {"generations": ids, "wallet": moved}


def _event(name: str, message: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(message)}\n\n".encode()


def _changed_since(moment: datetime) -> list[Generation]:
    close_old_connections()
    try:
        return list(queries.changed_since(moment))
    finally:
        close_old_connections()


def _give_connections_back() -> None:
    for line in connections.all(initialized_only=True):
        if not line.in_atomic_block:
            line.close()


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
