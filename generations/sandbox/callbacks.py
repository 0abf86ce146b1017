"""Call webhooks back: what is due, several tries each, picked up again after a restart."""

import asyncio
import logging
import time
import uuid
from collections.abc import Collection
from dataclasses import replace
from urllib.parse import urlsplit

from generations.protocols.journeyapi import wire
from generations.sandbox import faults, orders
from generations.sandbox.store import (
    DELIVERED,
    GIVEN_UP,
    SKIPPED,
    AcceptedOrder,
    Callback,
    Store,
)
from imagestudio.lib import http

# Together longer than a studio takes to come back, as the retries of real providers are.
RETRY_SECONDS = (1.0, 5.0, 10.0, 20.0)
CALL_SECONDS = 10.0
CALLS_MAX = 200
LOOK_SECONDS = 0.1

logger = logging.getLogger(__name__)


class CallbackSender:
    """Sends what is due until it is stopped. `hosts` limits where calls may go; None does not."""

    def __init__(
        self, *, store: Store, egress: http.Egress, hosts: Collection[str] | None = None
    ) -> None:
        self._store = store
        self._egress = egress
        self._hosts = hosts
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Never returns; cancel it."""
        try:
            while True:
                room = CALLS_MAX - len(self._calls)
                for callback in self._store.claim_due(now=time.time(), limit=room):
                    self._start(callback)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    async def send_all_of(self, task_id: str) -> None:
        """Send the callbacks of one task right now, and return once they were answered."""
        for callback in self._store.claim_of(task_id):
            await self._send(callback)

    def _start(self, callback: Callback) -> None:
        call = asyncio.create_task(self._send(callback))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _send(self, callback: Callback) -> None:
        order = self._store.order(callback.task_id)
        task = orders.report(order, now=time.time()) if order else None
        ended = task is not None and task.status in (wire.Status.FINISHED, wire.Status.FAILED)
        # After a restart the half-way call may be overtaken by the end: it has nothing to say.
        if order is None or task is None or ended != callback.is_final:
            self._store.resolve(callback, state=SKIPPED)
            return
        asked = faults.parse(order.prompt)
        delivered = await self._deliver(order, task, asked)
        if "webhook-twice" in asked:
            await self._deliver(order, task, asked)
        if delivered:
            self._store.resolve(callback, state=DELIVERED)
        elif callback.tries > len(RETRY_SECONDS):
            logger.warning("callback given up", extra={"task_id": order.task_id})
            self._store.resolve(callback, state=GIVEN_UP)
        else:
            wait = RETRY_SECONDS[callback.tries - 1]
            self._store.postpone(callback, due_at=time.time() + wait)

    async def _deliver(self, order: AcceptedOrder, task: wire.Task, asked: faults.Faults) -> bool:
        named = replace(task, task_id=str(uuid.uuid4())) if "wrong-task" in asked else task
        secret = f"not-{order.webhook_secret}" if "wrong-secret" in asked else order.webhook_secret
        pair = host_port(order.webhook_url)
        if self._hosts is not None and pair not in self._hosts:
            return False
        self._store.count("webhooks_sent")
        try:
            answer = await self._egress.trusting(pair).request(
                "POST",
                order.webhook_url,
                headers={wire.SECRET_HEADER: secret} if secret else {},
                json=wire.task_body(named),
                timeout_seconds=CALL_SECONDS,
            )
        except (http.Blocked, http.NotSent, http.Lost, http.TooLarge):
            return False
        return 200 <= answer.status < 300


def host_port(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
