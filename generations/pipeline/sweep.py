"""What stood too long, and what time alone brings: the ticker's rounds. All may run twice."""

import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.billing import credits
from generations.models import EventState, Generation, InboundEvent
from imagestudio.lib import queue
from imagestudio.lib.killpoints import reached

logger = logging.getLogger(__name__)


def ring_what_is_due() -> int:
    """Ring once for everything that is due. Returns how many rows are."""
    now = timezone.now()
    rows = Generation.objects.filter(
        Q(lease_until__isnull=True, due_at__lte=now) | Q(lease_until__lt=now)
    )
    due = rows.count()
    first = rows.order_by("pk").values_list("pk", flat=True).first()
    events = InboundEvent.objects.filter(state=EventState.RECEIVED)
    event = events.order_by("pk").values_list("pk", flat=True).first()
    reached("ticker.selected")
    # One bell wakes a worker, and the worker looks for all; a thousand bells would only cost more.
    if first is not None:
        queue.ring(queue.RING_GENERATION, first)
    elif event is not None:
        queue.ring(queue.RING_EVENT, event)
    return due


def expire_lots() -> None:
    with transaction.atomic(durable=True):
        credits.expire(now=timezone.now())
