"""A checked request becomes rows and holds, in one transaction, without the network."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.billing import credits
from accounts.billing.queries import balance
from accounts.viewer import Viewer
from generations import pricing
from generations.models import Generation, ProviderAccount, Visibility
from generations.request import GenerationRequest
from imagestudio.lib import queue
from imagestudio.lib.ids import new_id
from imagestudio.lib.killpoints import reached


class PriceChanged(Exception):
    """The price shown to the caller is not the price any more. Nothing was ordered."""

    def __init__(self, price: int):
        super().__init__(price)
        self.price = price


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the caller says beside the request itself.

    `submit_key` makes one gesture one order: the same key again returns the first order.
    `price_seen` is the price that the caller agreed to; None trusts ours.
    """

    submit_key: str | None = None
    price_seen: int | None = None
    visibility: Visibility = Visibility.PRIVATE
    pinned_account: ProviderAccount | None = None


def submit(viewer: Viewer, request: GenerationRequest, *, terms: Terms) -> list[Generation]:
    """Hold the price and write the rows. Raises PriceChanged or credits.InsufficientCredits."""
    earlier = _earlier(viewer, terms)
    if earlier:
        return earlier
    price = pricing.price(request)
    if terms.price_seen is not None and terms.price_seen != price:
        raise PriceChanged(price)
    try:
        with transaction.atomic(durable=True):
            placed = _place(viewer, request, terms)
            reached("submit.held")
    except (IntegrityError, credits.InsufficientCredits) as error:
        # The same gesture, twice at once: the other one has it, and maybe the last credits too.
        earlier = _earlier(viewer, terms)
        if earlier:
            return earlier
        if isinstance(error, credits.InsufficientCredits):
            raise _short_of(viewer, price) from None
        raise
    reached("submit.committed")
    # One bell wakes a worker, and the worker looks for all; with Redis gone each would take time.
    queue.ring(queue.RING_GENERATION, placed[0].pk)
    return placed


def _short_of(viewer: Viewer, price: int) -> credits.InsufficientCredits:
    """In figures of the whole order: its siblings were held one by one, and given back."""
    available = balance(viewer.team_id).available
    return credits.InsufficientCredits(needed=price, available=available)


def _place(viewer: Viewer, request: GenerationRequest, terms: Terms) -> list[Generation]:
    placed = []
    batch = new_id() if request.count > 1 else None
    for number in range(request.count):
        generation = _row(viewer, request, terms)
        generation.batch = batch
        generation.submit_key = terms.submit_key if number == 0 else None
        credits.hold(
            viewer.team_id,
            credits=generation.price_credits,
            reference=generation.hold_reference,
        )
        generation.save(force_insert=True)
        placed.append(generation)
    return placed


def _row(viewer: Viewer, request: GenerationRequest, terms: Terms) -> Generation:
    spec, now = request.spec, timezone.now()
    return Generation(
        team_id=viewer.team_id,
        made_by_id=viewer.user_id,
        visibility=terms.visibility,
        model=spec.id,
        model_name=spec.name,
        prompt=request.prompt,
        parameters=dict(request.parameters),
        images_expected=spec.images,
        price_credits=pricing.price_each(request),
        pinned_account=terms.pinned_account,
        deadline_at=now + timedelta(seconds=spec.deadline_seconds),
        created_at=now,
        changed_at=now,
        due_at=now,
    )


def _earlier(viewer: Viewer, terms: Terms) -> list[Generation]:
    if terms.submit_key is None:
        return []
    first = Generation.objects.filter(team_id=viewer.team_id, submit_key=terms.submit_key).first()
    if first is None:
        return []
    if first.batch is None:
        return [first]
    return list(Generation.objects.filter(batch=first.batch).order_by("pk"))
