"""Words for the tests about money: each act in a transaction of its own."""

from datetime import datetime

from django.db import transaction

from accounts.billing import credits
from accounts.billing.models import LedgerEntry, Lot, LotKind, Wallet
from accounts.billing.queries import balance
from accounts.models import Team
from imagestudio.lib.ids import new_id


def give(
    team: Team,
    amount: int,
    *,
    kind: LotKind = LotKind.PAID,
    key: str = "",
    expires_at: datetime | None = None,
) -> Lot:
    key = key or f"gift:{new_id()}"
    with transaction.atomic():
        credits.deposit(team.pk, credits=amount, kind=kind, key=key, expires_at=expires_at)
    return Lot.objects.get(reference=key)


def promise(team: Team, amount: int) -> str:
    """A hold; what comes back is its reference."""
    reference = str(new_id())
    with transaction.atomic():
        credits.hold(team.pk, credits=amount, reference=reference)
    return reference


def capture(reference: str, amount: int) -> None:
    with transaction.atomic():
        credits.capture(reference, credits=amount)


def release(reference: str) -> None:
    with transaction.atomic():
        credits.release(reference)


def spend(team: Team, amount: int) -> str:
    reference = promise(team, amount)
    capture(reference, amount)
    return reference


def expire(now: datetime) -> int:
    with transaction.atomic():
        return credits.expire(now)


def reverse(lot: Lot, amount: int, *, key: str = "") -> LedgerEntry:
    with transaction.atomic():
        return credits.reverse(lot.reference, credits=amount, key=key or str(new_id()))


def sums(team: Team) -> tuple[int, int]:
    """Balance and held."""
    now = balance(team.pk)
    return now.balance, now.held


def debt(team: Team) -> int:
    return Wallet.objects.get(pk=team.pk).debt


def remaining(*lots: Lot) -> list[int]:
    return [Lot.objects.get(pk=lot.pk).remaining for lot in lots]


def movements(team: Team) -> list[tuple[str, int, int]]:
    """Kind, amount and balance after, oldest first."""
    entries = LedgerEntry.objects.filter(wallet_id=team.pk).order_by("number")
    return list(entries.values_list("kind", "amount", "balance_after"))
