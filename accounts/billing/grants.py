"""Give credits with a reason."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db import transaction

from accounts.billing import credits
from accounts.billing.models import Grant, LotKind
from accounts.models import User

REASON_MAX = 300


@dataclass(frozen=True, slots=True)
class Gift:
    """`key` makes it one gift, however often the form is sent."""

    team_id: int
    credits: int
    kind: LotKind
    expires_at: datetime | None
    reason: str
    key: str


def grant(gift: Gift, *, by: User | None) -> Grant:
    """Deposit and write down why. The same key again finds the first grant.

    Raises credits.ReferenceTaken, ValueError.
    """
    with transaction.atomic():
        entry = credits.deposit(
            gift.team_id,
            credits=gift.credits,
            kind=gift.kind,
            key=f"grant:{gift.key}",
            expires_at=gift.expires_at,
        )
        found, _ = Grant.objects.get_or_create(
            entry=entry, defaults={"reason": gift.reason, "by": by}
        )
        return found


def end_of(day: date) -> datetime:
    """When credits expire whose last day, in UTC, this is."""
    return datetime.combine(day, time.max, tzinfo=UTC)
