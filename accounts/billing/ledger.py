"""Append to a wallet's ledger. Only `credits` calls this, inside its own savepoint."""

from collections.abc import Mapping

from django.db.models import F, Q
from django.utils import timezone

from accounts.billing import chain
from accounts.billing.models import EntryKind, Hold, LedgerEntry, Lot, LotDraw, Wallet


class NotCovered(Exception):
    """The wallet no longer satisfies the condition of the move."""


def move(
    wallet_id: int, *, amount: int, held: int = 0, debt: int = 0, when: Q | None = None
) -> Wallet:
    """Change the wallet's sums and count an entry, which locks its row until the commit.

    The wallet that comes back is therefore the true one. Raises NotCovered.
    """
    moved = Wallet.objects.filter(when or Q(), pk=wallet_id).update(
        balance=F("balance") + amount,
        held=F("held") + held,
        debt=F("debt") + debt,
        entries=F("entries") + 1,
    )
    if moved != 1:
        raise NotCovered
    return Wallet.objects.get(pk=wallet_id)


def enter(
    wallet: Wallet,
    *,
    kind: EntryKind,
    amount: int,
    reference: str,
    hold: Hold | None = None,
    lot: Lot | None = None,
    draws: Mapping[int, int],
) -> LedgerEntry:
    """Write the entry of the move that gave `wallet`; `draws` maps lot ids to credits."""
    link = chain.Link(
        wallet_id=wallet.pk,
        number=wallet.entries,
        kind=kind.value,
        amount=amount,
        balance_after=wallet.balance,
        reference=reference,
        hold_id=hold.pk if hold else None,
        lot_id=lot.pk if lot else None,
        created_at=timezone.now(),
        previous_hash=wallet.head_hash,
    )
    entry = _write(link)
    LotDraw.objects.bulk_create(
        [LotDraw(entry=entry, lot_id=lot_id, credits=taken) for lot_id, taken in draws.items()]
    )
    Wallet.objects.filter(pk=wallet.pk).update(head_hash=entry.hash)
    return entry


def _write(link: chain.Link) -> LedgerEntry:
    return LedgerEntry.objects.create(
        wallet_id=link.wallet_id,
        number=link.number,
        kind=link.kind,
        amount=link.amount,
        balance_after=link.balance_after,
        reference=link.reference,
        hold_id=link.hold_id,
        lot_id=link.lot_id,
        created_at=link.created_at,
        chain_version=chain.VERSION,
        previous_hash=link.previous_hash,
        hash=chain.digest(link),
    )
