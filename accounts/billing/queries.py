"""What people read about credits."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
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


# What the viewer may read of the generations with these public ids.
Teller = Callable[[Viewer, Sequence[uuid.UUID]], Mapping[uuid.UUID, str]]


def _silent(viewer: Viewer, public_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    return {}


_teller: Teller = _silent


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


def tell_captures(teller: Teller) -> None:
    """Name the function that says what captures paid for: money itself knows ids alone."""
    global _teller  # noqa: PLW0603 - one for the process, named once, as the apps get ready
    _teller = teller


def lines(viewer: Viewer, entries: Iterable[LedgerEntry]) -> list[Line]:
    """For entries as `ledger` fetches them."""
    entries = list(entries)
    paid_for = {entry.pk: paid for entry in entries if (paid := captured(entry.reference))}
    told = _teller(viewer, list(paid_for.values())) if paid_for else {}
    return [_line(entry, paid_for.get(entry.pk), told) for entry in entries]


def captured(reference: str) -> uuid.UUID | None:
    """The generation that a capture paid for; None for every other reference."""
    act, _, public_id = reference.partition(":")
    try:
        return uuid.UUID(public_id) if act == "capture" else None
    except ValueError:
        return None


def _line(entry: LedgerEntry, paid: uuid.UUID | None, told: Mapping[uuid.UUID, str]) -> Line:
    reason = entry.grant.reason if hasattr(entry, "grant") else ""
    return Line(
        id=entry.pk,
        at=entry.created_at,
        label=_label(entry),
        note=told.get(paid, "") if paid else reason,
        credits=entry.amount,
        balance_after=entry.balance_after,
        url=f"/g/{paid}/" if paid else "",
    )


def _label(entry: LedgerEntry) -> str:
    if entry.kind != EntryKind.DEPOSIT or entry.lot is None:
        return _WORDS[EntryKind(entry.kind)]
    if entry.lot.reference.startswith("welcome:"):
        return "Welcome credits"
    return "Credits given" if hasattr(entry, "grant") else _WORDS[EntryKind.DEPOSIT]
