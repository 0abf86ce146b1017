"""The status table, the claims on rows, and the only code that writes either.

Everything here is one conditional update: change the row if it still is what we think, and look
at the count. Leases are measured by the database's clock, which all workers share.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from generations.models import Generation, Status

MOVES: Mapping[Status, Collection[Status]] = {
    Status.QUEUED: {Status.SUBMITTING, Status.CANCELED, Status.FAILED},
    Status.SUBMITTING: {
        Status.QUEUED,
        Status.RUNNING,
        Status.CHECKING,
        Status.COLLECTING,
        Status.FAILED,
    },
    Status.CHECKING: {Status.RUNNING, Status.FAILED},
    Status.RUNNING: {Status.NEEDS_INPUT, Status.COLLECTING, Status.FAILED},
    Status.NEEDS_INPUT: {Status.RUNNING, Status.FAILED},
    Status.COLLECTING: {Status.SUCCEEDED, Status.FAILED},
    # A result that comes after we gave up is delivered free.
    Status.FAILED: {Status.SUCCEEDED},
    Status.CANCELED: set(),
    Status.SUCCEEDED: set(),
}


class LeaseLost(Exception):
    """The row is not ours any more: another worker took it, or its owner moved it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's right to move one row, until the lease ends."""

    id: int
    fence: int
    status: Status
    barren: int


def claim(generation_id: int, *, worker: str) -> Claim | None:
    """Take a row that is due; None when it is not, or when somebody else has it."""
    # Read in the transaction that holds the row: a moment later the fence may be another's.
    with transaction.atomic():
        taken = _free(Generation.objects.filter(pk=generation_id)).update(
            fence=F("fence") + 1,
            lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS),
            due_at=None,
            worker=worker,
            barren_claims=F("barren_claims") + 1,
        )
        if taken != 1:
            return None
        row = Generation.objects.values("fence", "status", "barren_claims").get(pk=generation_id)
    return Claim(generation_id, row["fence"], Status(row["status"]), row["barren_claims"])


def claimable(*, limit: int, among: Q = Q()) -> list[int]:  # noqa: B008 - never changed
    """Ids that are due or whose worker has gone, the longest due first."""
    rows = _free(Generation.objects.filter(among))
    return list(
        rows.order_by(F("due_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:limit]
    )


def renew(ids: Collection[int], *, worker: str) -> None:
    """The heartbeat: one statement for all rows that this worker holds."""
    Generation.objects.filter(pk__in=ids, worker=worker, lease_until__isnull=False).update(
        lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS)
    )


def advance(claim: Claim, to: Status, **changes: Any) -> Claim:
    """Move the row on under the claim, and keep the claim. Raises LeaseLost."""
    if to not in MOVES[claim.status]:
        raise ValueError(f"{claim.status} never becomes {to}")
    write(claim, status=to, barren_claims=0, **changes)
    return Claim(claim.id, claim.fence, to, 0)


def move(generation_id: int, *, expected: Status, to: Status, **changes: Any) -> bool:
    """Move a row without a claim, for a callback or its owner. False when it has moved already."""
    if to not in MOVES[expected]:
        raise ValueError(f"{expected} never becomes {to}")
    return (
        Generation.objects.filter(pk=generation_id, status=expected).update(
            status=to, fence=F("fence") + 1, lease_until=None, changed_at=timezone.now(), **changes
        )
        == 1
    )


def write(claim: Claim, **changes: Any) -> None:
    """Change the row under the claim. Raises LeaseLost."""
    rows = Generation.objects.filter(pk=claim.id, fence=claim.fence, status=claim.status)
    if rows.update(changed_at=timezone.now(), **changes) != 1:
        raise LeaseLost(claim.id)


def let_go(claim: Claim, *, due_at: datetime | None, **changes: Any) -> None:
    """End the claim. A nudge that came in meanwhile wins over `due_at`. Raises LeaseLost."""
    write(
        claim,
        lease_until=None,
        due_at=Coalesce(F("due_at"), due_at),
        barren_claims=0,
        **changes,
    )


def finish(claim: Claim) -> None:
    """End the claim on a row that needs nobody any more, nudged or not. Raises LeaseLost."""
    write(claim, lease_until=None, due_at=None, barren_claims=0)


def nudge(generation_id: int, *, expected: Collection[Status]) -> None:
    """Look at this row now, if it still stands at one of these. Not a move: it stays there."""
    Generation.objects.filter(pk=generation_id, status__in=expected).update(due_at=Now())


def _free(rows: QuerySet[Generation]) -> QuerySet[Generation]:
    return rows.filter(Q(lease_until__isnull=True, due_at__lte=Now()) | Q(lease_until__lt=Now()))
