"""The owner changes their mind."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.billing import credits
from generations.models import TERMINAL, Generation, Status
from generations.pipeline.lifecycle import move


class AlreadyFinished(Exception):
    """There is nothing left to cancel."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`returned` credits came back at once. With 0 the money follows the image, if it comes."""

    returned: int


def cancel(generation: Generation) -> Cancelled:
    """End it before a provider has it; after that only stop waiting. Raises AlreadyFinished."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        ended = move(
            generation.pk,
            expected=Status.QUEUED,
            to=Status.CANCELED,
            settled_at=now,
            due_at=None,
        )
        if ended:
            credits.release(generation.hold_reference)
            return Cancelled(generation.price_credits)
        rows = Generation.objects.filter(pk=generation.pk).exclude(status__in=TERMINAL)
        waiting = rows.filter(stop_waiting_at__isnull=True).update(
            stop_waiting_at=now, changed_at=now
        )
        if waiting != 1 and not rows.exists():
            raise AlreadyFinished(generation.public_id)
    return Cancelled(0)
