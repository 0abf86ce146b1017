"""What tests ask the upstream about itself: accepted orders, calls in flight, callbacks sent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from generations.sandbox import faults, orders
from generations.sandbox.store import DELIVERED, DUE, GIVEN_UP, SENDING, Store

MAXIMUM = "in_flight_max"
COUNTERS = ("posts", "refused", "fetches", "webhooks_sent", "images_served")


class Control:
    """The counters. The maximum in flight outlives a restart; calls in flight do not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight = 0
        self._maximum = store.counter(MAXIMUM)

    @contextmanager
    def one_in_flight(self) -> Iterator[None]:
        self._in_flight += 1
        if self._in_flight > self._maximum:
            self._maximum = self._in_flight
            self._store.keep(MAXIMUM, self._maximum)
        try:
            yield
        finally:
            self._in_flight -= 1

    def forget_maximum(self) -> None:
        self._maximum = self._in_flight
        self._store.keep(MAXIMUM, self._maximum)

    def stats(self, *, containing: str) -> dict[str, object]:
        """`matching` counts the accepted orders whose prompt contains the text."""
        tags = {tag: self._store.accepted_count(containing=f"[{tag}") for tag in faults.TAGS}
        return {
            "accepted": self._store.accepted_count(),
            "matching": self._store.accepted_count(containing=containing),
            "by_tag": {tag: count for tag, count in tags.items() if count},
            "in_flight": self._in_flight,
            "in_flight_max": self._maximum,
            "webhooks_delivered": self._store.callback_count(DELIVERED),
            "webhooks_given_up": self._store.callback_count(GIVEN_UP),
            "webhooks_due": self._store.callback_count(DUE) + self._store.callback_count(SENDING),
            **{name: self._store.counter(name) for name in COUNTERS},
        }

    def orders(self, *, containing: str) -> list[dict[str, object]]:
        """Accepted orders, oldest first, without their secrets."""
        now = time.time()
        return [
            {
                "task_id": order.task_id,
                "model": order.model,
                "prompt": order.prompt,
                "webhook_url": order.webhook_url,
                "accepted_at": datetime.fromtimestamp(order.accepted_at, UTC).isoformat(),
                "status": orders.report(order, now=now).status.value,
            }
            for order in self._store.orders(containing=containing)
        ]
