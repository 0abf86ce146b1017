"""The worker's loop: claim what is due, run each step, keep the leases alive.

It needs the database and nothing else. A bell from RQ only makes it look sooner.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from generations import routing
from generations.models import AttemptState, EventState, Generation, InboundEvent, Status
from generations.pipeline import dispatch, receive, settle
from generations.pipeline.collect import collect
from generations.pipeline.desk import Desk
from generations.pipeline.lifecycle import Claim, LeaseLost, claim, claimable, renew
from imagestudio.lib.killpoints import reached

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
STEPS_MAX = 3000
# Pictures and events are worked on a few at a time; orders that only wait are many.
BATCH = 500
BARREN_CLAIMS_MAX = 8
EVENT_TRIES_MAX = 8

Step = Callable[[Desk, Claim], Awaitable[None]]


class Engine:
    """Runs in a thread of its own, beside RQ in the main thread."""

    def __init__(self) -> None:
        self._thread = Thread(target=self._run, name="engine", daemon=True)
        self._started = Event()
        self._loop = asyncio.new_event_loop()
        self._bell = asyncio.Event()
        self._stopping = False
        self._claims: dict[int, asyncio.Task[None]] = {}
        self._events: dict[int, asyncio.Task[None]] = {}

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def ring(self) -> None:
        """Look now. From any thread, any number of times."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    def stop(self, *, grace_seconds: float) -> None:
        """Claim nothing more, let the steps in flight end, and leave the rest to their leases."""
        self._stopping = True
        self.ring()
        self._thread.join(grace_seconds)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._live())
        finally:
            if not self._stopping:
                # RQ would go on listening for a loop that is gone. Whoever started us starts anew.
                logger.critical("the loop has ended; so does this worker")
                os.kill(os.getpid(), signal.SIGTERM)

    async def _live(self) -> None:
        desk = Desk()
        self._started.set()
        heart = asyncio.create_task(self._beat(desk))
        try:
            while not self._stopping:
                await self._look(desk)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), LOOK_SECONDS)
                self._bell.clear()
            while self._claims or self._events:
                await asyncio.wait([*self._claims.values(), *self._events.values()])
        finally:
            heart.cancel()
            await desk.close()

    async def _look(self, desk: Desk) -> None:
        """Claim whatever is due and there is room for. A database that is away is tried again."""
        try:
            events = await desk.db(_events_waiting)
            due = await desk.db(_due, STEPS_MAX - len(self._claims))
        except DatabaseError as error:
            logger.warning("database away", extra={"error": type(error).__name__})
            return
        for event_id in events:
            if event_id not in self._events:
                self._begin(self._events, event_id, self._consider(desk, event_id))
        for generation_id in due:
            if generation_id not in self._claims:
                self._begin(self._claims, generation_id, self._step(desk, generation_id))
        if len(due) >= BATCH:
            self._bell.set()

    def _begin(self, tasks: dict[int, asyncio.Task[None]], key: int, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        tasks[key] = task
        task.add_done_callback(lambda _: tasks.pop(key, None))

    async def _step(self, desk: Desk, generation_id: int) -> None:
        try:
            held = await desk.db(claim, generation_id, worker=desk.worker)
            if held is None:
                return
            reached("claimed")
            if held.barren > BARREN_CLAIMS_MAX:
                await desk.db(settle.fail, held, settle.Reason("internal", "gave up on the row"))
                return
            await STEPS[held.status](desk, held)
        except LeaseLost:
            logger.info("lease lost", extra={"row": generation_id})
        except Exception:
            # The edge: whatever it was, the row's lease runs out and the row is claimed again.
            logger.exception("step failed", extra={"row": generation_id})
        else:
            await self._plan(desk, generation_id)

    async def _plan(self, desk: Desk, generation_id: int) -> None:
        """Look again when this very row is due, not at the next round of looking."""
        due_at = await desk.db(_due_at, generation_id)
        if due_at is not None:
            seconds = max(0.0, (due_at - timezone.now()).total_seconds())
            if seconds < LOOK_SECONDS * 2:
                self._loop.call_later(seconds + 0.005, self._bell.set)

    async def _consider(self, desk: Desk, event_id: int) -> None:
        try:
            if await desk.db(_consider, event_id) is not None:
                self._bell.set()
        except Exception:
            logger.exception("event not considered", extra={"event": event_id})

    async def _beat(self, desk: Desk) -> None:
        """Renew every lease that is held here, well before it ends."""
        while True:
            await asyncio.sleep(settings.LEASE_SECONDS / 3)
            began = time.monotonic()
            try:
                held = list(self._claims)
                for start in range(0, len(held), BATCH):
                    await desk.db_first(renew, held[start : start + BATCH], worker=desk.worker)
            except DatabaseError as error:
                logger.warning("heart missed a beat", extra={"error": type(error).__name__})
            if time.monotonic() - began > settings.LEASE_SECONDS / 3:
                logger.warning("the database is slower than the leases")


async def _dispatch(desk: Desk, held: Claim) -> None:
    await _collect_if(desk, await dispatch.dispatch(desk, held))


async def _recover(desk: Desk, held: Claim) -> None:
    await _collect_if(desk, await dispatch.recover(desk, held))


async def _poll(desk: Desk, held: Claim) -> None:
    await _collect_if(desk, await receive.poll(desk, held))


async def _check(desk: Desk, held: Claim) -> None:
    await desk.db(receive.check_deadline, held)


async def _collect_if(desk: Desk, held: Claim | None) -> None:
    if held is not None:
        await collect(desk, held)


STEPS: Mapping[Status, Step] = {
    Status.QUEUED: _dispatch,
    Status.SUBMITTING: _recover,
    Status.CHECKING: _check,
    Status.RUNNING: _poll,
    Status.COLLECTING: collect,
    Status.FAILED: _poll,
}
# What has an account, and what needs none any more: its time is up, or nobody waits for it.
UNDER_WAY = Q(status__in=STEPS.keys() - {Status.QUEUED})
NEEDS_NO_ROOM = Q(status=Status.QUEUED) & (
    Q(deadline_at__lte=Now()) | Q(stop_waiting_at__isnull=False)
)


def _due(limit: int) -> list[int]:
    """Waiting orders only as far as some account has room; what is under way comes first."""
    due = claimable(limit=min(limit, BATCH), among=UNDER_WAY | NEEDS_NO_ROOM)
    room = min(limit - len(due), routing.room())
    if room > 0:
        due += claimable(limit=room, among=Q(status=Status.QUEUED) & ~NEEDS_NO_ROOM)
    return due


def _due_at(generation_id: int) -> datetime | None:
    return Generation.objects.values_list("due_at", flat=True).get(pk=generation_id)


def _events_waiting() -> list[int]:
    # While the answer to the order is still being waited for, a callback has nothing to add; a
    # thousand of them would take the database's time from the orders that are yet to leave.
    answered_soon = Q(
        attempt__state=AttemptState.SENT,
        attempt__generation__status=Status.SUBMITTING,
        attempt__generation__lease_until__gt=Now(),
    )
    waiting = InboundEvent.objects.filter(state=EventState.RECEIVED).exclude(answered_soon)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _consider(event_id: int) -> int | None:
    """Consider it; what cannot be considered again and again is parked for the operator."""
    event = InboundEvent.objects.get(pk=event_id)
    if event.tries >= EVENT_TRIES_MAX:
        receive.park(event, "could_not_be_read")
        return None
    InboundEvent.objects.filter(pk=event_id).update(tries=event.tries + 1)
    return receive.consider(event_id)
