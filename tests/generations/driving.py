"""A worker that a test moves by hand: the real stages, the real desk, one step after another."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from generations.models import (
    TERMINAL,
    Generation,
    InboundEvent,
    ProviderAccount,
    Status,
)
from generations.pictures import Pictures
from generations.pipeline import receive
from generations.pipeline.desk import Desk
from generations.pipeline.engine import STEPS
from generations.pipeline.lifecycle import Claim, LeaseLost, claim

_pictures = Pictures()
STEPS_MAX = 80


def close_decoders() -> None:
    _pictures.close()


def at_desk(act: Callable[[Desk], Awaitable[Any]], *, pictures: Pictures | None = None) -> Any:
    """Run an act with a desk of its own. Decoders take a moment to start, so desks share them."""

    async def run() -> Any:
        desk = Desk()
        own, desk.pictures = desk.pictures, pictures or _pictures
        try:
            return await act(desk)
        finally:
            desk.pictures = own
            await desk.close()

    return asyncio.run(asyncio.wait_for(run(), 60))


def work(*rows: Generation, until: Collection[Status] = TERMINAL, steps: int = STEPS_MAX) -> None:
    """Move each row until its status is one of these. Waiting is skipped, not slept."""

    async def move(desk: Desk) -> None:
        await asyncio.gather(*(_move(desk, row.pk, until, steps) for row in rows))

    at_desk(move)


def step(*rows: Generation) -> None:
    """One claim and one stage for each row, whatever comes of it."""

    async def move(desk: Desk) -> None:
        await asyncio.gather(*(_step(desk, row.pk) for row in rows))

    at_desk(move)


async def _move(desk: Desk, pk: int, until: Collection[Status], steps: int) -> None:
    for _ in range(steps):
        if await desk.db(_status, pk) in until:
            return
        await _step(desk, pk)
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {await desk.db(_status, pk)} after {steps} steps")


async def _step(desk: Desk, pk: int) -> None:
    await desk.db(time_passes, pk)
    held = await desk.db(claim, pk, worker=desk.worker)
    if held is None:
        return
    try:
        await STEPS[held.status](desk, held)
    except LeaseLost:
        return


def time_passes(*pks: int) -> None:
    """Whatever was planned for later is due now; accounts have been quiet long enough."""
    now = timezone.now()
    rows = Generation.objects.filter(pk__in=pks, lease_until__isnull=True)
    rows.filter(due_at__gt=now).update(due_at=now)
    ProviderAccount.objects.filter(quiet_until__gt=now).update(quiet_until=now)


def crash(row: Generation, act: Callable[[Desk, Claim], Awaitable[Any]]) -> None:
    """Claim the row, act, and vanish: the claim is never let go, its lease has run out."""

    async def run(desk: Desk) -> None:
        held = await desk.db(claim, row.pk, worker=desk.worker)
        assert held is not None
        await act(desk, held)

    at_desk(run)
    lease_runs_out(row)


def lease_runs_out(row: Generation) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Generation.objects.filter(pk=row.pk).update(lease_until=past)


def consider_events() -> list[int | None]:
    """What the worker does with every webhook that waits."""
    rows = InboundEvent.objects.filter(state="received").order_by("pk")
    return [receive.consider(pk) for pk in rows.values_list("pk", flat=True)]


def eventually(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def statuses(rows: Iterable[Generation]) -> list[str]:
    found = dict(Generation.objects.values_list("pk", "status"))
    return [found[row.pk] for row in rows]


def _status(pk: int) -> Status:
    return Status(Generation.objects.values_list("status", flat=True).get(pk=pk))
