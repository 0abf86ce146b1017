"""Take credits out of lots. Only `credits` calls this, before it touches the wallet's row."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from accounts.billing.models import Lot, LotKind


def in_draw_order(wallet_id: int) -> QuerySet[Lot]:
    """Lots with something left: promotional, then soonest to expire, then oldest.

    Every act that takes from several lots goes in this order, so that two cannot deadlock.
    """
    promotional_first = Case(
        When(kind=LotKind.PROMOTIONAL, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return Lot.objects.filter(wallet_id=wallet_id, remaining__gt=0).order_by(
        promotional_first, F("expires_at").asc(nulls_last=True), "created_at", "pk"
    )


def expired(wallet_id: int, *, now: datetime) -> QuerySet[Lot]:
    return in_draw_order(wallet_id).filter(expires_at__lte=now)


def draw(lots: Iterable[Lot], *, credits: int) -> dict[int, int]:
    """Take up to `credits` from the lots, in their order: lot id -> taken."""
    drawn: dict[int, int] = {}
    missing = credits
    for lot in lots:
        if missing == 0:
            break
        if taken := _take(lot, at_most=missing):
            drawn[lot.pk] = taken
            missing -= taken
    return drawn


def _take(lot: Lot, *, at_most: int) -> int:
    while taken := min(lot.remaining, at_most):
        rest = Lot.objects.filter(pk=lot.pk, remaining__gte=taken)
        if rest.update(remaining=F("remaining") - taken) == 1:
            return taken
        # Somebody else took from it since we read it. Lots only shrink, so this ends.
        lot.refresh_from_db(fields=["remaining"])
    return 0
