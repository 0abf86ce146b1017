"""What people read about credits."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.billing.lots import in_draw_order
from accounts.billing.models import EntryKind, LedgerEntry, LotKind, Wallet
from accounts.viewer import Viewer

_WORDS = {
    EntryKind.DEPOSIT: "Credits added",
    EntryKind.CAPTURE: "Images made",
    EntryKind.EXPIRE: "Credits expired",
    EntryKind.REVERSAL: "Payment returned",
    EntryKind.CORRECTION: "Correction",
    EntryKind.TRANSFER: "Transfer",
}


@dataclass(frozen=True, slots=True)
class Balance:
    """`available` is below zero while a reversal is not covered."""

    balance: int
    held: int

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(frozen=True, slots=True)
class OpenLot:
    kind: str
    remaining: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in words for people. `url` leads to what the credits were spent on."""

    id: int
    at: datetime
    label: str
    note: str
    credits: int
    balance_after: int
    url: str


def balance(team_id: int) -> Balance:
    """Zeros for a team that never had credits: its wallet is made by the first deposit."""
    sums = Wallet.objects.filter(pk=team_id).values_list("balance", "held").first()
    return Balance(*(sums or (0, 0)))


def lots(viewer: Viewer) -> list[OpenLot]:
    """What is left of each deposit, in the order in which it will be spent."""
    return [
        OpenLot(LotKind(lot.kind).label, lot.remaining, lot.expires_at)
        for lot in in_draw_order(viewer.team_id)
    ]


def ledger(viewer: Viewer) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.filter(wallet_id=viewer.team_id)
    return entries.select_related("lot", "grant").order_by("-created_at", "-pk")


def lines(entries: Iterable[LedgerEntry]) -> list[Line]:
    """For entries as `ledger` fetches them."""
    return [
        Line(
            id=entry.pk,
            at=entry.created_at,
            label=_label(entry),
            note=entry.grant.reason if hasattr(entry, "grant") else "",
            credits=entry.amount,
            balance_after=entry.balance_after,
            url=generation_url(entry.reference),
        )
        for entry in entries
    ]


def generation_url(reference: str) -> str:
    """The page of the generation that a capture paid for; empty for every other reference."""
    act, _, public_id = reference.partition(":")
    if act != "capture":
        return ""
    try:
        return f"/g/{uuid.UUID(public_id)}/"
    except ValueError:
        return ""


def _label(entry: LedgerEntry) -> str:
    if entry.kind != EntryKind.DEPOSIT or entry.lot is None:
        return _WORDS[EntryKind(entry.kind)]
    if entry.lot.reference.startswith("welcome:"):
        return "Welcome credits"
    return "Credits given" if hasattr(entry, "grant") else _WORDS[EntryKind.DEPOSIT]
