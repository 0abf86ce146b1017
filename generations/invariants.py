"""What must be true of every row at every moment. The oracle after every fault run.

Each check returns sentences, one a fault, that name the row. Money alone is `billing.reconcile`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from accounts.billing import reconcile
from accounts.billing.models import Hold, HoldState, LedgerEntry
from generations import keeping, pricing, queries
from generations.models import (
    OPEN,
    TERMINAL,
    Asset,
    Attempt,
    AttemptState,
    Generation,
    InboundEvent,
    ProviderAccount,
    Status,
)

OVERDUE_SECONDS = 120


def faults(*, reads_objects: bool = True) -> list[str]:
    """Every fault there is, as sentences. Reading the objects of a large store takes a while."""
    found = list(reconcile.faults())
    # One moment for all: between two looks at a busy studio an order could begin or end.
    with reconcile.snapshot():
        for check in CHECKS:
            found.extend(check())
    if reads_objects:
        found.extend(objects_are_whole())
    return found


def every_generation_has_its_hold() -> Iterator[str]:
    holds = {h.reference: h for h in Hold.objects.all().iterator()}
    rows = Generation.objects.values_list(
        "public_id", "status", "price_credits", "captured_credits"
    )
    for public_id, status, price, captured in rows.iterator():
        hold = holds.get(str(public_id))
        if hold is None:
            yield f"Generation {public_id} has no hold."
            continue
        if hold.credits != price:
            yield f"Generation {public_id} costs {price} and holds {hold.credits}."
        wanted = _hold_state(status, captured)
        if hold.state != wanted:
            yield f"Generation {public_id} is {status}; its hold is {hold.state}, not {wanted}."
        if hold.captured != captured:
            yield f"Generation {public_id} says {captured} captured, its hold {hold.captured}."


def every_price_is_paid_or_returned() -> Iterator[str]:
    rows = Generation.objects.filter(status=Status.SUCCEEDED).annotate(
        good=Count("assets", filter=Q(assets__kind__in=queries.PICTURES))
    )
    for row in rows.iterator():
        if row.good == 0:
            yield f"Generation {row.public_id} is ready and has no image."
        owed = pricing.part_of(row.price_credits, good=row.good, expected=row.images_expected)
        if row.delivered_free_at:
            owed = 0
        if row.captured_credits != owed:
            yield f"Generation {row.public_id} captured {row.captured_credits}; {owed} is right."


def every_charge_has_its_generation() -> Iterator[str]:
    known = set(map(str, Generation.objects.values_list("public_id", flat=True).iterator()))
    for reference in LedgerEntry.objects.filter(kind="capture").values_list("reference", flat=True):
        if reference.removeprefix("capture:") not in known:
            yield f"Ledger entry {reference} belongs to no generation."


def nothing_is_ordered_twice() -> Iterator[str]:
    taken = Q(attempts__state__in=[AttemptState.ACCEPTED, AttemptState.UNKNOWN, AttemptState.SENT])
    rows = Generation.objects.annotate(orders=Count("attempts", filter=taken))
    for public_id, orders in rows.filter(orders__gt=1).values_list("public_id", "orders"):
        yield f"Generation {public_id} may have been ordered {orders} times."


def places_are_counted() -> Iterator[str]:
    held = Count("attempts", filter=Q(attempts__holds_place=True))
    for account in ProviderAccount.objects.annotate(held=held).exclude(in_flight=F("held")):
        yield f"Account {account.name} counts {account.in_flight} in flight; {account.held} are."
    ended = Attempt.objects.filter(holds_place=True, generation__status__in=TERMINAL)
    for attempt in ended:
        yield f"{attempt} holds a place although its generation has ended."


def nothing_is_forgotten() -> Iterator[str]:
    idle = Generation.objects.filter(status__in=OPEN, due_at__isnull=True, lease_until__isnull=True)
    for public_id, status in idle.values_list("public_id", "status"):
        yield f"Generation {public_id} is {status} and nobody will look at it."
    late = timezone.now() - timedelta(seconds=OVERDUE_SECONDS)
    waiting = Q(status__in=[Status.QUEUED, Status.RUNNING], deadline_at__lt=late)
    unsure = Q(status=Status.CHECKING, unknown_until__lt=late)
    for row in Generation.objects.filter(waiting | unsure):
        yield f"Generation {row.public_id} is {row.status} past its deadline."


def every_end_is_dated() -> Iterator[str]:
    rows = Generation.objects.filter(status__in=TERMINAL, settled_at__isnull=True)
    for public_id in rows.values_list("public_id", flat=True):
        yield f"Generation {public_id} has ended without a time."


def events_lead_nowhere_unread() -> Iterator[str]:
    late = timezone.now() - timedelta(seconds=OVERDUE_SECONDS)
    for event in InboundEvent.objects.filter(state="received", created_at__lt=late):
        yield f"Event {event.pk} has waited since {event.created_at:%H:%M:%S}."


def rows_under_way_have_their_attempt() -> Iterator[str]:
    accepted = Attempt.objects.filter(generation=OuterRef("pk"), state=AttemptState.ACCEPTED)
    rows = Generation.objects.filter(status__in=[Status.RUNNING, Status.COLLECTING])
    for row in rows.exclude(Exists(accepted)):
        yield f"Generation {row.public_id} is {row.status} without an accepted attempt."


def objects_are_whole() -> Iterator[str]:
    """Every image's bytes are in the storage and hash to what the row says."""
    for asset in Asset.objects.order_by("pk").iterator():
        if not keeping.is_whole(asset.key, sha256=asset.sha256):
            yield f"Image {asset.public_id} is missing or damaged in the storage ({asset.key})."
        elif default_storage.size(asset.key) != asset.size_bytes:
            yield f"Image {asset.public_id} has another length in the storage."


def _hold_state(status: str, captured: int) -> HoldState:
    if status in OPEN:
        return HoldState.ACTIVE
    return HoldState.CAPTURED if captured else HoldState.RELEASED


CHECKS: tuple[Callable[[], Iterable[str]], ...] = (
    every_generation_has_its_hold,
    every_price_is_paid_or_returned,
    every_charge_has_its_generation,
    nothing_is_ordered_twice,
    places_are_counted,
    nothing_is_forgotten,
    every_end_is_dated,
    events_lead_nowhere_unread,
    rows_under_way_have_their_attempt,
)
