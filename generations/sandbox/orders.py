"""The life of an accepted order: how long it takes and what it looks like at any moment.

Nothing here waits or counts down. An order is where its row and the clock say it is, so one
that was accepted before a crash is exactly as far as if nothing had happened.
"""

import re
import secrets
import uuid

from generations.protocols.journeyapi import server, wire
from generations.sandbox import faults
from generations.sandbox.store import AcceptedOrder

SECONDS_BY_MODEL = {server.MIDJOURNEY: 8.0, server.FLUX_SCHNELL: 2.5}
FAILURE_SECONDS_MAX = 3.0
PANELS = 4
STUCK_PERCENT = 42
PENDING_SHARE = 0.06
FOREVER_SECONDS = 10.0**9
SEED_FLAG = re.compile(r"--seed\s+(\d{1,10})")

FAILURES = {
    "content-filter": "Content policy violation",
    "provider-failed": "Internal generation error",
}


def accept(
    imagine: server.Imagine, *, now: float, speed: float, base_url: str
) -> tuple[AcceptedOrder, list[tuple[bool, float]]]:
    """The row of a new order, and its callbacks as (is final, due at)."""
    # Half a surrogate pair may stand in JSON but in no file.
    prompt = imagine.prompt.encode("utf-8", "replace").decode("utf-8")
    seed = SEED_FLAG.search(prompt)
    order = AcceptedOrder(
        task_id=str(uuid.uuid4()),
        model=imagine.model,
        prompt=prompt,
        aspect_ratio=imagine.aspect_ratio,
        output_format=imagine.output_format,
        seed=seed[1] if seed else str(secrets.randbelow(10**10)),
        accepted_at=now,
        duration_seconds=duration_seconds(imagine, speed=speed),
        base_url=base_url,
        webhook_url=imagine.webhook_url,
        webhook_secret=imagine.webhook_secret,
    )
    return order, _callbacks(order)


def duration_seconds(imagine: server.Imagine, *, speed: float) -> float:
    """Usual times are divided by the speed; times that a tag names are meant as they are."""
    asked = faults.parse(imagine.prompt)
    if "stuck" in asked:
        return FOREVER_SECONDS
    if "instant" in asked or "webhook-early" in asked:
        return 0.0
    if "slow" in asked:
        return asked.seconds("slow")
    usual = SECONDS_BY_MODEL[imagine.model]
    if any(tag in asked for tag in FAILURES):
        usual = min(usual, FAILURE_SECONDS_MAX)
    return usual / speed


def report(order: AcceptedOrder, *, now: float) -> wire.Task:
    """The task object at this moment."""
    elapsed = max(0.0, now - order.accepted_at)
    if elapsed >= order.duration_seconds:
        return _ended(order)
    share = elapsed / order.duration_seconds
    percent = min(99, int(100 * share))
    if "stuck" in faults.parse(order.prompt):
        percent = min(STUCK_PERCENT, int(elapsed * 10))
        share = percent / 100
    started = share >= PENDING_SHARE
    return wire.Task(
        task_id=order.task_id,
        task_type=wire.TASK_TYPE_IMAGINE,
        model=order.model,
        status=wire.Status.PROCESSING if started else wire.Status.PENDING,
        percentage=percent if started else 0,
    )


def _ended(order: AcceptedOrder) -> wire.Task:
    asked = faults.parse(order.prompt)
    for tag, message in FAILURES.items():
        if tag in asked:
            return wire.Task(
                task_id=order.task_id,
                task_type=wire.TASK_TYPE_IMAGINE,
                model=order.model,
                status=wire.Status.FAILED,
                error=message,
            )
    folder = f"{order.base_url}/cdn/{order.task_id}"
    is_grid = order.model in server.GRID_MODELS
    panels = tuple(f"{folder}/0_{position}.png" for position in range(PANELS))
    single = f"{folder}/0_0.{order.output_format or 'png'}"
    return wire.Task(
        task_id=order.task_id,
        task_type=wire.TASK_TYPE_IMAGINE,
        model=order.model,
        status=wire.Status.FINISHED,
        percentage=100,
        original_image_url=f"{folder}/grid_0.png" if is_grid else "",
        image_urls=panels if is_grid else (),
        image_url="" if is_grid else single,
        seed=order.seed,
    )


def _callbacks(order: AcceptedOrder) -> list[tuple[bool, float]]:
    """One on the way, where there is a way, and one at the end."""
    asked = faults.parse(order.prompt)
    if not order.webhook_url or "no-webhook" in asked:
        return []
    if "stuck" in asked:
        return [(False, order.accepted_at + 2)]
    end = order.accepted_at + order.duration_seconds
    last = (True, end + asked.seconds("webhook-late"))
    if order.duration_seconds < 0.2:
        return [last]
    return [(False, order.accepted_at + order.duration_seconds / 2), last]
